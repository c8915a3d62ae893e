"""Time what it takes to fit a study's models to its imputed sets, predict from them and estimate contrasts.

Run in the folder of a study whose run is finished: python PATH/benchmarks/pooled_models.py
Nothing in the study is changed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "scripts")]

import contrast  # noqa: E402
import fit  # noqa: E402
import predict  # noqa: E402
from firmties import slices  # noqa: E402
from firmties.study import load_study  # noqa: E402


def time_ours(folder: Path) -> dict[str, list[float]]:
    """Seconds of fit, predict and contrast by model."""
    config, found = load_study().config, {}
    for model in config["models"]:
        name, part, table = model["id"], slices.slice_model(config, model), model.get("table", "panel")
        completed = slices.list_completed(config, model)
        fits, by_wave, complete, by_set = (str(folder / f"{kind}_{name}.json") for kind in "abcd")
        rows, output = f"data/processed/{table}.parquet", str(folder / "output.csv")
        times = [time.perf_counter()]
        fit.main(
            rows,
            "data/processed/dictionary.csv",
            part["model"],
            part["sets"],
            part["samples"],
            slices.list_fits_tested(config, name),
            fits,
            by_wave,
            complete,
            by_set,
            completed,
        )
        times.append(time.perf_counter())
        if wanted := [entry for entry in config["predictions"] if entry["model"] == name]:
            predict.main(fits, rows, wanted, output, by_set, completed)
        times.append(time.perf_counter())
        if hypotheses := slices.slice_contrasts(config, name):
            contrast.main(fits, by_wave, rows, hypotheses, output, complete, by_set, completed)
        times.append(time.perf_counter())
        found[name] = [after - before for before, after in pairwise(times)]
    return found


def main() -> None:
    """Print the seconds by model and step."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        start = time.process_time()
        found = time_ours(folder)
        for name, steps in found.items():
            print(name, *(f"{step:.1f}" for step in steps))
        total = sum(sum(steps) for steps in found.values())
        print(f"together {total:.1f} s, of CPU {time.process_time() - start:.1f} s")


if __name__ == "__main__":
    main()
