"""Estimators on plain arrays: least squares, logit, ordered logit, negative binomial, with their covariances.

Least squares come from statsmodels, likelihoods are maximized by scipy; the tests hold the numbers against R and
NIST's certified values. What is added or replaced, with the reason measured on statsmodels 0.15:

- Least squares get one step of refinement: without it Longley has 10.9 correct digits and Wampler5 5.8, with it 14 and
  9. The pseudoinverse is used, since ``fit(method="qr")`` gives Filip standard errors that are 92 % off.
- Covariances: the clustered one of statsmodels multiplies likelihood models by (n-1)/(n-k), which R and Stata do
  not, and its HC3 knows no absorbed intercepts.
- Likelihoods have exact derivatives here. ``Logit``, ``NegativeBinomial`` and ``OrderedModel`` ignore weights without a
  word. ``OrderedModel`` differentiates numerically: for 1,867 rows and 39 parameters 6.1 s (of it 2.0 s for the
  Hessian) against 0.6 s, without reaching convergence at gtol 1e-9, with standard errors off by 1.5e-5; and a step
  to a negative dispersion sends the Hessian of ``NegativeBinomial`` into a loop (stopped after four minutes).

With probability weights w an estimate solves the weighted score equations, sum w s = 0 (pseudo-likelihood, Binder
1983). Only their ratios matter: they are scaled to mean 1. What rests on a likelihood of independent rows (AIC, BIC,
the log-likelihood of least squares) is then left out, and the log-likelihood of the other estimators is the pseudo-one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
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
    classical: np.ndarray | None = None
    """Of least squares also the classical covariance, which the F of a block's change rests on."""


@dataclass(frozen=True)
class Sampling:
    """How the rows of a fit were drawn, for a design-based covariance.

    Attributes
    ----------
    stratum, cluster
        Stratum and primary sampling unit of every row of the sample, those outside the fit among them: the fit is to a
        domain, whose size is left to chance.
    rows
        Place in the sample of each row of the fit.
    population
        Number of primary sampling units in the population of each row's stratum; None without a correction for finite
        populations.
    """

    stratum: np.ndarray
    cluster: np.ndarray
    rows: np.ndarray
    population: np.ndarray | None = None


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


def find_sampling_covariance(
    bread: np.ndarray, scores: np.ndarray, sampling: Sampling | None, terms: int
) -> tuple[np.ndarray, float, str]:
    """Give the linearized covariance of a fit under its sampling design, its degrees of freedom and the rule.

    The covariance is B V B with V the variance between the primary sampling units of a stratum of their summed
    (weighted) scores, units outside the fit counting with 0 (Binder 1983); degrees of freedom are units - strata + 1
    - k, of those in the fit, as R's ``svyglm`` has them.

    Raises
    ------
    FitError
        If the design leaves no degrees of freedom.
    """
    import numpy as np

    from firmties.survey_design import sum_squares

    assert sampling is not None
    units, strata = (len(np.unique(of[sampling.rows])) for of in (sampling.cluster, sampling.stratum))
    df = units - strata + 1 - terms
    if df < 1:
        raise FitError(f"{units} sampling units in {strata} strata cannot carry {terms} terms")
    whole = np.zeros((len(sampling.cluster), scores.shape[1]))
    whole[sampling.rows] = scores
    middle = sum_squares(whole, sampling.stratum, sampling.cluster, sampling.population)
    finite = "" if sampling.population is None else ", finite population"
    return bread @ middle @ bread, df, f"linearized{finite}, t(units-strata+1-k)"


def scale_weights(weights: np.ndarray | None, n: int) -> np.ndarray:
    """Scale weights to mean 1; without weights, n ones.

    Raises
    ------
    FitError
        If a weight is not positive.
    """
    import numpy as np

    if weights is None:
        return np.ones(n)
    if not (weights > 0).all():
        raise FitError(f"{int((~(weights > 0)).sum())} weights are not positive")
    return np.asarray(weights / weights.mean())


# --- least squares -------------------------------------------------------------------------------------------------


