"""What a run keeps: series at every rec_per_steps-th step, and alignment angles computed as they come (no weights stored)."""
import numpy as np

from microcircuits import compare
from microcircuits.checks import words
from microcircuits.circuit import split

DERIVED = {'MSE': ('uP_breve',), 'error': ('uP_breve',), 'target': (), 'input': (), 'lat_mismatch': ('uI_breve', 'vbas')}
SUPERVISED = ('MSE', 'error', 'target')     # exist in learning records only, and only with a target


class Recorder:
    """Collects the records of one run in arrays of fixed size. `series`: {name or name_layer: array (records, ...)}."""

    def __init__(self, circuit, p, before, total):
        """before, total: steps of pre-training and of the whole run."""
        self.circuit, self.p, self.every = circuit, p, p.rec_per_steps
        self.names = words(p.record)
        self.first, self.total = before // self.every, total // self.every      # of pre-training; all
        needed = [part for name in self.names for part in DERIVED.get(name, (name,))]
        if p.angles or p.compare:
            needed += ['WPP', 'BPP', 'vbas']
        self.keep = tuple(dict.fromkeys(needed))
        learning = self.total - self.first
        self.epoch_records = [self.first + e * (learning // p.epochs) for e in range(p.epochs)] if p.compare else []
        self.series = {}

    def room(self, name, layer, like):
        """The array of one series, made on first use; NaN where no record was made, because the run diverged."""
        key = name if layer is None else f'{name}_{layer + 1}'
        n = self.total - self.first if name in SUPERVISED else self.total
        if key not in self.series:
            self.series[key] = np.full((n, *like.shape[1:]), np.nan)
        return self.series[key]

    def put(self, name, layer, at, values):
        """Store values (records, ...) from record number `at` on."""
        at -= self.first if name in SUPERVISED else 0
        self.room(name, layer, values)[at:at + len(values)] = values

    def take(self, at, records, inputs, targets):
        """Records (n, width) from record number `at` on, with the inputs and targets (n, ...) of their steps."""
        if not len(records):
            return
        parts = split(records, self.keep, self.circuit)
        for name in self.names:
            if name == 'input':
                self.put(name, None, at, inputs)
            elif name in SUPERVISED:
                if len(targets):
                    self.put(name, None, at, self.supervised(name, parts, targets))
            else:
                values = self.mismatch(parts) if name == 'lat_mismatch' else parts[name]
                for layer, value in enumerate(values):
                    self.put(name, layer, at, value)
        if self.p.angles:
            for name, value in compare.alignment(self.circuit, parts['WPP'], parts['BPP'], parts['vbas']).items():
                self.put(name, None, at, value)
        for e, record in enumerate(self.epoch_records):
            if at <= record < at + len(records):
                for name in ('WPP', 'BPP'):
                    for layer, value in enumerate(parts[name]):
                        key = f'epoch_{name}_{layer + 1}'
                        if key not in self.series:
                            self.series[key] = np.full((self.p.epochs, *value.shape[1:]), np.nan)
                        self.series[key][e] = value[record - at]

    def accuracies(self, epoch, values):
        """Validation and test accuracy after `epoch` epochs."""
        n = -(-self.p.epochs // self.p.test_epochs) + 1
        for name, value in zip(('test_epoch', 'validation_accuracy', 'test_accuracy'), (epoch, *values), strict=True):
            series = self.series.setdefault(name, np.full(n, np.nan))
            series[-(-epoch // self.p.test_epochs)] = value

    def epoch_weights(self):
        """[(W list, B list)], one an epoch, for the comparison of updates."""
        W, B = ([self.series[f'epoch_{name}_{i + 1}'] for i in range(len(self.p.layers) - less)]
                for name, less in (('WPP', 1), ('BPP', 2)))
        return [([w[e] for w in W], [b[e] for b in B]) for e in range(self.p.epochs)]

    @staticmethod
    def supervised(name, parts, targets):
        """Target, error = u-breve_N - target, or its squared norm (called MSE in the original, D4)."""
        if name == 'target':
            return targets
        error = parts['uP_breve'][-1] - targets
        return error if name == 'error' else (error ** 2).sum(axis=1)

    def mismatch(self, parts):
        """u-breve_I,l - c vbas_{l+1}: zero when the interneurons mirror the layer above."""
        c, above = self.circuit.constants, parts['vbas'][-len(parts['uI_breve']):]
        factors = [c.c_hid] * (len(above) - 1) + [c.c_out]
        return [u - f * v for u, f, v in zip(parts['uI_breve'], factors, above, strict=True)]
