"""Questions of several answers, in one cell or as a column a choice."""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from firmties.codebook import Variable

if TYPE_CHECKING:
    import pandas as pd

NONE_CHOSEN = "none"
"""Cell of a response that was asked and chose nothing."""
NOT_ASKED = "not_asked"
"""Cell of a response that was not asked, in a file that tells so."""
BLANK = "blank"
"""How the crosswalk and the codebook call a cell without an answer."""
MOST_NAMED = 5
"""Most questions that a sentence names."""


def describe_question(
    columns: Mapping[str, str],
    labels: Mapping[str, str],
    text: str = "",
    *,
    chosen: Iterable[str] = ("1",),
    not_chosen: Iterable[str] = (),
    not_asked: Iterable[str] = (),
    unclear: Iterable[str] = (),
    kept: Iterable[str] = (),
) -> dict[str, Any]:
    """Describe a question that comes as a column a choice, as ``labels["choices"]`` holds it by question.

    Parameters
    ----------
    columns
        Raw column → code of its choice; a blank code says that the cells hold codes (SPSS' category sets).
    labels, text
        Code → words of the choice; words of the question.
    chosen, not_chosen, not_asked, unclear
        Cells that say so; unclear ones say no more than a blank.
    kept
        Columns of free text (other, namely): any text says chosen, and the column stays one of its own.
    """
    return {
        "text": text,
        "columns": dict(columns),
        "labels": dict(labels),
        "chosen": list(dict.fromkeys(chosen)),
        "not_chosen": list(not_chosen),
        "not_asked": list(not_asked),
        "unclear": list(unclear),
        "kept": list(kept),
    }


def is_within(code: str, ranges: Iterable[Sequence[str]]) -> bool:
    """Whether a code lies in one of the ranges (low, high), both ends included.

    Examples
    --------
    >>> is_within("2", [["1", "9"]]), is_within("x", [["1", "9"], ["x", "x"]]), is_within("10", [["1", "9"]])
    (True, True, False)
    """
    for low, high in ranges:
        if code in (low, high):
            return True
        try:
            if float(low) <= float(code) <= float(high):
                return True
        except ValueError:
            continue
    return False


def make_codes(texts: Iterable[str]) -> list[str]:
    """Make codes of the words of choices, where the tool gives none; the same words have the same code in every wave.

    Examples
    --------
    >>> make_codes(["Post, by courier", "-1", "电话", "post by courier"])
    ['Post_by_courier', '_1', 'cb4797b26', 'post_by_courier']
    """
    codes: list[str] = []
    for text in texts:
        letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
        code = re.sub(r"\W+", "_", letters).rstrip("_")
        if not code or code in codes:
            code = f"c{zlib.crc32(text.encode()):08x}"
        codes.append(code)
    return codes


def find_choices(table: pd.DataFrame, pattern: str) -> dict[str, dict[str, str]]:
    """Find columns that are named after a question and a choice: question → column → code.

    Parameters
    ----------
    pattern
        What a whole name matches, with the groups ``question`` and ``code``.

    Examples
    --------
    >>> import pandas as pd
    >>> find_choices(pd.DataFrame(columns=["size", "uses___1", "uses___2"]), "(?P<question>.+)___(?P<code>.+)")
    {'uses': {'uses___1': '1', 'uses___2': '2'}}
    """
    found: dict[str, dict[str, str]] = {}
    for name in map(str, table):
        if match := re.fullmatch(pattern, name):
            found.setdefault(match["question"], {})[name] = match["code"]
    return {
        question: dict(zip(columns, make_codes(columns.values()), strict=True)) for question, columns in found.items()
    }


def add_dictionary(labels: Mapping[str, Any], dictionary: Mapping[str, Any]) -> dict[str, Any]:
    """Add what a data dictionary says to what an export says of its columns and questions; the dictionary goes first.

    Parameters
    ----------
    labels
        From a reader.
    dictionary
        From :func:`firmties.dictionaries.read_dictionary`.

    Examples
    --------
    >>> asked = describe_question({"fin_1": "1"}, {})
    >>> said = {"columns": {"fin": "Which?"}, "values": {"fin": {"1": "Loan"}}}
    >>> found = add_dictionary({"choices": {"fin": asked}}, said)["choices"]["fin"]
    >>> found["text"], found["labels"]
    ('Which?', {'1': 'Loan'})
    """
    added = dict(labels)
    for part, said in dictionary.items():
        before = labels.get(part) or type(said)()
        added[part] = {**before, **said} if isinstance(said, dict) else list(dict.fromkeys([*before, *said]))
    choices = {}
    for question, entry in labels.get("choices", {}).items():
        words = dictionary.get("values", {}).get(question, {})
        said = dict(zip(make_codes(words), words.values(), strict=True))
        codes = set(entry["columns"].values())
        known = {code: label for code, label in said.items() if code in codes or "" in codes}
        text = dictionary.get("columns", {}).get(question) or entry["text"]
        choices[question] = {**entry, "text": text, "labels": {**entry["labels"], **known}}
    return {**added, "choices": choices}


