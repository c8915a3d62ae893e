"""A study: its configuration, codebook, crosswalk and anchors, read and checked together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firmties.catalogue import list_variables, list_weight_columns, network_fields, wave_codes
from firmties.codebook import (
    Variable,
    decode_text,
    parse_anchors,
    parse_codebook,
    parse_crosswalk,
    parse_margins,
    read_table,
)
from firmties.configuration import check_shape, load_kinds, load_schema, read_yaml
from firmties.errors import StudyError, describe_allowed
from firmties.meaning import check_decision_table, check_meaning
from firmties.provenance import compute_checksum
from firmties.slices import shows_individuals

CODEBOOK, CROSSWALK, ANCHORS, PUBLISHED = (
    "data/codebook.csv",
    "data/crosswalk.csv",
    "data/anchors.csv",
    "data/published.csv",
)


@dataclass(frozen=True)
class Study:
    """What describes a study.

    Attributes
    ----------
    directory
        Where it lies; all its paths are relative to it.
    config
        The configuration, with the schema's defaults filled in and codes and labels as text.
    variables
        The codebook: name → `Variable`, response scales folded in.
    crosswalk
        The rows of the crosswalk; ``waves`` is a list, empty for every wave.
    anchors
        Variable → ``{"centre", "spread", "wave", "note"}``.
    kinds
        Kind of exhibit → content of its ``kind.yaml``.
    dropped
        Rows of the codebook that are dropped when a wave is read, and so are no variables of the study.
    """

    directory: Path
    config: dict[str, Any]
    variables: dict[str, Variable]
    crosswalk: list[dict[str, Any]]
    anchors: dict[str, dict[str, Any]]
    kinds: dict[str, dict[str, Any]]
    dropped: dict[str, Variable] = field(default_factory=dict)

    @property
    def wave_ids(self) -> list[int]:
        """The waves' numbers, in the order of the configuration."""
        return [wave["id"] for wave in self.config["waves"]]

    @property
    def wave_labels(self) -> dict[str, str]:
        """The waves' numbers (text) and labels."""
        return wave_codes(self.config)

    def wave(self, wave: int) -> dict[str, Any]:
        """One wave's entry of the configuration."""
        return next(entry for entry in self.config["waves"] if entry["id"] == int(wave))

    def codebook_rows(self, wave: int | None = None, table: str | None = "panel") -> list[dict[str, Any]]:
        """Rows of the codebook as plain values, in the order of the file; see `Variable.from_row`.

        Parameters
        ----------
        wave
            Only what this wave asked, without the list of waves: that a later wave asked it too concerns no
            earlier one. None: all.
        table
            Only what stands in the waves' files (panel) or in files of partners (alters); None: all.
        """
        return [
            variable.as_row() | ({} if wave is None else {"waves": []})
            for variable in self.variables.values()
            if (wave is None or variable.is_asked(int(wave))) and table in (None, variable.table)
        ]

    def crosswalk_rows(self, wave: int) -> list[dict[str, Any]]:
        """Rows of the crosswalk for a wave as plain values, in the order of the file."""
        return [
            {key: value for key, value in row.items() if key != "waves"}
            for row in self.crosswalk
            if (not row["waves"] or int(wave) in row["waves"]) and row["variable"] not in self.dropped
        ]

    def protection(self, wave: int) -> dict[str, Any]:
        """Raw columns of a wave that are dropped, hashed or cleared when it is read, and the codes no hash replaces."""
        renamed = {
            row["variable"]: row["raw_name"]
            for row in self.crosswalk
            if row["action"] == "rename" and (not row["waves"] or int(wave) in row["waves"])
        }
        marked = [
            variable
            for variable in (*self.variables.values(), *self.dropped.values())
            if variable.protection and variable.is_asked(int(wave))
        ]
        hashed = [variable for variable in marked if variable.protection == "hash"]
        codes = {**self.config.get("missing_codes", {}), **self.wave(wave).get("missing_codes", {})} if hashed else {}
        return {
            "marks": {renamed.get(variable.name, variable.name): variable.protection for variable in marked},
            "missing_codes": list(dict.fromkeys([*codes, *(code for entry in hashed for code in entry.missing_codes)])),
        }

    def marks(self) -> dict[str, str]:
        """Variables with a mark (drop, hash, cleared), which columns of tables beside the waves go by."""
        return {
            variable.name: variable.protection
            for variable in (*self.variables.values(), *self.dropped.values())
            if variable.protection
        }

    def anchor_rows(self) -> dict[str, list[float]]:
        """Variable → [centre, spread]."""
        return {name: [row["centre"], row["spread"]] for name, row in self.anchors.items()}

    def list_variables(self) -> dict[str, dict[str, Variable]]:
        """Table → name → `Variable` of the scored tables."""
        return list_variables(self.config, self.variables)


