"""Learning efficient task-dependent representations with synaptic plasticity, in plain numpy.

Bredenberg, Simoncelli, Savin, NeurIPS 2020. The whole model, top to bottom: stimulus, network, tasks, learning rule, training.
The fast programs (model.py, tasks.py) are tested against this file, so change it first and look at what it does:

    python -m task_plasticity.equations

Equations are numbered (1) to (10) in this file. Matrices are [post, pre]. Time in units of the network's time constant.
"""
from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Constants(NamedTuple):
    """Every number of the model. Values: estimation; learning rates times their gain of 100, per unit time."""
    dt: float = 0.01                    # Euler-Maruyama step
    sigma: float = 0.2                  # intrinsic noise
    R: float = 1.0                      # leak resistance
    alpha_0: float = 0.0                # f-I curve: offset
    beta: float = 1 / 30                # scale
    gamma: float = 30.0                 # and slope
    r_low: float = 0.001                # bounds of the rates
    r_high: float = 100.0
    kappa: float = 0.75                 # prior of the stimulus: concentration
    mu: float = 0.0                     # and mean
    sigma_s: float = 0.06               # diffusion of the stimulus
    q: float = 0.0015                   # rate of the running means, per step
    transient: float = 40.0             # no plasticity before this time in a trial
    eta_W: float = 5e-4                 # learning rates
    eta_b: float = 5e-4
    eta_C: float = 5e-4
    eta_D: float = 5e-4
    decay_W: float = 0.0008             # weight decay
    decay_b: float = 0.0048
    decay_C: float = 0.0048
    decay_D: float = 0.0008


# ---------------------------------------------------------------- stimulus

def preferred_angles(I):
    """Preferred angles phi_k of the I input channels, evenly around the circle from -pi on. (I,)"""
    return -np.pi + 2 * np.pi * np.arange(I) / I


def encode(theta, phi):
    """(1) Input rates s_k = max(0, cos(theta - phi_k)). (I,)"""
    return np.maximum(0, np.cos(theta - phi))


def stimulus(theta_0, zeta, c):
    """(2) d theta = -kappa sin(theta - mu) sigma_s^2 dt + sigma_s d zeta, on the circle: a walk that prefers angles near mu.

    zeta (n,) ~ N(0, dt), zeta[0] is not used -> theta (n,). Stationary density: von Mises with concentration 2 kappa.
    """
    theta = np.full(len(zeta), theta_0)
    for t in range(1, len(zeta)):
        step = -c.kappa * np.sin(theta[t - 1] - c.mu) * c.sigma_s ** 2 * c.dt + c.sigma_s * zeta[t]
        theta[t] = (theta[t - 1] + step + np.pi) % (2 * np.pi) - np.pi
    return theta


# ---------------------------------------------------------------- network

class Network(NamedTuple):
    """Recurrent weights W (N, N), input weights C (N, I), biases b (N,), decoder D (K, N). Learning changes them in place."""
    W: np.ndarray
    C: np.ndarray
    b: np.ndarray
    D: np.ndarray


def random_network(N, I, K, bias, rng):
    """Uniform weights, in +-0.3 / sqrt(N), +-0.5 / sqrt(I), +-1 / N; the same bias for all."""
    return Network(rng.uniform(-0.3, 0.3, (N, N)) / np.sqrt(N), rng.uniform(-0.5, 0.5, (N, I)) / np.sqrt(I),
                   np.full(N, float(bias)), rng.uniform(-1, 1, (K, N)) / N)


def g(r, c):
    """(3) The drive that holds a rate r > 0: inverse of the f-I curve f(x) = beta log(1 + exp(alpha_0 + gamma x))."""
    return (np.log(np.expm1(r / c.beta)) - c.alpha_0) / c.gamma


def step(r, s, net, xi, c):
    """(4) dr = [-g(r) / R + W r + C s + b] dt + sigma dB. xi (N,) ~ N(0, dt) -> rates before bounds apply (N,)

    For symmetric W these are Langevin dynamics: rates are samples of p(r | s) ~ exp(-2 E(r, s) / sigma^2) with the energy
    (5) E = -1/2 r^T W r - r^T C s - b^T r + sum_j int g(r_j) dr_j / R.
    """
    return r + c.dt * (-g(r, c) / c.R + net.W @ r + net.C @ s + net.b) + c.sigma * xi


# ---------------------------------------------------------------- tasks

def logistic(u):
    """1 / (1 + exp(-100 u)), the probability that a classifying output reports."""
    return 1 / (1 + np.exp(-np.clip(100 * u, -700, 700)))


class Task(NamedTuple):
    """What the outputs should be: target y(theta) (K,); which outputs are probabilities (K,); weights of their rewards (K,)."""
    target: Callable
    logistic: tuple
    weight: tuple


ESTIMATION = Task(lambda theta: np.array([np.cos(theta), np.sin(theta)]), (False, False), (1, 1))
CATEGORISATION = Task(lambda theta: np.array([float(theta >= 0 or theta <= -np.pi)]), (True,), (1,))


