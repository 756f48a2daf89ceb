"""Small data sets for the tests of impression learning."""
import gzip
import struct

import numpy as np
from scipy.io import wavfile


def write_own_data(folder):
    """Images of 3 x 4 pixels in MNIST's format, recordings of noise named as the spoken digits, and an array. -> the folder"""
    rng = np.random.default_rng(0)
    (folder / 'mnist').mkdir()
    for name, n in (('train', 40), ('t10k', 20)):
        for kind, array in (('images-idx3', rng.integers(0, 256, (n, 3, 4), dtype=np.uint8)),
                            ('labels-idx1', np.arange(n, dtype=np.uint8) % 3)):
            header = struct.pack(f'>HBB{array.ndim}I', 0, 8, array.ndim, *array.shape)
            (folder / 'mnist' / f'{name}-{kind}-ubyte.gz').write_bytes(gzip.compress(header + array.tobytes()))
    (folder / 'fsdd' / 'recordings').mkdir(parents=True)
    for digit in range(3):
        for index in (0, 7):
            name = folder / 'fsdd' / 'recordings' / f'{digit}_theo_{index}.wav'
            wavfile.write(name, 8000, rng.normal(0, 3000, 8000).astype(np.int16))
    np.save(folder / 'own.npy', rng.normal(0, 0.3, (300, 4)))
    return folder
