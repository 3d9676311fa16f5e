"""VAE: rows to a few numbers and back, learnt without labels."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skal._checks import check_above_zero, check_fraction, check_int
from skal._data import n_rows
from skal._seed import as_random_state
from skal.nets import Net, Objective, as_images, join
from skal.synthesis._autoencoder import Autoencoder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

#: A component of the code that varies less from row to row says nothing of them.
_ACTIVE = 0.1
#: Codes that are decoded at once.
_AT_ONCE = 256


def absent(name):
    """Return what takes the place of a method that skorch gives every net."""

    def refuse(self):
        raise AttributeError(f"{type(self).__name__} has no {name}.")

    return property(refuse)


class VAE(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Net):
    r"""A variational autoencoder: codes of a few numbers, and rows made from codes.

    Images go through convolutions, flat rows through two layers. The codes are a space
    in which near means alike, for strategies that cover a pool; what lies between two
    codes decodes to a row between two rows. With the encoder :math:`q`, the decoder
    :math:`p`, whose noise is learnt, and a standard normal prior of the code :math:`z`,
    it maximises

    .. math:: E_{q(z|x)} \log p(x|z) - \beta\, KL(q(z|x)\,\|\,p(z)).

    Parameters
    ----------
    n_components : int, default=10
        Numbers in a code.
    hidden : int, default=256
        The width of the layers beside the code.
    channels : sequence of int, default=(32, 64)
        Channels of each convolution for images; each halves an image of at least 4
        pixels a side.
    beta : float, default=1.0
        How much the codes are drawn to the standard normal: more makes draws more like
        rows, less makes reconstructions better.
    input_shape : tuple of int, default=None
        (C, H, W) of images that come as flat rows. None takes flat rows as tables, and
        those of (H, W) or (C, H, W) as images.
    max_steps : int, default=1000
        Steps of a fit at most; None for both limits means 800, or 50 times the square
        root of the number of rows if that is more.
    max_epochs : int, default=None
        Passes over the rows at most.
    batch_size : int or "auto", default=128
        Rows a step.
    optimizer : class, default=torch.optim.AdamW
        The optimizer; set its options as ``optimizer__name=``.
    lr : float, default=2e-3
        The learning rate, at its height.
    lr_schedule : {"cosine", None}, default="cosine"
        Whether the learning rate rises over the first tenth of the steps and then falls
        to zero along a cosine.
    weight_decay : float, default=0.0
        Weight decay of the optimizer.
    augment : {"affine", "crop_flip"}, callable or None, default=None
        Changes to each training image, as in :class:`~skal.nets.NetClassifier`.
    early_stopping : bool, default=False
        Whether to hold out rows and to stop when their loss no longer falls.
    validation_fraction : float, default=0.1
        Share of rows that early stopping holds out.
    patience : int, default=10
        How many looks at the held-out rows without improvement end a fit.
    device : str or torch.device, default="auto"
        Where to compute; "auto" takes a GPU where there is one.
    num_workers : int, default=0
        Processes that read the rows of a Dataset ahead of the network.
    mixed_precision : bool or "auto", default="auto"
        Whether to train in bfloat16; "auto" does on GPUs that have it.
    bfloat16 : bool, default=False
        Whether to score rows in bfloat16. Codes and rows made from them are exact.
    callbacks : list of skorch.callbacks.Callback, default=None
        What skorch's nets take.
    verbose : int, default=0
        Whether to print a line an epoch.
    random_state : int, RandomState instance or None, default=None
        Fixes first weights, order of rows and draws of codes in training.
    **params : dict
        ``optimizer__name``.

    Attributes
    ----------
    module_ : torch.nn.Module
        The trained network, in eval mode.
    code_std_ : ndarray of shape (n_components,)
        How much each number of the code varies over the rows that it was fitted on;
        near 0 it is not in use.
    n_features_in_ : int
        Values in a row of X.
    history_ : skorch.history.History
        Loss and seconds of every epoch.

    Warns
    -----
    UserWarning
        If no number of the code says anything of the rows: the posterior collapsed.

    See Also
    --------
    QuerySynthesis : Draws questions by it.
    skal.query.Embedded : Lets a strategy cover a pool in its codes.
    skal.nets.FrozenBackbone : Puts the codes of a fitted one before a classifier.
    sklearn.decomposition.PCA : Linear, and the way to begin.

    Notes
    -----
    Fit it on the rows that you may look at: the pool, never test rows. Labels are
    neither needed nor read. 1000 steps take about 4 s for tables of 64 columns and 25 s
    for images of 28x28 on one core.

    Rows of uint8 come back as uint8, and flat rows flat. ``transform`` is the mean of
    the code, the same whenever it is asked.

    References
    ----------
    Kingma, D. P., Welling, M. (2014). Auto-encoding variational Bayes. ICLR.
    arXiv:1312.6114

    Rybkin, O., Daniilidis, K., Levine, S. (2021). Simple and effective VAE training
    with calibrated decoders. ICML. arXiv:2006.13202

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skal.synthesis import VAE
    >>> X, _ = load_digits(return_X_y=True)
    >>> vae = VAE(n_components=5, max_steps=200, random_state=0).fit(X)
    >>> codes = vae.transform(X)
    >>> codes.shape, vae.inverse_transform(codes).shape, vae.sample(3).shape
    ((1797, 5), (1797, 64), (3, 64))
    """

    module = None
    warm_start = False
    _default_module = Autoencoder
    _settled = frozenset({"module", "criterion"})
    _added_params: dict[str, Any] = {}  # noqa: RUF012
    _row_shape: tuple[int, ...]

    def __init__(
        self,
        n_components: int = 10,
        *,
        hidden: int = 256,
        channels: Sequence[int] = (32, 64),
        beta: float = 1.0,
        input_shape: tuple[int, ...] | None = None,
        max_steps: int | None = 1000,
        max_epochs: int | None = None,
        batch_size: int | str = 128,
        optimizer: type[torch.optim.Optimizer] = torch.optim.AdamW,
        lr: float = 2e-3,
        lr_schedule: str | None = "cosine",
        weight_decay: float = 0.0,
        augment: str | Callable[[torch.Tensor], torch.Tensor] | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 10,
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

    def fit(self, X: Any, y: Any = None) -> VAE:
        """Learn codes of rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...) or torch Dataset
            The rows; labels are not read.
        y : object, default=None
            Ignored.

        Returns
        -------
        self : object
            The fitted autoencoder.
        """
        for name in ("n_components", "hidden"):
            check_int(name, getattr(self, name))
        check_above_zero("beta", self.beta)
        X = X if hasattr(X, "__len__") or hasattr(X, "shape") else np.asarray(X)
        self._fit(X, np.zeros(n_rows(X)), None, go_on=False)
        self.code_std_ = self.transform(X).std(axis=0)
        if not (self.code_std_ > _ACTIVE).any():
            warnings.warn(
                "No number of the code tells one row from another (the largest varies "
                f"by {self.code_std_.max():.2g} over the rows): the posterior "
                "collapsed, and every code decodes to the mean row. Lower beta, got "
                f"{self.beta!r}, or raise max_steps.",
                UserWarning,
                stacklevel=2,
            )
        return self

    def transform(self, X: Any) -> NDArray[Any]:
        """Return the code of each row: its mean.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...) or torch Dataset
            Rows as in ``fit``.

        Returns
        -------
        ndarray of shape (n_rows, n_components) and float32
            The codes.
        """
        passes = self.passes()
        with torch.no_grad():
            return join([passes.module.codes(rows)[0] for rows in passes.batches(X)])

    def inverse_transform(self, X: ArrayLike) -> NDArray[Any]:
        """Return the row that each code stands for.

        Parameters
        ----------
        X : array-like of shape (n_codes, n_components)
            Codes.

        Returns
        -------
        ndarray of shape (n_codes, ...)
            Rows of the shape of those in ``fit``: uint8 where these were, else float32.

        Raises
        ------
        ValueError
            If the codes are not of ``n_components`` finite numbers.
        """
        module = self.passes().module
        codes = np.asarray(X, dtype=np.float32)
        width = len(self.code_std_)
        if codes.ndim != 2 or codes.shape[1] != width or not np.isfinite(codes).all():
            raise ValueError(
                f"X must hold codes of {width} finite numbers, got shape "
                f"{codes.shape}. They are what transform returns."
            )
        weights = next(module.parameters())
        with torch.no_grad():
            parts = torch.from_numpy(codes).to(weights.device).split(_AT_ONCE)
            rows = join([module.rows(part) for part in parts])
        if self._layout.pixels:
            rows = np.rint(255 * rows.clip(0, 1)).astype(np.uint8)
        return rows.reshape(-1, *self._row_shape)

    def sample(
        self,
        n_samples: int = 1,
        random_state: int | np.random.RandomState | None = None,
    ) -> NDArray[Any]:
        """Draw new rows: codes from a standard normal, decoded.

        Parameters
        ----------
        n_samples : int, default=1
            How many.
        random_state : int, RandomState instance or None, default=None
            Fixes the draw.

        Returns
        -------
        ndarray of shape (n_samples, ...)
            Rows of the shape of those in ``fit``.
        """
        check_is_fitted(self)
        size = check_int("n_samples", n_samples), len(self.code_std_)
        return self.inverse_transform(as_random_state(random_state).normal(size=size))

    def score_samples(self, X: Any) -> NDArray[Any]:
        """Return how well the network explains each row, higher for rows it knows.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...) or torch Dataset
            Rows as in ``fit``.

        Returns
        -------
        ndarray of shape (n_rows,) and float32
            The evidence bound at the mean of the code, for standardized values and up
            to a constant.
        """
        return -join(self.passes().outputs(X))[:, 0]

    def redraw(self, rows: torch.Tensor, share: float = 0.5) -> torch.Tensor:
        """Draw rows of a batch anew from their codes: an ``augment=`` for other nets.

        A network then also learns from what the autoencoder takes for the same row: the
        label stays. ``CNNClassifier(augment=vae.redraw)`` on rows as those of ``fit``.

        Parameters
        ----------
        rows : Tensor of shape (n, ...)
            A batch, as nets train on it.
        share : float, default=0.5
            The share of rows that are drawn anew; the others stay as they are.

        Returns
        -------
        Tensor of the same shape
            The batch.
        """
        check_fraction("share", share)
        module = self.passes().module.to(rows.device)
        shape = self._layout.shape
        with torch.no_grad():
            mean, std = module.codes(rows.reshape(-1, *shape))
            drawn = module.rows(mean + std * torch.randn_like(std))
        if self._layout.pixels:
            drawn = drawn.clamp(0, 1)
        anew = torch.rand(len(rows), device=rows.device) < share
        return torch.where(
            anew.view(-1, *[1] * (rows.ndim - 1)), drawn.view_as(rows), rows
        )

    def embed(self, X: Any) -> NDArray[Any]:
        """Return the codes, as :class:`~skal.nets.FrozenBackbone` asks for them.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)
            Rows as in ``fit``.

        Returns
        -------
        ndarray of shape (n_rows, n_components) and float32
            The codes.
        """
        return self.transform(X)

    predict = absent("predict")
    predict_proba = absent("predict_proba")
    partial_fit = absent("partial_fit")

    @property
    def _n_features_out(self):
        return len(self.code_std_)

    def _arranged(self, row_shape, input_shape):
        """Return the shape of a row: that of an image where it has sides."""
        if input_shape is None and len(row_shape) == 1:
            return row_shape
        return as_images(row_shape, input_shape)

    def _module_params(self):
        names = ("n_components", "hidden", "channels", "beta")
        return {name: getattr(self, name) for name in names}

    def _build_for(self, inputs, positions, width):
        self._row_shape = tuple(inputs.source.row_shape)
        return super()._build_for(inputs, positions, width)

    def _objective(self, y, weights, positions, *, go_on):
        """Take what the module returns for the loss: it knows its targets."""
        return Objective(
            torch.from_numpy(y), weights, width=1, losses=own_losses, classes=False
        )

    def _beside_weights(self):
        facts = {"row_shape": list(self._row_shape), "codes": self.code_std_.tolist()}
        return {**super()._beside_weights(), **facts}

    def _take_beside_weights(self, facts):
        super()._take_beside_weights(facts)
        self._row_shape = tuple(facts["row_shape"])
        self.code_std_ = np.asarray(facts["codes"], np.float32)

    def __sklearn_tags__(self):
        """Say that rows may be images, and that codes are of single precision."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def own_losses(outputs, targets, exact=False):
    """Return the losses that a module has worked out itself."""
    return outputs[:, 0]