def fit_ols(
    x: np.ndarray,
    y: np.ndarray,
    names: Sequence[str],
    covariance: str = "classical",
    clusters: np.ndarray | None = None,
    cells: np.ndarray | None = None,
    weights: np.ndarray | None = None,
    sampling: Sampling | None = None,
) -> Estimate:
    """Fit a linear model by least squares, ordinary or weighted.

    Parameters
    ----------
    x, y
        Design matrix (n × k, no missing values) and outcome (n).
    covariance
        ``classical`` s² (X'X)^-1; ``HC3`` (MacKinnon and White 1985), squared residuals over (1 - h)²; ``cluster``,
        CR1 (Liang and Zeger 1986) with the factor G/(G-1) · (n-1)/(n-k); ``design``, linearized (Binder 1983) with
        the variance between primary sampling units of a stratum. With weights W the sandwich is
        (X'WX)^-1 M (X'WX)^-1 with scores w x e and leverages of √w x.
    clusters
        Number of each row's cluster, from 0.
    cells
        Number of each row's absorbed intercept, from 0; x (without intercept) and y are then taken as
        deviations from their (weighted) cell means. R² is then that within cells.
    weights
        Probability weights, all positive; None for none.
    sampling
        How the rows were drawn, for ``design``.

    Returns
    -------
    Estimate
        t reference with n - k degrees of freedom, for clusters G - 1, for a design units - strata + 1 - k. With
        absorbed intercepts k counts them all, but those that lie within clusters only once (as Stata's ``xtreg, fe``
        does). With weights R² is that of the weighted sums of squares.

    Raises
    ------
    FitError
        For linear combinations among the columns, more terms than rows, leverage of 1 under HC3, one cluster, a design
        with as many terms as units.
    """
    import numpy as np
    from statsmodels.regression.linear_model import OLS
    from statsmodels.tools.grouputils import group_sums

    n, k = x.shape
    w = scale_weights(weights, n)
    absorbed = 0
    if cells is not None:
        absorbed = int(cells.max()) + 1
        sizes = np.bincount(cells, w)
        means = group_sums(np.column_stack([x, y]) * w[:, None], cells) / sizes[:, None]
        flat = np.abs(x).max(axis=0) * 1e-12
        x, y = x - means[cells, :-1], y - means[cells, -1]
        # What is constant within cells leaves rounding behind, which must not pass for variation.
        x = np.where(np.abs(x).max(axis=0) <= flat, 0.0, x)
    if n <= k + absorbed:
        raise FitError(f"{n} rows cannot carry {k + absorbed} terms")
    check_rank(x, names)
    total_sum = float((w * (y - np.average(y, weights=w)) ** 2).sum())
    spread = (w[:, None] * (x - np.average(x, axis=0, weights=w)) ** 2).sum(axis=0)
    root = np.sqrt(w)
    x, y = x * root[:, None], y * root
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
    classical = inverse * residual_sum / df
    # Intercepts that lie within units count once, as one mean is taken of each.
    units = clusters if sampling is None else np.unique(sampling.cluster[sampling.rows], return_inverse=True)[1]
    counted = k + absorbed
    if cells is not None and units is not None:
        within = len(np.unique(np.column_stack([cells, units]), axis=0)) == absorbed
        counted = k + (1 if within else absorbed)
    if covariance == "classical":
        cov, rule = classical, "t(n-k)"
    elif covariance == "HC3":
        leverages = (model.exog * model.pinv_wexog.T).sum(axis=1) + (w / sizes[cells] if cells is not None else 0)
        if (alone := leverages > 1 - 1e-10).any():
            loaded = [name for name, column in zip(names, x.T, strict=True) if _is_alone(column, alone)]
            terms = f" ({', '.join(loaded[:4])})" if loaded else ""
            raise FitError(f"HC3 is undefined: {int(alone.sum())} rows alone determine a coefficient{terms}")
        scores = x * (residuals / (1 - leverages))[:, None]
        cov, rule = inverse @ (scores.T @ scores) @ inverse, "HC3, t(n-k)"
    elif covariance == "design":
        cov, df, rule = find_sampling_covariance(inverse, x * residuals[:, None], sampling, counted)
    else:
        cov, groups = find_clustered_covariance(inverse, x * residuals[:, None], clusters)
        cov = cov * (n - 1) / (n - counted)
        df, rule = groups - 1, "CR1: G/(G-1) (n-1)/(n-k), t(G-1)"
    r_squared = 1 - residual_sum / total_sum
    # A column's variance inflation is its share of the inverse times its sum of squares about the mean.
    inflation = np.diag(inverse) * spread
    intercept = 1 if cells is None else absorbed
    fit: dict[str, Any] = {
        "r_squared": r_squared,
        "r_squared_adjusted": 1 - (1 - r_squared) * (n - intercept) / (n - k - absorbed),
        "converged": True,
        "max_vif": float(inflation.max()) or None,
    }
    if weights is None:
        log_likelihood = -n / 2 * (np.log(2 * np.pi * max(residual_sum, np.finfo(float).tiny) / n) + 1)
        parameters = k + absorbed + 1
        fit |= {
            "residual_sd": float(np.sqrt(residual_sum / (n - k - absorbed))),
            "log_likelihood": float(log_likelihood),
            "aic": float(-2 * log_likelihood + 2 * parameters),
            "bic": float(-2 * log_likelihood + np.log(n) * parameters),
        }
    return Estimate(list(names), params, cov, df, rule, fit, classical)


