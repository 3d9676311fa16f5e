"""How a round is trained and kept: the fitted state of a learner."""

from __future__ import annotations

from contextlib import nullcontext
from copy import copy, deepcopy
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skal._checks import name_of
from skal._data import take_rows
from skal._loop import history as _history
from skal._meta import EstimatorInside
from skal._model import ModelView, sampled_before_training
from skal._seed import fork_torch, seeds_for, stream
from skal.query import as_strategy

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

#: What fitting sets. A new fit starts without what the last one left.
_FITTED = {
    "X_training_",
    "_labels",
    "_params",
    "_rounds",
    "_stages",
    "classes_",
    "estimator_",
    "estimators_",
    "labeled_iter_",
    "n_iter_",
    "seed_",
    "termination_condition_",
    "y_training_",
}


class Trained(EstimatorInside):
    """A learner's fitted state: trained on a lesson, replaced whole, seen as a view."""

    _rounds: list[dict[str, Any]]

    @property
    def history_(self) -> dict[str, NDArray[Any]]:
        """What happened, as a dict of columns with an entry a round."""
        if "_rounds" not in vars(self):
            raise AttributeError("ActiveLearner has no history_ before fit or teach.")
        return _history.columns(self._rounds)

    def _staged(self):
        """Yield the learner as it was after each round: shallow copies, for scorers."""
        n_labels = self.history_["n_labels"]
        stages = zip(self.estimators_, self._stages, n_labels, strict=True)
        for round, (estimator, labels, n) in enumerate(stages):
            stage = copy(self)
            stage.estimator_, stage._labels, stage.n_iter_ = estimator, labels, round
            stage.X_training_ = take_rows(self.X_training_, slice(n))
            stage.y_training_ = self.y_training_[:n]
            if labels.classes is not None:
                stage.classes_ = labels.classes
            yield stage

    def _train(self, lesson, seed, round):
        """Fit a model to a lesson; return the state to commit."""
        started = perf_counter()
        estimator = self._next_estimator(lesson, seed, round)
        X, codes, params = lesson.for_estimator()
        with fork_torch(seed, round, "fit"), self._looked_at(estimator, round):
            fit(estimator, X, codes, params, lesson)
        check_codes(estimator, lesson)
        state = {
            "estimator_": estimator,
            "seed_": seed,
            "X_training_": lesson.X,
            "y_training_": lesson.y,
            "n_iter_": round,
            "termination_condition_": None,
            "_labels": lesson.labels,
            "_params": lesson.params,
            "_fit_time": perf_counter() - started,
        }
        if lesson.whole is not None:
            state["_pseudo"] = _history.pseudo_record(estimator, codes, lesson.truth)
        if lesson.labels.classes is not None:
            state["classes_"] = lesson.labels.classes
        if self.store_estimators:
            models, stages = self._stored() if round > 0 else ([], [])
            state["estimators_"] = [*models, estimator]
            state["_stages"] = [*stages, lesson.labels]
        if round > 0:  # there is a good state to keep
            with fork_torch(seed, round, "check"):
                self._check_answers(estimator, lesson)
        return state

    def _looked_at(self, estimator, round):
        """Let a net that a simulation will ask for samples fail before training."""
        if self.n_labels is None or round > 0:  # nothing is asked of it yet, or it was
            return nullcontext()
        if "samples" not in as_strategy(self.query_strategy).needs:
            return nullcontext()
        return sampled_before_training(estimator)

    def _stored(self):
        """Return the models of the rounds so far, and the labels they answer in."""
        models = getattr(self, "estimators_", [])
        if len(models) < len(self._rounds):
            raise ValueError(
                "store_estimators must be True from the first round on, got it after "
                f"{len(self._rounds)} rounds. Fit again, or leave it False."
            )
        return models, self._stages

    def _next_estimator(self, lesson, seed, round):
        """Return the estimator to fit: seeded, and warm where that is wanted."""
        template = self._template()
        warm = self.warm_start and round > 0 and not self._brings_a_class(lesson)
        estimator = deepcopy(self.estimator_) if warm else clone(template)
        rng = stream(seed, round, "fit")
        params = {**seeds_for(template, rng), **in_codes(template, lesson.labels)}
        if self.warm_start:
            params[warm_start_param(template)] = True
        return estimator.set_params(**params) if params else estimator

    def _brings_a_class(self, lesson):
        """Tell whether a lesson holds a class that the model was not trained on."""
        if lesson.labels.target_type != "multiclass":
            return False
        return not np.array_equal(np.unique(lesson.y), np.unique(self.y_training_))

    def _check_answers(self, estimator, lesson):
        """Refuse a model whose training has diverged, while the last one is there."""
        if hasattr(estimator, "predict_proba"):
            sample = take_rows(lesson.X, np.arange(min(10, len(lesson.y))))
            ModelView._of_learner(estimator, lesson.labels).predict_proba(sample)

    def _commit(self, state, bought, query_time=np.nan, info=None):
        """Replace the fitted state, all at once, and note the round."""
        state = dict(state)
        fit_time, pseudo = state.pop("_fit_time"), state.pop("_pseudo", None)
        before = self._rounds if state["n_iter_"] > 0 else []
        round = _history.entry(
            len(state["y_training_"]),
            bought,
            query_time,
            fit_time,
            info or {},
            pseudo,
        )
        state["_rounds"] = [*before, round]
        kept = {name: v for name, v in vars(self).items() if name not in _FITTED}
        self.__dict__ = {**kept, **state}

    def _view(self):
        """Return the view of the fitted model for the next query."""
        check_is_fitted(self)
        return ModelView._of_learner(
            self.estimator_,
            self._labels,
            X_training=self.X_training_,
            y_training=self.y_training_,
            history=self.history_,
            round=self.n_iter_,
            random_state=partial(stream, self.seed_, self.n_iter_ + 1, "samples"),
        )

    __skal_view__ = _view

    def _cold_view(self, labels, seed):
        """Return the view before the first label: it embeds, and predicts nothing."""
        random_state = partial(stream, seed, 0, "samples")
        return ModelView._of_learner(
            self._template(), labels, cold=True, random_state=random_state
        )


