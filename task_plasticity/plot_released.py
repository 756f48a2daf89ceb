"""Task-dependent representations: analysis functions of the released program that no figure here uses.

Records as in plot_analysis. A user of the original finds them here; tests compare them with the released ones.
"""
import numpy as np
from scipy.stats import vonmises

from task_plasticity.plot_analysis import angles_of, d_prime, net_pca, noise_volume, per_angle, read_out_axes, released_keep


def stimulus_dependent_energy(r, s, theta, net):
    """Mean over every 200th record of E with g(x) = x: -r^T W r / 2 + r^T r / 2 - b^T r - r^T C s, s of the first record."""
    def energy(k):
        R, x = r[:, k][:, ::200], s[:, k][:, 0]
        quadratic = 0.5 * (R * R).sum(axis=0) - 0.5 * (R * (net['W'] @ R)).sum(axis=0)
        return (quadratic - (net['b'] + net['C'] @ x) @ R).mean()
    return np.array(per_angle(energy, theta))


def mean_current_breakdown(r, s, theta, net):
    """Per neuron and angle: mean of W r, of C s, and |b|: three (N, angles)."""
    recurrent = np.array(per_angle(lambda k: net['W'] @ r[:, k].mean(axis=1), theta)).T
    feedforward = np.array(per_angle(lambda k: net['C'] @ s[:, k].mean(axis=1), theta)).T
    return recurrent, feedforward, np.repeat(np.abs(net['b'])[:, None], recurrent.shape[1], axis=1)


def stimulus_bias_variance(o, target, theta):
    """Mean of target - output, and variance of the output: two (K, angles)."""
    bias = np.array(per_angle(lambda k: (target[:, k] - o[:, k]).mean(axis=1), theta)).T
    return bias, np.array(per_angle(lambda k: o[:, k].var(axis=1), theta)).T


def stimulus_error(o, target, theta, classes=False, keep=None):
    """Mean summed squared error per angle; classes: mean negative log likelihood with the clamp of 1e-4 (D16)."""
    if classes:
        p = np.clip(o, 1e-4, 1 - 1e-4)
        error = -(target * np.log(p) + (1 - target) * np.log(1 - p)).sum(axis=0)
    else:
        error = ((target - o) ** 2).sum(axis=0)
    return np.array(per_angle(lambda k: error[k].mean(), theta, keep))


def mean_error(objective, theta, kappa, mu, released=False):
    """Objective weighted by the prior over the angles. released: times pdf times the number of angles, 1.9 too large (D11)."""
    angles = angles_of(theta)
    if released:
        return (objective * vonmises.pdf(theta, kappa, loc=mu) * len(angles)).mean()
    weights = vonmises.pdf(angles, kappa, loc=mu) if kappa > 0 else np.ones(len(angles))
    return (np.array(per_angle(lambda k: objective[k].mean(), theta)) * weights / weights.sum()).sum()


def noise_volume_bci(r, D):
    """(fraction, total, projected) of one set of records r (N, m), with determinants (for the task left out, D18)."""
    fraction, total, projected, *_ = noise_volume(r, np.zeros(r.shape[1]), D)
    return fraction[0], total[0], projected[0]


def principal_angles(r, theta, D, keep=None):
    """Cosines of the principal angles between noise (top K axes) and read-out space: (angles, K) (in place of D14's value)."""
    V = read_out_axes(D)
    return np.array(per_angle(lambda k: np.linalg.svd(V @ np.linalg.svd(np.cov(r[:, k]))[0][:, :len(D)])[1], theta, keep))


def noise_angle(r, theta, D):
    """Released: cosine of the flattened top K principal axes and the read-out axes; its sign has no meaning (D14)."""
    V = read_out_axes(D)
    return np.array(per_angle(lambda k: cosine_angle(np.linalg.svd(np.cov(r[:, k]))[2][:len(D)], V), theta))


