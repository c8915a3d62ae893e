"""Chains of imputation: rows of panels are variables, columns are waves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from firmties.plot_style import GREY, INK, create_figure, look_up, wrap


def draw(numbers: pd.DataFrame, notes: dict[str, Any], options: dict[str, Any]) -> Figure:
    """Draw one thin line a chain and the mean of all as a thick one."""
    variables, waves = list(numbers["variable"].unique()), list(numbers["wave"].drop_duplicates().sort_values())
    figure = create_figure(1.6 + 2.9 * len(variables))
    grid = figure.subplots(len(variables), len(waves), sharex=True, sharey="row", squeeze=False)
    look = look_up(0)
    for row, variable in zip(grid, variables, strict=True):
        own = numbers[numbers["variable"] == variable]
        for axes, wave in zip(row, waves, strict=True):
            part = own[own["wave"] == wave]
            if part.empty:
                axes.axis("off")
                axes.text(
                    0.5, 0.5, "nothing imputed", transform=axes.transAxes, ha="center", color=GREY, style="italic"
                )
                continue
            lines = part.pivot(index="iteration", columns="chain", values="value")
            axes.plot(lines.index, lines.to_numpy(), color=look.colour, linewidth=0.5, alpha=0.55)
            axes.plot(lines.index, lines.mean(axis=1), color=INK, linewidth=1.3)
            ratio = part["ratio"].iloc[0]
            text = "" if np.isnan(ratio) else f"ratio {ratio:.2f}"
            axes.text(0.98, 0.97, text, transform=axes.transAxes, ha="right", va="top", fontsize=6.5)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
            axes.margins(y=0.22)
        first = next(axes for axes in row if axes.axison)
        first.tick_params(labelleft=True)
        row[0].set_axis_on()
        row[0].set_ylabel(wrap(str(own["label"].iloc[0]), 22), fontsize=7)
        if first is not row[0]:
            row[0].spines[:].set_visible(False)
            row[0].tick_params(left=False, bottom=False, labelleft=False, labelbottom=False)
    for axes, wave in zip(grid[0], waves, strict=True):
        axes.set_title(str(numbers.loc[numbers["wave"] == wave, "wave_label"].iloc[0]))
    figure.supxlabel("iteration", fontsize=8)
    return figure
