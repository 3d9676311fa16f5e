"""QuerySynthesis: drawn rows that a score wants, and the rows of the pool like them."""

import pickle
from functools import cache

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA, KernelPCA, TruncatedSVD
from sklearn.frozen import FrozenEstimator
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skal import ActiveLearner
from skal._data import as_rows
from skal.query import Margin
from skal.synthesis import VAE, QuerySynthesis, _query, boundary_strip
from skal.testing import _defaults, strategy_checks
from skal.testing._check import LAWS

#: Laws of many draws or many rows.
LONG = {"memory", "row_order", "ties"}
ROWS = _defaults.made_up_data(False, 0)
KERNEL = KernelPCA(4, kernel="rbf", gamma=0.02, fit_inverse_transform=True)
#: Small ones: the laws try what becomes of rows, not how good they are.
NET = VAE(
    4,
    hidden=16,
    channels=(4,),
    beta=0.01,
    input_shape=(4, 4),
    max_steps=60,
    lr=1e-2,
    random_state=0,
)


GENERATORS = {"default": None, "PCA": PCA(4), "KernelPCA": KERNEL, "VAE": NET}
OWN = {"X": ROWS[0][:700], "y": ROWS[1][:700]}
NAMES = [law.__name__ for law in LAWS]


@cache
def laws(key):
    """Return the laws for a generator, frozen but for the default, on one trial."""
    if key == "default":
        return dict(strategy_checks(QuerySynthesis(n_candidates=60)))
    generator = clone(GENERATORS[key]).fit(OWN["X"][:150].astype(np.float32))
    strategy = QuerySynthesis(FrozenEstimator(generator), n_candidates=60)
    return dict(strategy_checks(strategy, **OWN))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in LONG])
def test_the_strategy_keeps_the_law(name):
    laws("PCA")[name]()


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("key", GENERATORS)
def test_the_strategy_keeps_the_law_whatever_the_generator(key, name):
    laws(key)[name]()


def line(slope=(1.0, -2.0), offset=0.3):
    """Return a linear model of two classes whose boundary is known."""
    model = LogisticRegression().fit([[0.0, 0.0], [1.0, 1.0]], [0, 1])
    model.coef_, model.intercept_ = np.array([slope]), np.array([offset])
    return model


@pytest.fixture
def plane():
    """Return 300 rows of two columns."""
    return np.random.RandomState(0).uniform(-1, 1, size=(300, 2))


def from_boundary(model, X):
    w = model.coef_[0]
    return np.abs(X @ w + model.intercept_) / np.linalg.norm(w)


def test_what_is_drawn_lies_on_the_boundary_of_a_linear_model(plane):
    model = line()
    rows, codes = QuerySynthesis(PCA(2)).propose(model, plane, 20, random_state=0)
    assert from_boundary(model, rows).max() < 2e-3
    assert rows.shape == codes.shape == (20, 2)
    gaps = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    assert gaps[~np.eye(20, dtype=bool)].min() > 0.02  # and spread along it


def test_with_a_pca_of_full_rank_what_is_drawn_is_between_two_rows(plane):
    X = np.random.RandomState(1).normal(size=(60, 5))
    strip = boundary_strip(PCA().fit(X), X[3], X[8], n_steps=9)
    way = np.linspace(0, 1, 9)[:, None]
    np.testing.assert_allclose(strip, (1 - way) * X[3] + way * X[8], atol=1e-6)
    pair = plane[[0, 1]]  # a pool whose mixtures all lie on one line
    rows, _ = QuerySynthesis(PCA()).propose(line(), pair, 10, random_state=0)
    share = (rows - pair[0]) @ (pair[1] - pair[0]) / np.sum((pair[1] - pair[0]) ** 2)
    np.testing.assert_allclose(
        rows, pair[0] + np.outer(share, pair[1] - pair[0]), atol=1e-6
    )
    assert share.min() > -1e-6
    assert share.max() < 1 + 1e-6


def test_the_row_asked_for_is_the_nearest_to_what_is_drawn():
    X = np.arange(30.0)[:, None]
    model = LogisticRegression().fit(X, np.arange(30) > 14)
    picked, info = QuerySynthesis(PCA())(model, X, 2, random_state=0)
    assert set(picked) <= {13, 14, 15, 16}
    assert info["drawn"].all()
    assert info["projection_distance"].max() <= 1


