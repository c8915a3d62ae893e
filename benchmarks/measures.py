"""Time HTMT with its bootstrap and the tests of invariance of all scales of the demonstration.

    .venv/bin/python benchmarks/measures.py

reads data/processed/panel.parquet, which a run of the demonstration leaves, and writes what benchmarks/measures.R reads
(the items, wave and firm) beside itself with `--write`. Aim: both within 10 s on two cores.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from time import perf_counter, process_time

# As in a run: one thread a job.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import yaml  # noqa: E402

from firmties.discriminant import bootstrap_htmt, gather_pairs  # noqa: E402
from firmties.invariance import compare_scales  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", metavar="FILE", help="write the items as CSV for benchmarks/measures.R, and stop")
    arguments = parser.parse_args()
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    firm = config["study"]["firm"]
    scales = {scale["name"]: scale["items"] for scale in config["scales"]}
    items = [item for own in scales.values() for item in own]
    panel = pd.read_parquet(ROOT / "data" / "processed" / "panel.parquet")
    if arguments.write:
        panel[[firm, "wave", *items]].to_csv(arguments.write, index=False)
        return
    print(f"{len(scales)} scales, {len(items)} items, {len(panel):,} rows, {panel[firm].nunique():,} firms")
    total = np.zeros(2)
    for name, work in (
        ("HTMT with 2,000 draws of firms", lambda: bootstrap_htmt(gather_pairs(panel[items], panel[firm]), scales)),
        ("invariance over waves", lambda: compare_scales(panel, config["scales"], ["wave"], firm)),
    ):
        start = np.array([perf_counter(), process_time()])
        work()
        took = np.array([perf_counter(), process_time()]) - start
        total += took
        print(f"{name:32} {took[0]:6.1f} s, CPU {took[1]:6.1f} s")
    print(f"{'both':32} {total[0]:6.1f} s, CPU {total[1]:6.1f} s (aim: 10 s on two cores)")


if __name__ == "__main__":
    main()
