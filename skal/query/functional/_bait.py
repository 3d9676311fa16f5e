"""Batches that shrink the Fisher information left over in the pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from sklearn.utils import gen_batches

from skal._checks import check_choice, check_int, check_number
from skal._seed import as_random_state
from skal.query.functional._gradient import check_pair
from skal.query.functional._inputs import check_batch, check_finite, check_table

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

#: Numbers of a block of gradients.
_BLOCK = 2**17
#: Gains that differ by less than this share of the best are ties.
_TIE = 1e-6


def bait(
    proba: ArrayLike | None,
    E: Any,
    n_instances: int,
    *,
    proba_labeled: ArrayLike | None = None,
    labeled: Any = None,
    likelihood: str = "binary",
    top_classes: int = 2,
    regularization: float = 1.0,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.int64]:
    r"""Pick rows that tell most about the last layer where the pool asks about it.

    With the Fisher information :math:`I_x` of a row for the last layer, the mean F of
    :math:`I_x` over labelled rows and pool, and :math:`M` the sum of :math:`I_x` over
    labelled and picked rows and of the prior precision, the batch is to minimise

    .. math:: \operatorname{tr}(M^{-1} F)

    Twice as many rows as asked for are picked greedily, and then given back greedily.

    Parameters
    ----------
    proba : array-like of shape (n, C) or None
        Class probabilities; None with ``likelihood="gaussian"``.
    E : {array-like, sparse matrix} of shape (n, d)
        Embeddings: the inputs of the last layer.
    n_instances : int
        How many rows to pick.
    proba_labeled : array-like of shape (m, C), default=None
        Class probabilities of the labelled rows.
    labeled : {array-like, sparse matrix} of shape (m, d), default=None
        Embeddings of the labelled rows.
    likelihood : {"binary", "categorical", "gaussian"}, default="binary"
        "binary" asks only whether the prediction is right, with one gradient of d + 1
        numbers a row; "categorical" takes the gradients, of C (d + 1) numbers each,
        of the most probable classes; "gaussian", for regression, takes (h, 1) itself.
    top_classes : int, default=2
        How many of them.
    regularization : float, default=1.0
        The prior precision of the weights, above 0: 1 / C of a logistic regression,
        alpha of a ridge regression.
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
        If the arrays do not fit together or a parameter is out of range.

    See Also
    --------
    badge : Cheaper, blind to what is labelled already.

    Notes
    -----
    With D = d + 1 and c = 1 (binary, gaussian), or D = C (d + 1) and c top classes,
    costs O(n c D^2 + D^3) once and O(n c D) a pick: what a row gains is kept up to date
    by Woodbury's identity. Memory is O(D^2 + n c^2).

    References
    ----------
    Ash, J. T., Goel, S., Krishnamurthy, A., Kakade, S. (2021). Gone fishing: neural
    active learning with Fisher embeddings. NeurIPS. arXiv:2106.09675

    Huseljic, D., Hahn, P., Herde, M., Rauch, L., Sick, B. (2024). Fast fishing:
    approximating BAIT for efficient and scalable deep active image classification.
    ECML PKDD. arXiv:2404.08981

    Examples
    --------
    >>> from skal.query.functional import bait
    >>> proba = [[0.5, 0.5], [0.9, 0.1], [1.0, 0.0]]
    >>> bait(proba, [[1.0], [1.0], [1.0]], 1)
    array([0])
    """
    check_choice("likelihood", likelihood, {"binary", "categorical", "gaussian"})
    gaussian = likelihood == "gaussian"
    p, E = _checked(proba, E, gaussian)
    if p is not None:
        check_finite("proba", p)
    check_finite("E", E)
    n_instances = check_batch(n_instances, E.shape[0])
    top = check_int("top_classes", top_classes) if likelihood == "categorical" else 0
    if not check_number("regularization", regularization) > 0:
        raise ValueError(f"regularization must be above 0, got {regularization!r}.")
    rng = as_random_state(random_state)

    pool = _Gradients(p, E, top)
    known = _known(proba_labeled, labeled, p, E, top)
    seen = np.zeros((pool.width, pool.width)) if known is None else known.information()
    n_rows = pool.n + (0 if known is None else known.n)
    information = (pool.information() + seen) / n_rows
    precision = seen + regularization * np.eye(pool.width)
    return _forward_backward(pool, precision, information, n_instances, rng)


def _checked(proba, E, gaussian, names=("proba", "E")):
    """Return probabilities, None in regression, and embeddings of the same rows."""
    if not gaussian:
        return check_pair(proba, E)
    if proba is not None:
        raise ValueError(
            f'{names[0]} must be None for likelihood="gaussian", got probabilities. '
            "Leave them out, or set the likelihood of a classifier."
        )
    return None, check_table(names[1], E)


def _known(proba, E, pool_proba, pool_E, top):
    """Return the gradients of the labelled rows, None without any."""
    if proba is None and E is None:
        return None
    gaussian = pool_proba is None
    if E is None or (proba is None and not gaussian):
        raise ValueError(
            "proba_labeled and labeled must be given together, got only one of them."
        )
    proba, E = _checked(proba, E, gaussian, ("proba_labeled", "labeled"))
    width = None if gaussian else pool_proba.shape[1]
    if (None if gaussian else proba.shape[1], E.shape[1]) != (width, pool_E.shape[1]):
        raise ValueError(
            "proba_labeled and labeled must have the columns of proba and E, got "
            f"shapes {np.shape(proba)} and {E.shape}. Give both by the same model."
        )
    return _Gradients(proba, E, top) if E.shape[0] else None


class _Gradients:
    """The gradients V of each row, c columns of D numbers: their parts, and products.

    Column y is ``coefficients[row, y]`` (over the classes) times (h, 1).
    """

    def __init__(self, proba, E, top):
        self.n, self.E = E.shape[0], E
        if proba is None:  # the gradient of a regressor's output is its input
            self.coefficients = np.ones((self.n, 1, 1))
        elif top:
            self.coefficients = _top_residuals(proba, min(top, proba.shape[1]))
        else:
            best = proba.max(axis=1).astype(float)
            self.coefficients = np.sqrt(best * (1 - best))[:, np.newaxis, np.newaxis]
        self.n_columns, self.n_outputs = self.coefficients.shape[1:]  # of (n, c, o)
        self.width = self.n_outputs * (E.shape[1] + 1)

    def blocks(self, n_others):
        """Yield slices of rows, so few that c n_others numbers a row fit a block."""
        return gen_batches(self.n, max(16, _BLOCK // (self.n_columns * n_others)))

    def columns(self, rows):
        """Return the gradients of some rows: (m, c, D)."""
        outer = self.coefficients[rows][..., np.newaxis] * self._inputs(rows)
        return outer.reshape(len(outer), self.n_columns, self.width)

    def products(self, rows, others):
        """Inner products of the gradients of some rows with (D, q): (m, c, q)."""
        q = others.shape[1]
        others = others.reshape(self.n_outputs, -1, q)
        weights = others[:, :-1].swapaxes(0, 1).reshape(-1, self.n_outputs * q)
        outputs = self.E[rows] @ weights.astype(self.E.dtype)
        outputs = outputs.reshape(-1, self.n_outputs, q) + others[:, -1]
        return _matmul(self.coefficients[rows], outputs)

    def information(self):
        """Sum of V V' over the rows: (D, D)."""
        total = np.zeros((self.width, self.width))
        for rows in self.blocks(self.width):
            flat = self.columns(rows).reshape(-1, self.width)
            total += flat.T @ flat
        return total

    def forms(self, root):
        """Return V' A V of each row for A = root root': (n, c, c)."""
        out = np.empty((self.n, self.n_columns, self.n_columns))
        for rows in self.blocks(self.n_outputs * root.shape[1]):
            half = self.products(rows, root)
            out[rows] = half @ half.swapaxes(1, 2)
        return out

    def _inputs(self, rows):
        """Return (h, 1) of some rows: (m, 1, 1, d + 1)."""
        h = self.E[rows].toarray() if sp.issparse(self.E) else self.E[rows]
        return np.column_stack([h, np.ones(len(h))])[:, np.newaxis, np.newaxis]

    def take(self, rows):
        """Return the gradients of some rows alone."""
        few = object.__new__(_Gradients)
        vars(few).update(vars(self), n=len(rows), E=self.E[rows])
        few.coefficients = self.coefficients[rows]
        return few


