"""Impression learning: the learning rules. Gradients of the two models, impression learning, REINFORCE, the loop over time.

Every rule fills an update U (a Network-shaped set of arrays, before the learning rate) from the activities of one step
(model.step) and the weights before it; `run` applies it: theta += lr U (generative), theta += lr/rho U (recognition).
"""
import numpy as np

from common.kernel import kernel
from impression_learning.model import (
    BASELINE_BEFORE,
    BASELINE_PER_PHASE,
    IMPRESSION,
    REINFORCE,
    SLEEP_REC,
    SLEEP_STIM,
    TEST,
    WAKE,
    loss_wake,
    step,
)


@kernel(inline=True)
def outer(U, l, n_post, post, pre, l_pre, n_pre, keep):
    """U[l, j, i] <- keep U[l, j, i] + post_i pre[l_pre, j]."""
    for j in range(n_pre):
        pj = pre[l_pre, j]
        for i in range(n_post):
            U[l, j, i] = keep * U[l, j, i] + post[i] * pj


@kernel(inline=True)
def recognition_gradient(net, h, pred, out, keep, post):
    """Sleep rule, D = f'(p) (h^l - f(p)): out.W_in <- keep out.W_in + D (h^{l-1})^T, out.bias <- keep out.bias + D.

    h, pred (n_layer, units): activities and predictions f(p); post (units,): work space.
    """
    n = net.n
    for l in range(1, n.size):
        for i in range(n[l]):
            post[i] = (1.0 - pred[l, i] ** 2) * (h[l, i] - pred[l, i])
        outer(out.W_in, l, n[l], post, h, l - 1, n[l - 1], keep)
        if l < n.size - 1:
            for i in range(n[l]):
                out.bias[l, i] = keep * out.bias[l, i] + post[i]


@kernel(inline=True)
def generative_gradient(net, act, h, target, pred, k, switch_all_layers, out, keep, post):
    """Wake rule, out <- keep out + gradient.

    Layer 0: dW_out = (target^0 - p) (h^1)^T.  Middle: G = f'(p) (h - p), dW_out = G (h^{l+1})^T, db_gen = G.
    Top: da = (h_t - A h_{t-1}) h_{t-1}, none if k = 1 (the prior then says: stay).
    """
    n = net.n
    top = n.size - 1
    for l in range(top):
        for i in range(n[l]):
            if l == 0:
                post[i] = target[0, i] - pred[0, i]
            elif k == 1 and switch_all_layers:
                post[i] = 0.0
            else:
                post[i] = (1.0 - pred[l, i] ** 2) * (h[l, i] - pred[l, i])
        outer(out.W_out, l, n[l], post, h, l + 1, n[l + 1], keep)
        if l > 0:
            for i in range(n[l]):
                out.bias_gen[l, i] = keep * out.bias_gen[l, i] + post[i]
    for i in range(n[top]):
        change = 0.0 if k == 1 else (act.h[top, i] - net.a[i] * act.h_last[top, i]) * act.h_last[top, i]
        out.a[i] = keep * out.a[i] + change


@kernel(inline=True)
def scale_recognition(x, factor):
    """x.W_in, x.bias *= factor (used layers only)."""
    for l in range(1, x.n.size):
        for j in range(x.n[l - 1]):
            for i in range(x.n[l]):
                x.W_in[l, j, i] *= factor
        for i in range(x.n[l]):
            x.bias[l, i] *= factor


@kernel(inline=True)
def scale_generative(x, factor):
    """x.W_out, x.bias_gen, x.a *= factor (used layers only)."""
    top = x.n.size - 1
    for l in range(top):
        for j in range(x.n[l + 1]):
            for i in range(x.n[l]):
                x.W_out[l, j, i] *= factor
        for i in range(x.n[l]):
            x.bias_gen[l, i] *= factor
    for i in range(x.n[top]):
        x.a[i] *= factor


@kernel(inline=True)
def add_recognition(x, y, factor):
    """x += factor * y for the recognition parameters W_in, b."""
    for l in range(1, x.n.size):
        for j in range(x.n[l - 1]):
            for i in range(x.n[l]):
                x.W_in[l, j, i] += factor * y.W_in[l, j, i]
        for i in range(x.n[l]):
            x.bias[l, i] += factor * y.bias[l, i]


