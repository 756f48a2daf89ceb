"""The machine: how much memory a run may take, workers that end when their main process is gone, no denormals."""
import contextlib
import ctypes
import ctypes.util
import os
import platform
import threading
import time

import psutil

from common.params import checks_of


def in_words(size):
    """Bytes for people."""
    return f'{size / 1e9:.3g} GB' if size >= 1e12 else f'{size / 1e9:.1f} GB' if size >= 1e9 else f'{size / 1e6:.0f} MB'


def demand_memory(p):
    """Raise ValueError if run p (checks.memory) needs more memory than is free."""
    free = psutil.virtual_memory().available
    try:
        needed = getattr(checks_of(p), 'memory', lambda p: 0)(p)
    except OverflowError:
        needed = float('inf')
    if needed > free:
        raise ValueError(f'these sizes need about {in_words(needed)} of memory, {in_words(free)} are free')


def end_with(parent):
    """Let this worker end by itself within seconds when its process `parent` (an id) is gone, however it ended; None: never."""
    def watch():
        while (os.name == 'nt' or os.getppid() == parent) and psutil.pid_exists(parent):
            time.sleep(1)
        os._exit(1)
    if parent not in (None, os.getpid()) and not any(t.name == 'parent watch' for t in threading.enumerate()):
        threading.Thread(target=watch, name='parent watch', daemon=True).start()


# ---------------------------------------------------------------- denormals

CONTROL = {('Linux', 'x86_64'): (28, 0x8040), ('Linux', 'aarch64'): (0, 1 << 24)}     # of C's fenv_t: byte, bits to set


@contextlib.contextmanager
def without_denormals():
    """Within it, this thread takes numbers below the smallest normal one (1.2e-38 in float32) for 0. A processor needs up to a
    hundred times longer for them, and moments of an optimiser are full of them where gradients vanish: squares of 1e-20.
    Where it cannot be set (other than Linux on x86-64 and ARM) nothing happens, and such runs are slower."""
    at, bits = CONTROL.get((platform.system(), platform.machine()), (None, 0))
    if at is None:
        yield
        return
    library, before, after = ctypes.CDLL(ctypes.util.find_library('m')), ctypes.create_string_buffer(64), bytearray(64)
    library.fegetenv(before)
    after[:] = before.raw
    word = int.from_bytes(after[at:at + 4], 'little') | bits
    after[at:at + 4] = word.to_bytes(4, 'little')
    library.fesetenv((ctypes.c_char * 64).from_buffer(after))
    try:
        yield
    finally:
        library.fesetenv(before)
