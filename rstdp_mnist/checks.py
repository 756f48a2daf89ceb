"""Bad parameters of the R-STDP network, named in one line before anything is computed (lists, sizes, combinations)."""
from types import SimpleNamespace

from common.params import demand, is_number, one_of, require, within

SIZES = {'mnist': (28, 6), 'digits': (28, 6), 'nmnist': (34, 2)}      # side of the images, channels


def check(p):
    """Raise ValueError for the first mistake in parameters p."""
    check_lists(p)
    check_winners(p)
    check_geometry(p)
    check_values(p)


def check_lists(p):
    """Lengths and entries of the lists."""
    whole = all(type(n) is int and 1 <= n <= 65_535 for n in p.n_maps)
    demand(len(p.n_maps) == 3 and whole, f'n_maps = {p.n_maps}: three whole numbers of feature maps, one a layer')
    demand(p.n_classes >= 1 and p.n_maps[2] % p.n_classes == 0,
           f'n_maps[2] = {p.n_maps[2]} maps of layer 3 cannot be shared equally among n_classes = {p.n_classes}')
    demand(len(p.threshold) == 2 and all(is_number(x) and x >= 0 for x in p.threshold),
           f'threshold = {p.threshold}: two numbers >= 0, for layers 1 and 2')
    demand(len(p.first_factors) == 2 and all(is_number(x) and 0 <= x <= 1 for x in p.first_factors),
           f'first_factors = {p.first_factors}: two numbers in 0 .. 1')
    for name in ('weight_bounds', 's3_bounds'):
        pair = getattr(p, name)
        demand(len(pair) == 2 and all(is_number(x) for x in pair) and 0 <= pair[0] < pair[1],
               f'{name} = {pair}: 0 <= low < high is needed (potentials may only grow during a presentation)')


def check_winners(p):
    """k and r of layers 1 and 2."""
    for layer, (k, r, maps) in enumerate(zip(p.n_winners, p.inhibition_radius, p.n_maps, strict=False), 1):
        demand(type(k) is int and 1 <= k <= maps,
               f'n_winners = {p.n_winners}: of {maps} maps in layer {layer} 1 .. {maps} may win')
        demand(type(r) is int and 0 <= r <= 254, f'inhibition_radius = {p.inhibition_radius}: whole numbers >= 0')
    demand(len(p.n_winners) == len(p.inhibition_radius) == 2, 'n_winners and inhibition_radius: two entries, layers 1 and 2')


def check_geometry(p):
    """Every kernel must fit on its padded input."""
    from rstdp_mnist.spikes import layers
    demand(p.data not in SIZES or (p.image_size, p.n_channels) == SIZES[p.data],
           f'image_size = {p.image_size}, n_channels = {p.n_channels}: data={p.data} has {SIZES.get(p.data)}')
    demand(p.n_channels >= 1 and p.image_size >= 1 and p.input_pad >= 0, 'image_size, n_channels, input_pad must be positive')
    for number, layer in enumerate(layers(SimpleNamespace(**{k: getattr(p, k) for k in p.__dataclass_fields__})), 1):
        padded = layer.size_in + 2 * layer.pad
        demand(layer.side <= padded, f'layer {number}: its {layer.side} x {layer.side} kernel is larger than the padded input, '
                                     f'{padded} x {padded}')
        demand(layer.pooled >= 1,
               f'layer {number}: its {layer.size} x {layer.size} output fills no pooling window of {layer.pool}')


