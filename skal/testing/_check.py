"""Running the laws one after the other, and saying which one was broken."""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING

from skal.testing import (
    _batch,
    _chance,
    _layouts,
    _live,
    _memory,
    _needs,
    _pure,
    _targets,
)
from skal.testing._trial import Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from numpy.typing import ArrayLike

    from skal.query import QueryStrategy

#: Every law, the basic ones first: a strategy that breaks one of them is likely to
#: break many of those that follow.
LAWS = (
    _batch.positions,
    _pure.inputs_untouched,
    _pure.model_untouched,
    _pure.parameters_untouched,
    _pure.global_random_state,
    _batch.pool_exhausted,
    _batch.whole_pool,
    _chance.reproducible,
    _batch.best_first,
    _batch.separable,
    _batch.repeated_rows,
    _chance.ties,
    _chance.row_order,
    _pure.cloning,
    _needs.declared_needs,
    _needs.cold_start,
    _needs.same_answer,
    _batch.candidates,
    _pure.hidden_labels,
    _layouts.one_class,
    _layouts.label_names,
    _layouts.read_only,
    _layouts.float32,
    _layouts.images,
    _layouts.sparse,
    _targets.declared_targets,
    _targets.check_before_any_work,
    _live.simulation_is_live,
    _live.simulated_start,
    _memory.memory,
)


def check_strategy(
    strategy: str | QueryStrategy | Callable[..., Any],
    *,
    estimator: Any = None,
    X: Any = None,
    y: ArrayLike | None = None,
    random_state: int = 0,
) -> None:
    """Check that a query strategy keeps every law.

    A strategy that returns a batch of the right length may still return the same row
    twice, ignore its seed, prefer the first of equal rows or build an n-by-n matrix.
    Each law here is one such promise, tried on a pool of 5 000 rows with batches of
    1, 10 and 100. The first law that is broken raises.

    Parameters
    ----------
    strategy : QueryStrategy, callable or str
        What is checked: anything that ``query_strategy=`` takes.
    estimator : estimator, default=None
        The model that the strategy asks, unfitted. The default is a forest
        behind a scaler, which answers every need (probabilities, embeddings, samples);
        strategies that a classifier cannot serve get a regressor.
    X : array-like of shape (n_samples, ...), default=None
        Rows to learn from and to choose from, at least 500; made up by default. The
        laws about layouts (sparse, images, float32, read-only) and about memory are
        tried only where X is a plain 2-D array.
    y : array-like of shape (n_samples,), default=None
        The labels of X.
    random_state : int, default=0
        Seed of the data and of every draw, so that a check passes or fails for good.

    Raises
    ------
    AssertionError
        Naming the strategy, the broken law and the numbers. An exception inside a law
        is its cause.

    See Also
    --------
    strategy_checks : The same laws one by one, for pytest.

    Notes
    -----
    The laws: ``positions`` (int64, unique, in range, exactly as many as asked for),
    ``inputs_untouched``, ``model_untouched``, ``parameters_untouched``,
    ``global_random_state``, ``pool_exhausted``, ``whole_pool``, ``reproducible``,
    ``best_first``, ``separable`` (where it says so, a row scores the same whatever is
    asked beside it), ``repeated_rows``, ``ties`` (equal rows are chosen equally often),
    ``row_order`` (the answer moves with the rows), ``cloning``, ``declared_needs``,
    ``cold_start``, ``same_answer`` (from an estimator, a view and a learner),
    ``candidates``, ``hidden_labels``, ``one_class``, ``label_names``, ``read_only``,
    ``float32``, ``images``, ``sparse``, ``simulation_is_live``, ``simulated_start``,
    ``memory``.

    ``memory`` asks for 250 of 50 000 rows of 64 features and allows twice the size of
    X beyond what the model's own answers take, so an (n, n), (n, n_classes * d) or
    (n, n_instances) array does not pass.

    A strategy that needs groups or costs of rows is told such as follow from what the
    rows hold.

    A strategy that scores rows in one pass takes about two seconds.

    Examples
    --------
    >>> from skal.query import Margin
    >>> from skal.testing import check_strategy
    >>> check_strategy(Margin())
    """
    laws = strategy_checks(
        strategy, estimator=estimator, X=X, y=y, random_state=random_state
    )
    for _, law in laws:
        law()


def strategy_checks(
    strategy: str | QueryStrategy | Callable[..., Any],
    *,
    estimator: Any = None,
    X: Any = None,
    y: ArrayLike | None = None,
    random_state: int = 0,
) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield the laws of :func:`check_strategy` one by one, for pytest.

    Nothing is fitted before the first law is called, and the laws share one model.

    Parameters
    ----------
    strategy : QueryStrategy, callable or str
        What is checked: anything that ``query_strategy=`` takes.
    estimator : estimator, default=None
        The model that the strategy asks, unfitted; see :func:`check_strategy`.
    X : array-like of shape (n_samples, ...), default=None
        Rows to learn from and to choose from, at least 500; made up by default.
    y : array-like of shape (n_samples,), default=None
        The labels of X.
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
    check_strategy : Runs them all.

    Examples
    --------
    >>> from skal.query import Margin
    >>> from skal.testing import strategy_checks
    >>> name, law = next(strategy_checks(Margin()))
    >>> name
    'positions'
    >>> law()
    """
    if not __debug__:
        raise RuntimeError(
            "The laws are assertions, which python -O leaves out. Run without -O."
        )
    trial = Trial(strategy, estimator=estimator, X=X, y=y, random_state=random_state)
    for law in LAWS:
        yield law.__name__, partial(keep, law, trial)


def keep(law, trial):
    """Call a law; whatever goes wrong inside it breaks it."""
    __tracebackhide__ = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)  # 0 / 0, log(0)
            # Small products of BLAS read beyond their rows, and what lies there may
            # look like NaN; NaN in an answer breaks the laws wherever it comes from.
            warnings.filterwarnings("ignore", "invalid value encountered in matmul")
            law(trial)
    except Exception as error:
        what = str(error)
        if not isinstance(error, AssertionError):
            what = f"{type(error).__name__}: {error}"
        promise = law.__doc__.partition("\n")[0].rstrip(".")
        raise AssertionError(
            f"{trial.name} breaks the law {law.__name__!r} ({promise}): {what}"
        ) from error
