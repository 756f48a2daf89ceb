"""What parameters of the microcircuits are allowed, which of them act when, what a run needs.

Mistakes are named in one line before anything is computed.
"""
from common.data import demand_digits
from common.params import demand, demand_types, is_number, one_of, require, within
from microcircuits import data
from microcircuits.checks_used import PHASED_RULES, USED, never_computed, noisy, ou, teacher, words

ACTIVATIONS = ('linear', 'relu', 'soft_relu', 'logistic', 'tanh', 'hard_sigmoid')
SERIES = ('MSE', 'error', 'input', 'target', 'WPP', 'WIP', 'BPP', 'BPI', 'dWPP', 'dWIP', 'dBPP', 'dBPI', 'uP', 'uP_breve',
          'rP_breve', 'rP_breve_HI', 'uI', 'uI_breve', 'rI_breve', 'vbas', 'vapi', 'vapi_noise', 'noise', 'epsilon',
          'epsilon_LO', 'lat_mismatch')
NOISE_MODES = {'PAL': ('const', 'uP', 'uP_breve', 'vapi'), 'phased': ('uP', 'vapi', 'uP_adaptive')}
__all__ = ['USED', 'check', 'inputs', 'memory', 'remarks']
RANGES = ('init_WPP_range', 'init_WIP_range', 'init_BPP_range', 'init_BPI_range', 'init_teacher_WPP_range',
          'init_teacher_WIP_range', 'init_teacher_BPP_range', 'init_teacher_BPI_range', 'input_range', 'change_range')


def whole_multiple(p, *names):
    """Times must be whole numbers of time steps."""
    for name in names:
        time = getattr(p, name)
        demand(0 < time <= 1e12 and p.dt > 0, f'{name} = {time}: a time in ms must be positive')
        steps = time / p.dt
        demand(round(steps) >= 1 and abs(steps - round(steps)) < 1e-6 * max(1, steps),
               f'{name} = {time} must be a multiple of dt = {p.dt}')


def check(p):
    """Raise ValueError for the first mistake in parameters p."""
    demand_types(p)
    check_values(p)
    check_layers(p)
    check_model(p)
    check_lists(p)
    check_times(p)
    check_recording(p)
    check_samples(p)


def check_layers(p):
    """Layers, activation, ranges."""
    demand(len(p.layers) >= 3 and all(type(n) is int and 1 <= n <= 100_000 for n in p.layers),
           f'layers = {p.layers}: at least 3 positive numbers of neurons (input, hidden, output)')
    names = words(p.activation)
    demand(len(names) in (1, len(p.layers) - 1),
           f'activation names {len(names)} functions; 1 or {len(p.layers) - 1} (layers 1 to N) are allowed')
    for name in names:
        demand(name in ACTIVATIONS, f'activation {name!r}: choose from {", ".join(ACTIVATIONS)}')
    for name in RANGES:
        pair = getattr(p, name)
        good = len(pair) == 2 and all(is_number(x, 1e12) for x in pair)
        demand(good and pair[0] <= pair[1], f'{name} = {pair}: two numbers, low <= high')


