"""Declared models: which rows they use, their fits for each outcome, sample and block, and the tables of results."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from firmties.errors import StudyError, describe_allowed
from firmties.estimators import Estimate, FitError, Sampling, fit_likelihood, fit_ols
from firmties.expressions import ExpressionError, evaluate, names_in
from firmties.formulas import (
    INTERCEPT,
    Design,
    Factor,
    Term,
    as_codes,
    find_levels,
    find_missing,
    list_factors,
    list_variables,
    parse_formula,
    write_formula,
)

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

ESTIMATORS = ("ols", "logit", "ordered_logit", "negative_binomial")
ALL_ROWS = "all"
NO_WEIGHTS = "none"


# --- rows ----------------------------------------------------------------------------------------------------------


def select_rows(
    table: pd.DataFrame, condition: str | None, outcome: str, terms: Sequence[Term], groups: Sequence[str] = ()
) -> tuple[np.ndarray, dict[str, int]]:
    """Select the rows in a sample that are complete in a model's variables.

    Parameters
    ----------
    condition
        Expression that holds in the sample; None for all rows. A row where it is unknown is outside.
    terms
        Terms whose factors must have a value.
    groups
        Further variables that must have one (clusters, absorbed intercepts, weights, strata).

    Returns
    -------
    tuple
        Mask of the rows; reason -> number of rows left out, each row counted once, for the first reason that
        applies: outside the sample, outcome missing, then the factors in the order of the formula.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"y": [1.0, None, 3.0, 4.0], "x": [1.0, 2.0, None, 1.0], "size": [1, 1, 1, 9]})
    >>> mask, left_out = select_rows(table, "size < 5", "y", parse_formula("x"))
    >>> mask.tolist(), left_out
    ([True, False, False, False], {'outside sample': 1, 'outcome missing': 1, 'x missing': 1})
    """
    import numpy as np

    mask = np.ones(len(table), dtype=bool)
    left_out: dict[str, int] = {}

    def leave_out(reason: str, gone: np.ndarray) -> None:
        if number := int((mask & gone).sum()):
            left_out[reason] = number
        mask[gone] = False

    if condition:
        leave_out("outside sample", ~evaluate(condition, table).fillna(False).to_numpy(dtype=bool))
    leave_out("outcome missing", table[outcome].isna().to_numpy(dtype=bool))
    for factor in list_factors(terms):
        leave_out(f"{factor.label} missing", find_missing(factor, table))
    for name in groups:
        leave_out(f"{name} missing", table[name].isna().to_numpy(dtype=bool))
    return mask, left_out


def number_groups(table: pd.DataFrame, variables: Sequence[str]) -> np.ndarray:
    """Number the combinations of values of some variables 0, 1, … in order of first appearance."""
    return table.groupby(list(variables), sort=False, dropna=False).ngroup().to_numpy()


def list_columns(outcome: str, terms: Sequence[Term], groups: Sequence[str]) -> list[str]:
    """List the variables of a model, each once: taking rows of these alone is much faster than of a whole table."""
    return list(dict.fromkeys([outcome, *list_variables(terms), *groups]))


def list_groups(fit: Mapping[str, Any]) -> list[str]:
    """List the variables beside outcome and terms that a row of a fit needs: clusters, absorbed, weights, design."""
    weights = fit.get("weights", NO_WEIGHTS)
    wanted = [
        fit["cluster"], *fit["absorb"], weights if weights != NO_WEIGHTS else None, fit.get("strata"),
        fit.get("population"),
    ]  # fmt: skip
    return list(dict.fromkeys(name for name in wanted if name))


def list_needed(fits: Iterable[Mapping[str, Any]]) -> list[str]:
    """List every variable that finding the rows of fits and predicting from them needs, with ``wave``."""
    needed: dict[str, None] = {}
    for fit in fits:
        terms = parse_formula(fit["complete_cases"])
        inside = sorted(names_in(fit["condition"])) if fit["condition"] else []
        needed |= dict.fromkeys([*list_columns(fit["outcome"], terms, list_groups(fit)), *inside, "wave"])
    return list(needed)


def take_weights(fit: Mapping[str, Any], rows: pd.DataFrame) -> np.ndarray | None:
    """Give the weights of the rows of a fit; None for an unweighted one."""
    import numpy as np

    name = fit.get("weights", NO_WEIGHTS)
    return None if name == NO_WEIGHTS else rows[name].astype("Float64").to_numpy(dtype=float, na_value=np.nan)


def find_rows(fit: Mapping[str, Any], table: pd.DataFrame) -> np.ndarray:
    """Give the mask of the rows that a fit used, in the table that it was fitted on.

    Raises
    ------
    StudyError
        If the table no longer gives as many rows as the fit had.
    """
    import numpy as np

    mask, _ = select_rows(
        table, fit["condition"], fit["outcome"], parse_formula(fit["complete_cases"]), list_groups(fit)
    )
    if fit["absorb"]:
        cells = number_groups(table.loc[mask], fit["absorb"])
        mask[mask] = np.bincount(cells)[cells] > 1
    if (number := int(mask.sum())) != fit["n_obs"]:
        where = f"model {fit['model']}, outcome {fit['outcome']}"
        raise StudyError(f"{where}: the scored table gives {number} rows, the fit had {fit['n_obs']}; fit it again")
    return mask


def sample_rows(fit: Mapping[str, Any], table: pd.DataFrame, *, whole: bool = True) -> pd.DataFrame:
    """Give the rows that a fit used (`find_rows`): ``whole``, or the wave and the model's part."""
    terms, groups = parse_formula(fit["complete_cases"]), list_groups(fit)
    needed = list_columns(fit["outcome"], terms, [*groups, *(["wave"] if "wave" in table else [])])
    return (table if whole else table[needed]).loc[find_rows(fit, table)].reset_index(drop=True)


