"""FrozenBackbone: features of a fixed network, computed once a row."""

from __future__ import annotations

from hashlib import blake2b
from math import prod
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import nn
from torch.nn.functional import pad

from skal.nets._base import Net
from skal.nets._batches import ROWS_A_PASS, in_order
from skal.nets._device import (
    check_precision,
    choose_device,
    inference_precision,
    is_on,
    place,
)
from skal.nets._layout import (
    Layout,
    as_given,
    as_images,
    check_finite,
    otherwise,
)
from skal.nets._module import N_LOOK, check_repeats, first_of
from skal.nets._prepare import check_preparation
from skal.nets._sources import is_dataset, open_source
from skal.nets._tensor_set import TensorSet

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


class FrozenBackbone(TransformerMixin, BaseEstimator):
    """The features of a network that is not trained any more.

    Put it before a scikit-learn classifier in a Pipeline: a pretrained network sees
    each row once, and every round of active learning costs a fit of the classifier
    alone. Features are remembered by the content of the row.

    Parameters
    ----------
    network : torch.nn.Module or fitted net, default=None
        A module, whose output is the features, or a fitted net of :mod:`skal.nets`,
        whose embedding is.
    input_shape : tuple of int, default=None
        The shape of one row as a module sees it, for rows that come flat. None takes
        images, and signals or volumes where the module takes them.
    resize : int or tuple of int, default=None
        Height and width to bring images to before a module, or one number for both.
    normalize : "imagenet" or tuple, default=None
        Mean and standard deviation of each channel that a module expects its images to
        be less, and in units of; "imagenet" is that of most pretrained weights. Gray
        images get as many channels.
    transforms : callable, default=None
        What brings a batch of images (n, C, H, W) in [0, 1] to what a module expects,
        in place of these two: ``weights.transforms()`` of torchvision's weights.
    device : str, default="auto"
        Where to compute; "auto" takes a GPU where there is one.
    bfloat16 : bool, default=False
        Whether to compute in bfloat16.

    See Also
    --------
    ResNetClassifier : Fine-tunes a network instead.

    Notes
    -----
    Cloning returns the same object, as with scikit-learn's ``FrozenEstimator``: there
    is nothing to fit, and the clones that learners and searches make share what is
    remembered. So changing a parameter changes it for all of them; ``forget`` empties
    the memory, and it is not pickled. It takes 4 bytes a feature and about 100 a row.

    Of torchvision's classifiers take the features by replacing the last layer:
    ``network.fc = torch.nn.Identity()``. uint8 images are scaled to [0, 1]. Pretrained
    weights want more, and answer without it, but worse: what it is, their
    ``transforms()`` say. A fitted net of skal prepares its rows itself.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skal.nets import CNNClassifier, FrozenBackbone
    >>> X, y = load_digits(return_X_y=True)
    >>> net = CNNClassifier(max_steps=50, random_state=0).fit(X[:200], y[:200] % 2)
    >>> model = make_pipeline(FrozenBackbone(net), LogisticRegression(max_iter=1000))
    >>> model.fit(X[:200], y[:200]).score(X[:200], y[:200]) > 0.8
    True
    """

    #: As a net's: what is younger than results of experiments, and as before.
    _added_params: ClassVar = dict.fromkeys(("resize", "normalize", "transforms"))

    def __init__(
        self,
        network: Any = None,
        *,
        input_shape: tuple[int, ...] | None = None,
        resize: int | tuple[int, int] | None = None,
        normalize: str | tuple[Any, Any] | None = None,
        transforms: Callable[[torch.Tensor], torch.Tensor] | None = None,
        device: str = "auto",
        bfloat16: bool = False,
    ) -> None:
        self.network = network
        self.input_shape = input_shape
        self.resize = resize
        self.normalize = normalize
        self.transforms = transforms
        self.device = device
        self.bfloat16 = bfloat16

    def fit(self, X: Any, y: Any = None) -> FrozenBackbone:
        """Do nothing: there is nothing to learn.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)
            Ignored.
        y : object, default=None
            Ignored.

        Returns
        -------
        self : object
            The transformer.
        """
        return self

    def transform(self, X: Any) -> NDArray[Any]:
        """Return the features of each row.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...) or torch Dataset
            The rows.

        Returns
        -------
        ndarray of shape (n_rows, n_features) and float32
            The features; computed for rows that were never seen, else remembered.
        """
        if not is_dataset(X) and not hasattr(X, "shape"):
            X = np.asarray(X)
        X = X.tocsr() if sp.issparse(X) else X
        source = open_source(X.to_numpy() if hasattr(X, "to_numpy") else X)
        prepare = self._checked()
        memory = self._memory_now()
        places = np.empty(len(source), dtype=np.int64)
        for where in in_order(len(source)):
            rows = source.take(where)
            check_one_tensor(rows)
            check_finite(rows, type(self).__name__)
            places[where] = memory.places(
                rows, lambda new: self._pass(new, source, prepare)
            )
        return memory.features[places]

    def forget(self) -> None:
        """Empty the memory."""
        self.__dict__.pop("_memory", None)

    def _checked(self):
        """Return what prepares images, with all parameters checked."""
        check_precision(False, self.bfloat16, choose_device(self.device))
        prepare = check_preparation(self.resize, self.normalize, self.transforms)
        if prepare is not None and self.network is not self._module():
            raise ValueError(
                "resize, normalize and transforms must be None for a fitted net, which "
                f"prepares its rows itself, got {self.network!r}."
            )
        return prepare

    def _memory_now(self):
        """Return the memory of the network as it is: another one for new weights."""
        module = self._module()
        # torch counts the changes in place of each tensor.
        versions = [tensor._version for tensor in module.state_dict().values()]
        how = (self.resize, repr(self.normalize), self.transforms)
        key = (versions, self.input_shape, *how, self.bfloat16)
        memory = self.__dict__.get("_memory")
        if memory is None or memory.module is not module or memory.key != key:
            memory = self._memory = Memory(module, key)
        return memory

    def _module(self):
        """Return the module, which a fitted net holds."""
        if isinstance(self.network, nn.Module):
            return self.network
        if not isinstance(self.network, Net):
            raise TypeError(
                "network must be a torch.nn.Module or a net of skal.nets, got "
                f"{self.network!r}."
            )
        check_is_fitted(self.network)
        return self.network.module_

    def _pass(self, rows, source, prepare):
        """Return the features of rows, as tensors; always through a full batch.

        A row's features would else depend, in their last bits, on its neighbours.
        """
        n_missing = ROWS_A_PASS - len(rows)
        full = pad(rows, [0, 0] * (rows.ndim - 1) + [0, n_missing])
        if self.network is not self._module():
            X = full.numpy() if full.device.type == "cpu" else full
            return self.network.embed(X)[: len(rows)]
        device = choose_device(self.device)
        if not is_on(self.network, device):
            place(self.network, device)
        training = self.network.training
        self.network.eval()
        try:
            features = self._tried(full, source, prepare, device)
        finally:
            self.network.train(training)
        return features[: len(rows)].float().flatten(1).cpu().numpy()

    def _tried(self, rows, source, prepare, device):
        """Return what the module answers to rows in the first shape that it takes."""
        known, shape = self._memory.seen_as, source.row_shape
        ways = [known[shape]] if shape in known else self._ways(shape)
        errors: list[Exception] = []
        for way in ways:
            batch = Layout(way, source.pixels).arrange(rows, device)
            try:
                features = self._through(batch, prepare, device)
            except (IndexError, RuntimeError, TypeError, ValueError) as error:
                errors.append(error)
                continue
            known[shape] = way
            return features
        raise errors[0]

    def _through(self, batch, prepare, device):
        """Return what the module answers to a batch."""
        batch = batch if prepare is None else prepare(batch)
        with torch.no_grad(), inference_precision(self.bfloat16, device):
            if not self._memory.known:
                check_repeats(self.network, batch[:N_LOOK])
            return first_of(self.network(batch))

    def _ways(self, row_shape):
        """Return the shapes that the module may see: rows with sides are images first.

        Nobody but itself can tell an image from a signal, or from a volume.
        """
        if self.input_shape is not None or len(row_shape) < 2:
            return [as_given(row_shape, self.input_shape)]
        if len(row_shape) > 3:
            return [row_shape]
        shape = as_images(row_shape, None)
        return [shape, otherwise(row_shape, shape)]

    def __sklearn_clone__(self) -> FrozenBackbone:
        """Return the same object, so that clones share what is remembered."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        """There is nothing to fit."""
        return True

    def __getstate__(self) -> dict[str, Any]:
        """Leave the memory behind."""
        return {k: v for k, v in self.__dict__.items() if k != "_memory"}

    def __sklearn_tags__(self):
        """Say that no fit is needed."""
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags


class Memory:
    """Features of rows, found by what the rows hold."""

    def __init__(self, module, key):
        self.module = module
        self.key = key
        self._lock = Lock()  # clones in other threads share the memory
        self.known: dict[bytes, int] = {}
        self.seen_as: dict[
            Any, Any
        ] = {}  # the shapes of rows -> as the module sees them
        self._room = np.empty((0, 0), dtype=np.float32)

    @property
    def features(self):
        """The features of every known row, in the order in which they came."""
        return self._room[: len(self.known)]

    def places(self, rows, compute):
        """Return where the features of rows stand, computing those not yet known."""
        digests = digests_of(rows)
        with self._lock:
            new: dict[bytes, int] = {}  # digest -> its first row
            for i, digest in enumerate(digests):
                if digest not in self.known:
                    new.setdefault(digest, i)
            if new:
                self._append(list(new), compute(rows[list(new.values())]))
        return [self.known[digest] for digest in digests]

    def _append(self, digests, features):
        """Keep features; the room doubles, so that appending is cheap."""
        start = len(self.known)
        stop = start + len(digests)
        if stop > len(self._room):
            room = np.empty((max(stop, 2 * start), features.shape[1]), np.float32)
            if start:
                room[:start] = self.features
            self._room = room
        self._room[start:stop] = features
        self.known.update(zip(digests, range(start, stop), strict=True))


def digests_of(rows):
    """Return what names the content of each row: its bytes, type and shape."""
    data = rows.cpu().contiguous().numpy().reshape(len(rows), prod(rows.shape[1:]))
    kind = f"{rows.dtype} {tuple(rows.shape[1:])}".encode()
    return [blake2b(row.tobytes() + kind, digest_size=16).digest() for row in data]


def check_one_tensor(rows):
    """Refuse rows of several parts, which are remembered by none of them."""
    if isinstance(rows, TensorSet):
        raise ValueError(
            f"X must hold rows of one tensor for FrozenBackbone, got the parts "
            f"{list(rows.parts)}. Embed them with a fitted net: net.embed(X)."
        )
