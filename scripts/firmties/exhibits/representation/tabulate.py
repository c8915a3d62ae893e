"""The comparison with the frame as printed: a table a wave, its variables as groups, their categories as rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from firmties.display import ENOUGH
from firmties.exhibits.representation.summarize import SMALLEST
from firmties.panel import NOTABLE
from firmties.tables import (
    ABSENT,
    Row,
    Table,
    describe_basis,
    format_number,
    format_p,
    format_percent,
    is_missing,
    list_rows,
    wrap_heading,
)

NAMES = {"frame": "respondents against the frame", "invited": "answered or not"}


def tabulate(numbers: pd.DataFrame, notes: Mapping[str, Any], options: Mapping[str, Any]) -> Table:
    """Set a table a wave; the tests of a variable stand in its heading."""
    waves = list(dict.fromkeys(numbers["wave_label"].astype(str)))
    has_weights = bool(numbers["weighted_share"].notna().any())
    columns = ["", "Frame N", "Frame, %", "Invited, %", "n", "Answered, %", "Difference, points", "Std. difference"]
    columns += ["Weighted, %", "Std. difference, weighted"] if has_weights else []
    columns = [wrap_heading(heading, 11) for heading in columns]
    parts = [
        Table(str(wave), columns, set_rows(numbers.loc[numbers["wave_label"].astype(str) == wave], has_weights))
        for wave in waves
    ]
    footnotes = [
        *describe_basis(notes),
        (
            "Difference: answered minus frame. Std. difference: the difference of shares over the root of their mean "
            f"variance; 'large' beyond {NOTABLE}."
            + (
                " Weighted: answered, by weights; variables to which the weights were raked agree with the frame by "
                "construction."
                if has_weights
                else ""
            )
        ),
        (
            "Chi-square tests take respondents as drawn at random and with replacement: drawn without, the statistic "
            "against the frame is larger by N / (N − n). Unequal chances of being drawn are not allowed for, so a "
            "difference from the frame is one of design and response together; 'answered or not' looks at response "
            f"alone. †: an expected count below {SMALLEST}, the p-value is doubtful."
        ),
        f"Below a count of {ENOUGH} there is no share.",
    ]
    if notes["minimum_cell"] > 1:
        footnotes.append(
            f"Counts below {notes['minimum_cell']}, and those from which such a count would follow, are hidden, and "
            "with them the variable's tests."
        )
    if notes.get("open_link"):
        footnotes.append("Answers by open link are left out: they were not drawn from the frame.")
    if not parts:
        return Table(options["title"], columns, [], notes=footnotes)
    first, *others = parts
    title = f"{options['title']}: {first.title}" if others else options["title"]
    return Table(title, columns, first.rows, notes=footnotes, data=numbers, parts=others)


def set_rows(numbers: pd.DataFrame, has_weights: bool) -> list[Row]:
    """Set the rows of one wave."""
    rows: list[Row] = []
    for _, members in numbers.groupby("variable", sort=False):
        tests = "; ".join(word_test(row) for row in list_rows(members.loc[members["part"] == "test"]))
        rows.append(Row([f"{members['variable_label'].iloc[0]} ({tests})"]))
        rows += [
            Row(
                [
                    str(row.category_label),
                    format_number(row.frame_n, 0),
                    format_percent(row.frame_share),
                    format_percent(row.invited_share) or ABSENT,
                    "hidden" if row.cell == "suppressed" else format_number(row.n, 0),
                    format_percent(row.share) or ABSENT,
                    format_number(row.difference, 1, sign=True) or ABSENT,
                    word_difference(row.std_difference),
                    *(
                        [
                            format_percent(row.weighted_share) or ABSENT,
                            word_difference(row.weighted_std_difference),
                        ]
                        if has_weights
                        else []
                    ),
                ],
                indent=True,
            )
            for row in list_rows(members.loc[members["part"] == "category"])
        ]
    return rows


def word_difference(value: Any) -> str:
    """Write a standardized difference, and a word where it is large."""
    if is_missing(value):
        return ABSENT
    return format_number(value, 2, sign=True) + (" large" if abs(value) > NOTABLE else "")


def word_test(row: Any) -> str:
    """Word one test: what is compared, the statistic with its degrees of freedom, and p."""
    if is_missing(row.statistic):
        return f"{NAMES[row.against]}: {row.reason}"
    p = format_p(row.p_value)
    doubtful = " †" if row.min_expected < SMALLEST else ""
    statistic = f"χ²({format_number(row.df, 0)}) = {format_number(row.statistic, 1)}"
    return f"{NAMES[row.against]}: {statistic}, p {p if p.startswith('<') else f'= {p}'}{doubtful}"
