"""The labels that a data set holds itself, read without its rows where that can be."""

import numpy as np
from torch.utils.data import ConcatDataset, Subset, TensorDataset


def targets_of(dataset):
    """Return the labels of a data set of pairs (row, label)."""
    known = known_targets(dataset)
    if known is not None:
        return known
    first = dataset[0]
    if not isinstance(first, (tuple, list)) or len(first) < 2:
        raise ValueError(
            "y must be given for a data set without labels: requires y to be passed, "
            "but the target y is None."
        )
    return np.asarray([dataset[i][1] for i in range(len(dataset))])


def known_targets(dataset):
    """Return the labels that a data set keeps apart from its rows, or None."""
    if isinstance(dataset, TensorDataset) and len(dataset.tensors) == 2:
        return dataset.tensors[1]
    if isinstance(dataset, Subset):
        every = known_targets(dataset.dataset)
        return None if every is None else np.asarray(every)[list(dataset.indices)]
    if isinstance(dataset, ConcatDataset):
        parts = [known_targets(part) for part in dataset.datasets]
        return None if any(p is None for p in parts) else np.concatenate(parts)
    if getattr(dataset, "target_transform", None) is not None:
        return None  # its labels are made as they are read
    return getattr(dataset, "targets", None)
