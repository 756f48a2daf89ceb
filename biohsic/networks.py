"""The M networks of an experiment as one program: the same samples for all, weights of their own.

Each network is one call of a compiled kernel that holds no lock: the networks are mapped over NUMBA_NUM_THREADS threads. What a
network computes does not depend on the others, so it ends with the same bits alone, among thirty, on one thread or many.
"""
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np

from biohsic import data, layers, lif, lif_training, mlp, mlp_training
from biohsic.diagnostics import View
from biohsic.hsic import MODULATORS
from biohsic.optimise import learning_rates, optimiser
from common.machine import without_denormals

for _kernel in (lif_training.train, lif_training.evaluate, mlp_training.train_windows, mlp_training.train_batches,
                mlp.evaluate):
    getattr(_kernel, 'targetoptions', {})['nogil'] = True              # plain functions with NUMBA_DISABLE_JIT


def over_models(call, n):
    """call(k) for the networks k < n, in threads, without denormals: the moments of weights that hardly learn are full of them
    (25 times faster, the same weights)."""
    call = without_denormals()(call)
    if n == 1 or numba.config.NUMBA_NUM_THREADS == 1:
        return [call(k) for k in range(n)]
    with ThreadPoolExecutor(numba.config.NUMBA_NUM_THREADS) as pool:
        return list(pool.map(call, range(n)))


class Models:
    """M networks with flat weights `w` (M, weights), moments m and v, and the number of updates so far."""

    def __init__(self, p, net, weights):
        self.p, self.net, self.optimiser, self.updates = p, net, optimiser(p), 0
        self.w = np.ascontiguousarray(weights, p.dtype)
        self.m, self.v = np.zeros_like(self.w), np.zeros_like(self.w)

    @classmethod
    def begin(cls, p, sets):
        """Networks with initial weights for the data sets."""
        net = layers.dense((sets.train_x[0].size, *p.features, p.nclasses))
        weights = layers.initial_weights(net, p.seed, p.nmodels, p.dtype)
        if p.task == 'lif' and p.synthetic == 'published' and p.data in ('linear', 'xor'):
            use_published(net, weights, data.published_weights(p.data, p.nmodels))
        return cls(p, net, weights)

    def state(self):
        """Everything that changes: live arrays."""
        return {'w': self.w, 'm': self.m, 'v': self.v}

    def __len__(self):
        return len(self.w)

    def rates(self, n, per_epoch):
        """Learning rates of the next n updates."""
        return learning_rates(self.p, self.updates, n, per_epoch)

    def weights(self):
        """Final weights by layer: {'W1': (M, in, out), 'b1': (M, out), ...}"""
        parts = [layers.split(self.net, w) for w in self.w]
        return {f'{name}{l + 1}': np.stack([model[l][i] for model in parts])
                for l in range(self.net.depth) for i, name in enumerate('Wb')}


def use_published(net, weights, published):
    """The published initial weights for the first 30 networks, if the layers have the published sizes."""
    if [W.shape[1:] for W, _ in published] != [W.shape for W, _ in layers.split(net, weights[0])]:
        return
    for k in range(len(published[0][0])):
        for (W, b), (W_k, b_k) in zip(published, layers.split(net, weights[k]), strict=True):
            W_k[:], b_k[:] = W[k], b[k]


