"""Dendritic microcircuits: panels of the paper's figures, each drawn on an axis from finished runs [(meta, arrays), ...]."""
import csv
import dataclasses
import functools
from pathlib import Path

import numpy as np

from microcircuits import exp_params
from microcircuits.records import SUPERVISED

PUBLISHED = Path(__file__).parent / 'published'
LAYERS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00')
RULES = {'BP': '#222222', 'FA': '#D55E00', 'PAL': '#0072B2', 'LDRL': '#009E73', 'DTPDRL': '#CC79A7'}
MEASURES = {'WT_vs_B': 'angle_WPPT_BPP', 'RHS_vs_B': 'angle_BPP_RHS'}
TITLES = {'angle_WPPT_BPP': 'B and W$^T$', 'angle_jacobians': 'Jacobians', 'angle_BPP_RHS': "B and φ'W$^T$φ'",
          'angle_BP_updates': 'updates and back-propagation'}
EPOCH = {'fig3_weak': 'weak', 'fig3_strong': 'strong'}
FREE = {'array_num', 'seed', 'rng', 'record', 'angles', 'compare', 'released_code', *exp_params.RELEASED}     # see comparable


def stacked(runs, name):
    """One array (runs, ...)."""
    return np.stack([arrays[name] for _, arrays in runs])


def has(ax, runs, *names):
    """True if all runs hold these series; else the panel says which one is not there."""
    missing = [name for name in names if any(name not in arrays for _, arrays in runs)]
    if missing:
        ax.text(0.5, 0.5, f'{missing[0]} is not recorded', ha='center', transform=ax.transAxes)
    return not missing


