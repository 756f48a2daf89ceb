"""Figures of all rules, from saved results only.

    python -m across.plot_generator                 fig_rules, from the finished runs of modes updates and learning
"""
# %% what the figures need
import sys
from pathlib import Path

import numpy as np

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from across import exp_params
from across.experiments import NAMES, STAGES, TASKS, crossing, of, reached
from across.experiments_mnist import ALL, FEW, gathered
from across.experiments_mnist import NAMES as NETWORKS
from across.experiments_mnist import runs as mnist_runs
from common.figures import finished, grid, save_figure
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
    ax.legend(loc='lower left', handletextpad=0.1)
    letter(ax, 'a  alignment')


def noise(ax, runs, rules):
    """(b)"""
    dots(ax, runs, 'snr', rules, np.median, median_interval)
    for y, rule in enumerate(rules):
        counts = [number(crossing(rule, stage)(runs), 2) for stage in range(len(STAGES))]
        text = ' / '.join('never' if count == 'inf' else count for count in counts)
        ax.text(1.02, y, text, transform=ax.get_yaxis_transform(), va='center', fontsize=9)
    ax.text(1.02, -0.75, 'samples to 45°', transform=ax.get_yaxis_transform(), va='center', fontsize=9, style='italic')
    ax.set(xlabel='signal to noise ratio of one update', xscale='log')
    ax.tick_params(labelleft=False)
    letter(ax, 'b  noise')


# %% samples to criterion
def to_criterion(ax, runs):
    """(c) seeds (dots), median (bar); those that never get there stand at the right edge."""
    places, names = [], []
    for task, rules in TASKS.items():
        for rule, rival in [(rules[0], True), *((rule, False) for rule in rules)]:
            y = len(places) + 0.6 * list(TASKS).index(task)
            places.append(y)
            names.append('back-propagation' if rival else NAMES[rule])
            values, colour = np.array(reached(runs, task, rule, rival)), FAMILY['backprop' if rival else rule]
            good = values[np.isfinite(values)]
            ax.plot(good, np.full(len(good), y), 'o', mec=colour, mfc='w', ms=4, alpha=0.8)
            if np.isfinite(np.median(values)):
                ax.plot(np.median(values), y, '|', color=colour, ms=14, mew=2.5)
            if len(good) < len(values):
                ax.text(1.02, y, f'{len(values) - len(good)} of {len(values)} never', transform=ax.get_yaxis_transform(),
                        va='center', fontsize=8, color=colour)
            if rival:
                ax.text(0.99, y - 0.1, task, transform=ax.get_yaxis_transform(), ha='right', style='italic', fontsize=9)
    ax.set_yticks(places, names)
    ax.set(xscale='log', xlabel='samples to criterion', ylim=(places[-1] + 0.6, -0.8))
    ax.grid(axis='x', color='0.9')
    letter(ax, 'c  samples to criterion, each on its own task')


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
    """(d) whatever finished runs there are."""
    runs = [load_result(p) for p in mnist_runs() if is_complete(result_path(p))]
    found = accuracy(ax, runs, FEW)
    missing = [NETWORKS[rule] for rule in NETWORKS if rule not in found]
    if found:
        ax.legend(fontsize=7.5, loc='lower right')
    if missing:
        ax.text(0.02, 0.98, 'not run: ' + '\n'.join(missing), transform=ax.transAxes, va='top', fontsize=7.5, color='0.4')
    letter(ax, f'd  MNIST, {FEW:,} training images')


def fig_rules(runs):
    """Alignment, noise, samples to criterion, MNIST."""
    rules = [rule for rule in NAMES if any(meta['params']['rule'] == rule for meta, _ in runs)]
    figure, axes = grid(2, 2, 6.2, 4.6)
    alignment(axes[0, 0], runs, rules)
    noise(axes[0, 1], runs, rules)
    if any(meta['mode'] == 'learning' for meta, _ in runs):
        to_criterion(axes[1, 0], runs)
    else:
        axes[1, 0].set_axis_off()
    mnist_panel(axes[1, 1])
    n = len({meta['seed'] for meta, _ in runs})
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


FIGURES = {'fig_rules': fig_rules, 'fig_mnist': fig_mnist}


# %% the figure of one mode
def main(words):
    """Draw fig_rules of the modes updates and learning (all their runs), or of what `words` name."""
    words = words or ['mode=updates', 'array_num=0']
    runs = finished(load_or_exit(exp_params, words, load_members))
    save_figure(fig_rules(runs), 'across', f'fig_rules_{runs[0][0]["mode"]}_{len(runs)}runs')


if __name__ == '__main__':
    plots('across')
