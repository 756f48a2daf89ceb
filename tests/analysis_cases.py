"""Comparison of every analysis function of task_plasticity with a recorded session (used by test_task_plasticity_replay.py)."""
import itertools

import numpy as np

from task_plasticity import plot_released as released


def check(case, config, analysis, close):
    """All keys of an analysis_* case."""
    r, o, s, theta, target = (analysis.flat(case[name]) for name in ('r', 'output', 'inputs', 'theta', 'target'))
    theta, net, D = theta[0], {name: case[name] for name in 'WCbD'}, case['D']
    mean, sd = analysis.tuning_curves(r, theta)
    correlations = analysis.noise_correlations(r, theta, released=True)
    covariances = analysis.noise_correlations(r, theta, released=True, covariance=True)
    order, lowest = (order_of(case, kind, correlations[0], (sd / mean).T) for kind in ('max', 'min'))
    row, res, prior = case.get('d_prime_decoder', D), config['params'].get('record_res', 20), config['input_params']
    pairs = {
        'theta_range': lambda: analysis.angles_of(theta), 'tuning_mean': lambda: mean, 'tuning_std': lambda: sd,
        'noise_corr': lambda: correlations, 'noise_cov_first': lambda: covariances[0],
        'noise_cov_trace': lambda: np.trace(covariances, axis1=1, axis2=2),
        'signal_corr': lambda: analysis.signal_correlations(r, True),
        'covariance': lambda: np.cov(r), 'rate_mean': lambda: r.mean(axis=1),
        'bias': lambda: released.stimulus_bias_variance(o, target, theta)[0],
        'variance': lambda: released.stimulus_bias_variance(o, target, theta)[1],
        'stim_error': lambda: released.stimulus_error(o, target, theta)[None],
        'decoder_variance': lambda: released.decoder_variance(r, theta, D, released=True),
        'nc_decoder_variance': lambda: released.nc_decoder_variance(covariances, D),
        'cv': lambda: analysis.sorted_stimulus_variance(r, theta, order),
        'sorted_noise_corr_max0': lambda: analysis.sorted_noise_correlations(correlations[0], order),
        'sorted_noise_corr_min0': lambda: analysis.sorted_noise_correlations(correlations[0], lowest),
        'energy': lambda: released.stimulus_dependent_energy(r, s, theta, net),
        'cosine_angle': lambda: released.cosine_angle(net['W'], net['W'].T),
        'd_prime': lambda: released.d_prime_calc(r, theta, row),
        'boundary_d_prime': lambda: analysis.boundary_compare(r, theta, row),
        'confusion': lambda: released.confusion_matrix(1 / (1 + np.exp(-100 * (row @ r)[0])), theta >= 0),
        'mean_error': lambda: released.mean_error(case['objective'][:, ::res].ravel(), theta, prior['kappa_in'], prior['mu_in'],
                                                  True),
        'sliding_mean': lambda: released.sliding_mean(case['sliding_in'], 200, 10),
        'sliding_std': lambda: released.sliding_std(case['sliding_in'][:600], 50),
        'nvb': lambda: released.noise_volume_bci(np.asarray(case['r'][0], float), D),
    }
    several = {
        ('cur_recurrent', 'cur_input', 'cur_bias'): lambda: released.mean_current_breakdown(r, s, theta, net),
        ('rb_recurrent', 'rb_input', 'rb_output', 'rb_var', 'rb_rate'): lambda: released.recurrent_bias(r, s, theta, net),
        ('s2n_orth', 's2n_decoder'): lambda: released.stimulus_dependent_s2n(r, theta, D)}
    for names, function in several.items():
        pairs |= {name: lambda i=i, function=function: function()[i] for i, name in enumerate(names)}
    present = {name: value for name, value in pairs.items() if name in case}
    assert present, 'nothing in this case could be compared'
    for name, value in present.items():
        single = case[name].dtype == np.float32
        close(value(), case[name], 1e-5 if single else 1e-9, 1e-6 if single else 1e-12, what=name)
    check_orders(case, analysis, r, theta, mean)
    check_volumes(case, analysis, r, theta, D, close)
    check_noise_angle(case, analysis, r, theta, D)
    check_pca(case, analysis, r, theta, D, close)
    if 'ellipses' in case:
        check_ellipses(case, analysis, o, target, close)


