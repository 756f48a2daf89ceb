"""Figures of the HSIC-bottleneck rule, from saved results only.

    python -m biohsic.plot_generator mode=lif_xor nmodels=5     the figure of a run that simulation.py has finished
    python -m biohsic.plot_generator mode=biohsic_mnist,bp_mnist nepochs=5      the rule against its rival in one figure
    python -m biohsic.plot_generator mode=memory_sweep          all members of the sweep
"""
# %% what the figures need
import sys
from pathlib import Path

import numpy as np

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from biohsic import exp_params
from biohsic import plot_panels as panels
from common.figures import finished, grid, save_figure, style, variant
from common.script import load_or_exit, plots
from common.words import apart, load_members


# %% F1: the reservoir
def f1_reservoir(runs):
    """Target and read-out right after learning of each window, and with the read-out frozen. First network only."""
    figure, axes = grid(2, 4, 3.6, 2.5)
    (target, output), (frozen_target, frozen_output) = panels.reservoir_series(runs[0])
    step, last = runs[0][0]['params']['time_step'], len(target) * runs[0][0]['params']['time_step']
    for column, (begin, title) in enumerate(((1.8, 'start of training'), (3.0, 'epoch 1 to 2'), (5.0, 'epoch 2 to 3'))):
        begin = min(begin, max(0.0, round(last - 1.0, 2)))
        part = slice(round(begin / step), round((begin + 1) / step))
        panels.heat_maps(axes[:, column], (target[part], output[part]), (begin, begin + 1), (f'target, {title}', 'read-out'))
    part = slice(0, round(1 / step))
    panels.heat_maps(axes[:, 3], (frozen_target[part], frozen_output[part]), (0, 1), ('target, new epoch', 'read-out, frozen'))
    for ax in axes[1]:
        ax.set_xlabel('simulation time (s)')
    for ax in axes[:, 0]:
        ax.set_ylabel('component of ξ')
    p = runs[0][0]['params']
    figure.suptitle(f'Reservoir output for MNIST input and random activation pattern (one network of n = {len(runs)}, '
                    f'seed {p["seed"]})', fontsize=12)
    return figure


# %% F2: linear and XOR
def f2_small_tasks(runs):
    """Network, training points, test accuracy, HSIC objective and its two terms; one row a task, published values dashed."""
    tasks = [name for name in ('linear', 'xor') if panels.select(runs, data=name)]
    figure, axes = grid(len(tasks), 5, 3.7, 3.1)
    for row, name in zip(axes, tasks, strict=True):
        some = panels.select(runs, data=name)
        p = some[0][0]['params']
        panels.sketch(row[0], (2, *p['features'], p['nclasses']))
        panels.points(row[1], some[0])
        panels.accuracy(row[2], some)
        panels.published_accuracy(row[2], 'small_curves', {f'{name}_test_acc_pct': 'released'}, small=True)
        shipped = tuple(p['features']) == exp_params.FEATURES[name]
        panels.objective(row[3], some[0], [f'{name}_hsic_layer{l}' for l in range(len(p['features']) + 1)] if shipped else ())
        panels.objective(row[4], some[0], parts=(1, 2))
        row[2].set_title(NAME_OF[name], fontsize=11)
    axes[0, 0].set_title('network', fontsize=11)
    axes[0, 3].set_title('objective by layer (dashed: published; gap: behind its legend)', fontsize=9)
    axes[0, 4].set_title('its terms: HSIC(y, z), dotted HSIC(x, z)', fontsize=10)
    return figure


NAME_OF = {'linear': 'linear task', 'xor': 'XOR task'}


# %% F3: images
CURVES = {'mnist': ('mnist_curves', {'bp_test_acc_pct': 'bp', 'rule_test_acc_pct': 'released'}),
          'cifar10': ('cifar10_curves', {'bp_test_acc_pct': 'bp', 'rule_test_acc_pct': 'released'})}


