"""Criteria of classifiers: their names, and for how many labels a row they are."""

from __future__ import annotations

from torch import nn
from torch.nn import functional as F

from skal.nets._one_label import focal

#: The criteria that have a name.
NAMED = {
    "cross_entropy": F.cross_entropy,
    "focal": focal,
    "bce": F.binary_cross_entropy_with_logits,
}
_ONE = (
    "cross_entropy",
    "focal",
    nn.CrossEntropyLoss,
    nn.MultiMarginLoss,
    F.cross_entropy,
    F.multi_margin_loss,
)
_SEVERAL = (
    "bce",
    nn.BCEWithLogitsLoss,
    nn.MultiLabelSoftMarginLoss,
    F.binary_cross_entropy_with_logits,
    F.multilabel_soft_margin_loss,
)
#: Of whose negative logarithm a criterion without options is the loss.
_LIKELIHOODS = {
    "cross_entropy": "categorical",
    nn.CrossEntropyLoss: "categorical",
    F.cross_entropy: "categorical",
    "bce": "bernoulli",
    nn.BCEWithLogitsLoss: "bernoulli",
    F.binary_cross_entropy_with_logits: "bernoulli",
}


def kind_of_labels(criterion):
    """Return "one" or "several" labels a row, None where y decides."""
    kind = type(criterion) if isinstance(criterion, nn.Module) else criterion
    if kind in _ONE:
        return "one"
    return "several" if kind in _SEVERAL else None


def likelihood_of(criterion, options):
    """Return the likelihood that a criterion belongs to, None for no such."""
    plain = not options and not isinstance(criterion, nn.Module)
    known = (name for kind, name in _LIKELIHOODS.items() if kind == criterion)
    return next(known, None) if plain else None