def epochs_of(run, name):
    """Epoch at each record of a series (records,): steps of learning over the steps of an epoch; up to 0 in pre-training."""
    meta, arrays = run
    p, first = meta['params'], int(arrays['first_record'])
    before, epoch = int(round(p['settling_time'] / p['dt'], 6)), p['dataset_size'] * round(p['Tpres'] / p['dt'])
    if name == 'angle_BP_updates':                 # with the weights of one record an epoch
        learning = (before + p['epochs'] * epoch) // p['rec_per_steps'] - first
        record = first + np.arange(p['epochs']) * (learning // p['epochs'])
    else:
        record = np.arange(len(arrays[name])) + (first if name in SUPERVISED else 0)
    return ((record + 1) * p['rec_per_steps'] - before) / epoch


def dots(figure):
    """A line of one point shows nothing: mark it."""
    for line in [line for ax in figure.axes for line in ax.lines if len(line.get_xdata()) == 1]:
        line.set_marker(line.get_marker() if line.get_marker() not in ('None', None, '') else '.')


# ---------------------------------------------------------------- published data

@functools.cache
def percentiles(measure):
    """{(record, layer): {mean_deg, std_deg, min, p10, ..., max}} of the published percentiles of one measure."""
    with open(PUBLISHED / 'published_angle_percentiles.csv', encoding='utf-8') as file:
        rows = [row for row in csv.DictReader(file) if row['measure'] == measure]
    statistics = ('mean_deg', 'std_deg', 'min', 'p10', 'p25', 'median', 'p75', 'p90', 'max')
    return {(int(row['record_index']), int(row['hidden_or_weight_layer'])): {k: float(row[k]) for k in statistics}
            for row in rows}


def our_statistics(values):
    """The same statistics of our angles over seeds. values (seeds,)"""
    quantiles = np.percentile(values, (10, 25, 50, 75, 90))
    return dict(zip(('p10', 'p25', 'median', 'p75', 'p90'), quantiles, strict=True)) | {
        'mean_deg': values.mean(), 'std_deg': values.std(), 'min': values.min(), 'max': values.max()}


def by_epoch(runs):
    """Angles of the updates, mean over the samples of an epoch (runs, epochs, N)."""
    angles = stacked(runs, 'angle_BP_updates')
    return angles.reshape(len(runs), -1, runs[0][0]['params']['dataset_size'], angles.shape[-1]).mean(axis=2)


def series(runs, name):
    """Angles (runs, records or epochs, layers) of one measure."""
    return by_epoch(runs) if name == 'angle_BP_updates' else stacked(runs, name)


def published_name(runs, name):
    """Name of the measure in the published files, None if there is none."""
    setting = EPOCH.get(runs[0][0]['mode'])
    if setting is None:
        return None
    names = {ours: f'{setting}_{theirs}' for theirs, ours in MEASURES.items()}
    if setting == 'weak':
        names['angle_BP_updates'] = 'weak_dW_circuit_vs_BP_epochmean'
    return names.get(name)


def comparable(runs, name):
    """published_name, if the runs have the mode's own parameters (seeds, stream and released options are free), else None."""
    mode = runs[0][0]['mode']
    own = dataclasses.asdict(exp_params.Params(mode=mode, **exp_params.MODES[mode]))
    same = all(_plain(meta['params'].get(k)) == _plain(v) for meta, _ in runs for k, v in own.items() if k not in FREE)
    return published_name(runs, name) if same else None


def _plain(value):
    """A tuple as the list that a file holds."""
    return list(value) if isinstance(value, tuple) else value


def difference_from_percentiles(runs, name):
    """Largest difference (degrees) of our ten seeds' statistics from the published ones."""
    values = series(runs, name)
    published = percentiles(published_name(runs, name))
    return max(abs(our_statistics(values[:, record, layer - 1])[k] - value)
               for (record, layer), row in published.items() for k, value in row.items())


def difference_record_by_record(runs, name):
    """Largest difference (degrees) from the five seeds that are published record by record."""
    setting = EPOCH[runs[0][0]['mode']]
    with np.load(PUBLISHED / 'published_angles_seeds0to4.npz') as stored:
        if name == 'angle_BP_updates':
            seeds, theirs = stored[f'{setting}_dW_vs_BP_seeds'], stored[f'{setting}_dW_vs_BP_epoch_mean']
            ours = {meta['seed']: value for (meta, _), value in zip(runs, by_epoch(runs), strict=True)}
        else:
            theirs_name = f'{setting}_{dict((b, a) for a, b in MEASURES.items())[name]}'
            seeds, theirs, records = (stored[theirs_name + end] for end in ('_seeds', '', '_record'))
            ours = {meta['seed']: arrays[name][records] for meta, arrays in runs}
    return max(np.abs(ours[seed] - value).max() for seed, value in zip(seeds, theirs, strict=True))


# ---------------------------------------------------------------- alignment

def alignment(ax, runs, name, legend=False):
    """Angle against time: median and 10-90 % over seeds, a colour a layer; published mean and 10-90 % in black."""
    if not has(ax, runs, name):
        return
    values, x, updates = series(runs, name), epochs_of(runs[0], name), name == 'angle_BP_updates'
    for layer in range(values.shape[2]):
        low, middle, high = np.percentile(values[:, :, layer], (10, 50, 90), axis=0)
        label = f'W$_{layer + 1}$' if updates else f'hidden layer {layer + 1}'
        ax.plot(x, middle, color=LAYERS[layer % 5], label=label)
        ax.fill_between(x, low, high, color=LAYERS[layer % 5], alpha=0.18, lw=0)
    published = comparable(runs, name)
    if published:
        overlay(ax, percentiles(published), x)
    ax.axvline(0, color='k', lw=0.6, ls=':')
    ax.set(xlabel='epoch', ylabel='angle (degrees)', title=TITLES[name], ylim=(0, None))
    if legend:
        low = (np.median(values[:, -1], axis=0) > 30).all()                     # room below the curves
        ax.legend(loc='lower left' if low else 'upper right', bbox_to_anchor=(0, 0) if low else (1, 0.86), ncol=2 if low else 1)


def overlay(ax, published, epochs):
    """Published median as black dots, 10th and 90th percentile as black bars. epochs (records,)"""
    keys = sorted(published)
    x = epochs[[record for record, _ in keys]]
    rows = [published[key] for key in keys]
    middle = np.array([row['median'] for row in rows])
    spread = [middle - [row['p10'] for row in rows], [row['p90'] for row in rows] - middle]
    ax.errorbar(x, middle, spread, fmt='k.', ms=4, lw=0.7, label='published')


def agreement(ax, runs, name):
    """The largest differences from the published files, written into the panel, if these are the published runs."""
    seeds = sorted(member['seed'] for member in exp_params.SWEEPS.get(runs[0][0]['mode'], []))
    published = all(meta['params']['rng'] == 'legacy' for meta, _ in runs) and sorted(meta['seed'] for meta, _ in runs) == seeds
    if published and comparable(runs, name) and all(name in arrays for _, arrays in runs):
        exact, ten = difference_record_by_record(runs, name), difference_from_percentiles(runs, name)
        ax.text(0.98, 0.98, f'5 seeds, each record: ≤ {exact:.0e}°\n10 seeds, percentiles: ≤ {ten:.0e}°', ha='right', va='top',
                transform=ax.transAxes, fontsize=9)
        ax.set_ylim(0, ax.get_ylim()[1] * 1.1)


# ---------------------------------------------------------------- teacher and student

def of_model(runs, model_type):
    """The runs of one learning rule."""
    return [run for run in runs if run[0]['params']['model_type'] == model_type]


def few(n):
    """Some indices below n, dense at the beginning, for a logarithmic axis."""
    return np.unique(np.concatenate([np.geomspace(1, n, 800), np.linspace(1, n, 400)]).astype(int)) - 1


def loss(ax, runs):
    """Squared error of the output, averaged over 10 epochs (a tenth of a shorter run): each seed, and the median (log)."""
    if not has(ax, runs, 'MSE'):
        return
    for model_type, colour in RULES.items():
        some = of_model(runs, model_type)
        if not some:
            continue
        errors = stacked(some, 'MSE')
        p = some[0][0]['params']
        width = max(1, 10 * p['dataset_size'] * round(p['Tpres'] / p['dt']) // p['rec_per_steps'])
        width = min(width, max(1, errors.shape[1] // 10))
        total = np.cumsum(np.pad(errors, ((0, 0), (1, 0))), axis=1)
        smooth = (total[:, width:] - total[:, :-width]) / width
        x = epochs_of(some[0], 'MSE')[width - 1:]
        thin = few(len(x))
        ax.plot(x[thin], smooth[:, thin].T, color=colour, alpha=0.25, lw=0.6)
        ax.plot(x[thin], np.median(smooth, axis=0)[thin], color=colour, label=f'{model_type} (n = {len(some)})')
    ax.set(xlabel='epoch', ylabel='squared error', title='Loss', yscale='log', xscale='symlog')
    ax.set_xlim(0, None)
    ax.legend()


def weight(ax, runs, name, layer):
    """The first entry of a matrix against epochs, each seed; the teacher's dashed."""
    key = f'{name}_{layer}'
    if not has(ax, runs, key):
        return
    for model_type, colour in RULES.items():
        some = of_model(runs, model_type)
        if not some:
            continue
        x, values = epochs_of(some[0], key), stacked(some, key)[:, :, 0, 0]
        thin = few(len(x))
        ax.plot(x[thin], values[:, thin].T, color=colour, alpha=0.3, lw=0.7)
        ax.plot(x[thin], np.median(values, axis=0)[thin], color=colour, label=model_type)
    if name == 'WPP' and f'teacher_{key}' in runs[0][1]:
        ax.axhline(runs[0][1][f'teacher_{key}'][0, 0], color='k', ls='--', lw=1, label='teacher')
    entry = '' if runs[0][1][key][0].size == 1 else ' (first entry)'
    symbol = (f'W$_{layer}$' if name == 'WPP' else f'B$_{layer}$') + entry
    ax.set(xlabel='epoch', ylabel=symbol, title=f'{symbol}: {"bottom-up" if name == "WPP" else "top-down"}', xscale='symlog')
    ax.set_xlim(0, None)


# ---------------------------------------------------------------- noise of other time scales

def final_angles(ax, groups):
    """Final angle of B and W^T, each seed, by correlation time of the noise. groups {(steps, 'prosp' or 'u'): runs}"""
    shift = {'prosp': -0.22, 'u': 0.22}
    labels = {'prosp': 'prosp.', 'u': 'lagging'}
    steps = sorted({n for n, _ in groups})
    for (n, kind), runs in groups.items():
        final = stacked(runs, 'angle_WPPT_BPP')[:, -1]
        layers = final.shape[1]
        for layer in range(layers):
            colour = LAYERS[layer % 5]
            x = steps.index(n) + shift[kind] + 0.08 * min(1, 3 / layers) * (layer - (layers - 1) / 2)
            marker = 'o' if kind == 'prosp' else 's'
            ax.plot(np.full(len(final), x), final[:, layer], marker, color=colour, alpha=0.5, ms=3)
            ax.plot(x, final[:, layer].mean(), '_', color=colour, ms=14, mew=2)
    for i in range(len(steps)):
        for kind, dx in shift.items():
            ax.text(i + dx, 103, labels[kind], ha='center', fontsize=8)
    ax.axhline(90, color='k', lw=0.6, ls='--')
    ax.set_xticks(range(len(steps)), [f'{n} dt' for n in steps])
    ax.set(xlabel='correlation time of the noise', ylabel='final angle of B and W$^T$ (degrees)', ylim=(0, 112))


# ---------------------------------------------------------------- demonstrations

def cosine(a, b):
    """Cosine of matrices (records, n, m)."""
    return (a * b).sum(axis=(1, 2)) / np.sqrt((a * a).sum(axis=(1, 2)) * (b * b).sum(axis=(1, 2)))
