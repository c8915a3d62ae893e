"""Excel workbooks (.xlsx, .xlsm): one sheet, plain with one header row, or a survey tool's rows."""

from __future__ import annotations

import datetime
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from xml.etree import ElementTree

from firmties.errors import describe_allowed
from firmties.readers import write_plainly
from firmties.readers.text import FIRST_ROWS, Cells, make_table

if TYPE_CHECKING:
    import pandas as pd

NAME = "Excel workbook"
SHORT_NAME = "Excel"
SUFFIXES = (".xlsx", ".xlsm")

MOST_BYTES = 2**30
"""Most bytes that a workbook may unpack to, all its parts together."""
MOST_CELLS = 50_000_000
"""Most places between A1 and a sheet's last row and column; the library takes 32 bytes for each, filled or not."""
_CHUNK, _OVERLAP = 2**22, 2**16
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
# Tags may have a prefix; a cell without content closes itself and holds no place.
_CELL = rb'<(?:\w+:)?c\s(?:[^>]*?\s)?r=["\']'
_COLUMN = re.compile(_CELL + rb"([A-Z]{1,3})[^>]*[^/]>")
_LAST_ROW = re.compile(rb".*" + _CELL + rb"[A-Z]{1,3}(\d+)[^>]*[^/]>", re.DOTALL)
_VALUE = re.compile(rb"</(?:\w+:)?(?:v|is)>")
_HIDDEN = re.compile(rb'<(?:\w+:)?row\s(?=[^>]*?\bhidden=["\'](?:1|true)["\'])[^>]*[^/]>')
_ERROR = re.compile(
    rb'<(?:\w+:)?c\s(?=[^>]*?\bt=["\']e["\'])(?:[^>]*?\s)?r=["\']([A-Z]+)(\d+)[^>]*>.*?<(?:\w+:)?v>([^<]*)<', re.DOTALL
)


@dataclass
class Marks:
    """What a sheet's XML says that the library does not: its extent, hidden rows, and errors by row and column."""

    rows: int = 0
    columns: int = 0
    hidden: set[bytes] = field(default_factory=set)
    errors: dict[tuple[int, int], str] = field(default_factory=dict)


def unpack(file: IO[bytes], member: zipfile.ZipInfo) -> Iterator[bytes]:
    """Unpack a member of an archive piece by piece, whatever the archive's directory says of its size."""
    file.seek(member.header_offset + 26)
    file.seek(sum(struct.unpack("<HH", file.read(4))), 1)
    left = member.compress_size
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    waiting = b""
    while True:
        if not waiting and left:
            waiting = file.read(min(left, _CHUNK))
            left = left - len(waiting) if waiting else 0
        if member.compress_type == zipfile.ZIP_STORED:
            piece, waiting = waiting, b""
        else:
            piece = inflate.decompress(waiting, _CHUNK)
            waiting = inflate.unconsumed_tail
        yield piece
        if inflate.eof or not (piece or waiting or left):
            return


def check_size(path: Path, most: int = MOST_BYTES) -> None:
    """Stop at a workbook that cannot be one, or that unpacks to more than a limit; its directory is not trusted.

    Raises
    ------
    ValueError
        Names the size and the limit.
    """
    with path.open("rb") as file:
        begins = file.read(len(_OLE))
        if begins == _OLE:
            raise ValueError(
                "it is encrypted with a password, or an .xls of before 2007; open it in Excel and save it as .xlsx "
                "without a password"
            )
        try:
            members = zipfile.ZipFile(file).infolist()
        except (zipfile.BadZipFile, struct.error, EOFError) as error:
            text = begins and not begins.startswith(b"PK") and begins.isascii()
            hint = "it is text: name it .csv" if text else "it is cut off or damaged: export it again"
            raise ValueError(f"it is no zip archive, as a workbook is; {hint}") from error
        claimed = sum(member.file_size for member in members)
        size = claimed if claimed > most else 0
        for member in members:
            if member.flag_bits & 1 or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError(f"its part {member.filename} is packed as Excel never packs it; save it again")
            try:
                for piece in unpack(file, member) if size <= most else ():
                    size += len(piece)
                    if size > most:
                        break
            except (zlib.error, struct.error) as error:
                raise ValueError(f"its part {member.filename} is damaged ({error}); export it again") from error
    if size > most:
        claims = f"{claimed:,} bytes" if claimed > most else f"more, though its directory claims {claimed:,} bytes"
        raise ValueError(
            f"it unpacks to {claims}; the limit is {most:,} bytes. If it is an export, save the sheet as CSV instead"
        )


