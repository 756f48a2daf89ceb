"""Task-dependent representations: panels, each drawn on an axis from finished runs [(meta, arrays), ...]."""
import numpy as np
from scipy.interpolate import make_interp_spline

from common.figures import heat_map
from task_plasticity import plot_analysis as analysis
from task_plasticity import tasks
from task_plasticity.plot_measures import session
from task_plasticity.plot_schematic import AFTER, BEFORE, CONTROL, THIRD, TICKS


def sessions(runs, suffix='_2'):
    """One Session a run."""
    return [session(meta, d, suffix) for meta, d in runs]


def closed(angles, values):
    """Values per angle with the first repeated at +pi, so that curves close. values (..., angles)"""
    return np.append(angles, np.pi), np.concatenate([values, values[..., :1]], axis=-1)


def over_angles(ax, values, angles, label=None, colour=AFTER, **style):
    """Mean over networks of a quantity per angle, with a band of one standard error. values (n_network, angles)"""
    x, y = closed(angles, np.array(values))
    mean = y.mean(axis=0)
    sem = y.std(axis=0, ddof=1) / np.sqrt(len(y)) if len(y) > 1 else np.zeros_like(mean)
    ax.plot(x, mean, 'o-', color=colour, label=label, **style)
    ax.fill_between(x, mean - sem, mean + sem, color=colour, alpha=0.2, lw=0)
    ax.axvline(0, color='k', lw=0.6, ls='--')
    ax.set_xticks(*TICKS)
    ax.set_xlabel('stimulus θ')


def objective(ax, runs):
    """Mean reward of each training trial, all networks and their mean."""
    curves = np.array([d['objective_2'] for _, d in runs])
    ax.plot(curves.T, color=AFTER, alpha=0.25, lw=0.8)
    ax.plot(curves.mean(axis=0), color=AFTER, lw=1.8)
    ax.set(xlabel='training trial', ylabel='objective', title=f'Learning, n = {len(runs)} network{"s" * (len(runs) > 1)}')


def output_and_target(ax, runs, trial):
    """Output 0 (thin) and its target (thick) in one late training trial, every 25th record."""
    meta, d = runs[0]
    p = meta['params']
    trial = min(trial, len(d['o_record_2']) - 1)
    time = np.arange(d['o_record_2'].shape[2])[::25] * p['dt'] * p['record_res']
    theta = d['th_record_2'][trial, 0, ::25]
    target = tasks.targets(p, theta)[:, 0]
    ax.plot(time, target, color='#222222', lw=2.6, label='target')
    ax.plot(time, d['o_record_2'][trial, 0, ::25], color=AFTER, lw=1, label='output')
    low, high = ax.get_ylim()
    ax.set(xlabel='time', ylabel='output 1', title=f'Training trial {trial}', ylim=(low, high + 0.2 * (high - low)))
    ax.legend(loc='upper center', ncols=2)


def circle(ax, runs):
    """Targets, mean outputs with 1-s.d. ellipses, and the bias, in the plane of the two outputs."""
    from matplotlib.patches import Ellipse
    s = sessions(runs[:1])[0]
    groups = [(s.theta == angle) & s.keep for angle in s.angles]
    shapes, _ = analysis.ellipses(s.o[:2], groups)
    ax.plot([0, 1.5], [0, 0], 'k--', lw=0.8)
    for angle, (x, y, width, height, turn) in zip(s.angles, shapes, strict=True):
        target = np.array([np.cos(angle), np.sin(angle)])
        ax.add_patch(Ellipse((x, y), width, height, angle=turn, fill=False, color=AFTER, lw=1))
        ax.plot(*target, 'kx', ms=5)
        ax.plot([target[0], x], [target[1], y], color=CONTROL, lw=1)
    ax.set(xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), xlabel='output 1', ylabel='output 2', title='Outputs: s.d. and bias')
    ax.set_aspect('equal')


def tuning_curves(ax, runs, suffix='_2'):
    """Mean rate against angle of every second neuron, quartic spline through the angles, clipped at 0."""
    s = sessions(runs[:1], suffix)[0]
    x, y = closed(s.angles, s.tuning.T)
    fine = np.linspace(-np.pi, np.pi, 500)
    for i, curve in enumerate(y[:-1:2]):
        smooth = make_interp_spline(x, curve, k=min(4, len(x) - 1))(fine)
        ax.plot(fine, np.maximum(0, smooth), color=AFTER, lw=1, alpha=0.3 + 0.5 * (i % 5) / 4)
    ax.axvline(0, color='k', lw=0.6, ls='--')
    ax.set_xticks(*TICKS)
    ax.set(xlabel='stimulus θ', ylabel='rate', title='Tuning curves', ylim=(0, None))


