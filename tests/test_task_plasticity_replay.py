"""Task-dependent representations: replay of runs of the released program (tests/reference/task_plasticity)."""
import json
import os
from pathlib import Path

import numpy as np
import pytest

from common import load_params
from task_plasticity import exp_params, model, network, simulation
from task_plasticity import plot_analysis as analysis

REFERENCE = Path(os.environ.get('PLASTICITY_REFERENCE', Path(__file__).parent / 'reference')) / 'task_plasticity'
CASES = sorted(REFERENCE.glob('*.npz'))
RENAMED = {'theta': 'theta', 'target_dim': None, 'sample_dim': None, 'trial_num': None, 'decoder_update_freq': None,
           'decoder_window': None, 'theta_obj': None, 'sigma_in': None, 'stim_gain': None, 'offset': None}


def close(ours, theirs, rtol=1e-9, atol=1e-12, what=''):
    assert np.shape(ours) == np.shape(theirs), what
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol, err_msg=what)


def params_of(config, **more):
    """Our parameters from a case's configuration."""
    known = {f for f in exp_params.Params.__dataclass_fields__}
    given = {k: v for k, v in (config['params'] | config['input_params'] | config['flags']).items() if k in known}
    given |= dict(objective=config['objective'], decoder_fixed=config['decoder_fixed'], released_code=True, lambda_l2=0.0,
                  lambda_l1=0.0, lr_gain=10.0 if config['objective'] == 'mixed' else 100.0, record_period=1,
                  test_num=0 if config['train'] else config['trials'], trial_num_2=config['trials'] if config['train'] else 0)
    for name, kind in ((n, f.type) for n, f in exp_params.Params.__dataclass_fields__.items()):
        if name in given and kind is float:
            given[name] = float(given[name])
    return load_params(exp_params, **(given | more))


def trial_inputs(case, p, m):
    """(theta, xi, nu) of trial m from the recorded noise."""
    xi = np.ascontiguousarray(case['noise'][m].T)
    nu = np.ascontiguousarray(case['input_noise'][m].T) if 'input_noise' in case else np.empty((0, 0))
    if 'stim_angles' in case:
        theta = np.repeat(case['stim_angles'][m], round(p.switch_period / p.dt))
    else:
        theta = model.wander(case['theta0'][m, 0], case['stim_noise'][m, 0], p.kappa_in, p.mu_in, p.sigma_sampler, p.dt)
    return theta, xi, nu


def check_session(case, config):
    """A whole session, step by step around the selected updates: records, weights, running means, raw updates."""
    p = params_of(config, record_res=1)
    net, phi, thin = network.from_arrays(case, '0'), model.preferred_angles(p.input_dim), config['params']['record_res']
    last, count = 0.0, 0
    for m in range(config['trials']):
        theta, xi, nu = trial_inputs(case, p, m)
        settings = network.settings(p, m, config['train'])
        record, r, means = np.zeros((len(theta), p.N + p.n_outputs + 1)), np.full(p.N, config['r0']), network.means(net)
        record[0, :p.N], record[0, -1] = r, last
        for t in range(1, len(theta)):
            before = network.to_arrays(net)
            model.run(net, means, r, theta, xi, nu, phi, t, t + 1, settings, record, 1)
            if config['train'] and t * p.dt > p.transient:
                if count in case['sel']:
                    i = int(np.flatnonzero(case['sel'] == count)[0])
                    check_update(case, i, p, net, before, means, r, theta[t], settings)
                count += 1
        last = record[-1, -1]
        close(record[:, -1], case['objective'][m], what='objective')
        close(record[::thin, p.N:-1].T, case['output_rec'][m], what='output')
        close(theta[::thin], case['theta_rec'][m, 0], what='theta')
        target = simulation.targets(p, theta[None, ::thin])[0]
        target[:, 0] = 0
        close(target, case['target_rec'][m], what='target')
        if 'rate_rec' in case:
            close(record[::thin, :p.N].T, case['rate_rec'][m], what='rates')
    for name, value in network.to_arrays(net, '1').items():
        close(value, case[name], what=name)
    if 'n_updates' in case:
        assert count == case['n_updates']


