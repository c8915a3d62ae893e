"""The second pass of the check of a study: what config.yaml, the codebook and the anchors say of each other.

The schema's keyword ``names:`` tells which values are names of what; formulas,
conditions and contrasts are parsed and their names and codes looked up. Nothing is
evaluated, and everything that is wrong is found at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from encodings.aliases import aliases
from functools import cached_property
from typing import Any

from firmties.catalogue import (
    WAVE,
    alter_fields,
    computed_variables,
    expand_choices,
    infer_type,
    list_aggregates,
    list_variables,
    match_pairs,
    match_slots,
    network_fields,
)
from firmties.codebook import NUMERIC_TYPES, Variable, parse_number
from firmties.configuration import KeyPath, Schema, describe_path, walk
from firmties.errors import describe_allowed
from firmties.estimation import CLASSICAL_WEIGHTED
from firmties.expressions import (
    FUNCTIONS,
    LITERALS,
    OVER_WAVES,
    ExpressionError,
    Node,
    names_in,
    parse,
    read_benchmark,
)
from firmties.formulas import list_variables as list_formula_variables
from firmties.formulas import parse_formula
from firmties.predictions import STATISTICS, parse_contrast, read_values
from firmties.readers import list_modules
from firmties.slices import resolve_model

Problem = tuple[KeyPath, str]
Variables = Mapping[str, Variable]

KIND_WORDS = {
    "question": "variable of the codebook",
    "variable": "variable of the panel",
    "coded_variable": "variable of the panel with codes",
    "answer": "variable of the panel or of the codebook",
    "model_variable": "variable of the table {table}",
    "weight_variable": "number of the table {table}, and not none",
    "alter_field": "field of a partner (alters: columns)",
    "alter_variable": "variable of a partner",
    "panel_number": "number or truth value of the panel",
    "panel_category": "truth value or category of the panel",
    "panel_condition": "condition on the panel",
    "panel_value": "variable of the panel or field of several answers",
    "alter_value": "field or variable of a partner",
    "network_value": "field or variable of a network",
    "network_field": "field of a network (networks: columns)",
    "network_type": "network type (networks: types)",
    "wave": "wave",
    "scale": "scale",
    "response_scale": "response scale",
    "set": "set of terms",
    "sample": "sample",
    "model": "model",
    "outcome": "outcome of {models}",
    "prediction": "prediction",
    "family": "family of hypotheses",
    "hypothesis": "hypothesis",
    "exhibit": "exhibit",
    "rule": "rule of cleaning: exclude",
    "rule_version": "version of the rules (1, or one of rule_versions)",
    "term": "variable in the formula of {models}",
    "block": "block of {models}",
    "file": "file",
    "reader": "reader of exports (docs/exports.md)",
    "encoding": "encoding that Python knows",
}
NUMBERS = ("number", "integer", "ordinal", "boolean")
CATEGORIES = ("boolean", "category", "ordinal")
NOT_FOR_MODELS = ("text", "id", "datetime", "json")
OUTCOME_TYPES = {
    "ols": ("number", "integer", "ordinal", "boolean"),
    "logit": ("boolean", "number", "integer", "ordinal", "category"),
    "ordered_logit": ("ordinal", "integer", "number", "category"),
    "negative_binomial": ("integer", "number"),
}
IMPUTATION_METHODS = {
    "pmm": ("number", "integer", "ordinal", "boolean"),
    "logit": ("boolean",),
    "multinomial_logit": ("category", "ordinal", "boolean"),
    "ordered_logit": ("ordinal",),
}
"""The types that each method of imputation is for."""
# What cannot be judged while the codebook cannot be read.
CODEBOOK_KINDS = (
    "question", "variable", "coded_variable", "answer", "model_variable", "weight_variable", "outcome", "term",
    "panel_value", "panel_number", "panel_category", "alter_field", "alter_variable", "alter_value", "network_field",
    "network_value",
)  # fmt: skip
RESERVED = (*LITERALS, "and", "or", "not", "in")


def suggest(value: str, allowed: Collection[Any]) -> str:
    """Say what is allowed; of a long list only the names nearest to the value.

    Examples
    --------
    >>> suggest("M11", ["M1", "M3"])
    "did you mean 'M1'? Allowed: M1, M3"
    >>> suggest("g_emo", ["g_emp", *(f"item{number}" for number in range(20))])
    "did you mean 'g_emp'?"
    """
    names = [str(name) for name in allowed]
    if len(names) <= 12:
        return describe_allowed(value, names)
    small = {name.lower(): name for name in names}
    nearest = [small[name] for name in get_close_matches(value.lower(), small, n=3)]
    nearest = nearest or [name for name in names if name.startswith(f"{value}_")][:3]
    if not nearest:
        return f"none of the {len(names)} known names is like it"
    *first, last = (f"'{name}'" for name in nearest)
    return f"did you mean {', '.join(first)}{' or ' if first else ''}{last}?"


def list_values(names: Iterable[str]) -> list[str]:
    """List the variables of a table, and the fields of several answers that some of them are choices of.

    Examples
    --------
    >>> list_values(["ts", "role__supply", "role__finance"])
    ['ts', 'role__supply', 'role__finance', 'role']
    """
    listed = list(names)
    return [*listed, *dict.fromkeys(name.partition("__")[0] for name in listed if "__" in name)]


@dataclass(frozen=True)
class Scope:
    """What a configuration and a codebook declare, by kind of name.

    Attributes
    ----------
    config
        The configuration after the first pass.
    variables
        The codebook.
    find_files
        Path, relative to the study → the path alone if it is a file, else the files that lie in its folder.
    """

    config: Mapping[str, Any]
    variables: Variables
    find_files: Callable[[str], list[str]] = field(default=lambda path: [path])

    @cached_property
    def tables(self) -> dict[str, dict[str, Variable]]:
        """Table → name → variable."""
        return list_variables(self.config, self.variables)

    @cached_property
    def asked(self) -> dict[str, Variable]:
        """The codebook as cleaning sees it: one variable a choice of a multi-select answer."""
        wave = self.tables["panel"]["wave"]
        return {
            "wave": wave,
            **{name: v for name, v in expand_choices(self.variables.values()).items() if name != "wave"},
        }

    @cached_property
    def models(self) -> dict[str, dict[str, Any]]:
        """Id → model."""
        return self.index("models", "id")

    @cached_property
    def names(self) -> dict[str, Collection[Any]]:
        """Kind → the names there are; kinds that depend on a place in the file are not here."""
        config = self.config
        return {
            "question": self.variables,
            "variable": self.tables["panel"],
            "coded_variable": [name for name, variable in self.tables["panel"].items() if variable.levels],
            "answer": {**self.variables, **self.tables["panel"]},
            "alter_field": alter_fields(config, self.variables),
            "alter_variable": self.tables["alters"],
            "panel_number": [name for name, v in self.tables["panel"].items() if v.type in NUMBERS],
            # Text that is computed has few values; that of an answer is free.
            "panel_category": [
                name
                for name, v in self.tables["panel"].items()
                if v.type in CATEGORIES or (v.type == "text" and name not in self.variables)
            ],
            "panel_value": list_values(self.tables["panel"]),
            "alter_value": list_values(self.tables["alters"]),
            "network_field": network_fields(config, self.variables),
            "network_value": list_values(self.tables["networks"]),
            "network_type": config.get("networks", {}).get("types", {}),
            "wave": [wave.get("id") for wave in config.get("waves", [])],
            "scale": self.index("scales", "name"),
            "response_scale": config.get("response_scales", {}),
            "set": config.get("sets", {}),
            "sample": config.get("samples", {}),
            "model": self.models,
            "prediction": self.index("predictions", "id"),
            "family": config.get("families", {}),
            "hypothesis": self.index("hypotheses", "id"),
            "exhibit": self.index("exhibits", "id"),
            "rule": [
                entry.get("rule")
                for rules in self.versions.values()
                for entry in rules.get("cleaning", {}).get("exclude", [])
            ],
            "reader": list_modules(),
            "rule_version": [1, *(entry.get("id") for entry in config.get("rule_versions", []))],
        }

    @cached_property
    def versions(self) -> dict[KeyPath, Mapping[str, Any]]:
        """Where each version of the rules stands, and what holds its cleaning and its quality flags."""
        later = enumerate(self.config.get("rule_versions", []))
        return {(): self.config, **{("rule_versions", place): entry for place, entry in later}}

    def is_unknown_key(self, name: Any) -> bool:
        """Whether a name is an id of the codebook while the firm key itself is not known: one fault, not many."""
        known = self.config.get("study", {}).get("firm") in self.variables
        return not known and name in self.variables and self.variables[name].type == "id"

    def index(self, section: str, key: str) -> dict[str, dict[str, Any]]:
        """Entries of a list by their name, those without one left out."""
        return {entry[key]: entry for entry in self.config.get(section, []) if key in entry}

    def get_table(self, model: str | None) -> str:
        """Table that a model is fitted on."""
        return str(self.models.get(model or "", {}).get("table", "panel"))

    @cached_property
    def terms(self) -> dict[str, set[str]]:
        """Model → variables in its formula, sets expanded; a formula that cannot be read adds none."""
        return {
            name: set().union(*(self.expand(text) for text in _list_formulas(model).values()))
            for name, model in self.models.items()
        }

    def get_terms(self, model: str | None, block: str | None = None) -> set[str]:
        """Variables in the formula of a model, to a block's end if one is named; none if there is no such model."""
        blocks = self.models.get(model or "", {}).get("blocks", [])
        names = [part.get("name") for part in blocks]
        if block not in names:
            return self.terms.get(model or "", set())
        return set().union(*(self.expand(part.get("add", "")) for part in blocks[: names.index(block) + 1]))

    def expand(self, text: str, seen: tuple[str, ...] = ()) -> set[str]:
        """Names in a formula, with sets replaced by what they hold."""
        sets = self.config.get("sets", {})
        try:
            names = names_in(str(text))
        except ExpressionError:
            return set()
        inner = [name for name in names if name in sets and name not in seen]
        return (names - sets.keys()).union(*(self.expand(sets[name], (*seen, name)) for name in inner))


