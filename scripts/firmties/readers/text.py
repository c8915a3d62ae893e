"""What all readers of text files share: encoding, delimiter, rows of cells, columns with a decimal comma."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# Of two that fit alike the first is taken: beside semicolons, commas may be decimal.
DELIMITERS = (";", ",", "\t", "|")
HEAD = 262_144
"""Bytes that are looked at to tell a file's format."""
BLOCK = 8_388_608
"""Bytes that are looked at at a time; fewer than the longest cell may have, so that a lost quote is found as one."""
FIRST_ROWS = 6
"""Rows that a format is told by: the three header rows of the widest format, and some responses."""
# A wide grid of free text fits; without a limit a lost quote would swallow the file in one cell.
csv.field_size_limit(10_000_000)
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_COMMA = re.compile(r"-?\d+,\d+")
_WHOLE = re.compile(r"-?\d+")


def decode(content: bytes, encoding: str | None = None, whole: bool = True) -> tuple[str, str]:
    """Decode a text file: as told, else by its byte-order mark, else UTF-8, else Windows-1252; the mark goes.

    Parameters
    ----------
    content
        Bytes of the file.
    encoding
        What the wave's entry says; None to detect it.
    whole
        False if the bytes may end within a letter.

    Returns
    -------
    tuple of str
        The text, and the encoding.

    Examples
    --------
    >>> decode("Größe".encode("cp1252"))
    ('Größe', 'cp1252')
    """
    marked = next((name for mark, name in _MARKS.items() if content.startswith(mark)), None)
    # ASSUME text that is not UTF-8 and has no mark is Windows-1252, as survey tools and spreadsheets write it; latin-1
    # reads the bytes that it leaves out.
    tried = [encoding] if encoding else [marked] if marked else ["utf-8", "cp1252", "latin-1"]
    for name in tried:
        try:
            return codecs.getincrementaldecoder(name)().decode(content, whole).removeprefix("\ufeff"), name
        except UnicodeDecodeError as error:
            if name == tried[-1]:
                said = "name the encoding in waves: encoding:"
                raise ValueError(f"byte {error.start + 1} is not {name}; {said}") from error
            # Letters beyond ASCII that are UTF-8 are so by no chance: the file is cut off or damaged, and another
            # encoding would read every one of them wrongly.
            if not content[: error.start].isascii():
                raise ValueError(
                    f"byte {error.start + 1} is not {name}, though the text before it is: the file is cut off or "
                    "damaged; export it again, or name the encoding in waves: encoding:"
                ) from error
        except LookupError as error:
            raise ValueError(f"waves: encoding: '{name}' is no encoding; allowed are utf-8, cp1252, …") from error
    raise AssertionError("latin-1 reads every byte")


def find_delimiter(text: str) -> str:
    r"""Find the delimiter that makes the first rows of a text equally long, and longest; a comma if none does.

    Examples
    --------
    >>> find_delimiter('id;size\n1;"2,5"\n2;"3,5"\n'), find_delimiter("id\n1\n")
    (';', ',')
    """
    best = (0, 0)
    found = ","
    for delimiter in DELIMITERS:
        cells = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        rows = [row for row in itertools.islice(cells, 20) if row]
        whole = rows[:-1] if len(rows) > 2 else rows  # the last may be cut off
        same = sum(len(row) == len(whole[0]) for row in whole) if whole else 0
        if whole and len(whole[0]) > 1 and (same, len(whole[0])) > best:
            best, found = (same, len(whole[0])), delimiter
    return found


def read_first_rows(path: Path, settings: Mapping[str, Any]) -> list[list[str]]:
    """Read the first rows of a text file that are not blank as cells; none if it is no text."""
    with path.open("rb") as file:
        content = file.read(HEAD)
    try:
        text, _ = decode(content, settings.get("encoding"), whole=False)
        delimiter = settings.get("delimiter") or find_delimiter(text)
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        return [[cell.strip() for cell in row] for row in itertools.islice(filter(None, rows), FIRST_ROWS)]
    except (ValueError, csv.Error):
        return []


