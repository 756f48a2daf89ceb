"""What is allowed in biohsic, what acts in which run, and what a run needs. Mistakes end in one line before computing."""
from biohsic.checks_schedule import check_schedule
from common.params import demand, is_number, one_of, require, within

SIDES = {'mnist': 28, 'fashion_mnist': 28, 'cifar10': 32, 'digits': 8}          # images; the other data are points
CHANNELS = {'cifar10': 3}               # all others: 1
TRAIN_SIZES = {'mnist': 60_000, 'fashion_mnist': 60_000, 'cifar10': 50_000, 'linear': 900, 'xor': 900, 'digits': 1500}
TEST_SIZES = {'mnist': 10_000, 'fashion_mnist': 10_000, 'cifar10': 10_000, 'linear': 100, 'xor': 100, 'digits': 297}
N_CLASSES = {'linear': 2, 'xor': 2}     # all others: 10
MODULATORS = ('released', 'published', 'exact', 'arxiv', 'none')
CHOICES = {
    'task': ('biohsic', 'hsic', 'bp', 'lif', 'reservoir'),
    'data': TRAIN_SIZES,
    'model': ('mlp', 'cnn', 'linear'),
    'synthetic': ('published', 'new'),
    'modulator': MODULATORS,
    'readout_batch': ('window', 'current'),
    'optimizer': ('adamw', 'adam', 'sgd'),
    'schedule': ('constant', 'expdecay', 'piecewiseconstant', 'joinschedules'),
    'readout_rule': ('delta', 'rmhebb', 'rls'),
    'dtype': ('float32', 'float64'),
    'device': ('auto', 'cpu', 'cuda'),
    'accuracy': ('samples', 'batches'),
}
DATA_OF = {'mnist': 'mnist', 'fashion': 'fashion_mnist', 'cifar10': 'cifar10', 'xor': 'xor', 'linear': 'linear'}  # mode's word
POINT_FEATURES = {'linear': (4,), 'xor': (10, 4)}       # of the published initial weights, 30 networks
NARROW = 0.08                           # normalised outputs differ by |z_p - z_q|^2 / D of up to about 1: K^z = exp(-78)


# ---------------------------------------------------------------- what acts when

def points(p):
    """The data are the points of the small tasks."""
    return p.data in ('linear', 'xor')


def published_start(p):
    """The initial weights are the published ones, of the first 30 networks."""
    return p.task == 'lif' and points(p) and p.synthetic == 'published' and p.features == POINT_FEATURES[p.data]


def has_signal(p):
    """HSIC with input and label is computed: of hidden layers, or of the reservoir's z."""
    return p.task == 'reservoir' or (p.task != 'bp' and bool(p.features))


def uneven(p):
    """Some set that is averaged is no whole number of batches."""
    if p.task == 'reservoir':
        return False
    batch = p.batch_size if p.task == 'lif' else p.test_batchsize
    sizes = (p.test_size or TEST_SIZES.get(p.data, 0), p.check_size)
    batches = [(n, batch) for n in sizes] + ([] if p.sliding else [(train_samples(p), p.batch_size)])
    return any(n > size and n % size for n, size in batches)


def scheduled(*names):
    """A test of p: its learning rate follows one of these schedules."""
    return lambda p: p.schedule in names and not (p.task == 'reservoir' and p.readout_rule == 'rls')