def _list_formulas(model: Mapping[str, Any]) -> dict[KeyPath, str]:
    """Formulas of a model by their place in it."""
    found: dict[KeyPath, str] = {("formula",): model["formula"]} if "formula" in model else {}
    found |= {
        ("blocks", place, "add"): block["add"] for place, block in enumerate(model.get("blocks", [])) if "add" in block
    }
    return found


def check_meaning(
    config: Mapping[str, Any],
    schema: Schema,
    variables: Variables,
    *,
    find_files: Callable[[str], list[str]] = lambda path: [path],
    file: str = "config.yaml",
) -> list[str]:
    """Check what the configuration says against itself and the codebook.

    Parameters
    ----------
    config
        The configuration after the first pass (`firmties.configuration.check_shape`).
    schema
        The schema; its keyword ``names:`` is read.
    variables
        The codebook. If it is empty, nothing that depends on it is checked.
    find_files
        Path, relative to the study → the path alone if it is a file, else the files that lie in its folder.
    file
        The configuration's name, for messages.

    Returns
    -------
    list of str
        One line a fault, in the order of the file.
    """
    scope = Scope(config, variables, find_files)
    checks = (
        _check_names(scope, schema),
        _check_uniqueness(scope),
        _check_waves(scope),
        _check_cleaning(scope),
        _check_entry_checks(scope),
        _check_weights(scope),
        _check_tables_of_slots(scope),
        _check_nominations(scope),
        _check_scales(scope),
        _check_gate(scope),
        _check_derived(scope),
        _check_references(scope),
        _check_formulas(scope),
        _check_imputation(scope),
        _check_models(scope),
        _check_predictions(scope),
        _check_hypotheses(scope),
    )
    found = sorted((problem for check in checks for problem in check), key=lambda problem: _locate(config, problem[0]))
    lines = [f"{file}: {describe_path(config, path)}: {text}" for path, text in found]
    return list(dict.fromkeys(lines))


def _locate(config: Any, path: KeyPath) -> list[int]:
    places, value = [], config
    for key in path:
        if isinstance(value, Mapping):
            places.append(list(value).index(key) if key in value else len(value))
        elif isinstance(key, int):
            places.append(key)
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            value = None
    return places


# --- names ----------------------------------------------------------------------------------------------------------


def _check_names(scope: Scope, schema: Schema) -> Iterator[Problem]:
    """Look up every value that the schema declares to be a name."""
    config = scope.config
    missing_files: set[str] = set()
    for path, value, part in walk(config, schema, schema):
        kind = part.get("names")
        if kind is None or not isinstance(value, str | int):
            continue
        if kind == "file":
            # Several waves may lie in one file: it is named once.
            found = scope.find_files(str(value))
            if value not in missing_files and str(value) not in found:
                missing_files.add(str(value))
                near = "".join(f"; did you mean '{name}'?" for name in get_close_matches(str(value), found, 1, 0.75))
                remedy = "put the file there or correct the path, which is relative to the study"
                yield path, f"'{value}' does not exist; {remedy}{near}"
            continue
        if kind == "panel_condition":
            panel = scope.tables["panel"] if scope.variables else {}
            yield from _check_expression(str(value), path, panel, "variable of the table panel", condition=True)
            continue
        if kind == "encoding":
            if not is_encoding(str(value)):
                known = sorted(filter(is_encoding, {*aliases, *aliases.values()}))
                yield path, f"'{value}' is no {KIND_WORDS[kind]}; {suggest(str(value), known)}"
            continue
        words, names = _find_names(scope, kind, path)
        if kind == "model_variable" and scope.is_unknown_key(value):
            continue
        if value not in names and (scope.variables or kind not in CODEBOOK_KINDS):
            yield path, f"'{value}' is no {words}; {suggest(str(value), names)}"


