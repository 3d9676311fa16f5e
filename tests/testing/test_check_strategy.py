"""check_strategy: each broken promise is caught under its name; good ones pass."""

import inspect
import warnings
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from helpers import flat
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import (
    load_digits,
    load_iris,
    make_multilabel_classification,
    make_regression,
)
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skal.query import (
    GreedySampling,
    Margin,
    QueryStrategy,
    ScoreStrategy,
    VoteEntropy,
)
from skal.query import functional as F
from skal.testing import check_strategy, strategy_checks


class LeastLikely(ScoreStrategy):
    """A strategy of a third party, in five lines."""

    needs = frozenset({"proba"})

    def _score(self, view, rows):
        return -view.predict_proba(rows).max(axis=1)


class Broken(QueryStrategy):
    """Picks the best margins, ties at random; subclasses break one promise each."""

    needs = frozenset({"proba"})

    def _query(self, view, rows, n_instances, rng):
        scores = self.scores(view, rows)
        return np.lexsort([rng.permutation(len(rows)), -scores])[:n_instances]

    def scores(self, view, rows):
        return -F.margin(view.predict_proba(rows))


class RepeatsARow(Broken):
    def _query(self, view, rows, n_instances, rng):
        positions = super()._query(view, rows, n_instances, rng)
        positions[-1] = positions[0]
        return positions


class RepeatsEqualRows(Broken):
    def _query(self, view, rows, n_instances, rng):
        # BADGE in a peer: among equal rows it finds the first one again.
        X = np.asarray(view.embed(rows)).reshape(len(rows), -1)
        _, first, kind = np.unique(X, axis=0, return_index=True, return_inverse=True)
        return first[kind.ravel()][super()._query(view, rows, n_instances, rng)]


class OneTooFew(Broken):
    def _query(self, view, rows, n_instances, rng):
        return super()._query(view, rows, n_instances, rng)[: max(1, n_instances - 1)]


class OutOfRange(Broken):
    def _query(self, view, rows, n_instances, rng):
        return super()._query(view, rows, n_instances, rng) + len(rows)


class ReturnsAList(Broken):
    def __call__(self, learner, X, n_instances=1, *, random_state=None):
        return (
            super()
            .__call__(learner, X, n_instances, random_state=random_state)
            .tolist()
        )


class CutsToThePool(Broken):
    def __call__(self, learner, X, n_instances=1, *, random_state=None):
        n_instances = min(n_instances, X.shape[0])
        return super().__call__(learner, X, n_instances, random_state=random_state)


class NeedsTwoRows(Broken):
    def _query(self, view, rows, n_instances, rng):
        if len(rows) < 2:
            raise IndexError("no second row")
        return super()._query(view, rows, n_instances, rng)


class CountsItsQueries(Broken):
    n_queries = 0

    def _query(self, view, rows, n_instances, rng):
        self.n_queries += 1
        return super()._query(view, rows, n_instances, rng)


class RemembersOnItsClass(Broken):
    remembered: ClassVar = {}

    def scores(self, view, rows):
        # ProbCover in a peer: the first pool's matrix serves every pool of its size.
        return self.remembered.setdefault(len(rows), super().scores(view, rows))


class SeedsTheWorld(Broken):
    def _query(self, view, rows, n_instances, rng):
        np.random.seed(rng.randint(1000))  # noqa: NPY002
        return super()._query(view, rows, n_instances, rng)


class DrawsFromTheWorld(Broken):
    def _query(self, view, rows, n_instances, rng):
        return np.random.permutation(len(rows))[:n_instances]  # noqa: NPY002


class IgnoresTheSeed(Broken):
    def _query(self, view, rows, n_instances, rng):
        return np.random.default_rng().permutation(len(rows))[:n_instances]


class PrefersTheFirst(Broken):
    def _query(self, view, rows, n_instances, rng):
        return np.argsort(-self.scores(view, rows), kind="stable")[:n_instances]


class WorstFirst(ScoreStrategy):
    needs = frozenset({"proba"})

    def _score(self, view, rows):
        return -F.margin(view.predict_proba(rows))

    def _query(self, view, rows, n_instances, rng):
        positions, info = super()._query(view, rows, n_instances, rng)
        return positions[::-1], {"score": info["score"][::-1]}


class RanksAsIfAlone(ScoreStrategy):
    needs = frozenset({"proba"})
    separable = True

    def _score(self, view, rows):
        return F.entropy(view.predict_proba(rows)).argsort().argsort() / len(rows)


class ScoresByChunk(ScoreStrategy):
    needs = frozenset({"proba"})

    def _score(self, view, rows):
        # Relative to the chunk, not to the pool.
        scores = np.empty(len(rows))
        for where, chunk in rows.chunks(1000):
            uncertainty = F.entropy(view.predict_proba(chunk))
            scores[where] = uncertainty - uncertainty.mean()
        return scores


