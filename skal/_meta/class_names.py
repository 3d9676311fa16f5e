"""Parameters of an estimator that name classes, for an estimator that sees codes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from sklearn.dummy import DummyClassifier

from skal._meta.scorers import scoring_in_codes

if TYPE_CHECKING:
    from typing import Any

    from skal._data import Labels

#: Parameters that name classes.
_NAMING = ("class_weight", "constant", "pos_label")
#: Parameters of searches: values to try of other parameters, by their names.
_GRIDS = ("param_distributions", "param_grid")


def in_codes(
    estimator: Any, labels: Labels, *, skip_unknown: bool = False
) -> dict[str, Any]:
    """Translate the parameters that name classes, since the estimator sees codes.

    Those are the keys of a ``class_weight``, a ``pos_label``, and the ``constant`` of a
    DummyClassifier, the values of these that a search is to try, and those of scorers.

    Parameters
    ----------
    estimator : estimator
        Any, nested ones included.
    labels : Labels
        The classes there are.
    skip_unknown : bool, default=False
        Whether weights of classes not among them are left out, not refused.

    Returns
    -------
    dict
        Parameters for ``set_params``.

    Raises
    ------
    ValueError
        If a parameter names a class there is not.
    """
    if labels.target_type != "multiclass":
        return {}
    translation = _Translation(labels.classes, skip_unknown)
    return translation.params_of(estimator)


class _Translation:
    """From the names of classes in parameters to codes."""

    def __init__(self, classes, skip_unknown):
        self.classes = classes
        self.code_of = {label: code for code, label in enumerate(classes.tolist())}
        self.skip_unknown = skip_unknown
        self.way_out = (
            "Label a row of each." if skip_unknown else "Give every class in classes=."
        )

    def params_of(self, estimator):
        """Return the translated parameters of an estimator."""
        params = {}
        for name, value in estimator.get_params(deep=True).items():
            translated = self.value_of(estimator, name, value, f"estimator__{name}")
            if translated is not value:
                params[name] = translated
        return params

    def value_of(self, estimator, name, value, place):
        """Return the value of one parameter, itself where it names no class."""
        owner, _, last = name.rpartition("__")
        if last == "class_weight" and isinstance(value, dict):
            return self.weights(value, place)
        if last == "pos_label" and value is not None:
            return self.codes([value], place)[0]
        if last == "scoring":
            codes_of = partial(self.codes, place=place)
            return scoring_in_codes(value, self.classes, codes_of)
        if last not in ("constant", *_GRIDS) or value is None:
            return value
        holder = estimator.get_params(deep=True).get(owner) if owner else estimator
        if last != "constant":
            is_search = hasattr(holder, "estimator")
            return self.grids(holder, value, place) if is_search else value
        names_class = isinstance(holder, DummyClassifier) and np.ndim(value) == 0
        return self.codes([value], place)[0] if names_class else value

    def grids(self, search, grids, place):
        """Return the values that a search is to try."""
        if not isinstance(grids, dict):
            return [self.grids(search, grid, place) for grid in grids]
        translated = {
            name: [
                self.value_of(search.estimator, name, option, f"{place}[{name!r}]")
                for option in options
            ]
            for name, options in grids.items()
            if name.rpartition("__")[2] in _NAMING and hasattr(options, "__len__")
        }  # the rest, and distributions, name no classes
        return {**grids, **translated}

    def weights(self, weights, place):
        """Return class weights by code."""
        if self.skip_unknown:
            weights = {key: weights[key] for key in weights if key in self.code_of}
        return dict(zip(self.codes(weights, place), weights.values(), strict=True))

    def codes(self, named, place):
        """Return the codes of classes; refuse one that there is not."""
        strangers = [label for label in named if label not in self.code_of]
        if strangers:
            raise ValueError(
                f"{place} must name known classes, {list(self.code_of)}, got "
                f"{strangers}. {self.way_out}"
            )
        return [self.code_of[label] for label in named]
