"""Impression learning: the two loops over time, training (or testing) and the comparison of updates on frozen weights."""
import numpy as np

from common.kernel import kernel
from impression_learning.learning import (
    add_generative,
    add_recognition,
    generative_update,
    recognition_update,
    scale_generative,
    scale_recognition,
    third_factor,
)
from impression_learning.model import REINFORCE, SLEEP_REC, SLEEP_STIM, WAKE, loss_wake, step


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
        total = parts[0] + parts[1] + (parts[2] if rule.stimulus_term else 0.0)
        third = third_factor(learner.baseline, total, wake, rule)
        generation = generative_update(net, act, wake, k, third, rule, learner, post)
        recognition = recognition_update(net, act, wake, third, rule, learner, post)
        if generation:
            add_generative(net, learner.update, rule.learning_rate)
        if recognition:
            add_recognition(net, learner.update, rule.learning_rate / rule.recognition_scale)
        if switching:
            switch(phase, rule.switch_period, toggles, t)
        if latent.shape[0] > 0:
            at = 0
            for l in range(1, n.size):
                for i in range(n[l]):
                    latent[t, at + i] = act.h[l, i]
                at += n[l]


@kernel(inline=True)
def compare_step(net, act, wake, parts, linear, rules, learners, first, second, post):
    """Add the W_in update of each rule, and its square, to first and second; a group that does not learn counts as zeros."""
    n = net.n
    for v in range(len(rules)):
        rule, learner = rules[v], learners[v]
        loss = parts[0] + parts[1] if rule.squared_loss or wake == 0 else linear
        loss += parts[2] if rule.stimulus_term else 0.0
        third = third_factor(learner.baseline, loss, wake, rule)
        if recognition_update(net, act, wake, third, rule, learner, post):
            for l in range(1, n.size):
                for j in range(n[l - 1]):
                    for i in range(n[l]):
                        first[v, l, j, i] += learner.update.W_in[l, j, i]
                        second[v, l, j, i] += learner.update.W_in[l, j, i] ** 2


@kernel(inline=True)
def start_episode(act, rule, learner):
    """Silence; REINFORCE forgets its traces, not its baseline (released, Q5: neither)."""
    for l in range(act.h.shape[0]):
        for i in range(act.h.shape[1]):
            act.h[l, i] = 0.0
    if rule.algorithm == REINFORCE and rule.trace_reset:
        scale_recognition(learner.trace, 0.0)
        scale_generative(learner.trace, 0.0)


@kernel
def compare(net, act, phase, X, eps, toggles, sigma_rec, sigma_gen, rules, learners, first, second):
    """Statistics of the W_in update of several rules on the same frozen-weight episodes (paper Fig. 2b, c).

    Repeats the stimulus X (n_compare, n_0), activities reset at each repeat, for T = len(eps) steps (whole episodes).
    rules, learners: a tuple of Rule, and of their Learner; first, second (n_rule, n_layer, pre, post): sums of U and U^2 over
    all steps. Steps in which recognition does not learn (wake, for impression learning) count, as zeros.
    -> the objective J of these steps: half the mean loss, without the fantasy-stimulus term that holds nothing to be learned
    """
    post, total = np.zeros(act.h.shape[1]), 0.0
    for t in range(eps.shape[0]):
        at = t % X.shape[0]
        if at == 0:
            for v in range(len(rules)):
                start_episode(act, rules[v], learners[v])
        wake = phase.wake[0]
        parts = step(net, act, wake, phase.k[0], X, at, eps, t, sigma_rec, sigma_gen, rules[0])
        linear = loss_wake(net, act, sigma_rec, sigma_gen, False) if wake == 1 else 0.0
        compare_step(net, act, wake, parts, linear, rules, learners, first, second, post)
        switch(phase, rules[0].switch_period, toggles, t)
        total += parts[0] + parts[1]
    return 0.5 * total / eps.shape[0]