def is_encoding(name: str) -> bool:
    """Whether Python knows a text encoding of this name, however it is spelt.

    Examples
    --------
    >>> is_encoding("Windows-1252"), is_encoding("utf-9"), is_encoding("hex")
    (True, False, False)
    """
    try:
        " ".encode(name)
    except LookupError:
        return False
    except ValueError:  # it is one, but not of this text
        return True
    return True


def _find_names(scope: Scope, kind: str, path: KeyPath) -> tuple[str, Collection[Any]]:
    """Words and names for a kind; some depend on the models named beside the value."""
    words = KIND_WORDS[kind]
    if kind in scope.names:
        return words, scope.names[kind]
    if kind == "model_variable":
        entry = scope.config[str(path[0])][path[1]]
        table = scope.get_table(entry.get("id") if path[0] == "models" else entry.get("model"))
        return words.format(table=table), scope.tables[table]
    if kind == "weight_variable":
        table = scope.get_table(scope.config["models"][path[1]].get("id")) if path[0] == "models" else "panel"
        numbers = [name for name, v in scope.tables[table].items() if v.type in ("number", "integer")]
        return words.format(table=table), ["none", *numbers]
    parent: Any = scope.config
    for key in path[: -2 if isinstance(path[-1], int) else -1]:
        parent = parent[key]
    named = [name for name in [parent.get("model"), *parent.get("models", [])] if name in scope.models]
    models = [scope.models[name] for name in named or scope.models]
    lists: dict[str, Callable[[Mapping[str, Any]], Iterable[str]]] = {
        "outcome": lambda model: model.get("outcomes", []),
        "term": lambda model: sorted(scope.get_terms(model.get("id"))),
        "block": lambda model: [block.get("name", "") for block in model.get("blocks", [])],
    }
    found = list(dict.fromkeys(name for model in models for name in lists[kind](model)))
    return words.format(models=" or ".join(named) or "a model"), found


def _check_uniqueness(scope: Scope) -> Iterator[Problem]:
    """Names that come twice, or that would hide another."""
    config = scope.config
    lists: list[tuple[KeyPath, list[dict[str, Any]], str]] = [
        ((section,), config.get(section, []), "id")
        for section in ("waves", "rule_versions", "models", "predictions", "hypotheses", "exhibits")
    ]
    for start, rules in scope.versions.items():
        for step in ("exclude", "set_missing"):
            lists.append(((*start, "cleaning", step), rules.get("cleaning", {}).get(step, []), "rule"))
    for place, model in enumerate(config.get("models", [])):
        lists.append((("models", place, "blocks"), model.get("blocks", []), "name"))
    for place, hypothesis in enumerate(config.get("hypotheses", [])):
        lists.append((("hypotheses", place, "components"), hypothesis.get("components", []), "name"))
    for path, entries, key in lists:
        names = [entry.get(key) for entry in entries]
        for place, name in enumerate(names):
            if name is not None and name in names[:place]:
                yield (*path, place, key), f"'{name}' is there twice; each {key} stands once"
    yield from _check_new_names(scope)
    for name in config.get("sets", {}):
        for table, known in scope.tables.items():
            if name in known:
                yield (
                    ("sets", name),
                    f"a variable of the table {table} is called so too; choose another name for the set",
                )


def _check_new_names(scope: Scope) -> Iterator[Problem]:
    """Names that a study gives to computed variables; each may be there once, and not in the codebook."""
    config = scope.config
    expanded = {name for name, variable in scope.asked.items() if variable.table == "panel"}
    places: dict[str, list[tuple[KeyPath, str]]] = {"panel": [], "alters": [], "networks": []}
    slots = {section: config[section] for section in ("alters", "networks") if section in config}
    for section, settings in slots.items():
        for place, entry in enumerate(settings.get("aggregated", [])):
            made = list_aggregates({"name": "", "of": "", **entry}, scope.tables[section]) or [entry.get("name", "")]
            places["panel"] += [((section, "aggregated", place, "name"), name) for name in made]
        for place, entry in enumerate(settings.get("derived", [])):
            places[section].append(((section, "derived", place, "name"), entry.get("name", "")))
    for place, entry in enumerate(config.get("scales", [])):
        places["panel"].append((("scales", place, "name"), entry.get("name", "")))
        if entry.get("anchor"):
            places["panel"].append((("scales", place, "name"), f"{entry.get('name')}_z"))
    for place, entry in enumerate(config.get("derived", [])):
        places["panel"].append((("derived", place, "name"), entry.get("name", "")))
    for place, entry in enumerate(config.get("nominations", {}).get("exposures", [])):
        places["panel"].append((("nominations", "exposures", place, "name"), entry.get("name", "")))
    for number, source in enumerate(slots.get("alters", {}).get("attributes", [])):
        for place, entry in enumerate(source.get("take", [])):
            spot: KeyPath = ("alters", "attributes", number, "take", place, "name")
            places["alters"].append((spot, entry.get("name", "")))
    # What the workflow computes by itself, without the study's own names.
    bare = {name: {**settings, "aggregated": [], "derived": [], "attributes": []} for name, settings in slots.items()}
    if "nominations" in config:
        bare["nominations"] = {**config["nominations"], "exposures": []}
    own = {**config, "scales": [], "derived": [], **bare}
    computed = computed_variables(own, scope.variables).keys()
    tables = list_variables(own, scope.variables)
    fields = {table: tables[table].keys() for table in ("alters", "networks")}
    for table, taken in (("panel", expanded | computed), *fields.items()):
        seen: set[str] = set()
        for path, name in places[table]:
            if name in taken:
                source = "the codebook" if name in scope.asked else "the workflow"
                yield path, f"'{name}' is already a variable of {source}; choose another name"
            elif name in seen:
                yield path, f"'{name}' is computed twice; choose another name"
            elif name in RESERVED:
                yield path, f"'{name}' is a word of the language of expressions; choose another name"
            seen.add(name)


# --- data -----------------------------------------------------------------------------------------------------------


def _check_waves(scope: Scope) -> Iterator[Problem]:
    for place, wave in enumerate(scope.config.get("waves", [])):
        days = wave.get("field", [])
        if len(days) == 2 and days[0] > days[1]:
            yield ("waves", place, "field"), f"ends on {days[1]}, before it begins on {days[0]}"
        for key in ("alters", "alter_pairs"):
            if key in wave and "alters" not in scope.config:
                yield ("waves", place, key), "needs the section alters: (docs/configuration.md)"
        if "nominations" in wave and "nominations" not in scope.config:
            yield ("waves", place, "nominations"), "needs the section nominations: (docs/configuration.md)"
    firm = scope.config.get("study", {}).get("firm")
    for key in ("firm", "response", "successor_of"):
        name = scope.config.get("study", {}).get(key)
        if name in scope.variables and scope.variables[name].type != "id":
            yield ("study", key), f"'{name}' is {scope.variables[name].type} in the codebook; a key must be of type id"
    if firm is not None and firm == scope.config["study"].get("response"):
        yield (
            ("study", "response"),
            f"'{firm}' is the firm key; a response needs a key of its own, or leave the key out",
        )


