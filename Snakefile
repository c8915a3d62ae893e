"""From raw survey waves to a report, for any study: a directory with a config.yaml and a data/."""

import json
import os
import shlex
import sys
from pathlib import Path

ROOT = Path(workflow.basedir)
sys.path.insert(0, str(ROOT / "scripts"))

# One thread a job: with several, numbers differ in their last digits between machines, and jobs on all cores get in each
# other's way.
os.environ |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")

from firmties import slices
from firmties.dictionaries import list_modules as list_dictionaries
from firmties.errors import StudyError
from firmties.provenance import KEPT, MANIFEST, list_kept, list_modules
from firmties.readers import PLAIN, find_readers, list_modules as list_readers
from firmties.study import load_study

# Snakemake puts the path of Python into a shell command without quotes; a clone may lie in a directory with a space.
if not sys.executable.startswith("'"):
    sys.executable = shlex.quote(sys.executable)

try:
    STUDY = load_study(Path.cwd())
except StudyError as error:
    print(f"\n{error}\n\nNothing was run.", file=sys.stderr)
    sys.exit(1)

CONFIG = STUDY.config
WAVES = {wave["id"]: wave for wave in CONFIG["waves"]}
MODELS = {model["id"]: model for model in CONFIG.get("models", [])}
KINDS = STUDY.kinds
EXHIBITS = {exhibit["id"]: exhibit for exhibit in CONFIG.get("exhibits", [])}
FIGURES = [name for name, exhibit in EXHIBITS.items() if KINDS[exhibit["kind"]]["medium"] == "figure"]
TABLES = [name for name in EXHIBITS if name not in FIGURES]
SAMPLES = {wave: entry["sample"] for wave, entry in WAVES.items() if "sample" in entry}
LONG_FILES = slices.list_long_files(CONFIG, STUDY.crosswalk_rows)
HAS_ALTERS = "alters" in CONFIG
NOMINATION_FILES = slices.list_nomination_files(CONFIG)
PREDICTED = slices.list_models_tested(CONFIG.get("predictions", []))
COUNTED = slices.list_models_counted(CONFIG)
TESTED = slices.list_models_tested(CONFIG.get("hypotheses", []))
# What makes results waits for sound sample files without reading them: a fault leaves the last results in place.
SOUND = {"sound": ancient("data/interim/sample.parquet")} if SAMPLES else {}
# Who carries on whom; only studies with mergers have it.
SUCCESSORS = {"successors": "data/processed/successors.csv"} if "successor_of" in CONFIG["study"] else {}
# How reliable each scale is; only studies with a gate judge by it.
ASSESSED = {"assessed": "data/processed/reliability.csv"} if "reliability_gate" in CONFIG else {}
# Survey weights; only studies that declare them have any.
WEIGHTS = {"weights": "data/processed/weights.parquet"} if "weights" in CONFIG else {}
RESULTS = ["estimates", "complete_cases", "models", "predictions", "hypotheses"]
LAST_KEPT = next((label for _, label in reversed(list_kept(Path()))), "")
if LAST_KEPT:
    from firmties.changes import check_rules, describe_inputs, find_changed_rules

    kept_inputs = json.loads((KEPT / LAST_KEPT / MANIFEST).read_text(encoding="utf-8"))["inputs"]
    changed_rules = find_changed_rules(kept_inputs, describe_inputs(CONFIG, {}, {}))
    try:
        check_rules(changed_rules, LAST_KEPT, str(config.get("new_rules", "")).lower() in ("yes", "true", "1"))
    except StudyError as error:
        print(f"\n{error}\n\nNothing was run.", file=sys.stderr)
        sys.exit(1)


def library(rule, *extra):
    """Modules of the library that a rule's script imports, relative to the study."""
    modules = list_modules(ROOT / "scripts" / f"{rule}.py", [f"firmties.{name}" for name in extra])
    return [os.path.relpath(path) for path in modules]


