"""Scale scores, and indices on fixed anchors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from firmties.errors import StudyError
from firmties.expressions import name_benchmark


def score_scale(items: pd.DataFrame) -> pd.Series:
    """Mean of a scale's items if at least half of them are answered, otherwise missing.

    Parameters
    ----------
    items
        One column an item, reverse-keyed items already recoded.

    Examples
    --------
    >>> import pandas as pd
    >>> score_scale(pd.DataFrame({"a": [1.0, 5.0], "b": [2.0, None], "c": [3.0, None]})).tolist()
    [2.0, nan]
    """
    numbers = items.astype("Float64").astype("float64")
    return numbers.mean(axis=1).where(2 * numbers.notna().sum(axis=1) >= items.shape[1])


class Anchors(Mapping[str, tuple[float, float]]):
    """Fixed constants that put indices on their scales: variable → (centre, spread).

    A variable without a row is noted with the mean and standard deviation of the first wave that has it, so that
    all rows to add can be printed at once by :meth:`check`; nothing is ever put on a scale by the sample itself.
    """

    def __init__(self, rows: Mapping[str, tuple[float, float]]) -> None:
        self.rows = dict(rows)
        self.proposed: dict[str, str] = {}

    def __getitem__(self, name: str) -> tuple[float, float]:
        """Return centre and spread of a variable."""
        return self.rows[name]

    def __iter__(self):  # type: ignore[no-untyped-def]
        """Iterate over the variables."""
        return iter(self.rows)

    def __len__(self) -> int:
        """Return the number of variables."""
        return len(self.rows)

    def require(self, name: str, panel: pd.DataFrame) -> None:
        """Propose a row for a variable that has none."""
        if name in self.rows or name not in panel:
            return
        values = panel[["wave", name]].dropna()
        wave = values["wave"].min()
        first = values.loc[values["wave"] == wave, name].astype("float64")
        self.proposed[name] = (
            f"{name},{first.mean():.6g},{first.std():.6g},{wave},mean and standard deviation of wave {wave}"
        )
        self.rows[name] = (0.0, 1.0)

    def require_by(self, name: str, by: str, rows: pd.DataFrame) -> None:
        """Propose rows for the codes of another variable that have none, each at the first wave that has it.

        Parameters
        ----------
        rows
            The rows that count, with ``wave``, the variable and the one with the codes.
        """
        known = rows[["wave", name, by]].dropna()
        for code, members in known.groupby(by):
            row = name_benchmark(name, by, code)
            if row in self.rows:
                continue
            wave = members["wave"].min()
            first = members.loc[members["wave"] == wave, name].astype("float64")
            spread = first.std() if len(first) > 1 and first.std() > 0 else 1.0
            note = f"mean and standard deviation of the {len(first)} rows that count in wave {wave}"
            self.proposed[row] = f"{row},{first.mean():.6g},{spread:.6g},{wave},{note}"
            self.rows[row] = (0.0, 1.0)

    def check(self) -> None:
        """Stop if a row was missing, and print the rows to add."""
        if self.proposed:
            raise StudyError(
                f"data/anchors.csv: no row for {', '.join(self.proposed)}; anchors are fixed constants and are not "
                "taken from the sample at each run. To fix them at the first wave's values, add:\n  "
                + "\n  ".join(self.proposed.values())
            )


def score_scales(panel: pd.DataFrame, scales: Sequence[Mapping[str, object]], anchors: Anchors) -> pd.DataFrame:
    """Add every declared scale, and ``<name>_z`` = (score - centre) / spread where it is anchored."""
    scores: dict[str, pd.Series] = {}
    for scale in scales:
        name = str(scale["name"])
        scores[name] = score_scale(panel[list(scale["items"])])  # type: ignore[call-overload]
        if scale.get("anchor"):
            anchors.require(name, panel[["wave"]].assign(**{name: scores[name]}))
            centre, spread = anchors[name]
            scores[f"{name}_z"] = (scores[name] - centre) / spread
    return panel.assign(**scores)
