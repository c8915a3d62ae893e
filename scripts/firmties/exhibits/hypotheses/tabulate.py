"""The table of hypotheses as printed: families as groups, a row a component."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from firmties.tables import Row, Table, format_interval, format_number, format_p, is_missing, list_rows

ADJUSTMENTS = {"holm": "Holm", "bh": "Benjamini-Hochberg", "bonferroni": "Bonferroni", "none": "no adjustment"}


def tabulate(numbers: pd.DataFrame, notes: Mapping[str, Any], options: Mapping[str, Any]) -> Table:
    """Set hypotheses by family; the column of planted values is there only if a value was planted."""
    planted = bool(numbers["planted"].notna().any())
    rows: list[Row] = []
    for _, family in numbers.groupby("family", sort=False):
        first = family.iloc[0]
        adjustment = ADJUSTMENTS.get(str(first["adjustment"]), str(first["adjustment"]))
        rows.append(Row([f"Family {first['family']}: {adjustment}, level {format_number(first['level'], 2)}"]))
        for _, members in family.groupby("hypothesis", sort=False):
            outcome = None
            for at, row in enumerate(list_rows(members)):
                # The outcome is named where it begins and where it changes.
                on = row.outcome_label if row.outcome_label != outcome else ""
                outcome = row.outcome_label
                rows.append(
                    Row(write_component(row, on, first_of_hypothesis=at == 0, planted=planted), rule_above=at == 0)
                )
    scaled = (numbers["scale"] == 100).any()
    footnotes = [
        "Estimate: the contrast of average adjusted predictions, with its 95 % interval by the delta method"
        + ("; (×100) marks contrasts in points. " if scaled else ". ")
        + "p: one-sided where a direction is stated. A hypothesis of several components takes their largest p, and the "
        "family is adjusted over these. Supported: the interval lies on the predicted side and the adjusted p is below "
        "the level; against: the interval lies wholly on the other side; otherwise undecided.",
    ]
    if planted:
        footnotes.append(
            "Planted: the value put into the invented data; it is the direct effect, so estimates may differ from it."
        )
    columns = ["Hypothesis", "Component and contrast", "Estimate", "95 % interval", "p", "Adjusted p", "Verdict"]
    widths = [2.6, 5.6, *[None] * 4, 1.5]
    if planted:
        columns.insert(6, "Planted")
        widths.insert(6, None)
    alignment = "ll" + "r" * (len(columns) - 3) + "l"
    return Table(
        options["title"],
        columns,
        rows,
        alignment=alignment,
        widths=widths,
        notes=footnotes,
        data=numbers,
        layout="small",
    )


def write_component(row: Any, on: str, *, first_of_hypothesis: bool, planted: bool) -> list[str]:
    """Write the cells of one component; the claim, adjusted p and verdict stand beside the first."""
    scale = row.scale
    mark = " (×100)" if scale == 100 else ""
    digits = 1 if scale == 100 else 3
    contrast = f"{row.component}{mark}: {row.contrast_words}" + (f". Outcome: {on}" if on else "")

    def scaled(key: str) -> Any:
        return None if is_missing(getattr(row, key)) else scale * getattr(row, key)

    cells = [
        f"{row.hypothesis} {row.claim}" if first_of_hypothesis else "",
        contrast,
        format_number(scaled("estimate"), digits),
        format_interval(scaled("conf_low"), scaled("conf_high"), digits),
        format_p(row.p_value),
        format_p(row.p_adjusted) if first_of_hypothesis else "",
        "" if is_missing(row.verdict) or not first_of_hypothesis else str(row.verdict),
    ]
    if planted:
        cells.insert(6, format_number(scaled("planted"), digits))
    return cells
