"""Figures of task-dependent representations, from saved results only.

    python -m task_plasticity.plot_generator mode=estimation seed=1          one network
    python -m task_plasticity.plot_generator mode=estimation seed=1 n=3      networks with seeds 1, 2, 3
"""
# %% what the figures need
import dataclasses
import sys
from pathlib import Path

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from common.figures import finished, grid, of_mode, save_figure, whole_number
from common.script import load_or_exit, plots, stop
from common.words import apart, load_members
from task_plasticity import exp_params
from task_plasticity import plot_panels as panels


# %% Fig. 1: learning to estimate
def fig_1(runs):
    """Objective, output and target, outputs in the plane, tuning curves, preferred angles, stimulus (estimation)."""
    figure, axes = grid(2, 3)
    panels.objective(axes[0, 0], runs)
    panels.output_and_target(axes[0, 1], runs, 246)
    panels.circle(axes[0, 2], runs)
    panels.tuning_curves(axes[1, 0], runs)
    panels.preferred_angles(axes[1, 1], runs)
    panels.stimulus_histogram(axes[1, 2], runs)
    return figure


# %% Fig. 2: the prior
def fig_2(runs):
    """Full and decoder-only networks of the same starts, and networks trained under a flat prior."""
    full, control, flat = (of_mode(runs, mode) for mode in ('estimation', 'decoder_only', 'prior_sweep'))
    figure, axes = grid(2, 4, 3.4)
    groups = [(full, '_2', 'full', panels.AFTER), (control, '_2', 'decoder only', panels.CONTROL)]
    panels.preferred_angles(axes[0, 0], full)
    panels.compared(axes[0, 1], [(full, '', 'before', panels.BEFORE), (full, '_2', 'after', panels.AFTER),
                                 (flat, '_2', 'flat prior', panels.THIRD)],
                    lambda s: s.population_rate, 'mean rate', 'Mean rate')
    panels.compared(axes[0, 2], [*groups, (flat, '_2', 'flat prior', panels.THIRD)],
                    lambda s: s.error, 'squared error', 'Error')
    panels.compared(axes[0, 3], groups, lambda s: s.bias_squared, 'squared bias', 'Bias')
    panels.compared(axes[1, 0], groups, lambda s: s.output_variance, 'variance', 'Output variance')
    panels.compared(axes[1, 1], [*groups, (full, '', 'before', panels.BEFORE)], lambda s: s.volume_fraction, 'volume fraction',
                    'Noise in the read-out space')
    panels.compared(axes[1, 2], [(full, '', 'before', panels.BEFORE), (full, '_2', 'after', panels.AFTER)], lambda s: s.fisher,
                    'Fisher information', 'Fisher information')
    axes[1, 3].remove()
    panels.error_polar(figure.add_subplot(2, 4, 8, projection='polar'), full)
    return figure


