"""Transformers that a strategy is given: as they are, or fitted for a query."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from skal._checks import name_of
from skal._data import Rows
from skal._seed import seeds_for
from skal.query.functional._order import draw_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: Rows that a transformer is fitted on, at most.
_MOST_ROWS = 5000


def check_transformer(
    name: str, transformer: Any, methods: tuple[str, ...] = ("transform",)
) -> None:
    """Refuse what does not transform, or would forget in a clone what it learnt."""
    lacks = [one for one in ("fit", *methods) if not hasattr(transformer, one)]
    if lacks or isinstance(transformer, type):
        raise TypeError(
            f"{name} must be a transformer with {' and '.join(methods)}, got "
            f"{transformer!r}. Use sklearn.decomposition.PCA(), for example."
        )
    if not hasattr(transformer, "__sklearn_tags__"):  # nor can it be cloned
        raise TypeError(
            f"{name} must be a transformer of scikit-learn's kind, got "
            f"{transformer!r}. Derive {name_of(transformer)} from TransformerMixin and "
            "BaseEstimator of sklearn.base."
        )
    if forgets(transformer):
        raise ValueError(
            f"{name} must be frozen where it is fitted, got {name_of(transformer)}, "
            "which a clone of the strategy would fit anew. Use "
            f"FrozenEstimator({name}) of sklearn.frozen."
        )


def forgets(transformer):
    """Tell whether a transformer has learnt something that its clones have not.

    A Pipeline calls itself fitted where its last step is, or needs no fit.
    """
    if isinstance(transformer, Pipeline):
        return any(forgets(step) for _, step in transformer.steps if is_step(step))
    if not get_tags(transformer).requires_fit:
        return False
    try:
        check_is_fitted(transformer)
    except NotFittedError:
        return False
    return clone(transformer) is not transformer


def is_step(step):
    """Tell whether a step of a Pipeline is an estimator: "passthrough" is none."""
    return step is not None and not isinstance(step, str)


def fitted_for(
    transformer: Any,
    rows: Rows,
    rng: np.random.RandomState,
    read: Callable[[Rows], Any] = Rows.data,
) -> Any:
    """Return a frozen transformer itself, else a clone fitted on candidates, as read.

    Of rows that are all alike, PCA divides 0 by 0 for a share that nobody reads.
    """
    fitted = clone(transformer)
    if fitted is transformer:  # frozen
        return transformer
    fitted.set_params(**seeds_for(fitted, rng))
    drawn = np.sort(draw_rows(len(rows), min(len(rows), _MOST_ROWS), rng))
    with np.errstate(divide="ignore", invalid="ignore"):
        return fitted.fit(as_seen(transformer, read(rows.take(drawn))))


def as_seen(transformer: Any, X: Any) -> Any:
    """Return rows as a transformer takes them: images flat, if it takes tables alone.

    Those of scikit-learn do, but for functions; others say ``three_d_array``.
    """
    first = transformer
    while isinstance(first, Pipeline | FrozenEstimator):
        first = first[0] if isinstance(first, Pipeline) else first.estimator
    tags = get_tags(first)
    takes_sides = tags.input_tags.three_d_array or tags.no_validation
    if takes_sides or len(getattr(X, "shape", ())) < 3:
        return X
    return np.asarray(X).reshape(len(X), -1)
