"""Numbers of the table of hypotheses, with each contrast put into words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from firmties.display import codes_of, label_of
from firmties.expressions import Node, parse
from firmties.tables import is_missing, join_words

KEPT = [
    "hypothesis", "family", "claim", "component", "model", "outcome", "alternative", "estimate", "std_error",
    "df", "conf_low", "conf_high", "p_value", "p_hypothesis", "p_adjusted", "adjustment", "level", "verdict", "planted",
    "contrast", "outcome_level", "signs", "signs_reason",
    "complete_estimate", "complete_conf_low", "complete_conf_high", "complete_p_value", "fmi",
]  # fmt: skip


def word_contrast(contrast: str, dictionary: pd.DataFrame) -> str:
    """Put a contrast into words, with the labels of variables and levels.

    Examples
    --------
    >>> words = pd.DataFrame(
    ...     {"variable": ["size", "z"], "label": ["Size", "Ties"], "codes": ["s=small|m=medium", ""]})
    >>> word_contrast("mu(size=s) - others(size=s)", words)
    'small minus the mean of the others'
    >>> word_contrast("slope(z, z=minimum)", words)
    'slope of Ties at its minimum'
    """
    return word_node(parse(contrast), dictionary)


def word_node(node: Node, dictionary: pd.DataFrame) -> str:
    """Put one node of a contrast into words."""
    if node.kind == "binary":
        return word_difference(node, dictionary) or word_mean(node, dictionary) or word_operation(node, dictionary)
    if node.kind == "unary":
        return f"{node.value} {word_node(node.children[0], dictionary)}"
    if node.kind == "call":
        return word_call(node, dictionary)
    return f"{node.value:g}" if node.kind == "number" else label_of(dictionary, str(node.value))


def word_difference(node: Node, dictionary: pd.DataFrame) -> str:
    """Put a difference whose two sides share their words into words that name what is shared once, else ``""``."""
    left, right = node.children
    if node.value != "-":
        return ""
    if {left.kind, right.kind} == {"call"} and left.children == right.children:
        first, second = left.keywords, right.keywords
        if (left.value, right.value) == ("mu", "others") and first == second and first:
            level, *within = (word_levels(name, value, dictionary) for name, value in first)
            return ", ".join([f"{level} minus the mean of the others", *within])
        if left.value == right.value == "slope" and len(first) == 1 and [n for n, _ in first] == [n for n, _ in second]:
            ends = " minus ".join(word_levels(*setting, dictionary) for (setting,) in (first, second))
            return f"{word_call(Node('call', 'slope', left.children), dictionary)}, {ends}"
    if right.kind == "binary" and right.value == "-":
        words = word_node(left, dictionary), word_node(right, dictionary)
        (shared, _, here), (again, _, there) = (text.partition(", ") for text in words)
        if shared == again and here and there:
            return f"{shared}, {here}, less the same {there}"
    return ""


def word_mean(node: Node, dictionary: pd.DataFrame) -> str:
    """Put a sum times one over its number of terms into words, else ``""``."""
    factor, inner = node.children
    if node.value != "*" or factor.kind != "number":
        return ""
    terms = [inner]
    while terms[0].kind == "binary" and terms[0].value == "+":
        terms[:1] = terms[0].children
    if len(terms) < 2 or abs(factor.value * len(terms) - 1) > 0.001:
        return ""
    return f"the mean of {join_words(word_node(term, dictionary) for term in terms)}"


def word_operation(node: Node, dictionary: pd.DataFrame) -> str:
    """Put any other sum, difference or product into words, with brackets where its order needs them."""
    left, right = node.children
    text = word_node(right, dictionary)
    if node.value in ("+", "-"):
        grouped = right.kind == "binary" and right.value in ("+", "-")
        joint = "minus" if node.value == "-" else "plus"
        return f"{word_node(left, dictionary)} {joint} {f'({text})' if grouped else text}"
    if node.value == "*" and left.kind == "number":
        return f"{left.value:g} × ({text})" if right.kind == "binary" else f"{left.value:g} × {text}"
    return f"{word_node(left, dictionary)} {node.value} {text}"


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
        (of,) = node.children[:1]
        at = [
            f"its {levels}" if of.kind == "name" and of.value == name else f"{label_of(dictionary, name)} = {levels}"
            for name, levels in settings
        ]
        return f"slope of {word_node(of, dictionary)}" + (f" at {join_words(at)}" if at else "")
    return str(node.value)


def word_event(outcome: str, level: Any, dictionary: pd.DataFrame) -> str:
    """Name the event of an ordered outcome by its first category; ``""`` without a level.

    Examples
    --------
    >>> words = pd.DataFrame({"variable": ["stage"], "label": ["Stage"], "codes": ["1=trial|2=first sales"]})
    >>> word_event("stage", ">= 2", words)
    'P(≥ 2, first sales)'
    """
    if is_missing(level) or not str(level).strip():
        return ""
    sign, _, code = str(level).strip().rpartition(" ")
    named = codes_of(dictionary, outcome).get(code, "")
    shown = {">=": "≥", "<=": "≤"}.get(sign, sign)
    return f"P({' '.join(filter(None, [shown, code]))}{f', {named}' if named and named != code else ''})"


def word_levels(variable: str, value: Node, dictionary: pd.DataFrame) -> str:
    """Name the levels that a variable is set to; a truth value is put as with or without the variable."""
    codes = codes_of(dictionary, variable)
    listed = value.children if value.kind == "list" else (value,)
    texts = [f"{entry.value:g}" if entry.kind == "number" else str(entry.value) for entry in listed]
    if len(texts) == 1 and texts[0].lower() in ("true", "false"):
        return f"{'with' if texts[0].lower() == 'true' else 'without'} {label_of(dictionary, variable)}"
    return join_words([codes.get(text, text) for text in texts], "or")


def word_reasons(reasons: pd.Series, waves: pd.DataFrame) -> str:
    """Why models could not be fitted to single waves, each wave and reason once.

    Examples
    --------
    >>> waves = pd.DataFrame({"id": [1, 2], "label": ["2021", "2022"]})
    >>> word_reasons(pd.Series(["2: 12 respondents", None, "2: 12 respondents"]), waves)
    '2022: 12 respondents'
    """
    labels = dict(zip(waves["id"].astype("str"), waves["label"].astype("str"), strict=True))
    parts = [part.partition(": ") for text in reasons.dropna().astype("str") for part in text.split("|") if part]
    return "; ".join(dict.fromkeys(f"{labels.get(wave, wave)}: {reason}" for wave, _, reason in parts))


def summarize(sources: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Keep what the table prints, one row a component in the declared order, the contrast in words."""
    hypotheses = sources["hypotheses"]
    wanted = options.get("hypotheses")
    if wanted:
        hypotheses = hypotheses.loc[hypotheses["hypothesis"].isin(wanted)]
    levels = hypotheses.get("outcome_level", pd.Series(None, index=hypotheses.index, dtype=object))
    numbers = hypotheses.reindex(columns=KEPT).assign(
        contrast_words=[word_contrast(str(contrast), sources["dictionary"]) for contrast in hypotheses["contrast"]],
        outcome_label=[label_of(sources["dictionary"], str(outcome)) for outcome in hypotheses["outcome"]],
        event=[
            word_event(str(outcome), level, sources["dictionary"])
            for outcome, level in zip(hypotheses["outcome"], levels, strict=True)
        ],
        scale=[100 if outcome in options.get("points", []) else 1 for outcome in hypotheses["outcome"]],
    )
    waves = sources["waves"]
    return numbers, {
        "waves_apart": ", ".join(waves["label"].astype("str")) if len(waves) > 1 else None,
        "wave_ids": "|".join(waves["id"].astype("str")),
        "not_apart": word_reasons(numbers["signs_reason"], waves),
        "n_hypotheses": int(numbers["hypothesis"].nunique()),
        "n_components": len(numbers),
        "weights": _list_by_model(hypotheses, "weights", "none"),
        "n_imputations": _list_by_model(hypotheses, "n_imputations", 0),
        "remark_complete": compare_complete(numbers),
        "remark_not_estimable": list_not_estimable(hypotheses),
    }


