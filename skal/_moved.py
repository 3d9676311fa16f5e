"""Say what has become of a private module that a pickle of an earlier skal names."""

import sys


class MovedFinder:
    """Answer for private modules of skal that nobody else has found.

    A pickle names the module of every class in it. Private modules move between
    versions, and what was fitted by an earlier one would not work in this one.
    """

    @staticmethod
    def find_spec(name, path=None, target=None):
        """Say what to do about a private module of skal; others are not ours."""
        if name.startswith("skal.") and "._" in name:
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
