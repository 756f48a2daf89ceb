"""The figure of all rules, from saved results only.

    python -m across.plot_generator                 fig_rules of the finished runs of mode updates
"""
import sys
from pathlib import Path

import numpy as np

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from across import exp_params
from across.experiments import NAMES, STAGES, of
from common.figures import finished, grid, save_figure
from common.script import load_or_exit, plots
from common.words import load_members
from reproduction.evidence import mean_interval, median_interval


# %% alignment and noise
def dots(ax, runs, name, rules, centre, interval):
    """One line a rule: a measure untrained (open) and trained (filled), with its interval."""
    for y, rule in enumerate(rules):
        for stage in range(len(STAGES)):
            values = np.array(of(rule, name, stage)(runs))
            low, high = interval(values) or (centre(values),) * 2
            place = y + 0.15 - 0.3 * stage
            ax.plot([low, high], [place, place], color='0.5', lw=1)
            ax.plot(centre(values), place, 'o', mec='C0', mfc='C0' if stage else 'w', ms=6)
    ax.set_yticks(range(len(rules)), [NAMES[rule] for rule in rules])


def fig_rules(runs):
    """(a) alignment, (b) noise."""
    rules = [rule for rule in NAMES if any(meta['params']['rule'] == rule for meta, _ in runs)]
    figure, axes = grid(1, 2, 5, 4)
    dots(axes[0, 0], runs, 'cosine', rules, np.mean, mean_interval)
    dots(axes[0, 1], runs, 'snr', rules, np.median, median_interval)
    axes[0, 0].set(xlabel='cosine of the mean update with the gradient')
    axes[0, 1].set(xlabel='signal to noise ratio of one update', xscale='log')
    return figure


FIGURES = {'fig_rules': fig_rules}


# %% the figure of one mode
def main(words):
    """Draw fig_rules of the mode that `words` (or exp_params.mode) name."""
    runs = finished(load_or_exit(exp_params, words, load_members))
    save_figure(fig_rules(runs), 'across', f'fig_rules_{runs[0][0]["mode"]}')


if __name__ == '__main__':
    plots('across')
