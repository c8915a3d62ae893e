"""The attrition table as printed: a column a pair of waves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from firmties.exhibits.attrition.summarize import HIDDEN, RAKED
from firmties.panel import NOTABLE
from firmties.tables import ABSENT, Row, Table, describe_basis, format_number, format_p, format_percent, is_missing


def tabulate(numbers: pd.DataFrame, notes: Mapping[str, Any], options: Mapping[str, Any]) -> Table:
    """Set sections as groups, figures as rows; beneath a coefficient or SMD its p, and a word where it is large."""
    pairs = list(dict.fromkeys(numbers["pair"].dropna()))
    rows: list[Row] = []
    for section, members in numbers.groupby("section", sort=False):
        rows.append(Row([str(section)]))
        for _key, found in members.groupby("key", sort=False):
            cells = found.set_index("pair")
            shown = [write_cell(cells.loc[pair], str(section)) if pair in cells.index else ABSENT for pair in pairs]
            rows.append(Row([str(found["label"].iloc[0]), *shown], indent=True))
    footnotes = [
        *describe_basis(notes),
        (
            "In brackets: p, of the coefficient by its normal reference, of a difference of means by Welch's test. "
            f"SMD: difference of means over the root of the mean variance; 'large' beyond {NOTABLE}. Retention of a "
            "type of sample: of the firms that were of this type in the earlier wave."
        ),
    ]
    if (numbers["section"] == RAKED).any():
        footnotes.append(
            "Raked to the frame: weights of panel and of refreshment firms, each brought to the frame's margins of the "
            "later wave, so that what differs is no matter of composition; p by the strata of the draws. A large "
            "difference points to attrition by more than the frame knows, or to answers that change by being asked."
        )
    return Table(options["title"], ["", *pairs], rows, notes=footnotes)


def write_cell(cell: pd.Series, section: str) -> str:
    """Write a count whole, retention as per cent, a coefficient or SMD with its p."""
    if is_missing(cell["value"]):
        return HIDDEN if cell["reason"] == HIDDEN else ABSENT
    if str(cell["key"]).startswith("retention"):
        return format_percent(cell["value"])
    if section == "Firms" or cell["key"] == "n_obs":
        reason = "" if is_missing(cell["reason"]) or not cell["reason"] else f" ({cell['reason']})"
        return format_number(cell["value"], 0) + reason
    large = "SMD" in section and abs(cell["value"]) > NOTABLE
    return f"{format_number(cell['value'], 2)} ({format_p(cell['p_value'])})" + (" large" if large else "")
