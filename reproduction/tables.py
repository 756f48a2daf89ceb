"""Tables and pages in Markdown from finished rows, and the marked places of other files into which they go."""
from common.results import write_atomically
from reproduction import report
from reproduction.claims import read
from reproduction.evidence import band, groups, number, ours, published, unjudged
from reproduction.report import columns, interval, tally


def markdown(text):
    """Text as a cell of a Markdown table."""
    return text.replace('|', '\\|')


def table(headings, lines):
    """Markdown table of lists of cells."""
    first, *others = (f'| {" | ".join(cells)} |' for cells in [headings, *lines])
    return '\n'.join([first, '|' + '---|' * len(headings), *others])


def verdict(row):
    """The verdict of a finished row, a miss in bold letters."""
    return '**miss**' if row['verdict'] == 'miss' else row['verdict']


def fill(path, name, text):
    """Put text between <!-- name --> and <!-- /name --> of a file, if it exists and has the marks."""
    content = path.read_text(encoding='utf-8') if path.exists() else ''
    start, end = f'<!-- {name} -->', f'<!-- /{name} -->'
    if start in content and end in content:
        before, after = content.split(start)[0], content.split(end)[1]
        new = f'{before}{start}\n{text}\n{end}{after}'
        write_atomically(path, lambda file: file.write(new.encode()))


def folder_table(rows):
    """Markdown table of the rows of one folder, for its README."""
    headings = ['mode', 'quantity', 'setting', 'paper', 'released program', 'ours', '95 % interval', 'n', 'band', 'verdict']
    return table(headings, [
        [row['mode'], markdown(row['quantity']), row['setting'], number(row['paper']), number(row['released']), ours(row),
         interval(row), str(row['n']), band(row), verdict(row)] for row in rows if row['quantity'] != 'figure only'])


def main_table(rows, papers):
    """Markdown table of the main rows of every folder, the paper named once (docs/results.md)."""
    lines, last = [], None
    for (folder, _, figure), some in groups(rows).items():
        for row in [row for row in some if row['main']]:
            paper = f'[{papers[folder]}](../{folder}/README.md)' if folder != last else ''
            lines.append([paper, figure or row['mode'], markdown(row['quantity']), published(row),
                          f'{ours(row)} (n = {row["n"]})', f'{row["seconds"]:.0f} s'])
            last = folder
    return table(['paper', 'figure', 'quantity', 'published', 'ours', 'time'], lines)


# ---------------------------------------------------------------- the published page of a paper

def anchor(row):
    """Name of a row's place on the published page of its paper: its figure, or its mode where there is none."""
    return ''.join(c if c.isalnum() or c in '_-' else '-' for c in row['figure'] or row['mode'])


def rows_table(rows):
    """Markdown table of the rows of one experiment, without the columns that nobody fills."""
    shown = columns(rows)
    settings = any(row['setting'] != 'default' for row in rows)
    headings = ['quantity', *(['setting'] if settings else []), *shown, 'verdict']
    return table(headings, [[markdown(row['quantity']), *([row['setting']] if settings else []),
                             *(cell(row) for cell in shown.values()), verdict(row)] for row in rows])


def section(folder, key, rows):
    """One experiment on the published page: place, heading, claim, picture, rows, notes, cost."""
    _, mode, figure = key
    numbers = [row for row in rows if row['quantity'] != 'figure only']
    parts = [f'<a id="{anchor(rows[0])}"></a>\n\n## {mode}' + (f' – {figure}' if figure else ''), markdown(rows[0]['claim'])]
    name = f'{folder}_{figure}.png'
    if figure and (report.PUBLISHED / name).exists():
        parts.append(f'[![{folder}, {figure}]({name})]({name})')
    if numbers:
        long = figure is None and len(numbers) > 6            # replays and sweeps: folded, a click opens them
        parts += [f'<details><summary>{len(numbers)} rows: {tally(numbers)}</summary>'] if long else []
        parts.append(rows_table(numbers))
        parts += ['</details>'] if long else []
    parts += sorted({f'* {row["quantity"]}: {row["note"]}' for row in rows if row['note']})
    if rows[0]['seconds'] is not None:
        parts.append(f'{rows[0]["seconds"]:.0f} s of one core, {rows[0]["hardware"]}, {rows[0]["date"]}: '
                     f'`{rows[0]["command"]}`')
    return parts


def page(folder, rows, papers):
    """The published report of one paper as Markdown, which hosting sites show without running anything (dark mode, print and
    phone included): contents, what lies outside its band, then claim, figure and rows of every experiment."""
    judged = [row['verdict'] for row in rows if row['verdict'] in ('pass', 'miss')]
    found = groups(rows)
    claims = f'[what the paper claims, and what holds](../../CLAIMS.md#{folder}) · ' if folder in read('papers') else ''
    parts = [f'# {papers[folder]}',
             f'[The folder](../../{folder}/README.md) · {claims}[settings and columns](../../docs/results.md)',
             f'{judged.count("pass")} of {len(judged)} judged numbers lie in their '
             f'[bands](../../docs/results.md#what-is-a-band); {unjudged(rows)} more are reported without one. '
             '± is one standard error of the mean over n independent runs. '
             'A click on a picture opens it.']
    misses = [f'* [{markdown(row["quantity"])}](#{anchor(row)}): ours {ours(row)}, band {band(row)}'
              + (f'. {row["note"]}' if row['note'] else '') for row in rows if row['verdict'] == 'miss']
    parts += ['## Outside their bands', '\n'.join(misses)] if misses else []
    contents = (f'* [{mode}{f" – {figure}" if figure else ""}](#{anchor(some[0])}): '
                + (tally([row for row in some if row['quantity'] != 'figure only']) or 'figure only')
                for (_, mode, figure), some in found.items())
    parts += ['## Contents', '\n'.join(contents)]
    for key, some in found.items():
        parts += section(folder, key, some)
    return '\n\n'.join(parts) + '\n'
