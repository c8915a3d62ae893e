"""Further waves of a small study: what moves, what does not, and what a wave with gaps or few answers brings about."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import add_wave
from small_study import ROOT, draw_wave, freeze, list_moved, photograph, run_snakemake, write_study

pytestmark = pytest.mark.slow

FIRMS = 60
EXHIBITS = """\
  - {id: A1, kind: topline, title: Every question}
  - {id: F4, kind: missingness, title: What is missing, by: variable}
"""


def write_export(folder: Path, number: int, change: Callable[[pd.DataFrame], pd.DataFrame] | None = None) -> Path:
    """Write a wave of the small study; from wave 3 on it is drawn as wave 2 was."""
    table = draw_wave(number, FIRMS)
    path = folder / f"export_{number}.csv"
    (table if change is None else change(table)).to_csv(path, index=False)
    return path


def add(study: Path, export: Path) -> None:
    assert add_wave.main([str(export), "--study", str(study), "--write"]) == 0


def remove(study: Path, number: int) -> None:
    assert add_wave.main(["--study", str(study), "--remove", str(number)]) == 0


def run(study: Path) -> set[str]:
    ended = run_snakemake(ROOT, study)
    assert ended.returncode == 0, ended.stdout
    return set(re.findall(r"^Job \d+: (.*)$", ended.stdout, flags=re.MULTILINE))


def copy(study: Path, target: Path) -> Path:
    """Copy a study as it was run, with the times of its files."""
    return Path(shutil.copytree(study, target))


def read_fits(study: Path, name: str = "fits") -> list[dict[str, Any]]:
    fits: list[dict[str, Any]] = json.loads((study / f"data/processed/{name}/first.json").read_text(encoding="utf-8"))
    return fits


def read_result(study: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(study / f"reports/results/{name}.csv", dtype="str", keep_default_na=False)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Waves 1 to 3, run."""
    base = tmp_path_factory.mktemp("waves")
    study = write_study(base / "three")
    with (study / "config.yaml").open("a", encoding="utf-8") as file:
        file.write(EXHIBITS)
    add(study, write_export(base, 3))
    run(study)
    return study


@pytest.fixture(scope="module")
def grown(three: Path) -> tuple[Path, set[str]]:
    """The study with wave 4, run, and the jobs that ran."""
    study = copy(three, three.parent / "grown")
    add(study, write_export(three.parent, 4))
    return study, run(study)


@pytest.fixture(scope="module")
def four(grown: tuple[Path, set[str]]) -> Path:
    return grown[0]


