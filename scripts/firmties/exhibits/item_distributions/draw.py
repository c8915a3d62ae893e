"""Stacked bars that part at the middle of the response scale: an item's waves beneath one another, items by scale."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from firmties.plot_style import FAINT, GREY, INK, WIDTH, create_figure, mark_empty
from firmties.tables import list_rows

LEFT, RIGHT, NEUTRAL = "#D55E00", "#0072B2", "#C9C9C9"
PAGE = 19.5
"""Height in centimetres that a page of the report shows at full size."""
LEGEND, GAP = 1.25, 0.45


class Layout(NamedTuple):
    """Sizes in centimetres: a column of items, its bars, and how the items are named."""

    columns: int
    line: float
    head: float
    item: float
    space: float
    stub: float
    figure: float
    missing: float
    size: float
    width: int


FULL = Layout(2, 0.23, 0.42, 0.3, 0.1, 0.72, 0.5, 1.05, 5.6, 62)
NARROW = Layout(3, 0.2, 0.36, 0.26, 0.08, 0.66, 0.42, 0.8, 5.0, 46)


def draw(numbers: pd.DataFrame, notes: dict[str, Any], options: dict[str, Any]) -> Figure:
    """Draw the items in two columns, or in three smaller ones where a page would not hold them."""
    if numbers.empty:
        figure = create_figure(3.0)
        mark_empty(figure.add_subplot(), "no item to show")
        return figure
    n_waves = numbers["wave"].nunique()
    blocks = [
        (str(group), [item for _, item in members.groupby("item", sort=False)])
        for group, members in numbers.groupby("group", sort=False)
    ]
    columns, layout = split_columns(blocks, n_waves, FULL), FULL
    if measure(columns, n_waves, FULL) > PAGE - LEGEND:
        columns, layout = split_columns(blocks, n_waves, NARROW), NARROW
    height = measure(columns, n_waves, layout) + LEGEND
    figure = create_figure(height, layout=None)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(height, 0))
    axes.axis("off")
    points = numbers.loc[numbers["part"] == "point"].drop_duplicates("point").sort_values("point", key=_as_number)
    colours = choose_colours(points)
    wide = (WIDTH - GAP * (layout.columns - 1)) / layout.columns
    reach = find_reach(numbers)
    for number, column in enumerate(columns):
        draw_column(axes, column, number * (wide + GAP), wide, reach, colours, layout)
    draw_legend(axes, points, colours, numbers)
    return figure


def _as_number(column: pd.Series) -> pd.Series:
    return column.astype(float)


def choose_colours(points: pd.DataFrame) -> dict[float, Any]:
    """Shade the points of each side from pale at the middle to full at the end."""
    colours: dict[float, Any] = {}
    for side, full in (("below", LEFT), ("above", RIGHT)):
        own = points.loc[points["side"] == side, "point"].astype(float).sort_values(ascending=side == "above")
        for place, point in enumerate(own):
            share = 0.32 + 0.68 * place / (len(own) - 1) if len(own) > 1 else 1.0
            colours[point] = tuple(1 - share * (1 - part) for part in to_rgb(full))
    for point in points.loc[points["side"] == "middle", "point"].astype(float):
        colours[point] = NEUTRAL
    return colours


def measure_block(items: list[pd.DataFrame], n_waves: int, layout: Layout) -> float:
    """Give the height of a group's heading and items."""
    return layout.head + len(items) * (layout.item + n_waves * layout.line + layout.space)


def measure(columns: list[list[tuple[str, list[pd.DataFrame]]]], n_waves: int, layout: Layout) -> float:
    """Give the height of the tallest column."""
    return max(sum(measure_block(items, n_waves, layout) for _, items in column) for column in columns) + 0.15