def test_what_has_no_like_in_the_pool_gives_way_to_the_score():
    """Between two far groups there is no row, and the boundary lies between them."""
    X = np.r_[np.linspace(0, 1, 40), np.linspace(100, 101, 40)][:, None]
    model = LogisticRegression().fit(X, X[:, 0] > 50)
    strategy = QuerySynthesis(PCA(), n_candidates=100)
    picked, info = strategy(model, X, 4, random_state=0)
    assert not info["drawn"].any()
    wanted = Margin().score_samples(model, X)
    assert wanted[picked].min() >= np.sort(wanted)[-4]


def test_a_run_asks_for_no_row_twice_and_for_candidates_alone():
    X, y = load_digits(return_X_y=True)
    X, y = X[:300] / 16, y[:300]
    strategy = QuerySynthesis(PCA(10), n_candidates=100)
    learner = ActiveLearner(
        LogisticRegression(), strategy, n_labels=80, batch_size=20, random_state=0
    ).fit(X, y)
    asked = np.concatenate(list(learner.history_["indices"]))
    assert len(np.unique(asked)) == 80
    left = np.setdiff1d(np.arange(300), asked)[::2]
    picked, _ = learner.query(X, 30, candidates=left)
    assert len(np.unique(picked)) == 30
    assert np.isin(picked, left).all()


def test_rows_that_are_drawn_can_be_taught():
    X, y = load_digits(return_X_y=True)
    X = X / 16
    teacher = LogisticRegression(max_iter=500).fit(X, y)
    learner = ActiveLearner(LogisticRegression(max_iter=500), random_state=0)
    learner.fit(X[:30], y[:30])
    rows, _ = QuerySynthesis().propose(learner, X[30:], 40, random_state=0)
    before = learner.score(X[30:], y[30:])
    learner.teach(rows, teacher.predict(rows))
    assert learner.y_training_.shape == (70,)
    assert learner.score(X[30:], y[30:]) > before


@pytest.mark.parametrize(
    "as_type",
    [
        lambda X: X,
        lambda X: X.astype(np.float32),
        lambda X: X.astype(np.uint8),
        sp.csr_array,
        lambda X: pd.DataFrame(X, columns=[f"p{i}" for i in range(X.shape[1])]),
        lambda X: X.reshape(-1, 8, 8),
    ],
    ids=["float64", "float32", "uint8", "sparse", "frame", "images"],
)
def test_what_is_drawn_is_of_the_kind_of_the_pool(as_type):
    X, y = load_digits(return_X_y=True)
    X, y = as_type(X[:80]), y[:80]

    class Flat(LogisticRegression):
        def fit(self, X, y):
            return super().fit(self.flat(X), y)

        def predict_proba(self, X):
            return super().predict_proba(self.flat(X))

        def flat(self, X):
            return X.reshape(len(X), -1) if getattr(X, "ndim", 2) == 3 else X

    rows, _ = QuerySynthesis(PCA(5)).propose(Flat().fit(X, y), X, 3, random_state=0)
    assert type(rows) is type(X)
    assert rows.shape == (3, *X.shape[1:])
    assert getattr(rows, "dtype", None) == getattr(X, "dtype", None)
    values = rows.toarray() if sp.issparse(rows) else np.asarray(rows)
    assert values.min() >= 0
    assert values.max() <= 16


def test_the_seed_fixes_what_is_drawn_and_copies_draw_the_same(plane):
    model, strategy = line(), QuerySynthesis(frozen_plane(plane))
    rows, codes = strategy.propose(model, plane, 5, random_state=3)
    for copy in (strategy, clone(strategy), pickle.loads(pickle.dumps(strategy))):
        again = copy.propose(model, plane, 5, random_state=3)
        np.testing.assert_array_equal(rows, again[0])
        np.testing.assert_array_equal(codes, again[1])
    other, _ = strategy.propose(model, plane, 5, random_state=4)
    assert not np.array_equal(rows, other)


def frozen_plane(plane):
    return FrozenEstimator(PCA().fit(plane))


