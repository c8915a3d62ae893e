"""The first pass of the check of config.yaml: its shape.

The file is read with fewer surprises than YAML usually has (`no` is text, dates
are text, keys are text, a key written twice is a fault), checked against
``config_schema.yaml``, and every fault is put into one plain line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from firmties.errors import describe_allowed

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

KeyPath = tuple[str | int, ...]
Schema = Mapping[str, Any]

HERE = Path(__file__).parent
DIALECT = "https://json-schema.org/draft/2020-12/schema"
TYPE_WORDS = {
    "object": "a group of keys",
    "array": "a list",
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "empty",
}
_PYTHON_TYPES: tuple[tuple[str, type | tuple[type, ...]], ...] = (
    ("null", type(None)),
    ("boolean", bool),
    ("integer", int),
    ("number", float),
    ("string", str),
    ("array", list),
    ("object", dict),
)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML with the scalars of its version 1.2, text keys, and a record of keys written twice in one place."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.repeated: list[tuple[int, str, int]] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        first: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be plain text", key.start_mark)
            if key.value in first:
                self.repeated.append((line, key.value, first[key.value]))
            first.setdefault(key.value, line)
            if key.tag != "tag:yaml.org,2002:merge":
                key.tag = "tag:yaml.org,2002:str"
        return dict(super().construct_mapping(node, deep=deep))


_SCALARS = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    # A code with leading zeros is text.
    "int": (r"[-+]?(0|[1-9][0-9]*)", list("-+0123456789")),
    "float": (r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
    "merge": (r"<<", ["<"]),
}
_Loader.yaml_implicit_resolvers = {}
for _tag, (_pattern, _beginnings) in _SCALARS.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _beginnings)


def read_yaml(text: str, file: str = "config.yaml") -> tuple[Any, list[str]]:
    """Read YAML text; keys and dates become text, and so do yes, no, on and off.

    Parameters
    ----------
    text
        The file's content.
    file
        Its name, for messages.

    Returns
    -------
    content
        None if the text cannot be read.
    problems : list of str

    Examples
    --------
    >>> read_yaml("{1: no, field: 2021-03-01, share: 1e-3}")
    ({'1': 'no', 'field': '2021-03-01', 'share': 0.001}, [])
    >>> read_yaml("id: 1\\nid: 2")[1]
    ["config.yaml: line 2: the key 'id' is already on line 1; each key stands once"]
    """
    try:
        loader = _Loader(text.removeprefix("\ufeff"))
        content = loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        hint = "; put a text that holds a colon in quotes" if "mapping values" in str(error.problem) else ""
        return None, [f"{file}: {where}is not valid YAML: {error.problem or error.context}{hint}"]
    except yaml.YAMLError as error:
        return None, [f"{file}: is not valid YAML: {str(error).splitlines()[0]}"]
    return content, [
        f"{file}: line {line}: the key '{key}' is already on line {earlier}; each key stands once"
        for line, key, earlier in sorted(loader.repeated)
    ]


def load_kinds(folder: Path = HERE / "exhibits") -> dict[str, dict[str, Any]]:
    """Read what each kind of exhibit declares of itself, in alphabetical order.

    Returns
    -------
    dict
        Kind → content of its ``kind.yaml``: ``medium``, ``description``, ``sources``, ``options``.
    """
    kinds = {}
    for file in sorted(folder.glob("*/kind.yaml")):
        content, problems = read_yaml(file.read_text(encoding="utf-8"), file.as_posix())
        if problems:
            raise ValueError(problems[0])
        kinds[file.parent.name] = content
    return kinds


def compose_schema(base: dict[str, Any], kinds: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Put the kinds of exhibits and their options into the schema.

    Parameters
    ----------
    base
        The content of ``config_schema.yaml``; it stays as it is.
    kinds
        Kind → content of its ``kind.yaml``.

    Returns
    -------
    dict
        A JSON Schema (draft 2020-12) for a whole config.yaml.
    """
    schema = deepcopy(base)
    exhibit = schema["$defs"]["exhibit"]
    exhibit["properties"]["kind"]["enum"] = list(kinds)
    exhibit["allOf"] = []
    for kind, content in kinds.items():
        options = content.get("options") or {}
        schema["$defs"][f"exhibit_{kind}"] = {
            "type": "object",
            **{key: value for key, value in options.items() if key not in ("properties", "required", "type")},
            "additionalProperties": False,
            "required": [*options.get("required", []), *content.get("required", [])],
            "properties": {**dict.fromkeys(exhibit["properties"], True), **options.get("properties", {})},
        }
        exhibit["allOf"].append(
            {
                "if": {"required": ["kind"], "properties": {"kind": {"const": kind}}},
                "then": {"$ref": f"#/$defs/exhibit_{kind}"},
            }
        )
    return schema


