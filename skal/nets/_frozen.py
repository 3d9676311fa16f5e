"""FrozenBackbone: features of a fixed network, computed once a row."""

from __future__ import annotations

from functools import partial
from operator import is_
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import nn
from torch.nn.functional import pad

from skal._progress import rows_shown
from skal.nets._base import Net
from skal.nets._batches import ROWS_A_PASS, in_order
from skal.nets._device import (
    check_precision,
    choose_device,
    inference_precision,
    is_on,
    place,
)
from skal.nets._feature_files import FeatureFiles, words_of
from skal.nets._feature_memory import FeatureMemory
from skal.nets._layout import (
    Layout,
    as_given,
    as_images,
    check_finite,
    otherwise,
)
from skal.nets._module import N_LOOK, check_repeats, first_of
from skal.nets._named_networks import DEFAULT, NamedNetwork, named_network
from skal.nets._prepare import check_preparation
from skal.nets._sources import is_dataset, open_source
from skal.nets._tensor_set import TensorSet

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike

    from numpy.typing import NDArray


class FrozenBackbone(TransformerMixin, BaseEstimator):
    """The features of a network that is not trained any more.

    Put it before a scikit-learn classifier in a Pipeline: a pretrained network sees
    each row once, and every round of active learning costs a fit of the classifier
    alone. Features are remembered by the content of the row.

    Parameters
    ----------
    network : torch.nn.Module, fitted net, str or None, default=None
        A module, whose output is the features; a fitted net of :mod:`skal.nets`, whose
        embedding is; or a name, of a network whose last layer is taken off:
        ``"torchvision/resnet18"`` and the like, of the classifiers in torchvision,
        ``"timm/..."`` of those in timm, and ``"efficientnet_lite0"``, a small one
        trained on ImageNet, which comes with ``skal[pretrained]``. None takes that.
    weights : path-like, dict, callable or enum of torchvision, default=None
        The weights of a network with a name: a file of ``torch.save`` or safetensors, a
        state dict, a function that returns one, or ``ResNet18_Weights.DEFAULT`` of
        ``torchvision.models``, which fetches them once. None takes those of
        ``skal[pretrained]``.
    input_shape : tuple of int, default=None
        The shape of one row as a module sees it, for rows that come flat. None takes
        images, and signals or volumes where the module takes them.
    resize : int or tuple of int, default=None
        Height and width to bring images to before a module, or one number for both.
        None leaves them, or for a network with a name takes what it was trained on; a
        smaller one is faster, and of small images often as good.
    normalize : "imagenet" or tuple, default=None
        Mean and standard deviation of each channel that a module expects its images to
        be less, and in units of; "imagenet" is that of most pretrained weights. Gray
        images get as many channels. None takes none, or that of a network with a name.
    transforms : callable, default=None
        What brings a batch of images (n, C, H, W) in [0, 1] to what a module expects,
        in place of these two: ``weights.transforms()`` of torchvision's weights.
    device : str, default="auto"
        Where to compute; "auto" takes a GPU where there is one.
    bfloat16 : bool, default=False
        Whether to compute in bfloat16.
    cache : path-like, default=None
        A folder to keep features in, by the content of the row, the weights of the
        network and what images go through before it. What was computed once is found
        again after an interrupt, and by every process that names the folder, several
        at a time too.
    verbose : int, default=0
        1 shows a progress bar while features are computed.

    See Also
    --------
    ResNetClassifier : Fine-tunes a network instead.
    TextEmbedder : Features of texts.
    skal.datasets.embed_to : Writes features of a pool to a file, in one pass.

    Notes
    -----
    Cloning returns the same object, as with scikit-learn's ``FrozenEstimator``: there
    is nothing to fit, and the clones that learners and searches make share what is
    remembered. So changing a parameter changes it for all of them; ``forget`` empties
    the memory, and it is not pickled. It takes 4 bytes a feature and about 100 a row.

    uint8 images are scaled to [0, 1]. Pretrained weights want more, and answer without
    it, but worse: for a network with a name it is known, for a module of your own their
    ``transforms()`` say it. A fitted net of skal prepares its rows itself.

    In the cache features take 4 bytes each, and stay until the folder is removed. The
    code of a module has no name there: one row is computed again in each process, and
    a module that answers otherwise than before is refused.

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
    _added_params: ClassVar = {
        **dict.fromkeys(("resize", "normalize", "transforms", "weights", "cache")),
        "verbose": 0,
    }

    def __init__(
        self,
        network: Any = None,
        *,
        weights: Any = None,
        input_shape: tuple[int, ...] | None = None,
        resize: int | tuple[int, int] | None = None,
        normalize: str | tuple[Any, Any] | None = None,
        transforms: Callable[[torch.Tensor], torch.Tensor] | None = None,
        device: str = "auto",
        bfloat16: bool = False,
        cache: str | PathLike[str] | None = None,
        verbose: int = 0,
    ) -> None:
        self.network = network
        self.weights = weights
        self.input_shape = input_shape
        self.resize = resize
        self.normalize = normalize
        self.transforms = transforms
        self.device = device
        self.bfloat16 = bfloat16
        self.cache = cache
        self.verbose = verbose

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
        with rows_shown(len(source), 0, self.verbose) as show:
            for where in in_order(len(source)):
                rows = source.take(where)
                check_one_tensor(rows)
                check_finite(rows, type(self).__name__)
                n_known = len(memory.known)
                places[where] = memory.places(
                    rows, partial(self._pass, source=source, prepare=prepare)
                )
                if len(memory.known) > n_known:
                    show(where.stop)
        return memory.features[places]

    def forget(self) -> None:
        """Empty the memory."""
        self.__dict__.pop("_memory", None)

    def _checked(self):
        """Return what prepares images, with all parameters checked."""
        check_precision(False, self.bfloat16, choose_device(self.device))
        resize, normalize = self._wanted()
        prepare = check_preparation(resize, normalize, self.transforms)
        if prepare is not None and not isinstance(self._named().module, nn.Module):
            raise ValueError(
                "resize, normalize and transforms must be None for a fitted net, which "
                f"prepares its rows itself, got {self.network!r}."
            )
        return prepare

    def _wanted(self):
        """Return the size and the colours of images: as told, or as the name says."""
        _, *known = self._named()
        told = self.resize, self.normalize
        if self.transforms is not None:
            return told
        return [
            one if one is not None else k for one, k in zip(told, known, strict=True)
        ]

    def _memory_now(self):
        """Return the memory of the network as it is: another one for new weights."""
        module = self._module()
        # torch counts the changes in place of each tensor.
        versions = [tensor._version for tensor in module.state_dict().values()]
        how = (self.resize, repr(self.normalize), self.transforms, self.cache)
        key = (versions, self.input_shape, *how, self.bfloat16)
        memory = self.__dict__.get("_memory")
        if memory is None or memory.module is not module or memory.key != key:
            files = None if self.cache is None else self._files(module)
            memory = self._memory = FeatureMemory(module, key, files)
        return memory

    def _files(self, module):
        """Return the files of the network as it is."""
        names = "resize", "normalize", "transforms", "input_shape", "bfloat16"
        told = *self._wanted(), self.transforms, self.input_shape, self.bfloat16
        if " at 0x" in repr(self.transforms):
            raise ValueError(
                "transforms must say in its repr what it does where there is a cache, "
                f"got {self.transforms!r}. Take one of torchvision's weights, or "
                "resize= and normalize=."
            )
        how = dict(zip(names, map(repr, told), strict=True))
        return FeatureFiles(self.cache, {**words_of(module), **how})

    def _module(self):
        """Return the module, which a fitted net holds."""
        network = self._named().module
        return network if isinstance(network, nn.Module) else network.module_

    def _named(self):
        """Return the network, which a name stands for, and what images it wants."""
        if self.network is None or isinstance(self.network, str):
            asked = (self.network, self.weights)
            before, named = self.__dict__.get("_built", (None, None))
            if before is None or not all(map(is_, asked, before)):
                named = named_network(self.network or DEFAULT, self.weights)
                self._built = asked, named
            return named
        if self.weights is not None:
            raise ValueError(
                "weights must be None for a network that has its own, got "
                f"{type(self.weights).__name__}. Load them: network.load_state_dict()."
            )
        if not isinstance(self.network, nn.Module):
            if not isinstance(self.network, Net):
                raise TypeError(
                    "network must be a torch.nn.Module, a net of skal.nets, a name or "
                    f"None, got {self.network!r}."
                )
            check_is_fitted(self.network)
        return NamedNetwork(self.network)

    def _pass(self, rows, source, prepare, *, full=True):
        """Return the features of rows, as tensors; always through a full batch.

        A row's features would else depend, in their last bits, on its neighbours.
        """
        n_missing = ROWS_A_PASS - len(rows) if full else 0
        batch = pad(rows, [0, 0] * (rows.ndim - 1) + [0, n_missing])
        module = self._named().module
        if not isinstance(module, nn.Module):
            X = batch.numpy() if batch.device.type == "cpu" else batch
            return module.embed(X)[: len(rows)]
        device = choose_device(self.device)
        if not is_on(module, device):
            place(module, device)
        training = module.training
        module.eval()
        try:
            features = self._tried(batch, source, prepare, device)
        finally:
            module.train(training)
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
            module = self._module()
            if not self._memory.known:
                check_repeats(module, batch[:N_LOOK])
            return first_of(module(batch))

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
        """Leave the memory behind, and a network that a name brings back."""
        left = "_memory", "_built"
        return {k: v for k, v in self.__dict__.items() if k not in left}

    def __sklearn_tags__(self):
        """Say that no fit is needed."""
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags


def check_one_tensor(rows):
    """Refuse rows of several parts, which are remembered by none of them."""
    if isinstance(rows, TensorSet):
        raise ValueError(
            f"X must hold rows of one tensor for FrozenBackbone, got the parts "
            f"{list(rows.parts)}. Embed them with a fitted net: net.embed(X)."
        )
