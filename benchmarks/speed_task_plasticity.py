"""Kernels of task-dependent representations for benchmarks/speed.py: one step of training and of a test, noise included."""
import numpy as np

from common.params import load_params
from task_plasticity import exp_params, model, network, simulation

STEPS = 20_000


def trial(mode, learning):
    """A call that draws the noise of, and runs, one trial of STEPS steps."""
    p = load_params(exp_params, mode=mode, T=STEPS * 0.01, switch_period=STEPS * 0.01)
    rngs = simulation.streams(p)
    net, phi = network.initial(p, rngs.weights, rngs.decoder), model.preferred_angles(p.input_dim)
    settings = network.settings(p, learning=learning)

    def call():
        """What is timed."""
        if learning:
            xi, nu, theta = simulation.training_noise(p, rngs.training)
        else:
            xi, nu, theta = rngs.test_1.standard_normal((STEPS, p.N)) * 0.1, np.empty((0, 0)), np.full(STEPS, phi[3])
        simulation.one_trial(p, net, settings, theta, xi, nu, phi)
    return call


def kernels():
    """All of them: per neuron one exp and one log1p (counted as two tanh), forward products, running means and updates."""
    for mode, N in (('estimation', 40), ('categorisation', 25)):
        for name, learning in (('training', True), ('test', False)):
            pairs = N * (N + 12)
            yield {'kernel': name, 'mode': mode, 'sizes': f'12-{N}', 'steps': STEPS, 'macs': pairs * (3 if learning else 1),
                   'normals': N + learning, 'tanhs': 2 * N,
                   'make': lambda mode=mode, learning=learning: trial(mode, learning)}
