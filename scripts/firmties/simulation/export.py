"""From simulated waves to raw files as they would come: names, units, codes and missing letters of each wave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from firmties.export import Letter

MISSING_LETTERS = {"-97": "a", "-98": "b", "-99": "c"}
BLANK_LETTER = "d"
Labels = dict[Any, str]


def read_codes(text: str) -> dict[str, str]:
    """Read `code=label|code=label`.

    Examples
    --------
    >>> read_codes("1=large firm|2=our firm")
    {'1': 'large firm', '2': 'our firm'}
    """
    return {code: label for code, _, label in (entry.partition("=") for entry in text.split("|"))} if text else {}


def select_asked(codebook: pd.DataFrame, wave: int) -> pd.DataFrame:
    """Select the codebook's rows of one wave; `waves` holds a range (`1-3`), a number, or nothing for all.

    Examples
    --------
    >>> select_asked(pd.DataFrame({"variable": ["a", "b", "c"], "waves": ["", "1-2", "3"]}), 3)["variable"].tolist()
    ['a', 'c']
    """
    first = codebook["waves"].str.split("-").str[0].replace("", "0").astype(int)
    last = codebook["waves"].str.split("-").str[-1].replace("", "99").astype(int)
    return codebook[(first <= wave) & (wave <= last)]


def select_crosswalk(crosswalk: pd.DataFrame, wave: int, action: str) -> pd.DataFrame:
    """Select the crosswalk's rows of one wave and action."""
    return crosswalk[crosswalk["wave"].isin([str(wave), "*"]) & (crosswalk["action"] == action)]


def format_numbers(column: pd.Series) -> pd.Series:
    """Write numbers as text without trailing zeros, NaN as "".

    Examples
    --------
    >>> format_numbers(pd.Series([3.0, 2.5, -97.0, float("nan")])).tolist()
    ['3', '2.5', '-97', '']
    """
    return column.map(lambda value: "" if pd.isna(value) else f"{value:.10g}").astype("str")


def format_table(table: pd.DataFrame) -> pd.DataFrame:
    """Write a table as text, the form in which `read` hands responses on: blank "", times in ISO 8601."""
    columns = {}
    for name, column in table.items():
        if pd.api.types.is_datetime64_any_dtype(column):
            columns[name] = column.dt.strftime("%Y-%m-%dT%H:%M:%S")
        elif pd.api.types.is_numeric_dtype(column):
            columns[name] = format_numbers(column)
        else:
            columns[name] = column
    return pd.DataFrame(columns)


def add_daily(table: pd.DataFrame, daily: pd.DataFrame, wave: int) -> pd.DataFrame:
    """Put 6 (daily) in place of 5 (weekly or more) where the wave's questionnaire had the finer answers."""
    table = table.copy()
    place = table.set_index("resp_id").index
    for alter, rows in daily[daily["wave"] == wave].groupby("alter"):
        variable = f"alt{alter}_freq"
        table[variable] = table[variable].mask(place.isin(rows["resp_id"]) & table[variable].eq(5), 6.0)
    return table


def find_raw_codes(codebook: pd.DataFrame, crosswalk: pd.DataFrame, wave: int) -> dict[str, dict[str, str]]:
    """Find the variables of which the wave's export has other codes throughout: for each, raw code by code.

    A recoding that merges answers (6 into 5) is no such case: the finer answers undo it.
    """
    codes = codebook.set_index("variable")["codes"]
    return {
        str(variable): dict(zip(rows["code"], rows["raw_code"], strict=True))
        for variable, rows in select_crosswalk(crosswalk, wave, "recode").groupby("variable")
        if set(read_codes(codes[variable])) <= set(rows["code"])
    }


