"""A convolution layer of integrate-and-fire neurons that fire at most once, event by event.

    V[t] = sum of the weights of all afferents that have fired in bins 0 .. t;  a neuron fires in the first bin with V > theta

Going from bin to bin only that bin's new spikes are added: exactly the sum above, in the fixed order (bin, map, row, column).
Weights are kept map-last here, W[c, ky, kx, f], so that one spike adds rows of numbers that lie side by side.
"""
from typing import NamedTuple

import numpy as np

from common.kernel import kernel


class Layer(NamedTuple):
    """Geometry of one convolution layer and the pooling behind it."""

    maps_in: int
    size_in: int                        # of its (pooled) input
    pad: int
    side: int                           # of the kernel
    maps: int
    pool: int                           # pooling window and stride behind it; 1: none

    @property
    def size(self):
        """Side of its output."""
        return self.size_in + 2 * self.pad - self.side + 1

    @property
    def pooled(self):
        """Side after pooling; rows and columns that fill no window are left out."""
        return self.size // self.pool

    @property
    def shape(self):
        """Of its weights: (out map, in map, ky, kx)."""
        return self.maps, self.maps_in, self.side, self.side


def layers(p):
    """The three layers of parameters p (exp_params.Params)."""
    one = Layer(p.n_channels, p.image_size, p.padding[0], p.kernel_size[0], p.n_maps[0], p.pool[0])
    two = Layer(p.n_maps[0], one.pooled, p.padding[1], p.kernel_size[1], p.n_maps[1], p.pool[1])
    return one, two, Layer(p.n_maps[1], two.pooled, p.kernel_size[2] // 2, p.kernel_size[2], p.n_maps[2], 1)


def map_last(weight):
    """Copy of weights (f, c, ky, kx) as the kernels want them, (c, ky, kx, f)."""
    return np.array(weight.transpose(1, 2, 3, 0), order='C')


def map_first(W):
    """Copy of the kernels' weights (c, ky, kx, f) as (f, c, ky, kx)."""
    return np.array(W.transpose(3, 0, 1, 2), order='C')


@kernel
def is_repeated(latency, c, y, x, dy, dx, window):
    """True if a cell before (dy, dx) in the window at (y, x) has the same latency."""
    tau = latency[c, y + dy, x + dx]
    for j in range(dy * window + dx):
        if latency[c, y + j // window, x + j % window] == tau:
            return True
    return False


@kernel
def list_spikes(latency, window, n_bins, cells, begin, order):
    """Sort the input spikes of one image by (bin, map, row, column).

    latency (c, H, W) uint8. window 1: its cells are the afferents. Otherwise an afferent is a window of cells that passes on
    every DISTINCT latency in it (a plain max-pool of one-shot waves, the replication's pooling).
    cells: flat indices of the afferents, those of bin t in cells[begin[t]:begin[t+1]]; order (c, h, w): sum over the
    afferent's spikes of (n_bins - t), so that "fired by tau" is order >= n_bins - tau for an afferent with one spike.
    """
    channels, h, w = order.shape
    begin[:], order[:] = 0, 0
    for put in range(2):                           # first count the spikes of each bin, then put them in their places
        for c in range(channels):
            for y in range(h):
                for x in range(w):
                    for dy in range(window):
                        for dx in range(window):
                            t = latency[c, y * window + dy, x * window + dx]
                            if t >= n_bins or (window > 1 and is_repeated(latency, c, y * window, x * window, dy, dx, window)):
                                continue
                            if put:
                                cells[begin[t]] = (c * h + y) * w + x
                                order[c, y, x] += n_bins - t
                            begin[t] += 1
        if not put:
            sums_before(begin, n_bins)
    begin[1:n_bins + 1] = begin[:n_bins].copy()    # each has moved to the end of its bin: the beginning of the next
    begin[0] = 0


@kernel
def sums_before(counts, n):
    """Replace counts[i] by the sum of those before it, i = 0 .. n, in place."""
    total = 0
    for i in range(n + 1):
        counts[i], total = total, total + counts[i]


@kernel
def integrate(V, W, pad, cells, h_in, w_in, closed, touched, stamp):
    """V[y,x,:] += W[c,ky,kx,:] for every spike of `cells` and every position it reaches that is not closed.

    V (h, w, f); W (c, side, side, f); cells: flat indices into (c, h_in, w_in); touched[y,x] = stamp where something was added.
    """
    h, w, maps = V.shape
    side = W.shape[1]
    for cell in cells:
        c, y, x = cell // (h_in * w_in), cell // w_in % h_in + pad, cell % w_in + pad
        for oy in range(max(0, y - side + 1), min(h, y + 1)):
            for ox in range(max(0, x - side + 1), min(w, x + 1)):
                if not closed[oy, ox]:
                    touched[oy, ox] = stamp
                    for f in range(maps):
                        V[oy, ox, f] += W[c, y - oy, x - ox, f]


@kernel
def mark_spikes(V, theta, strict, touched, stamp, tau):
    """tau[y,x,f] = stamp where V crosses theta for the first time (V > theta, or >= if not strict)."""
    h, w, maps = V.shape
    if not strict:
        theta = np.nextafter(theta, -np.inf)       # V >= theta is V > the number before theta
    now = np.uint8(stamp)
    for y in range(h):
        for x in range(w):
            if touched[y, x] == stamp:
                for f in range(maps):
                    tau[y, x, f] = min(tau[y, x, f], now if V[y, x, f] > theta else np.uint8(255))


@kernel
def forward_image(latency, window, n_bins, W, pad, theta, strict, V, tau, cells, begin, order, closed, touched):
    """Potentials V (h, w, f) in the last bin and latencies tau (h, w, f; 255 = never) of a layer for one image."""
    list_spikes(latency, window, n_bins, cells, begin, order)
    V[:], tau[:], touched[:] = 0.0, 255, -1
    for t in range(n_bins):
        integrate(V, W, pad, cells[begin[t]:begin[t + 1]], order.shape[1], order.shape[2], closed, touched, t)
        mark_spikes(V, theta, strict, touched, t, tau)


@kernel
def forward(latency, window, n_bins, W, pad, theta, strict, tau_out, V_out):
    """Latencies (n, f, h, w) uint8 (n_bins = never) of a layer for a block of images, and its last potentials.

    latency (n, c, H, W) uint8 and window as in list_spikes; W (c, ky, kx, f); V_out (n, f, h, w) or without rows: not wanted.
    """
    n, maps, h, w = tau_out.shape
    h_in, w_in = latency.shape[2] // window, latency.shape[3] // window
    cells, begin = np.empty(latency[0].size, np.int64), np.zeros(n_bins + 1, np.int64)
    order, V, tau = np.zeros((latency.shape[1], h_in, w_in), np.int64), np.empty((h, w, maps)), np.empty((h, w, maps), np.uint8)
    closed, touched = np.zeros((h, w), np.bool_), np.empty((h, w), np.int64)
    for i in range(n):
        forward_image(latency[i], window, n_bins, W, pad, theta, strict, V, tau, cells, begin, order, closed, touched)
        for f in range(maps):
            for y in range(h):
                for x in range(w):
                    tau_out[i, f, y, x] = min(tau[y, x, f], n_bins)
                    if V_out.shape[0]:
                        V_out[i, f, y, x] = V[y, x, f]


@kernel
def first_spikes(latency, window, out):
    """Pooling with one spike a cell: the earliest of each window. latency (n, f, H, W) -> out (n, f, h, w)"""
    n, maps, h, w = out.shape
    for i in range(n):
        for f in range(maps):
            for y in range(h):
                for x in range(w):
                    first = latency[i, f, y * window, x * window]
                    for dy in range(window):
                        for dx in range(window):
                            first = min(first, latency[i, f, y * window + dy, x * window + dx])
                    out[i, f, y, x] = first


@kernel
def count_spikes(latency, window, n_bins, out):
    """Pooling without memory: how many spikes each pooled cell passes on (distinct latencies). -> out (n, f, h, w) uint8"""
    n, maps, h, w = out.shape
    for i in range(n):
        for f in range(maps):
            for y in range(h):
                for x in range(w):
                    out[i, f, y, x] = 0
                    for dy in range(window):
                        for dx in range(window):
                            if latency[i, f, y * window + dy, x * window + dx] < n_bins:
                                out[i, f, y, x] += not is_repeated(latency[i], f, y * window, x * window, dy, dx, window)


@kernel
def active_pools(latency, n_bins, W, pad, theta, strict, window, out):
    """Which pooled cells fire at all, out (n, f, h, w) uint8 0/1: V never decreases, so V in the last bin decides.

    latency (n, c, H, W) of the afferents: their spikes are added in the order of `forward`, hence to the same bits.
    """
    n, maps, h, w = out.shape
    cells, begin = np.empty(latency[0].size, np.int64), np.zeros(n_bins + 1, np.int64)
    order = np.zeros(latency.shape[1:], np.int64)
    V, fired = np.empty((h * window, w * window, maps)), np.empty(maps, np.uint8)
    closed, touched = np.zeros(V.shape[:2], np.bool_), np.zeros(V.shape[:2], np.int64)
    if not strict:
        theta = np.nextafter(theta, -np.inf)
    for i in range(n):
        list_spikes(latency[i], 1, n_bins, cells, begin, order)
        V[:] = 0.0
        integrate(V, W, pad, cells[:begin[n_bins]], latency.shape[2], latency.shape[3], closed, touched, 0)
        for y in range(h):
            for x in range(w):
                fired[:] = 0
                for j in range(window * window):
                    for f in range(maps):
                        fired[f] |= V[y * window + j // window, x * window + j % window, f] > theta
                for f in range(maps):
                    out[i, f, y, x] = fired[f]
