"""Measure one rule: edit exp_params.py and run this file, or

    python -m across.simulation rule=hsic seed=3              one rule, one network
    python -m across.simulation array_num=0                   all rules, ten networks each

`run` is pure: parameters in, arrays out.
"""
import sys
import warnings
from pathlib import Path

import numpy as np

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from across import learning, rules
from across.measures import measured
from common.params import Remark
from common.script import main


def run(p, checkpoint=None):
    """Mode learning: {'seen', 'score': (n,)}. Else what measures.measured finds, untrained and trained: {name: (2, ...)}.

    It takes seconds: there are no checkpoints.
    """
    rng = np.random.default_rng(p.seed)
    with warnings.catch_warnings(action='ignore', category=Remark):        # about parameters of the folders
        if p.mode == 'learning':
            seen, score = learning.LEARN[p.rule](p, rng)
            return {'seen': np.asarray(seen), 'score': np.asarray(score, float)}
        both = [measured(updates, gradient) for gradient, updates in rules.RULES[p.rule](p, rng)]
        return {name: np.array([found[name] for found in both]) for name in both[0]}


if __name__ == '__main__':
    main('across')
