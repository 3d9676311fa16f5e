"""The formulas of the query strategies, on plain arrays.

Probabilities have shape (n, C), the probabilities of a committee or a posterior
(S, n, C). Arrays are read in cache-sized blocks of rows: beyond its result a formula
needs a few hundred kilobytes, and float32 stays float32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from sklearn.utils.extmath import row_norms

from skal._params import check_choice, check_int
from skal._seed import as_random_state
from skal.exceptions import PoolExhaustedError
from skal.query._distances import to_centroid, to_known, to_row

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "committee_std",
    "consensus_entropy",
    "entropy",
    "expected_model_change",
    "greedy_sampling",
    "kl_divergence",
    "least_confidence",
    "margin",
    "mean_over_labels",
    "vote_entropy",
]

#: Numbers in a block: small enough to stay in the second-level cache.
_BLOCK = 2**17
#: Up to so many classes a block is turned to columns, so that numpy's loops run
#: along the rows, which are many, and not along the classes, which are few.
_FEW_CLASSES = 64
#: The same for the entropy, whose sum over classes is fast along few of them.
_FEW_TERMS = 8
#: What greedy sampling reads: of the pool, and of the labelled rows.
_SPACES = {
    "GSx": [("E", "labeled")],
    "GSy": [("predictions", "y_labeled")],
    "iGS": [("E", "labeled"), ("predictions", "y_labeled")],
}


def least_confidence(proba: ArrayLike) -> NDArray[Any]:
    r"""Score how far the best class is from certain.

    .. math:: 1 - \max_c p_c

    Parameters
    ----------
    proba : array-like of shape (n, C)
        Class probabilities.

    Returns
    -------
    ndarray of shape (n,)
        From 0 (certain) to 1 - 1 / C (uniform); 0 for one class.

    See Also
    --------
    margin : Looks at the second class too.
    entropy : Looks at every class.

    References
    ----------
    Lewis, D., Gale, W. (1994). A sequential algorithm for training text classifiers.
    SIGIR. doi:10.1007/978-1-4471-2099-5_1

    Examples
    --------
    >>> from skal.query.functional import least_confidence
    >>> least_confidence([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]])
    array([0.5, 0. ])
    """
    return _by_blocks(_least_confidence, _check_proba(proba))


def margin(proba: ArrayLike) -> NDArray[Any]:
    r"""Measure the lead of the best class over the second: small means uncertain.

    .. math:: p_{(1)} - p_{(2)}

    Parameters
    ----------
    proba : array-like of shape (n, C)
        Class probabilities.

    Returns
    -------
    ndarray of shape (n,)
        From 0 (a tie) to 1 (certain). A single class has a second best of 0, thus a
        margin of 1.

    See Also
    --------
    least_confidence : Looks at the best class only.
    entropy : Looks at every class.

    References
    ----------
    Scheffer, T., Decomain, C., Wrobel, S. (2001). Active hidden Markov models for
    information extraction. IDA. doi:10.1007/3-540-44816-0_31

    Examples
    --------
    >>> from skal.query.functional import margin
    >>> margin([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]])
    array([0.25, 1.  ])
    """
    return _by_blocks(_margin, _check_proba(proba))


def entropy(proba: ArrayLike) -> NDArray[Any]:
    r"""Measure the entropy of the class probabilities, in nats.

    .. math:: -\sum_c p_c \log p_c, \qquad 0 \log 0 = 0

    Parameters
    ----------
    proba : array-like of shape (n, C)
        Class probabilities.

    Returns
    -------
    ndarray of shape (n,)
        From 0 (certain) to log C (uniform); 0 for one class.

    See Also
    --------
    margin : Looks at the best two classes only.

    References
    ----------
    Shannon, C. E. (1948). A mathematical theory of communication. Bell System
    Technical Journal 27. doi:10.1002/j.1538-7305.1948.tb01338.x

    Examples
    --------
    >>> from skal.query.functional import entropy
    >>> entropy([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]]).round(4)
    array([0.6931, 0.    ])
    """
    return _by_blocks(_entropy, _check_proba(proba), _FEW_TERMS)


def vote_entropy(samples: ArrayLike) -> NDArray[Any]:
    r"""Measure the entropy of the votes of a committee, in nats.

    Each member votes for its most probable class, the first one in a tie. With
    :math:`V_c` the share of the votes for class c:

    .. math:: -\sum_c V_c \log V_c

    Parameters
    ----------
    samples : array-like of shape (S, n, C)
        Class probabilities of S members or posterior draws.

    Returns
    -------
    ndarray of shape (n,)
        From 0 (every member votes alike) to log(min(S, C)).

    See Also
    --------
    consensus_entropy : Entropy of the mean probabilities.
    kl_divergence : Disagreement of the probabilities themselves.

    References
    ----------
    Dagan, I., Engelson, S. (1995). Committee-based sampling for training
    probabilistic classifiers. ICML. doi:10.1016/B978-1-55860-377-6.50027-X

    Examples
    --------
    >>> from skal.query.functional import vote_entropy
    >>> vote_entropy([[[0.9, 0.1], [0.9, 0.1]], [[0.2, 0.8], [0.6, 0.4]]]).round(4)
    array([0.6931, 0.    ])
    """
    return _by_blocks(_vote_entropy, _check_samples(samples), 0)


def consensus_entropy(samples: ArrayLike) -> NDArray[Any]:
    r"""Measure the entropy of the mean probabilities of a committee, in nats.

    .. math:: H(\bar p), \qquad \bar p = \tfrac{1}{S} \sum_s p_s

    Parameters
    ----------
    samples : array-like of shape (S, n, C)
        Class probabilities of S members or posterior draws.

    Returns
    -------
    ndarray of shape (n,)
        From 0 to log C. High where members disagree, and where they agree that the
        row is ambiguous.

    See Also
    --------
    kl_divergence : The share of it that is disagreement.

    References
    ----------
    Settles, B. (2009). Active learning literature survey. University of
    Wisconsin-Madison, Computer Sciences Technical Report 1648.

    Examples
    --------
    >>> from skal.query.functional import consensus_entropy
    >>> consensus_entropy([[[1.0, 0.0]], [[0.0, 1.0]]]).round(4)
    array([0.6931])
    """
    return _by_blocks(_consensus_entropy, _check_samples(samples), _FEW_TERMS)


def kl_divergence(samples: ArrayLike) -> NDArray[Any]:
    r"""Measure the mean divergence of a committee's members from their consensus.

    .. math::
        \tfrac{1}{S} \sum_s \mathrm{KL}(p_s \| \bar p)
        = H(\bar p) - \tfrac{1}{S} \sum_s H(p_s)

    which is the mutual information of the label and the member, in nats.

    Parameters
    ----------
    samples : array-like of shape (S, n, C)
        Class probabilities of S members or posterior draws.

    Returns
    -------
    ndarray of shape (n,)
        From 0 (all members alike) to log(min(S, C)).

    See Also
    --------
    consensus_entropy : The first of the two terms.

    References
    ----------
    McCallum, A., Nigam, K. (1998). Employing EM and pool-based active learning for
    text classification. ICML.

    Examples
    --------
    >>> from skal.query.functional import kl_divergence
    >>> kl_divergence([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]]).round(4)
    array([0.6931, 0.    ])
    """
    return _by_blocks(_kl_divergence, _check_samples(samples), _FEW_TERMS)


def committee_std(predictions: ArrayLike) -> NDArray[Any]:
    """Measure how much the predictions of a committee of regressors spread.

    Parameters
    ----------
    predictions : array-like of shape (S, n) or (S, n, n_outputs)
        Predictions of S members or posterior draws.

    Returns
    -------
    ndarray of shape (n,)
        Standard deviation over the members, in the units of the target; the mean
        over the outputs where there are several.

    See Also
    --------
    vote_entropy : Disagreement of classifiers.

    References
    ----------
    Burbidge, R., Rowland, J., King, R. (2007). Active learning for regression based
    on query by committee. IDEAL. doi:10.1007/978-3-540-77226-2_22

    Examples
    --------
    >>> from skal.query.functional import committee_std
    >>> committee_std([[1.0, 5.0], [3.0, 5.0]])
    array([1., 0.])
    """
    predictions = np.asarray(predictions)
    if predictions.ndim == 2:
        predictions = predictions[:, :, np.newaxis]
    shape = "(S, n) or (S, n, n_outputs)"
    return _by_blocks(_committee_std, _check("predictions", predictions, 3, shape))


def mean_over_labels(
    formula: Callable[[NDArray[Any]], ArrayLike], proba: ArrayLike
) -> NDArray[Any]:
    """Apply a formula to multilabel probabilities: each label alone, then the mean.

    A label is a distribution over two classes, absent and present.

    Parameters
    ----------
    formula : callable
        Takes (n, 2) probabilities, or (S, n, 2) where ``proba`` comes in samples,
        and returns (n,).
    proba : array-like of shape (n, L) or (S, n, L)
        Probabilities that each of L labels is present.

    Returns
    -------
    ndarray of shape (n,)
        Mean of the formula over the labels.

    See Also
    --------
    entropy : A formula over (n, C).
    vote_entropy : A formula over (S, n, C).

    References
    ----------
    Esuli, A., Sebastiani, F. (2009). Active learning strategies for multi-label text
    classification. ECIR. doi:10.1007/978-3-642-00958-7_12

    Examples
    --------
    >>> from skal.query.functional import least_confidence, mean_over_labels
    >>> mean_over_labels(least_confidence, [[0.5, 1.0], [0.2, 0.1]])
    array([0.25, 0.15])
    """
    proba = np.asarray(proba)
    rank = 3 if proba.ndim == 3 else 2
    proba = _check("proba", proba, rank, "(n, L) or (S, n, L)")

    def mean(block):  # (..., m, L)
        *draws, n, n_labels = block.shape
        pairs = np.clip(np.stack([1 - block, block]), 0, 1).reshape(2, *draws, -1)
        scores = formula(np.moveaxis(pairs, 0, -1))  # (..., m * L, 2)
        return np.reshape(scores, (n, n_labels)).mean(axis=1)

    return _by_blocks(mean, proba, 0)


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
    pool = [_check_table(name, given[name]) for name, _ in _SPACES[method]]
    known = [_check_table(name, given[name]) for _, name in _SPACES[method]]
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
    predicted = _check_table("predictions", predictions)
    members = np.asarray(members)
    if members.ndim == 2:
        members = members[:, :, np.newaxis]
    members = _check("members", members, 3, "(K, n) or (K, n, n_outputs)")
    E = _check_table("E", E)
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


def _check_proba(proba):
    """Return class probabilities as an array of rank 2."""
    return _check("proba", np.asarray(proba), 2, "(n, C)")


def _check_samples(samples):
    """Return a committee's class probabilities as an array of rank 3."""
    return _check("samples", np.asarray(samples), 3, "(S, n, C)")