def list_not_estimable(hypotheses: pd.DataFrame) -> list[str]:
    """Say of each component that has no estimate why; components with one reason share a sentence.

    Examples
    --------
    >>> list_not_estimable(pd.DataFrame({"hypothesis": ["H1"], "component": ["ties"], "reason": ["no row is left"]}))
    ['Not estimable, H1 (ties): no row is left.']
    """
    if "reason" not in hypotheses:
        return []
    told = hypotheses.loc[hypotheses["reason"].notna() & (hypotheses["reason"] != "")]
    by_reason: dict[str, list[str]] = {}
    for row in told.itertuples():
        by_reason.setdefault(str(row.reason), []).append(f"{row.hypothesis} ({row.component})")
    return [f"Not estimable, {join_words(named)}: {reason}." for reason, named in by_reason.items()]


def compare_complete(numbers: pd.DataFrame) -> str | None:
    """Say which contrasts complete cases put elsewhere; None where nothing was pooled over imputed sets.

    Examples
    --------
    >>> numbers = pd.DataFrame({"hypothesis": ["H1"], "component": ["a"], "estimate": [0.2], "std_error": [0.05]})
    >>> compare_complete(numbers.assign(complete_estimate=0.3))
    'Complete cases give estimates that differ by more than one standard error of the pooled one in: H1 (a).'
    """
    beside = numbers.loc[numbers["complete_estimate"].notna() & numbers["estimate"].notna()]
    if beside.empty:
        return None
    apart = beside.loc[(beside["complete_estimate"] - beside["estimate"]).abs() > beside["std_error"]]
    named = [f"{row.hypothesis} ({row.component})" for row in apart.itertuples()]
    how = f"that differ by more than one standard error of the pooled one in: {join_words(named)}."
    return "Complete cases give estimates " + (
        how if named else "that differ by no more than one standard error of the pooled one in any contrast."
    )


def _list_by_model(hypotheses: pd.DataFrame, key: str, empty: Any) -> Any:
    """The value that all contrasts share, or each value with the models it holds for."""
    if key not in hypotheses:
        return empty
    values = hypotheses.loc[hypotheses[key].notna()].groupby(key, sort=False)["model"].unique()
    if len(values) <= 1:
        found = values.index[0] if len(values) else empty
        return found if isinstance(found, str) else int(found)
    return "; ".join(f"{value} ({join_words(models)})" for value, models in values.items())
