"""SPSS files, with value labels and user-missing values and ranges."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firmties.choices import describe_question, is_within, make_codes
from firmties.readers import write_plainly
from firmties.readers.stata import describe_labels, write_as_text

if TYPE_CHECKING:
    import pandas as pd

NAME = "SPSS .sav"
SUFFIXES = (".sav", ".zsav")


def read(path: Path, settings: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read an SPSS file as text; see :func:`firmties.readers.read_wave`.

    User-missing values keep their codes; their ranges are in the labels. A multiple-response set of dichotomies has
    its counted value, which says chosen; a set of categories has columns of codes.
    """
    import pyreadstat

    table, metadata = pyreadstat.read_sav(str(path), user_missing=True)
    labels = describe_labels(metadata)
    labels["types"] = {
        name: "ordinal"
        for name, measure in metadata.variable_measure.items()
        if measure == "ordinal" and name in labels["values"]
    }
    text = write_as_text(table, {}, table[[]])
    sets = getattr(metadata, "mr_sets", None) or {}
    labels["choices"] = {name: describe_set(one, text, labels) for name, one in sets.items() if name not in text}
    return text, labels


def describe_set(one: Mapping[str, Any], table: pd.DataFrame, labels: Mapping[str, Any]) -> dict[str, Any]:
    """Describe a multiple-response set; see :func:`firmties.choices.describe_question`.

    ASSUME of a dichotomy, another number than the counted one says "not chosen", unless it is a missing value.
    """
    names = [name for name in one["variable_list"] if name in table]
    if not one["is_dichotomy"]:
        words = {code: label for name in names for code, label in labels["values"].get(name, {}).items()}
        return describe_question(dict.fromkeys(names, ""), words, one["label"], chosen=())
    counted = write_plainly(one["counted_value"])
    columns = dict(zip(names, make_codes(names), strict=True))
    words = {columns[name]: labels["columns"].get(name, name) for name in names}
    spans = [span for name in names for span in labels["user_missing"].get(name, [])]
    cells = {cell for name in names for cell in table[name].unique()} - {"", counted}
    no = [cell for cell in sorted(cells) if cell in ("0", "1", "2") and not is_within(cell, spans)]
    return describe_question(columns, words, one["label"], chosen=[counted], not_chosen=no)
