"""Reservoir whose read-out is trained to give the modulating signal xi.

The work of a step is one product of a vector with the recurrent matrix (2000 x 2000), bounded by memory: plain numpy
is the fast path. The input of a window stands still, so its drive is computed once.
"""
import numpy as np

from biohsic import data, layers
from biohsic.hsic import modulating_signal
from biohsic.optimise import learning_rates
from common.checkpoint import Checkpoint, restore_rng, rng_state
from common.running import progress

LIMIT = 1e6                             # outputs so many times the largest target have blown up
STATE = ('u', 'W_o', 'P', 'slow_reward', 'slow_output')


class Reservoir:
    """n rate units that see (x, y, z) of the current sample; read-out o, fed back. Row vectors times matrices.

    W_r (n, n), W_i (inputs, n), W_f (components of xi, n), W_o (n, components); u (n,) persists from window to window.
    """

    def __init__(self, p, W_r, W_i, W_f):
        self.p, self.W_r, self.W_i, self.W_f = p, W_r, W_i, W_f
        self.type, n, zdim = W_r.dtype.type, len(W_r), len(W_f)
        self.u, self.W_o = np.zeros(n, self.type), np.zeros((n, zdim), self.type)
        self.P = np.eye(n, dtype=self.type) / self.type(p.rls_alpha) if p.readout_rule == 'rls' else np.zeros((0, 0))
        self.slow_reward, self.slow_output = np.zeros(1), np.zeros(zdim)        # low-pass averages of rmhebb

    @classmethod
    def random(cls, p, n_inputs, rng):
        """W_r: N(0, 1 / (0.1 n)), each entry kept with probability `density` (D7); W_i, W_f: U(-1, 1); W_o = 0."""
        n, shape = p.nhidden, (p.nhidden, p.nhidden)
        W_r = rng.standard_normal(shape, np.float32) * np.sqrt(1 / (0.1 * n)) * (rng.random(shape, np.float32) < p.density)
        return cls(p, W_r.astype(p.dtype), rng.uniform(-1, 1, (n_inputs, n)).astype(p.dtype),
                   rng.uniform(-1, 1, (p.zdim, n)).astype(p.dtype))

    def step(self, u, drive, noise_r=0.0, noise_o=0.0):
        """(u after dt, r, o): r = tanh(u) + eta_h, o = r W_o + eta_o, u <- u + (dt / tau)(lambda r W_r + drive + o W_f - u)."""
        p = self.p
        r = np.tanh(u) + noise_r
        o = r @ self.W_o + noise_o
        factor, gain = self.type(p.time_step / p.time_constant), self.type(p.recurrent_strength)
        return u + factor * (gain * (r @ self.W_r) + drive + o @ self.W_f - u), r, o

    def learn(self, r, o, xi, rate=None):
        """Read-out rule with learning rate `rate` (None: p.learning_rate). delta (LMS): W_o <- W_o - eta r^T (o - xi); see
        rmhebb and rls (which has no learning rate)."""
        rate = self.p.learning_rate if rate is None else float(rate)
        if self.p.readout_rule == 'delta':
            self.W_o -= np.outer(r, self.type(rate) * (o - xi))
        elif self.p.readout_rule == 'rls':
            self.rls(r, o - xi)
        else:
            self.rmhebb(r, o, xi, rate)

    def rls(self, r, error):
        """FORCE: P <- P - (P r)(P r)^T / (1 + r^T P r), W_o <- W_o - P r error^T."""
        k = self.P @ r
        k_new = k / (1 + r @ k)                              # = P r with the new P
        self.P -= np.outer(k, k_new)
        self.W_o -= np.outer(k_new, error)

    def rmhebb(self, r, o, xi, rate):
        """Reward-modulated Hebb: reward -|o - xi|^2; if above its running mean, W_o <- W_o + eta r^T (o - mean o)."""
        a, reward = self.p.time_step / self.p.average_time, -np.sum((o - xi) ** 2)
        self.slow_reward += a * (reward - self.slow_reward)
        self.slow_output += a * (o - self.slow_output)
        if reward > self.slow_reward[0]:
            self.W_o += np.outer(r, rate * (o - self.slow_output)).astype(self.type)

    def noise(self, rng):
        """(eta_h, eta_o) of one step: uniform in +- hidden_noise, +- output_noise; no draw where the width is 0."""
        p = self.p
        return tuple(rng.uniform(-a, a, n).astype(self.type) if a else self.type(0)
                     for a, n in ((p.hidden_noise, len(self.u)), (p.output_noise, len(self.W_f))))

    def train(self, drive, xi, rng, rates=None):
        """T_s steps with learning, rates (T_s,) or p.learning_rate. -> loss, mean over steps and components of (o - xi)^2"""
        loss = 0.0
        for rate in [None] * self.p.sample_timesteps if rates is None else rates:
            self.u, r, o = self.step(self.u, drive, *self.noise(rng))
            self.learn(r, o, xi, rate)
            loss += np.mean((o - xi) ** 2) / self.p.sample_timesteps
        return loss

    def evaluate(self, u, drive, rng):
        """T_s steps from u without learning. -> (u at the end, o (T_s, components))"""
        outputs = np.zeros((self.p.sample_timesteps, len(self.W_f)))
        for t in range(len(outputs)):
            u, _, outputs[t] = self.step(u, drive, *self.noise(rng))
        return u, outputs


