"""Rows are told apart by what they hold, whatever holds them."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import torch
from helpers import peak_bytes

from skal._data import row_groups, row_keys

ROWS = np.array([[1, 0, 2], [0, 3, 4], [1, 0, 2], [0, 0, 0], [1, 2, 0]])
NAMES = list("abc")
CONTAINERS = {
    "integers": np.asarray,
    "floats": lambda X: X.astype(np.float32),
    "objects": lambda X: X.astype(object),
    "images": lambda X: X[:, :, None],
    "csr": sp.csr_array,
    "csc": sp.csc_matrix,
    "lists": lambda X: X.tolist(),
    "arrays": list,
    "pandas": lambda X: pd.DataFrame(X, columns=NAMES),
    "polars": lambda X: pl.DataFrame(X, schema=NAMES),
    "nullable": lambda X: pd.DataFrame(X, columns=NAMES, dtype="Int64"),
    "tensor": lambda X: torch.tensor(X, requires_grad=False),
    "half": lambda X: torch.tensor(X).bfloat16(),
    "texts": lambda X: [" ".join(map(str, row)) for row in X],
    "text series": lambda X: pd.Series([str(row) for row in X]),
    "tokens": lambda X: [[str(value) for value in row] for row in X],
    "mixed": lambda X: pd.DataFrame(
        {"a": X[:, 0], "b": X.sum(1).astype(str), "c": X[:, 2]}
    ),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_equal_rows_are_found_in_any_container(name):
    X = CONTAINERS[name](ROWS)
    assert row_groups(X).tolist() == [0, 1, 0, 3, 4]


@pytest.mark.parametrize(
    "name",
    ["floats", "objects", "lists", "arrays", "pandas", "polars", "tensor", "half"],
)
def test_the_type_of_numbers_and_what_holds_them_do_not_count(name):
    assert row_keys(CONTAINERS[name](ROWS)) == row_keys(ROWS)


def test_the_order_of_columns_does_not_count():
    frame = CONTAINERS["mixed"](ROWS)
    assert row_keys(frame) == row_keys(frame[["c", "a", "b"]])


def test_zeros_that_are_stored_and_columns_out_of_order_do_not_count():
    X = sp.csr_array(([2.0, 1.0, 0.0], [2, 0, 1], [0, 3]), shape=(1, 3))
    assert row_keys(X) == row_keys(sp.csr_array(ROWS[:1]))
    assert X.nnz == 3


def test_what_looks_alike_but_is_not_stays_apart():
    apart = [["a", "b"], ["ab"], ["a,b"], ["1"], [1], [None], [[1]], [[], 1], "1"]
    assert len(set(row_keys(apart))) == len(apart)
    assert row_groups([2**60, 2**60 + 1, 2**60]).tolist() == [0, 1, 0]
    assert row_groups(np.array([[np.nan, -0.0], [np.nan, 0.0]])).tolist() == [0, 0]


def test_a_key_is_the_same_in_every_process():
    keys = [key.hex()[:8] for key in row_keys(["a", (1, "b")])]
    assert keys == ["944094b0", "36cfdb61"]


def test_no_array_of_rows_by_rows_is_made():
    X = np.arange(1500.0)[:, None] % 50
    assert peak_bytes(row_groups, X) < 2**19
    np.testing.assert_array_equal(row_groups(X), X[:, 0])
