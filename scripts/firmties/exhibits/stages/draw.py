"""Three panels, one above the other, over the stages of the relation."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from firmties.plot_style import GREY, INK, WIDTH, create_figure, look_up, mark_empty, wrap

LEFT, PANEL, HEAD, FOOT = 1.2, 3.1, 0.95, 1.3
"""Centimetres: left margin, height of a panel, above each (title), below the last (stages)."""

PANELS = ("in_person", "exchanges", "slope")


def draw(numbers: pd.DataFrame, notes: dict[str, Any], options: dict[str, Any]) -> Figure:
    """Draw in person, exchanges and slope; the stages are the shared axis."""
    height = len(PANELS) * (PANEL + HEAD) + FOOT
    figure = create_figure(height, layout=None)
    stages = list(dict.fromkeys(numbers["stage_label"]))
    for place, panel in enumerate(PANELS):
        foot = height - (place + 1) * (PANEL + HEAD)
        axes = figure.add_axes((LEFT / WIDTH, foot / height, 1 - (LEFT + 0.2) / WIDTH, PANEL / height))
        own = numbers.loc[numbers["panel"] == panel]
        title = str(own["panel_label"].iloc[0]) if len(own) else "Slope"
        axes.set_title(f"{'abc'[place]}  {wrap(title, 84)}", fontsize=8, linespacing=1.1)
        if own["estimate"].isna().all():
            mark_empty(axes, "not estimated")
            continue
        _draw_series(axes, own, stages)
        if axes.get_ylim()[0] < 0 < axes.get_ylim()[1]:
            axes.axhline(0, color=GREY, linewidth=0.8, zorder=1)
        axes.set_xlim(-0.5, len(stages) - 0.5)
        shown = [wrap(stage, int(60 / len(stages))) for stage in stages] if panel == PANELS[-1] else []
        axes.set_xticks(range(len(stages)) if shown else [], shown)
        axes.tick_params(axis="x", length=0)
    return figure


def _draw_series(axes: Any, own: pd.DataFrame, stages: list[str]) -> None:
    series = list(dict.fromkeys(own["series"]))
    for place, name in enumerate(series):
        look = look_up(place)
        line = own.loc[own["series"] == name]
        shift = (place - (len(series) - 1) / 2) * 0.06
        x = [stages.index(label) + shift for label in line["stage_label"]]
        axes.plot(x, line["estimate"], color=look.colour, linestyle=look.line, linewidth=0.9, zorder=2)
        axes.vlines(x, line["conf_low"], line["conf_high"], color=look.colour, linewidth=1.5, zorder=2)
        label = wrap(str(line["series_label"].iloc[0]), 46)
        axes.plot(x, line["estimate"], color=look.colour, marker=look.marker, linestyle="", zorder=3, label=label)
    low, high = axes.get_ylim()
    # The key stands above the points, the numbers of cases below them.
    lines = len(series) + 0.5 if len(series) > 1 else 0
    axes.set_ylim(low - 0.28 * (high - low), high + 0.04 * (high - low) + 0.15 * lines * (high - low))
    if len(series) > 1:
        axes.legend(loc="upper center", ncols=2, borderaxespad=0.0, handletextpad=0.2, columnspacing=1.2)
    for stage, rows in own.groupby("stage_label", sort=False):
        cells = set(rows["cell"])
        # ASSUME the smaller number speaks for series that differ by a few missing answers.
        text = "empty" if rows["n"].isna().all() else f"n = {int(rows['n'].min()):,}"
        text = "hidden" if "suppressed" in cells else text
        axes.annotate(
            text,
            (stages.index(str(stage)), 0),
            (0, 3),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=7,
            color=INK if cells == {"shown"} else GREY,
        )
