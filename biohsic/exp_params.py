"""HSIC-bottleneck Hebbian learning: parameters. Choose `mode` (or edit a value), save, run simulation.py.

None = the value of the original for this task, data set and model (the tables below); a result holds the resolved values.
The original's dotted keys work on the command line (data.batchsize=8, hsic.gamma=2, hsic.sigmas=[.5,.1,1], +data=xor).
"""
from dataclasses import dataclass

from biohsic.checks import N_CLASSES, check, train_samples, widths
from common.params import demand_types

mode = 'lif_xor'                        # a key of MODES below


@dataclass(frozen=True)
class Params:
    """One run; None: filled in by mode, data and model (TABLE)."""

    mode: str = 'lif_xor'               # a key of MODES
    array_num: int = 1                  # member of the mode's sweep; 0 = all
    seed: int = 42                      # initial weights, order of the samples, augmentation, noise
    order_seed: int | None = None       # another seed for the order of the samples (None: seed)
    nmodels: int = 30                   # networks with weights of their own, trained on the same samples          M
    independent_orders: bool = False    # each network has its own order of the samples (D19); not cnn
    task: str = 'lif'                   # 'biohsic', 'hsic', 'bp', 'lif' (time-continuous biohsic), 'reservoir'
    # data
    data: str = 'xor'                   # 'mnist', 'fashion_mnist', 'cifar10', 'linear', 'xor', 'digits' (offline stand-in)
    model: str = 'mlp'                  # 'mlp', 'cnn', 'linear' (no hidden layer)
    synthetic: str = 'published'        # linear, xor: the 'published' points and initial weights, or 'new' ones
    synthetic_seed: int = 0             # ... seed of the new points
    input_scale: float = 1 / 255        # linear, xor: factor of the inputs (D6)
    train_size: int = 0                 # first so many training samples (0: all)
    test_size: int = 0                  # first so many test samples (0: all)
    augment: bool | None = None         # cnn: random crop and flip of training images (None: for cifar10)
    data_dir: str = ''                  # folder of the data sets ('': $PLASTICITY_DATA, then data/)
    # network
    features: tuple | None = None       # units (mlp, lif) or channels (cnn) of the hidden layers
    nclasses: int | None = None         # output units                                                            C
    pooling_factor: int = 2             # cnn: average pooling after each layer
    time_constant: float = 0.005        # lif, reservoir: membrane, s                                             tau
    time_step: float = 0.001            # lif, reservoir: Euler step, s                                           dt
    sample_timesteps: int = 20          # lif, reservoir: steps that a window is presented                        T_s
    reset_state: bool = False           # lif: u = 0 at the start of every window (D16)
    # window and modulating signal
    batch_size: int | None = None       # effective batch size: samples in the window, or of a batch              N
    modulator: str = 'released'         # xi: 'released', 'published', 'exact', 'arxiv', 'none' (see hsic.py)
    gamma: float | None = None          # weight of the label term                                                gamma
    sigma_x: float | None = None        # kernel width of the inputs, in units of sqrt(entries of a sample)       sigma_x
    sigma_y: float | None = None        # ... of the labels                                                       sigma_y
    sigma_z: float | None = None        # ... of the outputs                                                      sigma_z
    sigmas: tuple = ()                  # the three at once (one number will do in the reservoir)
    readout_batch: str = 'window'       # biohsic, lif: the output layer learns from the 'window' or the 'current' sample (D14)
    # optimiser
    optimizer: str | None = None        # 'adamw', 'adam', 'sgd' (None: adamw; the reservoir has sgd only)
    learning_rate: float | None = None  # size of an update                                                       eta
    b1: float = 0.9                     # decay of the first moment
    b2: float = 0.99                    # decay of the second moment
    eps: float = 1e-8                   # added to the root of the second moment
    weight_decay: float = 1e-4          # of all parameters, biases too (adamw)
    schedule: str = 'constant'          # 'constant', 'expdecay', 'piecewiseconstant', 'joinschedules'
    init_value: float = 1e-3            # the schedules' first learning rate
    decay_rate: float = 0.5             # expdecay
    transition_begin: int = 0           # ... update from which on the rate decays
    transition_steps: int = 1           # ... updates (staircase: epochs) for one factor decay_rate
    staircase: bool = False             # ... in steps
    end_value: float | None = None      # ... bound of the rate
    boundaries_and_scales: tuple | dict = ()    # piecewiseconstant: ((update, factor), ...) or {update: factor, ...}
    schedules: tuple = ()               # joinschedules: (('expdecay', init, rate, begin, steps), ...)
    boundaries: tuple = ()              # ... updates at which the next one takes over
    # training
    nepochs: int | None = None          # passes over the training set
    test_batchsize: int | None = None   # batches whose accuracies are averaged if accuracy = 'batches'
    train_metrics: bool = True          # loss and accuracy of each window after its update (D11); lif: always
    check_size: int = 0                 # fixed training subset evaluated every epoch (0: none) (D11)
    # reservoir
    nsamples: int = 100                 # test images of MNIST
    zdim: int = 10                      # random pattern z, and components of xi
    nhidden: int = 2000                 # units                                                                   n
    recurrent_strength: float = 1.2     # gain                                                                    lambda
    density: float = 0.9                # probability that a recurrent weight is kept; s.d. sqrt(1 / (0.1 n)) (D7)
    hidden_noise: float = 0.0           # half width of the uniform noise of r                                    a_h
    output_noise: float = 0.0           # ... of o                                                                a_o
    readout_rule: str = 'delta'         # 'delta' (LMS), 'rmhebb', 'rls'
    average_time: float = 0.005         # rmhebb: low-pass, s                                                     tau_a
    target_scale: float = 1.0           # the target is so many times xi (1000 in the 2021 program)
    rls_alpha: float = 1.0              # rls: P(0) = 1 / alpha
    # machine
    dtype: str | None = None            # 'float32' or 'float64' (None: float64 for lif)
    device: str = 'auto'                # cnn: 'auto' (CUDA if there is one), 'cpu', 'cuda'
    # the paper's mathematics or the released program's (README, "Where paper and released code disagree")
    released_code: bool = False         # sets all below to RELEASED
    accuracy: str = 'samples'           # mean over 'samples', or over 'batches' whatever their size (D10)

    def __post_init__(self):
        demand_types(self)
        for name, value in defaults(self).items():
            object.__setattr__(self, name, value)
        check(self)

    @property
    def net_kind(self):
        """Which program trains it: 'reservoir', 'lif', 'cnn' or 'mlp'."""
        return self.task if self.task in ('reservoir', 'lif') else 'cnn' if self.model == 'cnn' else 'mlp'

    @property
    def sliding(self):
        """Windows that slide by one sample (else disjoint batches)."""
        return self.task in ('biohsic', 'lif', 'reservoir')

    @property
    def member(self):
        """Name of the result."""
        return f'{self.mode}_{self.array_num}'

    @property
    def cost(self):
        """Rough CPU seconds of the run, to start the longest first."""
        n = train_samples(self)
        small = self.features and self.features[0] <= 64                        # convolutions
        step = {'cnn': 8e-4 * self.batch_size if small else 3.5e-3 * self.batch_size, 'mlp': 1.2e-4, 'lif': 7e-5,
                'reservoir': 2e-2}[self.net_kind]
        return 5 + step * self.nmodels * self.nepochs * n / (1 if self.sliding else self.batch_size)


