"""Numbers of a regression table: a row a coefficient or a figure of fit, with the column it stands in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from firmties.display import codes_of, describe_models, label_of, reference_of, word_ranges
from firmties.formulas import list_variables, parse_formula
from firmties.tables import join_words

ESTIMATORS = {
    "ols": "OLS",
    "logit": "Logit",
    "ordered_logit": "Ordered logit",
    "negative_binomial": "Negative binomial",
}
FIT = {
    "n_obs": "Observations",
    "n_clusters": "Clusters",
    "r_squared": "R²",
    "r_squared_change": "Change in R²",
    "f_change": "F of the change",
    "f_p_value": "p of the change",
    "log_likelihood": "Log-likelihood",
    "max_vif": "Largest VIF",
}
CHANGE = ("r_squared_change", "f_change", "f_p_value")
ESTIMATE = ["estimate", "std_error", "conf_low", "conf_high", "p_value"]
COLUMNS = ["part", "column", "span", "heading", "row", "group", "label", *ESTIMATE, "value", "text"]
KEYS = ["model", "outcome", "sample", "block"]
LEVEL = re.compile(r"^(?P<variable>.+)\[(?:T\.)?(?P<level>[^\[\]]+)\]$")


def split_term(term: str) -> list[tuple[str, str | None]]:
    """Split a model term into its factors, each a variable and, for a category, its level.

    Examples
    --------
    >>> split_term("nt_primary[sme_led]:vc_primary[up]")
    [('nt_primary', 'sme_led'), ('vc_primary', 'up')]
    >>> split_term("I(ts_z ^ 2)")
    [('I(ts_z ^ 2)', None)]
    """
    factors = []
    for factor in re.split(r"\s*:\s*", term):
        match = LEVEL.match(factor)
        factors.append((match["variable"], match["level"]) if match else (factor, None))
    return factors


def name_term(term: str) -> str:
    """Name the variables of a term without their levels: ``a[x]:b`` is ``a:b``."""
    return ":".join(variable for variable, _ in split_term(term))


def summarize(sources: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Choose the columns and terms, and label both.

    Returns
    -------
    tuple
        Rows ``part`` (term, fit), ``column``, ``span``, ``heading``, ``status``, ``row``, ``group``, ``label``, then
        estimate, std_error, conf_low, conf_high, p_value (terms) or value (fit); and the notes.
    """
    dictionary = sources["dictionary"]
    # Models without samples or blocks leave these keys empty.
    estimates, models = (sources[name].fillna(dict.fromkeys(KEYS, "")) for name in ("estimates", "models"))
    for name, empty in (("weights", "none"), ("n_imputations", 0)):
        if name not in models:
            models[name] = empty
    columns = choose_columns(models, options)
    headings = name_columns(columns, dictionary)
    terms = estimates.merge(columns[[*KEYS, "column"]], on=KEYS, how="inner", validate="many_to_one")
    wanted = choose_terms(list(dict.fromkeys(terms["term"])), options.get("show"))
    rows: list[dict[str, Any]] = []
    for term in wanted:
        found = terms.loc[terms["term"] == term]
        group, label = label_term(term, str(found["label"].iloc[0]), dictionary)
        for entry in found.to_dict("records"):
            rows.append(
                {
                    "part": "term", "column": entry["column"], "row": term, "group": group, "label": label,
                    **{key: entry[key] for key in ESTIMATE},
                }
            )  # fmt: skip
    for column in columns.to_dict("records"):
        failed = column["status"] == "failed"
        rows.append(
            {"part": "status", "column": column["column"], "row": "status", "text": column["reason"] if failed else ""}
        )
        for key, label in FIT.items():
            # The log-likelihood stands for R² where there is none.
            if key == "log_likelihood" and pd.notna(column.get("r_squared")):
                continue
            if not failed and pd.notna(column.get(key)):
                rows.append(
                    {"part": "fit", "column": column["column"], "row": key, "label": label, "value": column[key]}
                )
    numbers = pd.DataFrame(rows).merge(headings, on="column", how="left", validate="many_to_one")
    notes = describe_columns(columns)
    if options.get("effects"):
        effects, absent = estimate_effects(sources, columns, wanted, headings, options.get("level"))
        numbers = pd.concat([numbers, effects])
        notes["remark_effects"] = absent
    numbers = numbers.reindex(columns=COLUMNS)
    described = describe_models(columns.replace({"": None}), dictionary)
    notes |= {key: value for key, value in described.items() if key.startswith(("adjusted_", "remark_gate"))}
    notes["remark_weights"] = compare_weights(columns, terms, headings, dictionary)
    notes["remark_rows_of_sets"] = word_ranges(columns)
    if (columns["n_imputations"] > 0).any():
        notes["remark_sets"] = (
            "Figures of fit are means over the imputed sets, R² by Fisher's z; the F of a change is pooled over them."
        )
    notes["remark_gaps"] = list_gaps(columns, headings, sources["waves"]) if "waves" in sources else []
    formulas = columns.loc[columns["status"] != "failed", "formula"].dropna()
    variables = {name for formula in formulas for name in list_variables(parse_formula(formula))}
    notes["n_variables_not_shown"] = len(variables - {name for term in wanted for name, _ in split_term(term)})
    notes["products"] = ", ".join(find_products(terms, wanted))
    if options.get("effects") and options.get("level"):
        notes["level"] = options["level"]
    return numbers, notes


