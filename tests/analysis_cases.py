"""Comparison of every analysis function of task_plasticity with a recorded session (used by test_task_plasticity_replay.py)."""
import itertools
import json

import numpy as np


def check(case, config, analysis, close):
    """All keys of an analysis_* case."""
    r, o, s, theta, target = (analysis.flat(case[name]) for name in ('r', 'output', 'inputs', 'theta', 'target'))
    theta, net, D = theta[0], {name: case[name] for name in 'WCbD'}, case['D']
    close(analysis.angles_of(theta), case['theta_range'])
    mean, sd = analysis.tuning_curves(r, theta)
    correlations = analysis.noise_correlations(r, theta, released=True)
    covariances = analysis.noise_correlations(r, theta, released=True, covariance=True)
    bias, variance = analysis.stimulus_bias_variance(o, target, theta)
    current = analysis.mean_current_breakdown(r, s, theta, net)
    rb = analysis.recurrent_bias(r, s, theta, net)
    order = case['sort_order_max'] if 'sort_order_max' in case else match_order(case['cv'], (sd / mean).T)
    s2n = analysis.stimulus_dependent_s2n(r, theta, D)
    pairs = {
        'tuning_mean': mean, 'tuning_std': sd, 'noise_corr': correlations, 'noise_cov_first': covariances[0],
        'noise_cov_trace': np.trace(covariances, axis1=1, axis2=2), 'signal_corr': analysis.signal_correlations(r, True),
        'covariance': np.cov(r), 'rate_mean': r.mean(axis=1), 'bias': bias, 'variance': variance,
        'stim_error': analysis.stimulus_error(o, target, theta)[None], 'cur_recurrent': current[0], 'cur_input': current[1],
        'cur_bias': current[2], 'rb_recurrent': rb[0], 'rb_input': rb[1], 'rb_output': rb[2], 'rb_var': rb[3], 'rb_rate': rb[4],
        'decoder_variance': analysis.decoder_variance(r, theta, D, released=True),
        'nc_decoder_variance': analysis.nc_decoder_variance(covariances, D),
        'cv': analysis.sorted_stimulus_variance(r, theta, order), 's2n_orth': s2n[0], 's2n_decoder': s2n[1],
        'sorted_noise_corr_max0': analysis.sorted_noise_correlations(correlations[0], order),
        'energy': analysis.stimulus_dependent_energy(r, s, theta, net),
        'cosine_angle': analysis.cosine_angle(net['W'], net['W'].T),
        'd_prime': analysis.d_prime_calc(r, theta, case.get('d_prime_decoder', D)),
        'sliding_mean': analysis.sliding_mean(case['sliding_in'], 200, 10),
        'sliding_std': analysis.sliding_std(case['sliding_in'][:600], 50),
        'nvb': analysis.noise_volume_bci(np.asarray(case['r'][0], float), D),
    }
    for name, value in pairs.items():
        if name in case:
            single = case[name].dtype == np.float32
            close(value, case[name], 1e-5 if single else 1e-9, 1e-6 if single else 1e-12, what=name)
    weighted = config['input_params']
    if 'mean_error' in case:
        error = analysis.mean_error(case['objective'][:, ::20].ravel(), theta, weighted['kappa_in'], weighted['mu_in'], True)
        close(error, case['mean_error'])
    if 'confusion' in case:
        u = (case['d_prime_decoder'] @ r)[0]
        close(analysis.confusion_matrix(1 / (1 + np.exp(-100 * u)), theta >= 0), case['confusion'])
    if 'boundary_d_prime' in case:
        close(analysis.boundary_compare(r, theta, case['d_prime_decoder']), case['boundary_d_prime'])
    if 'sort_order_min' in case:
        close(analysis.sorted_noise_correlations(correlations[0], case['sort_order_min']), case['sorted_noise_corr_min0'])
    check_orders(case, analysis, r, theta, mean)
    check_volumes(case, analysis, r, theta, D, close)
    check_pca(case, analysis, r, theta, D, close)
    if 'ellipses' in case:
        check_ellipses(case, analysis, o, target, close)
    assert sum(name in case for name in pairs) > 20


