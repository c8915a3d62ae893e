"""What changed since results were kept: every number and verdict that moved, and the inputs that can have moved it."""

from __future__ import annotations

import hashlib
import html
import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from firmties.errors import StudyError

KEYS = {
    "estimates": ["model", "outcome", "sample", "block", "level", "term"],
    "models": ["model", "outcome", "sample", "block", "level"],
    "predictions": [
        "prediction", "model", "outcome", "sample", "block", "level", "variable_1", "value_1", "variable_2", "value_2",
    ],
    "hypotheses": ["hypothesis", "component", "model", "outcome", "block", "contrast"],
    "cleaning": ["wave", "rule", "removed"],
}  # fmt: skip
"""What names a row of each result."""
NAMED = re.compile(
    r"(?:derived|scales|alters\.derived|alters\.aggregated)\[([^\]]+)\]|(?:sets|samples|references)\.(\w+)"
)
"""Entries of the configuration that make a variable, a sample or a set of terms; only what names them rests on them."""
OWN = ("models", "predictions", "hypotheses", "families", "exhibits")
"""Parts of the configuration whose entries make results; what else rests on them is said by name."""
TOLERANCE = 1e-9
"""Relative difference below which a number is the same: more than the order of a sum, less than what is printed."""


def describe_inputs(
    config: Mapping[str, Any], rows: Mapping[str, Mapping[str, Any]], files: Mapping[str, str]
) -> dict[str, str]:
    """Name every input of a study, with its value or checksum.

    Parameters
    ----------
    config
        The configuration; entries of a list go by their ``id`` or ``name``, else by their place.
    rows
        Path of a table that is compared row by row (codebook, crosswalk, anchors) → variable → its row or rows.
    files
        Path → checksum of every other file: data and modules; library → version.

    Examples
    --------
    >>> describe_inputs({"models": [{"id": "m", "formula": "x"}]}, {}, {"data/raw/w.csv": "ab"})
    {'config.yaml: models[m].formula': '"x"', 'data/raw/w.csv': 'ab'}
    """
    found = {f"config.yaml: {key}": text for key, text in flatten(config)}
    found |= {f"{file}: {name}": sign(row) for file, table in rows.items() for name, row in table.items()}
    return {**found, **files}


def flatten(value: Any, key: str = "") -> Iterable[tuple[str, str]]:
    """Leaves of nested mappings and lists, each with its way there."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from flatten(part, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list) and value and all(isinstance(part, Mapping) for part in value):
        for place, part in enumerate(value):
            mark = next((name for name in ("id", "name") if name in part), None)
            yield from flatten({n: v for n, v in part.items() if n != mark}, f"{key}[{part.get(mark, place)}]")
    else:
        yield key, json.dumps(value, default=str, ensure_ascii=False, sort_keys=True)


def sign(value: Any) -> str:
    """Checksum of a plain value."""
    return hashlib.sha256(json.dumps(value, default=str, sort_keys=True).encode()).hexdigest()[:16]


def find_changed_rules(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Waves whose rules of cleaning or quality flags are not those of kept results: wave → version before and now.

    Parameters
    ----------
    before, after
        Inputs as of :func:`describe_inputs`; waves that are not in both are left out.

    Examples
    --------
    >>> kept = {"config.yaml: waves[1].file": '"a"', "config.yaml: cleaning.exclude[0].when": '"x > 1"'}
    >>> find_changed_rules(kept, kept | {"config.yaml: cleaning.exclude[0].when": '"x > 2"'})
    {'1': ('1', '1')}
    >>> find_changed_rules(kept, kept | {"config.yaml: waves[1].rules": "2"})
    {'1': ('1', '2')}
    """

    def list_rules(inputs: Mapping[str, str]) -> dict[str, tuple[str, dict[str, str]]]:
        found = {}
        for wave in dict.fromkeys(m[1] for key in inputs if (m := re.match(r"config\.yaml: waves\[(\d+)\]", key))):
            version = inputs.get(f"config.yaml: waves[{wave}].rules", "1")
            start = "config.yaml: " + ("" if version == "1" else f"rule_versions[{version}].")
            parts = tuple(f"{start}{part}" for part in ("cleaning", "quality_flags"))
            own = {key.removeprefix(start): value for key, value in inputs.items() if key.startswith(parts)}
            found[wave] = (version, own)
        return found

    old, new = list_rules(before), list_rules(after)
    return {wave: (old[wave][0], new[wave][0]) for wave in old if wave in new and old[wave] != new[wave]}


