"""Nominations among respondents: what is kept, and measures against R's igraph, networkx and plain sets."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import networkx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmties.errors import StudyError
from firmties.nominations import (
    build_ties,
    keep_nominations,
    list_weak,
    measure_centralities,
    measure_exposures,
    measure_nominations,
)
from nominations import main as gather

KEYS = ["wave", "firm"]
REFERENCE = Path(__file__).parents[1] / "reference" / "r" / "networks"
VALUES = pd.read_csv(REFERENCE / "values.csv", skipinitialspace=True)
RESPONDENTS = pd.read_csv(REFERENCE / "respondents.csv").assign(wave=1)
EDGES = pd.read_csv(REFERENCE / "nominations.csv").assign(wave=1)
SETTINGS = {"weak_over": "strong"}
EXPOSURES = [
    {"name": "adopted_out", "of": "adopted", "over": "out", "by": "mean"},
    {"name": "adopted_strong", "of": "adopted", "over": "strong", "by": "mean"},
    {"name": "adopted_weak", "of": "adopted", "over": "weak", "by": "mean"},
    {"name": "staff_any", "of": "staff", "over": "any", "by": "mean"},
    {"name": "staff_in", "of": "staff", "over": "in", "by": "sum"},
]


def read_reference(quantity: str) -> pd.Series:
    own = VALUES[(VALUES["part"] == "nominations") & (VALUES["quantity"] == quantity)]
    return own.set_index("unit")["value"].reindex(RESPONDENTS["firm"])


@pytest.mark.parametrize(
    "quantity",
    ["degree_out", "degree_in", "degree_any", "ties_strong", "ties_weak", "reciprocity"],
)
def test_measure_agrees_with_igraph_of_r(quantity: str) -> None:
    measured = measure_nominations(EDGES, RESPONDENTS, KEYS, SETTINGS)[quantity]
    np.testing.assert_allclose(measured, read_reference(quantity), rtol=1e-12, atol=1e-14)


def test_share_of_mutual_nominations_agrees_with_igraph_of_r() -> None:
    measured = measure_nominations(EDGES, RESPONDENTS, KEYS, SETTINGS)
    share = measured["ties_strong"].sum() / measured["degree_out"].sum()
    assert share == pytest.approx(VALUES.loc[VALUES["quantity"] == "share_mutual", "value"].iloc[0], rel=1e-12)


@pytest.mark.parametrize("name", ["betweenness", "closeness"])
def test_centrality_agrees_with_igraph_of_r(name: str) -> None:
    measured = measure_centralities(EDGES, RESPONDENTS, KEYS, [name])[name]
    np.testing.assert_allclose(measured, read_reference(name), rtol=1e-12, atol=1e-14)


def test_weak_ties_over_any_nominations_agree_with_r() -> None:
    measured = measure_nominations(EDGES, RESPONDENTS, KEYS, {"weak_over": "any"})["ties_weak"]
    np.testing.assert_array_equal(measured, read_reference("ties_weak_any"))


@pytest.mark.parametrize("quantity", [entry["name"] for entry in EXPOSURES])
def test_exposure_agrees_with_r(quantity: str) -> None:
    measured = measure_exposures(EDGES, RESPONDENTS, KEYS, EXPOSURES)[quantity]
    np.testing.assert_allclose(measured, read_reference(quantity), rtol=1e-12)


def test_exposure_over_weak_ties_by_any_nominations_agrees_with_r() -> None:
    entry = {"name": "x", "of": "staff", "over": "weak", "by": "sum"}
    measured = measure_exposures(EDGES, RESPONDENTS, KEYS, [entry], weak_over="any")["x"]
    np.testing.assert_array_equal(measured, read_reference("staff_weak_any"))


names = list("abcdefg")
nominations = st.sets(st.sampled_from(list(permutations(names, 2))), min_size=1)


def as_edges(pairs: set[tuple[str, str]]) -> pd.DataFrame:
    return pd.DataFrame(sorted(pairs), columns=["ego", "alter"]).assign(wave=1)


@given(nominations, st.sampled_from(["strong", "any"]), st.integers(min_value=1, max_value=9))
def test_weak_ties_are_those_of_plain_sets(pairs: set[tuple[str, str]], over: str, most: int) -> None:
    near = {name: {b for a, b in pairs if a == name} | {a for a, b in pairs if b == name} for name in names}
    strong = {name: {b for a, b in pairs if a == name and (b, a) in pairs} for name in names}
    step = strong if over == "strong" else near
    expected = {(name, far) for name in names for middle in step[name] for far in step[middle] - near[name] - {name}}
    ties = build_ties(as_edges(pairs), pd.Index(names))
    found = {
        (names[rows.start + i], names[j])
        for rows, block in list_weak(ties, over, most)
        for i, j in zip(*block.nonzero(), strict=True)
    }
    assert found == expected


@given(nominations)
def test_strong_and_weak_ties_go_both_ways(pairs: set[tuple[str, str]]) -> None:
    ties = build_ties(as_edges(pairs), pd.Index(names))
    weak = np.vstack([block.toarray() for _, block in list_weak(ties, "strong")])
    assert (weak == weak.T).all()
    assert (ties.strong != ties.strong.T).nnz == 0


@given(nominations)
def test_nominations_made_are_as_many_as_received(pairs: set[tuple[str, str]]) -> None:
    firms = pd.DataFrame({"wave": 1, "firm": names})
    measured = measure_nominations(as_edges(pairs), firms, KEYS, {})
    assert measured["degree_out"].sum() == measured["degree_in"].sum() == len(pairs)


@given(nominations)
def test_closeness_agrees_with_networkx(pairs: set[tuple[str, str]]) -> None:
    graph = networkx.Graph(list(pairs))
    graph.add_nodes_from(names)
    expected = networkx.closeness_centrality(graph)
    firms = pd.DataFrame({"wave": 1, "firm": names})
    measured = measure_centralities(as_edges(pairs), firms, KEYS, ["closeness"])
    assert dict(zip(names, measured["closeness"], strict=True)) == pytest.approx(expected)


class TestKept:
    def keep(self, *rows: tuple[str, str], excluded: tuple[str, ...] = ()) -> tuple[pd.DataFrame, pd.DataFrame]:
        table = pd.DataFrame(rows, columns=["ego", "alter"]).assign(raw_row=range(1, len(rows) + 1))
        return keep_nominations(table, ["a", "b", "c"], excluded, "data/raw/n.csv (wave 1)")

    @pytest.mark.parametrize(
        ("row", "reason"),
        [
            (("a", "a"), "the firm names itself"),
            (("a", ""), "names nobody"),
            (("a", "z"), "of a firm that gave no answer in the wave"),
            (("a", "x"), "of a firm whose response was excluded"),
            (("x", "a"), "by a firm whose response was excluded"),
            (("a", "b"), "names the same firm again"),
        ],
    )
    def test_what_is_left_out_is_told(self, row: tuple[str, str], reason: str) -> None:
        kept, left_out = self.keep(("a", "b"), row, excluded=("x",))
        assert (len(kept), left_out["reason"].tolist()) == (1, [reason])

    def test_a_mutual_nomination_is_no_repetition(self) -> None:
        assert len(self.keep(("a", "b"), ("b", "a"))[0]) == 2

    @pytest.mark.parametrize(
        ("row", "message"),
        [
            (
                ("q", "a"),
                r"n.csv \(wave 1\): 1 firm that names others is in no response of the wave: 'q' \(data rows 2\)",
            ),
            (("", "a"), r"who names is blank in data rows 2"),
        ],
    )
    def test_an_unknown_ego_stops(self, row: tuple[str, str], message: str) -> None:
        with pytest.raises(StudyError, match=message):
            self.keep(("a", "b"), row)

    def test_other_keys_than_the_respondents_stop(self) -> None:
        with pytest.raises(StudyError, match=r"none of the firms that are named is a respondent of the wave: 'A', 'B'"):
            self.keep(("a", "A"), ("b", "B"))


@given(st.lists(st.tuples(st.sampled_from("abx"), st.sampled_from(["a", "b", "x", "z", ""])), min_size=1))
def test_every_row_is_kept_or_told(rows: list[tuple[str, str]]) -> None:
    table = pd.DataFrame([("a", "b"), *rows], columns=["ego", "alter"]).assign(raw_row=0)
    kept, left_out = keep_nominations(table, ["a", "b"], ["x"], "file")
    assert len(kept) + len(left_out) == len(table)
    assert not kept.duplicated().any()


def test_each_wave_is_measured_from_its_own_rows() -> None:
    later = EDGES.iloc[:40].assign(wave=2)
    firms = pd.concat([RESPONDENTS, RESPONDENTS.assign(wave=2)], ignore_index=True)
    both = measure_nominations(pd.concat([EDGES, later]), firms, KEYS, SETTINGS)
    pd.testing.assert_frame_equal(
        both[both["wave"] == 1], measure_nominations(EDGES, RESPONDENTS, KEYS, SETTINGS), check_exact=True
    )


def test_a_wave_without_nominations_has_missing_values() -> None:
    firms = pd.concat([RESPONDENTS, RESPONDENTS.assign(wave=2)], ignore_index=True)
    measured = measure_nominations(EDGES, firms, KEYS, {})
    assert measured.loc[measured["wave"] == 2, "degree_out"].isna().all()


def test_partners_with_a_missing_state_are_left_out_of_the_mean() -> None:
    edges = pd.DataFrame({"wave": 1, "ego": list("aaab"), "alter": list("bcdc")})
    firms = pd.DataFrame({"wave": 1, "firm": list("abcd"), "x": [0.0, 1.0, np.nan, 0.0]})
    measured = measure_exposures(edges, firms, KEYS, [{"name": "m", "of": "x", "over": "out", "by": "mean"}])
    np.testing.assert_array_equal(measured["m"], [0.5, np.nan, np.nan, np.nan])


@pytest.mark.parametrize(("by", "expected"), [("sum", [1, np.nan, 0, 0]), ("any", [1, np.nan, 0, 0])])
def test_who_has_no_ties_is_exposed_to_nothing(by: str, expected: list[float]) -> None:
    edges = pd.DataFrame({"wave": 1, "ego": list("aab"), "alter": list("bcc")})
    firms = pd.DataFrame({"wave": 1, "firm": list("abcd"), "x": pd.array([False, True, None, False], dtype="boolean")})
    measured = measure_exposures(edges, firms, KEYS, [{"name": "m", "of": "x", "over": "out", "by": by}])
    np.testing.assert_array_equal(measured["m"], expected)


def test_any_asks_for_a_number_above_0_and_not_for_their_sum() -> None:
    edges = pd.DataFrame({"wave": 1, "ego": list("aabb"), "alter": list("bcac")})
    firms = pd.DataFrame({"wave": 1, "firm": list("abc"), "x": [-1.0, 2.0, -2.0]})
    measured = measure_exposures(edges, firms, KEYS, [{"name": "m", "of": "x", "over": "out", "by": "any"}])
    np.testing.assert_array_equal(measured["m"], [1, 0, 0])


def test_a_centrality_of_too_many_respondents_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(measure_centralities.__globals__["MOST_RESPONDENTS"], "betweenness", 10)
    with pytest.raises(StudyError, match="betweenness is computed for at most 10 respondents in a wave; wave 1 has 60"):
        measure_centralities(EDGES, RESPONDENTS, KEYS, ["betweenness"])


def test_partners_who_are_respondents_are_nominations(tmp_path: Path) -> None:
    """In place of files, a field of the partners may hold the firm key of another respondent."""
    paths = {name: str(tmp_path / name) for name in ("panel", "ledger", "alters", "kept", "left_out")}
    pd.DataFrame({"wave": [1, 1, 2], "firm": ["a", "b", "a"]}).to_parquet(paths["panel"])
    ledger = pd.DataFrame({"wave": ["1"], "firm": ["x"], "variable": [""]})
    ledger.to_csv(paths["ledger"], index=False)
    partners = pd.DataFrame(
        {"wave": 1, "firm": ["a", "a", "a", "b"], "alter": [1, 2, 3, 1], "key": ["b", "x", None, "a"]}
    )
    partners.to_parquet(paths["alters"])
    told = gather(
        paths["panel"], paths["ledger"], None, paths["alters"], [], {"partner_key": "key"}, "firm", {}, paths["kept"],
        paths["left_out"],
    )  # fmt: skip
    assert pd.read_parquet(paths["kept"]).to_numpy().tolist() == [[1, "a", "b"], [1, "b", "a"]]
    assert pd.read_csv(paths["left_out"])["reason"].tolist() == [
        "of a firm whose response was excluded",
        "names nobody",
    ]
    assert told.startswith("2 nominations in 1 waves; 2 left out")
