"""XLSForm of KoboToolbox and ODK, an Excel workbook with the sheets survey and choices."""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from firmties.dictionaries.qualtrics import write_plain
from firmties.errors import describe_allowed
from firmties.readers import excel

NAME = "XLSForm .xlsx"
TYPES = {
    "integer": "integer", "decimal": "number", "text": "text", "note": "text", "barcode": "text", "time": "text",
    "date": "datetime", "datetime": "datetime", "today": "datetime", "start": "datetime", "end": "datetime",
}  # fmt: skip
IDENTIFYING = {
    "geopoint", "geotrace", "geoshape", "start-geopoint", "image", "audio", "video", "file", "background-audio",
    "username", "email", "phonenumber", "deviceid", "subscriberid", "simserial",
}  # fmt: skip
OTHER = {"other": "Other"}
"""The choice that ``or_other`` adds; its words stand in a further column ``NAME_other``."""
_BOUND = re.compile(r"\.\s*(>=|<=|>|<)\s*(-?\d+(?:\.\d+)?)")


def recognize(path: Path, head: bytes) -> bool:
    """Whether the file is a workbook; no other dictionary is one."""
    return path.suffix.lower() in excel.SUFFIXES


def read(path: Path) -> dict[str, Any]:
    """Read questions and choices in the form's default language; see :mod:`firmties.dictionaries`.

    A question within groups is named as exports name it: ``group/name``, ``group-name``, and, where no other
    question has it, ``name``.

    Raises
    ------
    ValueError
        If the workbook has no sheet survey, or that names no question.
    """
    excel.check_size(path)
    with zipfile.ZipFile(path) as archive:
        sheets = excel.locate_sheets(archive)
    if "survey" not in sheets:
        raise ValueError(f"it has no sheet 'survey', as an XLSForm has; {describe_allowed('survey', sheets)}")
    tables = {name: read_table(path, name) for name in ("survey", "choices", "settings") if name in sheets}
    language = next((row.get("default_language", "") for row in tables.get("settings", [])), "")
    lists: dict[str, dict[str, str]] = {}
    for row in tables.get("choices", []):
        if listed := row.get("list_name") or row.get("list name"):
            lists.setdefault(listed, {})[row.get("name") or row.get("value", "")] = find_label(row, language)

    found: dict[str, Any] = {part: {} for part in ("columns", "values", "types", "missing", "range")}
    found["identifying"] = []
    groups: list[str] = []
    paths: list[tuple[str, ...]] = []
    described: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in tables["survey"]:
        kind, name = row.get("type", ""), row.get("name", "")
        if re.fullmatch(r"begin[ _](group|repeat)", kind):
            groups.append(name)
        elif re.fullmatch(r"end[ _](group|repeat)", kind):
            groups = groups[:-1]
        elif name and kind:
            paths.append((*groups, name))
            described |= describe_question((*groups, name), kind, row, lists, language)
    if not paths:
        raise ValueError("its sheet 'survey' names no question (columns type and name)")
    single = Counter(path[-1] for path in paths)
    for path_, question in described.items():
        names = {"/".join(path_), "-".join(path_)}
        # A choice's column (question/code) is no question of its own.
        names |= {question["short"]} if single[question["question"]] == 1 else set()
        for name in sorted(names):
            for part in ("columns", "values", "types", "range"):
                if part in question:
                    found[part][name] = question[part]
            if question.get("identifying"):
                found["identifying"].append(name)
    return found


def read_table(path: Path, sheet: str) -> list[dict[str, str]]:
    """Rows of a sheet: column → text, blank ones left out."""
    cells, _ = excel.load_rows(path, {"sheet": sheet})
    header, *rows = [row for row in cells if any(row)] or [[]]
    return [dict(zip(header, row, strict=True)) for row in rows]


def find_label(row: Mapping[str, str], language: str) -> str:
    """The label in a language, else the one without a language, else the first; without markup.

    Examples
    --------
    >>> row = {"label::Deutsch (de)": "Größe", "label::English (en)": "Size"}
    >>> find_label(row, "English (en)"), find_label(row, "")
    ('Size', 'Größe')
    """
    labels = {re.sub(r"\s*::?\s*", ":", name): text for name, text in row.items() if re.match(r"label\s*(:|$)", name)}
    text = labels.get(f"label:{language}") or labels.get("label") or next(filter(None, labels.values()), "")
    return write_plain(text)


def find_range(constraint: str, whole: bool) -> tuple[str, str]:
    """Lowest and highest value of a constraint that is made of bounds alone; blank where there is none.

    ASSUME: a bound of a number with decimals counts, though ``>`` leaves it out.

    Examples
    --------
    >>> find_range(". > 0 and . <= 100", True), find_range(".>=0 or .=-99", True)
    (('1', '100'), ('', ''))
    """
    low = high = ""
    for part in re.split(r"\s+and\s+", constraint.strip().lower()):
        bound = _BOUND.fullmatch(part.strip().strip("()").strip())
        if not bound:
            return "", ""
        sign, value = bound.groups()
        if whole and sign in "<>" and "." not in value:
            value = str(int(value) + (1 if sign == ">" else -1))
        low, high = (value, high) if ">" in sign else (low, value)
    return low, high


def describe_question(
    path: tuple[str, ...], kind: str, row: Mapping[str, str], lists: Mapping[str, Mapping[str, str]], language: str
) -> dict[tuple[str, ...], dict[str, Any]]:
    """Describe the columns of one question of the form, by their paths."""
    text, name = find_label(row, language), path[-1]
    about: dict[str, Any] = {"question": name, "short": name, "columns": text}
    selected = re.fullmatch(r"(select[ _]one|select[ _]multiple|rank)\s+(\S+)(\s+or[ _]other)?", kind)
    if not selected:
        if kind == "calculate":
            about["columns"] = text or f"Calculated: {row.get('calculation', '')}"
        if kind == "range":
            steps = dict(re.findall(r"(start|end|step)\s*=\s*(-?[\d.]+)", row.get("parameters", "")))
            about["types"] = "number" if any("." in step for step in steps.values()) else "integer"
            about["range"] = (steps.get("start", "1"), steps.get("end", "10"))
        if kind.lower() in TYPES:
            about["types"] = TYPES[kind.lower()]
        if kind in ("integer", "decimal"):
            about["range"] = find_range(row.get("constraint", ""), kind == "integer")
        about["identifying"] = kind.lower() in IDENTIFYING
        return {path: about}
    codes = {**lists.get(selected[2], {}), **(OTHER if selected[3] else {})}
    single = selected[1].endswith("one")
    described = {path: {**about, "values": codes, "types": "category" if single else "multiple"}}
    if not single:
        for code, label in codes.items():
            described[*path, code] = {
                "question": name, "short": f"{name}/{code}", "columns": f"{text} {label}".strip(), "types": "boolean",
            }  # fmt: skip
    if selected[3]:
        other = f"{name}_other"
        described[*path[:-1], other] = {
            "question": name, "short": other, "columns": f"{text} {OTHER['other']}".strip(), "types": "text",
        }  # fmt: skip
    return described
