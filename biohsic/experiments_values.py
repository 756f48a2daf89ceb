"""What the rows of biohsic are made of: the runs of an experiment, and functions from runs to one number a network."""
from biohsic import exp_params
from biohsic.plot_panels import kind, published, select
from biohsic.plot_pool import pooled
from reproduction.evidence import members

LATE = slice(15, 26)                    # epochs 15-25: single epochs fluctuate, for all networks have the same order
CLAIMS = {
    'reservoir': 'A read-out trained with each window follows the modulating signal of that window; frozen, it does not '
                 'carry over to a new epoch.',
    'small': 'Small leaky-integrator networks learn the linear and the XOR task online; without the third factor XOR is not '
             'learned.',
    'mnist': 'With the modulating signal computed directly the rule learns MNIST in a few epochs, well above the same networks '
             'without it; back-propagation is better.',
    'mnist_long': 'MNIST, 25 epochs: the rule reaches about 92 %, back-propagation 97.6 %.',
    'fashion': 'The same on Fashion-MNIST.',
    'reduced': 'CIFAR-10 by a reduced protocol: channels 32 and 64, first 5000 images, no augmentation.',
    'sweep': 'Effective batch size on MNIST: the test accuracy is highest at N = 4 to 8, but by less than chance; the training '
             'accuracy does not rise with N here, as it does in the published figure.',
    'factor': 'The third factor of the released rule acts on all hidden layers; its weight changes point in the direction of '
              'the exact gradient only in part.',
    'cifar10': 'CIFAR-10 in full, all images, augmented, one network each. Published after 50 epochs: back-propagation 79.1 %, '
               'the rule 59.9 %; here the rule has had 20.',
    'cifar10_sweep': 'Effective batch size on CIFAR-10 (channels 32-64, first 10,000 images): training accuracy rises with N, '
                     'test accuracy falls where networks learn the training images sooner.',
}


def params(mode, **given):
    """Params of one run."""
    return members(exp_params, mode, **given)[0]


def only(**wanted):
    """A function of runs that gives the one run with these parameters, whose networks may come from runs of several seeds;
    `what`: 'bp', 'hsic' or the modulator."""
    what = wanted.pop('what', None)
    return lambda runs: pooled([run for run in select(runs, **wanted) if what is None or kind(run) == what])[0]


def first(n, values):
    """A row's value: of the first n networks only."""
    return lambda runs: values(runs)[:n]


def at_epoch(choose, epoch, name='test_accuracy', scale=100.0):
    """A row's value: a metric of each network after `epoch` epochs."""
    return lambda runs: [float(scale * v) for v in choose(runs)[1][name][epoch]]


def late(choose):
    """A row's value: test accuracy (%) of each network, mean of epochs 15-25."""
    return lambda runs: [float(v) for v in 100 * choose(runs)[1]['test_accuracy'][LATE].mean(axis=0)]


def difference(of, minus):
    """A row's value: of - minus, network by network."""
    return lambda runs: [a - b for a, b in zip(of(runs), minus(runs), strict=True)]


def published_late(column):
    """Mean of epochs 15-25 of a published curve."""
    return round(float(published('small_curves')[column][LATE].mean()), 1)


def published_at(name, column, epoch):
    """A value of a published curve."""
    curve = published(name)
    return float(curve[column][list(curve['epoch']).index(epoch)])
