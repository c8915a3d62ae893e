"""Two shares a row, with the exact p-value and the odds ratio."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from firmties.tables import ABSENT, Row, Table, describe_basis, format_compact, format_number, is_missing

WORDS = {"two-sided": "two-sided", "greater": "one-sided, more", "less": "one-sided, fewer"}


def tabulate(numbers: pd.DataFrame, notes: dict[str, Any], options: dict[str, Any]) -> Table:
    """Set the tests, one a row, with the limits of each beneath the table."""
    tests = numbers.to_dict("records")
    rows = [
        Row(
            [
                test["test"],
                "\n".join(
                    f"{_word_count(test[f'count_{n}'])} of {test[f'n_{n}']} {test[f'group_{n}']}" for n in (1, 2)
                ),
                _word_ratio(test),
                f"{format_p(test['p_value']) or 'hidden'}\n{WORDS[test['alternative']]}",
                format_p(test["p_draws"]) or ABSENT,
                _text(test["sources"]),
            ]
        )
        for test in tests
    ]
    drawn = [
        f"By chance alone ({test['test']}): {test['draws']} equally likely columns."
        for test in tests
        if _text(test["draws"])
    ]
    limits = [f"{test['test']}: {_text(test['note'])}" for test in tests if _text(test["note"])]
    return Table(
        title=options["title"],
        columns=["Compared", "Counts", "Odds ratio\n[95 % interval]", "Exact p", "By chance\nalone", "Lines"],
        rows=rows,
        alignment="llrrrl",
        widths=[2.4, 3.0, None, None, None, 1.6],
        notes=[*describe_basis(notes), f"{notes['method']}.", *drawn, *limits],
        data=numbers,
    )


def format_p(value: Any) -> str:
    """Write an exact p-value to two significant figures.

    Examples
    --------
    >>> format_p(0.00361), format_p(0.000387), format_p(0.046875), format_p(1.0), format_p(None)
    ('0.0036', '0.00039', '0.047', '1.0', '')
    """
    if is_missing(value):
        return ""
    if value < 0.00005:
        return "< 0.0001"
    return "1.0" if value > 0.995 else format_compact(value, 2)


def _word_count(count: Any) -> str:
    return "hidden" if is_missing(count) else f"{count:.0f}"


def _word_ratio(test: Mapping[Any, Any]) -> str:
    if is_missing(test["conf_low"]):
        return ABSENT
    return f"{_round(test['odds_ratio'])}\n[{_round(test['conf_low'])}, {_round(test['conf_high'])}]"


def _round(value: float) -> str:
    return format_number(value) if abs(value) == float("inf") else format_compact(value, 3)


def _text(value: Any) -> str:
    return "" if is_missing(value) else str(value)
