"""The population behind the demonstration: firms, their traits, networks and growth, year by year."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmties.simulation.draws import Columns, draw_index, draw_keys, evaluate, make_generator, to_share

TYPES = ("incumbent_led", "sme_led", "peer_sme", "broker_led")
POSITIONS = ("down", "mid", "up")
Parameters = Mapping[str, Any]


@dataclass
class Population:
    """All firms of the frame: what is fixed, and what changes from year to year (arrays of one row a firm)."""

    firm_id: NDArray[np.str_]
    sector: NDArray[np.str_]
    region: NDArray[np.str_]
    position: NDArray[np.int64]  # 0 down, 1 mid, 2 up
    second_position: NDArray[np.int64]  # -1: none
    founded: NDArray[np.int64]
    employees: NDArray[np.float64]  # twelve months before the interview of the wave to come
    ln_sales: NDArray[np.float64]
    ln_assets: NDArray[np.float64]
    stable_traits: NDArray[np.float64]
    effects: dict[str, NDArray[np.float64]]
    partner_keys: NDArray[np.str_]
    partner_since: NDArray[np.float64]
    alive: NDArray[np.bool_]
    type: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


@dataclass
class FirmYear:
    """One year of the whole population: the columns that equations may name, and the partners' matrices."""

    columns: dict[str, NDArray[Any]]
    strength: NDArray[np.float64]  # firm x slot; latent strength of the tie
    named: NDArray[np.bool_]  # firm x slot
    ties: NDArray[np.bool_]  # firm x slot x slot, symmetric: the two partners know each other
    keys: NDArray[np.str_]
    years_known: NDArray[np.float64]
    second_types: NDArray[np.int64]  # firm x 2; -1: none


def list_traits(parameters: Parameters) -> list[str]:
    """List the latent traits in the order of their columns."""
    return [*parameters["traits"]["correlated"], *parameters["traits"]["uncorrelated"]]


def make_trait_correlation(parameters: Parameters) -> NDArray[np.float64]:
    """Make the correlation matrix of all latent traits.

    Raises
    ------
    ValueError
        The matrix is not positive definite.
    """
    traits = parameters["traits"]
    names = list_traits(parameters)
    count = len(traits["correlated"])
    matrix = np.eye(len(names))
    matrix[:count, :count] += traits["correlation"] * (1 - np.eye(count))
    for pair, value in traits["correlations"].items():
        i, j = (names.index(name) for name in pair.split(" x "))
        matrix[i, j] = matrix[j, i] = value
    if np.linalg.eigvalsh(matrix)[0] <= 0:
        raise ValueError("the traits' correlations contradict each other: the matrix is not positive definite")
    return matrix


def draw_population(parameters: Parameters, seed: int) -> Population:
    """Draw the frame: firms with size, age, sector, region, position and what stays with them over the waves.

    Parameters
    ----------
    parameters : mapping
        `data/simulation.yaml`.
    seed : int

    Returns
    -------
    Population
    """
    frame, partners = parameters["frame"], parameters["partners"]
    count = frame["firms"]
    generator = make_generator(seed, 0, "frame")
    classes = list(frame["size_classes"].values())
    drawn_class = draw_index(generator, [entry["share"] for entry in classes], count)
    low, high = (np.array([entry[end] for entry in classes], dtype=float)[drawn_class] for end in ("from", "to"))
    uniform = generator.random(count)
    log_spread = np.array([entry["spread"] == "log_uniform" for entry in classes])[drawn_class]
    employees = np.where(log_spread, low * (high / low) ** uniform, low + (high - low) * uniform)
    employees = np.minimum(np.round(employees * 2) / 2, np.where(log_spread | (high > low), high - 0.5, high))
    ln_age = frame["ln_age"]
    age = np.clip(np.round(np.exp(generator.normal(ln_age["mean"], ln_age["sd"], count))), 1, ln_age["largest"])
    sectors = np.array(list(frame["sectors"]))
    sector = draw_index(generator, list(frame["sectors"].values()), count)
    region = np.array(list(frame["regions"]))[draw_index(generator, list(frame["regions"].values()), count)]
    position = draw_index(generator, np.array([frame["positions"][name] for name in sectors])[sector])
    # Adjacent: a firm in the middle has two neighbours, one at an end has one.
    neighbour = np.where(position == 1, 2 * generator.integers(0, 2, count), 1)
    second = np.where(generator.random(count) < frame["second_position"]["share"], neighbour, -1)

    generator = make_generator(seed, 0, "firms")
    factor = np.linalg.cholesky(make_trait_correlation(parameters))
    per_head = {name: parameters[name]["ln_per_head"] for name in ("sales", "assets")}
    slots = partners["most"]
    effects = {
        "growth": generator.normal(0, parameters["growth"]["firm"], count),
        "strength": generator.normal(0, partners["strength_sd"]["firm"], count),
        "tie": generator.normal(0, 1, count),
        "f2f": generator.normal(0, partners["f2f"]["firm"], count),
        "innov": generator.normal(0, partners["innov"]["firm"], count),
        "hidden": generator.normal(0, 1, count),
    }
    ln_sales, ln_assets = (
        np.log(employees) + np.clip(generator.normal(entry["mean"], entry["sd"], count), 2.5, 6.5)
        for entry in per_head.values()
    )
    return Population(
        firm_id=draw_keys(make_generator(seed, 0, "firm keys"), count),
        sector=sectors[sector],
        region=region,
        position=position,
        second_position=second,
        founded=(parameters["first_year"] - age).astype(int),
        employees=employees,
        ln_sales=ln_sales,
        ln_assets=ln_assets,
        stable_traits=generator.normal(size=(count, len(factor))) @ factor.T,
        effects=effects,
        partner_keys=np.full((count, slots), "", dtype="<U12"),
        partner_since=np.zeros((count, slots)),
        alive=np.ones(count, dtype=bool),
    )


