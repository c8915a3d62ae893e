"""What firms of each group look like."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from firmties.errors import StudyError
from firmties.exhibits.features.summarize import summarize
from firmties.exhibits.features.tabulate import tabulate

from .exhibit_frames import DICTIONARY, STUDY, WAVES

TRUTHS = pd.DataFrame(
    [
        (name, "panel", label, "boolean", "", "")
        for name, label in (("why__money", "Why: money"), ("why__time", "Why: time"))
    ],
    columns=DICTIONARY.columns,
)
WORDS = pd.concat([DICTIONARY, TRUTHS], ignore_index=True)
OPTIONS: dict[str, Any] = {
    "title": "Features",
    "by": [{"variable": "kind"}, {"variable": "place", "codes": ["up"]}],
    "features": [{"label": "Size", "variables": ["x"], "digits": 1}, {"label": "Why", "variables": ["why"]}],
}


@pytest.fixture
def sources() -> dict[str, Any]:
    random = np.random.default_rng(9)
    panel = pd.DataFrame({"wave": [1, 2] * 100, "firm_id": np.repeat(range(100), 2)})
    panel["kind"] = np.repeat(["a", "b"], 100)
    panel["place"] = ["up", "down"] * 100
    panel["x"] = random.normal(0, 1, 200)
    panel["why__money"] = pd.array(random.random(200) < 0.5, dtype="boolean")
    panel["why__time"] = pd.array([True] * 3 + [False] * 117 + [True] * 80, dtype="boolean")
    return {"panel": panel, "dictionary": WORDS, "waves": WAVES, "study": STUDY}


def find(sources: dict[str, Any], variable: str, code: str, **options: Any) -> pd.Series:
    numbers, _ = summarize(sources, OPTIONS | options)
    return numbers[(numbers["variable"] == variable) & (numbers["code"] == code)].iloc[0]


def test_mean_of_a_group(sources: dict[str, Any]) -> None:
    own = sources["panel"].query("kind == 'b'")["x"]
    assert find(sources, "x", "b")["estimate"] == pytest.approx(own.mean())


def test_error_is_clustered_by_firm(sources: dict[str, Any]) -> None:
    # Both firm-waves of a firm alike: half as many independent values.
    sources["panel"]["x"] = np.repeat(np.random.default_rng(2).normal(0, 1, 100), 2)
    firms = sources["panel"].query("kind == 'b'").drop_duplicates("firm_id")["x"]
    found = find(sources, "x", "b")["std_error"]
    # The factor n / (n - 1) is that of all 100 firms of the design, 50 of which lie outside the group.
    assert found == pytest.approx(firms.std(ddof=0) / np.sqrt(50) * np.sqrt(100 / 99), rel=1e-9)


def test_field_of_several_answers_gives_a_row_a_choice(sources: dict[str, Any]) -> None:
    numbers, notes = summarize(sources, OPTIONS)
    labels = [row.cells[0] for row in tabulate(numbers, notes, OPTIONS).rows]
    assert labels == ["Size", "n", "Strength", "Why", "n", "money, %", "time, %"]


def test_share_of_few_is_hidden_with_the_group_that_would_give_it_away(sources: dict[str, Any]) -> None:
    assert [find(sources, "why__time", code)["cell"] for code in "ab"] == ["suppressed", "suppressed"]


@pytest.mark.parametrize("variable", ["x", "why__money"])
def test_size_of_a_small_group_is_hidden_with_the_one_that_would_give_it_away(
    sources: dict[str, Any], variable: str
) -> None:
    sources["panel"]["kind"] = ["c"] * 3 + ["a"] * 117 + ["b"] * 80
    assert [pd.isna(find(sources, variable, code)["n"]) for code in "abc"] == [False, True, True]


def test_hidden_size_is_a_cross(sources: dict[str, Any]) -> None:
    sources["panel"]["kind"] = ["c"] * 3 + ["a"] * 117 + ["b"] * 80
    numbers, notes = summarize(sources, OPTIONS)
    assert tabulate(numbers, notes, OPTIONS).rows[1].cells[1:4] == ["×", "117", "×"]


def test_public_study_shows_all(sources: dict[str, Any]) -> None:
    shown = sources | {"study": STUDY | {"minimum_cell": 1}}
    assert find(shown, "why__time", "a")["estimate"] == pytest.approx(3.0)


def test_group_without_firms_is_empty_and_not_zero(sources: dict[str, Any]) -> None:
    assert find(sources, "x", "c")["cell"] == "empty"


def test_feature_without_any_value_is_empty_in_every_group(sources: dict[str, Any]) -> None:
    sources["panel"]["x"] = np.nan
    numbers, notes = summarize(sources, OPTIONS)
    assert set(numbers.loc[numbers["variable"] == "x", "cell"]) == {"empty"}
    assert tabulate(numbers, notes, OPTIONS).rows[1].cells == ["n", "0", "0", "0", "0"]


def test_condition_chooses_the_rows(sources: dict[str, Any]) -> None:
    features = [{"variables": ["x"], "when": "place == 'up'"}]
    own = sources["panel"].query("kind == 'a' and place == 'up'")["x"]
    assert find(sources, "x", "a", features=features)["estimate"] == pytest.approx(own.mean())


def test_condition_with_an_unknown_name_gives_the_nearest(sources: dict[str, Any]) -> None:
    with pytest.raises(StudyError, match="features: 1: when: no variable 'plce'; did you mean 'place'"):
        summarize(sources, OPTIONS | {"features": [{"variables": ["x"], "when": "plce == 'up'"}]})


def test_unknown_code_gives_the_nearest(sources: dict[str, Any]) -> None:
    with pytest.raises(StudyError, match="by: codes: 'u' is no code of place; did you mean 'up'"):
        summarize(sources, OPTIONS | {"by": [{"variable": "place", "codes": ["u"]}]})


def test_weights_are_used_and_firms_without_one_counted(sources: dict[str, Any]) -> None:
    panel = sources["panel"].assign(weight=np.tile([1.0, 3.0], 100), stratum="all")
    panel.loc[:1, "weight"] = np.nan
    numbers, notes = summarize(sources | {"panel": panel}, OPTIONS | {"weights": "weight"})
    own = panel.query("kind == 'a'").dropna(subset="weight")
    found = numbers[(numbers["variable"] == "x") & (numbers["code"] == "a")]["estimate"].iloc[0]
    assert found == pytest.approx(np.average(own["x"], weights=own["weight"]))
    assert notes["remark_left_out"] == "2 firm-waves without a weight are left out."
