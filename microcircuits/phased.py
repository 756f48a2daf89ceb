"""The phased line (skip connections): noise in one hidden layer at a time. FA, BP, LDRL (arXiv:2201.13415) and DTPDRL
(arXiv:2006.14331).

`run` is the whole model; one pass of its loop is one time step, in the order of the README.
"""
import math

from common.kernel import kernel
from microcircuits.model import dendrites, high_pass, keep_old, keep_record, new_input, prospective, slope, somata
from microcircuits.plasticity import learn_BPI, learn_W, learn_WIP, transpose_weights
from microcircuits.state import ACTIVE, ADAPTIVE, BP, DRAWN, DTPDRL, LDRL, NOISE_COUNT, STEP, U


@kernel(inline=True)
def run(shape, const, state, count, drive, learn, record, steps):
    """Advance a circuit by `steps` time steps, in place. Arguments as in phaseless.run; learn.W governs WIP and BI too."""
    noisy = learn.B and (const.model == LDRL or const.model == DTPDRL)
    driven = len(drive.r0) > 0
    row, left = drive.begin // drive.hold, drive.hold - drive.begin % drive.hold     # of the input: row, steps until the next
    row_t, left_t = drive.begin // drive.hold_target, drive.hold_target - drive.begin % drive.hold_target
    until = record.every - count[STEP] % record.every              # steps until the next record
    for _ in range(steps):
        if noisy and phase_ends(const, state, count):                                             # 0
            count[ACTIVE] = (count[ACTIVE] + 1) % shape.H
            count[NOISE_COUNT] = 0
        new_input(shape, state, drive, row)                                                       # 1
        keep_old(shape, state)
        prospective(shape, const, state)                                                          # 2', 3
        dendrites(shape, const, state, driven, False)                                             # 4'
        if noisy:
            draw_noise(shape, const, state, count, drive.normals)                                 # 5'
        somata(shape, const, state, state.vapi_noise if noisy else state.vapi, drive, row_t)      # 6', 8
        if const.model == LDRL or const.model == DTPDRL:
            high_pass(const, state, shape.hidden, shape.total)                                    # 6''
        tick(const, state, count)                                                                 # 12'
        until -= 1
        kept = until == 0
        if noisy:
            learn_B(shape, const, state, count[ACTIVE], kept)                                     # 7', 9'
        if learn.W:
            if const.model == BP:
                transpose_weights(shape, state)
            learn_W(shape, const, state, True, driven, kept, False, False)
            learn_WIP(shape, const, state, True, kept)
            learn_BPI(shape, const, state, state.vapi, True, kept)
        if kept:                                                                                  # 10
            keep_record(record, count)
            until = record.every
        left, left_t = left - 1, left_t - 1
        if left == 0:
            row, left = row + 1, drive.hold
        if left_t == 0:
            row_t, left_t = row_t + 1, drive.hold_target


@kernel(inline=True)
def tick(const, state, count):
    """T := T + dt, rounded to the decimals of dt."""
    count[STEP] += 1
    ten = 10.0 ** const.decimals
    state.clock[0] = round((state.clock[0] + const.dt) * ten) / ten


@kernel(inline=True)
def phase_ends(const, state, count):
    """True when the next layer's turn begins. Released (D19): a test of the floating-point time."""
    if const.float_phase:
        return state.clock[0] % const.Tbw == 0.0
    return count[STEP] % const.phase_steps == 0


@kernel(inline=True)
def draw_noise(shape, const, state, count, normals):
    """5': white noise in the active layer, held K steps; uP_adaptive: none once the layer's epsilon is small enough."""
    a = count[ACTIVE]
    first, last = shape.first[a], shape.first[a + 1]
    if not const.stale_apical:                     # the released program refreshes neither inactive nor held layers (D6)
        for i in range(shape.hidden):
            if i < first or i >= last:
                state.noise[i] = 0.0
    silent = True
    for i in range(first, last):
        silent = silent and state.noise[i] == 0.0
    if silent or count[NOISE_COUNT] % const.K == 0:
        resample(shape, const, state, count, normals, a)
        count[NOISE_COUNT] = 0
    count[NOISE_COUNT] += 1
    if not const.stale_apical:
        for i in range(shape.hidden):
            state.vapi_noise[i] = state.vapi[i] + state.noise[i]


