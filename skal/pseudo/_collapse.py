"""Whether pseudo-labels are still worth learning from."""

from warnings import warn

import numpy as np

from skal.exceptions import CollapseWarning

#: From so many unlabelled rows on they say something.
_ENOUGH = 100
#: A class has taken over where its share has grown by so much.
_GROWN = 0.4


def warn_of_collapse(codes, sure, shares, classes):
    """Warn where no row has passed, or where one class has taken over.

    Parameters
    ----------
    codes : ndarray of int of shape (n,)
        What the unlabelled rows are taken for.
    sure : ndarray of bool of shape (n,)
        Which of them have passed the threshold.
    shares : list of ndarray of shape (n_classes,)
        How often each class was predicted when labels alone had been learnt from; empty
        where that is not known.
    classes : ndarray of shape (n_classes,)
        What the classes are called.
    """
    if len(codes) < _ENOUGH:
        return
    if not sure.any():
        tell(
            f"The model is sure of none of {len(codes)} unlabelled rows, so that they "
            "taught it nothing. Train for more steps, label more rows, or lower "
            "threshold and min_threshold."
        )
        return
    for before in shares:
        after = np.bincount(codes[sure], minlength=len(before)) / sure.sum()
        most = (after - before).argmax()
        if after[most] - before[most] > _GROWN:
            tell(
                f"The class {classes.tolist()[most]!r} makes {after[most]:.0%} of the "
                f"pseudo-labels, where labels alone made it {before[most]:.0%}: it has "
                "taken over. Label more rows, set align='auto', or raise delay and "
                "min_threshold."
            )


def tell(message):
    """Warn where fit was called."""
    warn(message, CollapseWarning, stacklevel=5)