def describe_firms(population: Population, parameters: Parameters, wave: int) -> dict[str, NDArray[Any]]:
    """Describe the frame as known before the wave: size class, age band, sector, region, and the size and age terms."""
    count = len(population.employees)
    age = np.maximum(1, parameters["first_year"] - 1 + wave - population.founded)
    upper = [entry["to"] for entry in parameters["frame"]["size_classes"].values()][:-1]
    bands = parameters["frame"]["age_bands"]
    ln_emp = np.log(population.employees)
    columns: dict[str, NDArray[Any]] = {
        "one": np.ones(count),
        "size_class": np.array(list(parameters["frame"]["size_classes"]))[
            np.searchsorted(upper, population.employees, "right")
        ],
        "age_band": np.array(list(bands))[np.searchsorted(list(bands.values()), age)],
        "sector": population.sector,
        "region": population.region,
        "age": age,
        "old": (age > 20).astype(float),
        "ln_emp": ln_emp,
        "ln_emp_2": ln_emp - 2,
        "ln_emp_2.5": ln_emp - 2.5,
        "ln_age_2.2": np.log(age) - 2.2,
        "hidden": population.effects["hidden"],
    }
    for name, place in zip(POSITIONS, range(3), strict=True):
        columns[name] = (population.position == place).astype(float)
    for number in range(2, max(5, parameters["waves"] + 1)):
        columns[f"wave{number}"] = np.full(count, float(wave == number))
    return columns


def draw_types(
    columns: Columns, previous: NDArray[np.int64], parameters: Parameters, generator: np.random.Generator
) -> dict[str, NDArray[Any]]:
    """Draw each firm's main network type, further types and form.

    The type has the largest of four utilities with Gumbel noise; from the second wave a firm keeps its type with
    probability `keep`. Interrupted overrides hybrid.

    Parameters
    ----------
    columns : mapping of str to array
    previous : array of int
        Type of the wave before, 0 to 3; empty in the first wave.
    parameters : mapping
    generator : numpy.random.Generator

    Returns
    -------
    dict
        `type` (0 to 3), `seconds` (firm x 2, -1 where none), `hybrid`, `interrupted`, `none` (bool).
    """
    networks = parameters["networks"]
    count = len(columns["one"])
    rows = np.arange(count)
    systematic = np.column_stack([evaluate(networks["utility"][name], columns) for name in TYPES])
    drawn = (systematic + generator.gumbel(size=systematic.shape)).argmax(axis=1)
    keeps = generator.random(count) < networks["keep"]
    if len(previous):
        # A type that is out of reach (the scenario "one type missing") is not kept either.
        drawn = np.where(keeps & (systematic[rows, previous] > -100), previous, drawn)
    known = dict(columns) | {name: (drawn == place).astype(float) for place, name in enumerate(TYPES)}
    interrupted = generator.random(count) < to_share(evaluate(networks["interrupted"], known))
    hybrid = (generator.random(count) < to_share(evaluate(networks["hybrid"], known))) & ~interrupted
    none = generator.random(count) < networks["none"]
    hybrid, interrupted = hybrid & ~none, interrupted & ~none
    broker = TYPES.index("broker_led")
    others = generator.permuted(np.tile(np.arange(len(TYPES)), (count, 1)), axis=1)
    rank = np.where(others == drawn[:, None], 9, np.arange(len(TYPES)))
    # The second is a broker network with the stated share; else, as the third, any type not yet there.
    wants_broker = (generator.random(count) < networks["second_broker"]) & (drawn != broker)
    rank = np.where(wants_broker[:, None] & (others == broker), -1, rank)
    rank = np.where(~wants_broker[:, None] & (others == broker) & (drawn != broker)[:, None], 5, rank)
    ordered = np.take_along_axis(others, rank.argsort(axis=1, kind="stable"), axis=1)
    three = generator.random(count) < networks["three_types"]
    seconds = np.column_stack([np.where(hybrid, ordered[:, 0], -1), np.where(hybrid & three, ordered[:, 1], -1)])
    return {"type": drawn, "seconds": seconds, "hybrid": hybrid, "interrupted": interrupted, "none": none}


