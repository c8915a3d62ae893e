"""The cross-table of two categories."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmties.disclosure import Counts, list_crossed, mask_table, mask_tables
from firmties.exhibits.crosstab.summarize import adjust_residuals, summarize

from .exhibit_frames import DICTIONARY, STUDY, WAVES, draw_anew, list_texts

OPTIONS = {"rows": "kind", "columns": "place", "any": {"prefix": "is_", "label": "Any"}}


def make_panel(counts: dict[tuple[str | None, str], int]) -> pd.DataFrame:
    rows = [cell for cell, n in counts.items() for _ in range(n)]
    panel = pd.DataFrame(rows, columns=["kind", "place"]).assign(wave=1, firm_id=[f"f{i}" for i in range(len(rows))])
    return panel.assign(
        is_a=(panel["kind"] == "a").astype("boolean"), is_b=pd.array([True] * len(panel), dtype="boolean")
    )


def make_sources(counts: dict[tuple[str | None, str], int]) -> dict[str, Any]:
    return {"panel": make_panel(counts), "dictionary": DICTIONARY, "study": STUDY, "waves": WAVES}


FULL = {("a", "up"): 30, ("a", "down"): 10, ("b", "up"): 20, ("b", "down"): 20, (None, "up"): 3}


@pytest.fixture
def numbers() -> pd.DataFrame:
    return summarize(make_sources(FULL), OPTIONS)[0]


def find(numbers: pd.DataFrame, panel: str, row: str, column: str) -> pd.Series:
    return numbers.loc[(numbers["panel"] == panel) & (numbers["row"] == row) & (numbers["column"] == column)].iloc[0]


def test_rows_keep_the_dictionary_order(numbers: pd.DataFrame) -> None:
    assert list(numbers.loc[numbers["panel"] == "single", "row_label"].unique()) == ["broker", "alone", "circle"]


def test_count(numbers: pd.DataFrame) -> None:
    assert find(numbers, "single", "a", "up")["n"] == 30


def test_row_percentage(numbers: pd.DataFrame) -> None:
    assert find(numbers, "single", "a", "up")["row_percent"] == 75


def test_residual_agrees_with_pearson_of_the_two_by_two(numbers: pd.DataFrame) -> None:
    # In a 2 × 2 table the squared adjusted residual is Pearson's chi-square: 80 (30·20 − 10·20)² / (40·40·50·30).
    assert find(numbers, "single", "a", "up")["residual"] ** 2 == pytest.approx(80 * 400**2 / (40 * 40 * 50 * 30))


def test_missing_answers_are_counted() -> None:
    assert summarize(make_sources(FULL), OPTIONS)[1]["n_left_out"] == 3


def test_any_panel_counts_members_once_more(numbers: pd.DataFrame) -> None:
    assert find(numbers, "any", "b", "down")["n"] == 30


def test_row_without_indicator_is_absent_from_the_any_panel(numbers: pd.DataFrame) -> None:
    assert "c" not in set(numbers.loc[numbers["panel"] == "any", "row"])


def test_category_without_firms_is_marked_empty(numbers: pd.DataFrame) -> None:
    assert find(numbers, "single", "c", "up")["cell"] == "empty"


def test_cell_below_ten_has_number_but_no_percentage() -> None:
    cell = find(summarize(make_sources(FULL | {("a", "down"): 9}), OPTIONS)[0], "single", "a", "down")
    assert (cell["n"], pd.isna(cell["row_percent"]), cell["cell"]) == (9, True, "no estimate")


@given(st.lists(st.lists(st.integers(0, 12), min_size=3, max_size=3), min_size=2, max_size=5))
def test_no_hidden_number_follows_from_a_row(rows: list[list[int]]) -> None:
    counts = pd.DataFrame(rows)
    hidden, hidden_totals, _ = mask_table(counts, 5, columns_add=True)
    candidates = (counts > 0) & ~hidden
    # Where the row's total is hidden as well, nothing follows from the row.
    assert not ((hidden.sum(axis=1) == 1) & candidates.any(axis=1) & ~pd.Series(list(hidden_totals), dtype=bool)).any()


@given(st.lists(st.lists(st.integers(1, 50), min_size=3, max_size=3), min_size=2, max_size=4))
def test_residuals_change_sign_within_each_row(rows: list[list[int]]) -> None:
    counts = pd.DataFrame(rows)
    residuals = adjust_residuals(counts)
    weight = np.sqrt(counts.sum(axis=0) / counts.to_numpy().sum() * (1 - counts.sum(axis=0) / counts.to_numpy().sum()))
    assert np.allclose((residuals * weight).sum(axis=1), 0, atol=1e-9)


def test_figure_shows_number_and_percentage(numbers: pd.DataFrame) -> None:
    texts = list_texts(draw_anew("crosstab", numbers, {}, OPTIONS))
    assert any(text.startswith("30\n75 %") for text in texts)


def test_figure_of_no_answers_says_so() -> None:
    sources = make_sources({(None, "up"): 12})
    sources["panel"]["kind"] = sources["panel"]["kind"].astype("str")
    numbers, notes = summarize(sources, {"rows": "kind", "columns": "place"})
    assert "no row has both answers" in list_texts(draw_anew("crosstab", numbers, notes, OPTIONS))


def test_no_percentage_or_residual_gives_a_total_that_another_table_hides() -> None:
    # A prediction over kind alone, on few firms, hides the totals of kinds a and b here, too.
    sources = make_sources({(kind, place): 20 for kind in "abcd" for place in "wxyz"})
    few = Counts("model", pd.Series([3, 30, 40, 50], pd.Index(list("abcd"), name="kind")))
    crossed = list_crossed(sources["panel"], {"rows": "kind", "columns": "place"})
    sources["masks"] = pd.DataFrame({"cell": sorted(mask_tables([*crossed, few], 5))})
    cells = summarize(sources, {"rows": "kind", "columns": "place"})[0].query("row in ['a', 'b']")
    assert cells["n"].notna().any()
    assert not cells[["row_n", "row_percent", "residual"]].notna().to_numpy().any()
