"""An original `network_cr` as a plain npz, without running anything that it names; and an npz of ours as such a file.

    python -m task_plasticity.convert_network network_cr [-o FILE.npz] [--task estimation]
    python -m task_plasticity.convert_network RESULT.npz [-o network_cr]

reader.py says how a file is read safely, writer.py how it is written.
"""
import argparse
import json
import math
import sys
from pathlib import Path

import numpy as np

from common.results import write_atomically
from task_plasticity.convert_network.reader import Array, read
from task_plasticity.convert_network.writer import NAMES, dumps
from task_plasticity.network import PUBLISHED, checked, task_in
from task_plasticity.tasks import RELEASED_NAMES, TASKS, task_of

WORDS = sorted([*TASKS, *RELEASED_NAMES])
OURS = {*'WCbD', *(f'{name}_initial' for name in 'WCbD'), 'meta', 'task_json', 'params_json', 'input_params_json'}


# ---------------------------------------------------------------- original -> npz

def array(state, name, shape, optional=False):
    """A finite float64 array of the state with the given shape (None: any length)."""
    value = state.get(name)
    value = value.value if isinstance(value, Array) else value
    if value is None and optional:
        return None
    if not isinstance(value, np.ndarray) or value.dtype != np.float64:
        found = f'an array of {value.dtype}' if isinstance(value, np.ndarray) else getattr(value, 'name', type(value).__name__)
        raise ValueError(f'{name} is {found}; finite float64 numbers are expected')
    if not np.isfinite(value).all():
        raise ValueError(f'{name} holds nan or infinite values; finite float64 numbers are expected')
    if value.ndim != len(shape) or any(n is not None and n != m for n, m in zip(shape, value.shape, strict=True)):
        raise ValueError(f'{name} has shape {value.shape}, expected {shape}')
    return value


def is_plain(value):
    """A number that JSON can hold."""
    return type(value) in (bool, int, float) and abs(value) < 2 ** 63 and math.isfinite(value)


def task_named(task, K):
    """The task of a decoder with K outputs: as it is called, or the released one; ValueError if they do not fit."""
    task = task or {1: 'categorisation', 2: 'estimation', 3: 'mixed'}.get(K)
    if task not in WORDS:
        fitting = ' | '.join(word for word in WORDS if len(task_of(word).outputs) == K)
        found = f'the decoder has {K} outputs' + (f', its task is called {task!r:.60}' if task else '')
        raise ValueError(f'{found}; tasks with so many outputs: {fitting or "none in tasks.py"}')
    needed = len(task_of(task).outputs)
    if K != needed:
        raise ValueError(f'the decoder has {K} outputs, the task {task} needs {needed}')
    return task


def convert(path, task=None):
    """(arrays and JSON strings for the npz, names that were ignored) of an original file; validates every array."""
    state, ignored = read(path)
    N = len(array(state, 'weights', (None, None)))
    if N == 0:
        raise ValueError(f'{path}: the network has no neurons')
    C, D = array(state, 'i_weights', (N, None)), array(state, 'decoder', (None, N))
    if 0 in (*C.shape, *D.shape):
        raise ValueError(f'{path}: the network has no inputs or no outputs')
    out = {'W': array(state, 'weights', (N, N)), 'C': C, 'b': array(state, 'biases', (N,)), 'D': D}
    for name, short in NAMES.items():
        value = array(state, f'{name}_old', out[short].shape, optional=True)
        if value is not None:
            out[f'{short}_initial'] = value
    for name in ('params', 'input_params'):
        plain = state.get(name) if isinstance(state.get(name), dict) else {}
        kept = {k: v for k, v in plain.items() if isinstance(k, str) and is_plain(v)}
        ignored += [f'{name}[{k!r:.60}]' for k in plain if k not in kept]
        out[f'{name}_json'] = np.array(json.dumps(kept))
    out['task_json'] = np.array(json.dumps(task_named(task or state.get('task_name'), len(D))))
    return out, ignored


# ---------------------------------------------------------------- npz -> original

def original(path):
    """Bytes of an original file with the network of an npz (a result of ours or a converted one); ValueError if it is none."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in OURS.intersection(file.files)}
        net = checked(arrays)
        if 0 in (*net.C.shape, *net.D.shape):
            raise ValueError('it has no neurons, no inputs or no outputs')
        if 'W_initial' in arrays:
            checked(arrays, '_initial')
        task = task_named(task_in(arrays), len(net.D))
        ours = dict(json.loads(str(arrays['meta']))['params']) if 'meta' in arrays else {}
        theirs = [dict(json.loads(str(arrays.get(f'{name}_json', '{}')))) for name in ('params', 'input_params')]
    except Exception as error:                     # a damaged or hostile file can raise anything
        raise ValueError(f'{path} holds no network ({type(error).__name__}: {error})') from error
    with np.load(PUBLISHED) as file:               # the names that the released program expects
        released = [json.loads(str(file[f'{name}_json'])) for name in ('params', 'input_params')]
    ours |= {'N': net.b.size, 'input_dim': len(net.C), 'target_dim': len(net.D)}
    params, input_params = ({k: ours.get(k, v) for k, v in (names | own).items()}
                            for names, own in zip(released, theirs, strict=True))
    return dumps(arrays, RELEASED_NAMES.get(task, task), params, input_params)


# ---------------------------------------------------------------- command line

def shown(text, limit=2000):
    """Text of a file for a terminal: control characters as \\x1b and the like, not too long."""
    safe = ''.join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return safe if len(safe) <= limit else f'{safe[:limit]} ... ({len(safe)} characters)'


def free(name):
    """The path of a file to be made; ValueError if something is there already."""
    if not name:
        raise ValueError('-o is empty: name a file, or leave -o out')
    if Path(name).exists():
        raise ValueError(f'{name} exists already; name another file with -o')
    if not Path(name).parent.is_dir():
        raise ValueError(f'{name}: there is no folder {Path(name).parent}')
    return Path(name)


def begins(name):
    """The first two bytes of a file."""
    with open(name, 'rb') as file:
        return file.read(2)


def to_npz(given):
    """Convert an original file, print what was found and what was ignored. Returns the path."""
    arrays, ignored = convert(given.file, given.task)
    for name, value in arrays.items():
        print(f'{name:18}', value.shape if value.ndim else shown(str(value), 80))
    print('ignored:', shown(', '.join(ignored)) or 'nothing')
    return write_atomically(given.out, lambda file: np.savez(file, **arrays))


def to_original(given):
    """Write the original program's file of an npz. Returns the path."""
    content = original(given.file)
    path = write_atomically(given.out, lambda file: file.write(content))
    print('The original program loads it with dill where its class PlasticNet is defined; functions are not in the file: set '
          'network.param_fns = param_fns after loading.')
    return path


def main(words=None):
    """Command line. Returns the exit code."""
    parser = argparse.ArgumentParser(prog='python -m task_plasticity.convert_network', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('file', help='an original network_cr, or an npz of ours')
    parser.add_argument('-o', '--out', default=None, help='where to write')
    parser.add_argument('--task', choices=WORDS, default=None, help='task of an original network, if the file does not say it')
    given = parser.parse_args(words)
    try:
        ours = Path(given.file).is_file() and begins(given.file) == b'PK'
        given.out = free(f'{given.file}{".network_cr" if ours else ".npz"}' if given.out is None else given.out)
        if ours and given.task:
            raise ValueError('--task is for original files; an npz knows its task')
        print('saved', (to_original if ours else to_npz)(given))
    except (ValueError, OSError, MemoryError) as error:
        print(f'convert_network: {shown(str(error))}', file=sys.stderr)
        return 1
    return 0
