"""Excel workbooks: cells as text, the sheet that is meant, and files that are none or too large."""

from __future__ import annotations

import csv
import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import add_wave
from firmties.errors import StudyError
from firmties.provenance import compute_checksum
from firmties.readers import excel, find_readers, read_wave
from firmties.study import load_study
from small_study import draw_wave, write_study
from workbooks import write_sheet, write_workbook

from .test_formats import GOOGLE, JSON_IDS, KOBO, LIMESURVEY, QUALTRICS, REDCAP, SURVEYMONKEY

CELLS = st.none() | st.integers(-9999, 9999) | st.text("ab =,;'\"<&é", max_size=5)
PLAIN = [["id", "x"], [1, 2.5], [2, None]]


def read(path: Path, **settings: Any) -> tuple[pd.DataFrame, dict[str, Any]]:
    return read_wave(path, {"id": 1, **settings})


def read_one(folder: Path, sheet: Any, **settings: Any) -> tuple[pd.DataFrame, dict[str, Any]]:
    return read(write_workbook(folder / "wave.xlsx", {"data": sheet}), **settings)


def put_row(cells: str, number: int = 2, attributes: str = "") -> str:
    header = "".join(f'<c r="{column}1" t="inlineStr"><is><t>{column.lower()}</t></is></c>' for column in "ABCDE")
    return f'<sheetData><row r="1">{header}</row><row r="{number}"{attributes}>{cells}</row></sheetData>'


class TestCells:
    @pytest.mark.parametrize(
        ("cell", "text"),
        [
            ("<v>3</v>", "3"),
            ("<v>3.0</v>", "3"),
            ("<v>2.2999999999999998</v>", "2.3"),
            ("<v>-99</v>", "-99"),
            ("<f>1+1</f><v>2</v>", "2"),
        ],
    )
    def test_number(self, tmp_path: Path, cell: str, text: str) -> None:
        table, _ = read_one(tmp_path, put_row(f'<c r="A2">{cell}</c>'))
        assert table.loc[0, "a"] == text

    @pytest.mark.parametrize(
        ("style", "number", "text"),
        [
            (1, "45000", "2023-03-15"),
            (2, "45000.5", "2023-03-15 12:00:00"),
            (3, "0.75", "18:00:00"),
            (4, "1.125", "27:00:00"),
        ],
    )
    def test_date_and_time_are_iso_8601(self, tmp_path: Path, style: int, number: str, text: str) -> None:
        table, _ = read_one(tmp_path, put_row(f'<c r="A2" s="{style}"><v>{number}</v></c>'))
        assert table.loc[0, "a"] == text

    def test_truth_is_1_and_0(self, tmp_path: Path) -> None:
        table, _ = read_one(tmp_path, [["a"], [True], [False]])
        assert table["a"].tolist() == ["1", "0"]

    def test_text_is_kept_whatever_it_looks_like(self, tmp_path: Path) -> None:
        texts = ["007", "=1+1", "<script>", "1,5 & 2"]
        table, _ = read_one(tmp_path, [["a"], *([text] for text in texts)])
        assert table["a"].tolist() == texts

    def test_error_is_kept_and_said(self, tmp_path: Path) -> None:
        table, labels = read_one(tmp_path, write_sheet([["a", "b"], [1, "#N/A"], ["#DIV/0!", 2]], 3, 2))
        assert table[["a", "b"]].values.tolist() == [["1", "#N/A"], ["#DIV/0!", "2"]]
        assert labels["detected"] == ["2 cells with an error (#DIV/0!, #N/A), the first C4"]

    @given(st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=6))
    @settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_rows_that_are_not_blank_come_back(self, tmp_path: Path, rows: list[list[Any]]) -> None:
        path = write_workbook(tmp_path / "wave.xlsx", {"data": [["a", "b", "c"], *rows]})
        cells, _ = excel.read_cells(path, {})
        texts = [["" if cell is None else str(cell).strip() for cell in row] for row in rows]
        assert [list(cells[n]) for n in range(len(cells))] == [["a", "b", "c"], *(row for row in texts if any(row))]


