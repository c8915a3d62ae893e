"""What may not be carried on from a raw file: identifying columns dropped or hashed, identifying content found."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firmties.cells import list_different
from firmties.errors import StudyError, describe_allowed

if TYPE_CHECKING:
    import pandas as pd

HASH_DIGITS = 16
"""Hexadecimal digits of a hash: 64 bits, so a million keys collide with a probability of 3 in 100 million."""
STATED = "stated"
"""Kind of a column that the file itself says identifies who answered."""
KEY_LENGTH = 32
"""Fewest characters of a key."""
LABELS = ("columns", "values", "user_missing", "types", "missing", "range")
"""Parts of the labels that are kept by raw column."""

_NAME = r"[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ]+"
_PATTERNS = {
    "e-mail address": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}"),
    "phone number": re.compile(
        r"(?<![\w.,:+-])(?:\+\d(?:[ ./()-]{0,2}\d){7,14}|\(?0\d{2,4}\)?[ /-]\d{3,}(?:[ -]\d{2,}){0,3}"
        r"|\(?\d{3}\)?[ -]\d{3}-\d{4})(?![\w.,:]?\d)"
    ),
    # ASSUME: a version number such as 1.2.3.4 has at most one part of two digits or more, an address two.
    "IP address": re.compile(
        r"(?<![\d.])(?=(?:\d+\.)*\d{2,}\.(?:\d+\.)*\d{2,}(?![\d.]))"
        r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.])"
        r"|(?<![\w:])(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}(?![\w:])"
    ),
    "coordinates": re.compile(r"(?<![\d.])-?[0-8]?\d\.\d{4,}[,; ] *-?1?\d?\d\.\d{4,}(?![\d.])"),
    "name": re.compile(rf"\b(?:Mr|Mrs|Ms|Dr|Prof|Herr|Frau|Mme)\b\.? {_NAME}|\b(?i:my name is) {_NAME}"),
    "bank account": re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b"),
    "address with a password": re.compile(r"://[^/\s:@]+:[^/\s@]+@"),
}
PLAIN = r"\A(?:\w{0,15}|[0-9a-z_]*|-?\d+[.,]?\d*|\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?)\z"
"""Short words, numbers and times (RE2): no pattern finds anything in them, and they are most of what a wave holds."""
# What a column's name says, and what its values must then look like.
_BY_NAME = {
    "IP address": (re.compile(r"(?:^|_)ip(?:_?addr(?:ess)?)?$"), re.compile(r"(?:\d{1,3}\.){3}\d{1,3}")),
    "coordinates": (re.compile(r"(?:^|_)(?:lat|lon|lng|latitude|longitude)$"), re.compile(r"-?\d{1,3}\.\d{3,}")),
    "phone number": (re.compile(r"(?:^|_)(?:telephone|phone|mobile|tel)(?:_|$)"), re.compile(r"\+?\d[\d ()/.-]{6,}")),
    "name": (
        re.compile(r"^(?:name|surname|contact|(?:.*_)?(?:first|last|full|family|given|sur|contact|respondent)_?name)$"),
        re.compile(rf".*{_NAME}.*"),
    ),
}  # fmt: skip


def protect_responses(
    responses: pd.DataFrame, labels: Mapping[str, Any], settings: Mapping[str, Any], where: str, key: bytes = b""
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Drop and hash the marked columns of a wave as read, and stop if another holds identifying content.

    Parameters
    ----------
    responses
        Every raw column as text, blank where nothing was recorded, and ``raw_row``.
    labels
        What the reader found beside the answers; entries of dropped columns go, value labels of hashed ones, too.
        ``identifying`` lists columns that the file says tell who answered.
    settings
        ``marks`` (raw column → drop, hash or cleared) and ``missing_codes``, which no hash replaces.
    where
        File and wave, for messages.

    Raises
    ------
    StudyError
        A column to drop or hash is not there; identifying content in a column without a mark; two values with one hash.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"raw_row": [1], "mail": ["a@b.org"], "size": ["3"]})
    >>> kept, labels = protect_responses(rows, {"columns": {"mail": "Your e-mail"}}, {"marks": {"mail": "drop"}}, "x")
    >>> list(kept.columns), labels["columns"]
    (['raw_row', 'size'], {})
    """
    marks = spread_marks(settings.get("marks", {}), labels.get("choices", {}), responses)
    # A misspelt name would carry the column on.
    if problems := [
        f"{where}: no column '{name}', which data/codebook.csv says to {mark}; {describe_allowed(name, responses)}; "
        "correct its name (data/crosswalk.csv renames a column), or leave this wave out of its waves"
        for name, mark in marks.items()
        if mark in ("drop", "hash") and name not in responses
    ]:
        raise StudyError(problems)
    dropped = {name for name, mark in marks.items() if mark == "drop"}
    hashed = [name for name, mark in marks.items() if mark == "hash"]
    kept = responses.drop(columns=sorted(dropped))
    for name in hashed:
        kept[name] = hash_identifiers(kept[name], key, settings.get("missing_codes", ()), f"{where}: column '{name}'")
    carried = dict(labels)
    for part in LABELS:
        if isinstance(carried.get(part), dict):
            gone = dropped if part == "columns" else dropped | set(hashed)
            carried[part] = {name: entry for name, entry in carried[part].items() if name not in gone}
    carried["choices"] = {
        question: {**entry, "columns": {name: code for name, code in entry["columns"].items() if name not in dropped}}
        for question, entry in labels.get("choices", {}).items()
    }
    refuse_identifying(kept.drop(columns="raw_row", errors="ignore"), marks, where, labels.get("identifying", ()))
    return kept, carried


