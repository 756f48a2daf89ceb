"""The equations that both lines share: activation functions, compartments and somata, plasticity of W, WIP and BI.

Arguments: z Shape, c Constants, s State (state.py). phaseless.py and phased.py put time steps together from these pieces.
"""
import math

from common.kernel import kernel
from microcircuits.state import HARD_SIGMOID, LOGISTIC, RELU, SOFT_RELU, TANH

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
def keep_old(z, s, r0, row):
    """1: copies of the step before; the input of this step (no row: there is none)."""
    for j in range(z.n[0]):
        s.r0_old[j] = s.r0[j]
        if len(r0) > 0:
            s.r0[j] = r0[row, j]
    for i in range(z.total):
        s.r_old[i] = s.rP_breve[i]
        s.vbas_old[i] = s.vbas[i]
    for i in range(z.hidden):
        s.vapi_old[i] = s.vapi[i]
    for i in range(z.inter):
        s.rI_old[i] = s.rI_breve[i]
        s.vden_old[i] = s.vden[i]


@kernel(inline=True)
def prospective(z, c, s):
    """2, 3: u-breve = u_prev + rho tau (u - u_prev) / dt, r = phi(u-breve); then u_prev = u."""
    hidden, output, inter = c.rho * c.tau_hid / c.dt, c.rho * c.tau_out / c.dt, c.rho * c.tau_int / c.dt
    for i in range(z.hidden):
        s.uP_breve[i] = s.uP_old[i] + hidden * (s.uP[i] - s.uP_old[i])
    for i in range(z.hidden, z.total):
        s.uP_breve[i] = s.uP_old[i] + output * (s.uP[i] - s.uP_old[i])
    for i in range(z.inter):
        s.uI_breve[i] = s.uI_old[i] + inter * (s.uI[i] - s.uI_old[i])
    for k in range(len(z.kinds)):
        first, last, kind = z.kinds[k, 0], z.kinds[k, 1], z.kinds[k, 2]
        activate(kind, s.uP_breve, s.rP_breve, first, last)
        if last > z.shift:
            activate(kind, s.uI_breve, s.rI_breve, max(first - z.shift, 0), last - z.shift)
    for i in range(z.total):
        s.uP_old[i] = s.uP[i]
    for i in range(z.inter):
        s.uI_old[i] = s.uI[i]


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


@kernel(inline=True)
def dendrites(z, c, s, driven):
    """4: vbas_l = W_l r_{l-1}, vden_l = WIP_l r_l, vapi_l = B_l r_{l+1} + BI_l rI_l, all from the new rates.

    Without an input (not driven) vbas_1 keeps its value.
    """
    for i in range(0 if driven else z.n[1], z.total):
        s.vbas[i] = 0.0
    for i in range(z.inter):
        s.vden[i] = 0.0
    for i in range(z.hidden):
        s.vapi[i] = 0.0
    if driven:
        add_product(s.WPP, 0, s.r0, 0, z.n[0], s.vbas, 0, z.n[1])
    for h in range(z.H):
        n, above = z.n[h + 1], z.n[h + 2]
        add_product(s.WPP, z.W[h + 1], s.rP_breve, z.pyr[h], n, s.vbas, z.pyr[h + 1], above)
        if not z.skip:
            add_product(s.WIP, z.I[h], s.rP_breve, z.pyr[h], n, s.vden, z.pyr[h + 1] - z.shift, above)
            top, source = above, z.pyr[h + 1]
        else:
            top, source = z.n[z.H + 1], z.hidden
        add_product(s.BPP, z.B[h], s.rP_breve, source, top, s.vapi, z.pyr[h], n)
        add_product(s.BPI, z.B[h], s.rI_breve, source - z.shift, top, s.vapi, z.pyr[h], n)
    if z.skip:
        add_product(s.WIP, 0, s.rP_breve, z.pyr[z.H - 1], z.n[z.H], s.vden, 0, z.inter)
    if c.inter_low_pass:
        a = c.dt / c.tau_LO
        for i in range(z.inter):
            s.vden[i] = s.vden_old[i] + a * (s.vden[i] - s.vden_old[i])


