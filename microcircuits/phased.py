"""The phased line (skip connections): noise in one hidden layer at a time. FA, BP, LDRL (arXiv:2201.13415) and DTPDRL
(arXiv:2006.14331).

`run` is the whole model; one pass of its loop is one time step, in the order of the README.
"""
import math

from common.kernel import kernel
from microcircuits.model import (
    dendrites,
    high_pass,
    keep_old,
    keep_record,
    learn_BPI,
    learn_W,
    learn_WIP,
    prospective,
    slope,
    somata,
    transpose_weights,
)
from microcircuits.state import ACTIVE, ADAPTIVE, BP, DRAWN, DTPDRL, LDRL, NOISE_COUNT, RECORDS, STEP, U


@kernel
def run(z, c, s, x, count, r0, hold, target, hold_target, begin, steps, normals, learn_W_on, learn_lat_on, learn_bw_on, every,
        ranges, records):
    """Advance a circuit by `steps` time steps, in place. Arguments as in phaseless.run; learn_W_on governs WIP and BI too."""
    noisy = learn_bw_on and (c.model == LDRL or c.model == DTPDRL)
    driven, nudged = len(r0) > 0, len(target) > 0
    row, left = begin // hold, hold - begin % hold                 # of the input: row now, steps until the next
    row_t, left_t = begin // hold_target, hold_target - begin % hold_target
    until = every - count[STEP] % every                            # steps until the next record
    for _ in range(steps):
        if noisy and phase_ends(c, s, count):                                                     # 0
            count[ACTIVE] = (count[ACTIVE] + 1) % z.H
            count[NOISE_COUNT] = 0
        keep_old(z, s, r0, row)                                                                   # 1
        prospective(z, c, s)                                                                      # 2', 3
        dendrites(z, c, s, driven)                                                                # 4'
        if noisy:
            draw_noise(z, c, s, count, normals)                                                   # 5'
        somata(z, c, s, s.vapi_noise if noisy else s.vapi, target, row_t, nudged)                 # 6', 8
        if c.model == LDRL or c.model == DTPDRL:
            high_pass(c, s, z.hidden, z.total)                                                    # 6''
        tick(c, s, count)                                                                         # 12'
        until -= 1
        kept = until == 0
        if noisy:
            learn_B(z, c, s, count[ACTIVE], kept)                                                 # 7', 9'
        if learn_W_on:
            if c.model == BP:
                transpose_weights(z, s)
            learn_W(z, c, s, True, driven)
            learn_WIP(z, c, s, True, kept)
            learn_BPI(z, c, s, s.vapi, True, kept)
        if kept:                                                                                  # 10
            keep_record(x, ranges, records, count[RECORDS])
            count[RECORDS] += 1
            until = every
        left -= 1
        if left == 0:
            row, left = row + 1, hold
        left_t -= 1
        if left_t == 0:
            row_t, left_t = row_t + 1, hold_target


@kernel(inline=True)
def tick(c, s, count):
    """T := T + dt, rounded to the decimals of dt."""
    count[STEP] += 1
    ten = 10.0 ** c.decimals
    s.clock[0] = round((s.clock[0] + c.dt) * ten) / ten


@kernel(inline=True)
def phase_ends(c, s, count):
    """True when the next layer's turn begins. Released (D19): a test of the floating-point time."""
    if c.float_phase:
        return s.clock[0] % c.T_bw == 0.0
    return count[STEP] % c.phase_steps == 0


@kernel(inline=True)
def draw_noise(z, c, s, count, normals):
    """5': white noise in the active layer, held K steps; uP_adaptive: none once the layer's epsilon is small enough."""
    a = count[ACTIVE]
    first, last = z.pyr[a], z.pyr[a + 1]
    if not c.stale:                                # the released program refreshes neither inactive nor held layers (D6)
        for i in range(z.hidden):
            if i < first or i >= last:
                s.noise[i] = 0.0
    silent = True
    for i in range(first, last):
        silent = silent and s.noise[i] == 0.0
    if silent or count[NOISE_COUNT] % c.K == 0:
        resample(z, c, s, count, normals, a)
        count[NOISE_COUNT] = 0
    count[NOISE_COUNT] += 1
    if not c.stale:
        for i in range(z.hidden):
            s.vapi_noise[i] = s.vapi[i] + s.noise[i]