def _top_residuals(proba, top):
    """Return sqrt(p_y) (e_y - p) of the most probable classes y: (n, top, C)."""
    proba = proba.astype(float)
    classes = np.argpartition(-proba, top - 1, axis=1)[:, :top]
    residuals = np.eye(proba.shape[1])[classes] - proba[:, np.newaxis]
    chance = np.take_along_axis(proba, classes, axis=1)
    return np.sqrt(chance)[..., np.newaxis] * residuals


def _forward_backward(pool, precision, information, n_instances, rng):
    """Pick twice as many rows as asked for, then give back those that tell least."""
    inverse = np.linalg.inv(precision)
    state = _State(pool, inverse, inverse @ information @ inverse)
    n_forward = min(2 * n_instances, pool.n)
    picked = np.empty(n_forward, np.int64)
    free = np.ones(pool.n, bool)
    for k in range(n_forward):
        picked[k] = pick = _best(np.where(free, state.change(1), -np.inf), rng)
        free[pick] = False
        if k + 1 < n_forward or n_forward > n_instances:
            state.add(pick, 1)
    state = _State(pool.take(picked), state.inverse, state.curve)
    kept = np.ones(n_forward, bool)
    for _ in range(n_forward - n_instances):
        drop = _best(np.where(kept, -state.change(-1), -np.inf), rng)
        kept[drop] = False
        state.add(drop, -1)
    return picked[kept]


