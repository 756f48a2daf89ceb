"""STDP in the first two layers: who may learn from an image, by how much, and how the rates grow.

    dW = a+ (W - w_lo)(w_hi - W)   if the afferent fired in or before the winner's bin
    dW = a- (W - w_lo)(w_hi - W)   if it fired later or never                       (stabiliser: dW vanishes at the bounds)
"""
from typing import NamedTuple

import numpy as np

from common.kernel import kernel
from rstdp_mnist.neurons import integrate, list_spikes, map_first, map_last


class Rule(NamedTuple):
    """What a layer's learning needs to know: numbers only, passed to the kernels as one tuple."""

    n_bins: int
    window: int                         # 1: afferents are cells of `latency`; else pools that pass on every distinct latency
    pad: int
    theta: float                        # threshold
    strict: bool                        # V > theta (else >=)
    n_winners: int                      # k
    radius: int                         # r, Chebyshev; 0: no inhibition of positions
    low: float                          # w_lo
    high: float                         # w_hi
    stabiliser: bool = True             # False: dW = a+ or a-, whatever W


class Rates:
    """a+ and a-, doubled every `interval` presentations until a+ = `largest`; then a- = -0.75 a+.

    The presentation whose count reaches the interval is the first at the new rates.
    """

    def __init__(self, ltp, ltd, largest, interval):
        self.ltp, self.ltd, self.largest, self.interval, self.count = ltp, ltd, largest, interval, 0

    def present(self, most):
        """Announce presentations at constant rates, at most `most`. -> how many"""
        if self.count + 1 >= self.interval:
            self.ltp = min(2 * self.ltp, self.largest)
            self.ltd = -0.75 * self.ltp
            self.count = -1
        n = min(most, self.interval - 1 - self.count)
        self.count += n
        return n

    def start_epoch(self):
        """Rates and count carry over from epoch to epoch."""

    def state(self):
        """What a checkpoint keeps."""
        return [self.ltp, self.ltd, self.count]


# ---------------------------------------------------------------- competition

@kernel
def decide_positions(V, theta, touched, stamp, closed, found):
    """Pointwise inhibition: at each open position touched in this bin the first map above theta, the strongest of several.

    found (h * w, 3) receives (map, row, column); its positions are closed. Returns how many.
    """
    h, w, maps = V.shape
    n = 0
    for y in range(h):
        for x in range(w):
            if touched[y, x] == stamp and not closed[y, x]:
                above = 0
                for f in range(maps):
                    above += V[y, x, f] > theta
                if above:
                    best = 0
                    for f in range(1, maps):
                        if V[y, x, f] > V[y, x, best]:
                            best = f
                    found[n, 0], found[n, 1], found[n, 2] = best, y, x
                    closed[y, x] = True
                    n += 1
    return n


@kernel
def pick_winners(V, found, n_found, stamp, n_winners, radius, won, inhibited, closed, winners, n):
    """k-winners among the positions decided in one bin: largest potential, then lowest (map, row, column); each map once.

    A winner inhibits all positions within `radius`. winners (k, 4): map, row, column, bin; n: how many there are already.
    Earlier bins outrank later ones, so the choice is final. Returns the new n.
    """
    h, w, _ = V.shape
    while n < n_winners:
        best = -1
        for i in range(n_found):
            f, y, x = found[i]
            if won[f] or inhibited[y, x]:
                continue
            if best >= 0:
                g, b, a = found[best]
                if V[y, x, f] < V[b, a, g] or (V[y, x, f] == V[b, a, g] and (f, y, x) > (g, b, a)):
                    continue
            best = i
        if best < 0:
            break
        f, y, x = found[best]
        winners[n, 0], winners[n, 1], winners[n, 2], winners[n, 3] = f, y, x, stamp
        won[f] = True
        if radius > 0:
            inhibited[max(0, y - radius):min(h, y + radius + 1), max(0, x - radius):min(w, x + radius + 1)] = True
            closed[max(0, y - radius):min(h, y + radius + 1), max(0, x - radius):min(w, x + radius + 1)] = True
        n += 1
    return n


# ---------------------------------------------------------------- one presentation after the other

