"""Data dictionaries of survey tools."""

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
