"""The style of figures: stable files, colours that are not the only code."""

from __future__ import annotations

import pytest

from firmties.plot_style import create_figure, look_up, mark_empty, print_figure, use_style


def print_line(file_format: str) -> bytes:
    with use_style():
        figure = create_figure(3)
        figure.subplots().plot([0, 1], [1, 0], label="a line")
        return print_figure(figure, file_format, "A line")


@pytest.mark.parametrize("file_format", ["svg", "pdf", "png"])
def test_same_figure_gives_same_bytes(file_format: str) -> None:
    assert print_line(file_format) == print_line(file_format)


@pytest.mark.parametrize("word", [b"<dc:date>", b"CreationDate"])
def test_files_hold_no_date(word: bytes) -> None:
    assert word not in print_line("svg") + print_line("pdf")


def test_png_has_200_dots_per_inch() -> None:
    width = int.from_bytes(print_line("png")[16:20], "big")
    assert width == int(16 / 2.54 * 200)


def test_no_two_categories_share_colour_and_marker() -> None:
    assert len({(look_up(place).colour, look_up(place).marker) for place in range(14)}) == 14


def test_first_seven_markers_differ() -> None:
    assert len({look_up(place).marker for place in range(7)}) == 7


def test_empty_panel_says_so() -> None:
    with use_style():
        axes = create_figure(3).subplots()
        mark_empty(axes, "no firm")
    assert [text.get_text() for text in axes.texts] == ["no firm"]