@kernel
def change(W, D, online, winner, order, rule, ltp, ltd):
    """The rule at the top for one winner: into W, clipped (online), or summed in D.

    W, D (c, ky, kx, f); winner (4): map, row, column, bin; order (c, h, w) of list_spikes.
    """
    channels, h, w = order.shape
    f, fired_by = winner[0], rule.n_bins - winner[3]
    for c in range(channels):
        for ky in range(W.shape[1]):
            for kx in range(W.shape[2]):
                y, x = winner[1] + ky - rule.pad, winner[2] + kx - rule.pad
                before = 0 <= y < h and 0 <= x < w and order[c, y, x] >= fired_by
                old = W[c, ky, kx, f]
                step = ltp if before else ltd
                if rule.stabiliser:
                    step = step * (old - rule.low) * (rule.high - old)
                if online:
                    W[c, ky, kx, f] = min(max(old + step, rule.low), rule.high)
                else:
                    D[c, ky, kx, f] += step


@kernel
def learn(latency, W, D, online, size, rule, ltp, ltd, winners):
    """Train on a block of images in their order at constant rates; W (c, ky, kx, f) is changed in place (or D, not online).

    latency (n, c, H, W) uint8 of the layer's input; size: side of its output; winners (n, k, 4) receives (map, row, column,
    bin), -1 where fewer than k neurons fired. An image is followed only until its k winners are known.
    """
    n_bins, maps = rule.n_bins, W.shape[3]
    h_in, w_in = latency.shape[2] // rule.window, latency.shape[3] // rule.window
    theta = rule.theta if rule.strict else np.nextafter(rule.theta, -np.inf)
    cells, begin = np.empty(latency[0].size, np.int64), np.zeros(n_bins + 1, np.int64)
    order, V = np.zeros((latency.shape[1], h_in, w_in), np.int64), np.empty((size, size, maps))
    closed, inhibited = np.empty((size, size), np.bool_), np.empty((size, size), np.bool_)
    touched, found, won = np.empty((size, size), np.int64), np.empty((size * size, 3), np.int64), np.empty(maps, np.bool_)
    for i in range(latency.shape[0]):
        list_spikes(latency[i], rule.window, n_bins, cells, begin, order)
        V[:], closed[:], inhibited[:], touched[:], won[:], winners[i] = 0.0, False, False, -1, False, -1
        n = 0
        for t in range(n_bins):
            integrate(V, W, rule.pad, cells[begin[t]:begin[t + 1]], h_in, w_in, closed, touched, t)
            n_found = decide_positions(V, theta, touched, t, closed, found)
            n = pick_winners(V, found, n_found, t, rule.n_winners, rule.radius, won, inhibited, closed, winners[i], n)
            if n == rule.n_winners:
                break
        for j in range(n):
            change(W, D, online, winners[i, j], order, rule, ltp, ltd)


class Learner:
    """One layer in training: its weights (map-last), rates and what has happened. `advance` is online or by batches."""

    def __init__(self, weight, layer, rule, rates, batch_size=1):
        """weight (f, c, ky, kx); layer: neurons.Layer; batch_size 1: online, else the changes of so many images are summed."""
        self.W = map_last(np.asarray(weight, np.float64))
        self.D = np.zeros_like(self.W)
        self.layer, self.rule, self.rates, self.batch_size = layer, rule, rates, batch_size
        self.waiting = 0                           # images whose changes are summed in D
        self.clipped = False                       # the whole tensor is clipped by the first event of the stage

    def clip(self):
        """All weights into their bounds."""
        np.clip(self.W, self.rule.low, self.rule.high, out=self.W)
        self.clipped = True

    def advance(self, latency):
        """Present a block of images (n, c, H, W) uint8. -> winners (n, k, 4), -1 where there is none"""
        winners = np.empty((len(latency), self.rule.n_winners, 4), np.int64)
        at = 0
        while at < len(latency):
            most = len(latency) - at
            if self.batch_size > 1:
                most = min(most, self.batch_size - self.waiting)
            elif not self.clipped:
                most = 1
            n = self.rates.present(most)
            part = slice(at, at + n)
            learn(latency[part], self.W, self.D, self.batch_size == 1, self.layer.size, self.rule, self.rates.ltp,
                  self.rates.ltd, winners[part])
            at += n
            self.after(n)
        return winners

    def after(self, n):
        """Clip after the first event; add the summed changes when a batch is full."""
        if self.batch_size == 1:
            if not self.clipped:
                self.clip()
            return
        self.waiting += n
        if self.waiting >= self.batch_size:
            self.apply()

    def apply(self):
        """Add the summed changes of a batch (or of what there is of it at the end of an epoch), then clip."""
        self.W += self.D
        self.D[:], self.waiting = 0.0, 0
        self.clip()

    def weight(self):
        """Copy of the weights (f, c, ky, kx)."""
        return map_first(self.W)
