"""A heat map a panel: number and row percentage in each cell, cells away from independence outlined."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from firmties.plot_style import GREY, INK, create_figure, mark_empty, wrap

NOTABLE = 2
"""Size of an adjusted residual from which a cell is outlined."""

SHADES = LinearSegmentedColormap.from_list("shades", ["#f7fbff", "#5f9fd2"])
"""Light enough throughout for dark figures on it."""


def draw(numbers: pd.DataFrame, notes: dict[str, Any], options: dict[str, Any]) -> Figure:
    """Draw the panels side by side."""
    rows = numbers.drop_duplicates("row")
    panels = list(numbers.groupby("panel", sort=False)) or [("single", numbers)]
    figure = create_figure(2.8 + 1.35 * max(len(rows), 2))
    all_axes = figure.subplots(1, len(panels), squeeze=False, sharey=False)[0]
    if numbers["n"].fillna(0).sum() == 0:
        for axes in all_axes:
            mark_empty(axes, "no row has both answers")
        return figure

    from seaborn import heatmap

    top = 10 * np.ceil(float(np.nan_to_num(numbers["row_percent"].max(), nan=50.0)) / 10)
    for position, (axes, (_, cells)) in enumerate(zip(all_axes, panels, strict=True)):
        grid = {name: _spread(cells, name, rows["row"]) for name in ("n", "row_percent", "residual", "cell")}
        heatmap(
            grid["row_percent"].astype(float),
            ax=axes,
            vmin=0,
            vmax=top,
            cmap=SHADES,
            annot=_label_cells(grid).to_numpy(),
            fmt="",
            annot_kws={"fontsize": 7.5, "linespacing": 1.25, "color": INK},
            linewidths=1.5,
            linecolor="white",
            cbar=False,
        )
        _mark_cells(axes, grid)
        columns = cells.drop_duplicates("column")
        axes.set_xticklabels(
            [_head(label, n) or " " for label, n in columns[["column_label", "column_n"]].itertuples(index=False)]
        )
        totals = cells.drop_duplicates("row").set_index("row")
        labels = [
            _head(label if position == 0 else "", totals["row_n"].get(row))
            for row, label in rows[["row", "row_label"]].itertuples(index=False)
        ]
        axes.set_yticklabels(labels, rotation=0)
        axes.xaxis.tick_top()
        axes.tick_params(length=0, pad=3)
        axes.set(xlabel="", ylabel="")
        axes.set_title(wrap(str(cells["panel_label"].iloc[0]), 34), y=1 + 0.95 / len(rows) / 1.35)
    figure.legend(
        handles=[
            Patch(facecolor="white", edgecolor=INK, linewidth=1.6, label="more than if independent"),
            Patch(facecolor="white", edgecolor=INK, linewidth=1.6, linestyle=(0, (2, 1.2)), label="fewer"),
            Patch(facecolor=SHADES(0.9), label=f"darker: larger share of the row (to {top:.0f} %)"),
        ],
        loc="outside lower left",
        ncols=3,
        title=f"Outlined: adjusted residual above {NOTABLE} in size",
        title_fontsize=7.5,
        alignment="left",
    )
    return figure


def _spread(cells: pd.DataFrame, value: str, rows: pd.Series) -> pd.DataFrame:
    columns = cells["column"].drop_duplicates()
    return cells.pivot(index="row", columns="column", values=value).reindex(index=rows, columns=columns)


def _head(label: str, n: float | None) -> str:
    return "\n".join(filter(None, [wrap(label, 14), "" if n is None or pd.isna(n) else f"n = {int(n):,}"]))


def _label_cells(grid: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Text of the cells with a percentage; seaborn leaves out the others."""
    text = grid["n"].map(lambda n: "" if pd.isna(n) else f"{int(n):,}") + grid["row_percent"].map(
        lambda share: f"\n{share:.0f} %"
    )
    notable = grid["residual"].abs() > NOTABLE
    return text.where(~notable, text + grid["residual"].map(lambda z: f"\nz {z:+.1f}".replace("-", "−")))


def _mark_cells(axes: Any, grid: dict[str, pd.DataFrame]) -> None:
    residuals = grid["residual"].to_numpy(float)
    numbers = grid["n"].to_numpy(float)
    for (i, j), state in np.ndenumerate(grid["cell"].to_numpy()):
        residual = float(residuals[i, j])
        if state != "shown":
            words = {"suppressed": "hidden", "empty": "empty", "no estimate": f"n = {numbers[i, j]:.0f}"}.get(
                state, "–"
            )
            axes.add_patch(
                Rectangle(
                    (j + 0.02, i + 0.02),
                    0.96,
                    0.96,
                    facecolor="#f0f0f0",
                    edgecolor="#c8c8c8",
                    hatch="////",
                    linewidth=0,
                )
            )
            box = {"facecolor": "#f0f0f0", "edgecolor": "none", "pad": 1.5}
            axes.text(
                j + 0.5, i + 0.5, words, ha="center", va="center", color=GREY, fontsize=7.5, style="italic", bbox=box
            )
        elif abs(residual) > NOTABLE:
            line = "-" if residual > 0 else (0, (2, 1.2))
            axes.add_patch(
                Rectangle((j + 0.045, i + 0.045), 0.91, 0.91, fill=False, edgecolor=INK, linewidth=1.6, linestyle=line)
            )
