"""Dendritic microcircuits that learn their backward weights: the whole paper in plain numpy.

Max et al., Nature Machine Intelligence 6, 619-630 (2024); circuit: Sacramento et al., NeurIPS 2018; prospective rates: Haider
et al., NeurIPS 2021. Read it from top to bottom; `train` at the end learns. The numbers (1) to (11) are those of one time step
in the README; the compiled kernels (phaseless.py, phased.py) do the same thing and are tested against this file.

A network has N layers of pyramidal cells above its input. Lists count them from 0: 0 .. N-2 are hidden, N-1 is the output.
Hidden layer l has interneurons that mirror layer l+1 (skip connections: only one population, which mirrors the output).
Matrices are (post, pre). Times in ms, conductances in 1/ms, voltages and rates without unit.
"""
import numpy as np

PHI = {                                           # phi and phi'
    'logistic': (lambda u: 1 / (1 + np.exp(-u)), lambda u: np.exp(-u) / (1 + np.exp(-u)) ** 2),
    'tanh': (np.tanh, lambda u: 1 - np.tanh(u) ** 2),
    'relu': (lambda u: np.maximum(u, 0), lambda u: np.where(u > 0, 1.0, 0.0)),
    'linear': (lambda u: u, lambda u: np.ones_like(u)),
    'soft_relu': (lambda u: np.logaddexp(u, 0), lambda u: 1 / (1 + np.exp(-u))),
    'hard_sigmoid': (lambda u: np.clip(u / 6 + 0.5, 0, 1), lambda u: np.where(np.abs(u) < 3, 1 / 6, 0.0)),
}


class Circuit:
    """Constants, weights and state; any constant can be given to the constructor."""

    gl, gbas, gapi, gden, gnI, gntgt = 0.03, 0.1, 0.06, 0.1, 0.06, 0.06      # conductances
    dt, tau_xi, tau_HP, tau_LO = 0.01, 0.1, 0.1, 100.0                      # step; noise, high-pass, low-pass of the updates
    rho = 1.0                                                               # prospective coding: 1 full, 0 none
    eta_W, eta_WI, eta_B, eta_BI = 1.0, 0.0, 50.0, 5.0                      # learning rates, the same in all layers or lists
    alpha, sigma = 1e-5, 0.05                                               # decay of B, size of the noise
    skip = False                                                            # B from the output layer instead of the next one

    def __init__(self, n, rule='PAL', phi='logistic', rng=None, **constants):
        """n: cells in each layer, input first. rule: FA, BP, PAL; with skip=True LDRL, DTPDRL. rng: voltages and weights."""
        rng, self.rule, self.N, self.H = rng or np.random.default_rng(), rule, len(n) - 1, len(n) - 2
        if rule not in (('LDRL', 'DTPDRL') if constants.get('skip') else ('FA', 'BP', 'PAL')):
            raise ValueError(f'rule {rule!r}: FA, BP, PAL; with skip=True LDRL, DTPDRL')
        for name, value in constants.items():
            if not hasattr(Circuit, name):
                raise TypeError(f'a Circuit has no constant {name!r}')
            setattr(self, name, value)
        self.phi, self.slope = PHI[phi]
        self.tau = [1 / (self.gl + self.gbas + self.gapi)] * self.H + [1 / (self.gl + self.gbas + self.gntgt)]
        self.tau_I = 1 / (self.gl + self.gden + self.gnI)
        self.c = [self.gbas / (self.gl + self.gbas + self.gapi)] * self.H + [self.gbas / (self.gl + self.gbas)]
        self.c_I = self.gden / (self.gl + self.gden)
        for name in ('eta_W', 'eta_WI', 'eta_B', 'eta_BI', 'alpha', 'sigma'):
            setattr(self, name, np.broadcast_to(getattr(self, name), self.N if name == 'eta_W' else self.H))
        mirrored = n[-1:] if self.skip else n[2:]                           # cells of each interneuron population
        above = [n[-1]] * self.H if self.skip else n[2:]                    # where the B of each hidden layer come from
        self.u, self.uI = [rng.normal(0, 1, k) for k in n[1:]], [rng.normal(0, 1, k) for k in mirrored]
        self.W = [rng.uniform(-1, 1, (k, j)) for j, k in zip(n[:-1], n[1:], strict=True)]
        self.B = [rng.uniform(-1, 1, (k, a)) for k, a in zip(n[1:-1], above, strict=True)]
        if rule == 'BP':
            self.B = [W.T.copy() for W in self.W[1:]]
        self_predicting_state(self)
        self.D = [np.zeros_like(W) for W in self.W]                         # low-passed updates of W
        self.u_prev, self.uI_prev, self.r0 = self.u, self.uI, np.zeros(n[0])
        self.r, self.rI = [self.phi(u) for u in self.u], [self.phi(u) for u in self.uI]
        self.h, self.xi = self.r, [np.zeros(k) for k in n[1:-1]]            # high-passed rates, noise
        self.vbas, self.vden, self.vapi = [0 * u for u in self.u], [0 * u for u in self.uI], [0 * x for x in self.xi]


