"""What parameters are allowed and what acts in which run; named in one line before anything is computed."""
import json
import math
from pathlib import Path

import numpy as np

from common.data import UNREADABLE
from common.params import demand_types, one_of, require, within
from task_plasticity.network import stored_path
from task_plasticity.tasks import RELEASED_NAMES, TASKS, task_of

FIXED = {                               # what a mode's name says; another value contradicts it
    'no_plasticity': {'trial_num_2': 0}, 'decoder_only': {'decoder_only': True}, 'decoder_fixed': {'decoder_fixed': True},
    'annealed': {'annealed': True}, 'input_noise': {'input_noise': True}, 'feedforward': {'feedforward': True},
    'recurrent_only': {'learning_rate_input': 0.0, 'learning_rate_bias': 0.0}, 'estimation_pretrained': {'network_load': True},
    'classifier_decoder_only': {'decoder_only': True}, 'classifier_uniform_prior': {'kappa_in': 0.0},
    'replay_published': {'rng': 'legacy', 'released_code': True},
}
TASK_OF_MODE = {'estimation': 'estimation', 'replay_published': 'estimation', 'mixed': 'mixed'}
TASK_OF_MODE |= dict.fromkeys(('categorisation', 'boundary_sweep', 'classifier_weak_decay', 'classifier_decoder_only',
                               'classifier_uniform_prior'), 'categorisation')
WEIGHTS = ('W', 'C', 'b', 'D')          # result arrays that must not blow up (those called final_* are looked at anyway)
CIRCUIT = ('learning_rate', 'learning_rate_bias', 'learning_rate_input')
PROGRAM = 2e8                           # bytes of the program itself, compiled kernels included
DYNAMICS = ('R', 'sigma', 'alpha', 'beta', 'gamma', 'low_r_threshold', 'high_r_threshold', 'input_noise')
LOADING = ('estimation', 'categorisation', 'mixed', 'estimation_pretrained', 'input_noise', 'smoke')     # may load a network


# ---------------------------------------------------------------- what acts

def trains(p):
    """The run has training trials."""
    return p.trial_num_2 > 0 and not p.network_load


def could_learn(p, *rates):
    """There is training, and one of these learning rates is not zero (that of W counts as zero with feedforward)."""
    rates = [rate for rate in rates if not (rate == 'learning_rate' and p.feedforward)]
    return trains(p) and (p.lr_gain > 0 or p.annealed) and any(getattr(p, rate) > 0 for rate in rates)


def learns(p, *rates):
    """The parameters of the circuit that belong to these learning rates learn."""
    return could_learn(p, *rates) and not p.decoder_only


def learns_circuit(p):
    """W, b or C learn."""
    return learns(p, *CIRCUIT)


def learns_D(p):
    """The decoder learns."""
    return could_learn(p, 'learning_rate_decoder') and not p.decoder_fixed


def classes(p):
    """The task has an output that is a class."""
    return bool(task_of(p.objective).logistic.any())


def both(p):
    """The task has plain outputs and classes."""
    return classes(p) and not task_of(p.objective).logistic.all()


def released_mixed(p):
    """The recorded reward is the released one of the mixed task: log likelihood minus decays, without squared error (D18)."""
    return p.released_code and both(p)


def uses_prior(p):
    """Stimuli are drawn from the prior."""
    return trains(p) or (p.test_num > 0 and not p.tuning)


