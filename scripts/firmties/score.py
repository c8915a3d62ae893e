"""From answers to constructs: scales, partners, networks, value chain, derived variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from firmties.alters import aggregate_slots
from firmties.catalogue import alter_variables, list_variables
from firmties.codebook import Variable
from firmties.ego_networks import measure_ego_networks
from firmties.errors import StudyError, describe_allowed
from firmties.expressions import ExpressionError, Following, evaluate, parse, read_benchmark
from firmties.network_types import classify_networks, describe_firms, find_unknown
from firmties.nominations import measure_centralities, measure_exposures, measure_nominations
from firmties.scales import Anchors, score_scales
from firmties.value_chain import place_in_value_chain

# How the codebook's types appear in the scored tables.
SCORED_TYPES = {"datetime": "text", "json": "text"}


@dataclass
class ScoredStudy:
    """The scored tables and the dictionary of their variables."""

    panel: pd.DataFrame
    alters: pd.DataFrame
    alter_pairs: pd.DataFrame
    networks: pd.DataFrame
    dictionary: pd.DataFrame


def score_study(
    panel: pd.DataFrame,
    kinds: pd.DataFrame,
    alters: pd.DataFrame,
    alter_pairs: pd.DataFrame,
    decisions: pd.DataFrame,
    anchors: Mapping[str, tuple[float, float]],
    variables: Mapping[str, Variable],
    settings: Mapping[str, Any],
    weights: pd.DataFrame | None = None,
    nominations: pd.DataFrame | None = None,
) -> ScoredStudy:
    """Score everything that the configuration declares.

    The order is weights, partners, nominations, networks, value chain, scales, derived, centralities,
    exposures.

    Parameters
    ----------
    panel, kinds, alters, alter_pairs
        Linked tables, the kinds with the panel's rows; the last two may be empty.
    decisions
        The decision table of network types, as text; may be empty.
    anchors
        Variable → (centre, spread), from data/anchors.csv.
    variables
        The codebook, by name.
    settings
        The configuration; ``study``, ``waves``, ``alters``, ``networks``, ``value_chain``, ``scales``, ``derived``,
        ``references`` of the configuration; ``weights`` if it declares any.
    weights
        The weights of firms by wave, from the rule ``weigh``; panel and alters take them over.
    nominations
        One row a nomination among respondents: ``wave``, ``ego``, ``alter``; of a study that has them.

    Raises
    ------
    StudyError
        If an anchor is missing (with the rows to add), or an expression cannot be evaluated.
    """
    firm = settings["study"]["firm"]
    keys = ["wave", firm]
    waves = tuple(wave["id"] for wave in settings["waves"])
    constants = Anchors(anchors)
    networks = pd.DataFrame(columns=[*keys, "network", "type", "rule", "flag"])
    if weights is not None:
        panel = panel.merge(weights, on=keys, how="left", validate="many_to_one")
        if settings.get("alters"):
            alters = alters.merge(weights, on=keys, how="left", validate="many_to_one")
    if alter_settings := settings.get("alters"):
        partner = alter_settings.get("key")
        if partner:
            alters = alters.assign(relation=name_relations(alters, firm, partner))
        followed = Following(("relation",), waves) if partner else None
        alters = derive(alters, alter_settings.get("derived", []), constants, "alters: derived", followed)
        unknown_at_most, slots = alter_settings["unknown_at_most"], len(alter_settings.get("slots", []))
        measures = measure_ego_networks(
            alters,
            alter_pairs,
            keys,
            alter_settings["tie_from"],
            unknown_at_most,
            egos=panel,
            slots=slots if slots > 1 else None,
            **alter_settings.get("valued", {}),
        )
        aggregated = aggregate_slots(
            alters,
            panel,
            alter_settings.get("aggregated", []),
            keys,
            unknown_at_most=unknown_at_most,
            codes={name: len(variable.levels) for name, variable in alter_variables(settings, variables).items()},
        )
        panel = panel.merge(aggregated, on=keys, how="left", validate="one_to_one")
        panel = panel.merge(measures, on=keys, how="left", validate="one_to_one")
    nomination_settings = settings.get("nominations", {})
    if nominations is not None:
        panel = panel.merge(
            measure_nominations(nominations, panel, keys, nomination_settings),
            on=keys,
            how="left",
            validate="one_to_one",
        )
    if network_settings := settings.get("networks"):
        networks = classify_networks(panel, decisions, network_settings, keys)
        networks = derive(networks, network_settings.get("derived", []), constants, "networks: derived")
        summed = aggregate_slots(networks, panel, network_settings.get("aggregated", []), keys)
        panel = panel.merge(summed, on=keys, how="left", validate="one_to_one")
        unknown = find_unknown(kinds, network_settings)
        firms = describe_firms(networks, panel, network_settings, keys, unknown)
        panel = panel.merge(firms, on=keys, how="left", validate="one_to_one")
    if settings.get("value_chain"):
        panel = pd.concat([panel, place_in_value_chain(panel, settings["value_chain"])], axis=1)
    panel = score_scales(panel, settings.get("scales", []), constants)
    panel = derive(panel, settings.get("derived", []), constants, "derived", Following((firm,), waves))
    centralities = nomination_settings.get("centralities", [])
    if nominations is not None and centralities:
        central = measure_centralities(nominations, panel, keys, centralities)
        panel = panel.merge(central, on=keys, how="left", validate="one_to_one")
    exposures = nomination_settings.get("exposures", [])
    if nominations is not None and exposures:
        exposed = measure_exposures(nominations, panel, keys, exposures, nomination_settings.get("weak_over", "strong"))
        panel = panel.merge(exposed, on=keys, how="left", validate="one_to_one")
    constants.check()
    dictionary = describe_variables({"panel": panel, "alters": alters, "networks": networks}, variables, settings)
    return ScoredStudy(panel, alters, alter_pairs, networks, dictionary)


def name_relations(alters: pd.DataFrame, firm: str, key: str) -> pd.Series:
    """Name the relation of a firm and its partner, the same in every wave; missing where the partner has no key.

    Examples
    --------
    >>> alters = pd.DataFrame({"firm": ["f1", "f1"], "key": ["k7", None]})
    >>> name_relations(alters, "firm", "key").tolist()
    ['f1 k7', nan]
    """
    keys = alters[key].astype("str")
    return (alters[firm].astype("str") + " " + keys).where(alters[key].notna() & (keys != ""))


def derive(
    table: pd.DataFrame,
    entries: Sequence[Mapping[str, Any]],
    anchors: Anchors,
    key: str,
    following: Following | None = None,
) -> pd.DataFrame:
    """Add derived variables in their order; each may use those before it.

    Raises
    ------
    StudyError
        If an expression cannot be evaluated, or gives a code that the entry's ``codes`` do not have.
    """
    for entry in entries:
        try:
            for node in parse(entry["value"]).walk():
                if node.kind == "call" and node.value == "anchored":
                    anchors.require(node.children[0].value, table)
                if node.kind == "call" and node.value == "benchmark":
                    name, by, among = read_benchmark(node)
                    chosen = None if among is None else evaluate(among, table, anchors, following)
                    anchors.require_by(
                        name, by, table if chosen is None else table[chosen.fillna(False).to_numpy(dtype=bool)]
                    )
            values = evaluate(entry["value"], table, anchors, following)
        except ExpressionError as error:
            raise StudyError(f"config.yaml: {key}: {entry['name']}: {error}") from error
        if codes := entry.get("codes"):
            strange = sorted(set(values.dropna().astype("str")) - set(codes))
            if strange:
                raise StudyError(
                    f"config.yaml: {key}: {entry['name']}: codes: '{strange[0]}' is not among them; "
                    f"{describe_allowed(strange[0], codes)}"
                )
        table = pd.concat([table, values.rename(entry["name"])], axis=1)
    return table


def describe_variables(
    tables: Mapping[str, pd.DataFrame], variables: Mapping[str, Variable], settings: Mapping[str, Any]
) -> pd.DataFrame:
    """Describe every variable of the scored tables: label, type, codes in display order, reference, unit, origin.

    A derived text variable is a category with the values found, sorted; the reference is the
    configuration's, otherwise the first code.
    """
    described = list_variables(settings, variables)
    rows = []
    for table, frame in tables.items():
        for name in frame.columns:
            variable = described.get(table, {}).get(name, Variable(name, type="text", origin="key"))
            kind = SCORED_TYPES.get(variable.type, variable.type)
            codes = dict(variable.codes)
            if kind == "text" and variable.origin.startswith("="):
                kind, codes = "category", {code: code for code in sorted(frame[name].dropna().unique())}
            rows.append(
                {
                    "variable": name,
                    "table": table,
                    "label": variable.label,
                    "type": kind,
                    "codes": "|".join(f"{code}={label}" for code, label in codes.items()),
                    "reference": settings.get("references", {}).get(name, next(iter(codes), "")),
                    "unit": variable.unit,
                    "origin": variable.origin,
                    "identifying": int(variable.identifying),
                    "section": variable.section,
                    "construct": variable.construct,
                }
            )
    return pd.DataFrame(rows)
