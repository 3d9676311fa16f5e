"""Files of weights: what the answers of a net depend on beside them goes along."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import contextmanager

import numpy as np
import torch

#: The tensor that holds the facts as JSON, in files that hold tensors alone; earlier
#: files have one for each fact.
_FACTS = "skal.facts"
_PREFIX = "skal."
#: How many names of weights an error shows.
_SHOWN = 3


@contextmanager
def writing(module, facts, *, as_tensors):
    """Let the state dict of a module hold facts: what JSON can say, by name.

    They are in its metadata, where no other reader minds them, or else, for files that
    have none, in a tensor. Such files want weights in the plain layout, too.
    """

    def note(_, state, prefix, metadata):
        if not as_tensors:
            metadata["skal"] = facts
            return
        for name, weights in state.items():
            state[name] = weights.contiguous()
        text = json.dumps(facts).encode()
        state[_FACTS] = torch.frombuffer(bytearray(text), dtype=torch.uint8)

    handle = module._register_state_dict_hook(note)
    try:
        yield
    finally:
        handle.remove()


def read_file(file, *, use_safetensors, **how):
    """Return the weights in a file, by name, and the facts beside them.

    A file that others wrote has none of these. ``how`` is for ``torch.load``.
    """
    try:
        read = read_safetensors if use_safetensors else torch.load
        state = read(file, **({} if use_safetensors else {"map_location": "cpu"} | how))
    except OSError:  # it is not there, or may not be read
        raise
    except Exception as error:
        raise no_weights(file, use_safetensors, f"{type(error).__name__}") from error
    if not isinstance(state, Mapping):
        raise no_weights(file, use_safetensors, f"a {type(state).__name__}")
    facts = getattr(state, "_metadata", {}).get("", {}).get("skal", {})
    weights = {name: one for name, one in state.items() if not name.startswith(_PREFIX)}
    if _FACTS in state:
        facts = json.loads(bytes(state[_FACTS].tolist()))
    elif len(weights) < len(state):
        strange = {name: one for name, one in state.items() if name not in weights}
        facts = {name.removeprefix(_PREFIX): v.tolist() for name, v in strange.items()}
    return weights, facts


def read_safetensors(file):
    """Return the tensors in a file of safetensors."""
    from safetensors.torch import load, load_file

    if isinstance(file, str | os.PathLike):
        return load_file(file)
    return load(file.read())


def weights_in(file, *, safe):
    """Return the tensors in a file that a parameter ``weights`` names, by name."""
    kind = "safetensors" if safe else "torch.save"
    try:
        if safe:
            return read_safetensors(file)
        return torch.load(file, map_location="cpu", weights_only=True)
    except OSError:  # it is not there, or may not be read
        raise
    except Exception as error:
        raise ValueError(
            f"weights must be a file of a state dict by {kind}, got "
            f"{os.fspath(file)!r}, which gives {type(error).__name__}. Of a whole "
            "module save module.state_dict(); a download may have been cut short."
        ) from error


def no_weights(file, use_safetensors, got):
    """Build the ValueError for a file that holds no weights."""
    kind, other = ("safetensors", False) if use_safetensors else ("torch.save", True)
    return ValueError(
        f"f_params must be a file of weights by {kind}, got {file!r}, which gives "
        f"{got}. use_safetensors={other} reads those of the other kind."
    )


def check_fits(weights, module):
    """Refuse weights that are not those of a module, before any is taken."""
    own = module.state_dict()
    wrong = [
        f"{name!r} ({words(weights.get(name))} in the file, {words(own.get(name))} in "
        "the network)"
        for name in [*own, *sorted(weights.keys() - own.keys())]
        if words(weights.get(name)) != words(own.get(name))
    ]
    if wrong:
        more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise ValueError(
            f"f_params must hold the weights of this network, got a file that differs "
            f"at {', '.join(wrong[:_SHOWN])}{more}. Make the net with the parameters "
            "of the one that was saved."
        )


def words(tensor):
    """Return the shape of weights, in words."""
    return "nothing" if tensor is None else str(tuple(tensor.shape))


def as_fact(labels):
    """Return labels as what JSON can say, with their type; None where it cannot."""
    plain = (str, int, float, bool)
    values = labels.tolist()
    if labels.dtype.kind not in "biufUO" or not all(
        isinstance(v, plain) for v in values
    ):
        return None
    return {"dtype": labels.dtype.str, "values": values}


def from_fact(fact):
    """Return the labels that a fact says."""
    return np.array(fact["values"], dtype=np.dtype(fact["dtype"]))
