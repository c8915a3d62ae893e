"""The whole demonstration survey: population, waves of fieldwork, answers, dirt and truth."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmties.errors import StudyError, describe_allowed
from firmties.simulation.answers import Respondents, answer_questionnaire
from firmties.simulation.dirt import (
    add_breaking_off,
    add_careless_answers,
    add_copies,
    add_errors,
    add_wrong_firms,
    name_dispositions,
)
from firmties.simulation.draws import draw_keys, make_generator
from firmties.simulation.fieldwork import Fieldwork, count_margins, draw_outcomes, make_sample, start_history
from firmties.simulation.population import Parameters, advance, describe_firms, draw_population, draw_year


def apply_scenario(parameters: Mapping[str, Any], scenario: str) -> dict[str, Any]:
    """Merge a named scenario over the parameters: mappings key by key, everything else replaced.

    Parameters
    ----------
    parameters : mapping
        `data/simulation.yaml`; `scenarios` holds the overrides by name.
    scenario : str

    Returns
    -------
    dict

    Raises
    ------
    StudyError
        There is no scenario of that name.

    Examples
    --------
    >>> apply_scenario({"a": {"b": 1, "c": 2}, "scenarios": {"other": {"a": {"b": 5}}}}, "other")["a"]
    {'b': 5, 'c': 2}
    """
    scenarios = parameters.get("scenarios", {})
    if scenario not in scenarios:
        raise StudyError(f"scenario {scenario!r} is not known: {describe_allowed(scenario, list(scenarios))}")

    def merge(below: Any, above: Any) -> Any:
        if isinstance(below, Mapping) and isinstance(above, Mapping):
            return {**below, **{key: merge(below.get(key), value) for key, value in above.items()}}
        return above

    merged: dict[str, Any] = merge(parameters, scenarios[scenario])
    return merged


def draw_times(
    fieldwork: Fieldwork,
    rows: NDArray[np.int64],
    seconds: NDArray[np.float64],
    seen: NDArray[np.float64],
    parameters: Parameters,
    seed: int,
    wave: int,
) -> pd.DataFrame:
    """Draw when each response was invited, begun and sent, and the seconds spent on each of eight pages."""
    generator, field = make_generator(seed, wave, "times"), parameters["sample"]["field"]
    n, pages = len(rows), 8
    opens = pd.Timestamp(f"{parameters['first_year'] - 1 + wave}-{field['opens']} 08:00:00")
    invited = opens + pd.to_timedelta(generator.integers(0, 7200, n), unit="s")
    waited = (fieldwork.contacts[rows] - 1) * field["days_between_contacts"] + generator.integers(
        0, field["days_to_answer"], n
    )
    start = opens + pd.to_timedelta(waited * 86400 + generator.integers(7200, 10 * 3600, n), unit="s")
    seconds = np.maximum(np.round(seconds * seen), 20)
    weights = generator.gamma(4.0, 1.0, (n, pages)) * (np.arange(pages) < np.ceil(pages * seen)[:, None])
    spent = np.round(seconds[:, None] * weights / weights.sum(axis=1, keepdims=True)).astype(int)
    lists = [json.dumps([value for value in row if value]) for row in spent.tolist()]
    return pd.DataFrame(
        {
            "invite_ts": invited,
            "start_ts": start,
            "end_ts": start + pd.to_timedelta(seconds, unit="s"),
            "duration_s": seconds,
            "page_times": lists,
            "n_contacts": fieldwork.contacts[rows].astype(float),
        }
    )


def simulate_survey(parameters: Parameters, seed: int | None = None) -> dict[str, pd.DataFrame]:
    """Simulate the survey: the waves under the codebook's names and codes, sample files, frame margins and truth.

    Parameters
    ----------
    parameters : mapping
        `data/simulation.yaml`, or what `apply_scenario` makes of it.
    seed : int, optional
        Replaces the seed of the parameters.

    Returns
    -------
    dict of str to pandas.DataFrame
        `wave1`, `wave2`, …: one row a response, in the order sent. Numbers and ordinal answers are float (NaN: blank;
        -97 not applicable, -98 don't know, -99 rather not say), choices are text ("": blank; multi-select joined by
        `|`, `none`: none chosen), times are timestamps. `wave1_sample`, …: one row an invited firm. `frame_margins`:
        counts of the frame. `truth_responses`: one row a response, what was planted and what lies behind it (values of
        the year, before heaping or errors). `truth_alters`: one row a named partner. `daily`: wave, resp_id, alter of
        contacts that the finer answers of later waves record as daily (in the waves: 5, weekly or more).
    """
    seed = parameters["seed"] if seed is None else seed
    population = draw_population(parameters, seed)
    history = start_history(len(population.employees))
    tables: dict[str, pd.DataFrame] = {}
    margins, truths, alters, dailies = [], [], [], []
    for wave in range(1, parameters["waves"] + 1):
        description = describe_firms(population, parameters, wave)
        year = draw_year(population, parameters, seed, wave)
        fieldwork = draw_outcomes(population, history, description, parameters, seed, wave)
        rows = np.flatnonzero(np.isin(fieldwork.outcome, ["answered", "no_consent", "large", "group_owned", "closed"]))
        firms, outcome = fieldwork.firms[rows], fieldwork.outcome[rows]
        respondents = Respondents(population, year, firms, parameters, seed, wave)
        answers, sections, truth, partners, daily = answer_questionnaire(respondents)
        planted = outcome != "answered"
        behaviour = add_careless_answers(answers, planted, parameters, make_generator(seed, wave, "careless"))
        errors = add_errors(answers, ~planted, parameters, make_generator(seed, wave, "errors"))
        may = behaviour["careless"].eq("").to_numpy() & ~planted
        status, seen = add_breaking_off(answers, sections, may, parameters, make_generator(seed, wave, "breaking off"))
        special = add_wrong_firms(answers, outcome, sections, make_generator(seed, wave, "wrong firms"))
        status = np.where(special != "", special, status)
        seen = np.where(special != "", 1 / 8, seen)
        keys = draw_keys(make_generator(seed, wave, "response keys"), len(rows))
        head = pd.DataFrame({"resp_id": keys, "firm_id": population.firm_id[firms], "wave": float(wave)})
        head["sample_type"] = np.where(fieldwork.panel[rows], "panel", "refresh")
        times = draw_times(fieldwork, rows, behaviour.pop("duration_s").to_numpy(), seen, parameters, seed, wave)
        tail = pd.DataFrame({"status": status, "consent": (outcome != "no_consent").astype(float)})
        table = pd.concat([head, times, tail, answers], axis=1)
        truth = pd.concat([head[["resp_id", "firm_id"]], truth, behaviour, errors], axis=1)
        truth.insert(0, "wave", wave)
        truth["ineligible"] = np.where(np.isin(outcome, ["large", "group_owned", "closed"]), outcome, "")
        truth["no_consent"], truth["duplicate"], truth["test"] = outcome == "no_consent", "", False
        truth["status"] = status
        by_firm = dict(zip(firms.tolist(), status.tolist(), strict=True))
        tables[f"wave{wave}_sample"] = make_sample(
            fieldwork, population, description, name_dispositions(fieldwork, by_firm)
        )
        table, truth = add_copies(table, truth, parameters, wave, make_generator(seed, wave, "copies"))
        order = table["end_ts"].argsort(kind="stable").to_numpy()
        tables[f"wave{wave}"] = table.iloc[order].reset_index(drop=True)
        truths.append(truth.iloc[order])
        partners.insert(0, "resp_id", keys[partners.pop("row")])
        partners.insert(0, "wave", wave)
        alters.append(partners)
        if wave >= parameters["partners"]["finer_frequency_from"]:
            at, slot = np.nonzero(daily)
            found = pd.DataFrame({"wave": wave, "resp_id": keys[at], "alter": slot + 1})
            dailies.append(found)
        margins.append(count_margins(population, description, parameters, wave))
        history.columns = {name: year.columns[name] for name in ("relational", "interrupted", "growth")}
        advance(population, year, parameters, seed, wave)
    tables["frame_margins"] = pd.concat(margins, ignore_index=True)
    tables["truth_responses"] = pd.concat(truths, ignore_index=True)
    tables["truth_alters"] = pd.concat(alters, ignore_index=True)
    empty = pd.DataFrame({"wave": [], "resp_id": [], "alter": []})
    tables["daily"] = pd.concat(dailies, ignore_index=True) if dailies else empty
    return tables