class TestTable:
    def test_blank_rows_and_columns_before_the_table_are_left_out(self, tmp_path: Path) -> None:
        table, labels = read_one(tmp_path, write_sheet(PLAIN, first_row=4, first_column=3))
        assert (list(table), table["x"].tolist(), labels["lost"]) == (["raw_row", "id", "x"], ["2.5", ""], [])

    def test_blank_row_among_others_is_said(self, tmp_path: Path) -> None:
        table, labels = read_one(tmp_path, [["id"], [1], [None], [2], [None]])
        assert (table["id"].tolist(), labels["lost"]) == (["1", "2"], ["1 blank row among the others"])

    def test_hidden_row_is_read_and_said(self, tmp_path: Path) -> None:
        table, labels = read_one(tmp_path, put_row('<c r="A2"><v>7</v></c>', attributes=' hidden="1"'))
        assert (table["a"].tolist(), labels["detected"]) == (["7"], ["1 hidden row, read like the others"])

    def test_merged_header_is_named_where_a_column_lacks_its_name(self, tmp_path: Path) -> None:
        sheet = write_sheet([["id", "use", None], [1, 2, 3]]) + '<mergeCells><mergeCell ref="B1:C1"/></mergeCells>'
        with pytest.raises(StudyError, match=r"column 3 has no name but holds answers.*merged cells \(B1:C1\)"):
            read_one(tmp_path, sheet)

    def test_cells_that_do_not_say_where_they_stand_are_read(self, tmp_path: Path) -> None:
        sheet = "<sheetData><row><c t='inlineStr'><is><t>id</t></is></c></row><row><c><v>5</v></c></row></sheetData>"
        table, _ = read_one(tmp_path, sheet)
        assert table["id"].tolist() == ["5"]

    def test_cell_far_out_stops_before_it_takes_the_memory(self, tmp_path: Path) -> None:
        sheet = put_row('<c r="XFD1048576"><v>1</v></c>', number=1_048_576)
        with pytest.raises(
            StudyError, match=r"'data' reaches to row 1,048,576 and column XFD.* the limit is 50,000,000"
        ):
            read_one(tmp_path, sheet)

    def test_formatted_cells_far_out_are_no_cells(self, tmp_path: Path) -> None:
        sheet = put_row('<c r="A2"><v>1</v></c>').replace(
            "</sheetData>", '<row r="1048576"><c r="XFD1048576" s="1"/></row></sheetData>'
        )
        table, _ = read_one(tmp_path, sheet)
        assert len(table) == 1

    @pytest.mark.parametrize(
        ("text", "delimiter", "reader", "name"),
        [
            (QUALTRICS.format(ids=JSON_IDS), ",", "qualtrics", "Qualtrics Excel"),
            (LIMESURVEY, ",", "limesurvey", "LimeSurvey Excel"),
            (SURVEYMONKEY.decode("cp1252"), ",", "surveymonkey", "SurveyMonkey Excel"),
            (REDCAP, ",", "redcap", "REDCap Excel"),
            (KOBO, ";", "kobo", "KoboToolbox or ODK Excel"),
            (GOOGLE, ",", "google_forms", "Google Forms Excel"),
            ("id,x\n1,2\n", ",", "excel", "Excel workbook"),
        ],
    )
    def test_tool_is_told_and_read_as_in_text(
        self, tmp_path: Path, text: str, delimiter: str, reader: str, name: str
    ) -> None:
        (tmp_path / "wave.csv").write_text(text, encoding="utf-8")
        rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter=delimiter))
        numbers = [[int(cell) if cell.isdigit() else cell for cell in row] for row in rows]
        path = write_workbook(tmp_path / "wave.xlsx", {"data": numbers})
        table, labels = read(path)
        assert (find_readers(path, {})[0], labels["format"]) == (reader, name)
        pd.testing.assert_frame_equal(table, read(tmp_path / "wave.csv")[0])

    def test_google_forms_times_are_told_when_they_are_dates(self, tmp_path: Path) -> None:
        header = "".join(f'<c r="{c}1" t="inlineStr"><is><t>How many {c}?</t></is></c>' for c in "AB")
        row = '<c r="A2" s="2"><v>45000.5</v></c><c r="B2"><v>3</v></c>'
        _, labels = read_one(tmp_path, f'<sheetData><row r="1">{header}</row><row r="2">{row}</row></sheetData>')
        assert labels["format"] == "Google Forms Excel"

    def test_format_can_be_overruled(self, tmp_path: Path) -> None:
        path = write_workbook(tmp_path / "wave.xlsx", {"d": list(csv.reader(io.StringIO(LIMESURVEY)))})
        assert read(path, format="excel")[1]["format"] == "Excel workbook"


