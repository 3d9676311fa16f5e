"""Label curves: scores against the number of labels bought."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats
from sklearn.base import is_regressor
from sklearn.metrics import check_scoring
from sklearn.utils.validation import check_is_fitted

from skal._checks import check_choice, name_of, nearest_first
from skal.metrics import labels_to_reach, merge_runs
from skal.metrics._scorer import at_the_end
from skal.plotting._colors import BASELINE_COLOR, line_colors

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Self

    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

BANDS = {
    "mean": ("ci", "se", "std", "quartiles", "range"),
    "median": ("quartiles", "range"),
}


class LabelCurveDisplay:
    """Scores against the number of labels bought, one line a strategy.

    The one picture that tells whether asking saved labels: read it from left to right
    at a fixed score. Each line is the average over repeated runs (seeds), and its band
    says how far the average or the runs may be trusted.

    Make it with :meth:`from_learners` or :meth:`from_history`; the constructor only
    stores.

    Parameters
    ----------
    curves : dict of str to tuple of ndarray
        For each name ``(n_labels, scores)``, of shapes (n_rounds,) and
        (n_seeds, n_rounds).
    score_name : str, default="score"
        Name of the vertical axis.
    count_name : str, default="labels"
        What was counted: name of the horizontal axis, such as "answers" or "cost".

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Where the curves were drawn.
    figure_ : matplotlib.figure.Figure
        The figure around it.
    lines_ : dict of str to matplotlib.lines.Line2D
        The average of each curve.
    bands_ : dict of str to matplotlib.collections.FillBetweenPolyCollection
        The bands; a curve of a single run has none.

    See Also
    --------
    plot_queries : Where in the pool the labels were bought.
    skal.callback.HeldOutMonitor : Record scores during one fit.
    skal.metrics.labels_to_reach : The same picture in one number.

    References
    ----------
    M. Okabe and K. Ito, Color Universal Design: how to make figures and presentations
    that are friendly to colorblind people, 2008.

    Examples
    --------
    >>> from skal.plotting import LabelCurveDisplay
    >>> display = LabelCurveDisplay.from_history(
    ...     {
    ...         "margin": ([10, 20, 30], [[0.5, 0.8, 0.9], [0.6, 0.8, 0.9]]),
    ...         "random": ([10, 20, 30], [[0.5, 0.7, 0.8], [0.6, 0.6, 0.9]]),
    ...     },
    ...     score_name="accuracy",
    ... )
    >>> display.ax_.get_xlabel(), display.ax_.get_ylabel()
    ('labels', 'accuracy')
    """

    def __init__(
        self,
        *,
        curves: dict[str, Any],
        score_name: str = "score",
        count_name: str = "labels",
    ) -> None:
        self.curves = curves
        self.score_name = score_name
        self.count_name = count_name

    @classmethod
    def from_learners(
        cls,
        learners: Any,
        X: Any,
        y: Any,
        *,
        scoring: str | Callable[..., Any] | None = None,
        score_name: str | None = None,
        ax: Axes | None = None,
        average: str = "mean",
        band: str | None = "auto",
        baseline: str | None = None,
        target: float | None = None,
    ) -> Self:
        """Score fitted learners round by round on held-out rows, and draw.

        The horizontal axis is what the labels cost where all learners were told it, and
        the number of labels otherwise.

        Parameters
        ----------
        learners : dict of str to ActiveLearner, ActiveLearner, or list of them
            Fitted learners by name, a list of them where there are several seeds; or
            one learner, or a list of its seeds, named after their strategy. Each was
            fitted with ``store_estimators=True``; it may be a Pipeline's last step.
        X : array-like of shape (n_test, ...)
            Held-out rows.
        y : array-like of shape (n_test,) or (n_test, n_outputs)
            Their labels.
        scoring : str or callable, default=None
            One measure, as in :class:`~sklearn.model_selection.GridSearchCV`; None
            takes the learner's own ``score``.
        score_name : str, default=None
            Name of the vertical axis; None derives it from ``scoring``.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.
        average : {"mean", "median"}, default="mean"
            See :meth:`plot`.
        band : {"auto", "ci", "se", "std", "quartiles", "range"} or None, default="auto"
            See :meth:`plot`.
        baseline : str, default=None
            See :meth:`plot`.
        target : float, default=None
            See :meth:`plot`.

        Returns
        -------
        LabelCurveDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If ``learners`` holds no learners.
        ValueError
            If a learner kept no models.

        Notes
        -----
        Costs one prediction of X for each round of each learner.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.naive_bayes import GaussianNB
        >>> from skal import ActiveLearner
        >>> from skal.plotting import LabelCurveDisplay
        >>> X, y = load_iris(return_X_y=True)
        >>> learner = ActiveLearner(GaussianNB(), n_labels=40, store_estimators=True)
        >>> curves = {"margin": learner.fit(X[::2], y[::2])}
        >>> display = LabelCurveDisplay.from_learners(curves, X[1::2], y[1::2])
        """
        if hasattr(learners, "fit"):
            learners = [learners]
        if learners and isinstance(learners, list | tuple):
            learners = {_strategy_of(learners): learners}
        _check_named("learners", learners, "a learner or a list of learners")
        groups = {
            name: group if isinstance(group, list | tuple) else [group]
            for name, group in learners.items()
        }
        ends = [last_step(one) for group in groups.values() for one in group]
        priced = all("cost" in getattr(one, "history_", ()) for one in ends)
        unit = "cost" if priced else "labels"
        curves = {
            name: merge_runs(
                [_scored_rounds(name, one, X, y, scoring, unit) for one in group]
            )
            for name, group in groups.items()
        }
        if score_name is None:
            score_name = _score_name(scoring, next(iter(groups.values()))[0])
        return cls(curves=curves, score_name=score_name, count_name=unit).plot(
            ax, average=average, band=band, baseline=baseline, target=target
        )

    @classmethod
    def from_history(
        cls,
        curves: dict[str, Any],
        *,
        score_name: str = "score",
        count_name: str = "labels",
        ax: Axes | None = None,
        average: str = "mean",
        band: str | None = "auto",
        baseline: str | None = None,
        target: float | None = None,
        greater_is_better: bool = True,
    ) -> Self:
        """Draw scores that were recorded elsewhere.

        Parameters
        ----------
        curves : dict of str to tuple
            For each name ``(n_labels, scores)``. Scores have shape (n_rounds,), or
            (n_seeds, n_rounds) for repeated runs; runs of different lengths come as a
            list. ``n_labels`` has shape (n_rounds,), or one such row for each run.
        score_name : str, default="score"
            Name of the vertical axis.
        count_name : str, default="labels"
            What was counted: name of the horizontal axis, such as "answers".
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.
        average : {"mean", "median"}, default="mean"
            See :meth:`plot`.
        band : {"auto", "ci", "se", "std", "quartiles", "range"} or None, default="auto"
            See :meth:`plot`.
        baseline : str, default=None
            See :meth:`plot`.
        target : float, default=None
            See :meth:`plot`.
        greater_is_better : bool, default=True
            See :meth:`plot`.

        Returns
        -------
        LabelCurveDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If ``curves`` is not a dict.
        ValueError
            If ``n_labels`` and ``scores`` do not fit together.

        Notes
        -----
        Where the runs of one curve stopped at different numbers of labels, they are
        interpolated to every number that occurs between the last start and the first
        end, so that each average is over all runs.

        Examples
        --------
        >>> from skal.plotting import LabelCurveDisplay
        >>> curves = {"margin": ([10, 20], [0.5, 0.8])}
        >>> display = LabelCurveDisplay.from_history(curves)
        >>> list(display.lines_)
        ['margin']
        """
        _check_named("curves", curves, "(n_labels, scores)")
        merged = {
            name: merge_runs(_as_runs(name, *curve)) for name, curve in curves.items()
        }
        display = cls(curves=merged, score_name=score_name, count_name=count_name)
        return display.plot(
            ax,
            average=average,
            band=band,
            baseline=baseline,
            target=target,
            greater_is_better=greater_is_better,
        )

    def plot(
        self,
        ax: Axes | None = None,
        *,
        average: str = "mean",
        band: str | None = "auto",
        baseline: str | None = None,
        target: float | None = None,
        greater_is_better: bool = True,
    ) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.
        average : {"mean", "median"}, default="mean"
            What a line shows of its runs.
        band : {"auto", "ci", "se", "std", "quartiles", "range"} or None, default="auto"
            What the band around it shows. Of the mean: ``"ci"``, its 95 % confidence
            interval by Student's t; ``"se"``, plus and minus one standard error. Of
            the runs: ``"std"``, plus and minus one standard deviation;
            ``"quartiles"``, the middle half; ``"range"``, from the worst to the best.
            ``"auto"`` is ``"ci"`` for a mean and ``"quartiles"`` for a median.
        baseline : str, default=None
            The curve to draw in grey, as what the others are compared with. None
            takes the one called ``"random"``, if there is one.
        target : float, default=None
            A score. Marks the number of labels at which each line first reaches it,
            interpolated between rounds, and writes it in the legend.
        greater_is_better : bool, default=True
            False for losses and errors, whose target is reached from above.

        Returns
        -------
        LabelCurveDisplay
            The display itself.

        Raises
        ------
        ValueError
            If ``average``, ``band`` or ``baseline`` is not among the known ones.
        """
        import matplotlib.pyplot as plt

        band = _check_band(average, band)
        colors = line_colors(self.curves, baseline)
        if ax is None:
            ax = plt.subplots(layout="constrained")[1]
        self.ax_, self.figure_ = ax, ax.figure
        self.lines_: dict[str, Line2D] = {}
        self.bands_: dict[str, Any] = {}
        for name, (n_labels, scores) in self.curves.items():
            centre, low, high = summarize(scores, average, band)
            line = ax.plot(n_labels, centre, color=colors[name], lw=2, label=name)[0]
            self.lines_[name] = line
            if low is not None:
                self.bands_[name] = ax.fill_between(
                    n_labels, low, high, color=colors[name], alpha=0.15, lw=0
                )
        if target is not None:
            self._mark_target(target, greater_is_better)
        self._dress()
        return self

    def _mark_target(self, target, greater_is_better):
        """Mark where each line reaches the target, and say so in its label."""
        if not isinstance(target, Real):
            raise TypeError(f"target must be a score, got {target!r}.")
        self.ax_.axhline(target, color=BASELINE_COLOR, lw=1, ls=(0, (1, 2)), zorder=1)
        floor, sign = self.ax_.get_ylim()[0], 1 if greater_is_better else -1
        for name, line in self.lines_.items():
            n_labels, centre = line.get_data()
            reached = labels_to_reach(n_labels, sign * centre, sign * float(target))
            if not np.isfinite(reached):
                line.set_label(f"{name}: never reaches {target:.3g}")
                continue
            spent = f"{reached:.0f} {self.count_name}"
            if self.count_name == "cost":
                spent = f"a cost of {reached:{'.3g' if reached < 100 else '.0f'}}"
            line.set_label(f"{name}: {target:.3g} at {spent}")
            color = line.get_color()
            self.ax_.vlines(reached, floor, target, color=color, lw=1, alpha=0.6)
            self.ax_.plot(reached, target, "o", color=color, ms=5, mec="white")
        self.ax_.set_ylim(bottom=floor)

    def _dress(self):
        """Name the axes, keep the frame quiet, list the lines from the top down."""
        ax = self.ax_
        ax.set(xlabel=self.count_name, ylabel=self.score_name)
        ax.margins(x=0.02)
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(axis="y", color="0.9", lw=0.8)
        ax.set_axisbelow(True)
        top_first = sorted(self.lines_.values(), key=lambda line: -line.get_ydata()[-1])
        ax.legend(loc="best", handles=top_first, edgecolor="none", framealpha=0.9)


