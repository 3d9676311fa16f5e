"""The ML backend as a server that Label Studio can call."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterable
from typing import Any, Self

from skal.label._backend._answers import Backend, Reply
from skal.label._backend._guard import MAX_BODY, BackendGuard


class BackendServer:
    """Answer Label Studio, until interrupted or within a ``with`` block.

    Parameters
    ----------
    shelf : Shelf
        The project.
    host : str, default="127.0.0.1"
        The address to listen at.
    port : int, default=9090
        The port to listen at; 0 takes any free one.
    allow_hosts : iterable of str, default=()
        Names that requests may be addressed to, besides those of this machine, as
        "host.docker.internal".
    from_name : str, default=None
        The choice to answer, where a labelling config holds several.
    """

    def __init__(
        self,
        shelf: Any,
        host: str = "127.0.0.1",
        port: int = 9090,
        allow_hosts: Iterable[str] = (),
        from_name: str | None = None,
    ) -> None:
        self.backend = Backend(shelf, from_name)
        app = application(self.backend)
        import uvicorn

        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family)
        # Or each answer waits 40 ms: its head, its body, and TCP's patience between.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port = self._socket.getsockname()[1]
        self.app = BackendGuard(app, shelf, self.port, allow_hosts)
        config = uvicorn.Config(
            self.app,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="none",
            lifespan="off",
            timeout_graceful_shutdown=5,
        )
        self._server = uvicorn.Server(config)
        self._thread: threading.Thread | None = None

    def run(self) -> None:
        """Answer until a signal ends it."""
        self.backend.annotations.start()
        with contextlib.suppress(KeyboardInterrupt):
            self._server.run(sockets=[self._socket])
        self._close()

    def __enter__(self) -> Self:
        self.backend.annotations.start()
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(10)
        self._close()

    def _close(self):
        self._socket.close()
        self.backend.annotations.stop()


def application(backend: Backend) -> Any:
    """Return the ASGI application of a backend, without its guard.

    Parameters
    ----------
    backend : Backend
        What answers.

    Returns
    -------
    Starlette
        The application.
    """
    try:
        import uvicorn  # noqa: F401
        from starlette.applications import Starlette
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import JSONResponse
        from starlette.routing import Route
    except ImportError as error:
        raise ImportError(
            'The ML backend needs Starlette and uvicorn: pip install "skal[label]"'
        ) from error

    async def answer(request):
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > MAX_BODY:
                too_long = {"error": f"The body is longer than {MAX_BODY} bytes."}
                return JSONResponse(too_long, 413)
        name = request.scope["path"].strip("/")
        reply = await run_in_threadpool(_reply, backend, name, bytes(body))
        return JSONResponse(reply.body, reply.status)

    return Starlette(routes=[Route("/{name:path}", answer, methods=["GET", "POST"])])


def _reply(backend, name, body):
    """Answer a call; what is wrong with it goes back to who asked, and to no log."""
    try:
        payload = json.loads(body or b"{}")
        if not isinstance(payload, dict):
            raise ValueError("The body must be a JSON object.")
        return backend.answer(name, payload)
    except (ValueError, RecursionError) as error:
        return Reply(400, {"error": str(error)})
