"""Figures of the R-STDP network, from saved results only.

    python -m rstdp_mnist.plot_generator mode=paper_short            every figure of one run (or of all seeds that are there)
    python -m rstdp_mnist.plot_generator mode=paper_short seed=1
"""
# %% what the figures need
import sys
from pathlib import Path

import numpy as np

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from common.figures import finished, save_figure, style
from common.results import result_path
from common.script import load_or_exit, plots
from common.words import load_members
from rstdp_mnist import encoding, exp_params
from rstdp_mnist import plot_panels as panels


# %% accuracy
def fig_1(runs):
    """Accuracy by epoch: the replication, the authors' simulator, ours; the paper's 97.2 % dashed."""
    plt = style()
    figure, ax = plt.subplots(figsize=(13, 5))
    epochs = len(runs[0][1]['train_fractions'])
    for name in ('replication_mnist', 'replication_nmnist', 'spyketorch_mnist'):
        panels.curve_of(ax, name, max(epochs, 2))
    panels.our_curves(ax, runs)
    panels.paper_line(ax)
    ax.spines['left'].set_visible(False)
    panels.epoch_axis(ax)
    ax.legend(loc='center left', bbox_to_anchor=(1.01, 0.5))
    return figure


def fig_compared(runs):
    """Test accuracy of several settings with the same initial weights; the known replication for comparison."""
    plt = style()
    figure, (left, right) = plt.subplots(1, 2, figsize=(12.5, 4.6), width_ratios=(1.15, 1))
    last = min(arrays['test_epochs'][-1] for _, arrays in runs)
    names = [panels.name_of(run) for run in runs]
    for place, run in enumerate(runs):
        epochs, test = run[1]['test_epochs'], 100 * run[1]['test_fractions'][:, 0]
        line, = left.plot(epochs, test, color=None if place else '#222222', lw=1.5 if place else 2.2)
        panels.dot(right, test[epochs == last][0], place, line.get_color())
    if runs[0][0]['mode'] == 'paper_short':
        known, colour = panels.published('replication_mnist'), panels.COLOURS['replication_mnist'][2]
        keep = known['epoch'] <= last
        left.plot(known['epoch'][keep], known['test'][keep], color=colour, ls='--')
        panels.dot(right, known['test'][known['epoch'] == last][0], len(names), colour)
        names.append('the replication, as logged')
    panels.paper_line(left)
    panels.epoch_axis(left, 'test accuracy (%)')
    right.set(yticks=range(len(names)), yticklabels=names, xlabel=f'test accuracy (%) after epoch {last}')
    right.margins(x=0.16, y=0.12)
    right.invert_yaxis()
    return figure


def fig_replication(runs):
    """Our replication mode beside the replication's own curve."""
    plt = style()
    figure, ax = plt.subplots(figsize=(7.5, 4.6))
    panels.curve_of(ax, 'replication_mnist', 21)
    panels.our_curves(ax, runs)
    panels.paper_line(ax)
    panels.epoch_axis(ax)
    ax.legend(loc='center left', bbox_to_anchor=(1.01, 0.5))
    return figure


def fig_long(runs):
    """One long run: training, test and validation accuracy; longer runs of another program with the same rules."""
    plt = style()
    figure, ax = plt.subplots(figsize=(9, 4.8))
    for name, colour, label in (('default_mode_long_run', '#777777', 'prototype of the same rules, test'),
                                ('dropout_0.5_run', '#009E73', 'the same with dropout 0.5, test')):
        epochs, test = panels.measured(name)
        ax.plot(epochs, test, color=colour, lw=1, label=label)
    for part, colour in (('train', panels.COLOURS['ours'][1]), ('test', panels.COLOURS['ours'][2]), ('validation', '#D55E00')):
        values = panels.accuracy(runs, part)[0]
        if len(values):
            epochs = np.arange(len(values)) if part == 'train' else runs[0][1]['test_epochs']
            ax.plot(epochs, values, color=colour, lw=2, label='training' if part == 'train' else part)
    panels.paper_line(ax)
    ax.axhline(96.49, color=panels.COLOURS['spyketorch_mnist'][2], ls=':', label="authors' simulator, best of 680 epochs")
    panels.epoch_axis(ax)
    ax.set_ylim(89.5, 99)
    ax.legend(loc='lower right')
    return figure