def decoder_variance(r, theta, D, released=False, keep=None):
    """Covariance of D r per angle: (angles, K, K)."""
    keep = released_keep(len(theta)) if released else keep
    return np.array(per_angle(lambda k: np.atleast_2d(np.cov(D @ r[:, k])), theta, keep, 0 if released else len(D) + 1))


def nc_decoder_variance(matrices, D):
    """Squared norm of (D / |D|) X for each matrix X."""
    return np.array([np.linalg.norm(D / np.linalg.norm(D) @ X) ** 2 for X in matrices])


def recurrent_bias(r, s, theta, net):
    """Per angle: D mean(W r), D mean(C s), D mean r (angles, K), trace cov(D r) (angles,), mean r (angles, N)."""
    mean, D = np.array(per_angle(lambda k: r[:, k].mean(axis=1), theta)), net['D']
    inputs = np.array(per_angle(lambda k: s[:, k].mean(axis=1), theta))
    variance = np.array(per_angle(lambda k: np.trace(np.atleast_2d(np.cov(D @ r[:, k]))), theta))
    return mean @ net['W'].T @ D.T, inputs @ net['C'].T @ D.T, mean @ D.T, variance, mean


def stimulus_dependent_s2n(r, theta, D):
    """|mean|^2 / trace of the covariance per angle, in the complement of the read-out space and in it: two (angles,)."""
    V = read_out_axes(D)
    P = V.T @ V

    def ratio(k, projection):
        x = projection @ r[:, k]
        return (x.mean(axis=1) ** 2).sum() / np.trace(np.cov(x))

    outside = np.array(per_angle(lambda k: ratio(k, np.eye(len(P)) - P), theta))
    return outside, np.array(per_angle(lambda k: ratio(k, P), theta))


def d_prime_calc(r, theta, D):
    """d' of u = D r between theta > 0 and theta < 0."""
    u = (D @ r)[0]
    return d_prime(u[theta > 0], u[theta < 0])


def classifier_lda(r, theta):
    """d' on the first linear discriminant for the classes theta > 0 or not."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    projected = LinearDiscriminantAnalysis(n_components=1).fit_transform(r.T, theta > 0)[:, 0]
    return d_prime(projected[theta > 0], projected[theta <= 0])[0]


def confusion_matrix(output, label):
    """Fractions [[false negative, true positive], [true negative, false positive]] with output > 0.5."""
    positive, actual = output > 0.5, label > 0.5
    return np.array([[(~positive & actual).sum(), (positive & actual).sum()],
                     [(~positive & ~actual).sum(), (positive & ~actual).sum()]]) / len(output)


def pca_trajectories(projections, trials, n=4, released=False):
    """First n projections by trial: (trials, n, records); released: reshaped in the wrong order (D15)."""
    if released:
        return projections[:n].reshape(trials, n, -1)
    return projections[:n].reshape(n, trials, -1).transpose(1, 0, 2)


def stimulus_variance_pca(r, theta, D, n=10):
    """Variance per angle of the projections on n PCs (n, angles); and of each PC's share in each output (K, n, angles)."""
    components, _, projections = net_pca(r, n)
    variance = np.array(per_angle(lambda k: projections[:, k].var(axis=1), theta)).T
    return variance, (D @ components.T)[:, :, None] ** 2 * variance


def cosine_angle(x, y):
    """Cosine between two flattened arrays."""
    return float(np.vdot(x, y) / np.linalg.norm(x) / np.linalg.norm(y))


def sliding_mean(x, window, downsample=1):
    """Every downsample-th sample, then a boxcar of int(window / downsample) samples (zero padded)."""
    taps = int(window / downsample)
    return np.convolve(x[::downsample], np.ones(taps) / taps, 'same')


def sliding_std(x, window):
    """Standard deviation in [i - window/2, i + window/2), cut at the ends."""
    half = window // 2
    return np.array([x[max(0, i - half):i + half].std() for i in range(len(x))])
