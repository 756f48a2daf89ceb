"""R-STDP on MNIST: panels of the figures, drawn from finished runs [(meta, arrays), ...], and the arithmetic behind them."""
import csv
import functools
import warnings
from pathlib import Path

import numpy as np

from common.figures import style
from common.params import load_params
from reproduction.evidence import mean_interval
from rstdp_mnist import encoding, exp_params, features

PUBLISHED = Path(__file__).parent / 'published' / 'published_accuracy_per_epoch.csv'
PAPER = 97.2                            # % of the test set (abstract)
# run: (label, colour of training, colour of testing)
COLOURS = {'replication_mnist': ('replication, MNIST', '#CE96FF', '#BF55EC'),
           'replication_nmnist': ('replication, 60,000 recordings', '#72D5B3', '#03A678'),
           'spyketorch_mnist': ("authors' simulator", '#F9E9A8', '#E0B765'), 'ours': ('ours', '#8FC1E3', '#0B5FA5')}
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
    """Mean over seeds and their range, training and testing."""
    _, light, dark = COLOURS['ours']
    many = f'ours, mean and range of {len(runs)} seeds' if len(runs) > 1 else f'ours, seed {runs[0][0]["seed"]}'
    for part, colour, word in (('train', light, 'training'), ('test', dark, 'testing')):
        values = accuracy(runs, part)
        epochs = runs[0][1]['test_epochs'] if part == 'test' else np.arange(values.shape[1])
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


def paper_line(ax):
    """Dashed line at the paper's accuracy."""
    ax.axhline(PAPER, color='#BBBBBB', ls='--', lw=1.2, zorder=0)
    ax.annotate('paper 97.2 %', (0.995, PAPER), xycoords=('axes fraction', 'data'), ha='right', va='bottom', fontsize=9,
                color='#777777')


# ---------------------------------------------------------------- features in input space

def grown(patches, weight, stride):
    """Patches of a convolution's maps: at each tap the strongest of its weighted input patches.

    patches (c, n, n), weight (f, c, K, K) -> (f, n + (K - 1) stride, ...)
    """
    n, side = patches.shape[1], weight.shape[2]
    size = n + (side - 1) * stride
    out = np.zeros((len(weight), size, size))
    for f, w in enumerate(weight):
        for i in range(side):
            for j in range(side):
                tap = (w[:, i, j, None, None] * patches).max(axis=0)
                out[f, i * stride:i * stride + n, j * stride:j * stride + n] += tap
    return out


def pooled(patches, window, stride):
    """Patches centred in the field of a pooled cell. (f, n, n) -> (f, n + (window - 1) stride, ...)"""
    n = patches.shape[1]
    size = n + (window - 1) * stride
    out, at = np.zeros((len(patches), size, size)), size // 2 - n // 2
    out[:, at:at + n, at:at + n] = patches
    return out


def summed(patches, weight, stride):
    """As `grown`, with the sum of the weighted input patches at each tap: linear in the weights."""
    n, side = patches.shape[1], weight.shape[2]
    size = n + (side - 1) * stride
    out = np.zeros((len(weight), size, size))
    for i in range(side):
        for j in range(side):
            out[:, i * stride:i * stride + n, j * stride:j * stride + n] += np.tensordot(weight[:, :, i, j], patches, 1)
    return out


def reconstructed(p, weights, maps_3):
    """What the maps of S1, S2 prefer in input space, none negative; of some maps of S3 the difference from the mean map."""
    S1 = grown(encoding.dog_kernels(p).astype(float), weights[0], 1)
    one, two = p.pool
    S2 = grown(pooled(S1, one, 1), weights[1], one)
    S1, S2 = np.maximum(S1, 0), np.maximum(S2, 0)
    return S1, S2, summed(pooled(S2, two, one), weights[2][maps_3] - weights[2].mean(axis=0), one * two)


