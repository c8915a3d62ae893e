"""Average adjusted predictions, average slopes and their linear combinations, with delta-method standard errors.

An average adjusted prediction sets some variables to the same values in every row of the estimation sample, keeps the
others as observed, and averages the predicted outcome (Lane and Nelder 1982; Long and Freese 2014), over the rows with
their weights where the fit is weighted. Its standard error is sqrt(g' V g), with g the exact gradient in the parameters
and V the covariance of the fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any

from firmties.errors import StudyError, describe_allowed
from firmties.estimation import find_interval, sample_rows, take_weights
from firmties.expressions import ExpressionError, Node, parse
from firmties.formulas import Design, as_codes, list_variables, parse_formula

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

STATISTICS = ("minimum", "maximum", "mean")
"""Values of a numeric variable that a contrast may name, taken in the estimation sample; the mean with its weights."""
COMPARISONS = ("==", ">=", "<=", ">", "<")


class ContrastError(ValueError):
    """A contrast that a fit cannot give; the message is the reason that readers see."""


@dataclass(frozen=True)
class Combination:
    """A linear combination of predictions: its value, gradient, and how often a whole level is in it.

    ``level_weight`` is 1 for a prediction, 0 for a slope or a difference of two predictions; an absorbed intercept
    cancels only where it is 0.
    """

    value: float
    gradient: np.ndarray
    level_weight: float
    is_number: bool = False

    def plus(self, other: Combination, sign: float) -> Combination:
        """Add another combination, times a sign."""
        return Combination(
            self.value + sign * other.value,
            self.gradient + sign * other.gradient,
            self.level_weight + sign * other.level_weight,
            self.is_number and other.is_number,
        )

    def times(self, factor: float) -> Combination:
        """Multiply by a number."""
        return Combination(factor * self.value, factor * self.gradient, factor * self.level_weight, self.is_number)


class Predictor:
    """Predictions of one fit on its estimation sample.

    Parameters
    ----------
    fit
        An entry of ``fits/{model}.json`` that did not fail.
    table
        The scored table that the model was fitted on.
    level
        For an ordered outcome, the event whose probability is predicted, such as ``>= 4``; None for others.

    Raises
    ------
    StudyError
        For an ordered outcome without a level, or a level that is not among its codes.
    """

    def __init__(self, fit: Mapping[str, Any], table: pd.DataFrame, level: str | None = None) -> None:
        import numpy as np

        self.fit = fit
        self.level = level or ""
        self.rows = sample_rows(fit, table, whole=False)
        self.design = Design(parse_formula(fit["formula"]), self.rows, fit["levels"], has_intercept=not fit["absorb"])
        self.params, self.cov = np.array(fit["params"]), np.array(fit["cov"])
        self.event = read_level(level, fit)
        weights = take_weights(fit, self.rows)
        self.weights = np.ones(len(self.rows)) if weights is None else weights / weights.mean()
        self._known: dict[tuple[Any, ...], Combination] = {}

    @cached_property
    def outcome(self) -> np.ndarray:
        """The outcome as predicted: its value, or whether the event occurred."""
        import numpy as np

        values = self.rows[self.fit["outcome"]]
        if self.fit["categories"]:
            happened = {code for code, counts in zip(self.fit["categories"], self.event, strict=True) if counts}
            return as_codes(values).isin(happened).to_numpy(dtype=float)
        return values.astype("Float64").to_numpy(dtype=float, na_value=np.nan)

    def _respond(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Give the predicted outcome of rows, its derivative in the index, and its derivatives in all parameters."""
        import numpy as np
        from scipy.special import expit

        estimator, width = self.fit["estimator"], x.shape[1]
        if estimator == "ordered_logit":
            x, width = x[:, 1:], width - 1
        index = x @ self.params[:width]
        if estimator == "ols":
            return index, np.ones_like(index), x
        if estimator == "logit":
            mean = expit(index)
            slope = mean * (1 - mean)
            return mean, slope, x * slope[:, None]
        if estimator == "negative_binomial":
            mean = np.exp(index)
            return mean, mean, np.column_stack([x * mean[:, None], np.zeros(len(x))])
        # P(event) = w_last + sum over thresholds of (w_j - w_j+1) L(t_j - index), with w_j = 1 where j is in the event.
        changes = self.event[:-1] - self.event[1:]
        below = expit(self.params[width:] - index[:, None])
        density = below * (1 - below) * changes
        slope = -density.sum(axis=1)
        return self.event[-1] + below @ changes, slope, np.hstack([x * slope[:, None], density])

    def _curve(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give the second derivative in the index, and the derivatives of the slope in the thresholds or alpha."""
        import numpy as np
        from scipy.special import expit

        estimator = self.fit["estimator"]
        if estimator == "ordered_logit":
            x = x[:, 1:]
            below = expit(self.params[x.shape[1] :] - (x @ self.params[: x.shape[1]])[:, None])
            bend = below * (1 - below) * (1 - 2 * below) * (self.event[:-1] - self.event[1:])
            return bend.sum(axis=1), -bend
        index = x @ self.params[: x.shape[1]]
        none = np.zeros((len(x), len(self.params) - x.shape[1]))
        if estimator == "ols":
            return np.zeros_like(index), none
        if estimator == "logit":
            mean = expit(index)
            return mean * (1 - mean) * (1 - 2 * mean), none
        return np.exp(index), none

    def average(self, values: np.ndarray) -> Any:
        """Average over the rows, with their weights."""
        weights = self.weights if values.ndim == 1 else self.weights[:, None]
        return (values * weights).mean(axis=0)

    def predict(self, settings: Mapping[str, Any] | None = None) -> Combination:
        """Give the average adjusted prediction with some variables set to one value each."""
        settings = dict(settings or {})
        key = ("mu", *sorted(settings.items()))
        if key not in self._known:
            value, _, gradient = self._respond(self.design.matrix(settings))
            self._known[key] = Combination(float(self.average(value)), self.average(gradient), 1.0)
        return self._known[key]

    def slope(self, variable: str, settings: Mapping[str, Any] | None = None) -> Combination:
        """Give the average derivative of the predicted outcome with respect to a numeric variable.

        Raises
        ------
        ContrastError
            If the variable has levels or no derivative.
        """
        import numpy as np

        try:
            change = self.design.derivative(variable, settings)
        except ExpressionError as error:
            raise ContrastError(str(error)) from error
        if not np.isfinite(change).all():
            raise ContrastError(f"the slope of {variable} is not finite in every row")
        x = self.design.matrix(settings)
        _, slope, _ = self._respond(x)
        bend, auxiliary = self._curve(x)
        skipped = 1 if self.fit["estimator"] == "ordered_logit" else 0
        x, change = x[:, skipped:], change[:, skipped:]
        steepness = change @ self.params[: x.shape[1]]
        inner = x * (bend * steepness)[:, None] + change * slope[:, None]
        gradient = self.average(np.hstack([inner, auxiliary * steepness[:, None]]))
        return Combination(float(self.average(slope * steepness)), gradient, 0.0)

    def levels_of(self, variable: str) -> list[str]:
        """Give the levels of a categorical or yes-no variable in the estimation sample; none for a number."""
        for factor in self.design.factors:
            if factor.name in self.design.levels and factor.variables == [variable]:
                return self.design.levels[factor.name]
        if variable in self.rows and self.rows[variable].dtype in ("bool", "boolean"):
            return [level for level in ("false", "true") if level in set(as_codes(self.rows[variable]))]
        return []

    def require(self, variable: str) -> None:
        """Refuse a variable that is not in the model.

        Raises
        ------
        ContrastError
            Names the variables that are.
        """
        if variable not in self.design.variables:
            for term, reason in self.fit.get("gate", {}).items():
                if variable in list_variables(parse_formula(term)):
                    gone = f"'{variable}' is left out of model {self.fit['model']} by the reliability gate"
                    raise ContrastError(f"{gone}: {reason}")
            names = describe_allowed(variable, self.design.variables)
            raise ContrastError(f"'{variable}' is not in model {self.fit['model']}; {names}")

    def set_value(self, variable: str, text: str) -> Any:
        """Give the value that a variable is set to: a code, a truth value, a number, or one of its statistics.

        Raises
        ------
        ContrastError
            If the value does not occur in the estimation sample, or the variable is not in the model.
        """
        self.require(variable)
        values, levels = self.rows[variable], self.levels_of(variable)
        if levels:
            if text not in levels:
                problem = f"{variable} = {text} does not occur in the rows used"
                raise ContrastError(f"{problem}; {describe_allowed(text, levels)}")
            if levels[0] in ("true", "false"):
                return text == "true"
            return float(text) if values.dtype.kind in "iuf" else text
        if text in STATISTICS:
            numbers = values.astype("Float64").astype("float64")
            return float(self.average(numbers.to_numpy()) if text == "mean" else getattr(numbers, text[:3])())
        try:
            return float(text)
        except ValueError as error:
            allowed = describe_allowed(text, STATISTICS)
            raise ContrastError(f"{variable}={text}: a number or one of its statistics is needed; {allowed}") from error

    def summarize(self, combination: Combination) -> dict[str, Any]:
        """Give estimate, std_error, df, 95 % interval and gradient of a combination.

        Raises
        ------
        ContrastError
            If the model has absorbed intercepts that do not cancel.
        """
        import numpy as np

        if self.fit["absorb"] and abs(combination.level_weight) > 1e-9:
            cells = " × ".join(self.fit["absorb"])
            raise ContrastError(f"the intercepts of {cells} are absorbed, so only slopes and differences can be given")
        variance = float(combination.gradient @ self.cov @ combination.gradient)
        error = float(np.sqrt(max(variance, 0.0)))
        low, high = find_interval(combination.value, error, self.fit["df"])
        return {
            "estimate": combination.value,
            "std_error": error,
            "df": self.fit["df"],
            "conf_low": low,
            "conf_high": high,
            "gradient": combination.gradient,
        }


def read_level(level: str | None, fit: Mapping[str, Any]) -> np.ndarray:
    """Give for each category of the outcome 1 if it belongs to the event (``>= 4``), else 0; empty for numbers.

    Examples
    --------
    >>> read_level(">= 2", {"estimator": "ordered_logit", "categories": ["1", "2", "3"]}).tolist()
    [0.0, 1.0, 1.0]
    """
    import numpy as np

    categories = fit["categories"]
    if fit["estimator"] != "ordered_logit":
        return np.arange(len(categories), dtype=float)
    where = f"model {fit.get('model', '')}, outcome {fit.get('outcome', '')}"
    text = (level or "").strip()
    operator = next((sign for sign in COMPARISONS if text.startswith(sign)), "")
    code = text[len(operator) :].strip()
    if code not in categories:
        if not text:
            raise StudyError(f"{where}: level: an ordered outcome needs one, such as '>= 4'")
        raise ContrastError(f"{where}: no row has the level '{code}'; {describe_allowed(code, categories)}")
    at, positions = categories.index(code), np.arange(len(categories))
    chosen = {">=": positions >= at, "<=": positions <= at, ">": positions > at, "<": positions < at}
    return chosen.get(operator, positions == at).astype(float)


# --- contrasts -----------------------------------------------------------------------------------------------------

FUNCTIONS = ("mu", "others", "slope")


def parse_contrast(text: str) -> Node:
    """Parse a contrast: ``mu(…)``, ``others(…)``, ``slope(…)``, numbers, ``+``, ``-``, ``*``, ``/`` and parentheses.

    Raises
    ------
    ExpressionError
        If the text is not a linear combination of predictions and slopes.

    Examples
    --------
    >>> parse_contrast("mu(form=single) - mu(form=hybrid)").value
    '-'
    >>> parse_contrast("mu(form=single) * mu(form=hybrid)")
    Traceback (most recent call last):
    firmties.expressions.ExpressionError: contrast 'mu(form=single) * mu(form=hybrid)': only a number may multiply
    """

    def fail(problem: str) -> ExpressionError:
        return ExpressionError(f"contrast '{text}': {problem}")

    def holds_calls(node: Node) -> bool:
        return any(inner.kind == "call" for inner in node.walk())

    def check(node: Node) -> None:
        if node.kind == "call":
            check_call(node)
        elif node.kind == "binary" and node.value in ("+", "-", "*", "/"):
            if node.value == "*" and all(map(holds_calls, node.children)):
                raise fail("only a number may multiply")
            if node.value == "/" and holds_calls(node.children[1]):
                raise fail("only a number may divide")
            for child in node.children:
                check(child)
        elif node.kind == "unary" and node.value == "-":
            check(node.children[0])
        elif node.kind != "number":
            raise fail(f"'{node.value}' has no place here; it takes {', '.join(FUNCTIONS)} and numbers")

    def check_call(node: Node) -> None:
        if node.value not in FUNCTIONS:
            raise fail(f"no function '{node.value}'; {describe_allowed(node.value, FUNCTIONS)}")
        if node.value == "slope" and (len(node.children) != 1 or node.children[0].kind != "name"):
            raise fail("slope(…) needs the name of one variable first")
        if node.value != "slope" and node.children:
            raise fail(f"{node.value}(…) takes variable=value only")
        if node.value == "others" and not node.keywords:
            raise fail("others(…) needs a variable and its level")
        for name, value in node.keywords:
            try:
                read_values(value)
            except ValueError:
                raise fail(f"{name}= needs a level, a number, or a list of them") from None

    tree = parse(text)
    check(tree)
    if not holds_calls(tree):
        raise fail(f"names no prediction; it takes {', '.join(FUNCTIONS)}")
    return tree


def read_values(node: Node) -> list[str]:
    """Give the values of ``variable=value`` or ``variable=[value, …]`` as text."""
    if node.kind == "list" and node.children:
        return [value for child in node.children for value in read_values(child)]
    if node.kind == "unary" and node.value == "-" and node.children[0].kind == "number":
        return [f"{-node.children[0].value:.15g}"]
    if node.kind == "number":
        return [f"{node.value:.15g}"]
    if node.kind in ("name", "text"):
        return [str(node.value)]
    raise ValueError(node.kind)


def evaluate_contrast(
    fit: Mapping[str, Any], table: pd.DataFrame, contrast: str, level: str | None = None
) -> dict[str, Any]:
    """Evaluate a contrast of one fit.

    ``mu(a=x, b=[y, z])`` is the average adjusted prediction with a set to x, averaged over b set to y and to z;
    ``others(a=x, …)`` the equal-weight mean of mu over the other levels of the first-named variable;
    ``slope(v, …)`` the average derivative with respect to v. A number may be one of minimum, maximum, mean.

    Parameters
    ----------
    fit
        An entry of ``fits/{model}.json``.
    table
        The scored table that the model was fitted on.
    level
        The event of an ordered outcome, such as ``>= 4``.

    Returns
    -------
    dict
        estimate, std_error, df (None: normal reference), conf_low, conf_high (95 %), gradient.

    Raises
    ------
    ExpressionError
        If the text is no contrast.
    ContrastError
        If the fit cannot give it: it failed, a variable is not in the model, a level does not occur in the rows used,
        absorbed intercepts do not cancel.

    Examples
    --------
    >>> import pandas as pd
    >>> from firmties.estimation import fit_model
    >>> table = pd.DataFrame({"y": [1.0, 2.0, 4.0, 6.0], "form": ["a", "a", "b", "b"]})
    >>> words = pd.DataFrame(columns=["variable", "table", "label", "type", "codes", "reference"])
    >>> [fit] = fit_model({"id": "m", "estimator": "ols", "outcomes": ["y"], "formula": "form"}, table, words)
    >>> found = evaluate_contrast(fit, table, "mu(form=b) - others(form=b)")
    >>> round(found["estimate"], 6), round(found["std_error"], 6), found["df"]
    (3.5, 1.118034, 2)
    """
    if fit["status"] == "failed":
        raise ContrastError(f"model {fit['model']} failed: {fit['reason']}")
    return combine(contrast, Predictor(fit, table, level))


def combine(text: str, predictor: Predictor) -> dict[str, Any]:
    """Evaluate a contrast with a predictor at hand (:func:`evaluate_contrast`)."""
    import numpy as np

    zero = np.zeros(len(predictor.params))

    def average(parts: Sequence[Combination]) -> Combination:
        total = parts[0]
        for part in parts[1:]:
            total = total.plus(part, 1.0)
        return total.times(1 / len(parts))

    def visit(node: Node) -> Combination:
        if node.kind == "number":
            return Combination(float(node.value), zero, 0.0, is_number=True)
        if node.kind == "unary":
            return visit(node.children[0]).times(-1.0)
        if node.kind == "binary":
            left, right = (visit(child) for child in node.children)
            if node.value in ("+", "-"):
                return left.plus(right, 1.0 if node.value == "+" else -1.0)
            if node.value == "/":
                return left.times(1 / right.value)
            return right.times(left.value) if left.is_number else left.times(right.value)
        settings = {name: read_values(value) for name, value in node.keywords}
        if node.value == "others":
            variable = node.keywords[0][0]
            for value in settings[variable]:
                predictor.set_value(variable, value)
            levels = predictor.levels_of(variable)
            settings[variable] = [level for level in levels if level not in settings[variable]]
            if not settings[variable]:
                raise ContrastError(f"{variable} has no other level in the rows used")
        options = [[predictor.set_value(name, value) for value in values] for name, values in settings.items()]
        chosen = [dict(zip(settings, values, strict=True)) for values in product(*options)]
        if node.value == "slope":
            variable = node.children[0].value
            predictor.require(variable)
            return average([predictor.slope(variable, setting) for setting in chosen])
        return average([predictor.predict(setting) for setting in chosen])

    return predictor.summarize(visit(parse_contrast(text)))


# --- declared predictions ------------------------------------------------------------------------------------------

PREDICTIONS = [
    "prediction", "model", "outcome", "sample", "block", "level", "variable_1", "value_1", "variable_2", "value_2",
    "estimate", "std_error", "df", "conf_low", "conf_high", "n_cell", "mean_cell", "n_event",
]  # fmt: skip


def choose_fits(fits: Iterable[Mapping[str, Any]], wanted: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Choose the fits of the model and outcome that an entry wants: of each sample its block, or else the last one."""
    keys = [key for key in ("model", "outcome", "block") if key in wanted]
    chosen = {fit["sample"]: fit for fit in fits if all(fit[key] == str(wanted[key]) for key in keys)}
    return list(chosen.values())


def tabulate_predictions(
    settings: Sequence[Mapping[str, Any]], fits: Sequence[Mapping[str, Any]], tables: Mapping[str, pd.DataFrame]
) -> tuple[pd.DataFrame, list[str]]:
    """Compute the declared predictions.

    Parameters
    ----------
    settings
        Entries of ``predictions:``: id, model, outcome, block, level, and ``by`` (one or two variables at their levels)
        or ``over`` (a numeric variable over a grid between two percentiles of the estimation sample).
    fits
        Entries of the models' fits; of a model in blocks the last block is used where the entry names none, each sample
        gives its rows.
    tables
        ``panel`` and ``alters`` as scored.

    Returns
    -------
    tuple
        Rows of ``predictions.csv`` (``n_cell`` and ``mean_cell`` are the rows used in that cell and their raw mean
        outcome or share of the event, with their weights; missing along ``over``; ``n_event``, for protection only,
        how many have the event), and a line for each that could not be given.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    remarks: list[str] = []
    predictors: dict[tuple[str, ...], Predictor] = {}
    for setting in settings:
        where = f"predictions: {setting['id']}"
        if not (chosen := choose_fits(fits, setting)):
            raise StudyError(f"{where}: model {setting['model']} has no outcome '{setting['outcome']}'")
        for fit in chosen:
            if fit["status"] == "failed":
                remarks.append(f"{where}: model {fit['model']} failed: {fit['reason']}")
                continue
            common = {"prediction": setting["id"]} | {key: fit[key] for key in ("model", "outcome", "sample", "block")}
            common["level"] = setting.get("level") or ""
            try:
                predictor = find_predictor(predictors, fit, tables, setting.get("level"))
                rows += [common | row for row in _predict_cells(setting, predictor)]
            except (ContrastError, ExpressionError) as error:
                remarks.append(f"{where}: {error}")
    return pd.DataFrame(rows, columns=PREDICTIONS), remarks


def pool_predictions(
    settings: Sequence[Mapping[str, Any]],
    sets: Iterable[tuple[Sequence[Mapping[str, Any]], Mapping[str, pd.DataFrame]]],
) -> tuple[pd.DataFrame, list[str]]:
    """Compute the declared predictions in each imputed set and pool them (:func:`tabulate_predictions`).

    Parameters
    ----------
    settings
        Entries of ``predictions:``.
    sets
        Of each imputed set the model's fits and the completed tables; they are read one by one.

    Returns
    -------
    tuple
        Rows of ``predictions.csv``, their raw means averaged over the sets and their numbers of cases those of the
        first set. A grid over a variable is that of each set's percentiles; its values are averaged, too. What some
        sets cannot give is no row, but a remark.
    """
    from collections import Counter

    from firmties.pooled_models import count_sets, pool_rows

    frames: list[pd.DataFrame] = []
    said: Counter[str] = Counter()
    for fits, tables in sets:
        frame, remarks = tabulate_predictions(settings, fits, tables)
        said.update(remarks)
        is_grid = frame["n_cell"].isna()
        place = frame.groupby([*PREDICTIONS[:6], "variable_1"], sort=False).cumcount()
        cell = (
            frame["value_1"].astype("str").where(~is_grid, place.astype("str")) + "|" + frame["value_2"].astype("str")
        )
        grid = frame["value_1"].where(is_grid).astype("float64")
        frames.append(frame.assign(cell=cell, grid=grid))
    pooled, lost = pool_rows(frames, [*PREDICTIONS[:6], "cell"], ["mean_cell", "grid"])
    pooled["value_1"] = pooled["value_1"].astype("object").where(pooled["grid"].isna(), pooled["grid"])
    remarks = [count_sets(number, len(frames), remark) for remark, number in said.items()]
    absent = Counter(str(key[0]) for key in lost)
    remarks += [f"predictions: {name}: {number} not given, as some sets lack them" for name, number in absent.items()]
    return pooled.reindex(columns=PREDICTIONS), remarks


def find_predictor(
    known: dict[tuple[str, ...], Predictor],
    fit: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    level: str | None,
) -> Predictor:
    """Give the predictor of a fit and level, made once."""
    key = (*(fit[name] for name in ("model", "outcome", "sample", "block")), level or "")
    if key not in known:
        known[key] = Predictor(fit, tables[fit["table"]], level)
    return known[key]


def _predict_cells(setting: Mapping[str, Any], predictor: Predictor) -> list[dict[str, Any]]:
    if "over" in setting:
        return predict_over(predictor, **setting["over"])
    names = list(setting["by"])
    for name in names:
        predictor.require(name)
        if not predictor.levels_of(name):
            raise ContrastError(f"by: {name} is a number; predictions over a number are declared with over:")
    codes = [as_codes(predictor.rows[name]).to_numpy() for name in names]
    is_share = bool(((predictor.outcome == 0) | (predictor.outcome == 1)).all())
    rows = []
    for levels in product(*(predictor.levels_of(name) for name in names)):
        values = {name: predictor.set_value(name, level) for name, level in zip(names, levels, strict=True)}
        found = predictor.summarize(predictor.predict(values))
        inside = codes[0] == levels[0]
        for values_of, level in zip(codes[1:], levels[1:], strict=True):
            inside = inside & (values_of == level)
        cell, within = predictor.outcome[inside], predictor.weights[inside]
        padded_names, padded_levels = [*names, ""], [*levels, ""]
        row = {f"variable_{at + 1}": padded_names[at] for at in range(2)}
        row |= {f"value_{at + 1}": padded_levels[at] for at in range(2)}
        found.pop("gradient")
        mean = float((cell * within).sum() / within.sum()) if len(cell) else None
        n_event = int(cell.sum()) if is_share else None
        rows.append(row | found | {"n_cell": len(cell), "mean_cell": mean, "n_event": n_event})
    return rows


def predict_over(
    predictor: Predictor, variable: str, from_percentile: float = 1, to_percentile: float = 99, points: int = 61
) -> list[dict[str, Any]]:
    """Give average adjusted predictions over an even grid of a numeric variable between two percentiles."""
    import numpy as np

    predictor.require(variable)
    numbers = predictor.rows[variable].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    low, high = (float(np.percentile(numbers, at)) for at in (from_percentile, to_percentile))
    rows = []
    for value in np.linspace(low, high, points):
        found = predictor.summarize(predictor.predict({variable: float(value)}))
        found.pop("gradient")
        place = {"variable_1": variable, "value_1": float(value), "variable_2": "", "value_2": ""}
        rows.append(place | found | {"n_cell": None, "mean_cell": None, "n_event": None})
    return rows


def partial_residuals(fit: Mapping[str, Any], table: pd.DataFrame, variable: str) -> pd.DataFrame:
    """Give the partial residuals of a linear model in a numeric variable.

    A row's partial residual is its residual plus the average adjusted prediction at its value of the variable
    (Larsen and McCleary 1972, on the scale of the outcome), so that the points lie around the curve of
    :func:`predict_over`.

    Returns
    -------
    pandas.DataFrame
        A row for each row of the estimation sample, in its order: ``x`` (the variable), ``residual``, ``weight`` (mean
        1; 1 without weights).

    Raises
    ------
    ContrastError
        If the model is not linear, has absorbed intercepts, or mixes the variable with others in one expression.
    """
    import numpy as np
    import pandas as pd

    if fit["estimator"] != "ols" or fit["absorb"]:
        raise ContrastError(f"partial residuals need a linear model with an intercept, model {fit['model']} is none")
    predictor = Predictor(fit, table)
    predictor.require(variable)
    try:
        curve = predictor.design.mean_rows_over(variable, predictor.weights) @ predictor.params
    except ExpressionError as error:
        raise ContrastError(str(error)) from error
    residuals = predictor.outcome - predictor.design.matrix() @ predictor.params
    values = predictor.rows[variable].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    return pd.DataFrame({"x": values, "residual": residuals + curve, "weight": predictor.weights})
