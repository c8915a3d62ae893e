"""Numbers of the comparison: a row a published cell, with what was computed and whether the two agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from firmties.errors import StudyError, describe_allowed

QUANTITIES = {"estimate": "estimates", "std_error": "estimates", "n_obs": "models", "r_squared": "models"}
KEYS = ["model", "outcome", "sample", "block", "term"]


def read_printed(text: str) -> tuple[float, int]:
    """Read a printed number: its value and its number of decimals.

    Examples
    --------
    >>> read_printed("−95.44"), read_printed("1,400"), read_printed(".108")
    ((-95.44, 2), (1400.0, 0), (0.108, 3))
    """
    plain = str(text).strip().replace("\N{MINUS SIGN}", "-").replace(",", "").replace(" ", "").strip("()")
    return float(plain), len(plain.partition(".")[2])


def agrees(computed: float, printed: str) -> bool:
    """Say whether a value rounds to what was printed (a tie may go either way).

    Examples
    --------
    >>> agrees(371.8349, "371.83"), agrees(282.78, "0.32"), agrees(0.1075, ".108")
    (True, False, True)
    """
    value, decimals = read_printed(printed)
    return abs(computed - value) <= 0.5 * 10**-decimals * (1 + 1e-9)


def summarize(sources: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Find the computed value of every published cell and judge it.

    Raises
    ------
    StudyError
        A cell names a quantity that is not known, a number that cannot be read, or keys that several results share.
    """
    published = sources["published"].fillna("").astype(str)
    if tables := options.get("tables"):
        published = published.loc[published["table"].isin(tables)]
    problems: list[str] = []
    computed = []
    for line, cell in zip(published.index + 2, published.to_dict("records"), strict=True):
        value, problem = find_value(cell, sources)
        computed.append(value)
        if problem:
            problems.append(f"data/published.csv, line {line}: {problem}")
    if problems:
        raise StudyError(problems)
    numbers = published.assign(
        computed=pd.Series(computed, index=published.index, dtype=float),
        decimals=[read_printed(text)[1] for text in published["published"]],
    )
    numbers["status"] = [
        "not computed" if pd.isna(value) else "agrees" if agrees(value, text) else "differs"
        for value, text in zip(numbers["computed"], numbers["published"], strict=True)
    ]
    counts = numbers["status"].value_counts()
    notes = {
        "n_cells": len(numbers),
        "n_agreeing": int(counts.get("agrees", 0)),
        "n_differing": int(counts.get("differs", 0)),
        "n_not_computed": int(counts.get("not computed", 0)),
    }
    return numbers, notes


def find_value(cell: Mapping[str, str], sources: Mapping[str, Any]) -> tuple[float | None, str]:
    """Look one cell up in the results: its value, if there is one, and what is wrong with its keys."""
    quantity = cell["quantity"]
    if quantity not in QUANTITIES:
        return None, f"quantity '{quantity}': {describe_allowed(quantity, QUANTITIES)}"
    try:
        read_printed(cell["published"])
    except ValueError:
        return None, f"published '{cell['published']}' is not a number"
    results = sources[QUANTITIES[quantity]]
    # An empty key stands for whatever there is, as long as there is only one.
    keys = [key for key in KEYS if cell.get(key) and key in results.columns]
    found = results
    for key in keys:
        found = found.loc[found[key].astype(str) == cell[key]]
    values = found[quantity].dropna()
    if len(values) > 1:
        named = ", ".join(f"{key} {cell[key]}" for key in keys)
        return None, f"{len(values)} results match {named}; name the outcome, sample, block or term, too"
    return (float(values.iloc[0]), "") if len(values) else (None, "")
