"""NetRegressor: a PyTorch module as a scikit-learn regressor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.utils import check_array
from skorch import NeuralNetRegressor
from torch.nn.functional import mse_loss

from skal.nets._base import Net
from skal.nets._mlp_module import MLP
from skal.nets._objective import Objective, as_weights
from skal.nets._passes import join

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import ArrayLike, NDArray


class NetRegressor(Net, NeuralNetRegressor):
    """A PyTorch module as a regressor that keeps scikit-learn's rules.

    The twin of :class:`NetClassifier`: the same steps, layouts and parameters, with the
    squared error as its loss. Targets are standardized inside, so that one learning
    rate serves prices and millimetres.

    Parameters
    ----------
    module : torch.nn.Module, class or callable, default=None
        The network, or what makes it. It returns a number for each target (n,
        n_outputs). Of ``n_outputs``, ``input_shape``, ``n_features`` and
        ``n_channels`` those that its signature asks for are filled in; set others as
        ``module__name=``. None is a multilayer perceptron for flat rows.
    input_shape : tuple of int, default=None
        The shape of one row as the module sees it, for rows that come flat.
    max_steps : int, default=None
        Steps of a fit at most. None for both limits means 800, or 50 times the square
        root of the number of labels if that is more.
    max_epochs : int, default=None
        Passes over the labelled rows at most.
    batch_size : int or "auto", default="auto"
        Rows a step; "auto" takes 32, and 64 from 500 labels on. One larger than
        all rows holds at most 1024.
    optimizer : class, default=torch.optim.AdamW
        The optimizer; set its options as ``optimizer__name=``.
    lr : float, default=3e-3
        The learning rate, at its height.
    lr_schedule : {"cosine", None}, default="cosine"
        Whether the learning rate rises and then falls along a cosine.
    weight_decay : float, default=1e-2
        Weight decay of the optimizer.
    augment : {"affine", "crop_flip"}, callable or None, default=None
        Changes to each training image.
    early_stopping : bool, default=False
        Whether to hold out rows and to stop when their loss no longer falls.
    validation_fraction : float, default=0.1
        Share of rows that early stopping holds out.
    patience : int, default=10
        How many looks at the held-out rows without improvement end a fit.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the weights of the last fit.
    device : str or torch.device, default="auto"
        Where to compute; "auto" takes a GPU where there is one, of CUDA or of Apple.
    mixed_precision : bool or "auto", default="auto"
        Whether to train in bfloat16. "auto" does on GPUs that have it, True on CPUs
        too.
    bfloat16 : bool, default=False
        Whether to predict in bfloat16.
    callbacks : list of skorch.callbacks.Callback, default=None
        What skorch's nets take. They hear of held-out rows with ``early_stopping``. One
        that could only fail or do nothing is refused before training.
    verbose : int, default=0
        Whether to print a line an epoch.
    random_state : int, RandomState instance or None, default=None
        Fixes first weights, order of rows, dropout and augmentation.
    **params : dict
        ``module__name`` and ``optimizer__name``.

    Attributes
    ----------
    module_ : torch.nn.Module
        The trained module, in eval mode; it answers in standard units.
    n_features_in_ : int
        Values in a row of X.
    history_ : skorch.history.History
        Loss and seconds of every epoch.

    See Also
    --------
    NetClassifier : The same for labels; its notes hold here too.

    Notes
    -----
    The mean and the spread of y are those of the first fit, also where ``partial_fit``
    or ``warm_start`` goes on from it.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skal.nets import NetRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> net = NetRegressor(max_steps=100, random_state=0).fit(X, y)
    >>> net.score(X, y) > 0.4
    True
    """

    _default_module = MLP

    def __init__(
        self,
        module: Any = None,
        *,
        input_shape: tuple[int, ...] | None = None,
        max_steps: int | None = None,
        max_epochs: int | None = None,
        batch_size: int | str = "auto",
        optimizer: type[torch.optim.Optimizer] = torch.optim.AdamW,
        lr: float = 3e-3,
        lr_schedule: str | None = "cosine",
        weight_decay: float = 1e-2,
        augment: str | Callable[[torch.Tensor], torch.Tensor] | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 10,
        warm_start: bool = False,
        device: str = "auto",
        mixed_precision: bool | str = "auto",
        bfloat16: bool = False,
        callbacks: list[Any] | None = None,
        verbose: int = 0,
        random_state: int | np.random.RandomState | None = None,
        **params: Any,
    ) -> None:
        self._store(locals())

    def fit(
        self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> NetRegressor:
        """Train on labelled rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...) or torch Dataset
            The rows.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs), default=None
            Their targets; None for a Dataset that holds them.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows in the loss. A row of weight 0 is as if it were absent.

        Returns
        -------
        self : object
            The fitted net.
        """
        go_on = bool(self.warm_start) and self.initialized_
        return self._fit(X, y, sample_weight, go_on=go_on)

    def partial_fit(
        self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> NetRegressor:
        """Train on from the present weights, for as many steps as ``fit`` would.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...) or torch Dataset
            The rows.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs), default=None
            Their targets.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows in the loss.

        Returns
        -------
        self : object
            The net.
        """
        return self._fit(X, y, sample_weight, go_on=self.initialized_)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the prediction for each row.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...) or torch Dataset
            Rows as in ``fit``.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_outputs)
            Predictions in the units of y.
        """
        return self._in_units(join(self.passes().outputs(X)))

    @property
    def predict_proba(self) -> Any:
        """What skorch gives every net, and a regressor has not."""
        raise AttributeError(f"{type(self).__name__} has no predict_proba.")

    def sample_predict(
        self,
        X: Any,
        n_samples: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        dropout: str = "all",
    ) -> NDArray[Any]:
        """Return predictions under draws of the dropout masks: MC dropout.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...) or torch Dataset
            Rows as in ``fit``.
        n_samples : int, default=None
            Number of draws S; None means 20.
        random_state : int, RandomState instance or None, default=None
            Fixes the masks.
        dropout : {"all", "last"}, default="all"
            Which dropout calls to sample.

        Returns
        -------
        ndarray of shape (S, n_rows) or (S, n_rows, n_outputs)
            The same draws for every row.
        """
        draws = self._samples(X, n_samples, random_state, dropout)
        return self._in_units(join(draws, axis=1))

    def _in_units(self, outputs):
        """Return standard units as the units and the shape of y."""
        answer = outputs * self._scale + self._mean  # double precision, as y
        return answer[..., 0] if self._one_target else answer

    def __sklearn_tags__(self):
        """Say that y may have several columns."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _beside_weights(self):
        """Add the units: the outputs are standard."""
        units = {"mean": self._mean.tolist(), "scale": self._scale.tolist()}
        return {**super()._beside_weights(), **units, "one_target": self._one_target}

    def _take_beside_weights(self, facts):
        super()._take_beside_weights(facts)
        if "mean" in facts:
            self._mean = np.asarray(facts["mean"], float)
            self._scale = np.asarray(facts["scale"], float)
            self._one_target = facts.get("one_target", len(self._mean) == 1)

    def _objective(self, y, weights, positions, *, go_on):
        """Return standard targets, and the squared error; learn the units."""
        y = check_array(
            y, ensure_2d=False, dtype=np.float64, input_name="y", allow_nd=False
        )
        one_target = y.ndim == 1
        y = y.reshape(len(y), -1)  # (n, n_outputs)
        if not go_on:
            known = y[positions]
            self._one_target = one_target
            self._mean = known.mean(axis=0)
            spread = known.std(axis=0)
            self._scale = np.where(spread > 0, spread, 1.0)
        width = len(self._mean)
        if one_target != self._one_target or y.shape[1] != width:
            raise ValueError(
                f"y must hold {width} targets a row, as in the first fit, got "
                f"{y.shape[1]}."
            )
        return Objective(
            torch.from_numpy((y - self._mean) / self._scale).float(),
            as_weights(weights, positions),
            width=width,
            losses=losses,
            classes=False,
        )


def losses(outputs, targets, *, exact=False):
    """Return the squared error of each row, which is exact as it is."""
    return mse_loss(outputs, targets, reduction="none").mean(dim=1)
