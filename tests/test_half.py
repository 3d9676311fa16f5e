"""Numbers of half precision come out as numpy widens them."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from skal import ModelView
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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_linear_classifiers_answer_half_precision_rows_to_the_bit(rng, dtype):
    X, y = rng.normal(size=(300, 12)).astype(np.float16), np.arange(300) % 3
    model = LogisticRegression().fit(X.astype(dtype), y)
    found = ModelView(model).predict_proba(X)
    np.testing.assert_array_equal(found, model.predict_proba(X))
