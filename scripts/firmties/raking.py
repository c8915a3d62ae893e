"""Weights that meet known margins: iterative proportional fitting, with large weights trimmed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Margin = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Each row's cell of the margin, numbered from 0; the total that each cell shall have."""

TOLERANCE = 1e-12
MOST_SWEEPS = 2_000
MOST_ROUNDS = 500
SLACK = 1e-9
"""By how much (relative) a weight may lie above the limit when trimming is done."""


@dataclass
class Raked:
    """Weights that meet margins, and how far they do.

    Attributes
    ----------
    weights : (n,)
    sweeps
        Passes over all margins.
    rounds
        How often weights were trimmed.
    gap
        Largest relative difference of a cell's total from the margin's.
    n_trimmed
        Rows that stand at the limit.
    largest
        Largest weight over the median.
    """

    weights: NDArray[np.float64]
    sweeps: int
    rounds: int
    gap: float
    n_trimmed: int
    largest: float


def rake(
    start: NDArray[np.float64],
    margins: Sequence[Margin],
    trim: float | None = None,
    tolerance: float = TOLERANCE,
    most_sweeps: int = MOST_SWEEPS,
) -> Raked:
    r"""Rake weights to margins, and trim and rake again until no weight is above `trim` times the median.

    Each margin in turn multiplies the weights of its cells by target / total until all are met to `tolerance`
    (Deming & Stephan 1940, *Annals of Mathematical Statistics* 11(4)). All rows of one cell of the crossed margins get
    the same factor, so the sweeps run over these cells and not over rows; 1,000,000 rows take no longer per sweep
    than the cells do. Weights above the limit are set to it and all are raked again, which lifts them less each time
    (trimmed raking; Potter 1990, *Proceedings of the ASA Section on Survey Research Methods*).

    Margins with cells that cannot be met together leave ``gap`` above the tolerance, and nothing is trimmed; a limit
    that contradicts the margins leaves ``largest`` above `trim`. The last step is always raking, so that the margins
    hold first.

    Parameters
    ----------
    start : (n,)
        Weights above 0.
    margins
        Codes and targets; the targets of all margins have the same sum, and a cell with a target above 0 has rows.
    trim
        The limit as a multiple of the median; None: no trimming.

    Examples
    --------
    >>> codes = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    >>> raked = rake(np.ones(4), [(codes[0], np.array([30.0, 70.0])), (codes[1], np.array([40.0, 60.0]))])
    >>> raked.weights.round(6).tolist(), raked.gap < 1e-12
    ([12.0, 18.0, 28.0, 42.0], True)
    """
    cells, of_cell = cross_cells([codes for codes, _ in margins], [len(target) for _, target in margins], len(start))
    weights, sweeps, rounds = np.asarray(start, dtype=float), 0, 0
    while True:
        totals = np.bincount(cells, weights=weights).astype(float)
        factors, used, gap = _fit(totals, of_cell, [target for _, target in margins], tolerance, most_sweeps)
        weights, sweeps = weights * factors[cells], sweeps + used
        median = float(np.median(weights))
        limit = np.inf if trim is None else trim * median
        at_limit = int((weights >= limit * (1 - SLACK)).sum())
        # Margins that are not met together to begin with are no more so by trimming.
        is_vain = rounds == 0 and gap > tolerance
        if is_vain or not (weights > limit * (1 + SLACK)).any() or rounds == MOST_ROUNDS:
            return Raked(weights, sweeps, rounds, gap, at_limit, float(weights.max()) / median)
        weights, rounds = np.minimum(weights, limit), rounds + 1


def cross_cells(
    codes: Sequence[NDArray[np.int64]], sizes: Sequence[int], n: int
) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
    """Number the cells of crossed margins that have rows; give for each margin the code of every cell.

    Parameters
    ----------
    codes
        Each row's code in every margin, numbered from 0.
    sizes
        Number of codes of every margin.
    n
        Number of rows.

    Examples
    --------
    >>> cells, of_cell = cross_cells([np.array([0, 1, 1]), np.array([1, 0, 0])], [2, 2], 3)
    >>> cells.tolist(), [codes.tolist() for codes in of_cell]
    ([0, 1, 1], [[0, 1], [1, 0]])
    """
    crossed = np.zeros(n, dtype=np.int64)
    for code, size in zip(codes, sizes, strict=True):
        crossed = crossed * size + code
    if np.prod([float(size) for size in sizes]) <= 10 * n + 1000:
        places = np.cumsum(np.bincount(crossed) > 0) - 1
        cells, found = places[crossed], np.flatnonzero(np.bincount(crossed))
    else:
        found, cells = np.unique(crossed, return_inverse=True)
    of_cell: list[NDArray[np.int64]] = []
    for size in reversed(sizes):
        of_cell.append(found % size)
        found = found // size
    return cells, of_cell[::-1]


def _fit(
    totals: NDArray[np.float64],
    of_cell: Sequence[NDArray[np.int64]],
    targets: Sequence[NDArray[np.float64]],
    tolerance: float,
    most_sweeps: int,
) -> tuple[NDArray[np.float64], int, float]:
    """Find the factor of every cell; give also the number of sweeps and the largest gap left."""
    factors = np.ones(len(totals))
    for sweep in range(most_sweeps + 1):
        gap = 0.0
        for code, target in zip(of_cell, targets, strict=True):
            sums = np.bincount(code, weights=totals * factors, minlength=len(target))
            wanted = target > 0
            ratio = np.ones(len(target))
            np.divide(target, sums, out=ratio, where=sums > 0)
            gap = max(gap, float(np.abs(sums[wanted] / target[wanted] - 1).max(initial=0)))
            factors = factors * ratio[code]
        if gap <= tolerance or sweep == most_sweeps:
            break
    return factors, sweep, gap


def measure_design_effect(weights: NDArray[np.float64]) -> float:
    r"""Measure what unequal weights cost: :math:`1 + CV(w)^2 = n\sum w^2/(\sum w)^2`.

    Source: Kish 1992, *Journal of Official Statistics* 8(2). It says nothing of strata and clusters, and it is right
    for variables that the weights have nothing to do with.

    Parameters
    ----------
    weights : (n,)
        Without missing values; NaN of none.

    Examples
    --------
    >>> round(measure_design_effect(np.array([1.0, 3.0])), 6)
    1.25
    """
    total = float(weights.sum())
    return len(weights) * float((weights**2).sum()) / total**2 if total else float("nan")
