"""Figures of impression learning, from saved results only.

    python -m impression_learning.plot_generator mode=standard                    the figures of a mode's saved runs
    python -m impression_learning.plot_generator mode=SNR n=20                    of the first n members (seeds)
    python -m impression_learning.plot_generator mode=switch_period array_num=3   of one member
    python -m impression_learning.plot_generator mode=standard image_save=True    single panels too

reproduce.py calls the functions in FIGURES with the runs of its experiments.
"""
# %% what the figures need
import functools
import sys
from pathlib import Path

import numpy as np

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from common.figures import finished, grid, save_figure, style, variant, whole_number
from common.params import demand, load_params
from common.results import result_path
from common.script import plots
from common.words import apart, load_members, split_words
from impression_learning import exp_params, plot_tuned
from impression_learning import plot_panels as panels
from impression_learning import plot_sounds as sounds
from impression_learning.plot_stamp import stamp


# %% Fig. 1
def fig_1(runs):
    """Learning a linear latent process: loss, reproduction, dynamics, phases (mode standard)."""
    figure, axes = grid(2, 3)
    for ax, panel in zip(axes.flat, (panels.loss, panels.io_trace, panels.io_plot, panels.acf_plot, panels.phases,
                                     panels.latents), strict=True):
        panel(ax, runs)
    return figure


# %% Fig. 2
def fig_2abc(runs):
    """Loss, similarity of the mean updates and SNR of impression learning and REINFORCE (mode SNR)."""
    figure, axes = grid(1, 3)
    panels.loss(axes[0, 0], runs)
    panels.cosine_similarity(axes[0, 1], runs)
    panels.snr(axes[0, 2], runs)
    return figure


def fig_2_norms(runs):
    """Unnormalised similarity and norms of the mean updates (mode SNR; not in the paper)."""
    figure, axes = grid(1, 2)
    panels.dot_product(axes[0, 0], runs)
    panels.norms(axes[0, 1], runs)
    return figure


def fig_reinforce_snr(runs):
    """What of REINFORCE's low SNR is real: released rule, corrected, corrected with the fantasy-stimulus term (mode SNR)."""
    rules = ('il', 'corrected', 'stimulus_term', 'released')
    figure, axes = grid(1, 3, 4.6)
    panels.snr(axes[0, 0], runs, rules)
    panels.cosine_similarity(axes[0, 1], runs, rules[1:])
    panels.cosine_similarity(axes[0, 2], runs, rules, 'exact_cosine', 'the exact gradient')
    for ax in axes[0, 1:]:
        ax.get_legend().remove()                        # the colours are those of the first panel
    axes[0, 0].legend(loc='upper center', bbox_to_anchor=(0.5, -0.16), ncols=2, fontsize='small')
    return figure


def fig_2d(runs):
    """Final loss against dimension, one rate a rule, as released (modes dimensionality, backprop)."""
    figure, axes = grid(1, 1, 5)
    panels.dimensionality(axes[0, 0], runs)
    return figure


# %% Fig. 3
def fig_3(runs):
    """Effect of the phase duration (mode switch_period): the shortest and the longest phase of the first seed; all seeds."""
    groups = list(panels.by_phase(runs).values())
    ends = [groups[0][0], groups[-1][0]] if len(groups) > 1 else [groups[0][0]]
    figure, axes = grid(2, 1 + len(ends))
    panels.sp_corr(axes[0, -1], runs, panels.RELEASED_CORRELATION)
    panels.sp_loss(axes[1, -1], runs)
    for column, run in enumerate(ends):
        accuracy(axes[0, column], run)
        panels.sp_scatter(axes[1, column], run)
    return figure


def accuracy(ax, run):
    """[sp_accuracy_1, _11] Unit 0 in the alternating and in the pure wake run."""
    panels.phases(ax, [run], (300, 500), 0, f'Phases of {run[0]["params"]["switch_period"] + 1} steps')


