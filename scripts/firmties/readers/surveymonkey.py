"""SurveyMonkey CSV: a row of questions, and under it a row of their choices or rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from firmties.readers.text import Cells, make_table, name_apart

if TYPE_CHECKING:
    import pandas as pd

NAME = "SurveyMonkey"


def recognize(rows: Sequence[Sequence[str]]) -> bool:
    """Tell SurveyMonkey by its two header rows: a question stands once over its choices, a key over nothing.

    Examples
    --------
    >>> recognize([["Respondent ID", "Seen which?", ""], ["", "One", "Two"], ["11", "One", ""]])
    True
    """
    if len(rows) < 3 or not rows[0][0] or rows[1][0] or not rows[2][0].isdigit():
        return False
    under = [below for above, below in zip(rows[0], rows[1], strict=False) if not above]
    return bool(under) and all(under) and len(rows[0]) == len(rows[1])


def name_columns(questions: Sequence[str], choices: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Name columns by question and, where a question has several columns, its choice in brackets.

    Returns
    -------
    names : list of str
        A question asked twice with the same words is numbered.
    texts : dict
        Name → full text.

    Examples
    --------
    >>> name_columns(["Respondent ID", "Seen which?", "", "Age"], ["", "One", "Two", "Response"])[0]
    ['Respondent ID', 'Seen which? [One]', 'Seen which? [Two]', 'Age']
    """
    names = []
    question = ""
    for place, (asked, choice) in enumerate(zip(questions, choices, strict=True)):
        question = asked or question
        several = not asked or (place + 1 < len(questions) and not questions[place + 1])
        names.append(f"{question} [{choice}]" if several and choice else question)
    names = name_apart(names)
    return names, {name: name for name in names if name}


def interpret(rows: Cells, labels: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Interpret the rows of a SurveyMonkey export; see :mod:`firmties.readers`.

    A multiple answer comes as a column a choice, with the choice's words or blank.
    """
    if len(rows) < 2:
        raise ValueError("it has one row, where two header rows and responses belong")
    names, labels["columns"] = name_columns(rows[0], rows[1])
    labels["detected"] = [*labels["detected"], "2 header rows"]
    labels["lost"] = [
        *labels.get("lost", []),
        "no codes: answers are the words of the choices",
        "a column a choice holds its words or blank: blank may be asked and not chosen, or not asked",
    ]
    return make_table(names, rows[2:], labels)