def compute_constraint(ties: NDArray[np.bool_], named: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Compute Burt's (1992) constraint of each firm from the known ties between its partners (binary, ego included).

    C = sum_j (p_ej + sum_q p_eq p_qj)^2, with p_ej = 1/n and p_qj = 1 / (1 + number of partners that q knows).

    Parameters
    ----------
    ties : array of bool, firm x slot x slot, symmetric
    named : array of bool, firm x slot

    Returns
    -------
    array of float

    Examples
    --------
    >>> ties = np.zeros((3, 2, 2), dtype=bool)
    >>> ties[1] = [[False, True], [True, False]]
    >>> compute_constraint(ties, np.array([[True, True], [True, True], [True, False]])).tolist()
    [0.5, 1.125, 1.0]
    """
    share = named / np.maximum(named.sum(axis=1, keepdims=True), 1)
    invested = ties / (1 + ties.sum(axis=2, keepdims=True))  # rows q, columns j: p_qj
    through = np.einsum("iq,iqj->ij", share, invested)
    return np.asarray((named * (share + through) ** 2).sum(axis=1))


def draw_year(population: Population, parameters: Parameters, seed: int, wave: int) -> FirmYear:
    """Draw one year of all firms: traits, networks, partners, growth, sales and assets. Changes nothing.

    Parameters
    ----------
    population : Population
        As it stood twelve months before the interview.
    parameters : mapping
    seed, wave : int

    Returns
    -------
    FirmYear
        `columns` holds, beside the terms of the equations, `growth`, `emp_12m`, `emp_now`, `sales_prev`, `sales_now`,
        `assets_prev`, `assets_now` as they truly are, without rounding of the answers or errors.
    """
    partners, growth = parameters["partners"], parameters["growth"]
    columns = describe_firms(population, parameters, wave)
    count, slots = len(columns["one"]), partners["most"]
    generator = make_generator(seed, wave, "traits")
    factor = np.linalg.cholesky(make_trait_correlation(parameters))
    stable = parameters["traits"]["stable_share"]
    current = generator.normal(size=(count, len(factor))) @ factor.T
    traits = np.sqrt(stable) * population.stable_traits + np.sqrt(1 - stable) * current
    columns |= dict(zip(list_traits(parameters), traits.T, strict=True))
    columns["written"] = (generator.random(count) < to_share(evaluate(parameters["written"], columns))).astype(float)

    drawn = draw_types(columns, population.type, parameters, make_generator(seed, wave, "types"))
    columns["type"], columns["none"] = drawn["type"], drawn["none"]
    for place, name in enumerate(TYPES):
        columns[name] = ((drawn["type"] == place) & ~drawn["none"]).astype(float)
    columns["hybrid"], columns["interrupted"] = drawn["hybrid"].astype(float), drawn["interrupted"].astype(float)

    generator = make_generator(seed, wave, "partners")
    n_named = 1 + generator.binomial(partners["named"]["trials"], partners["named"]["share"], count)
    named = np.arange(slots) < n_named[:, None]
    mean_strength = evaluate(partners["strength"], columns) + population.effects["strength"]
    strength = mean_strength[:, None] + generator.normal(0, partners["strength_sd"]["partner"], (count, slots))
    columns["z"] = (strength * named).sum(axis=1) / n_named / partners["z_scale"]
    columns["rising_z"] = np.log1p(np.exp(columns["z"]))
    columns["log_z"] = np.log(np.maximum(columns["z"] + 4, 0.1))
    tie = partners["tie"]
    logit = tie["intercept"] + tie["firm"] * population.effects["tie"][:, None, None]
    logit = logit + tie["strengths"] * (strength[:, :, None] + strength[:, None, :])
    upper = np.triu(generator.random((count, slots, slots)) < to_share(logit), 1)
    ties = (upper | upper.transpose(0, 2, 1)) & named[:, :, None] & named[:, None, :]
    columns["constraint"] = compute_constraint(ties, named)
    columns["constraint_z"] = (columns["constraint"] - partners["constraint"]["mean"]) / partners["constraint"]["sd"]
    keys, since = draw_partner_keys(population, parameters, seed, wave)

    generator = make_generator(seed, wave, "growth")
    expected = evaluate(growth["equation"], columns)
    rate = expected + population.effects["growth"] + generator.normal(0, growth["noise"], count)
    columns["expected_growth"], columns["growth"] = expected, np.clip(rate, -growth["clip"], growth["clip"])
    now = population.employees * (2 + columns["growth"]) / (2 - columns["growth"])
    # Rounded at random to half posts, so that the mean stays.
    now = np.floor(now * 2 + generator.random(count)) / 2
    columns["emp_12m"] = population.employees
    columns["emp_now"] = np.clip(now, 0.5, parameters["frame"]["largest"])
    shared = evaluate({term: growth["equation"][term] for term in growth["shared"]}, columns)
    for name, level in (("sales", population.ln_sales), ("assets", population.ln_assets)):
        entry = parameters[name]
        change = entry["one"] + entry["share_of_growth"] * shared + generator.normal(0, entry["noise"], count)
        columns[f"{name}_prev"], columns[f"{name}_now"] = np.exp(level), np.exp(level + change)
    return FirmYear(
        columns=columns,
        strength=strength,
        named=named,
        ties=ties,
        keys=keys,
        years_known=np.round(parameters["first_year"] - 1 + wave - since),
        second_types=drawn["seconds"],
    )


def draw_partner_keys(
    population: Population, parameters: Parameters, seed: int, wave: int
) -> tuple[NDArray[np.str_], NDArray[np.float64]]:
    """Draw who the partners are and since when: kept from the wave before, one of the shared hubs, or a new one."""
    partners = parameters["partners"]
    shape = population.partner_keys.shape
    generator = make_generator(seed, wave, "partner keys")
    hubs = draw_keys(make_generator(seed, 0, "hubs"), partners["hubs"]["number"])
    popularity = 1 / np.arange(1, len(hubs) + 1) ** 0.5
    size = shape[0] * shape[1]
    fresh = draw_keys(generator, size).reshape(shape)
    # Each slot draws from its own fifth of the hubs, so that no firm names one partner twice.
    slots = shape[1]
    for slot in range(slots):
        choice = draw_index(generator, popularity[slot::slots], shape[0])
        is_hub = generator.random(shape[0]) < partners["hubs"]["share"]
        fresh[:, slot] = np.where(is_hub, hubs[slot::slots][choice], fresh[:, slot])
    year = parameters["first_year"] - 1 + wave
    years = np.exp(generator.normal(partners["ln_years"]["mean"], partners["ln_years"]["sd"], shape))
    kept = (generator.random(shape) < partners["kept"]) & (population.partner_keys != "")
    since = np.maximum(year - np.where(wave > 1, np.minimum(years, 4), years), population.founded[:, None])
    return np.where(kept, population.partner_keys, fresh), np.where(kept, population.partner_since, since)


def advance(population: Population, year: FirmYear, parameters: Parameters, seed: int, wave: int) -> None:
    """Take the population one year on: size, sales, assets, partners, network type; some firms close."""
    columns = year.columns
    rates = parameters["sample"]["close"]
    share = np.where(columns["interrupted"] == 1, rates["interrupted"], rates["going"])
    population.alive &= make_generator(seed, wave, "closures").random(len(share)) >= share
    population.employees = np.maximum(columns["emp_now"], 1.0)
    population.ln_sales = np.log(columns["sales_now"])
    population.ln_assets = np.log(columns["assets_now"])
    population.type = columns["type"]
    population.partner_keys = year.keys
    population.partner_since = parameters["first_year"] - 1 + wave - year.years_known
