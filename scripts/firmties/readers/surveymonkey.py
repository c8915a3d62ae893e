"""SurveyMonkey CSV: a row of questions, and under it a row of their choices or rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import dropwhile
from typing import TYPE_CHECKING, Any

from firmties.choices import describe_question, make_codes
from firmties.readers.text import Cells, make_table, name_apart

if TYPE_CHECKING:
    import pandas as pd

NAME = "SurveyMonkey"
OWN_COLUMNS = 3
"""Fewest columns that the tool puts before the questions: respondent, collector, times."""


def recognize(rows: Sequence[Sequence[str]]) -> bool:
    """Tell SurveyMonkey by its two header rows: a question stands once over its choices or a word, a key over nothing.

    Examples
    --------
    >>> recognize([["Respondent ID", "Seen which?", ""], ["", "One", "Two"], ["11", "One", ""]])
    True
    """
    if len(rows) < 3 or not rows[0][0] or rows[1][0] or not rows[2][0].isdigit():
        return False
    if len(rows[0]) != len(rows[1]):
        return False
    under = [below for above, below in zip(rows[0], rows[1], strict=True) if not above]
    # Without a question of several columns: under the tool's own columns nothing, then a word under every question.
    words = list(dropwhile(lambda cell: not cell, rows[1]))
    worded = len(rows[1]) - len(words) >= OWN_COLUMNS and all(words) and not any(cell[0].isdigit() for cell in words)
    return all(under) and bool(under or (words and worded))


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

    A multiple answer comes as a column a choice, with the choice's words or blank. The last may be a text: other,
    namely.
    """
    if len(rows) < 2:
        raise ValueError("it has one row, where two header rows and responses belong")
    names, labels["columns"] = name_columns(rows[0], rows[1])
    labels["detected"] = [*labels["detected"], "2 header rows"]
    labels["lost"] = [
        *labels.get("lost", []),
        "no codes: answers are the words of the choices",
    ]
    table, labels = make_table(names, rows[2:], labels)
    labels["choices"] = describe_choices(table, names, rows[0], rows[1])
    return table, labels


def describe_choices(
    table: pd.DataFrame, names: Sequence[str], questions: Sequence[str], choices: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Describe the questions of several answers: columns that hold their heading's words or nothing.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"Seen? [One]": ["One", ""], "Seen? [Two]": ["", "Two"], "Seen? [Other]": ["a play", ""]})
    >>> found = describe_choices(rows, list(rows), ["Seen?", "", ""], ["One", "Two", "Other"])
    >>> found["Seen?"]["columns"], found["Seen?"]["kept"]
    ({'Seen? [One]': 'One', 'Seen? [Two]': 'Two', 'Seen? [Other]': 'Other'}, ['Seen? [Other]'])
    """
    starts = [place for place, asked in enumerate(questions) if asked]
    described = {}
    for start, end in zip(starts, [*starts[1:], len(questions)], strict=True):
        words = dict(zip(names[start:end], choices[start:end], strict=True))
        holds = {name: set(table[name].unique()) - {""} for name in words if name in table}
        others = [name for name in holds if not holds[name] <= {words[name]}]
        fitting = [name for name in holds if name not in others]
        if len(fitting) < 2 or not any(holds[name] for name in fitting) or others not in ([], [names[end - 1]]):
            continue
        columns = dict(zip(holds, make_codes(words[name] for name in holds), strict=True))
        labels = {code: words[name] for name, code in columns.items()}
        question = questions[start] if questions.index(questions[start]) == start else names[start]
        described[question] = describe_question(columns, labels, questions[start], chosen=words.values(), kept=others)
    return described
