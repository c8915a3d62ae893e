"""A column of boxes a wave; the boxes' names stand at the left, the reasons of the exits at the right."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from firmties.plot_style import FAINT, GREY, INK, WIDTH, create_figure, mark_empty, wrap

LEFT, RIGHT, LINE, BOX, COLUMN, LETTER = 2.7, 4.3, 0.37, 0.52, 2.4, 0.19
"""Centimetres: margins with the words, height of a line of exits and of a box, widest column, width of a letter."""


def draw(numbers: pd.DataFrame, notes: dict[str, Any], options: dict[str, Any]) -> Figure:
    """Draw one grid: waves across, steps down."""
    lines = numbers.drop_duplicates("line").sort_values("line")
    words = [
        wrap(str(label if part in ("box", "of_which") else reason), 16 if part in ("box", "of_which") else 30)
        for part, label, reason in lines[["part", "label", "reason"]].itertuples(index=False)
    ]
    heights = [
        max(BOX if part == "box" else LINE, 0.31 * (text.count("\n") + 1) + 0.06) + (0.12 if part == "box" else 0)
        for part, text in zip(lines["part"], words, strict=True)
    ]
    waves = numbers.drop_duplicates("wave")
    shares = [1.3 if wave == "all" else 1.0 for wave in waves["wave"]]  # sums have more digits
    unit = min((WIDTH - LEFT - RIGHT) / max(sum(shares), 1), COLUMN)
    names = [wrap(str(label), int(5 * unit * share)) for label, share in zip(waves["wave_label"], shares, strict=True)]
    # Names too wide for their column stand on the slant.
    slant = any(
        LETTER * max(map(len, name.split("\n"))) > unit * share for name, share in zip(names, shares, strict=True)
    )
    head = 0.5 + 0.7 * LETTER * max(map(len, waves["wave_label"].astype(str)), default=0) if slant else 0.75
    tops = [head + sum(heights[:i]) for i in range(len(heights))]
    height = head + 0.1 + sum(heights)
    figure = create_figure(max(height, 2.0), layout=None)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(max(height, 2.0), 0))
    axes.axis("off")
    if numbers.empty:
        mark_empty(axes, "no responses")
        return figure

    right = LEFT + unit * sum(shares)
    middle = {line: top + tall / 2 for line, top, tall in zip(lines["line"], tops, heights, strict=True)}
    for (line, part), text in zip(lines[["line", "part"]].itertuples(index=False), words, strict=True):
        if part in ("box", "of_which"):
            weight = "bold" if part == "box" else "normal"
            axes.text(
                LEFT - 0.15, middle[line], text, ha="right", va="center", fontsize=7.5, weight=weight, linespacing=1.0
            )
        else:
            axes.plot([LEFT, right], [middle[line]] * 2, color=FAINT, linewidth=0.4, linestyle=(0, (1, 2)), zorder=0)
            axes.text(
                right + 0.15, middle[line], text, ha="left", va="center", fontsize=7.2, color=INK, linespacing=1.0
            )

    for place, (wave, label) in enumerate(zip(waves["wave"], names, strict=True)):
        centre = LEFT + unit * (sum(shares[:place]) + shares[place] / 2)
        box = min(0.86 * unit * shares[place], 2.2)
        if slant:
            flat = label.replace("\n", " ")
            axes.text(centre, head - 0.1, flat, rotation=40, rotation_mode="anchor", ha="left", weight="bold")
        else:
            axes.text(centre, 0.38, label, ha="center", va="center", weight="bold", linespacing=0.95)
        _draw_wave(
            axes, numbers.loc[numbers["wave"] == wave].sort_values("line"), middle, centre, box, total=wave == "all"
        )
    return figure


def _draw_wave(
    axes: Any, lines: pd.DataFrame, middle: dict[int, float], centre: float, box: float, total: bool
) -> None:
    spine = centre - box * 0.3
    boxes = [middle[line] for line in lines.loc[lines["part"] == "box", "line"]]
    for upper, lower in pairwise(boxes):
        arrow = {"arrowstyle": "-|>", "color": GREY, "linewidth": 0.7, "mutation_scale": 5, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", (spine, lower - BOX / 2), (spine, upper + BOX / 2), arrowprops=arrow, zorder=1)
    small = 7 if box > 1.2 else 6.4
    for line, part, n, exits in lines[["line", "part", "n", "exits"]].itertuples(index=False):
        y = middle[line]
        if part == "box":
            fill = "#dbe8f3" if total else "#eef4f9"
            axes.add_patch(
                Rectangle(
                    (centre - box / 2, y - BOX / 2), box, BOX, facecolor=fill, edgecolor=INK, linewidth=0.7, zorder=2
                )
            )
            axes.text(
                centre, y, f"{int(n):,}", ha="center", va="center", fontsize=small * 1.08, weight="bold", zorder=3
            )
        elif part == "of_which":
            axes.text(
                spine + 0.1,
                y,
                f"{int(n):,}",
                ha="left",
                va="center",
                fontsize=small,
                zorder=3,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
            )
        elif exits:
            tip = spine + box * 0.2
            start, end = (spine, tip) if exits > 0 else (tip, spine)
            arrow = {
                "arrowstyle": "-|>",
                "color": GREY,
                "linewidth": 0.6,
                "mutation_scale": 4,
                "shrinkA": 0,
                "shrinkB": 0,
            }
            axes.annotate("", (end, y), (start, y), arrowprops=arrow, zorder=1)
            text = f"{int(exits):,}" if exits > 0 else f"+{int(-exits):,}"
            axes.text(
                tip + 0.06,
                y,
                text,
                ha="left",
                va="center",
                fontsize=small,
                zorder=3,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
            )
        else:
            axes.text(
                spine + box * 0.2 + 0.06,
                y,
                "0",
                ha="left",
                va="center",
                fontsize=small,
                color=GREY,
                zorder=3,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
            )
