"""Task-dependent representations: parameters. Choose `mode` (or edit a value), save, run simulation.py.

Values and names are those of the released parameter file. Unit of time: the network time constant; angles in rad.
"""
import math
from dataclasses import dataclass

mode = 'estimation'                     # a key of MODES below


@dataclass(frozen=True)
class Params:                           # value = estimation (Figs. 1-3)
    """One run."""

    mode: str = 'estimation'
    array_num: int = 1                  # member of the mode's sweep; 0 = all
    seed: int = 120994
    # session
    objective: str = 'linear'           # 'linear' (= 'estimation'), 'classifier' (= 'categorisation'), 'mixed'
    network_load: bool = False          # evaluate (and do not train) the stored network
    network_file: str = ''              # npz made by convert_network.py; empty: the published network
    trial_num_2: int = 260              # training trials
    test_num: int = 100                 # test trials, before and after
    T: float = 1000.0                   # duration of a trial                                         T
    dt: float = 0.01                    # Euler-Maruyama step                                         dt
    transient: float = 40.0             # no plasticity before this time in a trial
    record_res: int = 20                # steps between records
    record_period: int = 1              # every so many trials are kept
    rate_thinning: int = 5              # stored test records: every so many (1: all)
    # network
    N: int = 40                         # neurons                                                     N
    input_dim: int = 12                 # input channels                                              I
    R: float = 1.0                      # leak resistance                                             R
    sigma: float = 0.2                  # intrinsic noise                                             sigma
    sigma_test: float = -1.0            # the same during tests (negative: sigma)
    low_r_threshold: float = 0.001      # rates are clipped to [low, high]                            r_lo
    high_r_threshold: float = 100.0     #                                                             r_hi
    alpha: float = 0.0                  # f(x) = beta log(1 + exp(alpha + gamma x))                   alpha0
    beta: float = 1 / 30                #                                                             beta
    gamma: float = 30.0                 #                                                             gamma
    initial_bias: float = 0.0           # 0.7 in categorisation                                       b
    symmetric_init: bool = False        # symmetrise the initial recurrent weights (D22)
    # stimulus
    kappa_in: float = 0.75              # von Mises prior: concentration of trial starts; drift kappa sigma_s^2      kappa
    mu_in: float = 0.0                  # and mean                                                    mu
    exact_prior: bool = False           # halve the drift, so that the stationary density has kappa, not 2 kappa (D1)
    sigma_sampler: float = 0.06         # stimulus diffusion                                          sigma_s
    switch_period: float = 200.0        # duration of a held test angle
    tuning: bool = True                 # test angles: preferred angles (False: from the prior)
    input_noise: bool = False           # noise on the input rates
    input_noise_sigma: float = 0.1      # its s.d. per step
    theta_thresh: float = 0.0           # class 1 if theta >= theta_thresh or theta <= theta_thresh_rev
    theta_thresh_rev: float = -math.pi
    # learning
    learning_rate: float = 5e-6         # of W                                                        eta_W
    learning_rate_bias: float = 5e-6    # of b                                                        eta_b
    learning_rate_input: float = 5e-6   # of C                                                        eta_C
    learning_rate_decoder: float = 5e-6     # of D                                                    eta_D
    lr_gain: float = 100.0              # multiplies all rates (10 in mixed)                          g
    weight_l2: float = 0.5 / 25 ** 2    # decay of W                                                  l_W
    bias_weight_l2: float = 3 / 25 ** 2     # decay of b                                              l_b
    i_weight_l2: float = 3 / 25 ** 2    # decay of C                                                  l_C
    decoder_l2: float = -1.0            # decay of D (negative: weight_l2, as released)
    theta: float = 0.0015               # rate of the running means per step                          q
    annealed: bool = False              # gain g exp(-trial / 150) + 1
    decoder_only: bool = False          # W, C, b do not learn
    decoder_fixed: bool = False         # D does not learn
    feedforward: bool = False           # W = 0, and stays so
    normalize_output: bool = False      # r / |r| in objective and decoder rule
    reward_baseline: bool = False       # subtract the reward's running mean
    lambda_MSE: float = 0.5             # mixed: weight of the squared error
    lambda_LL: float = 2.0              # mixed: weight of the log likelihood
    lambda_l1: float = 0.0              # rate penalties (D4: switched off in all released modes)
    lambda_l2: float = 0.0
    # analysis
    exclude_after_switch: float = 5.0   # records so soon after a switch of the test angle are dropped (D10)
    # the paper's mathematics or the released program's
    released_code: bool = False         # index-0 records, record filters and definitions of the released analysis
    rng: str = 'modern'                 # or 'legacy': one RandomState in the released program's order of draws

    @property
    def n_steps(self):
        """Steps of a trial, the initial condition included."""
        return round(self.T / self.dt)

    @property
    def n_outputs(self):
        """K: 2 estimation, 1 categorisation, 3 mixed."""
        return {'linear': 2, 'estimation': 2, 'classifier': 1, 'categorisation': 1, 'mixed': 3}[self.objective]

    @property
    def member(self):
        """Name of the result."""
        return f'{self.mode}_{self.array_num}_s{self.seed}'

    @property
    def cost(self):
        """About how many CPU seconds a run takes."""
        trials = 2.5 * (0 if self.network_load else self.trial_num_2) + 3 * self.test_num
        return 5.5e-10 * trials * self.T / self.dt * (self.N ** 2 + 400)