def summarize(scores, average, band):
    """Average repeated runs, with the edges of their band.

    Parameters
    ----------
    scores : ndarray of shape (n_seeds, n_rounds)
        One row a run.
    average : {"mean", "median"}
        What to return of the runs.
    band : {"ci", "se", "std", "quartiles", "range"} or None
        See :meth:`LabelCurveDisplay.plot`.

    Returns
    -------
    centre, low, high : ndarray of shape (n_rounds,)
        The average and its band; ``low`` and ``high`` are None without a band, and
        for a single run.
    """
    centre = getattr(np, average)(scores, axis=0)
    n_seeds = len(scores)
    if band is None or n_seeds == 1:
        return centre, None, None
    if band == "quartiles":
        return centre, *np.quantile(scores, [0.25, 0.75], axis=0)
    if band == "range":
        return centre, scores.min(axis=0), scores.max(axis=0)
    width = scores.std(axis=0, ddof=1)
    if band != "std":
        width = width / np.sqrt(n_seeds)
    if band == "ci":
        width = width * stats.t.ppf(0.975, n_seeds - 1)
    return centre, centre - width, centre + width


def _check_named(parameter, named, what):
    """Check that there is something to draw, by name."""
    if not isinstance(named, dict):
        raise TypeError(
            f"{parameter} must be a dict of name to {what}, "
            f"got {type(named).__name__}. Name it, as in {{'margin': ...}}."
        )
    if not named:
        raise ValueError(f"{parameter} must name at least one curve, got {named!r}.")


