"""Task-dependent representations: making, storing and advancing networks."""
import json
import zipfile
from pathlib import Path

import numpy as np

from task_plasticity.state import Means, Network, Settings
from task_plasticity.tasks import RELEASED_NAMES, TASKS, task_of, weights

PUBLISHED = Path(__file__).parent / 'published' / 'pretrained_network.npz'


def initial(p, rng, rng_decoder):
    """Random network: W, C uniform, drawn in this order; b constant; D from a generator of its own."""
    K, N, I = p.n_outputs, p.N, p.input_dim
    D = rng_decoder.uniform(-1 / N, 1 / N, (K, N))
    W = rng.uniform(-0.3 / np.sqrt(N), 0.3 / np.sqrt(N), (N, N))
    C = rng.uniform(-0.5 / np.sqrt(I), 0.5 / np.sqrt(I), (N, I))
    W = (W + W.T) / 2 if p.symmetric_init else W
    W = np.zeros_like(W) if p.feedforward else W
    return from_arrays({'W': W, 'C': C, 'b': np.full(N, float(p.initial_bias)), 'D': D})


def from_arrays(arrays, suffix=''):
    """Network from W (N, N), C (N, I) as [post, pre], b (N,), D (K, N), named with a suffix."""
    W, C, b, D = (np.asarray(arrays[name + suffix], float) for name in 'WCbD')
    return Network(np.ascontiguousarray(W.T), np.ascontiguousarray(C.T), b.copy(), D.copy())


def checked(arrays, suffix=''):
    """Network from the arrays of a file; ValueError unless W, C, b, D are finite real numbers of shapes that fit together."""
    W, C, b, D = (np.asarray(arrays[name + suffix]) for name in 'WCbD')
    if b.ndim != 1 or C.ndim != 2 or D.ndim != 2 or (W.shape, len(C), D.shape[1]) != (2 * b.shape, b.size, b.size):
        raise ValueError(f'shapes W{suffix} {W.shape}, C{suffix} {C.shape}, b{suffix} {b.shape}, D{suffix} {D.shape}')
    if not all(x.dtype.kind in 'fiu' and np.isfinite(x).all() for x in (W, C, b, D)):
        raise ValueError(f'W{suffix}, C{suffix}, b{suffix}, D{suffix} must be finite numbers')
    return from_arrays(arrays, suffix)


def to_arrays(net, suffix=''):
    """{W, C, b, D + suffix: array} in the paper's orientation [post, pre]; copies."""
    return {f'W{suffix}': net.W.T.copy(), f'C{suffix}': net.C.T.copy(), f'b{suffix}': net.b.copy(), f'D{suffix}': net.D.copy()}


def stored_path(p):
    """The file of the stored network that run p starts from; FileNotFoundError if it is missing."""
    path = Path(p.network_file) if p.network_file else PUBLISHED
    if not path.is_file():
        what = 'is a folder' if path.is_dir() else 'does not exist'
        raise FileNotFoundError(f'network_file {path} {what}; one is made from an original file with: '
                                'python -m task_plasticity.convert_network network_cr -o FILE.npz')
    return path


def stored(p):
    """(Network, its initial state or None) of p.network_file (a converted network or a result of ours), or the authors'
    network. ValueError if it does not fit p."""
    path = stored_path(p)
    try:
        if not zipfile.is_zipfile(path):
            raise ValueError('not an npz')
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        net = checked(arrays)
        before, task = checked(arrays, '_initial') if 'W_initial' in arrays else None, task_in(arrays)
    except Exception as error:                     # a damaged or hostile file can raise anything
        raise ValueError(f'{path} is no network file ({type(error).__name__}: {error}); an original network_cr is read by: '
                         f'python -m task_plasticity.convert_network {path}') from error
    if task not in (*TASKS, *RELEASED_NAMES) or task_of(task) != task_of(p.objective) or len(net.D) != p.n_outputs:
        raise ValueError(f'{path} holds a network for the task {task!r:.60} ({len(net.D)} outputs), '
                         f'the parameters ask for {p.objective}')
    if (net.b.size, len(net.C)) != (p.N, p.input_dim):
        raise ValueError(f'{path} holds N, input_dim = {net.b.size}, {len(net.C)}; the parameters say {p.N}, {p.input_dim}')
    return net, before


def task_in(arrays):
    """The task of a network file: as a converted file or a result of ours says, else the released one with as many outputs."""
    if 'task_json' in arrays:
        return json.loads(str(arrays['task_json']))
    if 'meta' in arrays:
        try:
            return json.loads(str(arrays['meta']))['params']['objective']
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError('its meta does not say for which task the network is') from error
    return {1: 'categorisation', 2: 'estimation', 3: 'mixed'}.get(len(arrays['D']))


def means(net):
    """Running means, zero."""
    return Means(np.zeros_like(net.W), np.zeros_like(net.C), np.zeros_like(net.b), np.zeros(1))


def settings(p, trial=0, learning=True, sigma=None):
    """Settings of a trial: rates with the gain of that trial; learning=False for tests."""
    gain = p.lr_gain * np.exp(-trial / 150) + 1 if p.annealed else p.lr_gain
    eta = [p.dt * gain * rate for rate in (0.0 if p.feedforward else p.learning_rate, p.learning_rate_bias,
                                           p.learning_rate_input, p.learning_rate_decoder)]
    decays = [0.0 if p.feedforward else p.weight_l2, p.bias_weight_l2, p.i_weight_l2]
    logistic, weight = task_of(p.objective).logistic, weights(p)
    released_mixed = bool(p.released_code and logistic.any() and not logistic.all())
    decay_D = np.full(len(logistic), p.weight_l2 if p.decoder_l2 < 0 else p.decoder_l2)
    if released_mixed:                             # its class row scales the decay, too (D18)
        decay_D[logistic] *= p.lambda_LL
    return Settings(logistic, weight, p.dt, float(p.sigma if sigma is None else sigma), float(p.alpha), float(p.beta),
                    float(p.gamma), float(p.R), float(p.low_r_threshold), float(p.high_r_threshold), float(p.theta),
                    float(p.transient), *map(float, eta), *map(float, decays), decay_D, float(p.lambda_l1),
                    float(p.lambda_l2), bool(learning and not p.decoder_only), bool(learning and not p.decoder_fixed),
                    bool(p.normalize_output), bool(p.reward_baseline), released_mixed)