# ---------------------------------------------------------------- the original's values

FEATURES = {'mnist': (128, 64), 'fashion_mnist': (128, 64), 'digits': (128, 64), 'cifar10': (5120, 3072, 1024, 512),
            'xor': (10, 4), 'linear': (4,)}
CHANNELS = {'mnist': (16, 32), 'fashion_mnist': (16, 32), 'digits': (16, 32), 'cifar10': (128, 256)}

TABLE = {                               # batch_size, learning_rate, gamma, (sigma_x, sigma_y, sigma_z), nepochs
    ('lif', 'linear'): (10, 1e-4, 10.0, (0.5, 0.25, 1.0), 25),
    ('lif', 'xor'): (10, 1e-4, 10.0, (0.3, 0.25, 2.0), 25),
    ('lif', 'other'): (6, 1e-4, 10.0, (1.0, 0.5, 2.0), 25),
    ('biohsic', 'mnist'): (6, 1e-4, 2.0, (0.5, 0.1, 1.0), 25),
    ('biohsic', 'fashion_mnist'): (6, 1e-3, 2.0, (1.0, 0.5, 2.0), 25),
    ('biohsic', 'cifar10'): (6, 5e-5, 50.0, (1.0, 0.1, 0.5), 50),
    ('biohsic', 'xor'): (64, 1e-4, 10.0, (0.3, 0.25, 2.0), 25),
    ('biohsic', 'linear'): (10, 1e-3, 2.0, (1.0, 0.5, 2.0), 25),
    ('bp', 'mnist'): (6, 1e-3, 2.0, (0.5, 0.1, 1.0), 25),
    ('bp', 'cifar10'): (16, 5e-4, 50.0, (1.0, 0.1, 0.5), 50),
    ('bp', 'xor'): (256, 1e-3, 10.0, (0.3, 0.25, 2.0), 4),
    ('bp', 'linear'): (10, 1e-3, 2.0, (1.0, 0.5, 2.0), 25),
    ('reservoir', 'other'): (10, 5e-4, 2.0, (0.5, 0.5, 0.5), 10),
}


