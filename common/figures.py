"""Figures: the project's style, a grid of axes, the finished runs to draw, saving."""
import dataclasses
import hashlib
import json
import os
import re
import warnings
from pathlib import Path

from common import ROOT
from common.params import load_params, sweep_of
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


def mode_values(module, **given):
    """{name: value} of all parameters, as a file holds them, of a mode of exp_params.py (`module`) and of what is `given`."""
    with warnings.catch_warnings(action='ignore'):
        p = load_params(module, **given)
    return json.loads(json.dumps(dataclasses.asdict(p)))         # tuples as lists


def variant(module, runs, told=('seed', 'array_num')):
    """What a figure's name needs beside what is `told` in it: '' for modes as exp_params.py (`module`) has them; else the only
    member of a sweep, and '-' and six digits (hex) of what the parameters of the runs [(meta, arrays), ...] change."""
    changes, alone = set(), ''
    for meta, _ in runs:
        params = json.loads(json.dumps(meta['params']))
        sweep = sweep_of(module, params['mode'], params.get('released_code', False))
        member = {name: params[name] for name in ('array_num', 'released_code') if sweep and name in params}
        if any(set(one) - set(told) for one in sweep) and len({meta['params']['array_num'] for meta, _ in runs}) == 1:
            alone = f'_member{params["array_num"]}'
        plain = mode_values(module, mode=params['mode'], **member) | {'released_code': False}
        changes.add(json.dumps({name: value for name, value in params.items()
                                if name not in told and value != plain.get(name)}, sort_keys=True))
    changes -= {'{}'}
    return alone + (f'-{digits(sorted(changes))}' if changes else '')


def digits(words):
    """Six digits (hex) that stand for some words in a file's name."""
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()[:6]


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
