"""A first codebook, drafted from an export and what its tool says of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from firmties.choices import NOT_ASKED, is_within, join_choices, split_choices
from firmties.codebook import CODEBOOK_COLUMNS, CROSSWALK_COLUMNS, TYPES
from firmties.entry.compare import MISSING_WORDS, draft_variable, simplify, tabulate_cells
from firmties.privacy import find_identifying_content

if TYPE_CHECKING:
    import pandas as pd

# ASSUME: these words as parts of a column's name tell who answered.
IDENTIFYING_NAME = re.compile(
    r"(?:^|_)(?:e_?mail|phone|telephone|mobile|ip_?address|(?:first|last|full|sur)_?name|latitude|longitude"
    r"|dob|birth_?date|date_of_birth|street|zip|postcode)(?:_|$)"
)

# ASSUME: a column of this name in which no two responses are alike holds a key.
KEY_NAME = re.compile(r"(?:^|_)(?:id|uuid|key|(?:respondent|response|record|firm|company)_?(?:id|number|nr))$")

LONGEST_NAME = 32
"""Letters of a drafted name: as many as Stata takes."""


def draft_codebook(
    responses: pd.DataFrame, labels: Mapping[str, Any]
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, dict[str, Any]]]:
    """Draft a codebook, one row a column of the export; columns of the choices of one question are one row.

    Parameters
    ----------
    responses
        Every column as text, blank where nothing was recorded.
    labels
        ``columns`` (question texts), ``values`` (code → label), ``types``, ``user_missing`` (ranges), ``missing``
        (code → kind), ``range`` (lowest, highest) and ``identifying``, each by column, and ``choices``, by question,
        each optional.

    Returns
    -------
    codebook : DataFrame
        The columns of the codebook, all text.
    crosswalk : DataFrame
        The columns of the crosswalk: a row for each column whose name in the export is no name of a variable.
    scales : dict
        The response scales that its rows name, as ``response_scales:`` of config.yaml holds them.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"stage": ["1", "2", "-9"], "email": ["a@b.org", "", ""]})
    >>> words = {"values": {"stage": {"1": "seed", "2": "growth", "-9": "Refused"}}}
    >>> draft_codebook(rows, words)[0][["variable", "type", "codes", "missing_codes", "identifying"]].values.tolist()
    [['stage', 'category', '1=seed|2=growth', '-9=refused', ''], ['email', 'text', '', '', 'drop']]
    """
    import pandas as pd

    table, labels = join_choices(
        responses.drop(columns="raw_row", errors="ignore"), labels, list(labels.get("choices", {}))
    )
    marked = {name for name, _, _ in find_identifying_content(table)} | set(labels.get("identifying", ()))
    constructs = find_constructs([str(name) for name in table])
    several = {*labels["joined"], *(name for name, kind in labels.get("types", {}).items() if kind == "multiple")}
    codes = {str(name): _read_codes(str(name), {}, labels)[0] for name in table if name not in several}
    scales = find_response_scales(codes)
    of_column = {name: scale for scale, entry in scales.items() for name in codes if codes[name] == entry["labels"]}
    drafts: list[dict[str, str]] = []
    renamed: list[dict[str, str]] = []
    taken: set[str] = set()
    for name in table:
        cells = tabulate_cells(table[name])
        row = _draft_row(str(name), cells, labels)
        scale = of_column.get(str(name), "")
        if scale and _fits_scale(cells, _read_codes(str(name), cells, labels)[1], scales[scale]):
            # The scale gives codes and range.
            row["note"] += "; category, if the points of its scale have no order"
            row |= {"type": "ordinal", "scale": scale, "codes": "", "minimum": "", "maximum": ""}
        if name in marked or IDENTIFYING_NAME.search(_split_words(str(name))):
            row["identifying"] = "drop"
            if row["codes"] and not labels.get("values", {}).get(name):
                # No answer that tells who gave it may stand in the codebook.
                row |= {"type": "text", "codes": ""}
        if KEY_NAME.search(_split_words(str(name))) and "" not in cells and set(cells.values()) == {1}:
            row |= {"type": "id", "minimum": "", "maximum": ""}
        row["construct"] = constructs.get(str(name), "")
        stem, number = row["variable"][:LONGEST_NAME].rstrip("_"), 1
        row["variable"] = stem
        while row["variable"] in taken:
            number += 1
            row["variable"] = f"{stem}_{number}"
        taken.add(row["variable"])
        if row["variable"] != name:
            renamed.append({"wave": "*", "raw_name": str(name), "variable": row["variable"], "action": "rename"})
        drafts.append(row)
    used = {row["scale"] for row in drafts if "scale" in row}
    codebook = pd.DataFrame([{name: row.get(name, "") for name in CODEBOOK_COLUMNS} for row in drafts])
    crosswalk = pd.DataFrame(
        [{name: row.get(name, "") for name in CROSSWALK_COLUMNS} for row in renamed], columns=list(CROSSWALK_COLUMNS)
    )
    return codebook, crosswalk, {name: scale for name, scale in scales.items() if name in used}


def _split_words(name: str) -> str:
    return re.sub(r"\W+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)).lower()


def _read_codes(
    name: str, cells: Mapping[str, int], labels: Mapping[str, Any]
) -> tuple[dict[str, str], dict[str, str]]:
    """Codes and labels of a column's answers, and the codes of missing ones with their kinds."""
    values = {str(code): str(label) for code, label in (labels.get("values", {}).get(name) or {}).items()}
    missing = dict(labels.get("missing", {}).get(name, {}))
    ranges = labels.get("user_missing", {}).get(name, ())
    for code in dict.fromkeys([*values, *cells, *(low for low, high in ranges if low == high)]):
        kind = find_kind(values.get(code, ""))
        # ASSUME: a code that the file declares missing without saying why stands for no answer.
        if is_within(code, ranges) or (kind and re.fullmatch(r"-\d+|\.?[a-z]", code)):
            missing.setdefault(code, kind or "no_answer")
    return {code: _clean(label) for code, label in values.items() if code not in missing and "|" not in code}, missing


