"""What the five folders share and nothing that knows a model; one thing a file.

params      modes, name=value words, limits of parameters        results     keys, result files
checkpoint  state of unfinished runs                             kernel      compiled kernels and their cache
running     one run to its end, sweeps                           script      main block of a script
machine     memory, lost parents                                 data        finding, reading, naming input files
figures     style, grid, saving, finished runs                   words       command line: members of a sweep, help
"""
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]      # of this clone