def check_rules(changed: Mapping[str, tuple[str, str]], label: str, accepted: bool) -> None:
    """Refuse rules that changed since results were kept, unless they are a version of their own and the switch is set.

    Raises
    ------
    StudyError
        Names the waves, what to write, and the switch.

    Examples
    --------
    >>> check_rules({"1": ("1", "2")}, "paper", accepted=True)
    >>> check_rules({"1": ("1", "1")}, "paper", accepted=True)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    firmties.errors.StudyError: config.yaml: wave 1: version 1 of cleaning and quality_flags is not as when 'paper' ...
    """
    problems = [
        f"config.yaml: wave {wave}: version {old} of cleaning and quality_flags is not as when '{label}' was kept; put "
        "it back, and write the changed rules as an entry of rule_versions that the wave names with rules:"
        for wave, (old, new) in changed.items()
        if old == new
    ]
    moved = {wave: versions for wave, versions in changed.items() if versions[0] != versions[1]}
    if moved and not problems and not accepted:
        listed = ", ".join(f"wave {wave} (version {old} to {new})" for wave, (old, new) in moved.items())
        problems.append(
            f"config.yaml: the rules of cleaning changed since '{label}' was kept: {listed}; if that is meant, run "
            "with --config new_rules=yes, and the run says which rows, values and contrasts moved"
        )
    if problems:
        raise StudyError(problems)


def count_removed(ledger: pd.DataFrame) -> pd.DataFrame:
    """Count what each rule of cleaning removed from each wave: whole responses, and single values.

    Examples
    --------
    >>> rows = [("1", "speed", ""), ("1", "range", "a"), ("1", "range", "b")]
    >>> ledger = pd.DataFrame(rows, columns=["wave", "rule", "variable"])
    >>> count_removed(ledger).values.tolist()
    [['1', 'speed', 'responses', 1], ['1', 'range', 'values', 2]]
    """
    removed = ledger["variable"].map(lambda name: "values" if name else "responses").astype("str")
    named = ledger[["wave", "rule"]].assign(removed=removed)
    return named.groupby([*named], sort=False).size().rename("n").reset_index()


