"""The Laplace posterior of the last layer of a network that scores units of rows."""

from __future__ import annotations

import numpy as np

from skal._meta import weights_of_classes
from skal.posterior._base import chunks_of
from skal.posterior._curvature import OutputCurvature
from skal.posterior._last_layer import LastLayer
from skal.posterior._linear_head import head_of_layer
from skal.posterior._net_inside import net_inside


class UnitLastLayer(LastLayer):
    """A fitted network as a linear function of the weights of its last layer.

    Every unit, a pixel for instance, is a row of what that layer sees. They are read in
    pieces, in the fit as well, and never held together.

    Parameters
    ----------
    estimator : estimator
        Fitted; a SegmentationNet, or something around one.
    X : array-like
        The rows it was fitted on.
    weight : ndarray of shape (n, ...) and float32
        How much each unit counts, 0 where its class is not known.
    structure : {"full", "kron", "diag", "isotropic"}
        What is kept of the Hessian.
    """

    def __init__(self, estimator, X, weight, structure):
        self.net, X = net_inside(estimator, X)
        self.layer = self.net.passes().unit_head(X)
        self.head = head_of_layer(self.layer.module)
        self.units = weight.shape[1:]
        self._settle(structure, self.pieces(X, weight.ravel()))

    def pieces(self, X, weight):
        """Yield what the Hessian is a sum over: the units that count."""
        start = 0
        for features in self.features(X):
            here = weight[start : start + len(features)]
            start += len(features)
            counts = here > 0
            features, here = features[counts], here[counts]
            proba = self.proba(self.logits(features)).astype(np.float32)
            yield features, OutputCurvature(proba, len(self.head.theta)), here

    def features(self, X):
        """Yield what the last layer sees of units (m, D), in pieces of few bytes."""
        for maps in self.net.passes().inputs_of(self.layer.module, X):
            units = self.layer.units(maps).cpu().numpy()
            yield from map(self.head.features, chunks_of(units, units[0].nbytes))

    def inputs(self, estimator, X):
        """Return what the other methods take for rows X."""
        return net_inside(estimator, X)[1]

    def chunks(self, X, n_samples):
        """Yield pieces of units of which so many draws take few bytes."""
        for features in self.features(X):
            yield from super().chunks(features, n_samples)


def unit_weights(net, y, sample_weight):
    """Return how much each unit of y (n, ...) counted in the loss that was minimised.

    One of which the class is not known counts nothing.
    """
    weight = (y != net.unknown_unit).astype(np.float32)
    if sample_weight is not None:
        weight *= sample_weight.astype(np.float32).reshape(-1, *[1] * (y.ndim - 1))
    if net.class_weight is not None:
        counts = [np.count_nonzero((y == name) & (weight > 0)) for name in net.classes_]
        factors = weights_of_classes(net.class_weight, net.classes_, np.array(counts))
        for name, factor in zip(net.classes_, factors, strict=True):
            weight[y == name] *= factor
    return weight
