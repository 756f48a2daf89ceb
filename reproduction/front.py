"""The front page, CLAIMS.md and docs/results.md: everything in them that comes from rows."""
import json
import math

import jinja2

from common import ROOT
from common.results import write_atomically
from reproduction.claims import VERDICTS, all_claims, ends, find, read
from reproduction.evidence import number, unjudged
from reproduction.tables import anchor, fill, markdown, rows_table, table

PAGES = 'figures/published'


class Missing(Exception):
    """A row that is not published yet."""


def link(row):
    """Where the row stands on the published pages, seen from the root."""
    return f'{PAGES}/{row["folder"]}.md#{anchor(row)}'


def value(row, digits=4):
    """'ours [low, high]' of a finished row, all with the digits that its 95 % interval warrants: one of the way to its nearer
    end, two if that begins with 1 to 3; without an interval `digits`."""
    low, high = ends(row) if row['ours'] is not None else (None, None)
    if low == high:
        return number(row['ours'], digits)
    half = min(row['ours'] - low, high - row['ours']) or (high - low) / 2
    power = math.floor(math.log10(half))
    places = (half < 4 * 10 ** power) - power
    if places > 6 or max(abs(low), abs(high)) >= 1e7:
        return f'{number(row["ours"], digits)} [{number(low, 3)}, {number(high, 3)}]'
    return '{} [{}, {}]'.format(*(f'{round(x, places):.{max(places, 0)}f}' for x in (row['ours'], low, high)))


# ---------------------------------------------------------------- blocks of the front page

def bands(rows):
    """'N of M numbers lie in their bands; these K do not: ...'"""
    judged = [row for row in rows if row['verdict'] in ('pass', 'miss')]
    misses = [row for row in judged if row['verdict'] == 'miss']
    text = f'**{len(judged) - len(misses)} of {len(judged)} numbers lie in their bands'
    if misses:
        named = (f'[{row["folder"].replace("_", " ")}: {row["quantity"]}]({link(row)})' for row in misses)
        text += f'; {f"these {len(misses)} do" if len(misses) > 1 else "one does"} not:** ' + '; '.join(named) + '.'
    else:
        text += '.**'
    replays = sum('legacy' in row['setting'] for row in judged)
    return (text + f' {replays} of the judged are replays (seeds and random numbers of a released program). '
            f'{unjudged(rows)} more are reported without a band. A band is where a number had to lie, set beforehand, with '
            '[these exceptions](docs/results.md#what-is-a-band).')


def tally(claims):
    """'holds: 7; holds with a limit: 4; ...' of judged claims."""
    counts = {verdict: sum(claim.verdict == verdict for claim in claims) for verdict in VERDICTS}
    return '; '.join(f'{verdict}: {n}' for verdict, n in counts.items() if n)


def speed(folder, paper):
    """'24× (21–28)' and what it is a ratio of, from benchmarks/released_speed.json."""
    for row in json.loads((ROOT / 'benchmarks' / 'released_speed.json').read_text())['rows']:
        if row['folder'] == folder and row['kernel'] == paper['speed']['kernel']:
            low_high = f' ({row["ratio_min"]:.3g}–{row["ratio_max"]:.3g})' if row['ratio_min'] else ''
            return f'{row["ratio"]:.3g}×{low_high}, {paper["speed"]["words"]}'
    return '–'


def headline(rows, paper):
    """'what: 0.894 → 0.893 [0.884, 0.902]' of a paper's headline rows; rows that are not published yet are left out. Where the
    paper prints no number the released program's stands there, called so."""
    lines = []
    for wanted in paper['headline']:
        for row in find(rows, wanted):
            runs = ' (one run)' if row['n'] == 1 else ''
            known = f'{number(row["released"], 3)} (program)' if row['paper'] is None else number(row['paper'], 3)
            lines.append(f'[{wanted["words"]}]({link(row)}): {known} → {value(row, 3)}{runs}')
    return '<br>'.join(lines) or '–'


def commands():
    """The commands with which one begins, each with what it costs (benchmarks/first_run.json)."""
    found = json.loads((ROOT / 'benchmarks' / 'first_run.json').read_text())
    core, full, quick, run, test = (found[name] for name in ('core', 'full', 'quick', 'reproduce', 'test'))
    return table(['command', 'what it does', 'measured'], [
        ['`make reproduce ARGS=--quick`', 'every paper in short form: does it work here?',
         f'{core["install"]} to install ({core["packages"]} packages, {core["size"]}), then {quick["time"]} with nothing '
         f'compiled; {quick["machine"]}, {quick["date"]}'],
        ['`make reproduce`', 'the headline figures at full scale', f'{run["time"]}; {run["machine"]}, {run["date"]}'],
        ['`make test`', 'all tests but the slow ones',
         f'{full["install"]} to install ({full["packages"]} packages, {full["size"]} with the CPU build of torch), then '
         f'{test["time"]} for {test["tests"]} tests; {test["machine"]}, {test["date"]}']])


def compilation():
    """CPU seconds of the shortest runs: nothing compiled, after an edit, compiled (benchmarks/first_run.json)."""
    found = json.loads((ROOT / 'benchmarks' / 'first_run.json').read_text())['cpu']
    lines = [[row['what'], f'{row["cold"]:.0f} s', f'{row["after_edit"]:.0f} s ({row["edited"]})', f'{row["warm"]:.1f} s']
             for row in found['rows']]
    return table(['run', 'nothing compiled', 'after an edit', 'compiled'], lines) + f'\n\n{found["machine"]}; {found["date"]}.'


