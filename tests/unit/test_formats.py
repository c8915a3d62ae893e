"""Exports as survey tools write them, in small, and the real ones where they are at hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from firmties.readers import find_readers, read_wave

EXPORTS = Path(__file__).parents[3] / "shared" / "data" / "exports"
needs_exports = pytest.mark.skipif(
    not EXPORTS.is_dir(), reason="needs the exports of ../shared, which this clone does not have"
)
QUALTRICS = "StartDate,Q1,Q2_1,Q2_2\nAnfangsdatum,Wie viele?,Was - A,Was - B\n{ids}\n2024-01-01,3,1,\n2024-01-02,4,,\n"
NAMES = ("startDate", "QID1", "QID2_1", "QID2_2")
JSON_IDS = ",".join(f'"{{""ImportId"":""{name}""}}"' for name in NAMES)
PYTHON_IDS = ",".join(f"{{'ImportId': '{name}'}}" for name in NAMES)
LEGACY = "\ufeffV1,Q1,\nResponseID,Wie viele?,\nR_2YPOQ602ER1jkf1,3,\n"
LIMESURVEY = (
    '"id","submitdate","lastpage","startlanguage","G1Q1[SQ001]","G1Q1[other]"\n'
    '"1","1980-01-01 00:00:00","3","en","Y","x, y"\n'
)
SURVEYMONKEY = "Respondent ID,Seen which?,,Gr\u00f6\u00dfe\n,One,Two,Response\n11,One,,3\n12,,Two,4\n".encode("cp1252")
REDCAP = (
    "record_id,redcap_event_name,form_timestamp,kinds___1,kinds___2,share,form_complete\n"
    '1,wave_1,[not completed],1,0,"2,5",2\n'
)
KOBO = (
    "start;g1/size;g1/kinds;g1/kinds/a;g1/kinds/b;_id;_uuid;_submission_time\n"
    "2024-01-01T10:00;3;a b;1;1;9;u-1;2024-01-01T10:09\n"
)
GOOGLE = 'Zeitstempel,Wie viele?,Was nutzen Sie?,Was nutzen Sie?\n01.03.2024 10:22:33,3,"Post, Telefon",Brief\n'


def read(folder: Path, content: str | bytes, **settings: str) -> tuple[pd.DataFrame, dict]:
    path = folder / "wave.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_wave(path, {"id": 1, **settings})


@pytest.mark.parametrize(
    ("content", "reader", "rows", "columns"),
    [
        (QUALTRICS.format(ids=JSON_IDS), "qualtrics", 2, 4),
        (QUALTRICS.format(ids=PYTHON_IDS), "qualtrics", 2, 4),
        (LEGACY, "qualtrics", 1, 2),
        (LIMESURVEY, "limesurvey", 1, 6),
        (SURVEYMONKEY, "surveymonkey", 2, 4),
        (REDCAP, "redcap", 1, 7),
        (KOBO, "kobo", 1, 8),
        (GOOGLE, "google_forms", 1, 4),
        ("id,x\n1,2\n", "delimited", 1, 2),
    ],
)
def test_format_is_recognized_and_read(
    tmp_path: Path, content: str | bytes, reader: str, rows: int, columns: int
) -> None:
    table, _ = read(tmp_path, content)
    assert (find_readers(tmp_path / "wave.csv", {})[0], len(table), table.shape[1] - 1) == (reader, rows, columns)


def test_response_keys_under_one_header_row_are_not_qualtrics(tmp_path: Path) -> None:
    _, labels = read(tmp_path, "id,x\nR_2YPOQ602ER1jkf1,1\nR_2YPOQ602ER1jkf2,2\n")
    assert labels["format"] == "delimited text"


def test_qualtrics_keeps_texts_and_import_ids(tmp_path: Path) -> None:
    _, labels = read(tmp_path, QUALTRICS.format(ids=JSON_IDS))
    assert (labels["columns"]["Q1"], labels["import_ids"]["Q2_1"]) == ("Wie viele?", "QID2_1")


def test_qualtrics_says_that_blank_choices_are_ambiguous(tmp_path: Path) -> None:
    _, labels = read(tmp_path, QUALTRICS.format(ids=JSON_IDS))
    said = "no choice at all may be asked and none chosen, or not asked"
    assert labels["lost"] == [f"Q2: {said} (1 question, a column a choice)"]


def test_limesurvey_placeholder_is_blank(tmp_path: Path) -> None:
    table, _ = read(tmp_path, LIMESURVEY)
    assert table.loc[0, ["submitdate", "G1Q1[other]"]].tolist() == ["", "x, y"]


def test_surveymonkey_names_question_and_choice(tmp_path: Path) -> None:
    table, _ = read(tmp_path, SURVEYMONKEY)
    assert list(table)[1:] == ["Respondent ID", "Seen which? [One]", "Seen which? [Two]", "Gr\u00f6\u00dfe"]


def test_surveymonkey_is_told_without_a_question_of_several_columns(tmp_path: Path) -> None:
    content = (
        "Respondent ID,Collector ID,Start Date,What?,Why?\n,,,Response,Open-Ended Response\n11,1,2024-01-01,Loan,x\n"
    )
    table, labels = read(tmp_path, content)
    assert (labels["format"], table["What?"].tolist()) == ("SurveyMonkey CSV", ["Loan"])


@pytest.mark.parametrize("content", ["id,x\n,a\n2,b\n", "id,x,y,z\n,,,4\n2,3,4,5\n", "id,x,y,z\n,,,\n2,3,4,5\n"])
def test_blank_key_makes_no_second_header_row(tmp_path: Path, content: str) -> None:
    table, _ = read(tmp_path, content)
    assert len(table) == 2


def test_redcap_unsent_form_is_blank(tmp_path: Path) -> None:
    table, _ = read(tmp_path, REDCAP)
    assert table.loc[0, "form_timestamp"] == ""


def test_redcap_decimal_comma_is_stated(tmp_path: Path) -> None:
    _, labels = read(tmp_path, REDCAP)
    assert labels["detected"] == ["decimal comma in share", "events as rows (redcap_event_name): wave_1"]


def test_kobo_delimiter_is_found(tmp_path: Path) -> None:
    table, labels = read(tmp_path, KOBO)
    assert (labels["delimiter"], table.loc[0, "g1/kinds"]) == (";", "a b")


def test_google_forms_numbers_a_question_asked_twice(tmp_path: Path) -> None:
    table, _ = read(tmp_path, GOOGLE)
    assert table.loc[0, ["Was nutzen Sie?", "Was nutzen Sie? (2)"]].tolist() == ["Post, Telefon", "Brief"]


def test_format_can_be_overruled(tmp_path: Path) -> None:
    table, labels = read(tmp_path, LEGACY, format="delimited")
    assert (labels["format"], len(table)) == ("delimited text", 2)


def test_encoding_without_mark_is_found(tmp_path: Path) -> None:
    table, labels = read(tmp_path, "id;wo\n1;K\u00f6ln\n".encode("cp1252"))
    assert (table.loc[0, "wo"], labels["detected"]) == ("K\u00f6ln", ["encoding cp1252", "delimiter ;"])


def test_mark_does_not_hide_the_format_though_the_encoding_is_stated(tmp_path: Path) -> None:
    _, labels = read(tmp_path, "\ufeff" + LIMESURVEY.replace('"', "").replace("x, y", "x"), encoding="utf-8")
    assert labels["format"] == "LimeSurvey CSV"


def test_decimal_comma_in_every_row_is_no_delimiter(tmp_path: Path) -> None:
    table, labels = read(tmp_path, "id;height, in m\n1;1,75\n2;1,80\n")
    assert (list(table)[1:], labels["decimal_comma"]) == (["id", "height, in m"], ["height, in m"])


def test_utf_16_is_found_by_its_mark(tmp_path: Path) -> None:
    table, _ = read(tmp_path, "id\two\n1\tK\u00f6ln\n".encode("utf-16"))
    assert table.loc[0, "wo"] == "K\u00f6ln"


def test_thousands_are_no_decimals(tmp_path: Path) -> None:
    _, labels = read(tmp_path, 'id,staff\n1,"1,234"\n2,"12,000"\n')
    assert labels["decimal_comma"] == []


def test_cells_stay_text_whatever_they_begin_with(tmp_path: Path) -> None:
    table, _ = read(tmp_path, "id,x\n1,=1+1\n2,<script>alert(1)</script>\n")
    assert table["x"].tolist() == ["=1+1", "<script>alert(1)</script>"]


def test_forty_thousand_columns_are_read(tmp_path: Path) -> None:
    header = ",".join(f"x{place}" for place in range(40_000))
    table, _ = read(tmp_path, f"{header}\n{','.join(['1'] * 40_000)}\n")
    assert table.shape == (1, 40_001)


def test_parquet_is_written_as_text(tmp_path: Path) -> None:
    path = tmp_path / "wave.parquet"
    days = pd.to_datetime(["2024-01-02", None])
    pd.DataFrame({"n": [1.0, None], "kinds": [["a", "b"], None], "on": [True, False], "day": days}).to_parquet(path)
    table, _ = read_wave(path, {"id": 1})
    assert table.values.tolist() == [[1, "1", "a|b", "1", "2024-01-02 00:00:00"], [2, "", "", "0", ""]]


def test_parquet_text_that_was_written_as_bytes_is_text(tmp_path: Path) -> None:
    pd.DataFrame({"name": ["Größe".encode(), None]}).to_parquet(tmp_path / "wave.parquet")
    table, _ = read_wave(tmp_path / "wave.parquet", {"id": 1})
    assert table["name"].tolist() == ["Größe", ""]


@needs_exports
@pytest.mark.parametrize(
    ("name", "format_name", "rows", "columns"),
    [
        ("haven_tagged-na-int.dta", "Stata .dta", 8, 1),
        ("haven_umlauts.sav", "SPSS .sav", 4, 1),
        ("qt_Multiple_Answer_MC_Questions__Insights_.csv", "Qualtrics CSV", 5, 36),
        ("qt_No_Basis_for_Evaluation__Insights_.csv", "Qualtrics CSV", 15, 49),
        ("qt_Sample_Survey__Insights_.csv", "Qualtrics CSV", 5, 190),
        ("qualtrics_legacy.csv", "Qualtrics CSV", 1, 15),
        ("qualtrics_sample.csv", "Qualtrics CSV", 1, 20),
        ("redcap_checkboxes-1.csv", "REDCap CSV", 4, 13),
        ("redcap_decimal-comma.csv", "REDCap CSV", 4, 6),
        ("redcap_longitudinal.csv", "REDCap CSV", 18, 125),
        ("spss_mrset.sav", "SPSS .sav", 6, 12),
        ("spss_sample_missing.sav", "SPSS .sav", 7, 7),
        ("stata_missing_test.dta", "Stata .dta", 1, 9),
        ("surveymonkey_starwars.csv", "SurveyMonkey CSV", 1186, 38),
    ],
)
def test_real_export_is_read_without_an_option(name: str, format_name: str, rows: int, columns: int) -> None:
    table, labels = read_wave(EXPORTS / name, {"id": 1})
    assert (labels["format"], len(table), table.shape[1] - 1) == (format_name, rows, columns)


@needs_exports
def test_real_multiple_response_set_is_kept() -> None:
    _, labels = read_wave(EXPORTS / "spss_mrset.sav", {"id": 1})
    assert list(labels["choices"]["mymrset"]["columns"]) == ["bool1", "bool2", "bool3"]
