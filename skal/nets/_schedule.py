"""How long to train, and how the learning rate moves meanwhile."""

from math import ceil, cos, pi, sqrt

from skorch.callbacks import LRScheduler

from skal._checks import check_choice, check_int

#: From this many rows on a batch of 64 is worth its time; below, 32 is.
_LARGE = 500
#: Share of the steps over which the learning rate rises to its full height.
_WARM_UP = 0.1


#: A batch may hold each row several times, but then no more rows than this.
_FULL = 1024


def choose_batch_size(batch_size, n_rows):
    """Return the rows a step: 32 for few labels, 64 for many.

    Batches are full, if need be by rows that come again; one that is to be larger than
    all rows there are is not filled without end.
    """
    if batch_size == "auto":
        return 32 if n_rows < _LARGE else 64
    if isinstance(batch_size, str):
        raise ValueError(
            f"batch_size must be an integer or 'auto', got {batch_size!r}."
        )
    return min(check_int("batch_size", batch_size), max(n_rows, _FULL))


def count_steps(n_rows, batch_size, max_steps, max_epochs):
    """Return the number of steps of a fit: both limits hold.

    Where neither is set, few labels get 800 steps whatever their number: it is steps
    that they need, not epochs.
    """
    limits = []
    if max_steps is not None:
        limits.append(check_int("max_steps", max_steps))
    if max_epochs is not None:
        per_epoch = ceil(n_rows / batch_size)
        limits.append(check_int("max_epochs", max_epochs) * per_epoch)
    return min(limits) if limits else max(800, round(50 * sqrt(n_rows)))


def lr_factor(schedule, step, n_steps):
    """Return what the learning rate is multiplied with at a step."""
    if schedule is None:
        return 1.0
    warm_up = max(1, round(_WARM_UP * n_steps))
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + cos(pi * (step - warm_up) / max(1, n_steps - warm_up)))


def check_schedule(schedule, callbacks):
    """Refuse a schedule that is not known, or beside one of skorch's.

    ``callbacks`` are pairs of a name and a callback.
    """
    if schedule is None:
        return
    check_choice("lr_schedule", schedule, ["cosine"])
    for _, callback in callbacks:
        if isinstance(callback, LRScheduler):
            raise two_schedules(schedule, type(callback).__name__)


def two_schedules(schedule, other):
    """Build the ValueError for a callback that moves the learning rate as well."""
    return ValueError(
        f"lr_schedule must be None where {other} moves the learning rate, got "
        f"{schedule!r}, which sets it at every step. Set lr_schedule=None, or leave "
        "the callback out."
    )
