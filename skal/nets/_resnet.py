"""ResNetClassifier: a residual network of 18 layers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from skal._checks import check_choice, check_int
from skal.nets._layout import as_images
from skal.nets._net import NetClassifier
from skal.nets._standardize import Standardize

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from torch import Tensor

#: From this side on an image is worth halving twice before the first block.
_LARGE_SIDE = 64
#: With fewer, torch on a CPU (oneDNN, channels last) writes past its memory in the
#: gradient of a strided 1x1 convolution: wrong weights, or a dead process.
_SAFE_CHANNELS = 16


class ResNet18(nn.Module):
    """Eighteen layers with residual connections; the parts have torchvision's names."""

    def __init__(self, input_shape, n_outputs, width=64, stem="auto", dropout=0.2):
        from torchvision.models.resnet import BasicBlock

        super().__init__()
        check_int("width", width)
        check_choice("stem", stem, ["auto", "small", "large"])
        depth, *sides = input_shape
        large = min(sides) >= _LARGE_SIDE if stem == "auto" else stem == "large"
        self.standardize = Standardize(depth)
        self.conv1 = nn.Conv2d(
            depth, width, *((7, 2, 3) if large else (3, 1, 1)), bias=False
        )
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, 2, 1) if large else nn.Identity()
        before = width
        for stage in range(4):
            planes, stride = width * 2**stage, 1 if stage == 0 else 2
            blocks = nn.Sequential(
                BasicBlock(before, planes, stride, shortcut(before, planes, stride)),
                BasicBlock(planes, planes),
            )
            setattr(self, f"layer{stage + 1}", blocks)
            before = planes
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(before, n_outputs)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out")

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores of a batch of images."""
        x = self.maxpool(self.bn1(self.conv1(self.standardize(x))).relu())
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.dropout(x.mean(dim=(2, 3))))


def shortcut(before, planes, stride):
    """Return what brings the input of a block to its output's shape, if need be."""
    if stride == 1 and before == planes:
        return None
    kind = nn.Conv2d if before >= _SAFE_CHANNELS else Thinned
    return nn.Sequential(
        kind(before, planes, 1, stride, bias=False), nn.BatchNorm2d(planes)
    )


class Thinned(nn.Conv2d):
    """A strided 1x1 convolution, as a dense one of the pixels that it looks at."""

    def forward(self, x: Tensor) -> Tensor:
        """Return what the strided convolution does."""
        down, across = self.stride
        return nn.functional.conv2d(x[:, :, ::down, ::across], self.weight, self.bias)


def load_weights(module, path):
    """Load weights from a file; the last layer stays new where classes differ."""
    path = Path(path)
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        weights = load_file(path)
    else:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    own, new = module.state_dict(), ["standardize."]  # what stays as it is
    first, head = weights.get("conv1.weight"), weights.get("fc.weight")
    if first is not None and first.shape[1] == 3 and own["conv1.weight"].shape[1] == 1:
        weights["conv1.weight"] = first.sum(dim=1, keepdim=True)
    if head is None or head.shape != own["fc.weight"].shape:
        new.append("fc.")
    own = {k: v for k, v in own.items() if not k.startswith(tuple(new))}
    weights = {k: v for k, v in weights.items() if not k.startswith(tuple(new))}
    wrong = [
        name
        for name in sorted(own.keys() | weights.keys())
        if name not in own
        or name not in weights
        or own[name].shape != weights[name].shape
    ]
    if wrong:
        raise ValueError(
            f"weights must fit the network, got a file that does not at {wrong[0]!r} "
            f"({len(wrong)} names in all). ImageNet weights of resnet18 want width=64 "
            'and stem="large".'
        )
    module.load_state_dict(weights, strict=False)


class ResNetClassifier(NetClassifier):
    """ResNet-18, for photographs and for machines with a GPU.

    torchvision's network with a width, a stem for small images and dropout before the
    last layer, which gives it MC dropout.

    Parameters
    ----------
    width : int, default=64
        Channels of the first stage; 16 trains on a CPU in reasonable time.
    stem : {"auto", "small", "large"}, default="auto"
        "small" starts with a 3x3 convolution at full resolution, "large" as for
        ImageNet with a 7x7 one and pooling, which make the sides 4 times shorter;
        "auto" takes "large" from 64 pixels on.
    dropout : float, default=0.2
        The share that dropout leaves out before the last layer.
    weights : str or Path, default=None
        A file of weights to start from, by torch.save or safetensors, with
        torchvision's names; the last layer starts new where the classes differ.
    lr : float, default=1e-3
        The learning rate, at its height.
    batch_size : int or "auto", default=64
        Rows a step.
    augment : {"affine", "crop_flip"}, callable or None, default="crop_flip"
        Changes to each training image, as in :class:`NetClassifier`.
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
    CNNClassifier : A small network, better with few labels on a CPU.

    Notes
    -----
    Images have one or three channels, or any other number. Papers on active learning
    often train ResNet-18 with Adam at 5e-4 and batches of 64: that is
    ``ResNetClassifier(optimizer=torch.optim.Adam, lr=5e-4, lr_schedule=None,
    weight_decay=0, label_smoothing=0)``.

    A step of 64 images of 32x32 takes 1.3 to 2 seconds on one core at width 64, about
    0.16 at width 16. torchvision is imported at the first fit.

    References
    ----------
    He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016,
    arXiv:1512.03385.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skal.nets import ResNetClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> net = ResNetClassifier(width=4, max_steps=2, random_state=0).fit(X, y)
    >>> net.embed(X[:5]).shape
    (5, 32)
    """

    _settled = frozenset({"keep_integers", "module"})
    _arranged = staticmethod(as_images)
    _default_module = ResNet18

    def __init__(
        self,
        *,
        width: int = 64,
        stem: str = "auto",
        dropout: float = 0.2,
        weights: str | Path | None = None,
        lr: float = 1e-3,
        batch_size: int | str = 64,
        augment: str | Callable[[Tensor], Tensor] | None = "crop_flip",
        label_smoothing: float = 0.1,
        **params: Any,
    ) -> None:
        self.width = width
        self.stem = stem
        self.dropout = dropout
        self.weights = weights
        super().__init__(
            lr=lr,
            batch_size=batch_size,
            augment=augment,
            label_smoothing=label_smoothing,
            **params,
        )

    def _module_params(self):
        return {"width": self.width, "stem": self.stem, "dropout": self.dropout}

    def _start_from(self, module):
        if self.weights is not None:
            load_weights(module, self.weights)
