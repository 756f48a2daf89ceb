"""Mozafari et al. (2019) in plain numpy, one image after the other: read this first. The fast kernels are tested against it.

    image -> DoG filters, rank order -> S1 -> C1 -> S2 -> C2 -> S3 -> class

tau, a latency: the time bin 0 .. T - 1 of a cell's only spike; tau = T: it never fires. W[f, c, i, j]: weight onto map f from
map c at place (i, j) of the kernel. The numbers (1) .. (13) are those of the README's table.
"""
import numpy as np

T = 15                                                          # time bins
DOG = ((3, 3 / 9, 6 / 9), (3, 6 / 9, 3 / 9), (7, 7 / 9, 14 / 9),
       (7, 14 / 9, 7 / 9), (13, 13 / 9, 26 / 9), (13, 26 / 9, 13 / 9))          # window, sigma_1, sigma_2: on, off, on, ...


def correlate(x, K, pad):
    """sum_cij K[f,c,i,j] x[c, y+i-pad, x+j-pad], zeros outside. x (c, h, w), K (f, c, n, n) -> (f, h', w')"""
    padded = np.pad(np.asarray(x, float), ((0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, K.shape[2:], axis=(1, 2))
    return np.einsum('cyxij,fcij->fyx', windows, K.astype(float), optimize=True)


# ---------------------------------------------------------------- the input: who fires when

def dog(n, sigma_1, sigma_2):
    """Difference of Gaussians (n, n); on-centre if sigma_1 < sigma_2."""
    u = np.arange(n) - n // 2
    s = u[:, None] ** 2 + u ** 2
    K = sum(sign * np.exp(-s / (2 * sigma ** 2)) / (2 * np.pi * sigma ** 2) for sign, sigma in ((1, sigma_1), (-1, sigma_2)))
    K -= K.mean()
    return K / K.max()                                          # (1)


def responses(image, kinds=DOG, threshold=50.0, radius=8):
    """Filtered and locally normalised grey image (h, w), 0 .. 255. -> (m, h, w)"""
    R = np.concatenate([correlate(image[None], dog(*kind)[None, None], kind[0] // 2) for kind in kinds])
    R[R < threshold] = 0
    box = np.ones((1, 1, 2 * radius + 1, 2 * radius + 1)) / (2 * radius + 1) ** 2
    return R / (np.concatenate([correlate(channel[None], box, radius) for channel in R]) + 1e-12)      # (2)


def rank_order(R, T=T):
    """The strongest responses fire first, equally many in each bin; the few that are left over never. -> tau, shape of R"""
    order, size = np.argsort(-R, axis=None, kind='stable'), np.count_nonzero(R) // T
    tau = np.full(R.size, T)
    tau[order[:size * T]] = np.arange(size * T) // size         # (3)
    return tau.reshape(R.shape)


# ---------------------------------------------------------------- neurons and pools

def potentials(tau, W, pad, T=T):
    """Non-leaky integration. tau (c, h, w) -> V (T, f, h', w')"""
    return np.stack([correlate(tau <= t, W, pad) for t in range(T)])      # (4) V[t] = sum of W over afferents with tau <= t


def first_spikes(V, theta):
    """Each neuron fires once, in the first bin with V > theta. -> tau (f, h, w)"""
    fired = V > theta
    return np.where(fired.any(axis=0), fired.argmax(axis=0), len(V))      # (5)


def pool(tau, n):
    """A complex cell fires with the first cell of its n x n window; what fills no window is left out."""
    f, h, w = tau.shape[0], tau.shape[1] // n, tau.shape[2] // n
    return tau[:, :h * n, :w * n].reshape(f, h, n, w, n).min(axis=(2, 4))  # (6)


# ---------------------------------------------------------------- STDP: layers 1 and 2

def winners(V, tau, k, r):
    """At each place only the first (then the strongest, then the lowest) map competes; k of these win, the first first.

    A map wins once; a winner inhibits all places within the distance r (0: none). V (T, f, h, w), tau (f, h, w) -> [(f, y, x)]
    """
    strength = np.take_along_axis(V, np.minimum(tau, len(V) - 1)[None], axis=0)[0]        # V in the bin of the spike
    taken, inhibited, won = np.zeros(tau.shape[1:], bool), np.zeros(tau.shape[1:], bool), []
    for i in np.lexsort((-strength.ravel(), tau.ravel())):      # in the order of firing; among equals the lowest index
        f, y, x = map(int, np.unravel_index(i, tau.shape))
        if tau[f, y, x] == len(V) or len(won) == k:
            break
        if not taken[y, x]:
            taken[y, x] = True                                  # (7) pointwise inhibition
            if not inhibited[y, x] and f not in [w[0] for w in won]:
                won.append((f, y, x))                           # (8) k winners
                if r > 0:
                    inhibited[max(0, y - r):y + r + 1, max(0, x - r):x + r + 1] = True
    return won


def afferents(fired, y, x, n, pad):
    """Which afferents (c, n, n) of the neuron at (y, x) are among the cells that fired (c, h, w); the padding never is."""
    return np.pad(fired, ((0, 0), (pad, pad), (pad, pad)))[:, y:y + n, x:x + n]


def stdp(W, tau, won, tau_out, pad, a_plus, a_minus, low=0.0, high=1.0):
    """W (f, c, n, n) after one image; won: its winners; tau (c, h, w), tau_out (f, h', w'): latencies in and out."""
    dW = np.zeros_like(W)
    for f, y, x in won:
        before = afferents(tau <= tau_out[f, y, x], y, x, W.shape[2], pad)
        dW[f] = np.where(before, a_plus, a_minus) * (W[f] - low) * (high - W[f])      # (9)
    return np.clip(W + dW, low, high)


def train_stdp(W, images, theta, pad, k, r, epochs, a_plus=0.004, a_minus=-0.003, most=0.15, interval=500):
    """Layer 1 or 2 learns from latencies [(c, h, w), ...], online. -> W"""
    count = 0
    for tau in epochs * images:
        count += 1
        if count == interval:
            count, a_plus = 0, min(2 * a_plus, most)            # (10) the rates double every 500 images
            a_minus = -0.75 * a_plus
        V = potentials(tau, W, pad)
        tau_out = first_spikes(V, theta)
        W = stdp(W, tau, winners(V, tau_out, k, r), tau_out, pad, a_plus, a_minus)
    return W


# ---------------------------------------------------------------- R-STDP: layer 3

def strongest(V, maps):
    """(f, y, x) of the neuron of these maps with the largest potential, the lowest index among equals; None if none is > 0."""
    f, y, x = np.unravel_index(np.argmax(V[maps]), V[maps].shape)
    return (int(maps[f]), int(y), int(x)) if V[maps].max() > 0 else None


def learners(V, label, n_classes, phi=(1.0, 1.0), reward='winner', margin=0.05):
    """Who learns from an image: class of the strongest neuron, (neuron to reward, factor), (neuron to punish, factor).

    'winner', the paper: the strongest neuron decides; if it is right it is rewarded, else punished.
    'true_class', an extension: on an error the strongest neuron of the true class is rewarded as well.
    'margin', an extension: while the true class does not lead by this share, its strongest neuron is rewarded and the
    strongest other one punished, both at full rates.
    """
    if reward not in ('winner', 'true_class', 'margin') or len(V) % n_classes:
        raise ValueError(f'reward {reward!r}: winner, true_class or margin; {len(V)} maps for {n_classes} classes')
    maps, (phi_r, phi_p) = np.arange(len(V)), phi
    of_class = maps // (len(V) // n_classes)                    # equally many maps stand for each class
    winner, true, other = (strongest(V, maps[some]) for some in (of_class >= 0, of_class == label, of_class != label))
    if winner is None:                                          # silent: nobody decides, nobody learns
        return -1, (None, 0), (None, 0)
    decision = int(of_class[winner[0]])
    if reward == 'margin':
        leads = (V[true] if true else 0) >= (1 + margin) * (V[other] if other else 0)
        return decision, (None if leads else true, 1.0), (None if leads else other, 1.0)
    if decision == label:
        return decision, (winner, phi_r), (None, 0)             # (11)
    return decision, (true if reward == 'true_class' else None, phi_p), (winner, phi_p)


def rstdp(W, fired, label, n_classes, phi=(1.0, 1.0), a_r=(0.004, -0.003), a_p=(-0.004, 0.0005), low=0.2, high=0.8, **rule):
    """Decide on one image and learn from its label, W in place. fired (c, h, w): cells of C2. -> class, -1 if silent"""
    pad = W.shape[2] // 2
    decision, *changes = learners(correlate(fired, W, pad), label, n_classes, phi, **rule)
    for (neuron, factor), (a_fired, a_silent) in zip(changes, (a_r, a_p), strict=True):
        if neuron is not None:
            f, y, x = neuron
            W[f] += factor * np.where(afferents(fired, y, x, W.shape[2], pad), a_fired, a_silent)      # (12)
    if decision >= 0:
        np.clip(W, low, high, out=W)
    return decision


def train_rstdp(W, features, labels, n_classes, epochs, window=1000, **rule):
    """Layer 3 learns online from C2's spikes [(c, h, w), ...], W in place. -> share of right decisions in each epoch"""
    phi, share = (1.0, 1.0), []
    for _ in range(epochs):
        decisions = []
        for i, (fired, label) in enumerate(zip(features, labels, strict=True), 1):
            decisions.append(rstdp(W, fired, label, n_classes, phi, **rule))
            if i % window == 0 or i == len(labels):             # phi_r: share of errors, phi_p: share of hits in the window
                begin = (i - 1) // window * window
                last, true = np.array(decisions[begin:]), np.array(labels[begin:i])
                phi = ((last != true) & (last >= 0)).mean(), (last == true).mean()      # (13)
        share.append(float(np.mean(np.array(decisions) == labels)))
    return share


# ---------------------------------------------------------------- the whole network

def features(tau, W_1, W_2, theta=(15.0, 10.0)):
    """Input latencies (m, h, w) -> which cells of C2 fire (c, h', w')"""
    C1 = pool(first_spikes(potentials(tau, W_1, 2), theta[0]), 2)
    return pool(first_spikes(potentials(C1, W_2, 1), theta[1]), 3) < T


def train(images, labels, n_maps=(30, 250, 200), n_classes=10, epochs=(2, 4, 21), theta=(15.0, 10.0), seed=0, **rule):
    """The layers learn one after the other from grey images (n, 28, 28). -> [W_1, W_2, W_3], shares of right decisions"""
    rng = np.random.default_rng(seed)
    shapes = (n_maps[0], len(DOG), 5, 5), (n_maps[1], n_maps[0], 3, 3), (n_maps[2], n_maps[1], 5, 5)
    W = [rng.normal(0.8, 0.05, shape) for shape in shapes]
    S0 = [rank_order(responses(image)) for image in images]
    W[0] = train_stdp(W[0], S0, theta[0], 2, 5, 3, epochs[0])
    C1 = [pool(first_spikes(potentials(tau, W[0], 2), theta[0]), 2) for tau in S0]
    W[1] = train_stdp(W[1], C1, theta[1], 1, 8, 1, epochs[1])
    C2 = [features(tau, W[0], W[1], theta) for tau in S0]
    return W, train_rstdp(W[2], C2, labels, n_classes, epochs[2], **rule)


def classify(image, W, n_classes=10, theta=(15.0, 10.0)):
    """Class of a grey image (28, 28); -1: silent"""
    V = correlate(features(rank_order(responses(image)), W[0], W[1], theta), W[2], W[2].shape[2] // 2)
    neuron = strongest(V, np.arange(len(V)))
    return -1 if neuron is None else neuron[0] // (len(V) // n_classes)
