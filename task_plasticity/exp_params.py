"""Task-dependent representations: parameters. Choose `mode` (or edit a value), save, run simulation.py.

Values and names are those of the released parameter file (but lambda_l2, which its program ignores). Unit of time: the network
time constant; angles in rad.
"""
import math
from dataclasses import dataclass

from task_plasticity.checks import check
from task_plasticity.tasks import task_of

mode = 'estimation'                     # a key of MODES below


@dataclass(frozen=True)
class Params:                           # value = estimation (Figs. 1-3)
    """One run."""

    mode: str = 'estimation'            # a key of MODES
    array_num: int = 1                  # member of the mode's sweep; 0 = all
    seed: int = 120994                  # of all random numbers
    # session
    objective: str = 'linear'           # task (tasks.py): 'linear' (= 'estimation'), 'classifier' (= 'categorisation'), 'mixed'
    network_load: bool = False          # evaluate (and do not train) the stored network
    network_file: str = ''              # npz of convert_network or of a run; empty: the published network
    trial_num_2: int = 260              # training trials
    test_num: int = 100                 # test trials, before and after
    T: float = 1000.0                   # duration of a trial,                                        T
    dt: float = 0.01                    # Euler-Maruyama step,                                        dt
    transient: float = 40.0             # no plasticity before this time in a trial
    record_res: int = 20                # steps between records
    record_period: int = 1              # every so many trials are kept
    rate_thinning: int = 5              # stored test records: every so many (1: all)
    # network
    N: int = 40                         # neurons,                                                    N
    input_dim: int = 12                 # input channels,                                             I
    R: float = 1.0                      # leak resistance,                                            R
    sigma: float = 0.2                  # intrinsic noise,                                            sigma
    sigma_test: float = -1.0            # intrinsic noise of the tests (negative: sigma)
    low_r_threshold: float = 0.001      # rates are clipped to [low, high],                           r_lo
    high_r_threshold: float = 100.0     # upper bound of the rates,                                   r_hi
    alpha: float = 0.0                  # f(x) = beta log(1 + exp(alpha + gamma x)),                  alpha0
    beta: float = 1 / 30                # scale of f,                                                 beta
    gamma: float = 30.0                 # slope of f,                                                 gamma
    initial_bias: float = 0.0           # 0.7 in categorisation,                                      b
    symmetric_init: bool = False        # symmetrise the initial recurrent weights (D22)
    # stimulus
    kappa_in: float = 0.75              # von Mises prior: concentration of trial starts; drift kappa sigma_s^2,     kappa
    mu_in: float = 0.0                  # mean of the prior,                                             mu
    exact_prior: bool = False           # halve the drift, so that the stationary density has kappa, not 2 kappa (D1)
    sigma_sampler: float = 0.06         # stimulus diffusion,                                         sigma_s
    switch_period: float = 200.0        # duration of a held test angle
    tuning: bool = True                 # test angles: preferred angles (False: from the prior)
    input_noise: bool = False           # noise on the input rates
    input_noise_sigma: float = 0.1      # s.d. of the input noise per step
    theta_thresh: float = 0.0           # class 1 if theta >= theta_thresh or theta <= theta_thresh_rev
    theta_thresh_rev: float = -math.pi  # the other boundary
    # learning
    learning_rate: float = 5e-6         # learning rate of W,                                         eta_W
    learning_rate_bias: float = 5e-6    # learning rate of b,                                         eta_b
    learning_rate_input: float = 5e-6   # learning rate of C,                                         eta_C
    learning_rate_decoder: float = 5e-6     # learning rate of D,                                     eta_D
    lr_gain: float = 100.0              # multiplies all rates (10 in mixed),                         g
    weight_l2: float = 0.5 / 25 ** 2    # decay of W,                                                 l_W
    bias_weight_l2: float = 3 / 25 ** 2     # decay of b,                                             l_b
    i_weight_l2: float = 3 / 25 ** 2    # decay of C,                                                 l_C
    decoder_l2: float = -1.0            # decay of D (negative: weight_l2, as released)
    theta: float = 0.0015               # rate of the running means per step,                         q
    annealed: bool = False              # gain g exp(-trial / 150) + 1
    decoder_only: bool = False          # W, C, b do not learn
    decoder_fixed: bool = False         # D does not learn
    feedforward: bool = False           # W = 0, and stays so
    normalize_output: bool = False      # r / |r| in objective and decoder rule
    reward_baseline: bool = False       # subtract the reward's running mean
    lambda_MSE: float = 0.5             # mixed: weight of the squared error
    lambda_LL: float = 2.0              # mixed: weight of the log likelihood
    lambda_l1: float = 0.0              # penalty of |r| in the reward (D4: switched off in all released modes)
    lambda_l2: float = 0.0              # penalty of r^2
    # the paper's mathematics or the released program's
    released_code: bool = False         # index-0 records, record filters and definitions of the released analysis
    rng: str = 'modern'                 # or 'legacy': one RandomState in the released program's order of draws

    def __post_init__(self):
        check(self)

    @property
    def n_steps(self):
        """Steps of a trial, the initial condition included."""
        return round(self.T / self.dt)

    @property
    def n_outputs(self):
        """K: 2 estimation, 1 categorisation, 3 mixed."""
        return len(task_of(self.objective).outputs)

    @property
    def member(self):
        """Name of the result."""
        return f'{self.mode}_{self.array_num}_s{self.seed}'

    @property
    def cost(self):
        """About how many CPU seconds a run takes."""
        tests = self.test_num if self.network_load else 2 * self.test_num
        tests += 4 * min(24, self.test_num) if self.mode == 'noise_sweep' else 0
        trials = 2.5 * (0 if self.network_load else self.trial_num_2) + 1.5 * tests
        return 5.5e-10 * trials * self.T / self.dt * (self.N ** 2 + 400)


