"""The part of a study's configuration that each rule uses, so that a changed key reruns what depends on it alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from firmties.expressions import names_in

Config = Mapping[str, Any]


def pick(config: Config, *keys: str) -> dict[str, Any]:
    """Those keys of the configuration that it has."""
    return {key: config[key] for key in keys if key in config}


def pick_keys(config: Config) -> dict[str, str]:
    """Names of the firm key and the response key."""
    return pick(config["study"], "firm", "response")


def find_minimum(config: Config) -> int:
    """Smallest count of a cross-classification that is shown: all of them where the data are public."""
    return 1 if config["study"].get("public") else int(config["disclosure"]["minimum_cell"])


def shows_individuals(config: Config) -> bool:
    """Whether exhibits may show single firms: where the study allows it, or its data are public."""
    study = config.get("study", {})
    return bool(study.get("public")) or study.get("individuals") == "allowed"


def list_models_counted(config: Config) -> list[str]:
    """Models whose predictions count cases by the codes of variables."""
    return list_models_tested([entry for entry in config.get("predictions", []) if "by" in entry])


def list_withheld(protection: Config) -> list[str]:
    """Raw columns of a wave that leave the raw file not at all, or as hashes."""
    return [name for name, mark in protection["marks"].items() if mark in ("drop", "hash")]


def slice_read(wave: Config) -> dict[str, Any]:
    """What reading a wave depends on."""
    return pick(wave, "id", "format", "sheet", "dictionary", "delimiter", "encoding", "where", "sha256")


def slice_clean(config: Config, wave: Config) -> dict[str, Any]:
    """What cleaning a wave depends on: of the rules, the version that the wave names.

    Examples
    --------
    >>> later = {"id": 2, "cleaning": {"out_of_range": "missing"}, "quality_flags": {}}
    >>> config = {"study": {"firm": "firm"}, "cleaning": {}, "rule_versions": [later]}
    >>> slice_clean(config, {"id": 1})["cleaning"], slice_clean(config, {"id": 3, "rules": 2})["cleaning"]
    ({}, {'out_of_range': 'missing'})
    """
    version = wave.get("rules", 1)
    rules = {1: config, **{entry["id"]: entry for entry in config.get("rule_versions", [])}}[version]
    return {
        "wave": pick(wave, "id", "decimal", "missing_codes"),
        "study": pick_keys(config),
        "version": version,
        **pick(config, "missing_codes"),
        **pick(rules, "cleaning", "quality_flags"),
    }


def list_waves(config: Config) -> list[dict[str, Any]]:
    """What tables, figures and the report say of each wave; one without a label is called by its number.

    Examples
    --------
    >>> list_waves({"waves": [{"id": 1, "label": "2021", "file": "one.csv"}, {"id": 2, "file": "two.csv"}]})
    [{'id': 1, 'label': '2021', 'file': 'one.csv'}, {'id': 2, 'label': '2', 'file': 'two.csv'}]
    """
    shown = ("id", "label", "field", "mode", "file")
    return [pick({**wave, "label": wave.get("label", str(wave["id"]))}, *shown) for wave in config["waves"]]


def slice_score(config: Config) -> dict[str, Any]:
    """What scoring depends on."""
    waves = [pick(wave, "id", "label") for wave in config["waves"]]
    chosen = pick(config, "alters", "networks", "value_chain", "scales", "derived", "references")
    if "nominations" in config:
        chosen["nominations"] = pick(config["nominations"], "weak_over", "centralities", "exposures")
    # How weights are made is no matter of scoring, only that there are any.
    weighted: dict[str, Any] = {"weights": {}} if "weights" in config else {}
    return {"study": pick_keys(config), "waves": waves, **weighted, **chosen}


def slice_scales(config: Config) -> list[dict[str, Any]]:
    """Name, label and items of each scale; how its scores are anchored concerns nothing that looks at items."""
    return [pick(scale, "name", "label", "items") for scale in config.get("scales", [])]


def resolve_model(config: Config, model: Config) -> dict[str, Any]:
    """State what a model leaves to the defaults of ``estimation:`` — weights, imputation, covariance.

    A weighted model without a covariance of its own has a design-based one. Primary sampling units of a design are the
    firms, and its strata those of the sample, unless the model says otherwise.

    Examples
    --------
    >>> config = {"study": {"firm": "firm"}, "estimation": {"weights": "weight", "imputation": True}}
    >>> resolved = resolve_model(config, {"id": "M1"})
    >>> resolved["weights"], resolved["imputation"], resolved["covariance"]
    ('weight', True, {'type': 'design', 'by': 'firm'})
    >>> resolve_model(config, {"id": "M1", "weights": "none", "imputation": False})["covariance"]
    {'type': 'classical'}
    """
    settings = {"weights": "none", "imputation": False, **config.get("estimation", {})}
    settings |= {key: model[key] for key in ("weights", "imputation") if key in model}
    default = "classical" if settings["weights"] == "none" else "design"
    covariance = dict(model.get("covariance", {"type": default}))
    if covariance.get("type") == "design":
        covariance.setdefault("by", config["study"]["firm"])
        if "weights" in config:
            covariance.setdefault("strata", "stratum")
        if covariance.pop("fpc", False):
            covariance["population"] = "stratum_size"
    return {**model, **settings, "covariance": covariance}


def slice_impute(config: Config, wave: Config) -> dict[str, Any]:
    """What imputing a wave depends on; of the other waves nothing."""
    imputation = config["imputation"]
    formulas = [part["predictors"] for part in (imputation, imputation.get("alters", {})) if "predictors" in part]
    return {
        "study": pick_keys(config),
        "waves": [pick(wave, "id", "label")],
        "imputation": imputation,
        "sets": find_sets(formulas, config.get("sets", {})),
        **pick(config, "alters", "scales", "derived"),
    }


def slice_model(config: Config, model: Config) -> dict[str, Any]:
    """One model, its defaults stated, with the sets of terms and the samples that it names."""
    samples = config.get("samples", {})
    formulas = [model["formula"]] if "formula" in model else [block["add"] for block in model["blocks"]]
    return {
        "model": {key: value for key, value in resolve_model(config, model).items() if key != "title"},
        "sets": find_sets(formulas, config.get("sets", {})),
        "samples": {name: samples[name] for name in model.get("samples", []) if name in samples},
    }


def list_completed(config: Config, model: Config) -> list[str]:
    """The completed tables that a model is fitted to, one an imputed set; none for complete cases.

    Examples
    --------
    >>> config = {"study": {"firm": "firm"}, "imputation": {"sets": 2}}
    >>> list_completed(config, {"id": "M1", "imputation": True})
    ['data/processed/completed/panel/01.parquet', 'data/processed/completed/panel/02.parquet']
    """
    if not resolve_model(config, model)["imputation"]:
        return []
    return list_sets(config, model.get("table", "panel"))


def list_sets(config: Config, table: str) -> list[str]:
    """The completed copies of a scored table, one an imputed set."""
    return [
        f"data/processed/completed/{table}/{number:02d}.parquet"
        for number in range(1, config["imputation"]["sets"] + 1)
    ]


def list_scales_behind(config: Config) -> dict[str, list[str]]:
    """The scales that each variable of the panel rests on: itself, its anchored score, or one derived from such.

    Examples
    --------
    >>> derived = [{"name": "both", "value": "trust_z * log(age)"}, {"name": "old", "value": "age > 9"}]
    >>> list_scales_behind({"scales": [{"name": "trust"}], "derived": derived})
    {'trust': ['trust'], 'trust_z': ['trust'], 'both': ['trust']}
    """
    found = {f"{scale['name']}{ending}": [scale["name"]] for scale in config.get("scales", []) for ending in ("", "_z")}
    for entry in config.get("derived", []):
        used = [scale for name in sorted(names_in(entry["value"])) for scale in found.get(name, [])]
        if used:
            found[entry["name"]] = list(dict.fromkeys(used))
    return found


def list_gated(config: Config, model: Config) -> dict[str, list[str]]:
    """The variables of a model that the reliability gate may refuse, each with its scales; none without a gate.

    Examples
    --------
    >>> config = {"reliability_gate": {}, "scales": [{"name": "trust"}], "sets": {"A": "trust_z"}}
    >>> list_gated(config, {"id": "M1", "outcomes": ["y"], "formula": "x + A"})
    {'trust_z': ['trust']}
    """
    if "reliability_gate" not in config or model.get("table", "panel") != "panel":
        return {}
    formulas = [model["formula"]] if "formula" in model else [block["add"] for block in model["blocks"]]
    sets = find_sets(formulas, config.get("sets", {}))
    named = {*model["outcomes"], *(name for text in (*formulas, *sets.values()) for name in names_in(text))}
    return {name: scales for name, scales in list_scales_behind(config).items() if name in named}


def find_sets(formulas: Iterable[str], sets: Mapping[str, str]) -> dict[str, str]:
    """Find the named sets of terms that formulas use, directly or through other sets.

    Examples
    --------
    >>> find_sets(["x + A2"], {"A1": "age", "A2": "A1 + size", "A3": "other"})
    {'A1': 'age', 'A2': 'A1 + size'}
    """
    used: set[str] = set()
    waiting = list(formulas)
    while waiting:
        for name in names_in(waiting.pop()) & sets.keys():
            if name not in used:
                used.add(name)
                waiting.append(sets[name])
    return {name: sets[name] for name in sets if name in used}


def list_models_of(config: Config, exhibit: Config) -> list[str]:
    """Models that an exhibit names, by themselves or through predictions; all of them if it names none."""
    predictions = {entry["id"]: entry["model"] for entry in config.get("predictions", [])}
    shown = [part.get("prediction", "") for part in (exhibit, *exhibit.get("panels", []))]
    shown_beside = exhibit.get("beside", {}).get("model")
    chosen = {
        shown_beside,
        exhibit.get("model"),
        *exhibit.get("models", []),
        *(predictions.get(name) for name in shown),
    } - {None}
    return [model["id"] for model in config.get("models", []) if not chosen or model["id"] in chosen]


def slice_contrasts(config: Config, model: str) -> list[dict[str, Any]]:
    """Of the hypotheses with a component that uses a model, what those components' estimates depend on."""
    needed = ("name", "model", "outcome", "block", "level", "contrast", "alternative")
    components = {
        hypothesis["id"]: [pick(part, *needed) for part in hypothesis["components"] if part["model"] == model]
        for hypothesis in config.get("hypotheses", [])
    }
    return [{"id": name, "components": parts} for name, parts in components.items() if parts]


