"""The analysis finds the effects planted in the demonstration, as far as the generator lets it.

What the pipeline recovers on average differs from what was planted where scores are measured with error, so
single estimates are held against the mean over 120 data sets (``tests/reference/demonstration_recovery``), not
against the planted value.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from recover import recover

ROOT = Path(__file__).parents[2]
EXPECTED = pd.read_csv(ROOT / "tests" / "reference" / "demonstration_recovery" / "expected.csv", index_col="quantity")
SEED = yaml.safe_load((ROOT / "data" / "simulation.yaml").read_text(encoding="utf-8"))["seed"]
STRUCTURE = [
    name
    for name in EXPECTED.index
    if name.startswith(("M1: nt_primary", "M1: form", "M9: nt_primary", "M9: form", "M9: ts_z", "M9: I(ts_z"))
]
# Terms that are found in more than 99 of 100 data sets, with the planted sign.
STRONG = {
    "M9: nt_primary[sme_led]": 1,
    "M9: form[interrupted]": -1,
    "M9: ts_z": 1,
    "M9: I(ts_z ^ 2)": -1,
    "M9: lockin_z": -1,
    "M9: diff_z": 1,
}
DATA_SETS = 40
"""Data sets of the Monte Carlo tests.

Of the first 20 alone (seeds 3000 to 3019) the interval of ``form[hybrid]`` covers in 12: their growth noise, drawn
independently of everything else, happens to differ between hybrid and single firms more than it does as a rule. Of 200
others (seeds 4000 to 4199) it covers in 193, with a standard deviation of .0106 beside a mean standard error of .0110.
So the number of data sets is doubled, with these 20 among them, and the share that must be covered stays.
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    return recover(SEED).set_index("quantity")


@pytest.fixture(scope="module")
def draws() -> pd.DataFrame:
    with ProcessPoolExecutor(2) as pool:
        seeds = range(3000, 3000 + DATA_SETS)
        return pd.concat(pool.map(partial(recover, models=("M9",)), seeds))


@pytest.mark.parametrize("quantity", STRUCTURE)
def test_estimate_is_within_four_deviations_of_the_mean(found: pd.DataFrame, quantity: str) -> None:
    expected = EXPECTED.loc[quantity]
    assert abs(found.loc[quantity, "estimate"] - expected["mean"]) <= 4 * expected["sd"]


@pytest.mark.parametrize("quantity", STRONG)
def test_strong_effect_is_found(found: pd.DataFrame, quantity: str) -> None:
    estimate = found.loc[quantity]
    assert np.sign(estimate["estimate"]) == STRONG[quantity]
    assert estimate["p_value"] < 0.05


def test_first_hypothesis_is_found(found: pd.DataFrame) -> None:
    assert found.loc["HT1: growth", "p_value"] < 0.05


PLANTED = {
    f"{hypothesis['id']}: {component['name']}": component["planted"]
    for hypothesis in yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["hypotheses"]
    for component in hypothesis["components"]
    if "planted" in component and component["model"] in ("M1", "M3", "M6") and hypothesis["family"] == "primary"
}


@pytest.mark.parametrize("quantity", PLANTED)
def test_interval_of_a_primary_contrast_covers_the_planted_value(found: pd.DataFrame, quantity: str) -> None:
    low, high = found.loc[quantity, ["conf_low", "conf_high"]]
    assert low <= PLANTED[quantity] <= high


@pytest.mark.parametrize("quantity", [name for name in STRUCTURE if name.startswith("M9")])
def test_mean_over_data_sets_is_the_expected_one(draws: pd.DataFrame, quantity: str) -> None:
    estimates = draws.loc[draws["quantity"] == quantity, "estimate"]
    expected = EXPECTED.loc[quantity]
    assert abs(estimates.mean() - expected["mean"]) <= 4 * expected["sd"] / np.sqrt(DATA_SETS)


@pytest.mark.parametrize("quantity", [name for name in STRUCTURE if name.startswith("M9")])
def test_intervals_cover_the_expected_value(draws: pd.DataFrame, quantity: str) -> None:
    chosen = draws[draws["quantity"] == quantity]
    covered = chosen["conf_low"].le(EXPECTED.loc[quantity, "mean"]) & chosen["conf_high"].ge(
        EXPECTED.loc[quantity, "mean"]
    )
    assert covered.mean() >= 0.70
