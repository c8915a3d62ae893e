"""The table of questions asked twice."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from firmties.agreement import compute_kappa
from firmties.errors import StudyError
from firmties.exhibits.agreement.summarize import summarize
from firmties.exhibits.agreement.tabulate import tabulate

from .exhibit_frames import STUDY, WAVES

CODES = "1=large firm|2=our firm"
DICTIONARY = pd.DataFrame(
    [("mover", "panel", "Who began", "category", CODES, "1"), ("again", "panel", "Who", "category", CODES, "1")],
    columns=["variable", "table", "label", "type", "codes", "reference"],
)
OPTIONS = {"pairs": [{"first": "mover", "again": "again"}], "title": "Asked twice"}


def make_sources(second: list[str | None], **changes: Any) -> dict[str, Any]:
    first = (["1", "2"] * 30)[: len(second)]
    panel = pd.DataFrame({"wave": 1, "firm_id": range(len(second)), "mover": first, "again": second})
    return {"panel": panel, "dictionary": DICTIONARY, "waves": WAVES, "study": STUDY} | changes


MOSTLY: list[str | None] = [*(["1", "2"] * 15), *["1"] * 6]


def test_each_wave_and_all_waves_have_a_row() -> None:
    numbers, _ = summarize(make_sources(MOSTLY), OPTIONS)
    assert numbers["wave_label"].tolist() == ["2021", "2022", "All waves"]


def test_kappa_is_that_of_the_answers() -> None:
    sources = make_sources(MOSTLY)
    numbers, _ = summarize(sources, OPTIONS)
    found = compute_kappa(sources["panel"]["mover"], sources["panel"]["again"])
    assert numbers["kappa"].iloc[0] == found.kappa


def test_wave_that_did_not_ask_both_says_so() -> None:
    numbers, notes = summarize(make_sources(MOSTLY), OPTIONS)
    assert tabulate(numbers, notes, OPTIONS).rows[2].cells[:3] == ["2022", "0", "not asked together"]


def test_questions_never_asked_together_have_no_kappa() -> None:
    numbers, notes = summarize(make_sources([None] * 20), OPTIONS)
    assert set(numbers["state"]) == {"not asked together"}
    assert notes["n_firms"] == 0


def test_kappa_of_few_firms_is_not_shown() -> None:
    numbers, _ = summarize(make_sources(["1", "2"] * 4), OPTIONS)
    assert (numbers["state"].iloc[0], numbers["kappa"].isna().all()) == ("few", True)


def test_one_code_throughout_is_said() -> None:
    sources = make_sources(["1"] * 20)
    sources["panel"]["mover"] = "1"
    assert summarize(sources, OPTIONS)[0]["state"].iloc[0] == "one code"


@pytest.mark.parametrize(("codes", "word"), [("1=large firm|3=nobody", "3"), ("1=large firm", "2")])
def test_different_codes_are_refused(codes: str, word: str) -> None:
    words = DICTIONARY.assign(codes=[CODES, codes])
    with pytest.raises(
        StudyError, match=f"'mover' and 'again' do not have the same codes: '{word}' stands in one only"
    ):
        summarize(make_sources(MOSTLY, dictionary=words), OPTIONS)
