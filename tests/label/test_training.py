"""One refit: what it is given, what it publishes, and what it leaves as it was."""

import numpy as np
import pytest
from PIL import Image
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.semi_supervised import SelfTrainingClassifier

from skal import ActiveLearner
from skal.label import LabelSession
from skal.label._sources import ImageFolder
from skal.label._training import RANKED
from skal.query import CoreSet


@pytest.fixture
def X(rng):
    return rng.normal(size=(120, 2)) + 4 * (np.arange(120) % 3)[:, None]


def open_session(X, learner=None, **options):
    learner = GaussianNB() if learner is None else learner
    options = {"classes": ["a", "b", "c"], "random_state": 0, **options}
    return LabelSession(X, learner=learner, train="elsewhere", **options)


def answer(session, n):
    for item in session.ask(n):
        session.label(item.id, "abc"[int(item.id) % 3])


def test_before_any_label_the_rows_are_ranked_without_a_model(X):
    learner = ActiveLearner(GaussianNB(), initial="typiclust", random_state=0)
    with open_session(X, learner) as session:
        info = session.train()
        assert info["cold"]
        items, scores = session.derived.ranking()
        candidates = session.pool.items[session.snapshot().candidates]
        assert sorted(items) == sorted(candidates)
        assert np.isnan(scores).all()
        assert session.derived.predictions() == {}
        assert session.curve == []
        first = {int(session.pool.id_of(item)) % 3 for item in items[:RANKED].tolist()}
        assert first == {0, 1, 2}
        assert {light.state for light in session.lights} == {"cannot tell"}


def test_labels_of_one_class_are_no_model_yet(X):
    with open_session(X) as session:
        for item in session.ask(4):
            session.label(item.id, "a")
        assert session.train()["cold"]
        asked = set(session.derived.ranking()[0].tolist())
        assert not asked & {event.item for event in session.store.current()}


def test_what_is_published_is_what_the_learner_says(X):
    with open_session(X) as session:
        answer(session, 20)
        session.train()
        shot, learner = session.snapshot(), session.learner
        expected = GaussianNB().fit(X[shot.train], shot.y)
        said = session.derived.predictions()
        assert len(said) == 120
        for i, item in enumerate(session.pool.items.tolist()):
            label, sure = said[item]
            assert label == expected.predict(X[i : i + 1])[0]
            assert sure == pytest.approx(expected.predict_proba(X[i : i + 1]).max())
        size = max(RANKED, 2 * session.due)
        picks, _ = learner.query(X, size, candidates=shot.candidates)
        items, scores = session.derived.ranking()
        assert items[:size].tolist() == session.pool.items[picks].tolist()
        doubt = 1 - np.diff(np.sort(expected.predict_proba(X))[:, -2:])[:, 0]
        np.testing.assert_allclose(scores, doubt[session.pool.positions(items)] - 1)
        rest = scores[size:]
        assert (np.diff(rest) <= 0).all()
        [asked] = session.ask()
        assert (asked.rank, asked.score) == (0, scores[0])
        session.label(asked.id, "a")
        assert session.labels.set_index("id").score[asked.id] == scores[0]
        assert sorted(items) == sorted(session.pool.items[shot.candidates])
        point = session.curve[-1]
        right = expected.predict(X[shot.audit]) == shot.y_audit
        assert point["accuracy"] == right.mean()
        assert (point["n_audit"], point["n_labels"]) == (2, 18)


def test_a_named_strategy_has_its_own_scores(X):
    with open_session(X, ActiveLearner(GaussianNB(), "entropy")) as session:
        answer(session, 20)
        session.train()
        items, scores = session.derived.ranking()
        expected = session.learner.score_pool(X)[session.pool.positions(items)]
        np.testing.assert_array_equal(scores, expected)


def test_rows_that_do_not_embed_are_asked_for_all_the_same(X):
    """The default asks by margin there."""
    gaps = np.where(np.arange(240).reshape(120, 2) % 7 == 0, np.nan, X)
    forest = HistGradientBoostingClassifier(max_iter=5)
    with open_session(gaps, forest) as session:
        answer(session, 40)
        session.train()
        items, scores = session.derived.ranking()
        candidates = session.snapshot().candidates
        assert sorted(items) == sorted(session.pool.items[candidates])
        assert (np.diff(scores) <= 0).all()


def test_a_strategy_that_only_picks_ranks_the_rest_at_random(X):
    learner = ActiveLearner(GaussianNB(), CoreSet())
    with open_session(X, learner) as session:
        answer(session, 20)
        session.train()
        items, scores = session.derived.ranking()
        assert np.isnan(scores).all()
        candidates = session.snapshot().candidates
        assert sorted(items) == sorted(session.pool.items[candidates])


