"""What parameters are allowed and what acts in which run; named in one line before anything is computed."""
from common.params import one_of, require, within


def check(p):
    """Raise ValueError for the first mistake in parameters p."""
    check_values(p)


def check_values(p):
    """Values that are possible, one by one."""
    within(p, 'array_num', 1, None, 'members are numbered from 1')
    within(p, 'seed', 0, None, 'a seed is a natural number')
    require(p, 'rng seed array_num', p.rng != 'legacy' or p.seed + p.array_num <= 2 ** 32, 'legacy seeds have 32 bits')
    require(p, 'scale', 0 < p.scale <= 100, '0 < scale <= 100 must hold (a factor for the length of the run)')
    one_of(p, 'data', ('ou', 'mnist', 'spoken_digits'), 'the three stimuli')
    one_of(p, 'first_sample', ('innovation', 'first_component', 'stationary'), 'how the stimulus starts')
    one_of(p, 'algorithm', ('wake_sleep', 'reinforce', 'reinforce_wake', 'backprop'), 'the learning rules')
    require(p, 'algorithm data', p.algorithm != 'backprop' or p.data != 'spoken_digits',
            'the back-propagation control has one latent layer; backprop.py runs it on the simulated stimulus and on MNIST')
    require(p, 'algorithm n_top', p.algorithm != 'backprop' or p.n_top == 0,
            'the back-propagation control has one latent layer; see backprop.py')
    require(p, 'mode data algorithm', p.mode != 'SNR' or (p.data == 'ou' and p.algorithm != 'backprop'),
            'mode SNR compares the updates of impression learning and REINFORCE on the simulated stimulus')
    one_of(p, 'baseline', ('after', 'before', 'per_phase'), 'when the baseline takes in the loss')
    one_of(p, 'alternation', ('deterministic', 'random'), 'how wake and sleep alternate')
    one_of(p, 'generative_nonlinearity', ('linear', 'tanh'), 'output of the back-propagation control')
    one_of(p, 'rng', ('modern', 'legacy'), 'the random stream')
    within(p, 'n_latent', 1, 10000, 'latent dimensions')
    within(p, 'n_in', 1, 10000, 'input channels')
    within(p, 'n_neurons', 1, 10000, 'units of layer 1')
    within(p, 'n_top', 0, 10000, 'units of layer 2, 0 for none')
    require(p, 'n_in data', p.n_in == 784 or p.data != 'mnist', 'MNIST images have 28 x 28 pixels')
    require(p, 'n_in data', p.n_in == 128 or p.data != 'spoken_digits', 'the spectrograms have 128 mel bands')
    require(p, 'n_sample data', p.n_sample >= 1 or p.data != 'ou',
            '0 means the whole data set, the simulated stimulus has no end')
    require(p, 'n_test data', p.n_test >= 1 or p.data != 'ou',
            '0 means the whole data set, the simulated stimulus has no end')
    within(p, 'n_sample', 0, 1e10, 'training steps')
    within(p, 'n_test', 0, 1e8, 'test steps')
    within(p, 'epoch_num', 1, 1e6, 'passes through the data')
    require(p, 'dt', 0 < p.dt < 4, '0 < dt < 4 must hold (the transition 1 - dt/4 of the stimulus must lie between 0 and 1)')
    within(p, 'n_digits', 1, 10, 'digit classes')
    within(p, 'repeat_length', 1, 1e6, 'steps that an image is shown')
    within(p, 'sigma_in', 1e-8, 1e3, 'a noise s.d. is positive')
    within(p, 'sigma_latent', 1e-8, 1e3, 'a noise s.d. is positive')
    within(p, 'sigma_obs_gen', 1e-8, 1e3, 'a noise s.d. is positive')
    within(p, 'sigma_latent_gen', 1e-8, 1e3, 'a noise s.d. is positive')
    within(p, 'learning_rate', 0, 1e3, 'weights would explode at once')
    within(p, 'recognition_scale', 1e-6, 1e12, 'it divides the learning rate')
    within(p, 'switch_period', 0, 1e10, 'a phase lasts switch_period + 1 steps')
    within(p, 'trace_decay', 0, 1, 'a decay factor')
    within(p, 'loss_decay', 0, 1, 'a decay factor')
    require(p, 'reinforce_gain', abs(p.reinforce_gain) <= 1e3,
            'abs(reinforce_gain) <= 1e3 must hold (weights would explode at once)')
    within(p, 'gen_sim_num', 1, 10000, 'free-running simulations')
    within(p, 'gen_steps', 0, 1e8, 'steps, 0 for the length of the test set')
    within(p, 'loss_every', 1, 1e8, 'steps averaged')
    within(p, 'n_compare', 1, 1000, 'samples of the repeated sequence')
    within(p, 'epoch_num_snr', 1, 1e9, 'repeats of the sequence')


def remarks(p):
    """What is allowed, but perhaps not what was meant."""
    texts = []
    if not (p.switch_period > 0):
        texts.append('with switch_period=0 the network stays in wake and the recognition weights never learn')
    if not (p.data != 'ou' or p.sigma_latent_gen in (0.01, 0.5 * p.dt ** 0.5)):
        texts.append("sigma_latent_gen is not used with data='ou': the top layer's generative noise has the s.d. of the "
                     'stimulus')
    if not (not p.released_code or p.data != 'ou' or p.n_sample % 4 == 0):
        texts.append('n_sample is not divisible by 4: the phase and k left over after training depend on it (released_code)')
    return texts