def centre(p, y):
    """Place in the image, in pixels, of a neuron in row (or column) y of layer 3: through pools, kernels and paddings back."""
    y = y * p.pool[1] + (p.pool[1] - 1) / 2 + (p.kernel_size[1] - 1) / 2 - p.padding[1]
    return y * p.pool[0] + (p.pool[0] - 1) / 2 + (p.kernel_size[0] - 1) / 2 - p.padding[0]


def classified(p, weights, pictures, prepared, found):
    """Pictures [(text, image), ...], as the network sees them, and the features of winner and runner-up over them."""
    plt = style()
    figure, axes = plt.subplots(len(pictures), 4, figsize=(9, 2.3 * len(pictures)), squeeze=False)
    names = '', 'as MNIST', 'winner', 'runner-up'
    for i, (row, (text, image)) in enumerate(zip(axes, pictures, strict=True)):
        picture(row[0], image, text.replace(': ', '\n'), vmin=None, vmax=None)
        row[0].title.set_fontsize(9)
        for ax, name in zip(row[1:], names[1:], strict=True):
            picture(ax, prepared[i] / 255, name if i == 0 else '')
        for ax, neuron in zip(row[2:], (found['winner'][i], found['second'][i]), strict=True):
            if neuron[0] >= 0:
                patch = reconstructed(p, [w.astype(float) for w in weights], neuron[:1])[2][0]
                y, x, half = centre(p, neuron[1]), centre(p, neuron[2]), len(patch) / 2
                span = np.abs(patch).max()
                place = x - half, x + half, y + half, y - half
                ax.imshow(patch, cmap='RdBu_r', vmin=-span, vmax=span, alpha=0.6, extent=place)
                ax.set(xlim=(-0.5, 27.5), ylim=(27.5, -0.5))
    return figure


def most_selective(weight, n_classes, n):
    """The n maps of each class whose weights differ most: first the best of every class, then the second, ..."""
    spread = weight.reshape(n_classes, -1, weight[0].size).std(axis=2)
    ranked = np.argsort(-spread, axis=1)[:, :n] + np.arange(n_classes)[:, None] * spread.shape[1]
    return ranked.T.ravel()


def mosaic(patches, columns, gap=1, scale=True):
    """Patches side by side as one image, each scaled to 0 .. 1 (or as they are), with gaps of nan."""
    scaled = patches / np.maximum(patches.max(axis=(1, 2), keepdims=True), 1e-12) if scale else patches
    rows, n = -(-len(patches) // columns), patches.shape[1] + gap
    out = np.full((rows * n - gap, columns * n - gap), np.nan)
    for i, patch in enumerate(scaled):
        y, x = divmod(i, columns)
        out[y * n:y * n + n - gap, x * n:x * n + n - gap] = patch
    return out


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
    ax.set_title('test set, % of the label', fontsize=11)


def convergence(ax, run):
    """Mean W (1 - W) of layers 1 and 2 during their training."""
    p = params_of(run)
    size = p.batch_size * max(1, features.BLOCK // p.batch_size)
    for number in (1, 2):
        values = run[1][f'unsaturated_{number}']
        ax.semilogy(np.arange(1, len(values) + 1) * min(size, p.n_train) / 1000, values, label=f'layer {number}')
    ax.set(xlabel='presented images (thousands)', ylabel='mean W (1 − W)')
    ax.set_title('convergence of STDP', fontsize=11)
    ax.legend()


def latencies(ax, run):
    """Share of each layer's cells that fire, by bin."""
    table = run[1]['latency_histogram']
    for name, row in zip(LAYERS, table, strict=True):
        ax.plot(np.arange(len(row) - 1), 100 * row[:-1] / row.sum(), marker='o', ms=3, label=name)
    ax.set(xlabel='time bin', ylabel='% of the cells that fire in it', ylim=(0, None))
    ax.set_title('spike latencies, test images', fontsize=11)
    ax.legend()
