"""The exhibit kind case_matrix: marks by status, nothing filled in, both layouts drawn from the numbers alone."""

from __future__ import annotations

import io
from typing import Any

import pandas as pd
import pytest

from firmties.errors import StudyError
from firmties.exhibits.case_matrix.draw import draw
from firmties.exhibits.case_matrix.summarize import summarize
from firmties.plot_style import print_figure, use_style

OPTIONS: dict[str, Any] = {
    "groups": [
        {"name": "place", "label": "Place", "variables": ["up", "down"], "ticks": "n_place"},
        {"name": "kind", "label": "Kind", "variables": ["led"]},
    ],
    "marks": {"stated": "solid", "inferred": "half", "open": "open"},
    "by": "form",
}


def make_sources(**changed: Any) -> dict[str, Any]:
    panel = pd.DataFrame(
        {
            "wave": 1,
            "firm": ["B", "A", "C"],
            "form": ["two", "one", "one"],
            "up": pd.array([True, None, False], dtype="boolean"),
            "up_status": ["stated", "open", "inferred"],
            "down": pd.array([True, None, True], dtype="boolean"),
            "down_status": ["inferred", "open", "stated"],
            "n_place": pd.array([2, 1, 1], dtype="Int64"),
            "led": pd.array([None, True, False], dtype="boolean"),
            "led_status": ["open", "stated", "stated"],
        }
    ).assign(**changed)
    status = "stated=in the text|inferred=follows|open=not told"
    dictionary = pd.DataFrame(
        [
            ("form", "Form", "one=one type|two=two types"),
            ("up", "Upstream", ""),
            ("down", "Downstream", ""),
            ("led", "Led by the firm", ""),
            *((f"{name}_status", "", status) for name in ("up", "down", "led")),
        ],
        columns=["variable", "label", "codes"],
    )
    waves = pd.DataFrame({"id": [1], "label": ["2013"]})
    return {"panel": panel, "dictionary": dictionary, "study": {"firm": "firm"}, "waves": waves}


def marks_of(numbers: pd.DataFrame, case: str) -> dict[str, str]:
    cells = numbers[numbers["case"] == case]
    return dict(zip(cells["variable"], cells["mark"], strict=True))


def test_status_decides_the_mark() -> None:
    numbers, _ = summarize(make_sources(), OPTIONS)
    assert marks_of(numbers, "B") == {"up": "solid", "down": "half", "led": "open"}


def test_a_column_known_not_to_hold_has_no_mark() -> None:
    numbers, _ = summarize(make_sources(), OPTIONS)
    assert marks_of(numbers, "C") == {"up": "none", "down": "solid", "led": "none"}


def test_open_cells_have_no_value_anywhere_in_the_numbers() -> None:
    numbers, _ = summarize(make_sources(), OPTIONS)
    assert "value" not in numbers


def test_cases_stand_by_group_in_the_order_of_the_codes_and_the_data() -> None:
    numbers, _ = summarize(make_sources(), OPTIONS)
    assert numbers["case"].unique().tolist() == ["A", "C", "B"]


def test_cases_stand_in_a_declared_order_within_their_group() -> None:
    numbers, _ = summarize(make_sources(line=[1, 3, 2]), {**OPTIONS, "order": "line"})
    assert numbers["case"].unique().tolist() == ["C", "A", "B"]


def test_notes_count_ticks_by_status_and_those_not_placed() -> None:
    _, notes = summarize(make_sources(), OPTIONS)
    counts = {name: notes[f"place_{name}"] for name in ("ticks", "stated", "inferred", "not_placed")}
    assert counts == {"ticks": 4, "stated": 2, "inferred": 1, "not_placed": 1}


def test_an_open_cell_with_a_value_is_refused() -> None:
    filled = pd.array([True, True, False], dtype="boolean")
    with pytest.raises(StudyError, match="up of A: is open but has a value"):
        summarize(make_sources(up=filled), OPTIONS)


def test_a_stated_cell_without_a_value_is_refused() -> None:
    with pytest.raises(StudyError, match="led of B: is stated but has no value"):
        summarize(make_sources(led_status=["stated", "stated", "stated"]), OPTIONS)


def test_an_unknown_status_is_refused_with_the_nearest() -> None:
    with pytest.raises(StudyError, match="led of B: its status 'opne' has no mark; did you mean 'open'"):
        summarize(make_sources(led_status=["opne", "stated", "stated"]), OPTIONS)


def test_more_ticks_than_columns_that_can_hold_are_refused() -> None:
    with pytest.raises(StudyError, match="C: 1 to 1 columns of 'place' hold, but its number of ticks is 2"):
        summarize(make_sources(n_place=pd.array([2, 1, 2], dtype="Int64")), OPTIONS)


def draw_from_file(layout: str, options: dict[str, Any] = OPTIONS) -> Any:
    numbers, notes = summarize(make_sources(), options)
    written = pd.read_csv(io.StringIO(numbers.to_csv(index=False)), keep_default_na=False, na_values=[""])
    with use_style():
        return draw(written, notes, {**OPTIONS, "layout": layout})


def read_marks(figure: Any) -> list[tuple[float, float, str]]:
    """Solid and half-filled points: (x, y, how filled)."""
    lines = [line for line in figure.axes[0].lines if line.get_marker() not in ("None", "", None)]
    return sorted((float(line.get_xdata()[0]), float(line.get_ydata()[0]), str(line.get_fillstyle())) for line in lines)


def test_matrix_draws_a_point_a_known_tick() -> None:
    figure = draw_from_file("matrix")
    # Down the side A, C, B; across up, down, a gap with the ticks, led.
    assert [(x, y, filled) for x, y, filled in read_marks(figure) if x < 2] == [
        (0, 2, "full"),
        (1, 1, "full"),
        (1, 2, "left"),
    ]


def test_matrix_hatches_the_open_cells_only() -> None:
    hatched = [patch for patch in draw_from_file("matrix").axes[0].patches if patch.get_hatch()]
    assert len(hatched) == 3


def test_strip_draws_the_first_group_with_the_cases_across() -> None:
    assert read_marks(draw_from_file("strip")) == [(1, 1, "full"), (2, 0, "full"), (2, 1, "left")]


def test_strip_hatches_each_band_a_case_may_be_in() -> None:
    points = [tuple(points.get_offsets()[0]) for points in draw_from_file("strip").axes[0].collections]
    assert points == [(0, 0), (0, 1)]


@pytest.mark.parametrize("layout", ["matrix", "strip"])
def test_cases_need_no_groups(layout: str) -> None:
    ungrouped = {key: value for key, value in OPTIONS.items() if key != "by"}
    assert len(read_marks(draw_from_file(layout, ungrouped))) >= 3


def test_the_same_figure_has_the_same_bytes() -> None:
    with use_style():
        assert print_figure(draw_from_file("matrix"), "svg") == print_figure(draw_from_file("matrix"), "svg")


def test_no_case_is_said_in_words() -> None:
    numbers, notes = summarize(make_sources(), OPTIONS)
    figure = draw(numbers.head(0), notes, OPTIONS)
    assert figure.axes[0].texts[0].get_text() == "no case"
