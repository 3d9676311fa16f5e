"""Callbacks: the monitor, the bar, and what a learner tells them."""

import io
import pickle

import numpy as np
import pytest
import rich
from joblib import parallel_config
from rich.live import Live
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer, recall_score
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearner
from skal.callback import HeldOutMonitor
from skal.callback._progress import RoundBar, bar_is_shown


def learner(**params):
    defaults = {"n_labels": 40, "n_initial": 10, "batch_size": 10, "random_state": 0}
    defaults["query_strategy"] = "margin"
    return ActiveLearner(GaussianNB(), **{**defaults, **params})


def column(monitor, name):
    return [row[name] for row in monitor.get_logs().data]


# ---- HeldOutMonitor


def test_monitor_scores_the_held_out_rows_each_round(blobs):
    X, y = blobs
    monitor = HeldOutMonitor(X[200:], y[200:])
    fitted = learner(store_estimators=True).set_callbacks(monitor).fit(X[:200], y[:200])
    assert column(monitor, "n_labels") == [10, 20, 30, 40]
    staged = list(fitted.staged_score(X[200:], y[200:]))
    np.testing.assert_allclose(column(monitor, "score"), staged)


@pytest.mark.parametrize(
    ("scoring", "names"),
    [
        (None, {"score"}),
        ("neg_log_loss", {"neg_log_loss"}),
        (make_scorer(recall_score, average="macro"), {"score"}),
        (lambda estimator, X, y: {"half": 0.5}, {"half"}),
        (["accuracy", "neg_log_loss"], {"accuracy", "neg_log_loss"}),
        ({"mine": make_scorer(recall_score, average="macro")}, {"mine"}),
    ],
)
def test_monitor_takes_scoring_as_searches_do(blobs, scoring, names):
    X, y = blobs
    monitor = HeldOutMonitor(X[200:], y[200:], scoring=scoring)
    learner().set_callbacks(monitor).fit(X[:200], y[:200])
    for row in monitor.get_logs().data:
        assert names < set(row)
        assert all(np.isfinite(row[name]) for name in names)


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_monitor_logs_the_same_at_any_n_jobs(blobs, backend):
    X, y = blobs
    logs = []
    for n_jobs in (1, 2):
        monitor = HeldOutMonitor(X[200:], y[200:])
        search = GridSearchCV(
            learner().set_callbacks(monitor),
            {"query_strategy": ["margin", "random"]},
            cv=2,
            n_jobs=n_jobs,
        )
        with parallel_config(backend):
            search.fit(X[:200], y[:200])
        logs.append(monitor.get_logs().data)
    assert len(logs[0]) == (2 * 2 + 1) * 4
    assert logs[0] == logs[1]


def test_monitor_scores_one_fit_without_a_budget(blobs):
    X, y = blobs
    monitor = HeldOutMonitor(X[200:], y[200:])
    learner(n_labels=None).set_callbacks(monitor).fit(X[:200], y[:200])
    assert column(monitor, "n_labels") == [200]


def test_monitor_serves_other_estimators(blobs):
    X, y = blobs
    monitor = HeldOutMonitor(X[200:], y[200:])
    model = LogisticRegression().set_callbacks(monitor).fit(X[:200], y[:200])
    assert column(monitor, "score")[-1] == model.score(X[200:], y[200:])
    assert "n_labels" not in monitor.get_logs().data[-1]


def test_monitor_survives_pickling_with_its_learner(blobs):
    X, y = blobs
    monitor = HeldOutMonitor(X[200:], y[200:])
    watched = learner().set_callbacks(monitor).fit(X[:200], y[:200])
    pickle.loads(pickle.dumps(watched)).fit(X[:200], y[:200])
    assert len(monitor.get_logs(select="all")) == 1


def test_monitor_refuses_labels_that_do_not_fit(blobs):
    X, y = blobs
    with pytest.raises(ValueError, match="y_test must hold one label for each of the"):
        HeldOutMonitor(X, y[:-1])
    with pytest.raises(ValueError, match="X_test must hold at least one row, got 0"):
        HeldOutMonitor(X[:0], y[:0])
    with pytest.raises(ValueError, match="groups must name a group for each of"):
        HeldOutMonitor(X, y, groups=y[:-1])


