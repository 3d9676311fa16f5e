"""Which of skorch's callbacks a fit refuses: those that would do nothing, or fail."""

from __future__ import annotations

from skorch.callbacks import (
    BatchScoring,
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    InputShapeSetter,
    LRScheduler,
    PassthroughScoring,
    WandbLogger,
)
from torch.optim.lr_scheduler import ReduceLROnPlateau

from skal._checks import nearest_first
from skal.nets._sources import is_dataset

#: What a line of the history holds, and what it holds where rows are held out.
_TRAIN = ("epoch", "train_loss", "train_loss_best", "train_batch_count", "dur")
_VALID = ("valid_loss", "valid_loss_best", "valid_batch_count")


def check_callbacks(net):
    """Refuse what are no callbacks, and parameters of callbacks that are not there."""
    callbacks = net.callbacks
    if callbacks is None or callbacks == "disable":
        callbacks = []
    if not isinstance(callbacks, list):
        raise TypeError(
            "callbacks must be a list of skorch's callbacks, or of pairs of a name and "
            f"one, got {callbacks!r}. Put one alone into a list: [{callbacks!r}]."
        )
    for item in callbacks:
        one = item[1] if isinstance(item, tuple | list) and len(item) == 2 else item
        is_class = isinstance(one, type) and issubclass(one, Callback)
        if not is_class and not isinstance(one, Callback):
            raise TypeError(
                f"callbacks must hold skorch's callbacks, got {one!r}. One of your own "
                "is a subclass of skorch.callbacks.Callback."
            )
    names = {name for name, _ in net._uniquely_named_callbacks()} | {"print_log"}
    for parameter in net._params_of("callbacks"):
        name = parameter.partition("__")[0]
        if name not in names:
            raise ValueError(
                f"callbacks__{parameter} must be of a callback of the net, got none of "
                f"the name {name!r}. There are {nearest_first(name, names)}."
            )


def check_heard(net):
    """Refuse callbacks that could only fail, or do nothing, in this fit.

    The callbacks are initialized. What one of the user's own writes into the history is
    not known.
    """
    known = [*_TRAIN, *(_VALID if net.early_stopping else ())]
    batches = ["train_loss", *(["valid_loss"] if net.early_stopping else [])]
    strange = False
    for name, callback in net.callbacks_:
        if isinstance(callback, InputShapeSetter):
            raise ValueError(
                f"callbacks must leave out {name!r}, an InputShapeSetter: the module "
                "is made before callbacks hear of a fit. A module that asks for "
                "n_features or input_shape in its signature is told."
            )
        if not net.early_stopping and wants_held_out(callback):
            raise no_rows(name, callback)
        column = monitored(callback)
        if column is not None and column not in known and not strange:
            raise ValueError(unknown(name, callback, column, known, net.early_stopping))
        if isinstance(callback, PassthroughScoring):
            if callback.name not in batches and not strange:
                raise ValueError(
                    f"callbacks must pass through what batches hold, got {name!r}, "
                    f"which wants {callback.name!r}; there are {batches}. Use an "
                    "EpochScoring, or put what writes it before."
                )
            known += [callback.name, f"{callback.name}_best"]
        if isinstance(callback, EpochScoring | BatchScoring):
            known += [callback.name_, f"{callback.name_}_best"]
            batches.append(callback.name_)
        if isinstance(callback, Checkpoint | LRScheduler):
            known.append(callback.event_name)
        strange = strange or not type(callback).__module__.startswith("skorch.")


def check_scores(callbacks, X, targets):
    """Refuse scores by name that could only fail on such rows and labels."""
    for name, callback in callbacks:
        scores = isinstance(callback, EpochScoring | BatchScoring)
        if not scores or not isinstance(callback.scoring, str):
            continue
        if targets.is_floating_point() and targets.isnan().any():
            raise ValueError(
                f"callbacks must work where labels are missing, got {name!r}, which "
                f"scores by {callback.scoring!r}, a score that takes no NaN. Give it a "
                "function as scoring= which does, or look at valid_loss."
            )
        if is_dataset(X) and isinstance(callback, EpochScoring):
            check_keeps(name, callback)


def check_keeps(name, callback):
    """Refuse a score of a Dataset that does not keep the labels that it has seen."""
    if callback.use_caching is False:
        raise ValueError(
            f"callbacks must get what they need, got {name!r}, which finds no labels "
            "in a Dataset with use_caching=False. Set use_caching=True of "
            f"{type(callback).__name__}."
        )


def wants_held_out(callback):
    """Tell whether a callback needs rows that are held out."""
    if isinstance(callback, EpochScoring | BatchScoring | PassthroughScoring):
        return not callback.on_train
    return isinstance(callback, WandbLogger) and callback.save_model


def monitored(callback):
    """Return the column of the history that a callback looks at, or None."""
    if isinstance(callback, LRScheduler):
        at_epochs = callback.step_every == "epoch"
        if not at_epochs or callback.policy_ is not ReduceLROnPlateau:
            return None
    elif not isinstance(callback, Checkpoint | EarlyStopping):
        return None
    return callback.monitor if isinstance(callback.monitor, str) else None


def no_rows(name, callback):
    """Build the ValueError for a callback that needs held-out rows without them."""
    kind = type(callback).__name__
    alone = "save_model=False" if kind == "WandbLogger" else "on_train=True"
    return ValueError(
        f"callbacks must get what they need, got {name!r}, which needs held-out rows, "
        "with early_stopping=False, which holds out none. Set early_stopping=True, "
        f"or {alone} of {kind}."
    )


def unknown(name, callback, column, known, held_out):
    """Say that nothing writes the column of the history that a callback looks at."""
    out = "" if held_out else " early_stopping=True holds out rows for valid_loss;"
    return (
        f"callbacks must look at what is in the history by then, got {name!r}, which "
        f"looks at {column!r}; there are {nearest_first(column, known)}.{out} a score "
        f"comes from an EpochScoring of that name before {type(callback).__name__}."
    )