def make_five(four: Path, name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Path:
    """The study with a fifth wave, changed before it comes in."""
    study = copy(four, four.parent / name)
    folder = four.parent / f"{name} exports"
    folder.mkdir()
    add(study, write_export(folder, 5, change))
    run(study)
    return study


# --- one more wave, and none more (a, h) ---------------------------------------------------------------------------


def test_further_wave_moves_nothing_of_the_earlier_ones(three: Path, four: Path) -> None:
    assert list_moved(freeze(three, [1, 2, 3]), freeze(four, [1, 2, 3])) == []


def test_what_is_frozen_is_there(three: Path) -> None:
    names = set(freeze(three, [1, 2, 3]))
    assert {
        "data/raw/one.csv",
        "data/anchors.csv",
        "data/interim/wave_1/clean.parquet",
        "data/interim/wave_1/flags.parquet",
        "data/interim/wave_1/ledger.csv",
        "data/processed/panel.parquet",
        "data/processed/ledger.csv",
        "reports/results/A1.csv",
        "reports/results/F1.csv",
        "first.json: growth  wave 1",
    } <= names


OWN_JOBS = {"Reading wave 4 from data/raw/export_4.csv", "Cleaning wave 4"}
POOLING_JOBS = {
    "Linking 1 2 3 4 into a panel",
    "Scoring constructs",
    "Masking small cells",
    "Writing the panel for Stata and SPSS",
    *("Fitting first", "Fitting second", "Predicting from second", "Collecting the models' results"),
    *("Estimating contrasts of first", "Testing hypotheses"),
    *("Summarizing F1", "Drawing F1", "Summarizing F4", "Drawing F4", "Summarizing A1", "Typesetting A1"),
    *("Summarizing T1", "Typesetting T1", "Summarizing T2", "Typesetting T2", "Summarizing T3", "Typesetting T3"),
    "Rendering the report",
    "Comparing with kept results",
}


def test_further_wave_runs_its_own_jobs_and_what_pools_waves(
    grown: tuple[Path, set[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        print("\n" + "\n".join(sorted(grown[1])))
    assert grown[1] == OWN_JOBS | POOLING_JOBS


def test_wave_taken_back_leaves_everything_as_it_was(three: Path, four: Path) -> None:
    study = copy(four, four.parent / "taken back")
    remove(study, 4)
    run(study)
    assert photograph(study) == photograph(three)


# --- a wave without effects (e) ------------------------------------------------------------------------------------


def without_effects(table: pd.DataFrame) -> pd.DataFrame:
    """Wave 4 with new keys of its responses and no effect: staff and answers come from different firms.

    The answers of a firm stay together, so every distribution and every correlation within the staff's numbers and
    within the answers is wave 4's; only what ties growth to trust is gone.
    """
    copied = draw_wave(4, FIRMS)
    order = np.random.default_rng(5).permutation(len(copied))
    items = ["t1", "t2", "t3", "new"]
    return copied.assign(**{name: copied[name].to_numpy()[order] for name in items}, resp=table["resp"])


@pytest.fixture(scope="module")
def zero(four: Path) -> Path:
    return make_five(four, "zero", without_effects)


def weigh_waves(study: Path) -> tuple[np.ndarray, list[np.ndarray]]:
    """Slopes of trust and size of each wave, and each wave's information on them: X'X about the wave's means."""
    panel = pd.read_parquet(study / "data/processed/panel.parquet")
    rows = panel.dropna(subset=["growth", "trust_z", "ln_before"])
    slopes, information = [], []
    for _, wave in rows.groupby("wave"):
        x = wave[["trust_z", "ln_before"]].to_numpy(dtype=float)
        x, y = x - x.mean(axis=0), wave["growth"].to_numpy(dtype=float)
        information.append(x.T @ x)
        slopes.append(np.linalg.solve(x.T @ x, x.T @ (y - y.mean())))
    return np.array(slopes), information


def pooled(study: Path) -> np.ndarray:
    fit = read_fits(study)[0]
    return np.array([fit["params"][fit["terms"].index(name)] for name in ("trust_z", "ln_before")])


def test_pooled_estimate_is_the_waves_mean_weighted_by_information(zero: Path) -> None:
    # With intercepts by wave, least squares over all waves is exactly this mean.
    slopes, information = weigh_waves(zero)
    mean = np.linalg.solve(sum(information), sum(i @ s for i, s in zip(information, slopes, strict=True)))
    assert pooled(zero) == pytest.approx(mean, rel=1e-9)


def test_wave_without_effects_pulls_the_estimate_down_by_its_share(
    four: Path, zero: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, information = weigh_waves(zero)
    # Trust's information given size: one over the first diagonal element of the inverse.
    weights = np.array([1 / np.linalg.inv(part)[0, 0] for part in information])
    share = weights[4] / weights.sum()
    before, after = pooled(four)[0], pooled(zero)[0]
    # Wave 5's own slope is 0 but for chance, so the pooled one moves by `share` of itself, give or take wave 5's
    # standard error times that share; 3 of these fail an honest draw in 1 of 370 cases, and the draw is fixed.
    own = read_fits(zero, "fits_by_wave")[4]
    error = np.sqrt(own["cov"][own["terms"].index("trust_z")][own["terms"].index("trust_z")])
    with capsys.disabled():
        print(f"\npooled slope {before:.4f} -> {after:.4f}; expected {(1 - share) * before:.4f}, share {share:.3f}")
    assert abs(after - (1 - share) * before) <= 3 * share * error
    # Far more than chance: without the pull it would stand where it stood.
    assert before - after > 3 * share * error


def test_wave_without_effects_moves_no_earlier_wave(four: Path, zero: Path) -> None:
    assert list_moved(freeze(four, [1, 2, 3, 4]), freeze(zero, [1, 2, 3, 4])) == []


# --- a wave that lacks a scale (f) ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gap(four: Path) -> Path:
    return make_five(four, "gap", lambda table: table.drop(columns=["t1", "t2", "t3"]))


def test_model_runs_without_the_wave_that_lacks_its_scale(four: Path, gap: Path) -> None:
    before, after = read_fits(four)[0], read_fits(gap)[0]
    assert (after["status"], after["n_obs"]) == ("fitted", before["n_obs"])


def test_estimates_are_those_of_the_waves_that_have_the_scale(four: Path, gap: Path) -> None:
    assert read_fits(gap)[0]["params"] == pytest.approx(read_fits(four)[0]["params"], rel=1e-9)


def test_other_model_uses_the_wave(four: Path, gap: Path) -> None:
    models = [read_result(study, "models").set_index("model") for study in (four, gap)]
    assert int(models[1].loc["second", "n_obs"]) == int(models[0].loc["second", "n_obs"]) + FIRMS


def test_topline_marks_the_gap(gap: Path) -> None:
    topline = read_result(gap, "A1")
    assert set(topline.loc[(topline["wave"] == "5") & (topline["question"].str.startswith("t")), "part"]) == {
        "not asked"
    }


def test_table_of_the_model_says_which_wave_it_lacks(gap: Path) -> None:
    html = (gap / "reports/tables/T1.html").read_text(encoding="utf-8")
    assert "no response of wave 5 has every variable of the model" in html


def test_sign_of_the_wave_is_unknown(gap: Path) -> None:
    assert read_result(gap, "hypotheses")["signs"].iloc[0].count("+") == 4


# --- a wave with few respondents (g) -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def few(four: Path) -> Path:
    return make_five(four, "few", lambda table: table.head(12))


def test_wave_of_twelve_is_not_estimated_alone(few: Path) -> None:
    fit = read_fits(few, "fits_by_wave")[4]
    assert (fit["wave"], fit["status"], fit["params"]) == (5, "failed", [])


def test_reason_stands_beneath_the_table(few: Path) -> None:
    html = (few / "reports/tables/T2.html").read_text(encoding="utf-8")
    assert "5: 12 respondents; fewer than 30 are not judged alone" in html


def test_pooled_model_counts_the_twelve(four: Path, few: Path) -> None:
    before, after = read_fits(four)[0], read_fits(few)[0]
    assert (after["status"], after["n_obs"]) == ("fitted", before["n_obs"] + 12)


def test_wave_of_twelve_moves_no_earlier_wave(four: Path, few: Path) -> None:
    assert list_moved(freeze(four, [1, 2, 3, 4]), freeze(few, [1, 2, 3, 4])) == []
