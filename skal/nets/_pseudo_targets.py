"""What a network takes for the labels of unlabelled rows, and of which it is sure."""

from __future__ import annotations

import torch

#: How much of the running mean of predictions a step keeps.
_MOMENTUM = 0.99
#: Classes come about alike if no more rows would have to change theirs than this share
#: of those that would if all were of one class: a fifth of them between two classes.
_NEAR = 0.4
#: How far from chance to 1 the predictions are of a network that has learnt something.
_RATHER_SURE = 0.5


def aligned(
    proba: torch.Tensor, mean: torch.Tensor, prior: torch.Tensor
) -> torch.Tensor:
    """Return probabilities (n, C) as if the classes came as often as a prior says.

    Each is multiplied by the prior over the mean prediction, and rows sum to 1 again.
    """
    weighted = proba * (prior / mean.clamp(min=torch.finfo(mean.dtype).tiny))
    return weighted / weighted.sum(dim=1, keepdim=True)


def has_learnt(proba: torch.Tensor) -> bool:
    """Tell whether predictions (n, C) say something: most of them are rather sure."""
    chance = 1 / proba.shape[1]
    least = chance + _RATHER_SURE * (1 - chance)
    return bool(proba.max(dim=1).values.median() >= least)


def supported_prior(proba: torch.Tensor) -> torch.Tensor | None:
    """Return how often classes (C,) may be supposed to come, given predictions (n, C).

    It is all alike, where these say something and are near that; else None.
    """
    shares = proba.mean(dim=0)
    chance = 1 / len(shares)
    alike = torch.full_like(shares, chance)
    near = bool((shares - alike).abs().sum() / 2 <= _NEAR * (1 - chance))
    return alike if near and has_learnt(proba) else None


def class_thresholds(
    counts: torch.Tensor, n_unsure: torch.Tensor, threshold: float, floor: float
) -> torch.Tensor:
    """Return the threshold of each class, lower where fewer rows have passed.

    Of ``counts`` (C,) rows the class is sure, of ``n_unsure`` none: with beta, the
    count over the largest of these numbers, it is threshold * beta / (2 - beta)
    (FlexMatch, eqs. 5 to 11), not below the floor.
    """
    beta = counts / torch.maximum(counts.max(), n_unsure).clamp(min=1)
    return (threshold * beta / (2 - beta)).clamp(min=floor)


class PseudoTargets:
    """What is said of unlabelled rows while a network trains.

    Parameters
    ----------
    plan : Consistency
        Has the thresholds.
    n_rows, n_classes : int
        How many there are.
    device : torch.device
        Where the network is.
    prior : Tensor of shape (n_classes,), default=None
        What predictions are aligned to.
    """

    def __init__(self, plan, n_rows, n_classes, device, prior=None):
        self.plan = plan
        self.prior = prior
        self.mean = None
        # Of which class each row was sure when it was last seen; the last is none.
        self.latest = torch.full((n_rows,), n_classes, device=device)
        self.ones = torch.ones(n_rows, device=device)
        self.n_classes = n_classes

    def of(self, where, proba):
        """Return the codes (m,) of some rows, and of which the network is sure."""
        if self.prior is not None:
            now = proba.mean(dim=0)
            self.mean = now if self.mean is None else now.lerp(self.mean, _MOMENTUM)
            proba = aligned(proba, self.mean, self.prior)
        confidence, codes = proba.max(dim=1)
        plan = self.plan
        sure = confidence >= plan.threshold
        if not plan.class_thresholds:
            return codes, sure
        self.latest[where] = torch.where(sure, codes, self.n_classes)
        counts = self.counts()
        each = class_thresholds(
            counts[:-1], counts[-1], plan.threshold, plan.min_threshold
        )
        return codes, confidence >= each[codes]

    def counts(self):
        """Count the rows of which each class is sure, and those of which none is."""
        # All of them anew: a batch may hold a row twice, and no GPU is waited for.
        counts = self.ones.new_zeros(self.n_classes + 1)
        return counts.index_add_(0, self.latest, self.ones)
