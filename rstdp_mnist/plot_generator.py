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

from common.figures import finished, save_figure, style, variant
from common.results import is_complete, load_npz, result_path
from common.script import load_or_exit, plots
from common.words import command, load_members
from rstdp_mnist import exp_params, features, plot_beyond
from rstdp_mnist import plot_features as stimuli
from rstdp_mnist import plot_panels as panels
from rstdp_mnist.nmnist import FRAME
from rstdp_mnist.simulation import so_far

BINS, MAPS = 15, 30                     # time bins, maps of layer 1 that a figure shows
KNOWN = {'mnist': ('replication_mnist', 'spyketorch_mnist'), 'nmnist': ('replication_nmnist',)}      # published curves
SHOWN = {'fig_2': ('time bins', lambda p: p.n_time_bins, BINS), 'fig_nmnist': ('time bins', lambda p: p.n_time_bins, BINS),
         'fig_3': ('maps of layer 1', lambda p: p.n_maps[0], MAPS), 'fig_4': ('maps of layer 1', lambda p: p.n_maps[0], MAPS)}


# %% accuracy
def fig_1(runs):
    """Accuracy by epoch; on MNIST beside replication, authors' simulator, the paper's 97.2 %; on N-MNIST its own curve."""
    plt = style()
    figure, ax = plt.subplots(figsize=(13, 5))
    epochs = max(len(runs[0][1]['train_fractions']), 2)
    for name in KNOWN.get(panels.params_of(runs[0]).data, ()):
        panels.curve_of(ax, name, epochs)
    panels.our_curves(ax, runs)
    panels.paper_line(ax, runs)
    panels.epoch_axis(ax)
    ax.legend(loc='center left', bbox_to_anchor=(1.01, 0.5))
    return figure


def fig_compared(runs):
    """Test accuracy of several settings with the same initial weights, mean over seeds; the known replication beside them."""
    plt = style()
    figure, (left, right) = plt.subplots(1, 2, figsize=(12.5, 4.6), width_ratios=(1.15, 1))
    last = min(arrays['test_epochs'][-1] for _, arrays in runs)
    names = list(dict.fromkeys(panels.name_of(run) for run in runs))
    for place, name in enumerate(names):
        own = [run for run in runs if panels.name_of(run) == name]
        epochs, test = own[0][1]['test_epochs'], panels.accuracy(own, 'test')
        line, = left.plot(epochs, test.mean(axis=0), color=None if place else '#222222', lw=1.5 if place else 2.2)
        left.fill_between(epochs, test.min(axis=0), test.max(axis=0), color=line.get_color(), alpha=0.2, lw=0)
        panels.dot(right, test[:, epochs == last][:, 0], place, line.get_color())
    if runs[0][0]['mode'] == 'paper_short' and panels.of_mnist(runs):
        known, colour = panels.published('replication_mnist'), panels.COLOURS['replication_mnist'][2]
        keep = known['epoch'] <= last
        left.plot(known['epoch'][keep], known['test'][keep], color=colour, ls='--')
        panels.dot(right, known['test'][known['epoch'] == last], len(names), colour)
        names.append('the replication, as logged')
    panels.paper_line(left, runs)
    panels.epoch_axis(left, 'test accuracy (%)')
    right.set(yticks=range(len(names)), yticklabels=names, xlabel=f'test accuracy (%) after epoch {last}')
    right.margins(x=0.16, y=0.16)
    panels.letters((left, right))
    right.invert_yaxis()
    return figure


def fig_replication(runs):
    """Our replication mode beside the replication's own curve."""
    plt = style()
    figure, ax = plt.subplots(figsize=(7.5, 4.6))
    if panels.of_mnist(runs):
        panels.curve_of(ax, 'replication_mnist', max(len(arrays['train_fractions']) for _, arrays in runs))
    panels.our_curves(ax, runs)
    panels.paper_line(ax, runs)
    panels.epoch_axis(ax)
    ax.legend(loc='center left', bbox_to_anchor=(1.01, 0.5))
    return figure


def fig_long(runs):
    """One long run: training, test and validation accuracy; longer runs of another program with the same rules."""
    plt = style()
    figure, ax = plt.subplots(figsize=(9, 4.8))
    others = (('default_mode_long_run', '#777777', 'an earlier program of ours, test'),
              ('dropout_0.5_run', '#009E73', 'the same with dropout 0.5, test')) if panels.of_mnist(runs) else ()
    for name, colour, label in others:
        epochs, test = panels.measured(name)
        ax.plot(epochs, test, color=colour, lw=1, label=label)
    _, light, dark = panels.COLOURS['ours']
    for part, colour in (('train', light), ('test', dark), ('validation', panels.WITHHELD)):
        values = panels.accuracy(runs, part)[0]
        if len(values) and not (part == 'test' and panels.closed(runs[0])):
            epochs = np.arange(len(values)) if part == 'train' else runs[0][1]['test_epochs']
            ax.plot(epochs, values, color=colour, lw=2, label='training' if part == 'train' else part)
    panels.paper_line(ax, runs)
    if others:
        ax.axhline(96.49, color=panels.COLOURS['spyketorch_mnist'][2], ls=':', label="authors' simulator, best of 680 epochs")
    panels.epoch_axis(ax)
    ax.set_ylim(bottom=min(89.5, ax.get_ylim()[1] - 1))
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
    panels.paper_line(ax, runs)
    panels.epoch_axis(ax, 'test accuracy (%), one network each')
    ax.set_ylim(bottom=min(89.5, ax.get_ylim()[1] - 1))
    ax.legend(loc='lower right')
    return figure


