"""A wave of the demonstration is added to a study of the others, and taken back; faulty ones are stopped."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import add_wave
from firmties.codebook import decode_text, parse_codebook, parse_crosswalk
from firmties.study import load_study
from small_study import copy_workflow, freeze, list_moved, photograph, run_snakemake
from wave_studies import ROOT, add, find_to_come, list_arguments, make_study, read_page, read_rows

pytestmark = pytest.mark.slow

Table = list[dict[str, str]]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Waves 1 to 3; tests that only look may share it."""
    return make_study(tmp_path_factory.mktemp("waves") / "study", [1, 2, 3])


def take_picture(folder: Path) -> dict[str, str]:
    """Checksum of every file of a study but pages, results and what a run makes."""
    made = ("reports", "data/interim", "data/processed", "logs", ".snakemake")
    paths = [path for path in folder.rglob("*") if path.is_file()]
    named = {path.relative_to(folder).as_posix(): path for path in paths}
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in sorted(named.items())
        if not name.startswith(made)
    }


def change_export(study: Path, target: Path, change: Callable[[Table], None], by_variable: bool = True) -> Path:
    """Write wave 4's export with a change; columns go by their variable while it is made."""
    come = find_to_come(study)
    text = (come / "wave4.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text), delimiter=";"))
    names = {
        row["raw_name"]: row["variable"] for row in read_rows(come / "crosswalk_4.csv") if row["action"] == "rename"
    }
    table = [{names.get(name, name): cell for name, cell in row.items()} for row in rows]
    change(table)
    back = {variable: raw for raw, variable in names.items()}
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\n")
        writer.writerow([back.get(name, name) for name in table[0]])
        writer.writerows(row.values() for row in table)
    return target


def add_column(name: str) -> Callable[[Table], None]:
    def change(table: Table) -> None:
        for row in table:
            row[name] = "3"

    return change


def unknown_code(table: Table) -> None:
    table[6]["sector"] = "99"


def change_numbers(variable: str, function: Callable[[float], float]) -> Callable[[Table], None]:
    def change(table: Table) -> None:
        for row in table:
            if row[variable] and float(row[variable]) >= 0:
                row[variable] = (
                    f"{function(float(row[variable])):g}"
                    if variable != "sales_now"
                    else f"{function(float(row[variable])):.0f}"
                )

    return change


FAULTS = {
    "unmapped column": (add_column("mood"), "1 Columns and types", "column 'mood' is not in the codebook"),
    "unknown code": (unknown_code, "3 Codes, ranges and response scales", "sector: '99' is no code of this variable"),
    "doubled reversal": (
        change_numbers("nc3", lambda x: 8 - x),
        "9 Reverse-keyed items",
        "nc3: correlates -0.",
    ),
    "unit of 1000": (
        change_numbers("sales_now", lambda x: x * 1000),
        "8 Units",
        "as if thousands and single units were mistaken; if so, add to data/crosswalk.csv: multiply sales_now by 0.001",
    ),
    "five points as seven": (
        change_numbers("rc2", lambda x: round(1 + (x - 1) * 4 / 6)),
        "3 Codes, ranges and response scales",
        "rc2: response scale: answers end at 5 of 7",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_stops_with_its_own_message(study: Path, tmp_path: Path, fault: str) -> None:
    change, check, message = FAULTS[fault]
    before = take_picture(study)
    assert add(study, 4, "--write", file=change_export(study, tmp_path / "wave4.csv", change)) == 1
    page = read_page(study, 4)
    stops = page.partition("Stops\n")[2].partition("\nWarnings\n")[0]
    assert check in stops
    assert message in stops
    assert take_picture(study) == before


def test_only_the_fault_is_stopped(study: Path, tmp_path: Path) -> None:
    add(study, 4, file=change_export(study, tmp_path / "wave4.csv", unknown_code))
    assert "1 stop," in read_page(study, 4)


def test_markup_of_the_file_is_no_markup_of_the_page(study: Path, tmp_path: Path) -> None:
    tag = "<script>alert(1)</script>"
    assert add(study, 4, file=change_export(study, tmp_path / "wave4.csv", add_column(tag))) == 1
    page = read_page(study, 4, "html")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert not re.search(r"(src|href)=|url\(|@import", page)


def test_honest_waves_are_not_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = make_study(tmp_path / "study", [1])
    for wave in (2,):
        assert add(study, wave, "--write") == 0
    others = make_study(tmp_path / "others", [1, 2])
    assert add(others, 3, "--write") == 0
    warnings = [line for line in capsys.readouterr().out.splitlines() if line.startswith("warning")]
    checks = sorted({line.split()[1] for line in warnings})
    # A few items drift in truth (years a partner is known), questions end, and nobody has yet written the margins.
    assert set(checks) <= {"1", "10", "12"}


@pytest.fixture(scope="module")
def there_and_back(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a run of waves 1 to 3 leaves, then one with wave 4, then one without it again; the jobs of the second."""
    place = tmp_path_factory.mktemp("there and back")
    workflow, study = copy_workflow(place / "workflow"), make_study(place / "study", [1, 2, 3])
    found: dict[str, Any] = {"picture": take_picture(study)}

    def run(name: str) -> str:
        ended = run_snakemake(workflow, study)
        assert ended.returncode == 0, ended.stdout
        found[name] = freeze(study, [1, 2, 3])
        found[f"{name}: all"] = photograph(study)
        return ended.stdout

    run("before")
    assert add(study, 4, "--write") == 0
    found["jobs"] = sorted(re.findall(r"^Job \d+: (.*)$", run("with wave 4"), flags=re.MULTILINE))
    assert add_wave.main(["--study", str(study), "--remove", "4"]) == 0
    found["picture after"] = take_picture(study)
    run("after")
    return found


def test_further_wave_leaves_the_work_on_earlier_ones_alone(
    there_and_back: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = there_and_back["jobs"]
    with capsys.disabled():
        print(f"\nwave 4 added to waves 1-3: {len(jobs)} jobs run")
        print("\n".join(f"  {job}" for job in jobs))
    assert [job for job in jobs if re.match(r"(Reading|Cleaning) wave", job)] == [
        "Cleaning wave 4",
        "Reading wave 4 from data/raw/wave4.csv",
    ]


def test_further_wave_moves_nothing_of_the_earlier_ones(there_and_back: dict[str, Any]) -> None:
    assert list_moved(there_and_back["before"], there_and_back["with wave 4"]) == []


def test_frozen_tables_hold_scores_and_networks(there_and_back: dict[str, Any]) -> None:
    assert {f"data/processed/{name}.parquet" for name in ("panel", "alters", "alter_pairs", "networks")} <= set(
        there_and_back["before"]
    )


def test_taking_back_restores_the_study(there_and_back: dict[str, Any]) -> None:
    assert there_and_back["picture after"] == there_and_back["picture"]


def test_wave_taken_back_leaves_data_and_reports_as_they_were(there_and_back: dict[str, Any]) -> None:
    assert there_and_back["after: all"] == there_and_back["before: all"]


def test_adding_twice_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = make_study(tmp_path / "study", [1, 2, 3])
    assert add(study, 4, "--write") == 0
    picture = take_picture(study)
    assert add(study, 4, "--write") == 0
    assert "is already wave 4" in capsys.readouterr().out
    assert take_picture(study) == picture


def test_second_export_of_the_same_wave_is_stopped(tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", [1, 2, 3])
    assert add(study, 4, "--write") == 0

    def drop_last(table: Table) -> None:
        del table[-40:]

    file = change_export(study, tmp_path / "wave4 again.csv", drop_last)
    arguments = list_arguments(study, 4, file=file)
    rows = read_rows(find_to_come(study) / "crosswalk_4.csv")
    again = tmp_path / "crosswalk_5.csv"
    again.write_text(
        "\n".join([",".join(rows[0]), *(",".join(f'"{c}"' for c in {**row, "wave": "5"}.values()) for row in rows)]),
        encoding="utf-8",
    )
    arguments[arguments.index("--id") + 1] = "5"
    arguments[arguments.index("--crosswalk") + 1] = str(again)
    assert "--codebook" not in arguments
    assert add_wave.main(arguments) == 1
    assert "response keys are those of wave 4" in read_page(study, 5)


def test_edited_files_are_not_taken_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = make_study(tmp_path / "study", [1, 2, 3])
    assert add(study, 4, "--write") == 0
    with (study / "config.yaml").open("a", encoding="utf-8") as file:
        file.write("# a remark\n")
    picture = take_picture(study)
    assert add_wave.main(["--study", str(study), "--remove", "4"]) == 1
    assert "config.yaml: was edited since wave 4 was added" in capsys.readouterr().err
    assert take_picture(study) == picture


def test_earlier_wave_needs_the_switch_and_ends_as_in_the_usual_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    usual = make_study(tmp_path / "usual", [1, 2])
    assert add(usual, 3, "--write") == 0
    assert add(usual, 4, "--write") == 0
    late = make_study(tmp_path / "late", [1, 2])
    assert add(late, 4, "--write") == 0
    picture = take_picture(late)
    assert add(late, 3, "--write") == 1
    assert "say so with --insert" in capsys.readouterr().err
    assert take_picture(late) == picture
    assert add(late, 3, "--write", "--insert") == 0
    assert "The wave lies before others" in read_page(late, 3)
    first, second = load_study(usual), load_study(late)
    assert first.config == second.config
    assert {name: v.waves or (1, 2, 3, 4) for name, v in first.variables.items()} == {
        name: v.waves or (1, 2, 3, 4) for name, v in second.variables.items()
    }
    assert [first.crosswalk_rows(wave) for wave in (3, 4)] == [second.crosswalk_rows(wave) for wave in (3, 4)]


def test_truncated_file_is_refused(study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = (find_to_come(study) / "wave4.csv").read_bytes()
    (tmp_path / "wave4.csv").write_bytes(content[: len(content) // 2])
    picture = take_picture(study)
    assert add(study, 4, "--write", file=tmp_path / "wave4.csv") == 1
    assert "wave4.csv (wave 4)" in capsys.readouterr().err
    assert take_picture(study) == picture


def test_two_columns_to_one_variable_are_refused(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (find_to_come(study) / "crosswalk_4.csv").read_text(encoding="utf-8")
    (tmp_path / "crosswalk.csv").write_text(text + "4,UserLanguage,emp_now,,,,rename,\n", encoding="utf-8")
    arguments = list_arguments(study, 4, "--write")
    arguments[arguments.index("--crosswalk") + 1] = str(tmp_path / "crosswalk.csv")
    assert add_wave.main(arguments) == 1
    assert "already renames 'emp_now'" in capsys.readouterr().err


def test_drafts_can_be_given_back(study: Path, tmp_path: Path) -> None:
    file = change_export(study, tmp_path / "wave4.csv", add_column("mood"))
    assert add(study, 4, file=file) == 1
    drafted = study / "reports/waves/wave_4_codebook.csv"
    assert [row["variable"] for row in read_rows(drafted)] == ["pro2_v2", "mood"]
    arguments = list_arguments(study, 4, file=file)
    arguments[arguments.index("--codebook") + 1] = str(drafted)
    assert add_wave.main(arguments) == 0
    variables, _ = parse_codebook(decode_text((ROOT / "data/codebook.csv").read_bytes()))
    known = {name: replace(variable, codes={}) for name, variable in variables.items()}
    rows, problems = parse_crosswalk(
        decode_text((study / "reports/waves/wave_4_crosswalk.csv").read_bytes()), known, [1, 2, 3, 4]
    )
    assert problems == []
    assert len(rows) == len(read_rows(find_to_come(study) / "crosswalk_4.csv"))
