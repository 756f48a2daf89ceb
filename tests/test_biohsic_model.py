"""biohsic: closed-form gradients against autograd, fast paths against plain forms, limits and symmetries."""
import os
import pickle
import subprocess
import sys

import numba
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from biohsic import cnn, data, exp_params, hsic, layers, lif, lif_training, mlp, networks, optimise, simulation
from biohsic.reservoir import Reservoir, agreement
from common import ROOT, load_params

rng = np.random.default_rng(1)
TORCH = {'dtype': torch.float64}


def params(*words, **given):
    return load_params(exp_params, *words, **given)


def window(N=6, D=12, C=4, units=7):
    """x, one-hot y, labels, z of a random window."""
    labels = rng.integers(0, C, N)
    return rng.normal(size=(N, D)), np.eye(C)[labels], labels, rng.normal(size=(N, units))


# ---------------------------------------------------------------- modulating signal

@pytest.mark.parametrize('gamma', [0.0, 2.0, 50.0])
def test_for_two_samples_released_is_exact_and_published_half_of_it(gamma):
    """Specification 3.3."""
    x, y, _, z = window(N=2)
    xi = {name: hsic.modulating_signal(name, x, y, z, gamma, 0.5, 0.3, 1.0) for name in hsic.MODULATORS}
    np.testing.assert_allclose(xi['released'], xi['exact'], rtol=1e-12, atol=1e-18)
    np.testing.assert_allclose(xi['arxiv'], xi['exact'], rtol=1e-12, atol=1e-18)
    np.testing.assert_allclose(xi['published'], xi['exact'] / 2, rtol=1e-12, atol=1e-18)
    assert not xi['none'].any()


def plain_signal(name, x, y, z, gamma, sx, sy, sz):
    """Section 3.3, term by term."""
    N, S2 = len(x), sz ** 2 * z.shape[1]
    kx, ky, kz = (np.array([[np.exp(-((p - q) ** 2).sum() / (2 * s ** 2 * a.shape[1])) for q in a] for p in a])
                  for a, s in ((x, sx), (y, sy), (z, sz)))
    k = np.array([[kx[p, q] - kx[q].mean() - gamma * (ky[p, q] - ky[q].mean()) for q in range(N)] for p in range(N)])
    alpha = 2 / S2 * kz[-1][:, None] * (z[-1] - z)
    if name == 'released':
        total = sum(k[p, p] * alpha[p] for p in range(N - 1)) + k[-1, -1] * alpha[:-1].sum(axis=0)
        return total / (N * (N - 1) ** 2)
    if name == 'published':
        return k[-1, -1] * alpha[:-1].sum(axis=0) / (N * (N - 1) ** 2)
    beta = -alpha
    kappa = kx[-1] - kx[-1].mean() - gamma * (ky[-1] - ky[-1].mean())
    return sum(kappa[p] * (beta[p] - beta.mean(axis=0)) for p in range(N)) / (N - 1) ** 2


@pytest.mark.parametrize('name', ['released', 'published', 'arxiv'])
def test_one_formula_with_five_coefficients_is_the_specification(name):
    for N in (2, 3, 7):
        x, y, _, z = window(N=N)
        ours = hsic.modulating_signal(name, x, y, z, 3.0, 0.5, 0.3, 1.2)
        np.testing.assert_allclose(ours, plain_signal(name, x, y, z, 3.0, 0.5, 0.3, 1.2), rtol=1e-12, atol=1e-18)


def torch_objective(kx, ky, z, gamma, sigma):
    """HSIC(x, z) - gamma HSIC(y, z) of a tensor z, by the trace formula."""
    N = len(z)
    H = torch.eye(N, **TORCH) - 1 / N
    kz = torch.exp(-((z[:, None] - z[None]) ** 2).sum(-1) / (2 * sigma ** 2 * z.shape[1]))
    return torch.trace((torch.as_tensor(kx) - gamma * torch.as_tensor(ky)) @ H @ kz @ H) / (N - 1) ** 2


