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

COLUMNS = ["Wave", "n", "Mean", "SD", "α", "95 % interval", "ω", "AVE", "Lowest item-rest r", "Missing, %", "Gate"]
NOTEWORTHY = 0.02
"""Gain of alpha from which the item that would have to go is named; less is noise of a few hundred answers."""
POOLED = ["α, imputed", "ω, imputed"]
VERDICTS = {
    "used": "enters models",
    "weak": "enters models, with caution",
    "kept": "kept in models",
    "left out": "left out of models",
    "not judged": "not judged",
}


def tabulate(numbers: pd.DataFrame, notes: Mapping[str, Any], options: Mapping[str, Any]) -> Table:
    """Set one row a scale and wave; a wave that did not ask a scale says so."""
    rows: list[Row] = []
    is_pooled = "alpha_pooled" in numbers
    enter, drop = (format_number(notes[bound], 2) for bound in ("enter", "drop"))
    advice = {"weak": "with caution", "left out": f"below {drop}"}
    columns = [*COLUMNS[:-2], *(POOLED if is_pooled else []), *COLUMNS[-2:]]
    better: list[str] = []
    for name, members in numbers.groupby("scale", sort=False):
        first = members.iloc[0]
        judged = notes.get(f"verdict_{name}")
        verdict = f": {VERDICTS[judged]}, {notes[f'reason_{name}']}" if judged else ""
        rows.append(Row([f"{first['label']} ({int(first['n_items'])} items){verdict}"]))
        for scale in list_rows(members):
            if scale.n_asked == 0:
                rows.append(Row([str(scale.wave_label), "not asked", *[""] * (len(columns) - 2)], indent=True))
                continue
            weakest = "" if is_missing(scale.rest_min) else f"{format_number(scale.rest_min, 2)} {scale.rest_item}"
            asked = "" if scale.n_asked == scale.n_items else f" ({int(scale.n_asked)} items asked)"
            if not is_missing(scale.drop_alpha) and scale.drop_alpha >= scale.alpha + NOTEWORTHY:
                without = f"{format_number(scale.drop_alpha, 2)} without {scale.drop_item}"
                better.append(f"{scale.label} {scale.wave_label} ({without})")
            pooled = [format_number(scale.alpha_pooled, 2), format_number(scale.omega_pooled, 2)] if is_pooled else []
            rows.append(
                Row(
                    [
                        f"{scale.wave_label}{asked}",
                        format_number(scale.n, 0),
                        format_number(scale.mean, 2),
                        format_number(scale.sd, 2),
                        format_number(scale.alpha, 2),
                        format_interval(scale.alpha_low, scale.alpha_high, 2),
                        "" if is_missing(scale.omega) else format_number(scale.omega, 2),
                        "" if is_missing(scale.ave) else format_number(scale.ave, 2),
                        weakest,
                        *pooled,
                        format_percent(scale.missing),
                        "" if is_missing(scale.gate) else advice.get(str(scale.gate), str(scale.gate)),
                    ],
                    indent=True,
                )
            )
    footnotes = describe_basis({**notes, "n_imputations": None} if not is_pooled else notes)
    acted = (
        "beside the scale's name, what the gate makes of it in models, by α and ω over the waves with each item's wave "
        "mean taken off"
        if notes.get("is_gated")
        else "it takes no scale out of a model by itself"
    )
    footnotes.append(
        "n: firm-waves with a score. α: Cronbach's alpha of the answers without a gap, with Feldt's interval. "
        "ω: McDonald's omega total of one factor by maximum likelihood, over the variance that the model implies; two "
        "items have none. AVE: mean squared standardized loading, of two items their correlation. "
        "Item-rest r: correlation of an item with the sum of the others. Missing: share of item answers missing where "
        "the item was asked. Gate: what the lower of α and ω in the wave advises, used from "
        f"{enter}, with caution from {drop}; {acted}. Reverse-keyed items are recoded."
    )
    if is_pooled:
        footnotes.append(
            f"Imputed: pooled over {notes['n_imputations']} imputed data sets, of all firm-waves, on the scale of "
            "log(1 − reliability)."
        )
    if better:
        footnotes.append(f"α would be higher by 0.02 or more without one item: {join_words(better)}.")
    if notes.get("reversals"):
        footnotes.append(f"Forgotten reversal? Against the rest of its scale runs {join_words(notes['reversals'])}.")
    alignment = "l" + "r" * (len(columns) - 2) + "l"
    return Table(options["title"], columns, rows, alignment=alignment, notes=footnotes, layout="small")
