"""Label efficiency: what a learning curve says, in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

import numpy as np
from sklearn.metrics import auc

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def area_under_learning_curve(
    n_labels: ArrayLike,
    scores: ArrayLike,
    *,
    start: float | None = None,
    stop: float | None = None,
) -> float:
    r"""Average the score over a range of label counts.

    The area under the curve that joins the points by straight lines, divided by the
    width of the range, so that it reads as a score and does not depend on the unit
    of the labels:

    .. math:: \frac{1}{b - a} \int_a^b s(n) \, dn

    Parameters
    ----------
    n_labels : array-like of shape (n_points,)
        Labels the models were trained on, strictly increasing. Count every label that
        was spent, those of a validation set included.
    scores : array-like of shape (n_points,)
        Their scores, higher is better.
    start : float, default=None
        Where the range begins; None takes the first point.
    stop : float, default=None
        Where it ends; None takes the last point. Compare curves over one range.

    Returns
    -------
    float
        The mean score. Where the range has no width it is the score there.

    Raises
    ------
    ValueError
        If the points are no curve, or the range reaches beyond them.

    See Also
    --------
    labels_to_reach : How many labels a score takes.
    CurveScorer : The same as a scorer for GridSearchCV.

    References
    ----------
    .. [1] Guyon, Cawley, Dror and Lemaire (2011). Results of the active learning
       challenge. JMLR W&CP 16. https://proceedings.mlr.press/v16/guyon11a.html

    Examples
    --------
    >>> from skal.metrics import area_under_learning_curve
    >>> area_under_learning_curve([10, 20, 40], [0.5, 0.7, 0.9])
    0.733...
    """
    n_labels, scores = checked_curve(n_labels, scores)
    a = n_labels[0] if start is None else start
    b = n_labels[-1] if stop is None else stop
    if not n_labels[0] <= a <= b <= n_labels[-1]:
        raise ValueError(
            f"start and stop must lie in [{n_labels[0]:g}, {n_labels[-1]:g}], where "
            f"the curve does, start first, got {start!r} and {stop!r}. Use a range "
            "that every curve covers."
        )
    ends = np.interp([a, b], n_labels, scores)
    if a == b:
        return float(ends[0])
    inside = (n_labels > a) & (n_labels < b)
    grid = np.concatenate([[a], n_labels[inside], [b]])
    curve = np.concatenate([ends[:1], scores[inside], ends[1:]])
    return float(auc(grid, curve) / (b - a))


@overload
def labels_to_reach(n_labels: ArrayLike, scores: ArrayLike, target: float) -> float: ...
@overload
def labels_to_reach(
    n_labels: ArrayLike, scores: ArrayLike, target: ArrayLike
) -> float | NDArray[np.float64]: ...
def labels_to_reach(
    n_labels: ArrayLike, scores: ArrayLike, target: ArrayLike
) -> float | NDArray[np.float64]:
    """Count the labels it takes to reach a score for the first time.

    Points are joined by straight lines, so the answer may lie between two rounds.

    Parameters
    ----------
    n_labels : array-like of shape (n_points,)
        Labels the models were trained on, strictly increasing.
    scores : array-like of shape (n_points,)
        Their scores, higher is better. They may dip: the first crossing counts.
    target : float or array-like of float
        The score, or several.

    Returns
    -------
    float or ndarray of float
        Labels for each target, ``inf`` where the curve never gets there. A target
        that the first point reaches takes at most that many labels: its count.

    Raises
    ------
    ValueError
        If the points are no curve, or a target is NaN.

    See Also
    --------
    label_efficiency : The ratio of two such counts.
    answers_to_reach : The same for answers about pairs.

    Examples
    --------
    >>> from skal.metrics import labels_to_reach
    >>> labels_to_reach([10, 20, 40], [0.5, 0.75, 0.875], 0.625)
    15.0
    >>> labels_to_reach([10, 20, 40], [0.5, 0.75, 0.875], [0.4, 0.75, 0.9])
    array([10., 20., inf])
    """
    return first_counts(n_labels, scores, target, "n_labels")


@overload
def answers_to_reach(
    n_answers: ArrayLike, scores: ArrayLike, target: float
) -> float: ...
@overload
def answers_to_reach(
    n_answers: ArrayLike, scores: ArrayLike, target: ArrayLike
) -> float | NDArray[np.float64]: ...
def answers_to_reach(
    n_answers: ArrayLike, scores: ArrayLike, target: ArrayLike
) -> float | NDArray[np.float64]:
    """Count the answers about pairs it takes to reach a score for the first time.

    What :func:`labels_to_reach` is to labels. Count answers, not the share of all pairs
    they are: that depends on the number of rows, and nobody pays for it.

    Parameters
    ----------
    n_answers : array-like of shape (n_points,)
        Answers the groups or preferences were learnt from, strictly increasing. Begin
        at 0, where nothing has been asked; count "cannot tell" too.
    scores : array-like of shape (n_points,)
        Their scores, higher is better, such as the adjusted Rand index or Kendall's
        tau. They may dip: the first crossing counts.
    target : float or array-like of float
        The score, or several.

    Returns
    -------
    float or ndarray of float
        Answers for each target, ``inf`` where the curve never gets there.

    Raises
    ------
    ValueError
        If the points are no curve, or a target is NaN.

    See Also
    --------
    labels_to_reach : The same for labels.
    skal.cluster.ActiveClusterer : Its ``staged_labels`` are what to score.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.metrics import adjusted_rand_score
    >>> from skal.cluster import ActiveClusterer
    >>> from skal.metrics import answers_to_reach
    >>> X, y = load_iris(return_X_y=True)
    >>> clusterer = ActiveClusterer(n_queries=60, random_state=0).fit(X, y)
    >>> staged = clusterer.staged_labels()
    >>> scores = [adjusted_rand_score(y, labels) for labels in staged]
    >>> n_answers = [0, *clusterer.history_["n_queries"]]
    >>> answers_to_reach(n_answers, scores, 0.8) < 60
    True
    """
    return first_counts(n_answers, scores, target, "n_answers")


def first_counts(
    counts: ArrayLike, scores: ArrayLike, target: ArrayLike, name: str
) -> float | NDArray[np.float64]:
    """Return where a curve first reaches each target; ``name`` is that of counts."""
    n_labels, scores = checked_curve(counts, scores, name)
    target = np.asarray(target, dtype=float)
    if np.isnan(target).any():
        raise ValueError("target must be a score, got NaN.")
    best = np.maximum.accumulate(scores)
    after = np.searchsorted(best, target)  # the first point at or above the target
    reached = np.minimum(after, len(scores) - 1)
    before = np.maximum(reached - 1, 0)
    rise = scores[reached] - scores[before]
    between = (after > 0) & (after < len(scores))
    share = np.divide(
        target - scores[before], rise, out=np.ones_like(target), where=between
    )
    labels = n_labels[before] + share * (n_labels[reached] - n_labels[before])
    labels = np.where(after < len(scores), labels, np.inf)
    return float(labels) if labels.ndim == 0 else labels


def label_efficiency(
    n_labels: ArrayLike,
    scores: ArrayLike,
    baseline_n_labels: ArrayLike,
    baseline_scores: ArrayLike,
    *,
    targets: ArrayLike | None = None,
) -> NDArray[np.float64]:
    r"""Tell how many times as many labels the baseline needs for the same score.

    .. math:: \mathrm{LE}(s) = \frac{\text{labels the baseline needs to reach } s}
        {\text{labels used to reach } s}

    2 means half the labels; below 1 the baseline is better.

    Parameters
    ----------
    n_labels : array-like of shape (n_points,)
        Labels the models were trained on, strictly increasing.
    scores : array-like of shape (n_points,)
        Their scores, higher is better.
    baseline_n_labels : array-like of shape (n_baseline_points,)
        The same of the baseline, most often random sampling with the same initial
        labels.
    baseline_scores : array-like of shape (n_baseline_points,)
        Scores of the baseline.
    targets : array-like of float of shape (n_targets,), default=None
        Scores at which to compare. None compares at each of ``n_labels``: the score
        is then the best up to that count, and the labels used are that count.

    Returns
    -------
    ndarray of float of shape (n_points,) or (n_targets,)
        The label efficiency; NaN where the baseline never reaches the score, 0 where
        only the baseline reaches it, infinite where the score takes no labels (a
        curve that begins at 0), NaN where it takes neither side any.

    Raises
    ------
    ValueError
        If either set of points is no curve, or a target is NaN.

    See Also
    --------
    labels_to_reach : The counts themselves.

    Notes
    -----
    **What counts as a label.** Every label that was paid for before the model was
    trained, on both sides alike: initial labels, bought ones, and those of a
    validation set. Pass the counts the models were really trained on
    (``history_["n_labels"]``), not the planned ones: a pool that runs out or a rule
    that stops early makes them differ.

    Curves are joined by straight lines, and only new best scores count, so a dip
    neither helps nor harms. A score that the baseline reaches with its first point
    may have taken it fewer labels than that: read the efficiency there as an upper
    bound. Average ratios over seeds by their logarithms, or compare mean curves.

    References
    ----------
    .. [1] Beck, Sivasubramanian, Dani, Ramakrishnan and Iyer (2021). Effective
       evaluation of deep active learning on image classification tasks.
       arXiv:2106.15324

    Examples
    --------
    >>> from skal.metrics import label_efficiency
    >>> label_efficiency([10, 20, 40], [0.5, 0.8, 0.95],
    ...                  [10, 20, 40], [0.5, 0.6, 0.8])
    array([ 1.,  2., nan])
    """
    n_labels, scores = checked_curve(n_labels, scores)
    used: float | NDArray[np.float64] = n_labels
    if targets is None:
        targets = np.maximum.accumulate(scores)
    else:
        targets = np.atleast_1d(np.asarray(targets, dtype=float))
        used = labels_to_reach(n_labels, scores, targets)
    needed = labels_to_reach(baseline_n_labels, baseline_scores, targets)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.isfinite(needed), needed, np.nan) / used


def checked_curve(
    n_labels: ArrayLike, scores: ArrayLike, name: str = "n_labels"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the points of a learning curve as floats after checking them."""
    n_labels = np.asarray(n_labels, dtype=float)
    scores = np.asarray(scores, dtype=float)
    if n_labels.ndim != 1 or n_labels.shape != scores.shape or len(scores) == 0:
        raise ValueError(
            f"{name} and scores must be 1-D with one entry a point each, got shapes "
            f"{n_labels.shape} and {scores.shape}."
        )
    increasing = n_labels[0] >= 0 and np.all(np.diff(n_labels) > 0)
    if not increasing or not np.isfinite(n_labels).all():
        raise ValueError(
            f"{name} must be counts from 0 up, strictly increasing, got "
            f"{n_labels.tolist()}. Sort the points and keep one for each count."
        )
    if not np.isfinite(scores).all():
        raise ValueError(
            f"scores must be finite, got {scores.tolist()}. Drop the points that have "
            "no score."
        )
    return n_labels, scores


def merge_runs(runs):
    """Bring runs to the same numbers of labels, interpolating where they differ."""
    first = max(xs[0] for xs, _ in runs)
    last = min(xs[-1] for xs, _ in runs)
    grid = np.unique(np.concatenate([xs for xs, _ in runs]))
    grid = grid[(grid >= first) & (grid <= last)]
    return grid, np.array([np.interp(grid, xs, ys) for xs, ys in runs])