# --- declared models -----------------------------------------------------------------------------------------------


CLASSICAL_WEIGHTED = (
    "classical standard errors take weights for precisions; with probability weights use design, cluster or HC3"
)


def check_model(settings: Mapping[str, Any]) -> list[str]:
    """List what a model asks for that its estimator does not offer.

    Examples
    --------
    >>> check_model({"id": "M5", "estimator": "logit", "covariance": {"type": "HC3"}})
    ['models: M5: covariance: HC3 is defined for estimator ols only (here: logit); use cluster, design or classical']
    >>> check_model({"id": "M1", "estimator": "ols", "weights": "w", "covariance": {"type": "classical"}})[0][:81]
    'models: M1: covariance: classical standard errors take weights for precisions; wi'
    """
    where, estimator = f"models: {settings['id']}", settings["estimator"]
    problems = []
    if estimator not in ESTIMATORS:
        return [f"{where}: estimator: '{estimator}'; {describe_allowed(estimator, ESTIMATORS)}"]
    covariance = settings.get("covariance") or {"type": "classical"}
    if covariance["type"] == "HC3" and estimator != "ols":
        only = f"is defined for estimator ols only (here: {estimator})"
        problems.append(f"{where}: covariance: HC3 {only}; use cluster, design or classical")
    if covariance["type"] == "classical" and settings.get("weights", NO_WEIGHTS) != NO_WEIGHTS:
        problems.append(f"{where}: covariance: {CLASSICAL_WEIGHTED}")
    if covariance["type"] in ("cluster", "design") and not covariance.get("by"):
        problems.append(
            f"{where}: covariance: by: a {covariance['type']} covariance needs the variable of the clusters"
        )
    if settings.get("absorb") and estimator != "ols":
        problems.append(f"{where}: absorb: intercepts can be absorbed with estimator ols only (here: {estimator})")
    return problems


def read_blocks(settings: Mapping[str, Any], sets: Mapping[str, str]) -> list[tuple[str, list[Term]]]:
    """Give a model's blocks with their terms, each with those of the blocks before it; one block "" for a formula.

    Raises
    ------
    StudyError
        For a formula that cannot be read.
    """
    blocks, text = [], ""
    declared = settings.get("blocks") or [{"name": "", "add": settings.get("formula", "1")}]
    for block in declared:
        where = f"models: {settings['id']}: " + (f"blocks: {block['name']}" if block["name"] != "" else "formula")
        text = f"{text} + ({block['add']})" if text else f"({block['add']})"
        try:
            parse_formula(block["add"], sets)
            blocks.append((str(block["name"]), parse_formula(text, sets)))
        except ExpressionError as error:
            raise StudyError(f"{where}: {error}") from error
    return blocks