def compare_weights(
    columns: pd.DataFrame, terms: pd.DataFrame, headings: pd.DataFrame, dictionary: pd.DataFrame
) -> list[str]:
    """Say in which coefficients a weighted column differs from the unweighted one beside it by more than one error.

    The error is the standard error of the unweighted coefficient; columns are compared if outcome, sample and block are
    the same.
    """
    named = dict(zip(headings["column"], headings["heading"], strict=True))
    fitted = columns.loc[columns["status"] != "failed"]
    plain, weighted = (fitted.loc[(fitted["weights"] == "none") == is_plain] for is_plain in (True, False))
    same = ["outcome", "sample", "block"]
    pairs = weighted.merge(plain, on=same, suffixes=("", "_plain"), validate="many_to_many")
    remarks = []
    for pair in pairs.to_dict("records"):
        own, other = (terms.loc[terms["column"] == pair[name]].set_index("term") for name in ("column", "column_plain"))
        shared = own.index.intersection(other.index, sort=False)
        apart = (own.loc[shared, "estimate"] - other.loc[shared, "estimate"]).abs() > other.loc[shared, "std_error"]
        found = [": ".join(filter(None, _word_term(str(term), own, dictionary))) for term in shared[apart]]
        least = min(pair["n_obs"], pair["n_obs_plain"])
        basis = "" if pair["n_obs"] == pair["n_obs_plain"] else f" ({int(least):,} rows have a weight)"
        remarks.append(
            f"{named[pair['column']]} against {named[pair['column_plain']]}{basis}: the estimates differ by "
            + (
                f"more than one standard error of the unweighted one in {len(found)} of {len(shared)} coefficients: "
                f"{'; '.join(found)}."
                if found
                else f"no more than one standard error of the unweighted one in all {len(shared)} coefficients."
            )
        )
    return remarks


def _word_term(term: str, estimates: pd.DataFrame, dictionary: pd.DataFrame) -> tuple[str, str]:
    group, label = label_term(term, str(estimates.loc[term, "label"]), dictionary)
    return group.partition(" (reference")[0], "constant" if term == "Intercept" else label


def list_gaps(columns: pd.DataFrame, headings: pd.DataFrame, waves: pd.DataFrame) -> list[str]:
    """Say of each model which waves it has no row of; several columns with the same gap share a sentence.

    Examples
    --------
    >>> columns = pd.DataFrame({"column": [1, 2], "status": "fitted", "waves": ["1", "1|2"]})
    >>> headings = pd.DataFrame({"column": [1, 2], "heading": ["Growth", "Size"]})
    >>> list_gaps(columns, headings, pd.DataFrame({"id": [1, 2], "label": ["2021", "2022"]}))
    ['Growth: no response of wave 2022 has every variable of the model.']
    """
    named = dict(zip(headings["column"], headings["heading"], strict=True))
    gaps: dict[str, list[str]] = {}
    for column in columns.loc[columns["status"] != "failed"].to_dict("records"):
        used = re.findall(r"\d+", str(column.get("waves") or "").removesuffix(".0"))
        absent = [str(label) for wave, label in zip(waves["id"], waves["label"], strict=True) if str(wave) not in used]
        if absent and used:
            gaps.setdefault(join_words(absent), []).append(str(named[column["column"]]))
    return [
        f"{'All columns' if len(heads) == len(columns) else join_words(heads)}: no response of "
        f"wave{'s' if ' and ' in absent else ''} {absent} has every variable of the model."
        for absent, heads in gaps.items()
    ]


