"""Flags of careless responding.

Sources of the rules: Meade and Craig (2012), Curran (2016); of the time on a page Huang et al. (2012).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from firmties.codebook import Variable
from firmties.formulas import as_codes

BLOCK_ROWS = 100_000
"""Rows that are judged at a time."""


def flag_responses(
    values: pd.DataFrame, variables: Sequence[Variable], settings: Mapping[str, Any], keys: Sequence[str]
) -> pd.DataFrame:
    """Flag responses that were given carelessly.

    Parameters
    ----------
    values
        Typed answers, reverse-keyed items as they were given.
    variables
        The codebook's variables in the order asked.
    settings
        ``quality_flags:`` of the configuration: ``attention`` (items and the answer that passes), ``speed``
        (duration in seconds and the share of the wave's median below which an answer is too fast),
        ``identical_run`` (a response scale and the length of a run that is too long), ``even_odd``,
        ``mahalanobis`` and ``low_spread`` (a response scale and a threshold), ``self_report`` (items and the
        answer that lets a response be used). Items that the wave did not ask are passed over.
    keys
        Wave, response and firm columns.

    Returns
    -------
    pandas.DataFrame
        The keys as ``wave, response, firm``, one boolean column a flag, and ``n_flags``. A flag that cannot be
        judged because nothing was answered is false.
    """
    flags = values[list(keys)].set_axis(["wave", "response", "firm"], axis=1)
    if "attention" in settings:
        failed = pd.DataFrame(
            {
                item: values[item].notna() & (as_codes(values[item]) != str(passing))
                for item, passing in settings["attention"]["items"].items()
                if item in values
            },
            index=values.index,
        )
        flags["attention"] = failed.any(axis=1).astype(bool)
    if "speed" in settings:
        rule = settings["speed"]
        # ASSUME a wave that recorded no times flags nobody for speed.
        duration = values.get(rule["duration"], pd.Series(np.nan, index=values.index)).astype("float64")
        flags["speed"] = duration < rule["below_share_of_median"] * duration.median()
        # ASSUME a wave that recorded no page times is judged by its total time alone.
        if "pages" in rule and rule["pages"]["times"] in values:
            flags["speed"] |= find_fast_pages(values[rule["pages"]["times"]], rule["pages"])
    if "identical_run" in settings:
        rule = settings["identical_run"]
        items = [variable.name for variable in choose_items(values, variables, rule)]
        flags["identical_run"] = judge_blocks(find_longest_runs, values[items]) >= rule["at_least"]
    if "even_odd" in settings:
        rule = settings["even_odd"]
        chosen = choose_items(values, variables, rule)
        halves = judge_blocks(lambda part: correlate_halves(part, chosen), values[[item.name for item in chosen]])
        flags["even_odd"] = halves < rule["below"]
    if "mahalanobis" in settings:
        rule = settings["mahalanobis"]
        items = [variable.name for variable in choose_items(values, variables, rule)]
        flags["mahalanobis"] = find_distance_p(values[items]) < rule["p_below"]
    if "low_spread" in settings:
        rule = settings["low_spread"]
        items = [variable.name for variable in choose_items(values, variables, rule)]
        spread = judge_blocks(lambda part: as_numbers(part).std(axis=1, ddof=1), values[items])
        flags["low_spread"] = spread < rule["below"]
    if "self_report" in settings:
        refused = {
            item: values[item].notna() & (as_codes(values[item]) != str(usable))
            for item, usable in settings["self_report"]["items"].items()
            if item in values
        }
        flags["self_report"] = pd.DataFrame(refused, index=values.index).any(axis=1).astype(bool)
    flags["n_flags"] = flags.drop(columns=["wave", "response", "firm"]).sum(axis=1).astype("int64")
    return flags


def split_blocks(table: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Split a table into blocks of rows, so that memory does not grow with it."""
    return (table.iloc[start : start + BLOCK_ROWS] for start in range(0, max(len(table), 1), BLOCK_ROWS))


def judge_blocks(judge: Callable[[pd.DataFrame], pd.Series], answers: pd.DataFrame) -> pd.Series:
    """Judge each row by itself, a block of rows at a time."""
    return pd.concat([judge(block) for block in split_blocks(answers)])


def find_longest_runs(answers: pd.DataFrame) -> pd.Series:
    """Length of the longest run of one and the same answer in each row, unanswered items skipped.

    Examples
    --------
    >>> import pandas as pd
    >>> find_longest_runs(pd.DataFrame([[4, 4, 4, 1], [1, None, 1, 2]])).tolist()
    [3, 2]
    """
    table = answers.to_numpy(dtype="float64", na_value=np.nan)
    longest = np.zeros(len(table), dtype="int64")
    run = np.zeros(len(table), dtype="int64")
    last = np.full(len(table), np.nan)
    for column in table.T:
        there = ~np.isnan(column)
        run = np.where(there, np.where(column == last, run + 1, 1), run)
        last = np.where(there, column, last)
        longest = np.maximum(longest, run)
    return pd.Series(longest, index=answers.index)


def choose_items(values: pd.DataFrame, variables: Sequence[Variable], rule: Mapping[str, Any]) -> list[Variable]:
    """Items that a rule looks at and the wave asked: on its response scale, in its sections, in the order asked."""
    sections = rule.get("sections", [])
    return [
        variable
        for variable in variables
        if variable.scale == rule["response_scale"]
        and variable.name not in rule.get("except", [])
        and (not sections or variable.section in sections)
        and variable.name in values
    ]


def as_numbers(answers: pd.DataFrame) -> pd.DataFrame:
    """Answers as floating-point numbers, NaN where there is none."""
    return pd.DataFrame(answers.to_numpy(dtype="float64", na_value=np.nan), answers.index, answers.columns)


def find_fast_pages(times: pd.Series, rule: Mapping[str, Any]) -> pd.Series:
    """Whether a share of the pages was left sooner than so many seconds an item (Huang et al. 2012).

    Parameters
    ----------
    times
        Text: a JSON list of the seconds on each page; missing or of another length: not judged.
    rule
        ``items`` (number of items on each page), ``seconds_per_item``, ``share``.

    Examples
    --------
    >>> import pandas as pd
    >>> rule = {"items": [5, 10], "seconds_per_item": 2, "share": 0.5}
    >>> find_fast_pages(pd.Series(["[9, 60]", "[10, 20]", None]), rule).tolist()
    [True, False, False]
    """
    limits = rule["seconds_per_item"] * np.array(rule["items"], dtype="float64")

    def is_fast(cell: str) -> bool:
        try:
            seconds = np.array(json.loads(cell), dtype="float64")
        except (ValueError, TypeError):
            return False
        return seconds.shape == limits.shape and bool((seconds < limits).mean() >= rule["share"])

    return times.map(is_fast, na_action="ignore").fillna(False).astype(bool)


def correlate_halves(values: pd.DataFrame, items: Sequence[Variable]) -> pd.Series:
    """Even-odd consistency of each response, corrected for halved length (Spearman-Brown).

    Within each construct the mean of its odd and of its even items, reverse-keyed ones recoded, is taken; the
    correlation r of the two over the constructs gives ``2 r / (1 + r)``, not below -1 (Meade & Craig 2012; Curran
    2016).

    Returns
    -------
    pandas.Series
        Missing where fewer than three constructs have both halves, or where one of the halves does not vary.
    """
    constructs: dict[str, list[Variable]] = {}
    for item in items:
        constructs.setdefault(item.construct, []).append(item)
    halves: list[list[np.ndarray]] = [[], []]
    for members in constructs.values():
        if len(members) >= 2:
            answers = as_numbers(values[[item.name for item in members]])
            for item in members:
                if item.reverse:
                    answers[item.name] = (item.minimum or 0) + (item.maximum or 0) - answers[item.name]
            for half, side in zip(halves, (answers.iloc[:, 0::2], answers.iloc[:, 1::2]), strict=True):
                half.append(side.mean(axis=1).to_numpy())
    if len(halves[0]) < 3:
        return pd.Series(np.nan, index=values.index)
    odd, even = np.column_stack(halves[0]), np.column_stack(halves[1])
    # ASSUME a construct of which one half was not answered says nothing about the response's consistency.
    there = ~(np.isnan(odd) | np.isnan(even))
    count = there.sum(axis=1)
    shared = np.maximum(count, 1)[:, None]
    odd, even = np.where(there, odd, 0), np.where(there, even, 0)
    odd = np.where(there, odd - odd.sum(axis=1, keepdims=True) / shared, 0)
    even = np.where(there, even - even.sum(axis=1, keepdims=True) / shared, 0)
    product = np.sqrt((odd**2).sum(axis=1) * (even**2).sum(axis=1))
    judged = (count >= 3) & (product > 1e-12)
    r = np.divide((odd * even).sum(axis=1), product, out=np.full(len(product), np.nan), where=judged)
    corrected = np.divide(2 * r, 1 + r, out=np.full(len(r), -1.0), where=~(r <= -1 + 1e-12))
    return pd.Series(np.maximum(corrected, -1.0), index=values.index)


def find_distance_p(answers: pd.DataFrame) -> pd.Series:
    """Upper-tail probability of each response's squared Mahalanobis distance from the wave's mean (chi-square).

    ``D2 = (x - m)' S^-1 (x - m)`` with mean and covariance of the wave itself; degrees of freedom: the rank of S.

    Returns
    -------
    pandas.Series
        Missing where nothing was answered, or where the wave has no more responses than items.
    """
    from scipy.special import chdtrc

    unknown = pd.Series(np.nan, index=answers.index)
    counts = answers.notna().sum().to_numpy()
    answers, counts = answers.loc[:, counts > 0], counts[counts > 0]
    if len(answers) <= answers.shape[1] or not answers.shape[1]:
        return unknown
    sums = sum(np.nansum(as_numbers(block).to_numpy(), axis=0) for block in split_blocks(answers))
    mean = sums / counts

    def centre(block: pd.DataFrame) -> np.ndarray:
        # ASSUME an unanswered item adds no distance: the wave's mean stands in for it.
        return np.nan_to_num(as_numbers(block).to_numpy() - mean)

    covariance = sum((part := centre(block)).T @ part for block in split_blocks(answers)) / (len(answers) - 1)
    rank = int(np.linalg.matrix_rank(covariance, hermitian=True))
    if not rank:
        return unknown
    inverse = np.linalg.pinv(covariance, hermitian=True)

    def judge(block: pd.DataFrame) -> pd.Series:
        centred = centre(block)
        distance = np.einsum("ij,ij->i", centred @ inverse, centred)
        return pd.Series(chdtrc(rank, distance), index=block.index).where(block.notna().any(axis=1))

    return judge_blocks(judge, answers)
