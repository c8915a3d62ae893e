"""A prediction over one variable, binned partial residuals, density and turning point."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from firmties.disclosure import Counts, find_minimum, mask_tables, name_cell
from firmties.display import ENOUGH, describe_models, describe_waves, label_of
from firmties.estimation import find_interval, sample_rows

DENSITY_BINS = 30


def summarize(sources: dict[str, Any], options: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Collect what a curve shows, from the first to the 99th percentile of its variable or as predicted.

    Returns
    -------
    numbers
        part ``curve`` (x, estimate, conf_low, conf_high), ``bin`` (mean x, mean partial residual and n of a
        bin), ``density`` (x to x_to, n; bins with few cases are left out), ``turning_point`` (x with its
        interval in conf_low and conf_high; only where the model has a quadratic); x_label, y_label.
    notes
        What the caption needs.
    """
    predictions, dictionary = sources["predictions"], sources["dictionary"]
    scale, few = options.get("scale", 1), find_minimum(sources["study"])
    curve = predictions.loc[predictions["prediction"] == options["prediction"]]
    columns = ["part", "x", "x_to", "estimate", "conf_low", "conf_high", "n"]
    models = sources["models"]
    if curve.empty:
        return pd.DataFrame(columns=[*columns, "x_label", "y_label"]), {
            "weights": "none",
            "remark": "The prediction was not made.",
        }
    first = curve.iloc[0]
    variable, outcome = str(first["variable_1"]), str(first["outcome"])
    drawn = curve.assign(part="curve", x=curve["value_1"].astype(float)).reindex(columns=columns).sort_values("x")
    low, high = drawn["x"].min(), drawn["x"].max()
    parts = [drawn]
    fit = _find_fit(sources.get("fits", []), first)
    if fit is not None:
        # Cases are those that were observed: imputed answers lie elsewhere in each set.
        seen = _find_fit(sources["fits_complete"], first) if fit["n_imputations"] else fit
        if seen is not None:
            parts += _describe_cases(seen, sources, variable, low, high, options.get("bins", 20), columns, few)
        parts.append(find_turning_point(fit, variable).reindex(columns=columns))
    numbers = pd.concat([part for part in parts if not part.empty], ignore_index=True)
    scaled = numbers["part"] != "turning_point"
    values = ["estimate", "conf_low", "conf_high"]
    numbers[values] = numbers[values].astype(float)
    numbers.loc[scaled, values] *= scale
    numbers = numbers.assign(
        x_label=label_of(dictionary, variable), y_label=options.get("label") or label_of(dictionary, outcome)
    )
    numbers["n"] = numbers["n"].astype("Int64")

    keys = ["model", "outcome", "sample", "block"]
    chosen = models.loc[models[keys].fillna("").eq(first[keys].fillna("")).all(axis=1)].tail(1)
    notes = describe_models(chosen, dictionary)
    of_complete = "of complete cases, " if fit is not None and fit["n_imputations"] else ""
    turning = numbers.loc[numbers["part"] == "turning_point"]
    notes |= {
        "waves": describe_waves(sources["panel"]["wave"], sources.get("waves")),
        "n_bins": int((numbers["part"] == "bin").sum()),
        "turning_point": None if turning.empty else float(turning["x"].iloc[0]),
        "turning_point_low": None if turning.empty else float(turning["conf_low"].iloc[0]),
        "turning_point_high": None if turning.empty else float(turning["conf_high"].iloc[0]),
        "remark_curve": "Line and band: average adjusted prediction and its 95 % interval, all else as observed.",
        "remark_bins": f"Points: mean partial residuals {of_complete}in bins of equal size.",
        "remark_density": f"Strip: number of {'complete ' if of_complete else ''}cases"
        + (f"; bins with fewer than {few}, and those that would give them away, are not shown." if few > 1 else "."),
        "remark_turning_point": None if turning.empty else "The interval of the turning point is by the delta method.",
    }
    return numbers, notes


