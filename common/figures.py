"""Figures: the project's style, a grid of axes, the finished runs to draw, saving."""
import os
import re
from pathlib import Path

from common import ROOT
from common.results import is_complete, load_result, result_path, write_atomically
from common.words import command

FIGURES = Path(os.environ.get('PLASTICITY_FIGURES') or ROOT / 'figures')


def style():
    """Use the project's matplotlib style. -> pyplot"""
    import matplotlib.pyplot as plt
    plt.style.use(ROOT / 'plasticity.mplstyle')
    return plt


def grid(rows, columns, size=3.6, height=None):
    """(figure, axes (rows, columns)) in the project's style; size, height: inches of one panel (None: square)."""
    plt = style()
    return plt.subplots(rows, columns, figsize=(columns * size, rows * (height or size)), squeeze=False)


def heat_map(ax, values, rows, columns, colour='viridis', **more):
    """Numbers in a grid of colours, written into them: values (rows, columns), names of both; more: of seaborn.heatmap."""
    import seaborn
    seaborn.heatmap(values, ax=ax, cmap=colour, annot=True, fmt='.3g', annot_kws={'fontsize': 9}, xticklabels=columns,
                    yticklabels=rows, cbar_kws={'shrink': 0.8}, **more)
    ax.tick_params(axis='both', rotation=0)


def save_figure(figure, package, name):
    """figures/<package>/<name>.png and .pdf, written atomically; prints and returns the PNG's path."""
    path = FIGURES / package / name
    for kind in ('.png', '.pdf'):
        write_atomically(path.with_suffix(kind), lambda file, kind=kind: figure.savefig(file, format=kind[1:]))
    print(path.with_suffix('.png'))
    return path.with_suffix('.png')


def of_mode(runs, *modes):
    """The runs [(meta, arrays), ...] of some modes."""
    return [run for run in runs if run[0]['mode'] in modes]


def whole_number(name, text):
    """A count from the command line, or None; ValueError if it is none."""
    if text is not None and not (text.isdecimal() and int(text) > 0):
        raise ValueError(f'{name} takes a whole number from 1 on, not {text!r}')
    return int(text) if text else None


def finished(members):
    """[(meta, arrays), ...] of finished runs; FileNotFoundError or ValueError if one is missing (its command) or damaged."""
    missing = [p for p in members if not is_complete(result_path(p))]
    if missing:
        path, made = result_path(missing[0]), command(missing[0])
        if len({p.array_num for p in members}) == len(members) > 1:         # a sweep
            made = re.sub(r' array_num=\d+', '', made) + ' array_num=0'
        what = f'{path} is not a readable result' if path.exists() else f'{len(missing)} of {len(members)} results are missing'
        first = 'the first is ' if len(missing) > 1 and 'array_num=0' not in made else ''
        raise FileNotFoundError(f'{what}; {first}made by: {made}')
    return [load_result(p) for p in members]