class TestSheet:
    def test_only_sheet_with_rows_is_taken(self, tmp_path: Path) -> None:
        table, labels = read(write_workbook(tmp_path / "w.xlsx", {"notes": [], "data": PLAIN}))
        assert (len(table), labels["sheet"], labels["detected"]) == (2, "data", ["sheet 'data' of 2"])

    def test_several_sheets_with_rows_are_listed(self, tmp_path: Path) -> None:
        path = write_workbook(tmp_path / "w.xlsx", {"data": PLAIN, "key & codes": [["a"]]})
        listed = r"'data' \(A1:B3\), 'key & codes' \(A1:A1\); .* \(waves: sheet:, or --sheet\)"
        with pytest.raises(StudyError, match=listed):
            read(path)

    def test_named_sheet_is_taken(self, tmp_path: Path) -> None:
        path = write_workbook(tmp_path / "w.xlsx", {"one": [["a"], [1]], "two": [["b"], [2]]})
        assert list(read(path, sheet="two")[0]) == ["raw_row", "b"]

    def test_unknown_sheet_names_the_nearest(self, tmp_path: Path) -> None:
        path = write_workbook(tmp_path / "w.xlsx", {"answers": PLAIN, "notes": PLAIN})
        with pytest.raises(StudyError, match=r"no sheet 'answer' \(waves: sheet:\); did you mean 'answers'"):
            read(path, sheet="answer")


def lie(path: Path, claimed: int) -> None:
    """Let the archive's directory and its members' own headers claim another size than the last member has."""
    content = bytearray(path.read_bytes())
    last = zipfile.ZipFile(path).infolist()[-1]
    in_directory = content.rfind(b"PK\x01\x02")
    struct.pack_into("<L", content, in_directory + 24, claimed)
    struct.pack_into("<L", content, last.header_offset + 22, claimed)
    path.write_bytes(content)


