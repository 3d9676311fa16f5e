"""The statistics against scipy, statsmodels, tables in print, and simulated runs."""

import numpy as np
import pytest
from scipy import stats

from skal.experiment import (
    Results,
    average_ranks,
    efficiency_interval,
    holm,
    labels_needed,
    paired_test,
    pairwise_penalties,
)
from skal.experiment._report_text import headlines
from skal.metrics import area_under_learning_curve, label_efficiency


def test_holm_by_hand():
    np.testing.assert_allclose(
        holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02]
    )
    np.testing.assert_allclose(holm([0.7, 0.6]), [1, 1])
    np.testing.assert_allclose(holm([0.02, np.nan, 0.01]), [0.02, np.nan, 0.02])
    assert holm([]).shape == (0,)


def test_holm_against_statsmodels(rng):
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    for _ in range(20):
        p = rng.uniform(size=rng.randint(1, 9)) ** 2
        expected = multitest.multipletests(p, method="holm")[1]
        np.testing.assert_allclose(holm(p), expected)


def test_paired_tests_against_scipy(rng):
    for n in (2, 5, 30):
        a, b = rng.normal(loc=[[0.4], [0.0]], size=(2, n))
        assert paired_test(a, b) == pytest.approx(stats.ttest_rel(a, b).pvalue)
        expected = stats.wilcoxon(a, b).pvalue
        assert paired_test(a, b, "wilcoxon") == pytest.approx(expected)


@pytest.mark.parametrize("test", ["t", "wilcoxon"])
def test_paired_tests_where_there_is_nothing_to_test(test):
    assert paired_test([1, 2, 3], [1, 2, 3], test) == 1
    assert np.isnan(paired_test([1], [2], test))
    assert np.isnan(paired_test([1, np.nan], [2, 2], test))


def test_the_same_gain_for_every_seed_is_beyond_doubt():
    base = np.array([0.7, 0.8, 0.9, 0.85, 0.6])
    assert paired_test(base + 0.1, base) < 1e-6


