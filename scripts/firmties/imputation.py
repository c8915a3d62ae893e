"""Multiple imputation of a study's missing answers, wave by wave: which cells, from what, and back into the tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmties.alters import aggregate_slots, find_slot_columns
from firmties.chained_equations import Array, Chains, Index, Target, run_chains
from firmties.codebook import Variable
from firmties.errors import StudyError
from firmties.expressions import evaluate, names_in
from firmties.formulas import Design, Factor, Term, find_levels, list_factors, list_variables, parse_formula
from firmties.pooling import pool_numbers
from firmties.scales import score_scale

IMPUTED_KINDS = ("no_answer", "dont_know", "refused", "lost")
"""Kinds of missing answers that stand for an answer the firm could have given; the other kinds are never imputed."""
METHODS = {
    "number": "pmm",
    "integer": "pmm",
    "ordinal": "pmm",
    "boolean": "logit",
    "category": "multinomial_logit",
}
"""How a variable of each type is imputed unless the configuration says otherwise."""
CELLS = ["set", "response", "variable", "value"]
CHAINS = ["wave", "table", "variable", "iteration", "chain", "mean", "sd"]
MODELS = [
    "wave", "table", "variable", "method", "n_observed", *(f"n_{kind}" for kind in IMPUTED_KINDS), "n_not_applicable",
    "n_imputed", "n_predictors", "reason", "mean_observed", "sd_observed", "mean_imputed", "sd_imputed",
    "missing_information",
]  # fmt: skip
ROWS_PER_PREDICTOR = 5
FEWEST_OBSERVED = 10
BATCH = 10
"""Chains that advance together: what is held in memory does not grow with the number of sets."""


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
    methods: Mapping[str, str] | None = None
    on_log_scale: Sequence[str] = ()
    relative: Mapping[str, str] | None = None
    scales: Sequence[Mapping[str, Any]] = ()
    derived: Sequence[Mapping[str, Any]] = ()
    anchors: Mapping[str, tuple[float, float]] | None = None


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
    anchors = plan.anchors or {}
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


class TableImputation:
    """Chained equations on one table of one wave.

    Parameters
    ----------
    table
        One row a unit, scored: the answers to be imputed and everything that predictors use.
    kinds
        The kinds of missing answers, for the rows and the answers of the table.
    plan
        What is imputed, and from what.
    dictionary
        Variables of the table with type, codes and reference.
    varying
        Variables that the chains do not share, such as aggregates of imputed partners: they are given chain by chain.
    name
        The table's name, for what is reported.
    group
        Key of the group of each row, such as the firm of a partner: the mean of what is observed in the group's other
        rows is a predictor of the variable itself, so that what firms have in common is kept. None: no groups.

    Notes
    -----
    # ASSUME an answer that is imputed nowhere, because the plan leaves it out or the question did not apply, tells by
    its absence: where a predictor has no value it is set to its mean, and an indicator of the gap is a predictor, too.
    # ASSUME an amount that is a multiple of another, such as this year's sales of last year's, keeps the distribution
    of the multiples: donors give their multiple, not their amount, so that growth rates computed from two amounts of
    which one or both are imputed are growth rates that firms have. Where both are missing the base is imputed first,
    from everything that does not rest on it.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        kinds: pd.DataFrame,
        plan: Plan,
        dictionary: pd.DataFrame,
        varying: Sequence[str] = (),
        name: str = "panel",
        group: pd.Series | None = None,
    ) -> None:
        self.group = np.zeros(0, dtype=np.int64) if group is None else pd.factorize(group)[0].astype(np.int64)
        self.table, self.plan, self.name = table.reset_index(drop=True), plan, name
        self.kinds = kinds.reset_index(drop=True)
        self.dictionary, self.varying = dictionary, list(varying)
        self.rows = len(table)
        self.reports: dict[str, dict[str, Any]] = {}
        self.codes: dict[str, list[Any]] = {}
        relative = plan.relative or {}
        self.relative = {name: base for name, base in relative.items() if name in plan.variables}
        self.wanted = {
            name: self.kinds[name].isin(IMPUTED_KINDS).to_numpy()
            for name in plan.variables
            if name in self.kinds and name in self.table
        }
        self.answers = {name: self._as_numbers(name) for name in self.wanted}
        self._choose_targets()
        self._lay_out()

    # --- what is imputed --------------------------------------------------------------------------------------------

    def _as_numbers(self, name: str) -> Array:
        """Answers as numbers; of a category, the positions of the codes that occur."""
        column = self.table[name]
        if self._find_method(name) in ("multinomial_logit", "ordered_logit"):
            declared = self.plan.variables[name].levels
            numeric = pd.api.types.is_numeric_dtype(column)
            text = column.astype("Int64").astype("str") if numeric else column.astype("str")
            found = set(text[column.notna()])
            self.codes[name] = [code for code in declared if code in found] or sorted(found)
            places = {code: float(place) for place, code in enumerate(self.codes[name])}
            return np.asarray(text.where(column.notna()).map(places), dtype=float)
        try:
            return np.asarray(column.astype("Float64").astype("float64"))
        except (TypeError, ValueError) as error:
            raise StudyError(
                f"imputation: {self.name}: '{name}' holds text; numbers, categories and truth values can be imputed"
            ) from error

    def _find_method(self, name: str) -> str:
        return (self.plan.methods or {}).get(name, METHODS.get(self.plan.variables[name].type, "pmm"))

    def _choose_targets(self) -> None:
        """Find the rows of each variable, and what stands in the way."""
        self.parts: list[dict[str, Any]] = []
        for name, wanted in self.wanted.items():
            answers = self.answers[name]
            observed = ~np.isnan(answers)
            report = self.reports[name] = {
                "table": self.name,
                "variable": name,
                "method": self._find_method(name),
                "n_observed": int(observed.sum()),
                **{f"n_{kind}": int((self.kinds[name] == kind).sum()) for kind in IMPUTED_KINDS},
                "n_not_applicable": int((self.kinds[name] == "not_applicable").sum()),
                "n_imputed": 0,
                "n_predictors": 0,
                "reason": "",
            }
            if not observed.any():
                report["reason"] = "no observed answer"
                continue
            if not wanted.any():
                report["reason"] = "nothing missing"
                continue
            part = {"name": name, "base": None, "observed": observed, "missing": wanted, "log": False}
            if name in self.plan.on_log_scale or name in self.relative.values():
                if (answers[observed] <= 0).any():
                    report["reason"] = "matched as it is: an amount is not positive, so has no logarithm"
                else:
                    part["log"] = True
            self.parts.append(part)
        self._pair_amounts()
        order = {name: place for place, name in enumerate(self.wanted)}
        # Little missing first, so that the models of what is missing more rest on it; a base before its multiples.
        self.parts.sort(key=lambda part: (part["missing"].sum(), part["base"] is not None, order[part["name"]]))

    def _pair_amounts(self) -> None:
        """Make multiples of amounts that are imputed relative to a base."""
        parts = {part["name"]: part for part in self.parts}
        for name, base in self.relative.items():
            if base not in self.answers:
                if base in self.table:
                    raise StudyError(f"imputation: relative: the base '{base}' of '{name}' is not among the variables")
                continue
            above, below = self.answers[name], self.answers[base]
            with np.errstate(invalid="ignore", divide="ignore"):
                multiple = above / below
            both = np.isfinite(multiple) & (multiple > 0)
            if not both.any():
                continue
            wanted, of_base = self.wanted[name], self.wanted[base]
            known = {"above": ~np.isnan(above) & (above > 0), "below": ~np.isnan(below) & (below > 0)}
            missing = (wanted & (known["below"] | of_base)) | (of_base & known["above"])
            if not missing.any():
                continue
            if base in parts:
                parts[base]["missing"] = of_base & ~known["above"]
                if not parts[base]["missing"].any():
                    self.parts.remove(parts[base])
            part = {"name": name, "base": base, "observed": both, "missing": missing, "log": True}
            if name in parts:
                self.parts[self.parts.index(parts[name])] = part
            else:
                self.parts.append(part)
            left = int((wanted & ~missing).sum())
            self.reports[name]["reason"] = f"{left} not imputed: the base '{base}' is not positive" if left else ""
            self.reports[name]["method"] = f"pmm, multiple of {base}"

    # --- the design -------------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        """Lay out the columns of the design: intercept, targets, scores of scales, terms, gaps."""
        asked = set(self.wanted)
        names = list_variables(self.plan.predictors)
        present = set(self.table.columns)
        terms = [
            term
            for term in self.plan.predictors
            if all(variable in present for factor in term for variable in factor.variables)
        ]
        self.levels = find_levels(terms, self.table, self.dictionary)
        terms = [term for term in terms if all(len(self.levels.get(factor.name, "12")) > 1 for factor in term)]
        self.design = Design(terms, self.table, self.levels)
        columns: list[Array] = [np.ones(self.rows)]
        self.scaling: dict[str, tuple[float, float]] = {}
        for part in self.parts:
            part["first"] = len(columns)
            columns += list(self._encode_part(part, self._read_part(part)).T)
            part["columns"] = np.arange(part["first"], len(columns))
            if len(self.group) and self._count_categories(part) <= 2:
                part["group"] = len(columns)
                columns.append(self._average_others(part))
        self.scale_columns: dict[str, int] = {}
        imputed = {part["name"] for part in self.parts}
        self.scales = {}
        for entry in self.plan.scales:
            items = [item for item in entry["items"] if item in self.table]
            score = score_scale(self.table[items]).to_numpy() if items else np.full(self.rows, np.nan)
            if np.isfinite(score).sum() < 2 or np.nanstd(score) < 1e-12:
                continue
            self.scales[entry["name"]] = items
            self.scaling[f"scale {entry['name']}"] = (float(np.nanmean(score)), float(np.nanstd(score)))
            self.scale_columns[entry["name"]] = len(columns)
            columns.append(self._standardize(f"scale {entry['name']}", score))
        self.term_columns: dict[int, Index] = {}
        self.term_roots: dict[int, set[str]] = {}
        for position, term in enumerate(terms):
            block = self._assemble(self.design.blocks, position)
            mean = np.array([np.nanmean(column) if np.isfinite(column).any() else 0.0 for column in block.T])
            spread = np.array([np.nanstd(column) if np.isfinite(column).any() else 0.0 for column in block.T])
            self.scaling[f"term {position}"] = (mean, np.where(spread > 1e-12, spread, 1.0))  # type: ignore[assignment]
            self.term_columns[position] = np.arange(len(columns), len(columns) + block.shape[1])
            columns += list(self._standardize(f"term {position}", block).T)
            roots = set().union(*(find_roots(name, self.plan, present) for factor in term for name in factor.variables))
            self.term_roots[position] = roots & asked
        self.gap_columns = {}
        for factor in list_factors(terms):
            missing = self._find_gaps(factor, imputed)
            if missing.any() and not missing.all():
                mean, spread = missing.mean(), missing.std()
                self.gap_columns[factor.name] = len(columns)
                columns.append((missing - mean) / spread)
        self.base = np.nan_to_num(np.column_stack(columns))
        self.width = self.base.shape[1]
        self.terms = terms
        del names
        self._choose_predictors()

    def _average_others(self, part: Mapping[str, Any]) -> Array:
        """Mean of the answers observed in the group's other rows, standardized; the mean of all where there is none."""
        values = self._encode_part(dict(part), self._read_part(part))[:, 0]
        known = part["observed"].astype(float)
        total = np.bincount(self.group, values * known)[self.group] - values * known
        count = np.bincount(self.group, known)[self.group] - known
        mean = np.divide(total, count, out=np.zeros(self.rows), where=count > 0)
        spread = mean.std()
        return (mean - mean.mean()) / (spread if spread > 1e-12 else 1.0)

    def _find_gaps(self, factor: Factor, imputed: set[str]) -> NDArray[np.bool_]:
        """Rows in which a factor has no value and will get none."""
        block = self.design.blocks[factor.name]
        if factor.name in self.levels:
            missing = block.sum(axis=1) == 0
        else:
            missing = np.isnan(block[:, 0])
        filled = np.zeros(self.rows, dtype=bool)
        for name in factor.variables:
            for root in find_roots(name, self.plan, self.table.columns):
                if root in imputed:
                    filled |= self.wanted[root]
        return missing & ~filled

    def _assemble(self, blocks: Mapping[str, Array], position: int) -> Array:
        """Columns of a term from the values of its factors."""
        coded = [
            blocks[factor.name][:, 1:] if contrasted and factor.name in self.levels else blocks[factor.name]
            for factor, contrasted in zip(self.design.terms[position], self.design.contrasted[position], strict=True)
        ]
        return reduce(lambda left, right: (right[:, :, None] * left[:, None, :]).reshape(len(left), -1), coded)

    def _standardize(self, key: str, values: Array) -> Array:
        centre, spread = self.scaling[key]
        return np.nan_to_num((values - centre) / spread)

    def _read_part(self, part: Mapping[str, Any]) -> Array:
        """Values on the scale on which a part is drawn: numbers, positions, multiples."""
        if part["base"] is None:
            return self.answers[part["name"]]
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.answers[part["name"]] / self.answers[part["base"]]

    def _encode_part(self, part: dict[str, Any], values: Array) -> Array:
        """Columns of a part in the design."""
        n_categories = self._count_categories(part)
        if n_categories > 2:
            block = (values[:, None] == np.arange(1, n_categories)).astype(float)
            block[np.isnan(values)] = np.nan
        else:
            with np.errstate(invalid="ignore", divide="ignore"):
                block = (np.log(values) if part["log"] else values)[:, None]
        if "centre" not in part:
            own = block[part["observed"]]
            part["centre"], spread = own.mean(axis=0), own.std(axis=0)
            part["spread"] = np.where(spread > 1e-12, spread, 1.0)
        return np.nan_to_num((block - part["centre"]) / part["spread"])

    def _count_categories(self, part: Mapping[str, Any]) -> int:
        if self._find_method(part["name"]) == "pmm" or part["base"] is not None:
            return 0
        return len(self.codes.get(part["name"], "01"))

    def _choose_predictors(self) -> None:
        """Choose the columns from which each part is imputed."""
        own = {part["name"]: part for part in self.parts if part["base"] is None}
        for part in self.parts:
            name, observed = part["name"], part["observed"]
            items = [
                column
                for scale in self.scales.values()
                if name in scale
                for item in scale
                if item != name and item in own
                for column in own[item]["columns"]
            ]
            others = [column for scale, column in self.scale_columns.items() if name not in self.scales[scale]]
            declared = [
                column
                for position, columns in self.term_columns.items()
                if name not in self.term_roots[position]
                for column in columns
            ]
            group = [part["group"]] if "group" in part else []
            candidates = list(dict.fromkeys([*group, *items, *declared, *self.gap_columns.values(), *others]))
            n_categories = self._count_categories(part)
            distinct = len(np.unique(self._read_part(part)[observed]))
            n = int(observed.sum())
            most = n // ROWS_PER_PREDICTOR
            if n_categories:
                # What tells of a predictor's coefficient is how many rows are not in the largest category.
                largest = np.unique(self._read_part(part)[observed], return_counts=True)[1].max()
                most = (n - largest) // (ROWS_PER_PREDICTOR * max(1, n_categories - 1))
            reasons = [self.reports[name]["reason"]]
            if distinct == 1:
                candidates, most = [], 0
                reasons.append("all observed answers are the same")
            elif n < FEWEST_OBSERVED:
                candidates = []
                reasons.append(f"drawn from the {n} observed answers: too few for a model")
            chosen, dependent = self._select(candidates, part, most)
            if dependent:
                reasons.append(f"{dependent} predictors left out as collinear")
            if len(chosen) + dependent < len(candidates):
                left = len(candidates) - len(chosen) - dependent
                reasons.append(f"{left} predictors of the least correlation or without variance left out")
            part["predictors"] = np.array([0, *chosen], dtype=np.int64)
            self.reports[name]["n_predictors"] = len(chosen)
            self.reports[name]["reason"] = "; ".join(filter(None, reasons))
            part["method"] = "pmm" if distinct == 1 else ("pmm" if part["base"] else self._find_method(name))

    def _select(self, candidates: Sequence[int], part: Mapping[str, Any], most: int) -> tuple[list[int], int]:
        """Leave out predictors without variance, those that repeat others, and of too many the least correlated."""
        if not candidates:
            return [], 0
        rows = part["observed"]
        columns = self.base[rows][:, candidates]
        own = self.base[rows][:, part["columns"]]
        columns = columns - columns.mean(axis=0)
        norm = np.sqrt((columns**2).sum(axis=0))
        varies = norm > 1e-6 * np.sqrt(len(columns))
        columns = columns[:, varies] / norm[varies]
        places = np.array(candidates)[varies]
        own = own - own.mean(axis=0)
        length = np.sqrt((own**2).sum(axis=0))
        own = own[:, length > 0] / length[length > 0]
        strength = np.abs(columns.T @ own).max(axis=1) if own.shape[1] else np.zeros(len(places))
        order = np.argsort(-strength, kind="stable")
        kept = sorted(order[:most].tolist())
        # Gram-Schmidt in the order of the predictors tells which repeat others.
        independent, basis = [], np.empty((len(columns), 0))
        for place in kept:
            rest = columns[:, place] - basis @ (basis.T @ columns[:, place])
            rest = rest - basis @ (basis.T @ rest)
            size = np.sqrt(rest @ rest)
            if size > 1e-4:
                independent.append(int(places[place]))
                basis = np.column_stack([basis, rest / size])
        return independent, len(kept) - len(independent)

    # --- running ----------------------------------------------------------------------------------------------------

    def run(
        self,
        generators: Sequence[np.random.Generator],
        iterations: int,
        donors: int,
        varying: Mapping[str, Array] | None = None,
    ) -> tuple[dict[str, tuple[Index, Array]], Chains]:
        """Run chains, one a generator.

        Parameters
        ----------
        generators
            One a chain.
        iterations, donors
            See `chained_equations.run_chains`.
        varying
            Values of the varying variables: chains × rows.

        Returns
        -------
        values
            Variable → the rows imputed and chains × rows values (numbers, positions of categories, 0 and 1).
        chains
            Means and standard deviations by iteration.
        """
        chains = len(generators)
        self.frames: dict[Any, Any] = {}
        self.state = {name: np.repeat(answers[None], chains, axis=0) for name, answers in self.answers.items()}
        self.state |= {name: np.asarray(varying[name]) for name in self.varying} if varying else {}
        design = np.repeat(self.base[None], chains, axis=0)
        blocks = {name: np.repeat(block[None], chains, axis=0) for name, block in self.design.blocks.items()}
        self.blocks = blocks
        if varying:
            self._refresh_varying(design)
        self.targets = [self._make_target(part) for part in self.parts]
        by_name = {id(target): part for target, part in zip(self.targets, self.parts, strict=True)}

        def refresh(target: Target, values: Mapping[str, Array]) -> dict[int, Array]:
            return self._refresh(by_name[id(target)], values[target.name])

        result = run_chains(design, self.targets, generators, iterations, donors=donors, refresh=refresh)
        cells = {}
        for name, wanted in self.wanted.items():
            filled = wanted & ~np.isnan(self.state[name]).any(axis=0)
            if filled.any():
                rows = np.flatnonzero(filled)
                cells[name] = (rows, self._restrict(name, self.state[name][:, rows]))
                self.reports[name]["n_imputed"] = len(rows)
        return cells, result

    def _restrict(self, name: str, values: Array) -> Array:
        """Keep amounts that were computed from multiples within the codebook's bounds, whole where they are counts."""
        variable = self.plan.variables[name]
        if name not in {*self.relative, *self.relative.values()}:
            return values
        values = np.round(values) if variable.type == "integer" else values
        return np.clip(values, variable.minimum, variable.maximum) if variable.minimum is not None else values

    def _make_target(self, part: dict[str, Any]) -> Target:
        observed, missing = np.flatnonzero(part["observed"]), np.flatnonzero(part["missing"])
        answers = self._read_part(part)[observed]
        label = part["name"] if part["base"] is None else f"{part['name']} / {part['base']}"
        return Target(
            label,
            part["method"],
            observed,
            missing,
            answers,
            part["columns"],
            part["predictors"],
            lambda values: self._encode_part(part, values),
            self._count_categories(part),
        )

    def _refresh(self, part: Mapping[str, Any], values: Array) -> dict[int, Array]:
        """Compute anew what rests on a part in the rows in which it is imputed."""
        rows = np.flatnonzero(part["missing"])
        name, base = part["name"], part["base"]
        touched = {name}
        if base is None:
            self.state[name][:, rows] = values
            for above, below in self.relative.items():
                if below == name and above in self.state:
                    touched.add(above)
        else:
            touched.add(base)
            of_base = self.wanted[base][rows] & ~self.wanted[name][rows]
            own = self.wanted[name][rows]
            self.state[name][:, rows[own]] = values[:, own] * self.state[base][:, rows[own]]
            self.state[base][:, rows[of_base]] = self.state[name][:, rows[of_base]] / values[:, of_base]
        changes: dict[int, Array] = {}
        for scale, column in self.scale_columns.items():
            items = self.scales[scale]
            if touched & set(items):
                score = np.stack(
                    [
                        self.state[item][:, rows]
                        if item in self.state
                        else self._read_fixed(item, rows)[None].repeat(len(values), 0)
                        for item in items
                    ]
                )
                known = np.isfinite(score)
                with np.errstate(invalid="ignore"):
                    mean = np.where(known, score, 0).sum(axis=0) / known.sum(axis=0)
                mean = np.where(2 * known.sum(axis=0) >= len(items), mean, np.nan)
                changes[column] = self._standardize(f"scale {scale}", mean)
        return changes | self._refresh_terms(touched, rows)

    def _read_fixed(self, name: str, rows: Index) -> Array:
        return np.asarray(self.table[name].astype("Float64").astype("float64"))[rows]

    def _refresh_terms(self, touched: set[str], rows: Index) -> dict[int, Array]:
        """Columns of the terms that rest on some variables, in some rows."""
        live = [position for position, roots in self.term_roots.items() if roots & touched]
        if not live:
            return {}
        chains = next(iter(self.blocks.values())).shape[0]
        factors = {
            factor.name: factor
            for position in live
            for factor in self.terms[position]
            if any(find_roots(name, self.plan, self.table.columns) & touched for name in factor.variables)
        }
        behind = []
        for factor in factors.values():
            name = factor.node.value if factor.node.kind == "name" else ""
            if name in self.state and factor.name not in self.levels:
                self.blocks[factor.name][:, rows, 0] = self.state[name][:, rows]
            elif name in self.codes:
                places = [self.codes[name].index(level) for level in self.levels[factor.name]]
                self.blocks[factor.name][:, rows] = self.state[name][:, rows, None] == np.array(places)
            else:
                behind.append(factor)
        if behind:
            frame = self._frame([name for factor in behind for name in factor.variables], rows, chains)
            for factor in behind:
                block = self.design._evaluate(factor, frame)
                self.blocks[factor.name][:, rows] = block.reshape(chains, len(rows), -1)
        changes: dict[int, Array] = {}
        for position in live:
            flat = {
                factor.name: self.blocks[factor.name][:, rows].reshape(chains * len(rows), -1)
                for factor in self.terms[position]
            }
            block = self._standardize(f"term {position}", self._assemble(flat, position))
            block = block.reshape(chains, len(rows), -1)
            changes |= {int(c): block[:, :, place] for place, c in enumerate(self.term_columns[position])}
        return changes

    def _refresh_varying(self, design: Array) -> None:
        """Put what the chains do not share into the design."""
        rows = np.arange(self.rows)
        touched = set(self.varying)
        roots = self.term_roots
        self.term_roots = {
            position: set().union(
                *(
                    find_roots(n, self.plan, self.table.columns)
                    for factor in self.terms[position]
                    for n in factor.variables
                )
            )
            for position in roots
        }
        for column, entries in self._refresh_terms(touched, rows).items():
            design[:, :, column] = entries
        self.term_roots = roots

    def _frame(self, names: Sequence[str], rows: Index, chains: int) -> pd.DataFrame:
        """The rows of all chains with variables computed anew."""
        key = (tuple(names), len(rows), int(rows[0]) if len(rows) else 0, int(rows.sum()), chains)
        if key not in self.frames:
            inputs = list_inputs(list(names), self.plan, self.table.columns)
            fixed = [name for name in inputs if name not in self.state]
            base = self.table[fixed].iloc[np.tile(rows, chains)].reset_index(drop=True)
            self.frames[key] = base, [name for name in inputs if name in self.state], list_steps(names, self.plan)
        base, moving, steps = self.frames[key]
        frame = base.assign(**{name: self._as_answers(name, self.state[name][:, rows].ravel()) for name in moving})
        for name, step in steps:
            frame[name] = step(frame)
        return frame

    def _as_answers(self, name: str, values: Array) -> Any:
        """Numbers of the state as a column of the table."""
        if name in self.codes:
            codes = np.array([*self.codes[name], None], dtype=object)
            chosen = codes[np.where(np.isnan(values), len(codes) - 1, values).astype(int)]
            if pd.api.types.is_numeric_dtype(self.table[name]):
                return pd.Series(pd.to_numeric(chosen), dtype="float64")
            return pd.Series(chosen, dtype="str")
        if name in self.plan.variables and self.plan.variables[name].type == "boolean":
            return pd.Series(pd.arrays.BooleanArray(values == 1, np.isnan(values)))
        return values

    def write_values(self, name: str, values: Array) -> list[str]:
        """Values as text: codes, ``true`` and ``false``, numbers that read back as they are."""
        if name in self.codes:
            return [self.codes[name][int(value)] for value in values]
        if self.plan.variables[name].type == "boolean":
            return ["true" if value else "false" for value in values]
        return [str(int(value)) if value == int(value) else repr(float(value)) for value in values]


