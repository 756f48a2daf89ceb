"""Impression learning: parameters. Choose `mode` (or edit a value), save, run simulation.py.

Values are those of the released parameter files; symbols as in the folder's README. All quantities are dimensionless:
one step of the stimulus is one step of the network.
"""
import math
from dataclasses import dataclass

from impression_learning.checks import check

mode = 'standard'                       # a key of MODES below


@dataclass(frozen=True)
class Params:                           # value = the standard setting (Fig. 1)
    """One run."""

    mode: str = 'standard'
    array_num: int = 1                  # member of the mode's sweep, or number of the seed (standard, SNR); 0 = all
    seed: int = 120994                  # run n of standard and SNR uses seed + n - 1
    scale: float = 1.0                  # shortens any mode: multiplies n_sample, n_test and epoch_num_snr
    # stimulus
    data: str = 'ou'                    # 'ou', 'mnist', 'spoken_digits', 'recordings'
    recordings: str = ''                # data=recordings: folder or zip of sound files, or .npy, .npz (steps x channels)
    n_latent: int = 20                  # latent dimensions of the stimulus                   z
    n_in: int = 100                     # input channels, units of layer 0                    n_0
    n_sample: int = 2_000_000           # training steps an epoch (0: as many as the data set has)
    n_test: int = 30_000                # test steps (0: as many as the data set has)
    epoch_num: int = 1                  # passes through the training data
    dt: float = 0.1                     # time step of the stimulus; innovation s.d. 0.5 sqrt(dt)      sigma_d
    first_sample: str = 'innovation'    # z_0: 'innovation', 'first_component' (released, Q1), 'stationary'
    n_digits: int = 10                  # classes used of MNIST or the spoken digits
    repeat_length: int = 10             # steps that each MNIST image is shown
    data_dir: str = ''                  # the only place to look for data ('': $PLASTICITY_DATA, data/)
    # network
    n_neurons: int = 20                 # units of layer 1                                    n_1
    n_top: int = 0                      # units of layer 2 (0: layer 1 is the top)            n_2
    sigma_in: float = 0.01              # recognition noise s.d., layer 0                     sr_0
    sigma_latent: float = 0.01          # recognition noise s.d., latent layers               sr_l
    sigma_obs_gen: float = 0.01         # generative noise s.d., all layers but the top       sg_0
    sigma_latent_gen: float = 0.01      # generative noise s.d., top layer; with data='ou' it is sigma_d     sg_top
    # learning
    algorithm: str = 'wake_sleep'       # impression learning; or 'reinforce', 'reinforce_wake', 'backprop'
    learning_rate: float = 1e-3         # eta
    recognition_scale: float = 1.0      # divides eta for the recognition parameters          rho
    switch_period: int = 1              # one phase lasts switch_period + 1 steps             K
    alternation: str = 'deterministic'  # or 'random': toggles with probability 1 / (K + 1) after each step   D21
    trace_decay: float = 0.9            # eligibility trace of REINFORCE (1 in the SNR comparison)     g
    loss_decay: float = 0.99            # baseline of REINFORCE                               gamma
    # recording
    test_switching: bool = True         # snapshot tests alternate the phases (False: wake only)
    gen_sim_num: int = 1                # free-running simulations
    gen_steps: int = 0                  # their steps (0: as many as the test set has)
    loss_every: int = 1000              # training loss is stored as means over so many steps
    save_sequences: bool = True         # keep test activities (False: the numbers only)
    n_compare: int = 4                  # SNR: samples of the repeated sequence
    epoch_num_snr: int = 1_000_000      # SNR: repeats
    # the paper's mathematics or the released program's (README, "Where paper and released code disagree")
    released_code: bool = False         # sets those of RELEASED, but not rng
    rng: str = 'modern'                 # or 'legacy': one RandomState in the released program's order of draws
    squared_loss: bool = True           # Q2: squares in the wake loss of the latent layers
    reinforce_gain: float = -0.5        # Q3: sign and factor of REINFORCE's score term
    fantasy_score: bool = True          # Q4: sleep trace from the sampled fantasy
    trace_reset: bool = True            # Q5: traces are zeroed at every episode start
    baseline: str = 'after'             # Q6: takes in the loss 'after' use, 'before' use, or after use 'per_phase'
    switch_all_layers: bool = False     # Q7: k = 1 acts on the middle layers too
    noisy_target: bool = False          # Q8: noisy s as the target of layer 0
    carry_over: bool = False            # Q9: k and the phase counter survive from run to run
    stimulus_term: bool = False         # D1: REINFORCE's loss contains |s_gen - x|^2 / sr_0^2
    generative_nonlinearity: str = 'linear'     # D9: back-propagation control; released 'tanh'

    def __post_init__(self):
        check(self)

    @property
    def sigma_d(self):
        """Innovation s.d. of the stimulus."""
        return 0.5 * math.sqrt(self.dt)

    @property
    def sizes(self):
        """Units of the layers, input first."""
        return (self.n_in, self.n_neurons) + ((self.n_top,) if self.n_top else ())

    @property
    def sigmas(self):
        """(sigma_rec, sigma_gen), each one number a layer."""
        depth = len(self.sizes)
        top = self.sigma_d if self.data == 'ou' else self.sigma_latent_gen
        return (self.sigma_in,) + (self.sigma_latent,) * (depth - 1), (self.sigma_obs_gen,) * (depth - 1) + (top,)

    @property
    def run_seed(self):
        """Seed of this run: the seeds of standard and SNR are numbered by array_num."""
        return self.seed + self.array_num - 1 if self.mode in ('standard', 'SNR') else self.seed

    @property
    def member(self):
        """Name of the result, as the released program called it."""
        return f'{NAMES.get(self.mode, "impression")}_{self.array_num}'

    @property
    def cost(self):
        """About how many CPU seconds a run takes."""
        comparison = 20 * self.epoch_num_snr if self.mode == 'SNR' else 0
        size = 800 + self.sizes[0] * self.sizes[1] + self.sizes[-1] * self.sizes[-2]
        return 1e-9 * self.scale * (comparison + max(self.n_sample, 60_000) * self.epoch_num) * size


