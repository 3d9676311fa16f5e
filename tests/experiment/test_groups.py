"""Patients with near-copies: groups reach strategies, and chance is not called more."""

from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import SVC

from skal.experiment import Experiment, Results
from skal.experiment._config import loaded_experiment, read_config
from skal.experiment._near_copies import cautions
from skal.experiment._sources import load_data
from skal.query import RandomSampling

N_PATIENTS, N_COPIES = 80, 12
PATIENTS = np.repeat(np.arange(N_PATIENTS), N_COPIES)


def patients(seed=0, n_features=10, noise=0.1):
    """Return near-copies of patients, whose labels were drawn at random."""
    rng = np.random.RandomState(seed)
    X = rng.randn(N_PATIENTS, n_features)[PATIENTS]
    y = rng.randint(0, 2, N_PATIENTS)[PATIENTS]
    return X + noise * rng.randn(*X.shape), y


def experiment(estimator, seed=0, **params):
    """Return an experiment on patients that has nothing to find."""
    params = {"n_labels": 150, "seeds": 20, **params}
    return Experiment(estimator, data=patients(seed), **params)


def small(**params):
    """Return a quick experiment on patients."""
    return experiment(GaussianNB(), n_labels=40, seeds=2, **params)


def test_the_report_warns_where_near_copies_cross_the_split(tmp_path):
    results = small().run(tmp_path / "run")
    assert results.near_copies["data"] > 0.9
    (sentence,) = cautions(results)
    assert sentence.startswith("data: ")
    assert "of the test rows have near-copies in the pool" in sentence
    page = results.report(tmp_path / "a.html").read_text("utf-8")
    assert page.index(sentence.split(":")[1][:40]) < page.index("<table>")
    results.to_parquet(tmp_path / "a.parquet")
    for read in (
        Results.from_dir(tmp_path / "run"),
        Results.from_parquet(tmp_path / "a.parquet"),
    ):
        assert read.near_copies == results.near_copies


def test_no_warning_where_groups_are_told_or_old_results_do_not_say():
    results = small(groups=PATIENTS).run()
    assert results.near_copies == {}
    assert cautions(results) == []
    for record in results.records:
        record.pop("near_copies")
    assert cautions(results) == []


def with_test_rows(shared):
    """Return rows, test rows and the groups of both; ``shared`` ones are in both."""
    X, y = patients()
    test = np.isin(PATIENTS, range(60, N_PATIENTS))
    pool = np.isin(PATIENTS, range(60 + shared))
    return (X[pool], y[pool], X[test], y[test]), (PATIENTS[pool], PATIENTS[test])


def test_test_rows_of_their_own_share_no_group_either(tmp_path):
    pd = pytest.importorskip("pandas")
    (X, y, X_test, y_test), (who, who_test) = with_test_rows(0)
    frames = (
        pd.DataFrame(one).assign(who=of) for one, of in ((X, who), (X_test, who_test))
    )
    arrays = {"X": X, "y": y, "X_test": X_test, "y_test": y_test}
    np.savez(tmp_path / "a.npz", **arrays, who=who, who_test=who_test)
    X_frame, test_frame = frames
    loaded = [
        load_data((X, y, X_test, y_test), groups=(who, who_test))["data"],
        load_data((X_frame, y, test_frame, y_test), groups="who")["data"],
        load_data(tmp_path / "a.npz", groups="who")["a"],
    ]
    for data in loaded:
        np.testing.assert_array_equal(data.groups, who)
        assert (data.X.shape, data.X_test.shape) == (X.shape, X_test.shape)
        split = data.split(0, 0.3, 100)
        np.testing.assert_array_equal(split.beside["groups"], who[split.pool])
        assert len(split.y_test) == len(y_test)


def test_groups_in_pool_and_test_rows_are_refused():
    data, groups = with_test_rows(2)
    with pytest.raises(ValueError, match="got 2 that are, such as 60, 61"):
        load_data(data, groups=groups)
    with pytest.raises(
        ValueError, match="groups must be a pair, of the rows and of th"
    ):
        load_data(data, groups=groups[0])


@pytest.mark.parametrize("as_frame", [True, False])
def test_test_rows_without_the_column_of_groups_are_refused(as_frame):
    """The error spoke of a pair and an ndarray, or arrays had no drop."""
    pd = pytest.importorskip("pandas")
    (X, y, X_test, y_test), (who, _) = with_test_rows(0)
    data = pd.DataFrame(X).assign(who=who), y, X_test, y_test
    if as_frame:
        data = (*data[:2], pd.DataFrame(X_test), y_test)
    with pytest.raises(ValueError, match="a column of the test rows too, got 'who'"):
        load_data(data, groups="who")


