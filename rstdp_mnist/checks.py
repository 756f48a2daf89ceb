"""R-STDP on MNIST: what parameters are allowed, what acts when, how much memory a run needs, which files it reads."""
import numpy as np

from common.params import demand, demand_types, is_number, one_of, require, within
from rstdp_mnist.data import input_files
from rstdp_mnist.neurons import layers


def check(p):
    """Raise ValueError for the first mistake in parameters p."""
    demand_types(p)
    check_choices(p)
    check_lists(p)
    check_filters(p)
    check_winners(p)
    check_geometry(p)
    check_rates(p)
    check_counts(p)


# what acts: (parameters, in words when, when)
USED = [
    ('dog_window dog_sigma_1 dog_sigma_2 dog_threshold norm_radius on_empty', 'for grey images, not for events (data=nmnist)',
     lambda p: p.data != 'nmnist'),
    ('data_dir', 'if data are read from files (not data=digits)', lambda p: p.data != 'digits'),
    ('ltp_rate ltd_rate max_ltp_rate doubling_interval n_winners inhibition_radius weight_bounds',
     'if layer 1 or 2 is trained (epochs_s1, epochs_s2)', lambda p: p.epochs_s1 + p.epochs_s2 > 0),
    ('margin', 'with reward=margin', lambda p: p.reward == 'margin'),
    ('first_factors silent_is_miss', 'if factors act (not with reward=margin)', lambda p: p.reward != 'margin'),
    ('factor_window', 'if factors act (not with reward=margin) or with slow_weights',
     lambda p: p.reward != 'margin' or p.slow_weights > 0),
    ('dropout_epochs', 'with s3_dropout', lambda p: p.s3_dropout > 0),
    ('s3_decay', 'with more than one epoch of layer 3', lambda p: p.epochs_s3 > 1),
    ('test_every', 'with more than one epoch of layer 3', lambda p: p.epochs_s3 > 1),
    ('released_code', 'in modes that are not the replication', lambda p: not p.mode.startswith('replication')),
]


def remarks(p):
    """What is allowed, but perhaps not what was meant."""
    bare = max(p.reward_ltp, -p.reward_ltd, -p.punishment_ltd, p.punishment_ltp)
    found = [
        (p.strict_threshold or p.competition == 'batch',
         'V >= theta with saturated weights: potentials are near-integers, thresholds integers'),
        (p.data != 'digits', "data=digits is scikit-learn's 8 x 8 digits enlarged: a stand-in, not MNIST"),
        (p.max_ltp_rate <= 1 and p.ltd_rate >= -1, 'rates of STDP beyond 1 let weights jump across their bounds'),
        (bare <= 1, 'rates of R-STDP beyond 1: every weight jumps from bound to bound'),
    ]
    return [text for usual, text in found if not usual]


