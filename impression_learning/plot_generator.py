"""Figures of impression learning, from saved results only.

    python -m impression_learning.plot_generator mode=standard            the figures of a mode's saved run or sweep
    python -m impression_learning.plot_generator mode=SNR n=20            the first n members (seeds)

reproduce.py calls the functions in FIGURES with the runs of its experiments.
"""
# %% what the figures need
import sys
from pathlib import Path

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from common.figures import finished, grid, save_figure, style, whole_number
from common.params import load_params
from common.results import result_path
from common.script import load_or_exit, plots, stop
from common.words import apart, load_members
from impression_learning import exp_params
from impression_learning import plot_panels as panels

# switch_period, K + 1 = 2, 5, .., 32, released program (specification 7)
RELEASED_CORRELATION = (.894, .849, .815, .773, .753, .720, .699, .676, .662, .643, .630)


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
    figure, axes = grid(1, 2, 4.6)
    panels.snr(axes[0, 0], runs, ('il', 'corrected', 'stimulus_term', 'released'))
    axes[0, 0].legend(loc='center left', bbox_to_anchor=(0.0, 0.42))
    panels.cosine_similarity(axes[0, 1], runs, ('corrected', 'stimulus_term', 'released'))
    return figure


def fig_2d(runs):
    """Final loss against dimension for impression learning, REINFORCE, backpropagation (modes dimensionality, backprop)."""
    figure, axes = grid(1, 1, 5)
    panels.dimensionality(axes[0, 0], runs)
    return figure


# %% Fig. 3
def fig_3(runs):
    """Effect of the phase duration (mode switch_period)."""
    figure, axes = grid(2, 3)
    accuracy(axes[0, 0], runs[0])
    accuracy(axes[0, 1], runs[-1])
    panels.sp_loss(axes[0, 2], runs)
    panels.sp_corr(axes[1, 0], runs, RELEASED_CORRELATION)
    panels.sp_scatter(axes[1, 1], runs, 0)
    panels.sp_scatter(axes[1, 2], runs, -1)
    return figure


def accuracy(ax, run):
    """[sp_accuracy_1, _11] Unit 0 in the alternating and in the pure wake run."""
    panels.phases(ax, [run], (300, 500), 0, (-1.7, 1.7), f'Phases of {run[0]["params"]["switch_period"] + 1} steps')


# %% Fig. 4
def fig_4(runs):
    """Spoken digits (mode Vocal_Digits): reproduction, loss, correlations, generation, autocorrelation."""
    figure, axes = grid(2, 4)
    panels.vocal_reproduction(axes[0, :2], runs)
    panels.vocal_loss(axes[0, 2], runs)
    panels.vocal_acf(axes[0, 3], runs)
    panels.vocal_correlations(axes[1, :2], runs)
    panels.vocal_generated(axes[1, 2], runs)
    panels.phases(axes[1, 3], runs, (0, 200), 5)
    return figure


# %% extra figures
def fig_time_constant(runs):
    """Slower and faster stimuli (mode time_constant; not in the paper)."""
    figure, axes = grid(1, 3)
    panels.loss_curves(axes[0, 0], runs, 'dt', 'Loss through training')
    step = [meta['params']['dt'] for meta, _ in runs]
    for ax, name, label in ((axes[0, 1], 'wake_sleep_correlation', 'correlation wake – alternating'),
                            (axes[0, 2], 'R2', '$R^2$ in wake')):
        ax.plot(step, [float(d[name]) for _, d in runs], 'o-')
        ax.set(xlabel='time step dt', ylabel=label)
    return figure