class PrefersTheFirstHalf(Broken):
    def scores(self, view, rows):
        early = np.arange(len(rows)) < 1000
        return super().scores(view, rows) + 10 * early * (len(rows) > 1000)


class CentersX(Broken):
    def scores(self, view, rows):
        X = np.asarray(rows)
        X -= 1
        return super().scores(view, rows)


class RelabelsTheTraining(Broken):
    def scores(self, view, rows):
        view.y_training[:] = view.y_training[0]
        return super().scores(view, rows)


class RefitsTheModel(Broken):
    needs = frozenset({"proba", "labels"})

    def scores(self, view, rows):
        view.estimator.fit(view.X_training, view.y_training[::-1])
        return super().scores(view, rows)


class SharpensTheAnswers(Broken):
    def scores(self, view, rows):
        answers = view.predict(rows)
        answers.flags.writeable = True
        answers[:] = 0
        return super().scores(view, rows)


class PeeksAtLabels(Broken):
    def scores(self, view, rows):
        # The oracle's labels are a local variable of the loop that is running.
        frame = inspect.currentframe()
        while frame := frame.f_back:
            labels = frame.f_locals.get("y")
            if isinstance(labels, np.ndarray) and len(labels) == len(rows.X):
                return labels[rows.positions()].astype(float)
        return super().scores(view, rows)


class LooksBeyondTheCandidates(Broken):
    needs = frozenset()

    def scores(self, view, rows):
        everything = np.asarray(rows.X).reshape(len(rows.X), -1)
        X = np.asarray(rows).reshape(len(rows), -1)
        return np.abs(X - everything.mean(axis=0)).sum(axis=1).round(3)


class ReadsTheHistory(Broken):
    def _query(self, view, rows, n_instances, rng):
        n_rounds = len(view.history.get("n_labels", ()))
        return np.roll(super()._query(view, rows, n_instances, rng), n_rounds)


class HidesItsNeeds(Broken):
    needs = frozenset()


class MisspellsItsNeeds(Broken):
    needs = frozenset({"probability"})


class WrapsButForgets(QueryStrategy):
    needs = frozenset()

    def __init__(self, base=None):
        self.base = base

    def _query(self, view, rows, n_instances, rng):
        base = Margin() if self.base is None else self.base
        return base(view, rows, n_instances, random_state=rng)


class GuessesBlindly(Broken):
    def _query(self, view, rows, n_instances, rng):
        if view.n_labels == 0:
            return rng.permutation(len(rows))[:n_instances]
        return super()._query(view, rows, n_instances, rng)


class ChangesItsParameter(QueryStrategy):
    def __init__(self, power=None):
        self.power = power or 1

    def _query(self, view, rows, n_instances, rng):
        return rng.permutation(len(rows))[:n_instances]


class HoldsAFunction(Broken):
    def __init__(self, function=lambda proba: proba):
        self.function = function


class CountsClasses(Broken):
    needs = frozenset({"proba", "labels"})

    def scores(self, view, rows):
        n_classes = len(np.unique(view.y_training))
        return super().scores(view, rows) / (n_classes - 1)


class IndexesByLabel(Broken):
    def scores(self, view, rows):
        proba = view.predict_proba(rows)
        return -proba[np.arange(len(rows)), view.predict(rows)]


class WantsDoubles(Broken):
    def scores(self, view, rows):
        X = rows.data().astype(float)
        return -F.margin(view.predict_proba(X))


class WantsFlatRows(Broken):
    def scores(self, view, rows):
        _, _ = rows.shape
        return super().scores(view, rows)


class WantsDenseRows(Broken):
    needs = frozenset({"proba", "embed"})

    def scores(self, view, rows):
        E = view.embed(rows)
        return super().scores(view, rows) + 1e-3 * np.einsum("ij,ij->i", E, E)


class WritesScratch(Broken):
    def scores(self, view, rows):
        X = np.asarray(rows)
        kept = X[0].copy()
        X[0] = 0  # puts it back, but a read-only pool cannot be written at all
        X[0] = kept
        return super().scores(view, rows)


class ServesLessThanItSays(Broken):
    target_types = frozenset({"multiclass", "multilabel"})

    def _query(self, view, rows, n_instances, rng):
        if view.target_type == "multilabel":
            raise ValueError("one label a row")
        return super()._query(view, rows, n_instances, rng)


class SkipsItsChecks(Broken):
    target_types = frozenset({"multiclass", "multilabel"})

    def check(self, estimator, target_type):
        if target_type == "regression":
            raise ValueError("no regression")


