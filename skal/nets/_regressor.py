"""NetRegressor: a PyTorch module as a scikit-learn regressor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted
from skorch import NeuralNetRegressor

from skal._seed import draw_seed
from skal.nets._base import Net
from skal.nets._criterion import by_row
from skal.nets._gaussian import (
    PredictedVariance,
    floor_of,
    gaussian_noise,
    in_two,
    is_gaussian,
    no_noise,
)
from skal.nets._mlp_module import MLP
from skal.nets._number_criteria import number_losses
from skal.nets._objective import Objective, as_weights
from skal.nets._passes import join

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import ArrayLike, NDArray


class NetRegressor(Net, NeuralNetRegressor):
    r"""A PyTorch module as a regressor that keeps scikit-learn's rules.

    The twin of :class:`NetClassifier`: the same steps, layouts and parameters.
    Targets are standardized inside, so that one learning rate serves prices and
    millimetres.

    Parameters
    ----------
    module : torch.nn.Module, class or callable, default=None
        The network, or what makes it. It returns a number for each target (n,
        n_outputs), with "gaussian_nll" two: all means, then what the variances are
        made of. Of ``n_outputs``, ``input_shape``, ``n_features`` and
        ``n_channels`` those that its signature asks for are filled in; set others as
        ``module__name=``. None is a multilayer perceptron for flat rows.
    criterion : str, class or instance of torch.nn, or callable, default="mse"
        The loss, of targets in standard units: "mse", "l1", "huber", "gaussian_nll", or
        a loss of torch or function of outputs and targets, both (m, n_outputs). Set its
        options as ``criterion__name=``, such as ``criterion__delta`` of "huber" (1).
    input_shape : tuple of int, default=None
        The shape of one row as the module sees it, for rows that come flat.
    keep_integers : bool, default=False
        Whether whole numbers and booleans in X stay what they are, as ids and masks.
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
    num_workers : int, default=0
        Processes that read the rows of a Dataset ahead of the network.
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
        ``module__name``, ``criterion__name`` and ``optimizer__name``.

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

    With "gaussian_nll" the network predicts how noisy each row's target is, besides its
    mean (Nix and Weigend, 1994). A variance is the softplus of its output, plus 1e-6 in
    standard units. Dropout adds what the model does not know: over its masks s the
    variance of a target is (Kendall and Gal, 2017)

    .. math::

        \underbrace{\tfrac1S \sum_s \sigma_s^2(x)}_{\text{aleatoric}}
        + \underbrace{\operatorname{Var}_s\, \mu_s(x)}_{\text{epistemic}}

    ``predict_variance`` returns the two parts. ``sample_predict`` draws the means, so
    that its spread is the epistemic part, which is what strategies look at; with
    ``noise=True`` it draws targets, whose spread is the whole.
    ``predict(return_std=True)`` gives the noise that the network without dropout
    predicts.

    References
    ----------
    Nix, D., Weigend, A. (1994). Estimating the mean and variance of the target
    probability distribution. ICNN. doi:10.1109/ICNN.1994.374138

    Lakshminarayanan, B., Pritzel, A., Blundell, C. (2017). Simple and scalable
    predictive uncertainty estimation using deep ensembles. NeurIPS. arXiv:1612.01474

    Kendall, A., Gal, Y. (2017). What uncertainties do we need in Bayesian deep learning
    for computer vision? NeurIPS. arXiv:1703.04977

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
    #: The least variance where outputs are Gaussians, None where they are not.
    _noise_floor: float | None = None
    _added_params = {**Net._added_params, "criterion": "mse"}  # noqa: RUF012

    def __init__(
        self,
        module: Any = None,
        *,
        criterion: Any = "mse",
        input_shape: tuple[int, ...] | None = None,
        keep_integers: bool = False,
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
        num_workers: int = 0,
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

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Return the prediction for each row.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...) or torch Dataset
            Rows as in ``fit``.
        return_std : bool, default=False
            Whether to return how noisy the target of each row is, too; for
            ``criterion="gaussian_nll"``.

        Returns
        -------
        y : ndarray of shape (n_rows,) or (n_rows, n_outputs)
            Predictions in the units of y.
        std : ndarray of the same shape
            The standard deviation of the targets around them, with ``return_std``.

        Raises
        ------
        ValueError
            If ``return_std`` is asked of a net that predicts no noise.
        """
        outputs = join(self.passes().outputs(X))
        mean = self._in_units(outputs)
        if not return_std:
            return mean
        self._check_noise("return_std=True needs")
        return mean, np.sqrt(self._noise(outputs))

    def predict_variance(
        self,
        X: Any,
        n_samples: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        dropout: str = "all",
    ) -> PredictedVariance:
        """Return the variance of each target, its two kinds apart.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...) or torch Dataset
            Rows as in ``fit``.
        n_samples : int, default=None
            Number of draws S of the dropout masks; None means 20.
        random_state : int, RandomState instance or None, default=None
            Fixes the masks.
        dropout : {"all", "last"}, default="all"
            Which dropout calls to sample.

        Returns
        -------
        PredictedVariance
            ``aleatoric``, the mean over the draws of the variance that they predict,
            and ``epistemic``, the variance over the draws of the mean that they
            predict; each (n_rows,) or (n_rows, n_outputs), in squared units of y.

        Raises
        ------
        TypeError
            If the module has no dropout.
        ValueError
            If ``criterion`` was not "gaussian_nll" in the last fit.
        """
        self._check_noise("predict_variance needs")
        draws = join(self._samples(X, n_samples, random_state, dropout), axis=1)
        aleatoric = self._noise(draws).mean(axis=0)
        return PredictedVariance(aleatoric, self._in_units(draws).var(axis=0))

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
        noise: bool = False,
    ) -> NDArray[Any]:
        """Return predictions under draws of the dropout masks: MC dropout.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...) or torch Dataset
            Rows as in ``fit``.
        n_samples : int, default=None
            Number of draws S; None means 50.
        random_state : int, RandomState instance or None, default=None
            Fixes the masks.
        dropout : {"all", "last"}, default="all"
            Which dropout calls to sample.
        noise : bool, default=False
            Whether to draw targets rather than their means: each has the noise that
            its draw predicts, independent from row to row and fixed by
            ``random_state`` and the place of the row. For
            ``criterion="gaussian_nll"``.

        Returns
        -------
        ndarray of shape (S, n_rows) or (S, n_rows, n_outputs)
            The same draws for every row.

        Raises
        ------
        TypeError
            If the module has no dropout.
        ValueError
            If ``noise`` is asked of a net that predicts none.
        """
        if noise:
            self._check_noise("noise=True needs")
        draws = join(self._samples(X, n_samples, random_state, dropout), axis=1)
        means = self._in_units(draws)
        if not noise:
            return means
        spread = np.sqrt(self._noise(draws))
        return means + spread * gaussian_noise(spread.shape, draw_seed(random_state))

    @property
    def _n_answers(self):
        """The means; what comes after them is noise."""
        return len(self._mean)

    def _in_units(self, outputs):
        """Return the means that outputs hold, in the units and the shape of y."""
        means = outputs[..., : len(self._mean)]
        answer = means * self._scale + self._mean  # double precision, as y
        return answer[..., 0] if self._one_target else answer

    def _noise(self, outputs):
        """Return the variances that outputs hold, in squared units of y."""
        _, variance = in_two(torch.from_numpy(outputs), self._noise_floor)
        answer = variance.numpy() * self._scale**2
        return answer[..., 0] if self._one_target else answer

    def _check_noise(self, what):
        """Refuse to tell the noise where the net predicts none."""
        check_is_fitted(self)
        if self._noise_floor is None:
            raise no_noise(what)

    def __sklearn_tags__(self):
        """Say that y may have several columns."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _beside_weights(self):
        """Add the units: the outputs are standard."""
        units = {"mean": self._mean.tolist(), "scale": self._scale.tolist()}
        if self._noise_floor is not None:
            units["noise_floor"] = self._noise_floor
        return {**super()._beside_weights(), **units, "one_target": self._one_target}

    def _take_beside_weights(self, facts):
        super()._take_beside_weights(facts)
        if "mean" in facts:
            self._mean = np.asarray(facts["mean"], float)
            self._scale = np.asarray(facts["scale"], float)
            floor = facts.get("noise_floor")
            self._noise_floor = None if floor is None else float(floor)
            self._one_target = facts.get("one_target", len(self._mean) == 1)

    def _objective(self, y, weights, positions, *, go_on):
        """Return standard targets, and the criterion's loss; learn the units."""
        options = self._params_of("criterion")
        losses = number_losses(self.criterion, options)
        gaussian = is_gaussian(self.criterion)
        if go_on and gaussian != (self._noise_floor is not None):
            raise ValueError(
                f"criterion must predict noise, or not, as in the first fit, got "
                f"{self.criterion!r}. Set warm_start=False, or fit a clone."
            )
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
        self._noise_floor = floor_of(self.criterion, options) if gaussian else None
        width = len(self._mean)
        if one_target != self._one_target or y.shape[1] != width:
            raise ValueError(
                f"y must hold {width} targets a row, as in the first fit, got "
                f"{y.shape[1]}."
            )
        return Objective(
            torch.from_numpy((y - self._mean) / self._scale).float(),
            as_weights(weights, positions),
            width=2 * width if gaussian else width,
            losses=by_row(losses),
            classes=False,
        )
