"""Pictures of results: how good, how much cheaper, how sure, and what was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skal.experiment._comparisons import Comparisons
from skal.experiment._images import shown_rounds
from skal.experiment._measures import FPR_GRID, title_of
from skal.plotting import LabelCurveDisplay
from skal.plotting._colors import BASELINE_COLOR
from skal.plotting._curves import _line_colors

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Pictures(Comparisons):
    """The ``plot_`` methods of Results; each draws one setting."""

    images: dict[str, Any]

    def plot_curves(
        self,
        metric: str = "accuracy",
        *,
        data: str | None = None,
        estimator: str | None = None,
        ax: Axes | None = None,
        band: str | None = "auto",
        target: float | None = None,
    ) -> Axes:
        """Draw the learning curves: the mean over seeds, with a band.

        Parameters
        ----------
        metric : str, default="accuracy"
            Which column.
        data, estimator : str, default=None
            Which setting; None where there is one.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.
        band : str, default="auto"
            As in :class:`~skal.plotting.LabelCurveDisplay`: the 95 % confidence
            interval of the mean.
        target : float, default=None
            A score, to mark where each line reaches it.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.
        """
        grid, scores = self.paired(metric, *self.setting(data, estimator))
        return LabelCurveDisplay.from_history(
            {name: (grid, runs) for name, runs in scores.items()},
            score_name=title_of(metric),
            ax=_axes(ax),
            band=band,
            target=target,
        ).ax_

    def plot_efficiency(
        self,
        metric: str = "accuracy",
        *,
        data: str | None = None,
        estimator: str | None = None,
        baseline: str = "random",
        ax: Axes | None = None,
    ) -> Axes:
        """Draw how many times as many labels the baseline needs, along its curve.

        Parameters
        ----------
        metric : str, default="accuracy"
            Which column.
        data, estimator : str, default=None
            Which setting; None where there is one.
        baseline : str, default="random"
            The strategy to compare with.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        matplotlib.axes.Axes
            The axes. Lines end where a strategy does not get there.
        """
        found = self.efficiency(
            metric, data=data, estimator=estimator, baseline=baseline
        )
        ax = _axes(ax)
        colors = _line_colors([*found, baseline], baseline)
        ax.axhline(1, color=BASELINE_COLOR, lw=2, label=baseline)
        for name, one in found.items():
            ax.plot(
                one.baseline_labels, one.ratio, color=colors[name], lw=2, label=name
            )
            if np.isfinite(one.low).all():
                ax.fill_between(
                    one.baseline_labels,
                    one.low,
                    one.high,
                    color=colors[name],
                    alpha=0.15,
                    lw=0,
                )
        ax.set_ylim(bottom=0)
        return _dressed(
            ax, f"labels of {baseline}", f"labels of {baseline} / labels needed"
        )

    def plot_penalties(
        self, metric: str = "accuracy", *, alpha: float = 0.05, ax: Axes | None = None
    ) -> Axes:
        """Draw how often each strategy beats each other one beyond doubt.

        Parameters
        ----------
        metric : str, default="accuracy"
            Which column.
        alpha : float, default=0.05
            Level of the tests.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        matplotlib.axes.Axes
            The axes; the last line holds the mean of each column, lower is better.
        """
        table = self.penalties(metric, alpha=alpha)
        names, wins = list(table.columns), table.to_numpy()
        off = ~np.eye(len(names), dtype=bool)
        lost = [
            wins[off[:, j], j].mean() if len(names) > 1 else np.nan
            for j in range(len(names))
        ]
        ax = _axes(ax)
        shown = np.vstack([np.where(off, wins, np.nan), lost])
        _heat(ax, shown, "share", shown.round(2))
        ax.axhline(len(names) - 0.5, color="white", lw=4)
        ax.set_xticks(range(len(names)), names, rotation=30, ha="right")
        ax.set_yticks(range(len(names) + 1), [*names, "beaten by others"])
        if np.isnan(wins).all():
            ax.set_title("cannot tell: fewer than five seeds", loc="left")
        ax.set_xlabel("is beaten at this share of label counts")
        return ax

    def plot_ranks(
        self, metric: str = "accuracy", *, blocks: str = "seeds", ax: Axes | None = None
    ) -> Axes:
        """Draw average ranks; strategies whose bars overlap cannot be told apart.

        Parameters
        ----------
        metric : str, default="accuracy"
            Which column.
        blocks : {"seeds", "settings"}, default="seeds"
            See :meth:`Results.ranks`.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.
        """
        ranking = self.ranks(metric, blocks=blocks)
        ax = _axes(ax)
        colors = _line_colors(self.strategies(), None)
        half = ranking.critical_difference / 2
        for row, (name, rank) in enumerate(
            zip(ranking.names, ranking.ranks, strict=True)
        ):
            if np.isfinite(half):
                ends = [rank - half, rank + half]
                ax.plot(ends, [row, row], color=colors[name], lw=4, alpha=0.4)
            ax.plot(rank, row, "o", color=colors[name], ms=7)
        ax.set_yticks(range(len(ranking.names)), ranking.names)
        ax.set_ylim(len(ranking.names) - 0.5, -0.5)
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(axis="x", color="0.9", lw=0.8)
        ax.set_axisbelow(True)
        ax.set_xlabel("average rank (1 is best)")
        return ax

    def plot_time(
        self,
        metric: str = "accuracy",
        *,
        data: str | None = None,
        estimator: str | None = None,
        ax: Axes | None = None,
    ) -> Axes:
        """Draw the score against the seconds spent on choosing and training.

        Parameters
        ----------
        metric : str, default="accuracy"
            Which column.
        data, estimator : str, default=None
            Which setting; None where there is one.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        matplotlib.axes.Axes
            The axes: means over seeds, round by round.
        """
        setting = self.setting(data, estimator)
        ax = _axes(ax)
        runs = self.runs(metric, *setting)
        colors = _line_colors(list(runs), None)
        for name in runs:
            timed = self.timed(*setting, name)
            curves = [_against_time(one, metric) for one in timed]
            if not curves:
                continue
            n = min(len(curve[0]) for curve in curves)
            seconds, scores = np.mean([[s[:n], v[:n]] for s, v in curves], axis=0)
            ax.plot(seconds, scores, color=colors[name], lw=2, label=name)
        return _dressed(ax, "seconds of choosing and training", title_of(metric))

    def plot_confusion(
        self,
        *,
        n_labels: int | None = None,
        data: str | None = None,
        estimator: str | None = None,
        strategies: list[str] | None = None,
        figure: Figure | None = None,
    ) -> Figure:
        """Draw the confusion matrix of each strategy, summed over seeds.

        Parameters
        ----------
        n_labels : int, default=None
            At how many labels: one of the experiment's ``details_at``; None is the end.
        data, estimator : str, default=None
            Which setting; None where there is one.
        strategies : list of str, default=None
            Which strategies; None draws all.
        figure : matplotlib.figure.Figure, default=None
            Where to draw; None makes a new one.

        Returns
        -------
        matplotlib.figure.Figure
            The figure: shares of each true class in per cent.
        """
        setting = self.setting(data, estimator)
        found = self.details("confusion", setting, n_labels)
        found = {
            n: m for n, m in found.items() if strategies is None or n in strategies
        }
        classes = self.definition["data"][setting[0]]["classes"]
        figure, axes = _row_of_axes(figure, len(found), 3.4, 3.4)
        for i, (ax, (name, matrices)) in enumerate(
            zip(axes, found.items(), strict=True)
        ):
            counts = np.sum(matrices, axis=0)
            shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
            few = len(classes) <= 12
            _heat(ax, shares, None, shares.round().astype(int) if few else None, 100)
            if few:
                ax.set_xticks(range(len(classes)), classes)
                ax.set_yticks(range(len(classes)), classes)
            ax.set_title(name, loc="left")
            ax.set_xlabel("predicted")
            if i == 0:
                ax.set_ylabel("true")
        return figure

    def plot_roc(
        self,
        *,
        n_labels: int | None = None,
        data: str | None = None,
        estimator: str | None = None,
        ax: Axes | None = None,
    ) -> Axes:
        """Draw the ROC curve of each strategy: the mean over classes and seeds.

        Parameters
        ----------
        n_labels : int, default=None
            At how many labels: one of the experiment's ``details_at``; None is the end.
        data, estimator : str, default=None
            Which setting; None where there is one.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.
        """
        found = self.details("roc", self.setting(data, estimator), n_labels)
        if not found:
            raise ValueError("ROC curves need an estimator with predict_proba.")
        ax = _axes(ax)
        colors, lowest = _line_colors(list(found), None), 1.0
        for name, curves in found.items():
            mean = np.nanmean(np.array(curves, float), axis=(0, 1))
            ax.plot(FPR_GRID, mean, color=colors[name], lw=2, label=name)
            lowest = min(lowest, np.interp(0.3, FPR_GRID, mean))
        ax.plot([0, 1], [0, 1], color="0.8", lw=1, ls=(0, (1, 2)))
        if lowest > 0.9:  # the rest of the square is empty
            ax.set(xlim=(-0.006, 0.3), ylim=(0.49, 1.01))
        return _dressed(ax, "false positive rate", "true positive rate")

    def plot_asked(
        self,
        *,
        data: str | None = None,
        estimator: str | None = None,
        strategies: list[str] | None = None,
        figure: Figure | None = None,
    ) -> Figure:
        """Draw what was asked: images of one seed, by round.

        Parameters
        ----------
        data, estimator : str, default=None
            Which setting; None where there is one.
        strategies : list of str, default=None
            Which strategies; None draws all.
        figure : matplotlib.figure.Figure, default=None
            Where to draw; None makes a new one.

        Returns
        -------
        matplotlib.figure.Figure
            The figure: a row for each round, the most wanted image first.

        Raises
        ------
        ValueError
            If the data holds no images.
        """
        setting = self.setting(data, estimator)
        records = [
            record
            for record in self.records
            if (record["data"], record["estimator"]) == setting
            and record["key"] in self.images
            and (strategies is None or record["strategy"] in strategies)
        ]
        if not records:
            raise ValueError(
                f"plot_asked needs images, got none for {setting[0]!r}. "
                "plot_asked_classes shows classes instead."
            )
        figure, axes = _row_of_axes(figure, len(records), 3.2, 3.0)
        for ax, record in zip(axes, records, strict=True):
            images = self.images[record["key"]]
            rounds = shown_rounds(len(record["asked"]))
            mosaic, height = mosaic_of(images)
            ax.imshow(mosaic, cmap="gray_r", interpolation="nearest")
            middles = (np.arange(len(images)) + 0.5) * height - 0.5
            ax.set_yticks(middles, [record["n_labels"][i - 1] for i in rounds])
            ax.set_xticks([])
            ax.spines[:].set_visible(False)
            ax.tick_params(length=0)
            ax.set_title(record["strategy"], loc="left")
            ax.set_xlabel(f"asked first to last, seed {record['seed']}")
        axes[0].set_ylabel("asked after this many labels")
        return figure

    def plot_asked_classes(
        self,
        *,
        data: str | None = None,
        estimator: str | None = None,
        figure: Figure | None = None,
    ) -> Figure:
        """Draw which classes were asked in each round, the mean over seeds.

        Parameters
        ----------
        data, estimator : str, default=None
            Which setting; None where there is one.
        figure : matplotlib.figure.Figure, default=None
            Where to draw; None makes a new one.

        Returns
        -------
        matplotlib.figure.Figure
            The figure: shares of the labels bought in each round.
        """
        setting = self.setting(data, estimator)
        found: dict[str, list[Any]] = {}
        for record in self.records:
            here = (record["data"], record["estimator"]) == setting
            if here and record["asked_counts"]:
                found.setdefault(record["strategy"], []).append(record["asked_counts"])
        if not found:
            raise ValueError("plot_asked_classes needs classes, got numbers.")
        classes = self.definition["data"][setting[0]]["classes"]
        figure, axes = _row_of_axes(figure, len(found), 3.2, 2.8)
        shares = {name: _mean_shares(counts) for name, counts in found.items()}
        top = max(share[:, 1:].max(initial=0) for share in shares.values())
        for i, (ax, (name, share)) in enumerate(zip(axes, shares.items(), strict=True)):
            image = _heat(ax, share, None, None, max(top, 1e-9))
            ax.set_title(name, loc="left")
            ax.set_xlabel("round")
            if len(classes) <= 20:
                ax.set_yticks(range(len(classes)), classes if i == 0 else [])
        axes[0].set_ylabel("class")
        figure.colorbar(image, ax=axes, label="share of the round")
        return figure

    def details(
        self, kind: str, setting: tuple[str, str], n_labels: int | None
    ) -> dict[str, list[Any]]:
        """Return what was kept at some number of labels, by strategy.

        Parameters
        ----------
        kind : {"confusion", "roc"}
            What.
        setting : tuple of str
            Data set and estimator.
        n_labels : int or None
            At how many labels; None is the end.

        Returns
        -------
        dict of str to list
            An entry a seed.
        """
        found: dict[str, list[Any]] = {}
        for record in self.records:
            kept = record["details"]
            if (record["data"], record["estimator"]) != setting or not kept:
                continue
            count = str(max(map(int, kept)) if n_labels is None else n_labels)
            if count not in kept:
                words = ", ".join(sorted(kept, key=int))
                raise ValueError(
                    f"n_labels must be one of {words}, got {n_labels!r}. Others are "
                    "kept where details_at names them."
                )
            if kept[count][kind] is not None:
                found.setdefault(record["strategy"], []).append(kept[count][kind])
        return found


def _against_time(outcome, metric):
    """Return seconds spent by the end of each round, and the scores."""
    timings = outcome["timings"]
    spent = np.nan_to_num(np.array(timings["query_seconds"], float))
    spent = np.cumsum(spent + np.array(timings["fit_seconds"], float))
    return spent, np.array(outcome["record"]["metrics"][metric], float)


def _mean_shares(counts):
    """Return the mean share of each class (rows) in each round (columns)."""
    n = min(map(len, counts))
    table = np.array([one[:n] for one in counts], float)  # (seeds, rounds, classes)
    shares = table / np.maximum(table.sum(axis=2, keepdims=True), 1)
    return shares.mean(axis=0).T


def mosaic_of(images):
    """Lay rows of images out as one.

    Parameters
    ----------
    images : ndarray of shape (n_rows, n_columns, H, W), or with channels
        The images.

    Returns
    -------
    mosaic : ndarray of shape (height, width) or (height, width, 3)
        Them all, with gaps of paper; grey ones from 0 (paper) to 1 (ink).
    height : int
        Pixels from one row to the next.
    """
    images = np.asarray(images, float)
    if images.ndim == 5 and images.shape[2] in (1, 3) and images.shape[4] not in (1, 3):
        images = np.moveaxis(images, 2, 4)
    if images.ndim == 5 and images.shape[4] == 1:
        images = images[..., 0]
    low, high = images.min(), images.max()
    images = (images - low) / (high - low or 1)
    gap = max(1, images.shape[2] // 8)
    pad = [(0, 0), (0, 0), (0, gap), (0, gap)] + [(0, 0)] * (images.ndim - 4)
    paper = 0.0 if images.ndim == 4 else 1.0
    images = np.pad(images, pad, constant_values=paper)
    rows, columns, height, width = images.shape[:4]
    mosaic = images.swapaxes(1, 2).reshape(rows * height, columns * width, -1)
    return mosaic[..., 0] if images.ndim == 4 else mosaic, height


def _axes(ax):
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1] if ax is None else ax


def _row_of_axes(figure, n, width, height):
    """Return a figure with axes side by side, in rows of four at most."""
    import matplotlib.pyplot as plt

    columns = min(n, 4)
    rows = -(-n // columns)
    if figure is None:
        figure = plt.figure(layout="constrained")
    figure.set_size_inches(width * columns + 0.6, height * rows + 0.3)
    axes = np.ravel(figure.subplots(rows, columns, squeeze=False))
    for ax in axes[n:]:
        ax.set_visible(False)
    return figure, list(axes[:n])


def _heat(ax, table, label, numbers, top=1.0):
    """Draw a table in colours, with its numbers where there is room."""
    image = ax.imshow(table, cmap="Blues", vmin=0, vmax=top, aspect="auto")
    if label is not None:
        ax.figure.colorbar(image, ax=ax, label=label)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    if numbers is None:
        return image
    for (i, j), value in np.ndenumerate(numbers):
        if np.isfinite(value) and value != 0:
            color = "white" if table[i, j] > 0.6 * top else "0.2"
            ax.text(j, i, f"{value:g}", ha="center", va="center", color=color, size=8)
    return image


def _dressed(ax, xlabel, ylabel):
    """Name the axes and keep the frame quiet."""
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color="0.9", lw=0.8)
    ax.set_axisbelow(True)
    ax.legend(edgecolor="none", framealpha=0.9)
    return ax
