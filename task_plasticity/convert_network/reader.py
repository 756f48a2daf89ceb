"""Read the pickle of an original network without running anything that it names.

The file carries classes and functions as byte code; loading it the ordinary way would run whatever it says. The reader here can
build numeric arrays (from their bytes, checked first), dictionaries, lists, numbers and text; every other name in the file
becomes an inert placeholder that records what it was asked to be and does nothing. Pickle protocols 0 to 5, dill from 0.3 on,
numpy before and after 2.0.
"""
import io
import pickle
from pathlib import Path

import numpy as np

MAX_BYTES = 64 * 2 ** 20            # of the file, and of all arrays that it makes
CODES = {'f8', 'f4', 'i8', 'i4', 'i2', 'i1', 'u8', 'u4', 'u2', 'u1', 'b1'}
CORE = {f'numpy.{core}.{module}' for core in ('core', '_core') for module in ('multiarray', '_multiarray_umath', 'numeric')}


class Placeholder:
    """An object of the file that is not data: its name, and nothing else. Accepts whatever is done to it."""

    name = '?'

    def __new__(cls, *args, **kwargs):
        return object.__new__(cls if isinstance(cls, type) else type(cls))     # a file may take an instance for a class

    def __init__(self, *args, **kwargs):
        pass

    def __call__(self, *args, **kwargs):
        return self

    def __setstate__(self, state):
        pass

    def __setitem__(self, key, value):
        pass

    def append(self, value):
        """What a list would do."""


def placeholder(name):
    """An inert class that remembers `name`."""
    return type('Placeholder', (Placeholder,), {'name': name})


class Instance:
    """What the file calls an instance of its own class: a bag of attributes."""


class Dtype:
    """A numpy dtype as the file describes it: a plain numeric code; arrays of any other become placeholders."""

    def __init__(self, code, align=False, copy=True):
        self.code, self.order = code, '<'
        self.plain = isinstance(code, str) and code in CODES

    def __setstate__(self, state):
        self.order = '>' if isinstance(state, tuple) and len(state) > 1 and state[1] == '>' else '<'

    def numpy(self):
        """The dtype."""
        return np.dtype(self.order + self.code)


class Array:
    """A numpy array as the file describes it; `value` is built from its bytes only after shape, type and size were checked."""

    value = None

    def __init__(self, reader):
        self.reader = reader

    def __setstate__(self, state):
        _, shape, dtype, fortran, content = state
        self.value = self.reader.array(shape, dtype, 'F' if fortran else 'C', content)


class Token:
    """Something of numpy or dill that the file names and that makes arrays: `make(*args)` instead of the real thing."""

    def __init__(self, name, make):
        self.name, self.make = name, make

    def __call__(self, *args):
        return self.make(*args)