def load_schema(kinds: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Any]:
    """Read ``config_schema.yaml`` and put the kinds of exhibits into it."""
    base, problems = read_yaml((HERE / "config_schema.yaml").read_text(encoding="utf-8"), "config_schema.yaml")
    if problems:
        raise ValueError(problems[0])
    return compose_schema(base, load_kinds() if kinds is None else kinds)


def resolve(part: Any, schema: Schema) -> dict[str, Any]:
    """Follow a reference; what stands beside it wins."""
    if not isinstance(part, dict):
        return {}
    if "$ref" not in part:
        return part
    target = schema["$defs"][part["$ref"].removeprefix("#/$defs/")]
    return {**resolve(target, schema), **{key: value for key, value in part.items() if key != "$ref"}}


def describe_type(value: Any) -> str:
    """Name the JSON type of a value."""
    return next(name for name, kind in _PYTHON_TYPES if isinstance(value, kind))


def _fits(value: Any, part: Any, schema: Schema) -> bool:
    """Whether a value is meant for this branch of the schema: its type, constant and words agree."""
    part = resolve(part, schema)
    types = part.get("type", list(TYPE_WORDS))
    found = describe_type(value)
    accepted = [types] if isinstance(types, str) else types
    if found not in accepted and not (found == "integer" and "number" in accepted):
        return False
    if "const" in part and value != part["const"]:
        return False
    if "enum" in part and value not in part["enum"]:
        return False
    if isinstance(value, dict):
        return all(key in value for key in part.get("required", [])) and all(
            _fits(value[key], item, schema) for key, item in part.get("properties", {}).items() if key in value
        )
    return True


def walk(value: Any, part: Any, schema: Schema, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any, dict[str, Any]]]:
    """Yield (path, value, part of the schema) for a value and everything in it, keys with rules included.

    A key is yielded with the path that it stands at. Values may be replaced in
    place while walking: what lies below is looked at afterwards.
    """
    part = resolve(part, schema)
    yield path, value, part
    for word in ("anyOf", "oneOf"):
        for branch in part.get(word, []):
            if ("type" in branch or "$ref" in branch or "const" in branch) and _fits(value, branch, schema):
                yield from walk(value, branch, schema, path)
                break
    for rule in [*part.get("allOf", []), part]:
        if "if" in rule and "then" in rule and _fits(value, rule["if"], schema):
            yield from walk(value, rule["then"], schema, path)
    if isinstance(value, dict):
        properties = part.get("properties", {})
        for key in list(value):
            if "propertyNames" in part:
                yield (*path, key), key, resolve(part["propertyNames"], schema)
            below = properties.get(key, part.get("additionalProperties"))
            if isinstance(below, dict):
                yield from walk(value[key], below, schema, (*path, key))
    elif isinstance(value, list) and "items" in part:
        for position, item in enumerate(value):
            yield from walk(item, part["items"], schema, (*path, position))


def describe_path(config: Any, path: Iterable[str | int]) -> str:
    """Write a path of keys; an entry of a list is called by its id, name or rule.

    Examples
    --------
    >>> describe_path({"models": [{"id": "M1", "outcomes": ["g"]}]}, ["models", 0, "outcomes", 0])
    'models[M1].outcomes'
    >>> describe_path({"models": [{"title": "Growth"}]}, ["models", 0, "title"])
    'models[#1].title'
    """
    written, value = "", config
    for key in path:
        value = _look_up(value, key)
        if isinstance(key, str):
            written += f".{key}" if written else key
        elif isinstance(value, dict):
            name = next(
                (value[word] for word in ("id", "name", "rule") if isinstance(value.get(word), str | int)), None
            )
            written += f"[#{key + 1}]" if name is None else f"[{name}]"
        elif isinstance(value, list):
            written += f"[#{key + 1}]"
        # A plain entry is not numbered: the message quotes it.
    return written