CATEGORISATION = dict(N=25, initial_bias=0.7, learning_rate=1e-6, learning_rate_bias=1e-6, learning_rate_input=1e-6,
                      learning_rate_decoder=1e-8, weight_l2=3 / 40 ** 2, bias_weight_l2=2 / 40, i_weight_l2=25 / 40 / 10)
BRINGS = {                              # what comes with a value, in every mode that does not say otherwise
    'objective': {'classifier': CATEGORISATION, 'categorisation': CATEGORISATION, 'mixed': dict(lr_gain=10.0)},
}

FORMER = dict.fromkeys(                 # words of the original's parameter file that do nothing here
    ('decoder_update_freq', 'decoder_window', 'theta_obj', 'sigma_in', 'stim_gain', 'offset', 'input_switch_time', 'version',
     'hpc_control', 'perturbed', 'within_manifold'), 'it had no effect there, either')
FORMER |= {
    'trial_num': 'its first session trained nothing; trial_num_2 are the training trials',
    'target_dim': 'the number of outputs follows from objective', 'sample_dim': 'the stimulus is one angle',
    'rt_input': 'objective=bci is left out', 'perform': 'it referred to parameters that did not exist',
}

MODES = {
    'estimation': {},                                       # estimate the stimulus, Figs. 1-3
    'categorisation': dict(objective='classifier'),         # tell its two halves apart, Figs. 1, 4
    'estimation_pretrained': dict(network_load=True),       # the authors' stored network, evaluated
    'no_plasticity': dict(trial_num_2=0),                   # control: the initial network
    'decoder_only': dict(decoder_only=True),                # control: W, C, b stay, Fig. 2
    'decoder_fixed': dict(decoder_fixed=True),              # control: D stays
    'annealed': dict(annealed=True),                        # learning rates that fall
    'input_noise': dict(input_noise=True),                  # noise on the input rates, too
    'noise_sweep': {},                                      # trained at several noises, each tested at each, Fig. 3
    'prior_sweep': {},                                      # other priors, Fig. 2
    'boundary_sweep': dict(objective='classifier'),         # prior mean against class boundary, at several noises, Fig. 4
    'feedforward': dict(feedforward=True),                  # control: W = 0
    'recurrent_only': dict(learning_rate_input=0.0, learning_rate_bias=0.0),    # control: W and the decoder learn, C and b stay
    'mixed': dict(objective='mixed'),                       # both tasks at once (dormant in the released program)
    'classifier_weak_decay': dict(objective='classifier', weight_l2=0.0008, bias_weight_l2=0.005,
                                  i_weight_l2=0.00625),     # control: a tenth of the decays (D31)
    'classifier_decoder_only': dict(objective='classifier', decoder_only=True),     # control: W, C, b stay
    'classifier_uniform_prior': dict(objective='classifier', kappa_in=0.0),         # control: every stimulus equally often
    'replay_published': dict(rng='legacy', released_code=True),                     # the stored network from its seed
    'smoke': dict(T=12.0, switch_period=2.0, transient=2.0, trial_num_2=3, test_num=8, N=9, learning_rate=5e-4,
                  learning_rate_bias=5e-4, learning_rate_input=5e-4, learning_rate_decoder=5e-4, rate_thinning=1),   # tests
}
SWEEPS = {
    'noise_sweep': [dict(sigma=s) for s in (0.05, 0.1, 0.2, 0.4)],              # each tested at each
    'prior_sweep': [dict(kappa_in=k) for k in (0.0, 0.75, 2.0)] + [dict(mu_in=math.pi / 2)],
    'boundary_sweep': [dict(mu_in=mu * math.pi, sigma=s) for s in (0.1, 0.2, 0.4) for mu in (0, 0.25, 0.5, 0.75, 1)],
}
