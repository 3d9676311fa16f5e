"""Net: skorch's net with scikit-learn's rules, and the order in which a fit goes."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from inspect import Parameter, signature
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted
from skorch import NeuralNet
from skorch.callbacks import PrintLog
from skorch.history import History

from skal._checks import check_choice, check_int, nearest_first
from skal._meta import restored_on_failure
from skal._seed import draw_seed, fork_torch
from skal.nets._augment import check_augment
from skal.nets._callback_checks import check_callbacks, check_heard, check_scores
from skal.nets._callbacks import MeanLoss, forget_optimizer
from skal.nets._device import check_precision, choose_device, place
from skal.nets._files import check_fits, read_file, writing
from skal.nets._fit_files import check_in_fit, files_of, on_named_device, own_rates
from skal.nets._inputs import read, with_ways_out
from skal.nets._layout import Layout, as_given, as_table, layout_from
from skal.nets._module import (
    N_LOOK,
    build,
    check_repeats,
    facts_of,
    find_head,
    measure_inputs,
)
from skal.nets._objective import check_lengths, read_weights, read_y
from skal.nets._passes import Passes, join
from skal.nets._schedule import check_schedule
from skal.nets._tensor_set import accept_sets
from skal.nets._training import Trainer, make_optimizer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from numpy.typing import NDArray

#: Draws of dropout masks where no number is given, as for MCDropoutCommittee.
_N_SAMPLES = 50


class Net(NeuralNet):
    """A skorch net that only stores its parameters until it is fitted.

    skorch's callbacks, history and ``save_params`` work as they are; its data sets,
    iterators and training loop are not used. A fit reads X as Inputs and y as an
    Objective, makes the module and hands the three to a Trainer; what a fitted net
    answers comes from its Passes.

    A subclass says what its targets and its loss are (``_objective``), and may say how
    its module sees a row (``_arranged``) and what it is made of (``_default_module``,
    ``_module_params``, ``_start_from``).
    """

    module: Any
    module_: torch.nn.Module
    n_features_in_: int
    device: str
    bfloat16: bool
    # What pickles hold of a fit beside the module.
    _layout: Layout
    _head_name: str | None
    _width: int
    _units: tuple[int, ...] = ()  # what a row has outputs for, if not for itself
    # What skorch sets in __init__, as it is before the first fit.
    history_: Any = None
    initialized_ = False
    virtual_params_: dict[str, Any] = {}  # noqa: RUF012 (never changed)
    predict_nonlinearity = None
    torch_load_kwargs = None
    train_split = None
    use_caching = "auto"
    # Parameters that pickles of 0.1.0 do not hold.
    keep_integers: bool = False
    num_workers: int = 0

    #: Parameters of a parent that a subclass settles.
    _settled: frozenset[str] = frozenset()
    #: Parameters that are younger than results which somebody may have kept, and the
    #: values at which a net is what it was: there they leave the key of a run alone.
    _added_params: dict[str, Any] = {"keep_integers": False, "num_workers": 0}  # noqa: RUF012
    #: What may be set as prefix__name.
    _prefixes = ("module__", "criterion__", "optimizer__", "callbacks__")
    #: The module where none is given.
    _default_module: Any = None

    # Parameters -----------------------------------------------------------------

    def _store(self, arguments):
        """Store the arguments of __init__, and those with a prefix in ``params``."""
        params = arguments.pop("params")
        for name in sorted(params):
            if not self._is_prefixed(name):
                raise TypeError(
                    f"{type(self).__name__} got an unexpected keyword argument "
                    f"{name!r}. Did you mean one of "
                    f"{nearest_first(name, self._get_param_names())[:3]}?"
                )
        ours = set(arguments) - {"self", "__class__"}
        self.__dict__.update({name: arguments[name] for name in ours}, **params)

    @classmethod
    def _is_prefixed(cls, name):
        prefix, dunder, rest = name.partition("__")
        settled = prefix in cls._settled
        return bool(rest) and not settled and prefix + dunder in cls._prefixes

    @classmethod
    def _get_param_names(cls):
        return sorted(cls._defaults())

    @classmethod
    def _defaults(cls):
        """Return the parameters in the signatures of skal's own classes."""
        defaults = {}
        for base in reversed(cls.__mro__):  # a subclass has the last word
            if issubclass(base, Net) and "__init__" in vars(base):
                for name, parameter in signature(base.__init__).parameters.items():
                    if parameter.kind is not Parameter.VAR_KEYWORD:
                        defaults[name] = parameter.default
        return {k: v for k, v in defaults.items() if k not in {"self", *cls._settled}}

    def get_params(self, deep: bool = True, **kwargs: Any) -> dict[str, Any]:
        """Return the parameters, those with a prefix included.

        Parameters
        ----------
        deep : bool, default=True
            Accepted for compatibility; nothing inside has parameters of its own.
        **kwargs : dict
            Ignored, as in skorch.

        Returns
        -------
        dict
            Parameter names and values.
        """
        params = {name: self.__dict__[name] for name in self._get_param_names()}
        prefixed = {k: v for k, v in self.__dict__.items() if self._is_prefixed(k)}
        return {**params, **prefixed}

    def set_params(self, **kwargs: Any) -> Net:
        """Set parameters; a fitted net takes them up at its next fit.

        Parameters
        ----------
        **kwargs : dict
            Names and values, also ``module__name`` and ``optimizer__name``.

        Returns
        -------
        self : object
            The net.
        """
        known = self._get_param_names()
        for name, value in kwargs.items():
            if name not in known and not self._is_prefixed(name):
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator {type(self).__name__}. "
                    f"Valid parameters are {nearest_first(name, known)}."
                )
            self.__dict__[name] = value
        return self

    def _params_of(self, prefix):
        """Return the parameters with a prefix, without it."""
        start = f"{prefix}__"
        names = [name for name in self.__dict__ if name.startswith(start)]
        return {name.removeprefix(start): self.__dict__[name] for name in names}

    def __sklearn_is_fitted__(self) -> bool:
        """Tell whether the net has been fitted."""
        return self.initialized_

    def __repr__(self) -> str:
        """Name the parameters that are not the default."""
        defaults = self._defaults()
        shown = [
            f"{name}={getattr(value, '__qualname__', repr(value))}"
            for name, value in self.get_params().items()
            if name not in defaults or repr(value) != repr(defaults[name])
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    # Copies, pickles and files ----------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """Leave the GPU: what is saved there can be loaded anywhere.

        In a fit, leave what it alone has a use for too.
        """
        state = self.__dict__.copy()
        for ours in ("optimizer_", "on_train_begin"):
            state.pop(ours, None)
        if isinstance(state.get("criterion_"), MeanLoss):
            del state["criterion_"]
        module = state.get("module_")
        if module is not None and any(
            tensor.device.type != "cpu" for tensor in module.state_dict().values()
        ):
            state["module_"] = deepcopy(module).cpu()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the state as it is; the module moves when it is used.

        Parameters that are younger than a pickle are at their default.
        """
        self.__dict__.update({**self._defaults(), **state})

    def save_params(self, *args: Any, **kwargs: Any) -> None:
        """Save weights as skorch does, and with them all that answers depend on.

        That is what the net has learnt of its rows and labels: their shape, columns and
        kind, the classes, the units. ``load_params`` brings it back.

        Parameters
        ----------
        *args, **kwargs : object
            As skorch takes them: ``f_params``, a path or file, ``use_safetensors``.

        Raises
        ------
        ValueError
            If ``f_optimizer`` or ``f_criterion`` is given outside of a fit, which makes
            them and leaves none.
        """
        given = signature(super().save_params).bind(*args, **kwargs).arguments
        if not self.initialized_:
            super().save_params(*args, **kwargs)  # says what is missing
        check_in_fit(self, given)
        as_tensors = bool(given.get("use_safetensors"))
        with writing(self.module_, self._beside_weights(), as_tensors=as_tensors):
            super().save_params(*args, **kwargs)

    def load_params(
        self,
        f_params: Any = None,
        f_optimizer: Any = None,
        f_criterion: Any = None,
        f_history: Any = None,
        checkpoint: Any = None,
        use_safetensors: bool = False,
        **kwargs: Any,
    ) -> None:
        """Load weights, and with them all that a net's ``save_params`` put beside them.

        A new net is made as the file says, and needs neither ``fit`` nor
        ``initialize``. Where the file does not fit, the net stays as it was.

        Parameters
        ----------
        f_params : str, path or file, default=None
            Where weights were saved.
        f_optimizer, f_criterion : str, path or file, default=None
            For callbacks, in a fit; each makes its own.
        f_history : str, path or file, default=None
            Where the history was saved.
        checkpoint : skorch.callbacks.Checkpoint, default=None
            Where a fit left weights and history.
        use_safetensors : bool, default=False
            Whether the files are of safetensors.
        **kwargs : dict
            Other files, as skorch takes them.

        Raises
        ------
        ValueError
            If a file holds no weights, or those of another network, or was saved by a
            net of other classes, shape or kind than this one was given.

        Warns
        -----
        UserWarning
            Where neither the net nor the file knows whether these weights were
            fitted on uint8 pixels.
        """
        files = {**kwargs, "f_params": f_params, "f_optimizer": f_optimizer}
        files |= {"f_criterion": f_criterion, "f_history": f_history}
        files = {name: file for name, file in files.items() if file is not None}
        check_in_fit(self, files)
        with restored_on_failure(self):
            if checkpoint is not None:
                files = {**files_of(self, checkpoint), **files}
            weights = files.pop("f_params", files.pop("f_module", None))
            with on_named_device(self), own_rates(self, files):
                super().load_params(**files, use_safetensors=use_safetensors)
            if weights is not None:
                self._load_weights(weights, use_safetensors)

    def _load_weights(self, file, use_safetensors):
        """Load weights and what is beside them, into a new module if there is none."""
        how = self.torch_load_kwargs or {"weights_only": True}
        weights, facts = read_file(file, use_safetensors=use_safetensors, **how)
        kind = self.__sklearn_tags__().estimator_type
        if facts.get("kind", kind) != kind:
            raise ValueError(
                f"f_params must be saved by a {kind}, got a file of a {facts['kind']}."
            )
        if not self.initialized_:
            if "layout" not in facts:
                raise NotFittedError(
                    f"{type(self).__name__} must be made before it takes weights that "
                    "were not saved by a net's save_params: call initialize(), with "
                    "classes= and input_shape=, or fit."
                )
            seed = draw_seed(self.random_state)
            with fork_torch(seed, 0, "net", alone=True):
                self._units = tuple(facts.get("units", ()))
                self._build_without_rows(facts["width"], layout_from(facts["layout"]))
        check_fits(weights, self.module_)
        self._take_beside_weights(facts)
        self.module_.load_state_dict(weights)

    def _beside_weights(self):
        """Return what the answers depend on beside weights and parameters."""
        columns = getattr(self, "feature_names_in_", None)
        return {
            "kind": self.__sklearn_tags__().estimator_type,
            "layout": self._layout.as_fact(),
            "width": self._width,
            "columns": None if columns is None else columns.tolist(),
        }

    def _take_beside_weights(self, facts):
        """Take what was saved with weights; files from elsewhere hold nothing."""
        if "layout" in facts:
            self._take_layout(layout_from(facts["layout"]), facts["columns"])
        elif facts.get("pixels") is not None:
            self._layout = self._layout.with_pixels(facts["pixels"])
        if self._layout.pixels is None:
            warnings.warn(
                "f_params does not say whether its weights were fitted on uint8 "
                "pixels, which are scaled to [0, 1]: rows of either kind are taken. "
                "Pass rows as they were then, and save with a net's save_params.",
                UserWarning,
                stacklevel=4,
            )

    def _take_layout(self, layout, columns):
        """Take the layout and the columns of the rows that saved weights are for."""
        if self.input_shape is not None:
            given = tuple(self.input_shape)
            own = tuple(self._arranged(given, given))
            saved = getattr(layout, "shape", None)
            if own != saved:
                raise ValueError(
                    f"input_shape must be that of the net which was saved, {saved}, "
                    f"got {self.input_shape!r}. None takes it from the file."
                )
        self._see(layout)
        self.__dict__.pop("feature_names_in_", None)
        if columns is not None:
            self.feature_names_in_ = np.array(columns, dtype=object)

    @property
    def _default_callbacks(self):
        return [("print_log", PrintLog())] if self.verbose else []

    # Answers ----------------------------------------------------------------------

    def passes(self) -> Passes:
        """Return what sends rows through the fitted module, for posteriors and such.

        Returns
        -------
        Passes
            Has the module's ``outputs`` and ``embeddings``, a batch at a time, its
            ``head``, and its outputs under dropout.
        """
        check_is_fitted(self)
        read_again = partial(self._read, layout=self._layout)
        passes = Passes(
            self.module_, read_again, self._head_name, self.device, self.bfloat16
        )
        if "forward_iter" in vars(self):  # skorch scores the outputs that it has seen
            seen: Any = self.forward_iter
            passes.__dict__["outputs"] = partial(seen, device=None)
        return passes

    def forward_iter(
        self, X: Any, training: bool = False, device: str = "cpu"
    ) -> Iterator[torch.Tensor]:
        """Yield the module's output for each chunk of rows, for skorch's ``forward``.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)
            Rows as in ``fit``.
        training : bool, default=False
            Must be False; see ``sample_proba`` for dropout.
        device : str, default="cpu"
            Where the outputs go.

        Yields
        ------
        Tensor of shape (m, n_outputs)
            The outputs.
        """
        passes = self.passes()
        if training:
            raise ValueError(
                "training must be False, got True. For dropout use sample_proba."
            )
        for outputs in passes.outputs(X):
            yield outputs.to(device)

    def embed(self, X: Any) -> NDArray[Any]:
        """Return the embedding of each row: the input of the last linear layer.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)
            Rows as in ``fit``.

        Returns
        -------
        ndarray of shape (n_rows, n_features) and float32
            The embeddings.

        Raises
        ------
        TypeError
            If the module does not end in a linear layer.
        """
        return join(self.passes().embeddings(X))

    def gradient_features(
        self,
        X: Any,
        n_features: int = 512,
        random_state: int | np.random.RandomState | None = None,
    ) -> NDArray[Any]:
        """Return what each row would teach the whole network, in a few numbers.

        They are a random sketch of the gradient of the outputs in the weights of all
        linear and convolution layers that are trained: inner products of two rows are,
        in the mean over the draws, those of their gradients.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)
            Rows as in ``fit``.
        n_features : int, default=512
            How many numbers a row: more of them are nearer to the gradients.
        random_state : int, RandomState instance or None, default=None
            Fixes the sketch. Features are to be compared under the same one only.

        Returns
        -------
        ndarray of shape (n_rows, n_features) and float32
            The features; a regressor's in standard units of the target, without what
            it says of noise.

        Raises
        ------
        TypeError
            If the module has no such layer.

        Notes
        -----
        Costs a pass forward and one back for each output, and O(n_features) times the
        widths of the layers. The gradients themselves are never written out.

        References
        ----------
        Holzmüller, D., Zaverkin, V., Kästner, J., Steinwart, I. (2023). A framework and
        benchmark for deep batch active learning for regression. JMLR 24.
        arXiv:2203.09410
        """
        passes = self.passes()
        check_int("n_features", n_features)
        seed = draw_seed(random_state)
        return join(passes.gradients(X, self._n_answers, n_features, seed))

    @property
    def _n_answers(self):
        """How many outputs, from the first, are answers."""
        return self._width

    def _samples(self, X, n_samples, random_state, dropout):
        """Return the outputs (S, m, n_outputs) under dropout, for each batch of X."""
        passes = self.passes()
        n_samples = _N_SAMPLES if n_samples is None else n_samples
        check_int("n_samples", n_samples)
        check_choice("dropout", dropout, ["all", "last"])
        return passes.dropout_outputs(X, n_samples, draw_seed(random_state), dropout)

    # The order of a fit -----------------------------------------------------------

    def _fit(self, X, y, sample_weight, *, go_on, plan=None, **given):
        """Train on rows; from new weights unless it is to go on from the old.

        A fit that fails leaves the net as it was. ``plan`` says what is to be learnt of
        rows without a label, which have no weight; ``given`` is for the objective.
        """
        seed = draw_seed(self.random_state)
        with self._restored_on_failure(go_on), fork_torch(seed, 0, "net", alone=True):
            self._check_how()
            inputs = self._read(X, layout=self._layout if go_on else None)
            self._see(inputs.layout)
            y = read_y(X, y, type(self).__name__)
            check_lengths(inputs, y)
            weights, positions = read_weights(sample_weight, len(inputs))
            objective = self._objective(y, weights, positions, go_on=go_on, **given)
            objective.try_on(positions)
            check_scores(self.callbacks_, X, objective.targets[positions])
            seen = positions if plan is None else plan.seen(positions)
            inputs.check_finite(seen)
            if not go_on:
                inputs = self._build_for(inputs, seen, objective.width)
            trainer = Trainer if plan is None else plan.trainer
            self._train(trainer, inputs, objective, positions, (X, y))
        return self

    def _check_how(self):
        """Refuse, before any work, settings that a fit would fail on."""
        device = choose_device(self.device)
        check_precision(self.mixed_precision, self.bfloat16, device)
        check_callbacks(self)
        self._initialize_callbacks()
        check_schedule(self.lr_schedule, self.callbacks_)
        check_heard(self)

    @contextmanager
    def _restored_on_failure(self, go_on):
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

    def _read(self, X, layout):
        """Return X as Inputs, laid out as those of fit; None for the first."""
        arrange = partial(self._arranged, input_shape=self.input_shape)
        return read(self, X, arrange, layout)

    def _see(self, layout):
        """Remember how rows are laid out."""
        self._layout = layout
        self.__dict__.pop("n_features_in_", None)
        if layout.size is not None:  # or rows have several lengths
            self.n_features_in_ = layout.size

    def _build_for(self, inputs, positions, width):
        """Make a new module for rows; return the rows in the shape that it takes.

        A module of the user's may take signals and volumes with a channel in front, or
        without; nobody but itself can tell.
        """
        ways = inputs.ways() if self._may_choose_shape() else [inputs]
        state, errors = torch.get_rng_state(), []
        for way in ways:
            torch.set_rng_state(state)
            self._see(way.layout)
            batches = partial(way.batches_of, positions)
            try:
                made = self._make(width, batches)
            except (IndexError, RuntimeError, TypeError, ValueError) as error:
                errors.append(error)
                continue
            self._settle(made, batches)
            return way
        raise with_ways_out(errors[0], ways)

    def _may_choose_shape(self):
        return self.module is not None and self.input_shape is None

    def _build(self, width, batches, *, start=True):
        """Make a new module, measure its inputs, look at some answers, and place it.

        ``batches`` takes a device, and makes the generator of the rows that the module
        will be trained on. ``start`` gives it the weights to start from, if it has any.
        """
        self._settle(self._make(width, batches, start=start), batches)

    def _make(self, width, batches, *, start=True):
        """Return a new module that has measured its inputs, on its device."""
        device = choose_device(self.device)
        facts = facts_of(self._layout, width)
        chosen = self._default_module if self.module is None else self.module
        module = build(chosen, self._module_params(), facts)
        if self._layout.is_set:
            accept_sets(module)
        if start:
            self._start_from(module)
        measured = partial(batches, torch.device("cpu"))
        measure_inputs(module, measured, is_set=self._layout.is_set)
        row = next(batches(device))[:1]
        self._head_name = find_head(module.to(device), row, width, self._units)
        self._width = width
        return module

    def _settle(self, module, batches):
        """Look at some answers of a new module, and place it."""
        device = choose_device(self.device)
        check_repeats(module.eval(), next(batches(device))[:N_LOOK])
        # Not set by skorch, which would make it anew when a parameter changes.
        self.__dict__["module_"] = place(module, device)
        self.initialized_ = True

    def _build_without_rows(self, width, layout=None):
        """Make a new module from the layout of its rows alone.

        None is ``input_shape``; else the weights are to come from a file.
        """
        start = layout is None
        if start:
            shape = self._arranged(tuple(self.input_shape), tuple(self.input_shape))
            layout = Layout(shape, None, bool(self.keep_integers))
        self._see(layout)
        row = layout.one_row()
        self._build(width, lambda on: iter([layout.arrange(row, on)]), start=start)

    def _train(self, trainer, inputs, objective, positions, given):
        """Train the module, with what skorch's callbacks want to find on the net."""
        passes = self.passes()
        about = {"X": given[0], "y": given[1]}
        own = {"X": inputs.source, "y": objective.targets}
        self.history_ = History()
        trainer = trainer(self, passes, inputs, objective, positions, given)
        ours = {"criterion_": MeanLoss(objective.losses)} if self.callbacks_ else {}
        ours = {name: one for name, one in ours.items() if not hasattr(self, name)}
        ours["optimizer_"] = make_optimizer(self, passes.module)
        self.__dict__.update(ours)
        try:
            trainer.listeners.tell("on_train_begin", own=own, **about)
            trainer.run()
            trainer.listeners.tell("on_train_end", own=own, **about)
        finally:
            passes.module.eval()
            for name in ours:  # the state of an optimizer is twice the weights' size
                del self.__dict__[name]
            forget_optimizer(self.callbacks_)

    def get_all_learnable_params(self) -> Iterator[tuple[str, torch.nn.Parameter]]:
        """Yield the names and weights of the module, as skorch's callbacks want them.

        Yields
        ------
        name : str
            As in ``module_.named_parameters()``.
        parameter : Parameter
            The weights.
        """
        yield from self.module_.named_parameters()

    # What a subclass says ---------------------------------------------------------

    @abstractmethod
    def _objective(self, y, weights, positions, *, go_on):
        """Return the Objective for y; learn of y what outputs are to be read by."""

    def _arranged(self, row_shape, input_shape):
        """Return the shape of a row: flat for the default module."""
        arrange = as_given if self.module is not None else as_table
        return arrange(row_shape, input_shape)

    def _module_params(self):
        """Return what the module is made with: the parameters module__name."""
        return self._params_of("module")

    def _start_from(self, module):
        """Give a new module the weights to start from, if it has some."""

    def _augmentation(self, layout):
        """Return the function of rows and targets that changes both, or None."""
        change = check_augment(self.augment, layout)
        return change and (lambda rows, targets: (change(rows), targets))

    def __sklearn_tags__(self):
        """Say that rows may be sparse: they are made dense a batch at a time."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
