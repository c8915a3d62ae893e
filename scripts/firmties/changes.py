"""What changed since results were kept: every number and verdict that moved, and the inputs that can have moved it."""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

KEYS = {
    "estimates": ["model", "outcome", "sample", "block", "level", "term"],
    "models": ["model", "outcome", "sample", "block", "level"],
    "predictions": [
        "prediction", "model", "outcome", "sample", "block", "level", "variable_1", "value_1", "variable_2", "value_2",
    ],
    "hypotheses": ["hypothesis", "component", "model", "outcome", "block", "contrast"],
}  # fmt: skip
"""What names a row of each result."""
WORDS = ("exhibits", "report")
"""Parts of the configuration that say how results are shown; no number of a result rests on them."""
TOLERANCE = 1e-9
"""Relative difference below which a number is the same: more than the order of a sum, less than what is printed."""


def describe_inputs(
    config: Mapping[str, Any],
    codebook: Iterable[Mapping[str, Any]],
    crosswalk: Iterable[Mapping[str, Any]],
    files: Mapping[str, str],
) -> dict[str, str]:
    """Name every input of a study, with its value or checksum.

    Parameters
    ----------
    config
        The configuration; entries of a list go by their ``id``, else by their place.
    codebook, crosswalk
        Rows as plain values; the crosswalk's rows of one variable go together.
    files
        Path → checksum of every other file: data and modules.

    Examples
    --------
    >>> describe_inputs({"models": [{"id": "m", "formula": "x"}]}, [], [], {"data/raw/w.csv": "ab"})
    {'config.yaml: models[m].formula': '"x"', 'data/raw/w.csv': 'ab'}
    """
    found = {f"config.yaml: {key}": text for key, text in flatten(config)}
    found |= {f"data/codebook.csv: {row['name']}": sign(row) for row in codebook}
    changes: dict[str, list[Mapping[str, Any]]] = {}
    for row in crosswalk:
        changes.setdefault(str(row["variable"] or row["raw_name"]), []).append(row)
    found |= {f"data/crosswalk.csv: {name}": sign(rows) for name, rows in changes.items()}
    return {**found, **files}


def flatten(value: Any, key: str = "") -> Iterable[tuple[str, str]]:
    """Leaves of nested mappings and lists, each with its way there."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from flatten(part, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list) and value and all(isinstance(part, Mapping) for part in value):
        for place, part in enumerate(value):
            yield from flatten({n: v for n, v in part.items() if n != "id"}, f"{key}[{part.get('id', place)}]")
    else:
        yield key, json.dumps(value, default=str, ensure_ascii=False, sort_keys=True)


def sign(value: Any) -> str:
    """Checksum of a plain value."""
    return hashlib.sha256(json.dumps(value, default=str, sort_keys=True).encode()).hexdigest()[:16]


def compare_inputs(before: Mapping[str, str], after: Mapping[str, str]) -> pd.DataFrame:
    """Inputs that are new, gone or other than before.

    Examples
    --------
    >>> compare_inputs({"a": "1", "b": "1"}, {"a": "2", "c": "3"}).values.tolist()
    [['a', 'changed', '1', '2'], ['b', 'gone', '1', ''], ['c', 'new', '', '3']]
    """
    found = [
        (name, "changed" if name in before and name in after else "gone" if name in before else "new")
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]
    rows = [(name, change, before.get(name, ""), after.get(name, "")) for name, change in found]
    return pd.DataFrame(rows, columns=["input", "change", "before", "after"], dtype="str")


def compare_results(before: Mapping[str, pd.DataFrame], after: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Compare results cell by cell, rows matched by what names them.

    Parameters
    ----------
    before, after
        ``estimates``, ``models``, ``predictions`` and ``hypotheses``, read as text.

    Returns
    -------
    DataFrame
        One row a cell that moved: ``result``, ``model``, ``row``, ``column``, ``before``, ``after``, ``difference``,
        and for estimates ``standard_errors``, the difference in standard errors as they were before. A row that is
        new or gone has its whole name in ``row`` and the word in ``column``.

    Examples
    --------
    >>> old = pd.DataFrame({"model": ["m"], "outcome": ["y"], "n_obs": ["10"]})
    >>> moved = compare_results({"models": old}, {"models": old.assign(n_obs="12")})
    >>> moved[["row", "column", "difference"]].values.tolist()
    [['m, y', 'n_obs', '2']]
    """
    rows: list[dict[str, str]] = []
    for name, keys in KEYS.items():
        tables = [index_rows(side.get(name, pd.DataFrame()), keys) for side in (before, after)]
        for key in dict.fromkeys([*tables[0], *tables[1]]):
            old, new = tables[0].get(key), tables[1].get(key)
            said = {"result": name, "row": ", ".join(part for part in key if part)}
            if old is None or new is None:
                model = (old or new or {}).get("model", "")
                rows.append({**said, "model": model, "column": "new row" if old is None else "row gone"})
                continue
            for column in dict.fromkeys([*old, *new]):
                first, second = old.get(column, ""), new.get(column, "")
                if column in keys or is_same(first, second):
                    continue
                moved = {**said, "model": new.get("model", ""), "column": column, "before": first, "after": second}
                difference = subtract(second, first)
                if difference is not None:
                    moved["difference"] = f"{difference:.6g}"
                    error = subtract(old.get("std_error", ""), "0")
                    if column == "estimate" and error:
                        moved["standard_errors"] = f"{difference / error:.3g}"
                rows.append(moved)
    names = ["result", "model", "row", "column", "before", "after", "difference", "standard_errors"]
    return pd.DataFrame(rows, columns=names, dtype="str").fillna("")


