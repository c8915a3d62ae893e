"""Time of reading and cleaning an invented wave of 120 columns: `python benchmarks/million_rows.py 100000`.

Reading and cleaning run as two processes, one after the other, as the workflow runs them; each says what it took.
Without numbers of rows the sizes are 250,000, 500,000 and 1,000,000.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
sys.path.insert(0, str(SCRIPTS))

from firmties.codebook import Variable  # noqa: E402

AGREE = {str(code): str(code) for code in range(1, 8)}
CODES = {"-97": "not_applicable", "-98": "dont_know", "-99": "refused"}
ITEMS = [
    Variable(
        f"q{n}",
        construct=f"c{n // 4}",
        type="ordinal",
        scale="agree7",
        codes=AGREE,
        minimum=1,
        maximum=7,
        reverse=n % 4 == 3,
    )
    for n in range(70)
]
CATEGORIES = [Variable(f"k{n}", type="category", codes={f"code_{c}": "" for c in range(6)}) for n in range(20)]
NUMBERS = [Variable(f"n{n}", minimum=0) for n in range(24)]
DATES = [Variable(f"d{n}", type="datetime") for n in range(2)]
CHOICES = [Variable("m0", type="multiple", codes=dict.fromkeys(("loan", "grant", "angel", "own", "other"), ""))]
KEYS = [Variable("firm", type="id"), Variable("resp", type="id")]
SECONDS = [Variable("seconds", minimum=0)]
VARIABLES = [*KEYS, *SECONDS, *ITEMS, *CATEGORIES, *NUMBERS, *DATES, *CHOICES]
LOOKED_AT = {"response_scale": "agree7"}
SETTINGS = {
    "wave": {"id": 1},
    "study": {"firm": "firm", "response": "resp"},
    "missing_codes": CODES,
    "cleaning": {"exclude": [{"rule": "careless", "flags_at_least": 2}, {"rule": "large", "when": "n0 >= 9990"}]},
    "quality_flags": {
        "attention": {"items": {"q5": 5}},
        "speed": {"duration": "seconds", "below_share_of_median": 0.5},
        "identical_run": {**LOOKED_AT, "at_least": 12},
        "even_odd": {**LOOKED_AT, "below": -0.9},
        "mahalanobis": {**LOOKED_AT, "p_below": 0.001},
        "low_spread": {**LOOKED_AT, "below": 0.35},
    },
}


def write_wave(path: Path, rows: int) -> None:
    """Write an invented wave, 50,000 rows at a time."""
    random = np.random.default_rng(1)
    for start in range(0, rows, 50_000):
        size = min(50_000, rows - start)
        number = np.arange(start, start + size)
        table: dict[str, Any] = {"firm": np.char.add("f", number.astype("str"))}
        table |= {"resp": np.char.add("r", number.astype("str"))}
        table["seconds"] = random.integers(200, 4000, size)
        scale = np.array([*AGREE, *CODES, ""])
        shares = [0.135] * 7 + [0.01, 0.015, 0.01, 0.02]
        table |= {item.name: random.choice(scale, size, p=shares) for item in ITEMS}
        table |= {item.name: random.choice([*item.codes, ""], size) for item in CATEGORIES}
        table |= {item.name: random.uniform(0, 10_000, size).round(2) for item in NUMBERS}
        seconds = random.integers(0, 90 * 86_400, size).astype("timedelta64[s]")
        table |= {item.name: np.datetime_as_string(np.datetime64("2024-03-01T00:00:00") + seconds) for item in DATES}
        table["m0"] = random.choice(["loan", "loan|grant", "angel|own|other", "none", ""], size)
        pd.DataFrame(table).to_csv(path, mode="w" if start == 0 else "a", header=start == 0, index=False)


def run_step(step: str, folder: Path) -> None:
    """One step of the workflow in a process of its own; prints seconds and peak memory."""
    began = time.perf_counter()
    if step == "read":
        import read

        read.main(
            str(folder / "wave.csv"), {"id": 1}, str(folder / "responses.parquet"), str(folder / "labels.json"), {}
        )
    else:
        import clean

        codebook = [variable.as_row() for variable in VARIABLES]
        clean.main(
            str(folder / "responses.parquet"), str(folder / "labels.json"), codebook, [], SETTINGS,
            *(str(folder / name) for name in ("clean.parquet", "kinds.parquet", "flags.parquet", "ledger.csv")),
        )  # fmt: skip
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(json.dumps({"seconds": time.perf_counter() - began, "gib": peak}))


def main(sizes: list[int]) -> None:
    """Measure every size."""
    print(f"{'rows':>9} {'step':<6} {'seconds':>8} {'µs a row':>9} {'peak GiB':>9}")
    for rows in sizes:
        with tempfile.TemporaryDirectory() as name:
            write_wave(Path(name) / "wave.csv", rows)
            for step in ("read", "clean"):
                done = subprocess.run(
                    [sys.executable, __file__, step, name], check=True, capture_output=True, text=True
                )
                took = json.loads(done.stdout.splitlines()[-1])
                print(
                    f"{rows:>9} {step:<6} {took['seconds']:>8.1f} {took['seconds'] / rows * 1e6:>9.1f} "
                    f"{took['gib']:>9.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    if sys.argv[1:2] in (["read"], ["clean"]):
        run_step(sys.argv[1], Path(sys.argv[2]))
    else:
        main([int(size) for size in sys.argv[1:]] or [250_000, 500_000, 1_000_000])
