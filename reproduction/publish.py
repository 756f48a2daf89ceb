"""Publishing: rows, small pictures and curves of the last full run go to figures/published/ and into the READMEs' tables."""
import io
import json
import shutil
import sys

from common import ROOT, figures
from common.data import content_digest
from common.results import write_atomically
from reproduction.evidence import band, groups, number, ours, published
from reproduction.experiments import listed
from reproduction.report import PUBLISHED, interval, read_rows


def markdown(text):
    """Text as a cell of a Markdown table."""
    return text.replace('|', '\\|')


def folder_table(rows):
    """Markdown table of rows of one folder."""
    lines = ['| mode | quantity | setting | paper | released program | ours | 95 % interval | n | band | verdict |',
             '|---' * 10 + '|']
    for row in [row for row in rows if row['quantity'] != 'figure only']:
        verdict = '**miss**' if row['verdict'] == 'miss' else row['verdict']
        cells = (row['mode'], markdown(row['quantity']), row['setting'], number(row['paper']), number(row['released']),
                 ours(row), interval(row), str(row['n']), band(row), verdict)
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


def page(folder, rows, papers):
    """The published report of one paper as Markdown, which hosting sites show without running anything: claim, figure, rows."""
    judged = [row['verdict'] for row in rows if row['verdict'] in ('pass', 'miss')]
    parts = [f'# {papers[folder]}', f'[The folder](../../{folder}/README.md). {judged.count("pass")} of {len(judged)} judged '
             'numbers lie in their bands. ± is one standard error over n independent runs; settings: see the front page.']
    for (_, mode, figure), some in groups(rows).items():
        parts.append(f'## {mode}' + (f' – {figure}' if figure else ''))
        parts.append(markdown(some[0]['claim']))
        if figure and (PUBLISHED / f'{folder}_{figure}.png').exists():
            parts.append(f'![{folder}, {figure}]({folder}_{figure}.png)')
        if any(row['quantity'] != 'figure only' for row in some):
            parts.append(folder_table(some))
        parts += sorted({f'* {row["quantity"]}: {row["note"]}' for row in some if row['note']})
        if some[0]['seconds'] is not None:
            parts.append(f'{some[0]["seconds"]:.0f} s of one core, {some[0]["hardware"]}, {some[0]["date"]}: '
                         f'`{some[0]["command"]}`')
    return '\n\n'.join(parts) + '\n'


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

    Figures that the last run left out keep what was published of them, as long as the folder's experiments.py lists them.
    """
    rows = read_rows()
    wrong = [row for row in rows if row['level'] == 'quick' or row['standin'] or row['verdict'] == 'not run']
    if not rows or wrong:
        first = wrong[0] if wrong else {}
        why = f'{first["folder"]} {first["mode"]}: a quick run, a stand-in or not run' if first else 'there are no results'
        print(f'nothing published ({why}); run reproduce.py in full first', file=sys.stderr)
        return 1
    pictures = {figures.FIGURES / row['folder'] / f'{row["figure"]}.png': row['picture'] for row in rows if row.get('picture')}
    other = [path for path, digest in pictures.items() if not path.exists() or content_digest(path) != digest]
    if other:
        print(f'nothing published: {other[0]} is not the picture that reproduce.py drew; run it again', file=sys.stderr)
        return 1
    new = {(row['folder'], row['figure']) for row in rows}
    order = [(e['folder'], e['figure']) for folder in papers for e in listed(folder, 'paper')]
    rows += [row for row in read_rows(PUBLISHED / 'results.json') if (row['folder'], row['figure']) in set(order) - new]
    rows.sort(key=lambda row: order.index((row['folder'], row['figure'])))
    write_atomically(PUBLISHED / 'results.json', lambda file: file.write(json.dumps(rows, indent=1).encode()))
    for folder, _, figure in groups(rows):
        source = figures.FIGURES / folder / f'{figure}.png'
        if figure and source.exists():
            small_picture(source, PUBLISHED / f'{folder}_{figure}.png')
        if source.with_suffix('.csv').exists():
            shutil.copyfile(source.with_suffix('.csv'), PUBLISHED / f'{folder}_{figure}.csv')
    for folder in dict.fromkeys(row['folder'] for row in rows):
        own = [row for row in rows if row['folder'] == folder]
        fill(ROOT / folder / 'README.md', 'results', folder_table(own))
        text = page(folder, own, papers)
        write_atomically(PUBLISHED / f'{folder}.md', lambda file, text=text: file.write(text.encode()))
    fill(ROOT / 'README.md', 'results', main_table(rows, papers))
    print(f'published {len(rows)} rows to {PUBLISHED}')
    return 0
