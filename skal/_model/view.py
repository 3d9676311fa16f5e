"""ModelView: what a strategy may ask of the fitted model, each answer computed once."""

from __future__ import annotations

from copy import copy, deepcopy
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import is_regressor
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if

from skal._checks import check_int
from skal._data import Labels, as_rows, n_rows
from skal._model import answers, columns, layers, needs
from skal._model.finite import checked_proba, measurable
from skal._model.memo import Memo
from skal._model.unit_answers import UnitAnswers
from skal._seed import draw_seed

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

#: Samples are kept for the rest of the query up to this many bytes, else streamed.
_KEEP_SAMPLES_BYTES = 2**26
#: A chunk of streamed samples takes about this many bytes.
_STREAM_BYTES = 2**24


def as_view(model):
    """Return a ModelView of a fitted estimator or a learner; a view stays itself."""
    if isinstance(model, ModelView):
        return model
    view = getattr(model, "__skal_view__", None)
    return ModelView(model) if view is None else view()


def _estimator_has(method):
    def check(self):
        getattr(self.estimator, method)  # its AttributeError says what is missing
        return True

    return check


class ModelView(UnitAnswers):
    """What a query strategy may ask of the fitted model.

    A view lives for one query. Whatever it computes for a row is remembered, for
    every selection of rows of the same X, so that a strategy inside a strategy costs
    no second pass. Learners build views by themselves; build one by hand to use a
    strategy, a formula or a stopping rule with an estimator fitted elsewhere.

    Parameters
    ----------
    estimator : estimator
        A fitted scikit-learn estimator.
    X_training : array-like of shape (n_labels, ...), default=None
        The labelled rows that it was fitted on.
    y_training : array-like of shape (n_labels,), default=None
        Their labels.
    X_rejected : array-like of shape (n_rejected, ...), default=None
        Rows that were asked for and belong to no class; None where there are none.
    is_rejected : array-like of bool of shape (n_asked,), default=None
        Which of all the rows asked for these are, in the order in which they were
        taught; None where there are none. ``history`` counts them all, and
        :meth:`in_order` puts what is known of ``y_training`` into that order.
    classes : array-like of shape (n_classes,), default=None
        The full set of classes; None takes the estimator's own.
    random_state : int, RandomState instance or None, default=None
        Seeds the posterior draws: one integer, the same for every row and chunk.
    history : dict of ndarray, default=None
        The learner's history so far. A learner adds ``places``: where the rows of each
        round stand among all that were asked for, -1 for rows taken back. A strategy
        that is to act alike in a simulation and in a live loop reads ``n_labels`` and
        ``places`` of it, and ``info`` by the ``pool_indices`` beside it.
    round : int, default=0
        How many rounds have been bought.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The full set of classes; absent for regressors.
    target_type : {"multiclass", "multilabel", "regression", "structured"}
        The kind of target; structured where the estimator answers for units of rows.
    n_labels : int
        The number of labelled rows.

    See Also
    --------
    ActiveLearner : Builds a view for each query.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ModelView
    >>> from skal.query import Margin
    >>> X, y = load_iris(return_X_y=True)
    >>> view = ModelView(LogisticRegression(max_iter=1000).fit(X, y), X, y)
    >>> Margin().score_samples(view, X).shape
    (150,)
    """

    def __init__(
        self,
        estimator: Any,
        X_training: Any = None,
        y_training: Any = None,
        *,
        X_rejected: Any = None,
        is_rejected: ArrayLike | None = None,
        classes: ArrayLike | None = None,
        random_state: int | np.random.RandomState | None = None,
        history: dict[str, NDArray[Any]] | None = None,
        round: int = 0,
    ) -> None:
        self.estimator = estimator
        self.X_training = X_training
        self.y_training = y_training
        self.X_rejected = X_rejected
        self.is_rejected = None if is_rejected is None else np.asarray(is_rejected)
        self._history: Any = {} if history is None else history  # or what builds it
        self.round = round
        self.n_labels = 0 if X_training is None else n_rows(X_training)
        self._labels = _labels_of(estimator, y_training, classes)
        self._encoded = False
        self._cold = False
        self._random_state: Any = random_state  # or a function that makes one
        self._seed: int | None = None
        self._expected: frozenset[str] = frozenset()
        self._embedding: Callable[[Any], Any] | None = None  # in place of the model's
        self._memos: dict[Any, Any] = {}
        self._kept: dict[int, Any] = {}

    @classmethod
    def _of_learner(cls, estimator, labels, *, cold=False, **context):
        """Build the view of a learner, whose estimator answers in codes."""
        view = cls(estimator, **context)
        view._labels = labels
        view._encoded = True
        view._cold = cold
        return view

    def __repr__(self) -> str:
        """Name the estimator and count the labels."""
        return f"ModelView({self.estimator!r}, n_labels={self.n_labels})"

    def __sklearn_tags__(self):
        """Answer as the estimator does, so that scorers accept a view."""
        return get_tags(self.estimator)

    def __sklearn_is_fitted__(self) -> bool:
        """Tell whether the estimator has been fitted."""
        return not self._cold

    @property
    def target_type(self) -> str:
        """The kind of target, such as "multiclass"."""
        return self._labels.target_type

    def in_order(self, values: ArrayLike, rejected: Any = 0) -> NDArray[Any]:
        """Put values of the labelled rows in the order in which rows were asked for.

        ``history["n_labels"]`` counts rejected rows too, ``y_training`` leaves them
        out.

        Parameters
        ----------
        values : array-like of shape (n_labels, ...)
            A value of each labelled row.
        rejected : scalar, default=0
            The value of a rejected row.

        Returns
        -------
        ndarray of shape (n_asked, ...)
            A value of each row asked for; ``values`` where no row was rejected.

        Examples
        --------
        >>> from sklearn.dummy import DummyClassifier
        >>> from skal import ModelView
        >>> X, y = [[0.0], [1.0]], ["a", "b"]
        >>> view = ModelView(DummyClassifier().fit(X, y), X, y,
        ...     X_rejected=[[9.0]], is_rejected=[False, True, False])
        >>> view.in_order([True, True], rejected=False)
        array([ True, False,  True])
        """
        values = np.asarray(values)
        if self.is_rejected is None:
            return values
        shape = len(self.is_rejected), *values.shape[1:]
        full = np.full(shape, rejected, values.dtype)
        full[~self.is_rejected] = values
        return full

    @property
    def history(self) -> dict[str, NDArray[Any]]:
        """The history so far: columns with an entry a round, built when first read."""
        if callable(self._history):
            self._history = self._history()
        return self._history

    @history.setter
    def history(self, history: dict[str, NDArray[Any]]) -> None:
        self._history = history

    @property
    def classes_(self) -> NDArray[Any]:
        """The full set of classes."""
        if self._labels.classes is None:
            raise AttributeError(f"{self.target_type} targets have no classes_.")
        return self._labels.classes

    # What the model predicts ---------------------------------------------------

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X: Any, **params: Any) -> NDArray[Any]:
        """Return the probability of each class.

        Parameters
        ----------
        X : array-like or Rows
            Rows to ask about.
        **params : dict
            Passed to the estimator; such calls are not remembered.

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
            Columns follow ``classes_``, zero for classes the model has not seen; for
            multilabel the chance of each label.

        Raises
        ------
        ValueError
            If the estimator answers NaN or infinity.
        """
        self._need_model("predict_proba")
        rows = as_rows(X)
        if params:
            answer = self.estimator.predict_proba(rows.data(), **params)
            return self._padded(answers.plain(answer))
        if self._reads_head():
            return self._head_of(rows)
        return self._once("proba", rows, self._fresh_proba)

    def predict(self, X: Any, **params: Any) -> Any:
        """Return the predicted labels.

        Parameters
        ----------
        X : array-like or Rows
            Rows to ask about.
        **params : dict
            Passed to the estimator; such calls are not remembered.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_outputs)
            Labels as the user wrote them.
        """
        self._need_model("predict")
        rows = as_rows(X)
        if params:
            answer = self.estimator.predict(rows.data(), **params)
            return answer if isinstance(answer, tuple) else self._decoded(answer)

        if self.target_type == "structured":
            return self._structured_predict(rows)

        def fresh(data):
            answer = answers.plain(self.estimator.predict(data))
            return columns.known(self.estimator, answer, data)

        return self._decoded(self._once("predict", rows, fresh))

    @available_if(_estimator_has("decision_function"))
    def decision_function(self, X: Any) -> NDArray[Any]:
        """Return the decision values of each class.

        Parameters
        ----------
        X : array-like or Rows
            Rows to ask about.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_classes)
            Unseen classes get the row's minimum - 1.
        """
        self._need_model("decision_function")
        return self._once("decision", as_rows(X), self._fresh_decision)

    def predict_std(self, X: Any, n_samples: int | None = None) -> NDArray[Any]:
        """Return how unsure a regressor is of each row.

        Parameters
        ----------
        X : array-like or Rows
            Rows to ask about.
        n_samples : int, default=None
            How many members or draws to use; None takes them all.

        Returns
        -------
        ndarray of shape (n_rows,)
            The standard deviation over its own ``sample_predict``, else its
            ``predict(return_std=True)``, else the standard deviation over its members;
            averaged over outputs.
        """
        self._need_model("predict_std")
        check_n_samples(n_samples)

        def fresh(data):
            return answers.predict_std(self.estimator, data, n_samples, self.seed)

        return self._once(("std", n_samples), as_rows(X), fresh)

    # Where the model puts a row ------------------------------------------------

    def embed(self, X: Any) -> Any:
        """Return the embedding of each row: what the last layer sees.

        Parameters
        ----------
        X : array-like or Rows
            Rows to embed.

        Returns
        -------
        ndarray of shape (n_rows, n_features) and float32, or CSR
            The estimator's own ``embed``; the output of a Pipeline's transformers; X
            itself, flattened, where neither is there. Numbers so far from 0 that
            float32 would lose their differences (an offset of 256 times the range of
            its column) stay float64.

        Raises
        ------
        TypeError
            If X is its own embedding and not numeric.
        ValueError
            If the embedding holds NaN, infinity, or numbers that have no square.
        """
        rows = as_rows(X)
        embed = self._embedding_of(rows.X)

        def fresh(data):
            return measurable(embed(data), self.estimator)

        return self._once(("embed", self._embedding), rows, fresh)

    def embedded_by(self, transform: Callable[[Any], Any]) -> ModelView:
        """Return a view of the same model whose embeddings are those of a function.

        The two remember together what the model answers.

        Parameters
        ----------
        transform : callable
            Takes rows (n, ...) in the user's own type, returns numbers (n, d).

        Returns
        -------
        ModelView
            The view.

        Examples
        --------
        >>> from sklearn.dummy import DummyClassifier
        >>> from skal import ModelView
        >>> X, y = [[0.0, 2.0], [1.0, 3.0]], ["a", "b"]
        >>> view = ModelView(DummyClassifier().fit(X, y), X, y)
        >>> view.embedded_by(lambda X: [row[:1] for row in X]).embed(X)
        array([[0.],
               [1.]], dtype=float32)
        """
        view = copy(self)
        view._memos, view._kept = self._memos, self._kept
        view._embedding = transform
        return view

    def gradient_features(self, X: Any, n_features: int = 512) -> NDArray[Any]:
        """Return what each row would teach all layers of a network, sketched.

        Parameters
        ----------
        X : array-like or Rows
            Rows to ask about.
        n_features : int, default=512
            Numbers a row.

        Returns
        -------
        ndarray of shape (n_rows, n_features) and float32
            The network's ``gradient_features``; one sketch for all rows of this query.

        Raises
        ------
        TypeError
            If the estimator has none, and is not around what has.
        ValueError
            If they hold NaN, infinity, or numbers that have no square.
        """
        self._need_model("gradient_features")
        check_int("n_features", n_features)

        def fresh(data):
            found = answers.gradient_features(
                self.estimator, data, n_features, self.seed
            )
            return measurable(found, self.estimator)

        return self._once(("gradients", n_features), as_rows(X), fresh)

    def head_proba(self, E: Any) -> NDArray[Any]:
        """Return the probability of each class for embeddings.

        Parameters
        ----------
        E : array-like of shape (n_rows, n_features)
            Embeddings, such as ``embed`` returns.

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
            ``head_proba(embed(X))`` equals ``predict_proba(X)``.
        """
        self._need_model("head_proba")
        return self._padded(answers.head_proba(self.estimator, E))

    # What the model believes ---------------------------------------------------

    @property
    def seed(self) -> int:
        """The integer that fixes the posterior draws of this query."""
        if self._seed is None:
            state = self._random_state
            self._seed = draw_seed(state() if callable(state) else state)
        return self._seed

    def sample_proba(self, X: Any, n_samples: int | None = None) -> NDArray[Any]:
        """Return class probabilities of several draws or members.

        Parameters
        ----------
        X : array-like or Rows
            Rows to ask about.
        n_samples : int, default=None
            Number of draws S; None takes the estimator's own.

        Returns
        -------
        ndarray of shape (S, n_rows, n_classes) and float32
            The same draws for every row.

        Raises
        ------
        TypeError
            If the estimator has neither samples nor members.
        """
        self._need_model("sample_proba")
        check_n_samples(n_samples)

        def fresh(data):  # rows first, so that they can be remembered by row
            return np.swapaxes(self._samples_of(data, n_samples), 0, 1)

        kept = self._once(("samples", n_samples), as_rows(X), fresh)
        return np.swapaxes(kept, 0, 1)

    def sample_predict(self, X: Any, n_samples: int | None = None) -> NDArray[Any]:
        """Return the predictions of several draws or members.

        Parameters
        ----------
        X : array-like or Rows
            Rows to ask about.
        n_samples : int, default=None
            Number of draws S; None takes the estimator's own.

        Returns
        -------
        ndarray of shape (S, n_rows) or (S, n_rows, n_outputs)
            Labels for classifiers, numbers for regressors.
        """
        self._need_model("sample_predict")
        check_n_samples(n_samples)
        if self.target_type == "multiclass":
            return self.classes_[self._opinions(X, n_samples).argmax(axis=2)]
        if self.target_type == "multilabel":
            return (self._opinions(X, n_samples) > 0.5).astype(int)

        def fresh(data):
            draws = answers.sample_predict(self.estimator, data, n_samples, self.seed)
            return np.swapaxes(draws, 0, 1)

        kept = self._once(("draws", n_samples), as_rows(X), fresh)
        return np.swapaxes(kept, 0, 1)

    def reduce_samples(
        self,
        f: Callable[[NDArray[Any]], NDArray[Any]],
        X: Any,
        n_samples: int | None = None,
    ) -> NDArray[Any]:
        """Reduce the samples of each row to a number, in pieces where they are many.

        Parameters
        ----------
        f : callable
            Takes (S, m, n_classes) probabilities, returns (m,).
        X : array-like or Rows
            Rows to ask about.
        n_samples : int, default=None
            Number of draws S; None takes the estimator's own.

        Returns
        -------
        ndarray of shape (n_rows,)
            The reduced samples.
        """
        self._need_model("sample_proba")
        rows = as_rows(X)
        if len(rows) == 0:
            return np.empty(0)
        check_n_samples(n_samples)
        row_bytes = self._samples_of(rows.take([0]).data(), n_samples).nbytes
        if row_bytes * len(rows) <= _KEEP_SAMPLES_BYTES:
            return f(self.sample_proba(rows, n_samples))
        size = max(1, _STREAM_BYTES // row_bytes)
        parts = [
            f(self._samples_of(chunk.data(), n_samples))
            for _, chunk in rows.chunks(size)
        ]
        return np.concatenate(parts)

    def reduce_votes(
        self,
        f: Callable[[NDArray[Any]], NDArray[Any]],
        X: Any,
        n_samples: int | None = None,
    ) -> NDArray[Any]:
        """Reduce the votes on each row to a number; members without probabilities vote.

        Parameters
        ----------
        f : callable
            Takes (S, m, n_classes), in which the largest of a row's numbers marks the
            vote, returns (m,). The numbers are ``sample_proba`` where there is one;
            those of a hard voting committee are 1 and 0.
        X : array-like or Rows
            Rows to ask about.
        n_samples : int, default=None
            Number of voters S; None takes them all.

        Returns
        -------
        ndarray of shape (n_rows,)
            The reduced votes.

        Raises
        ------
        TypeError
            If the estimator has neither samples nor members.
        """
        if not self._votes_alone():
            return self.reduce_samples(f, X, n_samples)
        return f(self._opinions(X, n_samples))

    # Inside --------------------------------------------------------------------

    def _expecting(self, strategy, rng=None):
        """Note what a strategy will ask, so that one pass can answer it all.

        A view built by hand takes its seed from the query's.
        """
        strategy.check(self.estimator, self.target_type)
        self._expected |= strategy.needs
        if rng is not None and self._random_state is None:
            self._random_state = deepcopy(rng)  # the strategy's draws stay its own
        return self

    def _settled(self):
        """Draw the seed, so that copies of the view draw the same samples."""
        return self._seeded(self.seed)

    def _seeded(self, seed):
        """Take the posterior draws of the model around this one."""
        self._seed = seed
        return self

    def _need_model(self, method):
        if self._cold:
            raise TypeError(
                f"{method} needs a fitted model, but no label is known yet. As "
                'initial= give a strategy that needs no predictions, such as "random".'
            )

    def _once(self, key, rows, compute):
        """Answer from memory, computing the rows never asked before."""
        # The memo holds the base too, so that its id cannot be taken by another.
        base, memo = self._memos.get((id(rows.X), key), (None, None))
        if base is not rows.X:
            memo = Memo(n_rows(rows.X))
            self._memos[id(rows.X), key] = rows.X, memo
        return memo.get(rows, compute)

    def __getstate__(self):
        """Leave the answers behind: their keys are places in this process's memory."""
        return {**vars(self), "_memos": {}, "_kept": {}}

    def _padded(self, proba):
        """Return probabilities for all classes, after checking that they are finite."""
        every = columns.padded(proba, self.estimator, self._labels, self._columns())
        return checked_proba(every, self.estimator)

    def _columns(self):
        """Return where the estimator's columns stand among classes_."""
        if self._encoded or self.target_type != "multiclass":
            return columns.places_of(self.estimator, self._labels)
        own = getattr(self.estimator, "classes_", None)
        return None if own is None else np.searchsorted(self._labels.classes, own)

    def _decoded(self, answer):
        return self._labels.decode(answer) if self._encoded else answer

    def _fresh_proba(self, data):
        data = answers.widened(self.estimator, data)
        return self._padded(answers.plain(self.estimator.predict_proba(data)))

    def _fresh_decision(self, data):
        data = answers.widened(self.estimator, data)
        decision = answers.plain(self.estimator.decision_function(data))
        return self._labels.pad_decision(decision, self._columns())

    def _head_of(self, rows):
        """Answer probabilities from embeddings: the trunk of a net runs once."""
        embeddings = self.embed(rows)
        return self.head_proba(embeddings)

    def _reads_head(self):
        """Tell whether probabilities come from embeddings that are asked for anyway."""
        asked = "embed" in self._expected and self._embedding is None
        return asked and answers.splits_in_two(self.estimator)

    def _embedding_of(self, base):
        own = self._embedding
        if own is not None:
            return lambda data: answers.flatten(own(data))
        if not self._cold:
            return lambda data: answers.embed(self.estimator, data)
        front = self._kept.get(id(base))
        if front is None:
            front = (base, layers.cold_front(self.estimator, base, self.seed))
            self._kept[id(base)] = front
        transform = front[1]
        if transform is None:
            return answers.flatten
        return lambda data: answers.flatten(transform.transform(data))

    def _samples_of(self, data, n_samples):
        draws = answers.sample_proba(self.estimator, data, n_samples, self.seed)
        return checked_proba(self._padded_samples(draws), self.estimator)

    def _votes_alone(self):
        """Tell whether members can vote, but have no probabilities."""
        samples = needs.provides(self.estimator, "samples")
        return not samples and needs.provides(self.estimator, "votes")

    def _opinions(self, X, n_samples):
        """Return (S, n, C): samples, or the votes of members that have nothing else."""
        if not self._votes_alone():
            return self.sample_proba(X, n_samples)
        self._need_model("reduce_votes")
        check_n_samples(n_samples)

        def fresh(data):
            return np.swapaxes(self._votes_of(data, n_samples), 0, 1)

        kept = self._once(("votes", n_samples), as_rows(X), fresh)
        return np.swapaxes(kept, 0, 1)

    def _votes_of(self, data, n_samples):
        votes = answers.sample_votes(self.estimator, data, n_samples)
        return self._padded_samples(votes)

    def _padded_samples(self, draws):
        return columns.padded_samples(draws, self._labels, self._columns())


def check_n_samples(n_samples):
    """Refuse a number of samples that is no number of samples."""
    if n_samples is not None:
        check_int("n_samples", n_samples)


def _labels_of(estimator, y_training, classes):
    """Tell the kind of target of an estimator fitted elsewhere."""
    if needs.is_structured(estimator):
        return Labels("structured")
    if is_regressor(estimator):
        return Labels("regression")
    own = getattr(estimator, "classes_", None)
    many = isinstance(own, list) or np.ndim(y_training) == 2
    many = many or getattr(estimator, "multilabel_", False)  # one model a label
    if many:
        width = len(own) if own is not None else np.shape(y_training)[1]
        return Labels("multilabel", np.arange(width))
    if classes is None:
        return Labels("multiclass", None if own is None else np.asarray(own))
    known = np.unique(list(classes))
    strangers = np.setdiff1d([] if own is None else own, known)
    if len(strangers):
        raise ValueError(
            "classes must hold every class of the estimator, got none of "
            f"{strangers.tolist()}."
        )
    return Labels("multiclass", known)
