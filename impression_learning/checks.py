"""What parameters are allowed and what acts in which run; named in one line before anything is computed."""
from pathlib import Path

from common.data import demand_digits, find_data
from common.params import demand_types, one_of, require, within
from impression_learning.sounds import is_sound

FSDD = ('fsdd/fsdd_recordings.zip', 'fsdd/recordings')
MNIST = [f'mnist/{split}-{kind}-ubyte.gz' for split in ('train', 't10k') for kind in ('images-idx3', 'labels-idx1')]


def check(p):
    """Raise ValueError for the first mistake in parameters p."""
    demand_types(p)
    check_words(p)
    check_sizes(p)
    check_numbers(p)
    check_together(p)


def check_words(p):
    """Values that are chosen from a list."""
    one_of(p, 'data', ('ou', 'mnist', 'spoken_digits', 'recordings'), 'the stimuli')
    one_of(p, 'first_sample', ('innovation', 'first_component', 'stationary'), 'how the stimulus starts')
    from impression_learning.model import ALGORITHMS  # here: compiled code is loaded only when parameters are made
    one_of(p, 'algorithm', ALGORITHMS, 'the learning rules')
    one_of(p, 'baseline', ('after', 'before', 'per_phase'), 'when the baseline takes in the loss')
    one_of(p, 'alternation', ('deterministic', 'random'), 'how wake and sleep alternate')
    one_of(p, 'generative_nonlinearity', ('linear', 'tanh'), 'output of the back-propagation control')
    one_of(p, 'rng', ('modern', 'legacy'), 'the random stream')


def check_sizes(p):
    """Numbers of things."""
    within(p, 'array_num', 1, None, 'members are numbered from 1')
    within(p, 'seed', 0, None, 'a seed is a natural number')
    within(p, 'n_latent n_in n_neurons epoch_num n_compare epoch_num_snr repeat_length gen_sim_num loss_every', 1, 1e10)
    within(p, 'n_top n_sample n_test switch_period gen_steps', 0, 1e10)
    within(p, 'n_digits', 1, 10, 'classes')


def check_numbers(p):
    """Real numbers."""
    require(p, 'scale', 0 < p.scale <= 100, 'a factor for the length of the run, above 0 and up to 100')
    require(p, 'dt', 0 < p.dt < 4, '0 < dt < 4 must hold: the transition 1 - dt/4 of the stimulus lies between 0 and 1')
    within(p, 'sigma_in sigma_latent sigma_obs_gen sigma_latent_gen', 1e-8, 1e3, 'a noise s.d. is positive')
    within(p, 'learning_rate', 0, 1e3, 'weights would explode at once')
    within(p, 'recognition_scale', 1e-6, 1e12, 'it divides the learning rate')
    within(p, 'trace_decay loss_decay', 0, 1, 'a decay factor')
    within(p, 'reinforce_gain', -1e3, 1e3, 'weights would explode at once')


def check_together(p):
    """Values that must fit each other."""
    require(p, 'rng seed array_num', p.rng != 'legacy' or p.seed + p.array_num <= 2 ** 32, 'legacy seeds have 32 bits')
    require(p, 'n_in data', p.n_in == 128 or p.data != 'spoken_digits', 'the spectrograms have 128 mel bands')
    for name in ('n_sample', 'n_test'):
        require(p, f'{name} data', getattr(p, name) >= 1 or p.data != 'ou',
                '0 means the whole data set, the simulated stimulus has no end')
    if p.algorithm == 'backprop':
        require(p, 'algorithm data', p.data in ('ou', 'mnist'),
                'the back-propagation control runs on the simulated stimulus and on MNIST (backprop.py)')
        require(p, 'algorithm n_top', p.n_top == 0, 'the back-propagation control has one latent layer (backprop.py)')
    if p.mode == 'SNR':
        require(p, 'mode data algorithm', p.data == 'ou' and p.algorithm != 'backprop',
                'mode SNR compares the updates of impression learning and REINFORCE on the simulated stimulus')
        require(p, 'mode switch_period', p.switch_period > 0, 'without sleep there is no update of W_in to compare')
        steps = p.n_compare * max(1, round(p.epoch_num_snr * p.scale))
        require(p, 'n_compare epoch_num_snr scale switch_period', steps >= 4 * (p.switch_period + 1),
                f'{steps} steps are compared: two cycles of wake and sleep at least ({4 * (p.switch_period + 1)} steps)')


def remarks(p):
    """What is allowed, but perhaps not what was meant."""
    texts = []
    if p.switch_period == 0 and p.algorithm in ('wake_sleep', 'reinforce'):
        texts.append('with switch_period=0 the network stays in wake: the recognition weights never learn by impressions')
    if p.learning_rate == 0:
        texts.append('with learning_rate=0 nothing learns')
    if p.released_code and p.data == 'ou' and p.n_sample % 4:
        texts.append('n_sample is not divisible by 4: the phase and k left over after training depend on it (released_code)')
    return texts


def reinforce_or_snr(p):
    """True where REINFORCE's own settings act."""
    return p.algorithm == 'reinforce' or p.mode == 'SNR'


def no_control(p):
    """True for all rules but back-propagation."""
    return p.algorithm != 'backprop'


def papers_reinforce(p):
    """True if REINFORCE is the paper's, whatever its loss contains: mode SNR compares it with and without the stimulus term."""
    return p.squared_loss and p.reinforce_gain == -0.5 and p.trace_reset and p.baseline == 'after'


