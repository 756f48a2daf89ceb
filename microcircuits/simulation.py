"""Run a dendritic microcircuit: edit exp_params.py and run this file, or

    python -m microcircuits.simulation mode=fig3_weak seed=5              one run
    python -m microcircuits.simulation mode=fig4_pal array_num=0          all published seeds

`run` is pure: parameters in, arrays out. The original's command line is runner.py.
"""
import functools
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from common.checkpoint import Checkpoint, restore_rng, rng_state
from common.running import progress
from common.script import main
from microcircuits import compare, data, state
from microcircuits.checks import words
from microcircuits.circuit import CHUNK, NO_ROWS, Microcircuit
from microcircuits.records import Recorder

OF_TEACHER = ('uP', 'uP_breve', 'rP_breve', 'uI', 'uI_breve', 'rI_breve')     # series that are also recorded of the teacher


class Streams(NamedTuple):
    """Generators of one run. Legacy: as the released program, several of them with the same seed (D15)."""

    voltages: object
    weights: object
    model: object               # order of the samples, noise
    inputs: object
    teacher_voltages: object
    teacher_weights: object


def streams(p):
    """The generators of run p."""
    if p.rng == 'modern':
        own = [np.random.default_rng(s) for s in np.random.SeedSequence(p.seed).spawn(3)]
        shared = [np.random.default_rng(s) for s in np.random.SeedSequence([p.input_seed, 1]).spawn(3)]
        return Streams(*own, *shared)
    new = np.random.RandomState
    if p.protocol == 'notebook':                   # one stream; the noise of PAL has a seed of its own
        one = new(p.seed)
        return Streams(one, one, one if p.phased else new(123), one, None, None)
    teacher = teacher_seed(p)
    inputs = p.input_seed if p.task == 'bw_only' else teacher
    return Streams(new(p.seed), new(p.seed), new(p.seed), new(inputs), new(teacher), new(teacher))


def teacher_seed(p):
    """Legacy seed of the teacher."""
    return int(np.random.RandomState(p.input_seed).randint(100_000, 999_999))


class Setting(NamedTuple):
    """What a run starts from."""

    circuit: Microcircuit
    inputs: np.ndarray          # (samples, n_0)
    teacher: Microcircuit       # or None
    voltages: np.ndarray        # of the teacher's output, (steps, n_N)
    targets: np.ndarray         # (samples, n_N), no row without supervision
    rng: object                 # order of the samples, noise
    tests: tuple = ()           # (inputs, classes) for validation and test, if there are classes
    taught: dict = {}           # series of the teacher: {name: list of arrays (records of one pass, n)}


def prepare(p):
    """Circuit, samples, teacher and targets of run p."""
    rngs = streams(p)
    circuit = Microcircuit.random(p, rngs.voltages, rngs.weights)
    teacher, voltages, targets, taught = None, NO_ROWS, NO_ROWS, {}
    if p.classified:
        samples = data.load(p)
        inputs, classes = samples.training
        return Setting(circuit, inputs, None, NO_ROWS, data.targets(classes, p.layers[-1]), rngs.model, samples[1:])
    inputs = rngs.inputs.uniform(*p.input_range, (p.dataset_size, p.layers[0]))
    if p.task == 'fw_bw' or p.compare:
        teacher = compare.make_teacher(p, rngs.teacher_voltages, rngs.teacher_weights)
        if p.task == 'fw_bw':
            copy_teacher(p, circuit, teacher)
        names = [name for name in words(p.record) if name in OF_TEACHER] if p.task == 'fw_bw' else []
        voltages, series = compare.run_teacher(teacher, inputs, p.hold, names)
        taught = {name: [part[p.rec_per_steps - 1::p.rec_per_steps] for part in parts] for name, parts in series.items()}
    if p.task == 'fw_bw':                          # the target of a presentation is taken one step before its end (D18)
        targets = voltages[p.hold - 1::p.hold]
    return Setting(circuit, inputs, teacher, voltages, targets, rngs.model, taught=taught)


