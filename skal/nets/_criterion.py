"""criterion=: the loss of each row, by a name or by anything of torch's."""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from inspect import isclass, signature
from typing import TYPE_CHECKING

from torch import nn
from torch.nn import functional as F

from skal._checks import check_choice

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from torch import Tensor

#: Losses that read something else than what a net hands them, and what to use.
_UNSUITED = {
    nn.NLLLoss: ("log-probabilities", "cross_entropy"),
    F.nll_loss: ("log-probabilities", "cross_entropy"),
    nn.BCELoss: ("probabilities", "bce"),
    F.binary_cross_entropy: ("probabilities", "bce"),
    nn.PoissonNLLLoss: ("counts, and the targets are standardized", "mse"),
    F.poisson_nll_loss: ("counts, and the targets are standardized", "mse"),
    F.gaussian_nll_loss: ("a variance beside the outputs", "gaussian_nll"),
}


def read_criterion(
    criterion: Any,
    named: dict[str, Callable[..., Tensor]],
    options: dict[str, Any],
    label_smoothing: float = 0.0,
) -> Callable[..., Tensor]:
    """Return a function of outputs and targets that gives losses, not their mean.

    Parameters
    ----------
    criterion : str, torch.nn.Module, class or callable
        A name among ``named``, or what takes outputs and targets.
    named : dict
        The functions that have a name.
    options : dict
        What a class, or a function, is given beside.
    label_smoothing : float, default=0.0
        For a criterion that takes it; others must not be asked for it.

    Returns
    -------
    callable
        With ``exact=True`` it is without label smoothing. It gives a loss for each row
        (m,) or output (m, ...); one number where the criterion gives no more.

    Raises
    ------
    TypeError
        If the criterion is nothing that can be called, or does not take the options.
    ValueError
        If its name is unknown, if it reads something else than outputs, has weights of
        its own to train, or does not know label smoothing.
    """
    word = word_for(criterion)
    if isinstance(criterion, str):
        criterion = named[check_choice("criterion", criterion, named)]
    check_suited(criterion, word)
    takes = names_of(criterion)
    check_options(criterion, takes, options, word)
    if label_smoothing and "label_smoothing" not in takes:
        raise ValueError(
            f"label_smoothing must be 0 with criterion={word}, which is not given it, "
            f"got {label_smoothing!r}. Smooth inside the criterion."
        )
    smoothed = made(criterion, takes, options, label_smoothing)
    plain = made(criterion, takes, options, 0.0) if label_smoothing else smoothed
    check_untrained(plain, word)

    def losses(outputs, targets, *, exact=False):
        loss = plain if exact else smoothed
        if isinstance(loss, nn.Module):
            loss.to(outputs.device)  # it may hold weights of classes
        return loss(outputs, targets)

    return losses


def by_row(losses):
    """Return a function of the same that gives the loss of each row."""

    def row_losses(outputs, targets, *, exact=False):
        return mean_of_row(losses(outputs, targets, exact=exact))

    return row_losses


def mean_of_row(values):
    """Return losses (m, ...) as (m,); one number stays."""
    return values.flatten(1).mean(dim=1) if values.ndim > 1 else values


def made(criterion, takes, options, label_smoothing):
    """Return what is called; what it takes of a reduction and a smoothing, filled in.

    A module is copied: its reduction is changed.
    """
    if isinstance(criterion, nn.Module):
        criterion = deepcopy(criterion)
        if isinstance(getattr(criterion, "reduction", None), str):
            criterion.reduction = "none"
        return criterion
    filled = {"reduction": "none", "label_smoothing": label_smoothing}
    known = {name: value for name, value in filled.items() if name in takes}
    given = {**known, **options}
    return criterion(**given) if isclass(criterion) else partial(criterion, **given)


def names_of(criterion):
    """Return the names of what a class or a function takes; of a module, nothing."""
    if isinstance(criterion, nn.Module):
        return frozenset()
    if not callable(criterion):
        raise TypeError(
            "criterion must be a name, a loss of torch.nn (class or instance) or a "
            f"function of outputs and targets, got {criterion!r}."
        )
    try:
        return frozenset(signature(criterion).parameters)
    except ValueError:  # some functions that are written in C do not tell
        return frozenset()


def check_suited(criterion, word):
    """Refuse a loss of torch that would be silently wrong on outputs and targets."""
    for kind, (reads, instead) in _UNSUITED.items():
        same = isclass(kind) and isinstance(criterion, kind)
        if same or criterion is kind:
            raise ValueError(
                "criterion must take outputs and targets as they are, got "
                f"{word}, which reads {reads}. Use criterion={instead!r}."
            )


def check_options(criterion, takes, options, word):
    """Refuse parameters criterion__name that the criterion does not take."""
    for name in sorted(options.keys() - takes):
        way_out = "Set it on the instance, or pass the class."
        if not isinstance(criterion, nn.Module):
            way_out = f"It takes {sorted(takes)}."
        raise TypeError(
            f"criterion__{name} must be a parameter of the criterion, got it for "
            f"{word}. {way_out}"
        )


def check_untrained(loss, word):
    """Refuse a loss with weights of its own, which no optimizer would train."""
    if isinstance(loss, nn.Module) and any(p.requires_grad for p in loss.parameters()):
        raise ValueError(
            f"criterion must have no weights to train, got {word}, which has. Move "
            "them into the module."
        )


def word_for(criterion):
    """Return what names a criterion in a message."""
    if isinstance(criterion, nn.Module):
        return f"{type(criterion).__name__}(...)"
    return getattr(criterion, "__qualname__", repr(criterion))
