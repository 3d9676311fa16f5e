"""Numbers of half precision come out as numpy widens them."""

import numpy as np
import pytest

from skal._half import as_single

EVERY = np.arange(2**16, dtype=np.uint16).view(np.float16)


@pytest.mark.parametrize(
    "values",
    [
        EVERY,
        EVERY[np.isfinite(EVERY)],
        EVERY[::-3],
        EVERY.reshape(256, 256).T,
        EVERY.reshape(4, -1, 8),
        EVERY[:0],
        EVERY[:0].reshape(0, 3),
    ],
)
def test_every_number_is_widened_as_numpy_does(values):
    single = as_single(values)
    assert single.dtype == np.float32
    np.testing.assert_array_equal(single, values.astype(np.float32))
    assert (np.signbit(single) == np.signbit(values)).all()
