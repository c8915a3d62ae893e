"""Position in the value chain, from the stages between the firm and the final customer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd


def place_in_value_chain(panel: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Find each firm's positions in the value chain.

    Parameters
    ----------
    panel
        One row a firm in a wave.
    settings
        ``lines`` (pairs of a stages and a share variable, one a product line), ``positions`` (stages → position,
        ties go to the first), ``share_above`` (per cent a line must exceed to count).

    Returns
    -------
    pandas.DataFrame
        ``vc_primary``: position of the line with the largest share; ``vc_<position>``: whether any line above the
        limit is there; ``vc_n``: number of such positions; ``vc_depth``: share-weighted mean of stages. Missing
        where no line has both stages and share.

    Notes
    -----
    # ASSUME a firm that describes one line only and leaves its share blank does all its business there.
    """
    positions = {float(stages): place for stages, place in settings["positions"].items()}
    stages = panel[[line[0] for line in settings["lines"]]].astype("Float64").to_numpy(dtype="float64", na_value=np.nan)
    share = panel[[line[1] for line in settings["lines"]]].astype("Float64").to_numpy(dtype="float64", na_value=np.nan)
    alone = ((~np.isnan(stages)).sum(axis=1) == 1) & np.isnan(share).all(axis=1)
    shares = share
    share = np.where(alone[:, None] & ~np.isnan(stages), 100.0, share)
    share = np.where(np.isnan(stages), np.nan, share)
    described = ~np.isnan(share).all(axis=1)
    result = pd.DataFrame(index=panel.index)
    largest = np.nanmax(np.where(np.isnan(share), -np.inf, share), axis=1)
    unplaced = np.nanmax(np.where(np.isnan(stages) & ~np.isnan(shares), shares, -np.inf), axis=1)
    primary = pd.Series(None, index=panel.index, dtype="str")
    n_positions = np.zeros(len(panel))
    for code, place in reversed(positions.items()):
        held = stages == code
        primary = primary.mask(
            pd.Series((held & (share == largest[:, None])).any(axis=1) & described, index=panel.index), place
        )
    for code, place in positions.items():
        present = ((stages == code) & (share > settings["share_above"])).any(axis=1)
        n_positions += present
        result[f"vc_{place}"] = pd.Series(present, index=panel.index, dtype="boolean").mask(~described)
    weight = np.nansum(share, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        depth = np.nansum(share * stages, axis=1) / weight
    result.insert(0, "vc_primary", primary.mask(unplaced >= largest))
    result["vc_n"] = np.where(described, n_positions, np.nan)
    result["vc_depth"] = np.where(described & (weight > 0), depth, np.nan)
    return result
