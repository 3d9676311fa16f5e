"""What is said to a page, in a browser's tab or in a notebook: JSON in, JSON out.

Each file answers requests of one kind; none of them knows of HTTP or of a widget.
"""

from skal.label._page._requests import Answers

__all__ = ["Answers"]