@kernel(inline=True)
def somata(z, c, s, apical, target, row, nudged):
    """6, 8: du/dt = (u_eff - u) / tau of interneurons, hidden and output cells."""
    step = c.dt / c.tau_int
    for i in range(z.inter):
        u_eff = c.tau_int * (c.gden * s.vden[i] + c.gnI * s.uP_breve[z.shift + i])
        s.uI[i] += step * (u_eff - s.uI[i])
    step = c.dt / c.tau_hid
    for i in range(z.hidden):
        u_eff = c.tau_hid * (c.gbas * s.vbas[i] + c.gapi * apical[i])
        s.uP[i] += step * (u_eff - s.uP[i])
    step = c.dt / c.tau_out
    for i in range(z.hidden, z.total):
        if nudged:
            u_eff = c.tau_out * (c.gbas * s.vbas[i] + c.gntgt * target[row, i - z.hidden])
        else:
            u_eff = c.tau_out0 * (c.gbas * s.vbas[i])
        s.uP[i] += step * (u_eff - s.uP[i])


@kernel(inline=True)
def high_pass(c, s, first, last):
    """h += r(t) - r(t - dt) - dt/tauHP h."""
    a = c.dt / c.tau_HP
    for i in range(first, last):
        s.rP_breve_HI[i] += (s.rP_breve[i] - s.r_old[i]) - a * s.rP_breve_HI[i]


@kernel(inline=True)
def transpose_weights(z, s):
    """7, model BP: B_l = W_{l+1}^T."""
    for h in range(z.H):
        n, above = z.n[h + 1], z.n[h + 2]
        for j in range(above):
            for i in range(n):
                s.BPP[z.B[h] + j * n + i] = s.WPP[z.W[h + 1] + i * above + j]


# ---------------------------------------------------------------- plasticity of W, WIP and BI

@kernel(inline=True)
def outer_update(d, w, start, pre, j0, n_pre, post, i0, n_post, gain, learn, kept):
    """w += gain post pre^T if `learn`; the increment also goes to d if it is to be recorded (`kept`)."""
    if kept:
        for j in range(n_pre):
            for i in range(n_post):
                d[start + j * n_post + i] = gain * pre[j0 + j] * post[i0 + i]
    if learn:
        for j in range(n_pre):
            g = gain * pre[j0 + j]
            for i in range(n_post):
                w[start + j * n_post + i] += g * post[i0 + i]


@kernel(inline=True)
def postsynaptic_factor(z, c, s):
    """f_l = r_l - phi(c_l vbas_l) with the basal voltage of the step before (or u-breve - c_l vbas_l)."""
    for i in range(z.hidden):
        s.f[i] = c.c * s.vbas_old[i]
    for i in range(z.hidden, z.total):
        s.f[i] = c.c_out * s.vbas_old[i]
    if c.use_activation:
        for k in range(len(z.kinds)):
            activate(z.kinds[k, 2], s.f, s.f, z.kinds[k, 0], z.kinds[k, 1])
        for i in range(z.total):
            s.f[i] = s.rP_breve[i] - s.f[i]
    else:
        for i in range(z.total):
            s.f[i] = s.uP_breve[i] - s.f[i]


