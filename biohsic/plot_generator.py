"""Figures of the HSIC-bottleneck rule, from saved results only.

    python -m biohsic.plot_generator mode=lif_xor nmodels=5     the figure of a run that simulation.py has finished
    python -m biohsic.plot_generator mode=biohsic_mnist,bp_mnist nepochs=5      the rule against its rival in one figure
    python -m biohsic.plot_generator mode=memory_sweep          all members of the sweep
"""
# %% what the figures need
import sys
from pathlib import Path

import numpy as np
from matplotlib import colormaps

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from biohsic import exp_params
from biohsic import plot_labels as labels
from biohsic import plot_panels as panels
from biohsic.plot_pool import pooled
from common.figures import finished, grid, save_figure, variant
from common.script import load_or_exit, plots
from common.words import apart, load_members


# %% F1: the reservoir
def f1_reservoir(runs):
    """Target and read-out right after learning of each window, and with the read-out frozen. First network only."""
    p = runs[0][0]['params']
    (target, output), (frozen_target, frozen_output) = panels.reservoir_series(runs[0])
    step, epoch = p['time_step'], len(target) * p['time_step'] / (p['nepochs'] + 1)       # s; first the untrained epoch
    shown = min(1.0, epoch)
    stretches = [(epoch, 'start of training')] if p['nepochs'] else [(0.0, 'untrained')]
    stretches += [(k * epoch - shown / 2, f'epoch {k - 1} to {k}') for k in (2, 3) if k <= p['nepochs']]
    figure, axes = grid(2, len(stretches) + 1, 3.6, 2.5)
    for column, (begin, title) in enumerate(stretches):
        part = slice(round(begin / step), round((begin + shown) / step))
        panels.heat_maps(axes[:, column], (target[part], output[part]), (begin, begin + shown),
                         (f'target, {title}', 'read-out'))
    part = slice(0, round(shown / step))
    panels.heat_maps(axes[:, -1], (frozen_target[part], frozen_output[part]), (0, shown),
                     ('target, new epoch', 'read-out, frozen'))
    for ax in axes[1]:
        ax.set_xlabel('simulation time (s)')
    for ax in axes[:, 0]:
        ax.set_ylabel('component of ξ')
    n = sum(run[0]['params']['nmodels'] for run in runs)
    figure.suptitle('Reservoir output for MNIST input and random activation pattern' + f' (first of {n} networks)' * (n > 1),
                    fontsize=12)
    return labels.stamp(figure, runs[:1])


# %% F2: linear and XOR
def f2_small_tasks(runs):
    """Network, training points, accuracies, HSIC objective and its two terms; one row a task, published values dashed."""
    runs = [run for run in runs if run[0]['params']['data'] in SMALL]
    tasks = [name for name in SMALL if panels.select(runs, data=name)]
    which = [name for name in panels.measured(runs) if name != 'train'] if runs else []
    figure, axes = grid(len(tasks), 4 + len(which), 3.7, 3.9)
    figure.get_layout_engine().set(w_pad=0.08)
    for row, name in zip(axes, tasks, strict=True):
        some = panels.select(runs, data=name)
        looks = labels.looks(some)
        at = [k for k, run in enumerate(some) if 'train_hsic' in run[1]][0]
        first, p = some[at], some[at][0]['params']
        own = f', {looks[at][0]}' if len(some) > 1 else ''
        panels.sketch(row[0], (2, *p['features'], p['nclasses']))
        row[0].set_title('network', fontsize=11)
        panels.points(row[1], first)
        for ax, one in zip(row[2:-2], which, strict=True):
            panels.accuracy(ax, some, looks, one)
            ax.set_title(f'{SMALL[name]}: {panels.measure_of(one, some)}', fontsize=11)
        published_beside(row[2], some, looks, f'lif_{name}', 'small_curves', f'{name}_test_acc_pct')
        panels.legend_outside(row[2], *row[2].get_legend_handles_labels(), below=True)
        layers, known = len(p['features']) + 1, labels.belongs(first, f'lif_{name}')
        panels.objective(row[-2], first, [f'{name}_hsic_layer{l}' for l in range(layers)] if known else ())
        row[-2].set_title(f'objective by layer{own}' + '\n(dashed: published; gap: behind its legend)' * known, fontsize=9)
        panels.objective(row[-1], first, parts=(1, 2))
        row[-1].set_title(f'its terms{own}' + ('\n' if own else ': ') + 'HSIC(y, z), dotted: HSIC(x, z)', fontsize=9)
        panels.layers_legend(row[-1], layers, output=True)
    return labels.stamp(figure, runs, 'lines: mean over networks, bands: s.d.')


