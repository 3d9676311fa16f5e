"""An estimator around an estimator: what it answers for the one inside."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, ClassVar

from sklearn.base import MetaEstimatorMixin
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping

from skal._model import needs

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray
    from sklearn.base import BaseEstimator as _Base
else:
    _Base = object


class AroundEstimator(MetaEstimatorMixin, _Base):
    """Clone ``estimator``, keep the fitted clone, and answer for it.

    A subclass has a parameter ``estimator`` and sets ``estimator_`` in fit. Comes left
    of ClassifierMixin and BaseEstimator among the bases: the tags of the estimator
    inside go before theirs.
    """

    #: Methods whose metadata reach the method of that name of the estimator.
    _routed_methods: ClassVar[tuple[str, ...]] = ("fit",)
    #: Tags that are those of the estimator.
    _copied_tags: ClassVar[tuple[str, ...]] = (
        "classifier_tags",
        "input_tags",
        "target_tags",
        "non_deterministic",
    )

    def _template(self):
        """Return the estimator to clone."""
        return self._default() if self.estimator is None else self.estimator

    def _default(self):
        """Return the estimator that None stands for."""
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression()

    def _fitted(self):
        """Return the fitted estimator, None before fit."""
        return vars(self).get("estimator_")

    def _inside(self):
        """Return the fitted estimator, or the template before that."""
        fitted = self._fitted()
        return self._template() if fitted is None else fitted

    @property
    def n_features_in_(self) -> int:
        """Number of features seen by the estimator."""
        return self._of_fitted("n_features_in_")

    @property
    def feature_names_in_(self) -> NDArray[Any]:
        """Names of the features seen by the estimator."""
        return self._of_fitted("feature_names_in_")

    def _of_fitted(self, name):
        fitted = self._fitted()
        if fitted is None:
            raise AttributeError(f"{type(self).__name__} has no {name} before fit.")
        return getattr(fitted, name)

    def __sklearn_is_fitted__(self) -> bool:
        """Tell whether the estimator inside has been fitted."""
        return self._fitted() is not None

    def __sklearn_tags__(self):
        """Answer for the estimator: its inputs and its targets."""
        tags = super().__sklearn_tags__()
        inner = get_tags(self._template())
        for name in self._copied_tags:
            setattr(tags, name, deepcopy(getattr(inner, name)))
        return tags

    def get_metadata_routing(self) -> MetadataRouter:
        """Return how metadata reaches the estimator.

        Returns
        -------
        MetadataRouter
            ``fit``, and each other method that takes metadata, passes to its namesake.
        """
        mapping = MethodMapping()
        for method in self._routed_methods:
            mapping.add(caller=method, callee=method)
        router = MetadataRouter(owner=self)
        return router.add(estimator=self._template(), method_mapping=mapping)


def one_label_a_row(tags):
    """Return tags that promise no more than one label a row, whatever is inside."""
    tags.target_tags.single_output, tags.target_tags.multi_output = True, False
    if tags.classifier_tags is not None:
        tags.classifier_tags.multi_label = False
    return tags


def inside_has(method):
    """Return a check for available_if: the estimator inside has a method."""

    def check(self):
        getattr(self._inside(), method)  # its AttributeError says what is missing
        return True

    return check


def inside_provides(need):
    """Return a check for available_if: the estimator inside can answer a need."""

    def check(self):
        return needs.provides(self._inside(), need)

    return check