def _check_weights(scope: Scope) -> Iterator[Problem]:
    """Weights need sample files and margins; what weights the panel stays needs answers with categories or numbers."""
    weights = scope.config.get("weights")
    if weights is None:
        return
    if "frame_margins" not in scope.config:
        yield ("weights",), "needs the margins of the frame (the key frame_margins)"
    if not any("sample" in wave for wave in scope.config.get("waves", [])):
        yield ("weights",), "needs a sample file of at least one wave (waves: sample)"
    for place, name in enumerate(weights.get("retention", [])):
        variable = scope.variables.get(name)
        if variable is not None and (variable.type in (*NOT_FOR_MODELS, "multiple") or variable.table != "panel"):
            yield (
                ("weights", "retention", place),
                f"'{name}' is {variable.type}; name a number or a category of the firm",
            )
    joined = {*weights.get("response", []), *weights.get("retention", [])}
    for margin in weights.get("rake", []):
        joined |= {margin, *margin.split(" x ")}
    for place, rule in enumerate(weights.get("collapse", [])):
        name = rule.get("variable")
        if name is not None and name not in joined:
            problem = f"'{name}' is in neither rake, response nor retention; {suggest(name, sorted(joined))}"
            yield ("weights", "collapse", place, "variable"), problem


def _check_entry_checks(scope: Scope) -> Iterator[Problem]:
    for key in ("eligible", "panel"):
        if condition := scope.config.get("entry_checks", {}).get(key):
            path = ("entry_checks", key)
            yield from _check_expression(condition, path, scope.asked, "variable of the codebook", condition=True)


def _check_cleaning(scope: Scope) -> Iterator[Problem]:
    for start, rules in scope.versions.items():
        yield from _check_rules(scope, rules, start)


def _check_rules(scope: Scope, rules: Mapping[str, Any], start: KeyPath) -> Iterator[Problem]:
    """One version of the rules; ``start`` is where it stands."""
    cleaning = rules.get("cleaning", {})
    flags = rules.get("quality_flags", {})
    for place, entry in enumerate(cleaning.get("exclude", [])):
        path: KeyPath = (*start, "cleaning", "exclude", place)
        if "when" in entry:
            yield from _check_expression(
                entry["when"], (*path, "when"), scope.asked, "variable of the codebook", condition=True
            )
        for criterion in entry.get("keep", []):
            if criterion != "complete" and criterion not in cleaning.get("duplicates", {}):
                yield (*path, "keep"), f"'{criterion}' needs the key cleaning.duplicates.{criterion}"
        for key in ("counted", "or_any"):
            for name in entry.get(key, []):
                if name not in flags:
                    yield (*path, key), f"'{name}' is no flag of quality_flags; {describe_allowed(name, flags)}"
        if entry.get("flags_at_least", 0) > len(entry.get("counted", flags)):
            yield (
                (*path, "flags_at_least"),
                (
                    f"{entry['flags_at_least']} flags can never be reached; quality_flags has "
                    f"{len(entry.get('counted', flags))}"
                ),
            )
    for place, entry in enumerate(cleaning.get("set_missing", [])):
        path = (*start, "cleaning", "set_missing", place, "when")
        if "when" in entry:
            yield from _check_expression(entry["when"], path, scope.asked, "variable of the codebook", condition=True)
    senior = cleaning.get("duplicates", {}).get("senior", {})
    path = (*start, "cleaning", "duplicates", "senior", "order")
    for code in senior.get("order", []):
        yield from _check_level(scope.variables, senior.get("variable"), code, path)
    for name in ("attention", "self_report"):
        for item, answer in flags.get(name, {}).get("items", {}).items():
            yield from _check_level(scope.variables, item, f"{answer}", (*start, "quality_flags", name, "items", item))
    sections = {variable.section for variable in scope.variables.values()} - {""}
    for name, rule in flags.items():
        for section in rule.get("sections", []) if scope.variables else []:
            if section not in sections:
                path = (*start, "quality_flags", name, "sections")
                yield path, f"'{section}' is no section of the codebook; {suggest(section, sorted(sections))}"


def _check_level(variables: Variables, name: str | None, level: str, path: KeyPath) -> Iterator[Problem]:
    """Whether a code is one of a variable's; variables whose codes are not known pass."""
    variable = variables.get(name or "")
    if variable is not None and variable.levels and level not in variable.levels:
        yield path, f"'{level}' is no code of {name}; {suggest(level, variable.levels)}"


def _check_tables_of_slots(scope: Scope) -> Iterator[Problem]:
    """Partners, networks and product lines: patterns must find variables in every slot, codes must exist."""
    config, variables = scope.config, scope.variables
    if not variables:
        return
    for section, slot in (("alters", "alter"), ("networks", "network")):
        settings = config.get(section, {})
        if "columns" not in settings:
            continue
        found = match_slots(settings["columns"], slot, settings.get("slots", []), variables)
        fields = list(dict.fromkeys(name for columns in found.values() for name in columns))
        if not fields:
            yield (section, "columns"), f"no variable of the codebook is called like '{settings['columns']}'"
        for number, columns in found.items():
            lacking = [name for name in fields if name not in columns]
            if lacking and fields:
                names = [
                    settings["columns"].replace(f"{{{slot}}}", str(number)).replace("{field}", name) for name in lacking
                ]
                yield (section, "columns"), f"the codebook lacks {', '.join(names)}; every slot needs the same fields"
    alters = config.get("alters")
    if alters is not None:
        if "columns" not in alters and not any("alters" in wave for wave in config.get("waves", [])):
            yield ("alters",), "needs the key columns, or a file of partners in a wave (waves: alters:)"
        if "columns" not in alters and not alter_fields(config, variables):
            yield ("alters",), "a file of partners needs variables of the codebook with alters in the column table"
        pairs = match_pairs(alters["pairs"], alters.get("slots", [])) if "pairs" in alters else {}
        if lacking := [name for name in pairs.values() if name not in variables]:
            yield ("alters", "pairs"), f"the codebook lacks {', '.join(lacking)}; every pair of partners needs one"
        strength = scope.tables["alters"].get(alters.get("valued", {}).get("strength", ""))
        if strength is not None and strength.type not in NUMERIC_TYPES:
            yield ("alters", "valued", "strength"), f"'{strength.name}' is {strength.type}; it must be a number, 0 to 1"
    for section in ("alters", "networks"):
        for place, entry in enumerate(config.get(section, {}).get("aggregated", [])):
            yield from _check_aggregated(scope, entry, (section, "aggregated", place))
    networks, fields_ = config.get("networks", {}), network_fields(config, variables)
    status = networks.get("status", {})
    for key in ("active", "stopped"):
        for code in status.get(key, []):
            yield from _check_level(fields_, status.get("field"), code, ("networks", "status", key))
            if key == "stopped" and code in status.get("active", []):
                yield ("networks", "status", key), f"'{code}' is also active"
    for answer, rule in networks.get("in_place_of", {}).items():
        yield from _check_level(fields_, answer, rule.get("code", ""), ("networks", "in_place_of", answer, "code"))
    for name in networks.get("types", {}):
        if name not in networks.get("tie_order", [name]):
            yield ("networks", "tie_order"), f"lacks the type '{name}'"
    chain = config.get("value_chain", {})
    for code, position in chain.get("positions", {}).items():
        if position not in chain.get("labels", {}):
            yield (
                ("value_chain", "positions", code),
                f"'{position}' has no label; {suggest(position, chain.get('labels', {}))}",
            )
        for line in chain.get("lines", []):
            yield from _check_level(variables, line[0] if line else None, code, ("value_chain", "positions", code))