USED = [
    ('synthetic input_scale', 'with data=linear or data=xor', points),
    ('synthetic_seed', 'with synthetic=new', lambda p: points(p) and p.synthetic == 'new'),
    ('data_dir', 'with data that are read from a folder (mnist, fashion_mnist, cifar10)',
     lambda p: p.data in ('mnist', 'fashion_mnist', 'cifar10')),
    ('seed', 'with initial weights that are drawn (not the published ones), or without order_seed', lambda p: not (
        published_start(p) and p.nmodels <= 30 and p.order_seed is not None)),
    ('independent_orders', 'with nmodels > 1', lambda p: p.nmodels > 1),
    ('train_size test_size check_size features optimizer', 'in networks of layers, not in the reservoir',
     lambda p: p.task != 'reservoir'),
    ('augment pooling_factor device', 'with model=cnn', lambda p: p.model == 'cnn'),
    ('time_constant time_step sample_timesteps', 'in leaky integrators and the reservoir',
     lambda p: p.task in ('lif', 'reservoir')),
    ('reset_state', 'in leaky integrators (task=lif)', lambda p: p.task == 'lif'),
    ('modulator', 'with the three-factor rule (task=biohsic, lif, reservoir) and hidden layers',
     lambda p: p.task in ('lif', 'reservoir') or (p.task == 'biohsic' and bool(p.features))),
    ('gamma sigma_x sigma_y sigma_z sigmas', 'with a rule that uses HSIC (not task=bp) and hidden layers', has_signal),
    ('readout_batch', 'with task=biohsic or task=lif', lambda p: p.task in ('biohsic', 'lif')),
    ('learning_rate', 'with schedule=constant (and not readout_rule=rls)', scheduled('constant')),
    ('b1 b2 eps', 'with optimizer=adam or adamw', lambda p: p.optimizer != 'sgd'),
    ('weight_decay', 'with optimizer=adamw', lambda p: p.optimizer == 'adamw'),
    ('schedule', 'with a learning rate (not readout_rule=rls)', scheduled(*CHOICES['schedule'])),
    ('init_value', 'with schedule=expdecay or piecewiseconstant', scheduled('expdecay', 'piecewiseconstant')),
    ('decay_rate transition_begin transition_steps staircase end_value', 'with schedule=expdecay', scheduled('expdecay')),
    ('boundaries_and_scales', 'with schedule=piecewiseconstant', scheduled('piecewiseconstant')),
    ('schedules boundaries', 'with schedule=joinschedules', scheduled('joinschedules')),
    ('test_batchsize', 'with accuracy=batches (task=biohsic, hsic, bp)',
     lambda p: p.accuracy == 'batches' and p.task in ('biohsic', 'hsic', 'bp')),
    ('train_metrics', 'with task=biohsic, hsic or bp', lambda p: p.task in ('biohsic', 'hsic', 'bp')),
    ('nsamples zdim nhidden recurrent_strength density hidden_noise output_noise readout_rule target_scale',
     'in the reservoir', lambda p: p.task == 'reservoir'),
    ('average_time', 'with readout_rule=rmhebb', lambda p: p.task == 'reservoir' and p.readout_rule == 'rmhebb'),
    ('rls_alpha', 'with readout_rule=rls', lambda p: p.task == 'reservoir' and p.readout_rule == 'rls'),
    ('accuracy', 'where a set is no whole number of batches', uneven),
    ('released_code', 'where a set is no whole number of batches (it sets accuracy=batches)',
     lambda p: uneven(p) and (p.released_code or p.accuracy == 'samples')),
]


# ---------------------------------------------------------------- what is allowed

def check(p):
    """Raise ValueError for the first mistake in parameters p."""
    for name, known in CHOICES.items():
        one_of(p, name, known)
    check_mode(p)
    check_signal(p)
    check_network(p)
    check_samples(p)
    check_values(p)
    check_schedule(p)


def check_mode(p):
    """A mode that is called after a task and data runs these (digits stand in for images)."""
    kind, word = (p.mode.split('_') + [''])[:2]
    demand(kind not in CHOICES['task'] or p.task == kind, f'task = {p.task!r} contradicts mode = {p.mode!r}')
    if kind in CHOICES['task'] and word in DATA_OF:
        allowed = {DATA_OF[word]} | ({'digits'} if DATA_OF[word] in SIDES else set())
        demand(p.data in allowed, f'data = {p.data!r} contradicts mode = {p.mode!r} (its data: {", ".join(sorted(allowed))})')
    for model in ('mlp', 'cnn'):
        demand(not p.mode.endswith(f'_{model}') or p.model == model, f'model = {p.model!r} contradicts mode = {p.mode!r}')


def check_signal(p):
    """Window and kernel widths."""
    one = p.task == 'reservoir'
    for name in ('sigma_x', 'sigma_y', 'sigma_z'):
        value = getattr(p, name)
        demand(is_number(value) and 1e-15 < value < 1e15,
               f'{name} = {value}: kernel widths must be positive (and within 1e-15 .. 1e15)')
    demand(not one or p.modulator != 'none', "modulator = 'none': there is no signal for the reservoir to follow")
    if p.task == 'bp':
        demand(p.batch_size >= 1, f'batch_size = {p.batch_size}: at least one sample in a batch')
    else:
        demand(p.batch_size >= 2, f'batch_size = {p.batch_size}: effective batch size must be >= 2 (HSIC divides by N - 1)')


