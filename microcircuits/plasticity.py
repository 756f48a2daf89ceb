"""Plasticity of W, WIP and BI, and weight transport, as both lines have them. B: phaseless.py, phased.py.

All increments are those of one step; the recorded ones (`kept`) also go to dWPP, dWIP, dBPI.
"""
from common.kernel import kernel
from microcircuits.held import advance_block
from microcircuits.model import activate


@kernel(inline=True)
def transpose_weights(shape, state):
    """7, model BP: B_l = W_{l+1}^T."""
    for h in range(shape.H):
        n, above = shape.n[h + 1], shape.n[h + 2]
        for j in range(above):
            for i in range(n):
                state.BPP[shape.B[h] + j * n + i] = state.WPP[shape.W[h + 1] + i * above + j]


@kernel(inline=True)
def add_outer(w, start, gain, pre, j0, n_pre, post, i0, n):
    """w += gain post pre^T for the matrix of n_pre x n entries at w[start]; four rows at a time, since rows are short."""
    whole = n_pre - n_pre % 4
    for j in range(0, whole, 4):
        a, b, c, d = gain * pre[j0 + j], gain * pre[j0 + j + 1], gain * pre[j0 + j + 2], gain * pre[j0 + j + 3]
        k = start + j * n
        for i in range(n):
            f = post[i0 + i]
            w[k + i] += a * f
            w[k + n + i] += b * f
            w[k + 2 * n + i] += c * f
            w[k + 3 * n + i] += d * f
    for j in range(whole, n_pre):
        for i in range(n):
            w[start + j * n + i] += gain * pre[j0 + j] * post[i0 + i]


@kernel(inline=True)
def learn_outer(weights, increments, start, gain, pre, j0, n_pre, post, i0, n, learn, kept):
    """weights += gain post pre^T if `learn`; increments = gain post pre^T if they are to be recorded (`kept`)."""
    if kept:
        for k in range(start, start + n_pre * n):
            increments[k] = 0.0
        add_outer(increments, start, gain, pre, j0, n_pre, post, i0, n)
    if learn:
        add_outer(weights, start, gain, pre, j0, n_pre, post, i0, n)


@kernel(inline=True)
def postsynaptic_factor(shape, const, state):
    """f_l = r_l - phi(c_l vbas_l) with the basal voltage of the step before (or u-breve - c_l vbas_l)."""
    for i in range(shape.hidden):
        state.post[i] = const.c_hid * state.vbas_old[i]
    for i in range(shape.hidden, shape.total):
        state.post[i] = const.c_out * state.vbas_old[i]
    if const.from_rates:
        for k in range(len(shape.kinds)):
            activate(shape.kinds[k, 2], state.post, state.post, shape.kinds[k, 0], shape.kinds[k, 1])
        for i in range(shape.total):
            state.post[i] = state.rP_breve[i] - state.post[i]
    else:
        for i in range(shape.total):
            state.post[i] = state.uP_breve[i] - state.post[i]


@kernel(inline=True)
def learn_W(shape, const, state, learn, driven, kept, held, first):
    """4.1: dW_l = dt eta_l f_l p_l^T, p_l = r_{l-1} of the step before; all of it, or its factors, may be low-passed.

    held: W_1 is not written, the block takes its update (first: the block's first step).
    """
    a = const.dt / const.tau_LO
    if const.r_low_pass:                           # q += dt/tauLO (p - q)
        for j in range(shape.n[0]):
            state.pre_LO[j] += a * (state.r0_old[j] - state.pre_LO[j])
        for j in range(shape.hidden):
            state.pre_LO[shape.n[0] + j] += a * (state.r_old[j] - state.pre_LO[shape.n[0] + j])
    postsynaptic_factor(shape, const, state)
    if const.post_low_pass:                        # s += dt/tauLO (f - s)
        for i in range(shape.total):
            state.post_LO[i] += a * (state.post[i] - state.post_LO[i])
            state.post[i] = state.post_LO[i]
    if held and learn:
        advance_block(shape, const, state, first)
    for h in range(shape.H + 1):
        gain = const.dt * const.eta_fw[h] if h > 0 or driven else 0.0
        n, n_above, above = shape.n[h], shape.n[h + 1], shape.first[h]
        if const.r_low_pass:
            pre, source = state.pre_LO, above - n + shape.n[0]
        elif h == 0:
            pre, source = state.r0_old, 0
        else:
            pre, source = state.r_old, above - n
        write = learn and not (held and h == 0)
        plain = write and not const.W_low_pass
        learn_outer(state.WPP, state.dWPP, shape.W[h], gain, pre, source, n, state.post, above, n_above, plain, kept)
        for j in range(n if write and const.W_low_pass else 0):             # D += dt/tauLO (dW - D), W += D
            start, g = shape.W[h] + j * n_above, gain * pre[source + j]
            for i in range(n_above):
                state.dWPP_LO[start + i] += a * (g * state.post[above + i] - state.dWPP_LO[start + i])
                state.WPP[start + i] += state.dWPP_LO[start + i]


@kernel(inline=True)
def interneuron_factor(shape, const, state):
    """f_I = rI - phi(c_I vden) with the dendrite of the step before."""
    shift = shape.shift
    for i in range(shape.inter):
        state.post_I[i] = const.c_int * state.vden_old[i]
    for k in range(len(shape.kinds)):
        first, last, kind = shape.kinds[k, 0], shape.kinds[k, 1], shape.kinds[k, 2]
        if last > shift:
            activate(kind, state.post_I, state.post_I, max(first - shift, 0), last - shift)
    for i in range(shape.inter):
        state.post_I[i] = state.rI_breve[i] - state.post_I[i]


@kernel(inline=True)
def learn_WIP(shape, const, state, learn, kept):
    """4.2: dWIP_l = dt eta_IP,l f_I r_l^T with the rates of the step before; skip: one matrix, from layer N-1."""
    needed = False
    for h in range(len(const.eta_IP)):
        needed = needed or const.eta_IP[h] != 0.0
    if not needed:
        return
    interneuron_factor(shape, const, state)
    for k in range(len(const.eta_IP)):
        h = shape.H - 1 if shape.skip else k               # the hidden layer that the weights come from
        learn_outer(state.WIP, state.dWIP, shape.WI[k], const.dt * const.eta_IP[k], state.r_old, shape.first[h],
                    shape.n[h + 1], state.post_I, shape.first[h + 1] - shape.shift, shape.n[h + 2], learn, kept)


@kernel(inline=True)
def learn_BPI(shape, const, state, apical, learn, kept):
    """4.3: dBI_l = -dt eta_PI,l vapi_l rI^T (apical voltage without noise; rates of the interneurons of the step before)."""
    for h in range(shape.H):
        if const.eta_PI[h] != 0.0:
            source = (shape.hidden if shape.skip else shape.first[h + 1]) - shape.shift
            n_above = shape.inter if shape.skip else shape.n[h + 2]
            learn_outer(state.BPI, state.dBPI, shape.B[h], -const.dt * const.eta_PI[h], state.rI_old, source, n_above,
                        apical, shape.first[h], shape.n[h + 1], learn, kept)
