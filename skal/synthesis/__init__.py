"""Models that propose points: rows drawn from a generator, and what asks by them.

An autoencoder, the strategy that draws questions in its codes or in those of any
transformer that has a way back, and strips between two rows. Rests on strategies and
nets, and knows no loop; the autoencoder alone imports torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from skal.synthesis._latent import boundary_strip
from skal.synthesis._query import QuerySynthesis

if TYPE_CHECKING:
    from skal.synthesis._vae import VAE

__all__ = ["QuerySynthesis", "VAE", "boundary_strip"]


def __getattr__(name):
    """Import torch only for what needs it."""
    if name == "VAE":
        from skal.synthesis._vae import VAE

        return VAE
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
