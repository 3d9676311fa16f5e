"""What a step of consistency training costs beyond the passes that it needs.

ConsistencyClassifier around a CNNClassifier, against a bare loop over the same network
that makes the same passes: labelled images under affine changes and unlabelled ones
under these and a cutout, together forward and back; the unlabelled ones as they are,
forward alone, for what they are to be taken for; and the mean of the weights. The bare
loop has one threshold and no alignment. Both take turns in one run. Target: 1.15 times
the bare loop.
"""

import argparse
import warnings
from copy import deepcopy

import numpy as np
import torch
from common import best, show, verdict
from torch.nn.functional import cross_entropy

from skal.exceptions import CollapseWarning
from skal.nets import CNNClassifier
from skal.nets._augment import affine
from skal.nets._cnn import ConvNet
from skal.nets._strong import cutout
from skal.pseudo import ConsistencyClassifier

TARGET = 1.15
N_LABELS, BATCH_SIZE, RATIO, DECAY = 40, 32, 3, 0.99


def bare_fit(X, y, channels, n_steps, half):
    """Train by FixMatch, by hand."""
    model = ConvNet((1, *X.shape[1:]), 10, channels)
    model = model.to(memory_format=torch.channels_last)
    pool = torch.from_numpy(X)[:, None]
    model[0].measure([pool.float() / 255])
    targets = torch.from_numpy(y)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, fused=True)
    average = deepcopy(model)
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=half)

    def rows(n_rows, first):
        where = first + torch.randint(n_rows, (BATCH_SIZE * (RATIO if first else 1),))
        batch = pool[where].float().div_(255)
        return batch.contiguous(memory_format=torch.channels_last), where

    for _ in range(n_steps):
        labeled, where = rows(N_LABELS, 0)
        others, _ = rows(len(X) - N_LABELS, N_LABELS)
        model.eval()
        with torch.no_grad(), autocast:
            proba = model(others).float().softmax(dim=1)
        model.train()
        confidence, codes = proba.max(dim=1)
        both = torch.cat([affine(labeled), cutout(affine(others))])
        optimizer.zero_grad()
        with autocast:
            outputs = model(both).float()
        loss = cross_entropy(outputs[:BATCH_SIZE], targets[where], label_smoothing=0.1)
        guessed = cross_entropy(outputs[BATCH_SIZE:], codes, reduction="none")
        (loss + (guessed * (confidence >= 0.95)).mean()).backward()
        optimizer.step()
        with torch.no_grad():
            pairs = zip(average.parameters(), model.parameters(), strict=True)
            for mean, weights in pairs:
                mean.lerp_(weights, 1 - DECAY)
    return average.eval()


def row(X, y, channels, n_steps, repeats, half):
    """Return the row of the table for a network."""
    partial = np.where(np.arange(len(y)) < N_LABELS, y, -1)
    net = CNNClassifier(
        channels=channels, max_steps=n_steps, mixed_precision=half, random_state=0
    )
    model = ConsistencyClassifier(net, delay=0, unlabeled_ratio=RATIO)
    seconds = best(
        {
            "skal": lambda: model.fit(X, partial),
            "bare": lambda: bare_fit(X, y, channels, n_steps, half),
        },
        repeats,
    )
    ratio = seconds["skal"] / seconds["bare"]
    return (
        f"{channels}, {'bfloat16' if half else 'float32'}",
        f"{1000 * seconds['skal'] / n_steps:.1f} ms",
        f"{1000 * seconds['bare'] / n_steps:.1f} ms",
        f"x{ratio:.3f} {verdict(ratio, TARGET)}",
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=600)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()

    rng = np.random.RandomState(0)
    X = rng.randint(0, 256, (given.rows, 28, 28)).astype(np.uint8)
    y = rng.randint(0, 10, len(X))
    warnings.simplefilter("ignore", CollapseWarning)  # noise has no classes
    rows = [
        row(X, y, channels, given.steps, given.repeats, half)
        for channels in [(16, 32, 64), (32, 64, 128)]
        for half in (False, True)
    ]
    columns = ("channels", "step of skal", "bare step", f"ratio <= {TARGET}")
    versions = f"torch {torch.__version__}, {torch.get_num_threads()} threads"
    show(f"Consistency on 28 x 28, 32 + 96 rows a step; {versions}", columns, rows)


if __name__ == "__main__":
    main()