def last_step(learner):
    """Return the learner itself, which may stand at the end of a Pipeline."""
    return getattr(learner, "steps", [(None, learner)])[-1][1]


def _strategy_of(learners):
    """Name the strategy that learners share."""
    ends = [last_step(one) for one in learners]
    if not all(hasattr(one, "query_strategy") for one in ends):
        raise TypeError(
            "learners must be learners, or a dict of name to a learner or a list of "
            f"learners, got {learners!r}."
        )
    strategies = [one.query_strategy for one in ends]
    names = {one if isinstance(one, str) else name_of(one) for one in strategies}
    if len(names) > 1:
        raise ValueError(
            "learners must be seeds of one strategy, got "
            f"{', '.join(map(repr, sorted(names)))}. Name them in a dict."
        )
    return names.pop()


def _as_runs(name, n_labels, scores):
    """Split one curve into a list of ``(n_labels, scores)``, one a run."""
    scores = [scores] if np.ndim(scores[0]) == 0 else scores
    n_labels = [n_labels] * len(scores) if np.ndim(n_labels[0]) == 0 else n_labels
    if len(n_labels) != len(scores):
        raise ValueError(
            f"curves[{name!r}] must hold one row of n_labels for each of the "
            f"{len(scores)} runs, got {len(n_labels)}. Or give one row for all."
        )
    runs = [
        (np.asarray(xs, float), np.asarray(ys, float))
        for xs, ys in zip(n_labels, scores, strict=True)
    ]
    for xs, ys in runs:
        if xs.shape != ys.shape or (np.diff(xs) <= 0).any():
            raise ValueError(
                f"curves[{name!r}] must hold increasing n_labels, one for each score, "
                f"got {len(xs)} n_labels for {len(ys)} scores: {xs}. Give each "
                f"round once, from few labels to many."
            )
    return runs