def run(p, checkpoint=None):
    """One run with parameters p (exp_params.Params). -> dict of arrays; names as in the README, "What a result holds"."""
    setting = prepare(p)
    recorder, diverged_at = learn(p, setting, checkpoint or Checkpoint())
    out = {'inputs': setting.inputs, 'targets': setting.targets, **recorder.series, 'diverged_at': np.array(diverged_at),
           'first_record': np.array(recorder.first)}
    for name in ('WPP', 'WIP', 'BPP', 'BPI', 'uP'):
        out |= {f'final_{name}_{i + 1}': part.copy() for i, part in enumerate(getattr(setting.circuit, name))}
    if setting.teacher and p.task == 'fw_bw':
        for name in ('WPP', 'WIP', 'BPP', 'BPI'):
            out |= {f'teacher_{name}_{i + 1}': part.copy() for i, part in enumerate(getattr(setting.teacher, name))}
        for name, parts in setting.taught.items():
            out |= {f'teacher_{name}_{i + 1}': part for i, part in enumerate(parts)}
    if p.compare and diverged_at < 0:
        out['angle_BP_updates'] = compare.compare_updates(setting.circuit, recorder.epoch_weights(), setting.inputs, p.hold,
                                                          setting.voltages, f'{p.member} comparison')[0]
    return out


def copy_teacher(p, circuit, teacher):
    """Tests of the original: the student starts with the teacher's weights or voltages (its rates stay)."""
    if p.copy_teacher_weights:
        circuit.set_weights(**{name: getattr(teacher, name) for name in ('WPP', 'WIP', 'BPP', 'BPI')})
    if p.copy_teacher_voltages:
        circuit.set_voltages(teacher.uP, teacher.uI)


# ---------------------------------------------------------------- pre-training and learning

class Progress:
    """Where a run stands: epoch, step in the epoch, order of the samples, noise that is drawn and not yet used."""

    def __init__(self, p):
        self.epoch, self.step = -1, 0              # epoch -1: pre-training
        self.order = np.arange(p.dataset_size)
        self.normals = np.empty(0)


