"""Comparison of every function of task_plasticity's model with tables of the released one (test_task_plasticity_replay.py)."""
import json

import numpy as np

from common.params import load_params
from task_plasticity import exp_params, model, network, tasks


def check(case, compare, plain, decoder_rule):
    """All keys of a functions case that have a counterpart here."""
    found = set()

    def counted(case, name, *more, **tolerance):
        found.update({name} & set(case))
        compare(case, name, *more, **tolerance)

    check_tables(case, counted)
    check_stimulus(case, counted)
    if 'rule_par_json' in case:
        check_rules(case, counted, plain(model.three_factor), decoder_rule)
    assert found, 'nothing in this case could be compared'


def check_tables(case, compare):
    """f, its inverse g and g' for two sets of parameters."""
    for name in 'ab':
        if f'par_{name}' in case:
            par = case[f'par_{name}']
            compare(case, f'softplus_{name}', [model.f(x, *par) for x in case['fx_x']])
            compare(case, f'softplus_inv_{name}', [model.g(r, *par) for r in case['fx_r']])
            compare(case, f'softplus_inv_prime_{name}', [model.g_prime(r, *par) for r in case['fx_r']])


def inputs(angles, n_inputs):
    """Input rates (n, I) of angles (n,)."""
    phi, s = model.preferred_angles(n_inputs), np.empty((len(angles), n_inputs))
    for theta, row in zip(angles, s, strict=True):
        model.encode(theta, np.cos(phi), np.sin(phi), row)
    return s


def check_stimulus(case, compare):
    """Langevin step, encoding, targets, held stimuli."""
    base = load_params(exp_params, mode='smoke')
    if 'preferred_angles' in case:
        compare(case, 'preferred_angles', model.preferred_angles(case['preferred_angles'].size), atol=1e-15)
    if 'stim_par' in case:
        sigma_s, mu, kappa, dt = case['stim_par']
        new = np.array([model.langevin(a, z, kappa, mu, sigma_s, dt)
                        for a, z in zip(case['stim_theta'], case['stim_z'], strict=True)])
        compare(case, 'stim_theta_new', new)
        if 'stim_input_new' in case:
            compare(case, 'stim_input_new', inputs(new, case['stim_input_new'].shape[1]))
        compare(case, 'stim_xy_new', tasks.targets(base, new))
    if 'sampler_angles' in case:
        compare(case, 'sampler_inputs', inputs(case['sampler_angles'], case['sampler_inputs'].shape[1]))
    for name, thresholds in (('class_target', (0.0, -np.pi)), ('class_target_two', (0.5, -2.0))):
        if name in case:
            p = load_params(exp_params, mode='smoke', objective='classifier', theta_thresh=thresholds[0],
                            theta_thresh_rev=thresholds[1])
            compare(case, name, tasks.targets(p, case['stim_theta'])[:, 0])
    if 'gen_fixed_angles' in case:
        ends = case['gen_fixed_inputs_first_last']
        for k, column in ((0, 0), (1, -1)):
            compare(case, 'gen_fixed_inputs_first_last', inputs(case['gen_fixed_angles'][:, column], ends.shape[-1]), k)


def check_rules(case, compare, rule, decoder_rule):
    """Objectives, weight rules and decoder rules on random states."""
    q = json.loads(str(case['rule_par_json']))
    given = dict(mode='smoke', weight_l2=q['weight_l2'], bias_weight_l2=q['bias_weight_l2'], i_weight_l2=q['i_weight_l2'],
                 lambda_MSE=q['lambda_MSE'], lambda_LL=q['lambda_LL'], released_code=True)

    def session(objective, **more):
        p = network.settings(load_params(exp_params, objective=objective, **given | more))
        return p._replace(decay_D=p.decay_D / q['weight_l2'] * 0.1)

    estimate = session('estimation')
    for n, (r, s) in enumerate(zip(case['R'], case['S'], strict=True)):
        coactivity = {'w': (np.outer(r, r), case['A'][n], case['W']), 'b': (r, case['Ab'][n], case['b']),
                      'c': (np.outer(r, s), case['Ac'][n], case['C'])}
        decays = {'w': q['weight_l2'], 'b': q['bias_weight_l2'], 'c': q['i_weight_l2']}

        def three(alpha, suffix, decays, n=n, coactivity=coactivity):
            for name, (product, mean, x) in coactivity.items():
                compare(case, f'rule_{name}{suffix}', rule(alpha, product, mean, decays[name], x), n)

        for task, D, y, out, obj, dec, suffix in (
                ('estimation', case['D2'], case['T2'][n], 'linear_out', 'obj_mse', 'decoder_mse', ''),
                ('categorisation', case['D1'], case['T1'][n], 'logistic_out', 'obj_class_ll', 'decoder_ll', '_class'),
                ('mixed', case['D3'], case['T3'][n], 'mixed_out', 'obj_mixed', 'decoder_mixed', '_mixed')):
            p, u = session(task), D @ r
            compare(case, out, [tasks.read_out(v, logistic) for v, logistic in zip(u, p.logistic, strict=True)], n)
            alpha = model.reward(u, y, r, p)
            compare(case, obj, alpha, n)
            compare(case, dec, decoder_rule(D, u, y, r, 1.0, p), n)
            three(alpha, suffix, decays)
        compare(case, 'obj_class_ll_saturated', tasks.log_likelihood((50 * case['D1'] @ r)[0], case['T1'][n][0]), n)
        classify = q['lambda_LL'] * tasks.log_likelihood((case['D3'] @ r)[2], case['T3'][n][2])
        compare(case, 'obj_mixed_classify_only', classify, n)
        u, y = case['D2'] @ r, case['T2'][n]
        alpha = model.reward(u, y, r, estimate._replace(lambda_l1=q['lambda_l1']))
        compare(case, 'obj_mse_l1', alpha, n)
        three(alpha, '_l1', {'w': 0.0, 'b': q['weight_l2'], 'c': q['weight_l2']})  # the released variant's own decays
        alpha = model.reward(u, y, r, estimate)
        compare(case, 'obj_mse_l2', alpha, n)
        three(alpha, '_plain', dict.fromkeys('wbc', 0.0))
        unit = session('estimation', normalize_output=True)
        scale = model.output_scale(r, unit)
        compare(case, 'obj_mse_l2_normalized', model.reward(scale * u, y, r, unit), n)
        compare(case, 'decoder_mse_normalized', decoder_rule(case['D2'], scale * u, y, r, scale, unit), n)