CLASSIFIER = dict(objective='classifier', N=25, initial_bias=0.7, learning_rate=1e-6, learning_rate_bias=1e-6,
                  learning_rate_input=1e-6, learning_rate_decoder=1e-8, weight_l2=3 / 40 ** 2, bias_weight_l2=2 / 40,
                  i_weight_l2=25 / 40 / 10)

MODES = {
    'estimation': {},                                                           # Figs. 1-3
    'categorisation': CLASSIFIER,                                               # Figs. 1, 4
    'estimation_pretrained': dict(network_load=True),                           # the authors' stored network, evaluated
    'no_plasticity': dict(trial_num_2=0),
    'decoder_only': dict(decoder_only=True, trial_num_2=130),
    'decoder_fixed': dict(decoder_fixed=True),
    'annealed': dict(annealed=True),
    'input_noise': dict(input_noise=True),
    'noise_sweep': {},                                                          # Fig. 3
    'prior_sweep': {},                                                          # Fig. 2
    'feedforward': dict(feedforward=True),
    'recurrent_only': dict(learning_rate_input=0.0, learning_rate_bias=0.0),    # W and the decoder learn, C and b stay
    'mixed': dict(objective='mixed', lr_gain=10.0),
    'classifier_weak_decay': CLASSIFIER | dict(weight_l2=0.0008, bias_weight_l2=0.005, i_weight_l2=0.00625),    # D31
    'classifier_decoder_only': CLASSIFIER | dict(decoder_only=True, trial_num_2=130),
    'classifier_uniform_prior': CLASSIFIER | dict(kappa_in=0.0),
    'replay_published': dict(rng='legacy', released_code=True),                 # the stored network from its seed
    'smoke': dict(T=12.0, switch_period=2.0, transient=2.0, trial_num_2=3, test_num=8, N=9, learning_rate=5e-4,
                  learning_rate_bias=5e-4, learning_rate_input=5e-4, learning_rate_decoder=5e-4, exclude_after_switch=0.2,
                  rate_thinning=1),
}
SWEEPS = {
    'noise_sweep': [dict(sigma=s) for s in (0.05, 0.1, 0.2, 0.4)],              # each tested at each
    'prior_sweep': [dict(kappa_in=k) for k in (0.0, 0.75, 2.0)] + [dict(mu_in=math.pi / 2)],
}

