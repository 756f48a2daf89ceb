"""Back-propagation, by the name of the original script: python -m biohsic.train_bp data=mnist model=cnn"""
from biohsic.entry import run

if __name__ == '__main__':
    run('bp')
