"""R-STDP in the third layer: the strongest neuron decides; a right decision is followed by STDP, a wrong one by anti-STDP.

    winner = arg max over (map, row, column) of V = sum over afferents of spikes * W        (lowest index among equals)
    right:  dW = phi_r a_r+ where the afferent fired, phi_r a_r- where not
    wrong:  dW = phi_p a_p- where it fired,           phi_p a_p+ where not       then W into [w_lo, w_hi]

Two extensions (`reward`): 'true_class' rewards on an error the strongest neuron of the true class as well, with phi_p a_r+-;
'margin' does the same whenever V(true class) < (1 + margin) V(all others), at full rates, and changes nothing else.

The layer below is frozen, so its input is one array of spike counts (0/1 in the default mode) an image. How the strongest
neuron is found fast and exactly: search.py.
"""
import numpy as np

from common.kernel import kernel
from rstdp_mnist.search import LEVELS, list_active, rough_potentials, round_weights, strongest

REWARDS = ('winner', 'true_class', 'margin')


# ---------------------------------------------------------------- the rule

@kernel
def class_of(f, position, positions, maps, n_classes, by_map):
    """g(f) = floor(f / maps a class); or, as the replication reads it, the flat index (map, row, column) mod n_classes."""
    return f // (maps // n_classes) if by_map else (f * positions + position) % n_classes


@kernel
def who_learns(true, other, right, reward, margin):
    """Neurons (map, position) to reward and to punish, -1: nobody; and whether the reward follows a right decision.

    true, other: (V, map, position) of the strongest neuron of the true class and of all others; with reward = 0 (winner) the
    one that decided stands in `true` if it was right, else in `other`. Equations (11) and its extensions.
    """
    nobody = (-1, -1)
    if reward == 2:                                # margin: V(true) < (1 + m) V(others)
        short = true[0] < (1 + margin) * other[0]
        return (true[1:], other[1:], False) if short else (nobody, nobody, False)
    if right:
        return true[1:], nobody, True
    return (true[1:] if reward == 1 else nobody), other[1:], False


@kernel
def changes(position, counts, fired, silent, dW):
    """dW (c, ky, kx) = fired for every afferent (of the winner's position) that fired, silent for all others."""
    channels, h, w = counts.shape
    side = dW.shape[1]
    for ky in range(side):
        for kx in range(side):
            y, x = position // h + ky - side // 2, position % h + kx - side // 2
            inside = 0 <= y < h and 0 <= x < w
            for c in range(channels):
                dW[c, ky, kx] = fired if inside and counts[c, y, x] else silent


