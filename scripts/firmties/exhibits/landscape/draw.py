"""Nodes and ties with the largest component in colour, degrees as an inset, the numbers in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from firmties.plot_style import FAINT, GREY, INK, WIDTH, create_figure, look_up, mark_empty
from firmties.tables import is_missing, list_rows

HEAD, FOOT = 3.7, 1.6
"""Centimetres: the key and the inset above the graph, the numbers below it."""

REACH = 1.25
"""How far the graph's plane reaches to the left and to the right."""

MODES = {"partner": ("partners", "o", look_up(0).colour), "firm": ("firms", "s", INK)}


def draw(numbers: pd.DataFrame, notes: dict[str, Any], options: dict[str, Any]) -> Figure:
    """Draw the graph, if there are nodes; always the degrees and the numbers."""
    nodes = numbers.loc[numbers["part"] == "node"]
    words = _write_numbers(numbers, notes)
    if nodes.empty:
        figure = create_figure(9.0, layout=None)
        _draw_degrees(figure.add_axes((0.1, 0.36, 0.86, 0.58)), numbers)
        figure.text(0.01, 0.03, "\n".join(words), fontsize=7.5, linespacing=1.4, va="bottom")
        return figure
    low, high = nodes["y"].min() - 0.04, nodes["y"].max() + 0.04
    graph = WIDTH * (high - low) / (2 * REACH)
    height = HEAD + graph + FOOT
    figure = create_figure(height, layout=None)
    axes = figure.add_axes((0.0, FOOT / height, 1.0, graph / height))
    axes.set_axis_off()
    axes.set(xlim=(-REACH, REACH), ylim=(low, high))
    key = _draw_graph(axes, numbers, nodes)
    _draw_degrees(figure.add_axes((0.68, 1 - 3.2 / height, 0.3, 3.0 / height)), numbers, small=True)
    figure.legend(handles=key, loc="upper left", bbox_to_anchor=(0.0, 1.0), ncols=2, handletextpad=0.3, fontsize=7.5)
    figure.text(0.01, 0.1 / height, "\n".join(words), fontsize=7.5, linespacing=1.4, va="bottom")
    return figure


def _draw_graph(axes: Any, numbers: pd.DataFrame, nodes: pd.DataFrame) -> list[Line2D]:
    """The largest component over the others, larger nodes over smaller; give the key."""
    places = nodes.set_index(nodes["node"].astype(int))
    edges = numbers.loc[numbers["part"] == "edge", ["node", "other"]].astype(int)
    ends = np.stack([places.loc[edges[end], ["x", "y"]].to_numpy(float) for end in ("node", "other")], axis=1)
    largest = (places.loc[edges["node"], "component"] == 1).to_numpy()
    axes.add_collection(LineCollection(ends[~largest], colors=FAINT, linewidths=0.35, zorder=1))
    axes.add_collection(LineCollection(ends[largest], colors="#9a9a9a", linewidths=0.35, alpha=0.6, zorder=2))
    rest = places[places["component"] != 1]
    for mode, marker, size in (("partner", "o", 1.6), ("firm", "s", 2.6)):
        own = rest[rest["mode"] == mode]
        axes.scatter(own["x"], own["y"], s=size, marker=marker, color="#b5b5b5", linewidths=0, zorder=3)
    core = places[places["component"] == 1].sort_values("degree", kind="stable")
    firms = core[core["mode"] == "firm"]
    axes.scatter(firms["x"], firms["y"], s=7, marker="o", facecolor="white", edgecolor=INK, linewidths=0.6, zorder=4)
    key = [Line2D([], [], linestyle="", marker="o", color=INK, markerfacecolor="white", markersize=4, label="firm")]
    partners = core[core["mode"] == "partner"]
    unknown = partners[partners["kind_place"].isna()]
    axes.scatter(unknown["x"], unknown["y"], s=3, marker=".", color=GREY, linewidths=0, zorder=5)
    for place in sorted(partners["kind_place"].dropna().unique()):
        own, look = partners[partners["kind_place"] == place], look_up(int(place))
        axes.scatter(
            own["x"], own["y"], s=2.2 + 4.5 * (own["degree"].astype(float) - 1), marker=look.marker, color=look.colour,
            edgecolor="white", linewidths=0.15, zorder=5, alpha=0.9,
        )  # fmt: skip
        label = str(own["kind_label"].iloc[0])
        key.append(Line2D([], [], linestyle="", marker=look.marker, color=look.colour, markersize=5, label=label))
    if len(rest):
        key.append(
            Line2D([], [], linestyle="", marker="o", color="#b5b5b5", markersize=3, label="other components (grey)")
        )
    return key


def _draw_degrees(axes: Any, numbers: pd.DataFrame, small: bool = False) -> None:
    """Share of nodes with at least so many ties, on logarithmic scales."""
    counts = numbers.loc[numbers["part"] == "degree"]
    if counts.empty:
        mark_empty(axes, "no degree that may be shown")
        return
    for mode, (label, marker, colour) in MODES.items():
        own = counts.loc[counts["mode"] == mode].sort_values("degree")
        if own.empty:
            continue
        share = own["n"][::-1].cumsum()[::-1] / own["n"].sum()
        axes.plot(
            own["degree"], share, marker=marker, markersize=2.6 if small else 4, linewidth=0.8, color=colour,
            markerfacecolor="white" if mode == "firm" else colour, label=label,
        )  # fmt: skip
    axes.set(xscale="log", yscale="log")
    size = 6.5 if small else 8
    axes.set_xlabel("Ties of a node", fontsize=size, labelpad=1)
    axes.set_ylabel("Share with as many or more", fontsize=size, labelpad=1)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.tick_params(labelsize=size - 0.5, length=2, pad=1.5)
    axes.legend(fontsize=size, handlelength=1.4, borderaxespad=0.1, loc="upper right" if small else "best")


def _write_numbers(numbers: pd.DataFrame, notes: dict[str, Any]) -> list[str]:
    """The graph in numbers, a line for its size and one for each measure."""
    ties = "" if is_missing(notes["n_edges"]) else f", {notes['n_edges']:,} ties"
    size = f"{notes['n_nodes']:,} nodes ({notes['n_firms']:,} firms){ties}"
    parts = f"{notes['n_components']:,} components, the largest with {notes['n_largest']:,} nodes"
    found = []
    for row in list_rows(numbers.loc[numbers["part"] == "measure"]):
        if is_missing(row.value):
            continue
        text = f"{row.label} {row.value:.2f}"
        if not is_missing(row.rewired):
            text += f" (rewired {row.rewired:.2f}, {row.rewired_low:.2f} to {row.rewired_high:.2f})"
        found.append(text)
    return [f"{size}; {parts}.", "; ".join(found[:2]) + "." if found else "", *(f"{text}." for text in found[2:])]
