"""CIFAR-10 in its official files: which ones are needed, and what is in one."""
import pickle

import numpy as np

from common.data import find_data

HOW = 'get it with: python data/fetch.py cifar10'


def paths(n_train, data_dir=''):
    """As many of the five training batches (10,000 images each) as n_train images need, then the test batch.

    Raises FileNotFoundError for the first that is missing, with the command that gets it, or if there are not so many images.
    """
    if n_train > 50_000:
        raise FileNotFoundError(f'{n_train} training images are asked for, CIFAR-10 has 50,000')
    folder = find_data('cifar-10-batches-py', how=HOW, data_dir=data_dir)
    found = [folder / name for name in [f'data_batch_{i}' for i in range(1, 1 + -(-n_train // 10_000))] + ['test_batch']]
    for path in found:
        if not path.exists():
            raise FileNotFoundError(f'{path} is missing; {HOW} (or use fewer images: up to 10,000 need data_batch_1 only)')
    return found


class PlainUnpickler(pickle.Unpickler):
    """Reads dictionaries of bytes, numbers and arrays (the official CIFAR files), and nothing that runs code."""

    ALLOWED = {('numpy.core.multiarray', '_reconstruct'), ('numpy._core.multiarray', '_reconstruct'), ('numpy', 'ndarray'),
               ('numpy', 'dtype'), ('_codecs', 'encode')}

    def find_class(self, module, name):
        """The allowed names; UnpicklingError for all others."""
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f'{module}.{name} is not allowed')
        return super().find_class(module, name)


def read(path):
    """(images (n, 32, 32, 3) uint8, labels (n,)) of an official batch file."""
    try:
        with open(path, 'rb') as file:
            batch = PlainUnpickler(file, encoding='bytes').load()
        images, labels = batch[b'data'].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), np.array(batch[b'labels'], np.int64)
    except (pickle.UnpicklingError, EOFError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise ValueError(f'{path} is not a batch of CIFAR-10 ({error})') from error
    return np.ascontiguousarray(images), labels