def readers(wave):
    """The modules that read a wave's file."""
    try:
        found = find_readers(WAVES[wave]["file"], slices.slice_read(WAVES[wave]))
    except StudyError:
        found = [PLAIN]  # the job says what is wrong
    extra = [f"dictionaries.{name}" for name in list_dictionaries()] if "dictionary" in WAVES[wave] else []
    return [*(f"readers.{name}" for name in found), *extra]


def template():
    return sorted(os.path.relpath(path) for path in (ROOT / "reports" / "template").iterdir())


def options(exhibit):
    """What an exhibit shows: its entry without the words around it."""
    words = ("id", "kind", "title", "caption", "section")
    return {key: value for key, value in EXHIBITS[exhibit].items() if key not in words}


def shared(models, chosen):
    return [model for model in models if model in chosen]


def fits(models):
    return [f"data/processed/fits/{model}.json" for model in models]


def fitted_table(wildcards):
    """The scored table that a model is fitted on."""
    return f"data/processed/{MODELS[wildcards.model].get('table', 'panel')}.parquet"


def completed_tables(wildcards):
    """The completed tables that a model is fitted on, if it is fitted to imputed sets."""
    return slices.list_completed(CONFIG, MODELS[wildcards.model])


def assessed_scales(wildcards):
    """How reliable the scales are, of a model that holds any in a study with a gate."""
    return ASSESSED if slices.list_gated(CONFIG, MODELS[wildcards.model]) else {}


def sources(wildcards):
    """The files that an exhibit's kind reads, by name; those that the study does not have are left out."""
    exhibit = EXHIBITS[wildcards.exhibit]
    paths = {name: f"data/processed/{name}.parquet" for name in ("panel", "alters", "alter_pairs", "networks")}
    paths |= {name: f"data/interim/{name}.parquet" for name in ("kinds", "flags")}
    paths |= {"dictionary": "data/processed/dictionary.csv", "ledger": "data/processed/ledger.csv"}
    models = slices.list_models_of(CONFIG, exhibit)
    paths |= dict.fromkeys(("fits", "estimates", "models"), fits(models))
    imputed = [model for model in models if slices.list_completed(CONFIG, MODELS[model])]
    paths["fits_complete"] = expand("data/processed/fits_complete/{model}.json", model=imputed)
    paths["fits_by_set"] = expand("data/processed/fits_by_set/{model}.jsonl", model=imputed)
    for table in {MODELS[model].get("table", "panel") for model in imputed}:
        paths[f"completed_{table}"] = slices.list_sets(CONFIG, table)
    paths["predictions"] = expand("data/processed/predictions/{model}.csv", model=shared(models, PREDICTED))
    paths["contrasts"] = expand("data/processed/contrasts/{model}.csv", model=shared(models, TESTED))
    paths["hypotheses"] = "reports/results/hypotheses.csv"
    paths["masks"] = "data/processed/masks.csv"
    paths["reversals"] = "data/processed/reversals.csv"
    if "invariance" in CONFIG:
        paths |= {name: f"data/processed/{name}.csv" for name in ("invariance", "invariance_steps", "invariance_means")}
    paths |= ASSESSED
    if CONFIG.get("estimation", {}).get("imputation"):
        paths["completed"] = slices.list_sets(CONFIG, "panel")
    if "imputation" in CONFIG:
        paths["chains"] = expand("data/interim/wave_{wave}/chains.csv", wave=WAVES)
        paths["imputations"] = expand("data/interim/wave_{wave}/imputation.csv", wave=WAVES)
    if SAMPLES:
        paths["sample"] = "data/interim/sample.parquet"
    paths |= SUCCESSORS
    if "frame_margins" in CONFIG:
        paths["frame_margins"] = CONFIG["frame_margins"]
    if Path("data/published.csv").is_file():
        paths["published"] = "data/published.csv"
    if WEIGHTS:
        paths["weighting"] = "data/processed/weighting.csv"
    if "file" in exhibit:
        paths["listing"] = exhibit["file"]
    return {name: paths[name] for name in KINDS[exhibit["kind"]]["sources"] if paths.get(name)}


