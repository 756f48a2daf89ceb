"""R-STDP, layer 3 of the spiking network on images of digits: 30, 100, 50 maps, 1,000 images."""
import numpy as np

from common.checkpoint import Checkpoint
from common.params import load_params
from rstdp_mnist import exp_params, features
from rstdp_mnist.equations import rstdp
from rstdp_mnist.simulation import Training

GRADIENT = dict(reward='margin', margin=1e9, a_r=(1.0, 0.0), a_p=(-1.0, 0.0))      # of V_true - V_other, see `digits`
RATES = {'reward_ltp': 0.004, 'reward_ltd': -0.003, 'punishment_ltd': -0.004, 'punishment_ltp': 0.0005}      # published


def change(W, fired, label, phi=(1.0, 1.0), **rule):
    """What one image adds to W (D,), before bounds apply."""
    new = W.copy()
    rstdp(new, fired, label, 10, phi, low=-np.inf, high=np.inf, **rule)
    return (new - W).ravel()


def top_layer(p):
    """Layer 3 at its beginning, on trained layers 1 and 2."""
    n, reward = max(100, round(1000 * min(1, p.length))), 'margin' if p.rule == 'rstdp_margin' else 'winner'
    rates = {name: p.rate * value for name, value in RATES.items()}
    q = load_params(exp_params, mode='small', data=p.data, n_maps=(30, 100, 50), n_train=n, n_test=min(290, n), reward=reward,
                    factor_window=100, epochs_s3=max(1, round(10 * p.length)), seed=p.seed, s3_dtype='float64', **rates)
    return Training(q, features.prepare(q, Checkpoint())[1])


def digits(p, rng):
    """Weights of layer 3; a sample is one image. The rule is derived from no objective; it is held against the margin of the
    potentials, V of the strongest neuron of the true class minus V of the strongest other one (dV/dW = 1 where inputs fired).
    """
    top = top_layer(p)
    q, seen = top.p, list(zip(top.features('train', slice(384)), top.below['train_labels'].tolist(), strict=False))
    for trained in (False, True):
        while trained and top.epoch < q.epochs_s3:
            top.advance()
            if top.at == top.n:
                top.end_epoch()
        W, phi = np.clip(top.net.W, *q.s3_bounds), tuple(top.net.phi)
        yield (sum(change(W, *one, **GRADIENT) for one in seen),
               (change(W, *one, phi, reward=q.reward) for one in seen))
