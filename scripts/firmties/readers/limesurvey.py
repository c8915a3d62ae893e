"""LimeSurvey CSV with question codes, such as ``G1Q1[SQ001]``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from firmties.choices import describe_question, find_choices
from firmties.readers.text import Cells, make_table

if TYPE_CHECKING:
    import pandas as pd

NAME = "LimeSurvey"
PLACEHOLDER = "1980-01-01 00:00:00"
"""What stands for a time that was not kept, in surveys without time stamps."""
TIMES = ("submitdate", "startdate", "datestamp")
OTHER = "other"
"""Code of the choice that is a text."""
CHOSEN, NOT_CHOSEN, NOT_SHOWN = "Y", "N", "N/A"


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

    The placeholder of a time that was not kept becomes blank. A multiple answer comes as a column a choice: Y, N where
    the export writes it, else blank; "N/A" where the question was not shown. A text in `[other]` is a choice, too.
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
    labels["choices"] = describe_choices(table, labels.get("columns", {}), labels.get("types", {}))
    return table, {**labels, "lost": lost}


def describe_choices(
    table: pd.DataFrame, texts: Mapping[str, str], types: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """Describe the questions of several answers: those of the type `multiple`, or with Y, N, N/A and blank alone.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"Q1[SQ001]": ["Y", ""], "Q1[SQ002]": ["", ""], "Q2[SQ001]": ["A1", "A2"]})
    >>> list(describe_choices(rows, {}, {}))
    ['Q1']
    """
    described = {}
    for question, found in find_choices(table, r"(?P<question>[^\[\]]+)\[(?P<code>\w+)\]").items():
        codes = set(found.values())
        # The comment on a choice is a text of its own.
        columns = {name: code for name, code in found.items() if code.removesuffix("comment") not in codes - {code}}
        kept = [name for name, code in columns.items() if code == OTHER]
        cells = {cell for name in columns if name not in kept for cell in table[name].unique()}
        alike = CHOSEN in cells and cells <= {CHOSEN, NOT_CHOSEN, NOT_SHOWN, ""}
        if types.get(question) == "multiple" or (question not in types and alike):
            labels = {
                code: texts[name].rpartition("[")[2].rstrip("]") for name, code in columns.items() if name in texts
            }
            text = next((texts[name].rpartition(" [")[0] for name in columns if name in texts), "")
            # Yes and No stand in exports of full answers; as rows of an array may, so that the type must be told.
            answers = {"chosen": [CHOSEN, "Yes"], "not_chosen": [NOT_CHOSEN, "No"], "not_asked": [NOT_SHOWN]}
            described[question] = describe_question(columns, labels, text, kept=kept, **answers)
    return described
