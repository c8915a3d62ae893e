"""Write the demonstration survey: raw waves, sample files and frame margins into data/, the truth beside the tests.

Run by hand; no rule of the workflow does. `python scripts/simulate.py [--output DIR] [--scenario NAME] [--seed N]`
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd
import pyreadstat
import yaml

from firmties.errors import StudyError
from firmties.simulation import apply_scenario, simulate_survey
from firmties.simulation.contrasts import compute_contrasts
from firmties.simulation.export import (
    describe_columns,
    export_wave,
    find_missing_ranges,
    format_table,
    use_missing_letters,
)

ROOT = Path(__file__).parents[1]


def write_table(table: pd.DataFrame, path: Path, delimiter: str = ",") -> None:
    """Write a CSV file with fixed bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    format_table(table).to_csv(path, sep=delimiter, index=False, lineterminator="\n")


def main(output: Path, scenario: str | None = None, seed: int | None = None) -> None:
    """Simulate the survey and write all files below `output`.

    Parameters
    ----------
    output : Path
        A study's directory: `data/` and `tests/reference/demonstration_truth/` are written in it.
    scenario : str, optional
        A name under `scenarios:` in data/simulation.yaml.
    seed : int, optional
        In place of the seed in data/simulation.yaml.
    """
    parameters = yaml.safe_load((ROOT / "data/simulation.yaml").read_text())
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    codebook, crosswalk = (
        pd.read_csv(ROOT / f"data/{name}.csv", dtype=str, keep_default_na=False) for name in ("codebook", "crosswalk")
    )
    if scenario:
        parameters = apply_scenario(parameters, scenario)
    tables = simulate_survey(parameters, seed)
    raw_directory, truth_directory = output / "data/raw", output / "tests/reference/demonstration_truth"
    raw_directory.mkdir(parents=True, exist_ok=True)
    for wave in range(1, parameters["waves"] + 1):
        entry = parameters["export"][wave]
        path = raw_directory / entry["file"]
        raw = export_wave(
            tables[f"wave{wave}"], tables["daily"], wave, codebook, crosswalk, entry.get("constant_columns")
        )
        labels, value_labels = describe_columns(
            raw,
            wave,
            codebook,
            crosswalk,
            config["response_scales"],
            parameters["missing"]["labels"],
        )
        if path.suffix == ".sav":
            pyreadstat.write_sav(
                raw,
                path,
                column_labels=labels,
                variable_value_labels=value_labels,
                missing_ranges=find_missing_ranges(raw),
                row_compress=True,
            )
        elif path.suffix == ".dta":
            table, value_labels, missing = use_missing_letters(raw, value_labels)
            # Stata's labels end after 80 characters.
            short = {name: label and label[:80] for name, label in labels.items()}
            pyreadstat.write_dta(
                table,
                path,
                column_labels=short,
                variable_value_labels=value_labels,
                missing_user_values=missing,
                version=12,
            )
        else:
            write_table(raw, path, entry.get("delimiter", ","))
        write_table(tables[f"wave{wave}_sample"], raw_directory / f"wave{wave}_sample.csv")
    write_table(tables["frame_margins"], output / "data/frame_margins.csv")
    write_table(tables["truth_responses"], truth_directory / "responses.csv")
    write_table(tables["truth_alters"], truth_directory / "alters.csv")
    write_table(compute_contrasts(parameters, tables["truth_responses"]), truth_directory / "contrasts.csv")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--output", type=Path, default=ROOT, help="directory to write data/ and tests/reference/ into")
    parser.add_argument("--scenario", help="a name under scenarios: in data/simulation.yaml")
    parser.add_argument("--seed", type=int, help="in place of the seed in data/simulation.yaml")
    arguments = parser.parse_args()
    try:
        main(arguments.output, arguments.scenario, arguments.seed)
    except StudyError as error:
        sys.exit(str(error))