def preferred_angles(ax, runs):
    """Histogram of preferred angles over all networks, after and before learning."""
    for suffix, colour, label in (('', BEFORE, 'before'), ('_2', AFTER, 'after')):
        s = sessions(runs, suffix)
        counts = np.mean([[(np.isclose(x.preferred, a)).sum() for a in x.angles] for x in s], axis=0)
        x, y = closed(s[0].angles, counts)
        ax.step(x, y, where='mid', color=colour, label=label)
    ax.axvline(0, color='k', lw=0.6, ls='--')
    ax.set_xticks(*TICKS)
    ax.set(xlabel='preferred angle', ylabel='neurons', title='Preferred angles', ylim=(0, None))
    ax.legend()


def compared(ax, groups, function, ylabel, title):
    """A quantity per angle for several groups of runs: [(runs, suffix, label, colour)]."""
    for runs, suffix, label, colour in groups:
        s = sessions(runs, suffix)
        over_angles(ax, [function(x) for x in s], s[0].angles, label, colour, ms=3)
    ax.set(ylabel=ylabel, title=title, ylim=(0, 1.25 * ax.get_ylim()[1]))
    ax.legend(fontsize=8, ncols=2)


def error_polar(ax, runs):
    """Error against angle on a circle."""
    s = sessions(runs)
    x, y = closed(s[0].angles, np.mean([one.error for one in s], axis=0))
    ax.plot(x, y, 'o-', ms=3, color=AFTER)
    ax.set_yticks([0.1, 0.2, 0.3], ['0.1', '0.2', '0.3'], fontsize=8)
    ax.set_title('Error (polar)')


def noise_heat_map(ax, runs):
    """Noise correlations, mean over angles minus the identity, neurons by preferred angle."""
    s = sessions(runs[:1])[0]
    order = np.argsort(s.tuning.argmax(axis=0), kind='stable')
    matrix = analysis.sorted_noise_correlations(s.noise_correlation - np.eye(len(s.r)), order)
    limit = np.abs(matrix).max()
    picture = ax.imshow(matrix, cmap='RdBu_r', vmin=-limit, vmax=limit)
    ax.figure.colorbar(picture, ax=ax, shrink=0.8)
    ax.set(xlabel='neuron (by preferred angle)', ylabel='neuron', title='Noise correlations')


def noise_correlation_size(ax, runs):
    """Size of the noise correlations against angle: mean absolute off-diagonal entry (D29), band: s.d. over pairs."""
    s = sessions(runs[:1])[0]
    sizes = np.abs(s.noise_correlations[:, *np.triu_indices(len(s.r), 1)])
    x, mean = closed(s.angles, sizes.mean(axis=1))
    sd = closed(s.angles, sizes.std(axis=1))[1]
    ax.plot(x, mean, 'o-', ms=3, color=AFTER)
    ax.fill_between(x, mean - sd, mean + sd, color=AFTER, alpha=0.2, lw=0)
    ax.set_xticks(*TICKS)
    ax.set(xlabel='stimulus θ', ylabel='|noise correlation|', title='Noise correlations: size', ylim=(0, None))


def covariance_map(ax, runs):
    """Covariance of the rates over all records, neurons by preferred angle."""
    s = sessions(runs[:1])[0]
    order = np.argsort(s.tuning.argmax(axis=0), kind='stable')
    covariance = np.cov(s.r[:, s.keep])[np.ix_(order, order)]
    limit = np.percentile(np.abs(covariance), 99)
    picture = ax.imshow(covariance, cmap='RdBu_r', vmin=-limit, vmax=limit)
    ax.figure.colorbar(picture, ax=ax, shrink=0.8)
    ax.set(xlabel='neuron (by preferred angle)', ylabel='neuron', title='Covariance')


def signal_and_noise(ax, runs):
    """Signal against noise correlation of all pairs."""
    s = sessions(runs[:1])[0]
    pairs = np.triu_indices(len(s.r), 1)
    ax.plot(analysis.signal_correlations(s.r[:, s.keep])[pairs], s.noise_correlation[pairs], '.', ms=2, color=AFTER)
    ax.set(xlabel='signal correlation', ylabel='noise correlation', title=f'Pairs, r = {s.signal_noise_r:.2f}')


