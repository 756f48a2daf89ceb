"""N-MNIST (Orchard et al. 2015): event files, denoising, refractory period, frames; as the replication prepared them.

Files Train/<digit>/<number>.bin and Test/<digit>/<number>.bin, below nmnist/ or in a zip there; five bytes an event: x, y,
polarity (top bit) and time in microseconds (23 bits, big endian); an event with y = 240 is no spike but adds 8192 us to all
times from its own on.
"""
import zipfile
from pathlib import PurePath

import numpy as np

from common.data import UNREADABLE, find_data
from common.kernel import kernel
from common.running import progress

SIZE, FRAME, NOISE, OVERFLOW = 34, 20_000, 10_000, 8192          # pixels, us, us, us
ZIP = 'nmnist/nmnist_small.zip'         # 1,100 recordings
HOW = ('download N-MNIST by hand (https://www.garrickorchard.com/datasets/n-mnist) and unpack it to data/nmnist/Train and '
       f'data/nmnist/Test, or put recordings with these folders into data/{ZIP}')


# ---------------------------------------------------------------- one recording

def events_of(raw, name):
    """(x, y, polarity, time) of a recording's bytes, in its order. Raises ValueError with its name if they are damaged."""
    raw = np.frombuffer(raw, np.uint8)
    if raw.size == 0 or raw.size % 5:
        raise ValueError(f'{name}: {raw.size} bytes are no whole number of events of 5 bytes')
    x, y, a, b, c = raw.reshape(-1, 5).astype(np.int64).T
    overflow = y == 240
    time = ((a & 127) << 16 | b << 8 | c) + OVERFLOW * np.cumsum(overflow)
    keep = ~overflow
    if (x[keep] >= SIZE).any() or (y[keep] >= SIZE).any():
        raise ValueError(f'{name}: an event outside {SIZE} x {SIZE} pixels')
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


def first_events(x, y, polarity, time):
    """Each pixel's first event after denoising; a pixel whose first event lies at time 0 drops out: it never fires again.

    -> pixel (flat index), polarity, time
    """
    keep = np.zeros(len(x), bool)
    denoise(x, y, time, SIZE, NOISE, keep)
    pixel, polarity, time = (y * SIZE + x)[keep], polarity[keep], time[keep]
    _, first = np.unique(pixel, return_index=True)               # events are in time order
    first = first[time[first] > 0]
    return pixel[first], polarity[first], time[first]


def latencies_of(x, y, polarity, time, n_bins):
    """Frame (20 ms) of each pixel's first event, in the channel of its polarity. -> (2, 34, 34) uint8, n_bins = never

    Frames are counted from the first of these events; events in an incomplete last frame are left out.
    """
    latency = np.full((2, SIZE, SIZE), n_bins, np.uint8)
    pixel, polarity, time = first_events(x, y, polarity, time)
    if not pixel.size:
        return latency
    frame = (time - time.min()) // FRAME
    inside = frame < min(max(1, (time.max() - time.min()) // FRAME), n_bins)
    latency[polarity[inside], pixel[inside] // SIZE, pixel[inside] % SIZE] = frame[inside]
    return latency


# ---------------------------------------------------------------- many recordings

def places(data_dir=''):
    """Where the recordings are: the folders Train and Test, or a zip. -> [path, ...]"""
    folders = find_data('nmnist/Train', ZIP, how=HOW, data_dir=data_dir)
    return [folders] if folders.is_file() else [folders, find_data('nmnist/Test', how=HOW, data_dir=data_dir)]


def recordings(part, data_dir=''):
    """[(number, digit, function that reads the bytes, name), ...] of 'train' or 'test', in the order of their numbers (which is
    MNIST's; of equal numbers the lower digit first)."""
    found = places(data_dir)
    if len(found) == 2:
        found = [(path, path.read_bytes) for path in found[part == 'test'].glob('[0-9]/*.bin')]
    else:
        try:
            archive = zipfile.ZipFile(found[0])
        except zipfile.BadZipFile as error:
            raise ValueError(f'{found[0]} is not a complete zip file ({error})') from error
        names = [name for name in archive.namelist() if PurePath(name).match(f'{part.capitalize()}/[0-9]/*.bin')]
        found = [(found[0] / name, lambda name=name: archive.read(name)) for name in names]
    return sorted(((path.stem, int(path.parent.name), read, str(path)) for path, read in found), key=lambda item: item[:2])


def read_recording(recording):
    """(x, y, polarity, time) of one of `recordings`. Raises ValueError with its name if it is damaged."""
    _, _, read, name = recording
    try:
        raw = read()
    except UNREADABLE as error:
        raise ValueError(f'{name} is damaged ({error})') from error
    return events_of(raw, name)


def first(part, n, data_dir=''):
    """The first n of `recordings`; ValueError if there are fewer."""
    found = recordings(part, data_dir)
    if len(found) < n:
        raise ValueError(f'there are {len(found)} recordings in the {part} part of N-MNIST, {n} were asked for')
    return found[:n]


def first_recording(part, data_dir=''):
    """Events (n, 4) of the first recording of a part: x, y, polarity, time."""
    return np.stack(read_recording(first(part, 1, data_dir)[0]), axis=1)


def encoded(found, n_bins, label=None):
    """Latencies (n, 2, 34, 34) uint8 of some of `recordings`. label: of a progress bar."""
    latency = np.empty((len(found), 2, SIZE, SIZE), np.uint8)
    with progress(len(found) if label else 0, label, unit='recording') as bar:
        for out, recording in zip(latency, found, strict=True):
            out[:] = latencies_of(*read_recording(recording), n_bins)
            bar.update()
    return latency


def load(part, n, n_bins, data_dir='', label=None):
    """(latencies (n, 2, 34, 34) uint8, labels (n,)) of the first n recordings (their order: `recordings`)."""
    found = first(part, n, data_dir)
    return encoded(found, n_bins, label), np.array([digit for _, digit, _, _ in found])
