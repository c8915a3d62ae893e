"""The table of measurement invariance."""

from pathlib import Path

import pandas as pd
import pytest

from firmties.codebook import Variable
from firmties.errors import StudyError
from firmties.exhibits.invariance.summarize import describe_state, find_renamed, is_merged, list_changes, summarize
from firmties.exhibits.invariance.tabulate import tabulate
from firmties.invariance import compare_scales

ITEMS = pd.read_csv(Path(__file__).parents[1] / "reference" / "r" / "measures" / "items.csv")
WAVES = pd.DataFrame({"id": [1, 2, 3], "label": ["2021", "2022", "2023"]})


def recode(raw, code, **more):
    return {"variable": "q", "waves": [], "raw_name": "", "raw_code": raw, "code": code, "factor": None} | {
        "action": "recode",
        **more,
    }


@pytest.fixture(scope="module")
def results():
    scales = [
        {"name": name, "label": label, "items": [f"{name}{k}" for k in range(1, n + 1)]}
        for name, label, n in (("a", "Trust", 4), ("b", "Reach", 4), ("c", "Skill", 4), ("e", "Pair", 2))
    ]
    return compare_scales(ITEMS.assign(e1=ITEMS["a1"], e2=ITEMS["a2"]), scales, ["wave"], "firm")


def make_sources(results, **more):
    return {
        "panel": ITEMS,
        "invariance": results[0],
        "invariance_steps": results[1],
        "invariance_means": results[2],
        "waves": WAVES,
        "dictionary": pd.DataFrame(columns=["variable", "label", "codes", "reference"]),
        "codebook": {},
        "crosswalk": [],
        "study": {"firm": "firm", "minimum_cell": 5},
        **more,
    }


def print_table(results, **more):
    numbers, notes = summarize(make_sources(results, **more), {})
    return tabulate(numbers, notes, {"title": "T"})


def list_groups(table):
    return [row.cells[0] for row in table.rows if row.is_group]


def test_scale_that_holds_says_that_its_means_may_be_compared(results):
    assert list_groups(print_table(results))[0] == "Trust (4 items, n = 811): scalar; means may be compared"


def test_scale_with_a_freed_item_names_it(results):
    assert "factor means may be compared with b3 freed" in list_groups(print_table(results))[1]


def test_scale_of_two_items_says_why_it_is_not_tested(results):
    assert list_groups(print_table(results))[3].startswith("Pair: not tested (2 common items")


@pytest.mark.parametrize(("one_row", "same"), [("metric", 3), ("scalar", 2)])
def test_a_scale_short_of_scalar_counts_among_those_of_which_both_samples_agree(results, one_row, same):
    verdicts = results[0].set_index("scale").astype({"reason": object})
    verdicts.loc["a", ["level", "level_one_row", "reason"]] = ["metric", one_row, "intercepts differ"]
    steps = results[1].loc[(results[1]["scale"] != "a") | (results[1]["step"] != "scalar")]
    told = print_table((verdicts.reset_index(), steps, results[2])).notes
    assert any(f"at random, {same} of 3 scales reach the same level" in note for note in told)


def test_step_prints_its_fit_and_how_it_differs(results):
    step = results[1].iloc[1]
    row = next(row.cells for row in print_table(results).rows if row.cells[0] == "metric")
    assert (row[5], row[8]) == (f"{step['srmr']:.3f}", f"+{step['srmr_change']:.3f}")


def test_step_that_fails_says_no(results):
    rows = [row.cells for row in print_table(results).rows if not row.is_group]
    assert [row[0] for row in rows if row[-1] == "no"] == ["metric", "scalar"]


def test_factor_means_stand_beneath_where_items_are_free(results):
    means = print_table(results).parts[0]
    assert [row.cells[0] for row in means.rows] == ["Reach", "Skill"]


def test_means_that_may_be_compared_are_counted(results):
    assert "Means may be compared for 1 of 4 scales." in print_table(results).notes


def test_grouping_that_was_not_tested_is_refused(results):
    with pytest.raises(StudyError, match="over: 'size' is not among invariance: over:"):
        summarize(make_sources(results), {"over": "size"})


def test_study_that_tests_nothing_is_told_so():
    sources = {key: value for key, value in make_sources([None] * 3).items() if not key.startswith("invariance")}
    with pytest.raises(StudyError, match="nothing of this kind is declared"):
        summarize(sources, {})


def test_item_that_a_wave_did_not_ask_is_listed():
    found = list_changes({"q": Variable("q", waves=(1, 2)), "r": Variable("r")}, [], WAVES)
    assert found["state"].tolist() == ["asked", "asked", "not asked"]


def test_new_wording_is_said():
    codebook = {"q": Variable("q", waves=(1, 2)), "q_v2": Variable("q_v2", "Anew?", waves=(3,))}
    assert list_changes(codebook, [], WAVES)["label"].tolist()[-1] == "Anew? (new wording of q)"


def test_questions_about_several_partners_are_one_row():
    codebook = {f"alt{k}_freq": Variable(f"alt{k}_freq", f"Partner {k}: how often", waves=(1,)) for k in (1, 2, 3)}
    assert list_changes(codebook, [], WAVES)["item"].unique().tolist() == ["alt1_freq … alt3_freq"]


def test_unit_is_said():
    row = recode("", "", action="multiply", factor=0.001, waves=[1])
    assert describe_state(Variable("q"), [row], 1) == "times 0.001"


def test_name_is_said():
    row = recode("", "", action="rename", raw_name="has_plan", waves=[1])
    assert describe_state(Variable("q"), [row], 1) == "named has_plan"


def test_codes_stored_otherwise_are_no_change():
    rows = [recode("1", "small"), recode("2", "large")]
    assert describe_state(Variable("q", codes={"small": "", "large": ""}), rows, 1) == "asked"


def test_scale_that_is_turned_is_no_merging():
    codes = {"1": "3", "2": "2", "3": "1"}
    assert not any(is_merged(raw, codes, ["1", "2", "3"]) for raw in codes)


def test_two_answers_that_become_one_are_merged():
    assert is_merged("5", {"5": "4", "6": "4"}, ["1", "2", "3", "4"])


def test_file_that_names_most_questions_otherwise_is_found():
    rows = [recode("", "", action="rename", raw_name="Q1", waves=[2]) | {"variable": name} for name in ("q", "r")]
    assert find_renamed({name: Variable(name) for name in "qrs"}, rows, WAVES) == [2]
