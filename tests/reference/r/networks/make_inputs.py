"""Draw small networks for networks.R: ego networks, nominations among respondents, firms and their partners."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
generator = np.random.default_rng(20261128)

alters, pairs = [], []
for ego in range(1, 41):
    size = 1 + ego % 6
    for alter in range(1, size + 1):
        alters.append(
            {
                "ego": f"e{ego:02d}",
                "alter": alter,
                "strength": round(float(generator.uniform(0.05, 1)), 3),
                "kind": generator.choice(["large", "sme", "university", "agency"], p=[0.4, 0.3, 0.2, 0.1]),
                "dependence": int(generator.integers(0, 60)),
            }
        )
    for i, j in combinations(range(1, size + 1), 2):
        tie = int(generator.choice([0, 1, 2], p=[0.5, 0.3, 0.2]))
        pairs.append({"ego": f"e{ego:02d}", "alter_i": i, "alter_j": j, "tie": tie})
pd.DataFrame(alters).to_csv(HERE / "alters.csv", index=False, lineterminator="\n")
pd.DataFrame(pairs).to_csv(HERE / "pairs.csv", index=False, lineterminator="\n")

# A ring of 60 respondents who name neighbours, and often those who named them; the last five are isolates.
n = 60
firms = [f"f{number:02d}" for number in range(n)]
named = set()
for i in range(n - 5):
    for step in generator.choice([-4, -3, -2, -1, 1, 2, 3, 4, 20], size=3, replace=False):
        j = (i + int(step)) % n
        if j < n - 5:
            named.add((i, j))
            if generator.random() < 0.45:
                named.add((j, i))
edges = pd.DataFrame([(firms[i], firms[j]) for i, j in sorted(named)], columns=["ego", "alter"])
edges.to_csv(HERE / "nominations.csv", index=False, lineterminator="\n")
state = pd.DataFrame({"firm": firms, "adopted": generator.integers(0, 2, n), "staff": generator.integers(1, 200, n)})
state.to_csv(HERE / "respondents.csv", index=False, lineterminator="\n")

partner = np.minimum(generator.geometric(0.06, size=260), 70)
landscape = pd.DataFrame({"firm": [f"f{number:02d}" for number in generator.integers(0, 80, 260)], "partner": partner})
landscape["partner"] = [f"p{number:02d}" for number in landscape["partner"]]
landscape = landscape.drop_duplicates().sort_values(["firm", "partner"])
landscape.to_csv(HERE / "landscape.csv", index=False, lineterminator="\n")
