"""Whether scales measure different things: HTMT with bootstrap bounds, Fornell-Larcker, and common-method checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtr

from firmties.reliability import fit_congeneric

DRAWS_AT_ONCE = 125
"""Bootstrap draws computed together; bounds the memory, not the result."""


class PairMoments(NamedTuple):
    """Sums from which the correlations of all pairs of items follow, one row a cluster.

    Attributes
    ----------
    names
        The items.
    first, second
        Positions of the items of each pair.
    sums
        Clusters × 6 · pairs: number of rows that answered both, sums of both, of their squares, of their product.
    clusters
        Key of each row of `sums`, sorted.
    """

    names: list[str]
    first: np.ndarray
    second: np.ndarray
    sums: np.ndarray
    clusters: np.ndarray


def gather_pairs(items: pd.DataFrame, clusters: pd.Series) -> PairMoments:
    """Sum up what the correlations of pairs of items need, cluster by cluster.

    Parameters
    ----------
    items
        One column an item, recoded. A row counts for a pair if both are answered.
    clusters
        What is drawn together in a bootstrap, such as the firm; not missing.
    """
    numbers = items.astype("Float64").astype("float64")
    values = numbers.to_numpy()
    known = ~np.isnan(values)
    answered = np.where(known.any(axis=0), known.sum(axis=0), 1)
    # Centred, so that sums of squares lose no digits.
    values = np.where(known, values - np.where(known, values, 0).sum(axis=0) / answered, 0.0)
    first, second = np.triu_indices(values.shape[1], 1)
    keys, codes = np.unique(clusters.to_numpy(), return_inverse=True)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(keys)))
    values, weight = values[order], known[order].astype(float)
    squares = values * values
    sums = np.empty((len(keys), 6, len(first)))
    at = 0
    # Item by item with those after it, so that what is multiplied stays small.
    for item in range(values.shape[1] - 1):
        x, w, rest = values[:, [item]], weight[:, [item]], slice(item + 1, None)
        y, v = values[:, rest], weight[:, rest]
        for place, part in enumerate((w * v, x * v, y * w, squares[:, [item]] * v, squares[:, rest] * w, x * y)):
            sums[:, place, at : at + y.shape[1]] = np.add.reduceat(part, starts, axis=0)
        at += y.shape[1]
    return PairMoments([str(name) for name in numbers], first, second, sums.reshape(len(keys), -1), keys)


def correlate_pairs(totals: np.ndarray, least: int = 3) -> np.ndarray:
    """Correlate all pairs of items from the totals of their sums (draws × 6 · pairs).

    A pair with fewer rows than `least`, or with a constant item, has none.
    """
    n, x, y, xx, yy, xy = np.split(np.atleast_2d(totals), 6, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = (n * xx - x * x) * (n * yy - y * y)
        r = (n * xy - x * y) / np.sqrt(np.where(spread > 1e-9 * np.maximum(n, 1) ** 2, spread, np.nan))
    return np.where(n >= least, np.clip(r, -1, 1), np.nan)


def make_matrix(moments: PairMoments, r: np.ndarray) -> pd.DataFrame:
    """Arrange the correlations of pairs as a symmetric matrix."""
    matrix = np.eye(len(moments.names))
    matrix[moments.first, moments.second] = matrix[moments.second, moments.first] = r
    return pd.DataFrame(matrix, moments.names, moments.names)


def compute_htmt(
    r: np.ndarray, moments: PairMoments, scales: Mapping[str, Sequence[str]], *, geometric: bool = False
) -> np.ndarray:
    r"""Compute the heterotrait-monotrait ratio of all pairs of scales (draws × pairs of scales).

    The mean of the absolute correlations between the items of two scales, divided by the geometric mean of the mean
    absolute correlations within each (Henseler, Ringle & Sarstedt 2015, *Journal of the Academy of Marketing Science*
    43(1)); as ``semTools::htmt(htmt2 = FALSE)``. With `geometric` all means of correlations are geometric, which is
    HTMT2 (Roemer, Schuberth & Henseler 2021, *Industrial Management & Data Systems* 121(12)).

    Parameters
    ----------
    r
        Correlations of the pairs of `moments`, one row a draw.
    scales
        Scale → its items. One with a single item has no ratio.

    Examples
    --------
    >>> draw = np.random.default_rng(1)
    >>> trait = draw.normal(size=(500, 2))
    >>> noise = draw.normal(size=(500, 4))
    >>> items = pd.DataFrame(trait[:, [0, 0, 1, 1]] + noise, columns=list("abcd"))
    >>> moments = gather_pairs(items, pd.Series(range(500)))
    >>> r = correlate_pairs(moments.sums.sum(axis=0))
    >>> compute_htmt(r, moments, {"one": ["a", "b"], "two": ["c", "d"]}).round(2).tolist()
    [[0.08]]
    """
    size = np.log(np.abs(r)) if geometric else np.abs(r)
    place = {name: at for at, name in enumerate(moments.names)}
    of_item = np.full(len(moments.names), -1)
    for number, items in enumerate(scales.values()):
        of_item[[place[item] for item in items if item in place]] = number
    one, two = of_item[moments.first], of_item[moments.second]

    def average(members: np.ndarray) -> np.ndarray:
        mean = size[:, members].mean(axis=1) if members.any() else np.full(len(size), np.nan)
        return np.exp(mean) if geometric else mean

    within = [average((one == number) & (two == number)) for number in range(len(scales))]
    ratios = []
    with np.errstate(invalid="ignore", divide="ignore"):
        for i, j in combinations(range(len(scales)), 2):
            between = average(((one == i) & (two == j)) | ((one == j) & (two == i)))
            scale = np.sqrt(within[i] * within[j])
            ratios.append(between / np.where(scale > 0, scale, np.nan))
    return np.array(ratios).T.reshape(len(size), -1)


def bootstrap_htmt(
    moments: PairMoments,
    scales: Mapping[str, Sequence[str]],
    draws: int = 2000,
    seed: int = 1,
    level: float = 0.95,
    *,
    geometric: bool = False,
) -> pd.DataFrame:
    """Estimate the ratio of each pair of scales, with percentile bounds from a bootstrap of clusters.

    Clusters are drawn with replacement, as many as there are; all rows of a cluster go together, so that a firm's waves
    are not taken for independent. A draw is a product of counts with the clusters' sums.

    Returns
    -------
    DataFrame
        scale_1, scale_2, estimate, conf_low, conf_high, n_draws (those that have a ratio). Rounded to ten digits, so
        that the order in which a machine adds does not show.
    """
    estimate = compute_htmt(correlate_pairs(moments.sums.sum(axis=0)), moments, scales, geometric=geometric)[0]
    n = len(moments.sums)
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=draws) if n else np.empty((0, 0))
    drawn = [
        compute_htmt(
            correlate_pairs(counts[at : at + DRAWS_AT_ONCE] @ moments.sums), moments, scales, geometric=geometric
        )
        for at in range(0, len(counts), DRAWS_AT_ONCE)
    ]
    found = np.concatenate(drawn) if drawn else np.full((1, len(estimate)), np.nan)
    rows = []
    for at, (one, two) in enumerate(combinations(scales, 2)):
        own = found[:, at][np.isfinite(found[:, at])]
        some = len(own) > 1 and np.isfinite(estimate[at])
        low, high = np.quantile(own, [0.5 - level / 2, 0.5 + level / 2]) if some else (np.nan, np.nan)
        rows.append((one, two, *np.round([estimate[at], low, high], 10), len(own)))
    return pd.DataFrame(rows, columns=["scale_1", "scale_2", "estimate", "conf_low", "conf_high", "n_draws"])


def judge_htmt(estimate: float, high: float, distinct: float = 0.85, neighbouring: float = 0.90) -> str:
    """Say in words what a ratio and its upper bound mean.

    Examples
    --------
    >>> judge_htmt(0.5, 0.6), judge_htmt(0.8, 0.87), judge_htmt(0.8, 0.95), judge_htmt(0.92, 0.99)
    ('distinct', 'distinct by the looser bound', 'not shown to be distinct', 'not distinct')
    """
    if np.isnan(estimate):
        return "no ratio"
    if estimate >= neighbouring:
        return "not distinct"
    if high < distinct:
        return "distinct"
    return "distinct by the looser bound" if high < neighbouring else "not shown to be distinct"


def adjust_for_marker(r: float, marker: float, n: int) -> tuple[float, float, int, float]:
    r"""Take a common-method correlation out of a correlation: r adjusted, t, degrees of freedom, p (two-sided).

    :math:`r_{adj} = (r - r_m)/(1 - r_m)`, :math:`t = r_{adj}/\sqrt{(1 - r_{adj}^2)/(n - 3)}` with n − 3 degrees of
    freedom (Lindell & Whitney 2001, *Journal of Applied Psychology* 86(1), equations 4 and 5).

    Examples
    --------
    >>> [round(value, 4) for value in adjust_for_marker(0.4, 0.1, 103)]
    [0.3333, 3.5355, 100, 0.0006]
    """
    adjusted = (r - marker) / (1 - marker)
    df = n - 3
    if df < 1 or not abs(adjusted) < 1:
        return adjusted, np.nan, max(df, 0), np.nan
    t = adjusted / np.sqrt((1 - adjusted**2) / df)
    return float(adjusted), float(t), df, float(2 * stdtr(df, -abs(t)))


def share_single_factor(correlations: pd.DataFrame) -> tuple[float, float]:
    """Share of the items' variance that the first principal component takes, and the smallest eigenvalue.

    Harman's check; Podsakoff, MacKenzie, Lee & Podsakoff 2003 (*Journal of Applied Psychology* 88(5)) call it weak.
    Items with a correlation that is missing are left out; a smallest eigenvalue beneath 0 says that the matrix, made
    pair by pair, is that of no sample.

    Examples
    --------
    >>> share_single_factor(pd.DataFrame([[1, 0.5], [0.5, 1]]))
    (0.75, 0.5)
    """
    matrix = correlations.to_numpy(dtype=float, copy=True)
    kept = np.ones(len(matrix), bool)
    while np.isnan(matrix[np.ix_(kept, kept)]).any():
        gaps = np.where(kept, np.isnan(matrix[:, kept]).sum(axis=1), -1)
        kept[int(gaps.argmax())] = False
    if kept.sum() < 2:
        return np.nan, np.nan
    values = np.linalg.eigvalsh(matrix[np.ix_(kept, kept)])
    return float(round(values[-1] / kept.sum(), 10)), float(round(values[0], 10))


class Factor(NamedTuple):
    """A scale as a factor: standardized loadings, the share of variance they explain, and why there are none."""

    loadings: pd.Series
    ave: float
    n: int
    reason: str = ""


def measure_factor(items: pd.DataFrame) -> Factor:
    r"""Fit one factor to a scale's items, and average the variance it extracts.

    AVE is the mean of the squared standardized loadings (Fornell & Larcker 1981, *Journal of Marketing Research* 18(1);
    of unstandardized items it would weigh those with more variance more). Two items determine no loadings; they are
    held equal, so that each is the root of the correlation.

    Parameters
    ----------
    items
        One column an item, recoded; rows with a gap are left out.

    Examples
    --------
    >>> factor = measure_factor(pd.DataFrame({"a": [1, 2, 3, 4, 5], "b": [1, 3, 2, 5, 4]}))
    >>> factor.loadings.round(3).tolist(), round(factor.ave, 3)
    ([0.894, 0.894], 0.8)
    """
    names, n = [str(name) for name in items], len(items.dropna())
    model = fit_congeneric(items)
    if np.isnan(model.ave):
        few = {1: "one item", 2: "two items that do not correlate above 0"}
        return Factor(pd.Series(np.nan, names, dtype=float), np.nan, n, few.get(len(names), model.reason))
    return Factor(pd.Series(model.loadings).reindex(names), model.ave, n)


def correlate_factors(correlations: pd.DataFrame, factors: Mapping[str, Factor]) -> pd.DataFrame:
    r"""Correlate factors from the correlations of their items: structure after measurement.

    With :math:`w_i = \Theta_i^{-1}\lambda_i`, :math:`\phi_{ij} = w_i'R_{ij}w_j / (w_i'\lambda_i\; w_j'\lambda_j)`, the
    correlation of Bartlett's factor scores freed of their errors; each scale's factor is measured by its own items
    alone (Rosseel & Loh 2022, *Psychological Methods*; ``lavaan::sam`` with its local form).

    Parameters
    ----------
    correlations
        Of the items, pair by pair.
    factors
        As of :func:`measure_factor`; without loadings a factor has no correlations.
    """
    weights, names = {}, list(factors)
    for name, factor in factors.items():
        own = factor.loadings.to_numpy(dtype=float)
        with np.errstate(divide="ignore", invalid="ignore"):
            weight = own / (1 - own**2)
            weights[name] = weight / (weight @ own)
    found = pd.DataFrame(np.eye(len(names)), names, names)
    for one, two in combinations(names, 2):
        block = correlations.loc[factors[one].loadings.index, factors[two].loadings.index].to_numpy(dtype=float)
        found.loc[one, two] = found.loc[two, one] = float(weights[one] @ block @ weights[two])
    return found
