"""REDCap data dictionary, a CSV file."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from firmties.codebook import decode_text
from firmties.dictionaries.qualtrics import write_plain
from firmties.readers.text import find_delimiter

NAME = "REDCap data dictionary"
FIELD = "Variable / Field Name"
CHOICES = "Choices, Calculations, OR Slider Labels"
VALIDATION = "Text Validation Type OR Show Slider Number"


def recognize(path: Path, head: bytes) -> bool:
    """Whether the first line names REDCap's columns."""
    return FIELD.encode() in head and b"Field Type" in head


def parse_choices(text: str) -> dict[str, str]:
    """Parse ``code, label | code, label``.

    Examples
    --------
    >>> parse_choices("0, Never | 1, Yes, often")
    {'0': 'Never', '1': 'Yes, often'}
    """
    pairs = (entry.partition(",") for entry in text.split("|") if entry.strip())
    return {code.strip(): write_plain(label) for code, _, label in pairs}


def find_type(kind: str, validation: str) -> str:
    """The codebook's type of a REDCap field; blank where the answers must tell.

    Examples
    --------
    >>> find_type("text", "date_ymd"), find_type("radio", ""), find_type("notes", "")
    ('datetime', 'category', 'text')
    """
    if kind in ("radio", "dropdown"):
        return "category"
    if kind in ("yesno", "truefalse"):
        return "boolean"
    if kind in ("notes", "file"):
        return "text"
    if validation.startswith("date"):
        return "datetime"
    return {"integer": "integer", "number": "number", "email": "text", "phone": "text"}.get(validation, "")


def read(path: Path) -> dict[str, Any]:
    """Read the dictionary; see :mod:`firmties.dictionaries`."""
    found: dict[str, Any] = {key: {} for key in ("columns", "values", "types", "missing", "range", "identifying")}
    identifying: list[str] = []
    text = decode_text(path.read_bytes())
    for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=find_delimiter(text)):
        cells = {key: (value or "").strip() for key, value in row.items() if key and not isinstance(value, list)}
        name, kind = cells[FIELD], cells["Field Type"]
        choices = cells.get(CHOICES, "")
        if not name or kind == "descriptive":
            continue
        question = write_plain(cells.get("Field Label", ""))
        if cells.get("Identifier?", "").lower() == "y":
            identifying.append(name)
        if kind == "checkbox":
            # A code is written so in the name of its column.
            labels = {code.lower().replace("-", "_"): label for code, label in parse_choices(choices).items()}
            found["columns"][name], found["values"][name], found["types"][name] = question, labels, "multiple"
            for code, label in labels.items():
                found["columns"][f"{name}___{code}"] = f"{question} {label}".strip()
                found["types"][f"{name}___{code}"] = "boolean"
            continue
        found["columns"][name] = question
        if kind in ("radio", "dropdown"):
            found["values"][name] = parse_choices(choices)
        if declared := find_type(kind, cells.get(VALIDATION, "")):
            found["types"][name] = declared
        bounds = (cells.get("Text Validation Min", ""), cells.get("Text Validation Max", ""))
        if any(bounds) and declared in ("integer", "number"):
            found["range"][name] = bounds
    return {**found, "identifying": identifying}