def defaults(p):
    """What the fields of p that are None stand for: {name: value}; `sigmas` go into their three fields."""
    data = 'mnist' if p.data == 'digits' or (p.task == 'bp' and p.data == 'fashion_mnist') else p.data
    task = 'biohsic' if p.task == 'hsic' else p.task
    row = TABLE.get((task, data)) or TABLE.get((task, 'other')) or TABLE['biohsic', 'mnist']
    flat = p.data in ('linear', 'xor')
    features = () if p.model == 'linear' else (CHANNELS if p.model == 'cnn' else FEATURES).get(p.data, (128, 64))
    if task == 'lif':
        features = FEATURES[p.data] if flat else (128, 64)
    values = {'batch_size': row[0], 'learning_rate': row[1], 'gamma': row[2], 'nepochs': row[4], 'features': features,
              'sigma_x': row[3][0], 'sigma_y': row[3][1], 'sigma_z': row[3][2], 'nclasses': N_CLASSES.get(p.data, 10),
              'optimizer': 'sgd' if task == 'reservoir' else 'adamw',
              'dtype': 'float64' if task == 'lif' else 'float32', 'test_batchsize': 100 if flat else 256,
              'augment': p.data == 'cifar10' and p.model == 'cnn'}
    chosen = {name: value for name, value in values.items() if getattr(p, name) is None}
    chosen |= widths(p) | {'sigmas': ()}
    if isinstance(p.boundaries_and_scales, dict):
        chosen['boundaries_and_scales'] = tuple(p.boundaries_and_scales.items())
    return chosen


# ---------------------------------------------------------------- modes

