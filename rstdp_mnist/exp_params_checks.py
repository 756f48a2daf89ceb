"""Bad parameters of the R-STDP network, named in one line before anything is computed (lists, sizes, combinations)."""
import math
from types import SimpleNamespace

SIZES = {'mnist': (28, 6), 'digits': (28, 6), 'nmnist': (34, 2)}      # side of the images, channels


def demand(true, message):
    """Raise ValueError(message) unless true."""
    if not true:
        raise ValueError(message)


def check(p):
    """Raise ValueError for the first mistake in parameters p."""
    check_lists(p)
    check_winners(p)
    check_geometry(p)


def is_number(x):
    """A finite number that is not a boolean."""
    return isinstance(x, (int, float)) and not isinstance(x, bool) and math.isfinite(x)


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
