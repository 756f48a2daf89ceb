"""Dendritic microcircuits: held inputs by blocks (held.py) equal the plain equations."""
import numpy as np
import pytest
from killed import Killed
from test_microcircuits_model import ALL_ON, DEEP, PAIR, circuit_of, rows

from common.checkpoint import Checkpoint
from common.params import load_params
from microcircuits import exp_params, simulation, state
from microcircuits.circuit import HELD_FROM

BLOCK = ('held', 'p_old', 'W_p', 'D_p', 'W_s', 'W_t', 'D_s', 'D_t')
KEEP = ('WPP', 'dWPP', 'dWPP_LO', 'uP', 'r0_old')


def advanced(held, steps, base, hold=100, every=77, cuts=(0.4, 1.0), **given):
    """(state arrays by name, records) of a circuit that learns everything."""
    net, rng = circuit_of(base=base, **given)
    (r0, target), normals = rows(net, rng, steps // hold + 1), rng.standard_normal(steps * net.shape.hidden)
    start, begin, kept = net.x.copy(), 0, []
    for end in (round(cut * steps) for cut in cuts):
        kept.append(net.advance(r0, hold, end - begin, normals, target, begin=begin, every=every, keep=KEEP, held=held,
                                **ALL_ON))
        begin = end
    assert np.abs(net.x - start).max() > 0.1
    return {name: getattr(net.state, name) for name in state.State._fields if name not in BLOCK}, np.concatenate(kept)


@pytest.mark.parametrize('low_pass', [True, False])
@pytest.mark.parametrize('rule', ['PAL', 'BP', 'FA'])
def test_blocks_equal_single_updates(rule, low_pass):
    """Every weight, low-pass and recorded increment to 1e-12 after 3,000 steps, in two calls cut within a presentation."""
    given = dict(model_type=rule, dWPP_low_pass=low_pass, layers=(20, 9, 7, 3), tauLO=5.0)
    (plain, records), (held, held_records) = (advanced(h, 3000, DEEP, **given) for h in (False, True))
    for name, value in plain.items():
        np.testing.assert_allclose(held[name], value, rtol=0, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(held_records, records, rtol=0, atol=1e-12)


def test_a_large_first_layer():
    """784-100-10, 1,500 steps: weights to 1e-12."""
    given = dict(layers=(784, 100, 10), noise_scale=(0.01,), eta_fw=(0.1, 0.1), eta_bw=(1.0,), eta_IP=(0.1,), eta_PI=(0.1,),
                 alpha=(1e-5,))
    (plain, records), (held, held_records) = (advanced(h, 1500, DEEP, **given) for h in (False, True))
    for name in ('WPP', 'WIP', 'BPP', 'BPI', 'dWPP_LO', 'uP'):
        np.testing.assert_allclose(held[name], plain[name], rtol=0, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(held_records, records, rtol=0, atol=1e-12)


@pytest.mark.parametrize('more', [dict(dWPP_post_low_pass=True), dict(inter_low_pass=True), dict(dWPP_use_activation=False)])
def test_blocks_with_other_filters(more):
    (plain, _), (held, _) = (advanced(h, 600, DEEP, hold=50, **more) for h in (False, True))
    for name, value in plain.items():
        np.testing.assert_allclose(held[name], value, rtol=0, atol=1e-12, err_msg=name)


def test_blocks_where_they_pay():
    """Large first layers, and always (to the bit) where W is fixed; never without an input, or where its low-pass moves."""
    large = dict(layers=(784, 100, 10), noise_scale=(0.01,), eta_fw=(0.1, 0.1), eta_bw=(1.0,), eta_IP=(0.1,), eta_PI=(0.1,),
                 alpha=(1e-5,))
    net, small, filtered = circuit_of(base=large)[0], circuit_of()[0], circuit_of(base=large, dWPP_r_low_pass=True)[0]
    assert net.holds_inputs(10, 100, True) and not net.holds_inputs(10, 1, True) and not net.holds_inputs(0, 100, True)
    assert small.holds_inputs(10, 100, False) and not small.holds_inputs(10, 100, True)
    assert not filtered.holds_inputs(10, 100, True)
    ends = []
    for held in (False, True):
        net, rng = circuit_of()
        r0, _ = rows(net, rng)
        records = net.advance(r0, 30, 100, rng.standard_normal(900), every=3, keep=('uP', 'BPP', 'dWPP'), held=held,
                              learn_lat_weights=True, learn_bw_weights=True)
        ends.append((records, net.state.BPP.copy(), net.state.r0_old.copy()))
    for a, b in zip(*ends, strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_interrupted_run_with_blocks_ends_with_the_same_bits(tmp_path, monkeypatch):
    """Chunks of 77 steps end within presentations; the checkpoint holds plain weights."""
    monkeypatch.setattr(simulation, 'CHUNK', 77 * 30)
    p = load_params(exp_params, mode='smoke', **(PAIR | dict(layers=(40, 30, 3), task='fw_bw', record='WPP', rec_per_steps=40)))
    assert p.layers[0] * p.layers[1] >= HELD_FROM
    whole = simulation.run(p)
    with pytest.raises(KeyboardInterrupt):
        simulation.run(p, Killed(tmp_path / 'x.npz', [4]))
    resumed = simulation.run(p, Checkpoint(tmp_path / 'x.npz'))
    assert all(np.array_equal(value, resumed[name]) for name, value in whole.items())