@pytest.fixture(scope="module")
def bomb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1.25 GiB of blanks in less than a hundredth of it."""
    path = write_workbook(tmp_path_factory.mktemp("bomb") / "bomb.xlsx", {"data": PLAIN})
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("xl/sharedStrings.xml", "w") as file,
    ):
        for _ in range(80):
            file.write(b" " * 2**24)
    return path


class TestFile:
    def test_bomb_is_stopped_by_what_its_directory_says(self, bomb: Path) -> None:
        assert bomb.stat().st_size < 1e7
        with pytest.raises(
            StudyError,
            match=r"bomb\.xlsx \(wave 1\): .* unpacks to 1,342,17\d,\d{3} bytes; the limit is 1,073,741,824 bytes",
        ):
            read(bomb)

    def test_bomb_is_stopped_though_its_directory_lies(self, bomb: Path, tmp_path: Path) -> None:
        path = tmp_path / "liar.xlsx"
        path.write_bytes(bomb.read_bytes())
        lie(path, 1000)
        with pytest.raises(
            StudyError,
            match=r"unpacks to more, though its directory claims [1-4],\d{3} bytes; the limit is 1,073,741,824",
        ):
            read(path)

    def test_honest_size_is_counted_to_the_byte(self, tmp_path: Path) -> None:
        path = write_workbook(tmp_path / "w.xlsx", {"data": PLAIN})
        size = sum(member.file_size for member in zipfile.ZipFile(path).infolist())
        excel.check_size(path, size)
        with pytest.raises(ValueError, match=f"unpacks to {size:,} bytes; the limit is {size - 1:,}"):
            excel.check_size(path, size - 1)

    @pytest.mark.parametrize("stored", [True, False])
    def test_unpacking_gives_what_was_packed(self, tmp_path: Path, stored: bool) -> None:
        path, content = tmp_path / "a.zip", bytes(range(256)) * 40_000
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a", content)
        with path.open("rb") as file:
            assert b"".join(excel.unpack(file, zipfile.ZipFile(path).infolist()[0])) == content

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"id,x\n1,2\n", "no zip archive, as a workbook is; it is text: name it .csv"),
            (b"PK\x03\x04 and so on", "no zip archive.* cut off or damaged"),
            (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(512), "encrypted with a password, or an .xls"),
        ],
    )
    def test_what_is_no_workbook_is_told(self, tmp_path: Path, content: bytes, message: str) -> None:
        path = tmp_path / "wave.xlsx"
        path.write_bytes(content)
        with pytest.raises(StudyError, match=rf"wave\.xlsx \(wave 1\): cannot be read as Excel workbook: .*{message}"):
            read(path)

    def test_file_cut_off_is_told(self, tmp_path: Path) -> None:
        path = write_workbook(tmp_path / "wave.xlsx", {"data": PLAIN})
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(StudyError, match="cut off or damaged: export it again"):
            read(path)

    def test_damaged_part_is_named(self, tmp_path: Path) -> None:
        path = write_workbook(tmp_path / "wave.xlsx", {"data": PLAIN})
        content = bytearray(path.read_bytes())
        begin = zipfile.ZipFile(path).getinfo("xl/worksheets/sheet1.xml").header_offset + 30 + 24
        content[begin : begin + 20] = b"\xff" * 20
        path.write_bytes(content)
        with pytest.raises(StudyError, match=r"part xl/worksheets/sheet1\.xml is damaged"):
            read(path)

    def test_empty_workbook_lists_its_sheets(self, tmp_path: Path) -> None:
        with pytest.raises(StudyError, match="no sheet holds a row; its sheets: one, two"):
            read(write_workbook(tmp_path / "wave.xlsx", {"one": [], "two": []}))

    def test_header_alone_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(StudyError, match="holds a header but no responses"):
            read_one(tmp_path, [["id", "x"]])

    def test_entities_are_refused(self, tmp_path: Path) -> None:
        path = write_workbook(tmp_path / "wave.xlsx", {"data": PLAIN})
        with zipfile.ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        parts["xl/workbook.xml"] = b"<!DOCTYPE d [<!ENTITY a 'x'>]>" + parts["xl/workbook.xml"]
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in parts.items():
                archive.writestr(name, content)
        with pytest.raises(StudyError, match=r"xl/workbook\.xml declares a document type or entities"):
            read(path)


def test_marks_across_the_border_of_pieces_are_found_once() -> None:
    text = b'<row r="1" hidden="1"><c r="A1" t="e"><f>1/0</f><v>#DIV/0!</v></c></row>'
    for cut in range(len(text)):
        marks = excel.find_marks([text[:cut], text[cut:]])
        assert (marks.columns, len(marks.hidden), marks.errors) == (1, 1, {(1, 1): "#DIV/0!"})


class TestAddWave:
    """A third wave of the small study, in a workbook whose other sheet holds rows as well."""

    @pytest.fixture
    def added(self, tmp_path: Path) -> tuple[Path, Path, list[str]]:
        study, table = write_study(tmp_path / "study"), draw_wave(3)
        sheets = {"read me": [["Answers of 2027"]], "answers": [list(table), *table.to_numpy().tolist()]}
        path = write_workbook(tmp_path / "three.xlsx", sheets)
        return study, path, [str(path), "--study", str(study), "--label", "2027", "--write"]

    def test_without_a_sheet_it_stops_and_lists_them(
        self, added: tuple[Path, Path, list[str]], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert add_wave.main(added[2]) == 1
        assert "several sheets hold rows: 'read me' (A1:A1), 'answers' (A1:I61);" in capsys.readouterr().err

    def test_workbook_is_copied_as_it_is(self, added: tuple[Path, Path, list[str]]) -> None:
        study, path, arguments = added
        assert add_wave.main([*arguments, "--sheet", "answers"]) == 0
        assert (study / "data/raw/three.xlsx").read_bytes() == path.read_bytes()

    def test_entry_names_the_sheet(self, added: tuple[Path, Path, list[str]]) -> None:
        study, _, arguments = added
        add_wave.main([*arguments, "--sheet", "answers"])
        assert load_study(study).wave(3) == {
            "id": 3,
            "label": "2027",
            "file": "data/raw/three.xlsx",
            "sha256": compute_checksum(study / "data/raw/three.xlsx"),
            "sheet": "answers",
            "rules": 1,
        }

    def test_wave_is_read_as_the_text_file_of_the_same_answers(self, added: tuple[Path, Path, list[str]]) -> None:
        study, path, _ = added
        draw_wave(3).to_csv(study / "three.csv", index=False)
        from_text, _ = read(study / "three.csv")
        pd.testing.assert_frame_equal(read(path, sheet="answers")[0], from_text)