def _check_nominations(scope: Scope) -> Iterator[Problem]:
    """Nominations come from files or from a field of the partners; exposures need a number that is computed before."""
    settings = scope.config.get("nominations")
    if settings is None:
        return
    files = [place for place, wave in enumerate(scope.config.get("waves", [])) if "nominations" in wave]
    if "partner_key" not in settings and not files:
        yield ("nominations",), "needs a file in a wave (waves: nominations:), or the key partner_key"
    if "partner_key" in settings and files:
        yield ("nominations", "partner_key"), "is there beside files of nominations in waves; leave one of them out"
    exposed = [*settings.get("centralities", []), *(entry.get("name") for entry in settings.get("exposures", []))]
    for place, entry in enumerate(settings.get("exposures", [])):
        variable = scope.tables["panel"].get(entry.get("of", ""))
        path: KeyPath = ("nominations", "exposures", place, "of")
        if entry.get("of") in exposed:
            yield path, f"'{entry['of']}' is computed together with this one, after all others; name another variable"
        elif variable is not None and variable.type not in (*NUMERIC_TYPES, "boolean"):
            yield path, f"'{variable.name}' is {variable.type}; a number or a truth value is needed"


def _check_aggregated(scope: Scope, entry: Mapping[str, Any], path: KeyPath) -> Iterator[Problem]:
    """What is computed over partners or networks needs a field of the right type, `ei` the same codes on both sides."""
    known = scope.tables[str(path[0])]
    variable, by = known.get(entry.get("of", "")), entry.get("by")
    if "when" in entry:
        words = f"variable of the table {path[0]}"
        yield from _check_expression(entry["when"], (*path, "when"), known, words, condition=True)
    if "against" in entry and by != "ei":
        yield (*path, "against"), f"is for by: ei only, not for {by}"
    if variable is None:
        return
    if by in ("blau", "iqv", "ei"):
        if variable.type not in ("category", "ordinal"):
            yield (*path, "of"), f"'{variable.name}' is {variable.type}; {by} needs a category"
        elif by == "iqv" and len(variable.levels) < 2:
            yield (*path, "of"), f"'{variable.name}' has no codes in the codebook; iqv needs their number"
        own = scope.variables.get(entry.get("against", ""))
        if by == "ei" and own is not None and variable.levels != own.levels:
            differing = sorted(set(variable.levels) ^ set(own.levels)) or variable.levels
            yield (
                (*path, "against"),
                f"'{own.name}' and '{variable.name}' do not have the same codes: {', '.join(differing)}",
            )
    elif variable.type not in (*NUMERIC_TYPES, "boolean"):
        yield (*path, "of"), f"'{variable.name}' is {variable.type}; only numbers and truth values can be aggregated"


def check_decision_table(
    rows: Iterable[tuple[int, Mapping[str, str]]], settings: Mapping[str, Any], fields: Variables, file: str
) -> list[str]:
    """Check the decision table of network types.

    Parameters
    ----------
    rows
        (line, row) as `firmties.codebook.read_table` gives them.
    settings
        ``networks:`` of the configuration.
    fields
        The fields of a network.
    file
        The table's name, for messages.

    Returns
    -------
    list of str
        Types that are not declared, codes that are not in the codebook, combinations that come twice.
    """
    problems = []
    types = [*settings.get("types", {}), settings.get("unclassified", "unclassified")]
    seen: dict[tuple[str, ...], int] = {}
    for line, row in rows:
        place = f"{file}: line {line}"
        if row["type"] not in types:
            problems.append(
                f"{place}: type: '{row['type']}' is no network type (networks: types); {suggest(row['type'], types)}"
            )
        for answer in settings.get("answers", []):
            problems += [f"{place}: {answer}: {text}" for _, text in _check_level(fields, answer, row[answer], ())]
        combination = tuple(row[answer] for answer in settings.get("answers", []))
        if combination in seen:
            problems.append(f"{place}: the answers {', '.join(combination)} are already on line {seen[combination]}")
        seen.setdefault(combination, line)
    return problems


def _check_scales(scope: Scope) -> Iterator[Problem]:
    """The items of a scale must be numbers on one and the same response scale."""
    for place, scale in enumerate(scope.config.get("scales", [])):
        items = [scope.variables[name] for name in scale.get("items", []) if name in scope.variables]
        for item in items:
            if item.type not in (*NUMERIC_TYPES, "boolean"):
                yield ("scales", place, "items"), f"'{item.name}' is {item.type}; only numbers can be averaged"
        # A response scale whose ends are at fault is reported where it stands.
        ranges = {
            item.name: (item.minimum, item.maximum) for item in items if item.maximum is not None or not item.scale
        }
        odd = next((name for name, ends in ranges.items() if ends != next(iter(ranges.values()))), None)
        if odd is not None:
            first = next(iter(ranges))
            ends = " but ".join(f"{name} {_describe_range(ranges[name])}" for name in (first, odd))
            yield ("scales", place, "items"), f"must share one response scale: {ends}"


def _check_gate(scope: Scope) -> Iterator[Problem]:
    """The gate's bounds must be in order, and it needs scales to judge."""
    gate = scope.config.get("reliability_gate")
    if gate is None:
        return
    enter, drop = gate.get("enter", 0.7), gate.get("drop", 0.6)
    if isinstance(enter, (int, float)) and isinstance(drop, (int, float)) and drop > enter:
        yield (
            ("reliability_gate", "drop"),
            f"{drop:g} is above enter, {enter:g}; a scale cannot both enter and be dropped",
        )
    if not scope.config.get("scales"):
        yield ("reliability_gate",), "the study has no scales"


def _describe_range(ends: tuple[float | None, float | None]) -> str:
    low, high = ends
    return "has no range" if low is None or high is None else f"runs from {low:g} to {high:g}"


