"""What every loader returns."""

import numpy as np
from sklearn.utils import Bunch


def as_answer(images, target, target_names, return_X_y, **more):
    """Return ``(images, target)``, or all there is in a Bunch."""
    if return_X_y:
        return images, target
    return Bunch(
        images=images,
        data=images.reshape(len(images), -1),  # the same memory
        target=target,
        target_names=np.asarray(target_names, dtype=object),
        **more,
    )
