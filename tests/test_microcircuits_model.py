"""Dendritic microcircuits: mathematics of the model and its rules, rulings on the released program's quirks, bad input."""
import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from test_common import kill_and_resume

import common
from common import Checkpoint, load_params
from microcircuits import compare, data, exp_params, model, plot_panels, runner, simulation, state
from microcircuits.circuit import Microcircuit, split
from microcircuits.exp_params_checks import ACTIVATIONS

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
    found = [subprocess.run([sys.executable, '-c', script], cwd=common.ROOT, capture_output=True, text=True, check=True,
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
            v = (c.c_out if i == 2 else c.c) * w @ rate
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
        factor = c.c_out * c.c ** (2 - layer)
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


# ---------------------------------------------------------------- rulings

def test_layers_draw_together_by_default_and_disturb_each_other_as_released():
    """D7: noise held K = 3 steps."""
    for released, together in ((False, True), (True, False)):
        net, rng = circuit_of(dtxi=0.03, released_code=released)
        r0, _ = rows(net, rng)
        noise = net.advance(r0, 100, 30, rng.standard_normal(600), learn_bw_weights=True, every=1, keep=('noise',))
        moved = np.abs(np.diff(noise, axis=0, prepend=0)) > 0
        first, second = moved[:, 0], moved[:, 5]
        assert np.array_equal(first, second) == together
        if together:
            assert np.array_equal(np.flatnonzero(first), np.arange(0, 30, 3))


def test_noise_held_over_several_steps_has_the_same_variance_by_default():
    """D7: the Ornstein-Uhlenbeck step is K dt: variance scale^2 / (2 - K dt/tau_xi)."""
    net, rng = circuit_of(dtxi=0.03)
    r0, _ = rows(net, rng)
    noise = net.advance(r0, 200_000, 200_000, rng.standard_normal(700_000), learn_bw_weights=True, every=3, keep=('noise',))
    assert noise[100:, :9].var() == pytest.approx(0.05 ** 2 / (2 - 0.3), rel=0.03)


def test_inactive_layers_see_their_apical_voltage():
    """D6: by default vapi_noise = vapi + xi with xi = 0 in inactive layers; released: what was left of the last turn."""
    for released in (False, True):
        net, rng = circuit_of(base=PHASED, released_code=released)
        r0, target = rows(net, rng)
        net.advance(r0, 100, 45, rng.standard_normal(300), target, **ALL_ON)
        active = net.count[state.ACTIVE]
        difference = net.vapi_noise[1 - active] - net.vapi[1 - active]
        assert net.noise[active].any()
        assert (np.abs(difference).max() < 1e-15 and not net.noise[1 - active].any()) != released


def test_phases_have_their_length():
    """D19: Tbw = 0.3 is 30 steps; the released test of floating-point time skips phases."""
    turns = {}
    for released in (False, True):
        net, rng = circuit_of(base=PHASED, released_code=released)
        r0, _ = rows(net, rng)
        active = []
        for step in range(200):
            net.count[state.DRAWN] = 0
            net.advance(r0, 1000, 1, rng.standard_normal(5), begin=step, learn_bw_weights=True)
            active.append(int(net.count[state.ACTIVE]))
        turns[released] = np.flatnonzero(np.diff([0, *active]))
    assert np.array_equal(turns[False], np.arange(0, 200, 30))
    assert len(turns[True]) < len(turns[False])


def test_varphi_regularizer_decays_the_top_layer_by_default():
    """D26."""
    for released in (False, True):
        net, rng = circuit_of(varphi_regularizer=True, alpha=(0.5, 0.5), noise_scale=(0.0, 0.0), released_code=released)
        r0, _ = rows(net, rng)
        before = [b.copy() for b in net.BPP]
        net.advance(r0, 10, 20, np.zeros(180), learn_bw_weights=True)
        assert np.abs(net.BPP[0]).sum() < np.abs(before[0]).sum()
        assert np.array_equal(net.BPP[1], before[1]) == released


def test_slope_of_the_hard_sigmoid():
    """D9."""
    assert load_params(exp_params, mode='smoke').slope_hard_sigmoid == pytest.approx(1 / 6)
    assert load_params(exp_params, mode='smoke', released_code=True).slope_hard_sigmoid == 1.0
    assert model.slope(ACTIVATIONS.index('hard_sigmoid'), 3.0, 1 / 6) == 0.0


def test_basal_factor_of_the_output_in_the_angles():
    """D10: only the last hidden layer's angles depend on it."""
    found = []
    for released in (False, True):
        net, rng = circuit_of(hidden_factor=released)
        r0, _ = rows(net, rng)
        parts = split(net.advance(r0, 10, 20, every=20, keep=('WPP', 'BPP', 'vbas')), ('WPP', 'BPP', 'vbas'), net)
        found.append(compare.alignment(net, parts['WPP'], parts['BPP'], parts['vbas']))
    for name in ('angle_jacobians', 'angle_BPP_RHS'):
        assert found[0][name][0, 0] == found[1][name][0, 0] and found[0][name][0, 1] != found[1][name][0, 1]
    np.testing.assert_array_equal(found[0]['angle_WPPT_BPP'], found[1]['angle_WPPT_BPP'])


def test_weight_transport_has_no_angle():
    """D12: B = W^T exactly gives 0 degrees, not NaN."""
    p = load_params(exp_params, mode='smoke', **(DEEP | dict(model_type='BP', task='fw_bw', angles=True)))
    assert np.nanmax(simulation.run(p)['angle_WPPT_BPP'][1:]) < 1 and not np.isnan(simulation.run(p)['angle_WPPT_BPP']).any()


def test_inputs_and_outputs_of_different_size_can_be_learned():
    """D3: 3 inputs, 2 outputs; the squared error is recorded as the squared norm (D4) and pre-training counted (D14)."""
    names = 'MSE,error,target,uP_breve,lat_mismatch,input'
    p = load_params(exp_params, mode='smoke', **(DEEP | dict(task='fw_bw', record=names)))
    d = simulation.run(p)
    assert d['first_record'] == 10 and d['uP_breve_3'].shape == (60, 2) and d['error'].shape == (50, 2)
    np.testing.assert_allclose(d['MSE'], (d['error'] ** 2).sum(axis=1))
    np.testing.assert_allclose(d['error'], d['uP_breve_3'][10:] - d['target'])
    assert d['input'].shape == (60, 3) and d['lat_mismatch_1'].shape == (60, 4)
    assert {tuple(row) for row in d['target']} == {tuple(row) for row in d['targets']}


def test_teacher_is_prospective_and_can_be_copied():
    """D27, and the two test options of the original."""
    p = load_params(exp_params, mode='smoke', **(DEEP | dict(task='fw_bw', taur=0.5, copy_teacher_weights=True,
                                                             copy_teacher_voltages=True)))
    setting = simulation.prepare(p)
    assert setting.teacher.constants.rho == 1.0 and setting.circuit.constants.rho == 0.5
    for name in ('WPP', 'WIP', 'BPP', 'BPI'):
        for ours, theirs in zip(getattr(setting.circuit, name), getattr(setting.teacher, name), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_seeds_differ_and_streams_are_independent():
    a, b = (simulation.run(load_params(exp_params, mode='smoke', seed=s)) for s in (1, 2))
    assert np.abs(a['final_BPP_1'] - b['final_BPP_1']).max() > 0 and np.array_equal(a['inputs'], b['inputs'])
    c = simulation.run(load_params(exp_params, mode='smoke', seed=1))
    assert all(np.array_equal(a[k], c[k], equal_nan=True) for k in a)


def test_killed_run_ends_bit_identical(tmp_path):
    """SIGKILL after a checkpoint; the run started again equals an uninterrupted one."""
    words = ['mode=fig4_pal', 'epochs=400', 'rng=legacy']
    seen, resumed = kill_and_resume(words, tmp_path, 0.1, 'microcircuits')
    assert seen > 0
    whole = simulation.run(load_params(exp_params, *words))
    assert whole.keys() == resumed.keys()
    assert all(np.array_equal(value, resumed[name]) for name, value in whole.items())


def test_resume_in_the_middle_of_an_epoch(tmp_path, monkeypatch):
    """Noise that was drawn and not used is kept (phased line, adaptive noise)."""
    words = ['mode=phased_pinv', 'epochs=4', 'change_epoch=2', 'rng=legacy', 'released_code=True', 'dataset_size=30']
    p = load_params(exp_params, *words)
    whole = simulation.run(p)

    class Stop(Exception):
        pass

    class Interrupted(Checkpoint):
        def offer(self, save, *args):
            self.last = 0
            super().offer(save, *args)
            self.calls = getattr(self, 'calls', 0) + 1
            if self.calls == 8:
                raise Stop

    with pytest.raises(Stop):
        simulation.run(p, Interrupted(tmp_path / 'x.npz'))
    resumed = simulation.run(p, Checkpoint(tmp_path / 'x.npz'))
    assert all(np.array_equal(value, resumed[name]) for name, value in whole.items())


def test_divergence_is_named(tmp_path):
    words = ['mode=fig4_bp', 'epochs=50', 'eta_fw=1e7,1e7', 'activation=linear']
    environment = os.environ | {'PLASTICITY_RESULTS': str(tmp_path)}
    result = subprocess.run([sys.executable, '-m', 'microcircuits.simulation', *words], env=environment, capture_output=True,
                            text=True, cwd=common.ROOT)
    assert result.returncode == 1 and 'Traceback' not in result.stderr
    for part in ('at step', 'seed 123', 'eta_fw=[10000000.0, 10000000.0]'):
        assert part in result.stderr, result.stderr


def test_yin_yang_samples():
    """Three classes in equal shares; half a turn swaps yin and yang and keeps the dots."""
    inputs, classes = data.yin_yang(np.random.default_rng(0), 6000)
    assert np.abs(np.bincount(classes) / 6000 - 1 / 3).max() < 0.03
    np.testing.assert_allclose(inputs[:, 2:], 1 - inputs[:, :2])
    assert (np.hypot(inputs[:, 0] - 0.5, inputs[:, 1] - 0.5) <= 0.5).all()
    turned = data.yin_yang_class(*(1 - inputs[:, :2]).T)
    assert np.array_equal(turned, np.array([1, 0, 2])[classes])
    np.testing.assert_array_equal(data.targets(np.array([1]), 3), [[0.1, 1.0, 0.1]])


# ---------------------------------------------------------------- bad input

@pytest.mark.parametrize('words, message', [
    (['layers=5,5'], 'at least 3 positive numbers'),
    (['layers=5,0,5'], 'at least 3 positive numbers'),
    (['eta_fw=1,1'], 'eta_fw has 2 entries, layers = (5, 20, 10, 20, 5) need 4'),
    (['eta_bw=1,1'], 'eta_bw has 2 entries, layers = (5, 20, 10, 20, 5) need 3'),
    (['alpha=1,1'], 'alpha has 2 entries'),
    (['noise_scale=1,1'], 'noise_scale has 2 entries'),
    (['eta_PI=1,1,1,1'], 'eta_PI has 4 entries'),
    (['activation=logistic,relu'], 'activation names 2 functions; 1 or 4'),
    (['activation=sigmoid'], "activation 'sigmoid': choose from linear, relu"),
    (['settling_time=101'], 'settling_time = 101.0 must lie between 0 and dataset_size * Tpres = 100.0'),
    (['Tpres=0.995'], 'Tpres = 0.995 must be a multiple of dt = 0.01'),
    (['dtxi=0.025'], 'dtxi = 0.025 must be a multiple of dt = 0.01'),
    (['mode=phased_small', 'Tbw=0.0015'], 'Tbw = 0.0015 must be a multiple of dt = 0.001'),
    (['model_type=DFA'], "model_type in ('BP', 'FA', 'PAL'"),
    (['noise_mode=uP_adaptive'], 'does not exist for PAL'),
    (['noise_mode=dynamic'], 'unfinished'),
    (['noise_type=pink'], "noise_type in ('OU'"),
    (['task=both'], "task in ('bw_only'"),
    (['compare=FA'], "compare in ('', 'BP')"),
    (['connection=skip'], "model_type = 'PAL' with connection = 'skip' exists with one hidden layer only"),
    (['mode=phased_larger', 'model_type=BP', 'layers=4,5,5,3', 'eta_fw=0,0,0', 'eta_bw=0,0', 'eta_PI=0,0', 'noise_scale=0,0',
      'alpha=0,0'], "model_type = 'BP' with connection = 'skip'"),
    (['model_type=LDRL'], "need connection='skip'"),
    (['mode=phased_small', 'activation=logistic'], 'gate_regularizer of the phased rules is defined for relu and hard_sigmoid'),
    (['mode=phased_small', 'noise_mode=const'], 'does not exist for LDRL; choose from uP, vapi, uP_adaptive'),
    (['dWPP_r_low_pass=True', 'dWPP_post_low_pass=True'], 'exclude each other'),
    (['dt=0.05', 'dtxi=0.05', 'tauxi=0.04'], 'tauxi = 0.04 is shorter than dt = 0.05'),
    (['dt=6', 'Tpres=6', 'dtxi=6', 'settling_time=6'], 'dt = 6.0 is longer than the time constant'),
    (['eta_fw=0,0,0,0'], 'an update of zero has no angle'),
    (['rec_per_steps=2000000'], 'longer than the run'),
    (['rec_per_steps=20000'], 'the comparison needs one record an epoch'),
    (['init_WPP_range=1,-1'], 'init_WPP_range = (1, -1): two numbers, low <= high'),
    (['record=WPP,voltage'], "unknown series 'voltage'; choose from MSE, error"),
    (['mode=yin_yang', 'task=bw_only'], 'learned with targets'),
    (['mode=yin_yang', 'layers=4,30,2'], 'three classes'),
])
def test_bad_input_is_named_in_one_line(words, message):
    with pytest.raises(ValueError) as error:
        load_params(exp_params, *words)
    assert message in str(error.value) and '\n' not in str(error.value)


def test_allowed_but_odd_values_warn(tmp_path):
    result = subprocess.run([sys.executable, '-m', 'microcircuits.simulation', 'mode=smoke', 'tauxi=0.01', 'alpha=0,0,0'],
                            env=os.environ | {'PLASTICITY_RESULTS': str(tmp_path)}, capture_output=True, text=True,
                            cwd=common.ROOT)
    assert result.returncode == 0
    assert 'warning: tauxi is close to dt' in result.stderr and 'warning: alpha has more entries' in result.stderr


def test_every_mode_has_valid_members():
    for mode in exp_params.MODES:
        p = load_params(exp_params, mode=mode)
        assert p.mode == mode and common.command(p).endswith(f'mode={mode}')
        for number in range(1, len(exp_params.SWEEPS.get(mode, [])) + 1):
            load_params(exp_params, mode=mode, array_num=number)
    assert load_params(exp_params, mode='fig3_strong', array_num=5).seed == 999


# ---------------------------------------------------------------- the original's command line

def params_json(folder, **changes):
    """A params.json as users of the original have it."""
    given = {'dt': 0.01, 'Tpres': 0.5, 'dtxi': 0.01, 'tauHP': 0.1, 'tauLO': 1, 'tauxi': 0.1, 'dataset_size': 4, 'epochs': 3,
             'settling_time': 1, 'layers': [2, 3, 2], 'activation': 'logistic', 'model_type': 'PAL', 'noise_type': 'OU',
             'noise_scale': [0.05], 'noise_deg': 30, 'noise_mode': 'const', 'gl': 0.03, 'gbas': 0.1, 'gapi': 0.06, 'gden': 0.1,
             'gnI': 0.06, 'gntgt': 0.06, 'eta_fw': [2, 0.5], 'eta_bw': [20], 'eta_IP': [10], 'eta_PI': [0.5],
             'init_WPP_range': [-1, 1], 'init_WIP_range': [-1, 1], 'init_BPP_range': [-1, 1], 'init_BPI_range': [-1, 1],
             'init_teacher_WPP_range': [0, 2], 'init_teacher_WIP_range': [-1, 1], 'init_teacher_BPP_range': [-1, 1],
             'init_teacher_BPI_range': [-1, 1], 'alpha': [1e-6, 1e-6, 1e-6], 'random_seed': [123, 456], 'init_in_SPS': True,
             'inter_low_pass': False, 'pyr_hi_pass': True, 'dWPP_low_pass': True, 'dWPP_r_low_pass': False,
             'dWPP_post_low_pass': False, 'gate_regularizer': False, 'dWPP_use_activation': True, 'input_signal': 'step',
             'copy_teacher_weights': False, 'copy_teacher_voltages': False, 'rec_per_steps': 10, 'rec_MSE': True,
             'rec_WPP': True, 'rec_WIP': False, 'rec_BPP': True, 'rec_BPI': True, 'rec_vbas': False, 'rec_rI_breve': True,
             'comment': 'weights as in the paper'} | changes
    path = folder / 'params.json'
    path.write_text(json.dumps({k: v for k, v in given.items() if v is not ...}))
    return path


PHASED_JSON = dict(tauHP=..., tauLO=..., tauxi=..., tausyn=0.1, taueps=1, Tbw=0.5, model_type='LDRL', noise_mode='uP_adaptive',
                   noise_type=..., noise_scale=[0.5, 0.5], settling_time=..., copy_teacher_weights=...,
                   copy_teacher_voltages=..., dataset_size=300, rec_epsilon_LO=True, rec_noise=True)


def run_runner(results, *words):
    environment = os.environ | {'PLASTICITY_RESULTS': str(results), 'MPLBACKEND': 'Agg'}
    return subprocess.run([sys.executable, '-m', 'microcircuits.runner', *map(str, words)], env=environment, cwd=common.ROOT,
                          capture_output=True, text=True)


@pytest.mark.parametrize('task, changes, figures', [
    ('fw_bw', {}, {'MSE', 'WPP_layer0', 'WPP_layer1', 'BPP_layer0', 'BPP+BPI_layer0', 'angle_WPPT_BPP0', 'angle_BPP_RHS0_mean',
                   'angle_MC_BP_ANN1', 'angle_MC_BP_ANN0_mean', 'rI_breve_layer0', 'angle_jacobians_BP0'}),
    ('fw_bw', PHASED_JSON, {'MSE', 'epsilon_LO_layer0', 'cos_layer0', 'noise_layer0', 'BPP_layer0'}),
])
def test_runner_writes_results_and_plots_beside_the_parameters(tmp_path, task, changes, figures):
    folder = tmp_path / 'run01'
    folder.mkdir()
    path = params_json(folder, **changes)
    more = [] if changes else ['--compare', 'BP']
    result = run_runner(tmp_path / 'results', '--params', path, '--task', task, *more)
    assert result.returncode == 0, result.stderr
    assert figures <= {file.stem for file in folder.glob('*.png')}
    runs = runner.load(folder / 'model.npz')
    assert [meta['seed'] for meta, _ in runs] == [123, 456]
    assert all(arrays['WPP_1'].shape[1:] == (3, 2) and np.isfinite(arrays['MSE']).all() for _, arrays in runs)
    for file in folder.glob('*.png'):
        file.unlink()
    assert run_runner(tmp_path / 'results', '--load', folder / 'model.npz').returncode == 0
    assert figures <= {file.stem for file in folder.glob('*.png')}


@pytest.mark.parametrize('changes, message', [
    ({'random_seed': 5}, 'random_seed must be a list of whole numbers'),
    ({'random_seed': []}, 'random_seed must be a list of whole numbers'),
    ({'input_signal': 'sine'}, 'input_signal must be "step"'),
    ({'eta_fww': [1]}, "did you mean eta_fw?"),
    ({'eta_fw': [1]}, 'eta_fw has 1 entries'),
    ({'init_WPP_range': [1, -1]}, 'low <= high'),
])
def test_mistakes_in_a_parameter_file_are_named(tmp_path, changes, message):
    path = params_json(tmp_path, **changes)
    with pytest.raises(ValueError) as error:
        runner.members_of(path, 'fw_bw')
    assert message in str(error.value) and '\n' not in str(error.value)


def test_mistakes_of_the_runner(tmp_path):
    (tmp_path / 'params.json').write_text('{"dt": 0.01,')
    for words, message in ((['--params', tmp_path / 'params.json', '--task', 'fw_bw'], 'is not JSON'),
                           (['--params', tmp_path / 'nowhere.json', '--task', 'fw_bw'], 'No such file'),
                           (['--params', tmp_path / 'params.json'], '--params and --task are needed'),
                           (['--load', tmp_path / 'model.pkl'], 'pickle of the released program'),
                           (['--task', 'both'], "invalid choice: 'both'")):
        result = run_runner(tmp_path, *words)
        assert result.returncode == 2 and message in result.stderr and 'Traceback' not in result.stderr
    np.savez(tmp_path / 'other.npz', meta=np.array('{"mode": "estimation"}'), x=np.zeros(2))
    assert 'holds estimation' in run_runner(tmp_path, '--load', tmp_path / 'other.npz').stderr
    p = load_params(exp_params, mode='smoke', record='WPP')
    arrays = {name: np.stack([value]) for name, value in simulation.run(p).items()}
    meta = {'kind': 'microcircuits.runner', 'seeds': [123], 'params': dataclasses.asdict(p)}
    np.savez(tmp_path / 'model.npz', meta=np.array(json.dumps(meta)), **arrays)
    result = run_runner(tmp_path, '--load', tmp_path / 'model.npz', '--task', 'fw_bw')
    assert 'holds runs of the task bw_only (seeds [123]), not fw_bw' in result.stderr


def test_published_data_of_the_figures():
    """The shipped percentiles are those of the reference cases' file; five published seeds lie within min and max."""
    table = plot_panels.percentiles('weak_WT_vs_B')
    assert table[1009, 1]['mean_deg'] == pytest.approx(20.69, abs=0.01)
    with np.load(plot_panels.PUBLISHED / 'published_angles_seeds0to4.npz') as stored:
        last = stored['weak_WT_vs_B'][:, -1]
    for layer in range(3):
        assert (last[:, layer] >= table[1009, layer + 1]['min'] - 1e-6).all()
        assert (last[:, layer] <= table[1009, layer + 1]['max'] + 1e-6).all()


