"""Pieces of the figures: each function draws into one axes from saved runs [(meta, arrays), ...]."""
import textwrap
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from matplotlib import colormaps
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from biohsic import data

PUBLISHED = Path(__file__).parent / 'published'
COLOURS = {'released': '#0072B2', 'published': '#56B4E9', 'exact': '#009E73', 'arxiv': '#E69F00', 'none': '#555555',
           'bp': '#D55E00', 'hsic': '#CC79A7'}
LAYER_COLOURS = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#555555']
LABELS = {'released': 'rule', 'published': 'rule, as published', 'exact': 'rule, exact gradient', 'arxiv': 'rule of 2021',
          'none': 'no third factor', 'bp': 'back-propagation', 'hsic': 'HSIC, full gradient'}
NAMES = {'mnist': 'MNIST', 'fashion_mnist': 'Fashion-MNIST', 'cifar10': 'CIFAR-10', 'digits': 'digits (8 x 8)',
         'linear': 'linear', 'xor': 'XOR'}


def published(name):
    """A digitised curve of the published figures: record array with the columns of published/published_<name>.csv."""
    return np.genfromtxt(PUBLISHED / f'published_{name}.csv', delimiter=',', names=True, dtype=None, encoding='utf-8')


def kind(run):
    """'bp', 'hsic', or the modulator of the three-factor rule."""
    p = run[0]['params']
    return p['task'] if p['task'] in ('bp', 'hsic') else p['modulator']


def select(runs, **wanted):
    """The runs whose parameters are these."""
    return [run for run in runs if all(run[0]['params'][name] == value for name, value in wanted.items())]


def band(ax, values, colour, label, x=None, **style):
    """Mean and s.d. over networks of values (epochs + 1, M); nothing where nothing was measured."""
    if not np.isfinite(values).any():
        return
    x = np.arange(len(values)) if x is None else x
    mean = values.mean(axis=1)
    ax.plot(x, mean, color=colour, label=label, **style)
    if values.shape[1] > 1:
        sd = values.std(axis=1, ddof=1)
        ax.fill_between(x, mean - sd, mean + sd, color=colour, alpha=0.2, lw=0)


def epochs(ax, last):
    """The x axis: whole epochs up to the last one."""
    ax.set(xlabel='epoch', xlim=(-0.03 * max(1, last), 1.03 * max(1, last)))
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
    if last < 2:
        ax.set_xticks(range(last + 1))


def marker(last):
    """Dots on the epochs of a short run."""
    return 'o' if last <= 10 else None


def note(ax, words):
    """A panel that cannot show anything says why."""
    ax.text(0.5, 0.5, words, ha='center', va='center', transform=ax.transAxes, fontsize=9, color='0.35')


def folded(words, width=46):
    """Words in lines of so many characters."""
    return textwrap.fill(words, width)


def legend_outside(ax, lines, names, below=False, title=None):
    """A legend right of the panel or below its axis, where it hides no curve."""
    place = dict(bbox_to_anchor=(0, 0), borderaxespad=5) if below else dict(bbox_to_anchor=(1, 1))
    ax.legend(lines, map(folded, names), loc='upper left', fontsize=8, title=title, title_fontsize=8, alignment='left', **place)


def layers_legend(ax, layers, output=False):
    """The legend of a row's layers, right of its last panel; output: the last one is the output layer."""
    names = {0: ' (first hidden)'} | ({layers - 1: ' (output)'} if output and layers > 1 else {})
    lines = [Line2D([], [], color=colour, label=f'layer {l}{names.get(l, "")}')
             for l, colour in enumerate(layer_colours(layers))]
    legend_outside(ax, lines, [line.get_label() for line in lines])


def layer_colours(layers):
    """A colour for each layer."""
    return LAYER_COLOURS[:layers] if layers <= len(LAYER_COLOURS) else list(colormaps['viridis'](np.linspace(0, 0.95, layers)))


# ---------------------------------------------------------------- accuracy

MEASURES = {'test': 'test accuracy (%)', 'train': 'training accuracy (%)', 'check': 'training accuracy (%)'}


def measured(runs):
    """Those of 'test', 'train', 'check' that some run holds."""
    return [name for name in MEASURES if any(np.isfinite(run[1].get(f'{name}_accuracy', np.nan)).any() for run in runs)]


