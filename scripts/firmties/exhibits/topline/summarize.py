"""Numbers of the topline: a row an answer (or a figure) and wave."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from firmties.disclosure import POOLED, find_minimum, is_telling, mask_waves, pool_reasons
from firmties.display import as_codes, codes_of

KINDS = {
    "no_answer": "No answer",
    "not_applicable": "Not applicable",
    "dont_know": "Don't know",
    "refused": "Refused",
    "lost": "Removed by a rule",
    "not_asked": "Not asked",
}
OTHER_REASON = "Reason not shown (few)"
NOT_COUNTED = ("id", "text", "datetime", "json")
COLUMNS = ["question", "label", "part", "row", "wave", "wave_label", "value", "share"]


@dataclass
class Question:
    """A question: its columns by choice; the only choice is ``""`` where one answer may be given."""

    name: str
    label: str
    type: str
    codes: dict[str, str]
    choices: dict[str, list[str]] = field(default_factory=dict)


def summarize(sources: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Count answers and kinds of missing answers of every question of the codebook in every wave.

    Questions that differ in a number alone (the partner or network asked about) are taken together.

    Returns
    -------
    tuple
        Rows with ``question`` (variable), ``label``, ``part`` (answered, answer, choice, figure, missing, not asked),
        ``row`` (label of the row), wave, ``value`` (number or figure) and ``share`` (answers: of those who answered;
        answered and missing: of all who could have). Texts, dates, identifiers and what the codebook marks as
        identifying are not shown. A hidden number is blank, with its share; small reasons of missing answers are
        one row; figures of few are blank (:mod:`firmties.disclosure`).
    """
    panel, kinds, dictionary, waves = (sources[name] for name in ("panel", "kinds", "dictionary", "waves"))
    entries = dictionary.loc[(dictionary["table"] == "panel") & dictionary["variable"].isin(panel.columns)]
    if wanted := options.get("variables"):
        entries = entries.loc[
            entries["variable"].str.partition("__")[0].isin(wanted) | entries["variable"].isin(wanted)
        ]
    else:
        entries = entries.loc[entries["origin"] == "codebook"]
    hidden = entries["type"].isin(NOT_COUNTED)
    if "identifying" in entries:
        hidden |= entries["identifying"].astype("str") == "1"
    few, ids = find_minimum(sources["study"]), list(waves["id"])
    labels = dict(zip(ids, waves["label"].astype(str), strict=True))
    of_wave = panel["wave"].map({wave: at for at, wave in enumerate(ids)}).to_numpy()
    rows: list[tuple[Any, ...]] = []
    questions = group_questions(entries.loc[~hidden], dictionary)
    for question in questions:
        for wave, part, row, value, share in count_question(question, panel, kinds, of_wave, len(ids), few):
            rows.append((question.name, question.label, part, row, ids[wave], labels[ids[wave]], value, share))
    notes = {
        "n_firms": int(panel[sources["study"]["firm"]].nunique()),
        "n_firm_waves": len(panel),
        "panel_firms": int(panel[sources["study"]["firm"]].nunique()),
        "panel_firm_waves": len(panel),
        "waves": ", ".join(labels.values()),
        "weights": "none",
        "n_questions": len(questions),
        "n_not_shown": int(hidden.sum()),
        "minimum_cell": few,
    }
    return pd.DataFrame(rows, columns=COLUMNS), notes


