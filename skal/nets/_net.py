"""NetClassifier: a PyTorch module as a scikit-learn classifier."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.utils import assert_all_finite, column_or_1d, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from skorch import NeuralNetClassifier
from torch.nn.functional import cross_entropy

from skal._checks import check_classes, check_number
from skal._meta import restored_on_failure
from skal._seed import draw_seed, fork_torch
from skal.nets._base import Net
from skal.nets._files import as_fact, from_fact
from skal.nets._mlp_module import MLP
from skal.nets._objective import Objective, as_weights
from skal.nets._passes import join

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from numpy.typing import ArrayLike, NDArray


class NetClassifier(Net, NeuralNetClassifier):
    """A PyTorch module as a classifier that keeps scikit-learn's rules.

    Any labels come in and the same labels come out; the module's output width and
    input shape are filled in; fits are seeded and leave torch's random state alone.
    It trains for a number of steps rather than epochs, since few labels make short
    epochs, and on every label, since labels are what is paid for.

    Parameters
    ----------
    module : torch.nn.Module, class or callable, default=None
        The network, or what makes it. It returns a score for each class (n,
        n_classes), no softmax. Of ``n_classes`` (or ``n_outputs``), ``input_shape``,
        ``n_features`` and ``n_channels`` those that its signature asks for are filled
        in; set others as ``module__name=``. None is a multilayer perceptron.
    classes : array-like, default=None
        Every label there is; None takes those in y.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss, as in scikit-learn.
    label_smoothing : float, default=0.0
        Share of each label that is spread over all classes.
    input_shape : tuple of int, default=None
        The shape of one row as the module sees it, for rows that come flat. None keeps
        the shape of X, with a channel before (height, width).
    max_steps : int, default=None
        Steps of a fit at most. None for both limits means 800, or 50 times the square
        root of the number of labels if that is more.
    max_epochs : int, default=None
        Passes over the labelled rows at most.
    batch_size : int or "auto", default="auto"
        Rows a step; "auto" takes 32, and 64 from 500 labels on. Every batch is full:
        where rows run out, the next shuffled order of them begins. One larger than all
        rows holds at most 1024.
    optimizer : class, default=torch.optim.AdamW
        The optimizer; set its options as ``optimizer__name=``.
    lr : float, default=3e-3
        The learning rate, at its height.
    lr_schedule : {"cosine", None}, default="cosine"
        Whether the learning rate rises over the first tenth of the steps and then
        falls to zero along a cosine; None for a callback that moves it.
    weight_decay : float, default=1e-2
        Weight decay of the optimizer.
    augment : {"affine", "crop_flip"}, callable or None, default=None
        Changes to each training image: turned, shifted, scaled and sheared; shifted
        and mirrored; or a function of a batch of tensors (n, C, H, W).
    early_stopping : bool, default=False
        Whether to hold out rows and to stop when their loss no longer falls; the best
        weights are kept. It is looked at about every 25 steps, and after the last.
    validation_fraction : float, default=0.1
        Share of rows that early stopping holds out.
    patience : int, default=10
        How many looks at the held-out rows without improvement end a fit.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the weights of the last fit.
    device : str or torch.device, default="auto"
        Where to compute; "auto" takes a GPU where there is one, of CUDA or of Apple.
    mixed_precision : bool or "auto", default="auto"
        Whether to train in bfloat16. "auto" does on GPUs that have it; CPUs that have
        it gain too, but take it only for True, for it moves the results.
    bfloat16 : bool, default=False
        Whether to predict in bfloat16, which is faster on CPUs that have it and moves
        probabilities by up to about 0.01.
    callbacks : list of skorch.callbacks.Callback, default=None
        What skorch's nets take. They hear of held-out rows with ``early_stopping``. One
        that could only fail or do nothing is refused before training.
    verbose : int, default=0
        Whether to print a line an epoch.
    random_state : int, RandomState instance or None, default=None
        Fixes first weights, order of rows, dropout and augmentation.
    **params : dict
        ``module__name`` and ``optimizer__name``.

    Attributes
    ----------
    module_ : torch.nn.Module
        The trained module, in eval mode.
    classes_ : ndarray of shape (n_classes,)
        The labels, in the order of the columns of ``predict_proba``.
    n_features_in_ : int
        Values in a row of X.
    history_ : skorch.history.History
        Loss and seconds of every epoch.

    See Also
    --------
    CNNClassifier : A small convolutional network with a recipe for few labels.
    MLPNetClassifier : A multilayer perceptron for tables.
    NetRegressor : The same for numbers.

    Notes
    -----
    X may be arrays, memory maps, tensors, sparse matrices, frames, or a torch Dataset
    of pairs (row, label). Rows are read a batch at a time, so that a large pool of
    uint8 images is never copied as floats; uint8 is scaled to [0, 1], anything else
    taken as it is, and a net fitted on one refuses the other. On a CPU, fits with the
    same ``random_state`` agree bit for bit.

    A fit that fails or is interrupted leaves the net as it was before. Parameters set
    after ``fit`` hold from the next fit on. ``save_params`` writes the weights, and
    with them the classes and the shape, columns and kind of rows; ``load_params``
    brings all of it back, to a new net too.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from torch import nn
    >>> from skal.nets import NetClassifier, Standardize
    >>> def network(n_features, n_classes):
    ...     layers = [Standardize(n_features), nn.Linear(n_features, 32), nn.ReLU()]
    ...     return nn.Sequential(*layers, nn.Linear(32, n_classes))
    >>> X, y = load_iris(return_X_y=True)
    >>> net = NetClassifier(network, max_steps=200, random_state=0).fit(X, y)
    >>> net.score(X, y) > 0.9
    True
    """

    _default_module: Any = MLP

    def __init__(
        self,
        module: Any = None,
        *,
        classes: ArrayLike | None = None,
        class_weight: dict[Any, float] | str | None = None,
        label_smoothing: float = 0.0,
        input_shape: tuple[int, ...] | None = None,
        max_steps: int | None = None,
        max_epochs: int | None = None,
        batch_size: int | str = "auto",
        optimizer: type[torch.optim.Optimizer] = torch.optim.AdamW,
        lr: float = 3e-3,
        lr_schedule: str | None = "cosine",
        weight_decay: float = 1e-2,
        augment: str | Callable[[torch.Tensor], torch.Tensor] | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 10,
        warm_start: bool = False,
        device: str = "auto",
        mixed_precision: bool | str = "auto",
        bfloat16: bool = False,
        callbacks: list[Any] | None = None,
        verbose: int = 0,
        random_state: int | np.random.RandomState | None = None,
        **params: Any,
    ) -> None:
        self._store(locals())

    @property
    def classes_(self) -> NDArray[Any]:
        """The labels, in the order of the columns of predict_proba."""
        if "_classes" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__} has no classes_ before fit.")
        return self._classes

    def fit(
        self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> NetClassifier:
        """Train on labelled rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...) or torch Dataset
            The rows.
        y : array-like of shape (n_rows,), default=None
            Their labels; None for a Dataset that holds them.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows in the loss. A row of weight 0 is as if it were absent.

        Returns
        -------
        self : object
            The fitted net.
        """
        go_on = bool(self.warm_start) and self.initialized_
        return self._fit(X, y, sample_weight, go_on=go_on)

    def partial_fit(
        self,
        X: Any,
        y: Any = None,
        classes: Iterable[Any] | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> NetClassifier:
        """Train on from the present weights, for as many steps as ``fit`` would.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...) or torch Dataset
            The rows.
        y : array-like of shape (n_rows,), default=None
            Their labels.
        classes : array-like, default=None
            Every label there is; needed at the first call where y lacks some.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows in the loss.

        Returns
        -------
        self : object
            The net.
        """
        go_on = self.initialized_
        return self._fit(X, y, sample_weight, go_on=go_on, classes=classes)

    def initialize(self) -> NetClassifier:
        """Make the module without rows, to load saved weights into it.

        Returns
        -------
        self : object
            The net, which now takes ``load_params``.

        Raises
        ------
        ValueError
            If ``input_shape`` or ``classes`` is not given.
        """
        if self.input_shape is None or self.classes is None:
            raise ValueError(
                "input_shape and classes must be given to make the network without "
                f"rows, got {self.input_shape!r} and {self.classes!r}. Or use pickle, "
                "which keeps them."
            )
        seed = draw_seed(self.random_state)
        with restored_on_failure(self), fork_torch(seed, 0, "net", alone=True):
            check_classes(self.classes)
            self._classes = np.unique(np.asarray(list(self.classes)))
            self._build_without_rows(len(self._classes))
        return self

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Return the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...) or torch Dataset
            Rows as in ``fit``.

        Returns
        -------
        ndarray of shape (n_rows, n_classes) and float32
            Columns follow ``classes_``.
        """
        return join(out.softmax(dim=1) for out in self.passes().outputs(X))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable label of each row.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...) or torch Dataset
            Rows as in ``fit``.

        Returns
        -------
        ndarray of shape (n_rows,)
            Labels as they were given.
        """
        proba = self.predict_proba(X)
        return self.classes_[proba.argmax(axis=1)]

    def head_proba(self, E: ArrayLike) -> NDArray[Any]:
        """Return the probability of each class for embeddings.

        Parameters
        ----------
        E : array-like of shape (n_rows, n_features)
            Embeddings, such as ``embed`` returns.

        Returns
        -------
        ndarray of shape (n_rows, n_classes) and float32
            ``head_proba(embed(X))`` equals ``predict_proba(X)``.
        """
        return join(out.softmax(dim=1) for out in self.passes().head_outputs(E))

    def sample_proba(
        self,
        X: Any,
        n_samples: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        dropout: str = "all",
    ) -> NDArray[Any]:
        """Return probabilities under draws of the dropout masks: MC dropout.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...) or torch Dataset
            Rows as in ``fit``.
        n_samples : int, default=None
            Number of draws S; None means 20.
        random_state : int, RandomState instance or None, default=None
            Fixes the masks.
        dropout : {"all", "last"}, default="all"
            Which dropout calls to sample: all, or the last alone, which is faster.

        Returns
        -------
        ndarray of shape (S, n_rows, n_classes) and float32
            The same draws for every row; the first draws of a longer call are those
            of a shorter one.

        Raises
        ------
        TypeError
            If the module has no dropout.

        References
        ----------
        Gal and Ghahramani, "Dropout as a Bayesian Approximation: Representing Model
        Uncertainty in Deep Learning", ICML 2016, arXiv:1506.02142.
        """
        draws = self._samples(X, n_samples, random_state, dropout)
        return join((out.softmax(dim=2) for out in draws), axis=1)

    def _beside_weights(self):
        """Add the classes: the columns of the outputs."""
        return {**super()._beside_weights(), "classes": as_fact(self._classes)}

    def _take_beside_weights(self, facts):
        super()._take_beside_weights(facts)
        if facts.get("classes") is None:
            if "_classes" not in vars(self) and self.classes is not None:
                self._classes = np.unique(np.asarray(list(self.classes)))
            return
        saved = from_fact(facts["classes"])
        if self.classes is not None and set(self.classes) != set(saved.tolist()):
            raise ValueError(
                f"classes must be those of the net that was saved, {saved.tolist()}, "
                f"got {list(self.classes)}. None takes them from the file."
            )
        self._classes = saved

    def _objective(self, y, weights, positions, *, go_on, classes=None):
        """Return codes, and the loss of scores for them; learn the classes."""
        check_number("label_smoothing", self.label_smoothing, minimum=0, maximum=1)
        y = column_or_1d(y, warn=True)
        known = y[positions]
        assert_all_finite(known, input_name="y")
        check_classification_targets(known)
        if not go_on:
            given = self.classes if classes is None else classes
            check_classes(given)
            self._classes = np.unique(
                known if given is None else np.asarray(list(given))
            )
        codes = np.zeros(len(y), dtype=np.int64)
        codes[positions] = codes_of(known, self._classes)
        if self.class_weight is not None:
            balance = np.zeros(len(y))
            balance[positions] = compute_sample_weight(self.class_weight, known)
            weights = balance if weights is None else weights * balance
            if not np.any(weights):
                raise ValueError(
                    "class_weight must leave a row of y some weight, got "
                    f"{self.class_weight!r}, which leaves none of {len(positions)}."
                )
        return Objective(
            torch.from_numpy(codes),
            as_weights(weights, positions),
            width=len(self._classes),
            losses=partial(losses, label_smoothing=self.label_smoothing),
            classes=True,
        )


def codes_of(y, classes):
    """Return the place of each label among the classes."""
    codes = np.searchsorted(classes, y)
    codes[codes == len(classes)] = 0
    strange = classes[codes] != y
    if np.any(strange):
        raise ValueError(
            f"y must hold known classes, {classes.tolist()}, got "
            f"{np.unique(y[strange]).tolist()}. Give every class in classes=."
        )
    return codes


def losses(outputs, codes, *, label_smoothing, exact=False):
    """Return the cross-entropy of each row; exact is without label smoothing."""
    smoothing = 0.0 if exact else label_smoothing
    return cross_entropy(outputs, codes, reduction="none", label_smoothing=smoothing)
