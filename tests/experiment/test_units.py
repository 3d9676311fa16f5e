"""Experiments whose rows have a label for each unit: masks, tags, boxes, cells."""

import pickle
from copy import deepcopy

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.naive_bayes import GaussianNB

from skal import ActiveLearner
from skal._seed import draw_seed, stream
from skal.datasets import make_shapes
from skal.experiment import Experiment, Results
from skal.experiment._config import experiment_of, loaded_experiment, read_config
from skal.experiment._report_text import headlines, setup_table, told_of
from skal.experiment._sources import load_data
from skal.experiment._units import UnitAnswers
from skal.metrics import mean_iou
from skal.nets import SegmentationNet
from skal.query import (
    Aggregate,
    BoxDisagreement,
    LabelUncertainty,
    PerCost,
    RandomRegions,
    Regions,
)
from skal.structured import Committee

X, Y = make_shapes(60, size=16, mean_shapes=2, return_X_y=True, random_state=0)
HALF = np.where(np.arange(16) < 8, -1, Y)  # a side of each mask, which nobody knows
RNG = np.random.default_rng(0)


class Gray(BaseEstimator):
    """Tell shapes from what is behind them by the gray of a pixel alone."""

    def fit(self, X, y):
        gray, known = X.mean(axis=1), y >= 0
        self.levels_ = [
            np.mean(gray[known & found]) if (known & found).any() else 128.0
            for found in (y == 0, y > 0)
        ]
        return self

    def predict_units(self, X):
        far = np.abs(X.mean(axis=1)[..., None] - self.levels_) / 64
        chances = np.exp(-far)
        return chances / chances.sum(axis=-1, keepdims=True)

    def predict(self, X):
        return self.predict_units(X).argmax(axis=-1)


class Tags(BaseEstimator):
    """Tag a word as it was tagged most often."""

    def fit(self, X, y):
        self.seen_ = {}
        for words, tags in zip(X, y, strict=True):
            for word, tag in zip(words, tags, strict=True):
                self.seen_.setdefault(word, []).append(tag)
        return self

    def predict_units(self, X):
        shares = [[np.mean(self.seen_.get(w, [0, 1])) for w in words] for words in X]
        return [np.column_stack([1 - np.array(p), p]) for p in shares]

    def score(self, X, y):
        told = [p.argmax(axis=1) for p in self.predict_units(X)]
        return np.mean(np.concatenate(told) == np.concatenate(y))


class Spot(BaseEstimator):
    """Find the one spot that is as bright as those it was shown."""

    def fit(self, X, y):
        bright = [x[i, j] for x, found in zip(X, y, strict=True) for i, j, *_ in found]
        self.level_ = np.mean(bright or [1.0])
        return self

    def predict_boxes(self, X):
        places = [np.argwhere(x >= self.level_ - 0.2)[:2] for x in X]
        boxes = [np.hstack([at, at + 1]).reshape(-1, 4) for at in places]
        return [{"boxes": b, "labels": np.ones(len(b), int)} for b in boxes]


def tagged(n=40):
    """Return sentences of several lengths and the tag of each word."""
    rng = np.random.default_rng(0)
    X = [
        [f"word {k}" for k in rng.integers(0, 30, rng.integers(1, 6))] for _ in range(n)
    ]
    y = [[int(word.split()[1]) % 2 for word in words] for words in X]
    return X, y


def experiment(estimators=None, strategies=("aggregate", "random"), **params):
    """Return a small experiment on masks."""
    params = {
        "data": (X, Y),
        "n_labels": 16,
        "n_initial": 8,
        "batch_size": 4,
        "seeds": 2,
        **params,
    }
    return Experiment(
        Gray() if estimators is None else estimators, strategies, **params
    )


def by_hand(estimator, strategy, seed, **params):
    """Return the learner that a cell should have run, and its pool and test rows."""
    split = load_data((X, Y), units=True)["data"].split(seed, 0.3, None)
    learner = ActiveLearner(
        estimator,
        strategy,
        random_state=draw_seed(stream(seed, 0, "learner")),
        **params,
    )
    return learner.fit(split.X_pool, split.y_pool), split


