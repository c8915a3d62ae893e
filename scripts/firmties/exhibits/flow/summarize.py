"""Count every firm and response from the sampling frame to the analysis."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Any, NamedTuple

import pandas as pd

from firmties.display import codes_of, label_of
from firmties.errors import StudyError
from firmties.estimation import find_rows, sample_rows
from firmties.expressions import evaluate
from firmties.link import DISPOSITIONS

STEPS = ["frame", "invited", "reached", "started", "read", "kept", "outcome", "complete", "analysed"]

NOT_REACHED = ("NC", "UH", "UO")


class Line(NamedTuple):
    """One line of the flow in one wave; `number` is the count in a box, or that of an exit, entry or share."""

    part: str
    step: str
    text: str
    number: int


def summarize(sources: dict[str, Any], options: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Follow each wave from the frame and the sample file through the ledger to the model.

    A study without sample files starts at the responses read.

    Returns
    -------
    numbers
        One row a line and wave, in the order from top to bottom: wave, wave_label, part (``box``,
        ``of_which``, ``exit``, ``entry``), step (the box it leads to), label (of a box or share), n
        (of a box or share), exits (of an exit; negative for an entry), reason (of an exit or entry).
        Wave ``all`` holds the sums.
    notes
        What the caption needs.

    Raises
    ------
    StudyError
        If a response was both kept and removed, was removed twice or is missing from both, or a box is not the
        one before it less its exits.
    """
    panel, study, waves = sources["panel"], sources["study"], sources["waves"]
    ledger = sources["ledger"]
    removed = ledger.loc[ledger["variable"].isna() | (ledger["variable"] == "")]
    _check_responses(panel, removed, sources.get("flags"), study)
    rules = _order_rules(removed)
    fit = choose_fit(sources.get("fits", []), options)
    outcome = options.get("outcome") or (fit["outcome"] if fit else None)
    used = sample_rows(fit, panel) if fit and not fit["n_imputations"] else None
    complete = None
    if fit and fit["n_imputations"]:
        complete = sample_rows(choose_same(sources["fits_complete"], fit), panel)
        fits, tables = next(iter(sources["sets"]()))
        # The completed table has the panel's rows in the panel's order.
        used = panel.loc[find_rows(choose_same(fits, fit), tables["panel"])]

    flows: dict[Hashable, list[Line]] = {}
    for wave in waves["id"]:
        here = {name: table.loc[table["wave"] == wave] for name, table in (("panel", panel), ("removed", removed))}
        sample = sources["sample"].loc[sources["sample"]["wave"] == wave] if "sample" in sources else pd.DataFrame()
        lines = _follow_frame(sources.get("frame_margins", {}), wave, len(sample)) if len(sample) else []
        lines += _follow_sample(sample, here["panel"], here["removed"], study["firm"], sources["dictionary"])
        lines += _follow_ledger(here["panel"], here["removed"], rules)
        lines += _split_box(here["panel"], "kept", options.get("of_which", []), sources["dictionary"])
        if outcome is not None:
            lines += _follow_outcome(here["panel"], outcome, sources["dictionary"])
        if fit and used is not None:
            analysed = used.loc[used["wave"] == wave]
            if complete is not None:
                known = complete.loc[complete["wave"] == wave]
                lines += _follow_model(here["panel"], known, fit, "complete", f"Complete in {fit['model']}")
                lines.append(Line("entry", "analysed", "answers imputed", len(analysed) - len(known)))
                lines.append(Line("box", "analysed", f"Analysed in {fit['model']}", len(analysed)))
            else:
                lines += _follow_model(here["panel"], analysed, fit, "analysed", f"Analysed in {fit['model']}")
            lines += _split_box(analysed, "analysed", options.get("of_which", []), sources["dictionary"])
        flows[wave] = lines
    labels = dict(zip(waves["id"], waves["label"], strict=True))
    if len(flows) > 1:
        flows["all"] = [Line(*key, count) for key, count in _add_up(flows).items()]
        labels["all"] = "All waves"
    for wave, lines in flows.items():
        check_sums(lines, labels[wave])

    numbers = _list_lines(flows, labels)
    notes: dict[str, Any] = {
        "n_firms": int(panel[study["firm"]].nunique()),
        "n_firm_waves": len(panel),
        "waves": ", ".join(str(label) for wave, label in labels.items() if wave != "all"),
        "weights": fit["weights"] if fit else "none",
        "n_imputations": fit["n_imputations"] if fit else None,
        "panel_firms": int(panel[study["firm"]].nunique()),
        "panel_firm_waves": len(panel),
        "n_analysed": None if used is None else len(used),
        "model": fit["model"] if fit else None,
        "remark_sum": "Every box is the box above it, less the exits and plus the entries beside the arrow."
        + (" All waves: a firm counts once a wave." if len(waves) > 1 else ""),
        "remark_sets": "Imputed sets differ in rows; the first one is counted."
        if fit and "n_obs_most" in fit
        else None,
        "remark_sample": None
        if "sample" in sources
        else "There are no sample files, so the flow starts at the responses read.",
    }
    return numbers, notes


