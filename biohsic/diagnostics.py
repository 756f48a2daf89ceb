"""Does the third factor act? What it does in a few windows, measured after every epoch without learning.

For each hidden layer: the kernel values K^z between different samples (all near 0 or near 1: no signal), the size of xi, the
cosine of the weight change with the exact gradient of the HSIC objective, and that objective without the bias of few samples.
"""
import warnings
from typing import NamedTuple

import numpy as np

from biohsic import hsic
from biohsic.data import one_hot, standardise
from biohsic.layers import generator
from common.params import Remark

WINDOWS = 20
BINS = 20                               # of K^z in 0 .. 1
SILENT = 1e-12                          # root mean square of xi below which hidden layers do not learn


class View(NamedTuple):
    """A hidden layer in a window."""

    z: np.ndarray           # (N, D) outputs
    update: object          # function: xi (D,) -> gradient of this layer's weights, flat (up to a constant factor)


def report(p, models, sets):
    """{name: array (M, layers, ...)}, means over the windows.

    kz: (BINS,) share of the pairs of samples; xi: root mean square; cosine: of the windows where weights change; hsic: the
    objective, and the same from the unbiased estimator (nan for N < 4).
    """
    layers = len(p.features)
    rng, shape = generator(p.seed if p.order_seed is None else p.order_seed, 6), (WINDOWS, len(models), layers)
    out = {'kz': np.zeros((*shape, BINS)), 'xi': np.zeros(shape), 'cosine': np.zeros(shape), 'hsic': np.zeros((*shape, 2))}
    for window in range(WINDOWS):
        some = rng.choice(len(sets.train_x), p.batch_size, replace=False)
        x, labels = sets.train_x[some], sets.train_y[some]
        x = standardise(x) if x.dtype == np.uint8 else x
        kx, ky = (hsic.kernel_matrix(np.reshape(a, (len(a), -1)).astype(float), sigma)
                  for a, sigma in ((x, p.sigma_x), (one_hot(labels, p.nclasses), p.sigma_y)))
        for k in range(len(models)):
            for l, view in enumerate(models.views(k, x)):
                for name, value in layer_report(p, kx, ky, view).items():
                    out[name][window, k, l] = value
    changing = np.isfinite(out['cosine'])
    sums = np.where(changing, out.pop('cosine'), 0).sum(axis=0)
    cosine = np.divide(sums, changing.sum(axis=0), out=np.full(shape[1:], np.nan), where=changing.any(axis=0))
    return {name: value.mean(axis=0) for name, value in out.items()} | {'cosine': cosine}


def layer_report(p, kx, ky, view):
    """The numbers of one layer in one window."""
    z = view.z.astype(float)
    kz, N = hsic.kernel_matrix(z, p.sigma_z), len(z)
    pairs = kz[np.triu_indices(N, 1)]
    xi, exact = (hsic.pushes(hsic.third_factor(number, kx, ky, p.gamma), z, p.sigma_z) @ (z[-1] - z)
                 for number in (hsic.MODULATORS[p.modulator], hsic.EXACT))
    ours, gradient = view.update(xi), view.update(exact)
    size = np.linalg.norm(ours) * np.linalg.norm(gradient)
    difference = kx - p.gamma * ky
    return {'kz': np.histogram(pairs, BINS, (0, 1))[0] / len(pairs), 'xi': np.sqrt(np.mean(xi ** 2)),
            'cosine': ours @ gradient / size if size > 0 else np.nan,
            'hsic': np.array([hsic.objective(kx, ky, kz, p.gamma)[0], hsic.unbiased(difference, kz) if N > 3 else np.nan])}


def name_silence(p, xi, when):
    """Warn of hidden layers in which a third factor that should act does not, in no network: xi (M, layers) of some epoch."""
    silent = np.flatnonzero(~(xi > SILENT).any(axis=0)) if p.modulator != 'none' and xi.size else ()
    if len(silent):
        which = 'hidden layers learn nothing' if len(silent) == xi.shape[1] else \
            f'hidden layer {", ".join(str(l + 1) for l in silent)} of {xi.shape[1]} learns nothing'
        one = [p.features[l] for l in silent] == [1] * len(silent)
        why = ' (a normalised layer of one unit is always 0)' if one else ''
        size = f'root mean square of xi {xi[:, silent].max():.1g}'
        warnings.warn(Remark(f'{when} the third factor vanishes ({size}): {which}{why}; '
                             f'sigma_x={p.sigma_x} sigma_y={p.sigma_y} sigma_z={p.sigma_z} gamma={p.gamma}'), stacklevel=2)