RULES = {                               # checked before anything is computed
    'array_num >= 1': 'members are numbered from 1',
    'seed >= 0': 'a seed is a natural number',
    "rng != 'legacy' or seed < 2 ** 32": 'a legacy seed has 32 bits',
    "objective in ('linear', 'estimation', 'classifier', 'categorisation', 'mixed')": 'the tasks and their released synonyms',
    "mode != 'estimation' or objective in ('linear', 'estimation')":
        'sizes and rates of the other tasks come with mode=categorisation and mode=mixed',
    "mode not in ('categorisation', 'classifier_weak_decay', 'classifier_decoder_only', 'classifier_uniform_prior') "
    "or objective in ('classifier', 'categorisation')": 'sizes and rates of estimation come with mode=estimation',
    "mode != 'mixed' or objective == 'mixed'": 'mode=mixed is a task of its own',
    "rng in ('modern', 'legacy')": 'the random stream',
    '0 <= trial_num_2 <= 1e6': 'training trials',
    '0 <= test_num <= 1e5': 'test trials',
    'trial_num_2 + test_num > 0': 'nothing to do',
    'not network_load or test_num > 0': 'a stored network is only tested: nothing to do',
    '1e-6 <= dt <= 1': 'time step',
    '0 < T <= 1e6': 'duration of a trial',
    'abs((T / dt + 0.5) % 1 - 0.5) < 1e-6 and T / dt >= 2': 'T must be a whole number of steps dt',
    'test_num == 0 or (switch_period > 0 and abs((switch_period / dt + 0.5) % 1 - 0.5) < 1e-6)':
        'switch_period must be a whole number of steps dt',
    'test_num == 0 or abs((T / switch_period + 0.5) % 1 - 0.5) < 1e-6': 'T must be a whole number of switch_periods',
    'trial_num_2 == 0 or network_load or T > transient': 'no plasticity step would occur',
    '0 <= transient <= 1e6': 'time without plasticity at the start of a trial',
    '1 <= record_res <= T / dt': 'steps between records, at most the trial',
    'trial_num_2 == 0 or network_load or (T / dt - 0.5) // record_res * record_res * dt >= transient - 1e-6 * dt':
        'no record would fall after the transient',
    '1 <= record_period <= 1e6': 'trials between records',
    '1 <= rate_thinning <= 1e6': 'records between stored rates',
    '1 <= N <= 5000': 'neurons',
    'N <= 1e9 * dt / T': 'the noise of a trial (8 bytes a step and neuron) must fit into memory',
    'input_dim <= 1e9 * dt / T': 'the input noise of a trial must fit into memory',
    'T / dt / record_res * test_num * N <= 1e9': 'the rates of a test session must fit into memory: a larger record_res',
    'T / dt / record_res * trial_num_2 / record_period <= 1e9': 'the records of the training must fit into memory',
    "N >= 3 or objective != 'mixed'": 'as many neurons as outputs',
    "N >= 2 or objective not in ('linear', 'estimation')": 'as many neurons as outputs',
    '2 <= input_dim <= 5000': 'input channels',
    '1e-6 <= R <= 1e6': 'leak resistance',
    '0 <= sigma <= 100': 'noise is not negative',
    'sigma_test <= 100': 'noise during tests',
    '0 < low_r_threshold < high_r_threshold <= 1e6': 'the inverse f-I curve needs positive rates, low below high',
    '1e-4 <= beta <= 1e3': 'f-I curve',
    '1e-4 <= gamma <= 1e5': 'f-I curve',
    'abs(alpha) <= 1e3': 'f-I curve',
    'dt * (1 / (1 - 2.718281828459045 ** (-low_r_threshold / beta))) / (beta * gamma) <= 1.7':
        'the leak is too steep at low_r_threshold for this dt; with the defaults dt <= 0.05',
    'abs(initial_bias) <= 1e3': 'initial bias',
    '0 <= kappa_in <= 700': 'concentration of the prior',
    'abs(mu_in) <= 3.2': 'mean of the prior, an angle',
    '0 <= sigma_sampler <= 10': 'stimulus diffusion',
    'not input_noise or 0 < input_noise_sigma <= 100': 'input noise needs a positive s.d.',
    'abs(theta_thresh) <= 3.2 and abs(theta_thresh_rev) <= 3.2': 'class boundaries are angles',
    '0 <= learning_rate <= 1': 'learning rate', '0 <= learning_rate_bias <= 1': 'learning rate',
    '0 <= learning_rate_input <= 1': 'learning rate', '0 <= learning_rate_decoder <= 1': 'learning rate',
    '0 <= lr_gain <= 1e6': 'multiplies the learning rates',
    '0 <= weight_l2 <= 1e3': 'decay', '0 <= bias_weight_l2 <= 1e3': 'decay', '0 <= i_weight_l2 <= 1e3': 'decay',
    'decoder_l2 <= 1e3': 'decay',
    '0 < theta <= 1': 'rate of the running means',
    "objective != 'mixed' or (0 < lambda_MSE <= 1e3 and 0 < lambda_LL <= 1e3)": 'the mixed task needs both weights',
    '0 <= lambda_l1 <= 1e3 and 0 <= lambda_l2 <= 1e3': 'rate penalties',
    '0 <= exclude_after_switch <= 1e6': 'time after a switch',
    'not released_code or not (exact_prior or symmetric_init or reward_baseline or lambda_l1 or lambda_l2)':
        'released_code excludes exact_prior, symmetric_init, reward_baseline and rate penalties',
    'not released_code or decoder_l2 < 0': 'the released decoder decays with weight_l2',
}
WARNINGS = {
    'record_period <= 1 or record_period <= trial_num_2':
        'record_period exceeds the number of trials: only the first is recorded',
    'sigma_sampler > 0': 'sigma_sampler=0: the training stimulus never moves within a trial',
}
