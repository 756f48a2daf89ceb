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
from reproduction.evidence import groups, key, verdict
from reproduction.experiments import PAPERS, listed, runs_digest
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
            small = small.quantize(colours, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)    # lines keep their colour
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


def experiments_of(papers):
    """{key: experiment} of all that the folders' experiments.py list, in their order."""
    return {key(e): e for folder in papers for e in listed(folder, 'paper')}


def refreshed(rows, known):
    """Rows with what experiments.py says of them now (published values, band and so verdict, note, claim), in its order; what
    it no longer lists is left out. known: experiments_of(...)"""
    order = {}
    for place, experiment in known.items():
        for row in experiment['rows'] or [{'quantity': 'figure only'}]:
            order[*place, row.get('setting', 'default'), row['quantity']] = experiment, row
    found = {(*key(row), row['setting'], row['quantity']): row for row in rows}
    new = []
    for place, (experiment, row) in order.items():
        if place in found:
            band = row.get('band')
            new.append(found[place] | {name: row.get(name) for name in ('paper', 'released', 'note')} | {
                'band': list(band) if band else None, 'verdict': verdict(found[place]['ours'], band),
                'claim': experiment['claim'], 'main': bool(row.get('main')), 'median': bool(row.get('median'))})
    return new


def obstacle(rows, known):
    """Why these rows of a last run cannot be published, in words; None if they can."""
    if not rows:
        return 'there are no results; run reproduce.py --paper first'
    for place, (row, *_) in groups(rows).items():
        name = f'{row["folder"]} {row["mode"]}'
        if row['level'] != 'paper' or row['standin'] or row['verdict'] == 'not run':
            return (f'{name}: a {row["level"]} run, a stand-in or not run; run reproduce.py --paper first (--only and --figure '
                    'restrict it)')
        if place not in known or row.get('runs') != runs_digest(known[place]):
            return f'{name}: parameters, data or code are no longer those of its runs; run reproduce.py --paper again'
        png = figures.FIGURES / row['folder'] / f'{row["figure"]}.png'
        for path, digest in ((png, row['picture']), (png.with_suffix('.csv'), row['curves'])):
            if digest and (not path.exists() or content_digest(path) != digest):
                return f'{path} is not what reproduce.py drew or wrote; run it again'
    return None


def publish(papers):
    """Copy rows, small pictures and curves to figures/published/ and fill the READMEs' tables. Returns an exit code.

    Experiments that the last run left out keep what was published of them, as long as the folder's experiments.py lists them.
    """
    rows, known = read_rows(), experiments_of(papers)
    why = obstacle(rows, known)
    if why:
        print(f'nothing published: {why}', file=sys.stderr)
        return 1
    new = groups(rows)
    for (folder, _, figure), (row, *_) in new.items():
        source = figures.FIGURES / folder / f'{figure}.png'
        if row['picture']:
            small_picture(source, PUBLISHED / f'{folder}_{figure}.png')
        if row['curves']:
            shutil.copyfile(source.with_suffix('.csv'), PUBLISHED / f'{folder}_{figure}.csv')
    before = [row for row in read_rows(PUBLISHED / 'results.json') if key(row) not in new]
    return write(refreshed(rows + before, known), papers)


def write(rows, papers):
    """The published rows and all pages that are made of them. Returns an exit code."""
    write_atomically(PUBLISHED / 'results.json', lambda file: file.write(json.dumps(rows, indent=1).encode()))
    pages(rows, papers)
    print(f'published {len(rows)} rows to {PUBLISHED}')
    return 0


def again(papers):
    """The pages again, from the rows that are published and what experiments.py says of them. Returns an exit code."""
    rows = read_rows(PUBLISHED / 'results.json')
    if not rows:
        print(f'{PUBLISHED / "results.json"} holds no rows: nothing to write pages from', file=sys.stderr)
        return 1
    return write(refreshed(rows, experiments_of(papers)), papers)


if __name__ == '__main__':              # python -m reproduction.publish
    sys.exit(again(PAPERS))
