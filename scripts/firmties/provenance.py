"""What results come from: checksums, versions, the modules that a script imports; and results that were kept."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

PACKAGE = "firmties"
KEPT = Path("data/kept")
MANIFEST = "manifest.json"
PACKAGES = (
    "jinja2", "jsonschema", "matplotlib", "networkx", "numpy", "pandas", "pingouin", "pyarrow", "pypandoc_binary",
    "pyreadstat", "python-calamine", "pyyaml", "scipy", "seaborn", "snakemake", "statsmodels", "typst",
)  # fmt: skip


def compute_checksum(path: str | Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def list_kept(study: Path) -> list[tuple[int, str]]:
    """Results that were kept, in the order of keeping: number and label."""
    found = (study / KEPT).glob(f"*/{MANIFEST}")
    return sorted((json.loads(path.read_text(encoding="utf-8"))["number"], path.parent.name) for path in found)


def list_versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """The installed versions of packages, by name; those not installed are left out."""
    versions = {}
    for package in sorted(packages):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def list_imports(source: str) -> set[str]:
    """Names of the library's modules that a source text imports, but for those imported for type checkers alone.

    Examples
    --------
    >>> sorted(list_imports("import pandas\\nfrom firmties.scales import score_scale"))
    ['firmties.scales', 'firmties.scales.score_scale']
    """
    names: set[str] = set()
    for node in walk_statements(ast.parse(source).body):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            # ``from package import name`` may name a module.
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in names if name.partition(".")[0] == PACKAGE}


def walk_statements(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Statements with those inside them, but for what is for type checkers alone; expressions hold no import."""
    for node in body:
        yield node
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            yield from walk_statements(node.orelse)
        else:
            for part in ("body", "orelse", "finalbody", "handlers", "cases"):
                inner = getattr(node, part, [])
                yield from walk_statements(inner if isinstance(inner, list) else [])


@cache
def list_module_imports(path: Path) -> frozenset[str]:
    """Names of the library's modules that a file imports."""
    return frozenset(list_imports(path.read_text(encoding="utf-8")))


def find_module(name: str, scripts: Path) -> Path | None:
    """File of a module of the library; None if the name is no module.

    Parameters
    ----------
    name
        Such as ``firmties.scales``.
    scripts
        The folder that holds the package.
    """
    base = scripts.joinpath(*name.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


def list_modules(script: Path, extra: Iterable[str] = ()) -> list[Path]:
    """Modules of the library that a script imports, directly or through others, sorted.

    Parameters
    ----------
    script
        The script, which lies beside the package.
    extra
        Modules that the script imports by name at run time, such as the reader of a format.
    """
    scripts = script.parent
    found: set[Path] = set()
    waiting = [*list_module_imports(script), *extra]
    while waiting:
        name = waiting.pop()
        parents = [".".join(name.split(".")[: depth + 1]) for depth in range(name.count(".") + 1)]
        for path in filter(None, (find_module(parent, scripts) for parent in parents)):
            if path not in found:
                found.add(path)
                waiting += list_module_imports(path)
    return sorted(found)