class Reader(pickle._Unpickler):
    """An unpickler that resolves a closed list of names.

    It is the pickle module's own one in Python: the one in C reserves memory for whatever index a file writes down.
    """

    def __init__(self, file):
        super().__init__(file)
        self.ignored, self.built, self.instance = set(), 0, type('Instance', (Instance,), {})

    def spend(self, n):
        """Count n bytes that the file makes us build."""
        self.built += n
        if self.built > MAX_BYTES:
            raise pickle.UnpicklingError(f'its arrays need more than {MAX_BYTES} bytes')

    def array(self, shape, dtype, order, content):
        """A numpy array of plain numbers, as many as its shape says; a placeholder for other arrays."""
        if not isinstance(dtype, Dtype) or not dtype.plain or not isinstance(content, (bytes, bytearray)):
            return placeholder('an array that is not made of plain numbers')()
        if not isinstance(shape, tuple) or len(shape) > 8 or not all(type(n) is int and 0 <= n < 2 ** 40 for n in shape):
            raise pickle.UnpicklingError(f'an array of shape {shape!r:.80}')
        count, kind = 1, dtype.numpy()
        for n in shape:
            count *= n
        if count * kind.itemsize != len(content):
            raise pickle.UnpicklingError(f'an array of shape {shape} and type {dtype.code} with {len(content)} bytes')
        self.spend(len(content))
        flat = np.frombuffer(bytes(content), kind).astype(kind.newbyteorder('='))
        return flat.reshape(shape, order='F' if order == 'F' else 'C')

    def scalar(self, dtype, content):
        """numpy's scalar constructor: a Python number."""
        made = self.array((), dtype, 'C', content)
        return made.item() if isinstance(made, np.ndarray) else made

    def from_buffer(self, content, dtype, shape, order='C', *_):
        """numpy's constructor from a buffer (protocol 5)."""
        made = Array(self)
        made.value = self.array(shape, dtype, order, content)
        return made

    def create_array(self, function, args, state, *_):
        """dill's array constructor: numpy's, and the state."""
        if not isinstance(function, Token) or function.name != '_reconstruct':
            return placeholder('an array that is made by something else than numpy')()
        made = Array(self)
        made.__setstate__(state)
        return made

    def encode(self, text='', encoding='latin1'):
        """Bytes as protocols 0 to 2 write them: text in Latin 1."""
        if not isinstance(text, str) or encoding not in ('latin1', 'latin-1'):
            raise pickle.UnpicklingError('bytes in a strange encoding')
        self.spend(len(text))
        return text.encode('latin-1')

    def attribute(self, owner=None, name='', *_):
        """dill's attribute look-up: numpy's array constructor, or a placeholder."""
        known = isinstance(owner, Token) and owner.name in CORE and name == '_reconstruct'
        return self.reconstruct() if known else placeholder(str(name))

    def reconstruct(self):
        """numpy's array constructor: an empty Array, whose state comes next."""
        return Token('_reconstruct', lambda *_: Array(self))

    def object_of(self, kind=None, *_):
        """Python's constructor of instances (protocols 0 and 1)."""
        return kind() if isinstance(kind, type) and issubclass(kind, (Instance, Placeholder)) else Placeholder()

    def find_class(self, module, name):
        """The allowed names, as ours; a placeholder for all others."""
        module = {'__builtin__': 'builtins', 'copy_reg': 'copyreg'}.get(module, module)
        if module in CORE and name == '_reconstruct':
            return self.reconstruct()
        known = {('numpy', 'ndarray'): lambda: Placeholder, ('numpy', 'dtype'): lambda: Token(name, Dtype),
                 ('dill._dill', '_create_type'): lambda: Token(name, lambda *_: self.instance),
                 ('dill._dill', '_import_module'): lambda: Token(name, lambda n='', *_: Token(str(n), placeholder(str(n)))),
                 ('dill._dill', '_get_attr'): lambda: Token(name, self.attribute),
                 ('dill._dill', '_create_array'): lambda: Token(name, self.create_array),
                 ('_codecs', 'encode'): lambda: Token(name, self.encode),
                 ('builtins', 'bytes'): lambda: Token(name, self.encode),
                 ('copyreg', '_reconstructor'): lambda: Token(name, self.object_of)}
        known |= {(core, '_frombuffer'): lambda: Token(name, self.from_buffer) for core in CORE}
        known |= {(core, 'scalar'): lambda: Token(name, self.scalar) for core in CORE}
        known |= {('__main__', 'PlasticNet'): lambda: self.instance, ('numpy', 'array'): lambda: Token(name, self.from_list)}
        if (module, name) in known:
            return known[module, name]()
        self.ignored.add(f'{module}.{name}')
        return placeholder(f'{module}.{name}')

    def from_list(self, rows, *_):
        """numpy.array of a list of numbers, or of such lists: how our own writer stores arrays."""
        lines = rows if isinstance(rows, list) and rows and all(isinstance(row, list) for row in rows) else [rows]
        if not all(isinstance(row, list) and len(row) == len(lines[0]) and all(type(x) in (int, float) for x in row)
                   for row in lines):
            raise pickle.UnpicklingError('an array that is not made of plain numbers')
        self.spend(8 * len(lines) * len(lines[0]))
        made = Array(self)
        made.value = np.array(rows, float)
        return made

    def persistent_load(self, pid):
        """References to things outside of the file do not exist."""
        raise pickle.UnpicklingError('it refers to objects outside of itself')


def read(path):
    """(state dictionary of the network, sorted names that were not resolved). ValueError for anything else than such a file."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'{path} is a folder' if path.is_dir() else f'{path} does not exist')
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f'{path} has {path.stat().st_size} bytes, at most {MAX_BYTES} are read')
    content = path.read_bytes()
    if content[:2] == b'PK':
        raise ValueError(f'{path} is an npz (zip) file, not a pickle; a converted network is used with network_file={path}')
    reader = Reader(io.BytesIO(content))
    try:
        found = reader.load()
    except Exception as error:                     # a hostile or damaged stream can raise anything
        why = 'it ends too early' if isinstance(error, EOFError) else f'{type(error).__name__}: {error}'
        raise ValueError(f'{path} is not a readable network file ({why})') from error
    state = found if isinstance(found, dict) else vars(found) if isinstance(found, Instance) else None
    if state is None or 'weights' not in state:
        raise ValueError(f'{path} holds no network: no "weights" in it')
    return state, sorted(reader.ignored)