def estimate_effects(
    sources: Mapping[str, Any], columns: pd.DataFrame, terms: Sequence[str], headings: pd.DataFrame, level: str | None
) -> tuple[pd.DataFrame, list[str]]:
    """Estimate average marginal effects of the terms shown in the models that are not linear.

    Of a level of a category, the difference of average adjusted predictions to the reference; of a number, the average
    derivative. Interactions have no effect of their own and are left out. The second part says which effects are left
    out because a set or the fit does not give them.
    """
    from firmties.pooled_models import pool_rows

    curved = columns.loc[(columns["status"] != "failed") & (columns["estimator"] != "ols")]
    names = ["part", "column", "row", "group", "label", "df", *ESTIMATE]
    absent: dict[tuple[Any, str], None] = {}

    def list_effects(
        chosen: pd.DataFrame, fits: Sequence[Mapping[str, Any]], tables: Mapping[str, Any]
    ) -> pd.DataFrame:
        by_key = {tuple(str(fit[key] or "") for key in KEYS): fit for fit in fits}
        rows: list[dict[str, Any]] = []
        for column in chosen.to_dict("records"):
            fit = by_key[tuple("" if pd.isna(column[key]) else str(column[key]) for key in KEYS)]
            event = level if column["estimator"] == "ordered_logit" else None
            effects, reasons = find_effects(fit, tables[fit["table"]], terms, sources["dictionary"], event)
            rows += [{"part": "effect", "column": column["column"]} | effect for effect in effects]
            absent.update(dict.fromkeys((column["column"], reason) for reason in reasons))
        return pd.DataFrame(rows, columns=names)

    plain = curved.loc[curved["n_imputations"] == 0]
    imputed = curved.loc[curved["n_imputations"] > 0]
    effects = list_effects(plain, sources["fits"], sources)
    if len(imputed):
        each = [list_effects(imputed, fits, tables) for fits, tables in sources["sets"]()]
        effects = pd.concat([effects, pool_rows(each, ["column", "row"])[0].reindex(columns=names)])
        effects = effects.sort_values("column", kind="stable")
    named = headings.set_index("column")["heading"]
    said = [f"{named[column]}: no average marginal effect: {reason}." for column, reason in absent]
    return effects.drop(columns="df").merge(headings, on="column", how="left", validate="many_to_one"), said


def find_effects(
    fit: Mapping[str, Any], table: pd.DataFrame, terms: Sequence[str], dictionary: pd.DataFrame, level: str | None
) -> tuple[list[dict[str, Any]], list[str]]:
    """Find the average marginal effects of terms in one fit, and why a term of it has none."""
    from firmties.estimation import find_p_value
    from firmties.predictions import ContrastError, Predictor, combine

    predictor = Predictor(fit, table, level)
    rows: list[dict[str, Any]] = []
    absent: list[str] = []
    for term in terms:
        (variable, code), *more = split_term(term)
        if more or "(" in variable or term not in fit["terms"]:
            continue
        reference = predictor.levels_of(variable)[:1]
        contrast = (
            f"mu({variable}={code}) - mu({variable}={reference[0]})" if code and reference else f"slope({variable})"
        )
        if not code and reference == ["false"]:
            contrast = f"mu({variable}=true) - mu({variable}=false)"
        try:
            found = combine(contrast, predictor)
        except ContrastError as error:
            absent.append(str(error))
            continue
        group, label = label_term(term, term if code else label_of(dictionary, variable), dictionary)
        rows.append(
            {"row": term, "group": group, "label": label}
            | {key: found[key] for key in ("estimate", "std_error", "df", "conf_low", "conf_high")}
            | {
                "p_value": find_p_value(found["estimate"] / found["std_error"], found["df"])
                if found["std_error"]
                else None
            }
        )
    return rows, absent


def find_products(terms: pd.DataFrame, shown: Sequence[str]) -> list[str]:
    """Find the models (and blocks) with a product, not shown itself, of a variable that is shown."""
    variables = {name_term(term) for term in shown}
    hidden = [
        term
        for term in terms["term"].unique()
        if term not in shown
        and len(split_term(term)) > 1
        and variables & {variable for variable, _ in split_term(term)}
    ]
    found = terms.loc[terms["term"].isin(hidden), ["model", "block"]].drop_duplicates()
    return [" ".join(str(part) for part in row if part) for row in found.itertuples(index=False)]


def choose_columns(models: pd.DataFrame, options: Mapping[str, Any]) -> pd.DataFrame:
    """Choose the fitted entries that become columns, in the order of the options, then of models.csv.

    Those of the model beside follow the column of the same outcome, sample and block, or the last one.
    """
    ids = [options["model"]] if "model" in options else options["models"]
    chosen = models.loc[models["model"].isin(ids)].copy()
    for option, key in (("outcomes", "outcome"), ("samples", "sample"), ("blocks", "block")):
        if option in options:
            chosen = chosen.loc[chosen[key].isin(options[option])]
            chosen = sort_as(chosen, key, options[option])
    chosen = sort_as(chosen, "model", ids)
    if "models" in options and "blocks" not in options:
        chosen = chosen.drop_duplicates(["model", "outcome", "sample"], keep="last")
    chosen = chosen.reset_index(drop=True).assign(place=lambda frame: frame.index.astype(float))
    if beside := options.get("beside"):
        further = models.loc[models["model"] == beside["model"]]
        for option, key in (("outcomes", "outcome"), ("samples", "sample")):
            if option in options:
                further = further.loc[further[key].isin(options[option])]
        if "blocks" in beside:
            further = further.loc[further["block"].isin(beside["blocks"])]
        same = ["outcome", "sample", "block"]
        places = chosen.drop_duplicates(same, keep="last")[[*same, "place"]]
        further = further.merge(places, on=same, how="left", validate="many_to_one")
        further["place"] = further["place"].fillna(float(len(chosen))) + 0.5
        # Its steps are other ones than those that it stands among.
        further[[key for key in CHANGE if key in further]] = None
        chosen = pd.concat([chosen, further]).sort_values("place", kind="stable")
    chosen = chosen.drop(columns="place").reset_index(drop=True)
    return chosen.assign(column=lambda frame: range(1, len(frame) + 1))


