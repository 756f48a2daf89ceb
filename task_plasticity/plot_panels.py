"""Task-dependent representations: panels, each drawn on an axis from finished runs [(meta, arrays), ...]."""
import numpy as np
from scipy.interpolate import make_interp_spline

from task_plasticity import plot_analysis as analysis
from task_plasticity import tasks
from task_plasticity.plot_measures import session
from task_plasticity.plot_schematic import AFTER, BEFORE, CONTROL, TICKS
from task_plasticity.plot_stamp import one_network


def sessions(runs, suffix='_2'):
    """One Session a run; ValueError unless every test angle occurs, since curves over angles close and are averaged."""
    found = [session(meta, d, suffix) for meta, d in runs]
    for (meta, _), s in zip(runs, found, strict=True):
        if len(s.angles) < s.p['input_dim']:
            raise ValueError(f'seed {meta["seed"]}: the figures need every test angle around the circle; {len(s.angles)} occur '
                             f'of {s.p["input_dim"]}: take more test trials (test_num)')
    return found


def mean_and_sem(values):
    """(mean, standard error or nan) of a list of numbers."""
    return np.mean(values), np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan


def angle_name(angle):
    """An angle in parts of pi."""
    part = round(abs(angle) / np.pi, 2)
    return '0' if part == 0 else 'π' if part == 1 else f'{np.sign(angle) * part:g}π'


def theta_axis(ax, label='stimulus θ (rad)'):
    """Angles on the x axis, a dashed line at 0."""
    ax.axvline(0, ymax=0.8, color='k', lw=0.6, ls='--')                        # a legend stands above
    ax.set_xticks(*TICKS)
    ax.set_xlabel(label)


def closed(angles, values):
    """Values per angle with the first repeated a turn later, so that curves close. values (..., angles)"""
    return np.append(angles, angles[0] + 2 * np.pi), np.concatenate([values, values[..., :1]], axis=-1)


def over_angles(ax, values, angles, label=None, colour=AFTER, **style):
    """Mean over networks of a quantity per angle, with a band of one standard error. values (n_network, angles)"""
    x, y = closed(angles, np.array(values))
    mean = y.mean(axis=0)
    label = f'{label} (n = {len(y)})' if label else None
    ax.plot(x, mean, 'o-', color=colour, label=label, **style)
    if len(y) > 1:
        sem = y.std(axis=0, ddof=1) / np.sqrt(len(y))
        ax.fill_between(x, mean - sem, mean + sem, color=colour, alpha=0.2, lw=0)
    theta_axis(ax)


def objective(ax, runs):
    """Mean reward of each training trial, all networks and their mean."""
    curves = np.array([d['objective_2'] for _, d in runs])
    ax.plot(curves.T, color=AFTER, alpha=0.25, lw=0.8)
    ax.plot(curves.mean(axis=0), color='#222222', lw=1.2)
    ax.set(xlabel='training trial', ylabel='mean reward α', title=f'Learning (n = {len(runs)})')