def test_a_cell_is_the_run_of_a_learner_to_the_bit():
    net = SegmentationNet(module__channels=(4, 8), max_steps=12, device="cpu")
    counts = {"n_labels": 16, "n_initial": 8, "batch_size": 4}
    results = experiment(net, [Aggregate(), "random"], seeds=[3]).run()
    for record, strategy in zip(results.records, (Aggregate(), "random"), strict=True):
        learner, split = by_hand(net, strategy, 3, **counts)
        asked = [split.pool[rows].tolist() for rows in learner.history_["indices"]]
        predicted = learner.predict(split.X_test)
        assert record["asked"] == asked
        assert record["n_labels"] == [8, 12, 16]
        assert record["metrics"]["mean_iou"][-1] == mean_iou(split.y_test, predicted)
        right = np.mean(split.y_test == predicted)
        assert record["metrics"]["pixel_accuracy"][-1] == right
        assert {*record["metrics"]} == {"mean_iou", "pixel_accuracy"}
    first, other = (record["asked"] for record in results.records)
    assert first[0] == other[0]
    assert first[1] != other[1]


@pytest.fixture(scope="module")
def mixed():
    """Return results of strategies of which some ask for cells of rows."""
    strategies = {
        "cells": Regions(grid=2),
        "random cells": RandomRegions(grid=2),
        "rows": Aggregate(),
        "random": "random",
    }
    return experiment(
        strategies=strategies, n_labels=64, n_initial=32, batch_size=12
    ).run()


def test_where_cells_are_asked_for_all_curves_count_cells(mixed):
    frame = mixed.frame.set_index(["strategy", "seed"])
    for name in mixed.strategies():
        assert frame.loc[(name, 0), "n_labels"].tolist() == [32, 44, 56, 64]
    assert mixed.plot_curves().get_xlabel() == "cells"
    assert "cells_to_match_random" in mixed.summary()
    assert any(
        "of 64 cells" in sentence for sentence in headlines(mixed, "mean_iou", "random")
    )
    setup = dict(setup_table(mixed.definition))
    assert setup["cells"] == "64 in all, 32 at the start, 12 a round"
    assert mixed.plot_asked().axes[0].get_ylabel() == "asked after this many cells"
    with pytest.raises(ValueError, match=r"ROC curves need .* classes of rows"):
        mixed.plot_roc()
    assert setup["cells of data"] == "parts of rows; a whole row counts as 4"


def test_cells_and_rows_are_asked_as_a_learner_asks_for_them(mixed):
    for strategy, size in ((Regions(grid=2), 1), (Aggregate(), 4)):
        learner, split = by_hand(
            Gray(),
            strategy,
            1,
            n_labels=64 // size,
            n_initial=32 // size,
            batch_size=12 // size,
        )
        name = "cells" if size == 1 else "rows"
        asked = mixed.asked(strategy=name, seed=1)
        for mine, found in zip(learner.history_["indices"], asked, strict=True):
            rows = mine[:, 0] if size == 1 else mine
            told = found[:, 0] if size == 1 else found
            assert split.pool[rows].tolist() == told.tolist()
            if size == 1:
                assert mine[:, 1].tolist() == found[:, 1].tolist()
    cells, rows = (mixed.asked(strategy=name, seed=0)[0] for name in ("cells", "rows"))
    assert cells[::4, 0].tolist() == rows.tolist()  # the first labels are shared


def test_results_of_cells_come_back_from_files(mixed, tmp_path):
    mixed.to_parquet(tmp_path / "a.parquet")
    read = Results.from_parquet(tmp_path / "a.parquet")
    assert read.records == mixed.records
    assert "<h1>" in mixed.report(tmp_path / "a.html").read_text("utf-8")
    images = mixed.images[mixed.records[0]["key"]]
    cell = mixed.asked(strategy="cells", seed=0)[1][0]
    np.testing.assert_array_equal(images[0, 0], X[cell[0]])


