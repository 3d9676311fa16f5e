"""What a strategy may ask about units of rows: pixels, tokens, time steps, boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_int, name_of
from skal._data import as_entries, as_rows, n_rows, view_rows
from skal._model import answers
from skal._model.unit_checks import check_sums, finite_units

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import NDArray

    from skal._data import Rows

    Units = NDArray[Any] | list[NDArray[Any]]

#: Units are read so many bytes at a time.
_STREAM_BYTES = 2**25
#: A chunk holds at most so many times the rows of the last: rows may differ in size.
_GROWTH = 16


class UnitAnswers:
    """The part of a ModelView that answers for units of rows.

    Units are as the estimator gives them: an array (n, ..., C) where each row has the
    same, pixels for instance, or a list of n arrays (u, C).
    """

    if TYPE_CHECKING:  # the rest of the view
        estimator: Any

        @property
        def seed(self) -> int: ...
        def _need_model(self, method: str) -> None: ...
        def _once(self, key: Any, rows: Rows, compute: Callable[[Any], Any]) -> Any: ...

    def predict_units(self, X: Any) -> Units:
        """Return the class probabilities of each unit of each row.

        Parameters
        ----------
        X : array-like or Rows
            Rows to ask about.

        Returns
        -------
        ndarray of shape (n_rows, ..., C), or list of n_rows ndarray of shape (u, C)
            As the estimator's ``predict_units`` gives them. They are not remembered:
            :meth:`reduce_units` never holds them all.

        Raises
        ------
        TypeError
            If the estimator has no ``predict_units``.
        ValueError
            If the answer is not probabilities of classes, an entry a row.
        """
        self._need_model("predict_units")
        return self._units_of(as_rows(X).data())

    def sample_units(self, X: Any, n_samples: int | None = None) -> Units:
        """Return the class probabilities of each unit in several draws.

        Parameters
        ----------
        X : array-like or Rows
            Rows to ask about.
        n_samples : int, default=None
            Number of draws S; None takes the estimator's own.

        Returns
        -------
        ndarray of shape (S, n_rows, ..., C), or list of n_rows ndarray (S, u, C)
            The same draws for every row.

        Raises
        ------
        TypeError
            If the estimator has no ``sample_units``.
        ValueError
            If the answer is not probabilities of classes, an entry a row.
        """
        self._need_model("sample_units")
        return self._unit_samples_of(as_rows(X).data(), n_samples)

    def sample_boxes(
        self, X: Any, n_samples: int | None = None
    ) -> list[list[dict[str, Any]]]:
        """Return what several draws of a detector find in each row.

        Parameters
        ----------
        X : array-like or Rows
            Rows to ask about.
        n_samples : int, default=None
            Number of draws S; None takes the estimator's own.

        Returns
        -------
        list of n_rows lists of S dict
            What each draw finds: "boxes" of shape (k, 4), the corners x1, y1, x2, y2,
            "labels" (k,), and "scores" (k,) where it tells them. Each draw finds boxes
            of its own.

        Raises
        ------
        TypeError
            If the estimator has no ``sample_boxes``.
        ValueError
            If the answer has not an entry a row.
        """
        self._need_model("sample_boxes")

        def fresh(data):
            boxes = answers.sample_boxes(self.estimator, data, n_samples, self.seed)
            self._check_length(boxes, data, "sample_boxes")
            return as_entries(boxes)

        return self._once(("boxes", n_samples), as_rows(X), fresh).tolist()

    def reduce_units(self, f: Callable[[Any], NDArray[Any]], X: Any) -> NDArray[Any]:
        """Reduce the units of each row to a number, in pieces, never holding them all.

        Parameters
        ----------
        f : callable
            Takes the units of m rows, an array (m, ..., C) or a list of m arrays
            (u, C), returns (m,).
        X : array-like or Rows
            Rows to ask about.

        Returns
        -------
        ndarray of shape (n_rows,)
            The reduced units.

        Raises
        ------
        TypeError
            If the estimator has no ``predict_units``.
        """
        self._need_model("predict_units")
        return streamed(f, self._units_of, as_rows(X))

    def reduce_unit_samples(
        self,
        f: Callable[[Any], NDArray[Any]],
        X: Any,
        n_samples: int | None = None,
    ) -> NDArray[Any]:
        """Reduce the draws of the units of each row to a number, in pieces.

        Parameters
        ----------
        f : callable
            Takes the draws of m rows, an array (S, m, ..., C) or a list of m arrays
            (S, u, C), returns (m,).
        X : array-like or Rows
            Rows to ask about.
        n_samples : int, default=None
            Number of draws S; None takes the estimator's own.

        Returns
        -------
        ndarray of shape (n_rows,)
            The reduced draws.

        Raises
        ------
        TypeError
            If the estimator has no ``sample_units``.
        """
        self._need_model("sample_units")

        def draws_of(data):
            return self._unit_samples_of(data, n_samples)

        return streamed(f, draws_of, as_rows(X))

    def _units_of(self, data):
        units = answers.predict_units(self.estimator, data)
        self._check_length(units, data, "predict_units")
        units = finite_units(units, self.estimator)
        check_sums(units, self.estimator)
        return units

    def _unit_samples_of(self, data, n_samples):
        if n_samples is not None:
            check_int("n_samples", n_samples)
        draws = answers.sample_units(self.estimator, data, n_samples, self.seed)
        of_rows = draws if isinstance(draws, list) else np.swapaxes(draws, 0, 1)
        self._check_length(of_rows, data, "sample_units")
        draws = finite_units(draws, self.estimator)
        check_sums(draws, self.estimator, drawn=True)
        return draws

    def _check_length(self, units, data, method):
        if len(units) != n_rows(data):
            raise ValueError(
                f"{method} must answer for each of {n_rows(data)} rows, got "
                f"{len(units)} from {name_of(self.estimator)}."
            )

    def _structured_predict(self, rows):
        """Return predictions as the estimator gives them: an array, or a list."""

        def fresh(data):
            answer = self.estimator.predict(data)
            return (
                as_entries(answer) if isinstance(answer, list) else np.asarray(answer)
            )

        answer = self._once("predict", rows, fresh)
        return answer.tolist() if answer.dtype == object else answer


def streamed(f, compute, rows):
    """Apply f to what is computed of chunk after chunk of rows; return (n,).

    The first row tells how many more fill a chunk, and each chunk the next.
    """
    parts: list[Any] = []
    start, size = 0, 1
    while start < len(rows):
        units = compute(data_between(rows, start, start + size))
        parts.append(np.asarray(f(units)))
        start += size
        fitting = max(1, _STREAM_BYTES * size // max(1, n_bytes(units)))
        size = min(fitting, _GROWTH * size, len(rows) - start)
    return np.concatenate(parts) if parts else np.empty(0)


def data_between(rows, start, stop):
    """Return the data of some of the rows; neighbours in X are not copied."""
    positions = rows.positions()[start:stop]
    first, last = positions[0], positions[-1]
    if last - first + 1 == len(positions) and np.all(np.diff(positions) == 1):
        return view_rows(rows.X, slice(int(first), int(last) + 1))
    return view_rows(rows.X, positions)


def n_bytes(units):
    """Count the bytes of units."""
    return sum(row.nbytes for row in units) if isinstance(units, list) else units.nbytes
