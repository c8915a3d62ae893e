"""The lock, and what says the same in other words: pyproject.toml, environment.yml, the continuous integration."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DECLARED = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["develop"]]
LOCKS = ["requirements.txt", "requirements-uv.txt"]
ENTRY = re.compile(
    r"^(?P<requirement>[^\s#-][^\\\n]*?) ?\\\n(?P<hashes>(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE
)


def read_lock(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def read_pins(name: str = "requirements.txt") -> list[Requirement]:
    return [Requirement(entry["requirement"]) for entry in ENTRY.finditer(read_lock(name))]


@pytest.mark.parametrize("name", LOCKS)
def test_lock_holds_hashed_pins_and_nothing_else(name: str) -> None:
    assert ENTRY.sub("", read_lock(name)) == ""


@pytest.mark.parametrize("name", LOCKS)
def test_every_version_is_exact(name: str) -> None:
    assert [str(pin) for pin in read_pins(name) if not re.fullmatch(r"==[^*,]+", str(pin.specifier))] == []


@pytest.mark.parametrize("name", [*LOCKS, "environment.yml", "pyproject.toml", ".ci/run", "firmties"])
def test_no_registry_host_is_named(name: str) -> None:
    assert re.findall(r"https?://\S+|file://\S+|--(?:extra-)?index-url|--find-links", read_lock(name)) == []


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("declared", DECLARED)
def test_declared_package_is_locked_once_within_its_range(declared: str, python: str) -> None:
    wanted = Requirement(declared)
    environment = {key: str(value) for key, value in default_environment().items()}
    environment |= {"python_version": python, "python_full_version": f"{python}.9"}
    found = [
        next(iter(pin.specifier)).version
        for pin in read_pins()
        if canonicalize_name(pin.name) == canonicalize_name(wanted.name)
        and (pin.marker is None or pin.marker.evaluate(environment))
    ]
    assert (len(found), [version in wanted.specifier for version in found]) == (1, [True])


def test_launcher_supports_the_pythons_of_the_project() -> None:
    launcher = (ROOT / "firmties").read_text(encoding="utf-8")
    line = next(line for line in launcher.splitlines() if line.startswith("SUPPORTED = "))
    supported = {f"3.{minor}" for minor in re.findall(r"\(3, (\d+)\)", line)}
    candidates = {f"3.{minor}" for minor in range(8, 20)}
    assert supported == {version for version in candidates if version in SpecifierSet(PROJECT["requires-python"])}


class TestCondaEnvironment:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))

    def test_conda_gives_python_and_pip_alone(self) -> None:
        names = [entry.split()[0] for entry in self.environment["dependencies"] if isinstance(entry, str)]
        assert names == ["python", "pip"]

    def test_python_is_the_projects(self) -> None:
        python = self.environment["dependencies"][0].removeprefix("python").strip()
        assert SpecifierSet(python) == SpecifierSet(PROJECT["requires-python"])

    def test_pip_installs_the_lock_and_nothing_else(self) -> None:
        assert self.environment["dependencies"][-1] == {"pip": ["-r requirements.txt"]}


class TestTwoCommands:
    commands = ("./firmties run", "./firmties test")

    def test_readme_holds_them_in_one_block(self) -> None:
        blocks = re.findall(r"^```\w*\n(.*?)^```", read_lock("README.md"), re.MULTILINE | re.DOTALL)
        assert "\n".join(self.commands) + "\n" in blocks

    def test_ci_reads_exactly_them(self) -> None:
        pattern = re.search(r"grep -E '(\S+ \S+)' README\.md", read_lock(".ci/run"))
        assert pattern is not None
        lines = read_lock("README.md").splitlines()
        assert tuple(line for line in lines if re.match(pattern[1], line)) == self.commands

    @pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
    def test_ci_is_a_valid_script(self) -> None:
        assert subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], check=False).returncode == 0


def test_hooks_use_the_locks_tools() -> None:
    hooks = yaml.safe_load(read_lock(".pre-commit-config.yaml"))["repos"][0]["hooks"]
    locked = {canonicalize_name(pin.name) for pin in read_pins()}
    assert [hook["entry"].split()[0] for hook in hooks if hook["entry"].split()[0] not in locked] == []
