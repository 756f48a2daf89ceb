"""Impression learning: the compiled kernels against equations.py, the paper in plain numpy, on random small networks."""
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from impression_learning import backprop, data, equations, loops, network
from impression_learning.model import IMPRESSION, REINFORCE, Rule

NAMES = {'W': 'l{}_W_in', 'b': 'l{}_bias', 'D': 'l{}_W_out', 'c': 'l{}_bias_gen'}
NEVER = np.zeros(0, bool)                             # phases toggle after K + 1 steps, not at random
SMALL = settings(max_examples=25, deadline=None)
depths = st.lists(st.integers(1, 5), min_size=2, max_size=4)
seeds = st.integers(0, 2 ** 32)
decay = st.floats(0, 1)


def name_of(name, top):
    """Our name of one of theta's arrays."""
    return f'l{top}_transition' if name == 'a' else NAMES[name[0]].format(name[1:])


def compiled(theta):
    """A Network with the parameters of theta."""
    return network.from_arrays({name_of(name, len(equations.layers(theta)) - 1): value for name, value in theta.items()})


def close(ours, plain, atol=1e-11, message=''):
    """Equal to 1e-9."""
    assert np.shape(ours) == np.shape(plain), message
    np.testing.assert_allclose(ours, plain, rtol=1e-9, atol=atol, err_msg=message)


def equal(net, theta):
    """All parameters agree."""
    arrays = network.to_arrays(net)
    assert len(arrays) == len(theta)
    for name, value in theta.items():
        close(arrays[name_of(name, net.n.size - 1)], value, message=name)


def random_case(sizes, seed):
    """(theta away from its initial values, sigma_q, sigma_p of each layer, generator)."""
    rng = np.random.default_rng(seed)
    theta = {name: value + rng.normal(0, 0.2, value.shape) for name, value in equations.initial(sizes, rng).items()}
    return theta, *rng.uniform(0.05, 0.5, (2, len(sizes))), rng


@SMALL
@given(depths, seeds, st.integers(0, 4), st.booleans(), st.floats(0.5, 4), decay, decay)
def test_training(sizes, seed, K, impression, rho, g, gamma):
    """Losses, activities and weights of 40 steps of both rules: any depth, phase duration, rates and decays."""
    theta, s_q, s_p, rng = random_case(sizes, seed)
    X, eps = rng.normal(0, 0.5, (40, sizes[0])), np.random.default_rng(seed).standard_normal((40, sum(sizes)))
    eta = 0.05 if impression else 1e-4
    net, loss, latent = compiled(theta), np.empty((40, 3)), np.empty((40, sum(sizes[1:])))
    rule = Rule(algorithm=IMPRESSION if impression else REINFORCE, learning_rate=eta, recognition_scale=rho, switch_period=K,
                trace_decay=g, loss_decay=gamma)
    loops.run(net, network.activity(net), network.phase(), network.learner(net), X, eps, NEVER, s_q, s_p, rule, True, loss,
              latent)
    plain = equations.impression_learning if impression else equations.Reinforce(theta, g, gamma)
    losses, latents = equations.train(theta, X, np.random.default_rng(seed), s_q, s_p, plain, eta, rho, K)
    equal(net, theta)
    close(latent, latents)
    close(loss.sum(axis=1), losses, 1e-7)


@SMALL
@given(st.integers(1, 4), st.integers(1, 3), seeds, st.integers(1, 2), decay)
def test_comparison_of_updates(n_in, n, seed, K, gamma):
    """Mean and SNR of the W_in update over 10 episodes of frozen weights, impression learning and REINFORCE with g = 1; J."""
    theta, s_q, s_p, rng = random_case((n_in, n), seed)
    x, steps = rng.normal(0, 0.5, (2 * (K + 1), n_in)), 20 * (K + 1)
    eps = np.random.default_rng(seed).standard_normal((steps, n_in + n))
    rules = tuple(Rule(algorithm=name, switch_period=K, trace_decay=1.0, loss_decay=gamma) for name in (IMPRESSION, REINFORCE))
    net = compiled(theta)
    first, second = np.zeros((2, *net.W_in.shape)), np.zeros((2, *net.W_in.shape))
    J = loops.compare(net, network.activity(net), network.phase(), x, eps, NEVER, s_q, s_p, rules,
                      (network.learner(net), network.learner(net)), first, second)
    again = np.random.default_rng(seed)
    close(J, np.mean([now.L for _ in range(10) for now, _ in equations.run(theta, x, again, s_q, s_p, len, K)]) / 2, 1e-7)
    for v, plain in enumerate((equations.impression_learning, equations.Reinforce(theta, 1.0, gamma))):
        mean, snr = equations.signal_to_noise(theta, x, np.random.default_rng(seed), s_q, s_p, plain, 10, K)
        ours = first[v, 1].T / steps
        close(ours, mean, 1e-9 * np.abs(mean).max())
        np.testing.assert_allclose(ours ** 2 / (second[v, 1].T / steps - ours ** 2), snr, rtol=1e-6)