def self_predicting_state(net):
    """BI = -B and WI in proportion to W: each interneuron says what its pyramidal cell says, and no apical voltage is left."""
    net.BI = [-B for B in net.B]
    net.WI = [net.gbas * (net.gl + net.gden) / net.gden * c / net.gbas * W for c, W in up(net, zip(net.c, net.W, strict=True))]


def up(net, layers):
    """Those of the N layers that interneurons mirror."""
    return list(layers)[-len(net.uI):]


def from_above(net, layers):
    """For each hidden layer the population that its top-down weights come from."""
    return layers[-1:] * net.H if net.skip else layers[-net.H:]


# ---------------------------------------------------------------- state update

def prospective_rates(net):
    """(2) r = phi(u-breve), u-breve = u + tau du/dt with the last difference: what u is going to be."""
    def breve(u, u_prev, tau):
        return u_prev + net.rho * tau * (u - u_prev) / net.dt
    net.u_breve = [breve(*layer) for layer in zip(net.u, net.u_prev, net.tau, strict=True)]
    net.uI_breve = [breve(u, u_prev, net.tau_I) for u, u_prev in zip(net.uI, net.uI_prev, strict=True)]
    net.r, net.rI = [net.phi(u) for u in net.u_breve], [net.phi(u) for u in net.uI_breve]
    net.u_prev, net.uI_prev = net.u, net.uI                                                                     # (3)


def dendrites(net, r0):
    """(4) basal: from below; interneurons: from their layer; apical: what comes from above minus what interneurons predict."""
    r, rI, net.r0 = net.r, net.rI, r0
    net.vbas = [W @ x for W, x in zip(net.W, [r0, *r[:-1]], strict=True)]
    net.vden = [WI @ x for WI, x in zip(net.WI, r[-1 - len(rI):-1], strict=True)]
    net.vapi = [B @ x + BI @ y for B, BI, x, y in zip(net.B, net.BI, from_above(net, r), from_above(net, rI), strict=True)]


def somata(net, apical, target):
    """(6, 8) du/dt = -gl u + sum of g (v - u): tau du/dt = u_eff - u. target (n_N,) nudges the output, or None."""
    nudge = np.zeros_like(net.u[-1]) if target is None else net.gntgt * target
    tau_top = net.tau[-1] if target is not None else 1 / (net.gl + net.gbas)
    eff = [tau * (net.gbas * v + net.gapi * a) for tau, v, a in zip(net.tau, net.vbas, apical, strict=False)]
    eff += [tau_top * (net.gbas * net.vbas[-1] + nudge)]
    eff_I = [net.tau_I * (net.gden * v + net.gnI * u) for v, u in zip(net.vden, up(net, net.u_breve), strict=True)]
    net.u = [u + net.dt / tau * (e - u) for u, e, tau in zip(net.u, eff, net.tau, strict=True)]
    net.uI = [u + net.dt / net.tau_I * (e - u) for u, e in zip(net.uI, eff_I, strict=True)]


# ---------------------------------------------------------------- learning rules

def dW(net, vbas, r_below):
    """(7) the soma teaches the basal dendrite: dW_l = eta (r_l - phi(c_l vbas_l)) r_{l-1}^T, of the step before."""
    return [net.dt * eta * np.outer(r - net.phi(c * v), x)
            for eta, r, c, v, x in zip(net.eta_W, net.r, net.c, vbas, r_below, strict=True)]


def dWI(net, vden, r):
    """(7) the same for interneurons: they learn to say what the layer above says."""
    return [net.dt * eta * np.outer(rI - net.phi(net.c_I * v), x)
            for eta, rI, v, x in zip(net.eta_WI[-len(vden):], net.rI, vden, r[-1 - len(vden):-1], strict=True)]


def dBI(net, vapi, rI):
    """(7) the apical voltage is learned away: dBI_l = -eta vapi_l rI^T."""
    return [-net.dt * eta * np.outer(v, x) for eta, v, x in zip(net.eta_BI, vapi, from_above(net, rI), strict=True)]


def dB_PAL(net, l):
    """(7) PAL: dB_l = eta (xi_l h_{l+1}^T - alpha B_l): what of my own noise comes back from above?"""
    return net.dt * net.eta_B[l] * (np.outer(net.xi[l], from_above(net, net.h)[l]) - net.alpha[l] * net.B[l])


def dB_DTPDRL(net, l):
    """(7') difference reconstruction (arXiv:2006.14331): B_l h_N should be the noise; gives a pseudo-inverse of W."""
    error = net.xi[l] - net.B[l] @ net.h[-1] if net.xi[l].any() else 0 * net.xi[l]
    return net.dt * net.eta_B[l] * (np.outer(error, net.h[-1]) - net.alpha[l] * net.B[l])


