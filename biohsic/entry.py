"""The original's command lines: train_*.py are three lines each over simulation.py, with the batch sizes that were shipped."""
import sys

from biohsic import exp_params
from common.params import nearest
from common.script import main, stop
from common.words import command_words

NAMES = {'mnist': 'mnist', 'fashion_mnist': 'fashion', 'digits': 'mnist', 'xor': 'xor', 'linear': 'linear'}
NO_MEANING = ('gpu', 'job_suffix', 'logger', 'training.log_epochs', 'training.log_interval', 'checkpointing.path',
              'checkpointing.rate')     # keys of the original that concern its machine, log and folders only
SHIPPED = {'biohsic_mnist': 6, 'biohsic_cifar10_cnn': 6}     # the modes themselves have the published figures' N


def words_for(task, words):
    """The words of simulation.py for those of an original script: data=... and model=... choose the mode."""
    given = {exp_params.ALIASES.get(name, name): value for name, _, value in (word.partition('=') for word in words)}
    if 'mode' in given:
        raise ValueError('these scripts choose the mode from data= and model=; python -m biohsic.simulation takes mode=')
    if task in ('reservoir', 'lif'):
        return lif_or_reservoir(task, given, words)
    data = given.get('data', 'mnist')
    nearest('data', data, [*NAMES, 'cifar10'])
    kind = 'cnn' if given.get('model', 'cnn') == 'cnn' else 'mlp'
    mode = f'{task}_{f"cifar10_{kind}" if data == "cifar10" else NAMES[data]}'
    shipped = [f'batch_size={SHIPPED[mode]}'] if mode in SHIPPED and 'batch_size' not in given else []
    return [f'mode={mode}', *([f'data={data}'] if data == 'digits' and 'data' not in given else []), *shipped, *words]


def meaningful(words):
    """The words without those of NO_MEANING, which are named on stderr."""
    dropped = [word for word in words if word.partition('=')[0].lstrip('+') in NO_MEANING]
    if dropped:
        print(f'no meaning here, left out: {" ".join(dropped)} (results, checkpoints: see the README)', file=sys.stderr)
    return [word for word in words if word not in dropped]


def lif_or_reservoir(task, given, words):
    """One mode, or that of the data (xor if none are named)."""
    if task == 'reservoir':
        return ['mode=reservoir', *words]
    nearest('data', given.get('data', 'xor'), NAMES)
    return [f'mode=lif_{NAMES[given.get("data", "xor")]}', *words]


def run(task):
    """Main block of a train_*.py."""
    try:
        words = words_for(task, meaningful(command_words('biohsic')))
    except ValueError as error:
        stop(f'biohsic: {error}')
    main('biohsic', words)
