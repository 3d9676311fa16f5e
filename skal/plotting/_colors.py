"""Colours that every reader can tell apart."""

#: Okabe and Ito's colours, which colour-blind readers can tell apart as well.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
BASELINE_COLOR = "#767676"
