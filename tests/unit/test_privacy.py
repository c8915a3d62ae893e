"""Identifying columns at the door: dropped, hashed, or found by their content."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmties.codebook import parse_codebook
from firmties.errors import StudyError
from firmties.privacy import (
    _PATTERNS,
    PLAIN,
    check_key,
    find_identifying_content,
    find_values,
    hash_identifiers,
    protect_responses,
    protect_table,
)
from firmties.study import Study, inspect_study
from render import scan

KEY = b"k" * 32
CONFIG = "study: {title: A study, firm: firm_id}\nwaves:\n  - {id: 1, file: one.csv}\n  - {id: 2, file: two.csv}\n"
CODEBOOK = "variable,question,type,identifying\nfirm_id,Firm,id,hash\nmail,Mail,text,drop\nremark,Remark,text,cleared\n"


def write_study(folder: Path, codebook: str = CODEBOOK, config: str = CONFIG) -> tuple[Study, list[str]]:
    (folder / "data").mkdir()
    (folder / "config.yaml").write_text(config, encoding="utf-8")
    (folder / "data" / "codebook.csv").write_text(codebook, encoding="utf-8")
    (folder / "data" / "crosswalk.csv").write_text("wave,raw_name,variable,action\n2,e_mail,mail,rename\n")
    return inspect_study(folder, check_files=False)


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        ("remark", "please write to jane.doe@example.org", "e-mail address"),
        ("remark", "call +44 20 7946 0958 after six", "phone number"),
        ("remark", "(020) 7946-0958", "phone number"),
        ("remark", "555-867-5309", "phone number"),
        ("mobile_phone", "447700900123", "phone number"),
        ("q9", "192.0.2.146", "IP address"),
        ("IPAddress", "10.0.0.1", "IP address"),
        ("gps", "51.501009,-0.141588", "coordinates"),
        ("gps", "51.501009 -0.141588 35.2 4.9", "coordinates"),
        ("LocationLatitude", "51.5010", "coordinates"),
        ("remark", "I am Dr. Müller of the firm", "name"),
        ("remark", "hello, My name is Jane", "name"),
        ("RecipientLastName", "Doe", "name"),
        ("remark", "GB82 WEST 1234 5698 7654 32", "bank account"),
    ],
)
def test_finds_identifying_content(column: str, value: str, kind: str) -> None:
    assert (column, kind, 1) in find_identifying_content(pd.DataFrame({column: ["", value, "3"]}))


@pytest.mark.parametrize(
    "value",
    [
        "1.2.3.4", "10.0.19041.1", "2.14.0", "192.168", "192.168,50", "1999", "2021-2024", "12,5 %", "45.5%",
        "2021-03-01", "01/02/2021", "2021-03-01 10:22:33", "2021-03-01T10:22:33+01:00", "1,234,567.89", "-0.141588",
        "447700900123", "000123456", "A4-210x297", "GB82WEST12345698765433", "[12, 40.1, 33]", "[1,2,3,4,5,6,7,8,9,10]",
        "R_2dXk8sPq01LmNz", "ce61160809c613ab", "3|5|none", "+5", "@home", "drive", "mr and mrs", "10 x 20 x 30",
    ],
)  # fmt: skip
def test_leaves_decoys_alone(value: str) -> None:
    assert find_identifying_content(pd.DataFrame({"remark": [value]})) == []


def test_hash_keeps_links_blanks_and_missing_codes() -> None:
    one, two = (hash_identifiers(pd.Series(values), KEY, ["-99"]) for values in (["a", "", "-99"], ["b", "a", "a "]))
    assert (one[0] == two[1] == two[2], list(one[1:]), one[0] != two[0]) == (True, ["", "-99"], True)


def test_hash_depends_on_the_key() -> None:
    assert hash_identifiers(pd.Series(["a"]), KEY)[0] != hash_identifiers(pd.Series(["a"]), b"x" * 32)[0]


def test_message_names_the_column_and_never_the_value() -> None:
    rows = pd.DataFrame({"raw_row": [1, 2], "remark": ["jane@example.org", "jane@example.org"]})
    with pytest.raises(StudyError, match=r"one\.csv \(wave 1\): column 'remark': 2 rows hold .*e-mail") as caught:
        protect_responses(rows, {}, {}, "one.csv (wave 1)")
    assert "jane" not in str(caught.value)


@pytest.mark.parametrize(("values", "count"), [(["Ann", "Bo"], "2 rows hold"), (["Ann", ""], "1 row holds")])
def test_column_that_the_export_says_identifies_stops_the_run(values: list[str], count: str) -> None:
    rows = pd.DataFrame({"raw_row": [1, 2], "Vorname": values})
    with pytest.raises(StudyError, match=f"w.csv: column 'Vorname': {count} what tells who answered by the export"):
        protect_responses(rows, {"identifying": ["Vorname"]}, {}, "w.csv")


@pytest.mark.parametrize(("values", "marks"), [(["", ""], {}), (["Ann", ""], {"Vorname": "cleared"})])
def test_such_a_column_may_be_empty_or_cleared(values: list[str], marks: dict[str, str]) -> None:
    rows = pd.DataFrame({"raw_row": [1, 2], "Vorname": values})
    kept, _ = protect_responses(rows, {"identifying": ["Vorname"]}, {"marks": marks}, "w.csv")
    assert list(kept) == ["raw_row", "Vorname"]


def test_marked_columns_are_dropped_hashed_or_left() -> None:
    rows = pd.DataFrame({"raw_row": [1], "mail": ["a@b.org"], "id": ["c@d.org"], "remark": ["e@f.org"]})
    marks = {"mail": "drop", "id": "hash", "remark": "cleared"}
    labels = {"columns": dict.fromkeys(marks, "Question"), "values": {"id": {"c@d.org": "me"}, "mail": {}}}
    kept, carried = protect_responses(rows, labels, {"marks": marks}, "x", KEY)
    assert list(kept) == ["raw_row", "id", "remark"]
    assert (kept["id"][0], kept["remark"][0]) == (hash_identifiers(pd.Series(["c@d.org"]), KEY)[0], "e@f.org")
    assert (list(carried["columns"]), carried["values"]) == (["id", "remark"], {})


def test_a_column_to_drop_that_is_not_there_stops_the_run() -> None:
    rows = pd.DataFrame({"raw_row": [1], "e_mail": ["gone"]})
    with pytest.raises(StudyError, match=r"no column 'email', which .* says to drop; did you mean 'e_mail'"):
        protect_responses(rows, {}, {"marks": {"email": "drop"}}, "x")


def test_protection_follows_the_crosswalk(tmp_path: Path) -> None:
    study, problems = write_study(tmp_path)
    assert problems == []
    assert study.protection(2)["marks"] == {"firm_id": "hash", "remark": "cleared", "e_mail": "drop"}
    assert study.protection(1)["marks"] == {"firm_id": "hash", "remark": "cleared", "mail": "drop"}


def test_a_dropped_variable_is_no_variable_of_the_study(tmp_path: Path) -> None:
    study, _ = write_study(tmp_path)
    assert "mail" not in [row["name"] for row in study.codebook_rows(2)]
    assert study.crosswalk_rows(2) == []


def test_a_dropped_firm_key_is_refused(tmp_path: Path) -> None:
    _, problems = write_study(tmp_path, CODEBOOK.replace("hash", "drop"))
    assert any("firm_id: identifying: a key cannot be dropped" in problem for problem in problems)


def test_a_hashed_firm_key_beside_a_sample_file_is_refused(tmp_path: Path) -> None:
    _, problems = write_study(tmp_path, config=CONFIG.replace("one.csv}", "one.csv, sample: frame.csv}"))
    assert any("frame.csv holds firm_id as it is" in problem for problem in problems)


def test_unknown_word_names_the_nearest() -> None:
    _, problems = parse_codebook(CODEBOOK.replace("drop", "dropp"))
    assert any("identifying: 'dropp' is not allowed; did you mean 'drop'?" in problem for problem in problems)


def test_numbers_are_not_hashed() -> None:
    _, problems = parse_codebook("variable,question,type,identifying\nstaff,Staff,number,hash\n")
    assert any("identifying: hash needs the type id or text, not number" in problem for problem in problems)


def test_key_inside_the_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="lies inside"):
        check_key(KEY, tmp_path / "data" / "key", [tmp_path])


def test_short_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="has 5 characters, it needs at least 32"):
        check_key(b"short", tmp_path / "key", [tmp_path / "study"])


@pytest.fixture
def read_script(monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "scripts"))
    monkeypatch.delitem(sys.modules, "read", raising=False)
    import read

    return read


def test_missing_key_says_how_to_make_one(read_script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRMTIES_KEY_FILE", str(tmp_path / "no.key"))
    with pytest.raises(StudyError, match=r"make one with: python -c .*secrets\.token_hex\(32\)"):
        read_script.read_key(tmp_path)


def test_changed_key_is_noticed(read_script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study, key = tmp_path / "study", tmp_path / "a.key"
    (study / "data").mkdir(parents=True)
    monkeypatch.setenv("FIRMTIES_KEY_FILE", str(key))
    key.write_text("a" * 64)
    assert read_script.read_key(study) == b"a" * 64
    key.write_text("b" * 64)
    with pytest.raises(StudyError, match="is not the key that earlier waves were hashed with"):
        read_script.read_key(study)


@given(st.from_regex(re.compile(PLAIN.replace(r"\z", r"\Z"), re.ASCII)))
@settings(max_examples=500)
def test_nothing_is_found_in_what_is_passed_over(value: str) -> None:
    assert [kind for kind, pattern in _PATTERNS.items() if pattern.search(value)] == []


@pytest.mark.parametrize("value", ["DE89370400440532013000", "555-867-5309", "51.501009,-0.141588", "a@b.org"])
def test_what_looks_nearly_plain_is_looked_at(value: str) -> None:
    assert find_identifying_content(pd.DataFrame({"q1": ["1", "2.5", value]})) != []


def test_values_are_found_whatever_their_case_and_spaces() -> None:
    assert find_values("a, JANE\nPlanted; b", {"jane planted"}) == {"jane planted"}


def test_value_within_a_word_is_not_found() -> None:
    assert find_values("janeplanteds and xjaneplanted", {"janeplanted"}) == set()


def test_sample_file_with_an_address_stops() -> None:
    with pytest.raises(StudyError, match=r"sample\.csv: column 'who': 1 row holds what looks like an e-mail address"):
        protect_table(pd.DataFrame({"who": ["a@b.org"]}), {}, "sample.csv")


def test_column_to_hash_beside_the_waves_stops() -> None:
    with pytest.raises(StudyError, match=r"sample\.csv: column 'firm' is marked hash"):
        protect_table(pd.DataFrame({"firm": ["f1"]}), {"firm": "hash"}, "sample.csv")


def test_value_that_is_part_of_a_word_of_the_study_is_searched_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text("study: {title: Enterprises}\n", encoding="utf-8")
    Path("one.csv").write_text("firm_id,owner\nf1,rise\nf2,moon\n", encoding="utf-8")
    Path("reports").mkdir()
    Path("reports/list.csv").write_text("what\nrise\n", encoding="utf-8")
    with pytest.raises(StudyError, match="holds a value of 'owner'"):
        scan(None, Path("reports"), [({"id": 1, "file": "one.csv"}, ["owner"])], {})
