"""The topline."""

import pandas as pd
import pytest

from firmties.exhibits.topline.summarize import summarize
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
    return {"panel": panel, "kinds": kinds, "dictionary": dictionary, "waves": waves, "study": {"firm": "firm"}}


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
