"""Dendritic microcircuits: panels of the notebooks' demonstrations, each on an axis, from a finished run (meta, arrays)."""
import numpy as np

from microcircuits.plot_panels import LAYERS, cosine, has


def path_up(meta, d, layer):
    """What B of a hidden layer (from 1) should follow, before it is transposed (records, n_up, n_layer).

    Layered: W of the layer above. Skip connections, from the output: the path W_N .. W_{layer+1}.
    """
    p, up = meta['params'], d[f'WPP_{layer + 1}']
    if p['connection'] == 'skip' and p['model_type'] != 'PAL':
        for above in range(layer + 2, len(p['layers'])):
            up = d[f'WPP_{above}'] @ up
    return up


def recorded(ax, run):
    """True if the run holds what the panels here need; else the panel says what is not there."""
    N = len(run[0]['params']['layers']) - 1
    return has(ax, [run], *(f'BPP_{i}' for i in range(1, N)), *(f'WPP_{i}' for i in range(2, N + 1)))


def times(meta, n):
    """Time (ms) of n records."""
    return (np.arange(n) + 1) * meta['params']['rec_per_steps'] * meta['params']['dt']


def demonstration(ax, run):
    """Cosines of B with W^T and pinv(W), and of the interneuron weights with those they should mirror, layer by layer."""
    meta, d = run
    p = meta['params']
    if not recorded(ax, run):
        return
    hidden, time = len(p['layers']) - 2, times(meta, len(d['BPP_1']))
    for i in range(1, hidden + 1):
        B, W, place = d[f'BPP_{i}'], path_up(meta, d, i), f', layer {i}' if hidden > 1 else ''
        style = ('-', '--', ':')[(i - 1) % 3]                    # colour: what is compared; line: the layer
        ax.plot(time, cosine(B, W.transpose(0, 2, 1)), ls=style, color=LAYERS[0], label=f'B, W$^T${place}')
        if p['model_type'] == 'DTPDRL':
            ax.plot(time, cosine(B, np.linalg.pinv(W)), ls=style, color=LAYERS[4], label=f'B, W$^+${place}')
        if f'BPI_{i}' in d:
            ax.plot(time, cosine(d[f'BPI_{i}'], -B), ls=style, color=LAYERS[1], label=f'B$^I$, −B{place}', lw=1)
        if f'WIP_{i}' in d:                        # skip connections: one matrix, from the last hidden layer
            above, which = (i, place) if 'WIP_2' in d else (hidden, '')
            ax.plot(time, cosine(d[f'WIP_{i}'], d[f'WPP_{above + 1}']), ls=style, color=LAYERS[2], lw=1,
                    label=f'W$^I$, W{which}')
        if f'epsilon_LO_{i}' in d:
            ax.plot(time, d[f'epsilon_LO_{i}'], ls=style, color='k', lw=0.8, label=f'ε{place}')
    ax.set(xlabel='time (ms)', ylabel='cosine', title=f'{meta["mode"]}: {p["model_type"]}', ylim=(-1.05, 1.05))
    ax.legend(fontsize=8 if hidden == 1 else 6)


def entries(ax, run):
    """Entries of B of the first hidden layer (lines) and of W^T (of the path up), scaled to B's length (dashed)."""
    meta, d = run
    if not recorded(ax, run):
        return
    B, W = d['BPP_1'], path_up(meta, d, 1).transpose(0, 2, 1)
    time, scale = times(meta, len(B)), np.linalg.norm(B[-1]) / np.linalg.norm(W[-1])
    for i in range(min(B[0].size, 6)):
        colour = LAYERS[i % 5]
        ax.plot(time, B.reshape(len(B), -1)[:, i], color=colour, lw=1)
        ax.plot(time, scale * W.reshape(len(W), -1)[:, i], color=colour, lw=1, ls='--')
    ax.set(xlabel='time (ms)', ylabel='weight', title=f'{meta["mode"]}: B, and W$^T$ scaled (dashed)')
