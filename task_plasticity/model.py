"""Task-dependent representations: network, objectives and the local three-factor rule.

Bredenberg, Simoncelli, Savin: Learning efficient task-dependent representations with synaptic plasticity, NeurIPS 2020.
A stochastic recurrent rate network samples from exp(-2 E(r, s) / sigma^2); the gradient of any expected scalar reward is then
    dX ~ alpha (coactivity - its running mean) - decay X,        X = W, C, b: reward, times pre and post, minus their mean.

Matrices are stored [pre, post] (W[j, i] from neuron j to neuron i, C[k, i] from input k), so that sums run along memory;
result files hold the paper's orientation [post, pre]. Time unit: the network time constant. Angles in rad.
"""
import math

import numpy as np

from common.kernel import kernel
from task_plasticity import tasks
from task_plasticity.tasks import decoder_error, log_likelihood, read_out

# ---------------------------------------------------------------- functions of the paper

@kernel(inline=True)
def f(x, alpha0, beta, gamma):
    """Soft-plus f-I curve f(x) = beta log(1 + exp(alpha0 + gamma x))."""
    return beta * math.log1p(math.exp(alpha0 + gamma * x)) if alpha0 + gamma * x < 36 else beta * (alpha0 + gamma * x)


@kernel(inline=True)
def g(r, alpha0, beta, gamma):
    """Its inverse g(r) = (log(exp(r / beta) - 1) - alpha0) / gamma, in the form that does not overflow. r > 0"""
    return r / (beta * gamma) + math.log1p(-math.exp(-r / beta)) / gamma - alpha0 / gamma


@kernel(inline=True)
def g_prime(r, alpha0, beta, gamma):
    """g'(r) = exp(r / beta) / (beta gamma (exp(r / beta) - 1))."""
    return 1.0 / (beta * gamma * (1.0 - math.exp(-r / beta)))


def preferred_angles(n):
    """phi_k = -pi + k d with d = (-pi + 2 pi / n) + pi, as numpy's arange has it (phi_6 is -8.9e-16 for n = 12). (n,)"""
    return -np.pi + np.arange(n) * ((-np.pi + 2 * np.pi / n) + np.pi)


@kernel(inline=True)
def encode(theta, cos_phi, sin_phi, s):
    """Input rates s_k = max(0, cos(theta - phi_k))."""
    c, d = math.cos(theta), math.sin(theta)
    for k in range(s.size):
        s[k] = max(0.0, cos_phi[k] * c + sin_phi[k] * d)


@kernel(inline=True)
def langevin(theta, zeta, kappa, mu, sigma_s, dt):
    """One step of the von Mises sampler, theta - kappa sin(theta - mu) sigma_s^2 dt + sigma_s zeta, wrapped to [-pi, pi]."""
    theta = theta - kappa * math.sin(theta - mu) * sigma_s ** 2 * dt + sigma_s * zeta
    if theta < -math.pi:
        theta = math.pi + (theta + math.pi)
    if theta > math.pi:
        theta = -math.pi + (theta - math.pi)
    if abs(theta) > math.pi:                       # a step of more than a turn: the released program wraps once only (D27)
        theta -= 2 * math.pi * math.floor((theta + math.pi) / (2 * math.pi))
    return theta


@kernel
def wander(theta_0, zeta, kappa, mu, sigma_s, dt):
    """Training stimulus of one trial. zeta (n,) with s.d. sqrt(dt), zeta[0] is not used -> theta (n,)"""
    theta = np.empty(zeta.size)
    theta[0] = theta_0
    for t in range(1, zeta.size):
        theta[t] = langevin(theta[t - 1], zeta[t], kappa, mu, sigma_s, dt)
    return theta


@kernel(inline=True)
def project(D, r, scale, u):
    """u = scale D r."""
    for k in range(D.shape[0]):
        total = 0.0
        for i in range(D.shape[1]):
            total += D[k, i] * r[i]
        u[k] = scale * total


@kernel(inline=True)
def output_scale(r, p):
    """1, or 1/|r| with normalize_output."""
    if not p.normalize_output:
        return 1.0
    total = 0.0
    for i in range(r.size):
        total += r[i] * r[i]
    return 1.0 / math.sqrt(total)


@kernel(inline=True)
def reward(u, y, r, p):
    """alpha(D r, y): the scalar reward of the task (tasks.reward), minus the optional rate penalties."""
    alpha = tasks.reward(u, y, p.logistic, p.weight)
    if p.lambda_l1 > 0 or p.lambda_l2 > 0:
        for i in range(r.size):
            alpha -= p.lambda_l1 * abs(r[i]) + p.lambda_l2 * r[i] ** 2
    return alpha


@kernel(inline=True)
def three_factor(alpha, coactivity, mean, decay, x):
    """dX = alpha (coactivity - mean) - decay X, element by element."""
    return alpha * (coactivity - mean) - decay * x


@kernel(inline=True)
def decoder_rule(error, r, scale, decay, D):
    """dD = error r - decay D, element by element."""
    return error * r * scale - decay * D


# ---------------------------------------------------------------- one session's loop

@kernel(inline=True)
def drive(net, s, nu, t, r, p, current):
    """Input current -g(r)/R + W r + C (s + nu_t) + b."""
    for i in range(r.size):
        current[i] = net.b[i] - g(r[i], p.alpha0, p.beta, p.gamma) / p.R
    for j in range(r.size):
        for i in range(r.size):
            current[i] += net.W[j, i] * r[j]
    for k in range(s.size):
        x = s[k] + nu[t, k] if nu.shape[0] > 0 else s[k]
        if x != 0.0:
            for i in range(r.size):
                current[i] += net.C[k, i] * x


