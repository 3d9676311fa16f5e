"""What a network takes for the labels of unlabelled rows, and of which it is sure."""

from __future__ import annotations

import torch

#: How much of the running mean of predictions a step keeps.
_MOMENTUM = 0.99


def aligned(
    proba: torch.Tensor, mean: torch.Tensor, prior: torch.Tensor
) -> torch.Tensor:
    """Return probabilities (n, C) as if the classes came as often as a prior says.

    Each is multiplied by the prior over the mean prediction, and rows sum to 1 again.
    """
    weighted = proba * (prior / mean.clamp(min=torch.finfo(mean.dtype).tiny))
    return weighted / weighted.sum(dim=1, keepdim=True)


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
        The thresholds, and the prior that predictions are aligned to.
    n_rows, n_classes : int
        How many there are.
    device : torch.device
        Where the network is.
    """

    def __init__(self, plan, n_rows, n_classes, device):
        self.plan = plan
        self.prior = None
        if plan.prior is not None:
            self.prior = torch.as_tensor(plan.prior, dtype=torch.float, device=device)
        self.mean = None
        # The last place is of rows of which no class is sure.
        self.latest = torch.full((n_rows,), n_classes, device=device)
        self.counts = torch.zeros(n_classes + 1, device=device)
        self.counts[-1] = n_rows

    def of(self, where, proba):
        """Return the codes (m,) of some rows, and of which the network is sure."""
        if self.prior is not None:
            now = proba.mean(dim=0)
            self.mean = now if self.mean is None else now.lerp(self.mean, _MOMENTUM)
            proba = aligned(proba, self.mean, self.prior)
        confidence, codes = proba.max(dim=1)
        plan = self.plan
        if not plan.class_thresholds:
            return codes, confidence >= plan.threshold
        self._count(where, codes, confidence >= plan.threshold)
        each = class_thresholds(
            self.counts[:-1], self.counts[-1], plan.threshold, plan.min_threshold
        )
        return codes, confidence >= each[codes]

    def _count(self, where, codes, sure):
        """Count of which class each row was sure when it was last seen."""
        now = torch.where(sure, codes, len(self.counts) - 1)
        ones = torch.ones(len(now), device=now.device)
        self.counts.index_add_(0, self.latest[where], -ones)
        self.counts.index_add_(0, now, ones)
        self.latest[where] = now