# %% Fig. 4
def fig_4(runs):
    """Spoken digits or other recordings: reproduction, loss, correlations, generation, autocorrelation."""
    figure, axes = grid(2, 4)
    sounds.vocal_reproduction(axes[0, :2], runs)
    sounds.vocal_loss(axes[0, 2], runs)
    sounds.vocal_acf(axes[0, 3], runs)
    sounds.vocal_correlations(axes[1, :2], runs)
    sounds.vocal_generated(axes[1, 2], runs)
    panels.phases(axes[1, 3], runs, (0, 200), 5)
    return figure


# %% extra figures
def of_default_rule(runs):
    """The runs of the paper's mathematics, or all if there are none."""
    return [run for run in runs if not run[0]['params']['released_code']] or runs


def fig_time_constant(runs):
    """Slower and faster stimuli (mode time_constant; not in the paper): losses of the first seed; mean, interval over seeds."""
    first = [run for run in runs if run[0]['params']['seed'] == runs[0][0]['params']['seed']]
    figure, axes = grid(1, 3)
    panels.loss_curves(axes[0, 0], first, 'dt', 'Loss through training')
    for ax, name, label in ((axes[0, 1], 'wake_sleep_correlation', 'correlation wake – alternating'),
                            (axes[0, 2], 'R2', '$R^2$ in wake')):
        panels.over_seeds(ax, runs, 'dt', name)
        ax.set(xlabel='time step dt', ylabel=label)
    return figure


