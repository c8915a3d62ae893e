"""What goes wrong on purpose: carelessness, haste, breaking off, duplicates, test rows, wrong firms, wrong units."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmties.simulation.draws import draw_index, draw_keys
from firmties.simulation.fieldwork import Fieldwork
from firmties.simulation.population import Parameters

PAGES = "ABCDEFG"


def get_blank(column: pd.Series) -> str | float:
    """Get what stands for a blank in a column: an empty text, or NaN."""
    return "" if column.dtype == "str" else np.nan


def list_rating_items(parameters: Parameters) -> dict[str, list[int]]:
    """List the rating questions and their answers from lowest to highest, by which carelessness is shown."""
    seven, five = list(range(1, 8)), list(range(1, 6))
    scales = parameters["items"]["scales"]
    items = {item.lstrip("-"): seven for name, entries in scales.items() if name != "digital" for item in entries}
    items |= dict.fromkeys(parameters["new_wording"].values(), seven)
    items |= {item: list(range(5)) for item in scales["digital"]}
    items |= dict.fromkeys(parameters["outcomes"]["ratings"], seven)
    for slot in range(1, parameters["partners"]["most"] + 1):
        items |= {f"alt{slot}_{name}": seven for name in ("trust", "tech", "soc", "tacit", "innov", "waste", "fail")}
        items |= {f"alt{slot}_{name}": five for name in ("freq", "close", "recip", "formal", "informal")}
    return items


def add_careless_answers(
    answers: pd.DataFrame, careful: NDArray[np.bool_], parameters: Parameters, generator: np.random.Generator
) -> pd.DataFrame:
    """Answer the ratings of careless respondents at random or with one value throughout, and draw everybody's time.

    Parameters
    ----------
    answers : pandas.DataFrame
        Changed in place.
    careful : array of bool
        Rows that are to stay careful.
    parameters : mapping
    generator : numpy.random.Generator

    Returns
    -------
    pandas.DataFrame
        `careless` ("", "random" or "straight"), `speeder` (bool), `duration_s`.
    """
    dirt, n = parameters["dirt"], len(answers)
    settings, honest, speeder = dirt["careless"], dirt["honest"], dirt["speeder"]
    careless = (generator.random(n) < settings["share"]) & ~careful
    random = generator.random(n) < settings["random"]
    hasty = (generator.random(n) < speeder["share"]) & ~careless
    value = generator.integers(1, 8, n)
    for item, allowed in list_rating_items(parameters).items():
        drawn = generator.choice(allowed, n)
        if item in answers:
            given = np.where(random, drawn, np.clip(value, allowed[0], allowed[-1]))
            asked = answers[item].ne(-97)
            answers[item] = answers[item].mask(careless & asked, given.astype(float))
    fails = generator.random(n) < np.where(careless, settings["fails_attention"], honest["fails_attention"])
    for item, expected in parameters["items"]["attention"].items():
        wrong = generator.choice([answer for answer in range(1, 8) if answer != expected], n)
        answers[item] = answers[item].mask(fails, wrong.astype(float))
    admits = careless & (generator.random(n) < settings["do_not_use"])
    answers["effort"] = answers["effort"].mask(admits, 0.0)
    group = np.select([careless, hasty], [0, 1], 2)
    minutes, sd = (
        np.array([entry[name] for entry in (settings, speeder, honest)])[group] for name in ("minutes", "sd")
    )
    seconds = np.round(60 * minutes * np.exp(sd * generator.normal(size=n)))
    kind = np.where(careless, np.where(random, "random", "straight"), "")
    return pd.DataFrame({"careless": kind, "speeder": hasty, "duration_s": seconds}, index=answers.index)


def add_errors(
    answers: pd.DataFrame, may: NDArray[np.bool_], parameters: Parameters, generator: np.random.Generator
) -> pd.DataFrame:
    """Give sales in the wrong unit and employees with a digit too many.

    Returns
    -------
    pandas.DataFrame
        `wrong_unit`, `tenfold` (bool).
    """
    dirt, n = parameters["dirt"], len(answers)
    wrong = (generator.random(n) < dirt["sales_unit"]["share"]) & may & answers["sales_now"].gt(0).to_numpy()
    for variable in ("sales_now", "sales_prev"):
        answers[variable] = answers[variable].mask(
            wrong & answers[variable].gt(0), answers[variable] * dirt["sales_unit"]["factor"]
        )
    # ASSUME: the slip is in the present number, of firms that the five-fold rule looks at; in the number of a year
    # ago it would make the firm look too large to be eligible.
    slips = (generator.random(n) < dirt["tenfold"]["share"]) & may
    tenfold = slips & answers["emp_12m"].ge(dirt["tenfold"]["at_least"]).to_numpy()
    answers["emp_now"] = answers["emp_now"].mask(tenfold, answers["emp_now"] * 10)
    return pd.DataFrame({"wrong_unit": wrong, "tenfold": tenfold}, index=answers.index)


def add_breaking_off(
    answers: pd.DataFrame,
    sections: dict[str, str],
    may: NDArray[np.bool_],
    parameters: Parameters,
    generator: np.random.Generator,
) -> tuple[NDArray[np.str_], NDArray[np.float64]]:
    """Blank what follows the section after which a respondent broke off.

    Returns
    -------
    status : array of str
        complete, partial or break_off.
    share : array of float
        Share of the pages that were seen.
    """
    settings, n = parameters["missing"]["break_off"], len(answers)
    off = (generator.random(n) < settings["share"]) & may
    names = list(settings["after"])
    last = np.array(names)[draw_index(generator, list(settings["after"].values()), n)]
    last = np.where(off, last, PAGES[-1])
    for variable, section in sections.items():
        unseen = last < section
        if unseen.any():
            answers[variable] = answers[variable].mask(unseen, get_blank(answers[variable]))
    status = np.where(off, np.where(np.isin(last, settings["partial_after"]), "partial", "break_off"), "complete")
    seen = (np.searchsorted(list(PAGES), last) + 1) / len(PAGES)
    return status, seen


def add_wrong_firms(
    answers: pd.DataFrame, outcome: NDArray[np.str_], sections: dict[str, str], generator: np.random.Generator
) -> NDArray[np.str_]:
    """Make the answers of firms that are not eligible, and of those who refuse consent.

    Returns
    -------
    array of str
        Status of these rows; "" elsewhere.
    """
    n = len(answers)
    large = np.round(250 * np.exp(generator.exponential(0.5, n)))
    for variable in {"sales_now", "sales_prev", "assets_now", "assets_prev"} & set(answers.columns):
        grown = (answers[variable] * large / answers["emp_12m"]).round()
        answers[variable] = answers[variable].mask((outcome == "large") & answers[variable].gt(0), grown)
    answers["emp_12m"] = answers["emp_12m"].mask(outcome == "large", large)
    answers["emp_now"] = answers["emp_now"].mask(outcome == "large", np.round(large * generator.uniform(0.95, 1.2, n)))
    answers["indep"] = answers["indep"].mask(outcome == "group_owned", 5.0 * generator.integers(6, 21, n))
    leaves = np.isin(outcome, ["closed", "no_consent"])
    for variable in sections:
        answers[variable] = answers[variable].mask(leaves, get_blank(answers[variable]))
    return np.select([outcome == "closed", outcome == "no_consent"], ["screened_out", "refusal"], "")


def add_copies(
    table: pd.DataFrame, truth: pd.DataFrame, parameters: Parameters, wave: int, generator: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Add duplicates (the same answers once more, or a second informant of the firm) and test rows at the end.

    The copies are made so that the duplicate rule keeps the original: sent earlier, or by a less senior and less
    complete informant.

    Parameters
    ----------
    table, truth : pandas.DataFrame
        Responses and what lies behind them, row by row.
    parameters : mapping
    wave : int
    generator : numpy.random.Generator

    Returns
    -------
    table, truth : pandas.DataFrame
    """
    settings = parameters["dirt"]["duplicates"]
    plain = (
        table["status"].eq("complete")
        & truth["careless"].eq("")
        & truth["ineligible"].eq("")
        & table["resp_role"].ne("other")
    )
    number = min(round(settings["share"] * len(table)), int(plain.sum()))
    chosen = generator.choice(np.flatnonzero(plain), number, replace=False)
    tests = parameters["dirt"]["test_rows"][wave - 1]
    chosen_tests = generator.choice(
        np.flatnonzero(table["status"] == "complete"), min(tests, len(table)), replace=False
    )
    rows = np.concatenate([chosen, chosen_tests])
    copies, copied_truth = table.iloc[rows].reset_index(drop=True), truth.iloc[rows].reset_index(drop=True)
    is_test = np.arange(len(rows)) >= number
    second = ~is_test & (generator.random(len(rows)) >= settings["identical"])
    for item, allowed in list_rating_items(parameters).items():
        if item in copies:
            step = generator.choice([-1.0, 0.0, 1.0], len(rows), p=[0.25, 0.5, 0.25])
            moved = (copies[item] + step).clip(allowed[0], allowed[-1])
            copies[item] = copies[item].mask(second & copies[item].ge(0), moved)
    copies["resp_role"] = copies["resp_role"].mask(second, "other")
    skipped = generator.permutation([item for item in parameters["outcomes"]["ratings"] if item in copies])[:2]
    for item in ["n_apps", "sales_per_mkt", *skipped]:
        copies[item] = copies[item].mask(second, np.nan)
    shift = pd.to_timedelta(generator.integers(3600, 40 * 3600, len(rows)), unit="s")
    for stamp in ("start_ts", "end_ts"):
        copies[stamp] = copies[stamp] - shift
    # The invitation went to the firm once; a copy sent before it would be impossible.
    copies["invite_ts"] = np.minimum(copies["invite_ts"], copies["start_ts"])
    copies["resp_id"] = draw_keys(generator, len(rows))
    copies["firm_id"] = copies["firm_id"].mask(is_test, pd.Series(draw_keys(generator, len(rows))))
    copies["sample_type"] = copies["sample_type"].mask(is_test, "test")
    copied_truth["duplicate"] = np.where(is_test, "", np.where(second, "second_informant", "identical"))
    copied_truth["test"] = is_test
    copied_truth[["resp_id", "firm_id"]] = copies[["resp_id", "firm_id"]]
    return pd.concat([table, copies], ignore_index=True), pd.concat([truth, copied_truth], ignore_index=True)


def name_dispositions(fieldwork: Fieldwork, status_by_firm: dict[int, str]) -> NDArray[np.str_]:
    """Name each invited firm's AAPOR disposition, as the agency knows it after checking eligibility.

    ASSUME: a response broken off early counts as a refusal, as AAPOR's standard definitions group them; a firm that
    is found not eligible counts as not eligible although it answered.
    """
    codes = {"complete": "I", "partial": "P", "break_off": "R", "refusal": "R", "screened_out": "NE"}
    named = []
    for firm, outcome in zip(fieldwork.firms.tolist(), fieldwork.outcome.tolist(), strict=True):
        if outcome in ("large", "group_owned", "closed"):
            named.append("NE")
        else:
            named.append(codes[status_by_firm[firm]] if firm in status_by_firm else outcome)
    return np.array(named)