# ---------------------------------------------------------------- samples

class Samples:
    """The first test images of MNIST, one-hot labels and random patterns z ~ U(0, 1)."""

    def __init__(self, p):
        images, labels = data.read_pair(*data.files(p))
        data.check_part(p, 'test', images, labels)
        if p.nsamples > len(images):
            raise ValueError(f'nsamples = {p.nsamples}, but {p.data} holds {len(images)} test images here')
        images, labels = images[:p.nsamples], labels[:p.nsamples]
        self.x = ((images.reshape(len(images), -1) / 255 - 0.5) / 0.5).astype(p.dtype)
        self.y = data.one_hot(labels, p.nclasses).astype(p.dtype)
        self.p = p
        if not self.epoch(0, 0)[1].any():
            raise ValueError(f'the modulating signal is 0 in every window, there is nothing to follow: sigma_x = {p.sigma_x}, '
                             f'sigma_y = {p.sigma_y}, sigma_z = {p.sigma_z}, gamma = {p.gamma}')

    def epoch(self, model, number):
        """(drive inputs, targets) of an epoch's windows in its order: (windows, inputs), (windows, components).

        All networks have the same z, and the same order unless p.independent_orders.
        """
        p, N, own = self.p, self.p.batch_size, model if self.p.independent_orders else 0
        z = layers.generator(p.seed, 4, 0).uniform(size=(len(self.x), p.zdim)).astype(p.dtype)
        order = layers.generator(p.seed if p.order_seed is None else p.order_seed, 1, number, own).permutation(len(self.x))
        x, y, z = self.x[order], self.y[order], z[order]
        inputs = np.concatenate([x, y, z], axis=1)[N - 1:]
        xi = [modulating_signal(p.modulator, x[w:w + N], y[w:w + N], z[w:w + N], p.gamma, p.sigma_x, p.sigma_y, p.sigma_z)
              for w in range(len(inputs))]
        return inputs, (p.target_scale * np.array(xi)).astype(p.dtype)


# ---------------------------------------------------------------- the experiment

def run(p, checkpoint=None):
    """Reservoirs of parameters p. -> eval_target (M, epochs + 1, windows, components), eval_output (..., T_s, components),
    correlation, nmse, train_loss (M, epochs + 1); the same for the frozen read-out after training; final_W_o."""
    samples, found = Samples(p), []
    for model in range(p.nmodels):
        part = (checkpoint or Checkpoint()).part(f'model{model}')
        found.append(one_model(p, samples, model, part))
    out = {name: np.stack([arrays[name] for arrays in found]) for name in found[0]}
    return out | {'diverged_at': np.array(max(int(arrays['diverged_at']) for arrays in found))}


