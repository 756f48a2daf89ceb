"""Figures of all rules, from saved results only.

    python -m across.plot_generator                 fig_rules, from all runs of mode updates
    python -m across.plot_generator mode=learning   fig_samples, learning curves
"""
# %% what the figures need
import sys
from pathlib import Path

import numpy as np

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from across import exp_params
from across.experiments import (
    NAMES,
    SPIKING,
    STAGES,
    TASKS,
    WAY,
    best_rate,
    criterion,
    crossing,
    curves,
    learning_runs,
    of,
    of_blocks,
    reached,
    update_runs,
)
from across.experiments_mnist import ALL, FEW, gathered
from across.experiments_mnist import NAMES as NETWORKS
from across.experiments_mnist import runs as mnist_runs
from across.measures import RIGHT_WAY
from common.figures import finished, grid, save_figure, variant
from common.params import demand
from common.results import is_complete, load_result, result_path
from common.script import load_or_exit, plots
from common.words import load_members
from reproduction.evidence import mean_interval, median_interval, number

FAMILY = {'backprop': '#555555', 'hsic_exact': '#009E73', 'hsic': '#009E73', 'impression_learning': '#0072B2',
          'reinforce': '#0072B2', 'three_factor': '#E69F00', 'transport': '#CC79A7', 'PAL': '#CC79A7', 'FA': '#CC79A7',
          'rstdp': '#D55E00', 'rstdp_margin': '#D55E00'}
LINES = {'bp': ('#555555', '-'), 'hsic': ('#009E73', '--'), 'released': ('#009E73', '-'), 'BP': ('#CC79A7', ':'),
         'PAL': ('#CC79A7', '-'), 'FA': ('#CC79A7', '--'), 'winner': ('#D55E00', '-'), 'true_class': ('#D55E00', '--'),
         'margin': ('#D55E00', ':')}

SCORES = {'XOR': 'test accuracy', 'two hidden causes': 'minus the wake loss', 'estimation': 'mean reward',
          'yin-yang': 'validation accuracy', 'digits, layer 3': 'test accuracy'}


def letter(ax, text):
    """Panel letter and title."""
    ax.set_title(text, loc='left', fontweight='bold')


# %% alignment and noise
def dots(ax, runs, name, rules, centre, interval):
    """One line a rule: a measure untrained (open) and trained (filled), with its interval."""
    for y, rule in enumerate(rules):
        for stage in range(len(STAGES)):
            values, place = np.array(of(rule, name, stage)(runs)), y - 0.14 + 0.28 * stage
            low, high = interval(values) or (values.min(), values.max())
            ax.plot([low, high], [place, place], color=FAMILY[rule], lw=1.2)
            ax.plot(centre(values), place, 'o', mec=FAMILY[rule], mfc=FAMILY[rule] if stage else 'w', ms=6)
    ax.set_yticks(range(len(rules)), [NAMES[rule] for rule in rules])
    ax.set_ylim(len(rules) - 0.5, -0.5)
    ax.grid(axis='y', color='0.9')


def alignment(ax, runs, rules):
    """(a)"""
    dots(ax, runs, 'cosine', rules, np.mean, mean_interval)
    for x in (0, 1):
        ax.axvline(x, color='k', lw=0.7, ls='--' if x else '-')
    ax.set(xlabel='cosine of the mean update with the gradient', xlim=(-0.5, 1.06))
    for fill, when in (('w', 'untrained'), ('0.3', 'trained')):
        ax.plot([], [], 'o', mec='0.3', mfc=fill, label=when)
    ax.legend(loc='upper left', handletextpad=0.1)
    letter(ax, 'a  alignment')


def until(runs, rule, stage):
    """Samples until 45 degrees as text; '> n': not in means of n, the most that are measured, but with all samples of a run."""
    count = crossing(rule, stage)(runs)
    if np.isfinite(count):
        return number(count, 2)
    all_of_them = np.median(of(rule, 'cosine', stage)(runs))
    return f'> {of_blocks(runs, rule, stage)[0, -1, 0]:.0f}' if all_of_them >= RIGHT_WAY else 'never'