def split_columns(
    blocks: list[tuple[str, list[pd.DataFrame]]], n_waves: int, layout: Layout
) -> list[list[tuple[str, list[pd.DataFrame]]]]:
    """Share the groups among the columns, in their order; fewer groups than columns are broken between items."""
    if len(blocks) < layout.columns:
        blocks = [(group, [item]) for group, items in blocks for item in items]
    heights = [measure_block(items, n_waves, layout) for _, items in blocks]
    columns: list[list[tuple[str, list[pd.DataFrame]]]] = [[] for _ in range(layout.columns)]
    done, total = 0.0, sum(heights)
    for block, height in zip(blocks, heights, strict=True):
        place = min(layout.columns - 1, int(layout.columns * (done + height / 2) / total))
        if columns[place] and columns[place][-1][0] == block[0]:
            columns[place][-1][1].extend(block[1])
        else:
            columns[place].append((block[0], list(block[1])))
        done += height
    return [column for column in columns if column]


def find_reach(numbers: pd.DataFrame) -> tuple[float, float]:
    """Find how far the bars reach to the left and to the right of the middle, per cent."""
    keys = ["item", "wave"]
    own = numbers.loc[numbers["part"].isin(["point", "hidden"])]
    middle = own.loc[own["side"] == "middle"].groupby(keys)["percent"].sum() / 2
    reaches = []
    for side in ("below", "above"):
        there = own["side"].eq(side) | ((own["part"] == "hidden") & own["side"].isna() & (side == "above"))
        outer = own.loc[there].groupby(keys)["percent"].sum()
        reaches.append(float(outer.add(middle, fill_value=0).max() or 1))
    return reaches[0], reaches[1]


def draw_column(
    axes: Any,
    column: list[tuple[str, list[pd.DataFrame]]],
    left: float,
    wide: float,
    reach: tuple[float, float],
    colours: dict[float, Any],
    layout: Layout,
) -> None:
    """Draw the groups of one column beneath one another."""
    start, stop = left + layout.stub + layout.figure, left + wide - layout.missing - layout.figure
    unit = (stop - start) / sum(reach)
    centre = start + reach[0] * unit
    y = LEGEND
    for group, items in column:
        axes.text(
            left,
            y + layout.head - 0.13,
            f"{group[:1].upper()}{group[1:]}",
            weight="bold",
            fontsize=layout.size + 1.4,
            va="bottom",
        )
        axes.plot([left, left + wide], [y + layout.head - 0.08] * 2, color=FAINT, lw=0.6)
        y += layout.head
        for item in items:
            y = draw_item(axes, item, y, left, (start, centre, stop, left + wide), unit, colours, layout)


def draw_item(
    axes: Any,
    item: pd.DataFrame,
    y: float,
    left: float,
    places: tuple[float, float, float, float],
    unit: float,
    colours: dict[float, Any],
    layout: Layout,
) -> float:
    """Draw the bars of one item, a wave a line; give where the next begins."""
    start, centre, stop, end = places
    first = item.iloc[0]
    marks = ("" if first["scored"] else " ·") + (" (R)" if first["reverse"] else "")
    small = layout.size
    text = _shorten(f"{first['item']}{marks}  {first['label']}", layout.width)
    axes.text(left, y + layout.item - 0.07, text, fontsize=small + 0.5, va="bottom")
    y += layout.item
    for _, bar in item.groupby("wave", sort=True):
        centre_line = y + layout.line / 2
        label = str(bar["wave_label"].iloc[0])
        label = label.removesuffix(".0")
        axes.text(
            start - layout.figure - 0.06, centre_line, label, fontsize=small - 0.4, ha="right", va="center", color=GREY
        )
        parts = dict(list(bar.groupby("part")))
        if "not asked" in parts:
            look = {"fontsize": small - 0.4, "ha": "center", "va": "center", "color": GREY, "style": "italic"}
            axes.text(centre, centre_line, "not asked", **look)
            y += layout.line
            continue
        axes.plot([centre, centre], [y, y + layout.line], color=INK, lw=0.5, zorder=3)
        draw_bar(axes, bar, centre, unit, y + 0.02, layout.line - 0.04, colours)
        for side, place, align in (("below", start - 0.06, "right"), ("above", stop + 0.06, "left")):
            value = parts[side]["percent"].iloc[0]
            text = "hid." if pd.isna(value) else f"{value:.0f}"
            axes.text(place, centre_line, text, fontsize=small, ha=align, va="center")
        missing = float(parts["missing"]["percent"].iloc[0])
        place = end - layout.missing + 0.12
        long = min(missing * unit, layout.missing - 0.45)
        axes.add_patch(
            Rectangle(
                (place, y + 0.02),
                long,
                layout.line - 0.04,
                facecolor="white",
                edgecolor=GREY,
                hatch="/////",
                linewidth=0.3,
            )
        )
        axes.text(place + long + 0.05, centre_line, f"{missing:.0f}", fontsize=small, va="center", color=GREY)
        y += layout.line
    return y + layout.space


