"""One function a family of rules: the network on its paper's own task, small, before and after training.

A function takes (p, rng) and yields twice, for the untrained and the trained network,
    gradient    (D,) exact: the direction that improves the objective that the rule is said to follow
    updates     iterator of (D,) arrays: what single samples would do to the weights, which stay as they are
Weights that learn by the delta rule (read-outs, output layers) are left out: there the rules have nothing to solve.
"""
import numpy as np

from across.measures import finite_differences
from biohsic import equations as hsic

XOR = hsic.Rule(10.0, 0.3, 0.25, 2.0)


def repeats(p, n):
    """How often something is done in a run of this length."""
    return max(1, round(n * p.length))


# ---------------------------------------------------------------- HSIC-Hebbian, back-propagation: XOR, 2-10-4-2

def of_hidden(gradients):
    """Direction of descent (D,) of the gradients [(dW, db), ...], without the read-out's."""
    return -np.concatenate([part.ravel() for pair in gradients[:-1] for part in pair])


def xor(p, rng):
    """Windows of ten samples slide by one over 400 points. Objective: HSIC, layer by layer; back-propagation: cross-entropy."""
    (x, y), N = hsic.xor(400, rng), 10
    rule = XOR._replace(modulator='exact' if p.rule == 'hsic_exact' else 'released')
    weights = hsic.initial_weights((2, 10, 4, 2), rng)
    optimiser = hsic.AdamW(weights, rate=3e-3)

    def by_rule(some):
        network = hsic.forward(weights, x[some])
        return (hsic.back_propagation(network, weights, y[some]) if p.rule == 'backprop' else
                hsic.three_factor_rule(network, x[some], y[some], rule))[1]

    def windows(epochs):
        return [order[i:i + N] for order in (rng.permutation(400) for _ in range(epochs)) for i in range(400 - N + 1)]

    for trained in (False, True):
        for some in windows(repeats(p, 6)) if trained else ():
            optimiser.update(weights, by_rule(some))
        seen = windows(repeats(p, 6))
        if p.rule == 'backprop':
            hidden = [w for pair in weights[:-1] for w in pair]
            yield (-finite_differences(lambda: hsic.cross_entropy(hsic.forward(weights, x)[2], y)[0], hidden),
                   (of_hidden(by_rule(some[-1:])) for some in seen))
        else:
            yield (sum(of_hidden(hsic.hsic_rule(hsic.forward(weights, x[some]), x[some], y[some], rule)[1]) for some in seen),
                   (of_hidden(by_rule(some)) for some in seen))


RULES = {'backprop': xor, 'hsic': xor, 'hsic_exact': xor}
