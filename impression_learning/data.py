"""Impression learning: the four stimuli and the random streams of a run.

ou             x_t = C z_t with an Ornstein-Uhlenbeck-like latent process
mnist          images, each shown for `repeat_length` steps
spoken_digits  mel spectrograms of the Free Spoken Digit Dataset, made by preprocess_fsdd.py
recordings     the same of any sound files, or an array (steps x channels): your own data
"""
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common.data import read_idx
from common.kernel import kernel
from impression_learning import checks

BLOCK = 65_536


class Streams(NamedTuple):
    """Generators by purpose. Legacy: one RandomState for all, so that the draws follow the released program's order."""
    data: object
    test_data: object
    weights: object
    training: object
    tests: object
    comparison: object
    sequence_seed: object     # restarted for the wake and for the alternating run, so that both see the same noise


def streams(p):
    """The random streams of run p: children of SeedSequence(seed), or one legacy RandomState (sequences: seed 1111)."""
    if p.rng == 'legacy':
        one = np.random.RandomState(p.run_seed)
        return Streams(one, one, one, one, one, one, 1111)
    *children, sequence = np.random.SeedSequence(p.run_seed).spawn(7)
    return Streams(*(np.random.default_rng(child) for child in children), sequence)


def restarted(seed, rng='modern'):
    """A generator started from `seed`: RandomState for 'legacy'."""
    return np.random.RandomState(seed) if rng == 'legacy' else np.random.default_rng(seed)


@kernel
def ou_process(noise, sigma, first, last, z):
    """z_t = (1 - sigma^2) z_{t-1} + sigma n_t. noise (T, n) standard normals, z (T, n) filled.

    first: 0 goes on from z_{-1} = last (n,); 1 starts with z_0 = sigma n_0; 2 the same for component 0 only (the
    released program's first sample, others 0); 3 with the stationary s.d. sigma / sqrt(1 - (1 - sigma^2)^2).
    """
    decay = 1.0 - sigma ** 2
    for t in range(noise.shape[0]):
        for i in range(noise.shape[1]):
            if t == 0 and first > 0:
                z[t, i] = sigma * noise[t, i] if first != 2 or i == 0 else 0.0
                if first == 3:
                    z[t, i] /= np.sqrt(1.0 - decay ** 2)
            else:
                z[t, i] = decay * (last[i] if t == 0 else z[t - 1, i]) + sigma * noise[t, i]


@kernel
def observe(z, C_T, X):
    """x_t = C z_t. z (T, n_latent), C_T (n_latent, n_in) the transposed mixing matrix, X (T, n_in) filled."""
    for t in range(z.shape[0]):
        for i in range(X.shape[1]):
            X[t, i] = 0.0
        for j in range(z.shape[1]):
            for i in range(X.shape[1]):
                X[t, i] += C_T[j, i] * z[t, j]


FIRST = {'innovation': 1, 'first_component': 2, 'stationary': 3}


class OU:
    """The simulated stimulus: block(a, b) -> X (b - a, n_in), asked for in order (a = 0 starts again, the same again).

    Memory stays at one block, but for a legacy stream, which draws latent by latent and is held whole (n_latent x T).
    """

    def __init__(self, rng, C, steps, p, legacy):
        self.C, self.steps, self.sigma, self.first = C, steps, p.sigma_d, FIRST[p.first_sample]
        self.C_T = np.ascontiguousarray(C.T)
        self.noise = rng.standard_normal((C.shape[1], steps)) if legacy else None
        self.rng, self.start = rng, None if legacy else rng.bit_generator.state
        self.position, self.z = 0, np.zeros((1, C.shape[1]))

    def latent(self, a, b):
        """z (b - a, n_latent) of steps a .. b-1."""
        if a == 0:
            self.position, self.z = 0, np.zeros((1, self.C.shape[1]))
            if self.start:
                self.rng.bit_generator.state = self.start
        while self.position < a:                               # after a resume: replay up to there
            self.latent_block(min(a, self.position + BLOCK))
        return self.latent_block(b)

    def latent_block(self, b):
        """z from the present position to b."""
        shape = (b - self.position, self.C.shape[1])
        noise = self.rng.standard_normal(shape) if self.noise is None else self.noise[:, self.position:b].T.copy()
        z = np.empty(shape)
        ou_process(noise, self.sigma, self.first if self.position == 0 else 0, self.z[-1], z)
        self.position, self.z = b, z
        return z

    def block(self, a, b):
        """X (b - a, n_in) of steps a .. b-1."""
        z = self.latent(a, b)
        X = np.empty((len(z), len(self.C)))
        observe(z, self.C_T, X)
        return X


