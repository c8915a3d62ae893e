"""Draw the table that engine.R, mice.R and the Python tests read. Run: python make_inputs.py"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

rng = np.random.default_rng(20213)
n = 500
x = rng.normal(size=n)
common = 0.6 * x + 0.8 * rng.normal(size=n)
table = pd.DataFrame(
    {
        "x": np.round(x, 3),
        "amount": np.round(2 + 0.8 * common + 0.6 * rng.normal(size=n), 3),
        "item": 1 + np.digitize(common + 0.7 * rng.normal(size=n), [-1.7, -1.0, -0.4, 0.2, 0.9, 1.6]),
        "second": 1 + np.digitize(common + 0.7 * rng.normal(size=n), [-1.7, -1.0, -0.4, 0.2, 0.9, 1.6]),
        "yes": (common + rng.logistic(size=n) > 0.3).astype(int),
        "kind": np.array(["a", "b", "c"])[np.digitize(0.8 * common + rng.logistic(size=n), [-0.6, 0.9])],
        "stage": 1 + np.digitize(common + rng.logistic(size=n), [-1.5, 0.0, 1.5]),
    }
)
full = table.copy()
for place, name in enumerate(table.columns[1:]):
    gone = rng.random(n) < 1 / (1 + np.exp(1.7 - 0.7 * x + 0.1 * place))
    table[name] = table[name].astype(object).where(~gone)
table.to_csv(Path(__file__).with_name("inputs.csv"), index=False, lineterminator="\n")
full.to_csv(Path(__file__).with_name("inputs_full.csv"), index=False, lineterminator="\n")
