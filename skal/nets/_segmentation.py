"""SegmentationNet: a network that learns a class for every pixel."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_number
from skal.metrics import mean_iou
from skal.nets._batches import ROWS_A_PASS
from skal.nets._class_criteria import NAMED, kind_of_labels
from skal.nets._criterion import read_criterion
from skal.nets._device import choose_device
from skal.nets._layout import as_given, as_images
from skal.nets._net import NetClassifier
from skal.nets._objective import read_y
from skal.nets._one_label import classes_of
from skal.nets._passes import join
from skal.nets._unet import UNet
from skal.nets._unit_augment import check_unit_augment
from skal.nets._unit_embedding import find_deepest
from skal.nets._unit_targets import (
    UNKNOWN,
    check_sizes,
    known_units,
    read_units,
    stacked,
    unit_labels,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

#: Units that the rows of one pass have together.
_UNITS_A_PASS = 2**16


class SegmentationNet(NetClassifier):
    """A network that learns a class for every pixel, from masks known in part.

    :class:`NetClassifier` for dense targets: the same steps, layouts and parameters.
    Any module will do whose scores are as many as the pixels; without one it is a small
    U-Net. With a module of your own, rows may also be signals with a class for every
    step, or volumes.

    Parameters
    ----------
    module : torch.nn.Module, class or callable, default=None
        The network, or what makes it. It returns a score for each class and unit,
        (n, n_classes, H, W), itself or under "out" or "logits" in a dict, as
        torchvision's do. ``n_classes`` (or ``num_classes``, ``n_outputs``),
        ``input_shape`` and ``n_channels`` are filled in where its signature asks; set
        others as ``module__name=``. None is a small U-Net: ``module__channels`` of its
        levels (16, 32, 64), ``module__dropout`` between the way down and the way up
        (0.2).
    lr : float, default=1e-2
        The learning rate, at its height.
    batch_size : int or "auto", default=8
        Rows a step.
    augment : {"affine", "crop_flip", "flip", "turn_flip"} or callable, default=None
        Changes to each training image and its mask alike: turned, shifted, scaled and
        sheared; shifted and mirrored; mirrored left to right; turned by right angles
        and mirrored, where up is no direction, as in slides and aerial photographs.
        What comes in from outside the image has no known class. Or a function of images
        (n, C, H, W) and masks (n, H, W), which returns both. None changes nothing.
    **params : dict
        Any other parameter of :class:`NetClassifier`, with its default.
        ``class_weight`` counts pixel by pixel, and a criterion of your own sees pixels
        as it else sees rows: scores (k, C) and codes (k,).

    Attributes
    ----------
    module_ : torch.nn.Module
        The trained network, in eval mode.
    classes_ : ndarray of shape (n_classes,)
        The classes, in the order of the last dimension of ``predict_units``.
    history_ : skorch.history.History
        Loss and seconds of every epoch.

    See Also
    --------
    NetClassifier : One label a row, or several.
    skal.query.Aggregate : Which images to label next, from what pixels say.
    skal.query.Regions : Which parts of images to label next.
    skal.posterior.MCDropoutCommittee : The mean over many dropout masks.
    skal.metrics.mean_iou : Its score.
    skal.datasets.make_shapes : Images to try it on.

    Notes
    -----
    y holds whole numbers (n, H, W), one for each pixel of X, and -1 where nobody knows.
    Every known pixel counts alike in the loss, so that regions of images are labels as
    good as whole ones. A row without a known pixel is refused.

    ``score`` is the mean intersection over union. ``sample_units`` draws dropout masks,
    each shared by all rows; of the U-Net the way down is computed once for all.
    ``embed`` is the mean over the places of the deepest map, one vector a row.

    A step of 8 images of 48 by 48 pixels takes about 40 ms on one core. A pass takes so
    many rows at once that they have about 65 000 pixels together. Probabilities are
    (n, H, W, C) in single precision: ask for a part of the rows where they do not fit
    into memory; strategies do.

    References
    ----------
    Ronneberger, O., Fischer, P., Brox, T. (2015). U-Net: convolutional networks for
    biomedical image segmentation. MICCAI. arXiv:1505.04597

    Examples
    --------
    >>> from skal.datasets import make_shapes
    >>> from skal.nets import SegmentationNet
    >>> X, y = make_shapes(24, size=16, return_X_y=True, random_state=0)
    >>> net = SegmentationNet(max_steps=5, random_state=0).fit(X, y)
    >>> net.predict_units(X[:2]).shape, net.predict(X[:2]).shape
    ((2, 16, 16, 4), (2, 16, 16))
    >>> net.sample_units(X[:2], n_samples=3).shape, net.embed(X[:2]).shape
    ((3, 2, 16, 16, 4), (2, 64))
    """

    _settled = frozenset({"keep_integers"})
    _default_module = UNet
    #: What stands in y where nobody knows the class of a unit.
    unknown_unit = UNKNOWN

    def __init__(
        self,
        module: Any = None,
        *,
        lr: float = 1e-2,
        batch_size: int | str = 8,
        augment: str | Callable[..., Any] | None = None,
        **params: Any,
    ) -> None:
        super().__init__(
            module, lr=lr, batch_size=batch_size, augment=augment, **params
        )

    # Answers ----------------------------------------------------------------------

    def predict_units(self, X: Any) -> NDArray[Any]:
        """Return the probability of each class for every pixel.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...) or torch Dataset
            Rows as in ``fit``.

        Returns
        -------
        ndarray of shape (n_rows, height, width, n_classes) and float32
            What ``predict_proba`` returns too.
        """
        return self.predict_proba(X)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable class of every pixel.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...) or torch Dataset
            Rows as in ``fit``.

        Returns
        -------
        ndarray of shape (n_rows, height, width)
            Classes, as they were given.
        """
        codes = join(out.argmax(dim=1) for out in self.passes().outputs(X))
        return self.classes_[codes]

    def proba_of(self, outputs: Any) -> Any:
        """Return the probabilities that outputs of the fitted module stand for.

        Parameters
        ----------
        outputs : Tensor of shape (..., n_classes, height, width)
            As the module returns them.

        Returns
        -------
        Tensor of shape (..., height, width, n_classes)
            Their softmax.
        """
        return outputs.movedim(-1 - len(self._units), -1).softmax(dim=-1)

    def sample_units(
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
            Which dropout calls to sample.

        Returns
        -------
        ndarray of shape (S, n_rows, height, width, n_classes) and float32
            What ``sample_proba`` returns too: the same draws for every row.

        Raises
        ------
        TypeError
            If the module has no dropout.
        """
        return self.sample_proba(X, n_samples, random_state, dropout)

    def embed(self, X: Any) -> NDArray[Any]:
        """Return the embedding of each row: its deepest map, pooled.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)
            Rows as in ``fit``.

        Returns
        -------
        ndarray of shape (n_rows, n_features) and float32
            The mean over the places of the coarsest map of the network.

        Raises
        ------
        TypeError
            If the module has neither convolutions nor linear layers.
        """
        passes = self.passes()
        if self._deepest is None:
            raise TypeError(
                "module must have a convolution or a linear layer to have embeddings, "
                f"got {type(passes.module).__name__}, which has none."
            )
        layer = passes.module.get_submodule(self._deepest.name)
        return join(map(self._deepest.pooled, passes.inputs_of(layer, X)))

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return the mean over the classes of intersection over union.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...) or torch Dataset
            Rows as in ``fit``.
        y : array-like of shape (n_rows, height, width)
            Their classes, -1 where they are not known.
        sample_weight : array-like of shape (n_rows,), default=None
            How much the pixels of each row count.

        Returns
        -------
        float
            From 0 to 1.
        """
        y = read_y(X, y, type(self).__name__) if y is None else y
        return mean_iou(y, self.predict(X), sample_weight)

    @property
    def head_proba(self) -> Any:
        """What a network with one label a row has, and this has not."""
        raise AttributeError(f"{type(self).__name__} has no head_proba.")

    @property
    def gradient_features(self) -> Any:
        """What a network with one label a row has, and this has not."""
        raise AttributeError(f"{type(self).__name__} has no gradient_features.")

    # The order of a fit -------------------------------------------------------------

    def _fit(self, X, y, sample_weight, **how):
        """Train on masks, which may come one by one."""
        return super()._fit(X, stacked(y), sample_weight, **how)

    def _objective(self, y, weights, positions, *, go_on, classes=None):
        """Return targets, and the loss of scores for them; learn classes and sizes."""
        check_number("label_smoothing", self.label_smoothing, minimum=0, maximum=1)
        if kind_of_labels(self.criterion) == "several":
            raise ValueError(
                "criterion must be for one class a pixel, got "
                f"{self.criterion!r}. Use 'cross_entropy' or 'focal'."
            )
        y = read_units(y, positions)
        if self.module is None:
            check_sizes(y, self._layout.shape)
        if go_on and y.shape[1:] != self._units:
            raise ValueError(
                f"y must hold targets of shape {self._units} a row, as in the first "
                f"fit, got {y.shape[1:]}."
            )
        if not go_on:
            given = self.classes if classes is None else classes
            self._classes = classes_of(known_units(y[positions]), given)
            self._units = y.shape[1:]
        losses = read_criterion(
            self.criterion, NAMED, self._params_of("criterion"), self.label_smoothing
        )
        told = y, weights, positions, self._classes, self.class_weight
        return unit_labels(*told, losses)

    def _arranged(self, row_shape, input_shape):
        """Return the shape of a row: an image, for the U-Net."""
        arrange = as_images if self.module is None else as_given
        return arrange(row_shape, input_shape)

    def _read(self, X, layout):
        """Return X as Inputs, few rows at once where they are large."""
        inputs = super()._read(X, layout)
        shape = getattr(inputs.layout, "shape", ())
        n_units = prod(size for size in shape[1:] if size)
        at_once = min(ROWS_A_PASS, max(1, _UNITS_A_PASS // n_units))
        return replace(inputs, at_once=at_once)

    def _build_without_rows(self, width, layout=None):
        if layout is None:  # as many units as there are pixels
            shape = tuple(self.input_shape)
            self._units = tuple(self._arranged(shape, shape))[1:]
        super()._build_without_rows(width, layout)

    def _make(self, width, batches, *, start=True):
        module = super()._make(width, batches, start=start)
        row = next(batches(choose_device(self.device)))[:1]
        self._deepest = find_deepest(module, row)
        return module

    def _augmentation(self, layout):
        return check_unit_augment(self.augment, layout, self._units)

    def _beside_weights(self):
        """Add the shape of what a row has outputs for."""
        return {**super()._beside_weights(), "units": list(self._units)}

    def __sklearn_tags__(self):
        """Say that y has several outputs a row, a class each."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