MODES = {
    'reservoir': dict(task='reservoir', data='mnist', nmodels=1),       # a read-out that learns to give xi, Fig. F1
    'lif_linear': dict(task='lif', data='linear'),                      # leaky integrators, linear task, Fig. F2
    'lif_xor': dict(task='lif', data='xor'),                            # leaky integrators, XOR, Fig. F2
    'lif_mnist': dict(task='lif', data='mnist'),                        # leaky integrators on images, 784-128-64-10
    'lif_fashion': dict(task='lif', data='fashion_mnist'),              # the same on Fashion-MNIST
    'biohsic_mnist': dict(task='biohsic', data='mnist', batch_size=8),  # three-factor rule, Fig. F3
    'biohsic_fashion': dict(task='biohsic', data='fashion_mnist'),      # shipped configuration of Fashion-MNIST
    'biohsic_cifar10_cnn': dict(task='biohsic', data='cifar10', model='cnn', batch_size=4),  # convolutions, Fig. F3
    'biohsic_cifar10_mlp': dict(task='biohsic', data='cifar10'),        # 35 million weights
    'biohsic_xor': dict(task='biohsic', data='xor'),                    # a network without time on the XOR points
    'biohsic_linear': dict(task='biohsic', data='linear'),              # ... on the linear ones
    'hsic_mnist': dict(task='hsic', data='mnist'),                      # HSIC objective, full gradient, disjoint batches
    'hsic_fashion': dict(task='hsic', data='fashion_mnist'),            # ... Fashion-MNIST
    'hsic_cifar10_cnn': dict(task='hsic', data='cifar10', model='cnn'),     # ... CIFAR-10, convolutions
    'hsic_cifar10_mlp': dict(task='hsic', data='cifar10'),              # ... CIFAR-10, 35 million weights
    'hsic_xor': dict(task='hsic', data='xor'),                          # ... XOR points
    'hsic_linear': dict(task='hsic', data='linear'),                    # ... linear points
    'bp_mnist': dict(task='bp', data='mnist'),                          # back-propagation, Fig. F3
    'bp_fashion': dict(task='bp', data='fashion_mnist'),                # ... Fashion-MNIST
    'bp_cifar10_cnn': dict(task='bp', data='cifar10', model='cnn'),     # ... CIFAR-10, convolutions, Fig. F3
    'bp_cifar10_mlp': dict(task='bp', data='cifar10'),                  # ... CIFAR-10, 35 million weights
    'bp_xor': dict(task='bp', data='xor'),                              # ... XOR points
    'bp_linear': dict(task='bp', data='linear'),                        # ... linear points
    'memory_sweep': dict(task='biohsic', data='cifar10', model='cnn'),  # N = 2, 4, 8, 16, 32, Fig. F4
    'smoke': dict(task='biohsic', data='digits', features=(12, 8), batch_size=4, nmodels=2, nepochs=2, dtype='float64',
                  train_size=120, test_size=60),                                                        # tests: < 1 s
}
_REDUCED = dict(features=(32, 64), train_size=5000, test_size=2000, augment=False, nmodels=1)
MODES |= {
    'biohsic_cifar10_reduced': MODES['biohsic_cifar10_cnn'] | _REDUCED | {'nepochs': 1},    # first 5000 images, channels 32-64
    'bp_cifar10_reduced': MODES['bp_cifar10_cnn'] | _REDUCED | {'nepochs': 3},              # ... back-propagation
}

SWEEPS = {'memory_sweep': [dict(batch_size=N) for N in (2, 4, 8, 16, 32)]}
RELEASED = dict(accuracy='batches')

ALIASES = {'+data': 'data', '+model': 'model', '+optimizer': 'optimizer', 'optimizer/learning_rate': 'schedule',
           '+optimizer/learning_rate': 'schedule', 'data.batchsize': 'batch_size', 'data.test_batchsize': 'test_batchsize',
           'data.nsamples': 'nsamples', 'data.ntimesteps': 'sample_timesteps', 'data.zdim': 'zdim',
           'training.sample_timesteps': 'sample_timesteps', 'training.nepochs': 'nepochs', 'training.time_step': 'time_step',
           'training.lpf_time_constant': 'average_time', 'hsic.gamma': 'gamma', 'hsic.sigmas': 'sigmas', 'hsic.sigma': 'sigmas',
           'batchsize': 'batch_size'}
ALIASES |= {f'model.{name}': name for name in ('features', 'nclasses', 'time_constant', 'time_step', 'recurrent_strength',
                                               'nhidden', 'hidden_noise', 'output_noise', 'pooling_factor')}
ALIASES |= {f'optimizer.{name}': name for name in ('learning_rate', 'b1', 'b2', 'eps', 'weight_decay')}
ALIASES |= {f'optimizer.learning_rate.{name}': name for name in (
    'init_value', 'decay_rate', 'transition_begin', 'transition_steps', 'staircase', 'end_value', 'boundaries_and_scales',
    'schedules', 'boundaries')}