@kernel(inline=True)
def add_generative(x, y, factor):
    """x += factor * y for the generative parameters W_out, b_gen, a."""
    top = x.n.size - 1
    for l in range(top):
        for j in range(x.n[l + 1]):
            for i in range(x.n[l]):
                x.W_out[l, j, i] += factor * y.W_out[l, j, i]
        for i in range(x.n[l]):
            x.bias_gen[l, i] += factor * y.bias_gen[l, i]
    for i in range(x.n[top]):
        x.a[i] += factor * y.a[i]


@kernel(inline=True)
def impression(net, act, wake, k, rule, update, post):
    """Impression learning: U_gen = lambda dlog p_m, U_rec = (1 - lambda) dlog q. Local: error times presynaptic activity.

    Only the group that learns in this phase is filled.
    """
    if wake == 1:
        target = act.h if rule.noisy_target else act.mean_rec              # Q8: s, or the noise-free x
        generative_gradient(net, act, act.h_rec, target, act.pred_gen, k, rule.switch_all_layers, update, 0.0, post)
    else:
        recognition_gradient(net, act.h, act.pred_rec, update, 0.0, post)


@kernel(inline=True)
def accumulate_traces(net, act, wake, k, rule, trace, post):
    """E_rec <- lambda dlog q + g E_rec;  E_gen <- (1 - lambda) S_gen + g E_gen, S the score of the sampled fantasy
    (released, Q4: the wake gradient on the real stimulus instead)."""
    g = rule.trace_decay
    if wake == 1:
        recognition_gradient(net, act.h, act.mean_rec, trace, g, post)
        scale_generative(trace, g)
    else:
        scale_recognition(trace, g)
        if rule.fantasy_score:
            generative_gradient(net, act, act.h_gen, act.h_gen, act.mean_gen, k, rule.switch_all_layers, trace, g, post)
        else:
            generative_gradient(net, act, act.h_rec, act.mean_rec, act.pred_gen, k, rule.switch_all_layers, trace, g, post)


@kernel(inline=True)
def advantage(baseline, loss, wake, kind, decay):
    """L_t - Lbar with Lbar <- gamma Lbar + (1 - gamma) L_t after use (default), before use (released, Q6) or per phase."""
    at = 1 if kind == BASELINE_PER_PHASE and wake == 0 else 0
    if kind == BASELINE_BEFORE:
        baseline[at] = decay * baseline[at] + (1.0 - decay) * loss
        return loss - baseline[at]
    difference = loss - baseline[at]
    baseline[at] = decay * baseline[at] + (1.0 - decay) * loss
    return difference


@kernel(inline=True)
def alternating_reinforce(net, act, wake, k, loss, rule, learner, post):
    """Three-factor control: U = impression update + gain (L_t - Lbar) E. With g = 1 and gain -1/2 the exact score-function
    estimator of the descent direction, each parameter group scaled by the sigma^2 of its own layer."""
    if wake == 1:
        scale_recognition(learner.update, 0.0)
    else:
        scale_generative(learner.update, 0.0)
    impression(net, act, wake, k, rule, learner.update, post)
    accumulate_traces(net, act, wake, k, rule, learner.trace, post)
    factor = rule.gain * advantage(learner.baseline, loss, wake, rule.baseline_kind, rule.loss_decay)
    add_recognition(learner.update, learner.trace, factor)
    add_generative(learner.update, learner.trace, factor)


@kernel(inline=True)
def wake_reinforce(net, act, k, loss, rule, learner, post):
    """Wake-only control: U_rec = gain L_t (E_t + E_{t-1}), U_gen as impression learning.
    E_t is the score of step t alone; no baseline, no decay, no reset."""
    scale_recognition(learner.update, 0.0)
    impression(net, act, 1, k, rule, learner.update, post)
    add_recognition(learner.update, learner.trace, rule.gain * loss)
    recognition_gradient(net, act.h, act.mean_rec, learner.trace, 0.0, post)
    add_recognition(learner.update, learner.trace, rule.gain * loss)


@kernel(inline=True)
def switch(phase, period, toggles, t):
    """Count the step; after period + 1 steps (or where `toggles` says so) toggle the phase. k = 1 on the first wake step after
    a sleep phase."""
    phase.counter[0] += 1
    if toggles[t] if toggles.size > 0 else (period > 0 and phase.counter[0] > period):
        phase.wake[0] = 1 - phase.wake[0]
        phase.counter[0] = 0
        if phase.wake[0] == 1:
            phase.k[0] = 1
    else:
        phase.k[0] = 0


