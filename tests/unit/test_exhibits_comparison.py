"""Published beside computed."""

import pandas as pd
import pytest

from firmties.errors import StudyError
from firmties.exhibits.comparison.summarize import agrees, summarize
from firmties.exhibits.comparison.tabulate import tabulate


@pytest.fixture
def sources():
    keys = {"model": ["m", "m"], "outcome": "y", "sample": ["all", "w1"], "block": ""}
    published = {
        "table": "Table 1", "row": ["Mentee", "Mentee", "N"], "column": ["All", "All", "All"], "model": "m",
        "outcome": "y", "sample": "all", "block": "", "term": ["treat[4]", "treat[4]", ""],
        "quantity": ["estimate", "std_error", "n_obs"],
        "published": ["−371.80", "0.32", "2,578"], "note": ["", "A misprint.", ""],
    }  # fmt: skip
    return {
        "published": pd.DataFrame(published),
        "estimates": pd.DataFrame(
            {**keys, "term": "treat[4]", "estimate": [-371.7961, 1.0], "std_error": [282.78, 2.0]}
        ),
        "models": pd.DataFrame({**keys, "n_obs": [2578, 345], "r_squared": [0.1075, 0.2]}),
    }


@pytest.mark.parametrize(
    ("computed", "printed", "same"),
    [
        (0.1075, ".108", True),
        (0.1075, ".107", True),
        (0.1086, ".108", False),
        (-95.437, "−95.44", True),
        (0.2, "0.20", True),
    ],
)
def test_agreement_at_the_printed_digits(computed, printed, same):
    assert agrees(computed, printed) is same


def test_status_of_each_cell(sources):
    assert summarize(sources, {})[0]["status"].tolist() == ["agrees", "differs", "agrees"]


def test_count_of_agreeing_cells_is_printed(sources):
    numbers, notes = summarize(sources, {})
    assert tabulate(numbers, notes, {"title": "T"}).notes[0].startswith("2 of 3 published numbers agree")


def test_disagreement_is_marked_in_words(sources):
    numbers, notes = summarize(sources, {})
    assert ["computed standard error", "282.78\ndiffers"] in [
        row.cells for row in tabulate(numbers, notes, {"title": "T"}).rows
    ]


def test_note_of_a_disagreement_is_printed(sources):
    numbers, notes = summarize(sources, {})
    expected = "Table 1, Mentee, All, standard error: published 0.32, computed 282.78. A misprint."
    assert tabulate(numbers, notes, {"title": "T"}).notes[1] == expected


def test_result_that_is_not_there_is_not_computed(sources):
    sources["published"].loc[0, "term"] = "treat[9]"
    assert summarize(sources, {})[0]["status"].iloc[0] == "not computed"


def test_unknown_quantity_is_refused_with_its_line(sources):
    sources["published"].loc[1, "quantity"] = "std_eror"
    with pytest.raises(StudyError, match=r"line 3: quantity 'std_eror': did you mean 'std_error'"):
        summarize(sources, {})


def test_ambiguous_keys_are_refused(sources):
    sources["published"]["sample"] = ""
    with pytest.raises(StudyError, match="2 results match"):
        summarize(sources, {})
