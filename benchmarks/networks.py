"""Time ego measures of many firms and measures of many nominations, beside networkx and R's igraph.

Usage: .venv/bin/python benchmarks/networks.py

Where R with igraph and Matrix is not there, a dash stands in its place.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from firmties.ego_networks import measure_ego_networks  # noqa: E402
from firmties.nominations import keep_nominations, measure_exposures, measure_nominations  # noqa: E402

EGOS, PARTNERS, SAMPLE = 100_000, 5, 2_000
RESPONDENTS, NOMINATIONS = 200_000, 1_000_000
KEYS = ["wave", "firm"]

EGO_R = """
suppressPackageStartupMessages(library(igraph))
alters <- read.csv("alters.csv"); pairs <- read.csv("pairs.csv")
ties <- split(pairs[pairs$tie > 0, ], pairs$firm[pairs$tie > 0]); own <- split(alters, alters$firm)
begun <- proc.time()[["elapsed"]]
for (firm in names(own)) {
  edges <- rbind(cbind("ego", own[[firm]]$alter), cbind(ties[[firm]]$alter_i, ties[[firm]]$alter_j))
  network <- graph_from_edgelist(edges, directed = FALSE)
  c(constraint(network, "ego"), edge_density(delete_vertices(network, "ego")))
}
cat(proc.time()[["elapsed"]] - begun)
"""
NOMINATIONS_R = """
suppressPackageStartupMessages({library(igraph); library(Matrix)})
edges <- read.csv("nominations.csv"); n <- max(edges)
begun <- proc.time()[["elapsed"]]
A <- sparseMatrix(edges$ego, edges$alter, x = 1, dims = c(n, n)); A@x[] <- 1
S <- A * t(A); U <- A + t(A); U@x[] <- 1
W <- S %*% S; W@x[] <- 1; W <- W - W * U; diag(W) <- 0
x <- runif(n); found <- c(sum((S %*% x) / rowSums(S), na.rm = TRUE), sum((W %*% x) / rowSums(W), na.rm = TRUE))
cat(proc.time()[["elapsed"]] - begun)
"""


def take_time(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of the wall clock, and what the work gave."""
    begun = time.perf_counter()
    found = work()
    return time.perf_counter() - begun, found


def run_r(script: str, tables: dict[str, pd.DataFrame]) -> str:
    """What an R script prints; a dash where R or a package is not there."""
    if shutil.which("Rscript") is None:
        return "–"
    with tempfile.TemporaryDirectory() as folder:
        for name, table in tables.items():
            table.to_csv(Path(folder) / f"{name}.csv", index=False)
        (Path(folder) / "script.R").write_text(script, encoding="utf-8")
        done = subprocess.run(["Rscript", "script.R"], cwd=folder, capture_output=True, text=True, check=False)
    return f"{float(done.stdout):.1f}" if done.returncode == 0 else "–"


def measure_by_networkx(alters: pd.DataFrame, pairs: pd.DataFrame) -> None:
    """Constraint and effective size of each ego, one graph at a time."""
    import networkx

    ties = dict(iter(pairs[pairs["tie"] > 0].groupby("firm")))
    for firm, own in alters.groupby("firm"):
        graph = networkx.Graph([("ego", alter) for alter in own["alter"]])
        graph.add_edges_from(ties[firm][["alter_i", "alter_j"]].to_numpy() if firm in ties else [])
        networkx.constraint(graph, ["ego"])
        networkx.effective_size(graph, ["ego"])


def main() -> None:
    """Print a table of what was measured."""
    generator = np.random.default_rng(1)
    firms = np.array([f"f{number:06d}" for number in range(EGOS)])
    ends = np.array(list(combinations(range(1, PARTNERS + 1), 2)))
    alters = pd.DataFrame({"wave": 1, "firm": np.repeat(firms, PARTNERS)})
    alters["alter"], alters["ts"] = np.tile(np.arange(1, PARTNERS + 1), EGOS), generator.random(len(alters))
    pairs = pd.DataFrame({"wave": 1, "firm": np.repeat(firms, len(ends))})
    pairs[["alter_i", "alter_j"]] = np.tile(ends, (EGOS, 1))
    pairs["tie"] = generator.integers(0, 3, len(pairs))
    seconds, _ = take_time(
        lambda: measure_ego_networks(alters, pairs, KEYS, 1, 1 / 3, slots=PARTNERS, strength="ts", tie_maximum=2)
    )
    few = firms[:SAMPLE]
    sample = alters[alters["firm"].isin(few)], pairs[pairs["firm"].isin(few)]
    by_networkx, _ = take_time(lambda: measure_by_networkx(*sample))
    by_r = run_r(EGO_R, dict(zip(("alters", "pairs"), sample, strict=True)))
    print(f"ego networks: {EGOS:,} firms x {PARTNERS} partners, all measures: {seconds:.1f} s")
    print(f"  of {SAMPLE:,} of them, constraint and size alone: networkx {by_networkx:.1f} s, R's igraph {by_r} s")

    ego = generator.integers(0, RESPONDENTS, NOMINATIONS)
    step = generator.integers(1, 12, NOMINATIONS) * generator.choice([-1, 1], NOMINATIONS)
    alter = (ego + step) % RESPONDENTS
    names = pd.Series([f"f{number:06d}" for number in range(RESPONDENTS)])
    rows = pd.DataFrame({"ego": names.to_numpy()[ego], "alter": names.to_numpy()[alter]})
    rows["raw_row"] = np.arange(1, len(rows) + 1)
    states = pd.DataFrame({"wave": 1, "firm": names, "adopted": generator.random(RESPONDENTS) < 0.3})
    exposures = [
        {"name": f"{over}_{by}", "of": "adopted", "over": over, "by": by}
        for over in ("out", "strong", "weak")
        for by in ("mean", "sum")
    ]
    checking, (edges, _) = take_time(lambda: keep_nominations(rows, names.tolist(), [], "benchmark"))
    edges = edges.assign(wave=1)
    measuring, _ = take_time(lambda: measure_nominations(edges, states, KEYS, {"weak_over": "strong"}))
    exposing, _ = take_time(lambda: measure_exposures(edges, states, KEYS, exposures))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    by_r = run_r(NOMINATIONS_R, {"nominations": pd.DataFrame({"ego": ego + 1, "alter": alter + 1})})
    print(f"nominations: {NOMINATIONS:,} rows of {RESPONDENTS:,} respondents: {checking + measuring + exposing:.1f} s")
    print(f"  checked {checking:.1f}, degrees, strong and weak ties {measuring:.1f}, six exposures {exposing:.1f} s")
    print(f"  R (Matrix), strong and weak ties and two exposures of checked rows: {by_r} s")
    print(f"peak memory of the whole script: {peak:.2f} GiB")


if __name__ == "__main__":
    main()
