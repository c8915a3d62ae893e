"""The second pass: what config.yaml and the codebook say of each other."""

# Messages are quoted whole.
# ruff: noqa: E501

from __future__ import annotations

import copy
from typing import Any

import pytest

from firmties.codebook import Variable
from firmties.configuration import check_shape, load_schema
from firmties.meaning import check_decision_table, check_meaning
from firmties.predictions import STATISTICS

KINDS: dict[str, Any] = {
    "plot": {
        "options": {
            "properties": {
                "variables": {"type": "array", "items": {"type": "string", "names": "variable"}},
                "model": {"type": "string", "names": "model"},
                "outcomes": {"type": "array", "items": {"type": "string", "names": "outcome"}},
                "terms": {"type": "array", "items": {"type": "string", "names": "term"}},
                "blocks": {"type": "array", "items": {"type": "string", "names": "block"}},
                "questions": {"type": "array", "items": {"type": "string", "names": "answer"}},
                "mean": {"type": "string", "names": "panel_number"},
                "share": {"type": "string", "names": "panel_category"},
            }
        }
    }
}
SCHEMA = load_schema(KINDS)
AGREE = {str(point): str(point) for point in range(1, 6)}


def list_codebook() -> dict[str, Variable]:
    """A small codebook with every type that matters."""
    slots = [
        Variable(f"alt{slot}_{field}", field, kind, codes=codes)
        for slot in (1, 2)
        for field, kind, codes in (
            ("type", "category", {"firm": "firm", "other": "other"}),
            ("close", "ordinal", AGREE),
            ("brd", "multiple", {"advice": "advice", "money": "money"}),
        )
    ]
    networks = [
        Variable(f"nw1_{field}", field, "category", codes={"1": "a", "2": "b"})
        for field in ("mover", "status", "share", "start", "end")
    ]
    variables = [
        Variable("firm_id", type="id"),
        Variable("resp_id", type="id"),
        Variable("role", "Role", "category", codes={"ceo": "CEO", "other": "other"}),
        Variable("emp", "Employees", "number", minimum=0),
        Variable("growth", "Growth", "number"),
        Variable("stage", "Stage", "ordinal", codes=AGREE, minimum=1, maximum=5),
        Variable("exporter", "Exports", "boolean"),
        Variable("remark", "Remark", "text"),
        *(
            Variable(f"t{n}", f"Trust {n}", "ordinal", scale="agree5", codes=AGREE, minimum=1, maximum=5)
            for n in (1, 2, 3)
        ),
        Variable("u1", "Use", "ordinal", minimum=0, maximum=4),
        Variable("fin", "Finance", "multiple", codes={"bank": "bank", "grant": "grant"}),
        Variable("at12", "Know each other", "ordinal", minimum=0, maximum=2),
        *slots,
        *networks,
    ]
    return {variable.name: variable for variable in variables}


VARIABLES = list_codebook()
BASE: dict[str, Any] = {
    "study": {"title": "A study", "firm": "firm_id"},
    "waves": [{"id": 1, "file": "data/raw/one.csv"}, {"id": 2, "file": "data/raw/two.csv"}],
    "response_scales": {"agree5": {"minimum": 1, "maximum": 5}},
    "scales": [{"name": "trust", "items": ["t1", "t2", "t3"], "anchor": True}],
    "derived": [{"name": "ln_emp", "value": "log(emp)"}],
    "sets": {"controls": "ln_emp + wave"},
    "samples": {"small": "emp < 50"},
    "models": [
        {
            "id": "M1",
            "estimator": "ols",
            "outcomes": ["growth"],
            "samples": ["small"],
            "formula": "role * trust_z + controls",
        },
        {"id": "M2", "estimator": "ordered_logit", "outcomes": ["stage"], "formula": "role + exporter"},
    ],
    "families": {"primary": {"adjust": "holm", "level": 0.05}},
    "exhibits": [{"id": "F1", "kind": "plot", "title": "A"}],
}
ALTERS: dict[str, Any] = {
    "slots": [1, 2],
    "columns": "alt{alter}_{field}",
    "pairs": "at{alter_i}{alter_j}",
    "named_when": "type",
    "derived": [{"name": "ts", "value": "average((close - 1) / 4, count_true('brd') / 2)"}],
    "aggregated": [{"name": "n_alters", "by": "count"}, {"name": "ts_mean", "by": "mean", "of": "ts"}],
}
NETWORKS: dict[str, Any] = {
    "slots": [1],
    "columns": "nw{network}_{field}",
    "decision_table": "data/types.csv",
    "answers": ["mover"],
    "share": "share",
    "start": "start",
    "end": "end",
    "status": {"field": "status", "active": ["1"], "stopped": ["2"]},
    "types": {"led": "led", "peer": "peer"},
    "tie_order": ["peer", "led"],
}


def check(variables: dict[str, Variable] | None = None, **sections: Any) -> list[str]:
    """Problems of the base study with some sections in place of its own, without the file's name."""
    config, faults = check_shape({**copy.deepcopy(BASE), **sections}, SCHEMA)
    assert faults == []
    problems = check_meaning(config, SCHEMA, VARIABLES if variables is None else variables)
    return [problem.removeprefix("config.yaml: ") for problem in problems]


def model(**keys: Any) -> list[dict[str, Any]]:
    """The models with some keys of the first one changed; None takes a key away."""
    first = {key: value for key, value in {**BASE["models"][0], **keys}.items() if value is not None}
    return [first, BASE["models"][1]]


def component(**keys: Any) -> list[dict[str, Any]]:
    """One hypothesis of one component."""
    whole = {
        "name": "a",
        "model": "M1",
        "outcome": "growth",
        "contrast": "mu(role=ceo) - mu(role=other)",
        "alternative": "greater",
    }
    return [{"id": "H1", "family": "primary", "claim": "A claim", "components": [{**whole, **keys}]}]


