"""Draw the items that discriminant.R, invariance.R and the Python tests read. Run: python make_inputs.py

Four scales of 420 firms in up to three waves. Scale a is the same in every wave; of b, item b3 loads half as much in
wave 3; of c, item c2 is answered half a standard deviation higher in wave 2; d has three items. m is a marker.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

rng = np.random.default_rng(20214)
firms, waves = 420, 3
firm = np.repeat(np.arange(1, firms + 1), waves)
wave = np.tile(np.arange(1, waves + 1), firms)
kept = rng.random(len(firm)) < 0.75
firm, wave = firm[kept], wave[kept]
n = len(firm)
loadings = {"a": [0.8, 0.75, 0.7, 0.78], "b": [0.8, 0.75, 0.75, 0.7], "c": [0.75, 0.8, 0.7, 0.7], "d": [0.8, 0.7, 0.75]}
root = np.linalg.cholesky([[1, 0.5, 0.3, 0.8], [0.5, 1, 0.2, 0.4], [0.3, 0.2, 1, 0.3], [0.8, 0.4, 0.3, 1]])
stable = rng.normal(size=(firms, 4))[firm - 1] @ root.T
traits = np.sqrt(0.6) * stable + np.sqrt(0.4) * rng.normal(size=(n, 4)) @ root.T
traits[:, 0] += 0.3 * (wave == 3)
method = rng.normal(size=n)
table = pd.DataFrame({"firm": firm, "wave": wave})
for place, (scale, own) in enumerate(loadings.items()):
    for number, loading in enumerate(own, start=1):
        item = f"{scale}{number}"
        load = np.where((item == "b3") & (wave == 3), loading / 2, loading)
        shift = 0.5 * ((item == "c2") & (wave == 2))
        noise = rng.normal(size=n) * np.sqrt(1 - load**2 - 0.04)
        table[item] = shift + load * traits[:, place] + 0.2 * method + noise
table["m1"], table["m2"] = (0.2 * method + rng.normal(size=n) for _ in range(2))
items = table.columns[2:]
# Seven points; three per cent left out.
table[items] = np.clip(np.round(4 + 1.3 * table[items]), 1, 7)
table[items] = table[items].mask(rng.random((n, len(items))) < 0.03)
table.to_csv(Path(__file__).with_name("items.csv"), index=False, lineterminator="\n", float_format="%.0f")
