"""The fieldwork table as printed: a column a wave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from firmties.tables import ABSENT, Row, Table, describe_basis, format_number, format_percent, is_missing

DIGITS = {"minutes": 1, "deff": 2, "maximum": 2}


def tabulate(numbers: pd.DataFrame, notes: Mapping[str, Any], options: Mapping[str, Any]) -> Table:
    """Set sections as groups, figures as rows, waves as columns; what a wave does not have is marked with a dash."""
    waves = numbers[["wave", "wave_label"]].drop_duplicates().sort_values("wave")
    rows: list[Row] = []
    for section, members in numbers.groupby("section", sort=False):
        rows.append(Row([str(section)]))
        for key in members["key"].drop_duplicates():
            cells = members.loc[members["key"] == key].set_index("wave")
            shown = [write_cell(cells.loc[wave]) if wave in cells.index else ABSENT for wave in waves["wave"]]
            rows.append(Row([str(cells["label"].iloc[0]), *shown], indent=True))
    footnotes = describe_basis({key: value for key, value in notes.items() if key in ("n_firms", "n_firm_waves")})
    if (numbers["section"] == "Response rates, %").any():
        footnotes.append(
            "Response and cooperation rates after AAPOR, Standard Definitions: complete interviews (1, 3) or complete "
            "and partial interviews (2, 4) over all cases that are or may be eligible; 1 and 2 count every case of "
            "unknown eligibility as eligible, 3 and 4 the share e."
            + (" Answers by open link are in no rate." if "open_link" in notes else "")
        )
    if "not_agreed" in notes:
        footnotes.append(
            "View, participation and completion after CHERRIES, of unique visitors (a firm counts once, with the "
            "response that got furthest); firms invited stand for the visitors of a site. Visitors who did not agree: "
            + notes["not_agreed"]
            + (f"; agreed, but did not finish: {notes['not_finished']}" if "not_finished" in notes else "")
            + (f"; not counted as visitors: {notes['not_visits']}" if "not_visits" in notes else "")
            + "."
        )
    if "closed" in notes:
        footnotes.append(f"Closed, and left out of retention: {notes['closed']} in the sample file.")
    if (numbers["section"] == "Responses").any():
        footnotes.append("A response is excluded under the first rule that it meets, in the order shown.")
    if (numbers["section"] == "Weights").any():
        footnotes.append(
            "Weights: by the chance of selection and of response, raked to the frame's margins of the wave, trimmed. "
            "Design effect: 1 + the squared coefficient of variation of the weights (Kish); effective number: "
            "responses with a weight over it. Counts and shares in this table are unweighted."
        )
        footnotes += notes.get("remark_weights", [])
    return Table(options["title"], ["", *waves["wave_label"].astype(str)], rows, notes=footnotes)


def write_cell(cell: pd.Series) -> str:
    """Write a date or mode as it stands, a share as per cent, minutes and weights with digits, else a count."""
    if not is_missing(cell["text"]):
        return str(cell["text"])
    if not is_missing(cell["denominator"]):
        return format_percent(cell["value"])
    return format_number(cell["value"], DIGITS.get(str(cell["key"]), 0))
