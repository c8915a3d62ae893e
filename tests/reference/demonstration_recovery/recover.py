"""What the pipeline recovers from data sets drawn by the demonstration's generator.

Run by hand to remake the stored means (a quarter of an hour on two cores):

    python tests/reference/demonstration_recovery/recover.py --first 1000 --count 120

Each data set goes through the library's own cleaning, linking, scoring, models and hypotheses, with the
demonstration's configuration; nothing is written to files on the way. ``expected.csv`` holds the mean, the
standard deviation and the mean standard error of every quantity, ``draws.parquet`` (not tracked) a row a
data set and quantity.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import pandas as pd  # noqa: E402
import yaml  # noqa: E402

from firmties import slices  # noqa: E402
from firmties.alters import gather_alters, gather_pairs, keep_named_pairs  # noqa: E402
from firmties.clean import clean_wave  # noqa: E402
from firmties.codebook import Variable  # noqa: E402
from firmties.estimation import fit_model, tabulate_estimates  # noqa: E402
from firmties.hypotheses import estimate_contrasts, judge_hypotheses  # noqa: E402
from firmties.link import stack_waves  # noqa: E402
from firmties.score import ScoredStudy, score_study  # noqa: E402
from firmties.simulation import apply_scenario, simulate_survey  # noqa: E402
from firmties.simulation.export import format_table  # noqa: E402
from firmties.study import Study, load_study  # noqa: E402

MODELS = ("M1", "M3", "M9", "M6")


def clean_and_score(study: Study, survey: Mapping[str, pd.DataFrame]) -> ScoredStudy:
    """Take simulated waves through cleaning, linking and scoring."""
    config = study.config
    keys = ["wave", *slices.pick_keys(config).values()]
    cleaned = {}
    for wave in config["waves"]:
        number = wave["id"]
        text = format_table(survey[f"wave{number}"])
        text.insert(0, "raw_row", range(1, len(text) + 1))
        variables = [Variable.from_row(row) for row in study.codebook_rows(number)]
        cleaned[number] = clean_wave(text, {"file": f"wave {number}"}, variables, [], slices.slice_clean(config, wave))
    panel, kinds = stack_waves(
        {n: w.values for n, w in cleaned.items()}, {n: w.kinds for n, w in cleaned.items()}, keys
    )
    alters = gather_alters(panel, config["alters"], keys[:2])
    pairs, _ = keep_named_pairs(gather_pairs(panel, config["alters"], keys[:2]), alters, keys[:2])
    decisions = pd.read_csv(ROOT / config["networks"]["decision_table"], dtype="str", keep_default_na=False)
    anchors = {name: (float(row[0]), float(row[1])) for name, row in study.anchor_rows().items()}
    return score_study(panel, kinds, alters, pairs, decisions, anchors, study.variables, slices.slice_score(config))


def estimate(study: Study, scored: ScoredStudy, models: tuple[str, ...] = MODELS) -> pd.DataFrame:
    """Fit the models and test the hypotheses; one row a quantity: name, estimate, std_error, conf_low, conf_high."""
    config = study.config
    tables = {"panel": scored.panel, "alters": scored.alters}
    dictionary = scored.dictionary.astype("str")
    fits: list[dict[str, Any]] = []
    for model in config["models"]:
        if model["id"] in models:
            part = slices.slice_model(config, {**model, "outcomes": model["outcomes"][:1]})
            table = tables[model.get("table", "panel")]
            fits += fit_model(part["model"], table, dictionary, part["sets"], part["samples"], config.get("references"))
    terms = tabulate_estimates(fits)
    # Of a model in blocks the first, on which its hypotheses rest.
    terms = terms.assign(quantity=terms["model"] + ": " + terms["term"]).drop_duplicates("quantity")
    hypotheses = [h for h in config["hypotheses"] if all(c["model"] in models for c in h["components"])]
    tested = judge_hypotheses(hypotheses, config["families"], estimate_contrasts(hypotheses, fits, tables))
    tested = tested.assign(quantity=tested["hypothesis"] + ": " + tested["component"])
    columns = ["quantity", "estimate", "std_error", "conf_low", "conf_high", "p_value"]
    shares = scored.panel["form"].value_counts(normalize=True)
    sizes = pd.DataFrame(
        {"quantity": ["n firm-waves", *("share " + shares.index)], "estimate": [len(scored.panel), *shares]}
    )
    return pd.concat([terms[columns], tested[[*columns, "p_adjusted"]], sizes], ignore_index=True)


def recover(seed: int, scenario: str = "", models: tuple[str, ...] = MODELS) -> pd.DataFrame:
    """Draw one data set and estimate everything from it."""
    study = load_study(ROOT)
    parameters = yaml.safe_load((ROOT / "data" / "simulation.yaml").read_text(encoding="utf-8"))
    if scenario:
        parameters = apply_scenario(parameters, scenario)
    return estimate(study, clean_and_score(study, simulate_survey(parameters, seed)), models).assign(seed=seed)


def main() -> None:
    """Draw the data sets on all cores; write draws and their summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=1000, help="seed of the first data set")
    parser.add_argument("--count", type=int, default=120, help="number of data sets")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--scenario", default="")
    parser.add_argument("--output", type=Path, default=HERE)
    chosen = parser.parse_args()
    with ProcessPoolExecutor(chosen.cores) as pool:
        draws = pd.concat(
            pool.map(partial(recover, scenario=chosen.scenario), range(chosen.first, chosen.first + chosen.count))
        )
    name = f"_{chosen.scenario}" if chosen.scenario else ""
    summary = draws.groupby("quantity", sort=False).agg(
        mean=("estimate", "mean"),
        sd=("estimate", "std"),
        mean_std_error=("std_error", "mean"),
        count=("estimate", "size"),
    )
    summary.round(6).to_csv(chosen.output / f"expected{name}.csv", lineterminator="\n")
    draws.to_parquet(chosen.output / f"draws{name}.parquet")


if __name__ == "__main__":
    main()
