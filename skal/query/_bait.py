"""Ask for rows that tell most about the weights that the pool depends on."""

from __future__ import annotations

from typing import ClassVar

from skal._checks import check_above_zero, check_choice, check_int
from skal.query import functional
from skal.query._base import QueryStrategy
from skal.query._features import check_features, features_of

_LIKELIHOODS = ("binary", "categorical", "gaussian")


class BAIT(QueryStrategy):
    r"""Pick a batch that leaves least to be learnt about the last layer.

    The Fisher information of a row says which weights its label would pin down. With F
    the mean information of labelled rows and pool, and M that of labelled and picked
    rows and of the prior, the batch is to minimise

    .. math:: \operatorname{tr}(M^{-1} F)

    the error expected on the pool. Twice the batch is picked greedily, and half of it
    given back greedily.

    Parameters
    ----------
    likelihood : {"binary", "categorical", "gaussian"}, default="binary"
        "binary" asks only whether the prediction is right, with one gradient of d + 1
        numbers a row; "categorical" takes the gradients, of C (d + 1) numbers each, of
        the most probable classes. "gaussian" is the one for regressors: the gradient is
        the embedding (h, 1), the same for each output.
    top_classes : int, default=2
        How many of them.
    regularization : float, default=1.0
        The prior precision of the weights, above 0: 1 / C of a logistic regression,
        alpha of a ridge regression.
    features : {"last", "all"}, default="last"
        Of a regressor that is a network, whether the gradient is that of its last layer
        or, with "all", the gradient features of all layers in place of the embedding:
        :math:`(\phi, 1)`. "all" asks for ``likelihood="gaussian"``; a model without
        ``gradient_features`` has its embedding.
    n_features : int, default=512
        How many numbers the gradient features are sketched to.

    See Also
    --------
    BADGE : Cheaper, blind to what is labelled already.
    LCMD : For regression too, by distances alone.
    skal.query.functional.bait : The same on plain arrays.

    Notes
    -----
    Cost: O(n c D^2 + D^3) and 3 k times O(n c D) for n rows and k picks, with D = d + 1
    and c = 1 (binary, gaussian) or D = C (d + 1) and c top classes, after one pass of
    the model over the pool and the labelled rows: 1.5 s for 100 of 50 000 rows by 128
    features by the binary likelihood, 9 s for 100 of 5 000 by the categorical one with
    10 classes.
    With gradient features D is ``n_features`` + 1, and there is one pass forward and
    back for each output besides. Memory is O(D^2 + n c^2). In a :class:`Shortlist` it
    costs less.

    References
    ----------
    Ash, J. T., Goel, S., Krishnamurthy, A., Kakade, S. (2021). Gone fishing: neural
    active learning with Fisher embeddings. NeurIPS. arXiv:2106.09675

    Huseljic, D., Hahn, P., Herde, M., Rauch, L., Sick, B. (2024). Fast fishing:
    approximating BAIT for efficient and scalable deep active image classification.
    ECML PKDD. arXiv:2404.08981

    Holzmüller, D., Zaverkin, V., Kästner, J., Steinwart, I. (2023). A framework and
    benchmark for deep batch active learning for regression. JMLR 24. arXiv:2203.09410

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearner
    >>> from skal.query import BAIT
    >>> X, y = load_digits(return_X_y=True)
    >>> learner = ActiveLearner(LogisticRegression(), BAIT(), random_state=0)
    >>> indices, rows = learner.fit(X[:50], y[:50]).query(X[50:], n_instances=3)
    >>> len(indices)
    3
    """

    alias = "bait"
    uses = frozenset({"gradients"})
    _added_params: ClassVar = {"features": "last", "n_features": 512}
    _instead: ClassVar = {
        "regression": 'BAIT("gaussian")',
        "multiclass": 'BAIT("binary") or BAIT("categorical")',
    }

    def __init__(
        self,
        likelihood: str = "binary",
        top_classes: int = 2,
        regularization: float = 1.0,
        features: str = "last",
        n_features: int = 512,
    ) -> None:
        self.likelihood = likelihood
        self.top_classes = top_classes
        self.regularization = regularization
        self.features = features
        self.n_features = n_features

    @property
    def needs(self) -> frozenset[str]:
        """What the likelihood reads."""
        gaussian = check_choice("likelihood", self.likelihood, _LIKELIHOODS)
        return frozenset({"embed"} if gaussian == "gaussian" else {"proba", "embed"})

    @property
    def target_types(self) -> frozenset[str]:
        """The kind of target that the likelihood is of."""
        return frozenset({"multiclass"} if "proba" in self.needs else {"regression"})

    def _check_params(self):
        check_int("top_classes", self.top_classes)
        check_above_zero("regularization", self.regularization)
        check_features(self)
        if self.features == "all" and self.likelihood != "gaussian":
            raise ValueError(
                f'features must be "last" with likelihood={self.likelihood!r}, got '
                '"all". Gradients of all layers are read for regressors, with '
                'likelihood="gaussian"; for a classifier use LCMD or KMeansPlusPlus.'
            )

    def _query(self, view, rows, n_instances, rng):
        known, proba = {}, None
        if "proba" in self.needs:
            proba = view.predict_proba(rows)
            if view.n_labels:
                known["proba_labeled"] = view.predict_proba(view.X_training)
        E, labeled = features_of(self, view, rows)
        if labeled is not None:
            known["labeled"] = labeled
        return functional.bait(
            proba,
            E,
            n_instances,
            likelihood=self.likelihood,
            top_classes=self.top_classes,
            regularization=self.regularization,
            random_state=rng,
            **known,
        )