def refuse_identifying(table: pd.DataFrame, marks: Collection[str], where: str, stated: Collection[str] = ()) -> None:
    """Stop if a column without a mark holds identifying content, or is one that the export says does (`stated`).

    Raises
    ------
    StudyError
        Names file, column, number of rows and kind of content, never a value.
    """
    if problems := [
        f"{where}: column '{name}': {n} {'row holds' if n == 1 else 'rows hold'} {word_finding(kind)}; in "
        "data/codebook.csv give the column a row with identifying = drop (never carried on) or hash (replaced by a "
        "keyed hash), or cleared if you looked and it is none (docs/privacy.md)"
        for name, kind, n in find_identifying_content(table[[name for name in table if name not in marks]], stated)
    ]:
        raise StudyError(problems)


def protect_table(table: pd.DataFrame, marks: Mapping[str, str], where: str) -> pd.DataFrame:
    """Drop the marked columns of a table beside the waves, such as a sample file, and stop at identifying content.

    Parameters
    ----------
    marks
        Column → drop or cleared; hashes are made of waves only, so a column to hash stops the run.

    Raises
    ------
    StudyError
        A column to hash, or identifying content in a column without a mark.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"firm": ["f1"], "mail": ["a@b.org"]})
    >>> list(protect_table(rows, {"mail": "drop"}, "sample.csv").columns)
    ['firm']
    """
    if problems := [
        f"{where}: column '{name}' is marked hash in data/codebook.csv, which is done in the waves' files only; hash "
        "or remove it before the file comes here (docs/privacy.md)"
        for name in table
        if marks.get(str(name)) == "hash"
    ]:
        raise StudyError(problems)
    kept = table.drop(columns=[name for name in table if marks.get(str(name)) == "drop"])
    refuse_identifying(kept.astype("object").where(kept.notna(), "").astype("str"), marks, where)
    return kept


