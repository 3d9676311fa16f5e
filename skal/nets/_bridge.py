"""Bridge: skorch's net with scikit-learn's rules for parameters, copies and pickles."""

from __future__ import annotations

from copy import deepcopy
from inspect import Parameter, signature
from typing import TYPE_CHECKING

import torch
from skorch import NeuralNet
from skorch.callbacks import PrintLog

from skal._checks import nearest_first
from skal.nets._placement import choose_device

if TYPE_CHECKING:
    from typing import Any


class Bridge(NeuralNet):
    """A skorch net that only stores its parameters until it is fitted.

    skorch's callbacks, history and ``save_params`` work as they are; its data sets,
    iterators and training loop are not used.
    """

    module: Any
    module_: torch.nn.Module
    device: str
    bfloat16: bool
    # What skorch sets in __init__, as it is before the first fit.
    history_: Any = None
    initialized_ = False
    virtual_params_: dict[str, Any] = {}  # noqa: RUF012 (never changed)
    criterion = None
    predict_nonlinearity = None
    torch_load_kwargs = None
    train_split = None
    use_caching = "auto"

    #: Parameters of a parent that a subclass settles.
    _settled: frozenset[str] = frozenset()
    #: What may be set as prefix__name.
    _prefixes = ("module__", "optimizer__", "callbacks__")

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
            if issubclass(base, Bridge) and "__init__" in vars(base):
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

    def set_params(self, **kwargs: Any) -> Bridge:
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
        """Take the state as it is; the module moves when it is used."""
        self.__dict__.update(state)

    def save_params(self, *args: Any, **kwargs: Any) -> None:
        """Save weights as skorch does; safetensors wants them in the plain layout."""
        if not self.initialized_:
            super().save_params(*args, **kwargs)  # says what is missing
        self.module_.to(memory_format=torch.contiguous_format)
        try:
            super().save_params(*args, **kwargs)
        finally:
            self.module_.to(memory_format=torch.channels_last)

    def load_params(self, *args: Any, **kwargs: Any) -> None:
        """Load weights as skorch does, which knows no device "auto"."""
        device = self.device
        self.device = str(choose_device(device))
        try:
            super().load_params(*args, **kwargs)
        finally:
            self.device = device

    @property
    def _default_callbacks(self):
        return [("print_log", PrintLog())] if self.verbose else []
