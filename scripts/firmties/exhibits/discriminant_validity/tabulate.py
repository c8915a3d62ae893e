"""The table of discriminant validity as printed: three triangles of numbers, and what they say in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from firmties.tables import (
    Row,
    Table,
    describe_basis,
    format_number,
    format_p,
    format_percent,
    is_missing,
    join_words,
    list_rows,
)

MOST_NAMED = 12


def tabulate(numbers: pd.DataFrame, notes: Mapping[str, Any], options: Mapping[str, Any]) -> Table:
    """Set the ratios under the diagonal with their upper bounds over it; then factors, then scores with the marker."""
    footnotes = describe_basis(notes)
    scales = numbers.loc[numbers["part"] == "scale", ["scale_1", "label_1"]].drop_duplicates()
    names = dict(scales.itertuples(index=False, name=None))
    if not names:
        return Table(options["title"], [""], [Row(["no two scales to compare"])], notes=footnotes)
    ratio = str(notes["ratio"]).upper()
    parts = {str(part): rows for part, rows in numbers.groupby("part")}
    ave = parts["scale"].set_index("scale_1")["estimate"]
    data = numbers.rename(columns={"estimate": "value"})
    first = set_triangles(
        names,
        parts["htmt"],
        "estimate",
        "conf_high",
        {},
        f"{options['title']}: {ratio}, upper 95 % bound above the diagonal",
    )
    second = set_triangles(
        names,
        parts["factors"],
        "estimate",
        "",
        ave.to_dict(),
        "Fornell-Larcker: squared correlations of the factors, AVE on the diagonal",
    )
    said = word_ratios(parts["htmt"], notes, ratio) + word_factors(parts)
    below = [second]
    if "adjusted" in parts:
        marker = parts["marker"].set_index("scale_1")["estimate"]
        below.append(
            set_triangles(
                names, parts["adjusted"], "raw", "estimate", {},
                "Correlations of the scores, adjusted for the marker above the diagonal", ("Marker", marker.to_dict()),
            )
        )  # fmt: skip
        said += word_marker(parts["adjusted"], notes)
    if not is_missing(notes.get("single_factor")):
        said.append(
            f"A single factor would take {format_percent(notes['single_factor'])} % of the items' variance; this is "
            "weak evidence, for or against a common method."
        )
    return Table(
        options["title"], first.columns, first.rows, alignment=first.alignment, notes=said + footnotes, data=data,
        parts=below, layout="landscape",
    )  # fmt: skip


def set_triangles(
    names: Mapping[str, str],
    pairs: pd.DataFrame,
    lower: str,
    upper: str,
    diagonal: Mapping[Any, Any],
    title: str,
    beside: tuple[str, Mapping[Any, Any]] | None = None,
) -> Table:
    """Set a square of scales: one number of each pair under the diagonal, another over it."""
    cells = {(row.scale_1, row.scale_2): row for row in list_rows(pairs)}
    rows = []
    for place, one in enumerate(names):
        line = [f"{place + 1} {names[one]}"]
        for other, two in enumerate(names):
            pair = cells.get((two, one) if other < place else (one, two))
            column = lower if other < place else upper
            if other == place:
                line.append(format_number(diagonal[one], 2) if one in diagonal else "·")
            else:
                line.append(format_number(getattr(pair, column), 2) if pair is not None and column else "")
        rows.append(Row([*line, *([format_number(beside[1].get(one), 2)] if beside else [])]))
    heads = ["", *(str(at + 1) for at in range(len(names))), *([beside[0]] if beside else [])]
    return Table(title, heads, rows, alignment="l" + "r" * (len(heads) - 1))


def name_pairs(pairs: pd.DataFrame) -> str:
    """Name pairs of scales by their labels; many are counted."""
    listed = [f"{row.label_1} with {row.label_2}" for row in list_rows(pairs)]
    more = len(listed) - MOST_NAMED
    return join_words(listed[:MOST_NAMED]) + (f", and {more} more" if more > 0 else "")


def word_ratios(pairs: pd.DataFrame, notes: Mapping[str, Any], ratio: str) -> list[str]:
    """Say which pairs are distinct."""
    kind = (
        "arithmetic means of absolute correlations" if ratio == "HTMT" else "geometric means of absolute correlations"
    )
    strict, loose = f"{notes['distinct']:g}", f"{notes['neighbouring']:g}"
    basis = (
        f"{ratio} ({kind}) beneath the diagonal, the upper bound of its 95 % interval above (percentiles of "
        f"{notes['n_draws']:,} draws of firms with all their waves; answers are deviations from their wave's mean). A "
        f"pair is distinct if the bound lies below {strict}, distinct by the looser bound below {loose}; from {loose} "
        "on the ratio itself says not distinct."
    )
    judged = pairs.loc[pairs["verdict"] != "no ratio"]
    n_distinct = int((judged["verdict"] == "distinct").sum())
    said = [basis, f"Distinct: {n_distinct} of {len(judged)} pairs."]
    for verdict in ("distinct by the looser bound", "not shown to be distinct", "not distinct"):
        own = judged.loc[judged["verdict"] == verdict]
        if len(own):
            said.append(f"{verdict[0].upper()}{verdict[1:]}: {name_pairs(own)}.")
    return said


def word_factors(parts: Mapping[str, pd.DataFrame]) -> list[str]:
    """Say where a factor shares more with another than with its own items, and which scales have no AVE."""
    pairs = parts["factors"]
    judged, failing = pairs.loc[pairs["verdict"].notna()], pairs.loc[pairs["verdict"] == "fails"]
    basis = (
        "Fornell-Larcker: the average variance that each of two factors extracts exceeds their squared correlation in "
        f"{int((judged['verdict'] == 'holds').sum())} of {len(judged)} pairs; factors are measured by their own items "
        "alone (maximum likelihood), then correlated."
    )
    said = [basis]
    if len(failing):
        said.append(f"It fails for {name_pairs(failing)}.")
    none = parts["scale"].loc[parts["scale"]["estimate"].isna()]
    said += [f"No factor of {row.label_1}: {row.verdict}." for row in list_rows(none)]
    return said


def word_marker(pairs: pd.DataFrame, notes: Mapping[str, Any]) -> list[str]:
    """Say what was taken out for the marker, and which correlations it decides."""
    if is_missing(notes.get("marker_correlation")):
        return ["The marker correlates with no scale above 0, so nothing is taken out."]
    moved = pairs.loc[pairs["verdict"] == "changes"]
    said = (
        f"Taken out: {format_number(notes['marker_correlation'], 3)}, the lowest positive correlation of a scale with "
        "the marker (Lindell and Whitney); tests count each firm once. "
    )
    if moved.empty:
        return [f"{said}No correlation passes or loses the 5 % level by it."]
    listed = [
        f"{row.label_1} with {row.label_2} ({format_number(row.estimate, 2)}, p {format_p(row.p_value)})"
        for row in list_rows(moved)
    ]
    more = len(listed) - MOST_NAMED
    return [
        f"{said}The 5 % level is passed or lost by it for {join_words(listed[:MOST_NAMED])}"
        + (f", and {more} more." if more > 0 else ".")
    ]
