"""Task-dependent representations: mathematics of the model and its rules, exactness of fast forms, analysis."""
import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from common.params import load_params
from task_plasticity import exp_params, model, network, plot_measures, simulation, tasks
from task_plasticity import plot_analysis as analysis
from task_plasticity import plot_released as released

F = (0.0, 1 / 30, 30.0)


def session(mode='smoke', **given):
    p = load_params(exp_params, mode=mode, **given)
    rngs = simulation.streams(p)
    return p, network.initial(p, rngs.weights, rngs.decoder), rngs


# ---------------------------------------------------------------- mathematics

def test_g_is_the_inverse_of_f_and_g_prime_its_derivative():
    for r in (0.001, 0.01, 0.3, 5.0, 60.0):
        assert model.f(model.g(r, *F), *F) == pytest.approx(r, rel=1e-9)
        step = 1e-6 * r
        numeric = (model.g(r + step, *F) - model.g(r - step, *F)) / (2 * step)
        assert model.g_prime(r, *F) == pytest.approx(numeric, rel=1e-6)


def test_g_does_not_overflow():
    assert model.g(100.0, *F) == pytest.approx(100.0)
    assert np.isfinite(model.g_prime(100.0, *F))


def test_decoder_rules_are_gradients_of_the_reward():
    """Estimation up to the factor 2, categorisation exactly (unclamped), by central differences."""
    rng = np.random.default_rng(0)
    for task, K, factor in (('estimation', 2, 2.0), ('categorisation', 1, 1.0)):
        p = network.settings(load_params(exp_params, mode='smoke', objective=task))
        D, r, y = rng.normal(0, 0.005, (K, 9)), rng.uniform(0.05, 0.5, 9), rng.integers(0, 2, K).astype(float)
        for k, i in ((0, 0), (K - 1, 5)):
            values = []
            for step in (1e-6, -1e-6):
                changed = D.copy()
                changed[k, i] += step
                values.append(model.reward(changed @ r, y, r, p))
            rule = model.decoder_rule(tasks.decoder_error((D @ r)[k], y[k], p.logistic[k], 1.0), r[i], 1.0, 0.0, D[k, i])
            assert factor * rule == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-5)


