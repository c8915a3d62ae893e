"""Data dictionaries of survey tools: one module a format, found here by itself.

Each module has ``NAME``, ``recognize(path, head)``, which looks at the first bytes of the file, and ``read(path)``,
which returns ``columns`` (question texts), ``values`` (code → label), ``types``, ``missing`` (code → kind) and
``identifying`` (columns), and, where the format has it, ``range``. A question of several answers has its choices among
``values``, under its own name; its columns of choices are described as well.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from pathlib import Path
from typing import Any

from firmties.errors import StudyError

HEAD = 4096


def list_modules() -> list[str]:
    """Names of the modules of this folder, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def read_dictionary(path: Path) -> dict[str, Any]:
    """Read a dictionary with the module that recognizes it.

    Raises
    ------
    StudyError
        The file is missing, of no known format, or cannot be read.
    """
    if not path.is_file():
        raise StudyError(f"{path.as_posix()}: there is no such file")
    with path.open("rb") as stream:
        head = stream.read(HEAD)
    modules = [import_module(f"{__name__}.{name}") for name in list_modules()]
    for module in modules:
        if module.recognize(path, head):
            try:
                found: dict[str, Any] = module.read(path)
            except StudyError:
                raise
            except Exception as error:
                raise StudyError(f"{path.as_posix()}: cannot be read as {module.NAME}: {error}") from error
            return found
    names = ", ".join(module.NAME for module in modules)
    raise StudyError(f"{path.as_posix()}: is no data dictionary that is known; allowed: {names}")
