"""R-STDP on MNIST: the experiments above the paper's accuracy. Choices are made on 10,000 withheld training images."""
from reproduction.evidence import each, row
from rstdp_mnist.exp_params import SWEEPS
from rstdp_mnist.experiments_shared import at_epoch, curves, members, name_of_params, of
from rstdp_mnist.plot_panels import PAPER

CLAIMS = {
    'fig_reward': 'Beyond the paper: an error, or a lead of the true class below a margin, teaches the true class as well.',
    'fig_search': 'What helps above the accuracy of the paper: all that was tried, judged by 10,000 withheld training images.',
    'fig_final': 'The setting that the withheld images choose, on all training images, tested once: above the paper.',
}
ARMS = {                                # (mode, what is given): arms of the ablation, all else as published
    'published': ('paper_short', {}), 'slow weights': ('paper_short', dict(slow_weights=300_000)),
    'true class': ('true_class', {}), 'margin': ('margin', dict(n_validation=0, epochs_s3=21))}


def reward():
    """Each part alone, three seeds, 21 epochs, all else as published."""
    arms = {name: members(mode, range(3), **given) for name, (mode, given) in ARMS.items()}
    rows = [row(f'{name}: test accuracy after epoch 20, %', of(name_of_params(arms[name][0]), at_epoch(part, 20)))
            for name, part in {**dict.fromkeys(ARMS, 'test'), 'margin': 'fast_test'}.items()]
    rows.append(row('margin and slow weights: test accuracy after epoch 20, %',
                    of(name_of_params(arms['margin'][0]), at_epoch('test', 20))))
    return {'mode': 'paper_short, true_class, margin', 'figure': 'fig_reward', 'claim': CLAIMS['fig_reward'],
            'runs': [p for some in arms.values() for p in some], 'rows': rows, 'needs': 'mnist', 'curves': curves}


def final():
    """The best settings of the search, longer; the winner on all images with three seeds, test set read once."""
    tried = [p for i in range(len(SWEEPS['finals'])) for p in members('finals', array_num=i + 1)]
    winners = members('beyond', range(3))
    withheld = each(lambda d, p: 100 * d['validation_fractions'][-1, 0])
    rows = [row('test accuracy, read once after 40 epochs, %', of(name_of_params(winners[0]), at_epoch('test', -1)), PAPER,
                main=True, note='setting, number of epochs: chosen by 10,000 withheld training images'),
            row('the same, fast weights', of(name_of_params(winners[0]), at_epoch('fast_test', -1)), PAPER)]
    rows += [row(f'{name}: accuracy on the withheld images after 40 epochs, %', of(name, withheld))
             for name in map(name_of_params, tried)]
    return {'mode': 'finals, beyond', 'figure': 'fig_final', 'claim': CLAIMS['fig_final'], 'runs': tried + winners,
            'rows': rows, 'needs': 'mnist', 'curves': curves}


def search():
    """All settings tried, 12 epochs of 50,000 images, one seed each."""
    runs = [p for i in range(len(SWEEPS['search'])) for p in members('search', array_num=i + 1)]
    withheld = each(lambda d, p: 100 * d['validation_fractions'][-1, 0])
    rows = [row(f'{name}: accuracy on the withheld images after 12 epochs, %', of(name, withheld))
            for name in map(name_of_params, runs)]
    return {'mode': 'search', 'figure': 'fig_search', 'claim': CLAIMS['fig_search'], 'runs': runs, 'rows': rows,
            'needs': 'mnist', 'curves': curves}


def experiments():
    """All of them."""
    return [reward(), search(), final()]