@kernel(inline=True)
def learn_W(z, c, s, learn, driven):
    """4.1: dW_l = dt eta_l f_l p_l^T, p_l = r_{l-1} of the step before; all of it, or its factors, may be low-passed."""
    a = c.dt / c.tau_LO
    if c.r_low_pass:                               # q += dt/tauLO (p - q)
        for j in range(z.n[0]):
            s.q[j] += a * (s.r0_old[j] - s.q[j])
        for j in range(z.hidden):
            s.q[z.n[0] + j] += a * (s.r_old[j] - s.q[z.n[0] + j])
    postsynaptic_factor(z, c, s)
    if c.post_low_pass:                            # s += dt/tauLO (f - s)
        for i in range(z.total):
            s.s[i] += a * (s.f[i] - s.s[i])
            s.f[i] = s.s[i]
    for h in range(z.H + 1):
        gain = c.dt * c.eta_fw[h] if h > 0 or driven else 0.0
        n, above, post, first = z.n[h], z.n[h + 1], z.pyr[h], z.W[h]
        if c.r_low_pass:
            pre, source = s.q, post - z.n[h] + z.n[0]
        elif h == 0:
            pre, source = s.r0_old, 0
        else:
            pre, source = s.r_old, post - z.n[h]
        for j in range(n):
            g = gain * pre[source + j]
            for i in range(above):
                s.dWPP[first + j * above + i] = g * s.f[post + i]
    if learn and c.W_low_pass:                     # D += dt/tauLO (dW - D), W += D
        for k in range(len(s.WPP)):
            s.dWPP_LO[k] += a * (s.dWPP[k] - s.dWPP_LO[k])
            s.WPP[k] += s.dWPP_LO[k]
    elif learn:
        for k in range(len(s.WPP)):
            s.WPP[k] += s.dWPP[k]


@kernel(inline=True)
def interneuron_factor(z, c, s):
    """f_I = rI - phi(c_I vden) with the dendrite of the step before."""
    for i in range(z.inter):
        s.f_I[i] = c.c_I * s.vden_old[i]
    for k in range(len(z.kinds)):
        if z.kinds[k, 1] > z.shift:
            activate(z.kinds[k, 2], s.f_I, s.f_I, max(z.kinds[k, 0] - z.shift, 0), z.kinds[k, 1] - z.shift)
    for i in range(z.inter):
        s.f_I[i] = s.rI_breve[i] - s.f_I[i]


@kernel(inline=True)
def learn_WIP(z, c, s, learn, kept):
    """4.2: dWIP_l = dt eta_IP,l f_I r_l^T with the rates of the step before; skip: one matrix, from layer N-1."""
    needed = False
    for h in range(len(c.eta_IP)):
        needed = needed or c.eta_IP[h] != 0.0
    if needed:
        interneuron_factor(z, c, s)
        if z.skip:
            outer_update(s.dWIP, s.WIP, 0, s.r_old, z.pyr[z.H - 1], z.n[z.H], s.f_I, 0, z.inter,
                         c.dt * c.eta_IP[0], learn, kept)
        else:
            for h in range(z.H):
                outer_update(s.dWIP, s.WIP, z.I[h], s.r_old, z.pyr[h], z.n[h + 1], s.f_I, z.pyr[h + 1] - z.shift, z.n[h + 2],
                             c.dt * c.eta_IP[h], learn, kept)


@kernel(inline=True)
def learn_BPI(z, c, s, apical, learn, kept):
    """4.3: dBI_l = -dt eta_PI,l vapi_l rI^T (apical voltage without noise; rates of the interneurons of the step before)."""
    for h in range(z.H):
        if c.eta_PI[h] != 0.0:
            source = (z.hidden if z.skip else z.pyr[h + 1]) - z.shift
            top = z.inter if z.skip else z.n[h + 2]
            outer_update(s.dBPI, s.BPI, z.B[h], s.rI_old, source, top, apical, z.pyr[h], z.n[h + 1], -c.dt * c.eta_PI[h],
                         learn, kept)


# ---------------------------------------------------------------- records

@kernel(inline=True)
def keep_record(x, ranges, records, row):
    """Copy the wanted parts of the flat state into one row of `records`."""
    at = 0
    for k in range(len(ranges)):
        for i in range(ranges[k, 0], ranges[k, 1]):
            records[row, at] = x[i]
            at += 1
