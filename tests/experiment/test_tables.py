"""Tables in files: which column is what, and what is made of words, gaps and groups."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    f1_score,
    get_scorer,
    recall_score,
    roc_auc_score,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC

from skal.experiment import Experiment, Results
from skal.experiment._group_split import split_by_group
from skal.experiment._positive_class import scored_for
from skal.experiment._report_text import (
    setup_table,
    short_name,
    summary_table,
    told_of,
)
from skal.experiment._sources import load_data
from skal.experiment._table_pipeline import on_columns

pd = pytest.importorskip("pandas")

N = 60
Y = np.where(np.arange(N) % 3 == 0, "yes", "no")


@pytest.fixture
def mixed(tmp_path, rng):
    """Write a table of words, gaps and texts; return its path."""
    gaps = np.arange(N) % 10 == 0
    words = np.array(["to", "be", "or", "not", "that", "is", "the", "question"])
    frame = pd.DataFrame(
        {
            "age": np.where(gaps, np.nan, rng.normal(size=N)),
            "job": np.where(gaps, None, rng.choice(["cook", "smith"], N)),
            "ticket": [f"T-{i}" for i in range(N)],
            "note": [" ".join(rng.choice(words, 6)) for _ in range(N)],
            "member": rng.random(N) < 0.5,
            "patient": np.repeat(np.arange(N // 5), 5),
            "bought": Y,
        }
    )
    frame.to_csv(tmp_path / "mixed.csv", index=False)
    return tmp_path / "mixed.csv"


def tiny(data, estimators=None, **more):
    more = {"n_labels": 20, "n_initial": 15, "batch_size": 5, "seeds": 1, **more}
    return Experiment(estimators, more.pop("strategies", ["random"]), data, **more)


def test_a_table_of_words_gaps_and_texts_is_served(mixed):
    """Anything but numbers was refused."""
    experiment = tiny(
        mixed,
        ["logistic"],
        strategies=["core_set"],
        target="bought",
        groups="patient",
    )
    results = experiment.run()
    assert not results.failures, results.failures
    about = results.definition["data"]["mixed"]
    assert about["columns"] == {
        "numbers": ["age", "member"],
        "categories": ["job"],
        "texts": ["note"],
        "left out": ["ticket"],
    }
    assert about["groups"] == N // 5
    assert about["estimators"]["logistic"]["class"] == "sklearn.pipeline.Pipeline"
    said = dict(setup_table(results.definition))
    assert said["groups of mixed"] == "12, none of them split"
    told = " ".join(told_of(load_data(mixed, target="bought", groups="patient")))
    assert "1 of texts (note): words hashed into 4096 columns." in told
    assert "1 left out (ticket): they differ from row to row." in told


def test_columns_become_numbers_as_the_report_says():
    frame = pd.DataFrame(
        {
            "n": [1.0, np.nan, 3.0],
            "kind": pd.Categorical(["a", "b", None]),
            "text": ["one two", "", "two two"],
        }
    )
    made = on_columns(DummyClassifier())[0].fit_transform(frame)
    assert made.shape == (3, 1 + 3 + 4096)
    made = made.toarray()
    np.testing.assert_allclose(made[:, 0], np.array([-1, 0, 1]) * 1.5**0.5)
    assert made[:, 1:4].tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert (made[:, 4:] != 0).sum(axis=1).tolist() == [2, 0, 1]


def test_a_pipeline_of_ones_own_gets_the_table_as_it_is(mixed):
    seen = []

    def look(frame):
        seen.append(list(frame.columns))
        return frame[["age", "member"]].fillna(0).to_numpy()

    own = make_pipeline(FunctionTransformer(look), GaussianNB())
    results = tiny(mixed, {"own": own, "bare": GaussianNB()}, target="bought").run()
    assert seen[0] == ["age", "job", "note", "member", "patient"]
    assert set(results.definition["data"]["mixed"]["estimators"]) == {"bare"}


def test_question_marks_and_dates_are_gaps_and_numbers(tmp_path):
    days = pd.date_range("2020-01-01", periods=N).where(np.arange(N) != 3)
    pd.DataFrame({"day": days, "y": Y}).to_parquet(tmp_path / "a.parquet")
    day = load_data(tmp_path / "a.parquet")["a"].X["day"]
    assert day.isna().sum() == 1
    assert day.diff()[1] == 1
    pd.DataFrame({"a": ["?", *range(1, N)], "y": Y}).to_csv(tmp_path / "a.csv")
    assert load_data(tmp_path / "a.csv")["a"].columns == {
        "numbers": ["Unnamed: 0", "a"]
    }


def test_a_word_that_gives_the_label_away_is_refused(tmp_path):
    table = pd.DataFrame({"a": np.arange(N) % 7, "was": np.char.upper(Y), "y": Y})
    table.to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(ValueError, match="'was': each of its values has one label"):
        tiny(tmp_path / "a.csv").check()


def test_the_content_of_a_table_is_its_fingerprint(mixed):
    first, again = (load_data(mixed, target="bought")["mixed"] for _ in range(2))
    assert first.fingerprint() == again.fingerprint()
    grouped = load_data(mixed, target="bought", groups="patient")["mixed"]
    assert grouped.fingerprint() != first.fingerprint()


# Groups --------------------------------------------------------------------------


def test_no_split_shares_a_group_and_classes_keep_their_share(rng):
    groups = rng.randint(0, 80, 2000)
    codes = (rng.random(2000) < np.where(groups < 8, 0.6, 0.02)).astype(int)
    tests = []
    for seed in range(5):
        pool, test = split_by_group(groups, codes, 0.3, np.random.RandomState(seed))
        assert not set(groups[pool]) & set(groups[test])
        assert sorted([*pool, *test]) == list(range(2000))
        assert len(test) == pytest.approx(600, abs=30)
        assert codes[test].sum() == pytest.approx(0.3 * codes.sum(), abs=15)
        tests.append(tuple(test))
    assert len(set(tests)) == 5
    by_count = split_by_group(groups, codes, 600, np.random.RandomState(0))[1]
    assert tuple(by_count) == tests[0]


def test_a_rare_class_of_one_group_stays_in_the_pool():
    groups = np.arange(1000) // 10
    codes = (groups == 7).astype(int)
    for seed in range(20):
        pool, _ = split_by_group(groups, codes, 0.3, np.random.RandomState(seed))
        assert codes[pool].sum() == 10


def test_two_groups_are_one_each():
    groups = np.array([0] * 9 + [1])
    pool, test = split_by_group(groups, 0 * groups, 0.3, np.random.RandomState(0))
    assert (len(pool), test.tolist()) == (9, [9])
    half = np.repeat([0, 1], 5)
    pool, test = split_by_group(half, 0 * half, 0.9, np.random.RandomState(0))
    assert (len(pool), len(test)) == (5, 5)


def test_groups_may_be_an_array_a_column_or_an_array_of_an_npz(tmp_path):
    X, y = load_iris(return_X_y=True)
    names = np.array([f"g{i}" for i in np.arange(150) // 5])
    np.savez(tmp_path / "a.npz", X=X, labels=y, who=names)
    frame = pd.DataFrame(X).assign(who=names)
    found = [
        load_data((X, y), groups=names)["data"],
        load_data((frame, y), groups="who")["data"],
        load_data({"b": (X, y)}, groups={"b": names})["b"],
        load_data(tmp_path / "a.npz", groups="who", target="labels")["a"],
    ]
    for data in found:
        assert np.shape(data.X) == (150, 4)
        assert data.groups.max() == 29
        pool, test = data.positions(0, 0.3, None)
        assert not set(data.groups[pool]) & set(data.groups[test])


@pytest.mark.parametrize(
    ("more", "match"),
    [
        (
            {"groups": np.zeros(3)},
            r"groups must name a group for each of 60 rows of 'data', got shape \(3,",
        ),
        ({"groups": [np.nan] * N}, "for each of 60 rows of 'data', got 60 missing"),
        ({"groups": [1] * N}, "groups must be two or more, got one"),
        ({"groups": "who"}, "groups must be the group of each row .* got 'who'"),
        ({"target": "y"}, "target must be left out for 'data', which is no file"),
        (
            {"target": {"x": "y"}},
            "target must go by the names of data, 'data', got 'x'",
        ),
        (
            {"pos_label": "maybe"},
            "pos_label must be one of two classes, .* got 'maybe'",
        ),
    ],
)
def test_what_does_not_go_with_the_data_is_refused(more, match):
    with pytest.raises(ValueError, match=match):
        tiny((np.arange(2.0 * N).reshape(N, 2), Y), **more).check()


def test_a_positive_class_of_many_or_of_numbers_is_refused():
    with pytest.raises(ValueError, match="which has 3 classes and not two, got 1"):
        load_data(load_iris(return_X_y=True), pos_label=1)
    with pytest.raises(ValueError, match="pos_label must be left out for numbers"):
        load_data((np.eye(3), [0.5, 1.5, 2.5]), pos_label=1)


# Positive class ------------------------------------------------------------------


@pytest.mark.parametrize("positive", ["yes", "no"])
def test_scorers_look_for_the_class_that_is_named(rng, positive):
    X = rng.normal(size=(N, 2)) + (Y == "yes")[:, None]
    model = LogisticRegression().fit(X, Y)
    said, proba = model.predict(X), model.predict_proba(X)
    chance = proba[:, list(model.classes_).index(positive)]
    expected = {
        "recall": recall_score(Y, said, pos_label=positive),
        "f1": f1_score(Y, said, pos_label=positive),
        "average_precision": average_precision_score(Y, chance, pos_label=positive),
        "neg_brier_score": -brier_score_loss(Y, chance, pos_label=positive),
        "roc_auc": roc_auc_score(Y, proba[:, 1]),
        "f1_macro": f1_score(Y, said, average="macro"),
    }
    for name, value in expected.items():
        score = scored_for(get_scorer(name), positive)(model, X, Y)
        assert score == pytest.approx(value), name
    svm = LinearSVC(random_state=0).fit(X, Y)
    score = scored_for(get_scorer("average_precision"), positive)(svm, X, Y)
    side = svm.decision_function(X) * (1 if positive == "yes" else -1)
    assert score == pytest.approx(average_precision_score(positive == Y, side))


def test_the_named_class_is_measured_unasked(rng):
    """Recall of words failed: pos_label=1 is not a valid label."""
    X = rng.normal(size=(N, 2)) + (Y == "yes")[:, None]
    results = tiny((X, Y), GaussianNB(), pos_label="yes").run()
    assert {"accuracy", "recall", "f1"} <= set(results.metrics())
    confusion = results.records[0]["details"]["20"]["confusion"][1]
    assert results.frame["recall"].iloc[-1] == confusion[1] / sum(confusion)
    assert dict(setup_table(results.definition))["class looked for in data"] == "yes"
    assert load_data((X, (Y == "yes") * 1), pos_label="0")["data"].positive == 0


# Numbers -------------------------------------------------------------------------


def test_numbers_are_recognised_and_said(tmp_path, rng):
    X = rng.normal(size=(N, 3))
    y = np.round(90 * X[:, 0] + rng.normal(size=N)).astype(int)
    pd.DataFrame(X).assign(y=y).to_csv(tmp_path / "a.csv", index=False)
    results = tiny(tmp_path / "a.csv").run()
    assert list(results.definition["estimators"]) == ["ridge"]
    assert results.frame["r2"].iloc[-1] > 0.9
    assert dict(setup_table(results.definition))["labels of a"] == (
        "numbers: a regression"
    )
    told = told_of(load_data(tmp_path / "a.csv"))
    assert told == [f"a: the labels are numbers, {y.min()} to {y.max()}: a regression."]
    plan = tiny(tmp_path / "a.csv", ["forest", "ridge"])._plan()
    built = plan._built()
    kinds = [built["a", n, "random"].estimator[-1] for n in ("forest", "ridge")]
    assert list(map(type, kinds)) == [RandomForestRegressor, Ridge]


def test_many_classes_in_a_file_stay_classes(tmp_path):
    y = np.arange(150) // 5
    np.savez(tmp_path / "a.npz", X=np.eye(150), y=y)
    assert load_data(tmp_path / "a.npz")["a"].is_classes


def test_a_small_pool_holds_both_classes(rng):
    """Where the class is rare, the pools of most seeds held one."""
    X, y = rng.normal(size=(400, 2)), np.arange(400) < 8
    data = load_data((X, y))["data"]
    for seed in range(10):
        pool, _ = data.positions(seed, 0.3, 20)
        assert len(set(pool)) == 20
        assert 1 <= y[pool].sum() <= 4


def test_objects_in_an_npz_are_refused_by_name(tmp_path):
    """It was said that allow_pickle is False, which nobody had asked for."""
    np.savez(tmp_path / "a.npz", X=np.eye(2), y=np.array(["a", "b"], dtype=object))
    with pytest.raises(ValueError, match=r"'y' holds Python objects.*y=y\.astype\(str"):
        tiny(tmp_path / "a.npz").check()


def test_a_definition_without_any_of_it_is_as_it_was():
    """Keys are hashes of the definition: results of before are found again."""
    definition = tiny(load_iris(return_X_y=True))._plan().definition()
    assert set(definition["data"]["data"]) == {"classes", "fingerprint", "n_pool"}
    assert Results([], definition).settings() == []


def test_a_pipeline_that_nobody_named_goes_by_its_steps():
    """Tables showed its repr, over three lines; results still go by it."""
    pipeline = make_pipeline(StandardScaler(), make_pipeline(PCA(2), GaussianNB()))
    results = tiny(load_iris(return_X_y=True), [pipeline, GaussianNB()]).run()
    assert "StandardScaler, PCA(n_components=2), GaussianNB" in [
        row[0] for row in summary_table(results, "accuracy", "random")[1]
    ]
    said = dict(setup_table(results.definition))["estimators"]
    assert said == "StandardScaler, PCA(n_components=2), GaussianNB; GaussianNB"
    assert results.settings()[0][1].startswith("Pipeline(steps=[('standardscaler'")
    for name in ("logistic", "SVC(C=3)", "Pipeline(steps=[('a', ...", "a b", "f()()"):
        assert short_name(name) == name
