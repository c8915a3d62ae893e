"""Numbers of the figure of item distributions: a row an item, wave and part of its bar."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from firmties.disclosure import find_minimum
from firmties.display import describe_rows
from firmties.errors import StudyError, describe_allowed
from firmties.exhibits.topline.summarize import count_question, group_questions

COLUMNS = [
    "group", "item", "label", "reverse", "scored", "wave", "wave_label", "part", "point", "point_label", "side",
    "percent",
]  # fmt: skip
MISSING = ("no_answer", "dont_know", "refused", "lost")


def summarize(sources: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Share out the answers of each item and wave among the points of the response scale and missing answers.

    The base is all firms that were asked and that the item applied to. Counts that the topline hides are not told
    apart here either: they make one part.

    Returns
    -------
    numbers
        ``part`` is ``point`` (with its ``side`` of the middle: below, middle, above), ``hidden`` (several points that
        are not told apart; ``side`` says on which they lie, blank if on several), ``missing``, or ``not asked``; of an
        item and wave, ``percent`` sums to 100. ``below`` and ``above`` hold the sum of a side; blank if it would give
        a hidden count away. ``scored``: whether a scale has the item; ``reverse``: reverse-keyed, recoded.
    """
    panel, kinds, dictionary, waves = (sources[name] for name in ("panel", "kinds", "dictionary", "waves"))
    codebook = sources["codebook"]
    groups = group_items(codebook, sources["scales"], options)
    wanted = dictionary[
        (dictionary["table"] == "panel")
        & dictionary["variable"].isin(list(groups))
        & dictionary["variable"].isin(panel.columns)
    ]
    few, ids = find_minimum(sources["study"]), list(waves["id"])
    of_wave = panel["wave"].map({wave: at for at, wave in enumerate(ids)}).to_numpy()
    scored = {item for items in (sources["scales"]["items"] if len(sources["scales"]) else ()) for item in items}
    labels = [str(label) for label in waves["label"]]
    rows: list[dict[str, Any]] = []
    for question in group_questions(wanted, dictionary):
        names = question.choices[""]
        first = codebook[names[0]]
        head = {
            "group": groups[names[0]],
            "item": question.name,
            "label": question.label,
            "reverse": first.reverse,
            "scored": names[0] in scored,
        }
        counts = list(count_question(question, panel, kinds, of_wave, len(ids), few))
        for at, wave in enumerate(ids):
            place = head | {"wave": wave, "wave_label": labels[at]}
            here = [(part, label, value) for where, part, label, value, _ in counts if where == at]
            points = {label.split(" ")[0]: value for part, label, value in here if part == "answer"}
            n_answered = next(value for part, _, value in here if part in ("answered", "not asked"))
            if n_answered is None:
                rows.append(place | {"part": "not asked"})
                continue
            why = kinds.loc[of_wave == at, names].to_numpy().ravel()
            n_missing = int(pd.Series(why).isin(MISSING).sum())
            rows += [place | part for part in share_out(points, int(n_answered), n_missing, first)]
    order = list(dict.fromkeys(groups.values()))
    numbers = pd.DataFrame(rows, columns=COLUMNS)
    numbers = numbers.sort_values("group", key=lambda column: column.map(order.index), kind="stable")
    notes: dict[str, Any] = describe_rows(panel, sources["study"], waves)
    notes["remark_base"] = (
        "Per cent of all who were asked; the bars part at the middle of the response scale, its middle point lying "
        "across. (R): reverse-keyed, recoded; ·: in no scale score."
    )
    if (numbers["part"] == "hidden").any():
        notes["remark_hidden"] = "Points that few chose, and others that would give them away, are one part."
    return numbers.reset_index(drop=True), notes


def group_items(codebook: Mapping[str, Any], scales: pd.DataFrame, options: Mapping[str, Any]) -> dict[str, str]:
    """Name the group of each item of the response scale: its scale, or the scale that has its construct, or this.

    Raises
    ------
    StudyError
        A name under `only` or `omit` that is no section, construct, scale or item of the response scale.
    """
    items = {
        name: variable
        for name, variable in codebook.items()
        if variable.scale == options["response_scale"] and not variable.identifying
    }
    of_scale = {item: (row.name, row.label) for row in scales.itertuples(index=False) for item in row.items}  # type: ignore[union-attr]
    scale_of_construct = {items[item].construct: label for item, (_, label) in of_scale.items() if item in items}
    words = {
        name: {name, variable.section, variable.construct, of_scale.get(name, ("",))[0]} - {""}
        for name, variable in items.items()
    }
    for key in ("only", "omit"):
        check_known(options.get(key, ()), set().union(*words.values()), key, options["response_scale"])
    only, omit = set(options.get("only", ())), set(options.get("omit", ()))
    groups = {}
    for name, variable in items.items():
        if (not only or words[name] & only) and not words[name] & omit:
            own = str(of_scale[name][1]) if name in of_scale else ""
            groups[name] = own or str(scale_of_construct.get(variable.construct, "")) or variable.construct or "other"
    return groups


def check_known(names: Collection[str], known: Collection[str], key: str, scale: str) -> None:
    """Refuse a name that stands for no item."""
    problems = [
        f"config.yaml: exhibits: {key}: '{name}' is no section, construct, scale or item of the response scale "
        f"'{scale}'; {describe_allowed(name, sorted(known))}"
        for name in names
        if name not in known
    ]
    if problems:
        raise StudyError(problems)


def share_out(points: Mapping[str, float | None], n_answered: int, n_missing: int, item: Any) -> list[dict[str, Any]]:
    """Make the parts of one bar from the counts of its points; None is a count that is hidden.

    Examples
    --------
    >>> from firmties.codebook import Variable
    >>> item = Variable("q", codes={"1": "no", "2": "so", "3": "yes"}, minimum=1, maximum=3)
    >>> for part in share_out({"1": 10, "2": 20, "3": 60}, 90, 10, item):
    ...     print(part["part"], part.get("point", ""), part["percent"])
    point 1 10.0
    point 2 20.0
    point 3 60.0
    missing  10.0
    below  10.0
    above  60.0
    """
    total = n_answered + n_missing
    if total == 0:
        return [{"part": "not asked"}]
    middle = (item.minimum + item.maximum) / 2
    sides = {code: name_side(float(code), middle) for code in points}
    shown = {code: value for code, value in points.items() if value is not None}
    parts: list[dict[str, Any]] = [
        {"part": "point", "point": code, "point_label": item.codes.get(code, code), "side": sides[code], "percent": n}
        for code, n in shown.items()
    ]
    hidden = {sides[code] for code in points if code not in shown}
    if hidden:
        rest = n_answered - sum(shown.values())
        parts.append({"part": "hidden", "side": next(iter(hidden)) if len(hidden) == 1 else "", "percent": rest})
    parts.append({"part": "missing", "percent": n_missing})
    for side in ("below", "above"):
        # The sum of a side is what the rest leaves only if all that is hidden lies on that side.
        known = side not in hidden or len(hidden) == 1
        own = sum(part["percent"] for part in parts if part.get("side") == side)
        parts.append({"part": side, "percent": own if known else None})
    return [
        {**part, "percent": None if part["percent"] is None else 100 * float(part["percent"]) / total} for part in parts
    ]


def name_side(point: float, middle: float) -> str:
    """Say on which side of the middle a point lies.

    Examples
    --------
    >>> name_side(3, 4), name_side(4, 4), name_side(5, 4)
    ('below', 'middle', 'above')
    """
    return "below" if point < middle else "above" if point > middle else "middle"