NAMES = {
    "numbers and words": [str(one) if one % 2 else one // 2 for one in PATIENTS],
    "tuples": [("patient", one) for one in PATIENTS],
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_groups_are_told_apart_as_a_learner_does(names):
    """1 and "1" were one group, 1 and "a" failed on their order, tuples on shape."""
    X, y = patients()
    loaded = load_data((X, y), groups=names)["data"]
    assert loaded.groups.max() + 1 == N_PATIENTS
    split = load_data((X, y, X[:2], y[:2]), groups=(names, ["new", 1.5]))["data"]
    np.testing.assert_array_equal(split.groups, loaded.groups)


def test_names_that_cannot_be_hashed_are_refused():
    """Sets were sorted by what they hold, and told apart by chance."""
    with pytest.raises(TypeError, match="groups must be names that can be hashed"):
        load_data(patients(), groups=[{one} for one in PATIENTS])


class Looks(RandomSampling):
    """Keeps the groups of the rows that it is shown."""

    seen: ClassVar[list[Any]] = []

    def _query(self, view, rows, n_instances, rng):
        self.seen.append(rows.groups)
        return super()._query(view, rows, n_instances, rng)


def test_groups_of_the_pool_reach_strategies():
    names = np.array([f"p{i}" for i in PATIENTS])
    run = small(strategies=Looks(), groups=names).run()
    assert not run.failures
    assert len(Looks.seen) == 4  # two rounds of two seeds
    assert all(10 < len(np.unique(one)) < N_PATIENTS for one in Looks.seen)


def test_groups_reach_a_search_inside():
    search = GridSearchCV(
        LogisticRegression(), {"C": [0.1, 1.0]}, cv=GroupKFold(2), error_score="raise"
    )
    run = experiment(search, groups=PATIENTS, n_labels=40, seeds=1).run()
    assert run.failures == []


def test_strategies_by_group_and_by_cost_go_by_name(tmp_path):
    pd = pytest.importorskip("pandas")
    X, y = patients()
    frame = pd.DataFrame(X).add_prefix("f").assign(patient=PATIENTS, sick=y)
    frame["minutes"] = 1 + PATIENTS % 3
    frame.to_csv(tmp_path / "a.csv", index=False)
    (tmp_path / "a.toml").write_text(
        'data = "a.csv"\ntarget = "sick"\ngroups = "patient"\ncosts = "minutes"\n'
        "n_labels = 60\nn_initial = 10\nbatch_size = 5\nseeds = 1\n"
        '[strategies]\nrandom = "random"\n'
        'apart = { class = "PerGroup", base = "margin", max_per_group = 1 }\n'
        'cheap = { class = "PerCost", base = "margin" }\n'
        '[strategies.both]\nclass = "PerGroup"\n'
        'base = { class = "PerCost", base = "margin" }\n',
        encoding="utf-8",
    )
    made, _ = loaded_experiment(read_config(tmp_path / "a.toml"))
    run = made.run()
    assert not run.failures
    for name in ("apart", "both"):
        for rows in run.asked(strategy=name, seed=0)[1:]:
            assert len(set(PATIENTS[rows])) == len(rows)
    for record in run.records:
        assert record["cost"][-1] <= 60
    labels = {record["strategy"]: record["n_labels"][-1] for record in run.records}
    assert labels["cheap"] > labels["random"]


@pytest.mark.parametrize("name", ["PerGroup", "PerCost"])
def test_what_a_strategy_reads_must_be_given_before_any_work(name):
    from skal import query

    kind = {"PerGroup": "groups", "PerCost": "costs"}[name]
    asked = Experiment(
        GaussianNB(), getattr(query, name)("margin"), patients(), n_labels=40
    )
    with pytest.raises(ValueError, match=f"{kind} must be given for {name}"):
        asked.check()


def test_no_strategy_is_better_or_worse_where_there_is_nothing_to_learn():
    """Without groups a strategy was called better, or worse, than random."""
    told = experiment(SVC(C=10), groups=PATIENTS, seeds=6).run()
    assert told.compare()["verdict"].tolist() == ["cannot tell"]
    assert cautions(experiment(SVC(C=10), seeds=1).run())


@pytest.mark.long
def test_random_labels_of_patients_are_left_at_chance():
    """With groups nothing is called more than chance, without them the report warns."""
    setting = {
        "estimators": {"svc": SVC(C=10), "logistic": LogisticRegression(C=10)},
        "data": {f"labels {seed}": patients(seed) for seed in range(5)},
        "n_labels": 150,
        "seeds": 20,
    }
    told = Experiment(**setting, groups=PATIENTS).run()
    assert set(told.compare()["verdict"]) == {"cannot tell"}
    assert abs(told.summary()["final"].mean() - 0.5) < 0.03
    assert cautions(told) == []
    blind = Experiment(**setting).run()
    assert len(cautions(blind)) == 5
    assert {"better", "worse"} == {*blind.compare()["verdict"]} - {"cannot tell"}
    assert blind.summary()["final"].mean() > 0.7
