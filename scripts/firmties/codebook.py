"""The tables that describe a study's data: codebook, crosswalk, anchors and the margins of the frame.

They are read at every start of the workflow, so with the csv module alone.
Spreadsheets' habits are accepted: a byte-order mark, ``;`` or tab between the
columns, a decimal comma, TRUE and FALSE, empty rows and columns at the end.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from firmties.errors import describe_allowed

TYPES = ("id", "text", "number", "integer", "boolean", "category", "ordinal", "multiple", "datetime", "json")
NUMERIC_TYPES = ("number", "integer", "ordinal")
OTHER_CODES = {"boolean": ("0", "1"), "multiple": ("none",)}
"""Codes beside a type's own that an answer may be recoded to."""
MISSING_KINDS = ("not_applicable", "dont_know", "refused", "no_answer")
TABLES = ("panel", "alters")
PROTECTIONS = ("drop", "hash", "cleared")
ACTIONS = ("rename", "recode", "multiply", "ignore")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_MONTH = r"(?:Jan|Feb|M[aä]r|Mrz|Apr|Ma[iy]|Ju[nl]|Aug|Sep|O[ck]t|Nov|De[cz])[a-z]*\.?"
SPREADSHEET_DATE = re.compile(rf"\d{{1,2}}[-. /]+{_MONTH}(?:[-. /]+\d{{2,4}})?|{_MONTH}[-. /]+\d{{2,4}}")
CHOICE = re.compile(r"[A-Za-z0-9_]+")

CODEBOOK_COLUMNS = (
    "variable", "section", "construct", "question", "type", "scale", "codes", "minimum", "maximum", "reverse",
    "unit", "waves", "missing_codes", "identifying", "note", "separator", "table",
)  # fmt: skip
CROSSWALK_COLUMNS = ("wave", "raw_name", "variable", "raw_code", "code", "factor", "action", "reason")
ANCHOR_COLUMNS = ("variable", "centre", "spread", "wave", "note")
MARGIN_COLUMNS = ("wave", "variable", "category", "count")


@dataclass(frozen=True)
class Variable:
    """One variable: a row of the codebook, or a variable that the workflow computes.

    Attributes
    ----------
    codes
        Code (text) → label, in display order; the response scale of the
        configuration is folded in, so an ordinal variable lists every point.
    minimum, maximum
        The permitted range; None where there is none.
    waves
        The waves that asked it; empty stands for every wave.
    missing_codes
        Code (text) → kind, of this variable alone.
    identifying, protection
        Whether its answers are shown nowhere; what is done when a wave is read: ``drop``, ``hash``, ``cleared``
        (looked at and found not to identify) or nothing.
    table
        The scored table that holds it: panel, alters or networks. In the codebook `alters` says that the
        answer stands in a long file of partners.
    """

    name: str
    question: str = ""
    type: str = "number"
    section: str = ""
    construct: str = ""
    scale: str = ""
    codes: dict[str, str] = field(default_factory=dict)
    minimum: float | None = None
    maximum: float | None = None
    reverse: bool = False
    unit: str = ""
    waves: tuple[int, ...] = ()
    missing_codes: dict[str, str] = field(default_factory=dict)
    identifying: bool = False
    protection: str = ""
    note: str = ""
    separator: str = "|"
    table: str = "panel"
    origin: str = "codebook"

    @property
    def label(self) -> str:
        """The question, or the name where the question is blank."""
        return self.question or self.name

    @property
    def levels(self) -> list[str]:
        """The values that a formula, a reference or a contrast may name, in display order; empty if unknown.

        Examples
        --------
        >>> Variable("consent", type="boolean").levels
        ['false', 'true']
        >>> Variable("stage", type="ordinal", minimum=1, maximum=3).levels
        ['1', '2', '3']
        """
        if self.type == "boolean":
            return ["false", "true"]
        if self.codes:
            return list(self.codes)
        if self.type == "ordinal" and self.minimum is not None and self.maximum is not None:
            return [str(code) for code in range(round(self.minimum), round(self.maximum) + 1)]
        return []

    def is_asked(self, wave: int) -> bool:
        """Whether a wave asked it."""
        return not self.waves or wave in self.waves

    def as_row(self) -> dict[str, Any]:
        """Return plain values, as a rule's parameters must be."""
        return {**asdict(self), "waves": list(self.waves)}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Variable:
        """Rebuild the variable from what `as_row` returned.

        Examples
        --------
        >>> emp = Variable("emp_now", minimum=0, waves=(1, 2))
        >>> Variable.from_row(emp.as_row()) == emp
        True
        """
        return cls(**{**row, "waves": tuple(row["waves"])})


