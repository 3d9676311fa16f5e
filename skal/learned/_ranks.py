"""Where numbers stand among those of a pool: shares from 0 to 1, whatever the scale."""

import numpy as np

#: So many numbers, evenly spread over their order, stand for those of a large pool.
_KNOTS = 512
#: Bits of a number that count: what rounding did to equal rows is no difference.
_BITS = 12


class Ranks:
    """The order of some numbers, by which later ones are ranked too.

    The rank of a number is the share of the pool below it, half of its equals counted.

    Attributes
    ----------
    of_pool : ndarray of float32 of shape (n,)
        The ranks of the numbers themselves.
    """

    def __init__(self, values):
        order = np.argsort(values)
        ordered = values[order]
        if len(ordered) > _KNOTS:
            at = (np.arange(_KNOTS) + 0.5) * len(ordered) / _KNOTS
            self.knots = ordered[at.astype(int)]
        else:
            self.knots = ordered
        # Where the equals of a knot begin and end, one more half of it is passed.
        n = len(ordered)
        ends = [ordered.searchsorted(self.knots, side) for side in ("left", "right")]
        passed = np.bincount(np.concatenate(ends), minlength=n + 1)[:n].cumsum()
        self.of_pool = np.empty(n, np.float32)
        self.of_pool[order] = passed / (2 * len(self.knots))

    def __call__(self, values):
        """Return the rank of each number: float32, from 0 to 1."""
        below = self.knots.searchsorted(values, "left")
        below += self.knots.searchsorted(values, "right")
        return (below / (2 * len(self.knots))).astype(np.float32)


def rounded(values):
    """Return numbers from 0 up as float32, of which 12 bits count."""
    lost = 24 - _BITS
    bits = np.asarray(values, np.float32).view(np.int32)
    half = np.int32(1 << (lost - 1))
    return ((bits + half) & np.int32(-1 << lost)).view(np.float32)
