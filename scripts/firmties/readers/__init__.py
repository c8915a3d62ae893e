"""Readers of survey exports: one module a format, behind one small interface.

Each module states its ``NAME`` for messages, and is one of three kinds. A further one is found by its place in this
folder.

A format that a library reads whole (Stata) has ``SUFFIXES`` and ``read(path, settings)``, which returns the responses
as text, blank where nothing was recorded, and the labels that the format carries.

A container of cells (delimited text, a workbook) has ``SUFFIXES``, ``read_first_rows(path, settings)``,
``read_cells(path, settings)``, which returns rows of text, kept by column (:class:`firmties.readers.text.Cells`), and
labels, and ``interpret(rows, labels)``, which takes them for one header row and responses. ``SHORT_NAME`` follows the
name of the tool whose rows it holds.

A survey tool (Qualtrics) has ``recognize(rows)``, which says of a container's first rows whether it wrote them, and
``interpret(rows, labels)``, which makes responses and labels of all of them; ``labels["types"]`` holds what a data
dictionary says of types, so that a question of several answers (``multiple``) need not be told by its cells.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from firmties.choices import add_dictionary, describe_unclear
from firmties.errors import StudyError, describe_allowed
from firmties.provenance import compute_checksum

if TYPE_CHECKING:
    import pandas as pd

PLAIN = "delimited"
"""The container of a file whose suffix says nothing."""


def list_modules() -> list[str]:
    """Names of the reader modules, sorted."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return [name for name in names if hasattr(load_module(name), "NAME")]


@cache
def load_module(name: str) -> ModuleType:
    """Import one module of this folder; none of them imports anything heavy before it reads."""
    return import_module(f"firmties.readers.{name}")


def list_suffixes() -> list[str]:
    """Suffixes that some module reads, sorted."""
    return sorted({suffix for name in list_modules() for suffix in getattr(load_module(name), "SUFFIXES", ())})


def find_readers(path: str | Path, settings: Mapping[str, Any]) -> list[str]:
    """Names of the modules that read a file: one, or a survey tool's and its container's.

    The first is what ``format`` says, else it is found by suffix and first rows.

    Raises
    ------
    StudyError
        If no module has that name or reads that suffix.

    Examples
    --------
    >>> find_readers("wave_1.sav", {}), find_readers("wave_1.csv", {"format": "qualtrics"})
    (['spss'], ['qualtrics', 'delimited'])
    """
    path = Path(path)
    modules = {name: load_module(name) for name in list_modules()}
    suffix = path.suffix.lower()
    by_suffix = next((name for name, module in modules.items() if suffix in getattr(module, "SUFFIXES", ())), None)
    if chosen := settings.get("format"):
        if chosen not in modules:
            raise StudyError(
                f"{path.as_posix()} (wave {settings.get('id')}): no reader '{chosen}' (waves: format: in config.yaml); "
                f"{describe_allowed(chosen, modules)}"
            )
        if not hasattr(modules[chosen], "recognize"):
            return [str(chosen)]
        return [str(chosen), by_suffix if by_suffix and hasattr(modules[by_suffix], "read_cells") else PLAIN]
    if not by_suffix:
        raise StudyError(
            f"{path.as_posix()} (wave {settings.get('id')}): no reader for '{path.suffix}'; "
            f"{describe_allowed(path.suffix, list_suffixes())}"
        )
    container = modules[by_suffix]
    if not hasattr(container, "read_cells") or not path.is_file():
        return [by_suffix]
    rows = container.read_first_rows(path, settings)
    tools = [name for name, module in modules.items() if hasattr(module, "recognize")]
    return [*[name for name in tools if rows and modules[name].recognize(rows)][:1], by_suffix]


def read_wave(path: str | Path, settings: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read one wave's export as text, with its labels.

    Parameters
    ----------
    path
        The export, as the survey tool or statistics package wrote it.
    settings
        The wave's entry of ``waves:`` in config.yaml; ``format``, ``sheet``, ``dictionary``,
        ``delimiter``, ``encoding``, ``where`` and ``sha256`` are used here.

    Returns
    -------
    responses
        One row a response, every column as text, ``""`` where blank; ``raw_row``
        numbers the rows of responses in the file from 1.
    labels
        File name, checksum, format, number of rows, encoding, delimiter; of each raw column where the format has it:
        its text (``columns``), value labels (``values``), user-missing ranges (``user_missing``); the columns with a
        decimal comma (``decimal_comma``); the questions that come as a column a choice (``choices``, by question, see
        :func:`firmties.choices.describe_question`); sentences on what was ``detected`` and what the format has
        ``lost``; and what the tool's data dictionary says of columns, where there is one.

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
    reader, *container = (load_module(name) for name in find_readers(path, settings))
    name = " ".join([reader.NAME, *(module.SHORT_NAME for module in container)])
    checksum = compute_checksum(path)
    if settings.get("sha256") and settings["sha256"] != checksum:
        raise StudyError(
            f"{where}: its SHA-256 is {checksum}, waves: sha256: in config.yaml says {settings['sha256']}; "
            "the file is not the one that was registered"
        )
    said = read_dictionary(settings["dictionary"], where) if settings.get("dictionary") else {}
    try:
        if hasattr(reader, "read"):
            responses, labels = reader.read(path, settings)
        else:
            rows, stated = [*container, reader][0].read_cells(path, settings)
            responses, labels = reader.interpret(rows, {**stated, "types": said.get("types", {})})
    except StudyError:
        raise
    except Exception as error:
        raise StudyError(f"{where}: cannot be read as {name}: {error}") from error
    if responses.empty:
        raise StudyError(f"{where}: holds a header but no responses")
    labels = add_dictionary(labels, said) if said else labels
    if unclear := describe_unclear(responses, labels.get("choices", {})):
        labels = {**labels, "lost": [*labels.get("lost", []), *unclear]}
    if "raw_row" in responses:
        raise StudyError(f"{where}: its column 'raw_row' has the name of the rows' numbers; name it otherwise")
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
        "format": name,
        "rows": len(responses),
        "encoding": "",
        "delimiter": "",
        "columns": {},
        "values": {},
        "user_missing": {},
        "decimal_comma": [],
        "choices": {},
        "detected": [],
        "lost": [],
        **labels,
    }


def read_dictionary(path: str | Path, where: str) -> dict[str, Any]:
    """Read the tool's data dictionary beside an export; a fault names the wave."""
    from firmties import dictionaries

    try:
        return dictionaries.read_dictionary(Path(path))
    except StudyError as error:
        raise StudyError([f"{where}: dictionary: {problem}" for problem in error.problems]) from error


def write_plainly(value: Any) -> str:
    """Write one value as text: numbers without trailing zeros, blank for none.

    Examples
    --------
    >>> [write_plainly(value) for value in (3.0, 2.5, None, "yes", True, 1234567890123456.0)]
    ['3', '2.5', '', 'yes', '1', '1234567890123456']
    """
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53:
        return str(int(value))
    return str(value).strip()