@kernel
def apply(W, Q, f, dW, low, high, q_low, per_level, level, moved):
    """W += dW for map f, clipped; its bytes in Q follow. W, dW, level, moved: (c * ky * kx,); Q (ky * kx, c, maps)."""
    taps = Q.shape[0]
    for i in range(W.size):                        # two loops: the first is vectorised
        before = np.int32((W[i] - q_low) * per_level + 0.5)
        W[i] = min(max(W[i] + dW[i], low), high)
        level[i] = np.int32((W[i] - q_low) * per_level + 0.5)
        moved[i] = level[i] != before
    for i in range(W.size):
        if moved[i]:
            Q[i % taps, i // taps, f] = level[i]


# ---------------------------------------------------------------- one image after the other

@kernel
def groups(label, off, split, n_classes, group):
    """group (f): -1 for maps that cannot win; with `split` 0 for those of the true class and 1 for all others, else 0."""
    for f in range(group.size):
        other = split and f // (group.size // n_classes) != label
        group[f] = -1 if len(off) and off[f] else int(other)


@kernel
def present(counts, labels, W, Q, D, learn, online, reward, margin, rates, low, high, q_low, step, n_classes, by_map, off,
            decision, winner, largest):
    """Present a block of images in their order; with `learn` the rule at the top after each (or into D, not online).

    counts (n, c, h, h) uint8; labels (n,); W (f, c, ky, kx); Q, q_low, step: round_weights; reward: index into REWARDS;
    rates (3, 2), for afferents that fired and silent ones: phi_r a_r, phi_p a_p, and the true class's reward after an error;
    off (n or 0, f): maps that cannot win. Receive: decision (n,) class or -1 (silent), winner (n, 3), largest (n,) potential.
    """
    maps, h, side = W.shape[0], counts.shape[2], W.shape[2]
    where, n = np.empty((h * h, counts.shape[1] * np.int64(counts.max()) + 1), np.int64), np.empty(h * h, np.int64)
    part, total = np.empty(maps, np.uint16), np.empty(maps, np.uint32)
    dW, level, moved = np.empty(W.shape[1:]), np.empty(W[0].size, np.int32), np.empty(W[0].size, np.bool_)
    rough, error, group = np.empty((h * h, maps)), np.empty(h * h), np.empty(maps, np.int64)
    split = learn and reward > 0
    for i in range(len(counts)):
        list_active(counts[i], where, n)
        groups(labels[i], off[i] if len(off) else np.zeros(0, np.bool_), split, n_classes, group)
        rough_potentials(Q, q_low, step, group, where, n, h, side, part, total, rough, error)
        true = strongest(W, group, 0, where, n, h, rough, error)
        other = strongest(W, group, 1, where, n, h, rough, error) if split else (0.0, -1, -1)
        V, f, position = true if is_ahead(true, other) else other
        largest[i], decision[i], winner[i] = V, -1, -1
        if f < 0:
            continue
        decision[i] = class_of(f, position, h * h, maps, n_classes, by_map)
        winner[i, 0], winner[i, 1], winner[i, 2] = f, position // h, position % h
        if learn:
            right = decision[i] == labels[i]
            if not split and not right:
                true, other = other, true
            rewarded, punished, after_hit = who_learns(true, other, right, reward, margin)
            for neuron, rate in ((rewarded, rates[0] if after_hit else rates[2]), (punished, rates[1])):
                f, position = neuron
                if f >= 0:
                    changes(position, counts[i], rate[0], rate[1], dW)
                    if online:
                        apply(W[f].reshape(-1), Q, f, dW.reshape(-1), low, high, q_low, 1 / step, level, moved)
                    else:
                        D[f] += dW


@kernel
def is_ahead(one, two):
    """True if neuron one (V, map, position) is stronger than two; among equals the one with the lower index."""
    return one[0] > two[0] or (one[0] == two[0] and one[1:] <= two[1:])


# ---------------------------------------------------------------- the layer

class Decider:
    """The third layer: weights and their rounded copy, adjustment factors, online or batch-summed learning, slow weights."""

    def __init__(self, weight, bounds=(0.2, 0.8), rates=(0.004, -0.003, -0.004, 0.0005), n_classes=10, class_map='by_map',
                 batch_size=1, reward='winner', margin=0.05, slow_images=0):
        """weight (f, c, ky, kx) float32 or float64, its own dtype is kept; rates: a_r+, a_r-, a_p- (fired), a_p+ (silent).

        slow_images: time constant of the slow weights, 0: there are none. Raises ValueError for a reward that needs classes
        by map.
        """
        if reward != 'winner' and class_map != 'by_map':
            raise ValueError(f'reward={reward} looks for the strongest map of a class: it needs class_map=by_map')
        self.W = np.array(weight, order='C')
        self.low, self.high = bounds
        self.rates, self.batch_size = np.array(rates, float), batch_size
        self.n_classes, self.by_map = n_classes, class_map == 'by_map'
        self.reward, self.margin = REWARDS.index(reward), margin
        self.Q = np.empty((weight.shape[2] * weight.shape[3], weight.shape[1], weight.shape[0]), np.uint8)
        self.D = np.zeros(weight.shape if batch_size > 1 else (0, 0, 0, 0))
        self.waiting = 0                           # images whose changes are summed in D
        self.phi = np.ones(2)                      # phi_r, phi_p
        self.decay = 1.0                           # factor of all rates
        self.clipped = False                       # the whole tensor is clipped by the first event
        self.slow_images, self.averaged = slow_images, 0
        self.slow = self.W.copy() if slow_images else None
        self.round()

    def round(self):
        """Make the rounded copy of all weights."""
        self.q_low = min(self.low, float(self.W.min()))
        self.step = (max(self.high, float(self.W.max())) - self.q_low) / LEVELS
        round_weights(self.W, self.q_low, 1 / self.step, self.Q)

    def clip(self):
        """All weights into their bounds."""
        np.clip(self.W, self.low, self.high, out=self.W)
        self.clipped = True
        self.round()

    def scaled_rates(self):
        """(3, 2), for afferents that fired and silent ones: reward, punishment, reward of the true class after an error."""
        phi_r, phi_p = (1.0, 1.0) if REWARDS[self.reward] == 'margin' else self.phi
        return self.decay * np.array([phi_r * self.rates[:2], phi_p * self.rates[2:], phi_p * self.rates[:2]])

    def present(self, counts, labels=None, learn=False, off=None):
        """Decide on a block of images, learning from each. -> decision (n,), winner (n, 3), largest potential (n,)

        counts (n, c, h, h) uint8 spikes of the afferents; off (n, f) bool: maps that cannot win.
        """
        n = len(counts)
        out = np.empty(n, np.int64), np.empty((n, 3), np.int64), np.empty(n)
        labels = np.zeros(n, np.int64) if labels is None else labels
        off = np.zeros((0, len(self.W)), np.bool_) if off is None else off
        at = 0
        while at < n:
            size = n - at
            if learn and self.batch_size > 1:
                size = min(size, self.batch_size - self.waiting)
            elif learn and not self.clipped:
                size = 1
            part = slice(at, at + size)
            present(counts[part], labels[part], self.W, self.Q, self.D, learn, self.batch_size == 1, self.reward, self.margin,
                    self.scaled_rates(), self.low, self.high, self.q_low, self.step, self.n_classes, self.by_map, off[part],
                    *(a[part] for a in out))
            at += size
            if learn:
                self.after(size, out[0][part])
        return out

    def after(self, size, decision):
        """Clip after the first event; add the summed changes when a batch is full."""
        if self.batch_size == 1:
            if not self.clipped and (decision >= 0).any():
                self.clip()
            return
        self.waiting += size
        if self.waiting >= self.batch_size:
            self.apply()

    def apply(self):
        """Add the summed changes of a batch, then clip."""
        self.W += self.D.astype(self.W.dtype)
        self.D[:], self.waiting = 0.0, 0
        self.clip()

    def adjust(self, right, wrong, presented):
        """Adjustment factors of the next window: phi_r = wrong / presented, phi_p = right / presented."""
        self.phi[:] = wrong / presented, right / presented

    def average(self, presented):
        """Slow weights after a window of images: S += (presented / tau) (W - S); the mean so far until tau are averaged."""
        if self.slow_images:
            self.averaged += presented
            share = min(1, presented / min(self.averaged, self.slow_images))
            self.slow += self.W.dtype.type(share) * (self.W - self.slow)

    def tested(self):
        """The layer that is tested: with the slow weights if there are any."""
        if not self.slow_images:
            return self
        return Decider(self.slow, (self.low, self.high), self.rates, self.n_classes, 'by_map' if self.by_map else 'flat_mod')
