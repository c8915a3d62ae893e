"""SPSS files, with value labels and user-missing values and ranges."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from firmties.readers.stata import describe_labels, write_as_text

NAME = "SPSS .sav"


def read(path: Path, settings: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read an SPSS file as text; see :func:`firmties.readers.read_wave`.

    User-missing values keep their codes; their ranges are in the labels.
    """
    import pyreadstat

    table, metadata = pyreadstat.read_sav(str(path), user_missing=True)
    return write_as_text(table, {}, table[[]]), describe_labels(metadata)