def test_monitor_refuses_groups_that_leak_before_any_work(blobs):
    X, y = blobs
    groups = [f"patient {i // 5}" for i in range(len(X))]
    monitor = HeldOutMonitor(X[202:], y[202:], groups=groups[202:])
    watched = learner().set_callbacks(monitor)
    with pytest.raises(ValueError, match=r"got 1 that are, such as 'patient 40'"):
        watched.fit(X[:202], y[:202], groups=groups[:202])
    assert not hasattr(watched, "history_")
    with pytest.raises(ValueError, match="groups must be given to fit as well"):
        watched.fit(X[:202], y[:202])
    assert not hasattr(watched, "history_")
    watched.fit(X[:200], y[:200], groups=groups[:200])
    assert column(monitor, "n_labels") == [10, 20, 30, 40]


def test_monitor_with_groups_wants_a_learner_that_knows_them(blobs):
    X, y = blobs
    monitor = HeldOutMonitor(X[200:], y[200:], groups=np.arange(len(X) - 200))
    with pytest.raises(ValueError, match="groups must be given to fit as well"):
        LogisticRegression().set_callbacks(monitor).fit(X[:200], y[:200])


def test_monitor_says_what_labels_have_cost(blobs):
    X, y = blobs
    monitor = HeldOutMonitor(X[200:], y[200:])
    costs = np.linspace(1, 2, 200)
    fitted = learner().set_callbacks(monitor).fit(X[:200], y[:200], costs=costs)
    assert column(monitor, "cost") == fitted.history_["cost"].tolist()


# ---- the bar of verbose=1


class StopAfterRound1:
    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        return context.task_name == "round" and context.task_id == 1

    def teardown(self, estimator, context):
        pass


@pytest.fixture
def console(monkeypatch):
    """Make rich write to memory; ``kind`` is passed on to rich's Console."""
    monkeypatch.setenv("TERM", "xterm")

    def as_(**kind):
        file = io.StringIO()
        rich.reconfigure(file=file, width=120, **kind)
        return file

    yield as_
    rich.reconfigure()


def test_verbose_shows_a_bar_in_a_terminal(blobs, console):
    screen = console(force_terminal=True)
    learner(verbose=1).fit(*blobs)
    assert "40 labels, round 3/3" in screen.getvalue()
    assert "margin" in screen.getvalue()
    assert "━" in screen.getvalue()


def test_verbose_writes_one_line_to_a_file(blobs, console):
    file = console(force_terminal=False)
    learner(verbose=1).fit(*blobs)
    assert file.getvalue().startswith("margin: 40 labels, round 3/3, ")
    assert file.getvalue().count("\n") == 1


def test_verbose_writes_one_line_where_the_terminal_is_dumb(
    blobs, console, monkeypatch
):
    monkeypatch.setenv("TERM", "dumb")
    screen = console(force_terminal=True)
    learner(verbose=1).fit(*blobs)
    assert "margin: 40 labels, round 3/3, " in screen.getvalue()


def test_quiet_by_default(blobs, console):
    screen = console(force_terminal=True)
    learner().fit(*blobs)
    assert screen.getvalue() == ""


def test_bar_shows_a_loop_that_stopped_early_as_done(blobs, console):
    screen = console(force_terminal=True)
    learner(n_labels=100, verbose=1).set_callbacks(StopAfterRound1()).fit(*blobs)
    last = screen.getvalue().rsplit("margin", 1)[1]
    assert "20 labels, round 1/9" in last
    assert "-:--:--" not in last


def test_failing_fit_gives_the_screen_back(blobs, console):
    def breaks(learner, X, n_instances=1):
        raise RuntimeError("the oracle went home")

    screen = console(force_terminal=True)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="went home"):
            learner(query_strategy=breaks, verbose=1).fit(*blobs)
    assert "breaks: " not in screen.getvalue()  # a line would mean: no live bar
    learner(verbose=1).fit(*blobs)
    assert "margin: " not in screen.getvalue()
    assert "40 labels, round 3/3" in screen.getvalue()


def test_second_fit_at_the_same_time_prints_a_line(blobs, console):
    def asks_inside(outer, X, n_instances=1):
        learner(verbose=1).fit(*blobs)
        return np.arange(n_instances)

    screen = console(force_terminal=True)
    learner(query_strategy=asks_inside, verbose=1).fit(*blobs)
    assert screen.getvalue().count("margin: 40 labels, round 3/3") == 3
    assert "asks_inside \x1b" in screen.getvalue()


