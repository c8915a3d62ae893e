"""Coefficients of the same terms in several models."""

from __future__ import annotations

from typing import Any

import pandas as pd

from firmties.display import describe_models, describe_waves, label_of
from firmties.exhibits.regression.summarize import ESTIMATORS, KEYS, choose_terms, label_term, split_term
from firmties.tables import join_words

SCALES = {
    "ols": "Coefficient, in units of the outcome",
    "logit": "Coefficient, log odds",
    "ordered_logit": "Coefficient, log odds",
    "negative_binomial": "Coefficient, log rate",
}


def summarize(sources: dict[str, Any], options: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Select the terms in each model's last block, or in the blocks asked for.

    Returns
    -------
    numbers
        One row a term and series: axis, axis_label, group (variable, with its reference), term,
        term_label, series, model, block, outcome, outcome_label, estimate, conf_low, conf_high (scaled), p_value,
        n_obs. A series that failed has one row without a term.
    notes
        What the caption needs; a remark for each model without numbers.
    """
    models, estimates, dictionary = sources["models"], sources["estimates"], sources["dictionary"]
    chosen = _choose_series(models, options)
    found = estimates.merge(chosen[[*KEYS, "series", "rank"]], on=KEYS, how="inner", validate="many_to_one")
    terms = choose_terms(list(dict.fromkeys(found["term"])), options["terms"])
    found = found.loc[found["term"].isin(terms)].copy()
    labels = found.drop_duplicates("term").set_index("term")["label"]
    worded = {term: label_term(term, str(labels[term]), dictionary) for term in terms if term in labels}
    found["group"] = found["term"].map(lambda term: worded[term][0])
    found["term_label"] = found["term"].map(lambda term: worded[term][1])
    found["outcome_label"] = found["outcome"].map(lambda name: label_of(dictionary, name))
    found["axis"] = found["estimator"].map(lambda name: ESTIMATORS.get(name, name))
    found["axis_label"] = options.get("label") or found["estimator"].map(lambda name: SCALES.get(name, "Coefficient"))
    values = ["estimate", "conf_low", "conf_high"]
    found[values] = found[values].astype(float) * options.get("scale", 1)
    found["place"] = found["term"].map({term: place for place, term in enumerate(terms)})
    columns = [
        "axis",
        "axis_label",
        "group",
        "term",
        "term_label",
        "series",
        "model",
        "block",
        "outcome",
        "outcome_label",
    ]
    numbers = (
        found.sort_values(["place", "rank"])
        .reindex(columns=[*columns, *values, "p_value", "n_obs"])
        .reset_index(drop=True)
    )

    notes = describe_models(chosen, dictionary)
    notes["waves"] = describe_waves(sources["panel"]["wave"], sources.get("waves"))
    failed = chosen.loc[chosen["status"] == "failed"]
    notes["remark_failed"] = [
        f"Not estimated: {series}, {label_of(dictionary, outcome)} ({reason})."
        for series, outcome, reason in failed[["series", "outcome", "reason"]].itertuples(index=False)
    ]
    products = estimates.merge(chosen[KEYS], on=KEYS, validate="many_to_one")["term"]
    crossed = [label_of(dictionary, name) for name in _find_crossed(products, terms)]
    notes["remark_products"] = (
        f"{join_words(crossed)} {'stands' if len(crossed) == 1 else 'stand'} in products, too: the coefficient shown "
        "holds at the reference, or zero, of the other variable."
        if crossed
        else None
    )
    return numbers, notes


def _choose_series(models: pd.DataFrame, options: dict[str, Any]) -> pd.DataFrame:
    chosen = models.loc[models["model"].isin(options["models"])]
    if "outcomes" in options:
        chosen = chosen.loc[chosen["outcome"].isin(options["outcomes"])]
    if "blocks" in options:
        chosen = chosen.loc[chosen["block"].isna() | chosen["block"].isin(options["blocks"])]
    else:
        chosen = chosen.drop_duplicates(["model", "outcome", "sample"], keep="last")
    chosen = chosen.sort_values("model", key=lambda names: names.map(options["models"].index), kind="stable")
    named = [
        ["model"],
        ["block"] if chosen["block"].notna().any() else [],
        ["sample"] if chosen["sample"].nunique() > 1 else [],
    ]
    words = chosen[[column for group in named for column in group]].astype("string").fillna("")
    return chosen.assign(series=words.agg(" ".join, axis=1).str.split().str.join(" "), rank=range(len(chosen)))


def _find_crossed(present: pd.Series, shown: list[str]) -> list[str]:
    """Name the shown variables that also stand in a product."""
    products = {variable for term in present if ":" in term for variable, _ in split_term(term)}
    return list(
        dict.fromkeys(name for term in shown for name, _ in split_term(term) if ":" not in term and name in products)
    )
