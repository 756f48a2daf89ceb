"""Impression learning: loss and corrected REINFORCE of the default setting against the probability models they come from."""
import numpy as np
import pytest
from scipy.stats import norm
from test_impression_learning_model import advance, compare_gradients, tiny

from common.params import load_params
from impression_learning import exp_params, loops, network, simulation
from impression_learning.model import REINFORCE, Rule

RECOGNITION, GENERATION = ('_W_in', '_bias'), ('_W_out', '_bias_gen', '_transition')


def means_rec(w, below, depth):
    """Means of layers 1.. under recognition, given the activities below them."""
    return [np.tanh(w[f'l{l}_W_in'] @ below[l - 1] + w.get(f'l{l}_bias', 0)) for l in range(1, depth)]


def means_gen(w, above, last, depth, k=0):
    """Means of layers 0.. under generation, given the activities above them; at the top (1 - k) A h_{t-1} + k h_{t-1}."""
    middle = [np.tanh(w[f'l{l}_W_out'] @ above[l + 1] + w[f'l{l}_bias_gen']) for l in range(1, depth - 1)]
    return [w['l0_W_out'] @ above[1], *middle, last if k else w[f'l{depth - 1}_transition'] * last]


def one_step(depth, wake, k=0, rule=None):
    """One step from random activities. -> (weights, x, activities h, h_{t-1} of the top, loss parts, learner, act, sigmas)"""
    net, X, sigmas, eps = tiny(depth, seed=wake + 2 * k)
    act = network.activity(net)
    act.h[:] = np.random.default_rng(9).normal(0, 0.5, act.h.shape)
    last = act.h[depth - 1, :net.n[-1]].copy()
    rule = rule or Rule(learning_rate=0.0)
    loss, _, learner, _ = advance(net, X[:1], eps[:1], sigmas, rule, False, act, phase=network.phase(wake, k))
    return network.to_arrays(net), X[0], [act.h[l, :n].copy() for l, n in enumerate(net.n)], last, loss[0], learner, sigmas


@pytest.mark.parametrize('depth', [2, 3])
@pytest.mark.parametrize('wake, k', [(1, 0), (1, 1), (0, 0)])
def test_loss_is_twice_the_log_ratio_of_the_two_models(depth, wake, k):
    """2 (log q~ - log p~) of the sampled activities, normalisers apart; parts of the other phase are zero."""
    w, x, h, last, parts, _, (sr, sg) = one_step(depth, wake, k)
    rec, gen = [x, *means_rec(w, h, depth)], means_gen(w, h, last, depth, k)
    log_q, log_p = (sum(norm.logpdf(h[l], mean[l], s[l]).sum() + len(h[l]) * np.log(s[l]) for l in range(depth))
                    for mean, s in ((rec, sr), (gen, sg)))
    np.testing.assert_allclose(parts.sum(), 2 * (log_q - log_p) if wake else 2 * (log_p - log_q), rtol=1e-9)
    assert [part != 0 for part in parts] == ([True, False, False] if wake else [False, True, True])
    if not wake:
        np.testing.assert_allclose(parts[2], ((h[0] - x) ** 2).sum() / sr[0] ** 2, rtol=1e-12)


@pytest.mark.parametrize('depth', [2, 3])
@pytest.mark.parametrize('wake', [1, 0])
@pytest.mark.parametrize('stimulus_term', [False, True])
def test_reinforce_traces_are_the_scores_of_what_was_sampled(depth, wake, stimulus_term):
    """E = gradient of the log probability of the sample (times sigma^2) in the phase that drew it, 0 for the other model;
    U = base - 1/2 (L - Lbar) E, then Lbar <- 0.99 Lbar + 0.01 L."""
    rule = Rule(REINFORCE, learning_rate=0.0, stimulus_term=stimulus_term)
    w, x, h, last, parts, learner, _ = one_step(depth, wake, rule=rule)
    trace, update = network.to_arrays(learner.trace), network.to_arrays(learner.update)
    base = network.to_arrays(one_step(depth, wake)[5].update)

    def log_probability(weights):
        means = means_rec(weights, h, depth) if wake else means_gen(weights, h, last, depth)
        return -0.5 * sum(((a - b) ** 2).sum() for a, b in zip(h[1:] if wake else h, means, strict=True))

    sampled = [name for name in trace if name.endswith(RECOGNITION if wake else GENERATION)]
    compare_gradients(w, trace, log_probability, sampled)
    assert not any(trace[name].any() for name in trace.keys() - set(sampled))
    loss = parts.sum() if stimulus_term else parts[:2].sum()
    for name in trace:
        np.testing.assert_allclose(update[name], base[name] - 0.5 * loss * trace[name], rtol=1e-9, err_msg=name)
    np.testing.assert_allclose(learner.baseline, [0.01 * loss, 0], rtol=1e-9)


def test_an_episode_starts_with_empty_traces_and_the_old_baseline():
    """Q5: zeroed here, kept in the released program."""
    for reset in (True, False):
        net, X, sigmas, eps = tiny(3, steps=8)
        rule = Rule(REINFORCE, learning_rate=0.0, trace_reset=reset)
        _, _, learner, act = advance(net, X, eps, sigmas, rule)
        baseline = learner.baseline.copy()
        loops.start_episode(act, rule, learner)
        assert not act.h.any() and np.array_equal(learner.baseline, baseline) and baseline[0] != 0
        assert all(value.any() != reset for value in network.to_arrays(learner.trace).values())


def test_reinforce_points_along_the_exact_gradient():
    """With g = 1 the corrected rule is the score-function estimator of -sigma^2 dJ/dW_in (Williams 1992): same direction, same
    length as the differences of J, before and after learning, but for its noise and for a baseline (weight 0.01) that has seen
    steps of its own episode. The rule with the fantasy-stimulus term is the gradient of something else."""
    d = simulation.run(load_params(exp_params, mode='SNR', seed=3, epoch_num_snr=40_000, n_sample=200_000, n_test=10))
    for at in (0, -1):
        exact, mean = d['exact_gradient'][at], d['mean_corrected'][at]
        assert np.linalg.norm(mean - exact) < 0.1 * np.linalg.norm(exact)
        assert d['exact_cosine_corrected'][at] > 0.99
        np.testing.assert_allclose(d['exact_cosine_il'][at],
                                   np.vdot(d['mean_il'][at], exact) / np.linalg.norm(d['mean_il'][at]) / np.linalg.norm(exact))
    assert np.linalg.norm(d['mean_stimulus_term'][-1] - d['exact_gradient'][-1]) > 0.2 * np.linalg.norm(d['exact_gradient'][-1])
