"""Committee measures of pure trees are one and the same: that is said once."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skal import ActiveLearner, ModelView
from skal._model import only_votes
from skal.query import BALD, DiverseBatch, Shortlist, as_strategy

PURE = {
    "forest": RandomForestClassifier(8, random_state=0),
    "extra trees": ExtraTreesClassifier(8, random_state=0),
    "bagging": BaggingClassifier(
        DecisionTreeClassifier(random_state=0), 5, random_state=0
    ),
    "pipeline": make_pipeline(
        StandardScaler(), RandomForestClassifier(8, random_state=0)
    ),
    "voting": VotingClassifier(
        [("a", DecisionTreeClassifier(random_state=0))], voting="soft"
    ),
    "entropy": RandomForestClassifier(
        8, random_state=0, criterion="entropy", class_weight="balanced"
    ),
}
DOUBTING = {
    "leaves of 5": RandomForestClassifier(8, random_state=0, min_samples_leaf=5),
    "shallow": RandomForestClassifier(8, random_state=0, max_depth=1),
    "bagging": BaggingClassifier(LogisticRegression(), 3, random_state=0),
    "both": VotingClassifier(
        [("a", DecisionTreeClassifier(random_state=0)), ("b", LogisticRegression())],
        voting="soft",
    ),
    "no committee": LogisticRegression(),
    "a tree": DecisionTreeClassifier(random_state=0),
}


def simulated(estimator, strategy, X, y):
    return ActiveLearner(
        estimator, strategy, n_initial=30, n_labels=45, batch_size=5, random_state=0
    ).fit(X, y)


@pytest.mark.parametrize("model", PURE.values(), ids=PURE)
def test_pure_trees_are_found(model, blobs):
    X, y = blobs
    fitted = clone(model).fit(X, y)
    assert only_votes(fitted)
    answers = ModelView(fitted).sample_proba(X + 0.1)
    assert np.isin(answers, (0, 1)).all()


@pytest.mark.parametrize("model", DOUBTING.values(), ids=DOUBTING)
def test_trees_with_doubts_are_none(model, blobs):
    assert not only_votes(clone(model).fit(*blobs))


def test_rows_that_nothing_tells_apart_make_a_leaf_impure():
    X = np.repeat(np.arange(4.0), 10)[:, np.newaxis]
    y = np.arange(40) % 2
    assert not only_votes(RandomForestClassifier(4, random_state=0).fit(X, y))


@pytest.mark.parametrize(
    "strategy", ["bald", "epig", Shortlist("kl_divergence"), DiverseBatch(BALD())]
)
def test_it_is_said_once_in_a_simulation(strategy, blobs):
    match = "probabilities of the trees of RandomForestClassifier.*min_samples_leaf"
    with pytest.warns(UserWarning, match=match) as caught:
        learner = simulated(PURE["forest"], strategy, *blobs)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    told = [info.get("only_votes") for info in learner.history_["info"]]
    assert told == [None, True, True, True]


def test_it_is_said_once_in_a_live_loop(blobs):
    X, y = blobs
    learner = ActiveLearner(PURE["forest"], "bald", random_state=0).fit(X[:30], y[:30])
    with pytest.warns(UserWarning, match="BALD reads the probabilities") as caught:
        learner.query(X[30:], 5)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for start in (30, 60):
            learner = pickle.loads(pickle.dumps(learner))
            rows, asked = learner.query(X[start:], 5)
            learner.teach(asked, y[start:][rows])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("estimator", "strategy"),
    [
        (PURE["forest"], "vote_entropy"),  # which is of votes, and says so
        (PURE["forest"], "margin"),
        (PURE["forest"], "random"),
        (DOUBTING["leaves of 5"], "bald"),
        (DOUBTING["both"], "kl_divergence"),
    ],
)
def test_nothing_is_said_where_nothing_is_lost(estimator, strategy, blobs):
    simulated(estimator, strategy, *blobs)


def test_what_is_said_is_so(blobs):
    """The five scores are one and the same."""
    X, y = blobs
    forest = RandomForestClassifier(8, random_state=0).fit(X[:60], y[:60])
    names = ["entropy", "bald", "consensus_entropy", "kl_divergence", "vote_entropy"]
    scores = [as_strategy(name).score_samples(forest, X) for name in names]
    for other in scores[1:]:
        np.testing.assert_allclose(other, scores[0], atol=1e-6)
