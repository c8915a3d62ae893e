"""Moves of firms between the codes of a variable from one wave to the next."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pandas as pd

from firmties.formulas import as_codes


def pair_waves(
    panel: pd.DataFrame, variable: str, firm: str, waves: Sequence[int], missing: str | None = None
) -> pd.DataFrame:
    """Pair each firm's codes in consecutive waves.

    Parameters
    ----------
    panel
        One row a firm in a wave: ``wave``, the firm key, the variable.
    waves
        The study's waves in their order; a firm that skipped one has no pair across the gap.
    missing
        A code for firms without a value, such as for those without a network; without it they have no pair.

    Returns
    -------
    pandas.DataFrame
        One row a firm and pair of waves in both of which it answered: ``before``, ``after`` (waves), the firm key,
        ``code_before``, ``code_after`` (missing where there is none and `missing` is not given). Firms that came in or
        left between the two, refreshment among them, are not there.

    Examples
    --------
    >>> panel = pd.DataFrame({"wave": [1, 2, 1, 2], "firm": ["a", "a", "b", "c"], "form": ["one", "two", "one", "two"]})
    >>> pair_waves(panel, "form", "firm", [1, 2])[["firm", "code_before", "code_after"]].values.tolist()
    [['a', 'one', 'two']]
    """
    codes = as_codes(panel[variable])
    table = panel[["wave", firm]].assign(code=codes if missing is None else codes.fillna(missing))
    parts = []
    for before, after in pairwise(waves):
        early, late = (table[table["wave"] == wave].drop(columns="wave") for wave in (before, after))
        both = early.merge(late, on=firm, how="inner", suffixes=("_before", "_after"), validate="one_to_one")
        parts.append(both.assign(before=before, after=after))
    columns = ["before", "after", firm, "code_before", "code_after"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def count_transitions(pairs: pd.DataFrame, codes: Sequence[str]) -> pd.DataFrame:
    """Count the moves between codes for each pair of waves.

    Parameters
    ----------
    pairs
        From :func:`pair_waves`; rows where a code is missing are left out.
    codes
        All codes, in the order of display.

    Returns
    -------
    pandas.DataFrame
        One row a pair of waves and pair of codes, all of them: ``before``, ``after``, ``code_before``, ``code_after``,
        ``n``, ``n_before`` (firms of the block before that are in both waves), ``n_after``, ``share`` (n / n_before;
        missing where there is none). The flows out of a block add up to it, and so do those into one.

    Examples
    --------
    >>> pairs = pd.DataFrame({"before": 1, "after": 2, "code_before": list("xxy"), "code_after": list("xyy")})
    >>> count_transitions(pairs, ["x", "y"])[["n", "n_before", "share"]].values.tolist()
    [[1.0, 2.0, 0.5], [1.0, 2.0, 0.5], [0.0, 1.0, 0.0], [1.0, 1.0, 1.0]]
    """
    names = ["before", "after", "code_before", "code_after"]
    known = pairs.dropna(subset=["code_before", "code_after"])
    waves = pairs[["before", "after"]].drop_duplicates()
    each = pd.DataFrame({"code_before": list(codes)}).merge(pd.DataFrame({"code_after": list(codes)}), how="cross")
    grid = waves.merge(each, how="cross")
    counts = known.groupby(names).size().rename("n").reset_index()
    table = grid.merge(counts, on=names, how="left", validate="one_to_one")
    table["n"] = table["n"].fillna(0).astype("int64")
    for end in ("before", "after"):
        table[f"n_{end}"] = table.groupby(["before", "after", f"code_{end}"], sort=False)["n"].transform("sum")
    table["share"] = (table["n"] / table["n_before"]).where(table["n_before"] > 0)
    return table