def high_pass(net, r_old, layers):
    """(11) h follows changes of the rate and forgets with tau_HP."""
    net.h = [h + (r - old) - net.dt / net.tau_HP * h if l in layers else h
             for l, (h, r, old) in enumerate(zip(net.h, net.r, r_old, strict=True))]


def add(weights, increments):
    """Matrices after their increments."""
    return [w + d for w, d in zip(weights, increments, strict=True)]


# ---------------------------------------------------------------- time steps

def step(net, r0, target=None, z=None, learn=True):
    """One step of FA, BP or PAL, all plasticity on (or none). r0 (n_0,); target (n_N,); z: standard normals, a list (n_l,) a
    hidden layer, or None for no noise and fixed B."""
    below, rI, vbas, vden, vapi = [net.r0, *net.r], net.rI, net.vbas, net.vden, net.vapi                        # (1)
    prospective_rates(net)
    dendrites(net, r0)
    apical = net.vapi
    if net.rule == 'PAL' and z is not None:
        apical = [v + x for v, x in zip(net.vapi, net.xi, strict=True)]
        fade, root = net.dt / net.tau_xi, np.sqrt(net.dt / net.tau_xi)
        net.xi = [x - fade * x + root * s * y for x, s, y in zip(net.xi, net.sigma, z, strict=True)]            # (5) noise
    somata(net, apical, target)
    W = net.W
    if learn:                                                                                                   # (9)
        increments = dW(net, vbas, below[:-1])
        if net.rule == 'PAL' and net.tau_LO:
            net.D = [D + net.dt / net.tau_LO * (d - D) for D, d in zip(net.D, increments, strict=True)]
            increments = net.D
        net.W, net.WI = add(net.W, increments), add(net.WI, dWI(net, vden, below[1:]))
    if net.rule == 'BP':                                                # weight transport, of the W before this step
        net.B = [w.T.copy() for w in W[1:]]
        net.BI = [-B for B in net.B]
    if learn:
        net.BI = add(net.BI, dBI(net, vapi, rI))
    if net.rule == 'PAL':
        if learn and z is not None:
            net.B = add(net.B, [dB_PAL(net, l) for l in range(net.H)])
        high_pass(net, below[1:], range(net.N))


def step_phased(net, r0, active, target=None, z=None, learn=True):
    """One step of the predecessor (LDRL, arXiv:2201.13415; DTPDRL): one hidden layer at a time, `active`, has noise and learns
    its B. z (n_active,): new normals, or None to hold the noise."""
    below, rI, vbas, vden = [net.r0, *net.r], net.rI, net.vbas, net.vden
    prospective_rates(net)
    dendrites(net, r0)
    net.xi = [x if l == active else 0 * x for l, x in enumerate(net.xi)]
    if z is not None:
        net.xi[active] = net.sigma[active] * np.abs(net.u[active]) * z                                          # (5')
    somata(net, [v + x for v, x in zip(net.vapi, net.xi, strict=True)], target)
    high_pass(net, below[1:], [net.N - 1])                                                                      # (6'')
    if learn:
        rule = dB_PAL if net.rule == 'LDRL' else dB_DTPDRL                                                      # (7', 9')
        net.B = [B + rule(net, l) if l == active else B for l, B in enumerate(net.B)]
        net.W, net.WI = add(net.W, dW(net, vbas, below[:-1])), add(net.WI, dWI(net, vden, below[1:]))
        net.BI = add(net.BI, dBI(net, net.vapi, rI))


# ---------------------------------------------------------------- learning

def angle(A, B):
    """Angle between two matrices, degrees: arccos(tr(A^T B) / |A||B|)."""
    return np.degrees(np.arccos(np.clip((A * B).sum() / np.linalg.norm(A) / np.linalg.norm(B), -1, 1)))


def train(n=(2, 6, 4), samples=20, epochs=15, hold=50, seed=1):
    """The B of a PAL circuit turn towards W^T by noise alone (Fig. 3). -> angles (epochs + 1, hidden layers), degrees"""
    rng = np.random.default_rng(seed)
    net = Circuit(n, rng=rng, eta_W=0.0, eta_B=100.0, alpha=5e-4, sigma=0.2)
    inputs, angles = rng.uniform(0, 1, (samples, n[0])), []
    for epoch in range(epochs + 1):
        angles.append([angle(W.T, B) for W, B in zip(net.W[1:], net.B, strict=True)])
        for r0 in rng.permutation(inputs) if epoch < epochs else ():
            for _ in range(hold):
                step(net, r0, z=[rng.standard_normal(k) for k in n[1:-1]])
    return np.array(angles)


if __name__ == '__main__':
    print(train().round(1))
