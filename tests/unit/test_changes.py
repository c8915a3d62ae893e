"""What changed since results were kept."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

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


@pytest.mark.parametrize(("sides", "word"), [((ESTIMATES, None), "row gone"), ((None, ESTIMATES), "new row")])
def test_row_is_new_or_gone(sides: tuple[pd.DataFrame | None, pd.DataFrame | None], word: str) -> None:
    before, after = ({} if table is None else {"estimates": table} for table in sides)
    moved = compare_results(before, after)
    assert moved[["model", "row", "column"]].values.tolist() == [["m", "m, y, all, x", word]]


def test_rows_of_the_codebook_are_inputs_of_their_own() -> None:
    before = describe_inputs({}, [{"name": "a", "type": "number"}, {"name": "b"}], [], {})
    after = describe_inputs({}, [{"name": "a", "type": "integer"}, {"name": "b"}], [], {})
    assert compare_inputs(before, after)["input"].tolist() == ["data/codebook.csv: a"]


def test_result_rests_on_no_other_model_and_no_exhibit() -> None:
    names = ["config.yaml: exhibits[F1].title", "config.yaml: models[m].formula", "config.yaml: models[n].formula"]
    inputs = pd.DataFrame({"input": [*names, "data/raw/one.csv"]})
    found = attribute_changes(pd.DataFrame({"result": ["estimates"], "model": ["m"]}), inputs)["can_rest_on"].tolist()
    assert found == ["config.yaml: models[m].formula; data/raw/one.csv"]


def test_verdict_can_rest_on_another_model_of_its_family() -> None:
    moved = pd.DataFrame({"result": ["hypotheses"], "model": ["m"]})
    inputs = pd.DataFrame({"input": ["config.yaml: models[n].formula"]})
    assert attribute_changes(moved, inputs)["can_rest_on"].tolist() == ["config.yaml: models[n].formula"]


def test_page_says_that_nothing_moved() -> None:
    nothing = compare_inputs({}, {})
    assert "Nothing moved" in write_page("A study", "2024", compare_results({}, {}), nothing)


def test_page_shows_markup_as_text() -> None:
    inputs = compare_inputs({"<script>": "1"}, {})
    page = write_page("A study", "2024", compare_results({}, {}), inputs)
    assert ("<script>" in page, "&lt;script&gt;" in page) == (False, True)


@pytest.mark.parametrize("label", ["../out", "", "a b", ".hidden"])
def test_label_that_is_no_name_is_refused(tmp_path: Path, label: str) -> None:
    with pytest.raises(StudyError, match="allowed are letters"):
        script.keep(tmp_path, label)


def test_nothing_kept_says_how_to_keep(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="nothing is kept yet; keep results with"):
        script.compare(tmp_path)
