"""The fieldwork table."""

import pandas as pd
import pytest

from firmties.errors import StudyError
from firmties.exhibits.attrition import summarize as attrition
from firmties.exhibits.fieldwork.summarize import compute_rates, summarize
from firmties.exhibits.fieldwork.tabulate import tabulate


@pytest.fixture
def sources():
    return {
        "panel": pd.DataFrame(
            {"wave": [1, 1, 1, 2, 2], "firm": list("abcbd"), "seconds": [600.0, 1200.0, 900.0, 300.0, 900.0]}
        ),
        "sample": pd.DataFrame(
            {
                "wave": [1] * 6,
                "firm": list("abcxyz"),
                "sample_type": "fresh",
                "disposition": ["I", "I", "P", "R", "UH", "NE"],
            }
        ),
        "ledger": pd.DataFrame(
            {
                "wave": [1, 1, 1, 2],
                "firm": ["t", "x", "a", "e"],
                "variable": ["", None, "emp", None],
                "rule": ["test", "no consent", "range", "broke off"],
            }
        ),
        "waves": pd.DataFrame({"id": [1, 2], "label": ["2021", "2022"], "field": [["2021-03-01", "2021-05-31"], None]}),
        "dictionary": pd.DataFrame(columns=["variable", "label", "codes"]),
        "study": {"firm": "firm", "minimum_cell": 1},
    }


def value(numbers, key, wave):
    return numbers.loc[(numbers["key"] == key) & (numbers["wave"] == wave), "value"].item()


def test_rr3_counts_the_likely_eligible_share_of_unknown_cases():
    # e = 4 / 5; RR3 = 2 / (4 + 0.8)
    above, below = compute_rates({"I": 2, "P": 1, "R": 1, "UH": 1, "NE": 1})["RR3"]
    assert above / below == pytest.approx(2 / 4.8)


def test_cooperation_leaves_out_those_not_reached():
    above, below = compute_rates({"I": 6, "P": 2, "R": 2, "NC": 90})["COOP1"]
    assert above / below == 0.6


def test_responses_are_kept_plus_excluded(sources):
    numbers, _ = summarize(sources, {})
    assert value(numbers, "responses", 1) == value(numbers, "kept", 1) + 2


def test_single_values_in_the_ledger_are_no_exclusions(sources):
    numbers, _ = summarize(sources, {})
    assert "excluded: range" not in set(numbers["key"])


def test_retention_is_the_share_of_the_wave_before(sources):
    numbers, _ = summarize(sources, {})
    assert value(numbers, "retention", 2) == pytest.approx(1 / 3)


def test_response_rates_of_a_type_of_sample(sources):
    sources["sample"]["sample_type"] = ["old", "old", "new", "new", "new", "new"]
    numbers, _ = summarize(sources, {})
    # Of the new: P, R, UH, NE.
    assert (value(numbers, "RR2 old", 1), value(numbers, "RR2 new", 1)) == (1.0, pytest.approx(1 / 3))


def test_rr3_of_a_type_has_the_types_own_share_eligible(sources):
    sources["sample"]["sample_type"] = ["new", "old", "old", "old", "new", "new"]
    numbers, _ = summarize(sources, {})
    # Of the new: I, UH, NE; e = 1 / 2.
    assert value(numbers, "RR3 new", 1) == pytest.approx(1 / 1.5)


def test_notes_hold_numerator_and_denominator_of_each_rate(sources):
    notes = summarize(sources, {})[1]
    assert notes["Response rates, %; Response rate 3; 2021"] == "2 / 4.8"


def test_retention_equals_that_of_the_attrition_table(sources):
    sources["sample"].loc[6] = [2, "c", "fresh", "NE"]
    sources["panel"]["x"] = 1.0
    options = {"closed": ["NE"]}
    own = value(summarize(sources, options)[0], "retention", 2)
    other = attrition.summarize(sources, options | {"variables": ["x"]})[0].set_index("key").loc["retention"]
    assert (own, own) == (0.5, other["value"])


def test_retention_is_called_alike_in_the_attrition_table(sources):
    sources["panel"]["x"] = 1.0
    own = summarize(sources, {"closed": ["NE"]})[0].set_index("key").loc["retention", "label"]
    others = attrition.summarize(sources, {"closed": ["NE"], "variables": ["x"]})[0].set_index("key")["label"]
    without = summarize(sources, {})[0].set_index("key").loc["retention", "label"]
    assert (own == others["retention"], own == without) == (True, False)


def test_retention_of_a_type_is_of_the_firms_of_that_type_in_the_wave_before(sources):
    sources["sample"]["sample_type"] = ["old", "old", "new", "new", "new", "new"]
    numbers, _ = summarize(sources, {})
    assert (value(numbers, "retention old", 2), value(numbers, "retention new", 2)) == (0.5, 0.0)


