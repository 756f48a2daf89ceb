"""Small data sets for the tests of impression learning, and comparisons with the recorded back-propagation control."""
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


def check_gradients(state, case, p, t):
    """Gradients of the first steps and the weights now and then."""
    for name in ('W_in', 'W_out', 'D_r'):
        if f'grad_{name}' in case and t < len(case[f'grad_{name}']):
            grads = case[f'grad_{name}']
            np.testing.assert_allclose(getattr(state, f'grad_{name}').T, grads[t], rtol=0, atol=1e-5 * np.abs(grads).max())
        if f'w_every_{name}' in case and (t + 1) % p['weights_every'] == 0:
            theirs = case[f'w_every_{name}'][(t + 1) // p['weights_every'] - 1]
            np.testing.assert_allclose(getattr(state, name).T, theirs, atol=2e-5)
