"""The comparison of early with late respondents as printed: waves as groups, variables as rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from firmties.display import ENOUGH
from firmties.tables import (
    ABSENT,
    Row,
    Table,
    describe_basis,
    format_interval,
    format_number,
    format_p,
    is_missing,
    list_rows,
)


def tabulate(numbers: pd.DataFrame, notes: Mapping[str, Any], options: Mapping[str, Any]) -> Table:
    """Set means, their difference, Hedges g with its interval and p; small groups have none."""
    rows: list[Row] = []
    for _, members in numbers.groupby("wave", sort=False):
        first = members.iloc[0]
        if not is_missing(first["reason"]):
            rows.append(Row([f"{first['wave_label']}: no comparison ({first['reason']})"]))
            continue
        rows.append(Row([f"{first['wave_label']} (early: {first['early']}; late: {first['late']})"]))
        rows += [set_row(row) for row in list_rows(members)]
    columns = ["", "n early", "n late", "Mean, early", "Mean, late", "Difference", "Hedges g", "95 % interval", "p"]
    footnotes = [
        *describe_basis(notes),
        (
            f"Early and late: the first and the last third of a wave's answers by: {notes['by']}; equal values stay "
            "together. Difference: early minus late."
        ),
        (
            "Hedges g: difference over the pooled standard deviation, times "
            "J(m) = Γ(m/2) / (√(m/2) Γ((m − 1)/2)), m = n1 + n2 − 2; interval g ± 1.96 √(1/n1 + 1/n2 + "
            "g²/(2(n1 + n2))). p: Welch's test, not adjusted for the number of variables."
        ),
        (
            "Late respondents stand in for those who did not answer (Armstrong & Overton 1977); that they are alike is "
            f"an assumption. Groups of fewer than {ENOUGH} show no mean."
        ),
    ]
    if notes["minimum_cell"] > 1:
        footnotes.append(
            f"Shares that stand for fewer than {notes['minimum_cell']}, and those from which such a number would "
            "follow, are hidden."
        )
    return Table(options["title"], columns, rows, notes=footnotes, data=numbers)


def set_row(row: Any) -> Row:
    """Set one variable in one wave."""
    cells = [str(row.label), format_number(row.n_1, 0), format_number(row.n_2, 0)]
    if row.cell != "shown":
        return Row([*cells, "hidden" if row.cell == "suppressed" else ABSENT, *[ABSENT] * 5], indent=True)
    cells += [format_number(value, 2) for value in (row.mean_1, row.mean_2, row.difference, row.hedges_g)]
    return Row([*cells, format_interval(row.g_low, row.g_high, 2), format_p(row.p_value)], indent=True)
