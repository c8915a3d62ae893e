"""Edits of a study's own files as text: only what is to change changes, comments and every other byte stay."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from firmties.codebook import decode_text, guard_cell
from firmties.errors import StudyError


def hash_bytes(content: bytes) -> str:
    """SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def insert_wave(text: str, entry: Mapping[str, Any]) -> str:
    r"""Insert a wave's entry into the text of config.yaml, behind the wave before it in number.

    The entry is written in the style of its neighbour: on one line in braces, or a key a line.

    Raises
    ------
    StudyError
        ``waves:`` is no list, or the text read again is not the old configuration with the entry added.

    Examples
    --------
    >>> text = "waves:\n  # the first\n  - {id: 1, file: one.csv}  # web\nfamilies: {}\n"
    >>> print(insert_wave(text, {"id": 2, "file": "two.csv"}))
    waves:
      # the first
      - {id: 1, file: one.csv}  # web
      - {id: 2, file: two.csv}
    families: {}
    >>> insert_wave("waves: [{id: 1, file: one.csv}]\n", {"id": 2, "file": "two.csv"})
    'waves: [{id: 1, file: one.csv}, {id: 2, file: two.csv}]\n'
    """
    import yaml

    root = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    waves = next((value for key, value in pairs if key.value == "waves"), None)
    if not isinstance(waves, yaml.SequenceNode) or not waves.value:
        raise StudyError("config.yaml: waves: is no list of entries, so no entry can be added to it")
    ids = [
        int(next(value.value for key, value in node.value if key.value == "id"))
        for node in waves.value
        if isinstance(node, yaml.MappingNode)
    ]
    earlier = [place for place, number in enumerate(ids) if number < entry["id"]]
    neighbour = waves.value[max(earlier, key=lambda place: ids[place])] if earlier else waves.value[0]
    newline = "\r\n" if "\r\n" in text else "\n"
    if waves.flow_style:
        written = write_flow(entry)
        at = neighbour.end_mark.index if earlier else neighbour.start_mark.index
        changed = text[:at] + (f", {written}" if earlier else f"{written}, ") + text[at:]
    else:
        indent = " " * waves.start_mark.column
        if neighbour.flow_style:
            written = f"{indent}- {write_flow(entry)}"
        else:
            lines = [f"{key}: {write_scalar(value)}" for key, value in entry.items()]
            written = f"{indent}- " + f"{newline}{indent}  ".join(lines)
        if earlier:
            at = _end_of_content(text, neighbour.end_mark.index)
            changed = text[:at] + newline + written + text[at:]
        else:
            at = text.rfind("\n", 0, neighbour.start_mark.index) + 1
            changed = text[:at] + written + newline + text[at:]
    before, after = (yaml.load(part, Loader=yaml.BaseLoader) for part in (text, changed))
    added = [wave for wave in after["waves"] if wave not in before["waves"]]
    rest = [wave for wave in after["waves"] if wave not in added]
    if len(added) != 1 or {**after, "waves": rest} != before or added[0]["id"] != str(entry["id"]):
        raise StudyError("config.yaml: the entry cannot be inserted there safely; add it by hand")
    return changed


def _end_of_content(text: str, index: int) -> int:
    """End of the last line before a position that holds more than blanks or a comment; the mark's own line counts."""
    line_end = text.find("\n", index)
    start = text.rfind("\n", 0, index) + 1
    if text[start:index].strip():
        end = len(text) if line_end < 0 else line_end
    else:
        end = start - 1
        while end > 0:
            begin = text.rfind("\n", 0, end) + 1
            line = text[begin:end].strip()
            if line and not line.startswith("#"):
                break
            end = begin - 1
    return end - 1 if text[end - 1 : end] == "\r" else end


