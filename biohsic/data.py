"""Data sets: images standardised, points scaled, labels as whole numbers."""
from pathlib import Path
from typing import NamedTuple

import numpy as np

from biohsic.layers import generator
from common import cifar10
from common.data import find_data, read_idx

PUBLISHED = Path(__file__).parent / 'published' / 'synthetic_datasets.npz'
CIFAR_MEAN, CIFAR_STD = np.array((0.4914, 0.4822, 0.4465), 'f4'), np.array((0.247, 0.243, 0.261), 'f4')
LARGEST = 1e15                          # squares of larger samples do not fit into float32
LINEAR_W = np.array((-0.94351, -0.49101))


class Data(NamedTuple):
    """Samples (n, ...) and labels (n,) of both sets. Images: (n, height, width, channels), standardised."""

    train_x: np.ndarray
    train_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray

    @property
    def flat(self):
        """The same with one row a sample."""
        rows = (a.reshape(len(a), -1) for a in (self.train_x, self.test_x))
        return self._replace(**dict(zip(('train_x', 'test_x'), rows, strict=True)))


def load(p):
    """Data of parameters p: cut to train_size and test_size, in p.dtype; cifar10 with augmentation stays raw for training.

    Raises FileNotFoundError (which file, which command gets it) or ValueError (what is wrong with its contents).
    """
    sets = LOADERS[p.data](p)
    check(Data(*sets), p)
    sets = Data(*(a[:n or None] for a, n in zip(sets, (p.train_size, p.train_size, p.test_size, p.test_size), strict=True)))
    if p.data == 'cifar10':
        train = sets.train_x if p.augment else standardise(sets.train_x).astype(p.dtype)
        return sets._replace(train_x=train, test_x=standardise(sets.test_x).astype(p.dtype))
    return sets._replace(train_x=sets.train_x.astype(p.dtype), test_x=sets.test_x.astype(p.dtype))


def check(sets, p):
    """Raise ValueError for samples or labels that cannot be, or that are fewer than p asks for."""
    check_part(p, 'training', sets.train_x, sets.train_y)
    check_part(p, 'test', sets.test_x, sets.test_y)
    shape, other = sets.train_x.shape[1:], sets.test_x.shape[1:]
    if shape != other:
        raise ValueError(f'{p.data}: training samples of shape {shape}, test samples of shape {other}')
    n, n_test = len(sets.train_x), len(sets.test_x)
    if p.sliding and p.batch_size > n:
        raise ValueError(f'batch_size = {p.batch_size} is larger than the {n} training samples: no window')
    for name, there in (('train_size', n), ('check_size', n), ('test_size', n_test)):
        size = getattr(p, name)
        if size > there:
            raise ValueError(f'{name} = {size}, but {p.data} holds {there} such samples here')


def check_part(p, part, x, y):
    """Raise ValueError unless x (n, ...) are samples, real numbers whose squares fit, and y (n,) their labels."""
    for what, a, kinds, dimensions, kind in (('samples', x, 'biuf', (2, 3, 4), 'real numbers of shape (n, ...)'),
                                             ('labels', y, 'iu', (1,), 'whole numbers of shape (n,)')):
        if not isinstance(a, np.ndarray) or a.dtype.kind not in kinds or a.ndim not in dimensions:
            found = f'{a.dtype} of shape {a.shape}' if isinstance(a, np.ndarray) else type(a).__name__
            raise ValueError(f'{p.data}: the {part} {what} are {found}; allowed are numpy arrays of {kind}')
    if len(x) != len(y) or not x.size:
        raise ValueError(f'{p.data}: {part} samples of shape {x.shape} and {len(y)} labels')
    if not (-LARGEST < x.min() and x.max() < LARGEST):
        raise ValueError(f'{p.data}: the {part} samples contain NaN or inf, or numbers from {LARGEST:g} on')
    if y.min() < 0 or y.max() >= p.nclasses:
        raise ValueError(f'{p.data}: {part} labels {y.min()}..{y.max()} do not lie in 0..{p.nclasses - 1}')


# ---------------------------------------------------------------- files

def files(p):
    """Paths of all files that run p reads; FileNotFoundError names the first that is missing and the command that gets it."""
    if p.task == 'reservoir':
        return idx_files('mnist', p.data_dir, ('t10k',))
    if p.data in ('mnist', 'fashion_mnist'):
        return idx_files(p.data, p.data_dir, ('train', 't10k'))
    if p.data == 'cifar10':
        return cifar_files(p)
    return [PUBLISHED] if p.data in ('linear', 'xor') and p.synthetic == 'published' else []


def idx_files(name, data_dir, parts):
    """Images and labels of each part ('train', 't10k') of a set in MNIST's format."""
    how = f'get it with: python data/fetch.py {name}'
    folder = find_data(name, how=how, data_dir=data_dir)
    return there([folder / f'{part}-{what}-ubyte.gz' for part in parts for what in ('images-idx3', 'labels-idx1')], how)