class WaveImputation:
    """The imputation of one wave: its partners first, then its firms given the completed partners.

    Parameters
    ----------
    panel, alters
        The wave's scored tables; alters may be empty.
    kinds, alter_kinds
        Kinds of missing answers, row by row the same as panel and alters.
    dictionary
        Variables of the scored tables.
    variables
        The codebook's variables that the wave asked, choices of multi-select answers apart.
    settings
        ``study``, ``imputation``, ``sets``, ``scales``, ``derived``, ``alters`` of the configuration.
    anchors
        Variable → (centre, spread).
    wave
        Its number; with the seed it makes the random numbers.
    """

    def __init__(
        self,
        panel: pd.DataFrame,
        alters: pd.DataFrame,
        kinds: pd.DataFrame,
        alter_kinds: pd.DataFrame,
        dictionary: pd.DataFrame,
        variables: Mapping[str, Variable],
        fields: Mapping[str, Variable],
        settings: Mapping[str, Any],
        anchors: Mapping[str, tuple[float, float]],
        wave: int,
    ) -> None:
        chosen = settings["imputation"]
        self.settings, self.anchors, self.wave = settings, anchors, wave
        self.panel, self.alters = panel.reset_index(drop=True), alters.reset_index(drop=True)
        self.firm = settings["study"]["firm"]
        self.response = settings["study"].get("response", "response")
        self.partners: TableImputation | None = None
        self.aggregated: list[Mapping[str, Any]] = []
        alter_settings = settings.get("alters", {})
        if "alters" in chosen and len(alters):
            self.partners = self._plan_partners(chosen["alters"], alter_settings, alter_kinds, dictionary, fields)
            self.aggregated = [
                entry for entry in alter_settings.get("aggregated", []) if entry.get("of", "") in self.partners.table
            ]
        plan = Plan(
            variables=choose_variables(
                [
                    *chosen.get("variables", []),
                    *(item for scale in settings.get("scales", []) for item in scale["items"]),
                ],
                variables,
            ),
            predictors=parse_formula(chosen.get("predictors", "1"), settings.get("sets", {})),
            methods=spread_choices(chosen.get("methods", {}), variables),
            on_log_scale=chosen.get("on_log_scale", []),
            relative=chosen.get("relative", {}),
            scales=settings.get("scales", []),
            derived=settings.get("derived", []),
            anchors=anchors,
        )
        used = {root for name in list_variables(plan.predictors) for root in find_roots(name, plan, self.panel.columns)}
        self.varying = [entry["name"] for entry in self.aggregated if entry["name"] in used]
        self.firms = TableImputation(self.panel, kinds, plan, dictionary, self.varying)

    def _plan_partners(
        self,
        chosen: Mapping[str, Any],
        settings: Mapping[str, Any],
        kinds: pd.DataFrame,
        dictionary: pd.DataFrame,
        fields: Mapping[str, Variable],
    ) -> TableImputation:
        plan = Plan(
            variables=choose_variables(chosen.get("variables", []), fields),
            predictors=parse_formula(chosen.get("predictors", "1"), self.settings.get("sets", {})),
            methods=spread_choices(chosen.get("methods", {}), fields),
            on_log_scale=chosen.get("on_log_scale", []),
            derived=settings.get("derived", []),
            anchors=self.anchors,
        )
        keys = ["wave", self.firm]
        context = [name for name in list_variables(plan.predictors) if name not in self.alters and name in self.panel]
        table = self.alters.merge(self.panel[[*keys, *context]], on=keys, how="left", validate="many_to_one")
        return TableImputation(table, kinds, plan, dictionary, name="alters", group=table[self.firm])

    def run(self) -> Iterator[tuple[int, pd.DataFrame]]:
        """Impute, batch by batch of chains; give the cells of each set in turn."""
        chosen = self.settings["imputation"]
        sets, iterations, donors = chosen["sets"], chosen["iterations"], chosen["donors"]
        self.traces: list[pd.DataFrame] = []
        moments = Moments()
        for first in range(1, sets + 1, BATCH):
            batch = range(first, min(first + BATCH, sets + 1))
            cells: dict[int, list[pd.DataFrame]] = {number: [] for number in batch}
            varying: dict[str, Array] = {}
            if self.partners is not None:
                found, chains = self.partners.run(self._make_generators(1, batch), iterations, donors)
                self._trace("alters", chains, batch)
                moments.add(self.partners, found)
                varying = self._aggregate(found, len(batch))
                for place, number in enumerate(batch):
                    cells[number] += self._list_partner_cells(found, place)
            found, chains = self.firms.run(self._make_generators(0, batch), iterations, donors, varying)
            self._trace("panel", chains, batch)
            moments.add(self.firms, found)
            for place, number in enumerate(batch):
                cells[number] += [
                    pd.DataFrame(
                        {
                            "response": self.panel[self.response].to_numpy()[rows],
                            "variable": name,
                            "value": self.firms.write_values(name, values[place]),
                        }
                    )
                    for name, (rows, values) in found.items()
                ]
                table = (
                    pd.concat(cells[number], ignore_index=True) if cells[number] else pd.DataFrame(columns=CELLS[1:])
                )
                yield number, table.assign(set=number)[CELLS]
        self.moments = moments

    def _make_generators(self, table: int, batch: Iterable[int]) -> list[np.random.Generator]:
        seed = self.settings["imputation"]["seed"]
        return [np.random.default_rng([seed, self.wave, table, number]) for number in batch]

    def _trace(self, table: str, chains: Chains, batch: range) -> None:
        for name, means in chains.means.items():
            iterations, count = means.shape
            self.traces.append(
                pd.DataFrame(
                    {
                        "table": table,
                        "variable": name,
                        "iteration": np.repeat(np.arange(1, iterations + 1), count),
                        "chain": np.tile(np.array(batch), iterations),
                        "mean": means.ravel(),
                        "sd": chains.spreads[name].ravel(),
                    }
                )
            )

    def _aggregate(self, found: Mapping[str, tuple[Index, Array]], chains: int) -> dict[str, Array]:
        """Aggregates over completed partners, chains × firms."""
        if not self.varying or self.partners is None:
            return {}
        partners, chosen = self.partners, self.settings["alters"]
        entries = [entry for entry in chosen["aggregated"] if entry["name"] in self.varying]
        names = {name for entry in entries for text in (entry["of"], entry.get("when", "1")) for name in names_in(text)}
        frame = partners._frame(sorted(names), np.arange(partners.rows), chains)
        keys = ["wave", self.firm]
        firms = pd.concat([self.alters[keys]] * chains, ignore_index=True)
        frame = pd.concat([frame, firms], axis=1).assign(chain_=np.repeat(np.arange(chains), partners.rows))
        against = [entry["against"] for entry in entries if "against" in entry]
        panel = self.panel[[*keys, *against]]
        units = pd.concat([panel.assign(chain_=chain) for chain in range(chains)], ignore_index=True)
        result = aggregate_slots(
            frame,
            units,
            entries,
            ["chain_", *keys],
            unknown_at_most=chosen["unknown_at_most"],
            codes={name: len(variable.levels) for name, variable in partners.plan.variables.items()},
        )
        return {name: result[name].to_numpy(dtype=float).reshape(chains, -1) for name in self.varying}

    def _list_partner_cells(self, found: Mapping[str, tuple[Index, Array]], place: int) -> list[pd.DataFrame]:
        """A partner's cells under the names that the wave's columns have."""
        assert self.partners is not None
        keys = ["wave", self.firm]
        pattern = self.settings["alters"]["columns"]
        firms = self.alters[keys].merge(self.panel[[*keys, self.response]], on=keys, how="left", validate="many_to_one")
        responses, slots = firms[self.response].to_numpy(), self.alters["alter"].to_numpy()
        return [
            pd.DataFrame(
                {
                    "response": responses[rows],
                    "variable": [pattern.format(alter=slot, field=name) for slot in slots[rows]],
                    "value": self.partners.write_values(name, values[place]),
                }
            )
            for name, (rows, values) in found.items()
        ]

    def tabulate_chains(self) -> pd.DataFrame:
        """Mean and standard deviation of the imputed values by variable, iteration and chain; after `run`."""
        if not self.traces:
            return pd.DataFrame(columns=CHAINS)
        table = pd.concat(self.traces, ignore_index=True)
        order = {
            pair: place for place, pair in enumerate(dict.fromkeys(zip(table["table"], table["variable"], strict=True)))
        }
        place = [order[pair] for pair in zip(table["table"], table["variable"], strict=True)]
        return table.assign(wave=self.wave, place=place).sort_values(
            ["place", "iteration", "chain"], ignore_index=True
        )[CHAINS]

    def tabulate_models(self) -> pd.DataFrame:
        """What was imputed how, or why not, a row a variable; after `run`."""
        rows = []
        for imputation in (self.firms, self.partners):
            if imputation is not None:
                rows += [
                    report | self.moments.describe(imputation, name) for name, report in imputation.reports.items()
                ]
        return pd.DataFrame(rows).assign(wave=self.wave).reindex(columns=MODELS)


