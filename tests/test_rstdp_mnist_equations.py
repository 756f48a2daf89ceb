"""R-STDP on MNIST: every kernel is the plain numpy of equations.py, on small networks that hypothesis draws."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as draw

from common.params import load_params
from rstdp_mnist import encoding, equations, exp_params, neurons, rstdp, simulation, stdp

FEW = settings(max_examples=15, deadline=None)
seeds = draw.integers(0, 2 ** 32 - 1)
DEFAULT = load_params(exp_params)


def random_latency(rng, shape, T, share):
    """Latencies of which about `share` are not T = never."""
    return np.where(rng.random(shape) < share, rng.integers(0, T, shape), T).astype(np.uint8)


def rounded(W):
    """Multiples of 2^-30."""
    return np.round(W * 2 ** 30) / 2 ** 30


# ---------------------------------------------------------------- the input

@FEW
@given(seeds, draw.sampled_from([1, 3, 7, 13]), draw.floats(0.2, 3), draw.floats(1.1, 2), draw.booleans())
def test_filters(seed, window, sigma, ratio, off):
    kind = (window, sigma * ratio, sigma) if off else (window, sigma, sigma * ratio)
    if window > 1:                                 # a single pixel has mean zero: nothing to divide by
        np.testing.assert_allclose(encoding.dog_kernel(*kind), equations.dog(*kind), rtol=1e-5, atol=1e-6)


@FEW
@given(seeds, draw.integers(6, 20), draw.floats(0.05, 0.6), draw.floats(1, 200), draw.integers(0, 9))
def test_filtered_images(seed, size, lit, threshold, radius):
    """Before and after the normalisation: 1e-6 of each channel's largest value (the filters are float32)."""
    rng = np.random.default_rng(seed)
    image = np.where(rng.random((size, size)) < lit, rng.integers(0, 256, (size, size)), 0).astype(np.float32)
    kernels, half = encoding.dog_kernels(DEFAULT), np.array(DEFAULT.dog_window) // 2
    found = np.empty((6, size, size))
    encoding.respond(image, kernels, half, np.full(6, threshold, np.float32), found)
    kept = found > 0
    encoding.normalise(found, radius)
    plain = equations.responses(image, threshold=threshold, radius=radius)
    assert (kept != (plain > 0)).sum() <= 2        # a response within rounding of the threshold
    same = kept == (plain > 0)
    np.testing.assert_allclose(found[same], plain[same], rtol=1e-3, atol=1e-6 * max(1, plain.max()))


@FEW
@given(seeds, draw.integers(1, 40), draw.integers(1, 300), draw.integers(1, 9))
def test_rank_order_with_ties(seed, T, n, levels):
    value = np.random.default_rng(seed).integers(0, levels + 1, n) / 8
    latency = np.empty(n, np.uint8)
    positive = encoding.rank_bins(value, T, latency)
    assert positive == np.count_nonzero(value)
    if positive >= T:
        np.testing.assert_array_equal(latency, equations.rank_order(value, T))
    else:
        assert (latency == T).all()                # fewer responses than bins: encode() refuses such an image


# ---------------------------------------------------------------- layers 1 and 2

shapes = draw.tuples(draw.integers(1, 4), draw.integers(6, 12), draw.sampled_from([1, 3, 5]), draw.integers(0, 2),
                     draw.integers(1, 7))                                       # maps in, size, kernel, pad, maps out


