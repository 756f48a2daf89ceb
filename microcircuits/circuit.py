"""A circuit: its arrays, initial and self-predicting state, and the calls that advance it.

    p = load_params(exp_params, mode='fig4_pal')
    circuit = Microcircuit.random(p, np.random.default_rng(1), np.random.default_rng(2))
    circuit.evolve_system(np.array([0.5]), [np.array([1.0])], learn_bw_weights=True)
    circuit.WPP[0], circuit.uP_breve[-1]
"""
import math

import numpy as np

from common.params import nearest
from microcircuits import model, phased, phaseless, state
from microcircuits.checks import ACTIVATIONS, words
from microcircuits.constants import constants
from microcircuits.state import Drive, Learn, Recording, Shape, State

WEIGHTS = ('WPP', 'WIP', 'BPP', 'BPI')
NO_ROWS = np.empty((0, 0))
CHUNK = 2_000_000                       # normals in memory at a time
HELD_FROM = 1000                        # weights W_1 from which held inputs are advanced by blocks


def layer_shapes(layers, skip):
    """{name of a State array: shapes of its parts}; matrices as they are stored, (pre, post)."""
    n = list(layers)
    inter = [(n[-1],)] if skip else [(k,) for k in n[2:]]
    pyramidal, hidden = [(k,) for k in n[1:]], [(k,) for k in n[1:-1]]
    W = list(zip(n[:-1], n[1:], strict=True))
    WIP = [(n[-2], n[-1])] if skip else W[1:]
    B = [(n[-1] if skip else n[i + 2], n[i + 1]) for i in range(len(n) - 2)]
    shapes = dict.fromkeys(State._fields, pyramidal)
    shapes |= dict.fromkeys(('vapi', 'vapi_old', 'vapi_noise'), hidden)
    shapes |= dict.fromkeys(('uI', 'uI_old', 'uI_breve', 'rI_breve', 'rI_old', 'vden', 'vden_old', 'post_I'), inter)
    shapes |= {'r0': [(n[0],)], 'r0_old': [(n[0],)], 'pre_LO': [(k,) for k in n[:-1]], 'clock': [(1,)],
               'held': [(4,)], 'p_old': [(n[0],)]}
    shapes |= dict.fromkeys(('epsilon', 'epsilon_LO'), [(1,)] * len(hidden))
    shapes |= dict.fromkeys(('W_p', 'D_p', 'W_s', 'W_t', 'D_s', 'D_t'), [(n[1],)])
    shapes |= dict.fromkeys(('WPP', 'dWPP', 'dWPP_LO'), W) | dict.fromkeys(('WIP', 'dWIP'), WIP)
    return shapes | dict.fromkeys(('BPP', 'BPI', 'dBPP', 'dBPI'), B)


def offsets(shapes):
    """Where the parts begin in a flat array, and its length."""
    return np.cumsum([0] + [math.prod(shape) for shape in shapes])


def shape_of(layers, activation, skip):
    """Shape for the kernels."""
    shapes = layer_shapes(layers, skip)
    names = words(activation)
    kinds = [ACTIVATIONS.index(name) for name in (names if len(names) > 1 else names * (len(layers) - 1))]
    pyr = offsets(shapes['uP'])
    rows = []
    for first, last, kind in zip(pyr[:-1], pyr[1:], kinds, strict=True):
        if rows and rows[-1][2] == kind:
            rows[-1][1] = last
        else:
            rows.append([first, last, kind])
    inter = int(offsets(shapes['uI'])[-1])
    return Shape(np.array(layers), pyr, offsets(shapes['WPP']), offsets(shapes['WIP']), offsets(shapes['BPP']), np.array(rows),
                 np.array(kinds), len(layers) - 2, int(pyr[-2]), int(pyr[-1]), inter, int(pyr[-1]) - inter, skip)


