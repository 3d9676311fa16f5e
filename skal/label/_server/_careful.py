"""Requests read, and answers sent, with the care that a hostile page calls for."""

import json

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
