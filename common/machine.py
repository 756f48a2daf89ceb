"""The machine: how much memory a run may take, and workers that end when their main process is gone."""
import os
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