def measure_of(name, runs):
    """What an accuracy was measured on, in words: a title."""
    sizes = sorted({run[0]['params']['check_size'] for run in runs} - {0})
    return {'test': 'test set', 'train': 'windows just learned, after their update',
            'check': f'first {" or ".join(map(str, sizes))} training samples' if sizes else 'some training samples'}[name]


def accuracy(ax, runs, looks, which='test'):
    """Accuracy (%) of each run against the epoch; looks: [(label, colour, line style), ...], see plot_labels."""
    for (_, d), (label, colour, style) in zip(runs, looks, strict=True):
        if f'{which}_accuracy' in d:
            values = 100 * d[f'{which}_accuracy']
            band(ax, values, colour, label, marker=marker(len(values) - 1), ls=style)
    epochs(ax, longest(runs))
    ax.set(ylabel=MEASURES[which], ylim=(0, 102))


def longest(runs):
    """Epochs of the longest run."""
    return max(run[0]['params']['nepochs'] for run in runs)


def published_accuracy(ax, name, column, colour, label, last):
    """A published accuracy, dashed, up to epoch `last`. Gaps: where the published legend hides the curve."""
    curve = published(name)
    curve = curve[curve['epoch'] <= last]
    gap = ' (gap: behind its legend)' if np.isnan(curve[column][1:]).any() else ''
    if np.isfinite(curve[column]).sum() > 1:
        ax.plot(curve['epoch'], curve[column], '--', color=colour, lw=1.1, label=label + gap)


def published_sweep(ax, column, sizes, epoch, colour):
    """The published accuracies of an epoch against the effective batch size, dashed. False if there are none."""
    table = published('cifar10_memory_sweep')
    table = table[table['epoch_index'] == {50: 'final(50)'}.get(epoch, str(epoch))]
    values = dict(zip(table['effective_batch_size'], table[column], strict=True))
    known = bool(values) and values.keys() >= set(sizes)
    if known:
        ax.plot(range(len(sizes)), [values[N] for N in sizes], '--', color=colour, lw=1.1)
    return known


def magnified(ax, first, last, percent):
    """An inset that shows the curves of ax from epoch `first` to `last`, where they lie close together."""
    inset = ax.inset_axes((0.3, 0.14, 0.65, 0.42))
    for line in ax.lines:
        inset.plot(*line.get_data(), color=line.get_color(), ls=line.get_linestyle(), lw=line.get_linewidth())
    inset.set(xlim=(first, last), ylim=percent)
    inset.set_xticks([tick for tick in ax.get_xticks() if first <= tick <= last])
    inset.tick_params(labelsize=7)
    ax.indicate_inset_zoom(inset, edgecolor='#999999')


# ---------------------------------------------------------------- small tasks

def sketch(ax, sizes):
    """The network: a circle for every unit."""
    for l, n in enumerate(sizes):
        y = np.arange(n) - (n - 1) / 2
        if l:
            before = np.arange(sizes[l - 1]) - (sizes[l - 1] - 1) / 2
            for a in before:
                ends = np.stack([np.full(n, l - 1), np.full(n, l)]), np.stack([np.full(n, a), y])
                ax.plot(*ends, color='#bbbbbb', lw=0.5, zorder=0)
        ax.scatter(np.full(n, l), y, s=60, c='#0072B2' if 0 < l < len(sizes) - 1 else '#ffffff', edgecolors='k', lw=0.8)
    height = max(5.2, max(sizes) / 2 + 0.2)
    ax.set(ylim=(-height, height), xlim=(-0.4, len(sizes) - 0.6))
    ax.axis('off')


def points(ax, run):
    """Training points coloured by label."""
    p = SimpleNamespace(**run[0]['params'])
    sets = data.points(p)
    x, y = sets.train_x[:p.train_size or None] / p.input_scale, sets.train_y[:p.train_size or None]
    for label, colour in ((0, '#0072B2'), (1, '#D55E00')):
        ax.scatter(*x[y == label].T, s=3, c=colour, label=f'class {label}')
    ax.set(xlabel='x$_1$', ylabel='x$_2$', title=f'{len(x)} training points')
    ax.set_aspect('equal')


