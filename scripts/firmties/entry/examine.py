"""Examine a new wave: what its columns are, what the study has to take up for it, and whether it may come in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from firmties import slices
from firmties.choices import NOT_ASKED, count_choices, join_choices, list_wanted
from firmties.clean import (
    CleanWave,
    apply_crosswalk,
    clean_wave,
    find_out_of_range,
    list_separators,
    read_values,
    rename_labels,
)
from firmties.codebook import NUMERIC_TYPES, Variable
from firmties.entry import checks
from firmties.entry.checks import Check
from firmties.entry.compare import (
    Match,
    compare_scale,
    compare_units,
    draft_variable,
    find_missing_codes,
    match_columns,
    measure_drift,
    propose_recodes,
    tabulate_cells,
)
from firmties.entry.edits import write_waves
from firmties.errors import StudyError, describe_allowed
from firmties.privacy import find_identifying_content, protect_responses, word_finding
from firmties.study import Study

SAMPLE_ROWS = 100_000
"""Most responses that comparisons are made on; every response is checked."""
LONGEST_VALUE = 40
"""Longest value that the page quotes; a longer one may be an answer in the respondent's own words."""


@dataclass
class Examination:
    """What was found of a new wave.

    Attributes
    ----------
    study
        The study with the wave taken up as proposed.
    checks
        Results in the order of their numbers.
    crosswalk
        Rows to append: ``wave, raw_name, variable, raw_code, code, factor, action, reason`` as they are applied.
    unsure
        Further rows that are likely but have to be confirmed.
    codebook
        Rows to append: those given for new questions.
    drafts
        Rows drafted for columns that are new.
    waves
        Variable → new content of its cell `waves`.
    changes
        What differs from the earlier wave: ``what, column, variable, detail``.
    drift
        From :func:`firmties.entry.compare.measure_drift`; None if there is no earlier wave.
    facts
        What the page says of the file, in its order.
    """

    study: Study
    checks: list[Check]
    crosswalk: list[dict[str, Any]]
    unsure: list[dict[str, Any]]
    codebook: list[dict[str, Any]]
    drafts: list[dict[str, Any]]
    waves: dict[str, str]
    changes: list[dict[str, str]]
    drift: pd.DataFrame | None
    facts: dict[str, str]

    @property
    def may_enter(self) -> bool:
        """Whether no stop stands."""
        return all(check.state != "stop" for check in self.checks)


@dataclass
class Reading:
    """A wave as far as it could be read: faults are (number of the check, text)."""

    wave: CleanWave | None
    faults: list[tuple[int, str]] = field(default_factory=list)


