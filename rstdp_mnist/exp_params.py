"""R-STDP on MNIST: parameters. Choose `mode` (or edit a value), save, run simulation.py.

Defaults are the paper's mathematics as its authors' simulator runs it. Lists have one entry a layer. Time is the bin number.
"""
from dataclasses import dataclass

from rstdp_mnist.checks import check

mode = 'paper_short'                    # a key of MODES below


@dataclass(frozen=True)
class Params:                           # value = the paper's network, 21 epochs of layer 3
    """One run."""

    mode: str = 'paper_short'
    array_num: int = 1                  # member of the mode's sweep: the seeds; 0 = all
    seed: int = 0                       # initial weights, shuffling, dropout
    s3_seed: int = -1                   # another draw of layer 3 on the same layers 1-2; -1: none
    # data
    data: str = 'mnist'                 # 'mnist', 'fashion_mnist', 'cifar10' (grey), 'nmnist' (event camera), or
                                        # 'digits': scikit-learn's, a stand-in
    data_dir: str = ''                  # the folder of the data; '': $PLASTICITY_DATA, then data/
    n_train: int = 60_000               # first images of the training set
    n_test: int = 10_000                # first images of the test set
    n_validation: int = 0               # last ones of n_train: withheld from layer 3, scored beside the test set
    shuffle: bool = False               # new order of the training images in each epoch
    shift: int = 0                      # layer 3 also sees training images moved by so many pixels up, down, left, right
    # encoding of grey images
    n_time_bins: int = 15               #                                                   T
    dog_window: tuple = (3, 3, 7, 7, 13, 13)                            # filter bank: odd windows, pixels        n
    dog_sigma_1: tuple = (3 / 9, 6 / 9, 7 / 9, 14 / 9, 13 / 9, 26 / 9)  # the positive Gaussian, pixels     sigma_1
    dog_sigma_2: tuple = (6 / 9, 3 / 9, 14 / 9, 7 / 9, 26 / 9, 13 / 9)  # the negative one; larger: on-centre  sigma_2
    dog_threshold: tuple = (50.0,)      # smaller responses become 0; one number, or one a filter
    norm_radius: int = 8                # of the box of the local normalisation, pixels
    on_empty: str = 'raise'             # an (almost) blank image: 'raise', or 'silent'
    # network
    n_maps: tuple = (30, 250, 200)      # feature maps
    kernel_size: tuple = (5, 3, 5)      # side of the kernels; layer 3: odd, its padding keeps the size
    padding: tuple = (2, 1)             # zeros around the inputs of layers 1, 2
    pool: tuple = (2, 3)                # side of the pooling windows behind layers 1, 2
    threshold: tuple = (15.0, 10.0)     # of layers 1, 2; layer 3 never fires                theta
    strict_threshold: bool = True       # V > theta (False: V >= theta)
    pooling: str = 'first'              # a pooled cell fires once, or at every 'distinct' latency of its window
    init_mean: float = 0.8              # initial weights, normal
    init_sd: float = 0.05               # ... and their s.d.
    n_classes: int = 10                 # classes, each with as many maps of layer 3
    class_map: str = 'by_map'           # g(f) = floor(f / maps a class), or 'flat_mod': flat neuron index mod n_classes
    # STDP, layers 1 and 2
    epochs_s1: int = 2                  # passes through the training set
    epochs_s2: int = 4                  # of layer 2
    ltp_rate: float = 0.004             #                                                   a+
    ltd_rate: float = -0.003            #                                                   a-
    max_ltp_rate: float = 0.15          # a+ doubles up to here; then a- = -0.75 a+
    doubling_interval: int = 500        # presentations
    weight_bounds: tuple = (0.0, 1.0)   #                                                   w_lo, w_hi
    n_winners: tuple = (5, 8)           # a presentation                                     k
    inhibition_radius: tuple = (3, 1)   # Chebyshev distance around a winner                 r
    competition: str = 'event'          # pointwise and k-winners; 'batch': the replication's
    # R-STDP, layer 3
    epochs_s3: int = 21                 # of layer 3
    reward: str = 'winner'              # who learns: the 'winner'; on errors the 'true_class' too; both within a 'margin'
    margin: float = 0.05                # lead over all other classes that the true class must have
    reward_ltp: float = 0.004           # rewarded, afferent fired                           a_r+
    reward_ltd: float = -0.003          # rewarded, silent afferent                          a_r-
    punishment_ltd: float = -0.004      # punished, afferent fired                           a_p-
    punishment_ltp: float = 0.0005      # punished, silent afferent                          a_p+
    s3_bounds: tuple = (0.2, 0.8)       #                                                   w_lo, w_hi
    s3_decay: float = 1.0               # factor of all rates of layer 3 from one epoch to the next
    factor_window: int = 1000           # presentations between adjustments of phi_r, phi_p and of the slow weights
    first_factors: tuple = (1.0, 1.0)   # phi_r, phi_p of the first window
    silent_is_miss: bool = False        # an image without decision counts as wrong in the factors
    slow_weights: int = 0               # decide with an average of the weights over about so many images; 0: with the weights
    s3_dropout: float = 0.0             # probability that a map cannot win in a training presentation
    dropout_epochs: int = 0             # epochs in which it falls linearly to 0; 0: it stays
    s3_dtype: str = 'float32'           # of layer 3's weights, or 'float64'
    batch_size: int = 1                 # 1: weights change after every image; else the changes of so many are summed
    # records
    test_every: int = 1                 # epochs between two tests of layer 3
    released_code: bool = False         # the replication's settings in any mode (RELEASED)
    rng: str = 'modern'                 # the originals draw from torch: there is no legacy stream to replay

    def __post_init__(self):
        check(self)

    @property
    def image_size(self):
        """Side of the images, pixels."""
        return {'nmnist': 34, 'cifar10': 32}.get(self.data, 28)

    @property
    def n_channels(self):
        """Filters of the bank, or the two polarities of N-MNIST."""
        return 2 if self.data == 'nmnist' else len(self.dog_window)

    @property
    def member(self):
        """Name of the result."""
        return f'{self.mode}_seed{self.seed}'

    @property
    def cost(self):
        """About how many CPU seconds a run takes."""
        moved = 2 if self.shift else 0
        below = (self.n_train * (0.8 + moved + 0.11 * self.epochs_s1 + 0.15 * self.epochs_s2)
                 * (4 if self.pooling == 'distinct' else 1))
        top = (0.14 if self.reward == 'winner' else 0.18) * self.n_train + (0.2 if self.slow_weights else 0.1) * self.n_test
        return 1e-3 * (below + self.epochs_s3 * top) + 2


