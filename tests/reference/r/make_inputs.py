"""Draw the small table that models.R and the Python tests both read. Run: python make_inputs.py"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

rng = np.random.default_rng(20211)
firms, waves = 110, 4
firm = np.repeat(np.arange(1, firms + 1), waves)
wave = np.tile(np.arange(1, waves + 1), firms)
kept = rng.random(len(firm)) < 0.85
firm, wave = firm[kept], wave[kept]
n = len(firm)
stable = rng.normal(size=firms)[firm - 1]
form = rng.choice(["single", "hybrid", "interrupted"], size=n, p=[0.5, 0.3, 0.2])
x = np.round(0.6 * stable + 0.8 * rng.normal(size=n), 3)
z = np.round(rng.normal(size=n), 3)
shift = np.select([form == "hybrid", form == "interrupted"], [-0.3, -0.9])
index = 0.4 * x - 0.3 * x**2 + 0.3 * z + shift + 0.3 * stable
table = pd.DataFrame(
    {
        "firm": firm,
        "wave": wave,
        "form": form,
        "x": x,
        "z": z,
        "growth": np.round(0.06 + 0.1 * index + (0.1 + 0.05 * np.abs(z)) * rng.normal(size=n), 4),
        "equity": (index + rng.logistic(size=n) > 0).astype(int),
        "stage": 1 + np.digitize(index + rng.logistic(size=n), [-2.0, -0.5, 0.8, 2.3]),
        "patents": rng.poisson(np.exp(0.2 + index) * rng.gamma(1 / 0.8, 0.8, size=n)),
    }
)
table.to_csv(Path(__file__).with_name("inputs.csv"), index=False, lineterminator="\n")
