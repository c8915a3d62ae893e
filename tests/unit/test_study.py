"""A study read from its directory, and the script that checks it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from firmties.errors import StudyError
from firmties.study import inspect_study, load_study

ROOT = Path(__file__).parents[2]
CONFIG = """\
study: {title: A study, firm: firm_id}
waves:
  - {id: 1, file: data/raw/one.csv}
  - {id: 2, file: data/raw/two.csv}
scales:
  - {name: trust, items: [t1, t2]}
models:
  - {id: M1, estimator: ols, outcomes: [growth], formula: trust}
"""
CODEBOOK = """\
variable,question,type,minimum,maximum,waves
firm_id,Firm,id,,,
t1,Trust one,integer,1,7,
t2,Trust two,integer,1,7,
growth,Growth,number,,,2
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study of two waves, in a directory whose name has a space."""
    root = tmp_path / "my study"
    (root / "data" / "raw").mkdir(parents=True)
    (root / "config.yaml").write_text(CONFIG)
    (root / "data" / "codebook.csv").write_text(CODEBOOK)
    (root / "data" / "raw" / "one.csv").write_text("firm_id,t1,t2\na,1,2\n")
    (root / "data" / "raw" / "two.csv").write_text("firm_id,t1,t2,growth\na,1,2,0.5\n")
    return root


def change(path: Path, old: str, new: str) -> None:
    """Put one text in place of another."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_study_is_loaded(study: Path) -> None:
    loaded = load_study(study)
    assert (loaded.wave_ids, list(loaded.variables)) == ([1, 2], ["firm_id", "t1", "t2", "growth"])


def test_rows_of_the_codebook_by_wave(study: Path) -> None:
    assert [row["name"] for row in load_study(study).codebook_rows(1)] == ["firm_id", "t1", "t2"]


def test_a_later_wave_changes_no_row_of_an_earlier_one(study: Path) -> None:
    before = load_study(study).codebook_rows(2)
    change(study / "config.yaml", "scales:", "  - {id: 3, file: data/raw/three.csv}\nscales:")
    (study / "data" / "raw" / "three.csv").write_text("firm_id,t1,t2,growth\na,2,2,0.5\n")
    change(study / "data" / "codebook.csv", "number,,,2", "number,,,2-3")
    assert load_study(study).codebook_rows(2) == before


def test_rows_of_the_crosswalk_by_wave(study: Path) -> None:
    table = "wave,raw_name,variable,action\n1,q1,t1,rename\n*,note,,ignore\n2,q2,t2,rename\n"
    (study / "data" / "crosswalk.csv").write_text(table)
    assert [row["raw_name"] for row in load_study(study).crosswalk_rows(2)] == ["note", "q2"]


def test_anchors(study: Path) -> None:
    (study / "data" / "anchors.csv").write_text("variable,centre,spread\ntrust,4,1.5\n")
    assert load_study(study).anchor_rows() == {"trust": [4.0, 1.5]}


def test_all_problems_at_once(study: Path) -> None:
    change(study / "config.yaml", "estimator: ols", "estimator: lm")
    change(study / "config.yaml", "formula: trust", "formula: trsut")
    change(study / "data" / "codebook.csv", "Growth,number", "Growth,float")
    (study / "data" / "raw" / "two.csv").unlink()
    with pytest.raises(StudyError) as error:
        load_study(study)
    assert [problem.split(": ")[:2] for problem in error.value.problems] == [
        ["config.yaml", "models[M1].estimator"],
        ["config.yaml", "waves[2].file"],
        ["config.yaml", "models[M1].formula"],
        ["data/codebook.csv", "line 5 (growth)"],
    ]


def test_no_configuration(tmp_path: Path) -> None:
    assert inspect_study(tmp_path)[1] == [
        "config.yaml: does not exist; a study is a directory with a config.yaml (docs/configuration.md)"
    ]


def test_an_empty_configuration(study: Path) -> None:
    (study / "config.yaml").write_text("")
    assert inspect_study(study)[1] == [
        "config.yaml: is empty; it needs at least the keys study, waves (docs/configuration.md)"
    ]


def test_a_configuration_that_is_a_list(study: Path) -> None:
    (study / "config.yaml").write_text("- study\n")
    assert inspect_study(study)[1] == [
        "config.yaml: should be a group of keys (study:, waves:, …), is a list (docs/configuration.md)"
    ]


def test_a_configuration_that_is_no_yaml(study: Path) -> None:
    (study / "config.yaml").write_text("study: [\n")
    assert inspect_study(study)[1][0].startswith("config.yaml: line 2, column 1: is not valid YAML: ")


