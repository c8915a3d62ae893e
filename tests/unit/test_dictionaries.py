"""Data dictionaries of survey tools."""

import json
from pathlib import Path
from typing import Any

import pytest

from firmties.dictionaries import read_dictionary
from firmties.errors import StudyError

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
        assert redcap["values"] == {"sex": {"0": "Female", "1": "Male"}}

    def test_types(self, redcap: dict[str, Any]) -> None:
        assert redcap["types"] == {
            "email": "text", "sex": "category", "age": "integer", "gym___0": "boolean", "gym____1": "boolean",
        }  # fmt: skip

    def test_choices_of_checkboxes(self, redcap: dict[str, Any]) -> None:
        assert redcap["choices"] == {"gym___0": ("gym", "0"), "gym____1": ("gym", "-1")}

    def test_range(self, redcap: dict[str, Any]) -> None:
        assert redcap["range"] == {"age": ("18", "99")}

    def test_identifying(self, redcap: dict[str, Any]) -> None:
        assert redcap["identifying"] == ["email"]


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

    def test_several_answers_are_columns_of_choices(self, qualtrics: dict[str, Any]) -> None:
        assert qualtrics["choices"] == {"Q2_1": ("Q2", "1"), "Q2_2": ("Q2", "2")}

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
        assert found == {"size": "How large?", "uses[SQ1]": "Which? Post", "staff": "Staff?"}

    @pytest.mark.parametrize("apart", [True, False])
    def test_value_labels(self, tmp_path: Path, apart: bool) -> None:
        (tmp_path / "s.lss").write_text(make_lss(apart), encoding="utf-8")
        assert read_dictionary(tmp_path / "s.lss")["values"] == {"size": {"A1": "Small"}}

    def test_types(self, tmp_path: Path) -> None:
        (tmp_path / "s.lss").write_text(make_lss(apart=True), encoding="utf-8")
        found = read_dictionary(tmp_path / "s.lss")["types"]
        assert found == {"size": "category", "uses[SQ1]": "boolean", "staff": "number"}

    def test_entities_are_refused(self, tmp_path: Path) -> None:
        bomb = "<!DOCTYPE d [<!ENTITY a 'x'>]><document><LimeSurveyDocType>&a;</LimeSurveyDocType></document>"
        (tmp_path / "s.lss").write_text(bomb, encoding="utf-8")
        with pytest.raises(StudyError, match="declares a document type or entities"):
            read_dictionary(tmp_path / "s.lss")
