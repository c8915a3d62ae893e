"""How often pooled 95 % intervals cover the truth when answers of the demonstration's survey are missing at random.

Run by hand to remake the stored shares (an hour or two on one core):

    python tests/reference/imputation_coverage/cover.py --first 1 --count 300

or in parts, each with an ``--output`` of its own, and then ``--combine`` with their files of draws.

Each replication draws one wave of the demonstration's survey without gaps or dirt, estimates everything from it, then
takes answers away: of each item, amount, outcome and field of a partner with a probability that falls with the firm's
employees a year ago (and, for outcomes, rises for SME-led networks), which are always there. What is left goes through
the library's own imputation, completion and scoring; the estimates of the sets are pooled. The truth is the mean of the
estimates from the full data over all replications. ``coverage.csv`` holds a row a quantity and way of estimating (full
data, pooled, complete cases); ``draws.csv`` (not tracked) a row a replication.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(HERE.parent / "demonstration_recovery")]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import yaml  # noqa: E402
from scipy.stats import t as student  # noqa: E402

from firmties import slices  # noqa: E402
from firmties.alters import gather_alters, gather_slots  # noqa: E402
from firmties.catalogue import alter_variables, computed_variables, expand_choices  # noqa: E402
from firmties.completion import fill_cells, fill_partners, split_copies, stack_copies  # noqa: E402
from firmties.imputation import WaveImputation  # noqa: E402
from firmties.pooling import pool_numbers  # noqa: E402
from firmties.score import score_study  # noqa: E402
from firmties.simulation import simulate_survey  # noqa: E402
from firmties.study import Study, load_study  # noqa: E402
from recover import clean_and_score  # noqa: E402

SETS, ITERATIONS = 10, 5
SCALES = ("relcap", "lockin", "diff", "proact", "netcap")
OUTCOMES = ("emp_now", "sales_now", "comm_stage", "mkt_country")
FIELDS = ("close", "freq", "recip")
DERIVED = ("g_emp", "g_sales_log", "ln_emp", "ts_z")
IMPUTATION = {
    "sets": SETS,
    "iterations": ITERATIONS,
    "donors": 5,
    "variables": [*OUTCOMES, "sales_prev", "emp_12m"],
    "on_log_scale": ["sales_prev"],
    "relative": {"emp_now": "emp_12m", "sales_now": "sales_prev"},
    "methods": {},
    "predictors": "g_emp + g_sales_log + I(comm_stage) + mkt_country + nt_primary + form + ts_z + I(ts_z ^ 2) + ln_emp"
    " + I(log(sales_prev)) + sector",
    "alters": {
        "variables": [*FIELDS, "brd"],
        "methods": {},
        "predictors": "I(close) + I(freq) + I(recip) + brd__advice + brd__market + brd__introductions + brd__money"
        " + brd__means + brd__personal + relcap_z + nt_primary + g_emp + ln_emp + I(comm_stage)",
    },
}
TYPES = ("sme_led", "peer_sme", "broker_led")
MODEL = ("ts_z", "ts_z squared", "lockin_z", "diff_z", "relcap_z", "proact_z", *TYPES, "ln_emp")
SHOWN = ("ts_z", "ts_z squared", "lockin_z", "diff_z", "relcap_z", "sme_led")
MEANS = ("relcap", "comm_stage", "g_sales_log", "mkt_country", "ts_mean")


def make_parameters() -> dict[str, Any]:
    """The demonstration's parameters: one wave, nothing missing, no dirt."""
    parameters = yaml.safe_load((ROOT / "data" / "simulation.yaml").read_text(encoding="utf-8"))
    none = 1e-12
    parameters["waves"] = 1
    parameters["missing"] |= {
        "item": {"one": -30}, "sales": none, "sales_micro": none, "assets": none, "patents": none, "f2f": none,
    }  # fmt: skip
    parameters["missing"]["break_off"]["share"] = 0.0
    parameters["partners"]["pair_unknown"] = 0.0
    parameters["networks"]["mover_left_out"] = 0.0
    dirt = parameters["dirt"]
    for name in ("careless", "speeder", "duplicates", "ineligible", "heaping", "sales_unit", "tenfold"):
        dirt[name]["share"] = 0.0
    dirt["test_rows"], dirt["no_consent"] = [0, 0, 0, 0], 0
    dirt["honest"]["fails_attention"] = 0.0
    return parameters


