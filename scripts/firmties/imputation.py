"""Multiple imputation of a study's missing answers, wave by wave, partners before their firms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from firmties.alters import aggregate_slots
from firmties.chained_equations import Array, Chains, Index
from firmties.codebook import Variable
from firmties.expressions import names_in
from firmties.formulas import list_variables, parse_formula
from firmties.imputation_plan import Plan, find_roots
from firmties.pooling import pool_numbers
from firmties.table_imputation import IMPUTED_KINDS, TableImputation

CELLS = ["set", "response", "variable", "value"]
CHAINS = ["wave", "table", "variable", "iteration", "chain", "mean", "sd"]
MODELS = [
    "wave", "table", "variable", "method", "n_observed", *(f"n_{kind}" for kind in IMPUTED_KINDS), "n_not_applicable",
    "n_imputed", "n_predictors", "reason", "mean_observed", "sd_observed", "mean_imputed", "sd_imputed",
    "missing_information",
]  # fmt: skip
BATCH = 10
"""Chains that advance together: what is held in memory does not grow with the number of sets."""


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
        frame = partners.make_frame(sorted(names), np.arange(partners.rows))
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
