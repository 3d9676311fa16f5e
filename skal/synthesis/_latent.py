"""The codes of a generator: rows there and back, and what lies between two rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from skal._checks import check_int
from skal._data import as_rows, take_rows
from skal.query import as_seen

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike

#: Rows whose codes are worked out at once.
_AT_ONCE = 512


def boundary_strip(
    generator: Any, first: ArrayLike, second: ArrayLike, n_steps: int = 7
) -> Any:
    """Draw the rows that lead from one row to another, a line in the codes.

    Two rows of different classes, and between them what a generator makes of the way:
    somewhere on it the class changes. Where a person says so is an answer about the
    boundary itself, and where the model does shows what it has learnt.

    Parameters
    ----------
    generator : transformer
        A fitted one with ``inverse_transform``, such as a :class:`VAE` or a PCA.
    first : array-like of shape (...)
        A row, as in the generator's fit.
    second : array-like of shape (...)
        Another one.
    n_steps : int, default=7
        How many rows to draw, the two ends included, at least 2.

    Returns
    -------
    ndarray of shape (n_steps, ...)
        The rows; the first and the last are what the generator makes of the two.

    Raises
    ------
    TypeError
        If the generator has no way back.
    ValueError
        If the two are not rows of one shape.

    See Also
    --------
    QuerySynthesis : Asks about what lies near the boundary.
    skal.plotting.plot_images : Shows the rows, if they are images.

    References
    ----------
    Huijser, M., van Gemert, J. C. (2017). Active decision boundary annotation with deep
    generative models. ICCV. arXiv:1703.06971

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.decomposition import PCA
    >>> from skal.synthesis import boundary_strip
    >>> X = np.array([[0.0, 0.0], [2.0, 4.0], [1.0, 5.0]])
    >>> boundary_strip(PCA().fit(X), X[0], X[1], n_steps=3).round(6) + 0.0
    array([[0., 0.],
           [1., 2.],
           [2., 4.]])
    """
    check_int("n_steps", n_steps, minimum=2)
    if not hasattr(generator, "inverse_transform"):
        raise TypeError(
            f"generator must have inverse_transform, got {generator!r}. Use a VAE, a "
            "PCA, or KernelPCA(fit_inverse_transform=True)."
        )
    one, other = as_row(first), as_row(second)
    if one.shape != other.shape:
        raise ValueError(
            f"second must be a row like first, of shape {one.shape}, got shape "
            f"{other.shape}."
        )
    ends = np.stack([one, other])
    codes = np.asarray(generator.transform(as_seen(generator, ends)))
    way = np.linspace(0, 1, n_steps)[:, None]
    drawn = generator.inverse_transform(mixed(codes[:1], codes[1:], way))
    return np.asarray(drawn).reshape(n_steps, *ends.shape[1:])


def as_row(row):
    """Return a row as an array, one of a sparse matrix too."""
    return row.toarray().ravel() if sp.issparse(row) else np.asarray(row)


class Codes:
    """Rows to codes of a fitted generator, and codes to rows as the pool holds them.

    Parameters
    ----------
    generator : transformer
        The generator, fitted.
    rows : Rows
        The pool, whose type and shape new rows have.
    """

    def __init__(self, generator, rows):
        self.generator = generator
        self.rows = rows

    def of(self, rows):
        """Return the codes (n, d) of rows."""
        parts = [self._of(part) for _, part in as_rows(rows).chunks(_AT_ONCE)]
        return np.concatenate(parts)

    def _of(self, rows):
        return np.asarray(
            self.generator.transform(as_seen(self.generator, dense(rows)))
        )

    def decode(self, codes, low, high):
        """Return rows as the pool holds them, within the bounds of each value."""
        drawn = np.asarray(self.generator.inverse_transform(codes))
        drawn = drawn.reshape(len(codes), *low.shape)
        return like(self.rows.X, np.clip(drawn, low, high))


def dense(rows):
    """Return rows in their own type, those of a sparse matrix as an array."""
    data = rows.data()
    return data.toarray() if sp.issparse(data) else data


def as_numbers(rows):
    """Return rows as an array of numbers."""
    values = np.asarray(rows)
    if values.dtype.kind not in "fiub":
        raise TypeError(
            f"X must hold numbers for QuerySynthesis, got {values.dtype}. Ask by a "
            "strategy that draws no rows, or encode them first."
        )
    return values


def bounds(rows):
    """Return the least and the greatest of each value over some rows."""
    parts = (as_numbers(part) for _, part in rows.chunks(_AT_ONCE))
    low, high = zip(*((v.min(axis=0), v.max(axis=0)) for v in parts), strict=True)
    return np.min(low, axis=0), np.max(high, axis=0)


def like(X, values):
    """Return new rows in the type of those of X."""
    if sp.issparse(X):
        return sp.csr_array(values)
    if hasattr(X, "iloc") or type(X).__module__.startswith("polars"):
        return frame_like(X, values)
    kind = np.asarray(take_rows(X, np.arange(1))).dtype
    return (values if kind.kind == "f" else np.rint(values)).astype(kind)


def frame_like(X, values):
    """Return new rows as a frame of pandas or polars, in the types of its columns."""
    first = X[:1]
    whole = [np.asarray(first[name]).dtype.kind in "iub" for name in X.columns]
    values = np.where(whole, np.rint(values), values)
    if hasattr(X, "iloc"):
        return type(X)(values, columns=X.columns).astype(X.dtypes)
    return type(X)(values, schema=X.columns).cast(dict(X.schema))


def mixed(first, second, share):
    """Return codes on the way from the first to the second, a share of it each."""
    return (1 - share) * first + share * second
