"""Questions of several answers: from the columns that a tool exports to one true-or-false column a choice."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyreadstat
import pytest
from hypothesis import given
from hypothesis import strategies as st

import add_wave
import changes
import check
from firmties.choices import describe_question, join_choices, split_choices
from firmties.clean import CleanWave, clean_wave
from firmties.codebook import Variable, parse_crosswalk
from firmties.draft import draft_codebook
from firmties.entry.compare import propose_recodes
from firmties.entry.examine import Examination, examine_wave
from firmties.errors import StudyError
from firmties.privacy import protect_responses
from firmties.readers import limesurvey, read_wave
from firmties.study import Study, inspect_study, load_study

EXPORTS = Path(__file__).parents[3] / "shared" / "data" / "exports"
needs_exports = pytest.mark.skipif(
    not EXPORTS.is_dir(), reason="needs the exports of ../shared, which this clone does not have"
)
A, B = "uses__a", "uses__b"
YES, NO = True, False


def clean(
    responses: pd.DataFrame,
    labels: dict[str, Any],
    uses: Variable,
    crosswalk: str = "",
    key: str = "id",
    missing_codes: dict[str, str] | None = None,
) -> CleanWave:
    """Clean a wave whose only answer is `uses`; the crosswalk is written without its header, other columns ignored."""
    firm = Variable("firm", type="id")
    known = {"firm": firm, uses.name: uses}
    table = f"wave,raw_name,variable,raw_code,code,action\n1,{key},firm,,,rename\n{crosswalk}"
    rows, problems = parse_crosswalk(table, known, [1])
    assert problems == []
    taken = {"raw_row", key, uses.name, *(row["raw_name"] for row in rows)}
    taken |= {name for entry in labels["choices"].values() for name in entry["columns"] if name not in entry["kept"]}
    ignored = [
        {"action": "ignore", "raw_name": name, "variable": ""}
        for name in responses
        if name not in taken and name not in labels["choices"]
    ]
    settings = {"wave": {"id": 1}, "study": {"firm": "firm"}, "missing_codes": missing_codes or {}}
    return clean_wave(responses, labels, [firm, uses], [*rows, *ignored], settings)


def list_answers(wave: CleanWave, columns: list[str]) -> list[list[Any]]:
    """A row a response: true or false, or the kind of missing."""
    answers = wave.values[columns].astype("object").where(wave.values[columns].notna(), wave.kinds[columns])
    return answers.values.tolist()


def read(folder: Path, content: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    path = folder / "wave.csv"
    path.write_text(content, encoding="utf-8")
    return read_wave(path, {"id": 1})


def make_uses(*codes: str, **cells: Any) -> Variable:
    return Variable("uses", "Which?", "multiple", codes={code: code for code in codes}, **cells)


QUALTRICS = (
    "id,Q1_1,Q1_2,Q1_2_TEXT\n"
    "Key,Which? - Selected Choice - Loan,Which? - Selected Choice - Other,Which? - Other - Text\n"
    '"{{""ImportId"":""_recordId""}}","{{""ImportId"":""QID1_1""}}","{{""ImportId"":""QID1_2""}}",'
    '"{{""ImportId"":""QID1_2_TEXT""}}"\nf1,1,{no},\nf2,{no},{no},\nf3,,,\nf4,{no},1,shares\n'
)
RENAMED = "1,Q1,uses,,,rename\n"
CODED = "1,,uses,1,a,recode\n1,,uses,2,b,recode\n"


class TestQualtrics:
    def test_blank_may_be_either(self, tmp_path: Path) -> None:
        wave = clean(*read(tmp_path, QUALTRICS.format(no="")), make_uses("a", "b"), RENAMED + CODED)
        assert list_answers(wave, [A, B]) == [[YES, NO], ["no_answer"] * 2, ["no_answer"] * 2, [NO, YES]]

    @pytest.mark.parametrize("mark", ["0", "-99"])
    def test_seen_and_not_chosen_is_told_from_not_asked(self, tmp_path: Path, mark: str) -> None:
        wave = clean(*read(tmp_path, QUALTRICS.format(no=mark)), make_uses("a", "b"), RENAMED + CODED)
        assert list_answers(wave, [A, B]) == [[YES, NO], [NO, NO], ["not_asked"] * 2, [NO, YES]]

    def test_what_is_told_is_not_said_to_be_lost(self, tmp_path: Path) -> None:
        assert read(tmp_path, QUALTRICS.format(no="0"))[1]["lost"] == []

    def test_import_ids_tell_columns_of_choices(self, tmp_path: Path) -> None:
        content = QUALTRICS.format(no="").replace("QID1_1", "uses_1").replace("QID1_2", "uses_2")
        assert read(tmp_path, content)[1]["choices"] == {}

    def test_words_of_choices_are_read(self, tmp_path: Path) -> None:
        content = QUALTRICS.format(no="").replace("f1,1,", "f1,Loan,").replace("f4,,1", "f4,,Other")
        wave = clean(*read(tmp_path, content), make_uses("a", "b"), RENAMED + CODED)
        assert list_answers(wave, [A, B])[::3] == [[YES, NO], [NO, YES]]

    def test_texts_of_question_and_choices(self, tmp_path: Path) -> None:
        _, labels = read(tmp_path, QUALTRICS.format(no=""))
        asked = labels["choices"]["Q1"]
        assert (asked["text"], asked["labels"]) == ("Which?", {"1": "Loan", "2": "Other"})

    def test_choices_that_begin_alike_and_hold_hyphens(self, tmp_path: Path) -> None:
        content = QUALTRICS.format(no="").replace("Choice - Loan", "Choice - pre-seed").replace("f1,1,", "f1,pre-seed,")
        content = content.replace("Choice - Other", "Choice - pre-series").replace("f4,,1", "f4,,pre-series")
        asked = read(tmp_path, content)[1]["choices"]["Q1"]
        assert (asked["text"], asked["labels"]) == ("Which?", {"1": "pre-seed", "2": "pre-series"})

    def test_matrix_of_one_answer_a_row_is_no_question_of_choices(self, tmp_path: Path) -> None:
        _, labels = read(tmp_path, QUALTRICS.format(no="2"))
        assert labels["choices"] == {}

    def test_codes_in_one_cell_are_read_by_the_codebooks_separator(self, tmp_path: Path) -> None:
        wave = clean(*read(tmp_path, 'id,uses\nf1,"a,b"\nf2,b\n'), make_uses("a", "b", separator=","))
        assert list_answers(wave, [A, B]) == [[YES, YES], [NO, YES]]


LIMESURVEY = (
    "id,submitdate,lastpage,startlanguage,uses[a],uses[b],uses[other]\n"
    "f1,,1,en,Y,{no},\nf2,,1,en,{no},{no},\nf3,,1,en,{gone},{gone},{gone}\nf4,,1,en,{no},{no},shares\n"
)
OTHER = "uses__other"


class TestLimesurvey:
    @pytest.mark.parametrize(
        ("no", "gone", "second", "third"),
        [("", "", "no_answer", "no_answer"), ("N", "", NO, "not_asked"), ("", "N/A", NO, "not_asked")],
    )
    def test_not_chosen_and_not_asked(self, tmp_path: Path, no: str, gone: str, second: Any, third: Any) -> None:
        responses, labels = read(tmp_path, LIMESURVEY.format(no=no, gone=gone))
        answers = list_answers(clean(responses, labels, make_uses("a", "b", "other")), [A, B, OTHER])
        assert answers == [[YES, NO, NO], [second] * 3, [third] * 3, [NO, NO, YES]]

    def test_full_answers_are_read_where_the_type_is_told(self, tmp_path: Path) -> None:
        responses, labels = read(tmp_path, LIMESURVEY.format(no="No", gone="N/A").replace(",Y,", ",Yes,"))
        choices = limesurvey.describe_choices(responses, {}, {"uses": "multiple"})
        wave = clean(responses, {**labels, "choices": choices}, make_uses("a", "b", "other"))
        assert list_answers(wave, [A, B])[:3] == [[YES, NO], [NO, NO], ["not_asked"] * 2]

    def test_one_choice_alone_may_not_be_asked(self, tmp_path: Path) -> None:
        content = LIMESURVEY.format(no="N", gone="N").replace("f1,,1,en,Y,N", "f1,,1,en,Y,N/A")
        wave = clean(*read(tmp_path, content), make_uses("a", "b", "other"))
        assert list_answers(wave, [A, B, OTHER])[0] == [YES, "not_asked", NO]

    def test_text_of_other_stays_a_column(self, tmp_path: Path) -> None:
        responses, labels = read(tmp_path, LIMESURVEY.format(no="N", gone=""))
        joined, _ = join_choices(responses, labels, ["uses"])
        assert list(joined)[-2:] == ["uses", "uses[other]"]

    def test_comment_on_a_choice_stays_a_column(self, tmp_path: Path) -> None:
        content = (
            LIMESURVEY.format(no="N", gone="").replace("uses[b]", "uses[acomment],uses[b]").replace(",en,", ",en,,")
        )
        _, labels = read(tmp_path, content.replace("f1,,1,en,,Y", "f1,,1,en,Y,cheap"))
        assert list(labels["choices"]["uses"]["columns"].values()) == ["a", "b", "other"]

    def test_text_of_other_must_be_described(self, tmp_path: Path) -> None:
        responses, labels = read(tmp_path, LIMESURVEY.format(no="N", gone=""))
        variables = [Variable("id", type="id"), make_uses("a", "b", "other")]
        settings = {"wave": {"id": 1}, "study": {"firm": "id"}}
        with pytest.raises(StudyError, match=r"column 'uses\[other\]' is not in data/codebook.csv"):
            clean_wave(responses, labels, variables, [], settings)


SURVEYMONKEY = (
    "Respondent ID,Which?,,,Age\n,Bank loan,Sale of shares,Other (please specify),Response\n"
    "11,Bank loan,,,3\n12,,,,4\n13,Bank loan,,a lottery,4\n"
)


class TestSurveymonkey:
    def test_words_become_codes_and_other_is_a_text(self, tmp_path: Path) -> None:
        uses = make_uses("Bank_loan", "Sale_of_shares", "Other_please_specify")
        wave = clean(*read(tmp_path, SURVEYMONKEY), uses, "1,Which?,uses,,,rename\n", key="Respondent ID")
        assert list_answers(wave, [f"uses__{code}" for code in uses.codes]) == [
            [YES, NO, NO], ["no_answer"] * 3, [YES, NO, YES],
        ]  # fmt: skip

    def test_question_asked_twice_with_the_same_words_is_two(self, tmp_path: Path) -> None:
        _, labels = read(tmp_path, "Key,Which?,,Which?,\n,One,Two,One,Two\n11,One,,,Two\n12,,Two,One,\n")
        assert [list(asked["columns"]) for asked in labels["choices"].values()] == [
            ["Which? [One]", "Which? [Two]"], ["Which? [One] (2)", "Which? [Two] (2)"],
        ]  # fmt: skip

    def test_grid_is_no_question_of_choices(self, tmp_path: Path) -> None:
        _, labels = read(tmp_path, SURVEYMONKEY.replace("11,Bank loan", "11,Often").replace("12,,,", "12,,Never,"))
        assert labels["choices"] == {}


REDCAP = "record_id,uses___a,uses___b,form_complete\nf1,1,0,2\nf2,0,0,2\nf3,,,0\nf4,0,1,2\n"


class TestRedcap:
    def test_zero_alone_may_be_either(self, tmp_path: Path) -> None:
        wave = clean(*read(tmp_path, REDCAP), make_uses("a", "b"), key="record_id")
        assert list_answers(wave, [A, B]) == [[YES, NO], ["no_answer"] * 2, ["no_answer"] * 2, [NO, YES]]

    def test_labels_in_place_of_codes(self, tmp_path: Path) -> None:
        rows = "f1,One,Checked,Unchecked\nf2,One,Unchecked,Unchecked\n"
        content = f"record_id,redcap_event_name,uses___a,uses___b\n{rows}"
        crosswalk = "1,redcap_event_name,,,,ignore\n"
        wave = clean(*read(tmp_path, content), make_uses("a", "b"), crosswalk, key="record_id")
        assert list_answers(wave, [A, B]) == [[YES, NO], ["no_answer"] * 2]

    def test_codebook_says_what_a_blank_is(self, tmp_path: Path) -> None:
        uses = make_uses("a", "b", missing_codes={"blank": "not_applicable"})
        wave = clean(*read(tmp_path, REDCAP), uses, key="record_id")
        assert list_answers(wave, [A, B])[1] == ["not_applicable"] * 2

    def test_crosswalk_says_that_a_blank_is_none_chosen(self, tmp_path: Path) -> None:
        wave = clean(*read(tmp_path, REDCAP), make_uses("a", "b"), "1,,uses,blank,none,recode\n", key="record_id")
        assert list_answers(wave, [A, B])[1] == [NO, NO]

    def test_it_is_said_once_a_file(self, tmp_path: Path) -> None:
        _, labels = read(tmp_path, "record_id,uses___a,uses___b,more___x,form_complete\nf1,0,0,0,2\n")
        said = "no choice at all may be asked and none chosen, or not asked (2 questions, a column a choice)"
        assert labels["lost"] == [f"uses, more: {said}"]


KOBO = (
    "id,g/uses,g/uses/a,g/uses/b,_uuid,_submission_time\n"
    "f1,a b,1,1,u,2024-01-01T10:00\nf2,,0,0,u,2024-01-01T10:00\nf3,,,,u,2024-01-01T10:00\n"
)


class TestKobo:
    def test_columns_tell_more_than_the_joined_cell(self, tmp_path: Path) -> None:
        wave = clean(*read(tmp_path, KOBO), make_uses("a", "b", separator=" "), "1,g/uses,uses,,,rename\n")
        assert list_answers(wave, [A, B]) == [[YES, YES], [NO, NO], ["not_asked"] * 2]

    def test_true_and_false_stand_for_1_and_0(self, tmp_path: Path) -> None:
        content = KOBO.replace("a b,1,1,", "a,TRUE,FALSE,").replace(",0,0,", ",False,False,")
        wave = clean(*read(tmp_path, content), make_uses("a", "b"), "1,g/uses,uses,,,rename\n")
        assert list_answers(wave, [A, B]) == [[YES, NO], [NO, NO], ["not_asked"] * 2]

    def test_joined_cell_is_read_where_the_columns_are_ignored(self, tmp_path: Path) -> None:
        ignored = "1,g/uses/a,,,,ignore\n1,g/uses/b,,,,ignore\n"
        uses = make_uses("a", "b", separator=" ")
        wave = clean(*read(tmp_path, KOBO), uses, "1,g/uses,uses,,,rename\n" + ignored)
        assert list_answers(wave, [A, B]) == [[YES, YES], ["no_answer"] * 2, ["no_answer"] * 2]


class TestGoogleForms:
    CONTENT = 'Time,Which ones?\n01.03.2024 10:22:33,"Post, by courier, Phone"\n01.03.2024 10:22:34,Phone\n'

    @pytest.mark.parametrize(
        ("codes", "crosswalk"),
        [
            ({"a": "Post, by courier", "b": "Phone"}, ""),
            ({"a": "by post", "b": "by phone"}, '1,,uses,"Post, by courier",a,recode\n1,,uses,Phone,b,recode\n'),
        ],
    )
    def test_choice_with_a_comma_is_told_by_its_words(
        self, tmp_path: Path, codes: dict[str, str], crosswalk: str
    ) -> None:
        uses = Variable("uses", "Which?", "multiple", codes=codes, separator=", ")
        rows = "1,Which ones?,uses,,,rename\n" + crosswalk
        wave = clean(*read(tmp_path, self.CONTENT), uses, rows, key="Time")
        assert list_answers(wave, [A, B]) == [[YES, YES], [NO, YES]]

    def test_choice_with_a_comma_is_unknown_without_its_words(self, tmp_path: Path) -> None:
        uses = make_uses("Post", "Phone", separator=", ")
        with pytest.raises(StudyError, match=r"choices that the codebook does not list \(by courier\)"):
            clean(*read(tmp_path, self.CONTENT), uses, "1,Which ones?,uses,,,rename\n", key="Time")


@pytest.fixture
def sav(tmp_path: Path) -> Path:
    """Two dichotomies with a code of refusal, as SPSS keeps them; the set itself is added to what is read."""
    table = pd.DataFrame({"id": ["f1", "f2", "f3", "f4", "f5"]})
    table["a"], table["b"] = [1.0, 0.0, None, -9.0, 1.0], [0.0, 0.0, None, -9.0, -9.0]
    path = tmp_path / "wave.sav"
    pyreadstat.write_sav(table, str(path), missing_ranges={"a": [-9.0], "b": [-9.0]})
    return path


class TestSpss:
    @pytest.mark.parametrize("kind", ["refused", ""])
    def test_dichotomies(self, sav: Path, kind: str) -> None:
        from firmties.readers.spss import describe_set

        responses, labels = read_wave(sav, {"id": 1})
        one = {"is_dichotomy": True, "counted_value": 1, "label": "Which?", "variable_list": ["a", "b"]}
        labels["choices"] = {"uses": describe_set(one, responses, labels)}
        wave = clean(responses, labels, make_uses("a", "b"), missing_codes={"-9": kind} if kind else {})
        gone = kind or "no_answer"
        assert list_answers(wave, [A, B]) == [[YES, NO], [NO, NO], ["not_asked"] * 2, [gone] * 2, [YES, gone]]

    @pytest.mark.parametrize("span", [["2", "2"], ["2", "9"]])
    def test_number_that_is_declared_missing_is_not_said_to_be_no(self, span: list[str]) -> None:
        from firmties.readers.spss import describe_set

        table = pd.DataFrame({"a": ["1", "2"], "b": ["0", "2"]})
        one = {"is_dichotomy": True, "counted_value": 1, "label": "", "variable_list": ["a", "b"]}
        labels: dict[str, Any] = {"columns": {}, "user_missing": {"a": [span], "b": [span]}}
        assert describe_set(one, table, labels)["not_chosen"] == ["0"]

    def test_category_sets_hold_codes(self) -> None:
        responses = pd.DataFrame({"raw_row": [1, 2], "id": ["f1", "f2"], "m1": ["b", ""], "m2": ["a", ""]})
        asked = describe_question({"m1": "", "m2": ""}, {"a": "A", "b": "B"}, chosen=())
        wave = clean(responses, {"file": "x.sav", "choices": {"uses": asked}}, make_uses("a", "b"))
        assert list_answers(wave, [A, B]) == [[YES, YES], ["no_answer"] * 2]

    @pytest.mark.parametrize("spans", [[], [["8", "9"]]])
    def test_missing_code_in_every_column_of_a_category_set_is_no_choice(self, spans: list[list[str]]) -> None:
        responses = pd.DataFrame({"raw_row": [1, 2], "id": ["f1", "f2"], "m1": ["1", "9"], "m2": ["1", "9"]})
        asked = describe_question({"m1": "", "m2": ""}, {"1": "A", "9": "Refused"}, chosen=())
        labels = {"file": "x.sav", "choices": {"uses": asked}, "user_missing": {"m1": spans, "m2": spans}}
        wave = clean(responses, labels, make_uses("1"), missing_codes={} if spans else {"9": "refused"})
        assert list_answers(wave, ["uses__1"]) == [[YES], ["no_answer" if spans else "refused"]]


def make_labels(**columns: str) -> dict[str, Any]:
    return {"file": "x.csv", "choices": {"uses": describe_question(columns, {}, "Which?", not_chosen=["0"])}}


def make_rows(**columns: str) -> pd.DataFrame:
    rows = {name: list(cells.replace(".", " ")) for name, cells in columns.items()}
    table = pd.DataFrame(rows, dtype="str").replace(" ", "")
    ids = [f"f{place}" for place in range(len(table))]
    return pd.DataFrame({"raw_row": range(1, len(table) + 1), "id": ids}).join(table)


class TestCodebook:
    def test_choice_that_the_file_does_not_offer_was_not_asked(self) -> None:
        wave = clean(make_rows(u1="10"), make_labels(u1="a"), make_uses("a", "b"))
        assert list_answers(wave, [A, B]) == [[YES, "not_asked"], [NO, "not_asked"]]

    def test_none_as_a_code_is_true_where_none_was_chosen(self) -> None:
        wave = clean(make_rows(u1="10"), make_labels(u1="a"), make_uses("none", "a"))
        assert list_answers(wave, ["uses__none", A]) == [[NO, YES], [YES, NO]]

    def test_unknown_choice_stops_though_nobody_took_it(self) -> None:
        with pytest.raises(StudyError, match=r"uses: holds choices that the codebook does not list \(c\)"):
            clean(make_rows(u1="10", u2=".."), make_labels(u1="a", u2="c"), make_uses("a", "b"))

    def test_two_choices_may_be_merged(self) -> None:
        rows = make_rows(u1="100", u2="010")
        wave = clean(rows, make_labels(u1="a", u2="c"), make_uses("a"), "1,,uses,c,a,recode\n")
        assert list_answers(wave, [A]) == [[YES], [YES], [NO]]

    def test_choice_recoded_to_blank_is_dropped(self) -> None:
        rows = make_rows(u1="110", u2="010")
        wave = clean(rows, make_labels(u1="a", u2="c"), make_uses("a"), "1,,uses,c,,recode\n")
        assert list_answers(wave, [A]) == [[YES], [YES], [NO]]

    def test_ignored_column_is_no_choice(self) -> None:
        rows = make_rows(u1="10", u2="01")
        wave = clean(rows, make_labels(u1="a", u2="c"), make_uses("a"), "1,u2,,,,ignore\n")
        assert list_answers(wave, [A]) == [[YES], [NO]]

    def test_columns_may_stay_variables_of_their_own(self) -> None:
        variables = [Variable("id", type="id"), Variable("u1", type="boolean"), Variable("u2", type="boolean")]
        settings = {"wave": {"id": 1}, "study": {"firm": "id"}}
        wave = clean_wave(make_rows(u1="10", u2="01"), make_labels(u1="a", u2="b"), variables, [], settings)
        assert wave.values["u2"].tolist() == [NO, YES]

    def test_cell_that_is_neither_is_named(self) -> None:
        with pytest.raises(StudyError, match=r"uses: 'a=7' holds choices .*data row 2"):
            clean(make_rows(u1="17", u2="00"), make_labels(u1="a", u2="b"), make_uses("a", "b"))


def test_dropped_question_takes_all_its_columns() -> None:
    kept, _ = protect_responses(
        make_rows(u1="10", u2="01"), make_labels(u1="a", u2="b"), {"marks": {"uses": "drop"}}, ""
    )
    assert list(kept) == ["raw_row", "id"]


def test_new_choice_is_recoded_by_its_words() -> None:
    uses = Variable("uses", type="multiple", codes={"loan": "Bank loan", "grant": "Grant"})
    proposed = propose_recodes({"1": 4, "2": 0}, uses, {"1": "Bank loan", "2": "Crowd"}, {}, [])
    assert [(row["raw_code"], row["code"], row["sure"]) for row in proposed] == [("1", "loan", True)]


class TestAddWave:
    """A study of one wave with `uses` in one cell; the next export has a column a choice."""

    def examine(self, columns: dict[str, str], responses: pd.DataFrame, **more: Any) -> Examination:
        variables = {"id": Variable("id", type="id"), "uses": make_uses("a", "b", separator=" ")}
        config = {"study": {"firm": "id", "title": "x"}, "waves": [{"id": 1, "file": "one.csv"}], "missing_codes": {}}
        study = Study(Path(), config, variables, [], {}, {})
        first = pd.DataFrame({"raw_row": [1, 2], "id": ["f0", "f1"], "uses": ["a b", "none"]})
        settings = {"wave": {"id": 1}, "study": config["study"]}
        earlier = clean_wave(first, {"file": "one.csv"}, list(variables.values()), [], settings)
        labels = {**make_labels(**columns), "format": "x", "sha256": "x", **more}
        return examine_wave(study, {"id": 2, "file": "two.csv"}, responses, labels, {1: earlier})

    def list_stops(self, found: Examination) -> list[str]:
        return [line for check in found.checks if check.state == "stop" for line in (check.message, *check.details)]

    def test_columns_are_one_variable(self) -> None:
        found = self.examine({"u1": "a", "u2": "b"}, make_rows(u1="10.", u2="00."))
        assert self.list_stops(found) == []
        assert found.drift is not None
        assert found.drift[["column", "n_before", "n_now"]].values.tolist() == [[A, 2, 2], [B, 2, 2]]

    def test_new_choice_is_an_unknown_code(self) -> None:
        found = self.examine({"u1": "a", "u2": "b", "u3": "c"}, make_rows(u1="10", u2="00", u3="01"))
        (stop,) = self.list_stops(found)
        assert "uses: holds choices that the codebook does not list (c)" in stop

    def test_column_that_the_export_says_identifies_is_a_stop(self) -> None:
        rows = make_rows(u1="10", u2="00").assign(Vorname=["Ann", "Bo"])
        found = self.examine({"u1": "a", "u2": "b"}, rows, identifying=["Vorname"])
        stops = [line for check in found.checks if check.number == 5 for line in (check.message, *check.details)]
        assert "column 'Vorname': 2 rows hold what tells who answered by the export itself" in stops[0]

    def test_new_question_is_drafted_as_one_row(self) -> None:
        asked = describe_question({"n1": "x", "n2": "y"}, {"x": "Post", "y": "Phone"}, "How?")
        choices = {**make_labels(u1="a", u2="b")["choices"], "ways": asked}
        found = self.examine({}, make_rows(u1="10", u2="00", n1="1.", n2="1."), choices=choices)
        (draft,) = found.drafts
        assert (draft["variable"], draft["type"], draft["codes"]) == ("ways", "multiple", "x=Post|y=Phone")


def test_draft_has_one_row_a_question(tmp_path: Path) -> None:
    drafted = draft_codebook(*read(tmp_path, SURVEYMONKEY))[0].set_index("variable")
    assert drafted.loc["Which", ["type", "codes", "question"]].tolist() == [
        "multiple",
        "Bank_loan=Bank loan|Sale_of_shares=Sale of shares|Other_please_specify=Other (please specify)",
        "Which?",
    ]


@given(st.lists(st.lists(st.sampled_from(["1", "0"]), min_size=3, max_size=3), min_size=1, max_size=20))
def test_choices_come_back_as_they_were_written(rows: list[list[str]]) -> None:
    names = ["u1", "u2", "u3"]
    table = pd.DataFrame(rows, columns=names, dtype="str")
    ids = [f"f{place}" for place in range(len(rows))]
    responses = pd.DataFrame({"raw_row": range(1, len(rows) + 1), "id": ids}).join(table)
    labels = make_labels(u1="a", u2="b", u3="c")
    wave = clean(responses, labels, make_uses("a", "b", "c"))
    assert wave.values[[A, B, "uses__c"]].astype("int64").astype("str").values.tolist() == rows


@given(st.lists(st.sampled_from(["Post, by courier", "Phone", "a b", "loan"]), unique=True))
def test_known_choices_are_split_as_they_were_joined(choices: list[str]) -> None:
    assert split_choices(", ".join(choices), ", ", ["Post, by courier", "Phone"]) == choices


@needs_exports
def test_real_films_seen() -> None:
    path = EXPORTS / "surveymonkey_starwars.csv"
    responses, labels = read_wave(path, {"id": 1})
    question = "Which of the following Star Wars films have you seen? Please select all that apply."
    codes = labels["choices"][question]["labels"]
    films = Variable("films", "Which?", "multiple", codes=codes)
    wave = clean(responses, labels, films, f"1,{question},films,,,rename\n", key="RespondentID")
    columns = [f"films__{code}" for code in codes]
    # Counted in the file itself, by the csv module.
    with path.open(encoding="cp1252", newline="") as stream:
        body = list(csv.reader(stream))[2:]
    seen = [sum(bool(row[place]) for row in body) for place in range(3, 9)]
    unsure = sum(not any(row[3:9]) for row in body)
    assert wave.values[columns].sum().tolist() == seen == [673, 571, 550, 607, 758, 738]
    assert set((wave.kinds[columns] == "no_answer").sum()) == {unsure} == {351}


@needs_exports
def test_real_checkboxes() -> None:
    responses, labels = read_wave(EXPORTS / "redcap_checkboxes-1.csv", {"id": 1})
    uses = make_uses("a", "b", "c", "d", "e")
    others = [f"1,check_one___{code},,,,ignore\n" for code in range(1, 5)]
    rows = "1,check_two,uses,,,rename\n" + "".join(others)
    wave = clean(responses, labels, uses, rows, key="record_id")
    assert list_answers(wave, [f"uses__{code}" for code in "abcde"]) == [
        [YES, NO, YES, NO, NO], [NO, YES, NO, YES, NO], ["no_answer"] * 5, ["no_answer"] * 5,
    ]  # fmt: skip


@needs_exports
def test_real_multiple_response_set() -> None:
    responses, labels = read_wave(EXPORTS / "spss_mrset.sav", {"id": 1})
    uses = make_uses("bool1", "bool2", "bool3")
    others = "".join(f"1,{name},,,,ignore\n" for name in labels["choices"]["categorical_array"]["columns"])
    responses["id"] = responses["raw_row"].astype("str")
    wave = clean(responses, labels, uses, f"1,mymrset,uses,,,rename\n{others}")
    assert list_answers(wave, [f"uses__bool{place}" for place in (1, 2, 3)]) == [
        [YES, YES, NO], [YES, NO, NO], [NO, YES, NO], [NO, NO, NO], [NO, YES, NO], [YES, YES, NO],
    ]  # fmt: skip


DICTIONARY = (
    "Variable / Field Name,Form Name,Field Type,Field Label,"
    '"Choices, Calculations, OR Slider Labels",Identifier?\n'
    'record_id,form,text,Key,,\nuses,form,checkbox,"Which, if any?","a, Bank loan | b, Grant",\nwho,form,text,Who?,,y\n'
)
QSF = {
    "SurveyElements": [
        {
            "Element": "SQ",
            "Payload": {
                "DataExportTag": "Q1",
                "QuestionType": "MC",
                "Selector": "MAVR",
                "QuestionText": "Which?",
                "Choices": {"1": {"Display": "Loan"}, "2": {"Display": "Other"}},
            },
        }
    ]
}


class TestDictionary:
    def read(self, folder: Path, export: str, name: str, dictionary: str) -> tuple[pd.DataFrame, dict[str, Any]]:
        (folder / "wave.csv").write_text(export, encoding="utf-8")
        (folder / name).write_text(dictionary, encoding="utf-8")
        return read_wave(folder / "wave.csv", {"id": 1, "dictionary": folder / name})

    def test_words_of_question_and_choices(self, tmp_path: Path) -> None:
        _, labels = self.read(tmp_path, REDCAP, "dict.csv", DICTIONARY)
        asked = labels["choices"]["uses"]
        assert (asked["text"], asked["labels"]) == ("Which, if any?", {"a": "Bank loan", "b": "Grant"})

    def test_identifying_mark_reaches_the_door(self, tmp_path: Path) -> None:
        export = "record_id,who,uses___a,uses___b,form_complete\nf1,Ann,1,0,2\n"
        with pytest.raises(StudyError, match="column 'who': 1 row holds what tells who answered"):
            protect_responses(*self.read(tmp_path, export, "dict.csv", DICTIONARY), {}, "w.csv")

    def test_question_of_several_answers_need_not_be_told_by_its_cells(self, tmp_path: Path) -> None:
        export = QUALTRICS.format(no="").replace("f4,,1,", "f4,1,1,").replace("f1,1,", "f1,1,1")
        _, untold = read(tmp_path, export)
        _, told = self.read(tmp_path, export, "survey.qsf", json.dumps(QSF))
        assert (list(untold["choices"]), list(told["choices"])) == ([], ["Q1"])

    def test_fault_names_the_wave(self, tmp_path: Path) -> None:
        (tmp_path / "wave.csv").write_text(REDCAP, encoding="utf-8")
        with pytest.raises(StudyError, match=r"wave.csv \(wave 1\): dictionary: .*gone.csv: there is no such file"):
            read_wave(tmp_path / "wave.csv", {"id": 1, "dictionary": tmp_path / "gone.csv"})

    @needs_exports
    def test_real_dictionary(self) -> None:
        settings = {"id": 1, "dictionary": EXPORTS / "redcap_checkboxes-1_dict.csv"}
        _, labels = read_wave(EXPORTS / "redcap_checkboxes-1.csv", settings)
        assert labels["choices"]["check_one"]["labels"] == {"1": "one", "2": "two", "3": "three", "4": "four"}


def test_draft_finds_what_stands_between_codes_in_a_cell() -> None:
    answers = pd.DataFrame({"uses": ["a b", "b", "", "a"]})
    said = {"types": {"uses": "multiple"}, "values": {"uses": {"a": "Post", "b": "Phone"}}}
    drafted = draft_codebook(answers, said)[0]
    assert drafted[["type", "codes", "separator"]].values.tolist() == [["multiple", "a=Post|b=Phone", "space"]]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study of one wave with `uses` in one cell; its next export and that tool's dictionary lie in `to_come`."""
    folder = tmp_path / "study"
    (folder / "data/raw").mkdir(parents=True)
    (folder / "config.yaml").write_text(
        "study: {title: A study, firm: record_id}\nwaves:\n  - {id: 1, file: data/raw/one.csv}\n", encoding="utf-8"
    )
    (folder / "data/codebook.csv").write_text(
        "variable,question,type,codes\nrecord_id,Key,id,\nuses,Which?,multiple,a=Bank loan|b=Grant\n"
        "form_complete,State,integer,\n",
        encoding="utf-8",
    )
    (folder / "data/raw/one.csv").write_text("record_id,uses,form_complete\nf1,a|b,2\nf2,none,2\n", encoding="utf-8")
    come = tmp_path / "to_come"
    come.mkdir()
    (come / "two.csv").write_text(REDCAP, encoding="utf-8")
    (come / "dict.csv").write_text(DICTIONARY, encoding="utf-8")
    return folder


