"""Means, proportions, totals, ratios and quantiles of a sample survey, with standard errors by its design.

Taylor linearization throughout: the variance of an estimate is that of the weighted sum of each row's influence on it
(Särndal, Swensson & Wretman 1992, *Model Assisted Survey Sampling*, ch. 5). Weights count as known: that the
propensities to answer were estimated is not allowed for. Rows with a missing value are outside the domain: they stay
in the design with an influence of 0, as do those of other domains, so that the number of clusters stays that of the
design.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firmties.errors import StudyError, describe_allowed
from firmties.raking import cross_cells
from firmties.survey_design import LONELY, check_weights, count_degrees_of_freedom, number, sum_squares

Floats = NDArray[np.float64]
Rule = Literal["math", "school"]
RULES: tuple[Rule, ...] = ("math", "school")
"""Definitions of a quantile, the default first; see :func:`estimate_quantiles`."""


@dataclass(frozen=True)
class Design:
    """How rows were drawn and weighted, one element a row.

    Attributes
    ----------
    weights : (n,)
        Above 0, or 0 outside the domain of interest.
    stratum, cluster, population, lonely
        As :func:`firmties.survey_design.sum_squares` takes them.
    margins
        Codes of each margin to which the weights were raked (any labels). With them standard errors are those of
        calibrated weights: the influence is replaced by its residual from a weighted regression on the margins, as
        what the margins explain no longer varies from sample to sample (Deville & Särndal 1992, *JASA* 87(418)).
        Without them the weights count as plain ones, which is conservative where margins explain something.
    start : (n,), optional
        Weights before raking, for that regression (as R's ``calibrate`` and ``rake``); the weights themselves if not
        stated, which is as good in large samples.
    """

    weights: ArrayLike
    stratum: ArrayLike | None = None
    cluster: Any = None
    population: Any = None
    lonely: str = LONELY[0]
    margins: Sequence[ArrayLike] = field(default=())
    start: ArrayLike | None = None


def estimate_mean(
    values: ArrayLike, design: Design, domain: ArrayLike | None = None, level: float = 0.95
) -> dict[str, float]:
    r"""Estimate a mean: :math:`\sum w y / \sum w` over the domain, with t interval.

    Parameters
    ----------
    values : (n,)
        Missing values are left out and counted.
    design
        Of all rows, also those outside the domain.
    domain : (n,) of bool, optional
        Rows to estimate for; all if not stated.

    Returns
    -------
    dict
        ``estimate``, ``std_error``, ``df`` (clusters minus strata, of those that hold rows of the domain, as R counts),
        ``conf_low``, ``conf_high``, ``n`` (rows used), ``n_missing``. NaN what cannot be known: the interval with no
        degrees of freedom.

    Raises
    ------
    StudyError
        If no row is left, or as :func:`firmties.survey_design.sum_squares`.

    Examples
    --------
    >>> found = estimate_mean([1.0, 2.0, 4.0, 5.0], Design([1, 1, 2, 2], stratum=["a", "a", "b", "b"]))
    >>> round(found["estimate"], 4), round(found["std_error"], 4), found["df"]
    (3.5, 0.3727, 2.0)
    """
    y, inside, weight = _prepare(values, design, domain)
    estimate = float(np.sum(weight * y) / weight.sum())
    return _report(estimate, inside * (y - estimate) / weight.sum(), values, design, domain, inside, level)


def estimate_total(
    values: ArrayLike, design: Design, domain: ArrayLike | None = None, level: float = 0.95
) -> dict[str, float]:
    r"""Estimate a total: :math:`\sum w y` over the domain; see :func:`estimate_mean`.

    The weights must add up to the population for that, as inverse chances do; weights scaled to mean 1 give the total
    of a population of the sample's size.

    Examples
    --------
    >>> estimate_total([1.0, 2.0, 4.0], Design([10.0, 10.0, 20.0]))["estimate"]
    110.0
    """
    y, inside, weight = _prepare(values, design, domain)
    return _report(float(np.sum(weight * y)), inside * y, values, design, domain, inside, level)


def estimate_ratio(
    numerator: ArrayLike,
    denominator: ArrayLike,
    design: Design,
    domain: ArrayLike | None = None,
    level: float = 0.95,
) -> dict[str, float]:
    r"""Estimate a ratio of totals: :math:`\sum w y / \sum w x`, with t interval; see :func:`estimate_mean`.

    A row with either value missing is left out.

    Examples
    --------
    >>> round(estimate_ratio([1.0, 3.0], [2.0, 4.0], Design([1.0, 1.0]))["estimate"], 4)
    0.6667
    """
    above, below = np.asarray(numerator, dtype=float), np.asarray(denominator, dtype=float)
    both = np.where(np.isnan(above) | np.isnan(below), np.nan, 0.0)
    _, inside, weight = _prepare(both, design, domain)
    y, x = np.where(inside, above, 0.0), np.where(inside, below, 0.0)
    whole = float(np.sum(weight * x))
    if whole == 0:
        raise StudyError("a ratio's denominator adds up to 0 in the domain, so the ratio is not defined")
    estimate = float(np.sum(weight * y)) / whole
    return _report(estimate, (y - estimate * x) / whole, both, design, domain, inside, level)


def estimate_proportion(
    values: ArrayLike, design: Design, domain: ArrayLike | None = None, level: float = 0.95
) -> dict[str, float]:
    r"""Estimate the share of rows that are true, with an interval within 0 and 1.

    The interval is the t interval of the logit, carried back: :math:`\operatorname{logit}(p) \pm t\,s/(p(1-p))` (that
    of R's ``svyciprop``, methods logit and xlogit). A share of 0 or 1 has none: the sample does not tell how small a
    share it can have missed; its bounds are NaN.

    Parameters
    ----------
    values : (n,)
        Booleans or 0 and 1; missing values are left out and counted.

    Examples
    --------
    >>> found = estimate_proportion([True, False, False, True, False], Design([1, 1, 1, 2, 2]))
    >>> [round(found[name], 3) for name in ("estimate", "conf_low", "conf_high")]
    [0.429, 0.036, 0.937]
    """
    found = estimate_mean(values, design, domain, level)
    share, error = found["estimate"], found["std_error"]
    if not 0 < share < 1:
        return found | {"conf_low": np.nan, "conf_high": np.nan}
    from scipy.special import expit, logit

    half = _quantile_of_t(found["df"], level) * error / (share * (1 - share))
    low, high = expit(logit(share) + np.array([-half, half]))
    return found | {"conf_low": float(low), "conf_high": float(high)}


def estimate_shares(
    codes: ArrayLike, design: Design, domain: ArrayLike | None = None, level: float = 0.95
) -> dict[Any, dict[str, float]]:
    """Estimate the share of every code; see :func:`estimate_proportion`.

    Examples
    --------
    >>> found = estimate_shares(["a", "b", "b", None], Design([1.0, 1.0, 2.0, 1.0]))
    >>> {code: round(share["estimate"], 3) for code, share in found.items()}
    {'a': 0.25, 'b': 0.75}
    """
    import pandas as pd

    cells = np.asarray(codes, dtype=object)
    known = ~pd.isna(cells)
    return {
        code: estimate_proportion(np.where(known, cells == code, np.nan), design, domain, level)
        for code in sorted(set(cells[known]))
    }


def estimate_quantiles(
    values: ArrayLike,
    probabilities: Sequence[float],
    design: Design,
    domain: ArrayLike | None = None,
    level: float = 0.95,
    rule: str = RULES[0],
) -> list[dict[str, float]]:
    r"""Estimate quantiles by the weighted distribution, with Woodruff's interval.

    The quantile is the smallest value whose weighted cumulative share is at least the probability (``math``, R's
    default); ``school`` takes the mean of it and the next value where the share is met exactly, so that the median of
    an even number is as taught. The interval is that of the share of values up to the quantile, :math:`p\pm t\,s_p`,
    carried back through the same rule (Woodruff 1952, *JASA* 47(260)); its half width over t stands as the standard
    error. A bound beyond 0 or 1 is NaN.

    Returns
    -------
    list of dict
        For each probability ``probability`` and what :func:`estimate_mean` gives.

    Examples
    --------
    >>> [found] = estimate_quantiles([1.0, 2.0, 3.0, 4.0], [0.5], Design([1.0, 1.0, 1.0, 1.0]), rule="school")
    >>> found["estimate"]
    2.5
    """
    if rule not in RULES:
        raise StudyError(f"rule: '{rule}' is no definition of a quantile; {describe_allowed(rule, RULES)}")
    for wrong in (p for p in probabilities if not 0 < p < 1):
        raise StudyError(f"probabilities: {wrong} is not between 0 and 1, so it has no quantile")
    y, inside, weight = _prepare(values, design, domain)
    used = inside & (weight > 0)
    order = np.argsort(y[used], kind="stable")
    sorted_values, cumulated = y[used][order], np.cumsum(weight[used][order])
    cumulated = cumulated / cumulated[-1]

    def look_up(p: float) -> float:
        if not 0 <= p <= 1:
            return np.nan
        # A share that is met but for rounding is met.
        at = min(int(np.searchsorted(cumulated, p - 1e-12, side="left")), len(cumulated) - 1)
        if rule == "school" and abs(cumulated[at] - p) <= 1e-12:
            return float((sorted_values[at] + sorted_values[min(at + 1, len(cumulated) - 1)]) / 2)
        return float(sorted_values[at])

    found = []
    for p in probabilities:
        estimate = look_up(p)
        below = estimate_mean(np.where(inside, y <= estimate, np.nan), design, domain, level)
        t = _quantile_of_t(below["df"], level)
        share, half = below["estimate"], t * below["std_error"]
        low, high = look_up(share - half), look_up(share + half)
        told = {"std_error": (high - low) / (2 * t), "conf_low": low, "conf_high": high}
        found.append({"probability": p, "estimate": estimate} | below | {"estimate": estimate} | told)
    return found


def compare_domains(values: ArrayLike, design: Design, first: ArrayLike, second: ArrayLike) -> dict[str, float]:
    r"""Compare the means of two domains: difference, SMD, and a t test by the design.

    SMD :math:`= (\bar x_1-\bar x_2)/\sqrt{(s_1^2+s_2^2)/2}` with weighted means and variances
    :math:`s^2 = \frac{n}{n-1}\sum w(x-\bar x)^2/\sum w`, so that without weights it is that of
    :func:`firmties.panel.compare_means`. Degrees of freedom: clusters minus strata, of those that hold rows of either.

    Returns
    -------
    dict
        ``n_1``, ``n_2``, ``mean_1``, ``mean_2``, ``difference``, ``smd``, ``std_error``, ``df``, ``p_value``; NaN what
        a domain of fewer than two rows, or without variance, cannot give.

    Examples
    --------
    >>> first = np.array([1, 1, 1, 0, 0, 0], dtype=bool)
    >>> found = compare_domains([2.0, 4.0, 6.0, 1.0, 3.0, 5.0], Design(np.ones(6)), first, ~first)
    >>> found["difference"], found["smd"], round(found["p_value"], 3)
    (1.0, 0.5, 0.524)
    """
    from scipy.special import stdtr

    y, known = _as_numbers(values), ~np.isnan(_as_numbers(values)) & (check_weights(design.weights) > 0)
    groups = [known & np.asarray(domain, dtype=bool) for domain in (first, second)]
    missing = float("nan")
    found: dict[str, float] = {"n_1": int(groups[0].sum()), "n_2": int(groups[1].sum())}
    found |= dict.fromkeys(("mean_1", "mean_2", "difference", "smd", "std_error", "df", "p_value"), missing)
    if min(found["n_1"], found["n_2"]) < 2:
        return found
    weight, influence, variances = np.asarray(design.weights, dtype=float), np.zeros(len(y)), []
    for at, (group, sign) in enumerate(zip(groups, (1, -1), strict=True), 1):
        mean = float(np.average(y[group], weights=weight[group]))
        away = np.where(group, np.where(known, y, 0.0) - mean, 0.0)
        n = int(group.sum())
        variances.append(float(np.average(away[group] ** 2, weights=weight[group])) * n / (n - 1))
        influence += sign * away / weight[group].sum()
        found[f"mean_{at}"] = mean
    found["difference"] = found["mean_1"] - found["mean_2"]
    either = groups[0] | groups[1]
    report = _report(found["difference"], influence, np.where(either, 0.0, np.nan), design, None, either, 0.95)
    found |= {name: report[name] for name in ("std_error", "df")}
    if sum(variances) > 0:
        found["smd"] = found["difference"] / float(np.sqrt(sum(variances) / 2))
        found["p_value"] = float(2 * stdtr(found["df"], -abs(found["difference"]) / found["std_error"]))
    return found


def measure_design_effect_of(values: ArrayLike, design: Design, domain: ArrayLike | None = None) -> float:
    r"""Measure the design effect of a mean: its variance over that of a simple random sample with replacement.

    :math:`\operatorname{deff}=V(\bar y)\,/\,(\hat\sigma^2/n)` with the weighted variance
    :math:`\hat\sigma^2 = \frac{n}{n-1}\sum w(y-\bar y)^2/\sum w` (R's ``svymean(deff = "replace")``). It allows
    for strata, clusters and how the variable goes with the weights, as Kish's 1 + CV(w)² does not.

    Examples
    --------
    >>> round(measure_design_effect_of([1.0, 2.0, 4.0, 5.0], Design([1.0, 1.0, 1.0, 1.0])), 6)
    1.0
    """
    y, inside, weight = _prepare(values, design, domain)
    found = estimate_mean(values, design, domain)
    n = found["n"]
    variance = float(np.sum(weight * (y - found["estimate"]) ** 2 * inside)) / weight.sum() * n / (n - 1)
    return float(found["std_error"] ** 2 / (variance / n)) if variance else np.nan


def find_covariance(influence: Floats, design: Design) -> Floats:
    """Find the covariance of the weighted sums of influences, by calibrated residuals if the design names margins.

    Parameters
    ----------
    influence : (n, k)
        Without weights; 0 outside the domain.

    Examples
    --------
    >>> find_covariance(np.array([[1.0], [-1.0]]), Design([1.0, 1.0]))
    array([[4.]])
    """
    weight = check_weights(design.weights)
    if len(design.margins):
        start = weight if design.start is None else np.asarray(design.start, dtype=float)
        influence = influence - project(influence, [number("margins", codes) for codes in design.margins], start)
    return sum_squares(weight[:, None] * influence, design.stratum, design.cluster, design.population, design.lonely)


def project(influence: Floats, margins: Sequence[NDArray[np.int64]], weight: Floats) -> Floats:
    """Fit each column by weighted least squares on the categories of all margins.

    Examples
    --------
    >>> project(np.array([[1.0], [3.0], [5.0]]), [np.array([0, 0, 1])], np.ones(3)).ravel().round(6).tolist()
    [2.0, 2.0, 5.0]
    """
    sizes = [int(codes.max()) + 1 for codes in margins]
    cells, of_cell = cross_cells(margins, sizes, len(weight))
    # Rows of one cell of the crossed margins are fitted alike: the regression runs over cells.
    totals = np.bincount(cells, weights=weight)
    sums = np.column_stack([np.bincount(cells, weights=weight * column) for column in influence.T])
    x = np.column_stack([np.eye(size)[codes] for size, codes in zip(sizes, of_cell, strict=True)])
    slopes = np.linalg.lstsq(x.T @ (totals[:, None] * x), x.T @ sums, rcond=1e-10)[0]
    fitted: Floats = (x @ slopes)[cells]
    return fitted


def _prepare(values: ArrayLike, design: Design, domain: ArrayLike | None) -> tuple[Floats, NDArray[np.bool_], Floats]:
    """Values (0 outside), rows inside the domain with a value, and weights (0 outside)."""
    y = _as_numbers(values)
    weight = check_weights(design.weights)
    if len(y) != len(weight):
        raise StudyError(f"{len(y)} values and {len(weight)} weights; each row of the design has one value")
    inside = ~np.isnan(y) & (weight > 0)
    if domain is not None:
        inside &= np.asarray(domain, dtype=bool)
    if not inside.any():
        raise StudyError("no row of the domain has a value, so nothing can be estimated")
    return np.where(inside, y, 0.0), inside, np.where(inside, weight, 0.0)


def _as_numbers(values: ArrayLike) -> Floats:
    """Numbers, booleans and pandas' missing values as float."""
    import pandas as pd

    numbers: Floats = np.asarray(pd.Series(values).astype("Float64").astype("float64"), dtype=np.float64)
    return numbers


def _report(
    estimate: float,
    influence: Floats,
    values: ArrayLike,
    design: Design,
    domain: ArrayLike | None,
    inside: NDArray[np.bool_],
    level: float,
) -> dict[str, float]:
    """The estimate with its standard error, degrees of freedom and t interval."""
    error = float(np.sqrt(max(find_covariance(influence[:, None], design)[0, 0], 0.0)))
    first = np.arange(len(inside)) if design.cluster is None else _first_stage(design.cluster)
    strata = None if design.stratum is None else np.asarray(design.stratum)[inside]
    df = count_degrees_of_freedom(strata, first[inside])
    half = _quantile_of_t(df, level) * error
    within = np.ones(len(inside), dtype=bool) if domain is None else np.asarray(domain, dtype=bool)
    return {
        "estimate": estimate,
        "std_error": error,
        "df": float(df),
        "conf_low": estimate - half,
        "conf_high": estimate + half,
        "n": int(inside.sum()),
        "n_missing": int((within & np.isnan(_as_numbers(values))).sum()),
    }


def _first_stage(cluster: Any) -> NDArray[Any]:
    stages = cluster if isinstance(cluster, list | tuple) and np.ndim(cluster[0]) == 1 else [cluster]
    return np.asarray(stages[0])


def _quantile_of_t(df: float, level: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(df, 0.5 + level / 2)) if df > 0 else np.nan
