"""Net: skorch's net with scikit-learn's rules, and the order in which a fit goes."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from inspect import Parameter, signature
from typing import TYPE_CHECKING

import torch
from sklearn.utils.validation import check_is_fitted
from skorch import NeuralNet
from skorch.callbacks import PrintLog
from skorch.history import History

from skal._checks import check_choice, check_int, nearest_first
from skal._meta import restored_on_failure
from skal._seed import draw_seed, fork_torch
from skal.nets._device import choose_device, place
from skal.nets._files import reading, writing
from skal.nets._inputs import read, with_ways_out
from skal.nets._layout import Layout, as_given, as_table, channels_last
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
        """Leave the GPU: what is saved there can be loaded anywhere."""
        state = self.__dict__.copy()
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
        """Save weights as skorch does, and what else ``load_params`` is to bring back.

        Safetensors wants weights in the plain layout.
        """
        if not self.initialized_:
            super().save_params(*args, **kwargs)  # says what is missing
        given = signature(super().save_params).bind(*args, **kwargs).arguments
        module, as_tensors = self.module_, bool(given.get("use_safetensors"))
        module.to(memory_format=torch.contiguous_format)
        try:
            with writing(module, self._beside_weights(), as_tensors=as_tensors):
                super().save_params(*args, **kwargs)
        finally:
            channels_last(module)

    def load_params(self, *args: Any, **kwargs: Any) -> None:
        """Load weights as skorch does, which knows no device "auto".

        Warns where neither the net nor the file knows whether these weights were
        fitted on uint8 pixels.
        """
        if not self.initialized_:
            if kwargs.get("checkpoint") is None:
                super().load_params(*args, **kwargs)  # says what is missing
                return
            self.initialize()
        device = self.device
        self.device = str(choose_device(device))
        try:
            with reading(self.module_) as found:
                super().load_params(*args, **kwargs)
        finally:
            self.device = device
        for facts in found:
            self._take_beside_weights(facts)

    def _beside_weights(self):
        """Return what the answers depend on beside weights and parameters."""
        return {"pixels": self._layout.pixels}

    def _take_beside_weights(self, facts):
        """Take what was saved with weights; files from elsewhere hold nothing."""
        pixels = facts.get("pixels")
        if pixels is not None:
            self._layout = self._layout.with_pixels(pixels)
        elif self._layout.pixels is None:
            warnings.warn(
                "f_params does not say whether its weights were fitted on uint8 "
                "pixels, which are scaled to [0, 1]: rows of either kind are taken. "
                "Pass rows as they were then, and save with a net's save_params.",
                UserWarning,
                stacklevel=3,
            )

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
        return Passes(
            self.module_, read_again, self._head_name, self.device, self.bfloat16
        )

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

    def _samples(self, X, n_samples, random_state, dropout):
        """Return the outputs (S, m, n_outputs) under dropout, for each batch of X."""
        passes = self.passes()
        n_samples = _N_SAMPLES if n_samples is None else n_samples
        check_int("n_samples", n_samples)
        check_choice("dropout", dropout, ["all", "last"])
        return passes.dropout_outputs(X, n_samples, draw_seed(random_state), dropout)

    # The order of a fit -----------------------------------------------------------

    def _fit(self, X, y, sample_weight, *, go_on, **given):
        """Train on rows; from new weights unless it is to go on from the old.

        A fit that fails leaves the net as it was. ``given`` is for the objective.
        """
        seed = draw_seed(self.random_state)
        with self._restored_on_failure(go_on), fork_torch(seed, 0, "net", alone=True):
            inputs = self._read(X, layout=self._layout if go_on else None)
            self._see(inputs.layout)
            y = read_y(X, y, type(self).__name__)
            check_lengths(inputs, y)
            weights, positions = read_weights(sample_weight, len(inputs))
            objective = self._objective(y, weights, positions, go_on=go_on, **given)
            objective.try_on(positions)
            inputs.check_finite(positions)
            if not go_on:
                inputs = self._build_for(inputs, positions, objective.width)
            self._train(inputs, objective, positions)
        return self

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

    def _build(self, width, batches):
        """Make a new module, measure its inputs, look at some answers, and place it.

        ``batches`` takes a device, and makes the generator of the rows that the module
        will be trained on.
        """
        self._settle(self._make(width, batches), batches)

    def _make(self, width, batches):
        """Return a new module that has measured its inputs, on its device."""
        device = choose_device(self.device)
        facts = facts_of(self._layout, width)
        chosen = self._default_module if self.module is None else self.module
        module = build(chosen, self._module_params(), facts)
        if self._layout.is_set:
            accept_sets(module)
        self._start_from(module)
        measured = partial(batches, torch.device("cpu"))
        measure_inputs(module, measured, is_set=self._layout.is_set)
        row = next(batches(device))[:1]
        self._head_name = find_head(module.to(device), row, width)
        return module

    def _settle(self, module, batches):
        """Look at some answers of a new module, and place it."""
        device = choose_device(self.device)
        check_repeats(module.eval(), next(batches(device))[:N_LOOK])
        # Not set by skorch, which would make it anew when a parameter changes.
        self.__dict__["module_"] = place(module, device)
        self.initialized_ = True

    def _build_without_rows(self, width):
        """Make a new module from ``input_shape`` alone."""
        shape = tuple(self.input_shape)
        self._see(Layout(self._arranged(shape, shape), None, bool(self.keep_integers)))
        row = self._layout.one_row()
        self._build(width, lambda device: iter([row.to(device)]))

    def _train(self, inputs, objective, positions):
        """Train the module, with what skorch's callbacks want to find on the net."""
        passes = self.passes()
        about = {"X": inputs.source, "y": objective.targets}
        self.history_ = History()
        self._initialize_callbacks()
        trainer = Trainer(self, passes, inputs, objective, positions)
        self.__dict__["optimizer_"] = make_optimizer(self, passes.module)
        try:
            self.notify("on_train_begin", **about)
            trainer.run()
            self.notify("on_train_end", **about)
        finally:
            passes.module.eval()
            del self.__dict__["optimizer_"]  # its state is twice the weights' size

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

    def __sklearn_tags__(self):
        """Say that rows may be sparse: they are made dense a batch at a time."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