TRAINING = 'in training (trial_num_2 > 0, network_load=False)'
RELEASED_MIXED = 'in the reward of the mixed task with released_code'
USED = [
    ('network_file', 'with network_load=True', lambda p: p.network_load),
    ('trial_num_2 initial_bias feedforward', 'without network_load', lambda p: not p.network_load),
    ('symmetric_init', 'without network_load and feedforward', lambda p: not p.network_load and not p.feedforward),
    ('transient record_period annealed', TRAINING, trains),
    ('rate_thinning switch_period tuning sigma_test', 'in tests (test_num > 0)', lambda p: p.test_num > 0),
    ('sigma', 'in training, and in tests without sigma_test', lambda p: trains(p) or p.sigma_test < 0),
    ('kappa_in', 'in training and in tests with tuning=False', uses_prior),
    ('mu_in', 'where kappa_in does, if that is not 0', lambda p: uses_prior(p) and p.kappa_in > 0),
    ('sigma_sampler', TRAINING, trains),
    ('exact_prior', 'in training with kappa_in > 0 and sigma_sampler > 0',
     lambda p: trains(p) and p.kappa_in > 0 and p.sigma_sampler > 0),
    ('input_noise_sigma', 'with input_noise=True', lambda p: p.input_noise),
    ('theta_thresh theta_thresh_rev', 'in tasks with classes', classes),
    ('lambda_LL', 'in tasks with plain outputs and classes together', both),
    ('lambda_MSE', 'in tasks with plain outputs and classes together; with released_code where something learns',
     lambda p: both(p) and (not p.released_code or learns_circuit(p) or learns_D(p))),
    ('learning_rate', 'in training without decoder_only and feedforward',
     lambda p: trains(p) and not p.decoder_only and not p.feedforward),
    ('learning_rate_bias learning_rate_input', 'in training without decoder_only', lambda p: trains(p) and not p.decoder_only),
    ('learning_rate_decoder', 'in training without decoder_fixed', lambda p: trains(p) and not p.decoder_fixed),
    ('lr_gain', TRAINING, trains),
    ('weight_l2', f'where W learns, for D without decoder_l2, and {RELEASED_MIXED}',
     lambda p: learns(p, 'learning_rate') or (learns_D(p) and p.decoder_l2 < 0) or (released_mixed(p) and not p.feedforward)),
    ('bias_weight_l2', f'where b learns, and, if b is not 0, {RELEASED_MIXED}',
     lambda p: learns(p, 'learning_rate_bias') or (released_mixed(p) and (p.network_load or p.initial_bias != 0))),
    ('i_weight_l2', f'where C learns, and {RELEASED_MIXED}', lambda p: learns(p, 'learning_rate_input') or released_mixed(p)),
    ('decoder_l2', 'where D learns', learns_D),
    ('theta reward_baseline', 'where W, b or C learn', learns_circuit),
    ('decoder_only', 'where W, b or C would learn', lambda p: could_learn(p, *CIRCUIT)),
    ('decoder_fixed', 'where D would learn', lambda p: could_learn(p, 'learning_rate_decoder')),
]


# ---------------------------------------------------------------- what is allowed

def check(p):
    """Raise ValueError for the first mistake in parameters p."""
    demand_types(p)
    check_mode(p)
    check_times(p)
    check_network(p)
    check_stimulus(p)
    check_learning(p)


def check_mode(p):
    """Mode, task and stored network fit together."""
    within(p, 'array_num', 1, None, 'members are numbered from 1')
    within(p, 'seed', 0, None, 'a seed is a natural number')
    one_of(p, 'rng', ('modern', 'legacy'), 'the random stream')
    require(p, 'rng seed', p.rng != 'legacy' or p.seed < 2 ** 32, 'a legacy seed has 32 bits')
    one_of(p, 'objective', (*TASKS, *RELEASED_NAMES), 'the tasks and their released synonyms')
    wanted = TASK_OF_MODE.get(p.mode)
    require(p, 'mode objective', not wanted or task_of(p.objective) == TASKS[wanted],
            f'this mode is the task {wanted}; another task: mode=estimation, mode=categorisation, mode=mixed, or '
            'objective=... with a mode that is no task')
    for name, value in FIXED.get(p.mode, {}).items():
        require(p, f'mode {name}', getattr(p, name) == value, f'mode={p.mode} means {name}={value}')
    within(p, 'trial_num_2', 0, 1e6, 'training trials')
    within(p, 'test_num', 0, 1e5, 'test trials')
    require(p, 'trial_num_2 test_num', p.trial_num_2 + p.test_num > 0, 'nothing to do')
    require(p, 'network_load test_num', not p.network_load or p.test_num > 0, 'a stored network is only tested: nothing to do')
    require(p, 'mode network_load', not p.network_load or p.mode in LOADING,
            f'a stored network is only tested; use one of the modes {", ".join(LOADING)}')
    require(p, 'objective network_load network_file',
            not p.network_load or p.network_file or task_of(p.objective) == TASKS['estimation'],
            'the published network estimates; network_file=... names one of another task')
    within(p, 'N', len(task_of(p.objective).outputs), None, 'as many neurons as outputs')
    within(p, 'input_dim', 2, None, 'input channels')


