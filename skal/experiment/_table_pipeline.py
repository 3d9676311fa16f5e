"""What goes before an estimator where a table holds more than numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pandas import DataFrame

#: What becomes of each kind of column, in words.
TREATED = {
    "numbers": "the median for gaps, scaled",
    "categories": "one column for each value, 50 at most, gaps being a value",
    "texts": "words hashed into 4096 columns",
}


def on_columns(estimator: Any) -> Pipeline:
    """Put an estimator behind what makes numbers of a table.

    Columns are told apart by their types, so that one Pipeline serves every table.
    Words are hashed: a vocabulary would be that of the few labelled rows.

    Parameters
    ----------
    estimator : estimator
        Takes numbers.

    Returns
    -------
    Pipeline
        Takes a frame.
    """
    numbers = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()
    )
    categories = OneHotEncoder(
        max_categories=50, handle_unknown="infrequent_if_exist", sparse_output=False
    )
    texts = make_pipeline(
        FunctionTransformer(one_text), HashingVectorizer(n_features=4096)
    )
    is_text = make_column_selector(dtype_exclude=[np.number, "category"])
    prepare = ColumnTransformer(
        [
            ("numbers", numbers, make_column_selector(dtype_include=np.number)),
            ("categories", categories, make_column_selector(dtype_include="category")),
            ("texts", texts, is_text),
        ]
    )
    return Pipeline([("prepare", prepare), ("estimator", estimator)])


def one_text(frame: DataFrame) -> NDArray[Any]:
    """Join the texts of each row."""
    return np.array([" ".join(row) for row in frame.to_numpy()], dtype=object)
