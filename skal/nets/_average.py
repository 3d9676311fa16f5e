"""WeightAverage: the running mean of a module's weights, as a module of its own."""

from copy import deepcopy

import torch
from torch.optim.swa_utils import get_ema_multi_avg_fn


class WeightAverage:
    """An exponential mean of weights and of what BatchNorm has measured.

    It forgets faster at first, so that a short training leaves nothing of the weights
    it began with.

    Parameters
    ----------
    module : torch.nn.Module
        Is watched; its tensors must stay where they are.
    decay : float
        What is kept of the mean at a step, from some 10 / (1 - decay) steps on.
    """

    def __init__(self, module, decay):
        self.module = deepcopy(module).eval()
        self.decay = decay
        self.n_steps = 0
        # Each tensor once, those that two layers share too.
        kinds = [torch.nn.Module.parameters, torch.nn.Module.buffers]
        pairs = [
            pair
            for tensors in kinds
            for pair in zip(tensors(self.module), tensors(module), strict=True)
        ]
        self.averaged = [pair for pair in pairs if pair[0].is_floating_point()]
        self.copied = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self):
        """Take in the weights as they are after a step."""
        self.n_steps += 1
        decay = min(self.decay, self.n_steps / (self.n_steps + 10))
        means, weights = map(list, zip(*self.averaged, strict=True))
        get_ema_multi_avg_fn(decay)(means, weights, None)
        for mine, theirs in self.copied:  # such as how many batches were seen
            mine.copy_(theirs)
