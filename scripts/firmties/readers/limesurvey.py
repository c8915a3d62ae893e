"""LimeSurvey CSV with question codes, such as ``G1Q1[SQ001]``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from firmties.readers.text import Cells, make_table

if TYPE_CHECKING:
    import pandas as pd

NAME = "LimeSurvey"
PLACEHOLDER = "1980-01-01 00:00:00"
"""What stands for a time that was not kept, in surveys without time stamps."""
TIMES = ("submitdate", "startdate", "datestamp")


def recognize(rows: Sequence[Sequence[str]]) -> bool:
    """Tell LimeSurvey by the names of the columns that it adds to every response.

    Examples
    --------
    >>> recognize([["id", "submitdate", "lastpage", "startlanguage", "G1Q1[SQ001]"]])
    True
    """
    return {"id", "submitdate", "lastpage", "startlanguage"} <= {strip_text(cell) for cell in rows[0]}


def strip_text(cell: str) -> str:
    """Name of a column whose heading is its code, a point and its text.

    Examples
    --------
    >>> strip_text("G1Q1[SQ001]. How many? [staff]"), strip_text("G1Q1[other]")
    ('G1Q1[SQ001]', 'G1Q1[other]')
    """
    code, point, _ = cell.partition(". ")
    return code if point and " " not in code else cell


def interpret(rows: Cells, labels: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Interpret the rows of a LimeSurvey export; see :mod:`firmties.readers`.

    The placeholder of a time that was not kept becomes blank. A multiple answer comes as a column a choice: Y, or
    blank if the question was not shown or the choice not taken; "N/A", where the export writes it, is not asked.
    """
    names = [strip_text(cell) for cell in rows[0]]
    labels["columns"] = {
        name: cell.partition(". ")[2] for name, cell in zip(names, rows[0], strict=True) if name != cell
    }
    table, labels = make_table(names, rows[1:], labels)
    lost = labels.get("lost", [])
    for name in TIMES:
        if name in table and (n := int((table[name] == PLACEHOLDER).sum())):
            table[name] = table[name].mask(table[name] == PLACEHOLDER, "")
            lost = [*lost, f"{name}: {n} times were not kept by the survey (placeholder {PLACEHOLDER}, now blank)"]
    return table, {**labels, "lost": lost}
