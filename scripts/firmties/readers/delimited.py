"""Delimited text with one header row: CSV and its relatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firmties.readers.text import TEXT_SUFFIXES, make_table, read_cells

if TYPE_CHECKING:
    import pandas as pd

NAME = "delimited text"
SUFFIXES = TEXT_SUFFIXES


def recognize(rows: Sequence[Sequence[str]]) -> bool:
    """Every text may be delimited; it is taken for that if nothing else recognizes it."""
    return bool(rows)


def read(path: Path, settings: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read a delimited file as text; see :func:`firmties.readers.read_wave`.

    A row with more or fewer cells than the header is an error, named by its line.
    """
    rows, labels = read_cells(path, settings)
    return make_table(rows[0], rows[1:], labels)