wildcard_constraints:
    wave="|".join(str(wave) for wave in WAVES),
    model="|".join(MODELS) or "none",
    exhibit="|".join(EXHIBITS) or "none",


rule all:
    input:
        "reports/report.html",
        "reports/report.pdf",
        "reports/changes.html",
        "data/processed/panel.dta",
        "data/processed/panel.sav",


rule read:
    input:
        raw=lambda wildcards: WAVES[int(wildcards.wave)]["file"],
        dictionary=lambda wildcards: WAVES[int(wildcards.wave)].get("dictionary", []),
        modules=lambda wildcards: library("read", *readers(int(wildcards.wave))),
    output:
        responses="data/interim/wave_{wave}/responses.parquet",
        labels="data/interim/wave_{wave}/labels.json",
    log:
        "logs/read_{wave}.log",
    params:
        wave=lambda wildcards: slices.slice_read(WAVES[int(wildcards.wave)]),
        privacy=lambda wildcards: STUDY.protection(int(wildcards.wave)),
    message:
        "Reading wave {wildcards.wave} from {input.raw}"
    script:
        "scripts/read.py"


rule clean:
    input:
        responses=rules.read.output.responses,
        labels=rules.read.output.labels,
        modules=library("clean"),
    output:
        values="data/interim/wave_{wave}/clean.parquet",
        kinds="data/interim/wave_{wave}/kinds.parquet",
        flags="data/interim/wave_{wave}/flags.parquet",
        ledger="data/interim/wave_{wave}/ledger.csv",
    log:
        "logs/clean_{wave}.log",
    params:
        codebook=lambda wildcards: STUDY.codebook_rows(int(wildcards.wave)),
        crosswalk=lambda wildcards: STUDY.crosswalk_rows(int(wildcards.wave)),
        settings=lambda wildcards: slices.slice_clean(CONFIG, WAVES[int(wildcards.wave)]),
    message:
        "Cleaning wave {wildcards.wave}"
    script:
        "scripts/clean.py"


rule link:
    input:
        **({"samples": list(SAMPLES.values())} if SUCCESSORS else {}),
        values=expand(rules.clean.output[0], wave=WAVES),
        kinds=expand(rules.clean.output.kinds, wave=WAVES),
        flags=expand(rules.clean.output.flags, wave=WAVES),
        ledgers=expand(rules.clean.output.ledger, wave=WAVES),
        modules=library("link"),
    output:
        **SUCCESSORS,
        panel="data/interim/panel.parquet",
        kinds="data/interim/kinds.parquet",
        flags="data/interim/flags.parquet",
        ledger="data/processed/ledger.csv",
    log:
        "logs/link.log",
    params:
        waves=list(WAVES),
        sampled=list(SAMPLES) if SUCCESSORS else [],
        study=slices.pick(CONFIG["study"], "firm", "response", "successor_of"),
        order=list(STUDY.list_variables()["panel"]),
    message:
        "Linking {params.waves} into a panel"
    script:
        "scripts/link.py"


rule sample:
    input:
        **SUCCESSORS,
        samples=list(SAMPLES.values()),
        panel=rules.link.output.panel,
        modules=library("sample"),
    output:
        "data/interim/sample.parquet",
    log:
        "logs/sample.log",
    params:
        waves=list(SAMPLES),
        firm=CONFIG["study"]["firm"],
        marks=STUDY.marks(),
    message:
        "Stacking the sample files"
    script:
        "scripts/sample.py"


if WEIGHTS:

    rule weigh:
        input:
            **SUCCESSORS,
            sample=rules.sample.output[0],
            panel=rules.link.output.panel,
            frame_margins=CONFIG["frame_margins"],
            modules=library("weigh"),
        output:
            **WEIGHTS,
            weighting="data/processed/weighting.csv",
        log:
            "logs/weigh.log",
        params:
            settings=CONFIG["weights"],
            firm=CONFIG["study"]["firm"],
            waves=list(WAVES),
            files=SAMPLES,
        message:
            "Weighing the firms that answered"
        script:
            "scripts/weigh.py"


