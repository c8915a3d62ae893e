"""A heat map of what is missing, bars of the reasons beside it, and the commonest patterns beneath."""

from __future__ import annotations

from string import ascii_uppercase
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from firmties.plot_style import FAINT, GREY, INK, WIDTH, create_figure, look_up, mark_empty, wrap
from firmties.tables import list_rows

LINE, HEAD, FOOT, LABELS, CELL = 0.3, 1.25, 0.85, 4.7, 1.15
"""Centimetres: height of a row, of the heads and of the legend; width of the labels, widest cell."""
REASONS = {"no_answer": "no answer", "dont_know": "don't know", "refused": "refused", "lost": "removed as implausible"}
LIGHT, DARK = (0.97, 0.98, 1.0), (0.37, 0.62, 0.82)


def draw(numbers: pd.DataFrame, notes: dict[str, Any], options: dict[str, Any]) -> Figure:
    """Draw from top to bottom: heat map and reasons, legend, patterns with their bars."""
    groups = numbers.loc[numbers["part"] == "group"].reset_index(drop=True)
    cells = numbers.loc[numbers["part"] == "cell"]
    patterns = numbers.loc[numbers["part"] == "pattern"]
    top = HEAD + LINE * len(groups) + FOOT if len(groups) else 0.2
    height = top
    if len(patterns):
        above, tall = _measure_patterns(patterns, notes)
        height += above + patterns["line"].nunique() * tall + 0.6
    figure = create_figure(max(height, 3.0), layout=None)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(max(height, 3.0), 0))
    axes.axis("off")
    if numbers.empty:
        mark_empty(axes, "no question to show")
        return figure
    if len(groups):
        waves = cells.drop_duplicates("wave")
        wide = min(CELL, 5.2 / len(waves))
        _draw_cells(axes, cells, groups, waves, wide)
        _draw_reasons(axes, groups, LABELS + wide * len(waves) + 0.5)
        _draw_legend(axes, HEAD + LINE * len(groups) + 0.2, bool(groups[[*REASONS]].isna().any(axis=None)))
    if len(patterns):
        _draw_patterns(axes, patterns, notes, top)
    return figure


def _draw_cells(axes: Any, cells: pd.DataFrame, groups: pd.DataFrame, waves: pd.DataFrame, wide: float) -> None:
    axes.text(0.05, 0.3, "a  Missing answers, %", weight="bold", va="center", fontsize=8.5)
    small = 6.6 if wide >= 0.8 else 5.8
    place = {wave: LABELS + wide * number for number, wave in enumerate(waves["wave"])}
    for wave, label in waves[["wave", "wave_label"]].itertuples(index=False):
        axes.text(place[wave] + wide / 2, HEAD - 0.12, _print_label(label), ha="center", va="bottom", fontsize=7.2)
    line = {group: HEAD + LINE * number for number, group in enumerate(groups["group"])}
    highest = max(float(cells["missing"].max()), 1.0) if cells["missing"].notna().any() else 1.0
    for group, label in groups[["group", "label"]].itertuples(index=False):
        axes.text(
            LABELS - 0.12,
            line[group] + LINE / 2,
            str(label) if len(str(label)) <= 34 else _shorten(str(group), 34),
            ha="right",
            va="center",
            fontsize=6.7,
        )
    for cell in list_rows(cells):
        x, y = place[cell.wave], line[cell.group]
        if cell.n_asked == 0:
            _add_box(axes, x, y, wide, LINE, facecolor="white", hatch="//////", edgecolor=GREY)
            continue
        if pd.isna(cell.missing):
            _add_box(axes, x, y, wide, LINE, facecolor="white", edgecolor=FAINT)
            axes.text(x + wide / 2, y + LINE / 2, "few", ha="center", va="center", fontsize=small, color=GREY)
            continue
        share = min(cell.missing / highest, 1)
        colour = tuple(light + share * (dark - light) for light, dark in zip(LIGHT, DARK, strict=True))
        _add_box(axes, x, y, wide, LINE, facecolor=colour, edgecolor="white")
        if cell.n_asked < cell.n_items:
            # A strip for the questions that the wave did not ask, as wide as their share.
            strip = 0.3 * wide
            _add_box(axes, x + wide - strip, y, strip, LINE, facecolor="white", hatch="//////", edgecolor=GREY)
        text_at = x + (0.35 if cell.n_asked < cell.n_items else 0.5) * wide
        axes.text(text_at, y + LINE / 2, f"{cell.missing:.1f}", ha="center", va="center", fontsize=small)


