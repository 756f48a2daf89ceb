"""Bad parameters of the microcircuits, named in one line before anything is computed (lists, times, combinations)."""
from common.params import demand, is_number, one_of, require, within

ACTIVATIONS = ('linear', 'relu', 'soft_relu', 'logistic', 'tanh', 'hard_sigmoid')
SERIES = ('MSE', 'error', 'input', 'target', 'WPP', 'WIP', 'BPP', 'BPI', 'dWPP', 'dWIP', 'dBPP', 'dBPI', 'uP', 'uP_breve',
          'rP_breve', 'rP_breve_HI', 'uI', 'uI_breve', 'rI_breve', 'vbas', 'vapi', 'vapi_noise', 'noise', 'epsilon',
          'epsilon_LO', 'lat_mismatch')
NOISE_MODES = {'PAL': ('const', 'uP', 'uP_breve', 'vapi'), 'phased': ('uP', 'vapi', 'uP_adaptive')}
RANGES = ('init_WPP_range', 'init_WIP_range', 'init_BPP_range', 'init_BPI_range', 'init_teacher_WPP_range',
          'init_teacher_WIP_range', 'init_teacher_BPP_range', 'init_teacher_BPI_range', 'input_range', 'change_range')


def words(text):
    """The names in a comma-separated text."""
    return [word.strip() for word in text.split(',') if word.strip()]


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
    for name in ('dataset_size', 'epochs', 'rec_per_steps'):
        demand(1 <= getattr(p, name) <= 1e9, f'{name} = {getattr(p, name)}: a whole number from 1 to 1e9')
    check_layers(p)
    check_model(p)
    check_lists(p)
    check_times(p)
    check_recording(p)
    check_values(p)


def check_layers(p):
    """Layers, activation, ranges."""
    demand(len(p.layers) >= 3 and all(type(n) is int and 1 <= n <= 100_000 for n in p.layers),
           f'layers = {p.layers}: at least 3 positive numbers of neurons (input, hidden, output)')
    weights = sum(a * b for a, b in zip(p.layers[:-1], p.layers[1:], strict=True))
    demand(weights <= 10 ** 8, f'layers = {p.layers} have {weights:.1g} weights W; 1e8 is the limit (8 GB of state)')
    names = words(p.activation)
    demand(len(names) in (1, len(p.layers) - 1),
           f'activation names {len(names)} functions; 1 or {len(p.layers) - 1} (layers 1 to N) are allowed')
    for name in names:
        demand(name in ACTIVATIONS, f'activation {name!r}: choose from {", ".join(ACTIVATIONS)}')
    for name in RANGES:
        pair = getattr(p, name)
        good = len(pair) == 2 and all(is_number(x) for x in pair)
        demand(good and pair[0] <= pair[1], f'{name} = {pair}: two numbers, low <= high')


def check_model(p):
    """Combinations of model, connection and noise that exist."""
    hidden = len(p.layers) - 2
    if p.model_type in ('LDRL', 'DTPDRL'):
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
    elif p.model_type in ('LDRL', 'DTPDRL'):
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
        demand(all(is_number(x) and x >= 0 for x in values), f'{name} = {values}: numbers from 0 to 1e12')
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
    somata = {'hidden': p.gl + p.gbas + p.gapi, 'output': p.gl + p.gbas + p.gntgt, 'interneuron': p.gl + p.gden + p.gnI}
    for name, g in somata.items():
        demand(g > 0 and p.dt * g <= 1, f'dt = {p.dt} is longer than the time constant 1/({g:g}) of the {name} somata')
    filters = []
    if p.model_type == 'PAL':
        whole_multiple(p, 'dtxi')
        filters = ['tauHP'] + (['tauxi'] if p.noise_type == 'OU' else [])
        if p.dWPP_low_pass or p.dWPP_r_low_pass or p.dWPP_post_low_pass or p.inter_low_pass:
            filters.append('tauLO')
    elif p.model_type in ('LDRL', 'DTPDRL'):
        whole_multiple(p, 'dtxi', 'Tbw')
        filters = ['tausyn'] + (['taueps'] if p.noise_mode == 'uP_adaptive' else [])
    for name in filters:
        tau = getattr(p, name)
        demand(tau >= p.dt * (1 - 1e-9), f'{name} = {tau} is shorter than dt = {p.dt}')


def check_recording(p):
    """Series that exist, and what the comparison needs."""
    for name in words(p.record):
        demand(name in SERIES, f'record: unknown series {name!r}; choose from {", ".join(SERIES)}')
    steps = p.dataset_size * p.epochs * round(p.Tpres / p.dt) + int(p.settling_time / p.dt)
    demand(p.rec_per_steps <= steps, f'rec_per_steps = {p.rec_per_steps} is longer than the run of {steps} steps')
    learning = steps // p.rec_per_steps - int(p.settling_time / p.dt) // p.rec_per_steps
    demand(not p.compare or learning >= p.epochs,
           f'the comparison needs one record an epoch: rec_per_steps = {p.rec_per_steps} gives {learning} in {p.epochs} epochs')
    demand(p.protocol == 'runner' or p.rng == 'modern' or (p.task == 'bw_only' and not p.compare),
           "protocol = 'notebook' with rng = 'legacy' has no teacher: task = 'bw_only' and compare = ''")
    demand(not p.compare or not p.phased, 'the comparison of updates exists for layered connections only')