def write_scalar(value: Any) -> str:
    """Write one value of an entry in YAML's braces style.

    Examples
    --------
    >>> [write_scalar(value) for value in (4, "2024", "data/raw/w.csv", ";", ["2024-03-01"], {".a": "refused"})]
    ['4', '"2024"', 'data/raw/w.csv', '";"', '[2024-03-01]', '{".a": refused}']
    """
    import json

    if isinstance(value, Mapping):
        return write_flow(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(write_scalar(part) for part in value)}]"
    if isinstance(value, str):
        plain = value.replace("/", "").replace("_", "").replace("-", "").replace(".", "")
        safe = plain.isalnum() and plain.isascii() and value[0].isalnum() and value.strip() == value
        date = len(value) == 10 and value.count("-") == 2
        number = value.replace(".", "").replace("-", "").replace("e", "").isdigit()
        words = value.lower() in ("true", "false", "yes", "no", "on", "off", "null", "y", "n")
        return value if safe and (date or not number) and not words else json.dumps(value, ensure_ascii=False)
    return str(value)


def write_flow(entry: Mapping[str, Any]) -> str:
    """Write a mapping in YAML's braces.

    Examples
    --------
    >>> write_flow({"id": 2, "label": "2022", "field": ["2022-03-01", "2022-05-31"]})
    '{id: 2, label: "2022", field: [2022-03-01, 2022-05-31]}'
    """
    return "{" + ", ".join(f"{write_scalar(key)}: {write_scalar(value)}" for key, value in entry.items()) + "}"


def find_delimiter(text: str) -> str:
    """Delimiter of a small table, as :func:`firmties.codebook.read_table` takes it."""
    return max(",;\t", key=text.removeprefix("\ufeff").partition("\n")[0].count)


def locate_cells(text: str, delimiter: str) -> Iterator[list[tuple[int, int]]]:
    """Yield, row by row, where each cell of a CSV text begins and ends, quotes included.

    Examples
    --------
    >>> text = 'a,b\\n"x, 1",2\\n'
    >>> [[text[begin:end] for begin, end in row] for row in locate_cells(text, ",")]
    [['a', 'b'], ['"x, 1"', '2']]
    """
    row, begin, quoted, inside = [], 0, False, False
    for at, sign in enumerate(text):
        if at == begin:
            quoted = inside = sign == '"'
        elif sign == '"' and quoted:
            # Two quotes in a row stand for one: out and in again.
            inside = not inside
        if inside:
            continue
        if sign == delimiter:
            row.append((begin, at))
            begin = at + 1
        elif sign == "\n":
            row.append((begin, at - 1 if text[at - 1 : at] == "\r" else at))
            yield row
            row, begin = [], at + 1
    if row or begin < len(text):
        yield [*row, (begin, len(text))]


def read_cell(text: str) -> str:
    """Content of one cell as it stands in a CSV text."""
    return next(iter(next(csv.reader(io.StringIO(text.strip(), newline="")), [])), "").strip() if text else ""


def replace_cells(text: str, column: str, changes: Mapping[str, str], key: str = "variable") -> str:
    r"""Replace one column's cells of the rows with a key, and nothing else of a CSV text.

    Examples
    --------
    >>> replace_cells("variable;waves\na;1-2\nb;\n", "waves", {"a": "1-3"})
    'variable;waves\na;1-3\nb;\n'
    """
    delimiter = find_delimiter(text)
    # A byte-order mark stands before the first cell.
    rows = locate_cells(text.removeprefix("\ufeff"), delimiter)
    offset = len(text) - len(text.removeprefix("\ufeff"))
    header = [read_cell(text[begin + offset : end + offset]) for begin, end in next(rows, [])]
    if not changes:
        return text
    if column not in header:
        raise StudyError(f"data/codebook.csv: has no column '{column}'; add it to the header, its cells may be blank")
    at, name_at = header.index(column), header.index(key)
    edits = []
    for row in rows:
        cells = [(begin + offset, end + offset) for begin, end in row]
        name = read_cell(text[slice(*cells[name_at])]) if len(cells) > name_at else ""
        if name in changes:
            if len(cells) <= at:
                raise StudyError(f"data/codebook.csv: {name}: the row has too few cells for the column '{column}'")
            edits.append((*cells[at], write_cell(changes[name], delimiter)))
    for begin, end, new in reversed(edits):
        text = text[:begin] + new + text[end:]
    return text


