"""Estimators on plain arrays: least squares, logit, ordered logit, negative binomial, with their covariances.

Fits, likelihoods, scores and information come from statsmodels; the tests hold the numbers here against R and against
NIST's certified values. What is added or replaced, with the reason measured on statsmodels 0.15:

- Least squares get one step of refinement: without it Longley has 10.9 correct digits and Wampler5 5.8, with it 14 and
  9. The pseudoinverse is used, since ``fit(method="qr")`` gives Filip standard errors that are 92 % off.
- Covariances: the clustered one of statsmodels multiplies likelihood models by (n-1)/(n-k), which R and Stata do
  not, and its HC3 knows no absorbed intercepts.
- The last steps of Newton's method: that of statsmodels does not check them, and a step to a negative dispersion sends
  the Hessian of its negative binomial into a loop (stopped after four minutes).
- The ordered logit has its own exact derivatives, maximized by scipy. ``OrderedModel`` differentiates numerically: for
  1,867 rows and 39 parameters 6.1 s (of it 2.0 s for the Hessian) against 0.6 s, without reaching convergence at gtol
  1e-9, with standard errors off by 1.5e-5.
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
NEWTON_STEPS = 20
"""Newton steps after a quasi-Newton climb; fewer than ten reach a finite maximum, no number reaches one at infinity."""


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


# --- what all estimators share ---------------------------------------------------------------------------------------


def check_rank(x: np.ndarray, names: Sequence[str]) -> None:
    """Check by a QR decomposition with column pivoting that no column is a linear combination of others.

    Raises
    ------
    FitError
        Names such columns and those that determine them.

    Examples
    --------
    >>> import numpy as np
    >>> check_rank(np.column_stack([np.ones(3), [0.0, 1.0, 2.0]]), ["Intercept", "x"])
    """
    import numpy as np
    from scipy.linalg import qr

    lengths = np.linalg.norm(x, axis=0)
    scaled = x / np.where(lengths > 0, lengths, 1.0)
    r, _ = qr(scaled, mode="r", pivoting=True)
    if len(x) < x.shape[1] or (np.abs(np.diag(r)) < RANK_TOLERANCE).any():
        raise FitError(describe_aliased(scaled, names))


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


def find_clustered_covariance(
    bread: np.ndarray, scores: np.ndarray, clusters: np.ndarray | None
) -> tuple[np.ndarray, int]:
    """Give the sandwich of a bread with the outer products of the clusters' summed scores, and the number of clusters.

    The covariance is G/(G-1) · B (Σ s s') B with s the sum of a cluster's scores (Liang and Zeger 1986).

    Parameters
    ----------
    bread, scores
        Inverse information (k × k) and each row's scores (n × k).
    clusters
        Number of each row's cluster, from 0.

    Raises
    ------
    FitError
        For fewer than two clusters.

    Examples
    --------
    >>> import numpy as np
    >>> find_clustered_covariance(np.eye(1), np.array([[1.0], [2.0], [-3.0]]), np.array([0, 0, 1]))[0].tolist()
    [[36.0]]
    """
    from statsmodels.stats.sandwich_covariance import S_crosssection

    if clusters is None or (groups := int(clusters.max()) + 1) < 2:
        raise FitError("clustered standard errors need two clusters or more, here is one")
    return groups / (groups - 1) * bread @ S_crosssection(scores, clusters) @ bread, groups


# --- least squares -------------------------------------------------------------------------------------------------


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
    from statsmodels.regression.linear_model import OLS
    from statsmodels.tools.grouputils import group_sums

    n, k = x.shape
    absorbed = 0
    if cells is not None:
        absorbed = int(cells.max()) + 1
        sizes = np.bincount(cells)
        means = group_sums(np.column_stack([x, y]), cells) / sizes[:, None]
        flat = np.abs(x).max(axis=0) * 1e-12
        x, y = x - means[cells, :-1], y - means[cells, -1]
        # What is constant within cells leaves rounding behind, which must not pass for variation.
        x = np.where(np.abs(x).max(axis=0) <= flat, 0.0, x)
    if n <= k + absorbed:
        raise FitError(f"{n} rows cannot carry {k + absorbed} terms")
    check_rank(x, names)
    # Powers of two, so that scaling rounds nothing.
    scale = np.exp2(np.round(np.log2(np.linalg.norm(x, axis=0))))
    model = OLS(y, x / scale, hasconst=cells is None)
    solved = model.fit()
    # One step of refinement with X'e in extended precision (corrected seminormal equations, Björck 1987).
    exact_x = model.exog.astype(np.longdouble)
    params = solved.params.astype(np.longdouble)
    gradient = np.asarray(exact_x.T @ (y - exact_x @ params), dtype=float)
    params = params + model.pinv_wexog @ (model.pinv_wexog.T @ gradient)
    residuals = np.asarray(y - exact_x @ params, dtype=float)
    params = np.asarray(params, dtype=float) / scale
    inverse = solved.normalized_cov_params / np.outer(scale, scale)
    residual_sum = float(residuals @ residuals)
    df: float = n - k - absorbed
    if covariance == "classical":
        cov, rule = inverse * residual_sum / df, "t(n-k)"
    elif covariance == "HC3":
        leverages = (model.exog * model.pinv_wexog.T).sum(axis=1) + (1 / sizes[cells] if cells is not None else 0)
        if (alone := leverages > 1 - 1e-10).any():
            loaded = [name for name, column in zip(names, x.T, strict=True) if _is_alone(column, alone)]
            terms = f" ({', '.join(loaded[:4])})" if loaded else ""
            raise FitError(f"HC3 is undefined: {int(alone.sum())} rows alone determine a coefficient{terms}")
        scores = x * (residuals / (1 - leverages))[:, None]
        cov, rule = inverse @ (scores.T @ scores) @ inverse, "HC3, t(n-k)"
    else:
        cov, groups = find_clustered_covariance(inverse, x * residuals[:, None], clusters)
        counted = k + absorbed
        if cells is not None:
            assert clusters is not None
            within = len(np.unique(np.column_stack([cells, clusters]), axis=0)) == absorbed
            counted = k + (1 if within else absorbed)
        cov = cov * (n - 1) / (n - counted)
        df, rule = groups - 1, "CR1: G/(G-1) (n-1)/(n-k), t(G-1)"
    total_sum = float(((y - y.mean()) ** 2).sum())
    r_squared = 1 - residual_sum / total_sum
    log_likelihood = -n / 2 * (np.log(2 * np.pi * max(residual_sum, np.finfo(float).tiny) / n) + 1)
    parameters = k + absorbed + 1
    # A column's variance inflation is its share of the inverse times its sum of squares about the mean.
    inflation = np.diag(inverse) * ((x - x.mean(axis=0)) ** 2).sum(axis=0)
    intercept = 1 if cells is None else absorbed
    fit = {
        "r_squared": r_squared,
        "r_squared_adjusted": 1 - (1 - r_squared) * (n - intercept) / (n - k - absorbed),
        "residual_sd": float(np.sqrt(residual_sum / (n - k - absorbed))),
        "log_likelihood": float(log_likelihood),
        "aic": float(-2 * log_likelihood + 2 * parameters),
        "bic": float(-2 * log_likelihood + np.log(n) * parameters),
        "converged": True,
        "max_vif": float(inflation.max()) or None,
    }
    return Estimate(list(names), params, cov, df, rule, fit)


def _is_alone(column: np.ndarray, alone: np.ndarray) -> bool:
    return bool(column[alone].any()) and not column[~alone].any()


# --- maximum likelihood --------------------------------------------------------------------------------------------

Derivatives = tuple[float, "np.ndarray", "np.ndarray"]
"""Log-likelihood, scores (rows × parameters), Hessian (parameters × parameters)."""
Maximum = tuple["np.ndarray", float, "np.ndarray", "np.ndarray", bool]
"""Parameters, log-likelihood, scores, Hessian, converged."""


def maximize(model: Any, start: np.ndarray | None = None) -> Maximum:
    """Maximize a model of statsmodels by BFGS, then by Newton's method."""
    import warnings

    import numpy as np

    def evaluate(at: np.ndarray) -> Derivatives:
        if np.isfinite(value := float(model.loglike(at))):
            return value, model.score_obs(at), model.hessian(at)
        return value, np.full((len(model.exog), len(at)), np.nan), np.full((len(at), len(at)), np.nan)

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        options = {"disp": 0, "skip_hessian": True, "warn_convergence": False}
        near = model.fit(start_params=start, method="bfgs", maxiter=500, gtol=1e-8, **options).params
        return finish(model.exog, near, evaluate)


def finish(x: np.ndarray, params: np.ndarray, evaluate: Callable[[np.ndarray], Derivatives]) -> Maximum:
    """Take a likelihood from near its maximum to the last digits by Newton's method.

    The end is a step that moves no linear predictor (and no threshold or dispersion) by 1e-8. On the way to a maximum
    at infinity each step moves some by about 1, so that the steps do not suffice.
    """
    import numpy as np

    converged = False
    value, scores, hessian = evaluate(params)
    for _ in range(NEWTON_STEPS):
        try:
            step = np.linalg.solve(-hessian, scores.sum(axis=0))
        except np.linalg.LinAlgError:
            break
        trial = evaluate(params + step)
        if not np.isfinite(trial[0]):
            break
        params, (value, scores, hessian) = params + step, trial
        moved = np.concatenate([x @ step[: x.shape[1]], step[x.shape[1] :]])
        if converged := bool(np.abs(moved).max() < 1e-8):
            break
    return params, value, scores, hessian, converged


def maximize_negative_binomial(x: np.ndarray, y: np.ndarray) -> Maximum:
    """Maximize the likelihood of an NB2 regression (variance m + a m²); the last parameter is a.

    Raises
    ------
    FitError
        If a goes to 0.
    """
    import numpy as np
    from statsmodels.discrete.discrete_model import NegativeBinomial, Poisson

    start = maximize(Poisson(y, x, check_rank=False))[0]
    mean = np.exp(x @ start)
    excess = (y - mean) ** 2 - y
    first = np.append(start, np.clip((excess / np.maximum(mean, 1e-6) ** 2).mean(), 0.1, 10.0))
    found = maximize(NegativeBinomial(y, x, check_rank=False), first)
    # Half the sum of the excess is the likelihood's slope in alpha where alpha is 0.
    if found[0][-1] < 1e-5 or (excess.sum() <= 0 and not found[-1]):
        raise FitError("the counts are not overdispersed: alpha goes to 0, and a Poisson model would do")
    return found


def maximize_ordered_logit(x: np.ndarray, y: np.ndarray) -> Maximum:
    """Maximize the likelihood of an ordered logit: by trust regions, then by Newton's method to the last digits."""
    import numpy as np
    from scipy.optimize import minimize

    share = np.bincount(y).cumsum()[:-1] / len(y)
    params = minimize(
        lambda at: -differentiate_ordered_logit(at, x, y)[0] / len(y),
        np.concatenate([np.zeros(x.shape[1]), np.log(share / (1 - share))]),
        jac=lambda at: -differentiate_ordered_logit(at, x, y)[1].mean(axis=0),
        hess=lambda at: -differentiate_ordered_logit(at, x, y)[2] / len(y),
        method="trust-exact",
        options={"gtol": 1e-5, "maxiter": 200},
    ).x
    return finish(x, params, lambda at: differentiate_ordered_logit(at, x, y))


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

    check_rank(x, names)
    n, width = x.shape
    # Columns of comparable size make the Hessian well conditioned.
    scale = np.sqrt((x**2).mean(axis=0))
    z = x / scale
    if estimator == "ordered_logit":
        found = maximize_ordered_logit(z[:, 1:], y)
        terms = [*names[1:], *(f"threshold[{low}|{high}]" for low, high in pairwise(categories))]
        scale = np.concatenate([scale[1:], np.ones(len(terms) - width + 1)])
    elif estimator == "logit":
        from statsmodels.discrete.discrete_model import Logit

        found, terms = maximize(Logit(y, z, check_rank=False)), list(names)
    else:
        found, terms, scale = maximize_negative_binomial(z, y), [*names, "alpha"], np.append(scale, 1.0)
    params, value, scores, hessian, converged = found
    # Nothing known about a coefficient even with all others given: its estimate is on the way to infinity.
    vague = [name for name, known in zip(terms, -np.diag(hessian), strict=True) if name != "alpha" and known < 1e-4]
    if not converged or vague or not np.isfinite([value, *params]).all():
        used = z[:, 1:] if estimator == "ordered_logit" else z
        is_extreme = bool(np.ptp(used @ params[: used.shape[1]]) > 15)
        raise FitError(describe_no_maximum(estimator, x, y, names, vague, is_extreme))
    if estimator == "negative_binomial":
        null = maximize_negative_binomial(np.ones((n, 1)), y)[1]
        mean = np.exp(z @ params[:-1])
        bread = np.zeros_like(hessian)
        bread[:-1, :-1] = np.linalg.inv((z * (mean / (1 + params[-1] * mean))[:, None]).T @ z)
        bread[-1, -1] = -1 / hessian[-1, -1]
    else:
        counts = np.bincount(y.astype(int))
        null = float((counts * np.log(counts / n)).sum())
        bread = np.linalg.inv(-hessian)
    if covariance == "classical":
        cov, df, rule = bread, None, "normal"
    else:
        cov, groups = find_clustered_covariance(bread, scores, clusters)
        df, rule = groups - 1, "G/(G-1), t(G-1)"
    fit = {
        "pseudo_r_squared": 1 - value / null,
        "log_likelihood": value,
        "aic": -2 * value + 2 * len(terms),
        "bic": -2 * value + float(np.log(n)) * len(terms),
        "converged": True,
        "max_vif": None,
    }
    return Estimate(terms, params / scale, cov / np.outer(scale, scale), df, rule, fit)


def describe_no_maximum(
    estimator: str, x: np.ndarray, y: np.ndarray, names: Sequence[str], vague: Sequence[str], is_extreme: bool
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
    if vague or is_extreme:
        listed = f" (among them {', '.join(vague[:4])})" if vague else ""
        return (
            f"separation: some of the terms{listed} predict the outcome without error, so there is no finite estimate"
        )
    return f"no convergence within {NEWTON_STEPS} last steps of Newton's method"