class LifModels(Models):
    """Leaky-integrator networks; `u` (M, units, slots) is never reset."""

    def __init__(self, p, net, weights):
        super().__init__(p, net, weights)
        self.u = np.zeros((len(self.w), net.units[-1], lif.padded(p.batch_size)))
        self.rule = lif.Rule(MODULATORS[p.modulator], p.gamma, p.sigma_x, p.sigma_y, p.sigma_z, p.time_step / p.time_constant,
                             p.sample_timesteps, p.nclasses, p.readout_batch == 'current', p.reset_state)
        self.columns = 2 + 3 * net.depth

    def state(self):
        """Everything that changes: live arrays, the voltages too."""
        return super().state() | {'u': self.u}

    def train(self, xs, labels, windows, per_epoch, learn=True):
        """`windows` windows of samples xs[k or 0] -> (M, windows, 1 + columns): loss while training, then the metrics."""
        p, N, out = self.p, self.p.batch_size, np.zeros((len(self.w), windows, 1 + self.columns))
        rates = self.rates(windows * p.sample_timesteps, per_epoch)

        def one(k):
            x, y = xs[k % len(xs)], labels[k % len(labels)]
            lif_training.train(self.net, self.rule, self.optimiser, x, y, windows, N, self.w[k:k + 1], self.m[k:k + 1],
                               self.v[k:k + 1], self.u[k], rates, self.updates, learn, out[k])
        over_models(one, len(self.w))
        if learn:
            self.updates += len(rates)
        else:
            self.u[:] = 0.0
        return out

    def evaluate(self, x, labels):
        """Batches of N -> (M, batches, columns): loss, accuracy, and per layer objective, HSIC(x, z), HSIC(y, z)."""
        N = self.p.batch_size
        out = np.zeros((len(self.w), -(-len(x) // N), self.columns))
        over_models(lambda k: lif_training.evaluate(self.net, self.rule, x, labels, N, self.w[k:k + 1], self.u[k], out[k]),
                    len(self.w))
        return out


    def views(self, k, x):
        """Hidden layers of network k in a window x (N, in) presented from u = 0 (see diagnostics)."""
        net, N = self.net, len(x)
        u, slots = np.zeros_like(self.u[k]), self.u.shape[2]
        s = lif_training.settled(net, self.rule, np.ascontiguousarray(x, float), self.w[k:k + 1], u, N, slots)
        for l in range(net.depth - 1):
            first, units = net.units[l], net.sizes[l + 1]
            z = s.z[net.sizes[0] + first:net.sizes[0] + first + units, :N].T
            yield view(np.ascontiguousarray(u[first:first + units, :N].T), np.ascontiguousarray(z), s.scale[l, :N])


def view(a, z, scale):
    """View of a dense layer: its weights change by z^{l-1} delta^T, in a direction that delta alone decides."""
    def update(xi):
        delta = xi.astype(z.dtype)[None].copy()
        mlp_training.through_layer(a[-1:], z[-1:], scale[-1:], delta, 0)
        return delta[0].astype(float)
    return View(z, update)


class MlpModels(Models):
    """Multi-layer perceptrons under the three-factor rule, the HSIC objective or back-propagation."""

    columns = 2

    def __init__(self, p, net, weights):
        super().__init__(p, net, weights)
        self.rule = mlp.Rule(mlp.TASKS[p.task], MODULATORS[p.modulator], p.gamma, p.sigma_x, p.sigma_y, p.sigma_z, p.nclasses,
                             p.readout_batch == 'current' and p.task == 'biohsic')

    def train(self, xs, labels, windows, per_epoch, learn=True):
        """`windows` windows or batches -> (M, windows, 3): loss before each update; loss and accuracy after it."""
        p, N, out = self.p, self.p.batch_size, np.zeros((len(self.w), windows, 3))
        rates = self.rates(windows, per_epoch)

        def one(k):
            x, y = xs[k % len(xs)], labels[k % len(labels)]
            learner = (self.net, self.rule, self.optimiser, x, y)
            weights = (self.w[k], self.m[k], self.v[k], rates, self.updates, p.train_metrics, out[k])
            if p.task == 'biohsic':
                mlp_training.train_windows(*learner, windows, N, *weights)
            else:
                mlp_training.train_batches(*learner, N, *weights)
        over_models(one, len(self.w))
        self.updates += windows
        return out

    def evaluate(self, x, labels):
        """(M, samples, 2): cross-entropy of each sample, 1 where it is right."""
        out = np.zeros((len(self.w), len(x), 2))
        over_models(lambda k: mlp.evaluate(self.net, x, labels, self.w[k], out[k]), len(self.w))
        return out

    def views(self, k, x):
        """Hidden layers of network k in a window x (N, in) (see diagnostics)."""
        net, N = self.net, len(x)
        s = mlp.passed(net, np.ascontiguousarray(x, self.w.dtype), self.w[k])
        for l in range(net.depth - 1):
            yield view(mlp.layer(net, s.a, l, N), mlp.layer(net, s.z, l, N), s.scale[l])