def test_a_run_goes_on_where_it_was(tmp_path):
    strategies = {"cells": Regions(grid=2), "random": "random"}
    counts = {"n_labels": 48, "n_initial": 32, "batch_size": 8}
    whole = experiment(strategies=strategies, **counts).run(tmp_path / "whole")
    experiment(strategies=strategies, **counts, seeds=1).run(tmp_path / "parts")
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "parts/cells").iterdir()}
    more = experiment(strategies=strategies, **counts)
    assert more.run(tmp_path / "parts").records == whole.records
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    others = {"cells": Regions(grid=(1, 4)), "random": "random"}
    with pytest.raises(ValueError, match="directory must be new"):
        experiment(strategies=others, **counts).run(tmp_path / "parts")


def test_tags_of_texts_are_scored_as_their_estimator_says(tmp_path):
    results = experiment(Tags(), data=tagged()).run(tmp_path)
    assert results.failures == []
    assert results.metrics() == ["score"]
    again = experiment(Tags(), data=deepcopy(tagged())).run(tmp_path)
    assert again.records == results.records
    record = results.records[0]
    split = load_data(tagged(), units=True)["data"].split(0, 0.3, None)
    asked = np.concatenate(record["asked"])
    words, tags = (np.array(one, object)[asked].tolist() for one in tagged())
    score = Tags().fit(words, tags).score(split.X_test, split.y_test)
    assert record["metrics"]["score"][-1] == score


@pytest.mark.long
def test_workers_return_the_same_records():
    here, there = (experiment(Tags(), data=tagged(), n_jobs=n).run() for n in (1, 2))
    assert there.failures == []
    assert here.records == there.records


def test_labels_of_units_are_the_same_after_a_journey():
    data = load_data(tagged(), units=True)["data"]
    assert pickle.loads(pickle.dumps(data)).fingerprint() == data.fingerprint()


def test_entries_that_are_one_object_are_as_good_as_copies():
    nothing = {"boxes": np.zeros((0, 4)), "labels": np.zeros(0, int)}
    rows = np.zeros((3, 4, 4))
    one, apart = (
        load_data((rows, y), units=True)["data"]
        for y in ([nothing] * 3, [deepcopy(nothing) for _ in range(3)])
    )
    assert one.fingerprint() == apart.fingerprint()
    other = [nothing, nothing, {**nothing, "labels": np.ones(0, int)[:0] * 1.5}]
    assert (
        one.fingerprint() != load_data((rows, other), units=True)["data"].fingerprint()
    )


def test_boxes_with_test_rows_of_their_own_and_a_scorer_of_ones_own():
    rows = RNG.random((40, 6, 6)) / 2
    boxes = [[(i, j, i + 1, j + 1)] for i, j in RNG.integers(0, 6, (40, 2))]
    for row, ((i, j, *_),) in zip(rows, boxes, strict=True):
        row[i, j] = 1
    seen = []

    def found(learner, X, y):
        seen.append(y)
        told = [one["boxes"][:1].tolist() for one in learner.estimator_.members(X)]
        return np.mean([told[i] == [list(map(int, y[i][0]))] for i in range(len(y))])

    class Several(Committee):
        def members(self, X):
            return self.estimators_[0].predict_boxes(X)

    results = experiment(
        Several([Spot(), Spot()], bootstrap=True),
        [BoxDisagreement(), "random"],
        data=(rows[:30], boxes[:30], rows[30:], boxes[30:]),
        metrics={"found": found},
    ).run()
    assert results.failures == []
    assert results.metrics() == ["found"]
    assert seen[0] == boxes[30:]  # as they were given
    assert results.frame["found"].between(0.5, 1).all()


def test_tags_of_test_rows_may_be_lists_where_those_of_the_pool_are_arrays():
    words, tags = tagged()
    arrays = [np.array(one) for one in tags[:30]]
    data = (words[:30], arrays, words[30:], tags[30:])
    experiment(Tags(), ["random"], data=data).check()