def group_questions(entries: pd.DataFrame, dictionary: pd.DataFrame) -> list[Question]:
    """Gather the columns of each question: choices, and slots whose name and label differ in numbers alone.

    Examples
    --------
    >>> words = pd.DataFrame({"variable": ["a1_kind", "a2_kind", "use__mail"], "codes": ["x=firm", "x=firm", ""]})
    >>> words["label"] = ["partner 1: kind", "partner 2: kind", "used: mail"]
    >>> words["type"] = ["category", "category", "boolean"]
    >>> for question in group_questions(words, words):
    ...     print(question.name, question.label, question.choices)
    a1_kind … a2_kind partner 1–2: kind {'': ['a1_kind', 'a2_kind']}
    use used {'mail': ['use__mail']}
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for entry in entries.to_dict("records"):
        name, _, choice = str(entry["variable"]).partition("__")
        label = str(entry["label"])
        if choice:
            label, _, choice = label.rpartition(": ") if ": " in label else (name, "", choice)
        # A name that stands for want of a label says nothing of what was asked.
        key = (name, label) if label == name else (re.sub(r"\d+", "#", name), re.sub(r"\d+", "#", label))
        question = found.setdefault(key, {"entry": entry, "names": {}, "labels": {}, "choices": {}})
        question["names"][name] = question["labels"][label] = None
        question["choices"].setdefault(choice, []).append(entry["variable"])
    return [
        Question(
            name=" … ".join(dict.fromkeys([names[0], names[-1]])),
            label=pool_numbers(list(item["labels"])),
            type="multiple" if "" not in item["choices"] else str(item["entry"]["type"]),
            codes=codes_of(dictionary, item["entry"]["variable"]) if "" in item["choices"] else {},
            choices=item["choices"],
        )
        for item, names in ((item, list(item["names"])) for item in found.values())
    ]


def pool_numbers(labels: Sequence[str]) -> str:
    """Write labels that differ in numbers alone as one: each number that varies as its range."""
    numbers = [re.findall(r"\d+", label) for label in labels]
    ranges = [sorted({int(number) for number in at}) for at in zip(*numbers, strict=True)]
    texts = iter(f"{values[0]}–{values[-1]}" if len(values) > 1 else str(values[0]) for values in ranges)
    return re.sub(r"\d+", lambda _: next(texts), labels[0])


def count_question(
    question: Question, panel: pd.DataFrame, kinds: pd.DataFrame, of_wave: np.ndarray, n_waves: int, few: int
) -> Iterator[tuple[int, str, str, float | None, float | None]]:
    """Yield the rows of one question: (position of the wave, part, row label, value, share)."""
    columns = next(iter(question.choices.values()))
    slots = np.tile(of_wave, len(columns))
    values = pd.concat([panel[name] for name in columns], ignore_index=True)
    why = pd.concat([kinds[name] for name in columns], ignore_index=True).fillna("")
    answered = values.notna().to_numpy()
    n = np.bincount(slots, minlength=n_waves)
    n_answered = np.bincount(slots[answered], minlength=n_waves)
    absent = {kind: np.bincount(slots[(why == kind).to_numpy()], minlength=n_waves) for kind in KINDS}
    asked = absent["not_asked"] < n
    for at in range(n_waves):
        if asked[at]:
            yield at, "answered", "Answered", int(n_answered[at]), n_answered[at] / n[at]
        else:
            yield at, "not asked", "Answered", None, None
    positions: list[int] = np.flatnonzero(asked).tolist()
    answers = list(count_answers(question, panel, values, slots, n_waves))
    for (part, label, counts), hidden in zip(answers, hide_answers(answers, n_answered, few), strict=True):
        for at in positions:
            shown = not hidden[at]
            share = counts[at] / n_answered[at] if n_answered[at] and shown else None
            yield at, part, label, int(counts[at]) if shown else None, share
    if question.type in ("number", "integer") and not question.codes:
        grouped = values.astype(float).groupby(slots)
        figures = {name: grouped.agg(name).to_dict() for name in ("mean", "std")}
        # The smallest and the largest answer are one respondent's, so the deciles next to them are shown.
        deciles = {share: grouped.quantile(share).to_dict() for share in (0.1, 0.9)}
        for at in (at for at in positions if n_answered[at]):
            mean, sd = (figures[name][at] for name in ("mean", "std"))
            low, high = (deciles[share][at] for share in (0.1, 0.9))
            telling = is_telling(values[slots == at], few)
            yield at, "figure", "Mean, SD", None if telling else mean, None if telling else sd
            telling |= n_answered[at] < 10 * (few - 1)
            yield at, "figure", "Lowest, highest decile", None if telling else low, None if telling else high
    # Each wave alone, so that a further wave moves nothing of an earlier one.
    for at in positions:
        pooled = pool_reasons(pd.Series({kind: int(absent[kind][at]) for kind in POOLED}), few)
        reasons = {label: int(absent[kind][at]) for kind, label in KINDS.items() if kind not in pooled}
        reasons[OTHER_REASON] = sum(int(absent[kind][at]) for kind in pooled)
        for label, count in reasons.items():
            if count:
                yield at, "missing", label, count, count / n[at]


def hide_answers(answers: Sequence[tuple[str, str, np.ndarray]], n_answered: np.ndarray, few: int) -> list[np.ndarray]:
    """Choose for each answer the waves in which its number is hidden.

    The answers to a question add up to those who answered, which is always shown; a choice of several, and those who
    did not choose it, do; see `disclosure.mask_waves`.

    Examples
    --------
    >>> counts = {"a": [3, 20], "b": [9, 30], "c": [8, 30]}
    >>> rows = [("answer", label, np.array(numbers)) for label, numbers in counts.items()]
    >>> [hidden.tolist() for hidden in hide_answers(rows, np.array([20, 80]), 5)]
    [[True, True], [False, False], [True, True]]
    """
    tables = [(label, counts) for part, label, counts in answers if part == "answer"]
    groups = [tables] if tables else []
    groups += [[(label, counts), ("", n_answered - counts)] for part, label, counts in answers if part == "choice"]
    masks: dict[tuple[int, str], np.ndarray] = {}
    n_waves = len(n_answered)
    # Where fewer answered than can be hidden among, an empty answer would tell, too.
    scant = (n_answered > 0) & (n_answered < 2 * few) if few > 1 else np.zeros(n_waves, dtype=bool)
    for at, group in enumerate(groups):
        mask, _ = mask_waves(pd.DataFrame(dict(enumerate(counts for _, counts in group))), few)
        for number, (label, _) in enumerate(group):
            masks[at, label] = mask[number].to_numpy() | scant
    places = [0 if part == "answer" else number for number, (part, *_) in enumerate(answers)]
    return [masks[place, label] for place, (_, label, _) in zip(places, answers, strict=True)]


def count_answers(
    question: Question, panel: pd.DataFrame, values: pd.Series, slots: np.ndarray, n_waves: int
) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield what was answered: (part, label, number in each wave)."""
    if question.type == "multiple":
        for choice, columns in question.choices.items():
            chosen = (
                pd.concat([panel[name] for name in columns], ignore_index=True).fillna(False).astype(bool).to_numpy()
            )
            yield "choice", choice, np.bincount(slots[chosen], minlength=n_waves)
        return
    if question.type in ("number", "integer") and not question.codes:
        return
    codes = as_codes(values)
    listed = dict(question.codes) or ({"true": "Yes", "false": "No"} if question.type == "boolean" else {})
    for code in [*listed, *sorted(set(codes.dropna()) - listed.keys())]:
        label = listed.get(code, code)
        shown = f"{code} {label}" if re.fullmatch(r"-?\d+", code) and label != code else label
        yield "answer", shown, np.bincount(slots[(codes == code).fillna(False).to_numpy(dtype=bool)], minlength=n_waves)
