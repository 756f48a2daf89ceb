"""Impression learning: panels of recorded stimuli: spoken digits and other recordings (Fig. 4), and images of digits."""
import numpy as np

from impression_learning import analysis
from impression_learning.plot_panels import COLOURS, LABELS, reproduction, test_stimulus, unit

HEARD = 85                # mel bands below 4 kHz: the spoken digits were recorded at 8 kHz, above is nothing
BANDS = 128


def mel(frequency):
    """Slaney's mel scale: linear below 1000 Hz, logarithmic above."""
    frequency = np.asarray(frequency, float)
    return np.where(frequency < 1000, 3 * frequency / 200, 15 + 27 * np.log(np.maximum(frequency, 1000) / 1000) / np.log(6.4))


def band_of(frequency):
    """Place of a frequency (Hz) on the axis of 128 mel bands, 0 .. 11,025 Hz, whose centres are equally spaced in mel."""
    return (BANDS + 1) * mel(frequency) / mel(11_025) - 1


def shown(run):
    """(number of channels to show, name of the axis)."""
    p = run[0]['params']
    if p['data'] == 'spoken_digits':
        return HEARD, 'frequency (Hz)'
    return p['n_in'], 'frequency (Hz)' if is_sound(run) else 'channel'


def is_sound(run):
    """True if the stimulus is a spectrogram (its scale in dB is kept with the result)."""
    return 'test_scale_db' in run[1]


def level(run, X):
    """Values of the stimulus: dB below the maximum of the file for spectrograms, else as they are."""
    return X * float(run[1]['test_scale_db']) - 80 if is_sound(run) else X


def spectrogram(ax, run, X, title, limits=None):
    """Frames across, channels upwards; mel bands with the frequencies at their places."""
    n, name = shown(run)
    picture = ax.imshow(level(run, X)[:, :n].T, origin='lower', aspect='auto', cmap='magma', **(limits or {}))
    if is_sound(run):
        ticks = [f for f in (250, 500, 1000, 2000, 4000, 8000) if band_of(f) <= n]
        ax.set_yticks(band_of(ticks), list(map(str, ticks)))
    ax.set(xlabel='frame', ylabel=name, title=title)
    return picture


def common_colours(run, *sequences):
    """Limits of the colours of several spectrograms."""
    values = level(run, np.concatenate(sequences))[:, :shown(run)[0]]
    return {'vmin': values.min(), 'vmax': values.max()}


def vocal_reproduction(axes, runs):
    """[vocal_reproduction] First 18 test frames, bands that were heard: data and reproduction in wake, common colours."""
    run = runs[0]
    X, Y = test_stimulus(run[1])[:18], reproduction(run[1], run[1]['wake_sequence'])[:18]
    limits = common_colours(run, X, Y)
    spectrogram(axes[0], run, X, 'Data', limits)
    picture = spectrogram(axes[1], run, Y, 'Reproduction in wake', limits)
    axes[1].figure.colorbar(picture, ax=axes[1], label='dB' if is_sound(run) else None)


def vocal_loss(ax, runs):
    """[vocal_loss_fig] Test loss through training, log scale: a line a run."""
    rules = [(meta['params']['algorithm'] == 'wake_sleep', meta['params']['released_code']) for meta, _ in runs]
    for i, (meta, d) in enumerate(runs):
        p, n = meta['params'], rules.count(rules[i])
        rule = 'il' if rules[i][0] else 'released' if p['released_code'] else 'corrected'
        style, more = ('o--', ', released rule') if rules[i] == (True, True) else ('o-', '')
        label = None if rules[i] in rules[:i] else LABELS[rule] + more + (f', {n} seeds' if n > 1 else '')
        if 'loss_mean' in d:
            epochs = np.linspace(0, p['epoch_num'], len(d['loss_mean']), endpoint=False)
            ax.plot(epochs, d['loss_mean'], style, ms=3, color=COLOURS[rule], label=label)
        else:
            ax.plot([], [], color=COLOURS[rule], label=f'{LABELS[rule]}: diverged at step {meta["diverged_at"]}')
    ax.set(xlabel='epochs', ylabel='test loss', yscale='log', title='Loss through training')
    ax.legend(loc='upper center', fontsize='x-small', bbox_to_anchor=(0.55, 0.9))


def vocal_correlations(axes, runs):
    """[vocal_gen_comparison_fig] Channel correlation matrices of test data and generated activity."""
    run = runs[0]
    n, d = shown(run)[0], run[1]
    generated = reproduction(d, d['gen_sim'][0])
    for ax, X in ((axes[0], test_stimulus(d)), (axes[1], generated)):
        picture = ax.imshow(analysis.channel_correlations(X[:, :n]), origin='lower', vmin=-1, vmax=1, cmap='RdBu_r')
        ax.set(xlabel='channel', ylabel='channel', title='Data: channel correlations')
    axes[1].figure.colorbar(picture, ax=axes[1], shrink=0.8, label='correlation')
    axes[1].set_title(f'Generated; cosine {float(d["correlation_matrix_cosine"]):.4f}')


def vocal_generated(ax, runs):
    """[vocal_gen_fig] 30 generated frames, in the colours of the reproduction."""
    run = runs[0]
    start = min(4340, max(0, len(run[1]['gen_sim'][0]) - 30))
    X = reproduction(run[1], run[1]['gen_sim'][0])[start:start + 30]
    data = test_stimulus(run[1])[:18], reproduction(run[1], run[1]['wake_sequence'])[:18]
    picture = spectrogram(ax, run, X, 'Generated', common_colours(run, *data))
    ax.figure.colorbar(picture, ax=ax, label='dB' if is_sound(run) else None)


def vocal_acf(ax, runs):
    """[vocal_acf_fig] Autocorrelation of unit 5 in wake and generated, lags 0-40."""
    d = runs[0][1]
    for sequence, label, colour in ((d['wake_sequence'], 'wake', COLOURS['il']),
                                    (d['gen_sim'][0], 'generated', COLOURS['reinforce'])):
        series = unit(sequence, 5)
        ax.plot(analysis.autocorrelation(series, min(40, len(series) - 1)), 'o', color=colour, label=label)
    ax.axhline(0, color='k', lw=0.5)
    ax.set(xlabel='lag (frames)', ylabel='autocorrelation', title='Unit 5')
    ax.legend()


def digits(axes, runs):
    """Test images and their reproductions in wake (at the last step of each); one free-running simulation."""
    meta, d = runs[0]
    p = meta['params']
    side = int(np.sqrt(p['n_in']))
    shape = (side, side) if side * side == p['n_in'] else (1, p['n_in'])
    repeat = min(p['repeat_length'], len(d['wake_sequence']))
    last = slice(repeat - 1, None, repeat)
    rows = (test_stimulus(d)[last], reproduction(d, d['wake_sequence'])[last], reproduction(d, d['gen_sim'][0])[::5])
    for ax, images, title in zip(axes, rows, ('Test images', 'Reproduction in wake', 'Generated, every 5th step'), strict=True):
        canvas = np.zeros((10, *shape))
        canvas[:len(images[:10])] = images[:10].reshape(-1, *shape)
        ax.imshow(np.hstack(canvas), cmap='gray_r', vmin=0, vmax=1)
        ax.set_title(title)
        ax.set_axis_off()
