"""The attrition table."""

import numpy as np
import pandas as pd
import pytest

from firmties.exhibits.attrition.summarize import summarize, withhold
from firmties.exhibits.attrition.tabulate import tabulate
from firmties.panel import compare_groups

WORDS = pd.DataFrame(columns=["variable", "table", "label", "type", "codes", "reference"])


def make(rows, waves=(1, 2)):
    return {
        "panel": pd.DataFrame(rows, columns=["wave", "firm", "x"]),
        "waves": pd.DataFrame({"id": waves, "label": [str(wave) for wave in waves]}),
        "dictionary": WORDS,
        "study": {"firm": "firm", "minimum_cell": 1},
    }


def value(numbers, section, key, column="value"):
    return numbers.loc[numbers["section"].str.startswith(section) & (numbers["key"] == key), column].item()


FIRST = [(1, f"f{at}", float(at % 2)) for at in range(40)]
# Of firms with x = 0 five of 20 leave, of those with x = 1 ten of 20.
LEFT = {*[f"f{at}" for at in range(0, 10, 2)], *[f"f{at}" for at in range(1, 21, 2)]}
SECOND = [(2, firm, x) for _, firm, x in FIRST if firm not in LEFT] + [(2, f"n{at}", at / 2) for at in range(4)]


def test_logit_of_staying_is_the_log_odds_ratio():
    numbers, _ = summarize(make(FIRST + SECOND), {"variables": ["x"]})
    assert value(numbers, "Logit", "x") == pytest.approx(np.log((10 / 10) / (15 / 5)))


def test_smd_of_stayers_by_hand():
    # Shares 10 / 25 and 10 / 15; variances with n - 1.
    numbers, _ = summarize(make(FIRST + SECOND), {"variables": ["x"]})
    v, w = 0.24 * 25 / 24, (2 / 9) * 15 / 14
    assert value(numbers, "Stayers", "x") == pytest.approx((0.4 - 2 / 3) / ((v + w) / 2) ** 0.5)


def test_refreshment_is_compared_with_the_panel():
    numbers, _ = summarize(make(FIRST + SECOND), {"variables": ["x"], "refreshment": ["x"]})
    assert (value(numbers, "Panel", "x", "n_1"), value(numbers, "Panel", "x", "n_2")) == (25, 4)


def test_answers_by_open_link_are_no_refreshment():
    sources = make(FIRST + SECOND)
    firms = [firm for wave, firm, _ in SECOND]
    kinds = ["open" if firm == "n0" else "drawn" for firm in firms]
    sources["sample"] = pd.DataFrame({"wave": 2, "firm": firms, "sample_type": kinds, "disposition": "I"})
    numbers, _ = summarize(sources, {"variables": ["x"], "refreshment": ["x"], "open_link": ["open"]})
    assert value(numbers, "Panel", "x", "n_2") == 3


def test_merged_firm_is_counted_as_closed_and_said_in_words():
    sources = make(FIRST + SECOND)
    sources["successors"] = pd.DataFrame({"wave": [2], "firm": ["f0"], "followed_as": ["f3"], "how": ["merged"]})
    numbers, notes = summarize(sources, {"variables": ["x"]})
    found = (value(numbers, "Firms", "left"), value(numbers, "Firms", "closed"), notes["remark_merged"])
    assert found == (14, 1, "Of the closed, 1 firm merged into another firm.")


def test_large_difference_from_refreshment_is_marked():
    # Means .4 and .75, variances .25 and .417: SMD -.61.
    table = tabulate(
        *summarize(make(FIRST + SECOND), {"variables": ["x"], "refreshment": ["x"]}), {"title": "Attrition"}
    )
    assert table.rows[-1].cells[-1].endswith("large")


def test_closed_firms_are_no_leavers():
    sources = make(FIRST + SECOND)
    sources["sample"] = pd.DataFrame({"wave": [2, 2], "firm": ["f0", "f2"], "disposition": ["NE", "R"]})
    numbers, _ = summarize(sources, {"variables": ["x"], "closed": ["NE"]})
    assert (value(numbers, "Firms", "left"), value(numbers, "Firms", "closed")) == (14, 1)


def test_nobody_stayed_is_said_in_words():
    numbers, _ = summarize(make(FIRST), {"variables": ["x"]})
    assert value(numbers, "Logit", "n_obs", "reason") == "all left"


def test_all_stayed_is_said_in_words():
    rows = FIRST + [(2, firm, x) for _, firm, x in FIRST]
    numbers, _ = summarize(make(rows), {"variables": ["x"]})
    assert value(numbers, "Logit", "n_obs", "reason") == "all stayed"


def test_one_wave_gives_a_table_with_a_remark():
    numbers, notes = summarize(make(FIRST, (1,)), {"variables": ["x"]})
    table = tabulate(numbers, notes, {"title": "Attrition"})
    assert (list(table.rows), "one wave only" in " ".join(table.notes)) == ([], True)


def test_without_sample_files_the_table_says_what_it_cannot_give():
    _, notes = summarize(make(FIRST + SECOND), {"variables": ["x"]})
    assert notes["remark_sample"].endswith("closed firms cannot be told from leavers.")


def test_without_sample_files_the_closed_are_a_gap_and_no_zero():
    numbers, _ = summarize(make(FIRST + SECOND), {"variables": ["x"], "closed": ["NE"]})
    assert pd.isna(value(numbers, "Firms", "closed"))


