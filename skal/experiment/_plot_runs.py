"""Methods of Results that draw runs: who is taken for whom, and what was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skal._checks import check_choice
from skal.experiment._amounts import unit_of
from skal.experiment._asked_images import shown_rounds
from skal.experiment._measures import FPR_GRID
from skal.experiment._plot_axes import axes_of, dressed, heat_map, row_of_axes
from skal.plotting import line_colors

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from skal.experiment._results import Results


def plot_confusion(
    self: Results,
    *,
    n_labels: int | None = None,
    data: str | None = None,
    estimator: str | None = None,
    strategies: str | list[str] | None = None,
    figure: Figure | None = None,
) -> Figure:
    """Draw the confusion matrix of each strategy, summed over seeds.

    Parameters
    ----------
    n_labels : int, default=None
        At how many labels: one of the experiment's ``details_at``; None is the end.
    data, estimator : str, default=None
        Which setting; None where there is one.
    strategies : str or list of str, default=None
        Which strategies; None draws all.
    figure : matplotlib.figure.Figure, default=None
        Where to draw; None makes a new one.

    Returns
    -------
    matplotlib.figure.Figure
        The figure: shares of each true class in per cent.

    Raises
    ------
    ValueError
        If rows have no class each, or nothing was kept at that number of labels.
    """
    setting = self.setting(data, estimator)
    found = self.details("confusion", setting, n_labels)
    wanted = _wanted(self, strategies)
    found = {name: one for name, one in found.items() if name in wanted}
    if not found:
        raise ValueError("plot_confusion needs classes of rows, got none.")
    classes = self.definition["data"][setting[0]]["classes"]
    figure, axes = row_of_axes(figure, len(found), 3.4, 3.4)
    for i, (ax, (name, matrices)) in enumerate(zip(axes, found.items(), strict=True)):
        counts = np.sum(matrices, axis=0)
        shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        few = len(classes) <= 12
        heat_map(ax, shares, None, shares.round().astype(int) if few else None, 100)
        if few:
            ax.set_xticks(range(len(classes)), classes)
            ax.set_yticks(range(len(classes)), classes)
        ax.set_title(name, loc="left")
        ax.set_xlabel("predicted")
        if i == 0:
            ax.set_ylabel("true")
    return figure


def plot_roc(
    self: Results,
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
        raise ValueError(
            "ROC curves need an estimator with predict_proba, and classes of rows."
        )
    ax = axes_of(ax)
    colors, lowest = line_colors(list(found), None), 1.0
    for name, curves in found.items():
        mean = np.nanmean(np.array(curves, float), axis=(0, 1))
        ax.plot(FPR_GRID, mean, color=colors[name], lw=2, label=name)
        lowest = min(lowest, np.interp(0.3, FPR_GRID, mean))
    ax.plot([0, 1], [0, 1], color="0.8", lw=1, ls=(0, (1, 2)))
    if lowest > 0.9:  # the rest of the square is empty
        ax.set(xlim=(-0.006, 0.3), ylim=(0.49, 1.01))
    return dressed(ax, "false positive rate", "true positive rate")


def plot_asked(
    self: Results,
    *,
    data: str | None = None,
    estimator: str | None = None,
    strategies: str | list[str] | None = None,
    figure: Figure | None = None,
) -> Figure:
    """Draw what was asked: images of one seed, by round.

    Parameters
    ----------
    data, estimator : str, default=None
        Which setting; None where there is one.
    strategies : str or list of str, default=None
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
    setting, wanted = self.setting(data, estimator), _wanted(self, strategies)
    records = [
        record
        for record in self.records
        if (record["data"], record["estimator"]) == setting
        and record["key"] in self.images
        and record["strategy"] in wanted
    ]
    if not records:
        raise ValueError(
            f"plot_asked needs images, got none for {setting[0]!r}. "
            "plot_asked_classes shows classes instead."
        )
    figure, axes = row_of_axes(figure, len(records), 3.2, 3.0)
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
    counted = "cells" if unit_of(self, setting[0]) == "cells" else "labels"
    axes[0].set_ylabel(f"asked after this many {counted}")
    return figure


def plot_asked_classes(
    self: Results,
    *,
    data: str | None = None,
    estimator: str | None = None,
    strategies: str | list[str] | None = None,
    figure: Figure | None = None,
) -> Figure:
    """Draw which classes were asked in each round, the mean over seeds.

    Parameters
    ----------
    data, estimator : str, default=None
        Which setting; None where there is one.
    strategies : str or list of str, default=None
        Which strategies; None draws all.
    figure : matplotlib.figure.Figure, default=None
        Where to draw; None makes a new one.

    Returns
    -------
    matplotlib.figure.Figure
        The figure: shares of the labels bought in each round.
    """
    setting, wanted = self.setting(data, estimator), _wanted(self, strategies)
    found: dict[str, list[Any]] = {}
    for record in self.records:
        here = (record["data"], record["estimator"]) == setting
        if here and record["strategy"] in wanted and record["asked_counts"]:
            found.setdefault(record["strategy"], []).append(record["asked_counts"])
    if not found:
        raise ValueError("plot_asked_classes needs classes of rows, got none.")
    classes = self.definition["data"][setting[0]]["classes"]
    figure, axes = row_of_axes(figure, len(found), 3.2, 2.8)
    shares = {name: _mean_shares(counts) for name, counts in found.items()}
    top = max(share[:, 1:].max(initial=0) for share in shares.values())
    for i, (ax, (name, share)) in enumerate(zip(axes, shares.items(), strict=True)):
        image = heat_map(ax, share, None, None, max(top, 1e-9))
        ax.set_title(name, loc="left")
        ax.set_xlabel("round")
        if len(classes) <= 20:
            ax.set_yticks(range(len(classes)), classes if i == 0 else [])
    axes[0].set_ylabel("class")
    figure.colorbar(image, ax=axes, label="share of the round")
    return figure


def details(
    self: Results, kind: str, setting: tuple[str, str], n_labels: int | None
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


def _wanted(results, strategies):
    """Return the names of the strategies to draw."""
    if strategies is None:
        return results.strategies()
    wanted = [strategies] if isinstance(strategies, str) else list(strategies)
    for name in wanted:
        check_choice("strategies", name, results.strategies())
    return wanted


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
