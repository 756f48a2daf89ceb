"""The three-factor rule, by the name of the original script: python -m biohsic.train_biohsic data=mnist model=mlp"""
from biohsic.entry import run

if __name__ == '__main__':
    run('biohsic')
