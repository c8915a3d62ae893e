"""Pool estimates over imputed sets of data by Rubin's rules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Pooled:
    """Estimates pooled over m imputed sets; every field but the last two has the estimates' shape.

    Attributes
    ----------
    estimate
        Mean over the sets.
    within, between, variance
        Mean of the squared standard errors W, variance of the estimates over the sets B, and the total
        T = W + (1 + 1/m) B.
    df
        Degrees of freedom of Barnard and Rubin.
    increase
        Relative increase in variance due to missing answers, r = (1 + 1/m) B / W.
    lambda_
        Share of the variance that is due to missing answers, (1 + 1/m) B / T.
    missing_information
        Fraction of missing information, (r + 2 / (df + 3)) / (r + 1); 0 where the sets do not differ.
    n_imputations
        m.
    covariance
        Total covariance matrix of a vector of estimates; None for numbers pooled one by one.
    """

    estimate: Array
    within: Array
    between: Array
    variance: Array
    df: Array
    increase: Array
    lambda_: Array
    missing_information: Array
    n_imputations: int
    covariance: Array | None = None

    @property
    def std_error(self) -> Array:
        """Square root of the total variance."""
        return np.sqrt(self.variance)


@dataclass(frozen=True)
class PooledTest:
    """A joint test that several coefficients are 0, pooled over imputed sets.

    Attributes
    ----------
    statistic
        F = q' W⁻¹ q / (k (1 + r)).
    df1, df2
        Degrees of freedom of its F distribution.
    increase
        Average relative increase in variance, r = (1 + 1/m) tr(B W⁻¹) / k.
    p_value
        Probability of an F at least as large.
    """

    statistic: float
    df1: int
    df2: float
    increase: float
    p_value: float


def pool_numbers(estimates: ArrayLike, variances: ArrayLike, complete_df: ArrayLike = np.inf) -> Pooled:
    """Pool numbers one by one, such as coefficients, contrasts or predictions with their squared standard errors.

    Parameters
    ----------
    estimates, variances
        Arrays whose first axis is the imputed set, at least two; any further shape.
    complete_df
        Degrees of freedom that the estimates would have if nothing were missing; infinite for a normal reference.
        One number, or one for each estimate.

    Returns
    -------
    Pooled

    Raises
    ------
    ValueError
        If there are fewer than two sets, an estimate is not finite, or a variance is negative or not finite.

    Notes
    -----
    Rubin (1987, chapter 3) for mean and total variance. Barnard and Rubin (1999): with λ = (1 + 1/m) B / T,
    ν_m = (m - 1) / λ² and ν_obs = (ν + 1) / (ν + 3) · ν (1 - λ) for ν complete-data degrees of freedom,
    df = ν_m ν_obs / (ν_m + ν_obs). Compared with ``pool.scalar`` of R's mice, which holds λ at 0.0001 or more; here λ
    is taken as it is, and where the sets do not differ at all nothing was imputed that matters: df = ν.

    Examples
    --------
    >>> pooled = pool_numbers([2.0, 2.4, 1.9], [0.25, 0.30, 0.28], complete_df=40)
    >>> round(float(pooled.estimate), 3), round(float(pooled.variance), 4), round(float(pooled.df), 2)
    (2.1, 0.37, 14.95)
    """
    values, spread = np.asarray(estimates, dtype=float), np.asarray(variances, dtype=float)
    _check(values, spread)
    if (spread < 0).any():
        raise ValueError(f"a variance of set {np.argwhere(spread < 0)[0][0] + 1} is negative")
    m = len(values)
    mean, within = values.mean(axis=0), spread.mean(axis=0)
    between = (values - values[0]).var(axis=0, ddof=1)  # of equal numbers exactly 0, whatever their mean's last digit
    return _describe(m, mean, within, between, np.asarray(complete_df, dtype=float))


def pool_vectors(estimates: ArrayLike, covariances: ArrayLike, complete_df: ArrayLike = np.inf) -> Pooled:
    """Pool vectors of coefficients with their covariance matrices.

    Parameters
    ----------
    estimates
        m × k, at least two sets.
    covariances
        m × k × k.
    complete_df
        See `pool_numbers`.

    Returns
    -------
    Pooled
        With ``covariance``, W + (1 + 1/m) B as matrices; its diagonal is ``variance``.

    Raises
    ------
    ValueError
        See `pool_numbers`.

    Examples
    --------
    >>> pooled = pool_vectors([[1.0, 0.0], [3.0, 0.0]], [[[1.0, 0.0], [0.0, 1.0]]] * 2)
    >>> pooled.covariance.tolist()
    [[4.0, 0.0], [0.0, 1.0]]
    """
    values, spread = np.asarray(estimates, dtype=float), np.asarray(covariances, dtype=float)
    _check(values, spread)
    numbers = pool_numbers(values, np.diagonal(spread, axis1=1, axis2=2), complete_df)
    covariance = spread.mean(axis=0) + (1 + 1 / len(values)) * np.atleast_2d(np.cov(values - values[0], rowvar=False))
    return Pooled(**{**vars(numbers), "covariance": covariance})


def pool_wald(estimates: ArrayLike, covariances: ArrayLike, complete_df: float = np.inf) -> PooledTest:
    """Test jointly that k coefficients are 0, pooled over imputed sets.

    Parameters
    ----------
    estimates
        m × k, at least two sets.
    covariances
        m × k × k.
    complete_df
        Degrees of freedom of the denominator if nothing were missing; infinite for a chi-square reference.

    Returns
    -------
    PooledTest

    Raises
    ------
    ValueError
        See `pool_numbers`; or if the mean covariance matrix is singular.

    Notes
    -----
    D₁ of Li, Raghunathan and Rubin (1991), which takes the missing information to be equal over the coefficients; its
    second degrees of freedom are theirs for an infinite, those of Reiter (2007) for a finite ``complete_df``. Where
    k (m - 1) ≤ 4, or few degrees of freedom meet much missing information, Reiter's formula is not defined (R's mitml
    then gives 4, or more than ``complete_df``): the formula of 1991 is joined with the observed-data degrees of freedom
    as Barnard and Rubin (1999) do. Otherwise compared with ``testModels`` of mitml.

    Examples
    --------
    >>> estimates = [[0.5, 1.0], [0.7, 0.8], [0.6, 1.1], [0.4, 0.9]]
    >>> found = pool_wald(estimates, [[[0.04, 0.01], [0.01, 0.09]]] * 4)
    >>> round(found.statistic, 3), found.df1, round(found.df2, 1)
    (5.4, 2, 18.3)
    """
    from scipy.stats import f as f_distribution

    values, spread = np.asarray(estimates, dtype=float), np.asarray(covariances, dtype=float)
    _check(values, spread)
    m, k = values.shape
    mean, within = values.mean(axis=0), spread.mean(axis=0)
    between = np.atleast_2d(np.cov(values - values[0], rowvar=False))
    if np.linalg.matrix_rank(within, hermitian=True) < k:
        raise ValueError(f"the covariance matrix of the {k} coefficients is singular: a joint test is not defined")
    r = float((1 + 1 / m) * np.trace(np.linalg.solve(within, between)) / k)
    statistic = float(mean @ np.linalg.solve(within, mean) / (k * (1 + r)))
    df2 = _find_df2(r, k, k * (m - 1), complete_df)
    return PooledTest(statistic, k, df2, r, float(f_distribution.sf(statistic, k, df2)))


def _check(values: Array, spread: Array) -> None:
    """Refuse what cannot be pooled."""
    if values.ndim == 0 or len(values) < 2:
        raise ValueError("estimates of at least two imputed sets are needed to pool them")
    for name, array in (("an estimate", values), ("a variance", spread)):
        if not np.isfinite(array).all():
            raise ValueError(f"{name} of set {np.argwhere(~np.isfinite(array))[0][0] + 1} is missing or infinite")


def _describe(m: int, mean: Array, within: Array, between: Array, complete: Array) -> Pooled:
    """Derive total variance, degrees of freedom and missing information from W and B."""
    added = (1 + 1 / m) * between
    variance = within + added
    with np.errstate(divide="ignore", invalid="ignore"):
        lambda_ = np.where(added > 0, added / variance, 0.0)
        increase = np.where(added > 0, added / within, 0.0)
        between_sets = (m - 1) / lambda_**2
        observed = np.where(np.isinf(complete), np.inf, (complete + 1) / (complete + 3) * complete * (1 - lambda_))
        df = np.where(lambda_ > 0, 1 / (1 / between_sets + 1 / observed), complete)
        # (r + 2 / (df + 3)) / (r + 1) with r = λ / (1 - λ), which is infinite where nothing is known within a set.
        fraction = np.where(lambda_ > 0, lambda_ + (1 - lambda_) * 2 / (df + 3), 0.0)
    return Pooled(mean, within, between, variance, df, increase, lambda_, fraction, m)


def _find_df2(r: float, k: int, t: int, complete: float) -> float:
    """Degrees of freedom of the denominator of D₁; t = k (m - 1)."""
    if r == 0:
        return complete
    with np.errstate(over="ignore"):
        inverse = np.float64(1) / r
        # Li, Raghunathan and Rubin (1991), for an infinite number of complete-data degrees of freedom.
        large = float(
            4 + (t - 4) * (1 + (1 - 2 / t) * inverse) ** 2 if t > 4 else t * (1 + 1 / k) * (1 + inverse) ** 2 / 2
        )
    if np.isinf(complete):
        return large
    observed = (complete + 1) / (complete + 3) * complete
    if t <= 4 or observed - 4 * (1 + r * t / (t - 2)) <= 0:
        # As Barnard and Rubin (1999) bring both together, whose degrees of freedom these are for one coefficient.
        return 1 / (1 / large + (1 + r) / observed)
    # Reiter (2007, equation 7).
    a = r * t / (t - 2)
    b, c = observed - 2 * (1 + a), observed - 4 * (1 + a)
    sum_ = (
        a**2 * b / ((1 + a) ** 2 * c)
        + 8 * a**2 * b / ((1 + a) * c**2)
        + 4 * a**2 / ((1 + a) * c)
        + 4 * a**2 / (b * c)
        + 16 * a**2 * b / c**3
        + 8 * a**2 / c**2
    )
    return 4 + 1 / (1 / c + sum_ / (t - 4))
