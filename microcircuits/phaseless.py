"""The phaseless line: feedback alignment (FA), weight transport (BP) and phaseless alignment learning (PAL), layered.

`run` is the whole model; one pass of its loop is one time step, in the order of the README.
"""
import math

from common.kernel import kernel
from microcircuits.held import begin_block, write_block
from microcircuits.model import dendrites, high_pass, keep_old, keep_record, new_input, prospective, slope, somata
from microcircuits.plasticity import learn_BPI, learn_W, learn_WIP, transpose_weights
from microcircuits.state import BP, CONST, DRAWN, NOISE_COUNT, PAL, STEP, U_BREVE, U


@kernel(inline=True)
def run(shape, const, state, count, drive, learn, record, steps, held):
    """Advance a circuit by `steps` time steps, in place. Arguments: state.py and constants.py; count: integers of state.py.

    held: the first layer by blocks of held inputs (held.py), equal up to rounding; not with const.r_low_pass.
    """
    pal, driven = const.model == PAL, len(drive.r0) > 0
    noisy = pal and learn.B
    row, left = drive.begin // drive.hold, drive.hold - drive.begin % drive.hold     # of the input: row, steps until the next
    row_t, left_t = drive.begin // drive.hold_target, drive.hold_target - drive.begin % drive.hold_target
    until = record.every - count[STEP] % record.every              # steps until the next record
    in_block = 0                                                   # steps since the present block began
    for step in range(steps):
        if held and in_block == 0:
            begin_block(shape, const, state, drive, row, learn.W)
        elif not held or in_block == 1:
            new_input(shape, state, drive, row)                                                   # 1
        keep_old(shape, state)
        prospective(shape, const, state)                                                          # 2, 3
        dendrites(shape, const, state, driven, held)                                              # 4
        if pal:
            for i in range(shape.hidden):
                state.vapi_noise[i] = state.vapi[i] + state.noise[i]
            if learn.B:
                draw_noise(shape, const, state, count, drive.normals)                             # 5
        somata(shape, const, state, state.vapi_noise if noisy else state.vapi, drive, row_t)      # 6, 8
        count[STEP] += 1
        until -= 1
        kept = until == 0
        if const.model == BP:                                                                     # 7
            transpose_weights(shape, state)
            for k in range(len(state.BPI)):
                state.BPI[k] = -state.BPP[k]
        if learn.W or kept or const.r_low_pass or const.post_low_pass:                            # 9
            learn_W(shape, const, state, learn.W, driven, kept, held, in_block == 0)
        if learn.lateral or kept:
            learn_WIP(shape, const, state, learn.lateral, kept)
            learn_BPI(shape, const, state, state.vapi_old, learn.lateral, kept)
        if pal and (learn.B or kept):
            learn_B(shape, const, state, learn.B, kept)
        in_block, left, left_t = in_block + 1, left - 1, left_t - 1
        if held and learn.W and (kept or left == 0 or step == steps - 1):
            write_block(shape, const, state)
            in_block = 0
        if kept:                                                                                  # 10
            keep_record(record, count)
            until = record.every
        if pal:                                                                                   # 11
            high_pass(const, state, 0, shape.total)
        if left == 0:
            row, left, in_block = row + 1, drive.hold, 0
        if left_t == 0:
            row_t, left_t = row_t + 1, drive.hold_target


@kernel(inline=True)
def amplitude(const, state, i):
    """m of the noise of cell i: 1, |u|, |u-breve| or |vapi|."""
    if const.mode_of_noise == CONST:
        return 1.0
    if const.mode_of_noise == U:
        return abs(state.uP[i])
    if const.mode_of_noise == U_BREVE:
        return abs(state.uP_breve[i])
    return abs(state.vapi[i])


@kernel(inline=True)
def draw_noise(shape, const, state, count, normals):
    """4.5: d xi = (-xi dt + sqrt(dt tau_xi) scale m N(0, 1)) / tau_xi, or white noise, every K steps.

    Released (D7): the layers share a counter, so that for K > 1 they disturb each other, and the OU step is dt, not K dt.
    """
    dt = const.dt if const.shared_counter else const.K * const.dt
    root, fade = math.sqrt(dt * const.tauxi) / const.tauxi, dt / const.tauxi
    at = count[DRAWN]
    for h in range(shape.H):
        draws = count[NOISE_COUNT] % const.K == 0
        if const.shared_counter and not draws:
            draws = True
            for i in range(shape.first[h], shape.first[h + 1]):
                draws = draws and state.noise[i] == 0.0
        if draws:
            if const.shared_counter:
                count[NOISE_COUNT] = 0
            if const.white:
                for i in range(shape.first[h], shape.first[h + 1]):
                    state.noise[i] = const.noise_scale[h] * normals[at + i - shape.first[h]] * amplitude(const, state, i)
            else:
                for i in range(shape.first[h], shape.first[h + 1]):
                    white = const.noise_scale[h] * normals[at + i - shape.first[h]] * amplitude(const, state, i)
                    state.noise[i] += root * white - fade * state.noise[i]
            at += shape.first[h + 1] - shape.first[h]
        if const.shared_counter:
            count[NOISE_COUNT] += 1
    if not const.shared_counter:
        count[NOISE_COUNT] += 1
    count[DRAWN] = at


@kernel(inline=True)
def learn_B(shape, const, state, learn, kept):
    """4.4: dB_l = dt eta_bw,l (xi_l h_{l+1}^T - alpha_l R_l): noise of the cell times high-passed rate from above.

    R_l = B_l; gate_regularizer: without the columns of inactive sources; varphi_regularizer: diag(phi'_l) B_l diag(phi'_{l+1})
    (released: 0 in the top hidden layer, D26).
    """
    by_slope = const.decay_by_slope and not const.gate_regularizer
    if by_slope:
        for h in range(shape.H + 1):
            for i in range(shape.first[h], shape.first[h + 1]):
                state.decay_by[i] = slope(shape.layer_kind[h], state.uP_breve[i], const.slope_hard_sigmoid)
    source = state.rP_breve_HI if const.pyr_hi_pass else state.rP_breve
    for h in range(shape.H):
        n, first, gain = shape.n[h + 1], shape.first[h], const.dt * const.eta_bw[h]
        for j in range(shape.n[h + 2]):
            above, start = shape.first[h + 1] + j, shape.B[h] + j * n
            pre, decay = gain * source[above], gain * const.alpha[h]
            if const.gate_regularizer and pre <= 0.0:
                decay = 0.0
            elif by_slope:
                decay *= state.decay_by[above] if h < shape.H - 1 or const.top_decay else 0.0
            for i in range(n):
                d = pre * state.noise[first + i] - decay * state.decay_by[first + i] * state.BPP[start + i]
                if kept:
                    state.dBPP[start + i] = d
                if learn:
                    state.BPP[start + i] += d
