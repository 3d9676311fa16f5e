"""CNNClassifier: a small convolutional network with a recipe for few labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from skal.nets._layout import as_images
from skal.nets._module import check_widths
from skal.nets._net import NetClassifier
from skal.nets._standardize import Standardize

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from torch import Tensor


#: Smaller maps are left as they are, so that tiny images keep some of their places.
_WORTH_POOLING = 6


class ConvNet(nn.Sequential):
    """Convolutions with ReLU and max-pooling, then two layers with dropout."""

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        n_outputs: int,
        channels: Sequence[int] = (32, 64, 128),
        hidden: int = 128,
        dropout: float = 0.5,
    ) -> None:
        check_widths("channels", channels)
        depth, height, width = input_shape
        layers: list[nn.Module] = [Standardize(depth)]
        for size in channels:
            layers.append(nn.Conv2d(depth, size, 3, padding=1))
            if min(height, width) >= _WORTH_POOLING:
                # Before ReLU, which is the same and four times less work for it.
                layers.append(HalvingMaxPool())
                height, width = height // 2, width // 2
            layers.append(nn.ReLU())
            depth = size
        super().__init__(
            *layers,
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(depth * height * width, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, n_outputs),
        )


class HalvingMaxPool(nn.MaxPool2d):
    """2x2 max-pooling that is quick where no gradient is wanted.

    torch's own also notes where each maximum was, which only its backward pass needs.
    """

    def __init__(self) -> None:
        super().__init__(2)

    def forward(self, images: Tensor) -> Tensor:
        """Return the largest value of each 2x2 square; an odd last row is left out."""
        if torch.is_grad_enabled():
            return super().forward(images)
        height, width = (size // 2 * 2 for size in images.shape[-2:])
        images = images[..., :height, :width]
        rows = torch.maximum(images[..., ::2, :], images[..., 1::2, :])
        return torch.maximum(rows[..., ::2], rows[..., 1::2])


class CNNClassifier(NetClassifier):
    """A small convolutional network that learns from 20 labels as from 5 000.

    Three 3x3 convolutions with ReLU and max-pooling, then two fully connected layers
    with dropout. What makes it learn from few labels is the recipe, all of it
    parameters: enough steps, augmented images, warm-up and cosine, label smoothing.

    Parameters
    ----------
    channels : sequence of int, default=(32, 64, 128)
        Channels of each convolution; each is followed by a 2x2 max-pooling, while
        the image is at least 6 pixels wide and high.
    hidden : int, default=128
        The width of the fully connected layer, which is that of the embeddings.
    dropout : float, default=0.5
        The share that dropout leaves out before either fully connected layer.
    augment : {"affine", "crop_flip"}, callable or None, default="affine"
        Changes to each training image, as in :class:`NetClassifier`. "affine" suits
        digits and signs, "crop_flip" photographs.
    label_smoothing : float, default=0.1
        Share of each label that is spread over all classes.
    **params : dict
        Any other parameter of :class:`NetClassifier`, with its default.

    Attributes
    ----------
    module_ : torch.nn.Module
        The trained network, in eval mode.
    classes_ : ndarray of shape (n_classes,)
        The labels, in the order of the columns of ``predict_proba``.

    See Also
    --------
    ResNetClassifier : A deeper network, for photographs and GPUs.
    NetClassifier : Any module as a classifier.

    Notes
    -----
    Images come as (n, H, W), (n, C, H, W) or flat rows of square images, uint8 or
    float; give ``input_shape=(C, H, W)`` for other flat rows. 800 steps of 28x28
    images take about fourteen seconds on one core.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skal.nets import CNNClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> net = CNNClassifier(max_steps=100, random_state=0).fit(X[:200], y[:200])
    >>> net.embed(X[200:]).shape
    (1597, 128)
    >>> net.score(X[200:], y[200:]) > 0.6
    True
    """

    _settled = frozenset({"keep_integers", "module"})
    _arranged = staticmethod(as_images)
    _default_module = ConvNet

    def __init__(
        self,
        *,
        channels: Sequence[int] = (32, 64, 128),
        hidden: int = 128,
        dropout: float = 0.5,
        augment: str | Callable[[Tensor], Tensor] | None = "affine",
        label_smoothing: float = 0.1,
        **params: Any,
    ) -> None:
        self.channels = channels
        self.hidden = hidden
        self.dropout = dropout
        super().__init__(augment=augment, label_smoothing=label_smoothing, **params)

    def _module_params(self):
        return {
            "channels": self.channels,
            "hidden": self.hidden,
            "dropout": self.dropout,
        }