def test_exact_signal_and_full_gradient_are_autograds():
    x, y, _, z = window()
    kx, ky = hsic.kernel_matrix(x, 0.5), hsic.kernel_matrix(y, 0.3)
    free = torch.tensor(z, requires_grad=True)
    value = torch_objective(kx, ky, free, 2.0, 1.0)
    value.backward()
    assert hsic.objective(kx, ky, hsic.kernel_matrix(z, 1.0), 2.0)[0] == pytest.approx(float(value.detach()), rel=1e-12)
    np.testing.assert_allclose(hsic.objective_gradient(kx, ky, z, 2.0, 1.0), free.grad, rtol=1e-10, atol=1e-16)
    xi = hsic.modulating_signal('exact', x, y, z, 2.0, 0.5, 0.3, 1.0)
    np.testing.assert_allclose(xi, free.grad[-1], rtol=1e-10, atol=1e-16)


def test_hsic_symmetries():
    """Positive, zero for a constant, unchanged by the order of the samples and by swapping the arguments."""
    x, y, _, z = window(N=9)
    kx, ky, kz = (hsic.kernel_matrix(a, 0.7) for a in (x, y, z))
    one, order = np.ones((9, 9)), rng.permutation(9)
    assert hsic.objective(kx, ky, kz, 0.0)[0] > 0
    assert abs(hsic.objective(one, one, kz, 1.0)[0]) < 1e-15
    swapped = hsic.objective(kx[order][:, order], ky[order][:, order], kz[order][:, order], 1.5)
    np.testing.assert_allclose(swapped, hsic.objective(kx, ky, kz, 1.5), rtol=1e-12)
    assert hsic.objective(kx, ky, kz, 1.0)[1] == pytest.approx(hsic.objective(kz, ky, kx, 1.0)[1], rel=1e-12)


# ---------------------------------------------------------------- local gradients against autograd

def torch_norm(a, axis=-1):
    h = a.clamp(min=0)
    mean = h.mean(axis, keepdim=True)
    variance = ((h * h).mean(axis, keepdim=True) - mean ** 2).clamp(min=0)
    return (h - mean) / torch.sqrt(variance + layers.EPSILON)


def one_step(task, modulator='released', N=6):
    """(weights before, gradient found by plain descent with rate 1, x, labels, y, parameters) of a small MLP."""
    p = params('mode=smoke', task=task, modulator=modulator, optimizer='sgd', learning_rate=1.0, batch_size=N, nmodels=1)
    net = layers.dense((12, 7, 5, 10))
    w = layers.initial_weights(net, 3, 1, 'float64')
    w += 0.1 * rng.normal(size=w.shape)
    x, labels = rng.normal(size=(N, 12)), rng.integers(0, 10, N)
    models = networks.MlpModels(p, net, w.copy())
    models.train([x], [labels], 1, 1)
    return net, w[0], w[0] - models.w[0], x, labels, np.eye(10)[labels], p


def torch_layers(net, w):
    return [(torch.tensor(W, requires_grad=True), torch.tensor(b, requires_grad=True)) for W, b in layers.split(net, w)]


