"""Items that run against their scale."""

import numpy as np
import pandas as pd
import pytest

from firmties.reversals import correlate_with_rest, find_reversals, find_reversed_items


@pytest.fixture
def items():
    draw = np.random.default_rng(5)
    trait = draw.normal(size=300)
    frame = pd.DataFrame({f"t{k}": np.clip(np.round(4 + trait + draw.normal(size=300)), 1, 7) for k in range(1, 5)})
    frame.loc[:19, "t1"] = np.nan
    return frame


# Reference: scipy.stats.pearsonr(x, y).confidence_interval(0.95) of scipy 1.17.
def test_interval_is_that_of_fisher(items):
    from scipy.stats import pearsonr

    rest = items[["t2", "t3", "t4"]].mean(axis=1)
    known = items["t1"].notna()
    interval = pearsonr(items.loc[known, "t1"], rest[known]).confidence_interval(0.95)
    found = correlate_with_rest(items).loc["t1", ["conf_low", "conf_high"]].astype(float)
    assert found.tolist() == pytest.approx([interval.low, interval.high], rel=1e-9)


@pytest.mark.parametrize("turned", ["t1", "t2", "t3", "t4"])
def test_each_item_is_found_when_it_alone_is_turned(items, turned):
    assert find_reversed_items(items.assign(**{turned: 8 - items[turned]})).index.tolist() == [turned]


def test_nothing_is_found_in_sound_items(items):
    assert find_reversed_items(items, ["t3"]).empty


def test_of_two_items_the_one_that_is_keyed_is_named(items):
    assert find_reversed_items(items[["t1", "t2"]].assign(t1=8 - items["t1"]), ["t2"]).index.tolist() == ["t2"]


def test_two_items_of_which_nothing_tells_the_turned_one_are_both_named(items):
    assert find_reversed_items(items[["t1", "t2"]].assign(t1=8 - items["t1"])).index.tolist() == ["t1", "t2"]


def test_at_most_half_of_the_items_are_named(items):
    turned = items.assign(t1=8 - items["t1"], t2=8 - items["t2"])
    assert len(find_reversed_items(turned)) <= 2


def test_few_answers_are_not_judged(items):
    assert find_reversed_items(items.assign(t3=8 - items["t3"]).head(45), least=46).empty


def test_constant_item_has_no_correlation(items):
    assert np.isnan(correlate_with_rest(items.assign(t2=4)).loc["t2", "r"])


def test_item_that_is_all_missing_is_passed_over(items):
    assert find_reversed_items(items.assign(t2=np.nan, t3=8 - items["t3"])).index.tolist() == ["t3"]


def test_scale_item_and_wave_are_named(items):
    panel = pd.concat([items.assign(wave=1), items.assign(wave=2, t3=8 - items["t3"])])
    scales = [{"name": "trust", "label": "Trust", "items": ["t1", "t2", "t3", "t4"]}, {"name": "one", "items": ["t1"]}]
    found = find_reversals(panel, scales, ["t3"])
    assert found[["wave", "scale", "item", "reverse"]].values.tolist() == [[2, "trust", "t3", True]]


def test_a_later_wave_moves_nothing_of_an_earlier_one(items):
    turned = items.assign(wave=1, t3=8 - items["t3"])
    scales = [{"name": "trust", "items": ["t1", "t2", "t3", "t4"]}]
    both = find_reversals(pd.concat([turned, turned.assign(wave=2)]), scales)
    pd.testing.assert_frame_equal(find_reversals(turned, scales), both.loc[both["wave"] == 1])
