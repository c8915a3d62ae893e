"""Time the demonstration on two cores and print where the time goes, as Markdown tables.

Usage: .venv/bin/python benchmarks/run.py

Works in a copy of the repository in a temporary directory; the environment must be there already. The standard
library alone; memory is measured on Linux only.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CORES = 2
LEFT_OUT = {
    ".git",
    ".venv",
    ".uv",
    ".snakemake",
    "__pycache__",
    "examples",
    "tests",
    "logs",
    "data/interim",
    "data/processed",
}
LEFT_OUT |= {f"reports/{name}" for name in ("figures", "tables", "results", "report.html", "report.pdf")}

# What is edited before a run: the name of the run, the text in config.yaml, and what takes its place.
EDITS = [
    ("one changed model", "form + A2 + select_z + digital_z", "form + A2 + digital_z"),
    ("one changed figure", "bins: 20", "bins: 25"),
]

# Read by every Python at its start: notes, at its end, how long imports took and how much memory it had.
SITECUSTOMIZE = """
import atexit, json, os, resource, sys, time
import importlib._bootstrap as bootstrap

seconds, depth, find_and_load = 0.0, 0, bootstrap._find_and_load

def timed(*arguments):
    global seconds, depth
    depth += 1
    began = time.perf_counter()
    try:
        return find_and_load(*arguments)
    finally:
        depth -= 1
        if not depth:
            seconds += time.perf_counter() - began

def note():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    seen = {"program": sys.argv[0], "imports": seconds, "cpu": usage.ru_utime + usage.ru_stime, "kib": usage.ru_maxrss}
    with open(os.path.join(os.environ["BENCHMARK_NOTES"], str(os.getpid())), "w") as file:
        json.dump(seen, file)

bootstrap._find_and_load = timed
atexit.register(note)
"""


@dataclass
class Run:
    """What one run took."""

    name: str
    wall: float = 0.0
    peak_mib: float = 0.0
    jobs: list[dict[str, Any]] = field(default_factory=list)
    processes: list[dict[str, Any]] = field(default_factory=list)


def copy_repository(target: Path) -> None:
    def choose(folder: str, names: list[str]) -> set[str]:
        inside = Path(folder).relative_to(ROOT)
        return {name for name in names if name in LEFT_OUT or (inside / name).as_posix() in LEFT_OUT}

    shutil.copytree(ROOT, target, ignore=choose)


def list_descendants(process: int) -> Iterator[int]:
    yield process
    for thread in Path(f"/proc/{process}/task").glob("*"):
        with suppress(OSError):
            for child in (thread / "children").read_text().split():
                yield from list_descendants(int(child))


def measure_mib(process: int) -> float:
    """Memory of a process and those it started; what they share is counted once (proportional set size)."""
    kib = 0
    for one in list(list_descendants(process)):
        try:
            kib += int(re.findall(r"^Pss:\s+(\d+)", Path(f"/proc/{one}/smaps_rollup").read_text(), re.MULTILINE)[0])
        except (OSError, IndexError):
            continue  # it has ended meanwhile
    return kib / 1024


def read_jobs(study: Path, since: float) -> list[dict[str, Any]]:
    """The jobs that Snakemake began after a time; it notes one record an output file, each with the job's log."""
    jobs: dict[str, dict[str, Any]] = {}
    for path in (study / ".snakemake" / "metadata").rglob("*"):
        record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        if (record.get("starttime") or 0) >= since:
            job = jobs.setdefault(str(record["log"]), record)
            job["starttime"] = min(job["starttime"], record["starttime"])
            job["endtime"] = max(job["endtime"], record["endtime"])
    return list(jobs.values())


def run_workflow(name: str, study: Path, workplace: Path) -> Run:
    notes = workplace / "notes" / name.replace(" ", "_")
    notes.mkdir(parents=True)
    own = ROOT / ".venv" / "bin" / "python"
    python = str(own if own.exists() else sys.executable)
    command = [python, "-m", "snakemake", "--cores", str(CORES), "--snakefile", str(study / "Snakefile")]
    settings = {
        "PYTHONPATH": str(workplace / "site"),
        "BENCHMARK_NOTES": str(notes),
        "PYTHONUTF8": "1",
        "MPLBACKEND": "agg",
    }
    variables = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"} | settings
    run = Run(name)
    stopped = threading.Event()
    output = workplace / f"{notes.name}.txt"
    began = time.time()
    with output.open("wb") as file:
        process = subprocess.Popen(
            [*command, "--directory", str(study)], env=variables, stdout=file, stderr=subprocess.STDOUT
        )

        def watch() -> None:
            while not stopped.wait(0.1):
                run.peak_mib = max(run.peak_mib, measure_mib(process.pid))

        watcher = threading.Thread(target=watch, daemon=True)
        if sys.platform == "linux":
            watcher.start()
        status = process.wait()
    run.wall = time.time() - began
    stopped.set()
    if status:
        sys.exit(
            f"{output.read_text(encoding='utf-8', errors='replace')}\nThe run '{name}' failed with status {status}."
        )
    run.jobs = read_jobs(study, began)
    run.processes = [json.loads(path.read_text()) for path in notes.iterdir()]
    return run


