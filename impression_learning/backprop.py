"""Impression learning: the back-propagation control (Fig. 2d). One latent layer, closed-form reparametrised gradients.

    python -m impression_learning.backprop array_num=1        mode=backprop, d = 2, 4, 8, 16, 32 for array_num 1..5
    python -m impression_learning.backprop mode=MNIST

Wake (lambda = 1):  L = |r - T r_prev|^2/sg^2 + |s - f_g(W_out r)|^2/so^2 - |r - f(W_in s)|^2/sr^2 - |s - x|^2/sr^2
Sleep (lambda = 0): L = |r - f(W_in s)|^2/sr^2     with T = (1-k) diag(D_r) + k I, f = tanh, f_g linear (released: tanh)
All three parameters get gradients in both phases, through the sampled r and s; r_prev is detached (no gradient through time).
tests/test_impression_learning_model.py compares the gradients below with autograd.
"""
import dataclasses
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from common.checkpoint import Checkpoint, restore_rng, rng_state
from common.kernel import kernel
from common.running import progress
from common.script import main, one_line, stop
from impression_learning import analysis, circuit, data, network
from impression_learning.circuit import Circuit
from impression_learning.model import f, f_prime


class State(NamedTuple):
    """Parameters, their gradients, and what lives on from step to step."""
    W_in: np.ndarray          # (n_in, n), [pre, post]
    W_out: np.ndarray         # (n, n_in), [pre, post]
    D_r: np.ndarray           # (n,)
    grad_W_in: np.ndarray
    grad_W_out: np.ndarray
    grad_D_r: np.ndarray
    r_last: np.ndarray        # (n,) r_{t-1}
    phase: np.ndarray         # (lambda, lambda of the step before, counter)


@kernel
def activation(u, linear=False):
    """f(u) and f'(u), element by element; linear: u and 1."""
    value, slope = u.copy(), np.ones(u.size)
    if not linear:
        for i in range(u.size):
            value[i] = f(u[i])
            slope[i] = f_prime(value[i])
    return value, slope


@kernel
def drive(W, x):
    """u_i = sum_j W[j, i] x_j for W [pre, post]."""
    u = np.zeros(W.shape[1])
    for j in range(W.shape[0]):
        for i in range(W.shape[1]):
            u[i] += W[j, i] * x[j]
    return u


@kernel
def back(W, e):
    """(W^T e)_j = sum_i W[j, i] e_i for W [pre, post]."""
    return np.array([(W[j] * e).sum() for j in range(W.shape[0])])


@kernel
def outer(pre, post, out):
    """out[j, i] = pre_j post_i."""
    for j in range(pre.size):
        for i in range(post.size):
            out[j, i] = pre[j] * post[i]


@kernel
def wake_step(state, k, x, eps_s, eps_r, sigma_r, sigma_s, sigma_g, linear, r):
    """Loss of a wake step and its gradients. x, eps_s (n_in,); eps_r (n,); r (n,) filled. sigma_s: (generated, inferred)."""
    s = x + sigma_s[1] * eps_s
    mean, mean_slope = activation(drive(state.W_in, s))
    r[:] = mean + sigma_r * eps_r
    transition = np.ones(r.size) if k == 1 else state.D_r
    d = r - transition * state.r_last
    predicted, slope = activation(drive(state.W_out, r), linear)
    e = (s - predicted) * slope                                                     # e = (s - f(u)) f'(u)
    dr = 2 * d / sigma_g ** 2 - 2 * back(state.W_out, e) / sigma_s[0] ** 2     # dL/dr
    outer(s, dr * mean_slope, state.grad_W_in)                       # dL/dW_in = [dL/dr f'(W_in s)] s^T
    outer(r, -2 * e / sigma_s[0] ** 2, state.grad_W_out)                       # dL/dW_out = -2 e r^T / so^2
    state.grad_D_r[:] = -2 * (1 - k) * d * state.r_last / sigma_g ** 2
    return ((d ** 2).sum() / sigma_g ** 2 + ((s - predicted) ** 2).sum() / sigma_s[0] ** 2
            - ((r - mean) ** 2).sum() / sigma_r ** 2 - ((s - x) ** 2).sum() / sigma_r ** 2)


