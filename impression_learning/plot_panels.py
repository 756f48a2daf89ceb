"""Impression learning: the panels of the figures, each drawn on an axis from the arrays of finished runs.

A run is a pair (meta, arrays) as loaded by common.load_result; names in brackets are the released program's.
"""
import numpy as np
from scipy import stats

from impression_learning import analysis

COLOURS = {'il': '#0072B2', 'reinforce': '#D55E00', 'corrected': '#D55E00', 'stimulus_term': '#E69F00', 'released': '#555555',
           'backprop': '#009E73', 'data': '#222222'}
LABELS = {'il': 'impression learning', 'corrected': 'REINFORCE, corrected', 'reinforce': 'REINFORCE',
          'stimulus_term': 'REINFORCE, corrected, with\nfantasy–stimulus term', 'released': 'REINFORCE, released rule',
          'backprop': 'backpropagation'}


def finite(runs):
    """The runs that did not diverge."""
    return [run for run in runs if run[0]['diverged_at'] < 0]


def stack(runs, name):
    """One array of the finished runs, (n_run, ...)."""
    return np.array([d[name] for _, d in finite(runs)])


def interval(values):
    """(mean, half the 95 % interval of the mean) over the first axis; None instead of an interval for a single run."""
    values = np.asarray(values, float)
    n = len(values)
    if n < 2:
        return values.mean(axis=0), None
    return values.mean(axis=0), stats.t.ppf(0.975, n - 1) * values.std(axis=0, ddof=1) / np.sqrt(n)


def curve(ax, values, label=None, colour=None, x=None, **style):
    """Mean over runs, with a band of its 95 % interval if there are three or more (two: both as thin lines)."""
    mean, half = interval(values)
    x = np.arange(len(mean)) if x is None else x
    line, = ax.plot(x, mean, label=label, color=colour, **style)
    if len(values) == 2:
        ax.plot(x, np.transpose(values), color=line.get_color(), lw=0.6)
    elif half is not None:
        ax.fill_between(x, mean - half, mean + half, color=line.get_color(), alpha=0.25, lw=0)


def from_zero(ax):
    """The y axis shows zero, too."""
    low, high = ax.get_ylim()
    ax.set_ylim(min(0, low), high + 0.05 * max(0, high))


def unit(sequence, i):
    """Activity of unit i (steps,), or of the last one of a smaller network."""
    return sequence[:, min(i, sequence.shape[1] - 1)]


def test_stimulus(d):
    """X (T, n_0) of the test set."""
    return d['data_latent_test'] @ d['mixing_matrix'].T if 'data_latent_test' in d else d['data_test'].astype(float)


def reproduction(d, sequence):
    """W_out^0 r: what the network makes of the stimulus from its layer-1 activity."""
    W_out = d['final_l0_W_out']
    return sequence[:, :W_out.shape[1]] @ W_out.T


def seeds(runs, spread=False):
    """'n = 3 seeds' for the titles; spread: of a panel that shows mean and interval (from three runs on)."""
    n = len(finite(runs))
    return 'mean, 95 %, ' * (spread and n > 2) + f'n = {n} seed' + 's' * (n > 1)


# ---------------------------------------------------------------- Fig. 1

def loss(ax, runs, name='loss_mean'):
    """[loss] Test loss through training."""
    curve(ax, stack(runs, name) / 1000, colour=COLOURS['il'], marker='o')
    ax.set(xlabel='snapshot (5 % of training)', ylabel=r'test loss ($10^3$)', title=f'Loss: {seeds(runs, True)}')
    from_zero(ax)


def io_trace(ax, runs):
    """[io_trace] Channel 1 of the data and of its reproduction in wake."""
    d = runs[0][1]
    ax.plot(unit(test_stimulus(d)[:200], 1), color=COLOURS['data'], lw=2.4, label='stimulus')
    ax.plot(unit(reproduction(d, d['wake_sequence'])[:200], 1), color=COLOURS['il'], lw=1.2, label=r'$W_{out} r$')
    ax.set(xlabel='time (steps)', ylabel='channel 1', title='Reproduction in wake')
    ax.margins(y=0.25)
    ax.legend(ncols=2, loc='upper center')


