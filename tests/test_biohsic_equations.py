"""biohsic: the compiled kernels and the torch network compute what equations.py says, on random small configurations."""
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biohsic import equations as eq
from biohsic import equations_closed_loop as loop
from biohsic import exp_params, hsic, layers, networks, optimise
from biohsic.reservoir import Reservoir
from common.params import load_params

FEW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
CLOSE = dict(rtol=1e-9, atol=1e-9)
EPS = 1e-3                      # of AdamW: it divides by |g| + eps, with 1e-8 it would magnify the rounding of a g near 0
seeds, widths = st.integers(0, 10 ** 6), st.floats(0.1, 3.0)
rules = st.builds(eq.Rule, st.floats(0.0, 50.0), widths, widths, widths, st.sampled_from(list(hsic.MODULATORS)))
optimisers = st.sampled_from(['adamw', 'adam', 'sgd'])


def params(rule, **more):
    """Params with the rule's constants."""
    return load_params(exp_params, mode='smoke', **rule._asdict() | {'learning_rate': 0.01, 'nmodels': 1, 'eps': EPS} | more)


def descent(weights, p):
    """The optimiser of equations.py, or plain descent, for parameters p."""
    if p.optimizer == 'sgd':
        return Sgd(p.learning_rate)
    return eq.AdamW(weights, p.learning_rate, eps=p.eps, decay=p.weight_decay if p.optimizer == 'adamw' else 0.0)


class Sgd:
    """w <- w - eta dL/dw."""

    def __init__(self, rate):
        self.rate = rate

    def update(self, weights, gradients):
        for pair, found in zip(weights, gradients, strict=True):
            for w, g in zip(pair, found, strict=True):
                w -= self.rate * g


def task(seed, sizes, n, scale=1.0):
    """(x (n, in), labels (n,), flat weights with biases that are not 0, Net) of a random problem."""
    rng, net = np.random.default_rng(seed), layers.dense(sizes)
    w = layers.initial_weights(net, seed, 1, 'float64')
    w += 0.2 * rng.normal(size=w.shape)
    return scale * rng.normal(size=(n, sizes[0])), rng.integers(0, sizes[-1], n), w, net


def copies(net, w):
    """Weights of equations.py from a flat vector."""
    return [(W.copy(), b.copy()) for W, b in layers.split(net, w)]


def assert_equal_weights(net, w, weights):
    for ours, plain in zip(layers.split(net, w), weights, strict=True):
        for a, b in zip(ours, plain, strict=True):
            np.testing.assert_allclose(a, b, **CLOSE)


@FEW
@given(seeds, rules, st.integers(2, 12), st.integers(1, 9), st.integers(1, 30))
def test_kernels_objective_signal(seed, rule, N, units, inputs):
    rng = np.random.default_rng(seed)
    x, y, z = rng.normal(size=(N, inputs)), np.eye(3)[rng.integers(0, 3, N)], rng.normal(size=(N, units))
    Kx, Ky, Kz = (eq.kernel_matrix(a, s) for a, s in ((x, rule.sigma_x), (y, rule.sigma_y), (z, rule.sigma_z)))
    np.testing.assert_allclose(hsic.kernel_matrix(z, rule.sigma_z), Kz, **CLOSE)
    np.testing.assert_allclose(hsic.objective(Kx, Ky, Kz, rule.gamma)[0], eq.objective(Kx, Ky, Kz, rule.gamma), **CLOSE)
    c, number = eq.third_factor(Kx, Ky, rule), hsic.MODULATORS[rule.modulator]
    np.testing.assert_allclose(hsic.third_factor(number, Kx, Ky, rule.gamma), c, **CLOSE)
    widths = (rule.sigma_x, rule.sigma_y, rule.sigma_z)
    xi = hsic.modulating_signal(rule.modulator, x, y, z, rule.gamma, *widths)
    np.testing.assert_allclose(xi, eq.modulating_signal(c, z, rule.sigma_z), **CLOSE)
    gradient = eq.objective_gradient(Kx, Ky, z, rule.gamma, rule.sigma_z)
    if N > 3:
        np.testing.assert_allclose(hsic.unbiased(Kx, Kz), eq.hsic_unbiased(Kx, Kz), **CLOSE)
    exact = eq.modulating_signal(eq.third_factor(Kx, Ky, rule._replace(modulator='exact')), z, rule.sigma_z)
    np.testing.assert_allclose(exact, gradient[-1], **CLOSE)


