"""Missing answers by reason, wave and pattern."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from firmties.exhibits.missingness.summarize import summarize

from .exhibit_frames import STUDY, WAVES, draw_anew, list_texts

OPTIONS = {"by": "construct", "patterns": {"variables": ["sales", "fin"], "split": "size"}}


def make_sources() -> dict[str, Any]:
    """Two waves of 40: sales missing by half of the small in wave 1, staff and fin not asked in wave 1, plan routed."""
    panel = pd.DataFrame({"wave": [1] * 40 + [2] * 40, "firm_id": [f"f{i}" for i in range(40)] * 2})
    panel["resp_id"] = [f"r{i}" for i in range(80)]
    panel["size"] = ["small", "large"] * 40
    kinds = pd.DataFrame(
        "", index=range(80), columns=["wave", "firm_id", "resp_id", "mail", "staff", "sales", "fin__a"]
    )
    kinds["fin__b"], kinds["plan"], kinds["region"] = "", "", ""
    kinds.loc[:39, ["staff", "fin__a", "fin__b"]] = "not_asked"
    kinds.loc[0:19:2, "sales"] = "refused"
    kinds.loc[1:3:2, "sales"] = "no_answer"
    kinds.loc[:29, "plan"] = "not_applicable"
    kinds.loc[30:31, "plan"] = "dont_know"
    described = [
        ("firm_id", "", "id", "1"), ("mail", "", "id", "1"), ("staff", "Staff", "growth", "0"),
        ("sales", "Sales", "growth", "0"), ("fin__a", "Money: a", "money", "0"), ("fin__b", "Money: b", "money", "0"),
        ("plan", "Plan", "plan", "0"), ("region", "Region", "place", "0"), ("size", "Size", "", "0"),
    ]  # fmt: skip
    dictionary = pd.DataFrame(described, columns=["variable", "label", "construct", "identifying"])
    dictionary["type"] = "number"
    dictionary["table"], dictionary["codes"], dictionary["section"] = "panel", "", "A"
    dictionary["origin"] = ["codebook"] * 8 + ["= where"]
    dictionary.loc[8, "codes"] = "small=Small|large=Large"
    return {"panel": panel, "kinds": kinds, "dictionary": dictionary, "waves": WAVES, "study": STUDY}


@pytest.fixture
def numbers() -> pd.DataFrame:
    return summarize(make_sources(), OPTIONS)[0]


def get_cell(numbers: pd.DataFrame, group: str, wave: int) -> dict[str, Any]:
    [cell] = numbers[(numbers["part"] == "cell") & (numbers["group"] == group) & (numbers["wave"] == wave)].to_dict(
        "records"
    )
    return cell


def test_what_was_not_asked_is_not_missing(numbers: pd.DataFrame) -> None:
    cell = get_cell(numbers, "money", 1)
    assert (cell["n_asked"], cell["n_applied"], pd.isna(cell["missing"])) == (0, 0, True)


def test_question_of_a_group_that_was_not_asked_is_outside_the_base(numbers: pd.DataFrame) -> None:
    cell = get_cell(numbers, "growth", 1)
    assert (cell["n_items"], cell["n_asked"], cell["n_applied"]) == (2, 1, 40)


def test_reasons_are_told_apart() -> None:
    sources = make_sources()
    sources["kinds"].loc[5:15:2, "sales"] = "no_answer"
    numbers = summarize(sources, OPTIONS)[0]
    [group] = numbers[(numbers["part"] == "group") & (numbers["group"] == "growth")].to_dict("records")
    found = [group[name] * 120 / 100 for name in ("missing", "refused", "no_answer", "dont_know")]
    assert found == pytest.approx([18, 10, 8, 0])


def test_what_did_not_apply_is_outside_the_base(numbers: pd.DataFrame) -> None:
    cell = get_cell(numbers, "plan", 1)
    assert (cell["n_applied"], cell["missing"], cell["not_applicable"]) == (10, 20.0, 75.0)


def test_small_base_has_no_percentage() -> None:
    sources = make_sources()
    sources["kinds"].loc[:31, "plan"] = "not_applicable"
    sources["kinds"].loc[32:33, "plan"] = "refused"
    assert pd.isna(get_cell(summarize(sources, OPTIONS)[0], "plan", 1)["missing"])


def test_multiple_choice_counts_once(numbers: pd.DataFrame) -> None:
    assert get_cell(numbers, "money", 2)["n_items"] == 1


def test_keys_and_computed_variables_are_no_questions(numbers: pd.DataFrame) -> None:
    assert set(numbers.loc[numbers["part"] == "group", "group"]) == {"growth", "money", "plan"}


def test_group_without_a_gap_is_named_in_the_notes() -> None:
    assert summarize(make_sources(), OPTIONS)[1]["remark_gapless"] == "Nothing is missing in: place."


def test_omitted_group_is_not_shown() -> None:
    numbers = summarize(make_sources(), OPTIONS | {"omit": ["plan"]})[0]
    assert "plan" not in set(numbers["group"])


def test_rows_can_be_single_questions() -> None:
    numbers = summarize(make_sources(), {"by": "variable"})[0]
    assert numbers.loc[numbers["part"] == "group", "label"].tolist() == ["Staff", "Sales", "fin", "Plan"]


def test_patterns_come_by_frequency(numbers: pd.DataFrame) -> None:
    shown = numbers[numbers["part"] == "pattern"].drop_duplicates("line")
    assert shown["states"].tolist() == ["..", ".-", "m-"]


def test_pattern_is_counted_in_each_group(numbers: pd.DataFrame) -> None:
    rows = numbers[(numbers["part"] == "pattern") & (numbers["states"] == "..")]
    assert dict(zip(rows["label"], rows["n"], strict=True)) == {"Small": 20, "Large": 20}


def test_small_count_of_a_pattern_and_its_complement_are_hidden(numbers: pd.DataFrame) -> None:
    rows = numbers[(numbers["part"] == "pattern") & (numbers["group"] == "large")].set_index("states")
    assert rows.loc[["m-", ".-"], "n"].isna().all()


def test_patterns_need_no_split() -> None:
    numbers = summarize(make_sources(), {"by": "section", "patterns": {"variables": ["sales", "staff"]}})[0]
    assert numbers.loc[numbers["part"] == "pattern", "n"].tolist() == [40, 28, 12]


def test_response_without_a_group_is_in_no_pattern() -> None:
    sources = make_sources()
    sources["panel"]["size"] = sources["panel"]["size"].where(sources["panel"].index >= 10)
    numbers = summarize(sources, OPTIONS)[0]
    assert numbers.loc[numbers["part"] == "pattern"].drop_duplicates("group")["n_group"].tolist() == [35, 35]


def test_figure_names_planned_gaps_and_hides_nothing_silently(numbers: pd.DataFrame) -> None:
    notes = summarize(make_sources(), OPTIONS)[1]
    texts = list_texts(draw_anew("missingness", numbers, notes, OPTIONS))
    assert {"not asked in that wave (strip: some)", "hidden", "refused"} <= set(texts)


def test_figure_of_nothing_says_so() -> None:
    sources = make_sources()
    omit = {"by": "construct", "omit": ["growth", "money", "plan", "place"]}
    numbers, notes = summarize(sources, omit)
    assert "no question to show" in list_texts(draw_anew("missingness", numbers, notes, omit))


def test_patterns_can_stand_alone() -> None:
    alone, notes = summarize(make_sources(), {"patterns": OPTIONS["patterns"]})
    assert set(alone["part"]) == {"pattern"}
    assert "Commonest patterns of missing answers to 2 questions" in list_texts(
        draw_anew("missingness", alone, notes, {"patterns": OPTIONS["patterns"]})
    )