def guard_cell(text: str) -> str:
    """Write a cell so that no spreadsheet runs it as a formula; numbers, alone or with an interval, stay as they are.

    Examples
    --------
    >>> guard_cell("=1+1"), guard_cell("-99"), guard_cell("-0.12 (0.03)"), guard_cell("-2+cmd|' /C calc'!A0")
    ("'=1+1", '-99', '-0.12 (0.03)', "'-2+cmd|' /C calc'!A0")
    """
    if re.fullmatch(r"[-+][-\d\s.,()\[\]*%p<=]*", text):
        return text
    return f"'{text}" if re.match(r"'*[=+\-@]", text) else text


def release_cell(text: str) -> str:
    """Take off the apostrophe of :func:`guard_cell`.

    Examples
    --------
    >>> release_cell("'=1+1"), release_cell("'tis")
    ('=1+1', "'tis")
    """
    return text[1:] if re.match(r"''*[=+\-@]", text) else text


def decode_text(content: bytes) -> str:
    """Decode a small table as a spreadsheet may have saved it: UTF-8, or else Windows' Western European encoding."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def read_table(
    text: str, file: str, columns: Sequence[str], required: Collection[str], problems: list[str]
) -> list[tuple[int, dict[str, str]]]:
    r"""Read a small table with a header.

    Parameters
    ----------
    text
        The file's content.
    file
        Its name, for messages.
    columns, required
        The columns that may and that must be there.
    problems
        Messages are added here.

    Returns
    -------
    list of (line, row)
        Every column of `columns` is in every row, blank where the file lacks it;
        wholly blank rows are left out.

    Examples
    --------
    >>> read_table("\ufeffname;value\na;1,5\n;\n", "x.csv", ["name", "value"], ["name"], [])
    [(2, {'name': 'a', 'value': '1,5'})]
    """
    text = text.removeprefix("\ufeff")
    first_line = text.partition("\n")[0]
    delimiter = max(",;\t", key=first_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header = [name.strip() for name in next(reader, [])]
    if not any(header):
        problems.append(f"{file}: is empty; its first line must name the columns: {', '.join(columns)}")
        return []
    missing = [name for name in columns if name in required and name not in header]
    unknown = [name for name in header if name and name not in columns]
    problems.extend(f"{file}: lacks the column '{name}'" for name in missing)
    problems.extend(f"{file}: unknown column '{name}'; {describe_allowed(name, columns)}" for name in unknown)
    problems.extend(
        f"{file}: the column '{name}' is there twice"
        for name in dict.fromkeys(header)
        if name and header.count(name) > 1
    )
    if missing:
        return []
    rows = []
    line = reader.line_num + 1
    for cells in reader:
        if any(cell.strip() for cell in cells):
            if any(cell.strip() for cell in cells[len(header) :]):
                problems.append(
                    f"{file}: line {line}: has {len(cells)} cells, the header {len(header)};"
                    f" put a cell that holds '{delimiter}' in double quotes"
                )
            found = dict(zip(header, (release_cell(cell.strip()) for cell in cells), strict=False))
            rows.append((line, {name: found.get(name, "") for name in columns}))
        line = reader.line_num + 1
    return rows


def parse_codes(text: str) -> dict[str, str]:
    """Parse ``code=label|code=label``; a code without ``=`` is its own label.

    Raises
    ------
    ValueError
        A code is blank or listed twice, or a spreadsheet made a date of the codes.

    Examples
    --------
    >>> parse_codes("1=direct|2=through an intermediary")
    {'1': 'direct', '2': 'through an intermediary'}
    >>> parse_codes("panel|refresh")
    {'panel': 'panel', 'refresh': 'refresh'}
    """
    if SPREADSHEET_DATE.fullmatch(text):
        raise ValueError(
            f"'{text}' is a date: a spreadsheet made a date of a code such as 1-2; format the column as text"
        )
    codes: dict[str, str] = {}
    for entry in text.split("|") if text else []:
        code, equals, label = (part.strip() for part in entry.partition("="))
        if not code:
            raise ValueError(f"'{entry}' has no code; write code=label|code=label")
        if code in codes:
            raise ValueError(f"the code '{code}' is listed twice")
        codes[code] = label if equals else code
    return codes


def parse_waves(text: str) -> tuple[int, ...]:
    """Parse ``1-4``, ``2`` or ``1,3-4``; blank and ``*`` stand for every wave and give ().

    Raises
    ------
    ValueError
        The text is something else.

    Examples
    --------
    >>> parse_waves("1,3-4")
    (1, 3, 4)
    """
    if text in ("", "*"):
        return ()
    waves: set[int] = set()
    for part in text.split(","):
        bounds = re.fullmatch(r"\s*(\d+)\s*(?:[-–]\s*(\d+)\s*)?", part)
        if not bounds:
            raise ValueError(
                f"'{text}' is no list of waves; write 1-4, 2 or 1,3-4 (a spreadsheet may have made a date of it:"
                " format the column as text)"
            )
        waves.update(range(int(bounds[1]), int(bounds[2] or bounds[1]) + 1))
    return tuple(sorted(waves))


def parse_number(text: str) -> float | None:
    """Parse a number with a decimal point or comma; blank gives None.

    Raises
    ------
    ValueError
        The text is no finite number.

    Examples
    --------
    >>> parse_number("0,5"), parse_number("1e6"), parse_number("")
    (0.5, 1000000.0, None)
    """
    if not text:
        return None
    if not re.fullmatch(r"[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?", text):
        raise ValueError(f"'{text}' is not a number")
    return float(text.replace(",", "."))


def parse_boolean(text: str) -> bool:
    """Parse yes or no as spreadsheets write it; blank is no.

    Raises
    ------
    ValueError
        The text is neither.

    Examples
    --------
    >>> parse_boolean("TRUE"), parse_boolean("0"), parse_boolean("")
    (True, False, False)
    """
    word = text.lower()
    if word in ("1", "true", "yes", "x"):
        return True
    if word in ("", "0", "false", "no"):
        return False
    raise ValueError(f"'{text}' is neither true nor false; write TRUE or FALSE")


def parse_identifying(text: str) -> bool:
    """Parse whether a variable identifies: TRUE, FALSE, or what is done with it (dropped and hashed ones do).

    Raises
    ------
    ValueError
        The text is none of these.

    Examples
    --------
    >>> parse_identifying("1"), parse_identifying("drop"), parse_identifying("cleared"), parse_identifying("")
    (True, True, False, False)
    """
    if text.lower() in PROTECTIONS:
        return text.lower() != "cleared"
    try:
        return parse_boolean(text)
    except ValueError:
        allowed = describe_allowed(text.lower(), ["TRUE", "FALSE", *PROTECTIONS])
        raise ValueError(f"'{text}' is not allowed; {allowed}") from None


def _parse_missing_codes(text: str) -> dict[str, str]:
    codes = parse_codes(text)
    for code, kind in codes.items():
        if kind not in MISSING_KINDS:
            raise ValueError(
                f"'{kind}' is no kind of missing answer (code {code}); {describe_allowed(kind, MISSING_KINDS)}"
            )
    return codes


_PARSERS: dict[str, Callable[[str], Any]] = {
    "codes": parse_codes,
    "minimum": parse_number,
    "maximum": parse_number,
    "reverse": parse_boolean,
    "waves": parse_waves,
    "missing_codes": _parse_missing_codes,
    "identifying": parse_identifying,
}


def parse_codebook(
    text: str,
    *,
    file: str = "data/codebook.csv",
    response_scales: Mapping[str, Mapping[str, Any] | None] | None = None,
    waves: Collection[int] = (),
) -> tuple[dict[str, Variable], list[str]]:
    """Parse and check the codebook.

    Parameters
    ----------
    text
        The file's content.
    file
        Its name, for messages.
    response_scales
        The configuration's response scales; a variable's `scale` must be one of
        them, and takes its codes and range from it where its own are blank. None: not checked;
        a scale that is None is itself at fault.
    waves
        The waves of the study; empty: not checked.

    Returns
    -------
    variables : dict
        Name → `Variable`, in the order of the file.
    problems : list of str
        One line a fault.

    Examples
    --------
    >>> table = "variable,question,type,scale\\nrc1,We take their word.,ordinal,agree3\\n"
    >>> scale = {"minimum": 1, "maximum": 3, "labels": {"1": "disagree", "3": "agree"}}
    >>> variables, problems = parse_codebook(table, response_scales={"agree3": scale})
    >>> variables["rc1"].codes, variables["rc1"].maximum, problems
    ({'1': 'disagree', '2': '2', '3': 'agree'}, 3, [])
    """
    problems: list[str] = []
    scales = response_scales or {}
    checked_scales = None if response_scales is None else scales
    variables: dict[str, Variable] = {}
    lines: dict[str, int] = {}
    for line, row in read_table(text, file, CODEBOOK_COLUMNS, ("variable", "question", "type"), problems):
        name = row.pop("variable")
        where = f"{file}: line {line}" + (f" ({name})" if name else "")
        if not name:
            problems.append(f"{where}: variable: is blank")
            continue
        if not NAME.fullmatch(name):
            problems.append(
                f"{where}: variable: '{name}' is not allowed;"
                " use letters without accents, digits and _, beginning with a letter"
            )
        if name in variables:
            problems.append(f"{where}: variable: is already on line {lines[name]}; each variable has one row")
            continue
        lines[name] = line
        values: dict[str, Any] = {"name": name}
        for column, cell in row.items():
            try:
                values[column] = _PARSERS.get(column, str)(cell)
            except ValueError as error:
                problems.append(f"{where}: {column}: {error}")
        # A blank cell of a spreadsheet cannot hold a space, so the word stands for it.
        values["separator"] = {"": "|", "space": " "}.get(values["separator"], values["separator"])
        values["table"] = values["table"] or "panel"
        if row["identifying"].lower() in PROTECTIONS:
            values["protection"] = row["identifying"].lower()
        variable = Variable(**values)
        variables[name] = variable
        for column, problem in _check_variable(variable, checked_scales, waves):
            problems.append(f"{where}: {column}: {problem}")
        if scales.get(variable.scale):
            variables[name] = _fold_scale(variable, scales[variable.scale] or {})
    if not variables and not problems:
        problems.append(f"{file}: holds no variable")
    return variables, problems


def _fold_scale(variable: Variable, scale: Mapping[str, Any]) -> Variable:
    """Take codes and range from the response scale where the row leaves them blank."""
    labels = {str(code): str(label) for code, label in scale.get("labels", {}).items()}
    low, high = scale.get("minimum"), scale.get("maximum")
    if low is not None and high is not None:
        labels = {str(point): labels.get(str(point), str(point)) for point in range(int(low), int(high) + 1)}
    return replace(
        variable,
        codes=variable.codes or labels,
        minimum=low if variable.minimum is None else variable.minimum,
        maximum=high if variable.maximum is None else variable.maximum,
    )


def _check_variable(
    variable: Variable, scales: Mapping[str, Mapping[str, Any] | None] | None, waves: Collection[int]
) -> Iterator[tuple[str, str]]:
    """Yield (column, problem) for one row of the codebook."""
    if variable.type not in TYPES:
        yield "type", f"'{variable.type}' is not allowed; {describe_allowed(variable.type, TYPES)}"
        return
    if variable.protection == "hash" and variable.type not in ("id", "text"):
        yield "identifying", f"hash needs the type id or text, not {variable.type}; write drop, or another type"
    if variable.protection in ("drop", "hash") and variable.table != "panel":
        yield "identifying", f"{variable.protection} is not done in files of partners; remove the column from the file"
    if variable.table not in TABLES:
        yield "table", f"'{variable.table}' is not allowed; {describe_allowed(variable.table, TABLES)}"
    if variable.scale and scales is not None and variable.scale not in scales:
        allowed = describe_allowed(variable.scale, scales)
        yield "scale", f"'{variable.scale}' is no response scale of config.yaml (response_scales); {allowed}"
    for wave in variable.waves:
        if waves and wave not in waves:
            yield "waves", f"{wave} is no wave of config.yaml; {describe_allowed(wave, waves)}"
    # A scale that cannot be looked up is no reason for further complaints about the row.
    if variable.scale and (scales or {}).get(variable.scale) is None:
        return
    folded = _fold_scale(variable, (scales or {}).get(variable.scale) or {})
    has_range = folded.minimum is not None and folded.maximum is not None
    if folded.minimum is not None and folded.maximum is not None and folded.minimum > folded.maximum:
        yield "minimum", f"{folded.minimum:g} is larger than the maximum, {folded.maximum:g}"
    if variable.reverse and not has_range:
        yield (
            "reverse",
            "needs a minimum and a maximum, or a response scale: the answer is recoded to minimum + maximum - x",
        )
    if variable.reverse and variable.type not in NUMERIC_TYPES:
        yield "reverse", f"only {', '.join(NUMERIC_TYPES)} can be reversed, not {variable.type}"
    if variable.type == "multiple":
        if not folded.codes:
            yield "codes", "are blank; a multiple answer becomes one column a choice, so its codes must be listed"
        for code in folded.codes:
            if not CHOICE.fullmatch(code):
                yield (
                    "codes",
                    f"'{code}' becomes part of a column name: use letters, digits and _ (the label may be any text)",
                )
    if variable.type == "ordinal" and not folded.codes and not has_range:
        yield "codes", "are blank; an ordinal answer needs codes, a response scale, or a minimum and a maximum"
    if variable.type in NUMERIC_TYPES:
        for code in folded.codes:
            try:
                value = parse_number(code)
            except ValueError:
                if variable.type != "ordinal":
                    yield "codes", f"'{code}' is not a number, as a variable of type {variable.type} must have"
                continue
            if value is not None and has_range and not ((folded.minimum or 0) <= value <= (folded.maximum or 0)):
                yield "codes", f"{code} lies outside {folded.minimum:g} to {folded.maximum:g}"


def parse_crosswalk(
    text: str,
    variables: Mapping[str, Variable],
    waves: Collection[int],
    *,
    missing_codes: Collection[str] = (),
    file: str = "data/crosswalk.csv",
) -> tuple[list[dict[str, Any]], list[str]]:
    """Parse and check the crosswalk: one row for each place where an export differs from the codebook.

    Parameters
    ----------
    text
        The file's content.
    variables
        The codebook.
    waves
        The waves of the study; empty: not checked.
    missing_codes
        Codes of missing answers, which an answer may also be recoded to.
    file
        Its name, for messages.

    Returns
    -------
    rows : list of dict
        The columns of the file; `waves` is a list (empty: every wave) in place
        of `wave`, `factor` a number or None.
    problems : list of str

    Examples
    --------
    >>> table = "wave,raw_name,variable,action\\n1,has_plan,strat_doc,rename\\n"
    >>> rows, problems = parse_crosswalk(table, {"strat_doc": Variable("strat_doc")}, [1, 2])
    >>> rows[0]["waves"], rows[0]["raw_name"], rows[0]["variable"], problems
    ([1], 'has_plan', 'strat_doc', [])
    """
    problems: list[str] = []
    rows: list[dict[str, Any]] = []
    taken: dict[tuple[int, str, str], int] = {}
    for line, row in read_table(text, file, CROSSWALK_COLUMNS, ("wave", "action"), problems):
        place = f"{file}: line {line}"
        faults: list[str] = []
        chosen: tuple[int, ...] = ()
        factor = None
        try:
            chosen = parse_waves(row["wave"])
            if not row["wave"]:
                faults.append(f"wave: is blank; write a wave, or * for all; {describe_allowed('', waves)}")
        except ValueError as error:
            faults.append(f"wave: {error}")
        faults.extend(
            f"wave: {wave} is no wave of config.yaml; {describe_allowed(wave, waves)}"
            for wave in chosen
            if waves and wave not in waves
        )
        try:
            factor = parse_number(row["factor"])
        except ValueError as error:
            faults.append(f"factor: {error}")
        faults.extend(_check_crosswalk_row(row, variables, chosen, missing_codes))
        if row["action"] == "rename":
            for wave in chosen or waves:
                for column in ("raw_name", "variable"):
                    earlier = taken.setdefault((wave, column, row[column]), line)
                    if earlier != line:
                        faults.append(f"{column}: wave {wave} already renames '{row[column]}' on line {earlier}")
        problems.extend(f"{place}: {fault}" for fault in faults)
        del row["wave"]
        rows.append({"waves": list(chosen), **row, "factor": factor})
    return rows, problems


def _check_crosswalk_row(
    row: Mapping[str, str], variables: Mapping[str, Variable], waves: Sequence[int], missing_codes: Collection[str]
) -> Iterator[str]:
    action, name = row["action"], row["variable"]
    if action not in ACTIONS:
        yield f"action: '{action}' is not allowed; {describe_allowed(action, ACTIONS)}"
        return
    needed = {
        "rename": ("raw_name", "variable"),
        "recode": ("variable", "raw_code"),
        "multiply": ("variable", "factor"),
    }
    for column in needed.get(action, ("raw_name",)):
        if not row[column]:
            yield f"{column}: is blank; {action} needs it"
    if not name or action == "ignore":
        return
    if name not in variables:
        yield f"variable: '{name}' is not in the codebook; {describe_allowed(name, variables)}"
        return
    variable = variables[name]
    for wave in waves:
        if not variable.is_asked(wave):
            asked = ", ".join(map(str, variable.waves))
            yield f"variable: '{name}' is not asked in wave {wave} by the codebook (waves {asked})"
    levels = variable.levels
    allowed = [*levels, *variable.missing_codes, *missing_codes, *OTHER_CODES.get(variable.type, ())]
    if action == "recode" and row["code"] and levels and row["code"] not in allowed:
        yield f"code: '{row['code']}' is no code of {name}; {describe_allowed(row['code'], levels)}"
    if action == "multiply" and variable.type not in NUMERIC_TYPES:
        yield f"variable: '{name}' is {variable.type}; only numbers can be multiplied"


def split_benchmark(name: str) -> list[str]:
    """Split the name of an anchor into the variables that it names.

    Examples
    --------
    >>> split_benchmark("f2f[stage=2]"), split_benchmark("ts_mean")
    (['f2f', 'stage'], ['ts_mean'])
    """
    match = re.fullmatch(r"(\w+)\[(\w+)=.+\]", name)
    return [match[1], match[2]] if match else [name]


def parse_anchors(
    text: str, names: Collection[str], waves: Collection[int], *, file: str = "data/anchors.csv"
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Parse and check the fixed constants that put indices on their scales.

    Returns
    -------
    anchors : dict
        Variable → ``{"centre", "spread", "wave", "note"}``; ``wave`` is None where blank.
    problems : list of str

    Examples
    --------
    >>> parse_anchors("variable,centre,spread\\nts_mean,0.47,0.177\\n", ["ts_mean"], [1])
    ({'ts_mean': {'centre': 0.47, 'spread': 0.177, 'wave': None, 'note': ''}}, [])
    """
    problems: list[str] = []
    anchors: dict[str, dict[str, Any]] = {}
    for line, row in read_table(text, file, ANCHOR_COLUMNS, ("variable", "centre", "spread"), problems):
        name = row["variable"]
        place = f"{file}: line {line} ({name})"
        if name in anchors:
            problems.append(f"{place}: variable: has an anchor already; each variable has one row")
        # A row such as f2f[stage=2] is one of a benchmark: of the variable, for a code of the other.
        elif names and (unknown := [part for part in split_benchmark(name) if part not in names]):
            problems.append(f"{place}: variable: '{unknown[0]}' is not known; {describe_allowed(unknown[0], names)}")
        numbers: dict[str, float | None] = {}
        for column in ("centre", "spread", "wave"):
            try:
                numbers[column] = parse_number(row[column])
            except ValueError as error:
                problems.append(f"{place}: {column}: {error}")
                continue
            if numbers[column] is None and column != "wave":
                problems.append(f"{place}: {column}: is blank")
        spread, wave = numbers.get("spread"), numbers.get("wave")
        if spread is not None and spread <= 0:
            problems.append(f"{place}: spread: {spread:g} must be above 0")
        if wave is not None and waves and wave not in waves:
            problems.append(
                f"{place}: wave: {wave:g} is no wave of config.yaml; {describe_allowed(f'{wave:g}', waves)}"
            )
        anchors[name] = {
            "centre": numbers.get("centre"),
            "spread": spread,
            "wave": None if wave is None else int(wave),
            "note": row["note"],
        }
    return anchors, problems