def currents(ax, runs):
    """Recurrent and input current against angle, mean size over neurons (two axes)."""
    s = sessions(runs)
    other = ax.twinx()
    for axis, index, colour, label in ((ax, 1, AFTER, 'input |C s|'), (other, 0, CONTROL, 'recurrent |W r|')):
        over_angles(axis, [np.abs(x.currents[index]).mean(axis=0) for x in s], s[0].angles, None, colour, ms=3)
        axis.set_ylabel(label, color=colour)
        axis.set_ylim(0, None)
    other.spines['right'].set_visible(True)
    ax.set_title('Currents')


NOISES = (0.05, 0.1, 0.2, 0.4)


def trained_at(runs, sigma):
    """The runs with this training noise."""
    return [run for run in runs if run[0]['params']['sigma'] == sigma]


def mean_and_sem(values):
    """(mean, standard error or nan) of a list of numbers."""
    return np.mean(values), np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan


def current_ratios(ax, runs):
    """Recurrent over input current for each training noise (bars: s.e.m. over networks)."""
    for i, sigma in enumerate(NOISES):
        some = trained_at(runs, sigma)
        if some:
            mean, sem = mean_and_sem([x.recurrent_over_input for x in sessions(some)])
            ax.bar(i, mean, yerr=sem, color=AFTER, capsize=3)
            ax.text(i, 0, f'n = {len(some)}', ha='center', va='bottom', color='white', fontsize=8)
    ax.set_xticks(range(len(NOISES)), [f'{sigma:g}' for sigma in NOISES])
    ax.set(xlabel='training noise σ', ylabel='recurrent / input current', title='Recurrence grows with noise')


def error_against_noise(ax, runs):
    """Error, weighted by the prior, against the noise of the test, for each training noise (mean and s.e.m.)."""
    for sigma, colour in zip(NOISES, (THIRD, BEFORE, AFTER, CONTROL), strict=True):
        some = trained_at(runs, sigma)
        if some:
            values = [mean_and_sem([s.weighted_error(1.5) for s in sessions(some, f'_sigma_{x}')]) for x in NOISES]
            mean, sem = np.array(values).T
            ax.errorbar(NOISES, mean, np.nan_to_num(sem), fmt='o-', color=colour, label=f'trained at {sigma:g}')
    ax.set(xlabel='test noise σ', ylabel='error (weighted by the prior)', title='Error against noise', xscale='log',
           yscale='log')
    ax.set_xticks(NOISES, [f'{sigma:g}' for sigma in NOISES])
    ax.minorticks_off()
    ax.legend()


def noise_matrix(ax, runs, relative=False):
    """Error, weighted by the prior: training noise (rows) against test noise (columns); relative: over the column's best."""
    sigmas = [sigma for sigma in NOISES if trained_at(runs, sigma)]
    errors = np.array([[np.mean([s.weighted_error(1.5) for s in sessions(trained_at(runs, a), f'_sigma_{b}')]) for b in NOISES]
                       for a in sigmas])
    heat_map(ax, errors / errors.min(axis=0) if relative else errors, [f'{x:g}' for x in sigmas], [f'{x:g}' for x in NOISES])
    n = len(trained_at(runs, sigmas[0]))
    ax.set(xlabel='test noise σ', ylabel='training noise σ',
           title='Error over the smallest of its column' if relative else f'Error, n = {n} networks')


def boundary_map(ax, runs, function, title):
    """Mean of a measure over networks: noise (rows) against the mean of the prior (columns)."""
    sigmas, means = (sorted({meta['params'][name] for meta, _ in runs}) for name in ('sigma', 'mu_in'))
    values = np.array([[np.mean([function(s) for s in sessions([run for run in trained_at(runs, sigma)
                                                                if run[0]['params']['mu_in'] == mu])]) for mu in means]
                       for sigma in sigmas])
    heat_map(ax, values, [f'{sigma:g}' for sigma in sigmas], [f'{mu / np.pi:g}π' for mu in means])
    n = len(runs) // (len(sigmas) * len(means))
    ax.set(xlabel='mean of the prior μ (boundaries at 0 and π)', ylabel='noise σ', title=f'{title}, n = {n}')


