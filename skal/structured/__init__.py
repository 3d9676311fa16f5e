"""Estimators that answer for units of rows: pixels, tokens, time steps, boxes.

``predict_units(X)`` is all that strategies such as :class:`~skal.query.Aggregate` ask
of an estimator; what is here gives it to estimators that answer by another method, and
makes draws of several estimators. Rests on what every estimator around an estimator
shares.
"""

from skal.structured._committee import Committee
from skal.structured._units import Units

__all__ = ["Committee", "Units"]
