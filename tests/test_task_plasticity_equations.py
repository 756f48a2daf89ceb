"""Task-dependent representations: the compiled programs compute what equations.py says."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.params import load_params
from task_plasticity import equations, exp_params, model, network, plot_panels, simulation
from task_plasticity import tasks as task_list
from task_plasticity.plot_measures import Session

TASKS = {'linear': equations.ESTIMATION, 'classifier': equations.CATEGORISATION,
         'double_angle': equations.Task(lambda theta: np.array([np.cos(2 * theta), np.sin(2 * theta)]), (False, False), (1, 1))}
BOTH = equations.Task(lambda theta: np.array([np.cos(theta), np.sin(theta), float(theta >= 0 or theta <= -np.pi)]),
                      (False, False, True), (0.5, 0.5, 2))


def constants(p, trial=0):
    """The equations' constants for parameters p."""
    gain = p.lr_gain * np.exp(-trial / 150) + 1 if p.annealed else p.lr_gain
    W, decay_W = (0, 0) if p.feedforward else (p.learning_rate, p.weight_l2)
    return equations.Constants(
        p.dt, p.sigma, p.R, p.alpha, p.beta, p.gamma, p.low_r_threshold, p.high_r_threshold, p.kappa_in, p.mu_in,
        p.sigma_sampler, p.theta, p.transient, gain * W, gain * p.learning_rate_bias, gain * p.learning_rate_input,
        gain * p.learning_rate_decoder, decay_W, p.bias_weight_l2, p.i_weight_l2,
        p.weight_l2 if p.decoder_l2 < 0 else p.decoder_l2)


@st.composite
def configurations(draw):
    """(Params, held test angles or the wandering stimulus, learning, trial index) of a small random run."""
    task, only = draw(st.sampled_from([*TASKS, 'mixed'])), draw(st.sampled_from([None, 'decoder_only', 'decoder_fixed']))
    number, some = st.floats(0, 1), st.floats(0.1, 1)
    given = dict(
        objective=task, N=draw(st.integers(3, 8)), input_dim=draw(st.integers(2, 13)), seed=draw(st.integers(0, 999)),
        T=draw(st.sampled_from([0.5, 1.0, 2.0])), dt=draw(st.sampled_from([0.005, 0.01])), switch_period=0.5, record_res=1,
        transient=draw(st.sampled_from([0.0, 0.1])), sigma=draw(st.sampled_from([0.05, 0.2, 0.5])), initial_bias=draw(number),
        R=0.5 + draw(number), theta=0.001 + 0.1 * draw(number), alpha=draw(st.sampled_from([0.0, 0.5])),
        high_r_threshold=draw(st.sampled_from([0.5, 100.0])), kappa_in=2 * draw(number), mu_in=draw(number),
        sigma_sampler=0.1 + 3 * draw(number), learning_rate=0.01 * draw(some), learning_rate_bias=0.01 * draw(some),
        learning_rate_input=0.01 * draw(some), learning_rate_decoder=1e-4 * draw(some), weight_l2=draw(number),
        bias_weight_l2=draw(number), i_weight_l2=draw(number), decoder_l2=draw(st.sampled_from([-1.0, 0.3])),
        annealed=draw(st.booleans()), feedforward=draw(st.booleans()), input_noise=draw(st.booleans()))
    given |= {only: True} if only else {}
    return load_params(exp_params, mode='smoke', **given), draw(st.booleans()), draw(st.booleans()), draw(st.integers(0, 200))


def kernel_equals_equations(p, held, learning, index):
    """Records and learned parameters of one trial, to 1e-9."""
    rngs = simulation.streams(p)
    net = network.initial(p, rngs.weights, rngs.decoder)
    xi, nu, theta = simulation.training_noise(p, rngs.training)
    if held:
        theta = np.repeat(simulation.test_angles(p, rngs.test_1, 1)[0], round(p.switch_period / p.dt))
    plain = equations.Network(**{name: value.copy() for name, value in network.to_arrays(net).items()})
    record, _ = simulation.one_trial(p, net, network.settings(p, index, learning), theta, xi, nu,
                                     model.preferred_angles(p.input_dim))
    rates, outputs, rewards = equations.trial(
        plain, (TASKS | {'mixed': BOTH})[p.objective], theta, xi, constants(p, index), learning and not p.decoder_only,
        learning and not p.decoder_fixed, nu if p.input_noise else None)
    for ours, theirs in ((record[:, :p.N], rates), (record[:, p.N:-1], outputs), (record[:, -1], rewards)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)
    for name, value in network.to_arrays(net).items():
        np.testing.assert_allclose(value, getattr(plain, name), rtol=1e-9, atol=1e-12, err_msg=name)


@given(configurations())
@settings(max_examples=40, deadline=None)
def test_kernel_equals_equations(drawn):
    kernel_equals_equations(*drawn)


