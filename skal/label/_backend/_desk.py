"""What ``skal ls-backend`` does, apart from the words it says."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Any

from skal.label._backend._app import BackendServer
from skal.label._backend._guard import USER, has_password, new_password, set_password
from skal.label._shelf import opened
from skal.label._supervisor import Supervisor

#: Where a password of the user's own may stand.
VARIABLE = "SKAL_LS_PASSWORD"


def serve_backend(
    project: Any,
    say: Callable[[str], Any],
    *,
    host: str = "127.0.0.1",
    port: int = 9090,
    allow_hosts: Iterable[str] = (),
    from_name: str | None = None,
    fresh_password: bool = False,
    train: bool = False,
) -> None:
    """Answer Label Studio for a project until interrupted.

    Parameters
    ----------
    project : LabelSession or path-like
        The project, or its folder.
    say : callable
        Told, in words, where Label Studio finds the backend.
    host : str, default="127.0.0.1"
        The address to listen at.
    port : int, default=9090
        The port to listen at.
    allow_hosts : iterable of str, default=()
        Names that requests may be addressed to, besides those of this machine.
    from_name : str, default=None
        The choice to answer, where a labelling config holds several.
    fresh_password : bool, default=False
        Draw a new password; the one before is of no use any more.
    train : bool, default=False
        Train behind whenever enough is new, for a project whose rows are in files.
    """
    with opened(project) as shelf, _trainer(shelf, train):
        password = _password(shelf, fresh_password)
        server = BackendServer(shelf, host, port, allow_hosts, from_name)
        say(f"The ML backend for Label Studio is at http://{host}:{server.port}")
        say(f"User name: {USER}")
        say(f"Password: {password or 'the one you were told (--new-password)'}")
        server.run()
        refused = server.backend.annotations.refused
        if refused:
            say(f"{refused} annotations named no row or class of it.")


def _trainer(shelf, train):
    """Return who trains meanwhile."""
    if not train:
        return nullcontext()
    if shelf.store.meta.get("source") is None or shelf.folder is None:
        raise ValueError(
            "train must be False for a project whose rows were in memory, got True. "
            "Let the session that has them train."
        )
    return Supervisor(shelf.folder)


def _password(shelf, fresh):
    """Return a password to show: one that is new. Another's is kept as a hash."""
    given = os.environ.get(VARIABLE)
    if given:
        set_password(shelf, given)
        return f"the one in {VARIABLE}"
    return new_password(shelf) if fresh or not has_password(shelf) else None
