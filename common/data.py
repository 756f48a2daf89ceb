"""Input files: where they are, what they hold, and their name in a result's key."""
import gzip
import hashlib
import os
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np

from common import ROOT

UNREADABLE = (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RuntimeError, SyntaxError,
              struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error)           # raised at damaged files
_DIGESTS = {}                           # path: (times and sizes, SHA-256)


def find_data(*names, how='', data_dir=''):
    """The first that exists of the alternatives `names` below data_dir; if that is '', below $PLASTICITY_DATA, then data/.

    Raises FileNotFoundError with `how` to get it. A data_dir that is given is the only place: nothing else replaces it.
    """
    named = os.environ.get('PLASTICITY_DATA')
    places = [Path(data_dir)] if data_dir else [Path(d) for d in (named,) if d] + [ROOT / 'data']
    for name, place in (('data_dir', data_dir), ('PLASTICITY_DATA', named)):
        if place and not Path(place).is_dir():
            raise FileNotFoundError(f'{name} = {place!r} is not a folder that exists')
    for place in places:
        for name in names:
            if (place / name).exists():
                return place / name
    raise FileNotFoundError(f'{" or ".join(names)} not found below {", ".join(map(str, places))}; {how}')


def demand_place(name, value):
    """Raise ValueError unless the path `value` exists and is what the parameter's name says: *_file a file, *_dir a folder."""
    try:
        there, folder = Path(value).exists(), Path(value).is_dir()
    except (OSError, ValueError):                  # no possible name of a file
        there, folder = False, False
    if not there:
        raise ValueError(f'{name} = {value!r} does not exist')
    if name.endswith('_file') and folder or name.endswith('_dir') and not folder:
        raise ValueError(f'{name} = {value!r} is {"a folder, not a file" if folder else "a file, not a folder"}')


def read_idx(path):
    """A gzipped idx file of unsigned bytes (MNIST's format) as a uint8 array; ValueError if it is none."""
    try:
        raw = gzip.decompress(Path(path).read_bytes())
        zero, kind, ndim = struct.unpack('>HBB', raw[:4])
        shape = struct.unpack(f'>{ndim}I', raw[4:4 + 4 * ndim])
        if (zero, kind) != (0, 8):
            raise ValueError('not unsigned bytes')
        return np.frombuffer(raw, np.uint8, offset=4 + 4 * ndim).reshape(shape)
    except UNREADABLE as error:
        raise ValueError(f'{path} is not a complete gzipped idx file ({error})') from error


def demand_digits(paths):
    """The paths; ValueError unless the idx files of labels among them hold the classes 0..9 only."""
    for path in paths:
        if 'labels' in Path(path).name and read_idx(path).max(initial=0) > 9:
            raise ValueError(f'{path} holds labels up to {read_idx(path).max()}; the ten classes are 0..9')
    return paths


def content_digest(path):
    """SHA-256 of a file's bytes, or of a folder's files (names and bytes, sorted); read again when a file has changed."""
    path = Path(path)
    files = sorted(f for f in path.rglob('*') if f.is_file()) if path.is_dir() else [path]
    stats = [f.stat() for f in files]
    stamp = [(str(f), s.st_mtime_ns, s.st_size) for f, s in zip(files, stats, strict=True)]
    if _DIGESTS.get(path, (None,))[0] != stamp:
        digest = hashlib.sha256()
        for file in files:
            digest.update(str(file.relative_to(path)).encode() if path.is_dir() else b'')
            with open(file, 'rb') as opened:
                digest.update(hashlib.file_digest(opened, 'sha256').digest())
        _DIGESTS[path] = stamp, digest.hexdigest()
    return _DIGESTS[path][1]