def objective(ax, run, published_columns=(), parts=(0,)):
    """Training HSIC objective of each layer (parts: 0 objective, 1 HSIC(x, z), 2 HSIC(y, z)), published values dashed."""
    values, styles = run[1]['train_hsic'], {0: '-', 1: ':', 2: '-'}
    last, colours = len(values) - 1, layer_colours(values.shape[2])
    for l, colour in enumerate(colours):
        for part in parts:
            band(ax, values[:, :, l, part], colour, None, ls=styles[part])
    curve = published('small_curves')
    curve = curve[curve['epoch'] <= last]
    for column, colour in zip(published_columns, colours[:len(published_columns)], strict=True):
        ax.plot(curve['epoch'], curve[column], '--', color=colour, lw=1.1)
    epochs(ax, last)
    ax.set_ylabel('training HSIC objective' if parts == (0,) else 'HSIC, training')


# ---------------------------------------------------------------- reservoir

def heat_maps(axes, both, seconds, titles):
    """Components against time, target above read-out in the same colours."""
    low, high = min(v.min() for v in both), max(v.max() for v in both)
    for ax, values, title in zip(axes, both, titles, strict=True):
        image = ax.imshow(values.T, aspect='auto', extent=(*seconds, values.shape[1] - 0.5, -0.5), vmin=low, vmax=high)
        ax.set_title(title, fontsize=10)
        ax.xaxis.set_major_locator(MaxNLocator(nbins=6))
        ax.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, min_n_ticks=1))
        ax.tick_params(labelsize=7)
        bar = ax.figure.colorbar(image, ax=ax, fraction=0.06, pad=0.03, label='ξ')
        bar.ax.tick_params(labelsize=6)
        bar.ax.yaxis.get_offset_text().set_fontsize(6)
        bar.formatter.set_powerlimits((0, 0))


def reservoir_series(run):
    """(targets, outputs) (time, components) of the evaluation passes one after the other, and those of the frozen test."""
    d, T = run[1], run[1]['eval_output'].shape[3]
    return [(np.repeat(t.reshape(-1, t.shape[-1]), T, axis=0), o.reshape(-1, o.shape[-1]))
            for t, o in ((d['eval_target'][0], d['eval_output'][0]), (d['frozen_target'][0], d['frozen_output'][0]))]


# ---------------------------------------------------------------- third factor

def kernel_values(ax, d):
    """Histogram of K^z between different samples, before learning (thin, dashed) and at the end; one colour a layer."""
    values = d['third_factor_kz'].mean(axis=1)
    edges = np.linspace(0, 1, values.shape[2] + 1)
    for l, colour in enumerate(layer_colours(values.shape[1])):
        for epoch, style in ((0, dict(lw=0.8, ls='--')), (-1, dict(lw=1.8))):
            ax.stairs(values[epoch, l], edges, color=colour, **style)
    ax.set(xlabel='K$^z$ between different samples', ylabel='share of pairs', xlim=(0, 1))


def by_layer(ax, values, label, log=False):
    """A quantity of each hidden layer against the epoch: values (epochs + 1, M, layers)."""
    last = len(values) - 1
    for l, colour in enumerate(layer_colours(values.shape[2])):
        band(ax, values[:, :, l], colour, None, marker=marker(last))
    if log and (values > 0).any():
        ax.set_yscale('log')
    epochs(ax, last)
    ax.set_ylabel(label)


def cosine(ax, values):
    """Cosine of the weight change with the exact gradient, of each hidden layer: values (epochs + 1, M, layers)."""
    by_layer(ax, values, 'cosine with the exact gradient')
    if not ax.lines:
        note(ax, 'no cosine: the rule changes\nno weight of a hidden layer')
    ax.set_ylim(min(-0.05, ax.get_ylim()[0] if ax.lines else 0), 1.05)


def biased_and_unbiased(ax, d):
    """HSIC objective of each hidden layer: usual estimator solid, unbiased dotted. True if there is an unbiased one."""
    values = d['third_factor_hsic']
    for l, colour in enumerate(layer_colours(values.shape[2])):
        for part, style in ((0, '-'), (1, ':')):
            band(ax, values[:, :, l, part], colour, None, ls=style)
    ax.axhline(0, color='#999999', lw=0.6)
    epochs(ax, len(values) - 1)
    ax.set_ylabel('HSIC objective, 20 windows')
    return bool(np.isfinite(values[..., 1]).any())
