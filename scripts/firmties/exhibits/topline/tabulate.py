"""The topline as printed: a group a question, a row an answer, two columns a wave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from firmties.tables import (
    Row,
    Table,
    describe_basis,
    format_compact,
    format_number,
    format_percent,
    is_missing,
    list_rows,
)


def tabulate(numbers: pd.DataFrame, notes: Mapping[str, Any], options: Mapping[str, Any]) -> Table:
    """Set number and per cent of each answer by wave; a wave without the question says so."""
    waves = dict(list_rows(numbers[["wave", "wave_label"]].drop_duplicates().sort_values("wave")))
    rows: list[Row] = []
    questions: dict[str, dict[tuple[bool, str], dict[Any, tuple[str, str]]]] = {}
    labels: dict[str, str] = {}
    for entry in list_rows(numbers):
        labels[entry.question] = entry.label
        key = (entry.part == "missing", str(entry.row))
        questions.setdefault(entry.question, {}).setdefault(key, {})[entry.wave] = write_cells(entry)
    for question, lines in questions.items():
        rows.append(Row([f"{labels[question]} ({question})" if labels[question] != question else question]))
        for (_, label), cells in sorted(lines.items(), key=lambda line: line[0][0]):
            rows.append(Row([label, *(text for wave in waves for text in cells.get(wave, ("", "")))], indent=True))
    footnotes = describe_basis(notes)
    footnotes.append(
        "Per cent: answered and missing, of all who could have answered; answers, of those who answered; of choices "
        "several may be given. Questions asked about several partners, networks or product lines are taken together. "
        f"{format_number(notes['n_questions'], 0)} questions; {format_number(notes['n_not_shown'], 0)} identifiers, "
        "texts and dates are not shown. Reverse-keyed items are recoded."
    )
    if notes["minimum_cell"] > 1:
        footnotes.append(
            f"Hidden: fewer than {notes['minimum_cell']}, what would give such a number away, and figures of few. "
            "Small numbers of refusals, of “don't know” and of no answer are taken together."
        )
    spans = [("", 1), *((str(label), 2) for label in waves.values())]
    return Table(options["title"], ["", *["n", "%"] * len(waves)], rows, spans=[spans], notes=footnotes, layout="small")


def write_cells(entry: Any) -> tuple[str, str]:
    """Write the two cells of a row in a wave."""
    if entry.part == "not asked":
        return "not asked", ""
    if entry.part == "figure":
        return ("hidden", "") if is_missing(entry.value) else (format_compact(entry.value), format_compact(entry.share))
    if is_missing(entry.value):
        return "hidden", ""
    return format_number(entry.value, 0), format_percent(entry.share)
