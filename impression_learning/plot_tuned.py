"""Impression learning: Fig. 2d with every rule at its best stable rate (mode tuned): the choice of the rates, the panels."""
from collections import namedtuple

import numpy as np

from common.figures import grid
from reproduction.evidence import mean_interval

STABLE = 0.8                            # a rate counts as stable if at least this share of its seeds stays finite
RULES = {'wake_sleep': 'impression learning', 'reinforce': 'REINFORCE, alternating', 'reinforce_wake': 'REINFORCE, wake only',
         'backprop': 'backpropagation'}
COLOURS = {'wake_sleep': '#0072B2', 'reinforce': '#D55E00', 'reinforce_wake': '#CC79A7', 'backprop': '#009E73'}

Best = namedtuple('Best', 'rate runs stable tried')     # runs: {seed: (meta, arrays)} that stayed finite; numbers of rates


def by_setting(runs):
    """{(rule, d): {rate: {seed: run}}}"""
    found = {}
    for meta, d in runs:
        p = meta['params']
        rates = found.setdefault((p['algorithm'], p['n_neurons']), {})
        rates.setdefault(p['learning_rate'], {})[p['seed']] = (meta, d)
    return found


def finite(seeds):
    """The runs {seed: (meta, arrays)} that did not diverge and have a loss."""
    return {seed: run for seed, run in seeds.items() if run[0]['diverged_at'] < 0 and np.isfinite(run[1]['wake_loss'])}


def best(runs):
    """{(rule, d): Best}: of the rates at which at least 8 of 10 seeds stay finite, the one of the lowest mean wake loss.

    The rates are chosen on the same seeds as they are judged on: every rule gains a little by it, the rivals as the others.
    """
    chosen = {}
    for key, rates in by_setting(runs).items():
        stable = {rate: finite(seeds) for rate, seeds in rates.items() if len(finite(seeds)) >= STABLE * len(seeds)}
        if stable:
            rate = min(stable, key=lambda rate, stable=stable: np.mean(losses(stable[rate])))
            chosen[key] = Best(rate, stable[rate], len(stable), len(rates))
    return chosen


def at_edge(runs):
    """[(rule, d)] whose best rate is the lowest or the highest that was tried: a better one may lie beyond."""
    tried = by_setting(runs)
    return [key for key, choice in best(runs).items() if choice.rate in (min(tried[key]), max(tried[key]))]


def losses(seeds):
    """Final wake losses of runs {seed: (meta, arrays)}, in the order of the seeds."""
    return [float(seeds[seed][1]['wake_loss']) for seed in sorted(seeds)]


def final_loss(rule, d):
    """A row's value: final wake losses of a rule at its best stable rate, one a seed."""
    return lambda runs: losses(best(runs)[rule, d].runs)


def differences(a, b, d):
    """A row's value: final wake loss of rule a minus that of rule b at dimension d, seed by seed (same stimulus)."""

    def value(runs):
        one, other = (best(runs)[rule, d].runs for rule in (a, b))
        return [float(one[seed][1]['wake_loss'] - other[seed][1]['wake_loss']) for seed in sorted(one.keys() & other.keys())]

    return value


# ---------------------------------------------------------------- panels

def against_dimension(ax, runs):
    """Final wake loss against the number of input channels: mean and 95 % interval over seeds, every rule at its best rate."""
    ax.set_yscale('symlog', linthresh=10)
    chosen = best(runs)
    for rule, label in RULES.items():
        sizes = sorted(d for name, d in chosen if name == rule)
        found = [losses(chosen[rule, d].runs) for d in sizes]
        if not found:
            continue
        means = np.array([np.mean(values) for values in found])
        ends = np.array([mean_interval(values) or (mean, mean) for values, mean in zip(found, means, strict=True)])
        ax.errorbar(2 * np.array(sizes), means, np.abs(ends.T - means), fmt='o-', color=COLOURS[rule], label=label, capsize=3)
    n = sorted({len(choice.runs) for choice in chosen.values()})
    ax.set(xlabel='input channels', ylabel='wake loss of the final network', xscale='log',
           title=f'Best rate each: mean, 95 %, n = {"–".join(map(str, sorted({n[0], n[-1]})))}')
    ticks = sorted({2 * d for _, d in chosen})
    ax.set_xticks(ticks, list(map(str, ticks)))
    ax.minorticks_off()
    ax.axhline(0, color='k', lw=0.5)
    ax.legend(loc='lower left', fontsize='small')


