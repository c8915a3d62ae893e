"""The table of features as printed: features down, groups across."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from firmties.tables import ABSENT, Row, Table, describe_basis, format_interval, format_number, list_rows, wrap_heading

AS_TEXT = {"code": "str", "code_label": "str", "label": "str", "group_label": "str", "by_label": "str"}
"""Columns of codes and words, where 2 is not 2.0."""


def tabulate(numbers: pd.DataFrame, notes: Mapping[str, Any], options: Mapping[str, Any]) -> Table:
    """Set a row a feature, with its interval beneath the value, and above each group how many firm-waves."""
    groups = list(dict.fromkeys(zip(numbers["by"], numbers["code"].astype("str"), strict=True)))
    first = numbers.drop_duplicates(["by", "code"])
    headings = [wrap_heading(str(entry.code_label), 13) for entry in list_rows(first)]
    spans = [("", 1), *((str(own["by_label"].iloc[0]), len(own)) for _, own in first.groupby("by", sort=False))]
    rows: list[Row] = []
    for _, members in numbers.groupby("group", sort=False):
        label = members["group_label"].iloc[0]
        if isinstance(label, str) and label:
            rows.append(Row([label]))
        rows.append(Row(["n", *(_count(members, by, code) for by, code in groups)], indent=True))
        # The words before the last colon are those of the group.
        for _, own in members.groupby("variable", sort=False):
            entries = {(entry.by, str(entry.code)): entry for entry in list_rows(own)}
            name = str(own["label"].iloc[0])
            name = name.rpartition(": ")[2] if "__" in str(own["variable"].iloc[0]) else name
            unit = ", %" if own["kind"].iloc[0] == "share" else ""
            rows.append(Row([f"{name}{unit}", *(_print_cell(entries[key]) for key in groups)], indent=True))
    footnotes = describe_basis(notes)
    footnotes.append(
        "Means, or shares in per cent, with 95 % intervals. n: firm-waves with a value; a range where rows differ."
    )
    return Table(options["title"], ["", *headings], rows, spans=[spans], notes=footnotes, layout="small", data=numbers)


def _count(members: pd.DataFrame, by: str, code: str) -> str:
    n = members.loc[(members["by"] == by) & (members["code"].astype("str") == code), "n"]
    if n.isna().any():
        return "×"
    low, high = format_number(n.min(), 0), format_number(n.max(), 0)
    return low if low == high else f"{low}–{high}"


def _print_cell(entry: Any) -> str:
    if entry.cell != "shown":
        return {"suppressed": "×", "empty": ABSENT}.get(str(entry.cell), "few")
    digits = int(entry.digits)
    interval = format_interval(entry.conf_low, entry.conf_high, digits)
    return f"{format_number(entry.estimate, digits)}\n{interval}" if interval else format_number(entry.estimate, digits)
