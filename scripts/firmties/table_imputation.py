"""Chained equations on one table of one wave: its columns as a design, and what rests on them computed anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmties.chained_equations import Array, Chains, Index, Target, run_chains
from firmties.errors import StudyError
from firmties.formulas import Design, Factor, Term, find_levels, list_factors
from firmties.imputation_plan import METHODS, Plan, find_roots, list_inputs, list_steps
from firmties.scales import score_scale

IMPUTED_KINDS = ("no_answer", "dont_know", "refused", "lost")
"""Kinds of missing answers that stand for an answer the firm could have given; the other kinds are never imputed."""
ROWS_PER_PREDICTOR = 5
"""Rows that there must be for every predictor; of more candidates the least correlated are left out."""
FEWEST_OBSERVED = 10
"""With fewer observed answers there is no model."""
SMALLEST = 1e-12

Mask = NDArray[np.bool_]


@dataclass
class Part:
    """A variable, or the multiple of an amount and its base, as it is imputed.

    Attributes
    ----------
    name, base
        The variable; of a multiple, the amount and its base.
    observed, missing
        Rows that the model is fitted to, and rows that are imputed.
    values
        On the scale on which it is drawn: numbers, positions of categories, multiples; missing outside `observed`.
    is_log
        Whether the logarithm is predicted and matched.
    n_categories
        0 for numbers.
    centre, spread
        What its columns are standardized by.
    columns, group
        Its columns in the design, and that of the mean of the group's others.
    method, predictors
        Of its model.
    """

    name: str
    base: str
    observed: Mask
    missing: Mask
    values: Array
    is_log: bool = False
    n_categories: int = 0
    centre: Array | None = None
    spread: Array | None = None
    columns: Index = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    group: list[int] = field(default_factory=list)
    method: str = "pmm"
    predictors: Index = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    @property
    def label(self) -> str:
        """What the chains are called by."""
        return f"{self.name} / {self.base}" if self.base else self.name

    def encode(self, values: Array) -> Array:
        """Columns of values in the design: standardized, 0 where missing."""
        if self.n_categories > 2:
            block = (values[:, None] == np.arange(1, self.n_categories)).astype(float)
            block[np.isnan(values)] = np.nan
        else:
            with np.errstate(invalid="ignore", divide="ignore"):
                block = (np.log(values) if self.is_log else values)[:, None]
        if self.centre is None or self.spread is None:
            own = block[self.observed]
            self.centre, self.spread = own.mean(axis=0), _avoid_zero(own.std(axis=0))
        return np.nan_to_num((block - self.centre) / self.spread)


@dataclass(frozen=True)
class Passive:
    """Columns of the design that are computed from variables: the score of a scale, or a term.

    Attributes
    ----------
    columns
        Their places.
    roots
        The answers on which they rest.
    centre, spread
        What they are standardized by.
    items
        Of a scale, its items.
    position
        Of a term, its place among the terms.
    """

    columns: Index
    roots: frozenset[str]
    centre: Array
    spread: Array
    items: tuple[str, ...] = ()
    position: int = -1

    def standardize(self, block: Array) -> Array:
        """Standardize values, 0 where they are missing."""
        return np.nan_to_num((block - self.centre) / self.spread)


def _avoid_zero(spread: Array) -> Array:
    return np.where(spread > SMALLEST, spread, 1.0)


def _as_floats(column: pd.Series) -> Array:
    return np.asarray(column.astype("Float64").astype("float64"))


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

    Attributes
    ----------
    reports
        Variable → method, counts, and what stood in the way or was left out.

    Raises
    ------
    StudyError
        If a variable holds text, or the base of an amount is not among the variables.

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
        self.table, self.plan, self.name = table.reset_index(drop=True), plan, name
        self.rows, self.varying = len(table), list(varying)
        self.codes: dict[str, list[str]] = {}
        names = [name for name in plan.variables if name in kinds and name in table]
        self.answers = {name: self._read_answers(name) for name in names}
        self.wanted: dict[str, Mask] = {name: kinds[name].isin(IMPUTED_KINDS).to_numpy() for name in names}
        self.relative = {above: below for above, below in plan.relative.items() if above in self.answers}
        self.reports = {name: self._report(name, kinds[name]) for name in names}
        self.parts = self._list_parts()
        self._lay_out(dictionary, None if group is None else pd.factorize(group)[0].astype(np.int64))
        for part in self.parts:
            self._choose_predictors(part)

    # --- what is imputed --------------------------------------------------------------------------------------------

    def _read_answers(self, name: str) -> Array:
        """Answers as numbers; of a category, the positions of the codes that occur."""
        column = self.table[name]
        if self._find_method(name) in ("multinomial_logit", "ordered_logit"):
            text = column.astype("Int64") if pd.api.types.is_numeric_dtype(column) else column
            text = text.astype("str").where(column.notna())
            found = set(text.dropna())
            declared = [code for code in self.plan.variables[name].levels if code in found]
            self.codes[name] = declared or sorted(found)
            return np.asarray(text.map({code: place for place, code in enumerate(self.codes[name])}), dtype=float)
        try:
            return _as_floats(column)
        except (TypeError, ValueError) as error:
            raise StudyError(
                f"imputation: {self.name}: '{name}' holds text; numbers, categories and truth values can be imputed"
            ) from error

    def _find_method(self, name: str) -> str:
        return self.plan.methods.get(name, METHODS.get(self.plan.variables[name].type, "pmm"))

    def _report(self, name: str, kinds: pd.Series) -> dict[str, Any]:
        observed = int((~np.isnan(self.answers[name])).sum())
        reason = "" if observed else "no observed answer"
        if observed and not self.wanted[name].any():
            reason = "nothing missing"
        return {
            "table": self.name,
            "variable": name,
            "method": self._find_method(name),
            "n_observed": observed,
            **{f"n_{kind}": int((kinds == kind).sum()) for kind in IMPUTED_KINDS},
            "n_not_applicable": int((kinds == "not_applicable").sum()),
            "n_imputed": 0,
            "n_predictors": 0,
            "reason": reason,
        }

    def _list_parts(self) -> list[Part]:
        """List the parts in the order in which they are imputed."""
        parts: dict[str, Part] = {}
        for name, values in self.answers.items():
            if self.reports[name]["reason"]:
                continue
            part = Part(name, "", ~np.isnan(values), self.wanted[name], values)
            if self._find_method(name) != "pmm":
                part.n_categories = len(self.codes.get(name, "01"))
            if name in self.plan.on_log_scale or name in self.relative.values():
                part.is_log = bool((values[part.observed] > 0).all())
                if not part.is_log:
                    self._tell(name, "matched as it is: an amount is not positive, so has no logarithm")
            parts[name] = part
        for above, below in self.relative.items():
            self._pair_amounts(above, below, parts)
        order = {name: place for place, name in enumerate(self.answers)}
        # Little missing first, so that the models of what is missing more rest on it; a base before its multiples.
        return sorted(parts.values(), key=lambda part: (part.missing.sum(), part.base != "", order[part.name]))

    def _pair_amounts(self, above: str, below: str, parts: dict[str, Part]) -> None:
        """Put the multiple of an amount and its base in the place of the amount."""
        if below not in self.answers:
            if below in self.table:
                raise StudyError(f"imputation: relative: the base '{below}' of '{above}' is not among the variables")
            return
        with np.errstate(invalid="ignore", divide="ignore"):
            multiple = self.answers[above] / self.answers[below]
            known_above, known_below = self.answers[above] > 0, self.answers[below] > 0
        both = known_above & known_below
        wanted, of_base = self.wanted[above], self.wanted[below]
        missing = (wanted & (known_below | of_base)) | (of_base & known_above)
        if not both.any() or not missing.any():
            return
        if below in parts:
            parts[below].missing = of_base & ~known_above
            if not parts[below].missing.any():
                del parts[below]
        parts[above] = Part(above, below, both, missing, np.where(both, multiple, np.nan), is_log=True)
        self.reports[above] |= {"method": f"pmm, multiple of {below}", "reason": ""}
        if left := int((wanted & ~missing).sum()):
            self._tell(above, f"{left} not imputed: the base '{below}' is not positive")

    def _tell(self, name: str, reason: str) -> None:
        """Add to what is reported of a variable."""
        self.reports[name]["reason"] = "; ".join(filter(None, [self.reports[name]["reason"], reason]))

    # --- the design -------------------------------------------------------------------------------------------------

    def _lay_out(self, dictionary: pd.DataFrame, group: Index | None) -> None:
        """Lay out the columns of the design: intercept, parts, means of groups, scores of scales, terms, gaps."""
        columns: list[Array] = [np.ones(self.rows)]

        def add(block: Array) -> Index:
            columns.extend(block.T)
            return np.arange(len(columns) - block.shape[1], len(columns))

        for part in self.parts:
            block = part.encode(part.values)
            part.columns = add(block)
            if group is not None and part.n_categories <= 2:
                part.group = add(self._average_others(block[:, 0], part.observed, group)[:, None]).tolist()
        self.scales: dict[str, Passive] = {}
        for entry in self.plan.scales:
            items = tuple(item for item in entry["items"] if item in self.table)
            score = score_scale(self.table[list(items)]).to_numpy() if items else np.full(self.rows, np.nan)
            if np.isfinite(score).sum() > 1 and np.nanstd(score) > SMALLEST:
                self.scales[entry["name"]] = self._make_passive(score[:, None], add, frozenset(items), items=items)
        self._read_terms(dictionary)
        self.passive: list[Passive] = []
        for position, term in enumerate(self.design.terms):
            block = self._assemble(self.design.blocks, position)
            roots = frozenset().union(*(self._find_roots(factor) for factor in term))
            self.passive.append(self._make_passive(block, add, roots, position=position))
        imputed = {part.name for part in self.parts} | {part.base for part in self.parts}
        self.gaps: list[int] = []
        for factor in list_factors(self.design.terms):
            gap = self._find_gaps(factor, imputed)
            if gap.any() and not gap.all():
                self.gaps += add(((gap - gap.mean()) / gap.std())[:, None]).tolist()
        self.base = np.nan_to_num(np.column_stack(columns))

    def _read_terms(self, dictionary: pd.DataFrame) -> None:
        """Take the terms that the wave has the variables of; a factor of one level tells nothing."""
        present = set(self.table.columns)
        terms: list[Term] = [
            term
            for term in self.plan.predictors
            if all(variable in present for factor in term for variable in factor.variables)
        ]
        self.levels = find_levels(terms, self.table, dictionary)
        terms = [term for term in terms if all(len(self.levels.get(factor.name, "12")) > 1 for factor in term)]
        self.design = Design(terms, self.table, self.levels)

    def _make_passive(self, block: Array, add: Any, roots: frozenset[str], **keys: Any) -> Passive:
        with np.errstate(invalid="ignore"):
            known = np.isfinite(block)
            n = np.maximum(known.sum(axis=0), 1)
            centre = np.where(known, block, 0).sum(axis=0) / n
            spread = _avoid_zero(np.sqrt(np.where(known, (block - centre) ** 2, 0).sum(axis=0) / n))
        return Passive(add(np.nan_to_num((block - centre) / spread)), roots, centre, spread, **keys)

    def _find_roots(self, factor: Factor) -> frozenset[str]:
        columns = self.table.columns
        return frozenset().union(*(find_roots(name, self.plan, columns) for name in factor.variables))

    def _find_gaps(self, factor: Factor, imputed: set[str]) -> Mask:
        """Rows in which a factor has no value and will get none."""
        block = self.design.blocks[factor.name]
        missing: Mask = block.sum(axis=1) == 0 if factor.name in self.levels else np.isnan(block[:, 0])
        for root in self._find_roots(factor) & imputed:
            missing = missing & ~self.wanted[root]
        return missing

    @staticmethod
    def _average_others(values: Array, observed: Mask, group: Index) -> Array:
        """Mean of the answers observed in the group's other rows, standardized; the mean of all where there is none."""
        known = observed.astype(float)
        total = np.bincount(group, values * known)[group] - values * known
        count = np.bincount(group, known)[group] - known
        mean = np.divide(total, count, out=np.zeros(len(values)), where=count > 0)
        return (mean - mean.mean()) / _avoid_zero(mean.std())

    def _assemble(self, blocks: Mapping[str, Array], position: int) -> Array:
        """Columns of a term from the values of its factors."""
        return self.design.assemble(blocks, [position])[position]

    # --- predictors -------------------------------------------------------------------------------------------------

    def _choose_predictors(self, part: Part) -> None:
        """Choose the columns from which a part is imputed, and tell what was left out."""
        own = {other.name: other for other in self.parts if not other.base}
        answers, counts = np.unique(part.values[part.observed], return_counts=True)
        n = int(part.observed.sum())
        part.method = "pmm" if part.base or len(answers) == 1 else self._find_method(part.name)
        items = [
            column
            for scale in self.scales.values()
            if part.name in scale.items
            for item in scale.items
            if item != part.name and item in own
            for column in own[item].columns
        ]
        others = [column for scale in self.scales.values() if part.name not in scale.items for column in scale.columns]
        declared = [column for term in self.passive if part.name not in term.roots for column in term.columns]
        candidates = list(dict.fromkeys([*part.group, *items, *declared, *self.gaps, *others]))
        # What tells of a predictor's coefficient in a logit is how many rows are not in the largest category.
        telling = n - int(counts.max()) if part.n_categories else n
        most = telling // (ROWS_PER_PREDICTOR * max(1, part.n_categories - 1))
        if len(answers) == 1:
            candidates = []
            self._tell(part.name, "all observed answers are the same")
        elif n < FEWEST_OBSERVED:
            candidates = []
            self._tell(part.name, f"drawn from the {n} observed answers: too few for a model")
        chosen, dependent = self._select(candidates, part, most)
        left = len(candidates) - len(chosen) - dependent
        if dependent:
            self._tell(part.name, f"{dependent} predictors left out as collinear")
        if left:
            self._tell(part.name, f"{left} predictors of the least correlation or without variance left out")
        part.predictors = np.array([0, *chosen], dtype=np.int64)
        self.reports[part.name]["n_predictors"] = len(chosen)

    def _select(self, candidates: Sequence[int], part: Part, most: int) -> tuple[list[int], int]:
        """Leave out predictors without variance, those that repeat others, and of too many the least correlated."""
        if not candidates:
            return [], 0
        columns = self.base[part.observed][:, candidates]
        columns = columns - columns.mean(axis=0)
        norm = np.sqrt((columns**2).sum(axis=0))
        varies = norm > 1e-6 * np.sqrt(len(columns))
        columns, places = columns[:, varies] / norm[varies], np.array(candidates)[varies]
        own = self.base[part.observed][:, part.columns]
        own = own - own.mean(axis=0)
        length = np.sqrt((own**2).sum(axis=0))
        own = own[:, length > 0] / length[length > 0]
        strength = np.abs(columns.T @ own).max(axis=1, initial=0.0)
        kept = sorted(np.argsort(-strength, kind="stable")[:most].tolist())
        # Gram-Schmidt in the order of the predictors tells which repeat others.
        independent: list[int] = []
        basis = np.empty((len(columns), 0))
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
        fixed = {item: _as_floats(self.table[item]) for scale in self.scales.values() for item in scale.items}
        self.state = {name: np.repeat(array[None], chains, axis=0) for name, array in (fixed | self.answers).items()}
        self.state |= {name: np.asarray(values) for name, values in (varying or {}).items()}
        self.blocks = {name: np.repeat(block[None], chains, axis=0) for name, block in self.design.blocks.items()}
        self.frames: dict[Any, tuple[pd.DataFrame, list[str], list[Any]]] = {}
        design = np.repeat(self.base[None], chains, axis=0)
        for column, entries in self._renew_terms(set(varying or {}), np.arange(self.rows)).items():
            design[:, :, column] = entries
        parts = {part.label: part for part in self.parts}

        def refresh(target: Target, values: Mapping[str, Array]) -> dict[int, Array]:
            return self._renew(parts[target.name], values[target.name])

        targets = [self._make_target(part) for part in self.parts]
        result = run_chains(design, targets, generators, iterations, donors=donors, refresh=refresh)
        found = {}
        for name, wanted in self.wanted.items():
            rows = np.flatnonzero(wanted & ~np.isnan(self.state[name]).any(axis=0))
            self.reports[name]["n_imputed"] = len(rows)
            if len(rows):
                found[name] = (rows, self._restrict(name, self.state[name][:, rows]))
        return found, result

    def _make_target(self, part: Part) -> Target:
        return Target(
            name=part.label,
            method=part.method,
            observed=np.flatnonzero(part.observed),
            missing=np.flatnonzero(part.missing),
            answers=part.values[part.observed],
            columns=part.columns,
            predictors=part.predictors,
            encode=part.encode,
            n_categories=part.n_categories,
        )

    def _restrict(self, name: str, values: Array) -> Array:
        """Keep amounts that were computed from multiples within the codebook's bounds, whole where they are counts."""
        variable = self.plan.variables[name]
        if name not in {*self.relative, *self.relative.values()}:
            return values
        low = -np.inf if variable.minimum is None else variable.minimum
        high = np.inf if variable.maximum is None else variable.maximum
        return np.clip(np.round(values) if variable.type == "integer" else values, low, high)

    # --- what rests on imputed values -------------------------------------------------------------------------------

    def _renew(self, part: Part, values: Array) -> dict[int, Array]:
        """Take a part's values over, and compute anew what rests on them, in the rows in which it is imputed."""
        rows = np.flatnonzero(part.missing)
        state, touched = self.state, {part.name}
        if part.base:
            touched.add(part.base)
            own, of_base = self.wanted[part.name][rows], self.wanted[part.base][rows] & ~self.wanted[part.name][rows]
            state[part.name][:, rows[own]] = values[:, own] * state[part.base][:, rows[own]]
            state[part.base][:, rows[of_base]] = state[part.name][:, rows[of_base]] / values[:, of_base]
        else:
            for above, below in self.relative.items():
                if below == part.name:
                    # The amount goes with its base, as the multiple that it has, until a new one is drawn.
                    touched.add(above)
                    with_it = self.wanted[above][rows]
                    with np.errstate(divide="ignore", invalid="ignore"):
                        change = values[:, with_it] / state[below][:, rows[with_it]]
                    state[above][:, rows[with_it]] *= np.where(np.isfinite(change), change, np.nan)
            state[part.name][:, rows] = values
        changes: dict[int, Array] = {}
        for scale in self.scales.values():
            if touched & scale.roots:
                answers = np.stack([state[item][:, rows] for item in scale.items])
                known = np.isfinite(answers)
                enough = 2 * known.sum(axis=0) >= len(scale.items)
                score = np.where(known, answers, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
                block = scale.standardize(np.where(enough, score, np.nan)[:, :, None])
                changes[int(scale.columns[0])] = block[:, :, 0]
        return changes | self._renew_terms(touched, rows)

    def _renew_terms(self, touched: set[str], rows: Index) -> dict[int, Array]:
        """Columns of the terms that rest on some variables, in some rows."""
        live = [term for term in self.passive if term.roots & touched]
        if not live:
            return {}
        chains = next(iter(self.blocks.values())).shape[0]
        factors = list_factors([self.design.terms[term.position] for term in live])
        derived = []
        for factor in factors:
            if not self._find_roots(factor) & touched:
                continue
            name = factor.node.value if factor.node.kind == "name" else ""
            if name in self.state and factor.name not in self.levels:
                self.blocks[factor.name][:, rows, 0] = self.state[name][:, rows]
            elif name in self.codes:
                places = np.array([self.codes[name].index(level) for level in self.levels[factor.name]])
                self.blocks[factor.name][:, rows] = self.state[name][:, rows, None] == places
            else:
                derived.append(factor)
        if derived:
            frame = self.make_frame([name for factor in derived for name in factor.variables], rows)
            for factor in derived:
                block = self.design.evaluate_factor(factor, frame)
                self.blocks[factor.name][:, rows] = block.reshape(chains, len(rows), -1)
        changes: dict[int, Array] = {}
        for term in live:
            flat = {
                factor.name: self.blocks[factor.name][:, rows].reshape(chains * len(rows), -1)
                for factor in self.design.terms[term.position]
            }
            block = term.standardize(self._assemble(flat, term.position)).reshape(chains, len(rows), -1)
            changes |= {int(column): block[:, :, place] for place, column in enumerate(term.columns)}
        return changes

    def make_frame(self, names: Sequence[str], rows: Index) -> pd.DataFrame:
        """Some rows, those of one chain under those of the other, with variables as they now are."""
        chains = next(iter(self.state.values())).shape[0]
        key = (tuple(names), rows.tobytes())
        if key not in self.frames:
            inputs = list_inputs(names, self.plan, self.table.columns)
            fixed = self.table[[name for name in inputs if name not in self.state]]
            fixed = fixed.iloc[np.tile(rows, chains)].reset_index(drop=True)
            self.frames[key] = fixed, [name for name in inputs if name in self.state], list_steps(names, self.plan)
        fixed, moving, steps = self.frames[key]
        frame = fixed.assign(**{name: self._as_column(name, self.state[name][:, rows].ravel()) for name in moving})
        for name, step in steps:
            frame[name] = step(frame)
        return frame

    def _as_column(self, name: str, values: Array) -> Any:
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