def noise(ax, runs, rules):
    """(b)"""
    dots(ax, runs, 'snr', rules, np.median, median_interval)
    for y, rule in enumerate(rules):
        text = ' / '.join(until(runs, rule, stage) for stage in range(len(STAGES)))
        ax.text(1.02, y, text, transform=ax.get_yaxis_transform(), va='center', fontsize=9)
    ax.text(1.02, 1.03, 'samples to 45°\nuntrained / trained', transform=ax.transAxes, fontsize=8, style='italic')
    ax.set(xlabel='signal to noise ratio of one update', xscale='log')
    ax.tick_params(labelleft=False)
    letter(ax, 'b  noise')


# %% samples to criterion
def there(members):
    """The finished runs of these; none of those whose images are not on disk."""
    found = []
    for p in members:
        try:
            found += [load_result(p)] if is_complete(result_path(p)) else []
        except FileNotFoundError:
            continue
    return found


def whole(runs):
    """{task: learning curves of the seeds that have all rules and rates}"""
    found = {}
    for task, rules in TASKS.items():
        own = [run for run in runs if run[0]['mode'] == 'learning' and run[0]['params']['rule'] in rules]
        learners = sum(rule in rules for rule, _ in exp_params.LEARNERS)
        seeds = [run[0]['seed'] for run in own]
        size = max(map(seeds.count, seeds), default=0) // learners * learners
        own = [run for run in own if size and seeds.count(run[0]['seed']) == size]
        found |= {task: own} if own else {}
    return found


def lines_of(task):
    """[(rule, rival, name, colour), ...] of a task, back-propagation first."""
    rules = [(TASKS[task][0], True), *((rule, False) for rule in TASKS[task])]
    return [(rule, rival, NAMES['backprop' if rival else rule], FAMILY['backprop' if rival else rule]) for rule, rival in rules]


def to_criterion(ax, runs):
    """(c) networks (circles), median (bar); tasks with three seeds or more."""
    places, names, found = [], [], {task: own for task, own in whole(runs).items() if len({m['seed'] for m, _ in own}) >= 3}
    for task, own in found.items():
        for rule, rival, name, colour in lines_of(task):
            y = len(places) + 0.7 * list(found).index(task)
            places.append(y)
            names.append(name)
            values = np.array(reached(own, task, rule, rival))
            good = values[np.isfinite(values)]
            ax.plot(good, np.full(len(good), y), 'o', mec=colour, mfc='w', ms=4.5)
            if np.isfinite(np.median(values)):
                ax.plot(np.median(values), y, '|', color=colour, ms=13, mew=2.5)
            if len(good) < len(values):
                ax.text(1.01, y, f'{len(values) - len(good)} of {len(values)} never', transform=ax.get_yaxis_transform(),
                        va='center', fontsize=8, color=colour)
            if rival:
                text = f'{task}, n = {len({meta["seed"] for meta, _ in own})}'
                ax.text(0.01, y - 0.62, text, transform=ax.get_yaxis_transform(), style='italic', fontsize=9)
    ax.set_yticks(places, names)
    if places:
        ax.set(xscale='log', xlabel='samples to criterion', ylim=(places[-1] + 0.6, -1.1))
    missing = [task for task in TASKS if task not in found]
    if missing:
        ax.text(0.5, 0.02, 'not run yet: ' + ', '.join(missing), transform=ax.transAxes, fontsize=7.5, color='0.4', ha='center')
    ax.grid(axis='x', color='0.9')
    letter(ax, 'c  samples to criterion, each on its own task')


