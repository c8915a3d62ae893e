"""The library modules that a rule depends on are those that its script really imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from firmties.provenance import list_imports, list_modules

SCRIPTS = Path(__file__).parents[2] / "scripts"
RULES = sorted(path.stem for path in SCRIPTS.glob("*.py"))


def test_imports_for_type_checkers_are_left_out() -> None:
    source = "if TYPE_CHECKING:\n    from firmties.tables import Table\nfrom firmties.scales import score_scale"
    assert "firmties.tables" not in list_imports(source)


def test_imports_through_other_modules_are_found(tmp_path: Path) -> None:
    package = tmp_path / "firmties"
    package.mkdir()
    for name, text in {"__init__": "", "one": "from firmties.two import x", "two": "x = 1", "three": ""}.items():
        (package / f"{name}.py").write_text(text)
    (tmp_path / "rule.py").write_text("import firmties.one")
    assert [path.stem for path in list_modules(tmp_path / "rule.py")] == ["__init__", "one", "two"]


@pytest.mark.parametrize("rule", RULES)
def test_modules_of_a_rule_cover_what_its_script_loads(rule: str) -> None:
    code = f"""
import runpy, sys
sys.path.insert(0, {str(SCRIPTS)!r})
runpy.run_path({str(SCRIPTS / (rule + ".py"))!r}, run_name="job")
print("\\n".join(module.__file__ for name, module in sys.modules.items() if name.startswith("firmties")))
"""
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert set(map(Path, loaded)) <= set(list_modules(SCRIPTS / f"{rule}.py"))
