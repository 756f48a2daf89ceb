"""Make the walk-throughs' notebooks: FOLDER/walkthrough.py -> walkthrough.ipynb with its pictures (make notebooks).

    python tests/notebooks.py                      all of them
    python tests/notebooks.py microcircuits ...    these folders
"""
import os
import sys
from pathlib import Path

import jupytext
import nbclient

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 1_000_000                       # bytes of a notebook


def make(script):
    """Execute one percent script in a kernel of its own, beside it, and write the notebook. Returns its path."""
    notebook = jupytext.read(script)
    notebook.metadata = {'kernelspec': {'display_name': 'Python 3', 'language': 'python', 'name': 'python3'}}
    nbclient.NotebookClient(notebook, timeout=600, resources={'metadata': {'path': str(script.parent)}}).execute()
    for cell in notebook.cells:
        cell.metadata.pop('execution', None)       # times of the day
    target = script.with_suffix('.ipynb')
    if str(ROOT) in jupytext.writes(notebook, fmt='ipynb'):
        sys.exit(f'{script}: an output shows where this clone lies')
    jupytext.write(notebook, target, fmt='ipynb')
    return target


def main(folders):
    """Make the notebooks of these folders (all if none is named)."""
    os.environ |= {'PYTHONPATH': str(ROOT), 'NUMBA_NUM_THREADS': '1'}
    scripts = [s for s in sorted(ROOT.glob('*/walkthrough*.py')) if not folders or s.parent.name in folders]
    for script in scripts:
        target = make(script)
        size = target.stat().st_size
        print(f'{target.relative_to(ROOT)}: {size / 1000:.0f} kB')
        if size > LIMIT:
            sys.exit(f'{target} is larger than {LIMIT / 1e6:.0f} MB: fewer or smaller pictures')


if __name__ == '__main__':
    main(sys.argv[1:])
