"""Nobody but the page gets an answer of the server."""

import json
import socket

import pytest
from label.serving import Client, served

from skal.label._server._careful import limited
from skal.label._server._keys import Keys

LABEL = json.dumps(
    {"events": [{"event": "e", "item": 1, "kind": "label", "value": "pos"}]}
).encode()


@pytest.fixture(scope="module")
def server():
    with served(annotators=("anna", "ben")) as server:
        yield server


@pytest.fixture
def client(server):
    return Client(server, "anna")


def test_the_page_itself_is_answered(client, server):
    status, headers, body = client.send("GET", "/")
    assert status == 200
    assert b'<script type="module" src="/static/page.js">' in body
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers
    assert "server" not in headers
    assert client.ask("state")["annotator"] == "anna"


def test_the_start_link_is_exchanged_for_a_cookie(client, server):
    path = server.link("ben").partition(str(server.port))[2]
    status, headers, body = client.send(
        "GET", path, Cookie=None, Origin=None, X_Skal_Key=None, Sec_Fetch_Site="none"
    )
    assert status == 200
    key = server.keys.key("ben")
    assert f'content="0; url=/#{key}"'.encode() in body
    assert server.keys.tokens["ben"].encode() not in body
    for word in ("HttpOnly", "SameSite=Strict", "Path=/"):
        assert word in headers["set-cookie"]
    cookie = headers["set-cookie"].split(";")[0]
    status, _, body = client.send(
        "POST", "/api/state", b"{}", Cookie=cookie, X_Skal_Key=key
    )
    assert (status, json.loads(body)["annotator"]) == (200, "ben")


ELSEWHERE = {
    "DNS rebinding": {"Host": "evil.example"},
    "DNS rebinding with the port": {"Host": "evil.example:{port}"},
    "another port": {"Host": "127.0.0.1:1"},
    "no port": {"Host": "127.0.0.1"},
    "no Host": {"Host": None},
    "a name of this host that is not its own": {"Host": "127.0.0.1.nip.io:{port}"},
    "a page elsewhere": {"Origin": "https://evil.example"},
    "a page on another port": {"Origin": "http://127.0.0.1:1"},
    "a page of no origin": {"Origin": "null"},
    "two origins": {"Origin": "http://127.0.0.1:{port}, https://evil.example"},
    "a cross-site fetch": {"Sec-Fetch-Site": "cross-site"},
    "a fetch from another port": {"Sec-Fetch-Site": "same-site"},
    "no cookie": {"Cookie": None},
    "a wrong cookie": {"Cookie": "skal-{port}=" + "0" * 64},
    "a cookie of letters that are none": {"Cookie": "skal-{port}=\xe4\xf6"},
}
NO_HOST = ELSEWHERE["no Host"]
WRITES = {
    "no origin": {"Origin": None},
    "no key": {"X-Skal-Key": None},
    "the key of another": {"X-Skal-Key": "0" * 64},
    "a form": {"Content-Type": "application/x-www-form-urlencoded"},
    "a form of plain text": {"Content-Type": "text/plain"},
    "no type": {"Content-Type": None},
}


@pytest.mark.parametrize(
    "changed", [*ELSEWHERE.values(), *WRITES.values()], ids=[*ELSEWHERE, *WRITES]
)
def test_a_label_from_elsewhere_is_refused(changed, client, server):
    headers = filled(changed, server)
    try:
        status, _, _ = client.send("POST", "/api/events", LABEL, **headers)
    except ConnectionResetError:  # closed before the label was read, and the answer
        assert changed == NO_HOST
    else:
        assert status == 403 or (status == 400 and changed == NO_HOST)
    assert server.session.n_labels == 0


@pytest.mark.parametrize("path", ["/", "/static/page.js", "/media/1", "/api/state"])
@pytest.mark.parametrize("changed", ELSEWHERE.values(), ids=ELSEWHERE)
def test_nothing_is_read_from_elsewhere(changed, path, client, server):
    status, headers, body = client.send("GET", path, **filled(changed, server))
    if changed == NO_HOST:  # no HTTP at all, says the parser
        assert status == 400
        return
    assert status == 403
    assert "access-control-allow-origin" not in headers
    assert b"text" not in body
    assert "default-src 'none'" in headers["content-security-policy"]


def filled(changed, server):
    return {
        name.replace("-", "_"): value and value.format(port=server.port)
        for name, value in changed.items()
    }


