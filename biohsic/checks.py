"""Bad parameters of biohsic, named in one line before anything is computed."""
from common.params import demand, is_number, nearest, require, within

SIDES = {'mnist': 28, 'fashion_mnist': 28, 'cifar10': 32, 'digits': 8}
TRAIN_SIZES = {'mnist': 60_000, 'fashion_mnist': 60_000, 'cifar10': 50_000, 'linear': 900, 'xor': 900, 'digits': 1500}
TEST_SIZES = {'mnist': 10_000, 'fashion_mnist': 10_000, 'cifar10': 10_000, 'linear': 100, 'xor': 100, 'digits': 297}
N_CLASSES = {'linear': 2, 'xor': 2}     # all others: 10
CHOICES = {
    'task': ('biohsic', 'hsic', 'bp', 'lif', 'reservoir'),
    'data': TRAIN_SIZES,
    'model': ('mlp', 'cnn', 'linear'),
    'synthetic': ('published', 'new'),
    'modulator': ('released', 'published', 'exact', 'arxiv', 'none'),
    'readout_batch': ('window', 'current'),
    'optimizer': ('adamw', 'adam', 'sgd'),
    'schedule': ('constant', 'expdecay', 'piecewiseconstant', 'joinschedules'),
    'readout_rule': ('delta', 'rmhebb', 'rls'),
    'dtype': ('float32', 'float64'),
    'device': ('auto', 'cpu', 'cuda'),
    'accuracy': ('samples', 'batches'),
}
SCHEDULES = {'constant': (2, 2), 'expdecay': (2, 5), 'piecewiseconstant': (3, 3)}        # fewest and most entries


def check(p):
    """Raise ValueError for the first mistake in parameters p."""
    for name, known in CHOICES.items():
        nearest(name, getattr(p, name), known)
    for name in ('boundaries_and_scales', 'schedules', 'boundaries'):
        demand(finite(getattr(p, name)), f'{name} = {getattr(p, name)}: finite numbers are needed')
    check_signal(p)
    check_network(p)
    check_samples(p)
    check_schedule(p)
    check_values(p)


def finite(value):
    """True for names and numbers without NaN and infinities, nested at will."""
    if isinstance(value, (tuple, list)):
        return all(map(finite, value))
    return isinstance(value, str) or value is None or abs(value) < 1e300


def check_signal(p):
    """Window and kernel widths."""
    one = p.task == 'reservoir'
    demand(len(p.sigmas) in ((0, 1, 3) if one else (0, 3)), f'sigmas = {p.sigmas}: three kernel widths (x, y, z) are needed'
           + (', or one for all' if one else ''))
    for name in ('sigma_x', 'sigma_y', 'sigma_z'):
        value = getattr(p, name)
        demand(is_number(value) and 1e-15 < value < 1e15,
               f'{name} = {value}: kernel widths must be positive (and within 1e-15 .. 1e15)')
    demand(not one or p.modulator != 'none', "modulator = 'none': there is no signal for the reservoir to follow")
    if p.task == 'bp':
        demand(p.batch_size >= 1, f'batch_size = {p.batch_size}: at least one sample in a batch')
    else:
        demand(p.batch_size >= 2, f'batch_size = {p.batch_size}: effective batch size must be >= 2 (HSIC divides by N - 1)')


def check_network(p):
    """Layers, and images for the convolutions."""
    demand(all(type(n) is int and n >= 1 for n in p.features), f'features = {p.features}: positive numbers of units')
    labels = N_CLASSES.get(p.data, 10)
    demand(p.nclasses == labels, f'nclasses = {p.nclasses}: {p.data} has {labels} classes')
    demand(p.task != 'reservoir' or p.optimizer == 'sgd',
           f'optimizer = {p.optimizer!r}: the read-out of the reservoir learns by plain descent (sgd), see readout_rule')
    demand(p.model != 'linear' or not p.features, f"model = 'linear' has no hidden layer, but features = {p.features}")
    demand(p.task != 'lif' or p.features, 'features = (): the lif network needs a hidden layer')
    demand(not p.independent_orders or p.model != 'cnn', "independent_orders does not exist for model = 'cnn'")
    if p.model == 'cnn':
        demand(p.task in ('biohsic', 'hsic', 'bp'), f"model = 'cnn' does not exist for task = {p.task!r}")
        demand(p.data in SIDES, f"model = 'cnn' needs images; data = {p.data!r} has two numbers a sample")
        demand(SIDES[p.data] >= p.pooling_factor ** len(p.features),
               f'{len(p.features)} poolings by {p.pooling_factor} are too many for images of {SIDES[p.data]} pixels')


def check_samples(p):
    """Enough samples for a window."""
    n = p.nsamples if p.task == 'reservoir' else p.train_size or TRAIN_SIZES[p.data]
    if p.task == 'reservoir':
        demand(n <= TEST_SIZES['mnist'], f'nsamples = {n}: mnist has {TEST_SIZES["mnist"]} test images')
    else:
        demand(n <= TRAIN_SIZES[p.data], f'train_size = {n}: {p.data} has {TRAIN_SIZES[p.data]} training samples')
        demand(p.check_size <= n, f'check_size = {p.check_size} is larger than the {n} training samples')
        demand(p.test_size <= TEST_SIZES[p.data], f'test_size = {p.test_size}: {p.data} has {TEST_SIZES[p.data]} test samples')
    demand(p.task in ('hsic', 'bp') or p.batch_size <= n,
           f'batch_size = {p.batch_size} is larger than the {n} training samples: there is no window')
    demand(not p.augment or p.model == 'cnn' or p.data == 'cifar10', f'augment is for images of cifar10, not {p.data}')
    demand(not p.augment or p.data == 'cifar10', f'augment is for cifar10, not {p.data}')
    demand(p.task != 'reservoir' or p.data == 'mnist', f'the reservoir is driven by images of mnist, not {p.data}')


