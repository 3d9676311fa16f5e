"""From a Gaussian over logits to probabilities: by draws, or in closed form."""

from __future__ import annotations

import numpy as np

from skal._seed import stream
from skal.posterior._base import softmax

LINKS = ("mc", "plugin", "probit")


def noise_for(shape, n_samples, seed):
    """Return standard normal (S, *shape): draw s is fixed by the seed and s."""
    draws = [
        stream(seed, draw, "laplace").standard_normal(shape)
        for draw in range(n_samples)
    ]
    return np.asarray(draws, np.float32)


def predictive(model, inputs, tau, link, noise):
    """Return the probabilities (n, C) of a link.

    ``mc`` averages the probabilities of the draws. ``probit`` shrinks each logit,
    softmax(f / sqrt(1 + pi v / 8)) (MacKay, 1992), where v is the variance of the logit
    less the mean of the others: what they have in common cancels in a softmax.
    ``plugin`` ignores it.
    """
    if link == "mc":
        parts = [p.mean(axis=1) for p in drawn(model, inputs, tau, noise)]
        return np.concatenate(parts)
    parts = []
    for chunk in model.chunks(inputs, 1):
        logits = model.logits(chunk)
        if link == "probit":
            logits /= np.sqrt(1 + np.pi / 8 * model.variances(chunk, tau))
        parts.append(softmax(logits))
    return np.concatenate(parts)


def samples(model, inputs, tau, noise):
    """Return the probabilities (S, n, C) of every draw, float32."""
    parts = [p.swapaxes(0, 1) for p in drawn(model, inputs, tau, noise)]
    return np.concatenate(parts, axis=1)


def drawn(model, inputs, tau, noise):
    """Yield the probabilities (m, S, C) of the draws for chunks of rows."""
    draws = model.draws(noise, tau)
    for chunk in model.chunks(inputs, len(noise)):
        yield softmax(model.draw_logits(chunk, draws))
