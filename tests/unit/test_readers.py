"""Reading exports: values as text, labels kept, faults named."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyreadstat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmties.errors import StudyError
from firmties.readers import list_modules, list_suffixes, load_module, read_wave
from firmties.readers.text import has_sound_quotes, read_rows, split_cells

EXPORTS = Path(__file__).parents[3] / "shared" / "data" / "exports"


def write(folder: Path, text: str | bytes, name: str = "wave1.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_csv_keeps_text_as_it_is(tmp_path: Path) -> None:
    responses, _ = read_wave(write(tmp_path, "\ufeffid,x\n007,NA\n8,\n"), {"id": 1})
    assert responses.values.tolist() == [[1, "007", "NA"], [2, "8", ""]]


def test_mark_of_utf_8_is_no_part_of_a_name_though_the_encoding_is_stated(tmp_path: Path) -> None:
    responses, _ = read_wave(write(tmp_path, "\ufeffid,x\n007,1\n"), {"id": 1, "encoding": "utf-8"})
    assert list(responses) == ["raw_row", "id", "x"]


def test_csv_with_quoted_line_break(tmp_path: Path) -> None:
    responses, _ = read_wave(write(tmp_path, 'id,x\n1,"two\nlines"\n'), {"id": 1})
    assert responses["x"].tolist() == ["two\nlines"]


def test_where_picks_rows_and_keeps_their_numbers(tmp_path: Path) -> None:
    responses, _ = read_wave(write(tmp_path, "id,wave\na,1\nb,2\nc,2\n"), {"id": 2, "where": {"wave": 2}})
    assert responses["raw_row"].tolist() == [2, 3]


@pytest.mark.parametrize(
    ("content", "settings", "message"),
    [
        (b"", {}, "the file is empty"),
        ("id,x\n", {}, "holds a header but no responses"),
        ("id,x\n1,2,3\n", {}, "line 2 has 3 cells, the header has 2"),
        ("id;x\n1;2,5\n", {"delimiter": ","}, "is ',' the delimiter"),
        ("id,id\n1,2\n", {}, "column names appear twice: id"),
        (b"id,x\n1,\xe9\n", {"encoding": "utf-8"}, "byte 8 is not utf-8"),
        ("id,x\n1,2\n", {"where": {"wav": 1}}, "no column 'wav'"),
        ("id,x\n1,2\n", {"where": {"x": 3}}, "no row has x = 3"),
        ("id,x\n1,2\n", {"sha256": "0"}, "not the one that was registered"),
        ('id,x\n1,"a"b\n', {}, "',' expected after '\"'"),
        ('id,x\n1,"cut o', {}, "line 2: a quoted cell begins there and never ends: the file is cut off"),
        ("id,x\n1,K\u00f6ln\n2,Gr\u00fc".encode()[:-1], {}, "byte 18 is not utf-8, though .* cut off or damaged"),
        ("id,x\n1,2\n", {"format": "qualtrix"}, "no reader 'qualtrix' .*; did you mean 'qualtrics'"),
        ("id,x\n1,2\n", {"name": "wave1.docx"}, "no reader for '.docx'"),
        ("id,x\n1,2\n", {"encoding": "utf-9"}, "'utf-9' is no encoding"),
        ("id,,x\n1,2,3\n", {}, "column 2 has no name but holds answers"),
        ("not a Stata file", {"name": "wave1.dta"}, "cannot be read as Stata .dta"),
        ("raw_row,x\n1,2\n", {}, "its column 'raw_row'"),
    ],
)
def test_fault_is_named(tmp_path: Path, content: str | bytes, settings: dict, message: str) -> None:
    path = write(tmp_path, content, settings.pop("name", "wave1.csv"))
    with pytest.raises(StudyError, match=message) as caught:
        read_wave(path, {"id": 1, **settings})
    assert "(wave 1)" in str(caught.value)


@pytest.mark.parametrize("content", ["\nid,x\n1,2\n3,4\n", "id,x\n\n1,2\n3,4\n", "id,x\n1,2\n\n3,4\n"])
def test_blank_line_is_left_out(tmp_path: Path, content: str) -> None:
    table, _ = read_wave(write(tmp_path, content), {"id": 1})
    assert table["x"].tolist() == ["2", "4"]


def test_missing_file_names_its_neighbours(tmp_path: Path) -> None:
    write(tmp_path, "id\n1\n", "wave1.csv")
    with pytest.raises(StudyError, match=r"did you mean 'wave1\.csv'"):
        read_wave(tmp_path / "wave_1.csv", {"id": 1})


def test_stata_letters_and_labels(tmp_path: Path) -> None:
    path = tmp_path / "w.dta"
    table = pd.DataFrame({"x": pd.Series([1.0, "a", 2.5], dtype="object")})
    pyreadstat.write_dta(
        table, str(path), column_labels={"x": "a question"}, variable_value_labels={"x": {1: "one", "a": "no say"}},
        missing_user_values={"x": ["a"]},
    )  # fmt: skip
    responses, labels = read_wave(path, {"id": 1})
    assert responses["x"].tolist() == ["1", ".a", "2.5"]
    assert labels["columns"] == {"x": "a question"}


def test_stata_system_missing_beside_letters_is_blank(tmp_path: Path) -> None:
    path = tmp_path / "w.dta"
    table = pd.DataFrame({"x": pd.Series([1, "a", None], dtype="object")})
    pyreadstat.write_dta(table, str(path), missing_user_values={"x": ["a"]})
    responses, _ = read_wave(path, {"id": 1})
    assert responses["x"].tolist() == ["1", ".a", ""]


def test_spss_keeps_user_missing_ranges(tmp_path: Path) -> None:
    path = tmp_path / "w.sav"
    pyreadstat.write_sav(
        pd.DataFrame({"x": [1.0, -98.0]}), str(path), missing_ranges={"x": [{"lo": -99, "hi": -97}]},
        variable_value_labels={"x": {-98: "don't know"}},
    )  # fmt: skip
    responses, labels = read_wave(path, {"id": 1})
    assert responses["x"].tolist() == ["1", "-98"]
    assert labels["user_missing"] == {"x": [["-99", "-97"]]}
    assert labels["values"] == {"x": {"-98": "don't know"}}


@pytest.mark.skipif(not EXPORTS.is_dir(), reason="needs the exports of ../shared, which this clone does not have")
def test_real_spss_file_with_ranges() -> None:
    _, labels = read_wave(EXPORTS / "spss_sample_missing.sav", {"id": 1})
    assert labels["user_missing"]["mynum"] == [["2000", "3000"], ["-1", "-1"]]


@pytest.mark.skipif(not EXPORTS.is_dir(), reason="needs the exports of ../shared, which this clone does not have")
def test_real_stata_file_with_letters() -> None:
    responses, _ = read_wave(EXPORTS / "stata_missing_test.dta", {"id": 1})
    assert responses.iloc[0, 1:7].tolist() == [".a", ".b", ".c", ".x", ".y", ".z"]


def test_every_reader_module_is_of_one_kind() -> None:
    kinds = {
        "whole": {"SUFFIXES", "read"},
        "container": {"SUFFIXES", "SHORT_NAME", "read_first_rows", "read_cells", "interpret"},
        "tool": {"recognize", "interpret"},
    }
    every = set().union(*kinds.values())
    assert [name for name in list_modules() if every & set(dir(load_module(name))) not in kinds.values()] == []


def test_every_suffix_is_of_one_module() -> None:
    suffixes = [suffix for name in list_modules() for suffix in getattr(load_module(name), "SUFFIXES", ())]
    assert sorted(suffixes) == list_suffixes()


@given(
    st.text(alphabet='ab1 ,;"\n\r\tä\u00a0', max_size=60).filter(str.strip),
    st.sampled_from([",", ";", "\t"]),
)
@settings(max_examples=500)
def test_cells_split_by_columns_are_those_read_by_rows(text: str, delimiter: str) -> None:
    cells = split_cells(text.encode(), delimiter)
    assert cells is None or list(cells) == list(read_rows(text, delimiter))


def test_sound_text_is_split_by_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firmties.readers.text.read_rows", lambda text, _: iter([["id", "x", "y"]]))
    cells = split_cells(b'id,x,y\n\n1,"two, ""2""\nlines", z \n', ",")
    assert cells is not None
    assert list(cells) == [["id", "x", "y"], ["1", 'two, "2"\nlines', "z"]]


@pytest.mark.parametrize("block", [5, 8, 13])
def test_quotes_are_followed_from_block_to_block(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr("firmties.readers.text.BLOCK", block)
    texts = (b'id,"a""b",c\n1,"2\n3",""\n', b'id,"a""b",c\n1,"2\n3"4,""\n')
    assert [has_sound_quotes(text, ",") for text in texts] == [True, False]