@kernel(inline=True)
def resample(z, c, s, count, normals, a):
    """New noise of the active layer a, in proportion to |u| or |vapi|."""
    first, last = z.pyr[a], z.pyr[a + 1]
    size = 1.0
    if c.noise_mode == ADAPTIVE:
        for i in range(z.hidden):
            s.noise[i] = 0.0
            s.vapi_noise[i] = s.vapi[i]
        s.epsilon[a] = misalignment(z, s, a)
        s.epsilon_LO[a] += c.dt / c.tau_eps * (s.epsilon[a] - s.epsilon_LO[a])
        size = s.epsilon_LO[a]
    if c.noise_mode != ADAPTIVE or size > c.threshold:
        for i in range(first, last):
            by = s.vapi[i] if c.noise_mode != U and c.noise_mode != ADAPTIVE else s.uP[i]
            s.noise[i] = c.scale[a] * size * abs(by) * normals[count[DRAWN] + i - first]
            s.vapi_noise[i] = s.vapi[i] + s.noise[i]
        count[DRAWN] += last - first


@kernel(inline=True)
def misalignment(z, s, a):
    """epsilon_a = (1 - cos(u-breve_a, B_a r_N)) / 2; a vector of length 0 counts as orthogonal."""
    dot, length_u, length_b = 0.0, 0.0, 0.0
    n = z.n[a + 1]
    for i in range(n):
        back = 0.0
        for j in range(z.inter):
            back += s.BPP[z.B[a] + j * n + i] * s.rP_breve[z.hidden + j]
        u = s.uP_breve[z.pyr[a] + i]
        dot += u * back
        length_u += u * u
        length_b += back * back
    if length_u == 0.0 or length_b == 0.0:
        return 0.5
    return (1.0 - dot / math.sqrt(length_u) / math.sqrt(length_b)) / 2.0


@kernel(inline=True)
def learn_B(z, c, s, a, kept):
    """7': LDRL: dB_a = dt eta (xi_a pre^T - alpha B_a); DTPDRL: dB_a = -dt eta ((B_a h_N - xi_a) h_N^T + alpha B_a).

    Nothing for the other layers: their increments are zero if this step is recorded (`kept`).
    """
    if kept:
        for k in range(len(s.dBPP)):
            s.dBPP[k] = 0.0
    n, gain, first = z.n[a + 1], c.dt * c.eta_bw[a], z.pyr[a]
    source = s.rP_breve_HI if c.hi_pass else s.rP_breve
    kind = z.layer_kind[z.H]
    noise_on = c.model == LDRL or not c.hi_pass
    for i in range(n):
        noise_on = noise_on or s.noise[first + i] != 0.0
    for i in range(n):
        error = s.noise[first + i]
        if c.model == DTPDRL:                      # what the output already explains of the noise
            for j in range(z.inter):
                error -= s.BPP[z.B[a] + j * n + i] * source[z.hidden + j]
                if not c.hi_pass:
                    error -= s.BPI[z.B[a] + j * n + i] * s.rI_breve[j]
        s.f[first + i] = error if noise_on else 0.0
    for j in range(z.inter):
        pre = source[z.hidden + j]
        decay = gain * c.alpha[a] * (slope(kind, pre, c.slope) if c.gate and c.model == LDRL else 1.0)
        for i in range(n):
            k = z.B[a] + j * n + i
            s.dBPP[k] = gain * s.f[first + i] * pre - decay * s.BPP[k]
            s.BPP[k] += s.dBPP[k]
