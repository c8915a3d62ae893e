"""Data dictionaries of survey tools."""

import json
from pathlib import Path
from typing import Any

import pytest

from firmties.dictionaries import read_dictionary
from firmties.errors import StudyError
from workbooks import write_workbook

REDCAP = (
    "Variable / Field Name,Form Name,Field Type,Field Label,"
    '"Choices, Calculations, OR Slider Labels",Text Validation Type OR Show Slider Number,'
    "Text Validation Min,Text Validation Max,Identifier?\n"
    "email,f,text,E-mail,,email,,,y\n"
    'sex,f,radio,Sex,"0, Female | 1, Male",,,,\n'
    "age,f,text,Age,,integer,18,99,\n"
    'gym,f,checkbox,Gym days,"0, Monday | -1, None",,,,\n'
)


@pytest.fixture
def redcap(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "dict.csv"
    path.write_text(REDCAP, encoding="utf-8")
    return read_dictionary(path)


class TestRedcap:
    def test_question_texts(self, redcap: dict[str, Any]) -> None:
        assert redcap["columns"]["sex"] == "Sex"

    def test_value_labels(self, redcap: dict[str, Any]) -> None:
        assert redcap["values"]["sex"] == {"0": "Female", "1": "Male"}

    def test_types(self, redcap: dict[str, Any]) -> None:
        assert redcap["types"] == {
            "email": "text", "sex": "category", "age": "integer", "gym": "multiple", "gym___0": "boolean",
            "gym____1": "boolean",
        }  # fmt: skip

    def test_choices_of_checkboxes_have_the_codes_of_their_columns(self, redcap: dict[str, Any]) -> None:
        assert redcap["values"]["gym"] == {"0": "Monday", "_1": "None"}

    def test_range(self, redcap: dict[str, Any]) -> None:
        assert redcap["range"] == {"age": ("18", "99")}

    def test_identifying(self, redcap: dict[str, Any]) -> None:
        assert redcap["identifying"] == ["email"]

    def test_markup_is_taken_out_and_a_semicolon_is_found(self, tmp_path: Path) -> None:
        path = tmp_path / "dict.csv"
        header = REDCAP.partition("\n")[0].replace(",", ";").replace("Choices; Calculations;", "Choices, Calculations,")
        text = f'{header}\nsex;f;radio;"<div class=""a""><b>Sex</b></div>";"0, <i>Female</i> | 1, Male";;;;\n'
        path.write_text(text, encoding="utf-8")
        found = read_dictionary(path)
        assert (found["columns"], found["values"]["sex"]) == ({"sex": "Sex"}, {"0": "Female", "1": "Male"})


def test_unknown_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(StudyError, match="allowed: "):
        read_dictionary(tmp_path / "x.csv")


def make_question(**payload: Any) -> dict[str, Any]:
    return {"Element": "SQ", "Payload": payload}


@pytest.fixture
def qualtrics(tmp_path: Path) -> dict[str, Any]:
    two = {"1": {"Display": "Yes"}, "2": {"Display": "<b>No</b>"}}
    elements = [
        make_question(
            DataExportTag="Q1", QuestionType="MC", Selector="SAVR", QuestionText="Plan?", Choices=two,
            RecodeValues={"2": "0"},
        ),
        make_question(DataExportTag="Q2", QuestionType="MC", Selector="MAVR", QuestionText="Which?", Choices=two),
        make_question(
            DataExportTag="Q3", QuestionType="Matrix", SubSelector="SingleAnswer", QuestionText="Agree?",
            Choices={"1": {"Display": "Trust"}}, Answers=two,
        ),
    ]  # fmt: skip
    path = tmp_path / "survey.qsf"
    path.write_text(json.dumps({"SurveyEntry": {}, "SurveyElements": elements}), encoding="utf-8")
    return read_dictionary(path)


class TestQualtrics:
    def test_codes_are_the_recoded_ones(self, qualtrics: dict[str, Any]) -> None:
        assert qualtrics["values"]["Q1"] == {"1": "Yes", "0": "No"}

    def test_several_answers_have_their_choices(self, qualtrics: dict[str, Any]) -> None:
        assert (qualtrics["types"]["Q2"], qualtrics["values"]["Q2"]) == ("multiple", {"1": "Yes", "2": "No"})

    def test_columns_of_choices_have_question_and_choice(self, qualtrics: dict[str, Any]) -> None:
        assert (qualtrics["types"]["Q2_2"], qualtrics["columns"]["Q2_2"]) == ("boolean", "Which? No")

    def test_rows_of_a_matrix_have_its_points(self, qualtrics: dict[str, Any]) -> None:
        assert qualtrics["values"]["Q3_1"] == {"1": "Yes", "2": "No"}

    def test_row_of_a_matrix_has_question_and_statement(self, qualtrics: dict[str, Any]) -> None:
        assert qualtrics["columns"]["Q3_1"] == "Agree? Trust"


def write_rows(*rows: dict[str, str]) -> str:
    cells = ["".join(f"<{name}><![CDATA[{text}]]></{name}>" for name, text in row.items()) for row in rows]
    return f"<rows>{''.join(f'<row>{row}</row>' for row in cells)}</rows>"


def make_lss(apart: bool) -> str:
    """A survey structure with its texts in tables of their own, as since version 4, or in the rows themselves."""
    size = {"qid": "1", "parent_qid": "0", "type": "L", "title": "size"}
    uses = {"qid": "2", "parent_qid": "0", "type": "M", "title": "uses"}
    staff = {"qid": "3", "parent_qid": "0", "type": "N", "title": "staff"}
    post = {"qid": "4", "parent_qid": "2", "type": "T", "title": "SQ1"}
    texts = {"1": "<p>How large?</p>", "2": "Which?", "3": "Staff?", "4": "Post"}
    answer = {"qid": "1", "aid": "9", "code": "A1", "sortorder": "1"}
    if apart:
        own = write_rows(*({"qid": qid, "question": text, "language": "en"} for qid, text in texts.items()))
        words = write_rows({"aid": "9", "answer": "Small", "language": "en"})
        extra = f"<question_l10ns>{own}</question_l10ns><answer_l10ns>{words}</answer_l10ns>"
    else:
        for row in (size, uses, staff, post):
            row["question"] = texts[row["qid"]]
        answer["answer"], extra = "Small", ""
    return (
        "<?xml version='1.0' encoding='UTF-8'?><document><LimeSurveyDocType>Survey</LimeSurveyDocType>"
        f"<answers>{write_rows(answer)}</answers><questions>{write_rows(size, uses, staff)}</questions>"
        f"<subquestions>{write_rows(post)}</subquestions>{extra}</document>"
    )


class TestLimesurvey:
    @pytest.mark.parametrize("apart", [True, False])
    def test_texts_of_questions_and_rows(self, tmp_path: Path, apart: bool) -> None:
        (tmp_path / "s.lss").write_text(make_lss(apart), encoding="utf-8")
        found = read_dictionary(tmp_path / "s.lss")["columns"]
        assert found == {"size": "How large?", "uses": "Which?", "uses[SQ1]": "Which? Post", "staff": "Staff?"}

    @pytest.mark.parametrize("apart", [True, False])
    def test_value_labels(self, tmp_path: Path, apart: bool) -> None:
        (tmp_path / "s.lss").write_text(make_lss(apart), encoding="utf-8")
        assert read_dictionary(tmp_path / "s.lss")["values"] == {"size": {"A1": "Small"}, "uses": {"SQ1": "Post"}}

    def test_types(self, tmp_path: Path) -> None:
        (tmp_path / "s.lss").write_text(make_lss(apart=True), encoding="utf-8")
        found = read_dictionary(tmp_path / "s.lss")["types"]
        assert found == {"size": "category", "uses": "multiple", "uses[SQ1]": "boolean", "staff": "number"}

    def test_entities_are_refused(self, tmp_path: Path) -> None:
        bomb = "<!DOCTYPE d [<!ENTITY a 'x'>]><document><LimeSurveyDocType>&a;</LimeSurveyDocType></document>"
        (tmp_path / "s.lss").write_text(bomb, encoding="utf-8")
        with pytest.raises(StudyError, match="declares a document type or entities"):
            read_dictionary(tmp_path / "s.lss")


SURVEY = [
    [
        "type",
        "name",
        "label::English (en)",
        "label::Français (fr)",
        "required",
        "constraint",
        "calculation",
        "parameters",
    ],
    ["start", "start"],
    ["begin_group", "firm", "The firm"],
    ["integer", "staff", "How many <b>staff</b>?", "Combien?", "yes", ". > 0 and . <= 500"],
    ["select_one yes_no", "plan", "A plan?", "Un plan?"],
    ["begin group", "ties", "Ties"],
    ["select_multiple kinds or_other", "uses", "Which?", "Lesquels?"],
    ["end group"],
    ["text", "name", "Name"],
    ["end_group"],
    ["decimal", "share", "Share", None, None, ". >= 0 and . <= 100 or . = -99"],
    ["geopoint", "place", "Where?"],
    ["calculate", "twice", None, None, None, None, "${staff} * 2"],
    ["note", "thanks", "Thank you"],
    ["range", "mood", "Mood", None, None, None, None, "start=1 end=7 step=1"],
    ["begin_repeat", "person", "A person"],
    ["text", "name", "Name of the person"],
    ["end_repeat"],
]
CHOICES = [
    ["list_name", "name", "label::English (en)", "label::Français (fr)"],
    ["yes_no", 1, "Yes", "Oui"],
    ["yes_no", 0, "No", "Non"],
    ["kinds", "post", "Post", "Poste"],
    ["kinds", "phone", "Telephone", "Téléphone"],
]


@pytest.fixture
def xlsform(tmp_path: Path) -> dict[str, Any]:
    width = len(SURVEY[0])
    survey = [[*row, *[None] * (width - len(row))] for row in SURVEY]
    sheets = {"survey": survey, "choices": CHOICES, "settings": [["default_language"], ["English (en)"]]}
    return read_dictionary(write_workbook(tmp_path / "form.xlsx", sheets))


class TestXlsform:
    @pytest.mark.parametrize("name", ["firm/staff", "firm-staff", "staff"])
    def test_question_within_a_group_has_its_names_in_exports(self, xlsform: dict[str, Any], name: str) -> None:
        assert xlsform["columns"][name] == "How many staff?"

    def test_name_of_two_questions_stands_for_neither(self, xlsform: dict[str, Any]) -> None:
        found = {name: text for name, text in xlsform["columns"].items() if name.endswith("name")}
        assert found == {
            "firm/name": "Name", "firm-name": "Name",
            "person/name": "Name of the person", "person-name": "Name of the person",
        }  # fmt: skip

    def test_choices_have_their_labels_and_codes_without_decimals(self, xlsform: dict[str, Any]) -> None:
        assert xlsform["values"]["firm/plan"] == {"1": "Yes", "0": "No"}

    def test_several_answers_are_described_with_other(self, xlsform: dict[str, Any]) -> None:
        assert xlsform["values"]["firm/ties/uses"] == {"post": "Post", "phone": "Telephone", "other": "Other"}

    def test_column_of_a_choice_has_question_and_label(self, xlsform: dict[str, Any]) -> None:
        assert xlsform["columns"]["firm/ties/uses/phone"] == "Which? Telephone"

    def test_words_of_other_have_their_column(self, xlsform: dict[str, Any]) -> None:
        assert xlsform["columns"]["firm/ties/uses_other"] == "Which? Other"

    def test_types(self, xlsform: dict[str, Any]) -> None:
        assert {name: kind for name, kind in xlsform["types"].items() if "-" not in name and "/" not in name} == {
            "start": "datetime", "staff": "integer", "plan": "category", "uses": "multiple", "uses_other": "text",
            "share": "number", "thanks": "text", "mood": "integer",
        }  # fmt: skip

    def test_column_of_a_choice_is_true_or_false(self, xlsform: dict[str, Any]) -> None:
        assert xlsform["types"]["firm/ties/uses/post"] == "boolean"

    def test_ranges_are_those_of_bounds_alone(self, xlsform: dict[str, Any]) -> None:
        found = {name: bounds for name, bounds in xlsform["range"].items() if "/" not in name and "-" not in name}
        assert found == {"staff": ("1", "500"), "share": ("", ""), "mood": ("1", "7")}

    def test_calculation_stands_for_a_text(self, xlsform: dict[str, Any]) -> None:
        assert xlsform["columns"]["twice"] == "Calculated: ${staff} * 2"

    def test_places_identify(self, xlsform: dict[str, Any]) -> None:
        assert xlsform["identifying"] == ["place"]

    def test_workbook_that_is_no_form_names_its_sheets(self, tmp_path: Path) -> None:
        path = write_workbook(tmp_path / "form.xlsx", {"surveys": [["type", "name"]], "choices": CHOICES})
        with pytest.raises(StudyError, match=r"form\.xlsx: .* no sheet 'survey'.*did you mean 'surveys'"):
            read_dictionary(path)

    def test_form_without_questions_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(StudyError, match="names no question"):
            read_dictionary(write_workbook(tmp_path / "form.xlsx", {"survey": [["type", "name"]]}))