@one_network
def output_and_target(ax, runs, trial):
    """The first output (thin) and its target (thick) in one late training trial of the first network, every 25th record."""
    meta, d = runs[0]
    p, task = meta['params'], tasks.task_of(meta['params']['objective'])
    row = min(trial // p['record_period'], len(d['o_record_2']) - 1)
    every = slice(None, None, max(1, min(25, d['o_record_2'].shape[2] // 40)))
    time = np.arange(d['o_record_2'].shape[2])[every] * p['dt'] * p['record_res']
    ax.plot(time, tasks.targets(p, d['th_record_2'][row, 0, every])[:, 0], color='#222222', lw=2.6, label='target')
    ax.plot(time, d['o_record_2'][row, 0, every], color=AFTER, lw=1, label='output')
    low, high = (-0.05, 1.05) if task.logistic[0] else ax.get_ylim()
    ax.set(xlabel='time (network time constants)', ylabel=task.outputs[0], title=f'Training trial {row * p["record_period"]}',
           ylim=(low, high + 0.2 * (high - low)))
    ax.legend(loc='upper center', ncols=2)


@one_network
def circle(ax, runs):
    """Targets, mean outputs with 1-s.d. ellipses, and the bias, in the plane of the first two outputs of the first network.

    A task with one output: its target, mean and s.d. against the angle.
    """
    from matplotlib.patches import Ellipse
    s = sessions(runs[:1])[0]
    if len(s.task.outputs) == 1:
        ax.plot(s.angles, tasks.targets(s.p, s.angles)[:, 0], 'kx', ms=5)
        ax.errorbar(s.angles, s.mean_output[:, 0], np.sqrt(s.output_variance), fmt='o', color=AFTER)
        theta_axis(ax)
        return ax.set(ylabel=s.task.outputs[0], title='Output: s.d. and bias')
    groups = analysis.per_angle(lambda k: k, s.theta, s.keep, 3)
    o, wanted = s.o[:2], tasks.targets(s.p, s.angles)[:, :2]
    shapes, _ = analysis.ellipses(o, groups)
    for target, (x, y, width, height, turn) in zip(wanted, shapes, strict=True):
        ax.add_patch(Ellipse((x, y), width, height, angle=turn, fill=False, color=AFTER, lw=1))
        ax.plot(*target, 'kx', ms=5)
        ax.plot([target[0], x], [target[1], y], color=CONTROL, lw=1)
    size = 1.1 * max(1.3, np.abs(shapes[:, :2]).max() + shapes[:, 2:4].max() / 2, np.abs(wanted).max())
    ax.plot([0, size], [0, 0], 'k--', lw=0.8)
    ax.set(xlim=(-size, size), ylim=(-size, size), xlabel=s.task.outputs[0], ylabel=s.task.outputs[1],
           title='Outputs: s.d. and bias')
    ax.set_aspect('equal')


@one_network
def tuning_curves(ax, runs, suffix='_2'):
    """Mean rate against angle of every second neuron of the first network, quartic spline through the angles, clipped at 0."""
    s = sessions(runs[:1], suffix)[0]
    x, y = closed(s.angles, s.tuning.T)
    fine = np.linspace(-np.pi, np.pi, 500)
    for i, curve in enumerate(y[:-1:2]):
        smooth = make_interp_spline(x, curve, k=min(4, len(x) - 1))(fine)
        ax.plot(fine, np.maximum(0, smooth), color=AFTER, lw=1, alpha=0.3 + 0.5 * (i % 5) / 4)
    theta_axis(ax)
    ax.set(ylabel='rate', title='Tuning curves', ylim=(0, None))


def preferred_angles(ax, runs):
    """Neurons by preferred angle, mean over networks and s.e.m., after and before learning."""
    for suffix, colour, label in (('', BEFORE, 'before'), ('_2', AFTER, 'after')):
        s = sessions(runs, suffix)
        counts = [[np.isclose(x.preferred, a).sum() for a in x.angles] for x in s]
        over_angles(ax, counts, s[0].angles, label, colour, ms=3, drawstyle='steps-mid')
    theta_axis(ax, 'preferred angle (rad)')
    ax.set(ylabel='neurons', title='Preferred angles', ylim=(0, 1.25 * ax.get_ylim()[1]))
    ax.legend(fontsize=8, ncols=2)


def compared(ax, groups, function, ylabel, title):
    """A quantity per angle for several groups of runs: [(runs, suffix, label, colour)]."""
    for runs, suffix, label, colour in groups:
        s = sessions(runs, suffix)
        over_angles(ax, [function(x) for x in s], s[0].angles, label, colour, ms=3)
    ax.set(ylabel=ylabel, title=title, ylim=(0, 1.3 * ax.get_ylim()[1]))
    ax.legend(fontsize=8, ncols=1 if len(groups) < 3 else 2, columnspacing=0.8)


def error_name(runs):
    """What the error of these runs measures, for an axis."""
    return tasks.error_name(sessions(runs[:1])[0].task)


@one_network
def noise_heat_map(ax, runs):
    """Noise correlations of the first network, mean over angles minus the identity, neurons by preferred angle."""
    s = sessions(runs[:1])[0]
    order = np.argsort(s.tuning.argmax(axis=0), kind='stable')
    matrix = analysis.sorted_noise_correlations(s.noise_correlation - np.eye(len(order)), order)
    limit = np.abs(matrix).max()
    picture = ax.imshow(matrix, cmap='RdBu_r', vmin=-limit, vmax=limit)
    ax.figure.colorbar(picture, ax=ax, shrink=0.8, label='correlation − identity')
    ax.set(xlabel='neuron (by preferred angle)', ylabel='neuron', title=f'Noise correlations, σ = {s.p["sigma"]:g}')


def noise_correlation_size(ax, runs):
    """Size of the noise correlations against angle: mean absolute off-diagonal entry (D29), mean over networks."""
    s = sessions(runs)
    pairs = np.triu_indices(len(s[0].net['b']), 1)
    over_angles(ax, [np.abs(x.noise_correlations[:, *pairs]).mean(axis=1) for x in s], s[0].angles, 'after', AFTER, ms=3)
    ax.set(ylabel='mean |noise correlation|', title='Noise correlations: size', ylim=(0, None))
    ax.legend()


@one_network
def covariance_map(ax, runs):
    """Covariance of the rates over all records, neurons by preferred angle."""
    s = sessions(runs[:1])[0]
    order = np.argsort(s.tuning.argmax(axis=0), kind='stable')
    covariance = np.cov(s.r[:, s.keep])[np.ix_(order, order)]
    limit = np.percentile(np.abs(covariance), 99)
    picture = ax.imshow(covariance, cmap='RdBu_r', vmin=-limit, vmax=limit)
    ax.figure.colorbar(picture, ax=ax, shrink=0.8, label='covariance of the rates')
    ax.set(xlabel='neuron (by preferred angle)', ylabel='neuron', title='Covariance')


@one_network
def signal_and_noise(ax, runs):
    """Signal against noise correlation of all pairs of neurons of the first network."""
    s = sessions(runs[:1])[0]
    pairs = np.triu_indices(len(s.net['b']), 1)
    ax.plot(analysis.signal_correlations(s.r[:, s.keep])[pairs], s.noise_correlation[pairs], '.', ms=2, color=AFTER)
    ax.set(xlabel='signal correlation', ylabel='noise correlation',
           title=f'Pairs, σ = {s.p["sigma"]:g}, r = {s.signal_noise_r:.2f}')


@one_network
def coactivity(ax, runs):
    """Rates of two neurons of the first network at the angle nearest to 0 and at pi: the pair of largest noise correlation."""
    s = sessions(runs[:1])[0]
    off = np.abs(s.noise_correlation - np.eye(len(s.net['b'])))
    i, j = np.unravel_index(off.argmax(), off.shape)
    r = s.r
    for place, colour in ((0, AFTER), (np.pi, CONTROL)):
        angle = s.at_angle(s.angles, place)
        some = r[:, (s.theta == angle) & s.keep][:, :400]
        ax.plot(some[i], some[j], '.', ms=2, alpha=0.6, color=colour, label=f'θ = {angle_name(angle)}')
    ax.set(xlabel=f'rate of neuron {i}', ylabel=f'rate of neuron {j}', title='Coactivity', ylim=(None, 1.2 * ax.get_ylim()[1]))
    ax.legend(ncols=2, markerscale=4)


def currents(ax, runs):
    """Recurrent and input current against angle, mean size over neurons (two axes)."""
    s = sessions(runs)
    other = ax.twinx()
    for axis, index, colour, label in ((ax, 1, AFTER, 'input $|C s|$'), (other, 0, CONTROL, 'recurrent $|W r|$')):
        over_angles(axis, [np.abs(x.currents[index]).mean(axis=0) for x in s], s[0].angles, None, colour, ms=3)
        axis.set_ylabel(label, color=colour)
        axis.set_ylim(0, None)
    other.spines['right'].set_visible(True)
    other.set_label('<second axis>')
    ax.set_title(f'Currents, σ = {s[0].p["sigma"]:g} (n = {len(s)})')


def explained_variance(ax, runs):
    """Share of the variance of the first 6 principal components, before and after; participation ratio (dimensions)."""
    for suffix, colour, label in (('', BEFORE, 'before'), ('_2', AFTER, 'after')):
        s = sessions(runs, suffix)
        shares = np.array([analysis.net_pca(x.r[:, x.keep], 6)[1] for x in s])
        ratio = np.mean([x.participation_ratio for x in s])
        mean, sem = np.array([mean_and_sem(column) for column in shares.T]).T
        ax.errorbar(np.arange(1, len(mean) + 1), mean, np.nan_to_num(sem), fmt='o-', color=colour,
                    label=f'{label}: {ratio:.1f} dimensions')
    ax.set(xlabel='principal component', ylabel='explained variance', title=f'Dimensions (n = {len(runs)})', ylim=(0, None))
    ax.legend()


@one_network
def decoded_densities(ax, runs):
    """Density of the decoded activity D r of the first network on both sides of the two class boundaries."""
    s = sessions(runs[:1])[0]
    u, pairs = (s.net['D'][s.task.logistic] @ s.r)[0], analysis.boundary_pairs(s.angles, s.boundaries)
    bins, names = np.linspace(*np.percentile(u, [0.2, 99.8]), 60), [angle_name(x) for x in s.boundaries]
    for pair, colour, name in zip(pairs, (AFTER, CONTROL), names, strict=True):
        for index, style in zip(pair, '-:', strict=True):
            counts, _ = np.histogram(u[(s.theta == s.angles[index]) & s.keep], bins, density=True)
            ax.plot((bins[1:] + bins[:-1]) / 2, counts, style, color=colour,
                    label=f'above and below {name}' if style == '-' else None)
    values = ', '.join(f'{value:.2f} at {name}' for value, name in zip(s.boundary_d_prime, names, strict=True))
    ax.set(xlabel='decoded activity D r', ylabel='density', title=f"d' = {values}", ylim=(0, 1.35 * ax.get_ylim()[1]))
    ax.legend(loc='upper left')


def outputs(ax, runs):
    """What the first network reports: outputs in the plane, or decoded activity at the class boundaries."""
    (decoded_densities if sessions(runs[:1])[0].task.logistic.all() else circle)(ax, runs)


def tuning_by_side(ax, runs):
    """Mean tuning of the neurons that prefer either class (grouped by their preferred angle, D28)."""
    s = sessions(runs)
    for side, colour, label in ((1, AFTER, 'prefer θ > 0'), (-1, CONTROL, 'prefer θ < 0')):
        chosen = [(x, (side * x.preferred > 1e-6) & (np.abs(x.preferred) < np.pi - 1e-6)) for x in s]
        curves = [x.tuning[:, those].mean(axis=1) for x, those in chosen if those.any()]
        if curves:
            over_angles(ax, curves, s[0].angles, label, colour, ms=3)
    ax.set(ylabel='mean rate', title='Tuning by preferred side', ylim=(0, 1.3 * ax.get_ylim()[1]))
    ax.legend(fontsize=8)


def aligned_tuning(ax, groups):
    """Mean tuning curve of all neurons, turned to their preferred angle: [(runs, label, colour)], +- s.e.m. over networks."""
    for runs, label, colour in groups:
        curves = []
        for s in sessions(runs):
            shifts = len(s.angles) // 2 - s.tuning.argmax(axis=0)
            curves.append(np.mean([np.roll(curve, k) for curve, k in zip(s.tuning.T, shifts, strict=True)], axis=0))
        over_angles(ax, curves, s.angles - s.angles[len(s.angles) // 2], label, colour, ms=3)
    ax.set(xlabel='stimulus − preferred angle (rad)', ylabel='mean rate', title='Mean tuning curve',
           ylim=(0, 1.3 * ax.get_ylim()[1]))
    ax.legend(fontsize=8)


def stimulus_histogram(ax, runs):
    """Angles that occurred in training, and the two readings of the prior (D1)."""
    from scipy.stats import vonmises
    meta, d = runs[0]
    p = meta['params']
    every = max(1, d['th_record_2'].shape[2] // 100)
    ax.hist(np.concatenate([run['th_record_2'][..., ::every].ravel() for _, run in runs]), 36, density=True, color=BEFORE,
            label=f'occurred (n = {len(runs)})')
    x = np.linspace(-np.pi, np.pi, 200)
    for factor, style in ((1, '--'), (2, '-')) if p['kappa_in'] > 0 else ():
        ax.plot(x, vonmises.pdf(x, factor * p['kappa_in'], loc=p['mu_in']), style, color=AFTER,
                label=f'κ = {factor * p["kappa_in"]:g}')
    theta_axis(ax)
    ax.set(ylabel='density (1/rad)', title='Training stimulus', ylim=(0, 1.35 * ax.get_ylim()[1]))
    ax.legend(fontsize=8, ncols=2)


@one_network
def variation_map(ax, runs):
    """Coefficient of variation of the first network, neurons by preferred angle."""
    s = sessions(runs[:1])[0]
    picture = ax.imshow(analysis.sorted_stimulus_variance(s.r[:, s.keep], s.theta[s.keep]), aspect='auto')
    ax.figure.colorbar(picture, ax=ax, shrink=0.8, label='s.d. / mean of the rate')
    ax.set(xlabel='stimulus θ (rad)', ylabel='neuron (by preferred angle)', title='Coefficient of variation',
           xticks=[0, len(s.angles) / 2], xticklabels=['−π', '0'])
