"""A listing as printed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from firmties.tables import MINUS, Row, Table, describe_basis

AS_TEXT = "str"


def tabulate(numbers: pd.DataFrame, notes: Mapping[str, Any], options: Mapping[str, Any]) -> Table:
    """Set the rows as text; columns of numbers stand to the right, groups have their own row."""
    labels = options.get("labels", {})
    group = options.get("group")
    columns = [name for name in numbers.columns if name != group or name in options.get("columns", [])]
    wide = options.get("wide", [])
    is_number = {
        name: pd.to_numeric(numbers[name], errors="coerce").notna().eq(numbers[name].notna()).all() for name in columns
    }
    texts = numbers.fillna("")
    for name in columns:
        if is_number[name]:
            # ASSUME whole numbers that all lie between 1500 and 2100 are years.
            years = pd.to_numeric(numbers[name]).dropna().between(1500, 2100).all()
            texts[name] = texts[name].map(lambda text, years=years: write_number_cell(text, grouped=not years))
    rows: list[Row] = []
    last = None
    for entry in texts.to_dict("records"):
        if group and entry[group] != last:
            last = entry[group]
            rows.append(Row([last]))
        rows.append(Row([entry[name] for name in columns], indent=bool(group)))
    return Table(
        options["title"],
        [labels.get(name, name) for name in columns],
        rows,
        alignment="".join("r" if is_number[name] and at else "l" for at, name in enumerate(columns)),
        widths=[max(2.0, min(12.0, texts[name].str.len().mean() / 6)) if name in wide else None for name in columns]
        if wide
        else [],
        notes=describe_basis(notes),
        layout="small" if len(columns) > 5 else "normal",
    )


def write_number_cell(text: str, *, grouped: bool = True) -> str:
    """Write a number of the file with a true minus sign and, if ``grouped``, thousands separators; digits stay.

    Examples
    --------
    >>> write_number_cell("-353664.50"), write_number_cell("2013", grouped=False), write_number_cell("0012")
    ('−353,664.50', '2013', '0012')
    """
    whole, point, decimals = text.partition(".")
    digits = whole.lstrip("-")
    # A leading zero marks a code.
    if grouped and digits.isdigit() and not digits.startswith("0"):
        whole = f"{int(whole):,}"
    return f"{whole}{point}{decimals}".replace("-", MINUS)
