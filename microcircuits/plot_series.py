"""The plots of the original's runner: every recorded quantity against time, one line a seed, the teacher dashed."""
import re

import numpy as np

from common.figures import style
from common.results import write_atomically
from microcircuits.plot_panels import dots, stacked

SYMBOLS = {'WPP': 'W', 'WIP': 'W$^{IP}$', 'BPP': 'B', 'BPI': 'B$^I$', 'dWPP': 'ΔW', 'dWIP': 'ΔW$^{IP}$', 'dBPP': 'ΔB',
           'dBPI': 'ΔB$^I$', 'uP': 'u', 'uP_breve': 'ŭ', 'rP_breve': 'r', 'rP_breve_HI': 'h (high-passed r)', 'uI': 'u$^I$',
           'uI_breve': 'ŭ$^I$', 'rI_breve': 'r$^I$', 'vbas': 'v$^{bas}$', 'vapi': 'v$^{api}$', 'vapi_noise': 'v$^{api}$ + ξ',
           'noise': 'ξ', 'lat_mismatch': 'ŭ$^I$ − c v$^{bas}$', 'epsilon': 'ε', 'epsilon_LO': 'ε, low-passed'}
ENTRIES = ('WPP', 'WIP', 'BPP', 'BPI', 'dWPP', 'dWIP', 'dBPP', 'dBPI')
VECTORS = ('uP', 'uP_breve', 'rP_breve', 'rP_breve_HI', 'uI', 'uI_breve', 'rI_breve', 'vbas', 'vapi', 'vapi_noise', 'noise',
           'lat_mismatch', 'epsilon', 'epsilon_LO')
ANGLES = {'angle_WPPT_BPP': ('angle_WPPT_BPP', 'W$^T$ and B'), 'angle_jacobians': ('angle_jacobians_BP', 'Jacobians'),
          'angle_BPP_RHS': ('angle_BPP_RHS', "B and φ'W$^T$φ'"),
          'angle_BP_updates': ('angle_MC_BP_ANN', 'ΔW and back-propagation')}
LAST_ONLY = ('rI_breve',)               # the original draws the last layer of these under the number 0
FIRST_ONLY = ('rP_breve_HI', 'uI')
POINTS = 4000                           # of a line, at most
NAMES = re.compile(rf'MSE|(cos|{"|".join(map(re.escape, (*ENTRIES, *VECTORS, "BPP+BPI")))})_layer\d+'
                   rf'|({"|".join(file for file, _ in ANGLES.values())})\d+(_mean)?')     # of all plots that can be


def groups(runs):
    """{what is different, in as few words as tell the settings apart: numbers of its runs}, whatever the seed."""
    texts = [''] * len(runs)
    for name in [name for name in runs[0][0]['params'] if name not in ('seed', 'array_num')]:
        more = [f'{text}, {name}={meta["params"][name]}' for text, (meta, _) in zip(texts, runs, strict=True)]
        texts = more if len(set(more)) > len(set(texts)) else texts
    return {text.removeprefix(', '): [i for i, other in enumerate(texts) if other == text] for text in dict.fromkeys(texts)}