class HogsDistances(Broken):
    def scores(self, view, rows):
        n = len(rows)
        hog = np.empty((n, n), np.float32)
        return super().scores(view, rows) + 0 * len(hog)


class HogsGradients(Broken):
    needs = frozenset({"proba", "embed"})

    def scores(self, view, rows):
        proba, E = view.predict_proba(rows), view.embed(rows)
        hog = np.empty((len(rows), proba.shape[1] * E.shape[1]), np.float32)
        return super().scores(view, rows) + 0 * len(hog)


class CountsHiddenClasses(Broken):
    def scores(self, view, rows):
        return super().scores(view, rows) % (1 / len(view.classes_))


class StartsByTheClasses(Broken):
    needs = frozenset()

    def scores(self, view, rows):
        n_classes = len(getattr(view, "classes_", range(10)))
        return np.abs(np.asarray(rows).reshape(len(rows), -1).sum(axis=1)) % n_classes

    def _query(self, view, rows, n_instances, rng):
        if view.n_labels:
            return rng.permutation(len(rows))[:n_instances]
        return super()._query(view, rows, n_instances, rng)


class HogsABatch(Broken):
    def _query(self, view, rows, n_instances, rng):
        hog = np.empty((n_instances, len(rows)), np.float32)
        return super()._query(view, rows, n_instances, rng) + 0 * len(hog)


BROKEN = {
    RepeatsARow: "positions",
    RepeatsEqualRows: "repeated_rows",
    OneTooFew: "positions",
    OutOfRange: "positions",
    ReturnsAList: "positions",
    CutsToThePool: "pool_exhausted",
    NeedsTwoRows: "whole_pool",
    CountsItsQueries: "parameters_untouched",
    RemembersOnItsClass: "row_order",
    SeedsTheWorld: "global_random_state",
    DrawsFromTheWorld: "global_random_state",
    IgnoresTheSeed: "reproducible",
    PrefersTheFirst: "ties",
    WorstFirst: "best_first",
    RanksAsIfAlone: "separable",
    ScoresByChunk: "row_order",
    PrefersTheFirstHalf: "row_order",
    CentersX: "inputs_untouched",
    RelabelsTheTraining: "inputs_untouched",
    RefitsTheModel: "model_untouched",
    SharpensTheAnswers: "model_untouched",
    PeeksAtLabels: "hidden_labels",
    LooksBeyondTheCandidates: "candidates",
    HidesItsNeeds: "declared_needs",
    MisspellsItsNeeds: "positions",
    WrapsButForgets: "declared_needs",
    GuessesBlindly: "cold_start",
    ReadsTheHistory: "same_answer",
    ChangesItsParameter: "cloning",
    HoldsAFunction: "cloning",
    CountsClasses: "one_class",
    IndexesByLabel: "label_names",
    WantsDoubles: "float32",
    WantsFlatRows: "images",
    WantsDenseRows: "sparse",
    WritesScratch: "read_only",
    ServesLessThanItSays: "declared_targets",
    SkipsItsChecks: "check_before_any_work",
    CountsHiddenClasses: "simulation_is_live",
    StartsByTheClasses: "simulated_start",
    HogsDistances: "memory",
    HogsGradients: "memory",
    HogsABatch: "memory",
}


@pytest.fixture(autouse=True)
def global_state_restored():
    before = np.random.get_state()  # noqa: NPY002
    yield
    np.random.set_state(before)  # noqa: NPY002


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(
            broken,
            id=broken.__name__,
            marks=pytest.mark.long if law == "memory" else (),
        )
        for broken, law in BROKEN.items()
    ],
)
def test_a_broken_promise_is_named(broken):
    message = rf"{broken.__name__}\(.*\) breaks the law '{BROKEN[broken]}' \("
    with pytest.raises(AssertionError, match=message):
        check_strategy(broken())


def test_every_law_is_broken_by_some_strategy():
    laws = {name for name, _ in strategy_checks(LeastLikely())}
    assert set(BROKEN.values()) == laws


def test_a_strategy_of_five_lines_passes():
    check_strategy(LeastLikely())


class Warns(LeastLikely):
    """Warns as numpy does, of what BLAS has read beyond its rows or of a division."""

    def __init__(self, operation="matmul"):
        self.operation = operation

    def _score(self, view, rows):
        message = f"invalid value encountered in {self.operation}"
        warnings.warn(message, RuntimeWarning, stacklevel=2)
        return super()._score(view, rows)


def test_what_blas_reports_of_numbers_beyond_its_rows_breaks_no_law():
    check_strategy(Warns("matmul"))
    with pytest.raises(AssertionError, match="invalid value encountered in divide"):
        check_strategy(Warns("divide"))