def test_without_noise_the_rates_reach_the_fixed_point_of_the_dynamics():
    """sigma = 0, held stimulus: -g(r)/R + W r + C s + b = 0."""
    p, net, _ = session(sigma=0.0, T=60.0, switch_period=60.0, trial_num_2=0)
    phi = model.preferred_angles(p.input_dim)
    theta, r = np.full(p.n_steps, phi[4]), np.full(p.N, 0.1)
    record = np.zeros((len(theta) // p.record_res + 1, p.N + 3))
    model.run(net, network.means(net), r, theta, tasks.targets(p, theta), np.zeros((len(theta), p.N)), np.empty((0, 0)), phi, 1,
              len(theta), network.settings(p, learning=False), record, p.record_res)
    s = np.maximum(0, np.cos(phi[4] - phi))
    residual = -np.array([model.g(x, *F) for x in r]) + net.W.T @ r + net.C.T @ s + net.b
    inner = r > p.low_r_threshold
    assert inner.any() and np.abs(residual[inner]).max() < 1e-6
    assert (residual[~inner] <= 0).all()                       # clipped neurons are pushed down


def test_time_step_converges_to_first_order():
    """Halving dt halves the error of the deterministic trajectory."""
    ends = []
    for dt in (0.02, 0.01, 0.005, 0.0025):
        p, net, _ = session(sigma=0.0, T=2.0, switch_period=2.0, dt=dt, record_res=1, trial_num_2=0)
        theta, r = np.zeros(p.n_steps), np.full(p.N, 0.1)
        model.run(net, network.means(net), r, theta, tasks.targets(p, theta), np.zeros((len(theta), p.N)), np.empty((0, 0)),
                  model.preferred_angles(12), 1, round(1.0 / dt) + 1, network.settings(p, learning=False),
                  np.zeros((len(theta), p.N + 3)), 1)
        ends.append(r)
    errors = [np.abs(a - b).max() for a, b in zip(ends, ends[1:], strict=False)]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.abs(orders - 1).max() < 0.3


def test_stimulus_has_twice_the_concentration_of_the_prior_and_exact_prior_mends_it():
    """D1: stationary density von Mises with 2 kappa (released) or kappa (exact_prior): mean resultant length I1/I0."""
    from scipy.special import iv
    rng = np.random.default_rng(0)
    for kappa, concentration in ((0.75, 1.5), (0.375, 0.75)):
        theta = model.wander(0.0, rng.normal(0, 0.1, 1_500_000), kappa, 0.0, 0.6, 0.01)
        expected = iv(1, concentration) / iv(0, concentration)
        assert np.abs(np.exp(1j * theta).mean()) == pytest.approx(expected, abs=0.05)
        assert np.abs(theta).max() <= np.pi


def test_antisymmetric_part_of_the_weights_only_decays():
    """(1 - dt g eta l_W)^updates, to 1e-9 relative."""
    from task_plasticity.plot_measures import antisymmetric_error
    p = load_params(exp_params, mode='smoke', test_num=0)
    d = simulation.run(p)
    assert antisymmetric_error({'params': dataclasses.asdict(p)}, d) < 1e-9


def test_plasticity_flags():
    """decoder_only leaves W, C, b; decoder_fixed leaves D; feedforward has no W; a test changes nothing."""
    for flag, moved, still in (('decoder_only', 'D', 'WCb'), ('decoder_fixed', 'WCb', 'D')):
        d = simulation.run(load_params(exp_params, mode='smoke', test_num=0, **{flag: True}))
        assert all(np.array_equal(d[n], d[f'{n}_initial']) for n in still)
        assert all(np.abs(d[n] - d[f'{n}_initial']).max() > 0 for n in moved)
    only = {name: exp_params.MODES['recurrent_only'][name] for name in ('learning_rate_input', 'learning_rate_bias')}
    d = simulation.run(load_params(exp_params, mode='smoke', test_num=0, **only))
    assert [bool(np.array_equal(d[n], d[f'{n}_initial'])) for n in 'WCbD'] == [False, True, True, False]
    d = simulation.run(load_params(exp_params, mode='smoke', test_num=0, feedforward=True))
    assert not d['W'].any()
    d = simulation.run(load_params(exp_params, mode='smoke', trial_num_2=0))
    assert all(np.array_equal(d[n], d[f'{n}_initial']) for n in 'WCbD')


def test_annealed_gain():
    p = load_params(exp_params, mode='smoke', annealed=True)
    for trial in (0, 3, 150):
        assert network.settings(p, trial).eta_W == pytest.approx(p.dt * p.learning_rate * (100 * np.exp(-trial / 150) + 1))


def test_index_0_is_filled_properly_by_default_and_left_empty_as_released():
    """D8: o_0 = D r_0, reward of the initial rates; released: zeros."""
    for as_released in (False, True):
        p, net, rngs = session(released_code=as_released)
        found = simulation.test(p, net, rngs.test_1)
        expected = net.D @ np.full(p.N, 0.1) if not as_released else np.zeros(2)
        np.testing.assert_allclose(found['o'][0, :, 0], expected, atol=1e-15)
        assert (found['objective'][0, 0] == 0) == as_released


def test_released_index_0_repeats_the_last_objective_of_the_trial_before():
    """D8: also where the last step of a trial is not recorded."""
    every, tenth = (simulation.run(load_params(exp_params, mode='smoke', released_code=True, test_num=0, record_res=res))
                    for res in (1, 10))
    np.testing.assert_array_equal(every['obj_record_2'][1:, 0], every['obj_record_2'][:-1, -1])
    np.testing.assert_array_equal(tenth['obj_record_2'], every['obj_record_2'][:, ::10])


@pytest.mark.parametrize('learning', [False, True])
def test_legacy_stream_of_input_noise(learning):
    """As released: (N, n) intrinsic, then (I, n) input noise, then (training) the stimulus; test angles come first."""
    p, net, _ = session(rng='legacy', input_noise=True, T=4.0, test_num=1, released_code=True, rate_thinning=1)
    rng, phi = np.random.RandomState(5), model.preferred_angles(p.input_dim)
    angles = None if learning else rng.choice(phi, (1, 2))
    xi, nu = rng.normal(0, np.sqrt(p.dt), (p.N, p.n_steps)), rng.normal(0, p.input_noise_sigma, (p.input_dim, p.n_steps))
    if learning:
        found = simulation.training_noise(p, np.random.RandomState(5))
        np.testing.assert_array_equal(found[0], xi.T)
        np.testing.assert_array_equal(found[1], nu.T)
        assert found[2][0] == rng.vonmises(p.mu_in, p.kappa_in, (1,))[0]
    else:
        expected, _ = simulation.one_trial(p, net, network.settings(p, learning=False), np.repeat(angles[0], 200),
                                           np.ascontiguousarray(xi.T), np.ascontiguousarray(nu.T), phi)
        found = simulation.test(p, net, np.random.RandomState(5))
        np.testing.assert_array_equal(found['o'][0], expected[:, p.N:-1].T)


def test_a_step_of_more_than_a_turn_ends_on_the_circle():
    for zeta in np.linspace(-50, 50, 201):
        theta = model.langevin(1.0, zeta, 0.75, 0.0, 1.0, 0.01)
        free = 1.0 - 0.75 * np.sin(1.0) * 0.01 + zeta
        assert abs(theta) <= np.pi + 1e-9 and np.exp(1j * theta) == pytest.approx(np.exp(1j * free), abs=1e-9)


def test_optional_terms_change_the_reward_as_written():
    p = network.settings(load_params(exp_params, mode='smoke'))
    u, y, r = np.array([0.2, 0.1]), np.array([1.0, 0.0]), np.array([0.5, 0.25])
    plain = model.reward(u, y, r, p)
    assert plain == pytest.approx(-(0.8 ** 2 + 0.1 ** 2))
    assert model.reward(u, y, r, p._replace(lambda_l1=2.0)) == pytest.approx(plain - 2 * 0.75)
    assert model.reward(u, y, r, p._replace(lambda_l2=2.0)) == pytest.approx(plain - 2 * (0.25 + 0.0625))
    d = simulation.run(load_params(exp_params, mode='smoke', test_num=0, reward_baseline=True))
    assert np.isfinite(d['W']).all()


PLAIN = '''
import json
import numpy as np
from common.params import load_params
from task_plasticity import exp_params, simulation
found = {}
for task in ('linear', 'classifier', 'mixed'):
    d = simulation.run(load_params(exp_params, mode='smoke', objective=task, T=4.0, trial_num_2=1, test_num=1, N=5,
                                   input_noise=True, normalize_output=True))
    found[task] = {k: np.ravel(d[k]).tolist() for k in ('W', 'C', 'b', 'D', 'o_test_2')}
print(json.dumps(found))
'''


def test_compiled_kernels_equal_their_python_source():
    outputs = []
    for disabled in ('0', '1'):
        result = subprocess.run([sys.executable, '-c', PLAIN], env=os.environ | {'NUMBA_DISABLE_JIT': disabled},
                                capture_output=True, text=True, check=True)
        outputs.append(json.loads(result.stdout))
    for task, arrays in outputs[0].items():
        for name, value in arrays.items():
            np.testing.assert_allclose(value, outputs[1][task][name], rtol=1e-9, atol=1e-13, err_msg=f'{task} {name}')


def test_divergence_names_the_step():
    d = simulation.run(load_params(exp_params, mode='smoke', lr_gain=1e6, learning_rate_decoder=1.0))
    assert d['diverged_at'] >= 0 and 'r_test_2' not in d


def test_weights_that_blow_up_while_staying_finite_are_a_divergence():
    """A decoder that overshoots in every step."""
    d = simulation.run(load_params(exp_params, mode='smoke', decoder_only=True, learning_rate_decoder=1.0, lr_gain=1e3,
                                   trial_num_2=1, T=4.0))
    assert np.isfinite(d['D']).all() and np.abs(d['D']).max() > simulation.LARGE and d['diverged_at'] >= 0


# ---------------------------------------------------------------- analysis in default settings

def test_records_after_a_switch_are_dropped():
    theta = np.repeat([[0.0, 1.0, 1.0, 0.0]], 10, axis=1)[:, None]
    keep = analysis.since_switch(theta, 0.5, 2.0)
    assert keep.sum() == 3 * 10 - 3 * 5 + 10 and not keep[:5].any() and keep[5:10].all() and keep[20:30].all()


def test_default_definitions_against_their_formulas():
    rng = np.random.default_rng(0)
    theta, r = np.repeat([0.0, 1.0], 200), rng.normal(1, 0.3, (6, 400))
    np.testing.assert_allclose(analysis.noise_correlations(r, theta)[0], np.corrcoef(r[:, :200]))
    D = rng.normal(size=(1, 6))
    fraction = analysis.noise_volume(r, theta, D)[0]
    v = D[0] / np.linalg.norm(D)
    expected = np.var(v @ r[:, :200], ddof=1) / np.linalg.eigvalsh(np.cov(r[:, :200]))[-1]
    assert fraction[0] == pytest.approx(expected) and 0 < fraction[0] <= 1        # one output: ratio of variances
    objective = np.where(theta == 0, -1.0, -3.0)
    weights = np.exp(0.75 * np.cos([0.0, 1.0]))
    assert released.mean_error(objective, theta, 0.75, 0.0) == pytest.approx(-(weights * [1, 3]).sum() / weights.sum())
    projections = np.arange(24.0).reshape(2, 12)
    assert np.array_equal(released.pca_trajectories(projections, 3, 2)[1], projections[:, 4:8])
    angles = released.principal_angles(r, theta, rng.normal(size=(2, 6)))
    assert ((angles >= 0) & (angles <= 1 + 1e-12)).all()
    p = np.array([[0.0, 1.0, 0.5, 0.5]])
    error = released.stimulus_error(p, np.array([[1.0, 1, 1, 0]]), np.array([0.0, 0, 1, 1]), classes=True)
    np.testing.assert_allclose(error, [(-np.log(1e-4) - np.log(1 - 1e-4)) / 2, -np.log(0.5)])


@pytest.mark.parametrize('function, n', [
    (lambda r, theta, keep: analysis.noise_volume(r, theta, np.ones((2, 6)), keep=keep), 2),
    (lambda r, theta, keep: analysis.fisher_information(r, theta, keep), 6),
    (lambda r, theta, keep: analysis.noise_correlations(r, theta, keep), 1),
    (lambda r, theta, keep: released.stimulus_error(r, r, theta, keep=keep), 0),
])
def test_too_few_records_at_an_angle_are_named_with_their_count(function, n):
    """Fewer than K + 1 records (here: as many as the quantity needs), or none left."""
    theta, r = np.repeat([0.0, 1.0], 200), np.random.default_rng(0).normal(1, 0.3, (6, 400))
    keep = (np.arange(400) < 200 + n)
    with pytest.raises(ValueError, match=f'angle 1.0000 has {n} usable records'):
        function(r, theta, keep)


def test_released_runs_are_analysed_as_released():
    """D10, D12: records after a switch are kept, volumes are entropies; otherwise dropped, and determinants."""
    for as_released in (False, True):
        p = load_params(exp_params, mode='smoke', trial_num_2=0, T=100.0, switch_period=10.0, rate_thinning=5,
                        released_code=as_released)
        s = plot_measures.Session({'params': vars(p)}, simulation.run(p))
        assert s.keep.all() == as_released
        expected = analysis.noise_volume(s.r, s.theta, s.net['D'], entropy=as_released, keep=None if as_released else s.keep)[0]
        np.testing.assert_array_equal(s.volume_fraction, expected)
        assert (analysis.released_keep(8000)[::5] == analysis.released_keep(1600, 5)).all()


def test_lda_separates_what_can_be_separated():
    rng = np.random.default_rng(0)
    theta = np.repeat([-1.0, 1.0], 500)
    r = rng.normal(size=(4, 1000)) + np.outer([3, 0, 0, 0], theta > 0)
    assert released.classifier_lda(r, theta) == pytest.approx(3, rel=0.1)


@pytest.mark.parametrize('angles', [np.delete(np.arange(12) * np.pi / 6 - np.pi, [0, 4]), np.array([-np.pi, 0.0])])
def test_fisher_information_needs_the_whole_circle(angles):
    r = np.random.default_rng(0).normal(size=(2, 10 * len(angles)))
    with pytest.raises(ValueError, match=f'needs every test angle around the circle, at least 3; {len(angles)} occur'):
        analysis.fisher_information(r, np.repeat(angles, 10))


def test_boundary_needs_all_angles():
    with pytest.raises(ValueError, match='needs every test angle .* 2 occur'):
        analysis.boundary_compare(np.ones((2, 4)), np.array([0.0, 0, 1, 1]), np.ones((1, 2)))