def lines(ax, runs, values, unit, teacher=None):
    """values (seeds, records, ...): every entry of every run, a colour a seed (several settings: a colour a setting).

    teacher: (its name in the legend, records (of one pass, n)), repeated, dashed; or None.
    """
    thin, settings = max(1, values.shape[1] // POINTS), groups(runs)
    x = np.arange(values.shape[1])[::thin]
    named = settings if len(settings) > 1 else {f'seed {meta["seed"]}': [i] for i, (meta, _) in enumerate(runs)}
    for colour, (name, members) in zip(_colours(len(named)), named.items(), strict=True):
        for i in members:
            ax.plot(x, values[i].reshape(values.shape[1], -1)[::thin], color=colour, lw=0.8)
        many = f' (n = {len(members)})' if len(settings) > 1 else ''
        if len(settings) > 1 or len(runs) <= 10:
            ax.plot([], [], color=colour, label=name + many)
    if teacher is not None and len(teacher[1]):
        times = -(-values.shape[1] // len(teacher[1]))
        ax.plot(x, np.tile(teacher[1], (times, 1))[:values.shape[1]:thin], 'k--', lw=0.8)
        ax.plot([], [], 'k--', label=teacher[0])
    ax.set_xlabel(unit)
    legend(ax)


def legend(ax):
    """The legend, if something has a name; small if there is much."""
    names = ax.get_legend_handles_labels()[1]
    if names:
        ax.legend(fontsize=7 if len(names) <= 12 else 4)


def _colours(n):
    import matplotlib.pyplot as plt
    return plt.get_cmap('rainbow')(np.linspace(0, 1, n))


def moving_average(runs):
    """Squared error averaged over 10 presentations, or over a shorter run (seeds, records)."""
    p, errors = runs[0][0]['params'], stacked(runs, 'MSE')
    width = min(max(1, int(10 * p['Tpres'] / p['dt'] / p['rec_per_steps'])), errors.shape[1])
    return np.apply_along_axis(lambda e: np.convolve(e, np.ones(width) / width, 'valid'), 1, errors)


def layered(runs, name):
    """[(layer number, values (seeds, records, ...))] of one recorded series."""
    found, layer = [], 1
    while f'{name}_{layer}' in runs[0][1]:
        found.append((layer - 1, stacked(runs, f'{name}_{layer}')))
        layer += 1
    return found


def of_teacher(run, name, layer):
    """(name in the legend, records (n, entries)) of the teacher's series of one quantity and layer; None if there is none.

    Weights: one record. Else those of one pass through the samples as they are stored; a student sees the same samples at its
    records if nothing is shuffled (the phased line, the notebooks) and epochs are whole numbers of records.
    """
    meta, d = run
    value, p = d.get(f'teacher_{name}_{layer + 1}'), meta['params']
    if value is None or name not in VECTORS:
        return value if value is None else ('teacher', value.reshape(1, -1))
    phased = p['connection'] == 'skip' and p['model_type'] != 'PAL'
    same = p['dataset_size'] == 1 or phased or p['protocol'] == 'notebook'
    steps = (round(p['settling_time'] / p['dt']), p['dataset_size'] * round(p['Tpres'] / p['dt']))
    fits = same and all(n % p['rec_per_steps'] == 0 for n in steps)
    return 'teacher' if fits else 'teacher, samples in stored order', value


def figures(runs):
    """Yield (file name, draw) of every plot that these runs allow; draw takes an axis."""
    d, first, p = runs[0][1], int(runs[0][1]['first_record']), runs[0][0]['params']
    unit = f'{p["rec_per_steps"]} dt'
    if 'MSE' in d:
        yield 'MSE', lambda ax: (lines(ax, runs, moving_average(runs), unit),
                                 ax.set(yscale='log', ylabel='squared error', title='loss'))
    for name in ENTRIES + VECTORS:
        parts = layered(runs, name)
        parts = parts[-1:] if name in LAST_ONLY else parts[:1] if name in FIRST_ONLY else parts
        for i, values in parts:
            number, title = 0 if name in LAST_ONLY else i, f'{SYMBOLS[name]}, layer {i + 1}'
            teacher = of_teacher(runs[0], name, i)
            yield f'{name}_layer{number}', lambda ax, v=values[:, first:], t=title, teacher=teacher: (
                lines(ax, runs, v, unit, teacher), ax.set(title=t))
            if name == 'epsilon_LO':
                level = np.cos(np.radians(p['noise_deg']))
                yield f'cos_layer{i}', lambda ax, v=1 - 2 * values[:, first:], i=i, level=level: (
                    lines(ax, runs, v, unit), ax.axhline(level, color='k', ls='--', lw=0.8),
                    ax.set(ylim=(-1.1, 1.1), title=f'cos(ŭ, B r), layer {i + 1}'))
    for (i, B), (_, BI) in zip(layered(runs, 'BPP'), layered(runs, 'BPI'), strict=False):
        yield f'BPP+BPI_layer{i}', lambda ax, v=(B + BI)[:, first:], i=i: (
            lines(ax, runs, v, unit), ax.set(title=f'B + B$^I$, layer {i + 1}'))
    yield from angles(runs, unit, first)


def angles(runs, unit, first):
    """The plots of the angles: lines of the seeds, and mean and deviation."""
    p = runs[0][0]['params']
    for name, (file, title) in ANGLES.items():
        if name not in runs[0][1]:
            continue
        updates = name == 'angle_BP_updates'       # one value a presentation, none of pre-training
        values = stacked(runs, name)[:, 0 if updates else first:]
        axis = f'presentations of {round(p["Tpres"] / p["dt"])} dt' if updates else unit
        for i in range(values.shape[-1]):
            more = {'ylabel': 'angle (degrees)', 'title': f'{title}, layer {i + 1}'}
            yield f'{file}{i}', lambda ax, v=values[..., i], axis=axis, more=more: (
                lines(ax, runs, v, axis), ax.set(**more))
            yield f'{file}{i}_mean', lambda ax, v=values[..., i], axis=axis, more=more: (
                mean_and_deviation(ax, runs, v), ax.set(xlabel=axis, **more))


def mean_and_deviation(ax, runs, values):
    """Mean over the seeds of each setting, +- 1 standard deviation (population, as the original). values (runs, records)"""
    settings, x = groups(runs), np.arange(values.shape[1])
    several = len(settings) > 1
    for colour, (name, members) in zip(_colours(len(settings)), settings.items(), strict=True):
        mean, deviation = values[members].mean(axis=0), values[members].std(axis=0)
        ax.plot(x, mean, color=colour if several else 'k', label=f'{name} (n = {len(members)})' if several else None)
        ax.fill_between(x, mean - deviation, mean + deviation, color=colour if several else '0.7', alpha=0.2 if several else 1)
    legend(ax)


def draw_all(runs, folder):
    """Draw every plot into `folder`; yields the paths."""
    plt = style()
    figure = plt.figure(figsize=(5, 3.6))
    for name, draw in figures(runs):
        figure.clf()
        draw(figure.add_subplot())
        dots(figure)
        yield write_atomically(folder / f'{name}.png', lambda file: figure.savefig(file, format='png', dpi=200))
    plt.close(figure)