def test_a_configuration_in_another_encoding(study: Path) -> None:
    (study / "config.yaml").write_bytes("study: {title: Größe}".encode("cp1252"))
    assert inspect_study(study)[1] == ["config.yaml: is not UTF-8 (byte 18); save it as UTF-8"]


def test_no_codebook(study: Path) -> None:
    (study / "data" / "codebook.csv").unlink()
    assert inspect_study(study)[1] == ["data/codebook.csv: does not exist; every study needs it (docs/codebook.md)"]


def test_a_codebook_in_the_encoding_of_a_spreadsheet(study: Path) -> None:
    (study / "data" / "codebook.csv").write_bytes(CODEBOOK.replace("Growth", "Größe").encode("cp1252"))
    assert load_study(study).variables["growth"].question == "Größe"


def test_sections_of_the_wrong_shape_break_nothing(study: Path) -> None:
    (study / "config.yaml").write_text("study: 1\nwaves: 2\nresponse_scales: [1]\nscales: {a: 1}\nmodels: x\n")
    assert [problem.split(": ")[1] for problem in inspect_study(study)[1]] == [
        "study", "waves", "response_scales", "scales", "models",
    ]  # fmt: skip


def test_files_may_be_left_unchecked(study: Path) -> None:
    (study / "data" / "raw" / "two.csv").unlink()
    assert inspect_study(study, check_files=False)[1] == []


def test_two_waves_of_the_same_content_are_named(study: Path) -> None:
    content = (study / "data" / "raw" / "one.csv").read_bytes()
    (study / "data" / "raw" / "two.csv").write_bytes(content)
    checksum = hashlib.sha256(content).hexdigest()
    assert inspect_study(study)[1] == [
        (
            f"config.yaml: waves[2].file: 'data/raw/two.csv' ('data/raw/one.csv') has the content of wave 1, SHA-256 "
            f"{checksum}; put the export of wave 2 there, or say with where: in both waves which rows are whose"
        )
    ]


def test_one_file_named_by_two_waves_is_a_fault(study: Path) -> None:
    change(study / "config.yaml", "data/raw/two.csv", "data/raw/one.csv")
    assert inspect_study(study)[1][0].startswith(
        "config.yaml: waves[2].file: 'data/raw/one.csv' has the content of wave 1"
    )


def test_same_length_is_not_same_content(study: Path) -> None:
    (study / "data" / "raw" / "two.csv").write_text("firm_id,t1,t2\na,1,3\n")
    assert inspect_study(study)[1] == []


@pytest.mark.parametrize(
    ("one", "two", "faults"),
    [
        ("where: {t1: 1}", "where: {t1: 2}", 0),
        ("sheet: one", "sheet: two", 0),
        ("where: {t1: 1}", "where: {t1: 1}", 1),
        ("where: {t1: 1}", "decimal: '.'", 1),
        ("where: {t1: 1}, sheet: one", "where: {t1: 1}, sheet: two", 0),
    ],
)
def test_one_file_may_hold_several_waves(study: Path, one: str, two: str, faults: int) -> None:
    change(study / "config.yaml", "file: data/raw/one.csv", f"file: data/raw/one.csv, {one}")
    change(study / "config.yaml", "file: data/raw/two.csv", f"file: data/raw/one.csv, {two}")
    assert len(inspect_study(study)[1]) == faults


def test_published_numbers_must_be_there(study: Path) -> None:
    with (study / "config.yaml").open("a") as config:
        config.write("exhibits: [{id: C1, kind: comparison, title: Published and computed}]\n")
    assert inspect_study(study)[1] == [
        "data/published.csv: does not exist; the exhibit C1 (comparison) reads it (docs/codebook.md)"
    ]


def test_a_sample_file_without_dispositions(study: Path) -> None:
    change(study / "config.yaml", "file: data/raw/one.csv", "file: data/raw/one.csv, sample: data/raw/sample.csv")
    (study / "data" / "raw" / "sample.csv").write_text("firm_id,dispositon\na,I\n")
    assert inspect_study(study)[1] == [
        (
            "data/raw/sample.csv (wave 1): lacks the column 'disposition'; "
            "did you mean 'dispositon'? Allowed: firm_id, dispositon"
        )
    ]


@pytest.mark.parametrize("content", [b"PK\x03\x04\x14\0\x06\0\n", b"firm_id;disposition\na;I\n"])
def test_a_sample_file_that_is_no_csv_with_commas(study: Path, content: bytes) -> None:
    change(study / "config.yaml", "file: data/raw/one.csv", "file: data/raw/one.csv, sample: data/raw/sample.csv")
    (study / "data" / "raw" / "sample.csv").write_bytes(content)
    assert inspect_study(study)[1] == [
        "data/raw/sample.csv (wave 1): is no CSV with commas; save it as CSV in UTF-8, its cells parted by commas"
    ]