def match_order(rows, ours):
    """Order of neurons in which `ours` gives `rows`."""
    return np.array([int(np.abs(ours - row).max(axis=1).argmin()) for row in rows])


def order_of(case, kind, correlations, cv):
    """Neurons in the case's order: as it says, or as `cv` has it, or by the rows that hold the same correlations. Or None."""
    if f'sort_order_{kind}' in case:
        return case[f'sort_order_{kind}']
    if kind == 'max' and 'cv' in case:
        return match_order(case['cv'], cv)
    name = f'sorted_noise_corr_{kind}0'
    return match_order(np.sort(case[name]), np.sort(correlations)) if name in case else None


def check_orders(case, analysis, r, theta, mean):
    """Our stable order and the case's agree in the sort key."""
    for name, lowest, key in (('sort_order_max', False, mean.argmax(axis=0)), ('sort_order_min', True, mean.argmin(axis=0))):
        if name in case:
            assert np.array_equal(key[analysis.sort_order(r, theta, lowest)], key[case[name]])


def check_volumes(case, analysis, r, theta, D, close):
    """Volumes as entropies and determinants, overlaps (columns of non-zero eigenvalues), and the angle up to signs."""
    for kind, entropy in (('entropy', True), ('det', False)):
        if f'nv_fraction_{kind}' in case:
            found = dict(zip(('fraction', 'total', 'projected'), analysis.noise_volume(r, theta, D, entropy), strict=False))
            for name in found:
                close(found[name], case[f'nv_{name}_{kind}'], 1e-6, what=f'nv_{name}_{kind}')
    *_, overlap, eigenvalues = analysis.noise_volume(r, theta, D)
    if 'nv_eigs' in case:
        close(eigenvalues, case['nv_eigs'], 1e-6, 1e-12)
    for k, angle in enumerate(analysis.angles_of(theta) if 'nv_overlap_abs' in case else ()):
        n = min(int((theta == angle).sum()) - 1, r.shape[0])
        close(np.abs(overlap[k][:, :n]), case['nv_overlap_abs'][k][:, :n], 1e-6, 1e-9)


def check_noise_angle(case, analysis, r, theta, D):
    """The released angle up to the signs of the singular vectors (D14); ours is one of those values, too."""
    V = analysis.read_out_axes(D)
    ours = released.noise_angle(r, theta, D)
    for k, angle in enumerate(analysis.angles_of(theta) if 'noise_angle' in case else ()):
        axes = np.linalg.svd(np.cov(r[:, theta == angle]))[2][:len(D)]
        products = (axes * V).sum(axis=1)
        options = [abs(np.dot(signs, products)) / len(D) for signs in itertools.product((1, -1), repeat=len(D))]
        for value in (case['noise_angle'][k], ours[k]):
            assert np.isclose(options, abs(value), rtol=1e-6).any()


def check_pca(case, analysis, r, theta, D, close):
    """Components, explained variance, the scrambled trajectories, variance per angle."""
    components, explained, projections = analysis.net_pca(r)
    trajectories = released.pca_trajectories(projections, len(case['r']), released=True)
    variance, decoder = released.stimulus_variance_pca(r, theta, D)
    for name, ours, atol in (('pca_components_abs', np.abs(components), 1e-9), ('pca_explained', explained, 1e-12),
                             ('pca_traj_abs_first', np.abs(trajectories[0]), 1e-9), ('pca_stim_var', variance, 1e-12),
                             ('pca_decoder_var', decoder, 1e-12)):
        if name in case:
            close(ours, case[name], 1e-6, atol, what=name)


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
    if 'ellipse_det' in case:
        close(dets, case['ellipse_det'], atol=1e-12)
