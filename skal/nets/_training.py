"""Training: steps over shuffled batches, in epochs that callbacks see."""

from __future__ import annotations

from copy import deepcopy
from inspect import signature
from math import ceil
from time import perf_counter

import torch
from sklearn.model_selection import train_test_split

from skal._checks import check_int, check_number
from skal.nets._batches import shuffled
from skal.nets._callbacks import Listeners
from skal.nets._device import training_precision
from skal.nets._module import first_of
from skal.nets._objective import mean_loss
from skal.nets._schedule import (
    choose_batch_size,
    count_steps,
    lr_factor,
    two_schedules,
)

#: Steps between two looks at the held-out rows, at least.
_STEPS_A_LOOK = 25


class Trainer:
    """Trains a module for a number of steps, or until held-out rows say enough.

    Parameters
    ----------
    net : skorch net
        Its parameters say how to train; its ``optimizer_`` steps, its ``history``
        hears of every epoch, its callbacks of every batch too.
    passes : Passes
        Hold the module to train.
    inputs : Inputs
        The rows.
    objective : Objective
        Their targets, weights and loss.
    positions : ndarray of int
        Those of the rows that count.
    given : tuple
        X and y as ``fit`` got them, for the callbacks.
    """

    def __init__(self, net, passes, inputs, objective, positions, given):
        self.net = net
        self.module = passes.module
        self.losses = objective.losses
        self.augment = net._augmentation(inputs.layout)
        kept, held = split(net, objective, positions)
        n_rows = len(kept)
        self.batch_size = choose_batch_size(net.batch_size, n_rows)
        self.n_steps = count_steps(
            n_rows, self.batch_size, net.max_steps, net.max_epochs
        )
        self.batches = Batches(inputs, objective, kept, passes.device)
        X, y = given
        self.listeners = Listeners(net, X, y, kept, held, self.batch_size)
        self.best: dict[str, float] = {}
        self.watch = None
        if held is not None:
            held_out = Batches(inputs, objective, held, passes.device)
            self.watch = Watch(
                self.module, self.losses, held_out, net.patience, self.listeners
            )

    def run(self):
        """Make the steps."""
        optimizer = self.net.optimizer_
        heights = [group["lr"] for group in optimizer.param_groups]
        self.rates = list(heights)
        stream = self.batches.stream(self.batch_size)
        per_epoch = ceil(len(self.batches) / self.batch_size)
        done = 0
        while done < self.n_steps:
            start = perf_counter()
            self.listeners.epoch_begins()
            self.module.train()
            until = min(done + per_epoch, self.n_steps)
            total = 0.0
            for step in range(done, until):
                self._set_rate(optimizer, heights, step)
                total = total + self._step(optimizer, next(stream))
            self._record("train_loss", float(total) / (until - done))
            done = until
            enough = self._look(done)
            self.net.history.record("dur", perf_counter() - start)
            if self._stopped_by_callback() or enough:
                break
        if self.watch is not None:
            self.watch.look(done, last=True)  # a callback may stop between two looks
            self.watch.restore()
        self.module.eval()

    def _set_rate(self, optimizer, heights, step):
        if self.net.lr_schedule is None:  # callbacks may move it
            return
        groups = optimizer.param_groups
        if [group["lr"] for group in groups] != self.rates:
            raise two_schedules(self.net.lr_schedule, "a callback")
        factor = lr_factor(self.net.lr_schedule, step, self.n_steps)
        self.rates = [height * factor for height in heights]
        for group, rate in zip(groups, self.rates, strict=True):
            group["lr"] = rate

    def _step(self, optimizer, where):
        """Make one step of the optimizer; return the loss."""
        module = self.module
        rows, targets, weights = self.batches.take(where)
        if self.augment is not None:
            rows, targets = self.augment(rows, targets)
        batch = (rows, targets)
        self.listeners.batch_begins(batch, training=True)
        if self.listeners:
            module.train()  # they may have asked for predictions
        first: list[torch.Tensor] = []

        def closure():
            optimizer.zero_grad()
            outputs, loss = self._pass(rows, targets, weights)
            loss.backward()
            if not first:  # an optimizer may come more than once
                first.append(outputs.detach())
            self.listeners.gradients(module, batch)
            return loss

        loss = optimizer.step(closure).detach()
        positions = self.batches.positions[where]
        self.listeners.batch_ends(batch, positions, first[0], loss, training=True)
        return loss

    def _pass(self, rows, targets, weights):
        """Return the outputs and the loss of a batch."""
        outputs = self._outputs(rows)
        return outputs, mean_loss(self.losses(outputs, targets), weights)

    def _outputs(self, rows):
        """Return the outputs of a batch, in the precision of training."""
        with training_precision(self.net.mixed_precision, rows.device):
            return first_of(self.module(rows)).float()

    def _look(self, step, *, last=False):
        """Let the watch judge the module; tell whether it has seen enough."""
        if self.watch is None:
            return False
        last = last or step == self.n_steps
        loss = self.watch.look(step, last=last, anyway=bool(self.listeners))
        if loss is not None:
            self._record("valid_loss", loss)
        return loss is not None and self.watch.has_enough()

    def _record(self, name, loss):
        """Write a loss into the history, and whether it is the best."""
        best = loss < self.best.get(name, float("inf"))
        if best:
            self.best[name] = loss
        self.net.history.record(name, loss)
        self.net.history.record(f"{name}_best", best)

    def _stopped_by_callback(self):
        """End an epoch; tell whether a callback asks to stop, as skorch's do.

        They raise KeyboardInterrupt to say so. One that the user raises goes through.
        """
        try:
            self.listeners.epoch_ends()
        except KeyboardInterrupt:
            if not self.listeners:
                raise
            return True
        return False