class TestCommands:
    def add(self, study: Path) -> int:
        come = study.parent / "to_come"
        given = [str(come / "two.csv"), "--dictionary", str(come / "dict.csv"), "--study", str(study), "--write"]
        return add_wave.main(given)

    def test_wave_is_added_with_its_dictionary(self, study: Path) -> None:
        assert self.add(study) == 0
        entry = load_study(study).wave(2)
        assert (entry["file"], entry["dictionary"]) == ("data/raw/two.csv", "data/raw/dict.csv")
        assert (study / "data/raw/dict.csv").read_text(encoding="utf-8") == DICTIONARY

    def test_modules_that_read_the_dictionary_are_inputs_of_the_results(self, study: Path) -> None:
        name = "scripts/firmties/dictionaries/redcap.py"
        assert name not in changes.list_made_by(load_study(study))["estimates"]
        self.add(study)
        assert name in changes.list_made_by(load_study(study))["estimates"]

    def test_wave_page_says_once_what_cannot_be_told(self, study: Path) -> None:
        self.add(study)
        page = (study / "reports/waves/wave_2.txt").read_text(encoding="utf-8")
        assert " ".join(page.split()).count("uses: no choice at all may be asked and none chosen, or not asked") == 1

    def test_check_reads_the_wave(self, study: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
        self.add(study)
        monkeypatch.chdir(study)
        capsys.readouterr()
        assert check.main(".") == 0
        assert capsys.readouterr().out.startswith("no problems: 2 waves, 3 variables")

    def test_missing_dictionary_is_found_before_a_run(self, study: Path) -> None:
        self.add(study)
        (study / "data/raw/dict.csv").unlink()
        _, problems = inspect_study(study)
        assert [problem for problem in problems if "dict" in problem] == problems != []

    def test_wave_is_taken_back_with_its_dictionary(self, study: Path) -> None:
        self.add(study)
        add_wave.remove_wave(study, 2)
        assert [path.name for path in (study / "data/raw").iterdir()] == ["one.csv"]


class TestCheck:
    def check(self, study: Path, mark: str, monkeypatch: pytest.MonkeyPatch) -> int:
        codebook = (study / "data/codebook.csv").read_text(encoding="utf-8").replace("codes\n", "codes,identifying\n")
        (study / "data/codebook.csv").write_text(f"{codebook}mail,Mail,text,,{mark}\n", encoding="utf-8")
        (study / "data/raw/one.csv").write_text(
            "record_id,uses,form_complete,mail\nf1,a|b,2,x@y.org\nf2,none,2,\n", encoding="utf-8"
        )
        monkeypatch.chdir(study)
        return check.main(".")

    @pytest.mark.parametrize("mark", ["drop", "hash", "cleared"])
    def test_marked_column_is_no_problem(self, study: Path, mark: str, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.check(study, mark, monkeypatch) == 0

    def test_identifying_content_is_found_before_a_run(
        self, study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert self.check(study, "", monkeypatch) == 1
        assert "column 'mail': 1 row holds what looks like an e-mail address" in capsys.readouterr().out
