"""The variance of weighted sums under a stratified, clustered design with finite populations, one stage or several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firmties.errors import StudyError, describe_allowed

Lonely = Literal["fail", "adjust", "certainty"]
LONELY: tuple[Lonely, ...] = ("adjust", "certainty", "fail")
"""What to do with a stratum of one primary sampling unit, the default first."""


def find_design_covariance(
    bread: ArrayLike,
    scores: ArrayLike,
    weights: ArrayLike,
    stratum: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
    population: ArrayLike | None = None,
    lonely: str = LONELY[0],
) -> NDArray[np.float64]:
    r"""Find the covariance of coefficients that solve weighted estimating equations (Binder's sandwich).

    :math:`V = B\,\Bigl[\sum_h (1-f_h)\,\frac{n_h}{n_h-1}\sum_i (z_{hi}-\bar z_h)(z_{hi}-\bar z_h)'\Bigr]\,B'` with
    :math:`z_{hi}` the sum of weight × score over the rows of cluster i of stratum h (Binder 1983, *International
    Statistical Review* 51(3)); that of R's ``svyglm``. The scale of the weights cancels if `bread` is made with them.

    Parameters
    ----------
    bread : (k, k)
        Inverse of the sum of weight × (minus) derivative of the scores; of least squares :math:`(X'WX)^{-1}`.
    scores : (n, k)
        A row's contribution to the estimating equations, without its weight; of least squares :math:`x_i e_i`.
    weights : (n,)
        Above 0; rows that are in the design and not in the domain have 0 (they are not to be left out).
    stratum : (n,), optional
        One stratum if not stated.
    cluster : (n,), optional
        Primary sampling unit; every row one of its own if not stated. Clusters are nested in strata.
    population : (n,), optional
        Number of primary sampling units in the population of the row's stratum; without it f = 0.
    lonely
        See :func:`sum_squares`.

    Raises
    ------
    StudyError
        As :func:`sum_squares`; if a weight is missing, infinite or negative, or all are 0.

    Examples
    --------
    >>> x = np.column_stack([np.ones(4), [1.0, 2.0, 3.0, 4.0]])
    >>> y, w = np.array([1.0, 3.0, 2.0, 5.0]), np.array([1.0, 1.0, 2.0, 2.0])
    >>> bread = np.linalg.inv(x.T @ (w[:, None] * x))
    >>> residual = y - x @ bread @ x.T @ (w * y)
    >>> find_design_covariance(bread, x * residual[:, None], w, cluster=[1, 1, 2, 3]).shape
    (2, 2)
    """
    weight = check_weights(weights)
    each = np.asarray(scores, dtype=float)
    each = each[:, None] if each.ndim == 1 else each
    inverse = np.atleast_2d(np.asarray(bread, dtype=float))
    return inverse @ sum_squares(weight[:, None] * each, stratum, cluster, population, lonely) @ inverse.T


def check_weights(weights: ArrayLike, name: str = "weights") -> NDArray[np.float64]:
    """Refuse weights that are missing, infinite, negative or all zero; a single zero is a row out of the domain.

    Examples
    --------
    >>> check_weights([1.0, 2.0])
    array([1., 2.])
    """
    weight = np.asarray(weights, dtype=float)
    for wrong, what in ((~np.isfinite(weight), "is missing or infinite"), (weight < 0, "is negative")):
        if wrong.any():
            at = int(np.flatnonzero(wrong)[0])
            raise StudyError(
                f"{name}: row {at + 1}: {weight[at]} {what} ({int(wrong.sum())} of {len(weight)} rows); a weight is "
                "above 0, or 0 for a row outside the domain; leave rows without a weight out and count them"
            )
    if not weight.any():
        raise StudyError(f"{name}: all {len(weight)} are 0, so nothing can be estimated; the domain is empty")
    return weight


def sum_squares(
    totals: NDArray[np.float64],
    stratum: ArrayLike | None = None,
    cluster: ArrayLike | Sequence[ArrayLike] | None = None,
    population: ArrayLike | Sequence[ArrayLike] | None = None,
    lonely: str = LONELY[0],
) -> NDArray[np.float64]:
    r"""Estimate the covariance of the sum of weighted rows over the sample.

    At each stage :math:`\sum_h (1-f_h)\,\frac{n_h}{n_h-1}\sum_i (z_{hi}-\bar z_h)(z_{hi}-\bar z_h)'`, the units of
    stage 2 within each unit of stage 1, times the product of the sampling fractions of the stages before (Särndal,
    Swensson & Wretman 1992, *Model Assisted Survey Sampling*, sec. 4.3); without `population` the units of the first
    stage count as drawn with replacement and later stages add nothing. That of R's ``svyrecvar``.

    Parameters
    ----------
    totals : (n, k)
        Weight × value (or × influence), a row each.
    stratum : (n,), optional
        Stratum of the first stage.
    cluster : (n,) or (stages, n), optional
        Units of each stage.
    population : (n,) or (stages, n), optional
        Number of units in the population of the row's stratum (first stage) or unit (later ones); ``inf``: with
        replacement.
    lonely
        A stratum (or unit) with one sampled unit: ``adjust`` takes its squared distance from the mean over all strata,
        which is 0 for influences (conservative); ``certainty`` takes it as drawn with certainty, adding nothing;
        ``fail`` stops. Where all units of the population were drawn (f = 1) nothing is added under any rule.

    Raises
    ------
    StudyError
        If a stratum or cluster is missing, a cluster lies in two strata, the population of a stratum differs among its
        rows or is smaller than the sample, or, with ``fail``, a stratum has one unit.

    Examples
    --------
    >>> sum_squares(np.array([[1.0], [3.0], [2.0], [2.0]]), ["a", "a", "b", "b"])
    array([[4.]])
    """
    if lonely not in LONELY:
        raise StudyError(f"lonely: '{lonely}' is no rule for strata of one unit; {describe_allowed(lonely, LONELY)}")
    n, width = totals.shape
    stages = [np.arange(n)] if cluster is None else _list_stages(cluster, n)
    sizes = (
        [np.full(n, np.inf)]
        if population is None
        else [np.asarray(part, float) for part in _list_stages(population, n)]
    )
    outer = number("stratum", np.zeros(n, dtype=int) if stratum is None else stratum)
    found, share = np.zeros((width, width)), np.ones(n)
    for stage, units in enumerate(stages):
        inner = number("cluster", units)
        # A unit of a later stage is known by its number within the unit above.
        unit = number("cluster", outer.astype(np.int64) * (int(inner.max(initial=0)) + 1) + inner)
        if stage == 0 and unit.max(initial=0) != inner.max(initial=0):
            crossing = np.flatnonzero(np.bincount(_first_of(unit, inner)) > 1)[0]
            name = np.asarray(units, dtype=object)[np.flatnonzero(inner == crossing)[0]]
            raise StudyError(f"cluster '{name}' lies in more than one stratum; a primary sampling unit lies in one")
        size = sizes[stage] if stage < len(sizes) else np.full(n, np.inf)
        part, fraction = _sum_stage(totals, outer, unit, size, share, lonely, stage, stratum)
        found += part
        share, outer = share * fraction, unit
        if not share.any():
            break
    return found


def _list_stages(values: Any, n: int) -> list[NDArray[Any]]:
    """One array a stage; a single column is one stage."""
    if isinstance(values, list | tuple) and len(values) and np.ndim(values[0]) == 1:
        return [np.asarray(part) for part in values]
    array = np.asarray(values)
    return list(array) if array.ndim == 2 else [array]


def number(name: str, values: ArrayLike) -> NDArray[np.int64]:
    """Number the different values from 0; a missing one stops."""
    import pandas as pd

    codes, _ = pd.factorize(np.asarray(values))
    if (codes < 0).any():
        at = int(np.flatnonzero(codes < 0)[0])
        raise StudyError(
            f"{name}: row {at + 1} has none ({int((codes < 0).sum())} rows); every row of a design has one"
        )
    return codes.astype(np.int64)


def _first_of(groups: NDArray[np.int64], values: NDArray[Any]) -> NDArray[Any]:
    """The value of each group's first row."""
    _, first = np.unique(groups, return_index=True)
    return values[first]


def _sum_stage(
    totals: NDArray[np.float64],
    outer: NDArray[np.int64],
    unit: NDArray[np.int64],
    size: NDArray[np.float64],
    share: NDArray[np.float64],
    lonely: str,
    stage: int,
    names: ArrayLike | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """One stage's part of the covariance, and each row's sampling fraction at it."""

    def call(at: int) -> str:
        row = int(np.flatnonzero(outer == at)[0])
        where = "" if names is None else f" '{np.asarray(names, dtype=object)[row]}'"
        return f"stratum{where}" if stage == 0 else f"the unit of stage {stage} of row {row + 1}"

    n_units = int(unit.max()) + 1
    z = np.column_stack([np.bincount(unit, weights=column, minlength=n_units) for column in totals.T])
    of_unit = _first_of(unit, outer)
    counts = np.bincount(of_unit)
    sizes = _first_of(outer, size)
    if (differs := size != sizes[outer]).any():
        at = outer[differs][0]
        raise StudyError(f"{call(at)}: its population is {sizes[at]:g} in one row and {size[differs][0]:g} in another")
    # A population that was computed from rounded probabilities may fall short by as much.
    if (short := ~(sizes >= counts * (1 - 1e-6))).any():
        at = int(np.flatnonzero(short)[0])
        raise StudyError(
            f"{call(at)}: its population is {sizes[at]:g}, and the sample holds {counts[at]} of it; correct the "
            "population, or leave it out (sampling with replacement)"
        )
    fraction = np.minimum(counts / sizes, 1)
    alone = (counts == 1) & (fraction < 1)
    if lonely == "fail" and alone.any():
        raise StudyError(
            f"{call(int(np.flatnonzero(alone)[0]))} has one primary sampling unit ({int(alone.sum())} strata do), so "
            "its variance cannot be known; join it with another stratum, or choose lonely: adjust or certainty"
        )
    means = np.column_stack([np.bincount(of_unit, weights=column) / counts for column in z.T])
    if lonely == "adjust":
        means[alone] = 0
    scale = (1 - fraction) * np.where(counts > 1, counts / np.maximum(counts - 1, 1), 1.0)
    scale = scale * _first_of(outer, share)
    away = z - means[of_unit]
    return away.T @ (scale[of_unit, None] * away), fraction[outer]


def count_degrees_of_freedom(stratum: ArrayLike | None, cluster: ArrayLike) -> int:
    """Count primary sampling units minus strata; with weights of 0 included, those of the whole design.

    Examples
    --------
    >>> count_degrees_of_freedom(["a", "a", "b", "b"], [1, 1, 2, 3])
    1
    """
    units = len(np.unique(number("cluster", cluster)))
    return units - (1 if stratum is None else len(np.unique(number("stratum", stratum))))
