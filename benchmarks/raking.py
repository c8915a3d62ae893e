"""Time raking of invented rows on four margins, beside R's survey::rake where R is there.

.venv/bin/python benchmarks/raking.py [rows [rows for R]]
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from firmties.raking import Margin, rake

SIZES = (18, 6, 5, 4)

R_SCRIPT = """
suppressPackageStartupMessages(library(survey))
data <- read.csv(commandArgs(TRUE)[1])
margins <- read.csv(commandArgs(TRUE)[2])
names <- paste0("m", 0:3)
for (name in names) data[[name]] <- factor(data[[name]])
population <- lapply(names, function(name) {
  own <- margins[margins$margin == name, ]
  setNames(data.frame(factor(own$code), own$target), c(name, "Freq"))
})
design <- svydesign(id = ~1, weights = ~w, data = data)
started <- proc.time()[["elapsed"]]
raked <- rake(design, lapply(names, function(name) reformulate(name)), population, control = list(maxit = 1000,
              epsilon = as.numeric(commandArgs(TRUE)[3]), verbose = FALSE))
cat(proc.time()[["elapsed"]] - started, "\\n")
"""


def make_rows(n: int) -> tuple[np.ndarray, list[Margin]]:
    """Weights, and margins of a population in which categories go together."""
    generator = np.random.default_rng(1)
    latent, wanted = generator.normal(size=n), generator.gamma(2, 1, n)
    margins = []
    for size in SIZES:
        noisy = 0.5 * latent + generator.normal(size=n)
        codes = np.searchsorted(np.quantile(noisy, np.arange(1, size) / size), noisy).astype(np.int64)
        tilted = wanted * np.exp(0.3 * latent)
        margins.append((codes, np.bincount(codes, weights=tilted, minlength=size).astype(float)))
    return generator.gamma(2, 1, n) + 0.05, margins


def time_ours(n: int, trim: float | None) -> str:
    start, margins = make_rows(n)
    before = time.perf_counter()
    raked = rake(start, margins, trim)
    took = time.perf_counter() - before
    words = "not trimmed" if trim is None else f"trimmed at {trim:g} medians ({raked.rounds} rounds)"
    return f"{n:>9,} rows, {words}: {took:.2f} s, {raked.sweeps} sweeps, largest gap {raked.gap:.1e}"


def time_r(n: int, tolerance: float) -> str:
    start, margins = make_rows(n)
    with tempfile.TemporaryDirectory() as folder:
        data, targets, script = (Path(folder) / name for name in ("data.csv", "margins.csv", "rake.R"))
        table = np.column_stack([start, *(codes for codes, _ in margins)])
        head = "w," + ",".join(f"m{at}" for at in range(len(margins)))
        np.savetxt(data, table, delimiter=",", header=head, comments="", fmt=["%.15g", *["%d"] * len(margins)])
        rows = [f"m{at},{code},{target:.15g}" for at, (_, own) in enumerate(margins) for code, target in enumerate(own)]
        targets.write_text("margin,code,target\n" + "\n".join(rows) + "\n", encoding="utf-8")
        script.write_text(R_SCRIPT, encoding="utf-8")
        # R's tolerance is absolute, in units of the weights' sum.
        absolute = f"{tolerance * float(margins[0][1].sum()):.6g}"
        command = ["Rscript", str(script), str(data), str(targets), absolute]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return f"{n:>9,} rows, R survey::rake to a total's {tolerance:g}: {float(said.split()[-1]):.2f} s"


def main(arguments: list[str]) -> None:
    n = int(arguments[0]) if arguments else 1_000_000
    few = int(arguments[1]) if len(arguments) > 1 else 100_000
    print(f"load {os.getloadavg()[0]:.1f}; {len(SIZES)} margins of {', '.join(map(str, SIZES))} categories")
    for rows in dict.fromkeys((few, n)):
        for trim in (None, 5.0):
            print(time_ours(rows, trim))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"peak {peak:.2f} GiB, invented rows included")
    if shutil.which("Rscript"):
        print(time_r(few, 1e-12))


if __name__ == "__main__":
    main(sys.argv[1:])
