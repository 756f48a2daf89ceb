"""Test a saved network: python -m rstdp_mnist.evaluate load=FILE [which=last] [n_test=1000 ...]

FILE: a result of simulation.py, or any .npz with conv1_weight, conv2_weight, conv3_weight (then give mode=... if it is not the
default). which=best: the weights of the best test epoch; which=slow: the slow weights at the end. Other words are parameters
and replace the file's: what is shown, and how the network reads it; words about the training do nothing and are named. Says
also which thresholds of layers 1 and 2 are possible. pack=FILE writes the network in few bytes (layers 1, 2 as 0 and 1, layer 3
in 255 levels) and tests that.
"""
import dataclasses
import json
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from common.data import UNREADABLE
from common.params import Remark, load_params, nearest
from common.results import write_atomically
from common.script import one_line
from common.words import apart, command_words, help_text, split_words
from rstdp_mnist import data, exp_params, features
from rstdp_mnist.neurons import layers, map_last
from rstdp_mnist.simulation import decider, outcome

WEIGHTS = {'last': 'conv3_weight', 'best': 'best_conv3_weight', 'slow': 'slow_conv3_weight'}
ACTING = set('data data_dir n_test n_time_bins dog_window dog_sigma_1 dog_sigma_2 dog_threshold norm_radius on_empty n_maps '
             'kernel_size padding pool threshold strict_threshold pooling n_classes class_map n_winners s3_dtype'.split())
PACKING = {'weight_bounds', 's3_bounds'}           # act when a network is packed, too
FILLING = {'mode', 'array_num', 'released_code'}   # act where a file lacks parameters


def check_weights(p, weights):
    """Raise ValueError unless the three weights (f, c, ky, kx) fit p's network: real numbers, shapes, finite, none negative."""
    for i, (weight, layer) in enumerate(zip(weights, layers(p), strict=True), 1):
        if weight.dtype.kind not in 'fiu':
            raise ValueError(f'conv{i}_weight holds {weight.dtype}, real numbers are needed')
        if weight.shape != layer.shape:
            raise ValueError(f'conv{i}_weight has shape {weight.shape}, {layer.shape} is needed')
        if not np.isfinite(weight).all() or float(weight.max()) > 1e6:
            raise ValueError(f'conv{i}_weight contains NaN, infinity or numbers beyond 1e6')
        if weight.min() < 0:
            raise ValueError(f'conv{i}_weight is negative somewhere: potentials may only grow during a presentation')