def check_model(p):
    """Combinations of model, connection and noise that exist."""
    hidden = len(p.layers) - 2
    if p.model_type in PHASED_RULES:
        demand(p.connection == 'skip', f"model_type = {p.model_type!r}: the phased rules need connection='skip'")
    if p.model_type == 'PAL' and p.connection == 'skip':
        demand(hidden == 1, "model_type = 'PAL' with connection = 'skip' exists with one hidden layer only "
                            '(the released program nudges the wrong interneurons with more)')
    if p.model_type == 'BP' and p.connection == 'skip':
        demand(hidden == 1, "model_type = 'BP' with connection = 'skip' exists with one hidden layer only (W^T does not fit "
                            'connections from the output layer)')
    if p.noise_mode == 'dynamic':
        raise ValueError("noise_mode = 'dynamic' is unfinished in the released program (it crashes) and does not exist here")
    if p.model_type == 'PAL':
        demand(p.noise_mode in NOISE_MODES['PAL'], f'noise_mode = {p.noise_mode!r} does not exist for PAL (the released '
               f'program crashes with uP_adaptive); choose from {", ".join(NOISE_MODES["PAL"])}')
        demand(not (p.dWPP_r_low_pass and p.dWPP_post_low_pass),
               'dWPP_r_low_pass and dWPP_post_low_pass exclude each other: filter the presynaptic or the postsynaptic factor')
    elif p.model_type in PHASED_RULES:
        demand(p.noise_mode in NOISE_MODES['phased'], f'noise_mode = {p.noise_mode!r} does not exist for {p.model_type}; '
               f'choose from {", ".join(NOISE_MODES["phased"])}')
        demand(not p.gate_regularizer or words(p.activation)[-1] in ('relu', 'hard_sigmoid'),
               f'gate_regularizer of the phased rules is defined for relu and hard_sigmoid outputs only, not {p.activation}')
    else:
        known = sorted(set(NOISE_MODES['PAL'] + NOISE_MODES['phased']))
        demand(p.noise_mode in known, f'noise_mode = {p.noise_mode!r}: choose from {", ".join(known)}')


def check_lists(p):
    """Lengths and values of the lists with one entry a layer."""
    N = len(p.layers) - 1
    longer = ('alpha', 'noise_scale') + (('eta_IP', 'eta_PI') if p.protocol == 'notebook' else ())
    for name in ('eta_fw', 'eta_bw', 'eta_IP', 'eta_PI', 'noise_scale', 'alpha'):
        values, wanted = getattr(p, name), N if name == 'eta_fw' else N - 1
        demand(all(is_number(x, 1e12) and x >= 0 for x in values), f'{name} = {values}: numbers from 0 to 1e12')
        if name == 'eta_IP' and p.connection == 'skip':
            demand(len(values) >= 1, 'eta_IP is empty; with skip connections it needs one entry (the last one counts)')
        elif name in longer:
            demand(len(values) >= wanted, f'{name} has {len(values)} entries, layers = {p.layers} need {wanted}')
        else:
            demand(len(values) == wanted, f'{name} has {len(values)} entries, layers = {p.layers} need {wanted}')
    demand(not p.compare or all(eta > 0 for eta in p.eta_fw),
           f'eta_fw = {p.eta_fw}: the comparison with back-propagation needs positive rates (an update of zero has no angle)')


def check_times(p):
    """Time steps against time constants."""
    whole_multiple(p, 'Tpres')
    demand(p.Tpres / p.dt < 1e9, f'Tpres = {p.Tpres} is more than 1e9 steps of dt = {p.dt}')
    demand(0 <= p.settling_time <= p.dataset_size * p.Tpres * (1 + 1e-12),
           f'settling_time = {p.settling_time} must lie between 0 and dataset_size * Tpres = {p.dataset_size * p.Tpres}')
    if p.settling_time > 0:
        whole_multiple(p, 'settling_time')
    somata = {'hidden': p.gl + p.gbas + p.gapi, 'output': p.gl + p.gbas + p.gntgt, 'interneuron': p.gl + p.gden + p.gnI}
    for name, g in somata.items():
        demand(g > 0 and p.dt * g <= 1, f'dt = {p.dt} is longer than the time constant 1/({g:g}) of the {name} somata')
    filters = []
    if p.model_type == 'PAL':
        whole_multiple(p, 'dtxi')
        filters = ['tauHP'] + (['tauxi'] if p.noise_type == 'OU' else [])
        if p.dWPP_low_pass or p.dWPP_r_low_pass or p.dWPP_post_low_pass or p.inter_low_pass:
            filters.append('tauLO')
    elif p.model_type in PHASED_RULES:
        whole_multiple(p, 'dtxi', 'Tbw')
        filters = ['tausyn'] + (['taueps'] if p.noise_mode == 'uP_adaptive' else [])
    for name in filters:
        tau = getattr(p, name)
        demand(tau >= p.dt * (1 - 1e-9), f'{name} = {tau} is shorter than dt = {p.dt}')


