"""Bars of combinations above, dots below that say what each combines."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from firmties.plot_style import FAINT, GREY, INK, WIDTH, Look, create_figure, look_up, mark_empty, wrap
from firmties.tables import is_missing, list_rows

LEFT, BARS, GAP, STEP, HEAD, FOOT = 5.4, 5.2, 0.25, 0.55, 0.3, 1.0
"""Centimetres: words at the left, the bars, between them and the dots, a row of dots, above the bars, below all."""


def draw(numbers: pd.DataFrame, notes: dict[str, Any], options: dict[str, Any]) -> Figure:
    """Draw a column a combination, the largest first, those whose size is hidden last."""
    sets = numbers.loc[numbers["part"] == "set"]
    totals = numbers.loc[numbers["part"] == "total"].head(int(options.get("most", 20)))
    height = HEAD + BARS + GAP + STEP * max(len(sets), 1) + FOOT
    figure = create_figure(height, layout=None)
    width = 1 - (LEFT + 0.3) / WIDTH
    above = figure.add_axes((LEFT / WIDTH, (FOOT + STEP * len(sets) + GAP) / height, width, BARS / height))
    if totals.empty:
        mark_empty(above, "no row has all answers")
        return figure
    below = figure.add_axes((LEFT / WIDTH, FOOT / height, width, STEP * len(sets) / height), sharex=above)
    _draw_bars(above, numbers, totals)
    _draw_dots(below, sets, totals)
    above.set_xlim(-0.6, len(totals) - 0.4)
    figure.legend(
        handles=[
            Patch(facecolor=look.colour, hatch=look.hatch, edgecolor="white", linewidth=0, label=str(label))
            for look, label in _list_looks(numbers)
        ],
        loc="lower left",
        bbox_to_anchor=(0.01, 0.0),
        ncols=4,
    )
    return figure


def _list_looks(numbers: pd.DataFrame) -> list[tuple[Look, str]]:
    codes = numbers.loc[numbers["part"] == "cell"].drop_duplicates("by").sort_values("by_place")
    return [(look_up(int(place)), label) for place, label in codes[["by_place", "by_label"]].itertuples(index=False)]


def _draw_bars(axes: Any, numbers: pd.DataFrame, totals: pd.DataFrame) -> None:
    cells = numbers.loc[numbers["part"] == "cell"]
    most = float(totals["n"].max()) if totals["n"].notna().any() else 1.0
    for x, total in enumerate(list_rows(totals)):
        base = 0.0
        own = cells.loc[cells["combination"] == total.combination]
        for row in list_rows(own):
            if is_missing(row.n):
                continue
            look = look_up(int(row.by_place))
            axes.bar(x, row.n, 0.66, bottom=base, color=look.colour, hatch=look.hatch, edgecolor="white", linewidth=0)
            base += row.n
        hidden = is_missing(total.n)
        text = "hidden" if hidden else f"{total.n:,.0f}"
        part_hidden = bool(own["n"].isna().any()) and not hidden
        if part_hidden:
            axes.bar(x, total.n - base, 0.66, bottom=base, color="#f0f0f0", edgecolor=GREY, hatch="////", linewidth=0)
        axes.annotate(
            text, (x, 0 if hidden else total.n), (0, 2), textcoords="offset points", ha="center", va="bottom",
            fontsize=7, color=GREY if hidden else INK, style="italic" if hidden else "normal",
            rotation=90 if hidden else 0,
        )  # fmt: skip
    axes.set_ylim(0, 1.1 * most)
    axes.set_ylabel("Firm-waves")
    axes.tick_params(axis="x", length=0, labelbottom=False)
    axes.spines["bottom"].set_color(FAINT)


def _draw_dots(axes: Any, sets: pd.DataFrame, totals: pd.DataFrame) -> None:
    names = list(sets["members"].astype(str))
    for y in range(0, len(names), 2):
        axes.axhspan(y - 0.5, y + 0.5, color="#f4f4f4", zorder=0)
    for x, total in enumerate(list_rows(totals)):
        members = [] if is_missing(total.members) else str(total.members).split("|")
        places = [y for y, name in enumerate(names) if name in members]
        axes.plot([x] * len(names), range(len(names)), "o", markersize=5, color=FAINT, zorder=1)
        if places:
            axes.plot([x, x], [min(places), max(places)], color=INK, linewidth=1.4, zorder=2)
            axes.plot([x] * len(places), places, "o", markersize=6, color=INK, zorder=3)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), [_head(row) for row in list_rows(sets)])
    axes.tick_params(length=0, labelbottom=False)
    for side in axes.spines.values():
        side.set_visible(False)


def _head(row: Any) -> str:
    size = "hidden" if is_missing(row.n) else f"n = {row.n:,.0f}"
    return wrap(f"{row.set_label} ({size})", 40)
