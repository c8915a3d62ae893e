"""Weights of a wave: chance of selection, response, margins, staying; and what cannot be weighed."""

import numpy as np
import pandas as pd
import pytest

from firmties.errors import StudyError
from firmties.propensities import fit_propensity
from firmties.weights import COLUMNS, Weights, find_chances, weigh_waves

SETTINGS = {
    "probability": "p",
    "strata": ["size"],
    "carried": ["panel"],
    "response": ["size", "place"],
    "rake": ["size x place", "age"],
    "trim": 5,
    "retention": ["staff"],
}
SHARES = {"size": {"small": 0.7, "large": 0.3}, "place": {"up": 0.5, "down": 0.5}, "age": {"young": 0.4, "old": 0.6}}
N = 2000


def make_study(
    seed: int = 1, waves: int = 2
) -> tuple[pd.DataFrame, pd.DataFrame, dict[int, dict[str, dict[str, int]]]]:
    """A frame of firms; large ones are drawn more often, answer less; those who answered are asked again."""
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame({"f": [f"f{at:04}" for at in range(N)]})
    for name, shares in SHARES.items():
        frame[name] = generator.choice(list(shares), N, p=list(shares.values()))
    frame["staff"] = np.where(frame["size"] == "large", 80.0, 8.0) * generator.uniform(0.5, 1.5, N)
    frame["answered"], frame["p"] = False, np.nan
    samples, panels, margins = [], [], {}
    crossed = frame["size"] + " x " + frame["place"]
    for wave in range(1, waves + 1):
        chance = frame["size"].map({"small": 0.15, "large": 0.5}).to_numpy() / wave
        fresh = ~frame["answered"] & (generator.random(N) < chance)
        asked = frame["answered"] | fresh
        frame.loc[fresh, "p"] = chance[fresh]
        kind = np.where(frame["answered"], "panel", "fresh")
        rate = np.where(frame["answered"], 0.7, frame["size"].map({"small": 0.6, "large": 0.4}))
        answers = asked & (generator.random(N) < rate)
        code = np.where(answers, "I", generator.choice(["R", "NC", "UH"], N))
        code = np.where(~answers & (generator.random(N) < 0.05), "NE", code)
        table = frame.assign(wave=wave, sample_type=kind, disposition=code)
        samples.append(table.loc[asked, ["wave", "f", "sample_type", "disposition", "p", *SHARES]])
        panels.append(table.loc[answers, ["wave", "f", "staff"]])
        frame["answered"] |= answers
        margins[wave] = {name: frame[name].value_counts().to_dict() for name in SHARES}
        margins[wave]["size x place"] = crossed.value_counts().to_dict()
    return pd.concat(samples, ignore_index=True), pd.concat(panels, ignore_index=True), margins


SAMPLE, PANEL, MARGINS = make_study()


def weigh(
    sample: pd.DataFrame = SAMPLE, panel: pd.DataFrame = PANEL, margins: object = MARGINS, **more: object
) -> Weights:
    return weigh_waves(sample, panel, margins, SETTINGS | more, "f", sorted(set(panel["wave"])))  # type: ignore[arg-type]


def change(at: int, **values: object) -> pd.DataFrame:
    """The sample with one respondent of wave 1 changed."""
    row = SAMPLE.index[(SAMPLE["wave"] == 1) & (SAMPLE["disposition"] == "I")][at]
    table = SAMPLE.copy()
    for name, value in values.items():
        table.loc[row, name] = value
    return table


@pytest.mark.parametrize("name", ["size", "place", "age"])
@pytest.mark.parametrize("wave", [1, 2])
def test_weighted_shares_are_those_of_the_frame(wave: int, name: str) -> None:
    rows = weigh().weights.merge(SAMPLE, on=["wave", "f"], validate="one_to_one").query("wave == @wave")
    shares = rows.groupby(name)["weight"].sum() / rows["weight"].sum()
    frame = pd.Series(MARGINS[wave][name]) / N
    pd.testing.assert_series_equal(shares.sort_index(), frame.sort_index(), check_names=False, rtol=1e-11)


def test_the_mean_weight_of_a_wave_is_one() -> None:
    means = weigh().weights.groupby("wave")[["weight", "weight_longitudinal"]].mean()
    np.testing.assert_allclose(means.to_numpy()[[0, 1, 1], [0, 0, 1]], 1)


