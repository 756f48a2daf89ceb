"""The report of reproduce.py (figures/report.html), and the published tables of the READMEs."""
import base64
import html
import io
import json
import shutil
import sys

from common import FIGURES, ROOT, write_atomically

PUBLISHED = ROOT / 'figures' / 'published'
STYLE = '''
:root { color-scheme: light dark; --ink: #1b1b1b; --paper: #fdfdfb; --line: #d5d3cc; --soft: #5c5c58;
        --good: #17693f; --bad: #a3271b; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e6e1; --paper: #181817; --line: #3d3c39; --soft: #a9a7a0; --good: #6fcf97; --bad: #ff8a7a; } }
body { margin: 0 auto; padding: 1rem; max-width: 62rem; background: var(--paper); color: var(--ink);
       font: 1rem/1.5 Georgia, 'Times New Roman', serif; }
h1, h2, h3 { line-height: 1.2; }
h2 { margin-top: 3rem; border-bottom: 1px solid var(--line); }
h3 { margin-top: 2rem; }
img { width: 100%; height: auto; background: #fff; border-radius: 4px; }
figure { margin: 1rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top;
         font-weight: normal; }
thead th { font-weight: bold; }
td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.pass { color: var(--good); font-weight: bold; }
.miss { color: var(--bad); font-weight: bold; }
.soft, figcaption { color: var(--soft); }
code { font-size: .85em; overflow-wrap: anywhere; }
a { color: inherit; }
a:focus-visible { outline: 2px solid; outline-offset: 2px; }
.skip { position: absolute; left: -99rem; }
.skip:focus { position: static; }
@media (max-width: 44rem) {
  thead { position: absolute; left: -99rem; }
  tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--line); }
  th, td, td.number { display: flex; justify-content: space-between; gap: 1rem; padding: .1rem 0; border: 0;
                       text-align: right; }
  tbody th { display: block; text-align: left; font-size: 1rem; }
  td::before { content: attr(data-name); color: var(--soft); font-weight: normal; } }
'''


def number(value, digits=4):
    """A number for people: `digits` significant digits, whole from 10^digits on, powers of ten below 0.001 and from 10^7 on."""
    if value is None:
        return '–'
    if 10 ** digits <= abs(value) < 1e7:
        return f'{value:.0f}'
    if value == 0 or 1e-3 <= abs(value) < 10 ** digits:
        return f'{float(f"{value:.{digits}g}"):g}'
    figures, power = f'{value:.{digits - 1}e}'.split('e')
    return f'{figures.rstrip("0").rstrip(".") if "." in figures else figures}e{int(power)}'


def ours(row):
    """'mean ± s.e.m.'"""
    return number(row['ours']) + (f' ± {number(row["sem"], 2)}' if row['sem'] is not None else '')


def published(row):
    """The paper's number, or the released program's where the paper has none."""
    return number(row['released'] if row['paper'] is None else row['paper'])


def band(row):
    """'low .. high', open ends as inequalities."""
    if row['band'] is None:
        return '–'
    low, high = row['band']
    return f'≥ {number(low)}' if high is None else f'≤ {number(high)}' if low is None else f'{number(low)} .. {number(high)}'


def row(quantity, value, paper=None, released=None, band=None, setting='default', main=False, note=None, quick_band=None,
        median=False):
    """One line of an experiment's table.

    value: function of the runs [(meta, arrays), ...] that gives one number a seed (list) or one statistic (float); paper,
    released: the paper's and the released program's number; band: (low, high) in which ours must lie, None for an open end;
    main: shown on the front page too; median: judge the median over seeds, not the mean.
    """
    return {'quantity': quantity, 'value': value, 'paper': paper, 'released': released, 'band': band, 'setting': setting,
            'main': main, 'note': note, 'quick_band': quick_band, 'median': median}


def read_rows(path=None):
    """The rows of the last run ([] if there is none)."""
    path = path or FIGURES / 'results.json'
    return json.loads(path.read_text()) if path.exists() else []


def table(rows):
    """The rows of one experiment as an HTML table; columns in which nobody has a number are left out."""
    columns = {'paper': lambda row: number(row['paper']), 'released program': lambda row: number(row['released']),
               'ours': ours, 'n': lambda row: str(row['n']), 'band': band}
    columns = {name: cell for name, cell in columns.items() if name in ('ours', 'n') or any(cell(row) != '–' for row in rows)}
    lines = []
    for row in rows:
        remarks = [row['setting']] if row['setting'] != 'default' else []
        remarks += [row['note']] if row['note'] else []
        remark = f'<br><span class="soft">{html.escape("; ".join(remarks))}</span>' if remarks else ''
        cells = ''.join(f'<td class="number" data-name="{name}">{cell(row)}</td>' for name, cell in columns.items())
        lines.append(f'<tr><th scope="row">{html.escape(row["quantity"])}{remark}</th>{cells}'
                     f'<td class="{row["verdict"].replace(" ", "-")}" data-name="verdict">{row["verdict"]}</td></tr>')
    heads = ''.join(f'<th scope="col" class="number">{name}</th>' for name in columns)
    return (f'<table><thead><tr><th scope="col">quantity</th>{heads}<th scope="col">verdict</th></tr></thead>'
            f'<tbody>{"".join(lines)}</tbody></table>')


