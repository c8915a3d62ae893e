"""Numbers of the table of descriptives and correlations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from firmties.disclosure import find_minimum, is_telling
from firmties.display import describe_rows, label_of


def compute_icc(values: pd.Series, groups: pd.Series) -> float:
    r"""Compute the share of variance between groups, ICC(1) from a one-way analysis of variance.

    :math:`(MS_B - MS_W)/(MS_B + (n_0 - 1) MS_W)` with :math:`n_0 = (N - \sum n_i^2/N)/(a - 1)` for groups of
    unequal size (Donner 1986, *International Statistical Review* 54(1)). Rows with a gap are left out.

    Returns
    -------
    float
        Missing where no group has two values, or there are fewer than two groups.

    Examples
    --------
    >>> round(float(compute_icc(pd.Series([1.0, 2, 5, 6, 9, 8]), pd.Series(list("aabbcc")))), 4)
    0.9603
    """
    frame = pd.DataFrame({"value": values.astype(float), "group": groups}).dropna()
    sizes = frame.groupby("group")["value"].size()
    n, a = len(frame), len(sizes)
    if a < 2 or n == a:
        return np.nan
    means = frame.groupby("group")["value"].transform("mean")
    between = ((means - frame["value"].mean()) ** 2).sum() / (a - 1)
    within = ((frame["value"] - means) ** 2).sum() / (n - a)
    typical = (n - (sizes**2).sum() / n) / (a - 1)
    below = between + (typical - 1) * within
    return (between - within) / below if below > 0 else np.nan


def correlate(x: pd.Series, y: pd.Series, level: float = 0.95) -> tuple[int, float, float, float]:
    r"""Correlate two variables, with the interval of Fisher's z.

    The bounds are :math:`\tanh(\operatorname{artanh} r \pm u/\sqrt{n-3})`.

    Returns
    -------
    tuple
        n of complete pairs, r, lower and upper bound; missing with fewer than four pairs or no variance.

    Examples
    --------
    >>> n, r, low, high = correlate(pd.Series([1.0, 2, 3, 4, 5]), pd.Series([2.0, 1, 4, 3, 5]))
    >>> n, round(float(r), 2), round(float(low), 3), round(float(high), 3)
    (5, 0.8, -0.28, 0.986)
    """
    pairs = pd.DataFrame({"x": x.astype(float), "y": y.astype(float)}).dropna()
    n = len(pairs)
    if n < 4 or pairs["x"].std() == 0 or pairs["y"].std() == 0:
        return n, np.nan, np.nan, np.nan
    r = float(np.corrcoef(pairs["x"], pairs["y"])[0, 1])
    if abs(r) >= 1:
        return n, r, r, r
    half = ndtri(0.5 + level / 2) / np.sqrt(n - 3)
    return n, r, float(np.tanh(np.arctanh(r) - half)), float(np.tanh(np.arctanh(r) + half))


def tells_pairs(x: pd.Series, y: pd.Series, few: int) -> bool:
    """Tell a correlation from which the number of a few pairs follows: of few pairs, or of at most three values each.

    With the means, that of two answers of yes or no gives how many said yes to both.

    Examples
    --------
    >>> tells_pairs(pd.Series([0] * 30 + [1] * 30), pd.Series([0] * 28 + [1] * 32), 5)
    True
    """
    pairs = pd.DataFrame({"x": x, "y": y}).dropna()
    return len(pairs) < few or bool(pairs.nunique().max() <= 3 and (pairs.value_counts() < few).any())


SCALE = 11
"""A response scale has at most so many codes."""


def average_ends(values: pd.Series, few: int) -> dict[str, float]:
    """Give the means of the smallest and of the largest values, `few` each, in place of one firm's.

    Of a response scale such a mean would tell how many gave its last code, where they are few: it is missing.

    Examples
    --------
    >>> average_ends(pd.Series([1.0, 1, 1, 2, 2, 3, 3, 4, 4, 4, 4, 4]), 5)
    {'minimum': nan, 'maximum': 4.0}
    """
    known = values.dropna().sort_values()
    ends = {"minimum": known.head(few), "maximum": known.tail(few)}
    coded = known.nunique() <= SCALE
    return {name: float("nan") if coded and end.nunique() > 1 else float(end.mean()) for name, end in ends.items()}


def describe_values(values: pd.Series, waves: pd.Series, few: int) -> dict[str, float]:
    """Give mean, standard deviation and ends; all missing if they would tell a few answers, of all waves or of one.

    The topline gives the waves apart: the one that it hides would follow from those that it shows.
    """
    parts = [values, *(part for _, part in values.dropna().groupby(waves))]
    if any(is_telling(part, few) for part in parts):
        return dict.fromkeys(("mean", "sd", "minimum", "maximum"), np.nan)
    return {"mean": values.mean(), "sd": values.std(), **average_ends(values, few)}


def summarize(sources: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Fill ``describe`` rows, one a variable, and ``correlate`` rows, one a pair below the diagonal.

    The firm-waves of all waves are taken together; the ICC says how much of the variance lies between firms.
    Minimum and maximum are those of :func:`average_ends`.
    """
    panel, dictionary, study = sources["panel"], sources["dictionary"], sources["study"]
    names, few = options["variables"], find_minimum(study)
    firm = panel[study["firm"]]
    rows: list[dict[str, Any]] = []
    for name in names:
        values = panel[name].astype(float)
        rows.append(
            {
                "part": "describe", "variable": name, "label": label_of(dictionary, name),
                "n": int(values.notna().sum()),
                **describe_values(values, panel["wave"], few), "icc": compute_icc(values, firm),
            }
        )  # fmt: skip
    for at, name in enumerate(names):
        for other in names[:at]:
            n, r, low, high = correlate(panel[name], panel[other])
            if tells_pairs(panel[name], panel[other], few):
                r = low = high = np.nan
            rows.append(
                {
                    "part": "correlate", "variable": name, "label": label_of(dictionary, name), "with": other, "n": n,
                    "r": r, "r_low": low, "r_high": high,
                }
            )  # fmt: skip
    return pd.DataFrame(rows), describe_rows(panel, study, sources["waves"]) | {"minimum_cell": few}
