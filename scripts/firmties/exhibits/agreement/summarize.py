"""Cohen's kappa of questions that were asked twice, by wave and over all waves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from firmties.agreement import compute_kappa
from firmties.disclosure import find_minimum
from firmties.display import ENOUGH, as_codes, codes_of, describe_rows, label_of
from firmties.errors import StudyError, describe_allowed

_VALUES = ("kappa", "std_error", "conf_low", "conf_high")


def summarize(sources: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Compare each pair in each wave and over all.

    Returns
    -------
    numbers
        One row a pair and wave (``wave`` blank: all waves): pair, label, wave, wave_label, n, kappa, std_error,
        conf_low, conf_high, state (``shown``, ``not asked together``, ``few``, ``one code``).
    notes
        What the caption needs.

    Raises
    ------
    StudyError
        If the two questions of a pair do not have the same codes.
    """
    panel, dictionary, waves = sources["panel"], sources["dictionary"], sources["waves"]
    few = max(ENOUGH, find_minimum(sources["study"]))
    rows: list[dict[str, Any]] = []
    compared = pd.Series(False, index=panel.index)
    for pair in options["pairs"]:
        check_codes(dictionary, pair["first"], pair["again"])
        first, again = as_codes(panel[pair["first"]]), as_codes(panel[pair["again"]])
        compared |= first.notna() & again.notna()
        parts = [*((wave.id, str(wave.label)) for wave in waves.itertuples(index=False)), (None, "All waves")]
        for wave, label in parts:
            here = panel["wave"].notna() if wave is None else panel["wave"] == wave
            found = compute_kappa(first[here], again[here])
            state = "not asked together" if found.n == 0 else "few" if found.n < few else "shown"
            if state == "shown" and np.isnan(found.kappa):
                state = "one code"
            # ASSUME how many firms answered differently when asked again is no answer of a firm's, so that a kappa of
            # enough firms may be shown even if few of them did.
            rows.append(
                {
                    "pair": f"{pair['first']} and {pair['again']}",
                    "label": pair.get("label") or label_of(dictionary, pair["first"]),
                    "wave": wave,
                    "wave_label": label,
                    "n": found.n,
                    **{name: getattr(found, name) if state == "shown" else np.nan for name in _VALUES},
                    "state": state,
                }
            )
    numbers = pd.DataFrame(rows).astype({"wave": "Int64", "n": "Int64"})
    notes = describe_rows(panel[compared], sources["study"], waves)
    return numbers, notes | {"at_least": options.get("at_least", 0.7), "enough": few}


def check_codes(dictionary: pd.DataFrame, first: str, again: str) -> None:
    """Refuse two questions with different codes, of which agreement would mean nothing."""
    one, other = codes_of(dictionary, first), codes_of(dictionary, again)
    strange = [code for code in other if code not in one]
    if strange or len(one) != len(other):
        lacking = strange or [code for code in one if code not in other]
        raise StudyError(
            f"config.yaml: exhibits: pairs: '{first}' and '{again}' do not have the same codes: '{lacking[0]}' stands "
            f"in one only; {describe_allowed(lacking[0], one if strange else other)}"
        )