class Cells(Sequence[list[str]]):
    """Rows of cells, all equally long, kept by column: an index gives one row, a slice further cells.

    Examples
    --------
    >>> cells = Cells.from_rows([["id", "size"], ["a", "3"], ["b", "5"]])
    >>> cells[0], len(cells[1:]), cells[1:].columns[1].to_pylist()
    (['id', 'size'], 2, ['3', '5'])
    """

    def __init__(self, columns: Sequence[Any]) -> None:
        self.columns = columns

    @classmethod
    def from_rows(cls, rows: Sequence[Sequence[str]]) -> Cells:
        """Turn rows into columns of Arrow text."""
        import pyarrow as pa

        return cls([pa.chunked_array([pa.array(column, pa.large_string())]) for column in zip(*rows, strict=True)])

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            start, stop, _ = place.indices(len(self))
            return Cells([column.slice(start, max(stop - start, 0)) for column in self.columns])
        return [column[place].as_py() for column in self.columns]


def read_cells(path: Path, settings: Mapping[str, Any]) -> tuple[Cells, dict[str, Any]]:
    """Read a text file as rows of cells without the blanks around them.

    Returns
    -------
    rows
        The header rows, then the responses, all equally long. Blank lines are left out.
    labels
        ``encoding``, ``delimiter``, and what was ``detected``.

    Raises
    ------
    ValueError
        If it is no text, has no header, or a row is longer or shorter than the header, which is named by its line.
    """
    content = path.read_bytes()
    text, encoding = decode(content, settings.get("encoding"))
    if "\0" in text:
        raise ValueError("it holds zero bytes, so it is not text")
    delimiter = settings.get("delimiter") or ("\t" if path.suffix.lower() == ".tsv" else find_delimiter(text[:HEAD]))
    if encoding != "utf-8":
        content = text.encode()
    del text  # a large file is in memory once
    content = content.removeprefix(codecs.BOM_UTF8)
    cells = split_cells(content, delimiter)
    if cells is None:
        rows = list(read_rows(content.decode(), delimiter))
        cells = Cells.from_rows(rows)
    if not cells or not any(cells[0]):
        raise ValueError("it has no header row")
    detected = []
    if not settings.get("encoding") and encoding not in ("utf-8", "utf-8-sig"):
        detected.append(f"encoding {encoding}")
    if not settings.get("delimiter") and delimiter != ",":
        detected.append(f"delimiter {'tab' if delimiter == chr(9) else delimiter}")
    return cells, {"encoding": encoding, "delimiter": delimiter, "detected": detected}