def index_rows(table: pd.DataFrame, keys: list[str]) -> dict[tuple[str, ...], dict[str, str]]:
    """Rows by what names them."""
    own = [key for key in keys if key in table]
    return {tuple(str(row[key]) for key in own): row for row in table.to_dict("records")}  # type: ignore[misc]


def subtract(first: str, second: str) -> float | None:
    """Difference of two numbers; None if one is none."""
    try:
        return float(first) - float(second)
    except ValueError:
        return None


def is_same(first: str, second: str) -> bool:
    """Whether two cells say the same: as text, or as numbers up to the tolerance."""
    if first == second:
        return True
    difference = subtract(first, second)
    return difference is not None and abs(difference) <= TOLERANCE * max(abs(float(first)), abs(float(second)))


def attribute_changes(moved: pd.DataFrame, inputs: pd.DataFrame) -> pd.DataFrame:
    """Add to each result that moved the changed inputs that it can rest on.

    ASSUME: a result rests on every input but what says how results are shown and, hypotheses aside, other models'
    entries. With several
    inputs changed at once, which of them moved a number cannot be told without running each alone, so all are named.

    Examples
    --------
    >>> moved = pd.DataFrame({"result": ["estimates"], "model": ["a"]})
    >>> inputs = pd.DataFrame({"input": ["config.yaml: models[b].formula", "config.yaml: models[a].formula"]})
    >>> attribute_changes(moved, inputs)["can_rest_on"].tolist()
    ['config.yaml: models[a].formula']
    """
    named = [(name, re.match(r"config\.yaml: (\w+)(?:\[([^\]]*)\])?", name)) for name in inputs["input"]]
    own = []
    for result, model in zip(moved["result"], moved["model"], strict=True):
        own.append(
            "; ".join(
                name
                for name, part in named
                if part is None
                or (
                    part[1] not in WORDS
                    # A verdict is adjusted for its family, which may rest on other models.
                    and not (result != "hypotheses" and part[1] == "models" and part[2] and part[2] != model)
                )
            )
        )
    return moved.assign(can_rest_on=own)


def write_page(title: str, label: str, moved: pd.DataFrame, inputs: pd.DataFrame, shown: int = 500) -> str:
    """Write the page of what changed, as HTML that stands alone.

    Parameters
    ----------
    title, label
        Of the study, and of the kept results.
    moved, inputs
        From :func:`attribute_changes` and :func:`compare_inputs`.
    shown
        Rows on the page; changes.csv has all.
    """

    def tabulate(table: pd.DataFrame) -> str:
        head = "".join(f"<th>{html.escape(str(name).replace('_', ' '))}</th>" for name in table)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>"
            for row in table.head(shown).to_numpy().tolist()
        )
        return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'

    verdicts = moved[moved["column"] == "verdict"]
    if moved.empty:
        said = "Nothing moved: every estimate, count and verdict is as it was kept."
    else:
        rows = len(moved[["result", "row"]].drop_duplicates())
        said = f"{len(moved)} values in {rows} rows moved, {len(verdicts)} verdicts among them."
    more = f"<p>The first {shown} are shown; all stand in changes.csv.</p>" if len(moved) > shown else ""
    changed = tabulate(inputs) if len(inputs) else "<p>No input changed.</p>"
    if len(inputs) == 0 and len(moved):
        changed = "<p>No input changed that is recorded; look at the versions of the libraries.</p>"
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>What changed since {html.escape(label)}</title><style>{STYLE}</style></head><body>"
        f"<h1>What changed since {html.escape(label)}</h1><p>{html.escape(title)}</p><p><strong>{said}</strong></p>"
        + (f"<h2>Verdicts</h2>{tabulate(verdicts)}" if len(verdicts) else "")
        + (f"<h2>Values that moved</h2>{more}{tabulate(moved)}" if len(moved) else "")
        + f"<h2>Inputs that changed</h2>{changed}</body></html>\n"
    )


STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:70em;margin:2em auto;padding:0 1em;color:#1a1a22}"
    ".wide{overflow-x:auto}table{border-collapse:collapse;font-size:.85em}"
    "th,td{text-align:left;padding:.3em .8em .3em 0;border-bottom:1px solid #ccc;vertical-align:top}"
)
