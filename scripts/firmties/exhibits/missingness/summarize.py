"""Numbers of the figure of missing answers: groups of questions by wave, reasons, patterns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from firmties.disclosure import POOLED, bound_hidden, find_minimum, mask_table, pool_reasons
from firmties.display import ENOUGH, as_codes, codes_of, describe_rows, label_of
from firmties.exhibits.topline.summarize import group_questions as gather_questions

REASONS = {"no_answer": "no answer", "dont_know": "don't know", "refused": "refused", "lost": "removed as implausible"}
"""Why an answer is missing although the question was put and applied."""
MOST = 10
"""Patterns shown."""
COLUMNS = [
    "part", "group", "label", "wave", "wave_label", "n_items", "n_asked", "n_applied", "missing", *REASONS,
    "not_applicable", "line", "states", "n", "percent", "n_group",
]  # fmt: skip


def summarize(sources: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Count what is missing, by reason.

    A question that a wave did not ask, or that did not apply to the firm, is not missing: the base of a percentage is
    the answers of kept responses to questions that were asked and applied. A group without any missing answer or
    planned gap has no rows; the notes name it.

    Returns
    -------
    numbers
        ``part`` is ``cell`` (a group in a wave), ``group`` (in all waves) or ``pattern``. A cell or group has n_items,
        n_asked (questions of the group that the wave asked; 0: a planned gap), n_applied (the base), missing, of a
        group one column a reason (per cent of the base; blank where the base is below 10, or where it would give a
        question's few away), not_applicable (per cent of the answers asked). A pattern has its place (``line``), one
        letter a question in ``states`` (``.`` answered, ``m`` missing, ``-`` not asked, ``n`` not applicable), its
        number and per cent in each code of the variable that splits them (``label``); small counts, and what would
        give them away, are blank.
    notes
        What the caption needs; ``pattern_questions``: labels of the questions, joined by ``|``.
    """
    kinds, panel, dictionary, waves = (sources[name] for name in ("kinds", "panel", "dictionary", "waves"))
    few = find_minimum(sources["study"])
    groups = group_questions(dictionary, kinds, options) if "by" in options else {}
    pooled = pool_slots(dictionary)
    labels = dict(zip(waves["id"], waves["label"].astype(str), strict=True))
    rows = []
    gapless = []
    for group, names in groups.items():
        counts = count_reasons(kinds[names])
        if counts["missing"] == 0 and not (kinds[names] == "not_asked").any(axis=None):
            gapless.append(group)
            continue
        label = label_of(dictionary, group) if options["by"] == "variable" else group
        for wave in labels:
            here = kinds.loc[(panel["wave"] == wave).to_numpy(), names]
            # Of a wave only how much is missing: its reasons would give the few of a question in a wave away.
            rows.append(
                {"part": "cell", "group": group, "label": label, "wave": wave, "wave_label": labels[wave]}
                | {name: value for name, value in count_reasons(here).items() if name not in REASONS}
            )
        withheld = withhold_reasons(count_lines(kinds[names], panel["wave"], pooled), few)
        rows.append({"part": "group", "group": group, "label": label} | counts | dict.fromkeys(withheld, np.nan))
    notes: dict[str, Any] = describe_rows(panel, sources["study"], waves)
    if wanted := options.get("patterns"):
        names = [find_question(name, kinds) for name in wanted["variables"]]
        split = wanted.get("split")
        rows += list_patterns(kinds[names], panel[split] if split else None, split or "", dictionary, few)
        notes["pattern_questions"] = "|".join(label_of(dictionary, name) for name in names)
        notes["split_label"] = label_of(dictionary, split) if split else None
        notes["remark_patterns"] = f"The {MOST} commonest patterns at most." + (
            f" Hidden: fewer than {few} firm-waves, or a number that would give such a one away." if few > 1 else ""
        )
    if "by" in options:
        notes["remark_gapless"] = f"Nothing is missing in: {', '.join(gapless)}." if gapless else None
        notes["remark_base"] = (
            "Missing: per cent of the answers to questions that were asked and applied to the firm. "
            "Not asked: a planned gap of the questionnaire, no missing answer. "
            f"Fewer than {ENOUGH} answers: no percentage."
            + (" Reasons not told apart: one would give away what few of them said." if few > 1 else "")
        )
    whole = dict.fromkeys(("n_items", "n_asked", "n_applied", "line", "n", "n_group"), "Int64")
    return pd.DataFrame(rows, columns=COLUMNS).astype(whole), notes


def find_question(name: str, kinds: pd.DataFrame) -> str:
    """Find a question's column; a multi-select question is known by its first choice, as all have one reason."""
    return name if name in kinds else next(str(column) for column in kinds if str(column).startswith(f"{name}__"))


def group_questions(dictionary: pd.DataFrame, kinds: pd.DataFrame, options: Mapping[str, Any]) -> dict[str, list[str]]:
    """List the questions of each group, in the codebook's order; a multi-select question once.

    Keys, what may name somebody, and what the workflow computed are no questions.
    """
    asked = dictionary[
        (dictionary["table"] == "panel")
        & (dictionary["origin"] == "codebook")
        & (dictionary["identifying"].astype("str") != "1")
        & dictionary["variable"].isin(kinds.columns)
    ]
    groups: dict[str, list[str]] = {}
    seen: set[str] = set()
    for entry in asked.fillna("").to_dict("records"):
        question = entry["variable"].partition("__")[0]
        group = question if options["by"] == "variable" else entry[options["by"]] or "other"
        if question not in seen and group not in options.get("omit", []):
            groups.setdefault(group, []).append(entry["variable"])
        seen.add(question)
    return groups