def match_order(rows, ours):
    """Order of neurons in which `ours` gives `rows`."""
    return np.array([int(np.abs(ours - row).max(axis=1).argmin()) for row in rows])


def check_orders(case, analysis, r, theta, mean):
    """Our stable order and the case's agree in the sort key."""
    for name, lowest, key in (('sort_order_max', False, mean.argmax(axis=0)), ('sort_order_min', True, mean.argmin(axis=0))):
        if name in case:
            assert np.array_equal(key[analysis.sort_order(r, theta, lowest)], key[case[name]])


def check_volumes(case, analysis, r, theta, D, close):
    """Volumes as entropies and determinants, overlaps (columns of non-zero eigenvalues), and the angle up to signs."""
    for kind, entropy in (('entropy', True), ('det', False)):
        fraction, total, projected, overlap, eigenvalues = analysis.noise_volume(r, theta, D, entropy)
        close(fraction, case[f'nv_fraction_{kind}'], 1e-6)
        close(total, case[f'nv_total_{kind}'], 1e-6)
        close(projected, case[f'nv_projected_{kind}'], 1e-6)
    close(eigenvalues, case['nv_eigs'], 1e-6, 1e-12)
    for k, angle in enumerate(case['theta_range']):
        n = min(int((theta == angle).sum()) - 1, r.shape[0])
        close(np.abs(overlap[k][:, :n]), case['nv_overlap_abs'][k][:, :n], 1e-6, 1e-9)
    V = analysis.read_out_axes(D)
    for k, angle in enumerate(case['theta_range']):
        axes = np.linalg.svd(np.cov(r[:, theta == angle]))[2][:len(D)]
        products = (axes * V).sum(axis=1)
        options = [abs(np.dot(signs, products)) / len(D) for signs in itertools.product((1, -1), repeat=len(D))]
        assert np.isclose(options, abs(case['noise_angle'][k]), rtol=1e-6).any()
    assert np.abs(np.abs(analysis.noise_angle(r, theta, D))).max() <= 1


def check_pca(case, analysis, r, theta, D, close):
    """Components, explained variance, the scrambled trajectories, variance per angle."""
    components, explained, projections = analysis.net_pca(r)
    close(np.abs(components), case['pca_components_abs'], 1e-6, 1e-9)
    close(explained, case['pca_explained'], 1e-6)
    trajectories = analysis.pca_trajectories(projections, len(case['r']), released=True)
    close(np.abs(trajectories[0]), case['pca_traj_abs_first'], 1e-6, 1e-9)
    variance, decoder = analysis.stimulus_variance_pca(r, theta, D)
    close(variance, case['pca_stim_var'], 1e-6)
    close(decoder, case['pca_decoder_var'], 1e-6, 1e-12)


def check_ellipses(case, analysis, o, target, close):
    """Ellipses of every 5th record, grouped by distinct targets with the 7th deleted (D8), angles modulo 180 degrees."""
    o, target = o[:, ::5], target[:, ::5]
    columns = case['unique_targets'] if 'unique_targets' in case else np.unique(target, axis=1)
    if columns.shape[1] > len(case['ellipses']):
        columns = np.delete(columns, 6, axis=1)
    groups = [(target == column[:, None]).all(axis=0) for column in columns.T]
    found, dets = analysis.ellipses(o, groups)
    close(found[:, :4], case['ellipses'][:, :4])
    difference = (found[:, 4] - case['ellipses'][:, 4] + 90) % 180 - 90
    close(difference, np.zeros(len(found)), atol=1e-6)
    close(dets, case['ellipse_det'], atol=1e-12)
    assert json.dumps(found.tolist())
