"""The launcher: in a project of its own with a lock of one invented package, so that no network is needed."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
BASE_PYTHON = getattr(sys, "_base_executable", sys.executable)

# Stands in for Snakemake and pytest: prints what it was given.
STAND_IN = """
import json, os, sys
seen = {"arguments": sys.argv[1:], "directory": os.getcwd(), "python": sys.executable, "variables": dict(os.environ)}
print(json.dumps(seen))
sys.exit(int(os.environ.get("STATUS", "0")))
"""
FAKE_UV = """#!/bin/sh
printf '%s\\n' "$@" > "$NOTE"
echo "index: $UV_DEFAULT_INDEX" >> "$NOTE"
exit 3
"""

needs_pip = pytest.mark.skipif(
    subprocess.run([BASE_PYTHON, "-m", "pip", "--version"], capture_output=True, check=False).returncode != 0,
    reason="the Python below this environment has no pip",
)


def load_launcher() -> ModuleType:
    loader = SourceFileLoader("launcher", str(ROOT / "firmties"))
    spec = importlib.util.spec_from_loader("launcher", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def write_wheel(folder: Path, name: str, files: dict[str, str]) -> str:
    """Write a wheel and return the lock's lines for it."""
    wheel = folder / f"{name}-1-py3-none-any.whl"
    metadata = {
        f"{name}-1.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n",
        f"{name}-1.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    content = {**files, **metadata, f"{name}-1.dist-info/RECORD": ""}
    content[f"{name}-1.dist-info/RECORD"] = "".join(f"{path},,\n" for path in content)
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in content.items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr = (0o100755 if "/scripts/" in path else 0o100644) << 16
            archive.writestr(entry, text)
    return f"{name}==1 \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


class Project:
    """A copy of the launcher with a lock of its own, in a directory whose path has a space."""

    def __init__(self, folder: Path) -> None:
        self.wheels = folder / "wheels"
        self.root = folder / "a project"
        self.elsewhere = folder / "elsewhere"
        self.note = folder / "uv's note"
        self.messages = ""
        for path in (self.wheels, self.root / "scripts", self.elsewhere):
            path.mkdir(parents=True)
        shutil.copy(ROOT / "firmties", self.root)
        (self.root / "scripts" / "check.py").write_text(STAND_IN)
        stand_ins = {f"{name}/__main__.py": STAND_IN for name in ("snakemake", "pytest")}
        (self.root / "requirements.txt").write_text(write_wheel(self.wheels, "stand_ins", stand_ins))
        fetched = {"uv-1.data/scripts/uv": FAKE_UV}
        (self.root / "requirements-uv.txt").write_text(write_wheel(self.wheels, "uv", fetched))

    @property
    def record(self) -> Path:
        return self.root / ".venv" / "firmties.json"

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        settings = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels), "PIP_CONFIG_FILE": os.devnull}
        environment = {**os.environ, **settings, "NOTE": str(self.note), **variables}
        return subprocess.Popen(
            [BASE_PYTHON, str(self.root / "firmties"), *arguments],
            cwd=self.elsewhere, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            # A shell's background jobs ignore an interrupt, and pass that on.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 (no threads here)
        )  # fmt: skip

    def run(self, *arguments: str, **variables: str) -> tuple[int, dict, str]:
        """Return exit status, what the stand-in printed, and the launcher's messages."""
        process = self.start(*arguments, **variables)
        output, messages = process.communicate(timeout=120)
        return process.returncode, json.loads(output) if output.startswith("{") else {}, messages


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("launcher"))
    made.messages = made.run("run")[2]
    return made


