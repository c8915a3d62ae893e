"""Listings."""

import pandas as pd
import pytest

from firmties.errors import StudyError
from firmties.exhibits.listing.summarize import summarize
from firmties.exhibits.listing.tabulate import tabulate


@pytest.fixture
def listing():
    return pd.DataFrame(
        {"firm": ["A", "B"], "status": ["stated", None], "share": ["0.30", "-1"], "form": ["x", "y"]}, dtype="str"
    )


def test_unknown_column_is_refused(listing):
    with pytest.raises(StudyError, match="no column 'stat'; did you mean 'status'"):
        summarize({"listing": listing}, {"file": "cases.csv", "columns": ["stat"]})


def test_text_stays_as_it_was_written(listing):
    numbers, notes = summarize({"listing": listing}, {"file": "cases.csv"})
    assert tabulate(numbers, notes, {"title": "T"}).rows[0].cells[2] == "0.30"


def test_empty_cell_stays_empty(listing):
    numbers, notes = summarize({"listing": listing}, {"file": "cases.csv"})
    assert tabulate(numbers, notes, {"title": "T"}).rows[1].cells[1] == ""


def test_numbers_stand_to_the_right(listing):
    numbers, notes = summarize({"listing": listing}, {"file": "cases.csv"})
    assert tabulate(numbers, notes, {"title": "T"}).sides == "llrl"


def test_groups_head_their_rows(listing):
    options = {"file": "cases.csv", "columns": ["firm"], "group": "form", "labels": {"firm": "Firm"}}
    numbers, notes = summarize({"listing": listing}, options)
    assert [row.cells for row in tabulate(numbers, notes, {"title": "T", **options}).rows] == [
        ["x"],
        ["A"],
        ["y"],
        ["B"],
    ]


@pytest.mark.parametrize(
    ("given", "shown"), [(["353664", "741"], "353,664"), (["2013", "1999"], "2013"), (["0012345", "7"], "0012345")]
)
def test_thousands_are_separated_but_not_in_years_and_codes(listing, given, shown):
    numbers, notes = summarize({"listing": listing.assign(share=given)}, {"file": "cases.csv"})
    assert tabulate(numbers, notes, {"title": "T"}).rows[0].cells[2] == shown