def _check_derived(scope: Scope) -> Iterator[Problem]:
    """Derived variables may use what comes before them; samples may use everything."""
    for path, entries, table in (
        (("derived",), scope.config.get("derived", []), "panel"),
        (("alters", "derived"), scope.config.get("alters", {}).get("derived", []), "alters"),
        (("networks", "derived"), scope.config.get("networks", {}).get("derived", []), "networks"),
    ):
        followed = table == "panel" or (table == "alters" and "key" in scope.config.get("alters", {}))
        known = dict(scope.tables[table]) if scope.variables else {}
        later = [entry.get("name") for entry in entries]
        if table == "panel":
            nominations = scope.config.get("nominations", {})
            exposed = [entry.get("name") for entry in nominations.get("exposures", [])]
            exposed += nominations.get("centralities", [])
            known = {name: variable for name, variable in known.items() if name not in exposed or name in scope.asked}
        for name in later:
            if known.get(name, WAVE).origin.startswith("=") and name not in scope.asked:
                del known[name]
        for place, entry in enumerate(entries):
            if "value" in entry:
                where = (*path, place, "value")
                yield from _check_expression(
                    entry["value"],
                    where,
                    known,
                    f"variable of the table {table}",
                    later=later[place:],
                    followed=followed,
                )
            name = entry.get("name")
            if known and name in scope.tables[table]:
                known[name] = scope.tables[table][name]
    for name, condition in scope.config.get("samples", {}).items():
        if name == "all":
            yield ("samples", name), "the name stands for all rows; choose another one"
        used = {
            scope.get_table(model.get("id"))
            for model in scope.config.get("models", [])
            if name in model.get("samples", [])
        }
        for table in sorted(used) or ["panel"]:
            yield from _check_expression(
                condition,
                ("samples", name),
                scope.tables[table] if scope.variables else {},
                f"variable of the table {table}",
                condition=True,
            )


def _check_references(scope: Scope) -> Iterator[Problem]:
    """A reference must be a level of a category variable."""
    for name, level in scope.config.get("references", {}).items():
        variable = scope.tables["panel"].get(name)
        if (
            scope.variables
            and variable is not None
            and variable.type not in ("category", "ordinal", "boolean")
            and not variable.codes
        ):
            yield ("references", name), f"is {variable.type}; only category variables have a reference level"
        else:
            yield from _check_level(scope.tables["panel"], name, level, ("references", name))


# --- expressions ----------------------------------------------------------------------------------------------------


def _parse(text: str) -> tuple[Node | None, str]:
    try:
        return parse(str(text)), ""
    except ExpressionError as error:
        return None, str(error)


def _check_expression(
    text: str,
    path: KeyPath,
    known: Variables,
    words: str,
    *,
    condition: bool = False,
    later: Collection[Any] = (),
    followed: bool = False,
) -> Iterator[Problem]:
    """Check one condition or derived variable: grammar, functions, names, and codes that are compared with."""
    tree, fault = _parse(text)
    if tree is None:
        yield path, fault
        return
    quoted = f"'{text}'"
    for node in tree.walk():
        if node.kind == "call":
            if node.value not in FUNCTIONS:
                yield path, f"{quoted}: no function '{node.value}'; {suggest(node.value, FUNCTIONS)}"
            if node.value == "count_true":
                for child in node.children:
                    if child.kind != "text":
                        yield path, f"{quoted}: count_true needs the name of a multi-select variable in quotes"
                    elif known and not any(name.startswith(f"{child.value}__") for name in known):
                        multiple = sorted({name.partition("__")[0] for name in known if "__" in name})
                        yield (
                            path,
                            f"{quoted}: '{child.value}' is no multi-select variable; {suggest(child.value, multiple)}",
                        )
            if node.value in OVER_WAVES and not followed:
                place = "derived variables of the panel, and of partners where alters: key: says who is who"
                yield path, f"{quoted}: {node.value} looks at other waves; it belongs in {place}"
            if node.value == "benchmark":
                try:
                    read_benchmark(node)
                except ExpressionError as error:
                    yield path, f"{quoted}: {error}"
            if node.value == "index" and [(key, given.kind) for key, given in node.keywords] != [
                ("at_least_alpha", "number")
            ]:
                yield path, f"{quoted}: index needs at_least_alpha= a number; average() demands no alpha"
            if node.value == "anchored" and [child.kind for child in node.children] != ["name"]:
                yield path, f"{quoted}: anchored needs the name of one variable"
        if node.kind == "binary" and node.value == ":":
            yield path, f"{quoted}: ':' belongs in model formulas only"
        if node.kind == "name" and node.value not in LITERALS and known and node.value not in known:
            if node.value in later:
                yield path, f"{quoted}: '{node.value}' is computed later; move it before this one"
            else:
                yield path, f"{quoted}: '{node.value}' is no {words}; {suggest(node.value, known)}"
        if node.kind == "compare":
            yield from _check_comparison(node, path, known, quoted)
    if condition and infer_type(tree, known) != "boolean":
        yield path, f"{quoted}: is no condition; write a comparison, such as 'x >= 1'"


def _check_comparison(node: Node, path: KeyPath, known: Variables, quoted: str) -> Iterator[Problem]:
    """A code that a category variable does not have would silently match nothing."""
    if node.value not in ("==", "!=", "in", "not in"):
        return
    left, right = node.children
    if left.kind != "name" and right.kind == "name":
        left, right = right, left
    variable = known.get(left.value) if left.kind == "name" else None
    if variable is None or variable.type not in ("category", "ordinal") or not variable.levels:
        return
    for literal in right.children if right.kind == "list" else [right]:
        level = _read_literal(literal)
        if level is not None and level not in variable.levels:
            yield path, f"{quoted}: '{level}' is no code of {variable.name}; {suggest(level, variable.levels)}"


def _read_literal(node: Node) -> str | None:
    """Text or number as a code; None for anything else."""
    if node.kind == "text":
        return str(node.value)
    if node.kind == "number":
        return f"{node.value:g}"
    if node.kind == "unary" and node.value == "-" and node.children[0].kind == "number":
        return f"{-node.children[0].value:g}"
    return None


# --- models ---------------------------------------------------------------------------------------------------------


def _check_formulas(scope: Scope) -> Iterator[Problem]:
    """Grammar of sets and formulas, sets that hold themselves, and names."""
    sets = scope.config.get("sets", {})
    tables = {name: set() for name in sets}  # type: dict[str, set[str]]
    for model in scope.config.get("models", []):
        for text in _list_formulas(model).values():
            for name in _list_sets(text, sets):
                tables[name].add(model.get("table", "panel"))
    for name, text in sets.items():
        path: KeyPath = ("sets", name)
        cycle = _find_cycle(name, sets)
        if cycle:
            yield path, f"the set holds itself: {' -> '.join(cycle)}"
        for table in sorted(tables[name]) or ["panel"]:
            yield from _check_formula(scope, text, path, table)
    for place, model in enumerate(scope.config.get("models", [])):
        for where, text in _list_formulas(model).items():
            yield from _check_formula(scope, text, ("models", place, *where), model.get("table", "panel"))


