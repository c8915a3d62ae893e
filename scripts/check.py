"""Check a study and run nothing: `python scripts/check.py [STUDY]`."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from firmties.provenance import compute_checksum
from firmties.study import Study, inspect_study


def check_checksums(study: Study) -> Iterator[str]:
    """Compare the raw files with the checksums that the configuration states."""
    found: dict[str, str] = {}
    for wave in study.config.get("waves", []):
        path = study.directory / str(wave.get("file"))
        if "sha256" not in wave or not path.is_file():
            continue
        if wave["file"] not in found:
            found[wave["file"]] = compute_checksum(path)
        if found[wave["file"]] != wave["sha256"]:
            yield (
                f"config.yaml: waves[{wave.get('id')}].sha256: '{wave['file']}' has the checksum {found[wave['file']]},"
                f" not {wave['sha256']}; it is not the file that was registered"
            )


def check_contents(study: Study) -> Iterator[str]:
    """Read and clean every wave as a run would, and write nothing; all faults of all waves."""
    from firmties import slices
    from firmties.clean import clean_wave
    from firmties.codebook import Variable
    from firmties.errors import StudyError
    from firmties.privacy import KEY_LENGTH, protect_responses
    from firmties.readers import read_wave

    # Nothing is written, so any key does; with none of the study's at hand it can be checked all the same.
    key = secrets.token_bytes(KEY_LENGTH)
    os.chdir(study.directory)
    for wave in study.config["waves"]:
        number = wave["id"]
        try:
            responses, labels = read_wave(wave["file"], slices.slice_read(wave))
            where = f"{wave['file']} (wave {number})"
            responses, labels = protect_responses(responses, labels, study.protection(number), where, key)
            variables = [Variable.from_row(row) for row in study.codebook_rows(number)]
            settings = slices.slice_clean(study.config, wave)
            clean_wave(responses, labels, variables, study.crosswalk_rows(number), settings)
        except StudyError as error:
            yield from error.problems


def describe_study(study: Study) -> str:
    """Count what a study declares.

    Examples
    --------
    >>> describe_study(Study(Path(), {"waves": [{"id": 1}], "models": []}, {}, [], {}, {}))
    '1 wave, 0 variables, 0 scales, 0 models, 0 hypotheses, 0 exhibits'
    """
    counts = {
        "wave": len(study.config["waves"]),
        "variable": len(study.variables),
        **{word: len(study.config.get(f"{word}s", [])) for word in ("scale", "model")},
        "hypothesis": len(study.config.get("hypotheses", [])),
        "exhibit": len(study.config.get("exhibits", [])),
    }
    plurals = {"hypothesis": "hypotheses"}
    return ", ".join(f"{n} {word if n == 1 else plurals.get(word, word + 's')}" for word, n in counts.items())


def main(directory: str) -> int:
    """Print one line a problem, or what the study holds; return the exit status."""
    study, problems = inspect_study(directory)
    problems += check_checksums(study)
    if not problems:
        problems += check_contents(study)
    for problem in problems:
        print(problem)
    if problems:
        print(f"{len(problems)} problem{'s' if len(problems) > 1 else ''}; nothing was run", file=sys.stderr)
        return 1
    print(f"no problems: {describe_study(study)}")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description="Check a study's configuration, codebook, crosswalk and files; run nothing."
    )
    parser.add_argument("study", nargs="?", default=".", help="the study's directory (default: this one)")
    sys.exit(main(parser.parse_args().study))
