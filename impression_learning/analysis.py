"""Impression learning: the quantities of the figures and of the results table, defined as in the released plotting program."""
import numpy as np


def explained_variance(X, prediction, channel_means=True):
    """R^2 = 1 - sum (x - p)^2 / sum (x - mean)^2, mean per channel or over all entries; nan for constant X. (T, n) both."""
    total = ((X - (X.mean(axis=0) if channel_means else X.mean())) ** 2).sum()
    return float(1 - ((X - prediction) ** 2).sum() / total) if total > 0 else float('nan')


def correlation(x, y):
    """Pearson correlation of two flattened arrays, nan if one is constant."""
    with np.errstate(invalid='ignore', divide='ignore'):
        return float(np.corrcoef(np.ravel(x), np.ravel(y))[0, 1])


def cosine(x, y):
    """Cosine of the angle between two flattened arrays, nan if one is zero."""
    x, y = np.ravel(x), np.ravel(y)
    norm = np.linalg.norm(x) * np.linalg.norm(y)
    return float(x @ y / norm) if norm > 0 else float('nan')


def channel_correlations(X):
    """Channel by channel correlation matrix of X (T, n); a constant channel gives zeros, so does a single step."""
    if len(X) < 2:
        return np.zeros((X.shape[1], X.shape[1]))
    with np.errstate(invalid='ignore', divide='ignore'):
        return np.nan_to_num(np.corrcoef(X.T))


def correlation_matrix_cosine(X, Y):
    """Cosine of the two channel correlation matrices, diagonal included."""
    return cosine(channel_correlations(X), channel_correlations(Y))


def autocorrelation(X, n_lags):
    """Biased autocorrelation averaged over units: X (T,) or (T, n) -> (n_lags + 1,); mean removed, divided by T and lag 0."""
    X = np.asarray(X, float)
    X = (X - X.mean(axis=0)).reshape(len(X), -1)
    variance = (X ** 2).sum(axis=0)
    lags = [(X[lag:] * X[:len(X) - lag]).sum(axis=0) / np.where(variance > 0, variance, 1) for lag in range(n_lags + 1)]
    return np.mean(lags, axis=1)


def bartlett_band(acf, n):
    """95 % band of an autocorrelation of n samples (Bartlett, a moving average of the lags before). acf (lags,) -> (lags,)"""
    variance = np.r_[0, 1 / n, (1 + 2 * np.cumsum(acf[1:-1] ** 2)) / n] if len(acf) > 2 else np.full(len(acf), 1 / n)
    return 1.96 * np.sqrt(variance[:len(acf)])


def latent_regression(latent, activity):
    """R^2 of a linear regression (with intercept) of the true latents (T, n) on the activity (T, m)."""
    design = np.c_[activity, np.ones(len(activity))]
    weights, *_ = np.linalg.lstsq(design, latent, rcond=None)
    return explained_variance(latent, design @ weights)
