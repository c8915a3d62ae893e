"""Give the rows of the folder above weights, strata and population sizes. Run: python make_inputs.py"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

here = Path(__file__).parent
table = pd.read_csv(here.parent / "inputs.csv")
rng = np.random.default_rng(40414)
firms = np.sort(table["firm"].unique())
# Strata of many firms and one of a single firm; a firm stays in its stratum.
stratum = pd.Series(rng.choice(["a", "b", "c", "d"], size=len(firms), p=[0.4, 0.3, 0.2, 0.1]), index=firms)
stratum.iloc[-1] = "e"
size = stratum.map({"a": 400, "b": 150, "c": 60, "d": 30, "e": 5})
table = table.assign(
    stratum=table["firm"].map(stratum),
    size=table["firm"].map(size),
    weight=np.round(np.exp(0.5 * rng.normal(size=len(table))) * (1 + 0.3 * (table["growth"] > 0.05)), 4),
)
table.to_csv(here / "inputs.csv", index=False, lineterminator="\n")
