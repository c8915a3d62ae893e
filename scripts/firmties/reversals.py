"""Items of a scale that run against the others: a reversal that was forgotten, or done twice."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

COLUMNS = ["wave", "scale", "label", "item", "reverse", "r", "conf_low", "conf_high", "n"]


def correlate_with_rest(items: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    r"""Correlate each item with the mean of the others that were answered, with Fisher's interval.

    The bounds are :math:`\tanh(\operatorname{artanh} r \pm z/\sqrt{n-3})` (Fisher 1921, *Metron* 1).

    Parameters
    ----------
    items
        One column an item, already recoded. A row counts for an item if it and at least one other are answered.

    Returns
    -------
    DataFrame
        Indexed by item: r, conf_low, conf_high, n; missing with fewer than four rows, or if item or rest is constant.

    Examples
    --------
    >>> table = pd.DataFrame({"a": [1, 2, 3, 4, 5], "b": [1, 3, 2, 5, 4], "c": [5, 4, 4, 2, 1]})
    >>> correlate_with_rest(table)["r"].round(3).tolist()
    [-0.378, -0.354, -0.964]
    """
    z = NormalDist().inv_cdf(0.5 + level / 2)
    numbers = items.astype("Float64").astype("float64")
    rows = {}
    for name in numbers:
        rest = numbers.drop(columns=name).mean(axis=1)
        both = numbers[name].notna() & rest.notna()
        x, y = numbers[name][both], rest[both]
        n = int(both.sum())
        if n < 4 or x.nunique() < 2 or y.nunique() < 2:
            rows[name] = (np.nan, np.nan, np.nan, n)
            continue
        r = float(x.corr(y))
        centre, half = np.arctanh(min(max(r, -0.999999), 0.999999)), z / np.sqrt(n - 3)
        rows[name] = (r, float(np.tanh(centre - half)), float(np.tanh(centre + half)), n)
    return pd.DataFrame.from_dict(rows, orient="index", columns=["r", "conf_low", "conf_high", "n"])


def find_reversed_items(items: pd.DataFrame, reverse: Collection[str] = (), least: int = 30) -> pd.DataFrame:
    """Find the items whose correlation with the rest has an interval that lies beneath 0.

    One item that runs the other way pulls the others down, too. So the lowest is taken (of equals, one that the
    codebook reverses), turned, and the rest looked at again, until none is left or half of the items are turned. Of two
    items both are named, unless the codebook reverses one of them.

    Parameters
    ----------
    reverse
        Items that the codebook marks as reverse-keyed.
    least
        Fewer rows than this are not judged.

    Returns
    -------
    DataFrame
        As of :func:`correlate_with_rest`, the items found, in the order found.

    Examples
    --------
    >>> base = np.tile(range(1, 8), 10)
    >>> items = pd.DataFrame({"t1": base, "t2": np.minimum(base + 1, 7), "t3": 8 - base})
    >>> find_reversed_items(items, ["t3"]).index.tolist()
    ['t3']
    """
    numbers = items.astype("Float64").astype("float64")
    found: dict[str, dict[str, float]] = {}
    while len(found) < numbers.shape[1] // 2:
        against = correlate_with_rest(numbers)
        against = against.loc[(against["conf_high"] < 0) & (against["n"] >= least) & ~against.index.isin(list(found))]
        if against.empty:
            break
        order = pd.DataFrame({"r": against["r"].round(9), "other": [name not in reverse for name in against.index]})
        name = str(against.index[np.lexsort((order["other"], order["r"]))[0]])
        found[name] = {str(column): float(against[column][name]) for column in against}
        numbers[name] = -numbers[name]
    if found and numbers.shape[1] == 2 and len({name in reverse for name in numbers}) == 1:
        # Of two items alike nothing tells which one was turned.
        found = {str(name): dict(next(iter(found.values()))) for name in numbers}
    columns = ["r", "conf_low", "conf_high", "n"]
    return pd.DataFrame.from_dict(found, orient="index", columns=columns).astype({"n": int})


def find_reversals(
    panel: pd.DataFrame, scales: Iterable[Mapping[str, Any]], reverse: Collection[str] = (), least: int = 30
) -> pd.DataFrame:
    """Find the items of each scale that run against the others, in each wave alone; see :func:`find_reversed_items`.

    Returns
    -------
    DataFrame
        wave, scale, label, item, reverse (whether the codebook reverses it), r, conf_low, conf_high, n.
    """
    rows = []
    for wave, here in panel.groupby("wave"):
        for scale in scales:
            asked = [name for name in scale["items"] if name in here and here[name].notna().any()]
            if len(asked) < 2:
                continue
            for item, row in find_reversed_items(here[asked], reverse, least).iterrows():
                rows.append((wave, scale["name"], scale.get("label") or scale["name"], item, item in reverse, *row))
    return pd.DataFrame(rows, columns=COLUMNS).astype({"n": int})
