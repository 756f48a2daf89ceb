"""Measure one rule: edit exp_params.py and run this file, or

    python -m across.simulation rule=hsic seed=3              one rule, one network
    python -m across.simulation array_num=0                   all rules, ten networks each

`run` is pure: parameters in, arrays out.
"""
import sys
from pathlib import Path

import numpy as np

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from across import rules
from across.measures import measured
from common.script import main


def run(p, checkpoint=None):
    """Two measurements (measures.measured), untrained and trained: {name: (2, ...)}. It takes seconds: no checkpoint."""
    both = [measured(updates, gradient) for gradient, updates in rules.RULES[p.rule](p, np.random.default_rng(p.seed))]
    return {name: np.array([found[name] for found in both]) for name in both[0]}


if __name__ == '__main__':
    main('across')