def learn(p, setting, checkpoint):
    """Pre-training and all epochs, in place. -> (Recorder, step of a divergence or -1)"""
    circuit, inputs, targets, rng = setting.circuit, setting.inputs, setting.targets, setting.rng
    before, epoch_steps = int(round(p.settling_time / p.dt, 6)), p.dataset_size * p.hold
    total = before + p.epochs * epoch_steps
    recorder, now = Recorder(circuit, p, before, total), Progress(p)
    resume(checkpoint, circuit, recorder, now, rng)
    chunk = max(1, min(10_000, CHUNK // circuit.shape.hidden))
    with progress(total, p.member, unit='step', unit_scale=True, initial=int(circuit.count[state.STEP])) as bar:
        while now.epoch < p.epochs:
            length = before if now.epoch < 0 else epoch_steps
            if now.step == 0:
                rng = start_epoch(p, circuit, now, rng)
            rows, aims = inputs, NO_ROWS
            if now.epoch >= 0:
                rows, aims = inputs[now.order], targets[now.order] if len(targets) else NO_ROWS
            while now.step < length:
                steps = min(chunk, length - now.step)
                diverged_at = learn_chunk(p, circuit, recorder, now, rng, rows, aims, steps)
                bar.update(steps)
                if diverged_at >= 0:
                    return recorder, diverged_at
                checkpoint.offer(frozen, circuit, recorder, now, rng)
            now.epoch, now.step = now.epoch + 1, 0
            if setting.tests and (now.epoch % p.test_epochs == 0 or now.epoch == p.epochs):
                recorder.accuracies(now.epoch, [accuracy(circuit, *test) for test in setting.tests])
    return recorder, -1


def learn_chunk(p, circuit, recorder, now, rng, rows, aims, steps):
    """`steps` steps of the epoch with samples `rows` and targets `aims`, recorded. -> step of a divergence or -1"""
    exact = p.rng == 'legacy' and circuit.constants.K > 1 and not p.phased
    stream = rng.get_state() if exact else None
    flags = {}
    if now.epoch >= 0:
        supply_noise(circuit, now, rng, steps)
        flags = {'learn_weights': p.task == 'fw_bw' or (p.protocol == 'notebook' and p.phased), 'learn_lat_weights': True,
                 'learn_bw_weights': True}
    advance = functools.partial(circuit.advance, rows, p.hold, normals=now.normals, target=aims, every=p.rec_per_steps,
                                keep=recorder.keep, **flags)
    state_before, start = (circuit.x.copy(), circuit.count.copy()), circuit.count[state.STEP] - now.step
    at = circuit.count[state.STEP] // p.rec_per_steps
    kept, diverged_at = advance(steps=steps, begin=now.step), -1
    if not np.isfinite(circuit.x).all():
        diverged_at = first_lost_step(circuit, state_before, advance, now.step, steps)
    if exact:
        give_back(circuit, now, rng, stream)
    row = ((at + 1 + np.arange(len(kept))) * p.rec_per_steps - 1 - start) // p.hold
    recorder.take(at, kept, rows[row], aims[row] if len(aims) else aims)
    now.step += steps
    return diverged_at


def first_lost_step(circuit, before, advance, begin, steps):
    """Number of the first step that leaves something not finite: the chunk from the state `before` again, step by step."""
    circuit.x[:], circuit.count[:] = before
    for step in range(begin, begin + steps):
        advance(steps=1, begin=step)
        if not np.isfinite(circuit.x).all():
            break
    return int(circuit.count[state.STEP] - 1)


def accuracy(circuit, inputs, classes):
    """Fraction of samples whose output cell has the highest voltage at the end of its presentation; changes nothing."""
    before, count, hold = circuit.x.copy(), circuit.count.copy(), circuit.p.hold
    circuit.count[state.STEP] = 0
    records = circuit.advance(inputs, hold, len(inputs) * hold, every=hold, keep=('uP_breve',))
    circuit.x[:], circuit.count[:] = before, count
    return (records[:, circuit.shape.hidden:].argmax(axis=1) == classes).mean()


def start_epoch(p, circuit, now, rng):
    """Shuffle the samples (each epoch the order of the one before); replace the top weights when it is time. -> generator"""
    if now.epoch >= 0 and p.protocol == 'runner' and not p.phased:
        rng.shuffle(now.order)
    if p.change_epoch and now.epoch == p.change_epoch:
        if p.rng == 'legacy':                      # the notebook reseeds the stream that the noise comes from
            rng = np.random.RandomState(p.change_seed)
            now.normals, circuit.count[state.DRAWN] = np.empty(0), 0
        source = rng if p.rng == 'legacy' else np.random.default_rng(p.change_seed)
        circuit.WPP[-1][:] = source.uniform(*p.change_range, circuit.WPP[-1].shape)
    return rng


def supply_noise(circuit, now, rng, steps):
    """Enough standard normals for `steps` steps in now.normals; what was not used stays in front."""
    left = now.normals[circuit.count[state.DRAWN]:]
    missing = steps * circuit.normals_a_step() - len(left)
    if missing > 0:
        new = rng.standard_normal(missing)
        now.normals = np.concatenate([left, new]) if len(left) else new
    else:
        now.normals = left
    circuit.count[state.DRAWN] = 0


def give_back(circuit, now, rng, stream):
    """Legacy, noise held over several steps: set the stream (its state was `stream`) behind the last number that was used.

    The released program draws as it goes, and the next shuffle of the samples takes its numbers from the same stream.
    """
    rng.set_state(stream)
    rng.standard_normal(circuit.count[state.DRAWN])
    now.normals, circuit.count[state.DRAWN] = np.empty(0), 0


# ---------------------------------------------------------------- checkpoints

def frozen(circuit, recorder, now, rng):
    """(meta, arrays) of an unfinished run."""
    arrays = {f'series_{name}': value for name, value in recorder.series.items()}
    arrays |= {'x': circuit.x, 'count': circuit.count, 'order': now.order, 'normals': now.normals[circuit.count[state.DRAWN]:]}
    return {'epoch': now.epoch, 'step': now.step, 'rng': rng_state(rng)}, arrays


def resume(checkpoint, circuit, recorder, now, rng):
    """Put everything back to the checkpoint's state, if there is one."""
    saved = checkpoint.resume()
    if saved is None:
        return
    meta, arrays = saved
    circuit.x[:], circuit.count[:] = arrays['x'], arrays['count']
    circuit.count[state.DRAWN] = 0
    now.epoch, now.step, now.order, now.normals = meta['epoch'], meta['step'], arrays['order'], arrays['normals']
    recorder.series = {name[7:]: value for name, value in arrays.items() if name.startswith('series_')}
    restore_rng(rng, meta['rng'])


if __name__ == '__main__':
    main('microcircuits')
