"""Figures of task-dependent representations, from saved results only.

    python -m task_plasticity.plot_generator mode=estimation seed=1          one network
    python -m task_plasticity.plot_generator mode=estimation seed=1 n=3      networks with seeds 1, 2, 3
    python -m task_plasticity.plot_generator mode=noise_sweep array_num=0    all members of a sweep
"""
# %% what the figures need
import dataclasses
import sys
from pathlib import Path

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from common.figures import finished, grid, of_mode, save_figure, variant, whole_number
from common.script import load_or_exit, plots
from common.words import apart, load_members
from task_plasticity import exp_params, plot_schematic, plot_sweeps
from task_plasticity import plot_panels as panels
from task_plasticity.plot_schematic import AFTER, BEFORE, CONTROL, THIRD
from task_plasticity.plot_stamp import FIGURES, figure
from task_plasticity.tasks import task_of


# %% Fig. 1: learning to estimate
@figure
def fig_1(runs):
    """Network, tasks, learning, output and target, outputs in the plane, tuning curves, preferred angles, stimulus."""
    drawn, axes = grid(2, 4, 3.5)
    plot_schematic.network(axes[0, 0])
    plot_schematic.tasks(axes[0, 1])
    panels.objective(axes[0, 2], runs)
    panels.output_and_target(axes[0, 3], runs, 246)
    panels.circle(axes[1, 0], runs)
    panels.tuning_curves(axes[1, 1], runs)
    panels.preferred_angles(axes[1, 2], runs)
    panels.stimulus_histogram(axes[1, 3], runs)
    return drawn


# %% Fig. 2: the prior
@figure
def fig_2(runs):
    """Full and decoder-only networks of the same starts, and networks trained under a flat prior."""
    full, control, flat = (of_mode(runs, mode) for mode in ('estimation', 'decoder_only', 'prior_sweep'))
    drawn, axes = grid(2, 4, 3.5)
    groups, before = [(full, '_2', 'full', AFTER), (control, '_2', 'decoder only', CONTROL)], (full, '', 'before', BEFORE)
    flat = (flat, '_2', 'flat prior', THIRD)
    plot_schematic.priors(axes[0, 0])
    panels.preferred_angles(axes[0, 1], full)
    panels.compared(axes[0, 2], [before, groups[0], flat], lambda s: s.population_rate, 'mean rate', 'Mean rate')
    panels.compared(axes[0, 3], [*groups, flat], lambda s: s.error, 'squared error', 'Error')
    panels.compared(axes[1, 0], groups, lambda s: s.bias_squared, 'squared bias', 'Bias')
    panels.compared(axes[1, 1], groups, lambda s: s.output_variance, 'variance', 'Output variance')
    panels.compared(axes[1, 2], [*groups, before], lambda s: s.volume_fraction, 'volume fraction',
                    'Noise in the read-out space')
    panels.compared(axes[1, 3], [before, groups[0], flat], lambda s: s.fisher, 'Fisher information (1/rad²)',
                    'Fisher information')
    return drawn


