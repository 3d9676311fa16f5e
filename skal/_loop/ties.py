"""A strategy that leaves all to chance, because its scores tie."""

from multiprocessing import current_process
from warnings import warn

from skal._checks import name_of

#: What this process has said, if it is a worker.
_SAID: set[str] = set()


def warn_of_ties(strategy, estimator, stacklevel):
    """Say that all candidates had the same score."""
    say(
        f"{name_of(strategy)} cannot choose: all candidates have the same score, so "
        f"its picks are random. {name_of(estimator)} does not tell them apart: it may "
        "have too few labels (raise n_initial), or parameters under which it cannot "
        "learn from so few, or answer with certainty alone. A strategy that looks at "
        'the rows, such as "typiclust", does without its answers.',
        stacklevel,
    )


def say(text, stacklevel):
    """Warn the caller of who calls this; in a worker, once of the same.

    Every learner of a search would say it otherwise.
    """
    if current_process().name != "MainProcess":
        if text in _SAID:
            return
        _SAID.add(text)
    warn(text, stacklevel=stacklevel + 1)
