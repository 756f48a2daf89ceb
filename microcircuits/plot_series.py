"""The plots of the original's runner: every recorded quantity against time, one line a seed, the teacher dashed."""
import numpy as np

from common.figures import style
from common.results import write_atomically
from microcircuits.plot_panels import stacked

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


def lines(ax, runs, values, unit, teacher=None):
    """values (seeds, records, ...): every entry of every seed; teacher (records of one pass, n): repeated, dashed."""
    thin = max(1, values.shape[1] // POINTS)
    x = np.arange(values.shape[1])[::thin]
    for run, colour, series in zip(runs, _colours(len(runs)), values, strict=True):
        ax.plot(x, series.reshape(len(series), -1)[::thin], color=colour, lw=0.8)
        ax.plot([], [], color=colour, label=f'seed {run[0]["seed"]}')
    if teacher is not None and len(teacher):
        times = -(-values.shape[1] // len(teacher))
        repeated = np.tile(teacher, (times, 1))[:values.shape[1]:thin]
        ax.plot(x, repeated, 'k--', lw=0.8)
        ax.plot([], [], 'k--', label='teacher')
    ax.set_xlabel(unit)
    if len(runs) <= 10:
        ax.legend(fontsize=7)


def _colours(n):
    import matplotlib.pyplot as plt
    return plt.get_cmap('rainbow')(np.linspace(0, 1, n))


def moving_average(runs):
    """Squared error averaged over 10 presentations (seeds, records)."""
    p = runs[0][0]['params']
    width = max(1, int(10 * p['Tpres'] / p['dt'] / p['rec_per_steps']))
    return np.apply_along_axis(lambda e: np.convolve(e, np.ones(width) / width, 'valid'), 1, stacked(runs, 'MSE'))


def layered(runs, name):
    """[(layer number, values (seeds, records, ...))] of one recorded series."""
    found, layer = [], 1
    while f'{name}_{layer}' in runs[0][1]:
        found.append((layer - 1, stacked(runs, f'{name}_{layer}')))
        layer += 1
    return found


def of_teacher(d, name, layer):
    """The teacher's series (records, n) of one quantity and layer; weights: one record; None if there is none."""
    value = d.get(f'teacher_{name}_{layer + 1}')
    return value if value is None or name in VECTORS else value.reshape(1, -1)


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
            teacher = of_teacher(d, name, i)
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
                mean_and_deviation(ax, v), ax.set(xlabel=axis, **more))


def mean_and_deviation(ax, values):
    """Mean over seeds, grey +- 1 standard deviation (population, as the original)."""
    x, mean, deviation = np.arange(values.shape[1]), values.mean(axis=0), values.std(axis=0)
    ax.plot(x, mean, 'k')
    ax.fill_between(x, mean - deviation, mean + deviation, color='0.7')


def draw_all(runs, folder):
    """Draw every plot into `folder`; yields the paths."""
    plt = style()
    figure = plt.figure(figsize=(5, 3.6))
    for name, draw in figures(runs):
        figure.clf()
        draw(figure.add_subplot())
        yield write_atomically(folder / f'{name}.png', lambda file: figure.savefig(file, format='png', dpi=200))
    plt.close(figure)
