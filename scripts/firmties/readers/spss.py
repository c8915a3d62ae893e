"""SPSS files, with value labels and user-missing values and ranges."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firmties.readers.stata import describe_labels, write_as_text

if TYPE_CHECKING:
    import pandas as pd

NAME = "SPSS .sav"
SUFFIXES = (".sav", ".zsav")


def read(path: Path, settings: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read an SPSS file as text; see :func:`firmties.readers.read_wave`.

    User-missing values keep their codes; their ranges are in the labels.
    """
    import pyreadstat

    table, metadata = pyreadstat.read_sav(str(path), user_missing=True)
    labels = describe_labels(metadata)
    labels["types"] = {
        name: "ordinal"
        for name, measure in metadata.variable_measure.items()
        if measure == "ordinal" and name in labels["values"]
    }
    labels["multiple_response_sets"] = {
        name: {"label": one.get("label", ""), "columns": list(one.get("variable_list", []))}
        for name, one in (getattr(metadata, "mr_sets", None) or {}).items()
    }
    return write_as_text(table, {}, table[[]]), labels
