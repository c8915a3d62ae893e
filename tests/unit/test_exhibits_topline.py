"""The topline."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmties.exhibits.topline.summarize import hide_answers, summarize
from firmties.exhibits.topline.tabulate import tabulate


@pytest.fixture
def sources():
    panel = pd.DataFrame(
        {
            "wave": [1, 1, 1, 2],
            "firm": list("abcd"),
            "mood": pd.array([1, 2, None, 2], dtype="Int64"),
            "use__mail": pd.array([True, False, None, True], dtype="boolean"),
            "use__call": pd.array([True, True, None, False], dtype="boolean"),
            "age": [3.0, 5.0, None, None],
            "p1_kind": ["x", "y", None, "x"],
            "p2_kind": ["x", None, None, None],
            "name": ["n"] * 4,
        }
    )
    kinds = panel.notna().map(lambda there: "" if there else "refused").assign(wave=panel["wave"], firm=panel["firm"])
    kinds.loc[3, "age"] = "not_asked"
    names = ["mood", "use__mail", "use__call", "age", "p1_kind", "p2_kind", "name"]
    dictionary = pd.DataFrame(
        {
            "variable": names,
            "table": "panel",
            "label": ["Mood", "Used: mail", "Used: call", "Age", "partner 1: kind", "partner 2: kind", "Name"],
            "type": ["ordinal", "boolean", "boolean", "number", "category", "category", "text"],
            "codes": ["1=bad|2=good", "", "", "", "x=firm|y=other", "x=firm|y=other", ""],
            "origin": "codebook",
        }
    )
    waves = pd.DataFrame({"id": [1, 2], "label": ["2021", "2022"]})
    return {
        "panel": panel,
        "kinds": kinds,
        "dictionary": dictionary,
        "waves": waves,
        "study": {"firm": "firm", "minimum_cell": 1},
    }


def find(numbers, question, row, wave=1):
    rows = numbers.loc[(numbers["question"] == question) & (numbers["row"] == row) & (numbers["wave"] == wave)]
    return rows[["value", "share"]].iloc[0].tolist()


def test_shares_of_answers_are_of_those_who_answered(sources):
    assert find(summarize(sources, {})[0], "mood", "2 good") == [1, 0.5]


def test_missing_is_counted_by_kind(sources):
    assert find(summarize(sources, {})[0], "mood", "Refused") == [1, pytest.approx(1 / 3)]


def test_choices_are_shares_of_those_who_answered_the_question(sources):
    assert find(summarize(sources, {})[0], "use", "call") == [2, 1.0]


def test_numbers_have_mean_and_sd(sources):
    assert find(summarize(sources, {})[0], "age", "Mean, SD") == [4.0, pytest.approx(2**0.5)]


def test_slots_are_taken_together(sources):
    assert find(summarize(sources, {})[0], "p1_kind … p2_kind", "firm") == [2, pytest.approx(2 / 3)]


def test_answers_and_missing_add_up_to_all(sources):
    numbers, _ = summarize(sources, {})
    mood = numbers.loc[(numbers["question"] == "mood") & (numbers["wave"] == 1)]
    assert mood.loc[mood["part"].isin(["answered", "missing"]), "value"].sum() == 3


def test_wave_that_did_not_ask_is_marked_not_zero(sources):
    numbers, notes = summarize(sources, {})
    table = tabulate(numbers, notes, {"title": "T"})
    place = next(at for at, row in enumerate(table.rows) if row.cells[0] == "Age (age)")
    assert table.rows[place + 1].cells[3:] == ["not asked", ""]


def test_texts_are_counted_not_shown(sources):
    numbers, notes = summarize(sources, {})
    assert ("name" in set(numbers["question"]), notes["n_not_shown"]) == (False, 1)


@pytest.fixture
def of_few():
    """Sixty answers a wave: three call the mood bad in wave 1, two do not use mail, one was refused."""
    panel = pd.DataFrame({"wave": [1] * 60 + [2] * 60, "firm": [f"f{at}" for at in range(60)] * 2})
    panel["mood"] = pd.array(
        ([1] * 3 + [2] * 20 + [3] * 36 + [None]) * 1 + [1] * 20 + [2] * 20 + [3] * 20, dtype="Int64"
    )
    panel["use__mail"] = pd.array([False] * 2 + [True] * 58 + [True, False] * 30, dtype="boolean")
    panel["patents"] = [0.0] * 57 + [1.0] * 3 + [0.0, 1.0] * 30
    kinds = panel.notna().map(lambda there: "" if there else "refused")
    words = pd.DataFrame({"variable": ["mood", "use__mail", "patents"], "label": ["Mood", "Used: mail", "Patents"]})
    words["table"], words["origin"] = "panel", "codebook"
    words["type"], words["codes"] = ["ordinal", "boolean", "number"], ["1=bad|2=fair|3=good", "", ""]
    waves = pd.DataFrame({"id": [1, 2], "label": ["2021", "2022"]})
    study = {"firm": "firm", "minimum_cell": 5}
    return summarize({"panel": panel, "kinds": kinds, "dictionary": words, "waves": waves, "study": study}, {})


def hidden_of(numbers, question):
    rows = numbers.loc[(numbers["question"] == question) & numbers["part"].isin(["answer", "choice"])]
    return [(row, wave) for row, wave, value in rows[["row", "wave", "value"]].to_numpy() if pd.isna(value)]


def test_small_answer_is_hidden_with_what_would_give_it_away(of_few):
    assert hidden_of(of_few[0], "mood") == [("1 bad", 1), ("1 bad", 2), ("2 fair", 1), ("2 fair", 2)]


def test_choice_that_nearly_all_made_is_hidden(of_few):
    assert ("mail", 1) in hidden_of(of_few[0], "use")


def test_mean_of_two_values_one_of_them_few_is_hidden(of_few):
    assert pd.isna(find(of_few[0], "patents", "Mean, SD")[0])


def test_reason_of_few_is_not_named(of_few):
    rows = of_few[0].loc[of_few[0]["part"] == "missing", ["row", "value"]]
    assert rows.to_numpy().tolist() == [["Reason not shown (few)", 1]]


def test_table_prints_hidden(of_few):
    table = tabulate(*of_few, {"title": "T"})
    assert next(row.cells for row in table.rows if row.cells[0] == "1 bad") == ["1 bad", "hidden", "", "hidden", ""]


@given(st.lists(st.lists(st.integers(0, 30), min_size=3, max_size=3), min_size=2, max_size=4))
@settings(max_examples=60)
def test_further_wave_moves_nothing_that_is_hidden_or_shown_of_an_earlier_one(waves):
    def hide(counts):
        answers = [("answer", label, numbers) for label, numbers in zip("abc", np.array(counts).T, strict=True)]
        return [hidden.tolist() for hidden in hide_answers(answers, np.array(counts).sum(axis=1), 5)]

    assert [hidden[:-1] for hidden in hide(waves)] == hide(waves[:-1])
