"""KoboToolbox and ODK CSV: group paths in names, several answers in one cell and, beside it, a column a choice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from firmties.choices import describe_question, find_choices
from firmties.readers.text import Cells, make_table

if TYPE_CHECKING:
    import pandas as pd

NAME = "KoboToolbox or ODK"
CHOSEN, NOT_CHOSEN = ("1", "TRUE", "True", "true"), ("0", "FALSE", "False", "false")
_SIGNS = ({"_uuid", "_submission_time"}, {"instanceID", "SubmissionDate"}, {"meta-instanceID", "SubmissionDate"})
_SIGNS_OF_PATHS = ({"meta/instanceID"}, {"KEY", "SubmissionDate"})


def recognize(rows: Sequence[Sequence[str]]) -> bool:
    """Tell KoboToolbox and ODK by the columns that they add to every response.

    Examples
    --------
    >>> recognize([["start", "g1/size", "_id", "_uuid", "_submission_time"]])
    True
    """
    header = set(rows[0])
    return any(signs <= header for signs in (*_SIGNS, *_SIGNS_OF_PATHS))


def interpret(rows: Cells, labels: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Interpret the rows of a KoboToolbox or ODK export; see :mod:`firmties.readers`.

    Beside a question of several answers, whose cell holds its codes with blanks between them, stands a column a
    choice: 1 or true, 0 or false, or blank if it was not asked.

    ASSUME a question whose columns are blank was not asked; one passed over looks the same.
    """
    table, labels = make_table(rows[0], rows[1:], labels)
    names = set(table.columns)
    found = find_choices(table, r"(?P<question>.+)/(?P<code>[^/]+)")
    questions = sorted(name for name in found if name in names or labels.get("types", {}).get(name) == "multiple")
    if questions:
        labels["choices"] = {
            question: describe_question(found[question], {}, chosen=CHOSEN, not_chosen=NOT_CHOSEN)
            for question in questions
        }
        labels["detected"] = [*labels["detected"], f"several answers in one cell: {', '.join(questions[:5])}"]
    return table, labels
