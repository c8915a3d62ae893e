"""Labels, captions' facts and means."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from firmties.display import blank_small, codes_of, describe_models, describe_waves, estimate_means

from .exhibit_frames import DICTIONARY, MODEL


def test_codes_keep_an_equals_sign_in_a_label() -> None:
    words = pd.DataFrame({"variable": ["v"], "label": ["V"], "codes": ["1=a = b|2=c"], "reference": [None]})
    assert codes_of(words, "v") == {"1": "a = b", "2": "c"}


def test_codes_of_a_variable_without_entry_are_those_present() -> None:
    words = pd.DataFrame({"variable": ["v"], "label": ["V"], "codes": [None], "reference": [None]})
    assert codes_of(words, "w", ["y", "x", "y"]) == {"x": "x", "y": "y"}


def test_waves_come_in_order_with_their_labels() -> None:
    assert describe_waves([3, 1, 3], pd.DataFrame({"id": [1, 2, 3], "label": ["a", "b", "c"]})) == "a, c"


def test_models_of_different_size_are_named() -> None:
    models = pd.DataFrame([MODEL, MODEL | {"model": "M2", "n_obs": 1190}])
    assert describe_models(models, DICTIONARY)["n_firm_waves"] == "200 (M1); 1,190 (M2)"


def test_failed_model_gives_no_numbers() -> None:
    assert "n_firms" not in describe_models(pd.DataFrame([MODEL | {"status": "failed"}]), DICTIONARY)


def test_adjustment_is_worded_by_labels() -> None:
    models = pd.DataFrame([MODEL | {"formula": "kind + x + kind:x"}])
    assert (
        describe_models(models, DICTIONARY)["adjustment"]
        == "Kind of network, Strength; with the products Kind of network × Strength"
    )


def test_many_variables_are_counted_in_the_caption() -> None:
    models = pd.DataFrame([MODEL | {"formula": "a + b + c + d + e + f + g"}])
    assert describe_models(models, DICTIONARY)["adjustment"] == "the 6 other variables of model M1 (listed at the end)"


def test_every_variable_of_a_model_is_kept_for_the_list_at_the_end() -> None:
    models = pd.DataFrame([MODEL | {"formula": "a + b + c + d + e + f + g"}])
    assert describe_models(models, DICTIONARY)["adjusted_M1"] == "a, b, c, d, e, f, g"


def test_sizes_of_many_outcomes_are_given_as_a_range() -> None:
    models = pd.DataFrame([MODEL, MODEL | {"outcome": "other", "n_obs": 1190}])
    assert describe_models(models, DICTIONARY)["n_firm_waves"] == "200 to 1,190"


def test_clustered_mean_agrees_with_regression_on_the_constant() -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(3)
    rows = pd.DataFrame({"g": 1, "firm": rng.integers(0, 30, 120), "x": rng.normal(size=120)})
    rows["x"] += rows["firm"] / 10
    fit = sm.OLS(rows["x"], np.ones(120)).fit(cov_type="cluster", cov_kwds={"groups": rows["firm"]}, use_t=True)
    assert estimate_means(rows, "x", "g", "firm")["std_error"][0] == pytest.approx(fit.bse.iloc[0], rel=1e-12)


def test_mean_of_one_cluster_has_no_interval() -> None:
    rows = pd.DataFrame({"g": [1, 1], "firm": ["a", "a"], "x": [1.0, 3.0]})
    assert estimate_means(rows, "x", "g", "firm")[["estimate", "conf_low"]].isna().values.tolist() == [[False, True]]


@pytest.mark.parametrize(
    ("n", "state", "number_hidden", "mean_hidden"),
    [
        (10, "shown", False, False),
        (9, "no estimate", False, True),
        (5, "no estimate", False, True),
        (4, "suppressed", True, True),
        (0, "empty", False, True),
    ],
)
def test_small_cells(n: int, state: str, number_hidden: bool, mean_hidden: bool) -> None:
    cell = blank_small(pd.DataFrame({"n": [n], "mean": [1.0]}), "n", ["mean"], pd.Series([n == 4])).iloc[0]
    assert (cell["cell"], pd.isna(cell["n"]), pd.isna(cell["mean"])) == (state, number_hidden, mean_hidden)
