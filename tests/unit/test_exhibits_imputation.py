"""The figure of chains and the table of missing information."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from firmties.errors import StudyError
from firmties.exhibits.convergence.summarize import compare_chains
from firmties.exhibits.convergence.summarize import summarize as summarize_chains
from firmties.exhibits.missing_information.summarize import summarize as summarize_information
from firmties.exhibits.missing_information.tabulate import tabulate

from .exhibit_frames import STUDY, WAVES, draw_anew, list_texts

DICTIONARY = pd.DataFrame(
    [
        ("sales", "panel", "Sales", "growth"),
        ("before", "panel", "Sales before", "growth"),
        ("met", "alters", "met in person", "contact"),
        ("rare", "panel", "Rare", "growth"),
    ],
    columns=["variable", "table", "label", "construct"],
)


@pytest.fixture
def chains():
    rng = np.random.default_rng(4)
    rows = [
        (wave, table, variable, iteration, chain, rng.normal(), 1.0)
        for wave in (1, 2)
        for table, variable in (("panel", "sales / before"), ("alters", "met"))
        if (wave, table) != (1, "panel")
        for iteration in range(1, 6)
        for chain in range(1, 4)
    ]
    columns = ["wave", "table", "variable", "iteration", "chain", "mean", "sd"]
    return {"chains": pd.DataFrame(rows, columns=columns), "dictionary": DICTIONARY, "waves": WAVES, "study": STUDY}


def test_chains_that_stay_apart_have_a_large_ratio():
    assert compare_chains(np.array([[0.0, 5], [0.1, 5.1], [0.0, 5.0], [0.1, 5.1]])) > 10


def test_two_iterations_tell_nothing():
    assert np.isnan(compare_chains(np.ones((2, 3))))


def test_a_multiple_is_found_by_its_amount(chains):
    numbers, _ = summarize_chains(chains, {"variables": ["sales"]})
    assert numbers["label"].unique().tolist() == ["Sales (as a multiple)"]


def test_a_variable_that_was_not_imputed_is_named(chains):
    with pytest.raises(StudyError, match="'sale' was imputed in no wave; did you mean 'sales'"):
        summarize_chains(chains, {"variables": ["sale"]})


def test_a_wave_without_imputed_values_says_so(chains):
    numbers, notes = summarize_chains(chains, {"variables": ["sales", "met"]})
    assert "nothing imputed" in list_texts(draw_anew("convergence", numbers, notes, {}))


def make_sources():
    rows = []
    for wave in (1, 2):
        for name in ("sales", "rare"):
            counts = {"n_observed": 20, "n_no_answer": 2, "n_dont_know": 1, "n_refused": 0, "n_lost": 1, "n_imputed": 3}
            observed = {"mean_observed": 2.0 * wave, "sd_observed": 1.0, "mean_imputed": 3.0, "sd_imputed": 0.5}
            reason = "1 not imputed: the base 'before' is not positive"
            described = {"wave": wave, "table": "panel", "variable": name, "method": "pmm", "reason": reason}
            rows.append({**described, **counts, **observed, "missing_information": 0.1 * wave})
    rows.append({**rows[0], "variable": "before", "n_no_answer": 0, "n_dont_know": 0, "n_lost": 0, "n_imputed": 0})
    panel = pd.DataFrame(
        {"wave": [1] * 24 + [2] * 24, "sales": [*range(24)] * 2, "rare": ([0.0] * 22 + [1.0, np.nan]) * 2}
    )
    return {
        "imputations": pd.DataFrame(rows), "panel": panel, "alters": pd.DataFrame(), "dictionary": DICTIONARY,
        "scales": pd.DataFrame(), "waves": WAVES, "study": STUDY,
    }  # fmt: skip


def test_waves_are_added_up():
    numbers, _ = summarize_information(make_sources(), {})
    row = numbers.set_index("variable").loc["sales"]
    assert (row["n_observed"], row["n_missing"], row["n_imputed"], row["mean_observed"]) == (40, 8, 6, 3.0)


def test_missing_information_is_that_of_the_wave_with_most():
    numbers, _ = summarize_information(make_sources(), {})
    assert numbers.set_index("variable").loc["sales", "missing_information"] == pytest.approx(0.2)


def test_a_variable_without_gaps_has_no_row():
    numbers, _ = summarize_information(make_sources(), {})
    assert list(numbers["variable"]) == ["sales", "rare"]


def test_means_that_would_tell_few_answers_are_blank():
    numbers, _ = summarize_information(make_sources(), {})
    assert np.isnan(numbers.set_index("variable").loc["rare", "mean_observed"])


def test_reasons_are_counted_over_all_variables_only():
    numbers, notes = summarize_information(make_sources(), {})
    assert not [name for name in numbers if "refused" in name or "no_answer" in name]
    assert notes["remark_kinds"] == (
        "Missing over all variables: 8 no answer, 4 don't know, 0 refused, 4 removed as implausible."
    )


def test_what_was_not_imputed_is_told_with_its_reason():
    numbers, notes = summarize_information(make_sources(), {})
    table = tabulate(numbers, notes, {"title": "What was imputed"})
    assert "Not imputed: Sales: 2 (1 not imputed: the base 'before' is not positive)" in table.notes[-1]
