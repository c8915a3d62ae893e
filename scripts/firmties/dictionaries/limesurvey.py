"""LimeSurvey survey structure (.lss), an XML file of database tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from firmties.dictionaries.qualtrics import write_plain
from firmties.errors import StudyError

NAME = "LimeSurvey .lss"
CHOICES = {"M", "P"}
"""Types of several answers: a column a choice."""
TYPES = {"N": "number", "K": "number", "S": "text", "T": "text", "U": "text", "Q": "text"}
# ASSUME: labels that the tool itself shows for these types; they are not in the file.
FIXED = {
    "Y": {"Y": "Yes", "N": "No"},
    "G": {"F": "Female", "M": "Male"},
    "C": {"Y": "Yes", "U": "Uncertain", "N": "No"},
    "E": {"I": "Increase", "S": "Same", "D": "Decrease"},
    "5": {str(point): str(point) for point in range(1, 6)},
    "A": {str(point): str(point) for point in range(1, 6)},
    "B": {str(point): str(point) for point in range(1, 11)},
}


def recognize(path: Path, head: bytes) -> bool:
    """Whether the file begins as a survey structure does."""
    return path.suffix.lower() == ".lss" or b"<LimeSurveyDocType>" in head


def read(path: Path) -> dict[str, Any]:
    """Read questions, their rows and answers, in the survey's first language; see :mod:`firmties.dictionaries`.

    Raises
    ------
    StudyError
        If the file declares a document type or entities, which an export never does and which can name other files.
    """
    content = path.read_bytes()
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise StudyError(f"{path.as_posix()}: declares a document type or entities, as no .lss does; export it again")
    tables = {table.tag: read_table(table) for table in ElementTree.fromstring(content)}
    texts = first_by(tables.get("question_l10ns", []), "qid")
    labels = first_by(tables.get("answer_l10ns", []), "aid")
    questions = first_by(tables.get("questions", []), "qid")
    rows = first_by(tables.get("subquestions", []), "qid")
    answers: dict[str, dict[str, str]] = {}
    for answer in tables.get("answers", []):
        # Since version 4 the texts stand in a table of their own.
        label = labels.get(answer.get("aid", ""), answer).get("answer", "")
        answers.setdefault(answer["qid"], {}).setdefault(answer["code"], write_plain(label))
    found: dict[str, Any] = {"columns": {}, "values": {}, "types": {}, "missing": {}, "identifying": []}

    def describe(column: str, text: str, kind: str, codes: dict[str, str]) -> None:
        found["columns"][column] = text
        if kind in TYPES:
            found["types"][column] = TYPES[kind]
        elif codes:
            found["values"][column], found["types"][column] = codes, "category"

    for qid, question in questions.items():
        name, kind = question["title"], question["type"]
        text = write_plain(texts.get(qid, question).get("question", ""))
        codes = FIXED.get(kind) or answers.get(qid, {})
        below = [(key, row) for key, row in rows.items() if row["parent_qid"] == qid]
        if not below:
            describe(name, text, kind, codes)
        for key, row in below:
            column = f"{name}[{row['title']}]"
            describe(column, f"{text} {write_plain(texts.get(key, row).get('question', ''))}".strip(), kind, codes)
            if kind in CHOICES:
                found["types"][column] = "boolean"
        if below and kind in CHOICES:
            words = {row["title"]: write_plain(texts.get(key, row).get("question", "")) for key, row in below}
            found["columns"][name], found["values"][name], found["types"][name] = text, words, "multiple"
    return found


def read_table(table: ElementTree.Element) -> list[dict[str, str]]:
    """Rows of one table: column → text."""
    return [{cell.tag: cell.text or "" for cell in row} for row in table.iterfind("rows/row")]


def first_by(rows: list[dict[str, str]], key: str) -> dict[str, dict[str, str]]:
    """Rows by a key, of each the first: other languages come after the survey's own.

    Examples
    --------
    >>> first_by([{"qid": "1", "language": "en"}, {"qid": "1", "language": "de"}], "qid")
    {'1': {'qid': '1', 'language': 'en'}}
    """
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        found.setdefault(row[key], row)
    return found
