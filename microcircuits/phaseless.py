"""The phaseless line: feedback alignment (FA), weight transport (BP) and phaseless alignment learning (PAL), layered.

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
from microcircuits.state import BP, CONST, DRAWN, NOISE_COUNT, PAL, RECORDS, STEP, U_BREVE, U


@kernel
def run(z, c, s, x, count, r0, hold, target, hold_target, begin, steps, normals, learn_W_on, learn_lat_on, learn_bw_on, every,
        ranges, records):
    """Advance a circuit by `steps` time steps, in place.

    z, c, s, x: Shape, Constants, State and the flat array behind the state. count: integer counters of state.py.
    r0 (rows, n_0), target (rows, n_N), either without a row for none: a row is held for hold (hold_target) steps; the first
    step is number `begin` of them.
    normals: flat standard-normal draws, taken in order from count[DRAWN] on. The three switches: W; WIP and BI; B.
    Every `every` steps (counted in count[STEP]) the parts `ranges` of x go to a row of records, count[RECORDS] being the next.
    """
    pal = c.model == PAL
    driven, nudged = len(r0) > 0, len(target) > 0
    row, left = begin // hold, hold - begin % hold                 # of the input: row now, steps until the next
    row_t, left_t = begin // hold_target, hold_target - begin % hold_target
    until = every - count[STEP] % every                            # steps until the next record
    for _ in range(steps):
        keep_old(z, s, r0, row)                                                                   # 1
        prospective(z, c, s)                                                                      # 2, 3
        dendrites(z, c, s, driven)                                                                # 4
        if pal:
            for i in range(z.hidden):
                s.vapi_noise[i] = s.vapi[i] + s.noise[i]
            if learn_bw_on:
                draw_noise(z, c, s, count, normals)                                               # 5
        apical = s.vapi_noise if pal and learn_bw_on else s.vapi
        somata(z, c, s, apical, target, row_t, nudged)                                            # 6, 8
        count[STEP] += 1
        until -= 1
        kept = until == 0
        if c.model == BP:                                                                         # 7
            transpose_weights(z, s)
            for k in range(len(s.BPI)):
                s.BPI[k] = -s.BPP[k]
        if learn_W_on or kept or c.r_low_pass or c.post_low_pass:                                 # 9
            learn_W(z, c, s, learn_W_on, driven)
        if learn_lat_on or kept:
            learn_WIP(z, c, s, learn_lat_on, kept)
            learn_BPI(z, c, s, s.vapi_old, learn_lat_on, kept)
        if pal and (learn_bw_on or kept):
            learn_B(z, c, s, learn_bw_on, kept)
        if kept:                                                                                  # 10
            keep_record(x, ranges, records, count[RECORDS])
            count[RECORDS] += 1
            until = every
        if pal:                                                                                   # 11
            high_pass(c, s, 0, z.total)
        left -= 1
        if left == 0:
            row, left = row + 1, hold
        left_t -= 1
        if left_t == 0:
            row_t, left_t = row_t + 1, hold_target


@kernel(inline=True)
def amplitude(c, s, i):
    """m of the noise of cell i: 1, |u|, |u-breve| or |vapi|."""
    if c.noise_mode == CONST:
        return 1.0
    if c.noise_mode == U:
        return abs(s.uP[i])
    if c.noise_mode == U_BREVE:
        return abs(s.uP_breve[i])
    return abs(s.vapi[i])


@kernel(inline=True)
def draw_noise(z, c, s, count, normals):
    """4.5: d xi = (-xi dt + sqrt(dt tau_xi) scale m N(0, 1)) / tau_xi, or white noise, every K steps.

    Released (D7): the layers share a counter, so that for K > 1 they disturb each other, and the OU step is dt, not K dt.
    """
    dt = c.dt if c.shared else c.K * c.dt
    root, fade = math.sqrt(dt * c.tau_xi) / c.tau_xi, dt / c.tau_xi
    at = count[DRAWN]
    for h in range(z.H):
        draws = count[NOISE_COUNT] % c.K == 0
        if c.shared and not draws:
            draws = True
            for i in range(z.pyr[h], z.pyr[h + 1]):
                draws = draws and s.noise[i] == 0.0
        if draws:
            if c.shared:
                count[NOISE_COUNT] = 0
            if c.white:
                for i in range(z.pyr[h], z.pyr[h + 1]):
                    s.noise[i] = c.scale[h] * normals[at + i - z.pyr[h]] * amplitude(c, s, i)
            else:
                for i in range(z.pyr[h], z.pyr[h + 1]):
                    white = c.scale[h] * normals[at + i - z.pyr[h]] * amplitude(c, s, i)
                    s.noise[i] += root * white - fade * s.noise[i]
            at += z.pyr[h + 1] - z.pyr[h]
        if c.shared:
            count[NOISE_COUNT] += 1
    if not c.shared:
        count[NOISE_COUNT] += 1
    count[DRAWN] = at


@kernel(inline=True)
def learn_B(z, c, s, learn, kept):
    """4.4: dB_l = dt eta_bw,l xi_l h_{l+1}^T - dt alpha_l eta_bw,l R_l: noise of the cell times high-passed rate from above."""
    for h in range(z.H):
        n, first, gain = z.n[h + 1], z.pyr[h], c.dt * c.eta_bw[h]
        for j in range(z.n[h + 2]):
            above, start = z.pyr[h + 1] + j, z.B[h] + j * n
            pre = gain * (s.rP_breve_HI[above] if c.hi_pass else s.rP_breve[above])
            decay = gain * c.alpha[h]
            if c.gate:                             # columns of inactive sources do not decay
                decay = decay if pre > 0.0 else 0.0
            if c.varphi and not c.gate:            # R = diag(phi'_l) B diag(phi'_{l+1}); released: 0 at the top (D26)
                decay *= slope(z.layer_kind[h + 1], s.uP_breve[above], c.slope) if h < z.H - 1 or c.top_decay else 0.0
                for i in range(n):
                    s.dBPP[start + i] = pre * s.noise[first + i] - decay * s.BPP[start + i] * slope(
                        z.layer_kind[h], s.uP_breve[first + i], c.slope)
                    s.BPP[start + i] += s.dBPP[start + i] if learn else 0.0
            else:
                if kept:
                    for i in range(n):
                        s.dBPP[start + i] = pre * s.noise[first + i] - decay * s.BPP[start + i]
                if learn:
                    for i in range(n):
                        s.BPP[start + i] += pre * s.noise[first + i] - decay * s.BPP[start + i]