def test_labels_stay_whole_numbers_for_the_learner(X):
    with open_session(X, classes=[0, 1, 2]) as session:
        for item in session.ask(20):
            session.label(item.id, int(item.id) % 3)
        session.train()
        assert session.learner.classes_.tolist() == [0, 1, 2]
        assert {label for label, _ in session.derived.predictions().values()} == set(
            "012"
        )


def test_a_class_that_is_added_is_learnt_also_where_the_learner_knows_its_classes(X):
    learner = ActiveLearner(GaussianNB(), classes=["a", "b"])
    with open_session(X, learner, classes=["a", "b"]) as session:
        ids = iter(map(str, range(120)))
        for id in (next(ids) for _ in range(12)):
            session.label(id, "ab"[int(id) % 2])
        session.train()
        session.add_class("c")
        for id in (next(ids) for _ in range(6)):
            session.label(id, "c")
        session.train()
        assert session.learner.classes_.tolist() == ["a", "b", "c"]


def test_the_same_labels_give_the_same_model_and_ranking(X):
    found = []
    for _ in range(2):
        learner = ActiveLearner(LogisticRegression(), random_state=3)
        with open_session(X, learner) as session:
            answer(session, 20)
            session.train()
            found.append((session.derived.ranking(), session.derived.predictions()))
    (one, first), (other, second) = found
    np.testing.assert_array_equal(one, other)
    assert first == second


def test_confidence_is_set_right_by_the_audit(X):
    """A model that is always sure, and right on a third of the rows."""
    sure = DummyClassifier(strategy="most_frequent")
    with open_session(X, sure, audit=0.5) as session:
        answer(session, 80)
        info = session.train()
        assert info["temperature"] > 5
        confidence = [sure for _, sure in session.derived.predictions().values()]
        assert max(confidence) < 0.9
        assert session.lights[2].state == "go on"


def test_successive_models_are_compared(X):
    with open_session(X) as session:
        for n in (20, 10, 10, 10):
            answer(session, n)
            session.train()
        kappas = [one["info"]["kappa"] for one in session.derived.models()]
        assert kappas[-1] is None
        assert all(0.8 < kappa <= 1 for kappa in kappas[:-1])
        assert session.lights[1].state != "cannot tell"


def test_rows_that_left_the_pool_are_neither_ranked_nor_said(X):
    with open_session(X) as session:
        answer(session, 20)
        gone = session.ask(2)
        session.remove_rows([item.id for item in gone])
        session.train()
        items = {item.item for item in gone}
        assert not items & set(session.derived.ranking()[0].tolist())
        assert not items & session.derived.predictions().keys()


def test_a_pool_that_is_all_labelled(X):
    with open_session(X) as session:
        session.label_many({str(i): "abc"[i % 3] for i in range(120)})
        session.train()
        assert len(session.derived.ranking()[0]) == 0
        assert session.derived.status["phase"] == "idle"


def strange(session, n):
    """Answer; a third of the rows is neither a nor b."""
    for item in session.ask(n):
        session.label(item.id, ["a", "b", "none of these"][int(item.id) % 3])


@pytest.mark.parametrize("of_learner", [False, True])
def test_none_of_these_is_counted_and_no_class(X, of_learner):
    reject = {"reject_label": "none of these"}
    learner = ActiveLearner(
        GaussianNB(), "in_scope", **(reject if of_learner else {}), random_state=0
    )
    with open_session(
        X, learner, classes=["a", "b"], audit=0.3, **({} if of_learner else reject)
    ) as session:
        assert session.classes == ["a", "b", "none of these"]
        strange(session, 60)
        info, shot = session.train(), session.snapshot()
        n_rejected = np.sum(shot.y == "none of these")
        assert n_rejected > 5
        assert info["n_rejected"] == learner.history_["n_rejected"][-1] == n_rejected
        assert learner.classes_.tolist() == ["a", "b"]
        assert learner.history_["n_labels"][-1] == len(shot.train)
        said = session.derived.predictions().values()
        assert {label for label, _ in said} == {"a", "b"}
        candidates = session.pool.items[shot.candidates]
        assert sorted(session.derived.ranking()[0]) == sorted(candidates)
        # A model that knows no such class is not wrong where it does not say it.
        assert "none of these" not in shot.y_audit
        assert session.curve[-1]["n_audit"] == len(shot.audit) < 18
        assert session.curve[-1]["accuracy"] > 0.9
        assert session.n_labels == 60