@pytest.mark.parametrize('modulator', ['released', 'exact', 'arxiv'])
def test_local_gradients_of_the_mlp(modulator):
    """Each layer alone: its own LN, ReLU and affine map, xi at the last sample; the read-out from all samples."""
    net, w, gradient, x, labels, y, p = one_step('biohsic', modulator)
    z = torch.tensor(x)
    for l, (W, b) in enumerate(torch_layers(net, w)):
        a = z @ W + b
        if l < net.depth - 1:
            out = torch_norm(a)
            xi = hsic.modulating_signal(modulator, x, y, out.detach().numpy(), p.gamma, p.sigma_x, p.sigma_y, p.sigma_z)
            out[-1].backward(torch.tensor(xi))
            z = out.detach()
        else:
            F.cross_entropy(a, torch.tensor(labels)).backward()
        np.testing.assert_allclose(layers.split(net, gradient)[l][0], W.grad, rtol=1e-9, atol=1e-14)
        np.testing.assert_allclose(layers.split(net, gradient)[l][1], b.grad, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize('task', ['bp', 'hsic'])
def test_gradients_of_back_propagation_and_of_the_hsic_objective(task):
    net, w, gradient, x, labels, y, p = one_step(task)
    parts, z, losses = torch_layers(net, w), torch.tensor(x), []
    kx, ky = hsic.kernel_matrix(x, p.sigma_x), hsic.kernel_matrix(y, p.sigma_y)
    for l, (W, b) in enumerate(parts):
        a = (z.detach() if task == 'hsic' else z) @ W + b
        z = torch_norm(a)
        if task == 'hsic' and l < net.depth - 1:
            losses.append(torch_objective(kx, ky, z, p.gamma, p.sigma_z))
    (sum(losses) + F.cross_entropy(a, torch.tensor(labels))).backward()
    for (W, b), (dW, db) in zip(parts, layers.split(net, gradient), strict=True):
        np.testing.assert_allclose(dW, W.grad, rtol=1e-9, atol=1e-14)
        np.testing.assert_allclose(db, b.grad, rtol=1e-9, atol=1e-14)


def test_local_gradients_of_the_convolutions():
    """Written-out gradient of a convolution layer against autograd, all samples and the last one."""
    x = torch.randn(4, 3, 8, 8, **TORCH)
    W, b = torch.randn(5, 3, 3, 3, requires_grad=True, **TORCH), torch.randn(5, requires_grad=True, **TORCH)
    found, _, _ = cnn.forward([W, b, torch.zeros(80, 2, **TORCH), torch.zeros(2, **TORCH)], x, 2)
    error = torch.randn(found[0].z.shape, **TORCH)
    np.testing.assert_allclose(found[0].z.detach(), torch_norm(found[0].a, 1).detach(), rtol=1e-9, atol=1e-12)
    for rows in (4, 1):
        wanted = torch.autograd.grad(found[0].z[4 - rows:], (W, b), error[4 - rows:], retain_graph=True)
        with torch.no_grad():
            for ours, theirs in zip(cnn.local_gradient(found[0], error[4 - rows:]), wanted, strict=True):
                np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_local_gradients_of_the_leaky_integrators():
    """One Euler step: the old u is a constant, so dW carries dt / tau."""
    p = params('mode=lif_xor', optimizer='sgd', learning_rate=1.0, sample_timesteps=1, batch_size=4, nmodels=1)
    net = layers.dense((2, 6, 5, 2))
    w, u = rng.normal(size=(1, layers.n_weights(net))), rng.normal(size=(1, 13, lif.padded(4)))
    x, labels = rng.normal(size=(4, 2)), np.array([0, 1, 1, 0])
    models = networks.LifModels(p, net, w.copy())
    models.u[:] = u
    models.train([x], [labels], 1, 1)
    z = torch.tensor(x)
    for l, ((W, b), (dW, db)) in enumerate(zip(torch_layers(net, w[0]), layers.split(net, (w - models.w)[0]), strict=True)):
        old = torch.tensor(u[0, net.units[l]:net.units[l + 1], :4].T)
        new = old + 0.2 * (z @ W + b - old)
        if l < 2:
            out = torch_norm(new)
            xi = hsic.modulating_signal('released', x, np.eye(2)[labels], out.detach().numpy(), p.gamma, p.sigma_x, p.sigma_y,
                                        p.sigma_z)
            out[-1].backward(torch.tensor(xi))
            z = out.detach()
        else:
            F.cross_entropy(new, torch.tensor(labels)).backward()
        np.testing.assert_allclose(dW, W.grad, rtol=1e-9, atol=1e-13)
        np.testing.assert_allclose(db, b.grad, rtol=1e-9, atol=1e-13)


# ---------------------------------------------------------------- optimisers, schedules

@pytest.mark.parametrize('name', ['adamw', 'adam', 'sgd'])
def test_optimisers_are_torchs(name):
    p = params('mode=smoke', optimizer=name, learning_rate=0.01)
    w, m, v, g = rng.normal(size=(1, 40)), np.zeros((1, 40)), np.zeros((1, 40)), rng.normal(size=(5, 40))
    tensor = torch.tensor(w[0], requires_grad=True)
    more = {'betas': (0.9, 0.99), 'eps': 1e-8}
    theirs = {'adamw': lambda: torch.optim.AdamW([tensor], 0.01, weight_decay=1e-4, **more),
              'adam': lambda: torch.optim.Adam([tensor], 0.01, **more), 'sgd': lambda: torch.optim.SGD([tensor], 0.01)}[name]()
    o, rate = optimise.optimiser(p), np.zeros(3)
    for k in range(5):
        optimise.set_rate(o, np.full(5, 0.01), k, k + 1, rate)
        optimise.update_row(o, rate, k + 1, w, m, v, 0, g[k])
        tensor.grad = torch.tensor(g[k])
        theirs.step()
        np.testing.assert_allclose(w[0], tensor.detach(), rtol=1e-10, atol=1e-13)


def test_schedules():
    """Values by hand from their formulas (specification 5.6)."""
    def rates(first=0, n=6, per_epoch=10, **given):
        return optimise.learning_rates(params('mode=smoke', **given), first, n, per_epoch)
    np.testing.assert_allclose(rates(schedule='expdecay'), 1e-3 * 0.5 ** np.arange(6))
    floored = rates(schedule='expdecay', transition_begin=2, end_value=2e-4)
    np.testing.assert_allclose(floored, [1e-3] * 3 + [5e-4, 2.5e-4, 2e-4])
    np.testing.assert_allclose(rates(8, schedule='expdecay', staircase=True), [1e-3] * 2 + [5e-4] * 4)
    np.testing.assert_allclose(rates(schedule='piecewiseconstant', boundaries_and_scales=((2, 0.1), (4, 0.5))),
                               [1e-3] * 2 + [1e-4] * 2 + [5e-5] * 2)
    joined = rates(schedule='joinschedules', boundaries=(3,), schedules=(('constant', 0.5), ('expdecay', 0.2, 0.1)))
    np.testing.assert_allclose(joined, [0.5] * 3 + [0.2, 0.02, 0.002])
    assert (rates() == 1e-4).all()


# ---------------------------------------------------------------- fast paths, chunks, many networks

def test_reused_rows_and_sliding_kernel_are_exact():
    """A call over many windows (one new row of K^x, one new forward row each) = one call a window, to the bit."""
    p = params('mode=smoke', nmodels=1)
    net = layers.dense((9, 7, 5, 10))
    w = layers.initial_weights(net, 1, 1, 'float64')
    x, labels = rng.normal(size=(40, 9)), rng.integers(0, 10, 40)
    together, alone = networks.MlpModels(p, net, w.copy()), networks.MlpModels(p, net, w.copy())
    out = together.train([x], [labels], 37, 37)
    single = [alone.train([x[k:k + 4]], [labels[k:k + 4]], 1, 37)[:, 0] for k in range(37)]
    assert np.array_equal(together.w, alone.w) and np.array_equal(out[0], np.concatenate(single))


def test_metrics_do_not_change_what_is_learned():
    found = [simulation.run(params('mode=smoke', train_metrics=flag)) for flag in (True, False)]
    assert np.array_equal(found[0]['final_W1'], found[1]['final_W1'])
    assert np.array_equal(found[0]['test_loss'], found[1]['test_loss'])


@pytest.mark.parametrize('words', [['mode=smoke'], ['mode=smoke', 'task=bp'], ['mode=lif_linear', 'nepochs=1'],
                                   ['mode=smoke', 'model=cnn', 'features=3', 'train_size=40', 'nepochs=1']])
def test_each_network_is_what_it_is_alone(words, monkeypatch):
    """Three networks together (on several threads) = two of them, and the first alone."""
    runs = {n: simulation.run(params(*words, nmodels=n)) for n in (1, 2)}
    monkeypatch.setattr(numba.config, 'NUMBA_NUM_THREADS', 3)
    three = simulation.run(params(*words, nmodels=3))
    for n, run in runs.items():
        for name in ('final_W1', 'final_b2'):
            assert np.array_equal(three[name][:n], run[name])
        for name in ('test_loss', 'train_accuracy'):
            assert np.array_equal(three[name][:, :n], run[name])
    assert not np.array_equal(three['final_W1'][0], three['final_W1'][1])


def test_independent_orders_give_each_network_its_own():
    same, own = (simulation.run(params('mode=smoke', independent_orders=flag)) for flag in (False, True))
    assert np.array_equal(same['final_W1'][0], own['final_W1'][0])
    assert not np.array_equal(same['final_W1'][1], own['final_W1'][1])


def test_padded_slots_do_nothing():
    """The same windows with more padding: equal weights and u."""
    p = params('mode=lif_linear', nmodels=1)
    net, found = layers.dense((2, 4, 2)), []
    x, labels = rng.normal(size=(30, 2)), rng.integers(0, 2, 30)
    for slots in (16, 24):
        models = networks.LifModels(p, net, layers.initial_weights(net, 1, 1, 'float64'))
        models.u = np.zeros((1, 6, slots))
        out = models.train([x], [labels], 21, 21)
        found.append((models.w, models.u[:, :, :10], out))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)


