"""Qualtrics CSV: names, question texts and, since 2017, a row of ImportIds above the responses."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from firmties.choices import describe_question, find_choices
from firmties.readers.text import Cells, make_table, name_apart

if TYPE_CHECKING:
    import pandas as pd

NAME = "Qualtrics"
# What Qualtrics adds to every response, by ImportId: the types and codes of its documentation, and who it tells.
TYPES = {
    "startDate": "datetime",
    "endDate": "datetime",
    "recordedDate": "datetime",
    "status": "category",
    "progress": "integer",
    "duration": "integer",
    "finished": "boolean",
    "_recordId": "id",
    "userLanguage": "text",
}
VALUES = {
    "status": {
        "0": "IP address", "1": "Survey preview", "2": "Survey test", "4": "Imported", "8": "Spam",
        "9": "Survey preview, spam", "12": "Imported, spam", "16": "Offline", "17": "Offline, preview",
    }
}  # fmt: skip
IDENTIFYING = {
    "ipAddress", "recipientLastName", "recipientFirstName", "recipientEmail", "externalDataReference",
    "locationLatitude", "locationLongitude",
}  # fmt: skip
SEEN = ("0", "-99")
"""What the export may write for a choice that was seen and not taken."""
_CHOICE = re.compile(r"QID\d+(?:[_-]\d+)+")
_RESPONSE = re.compile(r"R_[A-Za-z0-9]{8,}")


def recognize(rows: Sequence[Sequence[str]]) -> bool:
    """Tell Qualtrics by its ImportIds, or by its response keys under two rows that hold none.

    No label is looked for, since they are in the language of the account.

    Examples
    --------
    >>> recognize([["V1", "Q1"], ["ResponseID", "How many?"], ["R_2YPOQ602ER1jkf1", "2"]])
    True
    """
    return count_headers(rows) > 0


def count_headers(rows: Sequence[Sequence[str]]) -> int:
    """Count the header rows: 3 with ImportIds, 2 without; 0 if it is not Qualtrics'."""
    if len(rows) < 3:
        return 0
    named = [cell for cell in rows[2] if cell]
    if named and sum("ImportId" in cell for cell in named) * 2 > len(named):
        return 3
    return 2 if holds_response(rows[2]) and not holds_response([*rows[0], *rows[1]]) else 0


def holds_response(cells: Sequence[str]) -> bool:
    """Say whether a cell is a response key of Qualtrics."""
    return any(_RESPONSE.fullmatch(cell) for cell in cells)


def read_import_id(cell: str) -> str:
    """Read an ImportId, which is written as JSON or, by other exporters, as Python writes it.

    Examples
    --------
    >>> read_import_id('{"ImportId":"QID2"}'), read_import_id("{'ImportId': 'QID2-1-4'}"), read_import_id("")
    ('QID2', 'QID2-1-4', '')
    """
    for parse in (json.loads, ast.literal_eval):
        try:
            return str(parse(cell)["ImportId"])
        except (ValueError, SyntaxError, KeyError, TypeError):
            continue
    return ""


def interpret(rows: Cells, labels: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Interpret the rows of a Qualtrics export; see :mod:`firmties.readers`.

    A multiple answer comes as a column a choice, 1 or its words, or blank. Where the export was told to write 0 or -99
    for what was seen and not chosen, "asked, none chosen" is told from "not asked"; otherwise by nothing.
    """
    headers = count_headers(rows)
    if not headers:
        raise ValueError("it has neither ImportIds in its third row nor response keys (R_…) under two header rows")
    names = name_apart(rows[0])
    stated = labels.get("types", {})
    labels["columns"] = {name: text for name, text in zip(names, rows[1], strict=True) if name and text}
    labels["detected"] = [*labels["detected"], f"{headers} header rows"]
    if headers == 3:
        ids = {name: read_import_id(cell) for name, cell in zip(names, rows[2], strict=True)}
        labels["import_ids"] = {name: found for name, found in ids.items() if name and found}
        labels["types"] = stated | {name: TYPES[found] for name, found in ids.items() if found in TYPES}
        labels["values"] = {name: VALUES[found] for name, found in ids.items() if found in VALUES}
        labels["identifying"] = [name for name, found in ids.items() if found in IDENTIFYING]
    else:
        labels["lost"] = [*labels.get("lost", []), "no ImportIds: columns are known by their names alone"]
    table, labels = make_table(names, rows[headers:], labels)
    # With ImportIds, those tell the columns of choices, whatever the choices are called.
    ids = labels.get("import_ids", {})
    named = [
        name
        for name in map(str, table)
        if (_CHOICE.fullmatch(ids.get(name, "")) if ids else re.search(r"_-?\d+$", name))
    ]
    labels["choices"] = describe_choices(table[named], labels["columns"], stated)
    return table, labels


def describe_choices(
    table: pd.DataFrame, texts: Mapping[str, str], types: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """Describe the questions of several answers: those of the type `multiple`, or by what is in their columns.

    ASSUME columns named after one question (`Q1_1`, `Q1_2`) are its choices if each holds nothing but 1, or nothing
    but the words of its choice, or a mark of what was seen and not chosen (0, -99), and not all of them were always
    chosen together, as the rows of a matrix would be answered.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"Q1_1": ["1", ""], "Q1_2": ["1", "1"], "Q2_1": ["1", "2"], "Q2_2": ["", "1"]})
    >>> list(describe_choices(rows, {"Q1_1": "Which? - Loan", "Q1_2": "Which? - Grant"}, {}))
    ['Q1']
    """
    described = {}
    for question, columns in find_choices(table, r"(?P<question>.+)_(?P<code>[^_]+)").items():
        if len(columns) < 2 and types.get(question) != "multiple":
            continue
        written = [texts.get(name, "") for name in columns]
        common = takewhile(lambda letters: len(set(letters)) == 1, zip(*written, strict=False))
        start = "".join(letters[0] for letters in common)
        # Choices may begin alike and hold hyphens (pre-seed, pre-exit); older exports write no blanks around theirs.
        shared = start.rpartition(" - " if " - " in start else "-")
        labels = {
            code: text[len("".join(shared[:2])) :].strip() for code, text in zip(columns.values(), written, strict=True)
        }
        holds = {name: set(table[name].unique()) for name in columns}
        allowed = {name: {"1", labels[code], "", *SEEN} for name, code in columns.items()}
        filled = table[list(columns)].isin([*SEEN, ""])
        alike = all(holds[name] <= allowed[name] for name in columns)
        apart = (filled.any(axis=1) & ~filled.all(axis=1)).any()
        if types.get(question) == "multiple" or (question not in types and alike and apart):
            text = shared[0].strip().removesuffix("- Selected Choice").strip()
            labels = {code: label for code, label in labels.items() if shared[1] and label}
            chosen = ["1", *labels.values()]
            described[question] = describe_question(columns, labels, text, chosen=chosen, not_chosen=SEEN)
    return described
