"""The strongest neuron of layer 3, found fast and exactly: a search in weights rounded to bytes, then exact sums.

All potentials are first summed with the weights rounded to 255 levels, map-last: off by at most half a level an afferent.
Positions that so few afferents reach that even the largest weights could not win are left out. The neuron that then leads, and
every one that the bound cannot exclude against it, are summed with the exact weights. Float32 weights are summed in float64,
which is exact (each is a multiple of 2^-27, the sum stays below 2^25), so no order of summation can change a decision.

Maps may stand in two groups (the true class and all others): then each has its own leader, and a position is left out only if
it can win in neither. The tests show the winners of the plain convolution (equations.py).
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
def rough_potentials(Q, low, step, group, where, n, h, side, part, total, rough, error):
    """Potentials from rounded weights, rough (h * h, f), and how far they may be off at each position, error (h * h).

    Positions are visited in the order of their afferents; where even the largest weights could not beat the leader of either
    group, and further on, no potential is computed (rough: -inf). group (f): 0 or 1; -1: the map cannot win.
    """
    pad, maps = side // 2, total.size
    bar = np.full(2, np.inf)                       # the largest potential of each group is at least this
    for f in range(maps):
        if group[f] >= 0:
            bar[group[f]] = -np.inf
    afferents = np.empty(h * h, np.int64)
    count_afferents(n, h, side, afferents)
    rough[:] = -np.inf
    for _ in range(h * h):
        position = np.argmax(afferents)
        if afferents[position] * (low + LEVELS * step) < bar.min():
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
            if group[f] >= 0:
                bar[group[f]] = max(bar[group[f]], rough[position, f] - error[position])
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
def strongest(W, group, which, where, n, h, rough, error):
    """(V, map, position) of the neuron of group `which` with the largest potential; (0, -1, -1) if none is positive."""
    positions, maps = rough.shape
    lead, f, position = -np.inf, -1, -1
    for i in range(positions):
        for g in range(maps):
            if rough[i, g] > lead and group[g] == which:
                lead, f, position = rough[i, g], g, i
    best = potential(W, f, position, where, n, h) if f >= 0 else 0.0
    for i in range(positions):
        for g in range(maps):
            if rough[i, g] + error[i] >= best and group[g] == which:
                V = potential(W, g, i, where, n, h)
                if V > best or (V == best and g * positions + i < f * positions + position):
                    best, f, position = V, g, i
    return (best, f, position) if best > 0 else (0.0, -1, -1)
