"""MLPNetClassifier: a multilayer perceptron for tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skal.nets._net import NetClassifier

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class MLPNetClassifier(NetClassifier):
    """A multilayer perceptron with dropout, for tables.

    The columns are standardized inside the network, so they need no scaling. Against
    scikit-learn's ``MLPClassifier`` it has embeddings and MC dropout, which the
    strategies of skal can use, and trains in steps.

    Parameters
    ----------
    hidden : sequence of int, default=(128, 128)
        The widths of the hidden layers.
    dropout : float, default=0.2
        The share of each hidden layer that dropout leaves out.
    **params : dict
        Any other parameter of :class:`NetClassifier`, with its default.

    Attributes
    ----------
    module_ : torch.nn.Module
        The trained network, in eval mode.
    classes_ : ndarray of shape (n_classes,)
        The labels, in the order of the columns of ``predict_proba``.

    See Also
    --------
    NetClassifier : Any module as a classifier.
    NetRegressor : The same network for numbers.

    Notes
    -----
    800 steps take about a second on one core. Rows may be sparse; images are taken as
    flat rows.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skal.nets import MLPNetClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPNetClassifier(max_steps=100, random_state=0).fit(X, y)
    >>> net.score(X, y) > 0.9
    True
    """

    _settled = frozenset({"keep_integers", "module"})

    def __init__(
        self,
        *,
        hidden: Sequence[int] = (128, 128),
        dropout: float = 0.2,
        **params: Any,
    ) -> None:
        self.hidden = hidden
        self.dropout = dropout
        super().__init__(**params)

    def _module_params(self):
        return {"hidden": self.hidden, "dropout": self.dropout}