def check_update(case, i, p, net, before, means, r, theta, settings):
    """Rates, means and the raw rules of one update."""
    y, u = np.empty(p.n_outputs), np.empty(p.n_outputs)
    model.target(theta, settings, y)
    scale = model.output_scale(r, settings)
    model.read_out(before['D'], r, scale, u)
    D_rule = np.array([[model.decoder_rule(before['D'], u, y, r, scale, settings, k, j) for j in range(p.N)]
                       for k in range(p.n_outputs)])
    close(D_rule, case['sel_dD'][i], what='dD')
    close(before['D'], case['sel_D_after'][i])
    if 'sel_r' not in case:
        return
    close(r, case['sel_r'][i])
    close(y, case['sel_target'][i])
    s = case['sel_s'][i]
    close(means.rr.T, case['sel_A'][i])
    close(means.r, case['sel_Ab'][i])
    close(means.rs.T, case['sel_Ac'][i])
    alpha = model.reward(u, y, r, settings)
    rule = plain(model.three_factor)
    close(rule(alpha, np.outer(r, r), means.rr.T, settings.decay_W, before['W']), case['sel_dW'][i], what='dW')
    close(rule(alpha, r, means.r, settings.decay_b, before['b']), case['sel_db'][i], what='db')
    close(rule(alpha, np.outer(r, s), means.rs.T, settings.decay_C, before['C']), case['sel_dC'][i], what='dC')
    after = network.to_arrays(net)
    for name in 'WCb':
        close(after[name], case[f'sel_{name}_after'][i], what=name)


def plain(kernel):
    """The Python source of a kernel, which also takes whole arrays."""
    return getattr(kernel, 'py_func', kernel)


def check_functions(case, _):
    """Tables of every function, on random states."""
    for par, name in ((case['par_a'], 'a'), (case['par_b'], 'b')):
        close([model.f(x, *par) for x in case['fx_x']], case[f'softplus_{name}'])
        close([model.g(r, *par) for r in case['fx_r']], case[f'softplus_inv_{name}'])
        close([model.g_prime(r, *par) for r in case['fx_r']], case[f'softplus_inv_prime_{name}'])
    sigma_s, mu, kappa, dt = case['stim_par']
    new = [model.langevin(a, z, kappa, mu, sigma_s, dt) for a, z in zip(case['stim_theta'], case['stim_z'], strict=True)]
    close(new, case['stim_theta_new'])
    phi = model.preferred_angles(12)
    close(phi, case['preferred_angles'], atol=1e-15)
    for angles, inputs in ((new, case['stim_input_new']), (case['sampler_angles'], case['sampler_inputs'])):
        for theta, theirs in zip(angles, inputs, strict=True):
            s = np.empty(12)
            model.encode(theta, np.cos(phi), np.sin(phi), s)
            close(s, theirs)
    check_rules(case)


def check_rules(case):
    """Objectives, weight rules and decoder rules on 20 random states."""
    q = json.loads(str(case['rule_par_json']))
    base = load_params(exp_params, mode='smoke', N=7, input_dim=5)
    common = dict(decay_W=q['weight_l2'], decay_b=q['bias_weight_l2'], decay_C=q['i_weight_l2'], decay_D=0.1,
                  lambda_MSE=q['lambda_MSE'], lambda_LL=q['lambda_LL'])
    rule = plain(model.three_factor)
    for n in range(len(case['R'])):
        r, s, outer = case['R'][n], case['S'][n], np.outer(case['R'][n], case['R'][n])
        for task, D, y, out, obj, dec, suffix in (
                (0, case['D2'], case['T2'][n], 'linear_out', 'obj_mse', 'decoder_mse', ''),
                (1, case['D1'], case['T1'][n], 'logistic_out', 'obj_class_ll', 'decoder_ll', '_class'),
                (2, case['D3'], case['T3'][n], 'mixed_out', 'obj_mixed', 'decoder_mixed', '_mixed')):
            p = network.settings(base)._replace(task=task, **common)
            u = D @ r
            shown = [model.logistic(v) if task == 1 or k == 2 else v for k, v in enumerate(u)]
            close(shown, case[out][n])
            alpha = model.reward(u, y, r, p)
            close(alpha, case[obj][n])
            close([[model.decoder_rule(D, u, y, r, 1.0, p, k, i) for i in range(7)] for k in range(len(D))], case[dec][n])
            close(rule(alpha, outer, case['A'][n], p.decay_W, case['W']), case[f'rule_w{suffix}'][n])
            if task < 2:
                close(rule(alpha, r, case['Ab'][n], p.decay_b, case['b']), case[f'rule_b{suffix}'][n])
                close(rule(alpha, np.outer(r, s), case['Ac'][n], p.decay_C, case['C']), case[f'rule_c{suffix}'][n])
        close(model.log_likelihood((50 * case['D1'] @ r)[0], case['T1'][n][0]), case['obj_class_ll_saturated'][n])
        close(q['lambda_LL'] * model.log_likelihood((case['D3'] @ r)[2], case['T3'][n][2]), case['obj_mixed_classify_only'][n])
        penalised = network.settings(base)._replace(task=0, lambda_l1=q['lambda_l1'], **common)
        alpha = model.reward(case['D2'] @ r, case['T2'][n], r, penalised)
        close(alpha, case['obj_mse_l1'][n])
        close(rule(alpha, outer, case['A'][n], 0.0, case['W']), case['rule_w_l1'][n])
        alpha = model.reward(case['D2'] @ r, case['T2'][n], r, network.settings(base)._replace(task=0, **common))
        close(rule(alpha, outer, case['A'][n], 0.0, case['W']), case['rule_w_plain'][n])
        unit = network.settings(base)._replace(task=0, normalize_output=True, **common)
        scale = model.output_scale(r, unit)
        u = scale * case['D2'] @ r
        close(model.reward(u, case['T2'][n], r, unit), case['obj_mse_l2_normalized'][n])
        close([[model.decoder_rule(case['D2'], u, case['T2'][n], r, scale, unit, k, i) for i in range(7)] for k in range(2)],
              case['decoder_mse_normalized'][n])