# %% the network
def fig_2(runs):
    """One stimulus as spike waves: filters (or polarities) from top to bottom, time bins from left to right."""
    latency, p = runs[0][1]['example_latency'][0], panels.params_of(runs[0])
    shown = min(p.n_time_bins, BINS)
    plt = style()
    figure, axes = plt.subplots(len(latency), shown + 1, figsize=(shown * 0.85 + 1.2, len(latency) * 0.95 + 0.2), squeeze=False)
    for c, row in enumerate(axes):
        for t, ax in enumerate(row[:-1]):
            panels.picture(ax, latency[c] == t, f'bin {t}' if c == 0 else '')
        panels.picture(row[-1], np.where(latency[c] < p.n_time_bins, latency[c], np.nan), 'all' if c == 0 else '',
                       cmap='viridis_r', vmax=p.n_time_bins)
        row[0].set_ylabel(panels.channel_name(p, c), rotation=0, ha='right', va='center', fontsize=9)
    return figure


def fig_nmnist(runs):
    """A recording of the event camera: its events by frame, each pixel's first event (the input spikes), its latencies."""
    (_, arrays), p = runs[0], panels.params_of(runs[0])
    x, y, _, time = arrays['example_events'].T
    latency, shown = arrays['example_latency'][0], min(p.n_time_bins, BINS)
    plt = style()
    figure, axes = plt.subplots(3, shown + 1, figsize=(shown * 0.9 + 1.2, 3.4))
    frames = (time - time.min(initial=np.iinfo(time.dtype).max)) // FRAME            # without any event: nothing
    for t in range(shown):
        counts = np.zeros(latency.shape[1:])
        np.add.at(counts, (y[frames == t], x[frames == t]), 1)
        panels.picture(axes[0, t], np.minimum(counts, 3) / 3, f'{20 * t} ms')
        for c in (0, 1):
            panels.picture(axes[c + 1, t], latency[c] == t, '')
    total = np.zeros(latency.shape[1:])
    np.add.at(total, (y, x), 1)
    panels.picture(axes[0, -1], total / max(1, total.max()), 'all')
    for c in (0, 1):
        panels.picture(axes[c + 1, -1], np.where(latency[c] < p.n_time_bins, latency[c], np.nan), 'latency' if c == 0 else '',
                       cmap='viridis_r', vmax=p.n_time_bins)
    for ax, name in zip(axes[:, 0], ('events', *(panels.channel_name(p, c) for c in (0, 1))), strict=True):
        ax.set_ylabel(name, rotation=0, ha='right', va='center', fontsize=9)
    return figure


def fig_3(runs):
    """Layer 1's kernels (one channel: the second, if there is one) before and after STDP."""
    plt = style()
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.2))
    figure.get_layout_engine().set(wspace=0.06)
    p = panels.params_of(runs[0])
    c = min(1, p.n_channels - 1)
    for ax, weight, when in zip(axes, (panels.initial_kernels(runs[0]), runs[0][1]['conv1_weight']), ('before', 'after'),
                                strict=True):
        panels.picture(ax, panels.tiles(weight[:MAPS, c], 6), f'layer 1, {panels.channel_name(p, c)}, {when} training',
                       cmap='viridis')
    figure.colorbar(axes[0].images[0], ax=axes, shrink=0.75, label='weight')
    return figure


