"""The front page, CLAIMS.md and the published pages: written from rows, complete, and no number that no row holds."""
import json
import math
import re

import numpy as np
import pytest
from PIL import Image
from row_cases import finished

from common import ROOT
from reproduction import claims, front, report, strip
from reproduction.evidence import number
from reproduction.experiments import PAPERS
from reproduction.publish import small_picture
from reproduction.report import PUBLISHED, read_rows
from reproduction.tables import main_table, page

ROWS = read_rows(PUBLISHED / 'results.json')
README = (ROOT / 'README.md').read_text(encoding='utf-8')
BLOCKS = {'bands': front.bands, 'papers': front.papers, 'findings': front.findings}


def block(name, text=README):
    """What stands between the marks of a block."""
    return re.search(f'<!-- {name} -->\n(.*?)\n<!-- /{name} -->', text, re.S)[1]


# ---------------------------------------------------------------- what is committed is what the rows say

@pytest.mark.parametrize('name', BLOCKS)
def test_the_front_page_is_written_from_the_published_rows(name):
    assert block(name) == BLOCKS[name](ROWS), 'python -m reproduction.publish writes the pages again'


def test_what_holds_stands_in_the_readmes_of_the_folders():
    judged = claims.all_claims(ROWS)
    for folder in claims.read('papers'):
        assert block('holds', (ROOT / folder / 'README.md').read_text(encoding='utf-8')) == front.holds(folder, judged)


def test_tables_of_one_figure_are_filled_in(tmp_path, monkeypatch):
    monkeypatch.setattr(front, 'read', lambda name: {} if name == 'claims' else {'f': {}})
    monkeypatch.setattr(front, 'claims_page', lambda rows: '')
    for name in ('papers', 'findings'):
        monkeypatch.setattr(front, name, lambda rows: '')
    (tmp_path / 'f').mkdir()
    marks = '<!-- rows fig -->\n<!-- /rows fig -->\n<!-- rows other -->\n<!-- /rows other -->'
    (tmp_path / 'f' / 'README.md').write_text(marks)
    front.write([finished(band=[0, 2])], tmp_path)
    text = (tmp_path / 'f' / 'README.md').read_text()
    assert '| q | 1 ± 0.1 | 10 | 0 .. 2 | no band |' in text and text.endswith('<!-- rows other -->\n<!-- /rows other -->')


def test_paired_comparisons_show_difference_and_p():
    rows = [finished(0.5, 0.1, quantity='a - b: difference', figure=None, mode='claims'),
            finished(0.001, None, quantity='a - b: p of the paired t test', figure=None, mode='claims')]
    assert '| a - b | 0.50 [0.27, 0.73] | 0.001 | 10 |' in front.paired(rows)
    assert front.paired(rows[1:]) == 'Not published yet.'


def test_the_report_lists_what_the_papers_claim():
    found = report.claims_of(list(PAPERS), ROWS)
    assert sum(map(len, found.values())) == len(claims.all_claims(ROWS))
    places = {report.anchor(row) for row in ROWS}
    assert all(place is None or place in places for lines in found.values() for *_, place in lines)


def test_claims_results_and_pages_are_written_from_the_published_rows():
    assert (ROOT / 'CLAIMS.md').read_text(encoding='utf-8') == front.claims_page(ROWS)
    assert block('results', (ROOT / 'docs' / 'results.md').read_text(encoding='utf-8')) == main_table(ROWS, PAPERS)
    for folder in {row['folder'] for row in ROWS}:
        text = page(folder, [row for row in ROWS if row['folder'] == folder], PAPERS)
        assert (PUBLISHED / f'{folder}.md').read_text(encoding='utf-8') == text


def numbers_of(text):
    """The numbers in a text for people, without those in link targets, code, names of figures and dates."""
    figures = r'Fig\. \d[a-f\d, –]*|f(ig_)?\d\w*'
    for nothing in (r'\]\([^)]*\)', r'`[^`]*`', figures, r'\d{4}-\d{2}-\d{2}'):
        text = re.sub(nothing, ' ', text)
    return re.findall(r'(?<![\w.])-?\d+(?:\.\d+)?(?:e-?\d+)?', text)


def known_numbers():
    """Every number that a row, its words, a measured ratio or a count of rows and claims gives, as text."""
    found = set()
    for row in ROWS:
        low, high = claims.ends(row) if row['ours'] is not None else (None, None)
        for value in (row['ours'], row['paper'], row['released'], row['sem'], row['n'], low, high):
            found |= {number(value, digits) for digits in (2, 3, 4)}
            found |= {f'{round(value, places):.{max(places, 0)}f}' for places in range(-4, 7) if value is not None}
        found |= set(numbers_of(f'{row["quantity"]} {row["mode"]}'))
        if row['ours'] and row['ours'] > 0:
            found.add(str(round(math.log10(row['ours']))))
    for row in json.loads((ROOT / 'benchmarks' / 'released_speed.json').read_text())['rows']:
        found |= {f'{row[name]:.3g}' for name in ('ratio', 'ratio_min', 'ratio_max') if row[name]}
    judged = [row['verdict'] for row in ROWS if row['verdict'] in ('pass', 'miss')]
    found |= {str(n) for n in (len(judged), judged.count('pass'), judged.count('miss'))}
    found |= {str(sum(row['verdict'] in ('pass', 'miss') and 'legacy' in row['setting'] for row in ROWS)),
              str(sum(row['verdict'] == 'no band' and row['ours'] is not None for row in ROWS))}
    verdicts = [(c.folder, c.verdict) for c in claims.all_claims(ROWS)]
    found |= {str(verdicts.count(one)) for one in verdicts} | {str([v for _, v in verdicts].count(v)) for _, v in verdicts}
    found |= {str(len(rows)) for claim in claims.all_claims(ROWS) for rows in claim.shown}
    found |= {text for claim in claims.all_claims(ROWS) for rule in claim.rules for text in numbers_of(rule)}
    return found | {'95'}