def check_full_training(case, _):
    """The first trials of the published training from its seed (the other 258 in the slow test)."""
    published_training(case, 2)


def published_training(case, n_trials):
    """Legacy stream of seed 120994: initial state bit for bit, then checkpoints and mean objectives."""
    p = load_params(exp_params, mode='replay_published')
    rngs = simulation.streams(p)
    net = network.initial(p, rngs.weights, rngs.decoder)
    with np.load(network.PUBLISHED) as stored:
        for name, value in network.to_arrays(net, '_initial').items():
            assert np.array_equal(value, stored[name]), name
    rng = rngs.training
    simulation.test_angles(p, rng, p.test_num)
    for m in range(p.test_num):
        noise = rng.normal(0, np.sqrt(p.dt), (p.N, p.n_steps))
        if m < 3:
            close(noise[0, :3], case['noise_fingerprint_test1'][m])
    rng.standard_normal((p.N, 20))
    phi, last = model.preferred_angles(12), 0.0
    for m in range(n_trials):
        xi, nu, theta = simulation.training_noise(p, rng)
        if m < 10:
            close(xi[:3, 0], case['noise_fingerprint_train'][m])
        record = simulation.one_trial(p, net, network.settings(p, m), theta, xi, nu, phi, last)
        last = record[-1, -1]
        close(record[200:, -1].mean(), case['trial_mean_objective_recorded'][m], rtol=1e-6)
        close(theta[::5000], case['theta_every_50'][m], rtol=1e-6)
        if f'W_after_{m + 1}' in case:
            for name, value in network.to_arrays(net, f'_after_{m + 1}').items():
                close(value, case[name], what=name)


def check_network(case, _):
    """The stored network is the one that ships with the folder."""
    with np.load(network.PUBLISHED) as ours:
        for name in ('W', 'C', 'b', 'D', 'W_initial', 'C_initial', 'b_initial', 'D_initial'):
            assert np.array_equal(ours[name], case[name])


def check_analysis(case, config):
    analysis_checks(case, config)


def check_evaluation(case, _):
    """First trials of the canonical evaluation's stream (all 100 in the slow test)."""
    p = load_params(exp_params, mode='estimation_pretrained', rng='legacy', released_code=True)
    angles = simulation.test_angles(p, np.random.RandomState(p.seed), p.test_num)
    close(angles, case['stim_angles'])


KINDS = {'linear': check_session, 'classifier': check_session, 'mixed': check_session, 'functions': check_functions,
         'full': check_full_training, 'pretrained_network': check_network, 'pretrained_evaluation': check_evaluation,
         'analysis': check_analysis}


def analysis_checks(case, config):
    from analysis_cases import check
    check(case, config, analysis, close)


@pytest.mark.parametrize('path', CASES, ids=lambda path: path.stem)
def test_replay(path):
    with np.load(path, allow_pickle=False) as file:
        case = {name: file[name] for name in file.files}
    kind = path.stem if path.stem in KINDS else path.stem.split('_')[0]
    assert kind in KINDS, f'{path.name} is of an unknown kind'
    KINDS[kind](case, json.loads(str(case['config_json'])) if 'config_json' in case else None)


def test_there_are_cases():
    assert CASES