def check_values(p):
    """Values that are possible, one by one."""
    within(p, 'array_num', 1, None, 'members are numbered from 1')
    require(p, 'seed', 0 <= p.seed < 2 ** 32, '0 <= seed < 2 ** 32 must hold (a seed of 32 bits)')
    require(p, 's3_seed', -1 <= p.s3_seed < 2 ** 32, '-1 <= s3_seed < 2 ** 32 must hold (a seed of 32 bits, or -1)')
    one_of(p, 'data', ('mnist', 'nmnist', 'digits'), 'the data sets')
    within(p, 'n_time_bins', 1, 254, 'latencies are bytes')
    require(p, 'n_train', 1 <= p.n_train <= 10 ** 6, '1 <= n_train <= 10 ** 6 must hold (images)')
    require(p, 'n_test', 1 <= p.n_test <= 10 ** 6, '1 <= n_test <= 10 ** 6 must hold (images)')
    require(p, 'n_validation n_train', 0 <= p.n_validation < p.n_train,
            '0 <= n_validation < n_train must hold (layer 3 needs training images)')
    one_of(p, 'on_empty', ('raise', 'silent'), 'what to do with a blank image')
    one_of(p, 'pooling', ('first', 'distinct'), 'what a pooled cell passes on')
    one_of(p, 'class_map', ('by_map', 'flat_mod'), 'who stands for which class')
    one_of(p, 'competition', ('event', 'batch'), 'the two ways to choose winners')
    require(p, 'competition batch_size', p.competition == 'event' or p.batch_size > 1, 'the replication scores whole batches')
    require(p, 'competition batch_size doubling_interval', p.competition == 'event' or p.batch_size <= p.doubling_interval,
            'the rates double after whole batches')
    require(p, 'batch_size n_train', 1 <= p.batch_size <= p.n_train,
            '1 <= batch_size <= n_train must hold (images whose changes are summed; 1: none are)')
    require(p, 'factor_window n_train', 1 <= p.factor_window <= p.n_train,
            '1 <= factor_window <= n_train must hold (presentations in a window)')
    require(p, 'init_mean', p.init_mean > 0, 'init_mean > 0 must hold (the first presentation needs potentials that grow)')
    within(p, 'init_sd', 0, None, 'a standard deviation')
    require(p, 'ltp_rate', p.ltp_rate > 0, 'ltp_rate > 0 must hold (potentiation is positive: signs of the rates exchanged?)')
    require(p, 'ltd_rate', p.ltd_rate < 0, 'ltd_rate < 0 must hold (depression is negative: signs of the rates exchanged?)')
    require(p, 'max_ltp_rate ltp_rate', p.max_ltp_rate >= p.ltp_rate,
            'max_ltp_rate >= ltp_rate must hold (the rate grows up to it)')
    within(p, 'doubling_interval', 1, None, 'presentations')
    require(p, 'reward_ltp', p.reward_ltp > 0, 'reward_ltp > 0 must hold (a right decision potentiates what fired)')
    require(p, 'reward_ltd', p.reward_ltd < 0, 'reward_ltd < 0 must hold (a right decision depresses what was silent)')
    require(p, 'punishment_ltd', p.punishment_ltd < 0,
            'punishment_ltd < 0 must hold (a wrong decision depresses what fired: signs exchanged?)')
    require(p, 'punishment_ltp', p.punishment_ltp > 0,
            'punishment_ltp > 0 must hold (a wrong decision potentiates what was silent: signs exchanged?)')
    require(p, 's3_dropout', 0 <= p.s3_dropout < 1, '0 <= s3_dropout < 1 must hold (a probability)')
    within(p, 'dropout_epochs', 0, None, 'epochs')
    one_of(p, 's3_dtype', ('float32', 'float64'), 'the two precisions')
    within(p, 'epochs_s1', 0, None, 'passes')
    within(p, 'epochs_s2', 0, None, 'passes')
    within(p, 'epochs_s3', 1, None, 'passes')
    within(p, 'test_every', 1, None, 'epochs')
    within(p, 'norm_radius', 0, None, 'pixels')
    require(p, 'dog_threshold', p.dog_threshold > 0, 'dog_threshold > 0 must hold (grey values; it removes flat regions)')
    within(p, 'n_classes', 2, None, 'classes')
    require(p, 'input_pad image_size', 0 <= p.input_pad <= p.image_size, '0 <= input_pad <= image_size must hold (pixels)')
    require(p, 'rng', p.rng == 'modern', 'the originals draw from torch: no legacy stream can be replayed')


def remarks(p):
    """What is allowed, but perhaps not what was meant."""
    texts = []
    if not (p.strict_threshold or p.competition == 'batch'):
        texts.append('V >= theta with saturated weights: potentials are near-integers, thresholds integers')
    if not (p.data != 'digits'):
        texts.append("data=digits is scikit-learn's 8 x 8 digits enlarged: a stand-in, not MNIST")
    if not (p.max_ltp_rate <= 1 and p.ltd_rate >= -1):
        texts.append('rates of STDP beyond 1 let weights jump across their bounds')
    if not (p.reward_ltp <= 1 and p.reward_ltd >= -1 and p.punishment_ltd >= -1 and p.punishment_ltp <= 1):
        texts.append('rates of R-STDP beyond 1: every weight jumps from bound to bound')
    if not (p.dropout_epochs == 0 or p.s3_dropout > 0):
        texts.append('dropout_epochs does nothing without s3_dropout')
    return texts
