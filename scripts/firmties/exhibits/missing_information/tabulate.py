"""The table of missing information as printed: constructs as groups, variables as rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from firmties.tables import ABSENT, Row, Table, describe_basis, format_number, is_missing, list_rows

COLUMNS = [
    "Variable",
    "Method",
    "Observed",
    "Missing",
    "Imputed",
    "Mean (SD) observed",
    "Mean (SD) imputed",
    "Missing information",
]
METHODS = {
    "pmm": "matching",
    "logit": "logit",
    "multinomial_logit": "multinomial logit",
    "ordered_logit": "ordered logit",
}


def word_method(method: str) -> str:
    """Word a method.

    Examples
    --------
    >>> word_method("pmm"), word_method("pmm, multiple of sales_prev")
    ('matching', 'matching, multiple of sales_prev')
    """
    first, comma, rest = method.partition(",")
    return METHODS.get(first, first) + comma + rest


def format_moments(mean: Any, spread: Any) -> str:
    """Mean with the standard deviation in parentheses."""
    if is_missing(mean):
        return ABSENT
    digits = 2 if abs(mean) < 100 else 0
    return f"{format_number(mean, digits)} ({format_number(spread, digits)})"


def tabulate(numbers: pd.DataFrame, notes: Mapping[str, Any], options: Mapping[str, Any]) -> Table:
    """Set one row a variable under its construct."""
    rows: list[Row] = []
    left = []
    for heading, members in numbers.groupby("heading", sort=False):
        rows.append(Row([str(heading)]))
        for entry in list_rows(members):
            if entry.n_imputed < entry.n_missing:
                why = "" if is_missing(entry.reason) else f" ({entry.reason})"
                left.append(f"{entry.label}: {int(entry.n_missing - entry.n_imputed)}{why}")
            rows.append(
                Row(
                    [
                        str(entry.label),
                        word_method(str(entry.method)),
                        format_number(entry.n_observed, 0),
                        format_number(entry.n_missing, 0),
                        format_number(entry.n_imputed, 0),
                        format_moments(entry.mean_observed, entry.sd_observed),
                        format_moments(entry.mean_imputed, entry.sd_imputed),
                        format_number(entry.missing_information, 3),
                    ],
                    indent=True,
                )
            )
    footnotes = describe_basis(notes)
    footnotes.append(
        "Missing: not answered, not known, refused, or removed as implausible; questions that were not asked or did "
        "not apply are not among them and are never imputed. Matching: predictive mean matching. Means of imputed "
        "values are over all sets; they differ from those of the observed answers where firms that do not answer "
        "differ in what is known of them. Missing information: the largest of the waves, of the variable's mean. "
        "A dash: a category, or numbers from which those of a few answers would follow."
    )
    if left:
        footnotes.append("Not imputed: " + "; ".join(left) + ".")
    return Table(
        options["title"],
        COLUMNS,
        rows,
        alignment="llrrrrrr",
        widths=[30, 16, None, None, None, None, None, None],
        notes=footnotes,
        layout="small",
    )
