"""The executed notebooks: they hold the text of their scripts, and print the rows that are published now."""
import contextlib
import io
import json

import jupytext
import pytest

from common import ROOT

SCRIPTS = sorted(ROOT.glob('*/walkthrough*.py'))
ROWS = ('rows = ', 'results = ')       # how the lines begin that read the published rows


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda path: f'{path.parent.name}-{path.stem}')
def test_a_notebook_is_its_script_executed(script):
    notebook = jupytext.read(script.with_suffix('.ipynb'))
    cells = [(cell.cell_type, cell.source) for cell in notebook.cells]
    assert cells == [(cell.cell_type, cell.source) for cell in jupytext.read(script).cells], 'make notebooks'
    code = [cell for cell in notebook.cells if cell.cell_type == 'code']
    assert all(cell.execution_count for cell in code)
    assert not [output for cell in code for output in cell.outputs if output.output_type == 'error']


@pytest.mark.parametrize('folder', ['across', 'impression_learning', 'task_plasticity'])
def test_printed_rows_are_those_published_now(folder):
    cells = jupytext.read(ROOT / folder / 'walkthrough.ipynb').cells
    cell, = (cell for cell in cells if cell.cell_type == 'code' and 'results.json' in cell.source and 'print(' in cell.source)
    lines = cell.source.split('\n')
    first = next(i for i, line in enumerate(lines) if line.startswith(ROWS))
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec('\n'.join(lines[first:]), {'json': json, 'ROOT': ROOT})
    assert printed.getvalue(), 'no row printed'
    assert printed.getvalue() in ''.join(output.get('text', '') for output in cell.outputs), f'tests/notebooks.py {folder}'
