"""Imputed answers put into the tables, and several completed tables worked on at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from firmties.alters import find_slot_columns
from firmties.errors import StudyError


def fill_cells(table: pd.DataFrame, cells: pd.DataFrame, response: str) -> pd.DataFrame:
    """Put imputed values into a table.

    Parameters
    ----------
    table
        One row a response.
    cells
        ``response``, ``variable``, ``value`` (text) of one set.
    response
        Column of the table with the response key.

    Returns
    -------
    pandas.DataFrame
        A copy, its columns of the same types.

    Raises
    ------
    StudyError
        If a cell holds an observed value, or its response is not in the table.

    Examples
    --------
    >>> table = pd.DataFrame({"resp": ["r1", "r2"], "x": [3.0, None]})
    >>> cells = pd.DataFrame({"response": ["r2"], "variable": ["x"], "value": ["4.5"]})
    >>> fill_cells(table, cells, "resp")["x"].tolist()
    [3.0, 4.5]
    """
    places = pd.Series(np.arange(len(table)), index=table[response])
    rows = places.reindex(cells["response"])
    if rows.isna().any():
        lost = cells["response"].to_numpy()[rows.isna().to_numpy()][0]
        raise StudyError(f"imputed values of the response '{lost}', which is not in the panel; impute its wave anew")
    filled: dict[str, pd.Series] = {}
    for name, part in cells.assign(row_=rows.to_numpy(dtype=int)).groupby("variable", sort=False):
        column = table[name].copy()
        at = part["row_"].to_numpy()
        if column.iloc[at].notna().any():
            held = part["response"].to_numpy()[column.iloc[at].notna().to_numpy()][0]
            raise StudyError(f"'{name}' of the response '{held}' was answered, but an imputed value is there for it")
        column.iloc[at] = read_values(part["value"], column)
        filled[str(name)] = column
    return table.assign(**filled)


def fill_partners(
    alters: pd.DataFrame, cells: pd.DataFrame, responses: pd.DataFrame, settings: Mapping[str, Any]
) -> pd.DataFrame:
    """Put imputed values into the table of partners, which the panel has as columns.

    Parameters
    ----------
    alters
        One row a partner.
    cells
        See `fill_cells`; those of other columns are passed over.
    responses
        Wave, firm and response key of the panel, in this order.
    settings
        ``alters`` of the configuration.

    Examples
    --------
    >>> alters = pd.DataFrame({"wave": [1, 1], "firm": ["a", "a"], "alter": [1, 2], "close": [4.0, None]})
    >>> cells = pd.DataFrame({"response": ["r"], "variable": ["p2_close"], "value": ["3"]})
    >>> responses = pd.DataFrame({"wave": [1], "firm": ["a"], "response": ["r"]})
    >>> settings = {"columns": "p{alter}_{field}", "slots": [1, 2]}
    >>> fill_partners(alters, cells, responses, settings)["close"].tolist()
    [4.0, 3.0]
    """
    if "columns" not in settings or alters.empty:
        return alters
    keys, response = list(responses.columns[:2]), str(responses.columns[2])
    places = {
        column: (str(slot), field)
        for slot in settings["slots"]
        for field, column in find_slot_columns(settings["columns"], {"alter": slot}, cells["variable"].unique()).items()
    }
    own = cells[cells["variable"].isin(places)]
    seats = alters[keys].merge(responses, on=keys, how="left", validate="many_to_one")[response]
    seats = seats.to_numpy() + "/" + alters["alter"].astype("str").to_numpy()
    slots = np.array([places[name][0] for name in own["variable"]], dtype=object)
    moved = own.assign(
        response=own["response"].to_numpy(dtype=object) + "/" + slots,
        variable=[places[name][1] for name in own["variable"]],
    )
    return fill_cells(alters.assign(seat_=seats), moved, "seat_").drop(columns="seat_")


def read_values(text: pd.Series, column: pd.Series) -> Any:
    """Read values of a column from text, as its type has them."""
    if column.dtype == "boolean":
        return pd.array([value == "true" for value in text], dtype="boolean")
    if pd.api.types.is_numeric_dtype(column):
        return text.astype("float64").astype(column.dtype).array
    return text.array


def stack_copies(table: pd.DataFrame, keys: Sequence[str], numbers: Iterable[int]) -> pd.DataFrame:
    """Put copies of a table below one another, their keys told apart by a number, so that they are worked on at once.

    Examples
    --------
    >>> stack_copies(pd.DataFrame({"firm": ["a"], "x": [1]}), ["firm"], [1, 2])["firm"].tolist()
    ['1/a', '2/a']
    """
    present = [key for key in keys if key in table]
    copies = [table.assign(**{key: f"{number}/" + table[key].astype("str") for key in present}) for number in numbers]
    return pd.concat(copies, ignore_index=True)


def split_copies(stacked: pd.DataFrame, scored: pd.DataFrame, numbers: Sequence[int]) -> list[pd.DataFrame]:
    """Take copies apart again, each with the columns of the scored table, in its order.

    Columns that hold a key are those of the scored table.

    Raises
    ------
    StudyError
        If the rows are not those of the scored table.

    Examples
    --------
    >>> scored = pd.DataFrame({"firm": ["a", "b"], "x": [1.0, None]})
    >>> stacked = stack_copies(scored.assign(x=[1.0, 5.0]), ["firm"], [1, 2])
    >>> split_copies(stacked, scored, [1, 2])[1].values.tolist()
    [['a', 1.0], ['b', 5.0]]
    """
    rows = len(scored)
    if len(stacked) != rows * len(numbers):
        raise StudyError(f"{len(numbers)} completed tables have {len(stacked)} rows, the scored one {rows}")
    tables = []
    for place, number in enumerate(numbers):
        part = stacked.iloc[place * rows : (place + 1) * rows].reset_index(drop=True)
        texts = [name for name in scored if name in part and pd.api.types.is_string_dtype(part[name].dtype)]
        # A code may begin like a key, as 1/2 does: a key is the scored one behind the number.
        keyed = [name for name in texts if (part[name] == f"{number}/" + scored[name].astype("str")).any()]
        taken = {str(name): scored[name].array for name in scored if name not in part or name in keyed}
        tables.append(part.assign(**taken)[list(scored)])
    return tables
