"""Small Excel workbooks, written by hand."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
WORKBOOK_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"

Cell = str | int | float | bool | None


def write_sheet(rows: Sequence[Sequence[Cell]], first_row: int = 1, first_column: int = 1) -> str:
    """Cells as XML; blank where None, an error where the text begins with #."""
    written = []
    for number, row in enumerate(rows, start=first_row):
        cells = []
        for place, cell in enumerate(row, start=first_column):
            at = f"{chr(64 + place)}{number}"
            if isinstance(cell, bool):
                cells.append(f'<c r="{at}" t="b"><v>{int(cell)}</v></c>')
            elif isinstance(cell, int | float):
                cells.append(f'<c r="{at}"><v>{cell}</v></c>')
            elif cell and cell.startswith("#"):
                cells.append(f'<c r="{at}" t="e"><v>{cell}</v></c>')
            elif cell:
                cells.append(f'<c r="{at}" t="inlineStr"><is><t>{escape(cell)}</t></is></c>')
        written.append(f'<row r="{number}">{"".join(cells)}</row>')
    return f"<sheetData>{''.join(written)}</sheetData>"


def write_workbook(path: Path, sheets: Mapping[str, str | Sequence[Sequence[Cell]]]) -> Path:
    """Write a workbook; sheets are rows of cells, or XML. Styles 1 to 4: date, date with time, time, duration."""
    names = list(sheets)
    entries = "".join(f"<sheet name={quoteattr(name)} sheetId='{n}' r:id='r{n}'/>" for n, name in enumerate(names, 1))
    relations = "".join(
        f"<Relationship Id='r{n}' Type='{DOCUMENT}/worksheet' Target='worksheets/sheet{n}.xml'/>"
        for n in range(1, len(names) + 1)
    )
    formats = "".join(f"<xf numFmtId='{number}'/>" for number in (0, 14, 22, 21, 46))
    parts = {
        "[Content_Types].xml": (
            f"<Types xmlns='{PACKAGE}/content-types'><Default Extension='xml' ContentType='application/xml'/>"
            "<Default Extension='rels' ContentType='application/vnd.openxmlformats-package.relationships+xml'/>"
            f"<Override PartName='/xl/workbook.xml' ContentType='{WORKBOOK_TYPE}'/></Types>"
        ),
        "_rels/.rels": (
            f"<Relationships xmlns='{PACKAGE}/relationships'>"
            f"<Relationship Id='r1' Type='{DOCUMENT}/officeDocument' Target='xl/workbook.xml'/></Relationships>"
        ),
        "xl/workbook.xml": f"<workbook xmlns='{MAIN}' xmlns:r='{DOCUMENT}'><sheets>{entries}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": (
            f"<Relationships xmlns='{PACKAGE}/relationships'>{relations}"
            f"<Relationship Id='s' Type='{DOCUMENT}/styles' Target='styles.xml'/></Relationships>"
        ),
        "xl/styles.xml": f"<styleSheet xmlns='{MAIN}'><cellXfs count='5'>{formats}</cellXfs></styleSheet>",
    }
    for n, sheet in enumerate(sheets.values(), 1):
        content = sheet if isinstance(sheet, str) else write_sheet(sheet)
        parts[f"xl/worksheets/sheet{n}.xml"] = f"<worksheet xmlns='{MAIN}'>{content}</worksheet>"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return path