def test_the_message_says_what_was_promised_and_gives_the_numbers():
    message = r"as many as asked for\): ValueError: .* must return 10 rows, got 9\.$"
    with pytest.raises(AssertionError, match=message):
        check_strategy(OneTooFew())


def test_an_exception_is_the_cause_of_the_failure():
    message = r"'whole_pool' \(.*\): IndexError: no second row"
    with pytest.raises(AssertionError, match=message) as raised:
        check_strategy(NeedsTwoRows())
    assert isinstance(raised.value.__cause__, IndexError)


def returns_the_first(learner, X, n_instances=1):
    return range(n_instances)


def test_a_function_is_called_by_its_name():
    message = "^returns_the_first breaks the law 'ties'"
    with pytest.raises(AssertionError, match=message):
        check_strategy(returns_the_first)


def test_laws_are_built_without_fitting():
    class Unfit(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            raise NotImplementedError

    names = [name for name, _ in strategy_checks(Margin(), estimator=Unfit())]
    assert names[0] == "positions"
    assert len(names) == len(set(names))


@pytest.mark.long
def test_a_regression_strategy_gets_a_regressor():
    class WantsARegressor(QueryStrategy):
        def _query(self, view, rows, n_instances, rng):
            if view.target_type != "regression":
                raise TypeError("this is for regressors")
            return rng.permutation(len(rows))[:n_instances]

    for name, law in strategy_checks(WantsARegressor()):
        if name in ("positions", "hidden_labels", "memory"):
            law()


@pytest.mark.long
def test_the_author_may_give_the_estimator():
    check_strategy(Margin(), estimator=LogisticRegression(max_iter=500))


def test_the_author_may_give_images():
    X, y = load_digits(return_X_y=True)
    flatten = FunctionTransformer(flat)
    estimator = make_pipeline(flatten, LogisticRegression(tol=1e-2, max_iter=500))
    check_strategy(Margin(), estimator=estimator, X=X.reshape(-1, 1, 8, 8) / 16, y=y)


def test_the_author_may_give_text():
    words = np.random.default_rng(0).choice(["ja", "nei", "kanskje"], size=(800, 6))
    y = (words == "ja").sum(axis=1) > 1
    X = [" ".join(document) for document in words]
    estimator = make_pipeline(CountVectorizer(), LogisticRegression(max_iter=500))
    check_strategy(Margin(), estimator=estimator, X=X, y=y)


@pytest.mark.long
def test_the_author_may_give_a_regression():
    X, y = make_regression(800, 5, random_state=0)
    check_strategy(GreedySampling(), X=X, y=y)


def test_the_author_may_give_a_frame():
    X, y = load_iris(return_X_y=True, as_frame=True)
    check_strategy(Margin(), X=pd.concat([X] * 4), y=pd.concat([y] * 4))


@pytest.mark.long
def test_the_author_may_give_several_labels_a_row():
    X, y = make_multilabel_classification(800, n_classes=4, random_state=0)
    check_strategy(VoteEntropy(), X=X, y=y)


class Net(ClassifierMixin, BaseEstimator):
    """A network of torch with dropout, which its author switches off to predict."""

    def fit(self, X, y):
        import torch

        self.classes_ = np.unique(y)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.module_ = torch.nn.Sequential(
                torch.nn.Linear(X.shape[1], len(self.classes_)), torch.nn.Dropout()
            ).eval()
        return self

    def predict_proba(self, X):
        import torch

        with torch.no_grad():
            rows = torch.as_tensor(np.array(X, np.float32))
            return self.module_(rows).softmax(dim=1).numpy()

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class LeavesTheNetInTraining(LeastLikely):
    def _score(self, view, rows):
        scores = super()._score(view, rows)
        view.estimator[-1].module_.train()
        return scores


def test_a_net_is_left_in_its_mode(torch):
    estimator = make_pipeline(StandardScaler(), Net())
    laws = dict(strategy_checks(LeastLikely(), estimator=estimator))
    laws["model_untouched"]()
    laws = dict(strategy_checks(LeavesTheNetInTraining(), estimator=estimator))
    with pytest.raises(AssertionError, match="a torch module changed its mode"):
        laws["model_untouched"]()


def test_x_without_y_is_an_error():
    with pytest.raises(ValueError, match="X and y must be given together"):
        check_strategy(Margin(), X=np.zeros((500, 2)))


def test_what_is_no_strategy_is_an_error():
    with pytest.raises(TypeError, match=r"strategy must be an instance.*Write Margin"):
        check_strategy(Margin)
    with pytest.raises(ValueError, match="strategy must be one of 'margin'"):
        check_strategy("margins")


def test_too_few_rows_are_an_error():
    with pytest.raises(AssertionError, match="X must have at least 500 rows, got 499"):
        check_strategy(Margin(), X=np.zeros((499, 2)), y=np.zeros(499))