def inspect_study(directory: str | Path = ".", *, check_files: bool = True) -> tuple[Study, list[str]]:
    """Read and check a study; see `load_study`.

    Returns
    -------
    study : Study
        What could be read, without the values at fault.
    problems : list of str
        One line a fault: first config.yaml in its own order, then codebook, crosswalk, anchors, decision table.
    """
    root = Path(directory)
    kinds = load_kinds()
    schema = load_schema(kinds)
    config_file = root / "config.yaml"
    if not config_file.is_file():
        problem = "config.yaml: does not exist; a study is a directory with a config.yaml (docs/configuration.md)"
        return Study(root, {}, {}, [], {}, kinds), [problem]
    try:
        text = config_file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        problem = f"config.yaml: is not UTF-8 (byte {error.start + 1}); save it as UTF-8"
        return Study(root, {}, {}, [], {}, kinds), [problem]
    written, problems = read_yaml(text)
    if written is None and problems:
        return Study(root, {}, {}, [], {}, kinds), problems
    config, faults = check_shape(written, schema)
    problems += faults
    if not config:
        return Study(root, {}, {}, [], {}, kinds), problems

    waves, scales = _find_sound(written, config)
    tables: dict[str, list[str]] = {}
    variables: dict[str, Variable] = {}
    crosswalk: list[dict[str, Any]] = []
    anchors: dict[str, dict[str, Any]] = {}
    if (root / CODEBOOK).is_file():
        variables, tables[CODEBOOK] = parse_codebook(
            decode_text((root / CODEBOOK).read_bytes()), response_scales=scales, waves=waves
        )
    else:
        tables[CODEBOOK] = [f"{CODEBOOK}: does not exist; every study needs it (docs/codebook.md)"]
    if variables and (root / CROSSWALK).is_file():
        crosswalk, tables[CROSSWALK] = parse_crosswalk(
            decode_text((root / CROSSWALK).read_bytes()), variables, waves, missing_codes=_list_missing_codes(config)
        )
    if variables and (root / ANCHORS).is_file():
        names = {name: None for table in list_variables(config, variables).values() for name in table}
        anchors, tables[ANCHORS] = parse_anchors(decode_text((root / ANCHORS).read_bytes()), names, waves)
    dropped = {name: variable for name, variable in variables.items() if variable.protection == "drop"}
    tables["identifying"] = _check_protection(config, variables)
    variables = {name: variable for name, variable in variables.items() if name not in dropped}
    tables["samples"] = _check_samples(root, config)
    margins = config.get("frame_margins")
    if margins and (root / margins).is_file():
        counts, tables[margins] = parse_margins(decode_text((root / margins).read_bytes()), waves, file=margins)
        tables[margins] += check_raked(config.get("weights", {}), counts, margins)
    if variables:
        tables["decision table"] = _check_decisions(root, config, variables)

    def find_files(path: str) -> list[str]:
        if not check_files or (root / path).is_file():
            return [path]
        return [Path(path).with_name(other.name).as_posix() for other in (root / path).parent.glob("*")]

    problems += check_meaning(config, schema, variables, find_files=find_files)
    problems += _check_repeated_files(root, config) if check_files else []
    problems += [problem for found in tables.values() for problem in found]
    for exhibit in config["exhibits"]:
        if "published" in kinds.get(exhibit.get("kind"), {}).get("sources", []) and PUBLISHED not in find_files(
            PUBLISHED
        ):
            reader = f"the exhibit {exhibit.get('id')} ({exhibit['kind']})"
            problems.append(f"{PUBLISHED}: does not exist; {reader} reads it (docs/codebook.md)")
    problems += _check_individuals(config, kinds)
    return Study(root, config, variables, crosswalk, anchors, kinds, dropped), problems


