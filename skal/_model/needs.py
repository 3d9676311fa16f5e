"""What a strategy may need of an estimator, and which of its layers has it."""

from __future__ import annotations

from inspect import signature

from sklearn.base import is_regressor

from skal._checks import name_of
from skal._model.known_types import (
    asks_each_output,
    is_committee,
    is_voting,
    transforms_target,
)
from skal._model.layers import descend, is_default_stack, is_learner, peel

#: What a strategy may need, in words, and what to do where the estimator lacks it.
NEEDS = {
    "proba": (
        "class probabilities (predict_proba)",
        "Use a probabilistic classifier, or wrap it in CalibratedClassifierCV",
    ),
    "decision": (
        "class probabilities or decision values (predict_proba or decision_function)",
        "Use a classifier with one of them",
    ),
    "embed": ("embeddings (embed)", "Use an estimator that takes numbers"),
    "samples": (
        "samples of predictions (sample_proba or members)",
        "Use a forest, BaggingClassifier or BaggingRegressor, a soft VotingClassifier, "
        "or an estimator with sample_proba",
    ),
    "votes": (
        "votes (members or sample_proba)",
        "Use a forest, BaggingClassifier or VotingClassifier, or an estimator with "
        "sample_proba",
    ),
    "head": (
        "probabilities of embeddings (head_proba)",
        "Use an estimator with predict_proba and no embed of its own, or with both "
        "embed and head_proba",
    ),
    "gradients": (
        "gradient features (gradient_features)",
        "Use a network of skal.nets, or an estimator with gradient_features",
    ),
    "units": (
        "probabilities of units of rows (predict_units)",
        "Wrap it in skal.structured.Units, which says by which method it answers",
    ),
    "unit_samples": (
        "samples of units of rows (sample_units)",
        "Use skal.structured.Committee, Units(..., samples=...), or a network with "
        "dropout",
    ),
    "boxes": (
        "several draws of boxes (sample_boxes)",
        "Use skal.structured.Committee, or Units(..., boxes=...)",
    ),
    "labels": ("labels", "Label some rows first"),
    "groups": ("groups of the rows (groups)", "Pass groups="),
    "costs": ("costs of the labels (costs)", "Pass costs="),
}

#: Those that the rows answer, not the model: what is known beside what they hold.
OF_ROWS = frozenset({"groups", "costs"})
#: Those of which the estimator knows nothing, or that every one can answer.
_ALWAYS = OF_ROWS | {"embed", "labels"}
#: What is asked about units of rows, and the method that answers.
UNIT_METHODS = {
    "units": "predict_units",
    "unit_samples": "sample_units",
    "boxes": "sample_boxes",
}


def provides(estimator, need):
    """Tell, fitted or not, whether an estimator can answer a strategy's need."""
    if need in _ALWAYS:
        return True
    if need == "decision" and hasattr(estimator, "decision_function"):
        return not is_regressor(estimator)
    if need in ("proba", "decision"):
        stack, _ = descend(estimator, is_default_stack)
        return hasattr(estimator, "predict_proba") or is_default_stack(stack)
    return source(estimator, need)[0] is not None


def is_structured(estimator):
    """Tell whether an estimator answers for units of rows: pixels, tokens, boxes."""
    return any(provides(estimator, need) for need in UNIT_METHODS)


def source(estimator, need, X=None):
    """Find the layer of an estimator that answers a need, and X as it sees it.

    Returns
    -------
    layer : estimator or None
        The outermost that answers; None if none does.
    X : object
        X as that layer sees it, None if it was not given.
    """
    found, X = descend(
        estimator, lambda layer: offers(layer, need) or hides(layer, need), X
    )
    return (found if offers(found, need) else None), X


def hides(layer, need):
    """Tell whether what is inside a layer may not answer for it."""
    return need == "head" and hasattr(layer, "embed")  # inside it may embed otherwise


def offers(layer, need):
    """Tell whether a layer itself answers a need; a learner, if its model does."""
    inner = peel(layer)[1] if is_learner(layer) else None
    return OFFERS[need](layer) if inner is None else provides(inner, need)


def gives_head(layer):
    """Tell whether a layer answers for embeddings."""
    if hasattr(layer, "head_proba") or hasattr(layer, "embed"):
        return hasattr(layer, "head_proba")
    return peel(layer)[1] is None and provides(layer, "proba")


def gives_draws(layer):
    """Tell whether a layer has samples of its own, or members."""
    if transforms_target(layer):
        inner = getattr(layer, "regressor_", layer.regressor)
        return inner is not None and provides(inner, "draws")
    if asks_each_output(layer):
        return provides(layer.estimator, "draws")
    own = "sample_predict" if is_regressor(layer) else "sample_proba"
    return hasattr(layer, own) or is_committee(layer)


def gives_samples(layer):
    """Tell whether a layer knows how much its predictions vary."""
    return gives_draws(layer) or (is_regressor(layer) and gives_std(layer))


def gives_votes(layer):
    """Tell whether a layer has members or draws that can vote for a class."""
    if is_regressor(layer):
        return False
    if asks_each_output(layer):
        return provides(layer.estimator, "votes")
    return gives_draws(layer) or is_voting(layer)


def gives_std(layer):
    """Tell whether predict takes return_std."""
    predict = getattr(layer, "predict", None)
    return predict is not None and "return_std" in signature(predict).parameters


def gives(method):
    """Return a function that tells whether a layer has a method."""
    return lambda layer: hasattr(layer, method)


#: Which function tells whether one layer answers a need. "draws" are samples one by
#: one, which a regressor that gives a deviation alone has not.
OFFERS = {
    "samples": gives_samples,
    "draws": gives_draws,
    "votes": gives_votes,
    "head": gives_head,
    "gradients": gives("gradient_features"),
    **{need: gives(method) for need, method in UNIT_METHODS.items()},
}

#: What to do where a regressor lacks what a strategy needs.
REGRESSOR_WAY_OUT = {
    **dict.fromkeys(
        ("proba", "decision", "votes", "head"),
        "For a regressor use CommitteeStd, GreedySampling or ExpectedModelChange",
    ),
    "samples": (
        "Use a regressor with members (a forest, BaggingRegressor, VotingRegressor) or "
        "one whose predict takes return_std"
    ),
}


def lacking(estimator, need, strategy=None):
    """Build the TypeError for an estimator that cannot answer a need."""
    what, way_out = NEEDS[need]
    if is_regressor(estimator):
        way_out = REGRESSOR_WAY_OUT.get(need, way_out)
    who = "This query" if strategy is None else name_of(strategy)
    return TypeError(
        f"{who} needs {what}, which {name_of(estimator)} does not offer. {way_out}."
    )


def check_needs(strategy, estimator):
    """Raise the TypeError of the first need that the estimator cannot answer."""
    for need in sorted(strategy.needs):
        if need not in NEEDS:
            raise ValueError(
                f"needs must be a set of {', '.join(map(repr, NEEDS))}, got {need!r} "
                f"in {name_of(strategy)}."
            )
        if not provides(estimator, need):
            raise lacking(estimator, need, strategy)