def thinned(values):
    """Means of neighbours, about two hundred."""
    n = max(1, len(values) // 200)
    return values[:len(values) // n * n].reshape(-1, n).mean(axis=1)


def fig_samples(runs):
    """Learning curves of every task: each rule at its best rate, single networks and their mean, criterion dashed."""
    found = whole(runs)
    figure, axes = grid(2, 3, 4.4)
    for ax in axes.flat[len(found):]:
        ax.set_axis_off()
    for (task, own), ax, mark in zip(found.items(), axes.flat, 'abcde', strict=False):
        for rule, rival, name, colour in lines_of(task):
            some = curves(own, rule, rival)[best_rate(own, task, rule, rival)]
            x, y = thinned(some[0][0]), np.array([thinned(score) for _, score in some])
            line = '--' if rule != TASKS[task][0] else '-'
            ax.plot(x, y.T, line, color=colour, lw=0.5, alpha=0.5)
            ax.plot(x, y.mean(axis=0), line, color=colour, label=name)
        start, level, end = (criterion(own, task, way) for way in (0, WAY, 1))
        ax.axhline(level, color='k', ls=':', lw=0.8)
        ax.set(xlabel='samples', ylabel=SCORES[task], ylim=(start - 0.1 * (end - start), end + 0.2 * (end - start)))
        if task == 'two hidden causes':                                  # losses from 10 to some 10,000
            ax.set_xscale('log')
            ax.set_yscale('symlog', linthresh=100)
            ax.set_ylim(start - 5 * (end - start), 0)
        ax.legend(fontsize=8)
        letter(ax, f'{mark}  {task}')
    return figure


# %% MNIST
def accuracy(ax, runs, n, seconds=False):
    """Test accuracy of all rules with n training images: mean and range over networks."""
    found = gathered(runs, n)
    for rule, (seen, values, cpu) in found.items():
        x, (colour, style) = cpu if seconds else seen, LINES[rule]
        keep = x > 0
        ax.plot(x[keep], values.mean(axis=1)[keep], style, color=colour, label=NETWORKS[rule])
        ax.fill_between(x[keep], values.min(axis=1)[keep], values.max(axis=1)[keep], color=colour, alpha=0.15, lw=0)
    ax.set(xscale='log', xlabel='CPU seconds a network' if seconds else 'images seen', ylabel='test accuracy (%)')
    return found


def mnist_panel(ax):
    """(d) whatever finished runs there are; what is missing is named."""
    found = accuracy(ax, there(mnist_runs()), FEW)
    missing = [NETWORKS[rule] for rule in NETWORKS if rule not in found]
    if found:
        ax.legend(fontsize=7.5, loc='lower right')
    else:
        ax.set(xlim=(1e3, 1e6), ylim=(0, 100))
    if missing:
        text = 'not run yet (reproduce.py --paper --only across):\n' + '\n'.join(missing)
        ax.text(0.02, 0.98, text, transform=ax.transAxes, va='top', fontsize=7.5, color='0.4')
    letter(ax, f'd  MNIST, {FEW:,} training images')


def fig_rules(runs):
    """Alignment, noise, samples to criterion, MNIST."""
    quick = runs[0][0]['params']['length'] < 1
    runs = runs if quick else runs + there(update_runs('headline', SPIKING))
    n = len({meta['seed'] for meta, _ in runs})
    rules = [rule for rule in NAMES if len({meta['seed'] for meta, _ in runs if meta['params']['rule'] == rule}) >= min(n, 2)]
    figure, axes = grid(2, 2, 6.2, 4.6)
    alignment(axes[0, 0], runs, rules)
    noise(axes[0, 1], runs, rules)
    to_criterion(axes[1, 0], there(learning_runs(exp_params.SEEDS, exp_params.RATES)))
    mnist_panel(axes[1, 1])
    figure.supxlabel(f'a: mean and 95 % interval, b: median and interval, n = {n} networks', fontsize=9)
    return figure


def fig_mnist(runs):
    """Accuracy against images seen and against CPU seconds, with 5,000 and with all training images."""
    figure, axes = grid(2, 2, 6, 4.4)
    for i, n in enumerate((FEW, ALL)):
        for j, text in enumerate('ab' if n == FEW else 'cd'):
            accuracy(axes[i, j], runs, n, bool(j))
            letter(axes[i, j], f'{text}  {n:,} training images')
    axes[0, 0].legend(fontsize=8, loc='lower right')
    return figure


FIGURES = {'fig_rules': fig_rules, 'fig_samples': fig_samples, 'fig_mnist': fig_mnist}


# %% the figure of one mode
def main(words):
    """Draw the figure of all runs of the mode that `words` (or exp_params.mode) name, or of the one run that they name."""
    one = any(w.startswith(('rule=', 'array_num=')) for w in words)
    members = load_or_exit(exp_params, words if one else [*words, 'array_num=0'], load_members)
    runs, name = finished(members), 'fig_samples' if members[0].mode == 'learning' else 'fig_rules'
    what = members[0].member if len(members) == 1 else f'{members[0].mode}_{len(members)}runs'
    demand(name == 'fig_rules' or whole(runs), 'learning curves need the whole sweep (array_num=0): each rule at its best rate')
    told = ('array_num', 'seed', 'rule', 'rival', 'rate')                # they stand in the name of a member
    save_figure(FIGURES[name](runs), 'across', f'{name}_{what}{variant(exp_params, runs, told)}')


if __name__ == '__main__':
    plots('across')
