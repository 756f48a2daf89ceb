"""Task-dependent representations: replay of runs of the released program (tests/reference/task_plasticity)."""
import dataclasses
import json
import os
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from common.params import convert, load_params
from task_plasticity import exp_params, model, network, plot_measures, simulation, tasks
from task_plasticity import plot_analysis as analysis

REFERENCE = Path(os.environ.get('PLASTICITY_REFERENCE', Path(__file__).parent / 'reference')) / 'task_plasticity'
CASES = sorted(REFERENCE.glob('*.npz'))


def close(ours, theirs, rtol=1e-9, atol=1e-12, what=''):
    assert np.shape(ours) == np.shape(theirs), what
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol, err_msg=what)


def compare(case, name, ours, index=None, **tolerance):
    """Our value against the case's (its entry `index`), if the case has it."""
    if name in case:
        close(ours, case[name] if index is None else case[name][index], what=name, **tolerance)


def params_of(config, **more):
    """Our parameters from a case's configuration. The rules of checks.py are for people: a case may break them."""
    fields = exp_params.Params.__dataclass_fields__
    strange = [name for name, on in config['flags'].items() if on and name not in fields]
    assert not strange, f'options that nothing here replays: {strange}'
    given = {k: v for k, v in (config['params'] | config['input_params'] | config['flags']).items() if k in fields}
    given |= dict(objective=config['objective'], decoder_fixed=config['decoder_fixed'], released_code=True, lambda_l2=0.0,
                  lambda_l1=0.0, lr_gain=10.0 if config['objective'] == 'mixed' else 100.0, record_period=1) | more
    given = {name: convert(name, fields[name].type, value) for name, value in given.items()}
    with mock.patch.object(exp_params, 'check'):
        return dataclasses.replace(load_params(exp_params, mode='estimation'), **given)


def trial_inputs(case, p, m):
    """(theta, xi, nu) of trial m from the recorded noise; held angles, or the wandering stimulus (in tests, too)."""
    xi = np.ascontiguousarray(case['noise'][m].T)
    nu = np.ascontiguousarray(case['input_noise'][m].T) if 'input_noise' in case else np.empty((0, 0))
    if 'stim_angles' in case:
        theta = np.repeat(case['stim_angles'][m], round(p.switch_period / p.dt))
    else:
        theta = model.wander(case['theta0'][m, 0], case['stim_noise'][m, 0], p.kappa_in, p.mu_in, p.sigma_sampler, p.dt)
    return theta, xi, nu


def encoded(theta, n_inputs):
    """Input rates (I, n) of angles (n,)."""
    phi, s = model.preferred_angles(n_inputs), np.empty((len(theta), n_inputs))
    for angle, row in zip(theta, s, strict=True):
        model.encode(angle, np.cos(phi), np.sin(phi), row)
    return s.T


def check_session(case, config):
    """A whole session, step by step around the selected updates: records, weights, running means, raw updates."""
    p = params_of(config, record_res=1)
    net, phi, thin = network.from_arrays(case, '0'), model.preferred_angles(p.input_dim), config['params']['record_res']
    last, count = 0.0, 0
    for m in range(config['trials']):
        theta, xi, nu = trial_inputs(case, p, m)
        assert len(theta) == config['n_steps']
        settings = network.settings(p, m, config['train'])
        record, r, means = np.zeros((len(theta), p.N + p.n_outputs + 1)), np.full(p.N, config['r0']), network.means(net)
        record[0, :p.N], record[0, -1], y = r, last, tasks.targets(p, theta)
        for t in range(1, len(theta)):
            before = network.to_arrays(net)
            model.run(net, means, r, theta, y, xi, nu, phi, t, t + 1, settings, record, 1)
            if config['train'] and t * p.dt > p.transient:
                check_update(case, count, p, net, before, means, r, theta[t], y[t], settings)
                count += 1
        last = record[-1, -1]
        target = y[::thin].T.copy()
        target[:, 0] = 0
        for name, ours in (('objective', record[:, -1]), ('output_rec', record[::thin, p.N:-1].T), ('target_rec', target),
                           ('theta_rec', theta[None, ::thin]), ('input_rec', encoded(theta[::thin], p.input_dim)),
                           ('rate_rec', record[::thin, :p.N].T)):
            compare(case, name, ours, m)
    for name, value in network.to_arrays(net, '1').items():
        close(value, case[name], what=name)
    compare(case, 'n_updates', count)


def check_update(case, count, p, net, before, means, r, theta, y, settings):
    """Norm of the raw update number `count`; where the case has details of it: rates, means and all raw rules."""
    scale = model.output_scale(r, settings)
    u = scale * (before['D'] @ r)
    alpha, s, rule = model.reward(u, y, r, settings), encoded([theta], p.input_dim)[:, 0], plain(model.three_factor)
    dW = rule(alpha, np.outer(r, r), means.rr.T, settings.decay_W, before['W'])
    compare(case, 'dW_fro', np.linalg.norm(dW), count)
    after = network.to_arrays(net)
    for i in np.flatnonzero(case.get('sel', ()) == np.array(count)):
        D_rule = decoder_rule(before['D'], u, y, r, scale, settings)
        details = {'r': r, 'target': y, 's': s, 'A': means.rr.T, 'Ab': means.r, 'Ac': means.rs.T, 'dW': dW, 'dD': D_rule,
                   'db': rule(alpha, r, means.r, settings.decay_b, before['b']), 'D_after': before['D'],
                   'dC': rule(alpha, np.outer(r, s), means.rs.T, settings.decay_C, before['C'])}
        for name, ours in (details | {f'{name}_after': after[name] for name in 'WCb'}).items():
            compare(case, f'sel_{name}', ours, i)


