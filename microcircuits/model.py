"""The equations that both lines share: activation functions, compartments, somata, filters; records.

Arguments: Shape, State, Drive, Recording (state.py) and Constants (constants.py). plasticity.py has the learning rules;
phaseless.py and phased.py put time steps together from these pieces.
"""
import math

from common.kernel import kernel
from microcircuits.held import add_product, basal_of_block
from microcircuits.state import HARD_SIGMOID, LOGISTIC, RECORDS, RELU, SOFT_RELU, TANH

# ---------------------------------------------------------------- activation functions

@kernel(inline=True)
def activate(kind, x, y, first, last):
    """y_i = phi(x_i) for first <= i < last."""
    if kind == LOGISTIC:
        for i in range(first, last):
            y[i] = 1.0 / (1.0 + math.exp(-x[i]))
    elif kind == RELU:
        for i in range(first, last):
            y[i] = x[i] if x[i] > 0.0 else 0.0
    elif kind == SOFT_RELU:
        for i in range(first, last):
            y[i] = (x[i] if x[i] > 0.0 else 0.0) + math.log1p(math.exp(-abs(x[i])))
    elif kind == TANH:
        for i in range(first, last):
            y[i] = math.tanh(x[i])
    elif kind == HARD_SIGMOID:
        for i in range(first, last):
            y[i] = min(max(x[i] / 6.0 + 0.5, 0.0), 1.0)
    else:
        for i in range(first, last):
            y[i] = x[i]


@kernel(inline=True)
def slope(kind, x, ramp):
    """phi'(x); `ramp` is that of hard_sigmoid (1/6; released 1, D9)."""
    if kind == LOGISTIC:
        y = 1.0 / (1.0 + math.exp(-x))
        return y * (1.0 - y)
    if kind == RELU:
        return 1.0 if x > 0.0 else 0.0
    if kind == SOFT_RELU:
        return 1.0 / (1.0 + math.exp(-x))
    if kind == TANH:
        return 1.0 - math.tanh(x) ** 2
    if kind == HARD_SIGMOID:
        return ramp if -3.0 < x < 3.0 else 0.0
    return 1.0


# ---------------------------------------------------------------- one step, in this order

@kernel(inline=True)
def keep_old(shape, state):
    """1: copies of the step before."""
    for i in range(shape.total):
        state.r_old[i] = state.rP_breve[i]
        state.vbas_old[i] = state.vbas[i]
    for i in range(shape.hidden):
        state.vapi_old[i] = state.vapi[i]
    for i in range(shape.inter):
        state.rI_old[i] = state.rI_breve[i]
        state.vden_old[i] = state.vden[i]


@kernel(inline=True)
def new_input(shape, state, drive, row):
    """1: the input of this step (no row: there is none), and a copy of the one before."""
    for j in range(shape.n[0]):
        state.r0_old[j] = state.r0[j]
        if len(drive.r0) > 0:
            state.r0[j] = drive.r0[row, j]


@kernel(inline=True)
def prospective(shape, const, state):
    """2, 3: u-breve = u_prev + rho tau (u - u_prev) / dt, r = phi(u-breve); then u_prev = u."""
    rho, dt = const.taur, const.dt
    hidden, output, inter = rho * const.tau_hid / dt, rho * const.tau_out / dt, rho * const.tau_int / dt
    for i in range(shape.hidden):
        state.uP_breve[i] = state.uP_old[i] + hidden * (state.uP[i] - state.uP_old[i])
    for i in range(shape.hidden, shape.total):
        state.uP_breve[i] = state.uP_old[i] + output * (state.uP[i] - state.uP_old[i])
    for i in range(shape.inter):
        state.uI_breve[i] = state.uI_old[i] + inter * (state.uI[i] - state.uI_old[i])
    for k in range(len(shape.kinds)):
        first, last, kind = shape.kinds[k, 0], shape.kinds[k, 1], shape.kinds[k, 2]
        activate(kind, state.uP_breve, state.rP_breve, first, last)
        if last > shape.shift:
            activate(kind, state.uI_breve, state.rI_breve, max(first - shape.shift, 0), last - shape.shift)
    for i in range(shape.total):
        state.uP_old[i] = state.uP[i]
    for i in range(shape.inter):
        state.uI_old[i] = state.uI[i]


