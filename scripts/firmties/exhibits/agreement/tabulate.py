"""The table of agreement as printed: pairs as groups, waves as rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from firmties.tables import Row, Table, describe_basis, format_interval, format_number, list_rows

COLUMNS = ["Wave", "n", "κ", "SE", "95 % interval", "Enough"]


def tabulate(numbers: pd.DataFrame, notes: Mapping[str, Any], options: Mapping[str, Any]) -> Table:
    """Set one row a pair and wave; where there is no kappa the row says why."""
    enough = float(notes["at_least"])
    words = {
        "not asked together": "not asked together",
        "few": f"fewer than {notes['enough']}",
        "one code": "one code only",
    }
    rows: list[Row] = []
    for _, members in numbers.groupby("pair", sort=False):
        rows.append(Row([str(members["label"].iloc[0])]))
        for entry in list_rows(members):
            head = [str(entry.wave_label), format_number(entry.n, 0)]
            if entry.state == "shown":
                judged = "yes" if entry.conf_low >= enough else "likely" if entry.kappa >= enough else "no"
                values = [format_number(entry.kappa, 2), format_number(entry.std_error, 3)]
                cells = [*head, *values, format_interval(entry.conf_low, entry.conf_high, 2), judged]
            else:
                cells = [*head, words[str(entry.state)], "", "", ""]
            rows.append(Row(cells, indent=True, rule_above=pd.isna(entry.wave)))
    footnotes = describe_basis(notes)
    footnotes.append(
        "n: firm-waves with both answers. κ: Cohen's kappa, with the large-sample standard error of Fleiss, Cohen and "
        "Everitt, firm-waves taken as independent. Enough: yes if the whole interval, likely if κ alone, is at least "
        f"{format_number(enough, 2)}."
    )
    return Table(options["title"], COLUMNS, rows, alignment="lrrrrl", notes=footnotes)
