"""A first codebook, drafted from an export and what its tool says of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from firmties.choices import NOT_ASKED, join_choices
from firmties.codebook import CODEBOOK_COLUMNS, TYPES
from firmties.entry.compare import MISSING_WORDS, draft_variable, simplify, tabulate_cells
from firmties.privacy import find_identifying_content

if TYPE_CHECKING:
    import pandas as pd

# ASSUME: these words as parts of a column's name tell who answered.
IDENTIFYING_NAME = re.compile(
    r"(?:^|_)(?:e_?mail|phone|telephone|mobile|ip_?address|(?:first|last|full|sur)_?name|latitude|longitude"
    r"|dob|birth_?date|date_of_birth|street|zip|postcode)(?:_|$)"
)

LONGEST_NAME = 32
"""Letters of a drafted name: as many as Stata takes."""


def draft_codebook(responses: pd.DataFrame, labels: Mapping[str, Any]) -> pd.DataFrame:
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
    DataFrame
        The columns of the codebook, all text.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"stage": ["1", "2", "-9"], "email": ["a@b.org", "", ""]})
    >>> words = {"values": {"stage": {"1": "seed", "2": "growth", "-9": "Refused"}}}
    >>> draft_codebook(rows, words)[["variable", "type", "codes", "missing_codes", "identifying"]].values.tolist()
    [['stage', 'category', '1=seed|2=growth', '-9=refused', ''], ['email', 'text', '', '', 'drop']]
    """
    import pandas as pd

    choices = _label_choices(labels)
    table, labels = join_choices(
        responses.drop(columns="raw_row", errors="ignore"), {**labels, "choices": choices}, list(choices)
    )
    marked = {name for name, _, _ in find_identifying_content(table)} | set(labels.get("identifying", ()))
    constructs = find_constructs([str(name) for name in table])
    drafts: list[dict[str, str]] = []
    taken: set[str] = set()
    for name in table:
        row = _draft_row(str(name), tabulate_cells(table[name]), labels)
        if name in marked or IDENTIFYING_NAME.search(_split_words(str(name))):
            row["identifying"] = "drop"
        row["construct"] = constructs.get(str(name), "")
        stem, number = row["variable"][:LONGEST_NAME].rstrip("_"), 1
        row["variable"] = stem
        while row["variable"] in taken:
            number += 1
            row["variable"] = f"{stem}_{number}"
        taken.add(row["variable"])
        if row["variable"] != name:
            row["note"] += f"; called {name} in the export, rename it in the crosswalk"
        drafts.append(row)
    return pd.DataFrame([{name: row.get(name, "") for name in CODEBOOK_COLUMNS} for row in drafts])


def _label_choices(labels: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The questions of several answers, with the words that a dictionary has for them and their choices."""
    values, columns = labels.get("values", {}), labels.get("columns", {})
    return {
        question: {
            **entry,
            "text": columns.get(question) or entry["text"],
            "labels": {**entry["labels"], **values.get(question, {})},
        }
        for question, entry in labels.get("choices", {}).items()
    }


def _split_words(name: str) -> str:
    return re.sub(r"\W+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)).lower()


def _draft_row(name: str, cells: Mapping[str, int], labels: Mapping[str, Any]) -> dict[str, str]:
    values = {str(code): str(label) for code, label in (labels.get("values", {}).get(name) or {}).items()}
    several = name in labels["joined"]
    missing = dict(labels.get("missing", {}).get(name, {}))
    if several:
        cells = {cell: n for cell, n in cells.items() if cell != NOT_ASKED}
    ranges = labels.get("user_missing", {}).get(name, ())
    for code in dict.fromkeys([*values, *cells, *(low for low, high in ranges if low == high)]):
        kind = find_kind(values.get(code, ""))
        # ASSUME: a code that the file declares missing without saying why stands for no answer.
        if _is_within(code, ranges) or (kind and re.fullmatch(r"-\d+|\.?[a-z]", code)):
            missing.setdefault(code, kind or "no_answer")
    answers = {code: n for code, n in cells.items() if code not in missing}
    codes = {code: _clean(label) for code, label in values.items() if code not in missing and "|" not in code}
    # A label of one number, such as the end of a scale, does not name every answer.
    whole = bool(codes) and (several or all(cell in codes for cell in answers if cell))
    if not codes and holds_choices(answers):
        codes, whole = {cell: cell for cell in sorted(answers) if cell}, True
    row = draft_variable(name, str(labels.get("columns", {}).get(name) or ""), answers, codes if whole else {}, 1)
    row["waves"] = ""
    declared = "multiple" if several else labels.get("types", {}).get(name)
    if declared in TYPES and (declared not in ("category", "ordinal", "multiple") or whole):
        row["type"] = declared
    row["minimum"], row["maximum"] = (str(bound) for bound in labels.get("range", {}).get(name, ("", "")))
    row["missing_codes"] = "|".join(f"{code}={kind}" for code, kind in missing.items())
    return row


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


def _is_within(code: str, ranges: Collection[tuple[str, str]]) -> bool:
    for low, high in ranges:
        if code in (low, high):
            return True
        try:
            if float(low) <= float(code) <= float(high):
                return True
        except ValueError:
            continue
    return False


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
