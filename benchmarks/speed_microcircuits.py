"""Kernels of the dendritic microcircuits for benchmarks/speed.py: one time step, noise included."""
import numpy as np

from common.params import load_params
from microcircuits import exp_params, state
from microcircuits.circuit import HELD_FROM, NO_ROWS, Microcircuit

STEPS, HOLD = 5000, 100
SWITCHES = {'bw_only': {'learn_lat_weights': True, 'learn_bw_weights': True},
            'fw_bw': {'learn_weights': True, 'learn_lat_weights': True, 'learn_bw_weights': True}}
# layers, rule, task, microseconds a step of the released program (one core)
CASES = [((5, 20, 10, 20, 5), 'PAL', 'bw_only', 328), ((5, 20, 10, 20, 5), 'PAL', 'fw_bw', 337),
         ((1, 1, 1), 'PAL', 'fw_bw', 161), ((1, 1, 1), 'BP', 'fw_bw', 120), ((1, 1, 1), 'FA', 'fw_bw', 112),
         ((10, 50, 50, 10), 'PAL', 'fw_bw', 289), ((100,) * 5, 'PAL', 'fw_bw', 709), ((784, 100, 10), 'PAL', 'fw_bw', 433),
         ((4, 30, 3), 'LDRL', 'bw_only', None)]


LARGE = ('weights, traces and low-passes (2 MB and more) are read and written in every step and do not fit the inner cache: '
         'the bound counts arithmetic only')


def stepping(layers, rule, task):
    """A call that draws the noise of, and runs, STEPS steps."""
    H, phased = len(layers) - 2, rule == 'LDRL'
    p = load_params(exp_params, mode='phased_larger' if phased else 'fig3_weak', layers=layers, model_type=rule, compare='',
                    eta_fw=(0.01,) * (H + 1), eta_bw=(1.0,) * H, eta_IP=(0.1 if task == 'fw_bw' else 0.0,) * H,
                    eta_PI=(0.1,) * H, alpha=(1e-5,) * H, noise_scale=(0.01,) * H)
    rng = np.random.default_rng(0)
    net = Microcircuit.random(p, rng, rng)
    rows = rng.uniform(0, 1, (100, layers[0]))
    target = rng.uniform(0, 1, (100, layers[-1])) if task == 'fw_bw' else NO_ROWS

    def call():
        """What is timed."""
        normals = rng.standard_normal(STEPS * net.shape.hidden) if rule in ('PAL', 'LDRL') else None
        net.count[state.DRAWN] = 0
        net.advance(rows, HOLD, STEPS, normals, target, **SWITCHES[task])
    return call


def kernels():
    """Multiply-adds: every matrix forward (W, WIP, B, BI), and the learning ones again; logistic counted as one tanh.

    Where the first layer goes by blocks of held inputs (held.py), its products and updates count once a presentation.
    """
    for layers, rule, task, released in CASES:
        W_1 = layers[0] * layers[1]
        lateral = sum(a * b for a, b in zip(layers[1:-1], layers[2:], strict=True))
        held = rule != 'LDRL' and (task == 'bw_only' or W_1 >= HELD_FROM)
        W = lateral + (3 * W_1 / HOLD if held else W_1)
        cells, inter = sum(layers[1:]), sum(layers[2:])
        learning = (W + lateral if task == 'fw_bw' else 0) + lateral * (1 + (rule == 'PAL'))
        mode = 'fig3_weak' if layers == (5, 20, 10, 20, 5) else ''
        yield {'kernel': f'{rule} {task}', 'mode': mode, 'sizes': '-'.join(map(str, layers)), 'steps': STEPS,
               'macs': W + 3 * lateral + learning, 'normals': sum(layers[1:-1]) if rule == 'PAL' else 0,
               'tanhs': (cells + inter) * (2 if task == 'fw_bw' else 1), 'released_us': released,
               'note': LARGE if W > 20_000 else None,
               'make': lambda a=layers, b=rule, c=task: stepping(a, b, c)}