def test_the_base_has_no_problems() -> None:
    assert check(alters=ALTERS, networks=NETWORKS, hypotheses=component()) == []


# --- names ----------------------------------------------------------------------------------------------------------


def test_an_unknown_variable_of_the_codebook() -> None:
    assert check(study={"title": "A", "firm": "firmid"}) == [
        "study.firm: 'firmid' is no variable of the codebook; did you mean 'firm_id'?"
    ]


def test_a_key_that_is_no_id() -> None:
    assert check(study={"title": "A", "firm": "firm_id", "response": "emp"}) == [
        "study.response: 'emp' is number in the codebook; a key must be of type id"
    ]


def test_variable_of_the_older_firm_must_be_an_id() -> None:
    assert check(study={"title": "A", "firm": "firm_id", "successor_of": "emp"}) == [
        "study.successor_of: 'emp' is number in the codebook; a key must be of type id"
    ]


def test_an_unknown_item() -> None:
    assert check(scales=[{"name": "trust", "items": ["t1", "t22"]}], models=[]) == [
        "scales[trust].items: 't22' is no variable of the codebook; did you mean 't2'?"
    ]


def test_an_unknown_response_scale() -> None:
    flags = {"identical_run": {"response_scale": "agree7", "at_least": 5}}
    assert check(quality_flags=flags) == [
        "quality_flags.identical_run.response_scale: 'agree7' is no response scale; did you mean 'agree5'? Allowed: agree5"
    ]


def test_an_unknown_sample() -> None:
    assert check(models=model(samples=["smal"])) == [
        "models[M1].samples: 'smal' is no sample; did you mean 'small'? Allowed: small"
    ]


def test_an_unknown_model_of_an_exhibit() -> None:
    assert check(exhibits=[{"id": "F1", "kind": "plot", "title": "A", "model": "M9"}]) == [
        "exhibits[F1].model: 'M9' is no model; allowed: M1, M2"
    ]


def test_an_outcome_of_another_model() -> None:
    exhibit = {"id": "F1", "kind": "plot", "title": "A", "model": "M1", "outcomes": ["stage"]}
    assert check(exhibits=[exhibit]) == ["exhibits[F1].outcomes: 'stage' is no outcome of M1; allowed: growth"]


def test_a_term_that_the_model_does_not_have() -> None:
    exhibit = {"id": "F1", "kind": "plot", "title": "A", "model": "M1", "terms": ["role", "exporter"]}
    assert check(exhibits=[exhibit]) == [
        "exhibits[F1].terms: 'exporter' is no variable in the formula of M1; allowed: ln_emp, role, trust_z, wave"
    ]


def test_a_choice_of_a_multi_select_variable_is_a_variable() -> None:
    exhibit = {"id": "F1", "kind": "plot", "title": "A", "variables": ["fin__bank"]}
    assert check(exhibits=[exhibit]) == []


def test_a_multi_select_variable_is_a_question_but_no_variable() -> None:
    exhibit = {"id": "F1", "kind": "plot", "title": "A", "questions": ["fin"], "variables": ["fin"]}
    assert check(exhibits=[exhibit]) == [
        "exhibits[F1].variables: 'fin' is no variable of the panel; did you mean 'fin__bank' or 'fin__grant'?"
    ]


def test_an_unknown_family() -> None:
    hypotheses = component()
    hypotheses[0]["family"] = "first"
    assert check(hypotheses=hypotheses) == [
        "hypotheses[H1].family: 'first' is no family of hypotheses; allowed: primary"
    ]


def test_a_missing_file_is_named_once() -> None:
    config, _ = check_shape({**BASE, "waves": [{"id": 1, "file": "a.dta"}, {"id": 2, "file": "a.dta"}]}, SCHEMA)
    assert check_meaning(config, SCHEMA, VARIABLES, find_files=lambda path: []) == [
        (
            "config.yaml: waves[1].file: 'a.dta' does not exist; "
            "put the file there or correct the path, which is relative to the study"
        )
    ]


def test_a_missing_file_has_a_nearest_one() -> None:
    config, _ = check_shape({**BASE, "waves": [{"id": 1, "file": "raw/wave1.cvs"}]}, SCHEMA)
    [problem] = check_meaning(config, SCHEMA, VARIABLES, find_files=lambda path: ["raw/wave1.csv", "raw/notes.txt"])
    assert problem.endswith("; did you mean 'raw/wave1.csv'?")


def test_a_contrast_on_a_variable_of_a_later_block() -> None:
    models = [
        {
            "id": "M1",
            "estimator": "ols",
            "outcomes": ["growth"],
            "blocks": [{"name": "one", "add": "role"}, {"name": "two", "add": "trust_z"}],
        },
        BASE["models"][1],
    ]
    hypotheses = component(contrast="slope(trust_z)", block="one")
    problem = "'slope(trust_z)': 'trust_z' is not in the formula of M1, block one; allowed: role"
    assert check(models=models, hypotheses=hypotheses) == [f"hypotheses[H1].components[a].contrast: {problem}"]


def test_without_a_codebook_its_names_are_not_missed() -> None:
    assert check({}, hypotheses=component(), alters=ALTERS, networks=NETWORKS) == []


def test_the_firm_key_is_missed_once() -> None:
    models = model(covariance={"type": "cluster", "by": "firm_id"})
    assert len(check(study={"title": "A", "firm": "firmid"}, models=models)) == 1


