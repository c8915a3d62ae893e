"""Two codings of the same cases, drawn with a fixed seed: agreement of nine in ten; few cases; none beyond chance."""

import numpy as np
import pandas as pd

generator = np.random.default_rng(20)
parts = []
for name, n, shares, agreement in (
    ("six codes", 210, [0.15, 0.40, 0.10, 0.17, 0.03, 0.15], 0.9),
    ("few cases", 24, [0.5, 0.3, 0.2], 0.8),
    ("by chance", 150, [0.6, 0.25, 0.15], 0.0),
):
    codes = np.arange(1, len(shares) + 1)
    first, other = (generator.choice(codes, n, p=shares) for _ in range(2))
    second = np.where(generator.random(n) < agreement, first, other)
    parts.append(pd.DataFrame({"part": name, "first": first, "second": second}))
pd.concat(parts).to_csv("inputs.csv", index=False, lineterminator="\n")
