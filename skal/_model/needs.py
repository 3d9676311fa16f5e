"""What a strategy may need of an estimator, and whether it is there."""

from __future__ import annotations

from sklearn.base import is_regressor

from skal._checks import name_of
from skal._model.layers import is_default_stack, wrapped
from skal._model.members import gives_std, is_committee

#: What a strategy may need, in words, and what to do where the estimator lacks it.
NEEDS = {
    "proba": (
        "class probabilities (predict_proba)",
        "Use a probabilistic classifier, or wrap it in CalibratedClassifierCV",
    ),
    "embed": ("embeddings (embed)", "Use an estimator that takes numbers"),
    "samples": (
        "samples of predictions (sample_proba or members)",
        "Use a forest, BaggingClassifier or BaggingRegressor, a soft VotingClassifier, "
        "or an estimator with sample_proba",
    ),
    "head": (
        "probabilities of embeddings (head_proba)",
        "Use an estimator with predict_proba and no embed of its own, or with both "
        "embed and head_proba",
    ),
    "labels": ("labels", "Label some rows first"),
}


def provides(estimator, need):
    """Tell, fitted or not, whether an estimator can answer a strategy's need."""
    if need in ("embed", "labels"):
        return True
    proba = hasattr(estimator, "predict_proba") or is_default_stack(estimator)
    if need == "proba":
        return proba
    own, plain = {
        "head": (("head_proba",), proba),
        "samples": (("sample_proba", "sample_predict"), is_committee(estimator)),
    }[need]
    if any(hasattr(estimator, method) for method in own):
        return True
    if need == "head" and hasattr(
        estimator, "embed"
    ):  # what is inside embeds otherwise
        return False
    inner = wrapped(estimator)
    if inner is not None:
        return provides(inner, need)
    if need == "samples" and is_regressor(estimator):
        return plain or gives_std(estimator)
    return bool(plain)


#: What to do where a regressor lacks what a strategy needs.
REGRESSOR_WAY_OUT = {
    "proba": "For a regressor use CommitteeStd, GreedySampling or ExpectedModelChange",
    "head": "For a regressor use CommitteeStd, GreedySampling or ExpectedModelChange",
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
