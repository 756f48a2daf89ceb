"""The strip of the front page: one panel a paper, our numbers (colour) over published ones (black), from published files."""
import csv
import re

from common import ROOT, figures
from reproduction.claims import ends, find

BLACK, BLUE, ORANGE = '0.1', '#0072b2', '#d55e00'        # colours that the colour-blind tell apart
RANGE = dict(fmt='o', markersize=4.5, capsize=2, linewidth=1.2)


def columns(path, **only):
    """Rows of a CSV file whose columns have these values."""
    with open(path, encoding='utf-8', newline='') as file:
        return [line for line in csv.DictReader(file) if all(line[name] == str(value) for name, value in only.items())]


def ours(ax, places, rows, colour=BLUE, **more):
    """Our values of some rows at these places, with their 95 % intervals; rows without a number (diverged) are left out."""
    kept = [(place, row) for place, row in zip(places, rows, strict=True) if row['ours'] is not None]
    places, rows = [place for place, _ in kept], [row for _, row in kept]
    bars = [[row['ours'] - ends(row)[0] for row in rows], [ends(row)[1] - row['ours'] for row in rows]]
    ax.errorbar(places, [row['ours'] for row in rows], bars, color=colour, zorder=3, **RANGE | more)


def numbered(rows, figure, quantity):
    """(number in the quantity's name, row) of rows whose names differ in their last number."""
    found = find(rows, {'figure': figure, 'quantity': quantity})
    return [(float(re.findall(r'[0-9.]+', row['quantity'])[-1]), row) for row in found]


def impression_learning(ax, rows):
    """Fig. 3: wake and alternating activity, over the duration of a phase."""
    found = numbered(rows, 'fig_3', 'correlation wake – alternating, phase of *')
    places = [place for place, _ in found]
    ax.plot(places, [row['released'] for _, row in found], color=BLACK, label='released program')
    ours(ax, places, [row for _, row in found], label='ours')
    ax.set(title='impression learning', xlabel='phase (steps)', ylabel='correlation with wake')


def task_plasticity(ax, rows):
    """Error of the authors' network over the noise of the test."""
    found = numbered(rows, 'estimation_pretrained, test noise', 'error, uniform, tested at noise *')
    places = [place for place, _ in found]
    ax.plot(places, [row['released'] for _, row in found], color=BLACK, label='released program')
    ours(ax, places, [row for _, row in found], label='ours')
    ax.set(title='task-dependent codes', xlabel='noise of the test', ylabel='error', xscale='log', yscale='log')
    ax.set_xticks([0.03, 0.1, 0.3], ['0.03', '0.1', '0.3'])
    ax.set_yticks([0.1, 1], ['0.1', '1'])
    ax.minorticks_off()


def biohsic(ax, rows):
    """Fig. 3: MNIST by the rule and by back-propagation."""
    published = columns(ROOT / 'biohsic' / 'published' / 'published_mnist_curves.csv')[1:]
    for kind, name, pattern, colour in (('rule', 'rule', 'rule: *after * epoch*', BLUE),
                                        ('bp', 'back-propagation', 'back-propagation: after * epoch*', ORANGE)):
        ax.plot([int(line['epoch']) for line in published], [float(line[f'{kind}_test_acc_pct']) for line in published],
                color=BLACK, label='published' if kind == 'bp' else None)
        found = numbered(rows, 'f3_mnist', pattern) + numbered(rows, 'f3_large_tasks', pattern)
        ours(ax, [place for place, _ in found], [row for _, row in found], colour, label=f'ours, {name}')
    ax.set(title='HSIC rule', xlabel='epoch', ylabel='MNIST, test %', ylim=(70, 100))


def microcircuits(ax, rows):
    """Fig. 3a: alignment of the backward weights, new seeds at the end."""
    path = ROOT / 'microcircuits' / 'published' / 'published_angle_percentiles.csv'
    for layer in (1, 2, 3):
        lines = columns(path, figure='Fig3abc', measure='weak_WT_vs_B', hidden_or_weight_layer=layer)
        ax.plot([int(line['record_index']) for line in lines], [float(line['mean_deg']) for line in lines], color=BLACK,
                linestyle=('-', '--', ':')[layer - 1], label='published, layer 1, 2, 3' if layer == 1 else None)
    found = numbered(rows, 'fig_3abc_fresh', 'B and W^T, layer *, at the end, degrees')
    ours(ax, [1009] * len(found), [row for _, row in found], label='ours, new seeds')
    ax.set(title='microcircuits', xlabel='time (records)', ylabel='angle of $B$ and $W^T$ (°)', ylim=(0, None))


def rstdp_mnist(ax, rows, published):
    """680 epochs of layer 3."""
    log = columns(ROOT / 'rstdp_mnist' / 'published' / 'measured_default_mode_long_run.csv')
    ax.plot([int(line['epoch']) + 1 for line in log], [100 * float(line['test_accuracy']) for line in log], color=BLACK,
            label="authors' simulator")
    mine = published / 'rstdp_mnist_fig_long.csv'
    lines = [line for line in columns(mine, setting='default') if line['test_accuracy']] if mine.exists() else []
    ax.plot([int(line['epoch']) + 1 for line in lines], [100 * float(line['test_accuracy']) for line in lines], color=BLUE,
            linewidth=1, label='ours')
    for row in find(rows, {'quantity': 'test accuracy after 680 epochs, %'}):
        ax.axhline(row['paper'], color=BLACK, linestyle='--', linewidth=1, label='paper')
    ax.set(title='R-STDP', xlabel='epoch', ylabel='MNIST, test %', xscale='log', ylim=(84, 98))


def draw(rows, published):
    """The strip as a matplotlib figure. rows: finished rows; published: folder of the published curves."""
    plt = figures.style()
    with plt.rc_context({'font.size': 9, 'axes.titlesize': 11, 'legend.fontsize': 7, 'axes.labelsize': 9}):
        drawn, axes = plt.subplots(1, 5, figsize=(11.5, 2.5))
        for ax, panel in zip(axes, (impression_learning, task_plasticity, biohsic, microcircuits, rstdp_mnist), strict=True):
            own = [row for row in rows if row['folder'] == panel.__name__]
            panel(ax, own, published) if panel is rstdp_mnist else panel(ax, own)
            ax.legend(frameon=False)
        drawn.set_layout_engine('tight')
    return drawn