def examine_wave(
    study: Study,
    entry: Mapping[str, Any],
    responses: pd.DataFrame,
    labels: Mapping[str, Any],
    earlier: Mapping[int, CleanWave],
    *,
    crosswalk: Sequence[Mapping[str, Any]] = (),
    codebook: Sequence[Mapping[str, Any]] = (),
    new_variables: Sequence[Variable] = (),
    sample: pd.DataFrame | None = None,
    margins: pd.DataFrame | None = None,
    read_key: Callable[[], bytes] = bytes,
) -> Examination:
    """Examine a new wave.

    Parameters
    ----------
    study
        The study without the wave.
    entry
        The wave's entry for ``waves:``.
    responses, labels
        From :func:`firmties.readers.read_wave`.
    earlier
        Wave → clean wave, of those with a smaller number.
    crosswalk, codebook, new_variables
        What the analyst gives for this wave: rows of the crosswalk (parsed), rows of the codebook (as written) and the
        variables that they describe.
    sample, margins
        The wave's sample file and the study's frame margins, None if there is none.
    read_key
        Gives the key of the study's hashes; called only if a column is to be hashed.
    """
    number = int(entry["id"])
    where = f"{labels['file']} (wave {number})"
    before = earlier[max(earlier)] if earlier else None
    last = max(earlier) if earlier else None
    changes: list[dict[str, str]] = []
    faults: list[tuple[int, str]] = []

    own_rows = [dict(row) for row in study.crosswalk if not row["waves"] or number in row["waves"]]
    rows = [*own_rows, *(dict(row) for row in crosswalk)]
    known = {**study.variables, **study.dropped, **{variable.name: variable for variable in new_variables}}
    known = {name: variable for name, variable in known.items() if variable.table == "panel" and name != "wave"}
    missing = {*study.config.get("missing_codes", {})}
    missing |= {code for wave in study.config["waves"] for code in wave.get("missing_codes", {})}
    missing |= {NOT_ASKED}

    # A question that comes as a column a choice is one column, unless a choice is a variable of its own.
    as_read = responses
    choices = labels.get("choices", {})
    named = [*rows, *(study.crosswalk_rows(last) if last is not None else [])]
    claimed = {*known, *(row["raw_name"] for row in named)}
    wanted = list_wanted(choices, known.values(), named)
    wanted += [
        question for question in choices if question not in wanted and not claimed & {*choices[question]["columns"]}
    ]
    responses, labels = join_choices(responses, labels, wanted, claimed)
    # Columns: what is said, what the wave before said, what is likely.
    raw_columns = [str(name) for name in responses if name != "raw_row"]
    handled = {row["raw_name"] for row in rows if row["action"] in ("rename", "ignore")}
    targets = {row["variable"] for row in rows if row["action"] == "rename"}
    absent = [row for row in rows if row["action"] in ("rename", "ignore") and row["raw_name"] not in responses]
    for row in absent:
        text = f"{where}: the crosswalk names a column '{row['raw_name']}' that the file does not have"
        faults.append((1, f"{text}; {describe_allowed(row['raw_name'], raw_columns[:2000])}"))
    rows = [row for row in rows if row not in absent]
    direct = {name for name in raw_columns if name in known and name not in handled}
    for name in sorted(direct & targets):
        faults.append(
            (1, f"{where}: the crosswalk renames a column to '{name}', a column of the file already; ignore one")
        )
    rows = [row for row in rows if not (row["action"] == "rename" and row["variable"] in direct)]
    present = direct | targets
    unmapped = [name for name in raw_columns if name not in direct and name not in handled and name != "wave"]
    applied: list[dict[str, Any]] = []
    if last is not None:
        for row in study.crosswalk_rows(last):
            fits = row["action"] == "ignore" or (row["action"] == "rename" and row["variable"] in known)
            if fits and row["raw_name"] in unmapped and row["variable"] not in present:
                applied.append(write_row(number, **{**row, "reason": f"as in wave {last}"}))
                present |= {row["variable"]} - {""}
        carried = {row["raw_name"] for row in applied}
        unmapped = [name for name in unmapped if name not in carried]
    lacking = [variable for name, variable in known.items() if name not in present]
    tables: dict[str, Counter[str]] = {name: tabulate_cells(responses[name]) for name in unmapped[:5000]}
    matches = match_columns(
        unmapped[:5000],
        lacking,
        tables,
        labels.get("columns", {}),
        {} if before is None else tabulate_before(before, lacking),
        find_places(raw_columns, list(known)),
        missing,
    )
    unsure: list[dict[str, Any]] = []
    for match in matches:
        row = write_row(number, raw_name=match.raw_name, variable=match.variable, action="rename", reason=match.reason)
        (applied if match.sure else unsure).append(row)
    sure = {match.raw_name: match for match in matches if match.sure}
    present |= {match.variable for match in sure.values()}
    unmapped = [name for name in unmapped if name not in sure]
    changes += describe_columns(rows, applied, matches, known, number)
    changes += [
        {
            "what": "other code",
            "column": "",
            "variable": row["variable"],
            "detail": f"{row['raw_code']} is {row['code']}",
        }
        for row in rows
        if row["action"] == "recode"
    ]

    # Codes.
    renames = {row["raw_name"]: row["variable"] for row in [*rows, *applied] if row["action"] == "rename"}
    raw_of = {variable: raw for raw, variable in renames.items()}
    recoded = {(row["variable"], row["raw_code"]) for row in rows if row["action"] == "recode"}
    before_rows = study.crosswalk_rows(last) if last is not None else []
    cells = {cell for name in raw_columns[:5000] for cell in responses[name].unique()[:1000]}
    own_missing = find_missing_codes(cells, labels.get("values", {}).values())
    missing |= set(own_missing) | set(entry.get("missing_codes", {}))
    for name in sorted(present & set(known), key=list(known).index):
        variable, raw = known[name], raw_of.get(name, name)
        found = tabulate_cells(responses[raw])
        if variable.type == "multiple":
            offered = labels["joined"].get(raw)
            separator = variable.separator if offered is None else "|"
            found = count_choices(found, separator, [*variable.codes.values()]) + Counter(offered or ())
        for wave in study.config["waves"]:
            own_missing |= {code: kind for code, kind in wave.get("missing_codes", {}).items() if code in found}
        said = labels.get("values", {}).get(raw, {})
        earlier_codes = {
            row["raw_code"]: row["code"] for row in before_rows if row["action"] == "recode" and row["variable"] == name
        }
        for proposal in propose_recodes(found, variable, said, earlier_codes, missing):
            if (name, proposal["raw_code"]) in recoded:
                continue
            row = write_row(
                number,
                variable=name,
                raw_code=proposal["raw_code"],
                code=proposal["code"],
                action="recode",
                reason=proposal["reason"],
            )
            (applied if proposal["sure"] else unsure).append(row)
            said_so = f"{proposal['raw_code']} is {proposal['code']}: {proposal['reason']}"
            changes.append({"what": "other code", "column": raw, "variable": name, "detail": said_so})
    missing_codes = {**own_missing, **entry.get("missing_codes", {})}
    # ASSUME codes of missing answers that are a study's anyway need not be in the entry too.
    missing_codes = {
        code: kind for code, kind in missing_codes.items() if study.config.get("missing_codes", {}).get(code) != kind
    }
    entry = {**entry, **({"missing_codes": missing_codes} if missing_codes else {})}

    # Which waves asked what.
    others = [wave for wave in study.wave_ids if wave != number]
    waves = find_waves(known, present, number, others, last)
    after = {
        name: replace(variable, waves=waves[name]) if name in waves else variable for name, variable in known.items()
    }
    closed = [name for name in waves if number not in (waves[name] or (number,))]
    reopened = [
        name
        for name in waves
        if waves[name] and number in waves[name] and last is not None and last not in known[name].waves
    ]
    changes += [
        {"what": "not asked any more", "column": "", "variable": name, "detail": known[name].question}
        for name in closed
    ]
    changes += [
        {"what": "asked again", "column": raw_of.get(name, name), "variable": name, "detail": known[name].question}
        for name in reopened
    ]
    required = list_required(study.config, entry)
    faults += [
        (
            1,
            f"{where}: no column for variable '{name}', which {required[name]} needs; rename a column to it",
        )
        for name in closed
        if name in required
    ]
    guesses = {match.raw_name: match for match in matches}
    drafts = []
    for name in unmapped[:5000]:
        draft = draft_variable(
            name,
            labels.get("columns", {}).get(name, ""),
            tables[name],
            labels.get("values", {}).get(name, {}),
            number,
        )
        drafts.append(draft | ({"type": "multiple"} if name in labels["joined"] else {}))
    for name in unmapped:
        guess = (
            f"likely '{guesses[name].variable}' ({guesses[name].reason})"
            if name in guesses
            else "it is like no variable that still lacks a column"
        )
        text = f"{where}: column '{name}' is not in the codebook: {guess}"
        faults.append((1, f"{text}; rename or ignore it in the crosswalk, or give its row of the codebook"))
        if name not in guesses:
            changes.append(
                {
                    "what": "new column",
                    "column": name,
                    "variable": "",
                    "detail": labels.get("columns", {}).get(name, ""),
                }
            )

    # The study as it would be, and the wave read by it.
    number_rows = [parse_row(row) for row in applied]
    config = {**study.config, "waves": sorted([*study.config["waves"], {**entry}], key=lambda wave: wave["id"])}
    proposed = replace(
        study,
        config=config,
        variables={
            name: variable for name, variable in {**study.variables, **after}.items() if name not in study.dropped
        },
        dropped={name: after[name] for name in study.dropped},
        crosswalk=[*study.crosswalk, *(dict(row) for row in crosswalk if dict(row) not in absent), *number_rows],
    )
    left_out = set(unmapped)
    identifying = []
    protection = proposed.protection(number)
    marked = set(protection["marks"])
    looked_at = responses[[name for name in raw_columns if name not in marked]]
    for name, kind, n in find_identifying_content(looked_at, labels.get("identifying", ())):
        identifying.append(
            f"{where}: column '{name}': {n} {'row holds' if n == 1 else 'rows hold'} {word_finding(kind)}; give "
            "the column a row in the codebook with identifying = drop, hash, or cleared if you looked"
        )
        left_out.add(name)
    key = read_key() if "hash" in protection["marks"].values() else b""
    protection["marks"] = {name: mark for name, mark in protection["marks"].items() if name in responses}
    kept, carried_labels = protect_responses(responses.drop(columns=sorted(left_out)), labels, protection, where, key)
    reading = read_wave_values(proposed, number, kept, carried_labels, where)
    faults += reading.faults

    # Checks.
    config_checks = {**RULES, **study.config.get("entry_checks", {})}
    scale_stops: list[str] = []
    scale_warnings: list[str] = []
    results: list[Check] = []
    drift = None
    if reading.wave is not None:
        wave = reading.wave
        step = -(-len(wave.values) // SAMPLE_ROWS)
        values, kinds = wave.values.iloc[::step], wave.kinds.iloc[::step]
        asked = [Variable.from_row(row) for row in proposed.codebook_rows(number) if row["name"] != "wave"]
        firm = study.config["study"]["firm"]
        file_rows = find_rows(wave.values, kept, study.config["study"].get("response", "response"), raw_of)
        for variable in asked:
            if variable.name not in values:
                continue
            given = f"{variable.name}_raw" if variable.reverse else variable.name
            old = before.values[given] if before is not None and given in before.values else None
            said = translate_labels(
                carried_labels.get("values", {}).get(raw_of.get(variable.name, variable.name), {}),
                [
                    row
                    for row in proposed.crosswalk_rows(number)
                    if row["action"] == "recode" and row["variable"] == variable.name
                ],
            )
            for certain, text in compare_scale(values[given], variable, old, said, missing | set(missing_codes)):
                (scale_stops if certain else scale_warnings).append(f"{where}: {variable.name}: response scale: {text}")
                changes.append(
                    {
                        "what": "other response scale",
                        "column": raw_of.get(variable.name, variable.name),
                        "variable": variable.name,
                        "detail": text,
                    }
                )
        if before is not None:
            # The make-up of the sample is the design's, not the answers'.
            answers = [variable for variable in asked if variable.name != config_checks.get("sample_type")]
            drift = measure_drift(answers, (before.values, before.kinds), (values, kinds))
            units = compare_units(asked, restore_values(before), restore_values(wave).iloc[::step], firm)
            for unit in units[units["factor"].notna()].to_dict("records"):
                changes.append(
                    {
                        "what": "other unit",
                        "column": raw_of.get(unit["variable"], unit["variable"]),
                        "variable": unit["variable"],
                        "detail": f"ratio to the earlier wave {unit['ratio']:.4g}",
                    }
                )
                unsure.append(
                    write_row(
                        number,
                        variable=unit["variable"],
                        factor=f"{1 / unit['factor']:g}",
                        action="multiply",
                        reason=f"the median is {checks.format_ratio(unit['ratio'])} times that of wave {last}",
                    )
                )
        else:
            units = pd.DataFrame(columns=["variable", "ratio", "n", "of", "factor"])
        gone = wave.ledger.loc[wave.ledger["variable"] == "", "firm"]
        consent_stops, consent = checks.check_consent(wave.values, file_rows, config_checks, where)
        all_variables = {variable.name: variable for variable in asked}
        old_values = None if before is None else restore_values(before)
        results += checks.check_dates(wave.values, file_rows, config_checks, entry.get("field"), where)
        results += checks.conclude(
            5, [*consent_stops, *identifying], [], [consent, "no column holds what looks like identifying content"]
        )
        results += checks.check_eligibility(wave.values, file_rows, config_checks, where)
        older = study.config["study"].get("successor_of")
        results += checks.check_links(wave.values, config_checks, earlier, firm, where, older)
        results += checks.check_units(units, restore_values(wave), old_values, config_checks, where)
        results += checks.check_reversals(values, study.config.get("scales", []), all_variables, where)
        results += checks.check_drift(drift, wave.flags, earlier, config_checks, where)
        results += checks.check_partners(wave.values, file_rows, study.config, config_checks, where)
        joined = study.config.get("weights", {}).get("collapse", [])
        results += checks.check_margins(margins, sample, number, study.config.get("frame_margins"), joined)
        results += checks.check_numbers(sample, wave.values, gone, config_checks, firm, where)
        faults += check_seen(wave, earlier, where)
    else:
        reason = "the wave could not be read so far"
        results += [Check(place, "not applicable", reason) for place in range(4, 14) if place != 5]
        results += checks.conclude(5, identifying, [], "no column holds what looks like identifying content")
    text = (
        f"wave {last} asked it and this file has no column for it, so it is taken as not asked any more; if it was "
        "asked, rename its column to it in the crosswalk"
    )
    not_asked = [f"{where}: {name}: {text}" for name in closed]
    passed: dict[int, str | list[str]] = {
        1: f"{len(present)} variables have their column, and every other column is ignored by name",
        2: "response keys are unique, and none was seen in an earlier wave; of each firm one response is kept",
        3: [
            "every answer is a code of its variable or lies in its range",
            "no response scale looks shorter than the codebook's, or labelled otherwise",
        ],
    }
    for place in (1, 2, 3):
        stops = [hide_values(text) for check, text in faults if check == place]
        warned = scale_warnings if place == 3 else not_asked if place == 1 and not stops else []
        stops += scale_stops if place == 3 else []
        results += checks.conclude(place, stops, warned, passed[place])
    results.sort(key=lambda check: (check.number, checks.STATES.index(check.state)))
    given_rows = [{**dict(row), "wave": number} for row in crosswalk]
    facts = describe_file(entry, labels, as_read, reading, before is not None, last)
    return Examination(
        proposed,
        results,
        [{name: write_plain(row.get(name)) for name in ROW} for row in [*given_rows, *applied]],
        unsure,
        [dict(row) for row in codebook],
        drafts,
        {name: write_waves(chosen) for name, chosen in waves.items() if name not in {v.name for v in new_variables}},
        changes,
        drift,
        facts,
    )


ROW = ("wave", "raw_name", "variable", "raw_code", "code", "factor", "action", "reason")


def write_row(wave: int, **cells: Any) -> dict[str, Any]:
    """Write a row of the crosswalk, blank where nothing is said."""
    return {
        **dict.fromkeys(ROW, ""),
        **{name: cells[name] for name in ROW if cells.get(name) is not None},
        "wave": wave,
    }


def write_plain(value: Any) -> Any:
    """Write a factor without needless zeros; None is blank."""
    return "" if value is None else f"{value:.12g}" if isinstance(value, float) else value


def parse_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a written row into what :func:`firmties.codebook.parse_crosswalk` gives."""
    rest = {key: value for key, value in row.items() if key != "wave"}
    return {"waves": [row["wave"]], **rest, "factor": float(row["factor"]) if row["factor"] else None}


def find_places(columns: Sequence[str], names: Sequence[str]) -> tuple[dict[str, float], dict[str, float]]:
    """Place of each column in the file and of each variable in the codebook, from 0 to 1.

    Examples
    --------
    >>> find_places(["a", "b", "c"], ["x", "y"])
    ({'a': 0.0, 'b': 0.5, 'c': 1.0}, {'x': 0.0, 'y': 1.0})
    """
    first, second = ({name: at / max(len(part) - 1, 1) for at, name in enumerate(part)} for part in (columns, names))
    return first, second


def tabulate_before(wave: CleanWave, variables: Sequence[Variable]) -> dict[str, dict[str, int]]:
    """How often each answer was given in an earlier wave; reverse-keyed items as given."""
    tables = {}
    for variable in variables:
        column = f"{variable.name}_raw" if variable.reverse else variable.name
        if column in wave.values and variable.type not in ("id", "text", "json", "datetime"):
            tables[variable.name] = dict(tabulate_cells(wave.values[column].dropna().astype("str")))
    return tables


def find_waves(
    known: Mapping[str, Variable], present: Collection[str], number: int, others: Sequence[int], last: int | None
) -> dict[str, tuple[int, ...]]:
    """Find the variables whose list of waves changes, and how.

    A variable that the file has is asked; one that it lacks is not. A blank list, every wave, stays blank as long as
    that is so.

    Examples
    --------
    >>> asked = {"a": Variable("a"), "b": Variable("b", waves=(1,)), "c": Variable("c"), "d": Variable("d", waves=(1,))}
    >>> find_waves(asked, ["a", "b"], 2, [1], 1)
    {'b': (1, 2), 'c': (1,)}
    """
    changed = {}
    for name, variable in known.items():
        if name in present and variable.waves and number not in variable.waves:
            changed[name] = tuple(sorted({*variable.waves, number}))
        elif name not in present and (not variable.waves or number in variable.waves):
            changed[name] = tuple(sorted(set(variable.waves or others) - {number}))
    return {name: waves for name, waves in changed.items() if waves}


def list_required(config: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, str]:
    """Variables without which a wave cannot be cleaned → what needs them."""
    from firmties.expressions import names_in

    settings = slices.slice_clean(config, entry)
    required = {name: f"study: {key}" for key, name in settings["study"].items()}
    cleaning = settings.get("cleaning", {})
    for rule in [*cleaning.get("exclude", []), *cleaning.get("set_missing", [])]:
        for name in names_in(rule["when"]) if "when" in rule else ():
            required.setdefault(name, f"the rule '{rule['rule']}' of cleaning:")
    duplicates = cleaning.get("duplicates", {})
    for name in (duplicates.get("latest"), duplicates.get("senior", {}).get("variable")):
        required.setdefault(str(name), "cleaning: duplicates:")
    required.setdefault(
        str(settings.get("quality_flags", {}).get("speed", {}).get("duration")), "quality_flags: speed:"
    )
    return required


def describe_columns(
    rows: Sequence[Mapping[str, Any]],
    applied: Sequence[Mapping[str, Any]],
    matches: Sequence[Match],
    known: Mapping[str, Variable],
    number: int,
) -> list[dict[str, str]]:
    """Rows of the table of changes about columns."""
    changes = []
    unsure = [
        {"raw_name": m.raw_name, "variable": m.variable, "reason": m.reason, "action": "likely renamed"}
        for m in matches
        if not m.sure
    ]
    for row in [*rows, *applied, *unsure]:
        if row["action"] in ("rename", "ignore", "likely renamed"):
            what = {"rename": "renamed", "ignore": "ignored"}.get(row["action"], row["action"])
            if row["action"] == "rename" and known.get(row["variable"], Variable("")).waves == (number,):
                what = "new question"
            changes.append(
                {"what": what, "column": row["raw_name"], "variable": row["variable"], "detail": row["reason"]}
            )
    return changes


def translate_labels(labels: Mapping[str, str], recodes: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Labels of a file by the codebook's codes; a code that others are merged into keeps its own label."""
    changed = {row["raw_code"]: row["code"] for row in recodes}
    kept = {code: label for code, label in labels.items() if code not in changed}
    moved = {changed[code]: label for code, label in labels.items() if code in changed}
    return {**moved, **kept}


def read_wave_values(
    study: Study, number: int, responses: pd.DataFrame, labels: Mapping[str, Any], where: str
) -> Reading:
    """Clean the wave; where that fails, find every fault, and clean what is left without it.

    No value of a key or of a text is in the faults.
    """
    config, entry = study.config, study.wave(number)
    settings = slices.slice_clean(config, entry)
    crosswalk = study.crosswalk_rows(number)
    variables = [Variable.from_row(row) for row in study.codebook_rows(number)]
    try:
        return Reading(clean_wave(responses, labels, variables, crosswalk, settings))
    except StudyError:
        pass
    faults: list[tuple[int, str]] = []
    carried = rename_labels(labels, crosswalk)
    try:
        text, factors = apply_crosswalk(responses, crosswalk, where, list_separators(variables, carried))
    except StudyError as error:
        return Reading(None, [(1, problem) for problem in error.problems])
    good, columns = [], {}
    for variable in variables:
        if variable.name not in text or variable.name == "wave":
            continue
        try:
            values, _ = read_values(text[["raw_row", variable.name]], [variable], factors, carried, settings, where)
        except StudyError as error:
            # A coded variable's fault is a code, another's a type.
            coded = variable.codes and variable.type in ("category", "multiple", *NUMERIC_TYPES)
            faults += [(3 if coded else 1, problem) for problem in error.problems]
            continue
        good.append(variable)
        columns[variable.name] = values
        if settings.get("cleaning", {}).get("out_of_range", "stop") == "stop":
            for _, low, high, outside in find_out_of_range(values, [variable]):
                shown = ", ".join(f"{value:g}" for value in values.loc[outside, variable.name].head(5))
                places = checks.name_rows(text.loc[outside, "raw_row"])
                said = f"{where}: {variable.name}: {shown} outside its range {low:g} to {high:g} ({places})"
                advice = "correct the range in the codebook, recode or multiply it in the crosswalk"
                faults.append((3, f"{said}; {advice}, or set cleaning: out_of_range: missing"))
    firm, response = settings["study"]["firm"], settings["study"].get("response", "response")
    usable = pd.Series(True, index=text.index)
    for name, word in ((firm, "firm key"), (response, "response key")):
        if name in text:
            blank = text[name] == ""
            repeated = text[name].duplicated(keep=False) & ~blank if name == response else ~usable
            if blank.any():
                faults.append(
                    (2, f"{where}: the {word} '{name}' is blank ({checks.name_rows(text.loc[blank, 'raw_row'])})")
                )
            if repeated.any():
                places = checks.name_rows(text.loc[repeated, "raw_row"])
                said = f"{where}: the {word} '{name}' is not unique: {repeated.sum()} responses share theirs ({places})"
                faults.append((2, f"{said}; a response may come once in a file"))
            usable &= ~blank & ~(text[name].duplicated() if name == response else False)
    names = {variable.name for variable in good}
    needed = [row for row in crosswalk if row["action"] != "ignore" and row["variable"] in names]
    raw_names = {row["raw_name"]: row["variable"] for row in needed if row["action"] == "rename"}
    part = responses[[name for name in responses if name == "raw_row" or raw_names.get(str(name), name) in names]]
    relaxed = {**settings, "cleaning": {**settings.get("cleaning", {}), "out_of_range": "missing"}}
    try:
        return Reading(clean_wave(part[usable], labels, good, needed, relaxed), faults)
    except (StudyError, KeyError, ValueError) as error:
        problems = error.problems if isinstance(error, StudyError) else []
        hidden = set(text[firm]) | (set(text[response]) if response in text else set()) if firm in text else set()
        for problem in problems:
            cleared = re.sub(
                r"[\w.-]+", lambda found: "(key withheld)" if found[0] in hidden - {""} else found[0], problem
            )
            # What a fault already told of brings about is not told again.
            if not faults or "more than one response" in cleared:
                faults.append((2 if "more than one response" in cleared else 1, cleared))
        if not faults:
            faults.append((1, f"{where}: cannot be cleaned: {type(error).__name__}"))
        return Reading(None, faults)


def restore_values(wave: CleanWave) -> pd.DataFrame:
    """Give back the numbers that rules set missing: a wrong unit makes whole variables implausible.

    Examples
    --------
    >>> values = pd.DataFrame({"wave": 1, "firm": ["x", "y"], "resp": ["a", "b"], "sales": [2.0, float("nan")]})
    >>> ledger = pd.DataFrame({"response": ["b"], "variable": ["sales"], "value_before": ["9000"]})
    >>> flags = pd.DataFrame({"response": ["a", "b"]})
    >>> restore_values(CleanWave(values, values, flags, ledger))["sales"].tolist()
    [2.0, 9000.0]
    """
    lost = wave.ledger[wave.ledger["variable"] != ""]
    key = wave.values.columns[2]  # behind wave and firm key, as cleaning puts it
    restored: dict[str, pd.Series] = {}
    for variable, rows in lost.groupby("variable"):
        name = str(variable)
        if name in wave.values and pd.api.types.is_numeric_dtype(wave.values[name]):
            before = pd.to_numeric(
                rows.drop_duplicates("response").set_index("response")["value_before"], errors="coerce"
            )
            restored[name] = wave.values[name].astype("float64").fillna(wave.values[key].astype("str").map(before))
    return wave.values.assign(**restored)


def check_seen(wave: CleanWave, earlier: Mapping[int, CleanWave], where: str) -> list[tuple[int, str]]:
    """Check 2, second part: no response key was seen in an earlier wave."""
    keys = set(wave.flags["response"].astype("str")) | set(wave.ledger["response"])
    faults = []
    for number, other in earlier.items():
        again = keys & (set(other.flags["response"].astype("str")) | set(other.ledger["response"]))
        if again:
            faults.append(
                (
                    2,
                    f"{where}: {len(again)} of {len(keys)} response keys are those of wave {number}",
                )
            )
    return faults


def find_rows(values: pd.DataFrame, responses: pd.DataFrame, response: str, raw_of: Mapping[str, str]) -> pd.Series:
    """Row of the file of each response kept; blank where the file has no response key."""
    raw = raw_of.get(response, response)
    if raw not in responses:
        return pd.Series("unknown", index=values.index)
    rows = responses.drop_duplicates(raw).set_index(raw)["raw_row"]
    return values[response].astype("str").map(rows)


def hide_values(text: str) -> str:
    """Cut values out of a message that are so long that they may be in the respondent's own words.

    Examples
    --------
    >>> hide_values("x: '" + "my own words, " * 5 + "' is no code")
    "x: '(70 characters)' is no code"
    """
    return re.sub(rf"'[^']{{{LONGEST_VALUE},}}'", lambda found: f"'({len(found[0]) - 2} characters)'", text)


RULES = {
    "panel_found": 0.98,
    "unchanged": (),
    "seldom_changed": (),
    "carried": (),
    "per_head": (),
    "psi": 0.25,
    "missing_change": 0.1,
    "shares_within": 5,
}
"""Defaults of ``entry_checks:``, as the schema has them."""


def describe_file(
    entry: Mapping[str, Any],
    labels: Mapping[str, Any],
    responses: pd.DataFrame,
    reading: Reading,
    compared: bool,
    last: int | None,
) -> dict[str, str]:
    """State what the page says of the file."""
    facts = {
        "file": ", ".join(filter(None, (labels["file"], labels["format"], labels.get("encoding")))),
        "checksum": f"SHA-256 {labels['sha256']}",
        "size": f"{len(responses):,} responses, {responses.shape[1] - 1:,} columns",
        "field window": " to ".join(map(str, entry["field"])) if "field" in entry else "not stated",
    }
    if labels.get("detected"):
        facts["detected"] = "; ".join(labels["detected"])
    if labels.get("lost"):
        facts["lost by the format"] = "; ".join(labels["lost"])
    if reading.wave is not None:
        gone = reading.wave.ledger[reading.wave.ledger["variable"] == ""]
        reasons = ", ".join(f"{n} {rule}" for rule, n in gone.groupby("rule", sort=False).size().items())
        facts["kept"] = f"{len(reading.wave.values):,} responses" + (f"; gone: {reasons}" if reasons else "")
        if len(reading.wave.values) > SAMPLE_ROWS:
            step = -(-len(reading.wave.values) // SAMPLE_ROWS)
            facts["sample"] = (
                f"every response is checked; scales, units and drift are compared on each {step}th response kept"
            )
    facts["compared with"] = f"wave {last}" if compared else "the codebook alone: there is no earlier wave"
    return facts
