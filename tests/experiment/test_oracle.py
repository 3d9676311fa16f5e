"""The oracle: a bound that sees hidden labels, in experiments and nowhere else."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.naive_bayes import GaussianNB

from skal import ActiveLearner
from skal.experiment import Experiment
from skal.experiment._attainable import share_of_gain
from skal.experiment._oracle import Oracle, SeeingOracle
from skal.experiment._report_text import headlines, summary_table
from skal.query import as_strategy

IRIS = load_iris(return_X_y=True)
ORACLE = {"strategies": {"oracle": {"class": "skal.experiment.Oracle"}}}


def small(strategies=("random", "margin"), **more):
    settings = {"n_labels": 20, "n_initial": 5, "batch_size": 5, "seeds": 3}
    settings |= {"initial": "stratified", "metrics": ["accuracy"], "oracle": 8}
    data = (IRIS[0], np.array(["c", "a", "b"])[IRIS[1]])
    return Experiment(GaussianNB(), list(strategies), data, **settings | more)


@pytest.fixture(scope="module")
def results():
    return small().run()


@pytest.mark.long
def test_labels_that_matter_are_found_by_the_oracle_alone(rng):
    """Half of the rows say nothing; only their labels tell which."""
    X = rng.normal(size=(300, 2))
    lies = rng.uniform(size=300) < 0.4
    y = X[:, 0] + np.where(lies, 30 * rng.normal(size=300), 0)
    results = Experiment(
        Ridge(), ["random"], (X[:250], y[:250], X[250:], X[250:, 0]),
        n_labels=20, n_initial=5, batch_size=5, seeds=3, oracle=12, metrics=["rmse"],
    ).run()  # fmt: skip
    area = results.summary().set_index("strategy")["area"]
    assert area["oracle"] < area["random"]


class Watched(SeeingOracle):
    """Keep what an oracle thought of."""

    def _loss(self, view, batch, judges, seed):
        loss = super()._loss(view, batch, judges, seed)
        self.seen.append((batch.positions(), judges.positions(), loss))
        return loss


def watched(y, n_batches, model, names=("margin", "uherding")):
    oracle = Watched({name: as_strategy(name) for name in names}, n_batches, y)
    oracle.seen = []
    learner = ActiveLearner(
        model, oracle, n_initial=10, initial="stratified", n_labels=15, batch_size=5,
        random_state=0,
    ).fit(IRIS[0], y)  # fmt: skip
    return oracle.seen, learner


def test_each_strategy_picks_from_the_whole_pool_and_none_is_better():
    """Half of the rows used to be kept from picking, and one batch might be worse."""
    y = np.array(["c", "a", "b"])[IRIS[1]]
    seen, learner = watched(y, 6, GaussianNB())
    first, picked = learner.history_["indices"]
    assert len(seen) == 6
    for _, judges, _ in seen:  # every row not labelled yet, and no other
        assert sorted(judges) == sorted({*range(150)} - {*first})
    losses = [loss for _, _, loss in seen]
    assert {*picked} == {*seen[np.argmin(losses)][0]}
    margin = ActiveLearner(
        GaussianNB(), "margin", n_initial=10, initial="stratified", n_labels=15,
        batch_size=5, random_state=0,
    ).fit(IRIS[0], y)  # fmt: skip
    assert {*seen[0][0]} == {*margin.history_["indices"][1]}


def test_rows_of_the_best_batch_are_exchanged():
    """Batches of strategies alone were no better than those of the best strategy."""
    seen, learner = watched(IRIS[1], 60, GaussianNB())
    losses = [loss for _, _, loss in seen]
    best = int(np.argmin(losses[:18]))  # three tenths come from strategies
    for number, (batch, _, loss) in enumerate(seen[18:], start=18):
        assert len({*batch} - {*seen[best][0]}) == 1
        assert len({*batch}) == 5
        best = number if loss < losses[best] else best
    assert best >= 18
    assert {*learner.history_["indices"][1]} == {*seen[best][0]}


def test_where_all_rows_are_asked_for_none_is_exchanged():
    oracle = SeeingOracle({"margin": as_strategy("margin")}, 20, IRIS[1][::10])
    learner = ActiveLearner(
        GaussianNB(), oracle, n_initial=10, initial="stratified", n_labels=15,
        batch_size=5, random_state=0,
    ).fit(IRIS[0][::10], IRIS[1][::10])  # fmt: skip
    assert sorted(np.concatenate([*learner.history_["indices"]])) == [*range(15)]


def test_the_loss_is_that_of_the_model_retrained():
    y = np.array(["c", "a", "b"])[IRIS[1]]
    for model in (GaussianNB(), RidgeClassifier()):
        seen, learner = watched(y, 3, model, ("random", "core_set"))
        first = learner.history_["indices"][0]
        for batch, judges, loss in seen:
            rows = [*first, *batch]
            fitted = clone(model).fit(IRIS[0][rows], y[rows])
            if isinstance(model, GaussianNB):
                truth = y[judges][:, None] == np.array(["a", "b", "c"])
                errors = (fitted.predict_proba(IRIS[0][judges]) - truth) ** 2
                assert loss == pytest.approx(errors.sum(axis=1).mean())
            else:
                assert loss == np.mean(fitted.predict(IRIS[0][judges]) != y[judges])


def test_it_begins_like_the_others_and_leaves_them_as_they_were(results):
    plain = small(oracle=False).run()
    keys = [cell["key"] for cell in results.definition["cells"]]
    assert {cell["key"] for cell in plain.definition["cells"]} < {*keys}
    first = {
        strategy: results.asked(strategy=strategy, seed=1)[0].tolist()
        for strategy in results.strategies()
    }
    assert first["oracle"] == first["random"]


@pytest.mark.long
def test_workers_make_no_difference(results):
    again = small(n_jobs=2).run()
    assert again.frame["accuracy"].tolist() == results.frame["accuracy"].tolist()


@pytest.mark.long
def test_a_run_goes_on_with_the_oracle(tmp_path, results):
    small(oracle=False).run(tmp_path)
    more = small().run(tmp_path)
    assert more.records == results.records


def test_it_is_left_out_of_ranks_and_tests(results):
    assert results.strategies() == ["random", "margin", "oracle"]
    assert results.ranks().names.count("oracle") == 0
    assert results.compare()["strategy"].tolist() == ["margin"]
    assert "oracle" not in results.penalties()


def test_the_share_of_the_gain_by_hand():
    scores = {
        "random": np.array([[0.5, 0.5], [0.6, 0.6]]),
        "half": np.array([[0.6, 0.6], [0.7, 0.7]]),
        "oracle": np.array([[0.7, 0.7], [0.8, 0.8]]),
    }
    found = share_of_gain(ORACLE, np.array([1, 2]), scores, "half", "random", 1)
    assert [*found.values()] == pytest.approx([0.5, 0.5, 0.5])
    found = share_of_gain(ORACLE, np.array([1, 2]), scores, "half", "random", -1)
    assert np.isnan([*found.values()]).all()
    del scores["oracle"]
    assert share_of_gain(ORACLE, np.array([1, 2]), scores, "half", "random", 1) == {}


def test_the_report_says_the_share_and_what_the_oracle_is(results):
    *_, margin, about = headlines(results, "accuracy", "random")
    assert "of the attainable gain" in margin
    assert "a bound, no strategy" in about
    columns, rows = summary_table(results, "accuracy", "random")
    assert rows[2][columns.index("share of attainable gain")].startswith("100 %")


def styles_of(ax):
    return {line.get_label(): line.get_linestyle() for line in ax.get_lines()}


def test_it_is_drawn_as_a_dashed_line(results):
    for ax in (results.plot_curves(), results.plot_efficiency()):
        styles = styles_of(ax)
        assert styles["oracle"] == "--"
        assert styles["margin"] == "-"


def test_its_seconds_are_not_drawn(results):
    """They are those of many batches tried, and would squeeze all others."""
    assert {*styles_of(results.plot_time())} == {"random", "margin"}


def test_a_learner_refuses_it_and_says_where_it_runs():
    with pytest.raises(ValueError, match=r"bound that sees hidden labels.*oracle=True"):
        ActiveLearner(query_strategy="oracle").query(IRIS[0])
    with pytest.raises(ValueError, match=r"Experiment\(oracle=True\)"):
        small(strategies=["oracle"], oracle=False).check()
    learner = ActiveLearner(GaussianNB(), Oracle({}, 3)).fit(*IRIS)
    with pytest.raises(TypeError, match=r"hidden labels.*Experiment\(oracle=True\)"):
        learner.query(IRIS[0])


def test_what_it_may_be_is_checked_before_any_work():
    with pytest.raises(ValueError, match="oracle must be"):
        small(oracle=0).check()
    with pytest.raises(ValueError, match="oracle must be at least 2 with 2 strategies"):
        small(oracle=1).check()
    with pytest.raises(TypeError, match="oracle must be"):
        small(oracle="yes").check()
    experiment = small()
    experiment.strategies = {"oracle": "margin"}
    with pytest.raises(ValueError, match="strategies must not be called 'oracle'"):
        experiment.check()