def papers(rows):
    """The table of the five papers."""
    claims, lines = all_claims(rows), []
    for folder, paper in read('papers').items():
        own = [row for row in rows if row['folder'] == folder]
        program = f', [code]({paper["code"]})' if 'code' in paper else ''
        notebooks = ', '.join(f'[{name}]({folder}/{file})' for name, file in paper['notebooks'].items())
        lines.append([f'[{paper["short"]}]({paper["link"]}){program}', paper['claim'],
                      f'[{tally([c for c in claims if c.folder == folder])}](CLAIMS.md#{folder})', headline(own, paper),
                      speed(folder, paper), f'[folder]({folder}/README.md), {notebooks}, [all rows]({PAGES}/{folder}.md)'])
    headings = ['paper', 'claim', 'does it hold?', 'published (program: measured with the released one) → ours [95 %]',
                'faster than the released program', 'read']
    return table(headings, lines)


def lookup(rows, folder, wanted):
    """The one published row of a folder with this {'quantity', 'figure', 'setting'}; Missing if there is none."""
    found = find([row for row in rows if row['folder'] == folder], wanted)
    if len(found) != 1 or found[0]['ours'] is None:
        raise Missing(f'{folder}: {wanted}')
    return found[0]


def finding(one, rows):
    """A finding as a line of the front page, linked to its figure and rows; Missing if a row is not published yet."""
    def of(text):
        return lambda quantity, figure=one['figure']: text(lookup(rows, one['folder'], {
            'quantity': quantity, 'figure': figure}))
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
    environment.filters |= {
        'ours': of(lambda row: number(row['ours'])), 'ends': of(value), 'paper': of(lambda row: number(row['paper'])),
        'released': of(lambda row: number(row['released'])), 'orders': of(lambda row: str(round(math.log10(row['ours']))))}
    first = next(row for row in rows if row['folder'] == one['folder'] and one['figure'] in (row['figure'], row['mode']))
    picture = f'{PAGES}/{one["folder"]}_{first["figure"]}.png'
    shown = f'[figure]({picture}), ' if first['figure'] and (ROOT / picture).exists() else ''
    return f'{environment.from_string(one["words"]).render()} ({shown}[rows]({link(first)})).'


def findings(rows):
    """The findings whose rows are published, as a numbered list."""
    lines = []
    for one in read('findings')['findings']:
        try:
            lines.append(finding(one, rows))
        except (Missing, StopIteration):
            continue
    return '\n'.join(f'{i}. {line}' for i, line in enumerate(lines, 1))


def holds(folder, claims):
    """What holds of a paper, for its folder's README: one line a claim."""
    own = [claim for claim in claims if claim.folder == folder]
    lines = [f'* **{claim.verdict}**: {claim.words}' + (f' *{"; ".join(claim.limits)}.*' if claim.limits else '')
             for claim in own]
    place = f'The numbers that decide each: [CLAIMS.md](../CLAIMS.md#{folder}).'
    return '\n'.join([*lines, '', f'{tally(own).capitalize()}. {place}'])


def paired(rows):
    """Table of paired comparisons: rows named '...: difference' with the p of their '...: p of the paired t test'."""
    lines = []
    for row in rows:
        what = row['quantity'].removesuffix(': difference')
        if what != row['quantity']:
            p = find(rows, {'figure': row['mode'], 'quantity': f'{what}: p of the paired t test'})
            lines.append([markdown(what), value(row), number(p[0]['ours'], 2) if p else '–', str(row['n'])])
    return table(['compared', 'difference [95 %]', 'p (paired t)', 'n'], lines) if lines else 'Not published yet.'


# ---------------------------------------------------------------- CLAIMS.md

def effect(claim):
    """What decides a claim: every row, or the range of a long series of rows."""
    def name(row):
        elsewhere = f'{row["folder"]}: ' if row['folder'] != claim.folder else ''
        return elsewhere + markdown(row['quantity']) + (' (replay)' if 'legacy' in row['setting'] else '')
    lines = []
    for found, rule in zip(claim.shown, claim.rules, strict=True):
        rule = f' ({rule})' if rule else ''
        numbers = [row for row in found if row['ours'] is not None]
        if len(numbers) > 4:
            low, high = min(numbers, key=lambda row: row['ours']), max(numbers, key=lambda row: row['ours'])
            lines.append(f'{len(found)} rows from {name(low)}: {value(low)} to {name(high)}: '
                         f'{value(high)}, n = {min(row["n"] for row in found)}{rule}')
        else:
            lines += [f'{name(row)}: {value(row)}, n = {row["n"]}{rule}' for row in found]
    return '<br>'.join(lines)


def write(rows, root):
    """Fill the front page's blocks, CLAIMS.md, docs/results.md and the strip below `root`."""
    for name, text in (('bands', bands), ('papers', papers), ('findings', findings)):
        fill(root / 'README.md', name, text(rows))
    fill(root / 'README.md', 'commands', commands())
    fill(root / 'docs' / 'speed.md', 'compilation', compilation())
    judged = all_claims(rows)
    for folder in read('papers'):
        path, own = root / folder / 'README.md', [row for row in rows if row['folder'] == folder]
        fill(path, 'holds', holds(folder, judged))
        fill(path, 'paired', paired(own))
        for figure in dict.fromkeys(row['figure'] for row in own):           # a table of one figure: <!-- rows fig_1 -->
            fill(path, f'rows {figure}', rows_table([row for row in own if row['figure'] == figure]))
    write_atomically(root / 'CLAIMS.md', lambda file: file.write(claims_page(rows).encode()))


def claims_page(rows):
    """CLAIMS.md."""
    loader = jinja2.FileSystemLoader(ROOT / 'reproduction')
    environment = jinja2.Environment(loader=loader, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {'cell': markdown, 'effect': effect}
    judged = all_claims(rows)
    return environment.get_template('CLAIMS.md.jinja').render(
        papers=read('papers'), claims=judged, tally=tally, pages=PAGES, link=link) + '\n'