def measure_busy(jobs: list[dict[str, Any]]) -> float:
    """Seconds during which at least one job ran."""
    busy, until = 0.0, 0.0
    for job in sorted(jobs, key=lambda job: job["starttime"]):
        busy += max(0.0, job["endtime"] - max(until, job["starttime"]))
        until = max(until, job["endtime"])
    return busy


def write_table(header: list[str], rows: list[list[Any]]) -> str:
    def show(value: Any) -> str:
        return f"{value:.1f}" if isinstance(value, float) else str(value)

    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(show(cell) for cell in line) + " |" for line in lines) + "\n"


def describe_runs(runs: list[Run]) -> str:
    header = ["run", "wall s", "CPU s", "peak MiB, all processes", "jobs", "s with no job running", "rules"]
    rows = []
    for run in runs:
        counts: dict[str, int] = {}
        for job in sorted(run.jobs, key=lambda job: job["starttime"]):
            counts[job["rule"]] = counts.get(job["rule"], 0) + 1
        rules = ", ".join(rule if count == 1 else f"{rule} × {count}" for rule, count in counts.items()) or "none"
        if len(counts) > 8:
            rules = "all"
        cpu = sum(process["cpu"] for process in run.processes)
        rows.append([run.name, run.wall, cpu, run.peak_mib, len(run.jobs), run.wall - measure_busy(run.jobs), rules])
    return write_table(header, rows)


def describe_rules(run: Run) -> str:
    """Where the time of a run went, a row a rule; a job's program is called after its rule's script."""
    header = [
        "rule",
        "jobs",
        "s, all jobs",
        "of these imports",
        "start, compute and files",
        "CPU s",
        "peak MiB of one job",
    ]
    rows: list[list[Any]] = []
    for rule in dict.fromkeys(job["rule"] for job in sorted(run.jobs, key=lambda job: job["starttime"])):
        jobs = [job for job in run.jobs if job["rule"] == rule]
        script = re.search(r"script:\s*[\"']([^\"']+)", str(jobs[0].get("code")))
        ending = "." + Path(script[1] if script else f"{rule}.py").name
        mine = [process for process in run.processes if process["program"].endswith(ending)]
        seconds = sum(job["endtime"] - job["starttime"] for job in jobs)
        imports = sum((process["imports"] for process in mine), 0.0)
        cpu = sum((process["cpu"] for process in mine), 0.0)
        peak = max((process["kib"] / 1024 for process in mine), default=0.0)
        rows.append([rule, len(jobs), seconds, imports, seconds - imports, cpu, peak])
    rows.sort(key=lambda row: -row[2])
    rows.append(
        ["all rules", *(sum(row[column] for row in rows) for column in range(1, 6)), max(row[6] for row in rows)]
    )
    snakemake = [process for process in run.processes if Path(process["program"]).parent.name == "snakemake"]
    for process in snakemake:
        cpu = process["cpu"]
        rows.append(["Snakemake itself", 1, run.wall, process["imports"], "", cpu, process["kib"] / 1024])
    return write_table(header, rows)


def main() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    with tempfile.TemporaryDirectory(prefix="firmties benchmark ") as folder:
        workplace = Path(folder)
        study = workplace / "study"
        copy_repository(study)
        (workplace / "site").mkdir()
        (workplace / "site" / "sitecustomize.py").write_text(SITECUSTOMIZE, encoding="utf-8")
        runs = [run_workflow("cold", study, workplace), run_workflow("second run", study, workplace)]
        for name, text, replacement in EDITS:
            config = study / "config.yaml"
            before = config.read_text(encoding="utf-8")
            if before.count(text) != 1:
                sys.exit(f"config.yaml holds '{text}' {before.count(text)} times, not once: see EDITS in {__file__}")
            config.write_text(before.replace(text, replacement), encoding="utf-8")
            runs.append(run_workflow(name, study, workplace))
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
        print(f"Python {sys.version.split()[0]}, {CORES} cores; load of the machine at the end: {load:.1f}\n")
        print(f"{describe_runs(runs)}\nThe cold run:\n")
        print(describe_rules(runs[0]))


if __name__ == "__main__":
    main()
