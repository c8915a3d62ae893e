"""A regression table as printed."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

import pandas as pd

from firmties.exhibits.regression.summarize import ESTIMATORS
from firmties.tables import (
    Row,
    Table,
    count_words,
    describe_basis,
    format_interval,
    format_number,
    format_p,
    join_words,
    list_rows,
    wrap_heading,
)

SCALES = {
    "logit": "log odds",
    "ordered_logit": "log odds of a higher category",
    "negative_binomial": "log counts",
}
BENEATH = {
    "std_error": "standard errors in parentheses",
    "interval": "95 % intervals in brackets",
    "p_value": "p-values",
}


def tabulate(numbers: pd.DataFrame, notes: Mapping[str, Any], options: Mapping[str, Any]) -> Table:
    """Set coefficients with what stands beneath them, then the figures of fit; a failed model's column says so."""
    numbers = numbers.fillna({"span": "", "group": "", "text": ""})
    digits = options.get("digits", 3)
    beneath = options.get("beneath", ["std_error"])
    columns = numbers.loc[numbers["part"] != "effect"].drop_duplicates("column").sort_values("column")
    failed = numbers.loc[(numbers["part"] == "status") & (numbers["text"] != "")].set_index("column")["text"]
    order = list(columns["column"])
    rows = set_terms(numbers.loc[numbers["part"] == "term"], order, beneath, digits)
    fit = numbers.loc[numbers["part"] == "fit"]
    for at, key in enumerate(key for key in dict.fromkeys(fit["row"])):
        members = fit.loc[fit["row"] == key].set_index("column")
        cells = {column: write_fit(str(key), value) for column, value in members["value"].items()}
        rows.append(
            Row([str(members["label"].iloc[0]), *(cells.get(column, "") for column in order)], rule_above=at == 0)
        )
    if len(failed):
        rows.append(Row(["Status", *("failed" if column in failed.index else "fitted" for column in order)]))
    effects = numbers.loc[numbers["part"] == "effect"]
    shown = columns.loc[columns["column"].isin(effects["column"])]
    return Table(
        options["title"],
        name_columns(columns),
        rows,
        spans=span_columns(columns),
        parts=[
            Table(
                "Average marginal effects",
                name_columns(shown),
                set_terms(effects, list(shown["column"]), beneath, digits),
                spans=span_columns(shown),
                layout="small" if len(order) > 4 else "normal",
            )
        ]
        if len(effects)
        else [],
        notes=write_notes(notes, beneath, columns, failed),
        layout="small" if len(order) > 4 else "normal",
    )


def set_terms(terms: pd.DataFrame, order: list[int], beneath: list[str], digits: int) -> list[Row]:
    """Set one row a term, the levels of a category under its name."""
    rows: list[Row] = []
    last_group = ""
    for (group, label, _), members in terms.groupby(["group", "label", "row"], sort=False):
        if group and group != last_group:
            rows.append(Row([str(group)]))
        last_group = str(group)
        cells = {row.column: write_coefficient(row, beneath, digits) for row in list_rows(members)}
        rows.append(Row([str(label), *(cells.get(column, "") for column in order)], indent=bool(group)))
    return rows


def name_columns(columns: pd.DataFrame) -> list[str]:
    """The headings, long ones over several lines."""
    width = 15 if len(columns) <= 6 else 11
    return ["", *(wrap_heading(text, width) for text in columns["heading"].astype(str))]


def span_columns(columns: pd.DataFrame) -> list[list[tuple[str, int]]]:
    """The headings that span several columns, if there are any."""
    spans = [("", 1), *((text, len(list(same))) for text, same in groupby(columns["span"]))]
    return [spans] if any(text for text, _ in spans) else []


def write_coefficient(row: Any, beneath: list[str], digits: int) -> str:
    """Write a coefficient over its standard error, interval or p-value."""
    lines = {
        "std_error": f"({format_number(row.std_error, digits)})",
        "interval": format_interval(row.conf_low, row.conf_high, digits),
        "p_value": f"p {p if (p := format_p(row.p_value)).startswith('<') else '= ' + p}",
    }
    return "\n".join([format_number(row.estimate, digits), *(lines[key] for key in beneath)])


def write_fit(key: str, value: float) -> str:
    """Write a figure of fit: counts whole, p-values as such, R² to three digits, others to one or two."""
    if key in ("n_obs", "n_clusters"):
        return format_number(value, 0)
    if key == "f_p_value":
        return format_p(value)
    return format_number(value, {"r_squared": 3, "r_squared_change": 3, "f_change": 2}.get(key, 1))


def write_notes(notes: Mapping[str, Any], beneath: list[str], columns: pd.DataFrame, failed: pd.Series) -> list[str]:
    """Say what the cells hold, on which scale, with which standard errors, and which models failed."""
    estimators = [name for name in str(notes.get("estimators") or "").split("; ") if name]
    said = ["Coefficients", *(f"{BENEATH[key]}" for key in beneath)]
    scales = [f"{ESTIMATORS.get(name, name)}: {SCALES[name]}" for name in estimators if name in SCALES]
    first = f"{said[0]}, {join_words(said[1:])}" if len(said) > 1 else said[0]
    footnotes = [first + (f". Scale of the coefficients: {'; '.join(scales)}." if scales else ".")]
    if len(estimators) == 1:
        footnotes[0] += f" Estimator: {ESTIMATORS.get(estimators[0], estimators[0])}."
    if n := notes.get("n_variables_not_shown"):
        verb = "is" if n == 1 else "are"
        footnotes.append(f"{count_words(n, 'variable')} of the models {verb} not shown (listed at the end).")
    if notes.get("level"):
        shown = str(notes["level"]).replace(">=", "≥").replace("<=", "≤")
        footnotes.append(
            "Average marginal effects: differences of average adjusted predictions to the reference, or average "
            f"derivatives, on the probability, the expected count, or the probability of a category {shown}."
        )
    if notes.get("products"):
        footnotes.append(
            f"{notes['products']}: the model also holds products of variables shown, so their coefficients apply where "
            "the other factor of the product is at its reference or zero."
        )
    footnotes += describe_basis({**notes, "n_firms": None, "n_firm_waves": None})
    if notes.get("small_sample"):
        footnotes.append(f"Small-sample rule of the standard errors: {notes['small_sample']}.")
    headings = dict(zip(columns["column"], columns["heading"], strict=True))
    footnotes += [f"{headings[column]}: not estimated, {reason}." for column, reason in dict(failed).items()]
    return footnotes
