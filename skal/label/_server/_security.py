"""Who may ask the server anything: not a web page that the user happens to visit.

Every rule is checked on every request, before any other code sees it. What a hostile
page can do in a browser is to send requests; it can neither choose their ``Host``,
``Origin`` and ``Sec-Fetch-Site``, nor read the cookie, nor know the key.
"""

import hmac
import json
import secrets
from urllib.parse import parse_qs

HEADERS = {
    b"content-security-policy": b"default-src 'none'; script-src 'self'; "
    b"style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    b"form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=()",
}
PAGE = "<!doctype html><html lang=en><meta charset=utf-8><title>skal label</title>{}"
CLOSED = PAGE.format(
    "<p>Open the link that <code>skal label</code> printed: it holds the key."
)
#: A redirect of HTTP would belong to the site that the link was clicked on, and a
#: strict cookie is not sent there; a page that goes on by itself is our own.
ENTER = PAGE.format('<meta http-equiv=refresh content="0; url=/#{key}">')


class Keys:
    """What each annotator needs to get in: new at each start, kept in memory alone.

    A *token* stands in the start link, and is exchanged for a *cookie*, which the
    browser sends with pictures and page, and a *key*, which the page itself sends. The
    key is not in the cookie because cookies are shared between the ports of a host:
    another server on this computer may see them, but not the key.

    Parameters
    ----------
    tokens : dict of str to str
        The token of each annotator, by name.
    """

    def __init__(self, tokens):
        self.tokens = dict(tokens)
        self._seed = secrets.token_bytes(32)

    def cookie(self, name):
        return self._derived("cookie", name)

    def key(self, name):
        return self._derived("key", name)

    def of_token(self, token):
        """Return whose token it is, or None."""
        return self._whose(token, self.tokens.get)

    def of_cookie(self, cookie):
        return self._whose(cookie, self.cookie)

    def _derived(self, what, name):
        message = f"{what}:{name}".encode()
        return hmac.new(self._seed, message, "sha256").hexdigest()

    def _whose(self, given, secret_of):
        """Compare with every secret, in time that does not tell how near it was."""
        found = None
        for name in self.tokens:
            if hmac.compare_digest(given.encode(), secret_of(name).encode()):
                found = name
        return found


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


class Headers:
    """The headers of a request, those sent twice seen as strange.

    Parameters
    ----------
    pairs : list of tuple of bytes
        As ASGI gives them.
    """

    def __init__(self, pairs):
        self.pairs = pairs

    def only(self, name, default=None):
        """Return the value of a header; nonsense if it was sent more than once."""
        values = [value for key, value in self.pairs if key == name.encode()]
        if not values:
            return default
        return values[0].decode("latin-1") if len(values) == 1 else "\0sent twice"


def cookies(header):
    """Return the cookies of a header by name."""
    pairs = (part.strip().partition("=") for part in header.split(";"))
    return {name: value for name, _, value in pairs}


def limited(receive, max_body):
    """Wrap ``receive`` so that a body ends as a disconnect where it is too long."""
    seen = 0

    async def bounded():
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        return {"type": "http.disconnect"} if seen > max_body else message

    return bounded


def with_headers(send):
    """Wrap ``send`` so that every answer carries the headers of a careful server."""

    async def careful(message):
        if message["type"] == "http.response.start":
            own = [pair for pair in message["headers"] if pair[0] not in HEADERS]
            message = {**message, "headers": [*own, *HEADERS.items()]}
        await send(message)

    return careful


async def refuse(send, status, error, path):
    """Answer with an error: as JSON, or as a page where a person reads it."""
    if path == "/":
        kind, body = b"text/html; charset=utf-8", CLOSED.encode()
    else:
        kind, body = b"application/json", json.dumps({"error": error}).encode()
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await answer(send, status, headers, body)


async def answer(send, status, headers, body):
    send = with_headers(send)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
