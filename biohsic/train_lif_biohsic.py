"""Leaky-integrator networks, as the original script: python -m biohsic.train_lif_biohsic data=xor (or +data=linear)"""
from biohsic.entry import run

if __name__ == '__main__':
    run('lif')
