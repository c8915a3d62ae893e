"""A codebook drafted from an export, and what a spreadsheet makes of it."""

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pyreadstat
import pytest

import draft as script
from firmties.codebook import guard_cell, parse_codebook
from firmties.configuration import check_shape, load_schema, read_yaml
from firmties.draft import draft_codebook, find_response_scales
from firmties.errors import StudyError
from firmties.readers import read_wave
from workbooks import write_workbook

ROOT = Path(__file__).parents[2]
LABELS = {
    "columns": {"stage": "=Which stage?", "rc1": "We trust them."},
    "values": {"stage": {"1": "seed", "2": "growth", "-9": "Refused"}},
    "user_missing": {"rc1": [("-2", "-1")]},
}


def make_responses() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "raw_row": [1, 2, 3],
            "stage": ["1", "2", "-9"],
            "rc1": ["4", "5", "-1"],
            "rc2": ["4", "5", "5"],
            "rc3": ["1.5", "2", ""],
            "e-mail": ["a@b.org", "", ""],
        }
    )


@pytest.fixture
def drafted() -> pd.DataFrame:
    return draft_codebook(make_responses(), LABELS)[0].set_index("variable")


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "export.csv"
    path.write_text("firm,=cost,rc1\nf1,2,3\nf2,3,4\n", encoding="utf-8")
    return path


class TestDraft:
    def test_variables_follow_the_columns(self, drafted: pd.DataFrame) -> None:
        assert list(drafted.index) == ["stage", "rc1", "rc2", "rc3", "e_mail"]

    def test_types(self, drafted: pd.DataFrame) -> None:
        assert drafted["type"].tolist() == ["category", "integer", "integer", "number", "text"]

    def test_value_labels_leave_out_missing_codes(self, drafted: pd.DataFrame) -> None:
        assert drafted.loc["stage", "codes"] == "1=seed|2=growth"

    def test_words_given_again_and_again_are_choices(self) -> None:
        answers = pd.DataFrame({"seen": ["Yes"] * 9 + ["No"] * 6 + [""], "why": [f"reason {n}" for n in range(16)]})
        drafts, _, _ = draft_codebook(answers, {})
        assert drafts[["type", "codes"]].values.tolist() == [["category", "No=No|Yes=Yes"], ["text", ""]]

    def test_long_names_are_cut_and_kept_apart(self) -> None:
        question = "Which of the following have you seen"
        drafts, crosswalk, _ = draft_codebook(pd.DataFrame({f"{question} [A]": ["x"], f"{question} [B]": ["y"]}), {})
        names = ["Which_of_the_following_have_you", "Which_of_the_following_have_you_2"]
        assert (drafts["variable"].tolist(), crosswalk["variable"].tolist()) == (names, names)

    def test_column_that_is_no_name_is_renamed_in_the_crosswalk(self) -> None:
        _, crosswalk, _ = draft_codebook(pd.DataFrame({"age": ["3"], "How old?": ["4"]}), {})
        found = crosswalk[["wave", "action", "raw_name", "variable"]].values.tolist()
        assert found == [["*", "rename", "How old?", "How_old"]]

    @pytest.mark.parametrize(
        ("name", "cells", "kind"),
        [
            ("RespondentID", ["901", "902"], "id"),
            ("record_id", ["a", "b"], "id"),
            ("RespondentID", ["901", "901"], "integer"),
            ("paid", ["1", "2"], "integer"),
        ],
    )
    def test_key_is_a_column_of_that_name_that_never_repeats(self, name: str, cells: list[str], kind: str) -> None:
        assert draft_codebook(pd.DataFrame({name: cells}), {})[0]["type"].tolist() == [kind]

    def test_kind_of_missing_answer_is_read_from_its_label(self, drafted: pd.DataFrame) -> None:
        assert drafted.loc["stage", "missing_codes"] == "-9=refused"

    def test_code_within_a_missing_range_is_no_answer(self, drafted: pd.DataFrame) -> None:
        assert drafted.loc["rc1", "missing_codes"] == "-1=no_answer"

    def test_construct_is_the_common_prefix(self, drafted: pd.DataFrame) -> None:
        assert drafted["construct"].tolist() == ["", "rc", "rc", "rc", ""]

    @pytest.mark.parametrize("name", ["mail", "last_name"])
    def test_no_identifying_answer_becomes_a_code(self, name: str) -> None:
        cells = ["a@b.org" if name == "mail" else "Smith"] * 9
        row = draft_codebook(pd.DataFrame({name: cells}), {})[0].iloc[0]
        assert row[["type", "codes", "identifying"]].tolist() == ["text", "", "drop"]

    def test_identifying_columns_are_marked(self, drafted: pd.DataFrame) -> None:
        assert drafted["identifying"].tolist() == ["", "", "", "", "drop"]


ENDS = {"1": "Disagree", "7": "Agree", "-9": "Refused"}


