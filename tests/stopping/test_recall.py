"""RecallTarget promises a recall from random samples of what is left."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import hypergeom
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB

from skal import ActiveLearner, ModelView
from skal.query import (
    ClassBalanced,
    Find,
    Mixture,
    Neighbours,
    RandomSampling,
    RandomTail,
    Shortlist,
)
from skal.stopping import Any, MaxConfidence, RecallTarget, replay
from skal.stopping._recall_bound import log_chance, most_there_can_be

RNG = np.random.RandomState(0)
Y = np.array(["no", "yes"])[(RNG.uniform(size=400) < 0.1).astype(int)]
X = RNG.normal(size=(400, 3)) + 1.5 * (Y == "yes")[:, np.newaxis]
SIZES = {"n_initial": 20, "batch_size": 20, "random_state": 0}


def fitted(strategy, stopping=None, n_labels=1.0):
    stopping = RecallTarget("yes") if stopping is None else stopping
    learner = ActiveLearner(
        GaussianNB(), strategy, n_labels=n_labels, stopping=stopping, **SIZES
    )
    return learner.fit(X, Y)


def records_of(learner):
    return [record for record in learner.history_["stopping"] if record is not None]


# The bound ----------------------------------------------------------------------


def test_the_chance_is_hypergeometric():
    n, size = 30, 7
    positives, hits = np.meshgrid(np.arange(31), np.arange(8), indexing="ij")
    expected = hypergeom(n, positives, size).logpmf(hits)
    np.testing.assert_allclose(
        log_chance(n, positives, size, hits), expected, atol=1e-9
    )
    assert log_chance(30, -1, 7, 0) == log_chance(30, 31, 7, 7) == -np.inf


def slow_bound(samples, found, left, confidence):
    """Test every total there could be against a mixture that has every number."""
    n, known = samples[0][:2]
    numbers = np.arange(n + 1)
    weight = 1 / ((numbers + 1) * (numbers + 2.0))
    weight[-1] = 1 / (n + 1)
    since = known
    for n, before, size, hits in samples:
        numbers = np.maximum(numbers - (before - since), 0)
        weight = weight * hypergeom(n, np.minimum(numbers, n), size).pmf(hits)
        weight[numbers > n] = 0
        numbers, since = np.maximum(numbers - hits, 0), before + hits
    least = weight.sum() * (1 - confidence)
    chances = [
        np.prod([hypergeom(n, total - k, size).pmf(h) for n, k, size, h in samples])
        for total in range(found, found + left + 1)
    ]
    return found + np.flatnonzero(np.array(chances) > least).max()


@pytest.mark.parametrize(
    ("samples", "found", "left"),
    [
        ([[60, 5, 20, 0]], 5, 40),
        ([[60, 5, 20, 1], [40, 6, 20, 0]], 6, 20),
        ([[60, 5, 20, 2], [30, 9, 10, 0], [20, 9, 15, 0]], 10, 3),
        ([[50, 0, 10, 10]], 10, 40),
        ([[50, 0, 50, 0]], 0, 0),
    ],
)
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.99])
def test_the_bound_is_that_of_a_slow_reference(samples, found, left, confidence):
    most = most_there_can_be(np.array(samples), found, left, confidence)
    assert most == slow_bound(samples, found, left, confidence)


def test_more_confidence_and_less_sample_bound_less():
    for n in (10, 100, 300):
        bounds = [
            most_there_can_be(np.array([[500, 30, size, 0]]), 30, 500 - size, c)
            for size, c in [(n, 0.99), (n, 0.9), (n + 50, 0.9)]
        ]
        assert bounds == sorted(bounds, reverse=True)


def wrong(n, positives, found, recall, confidence, batch, rng):
    """Sample a tail, look after each batch; tell whether it stopped too early."""
    tail = rng.permutation(np.arange(n) < positives)
    samples, known = [], found
    for start in range(0, n, batch):
        part = tail[start : start + batch]
        samples.append([n - start, known, len(part), part.sum()])
        known += part.sum()
        left = n - start - len(part)
        most = most_there_can_be(np.array(samples), known, left, confidence)
        if known >= recall * most:
            break
    return known < recall * (found + positives)


def test_the_promise_is_kept_though_one_looks_after_every_batch():
    """One more is left than may be: the hardest there is."""
    rng = np.random.RandomState(0)
    errors = [wrong(120, 3, 20, 0.9, 0.8, 20, rng) for _ in range(150)]
    # 30 of 150 are permitted; 43 would be beyond chance (p < .01) at that rate
    assert 0 < sum(errors) < 43


@pytest.mark.long
def test_the_promise_is_kept_in_1000_simulations():
    rng = np.random.RandomState(0)
    errors = [wrong(400, 3, 40, 0.95, 0.95, 40, rng) for _ in range(1000)]
    assert sum(errors) <= 50


# The samples --------------------------------------------------------------------


def test_a_tail_is_read_as_it_was_drawn():
    learner = fitted(RandomTail(Find("yes"), "yes", patience=15))
    assert learner.termination_condition_ == "stopping"
    hits = learner.y_training_ == "yes"
    last = records_of(learner)[-1]
    assert last["n_found"] == hits.sum()
    assert last["n_left"] == 400 - len(hits)
    n, known, size, found = last["samples"].T
    assert (n[1:] == n[:-1] - size[:-1]).all()
    assert n[-1] - size[-1] == last["n_left"]
    assert (known[1:] == known[:-1] + found[:-1]).all()
    assert known[-1] + found[-1] == last["n_found"]
    recall = hits.sum() / (Y == "yes").sum()
    value, threshold, stop = RecallTarget("yes").verdict(records_of(learner))
    assert threshold <= value <= recall
    assert stop


def test_a_mixture_samples_before_its_other_parts():
    learner = fitted(Mixture([("some", "random"), ("find", Find("yes"))]))
    samples = records_of(learner)[-1]["samples"]
    infos = learner.history_["info"][1:-1]  # nothing is asked after the last
    assert len(samples) == len(infos)
    assert (samples[:, 2] == [(info["base"] == "some").sum() for info in infos]).all()
    assert (samples[:, 0] == [info["sampled_from"] for info in infos]).all()
    ends = learner.history_["n_labels"]
    known = [(learner.y_training_[:end] == "yes").sum() for end in ends[:-2]]
    assert (samples[:, 1] == known).all()
    drawn = np.concatenate([info["sample"] for info in infos])
    assert (Y[drawn] == "yes").sum() == samples[:, 3].sum()


@pytest.mark.parametrize(
    "strategy",
    [
        "margin",
        Mixture([("find", Find("yes")), ("some", "random")]),
        Mixture([("some", Shortlist("random", 50)), ("find", Find("yes"))]),
        Shortlist(Mixture(), n_candidates=60),
        Neighbours(RandomTail(patience=1), n_neighbors=3, random_share=0.1),
        ClassBalanced(Mixture()),
    ],
)
def test_rows_that_were_not_drawn_from_all_that_was_left_do_not_count(strategy):
    learner = fitted(strategy, n_labels=100)
    assert [len(record["samples"]) for record in records_of(learner)] == [0] * 4
    value = RecallTarget("yes").verdict(records_of(learner))[0]
    found = records_of(learner)[-1]["n_found"]
    assert value == found / (found + 400 - 80)


def live(strategy, order, answered=20):
    """Ask and teach by hand, the answers in any order, some of them not given."""
    learner = ActiveLearner(
        GaussianNB(), strategy, stopping=RecallTarget("yes"), **SIZES
    )
    rng, taught = np.random.RandomState(0), np.zeros(400, bool)
    for _ in range(6):
        picked, rows = learner.query(X, 20, candidates=~taught)
        some = rng.permutation(20)[:answered] if order else np.arange(20)
        learner.teach(rows[some], Y[picked[some]])
        taught[picked[some]] = True
    learner.query(X, 20, candidates=~taught)
    return learner


def test_a_live_loop_reads_the_same_samples_in_whatever_order_they_are_answered():
    mixture = Mixture([("some", "random"), ("margin", "margin")])
    whole = records_of(fitted(mixture, n_labels=160))[5]
    in_order = records_of(live(mixture, order=False))[-1]
    assert in_order["samples"].tolist() == whole["samples"].tolist()
    shuffled = live(mixture, order=True)
    for info, rows in zip(
        shuffled.history_["info"][1:],
        shuffled.history_["pool_indices"][1:],
        strict=True,
    ):
        assert np.isin(info["sample"], rows).all()
    samples = records_of(shuffled)[-1]["samples"]
    assert (samples[:, 2] == 10).all()
    assert samples[:, 0].tolist() == whole["samples"][:, 0].tolist()


def test_rows_that_nobody_answered_are_no_sample():
    learner = live(Mixture(), order=True, answered=12)
    samples, record = records_of(learner)[-1]["samples"], records_of(learner)[-1]
    assert record["n_left"] == 400 - 6 * 12
    asked = learner.history_["pool_indices"][1:]
    infos = learner.history_["info"][1:]
    answered = [
        np.isin(a, i["sample"]).sum() for a, i in zip(asked, infos, strict=True)
    ]
    assert samples[:, 2].tolist() == answered
    assert all(n - m == 12 for n, m in pairwise(samples[:, 0]))


def test_several_labels_count_by_their_number():
    Z = np.column_stack([Y == "yes", X[:, 0] > 0]).astype(int)
    learner = ActiveLearner(
        MultiOutputClassifier(GaussianNB()),
        Mixture([("some", "random"), ("find", Find(1))]),
        n_labels=100,
        stopping=RecallTarget(1),
        **SIZES,
    ).fit(X, Z)
    n_found = learner.y_training_[:80, 1].sum()
    assert records_of(learner)[-1]["n_found"] == n_found > 20


# The rule -----------------------------------------------------------------------


def test_other_promises_are_tried_on_the_same_records():
    learner = fitted(RandomTail(Find("yes"), "yes", patience=15))
    records = pickle.loads(pickle.dumps(records_of(learner)))
    values = [
        replay(RecallTarget("yes", confidence=c), records)["value"]
        for c in (0.99, 0.95, 0.5)
    ]
    assert (values[0] <= values[1]).all()
    assert (values[1] <= values[2]).all()
    stops = replay(RecallTarget("yes", recall=0.5), records)["stop"]
    assert stops.argmax() < len(records) - 1
    assert replay(RecallTarget("yes"), records)["stop"].tolist() == [
        *[False] * (len(records) - 1),
        True,
    ]


def test_it_combines_with_other_rules():
    rule = Any([("recall", RecallTarget("yes")), ("sure", MaxConfidence(1e-9))])
    learner = fitted(RandomTail(Find("yes"), "yes", patience=15), rule)
    assert learner.termination_condition_ == "stopping"
    both = learner.history_["stopping"][-2]
    assert set(both) == {"recall", "sure"}


def test_without_a_history_only_what_is_left_bounds_the_recall():
    view = ModelView(LogisticRegression().fit(X[:100], Y[:100]), X[:100], Y[:100])
    rule = RecallTarget("yes", recall=1)
    n = (Y[:100] == "yes").sum()
    value, _, stop = rule.verdict([rule.measure(view, X[100:], [])])
    assert (value, stop) == (n / (n + 300), False)
    assert rule.verdict([rule.measure(view, X[:0], [])]) == (1, 1, True)
    assert np.isnan(rule.verdict([])[0])


def test_a_tail_begins_after_vain_labels_and_does_not_end():
    learner = fitted(RandomTail(Find("yes"), "yes", patience=15), n_labels=1.0)
    in_tail = ["sample" in info for info in learner.history_["info"]]
    assert in_tail == sorted(in_tail)
    hits = learner.y_training_ == "yes"
    ends = learner.history_["n_labels"]
    dry = [bool(end >= 35 and not hits[end - 15 : end].any()) for end in ends[:-1]]
    assert in_tail[1:] == np.maximum.accumulate(dry).tolist()
    assert 0 < sum(in_tail) < len(in_tail) - 1


def test_the_tail_is_drawn_evenly():
    strategy = RandomTail(Find("yes"), "yes", patience=1)
    history = {"n_labels": np.array([50, 100]), "info": [{}, {}]}
    model = GaussianNB().fit(X[:100], Y[:100])
    view = ModelView(model, X[:100], Y[:100], history=history, round=1)
    quiet = np.append(Y[:99], "no")
    view.y_training = quiet
    counts = np.zeros(30)
    for seed in range(600):
        picked, info = strategy(view, X[100:130], 5, random_state=seed)
        counts[picked] += 1
        assert info["sampled_from"] == 30
    assert ((counts - 100) ** 2).sum() / (100 * 25 / 30) < 60  # chi-square of 29


def test_random_sampling_inside_is_what_is_drawn():
    _, info = Mixture([("a", RandomSampling()), ("b", "margin")], [1, 1])(
        ModelView(GaussianNB().fit(X, Y), X, Y), X, 10, random_state=0
    )
    assert len(info["sample"]) == 5
    assert info["sampled_from"] == 400
