"""What is to be imputed in a table and from what, and which variables rest on which answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pandas as pd

from firmties.codebook import Variable
from firmties.expressions import evaluate, names_in
from firmties.formulas import Term
from firmties.scales import score_scale

METHODS = {
    "number": "pmm",
    "integer": "pmm",
    "ordinal": "pmm",
    "boolean": "logit",
    "category": "multinomial_logit",
}
"""How a variable of each type is imputed unless the configuration says otherwise."""


@dataclass(frozen=True)
class Plan:
    """What is imputed in a table, and from what.

    Attributes
    ----------
    variables
        Those to be imputed, in order, by name.
    methods
        Name → method, of those that are not imputed as `METHODS` says.
    on_log_scale
        Positive amounts whose logarithm is predicted and matched.
    relative
        Amount → base: the amount is imputed as a multiple of its base.
    predictors
        Terms from which every variable is imputed that they do not rest on.
    scales
        Entries of ``scales``: an item is imputed from the other items of its scale and the scores of the other scales.
    derived
        Entries of ``derived``; what rests on an imputed variable is computed anew after it.
    anchors
        Variable → (centre, spread).
    """

    variables: Mapping[str, Variable]
    predictors: Sequence[Term] = ()
    methods: Mapping[str, str] = field(default_factory=dict)
    on_log_scale: Sequence[str] = ()
    relative: Mapping[str, str] = field(default_factory=dict)
    scales: Sequence[Mapping[str, Any]] = ()
    derived: Sequence[Mapping[str, Any]] = ()
    anchors: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def find_roots(name: str, plan: Plan, columns: Iterable[str]) -> set[str]:
    """Find the answers on which a variable rests, itself if it is one.

    Examples
    --------
    >>> plan = Plan({}, scales=[{"name": "s", "items": ["a", "b"]}], derived=[{"name": "g", "value": "s_z * c"}])
    >>> sorted(find_roots("g", plan, []))
    ['a', 'b', 'c']
    """
    derived = {entry["name"]: entry["value"] for entry in plan.derived}
    scales = {suffix: entry for entry in plan.scales for suffix in (entry["name"], f"{entry['name']}_z")}
    if name in derived:
        return set().union(*(find_roots(inner, plan, columns) for inner in names_in(derived[name])))
    if name in scales:
        return set(scales[name]["items"])
    if name.endswith("__*"):
        return {column for column in columns if column.startswith(name[:-1])}
    return {name}


def list_steps(names: Iterable[str], plan: Plan) -> list[tuple[str, Callable[[pd.DataFrame], pd.Series]]]:
    """List what has to be computed, in order, to have variables: scales, then derived variables."""
    derived = {entry["name"]: entry for entry in plan.derived}
    scales = {entry["name"]: entry for entry in plan.scales}
    needed, waiting = set(), list(names)
    while waiting:
        name = waiting.pop()
        if name in needed:
            continue
        needed.add(name)
        if name in derived:
            waiting += names_in(derived[name]["value"])
        elif name.removesuffix("_z") in scales:
            waiting += scales[name.removesuffix("_z")]["items"]
    anchors = plan.anchors
    steps: list[tuple[str, Callable[[pd.DataFrame], pd.Series]]] = []

    for name, entry in scales.items():
        if name in needed:
            steps.append((name, partial(_score, items=list(entry["items"]))))
        if f"{name}_z" in needed and entry.get("anchor"):
            steps.append((f"{name}_z", partial(_score, items=list(entry["items"]), anchor=anchors[name])))
    for name, entry in derived.items():
        if name in needed:
            steps.append((name, partial(evaluate, entry["value"], anchors=anchors)))
    return steps


def _score(table: pd.DataFrame, items: Sequence[str], anchor: tuple[float, float] = (0.0, 1.0)) -> pd.Series:
    return (score_scale(table[list(items)]) - anchor[0]) / anchor[1]


def list_inputs(names: Iterable[str], plan: Plan, columns: Iterable[str]) -> list[str]:
    """Columns of a table from which variables can be computed by their steps."""
    steps = {name for name, _ in list_steps(names, plan)}
    derived = {entry["name"]: entry["value"] for entry in plan.derived}
    scales = {entry["name"]: entry for entry in plan.scales}
    inputs: dict[str, None] = dict.fromkeys(name for name in names if name not in steps)
    for name in steps:
        used = names_in(derived[name]) if name in derived else set(scales[name.removesuffix("_z")]["items"])
        inputs |= dict.fromkeys(sorted(used - steps))
    columns = list(columns)
    return [
        column
        for name in inputs
        for column in ([c for c in columns if c.startswith(name[:-1])] if name.endswith("__*") else [name])
    ]
