"""The figure of item distributions: shares that sum to 100, sides, hidden points, and a layout that holds."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmties.codebook import Variable
from firmties.errors import StudyError
from firmties.exhibits.item_distributions.draw import FULL, NARROW, measure, split_columns
from firmties.exhibits.item_distributions.summarize import group_items, share_out, summarize

from .exhibit_frames import draw_anew, list_texts

CODES = {str(point): {1: "no", 3: "so", 5: "yes"}.get(point, str(point)) for point in range(1, 6)}
WORDS = {"q1": "first", "q2": "second", "q3": "third", "q4": "fourth", "other": "other"}
ITEM = Variable("q", codes=CODES, minimum=1, maximum=5)
SCALES = pd.DataFrame({"name": ["trust"], "label": ["Trust"], "items": [["q1", "q2", "q3"]]})
OPTIONS = {"response_scale": "agree5"}


def make_sources(n=400, **columns):
    draw = np.random.default_rng(2)
    names = ["q1", "q2", "q3", "q4", "other"]
    panel = pd.DataFrame({name: draw.integers(1, 6, n).astype(float) for name in names}).assign(**columns)
    panel["wave"], panel["firm_id"], panel["resp_id"] = np.repeat([1, 2], n // 2), range(n), range(n)
    kinds = pd.DataFrame(np.where(panel[names].isna(), "no_answer", ""), columns=names).assign(wave=panel["wave"])
    codes = "|".join(f"{code}={label}" for code, label in CODES.items())
    codebook = {
        name: Variable(
            name, f"{WORDS[name]} in words", "ordinal", construct="trust" if name != "other" else "elsewhere",
            scale="agree5", codes=CODES, minimum=1, maximum=5, reverse=name == "q3",
        )
        for name in names
    }  # fmt: skip
    dictionary = pd.DataFrame(
        [(name, "panel", f"{WORDS[name]} in words", "ordinal", codes, "", "codebook") for name in names],
        columns=["variable", "table", "label", "type", "codes", "reference", "origin"],
    )
    return {
        "panel": panel, "kinds": kinds, "dictionary": dictionary, "codebook": codebook, "scales": SCALES,
        "waves": pd.DataFrame({"id": [1, 2], "label": ["2021", "2022"]}),
        "study": {"firm": "firm_id", "response": "resp_id", "minimum_cell": 5},
    }  # fmt: skip


def sum_bars(numbers):
    bars = numbers.loc[numbers["part"].isin(["point", "hidden", "missing"])]
    return bars.groupby(["item", "wave"])["percent"].sum().tolist()


def test_bars_sum_to_a_hundred():
    sources = make_sources()
    sources["panel"].loc[:29, "q1"] = np.nan
    sources["kinds"].loc[:29, "q1"] = "refused"
    numbers, _ = summarize(sources, OPTIONS)
    assert sum_bars(numbers) == pytest.approx([100] * 10, abs=1e-9)


@given(st.lists(st.integers(0, 50), min_size=5, max_size=5), st.integers(0, 9), st.sets(st.integers(0, 4)))
def test_bars_sum_to_a_hundred_whatever_is_hidden(counts, n_missing, hidden):
    points = {str(at + 1): None if at in hidden else n for at, n in enumerate(counts)}
    parts = share_out(points, sum(counts), n_missing, ITEM)
    shown = [part["percent"] for part in parts if part["part"] in ("point", "hidden", "missing")]
    assert sum(shown) == pytest.approx(100) or sum(counts) + n_missing == 0


def test_missing_answers_are_of_those_asked():
    parts = share_out(dict.fromkeys(CODES, 19), 95, 5, ITEM)
    assert next(part["percent"] for part in parts if part["part"] == "missing") == 5


def test_sum_of_a_side_is_given_where_all_that_is_hidden_lies_on_it():
    parts = share_out({"1": None, "2": None, "3": 20, "4": 20, "5": 20}, 70, 30, ITEM)
    assert [part["percent"] for part in parts if part["part"] == "below"] == [10]


def test_sums_are_not_given_where_points_of_both_sides_are_hidden():
    parts = share_out({"1": None, "2": 20, "3": 20, "4": 20, "5": None}, 70, 30, ITEM)
    assert [part["percent"] for part in parts if part["part"] in ("below", "above")] == [None, None]


def test_few_answers_are_not_told_apart():
    sources = make_sources()
    values = np.where(sources["panel"].index < 3, 1.0, 4.0)
    numbers, notes = summarize(make_sources(q1=values), OPTIONS)
    assert numbers.loc[(numbers["item"] == "q1") & (numbers["part"] == "point"), "percent"].dropna().ne(1.5).all()
    assert "remark_hidden" in notes


def test_wave_that_did_not_ask_has_one_part():
    sources = make_sources()
    sources["panel"].loc[:199, "q2"] = np.nan
    sources["kinds"].loc[:199, "q2"] = "not_asked"
    numbers, _ = summarize(sources, OPTIONS)
    assert numbers.loc[(numbers["item"] == "q2") & (numbers["wave"] == 1), "part"].tolist() == ["not asked"]


def test_item_of_a_scales_construct_stands_with_the_scale():
    assert group_items(make_sources()["codebook"], SCALES, OPTIONS) == dict.fromkeys(
        ("q1", "q2", "q3", "q4"), "Trust"
    ) | {"other": "elsewhere"}


def test_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(StudyError, match=r"only: 'trusty' is no section.*did you mean 'trust'"):
        group_items(make_sources()["codebook"], SCALES, {**OPTIONS, "only": ["trusty"]})


def test_only_and_omit_choose_items():
    chosen = group_items(make_sources()["codebook"], SCALES, {**OPTIONS, "only": ["trust"], "omit": ["q2"]})
    assert list(chosen) == ["q1", "q3", "q4"]


def test_reverse_items_are_marked():
    numbers, notes = summarize(make_sources(), OPTIONS)
    assert "q3 (R)  third in words" in list_texts(draw_anew("item_distributions", numbers, notes, OPTIONS))


def test_item_in_no_score_is_marked():
    numbers, notes = summarize(make_sources(), OPTIONS)
    assert "q4 ·  fourth in words" in list_texts(draw_anew("item_distributions", numbers, notes, OPTIONS))


def test_constant_item_is_drawn():
    numbers, notes = summarize(make_sources(q1=3.0), OPTIONS)
    assert draw_anew("item_distributions", numbers, notes, OPTIONS).get_size_inches()[1] > 1


def test_item_that_is_all_missing_is_a_hundred_per_cent_missing():
    numbers, _ = summarize(make_sources(q1=np.nan), OPTIONS)
    missing = numbers.loc[(numbers["item"] == "q1") & (numbers["part"] == "missing"), "percent"]
    assert missing.tolist() == [100, 100]


def test_single_group_is_shared_by_the_columns():
    items = [pd.DataFrame({"item": [name]}) for name in "abcd"]
    assert [len(column[0][1]) for column in split_columns([("all", items)], 4, FULL)] == [2, 2]


def test_narrow_columns_hold_more():
    items = [("g", [pd.DataFrame({"item": [str(at)]})] * 4) for at in range(12)]
    assert measure(split_columns(items, 4, NARROW), 4, NARROW) < 0.7 * measure(split_columns(items, 4, FULL), 4, FULL)