# --- names that come twice ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format", "qualtrix", "'qualtrix' is no reader of exports (docs/exports.md); did you mean 'qualtrics'"),
        ("encoding", "utf-9", "'utf-9' is no encoding that Python knows; did you mean 'utf"),
        ("encoding", "hex", "'hex' is no encoding that Python knows; "),
    ],
)
def test_how_a_file_is_read_must_be_known(key: str, value: str, message: str) -> None:
    (problem,) = check(waves=[{"id": 1, "file": "a.csv", key: value}])
    assert problem.startswith(f"waves[1].{key}: {message}")


@pytest.mark.parametrize("encoding", ["cp1252", "Windows-1252", "UTF-8", "utf_8_sig", "mac_roman"])
def test_encodings_may_be_spelt_as_python_takes_them(encoding: str) -> None:
    assert check(waves=[{"id": 1, "file": "a.csv", "encoding": encoding}]) == []


@pytest.mark.parametrize(
    ("key", "name", "words"),
    [("mean", "role", "number or truth value"), ("share", "emp", "truth value or category")],
)
def test_variable_of_an_exhibit_has_a_type_that_the_statistic_is_for(key: str, name: str, words: str) -> None:
    [problem] = check(exhibits=[{"id": "F1", "kind": "plot", "title": "A", key: name}])
    assert problem.startswith(f"exhibits[F1].{key}: '{name}' is no {words} of the panel; ")


@pytest.mark.parametrize(("key", "name"), [("mean", "exporter"), ("share", "exporter"), ("share", "stage")])
def test_truth_value_has_a_mean_and_a_share(key: str, name: str) -> None:
    assert check(exhibits=[{"id": "F1", "kind": "plot", "title": "A", key: name}]) == []


@pytest.mark.parametrize("section", ["waves", "models", "exhibits"])
def test_an_id_twice(section: str) -> None:
    entries = [*BASE[section], BASE[section][0]]
    name = entries[0]["id"]
    sections: dict[str, Any] = {section: entries}
    assert check(**sections) == [f"{section}[{name}].id: '{name}' is there twice; each id stands once"]


def test_a_rule_twice() -> None:
    rules = [{"rule": "gone", "when": "emp > 1"}, {"rule": "gone", "when": "emp > 2"}]
    assert check(cleaning={"exclude": rules}) == [
        "cleaning.exclude[gone].rule: 'gone' is there twice; each rule stands once"
    ]


def test_a_derived_variable_that_the_codebook_has() -> None:
    assert check(derived=[*BASE["derived"], {"name": "emp", "value": "1"}]) == [
        "derived[emp].name: 'emp' is already a variable of the codebook; choose another name"
    ]


def test_a_derived_variable_that_the_workflow_has() -> None:
    assert check(derived=[*BASE["derived"], {"name": "density", "value": "1"}], alters=ALTERS) == [
        "derived[density].name: 'density' is already a variable of the workflow; choose another name"
    ]


def test_a_variable_computed_twice() -> None:
    assert check(derived=[*BASE["derived"], {"name": "trust_z", "value": "emp"}]) == [
        "derived[trust_z].name: 'trust_z' is computed twice; choose another name"
    ]


def test_a_set_called_like_a_variable() -> None:
    assert check(sets={**BASE["sets"], "emp": "ln_emp"}) == [
        "sets.emp: a variable of the table panel is called so too; choose another name for the set"
    ]


def test_a_reserved_name_of_a_sample() -> None:
    assert check(samples={"small": "emp < 50", "all": "emp > 0"}) == [
        "samples.all: the name stands for all rows; choose another one"
    ]


# --- data -----------------------------------------------------------------------------------------------------------


def test_a_wave_that_ends_before_it_begins() -> None:
    wave = {"id": 2, "file": "b.csv", "field": ["2022-05-01", "2022-03-01"]}
    assert check(waves=[BASE["waves"][0], wave]) == [
        "waves[2].field: ends on 2022-03-01, before it begins on 2022-05-01"
    ]


def test_a_condition_with_an_unknown_name() -> None:
    assert check(cleaning={"exclude": [{"rule": "large", "when": "empl >= 250"}]}) == [
        "cleaning.exclude[large].when: 'empl >= 250': 'empl' is no variable of the codebook; did you mean 'emp'?"
    ]


def test_cleaning_cannot_use_what_is_computed_later() -> None:
    assert check(cleaning={"exclude": [{"rule": "low", "when": "trust < 2"}]}) == [
        (
            "cleaning.exclude[low].when: 'trust < 2': 'trust' is no variable of the codebook; "
            "none of the 29 known names is like it"
        )
    ]


def test_a_condition_with_an_unknown_code() -> None:
    assert check(samples={"small": "role == 'boss'"}) == [
        "samples.small: 'role == 'boss'': 'boss' is no code of role; allowed: ceo, other"
    ]


def test_a_list_with_an_unknown_code() -> None:
    assert check(samples={"small": "stage in [4, 5, 6]"}) == [
        "samples.small: 'stage in [4, 5, 6]': '6' is no code of stage; allowed: 1, 2, 3, 4, 5"
    ]


def test_a_condition_that_is_none() -> None:
    assert check(samples={"small": "emp + 1"}) == [
        "samples.small: 'emp + 1': is no condition; write a comparison, such as 'x >= 1'"
    ]


def test_a_condition_that_cannot_be_read() -> None:
    assert check(samples={"small": "emp < (50"}) == [
        "samples.small: 'emp < (50': expected ')' at position 10, found the end"
    ]


def test_a_rule_for_duplicates_needs_its_setting() -> None:
    assert check(cleaning={"exclude": [{"rule": "twice", "keep": ["complete", "latest"]}]}) == [
        "cleaning.exclude[twice].keep: 'latest' needs the key cleaning.duplicates.latest"
    ]


def test_more_flags_than_there_are() -> None:
    assert check(cleaning={"exclude": [{"rule": "careless", "flags_at_least": 2}]}) == [
        "cleaning.exclude[careless].flags_at_least: 2 flags can never be reached; quality_flags has 0"
    ]