def test_a_weighted_mean_moves_towards_the_frame_where_large_firms_are_drawn_more_often() -> None:
    rows = weigh().weights.query("wave == 1").merge(PANEL, on=["wave", "f"], validate="one_to_one")
    truth = 0.7 * 8 + 0.3 * 80
    plain, weighted = rows["staff"].mean(), np.average(rows["staff"], weights=rows["weight"])
    assert abs(weighted - truth) < abs(plain - truth) / 4


def test_a_further_wave_leaves_every_weight_as_it_was() -> None:
    sample, panel, margins = make_study(waves=3)
    before = weigh(sample.query("wave < 3"), panel.query("wave < 3"), {wave: margins[wave] for wave in (1, 2)})
    after = weigh(sample, panel, margins)
    pd.testing.assert_frame_equal(before.weights, after.weights.query("wave < 3"), check_exact=True)
    pd.testing.assert_frame_equal(
        before.weighting, after.weighting.query("wave < 3"), check_exact=True, check_dtype=False
    )


def test_the_order_of_rows_does_not_matter() -> None:
    pd.testing.assert_frame_equal(weigh().weights, weigh(SAMPLE.sample(frac=1, random_state=1)).weights)


def test_a_firm_has_one_stratum_in_all_waves() -> None:
    assert weigh().weights.groupby("f")[["stratum", "stratum_size"]].nunique().max().max() == 1


def test_strata_are_those_of_the_draw_that_brought_a_firm_in() -> None:
    assert set(weigh().weights["stratum"]) == {"1 x small", "1 x large", "2 x small", "2 x large"}


def test_the_size_of_a_stratum_is_that_of_the_firms_drawn_from() -> None:
    first = weigh().weights.query("stratum == '1 x large'")["stratum_size"].iloc[0]
    drawn = SAMPLE.query("wave == 1 and size == 'large'")
    assert first == pytest.approx(len(drawn) / 0.5)


def test_design_weights_of_the_first_wave_are_inverse_probabilities() -> None:
    rows = weigh().weights.query("wave == 1").merge(SAMPLE, on=["wave", "f"], validate="one_to_one")
    np.testing.assert_allclose(rows["weight_design"], 1 / rows["p"])


def test_two_draws_into_a_wave_add_up_to_the_population() -> None:
    # The sum of inverse chances over a sample estimates the number of firms: 2,000 in every wave.
    totals = []
    for seed in range(20):
        sample, _, _ = make_study(seed, 3)
        found = find_chances(sample, SETTINGS, "f", [1, 2, 3])
        totals.append((1 / found["chance"]).groupby(found["wave"]).sum())
    # Mean of twenty samples; without the adjustment it is about twice as many in wave 3.
    np.testing.assert_allclose(pd.concat(totals, axis=1).mean(axis=1), N, rtol=0.06)


def test_an_answer_by_open_link_has_no_weight() -> None:
    panel = pd.concat([PANEL, pd.DataFrame({"wave": [1], "f": ["visitor"], "staff": [3.0]})])
    row = {"wave": 1, "f": "visitor", "sample_type": "open", "disposition": "I"}
    found = weigh(pd.concat([SAMPLE, pd.DataFrame([row])]), panel, open_link=["open"])
    assert found.weights.query("f == 'visitor'")[COLUMNS].isna().all(axis=None)
    assert found.weighting["n"].iloc[0] == found.weighting["n_weighted"].iloc[0] + 1


def test_longitudinal_weights_are_those_of_pairs() -> None:
    rows = weigh().weights
    both = set(rows.query("wave == 1")["f"]) & set(rows.query("wave == 2")["f"])
    assert set(rows.loc[rows["weight_longitudinal"].notna(), "f"]) == both
    assert rows.query("wave == 1")["weight_longitudinal"].isna().all()


def test_longitudinal_weights_bring_back_those_who_left() -> None:
    rows = weigh(retention=[]).weights
    first, pair = rows.query("wave == 1").set_index("f")["weight"], rows.query("wave == 2").set_index("f")
    pair = pair.loc[pair["weight_longitudinal"].notna(), "weight_longitudinal"]
    expected = first.reindex(pair.index)
    np.testing.assert_allclose(pair, expected / expected.mean())