# %% Fig. 3: the noise
def fig_3(runs):
    """Networks trained at several noises: error against noise, currents, noise in the read-out space, correlations."""
    figure, axes = grid(2, 3)
    sigmas = [sigma for sigma in panels.NOISES if panels.trained_at(runs, sigma)]
    low, high = panels.trained_at(runs, sigmas[len(sigmas) // 2]), panels.trained_at(runs, sigmas[-1])
    panels.error_against_noise(axes[0, 0], runs)
    panels.current_ratios(axes[0, 1], runs)
    panels.compared(axes[0, 2], [(high, '', 'before', panels.BEFORE), (high, '_2', 'after', panels.AFTER)],
                    lambda s: s.volume_fraction, 'volume fraction', f'Noise in the read-out space, σ = {sigmas[-1]:g}')
    panels.currents(axes[1, 0], low)
    panels.noise_heat_map(axes[1, 1], high)
    panels.signal_and_noise(axes[1, 2], high)
    return figure


def fig_noise(runs):
    """Error of networks trained at each noise (rows) and tested at each (columns), and its ratio to the best of each column."""
    figure, axes = grid(1, 2, 4.2)
    panels.noise_matrix(axes[0, 0], runs)
    panels.noise_matrix(axes[0, 1], runs, relative=True)
    return figure


# %% Fig. 4: the task
def fig_4(runs):
    """Objective, output, tuning, decoded activity at the boundaries (categorisation)."""
    figure, axes = grid(2, 3)
    panels.objective(axes[0, 0], runs)
    panels.output_and_target(axes[0, 1], runs, 247)
    panels.tuning_curves(axes[0, 2], runs)
    panels.tuning_by_side(axes[1, 0], runs)
    panels.decoded_densities(axes[1, 1], runs)
    panels.compared(axes[1, 2], [(runs, '', 'before', panels.BEFORE), (runs, '_2', 'after', panels.AFTER)], lambda s: s.fisher,
                    'Fisher information', 'Fisher information')
    return figure


def fig_4_controls(runs):
    """Flat prior, decoder only, weak decay."""
    figure, axes = grid(1, 3)
    modes = {'classifier_uniform_prior': 'flat prior', 'classifier_decoder_only': 'decoder only',
             'classifier_weak_decay': 'weak decay'}
    for ax, (mode, name) in zip(axes[0], modes.items(), strict=True):
        panels.decoded_densities(ax, of_mode(runs, mode)[:1])
        ax.set_title(f'{name}: {ax.get_title()}')
    return figure


def fig_tasks(runs):
    """Estimation against categorisation: mean rate over angles, mean tuning curve, Fisher information."""
    figure, axes = grid(1, 3)
    colours = {'estimation': panels.AFTER, 'categorisation': panels.CONTROL}
    tasks = [(of_mode(runs, mode), mode, colour) for mode, colour in colours.items()]
    groups = [(some, '_2', label, colour) for some, label, colour in tasks]
    panels.compared(axes[0, 0], groups, lambda s: s.population_rate, 'mean rate', 'Mean rate')
    panels.aligned_tuning(axes[0, 1], tasks)
    panels.compared(axes[0, 2], groups, lambda s: s.fisher, 'Fisher information', 'Fisher information')
    return figure


def fig_boundary(runs):
    """Prior mean against class boundary, at several noises: d' and Fisher information at the boundary at 0 (heat maps)."""
    figure, axes = grid(1, 3, 4)
    panels.boundary_map(axes[0, 0], runs, lambda s: s.boundary_d_prime[0], "d' at the boundary at 0")
    panels.boundary_map(axes[0, 1], runs, lambda s: s.at_angle(s.fisher, 0), 'Fisher information at 0 (1/rad²)')
    panels.boundary_map(axes[0, 2], runs, lambda s: s.accuracy, 'accuracy')
    return figure


# %% one network in detail
def fig_stored(runs):
    """Circle, tuning, error, currents, correlations, variation of one network (for example the authors' stored one)."""
    figure, axes = grid(2, 3)
    panels.circle(axes[0, 0], runs)
    panels.tuning_curves(axes[0, 1], runs)
    panels.compared(axes[0, 2], [(runs, '_2', 'error', panels.AFTER)], lambda s: s.error, 'squared error', 'Error')
    panels.currents(axes[1, 0], runs)
    panels.signal_and_noise(axes[1, 1], runs)
    panels.variation_map(axes[1, 2], runs)
    return figure


def fig_network(runs):
    """Noise correlations (map, size), dimensions, f-I curve, covariance of trained networks."""
    figure, axes = grid(1, 5)
    panels.noise_correlation_size(axes[0, 4], runs)
    panels.covariance_map(axes[0, 3], runs)
    panels.noise_heat_map(axes[0, 0], runs)
    panels.explained_variance(axes[0, 1], runs)
    panels.f_I_curve(axes[0, 2], runs)
    return figure


FIGURES = {function.__name__: function for function in (fig_1, fig_2, fig_3, fig_noise, fig_4, fig_4_controls, fig_boundary,
                                                        fig_tasks, fig_stored, fig_network)}


# %% the figures of one mode
def names_for(p):
    """Figures that the runs of one mode suffice for."""
    if p.network_load or p.trial_num_2 == 0:
        return ['fig_stored'] if p.n_outputs > 1 else []
    return ['fig_4', 'fig_network'] if p.n_outputs == 1 else ['fig_1', 'fig_stored', 'fig_network']


def main(words):
    """Draw the figures of the mode that `words` (or exp_params.mode) name, for n seeds in a row."""
    words, given = apart(words, 'n')
    first, = load_or_exit(exp_params, words, load_members)[:1]
    if first.test_num == 0:
        stop('the figures need a test session: test_num=0', 1)
    if not first.tuning:
        stop('the figures need a test at the preferred angles: tuning=False', 1)
    runs = finished([dataclasses.replace(first, seed=first.seed + i) for i in range(whole_number('n', given['n']) or 1)])
    for name in names_for(first):
        try:
            save_figure(FIGURES[name](runs), 'task_plasticity', name)
        except ValueError as error:                # too few records at an angle
            stop(f'{name}: {error}', 1)


if __name__ == '__main__':
    plots('task_plasticity')
