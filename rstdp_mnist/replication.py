"""The student replication's layers 1 and 2 (how its variant differs: README, "Where paper and released code disagree").

A batch is scored with the weights from before it, and its changes are summed. F: potential in the last bin.

    Q = F + (T - tau) M for neurons that fired, else 0;  M = largest F of a neuron that fired in the batch
    k times: arg max of Q over (map, row, column), then Q = 0 within the radius in all maps
    LTP where O_pre >= O_post:  O_pre = sum over the afferent's spikes of (T - t),  O_post = T - tau (0: never fired)
"""
import numpy as np

from common.kernel import kernel
from rstdp_mnist.neurons import forward, list_spikes, map_first, map_last


@kernel
def batch_winners(tau, F, n_bins, k, radius, winners):
    """Winners (n, k, 3) of a batch: map, row, column; (0, 0, 0) when no score is left. tau, F (n, f, h, w)."""
    n, maps, h, w = tau.shape
    largest = 0.0
    for i in range(n):
        for f in range(maps):
            for y in range(h):
                for x in range(w):
                    if tau[i, f, y, x] < n_bins:
                        largest = max(largest, F[i, f, y, x])
    Q = np.empty((maps, h, w))
    for i in range(n):
        for f in range(maps):
            for y in range(h):
                for x in range(w):
                    t = tau[i, f, y, x]
                    Q[f, y, x] = F[i, f, y, x] + (n_bins - t) * largest if t < n_bins else 0.0
        for j in range(k):
            best = np.argmax(Q)
            f, y, x = best // (h * w), best // w % h, best % w
            winners[i, j, 0], winners[i, j, 1], winners[i, j, 2] = f, y, x
            if radius > 0:
                Q[:, max(0, y - radius):min(h, y + radius + 1), max(0, x - radius):min(w, x + radius + 1)] = 0.0
            else:
                Q[f, y, x] = 0.0


@kernel
def ltp_mask(order, y, x, order_post, pad, mask):
    """mask[c,ky,kx] = O_pre >= O_post for the afferents of the neuron at (y, x); the padding never fires."""
    channels, h, w = order.shape
    for c in range(channels):
        for ky in range(mask.shape[1]):
            for kx in range(mask.shape[2]):
                b, a = y + ky - pad, x + kx - pad
                mask[c, ky, kx] = (order[c, b, a] if 0 <= b < h and 0 <= a < w else 0) >= order_post


@kernel
def sum_changes(latency, window, n_bins, tau, F, winners, W, pad, ltp, ltd, low, high, masks, D):
    """D (c, ky, kx, f) += dW of every image of the batch; masks (n, k, c, ky, kx) receives who is potentiated.

    A map that won more than once learns from its last winner; winners with F = 0 do not learn.
    """
    n, k = winners.shape[:2]
    cells, begin = np.empty(latency[0].size, np.int64), np.zeros(n_bins + 1, np.int64)
    order = np.zeros((latency.shape[1], latency.shape[2] // window, latency.shape[3] // window), np.int64)
    last = np.empty(W.shape[3], np.int64)
    for i in range(n):
        list_spikes(latency[i], window, n_bins, cells, begin, order)
        last[:] = -1
        for j in range(k):
            f, y, x = winners[i, j]
            ltp_mask(order, y, x, n_bins - np.int64(tau[i, f, y, x]), pad, masks[i, j])
            if F[i, f, y, x] > 0:
                last[f] = j
        for f in range(W.shape[3]):
            if last[f] >= 0:
                for c in range(W.shape[0]):
                    for ky in range(W.shape[1]):
                        for kx in range(W.shape[2]):
                            old = W[c, ky, kx, f]
                            rate = ltp if masks[i, last[f], c, ky, kx] else ltd
                            D[c, ky, kx, f] += rate * (old - low) * (high - old)


class BatchRates:
    """a+ and a-: after the update of batch j > 0 of an epoch with j mod (interval div batch) = 0 they double."""

    def __init__(self, ltp, ltd, largest, interval, batch_size):
        self.ltp, self.ltd, self.largest, self.every, self.count = ltp, ltd, largest, interval // batch_size, 0

    def after_batch(self):
        """Count a batch; grow if it is time."""
        if self.count > 0 and self.count % self.every == 0:
            self.ltp = min(2 * self.ltp, self.largest)
            self.ltd = -0.75 * self.ltp
        self.count += 1

    def start_epoch(self):
        """The rates carry over, the count of batches does not."""
        self.count = 0

    def state(self):
        """What a checkpoint keeps."""
        return [self.ltp, self.ltd, self.count]


class BatchLearner:
    """One of layers 1 and 2 in the replication's training; used as stdp.Learner is."""

    def __init__(self, weight, layer, rule, rates, batch_size=100):
        self.W = map_last(np.asarray(weight, np.float64))
        self.D = np.zeros_like(self.W)
        self.layer, self.rule, self.rates, self.batch_size = layer, rule, rates, batch_size
        self.waiting, self.clipped = 0, False

    def advance(self, latency):
        """Present images (n, c, H, W) in batches. -> winners (n, k, 3), -1 for a winner that never fired"""
        parts = []
        for i in range(0, len(latency), self.batch_size):
            winners, _, tau, _ = self.batch(latency[i:i + self.batch_size])
            f, y, x = np.moveaxis(winners, 2, 0)
            winners[tau[np.arange(len(tau))[:, None], f, y, x] >= self.rule.n_bins] = -1
            parts.append(winners)
        return np.concatenate(parts)

    def batch(self, latency):
        """One batch: score, sum, clip. -> winners (n, k, 3), LTP masks (n, k, c, ky, kx), latencies, last potentials"""
        n, r, size = len(latency), self.rule, self.layer.size
        tau, F = np.empty((n, self.layer.maps, size, size), np.uint8), np.empty((n, self.layer.maps, size, size))
        forward(latency, r.window, r.n_bins, self.W, r.pad, r.theta, r.strict, tau, F)
        winners = np.empty((n, r.n_winners, 3), np.int64)
        batch_winners(tau, F, r.n_bins, r.n_winners, r.radius, winners)
        masks = np.empty((n, r.n_winners, *self.W.shape[:3]), np.bool_)
        self.D[:] = 0.0
        sum_changes(latency, r.window, r.n_bins, tau, F, winners, self.W, r.pad, self.rates.ltp, self.rates.ltd, r.low, r.high,
                    masks, self.D)
        self.W += self.D
        np.clip(self.W, r.low, r.high, out=self.W)
        self.clipped = True
        self.rates.after_batch()
        return winners, masks, tau, F

    def weight(self):
        """Copy of the weights (f, c, ky, kx)."""
        return map_first(self.W)