@kernel(inline=True)
def average(means, r, s, q):
    """Running means: A <- (1 - q) A + q r r^T, a_C <- (1 - q) a_C + q s r^T, a_b <- (1 - q) a_b + q r."""
    for j in range(r.size):
        for i in range(r.size):
            means.rr[j, i] = (1.0 - q) * means.rr[j, i] + q * (r[i] * r[j])
    for k in range(s.size):
        for i in range(r.size):
            means.rs[k, i] = (1.0 - q) * means.rs[k, i] + q * (r[i] * s[k])
    for i in range(r.size):
        means.r[i] = (1.0 - q) * means.r[i] + q * r[i]


@kernel(inline=True)
def learn(net, means, r, s, alpha, p):
    """W, C, b += eta * three-factor rule, all with the same alpha and the means of this step."""
    for j in range(r.size):
        for i in range(r.size):
            net.W[j, i] += p.eta_W * three_factor(alpha, r[i] * r[j], means.rr[j, i], p.decay_W, net.W[j, i])
    for k in range(s.size):
        for i in range(r.size):
            net.C[k, i] += p.eta_C * three_factor(alpha, r[i] * s[k], means.rs[k, i], p.decay_C, net.C[k, i])
    for i in range(r.size):
        net.b[i] += p.eta_b * three_factor(alpha, r[i], means.r[i], p.decay_b, net.b[i])


@kernel(inline=True)
def learn_decoder(net, u, y, r, scale, p):
    """D += eta_D * decoder rule, u and r before the update."""
    for k in range(net.D.shape[0]):
        error, decay = decoder_error(u[k], y[k], p.logistic[k], p.weight[k]), p.decay_D[k]
        for i in range(r.size):
            net.D[k, i] += p.eta_D * decoder_rule(error, r[i], scale, decay, net.D[k, i])


@kernel(inline=True)
def recorded_reward(net, u, y, r, p):
    """The reward as recorded; mixed task as released (D18): lambda_LL log likelihood - l_W |W|^2 - l_b |b|^2 - l_C |C|^2."""
    if not p.released_mixed:
        return reward(u, y, r, p)
    total = 0.0
    for i in range(net.b.size):
        total += p.decay_b * net.b[i] ** 2
        for j in range(net.b.size):
            total += p.decay_W * net.W[j, i] ** 2
        for k in range(net.C.shape[0]):
            total += p.decay_C * net.C[k, i] ** 2
    return p.weight[2] * log_likelihood(u[2], y[2]) - total


@kernel(inline=True)
def write_record(record, row, r, u, objective, p):
    """Clipped rates, outputs (probabilities where they are logistic) and recorded reward of one step."""
    N = r.size
    for i in range(N):
        record[row, i] = min(max(r[i], p.low), p.high)
    for k in range(u.size):
        record[row, N + k] = read_out(u[k], p.logistic[k])
    record[row, N + u.size] = objective


@kernel
def run(net, means, r, theta, targets, xi, nu, phi, t_first, t_end, p, record, every):
    """Steps t_first .. t_end - 1 (t_first >= 1) of a trial, in the released program's order. -> objective of the last step

    net, means and r are changed in place: r (N,) rates after step t_first - 1. theta (n,) angles; targets (n, K); xi (n, N)
    noise with s.d. sqrt(dt); nu (n, I) input noise or (0, 0); phi (I,) preferred angles; record (ceil(n / every), N + K + 1) is
    filled at the steps divisible by `every`.
    """
    N, K, cos_phi, sin_phi = r.size, net.D.shape[0], np.cos(phi), np.sin(phi)
    s, y, u, o, current, objective = np.empty(phi.size), np.empty(K), np.empty(K), np.empty(K), np.empty(N), 0.0
    encode(theta[t_first - 1], cos_phi, sin_phi, s)
    for t in range(t_first, t_end):
        drive(net, s, nu, t, r, p, current)
        for i in range(N):
            r[i] = r[i] + p.dt * current[i] + p.sigma * xi[t, i]                    # Euler-Maruyama, not yet clipped
        encode(theta[t], cos_phi, sin_phi, s)
        for k in range(K):
            y[k] = targets[t, k]
        if t % every == 0 or t == t_end - 1:                                        # recorded with the unclipped rates
            project(net.D, r, output_scale(r, p), u)
            objective = recorded_reward(net, u, y, r, p)
            if t % every == 0:
                project(net.D, r, 1.0, o)
                write_record(record, t // every, r, o, objective, p)
        for i in range(N):
            r[i] = min(max(r[i], p.low), p.high)
        if p.plastic:
            average(means, r, s, p.trace_rate)
        if t * p.dt > p.transient and (p.plastic or p.learn_decoder):
            scale = output_scale(r, p)
            project(net.D, r, scale, u)                                             # learning sees the clipped rates
            if p.plastic:
                alpha = reward(u, y, r, p)
                if p.reward_baseline:
                    means.reward[0] = (1.0 - p.trace_rate) * means.reward[0] + p.trace_rate * alpha
                    alpha -= means.reward[0]
                learn(net, means, r, s, alpha, p)
            if p.learn_decoder:
                learn_decoder(net, u, y, r, scale, p)
    return objective


@kernel
def first_record(net, r, y, p, record):
    """Index 0 of a trial: outputs and reward of the initial rates (the released program leaves zeros there, D8). y (K,)"""
    u, o = np.empty(net.D.shape[0]), np.empty(net.D.shape[0])
    project(net.D, r, 1.0, o)
    project(net.D, r, output_scale(r, p), u)
    write_record(record, 0, r, o, recorded_reward(net, u, y, r, p), p)
