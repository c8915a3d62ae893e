"""Partners (alters) and pairs of partners, from wide columns to long tables and back to the firm."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

import pandas as pd


def find_slot_columns(pattern: str, slot: Mapping[str, Any], columns: Iterable[str]) -> dict[str, str]:
    """Columns of one slot: field → column.

    Examples
    --------
    >>> find_slot_columns("alt{alter}_{field}", {"alter": 2}, ["alt1_close", "alt2_close", "alt2_brd__money"])
    {'close': 'alt2_close', 'brd__money': 'alt2_brd__money'}
    """
    text = re.escape(pattern)
    for name, value in slot.items():
        text = text.replace(re.escape("{" + name + "}"), re.escape(str(value)))
    matcher = re.compile(text.replace(re.escape("{field}"), r"(?P<field>\w+)") + "$")
    return {match["field"]: column for column in columns if (match := matcher.match(column))}


def gather_slots(
    panel: pd.DataFrame, pattern: str, slots: Sequence[Any], name: str, keys: Sequence[str]
) -> pd.DataFrame:
    """Turn wide columns, one group a slot, into one row a slot; every slot of every firm-wave is there.

    Examples
    --------
    >>> import pandas as pd
    >>> wide = pd.DataFrame({"firm": ["a"], "p1_x": [3], "p2_x": [4]})
    >>> gather_slots(wide, "p{alter}_{field}", [1, 2], "alter", ["firm"])["x"].tolist()
    [3, 4]
    """
    parts = []
    for slot in slots:
        columns = find_slot_columns(pattern, {name: slot}, panel.columns)
        part = panel[[*keys, *columns.values()]].rename(columns={column: field for field, column in columns.items()})
        parts.append(part.assign(**{name: slot}))
    table = pd.concat(parts, ignore_index=True).sort_values([*keys, name], kind="stable", ignore_index=True)
    fields = [column for column in table if column not in (*keys, name)]
    return table[[*keys, name, *fields]]


def gather_alters(panel: pd.DataFrame, settings: Mapping[str, Any], keys: Sequence[str]) -> pd.DataFrame:
    """Named partners: one row a partner of a firm in a wave.

    A slot counts as a named partner when its ``named_when`` field is answered.
    """
    alters = gather_slots(panel, settings["columns"], settings["slots"], "alter", keys)
    return alters[alters[settings["named_when"]].notna()].reset_index(drop=True)


def gather_pairs(
    panel: pd.DataFrame, alters: pd.DataFrame, settings: Mapping[str, Any], keys: Sequence[str]
) -> pd.DataFrame:
    """Pairs of named partners: ``tie`` holds the answer, NA where it is unknown."""
    parts = []
    for first, second in combinations(settings["slots"], 2):
        column = settings["pairs"].format(alter_i=first, alter_j=second)
        part = panel[[*keys, column]].rename(columns={column: "tie"})
        parts.append(part.assign(alter_i=first, alter_j=second))
    return keep_named_pairs(pd.concat(parts, ignore_index=True), alters, keys)


def keep_named_pairs(pairs: pd.DataFrame, alters: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Keep the pairs of which both partners were named, sorted.

    # ASSUME an answer about a pair one of whose slots names nobody is no answer about partners.
    """
    named = alters[[*keys, "alter"]]
    for end in ("alter_i", "alter_j"):
        pairs = pairs.merge(named.rename(columns={"alter": end}), on=[*keys, end], how="inner", validate="many_to_one")
    order = [*keys, "alter_i", "alter_j"]
    return pairs.sort_values(order, kind="stable", ignore_index=True)[[*order, "tie"]]


def aggregate_alters(
    alters: pd.DataFrame, firm_waves: pd.DataFrame, entries: Sequence[Mapping[str, Any]], keys: Sequence[str]
) -> pd.DataFrame:
    """Aggregate partners to the firm in a wave.

    Parameters
    ----------
    alters
        One row a partner.
    firm_waves
        The keys of every firm-wave; one that named nobody gets a count of 0 and missing means.
    entries
        ``aggregated:`` of the configuration: ``name``, ``by`` (count, mean, sd, sum, max, min), ``of`` (a field).
        A partner's missing value is left out; the sum of none is missing.

    Returns
    -------
    pandas.DataFrame
        One row a firm-wave: the keys and a float64 column an entry.
    """
    groups = alters.groupby(list(keys), sort=False)
    result = firm_waves[list(keys)].copy()
    for entry in entries:
        if entry["by"] == "count":
            column = groups.size()
        else:
            values = alters[entry["of"]].astype("Float64").astype("float64").groupby([alters[key] for key in keys])
            column = (
                values.sum(min_count=1)
                if entry["by"] == "sum"
                else values.agg({"sd": "std"}.get(entry["by"], entry["by"]))
            )
        result = result.merge(
            column.rename(entry["name"]).reset_index(), on=list(keys), how="left", validate="one_to_one"
        )
        if entry["by"] == "count":
            result[entry["name"]] = result[entry["name"]].fillna(0)
    return result.astype({entry["name"]: "float64" for entry in entries})
