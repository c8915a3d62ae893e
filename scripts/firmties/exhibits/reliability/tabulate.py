"""The reliability table as printed: scales as groups, waves as rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from firmties.tables import (
    Row,
    Table,
    describe_basis,
    format_interval,
    format_number,
    format_percent,
    is_missing,
    join_words,
    list_rows,
)

COLUMNS = ["Wave", "n", "Mean", "SD", "α", "95 % interval", "Lowest item-rest r", "Missing, %", "Gate"]


def tabulate(numbers: pd.DataFrame, notes: Mapping[str, Any], options: Mapping[str, Any]) -> Table:
    """Set one row a scale and wave; a wave that did not ask a scale says so."""
    rows: list[Row] = []
    for _, members in numbers.groupby("scale", sort=False):
        first = members.iloc[0]
        rows.append(Row([f"{first['label']} ({int(first['n_items'])} items)"]))
        for scale in list_rows(members):
            if scale.n_asked == 0:
                rows.append(Row([str(scale.wave_label), "not asked", *[""] * 7], indent=True))
                continue
            weakest = "" if is_missing(scale.rest_min) else f"{format_number(scale.rest_min, 2)} {scale.rest_item}"
            asked = "" if scale.n_asked == scale.n_items else f" ({int(scale.n_asked)} items asked)"
            rows.append(
                Row(
                    [
                        f"{scale.wave_label}{asked}",
                        format_number(scale.n, 0),
                        format_number(scale.mean, 2),
                        format_number(scale.sd, 2),
                        format_number(scale.alpha, 2),
                        format_interval(scale.alpha_low, scale.alpha_high, 2),
                        weakest,
                        format_percent(scale.missing),
                        "" if is_missing(scale.gate) else str(scale.gate),
                    ],
                    indent=True,
                )
            )
    footnotes = describe_basis(notes)
    footnotes.append(
        "n: firm-waves with a score. α: Cronbach's alpha of the answers without a gap, with Feldt's interval. "
        "Item-rest r: correlation of an item with the sum of the others. Missing: share of item answers missing where "
        "the item was asked. Gate: what α alone would advise, used from 0.70, shown only from 0.60, dropped below; "
        "it takes no scale out of a model by itself. Reverse-keyed items are recoded."
    )
    if notes.get("reversals"):
        footnotes.append(f"Forgotten reversal? Against the rest of its scale runs {join_words(notes['reversals'])}.")
    return Table(options["title"], COLUMNS, rows, alignment="lrrrrrrrl", notes=footnotes, layout="small")