@kernel
def sleep_step(state, eps_r, eps_s, sigma_r, sigma_s, sigma_g, linear, r):
    """Loss of a sleep step (k = 0) and its gradients. eps_r (n,), eps_s (n_in,); r (n,) filled."""
    r[:] = state.D_r * state.r_last + sigma_g * eps_r
    predicted, slope = activation(drive(state.W_out, r), linear)
    s = predicted + sigma_s[0] * eps_s
    mean, mean_slope = activation(drive(state.W_in, s))
    q = r - mean
    v = q * mean_slope
    c = -2 * back(state.W_in, v) / sigma_r ** 2 * slope                        # dL/du of the generated stimulus
    outer(s, -2 * v / sigma_r ** 2, state.grad_W_in)                           # dL/dW_in = -2 v s^T / sr^2
    outer(r, c, state.grad_W_out)                                              # dL/dW_out = c r^T
    state.grad_D_r[:] = (2 * q / sigma_r ** 2 + back(state.W_out, c)) * state.r_last
    return (q ** 2).sum() / sigma_r ** 2


@kernel
def run_steps(state, X, eps, sigma_r, sigma_s, sigma_g, linear, rate_W, rate_D, period, switching, loss, latent, phases):
    """Advance by len(X) steps. Plain SGD if rate_W > 0; phases toggle after `period` steps (exactly) if switching, else every
    step after the first is wake.

    X (T, n_in); eps (T, 2 n + 2 n_in) standard normals: r gen, s gen, s inf, r inf; sigma_s (2,): s.d. of the generated and
    of the inferred stimulus; loss (T,), latent (T, n), phases (T, 2) = (lambda, k) are filled.
    """
    n_in, n = state.W_in.shape
    r = np.empty(n)
    for t in range(X.shape[0]):
        wake = state.phase[0]
        k = 1 if wake == 1 and state.phase[1] == 0 else 0
        state.phase[1] = wake
        if wake == 1:
            loss[t] = wake_step(state, k, X[t], eps[t, n + n_in:n + 2 * n_in], eps[t, n + 2 * n_in:], sigma_r, sigma_s,
                                sigma_g, linear, r)
        else:
            loss[t] = sleep_step(state, eps[t, :n], eps[t, n:n + n_in], sigma_r, sigma_s, sigma_g, linear, r)
        phases[t, 0], phases[t, 1] = wake, k
        if rate_W > 0:
            for j in range(n_in):
                for i in range(n):
                    state.W_in[j, i] -= rate_W * state.grad_W_in[j, i]
            for i in range(n):
                for j in range(n_in):
                    state.W_out[i, j] -= rate_W * state.grad_W_out[i, j]
                state.D_r[i] -= rate_D * state.grad_D_r[i]
        for i in range(n):
            state.r_last[i] = latent[t, i] = r[i]
        if switching:
            state.phase[2] += 1
            if state.phase[2] >= period:
                state.phase[0], state.phase[2] = 1 - state.phase[0], 0
        else:
            state.phase[0] = 1


def new_state(W_in, W_out, D_r, r_last):
    """A State from W_in (n, n_in), W_out (n_in, n), D_r (n,) and r_{-1} (n,), in wake, the step before in wake."""
    parameters = [np.array(a.T, float, order='C') for a in (W_in, W_out, D_r)]
    return State(*parameters, *(np.zeros_like(a) for a in parameters), np.array(r_last, float), np.array([1, 1, 0]))


def rates(p):
    """(learning rate of the weights, of D_r): eta * 10 * 0.01^2, and that times sg^2 / sr^2."""
    rate = p.learning_rate * 10 * 0.01 ** 2
    return rate, rate * p.sigmas[1][-1] ** 2 / p.sigma_latent ** 2


def run(p, checkpoint=None):
    """Train on the stimulus of p and test in wake. -> dict of arrays, as simulation.run."""
    checkpoint = checkpoint or Checkpoint()
    streams = data.streams(p)
    train_data, test_data, out = data.stimuli(p, streams)
    n, n_in = p.n_neurons, p.n_in
    W_in = streams.weights.standard_normal((n, n_in)) / n_in              # drawn before W_out, unlike network.initial
    W_out = streams.weights.standard_normal((n_in, n)) / n
    state = new_state(W_in, W_out, np.full(n, 0.6), streams.weights.random_sample(n) if p.rng == 'legacy'
                      else streams.weights.random(n))
    state.phase[1] = 0 if p.carry_over else 1
    train_loss, diverged_at = train(p, state, train_data, streams.training, checkpoint)
    state.phase[1] = 0 if p.carry_over else 1
    if not p.carry_over:
        state.phase[0] = 1
    out |= {'final_W_in': state.W_in.T, 'final_W_out': state.W_out.T, 'final_D_r': state.D_r, 'diverged_at': diverged_at,
            'train_loss': train_loss}
    return out if diverged_at >= 0 else out | test(p, state, test_data, streams)


