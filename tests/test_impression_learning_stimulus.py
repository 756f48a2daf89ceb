"""Impression learning: stimulus, networks, analysis."""
import subprocess
import sys

import numpy as np
import pytest
from test_impression_learning_model import advance, tiny

from common.params import load_params
from impression_learning import analysis, data, exp_params, network, simulation
from impression_learning.model import TEST, Rule


def ou(steps=200_000, **given):
    p = load_params(exp_params, mode='smoke', n_latent=3, n_in=6, n_sample=steps, **given)
    rng = np.random.default_rng(1)
    return data.OU(rng, data.mixing_matrix(rng, 6, 3), steps, p, legacy=False), p


def test_stimulus_has_the_variance_and_correlation_time_of_its_equation():
    """Stationary variance 1/(2 - sigma^2); correlation 1 - dt/4 a step."""
    stimulus, p = ou(dt=1.0)
    z = stimulus.latent(0, 200_000)
    np.testing.assert_allclose(z.var(), 1 / (2 - p.sigma_d ** 2), rtol=0.02)
    np.testing.assert_allclose(analysis.autocorrelation(z, 3), (1 - 1.0 / 4) ** np.arange(4), atol=0.01)


def test_stimulus_blocks_join_and_start_again():
    stimulus, _ = ou(1000)
    whole = stimulus.block(0, 1000)
    parts = np.vstack([stimulus.block(a, min(1000, a + 300)) for a in range(0, 1000, 300)])
    assert np.array_equal(whole, parts)
    fresh, _ = ou(1000)
    assert np.array_equal(fresh.block(700, 1000), whole[700:])           # as after a resume


def test_first_samples():
    """Q1: the released stimulus starts with component 0 alone; 'stationary' has the stationary s.d. from the start."""
    z = {kind: ou(100, first_sample=kind)[0].latent(0, 2) for kind in ('innovation', 'first_component', 'stationary')}
    assert np.count_nonzero(z['first_component'][0]) == 1 and z['first_component'][0, 0] == z['innovation'][0, 0]
    assert np.count_nonzero(z['innovation'][0]) == 3
    sigma = 0.5 * np.sqrt(0.1)
    np.testing.assert_allclose(z['stationary'][0] / z['innovation'][0], 1 / np.sqrt(1 - (1 - sigma ** 2) ** 2))


def test_network_arrays_round_trip_at_every_depth():
    for sizes in ((4, 2), (6, 5, 3), (5, 7, 4, 3)):
        net = network.initial(sizes, np.random.default_rng(0))
        again = network.from_arrays(network.to_arrays(net))
        assert all(np.array_equal(a, b) for a, b in zip(net, again, strict=True))
        assert network.to_arrays(net)['l1_W_in'].shape == (sizes[1], sizes[0])


def test_a_network_of_four_layers_runs_and_learns():
    net = network.initial((5, 6, 4, 3), np.random.default_rng(0))
    rng = np.random.default_rng(1)
    before = network.to_arrays(net)
    sigmas = (np.full(4, .01), np.array([.01, .01, .01, .1]))
    loss, *_ = advance(net, rng.normal(0, .3, (400, 5)), rng.standard_normal((400, 18)), sigmas, Rule())
    assert np.isfinite(loss).all()
    assert all(np.abs(value - before[name]).max() > 1e-9 for name, value in network.to_arrays(net).items())


def test_tests_do_not_learn():
    net, X, sigmas, eps = tiny(3)
    before = network.copy(net)
    advance(net, X, eps, sigmas, Rule(TEST))
    assert all(np.array_equal(a, b) for a, b in zip(before, net, strict=True))


def test_divergence_is_found_and_what_came_before_is_kept():
    d = simulation.run(load_params(exp_params, mode='smoke', algorithm='reinforce', learning_rate=1.0))
    assert 0 <= d['diverged_at'] < 400
    full = int(d['diverged_at']) // 20
    assert np.isfinite(d['train_loss'][:full]).all() and np.isnan(d['train_loss'][full + 1:]).all()
    assert 'wake_sequence' not in d


def test_analysis_on_known_series():
    x = np.array([1.0, -1.0] * 50)
    np.testing.assert_allclose(analysis.autocorrelation(x, 2), [1, -99 / 100, 98 / 100])
    np.testing.assert_allclose(analysis.bartlett_band(np.array([1, .5, .25]), 100), 1.96 * np.sqrt([0, .01, 1.5 / 100]))
    X = np.arange(12.0).reshape(6, 2)
    assert analysis.explained_variance(X, X) == 1.0
    assert analysis.explained_variance(X, np.broadcast_to(X.mean(0), X.shape)) == 0.0
    assert np.isnan(analysis.explained_variance(X[:1], X[:1]))             # one step has no variance
    assert analysis.cosine([1, 0], [1, 1]) == pytest.approx(np.sqrt(0.5))
    assert np.isnan(analysis.cosine([0, 0], [1, 1]))
    assert analysis.correlation_matrix_cosine(X, -X) == pytest.approx(1.0)
    latent = np.random.default_rng(0).normal(size=(200, 2))
    assert analysis.latent_regression(latent, latent @ [[1, 2], [0, 1]] + 3) == pytest.approx(1.0)


def test_loss_parts_add_up_and_a_wake_test_has_no_sleep_part():
    d = simulation.run(load_params(exp_params, mode='smoke'))
    np.testing.assert_allclose(d['loss_mean'], d['loss_wake'] + d['loss_sleep_rec'] + d['loss_sleep_stim'], rtol=1e-12)
    assert (d['loss_sleep_stim'] > 0).all() and d['train_loss'].shape == (20, 3)
    d = simulation.run(load_params(exp_params, mode='smoke', test_switching=False))
    assert not d['loss_sleep_rec'].any() and not d['loss_sleep_stim'].any()
    assert np.array_equal(d['loss_mean'], d['loss_wake']) and d['loss_wake'].all()


def test_a_single_test_step_gives_no_warning(recwarn):
    d = simulation.run(load_params(exp_params, mode='smoke', n_test=1))
    assert np.isnan(d['R2']) and not [str(w.message) for w in recwarn if 'impression_learning' in w.filename]


def test_the_control_refuses_another_rule():
    result = subprocess.run([sys.executable, '-m', 'impression_learning.backprop', 'mode=smoke', 'algorithm=wake_sleep'],
                            capture_output=True, text=True)
    assert result.returncode == 2 and 'impression_learning.simulation' in result.stderr
