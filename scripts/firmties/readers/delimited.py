"""Delimited text: CSV and its relatives, plain with one header row, or around a survey tool's rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from firmties.readers.text import Cells, make_table, read_cells, read_first_rows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NAME", "SHORT_NAME", "SUFFIXES", "interpret", "read_cells", "read_first_rows"]

NAME = "delimited text"
SHORT_NAME = "CSV"
SUFFIXES = (".csv", ".tsv", ".txt")


def interpret(rows: Cells, labels: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Interpret one header row and the responses under it; see :mod:`firmties.readers`."""
    return make_table(rows[0], rows[1:], labels)
