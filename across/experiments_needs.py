"""What a synapse must know, rule by rule: each entry of needs.csv points to the line of equations.py that shows it.

    python across/experiments_needs.py              the table as Markdown, with links; it stands in README.md
"""
import ast
import csv
import sys
from pathlib import Path

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from common import ROOT
from reproduction import tables

HERE = Path(globals().get('__file__', 'cell')).resolve().parent


def needs():
    """The entries: [{'rule', 'folder', 'column', 'entry', 'function or class', 'what stands there'}, ...]"""
    with open(HERE / 'needs.csv', encoding='utf-8', newline='') as file:
        return list(csv.DictReader(file))


def line(folder, name, text):
    """Number of the first line of a function or class of FOLDER/equations.py that holds `text`; ValueError if there is none."""
    source = (ROOT / folder / 'equations.py').read_text(encoding='utf-8')
    for node in ast.walk(ast.parse(source)):
        if getattr(node, 'name', None) == name:
            for number in range(node.lineno, node.end_lineno + 1):
                if text in source.splitlines()[number - 1]:
                    return number
    raise ValueError(f'{folder}/equations.py, {name}: there is no line with {text!r}')


def table():
    """The table as Markdown, a row a rule."""
    entries = needs()
    columns = list(dict.fromkeys(e['column'] for e in entries))
    lines = []
    for rule in dict.fromkeys(e['rule'] for e in entries):
        own = {e['column']: e for e in entries if e['rule'] == rule}
        numbers = {c: line(e['folder'], e['function or class'], e['what stands there']) for c, e in own.items()}
        lines.append([rule, *(f'[{own[c]["entry"]}](../{own[c]["folder"]}/equations.py#L{numbers[c]})' for c in columns)])
    return tables.table(['', *columns], lines)


if __name__ == '__main__':
    print(__doc__ if {'-h', '--help'} & set(sys.argv) else table())