PLAIN = '''
import sys, numpy as np
from biohsic import layers, lif, lif_training, mlp, mlp_training, optimise
from common import load_params
from biohsic import exp_params
p = load_params(exp_params, mode='smoke')
o, rng = optimise.optimiser(p), np.random.default_rng(5)
x, labels = rng.normal(size=(8, 3)), rng.integers(0, 2, 8)
net = layers.dense((3, 5, 2))
w = layers.initial_weights(net, 2, 1, 'float64')[0]
rule, out = lif.Rule(0, 2.0, 0.5, 0.4, 1.0, 0.2, 3, 2, False, False), np.zeros((4, 9))
a, m, v, u = w[None].copy(), np.zeros((1, w.size)), np.zeros((1, w.size)), np.zeros((7, 8))
lif_training.train(net, rule, o, x, labels, 4, 4, a, m, v, u, np.full(12, 0.01), 0, True, out)
results = [a.ravel(), out.ravel()]
for task in range(3):
    b, m, v = w.copy(), np.zeros(w.size), np.zeros(w.size)
    rule, out = mlp.Rule(task, 0, 2.0, 0.5, 0.4, 1.0, 2, False), np.zeros((4 if task == 0 else 2, 3))
    common = (net, rule, o, x, labels)
    if task == 0:
        mlp_training.train_windows(*common, 4, 4, b, m, v, np.full(4, 0.01), 0, True, out)
    else:
        mlp_training.train_batches(*common, 4, b, m, v, np.full(4, 0.01), 0, True, out)
    results += [b, out.ravel()]
np.save(sys.argv[1], np.concatenate(results))
'''


