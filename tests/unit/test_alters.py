"""Partners and their pairs from wide columns, and back to the firm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from firmties.alters import aggregate_slots, gather_alters, gather_pairs, join_attributes, keep_named_pairs
from firmties.errors import StudyError

KEYS = ["wave", "firm"]
SETTINGS = {"slots": [1, 2, 3], "columns": "p{alter}_{field}", "pairs": "t{alter_i}{alter_j}", "named_when": "kind"}
PANEL = pd.DataFrame(
    {
        "wave": 1,
        "firm": ["b", "a"],
        **{
            f"p{slot}_kind": pd.Series(kind, dtype="str")
            for slot, kind in {1: ["sme", "sme"], 2: ["sme", None], 3: [None, None]}.items()
        },
        **{f"p{slot}_close": [4.0, 2.0] for slot in (1, 2, 3)},
        "t12": [1.0, 1.0],
        "t13": [1.0, 1.0],
        "t23": [0.0, 0.0],
    }
)
ALTERS = gather_alters(PANEL, SETTINGS, KEYS)


def test_only_named_partners_are_there() -> None:
    assert ALTERS[["firm", "alter"]].values.tolist() == [["a", 1], ["b", 1], ["b", 2]]


def test_only_pairs_of_named_partners_are_there() -> None:
    pairs, _ = keep_named_pairs(gather_pairs(PANEL, SETTINGS, KEYS), ALTERS, KEYS)
    assert pairs.values.tolist() == [[1, "b", 1, 2, 1.0]]


def test_answers_about_unnamed_partners_are_kept_apart() -> None:
    _, left_out = keep_named_pairs(gather_pairs(PANEL, SETTINGS, KEYS), ALTERS, KEYS)
    assert left_out[["firm", "alter_i", "alter_j"]].values.tolist() == [
        ["a", 1, 2], ["a", 1, 3], ["a", 2, 3], ["b", 1, 3], ["b", 2, 3],
    ]  # fmt: skip


def test_a_study_without_pairs_has_none() -> None:
    settings = {key: value for key, value in SETTINGS.items() if key != "pairs"}
    assert len(gather_pairs(PANEL, settings, KEYS)) == 0


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"by": "count"}, [2, 1, 0]),
        ({"by": "mean", "of": "close"}, [4, 2, np.nan]),
        ({"by": "sum", "of": "close"}, [8, 2, np.nan]),
        ({"by": "sd", "of": "close"}, [0, np.nan, np.nan]),
        ({"by": "max", "of": "close"}, [4, 2, np.nan]),
    ],
)
def test_aggregates_keep_firms_that_named_nobody(entry: dict[str, str], expected: list[float]) -> None:
    firm_waves = pd.DataFrame({"wave": 1, "firm": ["b", "a", "nobody"]})
    result = aggregate_slots(ALTERS, firm_waves, [{"name": "x", **entry}], KEYS)
    np.testing.assert_allclose(result["x"], expected)


def test_counts_are_missing_in_a_wave_that_did_not_ask() -> None:
    firm_waves = pd.DataFrame({"wave": [1, 2], "firm": "nobody"})
    counts = aggregate_slots(ALTERS, firm_waves, [{"name": "x", "by": "count"}], KEYS)["x"]
    np.testing.assert_array_equal(counts, [0.0, np.nan])


REFERENCE = Path(__file__).parents[1] / "reference" / "r" / "networks"


@pytest.mark.parametrize(
    ("quantity", "entry"),
    [
        ("herfindahl", {"by": "herfindahl", "of": "dependence"}),
        ("largest_share", {"by": "largest_share", "of": "dependence"}),
        ("blau", {"by": "blau", "of": "kind"}),
        ("iqv", {"by": "iqv", "of": "kind"}),
        ("ei", {"by": "ei", "of": "kind", "against": "own"}),
    ],
)
def test_diversity_agrees_with_r(quantity: str, entry: dict[str, str]) -> None:
    partners = pd.read_csv(REFERENCE / "alters.csv")
    egos = partners[["ego"]].drop_duplicates().assign(own="sme")
    values = pd.read_csv(REFERENCE / "values.csv", skipinitialspace=True)
    expected = values[(values["part"] == "ego") & (values["quantity"] == quantity)].set_index("unit")["value"]
    measured = aggregate_slots(partners, egos, [{"name": "x", **entry}], ["ego"], codes={"kind": 4})
    np.testing.assert_allclose(measured.set_index("ego")["x"].reindex(expected.index), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("at_most", "expected"), [(0.5, 0.0), (0.4, np.nan)])
def test_diversity_is_missing_where_too_many_partners_are_unknown(at_most: float, expected: float) -> None:
    partners = pd.DataFrame({"firm": "a", "kind": ["sme", None]})
    entries = [{"name": "x", "by": "blau", "of": "kind"}]
    measured = aggregate_slots(partners, pd.DataFrame({"firm": ["a"]}), entries, ["firm"], unknown_at_most=at_most)
    np.testing.assert_array_equal(measured["x"], [expected])


def test_shares_of_nothing_are_missing() -> None:
    partners = pd.DataFrame({"firm": "a", "dep": [0.0, 0.0]})
    entries = [{"name": "x", "by": "herfindahl", "of": "dep"}]
    assert aggregate_slots(partners, pd.DataFrame({"firm": ["a"]}), entries, ["firm"])["x"].isna().all()


def test_ei_is_missing_where_the_firms_own_category_is() -> None:
    partners = pd.DataFrame({"firm": "a", "kind": ["sme", "large"]})
    firms = pd.DataFrame({"firm": ["a"], "own": pd.Series([None], dtype="str")})
    entries = [{"name": "x", "by": "ei", "of": "kind", "against": "own"}]
    assert aggregate_slots(partners, firms, entries, ["firm"])["x"].isna().all()


class TestAttributesJoinedByKey:
    partners = pd.DataFrame({"firm": ["b", "a", "a"], "alter": [1, 1, 2], "key": ["x", "y", None]})

    def join(self, attributes: pd.DataFrame) -> tuple[pd.DataFrame, int]:
        return join_attributes(self.partners, attributes, {"key": "id"}, "data/partners.csv")

    def test_rows_keep_their_number_and_order(self) -> None:
        joined, _ = self.join(pd.DataFrame({"id": ["y", "x", "z"], "staff": [1.0, 2.0, 3.0]}))
        assert joined["staff"].fillna(-1).tolist() == [2.0, 1.0, -1.0]

    def test_a_blank_key_joins_nothing(self) -> None:
        joined, without = self.join(pd.DataFrame({"id": ["x", None], "staff": [1.0, 9.0]}))
        assert (joined["staff"].isna().tolist(), without) == ([False, True, True], 2)

    def test_a_repeated_key_stops_with_its_rows(self) -> None:
        attributes = pd.DataFrame({"id": ["y", "x", "x"], "staff": [1.0, 2.0, 2.0]})
        with pytest.raises(StudyError, match=r"row 2: id x, staff 2.0; row 3: id x, staff 2.0"):
            self.join(attributes)


SLOTS = pd.DataFrame(
    {
        "wave": 1,
        "firm": ["a", "a", "a", "b"],
        "state": ["3", "1", None, "1"],
        "why__money": pd.array([True, None, True, True], dtype="boolean"),
        "why__other": pd.array([False, True, True, False], dtype="boolean"),
    }
)
FIRM_WAVES = pd.DataFrame({"wave": 1, "firm": ["a", "b", "c"]})


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"by": "count", "when": "state == '1'"}, [1.0, 1.0, 0.0]),
        ({"by": "mean", "of": "why__other"}, [2 / 3, 0.0, np.nan]),
        ({"by": "sum", "of": "why__other", "when": "state == '3'"}, [0.0, np.nan, np.nan]),
    ],
)
def test_only_rows_that_meet_the_condition_are_aggregated(entry: dict[str, str], expected: list[float]) -> None:
    found = aggregate_slots(SLOTS, FIRM_WAVES, [{"name": "x", **entry}], ["wave", "firm"])
    np.testing.assert_allclose(found["x"], expected)


def test_any_of_several_answers_gives_a_truth_value_a_choice() -> None:
    found = aggregate_slots(SLOTS, FIRM_WAVES, [{"name": "x", "by": "any", "of": "why"}], ["wave", "firm"])
    assert found[["x__money", "x__other"]].astype(object).where(found.notna(), None)[
        ["x__money", "x__other"]
    ].values.tolist() == [
        [True, True],
        [True, False],
        [None, None],
    ]
