"""Numbers on early against late respondents, wave by wave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from firmties.disclosure import find_minimum, is_asked, is_telling, mask_table
from firmties.display import ENOUGH, describe_rows, label_of
from firmties.errors import StudyError
from firmties.panel import compare_groups

COLUMNS = [
    "wave", "wave_label", "key", "label", "n_1", "n_2", "mean_1", "mean_2", "difference", "hedges_g", "g_low",
    "g_high", "p_value", "cell", "early", "late", "reason",
]  # fmt: skip


def summarize(sources: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Compare the early third of a wave's respondents with its late third, who stand in for those who did not answer.

    The method of Armstrong & Overton (1977), *Journal of Marketing Research* 14(3).

    Returns
    -------
    numbers
        One row a wave and variable (or code): n and mean of early (``_1``) and late (``_2``) respondents, their
        ``difference`` (early minus late), ``hedges_g`` with its bounds, Welch's ``p_value``; ``cell`` as of
        :func:`hide_small`; ``early`` and ``late`` say which values of the variable `by` they have. Where nobody is
        early or late, a ``reason``.
    notes
        What the caption needs.
    """
    panel, waves, words = sources["panel"], sources["waves"], sources["dictionary"]
    few = find_minimum(sources["study"])
    order = read_order(panel[options["by"]], options["by"])
    rows: list[dict[str, Any]] = []
    for wave, label in waves[["id", "label"]].itertuples(index=False):
        here = panel.loc[panel["wave"] == wave]
        known = order[here.index].dropna()
        first, last = split_thirds(known)
        place = {"wave": wave, "wave_label": str(label)}
        if first is None:
            reason = "not known" if known.empty else "does not vary"
            rows.append(place | {"reason": f"{label_of(words, options['by'])}: {reason}"})
            continue
        place |= {"early": f"to {write_value(first)}", "late": f"after {write_value(last)}"}
        early, late = here.loc[order[here.index] <= first], here.loc[order[here.index] > last]
        # With what the topline says of all, the others' follow.
        others = here.drop(index=[*early.index, *late.index])
        for name in options["variables"]:
            found = compare_groups(early, late, [name], words)
            codes = not pd.api.types.is_numeric_dtype(panel[name]) or pd.api.types.is_bool_dtype(panel[name])
            rest = others if is_asked(words, name) else others.iloc[:0]
            groups = [early, late, *([rest] if len(rest) else [])]
            told = not codes and any(is_telling(group[name], few) for group in groups)
            between = {row["key"]: row for row in compare_groups(rest, late, [name], words)}
            rows += [place | row for row in hide_small(found, codes, few, told, between)]
    notes = describe_rows(panel.loc[order.notna()], sources["study"], waves)
    return pd.DataFrame(rows).reindex(columns=COLUMNS), notes | {
        "by": label_of(words, options["by"]),
        "minimum_cell": few,
    }


def hide_small(
    rows: Sequence[Mapping[str, Any]],
    codes: bool,
    few: int,
    told: bool = False,
    between: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[dict[str, Any]]:
    """Blank the figures of small groups; of shares, which are counts, also those of codes that few or all but few have.

    Parameters
    ----------
    rows
        One variable's, from :func:`firmties.panel.compare_groups`.
    codes
        Whether means are shares.
    few
        The smallest count that is shown.
    told
        Whether figures of a number would tell how many gave an answer, see :func:`firmties.disclosure.is_telling`.
    between
        By key a row of which group 1 is those who are neither early nor late.

    Returns
    -------
    list of dict
        The rows with ``cell``: ``shown``, ``no estimate`` (a group below :data:`firmties.display.ENOUGH`) or
        ``suppressed`` (a count below `few`, or one from which it would follow).

    Examples
    --------
    >>> row = {"n_1": 40, "n_2": 30, "mean_1": 0.05, "mean_2": 0.5}
    >>> hide_small([row], codes=True, few=5)[0]
    {'n_1': 40, 'n_2': 30, 'cell': 'suppressed'}
    """
    hidden = [told] * len(rows)
    if codes:
        nobody = {"n_1": 0, "mean_1": 0.0}
        parts = [
            [(row["n_1"], row["mean_1"]), (row["n_2"], row["mean_2"]), (third["n_1"], third["mean_1"])]
            for row, third in ((row, (between or {}).get(row.get("key", ""), nobody)) for row in rows)
        ]
        counts = pd.DataFrame([[round(mean * n) if n else 0 for n, mean in line] for line in parts])
        if len(rows) == 1:  # yes or no: those who said no make the second row
            counts.loc[1] = [n - yes for (n, _), yes in zip(parts[0], counts.loc[0], strict=True)]
        hidden = mask_table(counts, few)[0].any(axis=1).tolist()[: len(rows)]
        hidden = [any(hidden)] if len(rows) == 1 else hidden
    out = []
    for row, secret in zip(rows, hidden, strict=True):
        small = min(row["n_1"], row["n_2"]) < ENOUGH
        kept = {key: row[key] for key in ("key", "label", "n_1", "n_2") if key in row} if small or secret else dict(row)
        out.append(kept | {"cell": "no estimate" if small else "suppressed" if secret else "shown"})
    return out


def read_order(values: pd.Series, name: str) -> pd.Series:
    """Read numbers as they are and times from their text; missing stays missing.

    Raises
    ------
    StudyError
        If a text is no time.
    """
    if pd.api.types.is_numeric_dtype(values):
        return values.astype("Float64").astype("float64")
    times = pd.to_datetime(values, errors="coerce", format="ISO8601", utc=True)
    strange = values[times.isna() & values.notna()]
    if len(strange):
        raise StudyError(
            f"exhibits: by: '{name}' orders answers by number or time; '{strange.iloc[0]}' is neither; name a variable "
            "with the number of contacts, or a time such as 2021-03-01 09:30"
        )
    return times


def split_thirds(order: pd.Series) -> tuple[Any, Any]:
    """Find the last value of the early third and the value that ends the second third; equal values stay together.

    Early is a value up to the first, late one above the second; (None, None) where nobody would be late.

    Examples
    --------
    >>> first, last = split_thirds(pd.Series([1, 1, 1, 1, 2, 2, 3, 4]))
    >>> print(first, last)
    1 2
    """
    known = order.dropna().sort_values(ignore_index=True)
    if known.empty:
        return None, None
    first, last = (known.iloc[-(-len(known) * third // 3) - 1] for third in (1, 2))
    # Where more than two thirds share the highest value, those below it are the early ones.
    if last == known.iloc[-1]:
        below = known[known < last]
        return (below.iloc[-1], below.iloc[-1]) if len(below) else (None, None)
    return first, last


def write_value(value: Any) -> str:
    """Write a number of contacts, or the day alone of a time, which is one respondent's."""
    return f"{value:%Y-%m-%d}" if isinstance(value, pd.Timestamp) else f"{value:g}"
