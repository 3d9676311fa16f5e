"""Who may ask the ML backend: whoever has the project's password, and no web page."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from typing import Any

from skal.label._server._careful import Headers, refuse

#: The user that Label Studio is to name; the password is the project's own.
USER = "skal"
#: Where the project keeps the hash of the password.
PASSWORD = "ls_backend_password"
#: Longest body; tasks come a hundred or so at a time, with their texts.
MAX_BODY = 64 * 2**20


def new_password(shelf: Any) -> str:
    """Draw a password for Label Studio; the project keeps its hash alone.

    Parameters
    ----------
    shelf : Shelf
        The project.

    Returns
    -------
    str
        The password, of 192 bits, to be shown this once.
    """
    password = secrets.token_urlsafe(24)
    set_password(shelf, password)
    return password


def set_password(shelf: Any, password: str) -> None:
    """Take a password of the user's own, which is to be as long as a drawn one."""
    if len(password) < 16:
        raise ValueError(
            f"The password must be of 16 letters at least, got {len(password)}. Leave "
            "it out, and one is drawn."
        )
    shelf.store.meta[PASSWORD] = hash_of(password.encode())


def has_password(shelf: Any) -> bool:
    """Tell whether a password was drawn before."""
    return PASSWORD in shelf.store.meta


class BackendGuard:
    """Let a request through to ``app`` if its sender may ask.

    The address of this machine can be asked by any page that a browser here visits:
    such requests say so, and are refused even with the password, which a browser may
    have kept. A request must name the server as it was told to be named, so that no
    name that leads here by a trick of the name service will do.

    Parameters
    ----------
    app : ASGI application
        What is guarded.
    shelf : Shelf
        Its store holds the hash of the password.
    port : int
        The port that a ``Host`` must name.
    allow_hosts : iterable of str, default=()
        Names that a ``Host`` may have besides those of this machine.
    """

    def __init__(
        self, app: Any, shelf: Any, port: int, allow_hosts: Iterable[str] = ()
    ) -> None:
        self.app = app
        self.shelf = shelf
        names = ("127.0.0.1", "localhost", "[::1]", *allow_hosts)
        self.hosts = {name if _has_port(name) else f"{name}:{port}" for name in names}

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no web sockets here
            await send({"type": "websocket.close", "code": 1008})
            return
        status, trouble = self._trouble(Headers(scope["headers"]))
        if trouble:
            await refuse(send, status, trouble, scope["path"] + "?")
        else:
            await self.app(scope, receive, send)

    def _trouble(self, headers):
        """Say what is wrong with a request, or nothing."""
        if headers.only("host", "").lower() not in self.hosts:
            return 403, "The Host of the request is not this server."
        if headers.only("origin") or headers.only("sec-fetch-site"):
            return 403, "The request comes from a page in a browser."
        if not self._knows_password(headers.only("authorization", "")):
            return 401, "The request has no user name and password of this project."
        return 200, ""

    def _knows_password(self, header):
        scheme, _, word = header.partition(" ")
        try:
            user, _, password = base64.b64decode(word, validate=True).partition(b":")
        except ValueError:
            return False
        expected = self.shelf.store.meta.get(PASSWORD, "")
        right = hmac.compare_digest(hash_of(password), expected)
        return right and scheme.lower() == "basic" and user == USER.encode()


def _has_port(name):
    return name.rpartition(":")[2].isdecimal()


def hash_of(password: bytes) -> str:
    """Return what is kept of a password, which is too long to be guessed."""
    return hashlib.sha256(password).hexdigest()
