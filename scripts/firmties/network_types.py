"""Type and form of the networks by which a firm reaches its market.

The answers about one network give its type by a decision table, which is data;
the networks of a firm in a wave give its primary type, its form, and which types it has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from firmties.alters import gather_slots


def classify_networks(
    panel: pd.DataFrame, decisions: pd.DataFrame, settings: Mapping[str, Any], keys: Sequence[str]
) -> pd.DataFrame:
    """Classify every reported network by the decision table.

    Parameters
    ----------
    panel
        One row a firm in a wave.
    decisions
        The decision table as text: the columns named in ``answers``, then ``type``, ``rule``, ``flag``.
    settings
        ``networks:`` of the configuration.
    keys
        Wave and firm.

    Returns
    -------
    pandas.DataFrame
        One row a reported network: keys, ``network``, its fields, ``type``, ``rule``, ``flag``. Where an answer is
        blank, the type is the one on which all rows of the table that fit the other answers agree, else the
        unclassified one, with the flag ``incomplete``.
    """
    answers = list(settings["answers"])
    networks = gather_slots(panel, settings["columns"], settings["slots"], "network", keys)
    codes = networks[answers].apply(write_codes)
    flags = pd.Series("", index=networks.index)
    for answer, rule in settings.get("in_place_of", {}).items():
        replaced = codes[answer] == rule["code"]
        codes[answer] = codes[answer].mask(replaced, write_codes(networks[rule["field"]]))
        flags = flags.mask(replaced, rule["flag"])
    reported = (codes != "").any(axis=1)
    lookup = complete_decisions(decisions, answers, settings["unclassified"])
    found = (
        codes[reported].merge(lookup, on=answers, how="left", validate="many_to_one").set_index(codes.index[reported])
    )
    networks = networks[reported].assign(
        type=found["type"].fillna(settings["unclassified"]),
        rule=found["rule"].fillna(""),
        flag=[
            " ".join(filter(None, pair))
            for pair in zip(flags[reported], found["flag"].fillna("not in table"), strict=True)
        ],
    )
    return networks.reset_index(drop=True)


def write_codes(column: pd.Series) -> pd.Series:
    """Write codes as text, blank where missing."""
    if pd.api.types.is_numeric_dtype(column):
        column = column.astype("Int64")
    return column.astype("str").where(column.notna(), "")


def complete_decisions(decisions: pd.DataFrame, answers: Sequence[str], unclassified: str) -> pd.DataFrame:
    """Add rows for incomplete answers: the type on which all rows that still fit agree."""
    table = decisions[[*answers, "type", "rule", "flag"]].fillna("")
    parts = [table]
    for size in range(len(answers)):
        for kept in combinations(answers, size):
            groups = table.groupby(list(kept)) if kept else [((), table)]
            for values, rows in groups:
                agreed = rows["type"].iloc[0] if rows["type"].nunique() == 1 else unclassified
                row = {**dict.fromkeys(answers, ""), **dict(zip(kept, values, strict=True))}
                parts.append(pd.DataFrame([{**row, "type": agreed, "rule": "", "flag": "incomplete"}]))
    return pd.concat(parts, ignore_index=True)


def describe_firms(
    networks: pd.DataFrame,
    firm_waves: pd.DataFrame,
    settings: Mapping[str, Any],
    keys: Sequence[str],
    unknown: pd.Series | None = None,
) -> pd.DataFrame:
    """Type and form of every firm in a wave from its networks.

    Parameters
    ----------
    networks
        From :func:`classify_networks`.
    firm_waves
        The keys of every firm-wave.
    settings
        ``networks:`` of the configuration.
    keys
        Wave and firm.
    unknown
        Firm-waves that would not or could not say anything of their networks; their form is missing, not none.

    Returns
    -------
    pandas.DataFrame
        One row a firm-wave. ``nt_primary``: type of the active network with the largest share (ties: earliest
        start, latest end, then the fixed order; ``nt_tie`` marks those), of the stopped network where none is
        active, missing without networks. ``nt_<type>``: whether an active network has the type; ``n_types``: how
        many types. ``form``: none, single, hybrid (two types or more), interrupted (networks, none active).
        ``hybrid_kind``: concurrent where active networks of two types overlap in years, else sequential.
        ``any_stalled``: a stopped network beside active ones. ``nt_seq``: the types of all networks in the order in
        which they began (:func:`order_types`). ``nt_flag``: what was unclear.
    """
    types, unclassified = list(settings["types"]), settings["unclassified"]
    status = write_codes(networks[settings["status"]["field"]])
    networks = networks.assign(
        active=status.isin(settings["status"]["active"]),
        stopped=status.isin(settings["status"]["stopped"]),
        unknown=status == "",
    )
    result = firm_waves[list(keys)].copy()
    index = pd.MultiIndex.from_frame(result)

    def any_network(rows: pd.Series) -> np.ndarray:
        present = networks.loc[rows, list(keys)].drop_duplicates()
        return index.isin(pd.MultiIndex.from_frame(present))

    active, stopped = any_network(networks["active"]), any_network(networks["stopped"])
    reported = any_network(pd.Series(True, index=networks.index))
    for name in types:
        result[f"nt_{name}"] = any_network(networks["active"] & (networks["type"] == name))
    result["n_types"] = result[[f"nt_{name}" for name in types]].sum(axis=1).astype("float64")
    primary = choose_primary(networks, settings, keys)
    result = result.merge(primary, on=list(keys), how="left", validate="one_to_one")
    # ASSUME a firm whose networks all lack a status is left out of the forms and flagged; a network without a status
    # beside others with one counts neither as active nor as stopped, and is flagged.
    silent = np.zeros(len(result), dtype=bool) if unknown is None else unknown.to_numpy() & ~reported
    undecided = (reported & ~active & ~stopped) | silent
    result["form"] = np.select(
        [~reported & ~silent, undecided, ~active, result["n_types"] >= 2],
        ["none", "", "interrupted", "hybrid"],
        default="single",
    )
    result["form"] = result["form"].astype("str").mask(undecided)
    concurrent = index.isin(
        find_concurrent(networks[networks["active"] & (networks["type"] != unclassified)], settings, keys)
    )
    hybrid = result["form"] == "hybrid"
    undated = any_network(networks["active"] & networks[settings["start"]].isna())
    result["hybrid_kind"] = pd.Series(np.where(concurrent, "concurrent", "sequential"), index=result.index)
    result["hybrid_kind"] = result["hybrid_kind"].where(hybrid & (concurrent | ~undated))
    result["any_stalled"] = pd.Series(stopped & active, dtype="boolean")
    sequence = order_types(networks, settings, keys)
    result = result.merge(sequence, on=list(keys), how="left", validate="one_to_one")
    only_unclassified = active & (result["n_types"] == 0).to_numpy()
    result["nt_flag"] = np.select(
        [undecided, only_unclassified, any_network(networks["unknown"])],
        ["no status", "only unclassified", "a status blank"],
        "",
    )
    result["nt_tie"] = result["nt_tie"].astype("boolean").fillna(False)
    return result.astype({f"nt_{name}": "boolean" for name in types})


def order_types(networks: pd.DataFrame, settings: Mapping[str, Any], keys: Sequence[str]) -> pd.DataFrame:
    """Order the types of each firm's networks by the year in which the first network of a type began.

    Parameters
    ----------
    networks
        From :func:`classify_networks`; running and stopped ones count alike, unclassified ones are left out.
    settings
        ``networks:`` of the configuration.
    keys
        Wave and firm.

    Returns
    -------
    pandas.DataFrame
        The keys and ``nt_seq``: the types joined by `` > ``; types that began in the same year, of which it cannot be
        said which came first, by ``+`` in the order of display. Missing where a firm has several types and one of them
        has no year.

    Examples
    --------
    >>> settings = {"start": "start", "types": {"peer": "", "broker": ""}, "unclassified": "none"}
    >>> rows = pd.DataFrame({"firm": list("aabb"), "type": ["peer", "broker"] * 2, "start": [2019, 2015, 2020, 2020]})
    >>> order_types(rows, settings, ["firm"])["nt_seq"].tolist()
    ['broker > peer', 'peer+broker']
    """
    order = {name: rank for rank, name in enumerate(settings["types"])}
    typed = networks.loc[networks["type"].isin(order), [*keys, "type", settings["start"]]]
    typed = typed.rename(columns={settings["start"]: "start_"}).astype({"start_": "Float64"})
    first = typed.groupby([*keys, "type"], sort=False)["start_"].min().rename("year").reset_index()
    first = first.assign(rank=first["type"].map(order), unknown=first["year"].isna())
    first = first.sort_values([*keys, "year", "rank"], kind="stable")
    firms = first.groupby(list(keys), sort=False)
    same = firms["year"].diff().eq(0).fillna(False)
    start = ~first.duplicated(list(keys))
    first["piece"] = np.where(start, "", np.where(same, "+", " > ")) + first["type"].astype("str")
    told = firms["piece"].agg("".join)
    unordered = (firms.size() > 1) & firms["unknown"].any()
    return told.astype("str").mask(unordered).rename("nt_seq").reset_index()


def find_unknown(kinds: pd.DataFrame, settings: Mapping[str, Any]) -> pd.Series:
    """Firm-waves that refused or did not know every answer that decides a network's type.

    # ASSUME blank answers mean that there was no further network to describe; "refused" and "don't know" do not.

    Parameters
    ----------
    kinds
        The panel's kinds of missing values.
    settings
        ``networks:`` of the configuration.
    """
    pattern, slots, answers = settings["columns"], settings["slots"], settings["answers"]
    columns = [pattern.format(network=slot, field=answer) for slot in slots[:1] for answer in answers]
    return kinds[[name for name in columns if name in kinds]].isin(["refused", "dont_know"]).all(axis=1)


def choose_primary(networks: pd.DataFrame, settings: Mapping[str, Any], keys: Sequence[str]) -> pd.DataFrame:
    """Choose each firm's primary network: active before stopped, then share, start, end and the order of types."""
    order = {name: rank for rank, name in enumerate(settings["tie_order"])}
    ranked = networks[networks["active"] | networks["stopped"]].assign(
        share_=lambda t: -t[settings["share"]].astype("Float64").fillna(-1),
        start_=lambda t: t[settings["start"]].astype("Float64").fillna(np.inf),
        end_=lambda t: -t[settings["end"]].astype("Float64").fillna(np.inf),
        order_=lambda t: t["type"].map(order).fillna(len(order)),
        stopped_=lambda t: ~t["active"],
    )
    ranked = ranked.sort_values([*keys, "stopped_", "share_", "start_", "end_", "order_"], kind="stable")
    best = ranked.drop_duplicates(list(keys)).rename(columns={"type": "nt_primary"})
    rivals = ranked.merge(
        best[[*keys, "stopped_", "share_", "nt_primary"]],
        on=[*keys, "stopped_", "share_"],
        how="inner",
        validate="many_to_one",
    )
    tied = rivals[rivals["type"] != rivals["nt_primary"]][list(keys)].drop_duplicates().assign(nt_tie=True)
    return best[[*keys, "nt_primary"]].merge(tied, on=list(keys), how="left", validate="one_to_one")


def find_concurrent(active: pd.DataFrame, settings: Mapping[str, Any], keys: Sequence[str]) -> pd.MultiIndex:
    """Firm-waves in which active networks of two types overlap in years; a blank end runs on."""
    years = active[[*keys, "type"]].assign(
        start=active[settings["start"]].astype("Float64"), end=active[settings["end"]].astype("Float64").fillna(9999)
    )
    pairs = years.merge(years, on=list(keys), suffixes=("", "_other"), validate="many_to_many")
    overlap = (
        (pairs["type"] < pairs["type_other"])
        & (pairs["start"] <= pairs["end_other"])
        & (pairs["start_other"] <= pairs["end"])
    )
    return pd.MultiIndex.from_frame(pairs.loc[overlap.fillna(False).astype(bool), list(keys)].drop_duplicates())