def list_wanted(
    choices: Mapping[str, Mapping[str, Any]], variables: Iterable[Variable], crosswalk: Iterable[Mapping[str, Any]]
) -> list[str]:
    """Questions that codebook or crosswalk take as one variable."""
    named = {variable.name for variable in variables if variable.type == "multiple"}
    named |= {row["raw_name"] for row in crosswalk if row["action"] in ("rename", "ignore")}
    return [question for question in choices if question in named]


def join_choices(
    responses: pd.DataFrame, labels: Mapping[str, Any], wanted: Collection[str], claimed: Collection[str] = ()
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Write the columns of a question's choices as one, with the codes that were chosen joined by a bar.

    Beside a choice, blank columns are choices not taken. Where there is no choice, the cell says ``none`` if a column
    says that the question was asked. Other rows are ``not_asked`` if the file writes out what was not chosen, ``none``
    if it writes out what was not asked, and blank if the file does not tell. What stands in a column and is neither
    chosen nor not is written behind the code: ``loan=-9``; if it stands in every column, alone: ``-9``.

    Parameters
    ----------
    responses
        Every column as text.
    labels
        ``choices``, by question, as :func:`describe_question` makes them; a column of the question's own name holds
        the same answers and is replaced.
    wanted
        The questions to write so.
    claimed
        Columns that are variables of their own, or ignored.

    Returns
    -------
    responses : DataFrame
        The question's column stands where the first of its choices stood.
    labels : dict
        With the question's text and value labels among the columns', and ``joined``: question → codes of the choices
        that the file offers.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"raw_row": [1, 2, 3], "fin_1": ["1", "0", ""], "fin_2": ["", "0", ""]})
    >>> asked = describe_question({"fin_1": "loan", "fin_2": "grant"}, {}, not_chosen=["0"])
    >>> joined, labels = join_choices(rows, {"choices": {"fin": asked}}, ["fin"])
    >>> joined["fin"].tolist(), labels["joined"]
    (['loan', 'none', 'not_asked'], {'fin': ['loan', 'grant']})
    """
    import pandas as pd

    carried = {
        **labels,
        **{part: dict(labels.get(part, {})) for part in ("columns", "values", "user_missing", "joined")},
    }
    gone: set[str] = set()
    placed: dict[str, tuple[str, pd.Series]] = {}
    for question in wanted:
        entry = labels["choices"][question]
        kept = set(entry["kept"])
        columns = {
            name: code
            for name, code in entry["columns"].items()
            if name in responses and (name in kept or name not in claimed)
        }
        if not set(columns) - kept:
            continue
        gone |= {*columns, question} - kept
        placed[next(name for name in columns if name not in kept)] = question, _join_cells(responses, columns, entry)
        codes = dict.fromkeys(code for code in columns.values() if code)
        if "" in columns.values():
            codes |= dict.fromkeys(entry["labels"])
        if entry["text"]:
            carried["columns"][question] = entry["text"]
        carried["values"][question] = {code: entry["labels"].get(code, code) for code in codes}
        spans = [span for name in columns for span in labels.get("user_missing", {}).get(name, [])]
        if spans:
            carried["user_missing"][question] = [list(span) for span in dict.fromkeys(map(tuple, spans))]
        carried["joined"][question] = list(codes)
    if not placed:
        return responses, carried
    table: dict[str, pd.Series] = {}
    for name in map(str, responses):
        if name in placed:
            table[placed[name][0]] = placed[name][1]
        if name not in gone:
            table[name] = responses[name]
    return pd.DataFrame(table, index=responses.index), carried


def _join_cells(table: pd.DataFrame, columns: Mapping[str, str], entry: Mapping[str, Any]) -> pd.Series:
    import numpy as np
    import pandas as pd

    cells = np.full(len(table), "", dtype=object)
    asked = np.zeros(len(table), dtype=bool)
    tells_no = tells_not_asked = False
    for name, code in columns.items():
        places, different = pd.factorize(table[name].astype("object"))
        parts = np.array([_write_part(cell, code, entry, name in entry["kept"]) for cell in different], dtype=object)
        no = np.array([cell in entry["not_chosen"] for cell in different], dtype=bool)
        tells_no |= bool(no.any())
        tells_not_asked |= any(cell in entry["not_asked"] for cell in different)
        part = parts.take(places)
        asked |= no.take(places)
        cells = cells + np.where((cells != "") & (part != ""), "|", "") + part
    cells[(cells == "") & asked] = NONE_CHOSEN
    if tells_no != tells_not_asked:
        cells[cells == ""] = NOT_ASKED if tells_no else NONE_CHOSEN
    places, joined = pd.factorize(cells)
    own = len(set(columns) - set(entry["kept"]))
    plain = np.array([_write_alone(cell, own) for cell in joined], dtype=object)
    return pd.Series(plain.take(places), index=table.index, dtype="str")


def _write_part(cell: str, code: str, entry: Mapping[str, Any], free: bool) -> str:
    if not cell or cell in entry["not_chosen"] or cell in entry["unclear"]:
        return ""
    if code and cell in entry["not_asked"]:
        return f"{code}={NOT_ASKED}"
    if free or cell in entry["chosen"]:
        return code
    return f"{code}={cell}" if code else cell


def _write_alone(cell: str, columns: int) -> str:
    parts = list(dict.fromkeys(cell.split("|")))  # a set of categories may hold a code twice
    said = {part.partition("=")[2] for part in parts}
    return said.pop() if len(parts) >= columns and len(said) == 1 and said != {""} else "|".join(parts)


def describe_unclear(responses: pd.DataFrame, choices: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Say of which questions a response without a choice may have been asked, or not; one sentence, or none.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"fin_1": ["1", ""], "fin_2": ["", ""]})
    >>> describe_unclear(rows, {"fin": describe_question({"fin_1": "1", "fin_2": "2"}, {})})
    ['fin: no choice at all may be asked and none chosen, or not asked (1 question, a column a choice)']
    """
    unclear = []
    for question, entry in choices.items():
        columns = responses[[name for name in entry["columns"] if name in responses]]
        told = columns.isin([*entry["not_chosen"], *entry["not_asked"]]).any(axis=None)
        if not told and columns.isin(["", *entry["unclear"]]).all(axis=1).any():
            unclear.append(question)
    if not unclear:
        return []
    more = f" and {len(unclear) - MOST_NAMED} more" if len(unclear) > MOST_NAMED else ""
    count = f"{len(unclear)} question{'s' if len(unclear) > 1 else ''}, a column a choice"
    said = "no choice at all may be asked and none chosen, or not asked"
    return [f"{', '.join(unclear[:MOST_NAMED])}{more}: {said} ({count})"]


