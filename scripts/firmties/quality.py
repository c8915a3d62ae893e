"""Flags of careless responding.

Sources of the rules: Meade and Craig (2012), Curran (2016).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from firmties.codebook import Variable
from firmties.formulas import as_codes


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
        ``identical_run`` (a response scale and the length of a run that is too long).
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
            }
        )
        flags["attention"] = failed.any(axis=1).astype(bool)
    if "speed" in settings:
        duration = values[settings["speed"]["duration"]].astype("float64")
        flags["speed"] = duration < settings["speed"]["below_share_of_median"] * duration.median()
    if "identical_run" in settings:
        rule = settings["identical_run"]
        items = [
            variable.name
            for variable in variables
            if variable.scale == rule["response_scale"] and variable.name not in rule.get("except", [])
        ]
        flags["identical_run"] = find_longest_runs(values[items]) >= rule["at_least"]
    flags["n_flags"] = flags.drop(columns=["wave", "response", "firm"]).sum(axis=1).astype("int64")
    return flags


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