def widths(p):
    """{name: value} of the three kernel widths that `sigmas` gives, {} if it is empty; ValueError where they contradict."""
    one = p.task == 'reservoir'
    demand(len(p.sigmas) in ((0, 1, 3) if one else (0, 3)), f'sigmas = {p.sigmas}: three kernel widths (x, y, z) are needed'
           + (', or one for all' if one else ''))
    names = ('sigma_x', 'sigma_y', 'sigma_z')
    found = dict(zip(names, p.sigmas * (3 // len(p.sigmas)), strict=True)) if p.sigmas else {}
    for name, value in found.items():
        given = getattr(p, name)
        demand(given is None or given == value, f'{name} = {given} and sigmas = {p.sigmas} contradict each other')
    return found


def check_network(p):
    """Layers, and images for the convolutions."""
    demand(all(type(n) is int and n >= 1 for n in p.features), f'features = {p.features}: positive numbers of units')
    labels = N_CLASSES.get(p.data, 10)
    demand(p.nclasses == labels, f'nclasses = {p.nclasses}: {p.data} has {labels} classes')
    demand(p.model == 'mlp' or p.task in ('biohsic', 'hsic', 'bp'), f'model = {p.model!r} does not exist for task = {p.task!r}')
    demand(p.model != 'linear' or not p.features, f"model = 'linear' has no hidden layer, but features = {p.features}")
    demand(p.task != 'lif' or p.features, 'features = (): the lif network needs a hidden layer')
    demand(p.model != 'cnn' or p.features, "features = (): model = 'cnn' needs a convolution (model=linear has none)")
    demand(not p.independent_orders or p.model != 'cnn', "independent_orders does not exist for model = 'cnn'")
    if p.model == 'cnn':
        demand(p.data in SIDES, f"model = 'cnn' needs images ({', '.join(SIDES)}), data = {p.data!r} are none")
        demand(SIDES[p.data] >= p.pooling_factor ** len(p.features),
               f'{len(p.features)} poolings by {p.pooling_factor} are too many for images of {SIDES[p.data]} pixels')


def train_samples(p):
    """Samples that are learned from."""
    return p.nsamples if p.task == 'reservoir' else p.train_size or TRAIN_SIZES[p.data]


def check_samples(p):
    """Enough samples for a window."""
    within(p, 'train_size test_size check_size', 0, None, 'numbers of samples; 0: all, check_size: none')
    n = train_samples(p)
    if p.task == 'reservoir':
        demand(n <= TEST_SIZES['mnist'], f'nsamples = {n}: mnist has {TEST_SIZES["mnist"]} test images')
        demand(p.data == 'mnist', f'the reservoir is driven by images of mnist, not {p.data}')
    else:
        demand(n <= TRAIN_SIZES[p.data], f'train_size = {n}: {p.data} has {TRAIN_SIZES[p.data]} training samples')
        demand(p.check_size <= n, f'check_size = {p.check_size} is larger than the {n} training samples')
        demand(p.test_size <= TEST_SIZES[p.data], f'test_size = {p.test_size}: {p.data} has {TEST_SIZES[p.data]} test samples')
    demand(p.task in ('hsic', 'bp') or p.batch_size <= n,
           f'batch_size = {p.batch_size} is larger than the {n} training samples: there is no window')
    demand(not p.augment or p.data == 'cifar10', f'augment is for images of cifar10, not {p.data}')
    demand(not p.augment or p.model == 'cnn', f"augment is for model = 'cnn', not {p.model!r}")


def check_values(p):
    """Values that are possible, one by one."""
    within(p, 'array_num', 1, None, 'members are numbered from 1')
    within(p, 'seed synthetic_seed', 0, None, 'seeds are not negative')
    demand(p.order_seed is None or p.order_seed >= 0, f'order_seed = {p.order_seed}: seeds are not negative')
    for name in ('input_scale', 'target_scale'):
        demand(getattr(p, name) != 0, f'{name} = 0: nothing but zeros')
    within(p, 'nmodels sample_timesteps pooling_factor test_batchsize nhidden zdim nsamples', 1, None)
    within(p, 'nepochs gamma weight_decay hidden_noise output_noise', 0, None)
    for name in ('learning_rate', 'init_value', 'eps', 'rls_alpha', 'time_step'):
        demand(getattr(p, name) > 0, f'{name} = {getattr(p, name)}: allowed is > 0')
    for name in ('b1', 'b2'):
        demand(0 <= getattr(p, name) < 1, f'{name} = {getattr(p, name)}: allowed is 0 <= {name} < 1')
    demand(0 < p.density <= 1, f'density = {p.density}: allowed is 0 < density <= 1 (probability that a weight is kept)')
    require(p, 'time_step time_constant', p.time_constant >= p.time_step,
            'Euler steps longer than the time constant are unstable')
    require(p, 'time_step average_time', p.average_time >= p.time_step, 'a low-pass shorter than a step is unstable')
    demand(p.task != 'reservoir' or p.optimizer == 'sgd', f'optimizer = {p.optimizer!r}: the read-out of the reservoir learns '
           'by plain descent (sgd), see readout_rule')
    demand(p.task != 'reservoir' or p.readout_rule != 'rmhebb' or p.output_noise > 0, 'output_noise = 0: readout_rule = rmhebb '
           'explores by output noise and learns nothing without; try output_noise=0.1 target_scale=1000 nhidden=500')


# ---------------------------------------------------------------- what a run needs

def remarks(p):
    """What is allowed, but perhaps not what was meant."""
    texts = []
    if p.task in ('lif', 'reservoir') and p.time_step > 0.5 * p.time_constant:
        texts.append('time_step is more than half of time_constant: the Euler steps are coarse')
    if p.nepochs == 0:
        texts.append('nepochs = 0: nothing is learned, untrained networks are measured')
    if p.task in ('biohsic', 'lif', 'hsic') and p.features and p.sigma_z < NARROW:
        texts.append(f'sigma_z = {p.sigma_z}: narrow; where outputs differ by much more the kernel is 0, the third factor '
                     'vanishes, and hidden layers do not learn' + (' (before learning and at the end the run says if it does)'
                                                                   if p.sliding else ''))
    if p.task == 'lif' and points(p) and p.synthetic == 'published' and not published_start(p):
        texts.append(f'features = {p.features}: initial weights are drawn, for the published ones are of '
                     f'features = {POINT_FEATURES[p.data]}')
    if published_start(p) and p.nmodels > 30:
        texts.append(f'nmodels = {p.nmodels}: 30 networks begin with the published weights, the others with drawn ones')
    if p.task == 'lif' and p.schedule == 'expdecay' and p.staircase:
        texts.append('staircase in task=lif counts as the released program does: an "epoch" of the schedule is as many updates '
                     f'as an epoch has windows, and each window has {p.sample_timesteps} updates')
    return texts


def memory(p):
    """Bytes at the peak, about: libraries; images as they are read, then in use; weights, moments, what a pass holds."""
    size = 4 if p.dtype == 'float32' else 8
    if p.task == 'reservoir':
        record = (p.nepochs + 2) * p.nsamples * p.sample_timesteps * p.zdim * 8 * (2 * p.nmodels + 1)
        return 0.2e9 + p.nhidden ** 2 * (13 + (3 * size if p.readout_rule == 'rls' else 0)) + record
    side, channels = SIDES.get(p.data, 0), CHANNELS.get(p.data, 1)
    inputs = side * side * channels or 2
    used = train_samples(p) + (p.test_size or TEST_SIZES[p.data])
    known = (-(-used // 10_000) * 10_000 if p.data == 'cifar10' else TRAIN_SIZES[p.data]) + TEST_SIZES[p.data]
    images = inputs * (5 * known + 2 * size * used) if side else 0
    if p.model == 'cnn':
        return 0.4e9 + images + convolutions(p, channels, side, size)
    sizes = (inputs, *p.features, p.nclasses)
    layers = [i * o for i, o in zip(sizes[:-1], sizes[1:], strict=True)]
    once = 24 * max(layers) + 4 * size * p.batch_size * sum(sizes) + 4 * 8 * p.batch_size ** 2
    return 0.2e9 + images + 3 * size * p.nmodels * sum(layers) + once


def convolutions(p, channels, side, size):
    """Bytes of networks of convolutions, and of a pass of a block of images through one."""
    weights, activity, below = 0, 0, channels
    for features in p.features:
        weights, activity = weights + 9 * below * features, activity + side ** 2 * features
        below, side = features, side // p.pooling_factor
    weights += side ** 2 * below * p.nclasses
    return size * (3 * p.nmodels * weights + weights + 2 * max(128, p.batch_size) * activity)


def inputs(p):
    """Paths of the files that run p reads; FileNotFoundError with the command that gets one that is missing."""
    from biohsic.data import files
    return files(p)