def anchor(row):
    """Name of an experiment's place in the report."""
    return f'{row["folder"]}-{row["figure"] or row["mode"]}'.replace(' ', '').replace(',', '-')


def picture(folder, figure):
    """The PNG of a figure: of the last run, or the published one; None if there is neither."""
    places = FIGURES / folder / f'{figure}.png', PUBLISHED / f'{folder}_{figure}.png'
    return next((path for path in places if path.exists()), None)


def section(folder, figure, rows):
    """Picture, claim, numbers, time and command of one experiment."""
    first = rows[0]
    path = picture(folder, figure)
    judged = [row for row in rows if row['quantity'] != 'figure only']
    title = html.escape(first['mode'] + (f' – {figure}' if figure else ''))
    parts = [f'<section id="{anchor(first)}"><h3>{title}</h3><p>{html.escape(first["claim"])}</p>']
    if path and first['verdict'] != 'not run':
        content = base64.b64encode(path.read_bytes()).decode()
        alt = html.escape(f'{folder}, {figure}: {first["claim"]}')
        parts.append(f'<figure><img alt="{alt}" src="data:image/png;base64,{content}">'
                     + (f'<figcaption>Stand-in data: {first["standin"]}</figcaption>' if first['standin'] else '')
                     + '</figure>')
    if judged:
        parts.append(table(judged))
    if first['verdict'] == 'not run':
        parts.append(f'<p class="miss">{html.escape(first["note"])}</p>')
    if first['seconds'] is not None:
        parts.append(f'<p class="soft">{first["seconds"]:.0f} s of one core, {first["hardware"]}, {first["date"]}; '
                     f'<code>{html.escape(first["command"])}</code></p>')
    return '\n'.join(parts) + '</section>'


def groups(rows):
    """Rows of one experiment together: {(folder, mode, figure): rows}."""
    found = {}
    for row in rows:
        found.setdefault((row['folder'], row['mode'], row['figure']), []).append(row)
    return found


def overview(rows, papers):
    """One line a paper: how many numbers are in their bands, the time; then the misses, each with a link."""
    lines, words = [], ('pass', 'miss', 'no band', 'not run')
    for name in dict.fromkeys(row['folder'] for row in rows):
        own = [row for row in rows if row['folder'] == name and row['quantity'] != 'figure only']
        counts = ''.join(f'<td class="number" data-name="{word}">{sum(row["verdict"] == word for row in own)}</td>'
                         for word in words)
        runs = {key: some[0]['seconds'] or 0 for key, some in groups(own).items()}
        lines.append(f'<tr><th scope="row"><a href="#{name}">{html.escape(papers.get(name, name))}</a></th>{counts}'
                     f'<td class="number" data-name="CPU seconds">{sum(runs.values()):.0f}</td></tr>')
    heads = ''.join(f'<th scope="col" class="number">{word}</th>' for word in (*words, 'CPU seconds'))
    misses = ''.join(f'<li><a href="#{anchor(row)}">{html.escape(row["folder"].replace("_", " "))}: '
                     f'{html.escape(row["quantity"])}</a> – ours {ours(row)}, band {band(row)}. '
                     f'{html.escape(row["note"] or "")}</li>' for row in rows if row['verdict'] == 'miss')
    judged = [row['verdict'] for row in rows if row['verdict'] in ('pass', 'miss')]
    total = f'<p><strong>{judged.count("pass")} of {len(judged)} judged numbers lie in their bands.</strong></p>'
    return (f'{total}<table><thead><tr><th scope="col">paper</th>{heads}</tr></thead><tbody>{"".join(lines)}</tbody></table>'
            + (f'<h2>Outside their bands</h2><ul>{misses}</ul>' if misses else ''))


def write(rows, papers):
    """figures/report.html, complete in one file. papers: {folder: citation}. Returns its path."""
    parts = [f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Reproduction report</title>'
             f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head><body>'
             '<a class="skip" href="#papers">to the results</a><main><h1>Synaptic plasticity: reproduction report</h1>'
             '<p>Each number stands beside the published one. A band is judged in the setting it belongs to: the paper’s '
             'mathematics unless the row says <em>released</em> (the released program’s rule) or <em>released+legacy</em> '
             '(with its random stream); <em>legacy</em> is the paper’s mathematics on that stream. ± is '
             'one standard error of the mean over n seeds.</p>', overview(rows, papers)]
    for i, name in enumerate(dict.fromkeys(row['folder'] for row in rows)):
        begin = '<div id="papers"></div>' if i == 0 else ''
        parts.append(f'{begin}<h2 id="{name}">{html.escape(papers.get(name, name))}: {name.replace("_", " ")}</h2>')
        parts += [section(folder, figure, some) for (folder, _, figure), some in groups(rows).items() if folder == name]
    parts.append('</main></body></html>')
    return write_atomically(FIGURES / 'report.html', lambda file: file.write('\n'.join(parts).encode()))


