"""Say what has become of a private module that a pickle of an earlier skal names."""

import sys

#: Private modules of skal 0.1 that are no more.
GONE = frozenset(
    f"skal.{name}"
    for name in (
        "_composition",
        "_demo",
        "_fit_weight",
        "_history",
        "_initial",
        "_labels",
        "_learner",
        "_lesson",
        "_memo",
        "_modal",
        "_params",
        "_pseudo_fit",
        "_resolver",
        "_rows",
        "_simulation",
        "_targets",
        "_training",
        "_unharmed",
        "_view",
        "experiment._axes",
        "experiment._close_ups",
        "experiment._command",
        "experiment._curves",
        "experiment._images",
        "experiment._pictures",
        "experiment._tables",
        "experiment._words",
        "nets._answers",
        "nets._bridge",
        "nets._building",
        "nets._fitting",
        "nets._loop",
        "nets._placement",
        "nets._source",
        "query._compose",
        "query._distances",
    )
)


class MovedFinder:
    """Answer for private modules of an earlier skal that are no more.

    A pickle names the module of every class in it. Private modules move between
    versions, and what was fitted by an earlier one would not work in this one.
    """

    @staticmethod
    def find_spec(name, path=None, target=None):
        """Say what to do about a module that is gone; others are not ours."""
        if name in GONE:
            raise ModuleNotFoundError(
                f"{name} has moved or is gone. An object that another version of skal "
                "has pickled must be made and fitted again with this one, or loaded "
                "with the version that made it.",
                name=name,
            )


def answer_for_moved_modules():
    """Put the finder behind all others, once."""
    if MovedFinder not in sys.meta_path:
        sys.meta_path.append(MovedFinder)
