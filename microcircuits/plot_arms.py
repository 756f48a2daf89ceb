"""Dendritic microcircuits: panels that compare arms on samples with classes, and the heat map of prospective rates."""
from types import SimpleNamespace

import numpy as np
import seaborn

from microcircuits.data import yin_yang_class
from microcircuits.exp_params import Params
from microcircuits.plot_panels import LAYERS, RULES, TITLES, epochs_of, has, stacked
from reproduction.evidence import mean_interval

ARMS = {'PAL': '#0072B2', 'PAL-fixed-B': '#56B4E9', 'FA-noise': '#E69F00', 'FA': '#D55E00', 'BP': '#222222'} | RULES
ARM_NAMES = {'PAL-fixed-B': 'PAL, B fixed', 'FA-noise': 'FA + noise, B$^I$'}


def arm(meta):
    """Name of the arm of a comparison that a run belongs to."""
    return Params.arm.fget(SimpleNamespace(**meta['params']))


def of_arm(runs, name):
    """The runs of one arm."""
    return [run for run in runs if arm(run[0]) == name]


def arms_of(runs):
    """[(name, colour, runs)] of the arms that are there."""
    return [(name, colour, of_arm(runs, name)) for name, colour in ARMS.items() if of_arm(runs, name)]


def accuracy(ax, runs, name):
    """Accuracy against epochs: each seed, and the mean of each arm; chance dashed."""
    for arm_name, colour, some in arms_of(runs):
        x, values = some[0][1]['test_epoch'], stacked(some, name)
        ax.plot(x, values.T, color=colour, alpha=0.2, lw=0.6)
        ax.plot(x, values.mean(axis=0), color=colour, label=f'{ARM_NAMES.get(arm_name, arm_name)} (n = {len(some)})')
    ax.axhline(1 / runs[0][0]['params']['layers'][-1], color='k', lw=0.6, ls='--')
    ax.set(xlabel='epoch', ylabel=name.replace('_', ' '), title='Learning', ylim=(None, 1))
    ax.legend(loc='center right', fontsize=8)


def final_accuracy(ax, runs, name):
    """Accuracy after the last epoch: each seed, mean and 95 % interval of each arm; seeds joined."""
    arms = arms_of(runs)
    values = [{meta['seed']: float(d[name][-1]) for meta, d in some} for _, _, some in arms]
    for seed in sorted(set().union(*values)):
        joined = [(i, v[seed]) for i, v in enumerate(values) if seed in v]
        ax.plot(*zip(*joined, strict=True), color='0.8', lw=0.6, zorder=0)
    for i, ((_, colour, _), v) in enumerate(zip(arms, values, strict=True)):
        points = np.array(list(v.values()))
        ax.plot(np.full(len(points), i), points, 'o', color=colour, ms=3, alpha=0.6)
        low, high = mean_interval(points) or (points.mean(),) * 2
        mean = points.mean()
        ax.errorbar(i + 0.18, mean, [[mean - low], [high - mean]], fmt='_', color=colour, ms=10, capsize=3)
    ax.set_xticks(range(len(arms)), [ARM_NAMES.get(arm_name, arm_name).replace(', ', ',\n').replace(' + ', '\n+ ')
                                     for arm_name, _, _ in arms], fontsize=8)
    epochs = runs[0][0]['params']['epochs']
    ax.set(ylabel=name.replace('_', ' '), title=f'After {epochs} epochs (mean, 95 %)', xlim=(-0.5, len(arms) - 0.5))


def alignment_of_arms(ax, runs):
    """Angle of B and W^T of the last hidden layer against epochs: each seed, and the mean of each arm."""
    if not has(ax, runs, 'angle_WPPT_BPP'):
        return
    for arm_name, colour, some in arms_of(runs):
        first = int(some[0][1]['first_record'])
        x, y = epochs_of(some[0], 'angle_WPPT_BPP')[first:], stacked(some, 'angle_WPPT_BPP')[:, first:, -1]
        ax.plot(x, y.T, color=colour, alpha=0.2, lw=0.6)
        ax.plot(x, y.mean(axis=0), color=colour, label=ARM_NAMES.get(arm_name, arm_name))
    ax.axhline(90, color='k', lw=0.6, ls='--')
    ax.set(xlabel='epoch', ylabel='angle (degrees)', title=TITLES['angle_WPPT_BPP'], ylim=(0, None))
    ax.legend(fontsize=8, loc='lower right')