def run_check(study: Path) -> subprocess.CompletedProcess[str]:
    """Run the script."""
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "check.py"), str(study)], capture_output=True, text=True, check=False
    )


def test_the_script_counts_what_is_there(study: Path) -> None:
    done = run_check(study)
    assert (done.returncode, done.stdout, done.stderr) == (
        0, "no problems: 2 waves, 4 variables, 1 scale, 1 model, 0 hypotheses, 0 exhibits\n", "",
    )  # fmt: skip


def test_the_script_reads_what_the_files_hold(study: Path) -> None:
    change(study / "data" / "raw" / "two.csv", "a,1,2,0.5", "a,9,2,0.5")
    assert run_check(study).stdout.startswith("data/raw/two.csv (wave 2): t1: 9 outside its range 1 to 7 (data rows 1)")


def test_the_script_prints_a_line_a_problem(study: Path) -> None:
    change(study / "config.yaml", "items: [t1, t2]", "items: [t1, t3]")
    done = run_check(study)
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "config.yaml: scales[trust].items: 't3' is no variable of the codebook; allowed: firm_id, t1, t2, growth\n",
        "1 problem; nothing was run\n",
    )


def test_the_script_compares_checksums(study: Path) -> None:
    change(study / "config.yaml", "file: data/raw/one.csv", f"file: data/raw/one.csv, sha256: {'0' * 64}")
    found = hashlib.sha256((study / "data" / "raw" / "one.csv").read_bytes()).hexdigest()
    assert run_check(study).stdout == (
        f"config.yaml: waves[1].sha256: 'data/raw/one.csv' has the checksum {found}, not {'0' * 64}; "
        "it is not the file that was registered\n"
    )


def test_reading_a_study_needs_no_table_library() -> None:
    code = (
        "import sys; sys.path.insert(0, 'scripts'); from firmties.study import inspect_study; inspect_study('.');"
        "print([name for name in ('numpy', 'pandas', 'statsmodels', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_demonstration_has_no_problems() -> None:
    assert inspect_study(ROOT)[1] == []


SAMPLED = """\
  - {id: 1, file: data/raw/one.csv, sample: data/raw/sample.csv}
"""
WEIGHTS = """\
frame_margins: data/margins.csv
weights: {probability: p, rake: [size], collapse: [{variable: size, join: [tiny], into: small}]}
scales:
"""


@pytest.fixture
def weighted(study: Path) -> Path:
    """The study with a sample file, margins and weights."""
    change(study / "config.yaml", "  - {id: 1, file: data/raw/one.csv}\n", SAMPLED)
    change(study / "config.yaml", "scales:\n", WEIGHTS)
    (study / "data/raw/sample.csv").write_text("firm_id,disposition,p,size\na,I,0.5,small\n")
    (study / "data/margins.csv").write_text("wave,variable,category,count\n1,size,small,3\n1,size,tiny,2\n")
    return study


def test_weights_of_what_is_there_have_no_problems(weighted: Path) -> None:
    assert inspect_study(weighted)[1] == []


def test_a_column_that_the_sample_file_lacks(weighted: Path) -> None:
    change(weighted / "config.yaml", "probability: p,", "probability: probability,")
    assert inspect_study(weighted)[1] == [
        (
            "config.yaml: weights.probability: 'probability' is no column of data/raw/sample.csv (wave 1); "
            "allowed: firm_id, disposition, p, size"
        )
    ]


def test_a_margin_that_the_frame_lacks(weighted: Path) -> None:
    (weighted / "data/margins.csv").write_text("wave,variable,category,count\n1,sizes,small,3\n")
    assert inspect_study(weighted)[1] == [
        (
            "config.yaml: weights.rake: 'size' is no variable of data/margins.csv (wave 1); "
            "did you mean 'sizes'? Allowed: sizes"
        )
    ]


def test_a_category_to_join_that_the_frame_lacks(weighted: Path) -> None:
    change(weighted / "config.yaml", "join: [tiny]", "join: [tini]")
    assert inspect_study(weighted)[1] == [
        (
            "config.yaml: weights.collapse[size]: 'tini' is no category of data/margins.csv (wave 1); "
            "did you mean 'tiny'? Allowed: small, tiny"
        )
    ]


def test_a_wave_left_out_needs_no_column(weighted: Path) -> None:
    (weighted / "data/raw/sample.csv").write_text("firm_id,disposition\na,I\n")
    change(weighted / "config.yaml", "rake: [size],", "rake: [size], omit: [1],")
    assert inspect_study(weighted)[1] == []