def check_schedule(p):
    """Lists of a learning-rate schedule."""
    if p.schedule == 'piecewiseconstant':
        demand(are_factors(p.boundaries_and_scales), f'boundaries_and_scales = {p.boundaries_and_scales}: '
               'pairs ((update, factor), ...) with factors from 0 on')
    if p.schedule == 'joinschedules':
        kinds = ', '.join(SCHEDULES)
        demand(p.schedules and all(isinstance(s, (tuple, list)) and len(s) >= 2 and s[0] in SCHEDULES for s in p.schedules),
               f'schedules = {p.schedules}: one or more (name, init_value, ...), name one of {kinds}')
        for given in p.schedules:
            demand(is_schedule(*given), f'schedules: {given} is none of ("constant", rate), ("expdecay", init, rate, begin, '
                   'steps), ("piecewiseconstant", init, ((update, factor), ...)) with positive rates and steps')
        demand(all(map(is_number, p.boundaries)) and len(p.boundaries) == len(p.schedules) - 1,
               f'boundaries = {p.boundaries}: {len(p.schedules)} schedules need {len(p.schedules) - 1}')
    if p.schedule == 'expdecay':
        demand(p.decay_rate > 0 and p.transition_steps >= 1, 'expdecay needs decay_rate > 0 and transition_steps >= 1')
        demand(p.end_value is None or p.end_value >= 0, f'end_value = {p.end_value}: learning rates are not negative')


def are_factors(pairs):
    """True for ((update, factor), ...), at least one."""
    return bool(pairs) and isinstance(pairs, (tuple, list)) and all(
        isinstance(pair, (tuple, list)) and len(pair) == 2 and all(map(is_number, pair)) and pair[1] >= 0 for pair in pairs)


def is_schedule(name, init, *more):
    """True for one of the schedules of `optimise.joined`."""
    fewest, most = SCHEDULES[name]
    if not (fewest <= 2 + len(more) <= most and is_number(init) and init > 0):
        return False
    if name == 'piecewiseconstant':
        return are_factors(more[0])
    return all(map(is_number, more)) and all(value > 0 for value in (*more[:1], *more[2:]))


def check_values(p):
    """Values that are possible, one by one."""
    within(p, 'seed', 0, None, 'seeds are not negative')
    require(p, 'synthetic_seed order_seed', p.synthetic_seed >= 0 and (p.order_seed is None or p.order_seed >= 0),
            'seeds are not negative')
    require(p, 'input_scale target_scale', p.input_scale != 0 and p.target_scale != 0,
            'input_scale != 0 and target_scale != 0 must hold (inputs and targets of nothing but zeros)')
    within(p, 'nmodels', 1, None, 'networks to train')
    within(p, 'nepochs', 0, None, 'epochs')
    require(p, 'train_size test_size check_size', p.train_size >= 0 and p.test_size >= 0 and p.check_size >= 0,
            'numbers of samples, 0 means all (check_size: none)')
    within(p, 'gamma', 0, None, 'weight of the label term')
    require(p, 'learning_rate init_value', p.learning_rate > 0 and p.init_value > 0,
            'learning_rate > 0 and init_value > 0 must hold (learning rates)')
    require(p, 'b1 b2 eps weight_decay', 0 <= p.b1 < 1 and 0 <= p.b2 < 1 and p.eps > 0 and p.weight_decay >= 0,
            'constants of AdamW')
    require(p, 'time_step time_constant', p.time_step > 0 and p.time_constant >= p.time_step,
            'time_step > 0 and time_constant >= time_step must hold (Euler steps longer than the time constant are unstable)')
    within(p, 'sample_timesteps', 1, None, 'steps that a window is presented')
    require(p, 'pooling_factor test_batchsize', p.pooling_factor >= 1 and p.test_batchsize >= 1,
            'pooling_factor >= 1 and test_batchsize >= 1 must hold (sizes)')
    require(p, 'nhidden zdim nsamples', p.nhidden >= 1 and p.zdim >= 1 and p.nsamples >= 1, 'sizes of the reservoir')
    require(p, 'density', 0 < p.density <= 1, '0 < density <= 1 must hold (probability that a recurrent weight is kept)')
    require(p, 'hidden_noise output_noise rls_alpha average_time time_step',
            p.hidden_noise >= 0 and p.output_noise >= 0 and p.rls_alpha > 0 and p.average_time >= p.time_step,
            'noise and read-out')


def remarks(p):
    """What is allowed, but perhaps not what was meant."""
    texts = []
    if not (p.task not in ["lif", "reservoir"] or p.time_step <= 0.5 * p.time_constant):
        texts.append('time_step is more than half of time_constant: the Euler steps are coarse')
    return texts
