"""Numbers of a listing: the rows of the study's own file, as they stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from firmties.errors import StudyError, describe_allowed


def summarize(sources: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Choose the columns.

    Raises
    ------
    StudyError
        A column that the file does not have.

    Examples
    --------
    >>> rows = pd.DataFrame({"firm": ["EDG"], "status": ["stated"], "line": [1]})
    >>> summarize({"listing": rows}, {"file": "cases.csv", "columns": ["firm", "status"]})
    (  firm  status
    0  EDG  stated, {'n_rows': 1})
    """
    listing = sources["listing"]
    columns = options.get("columns", list(listing.columns))
    group = [options["group"]] if "group" in options and options["group"] not in columns else []
    named = [*columns, *group, *options.get("wide", [])]
    if problems := [
        f"{options['file']}: no column '{name}'; {describe_allowed(name, listing.columns)}"
        for name in named
        if name not in listing
    ]:
        raise StudyError(problems)
    notes: dict[str, Any] = {"n_rows": len(listing)}
    if options.get("remark"):
        notes["remark"] = options["remark"]
    return listing[[*group, *columns]], notes
