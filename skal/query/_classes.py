"""What a strategy may know of the classes: those that have a label.

A simulation knows every class of y, a live loop those that were taught. Answers are
padded to all that are known; what a strategy makes of the padding would differ.
"""


def learnt(view, proba):
    """Return probabilities (..., C) without the columns of classes without a label."""
    columns = learnt_columns(view)
    if columns is None or len(columns) == proba.shape[-1]:
        return proba
    return proba[..., columns]


def n_learnt(view):
    """Return the number of classes or labels that the model tells apart, or None."""
    numbers = view.target_type in ("regression", "structured")  # or masks, or boxes
    if numbers or not view.__sklearn_is_fitted__():
        return None
    columns = learnt_columns(view)
    return len(view.classes_ if columns is None else columns)


def learnt_columns(view):
    """Return where the model's classes stand among classes_; None: they are all."""
    return view._columns() if view.target_type == "multiclass" else view._labels.learnt
