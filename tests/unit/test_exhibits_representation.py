"""Respondents against the frame: the table and the figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from firmties.errors import StudyError
from firmties.exhibits.representation.summarize import compare_response, compare_shares, summarize
from firmties.exhibits.representation.tabulate import tabulate
from firmties.exhibits.topline.summarize import summarize as topline
from firmties.tables import describe_basis

from .exhibit_frames import DICTIONARY, STUDY, WAVES, draw_anew, list_texts

REFERENCE = pd.read_csv(Path(__file__).parents[1] / "reference" / "r" / "groups.csv").set_index(["test", "quantity"])
FRAME, INVITED, ANSWERED = (
    np.array(counts) for counts in ([973, 2187, 2111, 729], [285, 604, 592, 219], [81, 152, 175, 46])
)
MARGINS = {
    wave: {
        "place": {"up": 400, "down": 600},
        "band_of_age": {"0-4": 300, "5+": 700},
        "place x band_of_age": {"up x 0-4": 1000},
    }
    for wave in (1, 2)
}


def make_sources(answered: tuple[int, int] = (30, 20)) -> dict[str, Any]:
    """In each wave 60 upstream and 80 downstream firms are invited; so many of each answer."""
    invited = [
        (wave, f"{place}{at}", place, "0-4" if at % 2 else "5+", at < n)
        for wave in (1, 2)
        for (place, most), n in zip((("up", 60), ("down", 80)), answered if wave == 1 else (30, 20), strict=True)
        for at in range(most)
    ]
    sample = pd.DataFrame(invited, columns=["wave", "firm_id", "place", "band_of_age", "answered"])
    sample["sample_type"] = "fresh"
    panel = sample.loc[sample.pop("answered"), ["wave", "firm_id"]].reset_index(drop=True)
    margins = {"frame_margins": MARGINS, "dictionary": DICTIONARY, "study": STUDY, "waves": WAVES}
    return {"panel": panel, "sample": sample, **margins}


def pick(numbers: pd.DataFrame, category: str, column: str, wave: int = 1) -> Any:
    rows = numbers.loc[(numbers["part"] == "category") & (numbers["wave"] == wave)]
    return rows.set_index("category").loc[category, column]


def pick_test(numbers: pd.DataFrame, against: str, column: str, variable: str = "place") -> Any:
    found = (numbers["wave"] == 1) & (numbers["variable"] == variable) & (numbers["against"] == against)
    return numbers.loc[found, column].item()


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("frame_n", 400),
        ("frame_share", 0.4),
        ("invited_share", 60 / 140),
        ("n", 30),
        ("share", 0.6),
        ("difference", 20),
    ],
)
def test_category_by_hand(column: str, expected: float) -> None:
    assert pick(summarize(make_sources(), {})[0], "up", column) == pytest.approx(expected)


def test_standardized_difference_by_hand() -> None:
    # Shares .6 and .4, each with variance .24.
    assert pick(summarize(make_sources(), {})[0], "up", "std_difference") == pytest.approx(0.2 / 0.24**0.5)


def test_statistic_against_the_frame_by_hand() -> None:
    # Expected 20 and 30: 100 / 20 + 100 / 30.
    assert pick_test(summarize(make_sources(), {})[0], "frame", "statistic") == pytest.approx(25 / 3)


def test_statistic_of_response_by_hand() -> None:
    # A fourfold table: 140 (30 * 60 - 30 * 20)^2 / (50 * 90 * 60 * 80).
    expected = 140 * (30 * 60 - 30 * 20) ** 2 / (50 * 90 * 60 * 80)
    assert pick_test(summarize(make_sources(), {})[0], "invited", "statistic") == pytest.approx(expected)


@pytest.mark.parametrize("quantity", ["statistic", "df", "p_value", "min_expected"])
@pytest.mark.parametrize("against", ["frame", "invited"])
def test_chi_square_agrees_with_r(against: str, quantity: str) -> None:
    test = compare_shares(ANSWERED, FRAME) if against == "frame" else compare_response(ANSWERED, INVITED)
    assert test[quantity] == pytest.approx(REFERENCE.loc[(against, quantity), "value"], rel=1e-12)


def test_statistic_without_replacement_is_larger_by_the_stated_factor() -> None:
    factor = FRAME.sum() / (FRAME.sum() - ANSWERED.sum())
    statistic = compare_shares(ANSWERED, FRAME)["statistic"]
    assert factor * statistic == pytest.approx(REFERENCE.loc[("rest", "statistic"), "value"], rel=1e-12)


def test_crossed_margins_are_left_out() -> None:
    assert set(summarize(make_sources(), {})[0]["variable"]) == {"place", "band_of_age"}


def test_a_variable_without_a_label_is_called_by_its_name_in_words() -> None:
    numbers = summarize(make_sources(), {})[0].set_index("variable")["variable_label"]
    assert (numbers["place"].iloc[0], numbers["band_of_age"].iloc[0]) == ("Place", "Band of age")


def test_shares_of_a_wave_add_up_to_one() -> None:
    numbers = summarize(make_sources(), {})[0]
    sums = numbers.groupby(["wave", "variable"])[["frame_share", "invited_share", "share"]].sum()
    assert sums.to_numpy() == pytest.approx(np.ones((4, 3)))


def test_small_count_is_hidden_with_the_one_that_gives_it_away() -> None:
    numbers, _ = summarize(make_sources((47, 3)), {})
    assert [pick(numbers, code, "cell") for code in ("up", "down")] == ["suppressed", "suppressed"]


@pytest.mark.parametrize("column", ["n", "share", "difference", "std_difference"])
def test_a_hidden_count_stands_in_no_other_column(column: str) -> None:
    assert pd.isna(pick(summarize(make_sources((47, 3)), {})[0], "down", column))


@pytest.mark.parametrize("column", ["statistic", "p_value", "min_expected"])
def test_no_test_gives_a_hidden_count_away(column: str) -> None:
    assert pd.isna(pick_test(summarize(make_sources((47, 3)), {})[0], "frame", column))


def test_what_the_topline_hides_is_hidden() -> None:
    # As totals over the waves could be known, the topline hides more than the sums of each wave ask for.
    places = {1: {"up": 3, "down": 8, "west": 30}, 2: {"up": 20, "down": 8, "west": 7}}
    rows = [(wave, code) for wave, sizes in places.items() for code, n in sizes.items() for _ in range(n)]
    panel = pd.DataFrame(rows, columns=["wave", "place"]).assign(firm_id=[f"f{at}" for at in range(len(rows))])
    margins = {wave: {"place": {"west": 300, "down": 300, "up": 300}} for wave in (1, 2)}
    sources = make_sources() | {"panel": panel, "frame_margins": margins}
    del sources["sample"]
    entry = {"table": "panel", "origin": "codebook", "identifying": ""}
    answers, _ = topline({**sources, "kinds": panel.assign(place=""), "dictionary": DICTIONARY.assign(**entry)}, {})
    hidden = answers.loc[(answers["part"] == "answer") & answers["value"].isna(), ["row", "wave"]]
    numbers = summarize(sources, {})[0].query("part == 'category' and cell != 'suppressed'")
    assert not {*hidden.itertuples(index=False, name=None)} & {
        *numbers[["category_label", "wave"]].itertuples(index=False, name=None)
    }


def test_few_answers_by_open_link_are_not_given_by_the_difference_from_the_topline() -> None:
    sources = make_sources()
    sources["panel"] = sources["panel"].merge(sources["sample"][["wave", "firm_id", "place"]], on=["wave", "firm_id"])
    sources["sample"].loc[:1, "sample_type"] = "open"
    assert pick(summarize(sources, {"open_link": ["open"]})[0], "up", "cell") == "suppressed"


def test_count_below_ten_has_no_share() -> None:
    numbers, _ = summarize(make_sources((43, 7)), {})
    assert (pick(numbers, "down", "n"), pick(numbers, "down", "cell")) == (7, "no estimate")


def test_category_that_the_frame_lacks_is_refused_with_the_nearest_one() -> None:
    sources = make_sources()
    sources["sample"]["place"] = sources["sample"]["place"].replace("down", "dawn")
    with pytest.raises(StudyError, match=r"frame_margins: wave 1: place: the frame has no category 'dawn'.*'down'"):
        summarize(sources, {})


def test_respondent_without_a_category_is_left_out_and_counted() -> None:
    sources = make_sources()
    sources["sample"].loc[0, "place"] = None
    numbers, notes = summarize(sources, {})
    assert (pick(numbers, "up", "n"), notes["remark_unknown"][:1]) == (29, "1")


def test_answers_by_open_link_are_left_out() -> None:
    sources = make_sources()
    sources["sample"].loc[:9, "sample_type"] = "open"
    assert pick(summarize(sources, {"open_link": ["open"]})[0], "up", "n") == 20


def test_without_sample_files_the_panel_gives_the_category() -> None:
    sources = make_sources()
    sources["panel"] = sources["panel"].merge(sources.pop("sample"), on=["wave", "firm_id"], validate="one_to_one")
    numbers, _ = summarize(sources, {})
    assert (pick(numbers, "up", "n"), pick(numbers, "up", "invited_share")) == (30, pytest.approx(np.nan, nan_ok=True))


def test_wave_without_a_sample_file_takes_the_panels_category() -> None:
    sources = make_sources()
    sources["panel"] = sources["panel"].assign(place="up")
    sources["sample"] = sources["sample"].loc[sources["sample"]["wave"] == 2]
    numbers, _ = summarize(sources, {})
    assert [pick(numbers, "up", "n", wave) for wave in (1, 2)] == [50, 30]


def test_variable_that_nobody_holds_is_named() -> None:
    sources = make_sources()
    sources["sample"] = sources["sample"].drop(columns="place")
    assert summarize(sources, {})[1]["remark_absent"] == "Neither the sample files nor the panel hold place."


def test_wave_without_margins_is_named() -> None:
    notes = summarize(make_sources() | {"frame_margins": {1: MARGINS[1]}}, {})[1]
    assert notes["remark_lacking"] == "The frame's margins (frame_margins:) have no rows of 2022."


def test_study_without_margins_has_an_empty_table_that_says_so() -> None:
    numbers, notes = summarize(make_sources() | {"frame_margins": {}}, {})
    table = tabulate(numbers, notes, {"title": "Frame"})
    assert (list(table.rows), "have no rows of 2021 and 2022" in " ".join(table.notes)) == ([], True)


@pytest.mark.parametrize(
    ("answered", "frame", "reason"),
    [
        ([0, 0], [4, 6], "nobody answered"),
        ([3, 1], [10, 0], "respondents in a category that is empty in the frame"),
        ([3, 0], [10, 0], "one category only"),
    ],
)
def test_why_there_is_no_test(answered: list[int], frame: list[int], reason: str) -> None:
    assert compare_shares(np.array(answered), np.array(frame)) == {"reason": reason}


def test_table_has_a_part_a_wave() -> None:
    numbers, notes = summarize(make_sources(), {})
    table = tabulate(numbers, notes, {"title": "Frame"})
    assert (table.title, [part.title for part in table.parts]) == ("Frame: 2021", ["2022"])


def test_a_variables_heading_holds_its_tests() -> None:
    numbers, notes = summarize(make_sources(), {})
    heading = tabulate(numbers, notes, {"title": "Frame"}).rows[0].cells[0]
    assert heading == (
        "Place (respondents against the frame: χ²(1) = 8.3, p = 0.004; answered or not: χ²(1) = 9.3, p = 0.002)"
    )


def test_figure_names_waves_variables_and_categories() -> None:
    figure = draw_anew("representation_plot", *summarize(make_sources(), {}), {})
    assert {"2021", "2022", "Place", "upstream", "Band of age", "frame", "invited", "answered"} <= {*list_texts(figure)}


def test_marks_stand_at_the_shares() -> None:
    figure = draw_anew("representation_plot", *summarize(make_sources(), {}), {})
    points = {
        line.get_marker(): float(line.get_xdata()[0])
        for line in reversed(figure.axes[0].get_lines())
        if line.get_marker() in ("|", "o", "s")
    }
    assert points == pytest.approx({"|": 40, "s": 100 * 60 / 140, "o": 60})


def test_hidden_share_is_a_word_in_the_figure() -> None:
    figure = draw_anew("representation_plot", *summarize(make_sources((47, 3)), {}), {})
    assert list_texts(figure).count("hidden") == 2


def test_words_of_the_figure_lie_within_it() -> None:
    figure = draw_anew("representation_plot", *summarize(make_sources(), {}), {})
    page = figure.bbox
    boxes = [text.get_window_extent() for axes in figure.axes for text in axes.texts]
    assert all(page.x0 <= box.x0 and box.x1 <= page.x1 for box in boxes)


def test_figure_of_a_study_without_margins_says_so() -> None:
    figure = draw_anew("representation_plot", *summarize(make_sources() | {"frame_margins": {}}, {}), {})
    assert "no variable of the frame" in " ".join(list_texts(figure))


def weigh(sources: dict[str, Any]) -> dict[str, Any]:
    """Wave 1 weighted so that places have the frame's shares; wave 2 without weights."""
    panel = sources["panel"].merge(sources["sample"][["wave", "firm_id", "place"]], validate="one_to_one")
    counts = panel.loc[panel["wave"] == 1, "place"].value_counts()
    weight = panel["place"].map({"up": 0.4, "down": 0.6}) / panel["place"].map(counts)
    return sources | {"panel": panel.drop(columns="place").assign(weight=weight.where(panel["wave"] == 1))}