@kernel(inline=True)
def resample(shape, const, state, count, normals, a):
    """New noise of the active layer a, in proportion to |u| or |vapi|."""
    first, last = shape.first[a], shape.first[a + 1]
    size = 1.0
    if const.mode_of_noise == ADAPTIVE:
        for i in range(shape.hidden):
            state.noise[i] = 0.0
            state.vapi_noise[i] = state.vapi[i]
        state.epsilon[a] = misalignment(shape, state, a)
        state.epsilon_LO[a] += const.dt / const.taueps * (state.epsilon[a] - state.epsilon_LO[a])
        size = state.epsilon_LO[a]
    if const.mode_of_noise != ADAPTIVE or size > const.threshold:
        for i in range(first, last):
            by = state.vapi[i] if const.mode_of_noise != U and const.mode_of_noise != ADAPTIVE else state.uP[i]
            state.noise[i] = const.noise_scale[a] * size * abs(by) * normals[count[DRAWN] + i - first]
            state.vapi_noise[i] = state.vapi[i] + state.noise[i]
        count[DRAWN] += last - first


@kernel(inline=True)
def misalignment(shape, state, a):
    """epsilon_a = (1 - cos(u-breve_a, B_a r_N)) / 2; a vector of length 0 counts as orthogonal."""
    dot, length_u, length_b = 0.0, 0.0, 0.0
    n = shape.n[a + 1]
    for i in range(n):
        back = 0.0
        for j in range(shape.inter):
            back += state.BPP[shape.B[a] + j * n + i] * state.rP_breve[shape.hidden + j]
        u = state.uP_breve[shape.first[a] + i]
        dot += u * back
        length_u += u * u
        length_b += back * back
    if length_u == 0.0 or length_b == 0.0:
        return 0.5
    return (1.0 - dot / math.sqrt(length_u) / math.sqrt(length_b)) / 2.0


@kernel(inline=True)
def learn_B(shape, const, state, a, kept):
    """7': LDRL: dB_a = dt eta (xi_a pre^T - alpha B_a); DTPDRL: dB_a = -dt eta ((B_a h_N - xi_a) h_N^T + alpha B_a).

    Nothing for the other layers: their increments are zero if this step is recorded (`kept`).
    """
    if kept:
        for k in range(len(state.dBPP)):
            state.dBPP[k] = 0.0
    n, gain, first = shape.n[a + 1], const.dt * const.eta_bw[a], shape.first[a]
    source = state.rP_breve_HI if const.pyr_hi_pass else state.rP_breve
    kind = shape.layer_kind[shape.H]
    noise_on = const.model == LDRL or not const.pyr_hi_pass
    for i in range(n):
        noise_on = noise_on or state.noise[first + i] != 0.0
    for i in range(n):
        error = state.noise[first + i]
        if const.model == DTPDRL:                      # what the output already explains of the noise
            for j in range(shape.inter):
                error -= state.BPP[shape.B[a] + j * n + i] * source[shape.hidden + j]
                if not const.pyr_hi_pass:
                    error -= state.BPI[shape.B[a] + j * n + i] * state.rI_breve[j]
        state.post[first + i] = error if noise_on else 0.0
    for j in range(shape.inter):
        pre = source[shape.hidden + j]
        decay = gain * const.alpha[a]
        if const.gate_regularizer and const.model == LDRL:
            decay *= slope(kind, pre, const.slope_hard_sigmoid)
        for i in range(n):
            k = shape.B[a] + j * n + i
            state.dBPP[k] = gain * state.post[first + i] * pre - decay * state.BPP[k]
            state.BPP[k] += state.dBPP[k]
