"""A small network that scores rows by their features, stored as numbers and JSON."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skal._checks import nearest_first
from skal._seed import as_random_state
from skal.learned._features import CANDIDATE_FEATURES, STATE_FEATURES
from skal.learned._layers import as_about, as_hidden, as_layers, check_widths
from skal.learned._layers import check_schema as check_schema
from skal.learned._read import read_about, read_weights

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import NDArray

#: Where the scorers lie that come with skal.
SHIPPED = Path(__file__).with_name("scorers")
#: Rows that go through the network at a time.
_BLOCK = 2048
#: Steps of weights and of what goes through. Products of such numbers add up to the
#: same in whatever order: a score, to the last digit, is the row's alone.
_OF_WEIGHTS, _OF_VALUES = 2.0**-16, 2.0**-12


class Scorer:
    """A network that says how much each row of a pool is wanted.

    It sees one row and the round, never two rows at once: a pool in another order gets
    the same scores in that order, whatever its size.

    Parameters
    ----------
    weights : list of (ndarray, ndarray)
        Matrix and offset of each layer, ReLU in between. The first takes the features
        of a row and then those of the round, the last gives one number.
    about : dict, default=None
        What is known of it, as JSON knows it: ``name``, ``estimator`` (the class that
        it was trained with), ``horizon`` (labels a class up to which it was), and
        whatever else tells how it came to be.

    Attributes
    ----------
    name : str
        Its name, "unnamed" without one.
    estimator : str or None
        The class of the models that it was trained with.
    horizon : float or None
        Labels a class up to which it was trained; None is without end.

    See Also
    --------
    load_scorer : Reads what ``save`` wrote, or one that comes with skal.
    fit_regression : Trains one.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.learned import untrained_scorer
    >>> scorer = untrained_scorer(random_state=0)
    >>> scorer.score(np.zeros((3, 12)), np.zeros(6)).shape
    (3,)
    """

    def __init__(
        self,
        weights: Sequence[tuple[NDArray[Any], NDArray[Any]]],
        about: dict[str, Any] | None = None,
    ) -> None:
        layers = as_layers(weights)
        check_widths(layers)
        self.weights = [tuple(stepped(one, _OF_WEIGHTS) for one in L) for L in layers]
        self.about = as_about({} if about is None else about)

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.about.get("name", "unnamed"))

    @property
    def estimator(self) -> str | None:
        """The class of the models that it was trained with."""
        return self.about.get("estimator")

    @property
    def horizon(self) -> float | None:
        """Labels a class up to which it was trained."""
        return self.about.get("horizon")

    def score(self, candidates: NDArray[Any], state: NDArray[Any]) -> NDArray[Any]:
        """Say how much each row is wanted.

        Parameters
        ----------
        candidates : ndarray of shape (n_rows, 12)
            The features of the rows, as :func:`pool_features` gives them.
        state : ndarray of shape (6,)
            Those of the round.

        Returns
        -------
        ndarray of float32 of shape (n_rows,)
            Higher is more wanted.

        Raises
        ------
        ValueError
            If there are more features or fewer.
        """
        (first, offset), *others = self.weights
        candidates, width = np.asarray(candidates), len(CANDIDATE_FEATURES)
        n_state = len(STATE_FEATURES)
        if candidates.shape[1:] != (width,) or np.shape(state) != (n_state,):
            raise ValueError(
                f"candidates must be of shape (n_rows, {width}) and state of shape "
                f"({n_state},), got {candidates.shape} and {np.shape(state)}. "
                "pool_features gives them."
            )
        n = len(candidates)
        # The round is the same for all rows: its part of the first layer is an offset.
        offset = offset + stepped(state, _OF_VALUES) @ first[width:]
        layers = [(first[:width], offset), *others]
        layers = [(W, b / _OF_VALUES) for W, b in layers]
        scores = np.empty(n, np.float32)
        for start in range(0, n, _BLOCK):
            rows = slice(start, start + _BLOCK)
            scores[rows] = forward(layers, candidates[rows])
        return scores

    def save(self, path: str | Path) -> None:
        """Write the weights as ``.npz``, and what is known of them as JSON beside it.

        Parameters
        ----------
        path : str or Path
            The file of weights; the other one ends in ``.json`` instead.
        """
        path = Path(path).with_suffix(".npz")
        arrays = {
            f"{kind}{i}": array.astype(np.float32)
            for i, layer in enumerate(self.weights)
            for kind, array in zip("Wb", layer, strict=True)
        }
        np.savez(path, **arrays)
        text = json.dumps(self.about, indent=2, sort_keys=True, default=repr)
        path.with_suffix(".json").write_text(text + "\n", encoding="utf-8")

    def __repr__(self) -> str:
        """Name it, with the widths of its layers."""
        widths = [len(self.weights[0][0]), *(len(b) for _, b in self.weights)]
        return f"Scorer({self.name!r}, {'-'.join(map(str, widths))})"


def load_scorer(path: str | Path) -> Scorer:
    """Load a scorer: one that comes with skal, by its name, or a file of your own.

    Parameters
    ----------
    path : str or Path
        "logistic-v1" or "forest-v1", or the ``.npz`` that :meth:`Scorer.save` wrote.
        Nothing in it is run.

    Returns
    -------
    Scorer
        The scorer.

    Raises
    ------
    ValueError
        If no scorer has that name, it was made for features of another version, or its
        files are damaged.
    FileNotFoundError
        If there is no such file, or no JSON beside it.

    See Also
    --------
    LearnedStrategy : Asks by it.

    Examples
    --------
    >>> from skal.learned import load_scorer
    >>> load_scorer("logistic-v1").estimator
    'LogisticRegression'
    """
    file = Path(path)
    if file.suffix != ".npz":
        if str(path) not in shipped_scorers():
            known = ", ".join(map(repr, nearest_first(path, shipped_scorers())))
            raise ValueError(
                f"scorer must be one of {known}, a Scorer, or the path of a .npz file, "
                f"got {str(path)!r}. Scorer.save writes such files."
            )
        file = SHIPPED / f"{path}.npz"
    elif not file.is_file():
        raise FileNotFoundError(
            f"scorer must be the path of a file, got {str(path)!r}, where there is "
            "none. Scorer.save writes one."
        )
    about, weights = read_about(file.with_suffix(".json")), read_weights(file)
    return Scorer(weights, about)


def shipped_scorers():
    """List the names of the scorers that come with skal."""
    return sorted(file.stem for file in SHIPPED.glob("*.npz"))


def untrained_scorer(
    hidden: Sequence[int] = (32, 32),
    *,
    random_state: int | np.random.RandomState | None = None,
) -> Scorer:
    """Make a scorer of random weights: what a trained one must beat.

    Parameters
    ----------
    hidden : sequence of int, default=(32, 32)
        Widths of the layers.
    random_state : int, RandomState instance or None, default=None
        Draws the weights.

    Returns
    -------
    Scorer
        Has seen nothing.

    See Also
    --------
    fit_regression : Trains one.

    Examples
    --------
    >>> from skal.learned import untrained_scorer
    >>> untrained_scorer(random_state=0)
    Scorer('untrained', 18-32-32-1)
    """
    rng = as_random_state(random_state)
    inputs = len(CANDIDATE_FEATURES) + len(STATE_FEATURES)
    widths = [inputs, *as_hidden(hidden), 1]
    weights = [
        (rng.normal(size=(a, b)) * np.sqrt(2 / a), np.zeros(b))
        for a, b in pairwise(widths)
    ]
    return Scorer(weights, {"name": "untrained"})


def stepped(values, step):
    """Return numbers on a grid, as float64."""
    return np.rint(np.asarray(values, np.float64) / step) * step


def forward(layers, x):
    """Send rows through the layers, whose offsets are in steps: (m,)."""
    x = np.multiply(x, 1 / _OF_VALUES, dtype=np.float64)
    for W, b in layers[:-1]:
        x = np.rint(x, out=x) @ W
        x += b
        np.maximum(x, 0, out=x)
    W, b = layers[-1]
    return (np.rint(x, out=x) @ W + b)[:, 0] * _OF_VALUES
