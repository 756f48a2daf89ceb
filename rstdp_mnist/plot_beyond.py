"""R-STDP on MNIST: figures of the experiments above the paper's accuracy."""
import textwrap

from common.figures import style
from rstdp_mnist import plot_panels as panels


def arms(runs):
    """{(name, which weights decide: 'test', or 'fast_test' beside slow ones): runs}, in the order of the runs."""
    found = {}
    for run in runs:
        p = run[0]['params']
        for part in ('test', 'fast_test') if p['reward'] == 'margin' and p['slow_weights'] else ('test',):
            found.setdefault((panels.name_of(run), part), []).append(run)
    return found


def fig_beyond(runs):
    """Rules above the paper's: accuracy of the weights that decide on test images (test set closed: on withheld ones);
    the fast weights behind them dotted."""
    plt = style()
    figure, ax = plt.subplots(figsize=(9, 4.8))
    for run, colour in zip(runs, ('#0B5FA5', '#009E73', '#D55E00', '#CC79A7', '#777777', '#E69F00'), strict=False):
        epochs, part = run[1]['test_epochs'], 'validation' if panels.closed(run) else 'test'
        given = {'color': colour, 'marker': 'o' if len(epochs) == 1 else None}
        name = f'{"withheld images: " * (part != "test")}{panels.name_of(run)}, seed {run[0]["seed"]}'
        ax.plot(epochs, panels.accuracy([run], part)[0], **given, label=textwrap.fill(name, 80))
        if part == 'test' and len(run[1]['fast_test_fractions']):
            ax.plot(epochs, panels.accuracy([run], 'fast_test')[0], **given, ls=':', mfc='none', label='the same, fast weights')
    panels.paper_line(ax, runs)
    panels.epoch_axis(ax, 'accuracy (%)' if any(map(panels.closed, runs)) else 'test accuracy (%)')
    ax.legend(loc='upper center', bbox_to_anchor=(0.5, -0.16))
    return figure


def fig_final(runs):
    """The last round: accuracy on withheld images of what was tried; on all images, training and the one test."""
    plt = style()
    figure, ax = plt.subplots(figsize=(9, 4.8))
    tried = [run for run in runs if run[0]['params']['n_validation']]
    for run, colour in zip(tried, ('#0B5FA5', '#009E73', '#D55E00', '#CC79A7', '#777777', '#E69F00'), strict=False):
        ax.plot(run[1]['test_epochs'], panels.accuracy([run], 'validation')[0], color=colour,
                label=f'withheld images: {panels.name_of(run)}')
    label = 'all 60,000 images: test, once'
    for run in (run for run in runs if not run[0]['params']['n_validation']):
        ax.plot(run[1]['test_epochs'][-1:], panels.accuracy([run], 'test')[0, -1:], 'k*', mfc='none', ms=11, label=label)
        label = None
    panels.paper_line(ax, runs)
    panels.epoch_axis(ax, 'accuracy (%)')
    ax.set_ylim(bottom=95)
    ax.legend(loc='lower right')
    return figure


def fig_reward(runs):
    """Who learns, and which weights decide: test accuracy of each seed and its mean, epoch by epoch."""
    plt = style()
    figure, ax = plt.subplots(figsize=(9, 4.8))
    for ((name, part), some), colour in zip(arms(runs).items(), ('#777777', '#0B5FA5', '#009E73', '#CC79A7', '#D55E00'),
                                            strict=False):
        curves = panels.accuracy(some, part)
        ax.plot(curves.T, color=colour, lw=0.7, alpha=0.5)
        label = name.replace(', n_validation = 0', '') + ', fast weights alone' * (part == 'fast_test')
        ax.plot(curves.mean(axis=0), color=colour, lw=2, label=label)
    panels.paper_line(ax, runs)
    panels.epoch_axis(ax, 'test accuracy (%)')
    ax.legend(loc='lower right', title=f'mean of n = {len({run[0]["seed"] for run in runs})} seeds')
    return figure


def fig_search(runs):
    """Every setting that was tried, best first: accuracy on the withheld images by epoch's end."""
    plt = style()
    runs = sorted(runs, key=lambda run: run[1]['validation_fractions'][-1, 0])
    names = [panels.name_of(run) for run in runs]
    plain = panels.LABELS['search']
    figure, ax = plt.subplots(figsize=(9, 0.32 * len(runs) + 1.2), layout='constrained')
    for place, (run, name) in enumerate(zip(runs, names, strict=True)):
        last, colour = 100 * run[1]['validation_fractions'][-1, 0], '#D55E00' if name == plain else '#0B5FA5'
        ax.plot(last, place, 'o', color=colour)
        ax.text(last, place, f'  {last:.2f}', va='center', fontsize=9, color=colour)
    ax.set_yticks(range(len(runs)), [name.removeprefix(f'{plain}, ') for name in names])
    ax.margins(x=0.12)
    ax.grid(axis='y', alpha=0.3)
    ax.set_xlabel(f'accuracy on withheld training images after {len(runs[0][1]["train_fractions"])} epochs (%)')
    return figure


FIGURES = {'fig_beyond': fig_beyond, 'fig_search': fig_search, 'fig_final': fig_final, 'fig_reward': fig_reward}
