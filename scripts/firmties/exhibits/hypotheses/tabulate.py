"""The table of hypotheses as printed: families as groups, a row a component."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from firmties.tables import Row, Table, describe_basis, format_interval, format_number, format_p, is_missing, list_rows

ADJUSTMENTS = {"holm": "Holm", "bh": "Benjamini-Hochberg", "bonferroni": "Bonferroni", "none": "no adjustment"}


def tabulate(numbers: pd.DataFrame, notes: Mapping[str, Any], options: Mapping[str, Any]) -> Table:
    """Set hypotheses by family: a row with the claim and its verdict, beneath it a row a component.

    The column of planted values is there only if a value was planted.
    """
    numbers = numbers.fillna({"event": ""})
    planted = bool(numbers["planted"].notna().any())
    beside = bool(numbers["complete_estimate"].notna().any()) if "complete_estimate" in numbers else False
    waves = notes["wave_ids"].split("|") if notes.get("waves_apart") else []
    columns = ["Claim, with its contrasts", "Estimate", "95 % interval"]
    columns += [
        *(["Complete cases"] if beside else []),
        *(["Planted"] if planted else []),
        *(["Sign by wave"] if waves else []),
    ]
    columns += ["p", "Adjusted p", "Verdict"]
    rows: list[Row] = []
    for _, family in numbers.groupby("family", sort=False):
        first = family.iloc[0]
        adjustment = ADJUSTMENTS.get(str(first["adjustment"]), str(first["adjustment"]))
        rows.append(Row([f"Family {first['family']}: {adjustment}, level {format_number(first['level'], 2)}"]))
        for _, members in family.groupby("hypothesis", sort=False):
            components = list_rows(members)
            claim = components[0]
            verdict = "not estimated" if is_missing(claim.verdict) else str(claim.verdict)
            blank = [""] * (len(columns) - 3)
            rows.append(
                Row([f"{claim.hypothesis} {claim.claim}", *blank, format_p(claim.p_adjusted), verdict], rule_above=True)
            )
            outcome = ""
            for row in components:
                # The outcome is named where it begins and where it changes.
                on = f"{row.event or row.outcome_label}{', points' if row.scale == 100 else ''}"
                rows.append(Row(write_component(row, on if on != outcome else "", planted, waves, beside), indent=True))
                outcome = on
    footnotes = [
        "Estimate: the contrast of average adjusted predictions, with its 95 % interval by the delta method"
        + ("; outcomes marked “points” are times 100. " if (numbers["scale"] == 100).any() else ". ")
        + "p: one-sided where a direction is stated. A hypothesis of several components takes their largest p, and the "
        "family is adjusted over these; one that is pending or could not be estimated counts in it with p = 1. "
        "Supported: the interval lies on the predicted side and the adjusted p is below the level; "
        "against: the interval lies wholly on the other side; otherwise undecided.",
    ]
    events = numbers.loc[numbers["event"] != "", ["event", "outcome_label"]].drop_duplicates()
    footnotes += [
        f"{event}: the probability of this answer{' or a higher one' if '≥' in event else ''} to “{label}”."
        for event, label in events.itertuples(index=False)
    ]
    if waves:
        footnotes.append(
            f"Sign by wave: of the contrast when its model is fitted to each wave alone ({notes['waves_apart']}), "
            "? where the wave alone does not give it" + (f" ({notes['not_apart']})." if notes.get("not_apart") else ".")
        )
    if planted:
        footnotes.append(
            "Planted: the value put into the invented data; it is the direct effect, so estimates may differ from it."
        )
    basis = {key: notes.get(key) for key in ("weights", "n_imputations", "remark_complete", "remark_not_estimable")}
    footnotes += describe_basis(basis)
    return Table(
        options["title"],
        columns,
        rows,
        alignment="l" + "r" * (len(columns) - 2) + "l",
        widths=[5.5 if beside else 7.0, *[None] * (len(columns) - 2), 1.6],
        notes=footnotes,
        data=numbers,
        layout="small",
    )


def write_component(row: Any, on: str, planted: bool, waves: Sequence[str], beside: bool) -> list[str]:
    """Write the cells of one component; adjusted p and verdict stand beside the claim."""
    digits = 1 if row.scale == 100 else 3

    def scaled(key: str) -> Any:
        return None if is_missing(getattr(row, key)) else row.scale * getattr(row, key)

    return [
        f"{row.component}: {row.contrast_words}" + (f"; outcome: {on}" if on else ""),
        format_number(scaled("estimate"), digits),
        format_interval(scaled("conf_low"), scaled("conf_high"), digits),
        *([format_number(scaled("complete_estimate"), digits)] if beside else []),
        *([format_number(scaled("planted"), digits)] if planted else []),
        *([write_signs(row.signs, waves)] if waves else []),
        format_p(row.p_value),
        "",
        "",
    ]


def write_signs(signs: Any, waves: Sequence[str]) -> str:
    """Write the signs of the waves, with a minus sign as wide as the plus; ? for a wave that has none.

    Examples
    --------
    >>> write_signs("2=+|3=-", ["1", "2", "3"])
    '? + −'
    """
    known = dict(entry.split("=") for entry in str(signs).split("|")) if not is_missing(signs) else {}
    return " ".join(known.get(wave, "?").replace("-", "−") for wave in waves) if known else ""
