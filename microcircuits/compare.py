"""Comparison measures: alignment angles, and the circuit's weight updates against back-propagation's."""
import dataclasses

import numpy as np

from common.running import progress
from microcircuits import model, state
from microcircuits.circuit import Microcircuit, split

ANGLES = ('angle_WPPT_BPP', 'angle_jacobians', 'angle_BPP_RHS')


def angle(A, B):
    """Angle between matrices (..., n, m) under the Frobenius product, degrees; the cosine is clipped to [-1, 1] (D12)."""
    with np.errstate(invalid='ignore', divide='ignore', over='ignore'):
        cosine = (A * B).sum(axis=(-2, -1)) / np.sqrt((A * A).sum(axis=(-2, -1)) * (B * B).sum(axis=(-2, -1)))
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def phi(kind, u):
    """Activation of an array."""
    y = np.empty_like(u)
    model.activate(kind, np.ravel(u), y.ravel() if y.ndim > 1 else y, 0, u.size)
    return y


def phi_prime(kind, u, ramp):
    """Its derivative."""
    return np.vectorize(lambda x: model.slope(kind, x, ramp), otypes=[float])(u)


def alignment(circuit, W, B, vbas):
    """{name: (records, H) degrees} of B with W^T, of the Jacobians, and of B with phi' W^T phi' (layered).

    W, B, vbas: lists over layers of arrays (records, ...). Derivatives at the feed-forward estimates c vbas; the released
    program uses the hidden factor c for the output layer too (D10). Skip connections: the path W_N .. W_{l+1}.
    """
    c, kinds, H = circuit.constants, circuit.shape.layer_kind, circuit.shape.H
    top = c.c_hid if circuit.p.hidden_factor else c.c_out
    slopes = [phi_prime(kinds[i], (top if i == H else c.c_hid) * vbas[i], c.slope_hard_sigmoid) for i in range(H + 1)]
    found = {name: [] for name in ANGLES}
    for i in range(H):
        up = W[i + 1]
        for w in W[i + 2:] if circuit.skip else ():
            up = w @ up
        above = slopes[H] if circuit.skip else slopes[i + 1]
        back = slopes[i][:, :, None] * up.swapaxes(1, 2)
        found['angle_WPPT_BPP'].append(angle(up.swapaxes(1, 2), B[i]))
        found['angle_jacobians'].append(angle(B[i] * above[:, None, :], back))
        found['angle_BPP_RHS'].append(angle(B[i], back * above[:, None, :]))
    return {name: np.stack(value, axis=-1) for name, value in found.items()}


def backprop_updates(circuit, W, r0, target, B=None):
    """dW (one array (samples, post, pre) a layer) of back-propagation in the network without feedback; B: feedback alignment's.

    v_l = c_l W_l phi(v_{l-1}), e_N = u_tgt - v_N, e_{l-1} = phi'(v_{l-1}) W_l^T e_l. r0 (samples, n_0), target (samples, n_N).
    """
    c, kinds, N = circuit.constants, circuit.shape.layer_kind, len(W)
    rates, voltages = [r0], []
    for i in range(N):
        voltages.append((c.c_out if i == N - 1 else c.c_hid) * rates[-1] @ W[i].T)
        rates.append(phi(kinds[i], np.ascontiguousarray(voltages[-1])))
    error, updates = target - voltages[-1], []
    for i in range(N - 1, -1, -1):
        updates.insert(0, error[:, :, None] * rates[i][:, None, :])
        if i:
            back = W[i] if B is None else B[i - 1].T
            error = phi_prime(kinds[i - 1], voltages[i - 1], c.slope_hard_sigmoid) * (error @ back)
    return updates


def compare_updates(circuit, weights, inputs, hold, target, label='comparison', keep=False):
    """Angles (epochs * samples, N), degrees, between the circuit's and back-propagation's updates of W.

    circuit: continues from its state, without noise or learning. weights: one (W list, B list) an epoch; BI and WIP follow in
    the self-predicting state. inputs (rows, n_0), each held for `hold` steps (hold=1: one row a step); target (steps, n_N).
    -> (angles, the circuit's updates, back-propagation's): both sets only if `keep`, epochs of layers of (samples, post, pre)
    """
    presentation, steps = circuit.p.hold, len(target)
    last = np.arange(presentation - 1, steps, presentation)
    angles, ours, theirs = [], [], []
    circuit.count[state.STEP] = 0
    with progress(len(weights), label, unit='epoch') as bar:
        for W, B in weights:
            circuit.set_weights(WPP=W, BPP=B)
            circuit.set_self_predicting_state()
            records = circuit.advance(inputs, hold, steps, target=target, hold_target=1, every=presentation, keep=('dWPP',))
            circuits_own = split(records, ('dWPP',), circuit)['dWPP']
            reference = backprop_updates(circuit, W, inputs[last // hold], target[last])
            angles.append(np.stack([angle(a, b) for a, b in zip(circuits_own, reference, strict=True)], axis=-1))
            if keep:
                ours.append(circuits_own)
                theirs.append(reference)
            bar.update()
    return np.concatenate(angles), ours, theirs


def run_teacher(teacher, inputs, hold, names=()):
    """Pre-training, then one pass through the inputs. -> (voltages, series)

    voltages (steps, n_N): row i is u-breve_N before step i. series: {name: list of arrays (steps, n), one a layer} of State
    arrays `names`, after each step of the pass.
    """
    teacher.advance(inputs, hold, int(round(teacher.p.settling_time / teacher.p.dt, 6)))
    before, keep = np.array(teacher.uP_breve[-1]), tuple(dict.fromkeys(('uP_breve', *names)))
    parts = split(teacher.advance(inputs, hold, len(inputs) * hold, every=1, keep=keep), keep, teacher)
    return np.concatenate([before[None], parts['uP_breve'][-1][:-1]]), {name: parts[name] for name in names}


def make_teacher(p, rng_voltages, rng_weights):
    """The teacher: a circuit of the students' kind in its self-predicting state, with full prospective coding (D27)."""
    return Microcircuit.random(dataclasses.replace(p, taur=1.0), rng_voltages, rng_weights, teacher=True)

