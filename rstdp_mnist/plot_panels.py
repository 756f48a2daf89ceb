"""R-STDP on MNIST: panels of the figures, drawn from finished runs [(meta, arrays), ...], and the arithmetic behind them."""
import csv
import functools
import json
import textwrap
import warnings
from pathlib import Path

import numpy as np

from common.params import load_params
from reproduction.evidence import mean_interval
from rstdp_mnist import exp_params, features

PUBLISHED = Path(__file__).parent / 'published' / 'published_accuracy_per_epoch.csv'
PAPER = 97.2                            # % of the test set (abstract)
# run: (label, colour of training, colour of testing)
COLOURS = {'replication_mnist': ('replication, MNIST', '#CE96FF', '#BF55EC'),
           'replication_nmnist': ('replication, 60,000 recordings', '#72D5B3', '#03A678'),
           'spyketorch_mnist': ("authors' simulator", '#E3C567', '#9A6A00'), 'ours': ('ours', '#8FC1E3', '#0B5FA5')}
LABELS = {'paper_short': 'default', 'class_map': 'class = index mod 10', 'pooling': 'pools pass every latency',
          'batch': 'changes of 100 images summed', 'threshold': 'threshold 15 in layer 2', 'window': 'factor window 100',
          'radius': 'inhibition radius 2', 'padding': 'no input padding', 'not_strict': 'V >= threshold',
          'init_sd': 'initial s.d. 0.02', 'competition': "the replication's competition, batches of 100",
          'replication': 'all of them: replication mode', 'dropout': 'dropout 0.5',
          'true_class': 'true class rewarded on errors', 'margin': 'margin 5 %, slow weights', 'paper': 'default',
          'search': 'margin 5 %, slow weights', 'finals': 'falling rates, 40 epochs', 'beyond': 'falling rates, shifted images',
          'cifar10': 'default network on CIFAR-10 in grey',
          'annealed': 'dropout from 0.5 to 0',
          'validation': '10,000 images withheld', 't30': '30 time bins', 'nmnist': 'default network on N-MNIST',
          'fashion_mnist': 'default network on Fashion-MNIST'}
RATES = ('reward_ltp', 'reward_ltd', 'punishment_ltd', 'punishment_ltp')
WITHHELD = '#D55E00'                    # colour of the accuracy on withheld images
LAYERS = ('input', 'S1', 'C1', 'S2', 'C2')


@functools.cache
def published(run):
    """{'epoch', 'train', 'test'} (arrays, %) of a logged run of the replication's authors."""
    with open(PUBLISHED, encoding='utf-8') as file:
        rows = [row for row in csv.DictReader(file) if row['run'] == run]
    return {'epoch': np.array([int(row['epoch']) for row in rows]),
            'train': np.array([100 * float(row['train_correct_unmixed']) for row in rows]),
            'test': np.array([100 * float(row['test_correct']) for row in rows])}


def measured(name):
    """(epochs, test accuracy in %) of a run of another program with the rules of the default mode (published/)."""
    with open(PUBLISHED.with_name(f'measured_{name}.csv'), encoding='utf-8') as file:
        rows = list(csv.DictReader(file))
    return [int(row['epoch']) for row in rows], [100 * float(row['test_accuracy']) for row in rows]


def params_of(run):
    """The Params of a finished run (its data need not be there any more)."""
    with warnings.catch_warnings(action='ignore'):
        return load_params(exp_params, **run[0]['params'] | {'data_dir': ''})


def accuracy(runs, part):
    """Accuracies in % of several runs of equal length, (runs, epochs)."""
    return 100 * np.stack([arrays[f'{part}_fractions'][:, 0] for _, arrays in runs])


def name_of(run):
    """What is special about a run: its mode and the parameters that differ from the mode."""
    meta, _ = run
    with warnings.catch_warnings(action='ignore'):
        plain = load_params(exp_params, mode=meta['mode'])
    ignored, given = {'seed', 's3_seed', 'epochs_s3', 'array_num'}, {k: as_tuple(v) for k, v in meta['params'].items()}
    other = {k: f'{k} = {v}' for k, v in given.items() if k not in ignored and v != getattr(plain, k)}
    factors = {round(given[k] / (getattr(plain, k) or 1), 9) for k in RATES if k in given}
    if len(factors) == 1 and set(RATES) <= set(other):
        other = {'rates': f'rates x {factors.pop():g}'} | {k: text for k, text in other.items() if k not in RATES}
    return ', '.join([LABELS.get(meta['mode'], meta['mode']), *other.values()])