def test_bar_leaves_the_screen_to_another_live_display(blobs, console):
    screen = console(force_terminal=True)
    with Live("a display of the user", console=rich.get_console()):
        learner(verbose=1).fit(*blobs)
    assert "margin: 40 labels, round 3/3" in screen.getvalue()


def test_bar_in_a_notebook_is_one_output_updated(blobs, console, monkeypatch):
    display = pytest.importorskip("IPython.display")
    shown, updates = [], []

    class Handle:
        def update(self, bar):
            updates.append(bar._repr_mimebundle_([], [])["text/plain"])

    def fake(bar, *, display_id):
        shown.append(bar)
        return Handle()

    monkeypatch.setattr(display, "display", fake)
    console(force_jupyter=True)
    learner(verbose=1).fit(*blobs)
    assert len(shown) == 1
    assert "40 labels, round 3/3" in updates[-1]


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_verbose_breaks_no_search(blobs, console, n_jobs, backend):
    screen = console(force_terminal=True)
    grid = {"query_strategy": ["margin", "random"]}
    scores = []
    for verbose in (0, 1):
        search = GridSearchCV(learner(verbose=verbose), grid, cv=2, n_jobs=n_jobs)
        with parallel_config(backend):
            search.fit(*blobs)
        scores.append(search.cv_results_["mean_test_score"])
    np.testing.assert_array_equal(*scores)
    assert "40 labels, round 3/3" in screen.getvalue()  # the refit, at least


def test_verbose_in_a_pipeline(blobs, console):
    screen = console(force_terminal=True)
    make_pipeline(StandardScaler(), learner(verbose=1)).fit(*blobs)
    assert "40 labels, round 3/3" in screen.getvalue()


@pytest.mark.parametrize("depth", [0, 1, None])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_bar_gives_way_to_the_progress_bar_of_a_search(blobs, console, depth, n_jobs):
    """ProgressBar(0) is not passed down; the search shows it all the same."""
    screen = console(force_terminal=True)
    pipeline = make_pipeline(StandardScaler(), learner(verbose=1))
    grid = {"activelearner__query_strategy": ["margin", "random"]}
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=n_jobs)
    search.set_callbacks(ProgressBar(max_propagation_depth=depth)).fit(*blobs)
    assert "GridSearchCV - fit" in screen.getvalue()
    assert "labels, round" not in screen.getvalue()


def test_bar_gives_way_to_the_progress_bar_of_the_learner(blobs, console):
    screen = console(force_terminal=True)
    learner(verbose=1).set_callbacks(ProgressBar()).fit(*blobs)
    assert "ActiveLearner - fit" in screen.getvalue()
    assert "labels, round" not in screen.getvalue()


def test_bar_is_gone_after_the_fit(blobs, console):
    console(force_terminal=True)
    monitor = HeldOutMonitor(*blobs)
    fitted = learner(verbose=1).set_callbacks(monitor).fit(*blobs)
    assert not bar_is_shown(fitted)
    assert not bar_is_shown(clone(fitted))
    fitted.fit(*blobs)
    assert len(monitor.get_logs(select="all")) == 2


def test_learner_that_carries_a_bar_shows_one(blobs, console):
    """A learner pickled by a callback, during a fit, takes its bar along."""
    console(force_terminal=True)
    carrier = learner(verbose=1).set_callbacks(RoundBar()).fit(*blobs)
    revived = pickle.loads(pickle.dumps(carrier))
    assert bar_is_shown(revived)
    screen = console(force_terminal=True)
    revived.fit(*blobs)
    assert "margin: " not in screen.getvalue()  # a second bar would print a line
    assert "40 labels, round 3/3" in screen.getvalue()


def test_open_bar_is_pickled_without_its_screen(blobs, console):
    class Pickles(StopAfterRound1):
        def on_fit_task_end(self, estimator, context):
            copies.append(pickle.dumps(bar))

    copies, bar = [], RoundBar()
    console(force_terminal=True)
    learner().set_callbacks(bar, Pickles()).fit(*blobs)
    revived = pickle.loads(copies[0])
    revived.teardown(None, None)  # nothing to close