@pytest.mark.parametrize('task', [*TASKS, 'mixed'])
def test_kernel_equals_equations_where_all_learns_and_decays(task):
    """Every weight learns and decays, W is not symmetric, rates fall, inputs are noisy: nothing is left to chance."""
    p = load_params(exp_params, mode='smoke', objective=task, N=5, input_dim=4, T=2.0, dt=0.005, switch_period=0.5,
                    record_res=1, transient=0.1, sigma=0.2, initial_bias=0.3, weight_l2=0.7, bias_weight_l2=0.5,
                    i_weight_l2=0.6, decoder_l2=0.3, learning_rate=0.01, learning_rate_bias=0.008, learning_rate_input=0.009,
                    learning_rate_decoder=1e-4, annealed=True, input_noise=True)
    kernel_equals_equations(p, False, True, 60)


@given(st.floats(0, 3), st.floats(-3, 3), st.floats(0, 3), st.integers(0, 999))
@settings(max_examples=20, deadline=None)
def test_stimulus_equals_equations(kappa, mu, sigma_s, seed):
    c = equations.Constants(kappa=kappa, mu=mu, sigma_s=sigma_s)
    zeta = np.random.default_rng(seed).normal(0, 0.1, 200)
    ours, theirs = model.wander(mu, zeta, kappa, mu, sigma_s, c.dt), equations.stimulus(mu, zeta, c)
    np.testing.assert_allclose(np.exp(1j * ours), np.exp(1j * theirs), rtol=0, atol=1e-9)


@given(st.integers(2, 40), st.floats(-4, 4))
def test_preferred_angles_and_encoding_equal_equations(n, theta):
    np.testing.assert_allclose(model.preferred_angles(n), equations.preferred_angles(n), atol=1e-14)
    s = np.empty(n)
    model.encode(theta, np.cos(model.preferred_angles(n)), np.sin(model.preferred_angles(n)), s)
    np.testing.assert_allclose(s, equations.encode(theta, equations.preferred_angles(n)), atol=1e-14)


@pytest.mark.parametrize('task', [equations.ESTIMATION, equations.CATEGORISATION], ids=['estimation', 'categorisation'])
def test_small_training_learns(task):
    """On the same new stimulus and noise the trained network loses at most 0.6 of what its untrained start loses."""
    trained, rewards = equations.small_training(task)
    untrained, _ = equations.small_training(task, trials=0)
    rng, c = np.random.default_rng(7), equations.Constants(dt=0.02, sigma=0.1, sigma_s=0.5)
    theta, xi = equations.stimulus(0.0, rng.normal(0, np.sqrt(c.dt), 3000), c), rng.normal(0, np.sqrt(c.dt), (3000, 20))
    after, before = (equations.trial(net, task, theta, xi, c, False, False)[2].mean() for net in (trained, untrained))
    assert len(rewards) == 16 and after > 0.6 * before


def side_and_distance(theta, boundaries):
    """A user's task: on which side of 0 the stimulus lies, and how far away."""
    return np.column_stack(((theta >= 0).astype(float), np.abs(theta)))


def test_a_task_of_a_user_is_one_function_and_one_line(monkeypatch):
    """Kernel, equations, error measures and figures all know it."""
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt

    monkeypatch.setitem(task_list.TASKS, 'mine', task_list.Task(side_and_distance, ('P(side)', '|θ|')))
    p = load_params(exp_params, mode='smoke', objective='mine', record_res=1, trial_num_2=1, T=24.0)
    d = simulation.run(p)
    rngs = simulation.streams(p)
    plain = equations.Network(**network.to_arrays(network.initial(p, rngs.weights, rngs.decoder)))
    xi, _, theta = simulation.training_noise(p, rngs.training)
    mine = equations.Task(lambda x: side_and_distance(np.array([x]), None)[0], (True, False), (p.lambda_LL, p.lambda_MSE))
    _, outputs, _ = equations.trial(plain, mine, theta, xi, constants(p))
    np.testing.assert_allclose(d['o_record_2'][0].T, outputs, rtol=1e-5, atol=1e-6)           # single precision
    np.testing.assert_allclose(d['D'], plain.D, rtol=1e-9, atol=1e-12)
    s = Session({'params': vars(p)}, d)
    expected = [((np.abs(angle) - s.o[1][(s.theta == angle) & s.keep]) ** 2).mean() for angle in s.angles]
    np.testing.assert_allclose(s.error, expected)                                   # of the plain output
    assert 0 <= s.accuracy <= 1
    axes = plt.subplots(1, 2)[1]
    plot_panels.outputs(axes[0], [({'params': vars(p), 'seed': 1}, d)])
    plot_panels.output_and_target(axes[1], [({'params': vars(p), 'seed': 1}, d)], 0)
    assert axes[1].get_ylabel() == 'P(side)'
