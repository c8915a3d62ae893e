"""Which variables the workflow computes from a configuration and a codebook: their names, labels, types and levels.

`score` makes them, the dictionary describes them, and the check of the
configuration knows by this which names a formula may use.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from firmties.codebook import Variable
from firmties.expressions import ExpressionError, Node, parse

WAVE = Variable("wave", "Wave", "category", origin="config.yaml: waves")
EGO_MEASURES = {
    "n_pairs_known": ("Pairs of partners of which it is known whether they know each other", "integer"),
    "density": ("Density of the ties between partners", "number"),
    "constraint": ("Constraint (Burt)", "number"),
    "ego_size": ("Size of the network of partners", "integer"),
    "effsize": ("Effective size (Burt)", "number"),
    "efficiency": ("Efficiency: effective size as a share of size", "number"),
    "broker": ("Brokerage: share of pairs of partners that are open", "number"),
    "broker_norm": ("Brokerage: open pairs as a share of the most there could be", "number"),
    "constraint_valued": ("Constraint (Burt), by strength of ties", "number"),
}
WEIGHTS = {
    "weight_design": ("Design weight (1 / chance of selection)", "number", ""),
    "weight": ("Weight (mean 1 in the wave)", "number", ""),
    "weight_longitudinal": ("Longitudinal weight (this wave and the one before)", "number", ""),
    "stratum": ("Stratum of the draw", "text", ""),
    "stratum_size": ("Firms in the stratum", "number", "firms"),
}
NOMINATION_MEASURES = {
    "degree_out": ("Respondents named", "integer"),
    "degree_in": ("Respondents who name the firm", "integer"),
    "degree_any": ("Respondents named or naming", "integer"),
    "ties_strong": ("Strong ties: mutual nominations", "integer"),
    "ties_weak": ("Weak ties: reached in two steps only", "integer"),
    "reciprocity": ("Share of nominations that are returned", "number"),
}
CENTRALITIES = {"betweenness": "Betweenness among respondents", "closeness": "Closeness among respondents"}
FORMS = {"none": "no network", "single": "single", "hybrid": "hybrid", "interrupted": "interrupted"}
HYBRID_KINDS = {"concurrent": "concurrent", "sequential": "sequential"}


def match_slots(pattern: str, slot: str, slots: Iterable[int], names: Iterable[str]) -> dict[int, dict[str, str]]:
    """Find the variables of repeated questions by the pattern of their names.

    Parameters
    ----------
    pattern
        Such as ``alt{alter}_{field}``.
    slot
        The word in braces that stands for the slot's number, such as ``alter``.
    slots
        The numbers.
    names
        The variables to look among.

    Returns
    -------
    dict
        Slot → {field → variable}, in the order of `names`.

    Examples
    --------
    >>> match_slots("alt{alter}_{field}", "alter", [1, 2], ["alt1_close", "alt1_brd", "alt2_close", "at12"])
    {1: {'close': 'alt1_close', 'brd': 'alt1_brd'}, 2: {'close': 'alt2_close'}}
    """
    names = list(names)
    found = {}
    for number in slots:
        text = re.escape(pattern.replace(f"{{{slot}}}", str(number)))
        expression = re.compile(text.replace(re.escape("{field}"), "(?P<field>[A-Za-z].*)"))
        found[number] = {match["field"]: name for name in names if (match := expression.fullmatch(name))}
    return found


def match_pairs(pattern: str, slots: Iterable[int]) -> dict[tuple[int, int], str]:
    """Name the variable of each pair of slots, the smaller number first.

    Examples
    --------
    >>> match_pairs("at{alter_i}{alter_j}", [1, 2, 3])
    {(1, 2): 'at12', (1, 3): 'at13', (2, 3): 'at23'}
    """
    numbers = sorted(slots)
    return {
        (i, j): pattern.replace("{alter_i}", str(i)).replace("{alter_j}", str(j))
        for place, i in enumerate(numbers)
        for j in numbers[place + 1 :]
    }


def expand_choices(variables: Iterable[Variable]) -> dict[str, Variable]:
    """Turn each multi-select variable into one boolean variable a choice.

    Examples
    --------
    >>> fin = Variable("fin", "Finance raised", "multiple", codes={"grant": "a grant"})
    >>> expand_choices([fin])["fin__grant"].label
    'Finance raised: a grant'
    """
    expanded: dict[str, Variable] = {}
    for variable in variables:
        if variable.type != "multiple":
            expanded[variable.name] = variable
            continue
        for code, label in variable.codes.items():
            name = f"{variable.name}__{code}"
            expanded[name] = replace(
                variable, name=name, question=f"{variable.label}: {label}", type="boolean", codes={}, scale=""
            )
    return expanded


def infer_type(expression: str | Node, variables: Mapping[str, Variable]) -> str:
    """Say whether an expression gives a number, a truth value (boolean) or text.

    Examples
    --------
    >>> infer_type("ts >= 0.6", {})
    'boolean'
    >>> infer_type("where(n >= 10, after / before >= 1.2, missing)", {})
    'boolean'
    """
    node = parse(expression) if isinstance(expression, str) else expression
    if node.kind == "compare" or node.value in ("and", "or", "not", "any_true", "is_missing", "ever"):
        return "boolean"
    if node.kind == "call" and node.value == "lag" and node.children:
        return infer_type(node.children[0], variables)
    if node.kind == "call" and node.value == "where":
        known = [child for child in node.children[1:] if child.value != "missing"]
        return infer_type(known[0], variables) if known else "number"
    if node.kind == "text":
        return "text"
    if node.kind == "name":
        if node.value in ("true", "false"):
            return "boolean"
        variable = variables.get(node.value)
        return "number" if variable is None or variable.type in ("integer", "ordinal") else variable.type
    return "number"


def _derive(entries: Iterable[Mapping[str, Any]], known: Mapping[str, Variable], table: str) -> dict[str, Variable]:
    """Describe derived variables; a later one may use an earlier one."""
    variables = dict(known)
    derived: dict[str, Variable] = {}
    for entry in entries:
        name, value = entry.get("name"), entry.get("value")
        if not name or value is None:
            continue
        try:
            kind = infer_type(str(value), variables)
        except ExpressionError:
            kind = "number"
        # ASSUME a derived variable that only renames a category, or has it of the wave before, keeps its codes.
        source = variables.get(find_source(str(value)))
        codes = dict(source.codes) if source and kind == source.type else {}
        if entry.get("codes"):
            codes, kind = dict(entry["codes"]), "category"
        variables[name] = derived[name] = Variable(
            name,
            entry.get("label", ""),
            kind,
            unit=entry.get("unit", ""),
            codes=codes,
            table=table,
            origin=f"= {value}",
        )
    return derived


def find_source(expression: str) -> str:
    """Find the variable that an expression only repeats, as it is or from the wave before; ``""`` if there is none.

    Examples
    --------
    >>> find_source("form"), find_source("lag(form)"), find_source("lag(form) == 'single'")
    ('form', 'form', '')
    """
    try:
        node = parse(expression)
    except ExpressionError:
        return ""
    if node.kind == "call" and node.value == "lag" and len(node.children) == 1:
        node = node.children[0]
    return str(node.value) if node.kind == "name" else ""


def alter_variables(config: Mapping[str, Any], variables: Mapping[str, Variable]) -> dict[str, Variable]:
    """Describe the table of named partners.

    Parameters
    ----------
    config
        The checked configuration.
    variables
        The codebook.

    Returns
    -------
    dict
        Name → `Variable`: wave, firm key, alter, the fields (a multi-select field as one
        boolean column a choice), the derived variables. Empty if the study has no alters.
    """
    settings = config.get("alters")
    if settings is None:
        return {}
    fields = alter_fields(config, variables)
    table = {
        **_keys(config, variables, "alters"),
        "alter": Variable("alter", "Partner", "integer", table="alters", origin="slot"),
    }
    table |= expand_choices(fields.values()) | weight_variables(config, "alters")
    if "key" in settings:
        table["relation"] = Variable(
            "relation", "Relation of firm and partner, the same in every wave", "id", table="alters",
            origin="alters: key", identifying=True,
        )  # fmt: skip
    for entry in settings.get("attributes", []):
        for taken in entry.get("take", []):
            if name := taken.get("name"):
                kind = taken.get("type", "number")
                origin = f"{entry.get('file', '')} by {entry.get('by', '')}"
                table[name] = Variable(name, taken.get("label", ""), kind, table="alters", origin=origin)
    return table | _derive(settings.get("derived", []), table, "alters")


def weight_variables(config: Mapping[str, Any], table: str = "panel") -> dict[str, Variable]:
    """Describe the columns that the rule ``weigh`` adds; none if the study declares no weights."""
    if "weights" not in config:
        return {}
    return {
        name: Variable(name, label, kind, unit=unit, table=table, origin="weights")
        for name, (label, kind, unit) in WEIGHTS.items()
    }


def list_weight_columns(weights: Mapping[str, Any]) -> dict[str, list[str]]:
    """List the columns of a sample file that weights need: key of the configuration → names.

    Examples
    --------
    >>> list_weight_columns({"probability": "p", "rake": ["size x sector", "size"], "carried": ["panel"]})["rake"]
    ['size', 'sector']
    """
    types = ["sample_type"] if weights.get("carried") or weights.get("open_link") else []
    crossed = [name for margin in weights["rake"] for name in margin.split(" x ")]
    return {
        "probability": [weights["probability"]],
        "strata": list(weights.get("strata", [])),
        "response": list(weights.get("response", [])),
        "rake": list(dict.fromkeys(crossed)),
        "carried": types,
    }


def alter_fields(config: Mapping[str, Any], variables: Mapping[str, Variable]) -> dict[str, Variable]:
    """Describe the fields of a partner, as the questionnaire has them (a multi-select field is one variable)."""
    settings = config.get("alters") or {}
    if "columns" in settings:
        return _slot_fields(settings["columns"], "alter", settings.get("slots", []), variables, "alters")
    # Columns of a long file stand in the codebook under their own names.
    return {name: variable for name, variable in variables.items() if variable.table == "alters"}


def network_fields(config: Mapping[str, Any], variables: Mapping[str, Variable]) -> dict[str, Variable]:
    """Describe the fields of a reported network, as the questionnaire has them."""
    settings = config.get("networks") or {}
    return _slot_fields(settings.get("columns", ""), "network", settings.get("slots", []), variables, "networks")


def network_variables(config: Mapping[str, Any], variables: Mapping[str, Variable]) -> dict[str, Variable]:
    """Describe the table of reported networks; empty if the study has none."""
    settings = config.get("networks")
    if settings is None:
        return {}
    computed = [
        Variable("network", "Network", "integer", table="networks", origin="slot"),
        *expand_choices(network_fields(config, variables).values()).values(),
        Variable(
            "type", "Network type", "category", codes=_type_codes(settings), table="networks", origin="decision table"
        ),
        Variable("rule", "Rule that decided the type", "category", table="networks", origin="decision table"),
        Variable("flag", "Doubt about the type", "text", table="networks", origin="decision table"),
    ]
    table = _keys(config, variables, "networks") | {variable.name: variable for variable in computed}
    return table | _derive(settings.get("derived", []), table, "networks")


def _keys(config: Mapping[str, Any], variables: Mapping[str, Variable], table: str) -> dict[str, Variable]:
    firm = str(config.get("study", {}).get("firm", "firm"))
    key = variables.get(firm, Variable(firm, type="id"))
    return {"wave": replace(WAVE, table=table, codes=wave_codes(config)), firm: replace(key, table=table)}


def wave_codes(config: Mapping[str, Any]) -> dict[str, str]:
    """Waves' ids and labels.

    Examples
    --------
    >>> wave_codes({"waves": [{"id": 1, "label": "2021"}, {"id": 2}]})
    {'1': '2021', '2': '2'}
    """
    return {str(wave["id"]): str(wave.get("label", wave["id"])) for wave in config.get("waves", []) if "id" in wave}


def _type_codes(settings: Mapping[str, Any]) -> dict[str, str]:
    unclassified = settings.get("unclassified", "unclassified")
    return {**settings.get("types", {}), unclassified: unclassified}


def _slot_fields(
    pattern: str, slot: str, slots: Iterable[int], variables: Mapping[str, Variable], table: str
) -> dict[str, Variable]:
    fields: dict[str, Variable] = {}
    for number, found in match_slots(pattern, slot, slots, variables).items():
        for field, name in found.items():
            label = re.sub(rf"^\s*\w+ {number}\s*:\s*", "", variables[name].question)
            fields.setdefault(field, replace(variables[name], name=field, question=label, table=table, origin=pattern))
    return fields


def computed_variables(config: Mapping[str, Any], variables: Mapping[str, Variable]) -> dict[str, Variable]:
    """Describe what is computed for a firm in a wave, that is the columns of the panel that are not in the codebook.

    Parameters
    ----------
    config
        The checked configuration.
    variables
        The codebook; types of derived variables and the fields of partners come from it.

    Returns
    -------
    dict
        Name → `Variable`, in the order in which they are computed: answers as given (``<name>_raw``), weights,
        aggregates over partners and measures of the ego network, of nominations, network type and form, position in
        the value chain, scales, derived variables, centralities, exposures.

    Examples
    --------
    >>> config = {"scales": [{"name": "trust", "label": "Trust", "items": ["t1"], "anchor": True}],
    ...           "derived": [{"name": "high", "label": "High trust", "value": "trust_z > 1"}]}
    >>> {name: variable.type for name, variable in computed_variables(config, {}).items()}
    {'trust': 'number', 'trust_z': 'number', 'high': 'boolean'}
    """
    found: dict[str, Variable] = {}

    def add(
        name: str, label: str, kind: str, origin: str, codes: Mapping[str, str] | None = None, unit: str = ""
    ) -> None:
        found[name] = Variable(name, label, kind, codes=dict(codes or {}), unit=unit, origin=origin)

    for variable in variables.values():
        if variable.reverse:
            found[f"{variable.name}_raw"] = replace(
                variable,
                name=f"{variable.name}_raw",
                question=f"{variable.label} (as answered)",
                reverse=False,
                origin="as answered",
            )
    found |= weight_variables(config)
    if (alters := config.get("alters")) is not None:
        found |= _aggregate(alters, alter_variables(config, variables), "alters")
        absent = {
            *([] if len(alters.get("slots", [])) > 1 else ["broker_norm"]),
            *([] if "valued" in alters else ["constraint_valued"]),
        }
        for name, (label, kind) in EGO_MEASURES.items():
            if name not in absent:
                add(name, label, kind, "ties between partners")
    nominations = config.get("nominations")
    if nominations is not None:
        for name, (label, kind) in NOMINATION_MEASURES.items():
            add(name, label, kind, "nominations")
    if (networks := config.get("networks")) is not None:
        found |= _aggregate(networks, network_variables(config, variables), "networks")
        add("nt_primary", "Network type", "category", "networks", _type_codes(networks))
        for code, label in networks.get("types", {}).items():
            add(f"nt_{code}", f"Any {label} network", "boolean", "networks")
        add("n_types", "Types of active networks", "integer", "networks")
        add("form", "Form of the networks", "category", "networks", FORMS)
        add("hybrid_kind", "Kind of hybrid", "category", "networks", HYBRID_KINDS)
        add("any_stalled", "A network is stalled", "boolean", "networks")
        add("nt_tie", "Primary type decided by a tie rule", "boolean", "networks")
        add("nt_seq", "Types in the order in which they began", "text", "networks")
        add("nt_flag", "Doubt about the networks", "text", "networks")
    if (chain := config.get("value_chain")) is not None:
        labels = chain.get("labels", {})
        add("vc_primary", "Position in the value chain", "category", "value_chain", labels)
        for code, label in labels.items():
            add(f"vc_{code}", f"Any line {label}", "boolean", "value_chain")
        add("vc_n", "Positions in the value chain", "integer", "value_chain")
        add("vc_depth", "Mean stages up to the customer", "number", "value_chain")
    for scale in config.get("scales", []):
        if "name" in scale:
            label = scale.get("label") or scale["name"]
            add(scale["name"], label, "number", f"mean of {', '.join(scale.get('items', []))}")
            if scale.get("anchor"):
                add(f"{scale['name']}_z", label, "number", f"anchored {scale['name']}")
    known = {**expand_choices(variables.values()), **found}
    found |= _derive(config.get("derived", []), known, "panel")
    for name in (nominations or {}).get("centralities", []):
        add(name, CENTRALITIES.get(name, ""), "number", "nominations")
    for entry in (nominations or {}).get("exposures", []):
        if "name" in entry:
            origin = f"nominations: {entry.get('by')} of {entry.get('of')} over {entry.get('over')} ties"
            add(entry["name"], entry.get("label", ""), "number", origin)
    return found


def list_aggregates(entry: Mapping[str, Any], fields: Iterable[str]) -> dict[str, str]:
    """List what an entry of ``aggregated:`` makes, and of which column.

    Examples
    --------
    >>> list_aggregates({"name": "reason", "by": "any", "of": "fail"}, ["fail__funding", "fail__scaling"])
    {'reason__funding': 'fail__funding', 'reason__scaling': 'fail__scaling'}
    >>> list_aggregates({"name": "ts_mean", "by": "mean", "of": "ts"}, ["ts"])
    {'ts_mean': 'ts'}
    """
    names, field = list(fields), str(entry["of"])
    if field in names:
        return {str(entry["name"]): field}
    choices = [name.partition("__")[2] for name in names if name.startswith(f"{field}__")]
    return {f"{entry['name']}__{choice}": f"{field}__{choice}" for choice in choices}


def _aggregate(settings: Mapping[str, Any], slots: Mapping[str, Variable], table: str) -> dict[str, Variable]:
    """Describe what `aggregated:` makes of partners or networks; a field of several answers makes one a choice."""
    found: dict[str, Variable] = {}
    for entry in settings.get("aggregated", []):
        if "name" not in entry or "by" not in entry:
            continue
        by, label = entry["by"], entry.get("label", "")
        origin = f"{table}: {by}" + "".join(
            f" {word} {entry[key]}"
            for word, key in (("of", "of"), ("against", "against"), ("where", "when"))
            if key in entry
        )
        if by == "count":
            found[entry["name"]] = Variable(entry["name"], label, "integer", origin=origin)
            continue
        for name, field in list_aggregates({"of": "", **entry}, slots).items():
            of = slots.get(field)
            summed = by == "sum" and of is not None and of.type in ("boolean", "integer")
            kind = "boolean" if by == "any" else "integer" if summed else "number"
            # The choice's words stand behind the last colon of its question.
            choice = f"{label}: {of.label.rpartition(': ')[2]}" if of is not None and name != entry["name"] else label
            found[name] = Variable(name, choice, kind, origin=origin)
        if not list_aggregates({"of": "", **entry}, slots):
            found[entry["name"]] = Variable(entry["name"], label, "number", origin=origin)
    return found


def panel_variables(config: Mapping[str, Any], variables: Mapping[str, Variable]) -> dict[str, Variable]:
    """Describe every column of the scored panel: keys, codebook (choices apart), computed.

    Examples
    --------
    >>> config = {"study": {"firm": "id"}, "waves": [{"id": 1, "label": "2021"}]}
    >>> list(panel_variables(config, {"id": Variable("id", type="id"), "emp": Variable("emp")}))
    ['wave', 'id', 'emp']
    """
    return {
        **_keys(config, variables, "panel"),
        **{
            name: variable
            for name, variable in expand_choices(variables.values()).items()
            if name != "wave" and variable.table == "panel"
        },
        **computed_variables(config, variables),
    }


def list_variables(config: Mapping[str, Any], variables: Mapping[str, Variable]) -> dict[str, dict[str, Variable]]:
    """Describe the scored tables: table → name → `Variable`."""
    return {
        "panel": panel_variables(config, variables),
        "alters": alter_variables(config, variables),
        "networks": network_variables(config, variables),
    }
