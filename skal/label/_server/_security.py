"""Who may ask the server anything: not a web page that the user happens to visit.

Every rule is checked on every request, before any other code sees it. What a hostile
page can do in a browser is to send requests; it can neither choose their ``Host``,
``Origin`` and ``Sec-Fetch-Site``, nor read the cookie, nor know the key.
"""

import hmac
from urllib.parse import parse_qs

from skal.label._server._careful import (
    PAGE,
    Headers,
    answer,
    cookies,
    limited,
    refuse,
    with_headers,
)

#: A redirect of HTTP would belong to the site that the link was clicked on, and a
#: strict cookie is not sent there; a page that goes on by itself is our own.
ENTER = PAGE.format('<meta http-equiv=refresh content="0; url=/#{key}">')


class Guard:
    """Let a request through to ``app`` if its sender may ask; answer 403 otherwise.

    Parameters
    ----------
    app : ASGI application
        It finds the annotator in ``scope["state"]["annotator"]``.

    keys : Keys
        Tokens, cookies and keys.

    port : int
        The port of the server; a ``Host`` must name it.

    max_body : int, default=2_000_000
        The longest body of a request, in bytes.
    """

    def __init__(self, app, keys, port, max_body=2_000_000):
        self.app = app
        self.keys = keys
        self.hosts = {f"{host}:{port}" for host in ("127.0.0.1", "localhost", "[::1]")}
        if port == 80:
            self.hosts |= {host.removesuffix(":80") for host in self.hosts}
        self.cookie_name = f"skal-{port}"
        self.max_body = max_body

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no web sockets here
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = Headers(scope["headers"])
        # On the path of the connection, never on an address made from Host.
        path, method = scope["path"], scope["method"]
        trouble = self._misled(headers)
        if (
            trouble is None
            and method == "GET"
            and path == "/"
            and scope["query_string"]
        ):
            await self._enter(scope["query_string"], send)
            return
        trouble = trouble or self._stranger(headers, method)
        if trouble is None:
            annotator, trouble = self._annotator(headers, path, method)
        if trouble is not None:
            await refuse(send, 403, trouble, path)
            return
        scope["state"] = {**scope.get("state", {}), "annotator": annotator}
        await self.app(scope, limited(receive, self.max_body), with_headers(send))

    def _misled(self, headers):
        """Say whether a name that is not ours led a browser here."""
        host = headers.only("host")
        if host is None or host.lower() not in self.hosts:
            return "The Host of the request is not this server."
        return None

    def _stranger(self, headers, method):
        """Say what shows that a request comes from elsewhere, or None."""
        if method not in ("GET", "HEAD", "POST"):
            return "There is no such method here."
        site = headers.only("sec-fetch-site", "none" if method != "POST" else None)
        if site not in ("same-origin", "none", None):
            return "The request comes from another site."
        origin = headers.only("origin")
        if method == "POST" and origin is None:
            return "The request does not say where it comes from."
        if origin is not None and origin.lower() != f"http://{headers.only('host')}":
            return "The request comes from another origin."
        return None

    async def _enter(self, query, send):
        """Exchange the token of a start link for a cookie, and go on without it.

        The link may be clicked anywhere: whoever knows the token may come in.
        """
        given = parse_qs(query.decode("latin-1")).get("token", [""])
        name = self.keys.of_token(given[0])
        if name is None:
            await refuse(send, 403, "The link is not of this start of skal label.", "/")
            return
        cookie = f"{self.cookie_name}={self.keys.cookie(name)}"
        body = ENTER.format(key=self.keys.key(name)).encode()
        headers = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"set-cookie", f"{cookie}; Path=/; HttpOnly; SameSite=Strict".encode()),
            (b"cache-control", b"no-store"),
            (b"content-length", str(len(body)).encode()),
        ]
        await answer(send, 200, headers, body)

    def _annotator(self, headers, path, method):
        """Return who asks, and what is missing if they may not."""
        cookie = cookies(headers.only("cookie", "")).get(self.cookie_name, "")
        name = self.keys.of_cookie(cookie)
        if name is None:
            return None, "Open the link that skal label printed: it holds the key."
        if method == "POST" or path.startswith("/api/"):
            key = headers.only("x-skal-key", "")
            if not hmac.compare_digest(key.encode(), self.keys.key(name).encode()):
                return None, "The request does not hold the key of the page."
            if headers.only("content-type", "").split(";")[0] != "application/json":
                return None, "The request must be of type application/json."
        return name, None
