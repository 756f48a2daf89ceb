"""What the five folders share and nothing that knows a model; one thing a file.

params, values    modes, name=value words, limits; text as the type of a field
words             the command line: members of a sweep, the command of a run, help
results           keys, result files                 checkpoint    state of unfinished runs
kernel            compiled kernels and their cache   data          finding, reading, naming input files
running           one run to its end, sweeps         script        main block of a script
machine           memory, lost parents               figures       style, grid, heat maps, saving, finished runs
"""
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]      # of this clone
