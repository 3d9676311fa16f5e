"""Four lights on the way: what is known of the model, and whether more labels pay."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import exp, log
from typing import TYPE_CHECKING

import numpy as np

from skal.label._audit import FEWEST, exact_interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

#: What is good enough where nobody says otherwise.
GOAL = 0.9
#: Confidence below which a row counts as doubtful, and the share that may be.
SURE, DOUBTFUL = 0.8, 0.05
#: Agreement of successive models, beyond chance, and over how many pairs of them.
STABLE, PAIRS = 0.99, 3
#: Rows of the audit that confidence can be set right with.
CALIBRATED = 30
#: Rows of the audit, and models, below which no slope is worth a word.
SLOPE_ROWS, SLOPE_MODELS = 20, 4
_DRAWS = 500

NAMES = ("accuracy", "stability", "doubt", "gain")


@dataclass(frozen=True)
class Light:
    """One thing that is known of the model; advice, never a stop.

    Attributes
    ----------
    name : {"accuracy", "stability", "doubt", "gain"}
        What it speaks of.
    state : {"enough", "go on", "cannot tell"}
        What it says.
    value : float or None
        Its figure: a share, an agreement, or labels for one more point.
    low, high : float or None
        The interval of the figure; None where there is none.
    advice : str
        The same in words.
    """

    name: str
    state: str
    value: float | None
    low: float | None
    high: float | None
    advice: str


def read_lights(derived: Any) -> list[Light]:
    """Return the four lights as the last refit left them.

    Parameters
    ----------
    derived : Derived
        What is known.

    Returns
    -------
    list of Light
        Four; before the first model none can tell.
    """
    found = derived.status.get("lights")
    if found:
        return [Light(**one) for one in found]
    return [_cannot_tell(name, "No model yet.") for name in NAMES]


def as_plain(lights: Sequence[Light]) -> list[dict[str, Any]]:
    """Return lights as values that JSON can hold.

    Parameters
    ----------
    lights : sequence of Light
        The lights.

    Returns
    -------
    list of dict
        The same.
    """
    return [asdict(light) for light in lights]


def _cannot_tell(name, why, value=None):
    return Light(name, "cannot tell", value, None, None, f"Cannot tell yet. {why}")


# The four -----------------------------------------------------------------------


def accuracy_light(
    curve: Sequence[Mapping[str, Any]],
    goal: float = GOAL,
    ceiling: float | None = None,
    n_skipped: int = 0,
) -> Light:
    """Say how often the model is right, on rows that were drawn at random.

    A row that was drawn and skipped comes again at the end of the line only, so that
    the figure leans to rows that are easy to tell; the light counts them.

    Parameters
    ----------
    curve : sequence of dict
        The learning curve.
    goal : float, default=0.9
        What is good enough.
    ceiling : float, default=None
        How often people agree with themselves on rows shown again.
    n_skipped : int, default=0
        Rows that were drawn and skipped.

    Returns
    -------
    Light
        "enough" once the low end of the interval reaches the goal.
    """
    measured = [point for point in curve if point["low"] is not None]
    if not measured:
        n = curve[-1]["n_audit"] if curve else 0
        why = f"{n} of {FEWEST} rows drawn at random are labelled."
        if n >= FEWEST:  # the interval was shown, and what models say deleted
            why = "The next interval comes with more labels."
        return _cannot_tell("accuracy", why)
    last = measured[-1]
    low, high, value = last["low"], last["high"], last["accuracy"]
    words = (
        f"{value:.0%} right, between {low:.0%} and {high:.0%}, on {last['n_audit']} "
        f"rows drawn at random, with {last['n_labels']} labels."
    )
    if ceiling is not None:
        words += f" People agree with themselves on {ceiling:.0%} of rows shown again."
    if n_skipped:
        words += f" Not counted: {n_skipped} drawn and skipped, perhaps the hard ones."
    if high - low > 0.4:
        advice = f"Cannot tell yet. {words}"
        return Light("accuracy", "cannot tell", value, low, high, advice)
    state = "enough" if low >= goal else "go on"
    words += f" The goal is {goal:.0%}."
    return Light("accuracy", state, value, low, high, words)


def stability_light(kappas: Sequence[float | None]) -> Light:
    """Say whether successive models still change their minds.

    Parameters
    ----------
    kappas : sequence of float
        Cohen's kappa of each model with the one before, the oldest first.

    Returns
    -------
    Light
        "enough" once the last three average .99, as Bloodgood and Vijay-Shanker (2009)
        stop.
    """
    last = [kappa for kappa in kappas if kappa is not None][-PAIRS:]
    if len(last) < PAIRS:
        return _cannot_tell(
            "stability", f"{len(last)} of {PAIRS} pairs of models are compared."
        )
    value = float(np.mean(last))
    state = "enough" if value >= STABLE else "go on"
    words = "The last models agree" if state == "enough" else "The model still changes"
    advice = f"{words}: agreement beyond chance {value:.2f}, steady from {STABLE}."
    return Light("stability", state, value, min(last), max(last), advice)


def doubt_light(
    confidence: Sequence[float] | None, n_audit: int, sure: float = SURE
) -> Light:
    """Say how much of the pool the model is in doubt about.

    Parameters
    ----------
    confidence : sequence of float or None
        How sure the model is of each row without a label; None without a model.
    n_audit : int
        Rows of the audit, by which confidence was set right.
    sure : float, default=0.8
        Below this a row is in doubt.

    Returns
    -------
    Light
        "enough" once a twentieth is left.
    """
    if confidence is None:
        return _cannot_tell("doubt", "No model yet.")
    n = len(confidence)
    if not n:
        return Light("doubt", "enough", 0.0, None, None, "No row is without a label.")
    doubtful = int(np.sum(np.asarray(confidence) < sure))
    value = doubtful / n
    words = f"{doubtful:,} of {n:,} rows are under {sure:g}.".replace(",", " ")
    if n_audit < CALIBRATED:
        why = f"{words} That is how sure the model says it is, not how right it is."
        return _cannot_tell("doubt", why, value)
    state = "enough" if value <= DOUBTFUL else "go on"
    return Light("doubt", state, value, None, None, words)


def gain_light(n_labels: Sequence[int], right: Any, seed: int = 0) -> Light:
    """Say how many more labels one more point of accuracy costs.

    Accuracy is taken to rise with the logarithm of the number of labels; the band is a
    bootstrap over the rows of the audit, the same rows for all models, which takes most
    of the noise out of the differences.

    Parameters
    ----------
    n_labels : sequence of int
        Labels of each of the last models, the oldest first.
    right : ndarray of bool of shape (n_models, n_rows)
        Where each was right on the audit.
    seed : int, default=0
        Seed of the bootstrap.

    Returns
    -------
    Light
        Its value is a number of labels. "enough" where as many labels again would bring
        less than a point; "cannot tell" where the band covers zero.
    """
    right = np.asarray(right, float)  # (models, rows)
    n_models, n_rows = right.shape if right.ndim == 2 else (0, 0)
    if n_models < SLOPE_MODELS or n_rows < SLOPE_ROWS:
        return _cannot_tell(
            "gain",
            f"{n_models} models are measured on {n_rows} rows; it takes "
            f"{SLOPE_MODELS} on {SLOPE_ROWS}.",
        )
    x = np.log(n_labels)
    if x.max() - x.min() < log(1.2):
        return _cannot_tell("gain", "The last models had about as many labels.")
    x = x - x.mean()
    slopes_of_rows = x @ right / (x @ x)  # (rows,): the slope is their mean
    draws = np.random.default_rng(seed).integers(n_rows, size=(_DRAWS, n_rows))
    low, high = np.quantile(slopes_of_rows[draws].mean(axis=1), [0.05, 0.95])
    return _gain(n_labels[-1], slopes_of_rows.mean(), low, high)


def _gain(n, slope, low, high):
    """Turn the slope against log labels, and its band, into labels for a point."""
    if high * log(2) < 0.01:
        words = f"As many labels again ({n}) would bring less than a point."
        return Light("gain", "enough", _for_a_point(n, slope), None, None, words)
    if low <= 0:
        return _cannot_tell("gain", "The curve may rise or not, by what is measured.")
    value, least, most = (_for_a_point(n, one) for one in (slope, high, low))
    words = (
        f"About {value:.0f} more labels for one more point (90 %: {least:.0f} to "
        f"{'many' if most is None or most > 100 * n else format(most, '.0f')})."
    )
    return Light("gain", "go on", value, least, most, words)


def _for_a_point(n, slope):
    """Return the labels that one point costs, None where none would do."""
    if slope <= 0 or 0.01 / slope > 50:
        return None
    return n * (exp(0.01 / slope) - 1)


# What they are made of ----------------------------------------------------------


def ceiling_of(
    said_again: Sequence[tuple[str, str, str]],
) -> tuple[float, float, float] | None:
    """Return how often people gave a row that was shown again the same label.

    Parameters
    ----------
    said_again : sequence of (annotator, before, after)
        As a ledger lists them.

    Returns
    -------
    (share, low, high) or None
        With a 95 % interval; None before five rows were shown again.
    """
    same = [before == after for _, before, after in said_again]
    if len(same) < FEWEST:
        return None
    return float(np.mean(same)), *exact_interval(sum(same), len(same), 0.05)
