"""Points with intervals, raw means as ticks, the numbers of cases beneath, the contrasts at the side."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from firmties.plot_style import FAINT, GREY, INK, WIDTH, create_figure, look_up, mark_empty, wrap

LEFT, GAP, SIDE, TOP, BOTTOM = 1.35, 0.3, 4.2, 0.65, 1.25
"""Centimetres: left margin, between panels, for the contrasts, above a row (legend) and below it (words)."""


def draw(numbers: pd.DataFrame, notes: dict[str, Any], options: dict[str, Any]) -> Figure:
    """Draw a row of panels for each axis label, in the order of the options."""
    rows = [list(group) for _, group in numbers.drop_duplicates("panel").groupby("axis_label", sort=False)["panel"]]
    predictions = numbers.loc[numbers["part"] == "prediction"]
    contrasts = numbers.loc[numbers["part"] == "contrast"]
    heights = [
        TOP
        + BOTTOM
        + (2.0 if cells["estimate"].isna().all() else max(4.6, 1.0 + 0.79 * contrasts["panel"].isin(panels).sum()))
        for panels in rows
        for cells in [predictions.loc[predictions["panel"].isin(panels)]]
    ]
    height = sum(heights) + 0.7
    figure = create_figure(height, layout=None)
    for upper, tall, panels in zip(accumulate([0.0, *heights]), heights, rows, strict=False):
        cells = predictions.loc[predictions["panel"].isin(panels)]
        beside = contrasts.loc[contrasts["panel"].isin(panels)]
        limits = _find_limits(cells)
        room = WIDTH - LEFT - GAP * len(panels) - (SIDE if len(beside) else 0)
        widths = _find_widths([cells.loc[cells["panel"] == panel] for panel in panels], room)
        across = LEFT
        for panel, width in zip(panels, widths, strict=True):
            place = (
                across / WIDTH,
                1 - (upper + tall - BOTTOM) / height,
                width / WIDTH,
                (tall - TOP - BOTTOM) / height,
            )
            axes = figure.add_axes(place)
            _draw_panel(axes, cells.loc[cells["panel"] == panel], limits, width, first=panel == panels[0])
            across += width + GAP
        if len(beside):
            axes = figure.add_axes((across / WIDTH, place[1], SIDE / WIDTH, place[3]))
            _print_contrasts(axes, beside)
    figure.legend(
        handles=[
            Line2D([], [], color=INK, marker="o", label="adjusted prediction, 95 % interval"),
            Line2D(
                [],
                [],
                color=GREY,
                marker="_",
                linestyle="",
                markersize=8,
                markeredgewidth=1.4,
                label="raw mean of the cell",
            ),
            Line2D(
                [], [], color=INK, marker="$n$", linestyle="", markersize=4, label="at the foot: firm-waves in the cell"
            ),
        ],
        loc="lower center",
        ncols=3,
        columnspacing=1.4,
    )
    return figure


def _find_widths(panels: list[pd.DataFrame], room: float) -> list[float]:
    """Share the room, in centimetres, by the number of cells and by the words beneath them."""
    wanted = [max(0.62 * len(cells), 1.6 * cells["value_1"].nunique(), 2.5) for cells in panels]
    return [min(width * room / sum(wanted), 1.8 * width) for width in wanted]


def _find_limits(cells: pd.DataFrame) -> tuple[float, float]:
    values = cells[["estimate", "conf_low", "conf_high", "mean_cell"]].astype(float)
    low, high = values.min().min(), values.max().max()
    if pd.isna(low):
        return 0.0, 1.0
    room = (high - low or 1.0) * 0.06
    return low - 3.2 * room, high + room  # room at the foot for the numbers of cases


def _draw_panel(axes: Any, cells: pd.DataFrame, limits: tuple[float, float], width: float, *, first: bool) -> None:
    axes.set_ylabel(str(cells["axis_label"].iloc[0]) if first else "")
    if cells["estimate"].isna().all():
        mark_empty(axes, "no cell has enough firms")
        return
    axes.set_ylim(limits)
    if not first:
        axes.tick_params(labelleft=False)
    groups = list(dict.fromkeys(cells["value_label_1"].dropna()))
    series = list(dict.fromkeys(cells["value_label_2"].dropna())) or [None]
    step = 0.78 / len(series)
    tick = min(step * 0.34, 0.22)
    for place, name in enumerate(series):
        look = look_up(place)
        own = cells if name is None else cells.loc[cells["value_label_2"] == name]
        shift = (place - (len(series) - 1) / 2) * step
        for value, estimate, low, high, mean, n, cell in own[
            ["value_label_1", "estimate", "conf_low", "conf_high", "mean_cell", "n_cell", "cell"]
        ].itertuples(index=False):
            x = groups.index(value) + shift
            if cell == "shown":
                axes.plot([x, x], [low, high], color=look.colour, linewidth=1.3, zorder=2)
                axes.plot(x, estimate, marker=look.marker, color=look.colour, linestyle="", zorder=3)
                axes.plot(
                    [x - tick, x + tick], [mean, mean], color=GREY, linewidth=1.4, zorder=4, solid_capstyle="butt"
                )
            text = "hidden" if cell == "suppressed" else "empty" if cell == "empty" else f"{int(n):,}"
            sideways = 90 if len(series) > 1 else 0
            axes.annotate(
                text,
                (x, 0),
                (0, 3),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=6.5,
                color=INK if cell == "shown" else GREY,
                rotation=sideways,
            )
    for edge in range(1, len(groups)):
        axes.axvline(edge - 0.5, color=FAINT, linewidth=0.6, zorder=0)
    if limits[0] < 0 < limits[1]:
        axes.axhline(0, color=GREY, linewidth=0.6, zorder=0)
    axes.set_xlim(-0.5, len(groups) - 0.5)
    axes.set_xticks(range(len(groups)), [wrap(group, max(7, int(6.2 * width / len(groups)))) for group in groups])
    axes.tick_params(axis="x", length=0)
    axes.set_xlabel(wrap(str(cells["label_1"].iloc[0]), 26))
    if series != [None]:
        handles = [
            Line2D([], [], color=look_up(place).colour, marker=look_up(place).marker, label=str(name))
            for place, name in enumerate(series)
        ]
        axes.legend(
            handles=handles,
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=len(series),
            borderaxespad=0.2,
            handlelength=1.6,
            columnspacing=1.2,
        )


def _print_contrasts(axes: Any, contrasts: pd.DataFrame) -> None:
    axes.axis("off")
    rows = [("Contrasts [95 % interval]", "bold", INK), ("in the unit of the axis", "normal", GREY)]
    for hypothesis, component, estimate, low, high in contrasts[
        ["hypothesis", "component", "estimate", "conf_low", "conf_high"]
    ].itertuples(index=False):
        value = "not estimated" if pd.isna(estimate) else f"{estimate:.1f} [{low:.1f}, {high:.1f}]".replace("-", "−")
        rows.append(
            (f"{wrap(f'{hypothesis} {component}', 30)}\n   {value}", "normal", GREY if pd.isna(estimate) else INK)
        )
    down = 0.0
    for text, weight, colour in rows:
        axes.annotate(
            text,
            (0, 1),
            (0, -down),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="left",
            va="top",
            fontsize=7.2,
            linespacing=1.15,
            weight=weight,
            color=colour,
            annotation_clip=False,
        )
        down += 9.2 * (text.count("\n") + 1) + 3.5
