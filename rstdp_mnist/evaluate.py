"""Test a saved network: python -m rstdp_mnist.evaluate load=FILE [which=last] [n_test=1000 ...]

FILE: a result of simulation.py, or any .npz with conv1_weight, conv2_weight, conv3_weight (then give mode=... if it is not the
default). which=best: the weights of the best test epoch. Other words are parameters and replace the file's.
"""
import json
import sys
import zipfile
from pathlib import Path

import numpy as np

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from common.params import load_params
from common.script import stop
from rstdp_mnist import data, exp_params, lower
from rstdp_mnist.simulation import decider, outcome
from rstdp_mnist.spikes import layers


def check_weights(p, weights):
    """Raise ValueError unless the three weights (f, c, ky, kx) fit p's network: shapes, no NaN, none negative."""
    wrong = [f'conv{i}_weight has shape {w.shape}, {layer.shape} is needed'
             for i, (w, layer) in enumerate(zip(weights, layers(p), strict=True), 1) if w.shape != layer.shape]
    if wrong:
        raise ValueError('; '.join(wrong))
    for i, weight in enumerate(weights, 1):
        if not np.isfinite(weight).all():
            raise ValueError(f'conv{i}_weight contains NaN or infinity')
        if weight.min() < 0:
            raise ValueError(f'conv{i}_weight is negative somewhere: potentials may only grow during a presentation')


def load(path, words=(), which='last'):
    """(Params, [weights of layers 1, 2, 3]) of a file. Raises ValueError or FileNotFoundError in one line."""
    if not Path(path).exists():
        raise FileNotFoundError(f'{path} does not exist')
    names = ['conv1_weight', 'conv2_weight', {'last': 'conv3_weight', 'best': 'best_conv3_weight'}.get(which)]
    if names[2] is None:
        raise ValueError(f"which={which}: 'last' or 'best'")
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [name for name in names if name not in file.files]
            if missing:
                raise ValueError(f'it has no {", ".join(missing)}')
            given = json.loads(str(file['meta'])).get('params', {}) if 'meta' in file.files else {}
            weights = [file[name] for name in names]
    except (OSError, ValueError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise ValueError(f'{path} holds no network: {error}') from error
    p = load_params(exp_params, *words, **{k: v for k, v in given.items() if k not in {w.split('=')[0] for w in words}})
    check_weights(p, weights)
    return p, weights


def evaluate(p, weights, part='test'):
    """Decide on the first n_test test (or n_train training) images with frozen weights.

    -> dict: right, wrong, silent (fractions), confusion (label, decision; last column silent), decision, labels
    """
    n = p.n_test if part == 'test' else p.n_train
    digits = data.load(p, part, n, f'{part} images')
    counts = lower.features(p, digits.latency, weights[0], weights[1], 'features')
    decision, _, _ = decider(p, weights[2]).present(counts)
    right, wrong, silent = outcome(decision, digits.labels) / n
    confusion = np.zeros((p.n_classes, p.n_classes + 1), np.int64)
    np.add.at(confusion, (digits.labels, decision), 1)
    return {'right': right, 'wrong': wrong, 'silent': silent, 'confusion': confusion, 'decision': decision,
            'labels': digits.labels, 'features': counts}


def main(words):
    """Command line."""
    own = {'load': '', 'which': 'last'} | dict(w.split('=', 1) for w in words if w.startswith(('load=', 'which=')))
    if not own['load']:
        stop('name the network: load=results/rstdp_mnist/.../FILE.npz')
    try:
        p, weights = load(own['load'], [w for w in words if not w.startswith(('load=', 'which='))], own['which'])
        found = evaluate(p, weights)
    except (ValueError, FileNotFoundError) as error:
        stop(f'rstdp_mnist.evaluate: {error}')
    print(f'{p.n_test} test images of {p.data}: {100 * found["right"]:.2f} % right, {100 * found["wrong"]:.2f} % wrong, '
          f'{100 * found["silent"]:.2f} % silent')
    print('label \\ decision', *range(p.n_classes), 'silent', sep='\t')
    for label, row in enumerate(found['confusion']):
        print(label, *row, sep='\t')


if __name__ == '__main__':
    main(sys.argv[1:])
