"""The HSIC objective with its full gradient, as the original script: python -m biohsic.train_hsic data=mnist model=mlp"""
from biohsic.entry import run

if __name__ == '__main__':
    run('hsic')
