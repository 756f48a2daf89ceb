"""Publishing: rows, small pictures and curves of the last full run go to figures/published/ and into the READMEs' tables."""
import io
import itertools
import json
import shutil
import sys

from common import ROOT, figures
from common.data import content_digest
from common.results import write_atomically
from reproduction import front, strip
from reproduction.evidence import groups
from reproduction.experiments import PAPERS, listed
from reproduction.report import PUBLISHED, read_rows
from reproduction.tables import fill, folder_table, main_table, page


def small_picture(source, target, limit=150_000):
    """A copy of a PNG of at most `limit` bytes: in full colour if that fits, else 256 colours; fewer pixels only if needed."""
    from PIL import Image
    picture = Image.open(source).convert('RGB')
    for width, colours in itertools.product((1200, 1000, 850, 700, 550, 400), (None, 256)):
        size = (min(width, picture.width), round(picture.height * min(width, picture.width) / picture.width))
        small = picture.resize(size, Image.Resampling.LANCZOS)
        if colours:
            small = small.quantize(colours, dither=Image.Dither.NONE)
        content = io.BytesIO()
        small.save(content, 'PNG', optimize=True)
        if content.tell() <= limit:
            break
    write_atomically(target, lambda file: file.write(content.getvalue()))


def pages(rows, papers):
    """Write everything that is made of published rows: pages, tables of the READMEs, front page, CLAIMS.md, the strip."""
    for folder in dict.fromkeys(row['folder'] for row in rows):
        own = [row for row in rows if row['folder'] == folder]
        fill(ROOT / folder / 'README.md', 'results', folder_table(own))
        text = page(folder, own, papers)
        write_atomically(PUBLISHED / f'{folder}.md', lambda file, text=text: file.write(text.encode()))
    fill(ROOT / 'docs' / 'results.md', 'results', main_table(rows, papers))
    front.write(rows, ROOT)
    drawn = strip.draw(rows, PUBLISHED)
    write_atomically(PUBLISHED / 'strip.png', lambda file: drawn.savefig(file, format='png', dpi=140, facecolor='white'))


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
    pages(rows, papers)
    print(f'published {len(rows)} rows to {PUBLISHED}')
    return 0


if __name__ == '__main__':              # python -m reproduction.publish: the pages again, from the rows that are published
    pages(read_rows(PUBLISHED / 'results.json'), PAPERS)
