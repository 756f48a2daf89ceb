"""Figures of the dendritic microcircuits, from saved results only.

    python -m microcircuits.plot_generator mode=fig3_weak             the published seeds
    python -m microcircuits.plot_generator mode=fig4_pal seeds=1,3,5  these seeds
    python -m microcircuits.plot_generator mode=fig4_pal all=True     every recorded quantity, as the original
"""
# %% what the figures need
import sys
from pathlib import Path

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from common.figures import FIGURES as FOLDER
from common.figures import finished, grid, save_figure
from common.results import result_path
from common.script import load_or_exit, plots
from common.words import apart, load_members
from microcircuits import exp_params
from microcircuits import plot_panels as panels


# %% Fig. 3: alignment in a deep network
def fig_3(runs):
    """B against W^T, B against phi' W^T phi', updates against back-propagation; published values in black."""
    figure, axes = grid(1, 3)
    for ax, name in zip(axes[0], ('angle_WPPT_BPP', 'angle_BPP_RHS', 'angle_BP_updates'), strict=True):
        panels.alignment(ax, runs, name, legend=name != 'angle_BPP_RHS')
        panels.agreement(ax, runs, name)
    return figure


# %% Fig. 4a, b: teacher and student
def fig_4ab(runs):
    """Loss, and the three weights of a 1-1-1 circuit, under BP, FA and PAL."""
    figure, axes = grid(1, 4)
    panels.loss(axes[0, 0], runs)
    panels.weight(axes[0, 1], runs, 'WPP', 1)
    panels.weight(axes[0, 2], runs, 'WPP', 2)
    panels.weight(axes[0, 3], runs, 'BPP', 1)
    axes[0, 1].legend(fontsize=9)
    return figure


# %% noise of other time scales
def fig_6(runs):
    """Alignment with prospective and lagging rates, and the final angles."""
    groups = {}
    for run in runs:
        _, n, kind = run[0]['mode'].split('_')
        groups.setdefault((int(n), kind), []).append(run)
    figure, axes = grid(1, 1 + 2 * min(1, len(groups)), 3.9)
    panels.final_angles(axes[0, 0], groups)
    slowest = max(n for n, _ in groups if (n, 'u') in groups and (n, 'prosp') in groups and n < 1000)
    for ax, kind, title in zip(axes[0, 1:], ('prosp', 'u'), ('prospective', 'lagging'), strict=True):
        panels.alignment(ax, groups[slowest, kind], 'angle_WPPT_BPP', legend=kind == 'prosp')
        ax.set(title=f'{slowest} dt, {title}', ylim=(0, 112))
    return figure


# %% demonstrations and yin-yang
def fig_demos(runs):
    """Cosines of the seven demonstrations of the notebooks; entries of B for the smallest."""
    figure, axes = grid(2, 4, 3.3)
    for ax, run in zip(axes.flat, runs, strict=False):
        panels.demonstration(ax, run)
    panels.entries(axes[1, 3], runs[0])
    return figure


def fig_yin_yang(runs):
    """Accuracy of PAL and FA, alignment of PAL."""
    figure, axes = grid(1, 3)
    panels.decision(axes[0, 0], runs)
    panels.accuracy(axes[0, 1], runs)
    for model_type in ('PAL', 'FA'):
        some = panels.of_model(runs, model_type)
        if some:
            x, y = some[0][1]['angle_WPPT_BPP'], panels.stacked(some, 'angle_WPPT_BPP')[:, :, 0]
            epochs = [i * some[0][0]['params']['rec_per_steps'] / 2e5 for i in range(len(x))]
            axes[0, 2].plot(epochs, y.T, color=panels.RULES[model_type], alpha=0.4, lw=0.8)
            axes[0, 2].plot(epochs, y.mean(axis=0), color=panels.RULES[model_type], label=model_type)
    axes[0, 2].set(xlabel='epoch', ylabel='angle (degrees)', title=panels.TITLES['angle_WPPT_BPP'], ylim=(0, None))
    axes[0, 2].legend()
    return figure


FIGURES = {'fig_3abc': fig_3, 'fig_3abc_fresh': fig_3, 'fig_3def': fig_3, 'fig_4ab': fig_4ab, 'fig_4ab_replay': fig_4ab,
           'fig_6': fig_6, 'fig_demos': fig_demos, 'fig_yin_yang': fig_yin_yang}
OF_MODE = {'fig3_weak': 'fig_3abc', 'fig3_strong': 'fig_3def', 'smoke': 'fig_3abc', 'fig4_pal': 'fig_4ab', 'fig4_bp': 'fig_4ab',
           'fig4_fa': 'fig_4ab', 'template': 'fig_4ab', 'yin_yang': 'fig_yin_yang'}


# %% the figures of one mode
def members_of(words, seeds):
    """The runs (Params) to draw: these seeds, or the one asked for, or as many of the published seeds as there are."""
    if seeds:
        return [load_or_exit(exp_params, [*words, f'seed={seed}']) for seed in seeds.split(',')]
    members = load_or_exit(exp_params, words, load_members)
    if any(w.startswith(('seed=', 'array_num=')) for w in words):
        return members
    several = load_or_exit(exp_params, [*words, 'array_num=0'], load_members)
    return [p for p in several if result_path(p).exists()] or members


def main(words):
    """Draw the figures of the mode that `words` (or exp_params.mode) name."""
    words, given = apart(words, 'seeds', 'all')
    members = members_of(words, given['seeds'])
    runs = finished(members)
    name = OF_MODE.get(members[0].mode)
    if name:
        save_figure(FIGURES[name](runs), 'microcircuits', name)
    if given['all'] == 'True' or not name:
        from microcircuits import plot_series
        for path in plot_series.draw_all(runs, FOLDER / 'microcircuits' / members[0].mode):
            print(path)


if __name__ == '__main__':
    plots('microcircuits')
