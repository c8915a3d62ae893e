"""A curve with its band, binned partial residuals, the turning point, and a strip with the density."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from firmties.plot_style import FAINT, GREY, INK, create_figure, look_up, mark_empty, wrap


def draw(numbers: pd.DataFrame, notes: dict[str, Any], options: dict[str, Any]) -> Figure:
    """Draw the curve over its strip."""
    figure = create_figure(9.5)
    part = dict(iter(numbers.groupby("part")))
    if "curve" not in part:
        mark_empty(figure.subplots(), "the prediction was not made")
        return figure
    axes, strip = figure.subplots(2, 1, sharex=True, height_ratios=(6, 1))
    look = look_up(0)
    curve = part["curve"]
    axes.fill_between(curve["x"], curve["conf_low"], curve["conf_high"], color=look.colour, alpha=0.18, linewidth=0)
    axes.plot(curve["x"], curve["estimate"], color=look.colour, linewidth=1.8, zorder=3)
    handles: list[Any] = [
        Line2D([], [], color=look.colour, linewidth=1.8, label="adjusted prediction"),
        Patch(facecolor=look.colour, alpha=0.18, label="95 % interval"),
    ]
    if "bin" in part:
        axes.plot(
            part["bin"]["x"],
            part["bin"]["estimate"],
            marker="o",
            markersize=4,
            linestyle="",
            markerfacecolor="white",
            color=INK,
            zorder=4,
        )
        label = f"mean partial residual, {len(part['bin'])} bins"
        handles.append(
            Line2D([], [], color=INK, marker="o", markersize=4, linestyle="", markerfacecolor="white", label=label)
        )
    low, high = axes.get_ylim()
    if low < 0 < high:
        axes.axhline(0, color=FAINT, linewidth=0.8, zorder=0)
    if "turning_point" in part:
        _mark_turning_point(axes, part["turning_point"].iloc[0], (curve["x"].min(), curve["x"].max()))
        axes.set_ylim(low - 0.1 * (high - low), high)
    axes.set_ylabel(wrap(str(numbers["y_label"].iloc[0]), 40))
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles), columnspacing=1.4)
    axes.tick_params(labelbottom=False)

    if "density" in part:
        bars = part["density"]
        strip.bar(
            bars["x"],
            bars["n"],
            bars["x_to"] - bars["x"],
            align="edge",
            color="#b8b8b8",
            edgecolor="white",
            linewidth=0.4,
        )
        strip.set_yticks([0, int(bars["n"].max())])
        strip.set_ylabel("cases", fontsize=7)
    else:
        strip.set_yticks([])
    strip.set_xlim(curve["x"].min(), curve["x"].max())
    strip.set_xlabel(str(numbers["x_label"].iloc[0]))
    return figure


def _mark_turning_point(axes: Any, point: pd.Series, shown: tuple[float, float]) -> None:
    """Draw the turning point with its interval at the foot, where it lies in the range shown."""
    text = f"turning point {point['x']:.2f} [{point['conf_low']:.2f}, {point['conf_high']:.2f}]".replace("-", "−")
    left, right = shown
    if not left < point["x"] < right:
        axes.text(0.01, 0.03, f"{text}, outside the range shown", transform=axes.transAxes, color=GREY, fontsize=7.2)
        return
    base = axes.get_xaxis_transform()
    axes.axvline(point["x"], color=GREY, linewidth=0.9, linestyle=(0, (4, 2)), zorder=1)
    ends = (max(point["conf_low"], left), min(point["conf_high"], right))
    axes.plot(ends, (0.035, 0.035), transform=base, color=INK, linewidth=2.2, solid_capstyle="butt", zorder=4)
    beyond = point["x"] > left + 0.6 * (right - left)
    axes.annotate(
        text,
        (ends[0] if beyond else ends[1], 0.035),
        (-5 if beyond else 5, 0),
        xycoords=base,
        textcoords="offset points",
        ha="right" if beyond else "left",
        va="center",
        fontsize=7.2,
    )
