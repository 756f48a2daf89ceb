"""What is on these pictures: python -m rstdp_mnist.classify images/*.png [network=FILE] [which=best]

Pictures of any size, dark on light or light on dark (.png, .jpg, .npy, .npz, idx files, folders of them), one digit each, are
cropped, scaled and centred as MNIST is (28 x 28 pixels with a black border are taken as they are). What of a folder or a file
is left out, and grey values that are scaled (16 bits, 0 .. 1), are named. Prints the class of each, its margin (how much
stronger than the strongest neuron of any other class) and the runner-up, and draws the features that won over the picture;
with labels (.npz, idx) also a confusion table. network: a result of simulation.py; default: a published one.
"""
import sys
from pathlib import Path

import numpy as np

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from common import figures
from common.results import demand_writable
from common.script import one_line
from common.words import apart, command_words
from rstdp_mnist import classify_images as images
from rstdp_mnist import encoding, evaluate, features
from rstdp_mnist.simulation import decider

NETWORK = Path(__file__).parent / 'published' / 'network_beyond.npz'
SMALLEST = 8                            # pixels: scikit-learn's digits
SHOWN = 12                              # pictures in the figure


def prepared(name, image):
    """A picture as the network wants it: (28, 28) uint8. Raises ValueError with its name."""
    if image.ndim != 2 or 0 in image.shape:
        raise ValueError(f'{name}: a picture of {" x ".join(map(str, image.shape))} pixels is empty')
    if min(image.shape) < SMALLEST:
        size = ' x '.join(map(str, image.shape))
        raise ValueError(f'{name}: {size} pixels show no digit; {SMALLEST} x {SMALLEST} is the least')
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    if image.shape == (images.SIZE, images.SIZE) and image.max() > 1 and image.min() >= 0 and np.median(border) == 0:
        return np.minimum(image, 255).astype(np.uint8)
    try:
        return images.as_mnist(image)
    except ValueError as error:
        raise ValueError(f'{name}: {error}') from error


def classify(p, weights, pictures):
    """Decide on pictures (n, 28, 28) uint8. -> dict of arrays with n rows: decision, runner_up (-1: none), margin,
    winner, second (map, row, column of the two neurons)"""
    latency = encoding.encode(pictures, p)
    counts = features.c2_spikes(p, latency, weights[0], weights[1])
    net = decider(p, weights[2])
    decision, winner, V = net.present(counts)
    off = np.arange(p.n_maps[2]) // (p.n_maps[2] // p.n_classes) == decision[:, None]        # the winner's class
    runner_up, second, V_2 = net.present(counts, off=off)
    margin = np.divide(V, V_2, out=np.full(len(V), np.inf), where=V_2 > 0) - 1
    return {'decision': decision, 'runner_up': runner_up, 'margin': margin, 'winner': winner, 'second': second}


def line(name, found, i, label):
    """One picture in one line."""
    if found['decision'][i] < 0:
        text = 'silent: no neuron fires'
    else:
        text = f'{found["decision"][i]}, margin {100 * found["margin"][i]:.1f} %, then {found["runner_up"][i]}'
    return f'{name}: {text}' + ('' if label is None else f' (label {label})')


def main(words):
    """Command line. -> the figure's path"""
    words, own = apart(words, 'network', 'which')
    if not words:
        raise ValueError('name pictures: python -m rstdp_mnist.classify images/*.png')
    unknown = [word for word in words if '=' in word and not Path(word).exists()]
    if unknown:
        raise ValueError(f'{unknown[0]}: no file, and no word of this script (network=FILE, which=last, best or slow)')
    p, weights = evaluate.load(own['network'] or NETWORK, (), own['which'] or 'last')
    if p.class_map != 'by_map' or p.image_size != images.SIZE:
        raise ValueError(f'{own["network"]}: class_map={p.class_map}, data={p.data} of {p.image_size} x {p.image_size} pixels; '
                         f'a network of grey pictures of {images.SIZE} x {images.SIZE} pixels with maps for classes is needed')
    demand_writable(figures.FIGURES / 'rstdp_mnist')
    given = images.read(words)
    known = np.array([i for i, (_, _, label) in enumerate(given) if label is not None], int)
    labels = np.array([given[i][2] for i in known], int)
    if len(known) and not 0 <= labels.min() <= labels.max() < p.n_classes:
        raise ValueError(f'labels {labels.min()} .. {labels.max()}: this network knows 0 .. {p.n_classes - 1}')
    pictures = np.stack([prepared(name, image) for name, image, _ in given])
    for (name, _, _), picture in zip(given, pictures, strict=True):
        encodable(p, name, picture)
    found = classify(p, weights, pictures)
    for i, (name, _, label) in enumerate(given):
        print(line(name, found, i, label))
    if len(known):
        decision = found['decision'][known]
        print(f'{len(known)} with labels: {100 * (decision == labels).mean():.2f} % right')
        print(evaluate.table(evaluate.confusion(p, labels, decision)))
    from rstdp_mnist.plot_features import classified
    figure = classified(p, weights, [(line(Path(name).name, found, i, label), image) for i, (name, image, label)
                                     in enumerate(given[:SHOWN])], pictures, found)
    return figures.save_figure(figure, 'rstdp_mnist', figure_name(words, own))


def figure_name(words, own):
    """classify_<first picture>-<six digits (hex) of all pictures' places and the network>: no two commands share it."""
    told = [*(images.named(Path(word).resolve()) for word in words), *(f'{k}={v}' for k, v in own.items())]
    stem = images.named(Path(words[0]).resolve().stem).replace('.', '_')[:60]       # .: an ending would be cut at it
    return f'classify_{stem}-{figures.digits(told)}'


def encodable(p, name, picture):
    """Raise ValueError with the picture's name if it has too few responses for its time bins."""
    try:
        encoding.encode(picture[None], p)
    except ValueError as error:
        raise ValueError(f'{name}: {error}') from error


if __name__ == '__main__':
    with one_line('rstdp_mnist'):
        given_words = command_words('rstdp_mnist')
        if any(w in ('-h', '--help') for w in given_words):
            print(__doc__)
        else:
            main(given_words)