@needs_pip
class TestHandOver:
    def test_run_starts_snakemake_on_all_cores_with_the_own_snakefile(self, project: Project) -> None:
        _, seen, _ = project.run("run", "--directory", "x y", "--dry-run")
        snakefile = str(project.root / "Snakefile")
        assert seen["arguments"] == ["--cores", "all", "--snakefile", snakefile, "--directory", "x y", "--dry-run"]

    def test_run_takes_the_demonstration_where_there_is_no_study(self, project: Project) -> None:
        _, seen, _ = project.run("run")
        assert seen["arguments"][-2:] == ["--directory", str(project.root)]

    def test_run_takes_the_study_of_the_current_directory(self, project: Project) -> None:
        (project.elsewhere / "config.yaml").touch()
        _, seen, _ = project.run("run")
        (project.elsewhere / "config.yaml").unlink()
        assert seen["arguments"][-2:] == ["--directory", str(project.elsewhere)]

    def test_test_starts_pytest_in_the_project(self, project: Project) -> None:
        _, seen, _ = project.run("test", "-k", "one two")
        assert (seen["arguments"], seen["directory"]) == (["-k", "one two"], str(project.root))

    def test_check_hands_the_study_on(self, project: Project) -> None:
        _, seen, _ = project.run("check", "my study")
        assert seen["arguments"] == ["my study"]

    def test_exit_status_is_the_programs(self, project: Project) -> None:
        assert project.run("run", STATUS="7")[0] == 7

    def test_own_environment_is_used_whatever_is_active(self, project: Project) -> None:
        foreign = {"PYTHONPATH": "/nowhere", "VIRTUAL_ENV": "/nowhere", "CONDA_PREFIX": "/nowhere"}
        _, seen, _ = project.run("run", **foreign)
        assert seen["python"] == str(project.root / ".venv" / "bin" / "python")

    def test_traces_of_other_environments_are_removed(self, project: Project) -> None:
        foreign = {"PYTHONPATH": "/nowhere", "VIRTUAL_ENV": "/nowhere", "CONDA_PREFIX": "/nowhere"}
        _, seen, _ = project.run("run", **foreign)
        assert not [name for name in foreign if seen["variables"].get(name) == "/nowhere"]

    def test_own_programs_come_first_on_the_search_path(self, project: Project) -> None:
        _, seen, _ = project.run("run")
        assert seen["variables"]["PATH"].split(os.pathsep)[0] == str(project.root / ".venv" / "bin")


@needs_pip
class TestSetUp:
    def test_pip_does_the_work_where_uv_fails(self, project: Project) -> None:
        assert "pip does the work now" in project.messages

    def test_uv_is_asked_first_for_bytecode_and_hashes(self, project: Project) -> None:
        said = project.note.read_text().splitlines()
        assert {"--require-hashes", "--compile-bytecode"} <= set(said)

    def test_second_start_sets_nothing_up(self, project: Project) -> None:
        assert "setting up" not in project.run("run", "--directory", ".")[2]

    def test_bytecode_is_compiled_even_where_python_is_told_not_to_write_it(self, tmp_path: Path) -> None:
        made = Project(tmp_path)
        made.run("run", PYTHONDONTWRITEBYTECODE="1")
        assert list((made.root / ".venv").rglob("snakemake/__pycache__/*.pyc"))

    def test_pips_index_is_passed_on_to_uv(self, tmp_path: Path) -> None:
        made = Project(tmp_path)
        made.run("run", PIP_INDEX_URL="https://index.invalid/simple")
        assert "index: https://index.invalid/simple" in made.note.read_text()

    def test_another_lock_makes_the_environment_anew(self, project: Project) -> None:
        with (project.root / "requirements.txt").open("a") as lock:
            lock.write("# another\n")
        assert "setting up" in project.run("run")[2]

    def test_environment_without_its_record_is_made_anew(self, project: Project) -> None:
        project.record.unlink()
        assert "setting up" in project.run("run")[2]

    def test_wrong_hash_is_refused(self, tmp_path: Path) -> None:
        made = Project(tmp_path)
        lock = made.root / "requirements.txt"
        lock.write_text(lock.read_text().replace("sha256:", "sha256:0")[:-2] + "\n")
        status, _, messages = made.run("run")
        assert (status, made.record.exists(), "could not be installed" in messages) == (1, False, True)

    @pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
    def test_interrupted_set_up_counts_for_nothing(self, tmp_path: Path, sent: signal.Signals) -> None:
        made = Project(tmp_path)
        process = made.start("run")
        deadline = time.monotonic() + 60
        while not (made.root / ".venv").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(sent)
        process.communicate(timeout=60)
        assert process.returncode != 0
        assert not made.record.exists()
        assert made.run("run")[0] == 0

    def test_two_starts_at_once_set_up_once(self, tmp_path: Path) -> None:
        made = Project(tmp_path)
        both = [made.start("run"), made.start("run")]
        messages = [process.communicate(timeout=120)[1] for process in both]
        assert ([process.returncode for process in both], sum("setting up" in text for text in messages)) == ([0, 0], 1)

    def test_set_up_waits_for_what_still_runs(self, project: Project) -> None:
        waits = "print('started', flush=True); input()"
        (project.root / "scripts" / "check.py").write_text(waits)
        running = project.start("check")
        assert running.stdout is not None
        assert running.stdout.readline() == "started\n"
        project.record.unlink()
        second = project.start("run")
        time.sleep(1.5)
        waited = second.poll() is None and not project.record.exists()
        running.communicate("\n", timeout=60)
        (project.root / "scripts" / "check.py").write_text(STAND_IN)
        second.communicate(timeout=120)
        assert (waited, second.returncode) == (True, 0)