SMALL = {'linear': 'linear task', 'xor': 'XOR task'}


def published_beside(ax, runs, looks, mode, *curve):
    """The published curve beside the first run whose setting is that of its mode."""
    for run, (_, colour, _) in zip(runs, looks, strict=True):
        if labels.belongs(run, mode):
            name = 'back-propagation' if mode.startswith('bp_') else 'rule'
            panels.published_accuracy(ax, *curve, colour, f'{name}, published', panels.longest(runs))
            return


# %% F3: images
CURVES = {('mnist', 'biohsic_mnist'): ('mnist_curves', 'rule_test_acc_pct'),
          ('mnist', 'bp_mnist'): ('mnist_curves', 'bp_test_acc_pct'),
          ('cifar10', 'biohsic_cifar10_cnn'): ('cifar10_curves', 'rule_test_acc_pct'),
          ('cifar10', 'bp_cifar10_cnn'): ('cifar10_curves', 'bp_test_acc_pct')}


def f3_images(runs):
    """Test and training accuracy of the rule, its variants and back-propagation; one row a data set; dashed: published."""
    runs = pooled(runs)
    sets = list(dict.fromkeys(run[0]['params']['data'] for run in runs))
    which = panels.measured(runs)
    figure, axes = grid(len(sets), len(which), 4.6, 3.6)
    figure.set_figwidth(figure.get_figwidth() + 2.8)              # the legends
    for row, name in zip(axes, sets, strict=True):
        some = panels.select(runs, data=name)
        looks = labels.looks(some)
        for ax, one in zip(row, which, strict=True):
            panels.accuracy(ax, some, looks, one)
            ax.set_title(panels.measure_of(one, some), fontsize=11)
            if not ax.lines:
                panels.note(ax, 'not measured in these runs')
        row[0].set_title(f'{labels.task_of(some)}: test set', fontsize=11)
        for (data, mode), curve in CURVES.items():
            if data == name:
                published_beside(row[0], some, looks, mode, *curve)
        last = panels.longest(some)
        if name == 'mnist' and last > 2 and any((run[1]['test_accuracy'][last:] > 0.88).any() for run in some):
            panels.magnified(row[0], last * 0.4, last, (87, 99))
        panels.legend_outside(row[-1], *row[0].get_legend_handles_labels())
    return labels.stamp(figure, runs, 'lines: mean over networks, bands: s.d.')


# %% F4: memory
def f4_memory_sweep(runs):
    """Accuracies against the effective batch size, one line an epoch; dashed: published (CIFAR-10)."""
    every = sorted(pooled(runs), key=lambda run: run[0]['params']['batch_size'])
    runs = panels.select(every, readout_batch='window') or every
    control = panels.select(every, readout_batch='current') if len(runs) < len(every) else []
    sizes, which = [run[0]['params']['batch_size'] for run in runs], panels.measured(runs)
    figure, axes = grid(1, len(which), 4.6, 4)
    last = min(run[0]['params']['nepochs'] for run in runs)
    epochs = sorted({min(last, max(1, round(last * share))) for share in (0.1, 0.2, 0.3, 0.4, 1.0)})
    published, shown = all(labels.belongs(run, 'memory_sweep') for run in runs), 0
    for ax, one in zip(axes[0], which, strict=True):
        for epoch, colour in zip(epochs, colormaps['viridis'](np.linspace(0.75, 0.05, len(epochs))), strict=True):
            values = [100 * run[1][f'{one}_accuracy'][epoch] for run in runs]
            error = [v.std(ddof=1) if len(v) > 1 else 0.0 for v in values]
            ax.errorbar(range(len(sizes)), [v.mean() for v in values], error if any(error) else None, marker='o', capsize=2,
                        color=colour, label=f'epoch {epoch}')
            if published and one != 'check':
                shown += panels.published_sweep(ax, f'{one}_acc_pct', sizes, epoch, colour)
        if [run[0]['params']['batch_size'] for run in control] == sizes:
            ax.plot(range(len(sizes)), [100 * run[1][f'{one}_accuracy'][last].mean() for run in control], ':', marker='s',
                    color='#D55E00', label=f'epoch {last}, read-out\nlearns from one sample')
        ax.set_xticks(range(len(sizes)), sizes)
        bottom, top = ax.get_ylim()
        ax.set(xlabel='effective batch size N', ylabel=panels.MEASURES[one], title=panels.measure_of(one, runs),
               ylim=(max(0, bottom), min(102, top)))
    panels.legend_outside(axes[0, -1], *axes[0, 0].get_legend_handles_labels(), title='dashed: published' if shown else None)
    figure.suptitle(labels.task_of(runs), fontsize=12)
    return labels.stamp(figure, every, 'points: mean over networks, bars: s.d.')


