"""Input files: where they are, what they hold, and their name in a result's key."""
import gzip
import hashlib
import os
import struct
from pathlib import Path

import numpy as np

from common import ROOT

_DIGESTS = {}                           # path: (times and sizes, SHA-256)


def find_data(*names, how='', data_dir=''):
    """The first that exists of the alternatives `names` below data_dir; if that is '', below $PLASTICITY_DATA, then data/.

    Raises FileNotFoundError with `how` to get it. A data_dir that is given is the only place: nothing else replaces it.
    """
    places = [Path(data_dir)] if data_dir else [Path(d) for d in (os.environ.get('PLASTICITY_DATA'),) if d] + [ROOT / 'data']
    if data_dir and not Path(data_dir).is_dir():
        raise FileNotFoundError(f'data_dir = {data_dir!r} is not a folder that exists')
    for place in places:
        for name in names:
            if (place / name).exists():
                return place / name
    raise FileNotFoundError(f'{" or ".join(names)} not found below {", ".join(map(str, places))}; {how}')


def read_idx(path):
    """A gzipped idx file of unsigned bytes (MNIST's format) as a uint8 array; ValueError if it is none."""
    try:
        raw = gzip.decompress(Path(path).read_bytes())
        zero, kind, ndim = struct.unpack('>HBB', raw[:4])
        shape = struct.unpack(f'>{ndim}I', raw[4:4 + 4 * ndim])
        if (zero, kind) != (0, 8):
            raise ValueError('not unsigned bytes')
        return np.frombuffer(raw, np.uint8, offset=4 + 4 * ndim).reshape(shape)
    except (OSError, EOFError, struct.error, ValueError) as error:
        raise ValueError(f'{path} is not a complete gzipped idx file ({error})') from error


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
