"""Classifiers that learn from rows of which some labels are known, some not."""

from dataclasses import dataclass

from sklearn.utils import ClassifierTags, get_tags


@dataclass(slots=True)
class PartialLabelsTags(ClassifierTags):
    """Tags of a classifier that takes NaN for a label that is not known.

    Whatever copies the tags of what is inside hands this on.

    Parameters
    ----------
    partial_labels : bool, default=True
        Whether some of the several labels of a row may be missing in ``fit``.
    """

    partial_labels: bool = True


def takes_partial_labels(estimator):
    """Tell whether some of the several labels of a row may be missing in fit."""
    tags = get_tags(estimator).classifier_tags
    return getattr(tags, "partial_labels", False) and tags.multi_label
