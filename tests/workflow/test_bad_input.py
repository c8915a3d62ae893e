"""Each kind of bad input stops with one message that says what to change; the last good report stays."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from small_study import ROOT, run_snakemake, write_study

pytestmark = pytest.mark.slow

Edit = Callable[[Path], None]


def replace(name: str, old: str, new: str) -> Edit:
    def edit(study: Path) -> None:
        path = study / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return edit


def overwrite(name: str, text: str) -> Edit:
    def edit(study: Path) -> None:
        (study / name).write_text(text, encoding="utf-8")

    return edit


def remove(name: str) -> Edit:
    return lambda study: (study / name).unlink()


def append(name: str, text: str) -> Edit:
    def edit(study: Path) -> None:
        path = study / name
        path.write_text((path.read_text(encoding="utf-8") if path.is_file() else "") + text, encoding="utf-8")

    return edit


def cut_off(name: str, text: str) -> Edit:
    """Cut a file off in its last line and put a text there."""

    def edit(study: Path) -> None:
        path = study / name
        content = path.read_text(encoding="utf-8").rstrip("\n")
        path.write_text(content[: content.rindex("\n") + 1] + text, encoding="utf-8")

    return edit


def widen(study: Path) -> None:
    table = pd.read_csv(study / RAW)
    more = pd.DataFrame(1, index=table.index, columns=[f"q{number}" for number in range(40_000)])
    pd.concat([table, more], axis=1).to_csv(study / RAW, index=False)


def register_again(study: Path) -> None:
    """Wave 2 exported once more, with its rows in another order, as wave 3."""
    header, *rows = (study / RAW).read_text(encoding="utf-8").splitlines()
    (study / "data/raw/three.csv").write_text("\n".join([header, *reversed(rows)]), encoding="utf-8")
    entry = "file: data/raw/two.csv}\n"
    replace("config.yaml", entry, entry + "  - {id: 3, file: data/raw/three.csv}\n")(study)
    replace("data/codebook.csv", "A new question,ordinal,agree7,,,,,2", "A new question,ordinal,agree7,,,,,2-3")(study)


RAW = "data/raw/two.csv"
CROSSWALK = "wave,raw_name,variable,raw_code,code,factor,action,reason\n"
FIRST_ROW = "r2-0,f00,"
FAULTS: dict[str, tuple[Edit, str]] = {
    "missing file": (remove(RAW), "waves[2].file: 'data/raw/two.csv' does not exist"),
    "empty file": (overwrite(RAW, ""), "data/raw/two.csv (wave 2): the file is empty (0 bytes)"),
    "header alone": (overwrite(RAW, "resp,firm\n"), "data/raw/two.csv (wave 2): holds a header but no responses"),
    "not its wave": (
        overwrite(RAW, "a,b\n1,2\n"),
        "data/raw/two.csv (wave 2): no column for variable 'firm', which data/codebook.csv says wave 2 asked",
    ),
    "unknown column": (
        replace(RAW, "t3,new", "t3,knew"),
        "data/raw/two.csv (wave 2): column 'knew' is not in data/codebook.csv for wave 2; add a row there, or",
    ),
    "unknown code": (
        replace(RAW, ",metal,", ",metall,"),
        "in data/crosswalk.csv; did you mean 'metal'? Allowed: food, metal (data row 1)",
    ),
    "code outside its range": (
        lambda study: pd.read_csv(study / RAW).assign(t1=9).to_csv(study / RAW, index=False),
        "data/raw/two.csv (wave 2): t1: '9' is no code of this variable",
    ),
    "number outside its range": (
        replace("data/codebook.csv", "now,Staff now,number,,,0,1000", "now,Staff now,number,,,0,20"),
        "outside its range 0 to 20 (data rows",
    ),
    "duplicated response": (
        replace(RAW, "r2-1,", "r2-0,"),
        "data/raw/two.csv (wave 2): the response key 'resp' is not unique: r2-0 (data rows 1, 2)",
    ),
    "duplicated firm": (
        replace(RAW, "r2-1,f01", "r2-1,f00"),
        "data/raw/two.csv (wave 2): 1 firms have more than one response: f00",
    ),
    "unknown name in a formula": (
        replace("config.yaml", "formula: sector + wave", "formula: sectr + wave"),
        "'sectr' is no variable of the table panel and no set; did you mean 'sector'?",
    ),
    "code in a formula": (
        replace("config.yaml", "formula: sector + wave", "formula: \"__import__('os').getcwd() + wave\""),
        "config.yaml: models[second].formula:",
    ),
    "typo in a key": (
        replace("config.yaml", "estimator: ols", "estimater: ols"),
        "did you mean 'estimator'",
    ),
    "last row cut off": (
        cut_off(RAW, "r2-59,f5"),
        "line 61 has 2 cells, the header has 9; it is the last line, so the file seems cut off: export it again",
    ),
    "quoted cell that never ends": (
        cut_off(RAW, 'r2-59,"f5'),
        "line 61: a quoted cell begins there and never ends: the file is cut off or lost a quote; export it again",
    ),
    "wave twice": (
        replace(
            "config.yaml",
            "file: data/raw/two.csv}\n",
            "file: data/raw/two.csv}\n  - {id: 2, file: data/raw/two.csv}\n",
        ),
        "config.yaml: waves[2].id: '2' is there twice; each id stands once",
    ),
    "two exports of a wave": (
        register_again,
        "60 keys come again, 'r2-0' in waves 2, 3; was a wave's file registered twice?",
    ),
    "variable in two rows": (
        append("data/codebook.csv", "now,Staff again,number,,,0,1000,,\n"),
        "data/codebook.csv: line 11 (now): variable: is already on line 4; each variable has one row",
    ),
    "code in two labels": (
        replace("data/codebook.csv", "food=Food|metal=Metal", "food=Food|food=Metal"),
        "data/codebook.csv: line 6 (sector): codes: the code 'food' is listed twice",
    ),
    "point of a scale with two labels": (
        replace("config.yaml", "7: agree}", "7: agree, 7: strongly agree}"),
        "config.yaml: line 4: the key '7' is already on line 4; each key stands once",
    ),
    "two columns to one variable": (
        append("data/crosswalk.csv", CROSSWALK + "2,a,now,,,,rename,\n2,b,now,,,,rename,\n"),
        "data/crosswalk.csv: line 3: variable: wave 2 already renames 'now' on line 2",
    ),
    "40,000 columns": (widen, "- and 39,950 more"),
    "missing anchor": (
        overwrite("data/anchors.csv", "variable,centre,spread,wave,note\nother,4,1.2,1,fixed\n"),
        "data/anchors.csv: line 2",
    ),
}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = write_study(tmp_path_factory.mktemp("bad input") / "study")
    run = run_snakemake(ROOT, study)
    assert run.returncode == 0, run.stdout
    return study


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_stops_the_run_and_keeps_the_report(good: Path, fault: str) -> None:
    names = ("config.yaml", "data/codebook.csv", "data/crosswalk.csv", "data/anchors.csv", RAW)
    before = {name: (good / name).read_bytes() for name in names if (good / name).is_file()}
    report = (good / "reports" / "report.pdf").stat().st_mtime_ns
    edit, message = FAULTS[fault]
    try:
        edit(good)
        run = run_snakemake(ROOT, good)
    finally:
        for name in names:
            if name in before:
                (good / name).write_bytes(before[name])
            else:
                (good / name).unlink(missing_ok=True)
    assert run.returncode != 0
    assert message in run.stdout, run.stdout
    assert "Traceback" not in run.stdout.partition("Logfile")[0]
    assert (good / "reports" / "report.pdf").stat().st_mtime_ns == report


UNFITTABLE = {
    "constant outcome": ("outcomes: [ln_before]", "outcomes: [always]", "always"),
    "rank-deficient design": ("formula: sector + wave", "formula: sector + wave + growth + twice", "rank-deficient"),
    "empty sample": ("formula: sector + wave", "samples: [nobody], formula: sector + wave", "nobody"),
}


@pytest.mark.parametrize("case", UNFITTABLE)
def test_model_that_the_data_cannot_carry_is_reported_and_the_run_goes_on(tmp_path: Path, case: str) -> None:
    study = write_study(tmp_path / "a study")
    old, new, reason = UNFITTABLE[case]
    replace("config.yaml", old, new)(study)
    replace(
        "config.yaml",
        "outcome: ln_before, by",
        f"outcome: {'always' if case == 'constant outcome' else 'ln_before'}, by",
    )(study)
    replace(
        "config.yaml",
        "sets: {",
        "samples: {nobody: 'before > 5000'}\nsets: {",
    )(study)
    replace(
        "config.yaml",
        '  - {name: ln_before, label: ln staff, value: "log(before)"}\n',
        '  - {name: ln_before, label: ln staff, value: "log(before)"}\n'
        "  - {name: twice, label: twice, value: '2 * growth + 1'}\n"
        "  - {name: always, label: always, value: '0 * now + 1'}\n",
    )(study)
    run = run_snakemake(ROOT, study)
    assert run.returncode == 0, run.stdout
    models = pd.read_csv(study / "reports" / "results" / "models.csv").set_index("model")
    assert models.loc["second", "status"] == "failed"
    assert reason in models.loc["second", "reason"]
    assert reason in run.stdout
    assert reason in (study / "reports" / "report.html").read_text(encoding="utf-8")


MARKUP = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study whose label is markup, and whose code is a formula, in file and codebook."""
    study = write_study(tmp_path_factory.mktemp("hostile") / "study")
    text = (study / "data/codebook.csv").read_text(encoding="utf-8")
    codes = f"food={MARKUP}|+1+cmd=@SUM(A1)"
    (study / "data/codebook.csv").write_text(text.replace("food=Food|metal=Metal", codes), encoding="utf-8")
    for name in ("one", "two"):
        path = study / f"data/raw/{name}.csv"
        path.write_text(path.read_text(encoding="utf-8").replace(",metal,", ",+1+cmd,"), encoding="utf-8")
    with (study / "config.yaml").open("a", encoding="utf-8") as file:
        file.write("  - {id: A1, kind: topline, title: Every question}\n")
        file.write("  - {id: F6, kind: crosstab, title: Sectors, rows: sector, columns: wave}\n")
    run = run_snakemake(ROOT, study)
    assert run.returncode == 0, run.stdout
    return study


def test_markup_of_a_label_is_text_on_every_page(hostile: Path) -> None:
    pages = [path.read_text(encoding="utf-8") for path in (hostile / "reports").rglob("*.html")]
    assert not [page for page in pages if MARKUP in page]
    assert [page for page in pages if "&lt;script&gt;" in page]


def test_no_cell_for_readers_is_run_by_a_spreadsheet(hostile: Path) -> None:
    tables = [*(hostile / "reports/tables").glob("*.csv"), *(hostile / "reports/figures").glob("*.csv")]
    cells = [cell for path in tables for row in csv.reader(path.open(encoding="utf-8")) for cell in row]
    assert not [cell for cell in cells if re.match(r"[=+@]|-[^\d.]", cell)]
    assert [cell for cell in cells if cell.startswith(("'+1", "'@SUM"))]


def test_values_stay_as_they_came(hostile: Path) -> None:
    panel = pd.read_parquet(hostile / "data/processed/panel.parquet")
    assert set(panel["sector"]) == {"food", "+1+cmd"}
