"""From a Gaussian over logits to probabilities: by draws, or in closed form."""

from __future__ import annotations

import numpy as np

from skal._seed import stream
from skal.posterior._base import sigmoid

LINKS = ("mc", "plugin", "probit")
#: By how much pieces of rows are smaller that many precisions work on in turn.
_IN_CACHE = 16


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
    ``plugin`` ignores it. Where there are several labels a row, softmax is the sigmoid
    of each logit, and v its own variance.
    """
    if link == "mc":
        parts = [p.mean(axis=1) for p in drawn(model, inputs, tau, noise)]
        return np.concatenate(parts)
    parts = []
    for chunk in model.chunks(inputs, 1):
        logits = model.logits(chunk)
        if link == "probit":
            logits /= np.sqrt(1 + np.pi / 8 * model.variances(chunk, tau))
        parts.append(model.proba(logits))
    return np.concatenate(parts)


def likelihoods(model, inputs, codes, taus, link, noise):
    """Yield the probability (m, T) of the class of rows under each precision.

    Of several labels a row it is that of each, (m, T, L), given their values as codes.
    As ``predictive`` has it, but what does not depend on the precision is done once.
    The draws of ``mc`` have each row's own Gaussian, which may be cheaper than draws
    of the weights.
    """
    drawn_around = model.deviations(noise, taus) if link == "mc" else None
    chance = label_likelihood if model.several else likelihood
    width = _IN_CACHE * (1 if noise is None else len(noise))
    start = 0
    for chunk in model.chunks(inputs, width):
        logits = model.logits(chunk)
        here = codes[start : start + len(logits)]
        start += len(logits)
        if drawn_around is None:
            logits = logits / np.sqrt(1 + np.pi / 8 * model.variances(chunk, taus))
            yield chance(np.moveaxis(logits, -1, 0), here).swapaxes(0, 1)
            continue
        centre = logits.T[:, np.newaxis].astype(np.float32)  # (K, 1, m)
        means = [chance(centre + d, here).mean(axis=0) for d in drawn_around(chunk)]
        yield np.stack(means, axis=1)


def likelihood(logits, codes):
    """Return the probability (T, m) of each row's class, from logits (K, T, m)."""
    if len(logits) == 1:
        logits = np.concatenate([np.zeros_like(logits), logits])
    others = logits - np.take_along_axis(logits, codes[np.newaxis, np.newaxis], axis=0)
    with np.errstate(over="ignore"):  # one over infinity is right
        np.exp(others, out=others)
        return 1 / others.sum(axis=0)


def label_likelihood(logits, values):
    """Return the probability (T, m, L) of each label, from logits (L, T, m).

    It is 1 where the value (m, L), 0 or 1, is not known.
    """
    chances = sigmoid(logits.transpose(1, 2, 0) * (2 * values - 1))
    return np.where(np.isnan(values), 1, chances)


def samples(model, inputs, tau, noise):
    """Return the probabilities (S, n, C) of every draw, float32."""
    parts = [p.swapaxes(0, 1) for p in drawn(model, inputs, tau, noise)]
    return np.concatenate(parts, axis=1)


def drawn(model, inputs, tau, noise):
    """Yield the probabilities (m, S, C) of the draws for chunks of rows."""
    draws = model.draws(noise, tau)
    for chunk in model.chunks(inputs, len(noise)):
        yield model.proba(model.draw_logits(chunk, draws))
