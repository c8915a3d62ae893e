"""Small frames that keep the contracts, for the tests of the figures."""

from __future__ import annotations

import io
import json
from importlib import import_module
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from firmties.plot_style import use_style

STUDY = {"firm": "firm_id", "response": "resp_id", "minimum_cell": 5}
WAVES = pd.DataFrame({"id": [1, 2], "label": ["2021", "2022"]})
DICTIONARY = pd.DataFrame(
    [
        ("kind", "panel", "Kind of network", "category", "b=broker|a=alone|c=circle", "a"),
        ("place", "panel", "Place", "category", "up=upstream|down=downstream", "up"),
        ("growth", "panel", "Growth", "number", "", ""),
        ("x", "panel", "Strength", "number", "", ""),
        ("stage", "alters", "Stage", "ordinal", "1=first|2=second|3=third", ""),
        ("met", "alters", "Met in person, %", "number", "", ""),
        ("talk", "alters", "Talk", "integer", "", ""),
        ("idea", "alters", "Ideas", "integer", "", ""),
    ],
    columns=["variable", "table", "label", "type", "codes", "reference"],
)
MODEL = {
    "model": "M1", "outcome": "growth", "sample": "all", "block": None, "level": None, "status": "fitted",
    "reason": None,
    "estimator": "ols", "covariance": "clustered by firm_id", "formula": "kind", "n_obs": 200, "n_clusters": 100,
}  # fmt: skip


def draw_anew(kind: str, numbers: pd.DataFrame, notes: dict[str, Any], options: dict[str, Any]) -> Figure:
    """Draw from the numbers and notes as they come back from their files, and lay the figure out."""
    text = io.StringIO(numbers.to_csv(index=False))
    read = pd.read_csv(text, keep_default_na=False, na_values=[""])
    with use_style():
        figure = import_module(f"firmties.exhibits.{kind}.draw").draw(read, json.loads(json.dumps(notes)), options)
        figure.canvas.draw()
    return figure


def list_texts(figure: Figure) -> list[str]:
    """All texts of a figure."""
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]