def _list_sets(text: str, sets: Mapping[str, str], seen: tuple[str, ...] = ()) -> set[str]:
    """Sets that a formula uses, directly or through others."""
    try:
        used = {name for name in names_in(str(text)) if name in sets and name not in seen}
    except ExpressionError:
        return set()
    return used.union(*(_list_sets(sets[name], sets, (*seen, *used)) for name in used))


def _find_cycle(name: str, sets: Mapping[str, str], trail: tuple[str, ...] = ()) -> list[str]:
    """The way from a set back to itself, empty if there is none."""
    if name in trail:
        return [*trail, name] if name == trail[0] else []
    try:
        inner = sorted(names_in(str(sets[name])) & sets.keys())
    except ExpressionError:
        return []
    return next((cycle for below in inner if (cycle := _find_cycle(below, sets, (*trail, name)))), [])


def _check_formula(scope: Scope, text: str, path: KeyPath, table: str) -> Iterator[Problem]:
    """Check one right-hand side; sets are looked at where they are declared."""
    try:
        names = list_formula_variables(parse_formula(text))
    except ExpressionError as error:
        yield path, str(error)
        return
    for node in parse(str(text)).walk():
        if node.kind == "call" and node.value in OVER_WAVES:
            yield path, f"'{text}': {node.value} looks at other waves; derive a variable by it, and name that here"
    known, sets = scope.tables[table], scope.config.get("sets", {})
    for name in names:
        if name in sets or not scope.variables:
            continue
        if name not in known:
            problem = f"'{name}' is no variable of the table {table} and no set; {suggest(name, [*known, *sets])}"
            yield path, f"'{text}': {problem}"
        elif known[name].type in NOT_FOR_MODELS:
            yield path, f"'{text}': '{name}' is {known[name].type}, which a model cannot use"


def _check_imputation(scope: Scope) -> Iterator[Problem]:
    """What is imputed can be, by its method, and from what a wave knows by itself."""
    settings = scope.config.get("imputation")
    if settings is None or not scope.variables:
        return
    path: KeyPath = ("imputation",)
    panel, partners = scope.tables["panel"], scope.tables["alters"]
    items = [item for scale in scope.config.get("scales", []) for item in scale.get("items", [])]
    known = {name: variable for name, variable in scope.variables.items() if variable.table == "panel"}
    yield from _check_imputed(settings, known, [*settings.get("variables", []), *items], path)
    yield from _check_predictors(scope, settings.get("predictors", "1"), panel, (*path, "predictors"))
    amounts = settings.get("relative", {})
    for amount, base in amounts.items():
        where: KeyPath = (*path, "relative", amount)
        absent = [name for name in (amount, base) if name in known and name not in settings.get("variables", [])]
        if absent:
            yield where, f"'{absent[0]}' is not among imputation: variables; name it there, too"
        if base in amounts:
            yield where, f"'{base}' is itself imputed as a multiple, of '{amounts[base]}'; a base must not be"
        if list(amounts.values()).count(base) > 1:
            both = " and ".join(f"'{name}'" for name, own in amounts.items() if own == base)
            yield where, f"'{base}' is the base of {both}; it can be that of one amount only"
    if "alters" in settings:
        part, where = settings["alters"], (*path, "alters")
        if "columns" not in scope.config.get("alters", {}):
            yield where, "needs alters: columns; of partners in long files it is not kept why an answer is missing"
            return
        fields = alter_fields(scope.config, scope.variables)
        yield from _check_imputed(part, fields, part.get("variables", []), where)
        yield from _check_predictors(scope, part.get("predictors", "1"), {**panel, **partners}, (*where, "predictors"))


def _check_imputed(
    settings: Mapping[str, Any], known: Variables, imputed: Collection[str], path: KeyPath
) -> Iterator[Problem]:
    """Types of what is imputed, the methods chosen for them, and amounts with a logarithm."""
    allowed = dict.fromkeys(kind for kinds in IMPUTATION_METHODS.values() for kind in kinds)
    for place, name in enumerate(settings.get("variables", [])):
        if name in known and known[name].type not in (*allowed, "multiple"):
            reason = f"is {known[name].type}; {', '.join(allowed)} and multiple can be imputed"
            yield (*path, "variables", place), f"'{name}' {reason}"
    for name, method in settings.get("methods", {}).items():
        where: KeyPath = (*path, "methods", name)
        if name not in imputed:
            yield where, f"'{name}' is not imputed; {suggest(name, imputed)}"
        elif name in known:
            kind = "boolean" if known[name].type == "multiple" else known[name].type
            fitting = [other for other, kinds in IMPUTATION_METHODS.items() if kind in kinds]
            if fitting and method not in fitting:
                yield where, f"{method} is not for '{name}', which is {known[name].type}; allowed: {', '.join(fitting)}"
    for place, name in enumerate(settings.get("on_log_scale", [])):
        where = (*path, "on_log_scale", place)
        if name in known and known[name].type not in ("number", "integer"):
            yield where, f"'{name}' is {known[name].type}; only amounts have a logarithm"
        elif name in known and name not in imputed:
            yield where, f"'{name}' is not imputed; {suggest(name, imputed)}"


def _check_predictors(scope: Scope, text: str, known: Variables, path: KeyPath) -> Iterator[Problem]:
    """Names of a formula of imputation, none of which may rest on another wave."""
    sets = scope.config.get("sets", {})
    try:
        names = list_formula_variables(parse_formula(text, sets))
    except ExpressionError as error:
        yield path, str(error)
        return
    derived = {entry.get("name"): str(entry.get("value", "")) for entry in scope.config.get("derived", [])}
    derived |= {
        entry.get("name"): str(entry.get("value", "")) for entry in scope.config.get("alters", {}).get("derived", [])
    }
    for name in names:
        if name not in known:
            yield path, f"'{name}' is no variable that can be used here, and no set; {suggest(name, [*known, *sets])}"
        elif known[name].type in NOT_FOR_MODELS:
            yield path, f"'{name}' is {known[name].type}, which a model cannot use"
        elif _looks_at_waves(name, derived):
            yield path, f"'{name}' looks at other waves; a wave is imputed from its own rows alone"


def _looks_at_waves(name: str, derived: Mapping[Any, str]) -> bool:
    """Whether a variable is derived, directly or through others, by a function over waves."""
    if name not in derived:
        return False
    try:
        tree = parse(derived[name])
    except ExpressionError:
        return False
    inner = {node.value for node in tree.walk() if node.kind == "name"} - {name}
    over = any(node.kind == "call" and node.value in OVER_WAVES for node in tree.walk())
    return over or any(_looks_at_waves(other, {k: v for k, v in derived.items() if k != name}) for other in inner)