def fit_model(
    settings: Mapping[str, Any],
    table: pd.DataFrame,
    dictionary: pd.DataFrame,
    sets: Mapping[str, str] | None = None,
    samples: Mapping[str, str] | None = None,
    references: Mapping[str, str] | None = None,
    starts: Sequence[Mapping[str, Any]] = (),
) -> list[dict[str, Any]]:
    """Fit a declared model: one entry for each outcome × sample × block.

    Parameters
    ----------
    settings
        An entry of ``models:``: id, estimator, outcomes, formula or blocks, and optionally title, table, samples,
        covariance, absorb, weights (a variable or ``none``). With covariance ``design``: ``by``, the primary sampling
        units, and perhaps ``strata`` and ``population`` (variables).
    table
        The scored table that the model is fitted on; rows with a missing value in a model's variables are left out.
        Blocks are all fitted on the complete rows of the last one.
    dictionary
        Columns variable, table, label, type, codes, reference.
    sets, samples, references
        Of the configuration: named groups of terms, named conditions, reference levels.
    starts
        Entries of fits of the same model to almost the same rows, whose estimates likelihoods climb from; the results
        do not depend on them.

    Returns
    -------
    list of dict
        Plain values as in the contract of ``fits/{model}.json``. A model that the data cannot carry has
        ``status: failed``, a ``reason`` and no numbers.

    Raises
    ------
    StudyError
        For faults of the configuration: a formula that cannot be read, unknown names, HC3 with another estimator
        than OLS, an outcome of the wrong type; for weights that are not positive.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"y": [1.0, 2.0, 4.0, 3.0], "x": [0.0, 1.0, 2.0, 3.0]})
    >>> words = pd.DataFrame(columns=["variable", "table", "label", "type", "codes", "reference"])
    >>> [fit] = fit_model({"id": "m", "estimator": "ols", "outcomes": ["y"], "formula": "x"}, table, words)
    >>> fit["terms"], [round(value, 3) for value in fit["params"]], fit["df"]
    (['Intercept', 'x'], [1.3, 0.8], 2)
    """
    samples = dict(samples or {})
    if problems := check_model(settings):
        raise StudyError(problems)
    blocks = read_blocks(settings, sets or {})
    table = table.reset_index(drop=True)
    _check_names(settings, table, blocks[-1][1], samples)
    _check_weights(settings, table)
    if "table" in dictionary and settings.get("table", "panel") in set(dictionary["table"]):
        dictionary = dictionary.loc[dictionary["table"] == settings.get("table", "panel")]
    return [
        entry
        for outcome in settings["outcomes"]
        for sample in settings.get("samples") or [ALL_ROWS]
        for entry in _fit_blocks(
            settings, outcome, sample, table, dictionary, blocks, samples.get(sample), references, starts
        )
    ]


LEAST_APART = 30
"""Fewest respondents (firms, where errors are clustered by firm) of a wave that is fitted alone.

ASSUME with fewer a wave's own estimate says more of chance than of the wave; its rows stay in the pooled model.
"""
NO_NUMBERS: dict[str, Any] = {"terms": [], "params": [], "cov": [], "df": None, "small_sample": "", "fit": {}}


