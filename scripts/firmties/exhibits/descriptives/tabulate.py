"""The table of descriptives and correlations as printed: two parts with the same numbered rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from firmties.tables import Row, Table, describe_basis, format_number, list_rows


def tabulate(numbers: pd.DataFrame, notes: Mapping[str, Any], options: Mapping[str, Any]) -> Table:
    """Set descriptives above and the lower triangle of correlations beneath; intervals and n of each are in the CSV."""
    described = numbers.loc[numbers["part"] == "describe"].reset_index(drop=True)
    pairs = numbers.loc[numbers["part"] == "correlate"]
    several = described["icc"].notna().any()
    rows, triangle = [], []
    for at, row in enumerate(list_rows(described)):
        stub = f"{at + 1} {row.label}"
        cells = [
            stub,
            format_number(row.n, 0),
            *(format_number(getattr(row, key), choose_digits(row.sd)) for key in ("mean", "sd", "minimum", "maximum")),
        ]
        rows.append(Row([*cells, format_number(row.icc, 2)] if several else cells))
        if at:
            r = pairs.loc[pairs["variable"] == row.variable].set_index("with")["r"]
            shown = [format_number(r[name], 2) for name in described["variable"][:at]]
            triangle.append(Row([stub, *shown, *[""] * (len(described) - 1 - at)]))
    correlations = Table(
        "Correlations", ["", *(str(at) for at in range(1, len(described)))], triangle,
        layout="small" if len(described) > 10 else "normal",
    )  # fmt: skip
    footnotes = describe_basis(notes)
    footnotes.append(
        f"Correlations from pairs of answers, n from {format_number(pairs['n'].min(), 0)} to "
        f"{format_number(pairs['n'].max(), 0)}; the CSV of this table gives n and the 95 % interval of each."
    )
    if notes["minimum_cell"] > 1:
        footnotes.append(
            f"Min and Max: means of the {notes['minimum_cell']} smallest and largest values, as the very smallest "
            "is one firm's. A blank figure would tell what few answered."
        )
    if several:
        footnotes.append(
            "ICC: share of the variance that lies between firms, ICC(1) of a one-way analysis of variance."
        )
    columns = ["", "n", "Mean", "SD", "Min", "Max", *(["ICC"] if several else [])]
    return Table(options["title"], columns, rows, notes=footnotes, data=numbers, parts=[correlations])


def choose_digits(sd: float) -> int:
    """Digits after the point that show a standard deviation to three figures, three at most."""
    return 2 if not sd > 0 else max(0, min(3, 2 - math.floor(math.log10(sd))))
