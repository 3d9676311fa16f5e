"""What every estimator around an estimator shares, written once.

The base they stand on (template, what is inside, tags, routing) and the one of those
that teach in codes and answer in labels; where metadata and weights of rows go;
parameters that name classes; who takes rows labelled in part; temperatures; a fit that
leaves no half-done state; and named members. Uses the model room and those below;
estimators, strategies that hold strategies and the loop use it.
"""

from skal._meta.around import (
    AroundEstimator,
    inside_has,
    inside_provides,
    one_label_a_row,
)
from skal._meta.class_names import in_codes
from skal._meta.columns import columns_of, over_all
from skal._meta.inside import EstimatorInside
from skal._meta.named_members import NamedMembersMixin
from skal._meta.partial_labels import PartialLabelsTags, takes_partial_labels
from skal._meta.probabilistic import check_probabilistic
from skal._meta.readable import ReadableReprMixin
from skal._meta.rollback import restored_on_failure
from skal._meta.routing import groups_param, is_row_wise, routed, slice_params
from skal._meta.temperature import at_temperature, find_temperature
from skal._meta.weights import (
    counting,
    fit_weight,
    row_weights,
    weight_name,
    weights_by_class,
    weights_of_classes,
)

__all__ = [
    "AroundEstimator",
    "EstimatorInside",
    "NamedMembersMixin",
    "PartialLabelsTags",
    "ReadableReprMixin",
    "at_temperature",
    "check_probabilistic",
    "columns_of",
    "counting",
    "find_temperature",
    "fit_weight",
    "groups_param",
    "in_codes",
    "inside_has",
    "inside_provides",
    "is_row_wise",
    "one_label_a_row",
    "over_all",
    "restored_on_failure",
    "routed",
    "row_weights",
    "slice_params",
    "takes_partial_labels",
    "weight_name",
    "weights_by_class",
    "weights_of_classes",
]
