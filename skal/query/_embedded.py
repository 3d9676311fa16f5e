"""A strategy that looks at rows where a transformer puts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skal.query._picks import describe
from skal.query._transformers import as_seen, check_transformer, fitted_for
from skal.query._wrapper import WrapperStrategy

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from skal.query._base import QueryStrategy


class Embedded(WrapperStrategy):
    """Let a strategy measure distances in the space of a transformer.

    Strategies that cover a pool, or spread a batch, do so where the model puts the
    rows. With few labels a space that was learnt from all rows, without any label, may
    be the better one, whatever the model that is trained: codes of an autoencoder,
    features of a frozen network, principal components. Probabilities stay the model's.

    Parameters
    ----------
    base : str, QueryStrategy or callable, default="typiclust"
        The strategy, one that reads embeddings.
    transformer : transformer, default=None
        What puts rows into the space. One that is fitted must be frozen, by
        ``sklearn.frozen.FrozenEstimator``, and is taken as it is; of another a clone is
        fitted on the candidates of each query, 5000 of them at most. None takes the
        values of the rows as they are.

    See Also
    --------
    skal.synthesis.VAE : An autoencoder, whose codes are such a space.
    skal.nets.FrozenBackbone : Features of a network, remembered.
    DiverseBatch : Spreads a batch of the rows that a score wants.

    Notes
    -----
    Cost: O(n) for a ``transform`` of n rows, then that of ``base``. Rows are handed to
    the transformer as the estimator gets them; images are flattened for those of
    scikit-learn. A base that asks the model about embeddings, ALFAMix say, is refused:
    its head knows its own space alone. Serves as ``initial=`` if the base does.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skal import ActiveLearner
    >>> from skal.query import DiverseBatch, Embedded
    >>> X, y = load_digits(return_X_y=True)
    >>> spread = DiverseBatch("margin", shortlist=5, method="kcenter")
    >>> strategy = Embedded(spread, PCA(20))
    >>> learner = ActiveLearner(query_strategy=strategy, n_labels=30, random_state=0)
    >>> learner.fit(X / 16, y).n_iter_
    2
    """

    def __init__(
        self,
        base: str | QueryStrategy | Callable[..., Any] = "typiclust",
        transformer: Any = None,
    ) -> None:
        self.base = base
        self.transformer = transformer

    def _check_params(self):
        base = self._base()
        if "head" in base.needs:
            raise ValueError(
                "base must ask the model about rows, not embeddings, got "
                f"{describe(base)}. Put the transformer before the classifier in a "
                "Pipeline instead."
            )
        if self.transformer is not None:
            check_transformer("transformer", self.transformer)

    def _query(self, view, rows, n_instances, rng):
        inner = view.embedded_by(self._embedding(rows, rng))
        return self._base()(inner, rows, n_instances, random_state=rng)

    def _embedding(self, rows, rng):
        """Return the function of rows that puts them into the space."""
        if self.transformer is None:
            return lambda data: data
        fitted = fitted_for(self.transformer, rows, rng)
        return lambda data: fitted.transform(as_seen(self.transformer, data))