def _draft_row(name: str, cells: Mapping[str, int], labels: Mapping[str, Any]) -> dict[str, str]:
    several = name in labels["joined"]
    if several:
        cells = {cell: n for cell, n in cells.items() if cell != NOT_ASKED}
    codes, missing = _read_codes(name, cells, labels)
    answers = {code: n for code, n in cells.items() if code not in missing}
    # A label of one number, such as the end of a scale, does not name every answer.
    whole = bool(codes) and (several or all(cell in codes for cell in answers if cell))
    if not codes and holds_choices(answers):
        codes, whole = {cell: cell for cell in sorted(answers) if cell}, True
    row = draft_variable(name, str(labels.get("columns", {}).get(name) or ""), answers, codes if whole else {}, 1)
    row["waves"] = ""
    declared = "multiple" if several else labels.get("types", {}).get(name)
    if declared in TYPES and (declared not in ("category", "ordinal", "multiple") or whole):
        row["type"] = declared
    between = "" if several or declared != "multiple" else find_separator(answers, codes)
    if between:
        row["type"], row["codes"] = "multiple", "|".join(f"{code}={label}" for code, label in codes.items())
        row["separator"] = {" ": "space", "|": ""}.get(between, between)
    row["minimum"], row["maximum"] = (str(bound) for bound in labels.get("range", {}).get(name, ("", "")))
    row["missing_codes"] = "|".join(f"{code}={kind}" for code, kind in missing.items())
    return row


