"""Dendritic microcircuits: mathematics of the model and its rules."""
import os
import subprocess
import sys

import numpy as np
import pytest

from common import ROOT
from common.params import load_params
from microcircuits import compare, exp_params
from microcircuits.checks import ACTIVATIONS
from microcircuits.circuit import Microcircuit, split

PAIR = dict(layers=(3, 4, 2), noise_scale=(0.05,), eta_fw=(1.0, 1.0), eta_bw=(50.0,), eta_IP=(4.0,), eta_PI=(5.0,),
            alpha=(1e-5,), compare='', dataset_size=5, epochs=2, settling_time=1.0, rec_per_steps=10)
DEEP = PAIR | dict(layers=(3, 5, 4, 2), noise_scale=(0.05,) * 2, eta_fw=(1.0,) * 3, eta_bw=(50.0,) * 2, eta_IP=(4.0,) * 2,
                   eta_PI=(5.0,) * 2, alpha=(1e-5,) * 2)
PHASED = DEEP | dict(connection='skip', model_type='LDRL', noise_mode='uP', noise_scale=(0.5, 0.5), Tbw=0.3)
ALL_ON = {'learn_weights': True, 'learn_lat_weights': True, 'learn_bw_weights': True}


def circuit_of(seed=0, base=DEEP, **given):
    """(Microcircuit, Generator) with random voltages and weights."""
    rng = np.random.default_rng(seed)
    return Microcircuit.random(load_params(exp_params, mode='smoke', **(base | given)), rng, rng), rng


def rows(net, rng, n=4):
    """Inputs and targets."""
    return rng.uniform(0, 1, (n, net.p.layers[0])), rng.uniform(0, 1, (n, net.p.layers[-1]))


# ---------------------------------------------------------------- mathematics

@pytest.mark.parametrize('name', ACTIVATIONS)
def test_slopes_are_derivatives(name):
    kind = ACTIVATIONS.index(name)
    u = np.array([-4.0, -1.2, -0.1, 0.3, 2.0, 5.0])
    numeric = (compare.phi(kind, u + 1e-6) - compare.phi(kind, u - 1e-6)) / 2e-6
    np.testing.assert_allclose(compare.phi_prime(kind, u, 1 / 6), numeric, atol=1e-8)


@pytest.mark.parametrize('name', ['soft_relu', 'logistic', 'tanh'])
def test_activations_do_not_overflow(name):
    kind, u = ACTIVATIONS.index(name), np.array([-1e4, -800.0, 800.0, 1e4])
    with np.errstate(over='ignore'):
        assert np.isfinite(compare.phi(kind, u)).all() and np.isfinite(compare.phi_prime(kind, u, 1 / 6)).all()


def test_prospective_voltage_is_the_stationary_one_of_the_step_before():
    """u-breve(t) = u_eff(t-1): the network follows its input without relaxation."""
    net, rng = circuit_of(model_type='FA')
    r0, _ = rows(net, rng)
    net.advance(r0, 10, 25)
    s, c = net.state, net.constants
    expected = c.tau_hid * (c.gbas * s.vbas[:9] + c.gapi * s.vapi)
    net.advance(r0, 10, 1, begin=25)
    np.testing.assert_allclose(net.state.uP_breve[:9], expected, rtol=1e-10)


def test_without_prospective_coding_rates_lag_by_a_step():
    net, rng = circuit_of(model_type='FA', taur=0.0)
    r0, _ = rows(net, rng)
    net.advance(r0, 10, 25)
    before = net.state.uP_old.copy()
    net.advance(r0, 10, 1, begin=25)
    np.testing.assert_array_equal(net.state.uP_breve, before)


def test_self_predicting_state_cancels_the_top_down_input():
    """Interneurons mirror the layer above, apical voltages vanish."""
    for base in (DEEP, PHASED):
        net, rng = circuit_of(base=base, model_type='FA')
        r0, _ = rows(net, rng)
        net.advance(r0, 1000, 900)
        assert np.abs(net.state.vapi).max() < 1e-10
        for inter, above in zip(net.rI_breve[::-1], net.rP_breve[::-1], strict=False):
            np.testing.assert_allclose(inter, above, atol=1e-10)


def test_noise_is_an_ornstein_uhlenbeck_process():
    """Stationary variance scale^2 / (2 - dt/tau_xi), correlation 1 - dt/tau_xi a step."""
    net, rng = circuit_of(noise_scale=(0.05, 0.1))
    r0, _ = rows(net, rng)
    noise = net.advance(r0, 100_000, 100_000, rng.standard_normal(900_000), learn_bw_weights=True, every=1, keep=('noise',))
    noise = noise[500:]
    for part, scale in ((noise[:, :5], 0.05), (noise[:, 5:9], 0.1)):
        assert part.var() == pytest.approx(scale ** 2 / (2 - 0.1), rel=0.03)
        assert (part[1:] * part[:-1]).mean() / part.var() == pytest.approx(0.9, abs=0.01)
    assert not noise[:, 9:].any()                              # none in the output