RELEASED = dict(padding=(0, 1), threshold=(15.0, 15.0), strict_threshold=False, pooling='distinct', init_sd=0.02,
                class_map='flat_mod', inhibition_radius=(3, 2), competition='batch', batch_size=100, factor_window=100,
                silent_is_miss=True)
_SMALL = dict(n_train=3000, n_test=1000, epochs_s3=2)
_SEARCH = dict(reward='margin', slow_weights=300_000, n_validation=10_000, n_test=1, epochs_s3=12)    # test set: closed
_FAST = dict(reward_ltp=0.012, reward_ltd=-0.009, punishment_ltd=-0.012, punishment_ltp=0.0015)       # three times the rates
_FALLING = _FAST | dict(s3_decay=0.9)
_BEYOND = _FAST | dict(reward='margin', s3_decay=0.95, slow_weights=100_000, epochs_s3=40)
_NMNIST = dict(data='nmnist', n_time_bins=16)

MODES = {
    'paper': dict(epochs_s3=680),                                            # as in the authors' simulator
    'paper_short': {},                                                       # the 21 epochs that the replication plots
    'replication': RELEASED | dict(epochs_s3=40),                            # the student replication, as long as it was run
    'replication_nmnist': RELEASED | _NMNIST | dict(shuffle=True),           # the same on N-MNIST
    'nmnist': _NMNIST | dict(n_train=1000, n_test=100),   # the default network on 1,100 recordings
    't30': dict(n_time_bins=30, epochs_s3=680),                              # twice as many bins
    'class_map': dict(class_map='flat_mod'),                                 # the replication's departures, each alone
    'pooling': dict(pooling='distinct'),                                     # pools pass on every distinct latency
    'batch': dict(batch_size=100),                                           # changes of 100 images summed
    'threshold': dict(threshold=(15.0, 15.0)),                               # 15 instead of 10 in layer 2
    'window': dict(factor_window=100),                                       # factors from 100 images
    'radius': dict(inhibition_radius=(3, 2)),                                # wider inhibition in layer 2
    'padding': dict(padding=(0, 1)),                                         # no zeros around the image
    'not_strict': dict(strict_threshold=False),                              # V >= theta
    'init_sd': dict(init_sd=0.02),                                           # more equal initial weights
    'competition': dict(competition='batch', batch_size=100),                # needs batches: compare with mode batch
    'true_class': dict(reward='true_class'),                                 # extension: an error teaches the true class too
    'margin': dict(reward='margin', slow_weights=300_000, n_validation=10_000, epochs_s3=80),    # extension: lead by 5 %
    'search': _SEARCH,                                                       # what was tried to come above it: SWEEPS
    'finals': _SEARCH | _BEYOND,                                             # the best of it, longer
    'beyond': _BEYOND | dict(shift=1, n_maps=(30, 250, 500), test_every=40),     # extension: the winner, all images, one test
    'dropout': dict(s3_dropout=0.5, epochs_s3=61),                           # extension: half of the maps cannot win
    'annealed': dict(s3_dropout=0.5, dropout_epochs=160, epochs_s3=160),     # extension: dropout that falls to 0
    'validation': dict(n_validation=10_000, epochs_s3=160),                  # the epoch is chosen on withheld images
    'cifar10': dict(data='cifar10', n_train=50_000),                         # the default network on CIFAR-10 in grey
    'fashion_mnist': dict(data='fashion_mnist'),                             # the default network on Fashion-MNIST
    'small': _SMALL,                                                         # five seconds
    'digits': dict(data='digits', n_train=1500, n_test=297, epochs_s3=21),   # stand-in data: not MNIST
    'smoke': dict(n_train=200, n_test=100, epochs_s1=1, epochs_s2=1, epochs_s3=1, factor_window=100),    # one second
}

SWEEPS = {name: [dict(seed=seed) for seed in range(3)]
          for name in ('paper_short', 'threshold', 'small', 'digits', 'nmnist', 'margin', 'true_class', 'beyond')}
SWEEPS['search'] = [                    # one seed each, judged by the withheld images
    {}, dict(shift=1), dict(s3_bounds=(0.0, 1.0)), dict(n_maps=(30, 250, 500)), dict(n_maps=(30, 500, 200)), _FAST, _FALLING,
    _FALLING | dict(shift=1), _FALLING | dict(margin=0.02), _FALLING | dict(margin=0.08), _FALLING | dict(reward='true_class'),
    _FALLING | dict(slow_weights=100_000), _FALLING | dict(threshold=(15.0, 8.0)), _FALLING | dict(n_maps=(30, 500, 200)),
]
SWEEPS['finals'] = [dict(shift=1), dict(shift=1, n_maps=(30, 250, 500)), dict(shift=1, threshold=(15.0, 8.0))]