def describe_rule_change(moved: pd.DataFrame, changed: Mapping[str, tuple[str, str]], at_most: int = 40) -> str:
    """Say what changed rules did: to the numbers of responses and values removed, and to contrasts of hypotheses.

    Parameters
    ----------
    moved
        From :func:`compare_results`.
    changed
        From :func:`find_changed_rules`.
    at_most
        Lines on contrasts.

    Examples
    --------
    >>> row = {"result": "cleaning", "row": "1, speed, responses", "column": "n", "before": "9", "after": "8"}
    >>> print(describe_rule_change(pd.DataFrame([row]), {"1": ("1", "2")}))
    rules of cleaning changed: wave 1 (version 1 to 2)
      removed: 1, speed, responses: n 9 -> 8
      contrasts: nothing moved
    """
    listed = ", ".join(f"wave {wave} (version {old} to {new})" for wave, (old, new) in changed.items())
    lines = [f"rules of cleaning changed: {listed}"]
    counted = moved["column"].isin(["estimate", "verdict", "new row", "row gone"])
    parts = {
        "removed": moved[moved["result"] == "cleaning"],
        "contrasts": moved[(moved["result"] == "hypotheses") & counted],
    }
    for name, rows in parts.items():
        lines += [
            f"  {name}: {row['row']}: {row['column']} {row['before']} -> {row['after']}".removesuffix("  -> ")
            for row in rows.head(at_most).to_dict("records")
        ] or [f"  {name}: nothing moved"]
        lines += [f"  {name}: {len(rows) - at_most} more in reports/changes.csv"] if len(rows) > at_most else []
    return "\n".join(lines)


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
        Results by name, read as text: those whose rows are named by the columns in ``KEYS``, and the numbers of
        exhibits, whose rows are named by their words; see :func:`find_keys`.

    Returns
    -------
    DataFrame
        One row a cell that moved: ``result``, ``model``, ``row``, ``column``, ``before``, ``after``, ``difference``,
        and for estimates ``standard_errors``, the difference in standard errors as they were before. Of a number of an
        exhibit or prediction that is blank now, ``before`` is blank, too: it may be hidden now. A row that is
        new or gone has its whole name in ``row`` and the word in ``column``.

    Examples
    --------
    >>> old = pd.DataFrame({"model": ["m"], "outcome": ["y"], "n_obs": ["10"]})
    >>> moved = compare_results({"models": old}, {"models": old.assign(n_obs="12")})
    >>> moved[["row", "column", "difference"]].values.tolist()
    [['m, y', 'n_obs', '2']]
    """
    rows: list[dict[str, str]] = []
    for name in [*KEYS, *sorted({*before, *after} - KEYS.keys())]:
        sides = [side.get(name, pd.DataFrame()) for side in (before, after)]
        keys = KEYS.get(name) or find_keys(*sides)
        tables = [index_rows(side, keys) for side in sides]
        for key in dict.fromkeys([*tables[0], *tables[1]]):
            old, new = tables[0].get(key), tables[1].get(key)
            said = {"result": name, "row": ", ".join(part for part in key if part)}
            if old is None or new is None:
                model = (old or new or {}).get("model", "")
                # A count that stands alone in its row is told with it.
                sides_n = {"before": (old or {}).get("n", ""), "after": (new or {}).get("n", "")}
                rows.append({**said, "model": model, "column": "new row" if old is None else "row gone", **sides_n})
                continue
            for column in dict.fromkeys([*old, *new]):
                first, second = old.get(column, ""), new.get(column, "")
                if column in keys or is_same(first, second):
                    continue
                # A number that is blank now may be hidden now: what it was is not said again.
                told = first if second or name in ("estimates", "models", "hypotheses") else ""
                moved = {**said, "model": new.get("model", ""), "column": column, "before": told, "after": second}
                difference = subtract(second, first)
                if difference is not None:
                    moved["difference"] = f"{difference:.6g}"
                    error = subtract(old.get("std_error", ""), "0")
                    if column == "estimate" and error:
                        moved["standard_errors"] = f"{difference / error:.3g}"
                rows.append(moved)
    names = ["result", "model", "row", "column", "before", "after", "difference", "standard_errors"]
    return pd.DataFrame(rows, columns=names, dtype="str").fillna("")


def find_keys(before: pd.DataFrame, after: pd.DataFrame) -> list[str]:
    """Columns that name an exhibit's rows: the wave, and those that hold words and no number on both sides.

    ASSUME: a column of words that differs from row to row, such as a reason or a label, names its row; where it is
    itself what changed, the row is told as gone and new.

    Examples
    --------
    >>> table = pd.DataFrame({"wave": ["1"], "item": ["t1"], "mean": ["4.2"], "note": [""]})
    >>> find_keys(table, table)
    ['wave', 'item']
    """
    both = pd.concat([before, after], ignore_index=True).fillna("")
    numbers = both.apply(pd.to_numeric, errors="coerce").notna().any()
    return [str(name) for name in both if name == "wave" or (not numbers[name] and (both[name] != "").any())]


def index_rows(table: pd.DataFrame, keys: list[str]) -> dict[tuple[str, ...], dict[str, str]]:
    """Rows by what names them; rows of one name are numbered in their order."""
    own = [key for key in keys if key in table]
    found: dict[tuple[str, ...], dict[str, str]] = {}
    again: dict[tuple[str, ...], int] = {}
    for row in table.to_dict("records"):
        name = tuple(str(row[key]) for key in own)
        again[name] = again.get(name, 0) + 1
        found[name if again[name] == 1 else (*name, f"row {again[name]}")] = row  # type: ignore[assignment]
    return found


def subtract(first: str, second: str) -> float | None:
    """Difference of two numbers; None if one is none."""
    try:
        return float(first) - float(second)
    except ValueError:
        return None


def is_same(first: str, second: str) -> bool:
    """Whether two cells say the same: as text, or as numbers up to the tolerance."""
    try:
        return first == second or math.isclose(float(first), float(second), rel_tol=TOLERANCE)
    except ValueError:
        return False


def find_reached(names: Iterable[str], entries: Mapping[str, Iterable[str]]) -> set[str]:
    """Names of the study that are reached from some names, through what the named entries are made of.

    Parameters
    ----------
    names
        Where to begin.
    entries
        Name of a variable, scale, sample or set → the names that it is made of. A name stands for all columns that
        begin with it, such as ``trust`` for ``trust_z`` and ``fin`` for ``fin__loan``.

    Examples
    --------
    >>> sorted(find_reached({"trust_z"}, {"trust": ["t1"], "t1": [], "t2": []}))
    ['t1', 'trust']
    """
    found: set[str] = set()
    waiting = set(names)
    while waiting:
        stems = {name for word in waiting for name in list_stems(word)}
        new = (stems & entries.keys()) - found
        found |= new
        waiting = {name for entry in new for name in entries[entry]}
    return found


def list_stems(word: str) -> list[str]:
    """A name and its beginnings up to an underscore.

    Examples
    --------
    >>> list_stems("fin__loan")
    ['fin__loan', 'fin_', 'fin']
    """
    return [word, *(word[:place] for place in range(len(word) - 1, 0, -1) if word[place] == "_")]


def list_words(value: Any) -> set[str]:
    """Names in a plain value, formulas and conditions included."""
    return set(re.findall(r"[A-Za-z_]\w*", json.dumps(value, default=str)))


def read_entries(config: Mapping[str, Any], variables: Iterable[str]) -> dict[str, set[str]]:
    """Each variable, scale, sample and set of terms, with the names that it is made of."""
    entries: dict[str, set[str]] = {name: set() for name in variables}
    for key, text in flatten(config):
        if part := NAMED.match(key):
            entries.setdefault(part[1] or part[2], set()).update(list_words(text))
    return entries


def attribute_changes(
    moved: pd.DataFrame,
    inputs: pd.DataFrame,
    config: Mapping[str, Any],
    variables: Iterable[str],
    modules: Mapping[str, Iterable[str]],
    shown: Mapping[str, Iterable[str]],
) -> pd.DataFrame:
    """Add to each result that moved the changed inputs that it can rest on.

    A model's results rest on its own entry, on the variables, samples and sets that it names, directly or through
    others, on all that concerns whole responses (waves, cleaning, …), on every raw file, and on the modules that make
    them; a verdict on every model of its study, since it is adjusted for its family; an exhibit on the models it shows.

    ASSUME: with several such inputs changed at once, which of them moved a number cannot be told without running each
    alone, so all are named.

    Parameters
    ----------
    moved, inputs
        From :func:`compare_results` and :func:`compare_inputs`.
    config
        The configuration as it is now.
    variables
        Names of the codebook's variables.
    modules
        Result → modules that make it, as inputs name them; a result that is not there rests on every module.
    shown
        Exhibit → models that it shows.

    Examples
    --------
    >>> moved = pd.DataFrame({"result": ["estimates"], "model": ["a"]})
    >>> names = ["config.yaml: models[b].formula", "data/codebook.csv: x", "data/codebook.csv: y"]
    >>> inputs = pd.DataFrame({"input": names})
    >>> config = {"models": [{"id": "a", "formula": "x_z"}]}
    >>> attribute_changes(moved, inputs, config, ["x", "y"], {}, {})["can_rest_on"].tolist()
    ['data/codebook.csv: x']
    """
    entries = read_entries(config, variables)
    named = {str(entry["id"]): list_words(entry) for entry in config.get("models", [])}
    by_name = {key for key in config if NAMED.match(f"{key}[x]") or NAMED.match(f"{key}.x")}
    common = list_words({key: part for key, part in config.items() if key not in {*OWN, *by_name}})
    exhibits = {str(entry["id"]) for entry in config.get("exhibits", [])}

    def can_rest(result: str, model: str, name: str) -> bool:
        part, entry = split_input(name)
        models = [model] if model in named and result != "hypotheses" else shown.get(result, named)
        if part == "models":
            return entry in models
        if part in ("predictions", "hypotheses", "families"):
            return result == part or result in exhibits or (part == "families" and result == "hypotheses")
        if part == "exhibits":
            return entry == result
        if part == "modules":
            return result not in modules or name in modules[result]
        if part != "names" or result in exhibits:
            return part != "report"
        start = common.union(*(named[model] for model in models if model in named))
        return entry in reached.setdefault((*models,), find_reached(start, entries))

    reached: dict[tuple[str, ...], set[str]] = {}
    pairs = list(zip(moved["result"], moved["model"], strict=True))
    found = {
        (result, model): "; ".join(name for name in inputs["input"] if can_rest(result, model, name))
        for result, model in dict.fromkeys(pairs)
    }
    return moved.assign(can_rest_on=[found[pair] for pair in pairs])


def split_input(name: str) -> tuple[str, str]:
    """Which part of a study an input is, and its entry there: ``names`` for what is reached by name.

    Examples
    --------
    >>> [split_input(name) for name in ("config.yaml: models[M1].formula", "data/codebook.csv: t1", "data/raw/a.csv")]
    [('models', 'M1'), ('names', 't1'), ('', '')]
    """
    file, _, key = name.partition(": ")
    if file.startswith("scripts/"):
        return "modules", file
    if file != "config.yaml":
        return ("names", key) if key else ("", "")
    if part := NAMED.match(key):
        return "names", part[1] or part[2]
    part = re.match(r"(\w+)(?:\[([^\]]*)\])?", key)
    return (part[1], part[2] or "") if part else ("", "")


def write_page(title: str, label: str, moved: pd.DataFrame, inputs: pd.DataFrame, shown: int = 100) -> str:
    """Write the page of what changed, as HTML that stands alone: from the inputs to what they can have moved.

    Parameters
    ----------
    title, label
        Of the study, and of the kept results; without a label, nothing is kept yet.
    moved, inputs
        From :func:`attribute_changes` and :func:`compare_inputs`.
    shown
        Rows that a table of the page has at most; changes.csv has all.
    """
    since = f"What changed since {label}" if label else "What changed: nothing is kept yet"
    values = moved[moved["result"].isin(KEYS)]
    columns = {name: values[values["column"] == name] for name in ("verdict", "estimate", "n_obs")}
    if not label:
        said = "Keep these results with ./firmties keep LABEL; later runs are compared with those kept last."
    elif moved.empty:
        said = "Nothing moved: every estimate, count and verdict is as it was kept."
    else:
        rows = len(moved[["result", "row"]].drop_duplicates())
        said = (
            f"{len(moved)} values in {rows} rows moved: {len(columns['verdict'])} verdicts, {len(columns['estimate'])} "
            f"estimates and {len(columns['n_obs'])} numbers of observations among them."
        )
    number = {name: str(place) for place, name in enumerate(inputs["input"], 1)}
    size = pd.to_numeric(columns["estimate"]["standard_errors"], errors="coerce").abs()
    first = ["result", "row", "before", "after", "difference"]
    tables = {
        "Inputs that changed": inputs.assign(input=[f"{number[name]}. {name}" for name in inputs["input"]]),
        "Verdicts": columns["verdict"][first[1:4]],
        "What moved, and the numbers of the inputs it can rest on": count_moved(moved, number),
        "Estimates, those first that moved by most of their standard errors": columns["estimate"].loc[
            size.sort_values(ascending=False, kind="stable").index, [*first, "standard_errors"]
        ],
        "Numbers of observations": columns["n_obs"][first].query("result == 'models'"),
        "Rows that are new or gone": values.loc[
            values["column"].isin(["new row", "row gone"]), ["result", "row", "column"]
        ],
    }
    body = "".join(f"<h2>{heading}</h2>{tabulate(table, shown)}" for heading, table in tables.items() if len(table))
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(since)}</title><style>{STYLE}</style></head><body>"
        f"<h1>{html.escape(since)}</h1><p>{html.escape(title)}</p><p><strong>{said}</strong></p>"
        + ("<p>No input changed.</p>" if label and inputs.empty else "")
        + f"{body}</body></html>\n"
    )


def count_moved(moved: pd.DataFrame, number: Mapping[str, str]) -> pd.DataFrame:
    """Count the rows and values that moved in each result of each model, with the numbers of the inputs.

    Examples
    --------
    >>> moved = pd.DataFrame({"result": ["T1"], "model": [""], "row": ["a"], "can_rest_on": ["x; y"]})
    >>> count_moved(moved, {"x": "1", "y": "2"}).values.tolist()
    [['T1', '', 1, 1, '1, 2']]
    """
    columns = ["result", "model", "rows", "values", "inputs"]
    groups = moved.groupby(["result", "model", "can_rest_on"], sort=False)
    rows = [
        (
            *key[:2],
            part["row"].nunique(),
            len(part),
            ", ".join(number[name] for name in str(key[2]).split("; ") if name),
        )
        for key, part in groups
    ]
    return pd.DataFrame(rows, columns=columns)


def tabulate(table: pd.DataFrame, shown: int) -> str:
    """Write the first rows of a table as HTML, numbers to four digits; say how many more there are."""
    head = "".join(f"<th>{html.escape(str(name).replace('_', ' '))}</th>" for name in table)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(shorten(str(cell)))}</td>" for cell in row) + "</tr>"
        for row in table.head(shown).to_numpy().tolist()
    )
    more = f"<p>{len(table) - shown} more stand in changes.csv.</p>" if len(table) > shown else ""
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{more}'


def shorten(cell: str) -> str:
    """Write a decimal number with four digits; long text is cut.

    Examples
    --------
    >>> [shorten(cell) for cell in ("0.0919795", "1963", "T1")]
    ['0.09198', '1963', 'T1']
    """
    try:
        return f"{float(cell):.4g}" if "." in cell else cell
    except ValueError:
        return cell if len(cell) <= 160 else f"{cell[:159]}…"


STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:70em;margin:2em auto;padding:0 1em;color:#1a1a22}"
    ".wide{overflow-x:auto}table{border-collapse:collapse;font-size:.85em}"
    "th,td{text-align:left;padding:.3em .8em .3em 0;border-bottom:1px solid #ccc;vertical-align:top}"
)
