"""R's survey package on its example data: the stored values, and the same designs here (tests/reference/r/survey)."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

FOLDER = Path(__file__).parents[1] / "reference/r/survey"
VALUES = pd.read_csv(FOLDER / "values.csv", dtype={"term": "str"})
API = {name: pd.read_csv(FOLDER / f"api{name}.csv") for name in ("strat", "clus1", "clus2")}
DESIGNS = ["strat", "strat_wr", "clus1", "clus2", "clus2_wr"]


def describe_design(name: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The data of a design, and its strata, clusters and populations; `_wr`: with replacement."""
    table = API[name.removesuffix("_wr")]
    design = {
        "strat": {"stratum": table["stype"], "population": table.get("fpc")},
        "strat_wr": {"stratum": table["stype"]},
        "clus1": {"cluster": table["dnum"], "population": table.get("fpc")},
        "clus2": {
            "cluster": [table["dnum"], table["snum"]],
            "population": [table.get("fpc1"), table.get("fpc2")],
        },
        "clus2_wr": {"cluster": table["dnum"]},
    }[name]
    return table, design


def weigh(name: str, table: pd.DataFrame) -> np.ndarray:
    # Where svydesign gets no weights it takes the inverse of the product of the sampling fractions.
    if name != "clus2":
        return table["pw"].to_numpy(dtype=float)
    first = table["dnum"].nunique() / table["fpc1"]
    return (1 / (first * table.groupby("dnum")["snum"].transform("nunique") / table["fpc2"])).to_numpy()


def get_all(design: str, quantity: str, statistic: str) -> np.ndarray:
    """R's values of all terms, in their order."""
    rows = (VALUES["design"] == design) & (VALUES["quantity"] == quantity) & (VALUES["statistic"] == statistic)
    assert rows.any()
    return VALUES.loc[rows, "value"].to_numpy(dtype=float)


def get(design: str, quantity: str, term: str, names: list[str]) -> list[float]:
    """R's values of one term, by statistic."""
    rows = VALUES.loc[(VALUES["design"] == design) & (VALUES["quantity"] == quantity) & (VALUES["term"] == term)]
    values = rows.set_index("statistic")["value"]
    return [float(values[name]) for name in names]