def io_plot(ax, runs):
    """[io_plot] True against predicted, every 5th channel and 19th step of the first 1000."""
    d = runs[0][1]
    X, Y = test_stimulus(d)[:1000:19, ::5], reproduction(d, d['wake_sequence'])[:1000:19, ::5]
    scatter(ax, X, Y)
    ax.set(xlabel='true', ylabel='predicted', title=f'Reproduction, $R^2$ = {float(d["R2"]):.4f}')


def scatter(ax, X, Y):
    """Y against X, with the diagonal over the range of both."""
    ends = [min(X.min(), Y.min()), max(X.max(), Y.max())]
    ax.plot(ends, ends, color='k', lw=0.8)
    ax.plot(X.ravel(), Y.ravel(), '.', ms=3, color=COLOURS['il'])


def acf_plot(ax, runs):
    """[acf_plot] Autocorrelation of unit 0 in wake, of latent 0 of the data and of generated activity, with Bartlett bands."""
    d = runs[0][1]
    shown = [(d['wake_sequence'][:, 0], 'wake', COLOURS['il']), (d['data_latent_test'][:, 0], 'data', COLOURS['data']),
             (d['gen_sim'][0][:, 0], 'generated', COLOURS['reinforce'])]
    for series, label, colour in shown:
        acf = analysis.autocorrelation(series, min(80, len(series) - 1))
        band = analysis.bartlett_band(acf, len(series))
        ax.plot(acf, label=label, color=colour)
        ax.fill_between(np.arange(len(acf)), -band, band, color=colour, alpha=0.10, lw=0)
    ax.set(xlabel='lag (steps)', ylabel='autocorrelation', title='Unit 0, with 95 % bands')
    ax.legend()


def phases(ax, runs, window=(0, 400), i=1, title=None):
    """Unit i in the alternating and in the pure wake run (same noise)."""
    d = runs[0][1]
    b = min(window[1], len(d['wake_sequence']))
    a = max(0, b - window[1] + window[0])
    for name, colour, width, label in (('wake', 'data', 2.2, 'wake'), ('wake_sleep', 'il', 1.0, 'alternating')):
        ax.plot(np.arange(a, b), unit(d[f'{name}_sequence'][a:b], i), '.-' if b - a == 1 else '-', color=COLOURS[colour],
                lw=width, label=label)
    ax.set(xlabel='time (steps)', ylabel=f'unit {min(i, d["wake_sequence"].shape[1] - 1)}',
           title=title or f'Phases, correlation {float(d["wake_sleep_correlation"]):.3f}')
    ax.margins(y=0.25)
    ax.legend(ncols=2, loc='upper center')


def latents(ax, runs):
    """Learned transition diagonal against the truth 1 - dt/4."""
    for i, (_, d) in enumerate(runs):
        top = max(int(name[7:].split('_')[0]) for name in d if name.startswith('final_l') and name.endswith('_transition'))
        ax.plot(np.sort(d[f'final_l{top}_transition']), '.-', color=COLOURS['il'], lw=0.6,
                label=f'learned, {seeds(runs)}' if i == 0 else None)
    ax.axhline(1 - runs[0][0]['params']['dt'] / 4, color=COLOURS['data'], ls='--', lw=1, label='true 1 − dt/4')
    ax.set(xlabel='unit (sorted)', ylabel='transition $a_i$', title='Learned dynamics')
    ax.legend()


# ---------------------------------------------------------------- Fig. 2

def present(runs, rules):
    """The rules to draw: those named, and any other that the runs compared under its own name."""
    others = [name[4:] for name in runs[0][1] if name.startswith('snr_') and name[4:] not in LABELS]
    return [*rules, *others]


def cosine_similarity(ax, runs, rules=('corrected',), name='cosine', other='impression learning'):
    """[cosine_similarity_fig_snr] Cosine of the mean W_in update with that of impression learning, or ('exact_cosine') with the
    exact gradient."""
    for rule in present(runs, rules):
        curve(ax, stack(runs, f'{name}_{rule}'), LABELS.get(rule, rule), COLOURS.get(rule))
    ax.axhline(0, color='k', lw=0.6)
    ax.set(xlabel='snapshot (5 % of training)', ylabel=f'cosine with {other}', title=f'Similarity: {seeds(runs, True)}')
    ax.legend()


