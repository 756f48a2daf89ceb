"""Impression learning: state update, loss and learning rules for a hierarchy of any depth.

Bredenberg, Lyo, Simoncelli, Savin: Impression learning: online representation learning with synaptic plasticity,
NeurIPS 2021. Layer 0 is the input s, layers 1..top are the latent r. Each unit receives the stimulus through
recognition weights W_in (basal dendrite) and the network's own prediction, its impression, through generative
weights W_out (apical dendrite). The phase lambda decides which of the two drives the activity: 1 = wake, 0 = sleep.

Arrays are padded to the widest layer, so that one kernel serves every depth; matrices are stored [layer, pre, post],
so that `y += row_j * x_j` runs along memory:
    W_in[l, j, i]   from unit j of layer l-1 to unit i of layer l    recognition, paper W
    W_out[l, j, i]  from unit j of layer l+1 to unit i of layer l    generation, paper D_s
    a[i]            diagonal of the top layer's transition matrix A  paper D_r
In wake only recognition noise matters and in sleep only generative noise (the other pathway's sample is never used,
except by the released REINFORCE rule, `both_paths`): with the modern stream a step draws one set of normals.
"""
import math
from typing import NamedTuple

import numpy as np

from common.kernel import kernel

TEST, IMPRESSION, REINFORCE, REINFORCE_WAKE = 0, 1, 2, 3          # learning rules
ALGORITHMS = {'wake_sleep': IMPRESSION, 'reinforce': REINFORCE, 'reinforce_wake': REINFORCE_WAKE,
              'backprop': TEST}                                       # backprop.py trains; its tests run here
WAKE, SLEEP_REC, SLEEP_STIM = 0, 1, 2                             # rows of the loss
BASELINE_AFTER, BASELINE_BEFORE, BASELINE_PER_PHASE = 0, 1, 2     # when Lbar takes in the current loss
BASELINES = {'after': BASELINE_AFTER, 'before': BASELINE_BEFORE, 'per_phase': BASELINE_PER_PHASE}


class Network(NamedTuple):
    """Parameters. n (n_layer,) units per layer; W_in, W_out (n_layer, pre, post); biases (n_layer, units); a (units,)."""
    n: np.ndarray
    W_in: np.ndarray
    bias: np.ndarray          # b of the middle layers, 0 elsewhere
    W_out: np.ndarray
    bias_gen: np.ndarray
    a: np.ndarray


class Activity(NamedTuple):
    """Activities and predictions of one step, each (n_layer, units). *_rec: recognition path, *_gen: generative path."""
    h: np.ndarray             # selected activity h_t
    h_last: np.ndarray        # h_{t-1}
    h_rec: np.ndarray
    h_gen: np.ndarray
    mean_rec: np.ndarray      # mu^rec, mean before noise; row 0 is the stimulus x_t
    mean_gen: np.ndarray      # mu^gen
    pred_rec: np.ndarray      # what recognition predicts for the selected activity (sleep)
    pred_gen: np.ndarray      # what generation predicts for the selected activity (wake)


class Phase(NamedTuple):
    """Alternation of wake and sleep, each a 1-element array, so that it lives on from chunk to chunk."""
    wake: np.ndarray          # lambda
    k: np.ndarray             # 1 on the first wake step after sleep
    counter: np.ndarray


class Learner(NamedTuple):
    """Update before the learning rate (U), eligibility traces (E), one Network-shaped set each; baseline Lbar (2,)."""
    update: Network
    trace: Network
    baseline: np.ndarray      # (wake or common, sleep)