def parse_margins(
    text: str, waves: Collection[int], *, file: str
) -> tuple[dict[int, dict[str, dict[str, int]]], list[str]]:
    """Parse and check the margins of the sampling frame: how many firms each category holds in a wave.

    Returns
    -------
    margins : dict
        Wave → variable → category → number of firms, in the order of the file.
    problems : list of str

    Examples
    --------
    >>> rows = "wave,variable,category,count\\n1,size,small,40\\n1,size,large,10\\n1,region,north,49\\n"
    >>> margins, problems = parse_margins(rows, [1], file="frame.csv")
    >>> margins[1]["size"]
    {'small': 40, 'large': 10}
    >>> problems
    ['frame.csv: wave 1: the counts of region add up to 49, those of size to 50; each variable covers the whole frame']
    """
    problems: list[str] = []
    margins: dict[int, dict[str, dict[str, int]]] = {}
    for line, row in read_table(text, file, MARGIN_COLUMNS, MARGIN_COLUMNS, problems):
        numbers: dict[str, int] = {}
        for column in ("wave", "count"):
            if re.fullmatch(r"\d+", row[column]):
                numbers[column] = int(row[column])
            else:
                problems.append(f"{file}: line {line}: {column}: '{row[column]}' is no whole number of 0 or more")
        if waves and numbers.get("wave", next(iter(waves))) not in waves:
            allowed = describe_allowed(row["wave"], waves)
            problems.append(f"{file}: line {line}: wave: {row['wave']} is no wave of config.yaml; {allowed}")
        elif len(numbers) == 2:
            counts = margins.setdefault(numbers["wave"], {}).setdefault(row["variable"], {})
            if row["category"] in counts:
                place = f"{row['variable']} '{row['category']}' of wave {row['wave']}"
                problems.append(f"{file}: line {line}: {place} comes twice; keep one row")
            counts[row["category"]] = numbers["count"]
    for wave, variables in margins.items():
        (first, size), *others = ((name, sum(counts.values())) for name, counts in variables.items())
        problems += [
            f"{file}: wave {wave}: the counts of {name} add up to {count:,}, those of {first} to {size:,}; "
            "each variable covers the whole frame"
            for name, count in others
            if count != size
        ]
    return margins, problems
