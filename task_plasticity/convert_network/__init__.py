"""Read an original `network_cr` file without running anything that it names, and write a plain npz.

    python -m task_plasticity.convert_network network_cr [-o FILE.npz] [--task estimation]

The file is a pickle that carries classes and functions as byte code; loading it the ordinary way would run whatever it says.
The reader here can build numeric arrays (from their bytes, checked first), dictionaries, lists, numbers and text; every other
name in the file becomes an inert placeholder that records what it was asked to be and does nothing.
"""
import argparse
import json
import pickle
import sys
from pathlib import Path

import numpy as np

from common.results import write_atomically
from task_plasticity.state import TASKS

OUTPUTS = {TASKS['estimation']: 2, TASKS['categorisation']: 1, TASKS['mixed']: 3}
MAX_BYTES, MAX_ELEMENTS = 64 * 2 ** 20, 10 ** 7
CODES = {'f8', 'f4', 'i8', 'i4', 'i2', 'i1', 'u8', 'u4', 'u2', 'u1', 'b1'}
CORE = {f'numpy.{core}.{module}' for core in ('core', '_core') for module in ('multiarray', '_multiarray_umath')}


class Placeholder:
    """An object of the file that is not data: its name, and nothing else. Accepts being called and being given a state."""

    name = '?'

    def __init__(self, *args, **kwargs):
        pass

    def __call__(self, *args, **kwargs):
        return self

    def __setstate__(self, state):
        pass


def placeholder(name):
    """An inert class that remembers `name`."""
    return type('Placeholder', (Placeholder,), {'name': name})


class Instance:
    """What the file calls an instance of its own class: a bag of attributes."""


class Dtype:
    """A numpy dtype as the file describes it: a plain numeric code, nothing else."""

    def __init__(self, code, align=False, copy=True):
        if not isinstance(code, str) or code not in CODES:
            raise pickle.UnpicklingError(f'dtype {code!r} is not a plain number')
        self.code, self.order = code, '<'

    def __setstate__(self, state):
        self.order = '>' if isinstance(state, tuple) and len(state) > 1 and state[1] == '>' else '<'


class Array:
    """A numpy array as the file describes it; built from its bytes only after shape, type and size were checked."""

    value = None

    def __setstate__(self, state):
        _, shape, dtype, fortran, content = state
        if not isinstance(dtype, Dtype) or not isinstance(content, bytes):
            raise pickle.UnpicklingError('an array that is not made of plain numbers')
        count = 1
        for n in shape:
            if not isinstance(n, int) or n < 0:
                raise pickle.UnpicklingError(f'array of shape {shape!r}')
            count *= n
        kind = np.dtype(dtype.order + dtype.code)
        if count > MAX_ELEMENTS or count * kind.itemsize != len(content):
            raise pickle.UnpicklingError(f'array of shape {shape} with {len(content)} bytes')
        flat = np.frombuffer(content, kind)
        self.value = flat.reshape(shape, order='F' if fortran else 'C').astype(kind.newbyteorder('=')).copy()


class Token:
    """A module that the file wants to import: its name only."""

    def __init__(self, name=''):
        self.name = name


def reconstruct(kind=None, *_):
    """numpy's array constructor in the file: an empty Array."""
    return Array()


def get_attribute(owner, name=''):
    """dill's attribute look-up in the file: numpy's array constructor, or a placeholder."""
    if isinstance(owner, Token) and owner.name in CORE and name == '_reconstruct':
        return reconstruct
    return placeholder(str(name))


class Reader(pickle.Unpickler):
    """An unpickler that resolves a closed list of names."""

    def __init__(self, file):
        super().__init__(file)
        self.ignored = set()

    def find_class(self, module, name):
        """The allowed names; a placeholder for all others."""
        known = {('numpy', 'ndarray'): Array, ('numpy', 'dtype'): Dtype, ('dill._dill', '_create_type'): lambda *_: Instance,
                 ('dill._dill', '_import_module'): lambda n='', *_: Token(str(n)), ('dill._dill', '_get_attr'): get_attribute}
        known |= {(core, '_reconstruct'): reconstruct for core in CORE}
        if (module, name) in known:
            return known[module, name]
        self.ignored.add(f'{module}.{name}')
        return placeholder(f'{module}.{name}')

    def persistent_load(self, pid):
        """References to things outside of the file do not exist."""
        raise pickle.UnpicklingError('the file refers to objects outside of itself')