def _check(name: str, values: NDArray[Any], rank: int, shape: str) -> NDArray[Any]:
    """Return values if they are numbers of the right rank with nothing missing."""
    if values.dtype.kind not in "fiub":
        raise TypeError(
            f"{name} must be real numbers, got dtype {str(values.dtype)!r}. "
            "Give an array of floats."
        )
    axes = (*values.shape[:-2], *values.shape[-1:])
    if values.ndim != rank or 0 in axes:
        raise ValueError(
            f"{name} must be an array of shape {shape}, got {values.shape!r}. "
            "Only n may be 0."
        )
    return values


def _check_table(name, values):
    """Return values as floats of shape (n, d); (n,) becomes (n, 1), None stays."""
    if values is None:
        return None
    if sp.issparse(values):
        return values.tocsr()
    values = np.asarray(values)
    if values.ndim == 1:
        values = values[:, np.newaxis]
    values = _check(name, values, 2, "(n,) or (n, d)")
    return values.astype(np.result_type(values.dtype, np.float32), copy=False)


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


def _by_blocks(formula, values, few=_FEW_CLASSES):
    """Apply a formula over the last axis to block after block of rows."""
    *_, n, width = values.shape
    size = max(1, _BLOCK * n // max(1, values.size))
    dtype = np.result_type(values.dtype, np.float32)
    out = np.empty(n, dtype)
    for start in range(0, n, size):
        rows = slice(start, start + size)
        block = values[..., rows, :]
        if width <= few:  # the classes first in memory: (C, ..., m)
            columns = np.moveaxis(block, -1, 0)
            block = np.moveaxis(np.ascontiguousarray(columns, dtype), 0, -1)
        out[rows] = formula(np.asarray(block, dtype))
    return out


def _least_confidence(block):
    """1 - best over the last axis."""
    return 1 - block.max(axis=-1)


def _margin(block):
    """Best minus second best over the last axis of (m, C)."""
    n, n_classes = block.shape
    if n_classes > _FEW_CLASSES:
        block = block.copy()
        best_class = (np.arange(n), block.argmax(axis=1))
        best = block[best_class]
        block[best_class] = -np.inf
        return best - block.max(axis=1)
    best = block[:, 0].copy()
    second = np.zeros_like(best)
    for p in block.T[1:]:
        np.maximum(second, np.minimum(best, p), out=second)
        np.maximum(best, p, out=best)
    return best - second


def _entropy(block):
    """Entropy over the last axis, in nats."""
    logs = block + np.finfo(block.dtype).tiny  # changes nothing but log 0
    np.log(logs, out=logs)
    return 0 - np.einsum("...c,...c->...", block, logs)


def _vote_entropy(block):
    """Entropy of the shares of votes; block is (S, m, C)."""
    n_draws, n, n_classes = block.shape
    votes = block.argmax(axis=2) + n_classes * np.arange(n)  # (S, m)
    counts = np.bincount(votes.ravel(), minlength=n * n_classes)
    return _entropy((counts / n_draws).astype(block.dtype).reshape(n, n_classes))


def _consensus_entropy(block):
    """Entropy of the mean over the draws; block is (S, m, C)."""
    return _entropy(block.mean(axis=0))


def _kl_divergence(block):
    """Entropy of the mean minus mean of the entropies; rounding may not go below 0."""
    return np.maximum(_consensus_entropy(block) - _entropy(block).mean(axis=0), 0)


def _committee_std(block):
    """Mean over the outputs of the deviation over the draws; block is (S, m, o)."""
    return block.std(axis=0).mean(axis=-1)
