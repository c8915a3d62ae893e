"""Readers of survey exports: one module a format, each with one function ``read``.

``read(path, settings)`` returns the responses as text, blank where nothing was
recorded, and the labels that the format carries. ``FORMATS`` says which module
reads which suffix; it stands here so that nothing heavy is imported to look it up.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firmties.errors import StudyError, describe_allowed
from firmties.provenance import compute_checksum

if TYPE_CHECKING:
    import pandas as pd

FORMATS = {
    ".csv": "delimited",
    ".tsv": "delimited",
    ".txt": "delimited",
    ".dta": "stata",
    ".sav": "spss",
    ".zsav": "spss",
}


def read_wave(path: str | Path, settings: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read one wave's export as text, with its labels.

    Parameters
    ----------
    path
        The export, as the survey tool or statistics package wrote it.
    settings
        The wave's entry of ``waves:`` in config.yaml; ``delimiter``, ``encoding``,
        ``where`` and ``sha256`` are used here.

    Returns
    -------
    responses
        One row a response, every column as text, ``""`` where blank; ``raw_row``
        numbers the rows of the file from 1.
    labels
        File name, checksum, format, number of rows, variable labels, value labels,
        user-missing ranges.

    Raises
    ------
    StudyError
        If the file is missing, empty, of an unknown format, not what its entry says, or cannot be read.
    """
    path = Path(path)
    wave = settings.get("id")
    where = f"{path.as_posix()} (wave {wave})"
    if not path.is_file():
        siblings = sorted(other.name for other in path.parent.glob("*")) if path.parent.is_dir() else []
        raise StudyError(
            f"{where}: the file is missing; put it there or correct waves: file: in config.yaml; "
            f"{describe_allowed(path.name, siblings)}"
        )
    if path.stat().st_size == 0:
        raise StudyError(f"{where}: the file is empty (0 bytes); export it again")
    if path.suffix.lower() not in FORMATS:
        raise StudyError(f"{where}: no reader for '{path.suffix}'; {describe_allowed(path.suffix, FORMATS)}")
    checksum = compute_checksum(path)
    if settings.get("sha256") and settings["sha256"] != checksum:
        raise StudyError(
            f"{where}: its SHA-256 is {checksum}, waves: sha256: in config.yaml says {settings['sha256']}; "
            "the file is not the one that was registered"
        )
    reader = import_module(f"firmties.readers.{FORMATS[path.suffix.lower()]}")
    try:
        responses, labels = reader.read(path, settings)
    except StudyError:
        raise
    except Exception as error:
        raise StudyError(f"{where}: cannot be read as {reader.NAME}: {error}") from error
    if responses.empty:
        raise StudyError(f"{where}: holds a header but no responses")
    responses.insert(0, "raw_row", range(1, len(responses) + 1))
    for column, value in (settings.get("where") or {}).items():
        if column not in responses:
            raise StudyError(f"{where}: no column '{column}' (waves: where:); {describe_allowed(column, responses)}")
        responses = responses[responses[column] == write_plainly(value)]
        if responses.empty:
            raise StudyError(f"{where}: no row has {column} = {value} (waves: where: in config.yaml)")
    return responses.reset_index(drop=True), {
        "file": path.as_posix(),
        "sha256": checksum,
        "format": reader.NAME,
        "rows": len(responses),
        "encoding": "",
        "delimiter": "",
        "columns": {},
        "values": {},
        "user_missing": {},
        **labels,
    }


def write_plainly(value: Any) -> str:
    """Write one value as text: numbers without trailing zeros, blank for none.

    Examples
    --------
    >>> [write_plainly(value) for value in (3.0, 2.5, None, "yes", True)]
    ['3', '2.5', '', 'yes', '1']
    """
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value).strip()


def list_modules() -> list[str]:
    """Names of the reader modules, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))
