"""Whether pseudo-labels are still worth learning from."""

from warnings import warn

import numpy as np

from skal.exceptions import CollapseWarning

#: From so many unlabelled rows on they say something.
_ENOUGH = 100
#: A class has taken over with so much of the guesses, and so little of the labels.
_TAKEN, _LABELED = 0.9, 0.75


def warn_of_collapse(codes, sure, counts, classes):
    """Warn where no row has passed, or where one class has taken over.

    Parameters
    ----------
    codes : ndarray of int of shape (n,)
        What the unlabelled rows are taken for.
    sure : ndarray of bool of shape (n,)
        Which of them have passed the threshold.
    counts : ndarray of shape (n_classes,)
        The labels of each class.
    classes : ndarray of shape (n_classes,)
        What the classes are called.
    """
    if len(codes) < _ENOUGH:
        return
    if not sure.any():
        warn(
            f"The model is sure of none of {len(codes)} unlabelled rows, so that they "
            "taught it nothing. Train for more steps, label more rows, or lower "
            "threshold and min_threshold.",
            CollapseWarning,
            stacklevel=4,
        )
        return
    guessed = np.bincount(codes[sure], minlength=len(counts)) / sure.sum()
    most, labeled = guessed.argmax(), counts / counts.sum()
    if guessed[most] > _TAKEN and labeled[most] < _LABELED:
        warn(
            f"The class {classes.tolist()[most]!r} makes {guessed[most]:.0%} of the "
            f"pseudo-labels and {labeled[most]:.0%} of the labels: it may have taken "
            "over. If the pool is not like that, label more rows, or raise delay and "
            "min_threshold.",
            CollapseWarning,
            stacklevel=4,
        )