def test_compiled_kernels_are_their_python_text(tmp_path):
    """The kernels of both networks, compiled and as plain Python."""
    found = []
    for disable in ('0', '1'):
        path = tmp_path / f'{disable}.npy'
        environment = os.environ | {'NUMBA_DISABLE_JIT': disable}
        subprocess.run([sys.executable, '-c', PLAIN, path], env=environment, check=True, cwd=ROOT)
        found.append(np.load(path))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-9, atol=1e-13)
    assert np.isfinite(found[0]).all() and len(set(found[0])) > 50


# ---------------------------------------------------------------- layers, orders, metrics

def test_layer_normalisation():
    """Mean 0, variance 1 over the units; a silent layer gives 0 and stays finite."""
    net = layers.dense((4, 50, 3))
    w = layers.initial_weights(net, 1, 1, 'float64')[0]
    z = mlp.layer(net, mlp.outputs(net, rng.normal(size=(6, 4)), w), 0, 6)
    np.testing.assert_allclose(z.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(z.var(axis=1), 1, rtol=1e-4)
    layers.split(net, w)[0][1][:] = -1e3
    assert not mlp.layer(net, mlp.outputs(net, rng.normal(size=(6, 4)), w), 0, 6).any()


def test_initial_weights():
    """LeCun normal: s.d. sqrt(1 / fan_in), cut at two s.d. of the uncut normal; network k has its own stream."""
    net = layers.dense((400, 300, 10))
    w = layers.initial_weights(net, 7, 2, 'float64')
    W, b = layers.split(net, w[0])[0]
    assert W.std() == pytest.approx(400 ** -0.5, rel=0.01) and not b.any()
    assert np.abs(W).max() <= 2 * 400 ** -0.5 / layers.TRUNCATED_STD
    assert np.array_equal(layers.initial_weights(net, 7, 1, 'float64')[0], w[0]) and not np.array_equal(w[0], w[1])


def test_windows_of_epoch_zero_are_counted_right():
    """Weights of the samples = a count over all windows."""
    for n, N in ((10, 3), (7, 7), (9, 5)):
        p = params('mode=smoke', batch_size=N)
        count = np.zeros(n)
        for w in range(n - N + 1):
            count[w:w + N] += 1
        assert np.array_equal(simulation.multiplicity(p, n), count)


def test_accuracy_over_samples_or_over_batches():
    """D10: 60 test samples in batches of 50: the last ten count as much as the first fifty."""
    p = params('mode=smoke', test_batchsize=50, nmodels=1)
    sets = data.load(p).flat
    models = networks.MlpModels.begin(p, sets)
    plain = simulation.measure(p, models, sets.test_x, sets.test_y, 1)
    assert params('mode=smoke', released_code=True).accuracy == 'batches'
    batches = simulation.measure(params('mode=smoke', test_batchsize=50, nmodels=1, accuracy='batches'), models, sets.test_x,
                                 sets.test_y, 1)
    order = layers.generator(42, 5, 1).permutation(60)
    out = models.evaluate(sets.test_x[order], sets.test_y[order])
    np.testing.assert_allclose(plain, out.mean(axis=1))
    np.testing.assert_allclose(batches, (out[:, :50].mean(axis=1) + out[:, 50:].mean(axis=1)) / 2)


def test_lif_test_set_with_an_incomplete_last_batch():
    """D3: 25 samples in batches of 10; the single sample of a batch of one has no HSIC."""
    p = params('mode=lif_linear', test_size=25, nmodels=1, nepochs=0)
    assert simulation.run(p)['test_accuracy'].shape == (1, 1)
    d = simulation.run(params('mode=lif_linear', test_size=21, nmodels=1, nepochs=0))
    assert np.isfinite(d['test_hsic']).all()


def test_read_out_learns_from_the_current_sample_alone():
    """D14: its gradient is that of the last sample, not divided by N."""
    def gradient(N, **more):
        p = params('mode=smoke', optimizer='sgd', learning_rate=1.0, modulator='none', batch_size=N, nmodels=1, **more)
        net = layers.dense((4, 5, 10))
        models = networks.MlpModels(p, net, layers.initial_weights(net, 1, 1, 'float64'))
        before = models.w.copy()
        models.train([x[5 - N:]], [labels[5 - N:]], 1, 1)
        return layers.split(net, (before - models.w)[0])[1][0]
    x, labels = rng.normal(size=(5, 4)), rng.integers(0, 10, 5)
    np.testing.assert_allclose(gradient(5, readout_batch='current'), gradient(2, readout_batch='current'), rtol=1e-12)
    assert not np.allclose(gradient(5), gradient(5, readout_batch='current'))


def test_state_is_reset_on_request():
    """D16: with reset_state the order of the windows before does not matter for a network that does not learn."""
    p = params('mode=lif_linear', reset_state=True, nmodels=1)
    sets = data.load(p)
    models = networks.LifModels.begin(p, sets)
    first = models.evaluate(sets.test_x, sets.test_y)
    models.u[:] = 5.0
    assert np.array_equal(models.evaluate(sets.test_x, sets.test_y), first)


# ---------------------------------------------------------------- reservoir

def small_reservoir(**given):
    p = params('mode=reservoir', nhidden=40, dtype='float64', **given)
    return Reservoir.random(p, 6, np.random.default_rng(2))


def test_density_of_the_recurrent_weights():
    """D7: a fraction `density` is kept, with s.d. sqrt(1 / (0.1 n)) whatever the density."""
    for density in (0.1, 0.9):
        net = Reservoir.random(params('mode=reservoir', nhidden=600, density=density), 6, np.random.default_rng(2))
        kept = net.W_r[net.W_r != 0]
        assert kept.size / net.W_r.size == pytest.approx(density, abs=0.005)
        assert kept.std() == pytest.approx((0.1 * 600) ** -0.5, rel=0.01)


def test_one_lms_step_cancels_the_error_when_the_rate_fits():
    """eta |r|^2 = 1: after one step the same r gives the target exactly (why a frozen read-out knows nothing, D8)."""
    net = small_reservoir()
    r, xi = rng.normal(size=40), rng.normal(size=10)
    net.p = params('mode=reservoir', learning_rate=1 / (r @ r))
    net.learn(r, r @ net.W_o, xi)
    np.testing.assert_allclose(r @ net.W_o, xi, rtol=1e-12)


def test_rls_is_ridge_regression():
    net, rs, targets = small_reservoir(readout_rule='rls', rls_alpha=0.5), rng.normal(size=(60, 40)), rng.normal(size=(60, 10))
    for r, xi in zip(rs, targets, strict=True):
        net.learn(r, r @ net.W_o, xi)
    np.testing.assert_allclose(net.W_o, np.linalg.solve(rs.T @ rs + 0.5 * np.eye(40), rs.T @ targets), rtol=1e-8, atol=1e-10)


def test_rmhebb_learns_only_when_the_reward_is_above_its_mean():
    net = small_reservoir(readout_rule='rmhebb', learning_rate=0.1)
    r, xi = rng.normal(size=40), np.zeros(10)
    net.learn(r, np.full(10, 0.1), xi)             # mean so far 0: a reward of -0.1 is below it
    assert not net.W_o.any()
    net.slow_reward[:] = -5.0
    net.learn(r, np.full(10, 0.1), xi)
    assert net.W_o.any()


def test_euler_step_is_of_first_order():
    """Without recurrence u relaxes to its drive: u(T) = drive (1 - exp(-T / tau)). Error against dt: slope 1."""
    errors, drive = [], np.linspace(-1, 1, 40)
    for dt in (1e-3, 5e-4, 2.5e-4):
        net = small_reservoir(time_step=dt)
        net.W_r[:] = net.W_f[:] = 0.0
        u = np.zeros(40)
        for _ in range(round(0.01 / dt)):
            u, _, _ = net.step(u, drive)
        errors.append(np.abs(u - drive * (1 - np.exp(-0.01 / 0.005))).max())
    slopes = np.diff(np.log(errors)) / np.log(0.5)
    assert (abs(slopes - 1) < 0.1).all()


def test_agreement():
    target = rng.normal(size=(5, 3))
    perfect = np.repeat(target[:, None], 4, axis=1)
    assert agreement(target, perfect) == pytest.approx((1, 0))
    correlation, nmse = agreement(target, np.zeros((5, 4, 3)))
    assert np.isnan(correlation) and nmse == 1
    assert agreement(target, -perfect) == pytest.approx((-1, 4))


# ---------------------------------------------------------------- data

def test_points():
    p = params('mode=lif_xor', synthetic='new', input_scale=1.0)
    sets = data.load(p)
    assert len(sets.train_x) == 900 and len(sets.test_x) == 100
    corners = np.rint(sets.train_x).astype(int)
    assert ((corners[:, 0] ^ corners[:, 1]) == sets.train_y).mean() > 0.999
    assert np.abs(data.load(params('mode=lif_linear')).train_x).max() <= 1 / 255      # D6
    assert not np.array_equal(data.load(params('mode=lif_xor', synthetic='new', synthetic_seed=1)).train_x, sets.train_x)


def test_augmentation():
    """One crop a batch (offsets 0..2 of an image with a black frame of one pixel), a flip an image."""
    images = rng.integers(1, 256, (50, 32, 32, 3), dtype=np.uint8)
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    seen = set()
    for k in range(40):
        out = data.augmented(images, np.random.default_rng(k))
        raw = np.rint((out * data.CIFAR_STD + data.CIFAR_MEAN) * 255).astype(int)
        matches = [(t, l) for t in range(3) for l in range(3)
                   if all((raw[i] == crop).all() or (raw[i] == crop[:, ::-1]).all()
                          for i, crop in enumerate(padded[:5, t:t + 32, l:l + 32]))]
        assert len(matches) == 1
        seen.add(matches[0])
        t, l = matches[0]
        flips = sum((raw[i] == padded[i, t:t + 32, l:l + 32][:, ::-1]).all() for i in range(50))
        assert 8 < flips < 42
    assert len(seen) == 9


def test_cifar_files_are_read_and_code_in_them_is_not_run(tmp_path):
    folder = tmp_path / 'cifar-10-batches-py'
    folder.mkdir()
    batch = {b'data': rng.integers(0, 256, (20, 3072), dtype=np.uint8), b'labels': list(range(10)) * 2}
    for name in ('data_batch_1', 'test_batch'):
        (folder / name).write_bytes(pickle.dumps(batch))
    p = params('mode=biohsic_cifar10_reduced', data_dir=str(tmp_path), train_size=20, test_size=20)
    sets = data.load(p)
    assert sets.train_x.shape == (20, 32, 32, 3) and sets.train_x.dtype == np.float32
    red = (batch[b'data'][3, 5 * 32 + 7] / 255 - 0.4914) / 0.247
    assert sets.train_x[3, 5, 7, 0] == pytest.approx(red, rel=1e-5)
    with pytest.raises(FileNotFoundError, match='data_batch_2.*train_size=10000'):
        data.load(params('mode=biohsic_cifar10_cnn', data_dir=str(tmp_path)))
    (folder / 'test_batch').write_bytes(b'cos\nsystem\n(S"touch hacked"\ntR.')
    with pytest.raises(ValueError, match='not a batch of CIFAR-10'):
        data.load(p)


def test_every_mode_has_the_parameters_of_the_specification():
    """Section 7: layers, N, learning rate, gamma, widths, epochs."""
    expected = {'lif_linear': ((4,), 10, 1e-4, 10, (0.5, 0.25, 1), 25), 'lif_xor': ((10, 4), 10, 1e-4, 10, (0.3, 0.25, 2), 25),
                'biohsic_mnist': ((128, 64), 8, 1e-4, 2, (0.5, 0.1, 1), 25),
                'hsic_mnist': ((128, 64), 6, 1e-4, 2, (0.5, 0.1, 1), 25),
                'biohsic_fashion': ((128, 64), 6, 1e-3, 2, (1, 0.5, 2), 25),
                'biohsic_cifar10_cnn': ((128, 256), 4, 5e-5, 50, (1, 0.1, 0.5), 50),
                'hsic_cifar10_mlp': ((5120, 3072, 1024, 512), 6, 5e-5, 50, (1, 0.1, 0.5), 50),
                'biohsic_xor': ((10, 4), 64, 1e-4, 10, (0.3, 0.25, 2), 25), 'hsic_linear': ((4,), 10, 1e-3, 2, (1, 0.5, 2), 25)}
    for mode, wanted in expected.items():
        p = params(mode=mode)
        widths = (p.sigma_x, p.sigma_y, p.sigma_z)
        assert (p.features, p.batch_size, p.learning_rate, p.gamma, widths, p.nepochs) == wanted, mode
    for mode, wanted in {'bp_mnist': (6, 1e-3, 25), 'bp_fashion': (6, 1e-3, 25), 'bp_cifar10_cnn': (16, 5e-4, 50),
                         'bp_xor': (256, 1e-3, 4), 'bp_linear': (10, 1e-3, 25)}.items():
        p = params(mode=mode)
        assert (p.batch_size, p.learning_rate, p.nepochs) == wanted
    p = params(mode='reservoir')
    assert (p.nhidden, p.batch_size, p.learning_rate, p.gamma, p.sigma_z, p.nepochs) == (2000, 10, 5e-4, 2, 0.5, 10)
    assert params('mode=biohsic_mnist', 'model=cnn').features == (16, 32)
    assert params('mode=biohsic_mnist', 'model=linear').features == ()
    assert params('mode=lif_xor', 'data=mnist').features == (128, 64)
    assert [params(mode='memory_sweep', array_num=i).batch_size for i in range(1, 6)] == [2, 4, 8, 16, 32]


def test_large_mlp_for_cifar_has_the_right_shapes():
    """cifar10_mlp has 35 million weights: layers and length only."""
    net = layers.dense((3072, *params(mode='biohsic_cifar10_mlp').features, 10))
    biases = 5120 + 3072 + 1024 + 512 + 10
    assert layers.n_weights(net) == 3072 * 5120 + 5120 * 3072 + 3072 * 1024 + 1024 * 512 + 512 * 10 + biases


def test_evaluation_of_lif_does_not_change_the_state():
    p = params('mode=lif_linear', nmodels=2)
    sets = data.load(p)
    models = networks.LifModels.begin(p, sets)
    models.train([sets.train_x[:40]], [sets.train_y[:40]], 31, 31)
    before = models.u.copy()
    assert np.array_equal(models.evaluate(sets.test_x, sets.test_y), models.evaluate(sets.test_x, sets.test_y))
    assert np.array_equal(models.u, before) and before.any()
    assert lif_training.evaluate.targetoptions['nogil']
