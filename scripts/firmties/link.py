"""Waves stacked into one firm × wave panel."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pandas as pd

from firmties.errors import StudyError, describe_allowed

DISPOSITIONS = {
    "I": "Complete interview",
    "P": "Partial interview",
    "R": "Refusal",
    "NC": "No contact",
    "O": "Other eligible",
    "UH": "Unknown eligibility",
    "UO": "Unknown, other",
    "NE": "Not eligible",
}
"""What became of an invitation: codes of sample files and their names (AAPOR 2023, Standard Definitions)."""


def stack_waves(
    waves: Mapping[int, pd.DataFrame], kinds: Mapping[int, pd.DataFrame], keys: Sequence[str], order: Sequence[str] = ()
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Stack clean waves; keys must be unique.

    Parameters
    ----------
    waves, kinds
        Wave → its clean values, and the kinds of its missing values.
    keys
        Wave, firm and response columns.
    order
        Variables in the codebook's order; columns follow it.

    Returns
    -------
    panel
        One row a firm in a wave, sorted by wave and firm; what a wave did not ask is missing.
    kinds
        The same rows and columns; ``not_asked`` where a wave lacks the variable.

    Raises
    ------
    StudyError
        If a firm comes twice in a wave, or a response key in two waves.

    Examples
    --------
    >>> import pandas as pd
    >>> one = pd.DataFrame({"wave": [1], "firm": ["a"], "response": ["r1"], "x": [2.0]})
    >>> two = pd.DataFrame({"wave": [2], "firm": ["a"], "response": ["r2"]})
    >>> blank = {1: one.astype("str").replace(".*", "", regex=True), 2: two.astype("str").replace(".*", "", regex=True)}
    >>> stack_waves({1: one, 2: two}, blank, ["wave", "firm", "response"])[1]["x"].tolist()
    ['', 'not_asked']
    """
    wave, firm, response = keys
    panel = pd.concat(waves.values(), ignore_index=True)
    why = pd.concat([part.astype("str") for part in kinds.values()], ignore_index=True).fillna("not_asked")
    places = panel.groupby(response)[wave].agg(list)
    twice = places[places.map(len) > 1]
    if len(twice):
        name, waves_found = twice.index[0], twice.iloc[0]
        raise StudyError(
            f"the response key '{response}' must be unique over the waves: {len(twice)} keys come again, "
            f"'{name}' in waves {', '.join(map(str, waves_found))}; was a wave's file registered twice?"
        )
    if panel.duplicated([wave, firm]).any():
        again = panel.loc[panel.duplicated([wave, firm], keep=False)].sort_values([wave, firm]).head(2)
        raise StudyError(
            f"wave {again[wave].iloc[0]}: firm '{again[firm].iloc[0]}' comes twice, with the responses "
            f"'{again[response].iloc[0]}' and '{again[response].iloc[1]}'; where one is of a successor (study: "
            "successor_of), report the merger in the first wave in which the older firm does not answer for itself"
        )
    rank = {name: number for number, name in enumerate(order)}
    columns = [*keys, *sorted((c for c in panel if c not in keys), key=lambda c: rank.get(str(c), len(rank)))]
    rows = panel.sort_values([wave, firm], kind="stable").index
    return panel.loc[rows, columns].reset_index(drop=True), why.loc[rows, columns].reset_index(drop=True)


def stack_tables(tables: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """Stack tables of waves in the waves' order, each with its ``wave``."""
    return pd.concat([table.assign(wave=wave) for wave, table in tables.items()], ignore_index=True)


def check_sample(
    sample: pd.DataFrame, panel: pd.DataFrame, firm: str, files: Mapping[int, str], successors: Collection[str] = ()
) -> None:
    """Refuse a sample file in which a firm comes twice, a disposition is unknown, or a respondent is absent.

    Parameters
    ----------
    successors
        Ids under which successors are followed: such a firm may come twice because its successor is listed, too.
    """
    problems = []
    for wave, file in files.items():
        part = sample[sample["wave"] == wave]
        twice = part.loc[part[firm].duplicated(), firm].unique()
        if len(twice):
            hint = "; its successor is listed too, keep one of the two rows" if twice[0] in successors else ""
            problems.append(f"{file} (wave {wave}): firm '{twice[0]}' comes twice ({len(twice)} firms do){hint}")
        strange = part.loc[~part["disposition"].isin(DISPOSITIONS)]
        if len(strange):
            value, name = strange[["disposition", firm]].fillna("").iloc[0]
            problems.append(
                f"{file} (wave {wave}): disposition '{value}' of firm '{name}' is not allowed; "
                f"allowed: {', '.join(DISPOSITIONS)}"
            )
        answered = panel.loc[panel["wave"] == wave, firm]
        absent = answered[~answered.isin(part[firm])]
        if len(absent):
            problems.append(
                f"{file} (wave {wave}): {len(absent)} firms answered but are not in the sample file, "
                f"such as '{absent.iloc[0]}'"
            )
    if problems:
        raise StudyError(problems)


def find_uninvited(listed: pd.DataFrame, open_link: Sequence[str]) -> pd.Series:
    """Mark the rows of a sample file that came by open link; they were not drawn, so they enter no response rate.

    Raises
    ------
    StudyError
        If types of sample are declared as open links and the sample files have no column ``sample_type``.
    """
    if not open_link:
        return pd.Series(False, index=listed.index)
    if "sample_type" not in listed:
        raise StudyError(
            f"the sample files have no column 'sample_type' (exhibits: open_link: names {', '.join(open_link)}); "
            + describe_allowed("sample_type", listed.columns)
        )
    return listed["sample_type"].isin(open_link)


def find_keys(table: pd.DataFrame, others: pd.DataFrame, firm: str) -> pd.Series:
    """Mark the rows whose wave and firm stand in another table."""
    keys = pd.MultiIndex.from_frame(table[["wave", firm]])
    return pd.Series(keys.isin(pd.MultiIndex.from_frame(others[["wave", firm]])), index=table.index)
