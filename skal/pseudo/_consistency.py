"""ConsistencyClassifier: a network that learns from rows nobody has labelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from skal._checks import check_choice, check_number, name_of
from skal._meta import check_probabilistic, routed
from skal.pseudo._consistency_fit import ConsistencyFit
from skal.pseudo._unlabeled import UnlabeledClassifier

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Self

    from numpy.typing import ArrayLike


class ConsistencyClassifier(UnlabeledClassifier):
    r"""Train a network on labelled rows, and on what it is sure of in all others.

    Every step has unlabelled rows beside the labelled ones. What the network says of
    them as they are, where it is sure, it is to say again of a strong view, in which
    they are turned, cut out or masked: FixMatch (Sohn et al., 2020). Labels spread over
    whole clusters this way, and a row that nobody labelled is worth much of one that
    somebody did. With :math:`q` the prediction for a row :math:`u`, aligned to a prior,
    and a threshold :math:`\tau_c` for each class, the loss of the step is

    .. math:: \text{loss of labels} + \lambda \, \text{mean}_u \,
        1[\max q \ge \tau_{\hat c}] \, H(\hat c, p(\cdot \mid \text{strong}(u))),
        \quad \hat c = \arg\max q

    What keeps wrong guesses from confirming themselves is that a class asks for less
    while few rows have passed for it (FlexMatch), that no class is guessed more often
    than the prior says, that the first steps see labels alone, and that the answers are
    those of the mean weights.

    Parameters
    ----------
    estimator : estimator, default=None
        A classifying network of :mod:`skal.nets`, or a Pipeline that ends in one; it is
        cloned, never fitted. How long and in what precision it trains, and its
        ``augment``, are its own; steps before it see all rows and no labels. None is
        ``CNNClassifier()``, for images.
    strong : {"auto", "cutout", "mask_noise"}, callable, dict or None, default="auto"
        What is done to an unlabelled row after ``augment``. "cutout" blanks a block, a
        third of every side long; "mask_noise" takes a fifth of the values from another
        row, and adds noise of a tenth of their spread. "auto" is the first for images,
        and the second for other numbers. A callable takes a batch of tensors; rows of
        several parts take a dict, as ``augment`` does. None leaves it at ``augment``
        and dropout.
    threshold : float, default=0.95
        How probable a guess must be.
    min_threshold : float, default=0.6
        The least that a class may ask for while few rows have passed for it.
    class_thresholds : bool, default=True
        Whether classes ask for less while few rows have passed; False asks for
        ``threshold`` of all.
    align : {"auto", "uniform", "labels"}, array-like or None, default="auto"
        How often each class comes among the unlabelled rows: predictions are aligned to
        it before they are held against the threshold. "uniform" is all alike, "labels"
        as among the labels; or it is so often, in the order of ``classes_``. "auto"
        looks at the predictions when the delay is over: "uniform" if most are rather
        sure and near that (between two classes, if a fifth of the rows at most would
        have to change), else None, which takes predictions as they are. If few are
        sure it looks once more when the ramp is over.
    unlabeled_ratio : float, default=3
        Unlabelled rows for each labelled row of a step.
    unlabeled_weight : float, default=1.0
        What their loss counts, where that of the labelled rows counts 1.
    delay : float, default=0.1
        The share of the steps that see labels alone.
    ramp : float, default=0.2
        The share of the steps over which the weight of unlabelled rows then rises.
    ema_decay : float, default=0.99
        How much of the mean of the weights a step keeps; 0 answers by the last weights.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the weights of the last fit, if the classes are the
        same.
    missing_label : int, str or None, default=-1
        Marks rows without a label in y, besides NaN and None.
    random_state : int, RandomState instance or None, default=None
        Seeds what has no seed of its own inside.

    Attributes
    ----------
    estimator_ : estimator
        The trained network, or the Pipeline around it.
    classes_ : ndarray of shape (n_classes,)
        The classes.
    labeled_iter_ : ndarray of int of shape (n_samples,)
        0 for rows with a label, 1 for rows with a pseudo-label, -1 for others.
    pseudo_labels_ : ndarray of shape (n_samples,)
        The predictions of which the trained network is sure, ``missing_label`` for all
        other rows.
    n_pseudo_labeled_ : int
        How many pseudo-labels there are.
    transduction_ : ndarray of shape (n_samples,)
        y, with the pseudo-labels put in.
    n_features_in_ : int
        As the estimator counted.
    feature_names_in_ : ndarray of str
        As the estimator saw them.

    See Also
    --------
    PseudoLabelClassifier : The same idea for any classifier, in two fits.
    skal.ActiveLearner : With ``use_unlabeled=True`` it hands over the unlabelled rows.

    Notes
    -----
    Cost: a step passes ``unlabeled_ratio`` times more rows forward twice and back once;
    four to five times the time of the network's own fit. One pass over the unlabelled
    rows follows, for the pseudo-labels. Where every row has a label, the fit is the
    network's own, to the bit.

    All of ``align`` but "auto" and None says something of the pool that nobody checks:
    where one row in fifty is of a class, "uniform" finds it in every second. Labels
    that a strategy asked for are no sample of the pool either. A class without a label
    is unknown, and its rows are taken for others.

    A :class:`~skal.exceptions.CollapseWarning` tells that of a hundred unlabelled rows
    or more none passed, or that a class has grown by 40 % of the pool since labels were
    all that was learnt from.

    Rows of a data set are read a batch at a time and never held all at once. A
    :class:`~skal.nets.DatasetPool` is passed over three times beside the steps, by its
    ``transform``; in the steps labelled and unlabelled rows come as its
    ``train_transform`` leaves them, guesses included: keep that mild, and leave what is
    strong to ``strong``. ``unlabeled_ratio=np.inf`` takes all unlabelled rows into
    every step, and so into memory.

    One label a row: where there are several, fit one ConsistencyClassifier a label.

    A BatchNorm layer measures labelled rows and strong views together, and its means
    are averaged as weights are. In a learner, ``history_["n_pseudo_labeled"]`` counts
    the pseudo-labels of each round, ``history_["pseudo_accuracy"]`` the right ones
    among them where a simulation knows.

    References
    ----------
    Sohn, K. et al. (2020). FixMatch: simplifying semi-supervised learning with
    consistency and confidence. NeurIPS. arXiv:2001.07685

    Zhang, B. et al. (2021). FlexMatch: boosting semi-supervised learning with
    curriculum pseudo labeling. NeurIPS. arXiv:2110.08263

    Berthelot, D. et al. (2020). ReMixMatch: semi-supervised learning with distribution
    matching and augmentation anchoring. ICLR. arXiv:1911.09785

    DeVries, T., Taylor, G. W. (2017). Improved regularization of convolutional neural
    networks with cutout. arXiv:1708.04552

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from skal.nets import MLPNetClassifier
    >>> from skal.pseudo import ConsistencyClassifier
    >>> X, y = make_moons(300, noise=0.1, random_state=0)
    >>> partial = y.copy()
    >>> partial[10:] = -1
    >>> net = MLPNetClassifier(max_steps=200, random_state=0)
    >>> model = ConsistencyClassifier(net).fit(X, partial)
    >>> model.n_pseudo_labeled_ > 200
    True
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        strong: str | Callable[[Any], Any] | dict[Any, Any] | None = "auto",
        threshold: float = 0.95,
        min_threshold: float = 0.6,
        class_thresholds: bool = True,
        align: str | ArrayLike | None = "auto",
        unlabeled_ratio: float = 3,
        unlabeled_weight: float = 1.0,
        delay: float = 0.1,
        ramp: float = 0.2,
        ema_decay: float = 0.99,
        warm_start: bool = False,
        missing_label: float | str | None = -1,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.strong = strong
        self.threshold = threshold
        self.min_threshold = min_threshold
        self.class_thresholds = class_thresholds
        self.align = align
        self.unlabeled_ratio = unlabeled_ratio
        self.unlabeled_weight = unlabeled_weight
        self.delay = delay
        self.ramp = ramp
        self.ema_decay = ema_decay
        self.warm_start = warm_start
        self.missing_label = missing_label
        self.random_state = random_state

    def fit(
        self, X: Any, y: Any, sample_weight: ArrayLike | None = None, **params: Any
    ) -> Self:
        """Train on rows with and without a label.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows with and without a label.
        y : array-like of shape (n_samples,)
            Labels, ``missing_label`` where there is none.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts among those with a label, or among those without.
        **params : dict
            The same weights, by the name that a Pipeline has for them.

        Returns
        -------
        ConsistencyClassifier
            The fitted classifier.

        Raises
        ------
        TypeError
            If the estimator is no classifying network, nor a Pipeline that ends in one.
        ValueError
            If a parameter is out of bounds, if y holds no label, or under
            ``warm_start`` other classes than the last time.

        Warns
        -----
        CollapseWarning
            If what the network says of unlabelled rows is not worth learning from.
        """
        self._check_params()
        X, codes, labels = self._read(X, y)
        if sample_weight is not None:
            params["sample_weight"] = sample_weight
        work = ConsistencyFit(self, X, codes, labels, routed(self, "fit", params))
        model = work.run()
        self._tell(model, labels, codes, *work.guesses())
        return self

    def _default(self):
        from skal.nets import CNNClassifier

        return CNNClassifier()

    def _check_params(self):
        template = self._template()
        check_probabilistic(template, "Use a network of skal.nets.")
        check_net(template)
        check_number("threshold", self.threshold, minimum=0, maximum=1)
        top = self.threshold
        check_number("min_threshold", self.min_threshold, minimum=0, maximum=top)
        if isinstance(self.align, str):
            check_choice("align", self.align, ["auto", "uniform", "labels"])
        if check_number("unlabeled_ratio", self.unlabeled_ratio, minimum=0) == 0:
            raise ValueError(
                "unlabeled_ratio must be above 0, got 0. unlabeled_weight=0 leaves "
                "unlabelled rows out."
            )
        if check_number("unlabeled_weight", self.unlabeled_weight, minimum=0) == np.inf:
            raise ValueError(
                "unlabeled_weight must be finite, got inf. Lower threshold where more "
                "rows are to be learnt from."
            )
        for name in ("delay", "ramp"):
            check_number(name, getattr(self, name), minimum=0, maximum=1)
        if check_number("ema_decay", self.ema_decay, minimum=0, maximum=1) == 1:
            raise ValueError(
                "ema_decay must be below 1, got 1, which keeps the first weights. The "
                "last weights are those of 0."
            )


def check_net(estimator):
    """Refuse what is no network for classes, nor a Pipeline with one at its end."""
    from skal.nets import NetClassifier, SegmentationNet

    net = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    if not isinstance(net, NetClassifier) or isinstance(net, SegmentationNet):
        raise TypeError(
            "estimator must be a classifying network of skal.nets, or a Pipeline that "
            f"ends in one, got {name_of(net)}. PseudoLabelClassifier takes others."
        )
    if not get_tags(net).classifier_tags.multi_class:
        raise ValueError(
            "criterion must be for one label a row in the network inside, got "
            f"{net.criterion!r}. Fit one ConsistencyClassifier a label."
        )
    if net.classes is not None:
        raise ValueError(
            f"classes must be None for the network inside, got {net.classes!r}. The "
            "classes are those in y."
        )