def _scored_rounds(name, learner, X, y, scoring, unit):
    """Score a learner as of each of its rounds."""
    check_is_fitted(learner)
    learner, X = at_the_end(learner, X)
    if not learner.store_estimators:
        raise ValueError(
            f"learners[{name!r}] must be fitted with store_estimators=True, got "
            f"store_estimators=False. Or record scores during fit with HeldOutMonitor, "
            f"and draw them with from_history."
        )
    if scoring is None:
        scores = list(learner.staged_score(X, y))
    else:
        scorer = check_scoring(learner, scoring)
        scores = [scorer(stage, X, y) for stage in learner.staged()]
    spent = learner.history_["cost" if unit == "cost" else "n_labels"]
    return _as_runs(name, spent, scores)[0]


def _score_name(scoring, learner):
    """Name a measure for the eye."""
    if scoring is None:
        return "R²" if is_regressor(learner) else "accuracy"
    if not isinstance(scoring, str):
        return getattr(scoring, "__name__", "score")
    return scoring.replace("neg_", "negative ").replace("_", " ")


def _check_band(average, band):
    """Return the band, resolved and checked against the average."""
    check_choice("average", average, BANDS)
    if band == "auto":
        return BANDS[average][0]
    if band is not None and band not in BANDS[average]:
        words = ", ".join(map(repr, nearest_first(band, ("auto", *BANDS[average]))))
        raise ValueError(
            f"band must be one of {words} or None with average={average!r}, "
            f"got {band!r}."
        )
    return band