def split_choices(cell: str, separator: str, known: Collection[str]) -> list[str]:
    """Split a cell at a separator, but not within a known choice.

    Parameters
    ----------
    known
        Codes and words of choices; one that holds the separator is found whole.

    Examples
    --------
    >>> split_choices("Post, by courier, Phone", ", ", ["Post, by courier", "Phone"])
    ['Post, by courier', 'Phone']
    >>> split_choices("loan grant", " ", []), split_choices("a|b|", "|", [])
    (['loan', 'grant'], ['a', 'b'])
    """
    mark = separator.strip()
    whole = sorted((name for name in known if (mark or " ") in name), key=len, reverse=True)
    parts = []
    rest = cell.strip()
    while rest:
        for name in whole:
            behind = rest[len(name) :]
            if rest.startswith(name) and (not behind.strip() or behind.lstrip().startswith(mark)):
                part, rest = name, behind.lstrip().removeprefix(mark)
                break
        else:
            part, _, rest = rest.partition(mark or " ")
        parts.append(part.strip())
        rest = rest.strip()
    return [part for part in parts if part]


def count_choices(cells: Mapping[str, int], separator: str, known: Collection[str]) -> Counter[str]:
    """How often each choice stands in cells of several answers.

    Examples
    --------
    >>> count_choices({"loan|grant": 2, "loan=-9": 1, "": 4}, "|", [])
    Counter({'loan': 3, 'grant': 2})
    """
    counts: Counter[str] = Counter()
    for cell, n in cells.items():
        for part in split_choices(cell, separator, known):
            counts[part if part in known else part.partition("=")[0]] += n
    return counts


def recode_cell(cell: str, changes: Mapping[str, str], separator: str) -> str:
    """Recode the choices in a cell; a cell that stands in `changes` whole is recoded whole.

    Examples
    --------
    >>> recode_cell("1|2|9", {"1": "loan", "9": ""}, "|"), recode_cell("1=-9", {"1": "loan"}, "|")
    ('loan|2', 'loan=-9')
    """
    if cell in changes or not cell:
        return changes.get(cell, cell)
    parts = []
    for part in split_choices(cell, separator, changes):
        code, equals, said = (part, "", "") if part in changes else part.partition("=")
        code = changes.get(code, code)
        if code:
            parts.append(f"{code}{equals}{said}")
    return (separator or "|").join(dict.fromkeys(parts))


def list_offered(labels: Mapping[str, Any], crosswalk: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Variable → codes of the choices that the file has a column for, after renaming and recoding."""
    names = {row["raw_name"]: row["variable"] for row in crosswalk if row["action"] == "rename"}
    codes: dict[str, dict[str, str]] = {}
    for row in crosswalk:
        if row["action"] == "recode":
            codes.setdefault(row["variable"], {})[row["raw_code"]] = row["code"]
    offered = {}
    for question, listed in labels.get("joined", {}).items():
        variable = names.get(question, question)
        changed = [codes.get(variable, {}).get(code, code) for code in listed]
        offered[variable] = [code for code in dict.fromkeys(changed) if code]
    return offered
