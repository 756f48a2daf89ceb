"""Can a reservoir supply the third factor? The claim of the paper's abstract, which the released program does not test.

    python biohsic/equations_closed_loop.py [networks]      XOR, a minute for ten networks

A 2-10-4-2 network learns XOR by the three-factor rule (equations.py); its xi is either computed, or what a reservoir says that
sees x, y, z of the current sample only and must remember the ones before. Read-out: recursive least squares (FORCE).

    computed   the rule as it is                            online   the reservoir goes on learning from the computed xi
    none       hidden layers stay as they are               frozen   trained before, along another network; then left alone
"""
import argparse
import sys
from pathlib import Path

import numpy as np

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from biohsic import equations as eq

RULE, N, SIZES = eq.Rule(10.0, 0.3, 0.25, 2.0), 10, (2, 10, 4, 2)
UNITS, STEPS, SCALE = 300, 10, 1e3      # of the reservoir; time steps a window; its targets are so many times xi


class Reservoir:
    """Random recurrent network whose read-out gives xi of all hidden units, one behind the other; no feedback."""

    def __init__(self, rng):
        n_in, n_out = 2 + 2 + sum(SIZES[1:-1]), sum(SIZES[1:-1])
        self.W_r, self.W_i = rng.normal(size=(UNITS, UNITS)) / np.sqrt(UNITS), rng.uniform(-1, 1, (n_in, UNITS))
        self.W_f, self.W_o, self.u = np.zeros((n_out, UNITS)), np.zeros((UNITS, n_out)), np.zeros(UNITS)
        self.P = np.eye(UNITS)

    def says(self, x, y, z, xi=None):
        """xi as it reads it out after STEPS steps of the current sample; with the computed xi given it then learns."""
        drive = np.concatenate([x, y, z]) @ self.W_i
        for _ in range(STEPS):
            self.u = eq.reservoir_step(self.u, drive, self.W_r, self.W_f, self.W_o, 0.2, 1.2)[0]
        r = np.tanh(self.u)
        o = r @ self.W_o
        if xi is not None:
            k = self.P @ r / (1 + r @ self.P @ r)
            self.P -= np.outer(k, r @ self.P)               # P <- P - (P r)(P r)^T / (1 + r^T P r)
            self.W_o -= np.outer(k, o - SCALE * xi)         # W_o <- W_o - P r (o - xi)^T
        return o / SCALE


def computed(hidden, x, y):
    """xi of all hidden units of a window, Eq. (6)."""
    c = eq.third_factor(eq.kernel_matrix(x, RULE.sigma_x), eq.kernel_matrix(y, RULE.sigma_y), RULE)
    return np.concatenate([eq.modulating_signal(c, layer.z, RULE.sigma_z) for layer in hidden])


def gradients(network, y, xi):
    """Gradients of the three-factor rule, Eq. (14), for any xi of all hidden units."""
    hidden, flat, logits = network
    parts = np.split(xi, np.cumsum(SIZES[1:-1])[:-1])
    found = [eq.weight_gradient(layer.inputs[-1], eq.through_layer(part, layer.a[-1], layer.z[-1], layer.scale[-1]))
             for layer, part in zip(hidden, parts, strict=True)]
    return [*found, eq.weight_gradient(flat, eq.cross_entropy(logits, y)[1])]


def epoch(weights, optimiser, x, y, source, reservoir):
    """One epoch in the order given. -> correlation of the xi that was used with the computed one (nan without)"""
    pairs = []
    for first in range(len(x) - N + 1):
        xs, ys = x[first:first + N], y[first:first + N]
        network = eq.forward(weights, xs)
        xi = computed(network[0], xs, ys)
        z = np.concatenate([layer.z[-1] for layer in network[0]])
        used = {'computed': lambda xi=xi: xi, 'none': lambda xi=xi: 0 * xi,
                'online': lambda xs=xs, ys=ys, z=z, xi=xi: reservoir.says(xs[-1], ys[-1], z, xi),
                'frozen': lambda xs=xs, ys=ys, z=z: reservoir.says(xs[-1], ys[-1], z)}[source]()
        pairs.append((xi, used))
        optimiser.update(weights, gradients(network, ys, used))
    known, used = (np.ravel(part) for part in zip(*pairs, strict=True))
    return np.corrcoef(known, used)[0, 1] if used.any() else np.nan


def run(source, seed, epochs=6, before=4):
    """(test accuracy, correlation of the xi used with the computed one) in the last epoch of one network."""
    rng, reservoir = np.random.default_rng(seed), Reservoir(np.random.default_rng([seed, 1]))
    (x, y), test = eq.xor(400, rng), eq.xor(100, rng)
    weights = eq.initial_weights(SIZES, rng)
    if source == 'frozen':
        twin = eq.initial_weights(SIZES, np.random.default_rng([seed, 2]))
        optimiser = eq.AdamW(twin, rate=3e-3)
        for _ in range(before):
            order = rng.permutation(len(x))
            epoch(twin, optimiser, x[order], y[order], 'online', reservoir)
    optimiser = eq.AdamW(weights, rate=3e-3)
    for _ in range(epochs):
        order = rng.permutation(len(x))
        correlation = epoch(weights, optimiser, x[order], y[order], source, reservoir)
    return eq.accuracy(weights, *test), correlation


def main(networks):
    """Print the table."""
    for source in ('computed', 'online', 'frozen', 'none'):
        accuracy, correlation = np.array([run(source, seed) for seed in range(networks)]).T
        error = accuracy.std(ddof=1) / np.sqrt(networks) if networks > 1 else np.nan
        print(f'{source:9} test accuracy {100 * accuracy.mean():5.1f} ± {100 * error:.1f} %, correlation with the computed xi '
              f'{correlation.mean():.2f}, {networks} networks', flush=True)


def count(text):
    """A number of networks."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'a number from 1 on is expected, not {text!r}')
    return int(text)


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('networks', nargs='?', type=count, default=10, help='how many of each kind')
    main(parser.parse_args().networks)
