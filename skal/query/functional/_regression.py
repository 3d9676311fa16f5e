"""What a regressor should be taught."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils.extmath import row_norms

from skal._checks import check_choice, check_int
from skal._seed import as_random_state
from skal.exceptions import PoolExhaustedError
from skal.query.functional._distances import to_centroid, to_known, to_row
from skal.query.functional._inputs import check_array, check_table

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

#: What greedy sampling reads: of the pool, and of the labelled rows.
_SPACES = {
    "GSx": [("E", "labeled")],
    "GSy": [("predictions", "y_labeled")],
    "iGS": [("E", "labeled"), ("predictions", "y_labeled")],
}


def greedy_sampling(
    E: Any,
    n_instances: int,
    *,
    predictions: ArrayLike | None = None,
    labeled: Any = None,
    y_labeled: ArrayLike | None = None,
    method: str = "iGS",
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.int64]:
    r"""Pick rows that are far from everything labelled or picked, one at a time.

    Row n is worth its smallest distance to the labelled and picked rows m:
    :math:`\min_m d^x_{nm}` for GSx, :math:`\min_m d^y_{nm}` for GSy,
    :math:`\min_m d^x_{nm} d^y_{nm}` for iGS, with :math:`d^x` between embeddings and
    :math:`d^y` between the prediction for n and the label of m. Until its label is
    known, a picked row has its prediction for a label.

    Parameters
    ----------
    E : {array-like, sparse matrix} of shape (n, d)
        Embeddings of the pool.
    n_instances : int
        How many rows to pick.
    predictions : array-like of shape (n,) or (n, n_outputs), default=None
        Predictions for the pool; read by GSy and iGS.
    labeled : {array-like, sparse matrix} of shape (m, d), default=None
        Embeddings of the labelled rows. GSx may go without: it then starts with the
        row nearest to the centroid of the pool.
    y_labeled : array-like of shape (m,) or (m, n_outputs), default=None
        Labels of the labelled rows; read by GSy and iGS.
    method : {"iGS", "GSx", "GSy"}, default="iGS"
        Which distance to use.
    random_state : int, RandomState instance or None, default=None
        Breaks ties.

    Returns
    -------
    ndarray of int64 of shape (n_instances,)
        Positions in the pool, in the order of picking.

    Raises
    ------
    PoolExhaustedError
        If the pool holds fewer than ``n_instances`` rows.
    ValueError
        If the method misses an array that it reads.

    See Also
    --------
    expected_model_change : Another score for regression.

    Notes
    -----
    Costs O(n (m + k) d) time for k picks; distances are computed in blocks, so that
    memory beyond the inputs is O(n). Several outputs count by their Euclidean
    distance.

    References
    ----------
    Wu, D., Lin, C.-T., Huang, J. (2019). Active learning for regression using greedy
    sampling. Information Sciences 474. arXiv:1808.04245

    Examples
    --------
    >>> from skal.query.functional import greedy_sampling
    >>> E = [[0.0], [1.0], [2.0], [9.0]]
    >>> greedy_sampling(E, 2, labeled=[[0.0]], method="GSx")
    array([3, 2])
    """
    check_choice("method", method, _SPACES)
    check_int("n_instances", n_instances)
    given = {"E": E, "predictions": predictions}
    given |= {"labeled": labeled, "y_labeled": y_labeled}
    pool = [check_table(name, given[name]) for name, _ in _SPACES[method]]
    known = [check_table(name, given[name]) for _, name in _SPACES[method]]
    cold = known[0] is None or known[0].shape[0] == 0
    _check_spaces(method, n_instances, pool, known)

    rng = as_random_state(random_state)
    # From cold the first pick is the most central row; its score is then forgotten.
    nearest = -to_centroid(pool[0]) if cold else to_known(pool, known)  # (n,)
    if np.isnan(nearest).any():
        raise ValueError(
            "E, predictions and the labels must hold no NaN, got some that leave "
            f"{np.isnan(nearest).sum()} rows without a distance. Impute them first."
        )
    picked = np.empty(n_instances, np.int64)
    for k in range(n_instances):
        picked[k] = pick = rng.choice(np.flatnonzero(nearest == nearest.max()))
        if cold and k == 0:
            nearest.fill(np.inf)
        distance = np.prod([to_row(space, space[[pick]]) for space in pool], axis=0)
        np.minimum(nearest, distance, out=nearest)
        nearest[pick] = -np.inf
    return picked


def expected_model_change(
    predictions: ArrayLike, members: ArrayLike, E: Any
) -> NDArray[Any]:
    r"""Score how far a row's label would move a linear model on top of E.

    With members :math:`f_k` fitted to bootstraps as guesses at the label, and the
    gradient of the squared loss:

    .. math:: \tfrac{1}{K} \sum_k \| f_k(x) - f(x) \| \, \| (e(x), 1) \|

    Parameters
    ----------
    predictions : array-like of shape (n,) or (n, n_outputs)
        Predictions of the model.
    members : array-like of shape (K, n) or (K, n, n_outputs)
        Predictions of the members.
    E : {array-like, sparse matrix} of shape (n, d)
        Embeddings: the inputs of the linear model.

    Returns
    -------
    ndarray of shape (n,)
        Expected length of the gradient.

    See Also
    --------
    committee_std : The spread of the members alone.

    References
    ----------
    Cai, W., Zhang, Y., Zhou, J. (2013). Maximizing expected model change for active
    learning in regression. ICDM. doi:10.1109/ICDM.2013.104

    Examples
    --------
    >>> from skal.query.functional import expected_model_change
    >>> expected_model_change([1.0, 1.0], [[2.0, 1.0], [4.0, 1.0]], [[0.0], [3.0]])
    array([2., 0.])
    """
    predicted = check_table("predictions", predictions)
    members = np.asarray(members)
    if members.ndim == 2:
        members = members[:, :, np.newaxis]
    members = check_array("members", members, 3, "(K, n) or (K, n, n_outputs)")
    E = check_table("E", E)
    if members.shape[1:] != predicted.shape or len(predicted) != E.shape[0]:
        raise ValueError(
            "predictions, members and E must have the same rows, got "
            f"{predicted.shape}, {members.shape} and {E.shape}. Give members in "
            "the shape of predictions with one more axis in front."
        )
    change = np.zeros(len(predicted))
    for member in members:
        change += np.linalg.norm(member - predicted, axis=1)
    return change / len(members) * np.sqrt(row_norms(E, squared=True) + 1)


def _check_spaces(method, n_instances, pool, known):
    """Refuse greedy sampling without what it reads, or more picks than rows."""
    names, label_names = zip(*_SPACES[method], strict=True)
    for name, label_name, values, labels in zip(
        names, label_names, pool, known, strict=True
    ):
        lone = labels is None or labels.shape[0] == 0
        if values is None or (lone and method != "GSx"):
            raise ValueError(
                f"{name} and {label_name} must hold rows for method={method!r}, got "
                "none. Start with method='GSx', which reads E alone."
            )
        if not lone and labels.shape[1] != values.shape[1]:
            raise ValueError(
                f"{label_name} must have the {values.shape[1]} columns of {name}, got "
                f"shape {labels.shape}. Give both in the same features."
            )
    for side, arrays in ((names, pool), (label_names, known)):
        shapes = [values.shape for values in arrays if values is not None]
        if len({shape[0] for shape in shapes}) > 1:
            raise ValueError(
                f"{' and '.join(side)} must have the same rows, got shapes {shapes}. "
                "Give one row for each instance in both."
            )
    if n_instances > pool[0].shape[0]:
        raise PoolExhaustedError(
            f"n_instances must be at most {pool[0].shape[0]}, the number of rows of "
            f"the pool, got {n_instances}."
        )
