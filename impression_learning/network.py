"""Impression learning: making networks, and turning them into the named arrays of result files and back."""
import numpy as np
from scipy.stats import norm

from impression_learning.learning import run
from impression_learning.model import ALGORITHMS, BASELINES, TEST, Activity, Learner, Network, Phase, Rule

BLOCK_NORMALS = 1 << 17       # normals drawn at a time (1 MB)


def empty(sizes):
    """A Network of zeros for the layer sizes (n_0, .., n_top)."""
    n = np.array(sizes, dtype=np.int64)
    below, above = max(sizes[:-1]), max(sizes[1:])
    return Network(n, np.zeros((n.size, below, above)), np.zeros((n.size, max(sizes))),
                   np.zeros((n.size, above, below)), np.zeros((n.size, max(sizes))), np.zeros(sizes[-1]))


def initial(sizes, rng):
    """Random initial network (specification 3.2): W ~ N(0, s.d. 1/n_presynaptic), a = 0.6, biases 0.

    Drawn layer by layer from the bottom, W_out before W_in, each as a (post, pre) matrix.
    """
    net = empty(sizes)
    for l, size in enumerate(sizes):
        if l < len(sizes) - 1:
            net.W_out[l, :sizes[l + 1], :size] = (rng.standard_normal((size, sizes[l + 1])) / sizes[l + 1]).T
        if l > 0:
            net.W_in[l, :sizes[l - 1], :size] = (rng.standard_normal((size, sizes[l - 1])) / sizes[l - 1]).T
    net.a[:] = 0.6
    return net


def to_arrays(net):
    """{name: array} in the paper's orientation (post, pre): l0_W_out, l1_W_in, .., l{top}_transition (diagonal)."""
    n, top = [int(size) for size in net.n], net.n.size - 1
    arrays = {}
    for l in range(top + 1):
        if l < top:
            arrays[f'l{l}_W_out'] = net.W_out[l, :n[l + 1], :n[l]].T.copy()
        if l > 0:
            arrays[f'l{l}_W_in'] = net.W_in[l, :n[l - 1], :n[l]].T.copy()
        if 0 < l < top:
            arrays[f'l{l}_bias'], arrays[f'l{l}_bias_gen'] = net.bias[l, :n[l]].copy(), net.bias_gen[l, :n[l]].copy()
    arrays[f'l{top}_transition'] = net.a.copy()
    return arrays


def from_arrays(arrays, prefix=''):
    """The Network of arrays named as by to_arrays (a transition may be a diagonal matrix)."""
    get = {name[len(prefix):]: np.asarray(value, float) for name, value in arrays.items() if name.startswith(prefix)}
    top = max(int(name[1:].split('_')[0]) for name in get if name.endswith('_W_in'))
    sizes = [get[f'l{l}_W_out'].shape[0] for l in range(top)] + [get[f'l{top}_W_in'].shape[0]]
    net = empty(sizes)
    for l in range(top + 1):
        if l < top:
            net.W_out[l, :sizes[l + 1], :sizes[l]] = get[f'l{l}_W_out'].T
        if l > 0:
            net.W_in[l, :sizes[l - 1], :sizes[l]] = get[f'l{l}_W_in'].T
        if f'l{l}_bias' in get:
            net.bias[l, :sizes[l]], net.bias_gen[l, :sizes[l]] = get[f'l{l}_bias'], get[f'l{l}_bias_gen']
    a = get[f'l{top}_transition'] if f'l{top}_transition' in get else get[f'l{top}_transition_mat']
    net.a[:] = np.diag(a) if a.ndim == 2 else a
    return net


def copy(net):
    """An independent copy."""
    return Network(*(array.copy() for array in net))


def activity(net):
    """All activities zero."""
    return Activity(*(np.zeros((net.n.size, int(net.n.max()))) for _ in Activity._fields))


def phase(wake=1, k=0, counter=0):
    """State of the alternation."""
    return Phase(np.array([wake]), np.array([k]), np.array([counter]))


def learner(net):
    """Zero updates, traces and baselines for a network."""
    sizes = [int(size) for size in net.n]
    return Learner(empty(sizes), empty(sizes), np.zeros(2))


def rule_of(p):
    """The Rule of parameters p."""
    return Rule(ALGORITHMS[p.algorithm], p.learning_rate, p.recognition_scale, p.switch_period, p.squared_loss,
                p.reinforce_gain, p.fantasy_score, p.trace_reset, BASELINES[p.baseline], p.switch_all_layers, p.noisy_target,
                p.stimulus_term, p.trace_decay, p.loss_decay, p.algorithm == 'reinforce' and not p.fantasy_score)


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


def advance(net, sigmas, rule, noise, X, state, act, switching=True, keep=False):
    """Run the stimulus X (T, n_0) in blocks without learning. -> loss (T, 3), latent (T, sum n_1..) or (0, 0)"""
    rule = rule._replace(algorithm=TEST)
    loss = np.empty((len(X), 3))
    latent = np.empty((len(X) if keep else 0, int(net.n[1:].sum()) if keep else 0))
    unused = learner(net)
    for a in range(0, len(X), noise.block):
        b = min(len(X), a + noise.block)
        run(net, act, state, unused, X[a:b], *noise.draw(b - a), *sigmas, rule, switching, loss[a:b], latent[a:b])
    return loss, latent
