"""From the text of one wave's export to typed values, with the reason for everything that is missing or gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import compress
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from firmties.cells import list_different
from firmties.choices import (
    BLANK,
    NONE_CHOSEN,
    NOT_ASKED,
    join_choices,
    list_offered,
    list_wanted,
    recode_cell,
    split_choices,
)
from firmties.codebook import MISSING_KINDS, NUMERIC_TYPES, Variable
from firmties.errors import MOST_PROBLEMS, StudyError, describe_allowed
from firmties.expressions import ExpressionError, evaluate
from firmties.panel import rename_firms
from firmties.quality import flag_responses
from firmties.readers import write_plainly

LEDGER = ["wave", "response", "firm", "variable", "rule", "value_before", "reason", "version"]
KIND = pd.CategoricalDtype(["", *MISSING_KINDS, "not_asked", "lost"])
TRUTH = {"0": False, "1": True, "false": False, "true": True, "no": False, "yes": True}


@dataclass
class CleanWave:
    """One clean wave: its values, the kinds of its missing values, its flags and its ledger."""

    values: pd.DataFrame
    kinds: pd.DataFrame
    flags: pd.DataFrame
    ledger: pd.DataFrame


def clean_wave(
    responses: pd.DataFrame,
    labels: Mapping[str, Any],
    variables: Sequence[Variable],
    crosswalk: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
) -> CleanWave:
    """Clean one wave.

    The steps are those of the methods section: apply the crosswalk, tell missing codes from answers, read
    types, check codes and ranges, exclude responses, set implausible values missing, recode
    reverse-keyed items.

    Parameters
    ----------
    responses
        The export as text, from :func:`firmties.readers.read_wave`.
    labels
        What the format carried; file name, user-missing ranges, columns with a decimal comma, and which columns are
        the choices of which question are used. A question of which codebook or crosswalk know the name is read from
        them, those left out that codebook or crosswalk name themselves.
    variables
        The codebook's variables that this wave asked.
    crosswalk
        The crosswalk's rows for this wave.
    settings
        ``wave`` (the entry of ``waves:``), ``study`` (names of the keys), ``missing_codes``, ``cleaning``,
        ``quality_flags``, ``version`` (of the last two; the ledger names it).

    Returns
    -------
    CleanWave
        ``values``: one row a firm; numbers as float64 or Int64, choices as boolean, codes as text; reverse-keyed items
        recoded to ``minimum + maximum - x``, the answer as given in ``<variable>_raw``. ``kinds``: same shape,
        ``""`` or why a value is missing. ``flags``: a row for each response that reached the flag step. ``ledger``:
        a row for each response or value that went.

    Raises
    ------
    StudyError
        Lists every unknown or missing column, unknown code, unreadable value, value out of range, and duplicated key.
    """
    wave = int(settings["wave"]["id"])
    where = f"{labels['file']} (wave {wave})"
    asked = [variable for variable in variables if variable.name != "wave"]
    claimed = [variable.name for variable in asked] + [row["raw_name"] for row in crosswalk]
    wanted = list_wanted(labels.get("choices", {}), asked, crosswalk)
    responses, labels = join_choices(responses, labels, wanted, claimed)
    carried = rename_labels(labels, crosswalk)
    text, factors = apply_crosswalk(responses, crosswalk, where, list_separators(asked, carried))
    check_columns(text, asked, where, wave)
    values, kinds = read_values(text, asked, factors, carried, settings, where)
    values, kinds = add_keys(values, kinds, text, settings["study"], wave, where)
    ledger = Ledger(wave, settings["study"], settings.get("version", 1))
    raw_row = text["raw_row"]
    # What a million responses said takes more memory as text than as values.
    del responses, text
    values, kinds = drop_out_of_range(values, kinds, asked, raw_row, settings, ledger, where)
    values, flags = exclude_responses(values, asked, settings, ledger, where)
    check_count(len(raw_row), len(values), ledger.as_table(), where)
    check_keys(values, settings["study"], where)
    values, kinds = set_missing(values, kinds.loc[values.index], settings, ledger, where)
    values, kinds = reverse_items(values, kinds, asked)
    return CleanWave(
        values.reset_index(drop=True), kinds.reset_index(drop=True), flags.reset_index(drop=True), ledger.as_table()
    )


class Ledger:
    """Collects what goes from one wave."""

    def __init__(self, wave: int, study: Mapping[str, Any], version: int = 1) -> None:
        self.wave = wave
        self.version = version
        self.response = study.get("response", "response")
        self.firm = study["firm"]
        self.parts: list[pd.DataFrame] = []

    def add(
        self,
        gone: pd.DataFrame,
        rule: str,
        reason: str | pd.Series,
        variable: str = "",
        before: pd.Series | None = None,
    ) -> None:
        """Enter the rows of a table: whole responses, or one variable's values."""
        if len(gone):
            self.parts.append(
                pd.DataFrame(
                    {
                        "wave": self.wave,
                        "response": gone[self.response].astype("str"),
                        "firm": gone[self.firm].astype("str"),
                        "variable": variable,
                        "rule": rule,
                        "value_before": "" if before is None else before.map(write_plainly),
                        "reason": reason,
                        "version": self.version,
                    }
                )
            )

    def as_table(self) -> pd.DataFrame:
        """Return the ledger, a row an entry, in the order of the steps."""
        if not self.parts:
            return pd.DataFrame(
                {name: pd.Series(dtype="int64" if name in ("wave", "version") else "str") for name in LEDGER}
            )
        return pd.concat(self.parts, ignore_index=True)[LEDGER]


