"""Dendritic microcircuits: rulings on the released program's quirks, protocol, interruptions, samples."""
import gzip
import os
import subprocess
import sys

import numpy as np
import pytest
from killed import Killed
from test_microcircuits_model import ALL_ON, DEEP, PHASED, circuit_of, rows

from common import ROOT
from common.checkpoint import Checkpoint
from common.params import load_params
from microcircuits import checks, compare, data, exp_params, model, plot_panels, simulation, state
from microcircuits.checks import ACTIVATIONS
from microcircuits.circuit import split


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


def test_held_noise_leaves_the_legacy_stream_where_the_released_program_does():
    """D7, legacy: normals are drawn as they are needed; the next shuffle takes its numbers right behind the last one."""
    p = load_params(exp_params, mode='smoke', compare='', rng='legacy', dtxi=0.03, record='noise,input', rec_per_steps=1)
    setting = simulation.prepare(p)
    series = simulation.learn(p, setting, Checkpoint())[0].series
    noise, inputs, first = np.concatenate([series['noise_1'], series['noise_2']], axis=1), series['input'], 100
    rng, order, step = np.random.RandomState(p.seed), np.arange(p.dataset_size), first
    for _ in range(p.epochs):
        rng.shuffle(order)
        np.testing.assert_array_equal(inputs[step:step + 250:50], setting.inputs[order])
        for _ in range(250):
            if (step - first) % 3 == 0:                        # both layers, every K = 3 steps
                z = rng.normal(size=9)
                xi = noise[step - 1] + (0.03 / 0.1) * (-noise[step - 1]) + np.sqrt(0.03 * 0.1) / 0.1 * 0.05 * z
                np.testing.assert_allclose(noise[step], xi, atol=1e-14)
            step += 1


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
    assert setting.teacher.constants.taur == 1.0 and setting.circuit.constants.taur == 0.5
    assert {f'teacher_{name}_2' for name in ('WPP', 'WIP', 'BPP', 'BPI')} <= set(simulation.run(p))
    for name in ('WPP', 'WIP', 'BPP', 'BPI'):
        for ours, theirs in zip(getattr(setting.circuit, name), getattr(setting.teacher, name), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_seeds_differ_and_streams_are_independent():
    a, b = (simulation.run(load_params(exp_params, mode='smoke', seed=s)) for s in (1, 2))
    assert np.abs(a['final_BPP_1'] - b['final_BPP_1']).max() > 0 and np.array_equal(a['inputs'], b['inputs'])
    c = simulation.run(load_params(exp_params, mode='smoke', seed=1))
    assert all(np.array_equal(a[k], c[k], equal_nan=True) for k in a)


def test_resume_in_the_middle_of_an_epoch(tmp_path, monkeypatch):
    """Noise that was drawn and not used is kept (phased line, adaptive noise)."""
    words = ['mode=phased_pinv', 'epochs=4', 'change_epoch=2', 'rng=legacy', 'released_code=True', 'dataset_size=30']
    p = load_params(exp_params, *words)
    whole = simulation.run(p)
    with pytest.raises(KeyboardInterrupt):
        simulation.run(p, Killed(tmp_path / 'x.npz', [8]))
    resumed = simulation.run(p, Checkpoint(tmp_path / 'x.npz'))
    assert all(np.array_equal(value, resumed[name]) for name, value in whole.items())


def test_nothing_is_recorded_after_a_divergence():
    """Records that were never made are NaN, not angles of 0 degrees."""
    p = load_params(exp_params, mode='fig4_bp', epochs=300, eta_fw=(1e7, 1e7), activation='linear', angles=True)
    d = simulation.run(p)
    at = (d['diverged_at'] + 1) // p.rec_per_steps
    assert 0 < d['diverged_at'] and np.isnan(d['angle_WPPT_BPP'][at:]).all() and np.isnan(d['MSE'][at - 10:]).all()
    assert np.isfinite(d['WPP_1'][:d['first_record']]).all()


@pytest.mark.parametrize('mode, more', [('fig4_bp', {'eta_fw': (1e7, 1e7)}), ('fig4_pal', {'eta_bw': (1e6,), 'rng': 'legacy'})])
def test_the_step_of_a_divergence_does_not_depend_on_the_chunks(mode, more, monkeypatch):
    """The first step with something infinite is named, not the end of the chunk it fell into."""
    p = load_params(exp_params, mode=mode, epochs=20, activation='linear', angles=False, rec_per_steps=1, record='uP,WPP,BPP',
                    **more)
    found = simulation.run(p)
    step = int(found['diverged_at'])
    assert step > 0 and all(np.isfinite(found[f'{name}_1'][:step]).all() for name in ('uP', 'WPP', 'BPP'))
    assert not np.isfinite(found['uP_1'][step + 1:]).all(axis=1).any()
    monkeypatch.setattr(simulation, 'CHUNK', 77)
    assert simulation.run(p)['diverged_at'] == step


def test_divergence_is_named(tmp_path):
    words = ['mode=fig4_bp', 'epochs=50', 'eta_fw=1e7,1e7', 'activation=linear']
    environment = os.environ | {'PLASTICITY_RESULTS': str(tmp_path)}
    result = subprocess.run([sys.executable, '-m', 'microcircuits.simulation', *words], env=environment, capture_output=True,
                            text=True, cwd=ROOT)
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


def test_published_data_of_the_figures():
    """The shipped percentiles are those of the reference cases' file; five published seeds lie within min and max."""
    table = plot_panels.percentiles('weak_WT_vs_B')
    assert table[1009, 1]['mean_deg'] == pytest.approx(20.69, abs=0.01)
    with np.load(plot_panels.PUBLISHED / 'published_angles_seeds0to4.npz') as stored:
        last = stored['weak_WT_vs_B'][:, -1]
    for layer in range(3):
        assert (last[:, layer] >= table[1009, layer + 1]['min'] - 1e-6).all()
        assert (last[:, layer] <= table[1009, layer + 1]['max'] + 1e-6).all()


def idx(path, array):
    """Write a gzipped idx file of unsigned bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    head = bytes([0, 0, 8, array.ndim]) + b''.join(n.to_bytes(4, 'big') for n in array.shape)
    path.write_bytes(gzip.compress(head + array.astype(np.uint8).tobytes()))


def test_mnist_samples(tmp_path):
    """Training and validation images are different ones of the 60,000, the test set is whole, rates are grey values in 0..1."""
    rng = np.random.default_rng(0)
    images = np.zeros((40, 28, 28))
    images[:, 0, 0], images[:, 27, 27] = np.arange(40), 255            # the image's number, and white
    for name, array in zip(data.MNIST, (images, np.arange(40) % 10, images[:7], np.arange(7)), strict=True):
        idx(tmp_path / name, array)
    training, validation, test = data.mnist(rng, 20, 10, str(tmp_path))
    numbers = [np.round(255 * x[:, 0]).astype(int) for x, _ in (training, validation, test)]
    assert [len(n) for n in numbers] == [20, 10, 7] and not set(numbers[0]) & set(numbers[1])
    for n, (x, y) in zip(numbers, (training, validation, test), strict=True):
        assert x.shape[1] == 784 and np.array_equal(y, n % 10) and (x[:, -1] == 1.0).all()
    assert np.array_equal(numbers[2], np.arange(7))
    with pytest.raises(ValueError, match='MNIST has 40 training images'):
        data.mnist(rng, 35, 10, str(tmp_path))
    idx(tmp_path / data.MNIST[1], np.arange(39))
    with pytest.raises(ValueError, match='do not belong together'):
        data.mnist(rng, 20, 10, str(tmp_path))
    (tmp_path / data.MNIST[2]).unlink()
    p = load_params(exp_params, mode='mnist', data_dir=str(tmp_path))
    with pytest.raises(FileNotFoundError, match='python data/fetch.py mnist'):
        checks.inputs(p)