MODES = {
    'standard': {},                     # Fig. 1: 20 latents, 100 channels; array_num: number of the seed
    'SNR': dict(n_latent=2, n_in=4, n_neurons=2, n_sample=600_000, n_test=10_000,
                learning_rate=1e-4),    # Fig. 2a-c: signal to noise ratio of the updates; array_num: number of the seed
    'dimensionality': dict(n_sample=3_600_000),     # Fig. 2d: impression learning and REINFORCE at one rate, d = 2 .. 32
    'backprop': dict(algorithm='backprop', n_sample=300_000, learning_rate=1e-3,
                     switch_period=300_000),        # Fig. 2d: the back-propagation control, d = 2 .. 32
    'tuned': dict(n_sample=1_200_000, n_test=10_000, test_switching=False,
                  save_sequences=False),            # Fig. 2d with every rule at its best rate: 4 rules, 4 or 5 rates, 10 seeds
    'switch_period': dict(n_latent=4, n_in=10, n_neurons=4, n_sample=1_000_000, learning_rate=5e-4,
                          test_switching=False),    # Fig. 3: phases of 2 .. 32 steps
    'Vocal_Digits': dict(data='spoken_digits', n_latent=40, n_in=128, n_neurons=100, n_top=40, n_sample=0, n_test=0,
                         epoch_num=20, sigma_latent_gen=0.13, learning_rate=5e-4),      # Fig. 4: spoken digits
    'recordings': dict(data='recordings', n_in=128, n_neurons=100, n_top=40, n_sample=0, n_test=0, epoch_num=20,
                       sigma_latent_gen=0.13, learning_rate=5e-4),      # your own data, recordings=...; as Vocal_Digits
    'time_constant': dict(n_latent=4, n_in=10, n_neurons=4, n_test=5_000, learning_rate=5e-4),  # ten time steps of the stimulus
    'lr_optim': dict(n_latent=2, n_in=4, n_neurons=2, n_sample=3_600_000, save_sequences=False),    # 20 learning rates a rule
    'MNIST': dict(data='mnist', n_latent=40, n_in=784, n_neurons=100, n_sample=50_000, n_test=100, epoch_num=3,
                  sigma_latent_gen=0.5, sigma_obs_gen=0.05, gen_sim_num=20, gen_steps=50),      # handwritten digits
    'smoke': dict(n_latent=2, n_in=4, n_neurons=2, n_sample=400, n_test=80, loss_every=20),     # tests: < 1 s
}

