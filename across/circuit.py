"""Dendritic microcircuits on yin-yang, 4-30-3: PAL, feedback alignment, and the circuit with weight transport."""
import dataclasses

import numpy as np

from common.checkpoint import Checkpoint
from common.params import load_params
from microcircuits import compare, exp_params, simulation
from microcircuits.circuit import Microcircuit, split

TINY = 1e-6                             # learning rate at which the weights stay while the rule's updates add up
ARMS = {'PAL': {}, 'FA': dict(model_type='FA', eta_PI=(0.0,), eta_bw=(0.0,)),
        'transport': dict(model_type='BP', eta_PI=(0.0,), eta_bw=(0.0,))}


def yin_yang(p, rng):
    """Weights of the hidden layer; a sample is one presentation of 1 ms with the noise on. Objective: squared output error."""
    q = load_params(exp_params, mode='yin_yang', seed=p.seed, epochs=max(1, round(6 * p.length)), **ARMS[p.rule])
    setting, length = simulation.prepare(q), max(64, round(q.dataset_size * min(1, p.length)))
    samples = setting.inputs[:length], setting.targets[:length]
    for trained in (False, True):
        if trained:
            simulation.learn(q, setting, Checkpoint())
        still = Microcircuit(dataclasses.replace(q, eta_fw=(TINY, TINY), eta_bw=(0.0,), eta_PI=(0.0,), eta_IP=(0.0,),
                                                 dWPP_low_pass=False))
        still.x[:] = setting.circuit.x
        gradient = compare.backprop_updates(still, [W.copy() for W in still.WPP], *samples)[0].sum(axis=0).ravel()
        yield gradient, [presented(still, *samples, rng)]


def presented(circuit, inputs, targets, rng):
    """What each presentation adds to W_1 of a circuit whose rates are TINY. -> (samples, D)"""
    hold, before = circuit.p.hold, circuit.WPP[0].copy()
    steps = hold * len(inputs)
    normals = rng.standard_normal(steps * circuit.normals_a_step())
    records = circuit.advance(inputs, hold, steps, normals, targets, learn_weights=True, learn_bw_weights=True, every=hold,
                              keep=('WPP',))
    W = split(records, ('WPP',), circuit)['WPP'][0]
    return np.diff(W, axis=0, prepend=before[None]).reshape(len(W), -1) / TINY