def test_a_merged_firm_is_no_leaver() -> None:
    both = set(PANEL.query("wave == 1")["f"]) & set(PANEL.query("wave == 2")["f"])
    leavers = sorted(set(PANEL.query("wave == 1")["f"]) - both - set(SAMPLE.query("disposition == 'NE'")["f"]))
    merged = pd.DataFrame({"wave": 2, "firm": leavers, "followed_as": min(both), "how": "merged"})
    found = weigh_waves(SAMPLE, PANEL, MARGINS, SETTINGS, "f", [1, 2], successors=merged).weights.set_index("f")
    # Where nobody left, those who stayed stand for themselves.
    first, pair = found.query("wave == 1")["weight"], found.query("wave == 2")["weight_longitudinal"].dropna()
    np.testing.assert_allclose(pair, first.reindex(pair.index) / first.reindex(pair.index).mean())


def test_a_wave_left_out_has_no_weights_and_says_so() -> None:
    found = weigh(omit=[2])
    assert found.weights.query("wave == 2")["weight"].isna().all()
    assert found.weighting["reason"].tolist() == ["", "left out by the configuration"]


def test_a_wave_without_margins_has_no_weights_and_says_so() -> None:
    assert weigh(margins={1: MARGINS[1]}).weighting["reason"].tolist() == ["", "no rows in the frame's margins"]


def test_a_wave_without_a_sample_file_has_no_weights_and_says_so() -> None:
    assert weigh(SAMPLE.query("wave == 1")).weighting["reason"].tolist() == ["", "no sample file"]


def test_a_wave_of_open_links_alone_has_no_weights_and_says_so() -> None:
    sample = SAMPLE.assign(sample_type=SAMPLE["sample_type"].mask(SAMPLE["wave"] == 2, "open"))
    found = weigh(sample, open_link=["open"], carried=[])
    assert found.weighting["reason"].tolist() == ["", "no firm was drawn"]


def test_weights_are_trimmed_at_the_limit() -> None:
    found = weigh(trim=1.2, rake=["age"]).weighting.iloc[0]
    assert found["max_over_median"] <= 1.2 * (1 + 2e-9)
    assert found["n_trimmed"] > 0


def test_a_limit_that_cannot_be_kept_is_told_by_how_much() -> None:
    told = weigh(trim=1.1).weighting.iloc[1]
    assert told["max_over_median"] > 1.15
    assert told["reason"].startswith("the margins leave no weights within 1.1 medians; the largest is 1.")


BAD_PROBABILITIES = [(0, "is 0.0"), (-0.5, "is -0.5"), (1.5, "is 1.5"), (np.nan, "is missing")]


@pytest.mark.parametrize(("value", "words"), BAD_PROBABILITIES)
def test_a_probability_that_cannot_be_is_refused(value: float, words: str) -> None:
    with pytest.raises(StudyError, match=rf"wave 1: p: the selection probability of firm 'f\d+' {words} \(1 of"):
        weigh(change(0, p=value))


def test_a_message_names_the_sample_file() -> None:
    with pytest.raises(StudyError, match=r"^data/one.csv \(wave 1\): p: "):
        weigh_waves(change(0, p=0), PANEL, MARGINS, SETTINGS, "f", [1, 2], {1: "data/one.csv"})


def test_a_message_on_a_category_names_the_sample_file() -> None:
    with pytest.raises(StudyError, match=r"^data/one.csv \(wave 1\): age: firm 'f\d+' answered and has no category"):
        weigh_waves(change(0, age=None), PANEL, MARGINS, SETTINGS, "f", [1, 2], {1: "data/one.csv"})


def test_an_unknown_category_is_refused() -> None:
    with pytest.raises(StudyError, match=r"frame_margins: wave 1: age: the frame has no category 'aged'"):
        weigh(change(0, age="aged"))


def test_a_respondent_without_a_category_is_refused() -> None:
    with pytest.raises(StudyError, match=r"wave 1: age: firm 'f\d+' answered and has no category"):
        weigh(change(0, age=None))


def test_a_cell_without_a_respondent_is_refused_with_what_to_do() -> None:
    margins = MARGINS | {1: MARGINS[1] | {"age": {"young": 700, "old": 1200, "ancient": 100}}}
    words = r"age = ancient: the frame has 100 firms and none of them answered.*\{variable: age, join: \[ancient\]"
    with pytest.raises(StudyError, match=words):
        weigh(margins=margins)


