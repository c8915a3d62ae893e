"""REDCap CSV of raw codes: events as rows, a checkbox as a column a choice (``name___1``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from firmties.choices import describe_question, find_choices
from firmties.readers.text import Cells, make_table

if TYPE_CHECKING:
    import pandas as pd

NAME = "REDCap"
CHECKBOX = r"(?P<question>\w+?)___(?P<code>\w+)"
EVENT = "redcap_event_name"
UNFINISHED = "[not completed]"
"""What stands for the time of a form that was opened and not sent."""


def recognize(rows: Sequence[Sequence[str]]) -> bool:
    """Tell REDCap by its event column, its checkboxes, or a form's state (0, 1, 2) beside them.

    Examples
    --------
    >>> recognize([["record_id", "height", "form_complete"], ["1", "1.5", "2"]])
    True
    """
    header = rows[0]
    states = [place for place, name in enumerate(header) if name.endswith("_complete")]
    state = any(
        all(len(row) > place and row[place] in ("0", "1", "2", "") for row in rows[1:]) and len(rows) > 1
        for place in states
    )
    return EVENT in header or (state and (header[0].endswith("_id") or any("___" in name for name in header)))


def interpret(rows: Cells, labels: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Interpret the rows of a REDCap export; see :mod:`firmties.readers`.

    A checkbox is 0 also where it was not asked, so that 0 says no more than a blank.

    Where events are waves, ``where: {redcap_event_name: …}`` of the wave's entry picks their rows.
    """
    table, labels = make_table(rows[0], rows[1:], labels)
    lost = labels.get("lost", [])
    labels["choices"] = {
        question: describe_question(columns, {}, chosen=["1", "Checked"], unclear=["0", "Unchecked"])
        for question, columns in find_choices(table, CHECKBOX).items()
    }
    for name in table:
        if n := int((table[name] == UNFINISHED).sum()):
            table[name] = table[name].mask(table[name] == UNFINISHED, "")
            lost = [*lost, f"{name}: {n} forms opened and not sent ('{UNFINISHED}', now blank)"]
    if EVENT in table:
        events = list(dict.fromkeys(table[EVENT]))
        labels["detected"] = [*labels["detected"], f"events as rows ({EVENT}): {', '.join(events)}"]
    return table, {**labels, "lost": lost}
