"""The first pass: reading YAML, and the shape of config.yaml put into plain lines."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from firmties.configuration import check_shape, compose_schema, describe_path, load_kinds, load_schema, read_yaml, walk
from firmties.meaning import KIND_WORDS

KINDS = {
    "plot": {
        "medium": "figure",
        "description": "A plot.",
        "sources": ["panel"],
        "options": {
            "type": "object",
            "required": ["rows"],
            "properties": {
                "rows": {"type": "string", "names": "variable"},
                "bins": {"type": "integer", "default": 20},
                "scales": {
                    "anyOf": [{"const": "all"}, {"type": "array", "items": {"type": "string", "names": "scale"}}]
                },
            },
        },
    }
}
SCHEMA = load_schema(KINDS)
MINIMAL: dict[str, Any] = {
    "study": {"title": "A study", "firm": "firm_id"},
    "waves": [{"id": 1, "file": "data/raw/answers.csv"}],
}
MODEL = {"id": "M1", "estimator": "ols", "outcomes": ["growth"], "formula": "x"}


def check(**sections: Any) -> list[str]:
    """Problems of the minimal study with further sections."""
    return check_shape({**copy.deepcopy(MINIMAL), **sections}, SCHEMA)[1]


# --- YAML -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["no", "yes", "on", "off", "y", "N"])
def test_words_that_older_yaml_takes_for_truth_values_are_text(word: str) -> None:
    assert read_yaml(f"label: {word}") == ({"label": word}, [])


def test_true_and_false_are_truth_values() -> None:
    assert read_yaml("[true, False]")[0] == [True, False]


def test_dates_are_text() -> None:
    assert read_yaml("field: [2021-03-01, 2021-05-31]")[0] == {"field": ["2021-03-01", "2021-05-31"]}


def test_keys_are_text_as_written() -> None:
    assert read_yaml("{-97: a, 007: b, .a: c, no: d, 1.50: e}")[0] == {
        "-97": "a",
        "007": "b",
        ".a": "c",
        "no": "d",
        "1.50": "e",
    }


def test_codes_with_leading_zeros_are_text() -> None:
    assert read_yaml("code: 007")[0] == {"code": "007"}


def test_numbers_with_an_exponent_are_numbers() -> None:
    assert read_yaml("level: 1e-3")[0] == {"level": 0.001}


def test_times_are_no_numbers() -> None:
    assert read_yaml("at: 12:30:00")[0] == {"at": "12:30:00"}


def test_a_key_written_twice_is_a_fault() -> None:
    text = "study:\n  title: A\n  firm: id\n  title: B\n"
    assert read_yaml(text)[1] == ["config.yaml: line 4: the key 'title' is already on line 2; each key stands once"]


def test_a_key_written_twice_on_one_line_is_a_fault() -> None:
    assert read_yaml("{a: 1, a: 2}")[1] == [
        "config.yaml: line 1: the key 'a' is already on line 1; each key stands once"
    ]


def test_merged_keys_may_be_overridden() -> None:
    text = "- &wave {id: 1, file: x.csv}\n- {<<: *wave, id: 2}\n"
    assert read_yaml(text) == ([{"id": 1, "file": "x.csv"}, {"id": 2, "file": "x.csv"}], [])


def test_a_fault_of_syntax_names_its_line() -> None:
    assert read_yaml("study:\n  title: 'A\n")[1] == [
        "config.yaml: line 3, column 1: is not valid YAML: found unexpected end of stream"
    ]


def test_objects_of_python_are_refused() -> None:
    content, problems = read_yaml("x: !!python/object/apply:os.system ['true']")
    assert (content, len(problems)) == (None, 1)
    assert "could not determine a constructor" in problems[0]


def test_a_byte_order_mark_is_no_matter() -> None:
    assert read_yaml("\ufeffa: 1") == ({"a": 1}, [])


# --- shape ----------------------------------------------------------------------------------------------------------


def test_the_smallest_study_has_no_problems() -> None:
    assert check() == []


def test_an_empty_file() -> None:
    assert check_shape(None, SCHEMA) == (
        {},
        ["config.yaml: is empty; it needs at least the keys study, waves (docs/configuration.md)"],
    )


def test_a_list_in_place_of_keys() -> None:
    assert check_shape([1], SCHEMA) == (
        {},
        ["config.yaml: should be a group of keys (study:, waves:, …), is a list (docs/configuration.md)"],
    )


def test_required_keys() -> None:
    assert check_shape({}, SCHEMA)[1] == ["config.yaml: lacks the key 'study'", "config.yaml: lacks the key 'waves'"]


def test_a_typing_error_in_a_key() -> None:
    [problem] = check(modles=[])
    assert problem.startswith("config.yaml: unknown key 'modles'; did you mean 'models'? Allowed: study, disclosure, ")


def test_a_typing_error_in_an_inner_key() -> None:
    assert check(scales=[{"name": "trust", "item": ["t1"], "items": ["t1"]}]) == [
        "config.yaml: scales[trust]: unknown key 'item'; did you mean 'items'? Allowed: name, label, items, anchor"
    ]


def test_a_value_that_is_not_allowed() -> None:
    assert check(models=[{**MODEL, "estimator": "olss"}]) == [
        (
            "config.yaml: models[M1].estimator: 'olss' is not allowed; "
            "did you mean 'ols'? Allowed: ols, logit, ordered_logit, negative_binomial"
        )
    ]


def test_text_in_place_of_a_list() -> None:
    assert check(models=[{**MODEL, "outcomes": "growth"}]) == [
        "config.yaml: models[M1].outcomes: should be a list, is text 'growth'"
    ]


def test_text_in_place_of_a_number() -> None:
    assert check(response_scales={"agree": {"minimum": 1, "maximum": "seven"}}) == [
        "config.yaml: response_scales.agree.maximum: should be a whole number, is text 'seven'"
    ]


def test_a_number_in_place_of_text_is_to_be_quoted() -> None:
    assert check(samples={"a": 1}) == ["config.yaml: samples.a: should be text, is the number 1; put it in quotes"]


def test_a_word_in_place_of_a_truth_value() -> None:
    scale = {"name": "trust", "items": ["t1"], "anchor": "yes"}
    assert check(scales=[scale]) == ["config.yaml: scales[trust].anchor: should be true or false, is text 'yes'"]


def test_a_section_left_empty() -> None:
    assert check(models=None) == ["config.yaml: models: is empty; it should be a list, or leave the key out"]


def test_an_entry_without_a_name_is_called_by_its_number() -> None:
    model = {key: value for key, value in MODEL.items() if key != "id"}
    assert check(models=[MODEL, model]) == ["config.yaml: models[#2]: lacks the key 'id'"]


def test_keys_that_exclude_each_other() -> None:
    assert check(models=[{**MODEL, "blocks": [{"name": "L0", "add": "x"}]}]) == [
        "config.yaml: models[M1]: has both formula and blocks; give one of them"
    ]


def test_one_of_several_keys_is_needed() -> None:
    assert check(cleaning={"exclude": [{"rule": "careless"}]}) == [
        "config.yaml: cleaning.exclude[careless]: needs one of the keys when, keep, flags_at_least"
    ]


def test_keys_that_go_together() -> None:
    assert check(response_scales={"agree": {"minimum": 1}}) == [
        "config.yaml: response_scales.agree: has 'minimum' but lacks the key 'maximum'"
    ]


def test_a_clustered_covariance_needs_the_clusters() -> None:
    assert check(models=[{**MODEL, "covariance": {"type": "cluster"}}]) == [
        "config.yaml: models[M1].covariance: lacks the key 'by'"
    ]


def test_a_name_that_cannot_stand_in_a_formula() -> None:
    assert check(samples={"large firms": "x > 1"}) == [
        (
            "config.yaml: samples: the key 'large firms' is not allowed here; "
            "use letters without accents, digits and _, beginning with a letter"
        )
    ]


def test_a_date_in_another_form() -> None:
    wave = {"id": 1, "file": "a.csv", "field": ["01.03.2021", "2021-05-31"]}
    assert check(waves=[wave]) == [
        "config.yaml: waves[1].field: '01.03.2021' is not allowed; write year-month-day, such as 2021-03-01"
    ]


def test_one_date_in_place_of_two() -> None:
    assert check(waves=[{"id": 1, "file": "a.csv", "field": ["2021-03-01"]}]) == [
        "config.yaml: waves[1].field: has 1 entries, needs at least 2"
    ]


def test_a_number_out_of_bounds() -> None:
    assert check(families={"primary": {"adjust": "holm", "level": 5}}) == [
        "config.yaml: families.primary.level: 5 is not allowed; it must be below 1"
    ]


def test_an_entry_listed_twice() -> None:
    assert check(scales=[{"name": "trust", "items": ["t1", "t2", "t1"]}]) == [
        "config.yaml: scales[trust].items: lists 't1' twice"
    ]


def test_no_waves() -> None:
    assert check(waves=[]) == ["config.yaml: waves: is empty"]


def test_problems_come_in_the_order_of_the_file() -> None:
    problems = check(
        samples={"a b": "x > 1"},
        models=[{**MODEL, "estimator": "lm"}, {**MODEL, "id": "M2", "outcomes": []}],
        cleaning={"out_of_range": "keep"},
    )
    assert [problem.split(": ")[1] for problem in problems] == [
        "samples",
        "models[M1].estimator",
        "models[M2].outcomes",
        "cleaning.out_of_range",
    ]


# --- exhibits -------------------------------------------------------------------------------------------------------


def test_an_unknown_kind_of_exhibit() -> None:
    assert check(exhibits=[{"id": "F1", "kind": "plott", "title": "A"}]) == [
        "config.yaml: exhibits[F1].kind: 'plott' is not allowed; did you mean 'plot'? Allowed: plot"
    ]


def test_an_unknown_option_of_a_kind() -> None:
    assert check(exhibits=[{"id": "F1", "kind": "plot", "title": "A", "rows": "x", "bin": 3}]) == [
        (
            "config.yaml: exhibits[F1]: unknown key 'bin'; "
            "did you mean 'bins'? Allowed: id, kind, title, caption, section, rows, bins, scales"
        )
    ]


def test_a_missing_option_of_a_kind() -> None:
    assert check(exhibits=[{"id": "F1", "kind": "plot", "title": "A"}]) == [
        "config.yaml: exhibits[F1]: lacks the key 'rows'"
    ]


def test_an_option_that_may_have_two_forms() -> None:
    exhibit = {"id": "F1", "kind": "plot", "title": "A", "rows": "x", "scales": "trust"}
    assert check(exhibits=[exhibit]) == ["config.yaml: exhibits[F1].scales: should be 'all' or a list, is text 'trust'"]


def test_the_fault_within_the_form_that_was_meant() -> None:
    exhibit = {"id": "F1", "kind": "plot", "title": "A", "rows": "x", "scales": [1]}
    assert check(exhibits=[exhibit]) == [
        "config.yaml: exhibits[F1].scales: should be text, is the number 1; put it in quotes"
    ]


def test_options_required_beside_the_options_are_required_too() -> None:
    kinds = {"plot": {"options": {"properties": {"rows": {"type": "string"}}}, "required": ["rows"]}}
    schema = compose_schema(load_schema({}), kinds)
    assert schema["$defs"]["exhibit_plot"]["required"] == ["rows"]


# --- what goes on to the second pass --------------------------------------------------------------------------------


def test_defaults_are_filled_in() -> None:
    config, _ = check_shape({**MINIMAL, "models": [MODEL]}, SCHEMA)
    assert config["models"][0] == {**MODEL, "table": "panel"}


def test_defaults_of_a_kind_are_filled_in() -> None:
    exhibit = {"id": "F1", "kind": "plot", "title": "A", "rows": "x"}
    assert check_shape({**MINIMAL, "exhibits": [exhibit]}, SCHEMA)[0]["exhibits"] == [{**exhibit, "bins": 20}]


def test_sections_without_a_default_stay_absent() -> None:
    assert "networks" not in check_shape(MINIMAL, SCHEMA)[0]


def test_codes_and_labels_become_text() -> None:
    wave = {"id": 1, "label": 2021, "file": "a.csv", "where": {"wave": 3}}
    config, problems = check_shape({**MINIMAL, "waves": [wave]}, SCHEMA)
    assert (config["waves"][0]["label"], config["waves"][0]["where"], problems) == ("2021", {"wave": "3"}, [])


def test_the_value_at_fault_goes_and_the_rest_stays() -> None:
    config, _ = check_shape({**MINIMAL, "models": [{**MODEL, "estimator": "olss", "tilte": "A"}]}, SCHEMA)
    assert config["models"][0] == {
        "id": "M1", "outcomes": ["growth"], "formula": "x", "table": "panel",
    }  # fmt: skip


def test_a_bad_name_takes_no_other_with_it() -> None:
    config, _ = check_shape({**MINIMAL, "samples": {"a b": "x > 1", "c": "x > 2"}}, SCHEMA)
    assert config["samples"] == {"c": "x > 2"}


def test_what_was_read_is_not_changed() -> None:
    config = copy.deepcopy(MINIMAL)
    check_shape(config, SCHEMA)
    assert config == MINIMAL


# --- the schema itself ----------------------------------------------------------------------------------------------


def find_parts(part: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    """Every value in a tree, with its path."""
    inner = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    return [(path, part), *(found for key, value in inner for found in find_parts(value, (*path, key)))]


WHOLE = load_schema()


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(WHOLE)


def test_every_key_has_a_description() -> None:
    lacking = [
        ".".join(map(str, (*path, key)))
        for path, part in find_parts(load_schema({}))
        if path and path[-1] == "properties" and "if" not in path
        for key, value in part.items()
        if not (isinstance(value, dict) and value.get("description"))
    ]
    assert lacking == []


def test_every_option_of_every_kind_has_a_description() -> None:
    lacking = [
        ".".join(map(str, (kind, *path, key)))
        for kind, content in load_kinds().items()
        for path, part in find_parts(content.get("options", {}))
        if path and path[-1] == "properties"
        for key, value in part.items()
        if not (isinstance(value, dict) and value.get("description"))
    ]
    assert lacking == []


def test_nothing_undeclared_is_allowed() -> None:
    open_groups = [
        ".".join(map(str, path))
        for path, part in find_parts(load_schema({}))
        if isinstance(part, dict) and part.get("type") == "object" and "additionalProperties" not in part
    ]
    assert open_groups == ["$defs.exhibit"]  # closed by the schema of its kind


def test_no_description_lost_its_end_to_an_unquoted_comma() -> None:
    assert [".".join(map(str, path)) for path, part in find_parts(WHOLE) if part is None] == []


def test_every_kind_of_name_is_known() -> None:
    used = {part for path, part in find_parts(WHOLE) if path and path[-1] == "names" and isinstance(part, str)}
    assert used - set(KIND_WORDS) == set()


def test_walking_follows_the_options_of_a_kind() -> None:
    config = {**MINIMAL, "exhibits": [{"id": "F1", "kind": "plot", "title": "A", "rows": "x", "scales": ["trust"]}]}
    named = {(path[-1], value): part["names"] for path, value, part in walk(config, SCHEMA, SCHEMA) if "names" in part}
    assert named[("rows", "x")] == "variable"
    assert named[(0, "trust")] == "scale"


def test_a_path_names_entries() -> None:
    assert describe_path(MINIMAL, ["waves", 0, "file"]) == "waves[1].file"


def test_plain_yaml_reads_the_schema_as_we_do() -> None:
    """Other tools can use the schema: nothing in it depends on our reading of YAML."""
    from firmties.configuration import HERE

    text = (HERE / "config_schema.yaml").read_text(encoding="utf-8")
    assert list(yaml.safe_load(text)["properties"]) == list(read_yaml(text)[0]["properties"])


@pytest.mark.parametrize("delimiter", ["", ";;", "\\t", '"', "\n", "a", "1"])
def test_a_delimiter_that_cannot_be_one(delimiter: str) -> None:
    (problem,) = check(waves=[{"id": 1, "file": "a.csv", "delimiter": delimiter}])
    assert problem == (
        f"config.yaml: waves[1].delimiter: '{delimiter}' is not allowed; it must be one character that is no letter, "
        'digit, quote or line break, such as "," ";" "|" or "\\t" (a tab)'
    )


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t", " ", "^"])
def test_a_delimiter(delimiter: str) -> None:
    assert check(waves=[{"id": 1, "file": "a.csv", "delimiter": delimiter}]) == []


def test_a_decimal_mark_is_a_point_or_a_comma() -> None:
    (problem,) = check(waves=[{"id": 1, "file": "a.csv", "decimal": ";"}])
    assert problem == "config.yaml: waves[1].decimal: ';' is not allowed; allowed: ., ,"
