"""The Laplace posterior of the last layer alone: linear in the embeddings."""

from __future__ import annotations

import numpy as np
from sklearn.utils.validation import validate_data

from skal._model import answers, find_layer
from skal.posterior._base import chunks_of
from skal.posterior._curvature import STRUCTURES, LabelCurvature, OutputCurvature
from skal.posterior._linear_head import find_head


class LastLayer:
    """A fitted classifier as a linear function of the weights of its last layer.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    X : array-like
        The rows it was fitted on.
    weight : ndarray of shape (n,)
        How much each row counts.
    structure : {"full", "kron", "diag", "isotropic"}
        What is kept of the Hessian.
    y : ndarray of shape (n, L), default=None
        The labels of these rows, NaN where one is not known; for several labels a row.
    """

    #: The shape of what a row has a label for each of; a row alone has one.
    units: tuple[int, ...] = ()

    def __init__(self, estimator, X, weight, structure, y=None):
        E = checked_embedding(estimator, X)
        self.head = find_head(estimator, E)
        features = self.head.features(E)
        proba = self.head.proba(self.head.logits(features)).astype(np.float32)
        curvature: OutputCurvature | LabelCurvature
        if self.head.several:
            curvature = LabelCurvature(proba, ~np.isnan(y))
        else:
            curvature = OutputCurvature(proba, len(self.head.theta))
        self._settle(structure, [(features, curvature, weight.astype(np.float32))])

    def _settle(self, structure, pieces):
        """Learn what follows from the head and the pieces of the Hessian."""
        self.theta = self.head.theta
        self.unit = self.head.unit
        self.posterior = STRUCTURES[structure](pieces)
        self.eigenvalues = self.posterior.eigenvalues

    @property
    def several(self):
        """Whether each logit is one of several labels a row."""
        return self.head.several

    def proba(self, logits):
        """Return the probabilities of logits, which may be overwritten."""
        return self.head.proba(logits)

    def inputs(self, estimator, X):
        """Return what the other methods take for rows X."""
        return self.head.features(checked_embedding(estimator, X))

    def chunks(self, features, n_samples):
        """Yield pieces of rows of which so many draws take few bytes."""
        return chunks_of(features, 4 * n_samples * len(self.theta))

    def logits(self, features):
        """Return the logits (n, K) of the fitted weights."""
        return self.head.logits(features)

    def variances(self, features, tau):
        """Return the variances (n, K) of each logit less the mean of the others."""
        return self.posterior.variances(features, tau)

    def deviations(self, noise, taus):
        """Return a function of rows that yields (K, S, m) for each precision."""
        return self.posterior.deviations(noise, taus)

    def draws(self, noise, tau):
        """Turn standard normal (S, K, D) into draws of the weights."""
        return self.posterior.perturb(noise, tau) + self.theta.astype(np.float32)

    def draw_logits(self, features, draws):
        """Return logits (n, S, K) under draws of the weights (S, K, D)."""
        S, K, D = draws.shape
        logits = np.asarray(features @ draws.reshape(S * K, D).T)
        return logits.reshape(-1, S, K)


def checked_embedding(estimator, X):
    """Return what the last layer sees, checked as a linear model checks it."""
    linear, seen = find_layer(estimator, "coef_", X)
    if linear is None:
        return answers.embed(estimator, X)
    return validate_data(linear, seen, accept_sparse="csr", reset=False)
