"""Who is invited in a wave, who answers, and what the sample file and the frame margins say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmties.simulation.draws import Columns, draw_index, evaluate, make_generator, to_share
from firmties.simulation.population import Parameters, Population


@dataclass
class History:
    """What earlier waves left behind, one element a firm."""

    answered: NDArray[np.bool_]
    answered_last: NDArray[np.bool_]
    gone: NDArray[np.bool_]  # found not eligible, or known to be closed: not invited again
    probability: NDArray[np.float64]  # of the draw that first brought the firm in
    columns: dict[str, NDArray[Any]]  # of the year before


@dataclass
class Fieldwork:
    """One wave's invitations: indices of firms, and for each what came of it."""

    firms: NDArray[np.int64]
    panel: NDArray[np.bool_]
    probability: NDArray[np.float64]
    outcome: NDArray[np.str_]  # answered, no_consent, large, group_owned, closed, or a disposition of nonresponse
    contacts: NDArray[np.int64]


def start_history(count: int) -> History:
    """Make the history before the first wave."""
    no = np.zeros(count, dtype=bool)
    zero = np.zeros(count)
    columns = {"relational": zero, "interrupted": zero, "growth": zero}
    return History(no.copy(), no.copy(), no.copy(), np.full(count, np.nan), columns)


def draw_invitations(
    population: Population, history: History, description: Columns, parameters: Parameters, seed: int, wave: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Draw fresh firms by size class, and add every firm that ever answered.

    Returns
    -------
    firms : array of int
        Sorted indices of the invited.
    panel : array of bool
        Whether each has answered before.
    """
    generator = make_generator(seed, wave, "invitations")
    sample = parameters["sample"]
    drawn: list[NDArray[np.int64]] = []
    for size_class, share in sample["allocation"].items():
        # ASSUME: a fresh firm is one that never answered; an earlier invitation without an answer does not bar it,
        # or the 600 medium firms of the frame would be used up by the third wave.
        pool = np.flatnonzero(
            (description["size_class"] == size_class) & population.alive & ~history.answered & ~history.gone
        )
        number = min(len(pool), round(sample["fresh"][wave - 1] * share))
        drawn.append(generator.choice(pool, number, replace=False))
        history.probability[drawn[-1]] = number / max(len(pool), 1)
    # A panel firm that closed since it was last asked is written to once more, and found closed.
    panel = np.flatnonzero(history.answered & ~history.gone)
    firms = np.sort(np.concatenate([*drawn, panel]))
    return firms, history.answered[firms]


def draw_outcomes(
    population: Population, history: History, description: Columns, parameters: Parameters, seed: int, wave: int
) -> Fieldwork:
    """Draw what comes of each invitation; marks in `history` who has answered and who is gone.

    Beside the answers of eligible firms, a stated share of all responses is planted among the other invited firms:
    firms that the frame lists wrongly (too large, group-owned, closed) and refusals of consent.
    """
    firms, panel = draw_invitations(population, history, description, parameters, seed, wave)
    generator = make_generator(seed, wave, "response")
    sample, dirt = parameters["sample"], parameters["dirt"]
    columns = {name: values[firms] for name, values in description.items()}
    columns |= {f"{name}_before": history.columns[name][firms] for name in ("relational", "interrupted", "growth")}
    columns["missed"] = (panel & ~history.answered_last[firms]).astype(float)
    logit = np.where(panel, evaluate(sample["return"], columns), evaluate(sample["respond"], columns))
    answers = (generator.random(len(firms)) < to_share(logit)) & population.alive[firms]
    outcome = np.array(list(sample["nonresponse"]), dtype="<U12")[
        draw_index(generator, list(sample["nonresponse"].values()), len(firms))
    ]
    outcome[answers] = "answered"
    outcome[~population.alive[firms]] = "NE"
    candidates = generator.permutation(np.flatnonzero(~answers & ~panel & population.alive[firms]))
    kinds = dirt["ineligible"]
    # ASSUME: the planted share is one of the wave's answers; the rows come from firms that would not have answered.
    number = round(kinds["share"] * answers.sum())
    names = np.array(["large", "group_owned", "closed"])
    outcome[candidates[:number]] = names[draw_index(generator, [kinds[name] for name in names], number)]
    refused = max(1, round(dirt["no_consent"] * answers.sum())) if dirt["no_consent"] else 0
    outcome[candidates[number : number + refused]] = "no_consent"
    contacts = draw_index(generator, sample["contacts"], len(firms)) + 1
    most = len(sample["contacts"])
    contacts = np.where(np.isin(outcome, ["NC", "UH", "UO"]), most, contacts)

    history.answered_last[:] = False
    history.answered_last[firms[answers]] = True
    history.answered[firms[answers]] = True
    history.gone[firms[np.isin(outcome, [*names, "NE"])]] = True
    return Fieldwork(firms, panel, history.probability[firms].copy(), outcome, contacts)


def make_sample(
    fieldwork: Fieldwork, population: Population, description: Columns, disposition: NDArray[np.str_]
) -> pd.DataFrame:
    """Make the wave's sample file: one row an invited firm.

    Parameters
    ----------
    fieldwork : Fieldwork
    population : Population
    description : mapping of str to array
    disposition : array of str
        AAPOR code of each invited firm.

    Returns
    -------
    pandas.DataFrame
        In the order of the firms' keys.
    """
    firms = fieldwork.firms
    table = pd.DataFrame(
        {
            "firm_id": population.firm_id[firms],
            "sample_type": np.where(fieldwork.panel, "panel", "refresh"),
            "disposition": disposition,
            "n_contacts": fieldwork.contacts,
            "selection_probability": np.round(fieldwork.probability, 5),
        }
        | {name: description[name][firms] for name in ("size_class", "sector", "region", "age_band")}
    )
    return table.sort_values("firm_id", ignore_index=True)


def count_margins(population: Population, description: Columns, parameters: Parameters, wave: int) -> pd.DataFrame:
    """Count the frame's firms by size class and sector, each alone and crossed, by region and by age band."""
    alive = population.alive
    frame = pd.DataFrame({name: description[name][alive] for name in ("size_class", "sector", "region", "age_band")})
    frame["size_class x sector"] = frame["size_class"] + " x " + frame["sector"]
    orders = {
        "size_class": list(parameters["frame"]["size_classes"]),
        "sector": list(parameters["frame"]["sectors"]),
        "region": list(parameters["frame"]["regions"]),
        "age_band": list(parameters["frame"]["age_bands"]),
    }
    orders["size_class x sector"] = [
        f"{size} x {sector}" for size in orders["size_class"] for sector in orders["sector"]
    ]
    rows = [
        {"wave": wave, "variable": variable, "category": category, "count": int((frame[variable] == category).sum())}
        for variable, categories in orders.items()
        for category in categories
    ]
    return pd.DataFrame(rows)