@FEW
@given(seeds, rules, optimisers, st.integers(2, 9), st.lists(st.integers(2, 9), max_size=3))
def test_three_factor_rule_of_the_mlp(seed, rule, optimizer, N, features):
    """Seven windows: weights, losses, accuracies."""
    p = params(rule, batch_size=N, optimizer=optimizer, train_metrics=True)
    x, labels, w, net = task(seed, (5, *features, 10), N + 6)
    weights, y, models = copies(net, w[0]), np.eye(10)[labels], networks.MlpModels(p, net, w.copy())
    out = models.train([x], [labels], 7, 7)
    loss = eq.train(weights, x, y, N, rule, descent(weights, p))
    assert_equal_weights(net, models.w[0], weights)
    np.testing.assert_allclose(out[0, :, 0].mean(), loss, **CLOSE)
    assert out[0, -1, 2] == eq.accuracy(weights, x[-N:], y[-N:])
    np.testing.assert_allclose(models.evaluate(x, labels)[0, :, 0].mean(), eq.cross_entropy(eq.forward(weights, x)[2], y)[0],
                               **CLOSE)


def current_readout(network, y, gradients):
    """Gradients of a read-out that learns from the current sample alone, not divided by N (readout_batch=current)."""
    _, flat, logits = network
    return [*gradients[:-1], eq.weight_gradient(flat[-1], eq.cross_entropy(logits[-1:], y[-1:])[1][0])]


@FEW
@given(seeds, rules, st.integers(2, 9))
def test_read_out_that_learns_from_the_current_sample(seed, rule, N):
    """MLP and leaky integrators, three windows, two time steps each."""
    x, labels, w, net = task(seed, (2, 5, 4, 2), N + 2)
    y, more = np.eye(2)[labels], dict(readout_batch='current', batch_size=N, learning_rate=0.01, eps=EPS, nmodels=1,
                                      dtype='float64', **rule._asdict())
    models = networks.MlpModels(load_params(exp_params, mode='biohsic_xor', **more), net, w.copy())
    lif = networks.LifModels(load_params(exp_params, mode='lif_xor', sample_timesteps=2, **more), net, w.copy())
    models.train([x], [labels], 3, 3)
    lif.train([x], [labels], 3, 3)
    plain, slow, u = copies(net, w[0]), copies(net, w[0]), [np.zeros((N, n)) for n in (5, 4, 2)]
    one, two = eq.AdamW(plain, 0.01, eps=EPS), eq.AdamW(slow, 0.01, eps=EPS)
    for first in range(3):
        part = slice(first, first + N)
        network = eq.forward(plain, x[part])
        one.update(plain, current_readout(network, y[part], eq.three_factor_rule(network, x[part], y[part], rule)[1]))
        for _ in range(2):
            network = eq.lif_step(slow, u, x[part], 0.2)
            found = current_readout(network, y[part], eq.three_factor_rule(network, x[part], y[part], rule)[1])
            two.update(slow, [(0.2 * dW, 0.2 * db) for dW, db in found])
    assert_equal_weights(net, models.w[0], plain)
    assert_equal_weights(net, lif.w[0], slow)


@FEW
@given(seeds, rules, optimisers, st.sampled_from(['hsic', 'bp']), st.integers(2, 9),
       st.lists(st.integers(2, 9), min_size=1, max_size=3))
