"""The reference page of config.yaml."""

from __future__ import annotations

from pathlib import Path

from firmties.configuration import load_kinds, load_schema
from firmties.reference_page import describe_value, list_keys, write_reference

KINDS = load_kinds()
SCHEMA = load_schema(KINDS)
PAGE = write_reference(SCHEMA, KINDS)


def test_the_page_in_docs_is_current() -> None:
    page = Path(__file__).parents[2] / "docs" / "configuration.md"
    assert page.read_text(encoding="utf-8") == PAGE, "run: python scripts/document.py"


def test_every_section_has_a_heading() -> None:
    assert [
        line[3:] for line in PAGE.splitlines() if line.startswith("## ") and line[3:] in SCHEMA["properties"]
    ] == list(SCHEMA["properties"])


def test_every_kind_has_a_heading() -> None:
    assert [line.split()[1] for line in PAGE.splitlines() if line.startswith("#### ")] == list(KINDS)


def test_a_row_says_value_and_default() -> None:
    assert "| `points` | whole number, at least 2; default `61` | The number of points. |" in PAGE.replace(
        "`over.points`", "`points`"
    )


def test_inner_keys_carry_their_path() -> None:
    keys = [key for key, _, _ in list_keys(SCHEMA["properties"]["cleaning"], SCHEMA)]
    assert keys[:2] == ["exclude", "exclude[].rule"]


def test_section_within_another_is_written_once() -> None:
    rows = {key: meaning for key, _, meaning in list_keys(SCHEMA["properties"]["rule_versions"], SCHEMA)}
    assert rows["cleaning"] == "As in [cleaning](#cleaning)."
    assert "cleaning.exclude" not in rows


def test_a_name_says_of_what() -> None:
    assert describe_value({"$ref": "#/$defs/question"}, SCHEMA) == "a variable of the codebook"


def test_no_placeholder_is_left() -> None:
    assert "{sections}" not in PAGE
    assert "{functions}" not in PAGE
