r"""The curvature of the loss in the last layer, and the posterior it stands for.

For logits f = W x the Hessian of the summed cross-entropy (which is the generalised
Gauss-Newton matrix, and the Fisher information) is

    H = sum_i w_i (diag p_i - p_i p_i^T) (x) x_i x_i^T

and the posterior of the weights N(W, (H + tau I)^-1) for a prior of precision tau
around them. Each structure below keeps some eigendecomposition of H, from which the
posterior for every tau follows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sp

#: The largest Hessian that is built as a whole, in bytes.
_LARGEST = 2**31


def output_curvature(proba, K):
    """Return (n, K, K): the curvature of the loss in the logits."""
    if K == 1:
        return (proba[:, 0] * proba[:, 1])[:, np.newaxis, np.newaxis]
    curvature = -proba[:, :, np.newaxis] * proba[:, np.newaxis, :]
    where = np.arange(K)
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


def contrast(K):
    """Return (K, K): each logit less the mean of the others; (1, 1) for one logit.

    Only these differences matter to a softmax, and the variance of the first of two is
    that of the one logit that two classes have.
    """
    if K == 1:
        return np.ones((1, 1), np.float32)
    return ((K * np.eye(K) - 1) / (K - 1)).astype(np.float32)


def eigh(matrix):
    """Return the eigenvalues, none below 0, and the eigenvectors as float32."""
    values, vectors = scipy.linalg.eigh(matrix, driver="evd", check_finite=False)
    return np.maximum(values, 0), vectors.astype(np.float32)


def check_size(structure, n, smaller):
    """Refuse to build a matrix that would not fit."""
    if 8 * n**2 > _LARGEST:
        raise ValueError(
            f"structure must be one that fits, got {structure!r}, which needs a matrix "
            f"of {n} x {n}. Use {smaller}."
        )


class Full:
    """The whole Hessian of all K * D weights.

    Like the other structures it takes rows (n, D), their curvature in the logits
    (n, K, K) and how much each row counts (n,).
    """

    def __init__(self, features, curvature, weight):
        K, D = curvature.shape[1], features.shape[1]
        check_size("full", K * D, "'kron' or 'diag'")
        H = np.empty((K, D, K, D))
        for a in range(K):
            for b in range(a + 1):
                block = gram(features, curvature[:, a, b] * weight)
                H[a, :, b], H[b, :, a] = block, block.T
        self.shape = K, D
        self.eigenvalues, self.vectors = eigh(H.reshape(K * D, K * D))

    def perturb(self, noise, tau):
        """Turn standard normal (S, K, D) into what is added to the weights."""
        # The symmetric root: eigenvectors are free in sign, and more if values repeat.
        scale = ((self.eigenvalues + tau) ** -0.5).astype(np.float32)
        flat = (noise.reshape(len(noise), -1) @ self.vectors) * scale
        return (flat @ self.vectors.T).reshape(noise.shape)

    def variances(self, features, tau):
        """Return the variances (n, K) of each logit less the mean of the others."""
        K, D = self.shape
        inverse = (1 / (self.eigenvalues + tau)).astype(np.float32)
        vectors = np.tensordot(contrast(K), self.vectors.reshape(K, D, -1), axes=1)
        parts = [np.square(np.asarray(features @ rows)) @ inverse for rows in vectors]
        return np.stack(parts, axis=1)


class Kron:
    """Kronecker factors: the mean curvature in the logits, times the Gram of inputs.

    Exact where all rows have the same curvature in the logits.
    """

    def __init__(self, features, curvature, weight):
        check_size("kron", features.shape[1], "'diag'")
        inner, self.inner = eigh(gram(features, weight).astype(float))
        mean = np.tensordot(weight / weight.sum(), curvature, axes=1)
        outer, self.outer = eigh(mean.astype(float))
        self.eigenvalues = np.multiply.outer(outer, inner)  # (K, D)

    def perturb(self, noise, tau):
        """Turn standard normal (S, K, D) into what is added to the weights."""
        scale = ((self.eigenvalues + tau) ** -0.5).astype(np.float32)
        rotated = np.matmul(self.outer.T, times(noise, self.inner)) * scale
        return np.matmul(self.outer, times(rotated, self.inner.T))

    def variances(self, features, tau):
        """Return the variances (n, K) of each logit less the mean of the others."""
        inverse = (1 / (self.eigenvalues + tau)).astype(np.float32)
        inputs = np.square(np.asarray(features @ self.inner))  # (n, D)
        outputs = np.square(contrast(len(self.outer)) @ self.outer)  # (K, K)
        return inputs @ (outputs @ inverse).T


def times(stack, matrix):
    """Return (S, K, D) times (D, D) as one product."""
    return (stack.reshape(-1, stack.shape[-1]) @ matrix).reshape(stack.shape)


class Diag:
    """The diagonal of the Hessian."""

    def __init__(self, features, curvature, weight):
        diagonal = np.einsum("nkk->nk", curvature) * weight[:, np.newaxis]
        self.eigenvalues = np.asarray(squares(features).T @ diagonal, float).T

    def perturb(self, noise, tau):
        """Turn standard normal (S, K, D) into what is added to the weights."""
        return noise * ((self.eigenvalues + tau) ** -0.5).astype(np.float32)

    def variances(self, features, tau):
        """Return the variances (n, K) of each logit less the mean of the others."""
        inverse = (1 / (self.eigenvalues + tau)).astype(np.float32)
        outputs = np.square(contrast(len(inverse)))
        return np.asarray(squares(features) @ (outputs @ inverse).T)


class Isotropic(Diag):
    """The mean of the diagonal: the nearest multiple of the identity."""

    def __init__(self, features, curvature, weight):
        super().__init__(features, curvature, weight)
        self.eigenvalues = np.full_like(self.eigenvalues, self.eigenvalues.mean())


STRUCTURES: dict[str, Any] = {
    "full": Full,
    "kron": Kron,
    "diag": Diag,
    "isotropic": Isotropic,
}
