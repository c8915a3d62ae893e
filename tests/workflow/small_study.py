"""A small study of two waves, and a copy of the workflow that a test may edit."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from firmties.provenance import compute_checksum

ROOT = Path(__file__).parents[2]

Place = tuple[Path, Path]
"""Where the workflow is, and the study."""

CONFIG = """\
study: {title: A small study, firm: firm, response: resp}
missing_codes: {"-98": dont_know, "-99": refused}
response_scales:
  agree7: {minimum: 1, maximum: 7, labels: {1: disagree, 7: agree}}
waves:
  - {id: 1, label: "2025", file: data/raw/one.csv}
  - {id: 2, label: "2026", file: data/raw/two.csv}
cleaning:
  exclude:
    - {rule: not eligible, when: "before >= 250"}
scales:
  - {name: trust, label: Trust, items: [t1, t2, t3], anchor: true}
derived:
  - {name: growth, label: Growth, value: "dhs(now, before)"}
  - {name: ln_before, label: ln staff, value: "log(before)"}
sets: {controls: ln_before + wave}
models:
  - id: first
    title: Growth
    estimator: ols
    outcomes: [growth]
    formula: trust_z + controls
    covariance: {type: cluster, by: firm}
  - {id: second, title: Size, estimator: ols, outcomes: [ln_before], formula: sector + wave, covariance: {type: HC3}}
predictions:
  - {id: by_sector, model: second, outcome: ln_before, by: [sector]}
families:
  main: {adjust: holm, level: 0.05}
hypotheses:
  - id: H1
    family: main
    claim: Trust goes with growth
    components:
      - {name: growth, model: first, outcome: growth, contrast: slope(trust_z), alternative: greater}
exhibits:
  - {id: F1, kind: flow, title: The way of the responses, model: first}
  - {id: T1, kind: regression, title: Growth, model: first, show: [trust_z]}
  - {id: T2, kind: hypotheses, title: The hypothesis}
  - {id: T3, kind: reliability, title: Reliability, scales: all}
"""

CODEBOOK = """\
variable,question,type,scale,codes,minimum,maximum,reverse,waves
resp,Response,id,,,,,,
firm,Firm,id,,,,,,
now,Staff now,number,,,0,1000,,
before,Staff a year ago,number,,,0,1000,,
sector,Sector,category,,food=Food|metal=Metal,,,,
t1,We take their word.,ordinal,agree7,,,,,
t2,Help comes back.,ordinal,agree7,,,,,
t3,At arm's length.,ordinal,agree7,,,,1,
new,A new question,ordinal,agree7,,,,,2
"""

ANCHORS = "variable,centre,spread,wave,note\ntrust,4,1.2,1,fixed\n"


def draw_wave(number: int, firms: int = 60) -> pd.DataFrame:
    """Draw one wave; trust raises growth."""
    generator = np.random.default_rng(number)
    trust = generator.normal(size=firms)
    before = np.round(np.exp(generator.normal(2.5, 0.7, firms))) + 1
    items = np.clip(np.round(4 + 1.2 * trust[:, None] + generator.normal(0, 0.7, (firms, 3))), 1, 7).astype(int)
    table = pd.DataFrame(
        {
            "resp": [f"r{number}-{firm}" for firm in range(firms)],
            "firm": [f"f{firm:02d}" for firm in range(firms)],
            "now": np.maximum(1, np.round(before * np.exp(0.1 * trust + generator.normal(0, 0.1, firms)))).astype(int),
            "before": before.astype(int),
            "sector": np.where(np.arange(firms) % 2, "food", "metal"),
            "t1": items[:, 0],
            "t2": items[:, 1],
            "t3": 8 - items[:, 2],
        }
    )
    return table.assign(new=items[:, 0]) if number > 1 else table


def write_study(folder: Path) -> Path:
    """Write the small study into a folder."""
    (folder / "data" / "raw").mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    (folder / "data" / "codebook.csv").write_text(CODEBOOK, encoding="utf-8")
    (folder / "data" / "anchors.csv").write_text(ANCHORS, encoding="utf-8")
    for number, name in ((1, "one"), (2, "two")):
        draw_wave(number).to_csv(folder / "data" / "raw" / f"{name}.csv", index=False)
    return folder


def copy_workflow(folder: Path) -> Path:
    """Copy what runs a study, so that a test may edit it."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "Snakefile", folder)
    shutil.copytree(ROOT / "scripts", folder / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "profiles", folder / "profiles")
    shutil.copytree(ROOT / "reports" / "template", folder / "reports" / "template")
    return folder


