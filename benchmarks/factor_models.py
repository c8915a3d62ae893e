"""Time a five-factor model of 22 items with robust statistics, beside lavaan where R is there."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import numpy as np
import pandas as pd

from firmties.factor_models import fit_factor_model
from firmties.factor_pooling import pool_factor_fits
from firmties.reliability import describe_scale

SIZES = (4, 4, 5, 4, 5)
RUNS = 5
LAVAAN = """
suppressMessages(library(lavaan))
items <- read.csv("items.csv")
model <- "{model}"
start <- proc.time()[["elapsed"]]
fit <- cfa(model, items, estimator = "{estimator}")
measures <- fitMeasures(fit)
loadings <- standardizedSolution(fit)
cat(sprintf("%.2f", proc.time()[["elapsed"]] - start), measures[["chisq"]], measures[["chisq.scaled"]])
"""


def draw_items(n: int, seed: int = 1) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Draw answers from 1 to 7 to 22 items of five correlated factors."""
    draw = np.random.default_rng(seed)
    common = draw.multivariate_normal(np.zeros(5), np.full((5, 5), 0.4) + 0.6 * np.eye(5), size=n)
    columns, factors = {}, {}
    for f, size in enumerate(SIZES):
        names = [f"f{f + 1}i{at + 1}" for at in range(size)]
        factors[f"f{f + 1}"] = names
        for name in names:
            columns[name] = np.clip(np.round(4 + common[:, f] + draw.normal(size=n)), 1, 7)
    return pd.DataFrame(columns), factors


def take_time(work: object, runs: int = RUNS) -> tuple[float, object]:
    times, found = [], None
    for _ in range(runs):
        start = time.perf_counter()
        found = work()  # type: ignore[operator]
        times.append(time.perf_counter() - start)
    return sorted(times)[runs // 2], found


def main() -> None:
    for n in (600, 10_000):
        items, factors = draw_items(n)
        print(f"{n:,} rows, 22 items, five factors; median of {RUNS} runs; load {os.getloadavg()[0]:.1f}")
        for robust in ("mlr", "mlm"):
            seconds, fit = take_time(partial(fit_factor_model, items, factors, robust=robust))
            indices = fit.indices  # type: ignore[attr-defined]
            print(f"  here {robust}: {seconds:.2f} s, χ² {indices['chi2']:.4f}, scaled {indices['chi2_scaled']:.4f}")
            if shutil.which("Rscript"):
                model = "; ".join(f"{factor} =~ {' + '.join(names)}" for factor, names in factors.items())
                with tempfile.TemporaryDirectory() as folder:
                    items.to_csv(Path(folder) / "items.csv", index=False)
                    script = LAVAAN.format(model=model, estimator=robust.upper())
                    said = subprocess.run(
                        ["Rscript", "-e", script], cwd=folder, capture_output=True, text=True, check=False
                    )
                seconds_r, chi2, scaled = said.stdout.split()[-3:]
                print(f"  lavaan {robust}: {seconds_r} s, χ² {float(chi2):.4f}, scaled {float(scaled):.4f}")
    items, factors = draw_items(600)
    draw = np.random.default_rng(2)
    sets = [items.mask(pd.DataFrame(draw.random(items.shape) < 0.05, columns=items.columns), 4.0) for _ in range(20)]
    seconds, _ = take_time(lambda: pool_factor_fits([fit_factor_model(one, factors) for one in sets]), 1)
    print(f"  pooled over 20 sets (600 rows each): {seconds:.2f} s")
    seconds, _ = take_time(lambda: [describe_scale(items[names]) for names in factors.values()])
    print(f"  alpha, omega, AVE, item-rest and alpha if dropped of the five scales: {seconds:.2f} s")


if __name__ == "__main__":
    main()