@kernel(inline=True)
def dendrites(shape, const, state, driven, held):
    """4: vbas_l = W_l r_{l-1}, vden_l = WIP_l r_l, vapi_l = B_l r_{l+1} + BI_l rI_l, all from the new rates.

    Without an input (not driven) vbas_1 keeps its value; held: it comes from the block (held.py).
    """
    for i in range(0 if driven else shape.n[1], shape.total):
        state.vbas[i] = 0.0
    for i in range(shape.inter):
        state.vden[i] = 0.0
    for i in range(shape.hidden):
        state.vapi[i] = 0.0
    if held:
        basal_of_block(shape, state)
    elif driven:
        add_product(state.WPP, 0, state.r0, 0, shape.n[0], state.vbas, 0, shape.n[1])
    for h in range(shape.H):
        n, first = shape.n[h + 1], shape.first[h]
        n_above, above = shape.n[h + 2], shape.first[h + 1]
        add_product(state.WPP, shape.W[h + 1], state.rP_breve, first, n, state.vbas, above, n_above)
        if not shape.skip:
            add_product(state.WIP, shape.WI[h], state.rP_breve, first, n, state.vden, above - shape.shift, n_above)
        else:
            n_above, above = shape.n[shape.H + 1], shape.hidden
        add_product(state.BPP, shape.B[h], state.rP_breve, above, n_above, state.vapi, first, n)
        add_product(state.BPI, shape.B[h], state.rI_breve, above - shape.shift, n_above, state.vapi, first, n)
    if shape.skip:
        add_product(state.WIP, 0, state.rP_breve, shape.first[shape.H - 1], shape.n[shape.H], state.vden, 0, shape.inter)
    if const.inter_filter:
        a = const.dt / const.tau_LO
        for i in range(shape.inter):
            state.vden[i] = state.vden_old[i] + a * (state.vden[i] - state.vden_old[i])


@kernel(inline=True)
def somata(shape, const, state, apical, drive, row):
    """6, 8: du/dt = (u_eff - u) / tau of interneurons, hidden and output cells; a target nudges the output."""
    nudged = len(drive.target) > 0
    step = const.dt / const.tau_int
    for i in range(shape.inter):
        u_eff = const.tau_int * (const.gden * state.vden[i] + const.gnI * state.uP_breve[shape.shift + i])
        state.uI[i] += step * (u_eff - state.uI[i])
    step = const.dt / const.tau_hid
    for i in range(shape.hidden):
        u_eff = const.tau_hid * (const.gbas * state.vbas[i] + const.gapi * apical[i])
        state.uP[i] += step * (u_eff - state.uP[i])
    step = const.dt / const.tau_out
    for i in range(shape.hidden, shape.total):
        if nudged:
            u_eff = const.tau_out * (const.gbas * state.vbas[i] + const.gntgt * drive.target[row, i - shape.hidden])
        else:
            u_eff = const.tau_out0 * (const.gbas * state.vbas[i])
        state.uP[i] += step * (u_eff - state.uP[i])


@kernel(inline=True)
def high_pass(const, state, first, last):
    """h += r(t) - r(t - dt) - dt/tauHP h."""
    a = const.dt / const.tau_HP
    for i in range(first, last):
        state.rP_breve_HI[i] += (state.rP_breve[i] - state.r_old[i]) - a * state.rP_breve_HI[i]


# ---------------------------------------------------------------- records

@kernel(inline=True)
def keep_record(record, count):
    """Copy the wanted parts of the flat state into the next row."""
    at = 0
    for k in range(len(record.ranges)):
        for i in range(record.ranges[k, 0], record.ranges[k, 1]):
            record.rows[count[RECORDS], at] = record.x[i]
            at += 1
    count[RECORDS] += 1
