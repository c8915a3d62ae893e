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
            texts[name] = texts[name].str.replace("-", MINUS)
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
