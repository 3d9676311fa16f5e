"""Models that propose points: rows drawn from a generator, and what asks by them.

An autoencoder, the strategy that draws questions in its codes or in those of any
transformer that has a way back, and strips between two rows. Rests on strategies and
nets, and knows no loop; importing it imports torch.
"""

from skal.synthesis._latent import boundary_strip
from skal.synthesis._query import QuerySynthesis
from skal.synthesis._vae import VAE

__all__ = ["QuerySynthesis", "VAE", "boundary_strip"]
