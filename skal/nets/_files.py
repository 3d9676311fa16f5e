"""Files of weights: what the answers of a net depend on beside them goes along."""

from __future__ import annotations

from contextlib import contextmanager

import torch

#: What starts the names of such facts among tensors.
_PREFIX = "skal."


@contextmanager
def writing(module, facts, *, as_tensors):
    """Let the state dict of a module hold facts: lists, numbers or None, by name.

    They are in its metadata, where no other reader minds them, or else, for files that
    have none, among its tensors.
    """

    def note(_, state, prefix, metadata):
        if not as_tensors:
            metadata["skal"] = facts
            return
        for name, fact in facts.items():
            if fact is not None:
                state[_PREFIX + name] = torch.tensor(fact, dtype=torch.float64)

    handle = module._register_state_dict_hook(note)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def reading(module):
    """Yield a list, to which each state dict that the module loads adds its facts."""
    found = []

    def note(state, prefix, metadata, *_):
        facts = dict(metadata.get("skal", {}))
        for name in [name for name in state if name.startswith(_PREFIX)]:
            facts[name.removeprefix(_PREFIX)] = state.pop(name).tolist()
        found.append(facts)

    handle = module._register_load_state_dict_pre_hook(note)
    try:
        yield found
    finally:
        handle.remove()
