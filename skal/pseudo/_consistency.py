"""ConsistencyClassifier: a network that learns from rows nobody has labelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sklearn.pipeline import Pipeline

from skal._checks import check_choice, check_number, name_of
from skal._meta import check_probabilistic, routed
from skal.pseudo._consistency_fit import ConsistencyFit
from skal.pseudo._unlabeled import UnlabeledClassifier

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Self

    import numpy as np
    from numpy.typing import ArrayLike


class ConsistencyClassifier(UnlabeledClassifier):
    """Train a network on labelled rows, and on what it is sure of in all others.

    TODO.

    Parameters
    ----------
    estimator : estimator, default=None
        A classifying network.
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        strong: str | Callable[[Any], Any] | dict[Any, Any] | None = "auto",
        threshold: float = 0.95,
        min_threshold: float = 0.6,
        class_thresholds: bool = True,
        align: str | ArrayLike | None = "uniform",
        unlabeled_ratio: float = 3,
        unlabeled_weight: float = 1.0,
        delay: float = 1 / 6,
        ramp: float = 1 / 3,
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
            check_choice("align", self.align, ["uniform", "labels"])
        check_number("unlabeled_ratio", self.unlabeled_ratio, minimum=0)
        check_number("unlabeled_weight", self.unlabeled_weight, minimum=0)
        for name in ("delay", "ramp", "ema_decay"):
            check_number(name, getattr(self, name), minimum=0, maximum=1)


def check_net(estimator):
    """Refuse what is no network for one label a row, nor a Pipeline that ends in one."""
    from skal.nets import NetClassifier, SegmentationNet

    net = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    if not isinstance(net, NetClassifier) or isinstance(net, SegmentationNet):
        raise TypeError(
            "estimator must be a classifying network of skal.nets, or a Pipeline that "
            f"ends in one, got {name_of(net)}. PseudoLabelClassifier takes others."
        )
    if net.classes is not None:
        raise ValueError(
            f"classes must be None for the network inside, got {net.classes!r}. The "
            "classes are those in y."
        )