def constants(p):
    """(sigma_r, sigma_s (2,), sigma_g, linear) for the kernel."""
    return p.sigma_latent, np.array([p.sigma_obs_gen, p.sigma_in]), p.sigmas[1][-1], p.generative_nonlinearity == 'linear'


def train(p, state, stimulus, rng, checkpoint):
    """Plain SGD through the stimulus, in blocks. -> mean loss in blocks of p.loss_every steps, step of divergence or -1"""
    total, width = stimulus.steps * p.epoch_num, 2 * (p.n_neurons + p.n_in)
    block, bins, t, diverged_at = max(64, circuit.BLOCK_NORMALS // width), np.zeros(-(-total // p.loss_every)), 0, -1
    saved = checkpoint.resume()
    if saved:
        meta, arrays = saved
        t, bins = meta['t'], arrays['bins']
        restore_rng(rng, meta['rng'])
        for i, array in enumerate(state):
            array[...] = arrays[f'state{i}']
    with progress(total, f'{p.member} back-propagation', unit='step', unit_scale=True, initial=t) as bar:
        while t < total and diverged_at < 0:
            end = min(t + block, total, (t // stimulus.steps + 1) * stimulus.steps)
            loss, latent, phases = np.empty(end - t), np.empty((end - t, p.n_neurons)), np.empty((end - t, 2), int)
            X = stimulus.block(t % stimulus.steps, t % stimulus.steps + end - t)
            run_steps(state, X, rng.standard_normal((end - t, width)), *constants(p), *rates(p), p.switch_period,
                      p.switch_period > 0, loss, latent, phases)
            if not np.isfinite(loss).all():
                diverged_at = t + int(np.argmin(np.isfinite(loss)))
                loss = loss[:diverged_at - t]
            np.add.at(bins, np.arange(t, t + len(loss)) // p.loss_every, loss)
            bar.update(end - t)
            t = end
            checkpoint.offer(frozen, t, state, rng, bins)
    counts = np.clip((diverged_at if diverged_at >= 0 else total) - np.arange(len(bins)) * p.loss_every, 0, p.loss_every)
    return np.where(counts > 0, bins / np.maximum(counts, 1), np.nan), diverged_at


def frozen(t, state, rng, bins):
    """(meta, arrays) of an unfinished training, for a checkpoint."""
    return {'t': t, 'rng': rng_state(rng)}, {f'state{i}': array for i, array in enumerate(state)} | {'bins': bins}


def test(p, state, stimulus, streams):
    """Wake-only test with frozen weights: own loss, R^2 with and without the output's tanh, and for the linear output the
    wake loss of the impression learning network with the same weights (D11: one loss for all three rules)."""
    X, linear = stimulus.block(0, stimulus.steps), p.generative_nonlinearity == 'linear'
    loss, latent = np.empty(len(X)), np.empty((len(X), p.n_neurons))
    eps = streams.tests.standard_normal((len(X), 2 * (p.n_neurons + p.n_in)))
    run_steps(state, X, eps, *constants(p), 0.0, 0.0, 1, False, loss, latent, np.empty((len(X), 2), int))
    prediction = latent @ state.W_out
    out = {'loss_test': loss.mean(),
           'R2': analysis.explained_variance(X, activation(prediction.ravel(), linear)[0].reshape(X.shape)),
           'R2_linear_readout': analysis.explained_variance(X, prediction)}
    if linear:
        net = network.from_arrays({'l0_W_out': state.W_out.T, 'l1_W_in': state.W_in.T, 'l1_transition': state.D_r})
        plain = dataclasses.replace(p, alternation='deterministic')
        wake_loss, _ = Circuit(plain, net, streams.tests).advance(X, switching=False)
        out['wake_loss'] = wake_loss.sum(axis=1).mean()
    if p.save_sequences:
        out |= {'wake_sequence': latent}
        out |= {'data_latent_test': stimulus.latent(0, stimulus.steps)} if p.data == 'ou' else {'data_test': X}
    return out


if __name__ == '__main__':
    words = sys.argv[1:]
    names = [word.split('=')[0].strip() for word in words]
    if {word.replace(' ', '') for word in words if word.startswith('algorithm')} - {'algorithm=backprop'}:
        stop('backprop.py runs algorithm=backprop; the other rules are run by impression_learning.simulation')
    words += ['mode=backprop'] * ('mode' not in names) + ['algorithm=backprop'] * ('algorithm' not in names)
    main('impression_learning', words)
    if not {'-h', '--help'} & set(words):       # as in the released program, a run ends with its figure
        from impression_learning import plot_generator
        with one_line('impression_learning'):
            plot_generator.main([word for word in words if word.split('=')[0] not in ('n_jobs', 'cluster')])
