"""Reservoir, as the original script: python -m biohsic.train_reservoir nepochs=10 hsic.gamma=2"""
from biohsic.entry import run

if __name__ == '__main__':
    run('reservoir')
