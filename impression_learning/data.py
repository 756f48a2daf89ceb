"""Impression learning: the three stimuli and the random streams of a run.

ou             x_t = C z_t with an Ornstein-Uhlenbeck-like latent process (specification 3.1)
mnist          images, each shown for `repeat_length` steps
spoken_digits  mel spectrograms of the Free Spoken Digit Dataset, made by preprocess_fsdd.py
"""
import zipfile
from typing import NamedTuple

import numpy as np

from common.data import find_data, read_idx
from common.kernel import kernel

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
    """A stimulus held in memory, each of its columns shown for `repeat` steps: X (n, n_in)."""

    def __init__(self, X, repeat=1, steps=0):
        self.X, self.repeat = X, repeat
        self.steps = min(steps, len(X) * repeat) if steps else len(X) * repeat

    def block(self, a, b):
        """X (b - a, n_in) of steps a .. b-1, float64."""
        return self.X[np.arange(a, b) // self.repeat].astype(float)


def mixing_matrix(rng, n_in, n_latent):
    """C_ij ~ N(0, s.d. 1/n_latent), shape (n_in, n_latent)."""
    return rng.standard_normal((n_in, n_latent)) / n_latent


def discard(rng, count):
    """Draw and forget normals (the released program's unused observation noise), to keep a legacy stream in step."""
    while count > 0:
        count -= rng.standard_normal(min(count, 1 << 20)).size


def stimuli(p, streams):
    """(training stimulus, test stimulus, extras to store) of run p, in the released order of draws."""
    n_sample, n_test = round(p.n_sample * p.scale), round(p.n_test * p.scale)
    legacy = p.rng == 'legacy'
    C = mixing_matrix(streams.data, p.n_in, p.n_latent)
    if p.data == 'ou':
        train = OU(streams.data, C, max(1, n_sample), p, legacy)
        if legacy:
            discard(streams.data, p.n_in * train.steps)
        test = OU(streams.test_data, C, max(1, n_test), p, legacy)
        if legacy:
            discard(streams.data, p.n_in * test.steps)
        extras = {'mixing_matrix': C}
    elif p.data == 'mnist':
        train = Recorded(*images('train', p), steps=n_sample)
        test = Recorded(*images('test', p), steps=n_test)
        extras = {}
    else:
        train, test, extras = spoken_digits(p.n_digits, p.data_dir)
        train, test = (Recorded(X[:max(1, round(len(X) * p.scale))], steps=steps)
                       for X, steps in ((train, n_sample), (test, n_test)))
    if legacy:
        discard(streams.data, 2 * p.n_in * p.n_neurons)
    return train, test, extras


def images(split, p):
    """(images (n, 784) of the first n_digits classes, repeat_length), pixels / 255."""
    name = {'train': 'train', 'test': 't10k'}[split]
    how = 'get it with: python data/fetch.py mnist'
    kinds = ('images-idx3', 'labels-idx1')
    paths = [find_data(f'mnist/{name}-{kind}-ubyte.gz', how=how, data_dir=p.data_dir) for kind in kinds]
    X, labels = map(read_idx, paths)
    if X.ndim != 3 or X.shape[1:] != (28, 28) or len(X) != len(labels):
        raise ValueError(f'{paths[0]} holds {X.shape} images and {labels.shape} labels, not (n, 28, 28) and (n,)')
    return X[labels < p.n_digits].reshape(-1, 784) / 255.0, p.repeat_length


def normalise(X, what):
    """(X + |min X|) / std(X) over all entries; ValueError for NaN or constant data."""
    if X.size == 0 or not np.isfinite(X).all():
        raise ValueError(f'{what}: shape {X.shape}, contains NaN or nothing at all')
    if X.std() == 0:
        raise ValueError(f'{what}: shape {X.shape}, all values equal, cannot be scaled')
    return (X + abs(X.min())) / X.std()


def spoken_digits(n_digits=10, data_dir=''):
    """(train (T, 128), test (T, 128), extras): normalised spectrograms in time order, made on first use and cached."""
    from impression_learning import preprocess_fsdd
    path = preprocess_fsdd.cache(data_dir)
    if not path.exists():
        preprocess_fsdd.make(out=path, data_dir=data_dir)
    try:
        with np.load(path, allow_pickle=False) as file:
            sets = {name: (file[f'{name}_set'], file[f'{name}_labels']) for name in ('train', 'test')}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f'{path} is not a readable set of spectrograms ({type(error).__name__}); delete it, and the next run '
                         'makes it again') from error
    kept, scales = {}, {}
    for name, (X, labels) in sets.items():
        if X.ndim != 2 or len(X) != 128 or labels.shape != X.shape[1:]:
            raise ValueError(f'{path}: {name}_set has shape {X.shape}, labels {labels.shape}; (128, T) and (T,) expected')
        X = X[:, labels < n_digits].astype(float)
        kept[name], scales[name] = normalise(X, f'{path} {name}_set').T.copy(), X.std()
    return kept['train'], kept['test'], {'test_scale_db': np.array(scales['test'])}
