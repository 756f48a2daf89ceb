"""The report of reproduce.py: figures/report.html, one page that is complete in itself (its template: report.html)."""
import base64
import json
import re
from pathlib import Path

import jinja2

from common import ROOT, figures
from common.data import content_digest
from common.results import write_atomically
from reproduction.claims import all_claims
from reproduction.evidence import band, groups, number, ours

PUBLISHED = ROOT / 'figures' / 'published'
VERDICTS = ('pass', 'miss', 'no band', 'not run')
COLUMNS = ('folder', 'mode', 'figure', 'quantity', 'paper', 'ours', 'interval', 'n', 'band', 'verdict', 'level')


def read_rows(path=None):
    """The rows of the last run ([] if there is none)."""
    path = path or figures.FIGURES / 'results.json'
    try:
        rows = json.loads(path.read_text()) if path.exists() else []
        if not (isinstance(rows, list) and all(isinstance(row, dict) and row.keys() >= set(COLUMNS) for row in rows)):
            raise ValueError('no list of rows')
        if not all((ROOT / str(row['folder']) / 'experiments.py').exists() for row in rows):
            raise ValueError('rows of a folder that is not here')
        return rows
    except (ValueError, OSError) as error:
        raise ValueError(f'{path} is damaged ({error}); move it away, and reproduce.py writes it again from the finished runs'
                         ) from error


def picture(row):
    """The PNG of a row's figure as base64 text: that of the run which made the row (not what was drawn over it since), or the
    published one; None if there is neither."""
    place = figures.FIGURES / row['folder'] / f'{row["figure"]}.png'
    if place.exists() and content_digest(place) != row.get('picture'):
        return None
    place = place if place.exists() else PUBLISHED / f'{row["folder"]}_{row["figure"]}.png'
    return base64.b64encode(place.read_bytes()).decode() if place.exists() else None


def columns(rows):
    """{heading: text of a row} of a table; columns in which nobody has a number are left out."""
    cells = {'paper': lambda row: number(row['paper']), 'released program': lambda row: number(row['released']), 'ours': ours,
             '95 % interval': interval, 'n': lambda row: str(row['n']), 'band': band}
    return {name: cell for name, cell in cells.items() if name in ('ours', 'n') or any(cell(row) != '–' for row in rows)}


def interval(row):
    """'low .. high' of the interval of a finished row."""
    ends = row.get('interval')
    return f'{number(ends[0])} .. {number(ends[1])}' if ends else '–'


def anchor(row):
    """Name of an experiment's place on the page."""
    return re.sub(r'[^\w-]+', '-', f'{row["folder"]}-{row["mode"]}-{row["figure"]}')


def section(key, rows):
    """What the template shows of one experiment."""
    folder, mode, figure = key
    judged = [row for row in rows if row['quantity'] != 'figure only']
    remarks = [[text for text in (row['setting'] if row['setting'] != 'default' else '', row['note'] or '') if text]
               for row in judged]
    return {'id': anchor(rows[0]), 'title': mode + (f' – {figure}' if figure else ''), 'first': rows[0],
            'picture': picture(rows[0]) if rows[0]['verdict'] != 'not run' else None, 'figure': figure,
            'rows': list(zip(judged, remarks, strict=True)), 'columns': columns(judged), 'tally': tally(judged)}


def tally(rows):
    """'3 pass, 1 miss' of finished rows."""
    counts = {word: sum(row['verdict'] == word for row in rows) for word in VERDICTS}
    return ', '.join(f'{n} {word}' for word, n in counts.items() if n)


def overview(name, rows):
    """One line of the overview: a paper's counts and CPU seconds."""
    judged = [row for row in rows if row['quantity'] != 'figure only']
    seconds = sum(some[0]['seconds'] or 0 for some in groups(rows).values())
    return {'name': name, 'counts': [sum(row['verdict'] == word for row in judged) for word in VERDICTS], 'seconds': seconds,
            'figures_only': len(rows) - len(judged)}


def claims_of(names, rows):
    """{folder: [(words, verdict, limits, place of the first row that decides it, or None)]}: what the papers claim."""
    judged = all_claims(rows)
    return {name: [(claim.words, claim.verdict, claim.limits, anchor(claim.shown[0][0]) if claim.shown else None)
                   for claim in judged if claim.folder == name] for name in names}


def write(rows, papers):
    """figures/report.html, complete in one file. papers: {folder: citation}. Returns its path."""
    names = list(dict.fromkeys(row['folder'] for row in rows))
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    judged = [row['verdict'] for row in rows if row['verdict'] in ('pass', 'miss')]
    text = environment.get_template('report.html').render(
        names=names, papers={name: papers.get(name, name) for name in names}, verdicts=VERDICTS,
        overview=[overview(name, [row for row in rows if row['folder'] == name]) for name in names],
        misses=[(anchor(row), row) for row in rows if row['verdict'] == 'miss'],
        shortened=[name for name in names if any(row['folder'] == name and row['level'] == 'quick' for row in rows)],
        headline=[name for name in names if any(row['folder'] == name and row['level'] == 'headline' for row in rows)],
        passed=judged.count('pass'), judged=len(judged), others=len(rows) - len(judged), ours=ours, band=band,
        claims={} if any(row['level'] == 'quick' for row in rows) else claims_of(names, rows),
        sections={name: [section(key, some) for key, some in groups(rows).items() if key[0] == name] for name in names})
    return write_atomically(figures.FIGURES / 'report.html', lambda file: file.write(text.encode()))
