"""The table of measurement invariance as printed: scales as groups, steps as rows; then the items that changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from firmties.tables import (
    Row,
    Table,
    count_words,
    describe_basis,
    format_interval,
    format_number,
    is_missing,
    join_words,
    list_rows,
)

COLUMNS = ["", "χ²", "df", "CFI", "RMSEA", "SRMR", "ΔCFI", "ΔRMSEA", "ΔSRMR", "Holds"]

TRUE = ("True", "1.0", "1")
"""How a truth value may be written in a file of results."""


def tabulate(numbers: pd.DataFrame, notes: Mapping[str, Any], options: Mapping[str, Any]) -> Table:
    """Set the steps of each scale beneath what follows from them."""
    parts = {str(part): rows for part, rows in numbers.groupby("part")}
    scales = parts.get("scale", numbers.iloc[:0])
    steps = parts.get("step", numbers.iloc[:0])
    rows: list[Row] = []
    for scale in list_rows(scales):
        rows.append(Row([word_scale(scale)]))
        rows += [word_step(step) for step in list_rows(steps.loc[steps["scale"] == scale.scale])]
    below = []
    partial = scales.loc[scales["level"] == "partial scalar", "scale"]
    means = parts.get("mean", numbers.iloc[:0])
    if len(partial):
        below.append(set_means(means.loc[means["scale"].isin(partial)]))
    if "item" in parts:
        below.append(set_items(parts["item"]))
    return Table(
        options["title"],
        COLUMNS,
        rows,
        notes=[*word_rules(str(notes["over"])), *word_verdicts(scales, steps), *describe_basis(notes)],
        data=numbers.dropna(axis=1, how="all"),
        parts=below,
        layout="small",
    )


def word_scale(scale: Any) -> str:
    """Head a scale: its items, rows and what follows."""
    if scale.level == "not tested":
        return f"{scale.label}: not tested ({scale.reason})"
    size = f"{len(str(scale.items).split('|'))} items, n = {format_number(scale.n, 0)}"
    return f"{scale.label} ({size}): {scale.level}; {scale.consequence}"


def word_step(step: Any) -> Row:
    """Set the fit of a step, and how it differs from the step before."""
    freed = "" if is_missing(step.freed) else f", {join_words(str(step.freed).split('|'))} free"
    if is_missing(step.cfi):
        return Row([f"{step.step}{freed}", *[""] * 8, "no fit"], indent=True)
    changes = [format_number(getattr(step, f"{name}_change"), 3, sign=True) for name in ("cfi", "rmsea", "srmr")]
    fits = [format_number(getattr(step, name), 3) for name in ("cfi", "rmsea", "srmr")]
    held = "yes" if str(step.holds) in TRUE else "no"
    return Row(
        [f"{step.step}{freed}", format_number(step.chi2, 1), format_number(step.df, 0), *fits, *changes, held],
        indent=True,
    )


def set_means(means: pd.DataFrame) -> Table:
    """Set the factor means of scales that are comparable with items freed."""
    groups = list(dict.fromkeys(means["group"].astype(str)))
    rows = []
    for label, own in means.groupby("label", sort=False):
        cells = {
            str(row.group): f"{format_number(row.mean, 2)} {format_interval(row.conf_low, row.conf_high, 2)}".strip()
            for row in list_rows(own)
        }
        rows.append(Row([str(label), *(cells.get(group, "") for group in groups)]))
    return Table("Factor means with those items freed, in standard deviations of the first group", ["", *groups], rows)


def set_items(items: pd.DataFrame) -> Table:
    """Set the items that were not asked the same in every wave, a column a wave."""
    waves = items[["wave", "wave_label"]].drop_duplicates().sort_values("wave")
    heads = [str(label).removesuffix(".0") for label in waves["wave_label"]]
    rows = []
    for (item, label), own in items.groupby(["item", "label"], sort=False):
        states = dict(zip(own["wave"], own["state"], strict=True))
        rows.append(Row([f"{item}: {label}", *(str(states[wave]) for wave in waves["wave"])]))
    return Table(
        "Items that were not asked the same in every wave",
        ["Item", *heads],
        rows,
        alignment="l" * (1 + len(heads)),
        widths=[3.0, *[1.0] * len(heads)],
    )


def word_rules(over: str) -> list[str]:
    """Say by what rules a step holds."""
    rules = (
        f"One factor a scale, over {over}, by maximum likelihood; χ², CFI and RMSEA robust to non-normality and to a "
        "firm's several rows. Metric: equal loadings; scalar: equal intercepts, too. A step fails if CFI falls by .010 "
        "together with RMSEA rising by .015 or SRMR by .030 (scalar: .010); if the smallest group has at most 300 "
        "rows, .005, .010, .025 (.005) (Chen 2007). The configural step is accepted with CFI from .90 and SRMR up "
        "to .08; with three items it has no degrees of freedom and fits by construction. Where a step fails, the item "
        "whose freedom lowers χ² most is freed, at most half of the items."
    )
    return [rules]


def word_verdicts(scales: pd.DataFrame, steps: pd.DataFrame) -> list[str]:
    """Say what holds on one row of each firm, how alike loadings are, and which means may be compared.

    Parameters
    ----------
    scales, steps
        The verdicts, whose level is the lower of the two samples', and the steps on all rows.
    """
    tested = scales.loc[scales["level"] != "not tested"]
    if tested.empty:
        return []
    said = []
    again = tested.loc[tested["level_one_row"].notna()]
    apart = tested.loc[tested["reason"].notna()]
    if len(again):
        held = steps.loc[steps["holds"].astype("str").isin(TRUE)].groupby("label")["step"].last()
        same = int((again["level_one_row"] == again["label"].map(held)).sum())
        said.append(
            f"On one row of each firm drawn at random, {same} of {count_words(len(again), 'scale')} reach the same "
            "level; the lower level counts."
        )
    said += [f"{row.label}: {row.reason}." for row in list_rows(apart)]
    lowest = tested.sort_values("congruence").iloc[0]
    if not is_missing(lowest["congruence"]):
        said.append(
            f"Tucker's congruence of loadings between groups is at least {format_number(lowest['congruence'], 3)} "
            f"({lowest['label']}); from .95 on factors count as the same."
        )
    compared = tested.loc[tested["means_comparable"].astype("str").isin(TRUE)]
    said.append(f"Means may be compared for {len(compared)} of {count_words(len(scales), 'scale')}.")
    return said