def test_kernels_equal_their_python_source():
    """The compiled kernels and the functions they are compiled from."""
    script = '''
import numpy as np, sys
sys.path.insert(0, "tests")
from test_microcircuits_model import ALL_ON, PHASED, DEEP, circuit_of, rows
for base in (DEEP, PHASED, dict(PHASED, noise_mode="uP_adaptive", model_type="DTPDRL"), dict(DEEP, model_type="BP")):
    net, rng = circuit_of(base=base)
    r0, target = rows(net, rng)
    net.advance(r0, 10, 40, rng.standard_normal(400), target, **ALL_ON)
    print(" ".join(x.hex() for x in net.x))
'''
    found = [subprocess.run([sys.executable, '-c', script], cwd=ROOT, capture_output=True, text=True, check=True,
                            env=os.environ | {'NUMBA_DISABLE_JIT': flag}).stdout for flag in '01']
    compiled, plain = (np.array([float.fromhex(word) for word in text.split()]) for text in found)
    assert len(compiled) > 1000
    np.testing.assert_allclose(compiled, plain, rtol=1e-9, atol=1e-12)


def test_backprop_updates_are_gradients():
    """Each layer's update is the negative gradient of the squared output error, up to a positive factor."""
    net, rng = circuit_of(base=DEEP, activation='tanh', model_type='FA')
    r0, target = rows(net, rng, 1)
    W = [w.copy() for w in net.WPP]
    updates = compare.backprop_updates(net, W, r0, target)
    c = net.constants

    def loss(weights):
        rate = r0[0]
        for i, w in enumerate(weights):
            v = (c.c_out if i == 2 else c.c_hid) * w @ rate
            rate = np.tanh(v)
        return 0.5 * ((target[0] - v) ** 2).sum()

    for layer, update in enumerate(updates):
        gradient = np.zeros_like(W[layer])
        for index in np.ndindex(gradient.shape):
            ends = []
            for step in (1e-5, -1e-5):
                changed = [w.copy() for w in W]
                changed[layer][index] += step
                ends.append(loss(changed))
            gradient[index] = (ends[0] - ends[1]) / 2e-5
        factor = c.c_out * c.c_hid ** (2 - layer)
        np.testing.assert_allclose(factor * update[0], -gradient, rtol=1e-6, atol=1e-10)
    tied = compare.backprop_updates(net, W, r0, target, [w.T for w in W[1:]])
    for a, b in zip(updates, tied, strict=True):
        np.testing.assert_allclose(a, b)


def test_angles():
    A = np.array([[1.0, 2.0], [3.0, 4.0]])
    B = np.array([[4.0, -3.0], [2.0, -1.0]])                   # trace(A^T B) = 4 - 6 + 6 - 4 = 0
    assert compare.angle(A, A) == 0 and compare.angle(A, 3 * A) == pytest.approx(0, abs=3e-6)
    assert compare.angle(A, B) == pytest.approx(90) and compare.angle(A, -A) == pytest.approx(180)


def test_fa_and_bp_ignore_noise_and_filters():
    """Parameter files carry these keys for all models."""
    for model_type in ('FA', 'BP'):
        ends = []
        other = dict(noise_scale=(9.0, 9.0), tauHP=5.0, dWPP_low_pass=False, inter_low_pass=True, gate_regularizer=True)
        for more in ({}, other):
            net, rng = circuit_of(model_type=model_type, **more)
            r0, target = rows(net, rng)
            net.advance(r0, 10, 40, None, target, **ALL_ON)
            ends.append(net.x)
        np.testing.assert_array_equal(*ends)


def test_pal_with_skip_connections_and_one_hidden_layer_is_the_layered_one():
    ends = []
    for connection in ('layered', 'skip'):
        net, rng = circuit_of(base=PAIR, connection=connection)
        r0, target = rows(net, rng)
        net.advance(r0, 10, 40, rng.standard_normal(160), target, **ALL_ON)
        ends.append(net.x)
    np.testing.assert_array_equal(*ends)


def test_a_run_does_not_depend_on_how_it_is_cut():
    """Whole, or in pieces of 7 steps."""
    for base, drawn in ((DEEP, 9 * 40), (PHASED, 5 * 40)):
        found = []
        for piece in (40, 7):
            net, rng = circuit_of(base=base)
            (r0, target), normals = rows(net, rng), rng.standard_normal(drawn)
            kept = [net.advance(r0, 10, min(piece, 40 - begin), normals, target, begin=begin, every=3, keep=('uP', 'BPP'),
                                **ALL_ON) for begin in range(0, 40, piece)]
            found.append((net.x, np.concatenate(kept)))
        np.testing.assert_array_equal(found[0][0], found[1][0])
        np.testing.assert_array_equal(found[0][1], found[1][1])
        assert len(found[0][1]) == 13