class Rule(NamedTuple):
    """Scalars of the learning rule, named as in exp_params; the defaults are the paper's mathematics, Q1-Q9 the released
    program's quirks."""
    algorithm: int = IMPRESSION
    learning_rate: float = 1e-3
    recognition_scale: float = 1.0        # rho, divides the recognition learning rate
    switch_period: int = 1                # K, a phase lasts K + 1 steps; 0: never leaves its phase
    squared_loss: bool = True             # Q2: False subtracts sum(h - mu) instead of sum((h - mu)^2)
    reinforce_gain: float = -0.5          # Q3: sign and factor of the score term; released +1
    fantasy_score: bool = True            # Q4: generative trace from the sampled fantasy; False: from the real stimulus
    trace_reset: bool = True              # Q5: traces are zeroed at the start of an episode
    baseline: int = BASELINE_AFTER        # Q6
    switch_all_layers: bool = False       # Q7: k = 1 replaces the prediction in the middle layers too
    noisy_target: bool = False            # Q8: s instead of x as the target of layer 0
    stimulus_term: bool = False           # D1: REINFORCE's loss contains |s_gen - x|^2 / sr_0^2
    trace_decay: float = 0.9              # g
    loss_decay: float = 0.99              # gamma
    both_paths: bool = False              # compute and keep the pathway that is not selected, too


@kernel(inline=True)
def f(u):
    """Activation. Another one is edited here and in f_prime, and nowhere else."""
    return math.tanh(u)


@kernel(inline=True)
def f_prime(p):
    """f'(u) as a function of p = f(u)."""
    return 1.0 - p ** 2


@kernel(inline=True)
def drive(W, b, l, n_post, x, l_pre, n_pre, out):
    """out[l, i] = b[l, i] + sum_j W[l, j, i] x[l_pre, j]: input to layer l from layer l_pre."""
    for i in range(n_post):
        out[l, i] = b[l, i]
    for j in range(n_pre):
        xj = x[l_pre, j]
        for i in range(n_post):
            out[l, i] += W[l, j, i] * xj


@kernel(inline=True)
def recognise(net, act, eps, t, sigma_rec):
    """Bottom-up path. s = x + sr_0 eps;  mu^l = f(W_in h^{l-1}_rec + b),  h^l_rec = mu^l + sr_l eps.

    eps (T, sum n or more): standard normals for layers 0 .. top.
    """
    n = net.n
    for i in range(n[0]):
        act.h_rec[0, i] = act.mean_rec[0, i] + sigma_rec[0] * eps[t, i]
    at = n[0]
    for l in range(1, n.size):
        drive(net.W_in, net.bias, l, n[l], act.h_rec, l - 1, n[l - 1], act.mean_rec)
        for i in range(n[l]):
            act.mean_rec[l, i] = f(act.mean_rec[l, i])
            act.h_rec[l, i] = act.mean_rec[l, i] + sigma_rec[l] * eps[t, at + i]
        at += n[l]


@kernel(inline=True)
def generate(net, act, eps, t, sigma_gen):
    """Top-down path. mu^top = A h_{t-1};  mu^l = f(W_out h^{l+1}_gen + b_gen), linear into layer 0;  h_gen = mu + sg eps.

    eps (T, sum n) for layers top .. 0, or (T, 2 sum n) of which this is the second half.
    """
    n = net.n
    top = n.size - 1
    at = eps.shape[1] - n.sum()
    for i in range(n[top]):
        act.mean_gen[top, i] = net.a[i] * act.h_last[top, i]
        act.h_gen[top, i] = act.mean_gen[top, i] + sigma_gen[top] * eps[t, at + i]
    at += n[top]
    for l in range(top - 1, -1, -1):
        drive(net.W_out, net.bias_gen, l, n[l], act.h_gen, l + 1, n[l + 1], act.mean_gen)
        for i in range(n[l]):
            if l > 0:
                act.mean_gen[l, i] = f(act.mean_gen[l, i])
            act.h_gen[l, i] = act.mean_gen[l, i] + sigma_gen[l] * eps[t, at + i]
        at += n[l]


