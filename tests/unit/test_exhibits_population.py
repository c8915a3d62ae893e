"""What the weighted answers say of the population of firms."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from firmties.exhibits.population.summarize import summarize
from firmties.exhibits.population.tabulate import AS_TEXT, tabulate
from firmties.survey_estimation import Design, estimate_mean, estimate_proportion, estimate_quantiles, estimate_ratio
from firmties.tables import Table

from .exhibit_frames import DICTIONARY, STUDY, WAVES

ADDED = [
    ("plan", "panel", "Has a plan", "boolean", "", ""),
    ("staff", "panel", "Staff", "number", "", ""),
    ("sales", "panel", "Sales", "number", "", ""),
    ("size", "panel", "Size", "category", "s=small|l=large", ""),
]
WORDS = pd.concat([DICTIONARY, pd.DataFrame(ADDED, columns=DICTIONARY.columns)], ignore_index=True)
FRAME = {wave: {"size": {"small": 700, "large": 300}, "place": {"up": 1000}} for wave in (1, 2)}


@pytest.fixture
def panel() -> pd.DataFrame:
    """60 firms a wave of two strata, with unequal weights; every third is large."""
    random = np.random.default_rng(7)
    table = pd.DataFrame({"wave": [1] * 60 + [2] * 60, "firm_id": [f"f{number}" for number in [*range(60)] * 2]})
    large = np.arange(120) % 3 == 0
    table["size"] = np.where(large, "l", "s")
    table["stratum"], table["stratum_size"] = np.where(large, "1 x l", "1 x s"), np.where(large, 300.0, 700.0)
    table["weight"] = random.uniform(0.5, 1.5, 120)
    table["staff"] = random.integers(1, 200, 120).astype(float)
    table["sales"] = table["staff"] * random.uniform(50, 150, 120)
    table["plan"] = pd.array(np.arange(120) % 2 == 0, dtype="boolean")
    return table


@pytest.fixture
def sources(panel: pd.DataFrame) -> dict[str, Any]:
    return {"panel": panel, "dictionary": WORDS, "waves": WAVES, "study": STUDY, "frame_margins": FRAME}


def estimate(sources: dict[str, Any], entry: dict[str, Any], **options: Any) -> pd.DataFrame:
    """The figures of one entry in the first wave, by group."""
    numbers, _ = summarize(sources, {"estimates": [entry], **options})
    return numbers[numbers["wave"] == 1].set_index("group")


def make_table(sources: dict[str, Any], entry: dict[str, Any], **options: Any) -> Table:
    """The table from the numbers and notes as they come back from their files."""
    given = {"title": "Firms", "estimates": [entry], **options}
    numbers, notes = summarize(sources, given)
    text = io.StringIO(numbers.to_csv(index=False))
    read = pd.read_csv(text, keep_default_na=False, na_values=[""], dtype=AS_TEXT)
    return tabulate(read, json.loads(json.dumps(notes)), given)


def first_wave(panel: pd.DataFrame) -> tuple[pd.DataFrame, Design]:
    rows = panel[panel["wave"] == 1]
    return rows, Design(rows["weight"], rows["stratum"], rows["firm_id"].to_numpy(), rows["stratum_size"])


def assert_same(row: pd.Series, expected: dict[str, float], scale: float = 1) -> None:
    names = ["estimate", "std_error", "conf_low", "conf_high"]
    np.testing.assert_allclose(row[names].astype(float), [scale * expected[name] for name in names], rtol=1e-9)


def test_mean_is_that_of_the_design(sources: dict[str, Any]) -> None:
    rows, design = first_wave(sources["panel"])
    assert_same(estimate(sources, {"mean": "staff"}).loc[""], estimate_mean(rows["staff"], design))


def test_group_is_a_domain_of_the_whole_design(sources: dict[str, Any]) -> None:
    rows, design = first_wave(sources["panel"])
    expected = estimate_proportion(rows["plan"], design, rows["staff"].lt(0) | rows["size"].eq("s"))
    assert_same(estimate(sources, {"share": "plan"}, by="size").loc["s"], expected, 100)


def test_ratio_is_that_of_the_totals_of_firms_with_both(sources: dict[str, Any]) -> None:
    sources["panel"].loc[:4, "sales"] = np.nan
    rows, design = first_wave(sources["panel"])
    found = estimate(sources, {"ratio": {"numerator": "sales", "denominator": "staff"}}).loc[""]
    assert_same(found, estimate_ratio(rows["sales"], rows["staff"], design))
    assert found["n"] == 55


def test_quantiles_are_those_of_the_weighted_distribution(sources: dict[str, Any]) -> None:
    rows, design = first_wave(sources["panel"])
    found = estimate(sources, {"quantile": {"variable": "staff", "probabilities": [0.25, 0.5]}})
    for (_, row), expected in zip(
        found.iterrows(), estimate_quantiles(rows["staff"], [0.25, 0.5], design), strict=True
    ):
        assert_same(row, expected)


def test_total_is_that_of_the_frame_by_hand(sources: dict[str, Any]) -> None:
    sources["panel"]["staff"] = np.where(sources["panel"]["size"] == "l", 100.0, 10.0)
    sources["panel"]["weight"] = np.where(sources["panel"]["size"] == "l", 0.9, 1.05)  # 300 and 700 of 1,000
    # 300 firms of 100 and 700 of 10, of which nothing varies within strata and groups.
    found = estimate(sources | {"study": STUDY | {"minimum_cell": 1}}, {"total": "staff", "scale": 0.001}, by="size")
    np.testing.assert_allclose(found["estimate"].astype(float), [37.0, 7.0, 30.0], rtol=1e-12)
    assert found["population"].tolist() == [1000] * 3


def test_total_and_its_error_are_the_mean_times_the_frame(sources: dict[str, Any]) -> None:
    sources["panel"].loc[:4, "staff"] = np.nan
    rows, design = first_wave(sources["panel"])
    expected = estimate_mean(rows["staff"], design)
    assert_same(estimate(sources, {"total": "staff"}).loc[""], expected, 1000)


def test_totals_of_groups_add_up_to_that_of_all(sources: dict[str, Any]) -> None:
    sources["panel"].loc[:2, "size"] = None
    found = estimate(sources, {"total": "staff"}, by="size")["estimate"].astype(float)
    assert found["s"] + found["l"] == pytest.approx(found[""], rel=1e-12)


def test_wave_without_frame_has_no_total_and_says_so(sources: dict[str, Any]) -> None:
    given = sources | {"frame_margins": {2: FRAME[2]}}
    assert estimate(given, {"total": "staff"}).loc["", "cell"] == "no population"
    table = make_table(given, {"total": "staff"})
    assert table.rows[0].cells[1] == "population\nnot known"
    assert "The frame's margins have no rows of 2021, so its totals are not estimated." in table.notes


def test_study_without_frame_has_no_total(sources: dict[str, Any]) -> None:
    del sources["frame_margins"]
    assert estimate(sources, {"total": "staff"}).loc["", "cell"] == "no population"


def test_group_of_few_is_hidden_with_another(sources: dict[str, Any]) -> None:
    sources["panel"].loc[sources["panel"]["wave"] == 1, "size"] = ["l"] * 3 + ["s"] * 57
    found = estimate(sources, {"mean": "staff"}, by="size")
    assert found["cell"].to_dict() == {"": "shown", "s": "suppressed", "l": "suppressed"}
    assert found["n"].isna().to_dict() == {"": False, "s": True, "l": True}


def test_share_of_few_in_a_group_is_hidden_with_another(sources: dict[str, Any]) -> None:
    first = sources["panel"]["wave"] == 1
    large = sources["panel"]["size"] == "l"
    sources["panel"].loc[first & large, "plan"] = [True] * 2 + [False] * 18
    found = estimate(sources, {"share": "plan"}, by="size")
    assert found["cell"].to_dict() == {"": "shown", "s": "suppressed", "l": "suppressed"}
    assert found["estimate"].isna().tolist() == [False, True, True]


def test_telling_mean_of_one_group_is_hidden_with_another(sources: dict[str, Any]) -> None:
    first = (sources["panel"]["wave"] == 1) & (sources["panel"]["size"] == "l")
    sources["panel"].loc[first, "staff"] = [7.0] * 2 + [9.0] * 18
    found = estimate(sources, {"total": "staff"}, by="size")
    assert found["cell"].to_dict() == {"": "shown", "s": "suppressed", "l": "suppressed"}


def test_quantile_at_the_end_of_few_is_hidden(sources: dict[str, Any]) -> None:
    found = estimate(sources, {"quantile": {"variable": "staff", "probabilities": [0.02, 0.5]}})
    assert found["cell"].tolist() == ["suppressed", "shown"]


def test_interval_that_reaches_the_answers_of_few_is_not_shown(sources: dict[str, Any]) -> None:
    found = estimate(sources, {"quantile": {"variable": "staff", "probabilities": [0.12]}}).loc[""]
    assert found["cell"] == "shown"
    assert np.isnan(found["conf_low"])


def test_category_has_a_share_of_each_code(sources: dict[str, Any]) -> None:
    rows, design = first_wave(sources["panel"])
    found = estimate(sources, {"share": "size"}).set_index("code")
    assert_same(found.loc["l"], estimate_proportion(rows["size"] == "l", design), 100)
    assert found["figure_label"].tolist() == ["small", "large"]


def test_firms_without_a_weight_are_left_out_and_counted(sources: dict[str, Any]) -> None:
    sources["panel"].loc[:9, ["weight", "stratum", "stratum_size"]] = np.nan
    assert estimate(sources, {"mean": "staff"}).loc["", "n"] == 50
    assert "10 firm-waves without a weight are left out." in make_table(sources, {"mean": "staff"}).notes


def test_wave_without_weights_is_said(sources: dict[str, Any]) -> None:
    sources["panel"].loc[:59, ["weight", "stratum", "stratum_size"]] = np.nan
    assert estimate(sources, {"mean": "staff"}).loc["", "cell"] == "no weights"
    notes = make_table(sources, {"mean": "staff"}).notes
    assert "No firm of 2021 has a weight, so nothing is estimated there." in notes


def test_study_without_weights_counts_firms_the_same_and_says_so(sources: dict[str, Any]) -> None:
    sources["panel"] = sources["panel"].drop(columns=["weight", "stratum", "stratum_size"])
    first = sources["panel"].query("wave == 1")["staff"]
    found = estimate(sources, {"mean": "staff"}).loc["", ["estimate", "std_error"]].astype(float)
    np.testing.assert_allclose(found, [first.mean(), first.std() / np.sqrt(60)], rtol=1e-12)
    assert any("The study has no weights" in note for note in make_table(sources, {"mean": "staff"}).notes)


def test_variable_that_a_wave_did_not_ask_is_empty(sources: dict[str, Any]) -> None:
    sources["panel"].loc[:59, "staff"] = np.nan
    assert estimate(sources, {"mean": "staff"}, by="size")["cell"].tolist() == ["empty"] * 3


def test_ratio_over_a_denominator_of_0_is_not_estimated(sources: dict[str, Any]) -> None:
    sources["panel"]["staff"] = 0.0
    found = estimate(sources, {"ratio": {"numerator": "sales", "denominator": "staff"}})
    assert found.loc["", "cell"] == "no estimate"


def test_later_wave_moves_nothing_of_an_earlier_one(sources: dict[str, Any]) -> None:
    early = sources | {"panel": sources["panel"].query("wave == 1"), "waves": WAVES.iloc[:1]}
    options = {"estimates": [{"total": "staff"}, {"share": "plan"}, {"share": "size"}], "by": "size"}
    both = summarize(sources, options)[0].query("wave == 1").to_csv(index=False)
    assert both == summarize(early, options)[0].to_csv(index=False)


def test_table_sets_estimate_error_interval_and_number(sources: dict[str, Any]) -> None:
    row = estimate(sources, {"share": "plan"}, by="size").loc["s"]
    table = make_table(sources, {"share": "plan", "label": "Plan"}, by="size")
    assert table.rows[0].cells == ["Plan, %"]
    assert table.rows[2].cells[:3] == [
        "small",
        f"{row['estimate']:.1f} ({row['std_error']:.1f})\n[{row['conf_low']:.1f}, {row['conf_high']:.1f}]",
        "40",
    ]


def test_one_quantile_of_all_firms_stands_in_one_row(sources: dict[str, Any]) -> None:
    table = make_table(sources, {"quantile": {"variable": "staff"}, "unit": "people"})
    assert [row.cells[0] for row in table.rows] == ["Staff: median, people"]
