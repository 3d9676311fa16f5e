"""What trains a scorer: made-up tasks, and regression on what labels were worth."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skal.learned import fit_regression, random_task
from skal.learned._episode import Episode, as_source, goes_on
from skal.learned._regression import worth
from skal.learned._tasks import KINDS

SMALL = {
    "n_tasks": 4,
    "n_states": 2,
    "n_candidates": 4,
    "n_lookaheads": 2,
    "n_rounds": 2,
    "hidden": (8,),
}


def weights(scorer):
    return np.concatenate([part.ravel() for layer in scorer.weights for part in layer])


@pytest.mark.parametrize("seed", range(12))
def test_a_task_is_whole(seed):
    X, y = random_task(seed, n_samples=300)
    assert X.shape[0] == len(y) == 300
    assert 2 <= X.shape[1] <= 60
    assert np.bincount(y).min() >= 5
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(X.std(axis=0), 1, atol=1e-3)


def test_tasks_differ_but_not_those_of_one_seed():
    np.testing.assert_array_equal(random_task(3)[0], random_task(3)[0])
    shapes = {random_task(seed)[0].shape[1] for seed in range(12)}
    assert len(shapes) > 4


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_task_can_be_learnt(kind, rng):
    X, y = kind(1000, 3, rng)
    model = GaussianNB().fit(X[:500], y[:500])
    most = np.bincount(y[500:]).max() / 500
    assert model.score(X[500:], y[500:]) > most


def test_a_task_has_rows_enough():
    with pytest.raises(ValueError, match="n_samples must be at least 200, got 50"):
        random_task(0, n_samples=50)


def test_what_is_scored_on_is_never_asked_for(rng):
    X = np.arange(2000.0).reshape(1000, 2)
    y = np.arange(1000) % 3
    episode = Episode(X, y, GaussianNB(), rng)
    assert len(episode.y) == 300
    assert not np.isin(episode.X_held_out[:, 0], episode.X[:, 0]).any()
    assert len(np.unique(episode.y[episode.labeled])) > 1


def test_a_warm_model_goes_on_until_a_class_is_new(blobs, rng):
    episode = Episode(*blobs, LogisticRegression(warm_start=True), rng)
    first, second, third = (np.flatnonzero(episode.y == k) for k in range(3))
    episode.labeled = np.append(first[:3], second[:3])
    episode.model = model = episode.fitted(episode.labeled)
    episode.label(first[3:4])
    assert episode.model is model
    cold = episode.fitted(episode.labeled)
    np.testing.assert_allclose(model.coef_, cold.coef_, rtol=1e-2)
    episode.label(third[:1])
    assert episode.model is not model
    assert len(episode.model.classes_) == 3


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        (LogisticRegression(), False),
        (LogisticRegression(warm_start=True), True),
        (make_pipeline(MinMaxScaler(), LogisticRegression(warm_start=True)), True),
        (RandomForestClassifier(warm_start=True), False),  # it would add trees
        (GaussianNB(), False),
    ],
    ids=["cold", "warm", "pipeline", "forest", "never"],
)
def test_which_models_go_on(estimator, expected):
    assert goes_on(estimator) is expected


def test_the_worth_of_a_row_is_the_score_with_its_label(rng):
    episode = Episode(*random_task(1), GaussianNB(), rng)
    rows = episode.left()[:5]
    known = episode.labeled
    expected = []
    for row in rows:
        some = np.append(known, row)
        model = GaussianNB().fit(episode.X[some], episode.y[some])
        expected.append(model.score(episode.X_held_out, episode.y_held_out))
    np.testing.assert_allclose(worth(episode, rows, 1), expected, rtol=1e-6)
    assert episode.labeled is known  # trying leaves no trace


@pytest.mark.long
def test_n_jobs_changes_no_number():
    one, two = (fit_regression(GaussianNB(), **SMALL, n_jobs=n) for n in (None, 2))
    np.testing.assert_array_equal(weights(one), weights(two))


def test_one_seed_gives_one_scorer():
    one = fit_regression(GaussianNB(), **SMALL)
    same = fit_regression(GaussianNB(), **SMALL)
    other = fit_regression(GaussianNB(), **SMALL, random_state=1)
    np.testing.assert_array_equal(weights(one), weights(same))
    assert not np.array_equal(weights(one), weights(other))
    assert one.estimator == "GaussianNB"
    assert one.about["trained"]["n_rows"] == 4 * 2 * 4


def test_a_training_that_was_stopped_goes_on_to_the_same_scorer(tmp_path):
    calls = []

    def task(rng):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return random_task(rng)

    whole = fit_regression(GaussianNB(), **SMALL)
    with pytest.raises(KeyboardInterrupt):
        fit_regression(GaussianNB(), task, **SMALL, checkpoint=tmp_path)
    resumed = fit_regression(GaussianNB(), task, **SMALL, checkpoint=tmp_path)
    np.testing.assert_array_equal(weights(resumed), weights(whole))
    assert len(calls) == 5  # two kept, one broken off, then two
    fit_regression(GaussianNB(), task, **SMALL, checkpoint=tmp_path)
    assert len(calls) == 5


def test_a_checkpoint_of_other_parameters_is_refused(tmp_path):
    fit_regression(GaussianNB(), **SMALL, checkpoint=tmp_path)
    with pytest.raises(ValueError, match=r"checkpoint must be .* same parameters"):
        fit_regression(GaussianNB(), **{**SMALL, "n_states": 1}, checkpoint=tmp_path)


def test_own_data_sets_are_a_curriculum():
    sets = {str(seed): random_task(seed, n_samples=200) for seed in range(2)}
    scorer = fit_regression(GaussianNB(), sets, **SMALL, scoring="balanced_accuracy")
    assert scorer.about["trained"]["scoring"] == "balanced_accuracy"
    shapes = {name: list(X.shape) for name, (X, _) in sets.items()}
    assert scorer.about["trained"]["tasks"] == shapes


def test_progress_is_shown(capsys):
    fit_regression(GaussianNB(), **SMALL, name="mine", verbose=1)
    assert "mine" in capsys.readouterr().out


def test_sources_of_tasks_are_checked():
    for bad in ([], [(1, 2, 3)]):
        with pytest.raises(ValueError, match="tasks must be a function"):
            as_source(bad)


X, Y = random_task(0, n_samples=200)


@pytest.mark.parametrize(
    ("tasks", "match"),
    [
        (None, "got a NoneType"),
        ("iris", "got a str"),
        ((X, Y), r"got a ndarray. Write \[\(X, y\)\] for one data set"),
        ([(X, Y[:50])], r"rows of shape .* and labels of shape \(50,\)"),
        ([(X, np.c_[Y, Y])], r"a label of each row, got .*\(200, 2\)"),
        ({"sure": (X, 0 * Y)}, "two classes or more, got 1 in 200 rows"),
        (lambda rng: (X, Y, 1), "got a tuple"),
        (lambda rng: None, "got a NoneType"),
    ],
)
def test_tasks_must_be_rows_and_labels(tasks, match):
    """Some failed on the way, some filled the screen with their numbers."""
    with pytest.raises(ValueError, match=f"tasks must .*{match}"):
        fit_regression(GaussianNB(), tasks, **SMALL)


def test_sparse_tasks_are_tasks():
    """They once failed on an index."""
    rows = np.where(np.abs(X) > 0.5, X, 0)
    sizes = {**SMALL, "n_tasks": 1, "n_rounds": 1, "n_states": 1, "n_lookaheads": 1}
    kinds = (sp.csr_array(rows), sp.coo_matrix(rows))
    one, other = (weights(fit_regression(None, [(E, Y)], **sizes)) for E in kinds)
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("params", "error", "match"),
    [
        ({"estimator": GaussianNB}, TypeError, "estimator must .*, got <class"),
        ({"estimator": "nb"}, TypeError, "estimator must .*, got 'nb'"),
        ({"hidden": 8}, TypeError, "hidden must be a list of widths, .* got 8"),
        ({"name": 3}, TypeError, "name must be a string, got 3"),
        ({"random_state": "a"}, TypeError, "random_state must be an integer"),
        ({"random_state": -1}, ValueError, "random_state must be at least 0"),
        ({"scoring": None}, TypeError, "scoring must be the name of a scorer"),
        ({"n_tasks": 0}, ValueError, "n_tasks must be at least 1, got 0"),
        ({"n_candidates": 1}, ValueError, "n_candidates must be at least 2"),
        ({"n_lookaheads": 1.5}, TypeError, "n_lookaheads must be an integer"),
        ({"horizon": 0}, ValueError, "horizon must be in"),
        ({"hidden": (0,)}, ValueError, "hidden must be at least 1"),
        ({"estimator": LinearRegression()}, TypeError, "estimator must .*classifier"),
        ({"n_rounds": 9, "n_tasks": 4}, ValueError, "n_rounds must be at most 4"),
    ],
)
def test_bad_parameters_are_refused(params, error, match):
    with pytest.raises(error, match=match):
        fit_regression(**params)


@pytest.mark.long
def test_training_beats_an_untrained_scorer_on_made_up_tasks():
    """Regression on 24 small tasks asks better than chance does; another is chance."""
    from skal.learned import untrained_scorer

    sizes = {"n_states": 3, "n_candidates": 12, "n_lookaheads": 2}
    trained = fit_regression(GaussianNB(), n_tasks=24, **sizes)
    gaps = []
    for seed in range(100, 130):
        areas = []
        for scorer in (trained, untrained_scorer(random_state=seed)):
            episode = Episode(
                *random_task(seed), GaussianNB(), np.random.RandomState(seed)
            )
            scores = []
            for _ in range(20):
                rows = episode.left()
                candidates, state = episode.features(rows)
                episode.label(rows[[scorer.score(candidates, state).argmax()]])
                scores.append(episode.score(episode.model))
            areas.append(np.mean(scores))
        gaps.append(areas[0] - areas[1])
    assert np.mean(gaps) > 2 * np.std(gaps) / np.sqrt(len(gaps))