@kernel(inline=True)
def predict_generative(net, act, k, switch_all_layers):
    """What generation predicts in wake: W_out h^1_rec; f(W_out h^{l+1}_rec + b_gen); at the top (1-k) A h_{t-1} + k h_{t-1}."""
    n = net.n
    top = n.size - 1
    for l in range(top):
        if l > 0 and k == 1 and switch_all_layers:
            for i in range(n[l]):
                act.pred_gen[l, i] = act.h_last[l, i]
            continue
        drive(net.W_out, net.bias_gen, l, n[l], act.h_rec, l + 1, n[l + 1], act.pred_gen)
        if l > 0:
            for i in range(n[l]):
                act.pred_gen[l, i] = f(act.pred_gen[l, i])
    for i in range(n[top]):
        act.pred_gen[top, i] = act.h_last[top, i] if k == 1 else net.a[i] * act.h_last[top, i]


@kernel(inline=True)
def predict_recognition(net, act):
    """What recognition predicts in sleep: f(W_in h^{l-1}_gen + b)."""
    n = net.n
    for l in range(1, n.size):
        drive(net.W_in, net.bias, l, n[l], act.h_gen, l - 1, n[l - 1], act.pred_rec)
        for i in range(n[l]):
            act.pred_rec[l, i] = f(act.pred_rec[l, i])


@kernel(inline=True)
def squares(x, y, l, n):
    """sum_i (x[l, i] - y[l, i])^2 over the n units of layer l."""
    total = 0.0
    for i in range(n):
        total += (x[l, i] - y[l, i]) ** 2
    return total


@kernel(inline=True)
def loss_wake(net, act, sigma_rec, sigma_gen, squared):
    """Wake: sum_l |h - p_gen|^2/sg^2 - |h - mu_rec|^2/sr^2 = 2 (log q - log p) + const. Not squared above layer 0: quirk Q2."""
    loss = 0.0
    for l in range(net.n.size):
        loss += squares(act.h, act.pred_gen, l, net.n[l]) / sigma_gen[l] ** 2
        if squared or l == 0:
            loss -= squares(act.h, act.mean_rec, l, net.n[l]) / sigma_rec[l] ** 2
        else:
            noise = 0.0
            for i in range(net.n[l]):
                noise += act.h[l, i] - act.mean_rec[l, i]
            loss -= noise / sigma_rec[l] ** 2
    return loss


@kernel(inline=True)
def loss_sleep(net, act, sigma_rec, sigma_gen):
    """Sleep: (sum_{l>0} |h - p_rec|^2/sr^2 - sum_l |h - mu_gen|^2/sg^2,  |s_gen - x|^2/sr_0^2 the fantasy-stimulus term)."""
    loss = 0.0
    for l in range(net.n.size):
        if l > 0:
            loss += squares(act.h, act.pred_rec, l, net.n[l]) / sigma_rec[l] ** 2
        loss -= squares(act.h, act.mean_gen, l, net.n[l]) / sigma_gen[l] ** 2
    return loss, squares(act.h, act.mean_rec, 0, net.n[0]) / sigma_rec[0] ** 2


@kernel(inline=True)
def step(net, act, wake, k, X, t, eps, t_eps, sigma_rec, sigma_gen, rule):
    """One step: both pathways, selection h_t = lambda h_rec + (1 - lambda) h_gen, predictions. -> the three loss parts

    X (T, n_0), stimulus x_t = X[t]; noise eps[t_eps]. The pathway that is not selected is left out, unless rule.both_paths.
    """
    n = net.n
    for l in range(n.size):
        for i in range(n[l]):
            act.h_last[l, i] = act.h[l, i]
    for i in range(n[0]):
        act.mean_rec[0, i] = X[t, i]
    if wake == 1 or rule.both_paths:
        recognise(net, act, eps, t_eps, sigma_rec)
        predict_generative(net, act, k, rule.switch_all_layers)
    if wake == 0 or rule.both_paths:
        generate(net, act, eps, t_eps, sigma_gen)
        predict_recognition(net, act)
    for l in range(n.size):
        for i in range(n[l]):
            act.h[l, i] = act.h_rec[l, i] if wake == 1 else act.h_gen[l, i]
    if wake == 1:
        return loss_wake(net, act, sigma_rec, sigma_gen, rule.squared_loss), 0.0, 0.0
    recognition, stimulus = loss_sleep(net, act, sigma_rec, sigma_gen)
    return 0.0, recognition, stimulus
