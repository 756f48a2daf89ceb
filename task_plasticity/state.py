"""What a network consists of: parameters, running means, the scalars of a session."""
from typing import NamedTuple

import numpy as np


class Network(NamedTuple):
    """Parameters: W (N, N) and C (I, N) as [pre, post], b (N,), D (K, N) the decoder."""
    W: np.ndarray
    C: np.ndarray
    b: np.ndarray
    D: np.ndarray


class Means(NamedTuple):
    """Running means of the coactivities: rr (N, N), rs (I, N), r (N,); reward (1,) for the optional reward baseline."""
    rr: np.ndarray
    rs: np.ndarray
    r: np.ndarray
    reward: np.ndarray


class Settings(NamedTuple):
    """Constants of a session."""
    logistic: np.ndarray      # (K,) which outputs are probabilities
    weight: np.ndarray        # (K,) weights of their rewards
    dt: float
    sigma: float              # intrinsic noise
    alpha0: float             # f(x) = beta log(1 + exp(alpha0 + gamma x))
    beta: float
    gamma: float
    R: float                  # leak resistance
    low: float                # bounds of the rates
    high: float
    trace_rate: float         # q
    transient: float          # no plasticity before this time in a trial
    eta_W: float              # dt * gain * learning rate, each
    eta_b: float
    eta_C: float
    eta_D: float
    decay_W: float
    decay_b: float
    decay_C: float
    decay_D: np.ndarray       # (K,)
    lambda_l1: float          # optional rate penalties (D4)
    lambda_l2: float
    plastic: bool             # W, b, C learn
    learn_decoder: bool
    normalize_output: bool
    reward_baseline: bool     # subtract the running mean of the reward
    released_mixed: bool      # record the mixed task's reward as the released program does (D18)