def test_an_order_with_an_unknown_code() -> None:
    duplicates = {"senior": {"variable": "role", "order": ["ceo", "boss"]}}
    assert check(cleaning={"duplicates": duplicates}) == [
        "cleaning.duplicates.senior.order: 'boss' is no code of role; allowed: ceo, other"
    ]


def test_an_attention_item_that_cannot_be_passed() -> None:
    assert check(quality_flags={"attention": {"items": {"t1": 6}}}) == [
        "quality_flags.attention.items.t1: '6' is no code of t1; allowed: 1, 2, 3, 4, 5"
    ]


def test_gate_with_bounds_in_the_wrong_order() -> None:
    assert check(reliability_gate={"enter": 0.6, "drop": 0.7}) == [
        "reliability_gate.drop: 0.7 is above enter, 0.6; a scale cannot both enter and be dropped"
    ]


def test_gate_that_keeps_no_scale() -> None:
    assert check(reliability_gate={"keep": {"trst": "short form"}}) == [
        "reliability_gate.keep.trst: 'trst' is no scale; did you mean 'trust'? Allowed: trust"
    ]


def test_gate_of_a_wave_that_is_not_there() -> None:
    assert check(reliability_gate={"waves": [9]}) == ["reliability_gate.waves: '9' is no wave; allowed: 1, 2"]


def test_items_on_two_response_scales() -> None:
    assert check(scales=[{"name": "trust", "items": ["t1", "u1"], "anchor": True}]) == [
        "scales[trust].items: must share one response scale: t1 runs from 1 to 5 but u1 runs from 0 to 4"
    ]


def test_an_item_that_is_text() -> None:
    assert check(scales=[{"name": "trust", "items": ["remark"], "anchor": True}]) == [
        "scales[trust].items: 'remark' is text; only numbers can be averaged"
    ]


# --- partners, networks, value chain --------------------------------------------------------------------------------


def test_a_pattern_that_finds_nothing() -> None:
    assert "alters.columns: no variable of the codebook is called like 'partner{alter}_{field}'" in check(
        alters={**ALTERS, "columns": "partner{alter}_{field}", "derived": [], "aggregated": []}
    )


def test_a_slot_that_lacks_a_field() -> None:
    variables = {name: variable for name, variable in VARIABLES.items() if name != "alt2_close"}
    assert check(variables, alters=ALTERS) == [
        "alters.columns: the codebook lacks alt2_close; every slot needs the same fields"
    ]


def test_a_pair_without_a_variable() -> None:
    variables = {name: variable for name, variable in VARIABLES.items() if name != "at12"}
    assert check(variables, alters=ALTERS) == [
        "alters.pairs: the codebook lacks at12; every pair of partners needs one"
    ]


def test_an_unknown_field_of_partners() -> None:
    derived = [{"name": "ts", "value": "clos / 4"}]
    assert check(alters={**ALTERS, "derived": derived}) == [
        (
            "alters.derived[ts].value: 'clos / 4': 'clos' is no variable of the table alters; "
            "did you mean 'close'? Allowed: wave, firm_id, alter, type, close, brd__advice, brd__money"
        )
    ]


def test_an_unknown_multi_select_field() -> None:
    derived = [{"name": "ts", "value": "count_true('bread')"}]
    assert check(alters={**ALTERS, "derived": derived}) == [
        "alters.derived[ts].value: 'count_true('bread')': 'bread' is no multi-select variable; did you mean 'brd'? Allowed: brd"
    ]


def test_an_aggregate_of_an_unknown_field() -> None:
    assert check(alters={**ALTERS, "aggregated": [{"name": "m", "by": "mean", "of": "tss"}]}) == [
        (
            "alters.aggregated[m].of: 'tss' is no field or variable of a partner; "
            "did you mean 'ts'? Allowed: wave, firm_id, alter, type, close, brd__advice, brd__money, ts, brd"
        )
    ]


def test_an_aggregate_of_a_field_of_several_answers() -> None:
    several = {"name": "held", "by": "any", "of": "brd"}
    assert check(alters={**ALTERS, "aggregated": [*ALTERS["aggregated"], several]}) == []


def test_an_aggregate_where_the_condition_names_nothing() -> None:
    entry = {"name": "m", "by": "mean", "of": "ts", "when": "clos >= 3"}
    assert check(alters={**ALTERS, "aggregated": [*ALTERS["aggregated"], entry]}) == [
        (
            "alters.aggregated[m].when: 'clos >= 3': 'clos' is no variable of the table alters; "
            "did you mean 'close'? Allowed: wave, firm_id, alter, type, close, brd__advice, brd__money, ts"
        )
    ]


def test_partners_without_a_key_cannot_be_followed() -> None:
    before = {"name": "before", "value": "lag(close)"}
    [problem] = check(alters={**ALTERS, "derived": [*ALTERS["derived"], before]})
    assert problem.startswith("alters.derived[before].value: 'lag(close)': lag looks at other waves; it belongs in ")


def test_a_condition_cannot_look_at_other_waves() -> None:
    [problem] = check(samples={"small": "ever(emp > 1990)"})
    assert "ever looks at other waves; it belongs in derived variables of the panel" in problem


def test_a_formula_cannot_look_at_other_waves() -> None:
    assert check(models=model(formula="lag(ln_emp) + trust_z")) == [
        (
            "models[M1].formula: 'lag(ln_emp) + trust_z': lag looks at other waves; derive a variable by it, "
            "and name that here"
        )
    ]


def test_a_benchmark_of_another_form() -> None:
    [problem] = check(alters={**ALTERS, "derived": [*ALTERS["derived"], {"name": "b", "value": "benchmark(close)"}]})
    assert "benchmark needs a variable, by= a variable" in problem