class Microcircuit:
    """Dendritic microcircuit (Max et al. 2024, Sacramento et al. 2018).

    Attributes named like the fields of state.State (WPP, WIP, BPP, BPI, uP, uP_breve, vapi, ...) are tuples of arrays, one a
    layer, that can be written to (circuit.WPP[0][:] = ...); matrices are (post, pre).
    """

    def __init__(self, p):
        """All zero; p: exp_params.Params."""
        self.p, self.skip = p, p.phased
        self.shapes = layer_shapes(p.layers, self.skip)
        ends = np.cumsum([0] + [offsets(self.shapes[name])[-1] for name in State._fields])
        self.place = {name: (int(ends[i]), int(ends[i + 1])) for i, name in enumerate(State._fields)}
        self.x = np.zeros(ends[-1])
        self.state = State(*(self.x[first:last] for first, last in self.place.values()))
        self.shape, self.constants = shape_of(p.layers, p.activation, self.skip), constants(p)
        self.count = np.zeros(5, np.int64)
        self.rec_per_steps, self.recorded = 1, ()                # init_record
        self.state.epsilon[:] = self.state.epsilon_LO[:] = self.state.decay_by[:] = 1.0

    @classmethod
    def random(cls, p, voltages, weights, teacher=False):
        """A circuit with random voltages and weights from two generators, in the released program's order of draws."""
        self = cls(p)
        for parts in (self.uP, self.uI):
            for u in parts:
                u[:] = voltages.normal(0, 1, len(u))
        for name in WEIGHTS:
            low, high = getattr(p, f'init_{"teacher_" if teacher and not p.phased else ""}{name}_range')
            for w in getattr(self, name):
                w[:] = weights.uniform(low, high, w.shape)
        if p.model_type == 'BP':
            self.set_weights(BPP=[w.T for w in self.WPP[1:]])
        if p.init_in_SPS or teacher:
            self.set_self_predicting_state()
        self.set_voltages(self.uP, self.uI)
        self.rates_from_voltages()
        return self

    def __getattr__(self, name):
        if name not in State._fields:
            raise AttributeError(f'a Microcircuit has no {name!r}')
        flat = getattr(self.state, name)
        ends = offsets(self.shapes[name])
        return tuple(flat[a:b].reshape(shape).T for a, b, shape in zip(ends[:-1], ends[1:], self.shapes[name], strict=True))

    def __setattr__(self, name, value):
        if name in State._fields:
            raise AttributeError(f'{name} is written to in place: circuit.{name}[0][:] = ... (or set_weights, set_voltages)')
        super().__setattr__(name, value)

    def set_weights(self, **weights):
        """set_weights(WPP=[...], BPP=[...]): lists of (post, pre) arrays."""
        for name, new in weights.items():
            for w, value in zip(getattr(self, name), new, strict=True):
                if np.shape(value) != w.shape:
                    raise ValueError(f'{name} takes matrices of shapes {[v.shape for v in getattr(self, name)]}, '
                                     f'not {np.shape(value)}')
                w[:] = value

    def set_voltages(self, uP, uI):
        """Somatic voltages of now and of the step before, and the prospective ones, without touching the rates."""
        for names, values in ((('uP', 'uP_old', 'uP_breve'), uP), (('uI', 'uI_old', 'uI_breve'), uI)):
            for name in names:
                for u, value in zip(getattr(self, name), values, strict=True):
                    u[:] = value

    def rates_from_voltages(self):
        """r = phi(u-breve), h = r."""
        s, z = self.state, self.shape
        activate = getattr(model.activate, 'py_func', model.activate)
        for first, last, kind in z.kinds:
            activate(kind, s.uP_breve, s.rP_breve, first, last)
            if last > z.shift:
                activate(kind, s.uI_breve, s.rI_breve, max(first - z.shift, 0), last - z.shift)
        s.rP_breve_HI[:] = s.rP_breve

    def set_self_predicting_state(self):
        """SPS: BI = -B and WIP in proportion to W, so that interneurons mirror the layer above and cancel it."""
        p = self.p
        hidden = p.gbas * (p.gl + p.gden) / (p.gden * (p.gl + p.gbas + p.gapi))
        top = p.gbas * (p.gl + p.gden) / (p.gden * (p.gl + p.gbas))
        self.state.BPI[:] = -self.state.BPP
        depth = len(self.WIP)                      # skip: one matrix, to the mirrors of the output layer
        for i, (WIP, W) in enumerate(zip(self.WIP, self.WPP[-depth:], strict=True)):
            WIP[:] = (top if i == depth - 1 else hidden) * W

    def advance(self, r0, hold, steps, normals=None, target=NO_ROWS, hold_target=None, begin=0, learn_weights=False,
                learn_lat_weights=False, learn_bw_weights=False, every=1 << 60, keep=(), held=None):
        """Advance `steps` steps. r0 (rows, n_0) and target (rows, n_N) as in phaseless.run. -> records (n, width) of `keep`.

        normals: flat standard-normal numbers, used from count[DRAWN] on (needed for noise; ValueError if they run out).
        keep: names of State arrays. held: inputs by blocks (held.py); None: where it pays.
        """
        ranges = np.array([self.place[name] for name in keep], np.int64).reshape(-1, 2)
        n = (self.count[state.STEP] + steps) // every - self.count[state.STEP] // every
        records = np.empty((n, int((ranges[:, 1] - ranges[:, 0]).sum())))
        self.count[state.RECORDS] = 0
        normals, given = self.padded(normals, steps, learn_bw_weights)
        arguments = (self.shape, self.constants, self.state, self.count,
                     Drive(r0, hold, target, hold_target or hold, begin, normals),
                     Learn(learn_weights, learn_lat_weights, learn_bw_weights),
                     Recording(every, self.x, ranges, records), steps)
        if self.p.phased:
            phased.run(*arguments)
        else:
            phaseless.run(*arguments, self.holds_inputs(len(r0), hold, learn_weights) if held is None else held)
        if learn_bw_weights and self.count[state.DRAWN] > given:
            raise ValueError(f'{steps} steps took the noise up to number {self.count[state.DRAWN]}, normals has only {given}')
        return records

    def holds_inputs(self, rows, hold, learns):
        """True where the first layer is advanced by blocks: always exact if W is fixed, and else worth it if W_1 is large."""
        large = self.shape.n[0] * self.shape.n[1] >= HELD_FROM
        return rows > 0 and hold > 1 and not self.p.phased and not self.constants.r_low_pass and (large or not learns)

    def normals_a_step(self):
        """The most standard normals that one step of backward learning can take: 0 for FA and BP."""
        if self.constants.model in (state.FA, state.BP):
            return 0
        hidden = self.shape.n[1:-1]
        return int(hidden.max() if self.p.phased else hidden.sum())

    def padded(self, normals, steps, learn_bw_weights):
        """(normals, how many there are): with NaN behind them if they may not do, for kernels do not look where arrays end."""
        normals = np.empty(0) if normals is None else normals
        most = self.count[state.DRAWN] + steps * self.normals_a_step() if learn_bw_weights else 0
        missing = max(0, int(most) - len(normals))
        return (np.concatenate([normals, np.full(missing, np.nan)]) if missing else normals), len(normals)

    def evolve_system(self, r0=None, u_tgt=None, learn_weights=False, learn_lat_weights=False, learn_bw_weights=False,
                      rng=None):
        """One step with input rates r0 (n_0) and target voltages u_tgt ([array of n_N], or None). rng draws the noise."""
        u_tgt = None if u_tgt is None or len(u_tgt) == 0 else u_tgt[0]
        rows = NO_ROWS if r0 is None else np.asarray(r0, float).reshape(1, -1)
        target = NO_ROWS if u_tgt is None else np.asarray(u_tgt, float).reshape(1, -1)
        if r0 is not None and rows.shape[1] != self.p.layers[0]:
            raise ValueError(f'r0 has {rows.shape[1]} entries, the input layer {self.p.layers[0]}')
        if u_tgt is not None and target.shape[1] != self.p.layers[-1]:
            raise ValueError(f'u_tgt has {target.shape[1]} entries, the output layer {self.p.layers[-1]}')
        self.count[state.DRAWN] = 0
        normals = (rng or np.random.default_rng()).standard_normal(self.shape.hidden) if learn_bw_weights else None
        self.advance(rows, 1, 1, normals, target, 1, 0, learn_weights, learn_lat_weights, learn_bw_weights, every=1)
        for name in self.recorded if self.count[state.STEP] % self.rec_per_steps == 0 else ():
            getattr(self, f'{name}_time_series').append([part.copy() for part in getattr(self, name)])

    def init_record(self, rec_per_steps, *names):
        """From now on evolve_system keeps these State arrays every rec_per_steps steps: uP_time_series[record][layer]."""
        for name in names:
            nearest('variable', name, State._fields)
            setattr(self, f'{name}_time_series', [])
        self.rec_per_steps, self.recorded = rec_per_steps, names


def split(records, keep, circuit):
    """Records of `keep` (n, width) -> {name: list of arrays (n, ...), one a layer; matrices (n, post, pre)}."""
    found, at = {}, 0
    for name in keep:
        found[name] = []
        for shape in circuit.shapes[name]:
            size = math.prod(shape)
            part = records[:, at:at + size].reshape(len(records), *shape)
            found[name].append(part.swapaxes(1, 2) if len(shape) == 2 else part)
            at += size
    return found
