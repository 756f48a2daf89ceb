"""The plots of the original's runner: every recorded quantity against time, one line a seed, the teacher dashed."""
import numpy as np

from common.figures import style
from common.results import write_atomically
from microcircuits.plot_panels import stacked

ENTRIES = ('WPP', 'WIP', 'BPP', 'BPI', 'dWPP', 'dWIP', 'dBPP', 'dBPI')
VECTORS = ('uP', 'uP_breve', 'rP_breve', 'rP_breve_HI', 'uI', 'uI_breve', 'rI_breve', 'vbas', 'vapi', 'vapi_noise', 'noise',
           'lat_mismatch', 'epsilon', 'epsilon_LO')
ANGLES = {'angle_WPPT_BPP': 'angle_WPPT_BPP', 'angle_jacobians': 'angle_jacobians_BP', 'angle_BPP_RHS': 'angle_BPP_RHS',
          'angle_BP_updates': 'angle_MC_BP_ANN'}
LAST_ONLY = ('rI_breve',)               # the original draws the last layer of these under the number 0
FIRST_ONLY = ('rP_breve_HI', 'uI')


def colours(n):
    """One colour a seed."""
    import matplotlib.pyplot as plt
    return plt.get_cmap('rainbow')(np.linspace(0, 1, n))


def lines(ax, runs, values, first, teacher=None, x=None):
    """values (seeds, records, ...): every entry of every seed, without the records of pre-training."""
    x = np.arange(values.shape[1] - first) if x is None else x
    for run, colour, series in zip(runs, colours(len(runs)), values[:, first:], strict=True):
        flat = series.reshape(len(series), -1)
        ax.plot(x, flat, color=colour, lw=0.8)
        ax.plot([], [], color=colour, label=f'seed {run[0]["seed"]}')
    if teacher is not None:
        for value in np.ravel(teacher):
            ax.axhline(value, color='k', ls='--', lw=0.8)
    ax.set_xlabel(f'{runs[0][0]["params"]["rec_per_steps"]} dt')
    if len(runs) <= 10:
        ax.legend(fontsize=7)


def moving_average(runs):
    """Squared error averaged over 10 presentations (seeds, records)."""
    p = runs[0][0]['params']
    width = max(1, int(10 * p['Tpres'] / p['dt'] / p['rec_per_steps']))
    return np.apply_along_axis(lambda e: np.convolve(e, np.ones(width) / width, 'valid'), 1, stacked(runs, 'MSE'))


def layered(runs, name):
    """[(layer number, values (seeds, records, ...))] of one recorded series."""
    found = []
    for i in range(1, 100):
        if f'{name}_{i}' not in runs[0][1]:
            break
        found.append((i - 1, stacked(runs, f'{name}_{i}')))
    return found


def figures(runs):
    """Yield (name, draw) of every plot that these runs allow; draw takes an axis."""
    d, first, p = runs[0][1], int(runs[0][1]['first_record']), runs[0][0]['params']
    if 'MSE' in d:
        yield 'MSE', lambda ax: (lines(ax, runs, moving_average(runs), 0), ax.set(yscale='log', ylabel='squared error'))
    for name in ENTRIES + VECTORS:
        parts = layered(runs, name)
        parts = parts[-1:] if name in LAST_ONLY else parts[:1] if name in FIRST_ONLY else parts
        for i, values in parts:
            number = 0 if name in LAST_ONLY else i
            teacher = d.get(f'teacher_{name}_{i + 1}')
            yield f'{name}_layer{number}', lambda ax, values=values, name=name, teacher=teacher: (
                lines(ax, runs, values, first, teacher), ax.set_ylabel(name))
            if name == 'epsilon_LO':
                yield f'cos_layer{i}', lambda ax, values=values: (
                    lines(ax, runs, 1 - 2 * values, first, np.cos(np.radians(p['noise_deg']))), ax.set_ylim(-1.1, 1.1))
    for (i, B), (_, BI) in zip(layered(runs, 'BPP'), layered(runs, 'BPI'), strict=False):
        yield f'BPP+BPI_layer{i}', lambda ax, total=B + BI: (lines(ax, runs, total, first), ax.set_ylabel('BPP + BPI'))
    for name, file in ANGLES.items():
        if name not in d:
            continue
        values, skip = stacked(runs, name), 0 if name == 'angle_BP_updates' else first
        for i in range(values.shape[-1]):
            yield f'{file}{i}', lambda ax, v=values[..., i], skip=skip: (lines(ax, runs, v, skip), ax.set_ylabel('degrees'))
            yield f'{file}{i}_mean', lambda ax, v=values[..., i], skip=skip: mean_and_deviation(ax, runs, v[:, skip:])


def mean_and_deviation(ax, runs, values):
    """Mean over seeds, grey +- 1 standard deviation."""
    x, mean, deviation = np.arange(values.shape[1]), values.mean(axis=0), values.std(axis=0)
    ax.plot(x, mean, 'k')
    ax.fill_between(x, mean - deviation, mean + deviation, color='0.7')
    ax.set(xlabel=f'{runs[0][0]["params"]["rec_per_steps"]} dt', ylabel='degrees')


def draw_all(runs, folder):
    """Draw every plot into `folder`; yields the paths."""
    plt = style()
    for name, draw in figures(runs):
        figure, ax = plt.subplots(figsize=(5, 3.6))
        draw(ax)
        ax.set_title(name)
        yield write_atomically(folder / f'{name}.png', lambda file, figure=figure: figure.savefig(file, format='png', dpi=200))
        plt.close(figure)
