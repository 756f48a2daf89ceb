"""Impression learning in plain numpy: the paper's mathematics, top to bottom, nothing else.

Bredenberg, Lyo, Simoncelli, Savin: Impression learning: online representation learning with synaptic plasticity,
NeurIPS 2021. Read this file first and edit it first; learning.py holds the same rules compiled, and
tests/test_impression_learning_equations.py demands that both agree on random networks.

Layers 0 .. L; layer 0 is the input s, layers above are the latents r; h[l] (n_l,) is the activity of layer l.
theta, a dict of arrays, holds for each layer l
    W{l} (n_l, n_{l-1}), b{l} (n_l,)    recognition: what the layer below says     basal dendrite
    D{l} (n_l, n_{l+1}), c{l} (n_l,)    generation: what the layer above predicts  apical dendrite  (paper: D_s)
    a (n_L,)                            generation, top layer: diagonal of the transition matrix    (paper: D_r)
Middle layers alone have biases. sigma_q, sigma_p: noise s.d. of each layer under recognition and generation.
"""
from typing import NamedTuple

import numpy as np


def f(u):
    """Activation."""
    return np.tanh(u)


def f_prime(p):
    """f'(u) as a function of p = f(u)."""
    return 1 - p ** 2


# ---------------------------------------------------------------- stimulus and network

def stimulus(C, steps, dt, rng):
    """x_t = C z_t, z_t = (1 - sigma_d^2) z_{t-1} + sigma_d n_t, sigma_d = sqrt(dt)/2. C (n_0, n_z) -> (steps, n_0)"""
    sigma_d, z, X = 0.5 * np.sqrt(dt), np.zeros(C.shape[1]), []
    for _ in range(steps):
        z = (1 - sigma_d ** 2) * z + sigma_d * rng.standard_normal(z.size)
        X.append(C @ z)
    return np.array(X)


def initial(sizes, rng):
    """theta for layers of `sizes` units: W, D ~ N(0, s.d. 1/presynaptic units), biases 0, a = 0.6."""
    theta, top = {}, len(sizes) - 1
    for l in range(top + 1):
        if l < top:
            theta[f'D{l}'] = rng.standard_normal((sizes[l], sizes[l + 1])) / sizes[l + 1]
        if l > 0:
            theta[f'W{l}'] = rng.standard_normal((sizes[l], sizes[l - 1])) / sizes[l - 1]
        if 0 < l < top:
            theta[f'b{l}'], theta[f'c{l}'] = np.zeros(sizes[l]), np.zeros(sizes[l])
    return theta | {'a': np.full(sizes[-1], 0.6)}


def layers(theta):
    """Units of the layers, input first."""
    return [len(theta[f'D{l}']) for l in range(sum(name[0] == 'D' for name in theta))] + [len(theta['a'])]


def mean_q(theta, l, below):
    """Recognition, q(h^l | h^{l-1}): mean f(W h^{l-1} + b)."""
    return f(theta[f'W{l}'] @ below + theta.get(f'b{l}', 0))


def mean_p(theta, l, above):
    """Generation, p_m(h^l | h^{l+1}): mean f(D h^{l+1} + c), linear into the input layer."""
    return theta[f'D{l}'] @ above if l == 0 else f(theta[f'D{l}'] @ above + theta[f'c{l}'])


def mean_prior(theta, last, k):
    """Top layer, p_m(r_t | r_{t-1}): mean A r_{t-1}; the first wake step after sleep (k = 1) says: stay."""
    return (1 - k) * theta['a'] * last + k * last


def wake_sample(theta, x, eps, sigma_q):
    """(s, r) ~ q given the stimulus x, from the bottom up. eps: standard normals, layer by layer -> [h^0, .., h^L]"""
    h = [x + sigma_q[0] * eps[0]]
    for l in range(1, len(eps)):
        h.append(mean_q(theta, l, h[-1]) + sigma_q[l] * eps[l])
    return h


def sleep_sample(theta, last, eps, sigma_p):
    """(s, r) ~ p_m given r_{t-1} of the top layer, from the top down: an impression. -> [h^0, .., h^L]"""
    h = [mean_prior(theta, last, 0) + sigma_p[-1] * eps[-1]]
    for l in range(len(eps) - 2, -1, -1):
        h.insert(0, mean_p(theta, l, h[0]) + sigma_p[l] * eps[l])
    return h


# ---------------------------------------------------------------- one step and its loss

class Step(NamedTuple):
    """What a learning rule may look at."""
    x: np.ndarray             # stimulus (n_0,)
    h: list                   # sampled activities of all layers
    last: np.ndarray          # r_{t-1} of the top layer
    mu_q: list                # mean of each layer under recognition, given h
    mu_p: list                # mean of each layer under generation, given h
    wake: int                 # lambda: 1 wake, 0 sleep
    k: int                    # 1 on the first wake step after sleep
    L: float                  # loss without,
    fantasy: float            # and the fantasy-stimulus term of a sleep step, which holds nothing to be learned


