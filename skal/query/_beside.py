"""What a strategy reads of rows beside what they hold: their groups, their costs."""

from skal._checks import name_of

#: The words of ``needs`` that rows answer, not the model.
OF_ROWS = ("groups", "costs")


def check_beside(strategy, rows):
    """Refuse rows whose groups or costs a strategy needs and nobody has given."""
    for need in OF_ROWS:
        if need in strategy.needs and getattr(rows, need) is None:
            raise ValueError(
                f"{need} must be given for {name_of(strategy)}, which reads them, got "
                f"None. Pass {need}= to fit and query, or Rows(X, {need}=...)."
            )
