"""Disagreement of the boxes that several draws of a detector find."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment

from skal._checks import check_fraction

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import NDArray


def box_disagreement(
    draws: Sequence[Sequence[Mapping[str, Any]]], *, min_score: float = 0.0
) -> NDArray[Any]:
    r"""Measure how far the boxes of several draws are from one another.

    The boxes of each pair of draws are matched one to one, so that their overlaps
    (intersection over union) sum to the most there is; a box overlaps with none of
    another class, and one that finds no partner counts 0. With :math:`k_s` boxes in
    draw s and m the matching a row scores

    .. math::
        1 - \binom{S}{2}^{-1} \sum_{s < t} \frac{1}{\max(k_s, k_t)}
        \sum_{(a, b) \in m} \mathrm{IoU}(a, b)

    Two draws that find nothing agree.

    Parameters
    ----------
    draws : sequence of n sequences of S mappings
        What each of S draws finds in each of n rows: "boxes" of shape (k, 4), the
        corners x1, y1, x2, y2; "labels" (k,), where there are classes; "scores" (k,),
        where ``min_score`` is to be looked at.
    min_score : float, default=0.0
        Boxes whose score is below this are left out; those without scores stay.

    Returns
    -------
    ndarray of shape (n,)
        From 0 (all draws find the same boxes) to 1 (no box is found twice).

    Raises
    ------
    ValueError
        If a row has fewer than two draws, or boxes are no corners.
    TypeError
        If a draw is no mapping with "boxes".

    See Also
    --------
    skal.query.BoxDisagreement : The strategy.

    Notes
    -----
    Cost: O(S^2 k^3) a row for S draws of k boxes.

    References
    ----------
    Kao, C.-C., Lee, T.-Y., Sen, P., Liu, M.-Y. (2018). Localization-aware active
    learning for object detection. ACCV. arXiv:1801.05124

    Examples
    --------
    >>> from skal.query.functional import box_disagreement
    >>> one = {"boxes": [[0, 0, 2, 2]], "labels": [1]}
    >>> half = {"boxes": [[0, 0, 2, 1]], "labels": [1]}
    >>> other = {"boxes": [[0, 0, 2, 2]], "labels": [2]}
    >>> box_disagreement([[one, one], [one, half], [one, other]])
    array([0. , 0.5, 1. ])
    """
    check_fraction("min_score", min_score)
    return np.array([of_row(found, min_score) for found in draws], float)


def of_row(draws, min_score):
    """Return the disagreement of the draws of a row."""
    if len(draws) < 2:
        raise ValueError(
            f"draws must hold at least two draws of each row, got {len(draws)}. Use a "
            "committee of several detectors, or more samples."
        )
    found = [boxes_of(draw, min_score) for draw in draws]
    agreements = [agreement(*pair) for pair in combinations(found, 2)]
    return 1 - np.mean(agreements)


def boxes_of(draw, min_score):
    """Return the boxes (k, 4) of a draw and their labels (k,)."""
    if not isinstance(draw, Mapping) or "boxes" not in draw:
        raise TypeError(
            'draws must hold a dict with "boxes" (k, 4) for each draw of each row, got '
            f"{draw!r}."
        )
    boxes = corners(draw["boxes"])
    labels = beside(boxes, draw, "labels", np.zeros(len(boxes)))
    if min_score > 0:
        sure = beside(boxes, draw, "scores", np.ones(len(boxes))) >= min_score
        boxes, labels = boxes[sure], labels[sure]
    return boxes, labels


def corners(boxes):
    """Return boxes as an array (k, 4) of x1, y1, x2, y2."""
    boxes = as_numbers(boxes).astype(float)
    boxes = boxes.reshape(-1, 4) if boxes.size == 0 else boxes
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not np.isfinite(boxes).all():
        raise ValueError(
            "boxes must be finite corners x1, y1, x2, y2 of shape (k, 4), got shape "
            f"{boxes.shape}."
        )
    turned = np.flatnonzero((boxes[:, 2:] < boxes[:, :2]).any(axis=1))
    if len(turned):
        raise ValueError(
            "boxes must be corners x1, y1, x2, y2 with x1 <= x2 and y1 <= y2, got "
            f"{boxes[turned[0]].tolist()}. They are edges: left, upper, right, lower."
        )
    return boxes


def beside(boxes, draw, name, default):
    """Return what a draw tells of each of its boxes."""
    values = as_numbers(draw.get(name, default))
    if values.shape != (len(boxes),):
        raise ValueError(
            f"{name} must hold a value for each of {len(boxes)} boxes, got shape "
            f"{values.shape}."
        )
    return values


def as_numbers(values):
    """Return values as an array, tensors of any device too."""
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)


def agreement(first, second):
    """Return the mean overlap of the boxes of two draws, matched one to one."""
    (boxes, labels), (others, other_labels) = first, second
    most = max(len(boxes), len(others))
    if most == 0:
        return 1.0
    overlap = iou(boxes, others) * (labels[:, np.newaxis] == other_labels)
    return overlap[linear_sum_assignment(overlap, maximize=True)].sum() / most


def iou(boxes, others):
    """Return the intersection over union of each box with each other, (k, l)."""
    low = np.maximum(boxes[:, np.newaxis, :2], others[:, :2])
    high = np.minimum(boxes[:, np.newaxis, 2:], others[:, 2:])
    common = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [
        np.prod(np.clip(each[:, 2:] - each[:, :2], 0, None), axis=1)
        for each in (boxes, others)
    ]
    union = areas[0][:, np.newaxis] + areas[1] - common
    return np.divide(common, union, out=np.zeros_like(union), where=union > 0)