def test_reference_of_a_category_is_named():
    sources = make(FIRST + SECOND)
    sources["panel"] = sources["panel"].assign(x=sources["panel"]["x"].map(lambda x: "a" if x < 1 else "b"))
    sources["dictionary"] = pd.DataFrame(
        [
            {
                "variable": "x",
                "table": "panel",
                "label": "Form",
                "type": "category",
                "codes": "a=single|b=hybrid",
                "reference": "a",
            }
        ]
    )
    _, notes = summarize(sources, {"variables": ["x"]})
    assert notes["remark_reference"] == "References of the logit: Form: single."


def test_difference_of_a_code_that_few_leavers_have_is_hidden():
    first = pd.DataFrame({"place": ["n"] * 30 + ["s"] * 20 + ["w"] * 10})
    second = pd.DataFrame({"place": ["n"] * 30 + ["s"] * 20 + ["w"] * 2})
    rows = withhold(compare_groups(first, second, ["place"], WORDS), [first, second], WORDS, 5)
    assert {row["key"]: row["smd"] is None for row in rows} == {
        "place[n]": False,
        "place[s]": True,
        "place[w]": True,
    }


@pytest.mark.parametrize(("origin", "hidden"), [("codebook", {"place[s]", "place[w]"}), ("derived", set())])
def test_code_that_few_closed_firms_have_is_hidden(origin, hidden):
    # The topline gives all of the wave, so stayers and leavers would give the two closed firms of w.
    first, second, closed = (
        pd.DataFrame({"place": ["n"] * n + ["s"] * s + ["w"] * w})
        for n, s, w in ((30, 20, 10), (30, 20, 12), (20, 9, 2))
    )
    words = pd.DataFrame({"variable": ["place"], "label": ["Place"], "codes": [""], "origin": [origin]})
    rows = withhold(compare_groups(first, second, ["place"], words), [first, second, closed], words, 5)
    assert {row["key"] for row in rows if row["smd"] is None} == hidden


@pytest.mark.parametrize(("stayers", "word"), [(0, "–"), (2, "hidden")])
def test_difference_without_variance_is_not_called_hidden(stayers, word):
    sources = make([(wave, firm, x) for wave, firm, x in FIRST + SECOND])
    ones = [firm for wave, firm, _ in SECOND if firm.startswith("f")][:stayers]
    sources["panel"]["x"] = sources["panel"]["firm"].isin(ones).astype(float)
    sources["study"] = {"firm": "firm", "minimum_cell": 5}
    table = tabulate(*summarize(sources, {"variables": ["x"]}), {"title": "Attrition"})
    assert table.rows[-1].cells[-1] == word


def make_weighted():
    """Of panel firms in wave 2 three in four lie in the north, of new ones one in four; x differs by place alone."""
    kept = [(2, f"f{at}", at % 4 != 0) for at in range(40)]
    new = [(2, f"n{at}", at % 4 == 0) for at in range(40)]
    sources = make(
        FIRST + [(wave, firm, float(north) + at % 2 / 10) for at, (wave, firm, north) in enumerate(kept + new)]
    )
    sources["panel"] = sources["panel"].assign(weight=1.0, stratum="all", stratum_size=1000.0)
    places = [(firm, "north" if north else "south") for _, firm, north in kept + new]
    sources["sample"] = pd.DataFrame(places, columns=["firm", "place"]).assign(wave=2, disposition="I")
    return sources | {"frame_margins": {2: {"place": {"north": 600, "south": 400, "abroad": 10}}}}


def test_panel_and_refreshment_are_compared_raked_to_the_frame():
    numbers, _ = summarize(make_weighted(), {"variables": ["x"], "refreshment": ["x"], "balance": ["place"]})
    assert value(numbers, "Panel", "x") > 1
    assert value(numbers, "The same", "x") == pytest.approx(0, abs=0.03)


def test_a_place_that_one_group_lacks_is_left_out_of_both():
    sources = make_weighted()
    sources["sample"].loc[0, "place"] = "abroad"
    numbers, _ = summarize(sources, {"variables": ["x"], "refreshment": ["x"], "balance": ["place"]})
    assert (value(numbers, "The same", "x", "n_1"), value(numbers, "The same", "x", "n_2")) == (39, 40)


def test_firms_left_out_of_the_raked_comparison_are_told():
    sources = make_weighted()
    sources["sample"].loc[0, "place"] = "abroad"
    _, notes = summarize(sources, {"variables": ["x"], "refreshment": ["x"], "balance": ["place"]})
    assert [note.partition(", which")[0].partition(": ")[2] for note in notes["remark_raked"]] == [
        "raked without 1 of 80 firms"
    ]


def test_groups_that_cannot_be_raked_are_not_compared():
    sources = make_weighted()
    sources["sample"]["area"] = sources["sample"]["place"]
    sources["frame_margins"][2]["area"] = {"north": 100, "south": 900}
    numbers, notes = summarize(sources, {"variables": ["x"], "refreshment": ["x"], "balance": ["place", "area"]})
    assert not numbers["section"].str.startswith("The same").any()
    assert notes["remark_raked"][0].endswith("cannot both be raked to the frame.")


def test_what_raked_means_stands_beneath_the_table():
    numbers, notes = summarize(make_weighted(), {"variables": ["x"], "refreshment": ["x"], "balance": ["place"]})
    assert any(note.startswith("Raked to the frame") for note in tabulate(numbers, notes, {"title": "T"}).notes)
