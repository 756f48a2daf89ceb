"""From an image to spike latencies: differences of Gaussians, local normalisation, rank-order bins (specified in the paper's
authors' simulator; README, table of equations). A latency is the number of the time bin, 0 .. n_bins - 1; n_bins = never fires.
"""
import numpy as np

from common.kernel import kernel
from common.running import progress

BLOCK = 500                             # images between two moves of the progress bar


def dog_kernel(window, sigma_1, sigma_2):
    """One difference of Gaussians, window x window: zero mean, largest value 1.  D = (G(sigma_1) - G(sigma_2)) / max

    sigma_1 < sigma_2 is an "on" kernel; an "off" kernel's maximum lies on its surround, hence its far larger gain.
    Raises ValueError for an even window or a sigma that is not positive.
    """
    if window < 1 or window % 2 == 0:
        raise ValueError(f'DoG window {window}: an odd number of pixels is needed')
    if not (sigma_1 > 0 and sigma_2 > 0):
        raise ValueError(f'DoG sigmas {sigma_1}, {sigma_2}: both must be positive')
    u = np.arange(window) - window // 2
    s = u[:, None] ** 2 + u[None, :] ** 2
    D = sum(sign * np.exp(-s / (2 * v)) / v for sign, v in ((1, sigma_1 ** 2), (-1, sigma_2 ** 2))) / (2 * np.pi)
    D -= D.mean()
    return (D / D.max()).astype(np.float32)


def dog_kernels(p):
    """The filter bank of parameters p, each kernel centred in the largest window. -> (m, n, n) float32"""
    side = max(p.dog_window)
    out = np.zeros((len(p.dog_window), side, side), np.float32)
    for padded, window, *sigmas in zip(out, p.dog_window, p.dog_sigma_1, p.dog_sigma_2, strict=True):
        edge = (side - window) // 2
        padded[edge:edge + window, edge:edge + window] = dog_kernel(window, *sigmas)
    return out


@kernel
def respond(image, kernels, half, threshold, response):
    """response[m,y,x] = sum_uv D_m[u,v] image[y+u,x+v], zero outside; below threshold[m]: 0. Each lit pixel is scattered.

    image (h, w), kernels (m, n, n), half (m,) radius of each kernel's window, response (m, h, w) float64.
    """
    h, w = image.shape
    centre = kernels.shape[1] // 2
    response[:] = 0.0
    for i in range(h):
        for j in range(w):
            grey = image[i, j]
            if grey != 0:
                for m in range(kernels.shape[0]):
                    r = half[m]
                    for y in range(max(0, i - r), min(h, i + r + 1)):
                        for x in range(max(0, j - r), min(w, j + r + 1)):
                            response[m, y, x] += grey * kernels[m, centre + i - y, centre + j - x]
    for m in range(kernels.shape[0]):
        for y in range(h):
            for x in range(w):
                if np.float32(response[m, y, x]) < threshold[m]:
                    response[m, y, x] = 0.0


@kernel
def normalise(response, radius):
    """Divide each channel by its mean over the (2 radius + 1)^2 box (zeros outside, full divisor) + 1e-12, in place."""
    channels, h, w = response.shape
    area = (2 * radius + 1) ** 2
    table = np.zeros((h + 1, w + 1))               # sums of all values above and to the left
    for m in range(channels):
        for y in range(h):
            row = 0.0
            for x in range(w):
                row += response[m, y, x]
                table[y + 1, x + 1] = table[y, x + 1] + row
        for y in range(h):
            top, bottom = max(0, y - radius), min(h, y + radius + 1)
            for x in range(w):
                if response[m, y, x] != 0.0:
                    left, right = max(0, x - radius), min(w, x + radius + 1)
                    box = table[bottom, right] - table[top, right] - table[bottom, left] + table[top, left]
                    response[m, y, x] /= box / area + 1e-12


@kernel
def rank_bins(value, n_bins, latency):
    """Rank order over all channels: the i-th largest of the n+ values that are not 0 fires in bin i // (n+ // n_bins).

    Equal values: lower flat index first. The n+ mod n_bins weakest never fire. value, latency: flat. Returns n+.
    """
    latency[:] = n_bins
    positive = 0
    keys = np.empty(value.size, np.uint64)
    for i in range(value.size):
        if value[i] != 0.0:
            keys[positive] = i
            positive += 1
    size = positive // n_bins
    if size == 0:
        return positive
    single = np.empty(1, np.float32)
    bits = single.view(np.uint32)                  # positive float32 numbers are ordered as their bits are
    for k in range(positive):
        single[0] = value[keys[k]]
        keys[k] |= (np.uint64(0xFFFFFFFF) - np.uint64(bits[0])) << np.uint64(32)
    order = np.sort(keys[:positive])
    for k in range(size * n_bins):
        latency[order[k] & np.uint64(0xFFFFFFFF)] = k // size
    return positive


@kernel
def encode_images(images, kernels, half, threshold, radius, n_bins, latency, positive):
    """Latencies (n, m, h, w) uint8 of images (n, h, w); positive (n,) receives each image's n+."""
    response = np.empty(latency.shape[1:])
    for n in range(images.shape[0]):
        respond(images[n], kernels, half, threshold, response)
        normalise(response, radius)
        positive[n] = rank_bins(response.reshape(-1), n_bins, latency[n].reshape(-1))


def check_images(images):
    """Raise ValueError unless images (n, h, w) are grey values 0..255."""
    if images.ndim != 3:
        raise ValueError(f'images of shape {images.shape}: (n, height, width) is needed')
    if images.dtype != np.uint8:
        if not np.isfinite(images).all():
            raise ValueError('images contain NaN or infinity')
        if images.size and (images.min() < 0 or images.max() > 255):
            raise ValueError(f'grey values {images.min()} .. {images.max()}: 0 .. 255 is needed')
        if images.size and 0 < images.max() <= 1:
            raise ValueError('grey values up to 1: 0 .. 255 is needed (multiply by 255), else the threshold removes everything')


def encode(images, p, first=0, label=None):
    """Spike latencies of grey images (n, h, w), 0 .. 255, with the filters and bins of p. -> (n, filters, h, w) uint8

    n_time_bins = never. An image with fewer responses than bins raises ValueError naming its index (counted from `first`), or
    has no spike if p.on_empty is 'silent'. label: of a progress bar.
    """
    images = np.asarray(images)
    check_images(images)
    kernels, half = dog_kernels(p), np.array(p.dog_window) // 2
    threshold = np.broadcast_to(np.asarray(p.dog_threshold, np.float32), len(half)).copy()
    latency = np.empty((len(images), len(half), *images.shape[1:]), np.uint8)
    positive = np.empty(len(images), np.int64)
    with progress(len(images) if label else 0, label, unit='image') as bar:
        for i in range(0, len(images), BLOCK):
            part = slice(i, i + BLOCK)
            encode_images(images[part].astype(np.float32), kernels, half, threshold, p.norm_radius, p.n_time_bins,
                          latency[part], positive[part])
            bar.update(len(positive[part]))
    poor = np.flatnonzero(positive < p.n_time_bins)
    if poor.size and p.on_empty == 'raise':
        raise ValueError(f'image {first + poor[0]} is (almost) blank: {positive[poor[0]]} responses for {p.n_time_bins} time '
                         "bins; leave it out, or choose on_empty='silent'")
    return latency