def dot_product(ax, runs, rules=('corrected',)):
    """Unnormalised similarity: dot product of the mean updates."""
    il = stack(runs, 'mean_il')
    for rule in present(runs, rules):
        curve(ax, (il * stack(runs, f'mean_{rule}')).sum(axis=(2, 3)), LABELS.get(rule, rule), COLOURS.get(rule))
    ax.set(xlabel='snapshot (5 % of training)', ylabel='dot product', title=f'Products: {seeds(runs, True)}')
    ax.legend()


def norms(ax, runs, rules=('il', 'corrected')):
    """[norm_ws_bp_snr] Norm of the mean update, each rule with its own interval."""
    for rule in present(runs, rules):
        norm = np.sqrt((stack(runs, f'mean_{rule}') ** 2).sum(axis=(2, 3)))
        curve(ax, norm, LABELS.get(rule, rule), COLOURS.get(rule))
    ax.set(xlabel='snapshot (5 % of training)', ylabel='norm of the mean update', title=f'Norms: {seeds(runs, True)}')
    from_zero(ax)
    ax.legend()


def snr(ax, runs, rules=('il', 'corrected')):
    """[snr_fig] Mean over weights of mean^2 / variance of the update, log scale."""
    for rule in present(runs, rules):
        curve(ax, stack(runs, f'snr_{rule}').mean(axis=(2, 3)), LABELS.get(rule, rule), COLOURS.get(rule))
    p = runs[0][0]['params']
    ax.set(xlabel='snapshot (5 % of training)', ylabel='signal to noise ratio of the update', yscale='log',
           title=f'SNR: {seeds(runs, True)}')
    ax.legend(title=f'{p["epoch_num_snr"] * p["scale"]:,.0f} repeats a seed')


RULES = {'wake_sleep': 'il', 'reinforce': 'reinforce', 'backprop': 'backprop'}     # colours and labels of the algorithms


def dimensionality(ax, runs):
    """Mean loss of the pure-wake test against the number of input channels: all rules under one loss (D11)."""
    ax.set_yscale('symlog', linthresh=10)
    shown = {}
    for meta, d in finite(runs):
        p = meta['params']
        value = d['wake_loss'] if 'wake_loss' in d else d['loss_test']
        shown.setdefault((p['algorithm'], p['learning_rate']), []).append((p['n_in'], float(value)))
    for (algorithm, rate), points in shown.items():
        rule = RULES.get(algorithm, algorithm)
        x, y = np.array(sorted(points)).T
        ax.plot(x, y, 'o-', color=COLOURS.get(rule), label=f'{LABELS.get(rule, rule)}, η = {rate:.2g}')
    released = runs[0][0]['params']['released_code']
    ticks = sorted({meta['params']['n_in'] for meta, _ in runs})
    ax.set(xlabel='input channels', ylabel='wake loss of the final network', xscale='log',
           title='One rate a rule' + (', as released' if released else ''))
    ax.set_xticks(ticks, list(map(str, ticks)))
    ax.minorticks_off()
    ax.axhline(0, color='k', lw=0.5)
    ax.legend(fontsize='small')


# ---------------------------------------------------------------- Fig. 3

# correlation of wake and alternating activity of the released program, by phase duration
RELEASED_CORRELATION = {2: .894, 5: .849, 8: .815, 11: .773, 14: .753, 17: .720, 20: .699, 23: .676, 26: .662, 29: .643,
                        32: .630}


def by_phase(runs):
    """{phase duration K + 1: its runs (seeds)}, shortest first."""
    found = {}
    for run in sorted(runs, key=lambda run: run[0]['params']['switch_period']):
        found.setdefault(run[0]['params']['switch_period'] + 1, []).append(run)
    return found


