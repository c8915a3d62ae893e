"""Firms followed over waves: who was seen, left, closed, merged or came back; and how two groups of firms differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from firmties.errors import StudyError, describe_allowed

if TYPE_CHECKING:
    import pandas as pd

ANSWERED, ABSENT, CLOSED, BEFORE = "answered", "absent", "closed", "before"

NOTABLE = 0.2
"""A standardized difference beyond this is flagged."""


def follow_successors(successors: Mapping[str, str], firms: Sequence[str]) -> dict[str, str]:
    """Give for each firm with a predecessor the oldest id of its line, under which it is followed.

    Parameters
    ----------
    successors
        Firm → the older firm that it carries on (`successor_of`).
    firms
        All firms known to the study.

    Raises
    ------
    StudyError
        If a firm carries on itself (directly or through others) or a firm that is not known.

    Examples
    --------
    >>> follow_successors({"c": "b", "b": "a"}, ["a", "b", "c"])
    {'c': 'a', 'b': 'a'}
    """
    known, problems = set(firms), []
    oldest: dict[str, str] = {}
    for firm in successors:
        line = [firm]
        while line[-1] in successors and (older := successors[line[-1]]) not in line:
            if older not in known:
                problems.append(
                    f"successor_of: firm '{line[-1]}' carries on '{older}', a firm of no wave; "
                    f"{describe_allowed(older, sorted(known), at_most=6)}; correct the id, or leave the cell blank"
                )
                break
            line.append(older)
        else:
            if line[-1] in successors:
                way = " -> ".join([*line, successors[line[-1]]])
                problems.append(f"successor_of: firm '{firm}' carries on itself ({way}); name the older firm")
        oldest[firm] = line[-1]
    if problems:
        raise StudyError(list(dict.fromkeys(problems)))
    return oldest


def list_successors(reported: pd.DataFrame, known: Sequence[str], waves: Sequence[int]) -> pd.DataFrame:
    """Say for each wave which firm is followed under the id of an older one, and whose own line has ended.

    A merger holds from the wave on that reports it: until then each firm stands for itself.

    Parameters
    ----------
    reported
        ``wave``, ``firm`` and ``successor_of``: the older firm that it carries on; further firms that merged into it
        may follow, joined by ``|``. Blank and missing cells are passed over.
    known
        All firms of the study.
    waves
        All waves, in their order.

    Returns
    -------
    DataFrame
        ``wave``, ``firm`` (as the wave's own files have it), ``followed_as``, ``how``: ``carries_on`` in every wave
        from the report on, ``merged`` in the wave that reports it, of a firm that ends there.

    Raises
    ------
    StudyError
        If a firm carries on a firm that is not known, other firms in one wave than in another, or itself.

    Examples
    --------
    >>> import pandas as pd
    >>> told = pd.DataFrame({"wave": [2], "firm": ["c"], "successor_of": ["a|b"]})
    >>> list_successors(told, ["a", "b", "c"], [1, 2, 3]).values.tolist()
    [[2, 'b', 'a', 'merged'], [2, 'c', 'a', 'carries_on'], [3, 'c', 'a', 'carries_on']]
    """
    import pandas as pd

    place = {wave: at for at, wave in enumerate(waves)}
    cells = reported[["wave", "firm", "successor_of"]].dropna()
    cells = cells.loc[cells["successor_of"].astype("str").str.strip() != ""].drop_duplicates()
    names, told, problems = set(known), dict[str, tuple[int, list[str]]](), []
    for wave, name, cell in cells.sort_values("wave", key=lambda ids: ids.map(place)).itertuples(index=False):
        olders = [older.strip() for older in str(cell).split("|")]
        problems += [
            f"wave {wave}: successor_of: firm '{name}' carries on '{older}', a firm of no wave; "
            f"{describe_allowed(older, sorted(names - {name}), at_most=6)}; correct the id, or leave the cell blank"
            for older in olders
            if older not in names
        ]
        first, before = told.setdefault(name, (wave, olders))
        if before != olders:
            problems.append(
                f"wave {wave}: successor_of: firm '{name}' carries on '{cell}', and in wave {first} "
                f"'{'|'.join(before)}'; name the same firms in every wave"
            )
    if problems:
        raise StudyError(problems)
    rows = []
    for wave in waves:
        until = {name: olders for name, (first, olders) in told.items() if place[first] <= place[wave]}
        lines = follow_successors({name: olders[0] for name, olders in until.items()}, known)
        rows += [(wave, name, line, "carries_on") for name, line in lines.items()]
        rows += [
            (wave, lines.get(other, other), lines[name], "merged")
            for name, olders in until.items()
            if told[name][0] == wave
            for other in olders[1:]
        ]
    table = pd.DataFrame(rows, columns=["wave", "firm", "followed_as", "how"])
    return table.sort_values(["wave", "firm"], kind="stable", ignore_index=True)


def rename_firms(table: pd.DataFrame, successors: pd.DataFrame, firm: str) -> pd.DataFrame:
    """Put each firm under the id by which it is followed in the row's wave.

    Parameters
    ----------
    successors
        From :func:`list_successors`.
    firm
        The column of `table` that holds the firm.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame({"wave": [2], "firm": ["c"], "followed_as": ["a"], "how": ["carries_on"]})
    >>> rename_firms(pd.DataFrame({"wave": [1, 2, 2], "firm": ["c", "c", "d"]}), lines, "firm")["firm"].tolist()
    ['c', 'a', 'd']
    """
    moved = successors.loc[successors["how"] == "carries_on"]
    lines = {
        (int(wave), name): line for wave, name, line in moved[["wave", "firm", "followed_as"]].itertuples(index=False)
    }
    if not lines:
        return table
    keys = zip(table["wave"].astype("int64"), table[firm], strict=True)
    followed = table[firm].copy()
    followed[:] = [lines.get(key, key[1]) for key in keys]
    return table.assign(**{firm: followed})


def trace_panel(
    answered: pd.DataFrame, firm: str, waves: Sequence[int], closed: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Say for every firm and wave what became of the firm.

    Parameters
    ----------
    answered
        One row an answer that was kept: ``wave`` and the firm key; rows without a key are passed over.
    waves
        All waves, in their order.
    closed
        ``wave`` and the firm key of firms found closed (or otherwise out of the population) in a wave.

    Returns
    -------
    DataFrame
        One row a firm that ever answered and wave, sorted: ``wave``, firm key, ``status`` (``before`` its first
        answer, ``answered``, ``absent``, or ``closed`` from the wave on in which it was found so), ``first_wave``,
        ``returned`` (answers after an absence).

    Raises
    ------
    StudyError
        If a firm answers in or after the wave in which it was found closed.

    Examples
    --------
    >>> import pandas as pd
    >>> answers = pd.DataFrame({"wave": [1, 3], "firm": ["a", "a"]})
    >>> trace_panel(answers, "firm", [1, 2, 3])[["status", "returned"]].values.tolist()
    [['answered', False], ['absent', False], ['answered', True]]
    """
    import pandas as pd

    place = {wave: at for at, wave in enumerate(waves)}
    seen: dict[str, set[int]] = {}
    for wave, name in answered[["wave", firm]].dropna().drop_duplicates().itertuples(index=False):
        seen.setdefault(name, set()).add(place[wave])
    ends: dict[str, int] = {}
    if closed is not None:
        for wave, name in closed[["wave", firm]].dropna().itertuples(index=False):
            ends[name] = min(place[wave], ends.get(name, len(waves)))
    rows: list[tuple[Any, ...]] = []
    problems = []
    for name in sorted(seen):
        first, last, end = min(seen[name]), max(seen[name]), ends.get(name, len(waves))
        if last >= end:
            problems.append(
                f"firm '{name}' was found closed in wave {waves[end]} and answers in wave {waves[last]}; "
                "correct the wave's file, or name a merged firm's successor"
            )
        for at, wave in enumerate(waves):
            here = at in seen[name]
            status = ANSWERED if here else BEFORE if at < first else CLOSED if at >= end else ABSENT
            rows.append((wave, name, status, waves[first], here and at > first and at - 1 not in seen[name]))
    if problems:
        raise StudyError(problems)
    table = pd.DataFrame(rows, columns=["wave", firm, "status", "first_wave", "returned"])
    return table.sort_values(["wave", firm], ignore_index=True)


def count_pairs(status: pd.DataFrame, firm: str, waves: Sequence[int]) -> pd.DataFrame:
    """Count for each pair of consecutive waves who stayed, left, closed or came back.

    Parameters
    ----------
    status
        As of `trace_panel`.

    Returns
    -------
    DataFrame
        One row a pair: ``wave``, ``next_wave``, ``answered`` (at the first), ``stayed``, ``left``, ``closed``,
        ``returned`` (answered at the second after an absence), ``new`` (first answer at the second), ``retention``
        = stayed / (stayed + left): closed firms are no leavers; missing where nobody could stay.

    Examples
    --------
    >>> import pandas as pd
    >>> answers = pd.DataFrame({"wave": [1, 1, 1, 2, 2], "firm": ["a", "b", "c", "a", "d"]})
    >>> gone = pd.DataFrame({"wave": [2], "firm": ["c"]})
    >>> count_pairs(trace_panel(answers, "firm", [1, 2], gone), "firm", [1, 2]).iloc[0].to_dict()["retention"]
    0.5
    """
    import pandas as pd

    rows = []
    for wave, following in pairwise(waves):
        before = status.loc[status["wave"] == wave].set_index(firm)
        after = status.loc[status["wave"] == following].set_index(firm).reindex(before.index)
        here, then = before["status"] == ANSWERED, after["status"]
        stayed, left = int((here & (then == ANSWERED)).sum()), int((here & (then == ABSENT)).sum())
        rows.append(
            {
                "wave": wave,
                "next_wave": following,
                "answered": int(here.sum()),
                "stayed": stayed,
                "left": left,
                "closed": int((here & (then == CLOSED)).sum()),
                "returned": int(after["returned"].astype(bool).sum()),
                "new": int(((before["status"] == BEFORE) & (then == ANSWERED)).sum()),
                "retention": stayed / (stayed + left) if stayed + left else float("nan"),
            }
        )
    columns = ["wave", "next_wave", "answered", "stayed", "left", "closed", "returned", "new", "retention"]
    return pd.DataFrame(rows, columns=columns)


def name_retention(sample: pd.DataFrame | None, dispositions: Sequence[str]) -> str:
    """Name the share of firms that stayed, the same in every exhibit, by whether sample files tell closed firms."""
    told = sample is not None and bool(dispositions)
    return "Retention, % of those not closed" if told else "Retention, % of all (closed are not known)"


def find_closed(
    sample: pd.DataFrame | None, dispositions: Sequence[str], firm: str, successors: pd.DataFrame | None = None
) -> pd.DataFrame | None:
    """Find the firms that are out of the population: ``wave`` and firm; None if none can be known.

    Parameters
    ----------
    dispositions
        Those by which sample files say so, such as NE.
    successors
        From :func:`list_successors`: a firm that merged into another, or carries another on, has ended as itself.
    """
    import pandas as pd

    parts = [] if successors is None else [successors[["wave", "firm"]].rename(columns={"firm": firm})]
    if sample is not None and dispositions:
        parts.append(sample.loc[sample["disposition"].isin(dispositions), ["wave", firm]])
    return pd.concat(parts, ignore_index=True) if parts else None


def measure_retention(
    status: pd.DataFrame, firm: str, waves: Sequence[int], sample: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Measure for each pair of consecutive waves the share that stayed, over all firms and by type of sample.

    Parameters
    ----------
    status
        As of `trace_panel`.
    sample
        ``wave``, firm key and, if types are to be told apart, ``sample_type``: how a firm came into the earlier wave.

    Returns
    -------
    DataFrame
        One row a pair and type: ``wave``, ``next_wave``, ``sample_type`` (blank: all), ``stayed``, ``asked`` (stayed
        or left; closed firms are neither), ``retention``; types only where the study has several.

    Examples
    --------
    >>> import pandas as pd
    >>> answers = pd.DataFrame({"wave": [1, 1, 1, 2, 2], "firm": ["a", "b", "c", "a", "b"]})
    >>> kinds = pd.DataFrame({"wave": 1, "firm": ["a", "b", "c"], "sample_type": ["panel", "fresh", "fresh"]})
    >>> found = measure_retention(trace_panel(answers, "firm", [1, 2]), "firm", [1, 2], kinds)
    >>> found[["sample_type", "stayed", "asked"]].values.tolist()
    [['', 2, 3], ['fresh', 1, 2], ['panel', 1, 1]]
    """
    import pandas as pd

    rows = []
    for wave, following in pairwise(waves):
        groups = {"": status}
        if sample is not None and "sample_type" in sample:
            here = sample.loc[sample["wave"] == wave]
            answered = status.loc[(status["wave"] == wave) & (status["status"] == ANSWERED), firm]
            kinds = here.loc[here[firm].isin(answered)].groupby("sample_type")[firm]
            if sample["sample_type"].nunique() > 1:
                groups |= {str(kind): status.loc[status[firm].isin(firms)] for kind, firms in kinds}
        for kind, members in groups.items():
            pair = count_pairs(members, firm, [wave, following]).iloc[0]
            counts = {"stayed": int(pair["stayed"]), "asked": int(pair["stayed"] + pair["left"])}
            rows.append({"wave": wave, "next_wave": following, "sample_type": kind, **counts,
                         "retention": pair["retention"]})  # fmt: skip
    return pd.DataFrame(rows, columns=["wave", "next_wave", "sample_type", "stayed", "asked", "retention"])


def correct_bias(df: float) -> float:
    r"""Compute the exact small-sample correction of a standardized mean difference.

    :math:`J(m)=\Gamma(m/2)\,/\,\bigl(\sqrt{m/2}\;\Gamma((m-1)/2)\bigr)` with m degrees of freedom (Hedges 1981,
    *Journal of Educational Statistics* 6(2)).

    Parameters
    ----------
    df
        Degrees of freedom, above 1.

    Examples
    --------
    >>> round(correct_bias(2), 4), round(correct_bias(100), 4)
    (0.5642, 0.9925)
    """
    import math

    return math.exp(math.lgamma(df / 2) - math.lgamma((df - 1) / 2)) / math.sqrt(df / 2)


def compare_means(first: pd.Series, second: pd.Series, level: float = 0.95) -> dict[str, float]:
    r"""Compare the means of two groups: difference, SMD, Hedges g with its interval, Welch's test.

    SMD :math:`= (\bar x_1-\bar x_2)/\sqrt{(s_1^2+s_2^2)/2}` (Austin 2009, *Statistics in Medicine* 28);
    :math:`g = J(m)\,(\bar x_1-\bar x_2)/s_p` with :math:`m = n_1+n_2-2`, the pooled variance and J of
    :func:`correct_bias` (Hedges 1981); its interval is :math:`g \pm z\sqrt{1/n_1+1/n_2+g^2/(2(n_1+n_2))}` (the
    large-sample variance of Hedges & Olkin 1985, *Statistical Methods for Meta-Analysis*, ch. 5, at g); t and degrees
    of freedom after Welch (1947).

    Missing values are left out. What a group of fewer than two, or without variance, cannot give is NaN.

    Examples
    --------
    >>> import pandas as pd
    >>> found = compare_means(pd.Series([2.0, 4.0, 6.0]), pd.Series([1.0, 3.0, 5.0]))
    >>> {name: round(found[name], 3) for name in ("difference", "smd", "hedges_g", "p_value")}
    {'difference': 1.0, 'smd': 0.5, 'hedges_g': 0.399, 'p_value': 0.573}
    """
    import math

    x, y = first.dropna().astype(float), second.dropna().astype(float)
    n, m = len(x), len(y)
    missing = float("nan")
    difference = float(x.mean() - y.mean()) if n and m else missing
    found = {"n_1": n, "n_2": m, "mean_1": float(x.mean()), "mean_2": float(y.mean()), "difference": difference}
    found |= dict.fromkeys(("smd", "hedges_g", "g_low", "g_high", "statistic", "df", "p_value"), missing)
    if min(n, m) < 2:
        return found
    v, w = float(x.var()), float(y.var())
    if v + w == 0:
        return found
    from scipy.special import ndtri, stdtr

    pooled = ((n - 1) * v + (m - 1) * w) / (n + m - 2)
    g = correct_bias(n + m - 2) * difference / math.sqrt(pooled)
    half = float(ndtri(0.5 + level / 2)) * math.sqrt(1 / n + 1 / m + g**2 / (2 * (n + m)))
    error = v / n + w / m
    df = error**2 / ((v / n) ** 2 / (n - 1) + (w / m) ** 2 / (m - 1))
    t = difference / math.sqrt(error)
    return found | {
        "smd": difference / math.sqrt((v + w) / 2),
        "hedges_g": g,
        "g_low": g - half,
        "g_high": g + half,
        "statistic": t,
        "df": df,
        "p_value": float(2 * stdtr(df, -abs(t))),
    }


def compare_groups(
    first: pd.DataFrame,
    second: pd.DataFrame,
    variables: Sequence[str],
    words: pd.DataFrame,
    compare: Callable[[pd.Series, pd.Series], dict[str, float]] = compare_means,
) -> list[dict[str, Any]]:
    """Compare two groups on numbers, and on each code of a category as a share; see `compare_means`.

    Parameters
    ----------
    words
        The dictionary, for labels and the order of codes.
    compare
        What compares the numbers of the two groups; their index is that of the rows.

    Returns
    -------
    list of dict
        One entry a variable or code: ``key``, ``label``, and what `compare_means` gives.
    """
    from firmties.display import as_codes, codes_of, label_of

    rows = []
    for name in variables:
        x, y = first[name], second[name]
        label = label_of(words, name)
        if x.dtype.kind in "iufb":
            parts = {name: (label, x, y)}
        else:
            codes, others = as_codes(x).dropna(), as_codes(y).dropna()
            parts = {
                f"{name}[{code}]": (f"{label}: {text}", (codes == code).astype(float), (others == code).astype(float))
                for code, text in codes_of(words, name, sorted({*codes, *others})).items()
            }
        rows += [{"key": key, "label": text, **compare(one, two)} for key, (text, one, two) in parts.items()]
    return rows
