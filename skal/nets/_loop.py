"""The training loop: steps over shuffled batches, epochs that callbacks see."""

from copy import deepcopy
from math import ceil
from time import perf_counter

import torch

from skal.nets._batches import in_order, shuffled
from skal.nets._building import first_of
from skal.nets._placement import training_precision
from skal.nets._schedule import lr_factor

#: Steps between two looks at the held-out rows, at least.
_STEPS_A_LOOK = 25
#: Rows of a pass over the held-out rows.
_CHUNK = 256


class Batches:
    """Rows, targets and weights of some positions, as batches for the loop."""

    def __init__(self, source, layout, targets, weights, positions, device):
        self.source = source
        self.layout = layout
        self.positions = torch.as_tensor(positions)
        self.targets = targets.to(device)
        self.weights = None if weights is None else weights.to(device)
        self.device = device

    def __len__(self):
        return len(self.positions)

    def take(self, where):
        """Return the rows, targets and weights (or None) at some places."""
        where = self.positions[where]
        rows = self.layout.arrange(self.source.take(where), self.device)
        where = where.to(self.device)
        weights = None if self.weights is None else self.weights[where]
        return rows, self.targets[where], weights


def train(net, module, batches, held_out, *, n_steps, batch_size, augment):
    """Train a module for a number of steps, or until the held-out rows say enough."""
    optimizer = net.optimizer_
    heights = [group["lr"] for group in optimizer.param_groups]
    stream = shuffled(len(batches), batch_size)
    per_epoch = ceil(len(batches) / batch_size)
    watch = None if held_out is None else Watch(net, module, held_out)
    step = 0
    while step < n_steps:
        start = perf_counter()
        net.notify("on_epoch_begin", dataset_train=batches, dataset_valid=held_out)
        module.train()
        n_here = min(per_epoch, n_steps - step)
        total = 0.0
        for _ in range(n_here):
            for group, height in zip(optimizer.param_groups, heights, strict=True):
                if net.lr_schedule is not None:  # else callbacks may move it
                    group["lr"] = height * lr_factor(net.lr_schedule, step, n_steps)
            rows, targets, weights = batches.take(next(stream))
            if augment is not None:
                rows = augment(rows)
            total = total + one_step(net, module, optimizer, rows, targets, weights)
            step += 1
        net.history.record("train_loss", float(total) / n_here)
        enough = watch is not None and watch.look(step, last=step == n_steps)
        net.history.record("dur", perf_counter() - start)
        if stopped_by_callback(net, batches, held_out) or enough:
            break
    if watch is not None:
        watch.look(step, last=True)  # a callback may have stopped between two looks
        watch.restore()
    module.eval()


def one_step(net, module, optimizer, rows, targets, weights):
    """Make one step of the optimizer; return the loss."""
    batch = (rows, targets)
    listening = bool(net.callbacks_)
    if listening:
        net.notify("on_batch_begin", batch=batch, training=True)

    def closure():
        optimizer.zero_grad()
        with training_precision(net.mixed_precision, rows.device):
            outputs = first_of(module(rows)).float()
        loss = weighted(net._losses(outputs, targets), weights)
        loss.backward()
        if listening:
            parameters = list(module.named_parameters())
            net.notify("on_grad_computed", named_parameters=parameters, batch=batch)
        return loss

    loss = optimizer.step(closure).detach()
    if listening:
        net.history.record_batch("train_loss", float(loss))
        net.notify("on_batch_end", batch=batch, training=True, loss=loss)
    return loss


def weighted(losses, weights):
    """Return the mean of the losses; the weights average to 1 over all rows."""
    return losses.mean() if weights is None else (losses * weights).mean()


def stopped_by_callback(net, batches, held_out):
    """End an epoch; tell whether a callback asks to stop, as skorch's do.

    They raise KeyboardInterrupt to say so. One that the user raises goes through.
    """
    if not net.callbacks_:
        return False
    try:
        net.notify("on_epoch_end", dataset_train=batches, dataset_valid=held_out)
    except KeyboardInterrupt:
        return True
    return False


class Watch:
    """Early stopping: the best weights on held-out rows, and when to give up."""

    def __init__(self, net, module, held_out):
        self.net = net
        self.module = module
        self.held_out = held_out
        self.best = float("inf")
        self.state = None
        self.without_gain = 0
        self.looked = None  # the step of the last look

    def look(self, step, *, last):
        """Judge the module; tell whether it has not improved for too long.

        Too few steps after the look before there is none, but for the last step.
        """
        since = _STEPS_A_LOOK if self.looked is None else step - self.looked
        if since == 0 or (since < _STEPS_A_LOOK and not last):
            return False
        self.looked = step
        loss = self.held_out_loss()
        self.net.history.record("valid_loss", loss)
        if loss < self.best:
            self.best, self.without_gain = loss, 0
            self.state = deepcopy(self.module.state_dict())
        else:
            self.without_gain += 1
        return self.without_gain >= self.net.patience

    def held_out_loss(self):
        """Return the mean loss over the held-out rows, without label smoothing."""
        self.module.eval()
        total = 0.0
        with torch.no_grad():
            for where in in_order(len(self.held_out), _CHUNK):
                rows, targets, weights = self.held_out.take(where)
                outputs = first_of(self.module(rows)).float()
                losses = self.net._losses(outputs, targets, exact=True)
                total += float(weighted(losses, weights)) * len(rows)
        return total / len(self.held_out)

    def restore(self):
        """Bring back the best weights seen."""
        if self.state is not None:
            self.module.load_state_dict(self.state)
