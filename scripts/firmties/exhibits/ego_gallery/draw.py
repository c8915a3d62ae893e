"""A small network a group: the firm in the middle, its partners around it in the order of their kinds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch

from firmties.plot_style import GREY, INK, create_figure, look_up, mark_empty, wrap
from firmties.tables import is_missing, list_rows

ACROSS = COLUMNS = 3
PANEL, FOOT, LINE = 5.2, 0.35, 0.5
"""Centimetres: height of a panel, below the key, a line of the key."""

FROM_BELOW, THICKEST = 0.5, 4.5
"""Points: the width of a tie of strength 0, and what strength 1 adds."""


def draw(numbers: pd.DataFrame, notes: dict[str, Any], options: dict[str, Any]) -> Figure:
    """Draw the groups in their order, three side by side; every place is fixed."""
    firms = numbers.loc[numbers["part"] == "firm"]
    across = min(ACROSS, len(firms))
    down = -(-len(firms) // across)
    key = _make_key(numbers, options)
    lines = -(-len(key) // COLUMNS)
    height = down * PANEL + LINE * lines + FOOT
    figure = create_figure(height, layout=None)
    for place, firm in enumerate(list_rows(firms)):
        row, column = divmod(place, across)
        axes = figure.add_axes(
            (column / across, 1 - (row + 1) * PANEL / height, 1 / across, PANEL / height), aspect="equal"
        )
        axes.set_axis_off()
        axes.set(xlim=(-1.75, 1.75), ylim=(-1.5, 1.5 + 0.45))
        own = numbers.loc[numbers["panel"] == firm.panel]
        axes.text(-1.62, 1.86, f"{'abcdefghi'[place]}  {wrap(str(firm.panel_label), 34)}", weight="bold", va="top")
        if not (own["part"] == "partner").any():
            mark_empty(axes, "nobody in this group")
            continue
        words = ", ".join(str(text) for text in (firm.route, firm.status) if not is_missing(text) and str(text))
        axes.text(-1.62, 1.62, wrap(words, 44), va="top", fontsize=7, color=GREY)
        _draw_network(axes, firm, own, options)
    figure.legend(
        handles=key, loc="lower left", bbox_to_anchor=(0.01, 0.0), ncols=COLUMNS, handlelength=2.6, columnspacing=1.4
    )
    return figure


def _draw_network(axes: Any, firm: Any, own: pd.DataFrame, options: dict[str, Any]) -> None:
    partners = list_rows(own.loc[own["part"] == "partner"])
    # Of an even number none stands at the side, where there is no room for its label.
    n = len(partners)
    angles = np.pi * (0.5 - 2 * np.arange(n) / n + (1 / n if n % 2 == 0 else 0))
    at = {int(row.node): (np.cos(angle), np.sin(angle)) for row, angle in zip(partners, angles, strict=True)}
    codes = [str(code) for code in options["ties"]]
    for pair in list_rows(own.loc[own["part"] == "pair"]):
        unknown = is_missing(pair.tie)
        if not unknown and _as_code(pair.tie) not in codes:
            continue
        style = (
            {"linestyle": (0, (1, 2)), "linewidth": 0.7, "color": GREY}
            if unknown
            else _tie_style(_as_code(pair.tie), codes)
        )
        axes.add_patch(
            FancyArrowPatch(
                at[int(pair.node)], at[int(pair.other)], connectionstyle="arc3,rad=-0.22", arrowstyle="-",
                shrinkA=0, shrinkB=0, zorder=1, **style,
            )
        )  # fmt: skip
    colour = GREY if _is_true(firm.stopped) else INK
    dashes: Any = (0, (2.2, 1.1)) if _is_true(firm.through) else "solid"
    for row in partners:
        x, y = at[int(row.node)]
        weak = is_missing(row.strength)
        width = 0.7 if weak else FROM_BELOW + THICKEST * float(row.strength)
        line: Any = (0, (1, 2)) if weak else dashes
        axes.plot([0, x], [0, y], color=colour, linewidth=width, linestyle=line, solid_capstyle="butt", zorder=2)
        look = look_up(0 if is_missing(row.kind_place) else int(row.kind_place))
        axes.plot(
            [x], [y], marker=look.marker, markersize=10, color=look.colour, markeredgecolor="white",
            markeredgewidth=1, zorder=4,
        )  # fmt: skip
        label = "kind not known" if is_missing(row.kind_label) else str(row.kind_label)
        up = y > -0.1
        axes.annotate(
            wrap(label, 14), (x, y), (0, 8 if up else -8), textcoords="offset points", ha="center",
            va="bottom" if up else "top", fontsize=7, zorder=5, linespacing=0.95,
        )  # fmt: skip
    axes.plot([0], [0], marker="o", markersize=15, color="white", markeredgecolor=colour, markeredgewidth=1.4, zorder=4)
    axes.text(0, 0, "firm", ha="center", va="center", fontsize=6.5, zorder=5)


def _tie_style(code: str, codes: list[str]) -> dict[str, Any]:
    """Ties between partners are blue and bent, the stronger the thicker."""
    place = codes.index(code)
    return {"color": look_up(0).colour, "linewidth": 0.8 + 1.6 * place / max(len(codes) - 1, 1)}


def _as_code(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _is_true(value: Any) -> bool:
    return not is_missing(value) and str(value) == "True"


def _make_key(numbers: pd.DataFrame, options: dict[str, Any]) -> list[Line2D]:
    partners = numbers.loc[numbers["part"] == "partner"].dropna(subset="kind_place")
    kinds = partners.drop_duplicates("kind_place").sort_values("kind_place")
    key = [
        Line2D(
            [],
            [],
            linestyle="",
            marker=look_up(int(place)).marker,
            color=look_up(int(place)).colour,
            markersize=7,
            label=str(label),
        )
        for place, label in kinds[["kind_place", "kind_label"]].itertuples(index=False)
    ]
    firms = numbers.loc[numbers["part"] == "firm"]
    key += [
        Line2D([], [], color=INK, linewidth=FROM_BELOW + THICKEST * strength, label=f"tie of strength {strength:g}")
        for strength in (0.2, 0.8)
    ]
    if firms["through"].map(_is_true).any():
        key.append(Line2D([], [], color=INK, linewidth=2, linestyle=(0, (2.2, 1.1)), label="reached through another"))
    if firms["stopped"].map(_is_true).any():
        key.append(Line2D([], [], color=GREY, linewidth=2, label="stopped (grey)"))
    codes = [str(code) for code in options["ties"]]
    key += [Line2D([], [], **_tie_style(code, codes), label=f"partners: {options['ties'][code]}") for code in codes]
    if ((numbers["part"] == "pair") & numbers["tie"].isna()).any():
        key.append(Line2D([], [], color=GREY, linewidth=0.7, linestyle=(0, (1, 2)), label="partners: not known"))
    return key
