"""Rows in which the draws of a detector do not find the same boxes."""

from __future__ import annotations

from skal._checks import check_fraction, check_int
from skal.query._base import ScoreStrategy
from skal.query.functional import box_disagreement


class BoxDisagreement(ScoreStrategy):
    """Pick the rows in which draws of a detector find different boxes.

    The draws are members of a committee, or what dropout leaves of one detector. Where
    they agree on which boxes there are, where these lie and of what class they are,
    there is little to learn. A row scores 1 minus the mean overlap of the boxes of two
    draws, matched one to one within their class; a box without a partner overlaps 0.

    Parameters
    ----------
    n_samples : int, default=None
        How many draws to compare, from 2 up; None takes the estimator's own.
    min_score : float, default=0.0
        Boxes that the detector gives a score below this are left out.

    See Also
    --------
    Aggregate : Doubt about the class of each box of one detector.
    skal.structured.Committee : Draws of several detectors.
    skal.query.functional.box_disagreement : The formula on plain arrays.

    Notes
    -----
    Cost: O(n S^2 k^3) for n rows and S draws of k boxes, after a pass of each draw over
    the pool. Needs an estimator with ``sample_boxes``. What the draws find is kept for
    the query.

    References
    ----------
    Kao, C.-C., Lee, T.-Y., Sen, P., Liu, M.-Y. (2018). Localization-aware active
    learning for object detection. ACCV. arXiv:1801.05124

    Examples
    --------
    >>> from skal.query import BoxDisagreement
    >>> class Detectors:  # two that see the same in the first row, not in the second
    ...     def sample_boxes(self, X, n_samples=None, random_state=None):
    ...         here = {"boxes": [[0, 0, 2, 2]], "labels": [1]}
    ...         there = {"boxes": [[4, 4, 6, 6]], "labels": [1]}
    ...         return [[here, here] if x == 0 else [here, there] for x in X]
    >>> BoxDisagreement().score_samples(Detectors(), [0, 1])
    array([0., 1.])
    """

    alias = "box_disagreement"
    needs = frozenset({"boxes"})
    target_types = frozenset({"structured"})

    def __init__(self, n_samples: int | None = None, min_score: float = 0.0) -> None:
        self.n_samples = n_samples
        self.min_score = min_score

    def _check_params(self):
        if self.n_samples is not None:
            check_int("n_samples", self.n_samples, minimum=2)
        check_fraction("min_score", self.min_score)

    def _score(self, view, rows):
        draws = view.sample_boxes(rows, self.n_samples)
        return box_disagreement(draws, min_score=self.min_score)