def fit_waves(
    fits: Sequence[Mapping[str, Any]],
    table: pd.DataFrame,
    dictionary: pd.DataFrame,
    least: int = LEAST_APART,
    starts: Sequence[Mapping[str, Any]] = (),
) -> list[dict[str, Any]]:
    """Fit models anew to the rows of each wave alone, without what is constant there.

    Parameters
    ----------
    fits
        Entries of `fit_model`; those that failed are left out.
    table, dictionary
        As in `fit_model`.
    least
        Fewest respondents of a wave that is fitted.
    starts
        Entries of this function for almost the same rows, to begin from (see `fit_model`).

    Returns
    -------
    list of dict
        Entries as of `fit_model`, with the ``wave`` and classical standard errors (with weights clustered or HC3), on
        the rows of the fit that are of the wave. A factor that is constant there leaves its terms, a level that does
        not occur is left out, and a wave that cannot carry the rest, or has fewer respondents than `least`, has
        ``status: failed`` and the reason.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"y": [1.0, 3, 5, 2, 2.5, 3], "x": [0.0, 1, 2, 0, 1, 2], "wave": [1, 1, 1, 2, 2, 2]})
    >>> words = pd.DataFrame(columns=["variable", "table", "label", "type", "codes", "reference"])
    >>> fits = fit_model({"id": "m", "estimator": "ols", "outcomes": ["y"], "formula": "wave + x"}, table, words)
    >>> [(fit["wave"], round(fit["params"][1], 3)) for fit in fit_waves(fits, table, words, least=3)]
    [(1, 2.0), (2, 0.5)]
    """
    kept = ("sample", "condition", "complete_cases", "cluster", "strata", "population", "block")
    entries = []
    for fit in fits:
        if fit["status"] == "failed":
            continue
        terms = parse_formula(fit["formula"])
        for wave, rows in sample_rows(fit, table, whole=False).groupby("wave", sort=True):
            varying = [
                tuple(f for f in term if any(rows[name].nunique() > 1 for name in f.variables)) for term in terms
            ]
            settings = {
                "id": fit["model"],
                "table": fit["table"],
                "estimator": fit["estimator"],
                "outcomes": [fit["outcome"]],
                "formula": write_formula(dict.fromkeys(term for term in varying if term)),
                "absorb": fit["absorb"],
                "weights": fit["weights"],
            }
            if fit["weights"] != NO_WEIGHTS:
                clustered = {"type": "cluster", "by": fit["cluster"]}
                settings["covariance"] = clustered if fit["cluster"] else {"type": "HC3"}
            references = {name: codes[0] for name, codes in fit["levels"].items()}
            same = ("outcome", "sample", "block")
            begin = [
                start | {"sample": ALL_ROWS, "block": ""}
                for start in map(dict, starts)
                if start["wave"] == wave and all(start[key] == fit[key] for key in same)
            ]
            [entry] = fit_model(settings, rows, dictionary, references=references, starts=begin)
            n = rows[fit["cluster"]].nunique() if fit["cluster"] else len(rows)
            few = {"status": "failed", "reason": f"{n} respondents; fewer than {least} are not judged alone"}
            entries.append(
                entry
                | ({**NO_NUMBERS, **few} if n < least else {})
                | {key: fit[key] for key in kept}
                | {"wave": int(str(wave))}
            )
    return entries


def _check_names(
    settings: Mapping[str, Any], table: pd.DataFrame, terms: Sequence[Term], samples: Mapping[str, str]
) -> None:
    where = f"models: {settings['id']}"
    covariance = settings.get("covariance") or {}
    named = {
        "outcomes": settings["outcomes"],
        "formula": list_variables(terms),
        "absorb": settings.get("absorb") or [],
        "weights": [name for name in [settings.get("weights", NO_WEIGHTS)] if name != NO_WEIGHTS],
        **{
            f"covariance: {key}": [covariance[key]] if covariance.get(key) else []
            for key in ("by", "strata", "population")
        },
    }
    problems = [
        f"{where}: {key}: no variable '{name}' in the table; {describe_allowed(name, table.columns)}"
        for key, names in named.items()
        for name in names
        if name not in table.columns
    ]
    for sample in settings.get("samples") or []:
        if sample not in samples and sample != ALL_ROWS:
            problems.append(f"{where}: samples: no sample '{sample}'; {describe_allowed(sample, samples)}")
    if problems:
        raise StudyError(problems)


def _check_weights(settings: Mapping[str, Any], table: pd.DataFrame) -> None:
    import numpy as np
    import pandas as pd

    name = settings.get("weights", NO_WEIGHTS)
    if name == NO_WEIGHTS:
        return
    where = f"models: {settings['id']}: weights"
    if not pd.api.types.is_numeric_dtype(table[name]):
        raise StudyError(f"{where}: '{name}' holds text; weights are positive numbers")
    weights = table[name].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    if (wrong := (weights <= 0) | np.isinf(weights)).any():
        raise StudyError(
            f"{where}: '{name}' is 0, negative or infinite in {wrong.sum()} of {len(weights)} rows (the first of them "
            f"{weights[wrong][0]:g}); a weight is above 0, or missing where a row has none"
        )


def _describe_covariance(covariance: Mapping[str, Any]) -> str:
    """Word a kind of standard error.

    Examples
    --------
    >>> _describe_covariance({"type": "design", "by": "firm", "strata": "stratum"})
    'design-based (clustered by firm, stratified by stratum)'
    """
    if covariance["type"] == "cluster":
        return f"clustered by {covariance['by']}"
    if covariance["type"] != "design":
        return str(covariance["type"])
    strata = f", stratified by {covariance['strata']}" if covariance.get("strata") else ""
    finite = ", finite population" if covariance.get("population") else ""
    return f"design-based (clustered by {covariance['by']}{strata}{finite})"


