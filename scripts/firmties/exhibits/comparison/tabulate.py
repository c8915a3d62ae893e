"""The comparison as printed: each published table with the computed value beneath the published one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from firmties.tables import MINUS, Row, Table, format_number, list_rows

AS_TEXT = {"published": "str", "row": "str", "column": "str", "table": "str", "note": "str"}
QUANTITIES = {"estimate": "", "std_error": "standard error", "n_obs": "n", "r_squared": "R²"}


def tabulate(numbers: pd.DataFrame, notes: Mapping[str, Any], options: Mapping[str, Any]) -> Table:
    """Set one part a published table; what differs is marked in words and explained in a note."""
    numbers = numbers.fillna({"note": "", "row": "", "column": "", "table": ""})
    parts = [set_part(str(name), cells, options["title"]) for name, cells in numbers.groupby("table", sort=False)]
    footnotes = [
        f"{notes['n_agreeing']} of {notes['n_cells']} published numbers agree with the computed ones "
        "at the printed digits"
        + (f"; {notes['n_differing']} differ" if notes["n_differing"] else "")
        + (f"; {notes['n_not_computed']} were not computed" if notes["n_not_computed"] else "")
        + "."
    ]
    for cell in list_rows(numbers.loc[numbers["status"] != "agrees"]):
        where = ", ".join(text for text in (cell.table, cell.row, cell.column, QUANTITIES[cell.quantity]) if text)
        said = "not computed" if cell.status == "not computed" else f"computed {write_as_printed(cell)}"
        footnotes.append(f"{where}: published {cell.published}, {said}." + (f" {cell.note}" if cell.note else ""))
    first = parts[0]
    return Table(
        f"{options['title']}: {first.title}", first.columns, first.rows, notes=footnotes, data=numbers, parts=parts[1:],
        layout=first.layout,
    )  # fmt: skip


def set_part(name: str, cells: pd.DataFrame, title: str) -> Table:
    """Set the cells of one published table: its columns across; per row a published and a computed line."""
    columns = list(dict.fromkeys(cells["column"]))
    rows: list[Row] = []
    last = None
    for (row, quantity), members in cells.groupby(["row", "quantity"], sort=False):
        if row != last:
            rows.append(Row([str(row)]))
            last = row
        by_column = {cell.column: cell for cell in list_rows(members)}
        what = QUANTITIES[str(quantity)]
        published = [by_column[column].published if column in by_column else "" for column in columns]
        computed = [write_computed(by_column[column]) if column in by_column else "" for column in columns]
        rows.append(Row([f"published{f' {what}' if what else ''}", *published], indent=True))
        rows.append(Row([f"computed{f' {what}' if what else ''}", *computed], indent=True))
    return Table(name, ["", *columns], rows, layout="small" if len(columns) > 5 else "normal")


def write_computed(cell: Any) -> str:
    """Write the computed value at the printed digits, with a word where it does not agree."""
    if cell.status == "not computed":
        return "not computed"
    text = write_as_printed(cell)
    return text if cell.status == "agrees" else f"{text}\ndiffers"


def write_as_printed(cell: Any) -> str:
    """Write the computed value as the published one is: its digits, and no zero before the point if that has none."""
    text = format_number(cell.computed, int(cell.decimals))
    bare = str(cell.published).lstrip(f"-{MINUS}").startswith(".")
    return re.sub(r"^(\D?)0\.", r"\1.", text) if bare else text
