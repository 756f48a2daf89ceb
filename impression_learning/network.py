"""Impression learning: making networks, and turning them into the named arrays of result files and back."""
import numpy as np

from impression_learning.model import Activity, Learner, Network, Phase


def empty(sizes):
    """A Network of zeros for the layer sizes (n_0, .., n_top)."""
    n = np.array(sizes, dtype=np.int64)
    below, above = max(sizes[:-1]), max(sizes[1:])
    return Network(n, np.zeros((n.size, below, above)), np.zeros((n.size, max(sizes))),
                   np.zeros((n.size, above, below)), np.zeros((n.size, max(sizes))), np.zeros(sizes[-1]))


def initial(sizes, rng):
    """Random initial network, as in the released program: W ~ N(0, s.d. 1/n_presynaptic), a = 0.6, biases 0.

    Drawn layer by layer from the bottom, W_out before W_in, each as a (post, pre) matrix.
    """
    net = empty(sizes)
    for l, size in enumerate(sizes):
        if l < len(sizes) - 1:
            net.W_out[l, :sizes[l + 1], :size] = (rng.standard_normal((size, sizes[l + 1])) / sizes[l + 1]).T
        if l > 0:
            net.W_in[l, :sizes[l - 1], :size] = (rng.standard_normal((size, sizes[l - 1])) / sizes[l - 1]).T
    net.a[:] = 0.6
    return net


def to_arrays(net):
    """{name: array} in the paper's orientation (post, pre): l0_W_out, l1_W_in, .., l{top}_transition (diagonal)."""
    n, top = [int(size) for size in net.n], net.n.size - 1
    arrays = {}
    for l in range(top + 1):
        if l < top:
            arrays[f'l{l}_W_out'] = net.W_out[l, :n[l + 1], :n[l]].T.copy()
        if l > 0:
            arrays[f'l{l}_W_in'] = net.W_in[l, :n[l - 1], :n[l]].T.copy()
        if 0 < l < top:
            arrays[f'l{l}_bias'], arrays[f'l{l}_bias_gen'] = net.bias[l, :n[l]].copy(), net.bias_gen[l, :n[l]].copy()
    arrays[f'l{top}_transition'] = net.a.copy()
    return arrays


def from_arrays(arrays, prefix=''):
    """The Network of arrays named as by to_arrays (a transition may be a diagonal matrix)."""
    get = {name[len(prefix):]: np.asarray(value, float) for name, value in arrays.items() if name.startswith(prefix)}
    top = max(int(name[1:].split('_')[0]) for name in get if name.endswith('_W_in'))
    sizes = [get[f'l{l}_W_out'].shape[0] for l in range(top)] + [get[f'l{top}_W_in'].shape[0]]
    net = empty(sizes)
    for l in range(top + 1):
        if l < top:
            net.W_out[l, :sizes[l + 1], :sizes[l]] = get[f'l{l}_W_out'].T
        if l > 0:
            net.W_in[l, :sizes[l - 1], :sizes[l]] = get[f'l{l}_W_in'].T
        if f'l{l}_bias' in get:
            net.bias[l, :sizes[l]], net.bias_gen[l, :sizes[l]] = get[f'l{l}_bias'], get[f'l{l}_bias_gen']
    a = get[f'l{top}_transition'] if f'l{top}_transition' in get else get[f'l{top}_transition_mat']
    net.a[:] = np.diag(a) if a.ndim == 2 else a
    return net


def copy(net):
    """An independent copy."""
    return Network(*(array.copy() for array in net))


def activity(net):
    """All activities zero."""
    return Activity(*(np.zeros((net.n.size, int(net.n.max()))) for _ in Activity._fields))


def phase(wake=1, k=0, counter=0):
    """State of the alternation."""
    return Phase(np.array([wake]), np.array([k]), np.array([counter]))


def learner(net):
    """Zero updates, traces and baselines for a network."""
    sizes = [int(size) for size in net.n]
    return Learner(empty(sizes), empty(sizes), np.zeros(2))
