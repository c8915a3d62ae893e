"""Estimators on plain arrays: least squares, logit, ordered logit, negative binomial, with their covariances.

Least squares by a QR decomposition; the others by Newton's method with exact derivatives. The optimizers of statsmodels
are not used: its ordered logit and negative binomial need seconds a fit and numerical derivatives, and its cluster
factor for likelihood models differs from that of R and Stata. The tests hold the numbers here against R and against
NIST's certified values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

RANK_TOLERANCE = 1e-12
"""A column is a linear combination of others if what they leave of it is below this share of its length."""
MAXIMUM_ITERATIONS = 100


class FitError(Exception):
    """A model that the data cannot carry; the message is the reason that readers see."""


@dataclass
class Estimate:
    """Estimates of one fit, all in the order of ``terms``."""

    terms: list[str]
    params: np.ndarray
    cov: np.ndarray
    df: float | None
    small_sample: str
    fit: dict[str, Any] = field(default_factory=dict)


# --- least squares -------------------------------------------------------------------------------------------------


@dataclass
class LeastSquares:
    """Solution of y = X b: coefficients, (X'X)^-1, residuals and leverages."""

    params: np.ndarray
    inverse: np.ndarray
    residuals: np.ndarray
    leverages: np.ndarray


def solve_least_squares(x: np.ndarray, y: np.ndarray, names: Sequence[str]) -> LeastSquares:
    """Solve a linear least-squares problem by a QR decomposition with column pivoting.

    Columns are first scaled to lengths near 1; coefficients and residuals are then refined together, with the errors
    of both equations, X b + e = y and X'e = 0, in extended precision (Björck 1967).

    Raises
    ------
    FitError
        If columns are linear combinations of others; names them.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.column_stack([np.ones(3), [0.0, 1.0, 2.0]])
    >>> solve_least_squares(x, np.array([1.0, 3.0, 5.0]), ["Intercept", "x"]).params.round(12).tolist()
    [1.0, 2.0]
    """
    import numpy as np
    from scipy.linalg import qr, solve_triangular

    lengths = np.linalg.norm(x, axis=0)
    # Powers of two, so that scaling rounds nothing.
    scale = np.exp2(np.round(np.log2(np.where(lengths > 0, lengths, 1.0))))
    scaled = x / scale
    q, r, order = qr(scaled, mode="economic", pivoting=True)
    if len(x) < x.shape[1] or (np.abs(np.diag(r)) < RANK_TOLERANCE).any():
        raise FitError(describe_aliased(scaled, names))
    exact_x = scaled.astype(np.longdouble)
    params, residuals = np.zeros(x.shape[1], np.longdouble), np.zeros(len(x), np.longdouble)
    for _ in range(4):
        from_fit = np.asarray(y - residuals - exact_x @ params, dtype=float)
        from_normal = solve_triangular(r, np.asarray(-(exact_x.T @ residuals), dtype=float)[order], trans="T")
        along = q.T @ from_fit - from_normal
        residuals = residuals + (from_fit - q @ along)
        step = np.empty(x.shape[1])
        step[order] = solve_triangular(r, along)
        params = params + step
    inverse_r = np.empty_like(r)
    inverse_r[order] = solve_triangular(r, np.eye(len(r)))
    inverse = (inverse_r @ inverse_r.T) / np.outer(scale, scale)
    leverages = (q**2).sum(axis=1)
    return LeastSquares(np.asarray(params, dtype=float) / scale, inverse, np.asarray(residuals, dtype=float), leverages)


def describe_aliased(x: np.ndarray, names: Sequence[str]) -> str:
    """Name the columns that the columns before them determine, and those that determine them.

    Examples
    --------
    >>> import numpy as np
    >>> a = np.array([1.0, 2.0, 4.0, 1.0])
    >>> describe_aliased(np.column_stack([np.ones(4), a, 2 * a - 1]), ["Intercept", "a", "b"])
    'rank-deficient design: b is determined by Intercept, a'
    """
    import numpy as np

    x = x / np.where((lengths := np.linalg.norm(x, axis=0)) > 0, lengths, 1.0)
    kept: list[int] = []
    found = []
    for column in range(x.shape[1]):
        basis = x[:, kept]
        weights = np.linalg.lstsq(basis, x[:, column], rcond=None)[0] if kept else np.empty(0)
        if np.linalg.norm(x[:, column] - basis @ weights) > 1e-9 and len(kept) < len(x):
            kept.append(column)
            continue
        sources = [names[at] for at, weight in zip(kept, weights, strict=True) if abs(weight) > 1e-7]
        found.append(f"{names[column]} is " + (f"determined by {', '.join(sources[:6])}" if sources else "always 0"))
    more = f" and {len(found) - 4} more" if len(found) > 4 else ""
    return f"rank-deficient design: {'; '.join(found[:4])}{more}"


def sum_clusters(scores: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """Add up the rows of a matrix within clusters, which are numbered from 0."""
    import numpy as np

    sums = np.zeros((clusters.max() + 1, scores.shape[1]))
    np.add.at(sums, clusters, scores)
    return sums


def fit_ols(
    x: np.ndarray,
    y: np.ndarray,
    names: Sequence[str],
    covariance: str = "classical",
    clusters: np.ndarray | None = None,
    cells: np.ndarray | None = None,
) -> Estimate:
    """Fit a linear model by ordinary least squares.

    Parameters
    ----------
    x, y
        Design matrix (n × k, no missing values) and outcome (n).
    covariance
        ``classical`` s² (X'X)^-1; ``HC3`` (MacKinnon and White 1985), squared residuals over (1 - h)²; ``cluster``,
        CR1 (Liang and Zeger 1986) with the factor G/(G-1) · (n-1)/(n-k).
    clusters
        Number of each row's cluster, from 0.
    cells
        Number of each row's absorbed intercept, from 0; x (without intercept) and y are then taken as
        deviations from their cell means. R² is then that within cells.

    Returns
    -------
    Estimate
        t reference with n - k degrees of freedom, for clusters G - 1. With absorbed intercepts k counts them all,
        but those that lie within clusters only once (as Stata's ``xtreg, fe`` does).

    Raises
    ------
    FitError
        For linear combinations among the columns, more terms than rows, leverage of 1 under HC3, one cluster.
    """
    import numpy as np

    n, k = x.shape
    absorbed = 0
    if cells is not None:
        absorbed = int(cells.max()) + 1
        sizes = np.bincount(cells)
        means = sum_clusters(np.column_stack([x, y]), cells) / sizes[:, None]
        flat = np.abs(x).max(axis=0) * 1e-12
        x, y = x - means[cells, :-1], y - means[cells, -1]
        # What is constant within cells leaves rounding behind, which must not pass for variation.
        x = np.where(np.abs(x).max(axis=0) <= flat, 0.0, x)
    if n <= k + absorbed:
        raise FitError(f"{n} rows cannot carry {k + absorbed} terms")
    solved = solve_least_squares(x, y, names)
    residual_sum = float(solved.residuals @ solved.residuals)
    df: float = n - k - absorbed
    if covariance == "classical":
        cov, rule = solved.inverse * residual_sum / df, "t(n-k)"
    elif covariance == "HC3":
        leverages = solved.leverages + (1 / sizes[cells] if cells is not None else 0)
        if (alone := leverages > 1 - 1e-10).any():
            loaded = [name for name, column in zip(names, x.T, strict=True) if _is_alone(column, alone)]
            terms = f" ({', '.join(loaded[:4])})" if loaded else ""
            raise FitError(f"HC3 is undefined: {int(alone.sum())} rows alone determine a coefficient{terms}")
        scores = x * (solved.residuals / (1 - leverages))[:, None]
        cov, rule = solved.inverse @ (scores.T @ scores) @ solved.inverse, "HC3, t(n-k)"
    else:
        groups = _count_clusters(clusters)
        assert clusters is not None
        counted = k + absorbed
        if cells is not None:
            within = len(np.unique(np.column_stack([cells, clusters]), axis=0)) == absorbed
            counted = k + (1 if within else absorbed)
        sums = sum_clusters(x * solved.residuals[:, None], clusters)
        factor = groups / (groups - 1) * (n - 1) / (n - counted)
        cov = factor * solved.inverse @ (sums.T @ sums) @ solved.inverse
        df, rule = groups - 1, "CR1: G/(G-1) (n-1)/(n-k), t(G-1)"
    total_sum = float(((y - y.mean()) ** 2).sum())
    r_squared = 1 - residual_sum / total_sum
    log_likelihood = -n / 2 * (np.log(2 * np.pi * max(residual_sum, np.finfo(float).tiny) / n) + 1)
    parameters = k + absorbed + 1
    intercept = 1 if cells is None else absorbed
    fit = {
        "r_squared": r_squared,
        "r_squared_adjusted": 1 - (1 - r_squared) * (n - intercept) / (n - k - absorbed),
        "residual_sd": float(np.sqrt(residual_sum / (n - k - absorbed))),
        "log_likelihood": float(log_likelihood),
        "aic": float(-2 * log_likelihood + 2 * parameters),
        "bic": float(-2 * log_likelihood + np.log(n) * parameters),
        "converged": True,
        "max_vif": find_largest_vif(x if cells is not None else x[:, 1:]),
    }
    return Estimate(list(names), solved.params, cov, df, rule, fit)


def _is_alone(column: np.ndarray, alone: np.ndarray) -> bool:
    return bool(column[alone].any()) and not column[~alone].any()


def _count_clusters(clusters: np.ndarray | None) -> int:
    if clusters is None or (groups := int(clusters.max()) + 1) < 2:
        raise FitError("clustered standard errors need two clusters or more, here is one")
    return groups


def find_largest_vif(x: np.ndarray) -> float | None:
    """Find the largest variance inflation factor of columns (no intercept among them).

    Examples
    --------
    >>> import numpy as np
    >>> round(find_largest_vif(np.array([[1.0, 0.0], [2.0, 1.0], [3.0, 1.0], [4.0, 3.0]])), 3)
    6.786
    """
    import numpy as np

    if x.shape[1] < 2:
        return 1.0 if x.shape[1] else None
    centred = x - x.mean(axis=0)
    length = np.linalg.norm(centred, axis=0)
    if (length == 0).any():
        return None
    # The diagonal of the inverse of the correlations, from the triangular factor to keep the digits.
    inverse_r = np.linalg.pinv(np.linalg.qr(centred / length, mode="r"))
    return float((inverse_r**2).sum(axis=1).max())


# --- maximum likelihood --------------------------------------------------------------------------------------------

Derivatives = tuple[float, "np.ndarray", "np.ndarray"]
"""Log-likelihood, scores (rows × parameters), Hessian (parameters × parameters)."""


def maximize(
    evaluate_at: Callable[[np.ndarray], Derivatives], start: np.ndarray
) -> tuple[np.ndarray, Derivatives, str]:
    """Maximize a log-likelihood by Newton's method with step halving.

    Where the Hessian is not negative definite its eigenvalues are turned so. The end is reached when the next step
    would gain less than 1e-12 of the log-likelihood, judged by half the gradient's squared length in the metric of the
    Hessian.

    Returns
    -------
    tuple
        Parameters, derivatives there, and ``converged``; ``diverging`` if the gain fell by a constant share a step at
        the end, as it does on the way to a maximum at infinity (at a finite one it falls ever faster); ``stalled``.
    """
    import numpy as np

    params, gain_before = start, np.inf
    value, scores, hessian = evaluate_at(params)
    for _ in range(MAXIMUM_ITERATIONS):
        gradient = scores.sum(axis=0)
        roots, vectors = np.linalg.eigh(-hessian)
        roots = np.maximum(np.abs(roots), 1e-10 * max(np.abs(roots).max(), 1e-300))
        step = vectors @ ((vectors.T @ gradient) / roots)
        gain = float(gradient @ step) / 2
        # A long step is cut: quadratic models are not to be trusted far away.
        length = min(1.0, 5.0 * max(1.0, np.abs(params).max()) / max(np.abs(step).max(), 1e-300))
        trial = evaluate_at(params + length * step)
        for _ in range(40):
            if trial[0] >= value - 1e-9 * abs(value):
                break
            length /= 2
            trial = evaluate_at(params + length * step)
        else:
            return params, (value, scores, hessian), "stalled"
        params, (value, scores, hessian) = params + length * step, trial
        if gain < 1e-12 * max(abs(value), 1.0):
            end = "diverging" if gain > 0.1 * gain_before else "converged"
            return params, (value, scores, hessian), end
        gain_before = gain
    return params, (value, scores, hessian), "stalled"


def differentiate_logit(params: np.ndarray, x: np.ndarray, y: np.ndarray) -> Derivatives:
    """Log-likelihood of a logit with its derivatives; y is 0 or 1."""
    import numpy as np
    from scipy.special import expit

    eta = x @ params
    mean = expit(eta)
    value = float((y * eta - np.logaddexp(0, eta)).sum())
    return value, x * (y - mean)[:, None], -(x * (mean * (1 - mean))[:, None]).T @ x


def differentiate_ordered_logit(params: np.ndarray, x: np.ndarray, y: np.ndarray) -> Derivatives:
    """Log-likelihood of an ordered logit (McCullagh 1980) with its derivatives.

    P(y <= j) = L(t_j - x'b); ``params`` are b, then the thresholds t_0 < t_1 < …; y is 0, 1, …
    """
    import numpy as np
    from scipy.special import expit

    n, k = x.shape
    cuts = np.concatenate([[-np.inf], params[k:], [np.inf]])
    if (np.diff(params[k:]) <= 0).any():
        return -np.inf, np.zeros((n, len(params))), -np.eye(len(params))
    eta = x @ params[:k]
    upper, lower = cuts[y + 1] - eta, cuts[y] - eta
    # L(u) - L(l) = L(u) (1 - L(l)) (1 - exp(l - u)), which keeps its digits in the tails.
    with np.errstate(all="ignore"):
        log_p = -np.logaddexp(0, -upper) - np.logaddexp(0, lower) + np.log1p(-np.exp(lower - upper))
        p = np.exp(log_p)
        f_u, f_l = expit(upper) * expit(-upper), expit(lower) * expit(-lower)
        d_u, d_l = f_u / p, -f_l / p
        slope_u, slope_l = f_u * (expit(-upper) - expit(upper)), f_l * (expit(-lower) - expit(lower))
        h_uu, h_ll, h_ul = slope_u / p - d_u**2, -slope_l / p - d_l**2, -d_u * d_l
    value = float(log_p.sum())
    if not np.isfinite(value):
        return -np.inf, np.zeros((n, len(params))), -np.eye(len(params))
    thresholds = len(params) - k
    upper_of = (y[:, None] == np.arange(thresholds)).astype(float)
    lower_of = (y[:, None] == np.arange(thresholds) + 1).astype(float)
    du, dl = np.hstack([-x, upper_of]), np.hstack([-x, lower_of])
    scores = du * d_u[:, None] + dl * d_l[:, None]
    cross = (du * h_ul[:, None]).T @ dl
    return value, scores, (du * h_uu[:, None]).T @ du + (dl * h_ll[:, None]).T @ dl + cross + cross.T


def differentiate_poisson(params: np.ndarray, x: np.ndarray, y: np.ndarray) -> Derivatives:
    """Log-likelihood of a Poisson regression without its constant, with its derivatives."""
    import numpy as np

    eta = np.minimum(x @ params, 700.0)
    mean = np.exp(eta)
    return float((y * eta - mean).sum()), x * (y - mean)[:, None], -(x * mean[:, None]).T @ x


def differentiate_negative_binomial(params: np.ndarray, x: np.ndarray, y: np.ndarray) -> Derivatives:
    """Log-likelihood of an NB2 regression (variance m + a m²) with its derivatives; the last parameter is ln a."""
    import numpy as np
    from scipy.special import digamma, gammaln, polygamma

    eta = np.minimum(x @ params[:-1], 700.0)
    mean, size = np.exp(eta), np.exp(-params[-1])
    value = gammaln(y + size) - gammaln(size) - gammaln(y + 1)
    value = value - size * np.log1p(mean / size) + y * (eta - np.log(size + mean))
    d_eta = (y - mean) * size / (size + mean)
    d_size = digamma(y + size) - digamma(size) - np.log1p(mean / size) + 1 - (size + y) / (size + mean)
    h_eta = -mean * size * (y + size) / (size + mean) ** 2
    h_cross = (y - mean) * mean / (size + mean) ** 2
    h_size = polygamma(1, y + size) - polygamma(1, size) + 1 / size - 2 / (size + mean)
    h_size = h_size + (size + y) / (size + mean) ** 2
    hessian = np.empty((len(params), len(params)))
    hessian[:-1, :-1] = (x * h_eta[:, None]).T @ x
    hessian[:-1, -1] = hessian[-1, :-1] = -size * (x.T @ h_cross)
    hessian[-1, -1] = size**2 * h_size.sum() + size * d_size.sum()
    return float(value.sum()), np.column_stack([x * d_eta[:, None], -size * d_size]), hessian


def fit_likelihood(
    estimator: str,
    x: np.ndarray,
    y: np.ndarray,
    names: Sequence[str],
    covariance: str = "classical",
    clusters: np.ndarray | None = None,
    categories: Sequence[str] = (),
) -> Estimate:
    """Fit a logit, ordered logit or negative binomial model by maximum likelihood.

    Parameters
    ----------
    x
        Design matrix with the intercept first (it is taken out for the ordered logit).
    y
        0 and 1; positions of the ordered categories from 0; or counts.
    covariance
        ``classical``: inverse of the information, observed for logit and ordered logit; for the negative binomial
        the expected information of the coefficients and the observed one of alpha, taken as unrelated
        (as MASS::glm.nb does). ``cluster``: sandwich of that with the clusters' scores, times G/(G-1).
    categories
        Codes of the ordered categories, to name the thresholds.

    Returns
    -------
    Estimate
        Thresholds are terms ``threshold[1|2]``, the dispersion is the term ``alpha`` (variance m + alpha m²), its
        standard error by the delta method. Normal reference (df None), for clusters t with G - 1.

    Raises
    ------
    FitError
        For linear combinations among the columns, separation, no maximum, or counts without overdispersion.
    """
    import numpy as np

    solve_least_squares(x, y.astype(float), names)
    n, width = x.shape
    # Columns of comparable size make the Hessian well conditioned.
    scale = np.sqrt((x**2).mean(axis=0))
    z = x / scale
    share = np.bincount(y.astype(int)).cumsum()[:-1] / n
    if estimator == "logit":
        start = np.zeros(width)
        start[0] = np.log(y.mean() / (1 - y.mean())) * scale[0]
        params, derivatives, end = maximize(lambda at: differentiate_logit(at, z, y), start)
        terms, null = list(names), float(n * (y.mean() * np.log(y.mean()) + (1 - y.mean()) * np.log(1 - y.mean())))
    elif estimator == "ordered_logit":
        z, scale = z[:, 1:], np.concatenate([scale[1:], np.ones(len(share))])
        start = np.concatenate([np.zeros(width - 1), np.log(share / (1 - share))])
        params, derivatives, end = maximize(lambda at: differentiate_ordered_logit(at, z, y), start)
        terms = [*names[1:], *(f"threshold[{low}|{high}]" for low, high in pairwise(categories))]
        counts = np.bincount(y)
        null = float((counts * np.log(counts / n)).sum())
    else:
        start = np.zeros(width)
        start[0] = np.log(y.mean())
        start, _, _ = maximize(lambda at: differentiate_poisson(at, z, y), start)
        params, derivatives, end = _maximize_negative_binomial(z, y, start)
        scale = np.concatenate([scale, [1.0]])
        terms = [*names, "alpha"]
        constant = np.ones((n, 1))
        null = _maximize_negative_binomial(constant, y, np.array([np.log(y.mean())]))[1][0]
    value, scores, hessian = derivatives
    # Nothing known about a coefficient even with all others given: its estimate is on the way to infinity.
    vague = [name for name, known in zip(terms, -np.diag(hessian), strict=True) if name != "alpha" and known < 1e-4]
    if end != "converged" or vague:
        raise FitError(describe_no_maximum(estimator, x, y, names, vague, end))
    if estimator == "negative_binomial":
        mean = np.exp(z @ params[:-1])
        alpha = float(np.exp(params[-1]))
        bread = np.zeros_like(hessian)
        bread[:-1, :-1] = np.linalg.inv((z * (mean / (1 + alpha * mean))[:, None]).T @ z)
        bread[-1, -1] = -1 / hessian[-1, -1]
        params = np.append(params[:-1], alpha)
        scale[-1] = 1 / alpha
        unscaled = np.append(params[:-1] / scale[:-1], alpha)
    else:
        bread = np.linalg.inv(-hessian)
        unscaled = params / scale
    if covariance == "classical":
        cov, df, rule = bread, None, "normal"
    else:
        groups = _count_clusters(clusters)
        assert clusters is not None
        sums = sum_clusters(scores, clusters)
        cov = groups / (groups - 1) * bread @ (sums.T @ sums) @ bread
        df, rule = groups - 1, "G/(G-1), t(G-1)"
    cov = cov / np.outer(scale, scale)
    fit = {
        "pseudo_r_squared": 1 - value / null,
        "log_likelihood": value,
        "aic": -2 * value + 2 * len(terms),
        "bic": -2 * value + float(np.log(n)) * len(terms),
        "converged": True,
        "max_vif": None,
    }
    return Estimate(terms, unscaled, cov, df, rule, fit)


def _maximize_negative_binomial(x: np.ndarray, y: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, Derivatives, str]:
    import numpy as np

    mean = np.exp(x @ start)
    excess = float((((y - mean) ** 2 - y) / mean**2).mean())
    first = np.append(start, np.log(min(max(excess, 0.1), 10.0)))
    found = maximize(lambda at: differentiate_negative_binomial(at, x, y), first)
    if found[0][-1] < np.log(1e-5):
        raise FitError("the counts are not overdispersed: alpha goes to 0, and a Poisson model would do")
    return found


def describe_no_maximum(
    estimator: str, x: np.ndarray, y: np.ndarray, names: Sequence[str], vague: Sequence[str], end: str
) -> str:
    """Say why a likelihood has no maximum: the terms that separate the outcome, where they can be named."""
    separating = []
    for name, column in zip(names, x.T, strict=True):
        values = set(column.tolist())
        if len(values) == 2:
            for value in values:
                outcomes = set(y[column == value].tolist())
                if len(outcomes) == 1 and (estimator != "negative_binomial" or outcomes == {0}):
                    separating.append(f"{name} = {value:g} (all {len(y[column == value])} rows have the same outcome)")
    if separating:
        return f"perfect separation: {'; '.join(separating[:3])}; the coefficient has no finite estimate"
    if vague or end == "diverging":
        listed = f" (among them {', '.join(vague[:4])})" if vague else ""
        return (
            f"separation: some of the terms{listed} predict the outcome without error, so there is no finite estimate"
        )
    return f"no convergence within {MAXIMUM_ITERATIONS} iterations"