def setting(run):
    """All parameters of a run but its seed and its number in a sweep, as a text: the same in runs that differ by seed only."""
    return json.dumps({k: v for k, v in run[0]['params'].items() if k not in ('seed', 'array_num')}, sort_keys=True)


def by_setting(runs):
    """Runs of each setting by themselves. -> [[(meta, arrays), ...], ...]"""
    found = {}
    for run in runs:
        found.setdefault(setting(run), []).append(run)
    return list(found.values())


def closed(run):
    """True if a run's test set is closed: a single image of it was read, the withheld training images judge."""
    return run[0]['params']['n_test'] == 1 and run[0]['params']['n_validation'] > 0


def as_tuple(value):
    """Lists of a JSON text as the parameters have them."""
    return tuple(value) if isinstance(value, list) else value


# ---------------------------------------------------------------- accuracy

def curve_of(ax, run, epochs=None):
    """Published training (lighter) and testing curve of one run."""
    label, light, dark = COLOURS[run]
    data = published(run)
    keep = slice(None) if epochs is None else data['epoch'] < epochs
    ax.plot(data['epoch'][keep], data['train'][keep], color=light, label=f'{label}, training')
    ax.plot(data['epoch'][keep], data['test'][keep], color=dark, label=f'{label}, testing')


def our_curves(ax, runs):
    """Mean over seeds and their range: training; testing, unless the test set is closed; withheld images, if there are any."""
    _, light, dark = COLOURS['ours']
    what = 'seeds' if len(by_setting(runs)) == 1 else 'runs, several settings'
    many = f'ours, mean and range of {len(runs)} {what}' if len(runs) > 1 else f'ours, seed {runs[0][0]["seed"]}'
    for part, colour, word in (('train', light, 'training'), ('test', dark, 'testing'),
                               ('validation', WITHHELD, 'withheld images')):
        if part == 'test' and closed(runs[0]) or not len(runs[0][1][f'{part}_fractions']):
            continue
        values = accuracy(runs, part)
        epochs = np.arange(values.shape[1]) if part == 'train' else runs[0][1]['test_epochs']
        mark = 'o' if len(epochs) == 1 else None
        ax.plot(epochs, values.mean(axis=0), color=colour, lw=2.2, label=f'{many}, {word}', marker=mark)
        ax.fill_between(epochs, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.3, lw=0)


def dot(ax, values, place, colour):
    """The mean of some runs as a dot in row `place`, with its number; 95 % interval if there are several."""
    mean, interval = float(np.mean(values)), mean_interval(values)
    if interval:
        ax.plot(interval, (place, place), color=colour, lw=2)
    ax.plot(mean, place, 'o', ms=8, color=colour)
    ax.annotate(f'{mean:.2f}' + (f' (n = {len(values)})' if len(values) > 1 else ''), (mean, place), (0, 9),
                textcoords='offset points', ha='center', fontsize=9)


def epoch_axis(ax, ylabel='accuracy (%)'):
    """Whole epochs from left to right."""
    from matplotlib.ticker import MaxNLocator
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel='epoch', ylabel=ylabel)


def letters(axes):
    """A, B, ... at the upper left of each panel."""
    for ax, letter in zip(axes, 'ABCDEF', strict=False):
        ax.set_title(letter, loc='left', fontweight='bold')


def of_mnist(runs):
    """True if all runs saw MNIST: the paper's, the simulator's and the replication's numbers are of it."""
    return all(run[0]['params']['data'] == 'mnist' for run in runs)


def title(figure, text):
    """A title above the whole figure, in as many lines as its width needs."""
    figure.suptitle(textwrap.fill(text, int(13 * figure.get_figwidth())), fontsize=10)