def fig_time_constant_phases(runs):
    """Alternating against pure wake for each time step (mode time_constant): overlays and scatters."""
    figure, axes = grid(4, 5, 3)
    for i, run in enumerate(runs):
        title = f'dt = {run[0]["params"]["dt"]:.2f}'
        panels.phases(axes[i // 5, i % 5], [run], (300, 500), 0, None, title)
        panels.sp_scatter(axes[2 + i // 5, i % 5], [run])
        axes[2 + i // 5, i % 5].set_title(f'Unit 1, {title}')
    return figure


def fig_lr_optim(runs):
    """Learning rates (mode lr_optim; not in the paper)."""
    figure, axes = grid(1, 3)
    for ax, algorithm in zip(axes[0], ('wake_sleep', 'reinforce'), strict=False):
        chosen = [run for run in runs if run[0]['params']['algorithm'] == algorithm]
        name = 'Impression learning' if algorithm == 'wake_sleep' else 'REINFORCE'
        panels.loss_curves(ax, chosen, 'learning_rate', name)
        good = panels.finite(chosen)
        axes[0, 2].plot([meta['params']['learning_rate'] for meta, _ in good], [float(d['wake_loss']) for _, d in good], 'o-',
                        label=name)
    axes[0, 2].set(xlabel='learning rate', ylabel='wake loss of the final network', xscale='log', yscale='log',
                   title='Final loss')
    axes[0, 2].legend(loc='lower left')
    return figure


def fig_backprop(runs):
    """Back-propagation control: training loss, reproduction, covariance of the latents (mode backprop)."""
    figure, axes = grid(1, 3)
    for meta, d in runs:
        axes[0, 0].plot(d['train_loss'], label=f'd = {meta["params"]["n_neurons"]}')
    axes[0, 0].set(xlabel='training (blocks of steps)', ylabel='loss', title='Training loss')
    axes[0, 0].set_yscale('symlog', linthresh=10)
    axes[0, 0].legend(loc='upper right')
    meta, d = runs[-1]
    X, prediction = panels.test_stimulus(d), d['wake_sequence'] @ d['final_W_out'].T
    axes[0, 1].plot([-1, 1], [-1, 1], 'k', lw=0.8)
    axes[0, 1].plot(X[:1000:19].ravel(), prediction[:1000:19].ravel(), '.', ms=3)
    axes[0, 1].set(xlim=(-1, 1), ylim=(-1, 1), xlabel='true', ylabel=r'$W_{out} r$', title=f'$R^2$ = {float(d["R2"]):.4f}')
    figure.colorbar(axes[0, 2].imshow(abs(d['wake_sequence'].T @ d['wake_sequence'] / len(X))), ax=axes[0, 2])
    axes[0, 2].set(title='|Covariance| of the latents', xlabel='unit', ylabel='unit')
    return figure


def fig_mnist(runs):
    """MNIST digits (mode MNIST; the released mode had no images, no published number exists)."""
    plt = style()
    figure = plt.figure(figsize=(9, 5.2))
    axes = figure.subplots(3, 1)
    panels.digits(axes, runs)
    return figure


FIGURES = {
    'fig_1': fig_1, 'fig_2abc': fig_2abc, 'fig_2_norms': fig_2_norms, 'fig_reinforce_snr': fig_reinforce_snr, 'fig_2d': fig_2d,
    'fig_3': fig_3, 'fig_4': fig_4, 'fig_time_constant': fig_time_constant,
    'fig_time_constant_phases': fig_time_constant_phases, 'fig_lr_optim': fig_lr_optim, 'fig_backprop': fig_backprop,
    'fig_mnist': fig_mnist, 'fig_reinforce_snr_released': fig_reinforce_snr, 'fig_2d_released': fig_2d,
    'fig_lr_optim_released': fig_lr_optim}
OF_MODE = {
    'standard': ['fig_1'], 'smoke': ['fig_1'], 'SNR': ['fig_2abc', 'fig_2_norms', 'fig_reinforce_snr'],
    'dimensionality': ['fig_2d'], 'switch_period': ['fig_3'], 'Vocal_Digits': ['fig_4'],
    'time_constant': ['fig_time_constant', 'fig_time_constant_phases'], 'lr_optim': ['fig_lr_optim'],
    'backprop': ['fig_backprop'], 'MNIST': ['fig_mnist']}

# Single panels under the released program's names, for image_save=True
SINGLE = {'standard': {'loss': panels.loss, 'io_trace': panels.io_trace, 'io_plot': panels.io_plot,
                       'acf_plot': panels.acf_plot},
          'SNR': {'loss_snr': panels.loss, 'cosine_similarity_fig_snr': panels.cosine_similarity,
                  'norm_ws_bp_snr': panels.norms, 'snr_fig': panels.snr},
          'switch_period': {'sp_accuracy_1': lambda ax, runs: accuracy(ax, runs[0]),
                            'sp_accuracy_11': lambda ax, runs: accuracy(ax, runs[-1]),
                            'sp_loss': panels.sp_loss, 'sp_corr': panels.sp_corr},
          'Vocal_Digits': {'vocal_loss_fig': panels.vocal_loss, 'vocal_gen_fig': panels.vocal_generated,
                           'vocal_acf_fig': panels.vocal_acf}}
DOUBLE = {'Vocal_Digits': {'vocal_reproduction': panels.vocal_reproduction,
                           'vocal_gen_comparison_fig': panels.vocal_correlations}}


# %% the figures of one mode
def members_of(words, n):
    """The runs (Params) that a mode's figures need."""
    if any(w.split('=')[0].strip() == 'array_num' and w.split('=')[1].strip() != '0' for w in words) and not n:
        return with_companions(load_or_exit(exp_params, words, load_members), words)
    words = [w for w in words if w.split('=')[0].strip() != 'array_num']
    first = load_or_exit(exp_params, words)
    if first.mode in ('standard', 'SNR'):              # as many seeds as there are
        numbered = load_members(exp_params, *words, 'array_num=0') if n or first.array_num == 1 else [first]
        members = [p for p in numbered[:n] if result_path(p).exists()] or [first]
    elif exp_params.SWEEPS.get(first.mode) and first.mode not in ('MNIST', 'Vocal_Digits'):
        members = load_members(exp_params, *words, 'array_num=0')[:n]
    else:
        members = [first]
    return with_companions(members, words)


def with_companions(members, words):
    """The runs, and those of other modes that are drawn in the same figure."""
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
        stop(f'image_save takes True or False, not {given["image_save"]!r}')
    single = given['image_save'] == 'True'
    members = members_of(words, whole_number('n', given['n']))
    runs, mode = finished(members), members[0].mode
    if mode not in ('lr_optim', 'Vocal_Digits') and not panels.finite(runs):     # these two draw a divergence
        stop(f'mode={mode}: every run diverged, there is nothing to draw', 1)
    names = ['fig_backprop'] if members[0].algorithm == 'backprop' else OF_MODE[mode]
    for name in names:
        save_figure(drawn(name, FIGURES[name], runs), 'impression_learning', name)
    for panels_of_mode, columns in ((SINGLE, 1), (DOUBLE, 2)):
        for name, panel in panels_of_mode.get(mode, {}).items() if single else ():
            figure, axes = grid(1, columns, 5)
            drawn(name, panel, axes[0] if columns > 1 else axes[0, 0], runs)
            save_figure(figure, 'impression_learning', name)


def drawn(name, draw, *args):
    """draw(*args); ends with one line if the runs lack an array that it needs."""
    try:
        return draw(*args)
    except KeyError as missing:
        stop(f'{name} needs {missing}, which these runs do not hold (diverged, save_sequences=False or another algorithm)', 1)


if __name__ == '__main__':
    plots('impression_learning')