def spread_marks(
    marks: Mapping[str, str], choices: Mapping[str, Mapping[str, Any]], responses: pd.DataFrame
) -> dict[str, str]:
    """Marks by raw column: that of a question of several answers is that of each column of a choice.

    Examples
    --------
    >>> import pandas as pd
    >>> spread_marks({"fin": "drop"}, {"fin": {"columns": {"fin_1": "1"}}}, pd.DataFrame({"fin_1": ["1"]}))
    {'fin_1': 'drop'}
    """
    spread: dict[str, str] = {}
    for name, mark in marks.items():
        columns = [column for column in choices.get(name, {}).get("columns", {}) if column in responses]
        own = [name] if name in responses or not columns else []
        spread |= dict.fromkeys([*own, *columns], mark)
    return spread


def word_finding(kind: str) -> str:
    """Say what was found in a column.

    Examples
    --------
    >>> word_finding("IP address"), word_finding(STATED)
    ('what looks like an IP address', 'what tells who answered by the export itself (ImportId, data dictionary)')
    """
    if kind == STATED:
        return "what tells who answered by the export itself (ImportId, data dictionary)"
    return f"what looks like {kind if kind == 'coordinates' else ('an ' if kind[0] in 'aeiouI' else 'a ') + kind}"


def hash_identifiers(
    values: pd.Series, key: bytes, missing_codes: Collection[str] = (), where: str = "values"
) -> pd.Series:
    """Replace values by HMAC-SHA256 under a secret key (RFC 2104), its first sixteen hexadecimal digits.

    The same value has the same hash in every column and wave, so that links of a panel survive. Blanks and missing
    codes stay as they are; spaces around a value do not count.

    Raises
    ------
    StudyError
        Two values share a hash.

    Examples
    --------
    >>> import pandas as pd
    >>> hash_identifiers(pd.Series(["f1", "", "-99", " f1"]), b"k" * 32, ["-99"]).tolist()
    ['ce61160809c613ab', '', '-99', 'ce61160809c613ab']
    """
    plain = values.str.strip()
    found = {
        value: hmac.new(key, str(value).encode(), hashlib.sha256).hexdigest()[:HASH_DIGITS]
        for value in plain.unique()
        if value and value not in missing_codes
    }
    if len(set(found.values())) < len(found):
        raise StudyError(f"{where}: two values have the same hash; use another key")
    return plain.map(lambda value: found.get(value, value)).astype(values.dtype)


def find_identifying_content(table: pd.DataFrame, stated: Collection[str] = ()) -> list[tuple[str, str, int]]:
    """Find columns of text that hold e-mail addresses, phone numbers, IP addresses, coordinates, names, accounts.

    Parameters
    ----------
    stated
        Columns that the file says identify; they are found if they hold anything.

    Returns
    -------
    list of (column, kind, number of rows)
        The values themselves are never returned.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"remark": ["write to a.b@c.org", "2021-03-01 10:22:33"], "version": ["1.2.3.4", "2.0"]})
    >>> find_identifying_content(rows)
    [('remark', 'e-mail address', 1)]
    """
    found = [finding for name in table for finding in _search_column(str(name), table[name])]
    seen = {name for name, _, _ in found}
    return found + [
        (name, STATED, n)
        for name in map(str, table)
        if name in stated and name not in seen and (n := int((table[name] != "").sum()))
    ]


