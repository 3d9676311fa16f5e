"""A scorer from what several trainings tried, without playing anything again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_int
from skal._seed import draw_seed
from skal.learned._features import SCHEMA
from skal.learned._regression import fitted_to
from skal.learned._scorer import check_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skal.learned._scorer import Scorer


def fit_checkpoints(
    checkpoints: Sequence[str | Path],
    *,
    hidden: Sequence[int] = (32, 32),
    name: str = "unnamed",
    random_state: int | None = 0,
) -> Scorer:
    """Train a scorer on what several trainings have tried.

    To play tasks takes minutes, to fit the network to them a second. Play each of your
    projects once, into a folder of its own, on whatever machine; then train on all of
    them together, on all but one, or on all and the one that ended today.

    Parameters
    ----------
    checkpoints : list of str or Path
        Folders that :func:`fit_regression` filled as its ``checkpoint``, all with one
        kind of model. One that was stopped counts as far as it came.
    hidden : sequence of int, default=(32, 32)
        Widths of the network's layers.
    name : str, default="unnamed"
        The name of the scorer.
    random_state : int, default=0
        Seeds the network; None takes fresh entropy.

    Returns
    -------
    Scorer
        Its horizon is the least of theirs; ``about`` tells what each was trained on.

    Raises
    ------
    ValueError
        If there are no folders, one holds nothing that was tried, or they are of
        different kinds of model or versions of the features.
    TypeError
        If ``checkpoints`` is one folder and no list.

    See Also
    --------
    fit_regression : Plays the tasks.

    Notes
    -----
    Every row that was tried counts alike: a folder of twice the tasks counts twice. The
    folder of one finished training gives the scorer of that training.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.datasets import load_iris, load_wine
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skal.learned import fit_checkpoints, fit_regression
    >>> sizes = {"n_tasks": 2, "n_states": 2, "n_candidates": 4, "n_lookaheads": 1}
    >>> with TemporaryDirectory() as folder:
    ...     kept = [f"{folder}/iris", f"{folder}/wine"]
    ...     for one, load in zip(kept, [load_iris, load_wine], strict=True):
    ...         task = [load(return_X_y=True)]
    ...         _ = fit_regression(GaussianNB(), task, **sizes, checkpoint=one)
    ...     fit_checkpoints(kept, hidden=(4,), name="both")
    Scorer('both', 18-4-1)
    """
    if isinstance(checkpoints, str | Path):
        raise TypeError(
            f"checkpoints must be a list of folders, got {str(checkpoints)!r}. Put it "
            "into a list."
        )
    folders = [Path(folder) for folder in checkpoints]
    if not folders:
        raise ValueError("checkpoints must name at least one folder, got none.")
    for width in hidden:
        check_int("hidden", width)
    sizes = {
        "hidden": list(hidden),
        "random_state": draw_seed(None) if random_state is None else random_state,
    }
    abouts = [about_of(folder) for folder in folders]
    kinds = sorted({one["estimator"] for one in abouts})
    if len(kinds) > 1:
        raise ValueError(
            f"checkpoints must be of one kind of model, got {kinds[0]} and {kinds[1]}. "
            "Train a scorer for each."
        )
    about = {
        "name": name,
        "schema": SCHEMA,
        "estimator": kinds[0],
        "horizon": min(one["horizon"] for one in abouts),
        "trained": {
            "by": "fit_checkpoints",
            "of": [one["trained"] for one in abouts],
            **sizes,
        },
    }
    return fitted_to([kept_in(folder) for folder in folders], sizes, about)


def about_of(folder):
    """Read what a training was of; refuse a folder that is none's."""
    file = folder / "about.json"
    if not (file.is_file() and any(folder.glob("tasks_*[0-9].npz"))):
        raise ValueError(
            "checkpoints must be folders in which fit_regression kept what it tried, "
            f"got {str(folder)!r}. Fill one by its checkpoint= first."
        )
    about = json.loads(file.read_text(encoding="utf-8"))
    check_schema(about)
    return about


def kept_in(folder):
    """Return the features and gains of all that a folder holds, in order."""
    parts = []
    for file in sorted(folder.glob("tasks_*[0-9].npz")):  # none of a broken write
        with np.load(file, allow_pickle=False) as arrays:
            parts.append((arrays["x"], arrays["gain"]))
    return tuple(np.concatenate(one) for one in zip(*parts, strict=True))
