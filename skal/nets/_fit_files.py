"""Files of what a fit makes for itself: its optimizer, its criterion, its history."""

from __future__ import annotations

from contextlib import contextmanager

from skorch.history import History

from skal.nets._device import choose_device

#: What there is in a fit alone, by the names of the files.
_IN_FIT = {"f_optimizer": "optimizer_", "f_criterion": "criterion_"}


def check_in_fit(net, files):
    """Refuse files of what a fit makes for itself, where there is none."""
    for name, made in _IN_FIT.items():
        if files.get(name) is not None and not hasattr(net, made):
            raise ValueError(
                f"{name} must be None outside of a fit, which makes one and leaves "
                f"none, got {files[name]!r}. warm_start=True goes on from the weights."
            )


def files_of(net, checkpoint):
    """Return the files of a checkpoint that there is a use for; take its history.

    The names of the others may depend on it.
    """
    checkpoint = getattr(checkpoint, "checkpoint_", checkpoint)  # of the end of a fit
    if checkpoint.f_history is not None:
        net.history_ = History.from_file(checkpoint.f_history_)
    useless = {"f_history", "f_pickle"}
    useless |= {name for name, made in _IN_FIT.items() if not hasattr(net, made)}
    files = checkpoint.get_formatted_files(net)
    return {k: v for k, v in files.items() if v is not None and k not in useless}


@contextmanager
def on_named_device(net):
    """Let the device of a net be one that skorch knows, which "auto" is not."""
    device = net.device
    net.device = str(choose_device(device))
    try:
        yield
    finally:
        net.device = device


@contextmanager
def own_rates(net, files):
    """Leave the learning rates as a schedule sets them, whatever a file says."""
    groups = net.optimizer_.param_groups if "f_optimizer" in files else []
    rates = [group["lr"] for group in groups]
    yield
    if rates and net.lr_schedule is not None:
        for group, rate in zip(net.optimizer_.param_groups, rates, strict=True):
            group["lr"] = rate