def test_one_class_and_rejects_are_no_model_yet(X):
    with open_session(X, classes=["a"], reject_label="none", audit=0) as session:
        session.label_many({"0": "a", "3": "a", "1": "none", "2": "none"})
        assert session.train()["cold"]
        session.add_class("b")
        session.label("4", "b")
        assert session.train()["n_rejected"] == 2
        assert session.learner.classes_.tolist() == ["a", "b"]


def test_a_discarded_row_is_no_reject(X):
    with open_session(X, reject_label="none", audit=0) as session:
        session.label_many({str(i): "abc"[i % 3] for i in range(9)})
        session.discard("9")
        session.label("10", "none")
        assert session.train()["n_rejected"] == 1
        assert len(session.learner.y_training_) == 10


def test_a_class_that_is_added_beside_rejects(X):
    """The learner's classes follow the session's, but for the one that is none."""
    learner = ActiveLearner(GaussianNB(), classes=[0, 1], reject_label=-2)
    with open_session(X, learner, classes=[0, 1], audit=0) as session:
        session.label_many({str(i): [0, 1, -2][i % 3] for i in range(12)})
        session.train()
        session.add_class(2)
        session.label_many(["2", "5"], 2)
        session.train()
        assert session.learner.classes_.tolist() == [0, 1, 2]
        assert session.learner.history_["n_rejected"][-1] == 2


def test_a_project_keeps_what_none_of_these_is(X, tmp_path):
    project = tmp_path / "box.skal"
    options = {"classes": ["a", "b"], "project": project}
    with open_session(X, reject_label="none", **options) as session:
        session.label("0", "none")
    with LabelSession.open(project, X=X, learner=GaussianNB()) as session:
        assert session.classes == ["a", "b", "none"]
        assert session.learner.reject_label == "none"
        assert session.snapshot().is_rejected.tolist() == [True]


@pytest.mark.parametrize(
    ("classes", "reject", "error"),
    [
        (["a", "b"], -2, "reject_label must be a word, or a whole number .*, got -2"),
        ([0, 1], "no", "reject_label must be a word, or a whole number .*, got 'no'"),
        ([0, 1], 2.5, "reject_label must be a word, or a whole number .*, got 2.5"),
        ([0, 1], -1, "reject_label must not be -1, which marks rows without a label"),
        ([0, 1], True, "reject_label must be a word, or a whole number .*, got True"),
    ],
)
def test_a_reject_label_is_of_the_kind_of_the_classes(X, classes, reject, error):
    with pytest.raises(ValueError, match=error):
        open_session(X, classes=classes, reject_label=reject)


def test_session_and_learner_agree_on_the_reject_label(X, tmp_path):
    learner = ActiveLearner(GaussianNB(), reject_label="none")
    with pytest.raises(ValueError, match=r"must be 'none' as in the learner, got 'no'"):
        open_session(X, learner, reject_label="no")
    project = tmp_path / "box.skal"
    open_session(X, project=project, reject_label="no").close()
    with pytest.raises(ValueError, match=r"must be 'none' as in the learner, got 'no'"):
        LabelSession.open(project, X=X, learner=learner)


def test_rows_without_a_label_go_along_where_they_are_wanted(X):
    own = SelfTrainingClassifier(GaussianNB())
    with open_session(X, ActiveLearner(own, use_unlabeled=True)) as session:
        answer(session, 20)
        session.train()
        assert session.learner.estimator_.n_features_in_ == 2
        n_taken = (session.learner.estimator_.labeled_iter_ > 0).sum()
        assert n_taken > 50  # labels that it gave itself


def test_features_of_images_come_with_their_progress(tmp_path, monkeypatch):
    for i in range(4):
        Image.new("RGB", (8, 8), (60 * i, 0, 0)).save(tmp_path / f"{i}.png")
    source = ImageFolder(tmp_path)
    with LabelSession(source, classes=["a", "b"], train="elsewhere") as session:
        with pytest.raises(ValueError, match="like must wait until the images"):
            session.search(like="0.png")
        told = []
        write = session.derived.set_status
        monkeypatch.setattr(
            session.derived,
            "set_status",
            lambda **one: told.append(one) or write(**one),
        )
        session.train()
        phases = [(one["phase"], one.get("done")) for one in told if "phase" in one]
        assert phases == [
            ("features", 0),
            ("features", 4),
            ("training", None),
            ("idle", None),
        ]
        assert "done" not in session.derived.status
        assert len(session.search(like="0.png", n=2)) == 2
