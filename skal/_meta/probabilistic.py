"""Which estimators give class probabilities."""

from sklearn.base import is_classifier

from skal._checks import name_of
from skal._model import needs


def check_probabilistic(estimator, way_out="Use a probabilistic classifier."):
    """Refuse an estimator that gives no class probabilities."""
    if not (is_classifier(estimator) and needs.provides(estimator, "proba")):
        raise TypeError(
            "estimator must be a classifier with predict_proba, got "
            f"{name_of(estimator)}. {way_out}"
        )
