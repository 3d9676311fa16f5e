"""Where a network runs, and in what precision and memory layout."""

from __future__ import annotations

from contextlib import nullcontext
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


def choose_device(device: str | torch.device | None) -> torch.device:
    """Return the torch device: "auto" takes a GPU where there is one.

    That is one of CUDA or else one of Apple (mps).
    """
    if isinstance(device, str) and device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    chosen = named_device("cpu" if device is None else device)
    trouble = missing(chosen)
    if trouble:
        raise ValueError(
            f"device must be one that torch can use here, got {str(device)!r}, but "
            f"{trouble}. Use 'auto', which takes a GPU where there is one."
        )
    return chosen


def named_device(device):
    """Return the torch device of a name, which torch must know."""
    words = "'auto', 'cpu', 'cuda', 'cuda:1', 'mps' or a torch.device"
    if not isinstance(device, str | torch.device):
        raise TypeError(f"device must be {words}, got {device!r}.")
    try:
        return torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"device must be {words}, got {device!r}.") from error


def missing(device):
    """Return what keeps torch from a device, in words; nothing if it can use it."""
    if device.type == "cuda":
        if not torch.cuda.is_available():
            return "torch finds no GPU"
        count = torch.cuda.device_count()
        if device.index is not None and device.index >= count:
            return f"torch finds {count} GPU{'s' if count > 1 else ''}, from cuda:0 on"
    if device.type == "mps" and not torch.backends.mps.is_available():
        return "torch finds no GPU of Apple"
    if device.type not in ("cpu", "cuda", "mps"):
        try:
            torch.ones(1, device=device).item()
        except Exception as error:  # of whatever kind its maker chose
            return f"torch says: {error}"
    return ""


def memory_format(device: torch.device) -> torch.memory_format:
    """Return how images lie in memory: channels last, which is much faster.

    But not on mps, where some layers answer wrongly then (pytorch/pytorch#174345).
    """
    plain = device.type == "mps"
    return torch.contiguous_format if plain else torch.channels_last


def place(module, device):
    """Move a module to a device, and lay out its weights of images as images.

    Volumes stay as they are: channels last took 1.3 times as long on a CPU.
    """
    module = module.to(device)
    layout = memory_format(device)
    for tensor in chain(module.parameters(), module.buffers()):
        if tensor.ndim == 4 and tensor.is_floating_point():
            # contiguous() would leave the strides of a single channel as they are
            tensor.data = tensor.data.to(memory_format=layout)
    return module


def is_on(module, device):
    """Tell whether a module's tensors are on a device."""
    first = next(iter(module.state_dict().values()), None)
    if first is None or first.device.type != device.type:
        return first is None
    return device.index is None or first.device.index == device.index


def check_precision(mixed_precision, bfloat16, device):
    """Refuse precisions that are none, or that a device has not."""
    wrong = not isinstance(mixed_precision, bool | np.bool_ | int | str)
    if wrong or mixed_precision not in (True, False, "auto"):
        raise ValueError(
            "mixed_precision must be True, False or 'auto', got "
            f"{mixed_precision!r}. True trains in bfloat16."
        )
    if not isinstance(bfloat16, bool | np.bool_ | int) or bfloat16 not in (True, False):
        raise ValueError(f"bfloat16 must be True or False, got {bfloat16!r}.")
    asked = {"mixed_precision": mixed_precision, "bfloat16": bfloat16}
    for name, value in asked.items():
        if value in (True,) and not has_bfloat16(device):
            raise ValueError(
                f"{name} must be False on the device {str(device)!r}, where torch "
                f"does not compute in bfloat16, got {value!r}. Use another device."
            )


def has_bfloat16(device: torch.device) -> bool:
    """Tell whether torch computes in bfloat16 on a device."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    if device.type == "mps" and not torch.backends.mps.is_macos_or_newer(14, 0):
        return False
    return torch.amp.is_autocast_available(device.type)


def training_precision(
    mixed_precision: bool | str, device: torch.device
) -> AbstractContextManager[object]:
    """Return the context of a training step: bfloat16, or torch's own precision.

    "auto" takes bfloat16 on GPUs of CUDA that have it, and nothing elsewhere, for it
    moves the results.
    """
    auto = device.type == "cuda" and has_bfloat16(device)
    wanted = auto if mixed_precision == "auto" else mixed_precision
    if not wanted:
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def inference_precision(
    bfloat16: bool, device: torch.device
) -> AbstractContextManager[object]:
    """Return the context of a pass without gradients."""
    if not bfloat16:
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)