# %% Fig. 3: the noise
@figure
def fig_3(runs):
    """Networks trained at several noises: error against noise, currents, noise in the read-out space, correlations."""
    drawn, axes = grid(2, 3)
    sigmas = [sigma for sigma in plot_sweeps.NOISES if plot_sweeps.trained_at(runs, sigma)]
    middle, high = (plot_sweeps.trained_at(runs, sigma) for sigma in (sigmas[len(sigmas) // 2], sigmas[-1]))
    plot_sweeps.error_against_noise(axes[0, 0], runs)
    plot_sweeps.current_ratios(axes[0, 1], runs)
    panels.compared(axes[0, 2], [(high, '', 'before', BEFORE), (high, '_2', 'after', AFTER)], lambda s: s.volume_fraction,
                    'volume fraction', f'Noise in read-out, σ = {sigmas[-1]:g}')
    panels.currents(axes[1, 0], middle)
    panels.noise_heat_map(axes[1, 1], high)
    panels.signal_and_noise(axes[1, 2], high)
    return drawn


@figure
def fig_noise(runs):
    """Error of networks trained at each noise (rows) and tested at each (columns), and its ratio to the best of each column."""
    drawn, axes = grid(1, 2, 4.2)
    plot_sweeps.noise_matrix(axes[0, 0], runs)
    plot_sweeps.noise_matrix(axes[0, 1], runs, relative=True)
    return drawn


# %% Fig. 4: the task
@figure
def fig_4(runs):
    """Objective, output, tuning, decoded activity at the boundaries (categorisation)."""
    drawn, axes = grid(2, 3)
    panels.objective(axes[0, 0], runs)
    panels.output_and_target(axes[0, 1], runs, 247)
    panels.tuning_curves(axes[0, 2], runs)
    panels.tuning_by_side(axes[1, 0], runs)
    panels.decoded_densities(axes[1, 1], runs)
    panels.compared(axes[1, 2], [(runs, '', 'before', BEFORE), (runs, '_2', 'after', AFTER)], lambda s: s.fisher,
                    'Fisher information (1/rad²)', 'Fisher information')
    return drawn


@figure
def fig_4_controls(runs):
    """Decoded activity: default, flat prior, decoder only, weak decay (the first network of each)."""
    drawn, axes = grid(1, 4, 3.4)
    modes = {'categorisation': 'default', 'classifier_uniform_prior': 'flat prior', 'classifier_decoder_only': 'decoder only',
             'classifier_weak_decay': 'weak decay'}
    for ax, (mode, name) in zip(axes[0], modes.items(), strict=True):
        panels.decoded_densities(ax, of_mode(runs, mode))
        ax.set_title(f'{name}\n{ax.get_title()}')
    return drawn


@figure
def fig_boundary(runs):
    """Prior mean against class boundary, at several noises: d' and Fisher information at theta_thresh (heat maps)."""
    drawn, axes = grid(1, 3, 4.4, 3.8)
    first = panels.sessions(runs[:1])[0]
    boundary = first.boundaries[0]
    measured = panels.angle_name(first.at_angle(first.angles, boundary))
    plot_sweeps.boundary_map(axes[0, 0], runs, lambda s: s.boundary_d_prime[0],
                             f"d' at the boundary at {panels.angle_name(boundary)}")
    plot_sweeps.boundary_map(axes[0, 1], runs, lambda s: s.at_angle(s.fisher, boundary), f'Fisher information at {measured}')
    plot_sweeps.boundary_map(axes[0, 2], runs, lambda s: s.accuracy, 'accuracy')
    return drawn


@figure
def fig_tasks(runs):
    """Estimation against categorisation: mean rate over angles, mean tuning curve, Fisher information, dimensions."""
    drawn, axes = grid(1, 4, 3.4)
    tasks = [(of_mode(runs, mode), mode, colour) for mode, colour in (('estimation', AFTER), ('categorisation', CONTROL))]
    groups = [(some, '_2', label, colour) for some, label, colour in tasks]
    panels.compared(axes[0, 0], groups, lambda s: s.population_rate, 'mean rate', 'Mean rate')
    panels.aligned_tuning(axes[0, 1], tasks)
    panels.compared(axes[0, 2], groups, lambda s: s.fisher, 'Fisher information (1/rad²)', 'Fisher information')
    plot_sweeps.participation(axes[0, 3], tasks)
    return drawn


# %% one network in detail
@figure
def fig_stored(runs):
    """Outputs, tuning, error, currents, correlations, variation of one network (for example the authors' stored one)."""
    drawn, axes = grid(2, 3)
    panels.outputs(axes[0, 0], runs)
    panels.tuning_curves(axes[0, 1], runs)
    panels.compared(axes[0, 2], [(runs, '_2', 'after', AFTER)], lambda s: s.error, panels.error_name(runs), 'Error')
    panels.currents(axes[1, 0], runs)
    panels.signal_and_noise(axes[1, 1], runs)
    panels.variation_map(axes[1, 2], runs)
    return drawn


@figure
def fig_network(runs):
    """Noise correlations (map, size), coactivity, dimensions, covariance, f-I curve of trained networks."""
    drawn, axes = grid(2, 3)
    panels.noise_heat_map(axes[0, 0], runs)
    panels.noise_correlation_size(axes[0, 1], runs)
    panels.coactivity(axes[0, 2], runs)
    panels.explained_variance(axes[1, 0], runs)
    panels.covariance_map(axes[1, 1], runs)
    plot_schematic.f_I_curve(axes[1, 2], runs)
    return drawn


# %% the figures of one mode
def names_for(members):
    """Figures that the runs of one mode, or of a whole sweep, suffice for."""
    p = members[0]
    whole = {'noise_sweep': ['fig_3', 'fig_noise'], 'boundary_sweep': ['fig_boundary']}
    if len({q.array_num for q in members}) > 1 and p.mode in whole:
        return whole[p.mode]
    if p.network_load or p.trial_num_2 == 0:
        return ['fig_stored']
    return ['fig_4', 'fig_network'] if task_of(p.objective).logistic.all() else ['fig_1', 'fig_stored', 'fig_network']


def groups_of(runs):
    """The runs that belong into one picture: all; of a prior sweep every member apart, since nothing compares them."""
    numbers = sorted({meta['params']['array_num'] for meta, _ in runs})
    if runs[0][0]['mode'] != 'prior_sweep':
        return [runs]
    return [[run for run in runs if run[0]['params']['array_num'] == number] for number in numbers]


def file_name(name, runs):
    """fig_1_estimation_s1, with the number of seeds if there are several, and what was changed."""
    seeds = {meta['seed'] for meta, _ in runs}
    number = f'_n{len(seeds)}' if len(seeds) > 1 else ''
    return f'{name}_{runs[0][0]["mode"]}_s{min(seeds)}{number}{variant(exp_params, runs)}'


def main(words):
    """Draw the figures of the mode that `words` (or exp_params.mode) name, for n seeds in a row; array_num=0: of a sweep."""
    words, given = apart(words, 'n')
    n = whole_number('n', given['n']) or 1
    members = [dataclasses.replace(p, seed=p.seed + i) for p in load_or_exit(exp_params, words, load_members) for i in range(n)]
    if members[0].test_num == 0 or not members[0].tuning:
        raise ValueError('the figures need tests at the preferred angles: test_num > 0 and tuning=True')
    if (members[0].sigma if members[0].sigma_test < 0 else members[0].sigma_test) == 0:
        raise ValueError('the figures are about the noise of the tests: sigma (or sigma_test) must not be 0')
    if members[0].N < 3:
        raise ValueError(f'N = {members[0].N}: the figures compare pairs of neurons, from N = 3 on')
    runs = finished(members)
    for meta, _ in runs:
        if meta['diverged_at'] >= 0:
            raise ValueError(f'the run with seed {meta["seed"]} diverged at step {meta["diverged_at"]}: nothing to draw')
    for some in groups_of(runs):
        for name in names_for(members):
            save_figure(FIGURES[name](some), 'task_plasticity', file_name(name, some))


if __name__ == '__main__':
    plots('task_plasticity')
