"""Counts of combinations of indicators, by a category."""

from __future__ import annotations

from typing import Any

import pandas as pd

from firmties.disclosure import find_minimum, list_combined, mask_tables, name_cell
from firmties.display import as_codes, codes_of, describe_rows, label_of


def summarize(sources: dict[str, Any], options: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Count the firm-waves of each combination of indicators, by a category.

    Rows where an indicator or the category is missing are left out and counted in the notes.

    Returns
    -------
    numbers
        ``part`` *cell*: a row a combination (numbered by size, equal ones by the order of `sets`, and so the hidden
        ones, which come last) and code of `by`: combination, members (the indicators that hold, joined by ``|``), by,
        by_label, by_place (the code's, which gives its look), n, cell (``shown``, ``suppressed``). *total*: a row a
        combination, n its size. *set*: a row an indicator, n who have it.
    notes
        What the caption needs; ``remark_share`` is the share asked for, with its numbers.
    """
    panel, dictionary, study = sources["panel"], sources["dictionary"], sources["study"]
    sets, by, few = options["sets"], options["by"], find_minimum(study)
    table = panel[[*sets, by]].apply(as_codes)
    known = table.notna().all(axis=1)
    table = table[known]
    masks = set(sources["masks"]["cell"]) if "masks" in sources else set()
    hidden = mask_tables(list_combined(panel, options), few, masks)

    def find_state(names: list[str], codes: tuple[str, ...]) -> str:
        return "suppressed" if name_cell(names, codes) in hidden else "shown"

    sizes = table.groupby(sets).size().rename("size").reset_index()
    sizes["cell"] = [find_state(sets, values) for values in sizes[sets].itertuples(index=False, name=None)]
    # ASSUME combinations of one size stand in the order of the indicators. So do the hidden ones, at the end: by size,
    # a neighbour's number would bound a hidden one.
    ordered = sorted(
        sizes.to_dict("records"),
        key=lambda row: (
            (row["cell"] == "suppressed", -row["size"] * (row["cell"] == "shown")),
            [place for place, x in enumerate(sets) if row[x] == "true"],
        ),
    )
    codes = codes_of(dictionary, by, table[by])
    counts = table.groupby([*sets, by]).size()
    rows: list[dict[str, Any]] = []
    for place, combination in enumerate(ordered, 1):
        values = tuple(combination[name] for name in sets)
        about = {"combination": place, "members": "|".join(name for name in sets if combination[name] == "true")}
        rows.append({"part": "total", **about, "n": combination["size"], "cell": combination["cell"]})
        for at, (code, label) in enumerate(codes.items()):
            n = int(counts.get((*values, code), 0))
            if n:
                state = find_state([*sets, by], (*values, code))
                rows.append(
                    {"part": "cell", **about, "by": code, "by_label": label, "by_place": at, "n": n, "cell": state}
                )
    for name in sets:
        n = int((table[name] == "true").sum())
        state = find_state([name], ("true",))
        rows.append({"part": "set", "members": name, "set_label": label_of(dictionary, name), "n": n, "cell": state})
    columns = ["part", "combination", "members", "set_label", "by", "by_label", "by_place", "n", "cell"]
    whole = dict.fromkeys(("combination", "by_place", "n"), "Int64")
    numbers = pd.DataFrame(rows, columns=columns).astype(whole)
    numbers["n"] = numbers["n"].mask(numbers["cell"] == "suppressed")

    notes = describe_rows(panel.loc[known], study, sources.get("waves"))
    n_combinations = len(sizes)
    drawn = min(n_combinations, int(options.get("most", 20)))
    notes |= {
        "n_left_out": int((~known).sum()),
        "n_combinations": n_combinations,
        "remark_combinations": f"{n_combinations} combinations occur."
        + (f" The {drawn} largest are drawn." if drawn < n_combinations else ""),
        "remark_share": _word_share(table, options, dictionary, codes, hidden),
        "remark_small_cells": f"Numbers below {few}, and those from which such a number would follow, are hidden."
        if few > 1
        else None,
        "remark_left_out": f"{int((~known).sum()):,} firm-waves lack one of the answers and are left out."
        if (~known).any()
        else None,
    }
    return numbers, notes


def _word_share(
    table: pd.DataFrame, options: dict[str, Any], dictionary: pd.DataFrame, codes: dict[str, str], hidden: set[str]
) -> str | None:
    """Say how many of those with a code have an indicator; nothing if one of the two numbers is hidden."""
    if "share" not in options:
        return None
    of, among, by = options["share"]["of"], str(options["share"]["among"]), options["by"]
    members = table[table[by] == among]
    words = f"{label_of(dictionary, of)}: "
    cells = [name_cell([by, of], (among, value)) for value in ("true", "false")]
    group = f"“{codes.get(among, among)}”"
    if hidden & {*cells, name_cell([by], (among,))}:
        return f"{words}the share among those that are {group} is hidden."
    n = int((members[of] == "true").sum())
    if members.empty:
        return f"{words}nobody is {group}."
    return f"{words}{n:,} of {len(members):,} firm-waves that are {group}, {100 * n / len(members):.0f} %."
