"""Pieces of the figures: each function draws into one axes from saved runs [(meta, arrays), ...]."""
from pathlib import Path

import numpy as np

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
    """Mean and s.d. over networks of values (epochs + 1, M)."""
    x = np.arange(len(values)) if x is None else x
    mean = values.mean(axis=1)
    ax.plot(x, mean, color=colour, label=label, **style)
    if values.shape[1] > 1:
        sd = values.std(axis=1, ddof=1)
        ax.fill_between(x, mean - sd, mean + sd, color=colour, alpha=0.2, lw=0)


def accuracy(ax, runs, name='test_accuracy', legend=True):
    """Accuracy (%) of each run against the epoch."""
    for run in runs:
        p, colour = run[0]['params'], COLOURS[kind(run)]
        raw = p['data'] in ('linear', 'xor') and p['input_scale'] == 1
        label = LABELS[kind(run)] + (', inputs not / 255' if raw else '') + (', own orders' if p['independent_orders'] else '')
        marker = 'o' if p['nepochs'] <= 10 else None
        band(ax, 100 * run[1][name], '#009E73' if raw else colour, f'{label} (n = {p["nmodels"]})', marker=marker,
             ls=':' if p['independent_orders'] else '-')
    ax.set(xlabel='epoch', ylabel=f'{name.split("_")[0]} accuracy (%)', ylim=(0, 100))
    ax.xaxis.get_major_locator().set_params(integer=True)
    if legend:
        ax.legend(loc='lower right', fontsize=8.5)


def published_accuracy(ax, name, columns, small=False):
    """The published accuracy, dashed; columns: {column: kind of run}. Gaps: where the published legend hides the curve."""
    curve = published(name)
    last = ax.get_xlim()[1]
    for column, what in columns.items():
        shown = curve['epoch'] <= max(1, last)
        gap = np.isnan(curve[column][shown][1:]).any()
        ax.plot(curve['epoch'][shown], curve[column][shown], '--', color=COLOURS[what], lw=1.1,
                label=f'{LABELS[what]}, published' + (' (gap: behind its legend)' if gap else ''))
    ax.legend(loc='lower right', fontsize=7 if small else 8.5)


def magnified(ax, runs, curves, epochs, percent):
    """An inset of the test accuracy where curves lie close together; curves: (name, columns) as in published_accuracy."""
    inset = ax.inset_axes((0.3, 0.42, 0.65, 0.42))
    accuracy(inset, runs, legend=False)
    published_accuracy(inset, *curves)
    inset.get_legend().remove()
    inset.set(xlim=epochs, ylim=percent, xlabel='', ylabel='')
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
    from types import SimpleNamespace
    p = SimpleNamespace(**run[0]['params'])
    sets = data.points(p)
    x = sets.train_x / p.input_scale
    for label, colour in ((0, '#0072B2'), (1, '#D55E00')):
        ax.scatter(*x[sets.train_y == label].T, s=3, c=colour, label=f'class {label}')
    ax.set(xlabel='x$_1$', ylabel='x$_2$', title=f'{NAMES.get(p.data, p.data)}: training points')
    ax.set_aspect('equal')


def objective(ax, run, published_columns=(), parts=(0,)):
    """Training HSIC objective of each layer (parts: 0 objective, 1 HSIC(x, z), 2 HSIC(y, z)), published values dashed."""
    values = run[1]['train_hsic']
    colours, styles = LAYER_COLOURS * (1 + values.shape[2] // len(LAYER_COLOURS)), {0: '-', 1: ':', 2: '-'}
    for l in range(values.shape[2]):
        for part in parts:
            band(ax, values[:, :, l, part], colours[l], f'layer {l}' if part == parts[0] else None, ls=styles[part])
    curve = published('small_curves') if len(published_columns) else None
    for l, column in enumerate(published_columns):
        ax.plot(curve['epoch'], curve[column], '--', color=colours[l], lw=1.1)
    ax.set(xlabel='epoch', ylabel='training HSIC objective' if parts == (0,) else 'HSIC, training')
    if parts == (0,):
        ax.legend(fontsize=8)


# ---------------------------------------------------------------- reservoir

def heat_maps(axes, both, seconds, titles):
    """Components against time, target above read-out in the same colours."""
    low, high = min(v.min() for v in both), max(v.max() for v in both)
    for ax, values, title in zip(axes, both, titles, strict=True):
        image = ax.imshow(values.T, aspect='auto', extent=(*seconds, values.shape[1] - 0.5, -0.5), vmin=low, vmax=high)
        ax.set_title(title, fontsize=10)
        ax.set_xticks(np.arange(seconds[0], seconds[1] + 0.05, 0.2))
        ax.tick_params(labelsize=7)
        ax.set_yticks([0, 5, values.shape[1] - 1])
        bar = ax.figure.colorbar(image, ax=ax, fraction=0.06, pad=0.03)
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
    """Histogram of K^z between different samples, before learning (thin) and at the end; one colour a layer."""
    values = d['third_factor_kz'].mean(axis=1)
    edges = np.linspace(0, 1, values.shape[2] + 1)
    for l in range(values.shape[1]):
        for epoch, style in ((0, dict(lw=0.8, ls='--')), (-1, dict(lw=1.8))):
            label = f'layer {l}' + (', untrained' if epoch == 0 else '')
            ax.stairs(values[epoch, l], edges, color=LAYER_COLOURS[l], label=label, **style)
    ax.set(xlabel='K$^z$ between different samples', ylabel='share of pairs', xlim=(0, 1))
    ax.legend(fontsize=7.5)


def by_layer(ax, values, label, log=False):
    """A quantity of each hidden layer against the epoch: values (epochs + 1, M, layers)."""
    for l in range(values.shape[2]):
        band(ax, values[:, :, l], LAYER_COLOURS[l], f'layer {l}', marker='o' if len(values) < 12 else None)
    if log and (values > 0).any():
        ax.set_yscale('log')
    ax.set(xlabel='epoch', ylabel=label)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(fontsize=7.5)


def biased_and_unbiased(ax, d):
    """HSIC objective of each hidden layer: usual estimator solid, unbiased dotted."""
    values = d['third_factor_hsic']
    for l in range(values.shape[2]):
        for part, style in ((0, '-'), (1, ':')):
            label = f'layer {l}' + (', unbiased' if part else '')
            band(ax, values[:, :, l, part], LAYER_COLOURS[l], label, ls=style)
    ax.axhline(0, color='#999999', lw=0.6)
    ax.set(xlabel='epoch', ylabel='HSIC objective, 20 windows')
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(fontsize=7.5)
