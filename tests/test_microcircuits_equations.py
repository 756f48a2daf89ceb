"""Dendritic microcircuits: the compiled kernels do what equations.py says, for random small circuits."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.params import load_params
from microcircuits import equations, exp_params
from microcircuits.circuit import NO_ROWS, Microcircuit

NAMES = {'WPP': 'W', 'WIP': 'WI', 'BPP': 'B', 'BPI': 'BI', 'uP': 'u', 'uI': 'uI', 'uP_breve': 'u_breve', 'rP_breve': 'r',
         'vbas': 'vbas', 'vden': 'vden', 'vapi': 'vapi', 'noise': 'xi'}


def pair(n, rule, phi, seed, **more):
    """(kernel's circuit, the same in equations.py): same constants, voltages and weights."""
    rng, H = np.random.default_rng(seed), len(n) - 2
    rates = {'eta_fw': rng.uniform(0, 2, H + 1), 'eta_IP': rng.uniform(0, 5, H), 'eta_bw': rng.uniform(0, 50, H),
             'eta_PI': rng.uniform(0, 5, H), 'alpha': rng.uniform(0, 0.01, H), 'noise_scale': rng.uniform(0, 0.3, H)}
    tau_HP, tau_LO, rho = rng.uniform(0.05, 0.5), rng.uniform(0.05, 5), rng.uniform(0, 1)
    skip = rule in ('LDRL', 'DTPDRL')
    conductances = dict(zip(('gl', 'gbas', 'gapi', 'gden', 'gnI', 'gntgt'), rng.uniform(0.02, 0.2, 6), strict=True))
    given = {name: tuple(float(x) for x in values) for name, values in rates.items()} | {k: float(v) for k, v in
                                                                                         conductances.items()}
    if skip:
        given |= {'connection': 'skip', 'noise_mode': 'uP', 'tausyn': tau_HP, 'dWPP_low_pass': False,
                  'eta_IP': given['eta_IP'][-1:]}
    p = load_params(exp_params, mode='smoke', layers=n, model_type=rule, activation=phi, compare='', taur=rho, tauHP=tau_HP,
                    tauLO=tau_LO, tauxi=0.2, record='', angles=False, **given | more)
    net = Microcircuit.random(p, rng, rng)
    own = equations.Circuit(n, rule, phi, rng, skip=skip, tau_HP=tau_HP, tau_LO=tau_LO if p.dWPP_low_pass else 0, tau_xi=0.2,
                            rho=rho, eta_W=rates['eta_fw'], eta_WI=given['eta_IP'] if not skip else given['eta_IP'] * H,
                            eta_B=rates['eta_bw'], eta_BI=rates['eta_PI'], alpha=rates['alpha'], sigma=rates['noise_scale'],
                            **conductances)
    for theirs, ours in (('uP', 'u'), ('uI', 'uI'), ('WPP', 'W'), ('BPP', 'B')):
        setattr(own, ours, [x.copy() for x in getattr(net, theirs)])
    equations.self_predicting_state(own)
    own.u_prev, own.uI_prev = own.u, own.uI
    own.r, own.rI = [own.phi(u) for u in own.u], [own.phi(u) for u in own.uI]
    own.h = own.r
    return net, own, rng


def same(net, own, high_passed):
    """Every voltage, rate and weight of the two to 1e-9."""
    for theirs, ours in NAMES.items():
        for layer, value in enumerate(getattr(own, ours)):
            np.testing.assert_allclose(getattr(net, theirs)[layer], value, rtol=1e-9, atol=1e-9, err_msg=f'{theirs} {layer}')
    for layer in high_passed:
        np.testing.assert_allclose(net.rP_breve_HI[layer], own.h[layer], rtol=1e-9, atol=1e-9, err_msg='high-passed rates')


layered = st.lists(st.integers(1, 5), min_size=3, max_size=5).map(tuple)
activations = st.sampled_from(sorted(equations.PHI))


@settings(max_examples=60, deadline=None)
@given(n=layered, rule=st.sampled_from(['PAL', 'BP', 'FA']), phi=activations, seed=st.integers(0, 10 ** 6),
       supervised=st.booleans(), filtered=st.booleans(), hold=st.sampled_from([1, 7, 20]), held=st.booleans())
def test_phaseless_kernel_equals_the_equations(n, rule, phi, seed, supervised, filtered, hold, held):
    """Settling without learning, then 60 steps of learning with inputs held `hold` steps, in one call and one more."""
    net, own, rng = pair(n, rule, phi, seed, dWPP_low_pass=filtered)
    r0, target = rng.uniform(0, 1, (60, n[0])), rng.uniform(-0.5, 1, (60, n[-1]))
    z = rng.standard_normal((60, sum(n[1:-1])))
    net.advance(r0, hold, 5)
    for t in range(5):
        equations.step(own, r0[t // hold], learn=False)
    same(net, own, range(len(n) - 1) if rule == 'PAL' else ())
    on = dict(learn_weights=True, learn_lat_weights=True, learn_bw_weights=True)
    for begin, steps in ((0, 41), (41, 19)):
        net.advance(r0, hold, steps, z.ravel(), target if supervised else NO_ROWS, begin=begin, held=held, **on)
        for t in range(begin, begin + steps):
            equations.step(own, r0[t // hold], target[t // hold] if supervised else None,
                           np.split(z[t], np.cumsum(n[1:-2])))
        same(net, own, range(len(n) - 1) if rule == 'PAL' else ())


@settings(max_examples=30, deadline=None)
@given(n=layered, rule=st.sampled_from(['LDRL', 'DTPDRL']), phi=activations, seed=st.integers(0, 10 ** 6),
       supervised=st.booleans(), K=st.sampled_from([1, 3]))
def test_phased_kernel_equals_the_equations(n, rule, phi, seed, supervised, K):
    """Three phases of 15 steps; white noise held K steps."""
    net, own, rng = pair(n, rule, phi, seed, dtxi=K * 0.01, Tbw=0.15)
    r0, target = rng.uniform(0, 1, (9, n[0])), rng.uniform(-0.5, 1, (9, n[-1]))
    H, z, used, active = len(n) - 2, rng.standard_normal(45 * max(n)), 0, 0
    net.advance(r0, 5, 45, z, target if supervised else NO_ROWS, learn_weights=True, learn_lat_weights=True,
                learn_bw_weights=True)
    for t in range(45):
        active, drawn = (t // 15 + 1) % H, None
        if t % 15 % K == 0:
            drawn, used = z[used:used + n[active + 1]], used + n[active + 1]
        equations.step_phased(own, r0[t // 5], active, target[t // 5] if supervised else None, drawn)
    same(net, own, [len(n) - 2])


@pytest.mark.parametrize('phi', sorted(equations.PHI))
def test_slopes_are_derivatives(phi):
    value, slope = equations.PHI[phi]
    u = np.array([-4.0, -1.2, -0.1, 0.3, 2.0, 5.0])
    np.testing.assert_allclose(slope(u), (value(u + 1e-6) - value(u - 1e-6)) / 2e-6, atol=1e-8)


def test_backward_weights_align_by_noise_alone():
    """The training loop: from about orthogonal to well aligned."""
    angles = equations.train()[:, 0]
    assert angles[0] > 80 and angles[-1] < 35


def test_a_rule_or_constant_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="rule 'LDRL': FA, BP, PAL; with skip=True"):
        equations.Circuit((2, 3, 2), 'LDRL')
    with pytest.raises(TypeError, match="no constant 'etaB'"):
        equations.Circuit((2, 3, 2), etaB=3.0)