def _is_alone(column: np.ndarray, alone: np.ndarray) -> bool:
    return bool(column[alone].any()) and not column[~alone].any()


# --- maximum likelihood --------------------------------------------------------------------------------------------

Derivatives = tuple[float, "np.ndarray", "np.ndarray"]
"""Log-likelihood, scores (rows × parameters), Hessian (parameters × parameters), all weighted."""
Maximum = tuple["np.ndarray", float, "np.ndarray", "np.ndarray", bool]
"""Parameters, log-likelihood, scores, Hessian, converged."""
Evaluate = Callable[["np.ndarray"], Derivatives]


def climb(start: np.ndarray, evaluate: Evaluate, n: int) -> np.ndarray:
    """Come near the maximum of a log-likelihood of n rows by trust regions."""
    import numpy as np
    from scipy.optimize import minimize

    known: dict[bytes, Derivatives] = {}

    def look_up(at: np.ndarray) -> Derivatives:
        # scipy asks for value, gradient and Hessian of the same point one by one.
        key = at.tobytes()
        if key not in known:
            known.clear()
            known[key] = evaluate(at)
        return known[key]

    def slope(at: np.ndarray) -> np.ndarray:
        return -look_up(at)[1].sum(axis=0) / n

    with np.errstate(all="ignore"):
        found = minimize(
            lambda at: -look_up(at)[0] / n,
            start,
            jac=slope,
            hess=lambda at: -look_up(at)[2] / n,
            method="trust-exact",
            options={"gtol": 1e-5, "maxiter": 200},
        )
    return np.asarray(found.x)


def finish(x: np.ndarray, params: np.ndarray, evaluate: Evaluate) -> Maximum:
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


def maximize(estimator: str, x: np.ndarray, y: np.ndarray, w: np.ndarray, start: np.ndarray | None = None) -> Maximum:
    """Maximize a log-likelihood: by trust regions, then by Newton's method to the last digits.

    Parameters
    ----------
    w
        Weights.
    start
        Parameters to begin from, such as those of a fit to almost the same rows; if Newton's method does not reach a
        maximum from there at once, they are not used.

    Raises
    ------
    FitError
        If the dispersion of a negative binomial model goes to 0.
    """
    import numpy as np

    derivatives = {
        "logit": differentiate_logit,
        "ordered_logit": differentiate_ordered_logit,
        "negative_binomial": differentiate_negative_binomial,
    }
    evaluate = partial(derivatives[estimator], x=x, y=y, w=w)
    if start is not None and (found := finish(x, start, evaluate))[-1] and _is_peak(found[3]):
        return found
    if estimator == "ordered_logit":
        share = np.bincount(y, w).cumsum()[:-1] / w.sum()
        first = np.concatenate([np.zeros(x.shape[1]), np.log(share / (1 - share))])
        return finish(x, climb(first, evaluate, len(y)), evaluate)
    first = np.zeros(x.shape[1])
    if estimator == "logit":
        return finish(x, climb(first, evaluate, len(y)), evaluate)
    # The dispersion climbs by its logarithm, which has no bound.
    mean = float(np.average(y, weights=w))
    excess = float(np.average((y - mean) ** 2, weights=w)) - mean
    first = np.linalg.lstsq(x, np.full(len(y), np.log(max(mean, 1e-6))), rcond=None)[0]
    near = climb(np.append(first, np.log(np.clip(excess / mean**2, 0.1, 10.0))), _by_logarithm(evaluate), len(y))
    found = finish(x, np.append(near[:-1], np.exp(near[-1])), evaluate)
    fitted = np.exp(x @ found[0][:-1])
    # Half the sum of the excess is the likelihood's slope in alpha where alpha is 0.
    if found[0][-1] < 1e-5 or ((w * ((y - fitted) ** 2 - y)).sum() <= 0 and not found[-1]):
        raise FitError("the counts are not overdispersed: alpha goes to 0, and a Poisson model would do")
    return found


