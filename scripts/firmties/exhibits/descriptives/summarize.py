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


def describe_values(values: pd.Series, few: int) -> dict[str, float]:
    """Give mean, standard deviation and range; all missing if they would tell the number of a few answers.

    The smallest and the largest value are one firm's: in their place stand the means of the `few` smallest and largest.

    Examples
    --------
    >>> float(describe_values(pd.Series([1.0, 2, 3, 4, 5, 6]), 2)["minimum"])
    1.5
    """
    known = values.dropna().sort_values()
    if is_telling(known, few):
        return dict.fromkeys(("mean", "sd", "minimum", "maximum"), np.nan)
    ends = {"minimum": known.head(few).mean(), "maximum": known.tail(few).mean()}
    return {"mean": known.mean(), "sd": known.std(), **ends}


def summarize(sources: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Fill ``describe`` rows, one a variable, and ``correlate`` rows, one a pair below the diagonal.

    The firm-waves of all waves are taken together; the ICC says how much of the variance lies between firms.
    Minimum and maximum are those of :func:`describe_values`.
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
                **describe_values(values, few), "icc": compute_icc(values, firm),
            }
        )  # fmt: skip
    for at, name in enumerate(names):
        for other in names[:at]:
            n, r, low, high = correlate(panel[name], panel[other])
            # Of few pairs a correlation tells the pairs.
            r, low, high = (r, low, high) if n >= few else (np.nan, np.nan, np.nan)
            rows.append(
                {
                    "part": "correlate", "variable": name, "label": label_of(dictionary, name), "with": other, "n": n,
                    "r": r, "r_low": low, "r_high": high,
                }
            )  # fmt: skip
    return pd.DataFrame(rows), describe_rows(panel, study, sources["waves"]) | {"minimum_cell": few}
