"""What the server answers: the page, the requests of the page, and pictures."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

STATIC = Path(__file__).parents[1] / "static"
TYPES = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


def application(answers, pictures, keys, port):
    """Return the ASGI application, guarded.

    Parameters
    ----------
    answers : Answers
        What is said to the page.

    pictures : Pictures
        The images of the source, re-encoded.

    keys : Keys
        Who may ask.

    port : int
        Where the server listens.

    Returns
    -------
    app : Guard
        An ASGI application.
    """
    from starlette.applications import Starlette
    from starlette.routing import Route

    from skal.label._server._security import Guard

    views = Views(answers, pictures)
    routes = [
        Route("/", views.page, methods=["GET"]),
        Route("/static/{name}", views.static, methods=["GET"]),
        Route("/api/{name}", views.api, methods=["GET", "POST"]),
        Route("/media/{item:int}", views.picture, methods=["GET"]),
        Route("/media/{item:int}/thumb", views.thumb, methods=["GET"]),
    ]
    app = Starlette(routes=routes)
    app.state.views = views
    return Guard(app, keys, port)


class Views:
    """Each kind of request, answered in a thread: the store writes to disk.

    Labels have threads of their own, so that neither a picture nor a search makes a
    key press wait.

    Parameters
    ----------
    answers : Answers
        What is said to the page.

    pictures : Pictures
        The images of the source, re-encoded.
    """

    def __init__(self, answers, pictures):
        self.answers = answers
        self.pictures = pictures
        self._labels = ThreadPoolExecutor(2, "skal-labels")
        self._rest = ThreadPoolExecutor(4, "skal-rest")

    async def page(self, request):
        return reply((STATIC / "page.html").read_bytes(), "text/html; charset=utf-8")

    async def static(self, request):
        name = request.path_params["name"]
        if name not in TYPES:
            return failure(404, "There is no such file.")
        return reply((STATIC / name).read_bytes(), TYPES[name])

    async def api(self, request):
        from starlette.requests import ClientDisconnect

        name = request.path_params["name"]
        try:
            body = await request.body()
        except ClientDisconnect:  # or the guard has heard enough
            return failure(413, "The request is too long.")
        try:
            payload = json.loads(body or b"{}")
            if not isinstance(payload, dict):
                raise ValueError(f"payload must be an object, got {payload!r:.80}.")
            answer = await self._in_thread(name, payload, request.state.annotator)
        except (ValueError, OverflowError, RecursionError) as error:
            return failure(400, str(error) or type(error).__name__)
        except LookupError as error:
            return failure(404, str(error.args[0] if error.args else error))
        return reply(json.dumps(answer).encode(), "application/json")

    def _in_thread(self, name, payload, annotator):
        threads = self._labels if name in ("events", "batch", "undo") else self._rest
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(
            threads, self.answers.answer, name, payload, annotator
        )

    async def picture(self, request):
        return await self._picture(request.path_params["item"], "full")

    async def thumb(self, request):
        return await self._picture(request.path_params["item"], "thumb")

    async def _picture(self, item, size):
        loop = asyncio.get_running_loop()
        try:
            body = await loop.run_in_executor(
                self._rest, self.pictures.encoded, item, size
            )
        except (LookupError, ValueError) as error:
            return failure(404, str(error.args[0] if error.args else error))
        # By number, and a number keeps its picture: no need to ask twice in a session.
        return reply(body, "image/webp", "private, max-age=3600")

    def close(self):
        self._labels.shutdown()
        self._rest.shutdown(cancel_futures=True)


def reply(body, media_type, cache="no-store", status=200):
    from starlette.responses import Response

    headers = {"content-type": media_type, "cache-control": cache}
    return Response(body, status, headers)


def failure(status, error):
    body = json.dumps({"error": error}).encode()
    return reply(body, "application/json", status=status)
