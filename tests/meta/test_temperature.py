"""The temperature at which labels are likeliest, and probabilities at one."""

import numpy as np
import pytest

from skal._meta import at_temperature, find_temperature

WIDE = (-5.0, 5.0)


def draw(n, factor, rng):
    """Draw probabilities whose logits are ``factor`` times too large, and labels."""
    logits = rng.normal(size=(n, 4))
    chance = np.exp(logits)
    chance /= chance.sum(axis=1, keepdims=True)
    codes = (rng.uniform(size=(n, 1)) > chance.cumsum(axis=1)).sum(axis=1)
    return at_temperature(chance, 1 / factor), codes


def test_the_likeliest_of_a_grid(rng):
    proba, codes = draw(300, 3.0, rng)
    grid = np.linspace(1, 6, 2001)
    right = [at_temperature(proba, T)[np.arange(300), codes] for T in grid]
    best = grid[np.argmax([np.log(chance).sum() for chance in right])]
    assert find_temperature(proba, codes, log_bounds=WIDE) == pytest.approx(best, 2e-3)


def test_a_weight_is_so_many_rows(rng):
    proba, codes = draw(100, 2.0, rng)
    weight = rng.randint(0, 4, size=100)
    rows = np.repeat(np.arange(100), weight)
    weighted = find_temperature(
        proba, codes, weight.astype(float), log_bounds=WIDE, prior_precision=1.0
    )
    repeated = find_temperature(
        proba[rows], codes[rows], log_bounds=WIDE, prior_precision=1.0
    )
    assert weighted == pytest.approx(repeated, rel=1e-4)
    assert weighted != pytest.approx(
        find_temperature(proba, codes, log_bounds=WIDE), rel=1e-3
    )


def test_bounds_and_prior_hold_where_every_row_is_right(rng):
    proba, _ = draw(50, 1.0, rng)
    codes = proba.argmax(axis=1)
    alone = find_temperature(proba, codes, log_bounds=WIDE)
    assert alone == pytest.approx(np.exp(-5), rel=0.01)
    held = find_temperature(proba, codes, log_bounds=WIDE, prior_precision=1.0)
    assert held > 2 * alone
    doubting = find_temperature(proba, codes, log_bounds=(0.0, 5.0))
    assert doubting == pytest.approx(1, abs=1e-3)


def test_a_higher_floor_forgives_a_zero():
    """One row that was called impossible weighs less, the higher zero is taken."""
    proba = np.tile([0.9, 0.1], (20, 1))
    proba[0] = [1.0, 0.0]
    codes = np.zeros(20, int)
    codes[0] = 1
    low, high = (
        find_temperature(proba, codes, log_bounds=WIDE, floor=floor)
        for floor in (1e-12, 1e-2)
    )
    assert low > 1.5 * high


def test_without_rows_there_is_nothing_to_change():
    assert find_temperature(np.empty((0, 3)), np.empty(0, int), log_bounds=WIDE) == 1


def test_the_floor_counts_as_that():
    sure = np.array([[1.0, 0.0]])
    np.testing.assert_allclose(
        at_temperature(sure, 2.0, floor=1e-4), [[1 / 1.01, 0.01 / 1.01]]
    )