def estimate(panel: pd.DataFrame) -> pd.DataFrame:
    """Means and coefficients of growth, by least squares with HC3, over the rows that have what they need.

    Returns
    -------
    pandas.DataFrame
        Index: the quantity; columns estimate, variance, df.
    """
    panel = panel[panel["nt_primary"].isin(["incumbent_led", "sme_led", "peer_sme", "broker_led"])]
    rows = {}
    for name in MEANS:
        values = panel[name].astype("Float64").astype("float64").dropna()
        rows[f"mean of {name}"] = (values.mean(), values.var() / len(values), len(values) - 1)
    columns = {name: panel[name] for name in MODEL if name in panel}
    columns |= {"ts_z squared": panel["ts_z"] ** 2}
    columns |= {name: (panel["nt_primary"] == name).astype(float) for name in TYPES}
    design = (
        pd.DataFrame(columns)[list(MODEL)].astype("Float64").astype("float64").assign(one=1.0, g_emp=panel["g_emp"])
    )
    design = design.dropna()
    x, y = design.drop(columns="g_emp").to_numpy(), design["g_emp"].to_numpy()
    inverse = np.linalg.inv(x.T @ x)
    coefficients = inverse @ x.T @ y
    leverage = np.einsum("ij,jk,ik->i", x, inverse, x)
    scaled = x * ((y - x @ coefficients) / (1 - leverage))[:, None]
    covariance = inverse @ scaled.T @ scaled @ inverse
    for place, name in enumerate(MODEL):
        if name in SHOWN:
            rows[f"growth on {name}"] = (coefficients[place], covariance[place, place], len(y) - x.shape[1])
    return pd.DataFrame.from_dict(rows, orient="index", columns=["estimate", "variance", "df"])


