"""Numbers of the table of measurement invariance: a row a scale, a step, a factor mean, an item that changed."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from firmties.codebook import Variable
from firmties.display import codes_of, describe_rows, label_of
from firmties.errors import StudyError, describe_allowed
from firmties.exhibits.topline.summarize import pool_numbers

NOT_QUESTIONS = ("id", "datetime", "json")
COLUMNS = [
    "part", "scale", "label", "groups", "items", "n", "n_smallest", "level", "freed", "level_one_row", "congruence",
    "consequence", "means_comparable", "reason", "step", "chi2", "df", "p_value", "cfi", "rmsea", "srmr",
    "cfi_change", "rmsea_change", "srmr_change", "holds", "group", "mean", "conf_low", "conf_high", "item", "wave",
    "wave_label", "state",
]  # fmt: skip


def summarize(sources: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Collect what the tests found over one grouping, and what of the items changed between the waves.

    Returns
    -------
    numbers
        ``part``: ``scale`` (what was reached and what follows), ``step`` (fit of a step on all rows), ``mean`` (factor
        mean of a group, in standard deviations of the first group's factor) or ``item`` (state of an item in a wave).

    Raises
    ------
    StudyError
        If the study does not test invariance over this grouping.
    """
    over = options.get("over", "wave")
    tested = [] if "invariance" not in sources else list(sources["invariance"]["grouping"].unique())
    if over not in tested:
        raise StudyError(
            f"config.yaml: exhibits: over: '{over}' is not among invariance: over:, so nothing was tested; "
            f"{describe_allowed(over, tested)}"
        )
    panel, dictionary, waves = sources["panel"], sources["dictionary"], sources["waves"]
    words = dict(zip(waves["id"].astype(str), waves["label"].astype(str), strict=True))
    words = words if over == "wave" else codes_of(dictionary, over)
    parts = []
    for part, name in (("scale", "invariance"), ("step", "invariance_steps"), ("mean", "invariance_means")):
        own = sources[name].loc[sources[name]["grouping"] == over]
        own = own.mask(own.eq("")).assign(part=part)
        parts.append(own.loc[own["sample"] == "all"] if part == "step" else own)
    parts[0] = parts[0].assign(groups=[word_groups(groups, words) for groups in parts[0]["groups"]])
    parts[2] = parts[2].assign(group=[words.get(f"{group}".removesuffix(".0"), group) for group in parts[2]["group"]])
    if over == "wave" and options.get("items", True):
        renamed = find_renamed(sources["codebook"], sources["crosswalk"], waves)
        parts.append(list_changes(sources["codebook"], sources["crosswalk"], waves, renamed).assign(part="item"))
    kept = [part.dropna(axis=1, how="all") for part in parts if len(part)]
    numbers = pd.concat(kept, ignore_index=True).reindex(columns=COLUMNS) if kept else pd.DataFrame(columns=COLUMNS)
    notes = describe_rows(panel, sources["study"], waves)
    notes["over"] = "waves" if over == "wave" else label_of(dictionary, over)
    if over == "wave" and options.get("items", True) and renamed:
        named = ", ".join(words[str(wave)] for wave in renamed)
        notes["remark_renamed"] = f"Not listed: that the file of {named} names most questions otherwise."
    verdicts = sources["invariance"].loc[sources["invariance"]["grouping"] == over]
    notes |= word_left_out(verdicts.mask(verdicts.eq("")), words)
    return numbers, notes


def word_groups(groups: Any, words: Mapping[str, str]) -> str:
    """Name groups, given as codes joined by bars.

    Examples
    --------
    >>> word_groups("1|2", {"1": "2021", "2": "2022"}), word_groups(1.0, {"1": "2021"})
    ('2021, 2022', '2021')
    """
    codes = [] if pd.isna(groups) else str(groups).removesuffix(".0").split("|")
    return ", ".join(words.get(code, code) for code in codes)


def word_left_out(verdicts: pd.DataFrame, words: Mapping[str, str]) -> dict[str, Any]:
    """Say which items and groups the comparison could not use."""
    items, groups = [], []
    for row in verdicts.to_dict("records"):
        for entry in str(row["dropped_items"]).split("|") if not pd.isna(row["dropped_items"]) else []:
            item, _, lacking = entry.partition(": ")
            items.append(f"{item} ({row['label']}; not in {word_groups(lacking.replace(', ', '|'), words)})")
        if not pd.isna(row["dropped_groups"]):
            groups.append(f"{word_groups(row['dropped_groups'], words)} ({row['label']})")
    return {
        "remark_items": f"Compared without items that a group did not ask: {', '.join(items)}." if items else None,
        "remark_groups": f"Left out, fewer than 30 complete rows: {', '.join(groups)}." if groups else None,
    }