def _is_peak(hessian: np.ndarray) -> bool:
    """Whether a Hessian is negative definite."""
    import numpy as np

    return bool((np.linalg.eigvalsh(hessian) < 0).all())


def _by_logarithm(evaluate: Evaluate) -> Evaluate:
    """Give the derivatives in the logarithm of the last parameter."""
    import numpy as np

    def differentiate(at: np.ndarray) -> Derivatives:
        last = np.exp(at[-1])
        value, scores, hessian = evaluate(np.append(at[:-1], last))
        factor = np.append(np.ones(len(at) - 1), last)
        bend = hessian * np.outer(factor, factor)
        bend[-1, -1] += scores[:, -1].sum() * last
        return value, scores * factor, bend

    return differentiate


def differentiate_logit(params: np.ndarray, x: np.ndarray, y: np.ndarray, w: np.ndarray) -> Derivatives:
    """Log-likelihood of a logit, sum w (y x'b - ln(1 + exp x'b)), with its derivatives; y is 0 or 1."""
    import numpy as np
    from scipy.special import expit

    index = x @ params
    p = expit(index)
    value = float((w * (y * index - np.logaddexp(0, index))).sum())
    return value, x * (w * (y - p))[:, None], -(x * (w * p * (1 - p))[:, None]).T @ x


def differentiate_negative_binomial(params: np.ndarray, x: np.ndarray, y: np.ndarray, w: np.ndarray) -> Derivatives:
    """Log-likelihood of an NB2 regression (variance m + a m², m = exp x'b; Hilbe 2011) with its derivatives.

    ``params`` are b, then a; with r = 1/a each row adds
    ln G(y + r) - ln G(r) - ln G(y + 1) + y ln(a m) - (y + r) ln(1 + a m).
    """
    import numpy as np
    from scipy.special import digamma, gammaln, polygamma

    a = float(params[-1])
    if not a > 0:
        return -np.inf, np.zeros((len(y), len(params))), -np.eye(len(params))
    with np.errstate(all="ignore"):
        index, r = x @ params[:-1], 1 / a
        m = np.exp(index)
        q = 1 + a * m
        rows = gammaln(y + r) - gammaln(r) - gammaln(y + 1) + y * (np.log(a) + index) - (y + r) * np.log1p(a * m)
        value = float((w * rows).sum())
        if not np.isfinite(value):
            return -np.inf, np.zeros((len(y), len(params))), -np.eye(len(params))
        known = np.log1p(a * m) - digamma(y + r) + digamma(r)
        slope = np.column_stack([x * ((y - m) / q)[:, None], r**2 * known + (y - m) / (a * q)])
        hessian = np.empty((len(params), len(params)))
        hessian[:-1, :-1] = -(x * (w * m * (1 + a * y) / q**2)[:, None]).T @ x
        hessian[:-1, -1] = hessian[-1, :-1] = -(x.T @ (w * (y - m) * m / q**2))
        bend = -2 * r**3 * known + r**2 * (m / q + r**2 * (polygamma(1, y + r) - polygamma(1, r)))
        hessian[-1, -1] = (w * (bend - (y - m) * (1 + 2 * a * m) / (a * q) ** 2)).sum()
    return value, slope * w[:, None], hessian


