"""The reliability gate in models: the terms of scales that are not measured well enough leave them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from firmties.formulas import list_variables, name_term, parse_formula, write_formula

if TYPE_CHECKING:
    import pandas as pd


def find_refused(assessed: pd.DataFrame, variables: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Say of each variable that rests on a scale that the gate leaves out, which and why.

    Parameters
    ----------
    assessed
        From :func:`assess_scales`.
    variables
        The scales that each variable rests on.

    Examples
    --------
    >>> import pandas as pd
    >>> assessed = pd.DataFrame({"scale": ["s"], "label": ["Trust"], "verdict": ["left out"], "reason": ["α .5"]})
    >>> find_refused(assessed, {"s_z": ["s"], "x": []})
    {'s_z': 'Trust (α .5)'}
    """
    out = assessed.loc[assessed["verdict"] == "left out"]
    words = {row.scale: f"{row.label} ({row.reason})" for row in out.itertuples()}
    found = {name: [words[scale] for scale in scales if scale in words] for name, scales in variables.items()}
    return {name: "; ".join(said) for name, said in found.items() if said}


def leave_out_terms(
    settings: Mapping[str, Any], sets: Mapping[str, str], refused: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
    """Take the terms that hold refused variables out of a model's formulas, products with them included.

    Parameters
    ----------
    settings
        An entry of ``models:``.
    sets
        Named groups of terms.
    refused
        Variable → why it is refused.

    Returns
    -------
    tuple
        The entry with formulas that no longer hold them (``1`` where nothing is left), and for each block (``""`` for a
        model without) the terms left out of it and the blocks before it, each with the reason.

    Examples
    --------
    >>> model = {"id": "M", "formula": "x + A"}
    >>> settings, gone = leave_out_terms(model, {"A": "trust_z * power_z"}, {"power_z": "Power (α 0.5, ω 0.5)"})
    >>> settings["formula"], gone
    ('x + trust_z', {'': {'power_z': 'Power (α 0.5, ω 0.5)', 'trust_z:power_z': 'Power (α 0.5, ω 0.5)'}})
    """
    gone: dict[str, str] = {}
    by_block: dict[str, dict[str, str]] = {}

    def shorten(formula: str) -> str:
        terms = parse_formula(formula, sets)
        named = {term: [name for name in list_variables([term]) if name in refused] for term in terms}
        gone.update({name_term(term): refused[names[0]] for term, names in named.items() if names})
        left = [term for term in terms if not named[term]]
        return formula if len(left) == len(terms) else write_formula(left)

    if not settings.get("blocks"):
        shortened = {**settings, "formula": shorten(settings.get("formula", "1"))}
        return shortened, {"": dict(gone)}
    blocks = []
    for block in settings["blocks"]:
        blocks.append({**block, "add": shorten(block["add"])})
        by_block[str(block["name"])] = dict(gone)
    return {**settings, "blocks": blocks}, by_block


def mark_fit(
    fit: Mapping[str, Any], gone: Mapping[str, Mapping[str, str]], refused: Mapping[str, str]
) -> dict[str, Any]:
    """Note in a fit what the gate left out (``gate``: term → reason); an outcome that it refuses makes it fail."""
    marked = {**fit, "gate": dict(gone.get(fit["block"], {}))}
    if fit["outcome"] in refused:
        reason = f"its outcome is left out by the reliability gate: {refused[fit['outcome']]}"
        none: dict[str, Any] = {"terms": [], "params": [], "cov": [], "df": None, "small_sample": "", "fit": {}}
        return {**marked, **none, "status": "failed", "reason": reason}
    return marked
