"""Time of adding the demonstration's wave 4 to a study of waves 1-3, page included: `python benchmarks/add_wave.py`.

Nothing of the earlier waves is there but their exports, so that they are read and cleaned, too. With ``profile`` as
argument the functions that took most are printed. Works in a temporary directory.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests" / "workflow")]

from wave_studies import list_arguments, make_study  # type: ignore[import-not-found]  # noqa: E402


def main(profiled: bool) -> None:
    """Add the wave once, in a process of its own, and print what it took."""
    with tempfile.TemporaryDirectory() as name:
        study = make_study(Path(name) / "study", [1, 2, 3])
        command = [sys.executable, *(["-m", "cProfile", "-s", "cumtime"] if profiled else [])]
        command += [str(ROOT / "scripts" / "add_wave.py"), *list_arguments(study, 4, "--write")]
        began = time.perf_counter()
        done = subprocess.run(command, check=False, capture_output=True, text=True, encoding="utf-8")
        wall = time.perf_counter() - began
        page = study / "reports" / "waves" / "wave_4.html"
        if done.returncode or not page.is_file():
            sys.exit(f"{done.stdout}{done.stderr}\nThe wave was not added (status {done.returncode}).")
        if profiled:
            print("\n".join(done.stdout.splitlines()[:80]))
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(
            f"wall {wall:.1f} s, CPU {used.ru_utime + used.ru_stime:.1f} s, peak {used.ru_maxrss / 1024**2:.2f} GiB, "
            f"page {page.stat().st_size / 1024:.0f} KiB; load of the machine {os.getloadavg()[0]:.1f}"
        )


if __name__ == "__main__":
    main("profile" in sys.argv[1:])