def take_away(panel: pd.DataFrame, settings: Mapping[str, Any], seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Take answers away at random given what stays; the panel and the kinds of its missing answers."""
    generator = np.random.default_rng([seed, 11])
    size = np.log(panel["emp_12m"].to_numpy(dtype=float)) - 2.5
    led = (panel["nt_primary"] == "sme_led").to_numpy(dtype=float)
    items = [item for scale in settings["scales"] for item in scale["items"]]
    fields = [
        name for name in panel if name.startswith("alt") and name.partition("_")[2].split("__")[0] in (*FIELDS, "brd")
    ]
    logits = dict.fromkeys(items, -2.2 - 0.6 * size)
    logits |= dict.fromkeys(OUTCOMES, -1.8 - 0.5 * size + 0.5 * led)
    logits |= {name: -2.4 - 0.6 * size for name in fields if "__" not in name}
    kinds = pd.DataFrame("", index=panel.index, columns=panel.columns)
    kinds = kinds.mask(panel.isna(), "not_applicable")
    panel = panel.copy()

    def lose(name: str, gone: np.ndarray) -> None:
        gone = gone & panel[name].notna().to_numpy()
        panel[name] = panel[name].mask(gone)
        kinds.loc[gone, name] = "no_answer"

    for name, logit in logits.items():
        gone = generator.random(len(panel)) < 1 / (1 + np.exp(-logit))
        lose(name, gone)
        if name == "sales_now":
            # The year before is missing with it in two firms of three, as in the demonstration always.
            lose("sales_prev", gone & (generator.random(len(panel)) < 2 / 3))
    # A question with several answers is left out as a whole.
    for slot in settings["alters"]["slots"]:
        gone = generator.random(len(panel)) < 1 / (1 + np.exp(2.4 + 0.6 * size))
        for name in fields:
            if name.startswith(f"alt{slot}_brd__"):
                lose(name, gone)
    return panel, kinds


def narrow(study: Study) -> Study:
    """The study with one wave and only the questions that the quantities need, without cleaning: there is no dirt."""
    config = dict(study.config)
    config["waves"] = config["waves"][:1]
    config["scales"] = [scale for scale in config["scales"] if scale["name"] in SCALES]
    config["derived"] = [entry for entry in config["derived"] if entry["name"] in DERIVED]
    alters = dict(config["alters"])
    alters["derived"] = [entry for entry in alters["derived"] if entry["name"] == "ts"]
    alters["aggregated"] = [entry for entry in alters["aggregated"] if entry["name"] == "ts_mean"]
    networks = {key: value for key, value in config["networks"].items() if key not in ("derived", "aggregated")}
    config |= {"alters": {key: value for key, value in alters.items() if key not in ("pairs", "key")}}
    config |= {"networks": networks, "cleaning": {}, "quality_flags": {}}
    for name in ("nominations", "weights", "value_chain"):
        config.pop(name, None)
    keys = [*slices.pick_keys(config).values()]
    needed = {*keys, *OUTCOMES, "sales_prev", "emp_12m", "sector", *(i for s in config["scales"] for i in s["items"])}
    needed |= {f"alt{slot}_{name}" for slot in alters["slots"] for name in ("type", *FIELDS, "brd")}
    parts = ("mover", "partner", "route", "sought", "status", "share", "start", "end")
    needed |= {f"nw{slot}_{name}" for slot in networks["slots"] for name in parts}
    variables = {name: variable for name, variable in study.variables.items() if name in needed}
    return replace(study, config=config, variables=variables)


def replicate(study: Study, parameters: Mapping[str, Any], seed: int) -> pd.DataFrame:
    """One replication: a row a quantity and way."""
    config = study.config
    drawn = simulate_survey(parameters, seed)["wave1"]
    full = clean_and_score(study, {"wave1": drawn[[name for name in drawn if name in study.variables]]})
    settings = {**slices.slice_score(config), "imputation": IMPUTATION | {"seed": seed}}
    # Networks rest on nothing that is taken away: they are not scored again.
    settings = {key: value for key, value in settings.items() if key != "networks"}
    anchors = {name: (float(row[0]), float(row[1])) for name, row in study.anchor_rows().items()}
    codebook = {name: variable for name, variable in study.variables.items() if variable.is_asked(1)}
    keys, response = ["wave", config["study"]["firm"]], config["study"]["response"]
    again = computed_variables(settings, codebook)
    answered = full.panel.drop(columns=[name for name in again if name in full.panel and not name.endswith("_raw")])
    panel, kinds = take_away(answered, settings, seed)

    def score(table: pd.DataFrame, named: pd.DataFrame, pairs: pd.DataFrame, why: pd.DataFrame) -> pd.DataFrame:
        return score_study(table, why, named, pairs, pd.DataFrame(), anchors, codebook, settings).panel

    partners = gather_alters(panel, settings["alters"], keys)
    wide = pd.concat([panel[keys], kinds.drop(columns=keys)], axis=1)
    slots = gather_slots(wide, settings["alters"]["columns"], settings["alters"]["slots"], "alter", keys)
    named = [*keys, "alter"]
    scored = score_study(panel, kinds, partners, full.alter_pairs, pd.DataFrame(), anchors, codebook, settings)
    imputation = WaveImputation(
        scored.panel,
        scored.alters,
        kinds,
        partners[named].merge(slots, on=named, how="left", validate="one_to_one"),
        full.dictionary.astype("str"),
        expand_choices(codebook.values()),
        alter_variables(config, codebook),
        settings,
        anchors,
        1,
    )
    numbers = range(SETS)
    found = [stack_copies(cells, ["response"], [place]) for place, (_, cells) in enumerate(imputation.run())]
    cells = pd.concat(found, ignore_index=True)
    own = [keys[1], response]
    filled = fill_cells(stack_copies(panel, own, numbers), cells, response)
    completed = stack_copies(partners, own, numbers)
    completed = fill_partners(completed, cells, filled[[*keys, response]], settings["alters"])
    pairs, reasons = stack_copies(full.alter_pairs, own, numbers), stack_copies(kinds, [], numbers)
    sets = [estimate(part) for part in split_copies(score(filled, completed, pairs, reasons), scored.panel, numbers)]
    whole, complete = estimate(full.panel), estimate(scored.panel)
    pooled = pool_numbers(
        [part["estimate"] for part in sets], [part["variance"] for part in sets], whole["df"].to_numpy()
    )
    fields = ("estimate", "variance", "df", "missing_information")
    ways = {
        "full data": whole.assign(missing_information=0.0),
        "pooled": pd.DataFrame({name: getattr(pooled, name) for name in fields}, index=whole.index),
        "complete cases": complete.assign(missing_information=np.nan),
    }
    return pd.concat([part.assign(way=way, seed=seed) for way, part in ways.items()]).reset_index(names="quantity")


def summarize(draws: pd.DataFrame) -> pd.DataFrame:
    """Coverage, bias and width by quantity and way."""
    full = draws[draws["way"] == "full data"]
    truth = full.groupby("quantity")["estimate"].mean()
    scale = full.groupby("quantity")["estimate"].std()
    true = draws["quantity"].map(truth)
    half = student.ppf(0.975, draws["df"]) * np.sqrt(draws["variance"])
    error = draws["estimate"] - true
    draws = draws.assign(covered=error.abs() <= half, width=2 * half, bias=error / draws["quantity"].map(scale))
    summary = draws.groupby(["quantity", "way"], sort=False).agg(
        replications=("covered", "size"),
        coverage=("covered", "mean"),
        bias_in_sd=("bias", "mean"),
        mean_width=("width", "mean"),
        missing_information=("missing_information", "mean"),
    )
    return summary.assign(truth=summary.index.get_level_values(0).map(truth)).reset_index()


def main() -> None:
    """Draw the replications; write draws and their summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--output", type=Path, default=HERE)
    parser.add_argument("--combine", type=Path, nargs="+", help="only summarize draws that were made before")
    chosen = parser.parse_args()
    if chosen.combine:
        draws = pd.concat([pd.read_csv(path) for path in chosen.combine]).drop_duplicates(["seed", "quantity", "way"])
        summarize(draws).round(5).to_csv(chosen.output / "coverage.csv", index=False, lineterminator="\n")
        return
    study = narrow(load_study(ROOT, check_files=False))
    parameters = make_parameters()
    path = chosen.output / "draws.csv"
    for seed in range(chosen.first, chosen.first + chosen.count):
        part = replicate(study, parameters, seed)
        part.to_csv(path, mode="a", header=not path.exists(), index=False, lineterminator="\n")
    summary = summarize(pd.read_csv(path))
    summary.round(5).to_csv(chosen.output / "coverage.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