def load(path, words=(), which='last', acting=ACTING):
    """(Params, [weights of layers 1, 2, 3]) of a file. Raises ValueError or FileNotFoundError in one line.

    words: 'name=value', replace the file's parameters; a Remark names those that are not `acting`.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'{path} is a folder, not a network' if path.is_dir() else f'{path} does not exist')
    nearest('value of which', which, WEIGHTS)
    try:
        if not zipfile.is_zipfile(path):
            raise ValueError('it is no .npz file')
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        given = json.loads(str(arrays['meta'])).get('params', {}) if 'meta' in arrays else {}
        if 'conv3_levels' in arrays:               # a published network: layer 3 in 255 levels between its bounds
            low, high = given['s3_bounds']
            arrays['conv3_weight'] = (low + (high - low) / 255 * arrays['conv3_levels']).astype(np.float32)
        weights = [arrays[name] for name in ('conv1_weight', 'conv2_weight', WEIGHTS[which])]
        if not Path(given.get('data_dir', '')).exists():       # a folder of the machine where it was trained
            given = given | {'data_dir': ''}
    except KeyError as error:
        raise ValueError(f'{path} holds no network that can be used: it has no {error.args[0].split()[0]}') from error
    except UNREADABLE as error:
        foreign = any(word in str(error) for word in ('allow_pickle', 'attribute'))
        why = 'its meta or arrays are not those of a network' if foreign else error
        raise ValueError(f'{path} holds no network that can be used: {why}') from error
    own = dict(split_words(words))
    try:
        with warnings.catch_warnings(action='ignore', category=Remark):       # about what the file gives
            p = load_params(exp_params, *words, **{k: v for k, v in given.items() if k not in own})
        check_weights(p, weights)
    except ValueError as error:
        raise ValueError(f'{" with ".join([str(path), *words])}: {error}') from error
    idle = [name for name in own if name not in acting | (set() if set(given) >= set(vars(p)) else FILLING)]
    if idle:
        warnings.warn(Remark(f'{", ".join(idle)}: nothing here, these act on the training of a network only'), stacklevel=2)
    return p, weights


def pack(p, weights, path):
    """Write a network in few bytes (1 MB instead of 5): layers 1, 2 rounded to their bounds, layer 3 to 255 levels."""
    low, high = p.weight_bounds
    below = {f'conv{i}_weight': np.where(W > (low + high) / 2, high, low).astype(np.float32)
             for i, W in enumerate(weights[:2], 1)}
    levels = np.round(255 * (weights[2] - p.s3_bounds[0]) / (p.s3_bounds[1] - p.s3_bounds[0])).clip(0, 255).astype(np.uint8)
    meta = np.array(json.dumps({'params': dataclasses.asdict(dataclasses.replace(p, data_dir=''))}))
    return write_atomically(path, lambda file: np.savez_compressed(file, meta=meta, conv3_levels=levels, **below))


def evaluate(p, weights, part='test'):
    """Decide on the first n_test test (or n_train training) images with frozen weights.

    -> dict: right, wrong, silent (fractions), confusion (label, decision; last column silent), decision, labels, latency,
    features
    """
    n = p.n_test if part == 'test' else p.n_train
    digits = data.load(p, part, n, f'{part} images')
    counts = features.c2_spikes(p, digits.latency, weights[0], weights[1], 'features')
    decision, _, _ = decider(p, weights[2]).present(counts)
    right, wrong, silent = outcome(decision, digits.labels) / n
    return {'right': right, 'wrong': wrong, 'silent': silent, 'confusion': confusion(p, digits.labels, decision),
            'decision': decision, 'labels': digits.labels, 'latency': digits.latency, 'features': counts}


def confusion(p, labels, decision):
    """Counts (label, decision), the last column: silent."""
    counts = np.zeros((p.n_classes, p.n_classes + 1), np.int64)
    np.add.at(counts, (labels, decision), 1)
    return counts


def table(counts):
    """Text of a confusion table."""
    rows = ['\t'.join(['label \\ decision', *map(str, range(len(counts))), 'silent'])]
    return '\n'.join(rows + ['\t'.join(map(str, [label, *row])) for label, row in enumerate(counts)])


def main(words):
    """Command line."""
    words, own = apart(words, 'load', 'which', 'pack')
    if not own['load']:
        raise ValueError('name the network: load=results/rstdp_mnist/.../FILE.npz')
    p, weights = load(own['load'], words, own['which'] or 'last', ACTING | PACKING if own['pack'] else ACTING)
    if own['pack']:
        if Path(own['pack']).exists():
            raise ValueError(f'{own["pack"]} exists already; name another file with pack=')
        weights = load(pack(p, weights, own['pack']))[1]
        print('packed', own['pack'])
    found = evaluate(p, weights)
    print(f'{p.n_test} test images of {p.data}: {100 * found["right"]:.2f} % right, {100 * found["wrong"]:.2f} % wrong, '
          f'{100 * found["silent"]:.2f} % silent')
    print(table(found['confusion']))
    sample = found['latency'][:features.SAMPLE]
    second = features.second_input(p, sample, map_last(weights[0].astype(np.float64)))
    for number, inputs in ((1, sample), (2, second)):
        print(features.diagnosis(p, number, weights[number - 1].astype(np.float64), inputs))


if __name__ == '__main__':
    with one_line('rstdp_mnist'):
        given = command_words('rstdp_mnist')
        if any(w in ('-h', '--help') for w in given):
            print(help_text(exp_params, 'rstdp_mnist.evaluate', __doc__))
        else:
            main(given)
