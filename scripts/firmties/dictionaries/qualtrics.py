"""Qualtrics survey definition (.qsf), a JSON file."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

NAME = "Qualtrics .qsf"


def recognize(path: Path, head: bytes) -> bool:
    """Whether the file begins as a survey definition does."""
    return path.suffix.lower() == ".qsf" or b'"SurveyEntry"' in head


def write_plain(text: str) -> str:
    """Take the markup out of a text; tags that stand within a line leave no blank.

    Examples
    --------
    >>> write_plain("How&nbsp;many<br><b>firms</b>?")
    'How many firms?'
    """
    joined = re.sub(r"</?(?:a|b|em|font|i|small|span|strong|sub|sup|u)\b[^>]*>", "", text)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", joined))).strip()


def read(path: Path) -> dict[str, Any]:
    """Read questions of one answer and of several; see :mod:`firmties.dictionaries`."""
    columns: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}
    types: dict[str, str] = {}
    definition = json.loads(path.read_text(encoding="utf-8-sig"))
    for element in definition["SurveyElements"]:
        if element.get("Element") != "SQ":
            continue
        question = element["Payload"]
        name, kind = question["DataExportTag"], question["QuestionType"]
        text = write_plain(question.get("QuestionText", ""))
        recodes = question.get("RecodeValues") or {}
        listed = question.get("Choices") or {}
        pairs = listed.items() if isinstance(listed, dict) else enumerate(listed, 1)
        labels = {str(key): write_plain(choice.get("Display", "")) for key, choice in pairs}
        if kind == "Matrix":
            answers = question.get("Answers") or {}
            points = answers.items() if isinstance(answers, dict) else enumerate(answers, 1)
            scale = {str(recodes.get(str(key), key)): write_plain(answer.get("Display", "")) for key, answer in points}
            for key, label in labels.items():
                columns[f"{name}_{key}"] = f"{text} {label}".strip()
                # A matrix of one answer a row; those of several have more columns.
                if question.get("SubSelector") == "SingleAnswer":
                    values[f"{name}_{key}"] = scale
            continue
        columns[name] = text
        if kind == "MC" and str(question.get("Selector", "")).startswith("MA"):
            for key, label in labels.items():
                column = f"{name}_{recodes.get(key, key)}"
                columns[column] = f"{text} {label}".strip()
                types[column] = "boolean"
        if kind == "MC":
            values[name] = {str(recodes.get(key, key)): label for key, label in labels.items()}
            types[name] = "multiple" if str(question.get("Selector", "")).startswith("MA") else "category"
    return {"columns": columns, "values": values, "types": types, "missing": {}, "identifying": []}