def cifar_files(p):
    """As many of the five training batches as train_size needs, then the test batch."""
    return cifar10.paths(p.train_size or 50_000, p.data_dir)


def there(paths, how):
    """The paths; FileNotFoundError for the first that does not exist."""
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f'{path} is missing; {how}')
    return paths


# ---------------------------------------------------------------- the sets

def read_pair(images, labels):
    """Images (n, 28, 28) and labels (n,) of two files in MNIST's format; ValueError names a file that holds something else."""
    x, y = read_idx(images), read_idx(labels)
    if x.shape[1:] != (28, 28):
        raise ValueError(f'{images} holds {" x ".join(map(str, x.shape))} numbers, not 28 x 28 pixels an image')
    if y.ndim != 1:
        raise ValueError(f'{labels} holds {" x ".join(map(str, y.shape))} numbers, not one label an image')
    return x, y.astype(np.int64)


def standardised(images):
    """Images of MNIST's format (n, 28, 28): (v / 255 - 0.5) / 0.5, float32."""
    return (images.astype('f4') / np.float32(255) - np.float32(0.5)) / np.float32(0.5)


def idx_images(p):
    """MNIST or Fashion-MNIST."""
    paths = files(p)
    (x, y), (test_x, test_y) = read_pair(*paths[:2]), read_pair(*paths[2:])
    return Data(standardised(x)[..., None], y, standardised(test_x)[..., None], test_y)


def cifar10_images(p):
    """CIFAR-10, raw (0..255); as many of the five training batches as train_size needs."""
    *train, test = (cifar10.read(path) for path in files(p))
    x, y = (np.concatenate(parts) for parts in zip(*train, strict=True))
    return Data(x, y, *test)


def standardise(images):
    """(v / 255 - mean) / std of each colour."""
    return (images.astype('f4') / np.float32(255) - CIFAR_MEAN) / CIFAR_STD


def digits(p):
    """Offline stand-in: scikit-learn's 1797 handwritten digits, 8 x 8; the first 1500 for training."""
    from sklearn.datasets import load_digits
    found = load_digits()
    x = ((found.images / 16 - 0.5) / 0.5)[..., None]
    return Data(x[:1500], found.target[:1500].astype(np.int64), x[1500:], found.target[1500:].astype(np.int64))


def points(p):
    """linear, xor: the published points or new ones, times input_scale."""
    if p.synthetic == 'published':
        with np.load(PUBLISHED, allow_pickle=False) as file:
            names = ('train_input', 'train_label', 'test_input', 'test_label')
            x, y, test_x, test_y = (file[f'{p.data}_{name}'] for name in names)
        x, test_x = x.astype(float), test_x.astype(float)
    else:
        x, y = new_points(p.data, generator(p.synthetic_seed, 9))
        x, y, test_x, test_y = x[:900], y[:900], x[900:], y[900:]
    return Data(x * p.input_scale, y.astype(np.int64), test_x * p.input_scale, test_y.astype(np.int64))


def new_points(name, rng, n=1000):
    """linear: U(-1, 1)^2 cut by a line through 0; xor: corners of {0, 1}^2 with noise N(0, 0.1^2)."""
    if name == 'linear':
        x = rng.uniform(-1, 1, (n, 2))
        return x, (x @ LINEAR_W > 0).astype(np.int64)
    corners = rng.integers(0, 2, (n, 2))
    return corners + rng.normal(0, 0.1, (n, 2)), corners[:, 0] ^ corners[:, 1]


LOADERS = {'mnist': idx_images, 'fashion_mnist': idx_images, 'cifar10': cifar10_images, 'digits': digits, 'linear': points,
           'xor': points}


# ---------------------------------------------------------------- augmentation, one-hot

def augmented(images, rng):
    """A batch of raw images (n, 32, 32, 3): padded by 1, one random crop for all, each flipped at random; standardised."""
    top, left = rng.integers(0, 3, 2)
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))[:, top:top + 32, left:left + 32]
    flip = rng.uniform(size=len(images)) < 0.5
    return standardise(np.where(flip[:, None, None, None], padded[:, :, ::-1], padded))


def one_hot(labels, n_classes):
    """(n, C) of labels (n,)."""
    return np.eye(n_classes)[labels]


def published_weights(name, n_models):
    """[(W^l (models, in, out), b^l (models, out))] of the published lif networks, at most 30."""
    with np.load(PUBLISHED, allow_pickle=False) as file:
        depth = sum(key.startswith(f'{name}_init30_W') for key in file.files)
        return [(file[f'{name}_init30_W{l}'][:n_models], file[f'{name}_init30_b{l}'][:n_models]) for l in range(depth)]
