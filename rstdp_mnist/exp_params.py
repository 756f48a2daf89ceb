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
    data: str = 'mnist'                 # 'mnist', 'nmnist' (event camera), or 'digits': scikit-learn's, enlarged (stand-in)
    data_dir: str = ''                  # folder searched first; then $PLASTICITY_DATA, data/
    n_train: int = 60_000               # first images of the training set
    n_test: int = 10_000                # first images of the test set
    n_validation: int = 0               # last ones of n_train: withheld from layer 3, scored beside the test set
    shuffle: bool = False               # new order of the training images in each epoch
    image_size: int = 28
    n_channels: int = 6                 # DoG kernels, or the two polarities of N-MNIST
    # encoding
    n_time_bins: int = 15               #                                                   T
    dog_threshold: float = 50.0         # smaller responses become 0
    norm_radius: int = 8                # of the box of the local normalisation, pixels
    on_empty: str = 'raise'             # an (almost) blank image: 'raise', or 'silent'
    # network
    n_maps: tuple = (30, 250, 200)      # feature maps
    input_pad: int = 2                  # zeros around the input
    threshold: tuple = (15.0, 10.0)     # of layers 1, 2; layer 3 never fires                theta
    strict_threshold: bool = True       # V > theta (False: V >= theta)
    pooling: str = 'first'              # a pooled cell fires once, or at every 'distinct' latency of its window
    init_mean: float = 0.8              # initial weights, normal
    init_sd: float = 0.05
    n_classes: int = 10
    class_map: str = 'by_map'           # g(f) = floor(f / maps a class), or 'flat_mod': flat neuron index mod n_classes
    # STDP, layers 1 and 2
    epochs_s1: int = 2                  # passes through the training set
    epochs_s2: int = 4
    ltp_rate: float = 0.004             #                                                   a+
    ltd_rate: float = -0.003            #                                                   a-
    max_ltp_rate: float = 0.15          # a+ doubles up to here; then a- = -0.75 a+
    doubling_interval: int = 500        # presentations
    weight_bounds: tuple = (0.0, 1.0)   #                                                   w_lo, w_hi
    n_winners: tuple = (5, 8)           # a presentation                                     k
    inhibition_radius: tuple = (3, 1)   # Chebyshev distance around a winner                 r
    competition: str = 'event'          # pointwise and k-winners; 'batch': the replication's
    # R-STDP, layer 3
    epochs_s3: int = 21
    reward_ltp: float = 0.004           # right decision, afferent fired                     a_r+
    reward_ltd: float = -0.003          # right, silent afferent                             a_r-
    punishment_ltd: float = -0.004      # wrong decision, afferent fired                     a_p-
    punishment_ltp: float = 0.0005      # wrong, silent afferent                             a_p+
    s3_bounds: tuple = (0.2, 0.8)       #                                                   w_lo, w_hi
    factor_window: int = 1000           # presentations between adjustments of phi_r, phi_p
    first_factors: tuple = (1.0, 1.0)   # phi_r, phi_p of the first window
    silent_is_miss: bool = False        # an image without decision counts as wrong in the factors
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
    def member(self):
        """Name of the result."""
        return f'{self.mode}_seed{self.seed}'

    @property
    def cost(self):
        """About how many CPU seconds a run takes."""
        lower = self.n_train * (0.8 + 0.11 * self.epochs_s1 + 0.15 * self.epochs_s2) * (4 if self.pooling == 'distinct' else 1)
        return 1e-3 * (lower + self.epochs_s3 * (0.14 * self.n_train + 0.1 * self.n_test)) + 2


RELEASED = dict(input_pad=0, threshold=(15.0, 15.0), strict_threshold=False, pooling='distinct', init_sd=0.02,
                class_map='flat_mod', inhibition_radius=(3, 2), competition='batch', batch_size=100, factor_window=100,
                silent_is_miss=True)
_SMALL = dict(n_train=3000, n_test=1000, epochs_s3=2)

MODES = {
    'paper': dict(epochs_s3=680),                                            # as in the authors' simulator
    'paper_short': {},                                                       # the 21 epochs that the replication plots
    'replication': RELEASED | dict(epochs_s3=40),                            # the student replication, as long as it was run
    'replication_nmnist': RELEASED | dict(data='nmnist', n_channels=2, image_size=34, n_time_bins=16, shuffle=True),
    't30': dict(n_time_bins=30, epochs_s3=680),                              # twice as many bins
    'class_map': dict(class_map='flat_mod'),                                 # the replication's departures, each alone
    'pooling': dict(pooling='distinct'),
    'batch': dict(batch_size=100),
    'threshold': dict(threshold=(15.0, 15.0)),
    'window': dict(factor_window=100),
    'radius': dict(inhibition_radius=(3, 2)),
    'padding': dict(input_pad=0),
    'not_strict': dict(strict_threshold=False),
    'init_sd': dict(init_sd=0.02),
    'competition': dict(competition='batch', batch_size=100),                # needs batches: compare with mode batch
    'dropout': dict(s3_dropout=0.5, epochs_s3=61),                           # extensions
    'annealed': dict(s3_dropout=0.5, dropout_epochs=160, epochs_s3=160),
    'validation': dict(n_validation=10_000, epochs_s3=160),                  # the epoch is chosen on withheld images
    'small': _SMALL,                                                         # ten seconds
    'digits': dict(data='digits', n_train=1500, n_test=297, epochs_s3=21),   # stand-in data: not MNIST
    'smoke': dict(n_train=200, n_test=100, epochs_s1=1, epochs_s2=1, epochs_s3=1, factor_window=100),
}

SWEEPS = {name: [dict(seed=seed) for seed in range(3)] for name in ('paper_short', 'threshold', 'small', 'digits')}
