"""Parquet files, as data frames are kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

NAME = "Parquet"
SUFFIXES = (".parquet",)


def read(path: Path, settings: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read a Parquet file as text; see :func:`firmties.readers.read_wave`.

    Times are written in ISO 8601; several answers in one cell are joined by a bar.
    """
    import pandas as pd

    from firmties.readers import write_plainly

    table = pd.read_parquet(path)
    if repeated := sorted({str(name) for name in table.columns[table.columns.duplicated()]}):
        raise ValueError(f"column names appear twice: {', '.join(repeated)}")
    columns = {}
    for name in table.columns:
        # Some libraries write text as plain bytes.
        cells = [cell.decode() if isinstance(cell, bytes) else cell for cell in table[name].astype("object")]
        columns[str(name)] = [
            "|".join(write_plainly(part) for part in cell) if hasattr(cell, "__len__") and not isinstance(cell, str)
            else "" if cell is pd.NaT or cell is pd.NA else write_plainly(cell)
            for cell in cells
        ]  # fmt: skip
    lost = [] if isinstance(table.index, pd.RangeIndex) else ["the table's index, which is no column"]
    return pd.DataFrame(columns, dtype="str"), {"lost": lost}
