"""Numbers of the convergence figure: a row a variable, wave, iteration and chain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from firmties.display import label_of
from firmties.errors import StudyError, describe_allowed

STEADY = 1.1
"""Ratio from which chains have not come together (Gelman and others 2013, section 11.4)."""


def compare_chains(values: np.ndarray) -> float:
    r"""Potential scale reduction of Gelman and Rubin (1992) over all iterations but the first.

    :math:`\hat R = \sqrt{((n-1) W / n + B / n) / W}`, W being the mean variance within chains and B n times the
    variance of the chains' means. Chains of imputation are short, so that no half of them is set aside: one that still
    drifts has a larger ratio by it.

    Parameters
    ----------
    values
        Iterations × chains.

    Returns
    -------
    float
        1 for chains that have come together; missing for fewer than two chains, three iterations, or no variance.

    Examples
    --------
    >>> apart = np.tile([0.0, 10.0], (8, 1)) + np.array([0.0, 1.0] * 4)[:, None]
    >>> compare_chains(apart) > 5, round(compare_chains(np.array([[9.0, 9], [1, 2], [2, 1]])), 2)
    (True, 0.71)
    """
    kept = values[1:]
    n, chains = kept.shape
    if n < 2 or chains < 2 or not np.isfinite(kept).all():
        return np.nan
    within = kept.var(axis=0, ddof=1).mean()
    between = n * kept.mean(axis=0).var(ddof=1)
    return float(np.sqrt(((n - 1) / n * within + between / n) / within)) if within > 0 else np.nan


def summarize(sources: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Take the chains of the variables shown, and compare those of all.

    Raises
    ------
    StudyError
        If a variable was imputed in no wave.
    """
    chains, dictionary, waves = sources["chains"], sources["dictionary"], sources["waves"]
    show = options.get("show", "mean")
    labels = dict(zip(waves["id"], waves["label"].astype(str), strict=True))
    own = chains["variable"].str.partition(" / ")[0]
    unknown = [name for name in options["variables"] if name not in set(own)]
    if unknown:
        raise StudyError(
            f"exhibits: variables: '{unknown[0]}' was imputed in no wave; {describe_allowed(unknown[0], own.unique())}"
        )
    ratios = {
        key: compare_chains(part.pivot(index="iteration", columns="chain", values=show).to_numpy())
        for key, part in chains.groupby(["table", "variable", "wave"], sort=False)
    }
    parts = []
    for name in options["variables"]:
        for (table, variable, wave), part in chains[own == name].groupby(["table", "variable", "wave"], sort=False):
            base = variable.partition(" / ")[2]
            label = label_of(dictionary[dictionary["table"] == table], name)
            label = label[:1].upper() + label[1:]
            parts.append(
                pd.DataFrame(
                    {
                        "variable": name,
                        "label": f"{label} (as a multiple)" if base else label,
                        "wave": wave,
                        "wave_label": labels[wave],
                        "iteration": part["iteration"].to_numpy(),
                        "chain": part["chain"].to_numpy(),
                        "value": part[show].to_numpy(),
                        "ratio": ratios[table, variable, wave],
                    }
                )
            )
    found = pd.Series(ratios).dropna()
    above = int((found > STEADY).sum())
    what = {"mean": "Mean", "sd": "Standard deviation"}[show]
    notes = {
        "show": what,
        "n_iterations": int(chains["iteration"].max()),
        "waves": ", ".join(labels.values()),
        "remark_lines": f"{what} of the imputed values by iteration, one line a set ({int(chains['chain'].max())}).",
        "remark_ratio": (
            f"Gelman and Rubin's ratio of all {len(found)} variables and waves: median {found.median():.2f}, "
            f"largest {found.max():.2f}; {above} above {STEADY}. Answers that are missing together are drawn from one "
            "another, so that their chains move more slowly."
            if len(found)
            else None
        ),
    }
    return pd.concat(parts, ignore_index=True), notes