def run_snakemake(workflow: Path, study: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a study; what Snakemake says is in ``stdout``."""
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--cores",
        "2",
        "--snakefile",
        str(workflow / "Snakefile"),
        "--directory",
        str(study),
    ]
    return subprocess.run(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, cwd=study
    )


@contextmanager
def edited(path: Path, change: Callable[[str], str]) -> Iterator[None]:
    """Edit a file, and put it back with its time."""
    before, times = path.read_text(encoding="utf-8"), path.stat()
    after = change(before)
    assert after != before
    path.write_text(after, encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(before, encoding="utf-8")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def list_jobs(place: Place, *arguments: str) -> set[str]:
    """What a run would do now."""
    run = run_snakemake(*place, "--dry-run", *arguments)
    assert run.returncode == 0, run.stdout
    return set(re.findall(r"^Job \d+: (.*)$", run.stdout, flags=re.MULTILINE))


def replace(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, 1)


def account_rows(study: Path) -> tuple[dict[int, int], dict[int, int]]:
    """Rows read of each wave, and rows kept plus rows in the ledger."""
    ledger = pd.read_csv(study / "data/processed/ledger.csv", dtype="str", keep_default_na=False)
    gone = ledger[ledger["variable"] == ""].groupby("wave").size()
    kept = pd.read_parquet(study / "data/processed/panel.parquet").groupby("wave").size()
    files = {int(path.parent.name[5:]): path for path in study.glob("data/interim/wave_*/responses.parquet")}
    read = {wave: len(pd.read_parquet(path)) for wave, path in files.items()}
    return read, {wave: int(kept.get(wave, 0)) + int(gone.get(str(wave), 0)) for wave in files}


def freeze(study: Path, waves: Collection[int]) -> dict[str, bytes | pd.DataFrame]:
    """What a further wave may not move: files of these waves, and of shared tables their rows.

    Estimates of a wave alone, the ledger, and the rows of tables of results that go by wave are among them.
    """
    paths = [path for wave in waves for path in (study / f"data/interim/wave_{wave}").iterdir()]
    paths += [*(study / "data/raw").iterdir(), study / "data/anchors.csv"]
    frozen: dict[str, bytes | pd.DataFrame] = {path.relative_to(study).as_posix(): path.read_bytes() for path in paths}
    tables = [*(study / "data/interim").glob("*.parquet"), *(study / "data/processed").glob("*.parquet")]
    tables += [study / "data/processed/ledger.csv", *(study / "reports/results").glob("*.csv")]
    for path in tables:
        read = path.suffix == ".parquet"
        table = pd.read_parquet(path) if read else pd.read_csv(path, dtype="str", keep_default_na=False)
        # Rows of pairs of waves (attrition) are of the later wave, too.
        if "wave" in table:
            own = table[table["wave"].astype("str").isin(map(str, waves))]
            # A question that a later wave is the first to ask was not asked in earlier ones.
            own = own[own["part"] != "not asked"] if "part" in own else own
            frozen[path.relative_to(study).as_posix()] = own.reset_index(drop=True)
    for path in (study / "data/processed/fits_by_wave").glob("*.json"):
        for fit in json.loads(path.read_text(encoding="utf-8")):
            if fit["wave"] in waves:
                name = f"{path.name}: {fit['outcome']} {fit['block']} wave {fit['wave']}"
                frozen[name] = json.dumps(fit, sort_keys=True).encode()
    return frozen


def list_moved(before: Mapping[str, bytes | pd.DataFrame], after: Mapping[str, bytes | pd.DataFrame]) -> list[str]:
    """Names of what was frozen and is not the same; columns that a new wave added do not count."""
    moved = []
    for name, old in before.items():
        new = after.get(name)
        if isinstance(old, pd.DataFrame) and isinstance(new, pd.DataFrame):
            same = set(old) <= set(new) and old.to_csv() == new[list(old)].to_csv()
        else:
            same = isinstance(old, bytes) and isinstance(new, bytes) and old == new
        if not same:
            moved.append(name)
    return moved


def photograph(study: Path) -> dict[str, str]:
    """Checksum of every file of a study but logs and Snakemake's own."""
    paths = [path for path in study.rglob("*") if path.is_file()]
    named = {path.relative_to(study).as_posix(): path for path in paths}
    own = ("logs/", ".snakemake/")
    return {name: compute_checksum(path) for name, path in sorted(named.items()) if not name.startswith(own)}