def check_times(p):
    """Durations and records."""
    within(p, 'dt', 1e-6, 1, 'time step')
    within(p, 'T', 1e-6, 1e6, 'duration of a trial')
    require(p, 'T dt', whole(p.T / p.dt) and p.T / p.dt >= 2, 'T must be a whole number of steps dt')
    if p.test_num:
        within(p, 'switch_period', 1e-6, 1e6, 'duration of a held test angle')
        require(p, 'switch_period dt', whole(p.switch_period / p.dt), 'switch_period must be a whole number of steps dt')
        require(p, 'T switch_period', whole(p.T / p.switch_period), 'T must be a whole number of switch_periods')
    within(p, 'transient', 0, 1e6, 'time without plasticity at the start of a trial')
    require(p, 'record_res T dt', 1 <= p.record_res <= p.T / p.dt, 'steps between records, at most the trial')
    if trains(p):
        require(p, 'T transient', p.T > p.transient, 'no plasticity step would occur')
        last = (p.T / p.dt - 0.5) // p.record_res * p.record_res * p.dt
        require(p, 'T dt record_res transient', last >= p.transient - 1e-6 * p.dt, 'no record would fall after the transient')
    within(p, 'record_period rate_thinning', 1, 1e6, 'every so many are kept')


def whole(x):
    """x is a whole number but for rounding."""
    return abs((x + 0.5) % 1 - 0.5) < 1e-6


def check_network(p):
    """Neurons and their noise."""
    within(p, 'R', 1e-6, 1e6, 'leak resistance')
    within(p, 'sigma', 0, 100, 'noise is not negative')
    within(p, 'sigma_test', None, 100, 'noise during tests; negative: sigma')
    require(p, 'low_r_threshold high_r_threshold', 0 < p.low_r_threshold < p.high_r_threshold <= 1e6,
            'the inverse f-I curve needs positive rates, low below high, at most 1e6')
    within(p, 'beta', 1e-4, 1e3, 'f-I curve')
    within(p, 'gamma', 1e-4, 1e5, 'f-I curve')
    within(p, 'alpha initial_bias', -1e3, 1e3)
    slope = 1 / (1 - math.exp(-p.low_r_threshold / p.beta)) / (p.beta * p.gamma)              # g'(r_low)
    require(p, 'dt low_r_threshold beta gamma R', p.dt * slope / p.R <= 1.7,
            f'the leak is too steep at low_r_threshold for this dt: dt <= {1.7 * p.R / slope:.2g} is needed')
    require(p, 'input_noise input_noise_sigma', not p.input_noise or 0 < p.input_noise_sigma <= 100,
            'input noise needs a positive s.d.')
    within(p, 'lambda_l1 lambda_l2', 0, 1e3, 'rate penalties')


def check_stimulus(p):
    """Prior and class boundaries."""
    within(p, 'kappa_in', 0, 700, 'concentration of the prior')
    within(p, 'mu_in', -3.2, 3.2, 'an angle in rad')
    within(p, 'theta_thresh theta_thresh_rev', -math.pi, math.pi, 'an angle in rad')
    require(p, 'theta_thresh theta_thresh_rev', not classes(p) or 0 < p.theta_thresh - p.theta_thresh_rev < 2 * math.pi,
            'class 0 lies between theta_thresh_rev and theta_thresh: both classes need a part of -pi .. pi')
    within(p, 'sigma_sampler', 0, 10, 'stimulus diffusion')


