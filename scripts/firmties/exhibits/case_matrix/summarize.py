"""Single cases against the columns of a typology, with how each cell is known."""

from __future__ import annotations

from typing import Any

import pandas as pd

from firmties.display import as_codes, codes_of, describe_rows, label_of
from firmties.errors import StudyError, describe_allowed


def summarize(sources: dict[str, Any], options: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """List the cells, one row a case and column.

    Returns
    -------
    numbers
        case, by, by_label, by_order, group, group_label, ticks, variable, label, status, status_label, mark.
        `mark` is ``solid``, ``half`` or ``open`` by the status, or ``none`` where the column is known not to hold;
        `ticks` is how many of the group's columns hold for the case, missing if not known.
    notes
        What the caption needs; for each group ``<group>_ticks`` and ``<group>_<status>``, how many of them are placed
        by a cell of that status, and ``<group>_not_placed``, the rest.

    Raises
    ------
    StudyError
        An open cell has a value, another has none, a status has no mark, or a case has more cells that hold than ticks.
    """
    dictionary, study = sources["dictionary"], sources["study"]
    panel = sources["panel"].sort_values(options["order"], kind="stable") if "order" in options else sources["panel"]
    pattern = options.get("status", "{variable}_status")
    by = options.get("by")
    by_codes = codes_of(dictionary, by, as_codes(panel[by]).dropna()) if by else {"": ""}
    cells = []
    for group in options["groups"]:
        for variable in group["variables"]:
            status = pattern.format(variable=variable)
            column = pd.DataFrame(
                {
                    "case": panel[study["firm"]].astype("str"),
                    "by": as_codes(panel[by]) if by else "",
                    "group": group["name"],
                    "group_label": group["label"],
                    "ticks": panel[group["ticks"]].astype("Int64") if "ticks" in group else pd.NA,
                    "variable": variable,
                    "label": label_of(dictionary, variable),
                    "value": panel[variable].astype("boolean"),
                    "status": as_codes(panel[status]),
                }
            )
            column["status_label"] = column["status"].map(codes_of(dictionary, status, column["status"].dropna()))
            cells.append(column)
    numbers = pd.concat(cells, ignore_index=True)
    order = {code: place for place, code in enumerate(by_codes)}
    numbers.insert(2, "by_label", numbers["by"].map(by_codes))
    numbers.insert(3, "by_order", numbers["by"].map(order))
    numbers["mark"] = numbers["status"].map(options["marks"])
    numbers["mark"] = numbers["mark"].where((numbers["mark"] == "open") | numbers["value"].fillna(True), "none")
    _check(numbers, options["marks"])
    cases = {case: place for place, case in enumerate(panel[study["firm"]].astype("str"))}
    numbers = numbers.sort_values(
        ["by_order", "case"], key=lambda keys: keys.map(cases) if keys.name == "case" else keys, kind="stable"
    )
    notes = describe_rows(panel, study, sources.get("waves")) | {"by": label_of(dictionary, by) if by else ""}
    for group in options["groups"]:
        notes |= _count_ticks(numbers[numbers["group"] == group["name"]], group["name"], options["marks"])
    return numbers.drop(columns="value").reset_index(drop=True), notes


def _check(numbers: pd.DataFrame, marks: dict[str, str]) -> None:
    problems = []
    for cell in numbers.to_dict("records"):
        place = f"{cell['variable']} of {cell['case']}"
        if pd.isna(cell["status"]) or cell["status"] not in marks:
            problems.append(
                f"{place}: its status '{cell['status']}' has no mark; {describe_allowed(cell['status'], marks)}"
            )
        elif marks[cell["status"]] == "open" and pd.notna(cell["value"]):
            problems.append(
                f"{place}: is {cell['status']} but has a value; leave it blank, or give the status that it rests on"
            )
        elif marks[cell["status"]] != "open" and pd.isna(cell["value"]):
            problems.append(f"{place}: is {cell['status']} but has no value; give it, or say that it is open")
    for (case, group), cells in numbers.groupby(["case", "group"], sort=False):
        ticks, held = cells["ticks"].iloc[0], int(cells["value"].fillna(False).sum())
        possible = held + int(cells["value"].isna().sum())
        if pd.notna(ticks) and not held <= ticks <= possible:
            problems.append(
                f"{case}: {held} to {possible} columns of '{group}' hold, but its number of ticks is {ticks}"
            )
    if problems:
        raise StudyError(problems)


def _count_ticks(cells: pd.DataFrame, name: str, marks: dict[str, str]) -> dict[str, int]:
    ticks = cells.drop_duplicates("case")["ticks"]
    held = cells[cells["mark"].isin(["solid", "half"])]
    counts = {
        f"{name}_{status}": int((held["status"] == status).sum()) for status, mark in marks.items() if mark != "open"
    }
    if ticks.notna().all():
        counts |= {f"{name}_ticks": int(ticks.sum()), f"{name}_not_placed": int(ticks.sum()) - sum(counts.values())}
    return counts
