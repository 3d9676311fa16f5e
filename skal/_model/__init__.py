"""What a strategy may ask of a fitted model: the view, its memory, members, needs.

One ladder says what any estimator offers: its own method, the layers of a Pipeline or
a wrapper, the members of an ensemble. Uses the data room and the ground floor;
strategies, estimators and the loop use it.
"""

from skal._model import answers, columns, layers, needs
from skal._model.answers import flatten
from skal._model.finite import NoEmbedding
from skal._model.known_types import is_ensemble
from skal._model.layers import find_layer, peel
from skal._model.needs import (
    NEEDS,
    OF_ROWS,
    check_needs,
    is_structured,
    lacking,
    provides,
)
from skal._model.pure import only_votes
from skal._model.untrained import asked_before_training, sampled_before_training
from skal._model.view import ModelView, as_view, check_n_samples

__all__ = [
    "NEEDS",
    "OF_ROWS",
    "ModelView",
    "NoEmbedding",
    "answers",
    "asked_before_training",
    "as_view",
    "check_n_samples",
    "check_needs",
    "columns",
    "find_layer",
    "flatten",
    "is_ensemble",
    "is_structured",
    "lacking",
    "layers",
    "needs",
    "only_votes",
    "peel",
    "provides",
    "sampled_before_training",
]