def check_recording(p):
    """Series that exist, and what the comparison needs."""
    for name in words(p.record):
        demand(name in SERIES, f'record: unknown series {name!r}; choose from {", ".join(SERIES)}')
        demand(words(p.record).count(name) == 1, f'record names {name} twice')
    before = round(p.settling_time / p.dt)
    steps = p.dataset_size * p.epochs * round(p.Tpres / p.dt) + before
    demand(p.rec_per_steps <= steps, f'rec_per_steps = {p.rec_per_steps} is longer than the run of {steps} steps')
    learning = steps // p.rec_per_steps - before // p.rec_per_steps
    demand(not p.compare or learning >= p.epochs,
           f'the comparison needs one record an epoch: rec_per_steps = {p.rec_per_steps} gives {learning} in {p.epochs} epochs')
    demand(p.protocol == 'runner' or p.rng == 'modern' or (p.task == 'bw_only' and not p.compare),
           "protocol = 'notebook' with rng = 'legacy' has no teacher: task = 'bw_only' and compare = ''")
    demand(not p.compare or not p.phased, 'the comparison of updates exists for layered connections only')


def check_values(p):
    """Values that are possible, one by one."""
    within(p, 'array_num', 1, None, 'members are numbered from 1')
    within(p, 'seed input_seed change_seed', 0, 2 ** 32 - 1, 'a seed of 32 bits')
    one_of(p, 'task', ('bw_only', 'fw_bw'))
    one_of(p, 'model_type', ('BP', 'FA', 'PAL', 'LDRL', 'DTPDRL'))
    one_of(p, 'connection', ('layered', 'skip'))
    one_of(p, 'noise_type', ('OU', 'hold_white_noise'))
    one_of(p, 'protocol', ('runner', 'notebook'))
    one_of(p, 'compare', ('', 'BP'), 'nothing, or back-propagation')
    one_of(p, 'rng', ('modern', 'legacy'))
    one_of(p, 'data', ('uniform', 'yin_yang', 'mnist'))
    within(p, 'gl gbas gden', 1e-9, 1e6, 'a conductance in 1/ms')
    within(p, 'gapi gnI gntgt', 0, 1e6, 'a conductance in 1/ms')
    within(p, 'taur', 0, 10, '1 is full prospective coding, 0 none')
    within(p, 'dt', 1e-9, 1e3, 'a time step in ms')
    within(p, 'dataset_size', 1, 10 ** 7, 'samples')
    within(p, 'epochs', 1, 10 ** 7, 'passes through the samples')
    within(p, 'change_epoch', 0, p.epochs - 1, 'an epoch of the run; 0: never')
    within(p, 'noise_deg', 0, 180, 'an angle')
    within(p, 'slope_hard_sigmoid', 1e-9, 1, '1/6, or 1 as released')
    within(p, 'test_size', 1, 10 ** 6, 'samples')
    within(p, 'test_epochs', 1, 10 ** 6, 'epochs between validations')
    within(p, 'rec_per_steps', 1, 10 ** 9, 'steps between two records')


SIZES = {'yin_yang': (4, 3, 'x, y, 1 - x, 1 - y; three classes'), 'mnist': (784, 10, '28 x 28 pixels; ten classes')}


def check_samples(p):
    """Samples with classes fit the circuit."""
    if p.classified:
        first, last, what = SIZES[p.data]
        require(p, 'data task', p.task == 'fw_bw', "samples with classes are learned with targets: task = 'fw_bw'")
        require(p, 'data layers', (p.layers[0], p.layers[-1]) == (first, last), f'{first} inputs and {last} outputs ({what})')
        require(p, 'data compare', p.compare == '', 'the comparison of updates needs a teacher')
        for name in ('copy_teacher_weights', 'copy_teacher_voltages'):
            require(p, f'{name} data', not getattr(p, name), 'samples with classes have no teacher')
    if p.data == 'mnist':
        require(p, 'dataset_size test_size', p.dataset_size + p.test_size <= 60_000, 'MNIST has 60,000 training images')
    require(p, 'data_dir data', not p.data_dir or p.data == 'mnist', 'only mnist is read from files')