def test_an_index_without_an_alpha() -> None:
    derived = [*ALTERS["derived"], {"name": "b", "value": "index(close, close)"}]
    [problem] = check(alters={**ALTERS, "derived": derived})
    assert "index needs at_least_alpha= a number" in problem


def test_an_aggregate_of_words() -> None:
    assert check(alters={**ALTERS, "aggregated": [{"name": "m", "by": "mean", "of": "type"}]}) == [
        "alters.aggregated[m].of: 'type' is category; only numbers and truth values can be aggregated"
    ]


def test_partners_from_nowhere() -> None:
    assert check(alters={}) == [
        "alters: needs the key columns, or a file of partners in a wave (waves: alters:)",
        "alters: a file of partners needs variables of the codebook with alters in the column table",
    ]


def test_partners_from_long_files() -> None:
    variables = {**VARIABLES, "near": Variable("near", "Near", "integer", table="alters")}
    waves = [{"id": 1, "file": "a.csv", "alters": "b.csv"}, BASE["waves"][1]]
    aggregated = [{"name": "nearness", "by": "mean", "of": "near"}]
    assert check(variables, waves=waves, alters={"aggregated": aggregated}) == []


def test_an_unknown_code_of_a_status() -> None:
    status = {"field": "status", "active": ["1", "3"], "stopped": ["2"]}
    assert check(networks={**NETWORKS, "status": status}) == [
        "networks.status.active: '3' is no code of status; allowed: 1, 2"
    ]


def test_a_type_that_ties_do_not_order() -> None:
    assert check(networks={**NETWORKS, "tie_order": ["peer"]}) == ["networks.tie_order: lacks the type 'led'"]


def test_a_position_without_a_label() -> None:
    chain = {"lines": [["u1", "emp"]], "positions": {"0": "down", "1": "mid"}, "labels": {"down": "downstream"}}
    assert check(value_chain=chain) == ["value_chain.positions.1: 'mid' has no label; allowed: down"]


def test_the_decision_table() -> None:
    rows = [
        (2, {"mover": "1", "type": "led", "rule": "", "flag": ""}),
        (3, {"mover": "3", "type": "pear", "rule": "", "flag": ""}),
        (4, {"mover": "1", "type": "peer", "rule": "", "flag": ""}),
    ]
    fields = {"mover": Variable("mover", type="category", codes={"1": "a", "2": "b"})}
    assert check_decision_table(rows, NETWORKS, fields, "data/types.csv") == [
        (
            "data/types.csv: line 3: type: 'pear' is no network type (networks: types); "
            "did you mean 'peer'? Allowed: led, peer, unclassified"
        ),
        "data/types.csv: line 3: mover: '3' is no code of mover; allowed: 1, 2",
        "data/types.csv: line 4: the answers 1 are already on line 2",
    ]


# --- derived variables and references -------------------------------------------------------------------------------


def test_a_derived_variable_may_use_an_earlier_one() -> None:
    assert check(derived=[*BASE["derived"], {"name": "big", "value": "ln_emp > 3"}]) == []


def test_a_derived_variable_may_not_use_a_later_one() -> None:
    derived = [{"name": "big", "value": "ln_emp > 3"}, *BASE["derived"]]
    assert check(derived=derived) == [
        "derived[big].value: 'ln_emp > 3': 'ln_emp' is computed later; move it before this one"
    ]


def test_an_unknown_function() -> None:
    assert check(derived=[{"name": "ln_emp", "value": "ln(emp)"}])[0].startswith(
        "derived[ln_emp].value: 'ln(emp)': no function 'ln'; "
    )


def test_a_reference_that_is_no_level() -> None:
    assert check(references={"role": "boss"}) == ["references.role: 'boss' is no code of role; allowed: ceo, other"]


def test_a_reference_of_a_number() -> None:
    assert check(references={"emp": "1"}) == [
        "references.emp: is number; only category variables have a reference level"
    ]


# --- models ---------------------------------------------------------------------------------------------------------


def test_an_unknown_variable_in_a_formula() -> None:
    assert check(models=model(formula="rol + controls")) == [
        "models[M1].formula: 'rol + controls': 'rol' is no variable of the table panel and no set; did you mean 'role'?"
    ]


def test_code_in_a_formula() -> None:
    assert check(models=model(formula="role + __import__('os')"))[0].startswith(
        "models[M1].formula: formula 'role + __import__('os')': '__import__' is no function of formulas and not allowed here"
    )


def test_an_attribute_in_a_formula() -> None:
    assert check(models=model(formula="role.upper()")) == [
        "models[M1].formula: 'role.upper()': '.' at position 5 has no meaning here"
    ]


def test_text_in_a_formula() -> None:
    assert check(models=model(formula="role + remark")) == [
        "models[M1].formula: 'role + remark': 'remark' is text, which a model cannot use"
    ]


def test_sets_in_a_circle() -> None:
    assert check(sets={"controls": "ln_emp + more", "more": "wave + controls"}) == [
        "sets.controls: the set holds itself: controls -> more -> controls",
        "sets.more: the set holds itself: more -> controls -> more",
    ]


def test_an_unknown_variable_in_a_set() -> None:
    assert check(sets={"controls": "ln_emp + ln_age"}) == [
        "sets.controls: 'ln_emp + ln_age': 'ln_age' is no variable of the table panel and no set; did you mean 'ln_emp'?"
    ]


def test_a_model_of_partners_knows_their_variables() -> None:
    models = [
        {
            "id": "M6",
            "table": "alters",
            "estimator": "ols",
            "outcomes": ["close"],
            "formula": "ts",
            "absorb": ["wave", "firm_id"],
        }
    ]
    assert check(alters=ALTERS, models=models) == []


