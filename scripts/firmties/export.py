"""The scored panel as Stata and SPSS hold it: coded answers, labels, typed missing values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

# The reason for a missing value, as Stata's extended missing value and as SPSS's user-missing code.
KINDS = {
    "not_applicable": ("a", "not applicable"),
    "dont_know": ("b", "don't know"),
    "refused": ("c", "refused"),
    "not_asked": ("d", "not asked in this wave"),
    "no_answer": ("e", "no answer"),
    "lost": ("f", "removed by a cleaning rule"),
}
SPSS_CODES = {kind: -9_999_990.0 - number for number, kind in enumerate(KINDS, start=1)}


STATA_TIME = (b"<timestamp>\x11", b"01 Jan 1970 00:00")
SPSS_TIME = (92, b"01 Jan 7000:00:00")


def blank_times(content: bytes) -> bytes:
    r"""Replace the time at which a Stata or SPSS file was written by 1970, so that equal data give equal bytes.

    Stata states it in its header's ``<timestamp>`` (17 characters), SPSS from byte 92 on (date, 9, and time, 8).

    Examples
    --------
    >>> blank_times(b"<stata_dta><timestamp>\x1127 Nov 2026 22:09</timestamp>")
    b'<stata_dta><timestamp>\x1101 Jan 1970 00:00</timestamp>'
    """
    if content[:3] == b"$FL":
        start, text = SPSS_TIME
    else:
        mark, text = STATA_TIME
        start = content.index(mark) + len(mark)
    return content[:start] + text + content[start + len(text) :]


@dataclass
class LabelledTable:
    """A table ready to be written, with variable labels, value labels and missing values."""

    table: pd.DataFrame
    labels: dict[str, str | None]
    value_labels: dict[str, dict[Any, str]]
    missing: dict[str, Any]


def code_column(column: pd.Series, codes: dict[str, str]) -> tuple[pd.Series, dict[float, str]]:
    """Turn a column into numbers and labels where it has codes; text stays text.

    Codes that are whole numbers keep their values, others are numbered in the codes' order.

    Examples
    --------
    >>> import pandas as pd
    >>> code_column(pd.Series(["hybrid", "single"]), {"single": "one type", "hybrid": "two or more"})
    (0    2.0
    1    1.0
    dtype: float64, {1.0: 'one type', 2.0: 'two or more'})
    """
    if pd.api.types.is_bool_dtype(column.dtype):
        return column.astype("Float64").astype("float64"), {0.0: "no", 1.0: "yes"}
    if pd.api.types.is_numeric_dtype(column.dtype):
        labels = {float(code): label for code, label in codes.items() if code.lstrip("-").isdigit()}
        return column.astype("Float64").astype("float64"), labels
    if not codes:
        return column, {}
    whole = all(code.lstrip("-").isdigit() for code in codes)
    numbers = {code: float(code) if whole else float(rank) for rank, code in enumerate(codes, start=1)}
    return column.map(numbers).astype("float64"), {numbers[code]: label for code, label in codes.items()}


def code_table(panel: pd.DataFrame, dictionary: pd.DataFrame) -> LabelledTable:
    """Code every column of the panel by the dictionary; times become text."""
    entries = dictionary.set_index("variable")
    columns: dict[str, pd.Series] = {}
    labels: dict[str, str | None] = {}
    value_labels: dict[str, dict[Any, str]] = {}
    for name in panel.columns:
        codes = dict(part.split("=", 1) for part in str(entries.at[name, "codes"]).split("|") if "=" in part)
        column, value_label = code_column(panel[name], codes)
        if not pd.api.types.is_numeric_dtype(column.dtype):
            column = column.astype("str").where(column.notna(), "")
        columns[name], labels[name] = column, str(entries.at[name, "label"])
        if value_label:
            value_labels[name] = value_label
    return LabelledTable(pd.DataFrame(columns), labels, value_labels, {})


def prepare_stata(coded: LabelledTable, kinds: pd.DataFrame) -> LabelledTable:
    """Prepare a coded table for Stata: reasons for missing values become ``.a`` to ``.f``, labelled.

    Stata's limits: variable labels of 80 characters, names of 32; longer ones are cut, names kept unique. Names are cut
    to 28: pyreadstat 1.3.7 calls a set of value labels by its variable's name and place, which together may have 32.
    """
    return mark_missing(coded, kinds, {kind: letter for kind, (letter, _) in KINDS.items()}, 28, 80)


def prepare_spss(coded: LabelledTable, kinds: pd.DataFrame) -> LabelledTable:
    """Prepare a coded table for SPSS: reasons for missing values become codes from -9999991 down, labelled."""
    return mark_missing(coded, kinds, SPSS_CODES, 64, 255)


def mark_missing(
    coded: LabelledTable, kinds: pd.DataFrame, codes: Mapping[str, Any], name_length: int, label_length: int
) -> LabelledTable:
    """Put codes in place of missing values whose reason is known, and cut names and labels.

    Parameters
    ----------
    coded
        Of `code_table`.
    kinds
        Why a value is missing, by row and variable.
    codes
        Reason → code: letters make a column of objects, numbers leave it one of numbers.

    Returns
    -------
    LabelledTable
        ``missing`` holds the letters used, or the range of the numbers, by column.
    """
    names = shorten_names(list(coded.table.columns), name_length)
    table, value_labels, missing = {}, {}, {}
    for name, column in coded.table.items():
        short = names[str(name)]
        labels = dict(coded.value_labels.get(str(name), {}))
        reasons = find_reasons(column, kinds, str(name))
        if len(reasons):
            used = {kind: codes[kind] for kind in KINDS if kind in set(reasons)}
            labels |= {code: KINDS[kind][1] for kind, code in used.items()}
            if isinstance(next(iter(used.values())), str):
                column = column.astype("object")
                column[reasons.index] = reasons.map(used)
                column[reasons.index[0]] = Letter(used[reasons.iloc[0]].encode())
                missing[short] = list(used.values())
            else:
                column = column.copy()
                column[reasons.index] = reasons.map(used).astype("float64")
                missing[short] = [{"lo": min(codes.values()), "hi": max(codes.values())}]
        table[short] = column
        if labels:
            value_labels[short] = labels
    return LabelledTable(
        pd.DataFrame(table),
        {names[name]: str(label)[:label_length] for name, label in coded.labels.items()},
        value_labels,
        missing,
    )


class Letter(bytes):
    """A letter of an extended missing value that is not text.

    pyreadstat 1.3 takes a column for text if its first hundred cells are letters; one that is no text keeps it a
    column of numbers.
    """

    def __eq__(self, other: object) -> bool:
        """Whether the other is the same letter, as text or as bytes."""
        return other == self.decode() if isinstance(other, str) else bytes.__eq__(self, other) is True

    def __hash__(self) -> int:
        """Hash of the letter as text."""
        return hash(self.decode())


def find_reasons(column: pd.Series, kinds: pd.DataFrame, name: str) -> pd.Series:
    """Reasons for the missing values of a numeric column; empty for text and for variables that were computed."""
    if name not in kinds or not pd.api.types.is_numeric_dtype(column.dtype):
        return pd.Series(dtype="str")
    reasons = kinds[name]
    return reasons[column.isna() & reasons.isin(list(KINDS))]


def shorten_names(names: list[str], length: int) -> dict[str, str]:
    """Cut names to a length and keep them unique.

    Examples
    --------
    >>> shorten_names(["alter_share", "alter_shape"], 9)
    {'alter_share': 'alter_sha', 'alter_shape': 'alter_s_2'}
    """
    short: dict[str, str] = {}
    used: set[str] = set()
    for name in names:
        candidate, number = name[:length], 1
        while candidate in used:
            number += 1
            ending = f"_{number}"
            candidate = name[: length - len(ending)] + ending
        short[name] = candidate
        used.add(candidate)
    return short