def fig_time_constant_phases(runs):
    """Alternating against pure wake for each time step (mode time_constant): overlays and scatters of the first seed."""
    runs = runs[:10]
    columns = min(5, len(runs))
    rows = -(-len(runs) // columns)
    figure, axes = grid(2 * rows, columns, 3)
    for i, run in enumerate(runs):
        title, (row, column) = f'dt = {run[0]["params"]["dt"]:.2f}', divmod(i, columns)
        panels.phases(axes[row, column], [run], (300, 500), 0, title)
        panels.sp_scatter(axes[rows + row, column], run)
        axes[rows + row, column].set_title(f'Unit 1, {title}')
    return figure


def fig_lr_optim(runs):
    """Learning rates (mode lr_optim; not in the paper)."""
    rules = list(dict.fromkeys(meta['params']['algorithm'] for meta, _ in runs))
    figure, axes = grid(1, len(rules) + 1)
    last = axes[0, -1]
    for ax, algorithm in zip(axes[0], rules, strict=False):
        chosen = [run for run in runs if run[0]['params']['algorithm'] == algorithm]
        rule = panels.RULES.get(algorithm, algorithm)
        name = panels.LABELS.get(rule, rule)
        panels.loss_curves(ax, chosen, 'learning_rate', name)
        good = panels.finite(chosen)
        last.plot([meta['params']['learning_rate'] for meta, _ in good], [float(d['wake_loss']) for _, d in good], 'o-',
                  color=panels.COLOURS.get(rule), label=name)
    last.set(xlabel='learning rate', ylabel='wake loss of the final network', xscale='log', yscale='log', title='Final loss')
    last.legend(loc='lower left')
    return figure


def fig_backprop(runs):
    """Back-propagation control: training loss, reproduction, covariance of the latents (mode backprop)."""
    figure, axes = grid(1, 3)
    axes[0, 0].set_yscale('symlog', linthresh=10)
    for meta, d in runs:
        p = meta['params']
        axes[0, 0].plot(np.arange(len(d['train_loss'])) * p['loss_every'], d['train_loss'], label=f'd = {p["n_neurons"]}')
    axes[0, 0].set(xlabel='training step', ylabel='loss', title=f'Training loss, means of {runs[0][0]["params"]["loss_every"]}')
    axes[0, 0].legend(fontsize='small')
    meta, d = panels.finite(runs)[-1]
    X, prediction = panels.test_stimulus(d), d['wake_sequence'] @ d['final_W_out'].T
    panels.scatter(axes[0, 1], X[:1000:19], prediction[:1000:19])
    title = f'd = {meta["params"]["n_neurons"]}, $R^2$ = {float(d["R2"]):.4f}'
    axes[0, 1].set(xlabel='true', ylabel=r'$W_{out} r$', title=title)
    picture = axes[0, 2].imshow(abs(d['wake_sequence'].T @ d['wake_sequence'] / len(X)))
    figure.colorbar(picture, ax=axes[0, 2], shrink=0.8, label='|covariance|')
    axes[0, 2].set(title='Latents', xlabel='unit', ylabel='unit')
    return figure


def fig_mnist(runs):
    """Images of digits (mode MNIST; the released mode had no images, no published number exists)."""
    figure = style().figure(figsize=(9, 5.2))
    sounds.digits(figure.subplots(3, 1), runs)
    return figure


def stamped(draw):
    """The figure function with its stamp; those of mode time_constant show the default rule."""
    @functools.wraps(draw)
    def drawn_and_stamped(runs):
        shown = of_default_rule(runs) if draw in (fig_time_constant, fig_time_constant_phases) else runs
        return stamp(draw(shown), shown)
    return drawn_and_stamped


FIGURES = {name: stamped(draw) for name, draw in {
    'fig_1': fig_1, 'fig_1_smoke': fig_1, 'fig_2abc': fig_2abc, 'fig_2_norms': fig_2_norms,
    'fig_reinforce_snr': fig_reinforce_snr, 'fig_2d': fig_2d, 'fig_2d_tuned': plot_tuned.fig_2d_tuned, 'fig_3': fig_3,
    'fig_4': fig_4, 'fig_recordings': fig_4, 'fig_time_constant': fig_time_constant,
    'fig_time_constant_phases': fig_time_constant_phases,
    'fig_lr_optim': fig_lr_optim, 'fig_backprop': fig_backprop, 'fig_mnist': fig_mnist,
    'fig_reinforce_snr_released': fig_reinforce_snr, 'fig_2d_released': fig_2d, 'fig_lr_optim_released': fig_lr_optim}.items()}
OF_MODE = {
    'standard': ['fig_1'], 'smoke': ['fig_1_smoke'], 'SNR': ['fig_2abc', 'fig_2_norms', 'fig_reinforce_snr'],
    'dimensionality': ['fig_2d'], 'tuned': ['fig_2d_tuned'], 'switch_period': ['fig_3'], 'Vocal_Digits': ['fig_4'],
    'recordings': ['fig_recordings'], 'time_constant': ['fig_time_constant', 'fig_time_constant_phases'],
    'lr_optim': ['fig_lr_optim'], 'backprop': ['fig_backprop'], 'MNIST': ['fig_mnist']}

# Single panels under the released program's names, for image_save=True: (function, number of axes)
SINGLE = {'standard': {'loss': (panels.loss, 1), 'io_trace': (panels.io_trace, 1), 'io_plot': (panels.io_plot, 1),
                       'acf_plot': (panels.acf_plot, 1)},
          'SNR': {'loss_snr': (panels.loss, 1), 'cosine_similarity_fig_snr': (panels.cosine_similarity, 1),
                  'norm_ws_bp_snr': (panels.norms, 1), 'snr_fig': (panels.snr, 1)},
          'switch_period': {'sp_accuracy_1': (lambda ax, runs: accuracy(ax, runs[0]), 1),
                            'sp_accuracy_11': (lambda ax, runs: accuracy(ax, runs[-1]), 1),
                            'sp_loss': (panels.sp_loss, 1), 'sp_corr': (panels.sp_corr, 1)},
          'Vocal_Digits': {'vocal_loss_fig': (sounds.vocal_loss, 1), 'vocal_gen_fig': (sounds.vocal_generated, 1),
                           'vocal_acf_fig': (sounds.vocal_acf, 1), 'vocal_reproduction': (sounds.vocal_reproduction, 2),
                           'vocal_gen_comparison_fig': (sounds.vocal_correlations, 2)}}


# %% the figures of one mode
def members_of(words, n):
    """The runs (Params) that a mode's figures need."""
    given = dict(split_words(words))
    if given.get('array_num', '0') != '0':                      # one member
        if n:
            raise ValueError('n=... and array_num=... cannot both choose the members')
        return with_companions(load_members(exp_params, *words), words)
    words = [w for w in words if w.split('=')[0].strip() != 'array_num']
    first = load_params(exp_params, *words)
    if first.mode in ('standard', 'SNR'):                       # as many seeds as there are
        members = [p for p in load_members(exp_params, *words, 'array_num=0')[:n] if result_path(p).exists()] or [first]
    elif exp_params.SWEEPS.get(first.mode) and first.mode not in ('MNIST', 'Vocal_Digits'):
        members = load_members(exp_params, *words, 'array_num=0')[:n]
        if first.mode in ('backprop', 'tuned'):                 # members that can be drawn without the others
            members = those_that_exist(members)
    else:
        demand(not n, f'n = {n} does nothing: mode={first.mode} draws one run')
        members = [first]
    return with_companions(members, words)


def those_that_exist(members):
    """The members whose results are there, with a word on stderr about the others; all of them if none is."""
    there = [p for p in members if result_path(p).exists()]
    if 0 < len(there) < len(members):
        print(f'warning: {len(members) - len(there)} of {len(members)} members have no result: left out', file=sys.stderr)
    return there or members


def with_companions(members, words):
    """These runs, and those of other modes or rules that belong into the same figure."""
    first = members[0]
    shared = {name: getattr(first, name) for name in ('seed', 'scale', 'released_code', 'rng')}
    if first.mode == 'dimensionality' and len(members) > 1:
        members += [load_params(exp_params, mode='backprop', array_num=i, **shared) for i in range(1, 6)]
    if first.mode == 'Vocal_Digits' and first.array_num == 1:        # Fig. 4b: REINFORCE (array 10), both rules, if run
        rest = [w for w in words if w.split('=')[0].strip() not in ('array_num', 'released_code')]
        reinforce = [load_params(exp_params, *rest, array_num=10, released_code=released) for released in (False, True)]
        members += [p for p in reinforce if result_path(p).exists()]
    return members


def main(words):
    """Draw the figures of the mode that `words` (or exp_params.mode) name; image_save=True: single panels too."""
    words, given = apart(words, 'n', 'image_save')
    if given['image_save'] not in (None, 'True', 'False'):
        raise ValueError(f'image_save takes True or False, not {given["image_save"]!r}')
    members = members_of(words, whole_number('n', given['n']))
    runs, mode = finished(members), members[0].mode
    if mode not in ('lr_optim', 'Vocal_Digits', 'tuned') and not panels.finite(runs):       # these draw a divergence
        raise ValueError(f'mode={mode}: every run diverged, there is nothing to draw')
    demand(given['image_save'] != 'True' or mode in SINGLE, f'image_save=True does nothing: mode={mode} has no single panels')
    backprop = members[0].algorithm == 'backprop' and mode != 'tuned'
    demand(backprop or mode in OF_MODE, f'mode={mode} has no figure: enter it in OF_MODE of plot_generator.py')
    names = ['fig_backprop'] if backprop else OF_MODE[mode]
    changed = variant(exp_params, runs, told=('array_num',))
    for name in names:
        save_figure(drawn(name, FIGURES[name], runs), 'impression_learning', name + changed)
    for name, (panel, columns) in SINGLE.get(mode, {}).items() if given['image_save'] == 'True' else ():
        figure, axes = grid(1, columns, 5)
        drawn(name, panel, axes[0] if columns > 1 else axes[0, 0], runs)
        save_figure(figure, 'impression_learning', name + changed)


def drawn(name, draw, *args):
    """draw(*args); ValueError with one line if the runs lack an array that it needs."""
    try:
        return draw(*args)
    except KeyError as missing:
        raise ValueError(f'{name} needs {missing}, which these runs do not hold (diverged, save_sequences=False or another '
                         'algorithm)') from missing


if __name__ == '__main__':
    plots('impression_learning')