@SMALL
@given(st.integers(1, 5), st.integers(1, 4), seeds, st.floats(0.01, 3))
def test_stimulus(n_in, n_latent, seed, dt):
    C = np.random.default_rng(1).normal(size=(n_in, n_latent))
    noise = np.random.default_rng(seed).standard_normal((30, n_latent))
    z, X = np.empty((30, n_latent)), np.empty((30, n_in))
    data.ou_process(noise, 0.5 * np.sqrt(dt), data.FIRST['innovation'], np.zeros(n_latent), z)
    data.observe(z, np.ascontiguousarray(C.T), X)
    close(X, equations.stimulus(C, 30, dt, np.random.default_rng(seed)))


@SMALL
@given(depths, seeds)
def test_initial_networks(sizes, seed):
    equal(network.initial(tuple(sizes), np.random.default_rng(seed)), equations.initial(sizes, np.random.default_rng(seed)))


@SMALL
@given(st.integers(1, 4), st.integers(1, 3), seeds, st.booleans(), st.booleans())
def test_back_propagation_descends_the_same_loss(n_in, n, seed, wake, k):
    """The control's gradients are those of the loss of equations.step through the sampled activities (differences of it)."""
    theta, s_q, s_p, rng = random_case((n_in, n), seed)
    s_q[:] = s_q[0]                                   # the control has one divisor for both recognition layers
    x, last, k, size = rng.normal(0, 0.5, n_in), rng.random(n), int(k and wake), n_in + n
    eps = rng.standard_normal(2 * size)               # r gen, s gen, s inf, r inf
    state, loss = backprop.new_state(theta['W1'], theta['D0'], theta['a'], last), np.empty(1)
    state.phase[:] = int(wake), 1 - k, 0
    backprop.run_steps(state, x[None], eps[None], s_q[1], np.array([s_p[0], s_q[0]]), s_p[1], True, 0.0, 0.0, 1, True, loss,
                       np.empty((1, n)), np.empty((1, 2), int))

    def plain(theta):
        """Loss of the control; in sleep only what recognition says of the fantasy."""
        now = equations.step(theta, x, last, int(wake), k, eps[size:] if wake else eps[:size], s_q, s_p)
        return now.L if wake else ((now.h[1] - now.mu_q[1]) ** 2).sum() / s_q[1] ** 2

    np.testing.assert_allclose(loss[0], plain(theta), rtol=1e-9, atol=1e-9)
    for name, gradient in (('W1', state.grad_W_in.T), ('D0', state.grad_W_out.T), ('a', state.grad_D_r)):
        for index in np.ndindex(gradient.shape):
            ends = []
            for change in (1e-5, -1e-5):
                moved = theta | {name: theta[name].copy()}
                moved[name][index] += change
                ends.append(plain(moved))
            scale = 1 + np.abs(gradient).max() + abs(loss[0])
            np.testing.assert_allclose(gradient[index], (ends[0] - ends[1]) / 2e-5, rtol=1e-4, atol=1e-5 * scale)


def test_the_plain_training_loop_learns():
    """A few thousand steps: the loss falls to a third, the transition moves towards that of the stimulus."""
    rng = np.random.default_rng(0)
    theta = equations.initial((4, 2), rng)
    X = equations.stimulus(rng.standard_normal((4, 2)) / 2, 10_000, 0.1, rng)
    losses, _ = equations.train(theta, X, rng, (.01, .01), (.01, .158), eta=1e-2)
    assert losses[-2000:].mean() < losses[:2000].mean() / 3
    assert (theta['a'] > 0.8).all()
