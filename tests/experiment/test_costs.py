"""Experiments whose labels cost differently: budgets, curves and words in cost."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import Ridge
from sklearn.naive_bayes import GaussianNB

from skal.experiment import Experiment, Results
from skal.experiment._amounts import match_in_words
from skal.experiment._config import experiment_of, loaded_experiment, read_config
from skal.experiment._report_text import headlines, setup_table, told_of
from skal.experiment._sources import load_data

X, Y = load_iris(return_X_y=True)
COSTS = np.random.RandomState(0).uniform(0.5, 4, len(X))


def experiment(costs=COSTS, **params):
    """Return a small experiment on iris."""
    params = {"n_labels": 60, "n_initial": 8, "batch_size": 5, "seeds": 5, **params}
    return Experiment(
        GaussianNB(), ["margin", "random"], {"iris": (X, Y)}, costs=costs, **params
    )


@pytest.fixture(scope="module")
def results():
    return experiment().run()


def test_cost_one_everywhere_is_the_plain_experiment_to_the_bit():
    plain, priced = (experiment(costs, seeds=2).run() for costs in (None, 1))
    for one, other in zip(plain.records, priced.records, strict=True):
        assert other["cost"] == one["n_labels"]
        same = ("asked", "metrics", "n_labels", "n_pool", "n_test")
        assert [one[name] for name in same] == [other[name] for name in same]
    for name, curve in plain.paired("accuracy", "iris", "GaussianNB")[1].items():
        again = priced.paired("accuracy", "iris", "GaussianNB")[1][name]
        np.testing.assert_array_equal(curve, again)


def test_what_was_asked_is_what_was_paid_and_no_budget_is_overspent(results):
    for record in results.records:
        paid = [COSTS[rows].sum() for rows in record["asked"]]
        np.testing.assert_allclose(np.cumsum(paid), record["cost"])
        assert 55 < record["cost"][-1] <= 60
    paid = np.concatenate([record["cost"] for record in results.records])
    assert results.frame["cost"].tolist() == paid.tolist()


def test_a_share_is_one_of_what_the_pool_costs():
    run = experiment(n_labels=0.25, seeds=2).run()
    for record in run.records:
        pool = load_data((X, Y), costs=COSTS)["data"].split(record["seed"], 0.3, None)
        budget = 0.25 * pool.beside["costs"].sum()
        assert budget - 4 < record["cost"][-1] <= budget


def test_curves_and_comparisons_count_in_cost(results):
    grid, scores = results.paired("accuracy", "iris", "GaussianNB")
    ends = [(one["cost"][0], one["cost"][-1]) for one in results.records]
    assert grid[0] == max(first for first, _ in ends)
    assert grid[-1] == min(last for _, last in ends)
    record = results.records[0]
    at = np.searchsorted(grid, record["cost"][2])
    assert grid[at] == record["cost"][2]
    assert scores["margin"][0, at] == record["metrics"]["accuracy"][2]
    summary = results.summary(targets=[0.9])
    assert {"cost_to_match_random", "cost_to_0.9_low"} <= {*summary.columns}
    assert not [name for name in summary.columns if name.startswith("labels_to")]
    assert results.compare()["verdict"].str.contains("cannot tell|better|worse").all()
    assert results.efficiency()["margin"].baseline_labels[-1] == grid[-1]


def test_axes_say_cost(results):
    ax = results.plot_curves()
    assert ax.get_xlabel() == "cost"
    assert results.plot_efficiency().get_xlabel() == "cost of random"


def test_the_report_speaks_of_cost(results, tmp_path):
    page = results.report(tmp_path / "a.html").read_text("utf-8")
    assert "Accuracy against cost" in page
    assert "How many times the cost" in page
    assert "cost to match random" in page
    assert "At which share of costs the row beats" in page
    assert "Intervals of costs come from" in page
    assert "label counts" not in page
    assert results.plot_penalties().get_xlabel().endswith("share of costs")
    said = dict(setup_table(results.definition))
    assert said["labels"].startswith("a cost of 60 in all, 8 labels at the start")
    assert said["costs of iris"].startswith("labels cost 0.5")
    (sentence,) = headlines(results, "accuracy", "random")
    assert "within the budget" in sentence
    told = told_of(load_data({"iris": (X, Y)}, costs=2))
    assert told == [
        "iris: labels cost 2, 300 for all rows. The budget is an amount of cost."
    ]


def test_what_it_costs_to_match_is_said_in_cost():
    def found(*values):
        ends = ("", "_low", "_high")
        return {
            f"cost_to_match_random{end}": value
            for end, value in zip(ends, values, strict=True)
        }

    said = match_in_words(
        found(36.08, 19.73, 145.6), found(57.7, 50, 59), "random", 59.0, "cost"
    )
    assert said == (
        "It reaches random's last score, at a cost of 59, which random had first at "
        "57.7, at 36.1 (19.7-146)."
    )


def test_the_report_shows_the_last_models_though_they_had_other_numbers_of_labels(
    results, tmp_path
):
    """There were no confusion matrices where no two runs ended at one number."""
    assert len({record["n_labels"][-1] for record in results.records}) > 1
    page = results.report(tmp_path / "a.html").read_text("utf-8")
    assert page.count("<h3>At the end</h3>") == 1
    assert page.index("At the end") < page.index("Confusion matrices")


def test_files_hold_the_costs(results, tmp_path):
    results.to_parquet(tmp_path / "a.parquet")
    read = Results.from_parquet(tmp_path / "a.parquet")
    assert read.records == results.records
    again = experiment(seeds=1).run(tmp_path / "run")
    assert Results.from_dir(tmp_path / "run").records == again.records
    with pytest.raises(ValueError, match="directory must be new"):
        experiment(seeds=1, costs=2 * COSTS).run(tmp_path / "run")


def test_only_some_data_may_have_costs():
    both = Experiment(
        GaussianNB(),
        ["margin", "random"],
        {"free": (X, Y), "dear": (X, Y)},
        costs={"dear": COSTS},
        n_labels=40,
        n_initial=8,
        seeds=2,
    ).run()
    assert both.frame.groupby("data")["cost"].count()["free"] == 0
    assert both.plot_curves(data="free").get_xlabel() == "labels"
    assert both.plot_curves(data="dear").get_xlabel() == "cost"
    said = both.summary()
    assert said["labels_to_match_random"].notna().tolist() == [True] * 2 + [False] * 2
    assert len(headlines(both, "accuracy", "random")) == 2


def test_costs_are_numbers_columns_or_functions(tmp_path):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd")).assign(minutes=COSTS)
    frame.assign(target=Y).to_csv(tmp_path / "a.csv", index=False)
    np.savez(tmp_path / "b.npz", X=X, y=Y, minutes=COSTS)
    loaded = [
        load_data((X, Y), costs=COSTS)["data"],
        load_data((X, Y), costs=lambda X: COSTS)["data"],
        load_data((frame, Y), costs="minutes")["data"],
        load_data((frame, Y, frame[:9], Y[:9]), costs="minutes")["data"],
        load_data(tmp_path / "a.csv", costs="minutes")["a"],
        load_data(tmp_path / "b.npz", costs="minutes")["b"],
        load_data({"c": (X, Y)}, costs={"c": COSTS})["c"],
    ]
    for data in loaded:
        np.testing.assert_allclose(data.costs, COSTS)
        assert data.X.shape == X.shape
    assert loaded[3].X_test.shape == (9, 4)
    assert loaded[0].fingerprint() != load_data((X, Y))["data"].fingerprint()


def test_a_column_may_say_both_groups_and_costs():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X).assign(size=np.arange(len(X)) // 3 + 1)
    data = load_data((frame, Y), groups="size", costs="size")["data"]
    assert data.X.shape == X.shape
    assert data.groups.max() == 49
    assert data.costs.max() == 50


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"costs": -1}, "costs must be finite and above 0, got -1.0"),
        ({"costs": COSTS[:3]}, "costs must hold a number for each of 150 rows"),
        ({"costs": "minutes"}, "costs must be the cost of each row of 'iris', which"),
        ({"n_labels": 10**6}, "n_labels must be at most .*, the cost of the pool of"),
        ({"n_initial": 60}, "n_initial must be rows that cost less than 60"),
        ({"n_validation": 5}, "n_validation must be 0 where labels have costs, got 5"),
        ({"oracle": True}, "oracle must be False where labels of 'iris' have costs"),
        ({"costs": None, "n_labels": 2.5}, "n_labels must be a whole number of rows"),
    ],
)
def test_what_costs_do_not_go_with(params, match):
    with pytest.raises(ValueError, match=match):
        experiment(**params).check()


def test_regressors_have_costs_too():
    run = Experiment(
        Ridge(), ["random"], (X, X[:, 0] + 0.01 * Y), costs=COSTS, n_labels=40, seeds=2
    ).run()
    assert run.plot_curves("r2").get_xlabel() == "cost"


def test_a_configuration_names_columns_and_functions(tmp_path):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd")).assign(minutes=COSTS)
    frame.assign(target=Y).to_csv(tmp_path / "a.csv", index=False)
    (tmp_path / "priced_rows.py").write_text(
        "def by_length(X):\n    return 1 + X[:, 0]\n", encoding="utf-8"
    )
    (tmp_path / "a.toml").write_text(
        'data = "a.csv"\ncosts = { import = "priced_rows.by_length" }\n'
        "n_labels = 99.5\nn_initial = 5\nseeds = 1\n",
        encoding="utf-8",
    )
    config = read_config(tmp_path / "a.toml")
    made, _ = loaded_experiment(config)
    np.testing.assert_allclose(made.data["a"].costs, 1 + X[:, 0])
    assert made.check() == 3
    made = experiment_of({**config, "costs": {"a": "minutes"}, "seeds": 1})
    assert made.check() == 2
