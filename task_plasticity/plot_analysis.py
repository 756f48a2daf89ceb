"""Task-dependent representations: analysis of recorded test sessions, from saved arrays only.

Records are given as `r` (N, m) rates, `o` (K, m) outputs, `theta` (m,) angles, with all trials put one after another
(plot_records.flat); quantities "per angle" follow `angles_of(theta)`, the sorted distinct angles. Where the released program's
definition differs (records dropped by their index, mixed degrees of freedom, entropies), `released=True` gives it.
"""
import numpy as np
from scipy.stats import vonmises

from task_plasticity.plot_records import angles_of, per_angle, released_keep

# ---------------------------------------------------------------- rates

def tuning_curves(r, theta):
    """Mean and s.d. of the rates per angle: two (angles, N)."""
    mean = np.array(per_angle(lambda k: r[:, k].mean(axis=1), theta))
    return mean, np.array(per_angle(lambda k: r[:, k].std(axis=1), theta))


def normalised(r, released):
    """Correlation matrix; released: covariance with ddof 1 over standard deviations with ddof 0."""
    if not released:
        return np.corrcoef(r)
    sd = r.std(axis=1)
    return np.cov(r) / np.outer(sd, sd)


def noise_correlations(r, theta, keep=None, released=False, covariance=False):
    """Correlations (or covariances) between neurons at each angle: (angles, N, N)."""
    keep = released_keep(len(theta)) if released and keep is None else keep
    least = 0 if released else 2
    return np.array(per_angle(lambda k: np.cov(r[:, k]) if covariance else normalised(r[:, k], released), theta, keep, least))


def signal_correlations(r, released=False):
    """Correlations over all records, whatever the angle: (N, N)."""
    return normalised(r, released)


def sort_order(r, theta, lowest=False):
    """Neurons by the angle index of the maximum (or minimum) of their tuning curve; ties by neuron number."""
    mean, _ = tuning_curves(r, theta)
    return np.argsort(mean.argmin(axis=0) if lowest else mean.argmax(axis=0), kind='stable')


def sorted_noise_correlations(correlations, order):
    """Rows and columns in the given order: (..., N, N)."""
    return correlations[..., order, :][..., order]


def sorted_stimulus_variance(r, theta, order=None):
    """Coefficient of variation (N, angles), neurons by preferred angle."""
    mean, sd = tuning_curves(r, theta)
    return (sd / mean).T[sort_order(r, theta) if order is None else order]


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


# ---------------------------------------------------------------- read-out

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


def read_out_axes(D):
    """Orthonormal basis of the read-out space: the first K right singular vectors of D, (K, N)."""
    return np.linalg.svd(D)[2][:len(D)]


def determinant(r):
    """Determinant of the covariance of r (n, m)."""
    return float(np.linalg.det(np.atleast_2d(np.cov(r))))


def gaussian_entropy(det, n):
    """Entropy of a Gaussian in n dimensions with this determinant."""
    return n / 2 * (1 + np.log(2 * np.pi)) + 0.5 * np.log(det)


def noise_volume(r, theta, D, entropy=False, keep=None):
    """Per angle: fraction = noise volume in the read-out space / in the K largest principal axes, total, projected, overlap
    of the two bases (K, N) and eigenvalues (N,). Volumes are determinants or (released program, D12) Gaussian entropies."""
    V = read_out_axes(D)

    def volume(k):
        U, eigenvalues, _ = np.linalg.svd(np.cov(r[:, k]))
        total, projected = determinant(U[:, :len(D)].T @ r[:, k]), determinant(V @ r[:, k])
        if entropy:
            total, projected = gaussian_entropy(total, len(D)), gaussian_entropy(projected, len(D))
        return projected / total, total, projected, V @ U, eigenvalues

    return [np.array(x) for x in zip(*per_angle(volume, theta, keep, len(D) + 1), strict=True)]


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


def ellipses(o, groups):
    """For each group of records (masks): mean x, mean y, width, height, angle of the 1-s.d. ellipse (degrees); and det cov."""
    found, dets = [], []
    for group in groups:
        x = o[:, group]
        cov = np.cov(x)
        values, vectors = np.linalg.eigh(cov)
        v = vectors[:, 0]
        angle = 180.0 + (np.degrees(np.arctan(v[1] / v[0])) if v[0] != 0 else 0.0)
        found.append([*x.mean(axis=1), *(2 * np.sqrt(np.maximum(values, 0))), angle if np.any(cov) else 180.0])
        dets.append(np.linalg.det(cov))
    return np.array(found), np.array(dets)


# ---------------------------------------------------------------- discrimination

def d_prime(a, b):
    """(d', |difference of means|, s.d.), s.d. = root of the mean of the two variances."""
    difference, sd = abs(a.mean() - b.mean()), np.sqrt((a.var() + b.var()) / 2)
    return difference / sd, difference, sd


def d_prime_calc(r, theta, D):
    """d' of u = D r between theta > 0 and theta < 0."""
    u = (D @ r)[0]
    return d_prime(u[theta > 0], u[theta < 0])


def boundary_pairs(angles):
    """Indices of the angles on both sides of 0 and of pi: ((7, 5), (11, 1)) for 12. ValueError unless all angles occur."""
    n = len(angles)
    if n < 4 or n % 2 or not np.allclose(np.diff(angles), 2 * np.pi / n):
        raise ValueError(f'd\' at the boundaries needs every test angle around the circle, an even number of them; {n} occur: '
                         'take more test trials (test_num)')
    return (n // 2 + 1, n // 2 - 1), (n - 1, 1)


def boundary_compare(r, theta, D, keep=None):
    """d' of u = D r at the probable boundary (the angles on both sides of 0: +-pi/6 of 12) and the improbable one (pi)."""
    angles = angles_of(theta)
    u, keep = (D @ r)[0], np.ones(len(theta), bool) if keep is None else keep
    at = [u[(theta == angle) & keep] for angle in angles]
    return tuple(d_prime(at[i], at[j])[0] for i, j in boundary_pairs(angles))


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


def fisher_information(r, theta, keep=None):
    """Linear Fisher information along theta per angle: f'^T cov^-1 f', f' by central difference over the neighbours."""
    mean = np.array(per_angle(lambda k: r[:, k].mean(axis=1), theta, keep))
    step = 2 * (angles_of(theta)[1] - angles_of(theta)[0])
    slopes = (np.roll(mean, -1, axis=0) - np.roll(mean, 1, axis=0)) / step
    covariances = per_angle(lambda k: np.cov(r[:, k]), theta, keep, len(r) + 1)
    return np.array([slope @ np.linalg.solve(cov, slope) for slope, cov in zip(slopes, covariances, strict=True)])


# ---------------------------------------------------------------- dimensions, helpers

def net_pca(r, n=10):
    """PCA over all records: (components (n, N), explained variance ratio (n,), projections (n, m))."""
    centred = r - r.mean(axis=1, keepdims=True)
    values, vectors = np.linalg.eigh(np.cov(r))
    components = vectors[:, ::-1][:, :n].T
    return components, values[::-1][:n] / values.sum(), components @ centred


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
