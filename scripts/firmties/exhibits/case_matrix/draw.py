"""Cases by columns: a matrix of marks, or a strip of bands with the cases across."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from firmties.plot_style import FAINT, GREY, INK, create_figure, look_up, mark_empty, wrap

SHADE, HATCH = "#f3f3f3", "#9a9a9a"


def draw(numbers: pd.DataFrame, notes: dict[str, Any], options: dict[str, Any]) -> Figure:
    """Draw the layout that the options ask for."""
    # Without groups of cases their label is blank, which a CSV file does not tell from missing.
    numbers = numbers.assign(by_label=numbers["by_label"].astype("object").fillna(""))
    if numbers.empty:
        figure = create_figure(4)
        mark_empty(figure.subplots(), "no case")
        return figure
    return _draw_strip(numbers, notes) if options.get("layout") == "strip" else _draw_matrix(numbers)


def _draw_matrix(numbers: pd.DataFrame) -> Figure:
    cases = numbers.drop_duplicates("case").reset_index(drop=True)
    rows = {case: place for place, case in enumerate(cases["case"])}
    figure = create_figure(0.5 * len(cases) + 3.4)
    axes = figure.subplots()
    at = 0.0
    places: list[float] = []
    labels: list[str] = []
    for _, group in numbers.groupby("group", sort=False):
        columns = group.drop_duplicates("variable")
        across = {name: at + step for step, name in enumerate(columns["variable"])}
        places += across.values()
        labels += [wrap(label.replace("-", "- "), 11).replace("- ", "-") for label in columns["label"]]
        axes.text(
            at + (len(columns) - 1) / 2, -2.1, group["group_label"].iloc[0], ha="center", va="bottom", weight="bold"
        )
        for cell in group.to_dict("records"):
            _mark_cell(axes, across[cell["variable"]], rows[cell["case"]], cell["mark"])
        at += len(columns)
        if group["ticks"].notna().all():
            at -= 0.2
            axes.text(at, -0.7, "ticks", ha="center", va="bottom", color=GREY, style="italic")
            for cell in group.drop_duplicates("case").to_dict("records"):
                axes.text(at, rows[cell["case"]], f"{cell['ticks']:.0f}", ha="center", va="center", color=GREY)
            at += 0.6
        at += 0.4
    axes.hlines([row - 0.5 for row in range(len(cases) + 1)], -0.6, at - 0.5, colors=FAINT, linewidth=0.5, zorder=0)
    for label, block in cases.groupby("by_label", sort=False):
        axes.hlines(block.index[0] - 0.5, -0.6, at, colors=GREY, linewidth=0.9, zorder=0)
        axes.text(
            at - 0.2,
            block.index.to_numpy().mean(),
            str(label),
            ha="center",
            va="center",
            rotation=90,
            weight="bold",
            fontsize=7,
        )
    axes.set(xlim=(-0.6, at), ylim=(len(cases) - 0.5, -0.5), yticks=range(len(cases)), yticklabels=cases["case"])
    axes.set_xticks(places, labels, fontsize=7)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    _explain(figure, numbers, INK)
    return figure


def _draw_strip(numbers: pd.DataFrame, notes: dict[str, Any]) -> Figure:
    cells = numbers[numbers["group"] == numbers["group"].iloc[0]]
    cases = cells.drop_duplicates("case").reset_index(drop=True)
    bands = cells.drop_duplicates("variable").reset_index(drop=True)
    across = {case: place for place, case in enumerate(cases["case"])}
    down = {name: place for place, name in enumerate(bands["variable"])}
    figure = create_figure(1.35 * len(bands) + 3.2)
    axes = figure.subplots()
    for place in range(0, len(bands), 2):
        axes.add_patch(Rectangle((-0.5, place - 0.5), len(cases), 1, color=SHADE, zorder=0))
    looks = {
        block: look_up(int(order))
        for block, order in cases[["by_label", "by_order"]].drop_duplicates().itertuples(index=False)
    }
    for case, held in cells.groupby("case", sort=False):
        look = looks[held["by_label"].iloc[0]]
        places = [down[name] for name in held.loc[held["mark"] == "open", "variable"]]
        if places:
            axes.plot(
                [across[case]] * 2,
                [min(places), max(places)],
                color=look.colour,
                linestyle=":",
                linewidth=0.9,
                zorder=1,
            )
        for cell in held.to_dict("records"):
            _mark_point(axes, across[case], down[cell["variable"]], cell["mark"], look.colour, look.marker)
    axes.set(xlim=(-0.5, len(cases) - 0.5), ylim=(len(bands) - 0.5, -0.5))
    axes.set_xticks(range(len(cases)), cases["case"], rotation=90)
    axes.set_yticks(range(len(bands)), [wrap(label, 16) for label in bands["label"]])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for label, block in cases.groupby("by_label", sort=False):
        if block.index[0]:
            axes.axvline(block.index[0] - 0.5, color=GREY, linewidth=0.9)
        axes.text(block.index[0] - 0.35, -0.58, label, color=looks[label].colour, weight="bold", va="bottom")
    axes.set_title(cells["group_label"].iloc[0], pad=16)
    _explain(figure, cells, GREY, _word_open(cells))
    return figure


def _word_open(cells: pd.DataFrame) -> str:
    """Say how many of a case's open columns hold, where the numbers of ticks tell."""
    held = cells["mark"].isin(["solid", "half"]).groupby(cells["case"]).sum()
    left = (cells.drop_duplicates("case").set_index("case")["ticks"] - held)[lambda n: n.isna() | (n > 0)]
    return ": one of those joined" if left.eq(1).all() else ": some of those joined"


def _mark_cell(axes: Axes, x: float, y: float, mark: str) -> None:
    """Mark a cell of the matrix; an open one is hatched over its width."""
    if mark == "open":
        axes.add_patch(
            Rectangle((x - 0.42, y - 0.36), 0.84, 0.72, facecolor="white", edgecolor=HATCH, hatch="//////", linewidth=0)
        )
    else:
        _mark_point(axes, x, y, mark, INK, "o")


def _mark_point(axes: Axes, x: float, y: float, mark: str, colour: str, marker: str) -> None:
    if mark == "open":
        axes.scatter(
            [x],
            [y],
            s=46,
            marker=marker,
            facecolor="white",
            edgecolor=colour,
            hatch="////////",
            linewidth=0.7,
            zorder=2,
        )
    elif mark != "none":
        axes.plot([x], [y], zorder=3, **_shape(mark, colour, marker))


def _shape(mark: str, colour: str, marker: str) -> dict[str, Any]:
    """Line properties of a solid or half-filled mark."""
    return {
        "linestyle": "none",
        "marker": marker,
        "markersize": 7,
        "markeredgewidth": 0.9,
        "color": colour,
        "markerfacecoloralt": "white",
        "fillstyle": "left" if mark == "half" else "full",
    }


def _explain(figure: Figure, cells: pd.DataFrame, colour: str, ending: str = "") -> None:
    words = cells[cells["mark"] != "none"].drop_duplicates("mark").set_index("mark")["status_label"]
    handles: list[Any] = [
        Line2D([], [], label=words[mark], **_shape(mark, colour, "o")) for mark in ("solid", "half") if mark in words
    ]
    if "open" in words:
        handles.append(
            Patch(facecolor="white", edgecolor=HATCH, hatch="//////", linewidth=0, label=words["open"] + ending)
        )
    figure.legend(handles=handles, loc="outside lower left", ncols=2)