def check_sums(lines: list[Line], wave: object) -> None:
    """Check that every box is the box before it, less its exits, plus its entries.

    Examples
    --------
    >>> check_sums([Line("box", "read", "", 9), Line("exit", "kept", "", 2), Line("box", "kept", "", 8)], 1)
    Traceback (most recent call last):
    firmties.errors.StudyError: wave 1: the flow does not add up at 'kept': 7 expected, 8 found
    """
    expected: int | None = None
    for line in lines:
        if line.part == "box":
            if expected is not None and expected != line.number:
                raise StudyError(
                    f"wave {wave}: the flow does not add up at '{line.step}': {expected} expected, {line.number} found"
                )
            expected = line.number
        elif line.part in ("exit", "entry") and expected is not None:
            expected += line.number if line.part == "entry" else -line.number


def _check_responses(
    panel: pd.DataFrame, removed: pd.DataFrame, flags: pd.DataFrame | None, study: dict[str, Any]
) -> None:
    """Check that every response is either kept or removed, once."""
    response = study.get("response")
    if response not in panel:
        return
    gone = removed[["wave", "response", "rule"]].dropna().astype({"response": "str"})
    kept = set(zip(panel["wave"], panel[response].astype("str"), strict=True))
    keys = list(zip(gone["wave"], gone["response"], strict=True))
    problems = [
        f"ledger: wave {wave}: response {key} is removed ({rule}) and kept"
        for (wave, key), rule in zip(keys, gone["rule"], strict=True)
        if (wave, key) in kept
    ]
    twice = gone[gone.duplicated(["wave", "response"])]
    problems += [
        f"ledger: wave {wave}: response {key} is removed twice ({rule})"
        for wave, key, rule in twice.itertuples(index=False)
    ]
    if flags is not None:
        known = kept | set(keys)
        seen = zip(flags["wave"], flags["response"].astype("str"), strict=True)
        problems += [
            f"ledger: wave {wave}: response {key} is neither kept nor removed"
            for wave, key in seen
            if (wave, key) not in known
        ]
    if problems:
        raise StudyError(problems)


def _order_rules(removed: pd.DataFrame) -> list[str]:
    """Put the rules in one order that agrees with the ledger's in every wave."""
    orders = [list(dict.fromkeys(rows["rule"])) for _, rows in removed.groupby("wave")]
    first = list(dict.fromkeys(rule for order in orders for rule in order))
    before: dict[str, list[str]] = {rule: [] for rule in first}
    for order in orders:
        for earlier, later in pairwise(order):
            before[later].append(earlier)
    try:
        return list(TopologicalSorter(before).static_order())
    except CycleError:
        return first


def choose_fit(fits: Sequence[dict[str, Any]], options: Mapping[str, Any]) -> dict[str, Any] | None:
    """Find the last block of the model and outcome asked for, or of the first model that was fitted on the panel."""
    fitted = [fit for fit in fits if fit["status"] != "failed" and fit["table"] == "panel"]
    for key in ("model", "outcome"):
        fitted = [fit for fit in fitted if key not in options or fit[key] == options[key]]
    same = ("model", "outcome", "sample")
    return [fit for fit in fitted if all(fit[key] == fitted[0][key] for key in same)][-1] if fitted else None


def choose_same(fits: Sequence[dict[str, Any]], fit: Mapping[str, Any]) -> dict[str, Any]:
    """Find the fit of the same model, outcome, sample and block among others, such as those to complete cases."""
    same = ("model", "outcome", "sample", "block")
    return next(other for other in fits if all(other[key] == fit[key] for key in same))


def _follow_frame(
    margins: Mapping[Hashable, Mapping[str, Mapping[str, int]]], wave: Hashable, invited: int
) -> list[Line]:
    if wave not in margins:
        return []
    # Each variable covers the whole frame, so the first one's categories add up to its size.
    size = sum(next(iter(margins[wave].values())).values())
    return [
        Line("box", "frame", "In the sampling frame", size),
        Line("exit", "invited", "not drawn", max(size - invited, 0)),
        Line("entry", "invited", "invited beyond the frame", max(invited - size, 0)),
    ]


def _split_box(rows: pd.DataFrame, step: str, variables: Sequence[str], dictionary: pd.DataFrame) -> list[Line]:
    """Count the codes of variables within a box; yes, no and a label that came before follow the variable's own."""
    lines: dict[str, Line] = {}
    for name in variables:
        for code, label in codes_of(dictionary, name, rows[name].dropna()).items():
            label = {"True": "yes", "False": "no"}.get(label, label)
            is_plain = label not in lines and label not in ("yes", "no")
            text = label if is_plain else f"{label_of(dictionary, name)}: {label}"
            lines[text] = Line("of_which", step, text, int((rows[name].astype("str") == code).sum()))
    return list(lines.values())