def fig_gap(runs):
    """Test accuracy of several long runs as far as the shortest of them goes."""
    plt = style()
    figure, ax = plt.subplots(figsize=(9, 4.8))
    last = min(run[1]['test_epochs'][-1] for run in runs)
    for run, colour in zip(runs, ('#0B5FA5', '#009E73', '#D55E00', '#CC79A7', '#777777', '#E69F00'), strict=False):
        epochs = run[1]['test_epochs']
        ax.plot(epochs[epochs <= last], panels.accuracy([run], 'test')[0][epochs <= last], color=colour, lw=1.8,
                label=panels.name_of(run))
    panels.paper_line(ax)
    panels.epoch_axis(ax, 'test accuracy (%)')
    ax.set_ylim(89.5, 98)
    ax.legend(loc='lower right')
    return figure


# %% the network
def fig_2(runs):
    """One digit as spike waves: six channels, time bins from left to right."""
    latency = runs[0][1]['example_latency'][0]
    n_bins = panels.params_of(runs[0]).n_time_bins
    shown = min(n_bins, 15)
    plt = style()
    figure, axes = plt.subplots(len(latency), shown, figsize=(shown * 0.85, len(latency) * 0.95), squeeze=False)
    for c, row in enumerate(axes):
        for t, ax in enumerate(row):
            panels.picture(ax, latency[c] == t, f'bin {t}' if c == 0 else '')
        name = f'DoG {encoding.DOG[c % len(encoding.DOG)][0]}\n{"off" if c % 2 else "on"}'
        row[0].set_ylabel(name, rotation=0, ha='right', va='center', fontsize=9)
    return figure


def fig_3(runs):
    """Layer 1's kernels (one channel) before and after STDP."""
    plt = style()
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.6))
    for ax, weight, when in zip(axes, (panels.initial_kernels(runs[0]), runs[0][1]['conv1_weight']), ('before', 'after'),
                                strict=True):
        image = np.ones((5 * 6 - 1, 6 * 6 - 1)) * np.nan
        for f, kernel in enumerate(weight[:30, 1]):
            y, x = divmod(f, 6)
            image[y * 6:y * 6 + 5, x * 6:x * 6 + 5] = kernel
        panels.picture(ax, image, f'layer 1, channel 1, {when} training', cmap='viridis')
    figure.colorbar(axes[0].images[0], ax=axes, shrink=0.75, label='weight')
    return figure


def fig_4(runs):
    """Preferred stimuli in input space: S1 and S2 (STDP), S3 (R-STDP: of each class the four maps that learned most)."""
    arrays = runs[0][1]
    weights = [arrays[f'conv{i}_weight'].astype(float) for i in (1, 2, 3)]
    S1, S2, S3 = panels.reconstructed(weights, panels.most_selective(weights[2], panels.params_of(runs[0]).n_classes, 4))
    plt = style()
    figure, axes = plt.subplots(1, 3, figsize=(13, 4.3), width_ratios=(0.75, 1.05, 2.3))
    panels.picture(axes[0], panels.mosaic(S1[:30], 5), 'S1 (STDP)')
    panels.picture(axes[1], panels.mosaic(S2[:56], 7, 2), f'S2 (STDP), 56 of {len(S2)} maps')
    panels.picture(axes[2], panels.mosaic(S3, 10, 3), 'S3 (R-STDP), four maps of each class 0 … 9')
    return figure


def fig_5(runs):
    """Confusion matrix, convergence of layers 1 and 2, latencies by layer."""
    plt = style()
    figure, axes = plt.subplots(1, 3, figsize=(14, 4.5))
    panels.confusion(axes[0], runs[0])
    panels.convergence(axes[1], runs[0])
    panels.latencies(axes[2], runs[0])
    return figure


FIGURES = {'fig_1': fig_1, 'fig_2': fig_2, 'fig_3': fig_3, 'fig_4': fig_4, 'fig_5': fig_5, 'fig_ablation': fig_compared,
           'fig_threshold': fig_1, 'fig_replication': fig_replication, 'fig_long': fig_long, 'fig_gap': fig_gap,
           'fig_digits': fig_5}


# %% every figure of one mode
def main(words):
    """Draw the figures of the mode that `words` (or exp_params.mode) name."""
    members = load_or_exit(exp_params, words, load_members)
    if not any(w.startswith(('seed=', 'array_num=')) for w in words):
        several = load_or_exit(exp_params, [*words, 'array_num=0'], load_members)
        members = [p for p in several if result_path(p).exists()] or members
    runs = finished(members)
    dog = runs[0][0]['params']['n_channels'] == 6
    long = ('fig_long',) if members[0].mode == 'paper' else ()
    for name in ('fig_1', *long, *(('fig_2', 'fig_3', 'fig_4') if dog else ()), 'fig_5'):
        figure = FIGURES[name](runs)
        if members[0].data == 'digits':
            figure.suptitle("stand-in data: scikit-learn's digits, enlarged", fontsize=9)
        save_figure(figure, 'rstdp_mnist', name)


if __name__ == '__main__':
    plots('rstdp_mnist')