if HAS_ALTERS:

    rule alters:
        input:
            **SUCCESSORS,
            panel=rules.link.output.panel,
            ledger=rules.link.output.ledger,
            files=[entry["file"] for entry in LONG_FILES],
            attributes=[entry["file"] for entry in slices.list_attributes(CONFIG)],
            modules=library("alters", *(f"readers.{name}" for name in list_readers())),
        output:
            alters="data/interim/alters.parquet",
            alter_pairs="data/interim/alter_pairs.parquet",
            left_out="data/processed/alter_pairs_left_out.csv",
        log:
            "logs/alters.log",
        params:
            long_files=LONG_FILES,
            fields=STUDY.codebook_rows(table="alters"),
            settings={"study": slices.pick_keys(CONFIG), **slices.pick(CONFIG, "alters", "missing_codes")},
            marks=STUDY.marks(),
            attributes=slices.list_attributes(CONFIG),
        message:
            "Gathering partners and pairs of partners"
        script:
            "scripts/alters.py"


if "nominations" in CONFIG:

    rule nominations:
        input:
            **SUCCESSORS,
            **({"alters": rules.alters.output.alters} if "partner_key" in CONFIG["nominations"] else {}),
            panel=rules.link.output.panel,
            ledger=rules.link.output.ledger,
            files=[entry["file"] for entry in NOMINATION_FILES],
            modules=library("nominations", *(f"readers.{name}" for name in list_readers())),
        output:
            nominations="data/interim/nominations.parquet",
            left_out="data/processed/nominations_left_out.csv",
        log:
            "logs/nominations.log",
        params:
            files=NOMINATION_FILES,
            settings=slices.pick(CONFIG["nominations"], "ego", "alter", "partner_key"),
            firm=CONFIG["study"]["firm"],
            marks=STUDY.marks(),
        message:
            "Gathering nominations among respondents"
        script:
            "scripts/nominations.py"


rule score:
    input:
        **({"alters": rules.alters.output.alters, "alter_pairs": rules.alters.output.alter_pairs} if HAS_ALTERS else {}),
        **({"nominations": rules.nominations.output.nominations} if "nominations" in CONFIG else {}),
        **({"decisions": CONFIG["networks"]["decision_table"]} if "networks" in CONFIG else {}),
        **WEIGHTS,
        **SOUND,
        panel=rules.link.output.panel,
        kinds=rules.link.output.kinds,
        modules=library("score"),
    output:
        panel="data/processed/panel.parquet",
        alters="data/processed/alters.parquet",
        alter_pairs="data/processed/alter_pairs.parquet",
        networks="data/processed/networks.parquet",
        dictionary="data/processed/dictionary.csv",
        reversals="data/processed/reversals.csv",
    log:
        "logs/score.log",
    params:
        anchors=STUDY.anchor_rows(),
        codebook=STUDY.codebook_rows(table=None),
        settings=slices.slice_score(CONFIG),
    message:
        "Scoring constructs"
    script:
        "scripts/score.py"


if "imputation" in CONFIG:

    SETS = range(1, CONFIG["imputation"]["sets"] + 1)

    rule impute:
        input:
            panel=rules.score.output.panel,
            alters=rules.score.output.alters,
            kinds=rules.link.output.kinds,
            dictionary=rules.score.output.dictionary,
            modules=library("impute"),
        output:
            cells="data/interim/wave_{wave}/imputed.parquet",
            chains="data/interim/wave_{wave}/chains.csv",
            models="data/interim/wave_{wave}/imputation.csv",
        log:
            "logs/impute_{wave}.log",
        params:
            anchors=STUDY.anchor_rows(),
            codebook=lambda wildcards: STUDY.codebook_rows(int(wildcards.wave), table=None),
            settings=lambda wildcards: slices.slice_impute(CONFIG, WAVES[int(wildcards.wave)]),
        message:
            "Imputing wave {wildcards.wave}"
        script:
            "scripts/impute.py"

    rule complete:
        input:
            **{name: path for name, path in rules.score.input.items() if name not in ("modules", "sound")},
            cells=expand(rules.impute.output.cells, wave=WAVES),
            scored_panel=rules.score.output.panel,
            scored_alters=rules.score.output.alters,
            modules=library("complete"),
        output:
            panel=[f"data/processed/completed/panel/{number:02d}.parquet" for number in SETS],
            alters=[f"data/processed/completed/alters/{number:02d}.parquet" for number in SETS],
        log:
            "logs/complete.log",
        params:
            anchors=STUDY.anchor_rows(),
            codebook=STUDY.codebook_rows(table=None),
            settings=slices.slice_score(CONFIG),
        message:
            "Completing the panel"
        script:
            "scripts/complete.py"


