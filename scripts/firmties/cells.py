"""Columns of text, looked at by their different cells: a million answers to an item are a handful of texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FIRST_CELLS = 10_000
"""Cells by which a column is judged."""


def list_different(cells: pd.Series) -> tuple[np.ndarray, pd.Series]:
    """List the different cells of a column, and where each cell stands among them.

    A column of which most cells differ, such as a key, is its own list: to look for repetitions would cost more than
    it saves.

    Returns
    -------
    places : numpy.ndarray
    different : pandas.Series
        Text, numbered from 0; ``different.take(places)`` is the column.

    Examples
    --------
    >>> import pandas as pd
    >>> places, different = list_different(pd.Series(["b", "a", "b", "b"]))
    >>> places.tolist(), different.tolist()
    ([0, 1, 0, 0], ['b', 'a'])
    """
    import numpy as np
    import pandas as pd

    first = cells.head(FIRST_CELLS)
    if first.nunique() > len(first) / 2 and len(cells) > FIRST_CELLS:
        return np.arange(len(cells)), cells.astype("str").reset_index(drop=True)
    places, different = pd.factorize(cells)
    return places, pd.Series(different, dtype="str")