def test_a_model_of_partners_does_not_know_the_firms() -> None:
    models = [{"id": "M6", "table": "alters", "estimator": "ols", "outcomes": ["close"], "formula": "ts + emp"}]
    assert check(alters=ALTERS, models=models) == [
        (
            "models[M6].formula: 'ts + emp': 'emp' is no variable of the table alters and no set; "
            "allowed: wave, firm_id, alter, type, close, brd__advice, brd__money, ts, controls"
        )
    ]


def test_an_outcome_that_does_not_fit_the_estimator() -> None:
    assert check(models=model(outcomes=["role"], formula="trust_z")) == [
        "models[M1].outcomes: 'role' is category; ols needs number or integer or ordinal or boolean"
    ]


def test_an_outcome_in_its_own_formula() -> None:
    assert check(models=model(formula="growth + role")) == ["models[M1].outcomes: 'growth' is also in the formula"]


def test_robust_errors_for_likelihood_models_are_not_there_yet() -> None:
    models = [BASE["models"][0], {**BASE["models"][1], "covariance": {"type": "HC3"}}]
    assert check(models=models) == [
        (
            "models[M2].covariance.type: HC3 is for ols only: leverages are defined for least squares; for "
            "ordered_logit use cluster, design or classical"
        )
    ]


def with_model(**changes: Any) -> list[dict[str, Any]]:
    return [BASE["models"][0] | changes, BASE["models"][1]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"models": with_model(weights="emp", covariance={"type": "classical"})},
            (
                "models[M1].covariance.type: classical standard errors take weights for precisions; with probability weights "
                "use design, cluster or HC3 (weights: emp)"
            ),
        ),
        (
            {"estimation": {"weights": "emq"}},
            (
                "estimation.weights: 'emq' is no number of the table panel, and not none; did you mean 'emp'? Allowed: none, "
                "emp, growth, trust, trust_z, ln_emp"
            ),
        ),
        (
            {"models": with_model(weights="role")},
            (
                "models[M1].weights: 'role' is no number of the table panel, and not none; allowed: none, "
                "emp, growth, trust, trust_z, ln_emp"
            ),
        ),
        (
            {"estimation": {"imputation": True}},
            "estimation.imputation: there is no section imputation: that says what is imputed; add it, or say false",
        ),
        (
            {"models": with_model(imputation=True)},
            "models[M1].imputation: there is no section imputation: that says what is imputed; add it, or say false",
        ),
        (
            {"models": with_model(covariance={"type": "HC3", "strata": "role"})},
            "models[M1].covariance.strata: is for covariance: type: design",
        ),
        (
            {"models": with_model(weights="emp", covariance={"type": "design", "fpc": True})},
            "models[M1].covariance.fpc: needs the variable stratum_size, which a study with weights: has",
        ),
    ],
)
def test_weights_imputation_and_covariance_fit_together(changes: dict[str, Any], message: str) -> None:
    assert check(**changes) == [message]


def test_weighted_models_without_a_covariance_have_a_design_based_one() -> None:
    assert check(estimation={"weights": "emp"}) == []


def test_absorbing_is_for_ols() -> None:
    models = [BASE["models"][0], {**BASE["models"][1], "absorb": ["wave"]}]
    assert check(models=models) == ["models[M2].absorb: is for ols only, not for ordered_logit"]


# --- predictions and hypotheses -------------------------------------------------------------------------------------


def test_a_prediction_of_another_outcome() -> None:
    assert check(predictions=[{"id": "P", "model": "M1", "outcome": "stage", "by": ["role"]}]) == [
        "predictions[P].outcome: 'stage' is no outcome of M1; allowed: growth"
    ]


def test_a_prediction_by_a_variable_that_the_model_lacks() -> None:
    assert check(predictions=[{"id": "P", "model": "M1", "outcome": "growth", "by": ["exporter"]}]) == [
        "predictions[P].by: 'exporter' is not in the formula of M1; allowed: ln_emp, role, trust_z, wave"
    ]


def test_an_ordered_outcome_needs_a_level() -> None:
    assert check(predictions=[{"id": "P", "model": "M2", "outcome": "stage", "by": ["role"]}]) == [
        "predictions[P]: lacks the key 'level': M2 is ordered_logit; say which levels, such as '>= 4'"
    ]


def test_a_level_that_the_outcome_lacks() -> None:
    assert check(hypotheses=component(model="M2", outcome="stage", level=">= 7")) == [
        "hypotheses[H1].components[a].level: '7' is no code of stage; allowed: 1, 2, 3, 4, 5"
    ]


def test_a_level_where_there_is_none() -> None:
    assert check(hypotheses=component(level=">= 4")) == [
        "hypotheses[H1].components[a].level: is for ordered_logit only; M1 is ols"
    ]


def test_a_contrast_with_an_unknown_level() -> None:
    contrast = "mu(role=boss) - mu(role=ceo)"
    assert check(hypotheses=component(contrast=contrast)) == [
        f"hypotheses[H1].components[a].contrast: '{contrast}': 'boss' is no code of role; allowed: ceo, other"
    ]


def test_a_contrast_with_an_unknown_variable() -> None:
    assert check(hypotheses=component(contrast="slope(trust_y)")) == [
        (
            "hypotheses[H1].components[a].contrast: 'slope(trust_y)': "
            "'trust_y' is no variable of the table panel; did you mean 'trust_z' or 'trust'?"
        )
    ]


def test_a_contrast_with_a_variable_that_the_model_lacks() -> None:
    assert check(hypotheses=component(contrast="slope(emp)")) == [
        (
            "hypotheses[H1].components[a].contrast: 'slope(emp)': 'emp' is not in the formula of M1; "
            "did you mean 'ln_emp'? Allowed: ln_emp, role, trust_z, wave"
        )
    ]


