"""Task-dependent representations: panels over several settings (noise, prior against boundary), from finished runs."""
import numpy as np
from matplotlib.ticker import LogLocator, MaxNLocator

from common.figures import heat_map
from task_plasticity.plot_measures import session
from task_plasticity.plot_panels import angle_name, mean_and_sem, sessions
from task_plasticity.plot_schematic import AFTER, BEFORE, CONTROL, THIRD

NOISES = (0.05, 0.1, 0.2, 0.4)


def trained_at(runs, sigma):
    """The runs with this training noise."""
    return [run for run in runs if run[0]['params']['sigma'] == sigma]


def prior_errors(runs, sigma):
    """Error of each run, weighted by the prior that it was trained under, in the test at noise sigma."""
    tests = [session(meta, d, f'_sigma_{sigma}') for meta, d in runs]
    return [s.weighted_error(s.prior_concentration) for s in tests]


def current_ratios(ax, runs):
    """Recurrent over input current for each training noise (bars: s.e.m. over networks)."""
    for i, sigma in enumerate(NOISES):
        some = trained_at(runs, sigma)
        if some:
            mean, sem = mean_and_sem([x.recurrent_over_input for x in sessions(some)])
            ax.bar(i, mean, yerr=sem, color=AFTER, capsize=3)
            ax.annotate(f'n = {len(some)}', (i, mean + np.nan_to_num(sem)), (0, 3), textcoords='offset points', ha='center',
                        fontsize=8)
    ax.set_xticks(range(len(NOISES)), [f'{sigma:g}' for sigma in NOISES])
    ax.set(xlabel='training noise σ', ylabel='recurrent / input current', title='Recurrence grows with noise')


def error_against_noise(ax, runs):
    """Error, weighted by the prior, against the noise of the test, for each training noise (mean and s.e.m.)."""
    for sigma, colour in zip(NOISES, (THIRD, BEFORE, AFTER, CONTROL), strict=True):
        some = trained_at(runs, sigma)
        if some:
            values = [mean_and_sem(prior_errors(some, x)) for x in NOISES]
            mean, sem = np.array(values).T
            ax.errorbar(NOISES, mean, np.nan_to_num(sem), fmt='o-', color=colour, label=f'trained at {sigma:g}')
    ax.set(xlabel='test noise σ', ylabel='error (weighted by the prior)', title='Error against noise', xscale='log',
           yscale='log')
    ax.set_xticks(NOISES, [f'{sigma:g}' for sigma in NOISES])
    ax.minorticks_off()
    low, high = ax.get_ylim()
    if np.floor(np.log10(high)) - np.ceil(np.log10(low)) < 1:                       # fewer than two powers of ten
        ax.yaxis.set_major_locator(MaxNLocator(4) if high < 10 * low else LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter('{x:g}')
    ax.legend()


def noise_matrix(ax, runs, relative=False):
    """Error, weighted by the prior: training noise (rows) against test noise (columns); relative: over the column's best."""
    sigmas = [sigma for sigma in NOISES if trained_at(runs, sigma)]
    errors = np.array([[np.mean(prior_errors(trained_at(runs, a), b)) for b in NOISES] for a in sigmas])
    heat_map(ax, errors / errors.min(axis=0) if relative else errors, [f'{x:g}' for x in sigmas], [f'{x:g}' for x in NOISES])
    n = len(trained_at(runs, sigmas[0]))
    ax.set(xlabel='test noise σ', ylabel='training noise σ',
           title='Over the smallest of its column' if relative else f'Prior-weighted error, n = {n}')


def boundary_map(ax, runs, function, title):
    """Mean of a measure over networks: noise (rows) against the mean of the prior (columns)."""
    sigmas, means = (sorted({meta['params'][name] for meta, _ in runs}) for name in ('sigma', 'mu_in'))
    values = np.array([[np.mean([function(s) for s in sessions([run for run in trained_at(runs, sigma)
                                                                if run[0]['params']['mu_in'] == mu])]) for mu in means]
                       for sigma in sigmas])
    heat_map(ax, values, [f'{sigma:g}' for sigma in sigmas], [f'{mu / np.pi:g}π' for mu in means])
    n = len(runs) // (len(sigmas) * len(means))
    at = ' and '.join(angle_name(angle) for angle in sessions(runs[:1])[0].boundaries)
    ax.set(xlabel=f'mean of the prior μ (boundaries at {at})', ylabel='noise σ', title=f'{title}, n = {n}')


def participation(ax, groups):
    """Participation ratio before and after, every network and the mean: groups [(runs, label, colour), ...]."""
    for i, (runs, label, colour) in enumerate(groups):
        values = np.array([[s.participation_ratio for s in sessions(runs, suffix)] for suffix in ('', '_2')])
        ax.plot([2 * i, 2 * i + 1], values, '.-', color=colour, alpha=0.4, lw=0.8)
        ax.plot([2 * i, 2 * i + 1], values.mean(axis=1), 'o-', color=colour, label=f'{label} (n = {len(runs)})')
    ax.set_xticks(range(2 * len(groups)), ['before', 'after'] * len(groups))
    ax.set(ylabel='participation ratio', title='Dimensions', ylim=(0, 1.3 * ax.get_ylim()[1]))
    ax.legend(fontsize=8)