def _search_column(name: str, values: pd.Series) -> Iterator[tuple[str, str, int]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    unique = pa.array(list_different(values)[1], pa.large_string())
    strange = unique.filter(pc.invert(pc.match_substring_regex(unique, PLAIN))).to_pylist()
    # A line a value: one search over all of them costs far less than one search a value.
    text = "\n".join(value.replace("\n", " ") for value in strange)
    plain = re.sub(r"\W+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)).lower()
    for kind in dict.fromkeys([*_PATTERNS, *_BY_NAME]):
        pattern = _PATTERNS.get(kind)
        found = pattern.search(text) if pattern else None
        named = _BY_NAME[kind] if kind in _BY_NAME and _BY_NAME[kind][0].search(plain) else None
        if not found and not named:
            continue
        hits = [
            value
            for value in (unique.to_pylist() if named else strange)
            if (pattern and _finds(kind, pattern, value.replace("\n", " ")))
            or (named and named[1].fullmatch(value.replace("\n", " ").strip()))
        ]
        if hits:
            yield name, kind, int(values.isin(hits).sum())


def _finds(kind: str, pattern: re.Pattern[str], line: str) -> bool:
    return any(kind != "bank account" or _is_account(hit[0]) for hit in pattern.finditer(line))


def _is_account(text: str) -> bool:
    """Whether the check digits of an IBAN are right (ISO 13616: remainder 1 by 97)."""
    plain = text.replace(" ", "")
    return int("".join(str(int(letter, 36)) for letter in plain[4:] + plain[:4])) % 97 == 1


SHORTEST = 4
"""Characters of a value that is searched for; a shorter one would be met by chance."""


def list_searched(values: Iterable[str], known: str) -> set[str]:
    """List the values that a search can tell from what stands in a report anyway, as :func:`find_values` wants them.

    Parameters
    ----------
    values
        Cells of columns that are dropped or hashed.
    known
        The study's own texts, such as its codebook: what stands in them as whole words is no secret.

    Examples
    --------
    >>> sorted(list_searched(["Jane  Doe", "female", "yes", "12.5", "+44 20 7946 0958", "Rise"], "f=Female enterprise"))
    ['44 20 7946 0958', 'jane doe', 'rise']
    """
    plain = {_normalize(value) for value in values}
    # ASSUME: a number of fewer than seven digits is met by chance, too.
    long = {
        value
        for value in plain
        if len(value) >= SHORTEST and (re.search(r"[^\W\d_]", value) or len(re.sub(r"\D", "", value)) >= 7)
    }
    return long - find_values(known, long)


def _normalize(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip(" \"'.,;:+()").casefold()


def find_values(text: str, values: Collection[str]) -> set[str]:
    """Find which values stand in a text as whole words, whatever their case and spaces.

    Examples
    --------
    >>> find_values("Told by JANE\\nDoe, owner.", {"jane doe", "jan"})
    {'jane doe'}
    """
    by_word: dict[str, list[str]] = {}
    for value in values:
        if first := re.search(r"\w+", value):
            by_word.setdefault(first[0], []).append(value[first.start() :])
    plain, found = _normalize(text), set()
    for word in re.finditer(r"\w+", plain):
        for value in by_word.get(word[0], ()):
            end = word.start() + len(value)
            if plain.startswith(value, word.start()) and not plain[end : end + 1].isalnum():
                found.add(value)
    return found


def check_key(key: bytes, path: Path, inside: Collection[Path]) -> None:
    """Refuse a key that is too short or lies where it might be published.

    Raises
    ------
    StudyError
        Says which, and what to do.
    """
    for folder in inside:
        if path.resolve().is_relative_to(folder.resolve()):
            raise StudyError(
                f"{path}: the key lies inside {folder}; whoever has the study would have the key: move it elsewhere "
                "and name it in the environment variable FIRMTIES_KEY_FILE"
            )
    if len(key) < KEY_LENGTH:
        raise StudyError(
            f"{path}: the key has {len(key)} characters, it needs at least {KEY_LENGTH}; {word_making(path)}"
        )


def word_making(path: Path) -> str:
    """Say how to make a key."""
    code = "import pathlib, secrets, sys; p = pathlib.Path(sys.argv[1]); p.parent.mkdir(parents=True, exist_ok=True)"
    return f'make one with: python -c "{code}; p.write_text(secrets.token_hex(32))" "{path}"'


def compute_fingerprint(key: bytes) -> str:
    """Fingerprint that tells keys apart without giving the key away: the keyed hash of a fixed text."""
    return hmac.new(key, b"firmties key fingerprint", hashlib.sha256).hexdigest()