def f3_images(runs):
    """Test and training accuracy of the rule, its variants and back-propagation; one row a data set; dashed: published."""
    sets = list(dict.fromkeys(run[0]['params']['data'] for run in runs))
    figure, axes = grid(len(sets), 2, 5.0, 3.6)
    for row, name in zip(axes, sets, strict=True):
        some = panels.select(runs, data=name)
        for ax, which in zip(row, ('test_accuracy', 'train_accuracy'), strict=True):
            panels.accuracy(ax, some, which)
        longest = max(run[0]['params']['nepochs'] for run in some)
        row[0].set_xlim(-0.03 * longest, longest * 1.03)
        row[1].set_xlim(-0.03 * longest, longest * 1.03)
        reduced = name == 'cifar10' and some[0][0]['params']['train_size']
        if name in CURVES and not reduced:
            panels.published_accuracy(row[0], *CURVES[name])
        if name == 'mnist' and longest >= 20:
            panels.magnified(row[0], some, CURVES[name], (longest * 0.4, longest), (88, 99))
        size = some[0][0]['params']['train_size']
        row[0].set_title(panels.NAMES.get(name, name) + (f', first {size} training images' if size else ''), fontsize=11)
        row[1].set_title('training windows, after their update', fontsize=11)
    return figure


# %% F4: memory
def f4_memory_sweep(runs):
    """Training and test accuracy against the effective batch size, one line an epoch; dashed: published (CIFAR-10)."""
    plt = style()
    figure, axes = plt.subplots(1, 2, figsize=(10, 4))
    runs = sorted(runs, key=lambda run: run[0]['params']['batch_size'])
    sizes, p = [run[0]['params']['batch_size'] for run in runs], runs[0][0]['params']
    epochs = sorted({min(p['nepochs'], max(1, round(p['nepochs'] * share))) for share in (0.1, 0.2, 0.3, 0.4, 1.0)})
    for ax, which in zip(axes, ('train', 'test'), strict=True):
        for epoch, shade in zip(epochs, np.linspace(0.25, 0.95, len(epochs)), strict=True):
            values = np.array([100 * run[1][f'{which}_accuracy'][epoch] for run in runs])
            error = values.std(axis=1, ddof=1) if values.shape[1] > 1 else None
            ax.errorbar(range(len(sizes)), values.mean(axis=1), error, marker='o', capsize=2, color=plt.cm.viridis(1 - shade),
                        label=f'epoch {epoch}')
        ax.set_xticks(range(len(sizes)), sizes)
        size = f', first {p["train_size"]} images' if p['train_size'] else ''
        ax.set(xlabel='effective batch size N', ylabel=f'{which} accuracy (%)',
               title=panels.NAMES.get(p['data'], p['data']) + size)
    published = panels.published('cifar10_memory_sweep')
    last = published[published['epoch_index'] == 'final(50)']
    if p['data'] == 'cifar10' and [int(n) for n in last['effective_batch_size']] == sizes:
        for ax, which in zip(axes, ('train', 'test'), strict=True):
            ax.plot(range(len(sizes)), last[f'{which}_acc_pct'], 'k--', lw=1.1, label='published, epoch 50, all images')
    axes[0].legend(fontsize=9)
    return figure


# %% does the third factor act?
def fig_third_factor(runs):
    """Kernel values, size of xi, cosine with the exact gradient, objective with and without bias; one row a run of the rule."""
    runs = [run for run in runs if 'third_factor_xi' in run[1]]
    figure, axes = grid(len(runs), 4, 3.9, 3.1)
    for row, (meta, d) in zip(axes, runs, strict=True):
        p = meta['params']
        panels.kernel_values(row[0], d)
        panels.by_layer(row[1], d['third_factor_xi'], 'root mean square of ξ', log=True)
        panels.by_layer(row[2], d['third_factor_cosine'], 'cosine with the exact gradient')
        row[2].set_ylim(-0.05, 1.05)
        panels.biased_and_unbiased(row[3], d)
        row[0].set_title(f'{p["mode"]}, {panels.LABELS[p["modulator"]]}, N = {p["batch_size"]}, n = {p["nmodels"]}',
                         fontsize=10)
    return figure


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


def main(words):
    """Draw the figures of the runs that `words` (or exp_params.mode) name; the modes are in the files' names."""
    members = load_or_exit(exp_params, words, lambda module, *words: members_of(words))
    runs, modes = finished(members), '_'.join(dict.fromkeys(p.mode for p in members))
    name, modes = figure_of(members[0]), modes + variant(exp_params, runs, told=('array_num',))
    save_figure(FIGURES[name](runs), 'biohsic', f'{name}_{modes}')
    if any('third_factor_xi' in d for _, d in runs):
        save_figure(fig_third_factor(runs), 'biohsic', f'fig_third_factor_{modes}')


if __name__ == '__main__':
    plots('biohsic')
