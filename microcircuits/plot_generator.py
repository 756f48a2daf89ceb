"""Figures of the dendritic microcircuits, from saved results only.

    python -m microcircuits.plot_generator mode=fig3_weak             the published seeds
    python -m microcircuits.plot_generator mode=fig4_pal seeds=1,3,5  these seeds
    python -m microcircuits.plot_generator mode=fig4_pal all=True     every recorded quantity, as the original
"""
# %% what the figures need
import itertools
import sys
from pathlib import Path

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from common import figures
from common.figures import finished, grid, save_figure, variant
from common.params import demand
from common.results import is_complete, result_path
from common.script import load_or_exit, plots
from common.words import apart, load_members
from microcircuits import exp_params, plot_arms, plot_demos, plot_series
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
    """Loss, and the weights of the circuit (the first of each matrix), under BP, FA and PAL."""
    figure, axes = grid(1, 4)
    panels.loss(axes[0, 0], runs)
    panels.weight(axes[0, 1], runs, 'WPP', 1)
    panels.weight(axes[0, 2], runs, 'WPP', 2)
    panels.weight(axes[0, 3], runs, 'BPP', 1)
    axes[0, 1].legend(fontsize=9)
    return figure


# %% noise of other time scales, partly prospective rates
def fig_s_noise_time(runs):
    """Alignment with prospective and lagging rates, and the final angles."""
    groups = {}
    for run in runs:
        _, n, kind = run[0]['mode'].split('_')
        groups.setdefault((int(n), kind), []).append(run)
    both = [n for n, _ in groups if {(n, 'u'), (n, 'prosp')} <= groups.keys()]
    figure, axes = grid(1, 3 if both else 1, 3.9)
    panels.final_angles(axes[0, 0], groups)
    for ax, kind, title in zip(axes[0, 1:], ('prosp', 'u'), ('prospective', 'lagging'), strict=False):
        slowest = max([n for n in both if n < 1000] or both)
        panels.alignment(ax, groups[slowest, kind], 'angle_WPPT_BPP', legend=kind == 'prosp')
        ax.set(title=f'{slowest} dt, {title} (n = {len(groups[slowest, kind])})', ylim=(0, 112))
    return figure


def fig_s_prospectivity(runs):
    """Angle of B and W^T over tau_r / tau and tau_xi: mean over layers, and the layers one by one."""
    layers = len(runs[0][0]['params']['layers']) - 2
    figure, axes = grid(1, 1 + layers, 3.4)
    plot_arms.heat_map(axes[0, 0], runs, None)
    for layer in range(layers):
        plot_arms.heat_map(axes[0, 1 + layer], runs, layer)
    return figure


def fig_pal_ldrl(runs):
    """PAL and its predecessor LDRL on the same circuit, seeds and budget: best settings, and all."""
    figure, axes = grid(1, 2, 4.6, 3.4)
    plot_arms.best_curves(axes[0, 0], runs)
    plot_arms.final_by_setting(axes[0, 1], runs)
    return figure


