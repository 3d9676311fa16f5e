"""Axes for the pictures of results: made, filled and dressed alike."""

import numpy as np


def axes_of(ax):
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1] if ax is None else ax


def row_of_axes(figure, n, width, height):
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


def heat_map(ax, table, label, numbers, top=1.0):
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


def dressed(ax, xlabel, ylabel):
    """Name the axes and keep the frame quiet."""
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color="0.9", lw=0.8)
    ax.set_axisbelow(True)
    ax.legend(loc="best", edgecolor="none", framealpha=0.9)
    return ax