def test_without_input_the_first_basal_voltage_stays():
    net, rng = circuit_of(model_type='FA')
    net.evolve_system(np.full(3, 0.5))
    before, W = net.vbas[0].copy(), net.WPP[0].copy()
    net.evolve_system(None, learn_weights=True)
    np.testing.assert_array_equal(net.vbas[0], before)
    np.testing.assert_array_equal(net.WPP[0], W)


def test_one_step_from_python():
    """evolve_system takes one-element target lists, attributes are layers, wrong sizes are named."""
    net, rng = circuit_of()
    before = [w.copy() for w in net.WPP]
    net.evolve_system(np.full(3, 0.5), [np.full(2, 1.0)], learn_weights=True, learn_bw_weights=True, rng=rng)
    net.evolve_system(np.full(3, 0.5), [np.full(2, 1.0)], learn_weights=True, learn_bw_weights=True, rng=rng)
    assert [w.shape for w in net.WPP] == [(5, 3), (4, 5), (2, 4)] and [b.shape for b in net.BPP] == [(5, 4), (4, 2)]
    assert any(np.abs(a - b).max() > 0 for a, b in zip(before, net.WPP, strict=True))
    with pytest.raises(ValueError, match='r0 has 4 entries, the input layer 3'):
        net.evolve_system(np.zeros(4))
    with pytest.raises(ValueError, match='u_tgt has 3 entries, the output layer 2'):
        net.evolve_system(np.zeros(3), [np.zeros(3)])
    with pytest.raises(ValueError, match='WPP takes matrices'):
        net.set_weights(WPP=[np.zeros((2, 2))] * 3)
    with pytest.raises(AttributeError, match='WXX'):
        print(net.WXX)
    with pytest.raises(AttributeError, match='WPP is written to in place'):
        net.WPP = before
    with pytest.raises(TypeError):
        net.WPP[0] = before[0]                                 # would not reach the circuit


def test_increments_and_series_of_single_steps():
    """Every step's increments are there, whatever the switches; init_record keeps series [record][layer]."""
    net, rng = circuit_of()
    net.init_record(2, 'BPP', 'uP_breve')
    for _ in range(6):
        before = [b.copy() for b in net.BPP]
        net.evolve_system(np.full(3, 0.5), learn_bw_weights=True, rng=rng)
    for b, old, d in zip(net.BPP, before, net.dBPP, strict=True):
        np.testing.assert_allclose(b, old + d, rtol=0, atol=1e-15)
    assert all(d.any() for d in (*net.dBPP, *net.dWPP)) and len(net.BPP_time_series) == len(net.uP_breve_time_series) == 3
    np.testing.assert_array_equal(net.BPP_time_series[-1][1], net.BPP[1])
    assert (net.BPP_time_series[0][0] != net.BPP[0]).any()
    with pytest.raises(ValueError, match="unknown variable 'uPP'"):
        net.init_record(2, 'uPP')


def test_noise_that_runs_out_is_named():
    """Kernels do not look where an array ends: too few normals must not become garbage."""
    for base, enough in ((DEEP, 90), (PHASED, 50)):
        for given in (None, enough // 2):
            net, rng = circuit_of(base=base)
            r0, _ = rows(net, rng)
            normals = None if given is None else rng.standard_normal(given)
            with pytest.raises(ValueError, match='normals has only'):
                net.advance(r0, 10, 10, normals, learn_bw_weights=True)
        net, rng = circuit_of(base=base)
        net.advance(r0, 10, 10, rng.standard_normal(enough), learn_bw_weights=True)


def test_recorded_increments_of_the_phased_line():
    """Increments are those of the recorded step; layers without noise have none."""
    net, rng = circuit_of(base=PHASED)
    r0, target = rows(net, rng)
    names = ('BPP', 'dBPP', 'WIP', 'dWIP', 'BPI', 'dBPI', 'WPP', 'dWPP')
    parts = split(net.advance(r0, 100, 60, rng.standard_normal(300), target, every=1, keep=names, **ALL_ON), names, net)
    for weights in ('BPP', 'WIP', 'BPI', 'WPP'):
        for w, d in zip(parts[weights], parts[f'd{weights}'], strict=True):
            assert d.any()
            np.testing.assert_allclose(w[1:], w[:-1] + d[1:], rtol=0, atol=1e-14)
