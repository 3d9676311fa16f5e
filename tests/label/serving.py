"""A session behind a real server, for tests; and somebody who asks it over HTTP."""

import http.client
import json
from contextlib import closing, contextmanager
from uuid import uuid4

from skal.label import LabelSession
from skal.label._page import Answers
from skal.label._server import Pictures, Running

TEXTS = [f"text {i} {'good' if i % 2 else 'bad'}" for i in range(60)]


@contextmanager
def served(X=TEXTS, annotators=("me",), answers=Answers, **options):
    """Serve a session; yield the server, with the session in it."""
    options = {"classes": ["pos", "neg"], "train": "elsewhere", **options}
    with (
        LabelSession(X, random_state=0, **options) as session,
        closing(Pictures(session, seconds=5)) as pictures,
    ):
        tokens = {name: session.store.add_annotator(name) for name in annotators}
        with Running(answers(session, pictures), pictures, tokens) as server:
            server.session = session
            server.pictures = pictures
            yield server


class Client:
    """What a browser tab sends, header by header; each of them can be another."""

    def __init__(self, server, annotator="me"):
        self.port = server.port
        self.headers = {
            "Host": f"127.0.0.1:{server.port}",
            "Origin": f"http://127.0.0.1:{server.port}",
            "Sec-Fetch-Site": "same-origin",
            "Cookie": f"skal-{server.port}={server.keys.cookie(annotator)}",
            "X-Skal-Key": server.keys.key(annotator),
            "Content-Type": "application/json",
        }

    def send(self, method, path, body=None, **changed):
        """Return status, headers and body of an answer; None leaves a header out."""
        names = {name.replace("_", "-"): value for name, value in changed.items()}
        headers = {**self.headers, **names}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.putrequest(method, path, skip_host=True)
            for name, value in headers.items():
                if value is not None:
                    connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            reply = connection.getresponse()
            return reply.status, dict(reply.getheaders()), reply.read()
        finally:
            connection.close()

    def ask(self, name, **payload):
        """Return the answer to a request, which must not fail."""
        status, _, body = self.send(
            "POST", f"/api/{name}", json.dumps(payload).encode()
        )
        assert status == 200, (status, body)
        return json.loads(body)

    def label(self, item, value, event=None):
        event = event or str(uuid4())
        said = {"event": event, "item": item, "kind": "label", "value": value}
        return self.ask("events", events=[said])
