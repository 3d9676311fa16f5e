"""Every draw comes from a named stream; the global generators are left alone.

That the global states of numpy and torch stay as they are is checked around every
test, see conftest.py.
"""

import numpy as np
import pytest
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import (
    BaggingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from skal import ActiveLearner
from skal._seed import as_random_state, draw_seed, fork_torch, stream, unseeded_params
from skal.query import QueryStrategy


def numbers(random_state):
    return random_state.randint(2**31 - 1, size=8).tolist()


def test_none_means_fresh_entropy():
    assert numbers(as_random_state(None)) != numbers(as_random_state(None))


def test_a_generator_passes_through_and_an_integer_repeats(rng):
    assert as_random_state(rng) is rng
    assert numbers(as_random_state(7)) == numbers(as_random_state(7))


def test_a_seed_drawn_from_a_generator_moves_on(rng):
    assert draw_seed(rng) != draw_seed(rng)
    assert draw_seed(7) == draw_seed(7)


@pytest.mark.parametrize("value", ["seven", 1.5, -1])
def test_what_is_no_seed_is_refused(value):
    with pytest.raises(ValueError, match=r"[sS]eed"):
        draw_seed(value)


def test_a_stream_is_fixed_by_its_three_names():
    assert numbers(stream(3, 1, "query")) == numbers(stream(3, 1, "query"))


def test_streams_of_other_names_differ():
    keys = [
        (seed, round, purpose)
        for seed in (0, 1, 2)
        for round in (0, 1, 2)
        for purpose in ("query", "fit", "samples")
    ]
    drawn = {tuple(numbers(stream(*key))) for key in keys}
    assert len(drawn) == len(keys)


def test_streams_of_neighbouring_rounds_are_not_correlated():
    draws = np.array([stream(0, round, "query").uniform(size=500) for round in (1, 2)])
    assert abs(np.corrcoef(draws)[0, 1]) < 0.15


def test_streams_are_the_same_on_every_machine():
    """Python's own hash of a string differs from process to process."""
    assert stream(0, 1, "query").randint(1000, size=4).tolist() == [139, 911, 224, 494]


def test_unseeded_parameters_are_found_at_any_depth():
    estimator = make_pipeline(
        TruncatedSVD(2),
        BaggingClassifier(SGDClassifier(random_state=3)),
    )
    assert unseeded_params(estimator) == [
        "baggingclassifier__random_state",
        "truncatedsvd__random_state",
    ]


def test_members_of_ensembles_are_found_by_name():
    estimator = VotingClassifier(
        [("tree", DecisionTreeClassifier()), ("seeded", SGDClassifier(random_state=0))]
    )
    assert unseeded_params(estimator) == ["tree__random_state"]


def test_an_estimator_without_chance_has_nothing_to_seed():
    assert unseeded_params(make_pipeline(DecisionTreeClassifier(random_state=0))) == []


def test_torch_is_seeded_inside_the_fork_and_as_before_outside(torch):
    before = torch.random.get_rng_state()
    drawn = []
    for _ in range(2):
        with fork_torch(5, 0, "torch fit"):
            drawn.append(torch.rand(4).tolist())
    assert drawn[0] == drawn[1]
    assert torch.equal(torch.random.get_rng_state(), before)


def test_torch_is_as_before_after_an_error_in_the_fork(torch):
    before = torch.random.get_rng_state()
    with pytest.raises(RuntimeError), fork_torch(5, 0, "torch fit"):
        torch.rand(4) @ torch.rand(5)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_two_seeded_learners_around_an_unseeded_forest_agree(blobs):
    X, y = blobs
    probas = [
        ActiveLearner(
            RandomForestClassifier(n_estimators=5),
            n_labels=20,
            batch_size=5,
            random_state=1,
        )
        .fit(X, y)
        .predict_proba(X)
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*probas)


def test_a_seed_given_to_the_estimator_is_kept(blobs):
    X, y = blobs
    inner = RandomForestClassifier(n_estimators=2, random_state=11)
    learner = ActiveLearner(inner, random_state=1).fit(X, y)
    assert learner.estimator_.random_state == 11


def test_an_unseeded_learner_draws_anew_each_time(blobs):
    X, y = blobs
    runs = {
        tuple(ActiveLearner(n_labels=10).fit(X, y).history_["indices"][0].tolist())
        for _ in range(5)
    }
    assert len(runs) > 1


class FarthestOut(QueryStrategy):
    """Read the cold embedding, as strategies for the first labels do."""

    needs = frozenset({"embed"})

    def _query(self, view, rows, n_instances, rng):
        norms = np.linalg.norm(view.embed(rows), axis=1)
        return np.argsort(-norms)[:n_instances], {"embeddings": view.embed(rows)}


def test_the_transformers_of_a_cold_view_are_seeded_by_the_learner():
    """A randomized SVD without a seed would read numpy's global state."""
    X = stream(0, 0, "data").normal(size=(60, 8))
    learner = ActiveLearner(
        make_pipeline(TruncatedSVD(3, n_iter=1), LogisticRegression()),
        initial=FarthestOut(),
        random_state=0,
    )
    first, _ = learner.query(X, 5)
    again, _ = learner.query(X, 5)
    np.testing.assert_array_equal(first, again)