def explained_variance(ax, runs):
    """Share of the variance of the first 6 principal components, before and after."""
    for suffix, colour, label in (('', BEFORE, 'before'), ('_2', AFTER, 'after')):
        shares = [analysis.net_pca(x.r[:, x.keep], 6)[1] for x in sessions(runs, suffix)]
        ax.plot(np.arange(1, 7), np.mean(shares, axis=0), 'o-', color=colour, label=label)
    ax.set(xlabel='principal component', ylabel='explained variance', title='Dimensions', ylim=(0, None))
    ax.legend()


def decoded_densities(ax, runs):
    """Density of the decoded activity D r around the probable (0) and the improbable (pi) boundary."""
    s = sessions(runs[:1])[0]
    u, (near, far) = (s.net['D'][s.task.logistic] @ s.r)[0], analysis.boundary_pairs(s.angles)
    bins = np.linspace(*np.percentile(u, [0.2, 99.8]), 60)
    for (i, j), colour, label in ((near, AFTER, 'around 0'), (far, CONTROL, 'around π')):
        for index, style in ((i, '-'), (j, '--')):
            counts, _ = np.histogram(u[(s.theta == s.angles[index]) & s.keep], bins, density=True)
            ax.plot((bins[1:] + bins[:-1]) / 2, counts, style, color=colour, label=label if style == '-' else None)
    high, low = s.boundary_d_prime
    ax.set(xlabel='decoded activity D r', ylabel='density', title=f"d' = {high:.2f} and {low:.2f}",
           ylim=(0, 1.3 * ax.get_ylim()[1]))
    ax.legend(loc='upper left')


def tuning_by_side(ax, runs):
    """Mean tuning of the neurons that prefer either class (grouped by their preferred angle, D28)."""
    s = sessions(runs)
    for side, colour, label in ((1, AFTER, 'prefer θ > 0'), (-1, CONTROL, 'prefer θ < 0')):
        curves = [x.tuning[:, (x.preferred > 1e-6) if side > 0 else (x.preferred < -1e-6)].mean(axis=1) for x in s]
        over_angles(ax, curves, s[0].angles, label, colour, ms=3)
    ax.set(ylabel='mean rate', title='Tuning by preferred side', ylim=(0, None))
    ax.legend()


def aligned_tuning(ax, groups):
    """Mean tuning curve of all neurons, turned to their preferred angle: [(runs, label, colour)], +- s.e.m. over networks."""
    for runs, label, colour in groups:
        curves = []
        for s in sessions(runs):
            shifts = len(s.angles) // 2 - s.tuning.argmax(axis=0)
            curves.append(np.mean([np.roll(curve, k) for curve, k in zip(s.tuning.T, shifts, strict=True)], axis=0))
        over_angles(ax, curves, s.angles, label, colour, ms=3)
    ax.set(xlabel='stimulus − preferred angle', ylabel='mean rate', title='Mean tuning curve', ylim=(0, None))
    ax.legend()


def stimulus_histogram(ax, runs):
    """Angles that occurred in training, and the two readings of the prior (D1)."""
    from scipy.stats import vonmises
    meta, d = runs[0]
    p = meta['params']
    ax.hist(np.concatenate([run['th_record_2'].ravel()[::50] for _, run in runs]), 36, density=True, color=BEFORE)
    x = np.linspace(-np.pi, np.pi, 200)
    for factor, style in ((1, '--'), (2, '-')):
        if p['kappa_in'] > 0:
            ax.plot(x, vonmises.pdf(x, factor * p['kappa_in'], loc=p['mu_in']), style, color=AFTER,
                    label=f'κ = {factor * p["kappa_in"]:g}')
    ax.set_xticks(*TICKS)
    ax.set(xlabel='stimulus θ', ylabel='density', title='Training stimulus')
    ax.legend()


def f_I_curve(ax, runs):
    """f-I curve of the neurons."""
    from task_plasticity.model import f
    p = runs[0][0]['params']
    x = np.linspace(-0.3, 0.5, 200)
    ax.plot(x, [f(value, p['alpha'], p['beta'], p['gamma']) for value in x], color=AFTER)
    ax.set(xlabel='input current', ylabel='rate', title='f-I curve')


def variation_map(ax, runs):
    """Coefficient of variation, neurons by preferred angle."""
    s = sessions(runs[:1])[0]
    picture = ax.imshow(analysis.sorted_stimulus_variance(s.r[:, s.keep], s.theta[s.keep]), aspect='auto')
    ax.figure.colorbar(picture, ax=ax, shrink=0.8)
    ax.set(xlabel='angle', ylabel='neuron (by preferred angle)', title='Coefficient of variation')