def step(theta, x, last, wake, k, eps, sigma_q, sigma_p):
    """One step of the network, driven by the stimulus (wake) or by its own prediction (sleep). eps (sum n,) -> Step

    L = 2 (log q~ - log p~) + const: in wake q~ = q and p~ = p_m, in sleep exchanged. Its mean is twice the objective J.
    """
    sizes = layers(theta)
    if wake:
        h = wake_sample(theta, x, np.split(eps, np.cumsum(sizes)[:-1]), sigma_q)
    else:                                                              # eps is drawn from the top down
        h = sleep_sample(theta, last, np.split(eps, np.cumsum(sizes[::-1])[:-1])[::-1], sigma_p)
    mu_q = [x] + [mean_q(theta, l, h[l - 1]) for l in range(1, len(h))]
    mu_p = [mean_p(theta, l, h[l + 1]) for l in range(len(h) - 1)] + [mean_prior(theta, last, k)]
    log_q = [-((h_l - mu) ** 2).sum() / s ** 2 for h_l, mu, s in zip(h, mu_q, sigma_q, strict=True)]
    log_p = [-((h_l - mu) ** 2).sum() / s ** 2 for h_l, mu, s in zip(h, mu_p, sigma_p, strict=True)]
    L, fantasy = (sum(log_q) - sum(log_p), 0.0) if wake else (sum(log_p) - sum(log_q[1:]), -log_q[0])
    return Step(x, h, last, mu_q, mu_p, wake, k, L, fantasy)


# ---------------------------------------------------------------- gradients and learning rules

def grad_log_q(h, mu_q):
    """sigma^2 d log q / d(W, b): error f'(u) (h^l - f(u)) of the unit times activity of the layer below. Local."""
    g = {}
    for l in range(1, len(h)):
        error = f_prime(mu_q[l]) * (h[l] - mu_q[l])
        g |= {f'W{l}': np.outer(error, h[l - 1])} | ({f'b{l}': error} if l < len(h) - 1 else {})
    return g


def grad_log_p(h, mu_p, last, k, s):
    """sigma^2 d log p_m / d(D, c, a), the same with the layer above; s (n_0,): what the input layer is compared with."""
    g = {'D0': np.outer(s - mu_p[0], h[1])}
    for l in range(1, len(h) - 1):
        error = f_prime(mu_p[l]) * (h[l] - mu_p[l])
        g |= {f'D{l}': np.outer(error, h[l + 1]), f'c{l}': error}
    return g | {'a': (1 - k) * (h[-1] - mu_p[-1]) * last}


def impression_learning(step):
    """Update lambda grad log p_m + (1 - lambda) grad log q: wake teaches generation, sleep (impressions) recognition.

    It is -grad J without the term (log q~ - log p~) grad log q~.
    """
    return grad_log_p(step.h, step.mu_p, step.last, step.k, step.x) if step.wake else grad_log_q(step.h, step.mu_q)


class Reinforce:
    """Three-factor rule (control): impression learning - (L - Lbar)/2 E. E: eligibility trace (decay g) of the score of what
    was sampled; Lbar: running mean (decay gamma) of L. With g = 1 unbiased for -grad J, each layer times sigma^2."""

    def __init__(self, theta, g=0.9, gamma=0.99):
        self.E, self.baseline, self.g, self.gamma = {name: 0 * w for name, w in theta.items()}, 0.0, g, gamma

    def __call__(self, step):
        """The update of one step."""
        score = grad_log_q(step.h, step.mu_q) if step.wake else grad_log_p(step.h, step.mu_p, step.last, step.k, step.h[0])
        self.E = {name: self.g * E + score.get(name, 0) for name, E in self.E.items()}
        base, advantage = impression_learning(step), step.L - self.baseline
        self.baseline = self.gamma * self.baseline + (1 - self.gamma) * step.L
        return {name: base.get(name, 0) - 0.5 * advantage * E for name, E in self.E.items()}

    def start_episode(self):
        """Forget the past of the trace (not the baseline)."""
        self.E = {name: 0 * E for name, E in self.E.items()}


# ---------------------------------------------------------------- loops over time

def run(theta, X, rng, sigma_q, sigma_p, rule, K=1):
    """Yield (Step, update) for each stimulus of X (T, n_0), from silence, in phases of K + 1 steps, wake first."""
    last, wake, k = np.zeros(len(theta['a'])), 1, 0
    for t, x in enumerate(X):
        now = step(theta, x, last, wake, k, rng.standard_normal(sum(layers(theta))), sigma_q, sigma_p)
        yield now, rule(now)
        last, before = now.h[-1], wake
        wake = 1 - (t + 1) // (K + 1) % 2 if K > 0 else 1
        k = int(wake and not before)


def train(theta, X, rng, sigma_q, sigma_p, rule=impression_learning, eta=1e-3, rho=1.0, K=1):
    """Online learning: theta changes after every step, recognition with eta / rho. -> losses (T,), latents (T, n_1 + ..)"""
    losses, latents = [], []
    for now, update in run(theta, X, rng, sigma_q, sigma_p, rule, K):
        for name, change in update.items():
            theta[name] += eta / (rho if name[0] in 'Wb' else 1) * change
        losses.append(now.L + now.fantasy)
        latents.append(np.concatenate(now.h[1:]))
    return np.array(losses), np.array(latents)


def signal_to_noise(theta, x, rng, sigma_q, sigma_p, rule, episodes, K=1):
    """Fig. 2c: the stimuli x (n, n_0) again and again, weights frozen. -> mean (n_1, n_0) of the updates of W1, mean^2 / var"""
    updates = []
    for _ in range(episodes):
        getattr(rule, 'start_episode', int)()
        updates += [update.get('W1', 0 * theta['W1']) for _, update in run(theta, x, rng, sigma_q, sigma_p, rule, K)]
    return np.mean(updates, axis=0), np.mean(updates, axis=0) ** 2 / np.var(updates, axis=0)


if __name__ == '__main__':
    rng = np.random.default_rng(0)
    C = rng.standard_normal((4, 2)) / 2
    theta = initial((4, 2), rng)
    losses, _ = train(theta, stimulus(C, 20_000, 0.1, rng), rng, (.01, .01), (.01, .158), eta=3e-3)
    print('mean loss of each tenth:', losses.reshape(10, -1).mean(axis=1).round())
    print('transition, true 0.975: ', theta['a'].round(3))
