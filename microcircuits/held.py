"""Held inputs: the first layer's weights W need not be written in every step.

While an input p is held, every update of W is a vector times p^T; in the first step of such a block it is a vector times
p_old^T, because the rule uses the rates of the step before. So, from W and D (the low-passed update) at the block's beginning,

    D(t) = k D + D_s p^T + D_t p_old^T        k *= 1 - dt/tau_LO in each step
    W(t) = W + K D + W_s p^T + W_t p_old^T    K += k

with four vectors (n_1) that advance as `advance_block` says. Put into D += dt/tau_LO (dW - D), W += D this is an identity, not
an approximation: only the rounding differs (1e-15). The circuit needs no more of W than

    W(t) p = W p + K D p + W_s p.p + W_t p_old.p

where W p and D p are computed once a block. W and D are written at its end, when they are recorded, and before the kernel
returns: a few passes over W a block, instead of several a step.
"""
from common.kernel import kernel

K_D, SUM_K, P_P, P_OLD = range(4)       # entries of State.held


@kernel(inline=True)
def begin_block(shape, const, state, drive, row, learns):
    """The input becomes row `row`; products and vectors of a new block. p_old: the input of the step before."""
    n, n_0 = shape.n[1], shape.n[0]
    state.held[K_D], state.held[SUM_K], state.held[P_P], state.held[P_OLD] = 1.0, 0.0, 0.0, 0.0
    for j in range(n_0):
        state.p_old[j] = state.r0[j]
        state.r0_old[j] = state.r0[j]
        state.r0[j] = drive.r0[row, j]
        state.held[P_P] += state.r0[j] * state.r0[j]
        state.held[P_OLD] += state.p_old[j] * state.r0[j]
    for i in range(n):
        state.W_p[i] = state.D_p[i] = 0.0
        state.W_s[i] = state.W_t[i] = state.D_s[i] = state.D_t[i] = 0.0
    add_product(state.WPP, 0, state.r0, 0, n_0, state.W_p, 0, n)
    if learns and const.W_low_pass:
        add_product(state.dWPP_LO, 0, state.r0, 0, n_0, state.D_p, 0, n)


@kernel(inline=True)
def basal_of_block(shape, state):
    """vbas_1 = W(t) p."""
    K, p_p, p_old = state.held[SUM_K], state.held[P_P], state.held[P_OLD]
    for i in range(shape.n[1]):
        state.vbas[i] = state.W_p[i] + K * state.D_p[i] + p_p * state.W_s[i] + p_old * state.W_t[i]


@kernel(inline=True)
def advance_block(shape, const, state, first):
    """One step of learning: the postsynaptic factors of W become part of the vectors. first: the first step of the block."""
    gain, a = const.dt * const.eta_fw[0], const.dt / const.tau_LO
    with_p, with_old = (0.0, gain) if first else (gain, 0.0)
    if const.W_low_pass:
        state.held[K_D] *= 1.0 - a
        state.held[SUM_K] += state.held[K_D]
        for i in range(shape.n[1]):
            state.D_s[i] += a * (with_p * state.post[i] - state.D_s[i])
            state.D_t[i] += a * (with_old * state.post[i] - state.D_t[i])
            state.W_s[i] += state.D_s[i]
            state.W_t[i] += state.D_t[i]
    else:
        for i in range(shape.n[1]):
            state.W_s[i] += with_p * state.post[i]
            state.W_t[i] += with_old * state.post[i]


@kernel(inline=True)
def write_block(shape, const, state):
    """W and D as they are now."""
    n, k, K = shape.n[1], state.held[K_D], state.held[SUM_K]
    for j in range(shape.n[0]):
        p, old, start = state.r0[j], state.p_old[j], j * shape.n[1]
        if const.W_low_pass:
            for i in range(n):
                D = state.dWPP_LO[start + i]
                state.WPP[start + i] += K * D + (state.W_s[i] * p + state.W_t[i] * old)
                state.dWPP_LO[start + i] = k * D + (state.D_s[i] * p + state.D_t[i] * old)
        else:
            for i in range(n):
                state.WPP[start + i] += state.W_s[i] * p + state.W_t[i] * old


@kernel(inline=True)
def add_product(w, start, x, x0, n_pre, y, y0, n_post):
    """y += W x for the matrix of n_pre x n_post entries at w[start]; four rows at a time, since rows are short."""
    whole = n_pre - n_pre % 4
    for j in range(0, whole, 4):
        a, b, c, d, k = x[x0 + j], x[x0 + j + 1], x[x0 + j + 2], x[x0 + j + 3], start + j * n_post
        for i in range(n_post):
            y[y0 + i] += (w[k + i] * a + w[k + n_post + i] * b) + (w[k + 2 * n_post + i] * c + w[k + 3 * n_post + i] * d)
    for j in range(whole, n_pre):
        for i in range(n_post):
            y[y0 + i] += w[start + j * n_post + i] * x[x0 + j]