def _check_individuals(config: Mapping[str, Any], kinds: Mapping[str, Any]) -> list[str]:
    """Check that a study that does not allow it has no exhibit that shows single firms."""
    if shows_individuals(config):
        return []
    return [
        f"config.yaml: exhibits[{exhibit.get('id')}].kind: '{exhibit['kind']}' shows single firms, by which a firm is "
        "known even without its name; study: individuals: does not allow it. Leave the exhibit out, or write "
        "individuals: allowed if the firms agreed to it or the data are invented (docs/privacy.md)"
        for exhibit in config["exhibits"]
        if kinds.get(exhibit.get("kind"), {}).get("individuals")
    ]


def _check_protection(config: Mapping[str, Any], variables: Mapping[str, Variable]) -> list[str]:
    """Check that keys are not dropped, and not hashed where another file holds them as they were."""
    study = config.get("study", {})
    keys = [variables[name] for name in (study.get("firm"), study.get("response")) if name in variables]
    problems = [
        f"{CODEBOOK}: {key.name}: identifying: a key cannot be dropped; write hash, which keeps the links over waves"
        for key in keys
        if key.protection == "drop"
    ]
    if any(key.protection == "hash" and key.name == study.get("firm") for key in keys):
        problems += [
            f"config.yaml: waves: {wave.get('id')}: {name}: {wave[name]} holds {study['firm']} as it is, the "
            "wave's own file would hold hashes; hash the key in both before they come here, and take the mark away"
            for wave in config.get("waves", [])
            for name in ("sample", "alters", "alter_pairs", "nominations")
            if name in wave
        ]
    return problems


def _list_missing_codes(config: Mapping[str, Any]) -> list[str]:
    """Codes of missing answers in the study and its waves."""
    own = [code for wave in config.get("waves", []) for code in wave.get("missing_codes", {})]
    return list(dict.fromkeys([*config.get("missing_codes", {}), *own]))


def _find_sound(
    written: Mapping[str, Any], config: Mapping[str, Any]
) -> tuple[list[int], dict[str, dict[str, Any] | None] | None]:
    """Waves and response scales to hold against the tables; what the first pass had to drop cannot be.

    Returns
    -------
    waves : list of int
        Empty (not checked) if a wave lost its id.
    scales : dict or None
        A scale that lost a key is None; None (not checked) if all are lost.
    """
    waves = [wave["id"] for wave in config.get("waves", []) if "id" in wave]
    listed = written.get("waves")
    if not isinstance(listed, list) or len(listed) != len(waves):
        waves = []
    given, sound = written.get("response_scales", {}), config["response_scales"]
    if not isinstance(given, dict):
        return waves, None
    lost = {
        name for name, scale in given.items() if not isinstance(scale, dict) or set(scale) != set(sound.get(name, {}))
    }
    return waves, {name: None if name in lost else sound[name] for name in given}


def _check_repeated_files(root: Path, config: Mapping[str, Any]) -> list[str]:
    """Check that no two waves hold the same answers: the same content, and not other rows or another sheet of it."""
    problems = []
    waves = [wave for wave in config.get("waves", []) if (root / wave.get("file", "")).is_file()]
    sizes = Counter((root / wave["file"]).stat().st_size for wave in waves)
    seen: dict[str, list[dict[str, Any]]] = {}
    for wave in waves:
        if sizes[(root / wave["file"]).stat().st_size] == 1:
            continue
        checksum = compute_checksum(root / wave["file"])
        for other in seen.get(checksum, []):
            if not any(key in wave and key in other and wave[key] != other[key] for key in ("where", "sheet")):
                named = f"'{wave['file']}'" + (f" ('{other['file']}')" if wave["file"] != other["file"] else "")
                problems.append(
                    f"config.yaml: waves[{wave.get('id')}].file: {named} has the content of wave {other.get('id')}, "
                    f"SHA-256 {checksum}; put the export of wave {wave.get('id')} there, or say with where: in both "
                    "waves which rows are whose"
                )
        seen.setdefault(checksum, []).append(wave)
    return problems