def list_fits_tested(config: Config, model: str) -> list[dict[str, Any]]:
    """Which fits of a model are to be made for each wave alone: those that hypotheses rest on, in a study of waves.

    Examples
    --------
    >>> part = {"name": "a", "model": "M1", "outcome": "y", "contrast": "slope(x)", "alternative": "greater"}
    >>> waves, hypotheses = [{"id": 1}, {"id": 2}], [{"id": "H1", "components": [part, part | {"name": "b"}]}]
    >>> list_fits_tested({"waves": waves, "hypotheses": hypotheses}, "M1")
    [{'model': 'M1', 'outcome': 'y'}]
    """
    used = [
        pick(part, "model", "outcome", "block")
        for entry in slice_contrasts(config, model)
        for part in entry["components"]
    ]
    return [part for at, part in enumerate(used) if part not in used[:at]] if len(config["waves"]) > 1 else []


def list_models_tested(entries: Iterable[Config]) -> list[str]:
    """Models that predictions or the components of hypotheses use, in the order of their first use."""
    return list(dict.fromkeys(part["model"] for entry in entries for part in entry.get("components", [entry])))


def list_long_files(config: Config, crosswalk: Callable[[int], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Long files of partners and of pairs: file, table, and what reading it depends on; empty for wide columns."""
    return [
        {
            "file": wave[table],
            "table": table,
            "wave": pick(wave, "id", "decimal", "missing_codes"),
            "reader": pick(wave, "delimiter", "encoding"),
            "crosswalk": crosswalk(wave["id"]),
        }
        for wave in config["waves"]
        for table in ("alters", "alter_pairs")
        if table in wave
    ]


def list_nomination_files(config: Config) -> list[dict[str, Any]]:
    """Files of nominations with the wave and what reading them depends on."""
    return [
        {"file": wave["nominations"], "wave": wave["id"], "reader": pick(wave, "delimiter", "encoding")}
        for wave in config["waves"]
        if "nominations" in wave and "nominations" in config
    ]


def list_attributes(config: Config) -> list[dict[str, Any]]:
    """Files with what is known of partners from elsewhere (`alters: attributes:`)."""
    return list(config.get("alters", {}).get("attributes", []))


def list_input_files(config: Config) -> list[str]:
    """Every file that a study's results come from, those of its waves first; a file may be absent."""
    files = [
        wave[key]
        for wave in config["waves"]
        for key in ("file", "dictionary", "sample", "alters", "alter_pairs", "nominations")
        if key in wave
    ]
    tables = [config["networks"]["decision_table"]] if "networks" in config else []
    tables += [config["frame_margins"]] if "frame_margins" in config else []
    tables += [entry["file"] for entry in list_attributes(config)]
    listed = [exhibit["file"] for exhibit in config.get("exhibits", []) if "file" in exhibit]
    fixed = [f"data/{name}.csv" for name in ("codebook", "crosswalk", "anchors", "published")]
    return list(dict.fromkeys([*files, *tables, *listed, *fixed, "config.yaml", "report.md"]))
