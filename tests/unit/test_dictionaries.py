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