def remarks(p):
    """What is allowed, but perhaps not what was meant."""
    hidden, phased = len(p.layers) - 2, p.model_type in PHASED_RULES
    constant = [name for name in words(p.record) if name in never_computed(p)]
    found = {
        f'record: {", ".join(constant)}: not computed in this run ({p.model_type}, noise_mode={p.noise_mode}, task={p.task}), '
        'so constant': bool(constant),
        'tauxi is close to dt: the noise has faded before it comes back to the top-down synapse (about 4 steps)':
            ou(p) and p.tauxi < 3 * p.dt,
        'tauxi is close to Tpres: noise and signal are not separated in time': ou(p) and p.tauxi > 0.5 * p.Tpres,
        'dt * eta * n is large: the weights will probably explode':
            p.dt * p.eta_fw[0] * p.layers[0] > 10 or p.dt * p.eta_bw[0] * p.layers[2] > 1000,
        'tausyn = dt: the filters of the phased line keep one step only': phased and p.tausyn <= p.dt,
        'eta_IP has more entries than skip connections need (one): the last counts':
            p.connection == 'skip' and len(p.eta_IP) > 1,
        'record: MSE, error and target are kept only where there is a target (task=fw_bw)':
            p.task == 'bw_only' and bool({'MSE', 'error', 'target'} & set(words(p.record))),
        f"the {p.model_type} arm of the comparison has eta_PI = 0 (array_num=0 lists the arms); here interneurons learn":
            p.classified and p.model_type in ('FA', 'BP') and any(p.eta_PI),
        'no noise: B cannot learn': noisy(p) and any(p.eta_bw) and not any(p.noise_scale[:hidden]),
    }
    for name in ('alpha', 'noise_scale', 'eta_PI'):
        found[f'{name} has more entries than hidden layers: the last ones are not used'] = len(getattr(p, name)) > hidden
    return [text for text, true in found.items() if true]


# ---------------------------------------------------------------- what a run needs

def inputs(p):
    """The files that run p reads; FileNotFoundError if one is missing, ValueError for labels that are no digits."""
    return demand_digits(data.mnist_files(p.data_dir)) if p.data == 'mnist' else []


def memory(p):
    """Bytes at the peak of run p, about: a Python with its libraries, circuit, samples, noise, records."""
    W = sum(a * b for a, b in zip(p.layers[:-1], p.layers[1:], strict=True))
    above = W - p.layers[0] * p.layers[1]          # entries of WIP, BPP and BPI
    cells, hold = sum(p.layers[1:]), round(p.Tpres / p.dt)
    steps = p.dataset_size * p.epochs * hold + round(p.settling_time / p.dt)
    sizes = dict.fromkeys(('WIP', 'dWIP', 'BPP', 'dBPP', 'BPI', 'dBPI'), above) | {
             'WPP': W, 'dWPP': W, 'input': p.layers[0], 'MSE': 1, 'epsilon': 1, 'epsilon_LO': 1}
    recorded = sum(sizes.get(name, cells) for name in words(p.record)) + 3 * len(p.layers) * p.angles
    hidden = sum(p.layers[1:-1])
    chunk = min(10_000, max(1, 2_000_000 // hidden), steps)                      # steps of one call, whose records are together
    of_angles = W + above if p.angles or p.compare else 0
    kept = steps // p.rec_per_steps * recorded + (chunk // p.rec_per_steps + 1) * (recorded + of_angles)
    circuits = (4.5 if teacher(p) else 3) * (3 * W + 6 * above + 30 * cells)     # state, a copy of it, the result
    samples = (2 * p.dataset_size + 2 * p.test_size) * (p.layers[0] + p.layers[-1])
    taught = 3 * p.dataset_size * hold * cells if teacher(p) else 0
    compared = p.epochs * (2 * W + p.dataset_size * len(p.layers)) + p.dataset_size * 6 * W if p.compare else 0
    mnist = 10_000 * 784 + 2 * 70_000 * 784 / 8 if p.data == 'mnist' else 0      # the test set, and all images as bytes
    return 170e6 + 8 * (kept + circuits + samples + taught + compared + mnist + 3 * chunk * hidden * noisy(p))
