"""Delimited text: CSV and its relatives."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

NAME = "delimited text"


def read(path: Path, settings: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read a delimited file as text; see :func:`firmties.readers.read_wave`.

    The delimiter is a comma unless ``delimiter`` says otherwise, the encoding UTF-8
    (with or without byte-order mark) unless ``encoding`` does. A row with more or fewer
    cells than the header is an error, named by its line.
    """
    encoding = settings.get("encoding", "utf-8-sig")
    delimiter = settings.get("delimiter", "\t" if path.suffix.lower() == ".tsv" else ",")
    try:
        text = path.read_bytes().decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1} is not {encoding}; name the encoding in waves: encoding:") from error
    if "\0" in text:
        raise ValueError("it holds zero bytes, so it is not text")
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header = [name.strip() for name in next(rows, [])]
    if not any(header):
        raise ValueError("it has no header row")
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise ValueError(f"column names appear twice: {', '.join(repeated)}")
    body = []
    for row in rows:
        if not row:
            continue
        if len(row) != len(header):
            raise ValueError(
                f"line {rows.line_num} has {len(row)} cells, the header has {len(header)}"
                + (f"; is '{delimiter}' the delimiter (waves: delimiter:)?" if len(header) == 1 else "")
            )
        body.append([cell.strip() for cell in row])
    return pd.DataFrame(body, columns=header, dtype="str"), {"encoding": encoding, "delimiter": delimiter}
