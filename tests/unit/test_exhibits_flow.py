"""The flow from the invitation to the analysis."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmties.errors import StudyError
from firmties.estimation import fit_model
from firmties.exhibits.flow.summarize import summarize

from .exhibit_frames import DICTIONARY, STUDY, WAVES, draw_anew, list_texts


def make_sources() -> dict[str, Any]:
    """Two waves: 40 and 30 kept; in each a duplicate, and in the second a test row by nobody invited."""
    kept = [(1, f"f{i}", f"r1{i}") for i in range(40)] + [(2, f"f{i}", f"r2{i}") for i in range(30)]
    panel = pd.DataFrame(kept, columns=["wave", "firm_id", "resp_id"])
    panel["x"] = [i % 7 for i in range(70)]
    panel["growth"] = [None if i < 5 else (i * 13 % 11) / 10 for i in range(70)]
    ledger = pd.DataFrame(
        [
            (1, "d1", "f0", None, "duplicate"),
            (2, "t2", "t", None, "test row"),
            (2, "d2", "f0", None, "duplicate"),
            (2, "r21", "f1", "x", "value"),
        ],
        columns=["wave", "response", "firm", "variable", "rule"],
    )
    sample = panel[["wave", "firm_id"]].assign(sample_type="fresh", disposition="I")
    others = pd.DataFrame(
        [(1, "n1", "fresh", "NC"), (1, "n2", "old", "R"), (2, "n1", "fresh", "UH"), (2, "n3", "fresh", "I")],
        columns=["wave", "firm_id", "sample_type", "disposition"],
    )
    settings = {
        "id": "M1",
        "estimator": "ols",
        "outcomes": ["growth"],
        "samples": ["some"],
        "formula": "x",
        "covariance": {"type": "cluster", "by": "firm_id"},
    }
    return {
        "panel": panel, "ledger": ledger, "sample": pd.concat([sample, others]), "dictionary": DICTIONARY,
        "study": STUDY, "waves": WAVES, "fits": fit_model(settings, panel, DICTIONARY, {}, {"some": "x > 0"}),
    }  # fmt: skip


def make_margins(sizes: dict[int, int]) -> dict[int, dict[str, dict[str, int]]]:
    return {wave: {"size": {"small": size - 7, "large": 7}} for wave, size in sizes.items()}


@pytest.fixture
def numbers() -> pd.DataFrame:
    return summarize(make_sources(), {})[0]


def boxes(numbers: pd.DataFrame, wave: str) -> dict[str, int]:
    rows = numbers.loc[(numbers["wave"] == wave) & (numbers["part"] == "box")]
    return dict(zip(rows["step"], rows["n"], strict=True))


def test_boxes_of_a_wave(numbers: pd.DataFrame) -> None:
    assert boxes(numbers, "1") == {
        "invited": 42,
        "reached": 41,
        "started": 40,
        "read": 41,
        "kept": 40,
        "outcome": 35,
        "analysed": 30,
    }


def test_last_box_of_all_waves_is_the_models_n(numbers: pd.DataFrame) -> None:
    assert boxes(numbers, "all")["analysed"] == make_sources()["fits"][0]["n_obs"]


@pytest.mark.parametrize("wave", ["1", "2", "all"])
def test_every_box_is_the_one_before_less_its_exits(numbers: pd.DataFrame, wave: str) -> None:
    rows = numbers.loc[(numbers["wave"] == wave) & (numbers["step"] != "invited")]
    exits = rows.groupby("step", sort=False)["exits"].sum()
    n = pd.Series(boxes(numbers, wave))
    assert (n.shift(1) - n).dropna().astype(int).to_dict() == exits.astype(int).to_dict()


def test_a_test_row_enters_from_outside(numbers: pd.DataFrame) -> None:
    rows = numbers.loc[(numbers["wave"] == "2") & (numbers["reason"] == "response from outside the firms reached")]
    assert rows["exits"].tolist() == [-1]


def test_complete_case_without_response_is_an_exit(numbers: pd.DataFrame) -> None:
    rows = numbers.loc[
        (numbers["wave"] == "2") & (numbers["reason"] == "complete interview by the sample file, but no response read")
    ]
    assert rows["exits"].tolist() == [1]


def test_rules_keep_the_ledgers_order(numbers: pd.DataFrame) -> None:
    assert numbers.loc[(numbers["wave"] == "all") & (numbers["step"] == "kept"), "reason"].tolist()[:2] == [
        "test row",
        "duplicate",
    ]


def test_invited_are_split_by_kind_of_sample(numbers: pd.DataFrame) -> None:
    rows = numbers.loc[(numbers["wave"] == "1") & (numbers["part"] == "of_which")]
    assert dict(zip(rows["label"], rows["n"], strict=True)) == {"fresh": 41, "old": 1}


def test_the_flow_starts_at_the_frame() -> None:
    numbers = summarize(make_sources() | {"frame_margins": make_margins({1: 100, 2: 90})}, {})[0]
    not_drawn = numbers.loc[numbers["reason"] == "not drawn"].set_index("wave")["exits"].to_dict()
    assert boxes(numbers, "all")["frame"] == 190
    assert not_drawn == {"1": 58, "2": 58, "all": 116}


def test_more_invited_than_the_frame_holds_are_an_entry() -> None:
    numbers = summarize(make_sources() | {"frame_margins": make_margins({1: 30, 2: 90})}, {})[0]
    assert numbers.loc[numbers["reason"] == "invited beyond the frame", "exits"].tolist() == [-12, 0, -12]


def test_sum_begins_where_all_waves_have_a_box() -> None:
    numbers = summarize(make_sources() | {"frame_margins": make_margins({1: 100})}, {})[0]
    assert next(iter(boxes(numbers, "1"))) == "frame"
    assert next(iter(boxes(numbers, "all"))) == "invited"


def test_sum_with_a_sample_file_of_one_wave_begins_at_the_responses() -> None:
    sources = make_sources()
    sources["sample"] = sources["sample"].loc[sources["sample"]["wave"] == 1]
    assert next(iter(boxes(summarize(sources, {})[0], "all"))) == "read"


def test_sample_file_need_not_say_the_kind_of_sample() -> None:
    sources = make_sources()
    sources["sample"] = sources["sample"].drop(columns="sample_type")
    assert "of_which" not in set(summarize(sources, {})[0]["part"])


def test_equal_labels_of_two_variables_are_told_apart() -> None:
    sources = make_sources()
    sources["panel"] = sources["panel"].assign(one=["small", "big"] * 35, two=["big"] * 70)
    numbers = summarize(sources, {"of_which": ["one", "two"]})[0]
    rows = numbers.loc[(numbers["wave"] == "1") & (numbers["step"] == "kept") & (numbers["part"] == "of_which")]
    assert dict(zip(rows["label"], rows["n"], strict=True)) == {"big": 20, "small": 20, "two: big": 40}


def test_kept_and_analysed_are_split_as_asked() -> None:
    sources = make_sources()
    sources["panel"]["status"] = ["partial" if i % 10 == 9 else "complete" for i in range(70)]
    numbers = summarize(sources, {"of_which": ["status"]})[0]
    rows = numbers.loc[(numbers["wave"] == "1") & (numbers["part"] == "of_which") & (numbers["step"] != "invited")]
    assert list(rows[["step", "label", "n"]].itertuples(index=False, name=None)) == [
        ("kept", "complete", 36),
        ("kept", "partial", 4),
        ("analysed", "complete", 26),
        ("analysed", "partial", 4),
    ]


def test_without_sample_files_the_flow_starts_at_the_responses() -> None:
    sources = make_sources()
    del sources["sample"]
    assert next(iter(boxes(summarize(sources, {})[0], "1"))) == "read"


def test_without_a_fitted_model_the_flow_ends_at_the_kept() -> None:
    assert list(boxes(summarize(make_sources() | {"fits": []}, {})[0], "1"))[-1] == "kept"


def test_response_kept_and_removed_is_an_error() -> None:
    sources = make_sources()
    sources["ledger"].loc[0, "response"] = "r10"
    with pytest.raises(StudyError, match=r"response r10 is removed \(duplicate\) and kept"):
        summarize(sources, {})


def test_response_lost_between_flags_and_panel_is_an_error() -> None:
    flags = pd.DataFrame({"wave": [1], "response": ["r199"]})
    with pytest.raises(StudyError, match="response r199 is neither kept nor removed"):
        summarize(make_sources() | {"flags": flags}, {})


def test_figure_names_the_waves(numbers: pd.DataFrame) -> None:
    assert {"2021", "2022", "All waves"} <= {
        text.replace("\n", " ") for text in list_texts(draw_anew("flow", numbers, {}, {}))
    }


def test_yes_and_no_follow_the_name_of_their_variable() -> None:
    sources = make_sources()
    sources["panel"] = sources["panel"].assign(new=pd.array([True, False] * 35, dtype="boolean"))
    numbers = summarize(sources, {"of_which": ["new"]})[0]
    rows = numbers.loc[(numbers["wave"] == "1") & (numbers["step"] == "kept") & (numbers["part"] == "of_which")]
    assert dict(zip(rows["label"], rows["n"], strict=True)) == {"new: no": 20, "new: yes": 20}


RULES = ["test row", "no consent", "not eligible", "duplicate", "careless"]
DISPOSITIONS = ["I", "P", "R", "NC", "O", "UH", "UO", "NE"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([1, 2]),
            st.one_of(st.none(), st.sampled_from(RULES)),  # the rule by which a response went; None: it was kept
            st.one_of(st.none(), st.sampled_from(DISPOSITIONS)),  # what the sample file says; None: not invited
        ),
        max_size=40,
    ),
    st.lists(st.tuples(st.sampled_from([1, 2]), st.sampled_from(DISPOSITIONS)), max_size=15),
    st.lists(st.sampled_from(RULES), max_size=6),
)
def test_boxes_add_up_for_any_ledger(
    responses: list[tuple[int, str | None, str | None]], silent: list[tuple[int, str]], again: list[str]
) -> None:
    """In = kept + each reason, on each level, whatever ledger, sample file and further responses of a firm hold."""
    firms = [f"f{number}" for number in range(len(responses))]
    kept = [(wave, firm, f"r-{firm}") for firm, (wave, rule, _) in zip(firms, responses, strict=True) if rule is None]
    gone = [(w, f"r-{f}", f, None, rule) for f, (w, rule, _) in zip(firms, responses, strict=True) if rule is not None]
    # Further responses of the first firm, which went too.
    gone += [(responses[0][0], f"d{n}", firms[0], None, rule) for n, rule in enumerate(again) if responses]
    invited = [(wave, firm, code) for firm, (wave, _, code) in zip(firms, responses, strict=True) if code is not None]
    invited += [(wave, f"s{number}", code) for number, (wave, code) in enumerate(silent)]
    numbers, _ = summarize(
        {
            "panel": pd.DataFrame(kept, columns=["wave", "firm_id", "resp_id"]).astype({"wave": int}),
            "ledger": pd.DataFrame(gone, columns=["wave", "response", "firm", "variable", "rule"]),
            "sample": pd.DataFrame(invited, columns=["wave", "firm_id", "disposition"]).assign(sample_type="fresh"),
            "dictionary": DICTIONARY, "study": STUDY, "waves": WAVES, "fits": [],
        },
        {},
    )  # fmt: skip
    for wave in ("1", "2"):
        rows = numbers[numbers["wave"] == wave]
        found = boxes(numbers, wave)
        reasons = rows[(rows["part"] == "exit") & (rows["step"] == "kept")]
        of_wave = [rule for w, _, _, _, rule in gone if str(w) == wave]
        assert found["read"] == found["kept"] + len(of_wave)
        assert found["kept"] == sum(str(w) == wave for w, _, _ in kept)
        taken = reasons[reasons["exits"] != 0]
        assert dict(zip(taken["reason"], taken["exits"], strict=True)) == dict(Counter(of_wave))
        steps = rows.groupby("step", sort=False)["exits"].sum()
        sizes = list(found.items())
        for (_, above), (step, below) in pairwise(sizes):
            assert above - below == int(steps.get(step, 0))


def impute() -> dict[str, Any]:
    """The sources with growth imputed in two sets."""
    from firmties.pooled_models import pool_fits

    sources = make_sources()
    complete = sources["fits"]
    settings = {
        "id": "M1", "estimator": "ols", "outcomes": ["growth"], "samples": ["some"], "formula": "x",
        "covariance": {"type": "cluster", "by": "firm_id"},
    }  # fmt: skip
    panels = [sources["panel"].assign(growth=sources["panel"]["growth"].fillna(value)) for value in (0.1, 0.4)]
    each = [fit_model(settings, panel, DICTIONARY, {}, {"some": "x > 0"}) for panel in panels]
    sets = [(own, {"panel": panel}) for own, panel in zip(each, panels, strict=True)]
    return sources | {"fits": pool_fits(each), "fits_complete": complete, "sets": lambda: iter(sets)}


def test_complete_cases_stand_before_those_with_imputed_answers() -> None:
    numbers = summarize(impute(), {})[0]
    assert boxes(numbers, "1")["complete"] == boxes(summarize(make_sources(), {})[0], "1")["analysed"]


def test_last_box_counts_the_rows_of_the_imputed_model() -> None:
    assert boxes(summarize(impute(), {})[0], "all")["analysed"] == impute()["fits"][0]["n_obs"]


def test_imputed_answers_enter_before_the_last_box() -> None:
    numbers = summarize(impute(), {})[0]
    row = numbers.loc[(numbers["wave"] == "1") & (numbers["reason"] == "answers imputed")]
    # Of the five without growth one has x = 0 and is outside the sample.
    assert row["exits"].tolist() == [-4]