def _follow_sample(
    sample: pd.DataFrame, panel: pd.DataFrame, removed: pd.DataFrame, firm: str, dictionary: pd.DataFrame
) -> list[Line]:
    if sample.empty:
        return []
    lines = [Line("box", "invited", "Invited", len(sample))]
    lines += _split_box(sample, "invited", ["sample_type"] if "sample_type" in sample else [], dictionary)
    responses = pd.concat([panel[firm], removed["firm"]]).astype("str")
    answered = sample[firm].astype("str").isin(set(responses))
    missed = sample["disposition"].isin(NOT_REACHED)
    lines += _list_exits(sample.loc[missed, "disposition"], "reached")
    lines.append(Line("box", "reached", "Reached", int((~missed).sum())))
    lines += _list_exits(sample.loc[~missed & ~answered, "disposition"], "started")
    started = set(sample.loc[~missed & answered, firm].astype("str"))
    lines.append(Line("box", "started", "Started", len(started)))
    from_started = responses.isin(started)
    entries = {
        "further response of the same firm": int(from_started.sum()) - len(started),
        "response from outside the firms reached": int((~from_started).sum()),
    }
    return lines + [Line("entry", "read", text, n) for text, n in entries.items()]


def _list_exits(dispositions: pd.Series, step: str) -> list[Line]:
    counts = dispositions.value_counts()
    unread = " by the sample file, but no response read"
    return [
        Line("exit", step, name.lower() + (unread if code in ("I", "P") else ""), int(counts.get(code, 0)))
        for code, name in DISPOSITIONS.items()
    ]


def _follow_ledger(panel: pd.DataFrame, removed: pd.DataFrame, rules: list[str]) -> list[Line]:
    counts = removed["rule"].value_counts()
    return [
        Line("box", "read", "Responses read", len(panel) + len(removed)),
        *(Line("exit", "kept", rule, int(counts.get(rule, 0))) for rule in rules),
        Line("box", "kept", "Kept", len(panel)),
    ]


def _follow_outcome(panel: pd.DataFrame, outcome: str, dictionary: pd.DataFrame) -> list[Line]:
    known = int(panel[outcome].notna().sum())
    label = label_of(dictionary, outcome)
    return [
        Line("exit", "outcome", f"{label}: missing", len(panel) - known),
        Line("box", "outcome", "With outcome", known),
    ]


def _follow_model(panel: pd.DataFrame, used: pd.DataFrame, fit: dict[str, Any], step: str, text: str) -> list[Line]:
    with_outcome = panel.loc[panel[fit["outcome"]].notna()]
    inside = len(with_outcome)
    if fit["condition"]:
        inside = int(evaluate(fit["condition"], with_outcome).fillna(False).sum())
    return [
        Line("exit", step, f"outside the sample '{fit['sample']}'", len(with_outcome) - inside),
        Line("exit", step, "another variable of the model missing", inside - len(used)),
        Line("box", step, text, len(used)),
    ]


def _add_up(flows: dict[Hashable, list[Line]]) -> dict[tuple[str, str, str], int]:
    """Sum the waves, from the first step that all of them have on."""
    shared = set.intersection(*({line.step for line in lines if line.part == "box"} for lines in flows.values()))
    first = min(shared, key=STEPS.index)
    return {
        key: sum(line.number for lines in flows.values() for line in lines if line[:3] == key)
        for key in _merge_keys(flows)
        if key[1] in shared and not (key[1] == first and key[0] in ("exit", "entry"))
    }


def _merge_keys(flows: dict[Hashable, list[Line]]) -> list[tuple[str, str, str]]:
    """Put the lines of all waves in one order: steps as they follow each other, exits before the box they lead to."""
    parts = {"exit": 0, "entry": 1, "box": 2, "of_which": 3}
    seen = list(dict.fromkeys(line[:3] for lines in flows.values() for line in lines))
    return sorted(seen, key=lambda key: (STEPS.index(key[1]), parts[key[0]]))


def _list_lines(flows: dict[Hashable, list[Line]], labels: dict[Hashable, str]) -> pd.DataFrame:
    # What nobody took in any wave is not shown.
    taken = {line[:3] for lines in flows.values() for line in lines if line.number or line.part == "box"}
    order = {key: place for place, key in enumerate(key for key in _merge_keys(flows) if key in taken)}
    rows = []
    for wave, lines in flows.items():
        for line in lines:
            if line[:3] not in taken:
                continue
            counted = line.part in ("box", "of_which")
            rows.append(
                {
                    "wave": str(wave),
                    "wave_label": labels[wave],
                    "line": order[line[:3]],
                    "part": line.part,
                    "step": line.step,
                    "label": line.text if counted else "",
                    "n": line.number if counted else pd.NA,
                    "exits": pd.NA if counted else line.number if line.part == "exit" else -line.number,
                    "reason": "" if counted else line.text,
                }
            )
    return pd.DataFrame(rows).astype({"n": "Int64", "exits": "Int64"})