class Moments:
    """Sums over the sets, from which means and missing information follow without keeping the sets."""

    def __init__(self) -> None:
        self.sums: dict[tuple[str, str], list[Array]] = {}

    def add(self, imputation: TableImputation, found: Mapping[str, tuple[Index, Array]]) -> None:
        """Add the sets of a batch."""
        for name, (_, values) in found.items():
            parts = np.stack([values.sum(axis=1), (values**2).sum(axis=1)])
            self.sums.setdefault((imputation.name, name), []).append(parts)

    def describe(self, imputation: TableImputation, name: str) -> dict[str, float]:
        """Mean and spread of observed and imputed values, and the missing information of the variable's mean."""
        observed = imputation.answers[name]
        observed = observed[~np.isnan(observed)]
        if len(imputation.codes.get(name, [])) > 2 and imputation.plan.variables[name].type == "category":
            return {}
        result = {}
        if len(observed):
            result = {
                "mean_observed": observed.mean(),
                "sd_observed": observed.std(ddof=1) if len(observed) > 1 else np.nan,
            }
        if (imputation.name, name) not in self.sums:
            return result
        total, squares = np.concatenate(self.sums[imputation.name, name], axis=1)
        count = imputation.reports[name]["n_imputed"]
        n, sets = len(observed) + count, len(total)
        mean = total.sum() / (count * sets)
        result["mean_imputed"] = mean
        if count * sets > 1:
            result["sd_imputed"] = np.sqrt(max((squares.sum() - count * sets * mean**2) / (count * sets - 1), 0))
        if sets > 1 and n > 1:
            means = (observed.sum() + total) / n
            variances = ((observed**2).sum() + squares - n * means**2) / (n - 1) / n
            pooled = pool_numbers(means, np.maximum(variances, 0), n - 1)
            result["missing_information"] = float(pooled.missing_information)
        return result