def against_samples(ax, runs, d):
    """Wake test loss through training at one dimension: median and quartiles over the seeds of the best rate."""
    ax.set_yscale('symlog', linthresh=10)
    chosen = best(runs)
    for rule in RULES:
        if (rule, d) not in chosen:
            continue
        steps, curves = zip(*(curve(*run) for run in chosen[rule, d].runs.values()), strict=True)
        low, median, high = np.percentile(curves, (25, 50, 75), axis=0)
        kind = ' (training)' if rule == 'backprop' else ''
        ax.plot(steps[0], median, color=COLOURS[rule], label=f'η = {chosen[rule, d].rate:.2g}{kind}')
        ax.fill_between(steps[0], low, high, color=COLOURS[rule], alpha=0.2, lw=0)
    ax.set(xlabel='samples (first points: untrained)', ylabel='wake loss', xscale='log',
           title=f'{2 * d} channels: median, quartiles')
    ax.legend(fontsize='x-small', loc='upper center', bbox_to_anchor=(0.5, -0.15), ncols=4, columnspacing=0.8, handlelength=1)


def curve(meta, d):
    """(samples seen, wake loss there) of a run: tests of its snapshots and the end; the control: its training loss, in wake."""
    p = meta['params']
    if p['algorithm'] == 'backprop':
        size = max(1, len(d['train_loss']) // 20)
        means = d['train_loss'][:20 * size].reshape(-1, size).mean(axis=1)
        return (np.arange(len(means)) + 0.5) * size * p['loss_every'], means
    steps = np.append(d['snapshot_steps'], p['n_sample'] * p['scale'])
    steps = np.maximum(steps, steps[1] / 4)                     # the untrained network has a place on the log axis
    return steps, np.append(d['loss_mean'], d['wake_loss'])


def against_rate(ax, runs, d):
    """Final wake loss against the learning rate at one dimension, a line a rule; crosses: rates at which seeds diverged."""
    ax.set_yscale('symlog', linthresh=10)
    for (rule, size), rates in sorted(by_setting(runs).items()):
        if size != d:
            continue
        chosen, lost = sorted(rate for rate in rates if finite(rates[rate])), []
        factor = 1e-3 if rule == 'backprop' else 1.0            # the rate of its weights is eta times 10 * 0.01^2
        means = [np.mean(losses(finite(rates[rate]))) for rate in chosen]
        ax.plot(factor * np.array(chosen), means, 'o-', color=COLOURS[rule])
        lost = [(rate, mean) for rate, mean in zip(chosen, means, strict=True) if len(finite(rates[rate])) < len(rates[rate])]
        if lost:
            ax.plot(factor * np.array(lost)[:, 0], np.array(lost)[:, 1], 'x', ms=10, color=COLOURS[rule])
    ax.set(xlabel='learning rate (back-propagation: η / 1000)', ylabel='wake loss of the final network', xscale='log',
           title=f'{2 * d} channels (×: some seeds diverged, no point: all)')


def fig_2d_tuned(runs):
    """The same with every rule at its best stable rate (mode tuned): final loss, against samples, against the rate."""
    sizes = sorted({meta['params']['n_neurons'] for meta, _ in runs})
    shown = [sizes[0], sizes[len(sizes) // 2]] if len(sizes) > 1 else sizes
    figure, axes = grid(2, 1 + len(shown), 4.4)
    against_dimension(axes[0, 0], runs)
    for column, d in enumerate(shown, 1):
        against_samples(axes[0, column], runs, d)
        against_rate(axes[1, column], runs, d)
    if sizes[-1] not in shown:
        against_samples(axes[1, 0], runs, sizes[-1])
    else:
        axes[1, 0].set_axis_off()
    return figure