rule export:
    input:
        panel=rules.score.output.panel,
        kinds=rules.link.output.kinds,
        dictionary=rules.score.output.dictionary,
        modules=library("export"),
    output:
        dta="data/processed/panel.dta",
        sav="data/processed/panel.sav",
    log:
        "logs/export.log",
    params:
        title=CONFIG["study"]["title"],
    message:
        "Writing the panel for Stata and SPSS"
    script:
        "scripts/export.py"


if ASSESSED:

    rule assess:
        input:
            panel=rules.score.output.panel,
            modules=library("assess"),
        output:
            ASSESSED["assessed"],
        log:
            "logs/assess.log",
        params:
            scales=[slices.pick(scale, "name", "label", "items") for scale in CONFIG["scales"]],
            settings=CONFIG["reliability_gate"],
        message:
            "Assessing how reliable the scales are"
        script:
            "scripts/assess.py"


rule fit:
    input:
        unpack(assessed_scales),
        table=fitted_table,
        completed=completed_tables,
        dictionary=rules.score.output.dictionary,
        modules=library("fit"),
    output:
        fits="data/processed/fits/{model}.json",
        by_wave="data/processed/fits_by_wave/{model}.json",
        complete="data/processed/fits_complete/{model}.json",
        by_set="data/processed/fits_by_set/{model}.jsonl",
    log:
        "logs/fit_{model}.log",
    params:
        gated=lambda wildcards: slices.list_gated(CONFIG, MODELS[wildcards.model]),
        model=lambda wildcards: slices.slice_model(CONFIG, MODELS[wildcards.model])["model"],
        sets=lambda wildcards: slices.slice_model(CONFIG, MODELS[wildcards.model])["sets"],
        samples=lambda wildcards: slices.slice_model(CONFIG, MODELS[wildcards.model])["samples"],
        by_wave=lambda wildcards: slices.list_fits_tested(CONFIG, wildcards.model),
    message:
        "Fitting {wildcards.model}"
    script:
        "scripts/fit.py"


rule predict:
    input:
        table=fitted_table,
        completed=completed_tables,
        fits=rules.fit.output.fits,
        by_set=rules.fit.output.by_set,
        modules=library("predict"),
    output:
        "data/processed/predictions/{model}.csv",
    log:
        "logs/predict_{model}.log",
    params:
        predictions=lambda wildcards: [entry for entry in CONFIG["predictions"] if entry["model"] == wildcards.model],
    message:
        "Predicting from {wildcards.model}"
    script:
        "scripts/predict.py"


rule contrast:
    input:
        table=fitted_table,
        completed=completed_tables,
        fits=rules.fit.output.fits,
        by_wave=rules.fit.output.by_wave,
        complete=rules.fit.output.complete,
        by_set=rules.fit.output.by_set,
        modules=library("contrast"),
    output:
        "data/processed/contrasts/{model}.csv",
    log:
        "logs/contrast_{model}.log",
    params:
        hypotheses=lambda wildcards: slices.slice_contrasts(CONFIG, wildcards.model),
    message:
        "Estimating contrasts of {wildcards.model}"
    script:
        "scripts/contrast.py"