def test_a_header_sent_twice_is_refused(client, server):
    """Else a proxy in between and the server might each believe another one."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as sock:
        lines = ["GET / HTTP/1.1", *(f"{k}: {v}" for k, v in client.headers.items())]
        lines += ["Origin: https://evil.example", "Connection: close"]
        sock.sendall("\r\n".join([*lines, "", ""]).encode())
        assert b" 403 " in sock.recv(1000).splitlines()[0]


@pytest.mark.parametrize("token", ["", "0", "\xe4", "a" * 5000])
def test_a_wrong_token_opens_nothing(token, client):
    status, headers, _ = client.send(
        "GET", f"/?token={token.encode().hex()}", Cookie=None
    )
    assert status == 403
    assert "set-cookie" not in headers


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT"])
def test_other_methods_are_refused(method, client):
    assert client.send(method, "/api/events")[0] in (400, 403)


def test_a_preflight_gets_no_leave(client):
    status, headers, _ = client.send(
        "OPTIONS",
        "/api/events",
        Origin="https://evil.example",
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="x-skal-key",
    )
    assert status == 403
    assert not [name for name in headers if name.startswith("access-control")]


def test_web_sockets_are_closed(client):
    status, _, _ = client.send(
        "GET",
        "/",
        Connection="Upgrade",
        Upgrade="websocket",
        Sec_WebSocket_Version="13",
        Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==",
        Cookie=None,
    )
    assert status == 403


@pytest.mark.parametrize(
    "path",
    [
        "/media/../../../etc/passwd",
        "/media/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/media/..%5c..%5cwindows",
        "/media//etc/passwd",
        "/media/1/../../../etc/passwd",
        "/media/-1",
        "/media/1e1",
        "/media/99999999999999999999",
        "/static/../_desk.py",
        "/static/%2e%2e/_desk.py",
        "/static//etc/passwd",
        "/static/page.html",
        "/labels.db",
    ],
)
def test_no_path_leads_to_a_file(path, client):
    status, _, body = client.send("GET", path)
    assert status == 404
    assert b"root:" not in body
    assert b"import" not in body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b'{"events": 3}',
        b'{"events": [1]}',
        b'{"x": 1}',
        b'{"events": [{"kind": "drop"}]}',
        b"[" * 100_000,
        b'"' + b"a" * 100,
    ],
)
def test_a_body_that_makes_no_sense_is_an_error_with_words(body, client):
    status, _, said = client.send("POST", "/api/events", body)
    answer = json.loads(said)
    assert status == 400 or answer["refused"], said
    assert "Traceback" not in said.decode()


def test_an_unknown_request_names_the_known_ones(client):
    status, _, said = client.send("POST", "/api/__init__", b"{}")
    assert status == 404
    assert "name must be one of" in json.loads(said)["error"]


def test_a_body_that_is_too_long_is_not_read(client):
    try:
        status, _, _ = client.send("POST", "/api/events", b"x" * 3_000_000)
    except OSError:  # the connection was closed on us
        return
    assert status == 413


def test_a_number_without_end_stops_no_other_answer(client):
    """It used to be an error of the server, and the answers beside it not saved."""
    one, two = (row["item"] for row in client.ask("next", n=2)["items"])
    said = client.ask(
        "events",
        events=[
            {"event": "e1", "item": float("inf"), "kind": "label", "value": "pos"},
            {"event": "e2", "item": one, "kind": "label", "value": "pos"},
        ],
    )
    assert (said["saved"], len(said["refused"])) == (["e2"], 1)
    assert client.send("POST", "/api/next", b'{"n": 1e999}')[0] == 400
    assert client.ask("next", n=1)["items"][0]["item"] == two


def test_each_start_has_keys_of_its_own():
    first, second = Keys({"anna": "a"}), Keys({"anna": "b"})
    assert first.of_token("a") == "anna"
    assert second.of_token("a") is None
    assert second.of_cookie(first.cookie("anna")) is None
    assert first.key("anna") != first.cookie("anna")


def test_limited_ends_a_body_that_is_too_long():
    import asyncio

    async def receive():
        return {"type": "http.request", "body": b"x" * 6, "more_body": True}

    bounded = limited(receive, 10)
    assert asyncio.run(bounded())["type"] == "http.request"
    assert asyncio.run(bounded())["type"] == "http.disconnect"