def _draw_reasons(axes: Any, groups: pd.DataFrame, left: float) -> None:
    right = WIDTH - 1.75
    most = max(float(groups["missing"].max()), 1.0) if groups["missing"].notna().any() else 1.0
    scale = (right - left) / most
    axes.text(left, 0.3, "b  Reasons, all waves, %", weight="bold", va="center", fontsize=8.5)
    axes.text(WIDTH - 0.75, HEAD - 0.12, "did not\napply, %", ha="center", va="bottom", fontsize=7.2, linespacing=1.0)
    step = next(step for step in (0.5, 1, 2, 5, 10, 20, 50, 100) if most / step <= 4)
    bottom = HEAD + LINE * len(groups)
    for number in range(int(most / step) + 1):
        x = left + number * step * scale
        axes.plot([x, x], [HEAD, bottom], color=FAINT, linewidth=0.5, zorder=0)
        axes.text(x, HEAD - 0.12, f"{number * step:g}", ha="center", va="bottom", fontsize=7.2)
    for number, group in enumerate(list_rows(groups)):
        x, y = left, HEAD + LINE * number
        for place, reason in enumerate(REASONS):
            share = getattr(group, reason)
            if pd.notna(share) and share > 0:
                _add_box(axes, x, y + 0.04, share * scale, LINE - 0.08, **_paint(place), linewidth=0.4)
                x += share * scale
        if pd.notna(group.missing) and any(pd.isna(getattr(group, reason)) for reason in REASONS):
            _add_box(axes, x, y + 0.04, left + group.missing * scale - x, LINE - 0.08, facecolor=FAINT, edgecolor=GREY)
        if pd.notna(group.not_applicable) and group.not_applicable > 0:
            axes.text(WIDTH - 0.75, y + LINE / 2, f"{group.not_applicable:.1f}", ha="center", va="center", fontsize=6.2)


def _draw_legend(axes: Any, top: float, withheld: bool) -> None:
    handles = [Patch(**_paint(place), linewidth=0.4, label=reason) for place, reason in enumerate(REASONS.values())]
    handles.append(
        Patch(
            facecolor="white",
            hatch="//////",
            edgecolor=GREY,
            linewidth=0.5,
            label="not asked in that wave (strip: some)",
        )
    )
    if withheld:
        handles.insert(
            len(REASONS), Patch(facecolor=FAINT, edgecolor=GREY, linewidth=0.5, label="not told apart (few)")
        )
    _add_legend(axes, handles, "upper right", (WIDTH - 0.1, top), ncols=3 if withheld else 5)


QUESTION, BAR, KEY = 0.5, 0.23, 0.3
"""Centimetres: width of a question's column, height of a bar, and of a line of the questions' key."""


def _measure_patterns(patterns: pd.DataFrame, notes: dict[str, Any]) -> tuple[float, float]:
    """Height down to the first pattern, and of one pattern."""
    n_lines = max(_count_lines(str(notes["pattern_questions"]).split("|")), patterns["group"].nunique() + 1)
    return 1.05 + KEY * n_lines, max(0.42, BAR * patterns["group"].nunique() + 0.1)


def _count_lines(names: list[str]) -> int:
    """Lines of the questions' key: two columns where every name fits."""
    return (len(names) + 1) // 2 if max(map(len, names)) <= 42 else len(names)