class TestScales:
    """Two items of one response scale, a third that an answer takes out of it, and two questions of two codes."""

    @pytest.fixture
    def drafted(self) -> tuple[pd.DataFrame, dict[str, Any]]:
        answers = {
            "a": ["1", "4", "-9"],
            "b": ["7", "", "2"],
            "c": ["5", "5", "8"],
            "d": ["1", "2", "2"],
            "e": [""] * 3,
        }
        two = {"1": "Yes", "2": "No"}
        labels = {
            "values": {"a": ENDS, "b": ENDS, "c": ENDS, "d": two, "e": two},
            "types": {"a": "category"},
            "range": {"b": ("1", "7")},
        }
        codebook, _, scales = draft_codebook(pd.DataFrame(answers), labels)
        return codebook.set_index("variable"), scales

    def test_items_name_their_scale(self, drafted: tuple[pd.DataFrame, dict[str, Any]]) -> None:
        assert drafted[0]["scale"].tolist() == ["agree_7", "agree_7", "", "", ""]

    def test_scale_holds_range_and_labels(self, drafted: tuple[pd.DataFrame, dict[str, Any]]) -> None:
        assert drafted[1] == {"agree_7": {"minimum": 1, "maximum": 7, "labels": {"1": "Disagree", "7": "Agree"}}}

    def test_item_leaves_to_the_scale_what_it_gives(self, drafted: tuple[pd.DataFrame, dict[str, Any]]) -> None:
        parts = ["type", "codes", "minimum", "maximum", "missing_codes"]
        assert drafted[0].loc[["a", "b"], parts].values.tolist() == [["ordinal", "", "", "", "-9=refused"]] * 2

    def test_draft_is_read_with_its_scales(self, drafted: tuple[pd.DataFrame, dict[str, Any]]) -> None:
        codebook, scales = drafted
        variables, problems = parse_codebook(codebook.reset_index().to_csv(index=False), response_scales=scales)
        assert (problems, variables["a"].maximum) == ([], 7)

    def test_scales_of_one_name_are_kept_apart(self) -> None:
        first, second = {"1": "No", "3": "Yes"}, {"1": "Never", "3": "Yes"}
        found = find_response_scales({"a": first, "b": first, "c": second, "d": second})
        assert {name: scale["labels"] for name, scale in found.items()} == {"yes_3": first, "yes_3_2": second}

    @pytest.mark.parametrize("label", ["非常同意", "", "7"])
    def test_scale_without_letters_has_a_name(self, label: str) -> None:
        codes = {"0": "x", "4": label}
        assert list(find_response_scales({"a": codes, "b": codes})) == ["scale_5"]

    @pytest.mark.parametrize(
        "codes", [{"1": "Yes", "2": "No"}, {"0": "x", "11": "y"}, {"a": "x", "b": "y", "c": "z"}, {}]
    )
    def test_what_is_no_scale(self, codes: dict[str, str]) -> None:
        assert find_response_scales({"a": codes, "b": codes}) == {}


class TestReadBack:
    @pytest.mark.parametrize("text", ["=1+1", "+x", "-9=refused", "@sum", "'=x", "-99", "'tis"])
    def test_guarded_cell_is_read_back_unchanged(self, text: str) -> None:
        cell = guard_cell(text)
        variables, _ = parse_codebook(f"variable,question,type\na,{cell},text\n")
        assert variables["a"].question == text

    @pytest.mark.parametrize("text", ["=1+1", "+x", "-9=refused", "@sum"])
    def test_cell_that_would_be_run_is_guarded(self, text: str) -> None:
        assert guard_cell(text) == f"'{text}"

    def test_draft_is_read_without_problems(self, drafted: pd.DataFrame) -> None:
        text = drafted.reset_index().map(guard_cell).to_csv(index=False)
        assert parse_codebook(text)[1] == []

    def test_spreadsheet_habits_are_read(self) -> None:
        text = "\ufeffvariable;question;type;reverse;minimum;maximum;;\na;A;integer;TRUE;1;7;;\n;;;;;;;\n"
        variables, problems = parse_codebook(text)
        assert (variables["a"].reverse, problems) == (True, [])

    @pytest.mark.parametrize("date", ["01. Feb", "01-Feb", "Feb 01"])
    def test_code_that_became_a_date_gets_a_message(self, date: str) -> None:
        _, problems = parse_codebook(f"variable,question,type,codes\na,A,category,{date}\n")
        assert "a spreadsheet made a date" in problems[0]


