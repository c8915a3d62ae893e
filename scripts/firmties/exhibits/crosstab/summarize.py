"""Counts, row percentages and adjusted residuals of two category variables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from firmties.disclosure import find_minimum, list_crossed, mask_tables, name_cell
from firmties.display import ENOUGH, as_codes, codes_of, describe_rows, label_of


def summarize(sources: dict[str, Any], options: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Cross two category variables of the panel, and if asked the rows' indicators with the same columns.

    Rows where a variable is missing are left out and counted in the notes.

    Returns
    -------
    numbers
        One row a cell: panel, panel_label, row, row_label, row_n, column, column_label, column_n, n,
        row_percent, residual, cell. `residual` is the adjusted residual of :func:`adjust_residuals`.
    notes
        What the caption needs.
    """
    panel, dictionary, study = sources["panel"], sources["dictionary"], sources["study"]
    row_name, column_name = options["rows"], options["columns"]
    rows, columns = as_codes(panel[row_name]), as_codes(panel[column_name])
    known = rows.notna() & columns.notna()
    row_codes = codes_of(dictionary, row_name, rows[known])
    column_codes = codes_of(dictionary, column_name, columns[known])

    counts = (
        pd.crosstab(rows[known], columns[known]).reindex(index=list(row_codes), columns=list(column_codes)).fillna(0)
    )
    parts = [("single", label_of(dictionary, row_name), counts, adjust_residuals(counts))]
    if "any" in options:
        indicators = {code: options["any"]["prefix"] + code for code in row_codes}
        crossed = {
            code: pd.crosstab(as_codes(panel[name]), columns)
            .reindex(index=["true", "false"], columns=list(column_codes))
            .fillna(0)
            for code, name in indicators.items()
            if name in panel
        }
        members = pd.DataFrame({code: table.loc["true"] for code, table in crossed.items()}).T
        # Rows overlap here, so each is set against the firms outside it.
        residuals = pd.DataFrame({code: adjust_residuals(table).loc["true"] for code, table in crossed.items()}).T
        if not members.empty:
            parts.append(("any", options["any"]["label"], members, residuals))

    few = find_minimum(study)
    masks = set(sources["masks"]["cell"]) if "masks" in sources else set()
    hidden = mask_tables(list_crossed(panel, options), few, masks)
    names = (row_name, column_name)
    numbers = pd.concat(
        [_list_cells(*part, row_codes, column_codes, names, hidden) for part in parts], ignore_index=True
    )
    notes = describe_rows(panel.loc[known], study, sources.get("waves"))
    notes |= {
        "n_left_out": int((~known).sum()),
        "remark_residuals": (
            "n and percentage of the row; z is the adjusted residual, with firm-waves taken as independent, "
            "and is printed where it exceeds 2 in size."
        ),
        "remark_small_cells": (
            f"Cells with fewer than {ENOUGH} firm-waves show no percentage"
            + (
                f"; those with fewer than {few}, and those from which such a number would follow, are hidden."
                if few > 1
                else "."
            )
        ),
        "remark_left_out": f"{int((~known).sum()):,} firm-waves lack one of the two and are left out."
        if (~known).any()
        else None,
    }
    return numbers, notes


def adjust_residuals(counts: pd.DataFrame) -> pd.DataFrame:
    r"""Standardize the deviations from independence: :math:`(n_{ij}-e_{ij})/\sqrt{e_{ij}(1-p_{i+})(1-p_{+j})}`.

    Approximately standard normal in each cell if rows and columns are independent
    (Haberman 1973, *Biometrics* 29, 205-220). Missing where a margin is empty or full.

    Examples
    --------
    >>> adjust_residuals(pd.DataFrame([[30, 10], [10, 30]])).round(3).values.tolist()
    [[4.472, -4.472], [-4.472, 4.472]]
    """
    n = counts.to_numpy(float)
    total = n.sum()
    if total == 0:
        return counts * np.nan
    row, column = n.sum(axis=1, keepdims=True), n.sum(axis=0, keepdims=True)
    expected = row @ column / total
    variance = expected * (1 - row / total) * (1 - column / total)
    with np.errstate(divide="ignore", invalid="ignore"):
        return pd.DataFrame(
            np.where(variance > 0, (n - expected) / np.sqrt(variance), np.nan), counts.index, counts.columns
        )


def _list_cells(
    panel: str,
    panel_label: str,
    counts: pd.DataFrame,
    residuals: pd.DataFrame,
    row_codes: dict[str, str],
    column_codes: dict[str, str],
    names: tuple[str, str],
    hidden: set[str],
) -> pd.DataFrame:
    row_totals, column_totals = counts.sum(axis=1), counts.sum(axis=0)
    cells = []
    for row in counts.index:
        for column in counts.columns:
            n = counts.loc[row, column]
            suppressed = n > 0 and name_cell(names, (row, column)) in hidden
            row_hidden, column_hidden = (
                name_cell(names[:1], (row,)) in hidden,
                name_cell(names[1:], (column,)) in hidden,
            )
            # With its number, a percentage would give the row's total, and a residual the column's, too.
            shown = n >= ENOUGH and not (suppressed or row_hidden)
            cells.append(
                {
                    "panel": panel,
                    "panel_label": panel_label,
                    "row": row,
                    "row_label": row_codes[row],
                    "row_n": pd.NA if row_hidden else int(row_totals[row]),
                    "column": column,
                    "column_label": column_codes[column],
                    "column_n": pd.NA if panel != "single" or column_hidden else int(column_totals[column]),
                    "n": pd.NA if suppressed else int(n),
                    "row_percent": 100 * n / row_totals[row] if shown else np.nan,
                    "residual": residuals.loc[row, column] if shown and not column_hidden else np.nan,
                    "cell": "suppressed" if suppressed else "empty" if n == 0 else "shown" if shown else "no estimate",
                }
            )
    return pd.DataFrame(cells).astype({"row_n": "Int64", "column_n": "Int64", "n": "Int64"})