def test_weighted_share_of_a_raked_margin_is_that_of_the_frame() -> None:
    numbers = summarize(weigh(make_sources()), {})[0]
    assert [pick(numbers, code, "weighted_share") for code in ("up", "down")] == [0.4, 0.6]


@pytest.mark.parametrize(("column", "expected"), [("weighted_difference", 0), ("weighted_std_difference", 0)])
def test_weighted_difference_from_the_frame(column: str, expected: float) -> None:
    assert pick(summarize(weigh(make_sources()), {})[0], "up", column) == pytest.approx(expected, abs=1e-9)


def test_a_wave_without_weights_has_no_weighted_share() -> None:
    assert pd.isna(pick(summarize(weigh(make_sources()), {})[0], "up", "weighted_share", wave=2))


def test_a_hidden_count_has_no_weighted_share() -> None:
    assert pd.isna(pick(summarize(weigh(make_sources((47, 3))), {})[0], "down", "weighted_share"))


def test_weighted_stands_beside_unweighted_in_the_table() -> None:
    numbers, notes = summarize(weigh(make_sources()), {})
    row = tabulate(numbers, notes, {"title": "Frame"}).rows[1].cells
    assert (row[5], row[8], row[9]) == ("60.0", "40.0", "0.00")


def test_the_caption_says_how_respondents_were_weighted() -> None:
    notes = summarize(weigh(make_sources()), {})[1]
    words = "unweighted, weighted by chance of selection and of response, raked to the frame's margins"
    assert words in " ".join(describe_basis(notes))


def test_weighted_marks_stand_in_the_figure() -> None:
    figure = draw_anew("representation_plot", *summarize(weigh(make_sources()), {}), {})
    points = [float(line.get_xdata()[0]) for line in figure.axes[0].get_lines() if line.get_marker() == "D"]
    assert points[:2] == pytest.approx([40, 60])


def test_a_count_hidden_in_a_later_wave_changes_nothing_written_of_an_earlier_one() -> None:
    sources = make_sources()
    later = sources["panel"]["wave"] == 2
    few = sources["panel"].loc[
        ~later | (sources["panel"]["firm_id"].isin(sources["panel"].loc[later, "firm_id"].head(31)))
    ]
    written = [
        summarize(sources | {"panel": panel}, {})[0].query("wave == 1").to_csv() for panel in (sources["panel"], few)
    ]
    assert written[0] == written[1]
