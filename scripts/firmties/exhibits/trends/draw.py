"""Line panels over waves, and beneath them the moves from one wave to the next."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from firmties.plot_style import FAINT, GREY, INK, WIDTH, create_figure, look_up, mark_empty, wrap
from firmties.tables import format_number

COLUMNS = 3
PANEL, HEAD, TICKS, LEFT, BETWEEN = 2.7, 0.95, 0.75, 1.05, 1.15
"""Centimetres: height of a line panel, above it, below it, left of the first, between two."""
FLOW, FLOW_HEAD, NAMES = 5.2, 1.35, 2.05
"""Centimetres: height of a diagram of moves, above it, beside it (names of blocks)."""
BAR, GAP, STUB = 0.05, 0.03, 0.1
"""Shares of a diagram: width of a block, room between two blocks, length of the grey end of hidden moves."""


def draw(numbers: pd.DataFrame, notes: dict[str, Any], options: dict[str, Any]) -> Figure:
    """Draw the panels in rows of three, then the moves: side by side, or a row a variable where pairs are apart."""
    means, flows = numbers[numbers["part"] == "mean"], numbers[numbers["part"] == "flow"]
    panels = [own for _, own in means.groupby("panel", sort=True)]
    diagrams = [
        own
        for _, variable in flows.groupby("variable", sort=False)
        for _, own in variable.groupby("pair", dropna=False)
    ]
    rows = -(-len(panels) // COLUMNS)
    # Pairs of waves apart stand in one row a variable, taken together two variables share a row.
    most = int(flows.groupby("variable")["pair"].nunique().max()) if len(flows) else 0
    apart, across = most > 1, max(most, 2)
    names, letters_of_names = (NAMES, 15) if across == 2 else (NAMES * 0.82, 9)
    flow_rows = flows["variable"].nunique() if apart else -(-len(diagrams) // 2)
    height = rows * (PANEL + HEAD + TICKS) + flow_rows * (FLOW + FLOW_HEAD) + 0.2
    figure = create_figure(height, layout=None)
    width = (WIDTH - LEFT - 0.25 - (COLUMNS - 1) * BETWEEN) / COLUMNS
    for place, own in enumerate(panels):
        row, column = divmod(place, COLUMNS)
        foot = height - (row + 1) * (PANEL + HEAD) - row * TICKS
        left = LEFT + column * (width + BETWEEN)
        axes = figure.add_axes((left / WIDTH, foot / height, width / WIDTH, PANEL / height))
        title = f"{'abcdefghijklmnopqrstuvwxyz'[place]}  {own['panel_label'].iloc[0]}"
        axes.set_title(wrap(title, 30), fontsize=8, linespacing=1.1)
        _draw_lines(axes, own, set(notes.get("not_joined") or []))
    top = height - rows * (PANEL + HEAD + TICKS)
    letters = "abcdefghijklmnopqrstuvwxyz"[len(panels) :]
    at: dict[str, int] = {}
    for place, own in enumerate(diagrams):
        variable = str(own["variable"].iloc[0])
        row = at.setdefault(variable, len(at)) if apart else place // 2
        column = int(own["pair"].iloc[0]) if apart else place % 2
        side = (WIDTH - 0.3) / across
        foot = top - (row + 1) * (FLOW + FLOW_HEAD) + 0.1
        left = 0.15 + column * side
        box = (left + names, foot, side - 2 * names, FLOW)
        axes = figure.add_axes((box[0] / WIDTH, box[1] / height, box[2] / WIDTH, box[3] / height))
        above = (foot + FLOW + 0.5) / height
        if column == 0 or not apart:
            title = f"{letters[row if apart else place]}  {own['variable_label'].iloc[0]}"
            figure.text(left / WIDTH, above, wrap(title, 100 if apart else 48), fontsize=8, weight="bold", va="bottom")
        _draw_moves(axes, own, letters_of_names)
    return figure


def _draw_lines(axes: Axes, own: pd.DataFrame, apart: set[str]) -> None:
    waves = list(dict.fromkeys(own["wave_label"].astype(str)))
    series = list(dict.fromkeys(own["series"]))
    shown = own["estimate"].notna()
    if not shown.any():
        mark_empty(axes, "too few to show" if (own["n"] > 0).any() else "no values")
        return
    for place, name in enumerate(series):
        look, line = look_up(place), own[own["series"] == name]
        shift = (place - (len(series) - 1) / 2) * 0.07
        x = [waves.index(label) + shift for label in line["wave_label"].astype(str)]
        if name not in apart:
            # A wave without a value leaves a gap in the line.
            axes.plot(x, line["estimate"], color=look.colour, linestyle=look.line, linewidth=0.9, zorder=2)
        axes.vlines(x, line["conf_low"], line["conf_high"], color=look.colour, linewidth=1.4, zorder=2)
        label = wrap(str(line["series_label"].iloc[0]), 30 if len(series) < 3 else 18)
        axes.plot(x, line["estimate"], color=look.colour, marker=look.marker, linestyle="", markersize=4, label=label)
    lines = sum(text.count("\n") + 1 for text in axes.get_legend_handles_labels()[1])
    low, high = axes.get_ylim()
    axes.locator_params(axis="y", nbins=5)
    axes.set_yticks([tick for tick in axes.get_yticks() if low <= tick <= high])
    axes.set_ylim(low, high)
    if len(series) > 1:
        columns = 1 if len(series) < 3 else 2
        axes.set_ylim(low, high + (high - low) * 0.17 * (-(-lines // columns) + 0.4))
        axes.legend(
            loc="upper left", ncols=columns, borderaxespad=0.0, borderpad=0.1, handletextpad=0.1, columnspacing=0.6,
            labelspacing=0.2, fontsize=7,
        )  # fmt: skip
    axes.set_xlim(-0.35, len(waves) - 0.65)
    axes.set_xticks(range(len(waves)), waves)
    for place, label in enumerate(waves):
        rows = own[own["wave_label"].astype(str) == label]
        if rows["estimate"].isna().all():
            word = {"suppressed": "hidden", "no estimate": "few"}.get(str(rows["cell"].iloc[0]), "not asked")
            axes.annotate(
                word, (place, 0.5), xycoords=("data", "axes fraction"), rotation=90, ha="center", va="center",
                fontsize=7, color=GREY, style="italic",
            )  # fmt: skip
    axes.tick_params(axis="x", length=0)


def _draw_moves(axes: Axes, own: pd.DataFrame, width: int) -> None:
    axes.set(xlim=(0, 1), ylim=(1, 0), xticks=[], yticks=[])
    axes.set_frame_on(False)
    if not (own["n_pairs"] > 0).all():
        mark_empty(axes, "no firm in two consecutive waves")
        axes.set_frame_on(True)
        return
    total = float(own["n_pairs"].iloc[0])
    codes = list(dict.fromkeys(own["code_before"]))
    sides = {end: _stack(own, end, codes, total, width) for end in ("before", "after")}
    scale = sides["before"]["scale"]
    used: dict[tuple[str, str], float] = {}
    moves = own[own["n"].fillna(0) > 0]
    for start in codes:
        for end in codes:
            found = moves[(moves["code_before"] == start) & (moves["code_after"] == end)]
            if found.empty:
                continue
            size = float(found["n"].iloc[0]) * scale
            left = sides["before"]["tops"][start] + used.get(("before", start), 0.0)
            right = sides["after"]["tops"][end] + used.get(("after", end), 0.0)
            used["before", start] = used.get(("before", start), 0.0) + size
            used["after", end] = used.get(("after", end), 0.0) + size
            _draw_band(axes, left, right, size, look_up(codes.index(start)).colour, stays=start == end)
    for end, x, inner, align in (("before", 0.0, BAR, "right"), ("after", 1 - BAR, 1 - BAR - STUB, "left")):
        axes.annotate(
            str(own[f"{end}_label"].iloc[0]), (0 if end == "before" else 1, 0), (0, 3), textcoords="offset points",
            ha="left" if end == "before" else "right", va="bottom", fontsize=7, color=GREY, annotation_clip=False,
        )  # fmt: skip
        for code, top, size, label in sides[end]["blocks"]:
            look = look_up(codes.index(code)) if code in codes else None
            colour = FAINT if look is None else look.colour
            hatch = "" if look is None else look.hatch
            axes.add_patch(
                Rectangle((x, top), BAR, size, facecolor=colour, edgecolor="white", hatch=hatch, linewidth=0)
            )
            rest = size - used.get((end, code), 0.0)
            if rest > 0.5 * scale:
                axes.add_patch(
                    Rectangle((inner, top + size - rest), STUB, rest, facecolor=FAINT, linewidth=0, zorder=0)
                )
            axes.annotate(
                label, (0 if end == "before" else 1, top + size / 2), (-3 if end == "before" else 3, 0),
                textcoords="offset points", ha=align, va="center", fontsize=7, color=INK, linespacing=1.05,
                annotation_clip=False,
            )  # fmt: skip


def _stack(own: pd.DataFrame, end: str, codes: list[str], total: float, width: int) -> dict[str, Any]:
    """Place the blocks of one side from top to bottom; those whose number is hidden stand as one."""
    firsts = own.drop_duplicates(f"code_{end}").set_index(f"code_{end}")
    counts, names = firsts[f"n_{end}"].astype(float), firsts[f"label_{end}"].astype(str)
    blocks = [(code, float(counts[code]), names[code]) for code in codes if counts[code] > 0]
    hidden = [names[code] for code in codes if pd.isna(counts[code])]
    rest = total - sum(size for _, size, _ in blocks)
    if hidden and rest > 0:
        blocks.append(("hidden", rest, "hidden: " + ", ".join(hidden)))
    scale = (1 - GAP * (len(codes) - 1)) / total
    top, placed, tops = 0.0, [], {}
    for code, n, label in blocks:
        tops[code] = top
        placed.append((code, top, n * scale, wrap(f"{label} {format_number(n, 0)}", width)))
        top += n * scale + GAP
    return {"scale": scale, "tops": tops, "blocks": placed}


def _draw_band(axes: Axes, left: float, right: float, size: float, colour: str, *, stays: bool) -> None:
    x0, x1 = BAR, 1 - BAR
    middle = (x0 + x1) / 2
    points = [
        (x0, left), (middle, left), (middle, right), (x1, right),
        (x1, right + size), (middle, right + size), (middle, left + size), (x0, left + size), (x0, left),
    ]  # fmt: skip
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    axes.add_patch(
        PathPatch(Path(points, codes), facecolor=colour, alpha=0.3 if stays else 0.55, linewidth=0, zorder=1)
    )
