"""Stata files, with value labels and extended missing values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

NAME = "Stata .dta"
SUFFIXES = (".dta",)


def read(path: Path, settings: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read a Stata file as text; see :func:`firmties.readers.read_wave`.

    Extended missing values come as ``.a`` to ``.z``, the system missing value as blank.
    """
    import pyreadstat

    table, metadata = pyreadstat.read_dta(str(path), user_missing=True)
    # pyreadstat 1.3 gives a stray number for the system missing value of an integer column that also holds letters;
    # read without letters, such a cell is blank as it should be.
    lettered = [name for name in table.columns if metadata.missing_user_values.get(name)]
    plain, _ = pyreadstat.read_dta(str(path), usecols=lettered) if lettered else (table[[]], None)
    return write_as_text(table, metadata.missing_user_values, plain), describe_labels(metadata)


def write_as_text(table: pd.DataFrame, letters: Mapping[str, Sequence[Any]], plain: pd.DataFrame) -> pd.DataFrame:
    """Write every cell as text; letters of extended missing values get their dot.

    Parameters
    ----------
    table
        Values, with letters among the numbers of some columns.
    letters
        Column → its letters.
    plain
        Those columns read without letters: blank where there is no number.
    """
    import pandas as pd

    from firmties.readers import write_plainly

    columns = {}
    for name in table.columns:
        cells = table[name].tolist()
        if name in plain:
            special, numbers = set(letters[name]), plain[name].tolist()
            columns[name] = [
                f".{cell}" if isinstance(cell, str) and cell in special else write_plainly(number)
                for cell, number in zip(cells, numbers, strict=True)
            ]
        else:
            columns[name] = [write_plainly(cell) for cell in cells]
    return pd.DataFrame(columns, dtype="str", index=table.index)


def describe_labels(metadata: Any) -> dict[str, Any]:
    """Variable labels, value labels and user-missing ranges of a pyreadstat metadata object."""
    from firmties.readers import write_plainly

    return {
        "encoding": metadata.file_encoding or "",
        "columns": {name: label for name, label in metadata.column_names_to_labels.items() if label},
        "values": {
            name: {
                f".{code}" if code in metadata.missing_user_values.get(name, []) else write_plainly(code): label
                for code, label in codes.items()
            }
            for name, codes in metadata.variable_value_labels.items()
        },
        "user_missing": {
            name: [[write_plainly(span["lo"]), write_plainly(span["hi"])] for span in spans]
            for name, spans in metadata.missing_ranges.items()
        },
    }
