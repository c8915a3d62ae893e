"""Errors that a user can cause, and how they are worded."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

MOST_PROBLEMS = 50
"""Most faults that a message lists; how many more there are is said."""


class StudyError(Exception):
    """One or more faults of a study's input or configuration.

    Parameters
    ----------
    problems
        One line a fault; each names the file, wave, variable or key, the bad
        value, what is allowed, and what to change.

    Examples
    --------
    >>> print(StudyError(["config.yaml: waves: is empty", "data/codebook.csv: is missing"]))
    2 problems:
    - config.yaml: waves: is empty
    - data/codebook.csv: is missing
    """

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return self.problems[0]
        lines = [f"- {problem}" for problem in self.problems[:MOST_PROBLEMS]]
        rest = len(self.problems) - MOST_PROBLEMS
        return "\n".join([f"{len(self.problems):,} problems:", *lines, *([f"- and {rest:,} more"] if rest > 0 else [])])


def describe_allowed(value: object, allowed: Iterable[object], *, at_most: int = 12) -> str:
    """Say what is allowed in place of a bad value, and the nearest match.

    Examples
    --------
    >>> describe_allowed("g_emo", ["g_emp", "g_sales"])
    "did you mean 'g_emp'? Allowed: g_emp, g_sales"
    >>> describe_allowed(9, [1, 2])
    'allowed: 1, 2'
    """
    names = [str(name) for name in allowed]
    listed = ", ".join(names[:at_most]) + (f" and {len(names) - at_most} more" if len(names) > at_most else "")
    nearest = get_close_matches(str(value), names, n=1)
    if nearest:
        return f"did you mean '{nearest[0]}'? Allowed: {listed}"
    return f"allowed: {listed}" if names else "nothing of this kind is declared"