def find_turning_point(fit: dict[str, Any], variable: str) -> pd.DataFrame:
    r"""Find where a quadratic turns, :math:`-b_1/(2 b_2)`, with its delta-method interval.

    With :math:`g = (-1/(2 b_2),\; b_1/(2 b_2^2))` the variance is :math:`g' V g`, V the covariance of the
    fit; Fieller's interval is better where :math:`b_2` is imprecise. Empty unless the model holds the variable and
    its square and neither stands in a product.

    Examples
    --------
    >>> fit = {"terms": ["x", "I(x ^ 2)"], "params": [0.04, -0.02], "cov": [[1e-4, 0], [0, 1e-5]], "df": 100}
    >>> find_turning_point(fit, "x")[["x", "conf_low", "conf_high"]].round(3).values.tolist()
    [[1.0, 0.413, 1.587]]
    """
    squares = (f"I({variable} ^ 2)", f"I({variable} * {variable})")
    terms = [str(term) for term in fit["terms"]]
    square = next((term for term in squares if term in terms), None)
    crossed = any(":" in term and variable in term.replace("(", ":").replace(" ", ":").split(":") for term in terms)
    if square is None or variable not in terms or crossed:
        return pd.DataFrame()
    places = [terms.index(variable), terms.index(square)]
    b1, b2 = np.asarray(fit["params"], float)[places]
    cov = np.asarray(fit["cov"], float)[np.ix_(places, places)]
    gradient = np.array([-1 / (2 * b2), b1 / (2 * b2**2)])
    x = -b1 / (2 * b2)
    # Over imputed sets each term has degrees of freedom of its own; the fewer are taken.
    dfs = [fit["df_terms"][at] for at in places] if "df_terms" in fit else [fit["df"]]
    df = min((df for df in dfs if df is not None), default=None)
    low, high = find_interval(x, float(np.sqrt(gradient @ cov @ gradient)), df)
    return pd.DataFrame([{"part": "turning_point", "x": x, "conf_low": low, "conf_high": high}])


def _find_fit(fits: list[dict[str, Any]], prediction: pd.Series) -> dict[str, Any] | None:
    """Find the fit behind a prediction."""
    keys = ["model", "outcome", "sample", "block"]
    wanted = ["" if pd.isna(prediction[key]) else str(prediction[key]) for key in keys]
    found = [fit for fit in fits if [str(fit.get(key) or "") for key in keys] == wanted and fit["status"] != "failed"]
    return found[-1] if found else None


def _describe_cases(
    fit: dict[str, Any],
    sources: dict[str, Any],
    variable: str,
    low: float,
    high: float,
    n_bins: int,
    columns: list[str],
    few: int,
) -> list[pd.DataFrame]:
    """Bin the partial residuals, and count the cases within the range drawn."""
    from firmties.predictions import ContrastError, partial_residuals

    table = sources[fit["table"]]
    try:
        cases = partial_residuals(fit, table, variable)
    except ContrastError:  # no linear model: the curve stands alone
        x = sample_rows(fit, table)[variable].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
        cases = pd.DataFrame({"x": x, "residual": np.nan, "weight": 1.0})
    cases = cases.loc[cases["x"].between(low, high)].sort_values("x", kind="stable")
    edges = np.linspace(low, high, max(5, min(DENSITY_BINS, len(cases) // ENOUGH)) + 1)
    count = np.histogram(cases["x"], edges)[0]
    density = pd.DataFrame({"part": "density", "x": edges[:-1], "x_to": edges[1:], "n": count})
    hidden = mask_tables([Counts(variable, density["n"].rename_axis("bin"))], few)
    n_bins = max(1, min(n_bins, len(cases) // ENOUGH))
    place = np.arange(len(cases)) * n_bins // max(len(cases), 1)
    weighted = cases.assign(residual=cases["residual"] * cases["weight"], position=cases["x"] * cases["weight"])
    bins = weighted.groupby(place).agg(
        x=("position", "sum"), estimate=("residual", "sum"), share=("weight", "sum"), n=("x", "size")
    )
    bins = bins.assign(x=bins["x"] / bins["share"], estimate=bins["estimate"] / bins["share"], part="bin")
    return [
        bins.loc[bins["estimate"].notna() & (bins["n"] >= ENOUGH)].reindex(columns=columns),
        density.loc[[name_cell(["bin"], [at]) not in hidden for at in density.index]].reindex(columns=columns),
    ]
