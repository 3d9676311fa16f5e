"""NetClassifier: a PyTorch module as a scikit-learn classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from skorch import NeuralNetClassifier

from skal._checks import check_classes, check_number
from skal._meta import PartialLabelsTags, restored_on_failure
from skal._seed import draw_seed, fork_torch
from skal.nets._base import Net
from skal.nets._class_criteria import NAMED, kind_of_labels, likelihood_of
from skal.nets._criterion import by_row, read_criterion
from skal.nets._files import as_fact, from_fact
from skal.nets._mlp_module import MLP
from skal.nets._one_label import classes_of, one_label, read_labels
from skal.nets._passes import join
from skal.nets._several_labels import classes_of_each, read_indicator, several_labels

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
        n_classes), no softmax. Of ``n_classes`` (or ``num_classes``, ``n_outputs``),
        ``input_shape``, ``n_features`` and ``n_channels`` those that its signature asks
        for are filled in; set others as ``module__name=``. None is a multilayer
        perceptron.
    classes : array-like, default=None
        Every label there is; None takes those in y.
    criterion : str, class or instance of torch.nn, or callable, default="cross_entropy"
        The loss. "cross_entropy" and "focal" are for one label a row; "bce", binary
        cross-entropy, for several: y is (n, L) then, 0 or 1, NaN where a label is not
        known. A loss of torch, or a function of scores and targets, is for whatever y
        is. Set its options as ``criterion__name=``, such as ``criterion__gamma`` of
        "focal" (2).
    class_weight : dict, list of dict, "balanced" or None, default=None
        Weights of the classes in the loss, as in scikit-learn. Where there are several
        labels a row, weights of 0 and 1 for each label, or a list with those of each.
    label_smoothing : float, default=0.0
        Share of each label that is spread over all classes. It is for named criteria,
        those that take a ``label_smoothing``, and several labels a row.
    input_shape : tuple of int, default=None
        The shape of one row as the module sees it, for rows that come flat. None keeps
        the shape of X, with a channel before (height, width); a module of your own that
        cannot take such rows is tried on signals (channels, time) as they are, and on
        volumes (depth, height, width) with a channel in front.
    keep_integers : bool, default=False
        Whether whole numbers and booleans in X stay int64 and bool, as
        ``torch.nn.Embedding`` wants ids; False takes them as float32. Rows may then
        be lists of ids of several lengths, which are padded with 0, and ``forward`` is
        handed a ``mask`` (n, length), True where an id is the row's own, if it has a
        parameter of that name.
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
    num_workers : int, default=0
        Processes that read the rows of a Dataset ahead of the network, never more than
        cores; 0 reads them in this one. The results are the same.
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
    classes_ : ndarray of shape (n_classes,), or list of L ndarray
        The labels, in the order of the columns of ``predict_proba``; where there are
        several a row, those of each, 0 and 1.
    n_features_in_ : int
        Values in a row of X.
    history_ : skorch.history.History
        Loss and seconds of every epoch.

    See Also
    --------
    CNNClassifier : A small convolutional network with a recipe for few labels.
    MLPNetClassifier : A multilayer perceptron for tables.
    NetRegressor : The same for numbers.
    SegmentationNet : A class for every pixel.

    Notes
    -----
    X may be arrays, memory maps, tensors, sparse matrices, frames, or a torch Dataset
    of pairs (row, label). Rows are read a batch at a time, so that a large pool of
    uint8 images is never copied as floats; uint8 is scaled to [0, 1], anything else
    taken as it is, and a net fitted on one refuses the other. On a CPU, fits with the
    same ``random_state`` agree bit for bit.

    Several labels a row: every known label counts alike in the loss, and a label that
    is missing not at all. ``predict`` gives 0 and 1, ``predict_proba`` the chance of
    each label by itself. A row without a known label is refused.

    A ``criterion`` of your own takes scores (m, n_outputs) and targets: codes of
    classes (m,), or the indicator (m, L). It gives a loss for each row, or for each
    label. What takes ``reduction`` is asked for "none"; one that gives a single number
    works without weights. Probabilities are the softmax of the scores, or for several
    labels the sigmoid, whatever the criterion is.

    A fit that fails or is interrupted leaves the net as it was before. Parameters set
    after ``fit`` hold from the next fit on. ``save_params`` writes the weights, and
    with them the classes and the shape, columns and kind of rows; ``load_params``
    brings all of it back, to a new net too.

    References
    ----------
    Lin, T.-Y., Goyal, P., Girshick, R., He, K., Dollár, P. (2017). Focal loss for dense
    object detection. ICCV. arXiv:1708.02002

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
    _added_params = {**Net._added_params, "criterion": "cross_entropy"}  # noqa: RUF012

    def __init__(
        self,
        module: Any = None,
        *,
        classes: ArrayLike | None = None,
        criterion: Any = "cross_entropy",
        class_weight: dict[Any, float] | list[dict[int, float]] | str | None = None,
        label_smoothing: float = 0.0,
        input_shape: tuple[int, ...] | None = None,
        keep_integers: bool = False,
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
        num_workers: int = 0,
        mixed_precision: bool | str = "auto",
        bfloat16: bool = False,
        callbacks: list[Any] | None = None,
        verbose: int = 0,
        random_state: int | np.random.RandomState | None = None,
        **params: Any,
    ) -> None:
        self._store(locals())

    @property
    def classes_(self) -> Any:
        """The labels, in the order of the columns of predict_proba."""
        if "_classes" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__} has no classes_ before fit.")
        return self._classes

    @property
    def likelihood(self) -> str | None:
        """The likelihood of whose negative logarithm the criterion is the mean.

        "categorical", "bernoulli" (of each label), or None where it is none of these.
        """
        return likelihood_of(self.criterion, self._params_of("criterion"))

    def fit(
        self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> NetClassifier:
        """Train on labelled rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...) or torch Dataset
            The rows.
        y : array-like of shape (n_rows,) or (n_rows, n_labels), default=None
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
        y : array-like of shape (n_rows,) or (n_rows, n_labels), default=None
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
            names = np.asarray(list(self.classes))
            several = kind_of_labels(self.criterion) == "several"
            self._classes = (
                classes_of_each(len(names), None) if several else np.unique(names)
            )
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
            Columns follow ``classes_``; where there are several labels a row, the
            chance of each.
        """
        return join(self.proba_of(out) for out in self.passes().outputs(X))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable label of each row.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...) or torch Dataset
            Rows as in ``fit``.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_labels)
            Labels as they were given; where there are several a row, 1 for those more
            probable than not, else 0.
        """
        proba = self.predict_proba(X)
        if self._several:
            return (proba > 0.5).astype(np.int64)
        return self.classes_[proba.argmax(axis=-1)]

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
        return join(self.proba_of(out) for out in self.passes().head_outputs(E))

    def proba_of(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return the probabilities that outputs of the fitted module stand for.

        Parameters
        ----------
        outputs : Tensor of shape (..., n_outputs)
            As the module, or its head, returns them.

        Returns
        -------
        Tensor of shape (..., n_outputs)
            Their softmax; their sigmoid where there are several labels a row.
        """
        return outputs.sigmoid() if self._several else outputs.softmax(dim=-1)

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
            Number of draws S; None means 50.
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
        return join((self.proba_of(out) for out in draws), axis=1)

    @property
    def _several(self):
        """Whether the fitted net knows several labels a row."""
        return isinstance(self.classes_, list)

    def __sklearn_tags__(self):
        """Say whether y may hold several labels a row, known in part."""
        tags = super().__sklearn_tags__()
        kind = kind_of_labels(self.criterion)
        if kind != "one":
            tags.classifier_tags = PartialLabelsTags(multi_label=True)
            tags.target_tags.multi_output = True
        if kind == "several":
            tags.classifier_tags.multi_class = False
            tags.target_tags.single_output = False
        return tags

    def _beside_weights(self):
        """Add the classes: the columns of the outputs."""
        several = self._several
        classes = len(self._classes) if several else as_fact(self._classes)
        return {**super()._beside_weights(), "classes": classes}

    def _take_beside_weights(self, facts):
        super()._take_beside_weights(facts)
        classes = facts.get("classes")
        self._check_as_many(classes)
        if classes is None:
            if "_classes" not in vars(self) and self.classes is not None:
                self._classes = np.unique(np.asarray(list(self.classes)))
        elif isinstance(classes, int):  # of several labels, how many
            self._classes = classes_of_each(classes, self.classes)
        else:
            self._classes = self._as_given(from_fact(classes))

    def _check_as_many(self, saved):
        """Refuse a file for several labels a row where there is one, or the reverse."""
        several = isinstance(saved, int)
        if saved is not None and kind_of_labels(self.criterion) == (
            "one" if several else "several"
        ):
            one, many = ("one label", "cross_entropy"), ("several labels", "bce")
            words, name = many if several else one
            raise ValueError(
                f"criterion must be for {words} a row, as that of the net which was "
                f"saved, got {self.criterion!r}. Use {name!r}, for example."
            )

    def _as_given(self, saved):
        """Return the classes of a file, which must be those of the net, if any."""
        if self.classes is not None and set(self.classes) != set(saved.tolist()):
            raise ValueError(
                f"classes must be those of the net that was saved, {saved.tolist()}, "
                f"got {list(self.classes)}. None takes them from the file."
            )
        return saved

    def _objective(self, y, weights, positions, *, go_on, classes=None):
        """Return targets, and the loss of scores for them; learn the classes."""
        check_number("label_smoothing", self.label_smoothing, minimum=0, maximum=1)
        kind = kind_of_labels(self.criterion)
        several = kind == "several" or (kind is None and is_indicator(y))
        if go_on and several != self._several:
            raise ValueError(
                f"y must hold {'several labels' if self._several else 'one label'} a "
                f"row, as in the first fit, got shape {y.shape} with criterion="
                f"{self.criterion!r}. Set warm_start=False, or fit a clone."
            )
        y = (read_indicator if several else read_labels)(y, positions)
        if not go_on:
            given = self.classes if classes is None else classes
            if several:
                self._classes = classes_of_each(y.shape[1], given)
            else:
                self._classes = classes_of(y[positions], given)
        losses = read_criterion(
            self.criterion,
            NAMED,
            self._params_of("criterion"),
            0.0 if several else self.label_smoothing,
        )
        told = y, weights, positions, self._classes, self.class_weight
        if several:
            return several_labels(*told, losses, self.label_smoothing)
        return one_label(*told, by_row(losses))


def is_indicator(y):
    """Tell whether y has several columns, as an indicator of labels has."""
    return y.ndim == 2 and y.shape[1] > 1