def read(path):
    """(state dictionary of the network, sorted names that were not resolved). ValueError for anything else than such a file."""
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f'{path} does not exist')
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f'{path} has {path.stat().st_size} bytes, at most {MAX_BYTES} are read')
    with open(path, 'rb') as file:
        reader = Reader(file)
        try:
            found = reader.load()
        except Exception as error:                 # a hostile or damaged stream can raise anything
            raise ValueError(f'{path} is not a readable network file ({type(error).__name__}: {error})') from error
    state = found if isinstance(found, dict) else vars(found) if isinstance(found, Instance) else None
    if state is None or 'weights' not in state:
        raise ValueError(f'{path} holds no network: no "weights" in it')
    return state, sorted(reader.ignored)


def array(state, name, shape, optional=False):
    """A finite float64 array of the state with the given shape (None: any length)."""
    value = state.get(name)
    value = value.value if isinstance(value, Array) else value
    if value is None and optional:
        return None
    if not isinstance(value, np.ndarray) or value.dtype != np.float64 or not np.isfinite(value).all():
        raise ValueError(f'{name}: finite float64 numbers expected')
    if value.ndim != len(shape) or any(n is not None and n != m for n, m in zip(shape, value.shape, strict=True)):
        raise ValueError(f'{name} has shape {value.shape}, expected {shape}')
    return value


def convert(path, task=None):
    """(arrays and JSON strings for the npz, names that were ignored) of an original file; validates every array."""
    state, ignored = read(path)
    W = array(state, 'weights', (None, None))
    N = len(W)
    C, D = array(state, 'i_weights', (N, None)), array(state, 'decoder', (None, N))
    out = {'W': array(state, 'weights', (N, N)), 'C': C, 'b': array(state, 'biases', (N,)), 'D': D}
    shapes = {'weights_old': ('W', W.shape), 'i_weights_old': ('C', C.shape), 'biases_old': ('b', (N,)),
              'decoder_old': ('D', D.shape)}
    for name, (short, shape) in shapes.items():
        value = array(state, name, shape, optional=True)
        if value is not None:
            out[f'{short}_initial'] = value
    for name in ('params', 'input_params'):
        plain = state.get(name) if isinstance(state.get(name), dict) else {}
        kept = {k: v for k, v in plain.items() if isinstance(k, str) and isinstance(v, (int, float))}
        ignored += [f'{name}[{k!r}]' for k in plain if k not in kept]
        out[f'{name}_json'] = np.array(json.dumps(kept))
    task = task or {1: 'categorisation', 2: 'estimation', 3: 'mixed'}.get(len(D))
    if TASKS.get(task) is None:
        raise ValueError(f'the decoder has {len(D)} outputs; name the task: --task {" | ".join(sorted(TASKS))}')
    if len(D) != OUTPUTS[TASKS[task]]:
        raise ValueError(f'the decoder has {len(D)} outputs, the task {task} needs {OUTPUTS[TASKS[task]]}')
    out['task_json'] = np.array(json.dumps(task))
    return out, ignored


def main(words=None):
    """Command line: convert, print what was found and what was ignored. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('file')
    parser.add_argument('-o', '--out', default=None)
    parser.add_argument('--task', choices=sorted(TASKS), default=None)
    given = parser.parse_args(words)
    try:
        arrays, ignored = convert(given.file, given.task)
        target = Path(given.out or f'{given.file}.npz')
        write_atomically(target, lambda file: np.savez(file, **arrays))
    except (ValueError, OSError) as error:
        print(f'convert_network: {error}', file=sys.stderr)
        return 1
    for name, value in arrays.items():
        print(f'{name:18}', value.shape if value.ndim else str(value)[:80])
    print('ignored:', ', '.join(ignored) or 'nothing')
    print('saved', target)
    return 0

