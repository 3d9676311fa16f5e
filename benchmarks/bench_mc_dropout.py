"""What samples by MC dropout cost, beside one full pass of the network for each.

S = 20 and 100 draws over the same rows, with networks that have dropout in the head,
functional and inside a residual, or in every convolution, and with the last dropout
alone. Target: at least 10 times faster with dropout in the head, at most 1.1 times the
full passes where the trunk is no use.
"""

import argparse

import torch
import torch.nn.functional as F
from common import best, show
from torch import nn

from skal.nets._mc_dropout import sample_logits

TARGET, LIMIT = 10.0, 1.1


def blocks(*widths, dropout=0.0):
    """Return convolutions with max-pooling, of images (1, 28, 28)."""
    layers, depth = [], 1
    for width in widths:
        layers += [nn.Conv2d(depth, width, 3, padding=1), nn.MaxPool2d(2), nn.ReLU()]
        if dropout:
            layers.append(nn.Dropout(dropout))
        depth = width
    return nn.Sequential(*layers, nn.Flatten())


def head(n_features):
    return nn.Sequential(
        nn.Dropout(),
        nn.Linear(n_features, 128),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(128, 10),
    )


class Residual(nn.Module):
    """Functional dropout, with a residual around it."""

    def __init__(self):
        super().__init__()
        self.trunk = blocks(32, 64)
        self.inside, self.hidden = nn.Linear(3136, 128), nn.Linear(128, 128)
        self.last = nn.Linear(128, 10)

    def forward(self, x):
        h = torch.relu(self.inside(self.trunk(x)))
        h = h + F.dropout(torch.relu(self.hidden(h)), training=self.training)
        return self.last(F.dropout(h, training=self.training))


def networks():
    """Yield name, module, which dropout, and whether the trunk can run once."""
    cnn = nn.Sequential(blocks(32, 64, 128), head(1152))
    yield "two dropouts in the head", cnn, "all", True
    yield "the last alone", cnn, "last", True
    yield "functional, in a residual", Residual(), "all", True
    everywhere = nn.Sequential(blocks(32, 64, 128, dropout=0.2), head(1152))
    yield "in every convolution", everywhere, "all", False


def full_passes(module, batches, n_samples):
    """Make one pass a draw, dropout on and everything else in evaluation mode."""
    for layer in module.modules():
        layer.training = not isinstance(layer, nn.BatchNorm2d)
    with torch.no_grad():
        for batch in batches:
            torch.stack([module(batch) for _ in range(n_samples)])
    module.eval()


def samples(module, batches, n_samples, dropout):
    for _ in sample_logits(module, batches, n_samples, 0, dropout):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=512)
    parser.add_argument("--samples", type=int, nargs="+", default=[20, 100])
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()

    torch.manual_seed(0)
    X = torch.randn(options.rows, 1, 28, 28)
    batches = X.to(memory_format=torch.channels_last).split(256)
    rows = []
    for name, module, dropout, in_the_head in networks():
        module = module.to(memory_format=torch.channels_last).eval()
        for S in options.samples if in_the_head else options.samples[:1]:
            seconds = best(
                {
                    "full": lambda m=module, S=S: full_passes(m, batches, S),
                    "skal": lambda m=module, S=S, d=dropout: samples(m, batches, S, d),
                },
                options.repeats,
            )
            ratio = seconds["full"] / seconds["skal"]
            good = ratio >= (TARGET if in_the_head else 1 / LIMIT)
            rows.append(
                (
                    name,
                    S,
                    f"{seconds['full']:.2f}",
                    f"{seconds['skal']:.3f}",
                    f"{ratio:.1f}",
                    "ok" if good else "missed",
                )
            )
    columns = ["dropout", "S", "S passes, s", "skal, s", "times faster", "target"]
    show(f"{options.rows} images of 28 x 28", columns, rows)


if __name__ == "__main__":
    main()