def check_values(p):
    """Values that are possible, one by one."""
    within(p, 'array_num', 1, None, 'members are numbered from 1')
    require(p, 'seed', 0 <= p.seed < 2 ** 32, '0 <= seed < 2 ** 32 must hold (a seed of 32 bits)')
    require(p, 'input_seed', 0 <= p.input_seed < 2 ** 32, '0 <= input_seed < 2 ** 32 must hold (a seed of 32 bits)')
    require(p, 'change_seed', 0 <= p.change_seed < 2 ** 32, '0 <= change_seed < 2 ** 32 must hold (a seed of 32 bits)')
    one_of(p, 'task', ('bw_only', 'fw_bw'), 'the two tasks')
    one_of(p, 'model_type', ('BP', 'FA', 'PAL', 'LDRL', 'DTPDRL'), 'the learning rules')
    one_of(p, 'connection', ('layered', 'skip'), 'where the top-down weights come from')
    one_of(p, 'noise_type', ('OU', 'hold_white_noise'), 'the two kinds of noise')
    one_of(p, 'protocol', ('runner', 'notebook'), 'the two protocols')
    one_of(p, 'compare', ('', 'BP'), 'nothing, or back-propagation')
    one_of(p, 'rng', ('modern', 'legacy'), 'the random stream')
    require(p, 'gl', 0 < p.gl <= 1e6, '0 < gl <= 1e6 must hold (a conductance is positive)')
    require(p, 'gbas', 0 < p.gbas <= 1e6, '0 < gbas <= 1e6 must hold (a conductance is positive)')
    within(p, 'gapi', 0, 1e6, 'a conductance is not negative')
    require(p, 'gden', 0 < p.gden <= 1e6, '0 < gden <= 1e6 must hold (a conductance is positive)')
    within(p, 'gnI', 0, 1e6, 'a conductance is not negative')
    within(p, 'gntgt', 0, 1e6, 'a conductance is not negative')
    within(p, 'taur', 0, 10, '1 is full prospective coding, 0 none')
    within(p, 'dt', 1e-9, 1e3, 'a time step in ms')
    within(p, 'dataset_size', 1, 1e7, 'samples')
    within(p, 'epochs', 1, 1e7, 'passes through the samples')
    require(p, 'change_epoch epochs', 0 <= p.change_epoch < p.epochs,
            '0 <= change_epoch < epochs must hold (an epoch of the run)')
    within(p, 'noise_deg', 0, 180, 'an angle')
    require(p, 'slope_hard_sigmoid', 0 < p.slope_hard_sigmoid <= 1,
            '0 < slope_hard_sigmoid <= 1 must hold (1/6, or 1 as released)')
    one_of(p, 'data', ('uniform', 'yin_yang'), 'the two kinds of samples')
    require(p, 'data task', p.data != 'yin_yang' or p.task == 'fw_bw', 'the yin-yang task is learned with targets')
    require(p, 'data layers', p.data != 'yin_yang' or p.layers[0] == 4 and p.layers[len(p.layers) - 1] == 3,
            'x, y, 1 - x, 1 - y; three classes')
    require(p, 'data compare', p.data != 'yin_yang' or p.compare == '', 'the comparison of updates needs a teacher')
    within(p, 'test_size', 1, 1e6, 'samples')
    within(p, 'test_epochs', 1, 1e6, 'epochs between validations')
    within(p, 'rec_per_steps', 1, 1e9, 'steps between two records')


def remarks(p):
    """What is allowed, but perhaps not what was meant."""
    texts = []
    if not (p.tauxi >= 3 * p.dt or p.noise_type != 'OU' or p.model_type != 'PAL'):
        texts.append('tauxi is close to dt: the noise has faded before it comes back to the top-down synapse (about 4 steps)')
    if not (p.tauxi <= 0.5 * p.Tpres or p.noise_type != 'OU' or p.model_type != 'PAL'):
        texts.append('tauxi is close to Tpres: noise and signal are not separated in time')
    if not (p.dt * p.eta_fw[0] * p.layers[0] <= 10 and p.dt * p.eta_bw[0] * p.layers[2] <= 1000):
        texts.append('dt * eta * n is large: the weights will probably explode')
    if not (p.tausyn > p.dt or p.model_type not in ('LDRL', 'DTPDRL')):
        texts.append('tausyn = dt: the filters of the phased line keep one step only')
    if not (len(p.alpha) < len(p.layers) - 1):
        texts.append('alpha has more entries than hidden layers: the last ones are not used')
    if not (len(p.eta_PI) < len(p.layers) - 1):
        texts.append('eta_PI has more entries than hidden layers: the last ones are not used')
    if not (len(p.eta_IP) == 1 or p.connection != 'skip'):
        texts.append('eta_IP has more entries than skip connections need (one): the last counts')
    if not (len(p.noise_scale) < len(p.layers) - 1):
        texts.append('noise_scale has more entries than hidden layers: the last ones are not used')
    return texts
