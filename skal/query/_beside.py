"""What a strategy reads of rows beside what they hold: their groups, their costs."""

from skal._checks import name_of
from skal._model import OF_ROWS


def check_beside(strategy, rows):
    """Refuse rows whose groups or costs a strategy needs and nobody has given."""
    for need in sorted(OF_ROWS & strategy.needs):
        if getattr(rows, need) is None:
            raise ValueError(
                f"{need} must be given for {name_of(strategy)}, which reads them, got "
                f"None. Pass {need}= to a learner's fit, query and score_pool; call a "
                f"strategy by itself with Rows(X, {need}=...). A search hands them on "
                "with enable_metadata_routing=True in scikit-learn's configuration."
            )