def check_learning(p):
    """Learning rates and decays; something must be able to learn."""
    within(p, 'learning_rate learning_rate_bias learning_rate_input learning_rate_decoder', 0, 1, 'learning rate')
    within(p, 'lr_gain', 0, 1e6, 'multiplies the learning rates')
    within(p, 'weight_l2 bias_weight_l2 i_weight_l2', 0, 1e3, 'decay')
    within(p, 'decoder_l2', None, 1e3, 'decay; negative: weight_l2')
    within(p, 'theta', 1e-12, 1, 'rate of the running means')
    if trains(p):
        require(p, 'decoder_only decoder_fixed feedforward lr_gain learning_rate learning_rate_bias learning_rate_input '
                'learning_rate_decoder', learns_circuit(p) or learns_D(p), 'nothing would learn (trial_num_2=0 means that)')
        require(p, 'sigma', p.sigma > 0 or not learns_circuit(p),
                'the three-factor rule learns from noise; without it only the decoder can learn (decoder_only=True)')
    if both(p):
        within(p, 'lambda_MSE lambda_LL', 1e-9, 1e3, 'the mixed task needs both weights')
    require(p, 'released_code exact_prior symmetric_init reward_baseline lambda_l1 lambda_l2',
            not p.released_code or not (p.exact_prior or p.symmetric_init or p.reward_baseline or p.lambda_l1 or p.lambda_l2),
            'released_code excludes exact_prior, symmetric_init, reward_baseline and rate penalties')
    require(p, 'released_code decoder_l2', not p.released_code or p.decoder_l2 < 0,
            'the released decoder decays with weight_l2')


def remarks(p):
    """What is allowed, but perhaps not what was meant."""
    texts = []
    if trains(p) and p.record_period > p.trial_num_2:
        texts.append('record_period exceeds the number of trials: only the first is recorded')
    if trains(p) and p.sigma_sampler == 0:
        texts.append('sigma_sampler=0: the training stimulus never moves within a trial')
    otherwise = trained_otherwise(p)
    if otherwise:
        texts.append(f'the network of {p.network_file} was trained with {otherwise}, and is tested with other values here')
    return texts


def trained_otherwise(p):
    """'gamma = 10, ...': the dynamics with which a stored network was trained, where its file tells and p differs."""
    if not (p.network_load and Path(p.network_file).is_file()):
        return ''
    try:
        with np.load(p.network_file, allow_pickle=False) as file:
            theirs = dict(json.loads(str(file['meta']))['params'])
    except UNREADABLE:                             # no network file: refused when it is read; or converted, without parameters
        return ''
    return ', '.join(f'{name} = {theirs[name]}' for name in DYNAMICS if name in theirs and theirs[name] != getattr(p, name))


# ---------------------------------------------------------------- what a run needs

def memory(p):
    """Bytes that a run needs at its peak, about."""
    n, K, records = p.n_steps, p.n_outputs, p.n_steps / p.record_res
    noise = 8 * n * ((2 if p.rng == 'legacy' else 1) * (p.N + (p.input_dim if p.input_noise else 0)) + 6 + 2 * K)
    trial = noise + 8 * records * (p.N + K + 1)
    training = 4 * records * (K + 2) * p.trial_num_2 / p.record_period if trains(p) else 0
    session = p.test_num * records * (4 * p.N + 8 * (2 * K + 2))
    matrices = 8 * 8 * (p.N ** 2 + p.N * (p.input_dim + K))
    kept = (1 if p.network_load else 2) * session / p.rate_thinning
    return PROGRAM + matrices + trial + training + session + kept


def inputs(p):
    """Files that run p reads."""
    return [stored_path(p)] if p.network_load else []
