"""Quantities and decisions whose values are known from their definitions, in cases where a slip would show."""
import numpy as np
import pytest

from biohsic import exp_params as networks
from biohsic.reservoir import Reservoir
from common.params import load_params
from microcircuits import compare, phased, simulation
from microcircuits import exp_params as circuits
from microcircuits.circuit import Microcircuit
from rstdp_mnist import exp_params as digits
from rstdp_mnist import features, rstdp
from task_plasticity import plot_analysis

# ---------------------------------------------------------------- task_plasticity


def test_known_d_prime():
    """Means 2 and 0, variances 1 and 9 (divided by n): d' = 2 / sqrt((1 + 9) / 2)."""
    found = plot_analysis.d_prime(np.array([1.0, 3.0]), np.array([-3.0, 3.0]))
    np.testing.assert_allclose(found, (2 / np.sqrt(5), 2, np.sqrt(5)))


def test_known_fisher_information():
    """Rates (sin, cos) of 12 angles, covariance 4/3 I: f' by central differences is (cos, -sin) sin(d) / d."""
    angles, d = np.linspace(-np.pi, np.pi, 12, endpoint=False), np.pi / 6
    noise = np.array([[1.0, 1, -1, -1], [1, -1, 1, -1]])
    r = np.concatenate([np.array([[np.sin(a)], [np.cos(a)]]) + noise for a in angles], axis=1)
    found = plot_analysis.fisher_information(r, np.repeat(angles, 4))
    np.testing.assert_allclose(found, np.full(12, (np.sin(d) / d) ** 2 * 3 / 4), rtol=1e-12)


# ---------------------------------------------------------------- biohsic

def test_known_running_means_of_reward_and_output():
    """Low-passes with the time constant average_time, not that of the units: after n equal steps 1 - (1 - dt / tau)^n."""
    p = load_params(networks, mode='reservoir', readout_rule='rmhebb', nhidden=4, average_time=0.02, output_noise=0.1,
                    dtype='float64')
    net = Reservoir.random(p, 3, np.random.default_rng(0))
    o, xi = np.linspace(0.1, 0.5, p.zdim), np.zeros(p.zdim)
    for _ in range(3):
        net.rmhebb(np.ones(4), o, xi, 0.0)
    share = 1 - (1 - p.time_step / 0.02) ** 3
    np.testing.assert_allclose(net.slow_output, share * o)
    np.testing.assert_allclose(net.slow_reward, -share * (o ** 2).sum())
    assert p.time_constant != p.average_time


# ---------------------------------------------------------------- microcircuits

def test_known_misalignment():
    """Prospective voltages along B r_N: 0; against it: 1; orthogonal to it: 1/2."""
    p = load_params(circuits, mode='phased_pinv')
    net = Microcircuit.random(p, np.random.default_rng(0), np.random.default_rng(1))
    net.rP_breve[-1][:] = 0.3, 0.7
    back = net.BPP[0] @ net.rP_breve[-1]
    for u, epsilon in ((2 * back, 0.0), (-back, 1.0), (np.array([back[1], -back[0], 0.0]), 0.5)):
        net.uP_breve[0][:] = u
        assert phased.misalignment(net.shape, net.state, 0) == pytest.approx(epsilon, abs=1e-12)


def test_known_alignment():
    """Logistic cells: B_1 = diag(phi'_1) W_2^T diag(phi'_2) is aligned with the right-hand side, B_2 = W_3^T with W_3^T."""
    p = load_params(circuits, mode='smoke', activation='logistic')
    net, rng = Microcircuit.random(p, np.random.default_rng(0), np.random.default_rng(1)), np.random.default_rng(2)
    W, B = ([part[None].copy() for part in parts] for parts in (net.WPP, net.BPP))
    vbas = [rng.normal(0, 3, (1, n)) for n in p.layers[1:]]
    c = p.gbas / (p.gl + p.gbas + p.gapi)
    y = [1 / (1 + np.exp(-c * v[0])) for v in vbas]
    B[0][0] = np.diag(y[0] * (1 - y[0])) @ W[1][0].T @ np.diag(y[1] * (1 - y[1]))
    B[1][0] = W[2][0].T
    found = compare.alignment(net, W, B, vbas)
    assert found['angle_BPP_RHS'][0, 0] == pytest.approx(0, abs=1e-5) and found['angle_BPP_RHS'][0, 1] > 1
    assert found['angle_WPPT_BPP'][0, 1] == pytest.approx(0, abs=1e-5) and found['angle_WPPT_BPP'][0, 0] > 1


def test_known_targets_of_the_presentations():
    """u-breve of the teacher's output before the last step of each presentation (D18)."""
    p = load_params(circuits, mode='smoke', task='fw_bw', dataset_size=3, Tpres=0.2, settling_time=0.1)
    setting = simulation.prepare(p)
    for i in range(3):
        np.testing.assert_array_equal(setting.targets[i], setting.voltages[(i + 1) * p.hold - 1])
    assert len(setting.targets) == 3 and np.abs(np.diff(setting.voltages, axis=0)).max() > 0


# ---------------------------------------------------------------- rstdp_mnist

def test_known_winner_among_weights_of_the_same_level():
    """Two maps whose weights round to the same byte, 100.48 and 100.49 levels: the second has the larger exact potential."""
    step = 0.6 / 255
    W = np.stack([np.full((40, 1, 1), 0.2 + levels * step) for levels in (100.48, 100.49)])
    for order, winner in ((W, 1), (W[::-1].copy(), 0)):
        assert rstdp.Decider(order, n_classes=2).present(np.ones((1, 40, 1, 1), np.uint8))[0][0] == winner
    equal = np.stack([W[0], W[0]])
    assert rstdp.Decider(equal, n_classes=2).present(np.ones((1, 40, 1, 1), np.uint8))[0][0] == 0


def test_known_orders_of_the_images():
    """Shuffled: every image once, another order in each epoch and layer; else their own order."""
    p, plain = (load_params(digits, mode='digits', shuffle=shuffle) for shuffle in (True, False))
    orders = [features.order_of_images(p, 50, stage, epoch) for stage in (1, 2) for epoch in (0, 1)]
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert len({tuple(order) for order in orders}) == 4
    assert list(features.order_of_images(plain, 50, 1, 1)) == list(range(50))


def test_known_initial_weights_of_another_layer_3():
    """s3_seed draws layer 3 anew and leaves layers 1 and 2, which runs share, as they are."""
    plain, other = (features.initial_weights(load_params(digits, mode='digits', **given)) for given in ({}, {'s3_seed': 7}))
    for number, same in enumerate((True, True, False)):
        assert np.array_equal(plain[number], other[number]) == same