def read_out(D, r, task):
    """(6) o = D r, or the probability logistic(D r). (K,)"""
    u = D @ r
    return np.where(task.logistic, logistic(u), u)


def reward(o, y, task):
    """(7) alpha = -|y - o|^2 (linear outputs) + log likelihood y log o + (1 - y) log(1 - o) (probabilities). scalar, <= 0"""
    p = np.clip(o, 1e-4, 1 - 1e-4)
    likelihood = y * np.log(p) + (1 - y) * np.log(1 - p)
    return float(np.dot(task.weight, np.where(task.logistic, likelihood, -(y - o) ** 2)))


# ---------------------------------------------------------------- learning

def three_factor(alpha, coactivity, mean, decay, X):
    """(8) dX = alpha (coactivity - its running mean) - decay X: global reward times a local Hebbian fluctuation.

    d log p(r | s) / dW_ij ~ r_i r_j - <r_i r_j>, so that its mean follows the gradient of the expected reward.
    """
    return alpha * (coactivity - mean) - decay * X


def decoder_rule(D, r, y, task, decay):
    """(9) dD_k = error_k r - decay D_k, error = y - o, times the logistic's slope 100 for probabilities. (K, N)"""
    error = np.multiply(task.weight, np.where(task.logistic, 100, 1) * (y - read_out(D, r, task)))
    return np.outer(error, r) - decay * D


def trial(net, task, theta, xi, c, learn_circuit=True, learn_decoder=True, nu=None):
    """One trial from r = 0.1; net changes in place. theta (n,), xi (n, N) ~ N(0, dt), nu (n, I) noise on the input or None.

    -> rates (n, N), outputs (n, K) and rewards (n,); these two are read out before the bounds of the rates apply.
    """
    N, I = net.C.shape
    phi, r = preferred_angles(I), np.full(N, 0.1)
    mean_rr, mean_r, mean_rs = np.zeros((N, N)), np.zeros(N), np.zeros((N, I))
    rates, outputs, rewards, s = [r], [read_out(net.D, r, task)], [], encode(theta[0], phi)
    rewards.append(reward(outputs[0], task.target(theta[0]), task))
    for t in range(1, len(theta)):
        r = step(r, s if nu is None else s + nu[t], net, xi[t], c)
        s, y = encode(theta[t], phi), task.target(theta[t])
        outputs.append(read_out(net.D, r, task))
        rewards.append(reward(outputs[-1], y, task))
        r = np.clip(r, c.r_low, c.r_high)
        mean_rr += c.q * (np.outer(r, r) - mean_rr)                                   # (10) running means
        mean_r += c.q * (r - mean_r)
        mean_rs += c.q * (np.outer(r, s) - mean_rs)
        if t * c.dt > c.transient:
            alpha, dD = reward(read_out(net.D, r, task), y, task), decoder_rule(net.D, r, y, task, c.decay_D)
            if learn_circuit:
                net.W[:] += c.dt * c.eta_W * three_factor(alpha, np.outer(r, r), mean_rr, c.decay_W, net.W)
                net.b[:] += c.dt * c.eta_b * three_factor(alpha, r, mean_r, c.decay_b, net.b)
                net.C[:] += c.dt * c.eta_C * three_factor(alpha, np.outer(r, s), mean_rs, c.decay_C, net.C)
            if learn_decoder:
                net.D[:] += c.dt * c.eta_D * dD
        rates.append(r)
    return np.array(rates), np.array(outputs), np.array(rewards)


def train(net, task, trials, duration, c, rng):
    """Trials of the wandering stimulus, each from an angle of the prior. -> mean reward of each trial (trials,)"""
    n, mean_reward = round(duration / c.dt), []
    for _ in range(trials):
        theta = stimulus(rng.vonmises(c.mu, c.kappa), rng.normal(0, np.sqrt(c.dt), n), c)
        xi = rng.normal(0, np.sqrt(c.dt), (n, len(net.b)))
        mean_reward.append(trial(net, task, theta, xi, c)[2].mean())
    return np.array(mean_reward)


def small_training(task=ESTIMATION, trials=16, seed=1):
    """A network of 20 neurons that learns in seconds: less noise, a faster stimulus, faster learning. -> (network, rewards)"""
    rng, eta_D = np.random.default_rng(seed), 5e-4 if any(task.logistic) else 0.1
    c = Constants(dt=0.02, sigma=0.1, sigma_s=0.5, transient=1.0, eta_W=2e-3, eta_b=2e-3, eta_C=2e-3, eta_D=eta_D)
    net = random_network(20, 12, len(task.logistic), 0.0, rng)
    return net, train(net, task, trials, 40.0, c, rng)


if __name__ == '__main__':
    for i, value in enumerate(small_training()[1], 1):
        print(f'trial {i:2}: mean reward {value:.3f}')
