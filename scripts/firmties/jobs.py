"""How scripts are run: errors in plain words on the console, the traceback of a rule in its log."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from firmties.errors import StudyError


def run_job(main: Callable[..., Any], log: str | Path, **arguments: Any) -> None:
    """Run ``main(**arguments)`` and fill the rule's log.

    A :class:`StudyError` is printed as it stands and ends the process with
    status 1; its traceback goes to the log, as does that of any other error.
    What ``main`` returns, if it is text, is the log's content when all is well.
    """
    path = Path(log)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        said = main(**arguments)
    except StudyError as error:
        path.write_text(traceback.format_exc(), encoding="utf-8")
        print(f"\n{error}\n", file=sys.stderr)
        sys.exit(1)
    except Exception:
        path.write_text(traceback.format_exc(), encoding="utf-8")
        raise
    path.write_text(said if isinstance(said, str) else "done\n", encoding="utf-8")


def stream_sets(
    fits_by_set: Sequence[str | Path],
    completed: Mapping[str, Sequence[str | Path]],
    columns: Mapping[str, Sequence[str]],
) -> Iterator[tuple[dict[str, list[Any]], dict[str, Any]]]:
    """Read the fits of models to each imputed set and the completed tables, one set at a time.

    Parameters
    ----------
    fits_by_set
        Of each model JSON, a line a set: ``{"fits": […], "by_wave": […]}``.
    completed
        Table -> its completed files, one a set.
    columns
        Table -> the columns needed; those that it has not are passed over.

    Yields
    ------
    tuple
        The fits of all models under ``fits`` and ``by_wave``, and table -> data frame.
    """
    import pandas as pd
    import pyarrow.parquet as parquet

    with ExitStack() as stack:
        streams = [stack.enter_context(Path(path).open(encoding="utf-8")) for path in fits_by_set]
        for paths, *lines in zip(zip(*completed.values(), strict=True), *streams, strict=True):
            tables = {}
            for name, path in zip(completed, paths, strict=True):
                present = set(parquet.read_schema(path).names)
                tables[name] = pd.read_parquet(path, columns=[column for column in columns[name] if column in present])
            read = [json.loads(line) for line in lines]
            yield {key: [fit for own in read for fit in own[key]] for key in ("fits", "by_wave")}, tables


def run_command(work: Callable[..., str], *arguments: Any) -> int:
    """Print what a command says; a :class:`StudyError` as it stands, without traceback. Return the exit status.

    Examples
    --------
    >>> run_command("{} waves".format, 4)
    4 waves
    0
    """
    try:
        print(work(*arguments))
    except StudyError as error:
        print(error, file=sys.stderr)
        return 1
    return 0
