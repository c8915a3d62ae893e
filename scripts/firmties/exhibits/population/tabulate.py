"""Estimates for the population as printed: figures and groups down, waves across."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from firmties.display import ENOUGH
from firmties.tables import ABSENT, Row, Table, describe_basis, format_interval, format_number, is_missing, list_rows

AS_TEXT = dict.fromkeys(
    ("part_label", "unit", "variable", "figure_label", "code", "group", "group_label", "wave_label"), "str"
)
"""Columns of codes and words, where 2 is not 2.0."""
INTERVALS = {
    "share": "of shares t on the logit (a share of 0 or 100 % has none)",
    "quantile": "of quantiles Woodruff's",
}
UNSHOWN = {"suppressed": "hidden", "no estimate": "few", "empty": ABSENT, "no weights": ABSENT}


def tabulate(numbers: pd.DataFrame, notes: Mapping[str, Any], options: Mapping[str, Any]) -> Table:
    """Set a row a figure and group; of each wave the estimate with its interval beneath, and how many answered."""
    waves = list(dict.fromkeys(zip(numbers["wave"], numbers["wave_label"].astype(str), strict=True)))
    grouped = numbers["group"].notna().any()
    rows: list[Row] = []
    for _, members in numbers.groupby("part", sort=False):
        first = members.iloc[0]
        heading, unit = (
            str(text) for text in (first["part_label"], "" if is_missing(first["unit"]) else first["unit"])
        )
        figures = [own for _, own in members.groupby(["code", "probability"], sort=False, dropna=False)]
        named = ["" if is_missing(own["figure_label"].iloc[0]) else str(own["figure_label"].iloc[0]) for own in figures]
        if len(figures) == 1:
            heading, named = ": ".join(filter(None, [heading, *named])), [""]
        heading = ", ".join(filter(None, [heading, unit]))
        # One figure of all firms alone needs no heading.
        single = len(figures) == 1 and not grouped
        if not single:
            rows.append(Row([heading]))
        for own, figure in zip(figures, named, strict=True):
            for _, line in own.groupby(["group", "group_label"], sort=False, dropna=False):
                cells = {entry.wave: entry for entry in list_rows(line)}
                words = [figure, str(line["group_label"].iloc[0]) if grouped else ""]
                values = [text for wave, _ in waves for text in set_cell(cells[wave])]
                rows.append(Row([heading if single else ": ".join(filter(None, words)), *values], indent=not single))
    footnotes = [*describe_basis(notes), word_intervals(notes)]
    footnotes.append(
        f"few: fewer than {ENOUGH} firms with an answer."
        + (
            f" hidden: fewer than {notes['minimum_cell']} firms, or what would give their answers away; for the same "
            "reason some quantiles have no interval."
            if notes["minimum_cell"] > 1
            else ""
        )
    )
    columns = [f"By {notes['by']}" if notes["by"] else "", *(text for _ in waves for text in ("Estimate (SE)", "n"))]
    spans = [("", 1), *((label, 2) for _, label in waves)]
    return Table(options["title"], columns, rows, spans=[spans], notes=footnotes, layout="small", data=numbers)


def set_cell(entry: Any) -> tuple[str, str]:
    """Write one estimate with standard error and interval, or why there is none, and the number of firms."""
    n = "hidden" if is_missing(entry.n) else format_number(entry.n, 0)
    if entry.cell == "no population":
        return "population\nnot known", n
    if entry.cell != "shown":
        return UNSHOWN[str(entry.cell)], n
    digits = int(entry.digits)
    text = format_number(entry.estimate, digits)
    interval = format_interval(entry.conf_low, entry.conf_high, digits)
    if interval:
        text += f" ({format_number(entry.std_error, digits)})\n{interval}"
    return text, n


def word_intervals(notes: Mapping[str, Any]) -> str:
    """Say how intervals are made of the statistics that are shown."""
    said = [INTERVALS[name] for name in notes["statistics"] if name in INTERVALS]
    if set(notes["statistics"]) - set(INTERVALS):
        said.insert(0, "of means, totals and ratios t")
    return (
        f"95 % intervals: {'; '.join(said)}. n: firms with an answer, not weighted. Other groups' firms stay "
        "in the design of a group and contribute nothing."
    )