def test_paired_tests_refuse_what_does_not_pair_up():
    with pytest.raises(ValueError, match="a number for each seed, in the same order"):
        paired_test([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="test must be one of 't'"):
        paired_test([1, 2], [1, 2], "z")


def test_penalties_by_hand():
    """Two of four points are beyond doubt."""
    noise = np.linspace(-1, 1, 8)[:, None] * np.ones(4)
    first = noise + 0.5 * np.linspace(-1, 1, 8)[::-1, None] + [3, 3, 0, 0]
    wins = pairwise_penalties(np.array([first, noise]))
    np.testing.assert_array_equal(wins, [[0, 0.5], [0, 0]])


def test_penalties_of_few_seeds_cannot_tell(rng):
    assert np.isnan(pairwise_penalties(rng.normal(size=(3, 4, 6)))).all()


# Demšar (2006), table 5 (a): critical values of the two-tailed Nemenyi test at 0.05.
NEMENYI = [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164]


@pytest.mark.parametrize(("k", "q"), [*enumerate(NEMENYI, start=2)])
def test_critical_differences_are_those_in_print(k, q, rng):
    n_blocks = 14
    scores = {str(i): rng.normal(size=n_blocks) for i in range(k)}
    expected = q * np.sqrt(k * (k + 1) / (6 * n_blocks))
    assert average_ranks(scores).critical_difference == pytest.approx(
        expected, rel=5e-4
    )


def test_ranks_against_scipy(rng):
    table = rng.normal(size=(4, 12)).round(1)  # rounded, for ties
    scores = dict(zip("abcd", table, strict=True))
    ranking = average_ranks(scores)
    assert ranking.p_value == pytest.approx(stats.friedmanchisquare(*table).pvalue)
    mean = stats.rankdata(-table, axis=0).mean(axis=1)
    np.testing.assert_allclose(ranking.ranks, np.sort(mean))
    assert ranking.names == ["abcd"[i] for i in np.argsort(mean, kind="stable")]


def test_ranks_say_what_they_show():
    base = np.arange(10.0)
    clear = {"a": base + 3, "b": base + 2, "c": base}
    assert average_ranks(clear).verdict() == (
        "a ranks ahead of c; cannot tell it from b"
    )
    assert "5" in average_ranks({k: v[:4] for k, v in clear.items()}).verdict()
    assert (
        average_ranks({"a": base, "b": base}).verdict().startswith("cannot tell: all")
    )
    assert average_ranks({"a": base}).verdict().startswith("cannot tell: there is one")


def test_efficiency_of_one_seed_is_that_of_the_curves():
    n_labels = [10, 20, 30, 40]
    curve, base = [[0.5, 0.8, 0.85, 0.9]], [[0.5, 0.6, 0.7, 0.8]]
    found = efficiency_interval(n_labels, curve, base)
    np.testing.assert_allclose(
        found.ratio,
        label_efficiency(n_labels, curve[0], n_labels, base[0], targets=base[0]),
    )
    np.testing.assert_allclose(
        found.ratio, [1, 20 / (10 + 10 / 3), 30 / (10 + 20 / 3), 2]
    )
    assert np.isnan(found.low).all()


def test_efficiency_ends_where_the_strategy_does_not_get():
    found = efficiency_interval([10, 20], [[0.5, 0.6]] * 3, [[0.5, 0.7]] * 3)
    np.testing.assert_allclose(found.ratio, [1, np.nan])
    np.testing.assert_allclose(found.low, [1, 0])


def test_efficiency_that_is_censored_is_bounded_by_the_budget():
    """Its interval was [0, 0], as if it were known to be nothing."""
    curve, base = [[0.5, 0.55, 0.6]] * 4, [[0.5, 0.7, 0.8]] * 4
    found = efficiency_interval([10, 20, 40], curve, base)
    np.testing.assert_allclose(found.ratio, [1, np.nan, np.nan])
    np.testing.assert_allclose(found.low, [1, 0, 0])
    np.testing.assert_allclose(found.high, [1, 20 / 40, 40 / 40])
    # Half of the seeds get there with 30 labels, half do not with 40.
    curve = [[0.5, 0.5, 0.9], [0.5, 0.5, 0.5]]
    found = efficiency_interval([10, 20, 40], curve, [[0.5, 0.6, 0.7]] * 2)
    assert (found.low[2], found.high[2]) == (0, pytest.approx(40 / 30))


@pytest.mark.long
def test_efficiency_intervals_hold_the_truth(rng):
    """Curves that need half the labels: the interval misses 2 about one time in 20."""
    n_labels = np.arange(10, 210, 10.0)
    base, curve = 1 - 1 / np.sqrt(n_labels), 1 - 1 / np.sqrt(2 * n_labels)
    inside = []
    for _ in range(100):
        noise = rng.normal(scale=0.01, size=(2, 20, 1))  # whole curves are up or down
        found = efficiency_interval(
            n_labels, curve + noise[0], base + noise[1], n_bootstrap=200
        )
        inside.append(found.low[10] <= 2 <= found.high[10])
    assert 0.86 <= np.mean(inside) <= 1


def test_labels_needed_by_hand():
    n_labels, scores = [10, 20, 30], [[0.2, 0.4, 0.6], [0.4, 0.6, 0.8]]
    np.testing.assert_allclose(labels_needed(n_labels, scores, 0.5), [20, 15, 25])
    assert labels_needed(n_labels, scores, 0.75) == (np.inf, 27.5, np.inf)
    base = labels_needed(n_labels, scores, baseline_scores=scores)
    np.testing.assert_allclose(base, 30)
    assert np.isnan(labels_needed(n_labels, scores[:1], 0.5)[1])
    with pytest.raises(ValueError, match="target or baseline_scores must be given"):
        labels_needed(n_labels, scores)


# Simulated runs ------------------------------------------------------------------


def test_a_baseline_matches_itself(rng):
    scores = rng.random((10, 8)).cumsum(axis=1) / 10  # rises: only the end matches
    counts = np.arange(20, 180, 20)
    assert labels_needed(counts, scores, baseline_scores=scores) == (160, 160, 160)


def simulated(rng, effects, n_seeds=8, n_points=10):
    """Return Results of strategies whose curves differ by known effects.

    A seed moves all strategies alike, which is what pairing takes out; each has noise
    of its own, alike along its curve as real curves are.
    """
    n_labels = np.arange(1, n_points + 1) * 20
    curve = 1 - 1 / np.sqrt(n_labels)
    shared = rng.normal(scale=0.05, size=n_seeds)
    outcomes = []
    for name, effect in effects.items():
        own = rng.normal(scale=0.01, size=(n_seeds, n_points)).cumsum(axis=1) / 3
        own += rng.normal(scale=0.01, size=(n_seeds, 1))
        own[:, 0] = 0  # the first point is shared
        for seed in range(n_seeds):
            gain = effect * (np.arange(n_points) > 0)
            scores = curve + shared[seed] + own[seed] + gain
            outcomes.append({"record": cell(name, seed, n_labels, scores)})
    return Results(outcomes, {"data": {"toy": {}}})


def cell(strategy, seed, n_labels, scores):
    return {
        "data": "toy",
        "estimator": "model",
        "strategy": strategy,
        "seed": seed,
        "n_labels": n_labels.tolist(),
        "metrics": {"accuracy": scores.tolist()},
    }


N_SIMULATIONS = 200


@pytest.mark.long
@pytest.mark.parametrize("test", ["t", "wilcoxon"])
def test_strategies_that_are_no_better_are_not_found_better(rng, test):
    """At most one grid in twenty holds a false claim, corrected for four strategies."""
    effects = dict.fromkeys(("a", "b", "c", "d", "random"), 0.0)
    wrong = [
        (simulated(rng, effects).compare(test=test)["verdict"] != "cannot tell").any()
        for _ in range(N_SIMULATIONS)
    ]
    # The 99.9 % quantile of what one in twenty brings about.
    assert np.sum(wrong) <= stats.binom.ppf(0.999, N_SIMULATIONS, 0.05)


@pytest.mark.long
def test_p_values_of_strategies_that_are_no_better_are_uniform(rng):
    effects = {"a": 0.0, "random": 0.0}
    p = [simulated(rng, effects).compare()["p"][0] for _ in range(N_SIMULATIONS)]
    assert stats.kstest(p, "uniform").pvalue > 0.001
    n_wrong = np.sum(np.array(p) < 0.05)
    low, high = stats.binom.ppf([0.001, 0.999], N_SIMULATIONS, 0.05)
    assert low <= n_wrong <= high


def test_strategies_that_are_better_or_worse_are_found(rng):
    """An effect two noises large, in eight seeds."""
    found = []
    for _ in range(50):
        results = simulated(rng, {"good": 0.04, "bad": -0.04, "random": 0.0})
        found.append(results.compare()["verdict"].tolist())
    assert np.mean([one == ["better", "worse"] for one in found]) > 0.9


@pytest.mark.long
def test_intervals_of_the_difference_hold_the_truth(rng):
    inside = []
    for _ in range(N_SIMULATIONS):
        results = simulated(rng, {"good": 0.04, "random": 0.0})
        row = results.compare().iloc[0]
        truth = 0.04 * 17 / 18  # the first point is shared: half an interval of nine
        inside.append(row["low"] <= truth <= row["high"])
    low, high = stats.binom.ppf([0.001, 0.999], N_SIMULATIONS, 0.95)
    assert low <= np.sum(inside) <= high


@pytest.mark.long
def test_friedman_finds_nothing_where_nothing_is(rng):
    effects = dict.fromkeys("abcd", 0.0)
    wrong = [
        simulated(rng, effects).ranks().p_value < 0.05 for _ in range(N_SIMULATIONS)
    ]
    assert np.sum(wrong) <= stats.binom.ppf(0.999, N_SIMULATIONS, 0.05)


def test_too_few_seeds_cannot_tell(rng):
    results = simulated(rng, {"good": 0.5, "random": 0.0}, n_seeds=4)
    assert results.compare()["verdict"][0] == "cannot tell: 4 seeds, needs at least 5"
    assert results.ranks().verdict().startswith("cannot tell: 4 seeds")
    assert results.penalties().isna().all(axis=None)


def test_one_seed_has_no_interval(rng):
    results = simulated(rng, {"good": 0.5, "random": 0.0}, n_seeds=1)
    row = results.compare().iloc[0]
    assert np.isnan([row["low"], row["p"], row["p_holm"]]).all()
    assert results.summary()["final_std"].isna().all()
    assert results.summary()["labels_to_match_random_low"].isna().all()


def test_only_seeds_that_all_have_finished_are_compared(rng):
    results = simulated(rng, {"good": 0.02, "random": 0.0})
    del results.outcomes[3]
    assert results.compare()["n_seeds"][0] == 7
    results.outcomes[:] = results.outcomes[:3] + results.outcomes[-3:]
    with pytest.raises(ValueError, match="must share a seed"):
        results.compare()


def test_curves_that_ended_early_are_compared_where_they_overlap(rng):
    results = simulated(rng, {"good": 0.02, "random": 0.0})
    record = results.records[0]
    record["n_labels"] = record["n_labels"][:6]
    record["metrics"]["accuracy"] = record["metrics"]["accuracy"][:6]
    grid, scores = results.paired("accuracy", "toy", "model")
    assert grid[-1] == 120
    assert {runs.shape for runs in scores.values()} == {(8, 6)}


def test_a_smaller_loss_is_better(rng):
    results = simulated(rng, {"good": 0.04, "random": 0.0})
    for one in results.records:
        accuracy = one["metrics"].pop("accuracy")
        one["metrics"]["nll"] = [1 - value for value in accuracy]
    row = results.compare("nll").iloc[0]
    assert row["verdict"] == "better"
    assert row["difference"] < 0
    assert row["wins"] == 8
    assert results.ranks("nll").names == ["good", "random"]
    needed = results.summary("nll")["labels_to_match_random"]
    assert needed[0] < 100
    assert needed[1] == 200


def test_a_report_gives_the_budget_where_the_baseline_dipped():
    """It said "random's last score, of 40 labels" where the budget was 60."""
    n_labels, outcomes = np.array([20, 40, 60]), []
    curves = {"good": [0.5, 0.8, 0.9], "random": [0.5, 0.8, 0.7]}
    for seed in range(5):
        for name, scores in curves.items():
            outcomes.append({"record": cell(name, seed, n_labels, np.array(scores))})
    (said,) = headlines(Results(outcomes, {}), "accuracy", "random")
    assert "last score, of 60 labels, which random had first with 33, with 33" in said


def with_twins(rng, effects, twins, n_seeds=8):
    """Return Results in which twins pick, and score, as another does."""
    results = simulated(rng, effects, n_seeds)
    for i, record in enumerate(results.records):
        record["asked"] = [[i, 1000 + i], [2000 + i]]
    for twin, first in twins.items():
        for record in results.records:
            if record["strategy"] == first:
                asked = [rows[::-1] for rows in record["asked"]]
                one = {**record, "strategy": twin, "asked": asked}
                results.outcomes.append({"record": one})
    return results


def only(results, strategies):
    kept = [o for o in results.outcomes if o["record"]["strategy"] in strategies]
    return Results(kept, {})


def test_strategies_that_pick_the_same_rows_are_tested_once(rng):
    """Margin and entropy on two classes were two tests, and corrected for as two."""
    effects = {"margin": 0.004, "other": 0.001, "random": 0.0}
    results = with_twins(rng, effects, {"entropy": "margin", "chance": "random"})
    compared = results.compare().set_index("strategy")
    alone = only(results, effects).compare()
    assert compared["twin_of"].dropna().to_dict() == {
        "entropy": "margin",
        "chance": "random",
    }
    for name, p in zip(alone["strategy"], alone["p_holm"], strict=True):
        assert compared["p_holm"][name] == p
    assert compared["p_holm"]["entropy"] == compared["p_holm"]["margin"]
    assert compared["p_holm"]["chance"] == 1
    assert alone["twin_of"].isna().all()
    said = headlines(results, "accuracy", "random")
    assert said[0].startswith("margin: ")
    assert "picks the same" not in said[0]  # as nan, it said
    assert "entropy: picks the same rows as margin in all 8 seeds" in said[2]
    assert "chance: picks the same rows as random in all 8 seeds" in said[3]
    twice = results.compare(baseline="entropy").set_index("strategy")["twin_of"]
    assert twice.dropna().to_dict() == {"margin": "entropy", "chance": "random"}


def test_strategies_that_pick_the_same_rows_are_ranked_once(rng):
    effects = {"margin": 0.02, "random": 0.0}
    results = with_twins(rng, effects, {"entropy": "margin"})
    ranking, alone = results.ranks(), only(results, effects).ranks()
    assert ranking.names == ["margin", "entropy", "random"]
    assert ranking.ranks.tolist() == [1, 1, 2] == [1, *alone.ranks]
    assert ranking.critical_difference == alone.critical_difference
    assert ranking.p_value == alone.p_value


def test_picks_that_differ_in_one_seed_are_no_twins(rng):
    results = with_twins(rng, {"a": 0.0, "random": 0.0}, {"b": "a"})
    results.records[-1]["asked"] = [[1, 2], [3]]
    assert results.compare()["twin_of"].isna().all()


def test_an_unknown_baseline_is_refused(rng):
    with pytest.raises(ValueError, match=r"baseline must be one of .*got 'rand'"):
        simulated(rng, {"margin": 0.1}).summary(baseline="rand")


def test_what_cannot_be_compared_says_so(rng):
    results = simulated(rng, {"good": 0.02, "random": 0.0})
    with pytest.raises(ValueError, match="metric must be one of 'accuracy', got 'acc'"):
        results.compare("acc")
    with pytest.raises(ValueError, match="baseline must be one of 'random'"):
        results.compare(baseline="randm")
    with pytest.raises(ValueError, match="knows better and worse, got 'test_entropy'"):
        results.compare("test_entropy")
    with pytest.raises(ValueError, match="knows better and worse, got 'asked_entropy'"):
        results.compare("asked_entropy")
    with pytest.raises(ValueError, match="data and estimator must name one of"):
        results.efficiency(data="tory")
    with pytest.raises(ValueError, match="blocks must be one of 'seeds'"):
        results.ranks(blocks="seed")


def test_areas_are_those_of_the_metrics(rng):
    results = simulated(rng, {"good": 0.02, "random": 0.0})
    grid, scores = results.paired("accuracy", "toy", "model")
    expected = np.mean([area_under_learning_curve(grid, run) for run in scores["good"]])
    assert results.compare()["area"][0] == pytest.approx(expected)
    assert results.summary()["area"][0] == pytest.approx(expected)
