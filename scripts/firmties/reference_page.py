"""The reference page of all keys of config.yaml, written from the schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from firmties.configuration import Schema, resolve
from firmties.expressions import FUNCTIONS
from firmties.meaning import KIND_WORDS

TYPE_WORDS = {
    "object": "keys",
    "array": "list",
    "string": "text",
    "number": "number",
    "integer": "whole number",
    "boolean": "true or false",
}
TEMPLATE = Path(__file__).with_suffix(".md")


def write_reference(schema: Schema, kinds: Mapping[str, Mapping[str, Any]]) -> str:
    """Write the reference page as Markdown.

    Parameters
    ----------
    schema
        The composed schema (`firmties.configuration.load_schema`).
    kinds
        Kind of exhibit → content of its ``kind.yaml``.

    Returns
    -------
    str
        A section a top-level key and a kind of exhibit, with a row a key, within the text of ``reference_page.md``.
    """
    parts = []
    for key, section in schema["properties"].items():
        parts.append(f"## {key}\n\n{write_section(section, schema, required=key in schema['required'])}")
        if key == "exhibits":
            parts.append("### Options of each kind of exhibit\n")
            parts += [write_kind(kind, content, schema) for kind, content in kinds.items()]
    functions = [f"| `{name}` | {_escape(text)} |" for name, text in FUNCTIONS.items()]
    page = TEMPLATE.read_text(encoding="utf-8")
    return page.replace("{sections}\n", "\n".join(parts)).replace("{functions}", "\n".join(functions))


def write_section(section: Any, schema: Schema, *, required: bool = False) -> str:
    """Write one top-level key: what it is for, its form, and a table of the keys in it."""
    part = resolve(section, schema)
    opening = f"{_describe(part)} ({describe_value(part, schema)}{', required' if required else ''})"
    rows = list(list_keys(part, schema))
    return f"{opening}\n\n{_write_table(rows)}" if rows else f"{opening}\n"


def write_kind(kind: str, content: Mapping[str, Any], schema: Schema) -> str:
    """Write one kind of exhibit."""
    own = schema["$defs"][f"exhibit_{kind}"]
    common = schema["$defs"]["exhibit"]["properties"]
    properties = {key: part for key, part in own["properties"].items() if key not in common}
    rows = list(list_keys({**own, "properties": properties}, schema))
    about = content.get("description") or content.get("about", "")
    opening = f"#### {kind} ({content['medium']})\n\n{about}\n\n"
    return opening + (_write_table(rows) if rows else "It has no options.\n")


def list_keys(part: Mapping[str, Any], schema: Schema, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield (key, value, meaning) for every key below a part of the schema."""
    part = resolve(part, schema)
    if part.get("type") == "array":
        yield from list_keys(part.get("items", {}), schema, f"{prefix}[]")
        return
    required = part.get("required", [])
    joint = f"{prefix}." if prefix and prefix != "[]" else ""
    for key, below in part.get("properties", {}).items():
        # A section that is used again within another, such as cleaning in rule_versions, is written once.
        again = bool(prefix) and below == schema.get("properties", {}).get(key)
        below = resolve(below, schema)
        need = ", required" if key in required else ""
        default = ""
        if below.get("default") not in (None, [], {}):
            default = f"; default `{json.dumps(below['default'], ensure_ascii=False).strip(chr(34))}`"
        yield (
            f"{joint}{key}",
            f"{describe_value(below, schema)}{need}{default}",
            f"As in [{key}](#{key})." if again else _describe(below),
        )
        if not again:
            yield from list_keys(below, schema, f"{joint}{key}")
    if isinstance(part.get("additionalProperties"), dict) and (
        prefix == "" or resolve(part["additionalProperties"], schema).get("properties")
    ):
        below = resolve(part["additionalProperties"], schema)
        name = f"{joint}<name>"
        if below.get("properties"):
            yield from list_keys(below, schema, name)


def _describe(part: Mapping[str, Any]) -> str:
    text = str(part.get("description", "")).strip()
    examples = [json.dumps(example, ensure_ascii=False).replace('\\"', '"') for example in part.get("examples", [])]
    if not examples:
        return text
    return f"{text} Such as {', '.join(f'`{example}`' for example in examples)}."


def describe_value(part: Any, schema: Schema) -> str:
    """Say in words what a value may be.

    Examples
    --------
    >>> describe_value({"type": "array", "items": {"type": "string", "names": "model"}}, {})
    'list: each a model'
    >>> describe_value({"enum": ["ols", "logit"]}, {})
    '`ols`, `logit`'
    """
    part = resolve(part, schema)
    if "enum" in part:
        return ", ".join(f"`{value}`" for value in part["enum"])
    if "const" in part:
        return f"`{part['const']}`"
    if "names" in part:
        word = (
            KIND_WORDS[part["names"]]
            .replace(" {table}", "")
            .replace(" of the table", " of the model's table")
            .replace("{models}", "the model")
        )
        return f"{'an' if word[0] in 'aeio' else 'a'} {word}"
    for choice in ("anyOf", "oneOf"):
        branches = [branch for branch in part.get(choice, []) if set(branch) != {"required"}]
        if branches:
            return " or ".join(describe_value(branch, schema) for branch in branches)
    kinds = part.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if part.get("as") == "text":
        return "text"
    if kinds == ["array"]:
        inner = resolve(part.get("items", {}), schema)
        if inner.get("type") == "object":
            return "list of entries"
        return f"list: each {describe_value(inner, schema)}" if inner else "list"
    if kinds == ["object"]:
        inner = part.get("additionalProperties")
        if not isinstance(inner, dict):
            return "keys"
        names = resolve(part.get("propertyNames", {}), schema)
        key = describe_value(names, schema) if "names" in names else "name or code"
        return f"{key} → {describe_value(inner, schema)}"
    words = " or ".join(TYPE_WORDS[kind] for kind in kinds) or "anything"
    low, high = part.get("minimum", part.get("exclusiveMinimum")), part.get("maximum", part.get("exclusiveMaximum"))
    if low is not None and high is not None:
        return f"{words} from {low} to {high}"
    return f"{words}, at least {low}" if low else words


def _write_table(rows: list[tuple[str, str, str]]) -> str:
    lines = [f"| `{key}` | {_escape(value)} | {_escape(meaning)} |" for key, value, meaning in rows]
    return "\n".join(["| key | value | meaning |", "|---|---|---|", *lines]) + "\n"


def _escape(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