def _look_up(value: Any, key: str | int) -> Any:
    try:
        return value[key]
    except (KeyError, IndexError, TypeError):
        return None


def check_shape(config: Any, schema: Schema, file: str = "config.yaml") -> tuple[dict[str, Any], list[str]]:
    """Check the configuration against the schema.

    Parameters
    ----------
    config
        The content of config.yaml.
    schema
        What `load_schema` returns.
    file
        The file's name, for messages.

    Returns
    -------
    config : dict
        A copy without the values at fault, with defaults filled in and with
        codes and labels as text, so that the second pass can go on.
    problems : list of str
        One line a fault, in the order of the file.
    """
    from jsonschema import Draft202012Validator

    if config is None:
        return {}, [
            f"{file}: is empty; it needs at least the keys {', '.join(schema['required'])} (docs/configuration.md)"
        ]
    if not isinstance(config, dict):
        kind = TYPE_WORDS[describe_type(config)]
        return {}, [f"{file}: should be a group of keys (study:, waves:, …), is {kind} (docs/configuration.md)"]
    # What is no group of keys at all has an error of its type, and needs no word on which keys exclude each other.
    found = (
        e
        for e in Draft202012Validator(schema).iter_errors(config)
        if isinstance(e.instance, dict) or not _compares_keys(e)
    )
    errors = sorted(found, key=lambda error: _locate(config, error))
    problems = [f"{file}: {line}" for error in errors for line in describe_error(error, config)]
    sound = deepcopy(config)
    for error in errors:
        _drop(sound, error)
    sound = _without_dropped(sound)
    complete(sound, schema)
    return sound, list(dict.fromkeys(problems))


def complete(config: dict[str, Any], schema: Schema) -> None:
    """Fill in the schema's defaults and turn codes and labels into text, in place."""
    for path, value, part in walk(config, schema, schema):
        if isinstance(value, dict):
            for key, below in part.get("properties", {}).items():
                below = resolve(below, schema)
                if key not in value and "default" in below:
                    value[key] = deepcopy(below["default"])
        elif part.get("as") == "text" and not isinstance(value, str) and not isinstance(value, bool):
            parent: Any = config
            for key in path[:-1]:
                parent = parent[key]
            parent[path[-1]] = str(value)


def _locate(config: Any, error: ValidationError) -> list[int]:
    """Sort errors as the file has them."""
    places, value = [], config
    for key in error.absolute_path:
        places.append(list(value).index(key) if isinstance(value, dict) else int(key))
        value = value[key]
    return places


def _drop(config: Any, error: ValidationError) -> None:
    """Take the value at fault out of the configuration; what only lacks a key stays."""
    path = list(error.absolute_path)
    container = config
    for key in path[:-1]:
        container = _look_up(container, key)
    if error.validator == "additionalProperties" or _is_about_key(error):
        value = _look_up(container, path[-1]) if path else config
        for unknown in [error.instance] if _is_about_key(error) else _find_unknown(error):
            if isinstance(value, dict):
                value.pop(unknown, None)
    elif error.validator in ("required", "dependentRequired", "minProperties") or _compares_keys(error):
        pass
    elif path and isinstance(container, dict | list):
        container[path[-1]] = _DROPPED  # type: ignore[index]


_DROPPED = object()


def _without_dropped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_dropped(item) for key, item in value.items() if item is not _DROPPED and item is not None}
    if isinstance(value, list):
        return [_without_dropped(item) for item in value if item is not _DROPPED]
    return value


def _find_unknown(error: ValidationError) -> list[str]:
    return [key for key in cast(Any, error.instance) if key not in cast(Any, error.schema).get("properties", {})]


def _is_about_key(error: ValidationError) -> bool:
    """Whether the error is about the name of a key (``propertyNames``)."""
    return "propertyNames" in error.relative_schema_path


def _compares_keys(error: ValidationError) -> bool:
    """Whether a oneOf or anyOf only says which keys go together."""
    branches = error.validator_value
    return error.validator in ("oneOf", "anyOf") and all(set(branch) == {"required"} for branch in cast(Any, branches))


