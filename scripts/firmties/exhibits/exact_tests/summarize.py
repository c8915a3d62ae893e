"""Fisher's exact test of declared counts."""

from __future__ import annotations

from math import prod
from typing import Any

import pandas as pd
from scipy.stats import fisher_exact
from scipy.stats.contingency import odds_ratio

from firmties.disclosure import find_minimum
from firmties.errors import StudyError

LEVEL = 0.95


def summarize(sources: dict[str, Any], options: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Test each declared pair of shares.

    Returns
    -------
    numbers
        One row a test: test, group_1, count_1, n_1, group_2, count_2, n_2, alternative, p_value, odds_ratio,
        conf_low, conf_high, p_draws, draws, sources, note. `p_value` is from the hypergeometric distribution (Fisher
        1935; two-sided: all tables no more likely than the one seen). `odds_ratio` is the conditional
        maximum-likelihood estimate with its exact 95 % interval, two-sided whatever the alternative (Cornfield
        1956); missing where neither group, or all of both, has the feature. `p_draws` is from `multiply_draws`.
    notes
        What the caption needs.

    Raises
    ------
    StudyError
        A count is larger than its group, or more columns are drawn than there are.

    Examples
    --------
    >>> tea = {"name": "milk first", "groups": ["said so", "said not"], "counts": [3, 1], "of": [4, 4]}
    >>> numbers, _ = summarize({"study": {"minimum_cell": 1}}, {"tests": [{**tea, "alternative": "greater"}]})
    >>> round(float(numbers["p_value"][0]), 4)
    0.2429
    """
    problems = [problem for test in options["tests"] for problem in _find_faults(test)]
    if problems:
        raise StudyError(problems)
    notes = {
        "method": "Fisher's exact test; odds ratio by conditional maximum likelihood with its exact 95 % interval",
        "n_tests": len(options["tests"]),
    }
    few = find_minimum(sources["study"])
    return pd.DataFrame([_withhold(_compare(test), few) for test in options["tests"]]), notes


def multiply_draws(draws: list[dict[str, int]]) -> float:
    """Give the probability that every case draws one given column.

    A case that draws k of m equally likely columns without replacement holds a given one with probability k / m.

    Examples
    --------
    >>> multiply_draws([{"drawn": 2, "of": 4, "times": 4}, {"drawn": 3, "of": 4}])
    0.046875
    """
    return prod((draw["drawn"] / draw["of"]) ** draw.get("times", 1) for draw in draws)


def _find_faults(test: dict[str, Any]) -> list[str]:
    faults = [
        f"exact test '{test['name']}': {count} of {n} {group}: the count is larger than the group"
        for group, count, n in zip(test["groups"], test["counts"], test["of"], strict=True)
        if count > n
    ]
    for draw in test.get("draws", []):
        if draw["drawn"] > draw["of"]:
            faults.append(
                f"exact test '{test['name']}': draws {draw['drawn']} of {draw['of']} ; it can draw {draw['of']} at most"
            )
    return faults


def _withhold(found: dict[str, Any], few: int) -> dict[str, Any]:
    """Blank a test of which a cell is small: the counts follow from the p-value and the odds ratio, too."""
    cells = [n for i in (1, 2) for n in (found[f"count_{i}"], found[f"n_{i}"] - found[f"count_{i}"])]
    if not any(0 < n < few for n in cells):
        return found
    shown = ("test", "group_1", "n_1", "group_2", "n_2", "alternative", "sources")
    return {name: found[name] if name in shown else None for name in found} | {
        "draws": "",
        "note": f"Withheld, as a cell has fewer than {few} (docs/privacy.md).",
    }


def _compare(test: dict[str, Any]) -> dict[str, Any]:
    (a, b), (n, m) = test["counts"], test["of"]
    table = [[a, n - a], [b, m - b]]
    alternative = test.get("alternative", "two-sided")
    varies = 0 < a + b < n + m
    ratio = odds_ratio(table) if varies else None
    interval = ratio.confidence_interval(LEVEL) if ratio else None
    draws = test.get("draws", [])
    return {
        "test": test["name"],
        "group_1": test["groups"][0],
        "count_1": a,
        "n_1": n,
        "group_2": test["groups"][1],
        "count_2": b,
        "n_2": m,
        "alternative": alternative,
        "p_value": float(fisher_exact(table, alternative=alternative).pvalue),
        "odds_ratio": ratio.statistic if ratio else None,
        "conf_low": interval.low if interval else None,
        "conf_high": interval.high if interval else None,
        "p_draws": multiply_draws(draws) if draws else None,
        "draws": ", ".join(f"{draw.get('times', 1)} × {draw['drawn']} of {draw['of']}" for draw in draws),
        "sources": test.get("sources", ""),
        "note": test.get("note", ""),
    }