def count_reasons(kinds: pd.DataFrame) -> dict[str, Any]:
    """Count the reasons of some questions' missing answers.

    Examples
    --------
    >>> found = count_reasons(pd.DataFrame({"a": ["", "refused"] * 10, "b": "not_asked"}))
    >>> found["n_items"], found["n_asked"], found["n_applied"], found["missing"], found["refused"]
    (2, 1, 20, 50.0, 50.0)
    """
    asked = kinds != "not_asked"
    counts = pd.Series(kinds.to_numpy().ravel()).value_counts()
    n_asked = int(asked.to_numpy().sum())
    off = int(counts.get("not_applicable", 0))
    base = n_asked - off
    share = {reason: 100 * int(counts.get(reason, 0)) / base if base >= ENOUGH else np.nan for reason in REASONS}
    return {
        "n_items": kinds.shape[1],
        "n_asked": int(asked.any().sum()),
        "n_applied": base,
        "missing": sum(share.values()),
        **share,
        "not_applicable": 100 * off / n_asked if n_asked >= ENOUGH else np.nan,
    }


def pool_slots(dictionary: pd.DataFrame) -> dict[str, str]:
    """Name for each variable the question under which the topline takes it together with others."""
    return {
        name: question.name
        for question in gather_questions(dictionary.loc[dictionary["table"] == "panel"], dictionary)
        for names in question.choices.values()
        for name in names
    }


def count_lines(kinds: pd.DataFrame, wave: pd.Series, pooled: Mapping[str, str]) -> pd.DataFrame:
    """Count the reasons of each question in each wave: one row a question and wave, one column a reason."""
    questions = np.repeat([pooled.get(str(name), str(name)) for name in kinds], len(kinds))
    counts = pd.crosstab([questions, np.tile(wave.to_numpy(), kinds.shape[1])], kinds.to_numpy().T.ravel())
    return counts.reindex(columns=list(POOLED), fill_value=0)


def withhold_reasons(lines: pd.DataFrame, few: int) -> list[str]:
    """Choose the reasons whose sum over a group of questions is not shown, as it would give away a question's few.

    Parameters
    ----------
    lines
        As of `count_lines`. The topline shows of each how many answers are missing, and reasons that are not few.

    Examples
    --------
    >>> index = pd.MultiIndex.from_product([["q"], [1, 2]])
    >>> withhold_reasons(pd.DataFrame({"no_answer": [20, 30], "refused": [0, 3]}, index), 5)
    ['no_answer', 'refused']
    >>> withhold_reasons(pd.DataFrame({"no_answer": [20, 30], "refused": [6, 8]}, index), 5)
    []
    """
    withheld = pool_reasons(lines.sum(), few)
    values: list[int] = []
    of_line: list[list[int]] = []
    of_reason: dict[str, list[int]] = {name: [] for name in lines.columns if name not in withheld}
    for _, own in lines.iterrows():
        if hidden := pool_reasons(own, few):
            of_line.append(list(range(len(values), len(values) + len(hidden))))
            for name in hidden:
                of_reason.get(name, []).append(len(values))
                values.append(int(own[name]))
    if not values:
        return withheld
    n_cells = len(values)
    parts = [*of_line, *filter(None, of_reason.values())]
    sums = [(n_cells + at, cells) for at, cells in enumerate(parts)]
    known = np.array([*values, *(sum(values[i] for i in cells) for cells in parts)])
    bounds = bound_hidden(known, np.arange(len(known)) < n_cells, sums, least=0)
    wide = [bounds[i][1] - bounds[i][0] >= min(few, sum(values[j] for j in cells)) for cells in of_line for i in cells]
    return withheld if all(wide) else list(lines.columns)


def list_patterns(
    kinds: pd.DataFrame, split: pd.Series | None, name: str, dictionary: pd.DataFrame, few: int
) -> list[dict[str, Any]]:
    """List the commonest patterns, and how often each comes in the groups of `split`; rows without one are left out.

    The mask is chosen with all rarer patterns as one row, as the sums of the groups are published.
    """
    letters = {"": ".", "not_asked": "-", "not_applicable": "n"}
    words, place = {"all": "All"}, pd.Series("all", index=kinds.index)
    if split is not None:
        place = as_codes(split).reset_index(drop=True)
        words = {
            code: label for code, label in codes_of(dictionary, name, place.dropna()).items() if (place == code).any()
        }
        kinds, place = kinds.loc[place.notna().to_numpy()], place.dropna()
    letter = kinds.apply(lambda column: column.map(lambda kind: letters.get(kind, "m")))
    states = letter.agg("".join, axis=1)
    ranked = states.value_counts()
    common = sorted(ranked.index, key=lambda pattern: (-ranked[pattern], pattern))[:MOST]
    shown = states.to_numpy(dtype="object")
    rest = np.where(pd.Series(shown).isin(common), shown, "rest")
    counts = pd.crosstab(rest, place.to_numpy()).reindex(
        index=[*common, *(["rest"] if "rest" in rest else [])], columns=list(words), fill_value=0
    )
    hidden, _, hidden_groups = mask_table(counts, few)
    totals = counts.sum()
    return [
        {
            "part": "pattern",
            "line": line,
            "states": pattern,
            "group": code,
            "label": words[code],
            "n": pd.NA if hidden.loc[pattern, code] else int(counts.loc[pattern, code]),
            "percent": np.nan
            if hidden.loc[pattern, code] or unknown or totals[code] < ENOUGH
            else 100 * counts.loc[pattern, code] / totals[code],
            "n_group": pd.NA if unknown else int(totals[code]),
        }
        for line, pattern in enumerate(counts.index)
        if pattern != "rest"
        for code, unknown in zip(words, hidden_groups, strict=True)
    ]
