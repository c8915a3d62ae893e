"""Coefficients as points with intervals around zero; a marker an outcome, a colour a model."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from firmties.plot_style import FAINT, GREY, INK, WIDTH, create_figure, look_up, mark_empty, wrap

LEFT, GAP, STEP, TERM, HEAD, FOOT = 5.2, 0.4, 0.26, 0.22, 0.5, 1.25
"""Centimetres: words at the left, between panels, a series, around a term, a heading, below the axes."""


MANY = 4
"""More models than this stand in two columns of the key."""


def draw(numbers: pd.DataFrame, notes: dict[str, Any], options: dict[str, Any]) -> Figure:
    """Draw one panel an estimator, as their coefficients have no common unit."""
    if numbers.empty:
        figure = create_figure(3)
        mark_empty(figure.subplots(), "no coefficient was estimated")
        return figure
    rows = _place_rows(numbers)
    height = rows["bottom"].iloc[-1]
    models = list(dict.fromkeys(numbers["series"]))
    outcomes = list(dict.fromkeys(numbers["outcome_label"]))
    panels = list(dict.fromkeys(numbers["axis"]))
    columns = 1 if len(models) <= MANY else 2
    legend = 0.42 * max(-(-len(models) // columns), len(outcomes)) + 0.5
    figure = create_figure(height + FOOT + legend + 0.5, layout=None)
    whole = height + FOOT + legend + 0.5
    width = (WIDTH - LEFT - 0.3 - GAP * (len(panels) - 1)) / len(panels)
    for place, panel in enumerate(panels):
        own = numbers.loc[numbers["axis"] == panel]
        axes = figure.add_axes(
            ((LEFT + place * (width + GAP)) / WIDTH, (FOOT + legend) / whole, width / WIDTH, height / whole)
        )
        axes.set_ylim(height, 0)
        axes.axvline(0, color=GREY, linewidth=0.8, zorder=1)
        for term, top, bottom in rows.loc[rows["kind"] != "head", ["term", "top", "bottom"]].itertuples(index=False):
            axes.axhline(bottom, color=FAINT, linewidth=0.4, zorder=0)
            found = own.loc[own["term"] == term]
            for at, (series, outcome, estimate, low, high) in enumerate(
                found[["series", "outcome_label", "estimate", "conf_low", "conf_high"]].itertuples(index=False)
            ):
                y = (top + bottom) / 2 + (at - (len(found) - 1) / 2) * STEP
                model = models.index(series)
                look, marker = look_up(model), look_up(outcomes.index(outcome)).marker
                axes.plot([low, high], [y, y], color=look.colour, linestyle=look.line, linewidth=1.2, zorder=2)
                axes.plot([low, high], [y, y], color=look.colour, linestyle="", marker="|", markersize=4.5, zorder=2)
                axes.plot(
                    estimate,
                    y,
                    color=look.colour,
                    marker=marker,
                    markerfacecolor=_fill(model),
                    markersize=4.4,
                    zorder=3,
                )
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.margins(x=0.04)
        axes.set_xlabel(wrap(str(own["axis_label"].iloc[0]), int(width * 6)))
        axes.set_title(panel if len(panels) > 1 else "", loc="center", pad=4)
    for kind, text, top, bottom in rows[["kind", "text", "top", "bottom"]].itertuples(index=False):
        y = 1 - (0.5 + (top + bottom) / 2) / whole
        indent, weight = 0.45 if kind == "term" else 0.15, "bold" if kind == "head" else "normal"
        figure.text(indent / WIDTH, y, text, ha="left", va="center", fontsize=7.5, weight=weight, linespacing=1.0)
    shapes = [
        Line2D([], [], color=INK, linestyle="", marker=look_up(i).marker, label=wrap(name, 40))
        for i, name in enumerate(outcomes)
    ]
    colours = [
        Line2D(
            [], [], color=look_up(i).colour, linestyle=look_up(i).line, marker="o", markerfacecolor=_fill(i), label=name
        )
        for i, name in enumerate(models)
    ]
    for handles, left, title, n_columns in ((shapes, 0.01, "Outcome", 1), (colours, 0.46, "Model", columns)):
        figure.legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=(left, legend / whole),
            title=title,
            ncols=n_columns,
            title_fontsize=7.5,
            alignment="left",
            borderaxespad=0,
            labelspacing=0.35,
            handlelength=2.4,
        )
    return figure


def _fill(model: int) -> str:
    """Fill the markers of the first model only, so that colour is not the one thing that tells models apart."""
    return look_up(0).colour if model == 0 else "white"


def _place_rows(numbers: pd.DataFrame) -> pd.DataFrame:
    """Lay out headings and terms from the top down, each term as tall as its fullest panel needs."""
    rows: list[tuple[str, str, str, float, float]] = []
    y, heading = 0.0, ""
    for term, found in numbers.groupby("term", sort=False):
        group = "" if pd.isna(found["group"].iloc[0]) else str(found["group"].iloc[0])
        if group and group != heading:
            text = wrap(group, 32)
            tall = HEAD + 0.3 * text.count("\n")
            rows.append(("head", "", text, y, y + tall))
            y += tall
        elif heading and not group:
            y += 0.2
        heading = group
        text = wrap(str(found["term_label"].iloc[0]), 36)
        tall = max(found.groupby("axis").size().max() * STEP, 0.3 * (text.count("\n") + 1)) + TERM
        rows.append(("term" if group else "single", str(term), text, y, y + tall))
        y += tall
    return pd.DataFrame(rows, columns=["kind", "term", "text", "top", "bottom"])
