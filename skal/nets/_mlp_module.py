"""MLP: the multilayer perceptron that nets take where no module is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from skal.nets._module import check_widths
from skal.nets._standardize import Standardize

if TYPE_CHECKING:
    from collections.abc import Sequence


class MLP(nn.Sequential):
    """Flat rows, standardized, through layers of ReLU with dropout, to scores."""

    def __init__(
        self,
        n_features: int,
        n_outputs: int,
        hidden: Sequence[int] = (128, 128),
        dropout: float = 0.2,
    ) -> None:
        check_widths("hidden", hidden)
        layers: list[nn.Module] = [nn.Flatten(), Standardize(n_features)]
        width = n_features
        for size in hidden:
            layers += [nn.Linear(width, size), nn.ReLU(), nn.Dropout(dropout)]
            width = size
        super().__init__(*layers, nn.Linear(width, n_outputs))