@pytest.mark.parametrize(
    ("params", "error", "match"),
    [
        (
            {"generator": StandardScaler().fit([[0.0], [1.0]])},
            ValueError,
            "frozen where",
        ),
        ({"generator": VAE}, TypeError, "generator must be a transformer"),
        (
            {"generator": LinearRegression()},
            TypeError,
            "generator must be a transformer with",
        ),
        ({"score": "badge"}, TypeError, "score must be a strategy that scores rows"),
        ({"score": "margn"}, ValueError, "score"),
        ({"n_candidates": 0}, ValueError, "n_candidates must be at least 1"),
        ({"spread": 1.5}, TypeError, "spread must be an integer"),
    ],
)
def test_bad_parameters_are_refused(params, error, match, plane):
    with pytest.raises(error, match=match):
        QuerySynthesis(**params).propose(line(), plane, 2)


def test_rows_that_are_no_numbers_are_refused():
    X = np.array([["a"], ["b"], ["c"]], dtype=object)
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(TypeError, match="X must hold numbers for QuerySynthesis"):
        QuerySynthesis(FunctionTransformer()).propose(model, X)


def test_a_strip_leads_from_row_to_row_in_their_shape():
    X = load_digits().images
    strip = boundary_strip(PCA().fit(X.reshape(-1, 64)), X[0], X[1])
    assert strip.shape == (7, 8, 8)
    np.testing.assert_allclose(strip[[0, -1]], X[:2], atol=1e-6)
    with pytest.raises(TypeError, match="generator must have inverse_transform"):
        boundary_strip(
            Nystroem(n_components=2, random_state=0).fit(X[0]), X[0, 0], X[0, 1]
        )
    with pytest.raises(ValueError, match="n_steps must be at least 2"):
        boundary_strip(TruncatedSVD(2, random_state=0).fit(X[0]), X[0, 0], X[0, 1], 1)


def test_a_strip_takes_sparse_rows_and_wants_two_of_one_shape(plane):
    generator = PCA().fit(plane)
    sparse = sp.csr_array(plane)
    np.testing.assert_array_equal(
        boundary_strip(generator, sparse[[0]], sparse[[1]]),
        boundary_strip(generator, plane[0], plane[1]),
    )
    with pytest.raises(ValueError, match=r"second must be a row like first, of shape"):
        boundary_strip(generator, plane[0], plane[1, :1])


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_whole_numbers_of_a_frame_stay_whole(kind, plane):
    """The model that answers has seen a frame: it would warn of rows without names."""
    lib = pytest.importorskip(kind)
    frame = lib.DataFrame({"n": np.arange(300), "x": plane[:, 0].astype(np.float32)})
    model = LogisticRegression().fit(frame, np.arange(300) > 150)
    rows, _ = QuerySynthesis(PCA()).propose(model, frame, 5, random_state=0)
    assert type(rows) is type(frame)
    assert list(rows.dtypes) == list(frame.dtypes)
    assert rows["n"].max() <= 299


def test_many_that_are_drawn_near_one_row_get_rows_one_by_one():
    """More than are looked up at once for each."""
    codes = np.arange(100.0)[:, None] ** 2

    class Same:
        def of(self, rows):
            return np.asarray(rows)

    wanted = np.full((40, 1), 50.0**2 + 0.25)  # no two codes are as far
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_query, "own_distances", lambda codes: [np.inf])
        picked, _ = _query.projected(
            Same(), as_rows(codes), wanted, np.random.RandomState(0)
        )
    order = np.argsort(np.abs(codes[:, 0] - wanted[0, 0]))
    np.testing.assert_array_equal(picked, order[:40])


@pytest.mark.long
def test_on_digits_its_area_is_above_random_and_not_far_below_margin():
    X, y = load_digits(return_X_y=True)
    X = X / 16
    areas = {"random": [], "margin": [], "synthesis": []}
    for seed in range(10):
        order = np.random.RandomState(seed).permutation(len(X))
        pool, test = order[:900], order[900:]
        generator = FrozenEstimator(PCA(0.95).fit(X[pool]))
        strategies = ("random", "margin", QuerySynthesis(generator))
        for name, strategy in zip(areas, strategies, strict=True):
            learner = ActiveLearner(
                LogisticRegression(C=10, max_iter=500),
                strategy,
                n_labels=120,
                n_initial=20,
                store_estimators=True,
                random_state=seed,
            ).fit(X[pool], y[pool])
            areas[name].append(np.mean(list(learner.staged_score(X[test], y[test]))))
    mean = {name: np.mean(each) for name, each in areas.items()}
    assert mean["synthesis"] > mean["random"] + 0.01
    assert mean["synthesis"] > mean["margin"] - 0.01
