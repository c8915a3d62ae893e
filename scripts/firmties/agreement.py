"""Agreement of two codings of the same cases."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd


class Agreement(NamedTuple):
    """Cohen's kappa with its large-sample interval.

    Attributes
    ----------
    kappa, std_error, conf_low, conf_high
        NaN where it is not defined: no case, or all cases of one code by both.
    observed, expected
        Share of cases on which the codings agree, and the share that their margins alone would give.
    n, n_agreed
        Cases with both codes, and those that agree.
    """

    kappa: float
    std_error: float
    conf_low: float
    conf_high: float
    observed: float
    expected: float
    n: int
    n_agreed: int


def compute_kappa(first: pd.Series, second: pd.Series, level: float = 0.95) -> Agreement:
    r"""Compute Cohen's kappa of two codings.

    :math:`\kappa = (p_o - p_e)/(1 - p_e)`, :math:`p_o = \sum_i p_{ii}`, :math:`p_e = \sum_i p_{i\cdot}p_{\cdot i}`
    (Cohen 1960, *Educational and Psychological Measurement* 20(1)). The variance is that of Fleiss, Cohen & Everitt
    (1969, *Psychological Bulletin* 72(5)):

    .. math:: \frac{1}{n(1-p_e)^4}\Bigl\{\sum_i p_{ii}[(1-p_e) - (p_{\cdot i}+p_{i\cdot})(1-p_o)]^2
              + (1-p_o)^2\sum_{i\ne j} p_{ij}(p_{\cdot i}+p_{j\cdot})^2 - (p_op_e - 2p_e + p_o)^2\Bigr\}

    and the interval :math:`\kappa \pm z\,SE`, cut at 1 and -1. Agrees with R's ``psych::cohen.kappa``.

    Parameters
    ----------
    first, second
        Codes, row by row; rows where one is missing are left out.
    level
        Of the interval.

    Examples
    --------
    >>> first, second = pd.Series(list("aaabbbcc")), pd.Series(list("aaabbacb"))
    >>> found = compute_kappa(first, second)
    >>> round(found.kappa, 4), round(found.std_error, 4), found.n_agreed
    (0.6098, 0.2301, 6)
    """
    from scipy.special import ndtri

    both = first.notna() & second.notna()
    n = int(both.sum())
    one, other = first[both].astype("str").to_numpy(), second[both].astype("str").to_numpy()
    codes = np.unique(np.concatenate([one, other])) if n else np.array([], dtype=str)
    n_agreed = int((one == other).sum())
    p = np.zeros((len(codes), len(codes)))
    np.add.at(p, (np.searchsorted(codes, one), np.searchsorted(codes, other)), 1 / n if n else 0.0)
    row, column, diagonal = p.sum(axis=1), p.sum(axis=0), np.diag(p)
    observed, expected = float(diagonal.sum()), float(row @ column)
    if n == 0 or len(codes) < 2:
        # One code throughout: nothing is left to agree on beyond chance.
        nan = float("nan")
        return Agreement(nan, nan, nan, nan, observed if n else nan, expected if n else nan, n, n_agreed)
    kappa = (observed - expected) / (1 - expected)
    agreed = diagonal @ ((1 - expected) - (column + row) * (1 - observed)) ** 2
    squares = p * (column[:, None] + row[None, :]) ** 2
    apart = (1 - observed) ** 2 * (squares.sum() - np.diag(squares).sum())
    rest = (observed * expected - 2 * expected + observed) ** 2
    std_error = float(np.sqrt(max(agreed + apart - rest, 0.0) / n) / (1 - expected) ** 2)
    half = float(ndtri(0.5 + level / 2)) * std_error
    low, high = max(kappa - half, -1.0), min(kappa + half, 1.0)
    return Agreement(kappa, std_error, low, high, observed, expected, n, n_agreed)
