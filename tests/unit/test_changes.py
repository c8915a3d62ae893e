"""What changed since results were kept."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import changes
import keep as script
from firmties.changes import attribute_changes, compare_inputs, compare_results, describe_inputs, write_page
from firmties.errors import StudyError

NAMES = {"model": "m", "outcome": "y", "sample": "all", "block": "", "level": "", "term": "x"}
ESTIMATES = pd.DataFrame([{**NAMES, "estimate": "0.5", "std_error": "0.2", "n_obs": "100"}])
HYPOTHESES = pd.DataFrame([{"hypothesis": "H1", "component": "y", "model": "m", "verdict": "supported"}])


def test_nothing_moved_gives_no_row() -> None:
    assert compare_results({"estimates": ESTIMATES}, {"estimates": ESTIMATES.copy()}).empty


def test_estimate_moves_by_standard_errors() -> None:
    moved = compare_results({"estimates": ESTIMATES}, {"estimates": ESTIMATES.assign(estimate="0.4")})
    assert moved[["column", "difference", "standard_errors"]].values.tolist() == [["estimate", "-0.1", "-0.5"]]


def test_count_moves_without_standard_errors() -> None:
    moved = compare_results({"estimates": ESTIMATES}, {"estimates": ESTIMATES.assign(n_obs="97")})
    assert moved[["column", "difference", "standard_errors"]].values.tolist() == [["n_obs", "-3", ""]]


def test_verdict_moves() -> None:
    moved = compare_results({"hypotheses": HYPOTHESES}, {"hypotheses": HYPOTHESES.assign(verdict="not supported")})
    assert moved[["row", "before", "after"]].values.tolist() == [["H1, y, m", "supported", "not supported"]]


def test_rounding_of_the_last_digits_is_no_move() -> None:
    after = ESTIMATES.assign(estimate="0.50000000000001")
    assert compare_results({"estimates": ESTIMATES}, {"estimates": after}).empty


@pytest.mark.parametrize("cells", [("inf", "1"), ("1", "-inf"), ("nan", "1"), ("0", "1e-12")])
def test_value_without_bounds_or_none_moves(cells: tuple[str, str]) -> None:
    before, after = (ESTIMATES.assign(std_error=cell) for cell in cells)
    assert compare_results({"estimates": before}, {"estimates": after})["column"].tolist() == ["std_error"]


@pytest.mark.parametrize(("sides", "word"), [((ESTIMATES, None), "row gone"), ((None, ESTIMATES), "new row")])
def test_row_is_new_or_gone(sides: tuple[pd.DataFrame | None, pd.DataFrame | None], word: str) -> None:
    before, after = ({} if table is None else {"estimates": table} for table in sides)
    moved = compare_results(before, after)
    assert moved[["model", "row", "column"]].values.tolist() == [["m", "m, y, all, x", word]]


def test_exhibit_rows_are_named_by_their_words_and_the_wave() -> None:
    before = pd.DataFrame({"wave": ["1", "2"], "item": ["t1", "t1"], "mean": ["4.2", "4.4"]})
    moved = compare_results({"T3": before}, {"T3": before.assign(mean=["4.2", "4.5"])})
    assert moved[["result", "row", "column", "before"]].values.tolist() == [["T3", "2, t1", "mean", "4.4"]]


@pytest.mark.parametrize(("result", "column"), [("A1", "value"), ("predictions", "n_cell")])
def test_number_that_is_hidden_now_is_not_said(result: str, column: str) -> None:
    before = pd.DataFrame({"prediction": ["p"], column: ["3"]})
    moved = compare_results({result: before}, {result: before.assign(**{column: ""})})
    assert moved[["column", "before", "after"]].values.tolist() == [[column, "", ""]]


def test_exhibit_rows_of_one_name_are_matched_in_their_order() -> None:
    before = pd.DataFrame({"part": ["curve", "curve"], "x": ["0.1", "0.2"]})
    moved = compare_results({"F8": before}, {"F8": before.assign(x=["0.1", "0.3"])})
    assert moved[["row", "column"]].values.tolist() == [["curve, row 2", "x"]]


def test_rows_of_the_codebook_are_inputs_of_their_own() -> None:
    before = describe_inputs({}, {"data/codebook.csv": {"a": {"type": "number"}, "b": {}}}, {})
    after = describe_inputs({}, {"data/codebook.csv": {"a": {"type": "integer"}, "b": {}}}, {})
    assert compare_inputs(before, after)["input"].tolist() == ["data/codebook.csv: a"]


def test_entry_before_a_named_one_leaves_it_alone() -> None:
    derived = [{"name": "g", "value": "log(x)"}]
    before, after = ({"derived": part} for part in (derived, [{"name": "f", "value": "x"}, *derived]))
    changed = compare_inputs(describe_inputs(before, {}, {}), describe_inputs(after, {}, {}))
    assert changed[["input", "change"]].values.tolist() == [["config.yaml: derived[f].value", "new"]]


CONFIG = {
    "models": [{"id": "m", "formula": "trust_z + controls"}, {"id": "n", "formula": "other"}],
    "scales": [{"name": "trust", "items": ["t1", "t2"]}],
    "sets": {"controls": "size"},
    "derived": [{"name": "size", "value": "log(staff)"}],
    "cleaning": {"exclude": [{"rule": "consent", "when": "not agreed"}]},
    "exhibits": [{"id": "F1"}, {"id": "T1"}],
}
NAMES_OF_CODEBOOK = ["t1", "staff", "agreed", "other", "unused"]
MODULES = {"estimates": ["scripts/fit.py"], "T1": ["scripts/summarize.py"]}


@pytest.mark.parametrize(
    ("result", "model", "name", "rests"),
    [
        ("estimates", "m", "config.yaml: models[m].formula", True),
        ("estimates", "m", "config.yaml: models[n].formula", False),
        ("hypotheses", "m", "config.yaml: models[n].formula", True),
        ("estimates", "m", "config.yaml: scales[trust].items", True),
        ("estimates", "n", "config.yaml: scales[trust].items", False),
        ("estimates", "m", "data/codebook.csv: t1", True),
        ("estimates", "m", "data/codebook.csv: staff", True),
        ("estimates", "n", "data/codebook.csv: staff", False),
        ("estimates", "n", "data/codebook.csv: agreed", True),
        ("estimates", "m", "data/codebook.csv: unused", False),
        ("estimates", "m", "data/anchors.csv: trust", True),
        ("estimates", "m", "config.yaml: cleaning.exclude[0].when", True),
        ("estimates", "m", "data/raw/one.csv", True),
        ("estimates", "m", "library pandas", True),
        ("estimates", "m", "scripts/fit.py", True),
        ("estimates", "m", "scripts/summarize.py", False),
        ("estimates", "m", "config.yaml: exhibits[T1].show", False),
        ("estimates", "m", "config.yaml: hypotheses[H1].claim", False),
        ("hypotheses", "m", "config.yaml: families[main].level", True),
        ("T1", "", "config.yaml: exhibits[T1].show", True),
        ("T1", "", "config.yaml: exhibits[F1].show", False),
        ("T1", "", "config.yaml: models[n].formula", False),
        ("T1", "", "config.yaml: models[m].formula", True),
        ("T1", "", "scripts/fit.py", False),
        ("T1", "", "data/codebook.csv: unused", True),
    ],
)
def test_what_a_result_can_rest_on(result: str, model: str, name: str, *, rests: bool) -> None:
    moved, inputs = pd.DataFrame({"result": [result], "model": [model]}), pd.DataFrame({"input": [name]})
    found = attribute_changes(moved, inputs, CONFIG, NAMES_OF_CODEBOOK, MODULES, {"T1": ["m"], "F1": []})
    assert found["can_rest_on"].tolist() == [name if rests else ""]


NOTHING = compare_results({}, {}).assign(can_rest_on="")


def test_page_says_that_nothing_moved() -> None:
    nothing = compare_inputs({}, {})
    assert "Nothing moved" in write_page("A study", "2024", NOTHING, nothing)


def test_page_shows_markup_as_text() -> None:
    inputs = compare_inputs({"<script>": "1"}, {})
    page = write_page("A study", "2024", NOTHING, inputs)
    assert ("<script>" in page, "&lt;script&gt;" in page) == (False, True)


@pytest.mark.parametrize("label", ["../out", "", "a b", ".hidden"])
def test_label_that_is_no_name_is_refused(tmp_path: Path, label: str) -> None:
    with pytest.raises(StudyError, match="allowed are letters"):
        script.keep(tmp_path, label)


def test_page_before_anything_is_kept_says_how_to_keep() -> None:
    page = write_page("A study", "", NOTHING, compare_inputs({}, {}))
    assert "Keep these results with ./firmties keep LABEL" in page


def test_keeping_before_a_run_says_to_run(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"manifest.json: is missing; run the study first"):
        script.keep(tmp_path, "first")


def test_keeping_that_was_broken_off_is_named(tmp_path: Path) -> None:
    made = tmp_path / "reports" / "results" / "manifest.json"
    made.parent.mkdir(parents=True)
    made.write_text('{"results": {}, "inputs": {}}', encoding="utf-8")
    (tmp_path / "data" / "kept" / "first").mkdir(parents=True)
    with pytest.raises(StudyError, match=r"data/kept/first: is there without manifest.json"):
        script.keep(tmp_path, "first")


def test_comparing_before_a_run_says_to_run(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"manifest.json: is missing; run the study first"):
        changes.compare_last_run(tmp_path)