if "invariance" in CONFIG:

    rule compare:
        input:
            panel=rules.score.output.panel,
            modules=library("compare"),
        output:
            verdicts="data/processed/invariance.csv",
            steps="data/processed/invariance_steps.csv",
            means="data/processed/invariance_means.csv",
        log:
            "logs/compare.log",
        params:
            scales=slices.slice_scales(CONFIG),
            settings=CONFIG["invariance"],
            firm=CONFIG["study"]["firm"],
        message:
            "Testing whether scales measure the same in every group"
        script:
            "scripts/compare.py"


rule mask:
    input:
        panel=rules.score.output.panel,
        dictionary=rules.score.output.dictionary,
        predictions=expand(rules.predict.output, model=COUNTED),
        modules=library("mask"),
    output:
        "data/processed/masks.csv",
    log:
        "logs/mask.log",
    params:
        crosstabs=[options(name) for name, exhibit in EXHIBITS.items() if exhibit["kind"] == "crosstab"],
        combinations=[options(name) for name, exhibit in EXHIBITS.items() if exhibit["kind"] == "upset"],
        minimum=slices.find_minimum(CONFIG),
    message:
        "Masking small cells"
    script:
        "scripts/mask.py"


rule collect:
    input:
        **SOUND,
        fits=fits(MODELS),
        complete=expand(rules.fit.output.complete, model=MODELS),
        predictions=expand(rules.predict.output, model=PREDICTED),
        masks=rules.mask.output[0],
        dictionary=rules.score.output.dictionary,
        modules=library("collect"),
    output:
        estimates="reports/results/estimates.csv",
        complete_cases="reports/results/complete_cases.csv",
        models="reports/results/models.csv",
        predictions="reports/results/predictions.csv",
    log:
        "logs/collect.log",
    params:
        order=[entry["id"] for entry in CONFIG.get("predictions", [])],
        minimum=slices.find_minimum(CONFIG),
    message:
        "Collecting the models' results"
    script:
        "scripts/collect.py"


rule test:
    input:
        **SOUND,
        contrasts=expand(rules.contrast.output, model=TESTED),
        modules=library("test"),
    output:
        "reports/results/hypotheses.csv",
    log:
        "logs/test.log",
    params:
        hypotheses=CONFIG.get("hypotheses", []),
        families=CONFIG.get("families", {}),
    message:
        "Testing hypotheses"
    script:
        "scripts/test.py"


rule summarize:
    input:
        unpack(sources),
        **SOUND,
        modules=lambda wildcards: library("summarize", f"exhibits.{EXHIBITS[wildcards.exhibit]['kind']}.summarize"),
    output:
        numbers="reports/results/{exhibit}.csv",
        notes="reports/results/{exhibit}.json",
    log:
        "logs/summarize_{exhibit}.log",
    params:
        kind=lambda wildcards: EXHIBITS[wildcards.exhibit]["kind"],
        options=lambda wildcards: options(wildcards.exhibit),
        waves=slices.list_waves(CONFIG),
        study=lambda wildcards: {
            **slices.pick_keys(CONFIG),
            "minimum_cell": slices.find_minimum(CONFIG),
            **(
                {"individuals": slices.shows_individuals(CONFIG)}
                if "individuals" in KINDS[EXHIBITS[wildcards.exhibit]["kind"]]["sources"]
                else {}
            ),
        },
        scales=lambda wildcards: (
            CONFIG.get("scales", []) if "scales" in KINDS[EXHIBITS[wildcards.exhibit]["kind"]]["sources"] else []
        ),
        codebook=lambda wildcards: (
            STUDY.codebook_rows() if "codebook" in KINDS[EXHIBITS[wildcards.exhibit]["kind"]]["sources"] else []
        ),
        crosswalk=lambda wildcards: (
            STUDY.crosswalk if "crosswalk" in KINDS[EXHIBITS[wildcards.exhibit]["kind"]]["sources"] else []
        ),
        marks=lambda wildcards: STUDY.marks() if "file" in EXHIBITS[wildcards.exhibit] else {},
    message:
        "Summarizing {wildcards.exhibit}"
    script:
        "scripts/summarize.py"