def without_citations(text):
    for paper in claims.read('papers').values():
        text = text.replace(paper['short'], '').replace(paper['title'], '')
    return text


@pytest.mark.parametrize('name', [*BLOCKS, 'CLAIMS.md'])
def test_every_number_is_found_in_a_row(name):
    text = without_citations((ROOT / name).read_text(encoding='utf-8') if name == 'CLAIMS.md' else block(name))
    text = re.sub(r'^\d+\. ', '', text, flags=re.M)                      # the findings are numbered
    found, known = numbers_of(text), known_numbers()
    assert len(found) > 2 and not set(found) - known, sorted(set(found) - known)


def test_free_prose_of_the_front_page_holds_no_number():
    prose = README
    for name in (*BLOCKS, 'commands'):
        prose = prose.replace(block(name), '')
    prose = re.sub(r'^    .*$', '', prose, flags=re.M).replace('95 % interval', '').replace('Python 3.11', '')
    assert not numbers_of(prose)


def test_the_front_page_is_short_and_its_picture_light():
    assert len(README.splitlines()) <= 120
    assert (PUBLISHED / 'strip.png').stat().st_size <= 150_000
    picture = Image.open(PUBLISHED / 'strip.png').convert('RGBA')
    assert picture.width > 3 * picture.height and np.asarray(picture)[0].min() == 255       # opaque and white: dark pages too


def test_every_link_of_the_pages_leads_somewhere():
    pages = [ROOT / name for name in ('README.md', 'CLAIMS.md', 'CONTRIBUTING.md')]
    unpublished = set(PAPERS) - {row['folder'] for row in ROWS}            # their pictures are still to come
    pages += [path for path in ROOT.glob('*/README.md') if path.parent.name not in unpublished]
    pages += [*(ROOT / 'docs').glob('*.md'), *PUBLISHED.glob('*.md')]
    lost, links = [], 0
    for file in pages:
        for target in re.findall(r'\]\(([^)\s]+)\)', re.sub(r'```.*?```', '', file.read_text(encoding='utf-8'), flags=re.S)):
            if target.startswith('http'):
                continue
            path, _, place = target.partition('#')
            there = file.parent / path if path else file
            links += 1
            if not there.exists():
                lost.append(f'{file.name}: {target}')
            elif re.fullmatch(r'L\d+', place):                           # a line of a program
                lost += [f'{file.name}: {target}'] if int(place[1:]) > len(there.read_text().splitlines()) else []
            elif place:
                text = there.read_text(encoding='utf-8')
                headings = re.findall(r'^#+ (.*)$', text, re.M)
                slugs = {re.sub(r'[^\w -]', '', h.lower()).replace(' ', '-') for h in headings}
                if f'id="{place}"' not in text and place not in slugs:
                    lost.append(f'{file.name}: {target}')
    assert links > 100 and not lost, lost


def test_every_row_of_a_table_has_as_many_cells_as_its_heading():
    pages = [ROOT / 'README.md', ROOT / 'CLAIMS.md', ROOT / 'tests' / 'reference' / 'README.md']
    pages += [*ROOT.glob('*/README.md'), *(ROOT / 'docs').glob('*.md'), *PUBLISHED.glob('*.md')]
    rows = 0
    for file in pages:
        width, code = None, False
        for line in file.read_text(encoding='utf-8').splitlines():
            code ^= line.startswith('```')
            cells = None if code or not line.startswith('|') else len(re.findall(r'(?<!\\)\|', line)) - 1
            assert None in (cells, width) or cells == width, f'{file}: {line}'
            width, rows = cells, rows + (cells is not None)
    assert rows > 500


# ---------------------------------------------------------------- blocks, strip, pictures

def test_a_finding_without_its_rows_is_left_out():
    assert front.findings([]) == ''
    with pytest.raises(front.Missing):
        front.lookup([], 'f', {'quantity': 'q'})


def test_the_strip_draws_what_is_there(tmp_path):
    for rows in ([], ROWS):
        drawn = strip.draw(rows, tmp_path)
        assert len(drawn.axes) == 5 and all(ax.get_xlabel() and ax.get_ylabel() for ax in drawn.axes)
    points = drawn.axes[0].containers[0].lines[0].get_xydata()
    rows = claims.find(ROWS, {'figure': 'fig_3', 'quantity': 'correlation wake – alternating, phase of *'})
    np.testing.assert_allclose(points[:, 1], [row['ours'] for row in rows])
    np.testing.assert_allclose(points[:, 0], [int(re.findall(r'\d+', row['quantity'])[-1]) for row in rows])


def test_a_small_picture_keeps_its_colours(tmp_path):
    """A smooth gradient of two colours has thousands of shades: with 128 or 256 colours it shows steps."""
    x, y = np.meshgrid(np.linspace(0, 255, 900), np.linspace(0, 85, 300))
    gradient = np.stack([x, y, np.full_like(x, 90)], axis=2).astype(np.uint8)
    Image.fromarray(gradient).save(tmp_path / 'a.png')
    small_picture(tmp_path / 'a.png', tmp_path / 'b.png')
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / 'b.png').convert('RGB')), gradient)


def test_a_picture_that_stays_too_large_gets_fewer_colours_or_pixels(tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (500, 900, 3), dtype=np.uint8)).save(tmp_path / 'a.png')
    small_picture(tmp_path / 'a.png', tmp_path / 'b.png')
    assert (tmp_path / 'b.png').stat().st_size <= 150_000 < (tmp_path / 'a.png').stat().st_size
