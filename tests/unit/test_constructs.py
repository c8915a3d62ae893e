"""The demonstration's constructs by hand: each entry of its config.yaml on a few rows whose value follows by eye."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from firmties.alters import aggregate_slots
from firmties.errors import StudyError
from firmties.expressions import Following
from firmties.scales import Anchors
from firmties.score import derive, name_relations

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text(encoding="utf-8"))
DERIVED = {entry["name"]: entry for entry in CONFIG["derived"]}
OF_PARTNERS = {entry["name"]: entry for entry in CONFIG["alters"]["derived"]}
FIRMS = Following(("firm_id",), (1, 2, 3))


def compute(name: str, entries: dict[str, dict[str, Any]] = DERIVED, **columns: Any) -> Any:
    table = pd.DataFrame(columns)
    made = derive(table, [entries[name]], Anchors({}), "derived", FIRMS)[name]
    return [None if pd.isna(value) else value for value in made]


@pytest.mark.parametrize(
    ("name", "columns", "expected"),
    [
        ("diff3", {"diff": [3.4, 3.5, 5.0, 5.1, None]}, ["low", "moderate", "moderate", "high", None]),
        ("gov_balance", {"gov_formal": [7.0, 4.0], "gov_informal": [1.0, 4.0]}, [0.0, 1.0]),
        (
            "gov_type",
            {"gov_formal": [4.5, 4.4, 4.5, 4.4], "gov_informal": [4.4, 4.5, 4.5, 4.4]},
            ["formal", "informal", "hybrid", "low"],
        ),
        ("embed", {"ts_mean": [0.9, 0.5], "relcap": [7.0, 4.0], "cogemb": [4.0, None]}, [pytest.approx(0.8), None]),
        ("overembed", {"embed": [0.75, 0.85, 0.2]}, [0.0, pytest.approx(0.1), 0.0]),
        ("gap", {"import_yes": [True, True, False], "strat_written": [False, True, None]}, [1.0, 0.0, None]),
        ("digital_adv", {"dg7": [4.0, 1.0, None], "dg8": [2.0, None, None]}, [0.75, 0.25, None]),
        ("comm_success2", {"comm_stage": [4, 4, 3], "n_working": [1, 0, 1]}, [True, False, False]),
        ("first_sales", {"sales_prev": [0.0, 0.0, 5.0], "sales_now": [3.0, 0.0, 9.0]}, [True, False, False]),
        ("weak_share_named", {"n_weak_named": [1.0, 0.0], "n_strong_named": [3.0, 0.0]}, [0.25, None]),
        (
            "fin_any",
            {"fin_12m__grant": [True, False, None], "fin_12m__bank_loan": [False, False, None]},
            [True, False, None],
        ),
    ],
)
def test_construct(name: str, columns: dict[str, Any], expected: list[object]) -> None:
    assert compute(name, **columns) == expected


def test_form_so_far_adds_up_the_types_of_all_waves() -> None:
    rows: dict[str, Any] = {"wave": [1, 2, 3, 1, 2, 1], "firm_id": ["a", "a", "a", "b", "b", "c"]}
    forms = ["none", "interrupted", "single", "single", "single", "hybrid"]
    held = {
        "nt_sme_led": [0, 0, 1, 1, 0, 1],
        "nt_peer_sme": [0, 0, 0, 0, 1, 1],
        "nt_broker_led": 0,
        "nt_incumbent_led": 0,
    }
    table = pd.DataFrame(rows | held | {"form": forms}).astype(dict.fromkeys(held, "boolean"))
    made = derive(table, [DERIVED["types_ever"], DERIVED["form_ever"]], Anchors({}), "derived", FIRMS)
    assert made["form_ever"].tolist() == ["none", "interrupted", "single", "single", "hybrid", "hybrid"]


def test_turnover_is_the_distance_of_jaccard_between_the_keys_of_two_waves() -> None:
    # Of wave 1 to 2: one of three in all is kept, 1 - 1 / 3; wave 3: two of two are kept, and one is new.
    named = {1: ["k1", "k2"], 2: ["k2", "k3"], 3: ["k2", "k3", "k4"]}
    alters = pd.DataFrame([{"wave": w, "firm_id": "a", "key": key} for w, keys in named.items() for key in keys])
    alters["relation"] = name_relations(alters, "firm_id", "key")
    entries = [OF_PARTNERS[name] for name in ("keyed", "again")]
    alters = derive(alters, entries, Anchors({}), "alters: derived", Following(("relation",), (1, 2, 3)))
    counts = [entry for entry in CONFIG["alters"]["aggregated"] if entry["name"] in ("n_keyed", "n_again")]
    panel = aggregate_slots(alters, pd.DataFrame({"wave": [1, 2, 3], "firm_id": "a"}), counts, ["wave", "firm_id"])
    made = derive(panel, [DERIVED["turnover"], DERIVED["lc_alt"]], Anchors({}), "derived", FIRMS)
    np.testing.assert_allclose(made["turnover"], [np.nan, 2 / 3, 1 / 3])
    np.testing.assert_allclose(made["lc_alt"], [np.nan, 0, 2 * 1 / 5])


def test_fit_of_the_mode_is_the_distance_from_the_frozen_mean_of_the_stage() -> None:
    table = pd.DataFrame({"f2f": [70.0, 40.0], "stage": [1.0, 4.0], "innov": [2.0, 7.0]})
    anchors = Anchors({"f2f[stage=1]": (60.0, 1.0), "f2f[stage=4]": (40.0, 1.0)})
    made = derive(table.assign(wave=1), [OF_PARTNERS["mode_fit"]], anchors, "alters: derived")["mode_fit"]
    assert made.tolist() == [pytest.approx(0.9), 1.0]


def test_missing_benchmarks_are_printed_as_rows_to_add_from_the_first_wave() -> None:
    table = pd.DataFrame(
        {
            "wave": [1, 1, 1, 2],
            "f2f": [50.0, 70.0, 0.0, 90.0],
            "stage": [1.0, 1.0, 1.0, 2.0],
            "innov": [6.0, 7.0, 2.0, 6.0],
        }
    )
    anchors = Anchors({})
    derive(table, [OF_PARTNERS["mode_fit"]], anchors, "alters: derived")
    with pytest.raises(StudyError) as raised:
        anchors.check()
    assert str(raised.value).splitlines()[1:] == [
        "  f2f[stage=1],60,14.1421,1,mean and standard deviation of the 2 rows that count in wave 1",
        "  f2f[stage=2],90,1,2,mean and standard deviation of the 1 rows that count in wave 2",
    ]


def test_code_that_is_not_declared_is_named() -> None:
    entry = {"name": "size", "value": "where(x > 1, 'large', 'smal')", "codes": {"small": "small", "large": "large"}}
    with pytest.raises(StudyError, match="derived: size: codes: 'smal' is not among them; did you mean 'small'"):
        derive(pd.DataFrame({"x": [1.0, 2.0]}), [entry], Anchors({}), "derived")
