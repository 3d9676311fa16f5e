"""The Laplace posterior of all weights of a small network."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch.func import functional_call, jvp, vjp, vmap

from skal.posterior._base import softmax
from skal.posterior._curvature import contrast
from skal.posterior._linear_head import typical_precision
from skal.posterior._net_inside import net_inside

#: The Jacobians of a chunk of rows take about this many bytes.
_JACOBIAN_BYTES = 2**26


class AllWeights:
    """A fitted network as a linear function of all of its weights.

    Its logits are f(x, theta) + J(x) (draw - theta): the model that a Gauss-Newton
    Hessian belongs to (Immer, Korzepa and Bauer, 2021).

    Parameters
    ----------
    estimator : estimator
        Fitted; a network of skal, or something around one.
    X : array-like
        The rows it was fitted on.
    weight : ndarray of shape (n,)
        How much each row counts.
    structure : {"diag", "isotropic"}
        What is kept of the Hessian.
    """

    several = False
    units: tuple[int, ...] = ()
    proba = staticmethod(softmax)

    def __init__(self, estimator, X, weight, structure):
        self.net, X = net_inside(estimator, X)
        self.module = self.net.passes().module
        self.shapes = {name: p.shape for name, p in self.module.named_parameters()}
        weights = [as_array(p).ravel() for p in self.parameters().values()]
        self.theta = np.concatenate(weights).astype(float)
        self.unit = typical_precision(self.theta)
        self.eigenvalues = self.diagonal(X, weight)
        if structure == "isotropic":
            self.eigenvalues = np.full_like(self.eigenvalues, self.eigenvalues.mean())

    def inputs(self, estimator, X):
        """Return what the other methods take for rows X."""
        return net_inside(estimator, X)[1]

    def chunks(self, X, n_samples):
        """Yield batches of rows."""
        yield from self.net.passes().batches(X)

    def logits(self, batch):
        """Return the logits (m, K) of the fitted weights."""
        with torch.no_grad():
            return as_array(self.run(self.parameters(), batch)).astype(float)

    def variances(self, batch, tau):
        """Return the variances (m, K) of each logit less the mean of the others.

        Precisions (T,) give (T, m, K).
        """
        inverse = as_tensor_like((1 / np.add.outer(tau, self.eigenvalues)).T, batch)
        parts = [
            torch.stack([g.square() @ inverse for g in gradients], dim=-1)
            for _, gradients in self.gradients(batch, root_of_contrast)
        ]
        return np.moveaxis(as_array(torch.cat(parts)), 0, -2)

    def draws(self, noise, tau):
        """Turn standard normal (S, P) into what is added to the weights."""
        return noise * ((self.eigenvalues + tau) ** -0.5).astype(np.float32)

    def draw_logits(self, batch, draws):
        """Return logits (m, S, K): each draw is one derivative along a direction."""
        parameters = self.parameters()

        def run(weights):
            return self.run(weights, batch)

        moved = []
        for draw in as_tensor_like(draws, batch):
            logits, slope = derivative(run, parameters, self.tree(draw))
            moved.append(as_array(logits + slope))
        return np.stack(moved, axis=1)

    # The network ----------------------------------------------------------------

    def parameters(self):
        """Return the weights by name."""
        return {name: p.detach() for name, p in self.module.named_parameters()}

    def run(self, weights, batch):
        """Return the logits (m, K) under given weights."""
        output = functional_call(self.module, weights, (batch,))
        return output[0] if isinstance(output, tuple) else output

    def tree(self, vector):
        """Return a vector as weights by name."""
        sizes = [shape.numel() for shape in self.shapes.values()]
        parts = vector.split(sizes)
        return {
            name: part.view(shape)
            for part, (name, shape) in zip(parts, self.shapes.items(), strict=True)
        }

    def diagonal(self, X, weight):
        """Return the diagonal (P,) of the Gauss-Newton Hessian of the summed loss.

        With p the probabilities of a row, diag p - p p^T = R R^T for R = diag(sqrt p)
        - p sqrt(p)^T, so the diagonal is the sum of the squares of J^T R.
        """
        total = np.zeros(len(self.theta))
        start = 0
        for batch in self.net.passes().batches(X):
            for rows, gradients in self.gradients(batch, root_of_curvature):
                here = as_tensor_like(weight[start : start + len(rows)], rows)
                total += sum(as_array(here @ g.square()) for g in gradients)
                start += len(rows)
        return total

    def gradients(self, batch, root):
        """Yield chunks of rows, each with K matrices (m, P): the columns of J^T R.

        ``root`` takes logits (m, K) and returns R (m, K, K).
        """
        parameters = self.parameters()

        def one_row(row, direction):
            _, pull = vjp(lambda w: self.run(w, row[None])[0], parameters)
            return pull(direction)[0]

        with torch.no_grad():
            logits = self.run(parameters, batch)
        R = root(logits)
        size = max(1, _JACOBIAN_BYTES // (4 * len(self.theta)))
        for rows, roots in zip(batch.split(size), R.split(size), strict=True):
            yield (
                rows,
                (matrix(vmap(one_row)(rows, column)) for column in roots.unbind(dim=2)),
            )


def root_of_contrast(logits):
    """Return R (m, K, K): its columns are each logit less the mean of the others."""
    R = as_tensor_like(contrast(logits.shape[1]), logits)
    return R.expand(len(logits), *R.shape)


def root_of_curvature(logits):
    """Return R (m, K, K) with R R^T = diag p - p p^T, the curvature in the logits."""
    p = logits.softmax(dim=1)
    return torch.diag_embed(p.sqrt()) - p[:, :, None] * p.sqrt()[:, None, :]


def derivative(run, weights, direction):
    """Return a function of weights, and its derivative in a direction."""
    with warnings.catch_warnings():  # torch scripts what it needs when first asked
        warnings.filterwarnings("ignore", "`torch.jit.script`", FutureWarning)
        warnings.filterwarnings("ignore", "`torch.jit.script`", DeprecationWarning)
        return jvp(run, (weights,), (direction,))


def matrix(gradients):
    """Return gradients by name, a row first, as one matrix (m, P)."""
    return torch.cat([g.flatten(1) for g in gradients.values()], dim=1)


def as_array(tensor):
    """Return a tensor as a numpy array."""
    return tensor.detach().float().cpu().numpy()


def as_tensor_like(array, other):
    """Return an array as a float32 tensor on another's device."""
    return torch.as_tensor(array, dtype=torch.float32, device=other.device)