def _describe_sampling(
    covariance: Mapping[str, Any], table: pd.DataFrame, rows: pd.Index, groups: Sequence[str]
) -> Any:
    """How the rows were drawn: the design of every row that has what it needs, and which of them are in the fit."""
    import numpy as np

    whole = table.loc[table[list(groups)].notna().all(axis=1)]
    strata, sizes = covariance.get("strata"), covariance.get("population")
    stratum = np.zeros(len(whole), dtype=int) if strata is None else whole[strata].to_numpy(dtype=object)
    cluster = whole[covariance["by"]].to_numpy(dtype=object)
    population = None
    if sizes is not None:
        # ASSUME the largest of the waves' populations is that from which a stratum's firms were drawn over all waves.
        population = whole[sizes].astype(float).groupby(stratum).transform("max").to_numpy()
    return Sampling(stratum, cluster, whole.index.get_indexer(rows), population)


def _fit_blocks(
    settings: Mapping[str, Any],
    outcome: str,
    sample: str,
    table: pd.DataFrame,
    dictionary: pd.DataFrame,
    blocks: Sequence[tuple[str, list[Term]]],
    condition: str | None,
    references: Mapping[str, str] | None,
    starts: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    import numpy as np

    covariance = settings.get("covariance") or {"type": "classical"}
    is_design = covariance["type"] == "design"
    cluster = covariance["by"] if covariance["type"] in ("cluster", "design") else None
    absorb = list(settings.get("absorb") or [])
    terms = blocks[-1][1]
    drawn = {
        "cluster": cluster,
        "strata": covariance.get("strata") if is_design else None,
        "population": covariance.get("population") if is_design else None,
        "weights": settings.get("weights", NO_WEIGHTS),
        "absorb": absorb,
    }
    groups = list_groups(drawn)
    try:
        mask, left_out = select_rows(table, condition, outcome, terms, groups)
    except ExpressionError as error:
        raise StudyError(f"models: {settings['id']}, sample {sample}: {error}") from error
    rows = table[list_columns(outcome, terms, groups)].loc[mask]
    if absorb and len(rows):
        cells = number_groups(rows, absorb)
        alone = np.bincount(cells)[cells] == 1
        if alone.any():
            left_out[f"alone in its {' × '.join(absorb)}"] = int(alone.sum())
        rows = rows.loc[~alone]
    waves = sorted(map(int, table.loc[rows.index, "wave"].unique())) if "wave" in table else []
    sampling = None
    if is_design:
        design_groups = [name for name in groups if name not in absorb or name == cluster]
        sampling = _describe_sampling(covariance, table, rows.index, design_groups)
    rows = rows.reset_index(drop=True)
    levels = find_levels(terms, rows, dictionary, references)
    values, categories = read_outcome(settings, outcome, rows, dictionary)
    clusters = number_groups(rows, [cluster]) if cluster else None
    common = {
        "model": str(settings["id"]),
        "outcome": outcome,
        "sample": sample,
        "level": "",
        "table": settings.get("table", "panel"),
        "estimator": settings["estimator"],
        "covariance": _describe_covariance(covariance),
        "n_imputations": 0,
        "condition": condition,
        "complete_cases": write_formula(terms),
        "n_obs": len(rows),
        "n_clusters": None if clusters is None else len(np.unique(clusters)),
        "waves": waves,
        "left_out": left_out,
        "categories": categories,
        **drawn,
    }
    entries: list[dict[str, Any]] = []
    known: dict[str, np.ndarray] = {}
    for block, block_terms in blocks:
        names = {factor.name for factor in list_factors(block_terms)}
        entry = common | {
            "block": block,
            "formula": write_formula(block_terms),
            "levels": {name: codes for name, codes in levels.items() if name in names},
            "status": "fitted",
            "reason": "",
        }
        try:
            design = check_data(entry, rows, values, block_terms, known)
            estimate = _estimate(entry, design, values, covariance["type"], clusters, rows, sampling, starts)
        except StudyError as error:
            raise StudyError(f"models: {settings['id']}: covariance: {error}") from error
        except FitError as error:
            entries.append(entry | NO_NUMBERS | {"status": "failed", "reason": str(error)})
            continue
        change, added = (
            compare_blocks(estimate, len(rows), entries[-1] if entries else None, bool(absorb))
            if settings.get("blocks")
            else ({}, {})
        )
        entries.append(
            entry
            | {
                "small_sample": estimate.small_sample,
                "terms": estimate.terms,
                "params": estimate.params.tolist(),
                "cov": estimate.cov.tolist(),
                "df": estimate.df,
                "fit": estimate.fit | change,
                **added,
            }
        )
    return entries


def read_outcome(
    settings: Mapping[str, Any], outcome: str, rows: pd.DataFrame, dictionary: pd.DataFrame
) -> tuple[np.ndarray, list[str]]:
    """Give an outcome as the estimator needs it, and its categories if it is coded (of two, the second is the event).

    Raises
    ------
    StudyError
        If the outcome's values do not fit the estimator.
    """
    import numpy as np
    import pandas as pd

    estimator, values = settings["estimator"], rows[outcome]
    where = f"models: {settings['id']}: outcome {outcome}"
    entry = dictionary.loc[dictionary["variable"] == outcome]
    declared = entry["codes"].iloc[0] if len(entry) and pd.notna(entry["codes"].iloc[0]) else ""
    order = [pair.partition("=")[0] for pair in str(declared).split("|") if pair]
    is_yes_no = pd.api.types.is_numeric_dtype(values) and values.isin([0, 1]).all()
    if estimator == "ordered_logit" or (estimator == "logit" and len(order) == 2 and not is_yes_no):
        codes = as_codes(values)
        present = set(codes)
        if unknown := present.difference(order):
            if order or not pd.api.types.is_numeric_dtype(values):
                raise StudyError(f"{where}: {min(unknown)!r} is not among its ordered codes ({', '.join(order)})")
            order = sorted(unknown, key=float)
        categories = [code for code in order if code in present or estimator == "logit"]
        return codes.map({code: at for at, code in enumerate(categories)}).to_numpy(dtype=int), categories
    if not pd.api.types.is_numeric_dtype(values):
        raise StudyError(f"{where}: estimator {estimator} needs a number or a yes-no answer, this holds text")
    numbers = values.astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    if estimator == "logit" and not np.isin(numbers, (0.0, 1.0)).all():
        raise StudyError(f"{where}: estimator logit needs a yes-no answer (true and false, or 0 and 1)")
    if estimator == "negative_binomial" and ((numbers < 0) | (numbers % 1 != 0)).any():
        raise StudyError(f"{where}: estimator negative_binomial needs counts 0, 1, 2, …")
    return numbers, []


def check_data(
    entry: Mapping[str, Any],
    rows: pd.DataFrame,
    values: np.ndarray,
    terms: Sequence[Term],
    known: dict[str, np.ndarray],
) -> Design:
    """Give the design of a fit, after checks that the rows can carry it at all; ``known`` gathers blocks of factors.

    Raises
    ------
    FitError
        If no row is left, the outcome is constant, or there are no more rows than terms.
    """
    import numpy as np

    if rows.empty:
        named = f" ({entry['condition']})" if entry["condition"] else ""
        reasons = ", ".join(f"{number} {reason}" for reason, number in entry["left_out"].items())
        raise FitError(f"sample {entry['sample']}{named} leaves no row: {reasons or 'the table is empty'}")
    if len(np.unique(values)) == 1:
        value = entry["categories"][0] if entry["categories"] else f"{values[0]:g}"
        raise FitError(f"the outcome {entry['outcome']} is constant ({value}) in all {len(rows)} rows")
    design = Design(terms, rows, entry["levels"], has_intercept=not entry["absorb"], known=known)
    known |= design.blocks
    if not design.names:
        raise FitError("no term is left to estimate")
    for name, codes in design.levels.items():
        if len(codes) == 1:
            raise FitError(f"rank-deficient design: {name} has only the level {codes[0]} in this sample")
    if len(rows) <= len(design.names):
        raise FitError(f"{len(rows)} rows cannot carry {len(design.names)} terms")
    return design


def _estimate(
    entry: Mapping[str, Any],
    design: Design,
    values: np.ndarray,
    covariance: str,
    clusters: np.ndarray | None,
    rows: pd.DataFrame,
    sampling: Sampling | None,
    starts: Sequence[Mapping[str, Any]],
) -> Estimate:
    x, weights = design.matrix(), take_weights(entry, rows)
    drawn: dict[str, Any] = {"weights": weights, "sampling": sampling}
    if entry["estimator"] == "ols":
        cells = number_groups(rows, entry["absorb"]) if entry["absorb"] else None
        return fit_ols(x, values, design.names, covariance, clusters, cells, **drawn)
    same = ("outcome", "sample", "block")
    begin = next((fit for fit in starts if all(fit[key] == entry[key] for key in same)), None)
    known = dict(zip(begin["terms"], begin["params"], strict=True)) if begin else None
    return fit_likelihood(
        entry["estimator"], x, values, design.names, covariance, clusters, entry["categories"], start=known, **drawn
    )


def compare_blocks(
    estimate: Estimate, n_obs: int, before: Mapping[str, Any] | None, is_absorbed: bool
) -> tuple[dict[str, float | None], dict[str, Any]]:
    """Give the change in R² against the block before (the first: against the intercept alone) with its classical F.

    F = (change / q) / ((1 - R²) / df), q terms added and df = n - k of the larger block (Cohen et al. 2003); with
    weights, where it does not hold, only the change. Empty for other estimators than least squares, with absorbed
    intercepts, after a block that failed or if no term is added. The second part holds the names of the added terms
    (``added``) and their classical covariance (``added_cov``), from which F is pooled over imputed sets.
    """
    from scipy.special import fdtrc

    is_comparable = "r_squared" in estimate.fit and not is_absorbed and (before is None or before["status"] != "failed")
    terms_before = 1 if before is None else len(before["terms"])
    added, df = len(estimate.terms) - terms_before, n_obs - len(estimate.terms)
    if not is_comparable or added <= 0:
        return {}, {}
    r_squared = estimate.fit["r_squared"]
    change = r_squared - (0.0 if before is None else before["fit"]["r_squared"])
    if "aic" not in estimate.fit:
        return {"r_squared_change": change}, {}
    f_change = (change / added) / ((1 - r_squared) / df) if r_squared < 1 else None
    held = {INTERCEPT} if before is None else set(before["terms"])
    places = [at for at, term in enumerate(estimate.terms) if term not in held]
    assert estimate.classical is not None
    return {
        "r_squared_change": change,
        "f_change": f_change,
        "f_df1": added,
        "f_df2": df,
        "f_p_value": None if f_change is None else float(fdtrc(added, df, max(f_change, 0.0))),
    }, {
        "added": [estimate.terms[at] for at in places],
        "added_cov": estimate.classical[places][:, places].tolist(),
    }


# --- tables of results ---------------------------------------------------------------------------------------------


def find_p_value(statistic: float, df: float | None, alternative: str = "two_sided") -> float:
    """Give the p-value of a t statistic (normal where df is None) against an alternative: two_sided, greater, less.

    Examples
    --------
    >>> round(find_p_value(1.96, None), 4), round(find_p_value(2.0, 10, "greater"), 4)
    (0.05, 0.0367)
    """
    from scipy.special import ndtr, stdtr

    def below(value: float) -> float:
        return float(ndtr(value) if df is None else stdtr(df, value))

    if alternative == "two_sided":
        return 2 * below(-abs(statistic))
    return below(-statistic if alternative == "greater" else statistic)


def find_interval(estimate: float, std_error: float, df: float | None, confidence: float = 0.95) -> tuple[float, float]:
    """Give the two-sided confidence interval of an estimate.

    Examples
    --------
    >>> [round(bound, 3) for bound in find_interval(1.0, 0.5, 10)]
    [-0.114, 2.114]
    """
    from scipy.special import ndtri, stdtrit

    upper = (1 + confidence) / 2
    reach = std_error * float(ndtri(upper) if df is None else stdtrit(df, upper))
    return estimate - reach, estimate + reach


KEYS = ("model", "outcome", "sample", "block", "level")
ESTIMATES = [
    *KEYS, "term", "label", "estimate", "std_error", "statistic", "df", "p_value", "conf_low", "conf_high", "n_obs",
    "n_clusters", "estimator", "covariance", "weights", "n_imputations", "fmi",
]  # fmt: skip
MODELS = [
    *KEYS, "status", "reason", "estimator", "covariance", "weights", "n_imputations", "small_sample", "formula",
    "n_obs", "n_clusters", "waves", "n_left_out", "left_out", "r_squared", "r_squared_adjusted",
    "r_squared_change", "f_change", "f_df1", "f_df2", "f_p_value",
    "log_likelihood", "aic", "bic", "converged", "max_vif", "pseudo_r_squared", "n_obs_least", "n_obs_most", "gate",
]  # fmt: skip


def tabulate_estimates(fits: Iterable[Mapping[str, Any]], dictionary: pd.DataFrame | None = None) -> pd.DataFrame:
    """List the coefficients of fits, a row a term, with two-sided p-values and 95 % intervals.

    Returns
    -------
    pandas.DataFrame
        Columns of ``estimates.csv``; df is missing where the reference is normal; of a fit pooled over imputed sets
        df are those of Barnard and Rubin, and ``fmi`` is the fraction of missing information. Failed fits have no rows.
    """
    import numpy as np
    import pandas as pd

    rows = []
    labels: dict[str, str] = {}
    for fit in fits:
        errors = np.sqrt(np.clip(np.diag(np.array(fit["cov"])), 0, None)) if fit["terms"] else []
        each = [fit["df"]] * len(fit["terms"])
        dfs, missing = fit.get("df_terms", each), fit.get("fmi", [None] * len(each))
        for term, estimate, error, df, fmi in zip(fit["terms"], fit["params"], errors, dfs, missing, strict=True):
            statistic = estimate / error if error > 0 else float("nan")
            low, high = find_interval(estimate, error, df)
            if term not in labels:
                labels[term] = label_term(term, fit, dictionary)
            rows.append(
                {key: fit[key] for key in (*KEYS, "n_obs", "n_clusters", "estimator", "covariance")}
                | {"term": term, "label": labels[term], "estimate": estimate, "std_error": error, "df": df}
                | {"statistic": statistic, "p_value": find_p_value(statistic, df)}
                | {"conf_low": low, "conf_high": high, "fmi": fmi}
                | {"weights": fit.get("weights", NO_WEIGHTS), "n_imputations": fit.get("n_imputations", 0)}
            )
    return pd.DataFrame(rows, columns=ESTIMATES)


def tabulate_models(fits: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """List fits, a row each, with status, reason, rows used and left out, and figures of fit (``models.csv``)."""
    import pandas as pd

    rows = [
        {**fit["fit"], **{key: fit[key] for key in MODELS if key in fit and key != "fit"}}
        | {
            "left_out": "; ".join(f"{reason}: {number}" for reason, number in fit["left_out"].items()),
            "n_left_out": sum(fit["left_out"].values()),
            "waves": "|".join(map(str, fit.get("waves", []))),
            "gate": "; ".join(dict.fromkeys(fit.get("gate", {}).values())),
        }
        for fit in fits
    ]
    return pd.DataFrame(rows, columns=MODELS)


def label_term(term: str, fit: Mapping[str, Any], dictionary: pd.DataFrame | None) -> str:
    """Put a term into words: labels of variables and levels, ``×`` between factors; the term itself without one.

    Examples
    --------
    >>> import pandas as pd
    >>> words = pd.DataFrame({"variable": ["form", "z"], "label": ["Form", "Ties"], "codes": ["s=single|h=hybrid", ""]})
    >>> label_term("form[h]:I(z ^ 2)", {"formula": "form * I(z ^ 2)"}, words)
    'Form: hybrid × Ties²'
    """
    from firmties.display import codes_of, label_of

    if dictionary is None or term in ("Intercept", "alpha") or term.startswith("threshold["):
        return term
    parts = []
    factors = _label_factors(fit["formula"])
    for part in re.split(r":(?![^\[]*\])(?![^(]*\))", term):
        name, level = part, ""
        if part not in factors and part.endswith("]"):
            name, _, level = part[:-1].partition("[")
        factor = factors.get(name)
        text = name[2:-1] if name.startswith("I(") else name
        for variable in factor.variables if factor else []:
            text = re.sub(rf"\b{variable}\b", lambda _, v=variable: label_of(dictionary, v), text)
        text = text.replace(" ^ 2", "²").replace(" ^ 3", "³")
        parts.append(f"{text}: {codes_of(dictionary, name).get(level, level)}" if level else text)
    return " × ".join(parts)


@lru_cache(maxsize=64)
def _label_factors(formula: str) -> dict[str, Factor]:
    return {factor.label: factor for factor in list_factors(parse_formula(formula))}
