"""The state of an unfinished run on disk, so that a killed run goes on and ends with the same bits."""
import json
import os
import time
from pathlib import Path

import numpy as np
import psutil

from common.results import load_npz, write_atomically


def seconds(text):
    """Seconds between two checkpoints; ValueError unless a number from 0 on."""
    try:
        if 0 <= float(text) < float('inf'):
            return float(text)
    except ValueError:
        pass
    raise ValueError(f'PLASTICITY_CHECKPOINT_SECONDS = {text!r}: a number of seconds from 0 on')


class Checkpoint:
    """State of an unfinished run, written at most every `every` seconds. Without a path it does nothing.

    It holds its own file's name, which stands for the run (parameters, input, code: result_path), so that the state of another
    run, copied there, is refused.
    """

    def __init__(self, path=None, every=30.0):
        self.path, self.last = Path(path) if path else None, time.time()
        self.every = seconds(os.environ.get('PLASTICITY_CHECKPOINT_SECONDS') or every)
        self.begin = time.process_time()           # earlier by what an interrupted run had used

    def part(self, name):
        """The checkpoint of another stage of the same run."""
        return Checkpoint(self.path.with_suffix(f'.{name}.npz') if self.path else None, self.every)

    def resume(self):
        """(meta, arrays) of the last checkpoint, or None to start from the beginning."""
        if not self.path or not self.path.exists():
            return None
        meta, arrays = load_npz(self.path, 'checkpoint')
        if meta.get('of', self.path.name) != self.path.name:
            raise ValueError(f'{self.path} holds the state of another run ({meta["of"]}); delete it and run again')
        self.begin -= meta['cpu_seconds']
        return meta, arrays

    def offer(self, state, *args):
        """Save `state(*args) -> (meta dict, arrays dict)` if it is time."""
        if self.path and time.time() - self.last >= self.every:
            meta, arrays = state(*args)
            meta = meta | {'cpu_seconds': time.process_time() - self.begin, 'names': sorted(arrays), 'of': self.path.name}
            text = np.array(json.dumps(meta))
            write_atomically(self.path, lambda file: np.savez(file, meta=text, **arrays))
            self.last = time.time()

    def done(self):
        """The run is complete and saved: forget its checkpoints, and what kills in the middle of a write left."""
        for pattern in (f'{self.path.stem}*.npz', f'.{self.path.stem}*.tmp') if self.path else ():
            for path in self.path.parent.glob(pattern):
                writer = path.name.split('.')[-2]               # number of the process that writes a temporary file
                if path.suffix == '.npz' or not psutil.pid_exists(int(writer)):
                    path.unlink(missing_ok=True)


def rng_state(rng):
    """State of a Generator or a legacy RandomState as something JSON can hold."""
    state = rng.bit_generator.state if isinstance(rng, np.random.Generator) else rng.get_state(legacy=False)
    return json.loads(json.dumps(state, default=lambda a: np.asarray(a).tolist()))


def restore_rng(rng, state):
    """Set a generator to a state of rng_state."""
    if isinstance(rng, np.random.Generator):
        rng.bit_generator.state = state
    else:
        rng.set_state(state)
