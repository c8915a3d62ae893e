"""Each kind of edit reruns what depends on it, and nothing else."""

from __future__ import annotations

import pytest

from small_study import Place, copy_workflow, edited, list_jobs, replace, run_snakemake, write_study

pytestmark = pytest.mark.slow

WAVE_1 = {"Reading wave 1 from data/raw/one.csv", "Cleaning wave 1"}
WAVE_2 = {"Reading wave 2 from data/raw/two.csv", "Cleaning wave 2"}
LINKED = {"Linking 1 2 into a panel"}
SCORED = {"Scoring constructs", "Writing the panel for Stata and SPSS"}
COMPARED = {"Comparing with kept results"}
COLLECTED = {"Collecting the models' results"} | COMPARED
TESTED = {"Estimating contrasts of first", "Testing hypotheses"} | COMPARED
FIRST = {"Fitting first"} | COLLECTED | TESTED
MASKED = {"Masking small cells"}
SECOND = {"Fitting second", "Predicting from second"} | MASKED | COLLECTED
SHOWN_ESTIMATES = {"Summarizing T1", "Typesetting T1"}
SHOWN_HYPOTHESES = {"Summarizing T2", "Typesetting T2"} | COMPARED
SHOWN_FLOW = {"Summarizing F1", "Drawing F1"} | COMPARED
SHOWN_SCALES = {"Summarizing T3", "Typesetting T3"} | COMPARED
REPORT = {"Rendering the report"}
DOWN = SCORED | FIRST | SECOND | SHOWN_ESTIMATES | SHOWN_HYPOTHESES | SHOWN_FLOW | SHOWN_SCALES | REPORT


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    base = tmp_path_factory.mktemp("a place with spaces")
    workflow, study = copy_workflow(base / "the workflow"), write_study(base / "my study")
    run = run_snakemake(workflow, study)
    assert run.returncode == 0, run.stdout
    return workflow, study


def test_second_run_has_nothing_to_do(place: Place) -> None:
    assert "Nothing to be done" in run_snakemake(*place).stdout


CONFIG_EDITS = {
    "formula": (replace("formula: sector + wave", "formula: sector"), SECOND | REPORT),
    "alternative": (
        replace("alternative: greater", "alternative: less"),
        TESTED | SHOWN_HYPOTHESES | REPORT,
    ),
    "level of a family": (replace("level: 0.05", "level: 0.10"), {"Testing hypotheses"} | SHOWN_HYPOTHESES | REPORT),
    "prediction": (replace("by: [sector]", "by: [wave]"), {"Predicting from second"} | MASKED | COLLECTED | REPORT),
    "title of a table": (replace("title: Reliability", "title: How reliable"), {"Typesetting T3"} | REPORT),
    "exclusion": (replace("before >= 250", "before >= 200"), {"Cleaning wave 1", "Cleaning wave 2"} | LINKED | DOWN),
    "file of a wave": (
        replace("file: data/raw/two.csv", "file: data/raw/two.csv, delimiter: ','"),
        WAVE_2 | LINKED | DOWN,
    ),
    "derived variable": (replace("log(before)", "log(before + 1)"), DOWN),
    "title of the study": (replace("A small study", "A study"), {"Writing the panel for Stata and SPSS"} | REPORT),
}


@pytest.mark.parametrize("edit", CONFIG_EDITS)
def test_config_key(place: Place, edit: str) -> None:
    change, expected = CONFIG_EDITS[edit]
    with edited(place[1] / "config.yaml", change):
        assert list_jobs(place) == expected


def test_raw_file(place: Place) -> None:
    with edited(place[1] / "data" / "raw" / "two.csv", replace("metal", "food")):
        assert list_jobs(place) == WAVE_2 | LINKED | DOWN


def test_touched_raw_file(place: Place) -> None:
    (place[1] / "data" / "raw" / "two.csv").touch()
    assert list_jobs(place) == set()


def test_codebook_row_of_one_wave(place: Place) -> None:
    with edited(place[1] / "data" / "codebook.csv", replace("A new question", "A newer question")):
        assert list_jobs(place) == {"Cleaning wave 2"} | LINKED | DOWN


def test_anchor(place: Place) -> None:
    with edited(place[1] / "data" / "anchors.csv", replace("1.2", "1.3")):
        assert list_jobs(place) == DOWN


def test_words_of_the_report(place: Place) -> None:
    template = place[0] / "reports" / "template" / "report.css"
    with edited(template, lambda text: text + "\n/* one more rule */\n"):
        assert list_jobs(place) == REPORT


SCRIPT_EDITS = {
    "typeset.py": {"Typesetting T1", "Typesetting T2", "Typesetting T3"} | REPORT,
    "predict.py": {"Predicting from second"} | MASKED | COLLECTED | REPORT,
    "firmties/hypotheses.py": TESTED | SHOWN_HYPOTHESES | REPORT,
    "firmties/exhibits/flow/draw.py": {"Drawing F1"} | REPORT,
    "firmties/exhibits/reliability/summarize.py": SHOWN_SCALES | REPORT,
    "firmties/readers/delimited.py": WAVE_1 | WAVE_2 | LINKED | DOWN,
    "firmties/readers/stata.py": set(),
    "firmties/network_types.py": DOWN,
}


@pytest.mark.parametrize("name", SCRIPT_EDITS)
def test_script_or_module(place: Place, name: str) -> None:
    with edited(place[0] / "scripts" / name, lambda text: text + "\n# one more line\n"):
        assert list_jobs(place) == SCRIPT_EDITS[name]


def test_further_wave_leaves_earlier_waves_alone(place: Place) -> None:
    study = place[1]
    third = study / "data" / "raw" / "three.csv"
    third.write_text((study / "data" / "raw" / "two.csv").read_text().replace("r2-", "r3-"))
    codebook = replace("A new question,ordinal,agree7,,,,,2", 'A new question,ordinal,agree7,,,,,"2,3"')
    entry = replace(
        "file: data/raw/two.csv}\n", 'file: data/raw/two.csv}\n  - {id: 3, label: "2027", file: data/raw/three.csv}\n'
    )
    try:
        with edited(study / "config.yaml", entry), edited(study / "data" / "codebook.csv", codebook):
            jobs = list_jobs(place)
    finally:
        third.unlink()
    assert not jobs & WAVE_1
    assert "Reading wave 2 from data/raw/two.csv" not in jobs