def _check_models(scope: Scope) -> Iterator[Problem]:
    """What estimator, outcome, covariance and absorbed variables demand of each other."""
    for place, model in enumerate(scope.config.get("models", [])):
        path: KeyPath = ("models", place)
        estimator, table = model.get("estimator"), scope.tables[model.get("table", "panel")]
        for name in model.get("outcomes", []):
            variable = table.get(name)
            if variable is None:
                continue
            allowed = OUTCOME_TYPES.get(estimator, (variable.type,))
            if variable.type not in allowed:
                yield (*path, "outcomes"), f"'{name}' is {variable.type}; {estimator} needs {' or '.join(allowed)}"
            elif estimator == "logit" and variable.type in ("ordinal", "category") and len(variable.levels) > 2:
                yield (*path, "outcomes"), f"'{name}' has {len(variable.levels)} levels; logit needs two"
            if name in scope.get_terms(model.get("id")):
                yield (*path, "outcomes"), f"'{name}' is also in the formula"
        if model.get("covariance", {}).get("type") == "HC3" and estimator not in ("ols", None):
            reason = f"leverages are defined for least squares; for {estimator} use cluster, design or classical"
            yield (*path, "covariance", "type"), f"HC3 is for ols only: {reason}"
        yield from _check_estimation(scope, model, path)
        if "absorb" in model and estimator not in ("ols", None):
            yield (*path, "absorb"), f"is for ols only, not for {estimator}"


def _check_estimation(scope: Scope, model: Mapping[str, Any], path: KeyPath) -> Iterator[Problem]:
    """What weights, imputation and covariance demand of each other, defaults included."""
    given = model.get("covariance", {})
    for key, kinds in (("by", ("cluster", "design")), ("strata", ("design",)), ("fpc", ("design",))):
        if key in given and given.get("type", kinds[0]) not in kinds:
            yield (*path, "covariance", key), f"is for covariance: type: {' or '.join(kinds)}"
    if "firm" not in scope.config.get("study", {}):
        return
    resolved, table = resolve_model(scope.config, model), scope.tables[model.get("table", "panel")]
    weights, covariance = resolved["weights"], resolved["covariance"]
    if weights != "none" and covariance.get("type") == "classical":
        yield (*path, "covariance", "type"), f"{CLASSICAL_WEIGHTED} (weights: {weights})"
    if "weights" not in model and weights in scope.tables["panel"] and weights not in table:
        yield path, f"has the weights of estimation: {weights}, no variable of the table {model.get('table', 'panel')}"
    size = covariance.get("population")
    if size and scope.variables and size not in table:
        yield (*path, "covariance", "fpc"), f"needs the variable {size}, which a study with weights: has"
    if size and "weights" in scope.config:
        for key, name in (("by", scope.config["study"]["firm"]), ("strata", "stratum")):
            if covariance[key] != name:
                reason = f"{size} counts firms of each stratum of the draws; leave {key} out, or fpc"
                yield (*path, "covariance", key), f"'{covariance[key]}' does not go with fpc: {reason}"
    if resolved["imputation"] and "imputation" not in scope.config:
        where: KeyPath = (*path, "imputation") if "imputation" in model else ("estimation", "imputation")
        yield where, "there is no section imputation: that says what is imputed; add it, or say false"


def _check_level_key(scope: Scope, entry: Mapping[str, Any], path: KeyPath) -> Iterator[Problem]:
    """The level is needed for ordered outcomes, and for no others."""
    model = scope.models.get(entry.get("model", ""))
    if model is None or "estimator" not in model:
        return
    ordered = model["estimator"] == "ordered_logit"
    if ordered and "level" not in entry:
        yield path, f"lacks the key 'level': {entry['model']} is ordered_logit; say which levels, such as '>= 4'"
    elif not ordered and "level" in entry:
        yield (*path, "level"), f"is for ordered_logit only; {entry['model']} is {model['estimator']}"
    elif ordered:
        match = re.fullmatch(r"\s*(?:>=|<=|==|>|<)\s*(\S+)\s*", entry["level"])
        outcome = entry.get("outcome")
        if match:
            yield from _check_level(scope.tables[scope.get_table(entry["model"])], outcome, match[1], (*path, "level"))


def _check_predictions(scope: Scope) -> Iterator[Problem]:
    for place, entry in enumerate(scope.config.get("predictions", [])):
        path: KeyPath = ("predictions", place)
        yield from _check_level_key(scope, entry, path)
        named: list[tuple[KeyPath, str]] = [(("by",), name) for name in entry.get("by", [])]
        if "variable" in entry.get("over", {}):
            named.append((("over", "variable"), entry["over"]["variable"]))
        for where, name in named:
            yield from _check_in_model(scope, name, entry, (*path, *where))
        over = entry.get("over", {})
        if over.get("from_percentile", 1) >= over.get("to_percentile", 99):
            yield (*path, "over"), "from_percentile must be below to_percentile"


def _check_in_model(
    scope: Scope, name: str, entry: Mapping[str, Any], path: KeyPath, quoted: str = ""
) -> Iterator[Problem]:
    """Whether a variable stands in the formula of an entry's model, in its block if it names one."""
    model, block = entry.get("model"), entry.get("block")
    terms = scope.get_terms(model, block)
    if model in scope.models and terms and name not in terms and name in scope.tables[scope.get_table(model)]:
        within = f", block {block}" if block else ""
        yield path, f"{quoted}'{name}' is not in the formula of {model}{within}; {suggest(name, sorted(terms))}"


def _check_hypotheses(scope: Scope) -> Iterator[Problem]:
    for place, hypothesis in enumerate(scope.config.get("hypotheses", [])):
        for number, component in enumerate(hypothesis.get("components", [])):
            path: KeyPath = ("hypotheses", place, "components", number)
            yield from _check_level_key(scope, component, path)
            if "contrast" in component:
                yield from _check_contrast(scope, component, (*path, "contrast"))


def _check_contrast(scope: Scope, component: Mapping[str, Any], path: KeyPath) -> Iterator[Problem]:
    """Check a contrast: its grammar, and that its variables stand in the model and have the levels named."""
    text, model = component["contrast"], component.get("model")
    try:
        tree = parse_contrast(text)
    except ExpressionError as error:
        yield path, str(error)
        return
    table = scope.get_table(model)
    known = scope.tables[table]
    for node in tree.walk():
        if node.kind != "call":
            continue
        values = {name: read_values(value) for name, value in node.keywords}
        for name in [*(child.value for child in node.children), *values]:
            if name not in known and scope.variables:
                yield path, f"'{text}': '{name}' is no variable of the table {table}; {suggest(name, known)}"
            yield from _check_in_model(scope, name, component, path, f"'{text}': ")
        for name, levels in values.items():
            for problem in _check_values(known[name], levels) if name in known else ():
                yield path, f"'{text}': {problem}"


def _check_values(variable: Variable, values: Iterable[str]) -> Iterator[str]:
    """Whether a variable of a contrast can have these values."""
    for value in values:
        if variable.type in ("number", "integer"):
            try:
                parse_number(value)
            except ValueError:
                if value not in STATISTICS:
                    yield f"'{variable.name}' is a number; give a number or one of {', '.join(STATISTICS)}"
        elif variable.levels and value not in (*variable.levels, *STATISTICS):
            yield f"'{value}' is no code of {variable.name}; {suggest(value, variable.levels)}"