class Batches:
    """Rows, targets and weights at some positions, as batches for the steps."""

    def __init__(self, inputs, objective, positions, device):
        self.inputs = inputs
        self.positions = torch.as_tensor(positions)
        self.targets = objective.targets.to(device)
        weights = objective.weights
        self.weights = None if weights is None else weights.to(device)
        self.device = device
        self.ahead = None

    def __len__(self):
        return len(self.positions)

    def stream(self, batch_size, number=0):
        """Return the places of a batch a step; ``take`` is to be asked for each.

        Streams of different numbers draw different random numbers for their rows.
        """
        self.ahead = self.inputs.to_train_on(self.positions, number)
        on_order = None if self.ahead is None else self.ahead.begin
        return shuffled(len(self), batch_size, on_order)

    def take(self, where):
        """Return the rows, targets and weights (or None) at some places."""
        where = self.positions[where]
        if self.ahead is None:
            rows = self.inputs.take(where, self.device)
        else:
            rows = self.inputs.layout.arrange(self.ahead.take(len(where)), self.device)
        where = where.to(self.device)
        weights = None if self.weights is None else self.weights[where]
        return rows, self.targets[where], weights


class Watch:
    """Early stopping: the best weights on held-out rows, and when to give up."""

    def __init__(self, module, losses, held_out, patience, listeners):
        self.module = module
        self.losses = losses
        self.held_out = held_out
        self.patience = patience
        self.listeners = listeners
        self.best = float("inf")
        self.state = None
        self.without_gain = 0
        self.judged = None  # the step at which the module was last judged
        self.known = (None, None)  # the last loss, after its step

    def look(self, step, *, last, anyway=False):
        """Return the loss of the module on the held-out rows, and note the best.

        Too few steps after the one before, a look is none, but for the last step: the
        loss is None, or, if it is wanted anyway, it is not judged by.
        """
        since = _STEPS_A_LOOK if self.judged is None else step - self.judged
        due = since >= _STEPS_A_LOOK or (last and since > 0)
        if not due and not anyway:
            return None
        if self.known[0] != step:
            self.known = (step, self.held_out_loss())
        loss = self.known[1]
        if due:
            self.judged = step
            self._judge(loss)
        return loss

    def _judge(self, loss):
        if loss < self.best:
            self.best, self.without_gain = loss, 0
            self.state = deepcopy(self.module.state_dict())
        else:
            self.without_gain += 1

    def has_enough(self):
        """Tell whether the module has not improved for too many looks."""
        return self.without_gain >= self.patience

    def held_out_loss(self):
        """Return the mean loss over the held-out rows, without label smoothing."""
        self.module.eval()
        total = 0.0
        for where in self.held_out.inputs.in_order(len(self.held_out)):
            rows, targets, weights = self.held_out.take(where)
            self.listeners.batch_begins((rows, targets), training=False)
            self.module.eval()
            with torch.no_grad():
                outputs = first_of(self.module(rows)).float()
                losses = self.losses(outputs, targets, exact=True)
                loss = mean_loss(losses, weights)
            positions = self.held_out.positions[where]
            self.listeners.batch_ends(
                (rows, targets), positions, outputs, loss, training=False
            )
            total += float(loss) * len(positions)
        return total / len(self.held_out)

    def restore(self):
        """Bring back the best weights seen."""
        if self.state is not None:
            self.module.load_state_dict(self.state)


def split(net, objective, positions):
    """Return the positions to train on, and those to watch for early stopping."""
    if not net.early_stopping:
        return positions, None
    check_int("patience", net.patience)
    share = check_number("validation_fraction", net.validation_fraction)
    if not 0 < share < 1:
        raise ValueError(f"validation_fraction must be between 0 and 1, got {share!r}.")
    n_held = ceil(share * len(positions))
    if n_held == len(positions):
        raise ValueError(
            f"validation_fraction must leave a row to train on, got {share!r} of "
            f"{n_held} rows. Label more rows, or set early_stopping=False."
        )
    seed = int(torch.randint(2**31 - 1, ()))
    codes = objective.targets[positions] if objective.classes else None
    return train_test_split(
        positions,
        test_size=n_held,
        random_state=seed,
        stratify=None if codes is None else strata(codes, n_held),
    )


def strata(codes, n_held):
    """Return the codes, to keep their shares, where each has rows for both parts."""
    counts = torch.bincount(codes)
    counts = counts[counts > 0]
    room = min(n_held, len(codes) - n_held) >= len(counts)
    return codes.numpy() if counts.min() > 1 and room else None


def make_optimizer(net, module):
    """Make the optimizer for the weights that are not frozen.

    A callback may thaw those that are: then it has them all, and leaves be what has no
    gradient.
    """
    parameters = [
        (name, weights)
        for name, weights in module.named_parameters()
        if weights.requires_grad or net.callbacks_
    ]
    if not callable(net.optimizer):
        raise TypeError(
            f"optimizer must be a class of torch.optim, got {net.optimizer!r}. "
            "Pass torch.optim.Adam, for example."
        )
    args, params = net.get_params_for_optimizer("optimizer", parameters)
    params.setdefault("weight_decay", net.weight_decay)
    accepted = signature(net.optimizer).parameters
    if "weight_decay" not in accepted:
        del params["weight_decay"]
    if "fused" in accepted:
        params.setdefault("fused", True)
    return net.optimizer(*args, **params)
