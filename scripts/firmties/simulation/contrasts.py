"""The planted contrasts: the true equations, averaged over the firms that are in the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmties.simulation.draws import evaluate, to_share
from firmties.simulation.population import POSITIONS, TYPES, Parameters

FORMS = ("single", "hybrid", "interrupted")
Setting = Mapping[str, str]


def select_usable(truth: pd.DataFrame) -> pd.DataFrame:
    """Select what the analysis should keep: eligible, consenting, not broken off, no copies, careful, networked."""
    spoiled = truth["careless"].ne("") | truth["ineligible"].ne("") | truth["duplicate"].ne("")
    spoiled |= truth["no_consent"] | truth["test"] | truth["status"].eq("break_off") | truth["type"].eq("none")
    return truth[~spoiled]


def make_columns(usable: pd.DataFrame, setting: Setting) -> dict[str, NDArray[Any]]:
    """Make the equations' columns of the usable responses, with type, position or form set to one value for all."""
    columns: dict[str, NDArray[Any]] = {
        name: usable[name].to_numpy() for name in usable.columns if usable[name].dtype.kind == "f"
    }
    columns["one"] = np.ones(len(usable))
    columns["written"] = usable["written"].to_numpy(dtype=float)
    columns["ln_emp"] = np.log(usable["emp_12m"].to_numpy())
    columns["rising_z"], columns["log_z"] = np.log1p(np.exp(usable["z"])), np.log(np.maximum(usable["z"] + 4, 0.1))
    for wave in range(2, 10):
        columns[f"wave{wave}"] = usable["wave"].eq(wave).to_numpy(dtype=float)
    for variable, names in (("type", TYPES), ("position", POSITIONS), ("form", FORMS)):
        for name in names:
            chosen = (
                usable[variable].eq(name)
                if variable not in setting
                else pd.Series(setting[variable] == name, usable.index)
            )
            columns[name] = chosen.to_numpy(dtype=float)
    return columns


def compute_contrasts(parameters: Parameters, truth: pd.DataFrame) -> pd.DataFrame:
    """Compute what the declared hypotheses' contrasts truly are: direct effects, all else as it is in the data.

    Parameters
    ----------
    parameters : mapping
    truth : pandas.DataFrame
        `truth_responses` of `simulate_survey`.

    Returns
    -------
    pandas.DataFrame
        `hypothesis`, `component`, `contrast` (in words), `value` (growth: midpoint rate; market: probability of
        stage 4 or 5; slopes: per unit).
    """
    usable = select_usable(truth)
    market, cuts = parameters["outcomes"]["market"], parameters["outcomes"]["market_cuts"]

    def growth(**setting: str) -> float:
        return float(evaluate(parameters["growth"]["equation"], make_columns(usable, setting)).mean())

    def regular_sales(**setting: str) -> float:
        return float(to_share(evaluate(market, make_columns(usable, setting)) - cuts[2]).mean())

    def others(mean: Callable[..., float], chosen: str, **setting: str) -> float:
        rest = [mean(type=name, **setting) for name in TYPES if name != chosen]
        return mean(type=chosen, **setting) - float(np.mean(rest))

    def over(mean: Callable[..., float], chosen: str, places: tuple[str, ...]) -> float:
        return float(np.mean([others(mean, chosen, position=place) for place in places]))

    def against_mean(mean: Callable[..., float]) -> float:
        return mean(form="interrupted") - 0.5 * (mean(form="single") + mean(form="hybrid"))

    rows: list[tuple[str, str, str, float]] = [
        ("HT1", "growth", "SME-led less mean of the others", others(growth, "sme_led"))
    ]
    for hypothesis, chosen, first, rest in (
        ("HT3", "sme_led", ("up", "mid"), ("down",)),
        ("HT4", "peer_sme", ("down",), ("up", "mid")),
        ("HT5", "broker_led", ("up",), ("mid", "down")),
    ):
        for name, mean in (("growth", growth), ("market", regular_sales)):
            here, there = over(mean, chosen, first), over(mean, chosen, rest)
            places, elsewhere = " and ".join(first), " and ".join(rest)
            rows.append((hypothesis, f"{name}: {places}", f"{chosen} less mean of the others at {places}", here))
            rows.append((hypothesis, f"{name}: {elsewhere}", f"{chosen} less mean of the others at {elsewhere}", there))
            rows.append((hypothesis, f"{name}: difference", f"{places} less {elsewhere}", here - there))
    for name, mean in (("growth", growth), ("market", regular_sales)):
        rows.append(("HF1", name, "single less hybrid", mean(form="single") - mean(form="hybrid")))
        rows.append(("HF2", name, "interrupted less mean of single and hybrid", against_mean(mean)))
        rows.append(
            (
                "HF2",
                f"{name}: against single",
                "interrupted less single",
                mean(form="interrupted") - mean(form="single"),
            )
        )
    rows.append(("HT6b", "market", "incumbent-led less mean of the others", others(regular_sales, "incumbent_led")))
    equation = parameters["growth"]["equation"]
    for hypothesis, term in (
        ("HS1", "z"),
        ("HS1", "z x z"),
        ("HN1", "constraint_z"),
        ("HE1", "lockin"),
        ("HD3", "written"),
        ("HG1", "formal x informal"),
    ):
        rows.append((hypothesis, term, f"coefficient of {term} in growth", equation[term]))
    slopes = parameters["partners"]["innov"]["f2f"]
    rows.append(
        ("HV3", "first minus last stage", "slope of innov on f2f share, stage 1 less stage 4", slopes[0] - slopes[3])
    )
    table = pd.DataFrame(rows, columns=["hypothesis", "component", "contrast", "value"])
    return table.assign(value=table["value"].round(5))
