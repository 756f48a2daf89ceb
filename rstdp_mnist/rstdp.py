"""R-STDP in the third layer: the strongest neuron decides; a right decision is followed by STDP, a wrong one by anti-STDP.

    winner = arg max over (map, row, column) of V = sum over afferents of spikes * W        (lowest index among equals)
    right:  dW = phi_r a_r+ where the afferent fired, phi_r a_r- where not
    wrong:  dW = phi_p a_p- where it fired,           phi_p a_p+ where not       then W into [w_lo, w_hi]

The layer below is frozen, so its input is one array of spike counts (0/1 in the default mode) an image.

How the winner is found fast and exactly. The weights are also kept rounded to bytes, map-last. All potentials are first summed
with these: off by at most half a level an afferent. Positions that so few afferents reach that even the largest weights could
not win are left out. The neuron that then leads, and every one that the bound cannot exclude
against it, are summed with the exact weights. Float32 weights are summed in float64, which is exact (each is a multiple of
2^-27, the sum stays below 2^25), so no order of summation can change a decision. A test shows the winners of the plain
convolution.
"""
import numpy as np

from common.kernel import kernel

LEVELS = 255
BLOCK = 256                             # bytes that a 16-bit sum holds: 257


@kernel
def round_weights(W, low, per_level, Q):
    """Q[ky * side + kx, c, f] = W[f, c, ky, kx] in levels above `low`, `per_level` of them a unit, rounded."""
    maps, channels, side, _ = W.shape
    for f in range(maps):
        for c in range(channels):
            for k in range(side * side):
                Q[k, c, f] = np.uint8((W[f, c, k // side, k % side] - low) * per_level + 0.5)


@kernel
def list_active(counts, where, n):
    """Afferents that fired, by cell: where[cell, :n[cell]] = their maps, m times if they fired m times. counts (c, h, w)"""
    channels, h, w = counts.shape
    n[:] = 0
    for c in range(channels):
        for y in range(h):
            for x in range(w):
                cell = y * w + x
                for _ in range(counts[c, y, x]):
                    where[cell, n[cell]] = c
                    n[cell] += 1


@kernel
def add_bytes(Q, tap, where, n, part, total):
    """total[f] += sum of Q[tap, c, f] over c in where[:n]; four rows at a time, in 16 and 32 bits."""
    maps = total.size
    for begin in range(0, n, BLOCK):
        end = min(n, begin + BLOCK)
        part[:] = 0
        for i in range(begin, end - 3, 4):
            a, b, c, d = where[i], where[i + 1], where[i + 2], where[i + 3]
            for f in range(maps):
                part[f] += (np.uint16(np.uint16(Q[tap, a, f]) + np.uint16(Q[tap, b, f]))
                            + np.uint16(np.uint16(Q[tap, c, f]) + np.uint16(Q[tap, d, f])))
        for i in range(end - (end - begin) % 4, end):
            for f in range(maps):
                part[f] += Q[tap, where[i], f]
        for f in range(maps):
            total[f] += part[f]


@kernel
def count_afferents(n, h, side, afferents):
    """afferents[position]: how many spikes reach the neurons there. n (h * h): spikes of each input cell"""
    pad = side // 2
    for position in range(h * h):
        oy, ox = position // h, position % h
        afferents[position] = 0
        for y in range(max(0, oy - pad), min(h, oy + pad + 1)):
            for x in range(max(0, ox - pad), min(h, ox + pad + 1)):
                afferents[position] += n[y * h + x]


@kernel
def rough_potentials(Q, low, step, off, where, n, h, side, part, total, rough, error):
    """Potentials from rounded weights, rough (h * h, f), and how far they may be off at each position, error (h * h).

    Positions are visited in the order of their afferents; where even the largest weights could not beat the leader, and
    further on, no potential is computed (rough: -inf). off (f): maps that cannot win.
    """
    pad, bar, maps = side // 2, -np.inf, total.size            # bar: the largest potential is at least this
    afferents = np.empty(h * h, np.int64)
    count_afferents(n, h, side, afferents)
    rough[:] = -np.inf
    for _ in range(h * h):
        position = np.argmax(afferents)
        if afferents[position] * (low + LEVELS * step) < bar:
            break
        oy, ox = position // h, position % h
        total[:] = 0
        for y in range(max(0, oy - pad), min(h, oy + pad + 1)):
            for x in range(max(0, ox - pad), min(h, ox + pad + 1)):
                cell = y * h + x
                add_bytes(Q, (y + pad - oy) * side + x + pad - ox, where[cell], n[cell], part, total)
        error[position] = afferents[position] * step * 0.5001
        for f in range(maps):
            rough[position, f] = low * afferents[position] + step * total[f]
            if not off[f]:
                bar = max(bar, rough[position, f] - error[position])
        afferents[position] = -1


@kernel
def potential(W, f, position, where, n, h):
    """V of the neuron of map f at a position, from the exact weights W (f, c, ky, kx), in float64."""
    side = W.shape[2]
    pad = side // 2
    oy, ox = position // h, position % h
    V_0, V_1, V_2, V_3 = 0.0, 0.0, 0.0, 0.0        # four sums, so that one addition need not wait for the one before
    for y in range(max(0, oy - pad), min(h, oy + pad + 1)):
        for x in range(max(0, ox - pad), min(h, ox + pad + 1)):
            cell, ky, kx = y * h + x, y + pad - oy, x + pad - ox
            for i in range(0, n[cell] - 3, 4):
                V_0 += W[f, where[cell, i], ky, kx]
                V_1 += W[f, where[cell, i + 1], ky, kx]
                V_2 += W[f, where[cell, i + 2], ky, kx]
                V_3 += W[f, where[cell, i + 3], ky, kx]
            for i in range(n[cell] - n[cell] % 4, n[cell]):
                V_0 += W[f, where[cell, i], ky, kx]
    return (V_0 + V_1) + (V_2 + V_3)


@kernel
def strongest(W, off, where, n, h, rough, error):
    """(V, map, position) of the neuron with the largest potential; (0, -1, -1) if none is positive. off (f): maps left out."""
    positions, maps = rough.shape
    lead, f, position = -np.inf, -1, -1
    for i in range(positions):
        for g in range(maps):
            if rough[i, g] > lead and not off[g]:
                lead, f, position = rough[i, g], g, i
    best = potential(W, f, position, where, n, h) if f >= 0 else 0.0
    for i in range(positions):
        for g in range(maps):
            if rough[i, g] + error[i] >= best and not off[g]:
                V = potential(W, g, i, where, n, h)
                if V > best or (V == best and g * positions + i < f * positions + position):
                    best, f, position = V, g, i
    return (best, f, position) if best > 0 else (0.0, -1, -1)


@kernel
def class_of(f, position, positions, maps, n_classes, by_map):
    """g(f) = floor(f / maps a class); or, as the replication reads it, the flat index (map, row, column) mod n_classes."""
    return f // (maps // n_classes) if by_map else (f * positions + position) % n_classes


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


@kernel
def present(counts, labels, W, Q, D, learn, online, rates, low, high, q_low, step, n_classes, by_map, off, decision, winner,
            largest):
    """Present a block of images in their order; with `learn` the rule at the top after each (or into D, not online).

    counts (n, c, h, h) uint8; labels (n,); W (f, c, ky, kx); Q, q_low, step: round_weights; rates: phi_r a_r+, phi_r a_r-,
    phi_p a_p-, phi_p a_p+; off (n or 0, f) maps that cannot win. Receive: decision (n,) class or -1 (silent), winner (n, 3),
    largest (n,) potential.
    """
    maps, h, side = W.shape[0], counts.shape[2], W.shape[2]
    where, n = np.empty((h * h, counts.shape[1] * np.int64(counts.max()) + 1), np.int64), np.empty(h * h, np.int64)
    part, total = np.empty(maps, np.uint16), np.empty(maps, np.uint32)
    dW, level, moved = np.empty(W.shape[1:]), np.empty(W[0].size, np.int32), np.empty(W[0].size, np.bool_)
    rough, error, none = np.empty((h * h, maps)), np.empty(h * h), np.zeros(maps, np.bool_)
    for i in range(len(counts)):
        list_active(counts[i], where, n)
        left_out = off[i] if len(off) else none
        rough_potentials(Q, q_low, step, left_out, where, n, h, side, part, total, rough, error)
        V, f, position = strongest(W, left_out, where, n, h, rough, error)
        largest[i], decision[i], winner[i] = V, -1, -1
        if f >= 0:
            decision[i] = class_of(f, position, h * h, maps, n_classes, by_map)
            winner[i, 0], winner[i, 1], winner[i, 2] = f, position // h, position % h
            if learn:
                at = 0 if decision[i] == labels[i] else 2
                changes(position, counts[i], rates[at], rates[at + 1], dW)
                if online:
                    apply(W[f].reshape(-1), Q, f, dW.reshape(-1), low, high, q_low, 1 / step, level, moved)
                else:
                    D[f] += dW


class Decider:
    """The third layer: weights and their rounded copy, adjustment factors, online or batch-summed learning."""

    def __init__(self, weight, bounds=(0.2, 0.8), rates=(0.004, -0.003, -0.004, 0.0005), n_classes=10, class_map='by_map',
                 batch_size=1):
        """weight (f, c, ky, kx) float32 or float64, its own dtype is kept; rates: a_r+, a_r-, a_p- (fired), a_p+ (silent)."""
        self.W = np.ascontiguousarray(weight)
        self.low, self.high = bounds
        self.rates, self.batch_size = np.array(rates, float), batch_size
        self.n_classes, self.by_map = n_classes, class_map == 'by_map'
        self.Q = np.empty((weight.shape[2] * weight.shape[3], weight.shape[1], weight.shape[0]), np.uint8)
        self.D = np.zeros(weight.shape if batch_size > 1 else (0, 0, 0, 0))
        self.waiting = 0                           # images whose changes are summed in D
        self.phi = np.ones(2)                      # phi_r, phi_p
        self.clipped = False                       # the whole tensor is clipped by the first event
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
            rates = self.rates * self.phi[[0, 0, 1, 1]]
            present(counts[part], labels[part], self.W, self.Q, self.D, learn, self.batch_size == 1, rates, self.low, self.high,
                    self.q_low, self.step, self.n_classes, self.by_map, off[part], *(a[part] for a in out))
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
