"""Modules of torch that several test modules share."""

import torch
from torch import nn


class TwoParts(nn.Module):
    """A linear layer over two parts of two columns each."""

    def __init__(self, n_classes):
        super().__init__()
        self.head = nn.Linear(4, n_classes)

    def forward(self, left, right):
        return self.head(torch.cat([left, right], dim=1))
