"""Running the laws of posteriors, and saying which one was broken."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from skal.testing import _posterior_laws as _laws
from skal.testing._check import keep
from skal.testing._posterior_trial import PosteriorTrial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from numpy.typing import ArrayLike

#: Every law, the basic ones first.
LAWS = (
    _laws.shapes,
    _laws.probabilities,
    _laws.predictions,
    _laws.inputs_untouched,
    _laws.model_untouched,
    _laws.parameters_untouched,
    _laws.global_random_state,
    _laws.reproducible,
    _laws.same_draws_for_every_row,
    _laws.chunks,
    _laws.row_order,
    _laws.prefix,
    _laws.mean_of_samples,
    _laws.disagreement,
    _laws.n_samples_checked,
    _laws.embeddings,
    _laws.fit_reproducible,
    _laws.cloning,
    _laws.pickling,
    _laws.label_names,
)


def check_posterior(
    posterior: Any,
    X: Any = None,
    y: ArrayLike | None = None,
    *,
    tolerance: float = 1e-5,
    random_state: int = 0,
) -> None:
    """Check that a posterior keeps every law that the Bayesian strategies rely on.

    Samples that look right may still be drawn anew for every row or every chunk, so
    that no draw is a function and the disagreement about two rows means nothing. Each
    law here is one such promise. The first one that is broken raises.

    Parameters
    ----------
    posterior : estimator
        A classifier with ``predict_proba`` and ``sample_proba``, unfitted; ``embed``
        and ``head_proba`` are checked where it has them.
    X : array-like of shape (n_samples, ...), default=None
        Rows to fit on and to ask about, at least 40; made up by default.
    y : array-like of shape (n_samples,), default=None
        The labels of X.
    tolerance : float, default=1e-5
        How far probabilities that should be equal may be apart.
    random_state : int, default=0
        Seed of the data and of every draw; it is set wherever the posterior and what
        is inside it have a ``random_state`` of None.

    Raises
    ------
    AssertionError
        Naming the posterior, the broken law and the numbers. An exception inside a law
        is its cause.

    See Also
    --------
    posterior_checks : The same laws one by one, for pytest.
    check_strategy : The laws of query strategies.

    Notes
    -----
    The laws: ``shapes``, ``probabilities``, ``predictions``, ``inputs_untouched``,
    ``model_untouched`` (modes of torch modules too), ``parameters_untouched``,
    ``global_random_state``, ``reproducible``, ``same_draws_for_every_row``, ``chunks``
    (any number of rows at a time gives the same samples), ``row_order``, ``prefix``
    (the first samples of a longer call are the same), ``mean_of_samples``
    (``predict_proba`` is the mean of the samples), ``disagreement``,
    ``n_samples_checked`` (a posterior with finitely many samples refuses more),
    ``embeddings`` (``head_proba(embed(X))`` equals ``predict_proba(X)``),
    ``fit_reproducible``, ``cloning``, ``pickling``, ``label_names``.

    The posterior is fitted five times.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.posterior import LaplaceClassifier
    >>> from skal.testing import check_posterior
    >>> check_posterior(LaplaceClassifier(LogisticRegression(), prior_precision=1.0))
    """
    laws = posterior_checks(
        posterior, X, y, tolerance=tolerance, random_state=random_state
    )
    for _, law in laws:
        law()


def posterior_checks(
    posterior: Any,
    X: Any = None,
    y: ArrayLike | None = None,
    *,
    tolerance: float = 1e-5,
    random_state: int = 0,
) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield the laws of :func:`check_posterior` one by one, for pytest.

    Nothing is fitted before the first law is called, and the laws share one fit.

    Parameters
    ----------
    posterior : estimator
        A classifier with ``predict_proba`` and ``sample_proba``, unfitted.
    X : array-like of shape (n_samples, ...), default=None
        Rows to fit on and to ask about, at least 40; made up by default.
    y : array-like of shape (n_samples,), default=None
        The labels of X.
    tolerance : float, default=1e-5
        How far probabilities that should be equal may be apart.
    random_state : int, default=0
        Seed of the data and of every draw.

    Yields
    ------
    name : str
        The name of the law.
    law : callable
        Takes nothing, and raises AssertionError where the law is broken.

    See Also
    --------
    check_posterior : Runs them all.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skal.posterior import EnsembleClassifier
    >>> from skal.testing import posterior_checks
    >>> ensemble = EnsembleClassifier(DecisionTreeClassifier(), bootstrap=True)
    >>> name, law = next(posterior_checks(ensemble))
    >>> name
    'shapes'
    >>> law()
    """
    if not __debug__:
        raise RuntimeError(
            "The laws are assertions, which python -O leaves out. Run without -O."
        )
    trial = PosteriorTrial(
        posterior, X, y, tolerance=tolerance, random_state=random_state
    )
    for law in LAWS:
        yield law.__name__, partial(keep, law, trial)