@kernel
def run(net, act, phase, learner, X, eps, toggles, sigma_rec, sigma_gen, rule, switching, loss, latent):
    """Advance by len(X) steps; everything but X, eps and the sigmas is changed in place.

    X (T, n_0) stimulus; eps (T, sum n or 2 sum n) standard normals: recognition, layers 0 .. top, then generation, layers
    top .. 0 (with sum n columns both read the same ones: a step uses one of the two pathways, unless rule.both_paths);
    toggles (T,) bool: toggle the phase after this step, or (0,): phases of K + 1 steps; sigma_rec, sigma_gen (n_layer,);
    switching: alternate the phases;
    loss (T, 3): parts WAKE, SLEEP_REC, SLEEP_STIM; latent (T, sum n_1..) or (0, 0): selected activities of layers >= 1.
    """
    n = net.n
    post = np.zeros(act.h.shape[1])
    for t in range(X.shape[0]):
        wake, k = phase.wake[0], phase.k[0]
        parts = step(net, act, wake, k, X, t, eps, t, sigma_rec, sigma_gen, rule)
        loss[t, WAKE], loss[t, SLEEP_REC], loss[t, SLEEP_STIM] = parts
        if rule.algorithm == IMPRESSION:
            impression(net, act, wake, k, rule, learner.update, post)
        elif rule.algorithm != TEST:
            total = parts[0] + parts[1] + (parts[2] if rule.stimulus_term else 0.0)
            if rule.algorithm == REINFORCE:
                alternating_reinforce(net, act, wake, k, total, rule, learner, post)
            else:
                wake_reinforce(net, act, k, total, rule, learner, post)
        if rule.algorithm != TEST and (rule.algorithm != IMPRESSION or wake == 1):
            add_generative(net, learner.update, rule.learning_rate)
        if rule.algorithm != TEST and (rule.algorithm != IMPRESSION or wake == 0):
            add_recognition(net, learner.update, rule.learning_rate / rule.recognition_scale)
        if switching:
            switch(phase, rule.switch_period, toggles, t)
        if latent.shape[0] > 0:
            at = 0
            for l in range(1, n.size):
                for i in range(n[l]):
                    latent[t, at + i] = act.h[l, i]
                at += n[l]


@kernel
def compare(net, act, phase, X, eps, toggles, sigma_rec, sigma_gen, variants, score, traces, baselines, first, second):
    """Statistics of the W_in update of several rules on the same frozen-weight episodes (paper Fig. 2b, c).

    Repeats the stimulus X (n_compare, n_0), activities reset at each repeat, for T = len(eps) steps (whole episodes).
    variants: tuple of Rule, gain 0 = impression learning; score: Network-shaped work space; baselines (n_variant, 2);
    traces, first, second (n_variant, n_layer, pre, post): E, and the sums of U and U^2 over all steps. Wake steps of
    impression learning count, as zeros.
    """
    n = net.n
    post = np.zeros(act.h.shape[1])
    for t in range(eps.shape[0]):
        at = t % X.shape[0]
        if at == 0:
            act.h[:] = 0.0
            for v in range(len(variants)):
                if variants[v].trace_reset:
                    traces[v] = 0.0
        wake, k = phase.wake[0], phase.k[0]
        squared, recognition, stimulus = step(net, act, wake, k, X, at, eps, t, sigma_rec, sigma_gen, variants[0])
        linear = loss_wake(net, act, sigma_rec, sigma_gen, False) if wake == 1 else 0.0
        if wake == 1:                                 # D (h^{l-1})^T: in wake the score for the trace
            recognition_gradient(net, act.h, act.mean_rec, score, 0.0, post)
        else:                                         # in sleep the update of impression learning
            recognition_gradient(net, act.h, act.pred_rec, score, 0.0, post)
        for v in range(len(variants)):
            rule = variants[v]
            loss = (squared if rule.squared_loss else linear) if wake == 1 else recognition
            loss += stimulus if rule.stimulus_term else 0.0
            factor = rule.gain * advantage(baselines[v], loss, wake, rule.baseline_kind, rule.loss_decay)
            for l in range(1, n.size):
                for j in range(n[l - 1]):
                    for i in range(n[l]):
                        traces[v, l, j, i] = rule.trace_decay * traces[v, l, j, i] + wake * score.W_in[l, j, i]
                        update = (1 - wake) * score.W_in[l, j, i] + factor * traces[v, l, j, i]
                        first[v, l, j, i] += update
                        second[v, l, j, i] += update ** 2
        switch(phase, variants[0].switch_period, toggles, t)