def number_column(letters: bytes) -> int:
    """Number a column by its letters, from 1.

    Examples
    --------
    >>> number_column(b"A"), number_column(b"AB"), number_column(b"XFD")
    (1, 28, 16384)
    """
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def name_column(number: int) -> str:
    """Letters of a column's number.

    Examples
    --------
    >>> name_column(1), name_column(28)
    ('A', 'AB')
    """
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def find_marks(pieces: Iterable[bytes]) -> Marks:
    """Find the marks of a sheet in its XML, which comes in pieces.

    Examples
    --------
    >>> marks = find_marks([b'<row r="3" hidden="1"><c r="B3" t="e"><v>#N/A</v></c></row>'])
    >>> marks.rows, marks.columns, len(marks.hidden), marks.errors
    (3, 2, 1, {(3, 2): '#N/A'})
    """
    marks = Marks()
    before = b""
    for piece in pieces:
        text = before + piece
        # Pieces overlap, so that what lies across their border is found; what is found twice counts once.
        before = text[-_OVERLAP:]
        marks.columns = max([marks.columns, *map(number_column, set(_COLUMN.findall(text)))])
        if last := _LAST_ROW.match(text):
            marks.rows = int(last[1])
        elif not marks.columns and _VALUE.search(text):
            marks.rows = marks.columns = 1  # cells that do not say where they stand, but follow on each other
        if b"hidden=" in text:
            marks.hidden |= set(_HIDDEN.findall(text))
        if b't="e"' in text or b"t='e'" in text:
            found = _ERROR.findall(text)
            marks.errors |= {(int(row), number_column(column)): word.decode() for column, row, word in found}
    return marks


def locate_sheets(archive: zipfile.ZipFile) -> dict[str, str]:
    """Find the archive's members that hold the sheets, by their names; charts have no cells and are left out."""
    trees = {}
    for part in ("xl/workbook.xml", "xl/_rels/workbook.xml.rels"):
        text = archive.read(part)
        if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
            raise ValueError(f"its part {part} declares a document type or entities, as no workbook does")
        trees[part] = ElementTree.fromstring(text)
    workbook, relations = trees.values()
    targets = {
        relation.attrib["Id"]: relation.attrib["Target"]
        for relation in relations
        if relation.attrib.get("Type", "").endswith("/worksheet")
    }
    sheets = {}
    for sheet in workbook.iter():
        if sheet.tag.rpartition("}")[2] == "sheet":
            key = next(value for name, value in sheet.attrib.items() if name.endswith("}id"))
            if target := targets.get(key):
                sheets[sheet.attrib["name"]] = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
    return sheets


def choose_sheet(marks: Mapping[str, Marks], wanted: str | None) -> str:
    """Choose the sheet that is wanted, else the only one that holds cells.

    Raises
    ------
    ValueError
        If there is no such sheet, if none holds cells, or several do; names the sheets.

    Examples
    --------
    >>> choose_sheet({"data": Marks(rows=3, columns=2), "notes": Marks()}, None)
    'data'
    """
    if wanted is not None:
        if wanted not in marks:
            raise ValueError(f"no sheet '{wanted}' (waves: sheet:); {describe_allowed(wanted, marks)}")
        return wanted
    filled = [name for name, found in marks.items() if found.columns]
    if len(filled) > 1:
        listed = ", ".join(f"'{name}' (A1:{name_column(marks[name].columns)}{marks[name].rows})" for name in filled)
        raise ValueError(
            f"several sheets hold rows: {listed}; name the one with the responses (waves: sheet:, or --sheet)"
        )
    if not filled:
        raise ValueError(f"no sheet holds a row; its sheets: {', '.join(marks) or 'none'}")
    return filled[0]