# ---------------------------------------------------------------- publishing

def markdown(text):
    """Text as a cell of a Markdown table."""
    return text.replace('|', '\\|')


def folder_table(rows):
    """Markdown table of one folder's rows."""
    lines = ['| mode | quantity | setting | paper | released program | ours | n | band | verdict |', '|---' * 9 + '|']
    for row in [row for row in rows if row['quantity'] != 'figure only']:
        verdict = '**miss**' if row['verdict'] == 'miss' else row['verdict']
        cells = (row['mode'], markdown(row['quantity']), row['setting'], number(row['paper']), number(row['released']),
                 ours(row), str(row['n']), band(row), verdict)
        lines.append(f'| {" | ".join(cells)} |')
    return '\n'.join(lines)


def main_table(rows, papers):
    """Markdown table for the front page: the main rows of every folder, the paper named once."""
    lines, last = ['| paper | figure | quantity | published | ours | time |', '|---|---|---|---|---|---|'], None
    for (folder, _, figure), some in groups(rows).items():
        for row in [row for row in some if row['main']]:
            paper = f'[{papers[folder]}]({folder}/README.md)' if folder != last else ''
            lines.append(f'| {paper} | {figure or row["mode"]} | {markdown(row["quantity"])} | {published(row)} '
                         f'| {ours(row)} (n = {row["n"]}) | {row["seconds"]:.0f} s |')
            last = folder
    return '\n'.join(lines)


def fill(path, name, text):
    """Put text between <!-- name --> and <!-- /name --> of a README, if it has the marks."""
    content = path.read_text(encoding='utf-8')
    start, end = f'<!-- {name} -->', f'<!-- /{name} -->'
    if start in content and end in content:
        before, after = content.split(start)[0], content.split(end)[1]
        new = f'{before}{start}\n{text}\n{end}{after}'
        write_atomically(path, lambda file: file.write(new.encode()))


def small_picture(source, target, limit=150_000):
    """A copy of a PNG that is at most `limit` bytes: fewer pixels, 256 colours."""
    from PIL import Image
    picture = Image.open(source).convert('RGB')
    for width in (1200, 1000, 850, 700, 550, 400):
        size = (min(width, picture.width), round(picture.height * min(width, picture.width) / picture.width))
        small = picture.resize(size, Image.Resampling.LANCZOS).quantize(128, dither=Image.Dither.NONE)
        content = io.BytesIO()
        small.save(content, 'PNG', optimize=True)
        if content.tell() <= limit:
            break
    write_atomically(target, lambda file: file.write(content.getvalue()))


def publish(papers):
    """Copy rows, small pictures and curves to figures/published/ and fill the READMEs' tables. Returns an exit code.

    Papers that the last run left out keep what was published of them.
    """
    rows = read_rows()
    wrong = [row for row in rows if row['level'] == 'quick' or row['standin'] or row['verdict'] == 'not run']
    if not rows or wrong:
        first = wrong[0] if wrong else {}
        why = f'{first["folder"]} {first["mode"]}: a quick run, a stand-in or not run' if first else 'there are no results'
        print(f'nothing published ({why}); run reproduce.py in full first', file=sys.stderr)
        return 1
    new = {row['folder'] for row in rows}
    rows += [row for row in read_rows(PUBLISHED / 'results.json') if row['folder'] not in new]
    rows.sort(key=lambda row: list(papers).index(row['folder']))
    write_atomically(PUBLISHED / 'results.json', lambda file: file.write(json.dumps(rows, indent=1).encode()))
    for (folder, _, figure), some in groups(rows).items():
        source = FIGURES / folder / f'{figure}.png'
        if figure and source.exists() and any(row['main'] for row in some):
            small_picture(source, PUBLISHED / f'{folder}_{figure}.png')
        if source.with_suffix('.csv').exists():
            shutil.copyfile(source.with_suffix('.csv'), PUBLISHED / f'{folder}_{figure}.csv')
    for folder in dict.fromkeys(row['folder'] for row in rows):
        fill(ROOT / folder / 'README.md', 'results', folder_table([row for row in rows if row['folder'] == folder]))
    fill(ROOT / 'README.md', 'results', main_table(rows, papers))
    print(f'published {len(rows)} rows to {PUBLISHED}')
    return 0