def _draw_patterns(axes: Any, patterns: pd.DataFrame, notes: dict[str, Any], top: float) -> None:
    names = str(notes["pattern_questions"]).split("|")
    letters = ascii_uppercase[: len(names)]
    above, tall = _measure_patterns(patterns, notes)
    head, half = top + above, _count_lines(names)
    title = f"{'c  ' if top > 1 else ''}Commonest patterns of missing answers to {len(names)} questions"
    axes.text(0.05, top + 0.1, title, weight="bold", va="center", fontsize=8.5)
    for number, (letter, name) in enumerate(zip(letters, names, strict=True)):
        x, y = 0.4 + 6.1 * (number // half), top + 0.55 + KEY * (number % half)
        axes.text(x, y, letter, weight="bold", va="center", fontsize=6.8)
        axes.text(x + 0.35, y, _shorten(name, 92), va="center", fontsize=6.8)
    start, right = 0.3, WIDTH - 1.0
    left = start + len(names) * QUESTION + 0.5
    for number, letter in enumerate(letters):
        axes.text(
            start + (number + 0.5) * QUESTION,
            head - 0.16,
            letter,
            weight="bold",
            ha="center",
            va="center",
            fontsize=6.8,
        )
    most = max(float(patterns["percent"].max()), 1.0) if patterns["percent"].notna().any() else 1.0
    codes = list(patterns["group"].drop_duplicates())
    size = (tall - 0.1) / len(codes)
    for line, (_, members) in enumerate(patterns.groupby("line")):
        y = head + line * tall
        for number, state in enumerate(str(members["states"].iloc[0])):
            _draw_state(axes, state, start + number * QUESTION, y, tall)
        for member in list_rows(members):
            at = codes.index(member.group)
            low = y + 0.05 + at * size
            if pd.isna(member.percent):
                axes.text(left + 0.05, low + size / 2, "hidden", va="center", fontsize=6.2, color=GREY, style="italic")
                continue
            length = (right - left) * member.percent / most
            if length > 0:
                _add_box(axes, left, low, length, size, **_paint(at), linewidth=0.4)
            axes.text(left + length + 0.08, low + size / 2, f"{member.percent:.1f}", va="center", fontsize=6.2)
        axes.plot([start, WIDTH - 0.2], [y, y], color=FAINT, linewidth=0.4, zorder=0)
    first = patterns.loc[patterns["line"] == patterns["line"].min()]
    handles = [
        Patch(**_paint(at), linewidth=0.4, label=f"{label} (n = {n:,.0f})" if pd.notna(n) else str(label))
        for at, (label, n) in enumerate(first[["label", "n_group"]].itertuples(index=False))
    ]
    title = (
        f"% of firm-waves by\n{wrap(_lower(notes['split_label']), 30)}"
        if notes.get("split_label")
        else "% of firm-waves"
    )
    _add_legend(
        axes, handles, "lower right", (WIDTH - 0.1, head - 0.3), title=title, title_fontsize=7, alignment="left"
    )
    foot = head + patterns["line"].nunique() * tall + 0.3
    x = start
    for state, word in ((".", "answered"), ("m", "missing"), ("-", "not asked in that wave"), ("n", "did not apply")):
        if patterns["states"].str.contains(state, regex=False).any():
            _draw_state(axes, state, x, foot - 0.2, 0.4)
            axes.text(x + QUESTION + 0.05, foot, word, va="center", fontsize=7)
            x += QUESTION + 0.5 + 0.13 * len(word)


def _add_legend(axes: Any, handles: list[Patch], corner: str, place: tuple[float, float], **more: Any) -> None:
    axes.add_artist(
        axes.legend(
            handles=handles, loc=corner, bbox_to_anchor=place, bbox_transform=axes.transData, borderaxespad=0,
            fontsize=7, handlelength=1.6, columnspacing=1.2, labelspacing=0.3, **more,
        )
    )  # fmt: skip


def _lower(text: object) -> str:
    """Begin a label with a small letter within a sentence, if its second letter is small."""
    words = str(text)
    return words[:1].lower() + words[1:] if words[1:2].islower() else words


def _draw_state(axes: Any, state: str, x: float, y: float, tall: float) -> None:
    wide, high = QUESTION - 0.14, min(tall - 0.14, 0.28)
    x, y = x + 0.07, y + (tall - high) / 2
    if state == "m":
        _add_box(axes, x, y, wide, high, facecolor=INK, edgecolor=INK)
    elif state == "-":
        _add_box(axes, x, y, wide, high, facecolor="white", hatch="//////", edgecolor=GREY)
    elif state == "n":
        axes.plot([x + 0.08, x + wide - 0.08], [y + high / 2] * 2, color=GREY, linewidth=1.0)
    else:
        axes.plot(x + wide / 2, y + high / 2, marker="o", markersize=2.2, color=GREY)


def _paint(place: int) -> dict[str, Any]:
    look = look_up(place)
    # The hatch is drawn in the colour of the edge, so the face is white where there is one.
    return {"facecolor": look.colour if not look.hatch else "white", "hatch": 2 * look.hatch, "edgecolor": look.colour}


def _add_box(axes: Any, x: float, y: float, wide: float, high: float, **paint: Any) -> None:
    axes.add_patch(Rectangle((x, y), wide, high, **{"linewidth": 0.5, **paint}))


def _shorten(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def _print_label(label: object) -> str:
    return f"{label:.0f}" if isinstance(label, float) else str(label)