def paper_line(ax, runs=()):
    """Dashed line at the paper's accuracy; none for runs on other data than MNIST."""
    if not of_mnist(runs):
        return
    ax.axhline(PAPER, color='#BBBBBB', ls='--', lw=1.2, zorder=0)
    ax.annotate('paper 97.2 %', (0.995, PAPER), xycoords=('axes fraction', 'data'), ha='right', va='bottom', fontsize=9,
                color='#777777')


# ---------------------------------------------------------------- pictures

def channel_name(p, c):
    """What channel c of the input is."""
    if p.data == 'nmnist':
        return ('darker', 'brighter')[c]
    return f'DoG {p.dog_window[c]} {"on" if p.dog_sigma_1[c] < p.dog_sigma_2[c] else "off"}'


def tiles(kernels, columns):
    """Kernels (n, h, w) side by side in one array, a gap of nan between them."""
    n, h, w = kernels.shape
    rows = -(-n // columns)
    out = np.full((rows * (h + 1) - 1, columns * (w + 1) - 1), np.nan)
    for i, kernel in enumerate(kernels):
        y, x = divmod(i, columns)
        out[y * (h + 1):y * (h + 1) + h, x * (w + 1):x * (w + 1) + w] = kernel
    return out


def picture(ax, image, title, **more):
    """A grey image without axes."""
    ax.imshow(image, **({'vmin': 0, 'vmax': 1, 'cmap': 'gray'} | more))
    ax.set(xticks=[], yticks=[])
    ax.set_title(title, fontsize=11)
    ax.spines[:].set_visible(False)


# ---------------------------------------------------------------- single runs

def initial_kernels(run):
    """Layer 1's weights before training (f, c, ky, kx)."""
    return features.initial_weights(params_of(run))[0]


def confusion(ax, run):
    """Labels against decisions after the last epoch, in % of the label; the diagonal is left grey."""
    ax.set_title('test set, % of the label', fontsize=11)
    if closed(run):
        ax.set(xticks=[], yticks=[])
        ax.text(0.5, 0.5, 'the test set is closed', transform=ax.transAxes, ha='center', va='center')
        return
    counts = run[1]['confusion']
    share = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    wrong = share[:, :-1].copy()
    np.fill_diagonal(wrong, np.nan)
    ax.imshow(wrong, cmap='Reds', vmin=0, vmax=max(2, np.nanmax(wrong)))
    for (y, x), value in np.ndenumerate(share[:, :-1]):
        if value >= 0.15:
            dark = y != x and value > 0.6 * np.nanmax(wrong)
            ax.text(x, y, f'{value:.0f}' if y == x else f'{value:.1f}', ha='center', va='center', fontsize=7.5,
                    color='white' if dark else 'black')
    ax.set(xlabel='decision', ylabel='label', xticks=range(len(counts)), yticks=range(len(counts)))


def presented(p, blocks):
    """Images that a layer had seen at the end of each of its `blocks` records; the last block of an epoch may be short."""
    size = p.batch_size * max(1, features.BLOCK // p.batch_size)
    epoch, block = np.divmod(np.arange(blocks), -(-p.n_train // size))
    return epoch * p.n_train + np.minimum((block + 1) * size, p.n_train)


def convergence(ax, run):
    """Mean W (1 - W) of layers 1 and 2 during their training (between other bounds: what takes its place)."""
    p = params_of(run)
    for number in (1, 2):
        values = run[1][f'unsaturated_{number}']
        ax.semilogy(presented(p, len(values)) / 1000, values, label=f'layer {number}', marker='o' if len(values) == 1 else None)
    usual = p.weight_bounds == (0.0, 1.0)
    ax.set(xlabel='presented images (thousands)', ylabel='mean W (1 − W)' if usual else 'mean (W − w_lo)(w_hi − W)')
    ax.set_title('convergence of STDP', fontsize=11)
    ax.legend()


def latencies(ax, run):
    """Share of each layer's cells that fire, by bin."""
    table = run[1]['latency_histogram']
    for name, row in zip(LAYERS, table, strict=True):
        ax.plot(np.arange(len(row) - 1), 100 * row[:-1] / row.sum(), marker='o', ms=3, label=name)
    ax.set(xlabel='time bin', ylabel='% of the cells that fire in it', ylim=(0, None))
    ax.set_title('spike latencies, one test image' if closed(run) else 'spike latencies, test images', fontsize=11)
    ax.legend()