def find_renamed(
    codebook: Mapping[str, Variable], crosswalk: Sequence[Mapping[str, Any]], waves: pd.DataFrame
) -> list[Any]:
    """Find the waves whose file names most questions otherwise, as the tool that wrote it does."""
    found = []
    for wave in waves["id"]:
        own = [row for row in crosswalk if row["action"] == "rename" and wave in (row["waves"] or [wave])]
        renamed = {row["variable"] for row in own}
        asked = [name for name, variable in codebook.items() if variable.is_asked(wave)]
        if 2 * len(renamed.intersection(asked)) > len(asked):
            found.append(wave)
    return found


def list_changes(
    codebook: Mapping[str, Variable],
    crosswalk: Sequence[Mapping[str, Any]],
    waves: pd.DataFrame,
    renamed: Collection[Any] = (),
) -> pd.DataFrame:
    """List the questions that were not asked the same in every wave, and how each wave asked them.

    Codes that a file merely stores otherwise, one for one, are no change of the question. Questions about several
    partners or networks that changed alike are one row.

    Parameters
    ----------
    renamed
        Waves of which names in the file are no change.

    Returns
    -------
    DataFrame
        item, label, wave, wave_label, state: ``asked``, ``not asked``, ``named …``, ``times …``, ``a as b``.
    """
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for name, variable in codebook.items():
        if variable.type in NOT_QUESTIONS or variable.identifying:
            continue
        states = []
        for wave in waves["id"]:
            own = [row for row in crosswalk if row["variable"] == name]
            own = [row for row in own if row["action"] != "rename" or wave not in renamed]
            states.append(describe_state(variable, own, wave))
        if set(states) == {"asked"}:
            continue
        key = (re.sub(r"\d+", "#", name), re.sub(r"\d+", "#", variable.label), *states)
        entry = found.setdefault(key, {"names": [], "labels": [], "states": states})
        entry["names"].append(name)
        entry["labels"].append(variable.label)
        if (older := re.sub(r"_v\d+$", "", name)) != name and older in codebook:
            entry["labels"][-1] += f" (new wording of {older})"
    rows = [
        (
            " … ".join(dict.fromkeys([entry["names"][0], entry["names"][-1]])),
            pool_numbers(entry["labels"]),
            wave.id,
            str(wave.label),
            state,
        )
        for entry in found.values()
        for wave, state in zip(waves.itertuples(index=False), entry["states"], strict=True)
    ]
    return pd.DataFrame(rows, columns=["item", "label", "wave", "wave_label", "state"])


def describe_state(variable: Variable, crosswalk: Sequence[Mapping[str, Any]], wave: int) -> str:
    """Say how a wave asked a question.

    Examples
    --------
    >>> row = {"waves": [1], "raw_name": "", "raw_code": "6", "code": "5", "factor": None, "action": "recode"}
    >>> describe_state(Variable("freq", codes={"4": "often", "5": "always"}), [row], 1)
    '6 as 5'
    """
    if not variable.is_asked(wave):
        return "not asked"
    own = [row for row in crosswalk if not row["waves"] or wave in row["waves"]]
    words = [
        f"named {row['raw_name']}" for row in own if row["action"] == "rename" and row["raw_name"] != variable.name
    ]
    words += [f"times {float(row['factor']):g}" for row in own if row["action"] == "multiply"]
    codes = {str(row["raw_code"]): str(row["code"]) for row in own if row["action"] == "recode"}
    words += [f"{raw} as {code}" for raw, code in codes.items() if is_merged(raw, codes, variable.codes)]
    return ", ".join(words) or "asked"


def is_merged(raw: str, codes: Mapping[str, str], known: Collection[str]) -> bool:
    """Say whether a recoded answer is put together with another, rather than stored otherwise one for one.

    Examples
    --------
    >>> is_merged("6", {"6": "5"}, ["4", "5"]), is_merged("1", {"1": "sme"}, ["sme"])
    (True, False)
    """
    others = [code for other, code in codes.items() if other != raw]
    stays = codes[raw] in known and codes[raw] not in codes and any(code not in codes for code in known if code != raw)
    return codes[raw] in others or (stays and raw.lstrip("-").isdigit() and codes[raw].lstrip("-").isdigit())
