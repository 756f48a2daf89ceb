"""Impression learning: the panels of the figures, each drawn on an axis from the arrays of finished runs.

A run is a pair (meta, arrays) as loaded by common.load_result; names in brackets are the released program's.
"""
import numpy as np

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


def mean_and_sem(values):
    """Mean and standard error over the first axis (zeros for a single run)."""
    values = np.asarray(values)
    sem = values.std(axis=0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.zeros(values.shape[1:])
    return values.mean(axis=0), sem


def curve(ax, values, label=None, colour=None, **style):
    """Mean over runs with a band of one standard error."""
    mean, sem = mean_and_sem(values)
    line, = ax.plot(mean, label=label, color=colour, **style)
    ax.fill_between(np.arange(len(mean)), mean - sem, mean + sem, color=line.get_color(), alpha=0.25, lw=0)


def test_stimulus(d):
    """X (T, n_0) of the test set."""
    return d['data_latent_test'] @ d['mixing_matrix'].T if 'data_latent_test' in d else d['data_test'].astype(float)


def reproduction(d, sequence):
    """W_out^0 r: what the network makes of the stimulus from its layer-1 activity."""
    W_out = d['final_l0_W_out']
    return sequence[:, :W_out.shape[1]] @ W_out.T


def seeds(runs):
    """'n = 3 seeds' for the titles."""
    return f'n = {len(runs)} seed{"s" if len(runs) > 1 else ""}'


# ---------------------------------------------------------------- Fig. 1

def loss(ax, runs, name='loss_mean'):
    """[loss] Test loss through training."""
    curve(ax, stack(runs, name) / 1000, colour=COLOURS['il'], marker='o')
    ax.set(xlabel='snapshot (5 % of training)', ylabel=r'test loss ($10^3$)', ylim=(0, None), title=f'Loss, {seeds(runs)}')


def io_trace(ax, runs):
    """[io_trace] Channel 1 of the data and of its reproduction in wake."""
    d = runs[0][1]
    ax.plot(test_stimulus(d)[:200, 1], color=COLOURS['data'], lw=2.4, label='stimulus')
    ax.plot(reproduction(d, d['wake_sequence'])[:200, 1], color=COLOURS['il'], lw=1.2, label=r'$W_{out} r$')
    ax.set(xlabel='time (steps)', ylabel='channel 1', ylim=(-0.5, 0.5), title='Reproduction in wake')
    ax.legend()


def io_plot(ax, runs):
    """[io_plot] True against predicted, every 5th channel and 19th step of the first 1000."""
    d = runs[0][1]
    X, Y = test_stimulus(d)[:1000:19, ::5], reproduction(d, d['wake_sequence'])[:1000:19, ::5]
    ax.plot([-1, 1], [-1, 1], color='k', lw=0.8)
    ax.plot(X.ravel(), Y.ravel(), '.', ms=3, color=COLOURS['il'])
    ax.set(xlabel='true', ylabel='predicted', xlim=(-1, 1), ylim=(-1, 1), title=f'$R^2$ = {float(d["R2"]):.4f}')


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
    ax.set(xlabel='lag (steps)', ylabel='autocorrelation', ylim=(-0.3, 1.02), title='Unit 0, with 95 % bands')
    ax.legend()


def phases(ax, runs, window=(0, 400), unit=1, ylim=None, title=None):
    """One unit in the alternating and in the pure wake run (same noise)."""
    meta, d = runs[0]
    b = min(window[1], len(d['wake_sequence']))
    a = max(0, b - window[1] + window[0])
    unit = min(unit, d['wake_sequence'].shape[1] - 1)
    ax.plot(np.arange(a, b), d['wake_sequence'][a:b, unit], color=COLOURS['data'], lw=2.2, label='wake')
    ax.plot(np.arange(a, b), d['wake_sleep_sequence'][a:b, unit], color=COLOURS['il'], lw=1.0, label='alternating')
    ax.set(xlabel='time (steps)', ylabel=f'unit {unit}', ylim=ylim,
           title=title or f'Phases, correlation {float(d["wake_sleep_correlation"]):.3f}')
    ax.legend(ncols=2, loc='lower right')


def latents(ax, runs):
    """Learned transition diagonal against the truth 1 - dt/4."""
    for _, d in runs:
        top = max(int(name[7:].split('_')[0]) for name in d if name.startswith('final_l') and name.endswith('_transition'))
        ax.plot(np.sort(d[f'final_l{top}_transition']), '.-', color=COLOURS['il'], lw=0.6)
    ax.axhline(1 - runs[0][0]['params']['dt'] / 4, color=COLOURS['data'], ls='--', lw=1, label='true 1 − dt/4')
    ax.set(xlabel='unit (sorted)', ylabel='transition $a_i$', title=f'Learned dynamics, {seeds(runs)}', ylim=(0.955, 0.985))
    ax.legend()


# ---------------------------------------------------------------- Fig. 2

def cosine_similarity(ax, runs, rules=('corrected',)):
    """[cosine_similarity_fig_snr] Cosine of the mean W_in update with that of impression learning."""
    for rule in rules:
        curve(ax, stack(runs, f'cosine_{rule}'), LABELS[rule], COLOURS[rule])
    ax.axhline(0, color='k', lw=0.6)
    ax.set(xlabel='snapshot (5 % of training)', ylabel='cosine with impression learning',
           ylim=(-1 if len(rules) > 1 else 0, 1.02), title=f'Similarity of mean updates, {seeds(runs)}')
    ax.legend()


def dot_product(ax, runs, rules=('corrected',)):
    """Unnormalised similarity: dot product of the mean updates."""
    il = stack(runs, 'mean_il')
    for rule in rules:
        curve(ax, (il * stack(runs, f'mean_{rule}')).sum(axis=(2, 3)), LABELS[rule], COLOURS[rule])
    ax.set(xlabel='snapshot (5 % of training)', ylabel='dot product', title='Unnormalised similarity')
    ax.legend()


def norms(ax, runs, rules=('il', 'corrected')):
    """[norm_ws_bp_snr] Norm of the mean update, each rule with its own s.e.m."""
    for rule in rules:
        curve(ax, np.sqrt((stack(runs, f'mean_{rule}') ** 2).sum(axis=(2, 3))), LABELS[rule], COLOURS[rule])
    ax.set(xlabel='snapshot (5 % of training)', ylabel='norm of the mean update', ylim=(0, None), title='Norms')
    ax.legend()


def snr(ax, runs, rules=('il', 'corrected')):
    """[snr_fig] Mean over weights of mean^2 / variance of the update, log scale."""
    for rule in rules:
        curve(ax, stack(runs, f'snr_{rule}').mean(axis=(2, 3)), LABELS[rule], COLOURS[rule])
    ax.set(xlabel='snapshot (5 % of training)', ylabel='signal to noise ratio of the update', yscale='log',
           title=f'SNR, {seeds(runs)}, {runs[0][0]["params"]["epoch_num_snr"] * runs[0][0]["params"]["scale"]:.0e} repeats')
    ax.legend()


def dimensionality(ax, runs):
    """Mean loss of the pure-wake test against the number of input channels: all rules under one loss (D11)."""
    shown = {}
    for meta, d in finite(runs):
        p = meta['params']
        rule = {'wake_sleep': 'il', 'reinforce': 'reinforce', 'backprop': 'backprop'}[p['algorithm']]
        value = d['wake_loss'] if 'wake_loss' in d else d['loss_test']
        shown.setdefault(rule, []).append((p['n_in'], float(value)))
    for rule, points in shown.items():
        x, y = np.array(sorted(points)).T
        ax.plot(x, y, 'o-', color=COLOURS[rule], label=LABELS[rule])
    released = runs[0][0]['params']['released_code']
    ax.set(xlabel='input channels', ylabel='wake loss of the final network', xscale='log',
           title='Final loss against dimension' + (', as released' if released else ''))
    ax.set_yscale('symlog', linthresh=10)
    ax.set_ylim(-100, 5e4)
    ax.set_xticks([4, 8, 16, 32, 64], ['4', '8', '16', '32', '64'])
    ax.minorticks_off()
    ax.axhline(0, color='k', lw=0.5)
    ax.legend()


# ---------------------------------------------------------------- Fig. 3

def sp_loss(ax, runs):
    """[sp_loss] Wake test loss through training for the shortest and the longest phase."""
    for run, colour in zip((runs[0], runs[-1]), (COLOURS['il'], COLOURS['reinforce']), strict=True):
        ax.plot(run[1]['loss_mean'], 'o-', color=colour, label=f'phase of {run[0]["params"]["switch_period"] + 1} steps')
    ax.set(xlabel='snapshot (5 % of training)', ylabel='wake test loss', yscale='log', title='Loss through training')
    ax.legend()


def sp_corr(ax, runs, published=()):
    """[sp_corr] Correlation of wake and alternating activity against the phase duration K + 1."""
    period = [meta['params']['switch_period'] + 1 for meta, _ in runs]
    if len(published) == len(period):
        ax.plot(period, published, 's', mfc='none', color=COLOURS['data'], ms=8, label='released program')
    ax.plot(period, [float(d['wake_sleep_correlation']) for _, d in runs], 'o-', color=COLOURS['il'], label='ours')
    ax.set(xlabel='phase duration (steps)', ylabel='correlation wake – alternating', ylim=(0.5, 1),
           title='Following the stimulus')
    ax.legend()


def sp_scatter(ax, runs, which=0):
    """Unit 1 in wake against unit 1 in the alternating run, times 0..999."""
    meta, d = runs[which]
    ax.plot(d['wake_sequence'][:1000, 1], d['wake_sleep_sequence'][:1000, 1], '.', ms=3, color=COLOURS['il'])
    ax.set(xlabel='wake', ylabel='alternating', title=f'Unit 1, phase of {meta["params"]["switch_period"] + 1} steps')


# ---------------------------------------------------------------- Fig. 4

def decibel(d, X):
    """Normalised spectrogram values as dB below the file's maximum."""
    return X * float(d['test_scale_db']) - 80


def spectrogram(ax, image, title, limits=None):
    """Frames across, mel bands upwards, with rounded frequencies."""
    picture = ax.imshow(image.T, origin='lower', aspect='auto', cmap='magma', **(limits or {}))
    ax.set_yticks([0, 20, 40, 60, 80], ['0', '500', '1100', '1800', '3100'])
    ax.set(xlabel='frame', ylabel='frequency (Hz)', title=title)
    return picture


def vocal_reproduction(axes, runs):
    """[vocal_reproduction] First 18 test frames, mel bands 0-84: data and reproduction in wake, common colours."""
    d = runs[0][1]
    image = decibel(d, reproduction(d, d['wake_sequence'])[:18, :85])
    limits = {'vmin': image.min(), 'vmax': image.max()}
    spectrogram(axes[0], decibel(d, test_stimulus(d)[:18, :85]), 'Data (dB)', limits)
    picture = spectrogram(axes[1], image, 'Reproduction (dB)', limits)
    axes[1].figure.colorbar(picture, ax=axes[1])


def vocal_loss(ax, runs):
    """[vocal_loss_fig] Test loss at the start of each epoch, log scale."""
    for meta, d in runs:
        p = meta['params']
        rule = 'il' if p['algorithm'] == 'wake_sleep' else 'released' if p['released_code'] else 'corrected'
        style, more = ('o--', ', released rule') if rule == 'il' and p['released_code'] else ('o-', '')
        if 'loss_mean' in d:
            ax.plot(np.arange(1, len(d['loss_mean']) + 1), d['loss_mean'], style, ms=3, color=COLOURS[rule],
                    label=LABELS[rule] + more)
        else:
            ax.plot([], [], color=COLOURS[rule], label=f'{LABELS[rule]}: diverged at step {meta["diverged_at"]}')
    ax.set(xlabel='epoch', ylabel='test loss', yscale='log', ylim=(1e5, 3.5e6), title='Loss through training')
    ax.legend(loc='center right', bbox_to_anchor=(1.02, 0.66), handlelength=1.2)


def vocal_correlations(axes, runs):
    """[vocal_gen_comparison_fig] Channel correlation matrices (85 x 85) of test data and generated activity."""
    d = runs[0][1]
    generated = reproduction(d, d['gen_sim'][0])
    for ax, X, title in ((axes[0], test_stimulus(d), 'Data'), (axes[1], generated, 'Generated')):
        picture = ax.imshow(analysis.channel_correlations(X[:, :85]), origin='lower', vmin=0, vmax=1)
        ax.set(xlabel='mel band', ylabel='mel band', title=f'{title}: channel correlations')
    axes[1].figure.colorbar(picture, ax=axes[1])
    axes[1].set_title(f'Generated; cosine {float(d["correlation_matrix_cosine"]):.4f}')


def vocal_generated(ax, runs):
    """[vocal_gen_fig] 30 generated frames, 85 bands."""
    d = runs[0][1]
    start = min(4340, max(0, len(d['gen_sim'][0]) - 30))
    spectrogram(ax, decibel(d, reproduction(d, d['gen_sim'][0])[start:start + 30, :85]), 'Generated (dB)')


def vocal_acf(ax, runs):
    """[vocal_acf_fig] Autocorrelation of unit 5 in wake and generated, lags 0-40."""
    d = runs[0][1]
    for sequence, label, colour in ((d['wake_sequence'], 'wake', COLOURS['il']),
                                    (d['gen_sim'][0], 'generated', COLOURS['reinforce'])):
        ax.plot(analysis.autocorrelation(sequence[:, 5], 40), 'o', color=colour, label=label)
    ax.set(xlabel='lag (frames)', ylabel='autocorrelation', title='Unit 5')
    ax.legend()


# ---------------------------------------------------------------- extra figures

def loss_curves(ax, runs, name, title):
    """loss_mean of many runs, coloured by the parameter `name` (log colour bar for rates); diverged runs are counted."""
    from matplotlib import cm, colors
    values = [meta['params'][name] for meta, _ in runs]
    scale = colors.LogNorm if max(values) / min(values) > 1000 else colors.Normalize
    colour = cm.ScalarMappable(scale(min(values), max(values)), 'viridis')
    lost = [value for value, (meta, _) in zip(values, runs, strict=True) if meta['diverged_at'] >= 0]
    for value, (meta, d) in zip(values, runs, strict=True):
        if meta['diverged_at'] < 0:
            ax.plot(d['loss_mean'], color=colour.to_rgba(value))
    note = f'; {len(lost)} diverged\n({min(lost):.0e} to {max(lost):.0e})' if lost else ''
    ax.set(xlabel='snapshot (5 % of training)', ylabel='test loss', yscale='log', title=title + note)
    ax.figure.colorbar(colour, ax=ax, label={'dt': 'dt', 'learning_rate': 'learning rate'}[name])


def digits(axes, runs):
    """MNIST: test images and their reproductions in wake; one free-running simulation."""
    meta, d = runs[0]
    steps = slice(meta['params']['repeat_length'] - 1, None, meta['params']['repeat_length'])
    rows = (test_stimulus(d)[steps], reproduction(d, d['wake_sequence'])[steps], reproduction(d, d['gen_sim'][0])[::5])
    for ax, images, title in zip(axes, rows, ('Test images', 'Reproduction in wake', 'Generated, every 5th step'), strict=True):
        ax.imshow(np.hstack([image.reshape(28, 28) for image in images[:10]]), cmap='gray_r', vmin=0, vmax=1)
        ax.set_title(title)
        ax.set_axis_off()