def sort_as(table: pd.DataFrame, column: str, order: Sequence[str]) -> pd.DataFrame:
    """Sort rows by the place of a column's values in a list, otherwise as they stand."""
    place = {name: at for at, name in enumerate(order)}
    return table.sort_values(column, key=lambda values: values.map(place), kind="stable")


def name_columns(columns: pd.DataFrame, dictionary: pd.DataFrame) -> pd.DataFrame:
    """Head each column with what varies; estimators span the columns of several models.

    Where two models would have columns of one heading, the models' names span them.
    """
    outcomes = columns["outcome"].map(lambda name: label_of(dictionary, name))
    parts = {
        "outcome": outcomes,
        "sample": columns["sample"].astype("string"),
        "block": columns["block"].astype("string"),
    }
    if "weights" in columns:
        parts["weights"] = columns["weights"].map(lambda name: "" if name == "none" else "weighted")
    varying = [key for key in parts if columns[key].nunique() > 1] or ["outcome"]
    span = pd.Series("", index=columns.index)
    if columns["estimator"].nunique() > 1:
        span = columns["estimator"].map(lambda name: ESTIMATORS.get(name, name))
    elif "outcome" in varying and len(varying) > 1:
        span, varying = outcomes, varying[1:]
    heading = pd.Series(
        [", ".join(str(parts[key][at]) for key in varying if parts[key][at]) for at in columns.index],
        index=columns.index,
    )
    named = pd.DataFrame({"column": columns["column"], "span": span, "heading": heading})
    if named.duplicated(["span", "heading"]).any() and columns["model"].nunique() > 1:
        named["span"] = columns["model"]
    return named


def choose_terms(terms: Sequence[str], show: Sequence[str] | None) -> list[str]:
    """Keep the terms of the variables shown, in their order; squares and the like follow their variable."""
    if show is None:
        return [term for term in terms if term not in ("Intercept", "alpha") and not term.startswith("threshold[")]
    wanted = []
    for name in show:
        plain = name.replace(" ", "")
        inside = re.compile(rf"^I\(\s*{re.escape(plain)}\s*[\^*]")
        wanted += [
            term
            for term in terms
            if name_term(term).replace(" ", "") == plain or (inside.match(term) and term not in show)
        ]
    return list(dict.fromkeys(wanted))


def label_term(term: str, label: str, dictionary: pd.DataFrame) -> tuple[str, str]:
    """Give a term's group heading (for levels of a category, with the reference named) and its label."""
    factors = split_term(term)
    variable, level = factors[0]
    if len(factors) > 1 or level is None:
        return "", label
    codes, group = codes_of(dictionary, variable), label_of(dictionary, variable)
    if reference := reference_of(dictionary, variable):
        group += f" (reference: {codes.get(reference, reference)})"
    return group, codes.get(level, level)


def list_by_model(fitted: pd.DataFrame, key: str) -> Any:
    """The value that all models share, or each value with its models: ``none (M1); weight (M2)``."""
    values = fitted.groupby(key, sort=False)["model"].unique()
    if len(values) == 1:
        return values.index[0] if isinstance(values.index[0], str) else int(values.index[0])
    return "; ".join(f"{value} ({join_words(models)})" for value, models in values.items()) or None


def describe_columns(columns: pd.DataFrame) -> dict[str, Any]:
    """Notes: estimators, kinds of standard error, their small-sample rule, formula, failures."""
    fitted = columns.loc[columns["status"] != "failed"]

    def list_distinct(key: str) -> str:
        values = fitted[key].dropna().astype(str) if key in fitted else pd.Series(dtype=str)
        return "; ".join(dict.fromkeys(value for value in values if value))

    failed = columns.loc[columns["status"] == "failed"]
    return {
        "estimators": list_distinct("estimator"),
        "standard_errors": list_distinct("covariance"),
        "small_sample": list_distinct("small_sample"),
        "weights": list_by_model(fitted, "weights"),
        "n_imputations": list_by_model(fitted, "n_imputations"),
        "models": ", ".join(dict.fromkeys(columns["model"])),
        "n_failed": len(failed),
    }