def phase_is_left(p):
    """True where k or the phase counter of the end of training can matter to a later run."""
    if p.algorithm == 'backprop':
        return True
    seen = p.mode != 'SNR' or not p.test_switching or (p.n_top > 0 and p.switch_all_layers)
    return p.algorithm != 'reinforce_wake' and p.switch_period > 0 and seen


USED = [                                # (parameters, when they act in words, when they act)
    ('dt first_sample', 'with data=ou', lambda p: p.data == 'ou'),
    ('n_latent', 'with data=ou or rng=legacy', lambda p: p.data == 'ou' or p.rng == 'legacy'),
    ('recordings', 'with data=recordings', lambda p: p.data == 'recordings'),
    ('data_dir n_digits', 'with data=mnist or spoken_digits', lambda p: p.data in ('mnist', 'spoken_digits')),
    ('repeat_length', 'with data=mnist', lambda p: p.data == 'mnist'),
    ('sigma_latent_gen', 'with other data than ou, whose own s.d. it is', lambda p: p.data != 'ou'),
    ('n_top noisy_target', 'with other rules than backprop', no_control),
    ('squared_loss', 'with other rules than backprop, whose tanh output has no such loss',
     lambda p: no_control(p) or p.generative_nonlinearity == 'linear'),
    ('recognition_scale', 'where the recognition weights learn (rules but backprop; wake_sleep with switch_period > 0)',
     lambda p: no_control(p) and (p.algorithm != 'wake_sleep' or p.switch_period > 0)),
    ('alternation', 'with switch_period > 0 and other rules than backprop', lambda p: no_control(p) and p.switch_period > 0),
    ('gen_sim_num gen_steps', 'with other rules than backprop and modes than SNR', lambda p: no_control(p) and p.mode != 'SNR'),
    ('test_switching', 'with switch_period > 0 and other rules than backprop', lambda p: no_control(p) and p.switch_period > 0),
    ('save_sequences', 'with other modes than SNR', lambda p: p.mode != 'SNR'),
    ('n_compare epoch_num_snr', 'with mode=SNR', lambda p: p.mode == 'SNR'),
    ('trace_decay fantasy_score', 'with algorithm=reinforce', lambda p: p.algorithm == 'reinforce'),
    ('loss_decay baseline', 'with algorithm=reinforce or mode=SNR', reinforce_or_snr),
    ('stimulus_term', 'with algorithm=reinforce, or with mode=SNR beside another change (it is compared there anyhow)',
     lambda p: p.algorithm == 'reinforce' or (p.mode == 'SNR' and not papers_reinforce(p))),
    ('reinforce_gain', 'with algorithm=reinforce, reinforce_wake or mode=SNR',
     lambda p: reinforce_or_snr(p) or p.algorithm == 'reinforce_wake'),
    ('trace_reset', 'with algorithm=reinforce and several epochs, or mode=SNR',
     lambda p: p.mode == 'SNR' or (p.algorithm == 'reinforce' and p.epoch_num > 1)),
    ('switch_all_layers', 'with n_top > 0 (a middle layer) and switch_period > 0',
     lambda p: p.n_top > 0 and p.switch_period > 0),
    ('carry_over', 'where training leaves a phase behind that the tests can see', phase_is_left),
    ('generative_nonlinearity', 'with algorithm=backprop', lambda p: p.algorithm == 'backprop'),
]


def memory(p):
    """Bytes at the peak, about: the program, networks (each matrix padded to the widest layer), snapshots, the test set."""
    n, width = p.sizes, max(p.sizes)
    weights = 2 * sum(a * b for a, b in zip(n, n[1:], strict=False))
    padded = 2 * len(n) * max(n[:-1]) * max(n[1:])
    networks = 6 * padded + 48 * weights if p.algorithm != 'backprop' else 4 * weights
    n_test, n_train = (round(max(asked, 60_000 if p.data != 'ou' else 0) * p.scale) for asked in (p.n_test, p.n_sample))
    stored = n_train * n[0] if p.data != 'ou' else n_train * p.n_latent if p.rng == 'legacy' else 0
    tests = n_test * (11 * n[0] + (2 + p.gen_sim_num) * sum(n[1:]) + 8) + p.gen_sim_num * p.gen_steps * (width + n[0])
    comparison = 20 * 12 * padded if p.mode == 'SNR' else 0
    return 320e6 + 8 * (networks + stored + tests + comparison)


def inputs(p):
    """The files that run p reads; FileNotFoundError with the command that gets them if one is missing,
    ValueError for labels of MNIST that are no digits."""
    if p.data == 'mnist':
        how = 'get it with: python data/fetch.py mnist'
        return demand_digits([find_data(name, how=how, data_dir=p.data_dir) for name in MNIST])
    if p.data == 'spoken_digits':
        return [find_data(*FSDD, how='get them with: python data/fetch.py fsdd', data_dir=p.data_dir)]
    if p.data == 'recordings':
        if not p.recordings or not Path(p.recordings).exists():
            raise FileNotFoundError(f'recordings = {p.recordings!r} does not exist; data=recordings takes your own data from '
                                    'there: a folder or zip of sound files, or a .npy or .npz file')
        if Path(p.recordings).is_dir():            # the sound files, not whatever else lies there
            return [f for f in sorted(Path(p.recordings).iterdir()) if f.is_file() and is_sound(f.name)]
        return [Path(p.recordings)]
    return []
