"""One function a family of rules: the network on its paper's own task, small, before and after training.

A function takes (p, rng) and yields twice, for the untrained and the trained network,
    gradient    (D,) exact: the direction that improves the objective that the rule is said to follow
    updates     iterator of (D,) arrays: what single samples would do to the weights, which stay as they are
Weights that learn by the delta rule (read-outs, output layers) are left out: there the rules have nothing to solve.
"""
import numpy as np

from across.circuit import yin_yang
from across.measures import finite_differences
from across.reward import estimation
from across.spikes import digits
from biohsic import equations as hsic
from common.params import load_params
from impression_learning import circuit, network
from impression_learning import equations as il
from impression_learning import exp_params as il_params

XOR = hsic.Rule(10.0, 0.3, 0.25, 2.0)


def repeats(p, n):
    """How often something is done in a run of this length."""
    return max(1, round(n * p.length))


# ---------------------------------------------------------------- HSIC-Hebbian, back-propagation: XOR, 2-10-4-2

def of_hidden(gradients):
    """Direction of descent (D,) of the gradients [(dW, db), ...], without the read-out's."""
    return -np.concatenate([part.ravel() for pair in gradients[:-1] for part in pair])


def xor_gradients(name, weights, x, y):
    """Gradients [(dW, db), ...] of one window (or batch) by the rule `name`."""
    layers = hsic.forward(weights, x)
    if name == 'backprop':
        return hsic.back_propagation(layers, weights, y)[1]
    return hsic.three_factor_rule(layers, x, y, XOR._replace(modulator='exact' if name == 'hsic_exact' else 'released'))[1]


def windows(rng, epochs, n=400, N=10):
    """Indices of N samples, a window that slides by one over n samples, shuffled in each epoch."""
    return [order[i:i + N] for order in (rng.permutation(n) for _ in range(epochs)) for i in range(n - N + 1)]


def xor(p, rng):
    """A sample is a window that has moved on by one. Objective: HSIC, layer by layer; back-propagation: cross-entropy."""
    (x, y), weights = hsic.xor(400, rng), hsic.initial_weights((2, 10, 4, 2), rng)
    optimiser = hsic.AdamW(weights, rate=3e-3)
    for trained in (False, True):
        for some in windows(rng, repeats(p, 4)) if trained else ():
            optimiser.update(weights, xor_gradients(p.rule, weights, x[some], y[some]))
        seen = windows(rng, repeats(p, 4))
        if p.rule == 'backprop':
            hidden, seen = [w for pair in weights[:-1] for w in pair], [some[-1:] for some in seen]
            gradient = -finite_differences(lambda: hsic.cross_entropy(hsic.forward(weights, x)[2], y)[0], hidden)
        else:
            gradient = sum(of_hidden(hsic.hsic_rule(hsic.forward(weights, x[some]), x[some], y[some], XOR)[1]) for some in seen)
        yield gradient, (of_hidden(xor_gradients(p.rule, weights, x[some], y[some])) for some in seen)


# ---------------------------------------------------------------- impression learning, REINFORCE: 4 channels, 2 latents

EPISODES, SIGMA_Q, SIGMA_P = 20_000, (0.01, 0.01), (0.01, 0.5 * np.sqrt(0.1))


def episodes(theta, X, eps):
    """[Step, ...] of many episodes at once (last axis), two wake and two sleep steps from silence. X (4, n_0, episodes)"""
    last, steps = np.zeros((2, X.shape[2])), []
    for t, x in enumerate(X):
        steps.append(il.step(theta | {'a': theta['a'][:, None]}, x, last, int(t < 2), 0, eps[t], SIGMA_Q, SIGMA_P))
        last = steps[-1].h[-1]
    return steps


def losses(step):
    """L of every episode (episodes,), as in impression_learning.equations.step."""
    q, p = ([((h - mu) ** 2).sum(axis=0) / s ** 2 for h, mu, s in zip(step.h, means, sigma, strict=True)]
            for means, sigma in ((step.mu_q, SIGMA_Q), (step.mu_p, SIGMA_P)))
    return sum(p) - sum(q) if step.wake else sum(q[1:]) - sum(p)


def latents(p, rng):
    """Recognition weights, episodes of four steps as in Fig. 2b, c. Objective: J, half the mean loss.

    The trained network has learned by impression learning, whatever rule is measured. REINFORCE: traces without decay, the
    baseline is the mean loss.
    """
    q, n = load_params(il_params, mode='SNR'), repeats(p, EPISODES)
    C = rng.standard_normal((4, 2)) / 2
    net = network.initial(q.sizes, rng)
    for trained in (False, True):
        if trained:
            circuit.Circuit(q, net, rng, learn=True).advance(il.stimulus(C, repeats(p, 150_000), q.dt, rng))
        arrays = network.to_arrays(net)
        theta = {'W1': arrays['l1_W_in'], 'D0': arrays['l0_W_out'], 'a': arrays['l1_transition']}
        X = il.stimulus(C, 4 * n, q.dt, rng).reshape(n, 4, 4).transpose(1, 2, 0)
        eps, batches = rng.standard_normal((4, 6, n)), 32 if p.rule == 'reinforce' else 2
        gradient = -finite_differences(lambda now=(theta, X, eps): sum(s.L for s in episodes(*now)), [theta['W1']])
        yield gradient, (by_rule(p.rule, episodes(theta, X, rng.standard_normal((4, 6, n)))) for _ in range(batches))


def by_rule(rule, steps):
    """Updates of the recognition weights (episodes, D) by impression learning or REINFORCE."""
    baseline, trace, updates = np.mean([losses(s) for s in steps]), 0.0, 0.0
    for s in steps:
        score = np.einsum('ie,je->eij', il.f_prime(s.mu_q[1]) * (s.h[1] - s.mu_q[1]), s.h[0]).reshape(len(s.h[0].T), -1)
        trace, updates = trace + score * s.wake, updates + score * (1 - s.wake)
        if rule == 'reinforce':
            updates = updates - 0.5 * (losses(s) - baseline)[:, None] * trace
    return updates


RULES = {'backprop': xor, 'hsic': xor, 'hsic_exact': xor, 'impression_learning': latents, 'reinforce': latents,
         'three_factor': estimation, 'PAL': yin_yang, 'FA': yin_yang, 'transport': yin_yang,
         'rstdp': digits, 'rstdp_margin': digits}
