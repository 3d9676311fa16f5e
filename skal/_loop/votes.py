"""A strategy that reads the probabilities of members who have none but 0 and 1."""

from skal._checks import name_of
from skal._loop.ties import say


def warn_of_votes(strategy, estimator, stacklevel):
    """Say that a committee's probabilities are votes, and what gives it others."""
    say(
        f"{name_of(strategy)} reads the probabilities of the trees of "
        f"{name_of(estimator)}, whose leaves are pure: these are 0 or 1, votes and no "
        'more, of which "entropy", "bald", "consensus_entropy", "kl_divergence" and '
        '"vote_entropy" make one and the same score. Set min_samples_leaf (5, say) or '
        "max_depth, so that trees have doubts of their own, or take a strategy that "
        'looks at the rows too, such as "uherding".',
        stacklevel,
    )
