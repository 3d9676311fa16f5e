"""Where a network runs, and in what precision and memory layout."""

from contextlib import nullcontext

import torch

from skal._checks import check_choice
from skal.nets._layout import channels_last


def choose_device(device):
    """Return the torch device: "auto" takes a GPU where there is one."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    chosen = torch.device("cpu" if device is None else device)
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise RuntimeError(
            f"device must be one that torch can use here, got {str(device)!r}, but "
            "torch finds no GPU. Use 'auto', which takes one where there is one."
        )
    return chosen


def place(module, device):
    """Move a module to a device, its convolutions channels last: much faster."""
    return channels_last(module.to(device=device))


def is_on(module, device):
    """Tell whether a module's tensors are on a device."""
    first = next(iter(module.state_dict().values()), None)
    if first is None or first.device.type != device.type:
        return first is None
    return device.index is None or first.device.index == device.index


def training_precision(mixed_precision, device):
    """Return the context of a training step: bfloat16, or torch's own precision.

    "auto" takes bfloat16 on the GPUs that have it, and nothing elsewhere.
    """
    if mixed_precision not in (True, False):
        check_choice("mixed_precision", mixed_precision, ["auto"])
    able = torch.amp.is_autocast_available(device.type)
    if device.type == "cuda":
        able = torch.cuda.is_bf16_supported()
    wanted = device.type == "cuda" if mixed_precision == "auto" else mixed_precision
    if wanted and able:
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()


def inference_precision(bfloat16, device):
    """Return the context of a pass without gradients."""
    if not bfloat16:
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)
