"""Read one wave's export as text, with the labels that its format carries; drop or hash what identifies."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from firmties.errors import StudyError
from firmties.jobs import run_job
from firmties.privacy import check_key, compute_fingerprint, protect_responses, word_making
from firmties.readers import read_wave

FINGERPRINT = Path("data/key_fingerprint.txt")


def read_key(study: Path) -> bytes:
    """Read the key of the study's hashes, and check that it is the one that earlier waves were hashed with."""
    default = Path.home() / ".config" / "firmties" / f"{study.resolve().name}.key"
    path = Path(os.environ.get("FIRMTIES_KEY_FILE") or default)
    if not path.is_file():
        raise StudyError(
            f"{path}: no key, but data/codebook.csv asks for hashing (identifying = hash); {word_making(path)}; "
            "another place is named in the environment variable FIRMTIES_KEY_FILE"
        )
    key = path.read_bytes().strip()
    check_key(key, path, [study, Path(__file__).parents[1]])
    mark, recorded = compute_fingerprint(key), study / FINGERPRINT
    if recorded.is_file() and recorded.read_text(encoding="utf-8").strip() != mark:
        raise StudyError(
            f"{path}: is not the key that earlier waves were hashed with ({FINGERPRINT}), so firms would no longer be "
            f"found again; use that key, or remove {FINGERPRINT} and data/interim to hash every wave anew"
        )
    if not recorded.is_file():
        # Waves are read side by side: another job must find the whole fingerprint, or none.
        whole = recorded.with_name(f".{recorded.name}.{os.getpid()}")
        whole.write_text(mark + "\n", encoding="utf-8")
        whole.replace(recorded)
    return key


def main(raw: str, wave: Mapping[str, Any], responses: str, labels: str, privacy: Mapping[str, Any]) -> str:
    """Read the raw file; write the responses as Parquet and the labels as JSON."""
    table, carried = read_wave(raw, wave)
    key = read_key(Path.cwd()) if "hash" in privacy.get("marks", {}).values() else b""
    table, carried = protect_responses(table, carried, privacy, f"{raw} (wave {wave.get('id')})", key)
    table.to_parquet(responses)
    Path(labels).write_text(json.dumps(carried, ensure_ascii=False, indent=1), encoding="utf-8")
    size = f"{len(table)} responses, {table.shape[1] - 1} columns"
    said = [f"{part}: {'; '.join(carried[part])}" for part in ("detected", "lost") if carried.get(part)]
    return "\n".join([f"{raw}: {carried['format']}, {size}, SHA-256 {carried['sha256']}", *said, ""])


if "snakemake" in globals():
    job = globals()["snakemake"]
    run_job(
        main,
        job.log[0],
        raw=job.input.raw,
        wave=job.params.wave,
        privacy=job.params.privacy,
        responses=job.output.responses,
        labels=job.output.labels,
    )
