"""Fitting: what every net does from X and y to a trained module."""

from __future__ import annotations

from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from inspect import signature
from math import ceil, prod
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import check_is_fitted, validate_data
from skorch.history import History

from skal._checks import check_int, check_number
from skal._meta import restored_on_failure
from skal._seed import draw_seed, fork_torch
from skal.nets._answers import Answers
from skal.nets._augment import check_augment
from skal.nets._batches import in_order
from skal.nets._building import build, facts_of, find_head, measure_inputs
from skal.nets._layout import Layout, check_finite, check_kind
from skal.nets._loop import Batches, train
from skal.nets._placement import choose_device, place
from skal.nets._schedule import check_schedule, choose_batch_size, count_steps
from skal.nets._source import is_dataset, open_source, targets_of

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

_CHUNK = 256


class Net(Answers):
    """A net that is fitted in steps, inside a fork of torch's random state.

    A subclass says how the module sees a row (``_arranged``), what its targets are
    (``_targets_of``), how wide its output is (``_width``) and what its loss is
    (``_losses``).
    """

    n_features_in_: int
    _layout: Layout
    #: The module where none is given.
    _default_module: Any = None

    def _fit(self, X, y, sample_weight, *, go_on, classes=None):
        """Train on rows; from new weights unless it is to go on from the old.

        A fit that fails leaves the net as it was.
        """
        seed = draw_seed(self.random_state)
        with self._unharmed(go_on), fork_torch(seed, 0, "net"):
            if not go_on:
                self._forget(classes)
            source, _ = self._read(X, reset=not go_on)
            y = self._read_y(X, y)
            check_lengths(source, y)
            weights, rows = read_weights(sample_weight, len(source))
            targets, weights = self._targets_of(y, weights, rows, go_on=go_on)
            for where in in_order(len(rows), _CHUNK):
                check_finite(source.take(rows[where]), type(self).__name__)
            if not go_on:
                self._build(partial(arranged, source, self._layout, rows))
            self._train(source, targets, weights, rows)
        return self

    @contextmanager
    def _unharmed(self, go_on):
        """Bring back the net where what follows fails, its weights too if it goes on.

        New weights are made in a new module, which the old one is simply kept from.
        """
        module = self.module_ if go_on else None
        weights = None if module is None else deepcopy(module.state_dict())
        try:
            with restored_on_failure(self):
                yield
        except BaseException:
            if module is not None:
                module.load_state_dict(weights)
            raise

    def _forget(self, classes):
        """Let go of what the last fit learned of y; ``classes`` are given, or None."""

    def _read(self, X, *, reset):
        """Return X as a source, and its layout, which must be as it was in fit."""
        if not reset:
            check_is_fitted(self)
        source = open_source(self._checked(X, reset))
        shape = source.row_shape
        if not reset and shape == (self.n_features_in_,):  # flat rows fit in any shape
            shape = self._layout.shape
        else:
            shape = self._arranged(shape, self.input_shape)
        layout = Layout(shape, source.pixels)
        if reset:
            self._layout = layout
            self.n_features_in_ = prod(shape)
        else:
            self._layout.check(layout)
        return source, layout

    def _checked(self, X, reset):
        """Return X as an array, a sparse matrix, a tensor or a data set."""
        if is_dataset(X):
            return X
        if not hasattr(X, "shape"):
            X = np.asarray(X)
        if isinstance(X, torch.Tensor) or len(X.shape) > 2:
            X = X if isinstance(X, torch.Tensor) else np.asarray(X)
            check_kind(X)
            if X.ndim < 2 or len(X) == 0:
                raise ValueError(
                    f"X must hold at least one row, got shape {tuple(X.shape)}. A "
                    "single row needs a dimension in front."
                )
            if reset:
                self.__dict__.pop("feature_names_in_", None)
            return X
        return validate_data(
            self, X, reset=reset, accept_sparse="csr", ensure_all_finite=False
        )

    def _read_y(self, X, y):
        """Return y, which a data set may hold itself."""
        if y is None:
            if not is_dataset(X):
                raise ValueError(
                    f"{type(self).__name__} requires y to be passed, but the target y "
                    "is None."
                )
            y = targets_of(X)
        return (
            y.detach().cpu().numpy() if isinstance(y, torch.Tensor) else np.asarray(y)
        )

    def _build(self, batches):
        """Make a new module, measure its inputs, and place it.

        ``batches`` makes the generator of the rows that it will be trained on.
        """
        device = choose_device(self.device)
        facts = facts_of(self._layout.shape, self._width())
        chosen = self._default_module if self.module is None else self.module
        module = build(chosen, self._module_params(), facts)
        self._start_from(module)
        measure_inputs(module, batches(torch.device("cpu")))
        row = next(batches(device))[:1]
        self._head_name = find_head(module.to(device), row, self._width())
        # Not set by skorch, which would make it anew when a parameter changes.
        self.__dict__["module_"] = place(module, device)
        self.initialized_ = True

    def _build_without_rows(self):
        """Make a new module from ``input_shape`` alone."""
        shape = tuple(self.input_shape)
        self._layout = Layout(self._arranged(shape, shape), pixels=None)
        self.n_features_in_ = prod(shape)
        row = torch.zeros(1, *self._layout.shape)
        self._build(lambda device: iter([row.to(device)]))

    def _module_params(self):
        """Return what the module is made with: the parameters module__name."""
        return self._params_of("module")

    def _start_from(self, module):
        """Give a new module the weights to start from, if it has some."""

    def _train(self, source, targets, weights, rows):
        """Train the module on the targets of some rows of the source."""
        module, device = self._ready()
        check_schedule(self.lr_schedule)
        augment = check_augment(self.augment, self._layout.shape)
        kept, held = self._split(rows, targets)
        batch_size = choose_batch_size(self.batch_size, len(kept))
        n_steps = count_steps(len(kept), batch_size, self.max_steps, self.max_epochs)
        parts = [
            None
            if which is None
            else Batches(source, self._layout, targets, weights, which, device)
            for which in (kept, held)
        ]
        self.history_ = History()
        self._initialize_callbacks()
        self.__dict__["optimizer_"] = self._make_optimizer(module)
        try:
            self.notify("on_train_begin", X=source, y=targets)
            train(
                self,
                module,
                *parts,
                n_steps=n_steps,
                batch_size=batch_size,
                augment=augment,
            )
            self.notify("on_train_end", X=source, y=targets)
        finally:
            module.eval()
            del self.__dict__["optimizer_"]  # its state is twice the weights' size

    def _split(self, rows, targets):
        """Return the positions to train on, and those to watch for early stopping."""
        if not self.early_stopping:
            return rows, None
        check_int("patience", self.patience)
        share = check_number("validation_fraction", self.validation_fraction)
        if not 0 < share < 1:
            raise ValueError(
                f"validation_fraction must be between 0 and 1, got {share!r}."
            )
        n_held = ceil(share * len(rows))
        if n_held == len(rows):
            raise ValueError(
                f"validation_fraction must leave a row to train on, got {share!r} of "
                f"{n_held} rows. Label more rows, or set early_stopping=False."
            )
        seed = int(torch.randint(2**31 - 1, ()))
        strata = self._strata(targets.numpy()[rows], n_held)
        return train_test_split(
            rows, test_size=n_held, random_state=seed, stratify=strata
        )

    def _strata(self, targets, n_held):
        """Return what to stratify the held-out rows by, or None."""
        return

    def _make_optimizer(self, module):
        """Make the optimizer for the weights that are not frozen."""
        parameters = [(n, p) for n, p in module.named_parameters() if p.requires_grad]
        if not callable(self.optimizer):
            raise TypeError(
                f"optimizer must be a class of torch.optim, got {self.optimizer!r}. "
                "Pass torch.optim.Adam, for example."
            )
        args, params = self.get_params_for_optimizer("optimizer", parameters)
        params.setdefault("weight_decay", self.weight_decay)
        accepted = signature(self.optimizer).parameters
        if "weight_decay" not in accepted:
            del params["weight_decay"]
        if "fused" in accepted:
            params.setdefault("fused", True)
        return self.optimizer(*args, **params)

    def __sklearn_tags__(self):
        """Say that rows may be sparse: they are made dense a batch at a time."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def arranged(source, layout, rows, device):
    """Yield some rows of a source as the module takes them."""
    for where in in_order(len(rows), _CHUNK):
        yield layout.arrange(source.take(rows[where]), device)


def check_lengths(source, y):
    """Refuse X and y of different length."""
    n_labels = len(y) if y.ndim else 0
    if n_labels != len(source):
        raise ValueError(
            f"X and y must have as many rows, got {len(source)} and {n_labels}."
        )


def read_weights(sample_weight, n_rows):
    """Return the weights and the positions of the rows whose weight is not zero."""
    if sample_weight is None:
        return None, np.arange(n_rows)
    weights = np.asarray(sample_weight, dtype=float)
    if weights.ndim == 0:
        weights = np.full(n_rows, float(weights))
    if weights.shape != (n_rows,):
        raise ValueError(
            f"sample_weight must hold a weight for each of the {n_rows} rows of X, got "
            f"shape {weights.shape}."
        )
    if not np.all(np.isfinite(weights)) or np.any(weights < 0):
        raise ValueError(
            "sample_weight must hold finite numbers of at least 0, got "
            f"{weights.min()!r}."
        )
    rows: NDArray[np.int64] = np.flatnonzero(weights)
    if len(rows) == 0:
        raise ValueError("sample_weight must leave at least one row, got only zeros.")
    return weights, rows


def as_weights(weights, rows):
    """Return weights as a tensor: they average to 1 over the rows, or None."""
    if weights is None:
        return None
    return torch.from_numpy(weights / weights[rows].mean()).float()