class TestCommand:
    def test_writes_the_codebook(self, export: Path, tmp_path: Path) -> None:
        script.main([str(export), "--output", str(tmp_path / "codebook.csv")])
        with (tmp_path / "codebook.csv").open(encoding="utf-8", newline="") as stream:
            assert [row["variable"] for row in csv.DictReader(stream)] == ["firm", "cost", "rc1"]

    def test_takes_what_a_form_says(self, tmp_path: Path) -> None:
        text = "start,firm/plan,_uuid,_submission_time\n2024-01-01,1,u1,2024-01-01\n2024-01-02,2,u2,2024-01-02\n"
        (tmp_path / "export.csv").write_text(text, encoding="utf-8")
        survey = [["type", "name", "label"], ["begin_group", "firm", None], ["select_one plans", "plan", "A plan?"]]
        choices = [["list_name", "name", "label"], ["plans", 1, "Written"], ["plans", 2, "None"]]
        form = write_workbook(tmp_path / "form.xlsx", {"survey": survey, "choices": choices})
        script.main(
            [str(tmp_path / "export.csv"), "--dictionary", str(form), "--output", str(tmp_path / "codebook.csv")]
        )
        with (tmp_path / "codebook.csv").open(encoding="utf-8", newline="") as stream:
            row = {row["variable"]: row for row in csv.DictReader(stream)}["firm_plan"]
        assert [row[part] for part in ("question", "type", "codes")] == ["A plan?", "category", "1=Written|2=None"]

    def test_choices_take_their_labels_from_the_dictionary(self, tmp_path: Path) -> None:
        (tmp_path / "export.csv").write_text("record_id,gym___0,gym____1,f_complete\n1,1,0,2\n2,0,1,2\n", "utf-8")
        header = 'Variable / Field Name,Form Name,Field Type,Field Label,"Choices, Calculations, OR Slider Labels"\n'
        (tmp_path / "dict.csv").write_text(f'{header}gym,f,checkbox,Gym days,"0, Monday | -1, None"\n', "utf-8")
        script.draft(tmp_path / "export.csv", tmp_path / "codebook.csv", tmp_path / "dict.csv")
        with (tmp_path / "codebook.csv").open(encoding="utf-8", newline="") as stream:
            row = {row["variable"]: row for row in csv.DictReader(stream)}["gym"]
        assert [row[part] for part in ("question", "type", "codes")] == ["Gym days", "multiple", "0=Monday|_1=None"]

    def test_prints_the_scales_for_the_configuration(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        table, words = pd.DataFrame({"a": [1.0, 3.0], "b": [2.0, 2.0]}), {1.0: "no", 2.0: "so: so", 3.0: "yes"}
        labels = {"a": words, "b": words}
        pyreadstat.write_sav(table, str(tmp_path / "export.sav"), variable_value_labels=labels)
        script.main([str(tmp_path / "export.sav"), "--output", str(tmp_path / "codebook.csv")])
        printed, _ = read_yaml(capsys.readouterr().out.partition("config.yaml:\n\n")[2])
        study = {"study": {"title": "A", "firm": "a"}, "waves": [{"id": 1, "file": "x.sav"}]}
        config, problems = check_shape({**study, **printed}, load_schema())
        assert problems == []
        assert config["response_scales"] == {
            "yes_3": {"minimum": 1, "maximum": 3, "labels": {"1": "no", "2": "so: so", "3": "yes"}}
        }

    def test_folder_that_is_not_there_is_named(
        self, export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert script.main([str(export), "--output", str(tmp_path / "gone" / "codebook.csv")]) == 1
        assert "there is no folder" in capsys.readouterr().err

    def test_refuses_to_overwrite(self, export: Path, tmp_path: Path) -> None:
        (tmp_path / "codebook.csv").write_text("mine", encoding="utf-8")
        with pytest.raises(StudyError, match="never overwritten"):
            script.draft(export, tmp_path / "codebook.csv")


EXPORTS = Path(__file__).parents[3] / "shared" / "data" / "exports"
BY_HAND = Path(__file__).parents[1] / "reference" / "codebooks"


@pytest.mark.skipif(not EXPORTS.is_dir(), reason="needs the exports of ../shared, which this clone does not have")
@pytest.mark.parametrize(
    ("export", "edits"),
    [("qualtrics_sample.csv", ["DistributionChannel", "Q1"]), ("spss_sample_missing.sav", ["mynum"])],
)
def test_draft_needs_few_edits(export: str, edits: list[str]) -> None:
    made = pd.read_csv(BY_HAND / f"{Path(export).stem}.csv", dtype="str", keep_default_na=False)
    drafted = draft_codebook(*read_wave(EXPORTS / export, {"id": 1}))[0][list(made.columns)]
    for table in (made, drafted):
        table["missing_codes"] = ["|".join(sorted(cell.split("|"))) for cell in table["missing_codes"]]
    assert made.loc[(made != drafted).any(axis=1), "variable"].tolist() == edits
    assert len(edits) / len(made) < 0.2


def test_drafted_export_of_questions_in_words_can_be_cleaned_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "data/raw").mkdir(parents=True)
    answers = [f"{900 + n},{['Yes', 'No'][n % 2]},{20 + n},{['Ships', ''][n % 2]},Boats" for n in range(12)]
    lines = [
        "RespondentID,Do you export?,How many staff?,What do you make?,",
        ",Response,Response,Ships,Boats",
        *answers,
    ]
    (tmp_path / "data/raw/one.csv").write_text("\n".join(lines), encoding="utf-8")
    study = "study: {title: A study, firm: RespondentID}\nwaves: [{id: 1, label: '2026', file: data/raw/one.csv}]\n"
    (tmp_path / "config.yaml").write_text(study, encoding="utf-8")
    script.draft(tmp_path / "data/raw/one.csv", tmp_path / "data/codebook.csv")
    ended = subprocess.run(
        [sys.executable, ROOT / "scripts/check.py", tmp_path], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
