"""The table of hypotheses."""

import pandas as pd
import pytest

from firmties.exhibits.hypotheses.summarize import summarize, word_contrast
from firmties.exhibits.hypotheses.tabulate import tabulate

WAVES = pd.DataFrame({"id": [1, 2], "label": ["2021", "2022"]})


@pytest.fixture
def dictionary():
    return pd.DataFrame(
        {
            "variable": ["size", "place", "plan", "z", "y"],
            "label": ["Size", "Place", "a plan", "Ties", "Growth"],
            "codes": ["s=small|m=medium|l=large", "up=upstream|mid=midstream", "", "", ""],
        }
    )


@pytest.fixture
def hypotheses():
    common = {
        "family": "main", "outcome": "y", "alternative": "greater", "std_error": 0.01, "df": 90, "p_value": 0.0004,
        "p_adjusted": 0.012, "adjustment": "holm", "level": 0.05, "planted": None,
        "contrast": "mu(size=s) - others(size=s)",
    }  # fmt: skip
    return pd.DataFrame(
        [
            common | {"hypothesis": "H1", "claim": "Small grows", "component": "growth", "estimate": 0.042,
                      "conf_low": 0.022, "conf_high": 0.062, "verdict": "supported"},
            common | {"hypothesis": "H1", "claim": "Small grows", "component": "ties", "estimate": 0.01,
                      "conf_low": -0.01, "conf_high": 0.03, "verdict": "supported", "contrast": "slope(z)"},
        ]
    )  # fmt: skip


def test_component_without_an_estimate_says_why(hypotheses, dictionary):
    told = hypotheses.assign(
        reason=[None, "'z' is left out of model M by the reliability gate: Ties (α 0.500, ω 0.520)"]
    )
    numbers, notes = summarize({"hypotheses": told, "dictionary": dictionary, "waves": WAVES}, {})
    said = tabulate(numbers, notes, {"title": "T"}).notes[-1]
    assert (
        said == "Not estimable, H1 (ties): 'z' is left out of model M by the reliability gate: Ties (α 0.500, ω 0.520)."
    )


@pytest.mark.parametrize(
    ("contrast", "words"),
    [
        ("mu(size=s) - mu(size=l)", "small minus large"),
        ("mu(size=s, place=[up, mid])", "small, upstream or midstream"),
        ("mu(size=s) - 0.5 * (mu(size=m) + mu(size=l))", "small minus the mean of medium and large"),
        ("mu(plan=true) - mu(plan=false)", "with a plan minus without a plan"),
        ("slope(z, size=s)", "slope of Ties at Size = small"),
        ("slope(z, z=maximum)", "slope of Ties at its maximum"),
        ("slope(z, size=s) - slope(z, size=l)", "slope of Ties, small minus large"),
        ("mu(size=s, place=up) - others(size=s, place=up)", "small minus the mean of the others, upstream"),
        (
            "mu(size=s, place=up) - others(size=s, place=up) - (mu(size=s, place=mid) - others(size=s, place=mid))",
            "small minus the mean of the others, upstream, less the same midstream",
        ),
        ("mu(size=s) - 0.4 * (mu(size=m) + mu(size=l))", "small minus 0.4 × (medium plus large)"),
        ("mu(size=s) - (mu(size=m) - mu(size=l))", "small minus (medium minus large)"),
    ],
)
def test_contrast_in_words(contrast, words, dictionary):
    assert word_contrast(contrast, dictionary) == words


def test_points_are_times_hundred(hypotheses, dictionary):
    numbers, notes = summarize({"hypotheses": hypotheses, "dictionary": dictionary, "waves": WAVES}, {"points": ["y"]})
    assert tabulate(numbers, notes, {"title": "T"}).rows[2].cells[1:3] == ["4.2", "[2.2, 6.2]"]


def test_family_says_adjustment_and_level(hypotheses, dictionary):
    numbers, notes = summarize({"hypotheses": hypotheses, "dictionary": dictionary, "waves": WAVES}, {})
    assert tabulate(numbers, notes, {"title": "T"}).rows[0].cells == ["Family main: Holm, level 0.05"]


