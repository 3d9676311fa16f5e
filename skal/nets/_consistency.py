"""Consistency: a network is to say of a strong view what it is sure of without."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
import torch

from skal.nets._average import WeightAverage
from skal.nets._objective import mean_loss
from skal.nets._pseudo_targets import PseudoTargets, has_learnt, supported_prior
from skal.nets._rows import join
from skal.nets._strong import check_strong, viewed
from skal.nets._training import Batches, Trainer

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import NDArray

#: Unlabelled rows by which it is judged how often each class comes.
_N_LOOK = 2000


@dataclass(frozen=True)
class Consistency:
    """How a net is to learn from rows without a label.

    Attributes
    ----------
    hidden : ndarray of int
        Positions of these rows.
    weights : ndarray of float or None
        How much each of them counts.
    strong : str, callable, dict or None
        How they are changed, after the net's own augmentation.
    threshold, min_threshold : float
        How probable a guess must be; the least that a class may ask for.
    class_thresholds : bool
        Whether classes ask for less while few rows have passed.
    prior : ndarray of shape (n_classes,), "auto" or None
        How often classes come: guesses are aligned to it. "auto" is all alike, if that
        is what predictions support when the delay is over, else None; where they say
        nothing yet, None until the ramp is over, and what they support then.
    ratio : float
        Unlabelled rows for each labelled row of a step.
    weight : float
        What their loss counts.
    delay, ramp : float
        The shares of the steps before it counts, and until it does in full.
    ema_decay : float
        What the mean of the weights keeps at a step.
    shares : list
        Is filled with how often each class was predicted, ndarray (n_classes,), when
        the delay was over, if labels alone had taught something by then.
    """

    hidden: NDArray[np.int64]
    weights: NDArray[np.float64] | None
    strong: str | Callable[[Any], Any] | dict[Any, Any] | None
    threshold: float
    min_threshold: float
    class_thresholds: bool
    prior: NDArray[np.float64] | str | None
    ratio: float
    weight: float
    delay: float
    ramp: float
    ema_decay: float
    shares: list[NDArray[np.float32]] = field(default_factory=list)

    def seen(self, positions):
        """Return the positions of all rows that the net trains on, in order."""
        return np.union1d(positions, self.hidden)

    @property
    def trainer(self):
        """What makes the Trainer of a fit."""
        return partial(ConsistencyTrainer, self)

    def weight_at(self, step, n_steps):
        """Return what the loss of unlabelled rows counts at a step."""
        begins, rises = self.delay * n_steps, self.ramp * n_steps
        if step < begins:
            return 0.0
        return self.weight * min(1.0, (step + 1 - begins) / max(1.0, rises))


def fit_consistently(net, X, codes, weights, plan, *, go_on):
    """Fit a net on labelled rows, and by a plan on others.

    Parameters
    ----------
    net : NetClassifier
        It is fitted.
    X : array-like of shape (n, ...)
        All rows.
    codes : ndarray of int of shape (n,)
        Their labels; what stands for hidden rows is not read.
    weights : ndarray of float of shape (n,) or None
        How much labelled rows count, 0 for others.
    plan : Consistency or None
        None is an ordinary fit.
    go_on : bool
        Whether to go on from the weights that the net has.
    """
    return net._fit(X, codes, weights, go_on=go_on, plan=plan)


class ConsistencyTrainer(Trainer):
    """A Trainer whose steps have unlabelled rows beside the labelled ones.

    What the module says of them as they are is what it has to say of their strong
    view, where it is sure. The weights at the end are the mean over the last steps.

    Parameters
    ----------
    plan : Consistency
        Says how.
    net, passes, inputs, objective, positions, given : object
        As for Trainer.
    """

    def __init__(self, plan, net, passes, inputs, objective, positions, given):
        super().__init__(net, passes, inputs, objective, positions, given)
        self.plan = plan
        self.strong = check_strong(plan.strong, inputs.layout)
        self.hidden = Batches(inputs, objective, plan.hidden, passes.device)
        n_hidden = len(self.hidden)
        wanted = min(plan.ratio * self.batch_size, n_hidden)  # may be infinite
        self.n_hidden = max(1, round(wanted))
        self.facts = n_hidden, objective.width, passes.device
        self.targets: Any = None  # until the delay is over
        self.look_again = None  # the step at which to see what they are aligned to
        self.hidden_weights = None
        if plan.weights is not None:
            weights = torch.from_numpy(plan.weights / plan.weights.mean())
            self.hidden_weights = weights.float().to(passes.device)
        self.average = WeightAverage(self.module, plan.ema_decay)
        if self.watch is not None:
            self.watch.module = self.average.module
        self.n_done = 0
        self.beside = None  # the unlabelled part of the step that is under way

    def run(self):
        """Make the steps; leave the averaged weights."""
        self.stream = self.hidden.stream(self.n_hidden, number=1)
        super().run()
        self.module.load_state_dict(self.average.module.state_dict())

    def _step(self, optimizer, where):
        weight = self.plan.weight_at(self.n_done, self.n_steps)
        if weight and self.targets is None:
            self.targets = self._first_targets()
        elif self.n_done == self.look_again:
            self.targets.prior = supported_prior(self._look_at_some())
        self.beside = self._views(next(self.stream), weight) if weight else None
        loss = super()._step(optimizer, where)
        self.average.update()
        self.n_done += 1
        return loss

    def _first_targets(self):
        """Return targets, aligned to a prior that labels alone may have to support."""
        plan, proba = self.plan, self._look_at_some()
        prior, learnt = plan.prior, has_learnt(proba)
        if learnt:
            plan.shares.append(proba.mean(dim=0).cpu().numpy())
        if isinstance(prior, str):
            prior = supported_prior(proba)
            if not learnt:
                self.look_again = ceil((plan.delay + plan.ramp) * self.n_steps)
        elif prior is not None:
            prior = torch.from_numpy(prior).float().to(proba.device)
        return PseudoTargets(plan, *self.facts, prior)

    def _look_at_some(self):
        """Return the predictions for some of the unlabelled rows."""
        n_rows, _, device = self.facts
        some = np.linspace(0, n_rows - 1, min(n_rows, _N_LOOK)).astype(int)
        batches = self.hidden.inputs.batches_of(self.plan.hidden[some], device)
        return torch.cat([self._proba(rows) for rows in batches])

    def _proba(self, rows):
        """Return what the module says of rows as they are."""
        self.module.eval()
        with torch.no_grad():
            proba = self.net.proba_of(self._outputs(rows))
        self.module.train()
        return proba

    def _views(self, where, weight):
        """Return strong views of rows, what to say of them, and how much it counts."""
        rows, _, _ = self.hidden.take(where)
        proba = self._proba(rows)
        where = where.to(proba.device)
        codes, sure = self.targets.of(where, proba)
        weights = weight * sure
        if self.hidden_weights is not None:
            weights = weights * self.hidden_weights[where]
        if self.augment is not None:
            rows, _ = self.augment(rows, None)
        if self.strong is not None:
            rows = viewed(self.strong, rows)
        return rows, codes, weights

    def _pass(self, rows, targets, weights):
        if self.beside is None:
            return super()._pass(rows, targets, weights)
        views, codes, how_much = self.beside
        both = self._outputs(join([rows, views]))
        outputs, others = both.split([len(rows), len(views)])
        loss = mean_loss(self.losses(outputs, targets), weights)
        guessed = self.losses(others, codes, exact=True)
        return outputs, loss + mean_loss(guessed, how_much)