_SIZES = [dict(n_latent=d, n_in=2 * d, n_neurons=d) for d in (2, 4, 8, 16, 32)]
_RATES = [10 ** (-2 - j / 2) for j in range(1, 21)]

_TUNED = {                              # rates tried for each rule: half-decades, the best of every d inside
    'wake_sleep': (1e-4, 3.16e-4, 1e-3, 3.16e-3, 1e-2), 'reinforce': (1e-6, 3.16e-6, 1e-5, 3.16e-5),
    'reinforce_wake': (1e-5, 3.16e-5, 1e-4, 3.16e-4), 'backprop': (1e-4, 3.16e-4, 1e-3, 3.16e-3)}
_LENGTH = {'backprop': dict(n_sample=300_000, switch_period=300_000)}   # as released; it has converged by then

SWEEPS = {
    'tuned': [d | dict(algorithm=rule, learning_rate=rate, seed=seed) | _LENGTH.get(rule, {})
              for rule, rates in _TUNED.items() for d in _SIZES for rate in rates for seed in range(1, 11)],
    'time_constant': [dict(dt=1 - 0.11 * i) for i in range(10)],
    'switch_period': [dict(switch_period=k) for k in range(1, 32, 3)],
    'dimensionality': [d | dict(learning_rate=10 ** -2.5) for d in _SIZES]
                      + [d | dict(algorithm='reinforce', learning_rate=1e-6) for d in _SIZES],
    'backprop': _SIZES,
    'lr_optim': [dict(learning_rate=r) for r in _RATES] + [dict(learning_rate=r, algorithm='reinforce') for r in _RATES],
    'MNIST': [{}, dict(algorithm='backprop')]
             + [dict(algorithm='reinforce', recognition_scale=10.0 ** j) for j in range(6)],
    'Vocal_Digits': [{}, dict(algorithm='backprop', learning_rate=1e-3)]
                    + [dict(algorithm='reinforce', learning_rate=1e-3 * 10.0 ** -j) for j in range(10)],
}
N_SEEDS = {'standard': 20, 'SNR': 20}   # members of array_num=0 where they are seeds

RELEASED = dict(first_sample='first_component', squared_loss=False, reinforce_gain=1.0, fantasy_score=False,
                trace_reset=False, baseline='before', switch_all_layers=True, carry_over=True, stimulus_term=True,
                generative_nonlinearity='tanh')
RELEASED_SWEEPS = {'dimensionality': SWEEPS['dimensionality'][:5]
                   + [d | dict(algorithm='reinforce', learning_rate=10 ** -9.5) for d in _SIZES]}

NAMES = {'MNIST': 'impression_mnist', 'time_constant': 'impression_tc', 'switch_period': 'impression_sp',
         'dimensionality': 'impression_d', 'tuned': 'impression_tuned', 'backprop': 'impression_d_bp',
         'Vocal_Digits': 'vocal_digits', 'SNR': 'impression_snr', 'recordings': 'impression_recordings',
         'lr_optim': 'impression_lr', 'smoke': 'impression_smoke'}

FORMER = {                              # words of the released program, and what is written instead
    'save': 'results are always saved, in results/impression_learning/<mode>/',
    'local': 'a run is local; array_num=0 runs a sweep on all cores, a SLURM array task its own member',
    'local_plot': 'python -m impression_learning.plot_generator mode=... draws saved results anywhere',
    'image_save': 'it belongs to plot_generator: python -m impression_learning.plot_generator mode=... image_save=True',
    'load_folder': 'plot_generator finds the results of mode=... by itself (PLASTICITY_RESULTS: another folder)',
    'plot_save_folder': 'figures go to figures/impression_learning/ (PLASTICITY_FIGURES: another folder)',
    'layered': 'n_top=0 is the network of two layers, n_top > 0 adds one above',
    'alg_num': 'algorithm=wake_sleep, reinforce, reinforce_wake or backprop',
    'n_out': 'it equals n_in'}