def sp_loss(ax, runs):
    """[sp_loss] Wake test loss through training for the shortest and the longest phase."""
    groups = by_phase(runs)
    for steps, colour in zip(sorted({min(groups), max(groups)}), (COLOURS['il'], COLOURS['reinforce']), strict=False):
        losses = stack(groups[steps], 'loss_mean')
        ax.plot(losses.mean(axis=0), 'o-', color=colour, label=f'phase of {steps} steps')
        ax.fill_between(np.arange(losses.shape[1]), losses.min(axis=0), losses.max(axis=0), color=colour, alpha=0.25, lw=0)
    ax.set(xlabel='snapshot (5 % of training)', ylabel='wake test loss', yscale='log',
           title='Loss' + (f': mean and range, {seeds(groups[min(groups)])}' if len(groups[min(groups)]) > 1 else ''))
    ax.legend()


def sp_corr(ax, runs, published=None):
    """[sp_corr] Correlation of wake and alternating activity against the phase duration K + 1: each seed, mean, 95 % interval.

    published: {phase duration: the released program's number}
    """
    values = {steps: stack(group, 'wake_sleep_correlation') for steps, group in by_phase(runs).items()}
    if published:
        ax.plot(*zip(*published.items(), strict=True), 's', mfc='none', color=COLOURS['data'], ms=8, label='released program')
    n = max(map(len, values.values()))
    if n > 1:
        x, y = zip(*((steps, value) for steps, group in values.items() for value in group), strict=True)
        ax.plot(x, y, '.', ms=3, color='0.6', label='single seeds')
    means, halves = zip(*(interval(group) for group in values.values()), strict=True)
    ax.errorbar(list(values), means, None if None in halves else halves, fmt='o-', color=COLOURS['il'], capsize=3,
                label='ours' + (f', n = {n} seeds' if n > 1 else ''))
    ax.set(xlabel='phase duration (steps)', ylabel='correlation wake – alternating', title='Following the stimulus')
    ax.legend()


def sp_scatter(ax, run):
    """Unit 1 in wake against unit 1 in the alternating run, times 0..999."""
    meta, d = run
    ax.plot(unit(d['wake_sequence'][:1000], 1), unit(d['wake_sleep_sequence'][:1000], 1), '.', ms=3, color=COLOURS['il'])
    ax.set(xlabel='wake', ylabel='alternating', title=f'Unit 1, phase of {meta["params"]["switch_period"] + 1} steps')


# ---------------------------------------------------------------- extra figures

def over_seeds(ax, runs, parameter, name):
    """One number of each run against a parameter: mean over seeds with its 95 % interval."""
    groups = {}
    for meta, d in finite(runs):
        groups.setdefault(meta['params'][parameter], []).append(float(d[name]))
    x = sorted(groups)
    means, halves = zip(*(interval(groups[value]) for value in x), strict=True)
    ax.errorbar(x, means, None if None in halves else halves, fmt='o-', capsize=3)
    n = len(groups[x[0]])
    ax.set_title('Mean, 95 %, ' * (n > 1) + f'n = {n} seed' + 's' * (n > 1))


def loss_curves(ax, runs, name, title):
    """loss_mean of many runs, coloured by the parameter `name` (log colour bar for rates); diverged runs are counted."""
    from matplotlib import cm, colors
    values = [meta['params'][name] for meta, _ in runs]
    scale = colors.LogNorm if name == 'learning_rate' else colors.Normalize
    colour = cm.ScalarMappable(scale(min(values), max(values)), 'viridis')
    lost = [value for value, (meta, _) in zip(values, runs, strict=True) if meta['diverged_at'] >= 0]
    for value, (meta, d) in zip(values, runs, strict=True):
        if meta['diverged_at'] < 0:
            ax.plot(d['loss_mean'], color=colour.to_rgba(value))
    note = f'; {len(lost)} diverged\n({min(lost):.0e} to {max(lost):.0e})' if lost else ''
    ax.set(xlabel='snapshot (5 % of training)', ylabel='test loss', yscale='log', title=title + note)
    ax.figure.colorbar(colour, ax=ax, label={'dt': 'dt', 'learning_rate': 'learning rate'}[name])