def test_a_cell_without_a_respondent_can_be_joined() -> None:
    margins = MARGINS | {1: MARGINS[1] | {"age": {"young": 700, "old": 1200, "ancient": 100}}}
    found = weigh(margins=margins, collapse=[{"variable": "age", "join": ["ancient"], "into": "old", "waves": [1]}])
    rows = found.weights.query("wave == 1").merge(SAMPLE, on=["wave", "f"], validate="one_to_one")
    assert rows.loc[rows["age"] == "old", "weight"].sum() / rows["weight"].sum() == pytest.approx(1300 / 2000)


def test_joining_a_category_joins_it_in_crossed_margins_too() -> None:
    found = weigh(collapse=[{"variable": "place", "join": ["down"], "into": "up"}], response=["size"])
    assert (found.weighting["gap"] < 1e-11).all()


def test_an_empty_cell_with_respondents_is_refused() -> None:
    margins = MARGINS | {1: MARGINS[1] | {"age": {"young": 2000, "old": 0}}}
    with pytest.raises(StudyError, match=r"age = old: the frame has no firm and \d+ answered"):
        weigh(margins=margins)


def test_margins_of_different_totals_are_refused() -> None:
    margins = MARGINS | {1: MARGINS[1] | {"age": {"young": 1, "old": 2}}}
    with pytest.raises(StudyError, match=r"wave 1: age: the counts add up to 3, those of size x place to 2,000"):
        weigh(margins=margins)


def test_margins_that_contradict_each_other_are_refused() -> None:
    sample = SAMPLE.assign(other=SAMPLE["age"])
    margins = {wave: counts | {"other": {"young": 1500, "old": 500}} for wave, counts in MARGINS.items()}
    with pytest.raises(StudyError, match=r"does not come nearer than [1-9]\d* %: no weights meet all margins at once"):
        weigh(sample, margins=margins, rake=["age", "other"])


def test_a_firm_that_answered_against_its_disposition_is_refused() -> None:
    with pytest.raises(StudyError, match=r"wave 1: firm 'f\d+' answered, and its disposition there is 'R'"):
        weigh(change(0, disposition="R"))


def test_a_column_that_is_not_there_is_refused_with_the_nearest() -> None:
    with pytest.raises(
        StudyError, match=r"weights.response: 'plac' is no column of the sample files; did you mean 'place'"
    ):
        weigh(response=["plac"])


def test_a_type_of_sample_that_no_file_holds_is_refused_with_the_nearest() -> None:
    with pytest.raises(StudyError, match=r"weights.carried: 'panle' is no sample_type in the sample files; .*panel"):
        weigh(carried=["panle"])


def test_carried_firms_may_be_named_before_there_are_any() -> None:
    sample, panel = (table.loc[table["wave"] == 1] for table in (SAMPLE, PANEL))
    assert weigh(sample, panel).weights["weight"].notna().all()


def test_a_category_of_which_nobody_answered_separates() -> None:
    sample = SAMPLE.assign(place=SAMPLE["place"].where(~SAMPLE["disposition"].isin(["R"]), "away"))
    with pytest.raises(
        StudyError, match=r"wave 1: weights: response: place = away: 0 of \d+ firms answered.*separates"
    ):
        weigh(sample)


def test_categories_that_separate_together_are_refused() -> None:
    cells = pd.DataFrame({"a": list("xxxxyyyy"), "b": list("uuvvuuvv")})
    answered = np.array([1, 0, 1, 1, 0, 0, 0, 1], dtype=bool)
    with pytest.raises(StudyError, match="a, b together tell without exception"):
        fit_propensity(cells, answered, "wave 1", "response")


def test_faults_of_all_waves_are_told_together() -> None:
    margins = {wave: counts | {"age": {"young": 1, "old": 2}} for wave, counts in MARGINS.items()}
    with pytest.raises(StudyError) as caught:
        weigh(margins=margins)
    assert [problem[:22] for problem in caught.value.problems] == ["frame_margins: wave 1:", "frame_margins: wave 2:"]


def test_a_wave_in_which_no_drawn_firm_answered_is_refused() -> None:
    panel = PANEL.assign(f=PANEL["f"].where(PANEL["wave"] == 1, "z" + PANEL["f"]))
    with pytest.raises(StudyError, match="wave 2: weights: no firm that was drawn answered"):
        weigh(panel=panel)
