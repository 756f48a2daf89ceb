"""R-STDP on MNIST: what neurons prefer, drawn back into input space; the figure of classified pictures."""
import numpy as np

from common.figures import style
from rstdp_mnist import encoding
from rstdp_mnist.plot_panels import picture


def grown(patches, weight, stride):
    """Patches of a convolution's maps: at each tap the strongest of its weighted input patches.

    patches (c, n, n), weight (f, c, K, K) -> (f, n + (K - 1) stride, ...)
    """
    n, side = patches.shape[1], weight.shape[2]
    size = n + (side - 1) * stride
    out = np.zeros((len(weight), size, size))
    for f, w in enumerate(weight):
        for i in range(side):
            for j in range(side):
                tap = (w[:, i, j, None, None] * patches).max(axis=0)
                out[f, i * stride:i * stride + n, j * stride:j * stride + n] += tap
    return out


def pooled(patches, window, stride):
    """Patches centred in the field of a pooled cell. (f, n, n) -> (f, n + (window - 1) stride, ...)"""
    n = patches.shape[1]
    size = n + (window - 1) * stride
    out, at = np.zeros((len(patches), size, size)), size // 2 - n // 2
    out[:, at:at + n, at:at + n] = patches
    return out


def summed(patches, weight, stride):
    """As `grown`, with the sum of the weighted input patches at each tap: linear in the weights."""
    n, side = patches.shape[1], weight.shape[2]
    size = n + (side - 1) * stride
    out = np.zeros((len(weight), size, size))
    for i in range(side):
        for j in range(side):
            out[:, i * stride:i * stride + n, j * stride:j * stride + n] += np.tensordot(weight[:, :, i, j], patches, 1)
    return out


def reconstructed(p, weights, maps_3):
    """What the maps of S1, S2 prefer in input space, none negative; of some maps of S3 the difference from the mean map."""
    S1 = grown(encoding.dog_kernels(p).astype(float), weights[0], 1)
    one, two = p.pool
    S2 = grown(pooled(S1, one, 1), weights[1], one)
    S1, S2 = np.maximum(S1, 0), np.maximum(S2, 0)
    return S1, S2, summed(pooled(S2, two, one), weights[2][maps_3] - weights[2].mean(axis=0), one * two)


def centre(p, y):
    """Place in the image, in pixels, of a neuron in row (or column) y of layer 3: through pools, kernels and paddings back."""
    y = y * p.pool[1] + (p.pool[1] - 1) / 2 + (p.kernel_size[1] - 1) / 2 - p.padding[1]
    return y * p.pool[0] + (p.pool[0] - 1) / 2 + (p.kernel_size[0] - 1) / 2 - p.padding[0]


def classified(p, weights, pictures, prepared, found):
    """Pictures [(text, image), ...], as the network sees them, and the features of winner and runner-up over them.

    p, weights: the network; prepared (n, 28, 28) uint8; found: of classify.classify. -> figure
    """
    plt = style()
    figure, axes = plt.subplots(len(pictures), 4, figsize=(9, 2.3 * len(pictures)), squeeze=False)
    names = '', 'as MNIST', 'winner', 'runner-up'
    for i, (row, (text, image)) in enumerate(zip(axes, pictures, strict=True)):
        picture(row[0], image, shown(text.replace(': ', '\n')), vmin=None, vmax=None)
        row[0].title.set(fontsize=9, parse_math=False)
        for ax, name in zip(row[1:], names[1:], strict=True):
            picture(ax, prepared[i] / 255, name if i == 0 else '')
        for ax, neuron in zip(row[2:], (found['winner'][i], found['second'][i]), strict=True):
            if neuron[0] >= 0:
                patch = reconstructed(p, [w.astype(float) for w in weights], neuron[:1])[2][0]
                y, x, half = centre(p, neuron[1]), centre(p, neuron[2]), len(patch) / 2
                span = max(np.abs(patch).max(), 1e-12)
                place = x - half, x + half, y + half, y - half
                ax.imshow(patch, cmap='RdBu_r', vmin=-span, vmax=span, alpha=0.6, extent=place)
                ax.set(xlim=(-0.5, 27.5), ylim=(27.5, -0.5))
    return figure


def shown(text):
    """A text that every figure can show: what its font lacks, and bytes of a file's name that are no text, become ?."""
    from matplotlib.font_manager import findfont, get_font
    known = get_font(findfont('DejaVu Serif')).get_charmap()
    return ''.join(c if c == '\n' or ord(c) in known else '?' for c in text)


def most_selective(weight, n_classes, n):
    """The n maps of each class whose weights differ most: first the best of every class, then the second, ..."""
    spread = weight.reshape(n_classes, -1, weight[0].size).std(axis=2)
    ranked = np.argsort(-spread, axis=1)[:, :n] + np.arange(n_classes)[:, None] * spread.shape[1]
    return ranked.T.ravel()


def mosaic(patches, columns, gap=1, scale=True):
    """Patches side by side as one image, each scaled to 0 .. 1 (or as they are), with gaps of nan."""
    scaled = patches / np.maximum(patches.max(axis=(1, 2), keepdims=True), 1e-12) if scale else patches
    rows, n = -(-len(patches) // columns), patches.shape[1] + gap
    out = np.full((rows * n - gap, columns * n - gap), np.nan)
    for i, patch in enumerate(scaled):
        y, x = divmod(i, columns)
        out[y * n:y * n + n - gap, x * n:x * n + n - gap] = patch
    return out