def memory(p):
    """Bytes that a run needs at its peak, about: latencies and spikes of all images, weights and their copies."""
    one, two, three = layers(p)
    cells = p.n_channels * p.image_size ** 2 + one.maps * one.pooled ** 2 + two.maps * two.pooled ** 2
    weights = 8 * sum(int(np.prod(layer.shape)) for layer in (one, two)) + 40 * int(np.prod(three.shape))
    kept = (5 if p.shift else 1) * two.maps * two.pooled ** 2 // (1 if p.pooling == 'distinct' else 8)       # counts, or bits
    grey = 40 * p.image_size ** 2 * 10_000 * -(-p.n_train // 10_000) if p.data == 'cifar10' else 0    # colours, whole files
    return 200_000_000 + (p.n_train + p.n_test) * (cells + p.image_size ** 2 + kept) + weights + grey


def inputs(p):
    """Paths of the files that a run reads."""
    return input_files(p)


# ---------------------------------------------------------------- what is allowed

def check_choices(p):
    """Words."""
    one_of(p, 'data', ('mnist', 'fashion_mnist', 'cifar10', 'nmnist', 'digits'), 'the data sets')
    one_of(p, 'on_empty', ('raise', 'silent'), 'what to do with a blank image')
    one_of(p, 'pooling', ('first', 'distinct'), 'what a pooled cell passes on')
    one_of(p, 'class_map', ('by_map', 'flat_mod'), 'who stands for which class')
    one_of(p, 'competition', ('event', 'batch'), 'the two ways to choose winners')
    one_of(p, 'reward', ('winner', 'true_class', 'margin'), 'who learns')
    one_of(p, 's3_dtype', ('float32', 'float64'), 'the two precisions')
    require(p, 'rng', p.rng == 'modern', 'the originals draw from torch: no legacy stream can be replayed')
    require(p, 'reward class_map', p.reward == 'winner' or p.class_map == 'by_map',
            'the strongest neuron of a class is looked for among its maps: class_map=by_map is needed')


def check_lists(p):
    """Lengths and entries of the lists."""
    for name, length, low in (('n_maps', 3, 1), ('kernel_size', 3, 1), ('pool', 2, 1), ('padding', 2, 0)):
        found, most = getattr(p, name), 65_535 if name == 'n_maps' else 254
        demand(len(found) == length and all(type(n) is int and low <= n <= most for n in found),
               f'{name} = {found}: {("two", "three")[length - 2]} whole numbers {low} .. {most}, one a layer')
    demand(p.kernel_size[2] % 2 == 1, f'kernel_size = {p.kernel_size}: the kernel of layer 3 must have an odd side')
    within(p, 'n_classes', 2, None, 'classes')
    demand(p.n_maps[2] % p.n_classes == 0,
           f'n_maps[2] = {p.n_maps[2]} maps of layer 3 cannot be shared equally among n_classes = {p.n_classes}')
    demand(len(p.threshold) == 2 and all(is_number(x) and x >= 0 for x in p.threshold),
           f'threshold = {p.threshold}: two numbers >= 0, for layers 1 and 2')
    demand(len(p.first_factors) == 2 and all(is_number(x) and 0 <= x <= 1 for x in p.first_factors),
           f'first_factors = {p.first_factors}: two numbers in 0 .. 1')
    for name in ('weight_bounds', 's3_bounds'):
        pair = getattr(p, name)
        demand(len(pair) == 2 and all(is_number(x, 1e6) for x in pair) and 0 <= pair[0] < pair[1],
               f'{name} = {pair}: 0 <= low < high is needed (potentials may only grow during a presentation)')


def check_filters(p):
    """The bank of differences of Gaussians."""
    n = len(p.dog_window)
    demand(n >= 1 and len(p.dog_sigma_1) == len(p.dog_sigma_2) == n,
           f'dog_window, dog_sigma_1, dog_sigma_2 have {n}, {len(p.dog_sigma_1)}, {len(p.dog_sigma_2)} entries: one a filter')
    demand(all(type(w) is int and 3 <= w <= 99 and w % 2 for w in p.dog_window),
           f'dog_window = {p.dog_window}: odd numbers of pixels, 3 .. 99')
    for one, two in zip(p.dog_sigma_1, p.dog_sigma_2, strict=True):
        demand(is_number(one, 1e3) and is_number(two, 1e3) and min(one, two) >= 0.1 and one != two,
               f'dog_sigma_1, dog_sigma_2 = {one}, {two}: from 0.1 pixels on, and different')
    demand(len(p.dog_threshold) in (1, n) and all(is_number(x) and x > 0 for x in p.dog_threshold),
           f'dog_threshold = {p.dog_threshold}: one positive grey value (it removes flat regions), or {n}: one a filter')


def check_winners(p):
    """k and r of layers 1 and 2."""
    for layer, (k, r, maps) in enumerate(zip(p.n_winners, p.inhibition_radius, p.n_maps, strict=False), 1):
        demand(type(k) is int and 1 <= k <= maps,
               f'n_winners = {p.n_winners}: of {maps} maps in layer {layer} 1 .. {maps} may win')
        demand(type(r) is int and 0 <= r <= 254, f'inhibition_radius = {p.inhibition_radius}: whole numbers >= 0')
    demand(len(p.n_winners) == len(p.inhibition_radius) == 2, 'n_winners and inhibition_radius: two entries, layers 1 and 2')


def check_geometry(p):
    """Every kernel must fit on its padded input."""
    for number, layer in enumerate(layers(p), 1):
        padded = layer.size_in + 2 * layer.pad
        demand(layer.side <= padded, f'layer {number}: its {layer.side} x {layer.side} kernel is larger than the padded input, '
                                     f'{padded} x {padded}')
        demand(layer.pooled >= 1,
               f'layer {number}: its {layer.size} x {layer.size} output fills no pooling window of {layer.pool}')


def check_rates(p):
    """Signs and sizes of learning rates, initial weights, probabilities."""
    require(p, 'init_mean', is_number(p.init_mean, 1e3) and p.init_mean > 0,
            '0 < init_mean <= 1000 is needed (the first presentation needs potentials that grow)')
    within(p, 'init_sd', 0, 1000, 'a standard deviation')
    require(p, 'epochs_s1 epochs_s2 init_mean init_sd', min(p.epochs_s1, p.epochs_s2) > 0 or 6 * p.init_sd <= p.init_mean,
            'a layer without training keeps its weights as drawn, none may be negative: init_sd up to init_mean / 6')
    signs = (('ltp_rate', 1, 'potentiation is positive: signs of the rates exchanged?'),
             ('ltd_rate', -1, 'depression is negative: signs of the rates exchanged?'),
             ('reward_ltp', 1, 'a reward potentiates what fired'), ('reward_ltd', -1, 'a reward depresses what was silent'),
             ('punishment_ltd', -1, 'a punishment depresses what fired: signs exchanged?'),
             ('punishment_ltp', 1, 'a punishment potentiates what was silent: signs exchanged?'))
    for name, sign, why in signs:
        require(p, name, is_number(getattr(p, name), 1e6) and sign * getattr(p, name) > 0, why)
    require(p, 'max_ltp_rate ltp_rate', p.max_ltp_rate >= p.ltp_rate, 'the rate grows up to max_ltp_rate')
    within(p, 'max_ltp_rate', 0, 1e6)
    require(p, 's3_decay', is_number(p.s3_decay) and 0 < p.s3_decay <= 1, 'rates that stay or fall: 0 < s3_decay <= 1')
    require(p, 's3_dropout', 0 <= p.s3_dropout < 1, 'a probability below 1')
    require(p, 'margin', 0 < p.margin <= 1, '0 < margin <= 1, a share of the strongest other potential')


def check_counts(p):
    """Whole numbers."""
    within(p, 'array_num', 1, None, 'members are numbered from 1')
    within(p, 'seed', 0, 2 ** 32 - 1, 'a seed of 32 bits')
    within(p, 's3_seed', -1, 2 ** 32 - 1, 'a seed of 32 bits, or -1')
    within(p, 'n_time_bins', 1, 254, 'latencies are bytes')
    within(p, 'n_train n_test', 1, 10 ** 6, 'images')
    require(p, 'n_validation n_train', 0 <= p.n_validation < p.n_train, 'layer 3 needs training images')
    require(p, 'batch_size n_train', 1 <= p.batch_size <= p.n_train, 'images whose changes are summed, up to n_train')
    require(p, 'factor_window n_train', 1 <= p.factor_window <= p.n_train, 'presentations in a window, 1 .. n_train')
    require(p, 'competition batch_size', p.competition == 'event' or p.batch_size > 1, 'the replication scores whole batches')
    require(p, 'competition batch_size doubling_interval', p.competition == 'event' or p.batch_size <= p.doubling_interval,
            'the rates double after whole batches')
    within(p, 'doubling_interval', 1, None, 'presentations')
    within(p, 'epochs_s1 epochs_s2 dropout_epochs', 0, 10 ** 6, 'passes')
    within(p, 'epochs_s3 test_every', 1, 10 ** 6, 'passes')
    within(p, 'norm_radius', 0, 254, 'pixels')
    within(p, 'shift', 0, p.image_size - 1, 'pixels, less than the side of the image')
    within(p, 'slow_weights', 0, 10 ** 9, 'images')