class Recorded:
    """A stimulus held in memory, each of its columns shown for `repeat` steps: X (n, n_in). steps=0: all of it."""

    def __init__(self, X, repeat=1, steps=0):
        self.X, self.repeat, self.steps = X, repeat, steps or len(X) * repeat

    def block(self, a, b):
        """X (b - a, n_in) of steps a .. b-1, float64."""
        return self.X[np.arange(a, b) // self.repeat].astype(float)


def part(X, repeat, name, asked, p, where):
    """The first asked * p.scale steps of a recorded set X (n, channels), 0 for all; ValueError if it does not fit."""
    if X.shape[1] != p.n_in:
        raise ValueError(f'{where} has {X.shape[1]} channels, the network n_in={p.n_in}: give n_in={X.shape[1]}')
    steps = max(1, round((asked or len(X) * repeat) * p.scale))
    if not 0 < steps <= len(X) * repeat:
        raise ValueError(f'{name}={asked} asks for {steps} steps, {where} has {len(X) * repeat} (epoch_num repeats them)')
    return Recorded(X, repeat, steps)


def mixing_matrix(rng, n_in, n_latent):
    """C_ij ~ N(0, s.d. 1/n_latent), shape (n_in, n_latent)."""
    return rng.standard_normal((n_in, n_latent)) / n_latent


def discard(rng, count):
    """Draw and forget normals (the released program's unused observation noise), to keep a legacy stream in step."""
    while count > 0:
        count -= rng.standard_normal(min(count, 1 << 20)).size


def stimuli(p, streams):
    """(training stimulus, test stimulus, extras to store) of run p, in the released order of draws."""
    legacy = p.rng == 'legacy'
    C = mixing_matrix(streams.data, p.n_in, p.n_latent)
    if p.data == 'ou':
        found, extras = [], {'mixing_matrix': C}
        for rng, asked in ((streams.data, p.n_sample), (streams.test_data, p.n_test)):
            found.append(OU(rng, C, max(1, round(asked * p.scale)), p, legacy))
            if legacy:
                discard(rng, p.n_in * found[-1].steps)
    else:
        sets, repeat, extras, where = recorded(p)
        found = [part(X, repeat, name, getattr(p, name), p, where)
                 for X, name in zip(sets, ('n_sample', 'n_test'), strict=True)]
    if legacy:
        discard(streams.data, 2 * p.n_in * p.n_neurons)
    return *found, extras


def recorded(p):
    """((train (T, channels), test (T, channels)), steps that each is shown, extras to store, its name) of the data set of p."""
    if p.data == 'mnist':
        return (images('train', p), images('t10k', p)), p.repeat_length, {}, 'this set of images'
    if p.data == 'recordings' and p.recordings.lower().endswith(('.npy', '.npz')):
        return recorded_array(p.recordings), 1, {}, p.recordings
    train, test, extras = spectrograms(p)
    return (train, test), 1, extras, p.recordings or 'the set of spoken digits'


def images(split, p):
    """Images (n, pixels) of the first n_digits classes of a set in MNIST's format, pixels / 255. split: 'train' or 't10k'"""
    paths = [path for path in checks.inputs(p) if path.name.startswith(split)]
    X, labels = map(read_idx, paths)
    if X.ndim != 3 or labels.shape != (len(X),):
        raise ValueError(f'{paths[0]} holds {X.shape} images and {labels.shape} labels, not (n, height, width) and (n,)')
    return X[labels < p.n_digits].reshape(-1, X.shape[1] * X.shape[2]) / 255.0


def normalise(X, what):
    """(X + |min X|) / std(X) over all entries; ValueError for NaN or constant data."""
    if X.size == 0 or not np.isfinite(X).all():
        raise ValueError(f'{what}: shape {X.shape}, contains NaN or nothing at all')
    if X.std() == 0:
        raise ValueError(f'{what}: shape {X.shape}, all values equal, cannot be scaled')
    return (X + abs(X.min())) / X.std()


def spectrograms(p):
    """(train (T, 128), test (T, 128), extras): normalised spectrograms of the spoken digits or of other recordings."""
    from impression_learning import preprocess_fsdd
    source = Path(p.recordings) if p.data == 'recordings' else checks.inputs(p)[0]
    arrays, kept, scales = preprocess_fsdd.load(source, p.data == 'spoken_digits'), {}, {}
    for name in ('train', 'test'):
        X, labels = arrays[f'{name}_set'], arrays[f'{name}_labels']
        X = X[:, labels < p.n_digits if p.data == 'spoken_digits' else slice(None)].astype(float)
        kept[name], scales[name] = normalise(X, f'{source} {name} set').T.copy(), X.std()
    return kept['train'], kept['test'], {'test_scale_db': np.array(scales['test'])}


def recorded_array(path):
    """(train (T, channels), test (T, channels)) of a .npy or .npz file: arrays `train` and `test`, or a single one whose last
    tenth is for the test. Values are taken as they are."""
    try:
        found = np.load(path, allow_pickle=False)
        found = {'train': found} if isinstance(found, np.ndarray) else {name: found[name] for name in found.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f'{path} is not a readable .npy or .npz file of numbers ({type(error).__name__})') from error
    if found.keys() != {'train', 'test'}:
        if len(found) != 1:
            raise ValueError(f'{path} holds the arrays ({", ".join(found)}); expected: one (steps x channels), or train, test')
        X, = found.values()
        if X.ndim != 2:
            raise ValueError(f'{path} has shape {X.shape}; (steps, channels) expected')
        cut = len(X) - len(X) // 10
        found = {'train': X[:cut], 'test': X[cut:]}
    for name, X in found.items():
        if X.ndim != 2 or X.dtype.kind not in 'biuf' or X.size == 0 or X.shape[1] != found['train'].shape[1]:
            raise ValueError(f'{path}: the {name} set has shape {X.shape}, {X.dtype}; real numbers (steps, channels) expected')
        if not np.isfinite(X).all() or X.std() == 0:
            raise ValueError(f'{path}: the {name} set contains NaN or infinity, or all its values are equal')
    return found['train'].astype(float), found['test'].astype(float)