def test_groups_and_costs_go_with_masks():
    groups, costs = np.arange(60) // 5, RNG.uniform(1, 3, 60)
    results = experiment(
        strategies={"cheap": PerCost("aggregate"), "random": "random"},
        groups=groups,
        costs=costs,
        n_labels=40,
    ).run()
    assert results.failures == []
    assert (results.frame["cost"] <= 40).all()
    data = load_data((X, Y), units=True, groups=groups)["data"]
    pool, test = data.positions(0, 0.3, None)
    assert not {*groups[pool]} & {*groups[test]}


def test_units_that_nobody_knows_are_not_scored():
    class Told:
        missing_label = 255

        def predict(self, X):
            return np.array([[[0, 1], [1, 1]], [[2, 2], [2, 2]]])

    y = np.array([[[0, 0], [255, 1]], [[2, 2], [255, 255]]], np.uint8)
    answers = UnitAnswers(Told(), np.zeros(2), y)
    assert answers.pixel_accuracy == 4 / 5
    assert answers.mean_iou == pytest.approx((1 / 2 + 1 / 2 + 1) / 3)


def test_test_rows_that_nobody_labelled_are_refused():
    """Their accuracy was a division by zero, after a round of training."""
    estimator = ActiveLearner(Gray(), missing_label=9)
    test = X[:4], np.full_like(Y[:4], 9)
    with pytest.raises(
        ValueError, match="y_test of 'data' must hold every label, got 4"
    ):
        experiment(estimator, data=(X, Y, *test), metrics="pixel_accuracy").check()


class Mute(Gray):
    """Has nothing that could be scored."""

    predict = property()