def draw_bar(
    axes: Any, bar: pd.DataFrame, centre: float, unit: float, top: float, high: float, colours: dict[float, Any]
) -> None:
    """Draw one bar outwards from the middle; what is not told apart stands at the end of its side."""
    points = bar.loc[bar["part"] == "point"]
    half = float(points.loc[points["side"] == "middle", "percent"].sum()) / 2
    for point in points.loc[points["side"] == "middle", "point"].astype(float):
        _box(axes, centre - half * unit, top, 2 * half * unit, high, facecolor=colours[point])
    for side, sign in (("below", -1), ("above", 1)):
        reach = half
        own = points.loc[points["side"] == side]
        for row in list_rows(own.sort_values("point", key=_as_number, ascending=sign > 0)):
            near = centre + sign * reach * unit
            reach += row.percent
            _box(
                axes,
                min(near, near + sign * row.percent * unit),
                top,
                row.percent * unit,
                high,
                facecolor=colours[float(row.point)],
            )
        hidden = bar.loc[(bar["part"] == "hidden") & (bar["side"].fillna("above").replace("middle", "above") == side)]
        for row in list_rows(hidden):
            near = centre + sign * reach * unit
            _box(axes, min(near, near + sign * row.percent * unit), top, row.percent * unit, high,
                 facecolor="white", edgecolor=INK, hatch="xxxxxx")  # fmt: skip


def draw_legend(axes: Any, points: pd.DataFrame, colours: dict[float, Any], numbers: pd.DataFrame) -> None:
    """Name the points, in their order, and what the hatches and figures mean."""
    entries = [(colours[float(row.point)], "", _name_point(row.point, row.point_label)) for row in list_rows(points)]
    if (numbers["part"] == "hidden").any():
        entries.append(("white", "xxxxxx", "not told apart (few)"))
    entries.append(("white", "/////", "missing, %"))
    lengths = [0.66 + 0.115 * len(label) for *_, label in entries]
    lines = 1 + int(sum(lengths) > WIDTH)
    per_line = -(-len(entries) // lines)
    x, y = 0.0, 0.16
    for place, ((colour, hatch, label), long) in enumerate(zip(entries, lengths, strict=True)):
        if place == per_line:
            x, y = 0.0, y + 0.36
        _box(axes, x, y, 0.32, 0.22, facecolor=colour, edgecolor=GREY, hatch=hatch, linewidth=0.3)
        axes.text(x + 0.4, y + 0.115, label, fontsize=6.2, va="center")
        x += long
    axes.text(
        0,
        y + 0.5,
        "Figures beside the bars: per cent below and above the middle.",
        fontsize=6.2,
        va="center",
        color=GREY,
    )


def _name_point(point: Any, label: Any) -> str:
    code = f"{float(point):g}"
    return code if str(label) in (code, str(point)) else f"{code} {label}"


def _box(axes: Any, x: float, y: float, wide: float, high: float, **paint: Any) -> None:
    axes.add_patch(Rectangle((x, y), wide, high, **{"linewidth": 0.2, "edgecolor": "white", **paint}))


def _shorten(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
