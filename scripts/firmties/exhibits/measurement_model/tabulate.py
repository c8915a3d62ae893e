"""The measurement model as printed: waves as columns, fit above, loadings and factor correlations beneath."""

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
    format_p,
    is_missing,
)

ROBUST = {
    "mlr": "the test of Yuan and Bentler with sandwich standard errors (MLR)",
    "mlm": "the test of Satorra and Bentler with robust standard errors (MLM)",
}


def tabulate(numbers: pd.DataFrame, notes: Mapping[str, Any], options: Mapping[str, Any]) -> Table:
    """Set one column a wave and basis; one that could not be fitted says so beneath."""
    columns = list(
        dict.fromkeys(zip(numbers["wave"], numbers["wave_label"].astype(str), numbers["basis"], strict=True))
    )
    columns.sort(key=lambda column: (column[0], column[2]))
    headings = [label if basis == "complete" else f"{label}, imputed" for _, label, basis in columns]
    apart = dict(list(numbers.groupby(["wave", "basis"], sort=False)))
    tables = [apart[wave, basis] for wave, _, basis in columns]

    def take(table: pd.DataFrame, quantity: str) -> Any:
        found = table.loc[(table["part"] == "fit") & (table["quantity"] == quantity), "value"]
        return found.iloc[0] if len(found) else None

    def number(quantity: str, digits: int) -> list[str]:
        values = [take(table, quantity) for table in tables]
        return ["" if is_missing(value) else format_number(value, digits) for value in values]

    def p_value(quantity: str) -> list[str]:
        values = [take(table, quantity) for table in tables]
        return ["" if is_missing(value) else format_p(value) for value in values]

    def interval() -> list[str]:
        cells = []
        for table in tables:
            low, high = take(table, "rmsea_low_robust"), take(table, "rmsea_high_robust")
            cells.append("" if is_missing(low) else format_interval(low, high, 3))
        return cells

    rows = [
        Row(["n", *number("n", 0)]),
        Row(["Items and factors"]),
        Row(["KMO", *number("kmo", 2)], indent=True),
        Row(["Bartlett's χ²", *number("bartlett", 1)], indent=True),
        Row(["p", *p_value("bartlett_p")], indent=True),
        Row(["Components beyond chance", *number("components", 0)], indent=True),
        Row(["Fit"]),
        Row(["χ², scaled", *number("chi2_scaled", 1)], indent=True),
        Row(["Degrees of freedom", *number("df", 0)], indent=True),
        Row(["p", *p_value("p_value_scaled")], indent=True),
        Row(["Scaling factor", *number("scaling", 3)], indent=True),
        Row(["CFI, robust", *number("cfi_robust", 3)], indent=True),
        Row(["TLI, robust", *number("tli_robust", 3)], indent=True),
        Row(["RMSEA, robust", *number("rmsea_robust", 3)], indent=True),
        Row(["90 % interval", *interval()], indent=True),
        Row(["SRMR", *number("srmr", 3)], indent=True),
    ]
    loadings = numbers.loc[numbers["part"] == "loading"]
    for factor in loadings["factor"].drop_duplicates():
        own = loadings.loc[loadings["factor"] == factor]
        rows.append(Row([f"{own['factor_label'].iloc[0]}, standardized loadings"]))
        for item in own["item"].drop_duplicates():
            rows.append(Row([str(item), *list_values(own.loc[own["item"] == item], columns)], indent=True))
    correlations = numbers.loc[numbers["part"] == "correlation"]
    if len(correlations):
        rows.append(Row(["Correlations of the factors"]))
        names = dict(loadings[["factor", "factor_label"]].drop_duplicates().itertuples(index=False, name=None))
        for (one, two), own in correlations.groupby(["factor", "item"], sort=False):
            rows.append(Row([f"{names[one]}, {names[two]}", *list_values(own, columns)], indent=True))
    footnotes = describe_basis(notes)
    rows_used = "n: answers without a gap" + (
        ", and all of the wave where imputed" if notes.get("n_imputations") else ""
    )
    footnotes.append(
        f"Each wave by itself; {rows_used}. Maximum likelihood, {ROBUST[notes['robust']]}; CFI, TLI and RMSEA robust "
        "by the scaling factors of model and baseline. SRMR: variances and means counted. KMO: sampling adequacy. "
        "Bartlett: that no items correlate. Components beyond chance: parallel analysis, eigenvalues of the "
        "correlations above the 95th percentile of those of drawn tables of the same size; factors that correlate may "
        "share one."
    )
    if notes.get("n_imputations"):
        footnotes.append(
            "Imputed: loadings pooled by Rubin's rules, χ² by D₂, from which the indices follow; the p is that of the "
            "scaled k·D₂."
        )
    footnotes += [
        f"{heading}: not estimated, {text}."
        for heading, table in zip(headings, tables, strict=True)
        for text in table.loc[table["part"] == "reason", "text"]
    ]
    return Table(options["title"], ["", *headings], rows, notes=footnotes, layout="small")


def list_values(own: pd.DataFrame, columns: list[tuple[Any, str, str]]) -> list[str]:
    """Print one quantity's value for each column; blank where it has none."""
    found = {(row.wave, row.basis): row.value for row in own.itertuples()}
    return [format_number(found[wave, basis], 2) if (wave, basis) in found else "" for wave, _, basis in columns]
