"""Network type by the decision table, form and primary type by the firm's networks."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

from firmties.network_types import classify_networks, describe_firms, find_unknown

ROOT = Path(__file__).parents[2]
DECISIONS = pd.read_csv(ROOT / "data" / "network_type_decision.csv", dtype="str", keep_default_na=False)
SETTINGS = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["networks"]
KEYS = ["wave", "firm_id"]
BLANK = {
    "mover": None,
    "partner": None,
    "sought": None,
    "route": None,
    "status": None,
    "share": None,
    "start": None,
    "end": None,
}
SME, PEER, BROKER = (
    {"mover": 2, "partner": 1, "route": 1},
    {"mover": 2, "partner": 2, "route": 1},
    {"mover": 4, "partner": 1, "route": 1},
)


def panel(*networks: dict[str, int]) -> pd.DataFrame:
    row: dict[str, object] = {"wave": 1, "firm_id": "a"}
    for slot in (1, 2, 3):
        answers = {**BLANK, **(networks[slot - 1] if slot <= len(networks) else {})}
        row |= {f"nw{slot}_{field}": value for field, value in answers.items()}
    return pd.DataFrame([row]).astype({name: "Int64" for name in row if name.startswith("nw")})


def classify(*networks: dict[str, int]) -> pd.DataFrame:
    return classify_networks(panel(*networks), DECISIONS, SETTINGS, KEYS)


def describe(*networks: dict[str, int]) -> pd.Series:
    table = panel(*networks)
    return describe_firms(classify_networks(table, DECISIONS, SETTINGS, KEYS), table, SETTINGS, KEYS).iloc[0]


@pytest.mark.parametrize(
    "row", DECISIONS.to_dict("records"), ids=lambda row: f"{row['mover']}{row['partner']}{row['route']}"
)
def test_every_row_of_the_decision_table(row: dict[str, str]) -> None:
    found = classify({name: int(row[name]) for name in ("mover", "partner", "route")}).iloc[0]
    assert (found["type"], found["rule"], found["flag"]) == (row["type"], row["rule"], row["flag"])


def test_partners_sought_stand_in_for_none_yet() -> None:
    found = classify({"mover": 2, "partner": 4, "sought": 2, "route": 1}).iloc[0]
    assert (found["type"], found["flag"]) == ("peer_sme", "prospective")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"partner": 1, "route": 2}, "broker_led"),
        ({"mover": 4, "partner": 1}, "broker_led"),
        ({"mover": 2, "route": 1}, "unclassified"),
    ],
)
def test_incomplete_answers_give_the_type_on_which_all_fitting_rows_agree(
    answers: dict[str, int], expected: str
) -> None:
    found = classify(answers).iloc[0]
    assert (found["type"], found["flag"]) == (expected, "incomplete")


@pytest.mark.parametrize(
    ("networks", "form"),
    [
        ([], "none"),
        ([{**SME, "status": 1}], "single"),
        ([{**SME, "status": 1}, {**SME, "status": 2}], "single"),
        ([{**SME, "status": 1}, {**BROKER, "status": 2}], "hybrid"),
        ([{**SME, "status": 1}, {**BROKER, "status": 3}], "single"),
        ([{**SME, "status": 3}, {**BROKER, "status": 4}], "interrupted"),
        ([{"mover": 5, "partner": 1, "route": 1, "status": 1}], "single"),
    ],
)
def test_form(networks: list[dict[str, int]], form: str) -> None:
    assert describe(*networks)["form"] == form


def test_form_is_missing_where_no_status_is_known() -> None:
    assert pd.isna(describe(SME)["form"])


@pytest.mark.parametrize(
    ("networks", "primary", "tied"),
    [
        ([{**SME, "status": 1, "share": 30}, {**BROKER, "status": 1, "share": 70}], "broker_led", False),
        ([{**SME, "status": 1, "share": 30}, {**BROKER, "status": 3, "share": 70}], "sme_led", False),
        ([{**SME, "status": 3, "share": 30}, {**BROKER, "status": 3, "share": 70}], "broker_led", False),
        (
            [{**PEER, "status": 1, "share": 50, "start": 2015}, {**SME, "status": 1, "share": 50, "start": 2018}],
            "peer_sme",
            True,
        ),
        (
            [{**PEER, "status": 1, "share": 50, "start": 2018}, {**SME, "status": 1, "share": 50, "start": 2018}],
            "sme_led",
            True,
        ),
    ],
)
def test_primary_type(networks: list[dict[str, int]], primary: str, tied: bool) -> None:
    firm = describe(*networks)
    assert (firm["nt_primary"], firm["nt_tie"]) == (primary, tied)


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        ((2015, 2017), (2017, None), "concurrent"),
        ((2015, 2016), (2017, None), "sequential"),
        ((2015, None), (2017, 2018), "concurrent"),
    ],
)
def test_kind_of_hybrid(first: tuple[int, int], second: tuple[int, int], kind: str) -> None:
    one = {**SME, "status": 1, "start": first[0], "end": first[1]}
    two = {**BROKER, "status": 1, "start": second[0], "end": second[1]}
    assert describe(one, two)["hybrid_kind"] == kind


def test_form_is_missing_where_the_firm_would_not_say() -> None:
    table = panel()
    networks = classify_networks(table, DECISIONS, SETTINGS, KEYS)
    kinds = pd.DataFrame({f"nw1_{name}": ["refused"] for name in SETTINGS["answers"]})
    firm = describe_firms(networks, table, SETTINGS, KEYS, find_unknown(kinds, SETTINGS)).iloc[0]
    assert pd.isna(firm["form"])


def test_kind_of_hybrid_is_missing_where_a_start_is_unknown() -> None:
    assert pd.isna(describe({**SME, "status": 1, "start": 2015, "end": 2016}, {**BROKER, "status": 1})["hybrid_kind"])


def test_stopped_network_gives_no_indicator() -> None:
    firm = describe({**SME, "status": 1}, {**BROKER, "status": 3})
    assert (firm["nt_sme_led"], firm["nt_broker_led"], firm["any_stalled"]) == (True, False, True)


@pytest.mark.parametrize(
    ("networks", "sequence"),
    [
        ([{**SME, "status": 1, "start": 2018}, {**BROKER, "status": 3, "start": 2015}], "broker_led > sme_led"),
        ([{**SME, "status": 1, "start": 2018}, {**BROKER, "status": 1, "start": 2018}], "sme_led+broker_led"),
        ([{**SME, "status": 1, "start": 2018}, {**SME, "status": 1, "start": 2010}], "sme_led"),
        ([{**SME, "status": 1}], "sme_led"),
        (
            [
                {**PEER, "status": 1, "start": 2019},
                {**SME, "status": 1, "start": 2019},
                {**BROKER, "status": 1, "start": 2010},
            ],
            "broker_led > sme_led+peer_sme",
        ),
    ],
)
def test_types_in_the_order_in_which_they_began(networks: list[dict[str, int]], sequence: str) -> None:
    assert describe(*networks)["nt_seq"] == sequence


@pytest.mark.parametrize(
    "networks", [[], [{**SME, "status": 1, "start": 2018}, {**BROKER, "status": 1}], [{"mover": 5, "status": 1}]]
)
def test_order_of_types_is_missing_where_it_is_not_known(networks: list[dict[str, int]]) -> None:
    assert pd.isna(describe(*networks)["nt_seq"])
