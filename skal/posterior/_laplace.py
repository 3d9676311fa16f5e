"""Laplace: a Gaussian around the fitted weights, as wide as the loss is flat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import clone
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skal._checks import check_choice, check_int, check_number, name_of
from skal._data import take_rows
from skal._meta import (
    AroundEstimator,
    columns_of,
    fit_weight,
    slice_params,
    weights_by_class,
)
from skal._model import asked_before_training, find_layer, is_structured
from skal._seed import stream
from skal.posterior import _links, _precision
from skal.posterior._curvature import STRUCTURES
from skal.posterior._last_layer import LastLayer
from skal.posterior._net_inside import check_answers_as_net, net_inside
from skal.posterior._unit_last_layer import UnitLastLayer, unit_weights
from skal.posterior._units import UnitPosterior

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

#: Draws with which cross-validation compares precisions.
_N_SEARCH = 64
#: Rows, or at least so many units, and draws that tell whether these differ at all.
_N_LOOK, _N_UNITS_LOOK, _N_DRAWS_LOOK = 100, 10_000, 8


def _has_head(posterior):
    if posterior.subset_of_weights != "last_layer":
        raise AttributeError('head_proba needs subset_of_weights="last_layer".')
    if is_structured(posterior):
        raise AttributeError("head_proba needs one label a row, or several.")
    return True


class LaplaceClassifier(UnitPosterior):
    r"""A Gaussian posterior around the weights of a fitted classifier.

    The loss around its minimum is nearly a parabola, so the posterior is nearly
    Gaussian (MacKay, 1992): narrow along directions that the labels pin down, as wide
    as the prior along those that they leave open. No training changes; the posterior
    of the last layer alone costs one eigendecomposition.

    .. math:: \theta \sim N\bigl(\hat\theta, (H + \tau I)^{-1}\bigr)

    Parameters
    ----------
    estimator : estimator, default=None
        A network of :mod:`skal.nets` for classes, of rows or pixels, or scikit-learn's
        LogisticRegression, or a Pipeline or a search around one. None is
        ``LogisticRegression()``.
    subset_of_weights : {"last_layer", "all"}, default="last_layer"
        Which weights are uncertain. "all" is for small networks, with the structures
        "diag" and "isotropic"; the network is then taken as linear in its weights.
    structure : {"full", "kron", "diag", "isotropic"}, default="kron"
        What is kept of the Hessian H: all of it, Kronecker factors, its diagonal, or
        its mean diagonal.
    prior_precision : {"cv", "marglik"} or float, default="cv"
        The precision :math:`\tau` of the prior. "cv" refits the estimator ``n_folds``
        times and takes the least precision whose loss on the rows held out is not
        clearly worse than the best. "marglik" maximises the marginal likelihood, which
        costs no fit and may be far off where labels are few.
    link : {"mc", "probit", "plugin"}, default="mc"
        How ``predict_proba`` is computed: as the mean of the samples, in closed form
        (nearly the mean of infinitely many), or from the fitted weights alone.
    n_samples : int, default=100
        The number of draws S.
    n_folds : int, default=3
        Folds of the cross-validation.
    random_state : int, RandomState instance or None, default=None
        Fixes the draws and the folds, and the fit where the estimator has no seed of
        its own.

    Attributes
    ----------
    estimator_ : estimator
        The estimator, fitted on all rows.
    classes_ : ndarray of shape (n_classes,), or list of L ndarray
        The labels; where there are several a row, those of each, 0 and 1.
    prior_precision_ : float
        The precision in use.
    cv_results_ : dict of ndarray
        The precisions tried by "cv" and the mean loss of each; empty otherwise.
    n_features_in_ : int
        The number of features the estimator saw.
    seed_ : int
        Fixes the draws of ``predict_proba``.

    Warns
    -----
    UserWarning
        If the precision is so large that the draws hardly differ, or if no class has
        two rows, so that "cv" can hold none out.

    See Also
    --------
    MCDropoutCommittee : For networks with dropout, without a precision to choose.
    EnsembleClassifier : Several fits; any estimator.

    Notes
    -----
    For n rows, d embedding features and C classes: "full" takes O(n C² d²) and one
    eigendecomposition of C d rows, "kron" O(n d²) and one of d rows, "diag" O(n C d);
    each decomposition serves every precision. "all" takes C backward passes a row, and
    its samples S forward passes. On top "cv" fits the estimator ``n_folds`` more times,
    for the embedding of a network has seen its own training rows; give a number to
    avoid that. It tries precisions from a thousandth to a thousand times the natural
    one, which is 1 / C for LogisticRegression (where the largest is often taken, for
    its penalty errs on the cautious side already) and, for a network, that of a prior
    under which the fitted weights are typical. The estimator is fitted with
    ``label_smoothing=0``, for a smoothed loss has another minimum. A network may have
    ``criterion="bce"``, whose labels do not interact: its logits are independent, and
    "all" is not for it. Other criteria are no likelihoods with a known curvature, and
    are refused.

    Of a :class:`~skal.nets.SegmentationNet` every known pixel is a row of the last
    layer, which must score each by itself: a convolution of size 1, or a linear layer.
    They are read in pieces; "cv" holds out whole images, and compares precisions in
    closed form, as ``link="probit"`` does. Neighbours say nearly the same and yet count
    as so many labels, so that draws differ less than new images would have them. "all"
    is not for such a network.

    References
    ----------
    MacKay, D. (1992). The evidence framework applied to classification networks.
    Neural Computation. doi:10.1162/neco.1992.4.5.720

    Daxberger, E., Kristiadi, A., Immer, A., Eschenhagen, R., Bauer, M., Hennig, P.
    (2021). Laplace Redux: effortless Bayesian deep learning. NeurIPS. arXiv:2106.14806

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.posterior import LaplaceClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> posterior = LaplaceClassifier(LogisticRegression(max_iter=1000), random_state=0)
    >>> posterior.fit(X, y).sample_proba(X[:2], n_samples=5).shape
    (5, 2, 3)
    """

    _default = AroundEstimator._default  # the quickest that has a linear last layer

    def __init__(
        self,
        estimator: Any = None,
        *,
        subset_of_weights: str = "last_layer",
        structure: str = "kron",
        prior_precision: float | str = "cv",
        link: str = "mc",
        n_samples: int = 100,
        n_folds: int = 3,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.subset_of_weights = subset_of_weights
        self.structure = structure
        self.prior_precision = prior_precision
        self.link = link
        self.n_samples = n_samples
        self.n_folds = n_folds
        self.random_state = random_state

    def _check_params(self):
        check_choice("subset_of_weights", self.subset_of_weights, ("last_layer", "all"))
        check_choice("structure", self.structure, STRUCTURES)
        if self.subset_of_weights == "all" and self.structure in ("full", "kron"):
            raise ValueError(
                "structure must be 'diag' or 'isotropic' with subset_of_weights='all', "
                f"got {self.structure!r}."
            )
        check_choice("link", self.link, _links.LINKS)
        if isinstance(self.prior_precision, str):
            words = ("cv", "marglik")
            check_choice("prior_precision", self.prior_precision, words)
        elif check_number("prior_precision", self.prior_precision, minimum=0) == 0:
            raise ValueError("prior_precision must be above 0, got 0.")
        check_int("n_samples", self.n_samples)
        check_int("n_folds", self.n_folds, 2)

    def _fit(self, template, X, y, params):
        check_likelihood(template, self.subset_of_weights)
        if is_structured(template):
            check_units(template, self.subset_of_weights)
        fitted = self._fitted_on(template, X, y, params)
        if not isinstance(fitted.classes_, list) and len(fitted.classes_) < 2:
            raise ValueError(
                f"y must hold two classes at least, got {fitted.classes_.tolist()}. "
                "Name every class in the network's classes=, or label more rows; those "
                "of sample_weight 0 do not count."
            )
        y, weight = labels_and_weights(fitted, y, fit_weight(template, params, len(y)))
        model = self._around(fitted, X, weight, y)
        results = {}
        if self.prior_precision == "cv":
            tau, results = self._search(template, model, X, y, weight, params)
        elif self.prior_precision == "marglik":
            tau = _precision.by_evidence(model)
        else:
            tau = float(self.prior_precision)
        self.estimator_ = fitted
        self.classes_ = fitted.classes_
        self.prior_precision_ = tau
        self.cv_results_ = results
        self._model = model
        n_units = int(np.prod(model.units))
        n_look = -(-_N_UNITS_LOOK // n_units) if n_units > 1 else _N_LOOK
        few = take_rows(X, slice(0, n_look))
        _precision.warn_of_collapse(self._sample(few, _N_DRAWS_LOOK, self.seed_), tau)
        return self

    def _fitted_on(self, template, X, y, params):
        """Return the estimator fitted on rows, if its answers are those of a head."""
        fitted = clone(template)
        if not is_structured(fitted):
            return fitted.fit(X, y, **params)
        with asked_before_training(
            fitted, lambda net, row: net.passes().unit_head(row)
        ):
            fitted.fit(X, y, **params)
        net, seen = net_inside(fitted, X)
        check_answers_as_net(self, fitted, net, X, seen)
        return fitted

    def _around(self, fitted, X, weight, y):
        """Return the fitted estimator as a linear function of its uncertain weights."""
        if weight.ndim > 1:
            return UnitLastLayer(fitted, X, weight, self.structure)
        net, _ = net_inside(fitted)
        if self.subset_of_weights == "last_layer" or net is None:
            return LastLayer(fitted, X, weight, self.structure, y)
        from skal.posterior._all_weights import AllWeights

        return AllWeights(fitted, X, weight, self.structure)

    def _search(self, template, model, X, y, weight, params):
        """Return the precision that serves held-out rows, and the losses of all."""
        rng = stream(self.seed_, 0, "laplace folds")
        of_rows = weight.reshape(len(weight), -1).sum(axis=1)
        rows = np.flatnonzero(of_rows)  # a row that does not count is not held out
        if weight.ndim > 1:
            told = y[rows], weight[rows]
            folds = _precision.held_out_rows_of_units(*told, self.n_folds, rng)
        else:
            folds = _precision.held_out_folds(y[rows], self.n_folds, rng)
        folds = [rows[fold] for fold in folds]
        if not folds:
            _precision.warn_of_single_rows(model.unit)
            return model.unit, {}
        taus = _precision.grid(model.unit)
        losses = [
            self._held_out_losses(template, X, y, weight, params, fold, taus)
            for fold in folds
        ]
        loss = np.concatenate(losses)
        weight = of_rows[np.concatenate(folds)]
        mean = np.average(loss, axis=0, weights=weight)
        tau = _precision.choose(loss, taus, weight)
        return tau, {"prior_precision": taus, "mean_test_loss": mean}

    def _held_out_losses(self, template, X, y, weight, params, fold, taus):
        """Return the losses (m, T) of the rows of a fold, fitted on all others."""
        n = len(y)
        rest = np.setdiff1d(np.arange(n), fold)
        given = slice_params(params, rest, n)
        fitted = clone(template).fit(take_rows(X, rest), y[rest], **given)
        model = self._around(fitted, take_rows(X, rest), weight[rest], y[rest])
        inputs = model.inputs(fitted, take_rows(X, fold))
        codes = y[fold]
        if weight.ndim > 1:
            known = np.where(weight[fold] > 0, codes, fitted.classes_[0])
            codes = known_columns(known, fitted.classes_)
            return _precision.unit_losses(model, inputs, codes, weight[fold], taus)
        link = "mc" if self.link == "plugin" else self.link
        if not isinstance(model, LastLayer):
            link = "probit"  # a draw costs a pass there
        noise = self._noise(model, _N_SEARCH, self.seed_) if link == "mc" else None
        if codes.ndim == 1:
            codes = known_columns(codes, fitted.classes_)
        return _precision.losses(model, inputs, codes, taus, link, noise)

    def _noise(self, model, n_samples, seed):
        return _links.noise_for(model.theta.shape, n_samples, seed)

    def _sample(self, X, n_samples, seed):
        inputs = self._model.inputs(self.estimator_, X)
        noise = self._noise(self._model, n_samples, seed)
        samples = _links.samples(self._model, inputs, self.prior_precision_, noise)
        return samples.reshape(n_samples, -1, *self._model.units, samples.shape[-1])

    def _mean(self, X):
        return self._linked(self._model.inputs(self.estimator_, X))

    def _linked(self, inputs):
        model, noise = self._model, None
        if self.link == "mc":
            noise = self._noise(model, self.n_samples, self.seed_)
        tau = self.prior_precision_
        proba = _links.predictive(model, inputs, tau, self.link, noise)
        return proba.reshape(-1, *model.units, proba.shape[-1])

    @available_if(_has_head)
    def head_proba(self, E: ArrayLike) -> NDArray[Any]:
        """Return the probabilities of embeddings.

        Parameters
        ----------
        E : array-like of shape (n_samples, n_features)
            Embeddings, such as ``embed`` returns.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            ``head_proba(embed(X))`` equals ``predict_proba(X)``.
        """
        check_is_fitted(self)
        return self._linked(self._model.head.features(E))


def check_likelihood(template, subset):
    """Refuse a net whose loss is not one whose curvature is known."""
    net, _ = net_inside(template)
    likelihood = getattr(net, "likelihood", "categorical")
    if likelihood is None:
        raise ValueError(
            "criterion must be 'cross_entropy' or 'bce' for LaplaceClassifier, which "
            f"takes its curvature, got {net.criterion!r}. Use MCDropoutCommittee or "
            "EnsembleClassifier."
        )
    if likelihood == "bernoulli" and (subset == "all" or net.class_weight is not None):
        raise ValueError(
            "subset_of_weights must be 'last_layer', and class_weight None, with "
            f"criterion={net.criterion!r}, got {subset!r} and {net.class_weight!r}. "
            "Use MCDropoutCommittee or EnsembleClassifier."
        )


def check_units(template, subset):
    """Refuse what answers for units and is no network, and uncertain other layers."""
    if net_inside(template)[0] is None:
        raise TypeError(
            "estimator must be skal.nets.SegmentationNet, or hold one, where it "
            f"answers for units of rows, got {name_of(template)}. Use "
            "EnsembleClassifier."
        )
    if subset == "all":
        raise ValueError(
            "subset_of_weights must be 'last_layer' for a network that answers for "
            "units of rows, got 'all'. Use MCDropoutCommittee or EnsembleClassifier."
        )


def labels_and_weights(fitted, y, sample_weight):
    """Return the labels of rows, or of their units, and how much each counts."""
    if is_structured(fitted):
        y = np.asarray([*y]) if y.dtype == object else y  # a mask each
        return y, unit_weights(net_inside(fitted)[0], y, sample_weight)
    several = isinstance(fitted.classes_, list)
    y = np.asarray(y, float) if several else np.ravel(np.asarray(y))
    return y, loss_weights(fitted, y, sample_weight)


def known_columns(y, classes):
    """Return the places of labels among the classes of a fitted estimator."""
    unknown = np.setdiff1d(y, classes)
    if len(unknown):
        raise ValueError(
            f"y must hold labels that the fitted estimator knows, {classes.tolist()}, "
            f"got {unknown.tolist()}. Leave their rows out, or fit it anew."
        )
    return columns_of(classes, y)


def loss_weights(fitted, y, sample_weight):
    """Return how much each row counts in the loss that was minimised."""
    layer, _ = find_layer(fitted, "class_weight")
    weight = np.ones(len(y)) if sample_weight is None else sample_weight
    if layer is None or layer.class_weight is None:
        return weight
    return weight * weights_by_class(layer.class_weight, y, fitted.classes_)
