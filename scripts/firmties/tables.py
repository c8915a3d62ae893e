"""Tables for print: a small model of a table, its writers, and how numbers are worded.

A kind of exhibit fills a :class:`Table` with cells that are already text; the
writers turn it into CSV, an HTML page and LaTeX (booktabs).
"""

from __future__ import annotations

import csv
import io
import math
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

MINUS = "\N{MINUS SIGN}"
ABSENT = "\N{EN DASH}"


@dataclass(frozen=True)
class Row:
    """One row of a table: ``cells`` (one for a group row, else one a column) and how it is set."""

    cells: Sequence[str]
    indent: bool = False
    rule_above: bool = False

    @property
    def is_group(self) -> bool:
        """A row of a single cell heads the rows beneath it."""
        return len(self.cells) == 1


@dataclass(frozen=True)
class Table:
    """A table as printed.

    Parameters
    ----------
    columns
        Headings, the first for the stub.
    rows
        Body rows in order; ``\\n`` in a cell starts a new line within it.
    spans
        Header rows above ``columns``: (text, number of columns), together as many as there are columns.
    alignment
        One letter a column, ``l`` or ``r``; empty: stub left, others right.
    widths
        Relative widths of columns whose text wraps; None (or an empty list) leaves a column as wide as its content.
    notes
        Footnotes, one paragraph each.
    data
        What the CSV holds where that is more than the printed cells.
    parts
        Further tables printed beneath under the same number.
    layout
        ``normal``, ``small`` (smaller type) or ``landscape`` (a page of its own, turned).
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Row]
    spans: Sequence[Sequence[tuple[str, int]]] = ()
    alignment: str = ""
    widths: Sequence[float | None] = ()
    notes: Sequence[str] = ()
    data: pd.DataFrame | None = None
    parts: Sequence[Table] = field(default=())
    layout: str = "normal"

    def __post_init__(self) -> None:
        """Refuse rows and headings that do not fit the columns."""
        width = len(self.columns)
        for row in self.rows:
            if not row.is_group and len(row.cells) != width:
                raise ValueError(f"{self.title}: a row of {len(row.cells)} cells under {width} columns: {row.cells}")
        for spans in self.spans:
            if sum(n for _, n in spans) != width:
                raise ValueError(f"{self.title}: header {spans} does not cover {width} columns")

    @property
    def sides(self) -> str:
        """The alignment of each column."""
        return self.alignment or "l" + "r" * (len(self.columns) - 1)


# --- numbers as text ------------------------------------------------------------------------------------------------


def format_number(value: Any, digits: int = 3, *, sign: bool = False) -> str:
    """Write a number with fixed digits, a true minus sign and thousands separators; ``""`` when missing.

    Examples
    --------
    >>> format_number(-0.0415, 3), format_number(2281, 0), format_number(-0.0001, 2), format_number(float("nan"))
    ('−0.042', '2,281', '0.00', '')
    >>> format_number(0.1, 1, sign=True)
    '+0.1'
    """
    if is_missing(value):
        return ""
    if math.isinf(float(value)):
        return f"{MINUS if value < 0 else ''}∞"
    text = f"{float(value):{'+' if sign else ''},.{digits}f}"
    if not text.strip("+-0.,"):
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def format_compact(value: Any, figures: int = 3) -> str:
    """Write a number with about so many significant figures, whole numbers whole.

    Examples
    --------
    >>> [format_compact(x) for x in (12, 0.04567, 3.14159, 2021, 123456.7)]
    ['12', '0.0457', '3.14', '2021', '123,457']
    """
    if is_missing(value):
        return ""
    number = float(value)
    if math.isinf(number):
        return format_number(number)
    digits = 0 if number == round(number) else max(0, figures - 1 - math.floor(math.log10(abs(number))))
    text = format_number(number, digits)
    # Four digits need no separator, and years must have none.
    return text.replace(",", "") if abs(number) < 10_000 else text


def format_p(value: Any) -> str:
    """Write a p-value to three digits.

    Examples
    --------
    >>> format_p(0.0004), format_p(0.0234), format_p(None)
    ('< 0.001', '0.023', '')
    """
    if is_missing(value):
        return ""
    return "< 0.001" if value < 0.001 else format_number(value, 3)


def format_interval(low: Any, high: Any, digits: int = 3) -> str:
    """Write an interval in brackets; ``""`` when a bound is missing.

    Examples
    --------
    >>> format_interval(-0.01, 0.02, 2)
    '[−0.01, 0.02]'
    """
    if is_missing(low) or is_missing(high):
        return ""
    return f"[{format_number(low, digits)}, {format_number(high, digits)}]"


def format_percent(value: Any, digits: int = 1) -> str:
    """Write a share as per cent without the sign: ``0.123`` as ``12.3``."""
    return "" if is_missing(value) else format_number(100 * float(value), digits)


def is_missing(value: Any) -> bool:
    """Tell None, NaN and NA from a value."""
    return value is None or type(value).__name__ in ("NAType", "NaTType") or bool(value != value)


def join_words(words: Iterable[str], last: str = "and") -> str:
    """Join words as in a sentence.

    Examples
    --------
    >>> join_words(["a", "b", "c"]), join_words(["a"])
    ('a, b and c', 'a')
    """
    listed = [str(word) for word in words]
    return f" {last} ".join([", ".join(listed[:-1]), listed[-1]] if len(listed) > 1 else listed)


def list_rows(frame: pd.DataFrame) -> list[Any]:
    """List the rows of a data frame as tuples with named fields."""
    return list(frame.itertuples(index=False))


def describe_basis(notes: Mapping[str, Any]) -> list[str]:
    """Word what an exhibit rests on: firms, waves, weights, imputation, adjustment, standard errors, then its remarks.

    Keys that are absent, None or empty are passed over; every key that starts with ``remark`` holds one sentence.

    Examples
    --------
    >>> describe_basis({"n_firms": 968, "n_firm_waves": 2281, "weights": "none", "remark": "An example."})
    ['968 firms, 2,281 firm-waves; unweighted.', 'An example.']
    >>> describe_basis({"weights": "w", "n_imputations": 20})
    ["Weighted by w; 20 imputations, pooled by Rubin's rules, Barnard-Rubin degrees of freedom."]
    """

    def given(key: str) -> Any:
        value = notes.get(key)
        return None if is_missing(value) or value == "" else value

    parts = []
    nouns = (("n_firms", "firm"), ("n_firm_waves", "firm-wave"))
    counts = [count_words(given(key), noun) for key, noun in nouns if given(key) is not None]
    if counts:
        # Counts by model hold semicolons of their own.
        parts.append(("; " if any(": " in count for count in counts) else ", ").join(counts))
    if given("waves") is not None:
        waves = notes["waves"]
        listed = ", ".join(str(wave) for wave in waves) if isinstance(waves, (list, tuple)) else str(waves)
        parts.append(f"{'waves' if ', ' in listed else 'wave'} {listed}")
    if given("weights") is not None:
        parts.append(word_each(notes["weights"], word_weights))
    if given("n_imputations") is not None:
        parts.append(word_each(notes["n_imputations"], word_imputations))
    if given("adjustment") is not None:
        parts.append(f"adjusted for {notes['adjustment']}")
    if given("standard_errors") is not None:
        parts.append(f"standard errors: {notes['standard_errors']}")
    said = "; ".join(parts)
    sentences = [f"{said[0].upper()}{said[1:]}."] if parts else []
    for key, value in notes.items():
        if key.startswith("remark") and value:
            sentences += [str(line) for line in value] if isinstance(value, (list, tuple)) else [str(value)]
    return sentences


def word_each(value: Any, word: Callable[[str], str]) -> str:
    """Put each of several values, such as ``none (M1); w (M2)``, into words.

    Examples
    --------
    >>> word_each("none (M1); w (M2)", word_weights)
    'unweighted (M1), weighted by w (M2)'
    """
    parts = [re.fullmatch(r"(.*?)( \(.*\))?", part) for part in str(value).split("; ")]
    return ", ".join(f"{word(part[1])}{part[2] or ''}" for part in parts if part)


def word_weights(weights: str) -> str:
    """Say whether something is weighted, and by what."""
    return "unweighted" if weights.lower() in ("none", "no", "false", "unweighted") else f"weighted by {weights}"


def word_imputations(number: str) -> str:
    """Say whether something rests on complete cases or on imputed sets.

    Examples
    --------
    >>> word_imputations("0")
    'complete cases'
    """
    if int(float(number)) == 0:
        return "complete cases"
    return f"{int(float(number))} imputations, pooled by Rubin's rules, Barnard-Rubin degrees of freedom"


def wrap_heading(text: str, width: int = 15) -> str:
    """Break a long heading into lines, so that it does not widen its column.

    Examples
    --------
    >>> wrap_heading("Employment growth (midpoint rate)")
    'Employment\\ngrowth\\n(midpoint rate)'
    """
    return "\n".join(textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)) if text else text


def count_words(number: Any, one: str, many: str = "") -> str:
    """Write a number or a range of numbers with its noun; another text stands after the noun.

    Examples
    --------
    >>> count_words(2281, "firm"), count_words(1, "entry", "entries")
    ('2,281 firms', '1 entry')
    >>> count_words("310 (M1)", "firm"), count_words("310 to 1,020", "firm")
    ('firms: 310 (M1)', '310 to 1,020 firms')
    """
    plural = many or f"{one}s"
    if isinstance(number, str):
        return f"{number} {plural}" if re.fullmatch(r"[\d,]+ to [\d,]+", number) else f"{plural}: {number}"
    return f"{format_number(number, 0)} {one if number == 1 else plural}"


def word_reversal(row: Mapping[Any, Any]) -> str:
    """Name an item that runs against its scale, from a row of ``reversals.csv``.

    Examples
    --------
    >>> row = {"wave_label": "2022", "label": "Trust", "item": "t3", "r": -0.5, "conf_high": -0.4, "n": 200}
    >>> word_reversal(row)
    't3 of Trust in wave 2022 (r = −0.50 with the other items, 95 % interval up to −0.40, n = 200)'
    """
    return (
        f"{row['item']} of {row['label']} in wave {row['wave_label']} (r = {format_number(row['r'], 2)} with the other "
        f"items, 95 % interval up to {format_number(row['conf_high'], 2)}, n = {format_number(row['n'], 0)})"
    )


# --- writers --------------------------------------------------------------------------------------------------------


def write_csv(table: Table) -> str:
    """Write a table (or the fuller ``data`` behind it) as CSV with one header row and ASCII minus signs."""
    if table.data is not None:
        return guard_csv(table.data.to_csv(index=False, lineterminator="\n"))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    for number, part in enumerate((table, *table.parts)):
        if number:
            buffer.write("\n")
        writer.writerow(flatten_header(part))
        for row in part.rows:
            cells = [*row.cells] + [""] * (len(part.columns) - len(row.cells))
            writer.writerow([cell.replace("\n", " ").replace(MINUS, "-") for cell in cells])
    return guard_csv(buffer.getvalue())


def guard_csv(text: str) -> str:
    r"""Write a CSV text so that no spreadsheet runs a cell as a formula; other cells stay byte for byte.

    Examples
    --------
    >>> print(guard_csv('label,n\n=1+1,-2\n"a, b",3').strip())
    label,n
    '=1+1,-2
    "a, b",3
    """
    from firmties.codebook import guard_cell

    rows = list(csv.reader(io.StringIO(text)))
    if all(guard_cell(cell) == cell for row in rows for cell in row):
        return text
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([guard_cell(cell) for cell in row] for row in rows)
    return buffer.getvalue()


def flatten_header(table: Table) -> list[str]:
    """Join spanning headings and column headings into one name a column."""
    above: list[list[str]] = [[] for _ in table.columns]
    for spans in table.spans:
        at = 0
        for text, n in spans:
            for position in range(at, at + n):
                if text:
                    above[position].append(text)
            at += n
    return [": ".join([*over, name] if name else over) for over, name in zip(above, table.columns, strict=True)]


HTML_STYLE = """\
body { font: 16px/1.45 system-ui, sans-serif; margin: 1.5rem; color: #1b1f24; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
caption { text-align: left; padding-bottom: .5rem; }
th, td { padding: .2rem .55rem; vertical-align: top; text-align: right; font-weight: normal; }
th[scope=row], th[scope=rowgroup], .text { text-align: left; }
thead th { font-weight: 600; vertical-align: bottom; border-bottom: 1px solid #555; }
thead th[scope=colgroup] { text-align: center; }
th[scope=rowgroup] { font-weight: 600; padding-top: .6rem; }
th.indent { padding-left: 1.4rem; }
tr.rule > * { border-top: 1px solid #bbb; }
thead tr:first-child > * { border-top: 1.5px solid #333; }
tbody tr:last-child > * { border-bottom: 1.5px solid #333; }
.notes { font-size: .82rem; color: #4a5057; max-width: 60rem; }
.notes p { margin: .3rem 0; }
"""


def write_html(table: Table, name: str) -> str:
    """Write a table as an HTML page; the report takes what stands in its body."""
    body = "\n".join(
        write_html_part(part, caption)
        for part, caption in zip((table, *table.parts), list_captions(table, name), strict=True)
    )
    notes = "".join(f"<p>{escape(note, quote=False)}</p>\n" for note in table.notes)
    notes = f'\n<div class="notes">\n{notes}</div>' if notes else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(f'{name} {table.title}')}</title>\n<style>\n{HTML_STYLE}</style>\n</head>\n<body>\n"
        f"{body}{notes}\n</body>\n</html>\n"
    )


def list_captions(table: Table, name: str) -> list[tuple[str, str]]:
    """The number and title of a table and of its further parts."""
    return [(name, table.title), *((f"{name}, continued", part.title) for part in table.parts)]


def write_html_part(table: Table, caption: tuple[str, str]) -> str:
    """Write one table element: headings with scope, a caption, group rows as row groups."""
    sides = table.sides
    lines = [f'<table class="exhibit {table.layout}">']
    lines.append(f"<caption><strong>{escape(caption[0])}</strong> {escape(caption[1], quote=False)}</caption>")
    if any(table.widths):
        total = sum(width or 0 for width in table.widths)
        cells = (f'<col style="width:{100 * width / total:.1f}%">' if width else "<col>" for width in table.widths)
        lines.append("<colgroup>" + "".join(cells) + "</colgroup>")
    lines.append("<thead>")
    for spans in table.spans:
        cells = (
            f'<th scope="colgroup" colspan="{n}">{break_lines(text)}</th>'
            if text and n > 1
            else f'<th scope="col">{break_lines(text)}</th>' + "<td></td>" * (n - 1)
            if text
            else "<td></td>" * n
            for text, n in spans
        )
        lines.append(f"<tr>{''.join(cells)}</tr>")
    names = (
        f'<th scope="col"{mark_text(side)}>{break_lines(text)}</th>' if text else "<td></td>"
        for text, side in zip(table.columns, sides, strict=True)
    )
    lines += [f"<tr>{''.join(names)}</tr>", "</thead>"]
    lines.append("<tbody>")
    for row in table.rows:
        opening = '<tr class="rule">' if row.rule_above else "<tr>"
        if row.is_group:
            head = f'<th scope="rowgroup" colspan="{len(table.columns)}">{break_lines(row.cells[0])}</th>'
            if lines[-1] != "<tbody>":
                lines += ["</tbody>", "<tbody>"]
            lines.append(f"{opening}{head}</tr>")
            continue
        indent = ' class="indent"' if row.indent else ""
        cells = (
            f"<td{mark_text(side)}>{break_lines(text)}</td>"
            for text, side in zip(row.cells[1:], sides[1:], strict=True)
        )
        lines.append(f'{opening}<th scope="row"{indent}>{break_lines(row.cells[0])}</th>{"".join(cells)}</tr>')
    lines += ["</tbody>", "</table>"]
    return "\n".join(lines)


def mark_text(side: str) -> str:
    """The class of a left-aligned cell."""
    return ' class="text"' if side == "l" else ""


def break_lines(text: str) -> str:
    """Escape a cell for HTML, its line breaks kept."""
    return escape(text, quote=False).replace("\n", "<br>")


LATEX_SPECIAL = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": "$<$", ">": "$>$", "|": r"\textbar{}", MINUS: "$-$", "≥": r"$\geq$", "≤": r"$\leq$", "×": r"$\times$",
    "±": r"$\pm$", "α": r"$\alpha$", "Δ": r"$\Delta$", "χ": r"$\chi$", "²": r"$^2$", "∞": r"$\infty$", "·": r"$\cdot$",
    "–": "--", "—": "---", "…": r"\ldots{}", "\N{NO-BREAK SPACE}": "~",
    "‘": "`", "’": "'", "“": "``", "”": "''",
}  # fmt: skip


def escape_latex(text: str) -> str:
    """Write text so that LaTeX prints it as it stands.

    Examples
    --------
    >>> escape_latex("R² & 5 % < x_1")
    'R$^2$ \\\\& 5 \\\\% $<$ x\\\\_1'
    """
    return "".join(LATEX_SPECIAL.get(character, character) for character in text)


def write_latex(table: Table, name: str) -> str:
    """Write a table as LaTeX for the packages booktabs and longtable."""
    captions = list_captions(table, name)
    parts = (write_latex_part(part, *caption) for part, caption in zip((table, *table.parts), captions, strict=True))
    notes = "".join(f"\\par\\noindent\\footnotesize {escape_latex(note)}\n" for note in table.notes)
    return "% needs \\usepackage{booktabs,longtable}\n" + "\n".join(parts) + (f"{{{notes}}}\n" if notes else "")


def write_latex_part(table: Table, number: str, title: str) -> str:
    """Write one longtable; cells of several lines take as many rows."""
    width = len(table.columns)
    head = []
    for spans in table.spans:
        cells, rules, at = [], [], 1
        for text, n in spans:
            cells.append(f"\\multicolumn{{{n}}}{{c}}{{{escape_latex(text)}}}" if text else " & " * (n - 1))
            if text:
                rules.append(f"\\cmidrule(lr){{{at}-{at + n - 1}}}")
            at += n
        head += [" & ".join(cells) + r" \\", "".join(rules)]
    head += write_latex_row(table.columns)
    body: list[str] = []
    for row in table.rows:
        if row.rule_above:
            body.append(r"\midrule")
        if row.is_group:
            body.append(f"\\multicolumn{{{width}}}{{l}}{{\\textbf{{{escape_latex(row.cells[0])}}}}} \\\\")
        else:
            body += write_latex_row(row.cells, r"\quad " if row.indent else "")
    heading = "\n".join(head)
    return "\n".join(
        [
            f"\\begin{{longtable}}{{{table.sides}}}",
            f"\\caption*{{\\textbf{{{escape_latex(number)}}} {escape_latex(title)}}} \\\\",
            r"\toprule", heading, r"\midrule", r"\endfirsthead",
            r"\toprule", heading, r"\midrule", r"\endhead",
            r"\bottomrule", r"\endfoot",
            *body,
            r"\end{longtable}",
        ]
    )  # fmt: skip


def write_latex_row(cells: Sequence[str], indent: str = "") -> list[str]:
    """Write one row of cells, spread over several rows where a cell has several lines."""
    split = [cell.split("\n") for cell in cells]
    lines = []
    for at in range(max(len(parts) for parts in split)):
        texts = [escape_latex(parts[at]) if at < len(parts) else "" for parts in split]
        # A bracket at the start of a row would be read as the optional argument of the row end before it.
        texts[0] = indent + re.sub(r"^\[", "{[}", texts[0])
        lines.append(" & ".join(texts) + r" \\")
    return lines


# --- tables of an HTML page, for Typst ------------------------------------------------------------------------------


class TableReader(HTMLParser):
    """Read the tables and notes that :func:`write_html` wrote; other elements are passed over."""

    def __init__(self) -> None:
        """Begin with no table."""
        super().__init__()
        self.tables: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self.text: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open a table, row or cell, or begin to gather text."""
        given = {name: value or "" for name, value in attrs}
        if tag == "table":
            self.tables.append({"layout": given.get("class", "").split()[-1], "widths": [], "head": [], "rows": []})
        elif tag == "col":
            width = re.search(r"([\d.]+)%", given.get("style", ""))
            self.tables[-1]["widths"].append(float(width[1]) if width else None)
        elif tag in ("thead", "tbody"):
            self.into = "head" if tag == "thead" else "rows"
        elif tag == "tr":
            self.tables[-1][self.into].append({"rule": given.get("class") == "rule", "cells": []})
        elif tag in ("td", "th", "caption", "p"):
            self.text, self.attributes = [], given
        elif tag == "br" and self.text is not None:
            self.text.append("\n")

    def handle_data(self, data: str) -> None:
        """Gather text within a cell, caption or note."""
        if self.text is not None:
            self.text.append(data)

    def handle_endtag(self, tag: str) -> None:
        """Close a cell, caption or note."""
        if self.text is None or tag not in ("td", "th", "caption", "p"):
            return
        text, self.text = "".join(self.text), None
        if tag == "p":
            self.notes.append(text)
        elif tag == "caption":
            self.tables[-1]["caption"] = text
        else:
            row = self.tables[-1][self.into][-1]
            row["cells"].append((text, int(self.attributes.get("colspan", 1)), self.attributes.get("class", "")))


def read_html(page: str) -> tuple[list[Table], list[str]]:
    """Read a page of :func:`write_html` back: its tables, titled with the whole caption, and its notes.

    Examples
    --------
    >>> table = Table("Size", ["", "n"], [Row(["Firms"]), Row(["small", "3"], indent=True)], notes=["A note."])
    >>> (again,), notes = read_html(write_html(table, "T1"))
    >>> again.title, again.columns, again.rows[1], notes
    ('T1 Size', ['', 'n'], Row(cells=['small', '3'], indent=True, rule_above=False), ['A note.'])
    """
    reader = TableReader()
    reader.feed(page)
    tables = []
    for found in reader.tables:
        *spans, names = (row["cells"] for row in found["head"])
        sides = "".join("l" if at == 0 or kind == "text" else "r" for at, (_, _, kind) in enumerate(names))
        rows = [
            Row([text for text, _, _ in row["cells"]], row["cells"][0][2] == "indent", row["rule"])
            for row in found["rows"]
        ]
        tables.append(
            Table(
                found.get("caption", ""),
                [text for text, _, _ in names],
                rows,
                [[cell[:2] for cell in row] for row in spans],
                sides,
                found["widths"],
                layout=found["layout"],
            )
        )
    return tables, reader.notes


# Points: the width of the text upright and turned, a cell's margin at least and at most. Type sizes: the most, the most
# in small tables, the least before the page is turned, the least. Then the mean width of a character as a share of the
# type size, and the characters that a stub and another wrapping column are given.
PORTRAIT, LANDSCAPE, INSET, AIRY = 476.0, 722.0, 3.2, 8.0
LARGEST, SMALL, READABLE, SMALLEST = 8.8, 8.2, 6.9, 6.0
CHARACTER, STUB, WRAPPED = 0.49, 26, 20
SLIM = " .,;:()[]'|!ijlft"
TURN, TURN_BACK = "#set page(flipped: true)\n", "#set page(flipped: false)\n"


def write_typst(tables: Sequence[Table], notes: Sequence[str], name: str) -> str:
    """Write tables under one number for Typst, with the functions of the report's page.

    The type size follows from the widest cells, so that no table is cut off; one that would be too small to read
    upright has its page turned. The page keeps a table together that fits on it.
    """
    turned = any(fit_type(table)[1] for table in tables)
    parts = []
    for table in tables:
        size, _ = fit_type(table, turned)
        caption = f"#exhibit-caption[{write_typst_caption(table.title)}]"
        parts.append(f"[{caption}\n{write_typst_part(table, size, turned)}]")
    if notes:
        said = "\n\n".join(escape_typst(note) for note in notes)
        # The notes stay with the last table.
        parts[-1] = f"{parts[-1][:-1]}\n#exhibit-notes[{said}]]"
    flipped = "true" if turned else "false"
    lines = "".join(f"{count_lines(table)}, " for table in tables)
    body = f'#exhibit-tables("{name}", turned: {flipped}, lines: ({lines}), (\n' + ",\n".join(parts) + ",\n))\n"
    return f"{TURN}{body}{TURN_BACK}" if turned else body


def count_lines(table: Table) -> int:
    """Count the lines that a table has at least: those of its rows' tallest cells."""
    return sum(max(cell.count("\n") + 1 for cell in row.cells) for row in table.rows)


def fit_type(table: Table, turned: bool | None = None) -> tuple[float, bool]:
    """Choose the type size of a table in points, and whether its page is turned (``turned`` forces it)."""
    longest = measure_columns(table)
    wraps = share_width(table)
    kept = [min(n, STUB if at == 0 else WRAPPED) if wraps[at] else n for at, n in enumerate(longest)]

    def size_in(width: float) -> float:
        return (width - 2 * INSET * len(kept)) / (CHARACTER * max(1, sum(kept)))

    if turned is None:
        turned = table.layout == "landscape" or size_in(PORTRAIT) < READABLE
    most = SMALL if table.layout == "small" else LARGEST
    return round(max(SMALLEST, min(most, size_in(LANDSCAPE if turned else PORTRAIT))), 1), turned


def measure_columns(table: Table) -> list[float]:
    """The width of each column's longest line, in characters of mean width; bold headings count a tenth more."""
    rows = [row.cells for row in table.rows if not row.is_group]
    body = [
        max((measure_text(line) for row in rows for line in row[at].split("\n")), default=0)
        for at in range(len(table.columns))
    ]
    head = [max(measure_text(line) for line in name.split("\n")) for name in table.columns]
    longest = [max(below, 1.1 * above) for below, above in zip(body, head, strict=True)]
    for spans in table.spans:
        at = 0
        for text, n in spans:
            missing = 1.1 * measure_text(text) - sum(longest[at : at + n])
            longest[at : at + n] = [width + max(0.0, missing / n) for width in longest[at : at + n]]
            at += n
    return longest


def measure_text(text: str) -> float:
    """The width of a line in characters of mean width: stops, brackets and slim letters take about half, capitals more.

    Examples
    --------
    >>> measure_text("0.25") < measure_text("suma") < measure_text("ROOM")
    True
    """
    return sum(0.55 if letter in SLIM else 1.35 if letter.isupper() or letter in "mw%" else 1 for letter in text)


def share_width(table: Table) -> list[float | None]:
    """The relative widths of the columns that wrap: as the table says, else the stub alone."""
    return list(table.widths) if any(table.widths) else [1.0, *[None] * (len(table.columns) - 1)]


def write_typst_caption(caption: str) -> str:
    """Set the number of an exhibit in bold, up to its first space (or ``, continued``)."""
    number, _, title = caption.partition(" ")
    if title.startswith("continued "):
        number, title = f"{number} continued", title.removeprefix("continued ")
    return f"#strong[{escape_typst(number)}] {escape_typst(title)}"


def fit_inset(table: Table, size: float, turned: bool) -> float:
    """Choose the margin beside a cell's text: what the columns leave, so that the numbers do not crowd at one side."""
    taken = CHARACTER * size * sum(measure_columns(table))
    room = ((LANDSCAPE if turned else PORTRAIT) - taken) / (2 * len(table.columns))
    return round(max(INSET, min(AIRY, 0.8 * room)), 1)


def write_typst_part(table: Table, size: float, turned: bool) -> str:
    """Write one table with rules above, below its head and at its end."""
    n = len(table.columns)
    columns = ", ".join(f"{width:g}fr" if width else "auto" for width in share_width(table))
    aligns = ", ".join("left" if side == "l" else "right" for side in table.sides)
    inset = fit_inset(table, size, turned)
    lines = [
        f"#block(width: 100%)[#set text(size: {size}pt)",
        f"#table(columns: ({columns},), align: ({aligns},), inset: (x: {inset}pt, y: 2.2pt),",
        "table.hline(stroke: 0.8pt), table.header(",
    ]
    for spans in table.spans:
        at = 0
        rules = []
        for text, width in spans:
            lines.append(f"table.cell(colspan: {width}, align: center)[#strong[{escape_typst(text)}]],")
            if text:
                rules.append(f"table.hline(start: {at}, end: {at + width}, stroke: 0.3pt),")
            at += width
        lines += rules
    lines += [f"[#strong[{escape_typst(name)}]]," for name in table.columns]
    lines.append("table.hline(stroke: 0.4pt)),")
    for at, row in enumerate(table.rows):
        if row.rule_above and at:
            lines.append("table.hline(stroke: 0.25pt + luma(150)),")
        if row.is_group:
            above = "3pt" if at == 0 else "6pt"
            cell = f"table.cell(colspan: {n}, align: left, inset: (top: {above}, bottom: 2.2pt, x: {inset}pt))"
            lines.append(f"table.header(level: 2, repeat: false, {cell}[#strong[{escape_typst(row.cells[0])}]]),")
        else:
            first, *others = (escape_typst(cell) for cell in row.cells)
            lines.append("[" + "],[".join([f"#pad(left: 0.8em)[{first}]" if row.indent else first, *others]) + "],")
    return "\n".join([*lines, "table.hline(stroke: 0.8pt))]"])


TYPST_SPECIAL = re.compile(r"[\\#$*_`<>@\[\]~/'\"]|^[=+-]")


def escape_typst(text: str) -> str:
    """Write text so that Typst prints it as it stands; a line break stays one.

    Examples
    --------
    >>> escape_typst("[a_1] #2")
    '\\\\[a\\\\_1\\\\] \\\\#2'
    """
    return TYPST_SPECIAL.sub(r"\\\g<0>", text).replace("\n", " \\ ")
