"""What is measured in every round: how good the model is, and what was asked."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import entr
from scipy.stats import rankdata
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import get_scorer, get_scorer_names

from skal._checks import nearest_first
from skal.experiment._positive_class import scored_for
from skal.metrics import expected_calibration_error

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skal.experiment._units import UnitAnswers

#: False positive rates at which ROC curves are kept.
FPR_GRID = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class Measure:
    """A number a round, and which way is better (+1, -1; 0 is neither)."""

    title: str
    better: int
    compute: Callable[[Any], float]
    needs_proba: bool = True


class Answers:
    """What a model says of the test rows, each thing worked out once.

    Parameters
    ----------
    learner : ActiveLearner
        As of the end of a round.
    X_test, y_test : array-like
        The held-out rows.
    """

    def __init__(self, learner, X_test, y_test):
        self.learner = learner
        self.X_test, self.y_test = X_test, y_test
        self.proba, self.predicted, self.codes = None, None, None
        classes = getattr(learner, "classes_", None)
        if classes is None:
            self.predicted = np.asarray(learner.predict(X_test), float)
            return
        self.n_classes = len(classes)
        self.codes = np.searchsorted(classes, y_test)
        if hasattr(learner, "predict_proba"):
            self.proba = as_distribution(learner.predict_proba(X_test))
            self.predicted = self.proba.argmax(axis=1)
        else:
            self.predicted = np.searchsorted(classes, learner.predict(X_test))

    @property
    def confusion(self) -> NDArray[np.int64]:
        """Rows are true classes, columns predicted ones."""
        return confusion(self.codes, self.predicted, self.n_classes)

    @property
    def train_nll(self) -> float:
        """Mean loss on the rows the model was trained on."""
        learner, view = self.learner, self.learner.__skal_view__()
        proba = as_distribution(learner.predict_proba(view.X_training))
        return nll(np.searchsorted(learner.classes_, view.y_training), proba)

    @property
    def errors(self) -> NDArray[np.float64]:
        """What a regressor is off by."""
        return self.predicted - np.asarray(self.y_test, float)

    @property
    def r2(self) -> float:
        """Share of the variance of the test labels that is explained."""
        variance = np.var(np.asarray(self.y_test, float))
        return 1 - np.mean(self.errors**2) / variance if variance else np.nan


def _of_proba(function):
    return lambda answers: function(answers.codes, answers.proba)


CLASSIFICATION = {
    "accuracy": Measure(
        "accuracy", 1, lambda a: np.mean(a.predicted == a.codes), needs_proba=False
    ),
    "balanced_accuracy": Measure(
        "balanced accuracy", 1, lambda a: balanced(a.confusion), needs_proba=False
    ),
    "nll": Measure("negative log-likelihood", -1, _of_proba(lambda y, p: nll(y, p))),
    "brier": Measure("Brier score", -1, _of_proba(lambda y, p: brier(y, p))),
    "ece": Measure("calibration error", -1, _of_proba(lambda y, p: ece(y, p))),
    "auc": Measure("macro AUC", 1, _of_proba(lambda y, p: macro_auc(y, p))),
    "test_entropy": Measure(
        "predictive entropy", 0, lambda a: entr(a.proba).sum(axis=1).mean()
    ),
    "train_nll": Measure("training loss", 0, lambda a: a.train_nll),
}

REGRESSION = {
    "r2": Measure("R²", 1, lambda a: a.r2, needs_proba=False),
    "rmse": Measure(
        "root mean squared error",
        -1,
        lambda a: np.sqrt(np.mean(a.errors**2)),
        needs_proba=False,
    ),
    "mae": Measure(
        "mean absolute error",
        -1,
        lambda a: np.mean(np.abs(a.errors)),
        needs_proba=False,
    ),
}

#: Of rows that have a label for each unit, such as a pixel.
UNITS = {
    name: Measure(title, 1, attrgetter(name), needs_proba=False)
    for name, title in (
        ("mean_iou", "IoU"),  # which sentences call a mean
        ("pixel_accuracy", "pixel accuracy"),
        ("score", "score"),
    )
}
#: By what rows have: a class, a number, a label for each unit.
OWN = {"multiclass": CLASSIFICATION, "regression": REGRESSION, "structured": UNITS}

#: What more is measured where one class of two is looked for.
OF_ONE_CLASS = ("recall", "f1")
BUILT_IN = {**CLASSIFICATION, **REGRESSION, **UNITS}
#: How even the classes are among the labels of a round, and among all.
ENTROPIES = ("asked_entropy", "labeled_entropy")
#: How many labels so far were of no class.
N_REJECTED = "n_rejected"


def resolve_metrics(
    metrics: Any, target_type: str, positive: Any = None
) -> dict[str, Any]:
    """Return what to compute, by name: a Measure, or a scorer of scikit-learn's kind.

    Parameters
    ----------
    metrics : list, dict or None
        As :class:`Experiment` takes it.
    target_type : {"multiclass", "regression", "structured"}
        What the labels are.
    positive : object, default=None
        The class of two that scorers of scikit-learn look for.

    Returns
    -------
    dict of str to Measure
        What to compute.
    """
    own = OWN[target_type]
    if metrics is None:
        more = () if positive is None else OF_ONE_CLASS
        return {**own, **{name: _resolve(name, own, positive) for name in more}}
    if isinstance(metrics, str) or not isinstance(metrics, Iterable):
        metrics = [metrics]
    for name in metrics:
        if not isinstance(name, str):
            raise _not_a_metric(name)
    if not isinstance(metrics, dict):
        metrics = {name: name for name in metrics}
    if not metrics:
        raise ValueError("metrics must name at least one measure, got none.")
    return {name: _resolve(metric, own, positive) for name, metric in metrics.items()}


def check_scorers(
    metrics: Any, y: NDArray[Any], is_classes: bool, positive: Any = None
) -> None:
    """Refuse scorers of scikit-learn that cannot score such labels.

    Parameters
    ----------
    metrics : list, dict or None
        As :class:`Experiment` takes it, checked.
    y : ndarray of shape (n_samples,)
        Labels.
    is_classes : bool
        Whether they are classes.
    positive : object, default=None
        The class of two that they look for.
    """
    own = CLASSIFICATION if is_classes else REGRESSION
    if isinstance(metrics, str):
        metrics = [metrics]
    values = metrics.values() if isinstance(metrics, dict) else metrics or ()
    names = [one for one in values if isinstance(one, str) and one not in own]
    X = np.zeros((len(y), 1))
    model = DummyClassifier() if is_classes else DummyRegressor()
    for name in names:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                scorer_of(name, positive)(model.fit(X, y), X, y)
        except (TypeError, ValueError) as error:
            averaged = f"{name}_macro"
            known = is_classes and averaged in get_scorer_names()
            raise ValueError(
                f"metrics must name measures that can score labels such as "
                f"{y.tolist()[0]!r}, got {name!r}. Take "
                f"{averaged if known else 'another'!r}{_or_say(y)}. ({error})"
            ) from error


def _or_say(y):
    """Say that there is a way to name the class looked for, where there are two."""
    return ", or say which class to look for with pos_label" * (len(np.unique(y)) == 2)


def scorer_of(name: str, positive: Any) -> Callable[..., float]:
    """Return a scorer of scikit-learn, which looks for a class where one is named."""
    scorer = get_scorer(name)
    return scorer if positive is None else scored_for(scorer, positive)


def _resolve(metric, own, positive):
    if isinstance(metric, str) and metric in own:
        return own[metric]
    if isinstance(metric, str):
        if metric not in get_scorer_names():
            words = nearest_first(metric, {*own, *get_scorer_names()})[:12]
            raise ValueError(
                f"metrics must name measures of skal.experiment or scorers of "
                f"scikit-learn, such as {', '.join(map(repr, words))}, got {metric!r}."
            )
        title, metric = metric.replace("_", " "), scorer_of(metric, positive)
    elif callable(metric):
        title = getattr(metric, "__name__", "score")
    else:
        raise _not_a_metric(metric)

    def compute(answers, scorer=metric):
        return scorer(answers.learner, answers.X_test, answers.y_test)

    return Measure(title, 1, compute, needs_proba=False)


def _not_a_metric(thing):
    return TypeError(
        "metrics must be names, or a dict of scorers f(estimator, X, y), got "
        f"{thing!r}."
    )


def title_of(metric: str) -> str:
    """Name a measure for the eye."""
    known = BUILT_IN.get(metric)
    return known.title if known else metric.replace("_", " ")


def better_of(metric: str) -> int:
    """Return 1 where higher is better, -1 where lower is, 0 where neither."""
    known = BUILT_IN.get(metric)
    return known.better if known else int(metric not in (*ENTROPIES, N_REJECTED))


def in_order(names: Any) -> list[str]:
    """Sort the names of measures: the built-in ones first, as they are listed."""
    known = list(BUILT_IN)
    place = {name: i - len(known) for i, name in enumerate(known)}
    place |= dict.fromkeys((*ENTROPIES, N_REJECTED), 1)
    return sorted(names, key=lambda name: (place.get(name, 0), name))


def measure(
    measures: dict[str, Measure], answers: Answers | UnitAnswers
) -> dict[str, float]:
    """Compute the measures; NaN for those that a model without probabilities lacks.

    Parameters
    ----------
    measures : dict of str to Measure
        What to compute.
    answers : Answers or UnitAnswers
        What the model says.

    Returns
    -------
    dict of str to float
        The numbers by name.
    """
    return {
        name: np.nan
        if one.needs_proba and answers.proba is None
        else float(one.compute(answers))
        for name, one in measures.items()
    }


# The formulas -------------------------------------------------------------------


def as_distribution(proba):
    """Return probabilities in double precision whose rows sum to one."""
    proba = np.asarray(proba, dtype=float)
    return proba / proba.sum(axis=1, keepdims=True)


def confusion(codes, predicted, n_classes):
    """Count the test rows by true (row) and predicted (column) class."""
    pairs = np.bincount(codes * n_classes + predicted, minlength=n_classes**2)
    return pairs.reshape(n_classes, n_classes)


def balanced(counts):
    """Return the mean recall over the classes there are."""
    support = counts.sum(axis=1)
    there = support > 0
    return np.mean(counts.diagonal()[there] / support[there])


def nll(codes, proba):
    """Return the mean of -log p of the true class, p being at least 1e-15."""
    true = proba[np.arange(len(codes)), codes]
    return -np.mean(np.log(np.maximum(true, 1e-15)))


def brier(codes, proba):
    """Return the mean squared distance from the true distribution, in [0, 2]."""
    true = proba[np.arange(len(codes)), codes]
    return np.mean((proba**2).sum(axis=1) - 2 * true + 1)


def ece(codes, proba):
    """Return how far confidence is from accuracy, over bins of equal width."""
    return expected_calibration_error(codes, proba, labels=np.arange(proba.shape[1]))


def macro_auc(codes, proba):
    """Return the mean over classes of the area under the ROC curve, one against all."""
    n, n_classes = proba.shape
    counts = np.bincount(codes, minlength=n_classes)
    usable = (counts > 0) & (counts < n)
    if not usable.any():
        return np.nan
    ranks = rankdata(proba, axis=0)
    sums = np.bincount(codes, ranks[np.arange(n), codes], n_classes)[usable]
    counts = counts[usable]
    return np.mean((sums - counts * (counts + 1) / 2) / (counts * (n - counts)))


def roc(codes, proba):
    """Return true positive rates on FPR_GRID, a row for each class; NaN without one."""
    rates = np.full((proba.shape[1], len(FPR_GRID)), np.nan)
    for k, scores in enumerate(proba.T):
        order = np.argsort(-scores, kind="stable")
        hits = (codes == k)[order]
        if hits.all() or not hits.any():
            continue
        last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
        true = np.append(0, np.cumsum(hits)[last]) / hits.sum()
        false = np.append(0, np.cumsum(~hits)[last]) / (~hits).sum()
        rates[k] = np.interp(FPR_GRID, false, true)
    return rates


def class_entropy(counts):
    """Return how evenly classes are met: 1 is equally often, 0 one class alone."""
    total, n_classes = counts.sum(), len(counts)
    if total == 0 or n_classes < 2:
        return np.nan
    return entr(counts / total).sum() / np.log(n_classes)