def choose_variables(names: Iterable[str], variables: Mapping[str, Variable]) -> dict[str, Variable]:
    """Those variables that are named, in the codebook's order, a multi-select variable by its choices.

    Examples
    --------
    >>> known = {"fin__loan": Variable("fin__loan", type="boolean"), "size": Variable("size")}
    >>> list(choose_variables(["size", "fin"], known))
    ['fin__loan', 'size']
    """
    wanted = set(names)
    return {name: entry for name, entry in variables.items() if name in wanted or name.partition("__")[0] in wanted}


def spread_choices(methods: Mapping[str, str], variables: Mapping[str, Variable]) -> dict[str, str]:
    """Methods by variable, that of a multi-select variable for each of its choices."""
    return {
        name: methods.get(name, methods.get(name.partition("__")[0], ""))
        for name in variables
        if name in methods or name.partition("__")[0] in methods
    }


def fill_cells(table: pd.DataFrame, cells: pd.DataFrame, response: str) -> pd.DataFrame:
    """Put imputed values into a table.

    Parameters
    ----------
    table
        One row a response.
    cells
        ``response``, ``variable``, ``value`` (text) of one set.
    response
        Column of the table with the response key.

    Returns
    -------
    pandas.DataFrame
        A copy, its columns of the same types.

    Raises
    ------
    StudyError
        If a cell holds an observed value, or its response is not in the table.

    Examples
    --------
    >>> table = pd.DataFrame({"resp": ["r1", "r2"], "x": [3.0, None]})
    >>> cells = pd.DataFrame({"response": ["r2"], "variable": ["x"], "value": ["4.5"]})
    >>> fill_cells(table, cells, "resp")["x"].tolist()
    [3.0, 4.5]
    """
    places = pd.Series(np.arange(len(table)), index=table[response])
    rows = places.reindex(cells["response"])
    if rows.isna().any():
        lost = cells["response"].to_numpy()[rows.isna().to_numpy()][0]
        raise StudyError(f"imputed values of the response '{lost}', which is not in the panel; impute its wave anew")
    filled: dict[str, pd.Series] = {}
    for name, part in cells.assign(row_=rows.to_numpy(dtype=int)).groupby("variable", sort=False):
        column = table[name].copy()
        at = part["row_"].to_numpy()
        if column.iloc[at].notna().any():
            held = part["response"].to_numpy()[column.iloc[at].notna().to_numpy()][0]
            raise StudyError(f"'{name}' of the response '{held}' was answered, but an imputed value is there for it")
        column.iloc[at] = read_values(part["value"], column)
        filled[str(name)] = column
    return table.assign(**filled)


