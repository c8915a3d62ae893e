"""What the responding firms answer, question by question, before any carelessness or error."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmties.simulation.draws import (
    cut,
    draw_choices,
    draw_count,
    draw_index,
    evaluate,
    make_generator,
    name_choices,
    to_share,
)
from firmties.simulation.population import POSITIONS, TYPES, FirmYear, Parameters, Population

NOT_APPLICABLE, DONT_KNOW, REFUSED = -97.0, -98.0, -99.0
PURPOSES = ["codevelop", "manufacture", "market_distribute", "new_country", "new_field", "finance"]
FAILURES = [
    "scaling",
    "partner_interest",
    "funding",
    "own_technology",
    "no_criteria",
    "passive",
    "price_performance",
    "partner_change",
]
ROLES = ["codevelop", "supply", "manufacture", "market_distribute", "finance", "test_certify", "introduce", "customer"]
CONTENTS = ["advice", "market", "introductions", "money", "means", "personal"]
FINANCE = ["venture_capital", "business_angel", "stock_market", "bank_loan", "grant"]
Answers = dict[str, NDArray[Any]]


def mark(values: NDArray[Any], where: NDArray[np.bool_], code: float = NOT_APPLICABLE) -> NDArray[Any]:
    """Put a missing code where a question was not put; the code as text in a column of texts.

    Examples
    --------
    >>> mark(np.array([1.0, 2.0]), np.array([True, False])).tolist()
    [-97.0, 2.0]
    >>> mark(np.array(["a", "b"]), np.array([True, False])).tolist()
    ['-97', 'b']
    """
    if values.dtype.kind in "US":
        return np.where(where, f"{code:.0f}", values)
    return np.where(where, code, values.astype(float))


class Respondents:
    """The firms with a response in one wave: their columns of the year, and helpers that draw answers for them.

    Parameters
    ----------
    population : Population
    year : FirmYear
    firms : array of int
        Index of the firm of each response.
    parameters : mapping
    seed, wave : int
    """

    def __init__(
        self,
        population: Population,
        year: FirmYear,
        firms: NDArray[np.int64],
        parameters: Parameters,
        seed: int,
        wave: int,
    ) -> None:
        self.population, self.year, self.firms = population, year, firms
        self.parameters, self.seed, self.wave = parameters, seed, wave
        self.count = len(firms)
        self.columns = {name: values[firms] for name, values in year.columns.items()}
        self.calendar_year = parameters["first_year"] - 1 + wave
        self.method = self.generator("method").normal(size=self.count)
        self.p_missing = to_share(evaluate(parameters["missing"]["item"], self.columns))

    def generator(self, purpose: str) -> np.random.Generator:
        """Make the generator of one purpose in this wave."""
        return make_generator(self.seed, self.wave, purpose)

    def leave_out(
        self, values: NDArray[Any], generator: np.random.Generator, share: NDArray[np.float64] | float | None = None
    ) -> NDArray[Any]:
        """Leave answers out at random: blank, "don't know" or "rather not say". Codes -97 stay as they are."""
        codes = self.parameters["missing"]["codes"]
        p = self.p_missing if share is None else share
        left_out = generator.random(self.count) < p
        kind = draw_index(generator, [codes["blank"], codes["dont_know"], codes["refused"]], self.count)
        if values.dtype.kind in "US":
            replacement: NDArray[Any] = np.array(["", "-98", "-99"])[kind]
            return np.where(left_out & (values != "-97"), replacement, values)
        replacement = np.array([np.nan, DONT_KNOW, REFUSED])[kind]
        return np.where(left_out & (values != NOT_APPLICABLE), replacement, values.astype(float))

    def answer_scale(self, trait: str, items: list[str]) -> Answers:
        """Answer the items of one trait; a minus before an item's name marks it as reverse-keyed.

        ASSUME: the method factor works on the answer as given, so it counts against the trait in a reverse-keyed item;
        the cut points lie on the trait's side, so that recoded items have one distribution.
        """
        settings, generator = self.parameters["items"], self.generator(f"items {trait}")
        use = settings["use"] if trait == "digital" else None
        answers: Answers = {}
        for place, entry in enumerate(items):
            item, sign = entry.lstrip("-"), -1 if entry.startswith("-") else 1
            loading = settings["loadings"][place]
            noise = np.sqrt(1 - loading**2 - settings["method"] ** 2) * generator.normal(size=self.count)
            latent = loading * self.columns[trait] + sign * settings["method"] * self.method + noise
            if use:
                given = cut(latent - use["rarer"].get(item, 0), use["thresholds"]) - 1
            else:
                given = cut(latent, settings["thresholds"])
                given = given if sign > 0 else 8 - given
            answers[item] = self.leave_out(given, generator)
        return answers


def answer_firm(r: Respondents) -> Answers:
    """Answer section A: the firm, its owners, employees, sales and assets."""
    generator, p, columns = r.generator("firm"), r.parameters, r.columns
    outcomes, missing = p["outcomes"], p["missing"]
    founded = r.population.founded[r.firms]
    answers: Answers = {
        "resp_role": np.array(list(outcomes["roles"]))[
            draw_index(generator, list(outcomes["roles"].values()), r.count)
        ],
        "resp_tenure": np.minimum(np.floor(generator.gamma(2.0, 4.0, r.count)), np.minimum(columns["age"], 40)),
        "founded_year": founded,
        "sector": columns["sector"],
        "region": columns["region"],
        "indep": np.where(
            generator.random(r.count) < outcomes["group_share"]["any"],
            5 * generator.integers(1, outcomes["group_share"]["to"] // 5 + 1, r.count),
            0,
        ),
    }
    heaping = p["dirt"]["heaping"]
    heaps = generator.random(r.count) < heaping["share"]
    for name in ("emp_now", "emp_12m"):
        value = columns[name]
        # No heap at 250: it would take the largest eligible firms over the limit.
        heaps_at = np.minimum(np.round(value / heaping["step"]), p["frame"]["largest"] // heaping["step"])
        heaped = heaping["step"] * heaps_at
        answers[name] = np.where(heaps & (value > heaping["above"]), heaped, value)
    micro = columns["size_class"] == next(iter(p["frame"]["size_classes"]))
    base = np.where(micro, missing["sales_micro"], missing["sales"])
    hidden = to_share(np.log(base / (1 - base)) + missing["sales_on_growth"] * columns["growth"])
    for name, share in (("sales", hidden), ("assets", np.full(r.count, missing["assets"]))):
        state = generator.bit_generator.state
        for when in ("now", "prev"):
            # Both years are left out together: the same draws twice.
            generator.bit_generator.state = state
            value = columns[f"{name}_{when}"]
            digits = 10.0 ** (2 - np.floor(np.log10(value)))
            answers[f"{name}_{when}"] = r.leave_out(np.round(np.round(value * digits) / digits, 3), generator, share)
    rd, exports = outcomes["rd"], outcomes["exports"]
    spent = np.where(
        generator.random(r.count) < rd["any"], np.exp(generator.normal(rd["ln_mean"], rd["ln_sd"], r.count)), 0
    )
    abroad = np.where(
        generator.random(r.count) < exports["any"], 100 * generator.beta(exports["alpha"], exports["beta"], r.count), 0
    )
    answers["rd_pct"] = r.leave_out(np.minimum(np.round(spent, 1), 100), generator)
    answers["export_pct"] = r.leave_out(np.round(abroad), generator)
    return answers


def answer_value_chain(r: Respondents) -> Answers:
    """Answer the product lines of section B: how many firms stand between each and the final customer."""
    generator = r.generator("value chain")
    position, second = r.population.position[r.firms], r.population.second_position[r.firms]
    share = r.parameters["frame"]["second_position"]["of_sales"]
    # A firm at one position has one line, or two that stand at the same place.
    two_lines = (generator.random(r.count) < 0.4) & (second < 0)
    stages = np.column_stack([position, np.where(second >= 0, second, position), position])
    shares = np.column_stack(
        [
            np.where(second >= 0, 100 - share, np.where(two_lines, 65, 100)),
            np.where(second >= 0, share, 35),
            np.zeros(r.count),
        ]
    )
    unused = np.column_stack([np.zeros(r.count, bool), (second < 0) & ~two_lines, np.ones(r.count, bool)])
    answers: Answers = {}
    for line in range(3):
        answers[f"vc{line + 1}_stages"] = mark(stages[:, line], unused[:, line])
        answers[f"vc{line + 1}_share"] = mark(shares[:, line], unused[:, line])
    tools = generator.random(r.count) < r.parameters["outcomes"]["tools_seller"]
    answers["vc_tools"] = r.leave_out(tools.astype(float), generator)
    return answers


def answer_networks(r: Respondents) -> tuple[Answers, Answers]:
    """Answer section C so that the decision table returns the planted type, then change and leave out some movers.

    Returns
    -------
    answers : dict
    truth : dict
        `mover_changed`, `mover_left_out`: whether the main network's first answer was spoiled.
    """
    generator, networks, columns = r.generator("networks"), r.parameters["networks"], r.columns
    n, slots = r.count, 3
    main, seconds = columns["type"], r.year.second_types[r.firms]
    none, interrupted = columns["none"], columns["interrupted"] == 1
    types = np.column_stack([main, seconds])
    single = ~none & (columns["hybrid"] == 0)
    uniform = generator.random(n)
    same = single & ~interrupted & (uniform < networks["second_of_same_type"])
    stalled_too = single & (uniform >= 1 - networks["second_stalled"])
    other = (main + generator.integers(1, len(TYPES), n)) % len(TYPES)
    types[:, 1] = np.where(same, main, np.where(stalled_too, other, types[:, 1]))
    types[none] = -1
    stalled = np.zeros((n, slots), dtype=bool)
    stalled[:, 1] = stalled_too
    stalled |= interrupted[:, None]
    number = (types >= 0).sum(axis=1)
    largest = np.where(
        number == 1, 100, np.where(number == 2, 5 * generator.integers(11, 17, n), 5 * generator.integers(9, 13, n))
    )
    rest = 100 - largest
    middle = np.where(number == 3, 5 * np.round(rest * generator.uniform(0.5, 0.65, n) / 5), rest)
    shares = np.column_stack([largest, middle, rest - middle])

    answers: Answers = {}
    truth: Answers = {}
    founded = r.population.founded[r.firms]
    movers = np.zeros((n, slots))
    for slot in range(slots):
        absent = types[:, slot] < 0
        triples = np.zeros((n, 3))
        for place, name in enumerate(TYPES):
            lines = np.array([line.split() for line in networks["answers"][name]], dtype=float)
            chosen = lines[draw_index(generator, list(networks["answers"][name].values()), n)]
            triples = np.where((types[:, slot] == place)[:, None], chosen, triples)
        mover, partner, route = triples.T
        movers[:, slot] = mover
        sought = generator.random(n) < networks["partners_still_sought"]
        status = np.where(
            stalled[:, slot], draw_index(generator, [0.6, 0.4], n) + 3, draw_index(generator, [0.7, 0.3], n) + 1
        )
        start = np.maximum(np.maximum(founded, 1980), r.calendar_year - generator.integers(0, 7, n))
        end = np.maximum(start, r.calendar_year - generator.integers(0, 2, n))
        purposes = draw_choices(generator, (n,), len(PURPOSES), networks["further_choices"])
        failures = draw_choices(generator, (n,), len(FAILURES), networks["further_choices"])
        brokered = np.isin(mover, [4, 6]) | (route == 2)
        known = columns | {name: (types[:, slot] == place).astype(float) for place, name in enumerate(TYPES)}
        months = np.exp(evaluate(networks["ln_months"], known) + generator.normal(0, networks["ln_months_sd"], n))
        changed = generator.random(n) < networks["mover_changed"]
        left_out = generator.random(n) < networks["mover_left_out"]
        given = np.where(changed, (mover - 1 + generator.integers(1, 6, n)) % 6 + 1, mover)
        if slot == 0:
            truth = {"mover_changed": changed & ~absent, "mover_left_out": left_out & ~absent}
        fields: Answers = {
            "mover": np.where(left_out, np.nan, given),
            "partner": np.where(sought, 4, partner),
            "sought": mark(partner, ~sought),
            "route": route,
            "interm": mark(draw_index(generator, networks["intermediary"], n) + 1, ~brokered),
            "status": status,
            "share": shares[:, slot],
            "start": start,
            "end": mark(end, ~np.isin(status, [2, 4])),
            "purpose": name_choices(purposes, PURPOSES),
            "fail": mark(name_choices(failures, FAILURES), ~np.isin(status, [3, 4])),
            "months": np.clip(np.round(months), 0, 240),
        }
        answers |= {f"nw{slot + 1}_{name}": mark(values, absent) for name, values in fields.items()}
    developers = draw_count(generator, np.exp(evaluate(networks["ln_business_developers"], columns)))
    answers["bd_staff"] = r.leave_out(np.minimum(developers, 249), generator)
    close = draw_count(generator, np.exp(evaluate(networks["close_large_firms"], columns)))
    answers["n_incumb_close"] = r.leave_out(np.minimum(close, 50), generator)
    repeat = networks["repeat_question"]
    asked = (generator.random(n) < repeat["share"]) & ~none
    agrees = generator.random(n) < repeat["agreement"]
    again = np.where(agrees, movers[:, 0], generator.integers(1, 7, n))
    answers["mover2"] = mark(again, ~asked)
    return answers, truth


def answer_strategy(r: Respondents) -> Answers:
    """Answer the facts of section D: importance of contacts, networking plan."""
    generator, p = r.generator("strategy"), r.parameters
    important = generator.random(r.count) < p["import_yes"]
    low, high = (draw_index(generator, p["import_answers"][name], r.count) for name in ("low", "high"))
    written = r.columns["written"] == 1
    plan = np.where(written, 2, generator.integers(0, 2, r.count))
    return {
        "net_import": r.leave_out(np.where(important, 5 + high, 1 + low), generator),
        "strat_doc": r.leave_out(plan, generator),
        "strat_review": mark(draw_index(generator, [0.15, 0.45, 0.30, 0.10], r.count), ~written),
    }


def answer_partners(r: Respondents) -> tuple[Answers, pd.DataFrame, NDArray[np.bool_]]:
    """Answer section E: the named partners, what they know of each other, and further contacts.

    Returns
    -------
    answers : dict
    truth : pandas.DataFrame
        One row a named partner: `row` (of the response), `alter`, `strength`, `stage`, `f2f`, `tech`, `soc`,
        `innov_expected`.
    daily : array of bool, response x slot
        Contacts that a questionnaire with the finer answers records as daily.
    """
    generator, p, columns, year = r.generator("partner answers"), r.parameters["partners"], r.columns, r.year
    n, slots = r.count, p["most"]
    strength, named = year.strength[r.firms], year.named[r.firms]
    ties, keys = year.ties[r.firms], year.keys[r.firms]
    shape = (n, slots)

    def normal(sd: float = 1.0) -> NDArray[np.float64]:
        return generator.normal(0, sd, shape)

    def rate(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.clip(np.round(values), 1, 7)

    def effect(name: str) -> NDArray[np.float64]:
        return r.population.effects[name][r.firms][:, None]

    cuts = {
        name: cut(p[name]["strength"] * strength + p[name]["noise"] * normal(), p[name]["cuts"])
        for name in ("closeness", "frequency", "reciprocity")
    }
    daily = cuts["frequency"] == len(p["frequency"]["cuts"]) + 1
    contents = (
        generator.random((*shape, len(CONTENTS)))
        < to_share(p["contents"]["intercept"] + p["contents"]["strength"] * strength)[..., None]
    )
    # ASSUME: stages are drawn anew each wave, also for a partner named before, so that their shares stay as planted.
    stage = draw_index(generator, p["stages"], n * slots).reshape(shape)
    late = stage >= 2
    logit = np.array(p["f2f"]["by_stage"])[stage] + effect("f2f") + normal(p["f2f"]["noise"])
    f2f = np.round(to_share(logit) * 20) * 5
    centred = f2f / 100 - 0.5
    exchange, innov = p["exchange"], p["innov"]
    first, second = normal(), normal()
    second = exchange["correlation"] * first + np.sqrt(1 - exchange["correlation"] ** 2) * second
    tech = rate(np.array(p["tech"])[stage] + exchange["sd"] * first)
    soc = rate(np.array(p["soc"])[stage] + exchange["sd"] * second)
    tech_z, soc_z = (tech - exchange["tech_centre"]) / exchange["sd"], (soc - exchange["soc_centre"]) / exchange["sd"]
    tacit = rate(p["tacit"]["intercept"] + normal(p["tacit"]["noise"]))
    expected = innov["intercept"] + np.array(innov["by_stage"])[stage] + np.array(innov["f2f"])[stage] * centred
    expected += innov["tech"] * tech_z + innov["soc"] * soc_z + innov["tech_x_soc"] * tech_z * soc_z
    expected += innov["tacit_x_strength"] * (tacit - p["tacit"]["intercept"]) * strength
    waste = p["waste"]["intercept"] + np.where(late, p["waste"]["f2f_late"], p["waste"]["f2f_early"]) * centred
    failing = p["fail"]["intercept"] - np.where(late, p["fail"]["virtual_late"], p["fail"]["virtual_early"]) * centred
    trust = p["trust"]["intercept"] + p["trust"]["strength"] * strength + p["trust"]["f2f_early"] * centred * ~late
    dependence = p["dependence"]["share"] + p["dependence"]["strength"] * strength
    dependence = np.clip(np.round(np.maximum(dependence, 2) * generator.exponential(1.0, shape)), 0, 100)
    years = year.years_known[r.firms]
    governance = {}
    for name, by in (("formal", (dependence - 14) / 14), ("informal", (years - 4) / 4)):
        terms = {term: value for term, value in p[name].items() if term not in ("noise", "dependence", "years")}
        weight = p[name]["dependence" if name == "formal" else "years"]
        latent = evaluate(terms, columns)[:, None] + weight * np.clip(by, -2, 3) + normal(p[name]["noise"])
        governance[name] = cut(latent, p["governance_cuts"])
    type_name = np.where(columns["none"], "none", np.array(TYPES)[columns["type"]])

    def draw_by_type(codes: str, shares: str) -> NDArray[np.str_]:
        table = np.repeat(np.array([p[shares][name] for name in type_name]), slots, axis=0)
        return np.array(p[codes])[draw_index(generator, table)].reshape(shape)

    sectors = np.array(list(r.parameters["frame"]["sectors"]))
    other_sector = sectors[generator.integers(0, len(sectors), shape)]
    roles = draw_choices(generator, shape, len(ROLES), p["further_roles"])
    fields: dict[str, NDArray[Any]] = {
        "type": draw_by_type("kinds", "kind"),
        "role": name_choices(roles, ROLES),
        "sector": np.where(generator.random(shape) < p["same_sector"], columns["sector"][:, None], other_sector),
        "place": draw_by_type("places", "place"),
        "years": years,
        "freq": np.minimum(cuts["frequency"], 5),
        "close": cuts["closeness"],
        "recip": cuts["reciprocity"],
        "brd": name_choices(contents, CONTENTS),
        "trust": rate(trust + normal(p["trust"]["noise"])),
        "stage": stage + 1,
        "f2f": f2f,
        "tech": tech,
        "soc": soc,
        "tacit": tacit,
        "formal": governance["formal"],
        "informal": governance["informal"],
        "dep": dependence,
        "innov": rate(expected + effect("innov") + normal(innov["noise"])),
        "waste": rate(waste + normal(p["waste"]["noise"])),
        "fail": rate(failing + normal(p["fail"]["noise"])),
        "key": keys,
    }
    answers: Answers = {}
    for slot in range(slots):
        for name, values in fields.items():
            given = mark(values[:, slot], ~named[:, slot])
            if name not in ("type", "key"):
                given = r.leave_out(given, generator, r.parameters["missing"]["f2f"] if name == "f2f" else None)
            answers[f"alt{slot + 1}_{name}"] = given
    for i, j in combinations(range(slots), 2):
        known = np.where(ties[:, i, j], 1 + (generator.random(n) < p["works_closely"]), 0).astype(float)
        known[generator.random(n) < p["pair_unknown"]] = DONT_KNOW
        answers[f"at{i + 1}{j + 1}"] = mark(known, ~(named[:, i] & named[:, j]))
    for variable, name, most in (
        ("n_strong_oth", "further_strong", 500),
        ("n_weak_oth", "further_weak", 5000),
        ("n_dormant", "dormant", 5000),
    ):
        further = draw_count(generator, np.exp(evaluate(p[name], columns)), p["counts_alpha"])
        answers[variable] = r.leave_out(np.minimum(further, most), generator)
    rows, places = np.nonzero(named)
    truth = pd.DataFrame({"row": rows, "alter": places + 1})
    for name, values in (
        ("strength", strength),
        ("stage", stage + 1),
        ("f2f", f2f),
        ("tech", tech),
        ("soc", soc),
        ("innov_expected", expected),
    ):
        truth[name] = values[named]
    daily &= np.column_stack([answers[f"alt{slot + 1}_freq"] == 5 for slot in range(slots)])
    return answers, truth, daily


def answer_outcomes(r: Respondents) -> Answers:
    """Answer section G: the market, patents, finance, new markets, ratings."""
    generator, outcomes, missing, columns = (
        r.generator("outcomes"),
        r.parameters["outcomes"],
        r.parameters["missing"],
        r.columns,
    )
    n = r.count
    # Ordered logit: the stage is the number of cut points below the latent value, plus one.
    stage = cut(evaluate(outcomes["market"], columns) + generator.logistic(size=n), outcomes["market_cuts"])
    known = columns | {"market_success": stage - 3.0}
    capacity = cut(evaluate(outcomes["capacity"], columns) + generator.logistic(size=n), outcomes["capacity_cuts"])
    patents = draw_count(generator, np.exp(evaluate(outcomes["patents"], columns)), outcomes["patents_alpha"])
    stock = patents + draw_count(generator, np.exp(evaluate(outcomes["patent_stock"], columns)), 1.5)
    equity = generator.random(n) < to_share(evaluate(outcomes["equity"], columns))
    finance = np.zeros((n, len(FINANCE)), dtype=bool)
    finance[np.arange(n), draw_index(generator, outcomes["equity_kinds"], n)] = equity
    finance[:, 3] = generator.random(n) < outcomes["bank_loan"]
    finance[:, 4] = generator.random(n) < outcomes["grant"]
    new = generator.random(n) < to_share(evaluate(outcomes["new_market"], columns))
    which = draw_index(generator, outcomes["new_market_kinds"], n)
    customers = outcomes["new_customers"]
    share = generator.normal(customers["mean"] + customers["relational"] * columns["relational"], customers["sd"])
    ratings = {}
    for item, equation in outcomes["ratings"].items():
        latent = evaluate(equation, known) + r.parameters["items"]["method"] * r.method + generator.normal(size=n)
        ratings[item] = r.leave_out(cut(latent, r.parameters["items"]["thresholds"]), generator)
    return {
        "comm_stage": r.leave_out(stage, generator),
        "comm_sat": ratings["comm_sat"],
        "pat_stock": r.leave_out(np.minimum(stock, 1000), generator, missing["patents"]),
        "pat_12m": r.leave_out(np.minimum(patents, 200), generator, missing["patents"]),
        "fin_12m": r.leave_out(name_choices(finance, FINANCE), generator),
        "fin_hard": ratings["fin_hard"],
        "mkt_country": r.leave_out((new & (which != 1)).astype(float), generator),
        "mkt_field": r.leave_out((new & (which != 0)).astype(float), generator),
        "n_apps": r.leave_out(draw_count(generator, np.exp(evaluate(outcomes["fields_of_use"], columns))), generator),
        "capac": r.leave_out(capacity, generator),
        "stand_body": r.leave_out((generator.random(n) < outcomes["standards_body"]).astype(float), generator),
        "reput": ratings["reput"],
        "sales_per_mkt": r.leave_out(np.clip(5 * np.round(share / 5), 0, 100), generator),
        "cost_save": ratings["cost_save"],
    }


def answer_questionnaire(
    r: Respondents,
) -> tuple[pd.DataFrame, dict[str, str], pd.DataFrame, pd.DataFrame, NDArray[np.bool_]]:
    """Answer the whole questionnaire of one wave, as careful respondents would.

    Parameters
    ----------
    r : Respondents

    Returns
    -------
    answers : pandas.DataFrame
        One row a response, one column a question; numbers as float (NaN: blank; -97, -98, -99: missing codes),
        choices as text ("": blank).
    sections : dict
        The section of each question.
    truth : pandas.DataFrame
        What lies behind each response.
    partners : pandas.DataFrame
        What lies behind each named partner (see `answer_partners`).
    daily : array of bool, response x slot
    """
    scales = r.parameters["items"]["scales"]
    placed = {"differentiation": "B"} | dict.fromkeys(
        ["proactivity", "selection", "agility", "demand", "network_capability"], "D"
    )
    by_section: dict[str, Answers] = {section: {} for section in "ABCDEFG"}
    by_section["A"] = answer_firm(r)
    by_section["B"] = answer_value_chain(r)
    by_section["C"], spoiled = answer_networks(r)
    by_section["D"] = answer_strategy(r)
    by_section["E"], partners, daily = answer_partners(r)
    for trait, items in scales.items():
        by_section[placed.get(trait, "F")] |= r.answer_scale(trait, items)
    generator = r.generator("attention")
    for item, expected in r.parameters["items"]["attention"].items():
        by_section["F"][item] = np.full(r.count, float(expected))
    by_section["F"]["effort"] = np.ones(r.count)
    life_cycle = draw_index(generator, r.parameters["outcomes"]["life_cycle"], r.count) + 1
    by_section["F"]["lc_stage"] = r.leave_out(life_cycle, generator)
    by_section["G"] = answer_outcomes(r)
    renamed: Mapping[str, str] = r.parameters["new_wording"]
    asked_in = r.parameters["asked_in"]
    for section in by_section.values():
        for old, new in renamed.items():
            if old in section and r.wave in asked_in[new]:
                section[new] = section[old]
        for variable in [name for name in section if r.wave not in asked_in.get(name, [r.wave])]:
            del section[variable]
    sections = {variable: section for section, answers in by_section.items() for variable in answers}
    columns = r.columns
    truth: dict[str, Any] = {
        "type": np.where(columns["none"], "none", np.array(TYPES)[columns["type"]]),
        "form": np.select(
            [columns["none"], columns["interrupted"] == 1, columns["hybrid"] == 1],
            ["none", "interrupted", "hybrid"],
            "single",
        ),
        "position": np.array(POSITIONS)[r.population.position[r.firms]],
    }
    names = [
        "z",
        "constraint",
        "constraint_z",
        "written",
        *r.parameters["items"]["scales"],
        "hidden",
        "ln_emp_2.5",
        "ln_age_2.2",
    ]
    names += ["emp_12m", "emp_now", "growth", "expected_growth"]
    truth |= {name: columns[name] for name in names} | spoiled
    return (
        pd.DataFrame({name: values for section in by_section.values() for name, values in section.items()}),
        sections,
        pd.DataFrame(truth),
        partners,
        daily,
    )