def test_verdict_stands_once_a_hypothesis(hypotheses, dictionary):
    numbers, notes = summarize({"hypotheses": hypotheses, "dictionary": dictionary, "waves": WAVES}, {})
    assert [row.cells[-1] for row in tabulate(numbers, notes, {"title": "T"}).rows[1:]] == ["supported", "", ""]


def test_no_column_of_planted_values_unless_some_are(hypotheses, dictionary):
    numbers, notes = summarize({"hypotheses": hypotheses, "dictionary": dictionary, "waves": WAVES}, {})
    assert "Planted" not in tabulate(numbers, notes, {"title": "T"}).columns


def test_planted_values_have_a_column(hypotheses, dictionary):
    hypotheses["planted"] = 0.042
    numbers, notes = summarize({"hypotheses": hypotheses, "dictionary": dictionary, "waves": WAVES}, {})
    assert "Planted" in tabulate(numbers, notes, {"title": "T"}).columns


def test_ordered_outcome_is_named_by_its_event(hypotheses, dictionary):
    dictionary.loc[dictionary["variable"] == "y", "codes"] = "1=trial|2=first sales"
    hypotheses["outcome_level"] = ">= 2"
    numbers, notes = summarize({"hypotheses": hypotheses, "dictionary": dictionary, "waves": WAVES}, {})
    cell = tabulate(numbers, notes, {"title": "T"}).rows[2].cells[0]
    assert cell == "growth: small minus the mean of the others; outcome: P(≥ 2, first sales)"


def test_outcome_is_named_once_while_it_stays_the_same(hypotheses, dictionary):
    numbers, notes = summarize({"hypotheses": hypotheses, "dictionary": dictionary, "waves": WAVES}, {})
    assert tabulate(numbers, notes, {"title": "T"}).rows[3].cells[0] == "ties: slope of Ties"


def test_signs_of_the_waves_have_a_column(hypotheses, dictionary):
    sources = {"hypotheses": hypotheses.assign(signs="1=+|2=-"), "dictionary": dictionary, "waves": WAVES}
    table = tabulate(*summarize(sources, {}), {"title": "T"})
    assert table.rows[2].cells[table.columns.index("Sign by wave")] == "+ −"


def test_no_column_of_signs_with_one_wave(hypotheses, dictionary):
    sources = {"hypotheses": hypotheses.assign(signs="1=+"), "dictionary": dictionary, "waves": WAVES[:1]}
    assert "Sign by wave" not in tabulate(*summarize(sources, {}), {"title": "T"}).columns


def test_complete_cases_have_a_column_beside_pooled_contrasts(hypotheses, dictionary):
    beside = hypotheses.assign(complete_estimate=[0.05, 0.01], weights="none", n_imputations=20, model="A")
    numbers, notes = summarize({"hypotheses": beside, "dictionary": dictionary, "waves": WAVES}, {})
    assert "Complete cases" in tabulate(numbers, notes, {"title": "T"}).columns


def test_contrasts_that_complete_cases_move_are_named(hypotheses, dictionary):
    beside = hypotheses.assign(complete_estimate=[0.06, 0.01], weights="none", n_imputations=20, model="A")
    _, notes = summarize({"hypotheses": beside, "dictionary": dictionary, "waves": WAVES}, {})
    assert notes["remark_complete"].endswith("more than one standard error of the pooled one in: H1 (growth).")


def test_table_says_weights_and_imputation(hypotheses, dictionary):
    beside = hypotheses.assign(
        complete_estimate=[0.06, 0.01], weights=["none", "w"], n_imputations=20, model=["A", "B"]
    )
    numbers, notes = summarize({"hypotheses": beside, "dictionary": dictionary, "waves": WAVES}, {})
    said = tabulate(numbers, notes, {"title": "T"}).notes
    assert any(note.startswith("Unweighted (A), weighted by w (B); 20 imputations") for note in said)