def differentiate_ordered_logit(params: np.ndarray, x: np.ndarray, y: np.ndarray, w: np.ndarray) -> Derivatives:
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
        h_uu, h_ll, h_ul = w * (slope_u / p - d_u**2), w * (-slope_l / p - d_l**2), w * -d_u * d_l
    value = float((w * log_p).sum())
    if not np.isfinite(value):
        return -np.inf, np.zeros((n, len(params))), -np.eye(len(params))
    thresholds = len(params) - k
    upper_of = (y[:, None] == np.arange(thresholds)).astype(float)
    lower_of = (y[:, None] == np.arange(thresholds) + 1).astype(float)
    du, dl = np.hstack([-x, upper_of]), np.hstack([-x, lower_of])
    scores = du * (w * d_u)[:, None] + dl * (w * d_l)[:, None]
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
    weights: np.ndarray | None = None,
    sampling: Sampling | None = None,
    start: Mapping[str, float] | None = None,
) -> Estimate:
    """Fit a logit, ordered logit or negative binomial model by maximum likelihood, with weights pseudo-likelihood.

    Parameters
    ----------
    x
        Design matrix with the intercept first (it is taken out for the ordered logit).
    y
        0 and 1; positions of the ordered categories from 0; or counts.
    covariance
        ``classical``: inverse of the information, observed for logit and ordered logit; for the negative binomial
        the expected information of the coefficients and the observed one of alpha, taken as unrelated
        (as MASS::glm.nb does). ``cluster``: sandwich of that with the clusters' scores, times G/(G-1). ``design``:
        the same with the variance between primary sampling units of a stratum (Binder 1983).
    categories
        Codes of the ordered categories, to name the thresholds.
    weights
        Probability weights, all positive; None for none.
    sampling
        How the rows were drawn, for ``design``.
    start
        Estimates by term from almost the same rows, to begin from; the result does not depend on them.

    Returns
    -------
    Estimate
        Thresholds are terms ``threshold[1|2]``, the dispersion is the term ``alpha`` (variance m + alpha m²), its
        standard error by the delta method. Normal reference (df None), for clusters t with G - 1, for a design with
        units - strata + 1 - k, k the columns of x.

    Raises
    ------
    FitError
        For linear combinations among the columns, separation, no maximum, or counts without overdispersion.
    """
    import numpy as np

    check_rank(x, names)
    n, width = x.shape
    w = scale_weights(weights, n)
    # Columns of comparable size make the Hessian well conditioned.
    scale = np.sqrt((x**2).mean(axis=0))
    z = x / scale
    terms = list(names)
    if estimator == "ordered_logit":
        z = z[:, 1:]
        terms = [*names[1:], *(f"threshold[{low}|{high}]" for low, high in pairwise(categories))]
        scale = np.concatenate([scale[1:], np.ones(len(terms) - width + 1)])
    elif estimator == "negative_binomial":
        terms, scale = [*names, "alpha"], np.append(scale, 1.0)
    begin = np.array([start[term] for term in terms]) * scale if start and all(t in start for t in terms) else None
    found = maximize(estimator, z, y, w, begin)
    params, value, scores, hessian, converged = found
    # Nothing known about a coefficient even with all others given: its estimate is on the way to infinity.
    vague = [name for name, known in zip(terms, -np.diag(hessian), strict=True) if name != "alpha" and known < 1e-4]
    if not converged or vague or not np.isfinite([value, *params]).all():
        is_extreme = bool(np.ptp(z @ params[: z.shape[1]]) > 15)
        raise FitError(describe_no_maximum(estimator, x, y, names, vague, is_extreme))
    if estimator == "negative_binomial":
        null = maximize(estimator, np.ones((n, 1)), y, w)[1]
        mean = np.exp(z @ params[:-1])
        bread = np.zeros_like(hessian)
        bread[:-1, :-1] = np.linalg.inv((z * (w * mean / (1 + params[-1] * mean))[:, None]).T @ z)
        bread[-1, -1] = -1 / hessian[-1, -1]
    else:
        counts = np.bincount(y.astype(int), w)
        null = float((counts * np.log(counts / n)).sum())
        bread = np.linalg.inv(-hessian)
    df: float | None
    if covariance == "classical":
        cov, df, rule = bread, None, "normal"
    elif covariance == "design":
        cov, df, rule = find_sampling_covariance(bread, scores, sampling, width)
    else:
        cov, groups = find_clustered_covariance(bread, scores, clusters)
        df, rule = groups - 1, "G/(G-1), t(G-1)"
    fit: dict[str, Any] = {
        "pseudo_r_squared": 1 - value / null,
        "log_likelihood": value,
        "converged": True,
        "max_vif": None,
    }
    if weights is None:
        fit |= {"aic": -2 * value + 2 * len(terms), "bic": -2 * value + float(np.log(n)) * len(terms)}
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
