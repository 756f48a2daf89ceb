"""N-MNIST (Orchard et al. 2015): event files, denoising, refractory period, frames; as the replication prepared them.

Files Train/<digit>/*.bin and Test/<digit>/*.bin below nmnist/; five bytes an event: x, y, polarity (top bit) and time in
microseconds (23 bits, big endian); an event with y = 240 is no spike but adds 8192 us to all times from its own on.
"""
import numpy as np

from common.data import find_data
from common.kernel import kernel
from common.running import progress

SIZE, FRAME, NOISE, OVERFLOW = 34, 20_000, 10_000, 8192          # pixels, us, us, us
HOW = 'download N-MNIST by hand (https://www.garrickorchard.com/datasets/n-mnist) and unpack it to data/nmnist/Train, Test'


def read_events(path):
    """(x, y, polarity, time) of one .bin file, in its order. Raises ValueError for a damaged file."""
    raw = np.fromfile(path, np.uint8)
    if raw.size == 0 or raw.size % 5:
        raise ValueError(f'{path}: {raw.size} bytes are no whole number of events of 5 bytes')
    x, y, a, b, c = raw.reshape(-1, 5).astype(np.int64).T
    overflow = y == 240
    time = ((a & 127) << 16 | b << 8 | c) + OVERFLOW * np.cumsum(overflow)
    keep = ~overflow
    if (x[keep] >= SIZE).any() or (y[keep] >= SIZE).any():
        raise ValueError(f'{path}: an event outside {SIZE} x {SIZE} pixels')
    return x[keep], y[keep], (a >> 7)[keep], time[keep]


@kernel
def denoise(x, y, time, size, noise_time, keep):
    """keep[i]: one of the 4 direct neighbours was active in the last noise_time us. Marks start at noise_time."""
    marked = np.full((size, size), noise_time)
    for i in range(x.size):
        a, b, t = x[i], y[i], time[i]
        marked[b, a] = t + noise_time
        keep[i] = ((a > 0 and marked[b, a - 1] > t) or (a < size - 1 and marked[b, a + 1] > t)
                   or (b > 0 and marked[b - 1, a] > t) or (b < size - 1 and marked[b + 1, a] > t))


def latencies_of(x, y, polarity, time, n_bins):
    """Frame (20 ms) of each pixel's first event after denoising, in the channel of its polarity. -> (2, 34, 34) uint8

    n_bins = never. Counted from the first surviving event; events in an incomplete last frame are left out.
    """
    keep = np.zeros(len(x), bool)
    denoise(x, y, time, SIZE, NOISE, keep)
    keep &= time > 0
    pixel = (y * SIZE + x)[keep]
    _, first = np.unique(pixel, return_index=True)               # events are in time order: each pixel's first one
    latency = np.full((2, SIZE, SIZE), n_bins, np.uint8)
    if not first.size:
        return latency
    time, polarity = time[keep][first], polarity[keep][first]
    frame = (time - time.min()) // FRAME
    frames = max(1, (time.max() - time.min()) // FRAME)
    inside = frame < min(frames, n_bins)
    latency[polarity[inside], pixel[first][inside] // SIZE, pixel[first][inside] % SIZE] = frame[inside]
    return latency


def load(part, n, n_bins, data_dir='', label=None):
    """(latencies (n, 2, 34, 34) uint8, labels (n,)) of the first n files, digit by digit in turn."""
    folder = find_data(f'nmnist/{part.capitalize()}', how=HOW, data_dir=data_dir)
    of_digit = [sorted((folder / str(digit)).glob('*.bin')) for digit in range(10)]
    files = sorted((path.name, digit, path) for digit, paths in enumerate(of_digit) for path in paths)[:n]
    if len(files) < n:
        raise ValueError(f'{folder} holds {len(files)} recordings, {n} were asked for')
    latency = np.empty((n, 2, SIZE, SIZE), np.uint8)
    with progress(n if label else 0, label, unit='recording') as bar:
        for out, (_, _, path) in zip(latency, files, strict=True):
            out[:] = latencies_of(*read_events(path), n_bins)
            bar.update()
    return latency, np.array([digit for _, digit, _ in files])