def test_a_contrast_at_the_ends_of_a_number() -> None:
    contrast = "slope(trust_z, trust_z=minimum) - slope(trust_z, trust_z=-1.5)"
    assert check(hypotheses=component(contrast=contrast)) == []


def test_a_contrast_with_a_word_for_a_number() -> None:
    assert check(hypotheses=component(contrast="slope(trust_z, trust_z=high)")) == [
        (
            "hypotheses[H1].components[a].contrast: 'slope(trust_z, trust_z=high)': "
            f"'trust_z' is a number; give a number or one of {', '.join(STATISTICS)}"
        )
    ]


def test_a_contrast_of_truth_values() -> None:
    found = check(
        hypotheses=component(
            model="M2", outcome="stage", level=">= 4", contrast="mu(exporter=true) - mu(exporter=false)"
        )
    )
    assert found == []


def test_a_contrast_that_cannot_be_read() -> None:
    found = check(hypotheses=component(contrast="mean(role=ceo)"))
    assert len(found) == 1
    assert "no function 'mean'" in found[0]


def test_problems_come_in_the_order_of_the_file() -> None:
    problems = check(
        models=model(samples=["smal"], formula="rol"),
        samples={"small": "empl < 50"},
        scales=[{"name": "trust", "items": ["t9"], "anchor": True}],
    )
    assert [problem.split(": ")[0] for problem in problems] == [
        "scales[trust].items", "samples.small", "models[M1].samples", "models[M1].formula",
    ]  # fmt: skip


def test_a_flag_that_is_not_set() -> None:
    rule = {"rule": "careless", "flags_at_least": 1, "or_any": ["self_report"]}
    assert check(cleaning={"exclude": [rule]}, quality_flags={"attention": {"items": {"t1": 5}}}) == [
        "cleaning.exclude[careless].or_any: 'self_report' is no flag of quality_flags; allowed: attention"
    ]


def test_an_unknown_version_of_the_rules() -> None:
    waves = [{"id": 1, "file": "w.csv", "rules": 3}]
    versions = [{"id": 2, "cleaning": {}, "quality_flags": {}}]
    message = "'3' is no version of the rules (1, or one of rule_versions); allowed: 1, 2"
    assert f"waves[1].rules: {message}" in check(waves=waves, rule_versions=versions)


def test_a_later_version_of_the_rules_is_checked_too() -> None:
    cleaning = {"exclude": [{"rule": "careless", "flags_at_least": 2}]}
    assert check(rule_versions=[{"id": 2, "cleaning": cleaning, "quality_flags": {}}]) == [
        "rule_versions[2].cleaning.exclude[careless].flags_at_least: 2 flags can never be reached; quality_flags has 0"
    ]


def test_flags_of_an_unknown_item_and_section() -> None:
    rule = {"response_scale": "agree5", "sections": ["Q"], "except": ["t11"]}
    found = check(quality_flags={"even_odd": rule})
    assert [line.partition(";")[0] for line in found] == [
        "quality_flags.even_odd.sections: 'Q' is no section of the codebook",
        "quality_flags.even_odd.except: 't11' is no variable of the codebook",
    ]


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"by": "blau", "of": "ts"}, "of: 'ts' is number; blau needs a category"),
        ({"by": "herfindahl", "of": "type"}, "of: 'type' is category; only numbers and truth values can be aggregated"),
        ({"by": "mean", "of": "ts", "against": "role"}, "against: is for by: ei only, not for mean"),
        (
            {"by": "ei", "of": "type", "against": "role"},
            "against: 'role' and 'type' do not have the same codes: ceo, firm",
        ),
    ],
)
def test_measures_over_partners_need_fields_of_their_type(entry: dict[str, str], problem: str) -> None:
    alters = {**ALTERS, "aggregated": [{"name": "m", **entry}]}
    assert check(alters=alters) == [f"alters.aggregated[m].{problem}"]


def test_valued_ties_need_a_number() -> None:
    assert check(alters={**ALTERS, "valued": {"strength": "type", "tie_maximum": 2}}) == [
        "alters.valued.strength: 'type' is category; it must be a number, 0 to 1"
    ]


NOMINATED: dict[str, Any] = {"partner_key": "type", "exposures": []}


def test_nominations_need_a_source() -> None:
    assert check(nominations={}) == [
        "nominations: needs a file in a wave (waves: nominations:), or the key partner_key"
    ]


def test_a_file_of_nominations_needs_the_section() -> None:
    waves = [{**wave, "nominations": "data/raw/named.csv"} for wave in BASE["waves"]]
    assert check(waves=waves)[0] == "waves[1].nominations: needs the section nominations: (docs/configuration.md)"


@pytest.mark.parametrize(
    ("of", "problem"),
    [
        ("role", "'role' is category; a number or a truth value is needed"),
        ("y", "'y' is computed together with this one, after all others; name another variable"),
    ],
)
def test_exposure_needs_a_number_that_is_there_before(of: str, problem: str) -> None:
    exposures = [{"name": name, "of": of if name == "x" else "emp", "over": "out", "by": "mean"} for name in "xy"]
    assert check(alters=ALTERS, nominations={**NOMINATED, "exposures": exposures}) == [
        f"nominations.exposures[x].of: {problem}"
    ]


def test_exposure_is_computed_after_derived_variables() -> None:
    exposures = [{"name": "x", "of": "emp", "over": "out", "by": "mean"}]
    nominations = {**NOMINATED, "exposures": exposures}
    problems = check(alters=ALTERS, nominations=nominations, derived=[{"name": "twice", "value": "2 * x"}])
    assert problems[0].startswith("derived[twice].value: '2 * x': 'x' is no variable of the table panel")