rule draw:
    input:
        numbers=rules.summarize.output.numbers,
        notes=rules.summarize.output.notes,
        modules=lambda wildcards: library("draw", f"exhibits.{EXHIBITS[wildcards.exhibit]['kind']}.draw"),
    output:
        svg="reports/figures/{exhibit}.svg",
        pdf="reports/figures/{exhibit}.pdf",
        png="reports/figures/{exhibit}.png",
        csv="reports/figures/{exhibit}.csv",
    log:
        "logs/draw_{exhibit}.log",
    params:
        kind=lambda wildcards: EXHIBITS[wildcards.exhibit]["kind"],
        options=lambda wildcards: options(wildcards.exhibit),
        title=lambda wildcards: EXHIBITS[wildcards.exhibit]["title"],
    message:
        "Drawing {wildcards.exhibit}"
    script:
        "scripts/draw.py"


rule typeset:
    input:
        numbers=rules.summarize.output.numbers,
        notes=rules.summarize.output.notes,
        modules=lambda wildcards: library("typeset", f"exhibits.{EXHIBITS[wildcards.exhibit]['kind']}.tabulate"),
    output:
        csv="reports/tables/{exhibit}.csv",
        html="reports/tables/{exhibit}.html",
        tex="reports/tables/{exhibit}.tex",
    log:
        "logs/typeset_{exhibit}.log",
    params:
        kind=lambda wildcards: EXHIBITS[wildcards.exhibit]["kind"],
        options=lambda wildcards: options(wildcards.exhibit),
        title=lambda wildcards: EXHIBITS[wildcards.exhibit]["title"],
    message:
        "Typesetting {wildcards.exhibit}"
    script:
        "scripts/typeset.py"


rule render:
    input:
        template=template(),
        report=[path for path in ["report.md"] if Path(path).is_file()],
        figures=expand(rules.draw.output.svg, exhibit=FIGURES),
        tables=expand(rules.typeset.output.html, exhibit=TABLES),
        notes=expand(rules.summarize.output.notes, exhibit=EXHIBITS),
        numbers=expand(rules.summarize.output.numbers, exhibit=EXHIBITS),
        results=[f"reports/results/{name}.csv" for name in RESULTS],
        ledger=rules.link.output.ledger,
        reversals=rules.score.output.reversals,
        labels=expand(rules.read.output.labels, wave=WAVES),
        raw=[wave["file"] for wave in WAVES.values() if slices.list_withheld(STUDY.protection(wave["id"]))],
        modules=library("render"),
    output:
        html="reports/report.html",
        pdf="reports/report.pdf",
    log:
        "logs/render.log",
    params:
        study={**CONFIG["study"], "minimum_cell": slices.find_minimum(CONFIG)},
        waves=slices.list_waves(CONFIG),
        exhibits=[{**exhibit, "medium": KINDS[exhibit["kind"]]["medium"]} for exhibit in EXHIBITS.values()],
        inputs=[path for path in slices.list_input_files(CONFIG) if Path(path).is_file()],
        marks=STUDY.marks(),
        withheld=[
            (slices.slice_read(wave) | {"file": wave["file"]}, slices.list_withheld(STUDY.protection(wave["id"])))
            for wave in WAVES.values()
        ],
    message:
        "Rendering the report"
    script:
        "scripts/render.py"


rule changes:
    input:
        results=[f"reports/results/{name}.csv" for name in RESULTS],
        numbers=expand(rules.summarize.output.numbers, exhibit=EXHIBITS),
        notes=expand(rules.summarize.output.notes, exhibit=EXHIBITS),
        ledger=rules.link.output.ledger,
        kept=[(KEPT / LAST_KEPT / MANIFEST).as_posix()] if LAST_KEPT else [],
        modules=library("changes"),
    output:
        cleaning="reports/results/cleaning.csv",
        manifest=f"reports/results/{MANIFEST}",
        html="reports/changes.html",
        csv="reports/changes.csv",
    log:
        "logs/changes.log",
    params:
        kept=LAST_KEPT,
    message:
        "Comparing with kept results"
    script:
        "scripts/changes.py"


onsuccess:
    from firmties.report import summarize_run

    print(summarize_run(Path.cwd()))
