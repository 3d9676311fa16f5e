"""What every estimator around an estimator shares, written once.

The template and what is inside, tags, routing, weights of rows, named members. Uses
the model room and those below; estimators, strategies that hold strategies and the
loop use it.
"""

from skal._meta.inside import EstimatorInside
from skal._meta.named_members import NamedMembersMixin
from skal._meta.rollback import unharmed
from skal._meta.routing import is_row_wise, routed, slice_params
from skal._meta.weights import counting, fit_weight

__all__ = [
    "EstimatorInside",
    "NamedMembersMixin",
    "counting",
    "fit_weight",
    "is_row_wise",
    "routed",
    "slice_params",
    "unharmed",
]
