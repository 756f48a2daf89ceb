"""Impression learning: a network that lives. Weights, activities, phase, learning rule and noise, built once, and advanced."""
import numpy as np
from scipy.stats import norm

from impression_learning import network
from impression_learning.loops import run, start_episode
from impression_learning.model import ALGORITHMS, BASELINES, REINFORCE_WAKE, TEST, Rule

BLOCK_NORMALS = 1 << 17       # normals drawn at a time (1 MB)


def rule_of(p, **changes):
    """The Rule of parameters p: fields of the same name, but for `changes`."""
    same = {name: getattr(p, name) for name in Rule._fields if hasattr(p, name)}
    codes = {'algorithm': ALGORITHMS[p.algorithm], 'baseline': BASELINES[p.baseline],
             'both_paths': p.algorithm == 'reinforce' and not p.fantasy_score}
    return Rule(**(same | codes | changes))


class Noise:
    """Blocks of random numbers for the kernel: one set of normals a step, or both pathways' sets for a legacy or released
    stream; with alternation='random' also where the phase toggles."""

    def __init__(self, p, rng, both=False):
        n_units, both = sum(p.sizes), both or p.rng == 'legacy'
        self.rng, self.width = rng, 2 * n_units if both else n_units
        self.chance = 1 / (p.switch_period + 1) if p.alternation == 'random' and p.switch_period > 0 else 0.0
        self.block = max(64, BLOCK_NORMALS // self.width)          # steps

    def draw(self, steps):
        """(normals (steps, width), toggles (steps,) or (0,)); the stream does not depend on how it is cut into blocks."""
        if self.chance == 0:
            return self.rng.standard_normal((steps, self.width)), np.zeros(0, bool)
        numbers = self.rng.standard_normal((steps, self.width + 1))
        return np.ascontiguousarray(numbers[:, 1:]), numbers[:, 0] > norm.isf(self.chance)


class Circuit:
    """A network with everything that a run of parameters p needs.

    learn=False: the weights stay (tests, free generation). wake, k, counter: phase to start in. sigma_rec, sigma_gen
    (n_layer,): noise s.d.; learner: updates, traces, baseline.
    """

    def __init__(self, p, net, rng, learn=False, wake=1, k=0, counter=0):
        self.net, self.act, self.learner = net, network.activity(net), network.learner(net)
        self.phase = network.phase(wake, k, counter)
        self.rule = rule_of(p) if learn else rule_of(p, algorithm=TEST, both_paths=False)
        self.sigma_rec, self.sigma_gen = (np.array(sigma) for sigma in p.sigmas)
        self.noise = Noise(p, rng, self.rule.both_paths)
        self.switching = self.rule.algorithm != REINFORCE_WAKE

    def start_episode(self):
        """Activities zero; REINFORCE's traces too."""
        start_episode(self.act, self.rule, self.learner)

    def advance(self, X, switching=True, keep=False):
        """Live through the stimulus X (T, n_0). -> loss parts (T, 3), latent activities (T, sum n_1..) or (0, 0)"""
        n = int(self.net.n[1:].sum()) if keep else 0
        loss, latent = np.empty((len(X), 3)), np.empty((len(X) if keep else 0, n))
        for a in range(0, len(X), self.noise.block):
            b = min(len(X), a + self.noise.block)
            run(self.net, self.act, self.phase, self.learner, X[a:b], *self.noise.draw(b - a), self.sigma_rec, self.sigma_gen,
                self.rule, switching and self.switching, loss[a:b], latent[a:b])
        return loss, latent
