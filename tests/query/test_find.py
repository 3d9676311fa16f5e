"""Looking for one class: the likeliest of it, doubt about it, and what is like it."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skal import ActiveLearner, ModelView
from skal.query import Find, TargetMargin
from skal.testing import strategy_checks

RNG = np.random.RandomState(0)
CLOUD = RNG.randint(3, size=90)
X = RNG.normal(size=(90, 4)) + 2 * CLOUD[:, np.newaxis]
WORDS = np.array(["common", "other", "rare"])[CLOUD]


@pytest.fixture(scope="module")
def model():
    return LogisticRegression(max_iter=1000).fit(X, WORDS)


@pytest.mark.parametrize("column", range(3))
def test_the_chance_of_a_class_and_the_doubt_about_it(model, column):
    chance = model.predict_proba(X)[:, column]
    target = model.classes_[column]
    np.testing.assert_allclose(Find(target).score_samples(model, X), chance)
    doubt = 1 - 2 * np.abs(chance - 0.5)
    np.testing.assert_allclose(TargetMargin(target).score_samples(model, X), doubt)
    assert Find(target)(model, X, 1)[0] == [chance.argmax()]
    nearest = np.abs(chance - 0.5).argmin()
    assert TargetMargin(target)(model, X, 1)[0] == [nearest]


def test_without_a_target_it_is_the_class_with_the_fewest_labels(model):
    some = np.append(np.flatnonzero(CLOUD != 1), np.flatnonzero(CLOUD == 1)[:2])
    view = ModelView(model, X[some], WORDS[some])
    expected = model.predict_proba(X)[:, 1]
    np.testing.assert_allclose(Find().score_samples(view, X), expected)
    even = np.concatenate([np.flatnonzero(c == CLOUD)[:2] for c in (0, 1)])
    two = LogisticRegression().fit(X[even], WORDS[even])
    view = ModelView(two, X[even], WORDS[even])
    best = two.predict_proba(X).max(axis=1)
    np.testing.assert_allclose(Find().score_samples(view, X), best)


@pytest.mark.parametrize("classes", [(0, 2), (0, 1, 2)])
def test_decision_values_serve_where_there_are_no_probabilities(classes):
    rows = np.isin(CLOUD, classes)
    svc = LinearSVC(random_state=0).fit(X[rows], CLOUD[rows])
    f = svc.decision_function(X)
    for k, target in enumerate(classes):
        own = f[:, k] if f.ndim == 2 else (2 * k - 1) * f
        found = Find(target).score_samples(svc, X)
        assert (np.argsort(found) == np.argsort(own)).all()
        assert found.min() > 0
        assert found.max() < 1
        doubt = TargetMargin(target).score_samples(svc, X)
        np.testing.assert_allclose(doubt, 1 / (1 + np.abs(own)))


def test_a_label_of_several_by_its_number():
    Y = np.column_stack([X[:, 0] > 1, X[:, 1] > 4]).astype(int)
    model = MultiOutputClassifier(LogisticRegression()).fit(X, Y)
    chance = model.predict_proba(X)[1][:, 1]
    np.testing.assert_allclose(Find(1).score_samples(model, X), chance)
    assert Y[:, 1].sum() < Y[:, 0].sum()  # the rarer one
    view = ModelView(model, X, Y)
    np.testing.assert_allclose(Find().score_samples(view, X), chance)
    with pytest.raises(ValueError, match=r"target must be the number .*got 7"):
        Find(7).score_samples(model, X)


def test_seeds_rank_the_pool_until_the_class_is_known():
    common = CLOUD < 2
    model = LogisticRegression().fit(X[common], WORDS[common])
    seeds = X[CLOUD == 2][:2] + 0.1
    far = np.sqrt(((X[:, np.newaxis] - seeds) ** 2).sum(axis=2)).min(axis=1)
    for kind in (Find, TargetMargin):
        scores = kind("rare", seeds=seeds).score_samples(model, X)
        np.testing.assert_allclose(scores, 1 / (1 + far), rtol=1e-4)
    known = Find("other", seeds=seeds).score_samples(model, X)
    np.testing.assert_allclose(known, model.predict_proba(X)[:, 1])


def test_seeds_serve_before_the_first_label_in_the_space_of_the_pool():
    wide = X * [1, 1, 1, 1000.0]
    pipe = make_pipeline(StandardScaler(), LogisticRegression())
    seeds = wide[CLOUD == 2][:1]
    find = Find("rare", seeds=seeds)
    learner = ActiveLearner(pipe, find, initial=find, n_initial=5, random_state=0)
    picked, _ = learner.query(wide)
    scaled = StandardScaler().fit(wide)
    far = np.linalg.norm(scaled.transform(wide) - scaled.transform(seeds), axis=1)
    assert picked.tolist() == np.argsort(far)[:5].tolist()


def test_a_simulation_asks_as_a_live_loop_from_seeds_on():
    find = Find("rare", seeds=X[CLOUD == 2][:1])
    sizes = {"initial": find, "n_initial": 4, "batch_size": 5, "random_state": 0}
    whole = ActiveLearner(None, find, n_labels=40, **sizes).fit(X, WORDS)
    live, asked = ActiveLearner(None, find, **sizes), []
    while len(asked) < 40:
        left = np.setdiff1d(np.arange(90), asked)
        picked, rows = live.query(X, candidates=left)
        live.teach(rows, WORDS[picked])
        asked += picked.tolist()
    assert np.concatenate([*whole.history_["indices"]]).tolist() == asked[:40]


def test_without_seeds_a_class_nobody_has_met_is_looked_for_at_random():
    common = CLOUD < 2
    model = LogisticRegression().fit(X[common], WORDS[common])
    view = ModelView(model, X[common], WORDS[common])
    with pytest.warns(UserWarning, match=r"target is 'rare'.*'common', 'other'.*seeds"):
        picked, info = Find("rare")(view, X, 5, random_state=0)
    assert len(set(picked)) == 5
    assert info == {}


def test_an_initial_strategy_without_seeds_is_refused():
    with pytest.raises(ValueError, match=r"initial must be .*Find.*decision"):
        ActiveLearner(initial=Find("rare")).query(X)


@pytest.mark.parametrize(
    ("parameters", "error", "match"),
    [
        ({"target": ["a", "b"]}, TypeError, "target must be one label"),
        ({"seeds": np.empty((0, 4))}, ValueError, "seeds must hold at least one row"),
    ],
)
def test_bad_parameters_are_refused(model, parameters, error, match):
    with pytest.raises(error, match=match):
        Find(**parameters).check(model, "multiclass")


def test_seeds_of_another_width_are_refused(model):
    with pytest.raises(ValueError, match=r"seeds must have the 4 features.*got 3"):
        Find("new", seeds=X[:2, :3]).score_samples(model, X)


@pytest.mark.long
def test_the_laws_hold_for_a_named_class_and_seeds():
    for strategy in (Find(1), TargetMargin(1)):
        for name, law in strategy_checks(strategy):
            if name != "label_names":  # whose classes are not the one that was named
                law()