def fit(estimator, X, codes, params, lesson):
    """Fit; where there is one class yet and that is why it fails, say the way out."""
    try:
        estimator.fit(X, codes, **params)
    except ValueError as error:
        if lesson.labels.target_type != "multiclass" or len(np.unique(lesson.y)) > 1:
            raise
        raise ValueError(
            f"{name_of(estimator)} failed on labels of one class: all {len(lesson.y)} "
            f"are {lesson.y.tolist()[0]!r} ({error}). In a live loop, query more rows "
            "and teach them together with these; in a simulation, raise n_labels or "
            'set initial="stratified".'
        ) from error


def in_codes(estimator, labels):
    """Translate the parameters that name classes, since the estimator sees codes."""
    if labels.target_type != "multiclass":
        return {}
    code_of = {label: code for code, label in enumerate(labels.classes.tolist())}
    params: dict[str, Any] = {}
    for name, value in estimator.get_params(deep=True).items():
        last = name.rpartition("__")[2]
        if last == "class_weight" and isinstance(value, dict):
            check_named(name, value, code_of)
            params[name] = {code_of[label]: weight for label, weight in value.items()}
        elif last == "pos_label" and value is not None:
            check_named(name, [value], code_of)
            params[name] = code_of[value]
    return params


def check_named(name, named, known):
    """Refuse a parameter of the estimator that names a class there is not."""
    strangers = [label for label in named if label not in known]
    if strangers:
        raise ValueError(
            f"estimator__{name} must name known classes, {list(known)}, got "
            f"{strangers}. Give every class in classes=."
        )


def check_codes(estimator, lesson):
    """Refuse a model that answers in labels of its own, as a frozen one does."""
    own, labels = getattr(estimator, "classes_", None), lesson.labels
    if labels.target_type != "multiclass" or own is None or isinstance(own, list):
        return
    if lesson.whole is not None and -1 in own:
        raise ValueError(
            f"use_unlabeled must be False for {name_of(estimator)}, which takes the "
            "code -1 of unlabelled rows for a class, got True."
        )
    if not np.isin(own, np.arange(labels.n_outputs)).all():
        raise ValueError(
            f"estimator must learn the codes 0 to {labels.n_outputs - 1}, got "
            f"{name_of(estimator)} with the classes {np.asarray(own).tolist()}. Use an "
            "estimator that is not frozen, or that was fitted on codes."
        )


def warm_start_param(estimator):
    """Return the name of the parameter that makes an estimator go on from its weights.

    Ensembles take warm_start to mean "add members", which is something else.
    """
    prefix = f"{estimator.steps[-1][0]}__" if isinstance(estimator, Pipeline) else ""
    model = estimator[-1] if prefix else estimator
    params = model.get_params(deep=False)
    ensemble = type(model).__module__.startswith("sklearn.ensemble")
    if "warm_start" not in params or "n_estimators" in params or ensemble:
        raise ValueError(
            "warm_start must be False for an estimator that cannot go on from its "
            f"weights, got True with {name_of(model)}."
        )
    return f"{prefix}warm_start"