def heat_map(ax, runs, layer):
    """Final angle of B and W^T (mean over seeds; over layers too if layer is None) over tau_r / tau and tau_xi / dt."""
    cells = {}
    for meta, d in runs:
        last, p = d['angle_WPPT_BPP'][-1], meta['params']
        cells.setdefault((p['taur'], p['tauxi'] / p['dt']), []).append(last.mean() if layer is None else last[layer])
    rho, tau = (sorted({key[i] for key in cells}) for i in (0, 1))
    means = np.array([[np.mean(cells.get((x, y), [np.nan])) for x in rho] for y in tau])
    seaborn.heatmap(means, ax=ax, vmin=0, vmax=95, cmap='viridis_r', annot=True, fmt='.0f', cbar=layer is None,
                    xticklabels=[f'{x:g}' for x in rho], yticklabels=[f'{y:g}' for y in tau], annot_kws={'size': 8})
    ax.invert_yaxis()
    n = min(map(len, cells.values()))
    ax.set(xlabel='τ$_r$ / τ (0 lagging, 1 prospective)', ylabel='τ$_ξ$ / dt',
           title=f'B and W$^T$, mean over layers (n = {n})' if layer is None else f'hidden layer {layer + 1}')


def decision(ax, runs):
    """The task: samples in the plane, one colour a class."""
    points = runs[0][1]['inputs'][:, :2]
    classes = yin_yang_class(*points.T)
    for k, name in enumerate(('yin', 'yang', 'dots')):
        ax.plot(*points[classes == k].T, '.', color=LAYERS[k], ms=3, label=name)
    ax.set(xlabel='x', ylabel='y', title='Samples', aspect='equal', xlim=(-0.05, 1.05), ylim=(-0.05, 1.25))
    ax.legend(fontsize=8, loc='upper center', ncol=3, markerscale=3, columnspacing=1)


# ---------------------------------------------------------------- PAL against LDRL

LAST = 10                               # epochs whose mean is judged
VARIANTS = {'PAL': RULES['PAL'], 'PAL, noise as |u|': '#56B4E9', 'LDRL': RULES['LDRL']}     # those that are compared


def variant(meta):
    """Name of the rule, with the noise of PAL if that is the noise of LDRL."""
    p = meta['params']
    return 'PAL, noise as |u|' if p['model_type'] == 'PAL' and p['noise_mode'] == 'uP' else p['model_type']


def shown(name):
    """A variant's name in a legend: bars of |u| that are not read as letters."""
    return name.replace('|u|', '$|u|$')


def settings_of(runs, name):
    """{(noise scale, rate): {seed: mean angle of B and W^T over the last epochs}} of one variant."""
    found = {}
    for meta, d in runs:
        if variant(meta) == name:
            p, epochs = meta['params'], epochs_of((meta, d), 'angle_WPPT_BPP')
            late = max(1, np.count_nonzero(epochs > max(0, p['epochs'] - LAST)))
            seeds = found.setdefault((p['noise_scale'][0], p['eta_bw'][0]), {})
            seeds[meta['seed']] = float(d['angle_WPPT_BPP'][-late:, 0].mean())
    return found


def variants_of(runs):
    """[(name, colour)] of the variants that are there; those of no comparison have the colour of their rule."""
    there = {variant(meta) for meta, _ in runs}
    return [(name, colour) for name, colour in (VARIANTS | RULES).items() if name in there]


def best_setting(runs, name):
    """(noise scale, rate) with the smallest mean angle over seeds."""
    found = settings_of(runs, name)
    return min(found, key=lambda key: np.mean(list(found[key].values())))


def final_by_setting(ax, runs):
    """Angle at the end for every noise and rate: each seed, mean and 95 % interval."""
    place, labels = 0, []
    for name, colour in variants_of(runs):
        for (scale, eta), seeds in sorted(settings_of(runs, name).items()):
            values = np.array(list(seeds.values()))
            low, high = mean_interval(values) or (values.mean(),) * 2
            ax.plot(np.full(len(values), place), values, '.', color=colour, ms=3, alpha=0.5)
            mean = values.mean()
            ax.errorbar(place + 0.2, mean, [[mean - low], [high - mean]], fmt='_', color=colour, capsize=2)
            labels.append(f'{scale:g}\n{eta:g}')
            place += 1
        ax.plot([], [], '.', color=colour, label=shown(name))
    ax.set_xticks(range(place), labels, fontsize=7)
    ax.set(xlabel='noise σ (above), rate η of B (below)', ylabel='final angle of B and W$^T$ (degrees)', title='every setting')
    ax.legend(fontsize=8)


def best_curves(ax, runs):
    """Angle against epochs at each rule's best setting: median and 10-90 % over seeds."""
    for name, colour in variants_of(runs):
        best = best_setting(runs, name)
        some = [run for run in runs if variant(run[0]) == name
                and (run[0]['params']['noise_scale'][0], run[0]['params']['eta_bw'][0]) == best]
        low, middle, high = np.percentile(stacked(some, 'angle_WPPT_BPP')[:, :, 0], (10, 50, 90), axis=0)
        x = epochs_of(some[0], 'angle_WPPT_BPP')
        ax.plot(x, middle, color=colour, label=f'{shown(name)}: σ {best[0]:g}, η {best[1]:g} (n = {len(some)})')
        ax.fill_between(x, low, high, color=colour, alpha=0.18, lw=0)
    ax.set(xlabel='epoch', ylabel='angle of B and W$^T$ (degrees)', title='best settings', ylim=(0, None))
    ax.legend(fontsize=8)
