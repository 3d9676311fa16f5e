"""What skorch's callbacks hear of a fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from skorch.callbacks import BatchScoring, EpochScoring, LRScheduler, ProgressBar
from skorch.dataset import Dataset
from torch import nn
from torch.utils.data import Subset

from skal.nets._batches import ROWS_A_PASS
from skal.nets._sources import is_dataset

if TYPE_CHECKING:
    from typing import Any


class Listeners:
    """The callbacks of a net: each hears of every event what it wants to know.

    They get what skorch would give them: the rows and labels of fit, the batches and
    outputs that the loss sees, and the history with the losses of every batch.

    Parameters
    ----------
    net : skorch net
        Its own methods of the same names hear of the events too.
    X, y : array-like or torch Dataset, and ndarray
        Rows and labels as ``fit`` got them.
    kept, held : ndarray of int, or None for the second
        Positions of the rows to train on, and of those held out.
    batch_size : int
        Rows a step.
    """

    def __init__(self, net, X, y, kept, held, batch_size):
        self.net = net
        self.labels = y
        self.datasets = {"dataset_train": None, "dataset_valid": None}
        if net.callbacks_:
            rows = rows_and_labels(X, y)
            self.datasets["dataset_train"] = Subset(rows, kept)
            if held is not None:
                self.datasets["dataset_valid"] = Subset(rows, held)
        self.sizes = {
            "batch_size": batch_size,
            "iterator_valid__batch_size": ROWS_A_PASS,
        }
        self.counts = {"train": 0, "valid": 0}

    def __bool__(self):
        return bool(self.net.callbacks_)

    def tell(self, event, *, labels=None, own=None, **what):
        """Tell the net and its callbacks of an event.

        Scores are of labels, where the loss, and who looks over its shoulder, sees
        targets. A progress bar divides by the size of batches, which "auto" is none.
        ``own`` is for the net itself, where that is something else.
        """
        getattr(self.net, event)(self.net, **(own or what))
        for _, callback in self.net.callbacks_:
            scores = isinstance(callback, EpochScoring | BatchScoring)
            if scores and labels is not None:
                heard = {**what, "batch": (what["batch"][0], labels)}
            else:
                heard = what
            bar = isinstance(callback, ProgressBar)
            net = Sized(self.net, self.sizes) if bar else self.net
            getattr(callback, event)(net, **heard)

    def epoch_begins(self):
        """Tell of the beginning of an epoch, which is a new line of the history."""
        self.counts = {"train": 0, "valid": 0}
        self.tell("on_epoch_begin", **self.datasets)

    def epoch_ends(self):
        """Tell of the end of an epoch, after its losses are in the history."""
        for part, count in self.counts.items():
            if count:
                self.net.history.record(f"{part}_batch_count", count)
        self.tell("on_epoch_end", **self.datasets)

    def batch_begins(self, batch, *, training):
        """Tell of a batch, a pair (rows, targets), before it is passed."""
        if self:
            self.tell("on_batch_begin", batch=batch, training=training)

    def gradients(self, module, batch):
        """Tell of gradients, which a callback may change."""
        if self:
            parameters = list(module.named_parameters())
            what = {"named_parameters": parameters, "batch": batch, "training": True}
            self.tell("on_grad_computed", **what)

    def batch_ends(self, batch, positions, outputs, loss, *, training):
        """Tell of a batch that was passed, the rows at some positions."""
        if not self:
            return
        part = "train" if training else "valid"
        self.counts[part] += 1
        self.net.history.record_batch(f"{part}_loss", float(loss))
        self.net.history.record_batch(f"{part}_batch_size", len(positions))
        what = {"training": training, "loss": loss, "y_pred": outputs}
        labels = self.labels[np.asarray(positions)]
        self.tell("on_batch_end", batch=batch, labels=labels, **what)


class Sized:
    """A net as a progress bar sees it: the sizes of its batches are numbers."""

    def __init__(self, net, sizes):
        self.net = net
        self.sizes = sizes

    def __getattr__(self, name: str) -> Any:
        """Return what the net has of this name."""
        return getattr(self.net, name)

    def get_params(self, deep=True):
        """Return the parameters of the net, with the sizes."""
        return {**self.net.get_params(deep), **self.sizes}


class MeanLoss(nn.Module):
    """The loss of a fit, for callbacks that look for a criterion."""

    def __init__(self, losses):
        super().__init__()
        self.losses = losses

    def forward(self, outputs, targets):
        """Return the mean loss of outputs and targets."""
        return self.losses(outputs, targets).mean()


def forget_optimizer(callbacks):
    """Take from callbacks the optimizer of a fit that is over.

    They would hold its state, and the weights once more, wherever it was.
    """
    for _, callback in callbacks:
        if isinstance(callback, LRScheduler):
            vars(callback).pop("lr_scheduler_", None)


def rows_and_labels(X, y):
    """Return a data set of rows and labels, of which skorch can take both apart."""
    if is_dataset(X):
        return X
    return Dataset(np.asarray(X) if isinstance(X, list) else X, y, length=len(y))