# %% demonstrations
def fig_demos(runs):
    """Cosines of the demonstrations of the notebooks; entries of B for the first."""
    columns = min(4, len(runs) + 1)
    figure, axes = grid(-(-(len(runs) + 1) // columns), columns, 3.3)
    for ax, run in zip(axes.flat, runs, strict=False):
        plot_demos.demonstration(ax, run)
    plot_demos.entries(axes.flat[len(runs)], runs[0])
    for ax in axes.flat[len(runs) + 1:]:
        ax.axis('off')
    return figure


# %% samples with classes
def fig_yin_yang(runs):
    """The task, accuracy of the arms against epochs, at the end, alignment of B."""
    figure, axes = grid(1, 4)
    plot_arms.decision(axes[0, 0], runs)
    plot_arms.accuracy(axes[0, 1], runs, 'validation_accuracy')
    plot_arms.final_accuracy(axes[0, 2], runs, 'test_accuracy')
    plot_arms.alignment_of_arms(axes[0, 3], runs)
    return figure


def fig_mnist(runs):
    """Accuracy of the arms against epochs and at the end, alignment of B."""
    figure, axes = grid(1, 3)
    plot_arms.accuracy(axes[0, 0], runs, 'validation_accuracy')
    plot_arms.final_accuracy(axes[0, 1], runs, 'test_accuracy')
    plot_arms.alignment_of_arms(axes[0, 2], runs)
    return figure


FIGURES = {'fig_3abc': fig_3, 'fig_3abc_fresh': fig_3, 'fig_3def': fig_3, 'fig_4ab': fig_4ab, 'fig_4ab_replay': fig_4ab,
           'fig_s_noise_time': fig_s_noise_time, 'fig_s_prospectivity': fig_s_prospectivity, 'fig_pal_ldrl': fig_pal_ldrl,
           'fig_demos': fig_demos, 'fig_yin_yang': fig_yin_yang, 'fig_mnist': fig_mnist, 'fig_mnist_all': fig_mnist}
OF_MODE = {'fig3_weak': fig_3, 'fig3_strong': fig_3, 'smoke': fig_3, 'fig4_pal': fig_4ab, 'fig4_bp': fig_4ab,
           'fig4_fa': fig_4ab, 'template': fig_4ab, 'phased_template': fig_4ab, 'prospectivity': fig_s_prospectivity,
           'pal_ldrl': fig_pal_ldrl, 'yin_yang': fig_yin_yang, 'mnist': fig_mnist}
OF_MODE |= {name: fig_s_noise_time for name in exp_params.MODES if name.startswith('fig6')}
OF_MODE |= {name: fig_demos for name in exp_params.MODES if name not in OF_MODE}


# %% the figures of one mode
def members_of(words, seeds):
    """The runs (Params) to draw: these seeds, or the one asked for, or as many of the mode's sweep as there are."""
    if seeds is None:
        members = load_or_exit(exp_params, words, load_members)
        if any(w.startswith('array_num=') for w in words):
            return members
        if not any(w.startswith('seed=') for w in words):
            return [p for p in of_sweep(words) if result_path(p).exists()] or members
        numbers, words = [members[0].seed], [w for w in words if not w.startswith('seed=')]
    else:
        demand(all(n.isdecimal() for n in seeds.split(',')), f'seeds takes whole numbers with commas, not {seeds!r}')
        numbers = [int(n) for n in seeds.split(',')]
        demand(len(set(numbers)) == len(numbers), f'seeds = {seeds}: one of them stands twice')
    words = [w for w in words if w != 'array_num=0']
    alone = {seed: load_or_exit(exp_params, [*words, f'seed={seed}']) for seed in numbers}
    several = of_sweep(words)
    return list(itertools.chain(*(of_seed([p for p in several if p.seed == seed], alone[seed]) for seed in numbers)))


def of_sweep(words):
    """The members of the mode's sweep with these words, none if the words fix what the sweep varies."""
    member = any(w.startswith('array_num=') for w in words)
    try:
        return load_members(exp_params, *words, *([] if member else ['array_num=0']))
    except ValueError:
        return []


def of_seed(several, alone):
    """The finished runs of one seed: the sweep's members that have it, the run with seed=..., or some of these members."""
    finished = [p for p in several if is_complete(result_path(p))]
    return finished if finished and (len(finished) == len(several) or not is_complete(result_path(alone))) else [alone]


def main(words):
    """Draw the figures of the mode that `words` (or exp_params.mode) name: figures/microcircuits/<mode>.png."""
    words, given = apart(words, 'seeds', 'all')
    demand(given['all'] in (None, 'True', 'False'), f'all takes True or False, not {given["all"]!r}')
    members = members_of(words, given['seeds'])
    runs, mode = whole(finished(members)), members[0].mode
    figure, name = OF_MODE[mode](runs), mode + variant(exp_params, runs, told=('array_num',))
    demand(any(ax.has_data() for ax in figure.axes), 'these runs hold nothing that the figure shows (record=..., angles=True)')
    panels.dots(figure)
    what = f'seed {runs[0][0]["seed"]}' if len(runs) == 1 else f'{len(runs)} runs'
    figure.suptitle(f'{mode}, {members[0].rng} stream, {what}', fontsize=9, x=0.01, ha='left')
    save_figure(figure, 'microcircuits', name)
    if given['all'] == 'True':
        folder, drawn = figures.FIGURES / 'microcircuits' / name, []
        for path in plot_series.draw_all(runs, folder):
            print(path)
            drawn.append(path)
        for old in set(folder.glob('*.png')) - set(drawn):
            if plot_series.NAMES.fullmatch(old.stem):          # drawn here once, of runs that held other series
                old.unlink()


def whole(runs):
    """The runs that did not diverge, or all if all did; says which are left out."""
    lost = [f'{meta["seed"]} (step {meta["diverged_at"]})' for meta, _ in runs if meta['diverged_at'] >= 0]
    if lost:
        what = 'shown up to there' if len(lost) == len(runs) else 'left out'
        print(f'warning: the weights became infinite for seed {", ".join(lost)}: {what}', file=sys.stderr)
    return [run for run in runs if run[0]['diverged_at'] < 0] or runs


if __name__ == '__main__':
    plots('microcircuits')