def load_rows(path: Path, settings: Mapping[str, Any]) -> tuple[Iterator[list[str]], dict[str, Any]]:
    """Open the sheet that is meant; give its rows as text, blank ones as well, and what is to be said of it."""
    import python_calamine

    check_size(path)
    with path.open("rb") as file, zipfile.ZipFile(file) as archive:
        members = locate_sheets(archive)
        marks = {name: find_marks(unpack(file, archive.getinfo(member))) for name, member in members.items()}
    name = choose_sheet(marks, settings.get("sheet"))
    found = marks[name]
    if found.rows * found.columns > MOST_CELLS:
        raise ValueError(
            f"sheet '{name}' reaches to row {found.rows:,} and column {name_column(found.columns)}, "
            f"{found.rows * found.columns:,} cells; the limit is {MOST_CELLS:,}. Remove what stands far "
            "out, or save the sheet as CSV"
        )
    with python_calamine.CalamineWorkbook.from_path(path) as workbook:
        sheet = workbook.get_sheet_by_name(name)
    first = sheet.start[1] if sheet.start else 0
    errors: dict[int, dict[int, str]] = {}
    for (number, column), word in found.errors.items():
        errors.setdefault(number, {})[column - first - 1] = word

    def write_rows() -> Iterator[list[str]]:
        for number, cells in enumerate(sheet.iter_rows(), start=1):
            row = [write_cell(cell) for cell in cells]
            # The library leaves an error blank.
            for place, word in errors.get(number, {}).items():
                row[place] = word
            yield row

    said = describe_marks(name, len(marks), found, sheet.merged_cell_ranges or [])
    return write_rows(), {"sheet": name, "detected": said}


def describe_marks(
    name: str, n_sheets: int, marks: Marks, merged: Sequence[tuple[tuple[int, int], tuple[int, int]]]
) -> list[str]:
    """Say which sheet is read, and what in it a reader of the table would not expect."""
    said = [f"sheet '{name}' of {n_sheets}"] if n_sheets > 1 else []
    if marks.hidden:
        said.append(f"{len(marks.hidden)} hidden row{'s' if len(marks.hidden) > 1 else ''}, read like the others")
    if marks.errors:
        words = ", ".join(sorted(set(marks.errors.values())))
        number, place = min(marks.errors)
        n = len(marks.errors)
        said.append(f"{n} cell{'s' if n > 1 else ''} with an error ({words}), the first {name_column(place)}{number}")
    if merged:
        spans = [f"{name_column(a[1] + 1)}{a[0] + 1}:{name_column(b[1] + 1)}{b[0] + 1}" for a, b in merged]
        listed = ", ".join(spans[:5]) + (f" and {len(spans) - 5} more" if len(spans) > 5 else "")
        said.append(f"merged cells ({listed}): the value stands in the first, the others are blank")
    return said


def write_cell(cell: Any) -> str:
    """Write one cell as text: dates and times in ISO 8601, a duration as hours, minutes and seconds.

    Examples
    --------
    >>> [write_cell(cell) for cell in (3.0, True, datetime.date(2024, 1, 2), datetime.timedelta(hours=26))]
    ['3', '1', '2024-01-02', '26:00:00']
    """
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, datetime.timedelta):
        minutes, seconds = divmod(int(cell.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    return write_plainly(cell)


def read_first_rows(path: Path, settings: Mapping[str, Any]) -> list[list[str]]:
    """Read the first rows of a sheet that are not blank; none if it cannot be read."""
    try:
        rows, _ = load_rows(path, settings)
        return [row for row, _ in zip(filter(any, rows), range(FIRST_ROWS), strict=False)]
    except Exception:  # reading it says what is wrong
        return []


def read_cells(path: Path, settings: Mapping[str, Any]) -> tuple[Cells, dict[str, Any]]:
    """Read a sheet as rows of text; the sheet that ``sheet`` names, else the only one that holds rows.

    Rows without any answer are left out, as are blank rows and columns before the table.

    Raises
    ------
    ValueError
        If it is no workbook, too large, or does not say which sheet is meant.
    """
    rows, labels = load_rows(path, settings)
    filled: list[list[str]] = []
    blank = between = 0
    for row in rows:
        if any(row):
            filled.append(row)
            between += blank if len(filled) > 1 else 0
            blank = 0
        else:
            blank += 1
    if not filled:
        raise ValueError(f"sheet '{labels['sheet']}' holds no row")
    if between:
        labels["lost"] = [f"{between} blank row{'s' if between > 1 else ''} among the others"]
    return Cells.from_rows(filled), labels


def interpret(rows: Cells, labels: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Interpret one header row and the responses under it; see :mod:`firmties.readers`."""
    try:
        return make_table(rows[0], rows[1:], labels)
    except ValueError as error:
        merged = [said for said in labels["detected"] if said.startswith("merged cells")]
        raise ValueError("; ".join([str(error), *merged])) from error
