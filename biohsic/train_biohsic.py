"""The three-factor rule, by the name of the original script: python -m biohsic.train_biohsic data=mnist model=mlp"""
import sys
from pathlib import Path

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from biohsic.entry import run

if __name__ == '__main__':
    run('biohsic')