def fill_partners(
    alters: pd.DataFrame, cells: pd.DataFrame, responses: pd.DataFrame, settings: Mapping[str, Any]
) -> pd.DataFrame:
    """Put imputed values into the table of partners, which the panel has as columns.

    Parameters
    ----------
    alters
        One row a partner.
    cells
        See `fill_cells`; those of other columns are passed over.
    responses
        Wave, firm and response key of the panel, in this order.
    settings
        ``alters`` of the configuration.

    Examples
    --------
    >>> alters = pd.DataFrame({"wave": [1, 1], "firm": ["a", "a"], "alter": [1, 2], "close": [4.0, None]})
    >>> cells = pd.DataFrame({"response": ["r"], "variable": ["p2_close"], "value": ["3"]})
    >>> responses = pd.DataFrame({"wave": [1], "firm": ["a"], "response": ["r"]})
    >>> settings = {"columns": "p{alter}_{field}", "slots": [1, 2]}
    >>> fill_partners(alters, cells, responses, settings)["close"].tolist()
    [4.0, 3.0]
    """
    if "columns" not in settings or alters.empty:
        return alters
    keys, response = list(responses.columns[:2]), str(responses.columns[2])
    places = {
        column: (str(slot), field)
        for slot in settings["slots"]
        for field, column in find_slot_columns(settings["columns"], {"alter": slot}, cells["variable"].unique()).items()
    }
    own = cells[cells["variable"].isin(places)]
    seats = alters[keys].merge(responses, on=keys, how="left", validate="many_to_one")[response]
    seats = seats.to_numpy() + "/" + alters["alter"].astype("str").to_numpy()
    slots = np.array([places[name][0] for name in own["variable"]], dtype=object)
    moved = own.assign(
        response=own["response"].to_numpy(dtype=object) + "/" + slots,
        variable=[places[name][1] for name in own["variable"]],
    )
    return fill_cells(alters.assign(seat_=seats), moved, "seat_").drop(columns="seat_")