def test_an_attribute_has_a_name_of_its_own() -> None:
    attributes = [{"file": "data/partners.csv", "key": "id", "by": "type", "take": [{"name": "close"}]}]
    assert check(alters={**ALTERS, "attributes": attributes}) == [
        "alters.attributes[#1].take[close].name: 'close' is already a variable of the workflow; choose another name"
    ]


# --- weights --------------------------------------------------------------------------------------------------------

WEIGHTS: dict[str, Any] = {
    "probability": "p",
    "rake": ["size x area"],
    "response": ["size"],
    "retention": ["emp", "role"],
}
SAMPLED = {
    "frame_margins": "data/margins.csv",
    "waves": [{"id": 1, "file": "data/raw/one.csv", "sample": "data/raw/sample.csv"}],
}


def test_weights_with_margins_and_a_sample_file_have_no_problems() -> None:
    assert check(weights=WEIGHTS, **SAMPLED) == []


def test_weights_without_margins_and_sample_files() -> None:
    assert check(weights=WEIGHTS) == [
        "weights: needs the margins of the frame (the key frame_margins)",
        "weights: needs a sample file of at least one wave (waves: sample)",
    ]


@pytest.mark.parametrize(("name", "kind"), [("remark", "text"), ("fin", "multiple")])
def test_what_cannot_say_who_stays(name: str, kind: str) -> None:
    assert check(weights=WEIGHTS | {"retention": [name]}, **SAMPLED) == [
        f"weights.retention: '{name}' is {kind}; name a number or a category of the firm"
    ]


def test_a_rule_that_joins_categories_of_nothing_used() -> None:
    rule = {"variable": "siez", "join": ["a"], "into": "b"}
    assert check(weights=WEIGHTS | {"collapse": [rule]}, **SAMPLED) == [
        "weights.collapse[#1].variable: 'siez' is in neither rake, response nor retention; did you mean 'size'? Allowed: area, emp, role, size, size x area"
    ]


def test_a_rule_that_joins_categories_of_a_crossed_margins_part_is_fine() -> None:
    rule = {"variable": "area", "join": ["a"], "into": "b", "waves": [1]}
    assert check(weights=WEIGHTS | {"collapse": [rule]}, **SAMPLED) == []


def test_weights_are_variables_of_the_panel() -> None:
    exhibits = [{"id": "F1", "kind": "plot", "title": "A", "variables": ["weight", "weight_longitudinal"]}]
    assert check(weights=WEIGHTS, exhibits=exhibits, **SAMPLED) == []


def test_without_weights_the_panel_has_none() -> None:
    exhibits = [{"id": "F1", "kind": "plot", "title": "A", "variables": ["weight"]}]
    assert check(exhibits=exhibits)[0].startswith("exhibits[F1].variables: 'weight' is no variable of the panel")


def impute(**keys: Any) -> list[str]:
    """Problems of a section imputation."""
    return check(imputation={"variables": ["emp", "growth", "stage", "fin"], **keys}, alters=ALTERS)


def test_an_imputation_without_faults() -> None:
    alters = {"variables": ["close", "brd"], "predictors": "I(close) + ts + trust"}
    assert impute(predictors="log(emp) + controls + trust:exporter", relative={"growth": "emp"}, alters=alters) == []


def test_text_cannot_be_imputed() -> None:
    assert impute(variables=["remark"]) == [
        "imputation.variables: 'remark' is text; number, integer, ordinal, boolean, category and multiple can be imputed"
    ]


def test_a_method_that_is_not_for_the_type() -> None:
    assert impute(methods={"stage": "logit"}) == [
        (
            "imputation.methods.stage: logit is not for 'stage', which is ordinal; allowed: pmm, "
            "multinomial_logit, ordered_logit"
        )
    ]


def test_a_method_of_what_is_not_imputed() -> None:
    assert impute(methods={"growht": "pmm"}) == [
        (
            "imputation.methods.growht: 'growht' is not imputed; did you mean 'growth'? Allowed: emp, growth, stage, "
            "fin, t1, t2, t3"
        )
    ]


def test_a_base_that_is_not_imputed() -> None:
    assert impute(variables=["growth"], relative={"growth": "emp"}) == [
        "imputation.relative.growth: 'emp' is not among imputation: variables; name it there, too"
    ]


def test_a_logarithm_of_categories() -> None:
    assert impute(on_log_scale=["stage"]) == [
        "imputation.on_log_scale: 'stage' is ordinal; only amounts have a logarithm"
    ]


def test_a_predictor_that_is_no_variable() -> None:
    assert impute(predictors="ln_emo") == [
        "imputation.predictors: 'ln_emo' is no variable that can be used here, and no set; did you mean 'ln_emp'?"
    ]


def test_a_predictor_that_looks_at_another_wave() -> None:
    derived = [{"name": "before", "value": "lag(emp)"}, {"name": "risen", "value": "emp > before"}]
    assert check(derived=[*BASE["derived"], *derived], imputation={"predictors": "risen"}) == [
        "imputation.predictors: 'risen' looks at other waves; a wave is imputed from its own rows alone"
    ]


@pytest.mark.parametrize("key", ["by", "strata"])
def test_finite_populations_are_those_of_firms_in_strata_of_the_draws(key: str) -> None:
    models = with_model(weights="weight", covariance={"type": "design", "fpc": True, key: "role"})
    assert check(weights=WEIGHTS, models=models, **SAMPLED) == [
        (
            f"models[M1].covariance.{key}: 'role' does not go with fpc: stratum_size counts firms of each stratum of the "
            f"draws; leave {key} out, or fpc"
        )
    ]


def test_a_finite_population_goes_with_the_strata_of_the_draws() -> None:
    models = with_model(weights="weight", covariance={"type": "design", "fpc": True, "strata": "stratum"})
    assert check(weights=WEIGHTS, models=models, **SAMPLED) == []
