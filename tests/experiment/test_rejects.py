"""An experiment with rows that belong to no class."""

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB

from skal import ActiveLearner
from skal.experiment import Experiment, Results
from skal.experiment._sources import load_data

RNG = np.random.RandomState(0)
Y = RNG.randint(4, size=160)
X = RNG.randn(4, 3)[Y] * 4 + RNG.randn(160, 3)
WORDS = np.array(["ant", "bee", "cat", "other"])[Y]


def tiny(data=(X, WORDS), reject_label="other", **more):
    more = {"n_labels": 30, "n_initial": 20, "batch_size": 5, "seeds": 2, **more}
    strategies = more.pop("strategies", ["in_scope", "random"])
    estimator = more.pop("estimator", GaussianNB())
    return Experiment(estimator, strategies, data, reject_label=reject_label, **more)


@pytest.mark.long
def test_rejected_rows_are_counted_and_no_class(tmp_path):
    results = tiny().run(tmp_path)
    assert not results.failures
    for record in results.records:
        assert record["classes"] == ["ant", "bee", "cat"]
        asked = [np.sum(WORDS[rows] == "other") for rows in record["asked"]]
        assert record["metrics"]["n_rejected"] == np.cumsum(asked).tolist()
        sizes = [len(rows) for rows in record["asked"]]
        counts = np.sum(record["asked_counts"], axis=1)
        assert (counts + asked).tolist() == sizes
        assert np.shape(record["details"]["30"]["confusion"]) == (3, 3)
        assert np.sum(record["details"]["30"]["confusion"]) == record["n_test"]
        assert record["n_test"] < 48  # of which some are of no class
        assert np.isfinite(record["metrics"]["train_nll"]).all()
    assert results.frame["n_rejected"].max() > 0
    assert "n_rejected" not in tiny(reject_label=None).run().frame
    assert "other" in Results.from_dir(tmp_path).report(tmp_path / "r.html").read_text()


@pytest.mark.parametrize("given", [True, False])
def test_no_test_row_is_of_no_class(given):
    data = (X[:110], Y[:110], X[110:], Y[110:]) if given else (X, Y)
    one = load_data(data, reject_label="3")["data"]
    split = one.split(0, 0.3, None)
    assert one.reject == 3
    assert one.classes.tolist() == [0, 1, 2]
    assert set(split.y_test) == {0, 1, 2}
    assert set(split.y_pool) == {0, 1, 2, 3}
    assert len(split.X_test) == len(split.y_test)
    plain = load_data(data)["data"]
    assert plain.fingerprint() != one.fingerprint()


def test_the_label_may_go_by_the_data():
    data = {"open": (X, Y), "closed": (X, Y)}
    found = load_data(data, reject_label={"open": 3})
    assert [one.reject for one in found.values()] == [3, None]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"reject_label": "elk"}, r"reject_label must be one of \['ant', .* got 'elk'"),
        (
            {"data": (X, X[:, 0]), "reject_label": 3},
            "reject_label must be left out for numbers, .* got 3",
        ),
        (
            {"data": (X, WORDS == "other"), "reject_label": True},
            "must hold two classes or more, got \\[False\\]",
        ),
        (
            {
                "estimator": ActiveLearner(GaussianNB(), reject_label="other"),
                "reject_label": None,
            },
            "reject_label must be given to the experiment, .* got 'other'",
        ),
    ],
)
def test_a_label_that_rejects_nothing_is_refused(more, message):
    with pytest.raises(ValueError, match=message):
        tiny(**more).check()


def test_the_oracle_does_not_run_where_rows_may_be_rejected():
    with pytest.raises(ValueError, match="oracle must be False where rows of"):
        tiny(oracle=True).check()
