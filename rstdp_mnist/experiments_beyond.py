"""R-STDP on MNIST: the experiments above the paper's accuracy. Choices are made on 10,000 withheld training images."""
from reproduction.evidence import each, row
from rstdp_mnist.exp_params import SWEEPS
from rstdp_mnist.experiments_shared import at_epoch, by_validation, curves, members, name_of_params, of
from rstdp_mnist.plot_panels import PAPER

CLAIMS = {
    'fig_beyond': 'Beyond the paper: an error, or a lead of the true class below a margin, teaches the true class as well.',
    'fig_search': 'What helps above the accuracy of the paper: all that was tried, judged by 10,000 withheld training images.',
}


def margin():
    """A margin and slow weights, one seed, layer 3 on 50,000 images: 10,000 withheld ones choose the epoch."""
    rows = [row('test accuracy in the epoch that 10,000 withheld images choose, %', by_validation, PAPER, main=True,
                note='layer 3 trained on 50,000 images; the choice of the margin (5 %) was made on trials with the test set'),
            row('test accuracy after the last epoch, %', at_epoch('test', -1), PAPER),
            row('the same, fast weights', at_epoch('fast_test', -1), PAPER)]
    return {'mode': 'margin', 'figure': 'fig_beyond', 'claim': CLAIMS['fig_beyond'], 'runs': members('margin'), 'rows': rows,
            'needs': 'mnist', 'curves': curves}


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
    return [margin(), search()]
