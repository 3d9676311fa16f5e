"""Draw how the cost of a query grows, and set it beside what the docstrings state.

Reads ``results/cost_growth.csv``, which ``cost_growth.py`` measured, and writes the
picture and the table of ``docs/cost_growth.md``. An exponent is the slope of the last
decade of rows, on logarithmic scales: 1 is linear, 2 quadratic.
"""

import re
import sys
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from cost_growth import ROOT, SIZES, measured
from PIL import Image

sys.path.insert(0, str(ROOT / "docs"))
from strategy_tables import GROUPS, entries

PAGE = ROOT / "docs" / "cost_growth.md"
PICTURE = ROOT / "docs" / "images" / "cost_growth.png"
BEGIN = "<!-- made by benchmarks/cost_growth_picture.py -->\n"
END = "<!-- made until here -->\n"
N_COLUMNS = 8
#: What is too little to measure growth by, in seconds and in bytes.
LEAST = (0.02, 4e6)
#: By how much an exponent may be above what is stated, for caches and allocations.
SLACK = 0.25
COLORS = ("#1f5fa8", "#d1661c")


@dataclass(frozen=True)
class Growth:
    """What was measured of a strategy; ``values`` are seconds and bytes, (2, sizes)."""

    name: str
    group: str
    cost: str
    sizes: np.ndarray
    values: np.ndarray
    ended: str

    @property
    def stated(self):
        """The power of n in what the docstring states, 0 where n is not in it."""
        powers = [
            int(power or 1) for power in re.findall(r"\bn\b(?:\^(\d))?", self.cost)
        ]
        return max(powers, default=0)

    def exponent(self, which):
        """Return the slope of seconds (0) or bytes (1); NaN for too little."""
        last = self.sizes >= self.sizes[-1:] / 10.5
        known = last & (self.values[which] >= LEAST[which])
        if known.sum() < 2:
            return float("nan")
        sizes, values = np.log(self.sizes[known]), np.log(self.values[which, known])
        return float(np.polyfit(sizes, values, 1)[0])

    @property
    def is_above(self):
        """Whether the seconds or the bytes grow faster than stated."""
        most = max(self.stated, 1) + SLACK  # every strategy looks at all rows
        return any(self.exponent(which) > most for which in range(2))


def growths():
    """Return what was measured of each strategy that was, group by group."""
    known, order = measured(), list(GROUPS)
    found = []
    for entry in sorted(entries(), key=lambda entry: order.index(entry.group)):
        if entry.name not in known:
            continue
        rows = sorted(known[entry.name].items())
        whole = [(n, *values) for n, (*values, ended) in rows if not ended]
        ended = "".join(ended for _, (*_, ended) in rows)
        table = np.array(whole, dtype=float).reshape(-1, 3)
        found.append(
            Growth(
                entry.name, entry.group, entry.cost, table[:, 0], table[:, 1:].T, ended
            )
        )
    return found


def draw(found):
    """Draw a small picture a strategy, of seconds and gigabytes by rows."""
    mpl.use("agg")
    from matplotlib import pyplot as plt

    n_lines = -(-len(found) // N_COLUMNS)
    figure, places = plt.subplots(
        n_lines, N_COLUMNS, sharex=True, sharey=True, figsize=(13, 1.45 * n_lines)
    )
    for place in places.ravel()[len(found) :]:
        place.set_visible(False)
    for place, one in zip(places.ravel(), found, strict=False):
        draw_one(place, one)
    head = {"va": "top", "fontsize": 10, "y": 0.999}
    figure.text(x=0.03, s="seconds on one core", color=COLORS[0], **head)
    figure.text(x=0.15, s="gigabytes beyond the pool", color=COLORS[1], **head)
    told = "by rows of the pool. Grey: linear. Numbers: the slope of the last decade"
    figure.text(x=0.31, s=f"{told}; bold where one is above what is stated.", **head)
    figure.tight_layout(rect=(0, 0, 1, 0.985), h_pad=0.4, w_pad=0.3)
    figure.savefig(PICTURE, dpi=100)
    few_colors = Image.open(PICTURE).convert("RGB").quantize(32)
    few_colors.save(PICTURE, optimize=True)


def draw_one(place, one):
    """Draw the growth of a strategy into its place."""
    ends = np.array([SIZES[0], SIZES[-1]], dtype=float)
    for start in (1e-6, 1e-4, 1e-2):
        place.plot(ends, start * ends / ends[0], color="0.87", lw=0.7)
    for which, (color, scale) in enumerate(zip(COLORS, (1, 1e-9), strict=True)):
        known = one.values[which] > 0  # less than the system can tell
        values = one.values[which, known] * scale
        place.plot(one.sizes[known], values, ".-", color=color, ms=3, lw=1)
        power = one.exponent(which)
        words = "" if np.isnan(power) else f"{power:.2f}"
        at = {"x": 0.03, "y": 0.80 - 0.17 * which, "transform": place.transAxes}
        place.text(s=words, color=color, fontsize=7.5, **at)
    weight = "bold" if one.is_above else None
    place.set_title(one.name, fontsize=7.5, pad=2, weight=weight)
    place.set(xscale="log", yscale="log", xlim=(7e2, 1.4e7), ylim=(5e-5, 60))
    place.set(xticks=[1e3, 1e5, 1e7], yticks=[1e-4, 1e-2, 1])
    place.tick_params(labelsize=6, length=2, pad=1)
    place.minorticks_off()
    place.spines[["top", "right"]].set_visible(False)


def table(found):
    """Return the table in Markdown."""
    lines = [
        "| strategy | stated | rows | seconds | grows as | MB | grows as |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in found:
        if not len(one.sizes):
            lines.append(f"| {one.name} | {one.cost} | {one.ended} | | | | |")
            continue
        seconds, size = one.values[:, -1]
        powers = [one.exponent(which) for which in range(2)]
        grown = ["" if np.isnan(power) else f"n^{power:.2f}" for power in powers]
        last = f"{one.sizes[-1]:.0e}".replace("e+0", "e")
        if one.sizes[-1] != 10 ** round(np.log10(one.sizes[-1])):
            last = f"{one.sizes[-1]:,.0f}".replace(",", " ")
        lines.append(
            f"| {one.name} | {one.cost} | {last} | {seconds:.2g} | {grown[0]} "
            f"| {size / 1e6:.3g} | {grown[1]} |"
        )
    return "\n".join(lines) + "\n"


def main():
    found = growths()
    draw(found)
    if PAGE.is_file():
        before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
        _, _, after = rest.partition(END)
        PAGE.write_text(f"{before}{BEGIN}{table(found)}{END}{after}", "utf-8")
    for one in found:
        if one.is_above:
            powers = [f"{one.exponent(which):.2f}" for which in range(2)]
            sys.stdout.write(f"{one.name}: {powers}, stated {one.cost}\n")


if __name__ == "__main__":
    main()
