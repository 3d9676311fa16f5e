"""Colours that every reader can tell apart."""

from skal._checks import check_choice

#: Okabe and Ito's colours, which colour-blind readers can tell apart as well.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
BASELINE_COLOR = "#767676"


def line_colors(names, baseline):
    """Give the baseline grey and the others colours, in their order."""
    if baseline is None:
        baseline = "random" if "random" in names else None
    else:
        check_choice("baseline", baseline, names)
    colored = [name for name in names if name != baseline]
    colors = {name: COLORS[i % len(COLORS)] for i, name in enumerate(colored)}
    return {**colors, baseline: BASELINE_COLOR}