def fig_4(runs):
    """Preferred stimuli in input space: S1 and S2 (STDP), S3 (R-STDP: of each class the maps that learned most)."""
    arrays, p = runs[0][1], panels.params_of(runs[0])
    weights = [arrays[f'conv{i}_weight'].astype(float) for i in (1, 2, 3)]
    shared = p.class_map != 'by_map'               # then every map stands for all classes
    each = min(2, p.n_maps[2] // p.n_classes)
    most = stimuli.most_selective(weights[2], 1, each * p.n_classes) if shared else (
        stimuli.most_selective(weights[2], p.n_classes, each))
    who = f'the {len(most)} maps that learned most, each for all classes' if shared else (
        f'of each class 0 … {p.n_classes - 1} the {("map", "two maps")[each - 1]} that learned most')
    S1, S2, S3 = stimuli.reconstructed(p, weights, most)
    span = np.maximum(np.abs(S3).max(axis=(1, 2), keepdims=True), 1e-12)
    plt = style()
    figure = plt.figure(figsize=(11, 6.6))
    top, bottom = figure.subfigures(2, 1, height_ratios=(1.55, 1))
    axes = top.subplots(1, 2, width_ratios=(1, 1.75), subplot_kw={'anchor': 'N'})
    panels.picture(axes[0], stimuli.mosaic(S1[:MAPS], 6), 'S1 (STDP)')
    panels.picture(axes[1], stimuli.mosaic(S2[:50], 10, 2), f'S2 (STDP), {min(50, len(S2))} of {len(S2)} maps')
    panels.picture(bottom.subplots(), stimuli.mosaic((S3 / span + 1) / 2, p.n_classes, 3, scale=False),
                   f'S3 (R-STDP), {who}: what they want more (red) or less (blue) than the mean map', cmap='RdBu_r')
    return figure


def fig_5(runs):
    """Confusion matrix, convergence of layers 1 and 2, latencies by layer."""
    plt = style()
    figure, axes = plt.subplots(1, 3, figsize=(14, 4.5))
    panels.confusion(axes[0], runs[0])
    panels.convergence(axes[1], runs[0])
    panels.latencies(axes[2], runs[0])
    panels.letters(axes)
    return figure


def fig_other(runs):
    """The same of the default network on other images, which the title names."""
    figure = fig_5(runs)
    figure.suptitle(f'{panels.name_of(runs[0])}, seed {runs[0][0]["seed"]}', fontsize=10)
    return figure


FIGURES = {'fig_1': fig_1, 'fig_2': fig_2, 'fig_3': fig_3, 'fig_4': fig_4, 'fig_5': fig_5, 'fig_ablation': fig_compared,
           'fig_threshold': fig_1, 'fig_replication': fig_replication, 'fig_long': fig_long, 'fig_gap': fig_gap,
           'fig_digits': fig_5, 'fig_nmnist': fig_nmnist, 'fig_fashion_mnist': fig_other, 'fig_cifar10': fig_other,
           **plot_beyond.FIGURES}


# %% every figure of one mode
def runs_to_draw(words):
    """The finished runs that these words ask for (every member that is there), or the one unfinished run as far as it is."""
    members = load_or_exit(exp_params, words, load_members)
    if not any(w.startswith(('seed=', 'array_num=')) for w in words):
        several = load_or_exit(exp_params, [*words, 'array_num=0'], load_members)
        members = [p for p in several if is_complete(result_path(p))] or members
    if len(members) > 1 or is_complete(result_path(members[0])):
        return finished(members)
    partly, stage = so_far(members[0]), stage_of(members[0])
    if stage and not partly:
        raise ValueError(f'{members[0].member} is in {stage}, before its first test: nothing to draw yet; it goes on with: '
                         f'{command(members[0])}')
    return [partly] if partly else finished(members)


def stage_of(p):
    """'layer 1', 2 or 3: where an unfinished run is; None if it has no checkpoint."""
    top, below = result_path(p).with_suffix('.checkpoint.npz'), features.cache_path(p).with_suffix('.checkpoint.npz')
    if is_complete(top, 'checkpoint'):
        return 'layer 3'
    return f'layer {load_npz(below, "checkpoint")[0]["stage"]}' if is_complete(below, 'checkpoint') else None


def main(words):
    """Draw the figures of the mode that `words` (or exp_params.mode) name, those of each setting by themselves."""
    settings = panels.by_setting(runs_to_draw(words))
    for runs in settings:
        draw(runs)
        if len(settings) > 1:                      # many figures: none stays open
            style().close('all')


def draw(runs):
    """The figures of runs that differ by seed only; mode and seeds stand in name and title, what differs from the mode, too."""
    meta, p = runs[0][0], panels.params_of(runs[0])
    which = f'seed{p.seed}' if len(runs) == 1 else f'{len(runs)}seeds'      # in the file's name, too
    remark = f', unfinished: epoch {meta["epoch"]} of {p.epochs_s3}' if 'epoch' in meta else ''
    remark += ', test set closed' if panels.closed(runs[0]) else ''
    names = ['fig_1', 'fig_2', 'fig_3', 'fig_5', 'fig_nmnist' if p.data == 'nmnist' else 'fig_4']
    names += ['fig_long'] * (p.mode == 'paper') + ['fig_beyond'] * (p.reward != 'winner')
    for name in names:
        figure = FIGURES[name](runs)
        of_one = '' if name in ('fig_1', 'fig_beyond') or len(runs) == 1 else f' (shown: seed {p.seed})'
        standin = "stand-in data: scikit-learn's digits, enlarged" if p.data == 'digits' else p.data
        what, number, most = SHOWN.get(name, ('', lambda p: 0, 0))
        part = f'; the first {most} of {number(p)} {what}' if number(p) > most else ''
        panels.title(figure, f'{p.mode} ({panels.name_of(runs[0])}), {which}{of_one}{remark}; {standin}{part}')
        save_figure(figure, 'rstdp_mnist', f'{name}_{p.mode}_{which}{variant(exp_params, runs)}')


if __name__ == '__main__':
    plots('rstdp_mnist')