def describe_error(error: ValidationError, config: Any) -> Iterator[str]:
    """Put one error of the schema's validator into plain lines, each beginning with the path of keys."""
    path = describe_path(config, error.absolute_path)
    where = f"{path}: " if path else ""
    value: Any = error.instance
    part: Any = error.schema
    rule, wanted = str(error.validator), cast(Any, error.validator_value)
    if _is_about_key(error):
        yield f"{where}the key '{value}' is not allowed here; {part.get('expects', error.message)}"
    elif rule == "additionalProperties":
        for key in _find_unknown(error):
            yield f"{where}unknown key '{key}'; {describe_allowed(key, part.get('properties', {}))}"
    elif rule == "required":
        key = next(key for key in wanted if error.message.startswith(repr(key)))
        yield f"{where}lacks the key '{key}'"
    elif rule == "dependentRequired":
        for key, needs in wanted.items():
            yield from (
                f"{where}has '{key}' but lacks the key '{need}'" for need in needs if key in value and need not in value
            )
    elif rule == "type":
        words = " or ".join(TYPE_WORDS[name] for name in ([wanted] if isinstance(wanted, str) else wanted))
        if value is None:
            yield f"{where}is empty; it should be {words}, or leave the key out"
        else:
            hint = "; put it in quotes" if "string" in wanted and isinstance(value, bool | int | float) else ""
            yield f"{where}should be {words}, is {_describe_value(value)}{hint}"
    elif rule in ("enum", "const"):
        allowed = wanted if rule == "enum" else [wanted]
        yield f"{where}{_quote(value)} is not allowed; {describe_allowed(value, allowed, at_most=30)}"
    elif rule == "pattern":
        yield f"{where}{_quote(value)} is not allowed; {part.get('expects', f'it must match {wanted}')}"
    elif rule in ("oneOf", "anyOf"):
        yield from _describe_choice(error, config, where)
    elif rule in ("minItems", "minProperties", "minLength"):
        count = len(value)
        unit = "characters" if rule == "minLength" else "entries"
        yield f"{where}is empty" if not count else f"{where}has {count} {unit}, needs at least {wanted}"
    elif rule in ("maxItems", "maxLength"):
        unit = "characters" if rule == "maxLength" else "entries"
        yield f"{where}has {len(value)} {unit}, may have at most {wanted}"
    elif rule == "uniqueItems":
        twice = next(item for place, item in enumerate(value) if item in value[:place])
        yield f"{where}lists {_quote(twice)} twice"
    elif rule in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        bounds = {"minimum": "at least", "maximum": "at most", "exclusiveMinimum": "above", "exclusiveMaximum": "below"}
        yield f"{where}{value} is not allowed; it must be {bounds[rule]} {wanted}"
    else:
        yield f"{where}{error.message}"


def _describe_choice(error: ValidationError, config: Any, where: str) -> Iterator[str]:
    """Word an error of oneOf or anyOf: keys that exclude each other, or the branch that was meant."""
    branches, value = cast(Any, error.validator_value), cast(Any, error.instance)
    if _compares_keys(error):
        keys = [" with ".join(branch["required"]) for branch in branches]
        given = [key for key in keys if all(part in value for part in key.split(" with "))]
        if given:
            yield f"{where}has both {' and '.join(given)}; give one of them"
        else:
            count = "one" if error.validator == "oneOf" else "at least one"
            yield f"{where}needs {count} of the keys {', '.join(keys)}"
        return
    mismatch = {"type", "const", "enum"}
    for position in range(len(branches)):
        below = [child for child in error.context or [] if child.schema_path[0] == position]
        if below and not any(child.validator in mismatch and not child.relative_path for child in below):
            for child in below:
                yield from describe_error(child, config)
            return
    expected = [
        f"'{branch['const']}'" if "const" in branch else TYPE_WORDS.get(str(branch.get("type")), "something else")
        for branch in branches
    ]
    yield f"{where}should be {' or '.join(expected)}, is {_describe_value(value)}"


def _quote(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)


def _describe_value(value: Any) -> str:
    found = describe_type(value)
    if found in ("object", "array", "null"):
        return TYPE_WORDS[found]
    if found == "boolean":
        return str(value).lower()
    return f"{'text' if found == 'string' else 'the number'} {_quote(value)}"
