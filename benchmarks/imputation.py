"""Time multiple imputation beside mice of R, and measure the memory of few and of many sets.

Usage: .venv/bin/python benchmarks/imputation.py [rounds]

600 invented rows: 22 seven-point items of five constructs and 4 covariates (two of them with gaps), a tenth of the
answers missing. Every variable is imputed by predictive mean matching from all others: 20 sets, 5 iterations, one
core, as mice does by default. Rscript with mice is measured if it is there. Memory is that of a process that imputes
the items from their scales and writes the cells set by set, as the rule does.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

from firmties.codebook import Variable  # noqa: E402
from firmties.formulas import parse_formula  # noqa: E402
from firmties.imputation import WaveImputation  # noqa: E402
from firmties.imputation_plan import Plan  # noqa: E402
from firmties.table_imputation import TableImputation  # noqa: E402

ROWS, SETS, ITERATIONS = 600, 20, 5
SIZES = (4, 4, 4, 5, 5)
MICE = """
library(mice, warn.conflicts = FALSE)
data <- read.csv("{file}")
took <- system.time(mice(data, m = {sets}, maxit = {iterations}, method = "pmm", seed = 1, printFlag = FALSE))
cat(took[["elapsed"]], took[["user.self"]], "\\n")
"""


def draw(seed: int = 1) -> pd.DataFrame:
    """The table: items q1 to q22 as whole numbers, covariates c1 to c4."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(ROWS, len(SIZES))) + 0.5 * rng.normal(size=(ROWS, 1))
    items = [0.8 * factors[:, [f]] + 0.6 * rng.normal(size=(ROWS, size)) for f, size in enumerate(SIZES)]
    points = np.clip(np.round(4 + 1.4 * np.hstack(items)), 1, 7)
    covariates = 0.4 * factors[:, :4] + rng.normal(size=(ROWS, 4))
    table = pd.DataFrame(np.hstack([points, covariates.round(3)]))
    table.columns = pd.Index([*(f"q{n}" for n in range(1, 23)), *(f"c{n}" for n in range(1, 5))])
    gaps = rng.random(table.shape) < 0.1
    gaps[:, -2:] = False
    return table.mask(gaps)


def prepare(table: pd.DataFrame) -> tuple[TableImputation, pd.DataFrame]:
    """The imputation of every variable from all others."""
    variables = {str(name): Variable(str(name)) for name in table}
    words = pd.DataFrame({"variable": list(table), "type": "number", "codes": "", "reference": ""})
    kinds = pd.DataFrame("", index=table.index, columns=table.columns).mask(table.isna(), "no_answer")
    plan = Plan(variables, parse_formula(" + ".join(variables)))
    return TableImputation(table, kinds, plan, words), kinds


def time_ours(table: pd.DataFrame) -> float:
    """Seconds for all sets, from the table to the values."""
    began = time.perf_counter()
    imputation, _ = prepare(table)
    for first in range(0, SETS, 10):
        imputation.run([np.random.default_rng([1, n]) for n in range(first, first + 10)], ITERATIONS, 5)
    return time.perf_counter() - began


def time_mice(table: pd.DataFrame) -> float | None:
    """Seconds that mice takes; None if it is not there."""
    if shutil.which("Rscript") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "table.csv"
        table.to_csv(file, index=False)
        script = MICE.format(file=file, sets=SETS, iterations=ITERATIONS)
        found = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True, check=False)
    return float(found.stdout.split()[0]) if found.returncode == 0 else None


def measure_memory(sets: int) -> float:
    """Peak memory, in MiB, of a process of its own that imputes so many sets and streams them to a file."""
    found = subprocess.run([sys.executable, __file__, "memory", str(sets)], capture_output=True, text=True, check=True)
    return float(found.stdout)


def stream(sets: int) -> None:
    """Impute and write set by set; print the peak memory."""
    table = draw()
    variables = {str(name): Variable(str(name)) for name in table}
    words = pd.DataFrame({"variable": list(table), "type": "number", "codes": "", "reference": "", "table": "panel"})
    kinds = pd.DataFrame("", index=table.index, columns=table.columns).mask(table.isna(), "no_answer")
    ends = np.cumsum(SIZES)
    scales = [
        {"name": f"s{n}", "items": [f"q{i + 1}" for i in range(end - size, end)]}
        for n, (size, end) in enumerate(zip(SIZES, ends, strict=True))
    ]
    settings = {
        "study": {"firm": "firm", "response": "response"},
        "scales": scales,
        "imputation": {
            "sets": sets, "iterations": ITERATIONS, "donors": 5, "seed": 1, "variables": ["c1", "c2"],
            "predictors": "c1 + c2 + c3 + c4",
        },
    }  # fmt: skip
    keys = pd.DataFrame({"wave": 1, "firm": [f"f{n}" for n in range(ROWS)]})
    panel = pd.concat([keys, table], axis=1).assign(response=keys["firm"])
    wave = WaveImputation(panel, pd.DataFrame(), kinds, pd.DataFrame(), words, variables, {}, settings, {}, 1)
    schema = pa.schema([("set", pa.int32()), *((name, pa.string()) for name in ("response", "variable", "value"))])
    with tempfile.TemporaryDirectory() as folder, pq.ParquetWriter(Path(folder) / "cells.parquet", schema) as writer:
        for _, cells in wave.run():
            writer.write_table(pa.Table.from_pandas(cells, schema=schema, preserve_index=False))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    """Print the tables."""
    if sys.argv[1:2] == ["memory"]:
        stream(int(sys.argv[2]))
        return
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    table = draw()
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "?"
    # In turns, so that other work on the machine falls on both.
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(time_ours(table))
        took = time_mice(table)
        theirs += [] if took is None else [took]
    print(f"{SETS} sets, {ITERATIONS} iterations, {ROWS} rows, 26 variables, one core, load {load}:")
    print("ours, s:", ", ".join(f"{seconds:.2f}" for seconds in ours))
    if theirs:
        print("mice, s:", ", ".join(f"{seconds:.1f}" for seconds in theirs))
        print(f"ratio of the medians: {np.median(ours) / np.median(theirs):.3f}")
    for sets in (5, 10, 40):
        print(f"{sets} sets: {measure_memory(sets):.0f} MiB")


if __name__ == "__main__":
    main()
