r"""The curvature of the loss in the last layer, and the posterior it stands for.

For logits f = W x the Hessian of the summed cross-entropy (which is the generalised
Gauss-Newton matrix, and the Fisher information) is

    H = sum_i w_i (diag p_i - p_i p_i^T) (x) x_i x_i^T

and the posterior of the weights N(W, (H + tau I)^-1) for a prior of precision tau
around them. Each structure below keeps some eigendecomposition of H, from which the
posterior for every tau follows. H is a sum over the rows, which come in pieces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from skal.posterior._base import chunks_of

#: The largest Hessian that is built as a whole, in bytes.
_LARGEST = 2**31
_LEAST_NORM = np.finfo(np.float32).tiny


class OutputCurvature:
    """The curvature of the loss in the logits, (n, K, K), which is never held whole.

    That of a row with probabilities p is diag p - p p^T.

    Parameters
    ----------
    proba : ndarray of shape (n, C)
        The probabilities.
    K : int
        The number of logits: 1 for two classes, else C.
    """

    independent = False

    def __init__(self, proba, K):
        self.proba = proba
        self.K = K

    def between(self, a, b):
        """Return (n,): the curvature between two logits."""
        if self.K == 1:
            return self.proba[:, 0] * self.proba[:, 1]
        product = -self.proba[:, a] * self.proba[:, b]
        return product + self.proba[:, a] if a == b else product

    def diagonal(self):
        """Return (n, K): the curvature in each logit."""
        if self.K == 1:
            return self.between(0, 0)[:, np.newaxis]
        return self.proba - np.square(self.proba)

    def total(self, weight):
        """Return (K, K): the weighted sum over the rows."""
        if self.K == 1:
            return np.tensordot(weight, self.diagonal(), axes=1)[:, np.newaxis]
        start, total = 0, np.zeros((self.K, self.K))
        for proba in chunks_of(self.proba, self.K**2 * self.proba.itemsize):
            stop = start + len(proba)
            total = total + np.tensordot(weight[start:stop], whole(proba), axes=1)
            start = stop
        return total


class LabelCurvature:
    """The curvature of the loss in the logits of several labels, which do not interact.

    That of a label of probability p is p (1 - p); of one that is not known it is none.

    Parameters
    ----------
    proba : ndarray of shape (n, L)
        The probability of each label.
    known : ndarray of bool of shape (n, L)
        Whether a row was trained on for it.
    """

    independent = True

    def __init__(self, proba, known):
        self.variance = (proba - np.square(proba)) * known
        self.K = proba.shape[1]

    def between(self, a, b):
        """Return (n,): the curvature between two logits."""
        return self.variance[:, a] * (a == b)

    def diagonal(self):
        """Return (n, L): the curvature in each logit."""
        return self.variance

    def total(self, weight):
        """Return (L, L): the weighted sum over the rows."""
        return np.diag(weight @ self.variance)


def whole(proba):
    """Return (m, K, K): the curvature of some rows."""
    curvature = -proba[:, :, np.newaxis] * proba[:, np.newaxis, :]
    where = np.arange(proba.shape[1])
    curvature[:, where, where] += proba
    return curvature


def gram(features, weight):
    """Return the weighted sum of the outer products of rows (n, D): (D, D)."""
    if sp.issparse(features):
        weighted = features.multiply(weight[:, np.newaxis]).tocsr()
        return np.asarray((features.T @ weighted).toarray())
    return features.T @ (features * weight[:, np.newaxis])


def squares(features):
    """Return the squares of rows, sparse rows staying sparse."""
    return features.power(2) if sp.issparse(features) else np.square(features)


def contrast(K, independent=False):
    """Return (K, K): each logit less the mean of the others; (1, 1) for one logit.

    Only these differences matter to a softmax, and the variance of the first of two is
    that of the one logit that two classes have. Independent logits stay as they are.
    """
    if K == 1 or independent:
        return np.eye(K, dtype=np.float32)
    return ((K * np.eye(K) - 1) / (K - 1)).astype(np.float32)


def eigh(matrix):
    """Return the eigenvalues, none below 0, and the eigenvectors as float32."""
    matrix = finite(matrix)
    values, vectors = scipy.linalg.eigh(matrix, driver="evd", check_finite=False)
    return np.maximum(values, 0), vectors.astype(np.float32)


def finite(hessian):
    """Refuse the curvature of a network that has diverged; else return it."""
    if not np.isfinite(hessian).all():
        raise ValueError(
            "estimator must answer with finite numbers, got a curvature that is not "
            "finite. If its training has diverged, lower the learning rate or scale "
            "the inputs."
        )
    return hessian


def check_size(structure, n, smaller):
    """Refuse to build a matrix that would not fit."""
    if 8 * n**2 > _LARGEST:
        raise ValueError(
            f"structure must be one that fits, got {structure!r}, which needs a matrix "
            f"of {n} x {n}. Use {smaller}."
        )


class Full:
    """The whole Hessian of all K * D weights.

    Like the other structures it takes pieces: rows (n, D), their OutputCurvature and
    how much each row counts (n,). For precisions (T,) in place of one, variances have
    an axis of precisions in front.
    """

    independent = False  # as pickles of before have it

    def __init__(self, pieces):
        H: Any = None
        for features, curvature, weight in pieces:
            K, D = curvature.K, features.shape[1]
            if H is None:
                check_size("full", K * D, "'kron' or 'diag'")
                H = np.zeros((K, D, K, D))
            for a in range(K):
                for b in range(a + 1):
                    H[a, :, b] += gram(features, curvature.between(a, b) * weight)
        for a in range(K):
            for b in range(a):
                H[b, :, a] = H[a, :, b].T
        self.shape = K, D
        self.independent = curvature.independent
        self.eigenvalues, self.vectors = eigh(H.reshape(K * D, K * D))

    def perturb(self, noise, tau):
        """Turn standard normal (S, K, D) into what is added to the weights.

        For precisions (T,) that is (T, S, K, D).
        """
        # The symmetric root: eigenvectors are free in sign, and more if values repeat.
        scale = np.add.outer(tau, self.eigenvalues)[..., np.newaxis, :] ** -0.5
        turned = noise.reshape(len(noise), -1) @ self.vectors
        moved = times(turned * scale.astype(np.float32), self.vectors.T)
        return moved.reshape(*np.shape(tau), *noise.shape)

    def variances(self, features, tau):
        """Return the variances (n, K) of each logit less the mean of the others."""
        K, D = self.shape
        inverse = (1 / np.add.outer(tau, self.eigenvalues)).astype(np.float32)
        vectors = np.tensordot(
            contrast(K, self.independent), self.vectors.reshape(K, D, -1), axes=1
        )
        parts = [
            np.stack([squares(chunk @ rows) @ inverse.T for rows in vectors], axis=-1)
            for chunk in chunks_of(features, self.vectors[0].nbytes)
        ]
        return np.moveaxis(np.concatenate(parts), 0, -2)

    def deviations(self, noise, taus):
        """Return a function of rows (m, D) that yields (K, S, m) for each precision.

        That is what the draws add to the logits of the rows.
        """
        moves = self.perturb(noise, taus)
        return lambda features: (to_logits(features, move) for move in moves)


class Separable:
    """A posterior under which the logits of any row are independent in one basis.

    A subclass has the basis as the columns of ``outer``.
    """

    outer: Any
    independent = False  # as pickles of before have it

    if TYPE_CHECKING:  # a subclass has the variances (n, K) in the basis

        def parts(self, features: Any, tau: Any) -> Any: ...

    def variances(self, features, tau):
        """Return the variances (n, K) of each logit less the mean of the others."""
        outputs = np.square(
            contrast(len(self.outer), self.independent) @ self.outer
        )  # (K, K)
        return times(self.parts(features, tau), outputs.T)

    def deviations(self, noise, taus):
        """Return a function of rows (m, D) that yields (K, S, m) for each precision.

        That is what draws add to the logits of the rows. The noise of all weights is
        made standard normal noise of each row's logits, which every precision scales:
        a row sees draws of its own Gaussian, though no weights give them to all rows.
        """
        turned = np.matmul(self.outer.T, noise)

        def of_rows(features):
            norm = np.sqrt(np.asarray(squares(features).sum(axis=1))).ravel()
            own = to_logits(features, turned) / np.maximum(norm, _LEAST_NORM)
            for variance in self.parts(features, taus):
                spread = np.sqrt(variance.T)[:, np.newaxis]  # (K, 1, m)
                yield np.tensordot(self.outer, spread * own, axes=1)

        return of_rows


class Kron(Separable):
    """Kronecker factors: the mean curvature in the logits, times the Gram of inputs.

    Exact where all rows have the same curvature in the logits.
    """

    def __init__(self, pieces):
        inputs: Any = 0.0
        outputs: Any = 0.0
        n = 0.0
        for features, curvature, weight in pieces:
            check_size("kron", features.shape[1], "'diag'")
            inputs = inputs + gram(features, weight).astype(float)
            outputs = outputs + curvature.total(weight).astype(float)
            n += float(weight.sum())
        inner, self.inner = eigh(inputs)
        self.independent = curvature.independent
        outer, self.outer = eigh(outputs / n)
        self.eigenvalues = np.multiply.outer(outer, inner)  # (K, D)

    def perturb(self, noise, tau):
        """Turn standard normal (S, K, D) into what is added to the weights."""
        scale = ((self.eigenvalues + tau) ** -0.5).astype(np.float32)
        rotated = np.matmul(self.outer.T, times(noise, self.inner)) * scale
        return np.matmul(self.outer, times(rotated, self.inner.T))

    def parts(self, features, tau):
        """Return the variances (n, K) along the eigenvectors of the outer factor."""
        return weighted(squares(features @ self.inner), self.eigenvalues, tau)


class Diag(Separable):
    """The diagonal of the Hessian."""

    def __init__(self, pieces):
        total: Any = 0.0
        for features, curvature, weight in pieces:
            diagonal = curvature.diagonal() * weight[:, np.newaxis]
            total = total + np.asarray(squares(features).T @ diagonal, float)
        self.eigenvalues = finite(total.T)
        self.outer = np.eye(len(self.eigenvalues), dtype=np.float32)
        self.independent = curvature.independent

    def perturb(self, noise, tau):
        """Turn standard normal (S, K, D) into what is added to the weights."""
        return noise * ((self.eigenvalues + tau) ** -0.5).astype(np.float32)

    def parts(self, features, tau):
        """Return the variances (n, K) of the logits."""
        return weighted(squares(features), self.eigenvalues, tau)


def weighted(squared, eigenvalues, tau):
    """Return the sums (n, K) of squares (n, D) over eigenvalues (K, D) plus tau."""
    inverse = (1 / np.add.outer(tau, eigenvalues)).astype(np.float32)
    sums = np.asarray(squared @ inverse.reshape(-1, inverse.shape[-1]).T)
    return np.moveaxis(sums.reshape(-1, *inverse.shape[:-1]), 0, -2)


def times(stack, matrix):
    """Return (..., D) times (D, E) as one product."""
    product = stack.reshape(-1, stack.shape[-1]) @ matrix
    return product.reshape(*stack.shape[:-1], -1)


def to_logits(features, weights):
    """Return the logits (K, S, n) of rows (n, D) under weights (S, K, D)."""
    S, K, D = weights.shape
    flat = weights.swapaxes(0, 1).reshape(K * S, D)
    return np.ascontiguousarray(flat @ features.T).reshape(K, S, -1)


class Isotropic(Diag):
    """The mean of the diagonal: the nearest multiple of the identity."""

    def __init__(self, pieces):
        super().__init__(pieces)
        self.eigenvalues = np.full_like(self.eigenvalues, self.eigenvalues.mean())


STRUCTURES: dict[str, Any] = {
    "full": Full,
    "kron": Kron,
    "diag": Diag,
    "isotropic": Isotropic,
}
