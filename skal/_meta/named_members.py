"""Objects made of named members, whose parameters can be reached by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any, Self

    from sklearn.base import BaseEstimator as _Base
else:
    _Base = object


class NamedMembersMixin(_Base):
    """Let get_params and set_params reach into a list of (name, member) pairs.

    A subclass stores the pairs under one parameter and names that parameter in
    ``_members_param``. ``kappa`` then reads or replaces a member, ``kappa__threshold``
    reads or sets one of its parameters, as in scikit-learn's VotingClassifier. Comes
    left of BaseEstimator among the bases.
    """

    _members_param = ""

    def named_members(self) -> list[tuple[str, Any]]:
        """Return the (name, member) pairs; none where the parameter is malformed."""
        pairs = getattr(self, self._members_param)
        return list(pairs) if is_named_pairs(pairs) else []

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters, with ``deep`` those of the members too.

        Parameters
        ----------
        deep : bool, default=True
            Also return each member under its name, and its parameters under
            ``<name>__<parameter>``.

        Returns
        -------
        dict
            Parameter names mapped to their values.
        """
        params = super().get_params(deep=deep)
        if not deep:
            return params
        for name, member in self.named_members():
            params[name] = member
            if hasattr(member, "get_params") and not isinstance(member, type):
                inner = member.get_params(deep=True).items()
                params.update({f"{name}__{key}": value for key, value in inner})
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters, members by name, and parameters of members.

        Parameters
        ----------
        **params : dict
            The list of pairs under its own name, ``<name>=member`` to replace a
            member, ``<name>__<parameter>=value`` to set a parameter of one.

        Returns
        -------
        self : object
            The object itself.

        Raises
        ------
        ValueError
            If a member is only named and has no parameters, or there is no such
            parameter.
        """
        if self._members_param in params:
            setattr(self, self._members_param, params.pop(self._members_param))
        pairs = self.named_members()
        new = {name: params.pop(name) for name, _ in pairs if name in params}
        members = dict(pairs) | new
        for key in params:
            name, inside, inner = key.partition("__")
            member = members.get(name, self)
            if inside and not hasattr(member, "set_params"):
                raise ValueError(
                    f"Invalid parameter {inner!r} for {name!r}, which is {member!r} "
                    f"and has no parameters. Put an object there first, by {name}=."
                )
        if any(new.get(name, member) is not member for name, member in pairs):
            replaced = [(name, new.get(name, member)) for name, member in pairs]
            setattr(self, self._members_param, replaced)
        return super().set_params(**params)

    def check_members(self) -> None:
        """Raise where the pairs or their names would not work.

        Raises
        ------
        TypeError
            If the parameter is no list of (name, member) pairs.
        ValueError
            If there are no pairs, or if a name is taken twice, belongs to a
            parameter, or holds a double underscore.
        """
        param, pairs = self._members_param, getattr(self, self._members_param)
        if not is_named_pairs(pairs):
            raise TypeError(
                f"{param} must be a list of (name, object) pairs, got {pairs!r}. "
                f'Write {param}=[("first", ...), ("second", ...)].'
            )
        if not pairs:
            raise ValueError(f"{param} must have at least one pair, got {pairs!r}.")
        names = [name for name, _ in pairs]
        taken = set(self.get_params(deep=False))
        for name in names:
            if names.count(name) > 1 or name in taken or "__" in name or not name:
                raise ValueError(
                    f"{param} must have unique names that are no parameter and hold "
                    f"no double underscore, got {name!r} among {names}. Rename it."
                )


def is_named_pairs(pairs):
    """Tell whether ``pairs`` is a list or tuple of (str, object) pairs."""
    return isinstance(pairs, list | tuple) and all(
        isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str)
        for pair in pairs
    )