def test_batches_of_the_mlp(seed, rule, optimizer, kind, N, features):
    """HSIC objective and back-propagation, three batches, the last one smaller (not of one sample)."""
    p = params(rule._replace(modulator='released'), task=kind, batch_size=N, optimizer=optimizer)
    n = 2 * N + max(2, N - 1)
    x, labels, w, net = task(seed, (5, *features, 10), n)
    weights, y, models = copies(net, w[0]), np.eye(10)[labels], networks.MlpModels(p, net, w.copy())
    models.train([x], [labels], -(-n // N), 3)
    optimiser = descent(weights, p)
    for first in range(0, n, N):
        batch = slice(first, first + N)
        network = eq.forward(weights, x[batch])
        gradients = (eq.hsic_rule(network, x[batch], y[batch], rule) if kind == 'hsic' else
                     eq.back_propagation(network, weights, y[batch]))[1]
        optimiser.update(weights, gradients)
    assert_equal_weights(net, models.w[0], weights)


@FEW
@given(seeds, rules, optimisers, st.integers(2, 11), st.integers(1, 5), st.lists(st.integers(2, 9), min_size=1, max_size=3))
def test_leaky_integrators(seed, rule, optimizer, N, steps, features):
    """Five windows: weights, membrane states, losses, and the HSIC of a test batch from the averaged outputs."""
    p = load_params(exp_params, mode='lif_xor', batch_size=N, sample_timesteps=steps, learning_rate=0.01, nmodels=1,
                    optimizer=optimizer, features=tuple(features), eps=EPS, **rule._asdict())
    x, labels, w, net = task(seed, (2, *features, 2), N + 4)
    weights, u, y = copies(net, w[0]), [np.zeros((N, units)) for units in (*features, 2)], np.eye(2)[labels]
    models = networks.LifModels(p, net, w.copy())
    out = models.train([x], [labels], 5, 5)
    loss = eq.train_lif(weights, u, x, y, N, rule, descent(weights, p), 0.2, steps)
    assert_equal_weights(net, models.w[0], weights)
    np.testing.assert_allclose(models.u[0, :, :N], np.concatenate(u, axis=1).T, **CLOSE)
    np.testing.assert_allclose(out[0, :, 0].mean(), loss, **CLOSE)
    sums = [0.0] * (len(features) + 1)
    for t in range(steps):
        hidden, _, logits = eq.lif_step(weights, u, x[-N:], 0.2)
        if t >= steps // 2:
            sums = [a + z / (steps - steps // 2) for a, z in zip(sums, [*(layer.z for layer in hidden), logits], strict=True)]
    Kx, Ky = eq.kernel_matrix(x[-N:], rule.sigma_x), eq.kernel_matrix(y[-N:], rule.sigma_y)
    for z, found in zip(sums, out[0, -1, 3:].reshape(-1, 3), strict=True):
        Kz = eq.kernel_matrix(z, rule.sigma_z)
        np.testing.assert_allclose(found, (eq.objective(Kx, Ky, Kz, rule.gamma), eq.hsic(Kx, Kz), eq.hsic(Ky, Kz)), **CLOSE)


@FEW
@given(seeds, rules, optimisers, st.sampled_from(['biohsic', 'hsic']), st.integers(2, 5), st.integers(1, 3),
       st.lists(st.integers(4, 6), min_size=1, max_size=2))
def test_convolutions(seed, rule, optimizer, kind, N, pooling, features):
    """Three windows or batches of images of 8 x 8 pixels."""
    from biohsic.cnn import CnnModels
    rule = rule if kind == 'biohsic' else rule._replace(modulator='released')
    features = features[:1] if pooling == 3 else features               # 8 // 3 // 3 = 0 pixels
    p = params(rule, task=kind, model='cnn', features=tuple(features), batch_size=N, optimizer=optimizer,
               pooling_factor=pooling, device='cpu')
    rng, sizes, pixels = np.random.default_rng(seed), (1, *features), 8
    for _ in features:
        pixels //= pooling
    shapes = [(9 * i, o) for i, o in zip(sizes[:-1], sizes[1:], strict=True)] + [(pixels ** 2 * features[-1], 10)]
    weights = [(rng.normal(size=shape) / 2, 0.2 * rng.normal(size=shape[1])) for shape in shapes]
    models = CnnModels(p, [[part for W, b in weights for part in (as_torch(W, len(features), shapes), b.copy())]])
    shift = 1 if kind == 'biohsic' else N
    x, labels = rng.normal(size=(2 * shift + N, 8, 8, 1)), rng.integers(0, 10, 2 * shift + N)
    models.train([x], [labels], 3, 3)
    optimiser, learn = descent(weights, p), eq.three_factor_rule if kind == 'biohsic' else eq.hsic_rule
    for first in range(0, 3 * shift, shift):
        part = slice(first, first + N)
        optimiser.update(weights, learn(eq.forward(weights, x[part], pooling), x[part], np.eye(10)[labels[part]], rule)[1])
    found = models.weights()
    for l, (W, b) in enumerate(weights):
        np.testing.assert_allclose(found[f'W{l + 1}'][0], as_torch(W, len(features), shapes), **CLOSE)
        np.testing.assert_allclose(found[f'b{l + 1}'][0], b, **CLOSE)


def as_torch(W, hidden, shapes):
    """A convolution (9 C, out) in the layout (out, C, 3, 3) of torch; the read-out as it is."""
    if W.shape == shapes[hidden]:
        return W.copy()
    return np.ascontiguousarray(W.reshape(3, 3, -1, W.shape[1]).transpose(3, 2, 0, 1))


@FEW
@given(seeds, st.integers(1, 20), st.integers(1, 5), st.floats(0.0, 2.0))
def test_reservoir_and_delta_rule(seed, n, zdim, gain):
    p = load_params(exp_params, mode='reservoir', nhidden=n, zdim=zdim, dtype='float64', recurrent_strength=gain,
                    learning_rate=0.01)
    rng = np.random.default_rng(seed)
    net, drive, xi = Reservoir.random(p, 4, rng), rng.normal(size=n), rng.normal(size=zdim)
    u, W_o = np.zeros(n), np.zeros((n, zdim))
    net.train(drive, xi, rng)
    for _ in range(p.sample_timesteps):
        u, r, o = eq.reservoir_step(u, drive, net.W_r, net.W_f, W_o, 0.2, gain)
        W_o = eq.delta_rule(W_o, r, o, xi, 0.01)
    np.testing.assert_allclose(net.u, u, **CLOSE)
    np.testing.assert_allclose(net.W_o, W_o, **CLOSE)


def test_unbiased_hsic_of_independent_samples_is_zero_on_average():
    """The biased one is not: at N = 10 its mean over independent windows is several standard errors above 0."""
    rng, found = np.random.default_rng(0), []
    for _ in range(3000):
        Ka, Kb = (eq.kernel_matrix(rng.normal(size=(10, 2)), 0.5) for _ in range(2))
        found.append((eq.hsic(Ka, Kb), eq.hsic_unbiased(Ka, Kb)))
    mean, error = np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / np.sqrt(len(found))
    assert abs(mean[1]) < 4 * error[1] and mean[0] > 20 * error[0]


def test_unbiased_hsic_is_the_sum_over_distinct_samples():
    """Its definition: means of K^a_ij (K^b_ij + K^b_qr - 2 K^b_iq) over all ordered choices of four different samples."""
    from itertools import permutations
    rng = np.random.default_rng(1)
    Ka, Kb = (eq.kernel_matrix(rng.normal(size=(6, 3)), 0.7) for _ in range(2))
    terms = [Ka[i, j] * (Kb[i, j] + Kb[q, r] - 2 * Kb[i, q]) for i, j, q, r in permutations(range(6), 4)]
    np.testing.assert_allclose(eq.hsic_unbiased(Ka, Kb), np.mean(terms), rtol=1e-12)


def test_the_little_training_loop_learns():
    """XOR, three seeds: without the third factor the hidden layers stay random and the read-out cannot do it."""
    rule, none = ([eq.main(name, epochs=2, seed=seed)[-1] for seed in range(3)] for name in ('released', 'none'))
    assert min(rule) > 0.9 and np.mean(none) < 0.85


def test_leaky_integrators_of_the_equations_learn():
    """Three epochs of 60 points of XOR, large steps: the loss falls."""
    rng = np.random.default_rng(0)
    x, y = eq.xor(60, rng)
    weights, u = eq.initial_weights((2, 10, 4, 2), rng), [np.zeros((10, units)) for units in (10, 4, 2)]
    optimiser, rule = eq.AdamW(weights, rate=3e-3), eq.Rule(10.0, 0.3, 0.25, 2.0)
    first, *_, last = (eq.train_lif(weights, u, x, y, 10, rule, optimiser, steps=5) for _ in range(3))
    assert last < 0.9 * first


def test_schedule_and_constants_are_the_kernels():
    """AdamW's defaults here are the parameters' defaults."""
    p, optimiser = load_params(exp_params, mode='lif_xor'), eq.AdamW([])
    assert (optimiser.rate, optimiser.b1, optimiser.b2, optimiser.eps, optimiser.decay) == (
        p.learning_rate, p.b1, p.b2, p.eps, p.weight_decay)
    assert optimise.learning_rates(p, 0, 2, 1).tolist() == [p.learning_rate] * 2


def test_a_reservoir_in_the_loop():
    """Taught on, it supplies a signal that XOR can be learned by; the frozen one knows less of the computed xi."""
    (taught, follows), (_, knows) = loop.run('online', 0), loop.run('frozen', 0, epochs=2)
    assert taught > 0.9 and follows > knows and follows > 0.8


def test_the_loop_with_the_computed_signal_is_the_rule():
    """Source `computed` = the training loop of equations.py, to the bit."""
    rng = np.random.default_rng(0)
    x, y = eq.xor(30, rng)
    one, two = ([(W.copy(), b.copy()) for W, b in eq.initial_weights(loop.SIZES, np.random.default_rng(1))] for _ in range(2))
    loop.epoch(one, eq.AdamW(one), x, y, 'computed', None)
    eq.train(two, x, y, loop.N, loop.RULE, eq.AdamW(two))
    for pair, other in zip(one, two, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(pair, other, strict=True))
