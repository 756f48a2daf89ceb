"""biohsic: closed-form gradients against autograd, fast paths against plain forms, limits and symmetries."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from biohsic import cnn, equations, exp_params, hsic, layers, lif, networks, optimise
from common.params import load_params

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
    """Their formulas coincide there."""
    x, y, _, z = window(N=2)
    xi = {name: hsic.modulating_signal(name, x, y, z, gamma, 0.5, 0.3, 1.0) for name in hsic.MODULATORS}
    np.testing.assert_allclose(xi['released'], xi['exact'], rtol=1e-12, atol=1e-18)
    np.testing.assert_allclose(xi['arxiv'], xi['exact'], rtol=1e-12, atol=1e-18)
    np.testing.assert_allclose(xi['published'], xi['exact'] / 2, rtol=1e-12, atol=1e-18)
    assert not xi['none'].any()


def plain_signal(name, x, y, z, gamma, sx, sy, sz):
    """Each variant as its authors write it, term by term."""
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
def test_one_formula_with_five_coefficients(name):
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
    np.testing.assert_allclose(equations.objective_gradient(kx, ky, z, 2.0, 1.0), free.grad, rtol=1e-10, atol=1e-16)
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

def torch_norm(a):
    h = a.clamp(min=0)
    mean = h.mean(-1, keepdim=True)
    variance = ((h * h).mean(-1, keepdim=True) - mean ** 2).clamp(min=0)
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
    x = torch.randn(4, 8, 8, 3, **TORCH)
    W, b = torch.randn(5, 3, 3, 3, requires_grad=True, **TORCH), torch.randn(5, requires_grad=True, **TORCH)
    found, _, _ = cnn.forward([W, b, torch.zeros(80, 2, **TORCH), torch.zeros(2, **TORCH)], x, 2)
    error = torch.randn(found[0].z.shape, **TORCH)
    np.testing.assert_allclose(found[0].z.detach(), torch_norm(found[0].a).detach(), rtol=1e-9, atol=1e-12)
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
    """Values by hand from their formulas."""
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
