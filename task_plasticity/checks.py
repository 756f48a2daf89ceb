"""What parameters are allowed and what acts in which run; named in one line before anything is computed."""
from common.params import one_of, require, within


def check(p):
    """Raise ValueError for the first mistake in parameters p."""
    check_values(p)


def check_values(p):
    """Values that are possible, one by one."""
    within(p, 'array_num', 1, None, 'members are numbered from 1')
    within(p, 'seed', 0, None, 'a seed is a natural number')
    require(p, 'rng seed', p.rng != 'legacy' or p.seed < 2 ** 32, 'a legacy seed has 32 bits')
    one_of(p, 'objective', ('linear', 'estimation', 'classifier', 'categorisation', 'mixed'),
           'the tasks and their released synonyms')
    require(p, 'mode objective', p.mode != 'estimation' or p.objective in ('linear', 'estimation'),
            'sizes and rates of the other tasks come with mode=categorisation and mode=mixed')
    require(p, 'mode objective',
            p.mode not in ('categorisation', 'classifier_weak_decay', 'classifier_decoder_only', 'classifier_uniform_prior')
            or p.objective in ('classifier', 'categorisation'),
            'sizes and rates of estimation come with mode=estimation')
    require(p, 'mode objective', p.mode != 'mixed' or p.objective == 'mixed', 'mode=mixed is a task of its own')
    one_of(p, 'rng', ('modern', 'legacy'), 'the random stream')
    within(p, 'trial_num_2', 0, 1e6, 'training trials')
    within(p, 'test_num', 0, 1e5, 'test trials')
    require(p, 'trial_num_2 test_num', p.trial_num_2 + p.test_num > 0, 'trial_num_2 + test_num > 0 must hold (nothing to do)')
    require(p, 'network_load test_num', not p.network_load or p.test_num > 0,
            'a stored network is only tested: nothing to do')
    within(p, 'dt', 1e-6, 1, 'time step')
    require(p, 'T', 0 < p.T <= 1e6, '0 < T <= 1e6 must hold (duration of a trial)')
    require(p, 'T dt', abs((p.T / p.dt + 0.5) % 1 - 0.5) < 1e-6 and p.T / p.dt >= 2, 'T must be a whole number of steps dt')
    require(p, 'test_num switch_period dt',
            p.test_num == 0 or (p.switch_period > 0 and abs((p.switch_period / p.dt + 0.5) % 1 - 0.5) < 1e-6),
            'switch_period must be a whole number of steps dt')
    require(p, 'test_num T switch_period', p.test_num == 0 or abs((p.T / p.switch_period + 0.5) % 1 - 0.5) < 1e-6,
            'T must be a whole number of switch_periods')
    require(p, 'trial_num_2 network_load T transient', p.trial_num_2 == 0 or p.network_load or p.T > p.transient,
            'no plasticity step would occur')
    within(p, 'transient', 0, 1e6, 'time without plasticity at the start of a trial')
    require(p, 'record_res T dt', 1 <= p.record_res <= p.T / p.dt, 'steps between records, at most the trial')
    require(p, 'trial_num_2 network_load T dt record_res transient',
            p.trial_num_2 == 0 or p.network_load
            or (p.T / p.dt - 0.5) // p.record_res * p.record_res * p.dt >= p.transient - 1e-6 * p.dt,
            'no record would fall after the transient')
    within(p, 'record_period', 1, 1e6, 'trials between records')
    within(p, 'rate_thinning', 1, 1e6, 'records between stored rates')
    within(p, 'N', 1, 5000, 'neurons')
    require(p, 'N dt T', p.N <= 1e9 * p.dt / p.T, 'the noise of a trial (8 bytes a step and neuron) must fit into memory')
    require(p, 'input_dim dt T', p.input_dim <= 1e9 * p.dt / p.T, 'the input noise of a trial must fit into memory')
    require(p, 'T dt record_res test_num N', p.T / p.dt / p.record_res * p.test_num * p.N <= 1e9,
            'the rates of a test session must fit into memory: a larger record_res')
    require(p, 'T dt record_res trial_num_2 record_period',
            p.T / p.dt / p.record_res * p.trial_num_2 / p.record_period <= 1e9,
            'the records of the training must fit into memory')
    require(p, 'N objective', p.N >= 3 or p.objective != 'mixed', 'as many neurons as outputs')
    require(p, 'N objective', p.N >= 2 or p.objective not in ('linear', 'estimation'), 'as many neurons as outputs')
    within(p, 'input_dim', 2, 5000, 'input channels')
    within(p, 'R', 1e-6, 1e6, 'leak resistance')
    within(p, 'sigma', 0, 100, 'noise is not negative')
    require(p, 'sigma_test', p.sigma_test <= 100, 'sigma_test <= 100 must hold (noise during tests)')
    require(p, 'low_r_threshold high_r_threshold', 0 < p.low_r_threshold < p.high_r_threshold <= 1e6,
            '0 < low_r_threshold < high_r_threshold <= 1e6 must hold '
            '(the inverse f-I curve needs positive rates, low below high)')
    within(p, 'beta', 1e-4, 1e3, 'f-I curve')
    within(p, 'gamma', 1e-4, 1e5, 'f-I curve')
    require(p, 'alpha', abs(p.alpha) <= 1e3, 'abs(alpha) <= 1e3 must hold (f-I curve)')
    require(p, 'dt low_r_threshold beta gamma',
            p.dt * (1 / (1 - 2.718281828459045 ** (-p.low_r_threshold / p.beta))) / (p.beta * p.gamma) <= 1.7,
            'the leak is too steep at low_r_threshold for this dt; with the defaults dt <= 0.05')
    require(p, 'initial_bias', abs(p.initial_bias) <= 1e3, 'abs(initial_bias) <= 1e3 must hold (initial bias)')
    within(p, 'kappa_in', 0, 700, 'concentration of the prior')
    require(p, 'mu_in', abs(p.mu_in) <= 3.2, 'abs(mu_in) <= 3.2 must hold (mean of the prior, an angle)')
    within(p, 'sigma_sampler', 0, 10, 'stimulus diffusion')
    require(p, 'input_noise input_noise_sigma', not p.input_noise or 0 < p.input_noise_sigma <= 100,
            'input noise needs a positive s.d.')
    require(p, 'theta_thresh theta_thresh_rev', abs(p.theta_thresh) <= 3.2 and abs(p.theta_thresh_rev) <= 3.2,
            'abs(theta_thresh) <= 3.2 and abs(theta_thresh_rev) <= 3.2 must hold (class boundaries are angles)')
    within(p, 'learning_rate', 0, 1, 'learning rate')
    within(p, 'learning_rate_bias', 0, 1, 'learning rate')
    within(p, 'learning_rate_input', 0, 1, 'learning rate')
    within(p, 'learning_rate_decoder', 0, 1, 'learning rate')
    within(p, 'lr_gain', 0, 1e6, 'multiplies the learning rates')
    within(p, 'weight_l2', 0, 1e3, 'decay')
    within(p, 'bias_weight_l2', 0, 1e3, 'decay')
    within(p, 'i_weight_l2', 0, 1e3, 'decay')
    require(p, 'decoder_l2', p.decoder_l2 <= 1e3, 'decoder_l2 <= 1e3 must hold (decay)')
    require(p, 'theta', 0 < p.theta <= 1, '0 < theta <= 1 must hold (rate of the running means)')
    require(p, 'objective lambda_MSE lambda_LL',
            p.objective != 'mixed' or (0 < p.lambda_MSE <= 1e3 and 0 < p.lambda_LL <= 1e3),
            'the mixed task needs both weights')
    require(p, 'lambda_l1 lambda_l2', 0 <= p.lambda_l1 <= 1e3 and 0 <= p.lambda_l2 <= 1e3,
            '0 <= lambda_l1 <= 1e3 and 0 <= lambda_l2 <= 1e3 must hold (rate penalties)')
    within(p, 'exclude_after_switch', 0, 1e6, 'time after a switch')
    require(p, 'released_code exact_prior symmetric_init reward_baseline lambda_l1 lambda_l2',
            not p.released_code or not (p.exact_prior or p.symmetric_init or p.reward_baseline or p.lambda_l1 or p.lambda_l2),
            'released_code excludes exact_prior, symmetric_init, reward_baseline and rate penalties')
    require(p, 'released_code decoder_l2', not p.released_code or p.decoder_l2 < 0,
            'the released decoder decays with weight_l2')


def remarks(p):
    """What is allowed, but perhaps not what was meant."""
    texts = []
    if not (p.record_period <= 1 or p.record_period <= p.trial_num_2):
        texts.append('record_period exceeds the number of trials: only the first is recorded')
    if not (p.sigma_sampler > 0):
        texts.append('sigma_sampler=0: the training stimulus never moves within a trial')
    return texts