def decoder_rule(D, u, y, r, scale, settings):
    """Raw update of the decoder (K, N)."""
    error = [tasks.decoder_error(*values) for values in zip(u, y, settings.logistic, settings.weight, strict=True)]
    return plain(model.decoder_rule)(np.array(error)[:, None], r, scale, settings.decay_D[:, None], D)


def plain(kernel):
    """The Python source of a kernel, which also takes whole arrays."""
    return getattr(kernel, 'py_func', kernel)


def check_functions(case, _):
    from rule_cases import check
    check(case, compare, plain, decoder_rule)


def check_full_training(case, config):
    """The first trials of the published training from its seed (the other 258 in the slow test)."""
    published_training(case, 2, **({'seed': config['rng_seed']} if config and 'rng_seed' in config else {}))


def published_training(case, n_trials, **given):
    """Legacy stream of seed 120994: initial state bit for bit, then checkpoints and mean objectives."""
    p = load_params(exp_params, mode='replay_published', **given)
    rngs = simulation.streams(p)
    net = network.initial(p, rngs.weights, rngs.decoder)
    if not given:
        with np.load(network.PUBLISHED) as stored:
            for name, value in network.to_arrays(net, '_initial').items():
                assert np.array_equal(value, stored[name]), name
    rng = rngs.training
    simulation.test_angles(p, rng, p.test_num)
    for m in range(p.test_num):
        noise = rng.normal(0, np.sqrt(p.dt), (p.N, p.n_steps))
        if m < len(case.get('noise_fingerprint_test1', ())):
            close(noise[0, :3], case['noise_fingerprint_test1'][m])
    rng.standard_normal((p.N, 20))
    phi, last = model.preferred_angles(12), 0.0
    for m in range(n_trials):
        xi, nu, theta = simulation.training_noise(p, rng)
        if m < len(case.get('noise_fingerprint_train', ())):
            close(xi[:3, 0], case['noise_fingerprint_train'][m])
        res = 1 if m < 2 else p.record_res                     # every step: its mean is in the case, too
        record, last = simulation.one_trial(dataclasses.replace(p, record_res=res), net, network.settings(p, m), theta, xi, nu,
                                            phi, last)
        if res == 1:
            compare(case, 'trial_mean_objective_first10', record[4001:, -1].mean(), m)
        compare(case, 'trial_mean_objective_recorded', record[::20 // res][200:, -1].mean(), m, rtol=1e-6)
        compare(case, 'theta_every_50', theta[::5000], m, rtol=1e-6)
        for name, value in network.to_arrays(net, f'_after_{m + 1}').items():
            compare(case, name, value)


def check_network(case, _):
    """The stored network ships with the folder; of any stored network, the antisymmetric part of W has only decayed."""
    with np.load(network.PUBLISHED) as ours:
        if 'W_initial' not in case or np.array_equal(ours['W_initial'], case['W_initial']):
            for name in ('W', 'C', 'b', 'D', 'W_initial', 'C_initial', 'b_initial', 'D_initial'):
                compare(case, name, ours[name], rtol=0, atol=0)
    if 'W_initial' in case and 'params_json' in case:
        params = dataclasses.asdict(load_params(exp_params)) | json.loads(str(case['params_json']))
        assert plot_measures.antisymmetric_error({'params': params}, case) < 1e-9


def check_evaluation(case, config):
    """Angles of the canonical evaluation's stream (all 100 trials in the slow test)."""
    seed = {'seed': config['rng_seed']} if config and 'rng_seed' in config else {}
    p = load_params(exp_params, mode='estimation_pretrained', rng='legacy', released_code=True, **seed)
    trials, holds = case['stim_angles'].shape
    p = dataclasses.replace(p, switch_period=p.T / holds)
    close(simulation.test_angles(p, np.random.RandomState(p.seed), trials), case['stim_angles'])


def check_analysis(case, config):
    from analysis_cases import check
    check(case, config, analysis, close)


KINDS = {'linear': check_session, 'estimation': check_session, 'classifier': check_session, 'categorisation': check_session,
         'mixed': check_session, 'functions': check_functions, 'full_training': check_full_training,
         'pretrained_network': check_network, 'pretrained_evaluation': check_evaluation, 'analysis': check_analysis}


@pytest.mark.parametrize('path', CASES, ids=lambda path: path.stem)
def test_replay(path):
    with np.load(path, allow_pickle=False) as file:
        case = {name: file[name] for name in file.files}
    kinds = [kind for kind in KINDS if path.stem == kind or path.stem.startswith(f'{kind}_')]
    assert kinds, f'{path.name} is of an unknown kind; known: {", ".join(KINDS)}'
    KINDS[kinds[0]](case, json.loads(str(case['config_json'])) if 'config_json' in case else None)


def test_there_are_cases():
    assert CASES