def find_response_scales(codes: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, Any]]:
    """Find response scales: codes and labels that several columns share.

    ASSUME: whole numbers of three to eleven points, labelled alike in two columns or more; not every point needs a
    label. A scale is called by the label of its highest point and the number of points.

    Parameters
    ----------
    codes
        Column → code → label, without codes of missing answers.

    Returns
    -------
    dict
        Name → ``minimum``, ``maximum``, ``labels``.

    Examples
    --------
    >>> ends = {"1": "Disagree", "5": "Fully agree"}
    >>> find_response_scales({"rc1": ends, "rc2": ends, "sex": {"1": "Male", "2": "Female"}})
    {'fully_agree_5': {'minimum': 1, 'maximum': 5, 'labels': {'1': 'Disagree', '5': 'Fully agree'}}}
    """
    scales: dict[str, dict[str, Any]] = {}
    for pairs, n in Counter(frozenset(labels.items()) for labels in codes.values()).items():
        if n < 2 or not all(re.fullmatch(r"-?\d+", code) for code, _ in pairs):
            continue
        labels = dict(sorted(pairs, key=lambda pair: int(pair[0])))
        points = [int(code) for code in labels]
        if not points or not 2 <= points[-1] - points[0] <= 10:
            continue
        stem = re.sub(r"[^a-z0-9]+", "_", labels[str(points[-1])].lower()).strip("_")
        stem = stem if len(stem) <= 20 else stem[:21].rpartition("_")[0] or stem[:20]
        stem = stem if re.match("[a-z]", stem) else "scale"
        name, number = f"{stem}_{points[-1] - points[0] + 1}", 1
        while name in scales:
            number += 1
            name = f"{stem}_{points[-1] - points[0] + 1}_{number}"
        scales[name] = {"minimum": points[0], "maximum": points[-1], "labels": labels}
    return scales


def _fits_scale(cells: Collection[str], missing: Collection[str], scale: Mapping[str, Any]) -> bool:
    answers = [cell for cell in cells if cell and cell not in missing]
    return all(re.fullmatch(r"-?\d+", cell) and scale["minimum"] <= int(cell) <= scale["maximum"] for cell in answers)


def find_separator(answers: Collection[str], codes: Collection[str]) -> str:
    """What stands between the codes of several answers in a cell; blank if nothing does.

    Examples
    --------
    >>> find_separator(["a b", "b", ""], ["a", "b"]), find_separator(["a/b"], ["a", "b"])
    (' ', '')
    """
    return next((mark for mark in "| ,;" if all({*split_choices(cell, mark, ())} <= {*codes} for cell in answers)), "")


def holds_choices(answers: Mapping[str, int]) -> bool:
    """Whether a column holds the words of choices: few different texts, each given again and again.

    ASSUME: at most twelve, five answers each on average, none a number or a date, and none longer than a label.

    Examples
    --------
    >>> holds_choices({"Yes": 9, "No": 4, "": 2}), holds_choices({"We sell boats": 1, "Repairs": 1})
    (True, False)
    """
    words = [cell for cell in answers if cell]
    return (
        0 < len(words) <= 12
        and sum(answers[word] for word in words) >= 5 * len(words)
        and not any(re.fullmatch(r"-?[\d.,:]+", word) for word in words)
        and not any(re.match(r"\d{4}-\d\d-\d\d", word) or re.search(r"[|=]", word) or len(word) > 80 for word in words)
    )


def _clean(label: str) -> str:
    return re.sub(r"\s+", " ", label.replace("|", "/")).strip()


def find_kind(label: str) -> str:
    """Kind of missing answer that a label names; blank if none.

    Examples
    --------
    >>> find_kind("Don't know"), find_kind("Male")
    ('dont_know', '')
    """
    words = simplify(label)
    return next((kind for kind, names in MISSING_WORDS.items() if words in names), "")


def find_constructs(names: Collection[str]) -> dict[str, str]:
    """Guess constructs from prefixes: the same letters before different numbers, at least three times.

    Examples
    --------
    >>> find_constructs(["rc1", "rc2", "rc3", "age"])
    {'rc1': 'rc', 'rc2': 'rc', 'rc3': 'rc'}
    """
    stems = {
        name: found[1].rstrip("_") for name in names if (found := re.fullmatch(r"([A-Za-z]\w*?)_*\d+[A-Za-z]?", name))
    }
    counts = Counter(stems.values())
    return {name: stem for name, stem in stems.items() if counts[stem] >= 3}
