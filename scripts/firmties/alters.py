"""Partners (alters) and pairs of partners, from wide columns to long tables and back to the firm."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from firmties.catalogue import list_aggregates
from firmties.errors import StudyError
from firmties.expressions import evaluate

DIVERSITY = ("herfindahl", "largest_share", "blau", "iqv", "ei")
"""Measures over a firm's partners that are missing where too many partners have no value."""


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


def gather_pairs(panel: pd.DataFrame, settings: Mapping[str, Any], keys: Sequence[str]) -> pd.DataFrame:
    """Answers about pairs of slots: the keys, ``alter_i``, ``alter_j``, ``tie`` (NA where there is none).

    A study that did not ask has none.
    """
    parts = [panel[[*keys]].iloc[:0].assign(tie=0.0, alter_i=0, alter_j=0)]
    for first, second in combinations(settings["slots"], 2) if "pairs" in settings else ():
        column = settings["pairs"].format(alter_i=first, alter_j=second)
        part = panel[[*keys, column]].rename(columns={column: "tie"})
        parts.append(part.assign(alter_i=first, alter_j=second))
    return pd.concat(parts[1:] or parts, ignore_index=True)


def keep_named_pairs(
    pairs: pd.DataFrame, alters: pd.DataFrame, keys: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Keep the pairs of which both partners were named, sorted; give apart the answers about others.

    # ASSUME an answer about a pair one of whose slots names nobody is no answer about partners.

    Examples
    --------
    >>> alters = pd.DataFrame({"firm": ["a", "a"], "alter": [1, 2]})
    >>> pairs = pd.DataFrame({"firm": "a", "alter_i": [1, 1, 2], "alter_j": [2, 3, 3], "tie": [2.0, 1.0, None]})
    >>> kept, left_out = keep_named_pairs(pairs, alters, ["firm"])
    >>> kept.values.tolist(), left_out.values.tolist()
    ([['a', 1, 2, 2.0]], [['a', 1, 3, 1.0]])
    """
    named = alters[[*keys, "alter"]].assign(named=True)
    found = pairs
    for end in ("alter_i", "alter_j"):
        ends = named.rename(columns={"alter": end, "named": f"{end} named"})
        found = found.merge(ends, on=[*keys, end], how="left", validate="many_to_one")
    both = found["alter_i named"].notna() & found["alter_j named"].notna()
    order = [*keys, "alter_i", "alter_j"]
    found = found[[*order, "tie"]]
    kept = found[both].sort_values(order, kind="stable", ignore_index=True)
    left_out = found[~both & found["tie"].notna()].sort_values(order, kind="stable", ignore_index=True)
    return kept, left_out


def aggregate_slots(
    slots: pd.DataFrame,
    firm_waves: pd.DataFrame,
    entries: Sequence[Mapping[str, Any]],
    keys: Sequence[str],
    *,
    unknown_at_most: float = 1.0,
    codes: Mapping[str, int] | None = None,
) -> pd.DataFrame:
    r"""Aggregate partners, or reported networks, to the firm in a wave.

    Parameters
    ----------
    slots
        One row a partner or a network.
    firm_waves
        The keys of every firm-wave, and the variables that `against` names; one that named nobody gets a count of 0
        and otherwise missing values. In a wave in which no firm named any, counts are missing, too.
    entries
        ``aggregated:`` of the configuration: ``name``, ``by``, ``of`` (a field; one of several answers gives a column a
        choice, ``<name>__<choice>``), ``when`` (a condition on the rows), ``against`` (for ei). `by` is count, mean,
        sd, sum, max, min, any, or one of the measures under Notes. A missing value is left out, and so is a row whose
        condition cannot be judged; the sum of none is missing.
    unknown_at_most
        The measures under Notes are missing where a larger share of a firm's partners has no value.
    codes
        Field → number of its codes, for iqv.

    Returns
    -------
    pandas.DataFrame
        One row a firm-wave: the keys and a column an entry, float64 or, of ``any``, boolean.

    Notes
    -----
    Over a firm's partners with a value:

    - herfindahl :math:`H = \sum_j s_j^2` with :math:`s_j = x_j / \sum_k x_k`, and largest_share :math:`\max_j s_j`;
      missing where the values sum to 0 (Herfindahl 1950; 1/n for equal shares, 1 where all depends on one partner).
    - blau :math:`1 - \sum_k p_k^2` over the shares of categories (Blau 1977, *Inequality and Heterogeneity*), 0 for one
      partner; iqv the same times :math:`K/(K-1)`, K being the number of codes (Mueller & Schuessler 1961), whatever
      number of them occurs.
    - ei :math:`(E - I)/(E + I)`, I partners of the firm's own category, E of another (Krackhardt & Stern 1988, *Social
      Psychology Quarterly* 51(2)); missing where the firm's own category is.

    Examples
    --------
    >>> partners = pd.DataFrame({"firm": ["a"] * 4, "dep": [40.0, 40, 20, 0], "place": ["n", "n", "s", "w"]})
    >>> entries = [{"name": "h", "by": "herfindahl", "of": "dep"}, {"name": "b", "by": "blau", "of": "place"},
    ...            {"name": "e", "by": "ei", "of": "place", "against": "own"}]
    >>> firms = pd.DataFrame({"firm": ["a", "b"], "own": ["n", "s"]})
    >>> aggregate_slots(partners, firms, entries, ["firm"]).round(3).values.tolist()
    [['a', 0.36, 0.625, 0.0], ['b', nan, nan, nan]]
    >>> slots = pd.DataFrame({"firm": ["a", "a"], "stage": [1.0, 3.0], "use__mail": [True, False]})
    >>> entries = [{"name": "late", "by": "count", "when": "stage >= 3"}, {"name": "used", "by": "any", "of": "use"}]
    >>> aggregate_slots(slots, pd.DataFrame({"firm": ["a", "b"]}), entries, ["firm"]).values.tolist()
    [['a', 1.0, True], ['b', 0.0, <NA>]]
    """
    index = pd.MultiIndex.from_frame(firm_waves[list(keys)])
    # ASSUME a wave in which no firm named a partner, or reported a network, did not ask (as `measure_ego_networks`).
    asked = (
        firm_waves["wave"].isin(slots["wave"]).to_numpy() if "wave" in keys else np.ones(len(firm_waves), dtype=bool)
    )
    columns: dict[str, pd.Series] = {}
    for entry in entries:
        by, rows = entry["by"], slots
        if "when" in entry:
            rows = slots[evaluate(entry["when"], slots).fillna(False).to_numpy(dtype=bool)]
        if by == "count":
            counts = rows.groupby(list(keys), sort=False).size().reindex(index, fill_value=0)
            columns[entry["name"]] = counts.where(asked)
        elif by in DIVERSITY:
            measure = _measure_diversity(rows, firm_waves, entry, keys, unknown_at_most, codes or {})
            columns[entry["name"]] = measure.reindex(index)
        else:
            for name, field in list_aggregates(entry, slots.columns).items():
                # float64 stands for truth values, too; NaN is left out by every way of aggregating.
                values = rows[field].astype("Float64").astype("float64").groupby([rows[key] for key in keys])
                found = values.sum(min_count=1) if by == "sum" else values.agg({"sd": "std", "any": "max"}.get(by, by))
                columns[name] = found.reindex(index)
                if by == "any":
                    columns[name] = columns[name].astype("Float64").astype("boolean")
    made = {
        name: column.array if column.dtype == "boolean" else column.to_numpy(dtype="float64")
        for name, column in columns.items()
    }
    return pd.concat([firm_waves[list(keys)], pd.DataFrame(made, index=firm_waves.index)], axis=1)


def _measure_diversity(
    alters: pd.DataFrame,
    firm_waves: pd.DataFrame,
    entry: Mapping[str, Any],
    keys: Sequence[str],
    unknown_at_most: float,
    codes: Mapping[str, int],
) -> pd.Series:
    """One of the measures in the notes of :func:`aggregate_slots`, by the keys."""
    by, field = entry["by"], entry["of"]
    if by in ("herfindahl", "largest_share"):
        rows = alters[list(keys)].assign(x=alters[field].astype("Float64").astype("float64"))
        groups = rows.groupby(list(keys))["x"]
        total = groups.sum(min_count=1)
        share = rows["x"] / groups.transform("sum", min_count=1)
        shares = rows.assign(x=share if by == "largest_share" else share**2).groupby(list(keys))["x"]
        measure = (shares.max() if by == "largest_share" else shares.sum(min_count=1)).where(total > 0)
    elif by == "ei":
        own = firm_waves[[*keys, entry["against"]]].rename(columns={entry["against"]: "own"})
        rows = alters[list(keys)].assign(x=alters[field]).merge(own, on=list(keys), how="left", validate="many_to_one")
        external = (rows["x"] != rows["own"]).astype("float64").where(rows["x"].notna() & rows["own"].notna())
        # (E - I) / (E + I) is the mean of +1 for an external tie and -1 for an internal one.
        measure = (2 * external - 1).groupby([rows[key] for key in keys]).mean()
    else:
        rows = alters[list(keys)].assign(x=alters[field])
        n = rows.groupby(list(keys))["x"].count()
        squares = rows.dropna(subset="x").groupby([*keys, "x"]).size().pow(2)
        measure = 1 - squares.groupby(list(keys)).sum().reindex(n.index) / n.where(n > 0).pow(2)
        if by == "iqv":
            measure = measure * codes[field] / (codes[field] - 1)
    unknown = alters[field].isna().groupby([alters[key] for key in keys]).mean()
    return measure.where(unknown.reindex(measure.index) <= unknown_at_most)


def join_attributes(
    alters: pd.DataFrame, attributes: pd.DataFrame, by: Mapping[str, str], where: str
) -> tuple[pd.DataFrame, int]:
    """Give each partner the attributes of the one row that has its key.

    Parameters
    ----------
    alters
        One row a partner.
    attributes
        One row a key.
    by
        Column of `alters` → column of `attributes` that holds the same keys. A blank key joins nothing.
    where
        The attributes' file, for messages.

    Returns
    -------
    alters : pandas.DataFrame
        The same rows in the same order, with the other columns of `attributes`; missing where no row has the key.
    n_without : int
        How many partners found no row.

    Raises
    ------
    StudyError
        If a key comes in several rows, with these rows: which of them is meant cannot be known, and to take all would
        multiply partners.

    Examples
    --------
    >>> partners = pd.DataFrame({"firm": ["a", "b"], "key": ["x", "y"]})
    >>> join_attributes(partners, pd.DataFrame({"id": ["x"], "staff": [9.0]}), {"key": "id"}, "partners.csv")[0]
      firm key  staff
    0    a   x    9.0
    1    b   y    NaN
    """
    columns = list(by.values())
    known = attributes[attributes[columns].notna().all(axis=1)]
    repeated = known[known.duplicated(columns, keep=False)].sort_values(columns, kind="stable")
    if len(repeated):
        shown = "; ".join(
            f"row {at + 1}: " + ", ".join(f"{name} {value}" for name, value in row.items())
            for at, row in zip(repeated.index[:6], repeated.head(6).to_dict("records"), strict=True)
        )
        n_keys = len(repeated[columns].drop_duplicates())
        more = f"; and {len(repeated) - 6:,} more rows" if len(repeated) > 6 else ""
        raise StudyError(
            f"{where}: {n_keys:,} {'key comes' if n_keys == 1 else 'keys come'} in several rows ({shown}{more}); which "
            f"of them belongs to a partner cannot be told: leave one row for each {' and '.join(columns)}"
        )
    own = known.rename(columns={theirs: ours for ours, theirs in by.items()}).assign(matched=True)
    joined = alters.merge(own, on=list(by), how="left", validate="many_to_one")
    # A missing key equals no other, though pandas would join the two.
    blank = alters[list(by)].isna().any(axis=1).to_numpy()
    found = joined.pop("matched").notna() & ~blank
    added = [name for name in own.columns if name not in (*by, "matched")]
    return joined.assign(**{name: joined[name].where(found) for name in added}), int((~found).sum())