class TestMessages:
    @pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
    def test_usage_names_the_commands(self, arguments: list[str]) -> None:
        command = [sys.executable, str(ROOT / "firmties"), *arguments]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert [line.split()[0] for line in said.splitlines() if line.startswith("  ")] == [
            "run",
            "test",
            "check",
            "add-wave",
            "remove-wave",
            "draft",
            "keep",
            "changes",
        ]

    def test_unknown_command_is_met_with_the_nearest(self) -> None:
        command = [sys.executable, str(ROOT / "firmties"), "chek"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, "did you mean 'check'?" in done.stderr) == (2, True)

    def test_without_pip_the_package_that_gives_it_is_named(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        launcher = load_launcher()
        monkeypatch.setattr(launcher, "succeeds", lambda *_, **__: False)
        with pytest.raises(SystemExit):
            launcher.find_pip({})
        assert "apt install python3-pip" in capsys.readouterr().err

    def test_other_python_is_told_what_is_needed(self, tmp_path: Path) -> None:
        text = (ROOT / "firmties").read_text(encoding="utf-8")
        launcher = tmp_path / "firmties"
        launcher.write_text(text.replace("SUPPORTED = [(3, 13), (3, 12), (3, 11)]", "SUPPORTED = []"), encoding="utf-8")
        done = subprocess.run([sys.executable, str(launcher)], capture_output=True, text=True, check=False)
        assert (done.returncode, "needs Python 3.11, 3.12 or 3.13" in done.stderr) == (1, True)


class TestPipConfiguration:
    @pytest.mark.parametrize(
        ("listing", "variables"),
        [
            ("global.index-url='https://a.invalid/simple'", {"UV_DEFAULT_INDEX": "https://a.invalid/simple"}),
            (":env:.index-url='b'\nglobal.index-url='a'", {"UV_DEFAULT_INDEX": "b"}),
            ("global.extra-index-url='a\\nb'", {"UV_INDEX": "a b"}),
            ("global.find-links='a b'", {"UV_FIND_LINKS": "a,b"}),
            ("global.cert='/c.pem'\nglobal.timeout='5'", {"SSL_CERT_FILE": "/c.pem"}),
            ("global.no-index='true'", {"UV_NO_INDEX": "true"}),
            ("freeze.index-url='a'", {}),
            ("a line of another kind", {}),
        ],
    )
    def test_settings_become_uvs(self, listing: str, variables: dict[str, str]) -> None:
        assert load_launcher().translate_pip_configuration(listing) == variables