def apply_crosswalk(
    responses: pd.DataFrame,
    crosswalk: Iterable[Mapping[str, Any]],
    where: str,
    separators: Mapping[str, str] = MappingProxyType({}),
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Give columns and codes the codebook's names; return the table and the factors of units.

    Cells of the variables in `separators`, those of several answers, are recoded choice by choice.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [{"action": "rename", "raw_name": "q1", "variable": "plan"},
    ...         {"action": "recode", "variable": "plan", "raw_code": "9", "code": "2"}]
    >>> apply_crosswalk(pd.DataFrame({"q1": ["1", "9"]}), rows, "wave1.csv")[0]["plan"].tolist()
    ['1', '2']
    """
    rows = list(crosswalk)
    problems = [
        f"{where}: data/crosswalk.csv names a column '{row['raw_name']}' that the file does not have; "
        f"{describe_allowed(row['raw_name'], responses.columns)}"
        for row in rows
        if row["action"] in ("rename", "ignore") and row["raw_name"] not in responses
    ]
    moved = {row["raw_name"] for row in rows if row["action"] in ("rename", "ignore")}
    problems += [
        f"{where}: data/crosswalk.csv renames '{row['raw_name']}' to '{row['variable']}', a column of the file "
        "already; ignore one of the two"
        for row in rows
        if row["action"] == "rename" and row["variable"] in set(responses) - moved
    ]
    if problems:
        raise StudyError(problems)
    text = responses.drop(columns=[row["raw_name"] for row in rows if row["action"] == "ignore"])
    text = text.rename(columns={row["raw_name"]: row["variable"] for row in rows if row["action"] == "rename"})
    codes: dict[str, dict[str, str]] = {}
    for row in rows:
        if row["action"] == "recode":
            codes.setdefault(row["variable"], {})[row["raw_code"]] = row["code"]
    recoded = {
        name: recode_choices(text[name], changes, separators[name])
        if name in separators
        else text[name].replace(changes)
        for name, changes in codes.items()
        if name in text
    }
    factors = {row["variable"]: float(row["factor"]) for row in rows if row["action"] == "multiply"}
    return text.assign(**recoded), factors


def recode_choices(cells: pd.Series, changes: Mapping[str, str], separator: str) -> pd.Series:
    """Recode cells of several answers, choice by choice; ``blank`` stands for a cell without an answer."""
    changes = {("" if code == BLANK else code): new for code, new in changes.items()}
    places, different = list_different(cells)
    recoded = pd.array([recode_cell(cell, changes, separator) for cell in different], dtype="str")
    return pd.Series(recoded.take(places), index=cells.index)


def list_separators(variables: Iterable[Variable], carried: Mapping[str, Any]) -> dict[str, str]:
    """Variable of several answers → what stands between its codes in a cell."""
    return {
        variable.name: "|" if variable.name in carried["offered"] else variable.separator or "|"
        for variable in variables
        if variable.type == "multiple"
    }


def rename_labels(labels: Mapping[str, Any], crosswalk: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the file says of its cells, by the codebook's names.

    User-missing ranges, columns with a decimal comma, and the choices that it has columns for.
    """
    names = {row["raw_name"]: row["variable"] for row in crosswalk if row["action"] == "rename"}
    return {
        "user_missing": {names.get(raw, raw): spans for raw, spans in labels.get("user_missing", {}).items()},
        "decimal_comma": {names.get(raw, raw) for raw in labels.get("decimal_comma", [])},
        "offered": list_offered(labels, crosswalk),
    }


def check_columns(text: pd.DataFrame, asked: Sequence[Variable], where: str, wave: int) -> None:
    """Refuse a file with columns that nobody described, or without columns that its wave asked."""
    names = [variable.name for variable in asked]
    unknown = [name for name in text.columns if name not in {*names, "raw_row", "wave"}]
    missing = [name for name in names if name not in text.columns]
    # The nearest match is looked for as far as a message lists them: of 40,000 columns it takes a minute.
    problems = [
        f"{where}: column '{name}' is not in data/codebook.csv for wave {wave}; add a row there, or rename or "
        "ignore it in data/crosswalk.csv"
        + (f"; {describe_allowed(name, missing or names, at_most=6)}" if place < MOST_PROBLEMS else "")
        for place, name in enumerate(unknown)
    ] + [
        f"{where}: no column for variable '{name}', which data/codebook.csv says wave {wave} asked; correct "
        f"its waves, or rename a column to it in data/crosswalk.csv; {describe_allowed(name, unknown, at_most=6)}"
        for name in missing
    ]
    if problems:
        raise StudyError(problems)
    if "wave" in text and set(text["wave"]) - {str(wave), ""}:
        raise StudyError(
            f"{where}: column 'wave' holds {', '.join(sorted(set(text['wave']) - {str(wave)})[:5])}; this file is "
            f"registered as wave {wave} (pick its rows with waves: where: in config.yaml)"
        )


def read_values(
    text: pd.DataFrame,
    asked: Sequence[Variable],
    factors: Mapping[str, float],
    labels: Mapping[str, Any],
    settings: Mapping[str, Any],
    where: str,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read every variable's type, telling missing codes from answers; all faults are raised at once."""
    shared = {**settings.get("missing_codes", {}), **settings["wave"].get("missing_codes", {})}
    values: dict[str, pd.Series] = {}
    kinds: dict[str, pd.Series] = {}
    problems: list[str] = []
    for variable in asked:
        cells = text[variable.name]
        reasons = {
            code: kind for code, kind in {**shared, **variable.missing_codes}.items() if code not in variable.codes
        }
        reasons[""] = variable.missing_codes.get(BLANK, "no_answer")
        offered = labels["offered"].get(variable.name)
        if offered is not None:
            variable = replace(variable, separator="|")
            reasons[NOT_ASKED] = "not_asked"
            within = lies_within(pd.Series(offered, dtype="object"), labels["user_missing"].get(variable.name, []))
            known = {*variable.codes, *reasons, *compress(offered, within)}
            if strange := [code for code in offered if code not in known]:
                problems.append(f"{where}: {variable.name}: {describe_strange(strange, variable)}")
                continue
        places, different = list_different(cells)
        kind = find_kinds(different, reasons, variable.type in NUMERIC_TYPES)
        spans = labels["user_missing"].get(variable.name, [])
        # ASSUME a value that the file itself declares missing, under a code that nobody described, is no answer.
        if spans:
            kind = kind.mask((kind == "") & lies_within(different, spans), "no_answer")
        answered = kind == ""
        try:
            decimal = settings["wave"].get("decimal") or ("," if variable.name in labels["decimal_comma"] else ".")
            lacking = find_lacking(different, reasons, spans) if variable.type == "multiple" else {}
            columns = read_type(different[answered], replace(variable, missing_codes=lacking), decimal)
        except ValueError as error:
            problems.append(f"{where}: {variable.name}: {error}{locate(cells, error, text)}")
            continue
        if variable.name in factors and variable.type not in NUMERIC_TYPES:
            problems.append(
                f"{where}: {variable.name}: data/crosswalk.csv multiplies it, but its type is {variable.type}"
            )
            continue
        for name, column in columns.items():
            read = (column * factors[name] if name in factors else column).reindex(different.index)
            why = kind
            if offered is not None or lacking:
                code = name.removeprefix(f"{variable.name}__")
                own = [find_kind_of_choice(cell, code, lacking) for cell in different]
                why = kind.mask(read.isna() & answered, pd.Series(own, dtype=KIND))
                if offered is not None and code not in {*offered, NONE_CHOSEN}:
                    read, why = read.mask(answered), kind.mask(answered, "not_asked")
            values[name] = read.take(places).set_axis(text.index)
            kinds[name] = why.take(places).set_axis(text.index)
    if problems:
        raise StudyError(problems)
    return pd.DataFrame(values, index=text.index), pd.DataFrame(kinds, index=text.index)


def find_lacking(cells: Iterable[str], reasons: Mapping[str, str], spans: Sequence[Sequence[str]]) -> dict[str, str]:
    """Missing codes of single choices (``grant=-9``) → their kind.

    Examples
    --------
    >>> find_lacking(["loan|grant=-9", "loan=7"], {"-9": "refused"}, [])
    {'-9': 'refused'}
    """
    said = sorted({part.partition("=")[2] for cell in cells if "=" in cell for part in cell.split("|")} - {""})
    within = lies_within(pd.Series(said, dtype="object"), spans)
    kinds = {code: reasons.get(code, "no_answer" if inside else "") for code, inside in zip(said, within, strict=True)}
    return {code: kind for code, kind in kinds.items() if kind}


def find_kind_of_choice(cell: str, code: str, lacking: Mapping[str, str]) -> str:
    """Why one choice of a cell has no value; ``""`` if it has."""
    return next(
        (lacking.get(part.partition("=")[2], "") for part in cell.split("|") if part.startswith(f"{code}=")), ""
    )


def find_kinds(different: pd.Series, reasons: Mapping[str, str], numeric: bool) -> pd.Series:
    """Kinds of some different cells: why a code stands for no answer, ``""`` where there is one.

    Examples
    --------
    >>> find_kinds(pd.Series(["3", "-9.0", ""]), {"-9": "refused", "": "no_answer"}, True).tolist()
    ['', 'refused', 'no_answer']
    """
    near = different.isin(reasons)
    if numeric:
        near |= different.str.endswith("0") & different.str.contains(".", regex=False)
    plain = strip_zeros if numeric else str
    found = pd.Series([reasons.get(plain(cell), "") for cell in different[near]], different.index[near], dtype=KIND)
    return found.reindex(different.index, fill_value="")


def strip_zeros(cell: str) -> str:
    """Write a number without the zeros that mean nothing, so that -9.0 is the code -9; other text stays.

    Examples
    --------
    >>> [strip_zeros(cell) for cell in ("-9.0", "2.50", "100", ".a", "")]
    ['-9', '2.5', '100', '.a', '']
    """
    return cell.rstrip("0").rstrip(".") if "." in cell.lstrip("-.") and cell[-1:].isdigit() else cell


def lies_within(cells: pd.Series, spans: Sequence[Sequence[str]]) -> pd.Series:
    """Whether a value lies in one of the ranges (low, high), both ends included."""
    inside = pd.Series(False, index=cells.index)
    numbers = read_numbers(cells)
    for low, high in spans:
        try:
            inside |= numbers.between(float(low), float(high))
        except ValueError:
            inside |= cells.between(low, high)
    return inside


class UnreadableValuesError(ValueError):
    """Values that do not fit their variable; ``bad`` holds them."""

    def __init__(self, message: str, bad: Iterable[str]) -> None:
        self.bad = list(dict.fromkeys(bad))
        listed = ", ".join(f"'{value}'" for value in self.bad[:5]) + (" and others" if len(self.bad) > 5 else "")
        super().__init__(f"{listed} {message}")


def locate(cells: pd.Series, error: ValueError, text: pd.DataFrame) -> str:
    """Name the first rows that hold an unreadable value."""
    rows = text.loc[cells.isin(getattr(error, "bad", [])), "raw_row"].tolist()
    listed = ", ".join(map(str, rows[:5])) + (f" and {len(rows) - 5} more" if len(rows) > 5 else "")
    return f" (data row{'s' if len(rows) != 1 else ''} {listed})" if rows else ""


def read_type(cells: pd.Series, variable: Variable, decimal: str = ".") -> dict[str, pd.Series]:
    """Read the answered cells of one variable.

    Parameters
    ----------
    cells
        Text, none blank, none a missing code.
    variable
        Its row of the codebook.
    decimal
        The decimal mark of the file.

    Returns
    -------
    dict
        Column name → values; a multi-select answer gives one boolean column a choice, any other variable one column.

    Raises
    ------
    UnreadableValuesError
        Names the values that do not fit, and what is allowed.

    Examples
    --------
    >>> import pandas as pd
    >>> from firmties.codebook import Variable
    >>> kinds = Variable("fin", type="multiple", codes={"loan": "a loan", "grant": "a grant"})
    >>> read_type(pd.Series(["loan|grant", "none"]), kinds)["fin__loan"].tolist()
    [True, False]
    """
    name = variable.name
    if variable.type in ("number", "integer") or (variable.type == "ordinal" and are_whole_numbers(variable.codes)):
        numbers = read_numbers(cells.str.replace(decimal, ".", regex=False) if decimal != "." else cells)
        unreadable = numbers.isna() | np.isinf(numbers)
        thousands = decimal == "," and cells.str.fullmatch(r"-?[1-9]\d{0,2}(?:\.\d{3})+")
        unreadable |= thousands
        if unreadable.any():
            comma = cells[unreadable].str.fullmatch(r"-?\d+,\d+").any() and decimal == "."
            hint = "with a decimal comma, say so with waves: decimal: ','; " if comma else ""
            hint = "beside a decimal comma, a point may mark thousands; " if np.any(thousands) else hint
            raise UnreadableValuesError(
                f"cannot be read as a number; {hint}{describe_expected(variable)}", cells[unreadable]
            )
        if variable.type == "number":
            return {name: numbers.astype("float64")}
        if (numbers % 1 != 0).any():
            raise UnreadableValuesError("should be a whole number", cells[numbers % 1 != 0])
        whole = numbers.astype("int64").astype("Int64")
        if variable.type == "ordinal":
            known = {int(float(code)) for code in variable.codes}
            check_codes(cells, whole.isin(known), variable)
        return {name: whole}
    if variable.type in ("category", "ordinal"):
        check_codes(cells, cells.isin(variable.codes), variable)
        return {name: cells.astype("str")}
    if variable.type == "boolean":
        truth = cells.str.lower().map(TRUTH)
        if truth.isna().any():
            raise UnreadableValuesError("should be 1 or 0, true or false", cells[truth.isna()])
        return {name: truth.astype("boolean")}
    if variable.type == "multiple":
        return read_choices(cells, variable)
    if variable.type == "datetime":
        # Times of several offsets, as summer time makes them, are only comparable as UTC.
        times = pd.to_datetime(cells, errors="coerce", format="ISO8601", utc=True).dt.tz_localize(None)
        if times.isna().any():
            raise UnreadableValuesError("should be a date or time like 2024-03-01T12:30:00", cells[times.isna()])
        return {name: times}
    return {name: cells.astype("str")}


def read_numbers(cells: pd.Series) -> pd.Series:
    """Read text as numbers: what :func:`pandas.to_numeric` reads, but faster; missing where it is none.

    Examples
    --------
    >>> read_numbers(pd.Series(["1", "2"])).tolist(), read_numbers(pd.Series(["1.5", "x"])).tolist()
    ([1, 2], [1.5, nan])
    """
    text = pa.array(cells, pa.large_string())
    try:
        numbers = pc.cast(text, pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return pd.to_numeric(cells, errors="coerce")
    if np.isfinite(numbers).all() and (numbers % 1 == 0).all():
        with suppress(pa.ArrowInvalid):
            # Whole numbers keep every digit.
            numbers = pc.cast(text, pa.int64()).to_numpy(zero_copy_only=False)
    return pd.Series(numbers, index=cells.index)


def are_whole_numbers(codes: Iterable[str]) -> bool:
    """Whether every code is a whole number."""
    try:
        return all(float(code).is_integer() for code in codes)
    except ValueError:
        return False


def describe_expected(variable: Variable) -> str:
    """Say which values a numeric variable takes."""
    if variable.codes:
        return f"its codes are {', '.join(variable.codes)}"
    if variable.minimum is not None or variable.maximum is not None:
        low, high = (("…" if end is None else f"{end:g}") for end in (variable.minimum, variable.maximum))
        return f"it runs from {low} to {high}"
    return "correct the file, or give the code in missing_codes:"


def check_codes(cells: pd.Series, known: pd.Series, variable: Variable) -> None:
    """Refuse codes that the codebook does not list."""
    if not known.all():
        bad = cells[~known]
        raise UnreadableValuesError(
            "is no code of this variable: add it to data/codebook.csv or recode it in data/crosswalk.csv; "
            + describe_allowed(bad.iloc[0], variable.codes),
            bad,
        )


def read_choices(cells: pd.Series, variable: Variable) -> dict[str, pd.Series]:
    """Read a multi-select answer as one boolean column a choice; ``none`` alone stands for no choice.

    A choice's label stands for its code, so that one that holds the separator can be told. ``grant=-9`` says that one
    choice has no answer, if -9 is a missing code of the variable.
    """
    separator = variable.separator or "|"
    codes = {label: code for code, label in variable.codes.items()} | {code: code for code in variable.codes}
    lacking: list[set[str]] = []
    picked: list[set[str]] = []
    for cell in cells:
        parts = split_choices(cell, separator, codes)
        gone = {part for part in parts if part.partition("=")[2] in variable.missing_codes and part not in codes}
        lacking.append({part.partition("=")[0] for part in gone})
        picked.append({codes.get(part, part) for part in parts if part not in gone})
    strange = sorted({part for parts in picked for part in parts} - {*variable.codes, NONE_CHOSEN})
    if strange:
        bad = [cell for cell, parts in zip(cells, picked, strict=True) if parts & set(strange)]
        raise UnreadableValuesError(describe_strange(strange, variable), bad)
    return {
        f"{variable.name}__{code}": pd.Series(
            [None if code in gone else code in parts for gone, parts in zip(lacking, picked, strict=True)],
            index=cells.index,
            dtype="boolean",
        )
        for code in variable.codes
    }


def describe_strange(strange: Sequence[str], variable: Variable) -> str:
    """Say which choices the codebook does not list, and the likeliest of those that it does."""
    return (
        f"holds choices that the codebook does not list ({', '.join(strange[:5])}); add them to data/codebook.csv or "
        f"recode them in data/crosswalk.csv; {describe_allowed(strange[0], variable.codes)}"
    )


def add_keys(
    values: pd.DataFrame, kinds: pd.DataFrame, text: pd.DataFrame, study: Mapping[str, Any], wave: int, where: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Put wave, firm key and response key first; refuse blank and repeated keys.

    A study whose exports have no response number gets one made of wave and firm,
    counted up where a firm answered twice.
    """
    firm, response = study["firm"], study.get("response", "response")
    there = pd.Series("", index=kinds.index, dtype=KIND)
    if values[firm].isna().any():
        rows = text.loc[values[firm].isna(), "raw_row"].tolist()
        raise StudyError(f"{where}: the firm key '{firm}' is blank in data rows {', '.join(map(str, rows[:5]))}")
    if response not in values:
        again = values.groupby(firm).cumcount()
        made = f"{wave}-" + text[firm] + again.map(lambda count: f"-{count + 1}" if count else "")
        values, kinds = values.assign(**{response: made.astype("str")}), kinds.assign(**{response: there})
    if values[response].isna().any():
        rows = text.loc[values[response].isna(), "raw_row"].tolist()
        raise StudyError(
            f"{where}: the response key '{response}' is blank in data rows {', '.join(map(str, rows[:5]))}"
        )
    repeated = values[response][values[response].duplicated(keep=False)]
    if len(repeated):
        raise StudyError(
            f"{where}: the response key '{response}' is not unique: {', '.join(repeated.astype('str').unique()[:5])} "
            f"(data rows {', '.join(map(str, text.loc[repeated.index, 'raw_row'].tolist()[:6]))}); a response "
            "may come once in a file"
        )
    order = ["wave", firm, response]
    values = values.assign(wave=wave)
    kinds = kinds.assign(wave=there)
    return (
        values[order + [name for name in values if name not in order]],
        kinds[order + [name for name in values if name not in order]],
    )


def drop_out_of_range(
    values: pd.DataFrame,
    kinds: pd.DataFrame,
    asked: Sequence[Variable],
    raw_row: pd.Series,
    settings: Mapping[str, Any],
    ledger: Ledger,
    where: str,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Stop at values outside the codebook's range, or set them missing where the configuration says so."""
    if settings.get("cleaning", {}).get("out_of_range", "stop") == "stop":
        check_ranges(values, asked, raw_row, where)
    kept, gone = {}, {}
    for variable, low, high, outside in find_out_of_range(values, asked):
        name = variable.name
        ledger.add(values[outside], "out of range", f"outside {low:g} to {high:g}", name, values.loc[outside, name])
        kept[name] = values[name].mask(outside)
        gone[name] = kinds[name].mask(outside, "lost")
    return values.assign(**kept), kinds.assign(**gone)


def find_out_of_range(
    values: pd.DataFrame, asked: Sequence[Variable]
) -> Iterator[tuple[Variable, float, float, pd.Series]]:
    """Yield each number with values outside the codebook's range: variable, range, which rows."""
    for variable in asked:
        if variable.type in ("number", "integer") and variable.name in values:
            column = values[variable.name]
            low = -np.inf if variable.minimum is None else variable.minimum
            high = np.inf if variable.maximum is None else variable.maximum
            outside = column.notna() & ~column.between(low, high).fillna(True).astype(bool)
            if outside.any():
                yield variable, low, high, outside


def check_ranges(values: pd.DataFrame, asked: Sequence[Variable], raw_row: pd.Series, where: str) -> None:
    """Stop at values outside the codebook's range."""
    problems = []
    for variable, low, high, outside in find_out_of_range(values, asked):
        shown = ", ".join(f"{value:g}" for value in values.loc[outside, variable.name].head(5))
        problems.append(
            f"{where}: {variable.name}: {shown} outside its range {low:g} to {high:g} (data rows "
            f"{', '.join(map(str, raw_row[outside].head(5)))}); correct the range in data/codebook.csv, recode it "
            "in data/crosswalk.csv, or set cleaning: out_of_range: missing"
        )
    if problems:
        raise StudyError(problems)


def exclude_responses(
    values: pd.DataFrame, asked: Sequence[Variable], settings: Mapping[str, Any], ledger: Ledger, where: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Apply the exclusion rules in their order; each response that goes has a row in the ledger."""
    cleaning, flag_settings = settings.get("cleaning", {}), settings.get("quality_flags", {})
    keys = ["wave", ledger.response, ledger.firm]
    flags = None
    kept = pd.Series(True, index=values.index)
    reason: str | pd.Series
    for rule in cleaning.get("exclude", []):
        left = values if kept.all() else values[kept]
        if "keep" in rule:
            gone = find_duplicates(left, ledger.firm, rule["keep"], cleaning.get("duplicates", {}))
            reason = f"another response of the firm was kept: {', then '.join(rule['keep'])}"
        elif "flags_at_least" in rule:
            flags = flag_responses(left, asked, flag_settings, keys)
            raised = flags.drop(columns=["wave", "response", "firm", "n_flags"])
            counted = raised[rule["counted"]] if rule.get("counted") else raised
            gone = counted.sum(axis=1).ge(rule["flags_at_least"]) | raised[rule.get("or_any", [])].any(axis=1)
            # Joined column by column: as fast for a million responses as for ten.
            named = pd.Series("", index=raised.index[gone], dtype="object")
            for name, flag in raised[gone].items():
                named = named + flag.map({True: f", {name}", False: ""})
            named = named.str.removeprefix(", ")
            reason = f"{rule['flags_at_least']} or more quality flags: " + named
        else:
            gone = evaluate_condition(rule["when"], left, f"cleaning: exclude: {rule['rule']}", where)
            reason = rule["when"]
        ledger.add(left[gone], rule["rule"], reason)
        kept &= ~gone.reindex(kept.index, fill_value=False)
        del left  # the next is as large
    if not kept.any():
        raise StudyError(
            f"{where}: no response is left after cleaning: exclude: in config.yaml; see the ledger's rules"
        )
    values = values[kept]
    return values, flag_responses(values, asked, flag_settings, keys) if flags is None else flags


def evaluate_condition(condition: str, table: pd.DataFrame, key: str, where: str) -> pd.Series:
    """Rows for which a condition surely holds; unknown counts as not."""
    try:
        return evaluate(condition, table).astype("boolean").fillna(False).astype(bool)
    except ExpressionError as error:
        raise StudyError(f"{where}: {key}: {error}") from error


def find_duplicates(values: pd.DataFrame, firm: str, keep: Sequence[str], settings: Mapping[str, Any]) -> pd.Series:
    """Mark all but one response of each firm.

    ``complete`` prefers the response with most answers, ``senior`` the informant named first in ``senior: order``,
    ``latest`` the last to submit; later rules break the ties of earlier ones, then the order of the file.
    """
    preference = pd.DataFrame(index=values.index)
    for number, rule in enumerate(keep):
        if rule == "complete":
            preference[number] = -values.notna().sum(axis=1)
        elif rule == "senior":
            order = {role: rank for rank, role in enumerate(settings["senior"]["order"])}
            preference[number] = values[settings["senior"]["variable"]].map(order).fillna(len(order)).astype("int64")
        else:
            preference[number] = -pd.to_numeric(values[settings["latest"]].rank(na_option="top"))
    best = preference.sort_values(list(preference.columns), kind="stable").index
    return values.loc[best].duplicated(firm).reindex(values.index)


def check_count(rows: int, kept: int, ledger: pd.DataFrame, where: str) -> None:
    """Refuse to go on if rows in are not rows kept plus rows of the ledger: a response went without a reason."""
    gone = int((ledger["variable"] == "").sum())
    if rows != kept + gone:
        raise StudyError(
            f"{where}: {rows} responses came in, {kept} were kept and {gone} have a row in the ledger; "
            f"{rows - kept - gone} are unaccounted for; this is a fault of the workflow, please report it"
        )


def check_keys(values: pd.DataFrame, study: Mapping[str, Any], where: str) -> None:
    """Refuse a firm that is left with two responses in a wave."""
    repeated = values.loc[values[study["firm"]].duplicated(), study["firm"]].astype("str").unique()
    if len(repeated):
        raise StudyError(
            f"{where}: {len(repeated)} firms have more than one response: {', '.join(repeated[:5])}; say which to keep "
            "with an entry {rule: duplicate, keep: [complete, latest]} in cleaning: exclude:"
        )


def set_missing(
    values: pd.DataFrame, kinds: pd.DataFrame, settings: Mapping[str, Any], ledger: Ledger, where: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Set implausible values missing (kind ``lost``), each with a row in the ledger.

    Every condition is judged on the answers as they came, so that one rule does not hide a value from the next.
    """
    answered = values
    for rule in settings.get("cleaning", {}).get("set_missing", []):
        hit = evaluate_condition(rule["when"], answered, f"cleaning: set_missing: {rule['rule']}", where)
        for name in (column for variable in rule["variables"] for column in find_columns(variable, values)):
            gone = hit & values[name].notna()
            ledger.add(values[gone], rule["rule"], rule["when"], name, values.loc[gone, name])
            values = values.assign(**{name: values[name].mask(gone)})
            kinds = kinds.assign(**{name: kinds[name].mask(gone, "lost")})
    return values, kinds


def find_columns(variable: str, values: pd.DataFrame) -> list[str]:
    """Columns of a variable: itself, or one a choice for a multi-select answer; none where the wave did not ask it."""
    return [str(name) for name in values if name == variable or str(name).startswith(f"{variable}__")]


def reverse_items(
    values: pd.DataFrame, kinds: pd.DataFrame, asked: Sequence[Variable]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Recode reverse-keyed items once, to ``minimum + maximum - x``; ``<variable>_raw`` keeps the answer as given."""
    reversed_values, reversed_kinds = {}, {}
    for variable in asked:
        if variable.reverse:
            assert variable.minimum is not None
            assert variable.maximum is not None
            ends = variable.minimum + variable.maximum
            raw = values[variable.name]
            reversed_values[f"{variable.name}_raw"] = raw
            reversed_kinds[f"{variable.name}_raw"] = kinds[variable.name]
            reversed_values[variable.name] = (ends - raw).astype(raw.dtype)
    return values.assign(**reversed_values), kinds.assign(**reversed_kinds)


def read_long_table(
    text: pd.DataFrame,
    labels: Mapping[str, Any],
    fields: Sequence[Variable],
    entry: Mapping[str, Any],
    settings: Mapping[str, Any],
    firm_waves: pd.DataFrame,
    ledger: pd.DataFrame,
    successors: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Read one wave's long file of partners or of pairs.

    Parameters
    ----------
    text, labels
        The file, from :func:`firmties.readers.read_wave`.
    fields
        The codebook's variables of a partner.
    entry
        ``wave`` (the wave's entry), ``table`` (alters or alter_pairs), ``crosswalk`` (the wave's rows).
    settings
        ``study``, ``missing_codes``.
    firm_waves
        The panel's keys; partners of responses that the ledger excluded are left out with them.
    ledger
        To tell those from firms that nobody knows.
    successors
        Under which id firms of the panel are followed (`firmties.panel.list_successors`).

    Raises
    ------
    StudyError
        For unknown or missing columns, unknown firms, a partner that comes twice, and values that cannot be read.
    """
    wave, firm = int(entry["wave"]["id"]), settings["study"]["firm"]
    where = f"{labels['file']} (wave {wave})"
    slots = ["alter"] if entry["table"] == "alters" else ["alter_i", "alter_j"]
    own = fields if entry["table"] == "alters" else [Variable("tie", "Tie between two partners", "number")]
    named = [row for row in entry["crosswalk"] if row["raw_name"] in text or row["variable"] in {v.name for v in own}]
    carried = rename_labels(labels, named)
    table, factors = apply_crosswalk(text, named, where, list_separators(own, carried))
    keys = [Variable(firm, type="id"), *(Variable(slot, type="integer") for slot in slots)]
    asked = [*keys, *(variable for variable in own if variable.is_asked(wave))]
    check_columns(table, asked, where, wave)
    values, kinds = read_values(table, asked, factors, carried, {**settings, "wave": entry["wave"]}, where)
    values.insert(0, "wave", wave)
    values = values if successors is None else rename_firms(values, successors, firm)
    blank = values[[firm, *slots]].isna().any(axis=1)
    if blank.any():
        rows = ", ".join(map(str, table.loc[blank, "raw_row"].head(5)))
        raise StudyError(f"{where}: {firm}, {' and '.join(slots)} must be there; one is blank in data rows {rows}")
    if len(slots) == 2:
        ends = values[slots].astype("int64")
        values = values.assign(alter_i=ends.min(axis=1), alter_j=ends.max(axis=1))
        if (values["alter_i"] == values["alter_j"]).any():
            row = values[values["alter_i"] == values["alter_j"]].iloc[0]
            raise StudyError(f"{where}: {firm} '{row[firm]}': partner {row['alter_i']} is paired with itself")
    if values.duplicated(["wave", firm, *slots]).any():
        row = values[values.duplicated(["wave", firm, *slots])].iloc[0]
        named_slots = ", ".join(f"{slot} {row[slot]}" for slot in slots)
        raise StudyError(f"{where}: {firm} '{row[firm]}', {named_slots} comes twice")
    check_ranges(values, own, table["raw_row"], where)
    values, _ = reverse_items(values, kinds, own)
    known = set(firm_waves.loc[firm_waves["wave"] == wave, firm])
    excluded = set(ledger.loc[(ledger["wave"] == str(wave)) & (ledger["variable"] == ""), "firm"])
    strangers = sorted(set(values[firm]) - known - excluded)
    if strangers:
        raise StudyError(f"{where}: {len(strangers)} firms are in no response of wave {wave}, such as '{strangers[0]}'")
    return values[values[firm].isin(known)].reset_index(drop=True)
