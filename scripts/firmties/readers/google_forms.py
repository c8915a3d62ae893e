"""Google Forms CSV: a time stamp, then a column a question, named by its words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from firmties.readers.text import Cells, make_table, name_apart

if TYPE_CHECKING:
    import pandas as pd

NAME = "Google Forms"
_TIME = re.compile(r"\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4},? \d{1,2}:\d{2}:\d{2}.*")


def recognize(rows: Sequence[Sequence[str]]) -> bool:
    """Tell Google Forms by times in the first column, and questions in words above the others.

    The heading of the times is in the language of the form, so it is not looked at.

    Examples
    --------
    >>> recognize([["Zeitstempel", "Wie viele Beschäftigte?"], ["01.03.2024 10:22:33", "3"]])
    True
    """
    header, body = rows[0], rows[1:]
    worded = sum(" " in cell for cell in header[1:])
    return bool(body) and all(row and _TIME.fullmatch(row[0]) for row in body) and worded * 2 > len(header[1:]) > 0


def interpret(rows: Cells, labels: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Interpret the rows of a Google Forms export; see :mod:`firmties.readers`.

    A question asked twice with the same words is numbered. Several answers stand in one cell, with ", " between
    them; a choice whose words hold ", " cannot be told from two.
    """
    names = name_apart(rows[0])
    labels["columns"] = {name: text for name, text in zip(names, rows[0], strict=True) if text}
    labels["lost"] = [
        *labels.get("lost", []),
        "no codes: answers are the words of the choices; several answers are joined by ', '",
    ]
    return make_table(names, rows[1:], labels)