def test_a_visitor_counts_once_with_the_response_that_got_furthest(sources):
    # Firm d of wave 2 broke off before it answered.
    sources["ledger"].loc[3, "firm"] = "d"
    numbers, _ = summarize(sources, {"not_agreed": ["no consent"], "not_finished": ["broke off"]})
    assert (value(numbers, "visits", 2), value(numbers, "completion", 2)) == (2, 1.0)


def test_responses_without_a_firm_are_visitors_of_their_own(sources):
    sources["ledger"].loc[[1, 3], ["wave", "firm"]] = [[2, None], [2, None]]
    numbers, _ = summarize(sources, {"not_agreed": ["no consent"]})
    assert value(numbers, "visits", 2) == 4


def test_view_rate_is_visitors_over_invited(sources):
    numbers, _ = summarize(sources, {"not_visits": ["test"], "not_agreed": ["no consent"]})
    # Of the six invited a, b, c and x came.
    assert value(numbers, "view", 1) == pytest.approx(4 / 6)


def test_study_without_samples_has_no_view_rate(sources):
    del sources["sample"]
    numbers, _ = summarize(sources, {"not_agreed": ["no consent"]})
    assert "view" not in set(numbers["key"])


def test_completion_of_a_type_of_sample(sources):
    sources["sample"] = pd.DataFrame(
        {"wave": 2, "firm": list("bde"), "sample_type": ["old", "old", "new"], "disposition": "I"}
    )
    numbers, _ = summarize(sources, {"not_agreed": ["no consent"], "not_finished": ["broke off"]})
    assert (value(numbers, "completion: old", 2), value(numbers, "completion: new", 2)) == (1.0, 0.0)


def test_participation_is_agreed_over_visitors(sources):
    numbers, _ = summarize(sources, {"not_visits": ["test"], "not_agreed": ["no consent"]})
    assert value(numbers, "participation", 1) == pytest.approx(3 / 4)


def test_completion_is_finished_over_agreed(sources):
    numbers, _ = summarize(sources, {"not_agreed": ["no consent"], "not_finished": ["broke off"]})
    assert value(numbers, "completion", 2) == pytest.approx(2 / 3)


def test_median_minutes(sources):
    numbers, _ = summarize(sources, {"duration": "seconds"})
    assert value(numbers, "minutes", 1) == 15.0


def test_study_without_samples_has_no_rates(sources):
    del sources["sample"]
    numbers, _ = summarize(sources, {})
    assert not numbers["section"].isin(["Invitations and their outcome", "Response rates, %"]).any()


def test_wave_without_a_figure_is_marked(sources):
    numbers, notes = summarize(sources, {})
    table = tabulate(numbers, notes, {"title": "Fieldwork"})
    assert next(row.cells for row in table.rows if row.cells[0] == "Firms invited") == ["Firms invited", "6", "–"]


def test_answers_by_open_link_enter_no_response_rate(sources):
    sources["sample"].loc[[0, 1], "sample_type"] = "open"
    numbers, _ = summarize(sources, {"open_link": ["open"]})
    # Left: P, R, UH; NE is never in the denominator.
    assert value(numbers, "RR2", 1) == pytest.approx(1 / 3)


def test_answers_by_open_link_are_counted_apart(sources):
    sources["sample"].loc[[0, 1], "sample_type"] = "open"
    numbers, _ = summarize(sources, {"open_link": ["open"]})
    assert (value(numbers, "invited", 1), value(numbers, "open_link", 1)) == (4, 2)


def test_open_link_without_a_type_of_sample_is_refused(sources):
    sources["sample"] = sources["sample"].drop(columns="sample_type")
    with pytest.raises(StudyError, match="no column 'sample_type'"):
        summarize(sources, {"open_link": ["open"]})


WEIGHTING = pd.DataFrame(
    {
        "wave": [1, 2],
        "n_weighted": [3, 0],
        "deff": [1.5, None],
        "n_effective": [2.0, None],
        "maximum": [2.25, None],
        "reason": ["", "no sample file"],
    }
)


def test_the_design_effect_stands_in_the_table(sources):
    numbers, notes = summarize(sources | {"weighting": WEIGHTING}, {})
    table = tabulate(numbers, notes, {"title": "Fieldwork"})
    assert next(row.cells for row in table.rows if row.cells[0] == "Design effect of weighting") == [
        "Design effect of weighting",
        "1.50",
        "–",
    ]


def test_weights_are_explained_beneath_the_table(sources):
    numbers, notes = summarize(sources | {"weighting": WEIGHTING}, {})
    assert any("1 + the squared coefficient" in note for note in tabulate(numbers, notes, {"title": "Fieldwork"}).notes)


def test_without_weights_nothing_is_said_of_them(sources):
    numbers, _ = summarize(sources, {})
    assert "Weights" not in set(numbers["section"])


def test_why_a_wave_has_no_weights_stands_beneath_the_table(sources):
    numbers, notes = summarize(sources | {"weighting": WEIGHTING}, {})
    assert "Weights of 2022: no sample file." in tabulate(numbers, notes, {"title": "Fieldwork"}).notes