@FEW
@given(seeds, shapes, draw.integers(2, 15), draw.floats(0.1, 0.9), draw.booleans(), draw.booleans(), draw.integers(1, 3))
def test_spikes_and_pools(seed, shape, T, share, binary, strict, window):
    """Latencies equal, potentials to 1e-9, also with saturated weights, whose potentials lie on the threshold."""
    c, size, side, pad, maps = shape
    rng = np.random.default_rng(seed)
    latency = random_latency(rng, (3, c, size, size), T, share)
    W = (rng.random((maps, c, side, side)) < 0.4).astype(float) if binary else rng.random((maps, c, side, side))
    theta = float(rng.integers(1, 6)) if binary else rng.uniform(0.5, 6)
    out = size + 2 * pad - side + 1
    tau, V = np.empty((3, maps, out, out), np.uint8), np.empty((3, maps, out, out))
    neurons.forward(latency, 1, T, neurons.map_last(W), pad, theta, strict, tau, V)
    first, active = (np.empty((3, maps, out // window, out // window), np.uint8) for _ in range(2))
    neurons.first_spikes(tau, window, first)
    whole = out // window * window                 # the kernel for C2 looks at whole windows only
    neurons.active_pools(latency, T, neurons.map_last(W), pad, theta, strict, window, active)
    below = theta if strict else np.nextafter(theta, -np.inf)
    for i in range(3):
        plain = equations.potentials(latency[i], W, pad, T)
        np.testing.assert_allclose(V[i], plain[-1], rtol=1e-9, atol=1e-12)
        tau_plain = equations.first_spikes(plain, below)
        np.testing.assert_array_equal(tau[i], tau_plain)
        np.testing.assert_array_equal(first[i], equations.pool(tau_plain, window))
        np.testing.assert_array_equal(active[i], equations.pool(tau_plain[:, :whole, :whole], window) < T)


@FEW
@given(seeds, shapes, draw.integers(2, 15), draw.integers(1, 5), draw.integers(0, 3), draw.floats(0.3, 0.9))
def test_stdp_online(seed, shape, T, k, r, share):
    """Twelve images one after the other: equal winners, weights to 1e-9; the kernel stops early, the plain one never.

    Before each image the weights are rounded to multiples of 2^-30: then all sums are exact, and ties are ties in any order.
    """
    c, size, side, pad, maps = shape
    k, rng = min(k, maps), np.random.default_rng(seed)
    latency = random_latency(rng, (12, c, size, size), T, share)
    W, theta = rounded(rng.normal(0.8, 0.05, (maps, c, side, side))), rng.uniform(0.2, 0.5) * c * side * side
    layer = neurons.Layer(c, size, pad, side, maps, 1)
    net = stdp.Learner(W, layer, stdp.Rule(T, 1, pad, theta, True, k, r, 0.0, 1.0), stdp.Rates(0.05, -0.03, 0.15, 5))
    for i, image in enumerate(latency, 1):
        found = net.advance(image[None])[0]
        V = equations.potentials(image, W, pad, T)
        tau = equations.first_spikes(V, theta)
        won = equations.winners(V, tau, k, r)
        assert [tuple(row[:3]) for row in found if row[0] >= 0] == won
        assert [row[3] for row in found if row[0] >= 0] == [tau[f, y, x] for f, y, x in won]
        a_plus = min(0.05 * 2 ** (i // 5), 0.15)
        W = equations.stdp(W, image, won, tau, pad, a_plus, -0.03 if i < 5 else -0.75 * a_plus)
        np.testing.assert_allclose(net.weight(), W, rtol=0, atol=1e-9)
        W = rounded(W)
        net.W[:] = neurons.map_last(W)


@FEW
@given(seeds, draw.integers(1, 6), draw.integers(0, 3), draw.sampled_from([2, 3, 5]))
def test_competition_among_equals(seed, k, r, levels):
    """Weights of few values: sums are exact and ties the rule; the same neurons win in the same order."""
    rng = np.random.default_rng(seed)
    latency = random_latency(rng, (4, 2, 9, 9), 6, 0.6)
    W = rng.integers(0, levels, (6, 2, 3, 3)) / (levels - 1)
    rule, layer = stdp.Rule(6, 1, 1, 2.0, True, k, r, 0.0, 1.0), neurons.Layer(2, 9, 1, 3, 6, 1)
    for image in latency:
        found = stdp.Learner(W, layer, rule, stdp.Rates(0.05, -0.03, 0.15, 500)).advance(image[None])[0]
        V = equations.potentials(image, W, 1, 6)
        won = equations.winners(V, equations.first_spikes(V, 2.0), k, r)
        assert [tuple(row[:3]) for row in found if row[0] >= 0] == won


def test_a_layer_is_trained_as_by_the_loop():
    """Schedule included: 40 images, three epochs, rates that double every 7."""
    rng = np.random.default_rng(1)
    latency = random_latency(rng, (40, 3, 8, 8), 15, 0.5)
    W = rng.normal(0.8, 0.05, (5, 3, 3, 3))
    rule, layer = stdp.Rule(15, 1, 1, 6.0, True, 3, 1, 0.0, 1.0), neurons.Layer(3, 8, 1, 3, 5, 1)
    net = stdp.Learner(W, layer, rule, stdp.Rates(0.004, -0.003, 0.15, 7))
    for _ in range(3):
        net.advance(latency)
    plain = equations.train_stdp(W, list(latency), 6.0, 1, 3, 1, epochs=3, interval=7)
    np.testing.assert_allclose(net.weight(), plain, rtol=0, atol=1e-9)
    assert np.abs(plain - W).max() > 0.1


# ---------------------------------------------------------------- layer 3

REWARDS = draw.sampled_from(rstdp.REWARDS)


@FEW
@given(seeds, draw.integers(1, 6), draw.sampled_from([1, 3, 5]), draw.integers(2, 5), draw.integers(1, 3),
       draw.floats(0.05, 0.6), REWARDS, draw.floats(0.01, 0.3))
def test_rstdp_online(seed, size, side, n_classes, maps_a_class, share, reward, margin):
    """Forty images, one silent: equal decisions and the same bits of the weights (sums of float32 weights are exact).

    In half of them the bottom rows are silent, so that the search leaves positions out.
    """
    rng = np.random.default_rng(seed)
    fired = rng.random((40, 8, size, size)) < share
    fired[5], fired[20:, :, :size // 2] = False, False
    labels = rng.integers(0, n_classes, 40)
    W = rng.normal(0.8, 0.05, (n_classes * maps_a_class, 8, side, side)).astype(np.float32)
    net = rstdp.Decider(W, n_classes=n_classes, reward=reward, margin=margin)
    net.phi[:] = 0.7, 0.4
    decision = net.present(fired.astype(np.uint8), labels, learn=True)[0]
    plain = [equations.rstdp(W, x, label, n_classes, (0.7, 0.4), reward=reward, margin=margin)
             for x, label in zip(fired, labels, strict=True)]
    np.testing.assert_array_equal(decision, plain)
    np.testing.assert_array_equal(net.W, W)
    assert plain[5] == -1


@FEW
@given(seeds, draw.integers(1, 400), draw.lists(draw.integers(1, 60), min_size=1, max_size=12))
def test_slow_weights(seed, tau, windows):
    """The mean of the weights while no more than tau images were averaged; then S += (n / tau) (W - S)."""
    rng = np.random.default_rng(seed)
    net = rstdp.Decider(rng.random((2, 3, 1, 1)), n_classes=2, slow_images=tau)
    seen, slow, seen_weights = 0, None, []
    for n in windows:
        net.W[:] = rng.random(net.W.shape)
        net.average(n)
        seen, seen_weights = seen + n, [*seen_weights, (n, net.W.copy())]
        share = min(1, n / min(seen, tau))
        slow = net.W.copy() if slow is None else slow + share * (net.W - slow)
        np.testing.assert_allclose(net.slow, slow, rtol=1e-9)
        if seen <= tau:
            np.testing.assert_allclose(net.slow, sum(n * W for n, W in seen_weights) / seen, rtol=1e-9)
    np.testing.assert_array_equal(net.tested().W, net.slow)


@pytest.mark.parametrize('reward', rstdp.REWARDS)
def test_layer_3_is_trained_as_by_the_loop(reward):
    """Factors of windows included, the last of an epoch short."""
    rng = np.random.default_rng(2)
    fired, labels = rng.random((50, 6, 4, 4)) < 0.3, rng.integers(0, 3, 50)
    W = rng.normal(0.8, 0.05, (6, 6, 5, 5)).astype(np.float32)
    p = load_params(exp_params, n_train=50, factor_window=20, n_classes=3, n_maps=(5, 6, 6), epochs_s3=2, n_winners=(1, 1),
                    reward=reward)
    top = simulation.Training(p, {'train': fired.astype(np.uint8), 'train_labels': labels})
    top.net.W[:] = W
    top.net.round()
    for _ in range(2):
        while top.at < 50:
            top.advance()
        top.records['train'].append(top.running[0] / 50)
        top.epoch, top.at, top.running[:] = top.epoch + 1, 0, 0
    share = equations.train_rstdp(W, fired, labels, 3, 2, window=20, reward=reward)
    np.testing.assert_allclose(top.records['train'], share)
    np.testing.assert_array_equal(top.net.W, W)


# ---------------------------------------------------------------- it learns

def bars(n, seed):
    """Grey images (n, 28, 28): a bar, upright or lying, anywhere; labels (n,)."""
    rng = np.random.default_rng(seed)
    labels, shift = rng.integers(0, 2, n), rng.integers(6, 20, n)
    images = np.zeros((n, 28, 28))
    for image, label, at in zip(images, labels, shift, strict=True):
        image[(slice(4, 24), slice(at, at + 3))[::1 - 2 * int(label)]] = 255
    return images, labels


@pytest.mark.parametrize('reward', ['winner', 'true_class', 'margin'])
def test_the_plain_network_learns(reward):
    """Two classes of bars, 30 images ten times; of 20 new ones at least 90 % right."""
    W, share = equations.train(*bars(30, 0), n_maps=(4, 10, 8), n_classes=2, epochs=(1, 1, 10), reward=reward)
    images, labels = bars(20, 1)
    assert np.mean([equations.classify(x, W, 2) == label for x, label in zip(images, labels, strict=True)]) >= 0.9
    assert share[-1] > share[0]