def _best(gains, rng):
    """Return the position of the largest gain, ties within rounding at random."""
    best = gains.max()
    return rng.choice(np.flatnonzero(gains >= best - _TIE * abs(best)))


class _State:
    """M^-1, M^-1 F M^-1, and V' M^-1 V and V' M^-1 F M^-1 V of every row."""

    def __init__(self, rows, inverse, curve):
        self.rows, self.inverse, self.curve = rows, inverse, curve
        self.by_inverse = rows.forms(_root(inverse))
        self.by_curve = rows.forms(_root(curve))

    def change(self, sign):
        """By how much tr(M^-1 F) falls with a row added, or rises with it removed."""
        if self.rows.n_columns == 1:
            return (self.by_curve / (1 + sign * self.by_inverse))[:, 0, 0]
        inner = np.eye(self.rows.n_columns) + sign * self.by_inverse
        return np.trace(np.linalg.solve(inner, self.by_curve), axis1=1, axis2=2)

    def add(self, row, sign):
        """Add a row's V V' to M, or take it away, by Woodbury's identity."""
        V = self.rows.columns([row])[0].T.astype(float)  # (D, c)
        U, Z = self.inverse @ V, self.curve @ V
        K = sign * np.linalg.inv(np.eye(V.shape[1]) + sign * V.T @ U)
        KGK = K @ (V.T @ Z) @ K
        self.inverse = self.inverse - U @ K @ U.T
        UKZ = U @ K @ Z.T
        self.curve = self.curve - UKZ - UKZ.T + U @ KGK @ U.T
        both, c = np.hstack([U, Z]), V.shape[1]
        for rows in self.rows.blocks(2 * c * self.rows.n_outputs):
            products = self.rows.products(rows, both)
            u, z = products[..., :c], products[..., c:]
            uKz = _matmul(_matmul(u, K), z.swapaxes(1, 2))
            self.by_inverse[rows] -= _matmul(_matmul(u, K), u.swapaxes(1, 2))
            self.by_curve[rows] += _matmul(_matmul(u, KGK), u.swapaxes(1, 2))
            self.by_curve[rows] -= uKz + uKz.swapaxes(1, 2)


def _matmul(A, B):
    """Multiply many small matrices; numbers at once, which is much faster."""
    return A * B if A.shape[-1] == 1 else A @ B


def _root(symmetric):
    """Return A with A A' = symmetric, which has no negative eigenvalues."""
    values, vectors = np.linalg.eigh((symmetric + symmetric.T) / 2)
    return vectors * np.sqrt(np.maximum(values, 0))