# %% does the third factor act?
def fig_third_factor(runs):
    """Kernel values, size of xi, cosine with the exact gradient, objective with and without bias; one row a run of the rule."""
    runs = [run for run in runs if 'third_factor_xi' in run[1]]
    figure, axes = grid(len(runs), 4, 3.9, 3.1)
    figure.get_layout_engine().set(w_pad=0.08)
    for row, run, (label, *_) in zip(axes, runs, labels.looks(runs), strict=True):
        p, d = run[0]['params'], run[1]
        panels.kernel_values(row[0], d)
        panels.by_layer(row[1], d['third_factor_xi'], 'root mean square of ξ', log=True)
        panels.cosine(row[2], d['third_factor_cosine'])
        unbiased = panels.biased_and_unbiased(row[3], d)
        row[0].set_title('dashed: untrained, solid: at the end', fontsize=10)
        title = f'{panels.NAMES.get(p["data"], p["data"])}, N = {p["batch_size"]}: {label}'
        row[1].set_title(panels.folded(title), fontsize=10)
        row[3].set_title('dotted: without bias' if unbiased else 'without bias: needs N of 4 or more', fontsize=10)
        panels.layers_legend(row[3], d['third_factor_xi'].shape[2])
    return labels.stamp(figure, runs, 'lines: mean over networks, bands: s.d.')


FIGURES = {'f1_reservoir': f1_reservoir, 'f2_small_tasks': f2_small_tasks, 'f3_mnist': f3_images, 'f3_large_tasks': f3_images,
           'f3_fashion': f3_images, 'f3_cifar10': f3_images, 'f3_cifar10_full': f3_images, 'f4_memory_sweep': f4_memory_sweep,
           'f4_cifar10': f4_memory_sweep, 'fig_third_factor': fig_third_factor}


# %% the figures of modes
def figure_of(p):
    """Name of the figure that a run with parameters p belongs to."""
    if p.task == 'reservoir':
        return 'f1_reservoir'
    if p.task == 'lif' and p.data in ('linear', 'xor'):
        return 'f2_small_tasks'
    members = exp_params.SWEEPS.get(p.mode, ())
    return 'f4_memory_sweep' if any('batch_size' in member for member in members) else 'f3_large_tasks'


def members_of(words):
    """The runs that the words ask for; mode=a,b: of several modes, each with the other words."""
    words, given = apart(words, 'mode')
    found = []
    for mode in (given['mode'] or exp_params.mode).split(','):
        members = load_members(exp_params, f'mode={mode}', *words)
        if mode in exp_params.SWEEPS and not any(w.split('=')[0].strip() == 'array_num' for w in words):
            members = load_members(exp_params, f'mode={mode}', *words, 'array_num=0')
        found += members
    return found


def by_figure(members):
    """{(name, ...): members} of the figures that these members make. Other runs on the points of linear or XOR go where leaky
    integrators on the same points are; every memory sweep has a figure of its own."""
    small, found = {p.data for p in members if figure_of(p) == 'f2_small_tasks'}, {}
    for p in members:
        name = 'f2_small_tasks' if p.data in small and p.task != 'reservoir' else figure_of(p)
        found.setdefault((name, p.mode) if name == 'f4_memory_sweep' else (name,), []).append(p)
    return found


def main(words):
    """Draw the figures of the runs that `words` (or exp_params.mode) name; the modes are in the files' names."""
    members = load_or_exit(exp_params, words, lambda module, *words: members_of(words))
    runs = finished(members)
    for (name, *_), some in by_figure(members).items():
        save(name, FIGURES[name], [run for p, run in zip(members, runs, strict=True) if p in some])
    if any('third_factor_xi' in d for _, d in runs):
        save('fig_third_factor', fig_third_factor, runs)


def save(name, draw, runs):
    """Draw a figure of runs and save it under its name, their modes, and what is changed in these."""
    modes = '_'.join(dict.fromkeys(meta['params']['mode'] for meta, _ in runs))
    save_figure(draw(runs), 'biohsic', f'{name}_{modes}{variant(exp_params, runs, told=("array_num",))}')


if __name__ == '__main__':
    plots('biohsic')
