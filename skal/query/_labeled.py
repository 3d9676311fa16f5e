"""The rows that were asked for, as strategies read them: embedded, or missing."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from skal._data import n_rows
from skal._model import lacking


def check_labels(strategy, view):
    """Refuse a view without labelled rows."""
    if view.n_labels == 0:
        raise lacking(view.estimator, "labels", strategy)


def labeled_of(view):
    """Return the embeddings of the rows that were asked for, None before any.

    Rejected rows are among them: to ask for their like again would teach no more.
    """
    asked = [X for X in (view.X_training, view.X_rejected) if X is not None]
    return stacked([view.embed(X) for X in asked if n_rows(X)])


def stacked(parts):
    """Stack embeddings, dense or CSR; None where there are none."""
    if len(parts) < 2:
        return parts[0] if parts else None
    if sp.issparse(parts[0]):
        return sp.vstack(parts, format="csr")
    return np.concatenate(parts)
