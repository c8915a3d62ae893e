"""Numbers of the table of hypotheses, with each contrast put into words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from firmties.display import codes_of, label_of
from firmties.expressions import Node, parse
from firmties.tables import join_words

KEPT = [
    "hypothesis", "family", "claim", "component", "model", "outcome", "alternative", "estimate", "std_error",
    "df", "conf_low", "conf_high", "p_value", "p_hypothesis", "p_adjusted", "adjustment", "level", "verdict", "planted",
    "contrast",
]  # fmt: skip


def word_contrast(contrast: str, dictionary: pd.DataFrame) -> str:
    """Put a contrast into words, with the labels of variables and levels.

    Examples
    --------
    >>> words = pd.DataFrame(
    ...     {"variable": ["size", "z"], "label": ["Size", "Ties"], "codes": ["s=small|m=medium", ""]})
    >>> word_contrast("mu(size=s) - others(size=s)", words)
    'small, minus the mean of the others by Size'
    >>> word_contrast("slope(z, z=minimum)", words)
    'slope of Ties at Ties = minimum'
    """
    return word_node(parse(contrast), dictionary)


def word_node(node: Node, dictionary: pd.DataFrame) -> str:
    """Put one node of a contrast into words."""
    if node.kind == "binary":
        left, right = node.children
        if node.value in ("+", "-"):
            text = word_node(right, dictionary)
            grouped = right.kind == "binary" and right.value in ("+", "-")
            joint = "minus" if node.value == "-" else "plus"
            return f"{word_node(left, dictionary)}, {joint} {f'({text})' if grouped else text}"
        if node.value == "*" and left.kind == "number":
            inner = word_node(right, dictionary)
            return f"{left.value:g} × ({inner})" if right.kind == "binary" else f"{left.value:g} × {inner}"
        return f"{word_node(left, dictionary)} {node.value} {word_node(right, dictionary)}"
    if node.kind == "unary":
        return f"{node.value} {word_node(node.children[0], dictionary)}"
    if node.kind == "call":
        return word_call(node, dictionary)
    return f"{node.value:g}" if node.kind == "number" else label_of(dictionary, str(node.value))


def word_call(node: Node, dictionary: pd.DataFrame) -> str:
    """Put mu(…), others(…) and slope(…) into words; another function stays as written."""
    settings = [(name, word_levels(name, value, dictionary)) for name, value in node.keywords]
    if node.value == "mu" and settings:
        return ", ".join(levels for _, levels in settings)
    if node.value == "others" and settings:
        (name, _), *rest = settings
        within = f", {', '.join(levels for _, levels in rest)}" if rest else ""
        return f"the mean of the others by {label_of(dictionary, name)}{within}"
    if node.value == "slope" and node.children:
        at = [f"{label_of(dictionary, name)} = {levels}" for name, levels in settings]
        return f"slope of {word_node(node.children[0], dictionary)}" + (f" at {join_words(at)}" if at else "")
    return str(node.value)


def word_levels(variable: str, value: Node, dictionary: pd.DataFrame) -> str:
    """Name the levels that a variable is set to; a truth value is put as with or without the variable."""
    codes = codes_of(dictionary, variable)
    listed = value.children if value.kind == "list" else (value,)
    texts = [f"{entry.value:g}" if entry.kind == "number" else str(entry.value) for entry in listed]
    if len(texts) == 1 and texts[0].lower() in ("true", "false"):
        return f"{'with' if texts[0].lower() == 'true' else 'without'} {label_of(dictionary, variable)}"
    return join_words([codes.get(text, text) for text in texts], "or")


def summarize(sources: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Keep what the table prints, one row a component in the declared order, the contrast in words."""
    hypotheses = sources["hypotheses"]
    wanted = options.get("hypotheses")
    if wanted:
        hypotheses = hypotheses.loc[hypotheses["hypothesis"].isin(wanted)]
    numbers = hypotheses.reindex(columns=KEPT).assign(
        contrast_words=[word_contrast(str(contrast), sources["dictionary"]) for contrast in hypotheses["contrast"]],
        outcome_label=[label_of(sources["dictionary"], str(outcome)) for outcome in hypotheses["outcome"]],
        scale=[100 if outcome in options.get("points", []) else 1 for outcome in hypotheses["outcome"]],
    )
    return numbers, {
        "n_hypotheses": int(numbers["hypothesis"].nunique()),
        "n_components": len(numbers),
        "weights": "none",
    }