def read_values(text: pd.Series, column: pd.Series) -> Any:
    """Read values of a column from text, as its type has them."""
    if column.dtype == "boolean":
        return pd.array([value == "true" for value in text], dtype="boolean")
    if pd.api.types.is_numeric_dtype(column):
        return text.astype("float64").astype(column.dtype).array
    return text.array


def stack_copies(table: pd.DataFrame, keys: Sequence[str], numbers: Iterable[int]) -> pd.DataFrame:
    """Put copies of a table below one another, their keys told apart by a number, so that they are worked on at once.

    Examples
    --------
    >>> stack_copies(pd.DataFrame({"firm": ["a"], "x": [1]}), ["firm"], [1, 2])["firm"].tolist()
    ['1/a', '2/a']
    """
    present = [key for key in keys if key in table]
    copies = [table.assign(**{key: f"{number}/" + table[key].astype("str") for key in present}) for number in numbers]
    return pd.concat(copies, ignore_index=True)


def split_copies(stacked: pd.DataFrame, scored: pd.DataFrame, numbers: Sequence[int]) -> list[pd.DataFrame]:
    """Take copies apart again, each with the columns of the scored table, in its order.

    Columns that hold a key are those of the scored table.

    Raises
    ------
    StudyError
        If the rows are not those of the scored table.

    Examples
    --------
    >>> scored = pd.DataFrame({"firm": ["a", "b"], "x": [1.0, None]})
    >>> stacked = stack_copies(scored.assign(x=[1.0, 5.0]), ["firm"], [1, 2])
    >>> split_copies(stacked, scored, [1, 2])[1].values.tolist()
    [['a', 1.0], ['b', 5.0]]
    """
    rows = len(scored)
    if len(stacked) != rows * len(numbers):
        raise StudyError(f"{len(numbers)} completed tables have {len(stacked)} rows, the scored one {rows}")
    tables = []
    for place, number in enumerate(numbers):
        part = stacked.iloc[place * rows : (place + 1) * rows].reset_index(drop=True)
        texts = [name for name in part if pd.api.types.is_string_dtype(part[name].dtype)]
        keyed = [name for name in texts if part[name].str.startswith(f"{number}/").any()]
        taken = {str(name): scored[name].array for name in scored if name not in part or name in keyed}
        tables.append(part.assign(**taken)[list(scored)])
    return tables
