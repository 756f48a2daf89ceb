"""What a task is, in one place: targets, read-out, reward, decoder error, error measures, labels.

A task says for each output what it should be and whether it is a number or the probability of a class. Everything else (kernel,
simulation, figures, tests) asks here, so that a new task is one function and one line of TASKS (README, "Change it").
"""
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from common.kernel import kernel

GAIN = 100.0                  # slope of the logistic read-out
CLAMP = 1e-4                  # probabilities are kept this far from 0 and 1 in the log likelihood


# ---------------------------------------------------------------- targets: theta (n,) angles, class boundaries -> (n, K)

@kernel
def angle(theta, boundaries):
    """Estimation: (cos theta, sin theta)."""
    return np.column_stack((np.cos(theta), np.sin(theta)))


@kernel
def double_angle(theta, boundaries):
    """A task of a user's kind: estimate 2 theta, so that opposite stimuli mean the same."""
    return np.column_stack((np.cos(2 * theta), np.sin(2 * theta)))


@kernel
def side(theta, boundaries):
    """Categorisation: 1 if theta >= theta_thresh or theta <= theta_thresh_rev, else 0."""
    return ((theta >= boundaries[0]) | (theta <= boundaries[1])).astype(np.float64).reshape(-1, 1)


@kernel
def angle_and_side(theta, boundaries):
    """Both at once."""
    return np.column_stack((angle(theta, boundaries), side(theta, boundaries)))


class Task(NamedTuple):
    """target(theta, boundaries) -> (n, K); outputs: their names, those of probabilities begin with 'P('."""
    target: Callable
    outputs: tuple

    @property
    def logistic(self):
        """Which outputs are probabilities of a class, the others are plain numbers. (K,) of bool"""
        return np.array([name.startswith('P(') for name in self.outputs])


TASKS = {
    'estimation': Task(angle, ('cos θ', 'sin θ')),
    'categorisation': Task(side, ('P(class 1)',)),
    'mixed': Task(angle_and_side, ('cos θ', 'sin θ', 'P(class 1)')),
    'double_angle': Task(double_angle, ('cos 2θ', 'sin 2θ')),
}
RELEASED_NAMES = {'linear': 'estimation', 'classifier': 'categorisation'}


def task_of(objective):
    """The task that a value of `objective` names; the released names are synonyms."""
    return TASKS[RELEASED_NAMES.get(objective, objective)]


def targets(p, theta):
    """Targets of angles, for parameters p (Params or the dictionary of a result). theta (..., n) -> (..., n, K)"""
    p = p if isinstance(p, dict) else vars(p)
    flat = np.ascontiguousarray(np.ravel(theta), float)
    y = task_of(p['objective']).target(flat, (p['theta_thresh'], p['theta_thresh_rev']))
    return y.reshape(*np.shape(theta), -1)


def weights(p):
    """Weights of the outputs' rewards (K,): 1; where numbers and probabilities come together, lambda_MSE and lambda_LL."""
    logistic = task_of(p.objective).logistic
    both = logistic.any() and not logistic.all()
    return np.where(logistic, p.lambda_LL, p.lambda_MSE) if both else np.ones(len(logistic))


# ---------------------------------------------------------------- read-out, reward and decoder error of one step

@kernel(inline=True)
def logistic(u):
    """1 / (1 + exp(-100 u))."""
    return 1.0 / (1.0 + math.exp(-GAIN * u)) if u > -7.0 else 0.0


@kernel(inline=True)
def read_out(u, is_logistic):
    """What an output reports: u = D r itself, or a probability."""
    return logistic(u) if is_logistic else u


@kernel(inline=True)
def log_likelihood(u, y):
    """y log p + (1 - y) log(1 - p), p = logistic(u) kept within [1e-4, 1 - 1e-4]."""
    p = logistic(u)
    if p < CLAMP:
        p = CLAMP
    elif 1.0 - p < CLAMP:
        p = 1.0 - CLAMP
    return y * math.log(p) + (1.0 - y) * math.log(1.0 - p)


@kernel(inline=True)
def reward(u, y, is_logistic, weight):
    """alpha = sum over outputs of weight times -(y - u)^2, or the log likelihood of the class. All (K,); always <= 0"""
    alpha = 0.0
    for k in range(u.size):
        alpha += weight[k] * (log_likelihood(u[k], y[k]) if is_logistic[k] else -(y[k] - u[k]) ** 2)
    return alpha


@kernel(inline=True)
def decoder_error(u, y, is_logistic, weight):
    """Error of one output that its decoder learns from: y - u, or 100 (y - p); the reward's gradient (up to a factor 2)."""
    return weight * (GAIN * (y - logistic(u)) if is_logistic else y - u)


# ---------------------------------------------------------------- error measures of recorded outputs

def errors(task, o, y):
    """Error of each record: summed squared error of the plain outputs; without any, wrong classes (0 or 1).

    o, y (K, n) outputs and targets -> (n,)
    """
    logistic = task.logistic
    if logistic.all():
        return wrong(task, o, y)
    return ((y[~logistic] - o[~logistic]) ** 2).sum(axis=0)


def wrong(task, o, y):
    """Share of wrong classes in each record (K, n) -> (n,); nan without outputs that are probabilities."""
    logistic = task.logistic
    return ((o[logistic] > 0.5) != (y[logistic] > 0.5)).mean(axis=0) if logistic.any() else np.full(o.shape[1], np.nan)


def error_name(task):
    """What `errors` measures, for an axis."""
    return 'error rate' if task.logistic.all() else 'squared error'