def one_model(p, samples, model, checkpoint):
    """Train and evaluate one reservoir; afterwards one more epoch with the read-out frozen (D8)."""
    net = Reservoir.random(p, samples.x.shape[1] + samples.y.shape[1] + p.zdim, layers.generator(p.seed, 0, model))
    rng, windows = layers.generator(p.seed, 3, model), len(samples.x) - p.batch_size + 1
    shape = (p.nepochs + 2, windows, p.sample_timesteps, p.zdim)               # the last epoch is the frozen one
    record = {'target': np.zeros((shape[0], windows, p.zdim)), 'output': np.zeros(shape), 'loss': np.zeros(shape[:2])}
    done, diverged_at = resume(checkpoint, net, rng, record), -1
    with progress(shape[0] * windows, f'{p.member} network {model + 1} of {p.nmodels}', unit='window', initial=done) as bar:
        for at in range(done, shape[0] * windows):
            epoch, w = divmod(at, windows)
            if w == 0 or at == done:
                inputs, targets = samples.epoch(model, epoch)
                drives = inputs @ net.W_i
            record['target'][epoch, w] = targets[w]
            if 0 < epoch <= p.nepochs:
                updates = ((epoch - 1) * windows + w) * p.sample_timesteps
                rates = learning_rates(p, updates, p.sample_timesteps, windows * p.sample_timesteps)
                record['loss'][epoch, w] = net.train(drives[w], targets[w], rng, rates)
            u, record['output'][epoch, w] = net.evaluate(net.u, drives[w], rng)
            if epoch > p.nepochs:
                net.u = u                                    # frozen: carried from window to window
            bar.update()
            if not (np.abs(record['output'][epoch, w]) <= LIMIT * np.abs(record['target'][epoch]).max()).all():
                diverged_at = at * p.sample_timesteps
                break
            checkpoint.offer(frozen, net, rng, record, at + 1)
    return results(p, net, record) | {'diverged_at': np.array(diverged_at)}


def frozen(net, rng, record, done):
    """(meta, arrays) of an unfinished run."""
    return {'done': done, 'rng': rng_state(rng)}, record | {name: getattr(net, name) for name in STATE}


def resume(checkpoint, net, rng, record):
    """Put everything back to the checkpoint's state; returns the number of windows done."""
    saved = checkpoint.resume()
    if saved is None:
        return 0
    meta, arrays = saved
    for name in STATE:
        setattr(net, name, arrays[name])
    for name in record:
        record[name][:] = arrays[name]
    restore_rng(rng, meta['rng'])
    return meta['done']


def results(p, net, record):
    """What is kept of one model."""
    scores = np.array([agreement(t, o) for t, o in zip(record['target'], record['output'], strict=True)])
    return {'eval_target': record['target'][:-1], 'eval_output': record['output'][:-1], 'correlation': scores[:-1, 0],
            'nmse': scores[:-1, 1], 'train_loss': record['loss'][:-1].mean(axis=1), 'frozen_target': record['target'][-1],
            'frozen_output': record['output'][-1], 'frozen_correlation': scores[-1, 0], 'frozen_nmse': scores[-1, 1],
            'final_W_o': net.W_o}


def agreement(target, output):
    """(Pearson correlation, sum (o - xi)^2 / sum xi^2) of targets (windows, components) and outputs (windows, T_s, components),
    everything pooled; an output of zero has no correlation (nan)."""
    xi = np.broadcast_to(target[:, None], output.shape)
    correlation = np.corrcoef(xi.ravel(), output.ravel())[0, 1] if output.any() else np.nan
    return correlation, ((output - xi) ** 2).sum() / (xi ** 2).sum()
