"""A panel a wave: for each category its share in the frame and among respondents, joined by a line, and weighted."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from firmties.panel import NOTABLE
from firmties.plot_style import FAINT, GREY, INK, WIDTH, create_figure, look_up, mark_empty, wrap
from firmties.tables import is_missing, list_rows

LEFT, GAP, STEP, HEAD, TOP, FOOT, KEY = 3.6, 0.35, 0.42, 0.52, 0.7, 1.1, 0.45
"""Centimetres: words at the left, between panels, a category, a variable's name, above and below the panels, a row of
the key."""

MANY = 4
"""At most so many panels stand side by side."""

SERIES = {
    "frame_share": {"label": "frame", "marker": "|", "markersize": 8, "markeredgewidth": 1.6, "color": INK},
    "invited_share": {"label": "invited", "marker": "s", "markersize": 3.2, "markerfacecolor": "white"},
    "share": {"label": "answered", "marker": "o", "markersize": 5.2},
    "weighted_share": {"label": "answered, weighted", "marker": "D", "markersize": 3.6, "markerfacecolor": "white"},
}

ORDER = {"share": 2, "invited_share": 3, "weighted_share": 4, "frame_share": 5}
"""The smaller mark lies above the larger one."""


def draw(numbers: pd.DataFrame, notes: dict[str, Any], options: dict[str, Any]) -> Figure:
    """Draw the categories down the side, in the frame's order, and shares in per cent across."""
    cells = numbers.loc[numbers["part"] == "category"]
    if cells.empty:
        figure = create_figure(3)
        mark_empty(figure.subplots(), "no variable of the frame is known of those who answered")
        return figure
    places, names, tall = _place_rows(cells)
    waves = cells.drop_duplicates("wave")
    columns = min(len(waves), MANY)
    bands = -(-len(waves) // columns)
    band = TOP + tall + FOOT
    key = _make_key(cells)
    # With the weighted share the key is too long for one row.
    across_key = 5 if len(key) <= 5 else 3
    whole = bands * band + 0.4 + KEY * -(-len(key) // across_key)
    width = (WIDTH - LEFT - 0.3 - GAP * (columns - 1)) / columns
    most = 100 * cells[list(SERIES)].max().max()
    figure = create_figure(whole, layout=None)
    for at, (wave, label) in enumerate(waves[["wave", "wave_label"]].itertuples(index=False)):
        down, across = divmod(at, columns)
        axes = figure.add_axes(
            (
                (LEFT + across * (width + GAP)) / WIDTH,
                1 - (down * band + TOP + tall) / whole,
                width / WIDTH,
                tall / whole,
            )
        )
        axes.set(xlim=(0, 1.08 * most), ylim=(tall, 0), yticks=[])
        axes.set_title(str(label))
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("Share, %")
        _draw_wave(axes, cells.loc[cells["wave"] == wave], places)
        if across:
            continue
        for y, text, weight in names:
            axes.annotate(
                text,
                (0, y),
                xytext=(-5, 0),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                ha="right",
                va="center",
                weight=weight,
                annotation_clip=False,
                linespacing=0.95,
            )
    place = (0.01, 0.005)
    figure.legend(handles=key, loc="lower left", bbox_to_anchor=place, ncols=across_key, columnspacing=1.4)
    return figure


def _place_rows(cells: pd.DataFrame) -> tuple[dict[tuple[str, str], float], list[tuple[float, str, str]], float]:
    """Place categories and names of variables from the top; give also the words, with their places, and the height."""
    places: dict[tuple[str, str], float] = {}
    names: list[tuple[float, str, str]] = []
    y = 0.0
    for variable, members in cells.groupby("variable", sort=False):
        heading = wrap(str(members["variable_label"].iloc[0]), 18)
        tall = HEAD + 0.3 * heading.count("\n")
        names.append((y + tall / 2, heading, "bold"))
        y += tall
        for category, label in members.drop_duplicates("category")[["category", "category_label"]].itertuples(
            index=False
        ):
            text = wrap(str(label), 28)
            tall = STEP + 0.3 * text.count("\n")
            places[str(variable), str(category)] = y + tall / 2
            names.append((y + tall / 2, text, "normal"))
            y += tall
        y += 0.15
    return places, names, y


def _draw_wave(axes: Any, cells: pd.DataFrame, places: dict[tuple[str, str], float]) -> None:
    for row in list_rows(cells):
        y = places[str(row.variable), str(row.category)]
        axes.axhline(y, color=FAINT, linewidth=0.4, linestyle=(0, (1, 2)), zorder=0)
        if is_missing(row.share):
            text = {"suppressed": "hidden", "empty": "nobody"}.get(row.cell, f"n = {row.n:.0f}")
            axes.annotate(
                text, (100 * row.frame_share, y), xytext=(6, 0), textcoords="offset points", va="center",
                fontsize=6.5, style="italic", color=GREY,
            )  # fmt: skip
        else:
            large = abs(row.std_difference) > NOTABLE
            ends = [100 * row.frame_share, 100 * row.share]
            axes.plot(ends, [y, y], color=look_up(0).colour, linewidth=2.4 if large else 0.9, zorder=1)
        for name, look in SERIES.items():
            share = getattr(row, name)
            if not is_missing(share):
                axes.plot(100 * share, y, **_style(name, look), zorder=ORDER[name])


def _style(name: str, look: dict[str, Any]) -> dict[str, Any]:
    colour = {"invited_share": look_up(1).colour, "share": look_up(0).colour, "weighted_share": look_up(2).colour}
    return {"linestyle": "none", "color": colour.get(name, INK), **look}


def _make_key(cells: pd.DataFrame) -> list[Line2D]:
    drawn = [name for name in SERIES if cells[name].notna().any()]
    marks = [Line2D([], [], **_style(name, SERIES[name])) for name in drawn]
    line = look_up(0).colour
    return [
        *marks,
        Line2D([], [], color=line, linewidth=0.9, label="difference"),
        Line2D([], [], color=line, linewidth=2.4, label=f"standardized difference beyond {NOTABLE}"),
    ]
