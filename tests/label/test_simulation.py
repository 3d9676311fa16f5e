"""A person in a session learns as much from a label as a simulated learner does."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skal import ActiveLearner
from skal.label import LabelSession


def learner_of(estimator, seed, **options):
    return ActiveLearner(
        estimator, "margin", initial="random", random_state=seed, **options
    )


def session_score(estimator, X, y, test, n_labels, seed, audit=0.0):
    """Label by hand, as it were, until the learner has seen so many labels."""
    session = LabelSession(
        X,
        classes=sorted(set(y)),
        learner=learner_of(estimator, seed),
        audit=audit,
        refit_after=10,
        random_state=seed,
    )
    while len(session.snapshot().train) < n_labels:
        [item] = session.ask()
        session.label(item, y[int(item.id)])
    session.train()
    assert len(session.learner.y_training_) == n_labels
    return session.learner.score(*test)


def simulated_score(estimator, X, y, test, n_labels, seed):
    learner = learner_of(estimator, seed, n_labels=n_labels, batch_size=10)
    return learner.fit(X, y).score(*test)


def digits():
    X, y = load_digits(return_X_y=True)
    order = np.random.RandomState(0).permutation(len(X))
    X, y = X[order] / 16, y[order]
    return LogisticRegression(max_iter=1000), X[:1200], y[:1200], (X[1200:], y[1200:])


def texts(n=900):
    """Sentences about three things; half of the words are about nothing."""
    rng = np.random.RandomState(0)
    y = np.array(["food", "music", "sport"])[rng.randint(3, size=n)]
    filler = [f"w{i}" for i in range(300)]
    X = []
    for label in y:
        about = [f"{label}{i}" for i in rng.zipf(1.3, 3) % 60]
        words = [*about, *rng.choice(filler, 6)]
        X.append(" ".join(rng.permutation(words)))
    model = make_pipeline(TfidfVectorizer(), LogisticRegression(C=10))
    return model, X[:600], y[:600], (X[600:], y[600:])


def test_a_session_picks_what_a_simulation_picks():
    """Without an audit, from the same first labels, the rows are the same."""
    model, X, y, _ = digits()
    X, y = X[:300], y[:300]
    session = LabelSession(
        X,
        classes=range(10),
        learner=learner_of(model, 0),
        audit=0,
        refit_after=10,
        random_state=0,
    )
    session.label_many(range(20), y[:20])
    asked = [int(item.id) for item in session.ask(10)]
    learner = learner_of(model, 0).fit(X[:20], y[:20])
    expected, _ = learner.query(X, 50, candidates=np.arange(20, 300))
    assert asked == expected[:10].tolist()


@pytest.mark.long
@pytest.mark.parametrize("data", [digits, texts])
def test_a_session_reaches_the_accuracy_of_a_simulation(data):
    """At equal labels, with an audit beside and without."""
    task, seeds = data(), range(2)
    simulated = [simulated_score(*task, 100, seed) for seed in seeds]
    for audit in (0.0, 0.1):
        by_hand = [session_score(*task, 100, seed, audit) for seed in seeds]
        noise = 3 * np.std(simulated + by_hand) / np.sqrt(len(seeds)) + 0.01
        assert abs(np.mean(by_hand) - np.mean(simulated)) < noise