def write_cell(value: Any, delimiter: str) -> str:
    """Write one cell, quoted where it must be."""
    text = "" if value is None else str(value)
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in (delimiter, '"', "\n", "\r")) else text


def append_rows(text: str, rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> str:
    r"""Append rows to a CSV text in the order of its own header; an empty text gets a header of `columns`.

    A cell that a spreadsheet would run as a formula gets an apostrophe, which reading takes off again.

    Examples
    --------
    >>> append_rows("wave,action\n1,ignore", [{"wave": 2, "action": "rename"}], ())
    'wave,action\n1,ignore\n2,rename\n'
    """
    rows = [{name: value for name, value in row.items() if value is not None} for row in rows]
    if not rows:
        return text
    newline = "\r\n" if "\r\n" in text else "\n"
    if not text.strip():
        text = ",".join(columns) + newline
    delimiter = find_delimiter(text)
    plain = text.removeprefix("\ufeff")
    header = [read_cell(plain[begin:end]) for begin, end in next(locate_cells(plain, delimiter))]
    if lacking := sorted({key for row in rows for key, value in row.items() if value not in ("", None)} - set(header)):
        raise StudyError(
            f"a table lacks the column '{lacking[0]}', which the rows to append need; add it to its header"
        )
    lines = [
        delimiter.join(write_cell(guard_cell(str(row.get(name, ""))), delimiter) for name in header) for row in rows
    ]
    return text + ("" if text.endswith("\n") else newline) + newline.join(lines) + newline


def change_table(content: bytes, change: Any) -> bytes:
    """Apply a function of text to a small table's bytes; byte-order mark and encoding stay."""
    try:
        text, encoding = content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        text, encoding = decode_text(content), "cp1252"
    try:
        return bytes(change(text).encode(encoding))
    except UnicodeEncodeError as error:
        raise StudyError(
            f"the table is not UTF-8 and cannot hold '{error.object[error.start]}'; save it as UTF-8"
        ) from error


def describe_change(before: bytes, after: bytes) -> list[list[Any]]:
    r"""What takes a change of a text back: [first line, line behind the last, what stood there], lines from 0.

    Examples
    --------
    >>> describe_change(b"a,1\nb,2\n", b"a,1\nb,3\nc,4\n")
    [[1, 3, 'b,2\n']]
    """
    from difflib import SequenceMatcher

    # Latin-1 gives each byte a character, so that nothing of an unknown encoding is lost.
    old, new = (part.decode("latin-1").splitlines(keepends=True) for part in (before, after))
    steps = SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes()
    return [[j1, j2, "".join(old[i1:i2])] for step, i1, i2, j1, j2 in steps if step != "equal"]


def undo_change(after: bytes, pieces: Iterable[Sequence[Any]]) -> bytes:
    r"""Take a change back; see `describe_change`.

    Examples
    --------
    >>> undo_change(b"a,1\nb,3\nc,4\n", [[1, 3, "b,2\n"]])
    b'a,1\nb,2\n'
    """
    lines = after.decode("latin-1").splitlines(keepends=True)
    for first, last, was in reversed(list(pieces)):
        lines[first:last] = [was]
    return "".join(lines).encode("latin-1")


def write_waves(waves: Iterable[int]) -> str:
    """Write waves as the codebook has them.

    Examples
    --------
    >>> [write_waves(waves) for waves in ([], [3], [1, 2, 3], [1, 3, 4])]
    ['', '3', '1-3', '1,3-4']
    """
    spans: list[list[int]] = []
    for wave in sorted(set(waves)):
        if spans and wave == spans[-1][1] + 1:
            spans[-1][1] = wave
        else:
            spans.append([wave, wave])
    return ",".join(f"{low}" if low == high else f"{low}-{high}" for low, high in spans)