def split_cells(content: bytes, delimiter: str) -> Cells | None:
    """Split UTF-8 text into cells as :func:`read_rows` does, a column at a time; None if only that can judge it.

    That is so of quotes within a cell, of rows of unequal length and of a row that takes more than ``BLOCK``.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv as arrow_csv

    if len(delimiter.encode()) > 1 or delimiter in '"\r\n' or not has_sound_quotes(content, delimiter):
        return None
    try:
        header = next(read_rows(content[:BLOCK].decode(errors="replace"), delimiter), [])
        table = arrow_csv.read_csv(
            pa.py_buffer(content),
            read_options=arrow_csv.ReadOptions(autogenerate_column_names=True, block_size=BLOCK),
            parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=b'"' in content),
            convert_options=arrow_csv.ConvertOptions(
                column_types={f"f{place}": pa.string() for place in range(len(header))}, strings_can_be_null=False
            ),
        )
    except ValueError:
        return None
    columns = table.columns
    del table
    for place, column in enumerate(columns):
        # In place, so that no two columns are there twice.
        columns[place] = pc.utf8_trim_whitespace(column).cast(pa.large_string())
    return Cells(columns)


def has_sound_quotes(content: bytes, delimiter: str) -> bool:
    r"""Whether every quote opens a cell, closes one, or stands doubled within one.

    Examples
    --------
    >>> [has_sound_quotes(text, ",") for text in (b'a,"b""c,"\n', b'a,b"c\n', b'"a"b\n', b'a,"b')]
    [True, False, False, False]
    """
    import numpy as np

    letters = np.frombuffer(content, dtype="uint8")
    beside = np.zeros(256, dtype=bool)
    beside[list(f'{delimiter}\r\n"'.encode())] = True
    inside = 0
    for place in range(0, len(letters), BLOCK):
        quotes = place + np.flatnonzero(letters[place : place + BLOCK] == ord('"'))
        opening, closing = quotes[inside::2], quotes[1 - inside :: 2]
        sound = beside[letters[np.maximum(opening, 1) - 1]] | (opening == 0)
        if not sound.all() or not beside[letters[closing[closing < len(letters) - 1] + 1]].all():
            return False
        inside = (inside + len(quotes)) % 2
    return not inside


def read_rows(text: str, delimiter: str) -> Iterator[list[str]]:
    """Read rows of cells, each as long as the first.

    Raises
    ------
    ValueError
        If a row has another length, or a quoted cell never ends; names the line, and says if the file seems cut off.

    Examples
    --------
    >>> list(read_rows('id,size\\n1,2\\n2,"3', ","))
    Traceback (most recent call last):
    ValueError: line 3: a quoted cell begins there and never ends: the file is cut off or lost a quote; export it again
    """
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    width = 0
    while True:
        begins = rows.line_num + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            if "unexpected end" not in str(error):
                raise ValueError(f"line {rows.line_num}: {error}") from error
            raise ValueError(
                f"line {begins}: a quoted cell begins there and never ends: the file is cut off or lost a quote; "
                "export it again"
            ) from error
        if not row:
            continue
        width = width or len(row)
        if len(row) != width:
            raise ValueError(
                f"line {rows.line_num} has {len(row)} cells, the header has {width}"
                + (f"; is '{delimiter}' the delimiter (waves: delimiter:)?" if width == 1 else "")
                + ("; it is the last line, so the file seems cut off: export it again" if is_last(rows) else "")
            )
        yield [cell.strip() for cell in row]


def is_last(rows: Iterator[list[str]]) -> bool:
    """Whether nothing but blank lines follows."""
    try:
        return not any(rows)
    except csv.Error:
        return False


def make_table(names: Sequence[str], body: Cells, labels: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Make a table of cells under column names; nameless columns without an answer are left out, and that is said.

    Raises
    ------
    ValueError
        If a name appears twice, or a column without a name holds answers.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if repeated := sorted(name for name, n in Counter(names).items() if name and n > 1):
        raise ValueError(f"column names appear twice: {', '.join(repeated)}")
    kept = [place for place, name in enumerate(names) if name]
    for place, name in enumerate(names):
        if not name and pc.any(pc.not_equal(body.columns[place], "")).as_py():
            raise ValueError(f"column {place + 1} has no name but holds answers; name it in the file and say so")
    table = pa.table({names[place]: body.columns[place] for place in kept}).to_pandas()
    said = dict(labels)
    if len(kept) < len(names):
        gone = len(names) - len(kept)
        said["lost"] = [*labels.get("lost", []), f"{gone} empty column{'s' if gone > 1 else ''} without a name"]
    # Looked for in the cells as they came: of 40,000 columns, a table's own look at each takes half a minute.
    commas = [
        names[place] for place in kept if pc.any(pc.match_substring(body.columns[place].slice(0, 10_000), ",")).as_py()
    ]
    said["decimal_comma"] = find_decimal_comma(table[commas])
    if said["decimal_comma"]:
        said["detected"] = [*said.get("detected", []), f"decimal comma in {', '.join(said['decimal_comma'][:5])}"]
    return table, said


def name_apart(names: Sequence[str]) -> list[str]:
    """Number the repetitions of a name, as a question asked twice with the same words needs it.

    Examples
    --------
    >>> name_apart(["size", "why", "size"])
    ['size', 'why', 'size (2)']
    """
    seen: dict[str, int] = {}
    apart = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        apart.append(f"{name} ({seen[name]})" if name and seen[name] > 1 else name)
    return apart


def find_decimal_comma(table: pd.DataFrame) -> list[str]:
    """Find columns of numbers that are written with a decimal comma.

    ASSUME: a column that holds only whole numbers and numbers with one comma has decimals if after some comma there
    are not three digits; three everywhere may be thousands (1,234), and is left to the wave's ``decimal``.

    Examples
    --------
    >>> import pandas as pd
    >>> find_decimal_comma(pd.DataFrame({"a": ["1,5", "2"], "b": ["1,234", "2,000"], "c": ["1,2", "1,2,3"]}))
    ['a']
    """
    found = []
    for name in table.columns:
        cells = table[name]
        filled = cells[cells != ""].unique()
        commas = [cell for cell in filled if "," in cell]
        numbers = all((_COMMA if "," in cell else _WHOLE).fullmatch(cell) for cell in filled)
        if numbers and any(len(cell.partition(",")[2]) != 3 for cell in commas):
            found.append(str(name))
    return found