def check_raked(
    weights: Mapping[str, Any], margins: Mapping[int, Mapping[str, Mapping[str, int]]], file: str
) -> list[str]:
    """Check that the margins to which weights are raked, and the categories joined, are those of the file.

    Examples
    --------
    >>> check_raked({"rake": ["reg"]}, {1: {"region": {"north": 3}}}, "frame.csv")
    ["config.yaml: weights.rake: 'reg' is no variable of frame.csv (wave 1); did you mean 'region'? Allowed: region"]
    """
    faults = []
    shown = {wave: counts for wave, counts in margins.items() if wave not in weights.get("omit", [])}
    for wave, counts in shown.items():
        place = f"{file} (wave {wave})"
        faults += [
            ("rake", name, "variable", place, list(counts)) for name in weights.get("rake", []) if name not in counts
        ]
        for rule in weights.get("collapse", []):
            known = counts.get(rule.get("variable"), {})
            if known and wave in rule.get("waves", [wave]):
                faults += [
                    (f"collapse[{rule['variable']}]", value, "category", place, list(known))
                    for value in [*rule.get("join", []), rule.get("into")]
                    if value not in known
                ]
    return _word_weights(faults)


def _word_weights(faults: list[tuple[str, str, str, str, list[str]]]) -> list[str]:
    """Word faults of `weights:`, each once whatever the number of places: key, name, kind of name, place, allowed."""
    places: dict[tuple[str, str], list[str]] = {}
    for key, name, _, place, _ in faults:
        places.setdefault((key, name), []).append(place)
    first = {(key, name): (kind, allowed) for key, name, kind, _, allowed in reversed(faults)}
    return [
        f"config.yaml: weights.{key}: '{name}' is no {first[key, name][0]} of {found[0]}"
        + (f" and {len(found) - 1} more" if len(found) > 1 else "")
        + f"; {describe_allowed(name, first[key, name][1])}"
        for (key, name), found in places.items()
    ]


def _check_samples(root: Path, config: Mapping[str, Any]) -> list[str]:
    """Check that each sample file has the columns that are used; its rows are checked when waves are linked."""
    problems = []
    weights = config.get("weights", {})
    faults: list[tuple[str, str, str, str, list[str]]] = []
    used = list_weight_columns(weights) if {"probability", "rake"} <= set(weights) else {}
    for wave in config.get("waves", []):
        path = root / wave.get("sample", "")
        if not path.is_file():
            continue
        place = f"{wave['sample']} (wave {wave.get('id')})"
        with path.open("rb") as stream:
            line = stream.readline()
        header = [name.strip().strip('"') for name in line.decode("utf-8-sig", errors="replace").split(",")]
        if b"\0" in line or (len(header) == 1 and (b";" in line or b"\t" in line)):
            problems.append(f"{place}: is no CSV with commas; save it as CSV in UTF-8, its cells parted by commas")
            continue
        for name in (config.get("study", {}).get("firm"), "disposition"):
            if name is not None and name not in header:
                problems.append(f"{place}: lacks the column '{name}'; {describe_allowed(name, header)}")
        if wave.get("id") not in weights.get("omit", []):
            faults += [
                (key, name, "column", place, header)
                for key, names in used.items()
                for name in names
                if name not in header
            ]
    return problems + _word_weights(faults)


def _check_decisions(root: Path, config: Mapping[str, Any], variables: Mapping[str, Variable]) -> list[str]:
    """Check the decision table of network types, where there is one."""
    settings = config.get("networks", {})
    name = settings.get("decision_table")
    if name is None or not (root / name).is_file():
        return []
    problems: list[str] = []
    text = decode_text((root / name).read_bytes())
    needed = [*settings.get("answers", []), "type", "rule", "flag"]
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    # Further columns, such as the answers in words, are for the reader.
    columns = list(dict.fromkeys([*needed, *(cell.strip() for cell in text.partition("\n")[0].split(delimiter))]))
    rows = read_table(text, name, columns, needed, problems)
    return problems + check_decision_table(rows, settings, network_fields(config, variables), name)


def load_study(directory: str | Path = ".", *, check_files: bool = True) -> Study:
    """Read and check a study: both passes over config.yaml, codebook, crosswalk and anchors.

    Parameters
    ----------
    directory
        The study's directory.
    check_files
        Whether files that the configuration names must exist.

    Raises
    ------
    StudyError
        Lists every fault, each with the key's path, the bad value, what is allowed and the nearest match.
    """
    study, problems = inspect_study(directory, check_files=check_files)
    if problems:
        raise StudyError(problems)
    return study
