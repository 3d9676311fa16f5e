"""The last layer of a classifier: probabilities of a linear function of embeddings."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from skal._checks import name_of
from skal._model import answers, find_layer
from skal.posterior._base import sigmoid, softmax
from skal.posterior._net_inside import net_inside

#: How far the head's own probabilities may be from the estimator's.
_TOLERANCE = 1e-3


class LinearHead:
    """Logits (n, K) that are linear in embeddings (n, d); K is 1 for two classes.

    Attributes
    ----------
    theta : ndarray of shape (K, D)
        The weights; the bias, if there is one, is the last column.
    bias : bool
        Whether there is one.
    unit : float
        The precision of a Gaussian prior that is natural for these weights.
    several : bool
        Whether each logit is one of several labels a row, not of a class.
    """

    several = False

    def __init__(self, theta, bias, unit):
        self.theta = theta
        self.bias = bias
        self.unit = unit

    @property
    def width(self):
        """The number of classes."""
        return max(2, len(self.theta))

    def features(self, E):
        """Return embeddings (n, D) with the constant 1 that the bias multiplies."""
        E = answers.as_embedding(E)
        if not self.bias:
            return E
        ones = np.ones((E.shape[0], 1), np.float32)
        if sp.issparse(E):
            return sp.hstack([E, ones], format="csr")
        return np.concatenate([E, ones], axis=1)

    def logits(self, features):
        """Return (n, K) float64."""
        return np.asarray(features @ self.theta.T)

    def proba(self, logits):
        """Return the probabilities of logits, which may be overwritten."""
        return sigmoid(logits) if self.several else softmax(logits)


def find_head(estimator, E):
    """Find the linear head of a fitted estimator and check it on embeddings."""
    net, _ = net_inside(estimator)
    linear, _ = find_layer(estimator, "coef_")
    if net is not None:
        head = head_of_layer(net.passes().head)
        head.several = isinstance(net.classes_, list)
    elif linear is not None:
        head = head_of_linear(linear)
    else:
        raise no_head(estimator)
    few = E[:100].astype(np.float64)  # what a model fitted in float32 loses is no sign
    features = head.features(few)
    if features.shape[1] != head.theta.shape[1]:
        raise no_head(estimator)
    expected = answers.head_proba(estimator, few)
    proba = head.proba(head.logits(features))
    allowed = _TOLERANCE + (0 if net is None else rounding(features, head.theta))
    if proba.shape != expected.shape or np.abs(proba - expected).max() > allowed:
        raise no_head(estimator)
    return head


def rounding(features, theta):
    """Return how far logits in float32 may be off where features are large."""
    sizes = np.abs(features) @ np.abs(theta.T)
    return float(sizes.max() * np.finfo(np.float32).eps * theta.shape[1])


def no_head(estimator):
    """Build the TypeError for an estimator without a linear head."""
    return TypeError(
        "estimator must end in a softmax of a linear layer, as the networks of "
        "skal.nets and LogisticRegression do, got "
        f"{name_of(estimator)}. Use EnsembleClassifier."
    )


def head_of_layer(layer):
    """Return the head that the last linear layer of a network is."""
    weight, bias = weights_of(layer)
    theta = np.column_stack([weight, bias]).astype(float)
    if layer.bias is None:
        theta = theta[:, :-1]
    return LinearHead(theta, layer.bias is not None, typical_precision(theta))


def weights_of(layer):
    """Return the weight (K, d) and the bias (K,) of a linear layer, zero for none.

    A convolution of size 1 is one for each place.
    """
    weight = layer.weight.detach().flatten(1).float().cpu().numpy()
    if layer.bias is None:
        return weight, np.zeros(len(weight), np.float32)
    return weight, layer.bias.detach().float().cpu().numpy()


def head_of_linear(model):
    """Return the head of a linear model of scikit-learn.

    LogisticRegression minimises C times the loss plus half the squared weights: the
    posterior's mode under a prior of precision 1 / C.
    """
    theta = np.asarray(model.coef_, float)
    bias = getattr(model, "fit_intercept", True)
    if bias:
        intercept = np.broadcast_to(model.intercept_, len(theta))
        theta = np.column_stack([theta, intercept])
    C = np.mean(getattr(model, "C_", getattr(model, "C", np.inf)))
    unit = 1 / C if 0 < C < np.inf else typical_precision(theta)
    return LinearHead(theta, bias, float(unit))


def typical_precision(theta):
    """Return the precision of a prior of which weights of this size are typical."""
    square = np.mean(np.square(theta))
    return float(1 / square) if square > 0 else 1.0
