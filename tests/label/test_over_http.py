"""A simulated person at the real server learns as much as a simulation does."""

import numpy as np
import pytest
from label.serving import Client, served
from label.test_simulation import digits, learner_of, simulated_score, texts

from skal.label._refit import is_due


def score_over_http(estimator, X, y, test, n_labels, seed, audit=0.1):
    """Answer what the server asks, as a page does, while another trains."""
    options = {"audit": audit, "refit_after": 10, "classes": sorted(set(y))}
    learner = learner_of(estimator, seed)
    with served(X, learner=learner, **options) as server:
        client, session = Client(server), server.session
        while len(session.snapshot().train) < n_labels:
            if is_due(session):
                session.train()
            [row] = client.ask("next", n=1)["items"]
            assert client.label(row["item"], str(y[int(row["id"])]))["refused"] == []
        session.train()
        progress = client.ask("progress")
        assert progress["n_labels"] == session.n_labels
        assert len(session.learner.y_training_) == n_labels
        return session.learner.score(*test), progress


def test_labels_over_http_teach_a_model():
    estimator, X, y, test = digits()
    score, progress = score_over_http(estimator, X[:300], y[:300], test, 20, 0)
    assert score > 0.4
    assert progress["model"]["behind"] == 0
    assert progress["curve"]


@pytest.mark.long
@pytest.mark.parametrize("data", [digits, texts])
def test_people_over_http_reach_the_accuracy_of_a_simulation(data):
    task, seeds = data(), range(3)
    simulated = [simulated_score(*task, 100, seed) for seed in seeds]
    by_hand = [score_over_http(*task, 100, seed)[0] for seed in seeds]
    noise = 3 * np.std(simulated + by_hand) / np.sqrt(len(seeds)) + 0.01
    assert abs(np.mean(by_hand) - np.mean(simulated)) < noise