def export_wave(
    table: pd.DataFrame,
    daily: pd.DataFrame,
    wave: int,
    codebook: pd.DataFrame,
    crosswalk: pd.DataFrame,
    constant_columns: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Turn a simulated wave into the raw export of that wave: the crosswalk, backwards.

    Parameters
    ----------
    table : pandas.DataFrame
        A wave of `simulate_survey`.
    daily : pandas.DataFrame
        Its table `daily`.
    wave : int
    codebook, crosswalk : pandas.DataFrame
        All columns as text, blank "".
    constant_columns : mapping, optional
        Columns that the export holds beside the answers.

    Returns
    -------
    pandas.DataFrame
        Columns in the order asked, under the wave's names; numbers float with -97, -98, -99 as they are.
    """
    table = add_daily(table, daily, wave)[select_asked(codebook, wave)["variable"].tolist()].copy()
    for row in select_crosswalk(crosswalk, wave, "multiply").itertuples():
        column = table[row.variable]
        table[row.variable] = column.mask(column.ge(0), (column / float(str(row.factor))).round(6))
    for variable, raw_codes in find_raw_codes(codebook, crosswalk, wave).items():
        table[variable] = pd.to_numeric(table[variable].replace(raw_codes))
    names = select_crosswalk(crosswalk, wave, "rename").set_index("variable")["raw_name"].to_dict()
    table = table.rename(columns=names)
    for place, (name, value) in enumerate((constant_columns or {}).items()):
        table.insert(place + 1, name, value)
    return table


def describe_columns(
    raw: pd.DataFrame,
    wave: int,
    codebook: pd.DataFrame,
    crosswalk: pd.DataFrame,
    response_scales: Mapping[str, Mapping[str, Any]],
    missing_labels: Mapping[str, str],
) -> tuple[dict[str, str | None], dict[str, Labels]]:
    """Describe the raw columns as a statistics package stores it: a label each, and labels of the codes.

    Returns
    -------
    column_labels : dict
    value_labels : dict
        By raw column; numeric codes for numeric columns, texts for text columns. Missing codes are labelled too.
    """
    names = select_crosswalk(crosswalk, wave, "rename").set_index("raw_name")["variable"].to_dict()
    rows, raw_codes = codebook.set_index("variable"), find_raw_codes(codebook, crosswalk, wave)
    column_labels: dict[str, str | None] = {}
    value_labels: dict[str, Labels] = {}
    for name in raw.columns:
        variable = names.get(name, name)
        if variable not in rows.index:
            continue
        entry = rows.loc[variable]
        column_labels[name] = str(entry["question"])
        if entry["scale"]:
            labels = {str(code): label for code, label in response_scales[entry["scale"]]["labels"].items()}
        elif entry["type"] == "boolean":
            labels = {"0": "no", "1": "yes"}
        elif entry["type"] == "multiple":
            continue
        else:
            renamed = raw_codes.get(variable, {})
            labels = {renamed.get(code, code): label for code, label in read_codes(str(entry["codes"])).items()}
        if not pd.api.types.is_numeric_dtype(raw[name]):
            value_labels[name] = dict(labels)
        elif labels or raw[name].lt(0).any():
            value_labels[name] = {int(code): label for code, label in (labels | dict(missing_labels)).items()}
    return column_labels, {name: labels for name, labels in value_labels.items() if labels}


def find_missing_ranges(raw: pd.DataFrame) -> dict[str, list[Any]]:
    """Find the user-missing values to declare in an SPSS file: -99 to -97 for numbers, each code for texts."""
    ranges: dict[str, list[Any]] = {}
    for name, column in raw.items():
        if pd.api.types.is_numeric_dtype(column):
            if column.lt(0).any():
                ranges[str(name)] = [{"lo": -99, "hi": -97}]
        elif not pd.api.types.is_datetime64_any_dtype(column) and column.isin(list(MISSING_LETTERS)).any():
            ranges[str(name)] = list(MISSING_LETTERS)
    return ranges


def use_missing_letters(
    raw: pd.DataFrame, value_labels: Mapping[str, Labels]
) -> tuple[pd.DataFrame, dict[str, Labels], dict[str, list[str]]]:
    """Put Stata's extended missing values in place of -97, -98, -99 and blanks: .a, .b, .c, .d.

    In columns of text the letters are texts (`.a`), and a blank stays one.

    Returns
    -------
    table : pandas.DataFrame
        Columns of numbers with letters are objects.
    value_labels : dict
    missing : dict
        Letters by column, as `pyreadstat.write_dta` takes them.
    """
    # ASSUME: a blank number is .d, not the system missing value: pyreadstat (1.3.7) reads that of an integer column
    # with letters as some number, and twice as large a file would be the price of columns of floats.
    letters: dict[float, str] = {float(code): letter for code, letter in MISSING_LETTERS.items()}
    columns: dict[str, pd.Series] = {}
    missing: dict[str, list[str]] = {}
    for name, column in raw.items():
        if pd.api.types.is_datetime64_any_dtype(column):
            columns[str(name)] = column
        elif not pd.api.types.is_numeric_dtype(column):
            columns[str(name)] = column.replace({code: f".{letter}" for code, letter in MISSING_LETTERS.items()})
        else:
            answered = column[column.ge(0)]
            kind = int if (answered.round() == answered).all() else float
            special = column.fillna(0).lt(0) | column.isna()
            values: list[Any] = [
                (BLANK_LETTER if pd.isna(value) else letters[value]) if lacks else kind(value)
                for value, lacks in zip(column, special, strict=True)
            ]
            if special.any():
                first = int(special.to_numpy().argmax())
                values[first] = Letter(values[first].encode())
                missing[str(name)] = [*letters.values(), BLANK_LETTER]
            columns[str(name)] = pd.Series(values, column.index, dtype=object if special.any() else kind)
    # Stata has no labels for the values of texts, and pyreadstat none for letters that a column does not hold.
    labels = {
        name: {letters.get(float(code), code): label for code, label in entries.items() if code >= 0 or name in missing}
        | ({BLANK_LETTER: "no answer"} if name in missing else {})
        for name, entries in value_labels.items()
        if pd.api.types.is_numeric_dtype(raw[name])
    }
    return pd.DataFrame(columns), labels, missing