@pytest.mark.parametrize(
    ("params", "error", "match"),
    [
        ({"initial": "stratified"}, ValueError, "initial must be .* needs classes"),
        (
            {"oracle": True},
            ValueError,
            "oracle must be left out for 'data', whose rows",
        ),
        ({"pos_label": 1}, ValueError, "pos_label must be left out for 'data'"),
        ({"reject_label": 0}, ValueError, "reject_label must be left out for 'data'"),
        ({"metrics": "accuracy"}, ValueError, "metrics must be among 'mean_iou', 'pi"),
        (
            {"estimators": GaussianNB()},
            ValueError,
            "y of 'data' must be 1-D, one label",
        ),
        (
            {"estimators": [Gray(), GaussianNB()]},
            TypeError,
            "estimators must answer for units of rows for 'data', .* got GaussianNB",
        ),
        ({"data": "digits"}, TypeError, "must answer for rows for 'digits'.* got Gray"),
        ({"strategies": "margin"}, TypeError, "Margin needs one target a row, got G"),
        (
            {"strategies": LabelUncertainty()},
            TypeError,
            "LabelUncertainty needs one tar",
        ),
        (
            {"strategies": Regions(grid=17)},
            ValueError,
            "grid must have at most as many",
        ),
        (
            {"strategies": Regions(grid=2), "costs": 1},
            ValueError,
            "costs must be None where parts of rows are asked for",
        ),
        (
            {"strategies": [Regions(grid=2), RandomRegions(grid=4)]},
            ValueError,
            "strategies must ask for cells of grids that have as many, got 4 for",
        ),
        (
            {"strategies": [Regions(grid=2), "random"], "batch_size": [4, 6]},
            ValueError,
            r"batch_size must be a multiple of 4.* 'random' .*, got \[4, 6\]",
        ),
        (
            {"strategies": [Regions(grid=2), "random"], "n_labels": 0.3},
            ValueError,
            "n_labels must be a multiple of 4.* 'random' .*, got 0.3",
        ),
        (
            {"strategies": Regions(grid=2), "data": (X, HALF), "n_labels": 85},
            ValueError,
            "n_labels must be at most 84, the cells .* a unit is known, got 85",
        ),
        (
            {"data": (X[:40], Y[:40], X[40:], Y[40:].astype(float))},
            ValueError,
            "y_test of 'data' must hold labels as y does, got masks",
        ),
        (
            {"strategies": Regions(grid=2), "n_labels": 100, "costs": 1},
            ValueError,
            "n_labels must be at most 42, the cost of the pool",
        ),
        (
            {
                "estimators": SegmentationNet(classes=range(4)),
                "data": (X, np.where(np.arange(60)[:, None, None] < 59, Y, 255)),
            },
            ValueError,
            r"y of 'data' must hold the classes of Segmen.*\[0, .* got \[255\]",
        ),
        (
            {"strategies": Regions(grid=2), "n_labels": 169},
            ValueError,
            "n_labels must be at most 168, the cells of the pool of 'data', got 169",
        ),
        (
            {"data": (X[:40], Y[:40], X[40:], Y[40:, 0, 0])},
            ValueError,
            r"y_test of 'data' must be an array .* got shape \(20,\)",
        ),
        ({"data": (X[:0], Y[:0])}, ValueError, "y of 'data' must hold labels, got no"),
        ({"data": (X, Y, X, None)}, TypeError, "y_test of 'data' must be an array or"),
        ({"data": (X, [*Y[:-1], None])}, ValueError, "must hold every label, got 1 of"),
        (
            {"data": (X, Y[:-1])},
            ValueError,
            "one label for each of the 60 rows, got 59",
        ),
        ({"estimators": Mute()}, TypeError, "metrics must be what Mute can answer"),
        (
            {"estimators": Tags(), "data": tagged(), "metrics": "mean_iou"},
            ValueError,
            "metrics must be 'score' for 'data', whose labels are no masks",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_before_any_work(params, error, match):
    with pytest.raises(error, match=match):
        experiment(**params).check()


@pytest.mark.parametrize(
    "y", [tagged()[1], [{"boxes": []}] * 40, list(RNG.random((40, 2)))]
)
def test_labels_of_units_want_an_estimator_that_answers_for_them(y):
    with pytest.raises(ValueError, match="need estimators with predict_units"):
        experiment(GaussianNB(), data=(RNG.random((40, 2)), y)).check()


CONFIG = """
estimators = "unet"
n_labels = 48
n_initial = 24
batch_size = 8
seeds = 1

[data.small]
class = "skal.datasets.make_shapes"
n_samples = 40
size = 16
return_X_y = true
random_state = 0
"""

STRATEGIES = """
[strategies]
random = "random"
images = { class = "Aggregate", base = "entropy", topk = 0.1 }
regions = { class = "Regions", base = "entropy", grid = 2 }
"""


def test_a_configuration_names_pictures_and_strategies_of_pixels(tmp_path):
    (tmp_path / "a.toml").write_text(CONFIG + STRATEGIES, "utf-8")
    found, _ = loaded_experiment(read_config(tmp_path / "a.toml"))
    assert found.check() == 3
    config = {**read_config(tmp_path / "a.toml"), "n_labels": 26}
    del config["strategies"]
    found, config = loaded_experiment(config)
    assert config["strategies"] == ["aggregate", "random"]
    assert found.check() == 2
    assert found.data["small"].image_shape == (3, 16, 16)
    told = ["small: 40 images of 3 x 16 x 16."]
    told.append("small: a row has a label for each of its units.")
    assert told_of(found.data) == told


def test_shapes_are_data_by_name_for_a_net_by_name():
    assert Experiment(strategies="aggregate", data="shapes", seeds=1).check() == 1
    data = load_data("shapes")["shapes"]
    assert (data.X.shape, data.are_masks) == ((500, 3, 48, 48), True)
    assert experiment_of({"data": "shapes", "strategies": ["regions"]}).check() == 10


def test_signals_are_no_pictures():
    rows, y = RNG.random((20, 1, 32)), RNG.integers(0, 2, (20, 32))
    assert load_data((rows, y), units=True)["data"].image_shape is None


def test_files_hold_masks_too(tmp_path):
    np.savez(tmp_path / "a.npz", X=X[:20], y=Y[:20], X_test=X[20:], y_test=Y[20:])
    data = load_data(tmp_path / "a.npz", units=True)["a"]
    assert data.are_masks
    assert data.target_type == "structured"
    np.testing.assert_array_equal(data.split(0, 0.3, None).y_test, Y[20:])
