"""The small digits that come with scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.datasets import load_digits

from skal.datasets._bunch import as_answer

if TYPE_CHECKING:
    from typing import Any


def load_digits_images(*, return_X_y: bool = False) -> Any:
    """Load 1797 handwritten digits of 8 by 8 pixels; they come with scikit-learn.

    The data set for a first try and for tests: no download, ten classes, and a network
    learns it in seconds.

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return ``(images, target)`` in place of a Bunch.

    Returns
    -------
    :class:`~sklearn.utils.Bunch` or tuple of ndarray
        A dictionary with attributes:

        images : ndarray of shape (1797, 8, 8), uint8
            Pixels from 0 (paper) to 255 (ink), as image files have them. Those of
            :func:`sklearn.datasets.load_digits` go from 0 to 16.
        data : ndarray of shape (1797, 64), uint8
            The same memory as flat rows, for estimators that read tables.
        target : ndarray of shape (1797,), int64
            The digit.
        target_names : ndarray of shape (10,)
            The digits as strings.

    See Also
    --------
    fetch_mnist : 70 000 larger digits.

    References
    ----------
    E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine
    Learning Repository, 1998. doi:10.24432/C50P49

    Examples
    --------
    >>> from skal.datasets import load_digits_images
    >>> X, y = load_digits_images(return_X_y=True)
    >>> X.shape, X.dtype, int(X.max())
    ((1797, 8, 8), dtype('uint8'), 255)
    """
    digits = load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    target = digits.target.astype(np.int64)
    return as_answer(images, target, list("0123456789"), return_X_y)
